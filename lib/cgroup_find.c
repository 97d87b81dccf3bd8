/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which cgroup hierarchies are mounted, and where the caller is in each.
 *
 * /proc/self/cgroup names the caller's group in each hierarchy from the root of
 * its cgroup namespace; /proc/self/mountinfo says which part of a hierarchy is
 * mounted where.  On a hybrid system some controllers are on version 1 and the
 * others, or none, on version 2.
 */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct rf_cgroup_ctl_def rf_cgroup_ctls[RF_CTL_NR] = {
	[RF_CTL_MEMORY]		= { "memory", "memory" },
	[RF_CTL_PIDS]		= { "pids", "pids" },
	[RF_CTL_CPU]		= { "cpu", "cpu" },
	[RF_CTL_CPUSET]		= { "cpuset", "cpuset" },
	[RF_CTL_IO]		= { "blkio", "io" },
	[RF_CTL_HUGETLB]	= { "hugetlb", "hugetlb" },
	[RF_CTL_CPUACCT]	= { "cpuacct", NULL },
	[RF_CTL_FREEZER]	= { "freezer", NULL },
};

/* Whether @word is one of the comma-separated words of @list. */
static bool has_word(const char *list, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	while (len) {
		const char *comma = memchr(list, ',', len);
		size_t n = comma ? (size_t)(comma - list) : len;

		if (n == word_len && !memcmp(list, word, n))
			return true;
		n += comma ? 1 : 0;
		list += n;
		len -= n;
	}
	return false;
}

static uint32_t controllers_of(const char *options)
{
	size_t len = strcspn(options, " :\n");
	uint32_t mask = 0;

	for (int c = 0; c < RF_CTL_NR; c++)
		if (has_word(options, len, rf_cgroup_ctls[c].v1))
			mask |= 1U << c;
	return mask;
}

/* Field @nr of a line, from 0; "" behind the last. */
static const char *field(const char *line, int nr)
{
	while (nr-- > 0) {
		line += strcspn(line, " \n");
		line += *line == ' ';
	}
	return line;
}

/* A field of mountinfo: \040 and the like are bytes. */
static char *unescape(const char *text)
{
	size_t len = strcspn(text, " \n");
	char *copy = malloc(len + 1), *to = copy;

	if (!copy)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 3 < len && text[i + 1] >= '0' && text[i + 1] <= '3') {
			*to++ = (char)((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
				       (text[i + 3] - '0'));
			i += 3;
		} else {
			*to++ = text[i];
		}
	}
	*to = '\0';
	return copy;
}

/*
 * The caller's group in the hierarchy with @mask, or of version 2 for 0: the
 * text behind the second colon of its line, or NULL.
 */
static const char *own_group(const char *self, uint32_t mask)
{
	for (const char *line = self; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *names = strchr(line, ':'), *path;

		if (!names)
			return NULL;
		path = strchr(++names, ':');
		if (!path)
			return NULL;
		if (!mask ? path == names && line[0] == '0' :
		    path > names && controllers_of(names) & mask)
			return path + 1;
	}
	return NULL;
}

/* @group, as mounted from @root at @mount. */
static int place_own(struct rf_cgroup_tree *t, const char *mount, const char *root,
		     const char *group)
{
	size_t len = strcspn(group, "\n"), root_len = strlen(root);
	int r;

	if (root_len == 1)
		root_len = 0;
	if (len < root_len || memcmp(group, root, root_len) ||
	    (len > root_len && group[root_len] != '/') || !strncmp(group, "/..", 3)) {
		t->outside = true;
		len = root_len = 0;
	}
	if (len == root_len + 1)	/* "/" itself */
		len = root_len;
	t->mount_len = strlen(mount);
	r = asprintf(&t->own, "%s%.*s", mount, (int)(len - root_len), group + root_len);
	if (r < 0) {
		t->own = NULL;
		return -ENOMEM;
	}
	return 0;
}

static bool is_known(const struct rf_cgroup_host *h, bool v2, uint32_t controllers)
{
	for (size_t i = 0; i < h->nr; i++)
		if (v2 ? h->trees[i].v2 : (h->trees[i].controllers & controllers) != 0)
			return true;
	return false;
}

static int add_mount(struct rf_cgroup_host *h, const char *line, const char *self)
{
	const char *dash = strstr(line, " - ");
	const char *end = line + strcspn(line, "\n");
	struct rf_cgroup_tree t = { .own = NULL };
	char *root, *mount;
	const char *group;
	int r = 0;

	if (!dash || dash > end)
		return 0;
	t.v2 = !strncmp(dash, " - cgroup2 ", 11);
	if (!t.v2 && strncmp(dash, " - cgroup ", 10) != 0)
		return 0;
	if (!t.v2)
		t.controllers = controllers_of(field(dash + 3, 2));
	/* the first mount counts: others show the same, or a part */
	if ((!t.v2 && !t.controllers) || h->nr == RF_CGROUP_TREES ||
	    is_known(h, t.v2, t.controllers))
		return 0;
	group = own_group(self, t.controllers);
	if (!group)
		return 0;
	root = unescape(field(line, 3));
	mount = unescape(field(line, 4));
	if (root && mount)
		r = place_own(&t, mount, root, group);
	else
		r = -ENOMEM;
	free(root);
	free(mount);
	if (r == 0)
		h->trees[h->nr++] = t;
	return r;
}

int rf_cgroup_host_parse(struct rf_cgroup_host *h, const char *mountinfo, const char *self)
{
	int r = 0;

	h->nr = 0;
	for (const char *line = mountinfo; *line && r == 0;
	     line += strcspn(line, "\n"), line += *line == '\n')
		r = add_mount(h, line, self);
	return r;
}

void rf_cgroup_host_done(struct rf_cgroup_host *h)
{
	while (h->nr)
		free(h->trees[--h->nr].own);
}

/* A file of /proc, of any size; to be freed. */
static int read_proc(const char *path, char **ret)
{
	size_t size = 16384, len = 0;
	char *buf = malloc(size), *more;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : 1;
	int r;

	while (buf && n > 0) {
		n = read(fd, buf + len, size - len - 1);
		if (n > 0)
			len += (size_t)n;
		if (n > 0 && size - len < 4096) {
			more = realloc(buf, size *= 2);
			if (!more)
				free(buf);
			buf = more;
		}
	}
	r = !buf ? -ENOMEM : n < 0 ? -errno : 0;
	if (fd >= 0)
		(void)close(fd);
	if (r < 0) {
		free(buf);
		return r;
	}
	buf[len] = '\0';
	*ret = buf;
	return 0;
}

int rf_cgroup_host_read(struct rf_cgroup_host *h)
{
	char *mountinfo = NULL, *self = NULL;
	int r;

	h->nr = 0;
	r = read_proc("/proc/self/mountinfo", &mountinfo);
	if (r == 0)
		r = read_proc("/proc/self/cgroup", &self);
	if (r == 0)
		r = rf_cgroup_host_parse(h, mountinfo, self);
	free(mountinfo);
	free(self);
	return r;
}
