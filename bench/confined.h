/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sandbox that bench/run gives to `ringfence run`, for programs that embed the library, and
 * a launch of it.
 */
#ifndef BENCH_CONFINED_H
#define BENCH_CONFINED_H

#include <stdbool.h>

#include "error.h"
#include "ringfence.h"
#include "sandbox.h"

/* Says that @what failed, by the negative errno @r, which it returns; @err may be NULL. */
int complain(const char *what, int r, const struct rf_err *err);

/*
 * The chain that is @part of it, with @stamp as the command.  RF_PART_BOTH takes over
 * descriptors 0, 1 and 2, as a pool does.  The caller's; NULL: it has been complained about.
 */
struct rf_chain *confined_chain(const char *stamp, bool init, enum rf_part part);

/* 0 when @done ends a launch well, 1 when it ends none, or a negative errno, complained about. */
int launch_outcome(const struct rf_completion *done);

/* Submit @chain and wait for its end; *@ret_returned: now_us() when rf_submit() returned. */
int launch(struct rf_ring *ring, const struct rf_chain *chain, double *ret_returned);

#endif
