// SPDX-License-Identifier: GPL-2.0
/* Chains: order, links, how they end, and the six requests with one call. */
#include "ring.h"

static char *const true_argv[] = { "busybox", "true", NULL };

static void hello(void)
{
	char *const argv[] = { "busybox", "echo", "hello", "from", "uring", NULL };
	struct ring r;
	int p[2];

	ring_open(&r, 16);
	CHECK(!pipe2(p, O_CLOEXEC));
	sqe_clone(&r, L, 0, 1);
	sqe(&r, IORING_OP_NOP, L, 2);
	sqe_dup(&r, L, p[1], 1, 3);
	sqe_exec(&r, 0, "/bin/busybox", argv, 4);
	ring_run(&r, 4);
	CHECK(results[1] > 0);
	CHECK_IS(results[2], 0);
	CHECK_IS(results[3], 1);
	CHECK_IS(results[4], 0);
	for (int i = 0; i < 4; i++)
		CHECK_IS(order[i], i + 1);
	close(p[1]);
	CHECK(!strcmp(slurp(p[0]), "hello from uring\n"));
	CHECK(exited_with(results[1], 0));
	ring_close(&r);
}

static void link_breaks(void)
{
	struct ring r;

	ring_open(&r, 16);
	sqe_clone(&r, L, 0, 1);
	sqe_exec(&r, L, "/nonexistent", true_argv, 2);
	sqe_exec(&r, L, "/bin/busybox", true_argv, 3);
	sqe(&r, IORING_OP_NOP, 0, 4);
	ring_run(&r, 4);
	CHECK_IS(results[2], -ENOENT);
	CHECK_IS(results[3], -ECANCELED);
	CHECK_IS(results[4], -ECANCELED);
	for (int i = 0; i < 4; i++)
		CHECK_IS(order[i], i + 1);
	CHECK(died_of(results[1], SIGKILL));
	ring_close(&r);
}

static void hard_link_goes_on(void)
{
	struct ring r;

	ring_open(&r, 16);
	sqe_clone(&r, L, 0, 1);
	sqe_exec(&r, H, "/nonexistent", true_argv, 2);
	sqe_exec(&r, H, "/bin/busybox", true_argv, 3);
	sqe_exec(&r, 0, "/bin/notreached", true_argv, 4);
	ring_run(&r, 4);
	CHECK_IS(results[2], -ENOENT);
	CHECK_IS(results[3], 0);
	CHECK_IS(results[4], -ECANCELED);
	CHECK(exited_with(results[1], 0));
	ring_close(&r);
}

static void chain_runs_out(void)
{
	struct ring r;

	ring_open(&r, 16);
	sqe_clone(&r, L, 0, 1);
	sqe(&r, IORING_OP_NOP, 0, 2);
	ring_run(&r, 2);
	CHECK_IS(results[2], 0);
	CHECK(exited_with(results[1], 0));
	ring_close(&r);
}

static void wants_registration(void)
{
	struct io_uring_spawn_reg reg = { .magic = 1 };
	struct ring r;

	CHECK_IS(ring_setup(&r, 16, setup_flags), 0);
	sqe_clone(&r, L, 0, 1);
	sqe(&r, IORING_OP_NOP, 0, 2);
	ring_run(&r, 2);
	CHECK(results[1] == -EINVAL || results[1] == -ECANCELED);
	CHECK_IS(results[2], -ECANCELED);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	CHECK_IS(syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_SPAWN, &reg, 1), -1);
	CHECK_IS(errno, EINVAL);
	CHECK_IS(ring_register_spawn(&r), 0);
	sqe_clone(&r, L, 0, 1);
	sqe(&r, IORING_OP_NOP, 0, 2);
	ring_run(&r, 2);
	CHECK(exited_with(results[1], 0));
	ring_close(&r);
	CHECK_IS(ring_setup(&r, 16, IORING_SETUP_SQPOLL), 0);
	CHECK_IS(ring_register_spawn(&r), -EINVAL);
	ring_close(&r);
}

/* None of them may touch the submitter. */
static void refused_in_the_submitter(void)
{
	struct io_uring_task_call call = CALL(SYS_chdir, P("/tmp"));
	char cwd[64];
	struct ring r;

	ring_open(&r, 16);
	sqe_exec(&r, 0, "/bin/busybox", true_argv, 1);
	sqe_unshare(&r, 0, CLONE_NEWUTS, 2);
	sqe_dup(&r, 0, 1, 77, 3);
	sqe_mount(&r, 0, "t", "/mnt", "tmpfs", 0, 4);
	sqe_calls(&r, 0, &call, 1, 5);
	ring_run(&r, 5);
	for (int i = 1; i <= 5; i++)
		CHECK_IS(results[i], -EINVAL);
	CHECK(getcwd(cwd, sizeof(cwd)) && strcmp(cwd, "/tmp") != 0);
	CHECK(fcntl(77, F_GETFD) < 0);
	ring_close(&r);
}

/* Whatever is wrong with a CLONE, what follows does not run in the submitter. */
static void refused_clone(void)
{
	struct ring r;

	ring_open(&r, 16);
	for (int i = 0; i < 7; i++) {
		struct io_uring_sqe *s = sqe_clone(&r, H | (i == 0 ? IOSQE_ASYNC : 0), 0, 1);

		if (i == 1)
			s->addr = CLONE_NEWUSER | CLONE_FS;
		if (i == 2)
			s->addr = CLONE_THREAD;
		if (i == 3)
			s->addr = CLONE_PARENT;
		if (i == 4)
			s->len = 1;
		if (i == 5)
			s->file_index = 5;
		if (i == 6)
			sqe(&r, IORING_OP_POLL_ADD, H, 3)->poll32_events = 1;
		sqe_open(&r, 0, "/tmp/should-not", O_CREAT | O_RDWR, 0, 2);
		ring_run(&r, i == 6 ? 3 : 2);
		CHECK(results[1] == -EINVAL || results[1] == -ECANCELED);
		CHECK_IS(results[2], -ECANCELED);
		CHECK(access("/tmp/should-not", F_OK) != 0);
	}
	sqe_clone(&r, 0, 0, 1);
	ring_run(&r, 1);
	CHECK_IS(results[1], -EINVAL);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	ring_close(&r);
}

static void own_table_unless_shared(void)
{
	int a = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct ring r;

	ring_open(&r, 16);
	sqe_clone(&r, L, 0, 1);
	sqe_dup(&r, 0, a, 77, 2);
	ring_run(&r, 2);
	CHECK_IS(results[2], 77);
	CHECK(exited_with(results[1], 0));
	CHECK(fcntl(77, F_GETFD) < 0);
	sqe_clone(&r, L, CLONE_FILES, 1);
	sqe_dup(&r, 0, a, 77, 2);
	ring_run(&r, 2);
	CHECK(exited_with(results[1], 0));
	CHECK(fcntl(77, F_GETFD) >= 0);
	close(77);
	close(a);
	ring_close(&r);
}

static void namespaces_and_files(void)
{
	char host[65], after[65];
	int p[2], none = -1;
	struct ring r;

	ring_open(&r, 16);
	CHECK(!pipe2(p, O_CLOEXEC) && !gethostname(host, sizeof(host)));
	CHECK_IS(syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_FILES, &none, 1), 0);
	sqe_clone(&r, L, 0, 1);
	sqe_unshare(&r, L, CLONE_NEWNS | CLONE_NEWUTS, 2);
	sqe_mount(&r, L, "none", "/", "", MS_REC | MS_PRIVATE, 3);
	sqe_mount(&r, L, "t", "/mnt", "tmpfs", 0, 4);
	sqe_open(&r, L, "/mnt/f", O_CREAT | O_WRONLY, 1, 5);
	sqe_write(&r, L | IOSQE_FIXED_FILE, 0, "written in the chain\n", 6);
	sqe_dup(&r, L, p[1], 1, 7);
	sqe_shell(&r, 0, "hostname inner; hostname; cat /mnt/f; grep -c ' /mnt tmpfs' /proc/mounts",
		  8);
	ring_run(&r, 8);
	for (int i = 2; i <= 8; i++)
		CHECK(results[i] >= 0);
	close(p[1]);
	CHECK(!strcmp(slurp(p[0]), "inner\nwritten in the chain\n1\n"));
	CHECK(exited_with(results[1], 0));
	CHECK(!gethostname(after, sizeof(after)) && !strcmp(host, after));
	CHECK(access("/mnt/f", F_OK) != 0);
	ring_close(&r);
}

static void user_namespace(void)
{
	int p[2], none = -1;
	struct ring r;

	become_user();
	ring_open(&r, 16);
	CHECK(!pipe2(p, O_CLOEXEC));
	CHECK_IS(syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_FILES, &none, 1), 0);
	sqe_clone(&r, L, CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS, 1);
	sqe_open(&r, L, "/proc/self/setgroups", O_WRONLY, 1, 2);
	sqe_write(&r, L | IOSQE_FIXED_FILE, 0, "deny", 3);
	sqe_open(&r, L, "/proc/self/uid_map", O_WRONLY, 1, 4);
	sqe_write(&r, L | IOSQE_FIXED_FILE, 0, "0 1000 1", 5);
	sqe_open(&r, L, "/proc/self/gid_map", O_WRONLY, 1, 6);
	sqe_write(&r, L | IOSQE_FIXED_FILE, 0, "0 1000 1", 7);
	sqe_mount(&r, L, "p", "/proc", "proc", 0, 8);
	sqe_dup(&r, L, p[1], 1, 9);
	sqe_shell(&r, 0, "id -u; id -g; echo $$", 10);
	ring_run(&r, 10);
	for (int i = 2; i <= 10; i++)
		CHECK(results[i] >= 0);
	close(p[1]);
	CHECK(!strcmp(slurp(p[0]), "0\n0\n1\n"));
	CHECK(exited_with(results[1], 0));
	CHECK_IS(geteuid(), 1000);
	CHECK_IS(prctl(PR_GET_DUMPABLE), 1);
	ring_close(&r);
}

static void as_user(void)
{
	in_child(user_namespace);
}

static void into_cgroup(void)
{
	const char *dir = "/sys/fs/cgroup/x";
	struct ring r;
	int p[2], cg;

	ring_open(&r, 16);
	CHECK(!mkdir(dir, 0755) && !pipe2(p, O_CLOEXEC));
	cg = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sqe_clone(&r, L, CLONE_INTO_CGROUP, 1)->fd = cg;
	sqe_dup(&r, L, p[1], 1, 2);
	sqe_shell(&r, 0, "cat /proc/self/cgroup", 3);
	ring_run(&r, 3);
	close(p[1]);
	CHECK(strstr(slurp(p[0]), "0::/x\n"));
	CHECK(exited_with(results[1], 0));
	close(cg);
	CHECK(!rmdir(dir));
	ring_close(&r);
}

static void pidfd_of_clone(void)
{
	siginfo_t info = { 0 };
	struct ring r;
	int pidfd = -1;

	ring_open(&r, 16);
	sqe_clone(&r, L, CLONE_PIDFD, 1)->addr2 = P(&pidfd);
	sqe(&r, IORING_OP_NOP, 0, 2);
	ring_run(&r, 2);
	CHECK(pidfd >= 0 && fcntl(pidfd, F_GETFD) == FD_CLOEXEC);
	CHECK(!waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED));
	CHECK_IS(info.si_pid, results[1]);
	close(pidfd);
	sqe_clone(&r, L, CLONE_PIDFD, 1)->addr2 = 8;
	sqe(&r, IORING_OP_NOP, 0, 2);
	ring_run(&r, 2);
	CHECK_IS(results[1], -EFAULT);
	CHECK_IS(results[2], -ECANCELED);
	ring_close(&r);
}

/* Written, closed and executed, while the submitter does not look at its ring. */
static void exec_of_what_was_written(void)
{
	char *const argv[] = { "prog", NULL };
	struct ring r;
	int p[2], n;

	ring_open(&r, 16);
	CHECK(!pipe2(p, O_CLOEXEC));
	unlink("/tmp/prog");
	n = open("/dev/null", O_RDONLY);
	close(n);
	sqe_clone(&r, L, 0, 1);
	sqe_open(&r, L, "/tmp/prog", O_WRONLY | O_CREAT, 0, 2);
	r.sqes[(r.tail - 1) & *r.sq_mask].len = 0755;
	sqe_write(&r, L, n, "#!/bin/busybox sh\necho script ran\n", 3);
	sqe(&r, IORING_OP_CLOSE, L, 4)->fd = n;
	sqe_dup(&r, L, p[1], 1, 5);
	sqe_exec(&r, 0, "/tmp/prog", argv, 6);
	ring_submit(&r, 0);
	close(p[1]);
	CHECK(!strcmp(slurp(p[0]), "script ran\n"));
	ring_collect(&r, 6);
	CHECK_IS(results[2], n);
	CHECK_IS(results[6], 0);
	CHECK(exited_with(results[1], 0));
	unlink("/tmp/prog");
	ring_close(&r);
}

/* READ blocks the task, and nobody else. */
static void read_waits(void)
{
	struct io_uring_sqe *s;
	char text[8] = "";
	struct ring r;
	pid_t pid;
	int p[2];

	ring_open(&r, 16);
	CHECK(!pipe2(p, O_CLOEXEC));
	sqe_clone(&r, L, 0, 1);
	s = sqe(&r, IORING_OP_READ, L, 2);
	s->fd = p[0];
	s->addr = P(text);
	s->len = 4;
	s->off = (uint64_t)-1;
	sqe(&r, IORING_OP_NOP, 0, 3);
	ring_submit(&r, 0);
	ring_collect(&r, 1);
	usleep(30000);
	pid = results[1];
	CHECK(ring_is_empty(&r) && is_alive(pid));
	CHECK_IS(write(p[1], "data", 4), 4);
	ring_collect(&r, 2);
	CHECK_IS(results[2], 4);
	CHECK_IS(results[3], 0);
	CHECK(!memcmp(text, "data", 4));
	CHECK(exited_with(pid, 0));
	close(p[0]);
	close(p[1]);
	ring_close(&r);
}

static void skipped_completions(void)
{
	struct ring r;

	ring_open(&r, 16);
	sqe_clone(&r, L, 0, 1);
	sqe(&r, IORING_OP_NOP, L | IOSQE_CQE_SKIP_SUCCESS, 2);
	sqe_exec(&r, IOSQE_CQE_SKIP_SUCCESS, "/bin/busybox", true_argv, 3);
	ring_run(&r, 1);
	CHECK(exited_with(results[1], 0));
	CHECK(ring_is_empty(&r));
	sqe_clone(&r, L, 0, 1);
	sqe_exec(&r, L, "/nonexistent", true_argv, 2);
	sqe(&r, IORING_OP_NOP, IOSQE_CQE_SKIP_SUCCESS, 3);
	ring_run(&r, 3);
	CHECK_IS(results[3], -ECANCELED);
	CHECK(died_of(results[1], SIGKILL));
	ring_close(&r);
}

static void joined_namespace(void)
{
	int q[2], p[2], ns;
	char path[64], byte;
	struct ring r;
	pid_t other;

	ring_open(&r, 16);
	CHECK(!pipe(q));
	other = fork();
	if (!other) {
		unshare(CLONE_NEWUTS);
		sethostname("other", 5);
		(void)!write(q[1], "x", 1);
		pause();
		_exit(0);
	}
	CHECK_IS(read(q[0], &byte, 1), 1);
	CHECK(!pipe2(p, O_CLOEXEC));
	snprintf(path, sizeof(path), "/proc/%d/ns/uts", other);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	sqe_clone(&r, L, 0, 1);
	sqe(&r, IORING_OP_SETNS, L, 2)->fd = ns;
	sqe_dup(&r, L, p[1], 1, 3);
	sqe_shell(&r, 0, "hostname", 4);
	ring_run(&r, 4);
	CHECK_IS(results[2], 0);
	close(p[1]);
	CHECK(!strcmp(slurp(p[0]), "other\n"));
	CHECK(exited_with(results[1], 0));
	kill(other, SIGKILL);
	CHECK(died_of(other, SIGKILL));
	close(ns);
	close(q[0]);
	close(q[1]);
	ring_close(&r);
}

static void no_process_left(void)
{
	struct rlimit one = { 1, 1 };
	struct ring r;

	become_user();
	setrlimit(RLIMIT_NPROC, &one);
	ring_open(&r, 16);
	sqe_clone(&r, H, 0, 1);
	sqe(&r, IORING_OP_NOP, 0, 2);
	ring_run(&r, 2);
	CHECK_IS(results[1], -EAGAIN);
	CHECK_IS(results[2], -ECANCELED);
	ring_close(&r);
}

static void process_limit(void)
{
	in_child(no_process_left);
}

const struct test chain_tests[] = {
	{ "hello", hello },
	{ "link breaks", link_breaks },
	{ "hard link goes on", hard_link_goes_on },
	{ "chain runs out", chain_runs_out },
	{ "wants registration", wants_registration },
	{ "refused in the submitter", refused_in_the_submitter },
	{ "refused clone", refused_clone },
	{ "own table unless shared", own_table_unless_shared },
	{ "namespaces and files", namespaces_and_files },
	{ "user namespace", as_user },
	{ "into cgroup", into_cgroup },
	{ "pidfd", pidfd_of_clone },
	{ "exec of what was written", exec_of_what_was_written },
	{ "read waits", read_waits },
	{ "skipped completions", skipped_completions },
	{ "joined namespace", joined_namespace },
	{ "process limit", process_limit },
	{ NULL, NULL }
};
