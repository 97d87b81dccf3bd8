// SPDX-License-Identifier: GPL-2.0
/* Filters: the submitter's, and those that a chain sets itself. */
#include "ring.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>

#define NR(a)	(sizeof(a) / sizeof((a)[0]))

static void install_filter(int nr, uint32_t action)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { NR(insns), insns };

	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter));
}

/* What a filter denies is denied, in whichever way it is asked for. */
static void filtered_submitter(void)
{
	struct io_uring_task_call umask_call = { .nr = SYS_umask };
	char *const argv[] = { "busybox", "true", NULL };
	struct ring r;

	ring_open(&r, 16);
	install_filter(SYS_unshare, SECCOMP_RET_ERRNO | 71);
	install_filter(SYS_mount, SECCOMP_RET_ERRNO | 72);
	install_filter(SYS_execve, SECCOMP_RET_ERRNO | 73);
	install_filter(SYS_dup3, SECCOMP_RET_ERRNO | 74);
	install_filter(SYS_umask, SECCOMP_RET_ERRNO | 75);
	install_filter(SYS_setns, SECCOMP_RET_ERRNO | 76);
	sqe_clone(&r, L, 0, 1);
	sqe_unshare(&r, H, CLONE_NEWUTS, 2);
	sqe_mount(&r, H, "t", "/mnt", "tmpfs", 0, 3);
	sqe_exec(&r, H, "/bin/busybox", argv, 4);
	sqe_dup(&r, H, 1, 7, 5);
	sqe_calls(&r, H, &umask_call, 1, 6);
	sqe(&r, IORING_OP_SETNS, H, 7);
	/* requests that no filter sees are not to be had beside one */
	sqe_open(&r, H, "/dev/null", O_RDONLY, 0, 8);
	sqe(&r, IORING_OP_NOP, 0, 9);
	ring_run(&r, 9);
	CHECK(results[1] > 0);
	for (int i = 2; i <= 7; i++)
		CHECK_IS(results[i], -(69 + i));
	CHECK_IS(results[8], -EACCES);
	CHECK_IS(results[9], -EACCES);
	CHECK(died_of(results[1], SIGKILL));
	install_filter(SYS_clone, SECCOMP_RET_ERRNO | 70);
	sqe_clone(&r, H, 0, 1);
	sqe(&r, IORING_OP_NOP, 0, 2);
	ring_run(&r, 2);
	CHECK_IS(results[1], -70);
	CHECK_IS(results[2], -ECANCELED);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void filter_denies(void)
{
	in_child(filtered_submitter);
}

static void killing_filter(void)
{
	struct io_uring_task_call calls[] = {
		CALL(SYS_getpid),
		CALL(SYS_umask, 022),
		CALL(SYS_getpid),
	};
	struct ring r;

	ring_open(&r, 16);
	install_filter(SYS_umask, SECCOMP_RET_KILL_PROCESS);
	sqe_clone(&r, L, 0, 1);
	sqe_calls(&r, H, calls, NR(calls), 2);
	sqe(&r, IORING_OP_NOP, 0, 3);
	ring_run(&r, 3);
	CHECK(results[2] < 0);
	CHECK_IS(results[3], -ECANCELED);
	CHECK(died_of(results[1], SIGSYS));
	install_filter(SYS_getpid, SECCOMP_RET_KILL_THREAD);
	sqe_clone(&r, L, 0, 1);
	sqe_calls(&r, H, calls, NR(calls), 2);
	sqe(&r, IORING_OP_NOP, 0, 3);
	ring_run(&r, 3);
	CHECK_IS(results[3], -ECANCELED);
	CHECK(died_of(results[1], SIGSYS));
	install_filter(SYS_getppid, SECCOMP_RET_TRAP);
	calls[0].nr = SYS_getppid;
	sqe_clone(&r, L, 0, 1);
	sqe_calls(&r, H, calls, 1, 2);
	sqe(&r, IORING_OP_NOP, 0, 3);
	ring_run(&r, 3);
	CHECK(died_of(results[1], SIGSYS));
}

static void filter_kills(void)
{
	in_child(killing_filter);
}

/* A filter that the chain itself sets holds from there on. */
static void filter_of_the_chain(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_chdir, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 66),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { NR(insns), insns };
	struct io_uring_task_call calls[] = {
		CALL(SYS_chdir, P("/tmp")),
		CALL(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1),
		CALL(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, P(&filter)),
		CALL(SYS_chdir, P("/")),
	};

	struct ring r;

	ring_open(&r, 16);
	sqe_clone(&r, L, 0, 1);
	sqe_calls(&r, 0, calls, NR(calls), 2);
	ring_run(&r, 2);
	CHECK_IS(results[2], -66);
	CHECK(died_of(results[1], SIGKILL));
	ring_close(&r);
}

/* A supervisor decides about calls of a chain, and the CLONE itself is refused. */
static void supervised(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_chdir, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { NR(insns), insns };
	struct io_uring_task_call calls[] = {
		{ .nr = SYS_chdir, .flags = IORING_CALL_RESULT, .args = { P("/tmp") } },
		CALL(SYS_chdir, P("/")),
	};
	struct seccomp_notif_resp resp = { 0 };
	struct seccomp_notif n = { 0 };
	struct ring r;
	int listener;

	ring_open(&r, 16);
	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
	CHECK(listener >= 0);
	sqe_clone(&r, L, 0, 1);
	sqe_calls(&r, 0, calls, 2, 2);
	ring_run(&r, 1);
	CHECK(results[1] > 0);
	{
		const pid_t pid = results[1];

		CHECK(!ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n));
		CHECK_IS(n.pid, pid);
		CHECK_IS(n.data.nr, SYS_chdir);
		CHECK_IS(n.data.args[0], calls[0].args[0]);
		resp.id = n.id;
		resp.val = 55;
		CHECK(!ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp));
		memset(&n, 0, sizeof(n));
		CHECK(!ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n));
		resp = (struct seccomp_notif_resp){ .id = n.id,
						    .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
		CHECK(!ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp));
		ring_collect(&r, 1);
		CHECK_IS(results[2], 55);
		CHECK(exited_with(pid, 0));
	}
	/* what would need an answer while a lock is held */
	install_filter(SYS_clone, SECCOMP_RET_TRACE);
	sqe_clone(&r, L, 0, 1);
	sqe(&r, IORING_OP_NOP, 0, 2);
	ring_run(&r, 2);
	CHECK_IS(results[1], -EACCES);
	CHECK_IS(results[2], -ECANCELED);
	close(listener);
}

static void filter_asks(void)
{
	in_child(supervised);
}

/* Without a tracer that wants to know of it, such a call is -ENOSYS; with one it is made. */
static void filter_tells_a_tracer(void)
{
	struct io_uring_task_call c = { .nr = SYS_umask, .args = { 022 } };
	struct ring r;
	pid_t pid;
	int status, seen = 0;

	ring_open(&r, 16);
	install_filter(SYS_umask, SECCOMP_RET_TRACE | 7);
	sqe_linger(&r, L, 0, 1);
	sqe_calls(&r, 0, &c, 1, 2);
	ring_run(&r, 2);
	CHECK_IS(results[2], -ENOSYS);
	pid = results[1];
	CHECK(!ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESECCOMP));
	c.flags = IORING_CALL_RESULT;
	sqe_resume(&r, L, pid, 1);
	r.sqes[(r.tail - 1) & *r.sq_mask].resume_flags = IORING_RESUME_LAST;
	sqe_calls(&r, 0, &c, 1, 2);
	ring_submit(&r, 0);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		seen += status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
		ptrace(PTRACE_CONT, pid, 0, 0);
	}
	ring_collect(&r, 2);
	CHECK_IS(seen, 1);
	CHECK(results[2] >= 0);
}

static void filter_traces(void)
{
	in_child(filter_tells_a_tracer);
}

const struct test filter_tests[] = {
	{ "filter denies", filter_denies },
	{ "filter kills", filter_kills },
	{ "filter of the chain", filter_of_the_chain },
	{ "filter asks", filter_asks },
	{ "filter traces", filter_traces },
	{ NULL, NULL }
};
