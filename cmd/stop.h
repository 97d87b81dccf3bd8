/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stopping, continuing and killing all that is in a running sandbox.
 *
 * A sandbox with a control group is frozen and killed by it.  One without, but
 * with a pid namespace, is killed by its pid 1, and stopped by SIGSTOP for each
 * process until a whole look finds none that runs.  One with neither cannot be
 * stopped: who has left the command's family is not to be told from others.
 */
#ifndef RF_CMD_STOP_H
#define RF_CMD_STOP_H

#include <stdbool.h>

struct rf_err;
struct running;

/* Stop all of it, or, with an error, none. */
int stop_pause(const struct running *r, struct rf_err *err);
int stop_resume(const struct running *r, struct rf_err *err);
bool stop_is_paused(const struct running *r);

/* SIGKILL for all of it. */
int stop_kill(const struct running *r, struct rf_err *err);

#endif
