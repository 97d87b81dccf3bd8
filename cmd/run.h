/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What commands have in common that run something and say how it ended.
 */
#ifndef RF_CMD_RUN_H
#define RF_CMD_RUN_H

#include "launch.h"
#include "load.h"
#include "opt.h"

struct run {
	struct load	 load;
	struct launch	 launch;
	int		 verdict_fd;
	int		 trace_fd;
	const char	*learn_file;
	bool		 learn_once;
};

#define RUN_INIT { .verdict_fd = -1, .trace_fd = -1, .launch = LAUNCH_INIT }

/* Ids of the rows; a command's own begin at RUN_OWN. */
enum { RUN_ENGINE, RUN_TRACE, RUN_TRACE_FILE, RUN_VERDICT, RUN_OWN };
/* Those of `run` itself, which a pool reads too. */
enum { RUN_SPEC = RUN_OWN, RUN_POOL, RUN_POOL_ELSE, RUN_EXPLAIN_DENIALS, RUN_LEARN,
       RUN_LEARN_ONCE, RUN_HELP };

#define RUN_ROW_ENGINE								\
	{ .name = "engine", .arg = "ENGINE", .id = RUN_ENGINE,			\
	  .help = "how the chain is run: auto, native, ring or plain",			\
	  .complete = RF_COMPLETE_WORDS, .words = "auto native ring plain" }

#define RUN_ROWS								\
	RUN_ROW_ENGINE,								\
	{ .name = "trace", .arg = "FORMAT", .id = RUN_TRACE, .flags = RF_OPT_OPTIONAL, \
	  .help = "print every op with its result and time, as text or json",	\
	  .complete = RF_COMPLETE_WORDS, .words = "text json" },		\
	{ .name = "trace-file", .arg = "FILE", .id = RUN_TRACE_FILE,		\
	  .help = "print the trace to FILE or &FD, not to standard error",	\
	  .complete = RF_COMPLETE_FILE },					\
	{ .name = "verdict", .arg = "FILE", .id = RUN_VERDICT,			\
	  .help = "write how the launch ended to FILE or &FD, as JSON",		\
	  .complete = RF_COMPLETE_FILE }

/* --engine. */
int run_take_engine(enum rf_engine_kind *ret, const char *value, struct rf_err *err);

/* One of RUN_ROWS. */
int run_take_row(struct run *run, const struct rf_opt *opt, const char *value, struct rf_err *err);

/* When all options are read: where the trace goes. */
void run_trace_where(struct run *run);

/*
 * @r is what came of the preparations: launch it, or report why not; the
 * verdict; the exit status, unless it ends by a signal.
 */
int run_to_end(struct run *run, int r);

#endif
