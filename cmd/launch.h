/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One launch, from a chain to the verdict.
 */
#ifndef RF_CMD_LAUNCH_H
#define RF_CMD_LAUNCH_H

#include "limit.h"
#include "load.h"
#include "process.h"
#include "publish.h"
#include "ringfence.h"
#include "signals.h"
#include "terminal.h"
#include "trace.h"
#include "tracer.h"
#include "verdict.h"

struct launch {
	/* set by the caller */
	enum rf_engine_kind engine;
	struct trace	 trace;
	bool		 wants_usage;	/* somebody will read the verdict */
	struct tracer	 tracer;	/* .explain, .learn */
	const struct process *inside;	/* the sandbox is another launch's, and ends with this */
	bool		 borrows_ring;	/* .ring is the caller's: launch_begin() */
	struct rf_context *ready;	/* has made the first part of the chain (a pool); or NULL */
	const char	*pool;		/* whose that was; or NULL */
	uint64_t	 user_data;	/* of its completions */

	/* the answer */
	struct rf_verdict verdict;
	struct rf_err	 err;

	/* while it runs */
	struct load	*load;
	struct rf_ring	*ring;
	struct rf_context *ctx;
	struct signals	 signals;
	struct terminal	*terminal;	/* private, of the command; or NULL */
	int		 typed_signal;	/* ^C or ^\ was the last that was typed there; 0 */
	uint64_t	 begin_ns;	/* clock_ns() when it was begun; 0: with the program */
	struct publish	 publish;
	bool		 published;	/* or there is nothing to publish */
	uint64_t	 exec_ns;	/* clock_ns() when the command started */
	struct limits	 limits;
	bool		 sandbox_ended;	/* .inside has */
	bool		 over;		/* all of it has been reaped, but for: */
	pid_t		 left[2];	/* what dies already and leave() waits for; 0: none */
	const struct rf_mount **skipped;
	struct rf_receipt *receipt;	/* when the verdict wants it and the command has run */
	char		 op[OP_TEXT_MAX]; /* text of the op that failed */
	char		 no_fallback[640]; /* why it was not taken, or empty */
	char			 engine_why[160];	/* of a chain that another engine has run */
};

#define LAUNCH_INIT {							\
	.trace = { .fd = -1 },						\
	.verdict = {							\
		.op_index = -1, .peak_kib = -1, .peak_at_most_kib = -1,	\
		.uid = -1, .gid = -1,					\
	},								\
	.signals = { .fd = -1 },					\
	.tracer = { .socket = -1, .file = -1 },				\
	.publish = PUBLISH_NONE,					\
}

/*
 * Run it to its end.  What went wrong has been reported, and .verdict says how
 * it ended.
 */
void launch_run(struct launch *l, struct load *load);
/* Instead, where @load came to nothing: .err, which is reported, is the verdict. */
void launch_refused(struct launch *l, const struct load *load);
void launch_done(struct launch *l);

/*
 * The same in parts, for one of many on the caller's .ring: it has no terminal, no
 * tracer and no name by which others find it, and signals are the caller's matter.
 * The caller waits, and hands over each completion.
 *
 * Return: launch_handle() 1 when it is over; 0; or a negative errno with .err set,
 * which launch_failed() reports.  After that, as after an error of launch_begin(),
 * it is over if .ctx is NULL; else it is the caller's to kill, and one more
 * completion says that it is over.
 */
int launch_begin(struct launch *l, struct load *load);
int launch_handle(struct launch *l, const struct rf_completion *done);
/* Kill it; the verdict is to say that @sig has ended it. */
void launch_end_by(struct launch *l, int sig);
void launch_failed(struct launch *l);

#endif
