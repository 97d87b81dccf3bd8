/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "calls.h"

#include <linux/audit.h>
#include <string.h>

#include "policy.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

const struct rf_abi_def rf_abi_defs[RF_ABI_NR] = {
	[RF_ABI_X86_64]	 = { "x86_64", AUDIT_ARCH_X86_64, RF_ABI_X86_64, 1 },
	[RF_ABI_X32]	 = { "x32", AUDIT_ARCH_X86_64, RF_ABI_X86_64, 1 },
	[RF_ABI_I386]	 = { "i386", AUDIT_ARCH_I386, RF_ABI_X86_64, 0 },
	[RF_ABI_ARM]	 = { "arm", AUDIT_ARCH_ARM, RF_ABI_AARCH64, 0 },
	[RF_ABI_AARCH64] = { "aarch64", AUDIT_ARCH_AARCH64, RF_ABI_AARCH64, 1 },
};

#define GROUP(id, name, help)	[RF_GROUP_##id] = { name, help }

const struct rf_group_def rf_group_defs[RF_GROUP_NR + 1] = {
	GROUP(IO, "io", "what is done with an open descriptor: read, write, ioctl, fcntl, close"),
	GROUP(EVENT, "event", "waiting for descriptors: poll, select, epoll, eventfd, inotify"),
	GROUP(AIO, "aio", "asynchronous input and output of the old kind (io_submit)"),
	GROUP(IO_URING, "io-uring", "io_uring, whose operations no filter sees"),
	GROUP(FILE_SYSTEM, "file-system", "files and directories by name: open, stat, rename, chmod"),
	GROUP(XATTR, "xattr", "extended attributes"),
	GROUP(FILE_HANDLE, "file-handle", "files by handle, past the checks of their directories"),
	GROUP(MEMORY, "memory", "the own address space: mmap, mprotect, brk, memfd_create"),
	GROUP(NUMA, "numa", "memory policy and the migration of pages"),
	GROUP(PROCESS, "process", "processes and threads: clone, execve, exit, wait, prctl"),
	GROUP(SYNC, "sync", "futexes"),
	GROUP(SIGNAL, "signal", "signals"),
	GROUP(TIME, "time", "reading clocks, sleeping, timers"),
	GROUP(CLOCK, "clock", "setting the clock"),
	GROUP(IDENTITY, "identity", "asking for one's user, groups and capabilities"),
	GROUP(CREDENTIALS, "credentials", "changing user, groups and capabilities"),
	GROUP(RESOURCES, "resources", "limits, priorities, scheduling, usage"),
	GROUP(SYSTEM, "system", "facts about the machine: uname, sysinfo, getrandom"),
	GROUP(IPC, "ipc", "pipes, System V IPC, message queues"),
	GROUP(NETWORK, "network", "sockets of every family"),
	GROUP(SANDBOX, "sandbox", "restricting oneself further: seccomp, Landlock"),
	GROUP(MOUNT, "mount", "mounting, changing the root"),
	GROUP(NAMESPACE, "namespace", "making and entering namespaces (clone can too)"),
	GROUP(KEYRING, "keyring", "the kernel's keyrings"),
	GROUP(DEBUG, "debug", "reading and steering other processes: ptrace, process_vm_readv"),
	GROUP(KERNEL_TRACE, "kernel-trace", "looking into the kernel: bpf, perf, fanotify, userfaultfd, its log"),
	GROUP(MODULE, "module", "kernel modules"),
	GROUP(REBOOT, "reboot", "rebooting, loading another kernel"),
	GROUP(SWAP, "swap", "swap space"),
	GROUP(RAW_IO, "raw-io", "input and output ports, segments, virtual 8086 mode"),
	GROUP(ADMINISTRATION, "administration", "host name, quotas, accounting, hanging up"),
	GROUP(OBSOLETE, "obsolete", "calls that kernels no longer have"),
};

int rf_call_find(const char *name)
{
	size_t low = 0, high = RF_CALLS_NR;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int d = strcmp(name, rf_calls[mid].name);

		if (d == 0)
			return (int)mid;
		if (d < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return -1;
}

int rf_call_by_nr(enum rf_abi abi, uint32_t nr)
{
	if (abi == RF_ABI_X32)
		nr &= ~RF_X32_BIT;
	for (int i = 0; i < RF_CALLS_NR; i++)
		if (rf_calls[i].nr[abi] >= 0 && (uint32_t)rf_calls[i].nr[abi] == nr)
			return i;
	return -1;
}

enum rf_abi rf_abi_of(uint32_t arch, uint32_t nr)
{
	switch (arch) {
	case AUDIT_ARCH_X86_64:
		/* -1 is what a tracer writes to skip a call, not one of x32 */
		return nr & RF_X32_BIT && nr != UINT32_MAX ? RF_ABI_X32 : RF_ABI_X86_64;
	case AUDIT_ARCH_I386:
		return RF_ABI_I386;
	case AUDIT_ARCH_ARM:
		return RF_ABI_ARM;
	case AUDIT_ARCH_AARCH64:
		return RF_ABI_AARCH64;
	default:
		return RF_ABI_NR;
	}
}

enum rf_abi rf_abi_native(void)
{
#if defined(__x86_64__)
	return RF_ABI_X86_64;
#elif defined(__aarch64__)
	return RF_ABI_AARCH64;
#else
#error no system calls for this machine
#endif
}

/* From linux/net.h and linux/ipc.h; the index is the sub-call. */
static const char *const socket_calls[] = {
	NULL, "socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername",
	"socketpair", "send", "recv", "sendto", "recvfrom", "shutdown", "setsockopt",
	"getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg", "sendmmsg"
};
static const char *const ipc_calls[] = {
	NULL, "semop", "semget", "semctl", "semtimedop", NULL, NULL, NULL, NULL, NULL, NULL,
	"msgsnd", "msgrcv", "msgget", "msgctl", NULL, NULL, NULL, NULL, NULL, NULL,
	"shmat", "shmdt", "shmget", "shmctl"
};

int rf_call_multiplexed(int call, uint32_t sub)
{
	const char *name = NULL;

	if (strcmp(rf_calls[call].name, "socketcall") == 0 && sub < ARRAY_SIZE(socket_calls))
		name = socket_calls[sub];
	/* the upper half of ipc's is a version */
	else if (strcmp(rf_calls[call].name, "ipc") == 0 && (sub & 0xffff) < ARRAY_SIZE(ipc_calls))
		name = ipc_calls[sub & 0xffff];
	return name ? rf_call_find(name) : -1;
}

bool rf_call_has_multiplexer(int call)
{
	for (size_t i = 0; i < ARRAY_SIZE(socket_calls); i++)
		if (socket_calls[i] && strcmp(socket_calls[i], rf_calls[call].name) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(ipc_calls); i++)
		if (ipc_calls[i] && strcmp(ipc_calls[i], rf_calls[call].name) == 0)
			return true;
	return false;
}

int rf_syscall_number(uint32_t arch, const char *name)
{
	enum rf_abi abi = rf_abi_of(arch, 0);
	int call = rf_call_find(name);

	return abi == RF_ABI_NR || call < 0 ? -1 : rf_calls[call].nr[abi];
}

const char *rf_syscall_name(uint32_t arch, int nr)
{
	enum rf_abi abi = rf_abi_of(arch, (uint32_t)nr);
	int call = abi == RF_ABI_NR || nr < 0 ? -1 : rf_call_by_nr(abi, (uint32_t)nr);

	return call < 0 ? NULL : rf_calls[call].name;
}
