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
	bool	 no_oom, hierarchy, check;
	struct rf_place place;
};

struct cpu {
	int64_t	 shares, quota, burst, period, rt_runtime, rt_period, idle;
	const char *cpus, *mems;
	struct rf_place place;
};

struct rf_oci_limit *rf_oci_limit_add(struct rf_oci_reader *o, const struct rf_place *place,
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
	l = rf_oci_limit_add(o, place, controller, v1, v2);
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
	l = rf_oci_limit_add(o, place, controller, v1, v2);
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
	/* then it is the group that knows */
	const bool unsaid = o->updates && (m->limit == NONE || m->limit == 0);
	struct rf_oci_limit *l;

	if (m->swap == NONE || (m->swap == 0 && m->limit <= 0))
		return 0;
	if (!unsaid && m->swap >= 0 && (m->limit == NONE || m->limit > m->swap))
		return rf_oci_fail(o, v, "`swap` is memory and swap together, and less than `limit`");
	l = rf_oci_limit_add(o, &m->place, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max");
	if (!l)
		return rf_oci_no_memory(o);
	l->v1_text = rf_sandbox_printf(o->sb, "%" PRId64, m->swap);
	if (unsaid && m->swap >= 0) {
		l->v2_less = "memory.max";
		return l->v1_text ? 0 : rf_oci_no_memory(o);
	}
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
		{ .name = "checkBeforeUpdate", .read = rf_oci_bool, .offset = FIELD(check) },
		{ .name = NULL }
	};
#undef FIELD
	struct memory m = { NONE, NONE, NONE, NONE, NONE, false, false, false, v->place };
	int r = rf_oci_map(o, v, keys, &m);

	(void)obj;
	if (r == 0)
		r = add_number(o, &m.place, "memory", "memory.limit_in_bytes", "memory.max",
			       m.limit == 0 ? NONE : m.limit);
	/* version 1 never takes a limit below what is used */
	if (r == 0 && m.check && m.limit > 0)
		o->c->limits[o->c->nr_limits - 1].v2_usage = "memory.current";
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
	l = rf_oci_limit_add(o, &c->place, "cpu", "", "cpu.max");
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
	l = rf_oci_limit_add(o, &c->place, "cpu", "cpu.shares", "cpu.weight");
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
	l = rf_oci_limit_add(o, &v->place, "pids", "pids.max", "pids.max");
	if (!l)
		return rf_oci_no_memory(o);
	l->v1_text = limit < 0 ? "max" : rf_sandbox_printf(o->sb, "%" PRId64, limit);
	l->v2_text = l->v1_text;
	return l->v1_text ? 0 : rf_oci_no_memory(o);
}

struct hugepage {
	const char	*size;
	const char	*limit;
};

/* As the kernel's file is to have it. */
static int read_pages(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	const char **text = obj;
	uint64_t n;
	int r = rf_oci_uint(o, v, UINT64_MAX, &n);

	if (r < 0)
		return r;
	*text = rf_sandbox_printf(o->sb, "%" PRIu64, n);
	return *text ? 0 : rf_oci_no_memory(o);
}

static int add_hugepage(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "pageSize", .read = rf_oci_text, .offset = offsetof(struct hugepage, size) },
		{ .name = "limit", .read = read_pages, .offset = offsetof(struct hugepage, limit) },
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
	if (!h.limit)
		return rf_oci_fail(o, v, "no `limit`");
	l = rf_oci_limit_add(o, &v->place, "hugetlb",
		rf_sandbox_printf(o->sb, "hugetlb.%s.limit_in_bytes", h.size),
		rf_sandbox_printf(o->sb, "hugetlb.%s.max", h.size));
	if (!l || !l->v1_file || !l->v2_file)
		return rf_oci_no_memory(o);
	l->v1_text = l->v2_text = h.limit;
	return 0;
}

static int read_hugepages(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_list(o, v, add_hugepage, obj);
}

/* ------------------------------------------------------------- network, rdma */

struct priority {
	const char	*name;
	uint64_t	 priority;
};

static int read_u32(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_uint(o, v, UINT32_MAX, obj);
}

static int add_priority(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "name", .read = rf_oci_text, .offset = offsetof(struct priority, name) },
		{ .name = "priority", .read = read_u32, .offset = offsetof(struct priority, priority) },
		{ .name = NULL }
	};
	struct priority p = { .name = NULL };
	const char *line;
	int r = rf_oci_map(o, v, keys, &p);

	(void)obj;
	if (r < 0)
		return r;
	if (!p.name || !*p.name || strpbrk(p.name, " \t\n/"))
		return rf_oci_fail(o, v, "no `name` of an interface");
	line = rf_sandbox_printf(o->sb, "%s %" PRIu64, p.name, p.priority);
	return line ? add_text(o, &v->place, "net_prio", "net_prio.ifpriomap", NULL, line) :
		      rf_oci_no_memory(o);
}

static int read_priorities(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_list(o, v, add_priority, obj);
}

static int read_class(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	uint64_t id = 0;
	int r = read_u32(o, v, &id);

	(void)obj;
	/* 0 is what a group has anyhow, and what engines write that mean nothing */
	return r < 0 || !id ? r : add_number(o, &v->place, "net_cls", "net_cls.classid", NULL,
					     (int64_t)id);
}

/* Version 2 has neither: there, programs of the administrator's look at the group. */
static int read_network(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "classID", .read = read_class },
		{ .name = "priorities", .read = read_priorities },
		{ .name = NULL }
	};

	return rf_oci_map(o, v, keys, obj);
}

struct rdma {
	int64_t		 handles, objects;
};

static int read_handles(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_int(o, v, 0, UINT32_MAX, obj);
}

static int take_rdma(struct rf_oci_reader *o, const char *device, const struct rf_node *v, void *obj)
{
#define FIELD(field) offsetof(struct rdma, field)
	static const struct rf_oci_key keys[] = {
		{ .name = "hcaHandles", .read = read_handles, .offset = FIELD(handles) },
		{ .name = "hcaObjects", .read = read_handles, .offset = FIELD(objects) },
		{ .name = NULL }
	};
#undef FIELD
	struct rdma m = { NONE, NONE };
	const char *line;
	char words[80] = "";
	int r = rf_oci_map(o, v, keys, &m), n = 0;

	(void)obj;
	if (r < 0)
		return r;
	if (!*device || strpbrk(device, " \t\n"))
		return rf_oci_fail(o, v, "no name of a device");
	if (m.handles != NONE)
		n = snprintf(words, sizeof(words), " hca_handle=%" PRId64, m.handles);
	if (m.objects != NONE)
		(void)snprintf(words + n, sizeof(words) - (size_t)n, " hca_object=%" PRId64, m.objects);
	if (!*words)
		return rf_oci_fail(o, v, "neither `hcaHandles` nor `hcaObjects`");
	line = rf_sandbox_printf(o->sb, "%s%s", device, words);
	return line ? add_text(o, &v->place, "rdma", "rdma.max", "rdma.max", line) :
		      rf_oci_no_memory(o);
}

static int read_rdma(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_each(o, v, take_rdma, obj);
}

/* --------------------------------------------------------------------- others */

/* What is in the group, or is done to it, is the runtime's. */
static bool is_a_limit(const char *key)
{
	return strchr(key, '.') && !strchr(key, '/') &&
	       (strncmp(key, "cgroup.", 7) != 0 || !strncmp(key, "cgroup.max.", 11));
}

/* The kernel takes one line of a file at a time. */
static int take_unified(struct rf_oci_reader *o, const char *key, const char *value,
			const struct rf_node *node, void *obj)
{
	const char *controller = rf_sandbox_printf(o->sb, "%.*s", (int)strcspn(key, "."), key);
	struct rf_oci_limit *l;

	(void)obj;
	if (!is_a_limit(key))
		return rf_oci_fail(o, node, "this is no limit of a control group");
	do {
		size_t len = strcspn(value, "\n");

		l = rf_oci_limit_add(o, &node->place, controller, NULL, key);
		if (!l || !controller)
			return rf_oci_no_memory(o);
		l->v2_text = rf_sandbox_printf(o->sb, "%.*s", (int)len, value);
		if (!l->v2_text)
			return rf_oci_no_memory(o);
		value += len + (value[len] == '\n');
	} while (*value);
	return 0;
}

static int read_unified(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_pairs(o, v, take_unified, obj);
}

int rf_oci_read_resources(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "devices", .read = rf_oci_read_rules },
		{ .name = "memory", .read = read_memory },
		{ .name = "cpu", .read = read_cpu },
		{ .name = "pids", .read = read_pids },
		{ .name = "blockIO", .read = rf_oci_read_block_io },
		{ .name = "hugepageLimits", .read = read_hugepages },
		{ .name = "network", .read = read_network },
		{ .name = "rdma", .read = read_rdma },
		{ .name = "unified", .read = read_unified },
		{ .name = NULL }
	};

	return rf_oci_map(o, v, keys, obj);
}
