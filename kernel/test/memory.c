// SPDX-License-Identifier: GPL-2.0
/* The memory is the submitter's until exec: what a limit, a score, a count make of that. */
#include "ring.h"

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

#define GROUP "/sys/fs/cgroup/memory-test"

/* A limit that nothing fits in is the end of the task, and of nobody else. */
static void memory_limit(void)
{
	struct ring r;
	int group;

	ring_open(&r, 16);
	CHECK(put("/sys/fs/cgroup/cgroup.subtree_control", "+memory"));
	CHECK(!mkdir(GROUP, 0755) && put(GROUP "/memory.max", "65536"));
	group = open(GROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 3; i++) {
		sqe_clone(&r, L, CLONE_INTO_CGROUP, 1)->fd = group;
		sqe_unshare(&r, L, CLONE_NEWNS | CLONE_NEWUTS, 2);
		sqe_shell(&r, 0, "exec dd if=/dev/zero of=/dev/null bs=8M count=1", 3);
		ring_run(&r, 3);
		if (results[1] > 0) {
			int status = status_of(results[1]);

			CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
		} else {
			CHECK_IS(results[1], -ENOMEM);
		}
	}
	close(group);
	for (int i = 0; i < 100 && rmdir(GROUP) < 0; i++)
		usleep(10000);
	CHECK(access(GROUP, F_OK) != 0);
	ring_close(&r);
}

static void score_is_its_own(void)
{
	char text[16] = "";
	struct io_uring_task_call calls[] = {
		{ .nr = SYS_openat, .flags = IORING_CALL_FD, .fd = 50,
		  .args = { (uint64_t)AT_FDCWD, P("/proc/self/oom_score_adj"), O_WRONLY } },
		CALL(SYS_write, 50, P("321"), 3),
	};
	struct ring r;
	int fd;

	ring_open(&r, 16);
	sqe_clone(&r, L, 0, 1);
	sqe_calls(&r, 0, calls, 2, 2);
	ring_run(&r, 2);
	CHECK_IS(results[2], 0);
	CHECK(exited_with(results[1], 0));
	fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	CHECK(read(fd, text, sizeof(text) - 1) > 0 && strcmp(text, "321\n") != 0);
	close(fd);
	ring_close(&r);
}

/* What the submitter has used is not what the program has used. */
static void peak_is_its_own(void)
{
	char *const argv[] = { "busybox", "true", NULL };
	const size_t size = 64 << 20;
	char *big = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rusage usage;
	struct ring r;

	memset(big, 1, size);
	ring_open(&r, 16);
	sqe_clone(&r, L, 0, 1);
	sqe_exec(&r, 0, "/bin/busybox", argv, 2);
	ring_run(&r, 2);
	CHECK_IS(wait4(results[1], NULL, 0, &usage), results[1]);
	CHECK(usage.ru_maxrss > 0 && usage.ru_maxrss < 16 << 10);
	munmap(big, size);
	ring_close(&r);
}

/* IORING_REGISTER_SEND_MSG_RING, by somebody without a ring. */
static void message_without_a_ring(void)
{
	struct io_uring_sqe s = { .opcode = IORING_OP_MSG_RING, .len = 77, .off = 5 };
	struct ring r;

	ring_open(&r, 16);
	s.fd = r.fd;
	CHECK_IS(syscall(SYS_io_uring_register, -1, IORING_REGISTER_SEND_MSG_RING, &s, 1), 0);
	ring_collect(&r, 1);
	CHECK_IS(results[5], 77);
	s.fd = 0;
	CHECK(syscall(SYS_io_uring_register, -1, IORING_REGISTER_SEND_MSG_RING, &s, 1) < 0);
	CHECK(errno == EBADFD || errno == EBADF);
	s.fd = r.fd;
	s.addr = IORING_MSG_SEND_FD;
	CHECK(syscall(SYS_io_uring_register, -1, IORING_REGISTER_SEND_MSG_RING, &s, 1) < 0);
	CHECK_IS(errno, EINVAL);
	ring_close(&r);
}

const struct test memory_tests[] = {
	{ "memory limit", memory_limit },
	{ "score is its own", score_is_its_own },
	{ "peak is its own", peak_is_its_own },
	{ "message without a ring", message_without_a_ring },
	{ NULL, NULL }
};
