/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ring engine: an io_uring of the submitter, to which contexts post one
 * message per op (IORING_REGISTER_SEND_MSG_RING, Linux 6.13), and on which
 * pidfds, report sockets, timers and the caller's descriptors are polled.
 * The native engine (engine_native.c) waits on one, too.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "uring.h"
#include "compat.h"

#define SQ_ENTRIES	32
#define CQ_PER_SQ	8	/* what overflows is kept by the kernel, more slowly */

/* Completions of requests that nobody waits for. */
#define COOKIE_NONE	(~(uint64_t)0 & ~RF_DOORBELL_BIT)
/* Of one that is waited for at once. */
#define COOKIE_INSTALL	(COOKIE_NONE - 1)

#define FILES_MAX	8192	/* that the ring keeps, two for each that runs; others stay in the table */

/* A completion: what it is of, and its result. */
struct event {
	uint64_t	 data;
	int32_t		 result;
};

struct ring_private {
	struct io_uring	 uring;
	/* events that arrived while another was being taken back */
	struct event	*stash;
	unsigned int	 nr_stash, max_stash;
	/* files of the ring's own, by twos: which are free; NULL until one is wanted */
	uint16_t	*places;
	unsigned int	 nr_free;
};

struct io_uring *rf_uring(struct rf_ring *ring)
{
	return &((struct ring_private *)ring->private)->uring;
}

/* Post to ourselves what contexts will post, to learn whether this kernel can. */
static int probe_messages(struct rf_ring *ring)
{
	struct io_uring *u = rf_uring(ring);
	struct io_uring_cqe *cqe;
	struct io_uring_sqe sqe;

	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = IORING_OP_MSG_RING;
	sqe.fd = u->ring_fd;
	sqe.off = COOKIE_NONE;
	if (syscall(SYS_io_uring_register, -1, RF_IORING_REGISTER_SEND_MSG_RING, &sqe, 1) < 0)
		return -errno;
	if (io_uring_peek_cqe(u, &cqe) == 0)
		io_uring_cqe_seen(u, cqe);
	return 0;
}

int rf_uring_open(struct rf_ring *ring, unsigned int entries, bool lenient, struct rf_err *err)
{
	struct io_uring_params p = { .flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
				     .cq_entries = entries * CQ_PER_SQ };
	int r;

	ring->private = calloc(1, sizeof(struct ring_private));
	if (!ring->private)
		return rf_err_set(err, ENOMEM, "memory for io_uring");
	r = io_uring_queue_init_params(entries, rf_uring(ring), &p);
	if (r < 0) {
		free(ring->private);
		ring->private = NULL;
		return rf_err_set(err, -r, "io_uring_setup");
	}
	ring->poll_fd = ring->doorbell_fd = rf_uring(ring)->ring_fd;
	r = probe_messages(ring);
	if (r < 0 && lenient) {	/* doorbells come over the report socket */
		ring->doorbell_fd = -1;
		return 0;
	}
	if (r < 0) {
		rf_uring_close(ring);
		ring->poll_fd = ring->doorbell_fd = -1;
		return rf_err_set(err, -r == EINVAL ? EOPNOTSUPP : -r,
				  "io_uring messages without a ring (Linux 6.13)");
	}
	return 0;
}

static int ring_open(struct rf_ring *ring, struct rf_err *err)
{
	return rf_uring_open(ring, SQ_ENTRIES, false, err);
}

void rf_uring_close(struct rf_ring *ring)
{
	struct ring_private *p = ring->private;

	io_uring_queue_exit(&p->uring);
	free(p->stash);
	free(p->places);
	free(p);
	ring->private = NULL;
}

static struct io_uring_sqe *get_sqe(struct rf_ring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(rf_uring(ring));

	if (sqe)
		return sqe;
	(void)io_uring_submit(rf_uring(ring));
	return io_uring_get_sqe(rf_uring(ring));
}

int rf_uring_arm(struct rf_ring *ring, int fd, uint64_t cookie)
{
	struct io_uring_sqe *sqe = get_sqe(ring);

	if (!sqe)
		return -EBUSY;
	io_uring_prep_poll_add(sqe, fd, rf_cookie_is_out(cookie) ? POLLOUT : POLLIN);
	sqe->user_data = cookie;
	return 0;
}

static int stash(struct ring_private *p, struct event e)
{
	if (p->nr_stash == p->max_stash) {
		unsigned int more = p->max_stash ? p->max_stash * 2 : 16;
		struct event *q = realloc(p->stash, more * sizeof(*q));

		if (!q)
			return -ENOMEM;
		p->stash = q;
		p->max_stash = more;
	}
	p->stash[p->nr_stash++] = e;
	return 0;
}

/* Wait for the completion of @cookie; what arrives meanwhile for others is put by. */
static int await(struct ring_private *p, uint64_t cookie, int32_t *ret_result)
{
	for (;;) {
		struct io_uring_cqe *cqe;
		struct event e;
		int r = io_uring_wait_cqe(&p->uring, &cqe);

		if (r == -EINTR)
			continue;
		if (r < 0)
			return r;
		e = (struct event){ cqe->user_data, cqe->res };
		io_uring_cqe_seen(&p->uring, cqe);
		if (e.data == cookie) {
			*ret_result = e.result;
			return 0;
		}
		r = e.data == COOKIE_NONE ? 0 : stash(p, e);
		if (r < 0)
			return r;
	}
}

/*
 * Remove the poll and wait for its own completion, which comes also when it is
 * canceled: after that no event can come for what the caller is about to free.
 */
int rf_uring_disarm(struct rf_ring *ring, int fd, uint64_t cookie)
{
	struct ring_private *p = ring->private;
	struct io_uring_sqe *sqe = get_sqe(ring);
	bool found = false;
	int32_t result;
	int r;

	(void)fd;
	if (!sqe)
		return -EBUSY;
	for (unsigned int i = 0; i < p->nr_stash; i++)
		if (p->stash[i].data == cookie) {
			p->stash[i].data = COOKIE_NONE;
			found = true;
		}
	io_uring_prep_poll_remove(sqe, cookie);
	sqe->user_data = COOKIE_NONE;
	r = io_uring_submit(&p->uring);
	return r < 0 ? r : found ? 0 : await(p, cookie, &result);
}

/* The next event, if one is there: 1. */
static int next_event(struct ring_private *p, struct event *ret)
{
	struct io_uring_cqe *cqe;

	if (p->nr_stash) {
		/* the oldest: what a link has done comes in its order */
		*ret = p->stash[0];
		memmove(p->stash, p->stash + 1, --p->nr_stash * sizeof(*p->stash));
		return 1;
	}
	if (io_uring_peek_cqe(&p->uring, &cqe) != 0)
		return 0;
	*ret = (struct event){ cqe->user_data, cqe->res };
	io_uring_cqe_seen(&p->uring, cqe);
	return 1;
}

static bool is_fatal(int r)
{
	return r < 0 && r != -ETIME && r != -EINTR && r != -EAGAIN && r != -EBUSY;
}

/* Hand in the new polls, which may be what is waited for, and wait: one call. */
static int submit_and_wait(struct ring_private *p, int timeout_ms)
{
	struct __kernel_timespec ts = { .tv_sec = timeout_ms / 1000,
					.tv_nsec = (long long)(timeout_ms % 1000) * 1000000 };
	struct io_uring_cqe *cqe;

	if (timeout_ms < 0)
		return io_uring_submit_and_wait(&p->uring, 1);
	return io_uring_submit_and_wait_timeout(&p->uring, &cqe, 1, &ts, NULL);
}

/* One event at a time: handling one may free what another points at. */
int rf_uring_wait(struct rf_ring *ring, int timeout_ms)
{
	struct ring_private *p = ring->private;
	struct event e;
	int r = 0;

	if (!p->nr_stash && !io_uring_cq_ready(&p->uring))
		r = submit_and_wait(p, timeout_ms);
	else if (io_uring_sq_ready(&p->uring))
		r = io_uring_submit(&p->uring);
	if (is_fatal(r))
		return r;
	if (!next_event(p, &e))
		return 0;
	if (e.data == COOKIE_NONE)
		return 0;
	if (e.data == COOKIE_INSTALL) {	/* it could not be waited for when it was asked for */
		if (e.result >= 0)
			(void)close(e.result);
		return 0;
	}
	if (e.data & RF_DOORBELL_BIT)
		rf_ring_doorbell(ring, rf_doorbell_launch(e.data), rf_doorbell_index(e.data));
	else if (e.data & RF_NATIVE_BIT)
		rf_native_event(ring, rf_doorbell_launch(e.data & ~RF_NATIVE_BIT),
				rf_doorbell_index(e.data), e.result);
	else
		rf_ring_event(ring, e.data);
	return 0;
}

/* By a worker of the kernel: the last close of a mount namespace waits for RCU. */
int rf_uring_let_go(struct rf_ring *ring, int fd, uint64_t cookie)
{
	struct io_uring_sqe *sqe = get_sqe(ring);

	if (!sqe) {
		(void)close(fd);
		return 0;
	}
	io_uring_prep_close(sqe, fd);
	sqe->flags |= IOSQE_ASYNC;
	sqe->user_data = cookie;
	return 1;
}

/* -------------------------------------------- descriptors in the ring's keeping */

/* Not liburing's call, which would raise the limit of descriptors and leave it raised. */
static int open_places(struct ring_private *p)
{
	struct io_uring_rsrc_register reg = { .flags = IORING_RSRC_REGISTER_SPARSE };
	struct rlimit limit = { 0, 0 };
	unsigned int nr;
	int r;

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	nr = (unsigned int)(limit.rlim_cur < FILES_MAX ? limit.rlim_cur : FILES_MAX) / 2;
	p->places = calloc(nr ? nr : 1, sizeof(*p->places));
	if (!p->places)
		return -ENOMEM;
	reg.nr = nr * 2;
	r = nr ? io_uring_register(p->uring.ring_fd, IORING_REGISTER_FILES2, &reg, sizeof(reg)) : -EMFILE;
	if (r < 0)		/* none, now and later */
		return r;
	while (p->nr_free < nr) {
		p->places[p->nr_free] = (uint16_t)(nr - 1 - p->nr_free);
		p->nr_free++;
	}
	return 0;
}

static void free_place(struct ring_private *p, int place)
{
	const int none[2] = { -1, -1 };

	(void)io_uring_register_files_update(&p->uring, (unsigned int)place * 2, none, 2);
	p->places[p->nr_free++] = (uint16_t)place;
}

static int ring_stow(struct rf_ring *ring, const int fds[2])
{
	struct ring_private *p = ring->private;
	int r = p->places ? 0 : open_places(p), place;

	if (r < 0 || !p->nr_free)
		return r < 0 ? r : -EMFILE;
	place = p->places[--p->nr_free];
	r = io_uring_register_files_update(&p->uring, (unsigned int)place * 2, fds, 2);
	if (r == 2)
		return place;
	free_place(p, place);
	return r < 0 ? r : -EIO;
}

static int ring_arm_stowed(struct rf_ring *ring, int place, int which, uint64_t cookie)
{
	struct io_uring_sqe *sqe = get_sqe(ring);

	if (!sqe)
		return -EBUSY;
	io_uring_prep_poll_add(sqe, place * 2 + which, POLLIN);
	sqe->flags |= IOSQE_FIXED_FILE;
	sqe->user_data = cookie;
	return 0;
}

/* In @ret_fd a descriptor, close-on-exec, of file @index, or -1: there is no such.  0 or a negative errno. */
static int install(struct rf_ring *ring, int index, int *ret_fd)
{
	struct ring_private *p = ring->private;
	struct io_uring_sqe *sqe = get_sqe(ring);
	int32_t result = 0;
	int r;

	if (!sqe)
		return -EBUSY;
	io_uring_prep_rw(RF_IORING_OP_FIXED_FD_INSTALL, sqe, index, NULL, 0, 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	sqe->user_data = COOKIE_INSTALL;
	r = io_uring_submit(&p->uring);
	if (r >= 0)
		r = await(p, COOKIE_INSTALL, &result);
	if (r == 0 && result < 0 && result != -EBADF)
		r = result;
	*ret_fd = r == 0 && result >= 0 ? result : -1;
	return r;
}

static int ring_unstow(struct rf_ring *ring, int place, int ret_fds[2])
{
	int fds[2] = { -1, -1 }, r = 0;

	for (int i = 0; i < 2 && r == 0 && ret_fds; i++)
		r = install(ring, place * 2 + i, &fds[i]);
	if (r < 0) {
		if (fds[0] >= 0)
			(void)close(fds[0]);
		return r;
	}
	free_place(ring->private, place);
	if (ret_fds) {
		ret_fds[0] = fds[0];
		ret_fds[1] = fds[1];
	}
	return 0;
}

const struct rf_engine rf_engine_ring = {
	.name	= "ring",
	.open	= ring_open,
	.close	= rf_uring_close,
	.arm	= rf_uring_arm,
	.disarm	= rf_uring_disarm,
	.wait	= rf_uring_wait,
	.let_go	= rf_uring_let_go,
	.stow	= ring_stow,
	.arm_stowed = ring_arm_stowed,
	.unstow	= ring_unstow,
};
