/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cases of ops.h on the library's engines. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ops.h"
#include "sandboxed.h"

bool ops_can_run(const struct rf_chain *c)
{
	(void)c;
	return true;
}

static void collect(const struct rf_chain *c, const struct rf_context *ctx,
		    const struct rf_completion *d, struct ops_outcome *ret)
{
	ret->kind = d->kind;
	ret->index = d->index;
	ret->result = d->result;
	ret->status = d->status;
	ret->nr = (int)c->nr_ops;
	ret->by = rf_context_engine(ctx, &ret->why);
	ret->why = strcmp(ret->by, "native") ? strdup(ret->why) : NULL;
	for (int i = 0; i < ret->nr; i++) {
		int r;

		ret->results[i] = INT32_MIN;
		if (rf_context_op(ctx, i, &r) == 1)
			ret->results[i] = ops_normalized(&c->ops[i], r);
	}
}

void ops_run_chain(const char *engine, const struct rf_chain *c, struct ops_outcome *ret)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_completion d;
	struct rf_context *ctx;
	struct rf_ring *ring;

	EXPECT_TRUE(c->nr_ops <= OPS_MAX);
	if (rf_ring_new(sandboxed_engine(engine), &ring, &err) < 0 ||
	    rf_submit(ring, c, 0, 0, &ctx, &err) < 0)
		fail_msg("%s: %s", err.msg, strerror(err.code));
	do {
		EXPECT_INT(1, rf_ring_wait(ring, -1, &d));
		if (d.kind == RF_DONE_FD)
			EXPECT_INT(0, close(d.result));
		if (d.kind == RF_DONE_PARKED)
			EXPECT_INT(0, rf_context_open(ctx));
	} while (d.kind != RF_DONE_EXIT && d.kind != RF_DONE_FAILED);
	collect(c, ctx, &d, ret);
	rf_ring_free(ring);
}

