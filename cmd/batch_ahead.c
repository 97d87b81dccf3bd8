/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sandboxes in advance: when a job's sandbox is that of the job before, that of the next
 * is likely to be too, and is made while the processors wait for jobs.
 *
 * The part of the chain that can be made ready is compared for each job, and the files
 * that it mounts; a job whose sandbox is another has its own, and what was ready ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"
#include "error.h"
#include "launch.h"

#define AHEAD_MAX	4

/* The sandbox of the last job. */
static int load_last(void *arg, struct load *l, struct rf_err *err)
{
	struct batch *b = arg;

	return batch_load(b, &b->ahead.doc, l, err);
}

void batch_ahead_init(struct batch *b)
{
	struct batch_ahead *a = &b->ahead;
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	a->processors = online > 2 ? (unsigned int)online : 2;
	pool_ready_init(&a->ready, b->ring, load_last, b);
	a->ready.quiet = true;
	a->ready.size = b->at_once < AHEAD_MAX ? b->at_once : AHEAD_MAX;
}

void batch_ahead_done(struct batch *b)
{
	pool_ready_done(&b->ahead.ready);
	free(b->ahead.text);
	b->ahead.text = NULL;
}

/* One that is ready for the job of @l, or NULL: then @l is as if nothing had been tried. */
static struct rf_context *take(struct batch *b, const struct batch_doc *doc, struct load *l)
{
	struct pool_ready *ready = &b->ahead.ready;
	struct rf_err err = RF_ERR_INIT;
	struct rf_context *ctx = NULL;

	if (!ready->nr_parked)
		return NULL;
	if (load_to_dispatch(l, NULL, &err) == 0 && pool_ready_differs(ready, l) < 0 &&
	    pool_ready_has_room_for(ready, l->chain))
		ctx = pool_ready_take(ready);
	if (ctx)
		return ctx;
	b->ahead.is_same = false;
	load_done(l);
	*l = (struct load){ .to_run = true };
	if (batch_load(b, doc, l, &err) < 0)	/* as it has been, but for memory */
		load_done(l);
	return NULL;
}

int batch_ahead_load(struct batch *b, const struct batch_doc *doc, struct load *l,
		     struct rf_context **ret_ready, struct rf_err *err)
{
	*ret_ready = take(b, doc, l);
	if (*ret_ready)
		return 0;
	return l->sb ? load_to_run(l, err) : rf_err_set(err, ENOMEM, "memory for a job");
}

/* Another job may come. */
static bool wants_more(const struct batch *b)
{
	if (b->stopping)
		return false;
	if (b->is_file)
		return b->stream.nr < b->report.total;
	return !b->stream.ended;
}

/* Keep what it says: the stream goes on. */
static bool keep(struct batch_ahead *a, const struct batch_doc *doc)
{
	char *text = realloc(a->text, doc->len + 1);

	if (!text)
		return false;
	memcpy(text, doc->text, doc->len);
	a->text = text;
	a->doc = *doc;
	a->doc.text = text;
	return true;
}

void batch_ahead_note(struct batch *b, const struct batch_doc *doc, bool was_ready)
{
	struct batch_ahead *a = &b->ahead;

	/* one that was ready was the same; but of its text only the command may differ */
	if (a->ready.stopped || !wants_more(b) || was_ready)
		return;
	/* comparing is for nothing where none is going to be made */
	a->is_same = b->running < a->processors && keep(a, doc) && pool_ready_is_same(&a->ready);
	if (a->ready.failed)
		pool_ready_stop(&a->ready);
}

void batch_ahead_maintain(struct batch *b)
{
	struct batch_ahead *a = &b->ahead;

	/* with a processor to spare: it takes a little more than to make one when it is wanted */
	if (!a->is_same || !wants_more(b) || b->running >= a->processors)
		return;
	(void)pool_ready_maintain(&a->ready);
	if (a->ready.failed)	/* jobs tell what is wrong, if something is */
		pool_ready_stop(&a->ready);
}
