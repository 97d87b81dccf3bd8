/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pidfds of commands that only run, out of the way of the next launch.
 */
#include <unistd.h>

#include "ring.h"

void rf_context_stow(struct rf_context *ctx)
{
	const struct rf_ring *ring = ctx->ring;
	int fds[2] = { ctx->payload.pidfd, ctx->init.reaped ? -1 : ctx->init.pidfd };
	int place;

	if (!ring->engine->stow || ring->nr_contexts <= ring->stow_above || ctx->apart ||
	    ctx->stowed || fds[0] < 0 || ctx->payload.armed || ctx->init.armed)
		return;
	place = ring->engine->stow(ctx->ring, fds);
	if (place < 0)		/* no place is left: then they stay */
		return;
	(void)close(fds[0]);
	if (fds[1] >= 0)
		(void)close(fds[1]);
	ctx->payload.pidfd = -1;
	if (fds[1] >= 0)
		ctx->init.pidfd = -1;
	ctx->stowed = place + 1;
}

/*
 * A table without room for them leaves them where they are: a task is waited for by its
 * number then.
 */
void rf_context_unstow(struct rf_context *ctx)
{
	int fds[2];

	if (!ctx->stowed || ctx->ring->engine->unstow(ctx->ring, ctx->stowed - 1, fds) < 0)
		return;
	ctx->stowed = 0;
	ctx->payload.pidfd = fds[0];
	if (fds[1] >= 0)
		ctx->init.pidfd = fds[1];
}

int rf_context_pidfd(struct rf_context *ctx)
{
	rf_context_unstow(ctx);
	return ctx->payload.pidfd;
}
