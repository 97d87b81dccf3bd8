/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The limits that ringfence itself enforces, and what became of the others: the
 * deadline of the wall, processor time of the whole tree, and the control group
 * until it is removed.
 */
#ifndef RF_CMD_LIMIT_H
#define RF_CMD_LIMIT_H

#include "cgroup.h"
#include "load.h"
#include "ringfence.h"
#include "verdict.h"

enum limit_passed { LIMIT_NONE = 0, LIMIT_WALL, LIMIT_CPU };

struct limits {
	struct rf_sandbox *sb;
	struct rf_context *ctx;
	uint64_t	 wall_ns;	/* clock_ns() when it passes; 0: none */
	unsigned int	 nr_cpus;	/* how fast processor time can go by */
	enum limit_passed passed;
	bool		 has_usage;
	struct rf_cgroup_usage usage;	/* when it was over */
	char		 path[256];	/* of the group, or "" */
};

/* Once the launch has been submitted. 0 or a negative errno with @err. */
int limits_start(struct limits *l, struct rf_sandbox *sb, struct rf_context *ctx,
		 struct rf_err *err);
/* RF_DONE_TIMEOUT: which limit has passed, if any; waits for the next one otherwise. */
enum limit_passed limits_due(struct limits *l);
/*
 * Is nobody in the group any more, if there is one?  @look: what has been used there is
 * still to be read, by limits_end().
 */
bool limits_are_over(const struct limits *l, bool look);
/* All tasks are gone: what they have used, if somebody wants to @look, and no group any more. */
void limits_end(struct limits *l, bool look);

/*
 * Whether op @index failed with @result because the memory limit leaves no room
 * to start anything; then @err says so.
 */
bool limits_too_low(const struct limits *l, const struct load *load, int index, int result,
		    struct rf_err *err);
/* What the command's end has to do with limits: `reason` and `cgroup`; says it to people. */
void limits_verdict(const struct limits *l, struct rf_verdict *v);

#endif
