/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which line of the spec keeps a path from the command.
 *
 * The entry that governs a path is the deepest one at or above it.  Whether the
 * path is there is asked of both: of the sandbox through /proc/PID/root, and of
 * the host, where the entry says that it would be.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "denials.h"
#include "sandbox.h"

/* @path is @dir, or below it. */
bool path_is_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 1)
		return true;
	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

const struct rf_mount *sandbox_governing(const struct rf_sandbox *sb, const char *path)
{
	const struct rf_mount *best = NULL;

	for (size_t i = 0; i < sb->nr_mounts; i++) {
		const struct rf_mount *m = &sb->mounts[i];

		if (path_is_in(path, m->at) && (!best || strlen(m->at) >= strlen(best->at)))
			best = m;
	}
	return best;
}

static bool is_bind(const struct rf_mount *m)
{
	return m && (m->kind == RF_MOUNT_RO || m->kind == RF_MOUNT_RW) && m->source;
}

/* Where the host has what is at @path inside, or would have. */
void sandbox_host_path(const struct rf_sandbox *sb, const struct rf_mount *m, const char *path,
		      char ret[PATH_MAX])
{
	const char *from = "", *rest = path;

	if (is_bind(m)) {
		from = m->source[1] ? m->source : "";
		rest = path + (m->at[1] ? strlen(m->at) : 0);
	} else if (!m && sb->root.kind == RF_ROOT_DIR && sb->root.path) {
		from = sb->root.path[1] ? sb->root.path : "";
	}
	if (snprintf(ret, PATH_MAX, "%s%s", from, *rest ? rest : from[0] ? "" : "/") >= PATH_MAX)
		ret[0] = '\0';
}

static bool is_on_host(const char *path)
{
	struct stat st;

	return *path && lstat(path, &st) == 0;
}

static void place_of(const struct rf_sandbox *sb, const struct rf_mount *m, char *buf, size_t size)
{
	if (m)
		denial_place(m->place.file ? &m->place : &m->at_place, "mounts", buf, size);
	else
		denial_place(&sb->root.place, "root (default)", buf, size);
}

static const char *parent_of(const char *path, char buf[PATH_MAX])
{
	char *slash;

	(void)snprintf(buf, PATH_MAX, "%s", path);
	slash = strrchr(buf, '/');
	if (slash == buf)
		slash++;
	if (slash)
		*slash = '\0';
	return buf;
}

static void add(struct judge *j, enum rf_denial_kind kind, const char *call, int error,
		const char *path, const char *place, const char *why, const char *word,
		const char *source, const char *at)
{
	char edit[2 * PATH_MAX + 64];

	if (strcmp(source, at) == 0)
		(void)snprintf(edit, sizeof(edit), "add - {%s: %s}", word, source);
	else
		(void)snprintf(edit, sizeof(edit), "add - {%s: %s, at: %s}", word, source, at);
	denials_add(j->found, kind, call, error, path, place, why, edit);
}

/* ------------------------------------------------------------ what is missing */

/* The shortest part of @path that is not there for @tid; false: all of it is. */
static bool first_missing(pid_t tid, const char *path, char ret[PATH_MAX])
{
	size_t len = 0;

	for (;;) {
		int fd;

		len += 1 + strcspn(path + len + 1, "/");
		memcpy(ret, path, len);
		ret[len] = '\0';
		fd = tracee_open(tid, ret, O_NOFOLLOW);
		if (fd >= 0)
			(void)close(fd);
		if (fd == -ENOENT)
			return true;
		if (fd < 0 || !path[len])
			return false;
	}
}

static bool judge_missing(struct judge *j, const struct tracee *t, const struct call *c,
			  const char *path, uint8_t wants, int error)
{
	char missing[PATH_MAX], host[PATH_MAX], wanted[PATH_MAX], place[320], why[128];
	const struct rf_mount *m;
	bool makes = wants & (WANTS_MAKE | WANTS_MAYBE);

	if (!first_missing(t->tid, path, missing))
		return false;
	/* what a call is to make need not be there, but its directory */
	if (makes) {
		parent_of(path, wanted);
		if (!path_is_in(wanted, missing)) {
			if (c->paths[0].wants != WANTS_MAKE || strcmp(path, missing) != 0)
				return false;
			(void)snprintf(wanted, sizeof(wanted), "%s", path);	/* rm of it */
		}
	} else {
		(void)snprintf(wanted, sizeof(wanted), "%s", path);
	}
	m = sandbox_governing(j->sb, missing);
	if (is_bind(m) && strcmp(m->at, missing) != 0)
		return false;	/* the host does not have it either */
	sandbox_host_path(j->sb, is_bind(m) ? NULL : m, wanted, host);
	if (!is_on_host(host))
		return false;
	place_of(j->sb, m, place, sizeof(place));
	(void)snprintf(why, sizeof(why), "the host has it, the sandbox does not: %s",
		       m ? rf_mount_kind_names[m->kind] : "root");
	add(j, RF_DENIED_MISSING, c->name, error, path, place, why,
	    wants & (WANTS_WRITE | WANTS_MAKE | WANTS_MAYBE) ? "rw" : "ro", host, wanted);
	return true;
}

/* The file is there, its interpreter or loader is not. */
static void judge_interpreter(struct judge *j, const struct tracee *t, const struct call *c,
			      const char *path, int error)
{
	char at[PATH_MAX], next[PATH_MAX];

	(void)snprintf(at, sizeof(at), "%s", path);
	for (int i = 0; i < 6 && tracee_interpreter(t->tid, at, next); i++) {
		if (judge_missing(j, t, c, next, WANTS_EXEC, error))
			return;
		memcpy(at, next, sizeof(at));
	}
}

/* --------------------------------------------------------------- what is there */

static void judge_read_only(struct judge *j, const struct call *c, const char *path, uint8_t wants,
			    int error)
{
	const struct rf_mount *m = sandbox_governing(j->sb, path);
	char host[PATH_MAX], at[PATH_MAX], place[320];
	struct statvfs fs;

	/* a file that is to be made wants its directory */
	(void)snprintf(at, sizeof(at), "%s", path);
	sandbox_host_path(j->sb, m, at, host);
	if (wants & WANTS_MAKE || !is_on_host(host)) {
		parent_of(path, at);
		sandbox_host_path(j->sb, m, at, host);
	}
	if (m && !is_bind(m) && m->kind != RF_MOUNT_TMPFS && m->kind != RF_MOUNT_OVERLAY)
		return;		/* proc, sysfs, dev: protected on purpose, whatever is added */
	if (statvfs(host, &fs) == 0 && fs.f_flag & ST_RDONLY)
		return;		/* the host's own */
	place_of(j->sb, m, place, sizeof(place));
	add(j, RF_DENIED_READ_ONLY, c->name, error, path, place,
	    m ? "the mount is read-only" : "the root is read-only", "rw", host, at);
}

static bool landlock_allows(const struct rf_landlock_spec *l, const char *path, uint8_t wants)
{
	for (size_t i = 0; i < l->nr; i++) {
		const struct rf_landlock_rule *r = &l->rules[i];
		uint8_t gives = 0;

		if (!r->path || !path_is_in(path, r->path))
			continue;
		if (r->kind == RF_LANDLOCK_WRITE)
			gives = WANTS_READ | WANTS_WRITE | WANTS_MAKE | WANTS_EXEC | WANTS_DIR;
		else if (r->kind == RF_LANDLOCK_READ)
			gives = WANTS_READ | WANTS_EXEC | WANTS_DIR;
		else if (r->kind == RF_LANDLOCK_EXEC)
			gives = WANTS_READ | WANTS_EXEC;
		if (!(wants & ~gives))
			return true;
	}
	return false;
}

static bool judge_landlock(struct judge *j, const struct tracee *t, const struct call *c,
			   const char *path, uint8_t wants, int error)
{
	const struct rf_landlock_spec *l = &j->sb->landlock;
	char target[PATH_MAX], link[64], place[320], edit[PATH_MAX + 64];
	const char *word = wants & (WANTS_WRITE | WANTS_MAKE | WANTS_MAYBE) ? "write" : "read";
	uint8_t need = wants & (WANTS_READ | WANTS_WRITE | WANTS_MAKE | WANTS_EXEC | WANTS_DIR);
	const uint32_t files = 1U << RF_LANDLOCK_READ | 1U << RF_LANDLOCK_WRITE | 1U << RF_LANDLOCK_EXEC;
	ssize_t n;
	int fd;

	if (!l->on || !(l->kinds & files) || !need)
		return false;
	if (wants & WANTS_MAYBE)
		need |= WANTS_WRITE;
	/* rules are for what a path leads to */
	(void)snprintf(target, sizeof(target), "%s", path);
	fd = tracee_open(t->tid, path, 0);
	if (fd >= 0) {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		if (n > 0)
			target[n] = '\0';
		(void)close(fd);
	}
	if (landlock_allows(l, path, need) || landlock_allows(l, target, need))
		return false;
	denial_place(&l->place, "landlock", place, sizeof(place));
	(void)snprintf(edit, sizeof(edit), "add %s to landlock: %s", fd < 0 ? parent_of(path, target) : path,
		       word);
	denials_add(j->found, RF_DENIED_LANDLOCK, c->name, error, path, place, "no rule allows it", edit);
	return true;
}

static bool judge_noexec(struct judge *j, const struct tracee *t, const struct call *c,
			 const char *path, int error)
{
	const struct rf_mount *m = sandbox_governing(j->sb, path);
	char place[320];
	struct statvfs fs;
	bool is_noexec;
	int fd = tracee_open(t->tid, path, 0);

	if (fd < 0)
		return false;
	is_noexec = fstatvfs(fd, &fs) == 0 && fs.f_flag & ST_NOEXEC;
	(void)close(fd);
	if (!is_noexec || !m || !(m->flags & RF_MF_NOEXEC))
		return false;
	place_of(j->sb, m, place, sizeof(place));
	denials_add(j->found, RF_DENIED_NOEXEC, c->name, error, path, place, "the mount is noexec",
		    "take noexec from that entry");
	return true;
}

static void judge_refused(struct judge *j, const struct tracee *t, const struct call *c,
			  const char *path, uint8_t wants, int error)
{
	const struct rf_mount *m = sandbox_governing(j->sb, path);
	char place[320];

	if (m && m->kind == RF_MOUNT_DENY) {
		place_of(j->sb, m, place, sizeof(place));
		denials_add(j->found, RF_DENIED_COVERED, c->name, error, path, place, "it is denied",
			    "take that entry out");
		return;
	}
	if (judge_landlock(j, t, c, path, wants, error))
		return;
	if (wants & WANTS_EXEC)
		(void)judge_noexec(j, t, c, path, error);
}

void judge_path(struct judge *j, const struct tracee *t, const struct call *c,
		const char *path, uint8_t wants, int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		if (!judge_missing(j, t, c, path, wants, error) && wants & WANTS_EXEC)
			judge_interpreter(j, t, c, path, error);
		return;
	case EROFS:
		if (wants & (WANTS_WRITE | WANTS_MAKE | WANTS_MAYBE))
			judge_read_only(j, c, path, wants, error);
		return;
	case EACCES:
	case EPERM:
		judge_refused(j, t, c, path, wants, error);
		return;
	default:
		return;
	}
}

/* A rename or link from one mount to another, on one file system of the host. */
void judge_across(struct judge *j, const struct tracee *t, const struct call *c)
{
	const struct rf_mount *m[2];
	char host[2][PATH_MAX], dir[2][PATH_MAX], place[320], why[PATH_MAX + 64];
	struct stat st[2];

	if (!t->wants[0] || !t->wants[1])
		return;
	for (int i = 0; i < 2; i++) {
		m[i] = sandbox_governing(j->sb, t->path[i]);
		sandbox_host_path(j->sb, m[i], parent_of(t->path[i], dir[i]), host[i]);
	}
	if (m[0] == m[1]) {
		judge_landlock(j, t, c, t->path[1], WANTS_MAKE, EXDEV);
		return;
	}
	if (!is_bind(m[0]) || !is_bind(m[1]) || stat(host[0], &st[0]) < 0 ||
	    stat(host[1], &st[1]) < 0 || st[0].st_dev != st[1].st_dev)
		return;
	place_of(j->sb, m[1], place, sizeof(place));
	(void)snprintf(why, sizeof(why), "it is another mount than that of %.200s", t->path[0]);
	denials_add(j->found, RF_DENIED_READ_ONLY, c->name, EXDEV, t->path[1], place, why,
		    "have one `rw` entry for a directory that holds both");
}
