/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a chain that failed, or left something out, means to people.
 */
#ifndef RF_CMD_FAILURE_H
#define RF_CMD_FAILURE_H

#include "load.h"
#include "ringfence.h"

struct failure {
	int		 index;		/* of the op to name */
	int		 status;	/* ringfence's exit status */
};

/*
 * The failure that @done (RF_DONE_FAILED) reports, as message, place and hint
 * in @err.
 */
void failure_of_op(const struct load *l, const struct rf_context *ctx,
		   const struct rf_completion *done, struct failure *ret,
		   struct rf_err *err);

/* What is behind op @index failing with @error (positive), if the system shows it. */
void failure_hint(const struct load *l, int index, int error, struct rf_err *err);

/*
 * The optional mounts that were left out; *ret is to be freed, and NULL when
 * there is none.
 */
void failure_skipped(const struct load *l, const struct rf_context *ctx,
		     const struct rf_mount ***ret, size_t *ret_nr);

#endif
