/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One op of a chain as a line: for `explain`, for --trace and for errors.
 */
#ifndef RF_CMD_TRACE_H
#define RF_CMD_TRACE_H

#include <stdbool.h>

#include "ringfence.h"
#include "sandbox.h"

enum trace_format { TRACE_OFF = 0, TRACE_TEXT, TRACE_JSON };

#define OP_TEXT_MAX 4096	/* a longer op is cut */

/* Where in the spec op @index comes from; line 0 and no file: nowhere. */
struct rf_place op_place(const struct rf_chain *chain, int index);

/* The op with its arguments, with "..." at the end when it had to be cut. */
void op_text(const struct rf_chain *chain, int index, char buf[OP_TEXT_MAX]);

/* " [FILE:LINE:COL]" or "". */
void place_text(const struct rf_place *place, char *buf, size_t size);

/*
 * A line for op @index; @done is its completion, or NULL when it is only to be
 * explained.  To be freed; NULL: no memory.
 */
char *op_line(const struct rf_chain *chain, int index, enum trace_format format,
	      const struct rf_completion *done);

struct trace {
	enum trace_format format;
	int		 fd;
	int		 error;		/* first failure to write, positive errno */
};

void trace_engine(struct trace *t, const char *engine, const char *why);
/* The fallback has been taken. */
void trace_fallback(struct trace *t, const char *why);
void trace_op(struct trace *t, const struct rf_chain *chain, const struct rf_completion *done);

#endif
