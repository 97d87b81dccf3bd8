/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a chain has made so far, as far as it can be known without running it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "native_lower.h"

struct name {
	uint32_t	 fs;
	enum rf_made_kind kind;
	char		*path;
};

struct fs {
	int32_t		 slot;
	bool		 owned;
};

/* A way to a place: below the root in a slot; and what is attached there. */
struct way {
	int32_t		 slot;		/* that was opened so; -1: none, it is only a place */
	int32_t		 dir;
	const char	*path;		/* of the chain */
	int		 fs;		/* -1: not one of ours; of a place only */
};

struct rf_made {
	struct fs	*fs;
	struct name	*names;
	struct way	*opened, *places;
	uint32_t	 nr_fs, nr_names, nr_opened, nr_places;
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
	free(m->fs);
	free(m->names);
	free(m->opened);
	free(m->places);
	free(m);
}

static int fs_of(const struct rf_made *m, int32_t slot)
{
	for (uint32_t i = 0; i < m->nr_fs; i++)
		if (m->fs[i].slot == slot)
			return (int)i;
	return -1;
}

int rf_made_fs(struct rf_made *m, int32_t slot, bool owned)
{
	ADD(m, fs, nr_fs, { slot, owned });
}

int rf_made_opened(struct rf_made *m, int32_t slot, int32_t dir, const char *path)
{
	ADD(m, opened, nr_opened, { slot, dir, path, -1 });
}

int rf_made_attached(struct rf_made *m, int32_t from, int32_t to, const char *path)
{
	const int fs = fs_of(m, from);

	for (uint32_t i = 0; !path && i < m->nr_opened; i++)
		if (m->opened[i].slot == to)
			ADD(m, places, nr_places, { -1, m->opened[i].dir, m->opened[i].path, fs });
	/* on top of what is in the slot: a lookup from there does not see it */
	if (!path)
		return 0;
	ADD(m, places, nr_places, { -1, to, path, fs });
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

/* No name on the way may be a link: what is behind it is not at @rest. */
static bool has_link(const struct rf_made *m, uint32_t fs, const char *rest)
{
	for (size_t len = strcspn(rest, "/"); rest[len]; len += 1 + strcspn(rest + len + 1, "/"))
		if (rf_made_name(m, fs, rest, len) == RF_MADE_LINK)
			return true;
	return false;
}

bool rf_made_where(const struct rf_made *m, int32_t dir, const char *path,
		   struct rf_made_place *ret)
{
	int fs = fs_of(m, dir);
	const char *at = NULL, *rest = path;

	if (!path || !*path || !is_plain(path))
		return false;
	/* the last that was attached on the way: it is deeper than those before, or on top */
	for (uint32_t i = 0; i < m->nr_places; i++) {
		const struct way *w = &m->places[i];
		const long len = w->dir == dir ? below(path, w->path) : -1;

		if (len < 0)
			continue;
		fs = w->fs;
		at = w->path;
		rest = path + len;
	}
	if (fs < 0 || !*rest || has_link(m, (uint32_t)fs, rest))
		return false;
	*ret = (struct rf_made_place){ .fs = (uint32_t)fs, .owned = m->fs[fs].owned,
				       .at = at, .rest = rest };
	return true;
}

enum rf_made_kind rf_made_name(const struct rf_made *m, uint32_t fs, const char *path, size_t len)
{
	for (uint32_t i = 0; i < m->nr_names; i++)
		if (m->names[i].fs == fs && strlen(m->names[i].path) == len &&
		    memcmp(m->names[i].path, path, len) == 0)
			return m->names[i].kind;
	return RF_MADE_NOTHING;
}

int rf_made_add(struct rf_made *m, uint32_t fs, const char *path, size_t len,
		enum rf_made_kind kind)
{
	char *copy = strndup(path, len);

	if (!copy)
		return -ENOMEM;
	ADD(m, names, nr_names, { fs, kind, copy });
}
