/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "syscalls.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <stddef.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
const uint32_t call_arch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
const uint32_t call_arch = AUDIT_ARCH_AARCH64;
#endif

#define NONE		{ -1, -1, 0 }
#define AT(d, p, w)	{ (d), (p), (w) }
#define CWD(p, w)	{ -1, (p), (w) }
#define ONE(call, path)	{ __NR_##call, #call, CALL_PATH, -1, { path, NONE } }
#define TWO(call, ...)	{ __NR_##call, #call, CALL_PATH, -1, { __VA_ARGS__ } }
#define KIND(call, kind, extra, path) { __NR_##call, #call, kind, extra, { path, NONE } }
#define CAP(call, cap)	{ __NR_##call, #call, CALL_CAPABILITY, cap, { NONE, NONE } }

static const struct call calls[] = {
#ifdef __NR_open	/* those that newer architectures have only as ...at */
	KIND(open, CALL_OPEN, 1, CWD(0, 0)),
	ONE(creat, CWD(0, WANTS_WRITE | WANTS_MAYBE)),
	ONE(stat, CWD(0, WANTS_STAT)),
	ONE(lstat, CWD(0, WANTS_STAT | WANTS_LINK)),
	ONE(access, CWD(0, WANTS_STAT)),
	ONE(readlink, CWD(0, WANTS_STAT | WANTS_LINK)),
	ONE(mkdir, CWD(0, WANTS_MAKE)),
	ONE(rmdir, CWD(0, WANTS_MAKE)),
	ONE(unlink, CWD(0, WANTS_MAKE)),
	ONE(mknod, CWD(0, WANTS_MAKE)),
	ONE(symlink, CWD(1, WANTS_MAKE)),
	TWO(link, CWD(0, WANTS_STAT | WANTS_LINK), CWD(1, WANTS_MAKE)),
	TWO(rename, CWD(0, WANTS_MAKE), CWD(1, WANTS_MAKE)),
	ONE(chmod, CWD(0, WANTS_WRITE)),
	ONE(chown, CWD(0, WANTS_WRITE)),
	ONE(lchown, CWD(0, WANTS_WRITE | WANTS_LINK)),
	ONE(utime, CWD(0, WANTS_WRITE)),
	ONE(utimes, CWD(0, WANTS_WRITE)),
	ONE(futimesat, AT(0, 1, WANTS_WRITE)),
#endif
	KIND(openat, CALL_OPEN, 2, AT(0, 1, 0)),
	KIND(openat2, CALL_OPENAT2, 2, AT(0, 1, 0)),
#ifdef __NR_newfstatat
	ONE(newfstatat, AT(0, 1, WANTS_STAT)),
#endif
	ONE(statx, AT(0, 1, WANTS_STAT)),
	ONE(faccessat, AT(0, 1, WANTS_STAT)),
	ONE(faccessat2, AT(0, 1, WANTS_STAT)),
	ONE(readlinkat, AT(0, 1, WANTS_STAT | WANTS_LINK)),
	ONE(statfs, CWD(0, WANTS_STAT)),
	ONE(getxattr, CWD(0, WANTS_STAT)),
	ONE(lgetxattr, CWD(0, WANTS_STAT | WANTS_LINK)),
	ONE(listxattr, CWD(0, WANTS_STAT)),
	ONE(llistxattr, CWD(0, WANTS_STAT | WANTS_LINK)),
	ONE(inotify_add_watch, CWD(1, WANTS_STAT)),
	ONE(chdir, CWD(0, WANTS_STAT)),
	ONE(execve, CWD(0, WANTS_EXEC)),
	ONE(execveat, AT(0, 1, WANTS_EXEC)),
	ONE(mkdirat, AT(0, 1, WANTS_MAKE)),
	ONE(mknodat, AT(0, 1, WANTS_MAKE)),
	ONE(unlinkat, AT(0, 1, WANTS_MAKE)),
	ONE(symlinkat, AT(1, 2, WANTS_MAKE)),
	TWO(linkat, AT(0, 1, WANTS_STAT | WANTS_LINK), AT(2, 3, WANTS_MAKE)),
#ifdef __NR_renameat
	TWO(renameat, AT(0, 1, WANTS_MAKE), AT(2, 3, WANTS_MAKE)),
#endif
	TWO(renameat2, AT(0, 1, WANTS_MAKE), AT(2, 3, WANTS_MAKE)),
	ONE(truncate, CWD(0, WANTS_WRITE)),
	ONE(fchmodat, AT(0, 1, WANTS_WRITE)),
	ONE(fchownat, AT(0, 1, WANTS_WRITE)),
	ONE(utimensat, AT(0, 1, WANTS_WRITE)),
	ONE(setxattr, CWD(0, WANTS_WRITE)),
	ONE(lsetxattr, CWD(0, WANTS_WRITE | WANTS_LINK)),
	ONE(removexattr, CWD(0, WANTS_WRITE)),
	ONE(lremovexattr, CWD(0, WANTS_WRITE | WANTS_LINK)),

	KIND(connect, CALL_CONNECT, -1, NONE),
	KIND(bind, CALL_BIND, -1, NONE),
	KIND(sendto, CALL_SENDTO, -1, NONE),
	KIND(ptrace, CALL_PTRACE, -1, NONE),

	CAP(mount, CAP_SYS_ADMIN), CAP(umount2, CAP_SYS_ADMIN), CAP(pivot_root, CAP_SYS_ADMIN),
	CAP(move_mount, CAP_SYS_ADMIN), CAP(open_tree, CAP_SYS_ADMIN), CAP(fsopen, CAP_SYS_ADMIN),
	CAP(mount_setattr, CAP_SYS_ADMIN), CAP(setns, CAP_SYS_ADMIN), CAP(unshare, CAP_SYS_ADMIN),
	CAP(sethostname, CAP_SYS_ADMIN), CAP(setdomainname, CAP_SYS_ADMIN),
	CAP(swapon, CAP_SYS_ADMIN), CAP(swapoff, CAP_SYS_ADMIN), CAP(quotactl, CAP_SYS_ADMIN),
	CAP(bpf, CAP_BPF), CAP(perf_event_open, CAP_PERFMON), CAP(syslog, CAP_SYSLOG),
	CAP(chroot, CAP_SYS_CHROOT), CAP(reboot, CAP_SYS_BOOT), CAP(acct, CAP_SYS_PACCT),
	CAP(init_module, CAP_SYS_MODULE), CAP(finit_module, CAP_SYS_MODULE),
	CAP(delete_module, CAP_SYS_MODULE), CAP(settimeofday, CAP_SYS_TIME),
	CAP(clock_settime, CAP_SYS_TIME), CAP(setuid, CAP_SETUID), CAP(setreuid, CAP_SETUID),
	CAP(setresuid, CAP_SETUID), CAP(setgid, CAP_SETGID), CAP(setregid, CAP_SETGID),
	CAP(setresgid, CAP_SETGID), CAP(setgroups, CAP_SETGID), CAP(setpriority, CAP_SYS_NICE),
	CAP(sched_setscheduler, CAP_SYS_NICE), CAP(sched_setattr, CAP_SYS_NICE),
	CAP(socket, CAP_NET_RAW), CAP(fchown, CAP_CHOWN), CAP(open_by_handle_at, CAP_DAC_READ_SEARCH),
};

const struct call *call_find(uint64_t nr)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if ((uint64_t)calls[i].nr == nr)
			return &calls[i];
	return NULL;
}
