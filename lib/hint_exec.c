/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why a command could not be run.  execve(2) answers ENOENT for the command as
 * for its interpreter, and EACCES for half a dozen things.
 */
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "hint.h"
#include "program.h"

static bool exists_inside(const struct rf_failed *x, const char *inside)
{
	char host[2 * PATH_MAX];
	struct stat st;

	return rf_hint_host_path(x, inside, host, sizeof(host)) && stat(host, &st) == 0;
}

/* The file is there, and yet "no such file". */
static bool missing_interpreter(const struct rf_failed *x, const char *path, const char *host,
				struct rf_err *err)
{
	char interp[PATH_MAX];
	struct rf_program_head h;

	if (!rf_program_read(host, &h))
		return false;
	if (rf_program_script(&h, interp, sizeof(interp), NULL, NULL)) {
		if (interp[0] == '/' && exists_inside(x, interp))
			return false;
		rf_err_hint(err, "%s exists; its interpreter %s (first line) does not, inside",
			    path, interp);
		return true;
	}
	if (!rf_program_loader(&h, interp, sizeof(interp)) || exists_inside(x, interp))
		return false;
	rf_err_hint(err, "%s exists; the loader %s that it needs does not, inside", path, interp);
	return true;
}

/* Where on the host a command without a slash is; false: nowhere. */
static bool on_host(const struct rf_failed *x, const char *name, char *buf, size_t size)
{
	const char *dir = x->sb->path ? x->sb->path : "/usr/local/bin:/usr/bin:/bin";
	char file[2 * PATH_MAX];

	for (;;) {
		size_t len = strcspn(dir, ":");

		snprintf(buf, size, "%.*s/%s", (int)len, dir, name);
		snprintf(file, sizeof(file), "%s%s", x->host, buf);
		if (len && access(file, X_OK) == 0)
			return true;
		if (!dir[len])
			return false;
		dir += len + 1;
	}
}

static bool not_inside(const struct rf_failed *x, const char *path, struct rf_err *err)
{
	const char *name = x->sb->nr_argv ? x->sb->argv[0] : path;
	char host[PATH_MAX], file[2 * PATH_MAX];

	if (x->sb->ns[RF_NS_MOUNT].mode != RF_NS_NEW)
		return false;
	if (strchr(name, '/')) {
		snprintf(host, sizeof(host), "%s", name);
		snprintf(file, sizeof(file), "%s%s", x->host, name);
		if (name[0] != '/' || access(file, F_OK) != 0)
			return false;
	} else if (!on_host(x, name, host, sizeof(host))) {
		return false;
	}
	rf_err_hint(err, "the host has %s, but the sandbox does not: mount what it is in", host);
	return true;
}

static bool not_found(const struct rf_failed *x, const char *path, struct rf_err *err)
{
	char host[2 * PATH_MAX], tried[PATH_MAX];
	const char *name = path;

	/* of several execs the one that is asked about found nothing: did another? */
	if (x->sb->nr_argv && !strchr(x->sb->argv[0], '/')) {
		const char *dir = x->sb->path ? x->sb->path : "";

		for (; *dir; dir += strcspn(dir, ":"), dir += *dir == ':') {
			snprintf(tried, sizeof(tried), "%.*s/%s", (int)strcspn(dir, ":"), dir,
				 x->sb->argv[0]);
			if (tried[0] == '/' && exists_inside(x, tried)) {
				name = tried;
				break;
			}
		}
	}
	if (name[0] == '/' && rf_hint_host_path(x, name, host, sizeof(host)) &&
	    access(host, F_OK) == 0)
		return missing_interpreter(x, name, host, err);
	return not_inside(x, path, err);
}

/* Whether a rule of Landlock lets @inside be executed. */
static bool is_let_in(const struct rf_failed *x, const char *inside)
{
	char host[2 * PATH_MAX], file[PATH_MAX], place[PATH_MAX];

	if (!rf_hint_host_path(x, inside, host, sizeof(host)) || !realpath(host, file))
		return true;
	for (size_t i = 0; i < x->sb->landlock.nr; i++) {
		const struct rf_landlock_rule *rule = &x->sb->landlock.rules[i];
		size_t len;

		if (!rule->path || rule->kind == RF_LANDLOCK_UNIX ||
		    !rf_hint_host_path(x, rule->path, host, sizeof(host)) || !realpath(host, place))
			continue;
		len = strlen(place);
		if (!strncmp(place, file, len) && (!file[len] || file[len] == '/' || len == 1))
			return true;
	}
	return false;
}

/* Landlock lets neither the command in nor, perhaps, what it is run by. */
static bool kept_out(const struct rf_failed *x, const char *path, struct rf_err *err)
{
	const uint32_t files = 1U << RF_LANDLOCK_READ | 1U << RF_LANDLOCK_WRITE |
			       1U << RF_LANDLOCK_EXEC;
	char host[2 * PATH_MAX], other[PATH_MAX];
	struct rf_program_head h;

	if (!(x->sb->landlock.on && x->sb->landlock.kinds & files))
		return false;
	if (!is_let_in(x, path)) {
		rf_err_hint(err, "Landlock keeps %s out: `landlock: {exec: [%s]}` lets it in", path,
			    path);
		return true;
	}
	if (!rf_hint_host_path(x, path, host, sizeof(host)) || !rf_program_read(host, &h))
		return false;
	if (!rf_program_loader(&h, other, sizeof(other)) &&
	    !rf_program_script(&h, other, sizeof(other), NULL, NULL))
		return false;
	if (is_let_in(x, other))
		return false;
	rf_err_hint(err, "Landlock keeps %s out, by which %s is run: `landlock: {exec: [%s]}` lets "
		    "it in", other, path, other);
	return true;
}

static bool not_executable(const struct rf_failed *x, const char *path, struct rf_err *err)
{
	const struct rf_mount *m = rf_hint_entry(x, path);
	char host[2 * PATH_MAX];
	struct stat st;

	if (kept_out(x, path, err))
		return true;

	if (m && m->flags & RF_MF_NOEXEC) {
		rf_err_hint(err, "%s is mounted noexec", m->at);
		return true;
	}
	if (m && m->kind == RF_MOUNT_DENY) {
		rf_err_hint(err, "%s is denied", m->at);
		return true;
	}
	if (!rf_hint_host_path(x, path, host, sizeof(host)) || stat(host, &st) < 0)
		return false;
	if (S_ISDIR(st.st_mode))
		rf_err_hint(err, "%s is a directory", path);
	else if (!(st.st_mode & 0111))
		rf_err_hint(err, "%s is not executable: chmod +x", path);
	else
		rf_err_hint(err, "%s, its interpreter or a directory on the way to them is closed "
			    "to uid %u outside", path, x->f->uid);
	return true;
}

static bool wrong_format(const struct rf_failed *x, const char *path, struct rf_err *err)
{
	char host[2 * PATH_MAX];
	struct rf_program_head h;

	if (!rf_hint_host_path(x, path, host, sizeof(host)) || !rf_program_read(host, &h))
		return false;
	if (h.len >= SELFMAG && !memcmp(h.bytes, ELFMAG, SELFMAG))
		rf_err_hint(err, "%s is a program for another machine", path);
	else
		rf_err_hint(err, "%s is neither a program nor a script with a `#!` line", path);
	return true;
}

bool rf_hint_exec(const struct rf_failed *x, struct rf_err *err)
{
	const char *path = x->chain->data + x->op->u.exec.path;
	const char *cwd = x->sb->cwd ? x->sb->cwd : x->sb->caller_cwd;
	char joined[2 * PATH_MAX];

	if (x->op->u.exec.dir >= 0 && x->error == ENOENT) {
		rf_err_hint(err, "the descriptor's interpreter or loader does not exist inside");
		return true;
	}
	if (x->op->u.exec.path && path[0] != '/' && strchr(path, '/') && cwd) {
		snprintf(joined, sizeof(joined), "%s/%s", cwd,
			 strncmp(path, "./", 2) == 0 ? path + 2 : path);
		path = joined;
	}
	if (!x->op->u.exec.path || path[0] != '/')
		return x->error == ENOENT && not_inside(x, path, err);
	switch (x->error) {
	case ENOENT: case ENOTDIR:
		return not_found(x, path, err);
	case EACCES: case EPERM:
		return not_executable(x, path, err);
	case ENOEXEC:
		return wrong_format(x, path, err);
	default:
		return false;
	}
}
