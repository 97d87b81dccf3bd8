/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "enter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "spec.h"
#include "stop.h"

void enter_init(struct enter *e)
{
	*e = (struct enter){ .r = { .launcher = PROCESS_NONE, .payload = PROCESS_NONE,
				    .init = PROCESS_NONE } };
	for (int i = 0; i < RF_NS_NR; i++)
		e->ns[i] = -1;
}

void enter_done(struct enter *e)
{
	for (int i = 0; i < RF_NS_NR; i++)
		if (e->ns[i] >= 0)
			(void)close(e->ns[i]);
	running_done(&e->r);
	enter_init(e);
}

/* ------------------------------------------------------------------- namespaces */

/*
 * By descriptors of the namespaces themselves, and only those that the launcher
 * has named: a command that may make namespaces can be in others by now.
 */
static int join_namespaces(struct enter *e, struct rf_sandbox *sb, struct rf_err *err)
{
	const struct process *anchor = running_anchor(&e->r);

	for (int i = 0; i < RF_NS_NR; i++) {
		const struct rf_state_ns *ns = &e->r.state->ns[i];
		char path[24];
		struct stat st;

		sb->ns[i].mode = RF_NS_HOST;
		if (!ns->apart)
			continue;
		(void)snprintf(path, sizeof(path), "ns/%s", rf_ns_defs[i].proc);
		e->ns[i] = openat(i == RF_NS_CGROUP ? e->r.payload.dir : anchor->dir, path,
				  O_RDONLY | O_CLOEXEC);
		if (e->ns[i] < 0 || fstat(e->ns[i], &st) < 0)
			return rf_err_set(err, errno == ENOENT ? ESRCH : errno,
					  "the %s namespace of the sandbox", rf_ns_defs[i].name);
		if (st.st_dev != ns->dev || st.st_ino != ns->ino)
			return rf_err_set(err, EPERM, "the command has left its %s namespace",
					  rf_ns_defs[i].name);
		sb->ns[i].mode = RF_NS_JOIN_FD;
		sb->ns[i].fd = e->ns[i];
	}
	/* the network of the sandbox is as it is */
	sb->network = e->r.state->ns[RF_NS_NET].apart ? RF_NET_NONE : RF_NET_HOST;
	sb->init = false;
	if (!process_is_alive(anchor) || !process_is_alive(&e->r.payload))
		return rf_err_set(err, ESRCH, "the sandbox has ended");
	return 0;
}

/* -------------------------------------------------------------- control groups */

/* By the directories that the launcher holds open: a path may be another's by now. */
static int join_cgroups(struct enter *e, struct rf_sandbox *sb, struct rf_err *err)
{
	const struct rf_state *st = e->r.state;
	struct rf_cgroup_spec *c = &sb->cgroup;

	memset(c, 0, sizeof(*c));
	if ((st->sb->cgroup.set || st->sb->cpu_ms) && !st->nr_cgroups)
		return rf_err_set(err, EPERM, "the control group of the sandbox is not known");
	for (size_t i = 0; i < st->nr_cgroups; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "fd/%d/%s", st->cgroups[i].fd,
			       st->cgroups[i].v2 ? "cgroup.procs" : "tasks");
		c->fds[i] = openat(e->r.launcher.dir, path, O_WRONLY | O_CLOEXEC);
		if (c->fds[i] < 0)
			return rf_err_set(err, errno, "the control group of the sandbox");
		c->nr_fds = i + 1;
	}
	if (st->nr_cgroups)
		c->parent = "the sandbox's";	/* there is one to join */
	return process_is_alive(&e->r.launcher) ? 0 :
	       rf_err_set(err, ESRCH, "the sandbox has ended");
}

/* -------------------------------------------------------------------------- ids */

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Where the launcher's ids and groups have stayed, ours must be the same. */
static int check_kept(const struct rf_state *st, struct rf_sandbox *sb, struct rf_err *err)
{
	int n = getgroups(0, NULL);
	uint32_t *groups = n < 0 ? NULL : rf_sandbox_alloc(sb, ((size_t)n + 1) * sizeof(*groups));

	if (!groups)
		return rf_err_set(err, ENOMEM, "groups");
	if (st->sb->user.gid < 0 && st->gid != getegid())
		return rf_err_set(err, EPERM, "the caller has another group than the sandbox "
				  "was started with");
	if (st->sb->user.groups != RF_GROUPS_KEEP)
		return 0;
	n = getgroups(n, groups);
	if (n < 0)
		return rf_err_set(err, errno, "groups");
	qsort(groups, (size_t)n, sizeof(*groups), compare_ids);
	qsort(st->groups, st->nr_groups, sizeof(*groups), compare_ids);
	if ((size_t)n != st->nr_groups || memcmp(groups, st->groups, (size_t)n * sizeof(*groups)) != 0)
		return rf_err_set(err, EPERM, "the caller has other groups than the sandbox "
				  "was started with");
	return 0;
}

/* Another user is one that root of the sandbox could become, and no more than that. */
static int lower_user(struct enter *e, struct rf_sandbox *sb, const struct rf_user *wanted,
		      struct rf_err *err)
{
	const struct rf_user *base = &e->r.state->sb->user;
	int64_t uid = base->uid, gid = base->gid;
	int r = 0;

	if (uid < 0)
		r = process_map_id(running_anchor(&e->r), "uid_map", geteuid(), true, &uid);
	if (r == 0 && gid < 0)
		r = process_map_id(running_anchor(&e->r), "gid_map", getegid(), true, &gid);
	if (r < 0)
		return rf_err_set(err, -r, "the id map of the sandbox");
	if (uid != 0 && ((wanted->uid >= 0 && wanted->uid != uid) ||
			 (wanted->gid >= 0 && wanted->gid != gid))) {
		rf_err_set(err, EPERM, "the command of the sandbox is user %lld of group %lld there, "
			   "and another can only be had where it is root", (long long)uid,
			   (long long)gid);
		return -EPERM;
	}
	if (wanted->gid >= 0 && wanted->gid != gid)
		sb->user.gid = wanted->gid;
	if (wanted->uid < 0 || wanted->uid == uid)
		return 0;
	/* what root gives away when it becomes another */
	sb->user.uid = wanted->uid;
	sb->capabilities = sb->ambient = 0;
	return 0;
}

/* ----------------------------------------------------------------------- limits */

/* The limits of the first command, but none above our own. */
static int take_rlimits(const struct rf_sandbox *from, struct rf_sandbox *sb, struct rf_err *err)
{
	sb->rlimit_set = 0;
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit64 own;
		struct rf_rlimit_spec *l = &sb->rlimits[i];

		if (syscall(SYS_prlimit64, 0, i, NULL, &own) < 0)
			return rf_err_set(err, errno, "limits");
		*l = from->rlimits[i];
		if (l->hard > own.rlim_max)
			l->hard = own.rlim_max;
		if (l->soft > l->hard)
			l->soft = l->hard;
		if (l->soft != own.rlim_cur || l->hard != own.rlim_max)
			sb->rlimit_set |= 1U << i;
	}
	return 0;
}

/*
 * Ours, which the command inherits: the task that enters is not dumpable, so that
 * its own file is not its own to write.
 */
static int raise_oom_score(int score, struct rf_err *err)
{
	char text[16];
	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC), r = 0;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		r = -errno;
	text[n < 0 ? 0 : n] = '\0';
	if (r == 0 && score > atoi(text)) {
		n = snprintf(text, sizeof(text), "%d", score);
		if (pwrite(fd, text, (size_t)n, 0) != n)
			r = -errno;
	}
	if (fd >= 0)
		(void)close(fd);
	return r < 0 ? rf_err_set(err, -r, "oom_score") : 0;
}

/* Of what is only inherited: as the first command has it, where that is less. */
static int take_scheduling(const struct rf_sandbox *from, struct rf_sandbox *sb,
			   struct rf_err *err)
{
	sb->nice = from->nice;
	sb->has_nice = from->nice > getpriority(PRIO_PROCESS, 0);
	sb->umask = from->umask;
	sb->has_umask = true;
	memcpy(sb->affinity, from->affinity, sizeof(sb->affinity));
	sb->has_affinity = true;
	return raise_oom_score(from->oom_score, err);
}

/* As the spec of the sandbox says, or the command line; else what suits this caller. */
static void take_terminal(const struct enter *e, struct rf_sandbox *sb)
{
	const struct rf_sandbox *from = e->r.state->sb;
	struct stat st;

	if (!sb->terminal_place.file && from->terminal != RF_TERM_AUTO) {
		sb->terminal = from->terminal;
		if (sb->terminal == RF_TERM_PRIVATE)
			rf_tty_look((const int[]){ 0, 1, 2 }, &sb->tty);
	} else if (!sb->terminal_place.file && sb->terminal == RF_TERM_PRIVATE &&
		   (fstatat(running_anchor(&e->r)->dir, "root/dev/ptmx", &st, 0) < 0 ||
		    !S_ISCHR(st.st_mode))) {
		/* none can be had there: at least not the caller's */
		sb->terminal = RF_TERM_NONE;
	}
}

/* ------------------------------------------------------------------ environment */

/* The first command's, and over it what the command line sets. */
static int merge_env(const struct rf_sandbox *from, struct rf_sandbox *sb, struct rf_err *err)
{
	size_t nr = 0, own = 0, n = 0;
	char **envp;

	while (from->envp[nr])
		nr++;
	while (sb->envp[own])
		own++;
	envp = rf_sandbox_alloc(sb, (nr + own + 1) * sizeof(*envp));
	if (!envp)
		return rf_err_set(err, ENOMEM, "the environment");
	for (size_t i = 0; i < nr; i++) {
		size_t len = strcspn(from->envp[i], "=") + 1, k = 0;

		while (k < own && strncmp(sb->envp[k], from->envp[i], len) != 0)
			k++;
		if (k == own)
			envp[n++] = from->envp[i];
	}
	memcpy(envp + n, sb->envp, own * sizeof(*envp));
	sb->envp = envp;
	sb->path = NULL;	/* the usual one */
	for (; *envp; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			sb->path = *envp + 5;
	return 0;
}

/* --------------------------------------------------------------------- all of it */

static int take_confinement(struct enter *e, struct load *l, struct rf_err *err)
{
	const struct rf_sandbox *from = e->r.state->sb;
	struct rf_sandbox *sb = l->sb;
	const struct rf_user wanted = sb->user;
	int r;

	sb->user = from->user;
	sb->capabilities = from->capabilities;
	sb->ambient = from->ambient;
	sb->no_new_privs = from->no_new_privs;
	sb->securebits = from->securebits;
	sb->seccomp = from->seccomp;
	sb->landlock = from->landlock;
	if (!sb->cwd)
		sb->cwd = from->cwd;
	take_terminal(e, sb);
	r = take_scheduling(from, sb, err);
	if (r == 0)
		r = take_rlimits(from, sb, err);
	if (r == 0)
		r = check_kept(e->r.state, sb, err);
	if (r == 0)
		r = lower_user(e, sb, &wanted, err);
	if (r == 0)
		r = merge_env(from, sb, err);
	return r;
}

int enter_load(struct enter *e, const char *who, struct load *l, struct rf_err *err)
{
	int r = rf_probe(&l->features, err);

	if (r == 0)
		r = rf_sandbox_resolve(l->sb, &l->features, 0, err);
	if (r == 0)
		r = running_check(who, err);
	if (r < 0)
		return r;
	/* from here on it is not the command line that is wrong */
	l->refused = true;
	r = running_find(who, true, &e->r, err);
	if (r == 0 && stop_is_paused(&e->r)) {
		rf_err_set(err, EAGAIN, "the sandbox '%.64s' is paused", who);
		rf_err_hint(err, "`ringfence resume %.64s` lets it go on", who);
		return -EAGAIN;
	}
	if (r == 0)
		r = take_confinement(e, l, err);
	if (r == 0)
		r = join_namespaces(e, l->sb, err);
	if (r == 0)
		r = join_cgroups(e, l->sb, err);
	if (r == 0 && l->sb->landlock.on)
		rf_probe_landlock(&l->features);
	return r < 0 ? r : rf_compile(l->sb, &l->features, &l->chain, err);
}
