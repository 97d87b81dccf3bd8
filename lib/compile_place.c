/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where entries go: links of the spec resolved, parents before what is inside.
 *
 * The order in which a spec lists its mounts means nothing, so two things are
 * worked out here: the destination that each entry has once the symbolic links
 * of the spec itself are followed, and from that the order of placing.
 */
#include "compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINKS_MAX	40		/* as the kernel has it */
#define PATH_BYTES	4096

/*
 * Component-wise: "/a/b" comes right after "/a" and before "/a-b", so what is
 * below a directory is contiguous.
 */
static int compare_paths(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	if (*a == *b)
		return 0;
	if (!*a || !*b)
		return *a ? 1 : -1;
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static int compare_items(const void *pa, const void *pb)
{
	const struct rf_item *a = pa, *b = pb;
	int r = compare_paths(a->at, b->at);

	if (r)
		return r;
	/* freezing a directory comes after what is mounted there */
	return (int)a->freeze - (int)b->freeze;
}

/* ------------------------------------------------------- links of the spec */

struct links {
	const struct rf_mount	**sorted;	/* entries of kind symlink, by destination */
	size_t			 nr;
};

static int compare_links(const void *pa, const void *pb)
{
	const struct rf_mount *const *a = pa, *const *b = pb;

	return compare_paths((*a)->at, (*b)->at);
}

static const struct rf_mount *find_link(const struct links *l, const char *at)
{
	size_t low = 0, high = l->nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int r = compare_paths(at, l->sorted[mid]->at);

		if (!r)
			return l->sorted[mid];
		if (r < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* Append @name to the directory in @path, which "." leaves and ".." cuts. */
static int append(char path[PATH_BYTES], const char *name, size_t len)
{
	size_t have = strlen(path);

	if (!len || (len == 1 && name[0] == '.'))
		return 0;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		char *slash = strrchr(path, '/');

		if (slash)
			*slash = '\0';
		return 0;
	}
	if (have + 1 + len >= PATH_BYTES)
		return -ENAMETOOLONG;
	path[have] = '/';
	memcpy(path + have + 1, name, len);
	path[have + 1 + len] = '\0';
	return 0;
}

/*
 * Follow the spec's links in all components of @at but the last into @out; an
 * empty @out is the root.  1: one was followed and the result may hold others.
 */
static int follow_once(const struct links *l, const char *at, char out[PATH_BYTES])
{
	const char *p = at;
	int r = 0;

	out[0] = '\0';
	while (r == 0 && *p) {
		const char *name = ++p, *text;
		const struct rf_mount *link;

		p += strcspn(p, "/");
		r = append(out, name, (size_t)(p - name));
		link = r == 0 && *p && out[0] ? find_link(l, out) : NULL;
		if (!link)
			continue;
		/* the text, from the link's directory or the root, then the rest */
		text = link->source;
		if (text[0] == '/')
			out[0] = '\0';
		else
			r = append(out, "..", 2);
		for (; r == 0 && *text; text += strcspn(text, "/")) {
			text += *text == '/';
			r = append(out, text, strcspn(text, "/"));
		}
		for (; r == 0 && *p; p += strcspn(p, "/")) {
			p++;
			r = append(out, p, strcspn(p, "/"));
		}
		return r < 0 ? r : 1;
	}
	return r;
}

static int resolve(struct rf_compile *k, const struct links *l, struct rf_item *item)
{
	char from[PATH_BYTES], to[PATH_BYTES];
	int r;

	if (!l->nr)
		return 0;
	if (strlen(item->at) >= sizeof(from))
		return rf_err_at(k->err, &item->m->at_place, ENAMETOOLONG,
				 "a destination of more than %d bytes", PATH_BYTES - 1);
	strcpy(from, item->at);
	for (int i = 0; i < LINKS_MAX; i++) {
		r = follow_once(l, from, to);
		if (r < 0)
			return rf_err_at(k->err, &item->m->at_place, -r, "%s", item->at);
		if (r == 0)
			break;
		strcpy(from, to[0] ? to : "/");
	}
	if (r == 1)
		return rf_err_at(k->err, &item->m->at_place, ELOOP,
				 "%s: symlinks of the spec lead in a circle", item->at);
	if (strcmp(from, item->at) != 0) {
		item->at = rf_sandbox_strdup(k->mem, from);
		if (!item->at)
			return rf_err_set(k->err, ENOMEM, "compiling the mounts");
	}
	return 0;
}

/* ------------------------------------------------------------------ the plan */

static int collect_links(struct rf_compile *k, struct links *l)
{
	const struct rf_sandbox *sb = k->sb;

	for (size_t i = 0; i < sb->nr_mounts; i++)
		l->nr += sb->mounts[i].kind == RF_MOUNT_SYMLINK;
	if (!l->nr)
		return 0;
	l->sorted = rf_sandbox_alloc(k->mem, l->nr * sizeof(*l->sorted));
	if (!l->sorted)
		return rf_err_set(k->err, ENOMEM, "compiling the mounts");
	l->nr = 0;
	for (size_t i = 0; i < sb->nr_mounts; i++)
		if (sb->mounts[i].kind == RF_MOUNT_SYMLINK)
			l->sorted[l->nr++] = &sb->mounts[i];
	qsort(l->sorted, l->nr, sizeof(*l->sorted), compare_links);
	return 0;
}

static int refuse_duplicate(struct rf_compile *k, const struct rf_item *a,
			    const struct rf_item *b)
{
	if (a->freeze || b->freeze || strcmp(a->at, b->at) != 0)
		return 0;
	rf_err_at(k->err, &b->m->at_place, EINVAL, "%s is where line %u puts something already",
		  b->at, a->m->at_place.line);
	return -EINVAL;
}

int rf_plan_places(struct rf_compile *k)
{
	struct rf_mount_plan *p = &k->mounts;
	struct links links = { NULL, 0 };
	int r = collect_links(k, &links);

	for (size_t i = 0; r == 0 && i < p->nr; i++)
		r = resolve(k, &links, &p->items[i]);
	if (r < 0)
		return r;
	/* equal keys do not happen but for a frozen directory: the order is total */
	qsort(p->items, p->nr, sizeof(*p->items), compare_items);
	for (size_t i = 1; i < p->nr; i++) {
		r = refuse_duplicate(k, &p->items[i - 1], &p->items[i]);
		if (r < 0)
			return r;
		p->items[i - 1].has_below = rf_path_is_below(p->items[i].at, p->items[i - 1].at);
	}
	return 0;
}
