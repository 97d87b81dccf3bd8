/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the host has at a place of the sandbox, by the spec alone.
 */
#include "hint.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40

static bool covers(const char *at, const char *path)
{
	size_t len = strlen(at);

	if (len == 1)
		return true;
	return !strncmp(at, path, len) && (path[len] == '/' || !path[len]);
}

const struct rf_mount *rf_hint_entry(const struct rf_failed *x, const char *inside)
{
	const struct rf_mount *best = NULL;

	for (size_t i = 0; i < x->sb->nr_mounts; i++) {
		const struct rf_mount *m = &x->sb->mounts[i];

		if (covers(m->at, inside) && (!best || strlen(m->at) > strlen(best->at)))
			best = m;
	}
	return best;
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* @m and what of @inside is below it, as a host path. */
static bool through_entry(const struct rf_failed *x, const struct rf_mount *m, const char *inside,
			  char *buf, size_t size)
{
	const char *rest = inside + (m->at[1] ? strlen(m->at) : 0);

	if (m->kind == RF_MOUNT_OVERLAY) {
		for (size_t i = 0; i < m->nr_lower; i++) {
			snprintf(buf, size, "%s%s%s", x->host, m->lower[i], rest);
			if (exists(buf))
				return true;
		}
		return false;
	}
	if ((m->kind != RF_MOUNT_RO && m->kind != RF_MOUNT_RW) || !m->source)
		return false;
	snprintf(buf, size, "%s%s%s", x->host, m->source, rest);
	return true;
}

static bool through_root(const struct rf_failed *x, const char *inside, char *buf, size_t size)
{
	const struct rf_root *root = &x->sb->root;

	if (x->sb->ns[RF_NS_MOUNT].mode != RF_NS_NEW || root->kind == RF_ROOT_HOST)
		snprintf(buf, size, "%s%s", x->host, inside);
	else if (root->kind == RF_ROOT_DIR)
		snprintf(buf, size, "%s%s%s", x->host, root->path, inside);
	else
		return false;
	return true;
}

/* Put the target of a link that was found at @path (of @len bytes) before the rest of it. */
static bool follow(char path[PATH_MAX], size_t len, const char *target)
{
	char next[PATH_MAX];
	size_t dir = len;

	while (dir && path[dir - 1] != '/')
		dir--;
	if (target[0] == '/')
		dir = 0;
	if ((size_t)snprintf(next, sizeof(next), "%.*s%s%s", (int)dir, path, target, path + len) >=
	    sizeof(next))
		return false;
	strcpy(path, next);
	return true;
}

bool rf_hint_host_path(const struct rf_failed *x, const char *inside, char *buf, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s", inside) >= (int)sizeof(path))
		return false;
	for (int i = 0; i < LINKS_MAX; i++) {
		const struct rf_mount *m = rf_hint_entry(x, path);
		ssize_t n;

		if (m && m->kind == RF_MOUNT_SYMLINK) {
			if (!follow(path, strlen(m->at), m->source))
				return false;
			continue;
		}
		if (m ? !through_entry(x, m, path, buf, size) : !through_root(x, path, buf, size))
			return false;
		/* a link of the host's means a place in the sandbox */
		n = readlink(buf, target, sizeof(target) - 1);
		if (n < 0)
			return true;
		target[n] = '\0';
		if (!follow(path, strlen(path), target))
			return false;
	}
	return false;
}
