/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The simulator beside the kernel: the same program, the same calls. */
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "model.h"

static bool install(const struct rf_filter *f)
{
	struct sock_fprog prog = { .len = (unsigned short)f->nr,
				   .filter = (struct sock_filter *)(uintptr_t)f->insns };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0;
}

/* @body in a child under @f; how the child ended. */
static int under(const struct rf_filter *f, int (*body)(const struct rf_filter *f))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(install(f) ? body(f) : 99);
	EXPECT_INT(pid, waitpid(pid, &status, 0));
	SKIP_UNLESS(!WIFEXITED(status) || WEXITSTATUS(status) != 99, "seccomp",
		    "no seccomp filters here");
	return status;
}

/* Calls that do no harm where they are let through: what they get is EFAULT and the like. */
static int compare(const struct rf_filter *f)
{
	static const uint64_t args[] = { 0, 1, 38, 40, 0x5412, 0x541c, 0x100005412, 0x10000000,
					 0x20000000, 0xffffffff, UINT64_MAX };
	static const char *const calls[] = {
		"ioctl", "socket", "socketpair", "unshare", "keyctl", "add_key", "request_key",
		"io_uring_setup", "bpf", "perf_event_open", "userfaultfd", "mount", "umount2",
		"pivot_root", "setns", "ptrace", "process_vm_readv", "kcmp", "open_by_handle_at",
		"init_module", "finit_module", "kexec_load", "swapon", "quotactl", "clone3",
		"open_tree", "fsopen", "getpid", "getppid", "syslog", "acct", "_sysctl",
	};
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		for (size_t k = 0; k < ARRAY_SIZE(args); k++) {
			struct seccomp_data data = { .arch = rf_abi_defs[rf_abi_native()].arch };
			uint32_t want;
			long got;

			data.nr = rf_syscall_number(data.arch, calls[i]);
			if (data.nr < 0)
				continue;
			/* for descriptors one that is none; what is looked at gets all values */
			data.args[0] = strcmp(calls[i], "ioctl") ? args[k] : UINT32_MAX;
			data.args[1] = args[k];
			want = rf_filter_run(f->insns, f->nr, &data);
			if (want == SECCOMP_RET_ALLOW && strcmp(calls[i], "ioctl") &&
			    strncmp(calls[i], "socket", 6) && strncmp(calls[i], "getp", 4))
				continue;
			errno = 0;
			got = syscall(data.nr, data.args[0], data.args[1], 0, 0, 0, 0);
			if ((want & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO ?
			    got != -1 || errno != (int)(want & SECCOMP_RET_DATA) :
			    got == -1 && (errno == EPERM || errno == ENOSYS)) {
				printf("# %s %#llx: simulator %#x, kernel %ld %s\n", calls[i],
				       (unsigned long long)args[k], want, got, strerror(errno));
				fflush(stdout);
				wrong = 1;
			}
		}
	for (int nr = 471; nr < 1200; nr++)
		if (syscall(nr, 0, 0, 0, 0, 0, 0) != -1 || errno != ENOSYS)
			wrong = 2;
	return wrong;
}

TEST(the_kernel_answers_as_the_simulator_does)
{
	static const char *const presets[] = { "default", "build" };

	for (size_t i = 0; i < ARRAY_SIZE(presets); i++) {
		struct rf_filter f;
		int status;

		EXPECT_INT(0, rf_filter_preset(presets[i], &f));
		status = under(&f, compare);
		if (status)
			fail_msg("%s: status %#x", presets[i], status);
	}
}

static int exec_true(const struct rf_filter *f)
{
	(void)f;
	execl("/bin/true", "true", (char *)NULL);
	return 98;
}

TEST(strict_lets_a_program_begin_and_end)
{
	struct rf_filter f;

	EXPECT_INT(0, rf_filter_preset("strict", &f));
	EXPECT_INT(0, under(&f, exec_true));
}

#ifdef __x86_64__
static int call_x32(const struct rf_filter *f)
{
	(void)f;
	return syscall((int)(39 | RF_X32_BIT)) == -1 && errno == ENOSYS ? 0 : 1;
}

static long int80(long nr, long a, long b)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b) : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

/* getpid, ioctl TIOCSTI, clone(CLONE_NEWUSER), socketcall(SOCKET) of i386 */
static int call_i386(const struct rf_filter *f)
{
	(void)f;
	/* not to the handler of the test */
	(void)signal(SIGSEGV, SIG_DFL);
	if (int80(20, 0, 0) != getpid())
		return 97;
	return int80(54, 0, 0x5412) == -EPERM && int80(120, 0x10000000, 0) == -EPERM &&
	       int80(102, 1, 0) == -ENOSYS && int80(9999, 0, 0) == -ENOSYS ? 0 : 1;
}

TEST(other_architectures_are_no_way_around)
{
	struct rf_filter f;
	int status;

	EXPECT_INT(0, rf_filter_preset("default", &f));
	EXPECT_INT(0, under(&f, call_x32));
	status = under(&f, call_i386);
	SKIP_UNLESS(!(WIFEXITED(status) && WEXITSTATUS(status) == 97) && !WIFSIGNALED(status), "i386",
		    "this kernel runs no i386 programs");
	EXPECT_INT(0, status);
}
#endif
