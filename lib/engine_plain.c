/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plain engine: epoll and system calls, on any supported kernel.  The
 * reference in tests.  Doorbells come over the report socket, because one poll
 * can wait for that and for pidfds, timers and the caller's descriptors alike.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "error.h"
#include "ring.h"

static int plain_open(struct rf_ring *ring, struct rf_err *err)
{
	ring->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (ring->poll_fd < 0)
		return rf_err_set(err, errno, "epoll_create1");
	return 0;
}

static void plain_close(struct rf_ring *ring)
{
	(void)close(ring->poll_fd);
}

static int plain_arm(struct rf_ring *ring, int fd, uint64_t cookie)
{
	struct epoll_event e = {
		.events = (rf_cookie_is_out(cookie) ? EPOLLOUT : EPOLLIN) | EPOLLONESHOT,
		.data = { .u64 = cookie },
	};

	if (epoll_ctl(ring->poll_fd, EPOLL_CTL_MOD, fd, &e) == 0)
		return 0;
	if (errno == ENOENT && epoll_ctl(ring->poll_fd, EPOLL_CTL_ADD, fd, &e) == 0)
		return 0;
	return -errno;
}

/*
 * Explicit, because a registration lives as long as any copy of the file: a
 * context that has not closed its copies yet would keep it.
 */
static int plain_disarm(struct rf_ring *ring, int fd, uint64_t cookie)
{
	(void)cookie;
	return epoll_ctl(ring->poll_fd, EPOLL_CTL_DEL, fd, NULL) < 0 ? -errno : 0;
}

/* One event at a time: handling one may free what another points at. */
static int plain_wait(struct rf_ring *ring, int timeout_ms)
{
	struct epoll_event e;
	int n = epoll_wait(ring->poll_fd, &e, 1, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 1)
		rf_ring_event(ring, e.data.u64);
	return 0;
}

static int plain_let_go(struct rf_ring *ring, int fd, uint64_t cookie)
{
	(void)ring;
	(void)cookie;
	(void)close(fd);
	return 0;
}

const struct rf_engine rf_engine_plain = {
	.name	= "plain",
	.open	= plain_open,
	.close	= plain_close,
	.arm	= plain_arm,
	.disarm	= plain_disarm,
	.wait	= plain_wait,
	.let_go	= plain_let_go,
};
