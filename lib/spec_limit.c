/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `limits`, of which spec_cgroup.c has those of control groups, and `affinity`.
 */
#include "spec.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "error.h"

#define NR_RLIMITS (sizeof(((struct rf_sandbox *)NULL)->rlimits) / sizeof(struct rf_rlimit_spec))
static_assert(RLIM_NLIMITS <= NR_RLIMITS, "a row of rlimits[] for every resource");

enum unit { UNIT_COUNT, UNIT_BYTES, UNIT_SECONDS, UNIT_MICROSECONDS };

/* What a limit counts; its key is in limit_keys[]. */
static const enum unit units[RLIM_NLIMITS] = {
	[RLIMIT_AS]		= UNIT_BYTES,
	[RLIMIT_CORE]		= UNIT_BYTES,
	[RLIMIT_CPU]		= UNIT_SECONDS,
	[RLIMIT_DATA]		= UNIT_BYTES,
	[RLIMIT_FSIZE]		= UNIT_BYTES,
	[RLIMIT_MEMLOCK]	= UNIT_BYTES,
	[RLIMIT_MSGQUEUE]	= UNIT_BYTES,
	[RLIMIT_RSS]		= UNIT_BYTES,
	[RLIMIT_RTTIME]		= UNIT_MICROSECONDS,
	[RLIMIT_STACK]		= UNIT_BYTES,
};

static int read_amount(struct rf_reader *r, const struct rf_node *v, enum unit unit,
		       uint64_t *ret)
{
	int64_t n = 0;
	uint64_t ns = 0;
	int err;

	if (v->kind == RF_NODE_SCALAR && !strcmp(v->text, "unlimited")) {
		*ret = RLIM_INFINITY;
		return 0;
	}
	switch (unit) {
	case UNIT_COUNT:
		err = rf_value_int(r, v, 0, INT64_MAX, &n);
		*ret = (uint64_t)n;
		return err;
	case UNIT_BYTES:
		return rf_value_size(r, v, ret);
	case UNIT_SECONDS:
	case UNIT_MICROSECONDS:
		err = rf_value_duration(r, v, &ns);
		if (err < 0)
			return err;
		*ret = ns / (unit == UNIT_SECONDS ? 1000000000u : 1000u);
		if (*ret * (unit == UNIT_SECONDS ? 1000000000u : 1000u) != ns)
			return rf_err_at(r->err, &v->place, EINVAL,
					 "'%.64s' is not a whole number of seconds", v->text);
		return 0;
	}
	return -EINVAL;
}

static int read_soft(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_rlimit_spec *limit = obj;

	return read_amount(r, v, units[limit->resource], &limit->soft);
}

static int read_hard(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_rlimit_spec *limit = obj;

	return read_amount(r, v, units[limit->resource], &limit->hard);
}

/* One amount for both, or {soft: ..., hard: ...}. */
static int read_rlimit(struct rf_reader *r, const struct rf_node *v, struct rf_sandbox *sb,
		       int resource)
{
	static const struct rf_key keys[] = {
		{ .name = "soft", .read = read_soft },
		{ .name = "hard", .read = read_hard },
		{ .name = NULL }
	};
	struct rf_rlimit_spec limit = { .resource = resource, .place = v->place };
	int ret;

	if (v->kind == RF_NODE_MAP) {
		ret = rf_read_map(r, v, keys, &limit);
		if (!ret && v->nr != 4)
			return rf_err_at(r->err, &v->place, EINVAL, "a limit needs both 'soft' and 'hard'");
	} else {
		ret = read_amount(r, v, units[resource], &limit.soft);
		limit.hard = limit.soft;
	}
	if (ret < 0)
		return ret;
	if (limit.soft > limit.hard)
		return rf_err_at(r->err, &v->place, EINVAL, "the soft limit is above the hard one");
	sb->rlimits[resource] = limit;
	sb->rlimit_set |= 1U << resource;
	return 0;
}

#define LIMIT(word, resource) \
	static int read_##word(struct rf_reader *r, const struct rf_node *v, void *sb) \
	{ \
		return read_rlimit(r, v, sb, resource); \
	}
LIMIT(as, RLIMIT_AS)
LIMIT(core, RLIMIT_CORE)
LIMIT(cpu_time, RLIMIT_CPU)
LIMIT(data, RLIMIT_DATA)
LIMIT(fsize, RLIMIT_FSIZE)
LIMIT(locks, RLIMIT_LOCKS)
LIMIT(memlock, RLIMIT_MEMLOCK)
LIMIT(msgqueue, RLIMIT_MSGQUEUE)
LIMIT(nice, RLIMIT_NICE)
LIMIT(nofile, RLIMIT_NOFILE)
LIMIT(nproc, RLIMIT_NPROC)
LIMIT(rss, RLIMIT_RSS)
LIMIT(rtprio, RLIMIT_RTPRIO)
LIMIT(rttime, RLIMIT_RTTIME)
LIMIT(sigpending, RLIMIT_SIGPENDING)
LIMIT(stack, RLIMIT_STACK)

int rf_read_limits(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	static const struct rf_key keys[] = {
		{ .name = "wall", RF_VALUE_DURATION, offsetof(struct rf_sandbox, wall_ms),
		  offsetof(struct rf_sandbox, wall_place) },
		{ .name = "memory",	.read = rf_read_limit_memory },
		{ .name = "swap",	.read = rf_read_limit_swap },
		{ .name = "pids",	.read = rf_read_limit_pids },
		{ .name = "cpu",	.read = rf_read_limit_cpu },
		{ .name = "cpu_total",	.read = rf_read_limit_cpu_total },
		{ .name = "cpuset",	.read = rf_read_limit_cpuset },
		{ .name = "io",		.read = rf_read_limit_io },
		{ .name = "hugetlb",	.read = rf_read_limit_hugetlb },
		{ .name = "as",		.read = read_as },
		{ .name = "core",	.read = read_core },
		{ .name = "cpu_time",	.read = read_cpu_time },
		{ .name = "data",	.read = read_data },
		{ .name = "fsize",	.read = read_fsize },
		{ .name = "locks",	.read = read_locks },
		{ .name = "memlock",	.read = read_memlock },
		{ .name = "msgqueue",	.read = read_msgqueue },
		{ .name = "nice",	.read = read_nice },
		{ .name = "nofile",	.read = read_nofile },
		{ .name = "nproc",	.read = read_nproc },
		{ .name = "rss",	.read = read_rss },
		{ .name = "rtprio",	.read = read_rtprio },
		{ .name = "rttime",	.read = read_rttime },
		{ .name = "sigpending",	.read = read_sigpending },
		{ .name = "stack",	.read = read_stack },
		{ .name = NULL }
	};

	return rf_read_map(r, v, keys, obj);
}

#define NR_CPUS ((int64_t)sizeof(((struct rf_sandbox *)NULL)->affinity) * 8)

/* "3" or "0-3". */
static int read_cpus(struct rf_reader *r, const struct rf_node *v, uint64_t *mask)
{
	struct rf_node first = *v, last = *v;
	int64_t from, to;
	const char *dash;
	char *text;
	int ret = rf_need(r, v, RF_NODE_SCALAR, "a cpu or a range of cpus");

	if (ret < 0)
		return ret;
	dash = strchr(v->text, '-');
	if (dash && dash != v->text) {
		text = rf_sandbox_strdup(r->sb, v->text);
		if (!text)
			return rf_err_set(r->err, ENOMEM, "reading 'affinity'");
		text[dash - v->text] = '\0';
		first.text = text;
		last.text = dash + 1;
	}
	ret = rf_value_int(r, &first, 0, NR_CPUS - 1, &from);
	if (!ret)
		ret = rf_value_int(r, &last, 0, NR_CPUS - 1, &to);
	if (ret < 0)
		return ret;
	if (from > to)
		return rf_err_at(r->err, &v->place, EINVAL, "'%.64s' goes backwards", v->text);
	for (; from <= to; from++)
		mask[from / 64] |= 1ull << (from % 64);
	return 0;
}

int rf_read_affinity(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	uint64_t mask[sizeof(sb->affinity) / sizeof(*sb->affinity)] = { 0 };
	int ret = rf_need(r, v, RF_NODE_LIST, "a list of cpus");

	if (ret < 0)
		return ret;
	if (!v->nr)
		return rf_err_at(r->err, &v->place, EINVAL, "no cpu to run on");
	for (size_t i = 0; i < v->nr && !ret; i++)
		ret = read_cpus(r, v->items[i], mask);
	if (ret < 0)
		return ret;
	memcpy(sb->affinity, mask, sizeof(mask));
	sb->has_affinity = true;
	return 0;
}
