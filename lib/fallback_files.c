/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounts as rules.  A rule is for all that is below its place, and no other rule
 * takes away from it: where something below may do less, the rule is given to the
 * neighbours of the way there one by one, and to the directories on the way not
 * at all.  Those cannot be listed then, and nothing can be made in them.
 */
#include "fallback.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "compile.h"
#include "error.h"
#include "resolve.h"
#include "sandbox.h"

enum rights { NOTHING, READ, WRITE };

struct place {
	const char	*at;		/* on the host, without links */
	enum rights	 rights;
	const struct rf_place *where;
};

struct files {
	struct rf_sandbox *sb;
	struct rf_landlock_rule *given;	/* the spec's own: the smaller of both counts */
	size_t		 nr_given;
	bool		 had_rules;
	struct place	*places;
	size_t		 nr, max;
	bool		 no_memory;
};

/* ------------------------------------------------------------------- places */

/* @at without links, as far as it exists. */
static const char *real(struct files *f, const char *at)
{
	char buf[PATH_MAX], *head = rf_sandbox_strdup(f->sb, at), *slash = NULL, *path;
	const char *tail = "";

	while (head) {
		if (realpath(head, buf)) {
			path = rf_sandbox_printf(f->sb, "%s%s%s", strcmp(buf, "/") ? buf : "",
						 *tail ? "/" : "", tail);
			if (path && !*path)
				path = rf_sandbox_strdup(f->sb, "/");
			f->no_memory |= !path;
			return path;
		}
		slash = strrchr(head, '/');
		if (!slash || slash == head)
			break;
		*slash = '\0';
		tail = at + (slash - head) + 1;
	}
	f->no_memory |= !head;
	return at;
}

static void add_place(struct files *f, const char *at, enum rights rights,
		      const struct rf_place *where)
{
	const char *path = real(f, at);

	if (!path || !rf_sandbox_grow(f->sb, &f->places, f->nr, &f->max, sizeof(*f->places))) {
		f->no_memory = true;
		return;
	}
	/* of two names for one place the narrower one counts */
	for (size_t i = 0; i < f->nr; i++)
		if (!strcmp(f->places[i].at, path)) {
			if (rights < f->places[i].rights)
				f->places[i].rights = rights;
			return;
		}
	f->places[f->nr++] = (struct place){ path, rights, where };
}

static void note(struct files *f, const struct rf_mount *m, const char *text)
{
	f->no_memory |= !rf_fallback_note(f->sb, m->at, text);
}

static void add_missing(struct files *f, const struct rf_mount *m, const char *text)
{
	add_place(f, m->at, NOTHING, &m->place);
	note(f, m, text);
}

static void add_bind(struct files *f, const struct rf_mount *m)
{
	bool rw = m->kind == RF_MOUNT_RW;

	if (m->flags & RF_MF_ABSENT)	/* optional: nothing would have been mounted */
		return;
	if (m->source_fd >= 0 || !m->source || strcmp(m->source, m->at) != 0) {
		add_missing(f, m, "not there: it is elsewhere on the host");
		return;
	}
	add_place(f, m->at, rw ? WRITE : READ, &m->place);
	if (m->flags & RF_MF_NOEXEC)
		note(f, m, "programs in it can be run");
}

static void add_link(struct files *f, const struct rf_mount *m)
{
	char buf[PATH_MAX];
	ssize_t n = readlink(m->at, buf, sizeof(buf) - 1);

	if (n >= 0)
		buf[n] = '\0';
	if (n < 0 || strcmp(buf, m->source) != 0)
		note(f, m, "not there");
}

static void add_dev(struct files *f, const struct rf_mount *m)
{
	static const char *const nodes[] = {
		"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
	};

	add_place(f, m->at, NOTHING, &m->place);
	if (strcmp(m->at, "/dev") != 0) {
		note(f, m, "not there");
		return;
	}
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		if (access(nodes[i], F_OK) == 0)
			add_place(f, nodes[i], WRITE, &m->place);
	note(f, m, "the host's, without shm and pts");
}

static void add_mount(struct files *f, const struct rf_mount *m)
{
	bool usual;

	switch (m->kind) {
	case RF_MOUNT_RO:
	case RF_MOUNT_RW:
		add_bind(f, m);
		return;
	case RF_MOUNT_SYMLINK:
		add_link(f, m);
		return;
	case RF_MOUNT_DEV:
		add_dev(f, m);
		return;
	case RF_MOUNT_DENY:
		add_place(f, m->at, NOTHING, &m->place);
		return;
	case RF_MOUNT_PROC:
	case RF_MOUNT_SYSFS:
		usual = !strcmp(m->at, m->kind == RF_MOUNT_PROC ? "/proc" : "/sys");
		if (!usual)
			break;
		add_place(f, m->at, READ, &m->place);
		note(f, m, "the host's, to be read");
		return;
	default:
		break;
	}
	if (m->kind == RF_MOUNT_TMPFS && m->flags & RF_MF_OPTIONAL && m->flags & RF_MF_ABSENT)
		return;
	add_missing(f, m, "not there");
}

/* -------------------------------------------------------------------- rules */

/* @st: of the one file that it is for; NULL: of whatever is there. */
static void add_rule(struct files *f, enum rf_landlock_kind kind, const char *path,
		     const struct statx *st, const struct rf_place *where)
{
	/* what goes away meanwhile is out of reach as well */
	struct rf_landlock_rule rule = { .kind = kind, .path = path, .optional = true,
					 .place = *where };

	if (st) {
		rule.dev = makedev(st->stx_dev_major, st->stx_dev_minor);
		rule.ino = st->stx_ino;
		/* not every file system knows */
		if (st->stx_mask & STATX_BTIME)
			rule.born = (uint64_t)st->stx_btime.tv_sec * 1000000000U + st->stx_btime.tv_nsec;
	}
	f->no_memory |= !rf_landlock_add(f->sb, &rule);
}

/* From the narrowest to the widest. */
static int width(enum rf_landlock_kind kind)
{
	return kind == RF_LANDLOCK_EXEC ? 0 : kind == RF_LANDLOCK_READ ? 1 : 2;
}

static bool is_below_or_at(const char *path, const char *dir)
{
	return !strcmp(path, dir) || rf_path_is_below(path, dir);
}

/* A rule of ours: where the spec has rules too, what both allow. */
static void allow(struct files *f, const char *path, enum rights rights,
		  const struct statx *st, const struct rf_place *where)
{
	enum rf_landlock_kind kind = rights == WRITE ? RF_LANDLOCK_WRITE : RF_LANDLOCK_READ;

	if (!f->had_rules)
		add_rule(f, kind, path, st, where);
	for (size_t i = 0; i < f->nr_given; i++) {
		const struct rf_landlock_rule *g = &f->given[i];
		enum rf_landlock_kind both = width(g->kind) < width(kind) ? g->kind : kind;

		if (is_below_or_at(g->path, path))
			add_rule(f, both, g->path, NULL, &g->place);
		else if (rf_path_is_below(path, g->path))
			add_rule(f, both, path, st, where);
	}
}

static const struct place *place_at(const struct files *f, const char *path)
{
	for (size_t i = 0; i < f->nr; i++)
		if (!strcmp(f->places[i].at, path))
			return &f->places[i];
	return NULL;
}

static bool has_narrower_below(const struct files *f, const char *dir, enum rights rights)
{
	for (size_t i = 0; i < f->nr; i++)
		if (f->places[i].rights < rights && rf_path_is_below(f->places[i].at, dir))
			return true;
	return false;
}

/*
 * What is in the directory @fd, which is taken over, by itself; what cannot be opened
 * or listed stays out of reach.  Whoever may write in it can put something else there
 * before the launch: so nothing is followed here, and a rule is for the file that was
 * found.
 */
static void cover_each(struct files *f, int fd, const char *dir, enum rights rights,
		       const struct rf_place *where)
{
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d && fd >= 0)
		(void)close(fd);
	while (d && (e = readdir(d))) {
		struct statx st;
		char *path;

		/* where a link leads has a rule of its own, or none */
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
		    statx(fd, e->d_name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
			  STATX_TYPE | STATX_INO | STATX_BTIME, &st) < 0 || S_ISLNK(st.stx_mode))
			continue;
		path = rf_sandbox_printf(f->sb, "%s/%s", dir[1] ? dir : "", e->d_name);
		if (!path) {
			f->no_memory = true;
			break;
		}
		if (place_at(f, path))
			continue;
		if (has_narrower_below(f, path, rights))
			cover_each(f, openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
					     O_CLOEXEC), path, rights, where);
		else
			allow(f, path, rights, &st, where);
	}
	if (d)
		closedir(d);
}

/* @dir is as the spec has it, and whatever it is. */
static void cover(struct files *f, const char *dir, enum rights rights,
		  const struct rf_place *where)
{
	if (has_narrower_below(f, dir, rights))
		cover_each(f, open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), dir, rights, where);
	else
		allow(f, dir, rights, NULL, where);
}

/* The spec's own rules for files go, for they are part of the new ones. */
static int take_given(struct files *f)
{
	struct rf_landlock_spec *l = &f->sb->landlock;
	const uint32_t kinds = 1U << RF_LANDLOCK_READ | 1U << RF_LANDLOCK_WRITE |
			       1U << RF_LANDLOCK_EXEC;
	const struct rf_landlock_rule *rules = l->rules;
	size_t nr = l->nr;

	f->had_rules = l->on && l->kinds & kinds;
	l->kinds |= kinds;
	f->given = rf_sandbox_alloc(f->sb, (nr + 1) * sizeof(*f->given));
	if (!f->given)
		return -ENOMEM;
	l->rules = NULL;
	l->nr = 0;
	for (size_t i = 0; i < nr; i++) {
		if (rules[i].path && kinds >> rules[i].kind & 1) {
			f->given[f->nr_given] = rules[i];
			f->given[f->nr_given++].path = real(f, rules[i].path);
		} else if (!rf_landlock_add(f->sb, &rules[i])) {
			return -ENOMEM;
		}
	}
	return f->no_memory ? -ENOMEM : 0;
}

int rf_fallback_files(struct rf_sandbox *sb, struct rf_err *err)
{
	struct files f = { .sb = sb };

	if (take_given(&f) < 0)
		return rf_err_set(err, ENOMEM, "the fallback");
	if (sb->root.kind == RF_ROOT_HOST)
		add_place(&f, "/", READ, &sb->root.place);
	for (size_t i = 0; i < sb->nr_mounts; i++)
		add_mount(&f, &sb->mounts[i]);
	for (size_t i = 0; i < f.nr && !f.no_memory; i++)
		if (f.places[i].rights != NOTHING)
			cover(&f, f.places[i].at, f.places[i].rights, f.places[i].where);
	return f.no_memory ? rf_err_set(err, ENOMEM, "the fallback") : 0;
}
