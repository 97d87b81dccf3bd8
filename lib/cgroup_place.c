/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Below which group ours is made.
 *
 * On version 1 any group that the caller may write to will do.  On version 2 a
 * group that has processes cannot hand memory, io or hugetlb down, and moving
 * into a group needs the right to write to the nearest one above both ends: so
 * the way goes from the caller's own group up, to the first that is writable
 * and hands down what is needed, or can be made to.  That is next to the
 * caller's group as a rule, and still below whatever limits its ancestors have.
 * Where the caller is alone in a delegated group, as in a scope of systemd's, it
 * moves into a group of its own there and makes the sandbox's beside it.
 */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

#define CTL(c) (1U << RF_CTL_##c)

/* ----------------------------------------------------------------- planning */

static struct rf_cgroup_spot *add_spot(struct rf_cgroup_plan *p, const struct rf_cgroup_tree *t,
				       uint32_t controllers, bool optional)
{
	if (p->nr == RF_CG_HIERARCHIES)
		return NULL;
	p->spots[p->nr] = (struct rf_cgroup_spot){
		.tree = t, .controllers = controllers, .optional = optional,
	};
	return &p->spots[p->nr++];
}

/* Controllers in a list with blanks, of version 2. */
static uint32_t listed(const char *list)
{
	uint32_t mask = 0;

	for (int c = 0; c < RF_CTL_NR; c++) {
		const char *name = rf_cgroup_ctls[c].v2;
		size_t len = name ? strlen(name) : 0;

		for (const char *p = list; name && (p = strstr(p, name)); p += len)
			if ((p == list || p[-1] == ' ') && (!p[len] || p[len] == ' '))
				mask |= 1U << c;
	}
	return mask;
}

static uint32_t read_list(const char *dir, const char *file)
{
	char buf[512];

	return rf_cgroup_read(dir, file, buf, sizeof(buf)) > 0 ? listed(buf) : 0;
}

static const char *first_name(uint32_t controllers)
{
	for (int c = 0; c < RF_CTL_NR; c++)
		if (controllers & 1U << c)
			return rf_cgroup_ctls[c].v2 ? rf_cgroup_ctls[c].v2 : rf_cgroup_ctls[c].v1;
	return "?";
}

static int no_controller(const struct rf_sandbox *sb, uint32_t missing, struct rf_err *err)
{
	const char *word;
	const struct rf_place *place = rf_cgroup_place_of(sb, missing, &word);

	rf_err_at(err, place, EOPNOTSUPP, "%s limit: no hierarchy of control groups has the %s "
		  "controller here", word, first_name(missing));
	rf_err_hint(err, "/proc/cgroups has what the kernel knows, /proc/self/mountinfo what is mounted");
	return -EOPNOTSUPP;
}

static int no_hierarchy(const struct rf_sandbox *sb, struct rf_err *err)
{
	const char *word;
	const struct rf_place *place = rf_cgroup_place_of(sb, rf_cgroup_needs(sb), &word);

	rf_err_at(err, place, EOPNOTSUPP, "%s: no hierarchy of control groups is mounted", word);
	rf_err_hint(err, "as root: mount -t cgroup2 cgroup2 /sys/fs/cgroup");
	return -EOPNOTSUPP;
}

/* Version 2 serves what no version 1 hierarchy does, and tracks the tasks. */
static int plan_v2(const struct rf_sandbox *sb, const struct rf_cgroup_host *h,
		   struct rf_cgroup_plan *p, uint32_t needs, struct rf_err *err)
{
	const struct rf_cgroup_tree *t = NULL;
	bool counts_cpu = needs & CTL(CPUACCT);
	char root[4096];

	for (size_t i = 0; i < h->nr; i++)
		if (h->trees[i].v2)
			t = &h->trees[i];
	if (!t)
		return needs ? no_controller(sb, needs, err) : 0;
	needs &= ~CTL(CPUACCT);
	(void)snprintf(root, sizeof(root), "%.*s", (int)t->mount_len, t->own);
	if (needs & ~read_list(root, "cgroup.controllers"))
		return no_controller(sb, needs & ~read_list(root, "cgroup.controllers"), err);
	p->tracker = p->nr;
	(void)add_spot(p, t, needs, !needs && !counts_cpu);
	return 0;
}

static bool has_freezer(const struct rf_cgroup_host *h)
{
	for (size_t i = 0; i < h->nr; i++)
		if (h->trees[i].controllers & CTL(FREEZER))
			return true;
	return false;
}

/* A `cgroup` entry is the sandbox's group of version 2. */
static bool binds_own_group(const struct rf_sandbox *sb)
{
	for (size_t i = 0; i < sb->nr_mounts; i++)
		if (sb->mounts[i].kind == RF_MOUNT_CGROUP)
			return true;
	return false;
}

int rf_cgroup_plan(const struct rf_sandbox *sb, const struct rf_cgroup_host *h,
		   struct rf_cgroup_plan *p, struct rf_err *err)
{
	uint32_t needs = rf_cgroup_needs(sb);
	int r;

	*p = (struct rf_cgroup_plan){ .tracker = RF_CG_HIERARCHIES };
	for (size_t i = 0; i < h->nr; i++) {
		const struct rf_cgroup_tree *t = &h->trees[i];

		if (t->v2 || !(t->controllers & needs))
			continue;
		needs &= ~t->controllers;
		(void)add_spot(p, t, t->controllers, false);
	}
	/*
	 * Joining a group of version 2 waits for every fork of the system (1 ms, where
	 * a freezer of version 1 takes 20 us): not for the sake of tracking alone.
	 */
	if (needs || !has_freezer(h) || binds_own_group(sb)) {
		r = plan_v2(sb, h, p, needs, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < h->nr && p->tracker == RF_CG_HIERARCHIES; i++) {
		if (!(h->trees[i].controllers & CTL(FREEZER)))
			continue;
		p->tracker = p->nr;
		(void)add_spot(p, &h->trees[i], h->trees[i].controllers, true);
	}
	if (!p->nr)
		return no_hierarchy(sb, err);
	/* `cgroup_parent` alone asks for a group as well */
	if (p->nr == 1)
		p->spots[0].optional = false;
	if (p->tracker == RF_CG_HIERARCHIES)
		p->tracker = 0;
	return 0;
}

/* ------------------------------------------------------------------ placing */

/* access(2) of a file in @dir. */
static bool may(const char *dir, const char *file, int mode)
{
	char path[4096 + 300];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, file);

	return n > 0 && (size_t)n < sizeof(path) && access(path, mode) == 0;
}

bool rf_cgroup_is_occupied(const char *dir)
{
	char first[2];

	return may(dir, "cgroup.type", F_OK) &&
	       rf_cgroup_read(dir, "cgroup.procs", first, sizeof(first)) > 0;
}

/*
 * Have the version 2 group @dir hand @needs down.  The kernel allows an occupied one
 * to hand down what threads can share (cpu, cpuset, pids), but then no process may
 * be in a group below: EOPNOTSUPP for who joins.
 */
static int hand_down(const char *dir, uint32_t needs, uint32_t *ret_enabled)
{
	const uint32_t enabled = read_list(dir, "cgroup.subtree_control");
	const uint32_t missing = needs & ~enabled;
	char words[128] = "";
	int r;

	if ((needs | enabled) && rf_cgroup_is_occupied(dir))
		return -EBUSY;
	if (!missing)
		return 0;
	if (missing & ~read_list(dir, "cgroup.controllers"))
		return -EOPNOTSUPP;
	for (int c = 0; c < RF_CTL_NR; c++) {
		size_t len = strlen(words);

		if (missing & 1U << c)
			(void)snprintf(words + len, sizeof(words) - len, "%s+%s", len ? " " : "",
				       rf_cgroup_ctls[c].v2);
	}
	r = rf_cgroup_write(dir, "cgroup.subtree_control", words);
	if (r == 0)
		*ret_enabled = missing;
	return r;
}

/* May a task move from @own to below @dir?  Who may write to what is above both. */
static int may_move(const char *own, const char *dir)
{
	char above[4096];
	size_t same = 0;

	for (size_t i = 0;; i++) {
		if ((!own[i] || own[i] == '/') && (!dir[i] || dir[i] == '/'))
			same = i;
		if (own[i] != dir[i] || !own[i])
			break;
	}
	if (same >= sizeof(above))
		return -ENAMETOOLONG;
	(void)snprintf(above, sizeof(above), "%.*s", (int)same, dir);
	return may(above, "cgroup.procs", W_OK) ? 0 : -errno;
}

/*
 * The length of the caller's own group.  Where it has moved out of that for the sake
 * of another sandbox (move_to_leaf()), that is the one above.
 */
static size_t own_length(const struct rf_cgroup_tree *t)
{
	size_t len = strlen(t->own), tail;
	char leaf[64];

	tail = (size_t)snprintf(leaf, sizeof(leaf), "/ringfence-%d-launcher", (int)getpid());
	if (len < t->mount_len + tail || strcmp(t->own + len - tail, leaf) != 0)
		return len;
	return len - tail;
}

/* 0, or why no group can be made in @dir. */
static int try_parent(struct rf_cgroup_spot *s, const char *dir)
{
	int r;

	if (access(dir, W_OK | X_OK) < 0)
		return -errno;
	if (!s->tree->v2)
		return 0;
	r = may_move(s->tree->own, dir);
	return r < 0 ? r : hand_down(dir, s->controllers, &s->enabled);
}

/* The caller is the only process of @dir, and so may leave it. */
static bool is_alone(const char *dir)
{
	char procs[64], self[32];

	if (rf_cgroup_read(dir, "cgroup.procs", procs, sizeof(procs)) <= 0)
		return false;
	(void)snprintf(self, sizeof(self), "%d", (int)getpid());
	return !strcmp(procs, self);
}

/* Out of @dir, which is to hand controllers down, into a group below it. */
static int move_to_leaf(struct rf_cgroup_spot *s, const char *dir)
{
	int r;

	if (!is_alone(dir))
		return -EBUSY;
	if (asprintf(&s->leaf, "%s/ringfence-%d-launcher", dir, (int)getpid()) < 0) {
		s->leaf = NULL;
		return -ENOMEM;
	}
	if (mkdir(s->leaf, 0755) < 0 && errno != EEXIST) {
		r = -errno;
		goto fail;
	}
	r = rf_cgroup_write(s->leaf, "cgroup.procs", "0");
	if (r < 0)
		goto undo;
	r = hand_down(dir, s->controllers, &s->enabled);
	if (r == 0)
		return 0;
	(void)rf_cgroup_write(dir, "cgroup.procs", "0");
undo:
	(void)rmdir(s->leaf);
fail:
	free(s->leaf);
	s->leaf = NULL;
	return r;
}

/* Up from the caller's own group; what stood in the way there is the answer. */
static int find_parent(struct rf_cgroup_spot *s, bool may_leave)
{
	const struct rf_cgroup_tree *t = s->tree;
	char *dir = strndup(t->own, own_length(t));
	int own = 0, r = -ENOMEM;

	for (bool first = true; dir; first = false) {
		char *slash = strrchr(dir, '/');

		r = try_parent(s, dir);
		if (first && may_leave && r == -EBUSY && move_to_leaf(s, dir) == 0)
			r = 0;
		if (r == 0) {
			s->parent = dir;
			return 0;
		}
		if (first)
			own = r;
		/* as far as the mount goes, and not out of a namespace */
		if (!slash || (size_t)(slash - dir) < t->mount_len)
			break;
		*slash = '\0';
	}
	free(dir);
	return own ? own : r;
}

int rf_cgroup_find(const struct rf_cgroup_tree *t, uint32_t controllers, char **ret)
{
	struct rf_cgroup_spot s = { .tree = t, .controllers = controllers };
	int r = find_parent(&s, false);

	*ret = s.parent;
	return r;
}

/* The spec's, from the root of the hierarchy or from the caller's group. */
static int named_parent(const struct rf_sandbox *sb, struct rf_cgroup_spot *s)
{
	const struct rf_cgroup_tree *t = s->tree;
	const char *path = sb->cgroup.parent;
	int len = (int)(path[0] == '/' ? t->mount_len : own_length(t)), r;

	if (asprintf(&s->parent, "%.*s%s%s", len, t->own, path[0] == '/' ? "" : "/",
		     strcmp(path, "/") ? path : "") < 0) {
		s->parent = NULL;
		return -ENOMEM;
	}
	r = try_parent(s, s->parent);
	return r;
}

static void drop(struct rf_cgroup_plan *p, size_t index)
{
	free(p->spots[index].parent);
	for (size_t i = index + 1; i < p->nr; i++)
		p->spots[i - 1] = p->spots[i];
	p->nr--;
	if (p->tracker == index) {
		/* where there is `pids`, no task can get away while others are killed */
		p->tracker = 0;
		for (size_t i = 0; i < p->nr; i++)
			if (p->spots[i].controllers & CTL(PIDS))
				p->tracker = i;
	} else if (p->tracker > index) {
		p->tracker--;
	}
}

static void hint_delegate(const struct rf_cgroup_spot *s, int error, struct rf_err *err)
{
	if (s->tree->v2)
		rf_err_hint(err, "%s; `systemd-run --user --scope -p Delegate=yes -- ringfence run ...` "
			    "starts it in a group of its own", error == EBUSY ?
			    "a group with processes in it cannot limit groups below it" :
			    "nothing is delegated to this user here");
	else
		rf_err_hint(err, "nothing is delegated to this user here; root may make a group in "
			    "each hierarchy, give it to the user, and `cgroup_parent` names it");
}

static int refuse(const struct rf_sandbox *sb, const struct rf_cgroup_spot *s, int error,
		  struct rf_err *err)
{
	const uint32_t needs = s->controllers & rf_cgroup_needs(sb);
	const char *word;
	const struct rf_place *place = rf_cgroup_place_of(sb, needs, &word);

	if (sb->cgroup.parent && error == ENOENT) {
		rf_err_at(err, &sb->cgroup.parent_place, error, "cgroup_parent: %s", s->parent);
		if (!s->tree->v2)
			rf_err_hint(err, "it has to be there in the hierarchy of each controller that "
				    "is needed");
		return -error;
	}
	rf_err_at(err, place, error, "%s: no control group can be made %s %s", word,
		  sb->cgroup.parent ? "in" : "at or above", s->parent ? s->parent : s->tree->own);
	hint_delegate(s, error, err);
	return -error;
}

int rf_cgroup_place(const struct rf_sandbox *sb, struct rf_cgroup_plan *p, struct rf_err *err)
{
	for (size_t i = 0; i < p->nr;) {
		struct rf_cgroup_spot *s = &p->spots[i];
		int r = sb->cgroup.parent ? named_parent(sb, s) : find_parent(s, true);

		if (r == -ENOMEM)
			return rf_err_set(err, ENOMEM, "control groups");
		if (r < 0 && s->optional) {
			drop(p, i);
			continue;
		}
		if (r < 0)
			return refuse(sb, s, -r, err);
		i++;
	}
	return 0;
}

void rf_cgroup_plan_done(struct rf_cgroup_plan *p)
{
	for (size_t i = 0; i < p->nr; i++) {
		free(p->spots[i].parent);
		free(p->spots[i].leaf);
	}
	p->nr = 0;
}
