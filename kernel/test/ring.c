// SPDX-License-Identifier: GPL-2.0
#include "ring.h"

#include <time.h>

unsigned int setup_flags;
int failures;
const char *test_name;
int results[NR_RES], order[NR_RES];
char *const no_env[] = { "PATH=/bin", NULL };

int ring_setup(struct ring *r, unsigned int entries, unsigned int flags)
{
	struct io_uring_params p = { .flags = flags };
	size_t cq_size;
	char *m;

	memset(r, 0, sizeof(*r));
	r->fd = (int)syscall(SYS_io_uring_setup, entries, &p);
	if (r->fd < 0)
		return -errno;
	fcntl(r->fd, F_SETFD, FD_CLOEXEC);
	r->rings_size = p.sq_off.array + p.sq_entries * sizeof(unsigned int);
	cq_size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	if (cq_size > r->rings_size)
		r->rings_size = cq_size;
	r->sqes_size = p.sq_entries * sizeof(struct io_uring_sqe);
	m = mmap(NULL, r->rings_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
		 IORING_OFF_SQ_RING);
	r->sqes = mmap(NULL, r->sqes_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
		       IORING_OFF_SQES);
	if (m == MAP_FAILED || r->sqes == MAP_FAILED)
		return -ENOMEM;
	r->rings = m;
	r->sq_tail = (void *)(m + p.sq_off.tail);
	r->sq_mask = (void *)(m + p.sq_off.ring_mask);
	r->sq_array = (void *)(m + p.sq_off.array);
	r->cq_head = (void *)(m + p.cq_off.head);
	r->cq_tail = (void *)(m + p.cq_off.tail);
	r->cq_mask = (void *)(m + p.cq_off.ring_mask);
	r->cqes = (void *)(m + p.cq_off.cqes);
	return 0;
}

int ring_register_spawn(struct ring *r)
{
	struct io_uring_spawn_reg reg = { .magic = IORING_SPAWN_MAGIC };

	if (syscall(SYS_io_uring_register, r->fd, IORING_REGISTER_SPAWN, &reg, 1) < 0)
		return -errno;
	CHECK_IS(reg.version, 1);
	CHECK_IS(reg.op_first, IORING_OP_CLONE);
	CHECK_IS(reg.op_last, IORING_OP_RESUME);
	return 0;
}

void ring_open(struct ring *r, unsigned int entries)
{
	int e = ring_setup(r, entries, setup_flags);

	if (!e)
		e = ring_register_spawn(r);
	if (e) {
		printf("no ring: %s\n", strerror(-e));
		exit(2);
	}
}

void ring_close(struct ring *r)
{
	munmap(r->sqes, r->sqes_size);
	munmap(r->rings, r->rings_size);
	close(r->fd);
}

int ring_submit(struct ring *r, unsigned int wait)
{
	unsigned int nr = r->pending;
	int n;

	__atomic_store_n(r->sq_tail, r->tail, __ATOMIC_RELEASE);
	r->pending = 0;
	n = (int)syscall(SYS_io_uring_enter, r->fd, nr, wait, wait ? IORING_ENTER_GETEVENTS : 0,
			 NULL, 0);
	return n < 0 ? -errno : n;
}

bool ring_is_empty(struct ring *r)
{
	return __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE) == *r->cq_head;
}

bool ring_next(struct ring *r, struct io_uring_cqe *ret)
{
	for (int i = 0; i < 1000; i++) {
		unsigned int head = *r->cq_head;

		if (!ring_is_empty(r)) {
			*ret = r->cqes[head & *r->cq_mask];
			__atomic_store_n(r->cq_head, head + 1, __ATOMIC_RELEASE);
			return true;
		}
		syscall(SYS_io_uring_enter, r->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	}
	return false;
}

void ring_collect(struct ring *r, int nr)
{
	struct io_uring_cqe c;

	for (int i = 0; i < NR_RES; i++)
		results[i] = NO_RES;
	for (int i = 0; i < nr; i++) {
		if (!ring_next(r, &c)) {
			CHECK(!"all completions");
			return;
		}
		order[i] = (int)c.user_data;
		if (c.user_data < NR_RES)
			results[c.user_data] = c.res;
		if (getenv("SPAWN_TEST_SHOW"))
			printf("  %d: %d\n", (int)c.user_data, c.res);
	}
}

void ring_run(struct ring *r, int nr)
{
	ring_submit(r, 0);
	ring_collect(r, nr);
}

/* ---------------------------------------------------------------- requests */

struct io_uring_sqe *sqe(struct ring *r, int op, unsigned int flags, uint64_t data)
{
	unsigned int i = r->tail++ & *r->sq_mask;
	struct io_uring_sqe *s = &r->sqes[i];

	memset(s, 0, sizeof(*s));
	s->opcode = (uint8_t)op;
	s->flags = (uint8_t)flags;
	s->user_data = data;
	r->sq_array[i] = i;
	r->pending++;
	return s;
}

struct io_uring_sqe *sqe_clone(struct ring *r, unsigned int flags, uint64_t clone, uint64_t data)
{
	struct io_uring_sqe *s = sqe(r, IORING_OP_CLONE, flags, data);

	s->addr = clone;
	return s;
}

struct io_uring_sqe *sqe_linger(struct ring *r, unsigned int flags, uint64_t clone, uint64_t data)
{
	struct io_uring_sqe *s = sqe_clone(r, flags, clone, data);

	s->clone_flags = IORING_CLONE_LINGER;
	return s;
}

void sqe_resume(struct ring *r, unsigned int flags, int pid, uint64_t data)
{
	sqe(r, IORING_OP_RESUME, flags, data)->addr = (uint64_t)pid;
}

void sqe_exec(struct ring *r, unsigned int flags, const char *path, char *const *argv, uint64_t data)
{
	struct io_uring_sqe *s = sqe(r, IORING_OP_EXECVEAT, flags, data);

	s->fd = AT_FDCWD;
	s->addr = P(path);
	s->addr2 = P(argv);
	s->addr3 = P(no_env);
}

/* The script has to live until the exec has completed; one at a time. */
void sqe_shell(struct ring *r, unsigned int flags, const char *script, uint64_t data)
{
	static const char *argv[5] = { "busybox", "sh", "-c" };

	argv[3] = script;
	sqe_exec(r, flags, "/bin/busybox", (char *const *)argv, data);
}

void sqe_unshare(struct ring *r, unsigned int flags, uint64_t what, uint64_t data)
{
	sqe(r, IORING_OP_UNSHARE, flags, data)->addr = what;
}

void sqe_mount(struct ring *r, unsigned int flags, const char *source, const char *target,
	       const char *type, unsigned long mount, uint64_t data)
{
	struct io_uring_sqe *s = sqe(r, IORING_OP_MOUNT, flags, data);

	s->addr = P(source);
	s->addr2 = P(target);
	s->addr3 = P(type);
	s->mount_flags = (uint32_t)mount;
}

void sqe_open(struct ring *r, unsigned int flags, const char *path, int how, int slot, uint64_t data)
{
	struct io_uring_sqe *s = sqe(r, IORING_OP_OPENAT, flags, data);

	s->fd = AT_FDCWD;
	s->addr = P(path);
	s->open_flags = (uint32_t)how;
	s->len = 0600;
	s->file_index = (uint32_t)slot;
}

void sqe_write(struct ring *r, unsigned int flags, int fd, const char *text, uint64_t data)
{
	struct io_uring_sqe *s = sqe(r, IORING_OP_WRITE, flags, data);

	s->fd = fd;
	s->addr = P(text);
	s->len = (uint32_t)strlen(text);
	s->off = (uint64_t)-1;
}

void sqe_dup(struct ring *r, unsigned int flags, int from, int to, uint64_t data)
{
	struct io_uring_sqe *s = sqe(r, IORING_OP_DUP, flags, data);

	s->fd = from;
	s->len = (uint32_t)to;
}

void sqe_calls(struct ring *r, unsigned int flags, struct io_uring_task_call *calls, unsigned int nr,
	       uint64_t data)
{
	struct io_uring_sqe *s = sqe(r, IORING_OP_TASK_CALL, flags, data);

	s->addr = P(calls);
	s->len = nr;
}

/* --------------------------------------------------------------- processes */

int status_of(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

bool exited_with(pid_t pid, int code)
{
	int s = status_of(pid);

	return s >= 0 && WIFEXITED(s) && WEXITSTATUS(s) == code;
}

bool died_of(pid_t pid, int sig)
{
	int s = status_of(pid);

	return s >= 0 && WIFSIGNALED(s) && WTERMSIG(s) == sig;
}

bool is_alive(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid;
}

const char *slurp(int fd)
{
	static char text[8192];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text) - 1 && (n = read(fd, text + len, sizeof(text) - 1 - len)) != 0) {
		if (n > 0)
			len += (size_t)n;
		else if (errno != EINTR)
			break;
	}
	text[len] = '\0';
	close(fd);
	return text;
}

void in_child(void (*fn)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		failures = 0;
		fn();
		fflush(stdout);
		_exit(failures != 0);
	}
	CHECK(exited_with(pid, 0));
}

void become_user(void)
{
	if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
		_exit(9);
	prctl(PR_SET_DUMPABLE, 1);
}

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
