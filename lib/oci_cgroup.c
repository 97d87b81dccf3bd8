/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control groups of a container, which have a path that somebody else chose and live
 * as long as the container does.
 *
 * Where any hierarchy is of version 1, all of them count and version 2 does not, as
 * with runc; a system of version 2 alone has the one group.
 */
#include "oci_config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "error.h"

#define PATH_SIZE	4352

/* -------------------------------------------------------------------- finding */

/* Field @nr of a line, from 0, and its length. */
static const char *field(const char *line, int nr, size_t *len)
{
	for (; nr > 0 && *line; nr--) {
		line += strcspn(line, " \n");
		line += *line == ' ';
	}
	*len = strcspn(line, " \n");
	return line;
}

/* Words of @list that say how, not what: of the options of a cgroup mount. */
static bool is_controller(const char *word, size_t len)
{
	static const char *const others[] = { "rw", "ro", "xattr", "noprefix", "clone_children",
					      "nsdelegate", "memory_recursiveprot" };

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (strlen(others[i]) == len && !memcmp(word, others[i], len))
			return false;
	return len && !(len > 14 && !memcmp(word, "release_agent=", 14));
}

/* The controllers of a mount's options, as /proc/self/cgroup names a hierarchy. */
static char *controllers_of(const char *options, size_t len)
{
	char *list = calloc(1, len + 2), *to = list;

	while (list && len) {
		const char *comma = memchr(options, ',', len);
		size_t n = comma ? (size_t)(comma - options) : len;

		if (is_controller(options, n)) {
			if (to > list)
				*to++ = ',';
			memcpy(to, options, n);
			to += n;
		}
		n += comma ? 1 : 0;
		options += n;
		len -= n;
	}
	return list;
}

/* One of the words of @a is one of @b. */
static bool share_word(const char *a, const char *b, size_t b_len)
{
	while (*a) {
		size_t n = strcspn(a, ",");

		for (size_t i = 0; i + n <= b_len; i++)
			if (!memcmp(b + i, a, n) && (!i || b[i - 1] == ',') &&
			    (i + n == b_len || b[i + n] == ','))
				return true;
		a += n + (a[n] == ',');
	}
	return false;
}

bool rf_oci_names_controller(const char *name, const char *controller)
{
	return share_word(controller, name, strlen(name));
}

/* The caller's group in the hierarchy called @name, from a line of /proc/self/cgroup. */
static const char *own_group(const char *self, const char *name, size_t *len)
{
	for (const char *line = self; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;

		if (!path)
			break;
		names++;
		if (*name ? share_word(name, names, (size_t)(path - names)) : path == names) {
			*len = strcspn(path + 1, "\n");
			return path + 1;
		}
	}
	*len = 0;
	return "";
}

static bool is_known(const struct rf_oci_groups *g, bool v2, const char *name)
{
	for (size_t i = 0; i < g->nr; i++)
		if (g->trees[i].v2 == v2 && !strcmp(g->trees[i].name, name))
			return true;
	return false;
}

/* The directory of @group in a hierarchy of which @root is mounted at @mount. */
static char *directory(const char *mount, const char *root, size_t root_len, const char *group,
		       size_t len)
{
	char *dir;

	if (root_len == 1)
		root_len = 0;
	/* what is not below the mount is out of reach: the mount stands for it */
	if (len < root_len || memcmp(group, root, root_len) != 0 ||
	    (len > root_len && group[root_len] != '/') || !strncmp(group, "/..", 3))
		len = root_len = 0;
	if (len == root_len + 1)
		len = root_len;
	if (asprintf(&dir, "%s%.*s", mount, (int)(len - root_len), group + root_len) < 0)
		return NULL;
	return dir;
}

static int add_tree(struct rf_oci_groups *g, const char *line, const char *dash, const char *self)
{
	struct rf_oci_group t = { .v2 = !strncmp(dash + 3, "cgroup2 ", 8) };
	size_t root_len, mount_len, options_len, len;
	const char *root = field(line, 3, &root_len), *mount = field(line, 4, &mount_len);
	const char *options = field(dash + 3, 2, &options_len), *group;

	if (g->nr == RF_OCI_TREES || memchr(mount, '\\', mount_len))
		return 0;
	t.name = t.v2 ? strdup("") : controllers_of(options, options_len);
	if (t.name && is_known(g, t.v2, t.name)) {
		free(t.name);
		return 0;
	}
	t.mount = strndup(mount, mount_len);
	group = own_group(self, t.name ? t.name : "", &len);
	if (t.name && t.mount)
		t.own = directory(t.mount, root, root_len, group, len);
	g->trees[g->nr++] = t;
	return t.own ? 0 : -ENOMEM;
}

int rf_oci_groups_parse(struct rf_oci_groups *g, const char *mountinfo, const char *self)
{
	bool v1 = false;
	int r = 0;

	*g = (struct rf_oci_groups){ .nr = 0 };
	for (const char *line = mountinfo; r == 0 && *line;
	     line += strcspn(line, "\n"), line += *line == '\n') {
		const char *end = line + strcspn(line, "\n"), *dash = strstr(line, " - ");

		if (dash && dash < end && (!strncmp(dash + 3, "cgroup ", 7) ||
					   !strncmp(dash + 3, "cgroup2 ", 8)))
			r = add_tree(g, line, dash, self);
	}
	for (size_t i = 0; i < g->nr; i++)
		v1 |= !g->trees[i].v2;
	g->unified = !v1;
	return r;
}

static char *read_all(const char *file)
{
	size_t len = 0, size = 65536;
	char *text = malloc(size + 1), *more;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	while (text && fd >= 0 && (n = read(fd, text + len, size - len)) > 0) {
		len += (size_t)n;
		if (len < size)
			continue;
		size *= 2;
		more = realloc(text, size + 1);
		if (!more)
			break;
		text = more;
	}
	if (fd >= 0)
		(void)close(fd);
	if (!text || fd < 0 || n != 0) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

int rf_oci_groups_read(struct rf_oci_groups *g, struct rf_err *err)
{
	char *mounts = read_all("/proc/self/mountinfo"), *self = read_all("/proc/self/cgroup");
	int r = -ENOENT;

	*g = (struct rf_oci_groups){ .nr = 0 };
	if (mounts)
		r = rf_oci_groups_parse(g, mounts, self ? self : "");
	free(mounts);
	free(self);
	return r < 0 ? rf_err_set(err, -r, "reading /proc/self/mountinfo") : 0;
}

void rf_oci_groups_done(struct rf_oci_groups *g)
{
	for (size_t i = 0; i < g->nr; i++) {
		free(g->trees[i].mount);
		free(g->trees[i].name);
		free(g->trees[i].own);
		free(g->trees[i].dir);
	}
	g->nr = 0;
}

/* --------------------------------------------------------------------- making */

static bool counts(const struct rf_oci_groups *g, const struct rf_oci_group *t)
{
	return t->v2 == g->unified;
}

/* A new group of version 1 has no processors until it is told. */
static void inherit_cpuset(const char *dir)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	char parent[PATH_SIZE], value[4096];
	char *slash;

	(void)snprintf(parent, sizeof(parent), "%s", dir);
	slash = strrchr(parent, '/');
	if (!slash)
		return;
	*slash = '\0';
	for (size_t i = 0; i < 2; i++) {
		if (rf_cgroup_read(dir, files[i], value, sizeof(value)) != 0)
			continue;	/* it has some, or no such file */
		if (rf_cgroup_read(parent, files[i], value, sizeof(value)) > 0)
			(void)rf_cgroup_write(dir, files[i], value);
	}
}

/*
 * All controllers that @dir has, for the groups below it.  One with processes is left as it
 * is: it could hand down what threads share, and then nobody could be in a group below it.
 */
static void hand_down(const char *dir)
{
	char list[512], word[64];

	if (rf_cgroup_is_occupied(dir))
		return;
	if (rf_cgroup_read(dir, "cgroup.controllers", list, sizeof(list)) <= 0)
		return;
	/* one by one: what one of them cannot, the others can */
	for (const char *p = list; *p; p += strcspn(p, " "), p += strspn(p, " ")) {
		(void)snprintf(word, sizeof(word), "+%.*s", (int)strcspn(p, " "), p);
		(void)rf_cgroup_write(dir, "cgroup.subtree_control", word);
	}
}

/* Each missing directory of t->dir, from the mount on.  1: the last one was there. */
static int make_dirs(const struct rf_oci_group *t)
{
	char *p = t->dir + strlen(t->mount);
	int r = 0;

	while (r >= 0 && *p) {
		char *slash = strchr(p + 1, '/');

		if (t->v2) {
			*p = '\0';
			hand_down(t->dir);
			*p = '/';
		}
		if (slash)
			*slash = '\0';
		r = mkdir(t->dir, 0755) == 0 ? 0 : errno == EEXIST ? 1 : -errno;
		if (r >= 0 && !t->v2)
			inherit_cpuset(t->dir);
		if (slash)
			*slash = '/';
		p = slash ? slash : p + strlen(p);
	}
	return r;
}

static const char *path_of(const struct rf_oci_config *c, const char *path)
{
	return c->cgroups_path ? c->cgroups_path : path;
}

/* Absolute: from the root of the hierarchy; else from the caller's group, or find_base()'s. */
static char *dir_for(const struct rf_oci_group *t, const char *path)
{
	const char *from = *path == '/' ? t->mount : t->own;
	char *dir;

	if (asprintf(&dir, "%s%s%s", from, *path == '/' ? "" : "/", path) < 0)
		return NULL;
	for (size_t len = strlen(dir); len > 1 && dir[len - 1] == '/'; len--)
		dir[len - 1] = '\0';
	return dir;
}

static bool needs(const struct rf_oci_config *c, bool host_root)
{
	return c->nr_limits || (host_root && c->nr_rules);
}

static bool is_denied(int r)
{
	return r == -EACCES || r == -EPERM || r == -EROFS;
}

/* Neither processes nor groups in it: nobody else's. */
static int check_vacant(const char *dir)
{
	char first[2];
	struct dirent *e;
	DIR *d = opendir(dir);
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (e = readdir(d)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			r = -EBUSY;
	(void)closedir(d);
	if (r == 0 && rf_cgroup_read(dir, "cgroup.procs", first, sizeof(first)) != 0)
		r = -EBUSY;
	return r;
}

static void forget(struct rf_oci_group *t)
{
	free(t->dir);
	t->dir = NULL;
}

/* The controllers that its limits need, on version 2. */
static uint32_t needed(const struct rf_oci_config *c)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < c->nr_limits; i++)
		for (int n = 0; n < RF_CTL_NR; n++)
			if (rf_cgroup_ctls[n].v2 && c->limits[i].v2_file && *c->limits[i].v2_file &&
			    !strcmp(c->limits[i].controller, rf_cgroup_ctls[n].v1))
				mask |= 1U << n;
	return mask;
}

/*
 * The caller's own group of version 2 has processes as a rule, and can limit none below it.
 * What is relative goes below the nearest above that can.
 */
static int find_base(struct rf_oci_group *t, const struct rf_oci_config *c)
{
	const struct rf_cgroup_tree tree = {
		.v2 = true, .mount_len = strlen(t->mount), .own = t->own,
	};
	const uint32_t mask = needed(c);
	char *base = NULL;
	/* without a limit it is for one that `update` may bring, if that can be */
	int r = rf_cgroup_find(&tree, mask ? mask : 1U << RF_CTL_PIDS, &base);

	if (r < 0 && r != -ENOMEM && !mask)
		r = rf_cgroup_find(&tree, 0, &base);
	if (r < 0)
		return r;
	free(t->own);
	t->own = base;
	return 0;
}

/* 1: there is none, and nothing depends on it. */
static int base_of(struct rf_oci_group *t, const struct rf_oci_config *c, bool host_root,
		   struct rf_err *err)
{
	int r = find_base(t, c);

	if (r == 0)
		return 0;
	if (r != -ENOMEM && !needs(c, host_root))
		return 1;
	rf_err_at(err, c->nr_limits ? &c->limits[0].place : &c->cgroups_place, -r,
		  "%s: no control group can be made at or above %s",
		  c->nr_limits ? c->limits[0].path : "linux.cgroupsPath", t->own);
	rf_err_hint(err, "%s; `ringfence doctor` says which are delegated",
		    r == -EBUSY ? "a group with processes in it cannot limit groups below it" :
				  "a limit needs groups that this caller may make");
	return r;
}

static int plan_one(struct rf_oci_group *t, const char *path)
{
	t->dir = dir_for(t, path);
	if (!t->dir)
		return -ENOMEM;
	/* the root of a hierarchy is everybody's */
	if (strlen(t->dir) <= strlen(t->mount))
		return -EBUSY;
	return strlen(t->dir) >= 4096 ? -ENAMETOOLONG : check_vacant(t->dir);
}

/* A user may make none at the root of the hierarchy: what nobody has said is relative then. */
static bool is_relative(const struct rf_oci_config *c, bool host_root)
{
	return c->cgroups_path ? *c->cgroups_path != '/' : !host_root;
}

int rf_oci_groups_plan(struct rf_oci_groups *g, const struct rf_oci_config *c, const char *path,
		       bool host_root, struct rf_err *err)
{
	const bool relative = g->unified && is_relative(c, host_root);

	path = path_of(c, path);
	path += relative && *path == '/';
	for (size_t i = 0; i < g->nr; i++) {
		struct rf_oci_group *t = &g->trees[i];
		int r = counts(g, t) && relative ? base_of(t, c, host_root, err) : 0;

		if (r < 0)
			return r;
		if (r == 0 && counts(g, t))
			r = plan_one(t, path);
		if (r >= 0)
			continue;
		rf_err_at(err, &c->cgroups_place, -r, "linux.cgroupsPath: %s", t->dir ? t->dir : path);
		if (r == -EBUSY)
			rf_err_hint(err, "it has processes or groups of its own: somebody else's");
		return r;
	}
	return 0;
}

int rf_oci_groups_print(struct rf_oci_groups *g, const struct rf_oci_config *c,
			struct rf_sandbox *sb, unsigned int flags, struct rf_err *err)
{
	static const char mount[] = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
	int r;

	if (flags & RF_OCI_PURE)
		r = rf_oci_groups_parse(g, mount, "0::/\n");
	else
		r = rf_oci_groups_read(g, err);
	for (size_t i = 0; r == 0 && i < g->nr; i++) {
		struct rf_oci_group *t = &g->trees[i];

		if (!counts(g, t))
			continue;
		t->dir = dir_for(t, path_of(c, "/ID"));
		r = t->dir ? 0 : -ENOMEM;
		sb->cgroup.fds[sb->cgroup.nr_fds++] = -1;
	}
	return r < 0 ? rf_err_set(err, -r, "control groups") : 0;
}

/*
 * Of version 1 systemd makes the groups of some hierarchies, and knows where processes
 * are by its own; of both versions together, by that of version 2.
 */
int rf_oci_groups_at(struct rf_oci_groups *g, const char *path, struct rf_err *err)
{
	g->by_systemd = true;
	for (size_t i = 0; i < g->nr; i++) {
		struct rf_oci_group *t = &g->trees[i];
		const bool own = t->v2 || !strcmp(t->name, "name=systemd");

		if (asprintf(&t->dir, "%s%s", t->mount, path) < 0) {
			t->dir = NULL;
			return rf_err_set(err, ENOMEM, "control groups");
		}
		if (!own || access(t->dir, F_OK) == 0)
			continue;
		if (counts(g, t))
			return rf_err_set(err, errno, "systemd's control group %s", t->dir);
		forget(t);
	}
	return 0;
}

int rf_oci_groups_make(struct rf_oci_groups *g, const struct rf_oci_config *c, bool host_root,
		       struct rf_err *err)
{
	const bool must = needs(c, host_root);
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->nr; i++) {
		struct rf_oci_group *t = &g->trees[i];

		if (!t->dir || (t->v2 && g->by_systemd))
			continue;
		r = make_dirs(t);
		if (r >= 0) {
			r = 0;
			continue;
		}
		/* of several hierarchies some may be delegated; a limit says if that matters */
		if (is_denied(r) && !must) {
			forget(t);
			r = 0;
			continue;
		}
		rf_err_at(err, &c->cgroups_place, -r, "linux.cgroupsPath: mkdir %s", t->dir);
		if (is_denied(r))
			rf_err_hint(err, "a limit needs groups that this caller may make: `ringfence "
				    "doctor` says which are delegated");
	}
	if (r == 0)
		r = rf_oci_groups_limit(g, c, host_root, err);
	for (size_t i = 0; r < 0 && i < g->nr; i++)
		if (g->trees[i].dir)
			(void)rmdir(g->trees[i].dir);
	return r;
}
