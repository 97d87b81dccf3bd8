/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "limit.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chain.h"
#include "clock.h"
#include "error.h"
#include "report.h"

#define MS		1000000ULL	/* in nanoseconds */
#define PEAK_SLACK	(1024 * 1024)	/* bytes; processors keep charges in stock */
#define CPU_LOOK_MS	5		/* the least time between two looks at the usage */

static struct rf_cgroup *group(const struct limits *l)
{
	return l->sb->cgroup.group;
}

/* ----------------------------------------------------------------- deadlines */

/* Milliseconds until processor time can be used up, if all processors are busy; 0: it is. */
static uint64_t cpu_left_ms(const struct limits *l)
{
	struct rf_cgroup_usage u;
	uint64_t used_ms, left;

	rf_cgroup_usage(group(l), &u);
	used_ms = u.cpu_us > 0 ? (uint64_t)u.cpu_us / 1000 : 0;
	if (used_ms >= l->sb->cpu_ms)
		return 0;
	left = (l->sb->cpu_ms - used_ms) / l->nr_cpus;
	return left > CPU_LOOK_MS ? left : CPU_LOOK_MS;
}

static unsigned int cpus_at_a_time(const struct rf_sandbox *sb)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t nr = online > 0 ? (uint64_t)online : 1;

	if (sb->cgroup.set & 1U << RF_CG_CPU && (sb->cgroup.cpu_milli + 999) / 1000 < nr)
		nr = (sb->cgroup.cpu_milli + 999) / 1000;
	return (unsigned int)nr;
}

/* The next moment to look, with @cpu_ms until processor time may be over (0: no matter). */
static int look_again(struct limits *l, uint64_t cpu_ms)
{
	uint64_t now = clock_ns(), ms = cpu_ms;

	if (l->wall_ns) {
		uint64_t wall_ms = l->wall_ns > now ? (l->wall_ns - now + MS - 1) / MS : 1;

		if (!ms || wall_ms < ms)
			ms = wall_ms;
	}
	return rf_context_deadline(l->ctx, ms);
}

int limits_start(struct limits *l, struct rf_sandbox *sb, struct rf_context *ctx,
		 struct rf_err *err)
{
	const char *path;
	int r;

	l->sb = sb;
	l->ctx = ctx;
	path = rf_cgroup_path(group(l));
	if (path)
		(void)snprintf(l->path, sizeof(l->path), "%s", path);
	if (!sb->wall_ms && !sb->cpu_ms)
		return 0;
	if (sb->wall_ms && sb->wall_ms > (UINT64_MAX - clock_ns()) / MS)
		return rf_err_at(err, &sb->wall_place, EINVAL, "the wall limit");
	l->wall_ns = sb->wall_ms ? clock_ns() + sb->wall_ms * MS : 0;
	l->nr_cpus = sb->cpu_ms ? cpus_at_a_time(sb) : 1;
	r = look_again(l, sb->cpu_ms ? cpu_left_ms(l) : 0);
	return r < 0 ? rf_err_set(err, -r, "the deadline of the limits") : 0;
}

enum limit_passed limits_due(struct limits *l)
{
	uint64_t cpu_ms = l->sb->cpu_ms ? cpu_left_ms(l) : 1;

	if (l->wall_ns && clock_ns() >= l->wall_ns)
		return l->passed = LIMIT_WALL;
	/* one that cannot be watched any more has passed */
	if (!cpu_ms || look_again(l, l->sb->cpu_ms ? cpu_ms : 0) < 0)
		return l->passed = LIMIT_CPU;
	return LIMIT_NONE;
}

/* -------------------------------------------------------------------- the end */

bool limits_are_over(const struct limits *l, bool look)
{
	const char *path;

	if (!l->sb || !group(l))
		return true;
	if (!look)
		return rf_cgroup_is_over(group(l));
	path = rf_cgroup_path(group(l));
	return path && rf_cgroup_is_populated(path) == 0;
}

void limits_end(struct limits *l, bool look)
{
	int r;

	if (!l->sb || !group(l))
		return;
	r = rf_cgroup_end(group(l), look ? &l->usage : NULL);
	l->sb->cgroup.group = NULL;
	l->has_usage = look;
	if (r < 0)
		report_text("control group %s is left behind: %s\n", l->path, strerror(-r));
}

static bool is_past_join(const struct load *load, int index)
{
	for (int i = 0; i <= index; i++)
		if (load->chain->ops[i].kind == RF_OP_JOIN_CGROUP)
			return true;
	return false;
}

/*
 * Was the group's memory used up?  Kernels that count no failures of version 1
 * show it by the peak.
 */
static bool was_full(const struct limits *l, const struct rf_cgroup_spec *c)
{
	const struct rf_cgroup_usage *u = &l->usage;
	const uint64_t part = c->memory / 4;
	const uint64_t slack = part < PEAK_SLACK ? part : PEAK_SLACK;

	if (!l->has_usage || !(c->set & 1U << RF_CG_MEMORY))
		return false;
	return u->memory_hits > 0 || u->oom_kills > 0 ||
	       (u->memory_peak >= 0 && (uint64_t)u->memory_peak + slack >= c->memory);
}

bool limits_too_low(const struct limits *l, const struct load *load, int index, int result,
		    struct rf_err *err)
{
	const struct rf_cgroup_spec *c = &load->sb->cgroup;

	if (index < 0 || !was_full(l, c) || !is_past_join(load, index) ||
	    (result != -ENOMEM && result != -EINTR))
		return false;
	rf_err_at(err, &c->places[RF_CG_MEMORY], ENOMEM,
		  "memory limit of %" PRIu64 " KiB: too low to start the command", c->memory / 1024);
	return true;
}

/*
 * A task that is killed on its way through exec is counted where its memory came
 * from; and one that has gone too far to fail ends by SIGSEGV.
 */
static bool died_of_memory(const struct limits *l, const struct rf_verdict *v)
{
	if (l->usage.oom_kills > 0)
		return true;
	return v->outcome == RF_SIGNALED && (v->signal == SIGKILL || v->signal == SIGSEGV) &&
	       was_full(l, &l->sb->cgroup);
}

static void report_memory(const struct limits *l)
{
	const char *killed = l->usage.oom_kills > 1 ? "several processes" : "a process";

	if (l->sb->cgroup.set & 1U << RF_CG_MEMORY)
		report_text("the memory limit of %" PRIu64 " KiB was reached; the kernel has killed "
			    "%s\n", l->sb->cgroup.memory / 1024, killed);
	else	/* that of a group above */
		report_text("a memory limit was reached; the kernel has killed %s\n", killed);
}

void limits_verdict(const struct limits *l, struct rf_verdict *v)
{
	const struct rf_cgroup_usage *u = &l->usage;
	bool failed = v->outcome == RF_SIGNALED || v->exit_status > 0;

	if (!l->has_usage)
		return;
	v->cgroup = u;
	v->cgroup_path = *l->path ? l->path : NULL;
	if (v->reason || v->outcome == RF_FAILED)
		return;
	if (died_of_memory(l, v)) {
		v->reason = "memory limit";
		if (failed)
			report_memory(l);
	} else if (u->pids_hits > 0) {
		v->reason = "pids limit";
		if (failed)
			report_text("the pids limit was reached; new processes were refused\n");
	}
}
