/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What starting the command takes: rules of Landlock that nobody would think of
 * writing.  The command's file, the interpreters of a script, the loader of a
 * dynamic program and where that looks for libraries, all to execute and read,
 * none to list.  What is missing is left out: exec will say what it misses.
 */
#include "resolve.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "hint.h"
#include "program.h"

#define SCRIPTS_MAX	5	/* the kernel follows as many */

/* Where loaders look, besides the directory that they are in themselves. */
static const char *const library_places[] = {
	"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib",
	"/etc/ld.so.cache", "/etc/ld.so.preload",
};

static int add(struct rf_resolve *rs, const char *path)
{
	struct rf_sandbox *sb = rs->sb;
	const struct rf_landlock_rule *there = rf_landlock_rule_of(sb, path, 0);
	struct rf_landlock_rule rule = {
		.kind = RF_LANDLOCK_EXEC, .optional = true, .place = sb->landlock.place,
		.path = rf_sandbox_strdup(sb, path),
	};

	if (there && there->kind != RF_LANDLOCK_UNIX)
		return 0;
	if (!rule.path || !rf_landlock_add(sb, &rule))
		return rf_err_set(rs->err, ENOMEM, "resolving the spec");
	return 0;
}

static int add_libraries(struct rf_resolve *rs)
{
	int ret = 0;

	for (size_t i = 0; i < sizeof(library_places) / sizeof(*library_places) && !ret; i++)
		ret = add(rs, library_places[i]);
	return ret;
}

/* The host's file at @inside, if that is a file that can be executed. */
static bool find(const struct rf_resolve *rs, const char *inside, char host[2 * PATH_MAX])
{
	const struct rf_failed x = { .sb = rs->sb, .host = "" };

	return rf_hint_host_path(&x, inside, host, 2 * PATH_MAX) && access(host, X_OK) == 0;
}

/* Where @name is inside, by its own path or that of the sandbox. */
static bool look_up(const struct rf_resolve *rs, const char *name, char inside[PATH_MAX],
		    char host[2 * PATH_MAX])
{
	const char *dir = rs->sb->path, *cwd = rs->sb->cwd ? rs->sb->cwd : rs->cwd;

	if (strchr(name, '/')) {
		if (*name == '/')
			snprintf(inside, PATH_MAX, "%s", name);
		else
			snprintf(inside, PATH_MAX, "%s/%s", cwd ? cwd : "",
				 strncmp(name, "./", 2) == 0 ? name + 2 : name);
		return find(rs, inside, host);
	}
	for (; dir; dir = strchr(dir, ':') ? strchr(dir, ':') + 1 : NULL) {
		snprintf(inside, PATH_MAX, "%.*s/%s", (int)strcspn(dir, ":"), dir, name);
		if (*inside == '/' && find(rs, inside, host))
			return true;
	}
	return false;
}

static int add_loader(struct rf_resolve *rs, const char *loader)
{
	char dir[PATH_MAX];
	char *slash;
	int ret = add(rs, loader);

	snprintf(dir, sizeof(dir), "%s", loader);
	slash = strrchr(dir, '/');
	if (!ret && slash && slash != dir) {
		*slash = '\0';
		ret = add(rs, dir);
	}
	return ret < 0 ? ret : add_libraries(rs);
}

/* `#!/usr/bin/env NAME` runs what $PATH has for NAME. */
static const char *named_by_env(const char *interp, const char *arg, size_t len, char name[256])
{
	const char *slash = strrchr(interp, '/');

	if (!slash || strcmp(slash, "/env") != 0)
		return NULL;
	if (len > 3 && !strncmp(arg, "-S ", 3)) {
		arg += 3;
		len -= 3;
	}
	len = strcspn(arg, " \t\n") < len ? strcspn(arg, " \t\n") : len;
	if (!len || len >= 256 || *arg == '-')
		return NULL;
	memcpy(name, arg, len);
	name[len] = '\0';
	return name;
}

static int add_program(struct rf_resolve *rs, const char *name, int depth)
{
	char inside[PATH_MAX], host[2 * PATH_MAX], other[PATH_MAX], word[256];
	struct rf_program_head head;
	const char *arg, *by_env;
	size_t len;
	int ret;

	if (depth > SCRIPTS_MAX || !look_up(rs, name, inside, host))
		return 0;
	ret = add(rs, inside);
	if (ret < 0 || !rf_program_read(host, &head))
		return ret;
	if (rf_program_loader(&head, other, sizeof(other)))
		return add_loader(rs, other);
	if (!rf_program_script(&head, other, sizeof(other), &arg, &len))
		return 0;
	by_env = named_by_env(other, arg, len, word);
	ret = add_program(rs, other, depth + 1);
	return ret < 0 || !by_env ? ret : add_program(rs, by_env, depth + 1);
}

#define FILE_KINDS (1U << RF_LANDLOCK_READ | 1U << RF_LANDLOCK_WRITE | 1U << RF_LANDLOCK_EXEC)

int rf_resolve_loader(struct rf_resolve *rs)
{
	const struct rf_sandbox *sb = rs->sb;

	if (!sb->landlock.loader || !(sb->landlock.kinds & FILE_KINDS) || sb->part == RF_PART_READY)
		return 0;
	/* nobody looks at the host: as for a dynamic program */
	if (rs->pure)
		return add_libraries(rs);
	/* a program of a descriptor is the compiler's to let in */
	if (sb->exec_fd >= 0)
		return add_libraries(rs);
	return add_program(rs, sb->argv[0], 0);
}
