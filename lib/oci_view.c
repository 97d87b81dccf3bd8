/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounts of type cgroup: what a container sees of its control groups.
 */
#include "oci_config.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "spec.h"

static struct rf_mount *add_like(struct rf_sandbox *sb, struct rf_oci_config *c, size_t like)
{
	struct rf_mount *m = rf_oci_mount_add(sb, c);

	if (!m)
		return NULL;
	m->place = sb->mounts[like].place;
	m->at_place = sb->mounts[like].at_place;
	m->attr = sb->mounts[like].attr;
	m->deep = sb->mounts[like].deep;
	m->has_propagation = sb->mounts[like].has_propagation;
	m->propagates_deep = sb->mounts[like].propagates_deep;
	m->propagation = sb->mounts[like].propagation;
	return m;
}

/* The container's group in @tree, or the caller's where it has none of its own. */
static const char *shown(const struct rf_oci_group *tree)
{
	return tree->dir ? tree->dir : tree->own;
}

/* "cpu,cpuacct" is known as cpu, and as cpuacct. */
static int add_links(struct rf_sandbox *sb, struct rf_oci_config *c, size_t like, const char *name)
{
	size_t len;

	if (!strchr(name, ','))
		return 0;
	for (const char *word = name; *word; word += len + (word[len] == ',')) {
		struct rf_mount *m = add_like(sb, c, like);

		len = strcspn(word, ",");
		if (!m)
			return -ENOMEM;
		m->kind = RF_MOUNT_SYMLINK;
		m->source = rf_sandbox_strdup(sb, name);
		m->at = rf_sandbox_printf(sb, "%s/%.*s", sb->mounts[like].at, (int)len, word);
		if (!m->source || !m->at)
			return -ENOMEM;
	}
	return 0;
}

static int show_tree(struct rf_sandbox *sb, struct rf_oci_config *c, size_t i,
		     const struct rf_oci_group *tree)
{
	const char *name = strrchr(tree->mount, '/') + 1;
	struct rf_mount *m = add_like(sb, c, i);

	if (!m)
		return -ENOMEM;
	m->kind = RF_MOUNT_BIND;
	m->flags |= RF_MF_IS_DIR;
	m->source = rf_sandbox_strdup(sb, shown(tree));
	m->at = rf_sandbox_printf(sb, "%s/%s", sb->mounts[i].at, name);
	return m->source && m->at ? add_links(sb, c, i, name) : -ENOMEM;
}

/* Version 1: a directory with each hierarchy. */
static int show_trees(struct rf_sandbox *sb, struct rf_oci_config *c, size_t i,
		      const struct rf_oci_groups *g)
{
	static const char *options[] = { "mode", "0755", "source", "tmpfs" };
	int r = 0;

	sb->mounts[i].kind = RF_MOUNT_FS;
	sb->mounts[i].fstype = "tmpfs";
	sb->mounts[i].options = options;
	sb->mounts[i].nr_options = 2;
	for (size_t t = 0; r == 0 && t < g->nr; t++)
		if (!g->trees[t].v2)
			r = show_tree(sb, c, i, &g->trees[t]);
	return r;
}

/* Version 2: the group itself, which a new cgroup namespace has as its root. */
static int show_unified(struct rf_sandbox *sb, size_t i, const struct rf_oci_groups *g)
{
	struct rf_mount *m = &sb->mounts[i];
	bool all = sb->ns[RF_NS_CGROUP].mode == RF_NS_HOST;

	for (size_t t = 0; t < g->nr; t++) {
		if (!g->trees[t].v2)
			continue;
		m->kind = RF_MOUNT_BIND;
		m->flags |= RF_MF_IS_DIR;
		m->source = rf_sandbox_strdup(sb, all ? g->trees[t].mount : shown(&g->trees[t]));
		return m->source ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

int rf_oci_resolve_view(struct rf_sandbox *sb, struct rf_oci_config *c, size_t i,
			const struct rf_oci_groups *g, struct rf_err *err)
{
	const struct rf_mount *m = &sb->mounts[i];
	int r;

	/* the one of version 2 that is beside others is the caller's: no container has one there */
	if (!g->unified && g->nr && !strcmp(m->fstype, "cgroup2"))
		return rf_err_at(err, &m->place, EOPNOTSUPP, "mounts: containers have groups of version 1 "
				 "here, which `cgroup` shows");
	r = g->unified ? show_unified(sb, i, g) : show_trees(sb, c, i, g);
	if (r == -ENOENT)
		return rf_err_at(err, &sb->mounts[i].place, EOPNOTSUPP,
				 "mounts: no control groups are mounted here to be shown");
	return r < 0 ? rf_err_set(err, ENOMEM, "resolving a config.json") : 0;
}
