/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A ring without a library, requests of the series, and what its tests share.
 * <spawn_uapi.h> is include/uapi/linux/io_uring.h of the patched kernel.
 */
#ifndef RING_H
#define RING_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn_uapi.h"

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

struct ring {
	int			 fd;
	unsigned int		*sq_tail, *sq_mask, *sq_array;
	unsigned int		*cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe	*sqes;
	struct io_uring_cqe	*cqes;
	unsigned int		 tail, pending;
	void			*rings;
	size_t			 rings_size, sqes_size;
};

#define L	IOSQE_IO_LINK
#define H	IOSQE_IO_HARDLINK
#define NR_RES	64
#define NO_RES	(-99999)

extern unsigned int setup_flags;	/* of the mode that the tests run in */
extern int failures;
extern const char *test_name;
extern int results[NR_RES];		/* by user_data */
extern int order[NR_RES];		/* user_data, as completions came */
extern char *const no_env[];

#define CHECK(c) \
	do { \
		if (!(c)) { \
			failures++; \
			printf("  FAIL %s: %s:%d: %s\n", test_name, __FILE__, __LINE__, #c); \
		} \
	} while (0)
#define CHECK_IS(a, b) \
	do { \
		const long a_ = (long)(a), b_ = (long)(b); \
		if (a_ != b_) { \
			failures++; \
			printf("  FAIL %s: %s:%d: %s is %ld, not %ld\n", test_name, __FILE__, \
			       __LINE__, #a, a_, b_); \
		} \
	} while (0)

/* Without the registration. */
int ring_setup(struct ring *r, unsigned int entries, unsigned int flags);
/* In the mode of the tests, registered. */
void ring_open(struct ring *r, unsigned int entries);
void ring_close(struct ring *r);
int ring_register_spawn(struct ring *r);
int ring_submit(struct ring *r, unsigned int wait);
bool ring_next(struct ring *r, struct io_uring_cqe *ret);
bool ring_is_empty(struct ring *r);
/* Submit all, and put @nr completions into results[] and order[]. */
void ring_run(struct ring *r, int nr);
void ring_collect(struct ring *r, int nr);

struct io_uring_sqe *sqe(struct ring *r, int op, unsigned int flags, uint64_t data);
struct io_uring_sqe *sqe_clone(struct ring *r, unsigned int flags, uint64_t clone, uint64_t data);
struct io_uring_sqe *sqe_linger(struct ring *r, unsigned int flags, uint64_t clone, uint64_t data);
void sqe_resume(struct ring *r, unsigned int flags, int pid, uint64_t data);
void sqe_exec(struct ring *r, unsigned int flags, const char *path, char *const *argv, uint64_t data);
void sqe_shell(struct ring *r, unsigned int flags, const char *script, uint64_t data);
void sqe_unshare(struct ring *r, unsigned int flags, uint64_t what, uint64_t data);
void sqe_mount(struct ring *r, unsigned int flags, const char *source, const char *target,
	       const char *type, unsigned long mount, uint64_t data);
void sqe_open(struct ring *r, unsigned int flags, const char *path, int how, int slot, uint64_t data);
void sqe_write(struct ring *r, unsigned int flags, int fd, const char *text, uint64_t data);
void sqe_dup(struct ring *r, unsigned int flags, int from, int to, uint64_t data);
void sqe_calls(struct ring *r, unsigned int flags, struct io_uring_task_call *calls, unsigned int nr,
	       uint64_t data);

#define CALL(nr_, ...)	{ .nr = (nr_), .args = { __VA_ARGS__ } }
#define P(p)		((uint64_t)(uintptr_t)(p))

/* The status of child @pid once it is there. */
int status_of(pid_t pid);
bool exited_with(pid_t pid, int code);
bool died_of(pid_t pid, int sig);
bool is_alive(pid_t pid);
/* All that comes out of @fd, which is closed; in a static buffer. */
const char *slurp(int fd);
/* Run @fn in a child, whose failures count here. */
void in_child(void (*fn)(void));
void become_user(void);
double now(void);

struct test {
	const char	*name;
	void		(*run)(void);
};
extern const struct test chain_tests[], call_tests[], filter_tests[], linger_tests[],
	memory_tests[], trace_tests[], hostile_tests[];

#endif
