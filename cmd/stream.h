/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes from one descriptor to another, on a ring.
 *
 * One direction: it reads when all that it has read before has been written, so
 * a slow reader slows the writer down and nothing piles up.  It never blocks
 * where both descriptors are non-blocking; others are asked by poll first, and
 * written to in small pieces.
 */
#ifndef RF_CMD_STREAM_H
#define RF_CMD_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringfence.h"

struct stream {
	struct rf_ring	*ring;
	int		 from, to;	/* borrowed; -1: there is none */
	uint64_t	 from_id, to_id; /* user_data of the watches */
	bool		 from_blocks, to_blocks; /* ask by poll before each call */
	bool		 zero_is_nothing; /* a read of 0 is no end, if nobody has hung up */
	bool		 paused;	/* by stream_pause() */
	bool		 from_over;	/* end of file, or the reader's side failed */
	bool		 to_over;	/* nobody takes it any more */
	bool		 from_armed, to_armed;
	/* sees what has been read, before it goes on */
	void		(*look)(void *arg, const char *data, size_t len);
	void		*arg;
	size_t		 begin, end;
	char		 data[16384];
};

/* Watch what it waits for.  0 or a negative errno, as all of these. */
int stream_arm(struct stream *s);

/* One of its watches has fired: @is_to says which. */
int stream_ready(struct stream *s, bool is_to);

/* Stop reading, and go on. */
void stream_pause(struct stream *s);
int stream_resume(struct stream *s);

/* Read what there is and write what goes; true when nothing is left on the way. */
bool stream_drain(struct stream *s);

/* No watch of it fires from here on. */
void stream_done(struct stream *s);

#endif
