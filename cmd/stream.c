/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* Reads in a row before others have their turn. */
#define TURNS	8
/* What a terminal or pipe takes without blocking when poll says that it takes something. */
#define PIECE	256

static int watched(int r, bool *armed)
{
	if (r == 0 || r == -EALREADY) {
		*armed = true;
		return 0;
	}
	return r;
}

int stream_arm(struct stream *s)
{
	int r = 0;

	if (s->begin < s->end && !s->to_over && s->to >= 0) {
		if (!s->to_armed)
			r = watched(rf_ring_watch_out(s->ring, s->to, s->to_id), &s->to_armed);
	} else if (!s->from_over && !s->paused && s->from >= 0 && !s->from_armed) {
		r = watched(rf_ring_watch(s->ring, s->from, s->from_id), &s->from_armed);
	}
	return r;
}

static bool hung_up(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && p.revents & (POLLHUP | POLLERR);
}

/* True when something has come. */
static bool fill(struct stream *s)
{
	ssize_t n;

	if (s->from_over || s->from < 0)
		return false;
	n = read(s->from, s->data, sizeof(s->data));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n == 0 && s->zero_is_nothing && !hung_up(s->from))
		return false;
	if (n <= 0) {	/* EIO: a terminal that is gone */
		s->from_over = true;
		return false;
	}
	s->begin = 0;
	s->end = (size_t)n;
	if (s->look)
		s->look(s->arg, s->data, s->end);
	return true;
}

/* Write what goes at once, if it @may; true when nothing is left. */
static bool flush(struct stream *s, bool may)
{
	while (s->begin < s->end && !s->to_over && s->to >= 0) {
		size_t len = s->end - s->begin;
		ssize_t n;

		if (s->to_blocks && !may)
			return false;
		n = write(s->to, s->data + s->begin, s->to_blocks && len > PIECE ? PIECE : len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0)
			s->to_over = true;
		else
			s->begin += (size_t)n;
		may = false;
	}
	s->begin = s->end = 0;
	return true;
}

int stream_ready(struct stream *s, bool is_to)
{
	int turns = s->from_blocks ? 1 : TURNS;

	*(is_to ? &s->to_armed : &s->from_armed) = false;
	if (is_to)
		(void)flush(s, true);
	else if (!s->paused && s->begin == s->end)	/* else from before */
		while (turns-- > 0 && fill(s) && flush(s, false))
			;
	return stream_arm(s);
}

void stream_pause(struct stream *s)
{
	s->paused = true;
	if (s->from_armed)
		(void)rf_ring_unwatch(s->ring, s->from);
	s->from_armed = false;
}

int stream_resume(struct stream *s)
{
	s->paused = false;
	return stream_arm(s);
}

bool stream_drain(struct stream *s)
{
	/* whoever takes it may be slow: then the watch tells when it goes on */
	while (flush(s, false))
		if (!fill(s))
			return true;
	return false;
}

void stream_done(struct stream *s)
{
	/* -ENOENT: it was never watched */
	(void)rf_ring_unwatch(s->ring, s->from);
	(void)rf_ring_unwatch(s->ring, s->to);
	s->from_armed = s->to_armed = false;
}
