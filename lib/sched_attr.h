/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What sched_setattr(2) takes; a header of its own, for <linux/sched/types.h> and <sched.h> do not agree everywhere. */
#ifndef RF_SCHED_ATTR_H
#define RF_SCHED_ATTR_H

#include <linux/sched/types.h>

#include "op.h"

static inline struct sched_attr rf_sched_attr(const struct rf_op *op)
{
	return (struct sched_attr){
		.size = sizeof(struct sched_attr),
		.sched_policy = op->u.sched.policy,
		.sched_flags = op->u.sched.flags,
		.sched_nice = op->u.sched.nice,
		.sched_priority = op->u.sched.priority,
		.sched_runtime = op->u.sched.runtime,
		.sched_deadline = op->u.sched.deadline,
		.sched_period = op->u.sched.period,
	};
}

#endif
