// SPDX-License-Identifier: GPL-2.0
/* TASK_CALL: what its flags mean, and what it refuses. */
#include "ring.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>

#define NR(a)	(sizeof(a) / sizeof((a)[0]))

/* Run @calls as the only request of a chain; its result. */
static int run_calls_with(struct io_uring_task_call *calls, unsigned int nr, unsigned int flags,
			  int *ret_next)
{
	struct ring r;

	ring_open(&r, 16);
	sqe_clone(&r, L, 0, 1);
	sqe_calls(&r, L, calls, nr, 2);
	r.sqes[(r.tail - 1) & *r.sq_mask].task_flags = flags;
	sqe(&r, IORING_OP_NOP, 0, 3);
	ring_run(&r, 3);
	/* what can't even be made ready takes the CLONE along */
	CHECK(results[1] > 0 || (results[1] == -ECANCELED && results[2] == -EINVAL));
	if (results[1] > 0)
		status_of(results[1]);
	if (ret_next)
		*ret_next = results[3];
	ring_close(&r);
	return results[2];
}

static int run_calls(struct io_uring_task_call *calls, unsigned int nr)
{
	return run_calls_with(calls, nr, 0, NULL);
}

static void result_of_a_call(void)
{
	struct io_uring_task_call calls[] = {
		CALL(SYS_umask, 027),
		CALL(SYS_umask, 022),
		CALL(SYS_getpid),
	};

	CHECK_IS(run_calls(calls, NR(calls)), 0);
	calls[1].flags = IORING_CALL_RESULT;
	CHECK_IS(run_calls(calls, NR(calls)), 027);
	calls[1].flags = 0;
	calls[2].flags = IORING_CALL_RESULT;
	CHECK(run_calls(calls, NR(calls)) > 1);
	CHECK(umask(022) != 027);
}

static void placed_descriptor(void)
{
	struct io_uring_task_call calls[] = {
		{ .nr = SYS_openat, .flags = IORING_CALL_FD | IORING_CALL_RESULT, .fd = 50,
		  .args = { (uint64_t)AT_FDCWD, P("/dev/null"), O_RDWR } },
		{ .nr = SYS_openat, .flags = IORING_CALL_FD, .fd = 50,
		  .args = { (uint64_t)AT_FDCWD, P("/"), O_PATH | O_DIRECTORY } },
		{ .nr = SYS_fcntl, .flags = IORING_CALL_STORE, .args = { 50, F_GETFD } },
		{ .nr = SYS_openat, .flags = IORING_CALL_STORE, .args = { 50, P("dev/null"), O_RDWR } },
	};
	int64_t flags = -1, low = -1;

	calls[2].store = P(&flags);
	calls[3].store = P(&low);
	CHECK_IS(run_calls(calls, NR(calls)), 50);
	CHECK_IS(flags, FD_CLOEXEC);
	/* the number that open chose is free again */
	CHECK(low >= 0 && low < 50);
	CHECK(fcntl(50, F_GETFD) < 0);
	calls[0].fd = -1;
	CHECK_IS(run_calls(calls, NR(calls)), -EBADF);
	calls[0].fd = 1 << 30;
	CHECK_IS(run_calls(calls, NR(calls)), -EBADF);
}

static void loaded_descriptors(void)
{
	int32_t pair[2] = { -1, -1 };
	char text[4] = "";
	struct io_uring_task_call calls[] = {
		CALL(SYS_pipe2, P(pair), O_CLOEXEC),
		{ .nr = SYS_write, .load = 1, .args = { P(&pair[1]), P("abc"), 3 } },
		{ .nr = SYS_read, .load = 1, .flags = IORING_CALL_RESULT,
		  .args = { P(&pair[0]), P(text), 3 } },
	};

	CHECK_IS(run_calls(calls, NR(calls)), 3);
	CHECK(!memcmp(text, "abc", 3));
	calls[1].load = 1 << 6;
	CHECK_IS(run_calls(calls, NR(calls)), -EINVAL);
	calls[1].load = 1;
	calls[1].args[0] = 8;
	CHECK_IS(run_calls(calls, NR(calls)), -EFAULT);
}

static void failures_and_cleanup(void)
{
	int64_t closed = -1, late = -1;
	struct io_uring_task_call calls[] = {
		{ .nr = SYS_openat, .flags = IORING_CALL_FD, .fd = 60,
		  .args = { (uint64_t)AT_FDCWD, P("/dev/null"), O_RDWR } },
		CALL(SYS_chdir, P("/nonexistent")),
		{ .nr = SYS_getpid, .flags = IORING_CALL_STORE, .store = P(&late) },
		{ .nr = SYS_close, .flags = IORING_CALL_ALWAYS | IORING_CALL_STORE,
		  .store = P(&closed), .args = { 60 } },
	};
	int next;

	CHECK_IS(run_calls_with(calls, NR(calls), 0, &next), -ENOENT);
	CHECK_IS(next, -ECANCELED);
	CHECK_IS(closed, 0);
	CHECK_IS(late, -1);
	CHECK_IS(run_calls_with(calls, NR(calls), IORING_TASK_ABSENT, &next), -ENOENT);
	CHECK_IS(next, 0);
	calls[1].args[0] = P("/dev/null/x");
	CHECK_IS(run_calls_with(calls, NR(calls), IORING_TASK_ABSENT, &next), -ENOTDIR);
	CHECK_IS(next, 0);
	calls[1].args[0] = 8;
	CHECK_IS(run_calls_with(calls, NR(calls), IORING_TASK_ABSENT, &next), -EFAULT);
	CHECK_IS(next, -ECANCELED);
	/* a clean-up that fails is nobody's failure */
	calls[1] = (struct io_uring_task_call)CALL(SYS_close, 60);
	CHECK_IS(run_calls_with(calls, NR(calls), 0, &next), 0);
	CHECK_IS(closed, -EBADF);
}

static void needed_descriptor(void)
{
	struct io_uring_task_call calls[] = {
		{ .nr = SYS_fcntl, .flags = IORING_CALL_NEED, .args = { 999, F_GETFD } },
		CALL(SYS_getpid),
	};
	int next;

	CHECK_IS(run_calls_with(calls, NR(calls), 0, &next), -ECANCELED);
	CHECK_IS(next, 0);
}

static void skipping(void)
{
	struct io_uring_task_call calls[] = {
		{ .nr = SYS_mkdirat, .flags = IORING_CALL_SKIP_ERR, .error = EEXIST, .skip = 1,
		  .args = { (uint64_t)AT_FDCWD, P("/dev"), 0755 } },
		CALL(SYS_chdir, P("/nonexistent")),
		{ .nr = SYS_getpid, .flags = IORING_CALL_SKIP_OK, .skip = 2 },
		CALL(SYS_chdir, P("/nonexistent")),
		CALL(SYS_chdir, P("/nonexistent")),
		{ .nr = SYS_chdir, .flags = IORING_CALL_SKIP_ERR, .args = { P("/nonexistent") } },
		{ .nr = SYS_getppid, .flags = IORING_CALL_RESULT | IORING_CALL_SKIP_OK, .skip = 65535 },
		CALL(SYS_chdir, P("/nonexistent")),
	};

	CHECK_IS(run_calls(calls, NR(calls)), getpid());
	calls[0].error = ENOENT;
	CHECK_IS(run_calls(calls, NR(calls)), -EEXIST);
}

static void comparing(void)
{
	uint32_t a = 0x12345678, b = 0x12345600;
	struct io_uring_task_call t = CALL(IORING_CALL_TEST, P(&a), 4, 0xffffffff, 0x12345678,
					   IORING_TEST_EQ, EBUSY);

	CHECK_IS(run_calls(&t, 1), 0);
	t.args[3]++;
	CHECK_IS(run_calls(&t, 1), -EBUSY);
	t.args[4] = IORING_TEST_NE;
	CHECK_IS(run_calls(&t, 1), 0);
	t.args[4] = IORING_TEST_LT;
	CHECK_IS(run_calls(&t, 1), 0);
	t.args[4] = IORING_TEST_GE;
	CHECK_IS(run_calls(&t, 1), -EBUSY);
	t.args[3] = P(&b);
	t.args[4] = IORING_TEST_EQ | IORING_TEST_MEM;
	CHECK_IS(run_calls(&t, 1), -EBUSY);
	t.args[2] = 0xffffff00;
	CHECK_IS(run_calls(&t, 1), 0);
	t.args[1] = 3;
	CHECK_IS(run_calls(&t, 1), -EINVAL);
	t.args[1] = 4;
	t.args[0] = 8;
	CHECK_IS(run_calls(&t, 1), -EFAULT);
	t.args[0] = 0;
	CHECK_IS(run_calls(&t, 1), -EBUSY);
	t.args[5] = 0;
	CHECK_IS(run_calls(&t, 1), -EINVAL);
}

static void not_in_the_table(void)
{
	static const int refused[] = {
		SYS_mmap, SYS_munmap, SYS_brk, SYS_mprotect, SYS_fork, SYS_vfork, SYS_clone,
		SYS_execve, SYS_execveat, SYS_exit, SYS_rt_sigreturn, SYS_ptrace, SYS_arch_prctl,
		SYS_io_uring_enter, SYS_io_uring_setup, SYS_pause, SYS_reboot, SYS_restart_syscall,
		100000, -1,
	};
	struct io_uring_task_call c = { 0 };

	for (unsigned int i = 0; i < NR(refused); i++) {
		c.nr = (uint32_t)refused[i];
		CHECK_IS(run_calls(&c, 1), -ENOSYS);
	}
	c = (struct io_uring_task_call)CALL(SYS_prctl, PR_SET_MM, 1);
	CHECK_IS(run_calls(&c, 1), -EINVAL);
	c = (struct io_uring_task_call)CALL(SYS_prctl, PR_SET_SECCOMP, 1);
	CHECK_IS(run_calls(&c, 1), -EINVAL);
	c = (struct io_uring_task_call)CALL(SYS_seccomp, SECCOMP_SET_MODE_STRICT);
	CHECK_IS(run_calls(&c, 1), -EINVAL);
	c = (struct io_uring_task_call)CALL(SYS_getpid);
	c.flags = 1 << 7;
	CHECK_IS(run_calls(&c, 1), -EINVAL);
	c.flags = 0;
	c.resv = 1;
	CHECK_IS(run_calls(&c, 1), -EINVAL);
	CHECK_IS(run_calls((void *)8, 1), -EFAULT);
	CHECK_IS(run_calls(&c, 0), -EINVAL);
	CHECK_IS(run_calls(&c, IORING_SPAWN_MAX_CALLS + 1), -EINVAL);
}

static void exit_status(void)
{
	struct io_uring_task_call calls[] = {
		CALL(SYS_exit_group, 42),
		CALL(SYS_chdir, P("/nonexistent")),
	};
	struct ring r;

	ring_open(&r, 16);
	sqe_clone(&r, L, 0, 1);
	sqe_calls(&r, L, calls, 2, 2);
	sqe(&r, IORING_OP_NOP, 0, 3);
	ring_run(&r, 3);
	CHECK_IS(results[2], 0);
	CHECK_IS(results[3], -ECANCELED);
	CHECK(exited_with(results[1], 42));
	ring_close(&r);
}

/* A whole sandbox, as far as it goes without network: the script sees it. */
static void whole_sandbox(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct no_caps[2] = { 0 };
	struct { uint64_t soft, hard; } nofile = { 64, 64 };
	struct { uint64_t set, clr, propagation, userns; } ro = { 1 /* RDONLY */, 0, 0, 0 };
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sethostname, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { NR(insns), insns };
	struct { uint64_t fs; } rules = { LANDLOCK_ACCESS_FS_MAKE_DIR };
	struct io_uring_task_call mounts[] = {
		CALL(SYS_mount, 0, P("/"), 0, MS_REC | MS_PRIVATE),
		{ .nr = 428 /* open_tree */, .flags = IORING_CALL_FD, .fd = 100,
		  .args = { (uint64_t)AT_FDCWD, P("/bin"), 1 | O_CLOEXEC } },
		{ .nr = 442 /* mount_setattr */, .args = { 100, P(""), AT_EMPTY_PATH, P(&ro), 32 } },
		{ .nr = 430 /* fsopen */, .flags = IORING_CALL_FD, .fd = 101, .args = { P("tmpfs"), 1 } },
		{ .nr = 431 /* fsconfig */, .args = { 101, 1, P("size"), P("1m") } },
		{ .nr = 431, .args = { 101, 6 } },
		{ .nr = 432 /* fsmount */, .flags = IORING_CALL_FD, .fd = 102, .args = { 101, 1 } },
		{ .nr = SYS_close, .flags = IORING_CALL_ALWAYS, .args = { 101 } },
		{ .nr = 429 /* move_mount */, .args = { 102, P(""), (uint64_t)AT_FDCWD, P("/mnt"), 4 } },
		CALL(SYS_mkdirat, 102, P("bin"), 0755),
		CALL(SYS_mkdirat, 102, P("proc"), 0755),
		{ .nr = 429, .args = { 100, P(""), 102, P("bin"), 4 } },
		CALL(SYS_fchdir, 102),
		CALL(SYS_mount, P("proc"), P("proc"), P("proc")),
		CALL(SYS_pivot_root, P("."), P(".")),
		CALL(SYS_umount2, P("."), MNT_DETACH),
		CALL(SYS_chdir, P("/")),
	};
	struct io_uring_task_call state[] = {
		CALL(SYS_sethostname, P("sandbox"), 7),
		CALL(SYS_prlimit64, 0, RLIMIT_NOFILE, P(&nofile)),
		CALL(SYS_setsid),
		CALL(SYS_umask, 077),
		CALL(SYS_setpriority, PRIO_PROCESS, 0, 5),
		CALL(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1),
		CALL(SYS_setgroups),
		CALL(SYS_setresgid, 1000, 1000, 1000),
		CALL(SYS_setresuid, 1000, 1000, 1000),
		CALL(SYS_capset, P(&head), P(no_caps)),
		{ .nr = 444 /* landlock_create_ruleset */, .flags = IORING_CALL_FD, .fd = 60,
		  .args = { P(&rules), 8 } },
		{ .nr = 446 /* landlock_restrict_self */, .args = { 60 } },
		CALL(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, P(&filter)),
	};
	struct ring r;
	int p[2];

	ring_open(&r, 16);
	CHECK(!pipe2(p, O_CLOEXEC));
	sqe_clone(&r, L, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWIPC, 1);
	sqe_calls(&r, L, mounts, NR(mounts), 2);
	sqe_calls(&r, L, state, NR(state), 3);
	sqe_dup(&r, L, p[1], 1, 4);
	sqe_shell(&r, 0, "echo $$; cat /proc/sys/kernel/hostname; id -u; ulimit -n; umask; "
		  "mkdir /x 2>&1; touch /bin/y 2>&1; grep -E 'CapEff|NoNew|Seccomp:' /proc/self/status;"
		  "set -- /proc/self/fd/*; echo $#", 5);
	ring_run(&r, 5);
	for (int i = 2; i <= 5; i++)
		CHECK(results[i] >= 0);
	if (results[2] < 0 || results[3] < 0)
		printf("  results %d %d\n", results[2], results[3]);
	close(p[1]);
	{
		const char *text = slurp(p[0]);
		const char *want = "1\nsandbox\n1000\n64\n0077\n"
			"mkdir: can't create directory '/x': Permission denied\n"
			"touch: /bin/y: Read-only file system\n"
			"CapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n";

		if (strncmp(text, want, strlen(want)) != 0)
			printf("%s", text);
		CHECK(!strncmp(text, want, strlen(want)));
	}
	CHECK(exited_with(results[1], 0));
	ring_close(&r);
}

const struct test call_tests[] = {
	{ "result of a call", result_of_a_call },
	{ "placed descriptor", placed_descriptor },
	{ "loaded descriptors", loaded_descriptors },
	{ "failures and cleanup", failures_and_cleanup },
	{ "needed descriptor", needed_descriptor },
	{ "skipping", skipping },
	{ "comparing", comparing },
	{ "not in the table", not_in_the_table },
	{ "exit status", exit_status },
	{ "whole sandbox", whole_sandbox },
	{ NULL, NULL }
};
