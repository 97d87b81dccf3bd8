/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys of `limits` that a control group enforces, and `cgroup_parent`.
 */
#include "spec.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "error.h"
#include "resolve.h"

#define MEMORY_MIN	4096
#define PIDS_MAX	(1 << 22)	/* PID_MAX_LIMIT */
#define CPU_MILLI_MIN	10		/* the kernel's least quota: 1 ms in 100 */
#define CPU_MILLI_MAX	10000000

static bool is_unlimited(const struct rf_node *v)
{
	return v->kind == RF_NODE_SCALAR && !strcmp(v->text, "unlimited");
}

/* "unlimited" takes a limit of a lower layer back. */
static void took(struct rf_sandbox *sb, enum rf_cgroup_limit limit, const struct rf_node *v)
{
	sb->cgroup.places[limit] = v->place;
	if (is_unlimited(v))
		sb->cgroup.set &= ~(1U << limit);
	else
		sb->cgroup.set |= 1U << limit;
}

static int read_bytes(struct rf_reader *r, const struct rf_node *v, uint64_t min, uint64_t *ret)
{
	uint64_t n;
	int err;

	if (is_unlimited(v))
		return 0;
	err = rf_value_size(r, v, &n);
	if (err < 0)
		return err;
	if (n < min)
		return rf_err_at(r->err, &v->place, EINVAL, "'%.64s' is less than %" PRIu64, v->text,
				 min);
	*ret = n;
	return 0;
}

int rf_read_limit_memory(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	int ret = read_bytes(r, v, MEMORY_MIN, &sb->cgroup.memory);

	if (!ret)
		took(sb, RF_CG_MEMORY, v);
	return ret;
}

int rf_read_limit_swap(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	int ret = read_bytes(r, v, 0, &sb->cgroup.swap);

	if (!ret)
		took(sb, RF_CG_SWAP, v);
	return ret;
}

int rf_read_limit_pids(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	int64_t n = 0;
	int ret = is_unlimited(v) ? 0 : rf_value_int(r, v, 1, PIDS_MAX, &n);

	if (ret < 0)
		return ret;
	sb->cgroup.pids = (uint64_t)n;
	took(sb, RF_CG_PIDS, v);
	return 0;
}

/* "2", "1.5", "0.125" as thousandths. */
static bool milli(const char *s, uint64_t *ret)
{
	uint64_t n = 0, unit = 1000;

	if (*s < '0' || *s > '9' || (*s == '0' && s[1] >= '0' && s[1] <= '9'))
		return false;
	for (; *s >= '0' && *s <= '9' && n <= CPU_MILLI_MAX; s++)
		n = n * 10 + (uint64_t)(*s - '0') * 1000;
	if (*s == '.' && s[1])
		for (s++; *s >= '0' && *s <= '9' && unit > 1; s++)
			n += (uint64_t)(*s - '0') * (unit /= 10);
	*ret = n;
	return !*s;
}

int rf_read_limit_cpu(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	uint64_t n = 0;
	int ret;

	if (!is_unlimited(v)) {
		ret = rf_need(r, v, RF_NODE_SCALAR, "a number of processors");
		if (ret < 0)
			return ret;
		if (!milli(v->text, &n) || n < CPU_MILLI_MIN || n > CPU_MILLI_MAX)
			return rf_err_at(r->err, &v->place, EINVAL, "'%.64s' is not a number of "
					 "processors between 0.01 and 10000, like 2, 1.5 or 0.25",
					 v->text);
	}
	sb->cgroup.cpu_milli = n;
	took(sb, RF_CG_CPU, v);
	return 0;
}

int rf_read_limit_cpu_total(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	uint64_t ns = 0;
	int ret = is_unlimited(v) ? 0 : rf_value_duration(r, v, &ns);

	if (ret < 0)
		return ret;
	if (!is_unlimited(v) && ns < 1000000)
		return rf_err_at(r->err, &v->place, EINVAL, "'%.64s' is less than a millisecond",
				 v->text);
	sb->cpu_ms = ns / 1000000;
	sb->cpu_place = v->place;
	return 0;
}

/* ------------------------------------------------------------------- cpuset */

/* "0-3,5": what the kernel takes, as far as its form goes. */
static int read_set(struct rf_reader *r, const struct rf_node *v, const char **ret)
{
	const char *s = v->text;
	int err = rf_need(r, v, RF_NODE_SCALAR, "a list like 0-3,5");

	if (err < 0)
		return err;
	for (;;) {
		size_t n = strspn(s, "0123456789");

		if (n && s[n] == '-') {
			s += n + 1;
			n = strspn(s, "0123456789");
		}
		if (!n)
			break;
		s += n;
		if (!*s && strlen(v->text) < 128) {
			*ret = v->text;
			return 0;
		}
		if (*s++ != ',')
			break;
	}
	return rf_err_at(r->err, &v->place, EINVAL, "'%.64s' is not a list like 0-3,5", v->text);
}

static int read_set_cpus(struct rf_reader *r, const struct rf_node *v, void *sb)
{
	return read_set(r, v, &((struct rf_sandbox *)sb)->cgroup.cpus);
}

static int read_set_mems(struct rf_reader *r, const struct rf_node *v, void *sb)
{
	return read_set(r, v, &((struct rf_sandbox *)sb)->cgroup.mems);
}

/* The cpus, or {cpus: ..., mems: ...}. */
int rf_read_limit_cpuset(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	static const struct rf_key keys[] = {
		{ .name = "cpus",	.read = read_set_cpus },
		{ .name = "mems",	.read = read_set_mems },
		{ .name = NULL }
	};
	struct rf_sandbox *sb = obj;
	int ret = 0;

	if (is_unlimited(v))
		sb->cgroup.cpus = sb->cgroup.mems = NULL;
	else if (v->kind != RF_NODE_MAP)
		ret = read_set_cpus(r, v, sb);
	else if (!v->nr)
		ret = rf_err_at(r->err, &v->place, EINVAL, "a cpuset needs 'cpus' or 'mems'");
	else
		ret = rf_read_map(r, v, keys, sb);
	if (!ret)
		took(sb, RF_CG_CPUSET, v);
	return ret;
}

/* ------------------------------------------------------------------- per device */

#define IO(field) offsetof(struct rf_cgroup_io, field)

static int read_io(struct rf_reader *r, const struct rf_node *v, struct rf_sandbox *sb)
{
	static const struct rf_key keys[] = {
		{ .name = "device",	RF_VALUE_TEXT, IO(device) },
		{ .name = "read",	RF_VALUE_SIZE, IO(rbps), .min = 1 },
		{ .name = "write",	RF_VALUE_SIZE, IO(wbps), .min = 1 },
		{ .name = "read_ops",	RF_VALUE_SIZE, IO(riops), .min = 1 },
		{ .name = "write_ops",	RF_VALUE_SIZE, IO(wiops), .min = 1 },
		{ .name = NULL }
	};
	struct rf_cgroup_io io = {
		.rbps = RF_UNLIMITED, .wbps = RF_UNLIMITED, .riops = RF_UNLIMITED,
		.wiops = RF_UNLIMITED, .place = v->place,
	};
	struct rf_cgroup_spec *c = &sb->cgroup;
	int ret = rf_read_map(r, v, keys, &io);
	size_t at;

	if (ret < 0)
		return ret;
	if (!io.device || !*io.device)
		return rf_err_at(r->err, &v->place, EINVAL, "an io limit needs a 'device'");
	if (v->nr < 4)
		return rf_err_at(r->err, &v->place, EINVAL,
				 "an io limit needs one of 'read', 'write', 'read_ops', 'write_ops'");
	for (at = 0; at < c->nr_io; at++)
		if (!strcmp(c->io[at].device, io.device))
			break;
	if (at == c->nr_io) {
		if (!rf_sandbox_grow(sb, &c->io, c->nr_io, &r->draft->max_io, sizeof(*c->io)))
			return rf_err_set(r->err, ENOMEM, "reading 'limits'");
		c->nr_io++;
	}
	c->io[at] = io;
	return 0;
}

#define HUGETLB(field) offsetof(struct rf_cgroup_hugetlb, field)

static int read_hugetlb(struct rf_reader *r, const struct rf_node *v, struct rf_sandbox *sb)
{
	static const struct rf_key keys[] = {
		{ .name = "page",	RF_VALUE_SIZE, HUGETLB(page), .min = 4096 },
		{ .name = "limit",	RF_VALUE_SIZE, HUGETLB(limit) },
		{ .name = NULL }
	};
	struct rf_cgroup_hugetlb h = { .limit = RF_UNLIMITED, .place = v->place };
	struct rf_cgroup_spec *c = &sb->cgroup;
	int ret = rf_read_map(r, v, keys, &h);
	size_t at;

	if (ret < 0)
		return ret;
	if (!h.page || h.limit == RF_UNLIMITED)
		return rf_err_at(r->err, &v->place, EINVAL,
				 "a limit of huge pages needs 'page' and 'limit'");
	for (at = 0; at < c->nr_hugetlb; at++)
		if (c->hugetlb[at].page == h.page)
			break;
	if (at == c->nr_hugetlb) {
		if (!rf_sandbox_grow(sb, &c->hugetlb, c->nr_hugetlb, &r->draft->max_hugetlb,
				     sizeof(*c->hugetlb)))
			return rf_err_set(r->err, ENOMEM, "reading 'limits'");
		c->nr_hugetlb++;
	}
	c->hugetlb[at] = h;
	return 0;
}

/* A list of which each entry adds to those before, or stands for one of the same thing. */
static int read_each(struct rf_reader *r, const struct rf_node *v, struct rf_sandbox *sb,
		     enum rf_cgroup_limit limit,
		     int (*read)(struct rf_reader *, const struct rf_node *, struct rf_sandbox *))
{
	int ret;

	if (is_unlimited(v)) {
		*(limit == RF_CG_IO ? &sb->cgroup.nr_io : &sb->cgroup.nr_hugetlb) = 0;
		took(sb, limit, v);
		return 0;
	}
	ret = rf_need(r, v, RF_NODE_LIST, "a list of limits");
	if (!ret && !v->nr)
		ret = rf_err_at(r->err, &v->place, EINVAL, "no limit in the list");
	for (size_t i = 0; i < v->nr && !ret; i++)
		ret = read(r, v->items[i], sb);
	if (!ret)
		took(sb, limit, v);
	return ret;
}

int rf_read_limit_io(struct rf_reader *r, const struct rf_node *v, void *sb)
{
	return read_each(r, v, sb, RF_CG_IO, read_io);
}

int rf_read_limit_hugetlb(struct rf_reader *r, const struct rf_node *v, void *sb)
{
	return read_each(r, v, sb, RF_CG_HUGETLB, read_hugetlb);
}

/* ------------------------------------------------------------------- parent */

int rf_read_cgroup_parent(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	const char *path;
	int ret = rf_value_text(r, v, &path);

	if (ret < 0)
		return ret;
	if (!*path || rf_path_has_dotdot(path))
		return rf_err_at(r->err, &v->place, EINVAL,
				 "a path of control groups without \"..\" belongs here");
	sb->cgroup.parent = path;
	sb->cgroup.parent_place = v->place;
	return 0;
}
