/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Executors of the group "restriction".
 */
#include <linux/ioprio.h>
#include <linux/resource.h>
#include <linux/sched/types.h>

#include "run.h"

RF_EXECUTOR(rlimit)
{
	const struct rlimit64 lim = {
		.rlim_cur = op->u.rlimit.soft, .rlim_max = op->u.rlimit.hard,
	};

	(void)ctx;
	return rf_sys4(__NR_prlimit64, 0, op->u.rlimit.resource, &lim, 0);
}

RF_EXECUTOR(sched)
{
	const struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = op->u.sched.policy,
		.sched_flags = op->u.sched.flags,
		.sched_nice = op->u.sched.nice,
		.sched_priority = op->u.sched.priority,
		.sched_runtime = op->u.sched.runtime,
		.sched_deadline = op->u.sched.deadline,
		.sched_period = op->u.sched.period,
	};

	(void)ctx;
	return rf_sys3(__NR_sched_setattr, 0, &attr, 0);
}

RF_EXECUTOR(affinity)
{
	return rf_sys3(__NR_sched_setaffinity, 0, op->u.affinity.mask.len,
		       rf_ctx_blob(ctx, op->u.affinity.mask));
}

RF_EXECUTOR(nice)
{
	(void)ctx;
	return rf_sys3(__NR_setpriority, PRIO_PROCESS, 0, op->u.nice.value);
}

RF_EXECUTOR(ioprio)
{
	(void)ctx;
	return rf_sys3(__NR_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		       IOPRIO_PRIO_VALUE(op->u.ioprio.prio_class, op->u.ioprio.level));
}

/* The kernel takes one bit less than it is told. */
RF_EXECUTOR(mempolicy)
{
	struct rf_blob nodes = op->u.mempolicy.nodes;

	if (!nodes.len)
		return rf_sys3(__NR_set_mempolicy, op->u.mempolicy.mode, 0, 0);
	return rf_sys3(__NR_set_mempolicy, op->u.mempolicy.mode, rf_ctx_blob(ctx, nodes),
		       nodes.len * 8UL + 1);
}

RF_EXECUTOR(oom_score)
{
	int32_t value = op->u.oom_score.value;
	char text[24], *p = text;

	(void)ctx;
	if (value < 0)
		*p++ = '-';
	p += rf_utoa(p, (uint64_t)(value < 0 ? -(int64_t)value : value));
	return rf_proc_write("self/oom_score_adj", text, (size_t)(p - text));
}

RF_EXECUTOR(umask)
{
	(void)ctx;
	rf_sys1(__NR_umask, op->u.umask.mask);
	return 0;
}

RF_EXECUTOR(personality)
{
	long before = rf_sys1(__NR_personality, op->u.personality.persona);

	(void)ctx;
	return before < 0 ? before : 0;
}
