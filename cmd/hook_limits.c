/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rlimits of the container's process, and values of its control groups: those of
 * the groups that /proc says it is in, as the host has them mounted, and only if
 * they are its own.
 */
#include "hook_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroup.h"
#include "error.h"

/* ------------------------------------------------------------------ rlimits */

/*
 * By number: there is no call that takes a pidfd.  The pidfd is asked behind it: a
 * process that is still there has had its number all the time.
 */
static int set_rlimit(struct hook *k, int resource, const struct hook_rlimit *limit,
		      struct hook_rlimit *old)
{
	if (!process_is_alive(&k->process))
		return -ESRCH;
	if (syscall(SYS_prlimit64, k->process.pid, resource, limit, old) < 0)
		return -errno;
	return process_is_alive(&k->process) ? 0 : -ESRCH;
}

static int undo_rlimit(struct hook *k, const struct hook_undo *u)
{
	return set_rlimit(k, u->resource, &u->limit, NULL);
}

int hook_rlimits(struct hook *k, struct rf_err *err)
{
	const struct rf_sandbox *sb = k->fragment->sb;

	for (int i = 0; i < RLIM_NLIMITS; i++) {
		const struct hook_rlimit limit = { sb->rlimits[i].soft, sb->rlimits[i].hard };
		struct hook_undo u = { .call = undo_rlimit, .resource = i, .path = "a limit" };
		int r;

		if (!(sb->rlimit_set & 1U << i))
			continue;
		r = set_rlimit(k, i, &limit, &u.limit);
		if (r < 0)
			return hook_fail(k, &sb->rlimits[i].place, -r, err, "rlimit: prlimit");
		r = hook_can_undo(k, &u, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ----------------------------------------------------------- control groups */

struct groups {
	struct rf_cgroup_host theirs, ours;
};

static int read_file(int dir, const char *name, char **ret)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC), r;
	size_t len = 0;
	char *text;

	if (fd < 0)
		return -errno;
	r = hook_read_all(fd, 16U << 20, ret, &len);
	(void)close(fd);
	if (r < 0)
		return r;
	text = realloc(*ret, len + 1);
	if (!text) {
		free(*ret);
		return -ENOMEM;
	}
	text[len] = '\0';
	*ret = text;
	return 0;
}

static int find_groups(struct hook *k, struct groups *g, struct rf_err *err)
{
	char *mounts = NULL, *theirs = NULL;
	int r = read_file(k->proc, "self/mountinfo", &mounts);

	if (r == 0)
		r = read_file(k->process.dir, "cgroup", &theirs);
	if (r == 0)
		r = rf_cgroup_host_parse(&g->theirs, mounts, theirs);
	if (r == 0)
		r = rf_cgroup_host_read(&g->ours);
	free(mounts);
	free(theirs);
	return r < 0 ? hook_fail(k, NULL, -r, err, "the control groups of process %d",
				 (int)k->process.pid) : 0;
}

/* The tree that has @controllers: of version 1 where one does, else that of version 2. */
static const struct rf_cgroup_tree *tree_of(const struct rf_cgroup_host *h, uint32_t controllers)
{
	const struct rf_cgroup_tree *v2 = NULL;

	for (size_t i = 0; i < h->nr; i++) {
		if (h->trees[i].v2)
			v2 = &h->trees[i];
		else if (h->trees[i].controllers & controllers)
			return &h->trees[i];
	}
	return v2;
}

/*
 * A group that the hook is in too, or one above that, is not the container's: its
 * limits would be everybody's.
 */
static bool is_its_own(const struct rf_cgroup_tree *theirs, const struct rf_cgroup_host *h)
{
	size_t len = strlen(theirs->own);

	if (theirs->outside || len <= theirs->mount_len)
		return false;
	for (size_t i = 0; i < h->nr; i++)
		if (strncmp(h->trees[i].own, theirs->own, len) == 0 &&
		    (!h->trees[i].own[len] || h->trees[i].own[len] == '/'))
			return false;
	return true;
}

static int group_of(struct hook *k, const struct groups *g, uint32_t controllers,
		    const struct rf_place *place, const char *what,
		    const struct rf_cgroup_tree **ret, struct rf_err *err)
{
	const struct rf_cgroup_tree *tree = tree_of(&g->theirs, controllers);

	if (!tree)
		return hook_fail(k, place, EOPNOTSUPP, err, "%s: no hierarchy of control groups has "
				 "the controller", what);
	if (!is_its_own(tree, &g->ours))
		return hook_fail(k, place, EPERM, err, "%s: %.100s is not the container's own group",
				 what, tree->own);
	*ret = tree;
	return 0;
}

static int undo_group(struct hook *k, const struct hook_undo *u)
{
	const char *name = strrchr(u->path, '/');
	char dir[4096];

	(void)k;
	/* a file that has no line, or several, is read otherwise than written */
	if (!u->text || !*u->text || strchr(u->text, '\n'))
		return -EOPNOTSUPP;
	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(name - u->path), u->path);
	return rf_cgroup_write(dir, name + 1, u->text);
}

static int write_group(struct hook *k, const struct rf_cgroup_tree *tree, const char *file,
		       const char *text, const struct rf_place *place, struct rf_err *err)
{
	struct rf_sandbox *sb = k->fragment->sb;
	struct hook_undo u = { .call = undo_group,
			       .path = rf_sandbox_printf(sb, "%s/%s", tree->own, file) };
	char old[4096];
	int r;

	if (!u.path)
		return rf_err_set(err, ENOMEM, "%s", file);
	if (rf_cgroup_read(tree->own, file, old, sizeof(old)) >= 0)
		u.text = rf_sandbox_strdup(sb, old);
	r = rf_cgroup_write(tree->own, file, text);
	if (r < 0)
		return hook_fail(k, place, -r, err, "cgroup: write %.160s \"%.100s\"", u.path, text);
	return hook_can_undo(k, &u, err);
}

/* What `limits` says of one of them, in the words of its version. */
static int write_limits(struct hook *k, const struct groups *g, struct rf_err *err)
{
	const struct rf_sandbox *sb = k->fragment->sb;
	uint32_t needs = rf_cgroup_needs(sb);
	int r = 0;

	for (uint32_t c = 0; c < RF_CTL_NR && r == 0; c++) {
		const struct rf_cgroup_tree *tree;
		const struct rf_place *place;
		struct rf_cgroup_value v;
		const char *word;

		if (!(needs & 1U << c))
			continue;
		place = rf_cgroup_place_of(sb, 1U << c, &word);
		r = group_of(k, g, 1U << c, place, word, &tree, err);
		for (size_t i = 0; r == 0 && rf_cgroup_value(sb, tree->v2, 1U << c, i, &v); i++) {
			char file[4096];

			if (v.inherit)	/* the runtime has filled it */
				continue;
			(void)snprintf(file, sizeof(file), "%s/%s", tree->own, v.file);
			if (v.optional && access(file, F_OK) < 0)
				continue;
			r = write_group(k, tree, v.file, v.text, v.place, err);
		}
	}
	return r;
}

static uint32_t controller_of(const char *file)
{
	size_t len = strcspn(file, ".");

	for (uint32_t c = 0; c < RF_CTL_NR; c++) {
		const char *names[] = { rf_cgroup_ctls[c].v1, rf_cgroup_ctls[c].v2 };

		for (int i = 0; i < 2; i++)
			if (names[i] && strlen(names[i]) == len && !strncmp(names[i], file, len))
				return 1U << c;
	}
	return 0;
}

static int write_values(struct hook *k, const struct groups *g, struct rf_err *err)
{
	int r = 0;

	for (size_t i = 0; i < k->fragment->nr_cgroup && r == 0; i++) {
		const struct rf_hook_value *v = &k->fragment->cgroup[i];
		const struct rf_cgroup_tree *tree;

		r = group_of(k, g, controller_of(v->name), &v->place, v->name, &tree, err);
		if (r == 0)
			r = write_group(k, tree, v->name, v->value, &v->place, err);
	}
	return r;
}

int hook_groups(struct hook *k, struct rf_err *err)
{
	struct groups g = { .theirs.nr = 0, .ours.nr = 0 };
	int r;

	if (!rf_cgroup_needs(k->fragment->sb) && !k->fragment->nr_cgroup)
		return 0;
	r = find_groups(k, &g, err);
	if (r == 0)
		r = write_limits(k, &g, err);
	if (r == 0)
		r = write_values(k, &g, err);
	rf_cgroup_host_done(&g.theirs);
	rf_cgroup_host_done(&g.ours);
	return r;
}
