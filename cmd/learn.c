/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "learn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "denials.h"
#include "error.h"
#include "policy.h"
#include "report.h"
#include "sandbox.h"

/* All that the caller can do, but what would pass unseen. */
const char learn_base[] =
	"root: {dir: /, rw: true}\n"
	"mounts:\n"
	"  - {proc: /proc}\n"
	"capabilities: []\n"
	"no_new_privileges: true\n"
	"network: host\n";

static char *copy(struct lesson *l, const char *s)
{
	char *c = strdup(s ? s : "");

	if (!c)
		l->no_memory = true;
	return c;
}

static void add(struct lesson *l, enum item_kind kind, const char *at, const char *source,
		unsigned int port)
{
	struct item *i;

	for (i = l->items; i < l->items + l->nr; i++)
		if (i->kind == kind && i->port == port && strcmp(i->at, at) == 0)
			return;
	if (l->nr == l->max) {
		size_t max = l->max ? 2 * l->max : 64;

		i = realloc(l->items, max * sizeof(*i));
		if (!i) {
			l->no_memory = true;
			return;
		}
		l->items = i;
		l->max = max;
	}
	i = &l->items[l->nr];
	*i = (struct item){ .kind = kind, .port = port, .at = copy(l, at), .source = copy(l, source) };
	if (i->at && i->source)
		l->nr++;
}

/* ------------------------------------------------------------------- paths */

static void add_path(struct lesson *l, const char *path, uint8_t wants, int depth);

static void parent(const char *path, char ret[PATH_MAX])
{
	char *slash;

	(void)snprintf(ret, PATH_MAX, "%s", path);
	slash = strrchr(ret, '/');
	if (slash)
		slash[slash == ret] = '\0';
}

/* A call looked at the link itself: the link, and what it leads to. */
static void add_link(struct lesson *l, const char *path, const char *host, uint8_t wants, int depth)
{
	char text[PATH_MAX], target[2 * PATH_MAX];
	ssize_t n = readlink(host, text, sizeof(text) - 1);

	if (n <= 0)
		return;
	text[n] = '\0';
	add(l, ITEM_SYMLINK, path, text, 0);
	if (!(wants & ~(WANTS_LINK | WANTS_STAT)))
		return;
	if (text[0] == '/') {
		(void)snprintf(target, sizeof(target), "%s", text);
	} else {
		parent(path, target);
		(void)snprintf(target + strlen(target), sizeof(target) - strlen(target), "/%s", text);
	}
	path_normalize(target);
	if (strlen(target) < PATH_MAX && depth < 40)
		add_path(l, target, (uint8_t)(wants & ~WANTS_LINK), depth + 1);
}

static void add_change(struct lesson *l, const char *path, const char *host, uint8_t wants)
{
	char dir[PATH_MAX], dir_host[PATH_MAX];
	struct stat st;

	if (!(wants & (WANTS_MAKE | WANTS_MAYBE))) {
		add(l, ITEM_RW, path, host, 0);
		return;
	}
	parent(path, dir);
	/* what was made and is gone again was nobody's but the command's */
	if ((strcmp(dir, "/tmp") == 0 || strcmp(dir, "/var/tmp") == 0) && lstat(host, &st) < 0) {
		add(l, ITEM_TMPFS, dir, "", 0);
		return;
	}
	sandbox_host_path(l->sb, sandbox_governing(l->sb, dir), dir, dir_host);
	if (stat(dir_host, &st) == 0)
		add(l, ITEM_RW, dir, dir_host, 0);
}

static void add_path(struct lesson *l, const char *path, uint8_t wants, int depth)
{
	char host[PATH_MAX];
	struct stat st;

	if (!path[1])
		return;		/* the root is there */
	if (path_is_in(path, "/proc")) {
		add(l, ITEM_PROC, "/proc", "", 0);
		return;
	}
	if (path_is_in(path, "/dev")) {
		add(l, ITEM_DEV, "/dev", "", 0);
		return;
	}
	sandbox_host_path(l->sb, sandbox_governing(l->sb, path), path, host);
	if (!*host)
		return;
	if (wants & (WANTS_WRITE | WANTS_MAKE | WANTS_MAYBE)) {
		add_change(l, path, host, wants);
		return;
	}
	if (lstat(host, &st) < 0)
		return;		/* it has gone: the command's own */
	if (S_ISLNK(st.st_mode) && wants & WANTS_LINK) {
		add_link(l, path, host, wants, depth);
		return;
	}
	if (stat(host, &st) < 0)
		return;
	/* a directory that is only looked at need not have anything in it */
	if (S_ISDIR(st.st_mode) && !(wants & (WANTS_READ | WANTS_DIR)))
		add(l, ITEM_DIR, path, host, 0);
	else
		add(l, ITEM_RO, path, host, 0);
}

static bool is_mount(const struct item *i)
{
	return i->kind <= ITEM_DEV;
}

/* Does @by make @i superfluous? */
static bool covers(const struct item *by, const struct item *i)
{
	if (by == i || by->off || !is_mount(by) || !is_mount(i))
		return false;
	if (strcmp(by->at, i->at) == 0)	/* one entry for a place: the one that gives most */
		return by->kind == ITEM_RW || (by->kind == ITEM_RO && i->kind == ITEM_DIR) ||
		       (by->kind == ITEM_TMPFS && i->kind != ITEM_RW) ||
		       (by->kind == ITEM_SYMLINK && i->kind < ITEM_RW);
	if (!path_is_in(i->at, by->at))
		return i->kind == ITEM_DIR && path_is_in(by->at, i->at); /* made on the way */
	if (by->kind == ITEM_RW)
		return true;
	return by->kind == ITEM_RO && (i->kind == ITEM_RO || i->kind == ITEM_DIR || i->kind == ITEM_SYMLINK);
}

static int by_place(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int r = strcmp(x->at, y->at);

	return r ? r : (int)x->port - (int)y->port;
}

static void drop_off(struct lesson *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->nr; i++) {
		if (l->items[i].off) {
			free(l->items[i].at);
			free(l->items[i].source);
		} else {
			l->items[n++] = l->items[i];
		}
	}
	l->nr = n;
}

static void fold(struct lesson *l)
{
	for (size_t i = 0; i < l->nr; i++)
		for (size_t k = 0; k < l->nr && !l->items[i].off; k++)
			l->items[i].off = covers(&l->items[k], &l->items[i]);
	drop_off(l);
	if (l->nr)
		qsort(l->items, l->nr, sizeof(*l->items), by_place);
}

/* ------------------------------------------------------------------- all of it */

static void collect(struct lesson *l)
{
	const struct observed *o = l->seen;

	for (size_t i = 0; i < o->nr; i++)
		add_path(l, o->paths[i].path, o->paths[i].wants, 0);
	fold(l);
	for (size_t i = 0; i < o->nr_connects; i++)
		add(l, ITEM_CONNECT, "", "", o->connects[i]);
	for (size_t i = 0; i < o->nr_binds; i++)
		add(l, ITEM_BIND, "", "", o->binds[i]);
	/* whatever its output is, and however it ends */
	add(l, ITEM_CALL, "read", "", 0);
	add(l, ITEM_CALL, "write", "", 0);
	add(l, ITEM_CALL, "close", "", 0);
	add(l, ITEM_CALL, "exit_group", "", 0);
	for (int nr = 0; nr < OBSERVED_CALLS; nr++)
		if (o->calls[nr / 64] >> nr % 64 & 1) {
			const char *name = rf_syscall_name(call_arch, nr);

			if (name)
				add(l, ITEM_CALL, name, "", 0);
		}
}

static int write_file(const char *name, struct lesson *l, const char *policy, struct rf_err *err)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666), r;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		return rf_err_set(err, errno, "--learn: %s", name);
	r = policy ? learn_write(l, f, policy, false) : learn_write_policy(l, f);
	if (fclose(f) != 0 && r == 0)
		r = -errno;
	return r < 0 ? rf_err_set(err, -r, "--learn: %s", name) : 0;
}

int learn(struct lesson *l, bool once, struct rf_err *err)
{
	char policy[PATH_MAX], beside[PATH_MAX];
	const char *base;
	int r;

	collect(l);
	if (l->no_memory)
		return rf_err_set(err, ENOMEM, "--learn");
	if (l->seen->incomplete)
		report_text("--learn: the command used more than can be kept; the spec is not complete\n");
	if (!once && learn_prune(l) > 0)
		drop_off(l);
	if (snprintf(policy, sizeof(policy), "%s.seccomp", l->file) >= (int)sizeof(policy))
		return rf_err_set(err, ENAMETOOLONG, "--learn: %s", l->file);
	/* a spec's paths are from where it lies; without a "/" it would be a preset */
	base = strrchr(policy, '/');
	if (snprintf(beside, sizeof(beside), "./%s", base ? base + 1 : policy) >= (int)sizeof(beside))
		return rf_err_set(err, ENAMETOOLONG, "--learn: %s", l->file);
	r = write_file(policy, l, NULL, err);
	if (r == 0)
		r = write_file(l->file, l, beside, err);
	for (size_t i = 0; i < l->nr; i++) {
		free(l->items[i].at);
		free(l->items[i].source);
	}
	free(l->items);
	return r;
}
