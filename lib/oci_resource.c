/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `linux.resources`: values of control files, in the words of either version.
 *
 * A row says which file a number goes to; what takes more than one key to know
 * (quota and period, memory and swap) is put together when all are read.
 */
#include "oci_config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "spec.h"

/* Everything as a number, or NONE. */
#define NONE	INT64_MIN

struct memory {
	int64_t	 limit, reservation, swap, swappiness, kernel_tcp;
	bool	 no_oom, hierarchy;
	struct rf_place place;
};

struct cpu {
	int64_t	 shares, quota, burst, period, rt_runtime, rt_period, idle;
	const char *cpus, *mems;
	struct rf_place place;
};

static struct rf_oci_limit *add(struct rf_oci_reader *o, const struct rf_place *place,
				const char *controller, const char *v1, const char *v2)
{
	struct rf_oci_config *c = o->c;
	struct rf_oci_limit *l;

	if (!rf_sandbox_grow(o->sb, &c->limits, c->nr_limits, &c->max_limits, sizeof(*l)))
		return NULL;
	l = &c->limits[c->nr_limits++];
	*l = (struct rf_oci_limit){ .controller = controller, .v1_file = v1, .v2_file = v2,
				    .place = *place };
	l->path = rf_sandbox_printf(o->sb, "%s", o->path);
	return l->path ? l : NULL;
}

/* A number that is the same in both, but for "no limit". */
static int add_number(struct rf_oci_reader *o, const struct rf_place *place,
		      const char *controller, const char *v1, const char *v2, int64_t n)
{
	struct rf_oci_limit *l;

	if (n == NONE)
		return 0;
	l = add(o, place, controller, v1, v2);
	if (!l)
		return rf_oci_no_memory(o);
	l->v1_text = rf_sandbox_printf(o->sb, "%" PRId64, n);
	l->v2_text = !v2 ? NULL : n < 0 ? "max" : l->v1_text;
	return l->v1_text ? 0 : rf_oci_no_memory(o);
}

static int add_text(struct rf_oci_reader *o, const struct rf_place *place,
		    const char *controller, const char *v1, const char *v2, const char *text)
{
	struct rf_oci_limit *l;

	if (!text || !*text)
		return 0;
	l = add(o, place, controller, v1, v2);
	if (!l)
		return rf_oci_no_memory(o);
	l->v1_text = text;
	l->v2_text = v2 ? text : NULL;
	return 0;
}

static int read_number(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_int(o, v, -1, INT64_MAX, obj);
}

static int read_count(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_int(o, v, 0, INT64_MAX, obj);
}

/* -------------------------------------------------------------------- memory */

/* Of version 2 `swap` is beside `memory`, of 1 it contains it. */
static int add_swap(struct rf_oci_reader *o, const struct rf_node *v, const struct memory *m)
{
	struct rf_oci_limit *l;

	if (m->swap == NONE || (m->swap == 0 && m->limit <= 0))
		return 0;
	if (m->swap >= 0 && (m->limit == NONE || m->limit > m->swap))
		return rf_oci_fail(o, v, "`swap` is memory and swap together, and less than `limit`");
	l = add(o, &m->place, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max");
	if (!l)
		return rf_oci_no_memory(o);
	l->v1_text = rf_sandbox_printf(o->sb, "%" PRId64, m->swap);
	l->v2_text = m->swap < 0 ? "max" : rf_sandbox_printf(o->sb, "%" PRId64, m->swap - m->limit);
	return l->v1_text && l->v2_text ? 0 : rf_oci_no_memory(o);
}

static int read_memory(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
#define FIELD(field) offsetof(struct memory, field)
	static const struct rf_oci_key keys[] = {
		{ .name = "limit", .read = read_number, .offset = FIELD(limit) },
		{ .name = "reservation", .read = read_number, .offset = FIELD(reservation) },
		{ .name = "swap", .read = read_number, .offset = FIELD(swap) },
		{ .name = "swappiness", .read = read_count, .offset = FIELD(swappiness) },
		{ .name = "kernelTCP", .read = read_number, .offset = FIELD(kernel_tcp) },
		{ .name = "disableOOMKiller", .read = rf_oci_bool, .offset = FIELD(no_oom) },
		/* what every kernel from 5.11 on does anyhow */
		{ .name = "useHierarchy", .read = rf_oci_bool, .offset = FIELD(hierarchy) },
		{ .name = "kernel", .refused = "the kernel has no limit of its own memory any more" },
		{ .name = "checkBeforeUpdate", .refused = "it is not built in yet" },
		{ .name = NULL }
	};
#undef FIELD
	struct memory m = { NONE, NONE, NONE, NONE, NONE, false, false, v->place };
	int r = rf_oci_map(o, v, keys, &m);

	(void)obj;
	if (r == 0)
		r = add_number(o, &m.place, "memory", "memory.limit_in_bytes", "memory.max",
			       m.limit == 0 ? NONE : m.limit);
	if (r == 0)
		r = add_swap(o, v, &m);
	if (r == 0)
		r = add_number(o, &m.place, "memory", "memory.soft_limit_in_bytes", "memory.low",
			       m.reservation == 0 ? NONE : m.reservation);
	if (r == 0)
		r = add_number(o, &m.place, "memory", "memory.kmem.tcp.limit_in_bytes", NULL,
			       m.kernel_tcp == 0 ? NONE : m.kernel_tcp);
	if (r == 0)
		r = add_number(o, &m.place, "memory", "memory.swappiness", NULL, m.swappiness);
	if (r == 0 && m.no_oom)
		r = add_number(o, &m.place, "memory", "memory.oom_control", NULL, 1);
	return r;
}

/* ----------------------------------------------------------------------- cpu */

static int add_quota(struct rf_oci_reader *o, const struct cpu *c)
{
	struct rf_oci_limit *l;
	int64_t period = c->period > 0 ? c->period : 100000;
	int r = add_number(o, &c->place, "cpu", "cpu.cfs_period_us", "", c->period > 0 ? c->period : NONE);

	if (r == 0)
		r = add_number(o, &c->place, "cpu", "cpu.cfs_quota_us", "",
			       c->quota == 0 ? NONE : c->quota);
	if (r < 0 || (c->period <= 0 && (c->quota == NONE || c->quota == 0)))
		return r;
	l = add(o, &c->place, "cpu", "", "cpu.max");
	if (!l)
		return rf_oci_no_memory(o);
	l->v2_text = c->quota > 0 ? rf_sandbox_printf(o->sb, "%" PRId64 " %" PRId64, c->quota, period) :
				    rf_sandbox_printf(o->sb, "max %" PRId64, period);
	return l->v2_text ? 0 : rf_oci_no_memory(o);
}

/* 2 to 262144 shares are a weight of 1 to 10000. */
static int add_shares(struct rf_oci_reader *o, const struct cpu *c)
{
	struct rf_oci_limit *l;

	if (c->shares == NONE || c->shares == 0)
		return 0;
	l = add(o, &c->place, "cpu", "cpu.shares", "cpu.weight");
	if (!l)
		return rf_oci_no_memory(o);
	l->v1_text = rf_sandbox_printf(o->sb, "%" PRId64, c->shares);
	l->v2_text = rf_sandbox_printf(o->sb, "%" PRId64, c->shares <= 2 ? 1 : c->shares >= 262144 ?
				       10000 : 1 + (c->shares - 2) * 9999 / 262142);
	return l->v1_text && l->v2_text ? 0 : rf_oci_no_memory(o);
}

static int read_cpu(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
#define FIELD(field) offsetof(struct cpu, field)
	static const struct rf_oci_key keys[] = {
		{ .name = "shares", .read = read_count, .offset = FIELD(shares) },
		{ .name = "quota", .read = read_number, .offset = FIELD(quota) },
		{ .name = "burst", .read = read_count, .offset = FIELD(burst) },
		{ .name = "period", .read = read_count, .offset = FIELD(period) },
		{ .name = "realtimeRuntime", .read = read_number, .offset = FIELD(rt_runtime) },
		{ .name = "realtimePeriod", .read = read_count, .offset = FIELD(rt_period) },
		{ .name = "idle", .read = read_count, .offset = FIELD(idle) },
		{ .name = "cpus", .read = rf_oci_text, .offset = FIELD(cpus) },
		{ .name = "mems", .read = rf_oci_text, .offset = FIELD(mems) },
		{ .name = NULL }
	};
#undef FIELD
	struct cpu c = { NONE, NONE, NONE, NONE, NONE, NONE, NONE, NULL, NULL, v->place };
	int r = rf_oci_map(o, v, keys, &c);

	(void)obj;
	if (r == 0)
		r = add_shares(o, &c);
	if (r == 0)
		r = add_quota(o, &c);
	if (r == 0)
		r = add_number(o, &c.place, "cpu", "cpu.cfs_burst_us", "cpu.max.burst", c.burst);
	if (r == 0)
		r = add_number(o, &c.place, "cpu", "cpu.rt_period_us", NULL,
			       c.rt_period == 0 ? NONE : c.rt_period);
	if (r == 0)
		r = add_number(o, &c.place, "cpu", "cpu.rt_runtime_us", NULL,
			       c.rt_runtime == 0 ? NONE : c.rt_runtime);
	if (r == 0)
		r = add_number(o, &c.place, "cpu", "cpu.idle", "cpu.idle", c.idle);
	if (r == 0)
		r = add_text(o, &c.place, "cpuset", "cpuset.cpus", "cpuset.cpus", c.cpus);
	if (r == 0)
		r = add_text(o, &c.place, "cpuset", "cpuset.mems", "cpuset.mems", c.mems);
	return r;
}

/* -------------------------------------------------------------- pids, hugetlb */

static int read_pids(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "limit", .read = read_number },
		{ .name = NULL }
	};
	int64_t limit = NONE;
	struct rf_oci_limit *l;
	int r = rf_oci_map(o, v, keys, &limit);

	(void)obj;
	/* 0 is "no value" to the engines, as to runc */
	if (r < 0 || limit == NONE || limit == 0)
		return r;
	l = add(o, &v->place, "pids", "pids.max", "pids.max");
	if (!l)
		return rf_oci_no_memory(o);
	l->v1_text = limit < 0 ? "max" : rf_sandbox_printf(o->sb, "%" PRId64, limit);
	l->v2_text = l->v1_text;
	return l->v1_text ? 0 : rf_oci_no_memory(o);
}

struct hugepage {
	const char	*size;
	uint64_t	 limit;
};

static int read_u64(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_uint(o, v, UINT64_MAX, obj);
}

static int add_hugepage(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "pageSize", .read = rf_oci_text, .offset = offsetof(struct hugepage, size) },
		{ .name = "limit", .read = read_u64, .offset = offsetof(struct hugepage, limit) },
		{ .name = NULL }
	};
	struct hugepage h = { .size = NULL };
	int r = rf_oci_map(o, v, keys, &h);
	struct rf_oci_limit *l;

	(void)obj;
	if (r < 0)
		return r;
	if (!h.size || !*h.size || strspn(h.size, "0123456789KMGB") != strlen(h.size))
		return rf_oci_fail(o, v, "no size of pages");
	l = add(o, &v->place, "hugetlb",
		rf_sandbox_printf(o->sb, "hugetlb.%s.limit_in_bytes", h.size),
		rf_sandbox_printf(o->sb, "hugetlb.%s.max", h.size));
	if (!l || !l->v1_file || !l->v2_file)
		return rf_oci_no_memory(o);
	l->v1_text = l->v2_text = rf_sandbox_printf(o->sb, "%" PRIu64, h.limit);
	return l->v1_text ? 0 : rf_oci_no_memory(o);
}

static int read_hugepages(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_list(o, v, add_hugepage, obj);
}

/* ------------------------------------------------------------------- devices */

struct rule {
	bool		 allow;
	const char	*type, *access;
	int64_t		 major, minor;
};

static int read_device_number(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_int(o, v, -1, (1 << 20) - 1, obj);
}

static const char *number(struct rf_oci_reader *o, int64_t n)
{
	return n < 0 ? "*" : rf_sandbox_printf(o->sb, "%" PRId64, n);
}

static int add_rule(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
#define FIELD(field) offsetof(struct rule, field)
	static const struct rf_oci_key keys[] = {
		{ .name = "allow", .read = rf_oci_bool, .offset = FIELD(allow) },
		{ .name = "type", .read = rf_oci_text, .offset = FIELD(type) },
		{ .name = "access", .read = rf_oci_text, .offset = FIELD(access) },
		{ .name = "major", .read = read_device_number, .offset = FIELD(major) },
		{ .name = "minor", .read = read_device_number, .offset = FIELD(minor) },
		{ .name = NULL }
	};
#undef FIELD
	struct rule rule = { .type = "a", .access = "rwm", .major = -1, .minor = -1 };
	int r = rf_oci_map(o, v, keys, &rule);
	struct rf_oci_limit *l;

	(void)obj;
	if (r < 0)
		return r;
	if (!*rule.type)
		rule.type = "a";
	if (!*rule.access)
		rule.access = "rwm";
	if (strlen(rule.type) != 1 || !strchr("abc", *rule.type))
		return rf_oci_fail(o, v, "no device of type '%.10s'", rule.type);
	if (strspn(rule.access, "rwm") != strlen(rule.access) || strlen(rule.access) > 3)
		return rf_oci_fail(o, v, "no access '%.10s'", rule.access);
	l = add(o, &v->place, "devices", rule.allow ? "devices.allow" : "devices.deny", NULL);
	if (!l)
		return rf_oci_no_memory(o);
	l->by_mknod = true;
	/* to the kernel "a" is all devices for all purposes, whatever else is said */
	if (*rule.type == 'a' && (rule.major >= 0 || rule.minor >= 0))
		return rf_oci_fail(o, v, "a rule for all types has no numbers");
	l->v1_text = *rule.type == 'a' ? "a" :
		rf_sandbox_printf(o->sb, "%s %s:%s %s", rule.type, number(o, rule.major),
				  number(o, rule.minor), rule.access);
	return l->v1_text ? 0 : rf_oci_no_memory(o);
}

static int read_device_rules(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_list(o, v, add_rule, obj);
}

/* --------------------------------------------------------------- block devices */

struct throttle {
	int64_t		 major, minor;
	uint64_t	 rate;
	int64_t		 weight, leaf;
};

struct throttle_file {
	const char	*v1, *v2_word;
};

static int add_throttle(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
#define FIELD(field) offsetof(struct throttle, field)
	static const struct rf_oci_key keys[] = {
		{ .name = "major", .read = read_device_number, .offset = FIELD(major) },
		{ .name = "minor", .read = read_device_number, .offset = FIELD(minor) },
		{ .name = "rate", .read = read_u64, .offset = FIELD(rate) },
		{ .name = NULL }
	};
#undef FIELD
	const struct throttle_file *file = obj;
	struct throttle t = { .major = -1, .minor = -1 };
	int r = rf_oci_map(o, v, keys, &t);
	struct rf_oci_limit *l;

	if (r < 0)
		return r;
	if (t.major < 0 || t.minor < 0)
		return rf_oci_fail(o, v, "no `major` and `minor`");
	l = add(o, &v->place, "blkio", file->v1, "io.max");
	if (!l)
		return rf_oci_no_memory(o);
	l->v1_text = rf_sandbox_printf(o->sb, "%" PRId64 ":%" PRId64 " %" PRIu64, t.major, t.minor,
				       t.rate);
	l->v2_text = rf_sandbox_printf(o->sb, "%" PRId64 ":%" PRId64 " %s=%" PRIu64, t.major,
				       t.minor, file->v2_word, t.rate);
	return l->v1_text && l->v2_text ? 0 : rf_oci_no_memory(o);
}

static int read_throttles(struct rf_oci_reader *o, const struct rf_node *v,
			  const struct throttle_file *file)
{
	struct throttle_file copy = *file;

	return rf_oci_list(o, v, add_throttle, &copy);
}

static int read_rbps(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct throttle_file file = { "blkio.throttle.read_bps_device", "rbps" };

	(void)obj;
	return read_throttles(o, v, &file);
}

static int read_wbps(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct throttle_file file = { "blkio.throttle.write_bps_device", "wbps" };

	(void)obj;
	return read_throttles(o, v, &file);
}

static int read_riops(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct throttle_file file = { "blkio.throttle.read_iops_device", "riops" };

	(void)obj;
	return read_throttles(o, v, &file);
}

static int read_wiops(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct throttle_file file = { "blkio.throttle.write_iops_device", "wiops" };

	(void)obj;
	return read_throttles(o, v, &file);
}

/* 10 to 1000 of version 1 is 1 to 10000 of 2. */
static int read_weight(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct rf_oci_limit *l;
	uint64_t n = 0;
	int r = rf_oci_uint(o, v, 1000, &n);

	(void)obj;
	if (r < 0 || !n)
		return r;
	if (n < 10)
		return rf_oci_fail(o, v, "a weight is from 10 to 1000");
	l = add(o, &v->place, "blkio", "blkio.bfq.weight", "io.weight");
	if (!l)
		return rf_oci_no_memory(o);
	l->v1_text = rf_sandbox_printf(o->sb, "%" PRIu64, n);
	l->v2_text = rf_sandbox_printf(o->sb, "default %" PRIu64, 1 + (n - 10) * 9999 / 990);
	return l->v1_text && l->v2_text ? 0 : rf_oci_no_memory(o);
}

static int read_block_io(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "weight", .read = read_weight },
		{ .name = "leafWeight", .refused = "kernels have it no more" },
		{ .name = "weightDevice", .refused = "weights of single disks are not built in yet" },
		{ .name = "throttleReadBpsDevice", .read = read_rbps },
		{ .name = "throttleWriteBpsDevice", .read = read_wbps },
		{ .name = "throttleReadIOPSDevice", .read = read_riops },
		{ .name = "throttleWriteIOPSDevice", .read = read_wiops },
		{ .name = NULL }
	};

	return rf_oci_map(o, v, keys, obj);
}

/* --------------------------------------------------------------------- others */

static int take_unified(struct rf_oci_reader *o, const char *key, const char *value,
			const struct rf_node *node, void *obj)
{
	const char *dot = strchr(key, '.');
	struct rf_oci_limit *l;

	(void)obj;
	if (!dot || strchr(key, '/'))
		return rf_oci_fail(o, node, "this is no file of a control group");
	l = add(o, &node->place, rf_sandbox_printf(o->sb, "%.*s", (int)(dot - key), key), NULL, key);
	if (!l || !l->controller)
		return rf_oci_no_memory(o);
	l->v2_text = value;
	return 0;
}

static int read_unified(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_pairs(o, v, take_unified, obj);
}

int rf_oci_read_resources(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "devices", .read = read_device_rules },
		{ .name = "memory", .read = read_memory },
		{ .name = "cpu", .read = read_cpu },
		{ .name = "pids", .read = read_pids },
		{ .name = "blockIO", .read = read_block_io },
		{ .name = "hugepageLimits", .read = read_hugepages },
		{ .name = "network", .refused = "network classes and priorities are not built in yet" },
		{ .name = "rdma", .refused = "rdma limits are not built in yet" },
		{ .name = "unified", .read = read_unified },
		{ .name = NULL }
	};

	return rf_oci_map(o, v, keys, obj);
}
