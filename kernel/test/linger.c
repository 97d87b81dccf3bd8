// SPDX-License-Identifier: GPL-2.0
/* Tasks that wait for more, branches of a chain, and copies of a parked task. */
#include "ring.h"

static char *const true_argv[] = { "busybox", "true", NULL };

static int start_lingering(struct ring *r, uint64_t flags)
{
	sqe_linger(r, L, flags, 1);
	sqe(r, IORING_OP_NOP, 0, 2);
	ring_run(r, 2);
	CHECK(results[1] > 0);
	return results[1];
}

static void several_chains(void)
{
	int64_t cwd_len = 0;
	char cwd[64] = "";
	struct io_uring_task_call go = CALL(SYS_chdir, P("/tmp"));
	struct io_uring_task_call where = {
		.nr = SYS_getcwd, .flags = IORING_CALL_STORE | IORING_CALL_RESULT,
		.store = P(&cwd_len), .args = { P(cwd), sizeof(cwd) },
	};
	struct ring r;
	pid_t pid;

	ring_open(&r, 16);
	pid = start_lingering(&r, 0);
	sqe_resume(&r, L, pid, 1);
	sqe_calls(&r, 0, &go, 1, 2);
	ring_run(&r, 2);
	CHECK_IS(results[1], 0);
	CHECK_IS(results[2], 0);
	usleep(20000);
	CHECK(is_alive(pid));
	sqe_resume(&r, L, pid, 1);
	sqe_calls(&r, 0, &where, 1, 2);
	ring_run(&r, 2);
	CHECK_IS(results[2], 5);
	CHECK(!strcmp(cwd, "/tmp"));
	sqe_resume(&r, L, pid, 1);
	sqe_exec(&r, 0, "/bin/busybox", true_argv, 2);
	ring_run(&r, 2);
	CHECK_IS(results[2], 0);
	CHECK(exited_with(pid, 0));
	sqe_resume(&r, H, pid, 1);
	sqe_open(&r, 0, "/tmp/should-not", O_CREAT | O_RDWR, 0, 2);
	ring_run(&r, 2);
	CHECK_IS(results[1], -ESRCH);
	CHECK_IS(results[2], -ECANCELED);
	CHECK(access("/tmp/should-not", F_OK) != 0);
	ring_close(&r);
}

/* A failure ends its chain, not the task; what was consumed stays consumed. */
static void failure_is_its_chains(void)
{
	char text[8] = "";
	struct io_uring_task_call consume = {
		.nr = SYS_read, .flags = IORING_CALL_RESULT, .args = { 0, P(text), 4 },
	};
	struct io_uring_task_call fail = CALL(SYS_chdir, P("/nonexistent"));
	struct io_uring_task_call fine = CALL(SYS_chdir, P("/"));
	struct ring r;
	pid_t pid;
	int p[2];

	ring_open(&r, 16);
	CHECK(!pipe2(p, O_CLOEXEC));
	CHECK_IS(write(p[1], "onceagain", 9), 9);
	consume.args[0] = (uint64_t)p[0];
	pid = start_lingering(&r, 0);
	sqe_resume(&r, L, pid, 1);
	sqe_calls(&r, L, &consume, 1, 2);
	sqe_calls(&r, L, &fail, 1, 3);
	sqe(&r, IORING_OP_NOP, 0, 4);
	ring_run(&r, 4);
	CHECK_IS(results[2], 4);
	CHECK_IS(results[3], -ENOENT);
	CHECK_IS(results[4], -ECANCELED);
	CHECK(!memcmp(text, "once", 4));
	sqe_resume(&r, L, pid, 1);
	sqe_calls(&r, L, &fine, 1, 3);
	sqe_calls(&r, 0, &consume, 1, 4);
	ring_run(&r, 3);
	CHECK_IS(results[3], 0);
	CHECK_IS(results[4], 4);
	CHECK(!memcmp(text, "agai", 4));
	kill(pid, SIGKILL);
	CHECK(died_of(pid, SIGKILL));
	close(p[0]);
	close(p[1]);
	ring_close(&r);
}

/* RESUMEs of a busy task wait for their turn. */
static void queued_chains(void)
{
	struct timespec { long s, ns; } t = { 0, 30000000 };
	struct io_uring_task_call slow = CALL(SYS_nanosleep, P(&t));
	struct ring r;
	pid_t pid;

	ring_open(&r, 64);
	pid = start_lingering(&r, 0);
	for (int i = 0; i < 10; i++) {
		sqe_resume(&r, L, pid, (uint64_t)(10 + 2 * i));
		if (i == 9)
			r.sqes[(r.tail - 1) & *r.sq_mask].resume_flags = IORING_RESUME_LAST;
		sqe_calls(&r, 0, &slow, 1, (uint64_t)(11 + 2 * i));
	}
	/* behind the last one */
	sqe_resume(&r, L, pid, 50);
	sqe(&r, IORING_OP_NOP, 0, 51);
	ring_run(&r, 22);
	for (int i = 10; i < 30; i++)
		CHECK_IS(results[i], 0);
	CHECK_IS(results[50], -ESRCH);
	CHECK_IS(results[51], -ECANCELED);
	for (int i = 0; i < 20; i++)
		CHECK_IS(order[i], 10 + i);
	CHECK(exited_with(pid, 0));
	ring_close(&r);
}

static void killed_while_parked(void)
{
	struct ring r;
	pid_t pid;

	ring_open(&r, 16);
	pid = start_lingering(&r, 0);
	kill(pid, SIGTERM);
	CHECK(died_of(pid, SIGTERM));
	pid = start_lingering(&r, 0);
	kill(pid, SIGSTOP);
	sqe_resume(&r, L, pid, 1);
	sqe(&r, IORING_OP_NOP, 0, 2);
	ring_submit(&r, 0);
	usleep(30000);
	CHECK(ring_is_empty(&r));
	kill(pid, SIGCONT);
	ring_collect(&r, 2);
	CHECK_IS(results[2], 0);
	kill(pid, SIGKILL);
	CHECK(died_of(pid, SIGKILL));
	ring_close(&r);
}

/* The first two are the new task's, the last one is the maker's. */
static void branch(void)
{
	int64_t pids[3] = { 0 };
	struct io_uring_task_call who[3] = {
		{ .nr = SYS_getpid, .flags = IORING_CALL_STORE, .store = P(&pids[0]) },
		{ .nr = SYS_getpid, .flags = IORING_CALL_STORE, .store = P(&pids[1]) },
		{ .nr = SYS_getpid, .flags = IORING_CALL_STORE, .store = P(&pids[2]) },
	};
	struct ring r;

	ring_open(&r, 16);
	sqe_clone(&r, L, 0, 1);
	sqe_calls(&r, L, &who[0], 1, 2);
	sqe_clone(&r, L, CLONE_PARENT | CLONE_VFORK, 3)->len = 2;
	sqe_calls(&r, L, &who[1], 1, 4);
	sqe_exec(&r, L, "/bin/busybox", true_argv, 5);
	sqe_calls(&r, 0, &who[2], 1, 6);
	ring_run(&r, 6);
	for (int i = 2; i <= 6; i++)
		CHECK(results[i] >= 0);
	CHECK_IS(pids[0], results[1]);
	CHECK_IS(pids[2], results[1]);
	CHECK_IS(pids[1], results[3]);
	CHECK(pids[1] != pids[0]);
	CHECK(exited_with(results[1], 0));
	CHECK(exited_with(results[3], 0));
	/* all the rest: the maker has nothing left to do */
	sqe_clone(&r, L, 0, 1);
	sqe_clone(&r, L, CLONE_PARENT, 2);
	sqe_exec(&r, 0, "/nonexistent", true_argv, 3);
	ring_run(&r, 3);
	CHECK_IS(results[3], -ENOENT);
	CHECK(exited_with(results[1], 0));
	CHECK(died_of(results[2], SIGKILL));
	ring_close(&r);
}

static void branch_that_fails(void)
{
	struct ring r;

	ring_open(&r, 16);
	sqe_clone(&r, L, 0, 1);
	sqe_clone(&r, H, CLONE_NEWUSER | CLONE_FS, 2)->len = 2;
	sqe(&r, IORING_OP_NOP, H, 3);
	sqe(&r, IORING_OP_NOP, H, 4);
	sqe(&r, IORING_OP_NOP, 0, 5);
	ring_run(&r, 5);
	CHECK_IS(results[2], -EINVAL);
	CHECK_IS(results[3], -ECANCELED);
	CHECK_IS(results[4], -ECANCELED);
	CHECK_IS(results[5], 0);
	for (int i = 0; i < 5; i++)
		CHECK_IS(order[i], i + 1);
	CHECK(exited_with(results[1], 0));
	/* more than there is */
	sqe_clone(&r, L, 0, 1);
	sqe_clone(&r, L, 0, 2)->len = 3;
	sqe(&r, IORING_OP_NOP, 0, 3);
	ring_run(&r, 3);
	CHECK_IS(results[2], -EINVAL);
	CHECK_IS(results[3], -ECANCELED);
	CHECK(died_of(results[1], SIGKILL));
	ring_close(&r);
}

/* Pid 1 of a sandbox is made in the chain, and the chain joins its namespaces. */
static void pid_one_and_payload(void)
{
	char *const init_argv[] = { "busybox", "sh", "-c", "read x", NULL };
	struct io_uring_task_call join = CALL(SYS_setns, 90, CLONE_NEWUTS | CLONE_NEWPID);
	struct io_uring_sqe *s;
	struct ring r;
	int in[2], out[2];

	ring_open(&r, 16);
	CHECK(!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC));
	sqe_clone(&r, L, 0, 1);
	s = sqe_clone(&r, L, CLONE_NEWPID | CLONE_NEWUTS | CLONE_PARENT | CLONE_PIDFD, 2);
	s->len = 2;
	s->file_index = 90 + 1;
	sqe_dup(&r, L, in[0], 0, 3);
	sqe_exec(&r, L, "/bin/busybox", init_argv, 4);
	sqe_calls(&r, L, &join, 1, 5);
	sqe_clone(&r, L, CLONE_PARENT | CLONE_VFORK, 6);
	sqe_dup(&r, L, out[1], 1, 7);
	sqe_shell(&r, 0, "echo $$", 8);
	ring_run(&r, 8);
	for (int i = 1; i <= 8; i++)
		CHECK(results[i] >= 0);
	{
		const pid_t context = results[1], init = results[2], payload = results[6];

		close(out[1]);
		CHECK(!strcmp(slurp(out[0]), "2\n"));
		CHECK(exited_with(payload, 0));
		CHECK(exited_with(context, 0));
		CHECK(is_alive(init));
		close(in[1]);
		status_of(init);
	}
	close(in[0]);
	ring_close(&r);
}

/* Also where the number is the one that is free anyway. */
static void pidfd_in_a_chain(void)
{
	int64_t free_fd = -1;
	struct io_uring_task_call calls[] = {
		{ .nr = SYS_dup, .flags = IORING_CALL_STORE, .store = P(&free_fd) },
		{ .nr = SYS_close, .load = 1, .args = { P(&free_fd) } },
	};
	struct io_uring_sqe *s;
	struct ring r;
	int to = -1;
	pid_t pid;

	ring_open(&r, 16);
	sqe_linger(&r, L, 0, 1);
	sqe_calls(&r, 0, calls, 2, 2);
	ring_run(&r, 2);
	CHECK_IS(results[2], 0);
	pid = results[1];
	for (int i = 0; i < 2; i++) {
		struct io_uring_task_call signal_it = CALL(424 /* pidfd_send_signal */, 0, 0);

		sqe_resume(&r, L, pid, 1);
		s = sqe_clone(&r, L, CLONE_PARENT | CLONE_PIDFD, 2);
		s->len = 1;
		s->file_index = (uint32_t)free_fd + 1 + (i ? 30 : 0);
		s->addr2 = P(&to);
		sqe(&r, IORING_OP_NOP, L, 3);
		signal_it.args[0] = (uint64_t)free_fd + (i ? 30 : 0);
		sqe_calls(&r, 0, &signal_it, 1, 4);
		ring_run(&r, 4);
		CHECK(results[2] > 0);
		CHECK_IS(to, free_fd + (i ? 30 : 0));
		CHECK(results[4] == 0 || results[4] == -ESRCH);
		CHECK(exited_with(results[2], 0));
	}
	kill(pid, SIGKILL);
	CHECK(died_of(pid, SIGKILL));
	ring_close(&r);
}

/* What the parked task has is what its copies have; it stays for the next. */
static void copies_of_a_parked_task(void)
{
	struct io_uring_task_call prepare[] = {
		CALL(SYS_unshare, CLONE_NEWUTS),
		CALL(SYS_sethostname, P("template"), 8),
		CALL(SYS_umask, 027),
	};
	const char *want = "template\n0027\n";
	char text[64];
	struct ring r;
	pid_t template;
	int p[2];

	ring_open(&r, 16);
	CHECK(!pipe2(p, O_CLOEXEC));
	sqe_linger(&r, L, 0, 1);
	sqe_calls(&r, 0, prepare, 3, 2);
	ring_run(&r, 2);
	CHECK_IS(results[2], 0);
	template = results[1];
	for (int i = 0; i < 5; i++) {
		sqe_resume(&r, L, template, 1);
		sqe_clone(&r, L, CLONE_PARENT, 2);
		sqe_dup(&r, L, p[1], 1, 3);
		sqe_shell(&r, 0, "hostname; umask", 4);
		ring_run(&r, 4);
		CHECK(results[2] > 0 && results[2] != template);
		CHECK_IS(results[4], 0);
		CHECK(exited_with(results[2], 0));
		memset(text, 0, sizeof(text));
		CHECK_IS(read(p[0], text, sizeof(text)), strlen(want));
		CHECK(!strcmp(text, want));
		CHECK(is_alive(template));
	}
	close(p[0]);
	close(p[1]);
	sqe_resume(&r, L, template, 1);
	r.sqes[(r.tail - 1) & *r.sq_mask].resume_flags = IORING_RESUME_LAST;
	sqe(&r, IORING_OP_NOP, 0, 2);
	ring_run(&r, 2);
	CHECK(exited_with(template, 0));
	ring_close(&r);
}

static void many_parked(void)
{
	static pid_t pids[300];
	struct ring r;

	ring_open(&r, 64);
	for (int i = 0; i < 300; i++)
		pids[i] = start_lingering(&r, CLONE_FILES);
	for (int i = 299; i >= 0; i -= 2) {
		sqe_resume(&r, L, pids[i], 1);
		sqe_exec(&r, 0, "/bin/busybox", true_argv, 2);
		ring_run(&r, 2);
		CHECK_IS(results[2], 0);
		CHECK(exited_with(pids[i], 0));
	}
	ring_close(&r);
	/* the others, whose table is not their own, die with the ring */
	for (int i = 0; i < 300; i += 2)
		CHECK(died_of(pids[i], SIGKILL));
}

const struct test linger_tests[] = {
	{ "several chains", several_chains },
	{ "failure is its chain's", failure_is_its_chains },
	{ "queued chains", queued_chains },
	{ "killed while parked", killed_while_parked },
	{ "branch", branch },
	{ "branch that fails", branch_that_fails },
	{ "pid 1 and payload", pid_one_and_payload },
	{ "pidfd in a chain", pidfd_in_a_chain },
	{ "copies of a parked task", copies_of_a_parked_task },
	{ "many parked", many_parked },
	{ NULL, NULL }
};
