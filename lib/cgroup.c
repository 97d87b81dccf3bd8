/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control groups of a sandbox, from making to removing (cgroup.h).
 *
 * A group belongs to its launcher: the name has its pid, and for as long as it
 * lives it holds a lock on each directory.  A launcher that is killed leaves its
 * groups behind; the next one that has made a group at the same place takes the
 * lock, when nothing of its own runs any more, and so knows that they are nobody's.
 *
 * Tasks join by a descriptor that is opened here, with the launcher's rights:
 * the payload task may be another user by then.  On version 1 it is `tasks` and
 * not `cgroup.procs`, for a task that moves itself alone need not wait until
 * nobody on the system forks or execs.
 */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

#define NAMES_MAX	10000

static void dir_close(struct rf_cgroup_dir *d)
{
	if (d->fd >= 0)
		(void)close(d->fd);
	d->fd = -1;
	free(d->path);
	d->path = NULL;
}

/* Ours, and nobody's who sweeps: -EEXIST if another name must be tried. */
static int dir_make_at(struct rf_cgroup_dir *d, int parent, const char *name)
{
	if (mkdirat(parent, name, 0755) < 0)
		return -errno;
	d->fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->fd < 0)
		return errno == ENOENT ? -EEXIST : -errno;
	if (flock(d->fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EEXIST : -errno;
	return faccessat(parent, name, F_OK, 0) < 0 ? -EEXIST : 0;
}

static int dir_make(struct rf_cgroup_dir *d, const struct rf_cgroup_spot *s, const char *name)
{
	int parent, r;

	*d = (struct rf_cgroup_dir){ .fd = -1, .v2 = s->tree->v2, .controllers = s->controllers };
	if (asprintf(&d->path, "%s/%s", s->parent, name) < 0) {
		d->path = NULL;
		return -ENOMEM;
	}
	parent = open(s->parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return -errno;
	r = dir_make_at(d, parent, name);
	(void)close(parent);
	return r;
}

/* -EBUSY: somebody is in it. */
static int dir_remove(struct rf_cgroup_dir *d)
{
	if (!d->gone && rmdir(d->path) < 0 && errno != ENOENT)
		return -errno;
	d->gone = true;
	return 0;
}

static void groups_unmake(struct rf_cgroup *g)
{
	while (g->nr) {
		struct rf_cgroup_dir *d = &g->dirs[--g->nr];

		(void)rmdir(d->path);
		dir_close(d);
	}
}

/* One name in all hierarchies. */
static int groups_make(struct rf_cgroup *g, const struct rf_cgroup_plan *p, struct rf_err *err)
{
	int r = -EEXIST;

	for (int n = 0; r == -EEXIST && n < NAMES_MAX; n++) {
		(void)snprintf(g->name, sizeof(g->name), "ringfence-%d-%d", (int)getpid(), n);
		for (r = 0; r == 0 && g->nr < p->nr;) {
			struct rf_cgroup_dir *d = &g->dirs[g->nr];

			r = dir_make(d, &p->spots[g->nr], g->name);
			if (r == 0) {
				g->nr++;
				continue;
			}
			if (r != -EEXIST)
				rf_err_set(err, -r, "control group %s", d->path ? d->path : g->name);
			dir_close(d);
		}
		if (r < 0)
			groups_unmake(g);
	}
	return r == -EEXIST ? rf_err_set(err, EEXIST, "control group %s", g->name) : r;
}

static int write_limits(const struct rf_sandbox *sb, const struct rf_cgroup *g,
			struct rf_err *err)
{
	for (size_t i = 0; i < g->nr; i++) {
		const struct rf_cgroup_dir *d = &g->dirs[i];
		int r = rf_cgroup_limit(sb, d->v2, d->controllers, d->path, d->fd, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int open_joins(struct rf_sandbox *sb, const struct rf_cgroup *g, struct rf_err *err)
{
	struct rf_cgroup_spec *c = &sb->cgroup;

	for (size_t i = 0; i < g->nr; i++) {
		const struct rf_cgroup_dir *d = &g->dirs[i];
		const char *file = d->v2 ? "cgroup.procs" : "tasks";
		int fd = openat(d->fd, file, O_WRONLY | O_CLOEXEC);

		if (fd < 0)
			return rf_err_set(err, errno, "control group %s/%s", d->path, file);
		c->fds[c->nr_fds++] = fd;
		if (d->v2) {
			c->v2_path = rf_sandbox_strdup(sb, d->path);
			if (!c->v2_path)
				return rf_err_set(err, ENOMEM, "control groups");
		}
	}
	return 0;
}

/* A hierarchy of version 1 cannot limit swap alone. */
static int check_swap(const struct rf_sandbox *sb, const struct rf_cgroup_plan *p,
		      struct rf_err *err)
{
	const uint32_t set = sb->cgroup.set;

	if (!(set & 1U << RF_CG_SWAP) || set & 1U << RF_CG_MEMORY)
		return 0;
	for (size_t i = 0; i < p->nr; i++)
		if (!p->spots[i].tree->v2 && p->spots[i].controllers & 1U << RF_CTL_MEMORY)
			return rf_err_at(err, &sb->cgroup.places[RF_CG_SWAP], EOPNOTSUPP,
					 "swap limit: version 1 of control groups limits memory and "
					 "swap together: it needs a memory limit too");
	return 0;
}

static void take_leaf(struct rf_cgroup *g, struct rf_cgroup_plan *p)
{
	for (size_t i = 0; i < p->nr; i++) {
		g->leaf_enabled |= p->spots[i].enabled;
		if (!p->spots[i].leaf)
			continue;
		g->leaf = p->spots[i].leaf;
		p->spots[i].leaf = NULL;
	}
	g->leaf_fd = g->leaf ? open(g->leaf, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (g->leaf_fd >= 0)
		(void)flock(g->leaf_fd, LOCK_EX | LOCK_NB);
}

/* The launcher stays where @g has moved it, until *keep is ended. */
static void keep_leaf(const struct rf_sandbox *sb, struct rf_cgroup *g)
{
	struct rf_cgroup **keep = sb->cgroup.keep;

	if (g->leaf && !*keep) {
		*keep = calloc(1, sizeof(**keep));
		if (!*keep)
			return;
		(*keep)->leaf = g->leaf;
		(*keep)->leaf_fd = g->leaf_fd;
		g->leaf = NULL;
		g->leaf_fd = -1;
	}
	if (*keep)
		(*keep)->leaf_enabled |= g->leaf_enabled;
}

int rf_cgroup_make(struct rf_sandbox *sb, struct rf_err *err)
{
	struct rf_cgroup_host host = { .nr = 0 };
	struct rf_cgroup_plan plan = { .nr = 0 };
	struct rf_cgroup *g;
	int r;

	if (!rf_cgroup_is_wanted(sb))
		return 0;
	g = calloc(1, sizeof(*g));
	if (!g)
		return rf_err_set(err, ENOMEM, "control groups");
	g->leaf_fd = -1;
	r = rf_cgroup_host_read(&host);
	if (r < 0)
		(void)rf_err_set(err, -r, "control groups of this process");
	if (r == 0)
		r = rf_cgroup_plan(sb, &host, &plan, err);
	if (r == 0)
		r = check_swap(sb, &plan, err);
	if (r == 0)
		r = rf_cgroup_place(sb, &plan, err);
	take_leaf(g, &plan);
	if (sb->cgroup.keep)
		keep_leaf(sb, g);
	if (r == 0) {
		g->tracker = plan.tracker;
		r = groups_make(g, &plan, err);
		/* there may be too many of what others left behind */
		for (size_t i = 0; r < 0 && i < plan.nr; i++)
			rf_cgroup_sweep(plan.spots[i].parent);
		if (r < 0)
			r = groups_make(g, &plan, err);
	}
	if (r == 0)
		r = write_limits(sb, g, err);
	if (r == 0)
		r = open_joins(sb, g, err);
	if (r == 0)
		sb->cgroup.group = g;
	else
		rf_cgroup_submitted(sb);
	if (r < 0)
		(void)rf_cgroup_end(g, NULL);
	rf_cgroup_plan_done(&plan);
	rf_cgroup_host_done(&host);
	return r;
}

int rf_cgroup_look(struct rf_sandbox *sb, bool pure, struct rf_err *err)
{
	struct rf_cgroup_host host = { .nr = 0 };
	struct rf_cgroup_plan plan = { .nr = 0 };
	struct rf_cgroup_spec *c = &sb->cgroup;
	int r;

	if (!rf_cgroup_is_wanted(sb))
		return 0;
	if (pure) {
		c->fds[c->nr_fds++] = -1;
		c->v2_path = "/sys/fs/cgroup/ringfence-PID-N";
		return 0;
	}
	r = rf_cgroup_host_read(&host);
	if (r < 0)
		(void)rf_err_set(err, -r, "control groups of this process");
	else
		r = rf_cgroup_plan(sb, &host, &plan, err);
	for (size_t i = 0; r == 0 && i < plan.nr; i++) {
		c->fds[c->nr_fds++] = -1;
		if (!plan.spots[i].tree->v2)
			continue;
		c->v2_path = rf_sandbox_printf(sb, "%s/ringfence-PID-N", plan.spots[i].tree->own);
		if (!c->v2_path)
			r = rf_err_set(err, ENOMEM, "control groups");
	}
	rf_cgroup_plan_done(&plan);
	rf_cgroup_host_done(&host);
	return r;
}

/* More than @nr in it?  A cgroup has two links, and one for each group. */
static bool has_groups(const char *dir, nlink_t nr)
{
	struct stat st;

	return stat(dir, &st) < 0 || st.st_nlink > 2 + nr;
}

void rf_cgroup_submitted(struct rf_sandbox *sb)
{
	struct rf_cgroup_spec *c = &sb->cgroup;

	while (c->nr_fds) {
		int fd = c->fds[--c->nr_fds];

		if (fd >= 0)
			(void)close(fd);
	}
}

void rf_cgroup_usage(const struct rf_cgroup *g, struct rf_cgroup_usage *ret)
{
	*ret = (struct rf_cgroup_usage)RF_CGROUP_USAGE_INIT;
	for (size_t i = 0; i < g->nr; i++)
		rf_cgroup_usage_read(g->dirs[i].path, g->dirs[i].v2, g->dirs[i].controllers, ret);
}

const char *rf_cgroup_path(const struct rf_cgroup *g)
{
	return g && g->tracker < g->nr ? g->dirs[g->tracker].path : NULL;
}

bool rf_cgroup_is_over(struct rf_cgroup *g)
{
	return g->tracker < g->nr && dir_remove(&g->dirs[g->tracker]) == 0;
}

/* Back to where the launcher was, as it was, unless others have come meanwhile. */
static void leave_leaf(struct rf_cgroup *g)
{
	char *slash, words[128] = "";
	char *parent = strdup(g->leaf);

	slash = parent ? strrchr(parent, '/') : NULL;
	if (slash) {
		*slash = '\0';
		for (int c = 0; c < RF_CTL_NR; c++) {
			size_t len = strlen(words);

			if (g->leaf_enabled & 1U << c)
				(void)snprintf(words + len, sizeof(words) - len, "%s-%s",
					       len ? " " : "", rf_cgroup_ctls[c].v2);
		}
		if (!has_groups(parent, 1) && !has_groups(g->leaf, 0) &&
		    rf_cgroup_write(parent, "cgroup.subtree_control", words) == 0 &&
		    rf_cgroup_write(parent, "cgroup.procs", "0") == 0)
			(void)rmdir(g->leaf);
	}
	free(parent);
}

/* What others left behind nobody has to wait for. */
static void sweep_beside(const struct rf_cgroup_dir *d)
{
	char *parent = strndup(d->path, (size_t)(strrchr(d->path, '/') - d->path));

	if (parent && has_groups(parent, 0))
		rf_cgroup_sweep(parent);
	free(parent);
}

int rf_cgroup_end(struct rf_cgroup *g, struct rf_cgroup_usage *ret_usage)
{
	int r = 0;

	if (!g)
		return 0;
	if (rf_cgroup_path(g) && !g->dirs[g->tracker].gone && (ret_usage || !rf_cgroup_is_over(g)) &&
	    rf_cgroup_is_populated(rf_cgroup_path(g)) == 1)
		(void)rf_cgroup_kill(rf_cgroup_path(g));
	if (ret_usage)
		rf_cgroup_usage(g, ret_usage);
	while (g->nr) {
		struct rf_cgroup_dir *d = &g->dirs[--g->nr];
		int one = dir_remove(d);

		if (one < 0)
			one = rf_cgroup_remove(d->path);
		if (one < 0)
			r = one;
		sweep_beside(d);
		dir_close(d);
	}
	if (g->leaf)
		leave_leaf(g);
	if (g->leaf_fd >= 0)
		(void)close(g->leaf_fd);
	free(g->leaf);
	free(g);
	return r;
}
