/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fragment of a spec that a hook applies: `mounts` and `limits` by the readers of
 * specs, and `cgroup`, `sysctl` and `network`, which a sandbox does not have.
 */
#include "hook.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "error.h"
#include "spec.h"

#define VALUE_MAX	4095	/* the kernel's files take a page */

/* ------------------------------------------------------------ maps of values */

/* The words of sysctls that a namespace has of its own. */
static const struct { const char *path; enum rf_ns ns; } sysctl_table[] = {
	{ "net/",			RF_NS_NET },
	{ "fs/mqueue/",			RF_NS_IPC },
	{ "kernel/msgmax",		RF_NS_IPC },
	{ "kernel/msgmnb",		RF_NS_IPC },
	{ "kernel/msgmni",		RF_NS_IPC },
	{ "kernel/sem",			RF_NS_IPC },
	{ "kernel/shmall",		RF_NS_IPC },
	{ "kernel/shmmax",		RF_NS_IPC },
	{ "kernel/shmmni",		RF_NS_IPC },
	{ "kernel/shm_rmid_forced",	RF_NS_IPC },
	{ "kernel/hostname",		RF_NS_UTS },
	{ "kernel/domainname",		RF_NS_UTS },
};

static bool is_word(const char *s, size_t len, const char *more)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr(more, s[i]))
			return false;
	return len > 0;
}

/* "net.ipv4.ip_forward" or, where a name has a dot, "net/ipv4/conf/eth0.1/forwarding". */
static char *sysctl_path(struct rf_sandbox *sb, const char *name)
{
	char *path = rf_sandbox_strdup(sb, name);

	for (char *p = path; p && !strchr(name, '/') && *p; p++)
		*p = *p == '.' ? '/' : *p;
	return path;
}

static bool is_path_below(const char *path)
{
	for (const char *at = path; ; at++) {
		size_t len = strcspn(at, "/");

		if (!is_word(at, len, "_-.:@") || !strncmp(at, "..", len) || !strncmp(at, ".", len))
			return false;
		at += len;
		if (!*at)
			return true;
	}
}

static int take_sysctl(struct rf_reader *r, const struct rf_node *k, struct rf_hook_value *v)
{
	char *path = sysctl_path(r->sb, k->text);

	if (!path)
		return rf_err_set(r->err, ENOMEM, "reading 'sysctl'");
	if (!is_path_below(path))
		return rf_err_at(r->err, &k->place, EINVAL, "'%.64s' is no name of a sysctl", k->text);
	for (size_t i = 0; i < sizeof(sysctl_table) / sizeof(sysctl_table[0]); i++) {
		const char *known = sysctl_table[i].path;
		size_t len = strlen(known);

		if (known[len - 1] == '/' ? strncmp(path, known, len) : strcmp(path, known))
			continue;
		v->path = path;
		v->ns = sysctl_table[i].ns;
		return 0;
	}
	rf_err_at(r->err, &k->place, EINVAL, "'%.64s' is the whole host's, not a container's", k->text);
	rf_err_hint(r->err, "net.*, fs.mqueue.*, kernel.hostname, kernel.domainname, and those of "
		    "System V's IPC belong to a namespace");
	return -EINVAL;
}

/* The file of a controller; those of the group itself, cgroup.*, are the runtime's. */
static int take_cgroup(struct rf_reader *r, const struct rf_node *k, struct rf_hook_value *v)
{
	const char *dot = strchr(k->text, '.');
	size_t len = dot ? (size_t)(dot - k->text) : 0;

	(void)v;
	for (int c = 0; len && c < RF_CTL_NR; c++) {
		const struct rf_cgroup_ctl_def *def = &rf_cgroup_ctls[c];
		const char *names[] = { def->v1, def->v2 };

		for (int i = 0; i < 2; i++)
			if (names[i] && strlen(names[i]) == len && !strncmp(names[i], k->text, len) &&
			    is_word(dot + 1, strlen(dot + 1), "_."))
				return 0;
	}
	return rf_err_at(r->err, &k->place, EINVAL,
			 "'%.64s' is no file of a controller, like memory.high", k->text);
}

static int take_value(struct rf_reader *r, const struct rf_node *v, struct rf_hook_value *to)
{
	int ret = rf_value_text(r, v, &to->value);

	if (ret < 0)
		return ret;
	if (strlen(to->value) > VALUE_MAX || strchr(to->value, '\n'))
		return rf_err_at(r->err, &v->place, EINVAL, "a value is one line of up to %d bytes",
				 VALUE_MAX);
	return 0;
}

static int read_values(struct rf_reader *r, const struct rf_node *map,
		       int (*take)(struct rf_reader *r, const struct rf_node *k,
				   struct rf_hook_value *v),
		       struct rf_hook_value **ret_list, size_t *ret_nr)
{
	struct rf_hook_value *list;
	int ret = rf_need(r, map, RF_NODE_MAP, "a map of names and values");

	if (ret == 0)
		ret = rf_no_repeats(r, map);
	if (ret < 0)
		return ret;
	list = rf_sandbox_alloc(r->sb, (map->nr / 2 + 1) * sizeof(*list));
	if (!list)
		return rf_err_set(r->err, ENOMEM, "reading a map");
	for (size_t i = 0; i < map->nr / 2 && ret == 0; i++) {
		list[i].name = map->items[2 * i]->text;
		list[i].place = map->items[2 * i]->place;
		ret = take(r, map->items[2 * i], &list[i]);
		if (ret == 0)
			ret = take_value(r, map->items[2 * i + 1], &list[i]);
	}
	if (ret == 0) {
		*ret_list = list;
		*ret_nr = map->nr / 2;
	}
	return ret;
}

static int read_sysctl(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_hook *h = obj;

	return read_values(r, v, take_sysctl, &h->sysctls, &h->nr_sysctls);
}

static int read_cgroup(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_hook *h = obj;

	return read_values(r, v, take_cgroup, &h->cgroup, &h->nr_cgroup);
}

/* ------------------------------------------------------------------- mounts */

static const enum rf_hook_part part_of[RF_MOUNT_KIND_NR] = {
	[RF_MOUNT_RO] = RF_HOOK_BIND, [RF_MOUNT_RW] = RF_HOOK_BIND,
	[RF_MOUNT_TMPFS] = RF_HOOK_TMPFS, [RF_MOUNT_SYMLINK] = RF_HOOK_FILE,
	[RF_MOUNT_DIR] = RF_HOOK_FILE, [RF_MOUNT_FILE] = RF_HOOK_FILE,
	[RF_MOUNT_PROC] = RF_HOOK_PART_NR, [RF_MOUNT_SYSFS] = RF_HOOK_PART_NR,
	[RF_MOUNT_MQUEUE] = RF_HOOK_PART_NR, [RF_MOUNT_DEV] = RF_HOOK_PART_NR,
	[RF_MOUNT_CGROUP] = RF_HOOK_PART_NR, [RF_MOUNT_OVERLAY] = RF_HOOK_PART_NR,
	[RF_MOUNT_DENY] = RF_HOOK_PART_NR,
};

enum rf_hook_part rf_hook_mount_part(const struct rf_mount *m)
{
	return part_of[m->kind];
}

static bool is_clean(const char *path)
{
	for (const char *at = path; (at = strchr(at, '/')); at++) {
		size_t len = strcspn(at + 1, "/");

		if ((len == 2 && !strncmp(at + 1, "..", 2)) || (len == 1 && at[1] == '.'))
			return false;
	}
	return true;
}

/* What resolving would have found, of paths that are not the front end's to look at. */
static int check_mount(struct rf_reader *r, struct rf_mount *m)
{
	const struct { bool wrong; const char *why; } refusals[] = {
		{ part_of[m->kind] == RF_HOOK_PART_NR, "is the runtime's to mount" },
		{ m->source_fd >= 0, "from a descriptor: a hook gets none" },
		{ m->flags & RF_MF_IDMAP, "with 'idmap' is the runtime's to mount" },
		{ m->flags & RF_MF_OPTIONAL && part_of[m->kind] != RF_HOOK_BIND,
		  "cannot be 'optional': only what has a source" },
		{ m->propagation != RF_PROP_PRIVATE && m->propagation != RF_PROP_SLAVE,
		  "is 'private' or 'slave'" },
	};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].wrong)
			return rf_err_at(r->err, &m->place, EINVAL, "'%s' %s",
					 rf_mount_kind_names[m->kind], refusals[i].why);
	if (!m->at)
		m->at = m->source;
	if (!m->at || m->at[0] != '/' || !is_clean(m->at))
		return rf_err_at(r->err, &m->at_place, EINVAL,
				 "a place in the container is an absolute path without . and ..");
	if (m->at[strspn(m->at, "/")] == '\0')
		return rf_err_at(r->err, &m->at_place, EINVAL, "the root is the runtime's to mount");
	if (part_of[m->kind] == RF_HOOK_BIND && !*m->source)
		return rf_err_at(r->err, &m->place, EINVAL, "an empty path");
	return 0;
}

/* A source is relative to the fragment's directory. */
static int place_source(struct rf_reader *r, const char *name, struct rf_mount *m)
{
	if (part_of[m->kind] != RF_HOOK_BIND || m->source[0] == '/')
		return 0;
	m->source = rf_spec_beside(r, name, m->source);
	return m->source ? 0 : rf_err_set(r->err, ENOMEM, "reading 'mounts'");
}

static int read_mounts(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_hook *h = obj;
	int ret = rf_read_mounts(r, v, h->sb);

	for (size_t i = 0; i < h->sb->nr_mounts && ret == 0; i++) {
		ret = check_mount(r, &h->sb->mounts[i]);
		if (ret == 0)
			ret = place_source(r, v->place.file, &h->sb->mounts[i]);
	}
	return ret;
}

/* ------------------------------------------------------------------- limits */

static int read_limits(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_hook *h = obj;
	struct rf_sandbox *sb = h->sb;
	int ret = rf_read_limits(r, v, sb);

	if (ret < 0)
		return ret;
	if (sb->wall_place.file)
		return rf_err_at(r->err, &sb->wall_place, EINVAL, "nobody is left to enforce 'wall'");
	if (sb->cpu_place.file)
		return rf_err_at(r->err, &sb->cpu_place, EINVAL, "nobody is left to enforce 'cpu_total'");
	for (int i = 0; i < RF_CG_NR; i++) {
		if (!sb->cgroup.places[i].file || sb->cgroup.set & 1U << i)
			continue;
		rf_err_at(r->err, &sb->cgroup.places[i], EINVAL,
			  "'unlimited' is what a container without the limit has");
		rf_err_hint(r->err, "cgroup: {memory.max: max} writes the file itself");
		return -EINVAL;
	}
	return 0;
}

/* ----------------------------------------------------------------- document */

static const struct rf_key top_keys[] = {
	{ .name = "ringfence",	.read = rf_read_version },
	{ .name = "mounts",	.read = read_mounts },
	{ .name = "limits",	.read = read_limits },
	{ .name = "cgroup",	.read = read_cgroup },
	{ .name = "sysctl",	.read = read_sysctl },
	{ .name = "network",	.read = rf_hook_read_network },
	{ .name = NULL }
};

struct rf_hook *rf_hook_free(struct rf_hook *h)
{
	if (h)
		rf_sandbox_free(h->sb);
	free(h);
	return NULL;
}

int rf_hook_parse(const char *name, const char *text, size_t len, struct rf_hook **ret,
		  struct rf_err *err)
{
	struct rf_hook *h = calloc(1, sizeof(*h));
	/* names of users would be those of the host */
	struct rf_reader r = { .err = err, .layer = 1, .flags = RF_SPEC_NO_FILES };
	struct rf_node *root = NULL;
	int error = 0;

	*ret = h;
	if (h)
		h->sb = rf_sandbox_new();
	if (h && h->sb)
		r.draft = rf_draft(h->sb);
	if (!r.draft)
		return rf_err_set(err, ENOMEM, "reading '%s'", name);
	r.sb = h->sb;
	error = rf_yaml_parse(&r, name, 0, text, len, &root);
	return error < 0 ? error : rf_read_map(&r, root, top_keys, h);
}

/* --------------------------------------------------------------- the stage */

static int refuse(enum rf_hook_stage stage, enum rf_hook_part part, const struct rf_place *place,
		  const char *what, struct rf_err *err)
{
	const struct rf_hook_stage_def *def = &rf_hook_stages[stage];

	if (!def->refused[part])
		return 0;
	return rf_err_at(err, place, EINVAL, "%s: no %s in this stage: %s", def->name, what,
			 def->refused[part]);
}

static int check_limits(const struct rf_sandbox *sb, enum rf_hook_stage stage, struct rf_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(sb->rlimits) / sizeof(sb->rlimits[0]); i++)
		if (sb->rlimit_set & 1U << i)
			r = refuse(stage, RF_HOOK_RLIMIT, &sb->rlimits[i].place, "rlimit", err);
	for (int i = 0; r == 0 && i < RF_CG_NR; i++)
		if (sb->cgroup.set & 1U << i)
			r = refuse(stage, RF_HOOK_CGROUP, &sb->cgroup.places[i],
				   "limit of a control group", err);
	return r;
}

int rf_hook_check(const struct rf_hook *h, enum rf_hook_stage stage, struct rf_err *err)
{
	const struct rf_sandbox *sb = h->sb;
	int r = 0;

	for (size_t i = 0; r == 0 && i < sb->nr_mounts; i++)
		r = refuse(stage, part_of[sb->mounts[i].kind], &sb->mounts[i].place,
			   rf_mount_kind_names[sb->mounts[i].kind], err);
	if (r == 0)
		r = check_limits(sb, stage, err);
	for (size_t i = 0; r == 0 && i < h->nr_cgroup; i++)
		r = refuse(stage, RF_HOOK_CGROUP, &h->cgroup[i].place, "value of a control group", err);
	for (size_t i = 0; r == 0 && i < h->nr_sysctls; i++)
		r = refuse(stage, RF_HOOK_SYSCTL, &h->sysctls[i].place, "sysctl", err);
	for (size_t i = 0; r == 0 && i < h->nr_net; i++)
		r = refuse(stage, RF_HOOK_NETWORK, &h->net[i].place, "network", err);
	return r;
}
