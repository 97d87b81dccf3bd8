/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a chain has made so far, as far as it can be known without running it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "native_lower.h"

struct name {
	uint32_t	 fs;
	enum rf_made_kind kind;
	char		*path;
};

/* What a slot has of one of our file systems: all of it, or a tree below its root. */
struct tree {
	int32_t		 slot;
	int		 fs;		/* -1: it is not one of ours */
	const char	*path;		/* below the root of that; "" is the root */
};

/* A way to a place, from the root that is in slot @dir, and what is there. */
struct way {
	int32_t		 slot;		/* opened: the slot that has it */
	int32_t		 dir;
	const char	*path;
	struct tree	 tree;		/* attached: what */
};

struct rf_made {
	bool		*owned;		/* of each file system */
	struct tree	*trees;
	struct name	*names;
	struct way	*opened, *places;
	char		**texts;	/* for all that points at text which is not the chain's */
	uint32_t	 nr_owned, nr_trees, nr_names, nr_opened, nr_places, nr_texts;
};

/* Room for one more behind @nr of @size bytes; NULL: no memory, and all is as it was. */
static void *grown(void *array, uint32_t nr, size_t size)
{
	if (nr & (nr - 1))
		return array;
	return realloc(array, (nr ? 2 * (size_t)nr : 1) * size);
}

#define ADD(m, array, nr, ...)							\
	do {									\
		void *grown_ = grown((m)->array, (m)->nr, sizeof(*(m)->array));	\
		if (!grown_)							\
			return -ENOMEM;						\
		(m)->array = grown_;						\
		(m)->array[(m)->nr++] = (__typeof__(*(m)->array))__VA_ARGS__;	\
		return 0;							\
	} while (0)

struct rf_made *rf_made_new(void)
{
	return calloc(1, sizeof(struct rf_made));
}

void rf_made_free(struct rf_made *m)
{
	if (!m)
		return;
	for (uint32_t i = 0; i < m->nr_names; i++)
		free(m->names[i].path);
	for (uint32_t i = 0; i < m->nr_texts; i++)
		free(m->texts[i]);
	free(m->owned);
	free(m->trees);
	free(m->names);
	free(m->opened);
	free(m->places);
	free(m->texts);
	free(m);
}

static int keep_text(struct rf_made *m, char *text)
{
	ADD(m, texts, nr_texts, text);
}

static const struct tree *tree_of(const struct rf_made *m, int32_t slot)
{
	static const struct tree unknown = { .slot = -1, .fs = -1 };

	for (uint32_t i = 0; i < m->nr_trees; i++)
		if (m->trees[i].slot == slot)
			return &m->trees[i];
	return &unknown;
}

static int add_tree(struct rf_made *m, int32_t slot, int fs, const char *path)
{
	ADD(m, trees, nr_trees, { slot, fs, path });
}

static int add_fs(struct rf_made *m, bool owned)
{
	ADD(m, owned, nr_owned, owned);
}

int rf_made_fs(struct rf_made *m, int32_t slot, bool owned)
{
	int r = add_fs(m, owned);

	return r < 0 ? r : add_tree(m, slot, (int)m->nr_owned - 1, "");
}

int rf_made_opened(struct rf_made *m, int32_t slot, int32_t dir, const char *path)
{
	ADD(m, opened, nr_opened, { .slot = slot, .dir = dir, .path = path });
}

static const struct way *opened_as(const struct rf_made *m, int32_t slot)
{
	for (uint32_t i = 0; i < m->nr_opened; i++)
		if (m->opened[i].slot == slot)
			return &m->opened[i];
	return NULL;
}

int rf_made_attached(struct rf_made *m, int32_t from, int32_t to, const char *path)
{
	const struct tree tree = *tree_of(m, from);
	const struct way *way = path ? NULL : opened_as(m, to);

	if (way)
		ADD(m, places, nr_places, { .dir = way->dir, .path = way->path, .tree = tree });
	/* on top of what is in the slot: a lookup from there does not see it */
	if (!path)
		return 0;
	ADD(m, places, nr_places, { .dir = to, .path = path, .tree = tree });
}

/* How much of @path is @head; the rest begins behind a slash.  -1: it is another. */
static long below(const char *path, const char *head)
{
	const size_t len = strlen(head);

	if (strncmp(path, head, len) != 0 || (path[len] && path[len] != '/'))
		return -1;
	return (long)len + (path[len] == '/');
}

/* Components of which each is a name. */
static bool is_plain(const char *path)
{
	while (*path) {
		const size_t len = strcspn(path, "/");

		if (!len || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += len + (path[len] == '/' && path[len + 1]);
	}
	return true;
}

static enum rf_made_kind named(const struct rf_made *m, int fs, const char *path, size_t len)
{
	for (uint32_t i = 0; i < m->nr_names; i++)
		if ((int)m->names[i].fs == fs && strlen(m->names[i].path) == len &&
		    memcmp(m->names[i].path, path, len) == 0)
			return m->names[i].kind;
	return RF_MADE_NOTHING;
}

/* No name on the way may be a link: what is behind it is somewhere else. */
static bool has_link(const struct rf_made *m, int fs, const char *path)
{
	for (size_t len = strcspn(path, "/"); path[len]; len += 1 + strcspn(path + len + 1, "/"))
		if (named(m, fs, path, len) == RF_MADE_LINK)
			return true;
	return false;
}

/*
 * Which of our file systems @path below @dir is in, where that is attached, and the whole
 * path below its root, which is kept.  1; 0: in none of ours, as far as is known.
 */
static int locate(struct rf_made *m, int32_t dir, const char *path, struct rf_made_place *ret)
{
	struct tree tree = *tree_of(m, dir);
	const char *at = NULL, *rest = path;
	char *full;

	if (!is_plain(path))
		return 0;
	/* the last that was attached on the way: it is deeper than those before, or on top */
	for (uint32_t i = 0; i < m->nr_places; i++) {
		const struct way *w = &m->places[i];
		const long len = w->dir == dir ? below(path, w->path) : -1;

		if (len < 0)
			continue;
		tree = w->tree;
		at = w->path;
		rest = path + len;
	}
	if (tree.fs < 0)
		return 0;
	if (asprintf(&full, "%s%s%s", tree.path, *tree.path && *rest ? "/" : "", rest) < 0)
		return -ENOMEM;
	if (keep_text(m, full) < 0) {
		free(full);
		return -ENOMEM;
	}
	*ret = (struct rf_made_place){ .fs = (uint32_t)tree.fs, .owned = m->owned[tree.fs],
				       .at = at, .full = full,
				       .rest = full + strlen(full) - strlen(rest) };
	return !has_link(m, tree.fs, full);
}

int rf_made_where(struct rf_made *m, int32_t dir, const char *path, struct rf_made_place *ret)
{
	const int r = path ? locate(m, dir, path, ret) : 0;

	return r > 0 && !*ret->rest ? 0 : r;
}

int rf_made_bound(struct rf_made *m, int32_t slot, int32_t dir, const char *path)
{
	const struct way *way = path ? NULL : opened_as(m, dir);
	const struct tree whole = *tree_of(m, dir);
	struct rf_made_place p;
	int r = 0;

	if (way)
		r = locate(m, way->dir, way->path, &p);
	else if (path)
		r = locate(m, dir, path, &p);
	else if (whole.fs >= 0)
		return add_tree(m, slot, whole.fs, whole.path);
	if (r <= 0)
		return r;
	/* a directory that the chain has made; what else it may be, nobody walks through */
	if (*p.full && named(m, (int)p.fs, p.full, strlen(p.full)) != RF_MADE_DIR)
		return 0;
	return add_tree(m, slot, (int)p.fs, p.full);
}

static size_t whole_length(const struct rf_made_place *p, size_t len)
{
	return (size_t)(p->rest - p->full) + len;
}

enum rf_made_kind rf_made_name(const struct rf_made *m, const struct rf_made_place *p, size_t len)
{
	return named(m, (int)p->fs, p->full, whole_length(p, len));
}

int rf_made_add(struct rf_made *m, const struct rf_made_place *p, size_t len,
		enum rf_made_kind kind)
{
	char *copy = strndup(p->full, whole_length(p, len));
	void *names = copy ? grown(m->names, m->nr_names, sizeof(*m->names)) : NULL;

	if (!names) {
		free(copy);
		return -ENOMEM;
	}
	m->names = names;
	m->names[m->nr_names++] = (struct name){ p->fs, kind, copy };
	return 0;
}
