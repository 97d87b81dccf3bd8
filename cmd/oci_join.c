/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control groups that a task is to join: the container's, or some below them.  A
 * container may make groups where it may write to its own, so what is below is walked to
 * by steps that lead nowhere else.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "oci_runtime.h"

/* "CONTROLLER,...:PATH", or a path alone. */
struct below {
	const char	*names;		/* up to .len; NULL: every hierarchy */
	size_t		 len;
	const char	*path;
};

static struct below parse(const char *text)
{
	const char *colon = strchr(text, ':');

	if (!colon)
		return (struct below){ NULL, 0, text };
	return (struct below){ text, (size_t)(colon - text), colon + 1 };
}

/* The next of the words with commas between that *@p, up to @end, has. */
static size_t next_word(const char **p, const char *end, const char **ret)
{
	const char *comma;
	size_t len;

	if (*p >= end)
		return 0;
	comma = memchr(*p, ',', (size_t)(end - *p));
	len = (size_t)((comma ? comma : end) - *p);
	*ret = *p;
	*p += len + 1;
	return len;
}

static bool has_name(const char *names, const char *word, size_t len)
{
	const char *p = names, *name;
	size_t n;

	while ((n = next_word(&p, names + strlen(names), &name)))
		if (n == len && !memcmp(name, word, len))
			return true;
	return false;
}

/* Is @b about the group of hierarchy @names? */
static bool is_about(const struct below *b, const char *names)
{
	const char *p = b->names, *word;
	size_t n;

	if (!b->names)
		return true;
	while ((n = next_word(&p, b->names + b->len, &word)))
		if (has_name(names, word, n))
			return true;
	return false;
}

/* A hierarchy that the container has no group in cannot be meant. */
static int check(const struct oci_container *k, const char *text, struct rf_err *err)
{
	const struct below b = parse(text);
	const char *p = b.names, *word;
	size_t n;

	if (b.names && !b.len)
		return rf_err_set(err, EINVAL, "--cgroup: '%.100s' has no controller", text);
	while (b.names && (n = next_word(&p, b.names + b.len, &word))) {
		bool found = false;

		for (size_t i = 0; i < k->nr_groups; i++)
			found |= *k->groups[i].name && has_name(k->groups[i].name, word, n);
		if (!found)
			return rf_err_set(err, EINVAL, "--cgroup: the container has no group of '%.*s'",
					  (int)n, word);
	}
	if (!k->nr_groups)
		return rf_err_set(err, EINVAL, "--cgroup: the container has no control groups");
	return 0;
}

/* Neither up, nor by a link, nor into another file system. */
static int open_below(int dir, const char *path)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static const char *path_of(const struct oci_group *g, const char *const *below, size_t nr)
{
	const char *path = "";

	for (size_t i = 0; i < nr; i++) {
		const struct below b = parse(below[i]);

		if (is_about(&b, g->name))
			path = b.path;
	}
	return path;
}

/* `tasks`, which version 2 has not: see cgroup.c. */
static int open_members(int dir)
{
	int fd = openat(dir, "tasks", O_WRONLY | O_CLOEXEC);

	return fd < 0 && errno == ENOENT ? openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC) : fd;
}

static int open_group(const struct oci_group *g, const char *path, struct rf_err *err)
{
	const char *below = path + strspn(path, "/");
	int top = open(g->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int dir = top < 0 || !*below ? top : open_below(top, below);
	int fd = dir < 0 ? -1 : open_members(dir);

	if (fd < 0)
		rf_err_set(err, errno, "control group %s%s%s", g->dir, *path && *path != '/' ? "/" : "", path);
	if (dir >= 0 && dir != top)
		(void)close(dir);
	if (top >= 0)
		(void)close(top);
	return fd;
}

int oci_groups_open_below(const struct oci_container *k, const char *const *below, size_t nr,
			  struct rf_cgroup_spec *c, struct rf_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < nr; i++)
		r = check(k, below[i], err);
	for (size_t i = 0; r == 0 && i < k->nr_groups; i++) {
		int fd = open_group(&k->groups[i], path_of(&k->groups[i], below, nr), err);

		if (fd < 0)
			return -EIO;
		c->fds[c->nr_fds++] = fd;
	}
	return r;
}

int oci_groups_open(const struct oci_container *k, struct rf_cgroup_spec *c, struct rf_err *err)
{
	return oci_groups_open_below(k, NULL, 0, c, err);
}

int oci_groups_join(const struct oci_container *k, pid_t pid, struct rf_err *err)
{
	struct rf_cgroup_spec c = { .nr_fds = 0 };
	int r = oci_groups_open(k, &c, err);

	for (size_t i = 0; i < c.nr_fds; i++) {
		if (r == 0 && dprintf(c.fds[i], "%d", (int)pid) < 0)
			r = rf_err_set(err, errno, "the container's process into control group %s",
				       k->groups[i].dir);
		(void)close(c.fds[i]);
	}
	return r;
}
