/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `linux`: namespaces, id maps, kernel parameters, and what is covered.
 */
#include "oci_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "spec.h"

/* ---------------------------------------------------------------- namespaces */

struct ns {
	const char	*type, *path;
};

static int find_ns(const char *type)
{
	static const char *const names[RF_NS_NR] = {
		[RF_NS_USER] = "user", [RF_NS_MOUNT] = "mount", [RF_NS_PID] = "pid",
		[RF_NS_NET] = "network", [RF_NS_IPC] = "ipc", [RF_NS_UTS] = "uts",
		[RF_NS_CGROUP] = "cgroup", [RF_NS_TIME] = "time",
	};

	for (int i = 0; type && i < RF_NS_NR; i++)
		if (!strcmp(type, names[i]))
			return i;
	return -1;
}

static int add_ns(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "type", .read = rf_oci_text, .offset = offsetof(struct ns, type) },
		{ .name = "path", .read = rf_oci_text, .offset = offsetof(struct ns, path) },
		{ .name = NULL }
	};
	struct ns ns = { .type = NULL };
	struct rf_ns_spec *spec;
	int r = rf_oci_map(o, v, keys, &ns), nr = find_ns(ns.type);

	(void)obj;
	if (r < 0)
		return r;
	if (nr < 0)
		return rf_oci_fail(o, v, "no namespace '%.40s'", ns.type ? ns.type : "");
	spec = &o->sb->ns[nr];
	if (spec->mode != RF_NS_HOST)
		return rf_oci_fail(o, v, "'%s' is there twice", ns.type);
	spec->place = v->place;
	spec->mode = RF_NS_NEW;
	if (!ns.path || !*ns.path)
		return 0;
	if (*ns.path != '/')
		return rf_oci_fail(o, v, "'%.100s' is no absolute path", ns.path);
	spec->mode = RF_NS_JOIN_PATH;
	spec->path = ns.path;
	return 0;
}

static int read_namespaces(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_list(o, v, add_ns, obj);
}

/* ------------------------------------------------------------------- id maps */

struct map {
	struct rf_idrange *ranges;
	size_t		 nr;
};

static int add_range(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
#define FIELD(field) offsetof(struct rf_idrange, field)
	static const struct rf_oci_key keys[] = {
		{ .name = "containerID", .read = rf_oci_id, .offset = FIELD(inside) },
		{ .name = "hostID", .read = rf_oci_id, .offset = FIELD(outside) },
		{ .name = "size", .read = rf_oci_id, .offset = FIELD(count) },
		{ .name = NULL }
	};
#undef FIELD
	struct map *map = obj;
	struct rf_idrange *range = &map->ranges[map->nr++];
	int r = rf_oci_map(o, v, keys, range);

	if (r < 0)
		return r;
	if (!range->count)
		return rf_oci_fail(o, v, "a range without ids");
	if (range->inside > UINT32_MAX - range->count || range->outside > UINT32_MAX - range->count)
		return rf_oci_fail(o, v, "it goes beyond the last id");
	return 0;
}

int rf_oci_ranges(struct rf_oci_reader *o, const struct rf_node *v, struct rf_idrange **ret,
		  size_t *ret_nr)
{
	struct map map = { .nr = 0 };
	int r;

	if (v->nr > 340)	/* user_namespaces(7) */
		return rf_oci_fail(o, v, "more than 340 ranges");
	map.ranges = rf_sandbox_alloc(o->sb, (v->nr + 1) * sizeof(*map.ranges));
	if (!map.ranges)
		return rf_oci_no_memory(o);
	r = rf_oci_list(o, v, add_range, &map);
	*ret = map.ranges;
	*ret_nr = map.nr;
	return r;
}

static int read_ranges(struct rf_oci_reader *o, const struct rf_node *v, struct rf_idrange **ret,
		       size_t *ret_nr)
{
	struct rf_idrange *ranges = NULL;
	size_t nr = 0;
	int r = rf_oci_ranges(o, v, &ranges, &nr);

	if (r < 0 || !nr)
		return r;
	*ret = ranges;
	*ret_nr = nr;
	o->sb->user.map = RF_MAP_RANGES;
	o->sb->user.map_place = v->place;
	return 0;
}

static int read_uid_map(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	(void)obj;
	return read_ranges(o, v, &o->sb->user.uid_map, &o->sb->user.nr_uid_map);
}

static int read_gid_map(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	(void)obj;
	return read_ranges(o, v, &o->sb->user.gid_map, &o->sb->user.nr_gid_map);
}

/* -------------------------------------------------------------------- clocks */

struct clock {
	int64_t		 secs;
	uint64_t	 nanosecs;
};

static int read_secs(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	/* in nanoseconds it has to fit */
	return rf_oci_int(o, v, INT64_MIN / 1000000000 + 1, INT64_MAX / 1000000000 - 1, obj);
}

static int read_nanosecs(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_uint(o, v, 999999999, obj);
}

static int read_clock(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "secs", .read = read_secs, .offset = offsetof(struct clock, secs) },
		{ .name = "nanosecs", .read = read_nanosecs, .offset = offsetof(struct clock, nanosecs) },
		{ .name = NULL }
	};
	struct clock clock = { 0, 0 };
	int r = rf_oci_map(o, v, keys, &clock);

	if (r == 0)
		*(int64_t *)obj = clock.secs * 1000000000 + (int64_t)clock.nanosecs;
	return r;
}

static int read_offsets(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
#define FIELD(field) offsetof(struct rf_sandbox, field)
	static const struct rf_oci_key keys[] = {
		{ .name = "monotonic", .read = read_clock, .offset = FIELD(time_monotonic_ns) },
		{ .name = "boottime", .read = read_clock, .offset = FIELD(time_boottime_ns) },
		{ .name = NULL }
	};
#undef FIELD
	(void)obj;
	return rf_oci_map(o, v, keys, o->sb);
}

/* --------------------------------------------------------- kernel parameters */

/* Dots, unless a slash comes first, as sysctl(8) has it. */
static char *sysctl_path(struct rf_sandbox *sb, const char *key)
{
	char *path = rf_sandbox_strdup(sb, key);
	size_t first = path ? strcspn(path, "./") : 0;

	if (!path || path[first] == '/')
		return path;
	for (char *p = path; *p; p++)
		*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	return path;
}

static int take_sysctl(struct rf_oci_reader *o, const char *key, const char *value,
		       const struct rf_node *node, void *obj)
{
	struct rf_sandbox *sb = o->sb;
	char *path = sysctl_path(sb, key);

	(void)obj;
	if (!path || !rf_sandbox_grow(sb, &sb->oci.sysctls, sb->oci.nr_sysctls,
				      &o->c->max_sysctls, sizeof(*sb->oci.sysctls)))
		return rf_oci_no_memory(o);
	if (!*path || *path == '/' || strstr(path, "..") || strstr(path, "//"))
		return rf_oci_fail(o, node, "this is no kernel parameter");
	sb->oci.sysctls[sb->oci.nr_sysctls++] = (struct rf_sysctl){ path, value, node->place };
	return 0;
}

static int read_sysctl(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_pairs(o, v, take_sysctl, obj);
}

/* --------------------------------------------------------------------- covers */

static int add_path(struct rf_oci_reader *o, const struct rf_node *v, struct rf_oci_path **list,
		    size_t *nr, size_t *max)
{
	struct rf_oci_path p = { .place = v->place };
	int r = rf_oci_inside(o, v, &p.path);

	if (r < 0)
		return r;
	if (!rf_sandbox_grow(o->sb, list, *nr, max, sizeof(**list)))
		return rf_oci_no_memory(o);
	(*list)[(*nr)++] = p;
	return 0;
}

static int add_masked(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	(void)obj;
	return add_path(o, v, &o->sb->oci.masked, &o->sb->oci.nr_masked, &o->c->max_masked);
}

static int add_readonly(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	(void)obj;
	return add_path(o, v, &o->sb->oci.readonly, &o->sb->oci.nr_readonly, &o->c->max_readonly);
}

static int read_masked(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_list(o, v, add_masked, obj);
}

static int read_readonly(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_list(o, v, add_readonly, obj);
}

/* ---------------------------------------------------------------------- words */

static int read_root_propagation(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_word words[] = {
		{ "private", RF_PROP_PRIVATE }, { "slave", RF_PROP_SLAVE },
		{ "shared", RF_PROP_SHARED }, { "unbindable", RF_PROP_UNBINDABLE }, { NULL, 0 }
	};
	struct rf_oci_sandbox *oci = &o->sb->oci;
	const char *text = NULL;
	int r = rf_oci_text(o, v, &text);

	(void)obj;
	if (r < 0 || !*text)
		return r;
	oci->root_propagates_deep = *text == 'r';
	oci->has_root_propagation = true;
	oci->root_propagation_place = v->place;
	for (const struct rf_word *w = words; w->name; w++)
		if (!strcmp(w->name, text + oci->root_propagates_deep)) {
			oci->root_propagation = (enum rf_propagation)w->value;
			return 0;
		}
	return rf_oci_fail(o, v, "no propagation '%.40s'", text);
}

static int read_domain(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	const char *text = NULL;
	int r = rf_oci_text(o, v, &text);

	(void)obj;
	if (r < 0)
		return r;
	o->sb->oci.has_personality = true;
	if (!strcmp(text, "LINUX"))
		o->sb->oci.persona = 0;
	else if (!strcmp(text, "LINUX32"))
		o->sb->oci.persona = 8;		/* PER_LINUX32 */
	else
		return rf_oci_fail(o, v, "'%.40s' is none of LINUX, LINUX32", text);
	return 0;
}

static int read_personality(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "domain", .read = read_domain },
		{ .name = "flags", .refused = "no flag is known" },
		{ .name = NULL }
	};

	o->sb->oci.personality_place = v->place;
	return rf_oci_map(o, v, keys, obj);
}

static int read_cgroups_path(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	const char *text = NULL;
	int r = rf_oci_text(o, v, &text);

	(void)obj;
	if (r < 0 || !*text)
		return r;
	for (const char *p = text; (p = strstr(p, "..")); p += 2)
		if ((p == text || p[-1] == '/') && (!p[2] || p[2] == '/'))
			return rf_oci_fail(o, v, "'%.100s' has '..'", text);
	o->c->cgroups_path = text;
	o->c->cgroups_place = v->place;
	return 0;
}

int rf_oci_read_linux(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "namespaces", .read = read_namespaces },
		{ .name = "uidMappings", .read = read_uid_map },
		{ .name = "gidMappings", .read = read_gid_map },
		{ .name = "timeOffsets", .read = read_offsets },
		{ .name = "devices", .read = rf_oci_read_devices },
		{ .name = "cgroupsPath", .read = read_cgroups_path },
		{ .name = "resources", .read = rf_oci_read_resources },
		{ .name = "rootfsPropagation", .read = read_root_propagation },
		{ .name = "seccomp", .read = rf_oci_read_seccomp },
		{ .name = "sysctl", .read = read_sysctl },
		{ .name = "maskedPaths", .read = read_masked },
		{ .name = "readonlyPaths", .read = read_readonly },
		{ .name = "personality", .read = read_personality },
		{ .name = "mountLabel", .read = rf_oci_read_label,
		  .offset = offsetof(struct rf_sandbox, oci.mount_label) },
		{ .name = "intelRdt", .read = rf_oci_read_rdt },
		{ .name = "memoryPolicy", .read = rf_oci_read_memory_policy },
		{ .name = "netDevices", .read = rf_oci_read_net_devices },
		{ .name = NULL }
	};

	return rf_oci_map(o, v, keys, obj);
}
