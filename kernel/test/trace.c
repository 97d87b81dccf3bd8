// SPDX-License-Identifier: GPL-2.0
/* What a tracer sees of a chain, and signals. */
#include "ring.h"

#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/user.h>

static char *const true_argv[] = { "busybox", "true", NULL };

/* ------------------------------------------------------------------ signals */

static void on_alarm(int sig)
{
	(void)sig;
}

/* No CLONE fails for a signal that is pending, and none is lost. */
static void pending_signals(void)
{
	const struct itimerval fast = { { 0, 500 }, { 0, 500 } }, off = { 0 };
	struct ring r;
	int failed = 0;

	ring_open(&r, 64);
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &fast, NULL);
	for (int i = 0; i < 200; i++) {
		sqe_clone(&r, L, 0, 1);
		sqe(&r, IORING_OP_NOP, 0, 2);
		while (ring_submit(&r, 0) == -EINTR)
			;
		ring_collect(&r, 2);
		if (results[1] < 0)
			failed++;
		else
			CHECK(exited_with(results[1], 0));
	}
	setitimer(ITIMER_REAL, &off, NULL);
	CHECK_IS(failed, 0);
	ring_close(&r);
}

static volatile sig_atomic_t handled;

static void on_usr1(int sig)
{
	(void)sig;
	handled++;
}

/* A handler is the submitter's, not the task's; a mask is what it was. */
static void handlers_and_masks(void)
{
	struct io_uring_task_call raise_usr1 = CALL(SYS_kill, 0, SIGUSR1);
	uint64_t mask = 0;
	struct io_uring_task_call get_mask = CALL(SYS_rt_sigprocmask, 0, 0, P(&mask), 8);
	sigset_t set, old;
	struct ring r;

	ring_open(&r, 16);
	signal(SIGUSR1, on_usr1);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_SETMASK, &set, &old);
	sqe_linger(&r, L, 0, 1);
	sqe_calls(&r, 0, &get_mask, 1, 2);
	ring_run(&r, 2);
	CHECK_IS(results[2], 0);
	CHECK_IS(mask, 1ULL << (SIGUSR2 - 1));
	raise_usr1.args[0] = (uint64_t)results[1];
	{
		pid_t pid = results[1];

		sqe_resume(&r, L, pid, 1);
		sqe_calls(&r, L, &raise_usr1, 1, 2);
		sqe(&r, IORING_OP_NOP, 0, 3);
		ring_run(&r, 3);
		CHECK_IS(results[3], -ECANCELED);
		CHECK(died_of(pid, SIGUSR1));
	}
	CHECK_IS(handled, 0);
	sigprocmask(SIG_SETMASK, NULL, &set);
	CHECK(sigismember(&set, SIGUSR2) && !sigismember(&set, SIGUSR1));
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGUSR1, SIG_DFL);
	ring_close(&r);
}

/* Stopped and continued in the middle of a call: it goes on as if nothing was. */
static void stopped_in_a_call(void)
{
	struct timespec { long s, ns; } t = { 0, 100000000 };
	char text[4] = "";
	struct io_uring_task_call calls[] = {
		CALL(SYS_nanosleep, P(&t)),
		{ .nr = SYS_read, .args = { 0, P(text), 4 }, .flags = IORING_CALL_RESULT },
	};
	int p[2], status;
	struct ring r;
	pid_t pid;

	ring_open(&r, 16);
	CHECK(!pipe2(p, O_CLOEXEC));
	calls[1].args[0] = (uint64_t)p[0];
	sqe_clone(&r, L, 0, 1);
	sqe_calls(&r, 0, calls, 2, 2);
	ring_run(&r, 1);
	pid = results[1];
	for (int i = 0; i < 3; i++) {
		usleep(60000);
		kill(pid, SIGSTOP);
		CHECK_IS(waitpid(pid, &status, WUNTRACED), pid);
		CHECK(WIFSTOPPED(status));
		kill(pid, SIGCONT);
		CHECK_IS(waitpid(pid, &status, WCONTINUED), pid);
	}
	CHECK_IS(write(p[1], "data", 4), 4);
	ring_collect(&r, 1);
	CHECK_IS(results[2], 4);
	CHECK(exited_with(pid, 0));
	close(p[0]);
	close(p[1]);
	ring_close(&r);
}

/* ------------------------------------------------------------------ tracing */

struct seen {
	int	forks, execs, exits, stops;
	int	umask, unshare, execve, dup3;	/* calls entered */
	bool	all_through;
};

static void traced_submitter(void)
{
	struct io_uring_task_call calls[] = { CALL(SYS_umask, 022), CALL(SYS_umask, 022) };
	struct ring r;

	failures = 0;
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	ring_open(&r, 16);
	sqe_clone(&r, L, 0, 1);
	sqe_unshare(&r, L, CLONE_NEWUTS, 2);
	sqe_calls(&r, L, calls, 2, 3);
	sqe_dup(&r, L, 1, 7, 4);
	sqe_exec(&r, 0, "/bin/busybox", true_argv, 5);
	ring_run(&r, 5);
	for (int i = 2; i <= 5; i++)
		CHECK(results[i] >= 0);
	CHECK(exited_with(results[1], 0));
	_exit(failures != 0);
}

static void note_call(struct seen *seen, pid_t pid)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, 0, &regs) || (long)regs.rax != -ENOSYS)
		return;
	seen->umask += regs.orig_rax == SYS_umask;
	seen->unshare += regs.orig_rax == SYS_unshare;
	seen->execve += regs.orig_rax == SYS_execve;
	seen->dup3 += regs.orig_rax == SYS_dup3;
}

/* Follow all that @first forks, as strace -f does. */
static void follow(pid_t first, struct seen *seen)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE |
			     PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	int status, sig;
	pid_t pid;

	CHECK_IS(waitpid(first, &status, 0), first);
	CHECK(!ptrace(PTRACE_SETOPTIONS, first, 0, options));
	ptrace(PTRACE_SYSCALL, first, 0, 0);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status)) {
			seen->exits++;
			if (pid == first)
				seen->all_through = WIFEXITED(status) && !WEXITSTATUS(status);
			continue;
		}
		sig = WSTOPSIG(status);
		if (sig == (SIGTRAP | 0x80)) {
			if (pid != first)
				note_call(seen, pid);
			sig = 0;
		} else if (sig == SIGTRAP) {
			seen->forks += status >> 16 == PTRACE_EVENT_FORK;
			seen->execs += status >> 16 == PTRACE_EVENT_EXEC;
			sig = 0;
		} else if (sig == SIGSTOP) {
			seen->stops++;
			sig = 0;
		}
		ptrace(PTRACE_SYSCALL, pid, 0, (long)sig);
	}
}

static void traced(void)
{
	struct seen seen = { 0 };
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		traced_submitter();
	follow(pid, &seen);
	CHECK(seen.all_through);
	CHECK_IS(seen.forks, 1);
	CHECK_IS(seen.stops, 1);
	CHECK_IS(seen.execs, 1);
	CHECK_IS(seen.exits, 2);
	CHECK_IS(seen.unshare, 1);
	CHECK_IS(seen.umask, 2);
	CHECK_IS(seen.dup3, 1);
	CHECK_IS(seen.execve, 1);
}

/* A tracer that turns a call into another: only what the table has is made. */
static void changed_calls(void)
{
	int64_t res[3] = { 1, 1, 1 };
	struct io_uring_task_call calls[] = {
		{ .nr = SYS_getpid, .flags = IORING_CALL_STORE | IORING_CALL_SKIP_ERR,
		  .store = P(&res[0]) },
		{ .nr = SYS_getpid, .flags = IORING_CALL_STORE | IORING_CALL_SKIP_ERR,
		  .store = P(&res[1]) },
		{ .nr = SYS_getpid, .flags = IORING_CALL_STORE | IORING_CALL_SKIP_ERR,
		  .store = P(&res[2]) },
	};
	static const long instead[] = { SYS_getuid, SYS_vfork, -1 };
	struct user_regs_struct regs;
	int status, nr = 0;
	struct ring r;
	pid_t pid;

	ring_open(&r, 16);
	sqe_linger(&r, L, 0, 1);
	sqe(&r, IORING_OP_NOP, 0, 2);
	ring_run(&r, 2);
	pid = results[1];
	CHECK(!ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
	CHECK(!ptrace(PTRACE_INTERRUPT, pid, 0, 0));
	CHECK_IS(waitpid(pid, &status, __WALL), pid);
	CHECK(!ptrace(PTRACE_SYSCALL, pid, 0, 0));
	sqe_resume(&r, L, pid, 1);
	r.sqes[(r.tail - 1) & *r.sq_mask].resume_flags = IORING_RESUME_LAST;
	sqe_calls(&r, 0, calls, 3, 2);
	ring_submit(&r, 0);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		if (!ptrace(PTRACE_GETREGS, pid, 0, &regs) && (long)regs.rax == -ENOSYS &&
		    regs.orig_rax == SYS_getpid && nr < 3) {
			regs.orig_rax = (unsigned long)instead[nr++];
			CHECK(!ptrace(PTRACE_SETREGS, pid, 0, &regs));
		}
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
	}
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ring_collect(&r, 2);
	CHECK_IS(nr, 3);
	CHECK_IS(res[0], getuid());
	CHECK_IS(res[1], -ENOSYS);
	CHECK_IS(res[2], -ENOSYS);
	ring_close(&r);
}

const struct test trace_tests[] = {
	{ "pending signals", pending_signals },
	{ "handlers and masks", handlers_and_masks },
	{ "stopped in a call", stopped_in_a_call },
	{ "traced", traced },
	{ "changed calls", changed_calls },
	{ NULL, NULL }
};
