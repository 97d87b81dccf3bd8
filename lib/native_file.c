/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ops of the group "files" as lists of calls.
 *
 * The executors look at what is there, and follow links through directories that they
 * may have to make: loops.  A list of calls cannot, and need not where all that is
 * there is known: in a file system that the chain has made.  Elsewhere the chain runs on
 * the ring engine.  Nothing but a directory that the chain has made is walked through, in
 * that file system, so if something is not as it was worked out, the call fails.
 */
#include "native_lower.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <string.h>

#define IN_ROOT	(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
#define WITHIN	(RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS)

/* Where something is to be made: the descriptor of the directory, and the name in it. */
struct spot {
	struct rf_made_place place;
	int64_t		 base, parent;	/* of the place's root, and of the directory */
	const char	*name;
	uint64_t	 mask;		/* in extra: the umask that was */
};

/* A mode is meant as it is written. */
static void mask_off(struct rf_lower *l, struct spot *s)
{
	s->mask = rf_lower_store(l, RF_CALL(l, umask, 0, 0));
}

static void mask_on(struct rf_lower *l, const struct spot *s)
{
	struct rf_call *call = RF_CALL(l, umask, RF_P0, s->mask);

	call->load = RF_P0;
	call->flags |= RF_CALL_ALWAYS;
}

static void note(struct rf_lower *l, const struct spot *s, size_t len, enum rf_made_kind kind)
{
	if (!l->error)
		l->error = rf_made_add(l->made, &s->place, len, kind);
}

static uint64_t text_of(struct rf_lower *l, const char *text, size_t len)
{
	const uint64_t at = rf_lower_bytes(l, NULL, len + 1);

	if (!l->error)
		memcpy(l->n->extra + (at & RF_AT_OFFSET), text, len);
	return at;
}

/* Make the directories on the way to the name; the last one is s->parent. */
static void make_parents(struct rf_lower *l, struct spot *s, unsigned int flags)
{
	const char *rest = s->place.rest;
	int64_t dir = s->base;

	for (size_t len = strcspn(rest, "/"); rest[len]; len += 1 + strcspn(rest + len + 1, "/")) {
		const char *name = s->name;
		const uint64_t at = text_of(l, name, len - (size_t)(name - rest));
		enum rf_made_kind kind = rf_made_name(l->made, &s->place, len);

		if (kind == RF_MADE_NOTHING && flags & RF_MAKE_PARENTS) {
			(void)RF_CALL(l, mkdirat, RF_P1, RF_N(dir), at, 0755);
			note(l, s, len, RF_MADE_DIR);
		} else if (kind != RF_MADE_DIR) {
			rf_lower_refuse(l, "the directory to make it in is not known");
		}
		s->parent = rf_lower_keep(l, rf_lower_open(l, dir, at, O_PATH | O_DIRECTORY, 0,
							   WITHIN));
		if (dir != s->base)
			rf_lower_close(l, (int32_t)dir);
		dir = s->parent;
		s->name = rest + len + 1;
	}
}

/* False: there is nothing to make, or it cannot be said how. */
static bool find_spot(struct rf_lower *l, struct spot *s, int32_t dir, rf_str str,
		      unsigned int flags, enum rf_made_kind kind)
{
	const char *path = rf_lower_string(l, str);
	enum rf_made_kind is;
	int r = dir < 0 ? 0 : rf_made_where(l->made, dir, path, &s->place);

	if (r < 0)
		l->error = l->error ? l->error : r;
	if (r <= 0) {
		rf_lower_refuse(l, "what is there already is not known");
		return false;
	}
	if (!s->place.owned && !(flags & RF_MAKE_ANYWHERE)) {
		rf_lower_refuse(l, "it would be made in a file system of somebody else's");
		return false;
	}
	is = rf_made_name(l->made, &s->place, strlen(s->place.rest));
	if (is == kind && flags & RF_MAKE_EXIST_OK && kind != RF_MADE_LINK)
		return false;
	if (is != RF_MADE_NOTHING) {
		rf_lower_refuse(l, "something of that name is there");
		return false;
	}
	s->base = s->parent = rf_lower_fd(l, dir);
	if (s->place.at)
		s->base = s->parent = rf_lower_keep(l, rf_lower_open(l, s->base,
			text_of(l, s->place.at, strlen(s->place.at)), O_PATH | O_DIRECTORY, 0,
			IN_ROOT));
	s->name = s->place.rest;
	mask_off(l, s);
	make_parents(l, s, flags);
	return true;
}

static void leave_spot(struct rf_lower *l, const struct spot *s, enum rf_made_kind kind)
{
	mask_on(l, s);
	if (s->parent != s->base)
		rf_lower_close(l, (int32_t)s->parent);
	if (s->place.at)
		rf_lower_close(l, (int32_t)s->base);
	note(l, s, strlen(s->place.rest), kind);
}

RF_LOWER(mkdir)
{
	struct spot s = { .parent = -1 };
	uint64_t name;

	if (!find_spot(l, &s, op->u.mkdir.dir, op->u.mkdir.path, op->u.mkdir.flags, RF_MADE_DIR))
		return;
	name = rf_lower_text(l, s.name);
	(void)RF_CALL(l, mkdirat, RF_P1, RF_N(s.parent), name, op->u.mkdir.mode & 01777);
	/* mkdir ignores the others */
	if (op->u.mkdir.mode & 06000)
		(void)RF_CALL(l, fchmodat, RF_P1, RF_N(s.parent), name, op->u.mkdir.mode);
	leave_spot(l, &s, RF_MADE_DIR);
}

RF_LOWER(mkfile)
{
	const struct rf_blob content = op->u.mkfile.content;
	struct spot s = { .parent = -1 };
	int32_t fd;

	if (op->u.mkfile.from >= 0) {
		rf_lower_refuse(l, "it copies until there is no more");
		return;
	}
	if (content.len && op->u.mkfile.flags & RF_MAKE_ANYWHERE && !op->u.mkfile.mode) {
		rf_lower_refuse(l, "it has content that nobody may read");
		return;
	}
	if (!find_spot(l, &s, op->u.mkfile.dir, op->u.mkfile.path, op->u.mkfile.flags,
		       RF_MADE_FILE))
		return;
	fd = rf_lower_keep(l, rf_lower_open(l, s.parent, rf_lower_text(l, s.name),
					    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, 0));
	if (content.len)
		rf_lower_write(l, fd, rf_lower_blob(content), content.len);
	(void)RF_CALL(l, fchmod, 0, RF_N(fd), op->u.mkfile.mode);
	rf_lower_close(l, fd);
	leave_spot(l, &s, RF_MADE_FILE);
}

RF_LOWER(symlink)
{
	struct spot s = { .parent = -1 };

	if (!find_spot(l, &s, op->u.symlink.dir, op->u.symlink.path, op->u.symlink.flags,
		       RF_MADE_LINK))
		return;
	(void)RF_CALL(l, symlinkat, RF_P0 | RF_P2, rf_lower_str(op->u.symlink.target),
		      RF_N(s.parent), rf_lower_text(l, s.name));
	leave_spot(l, &s, RF_MADE_LINK);
}

/* ------------------------------------------------------ changing what exists */

/* @path inside the directory of @slot, from the current one if there is none. */
static int32_t open_in(struct rf_lower *l, int32_t slot, rf_str path, uint64_t flags)
{
	return rf_lower_keep(l, rf_lower_open(l, rf_lower_dir(l, slot), rf_lower_str(path), flags,
					      0, slot < 0 ? 0 : IN_ROOT));
}

RF_LOWER(write)
{
	int32_t fd;

	if (!op->u.write.path) {
		rf_lower_write(l, rf_lower_fd(l, op->u.write.dir), rf_lower_blob(op->u.write.data),
			       op->u.write.data.len);
		return;
	}
	fd = open_in(l, op->u.write.dir, op->u.write.path, O_WRONLY | O_NOCTTY);
	rf_lower_write(l, fd, rf_lower_blob(op->u.write.data), op->u.write.data.len);
	rf_lower_close(l, fd);
}

/* What @op names, open; where that is a descriptor already, it is not ours to close. */
static int64_t open_named(struct rf_lower *l, int32_t dir, rf_str path)
{
	return path ? open_in(l, dir, path, O_PATH) : rf_lower_fd(l, dir);
}

RF_LOWER(chown)
{
	const int64_t fd = open_named(l, op->u.chown.dir, op->u.chown.path);

	(void)RF_CALL(l, fchownat, RF_P1, RF_N(fd), rf_lower_text(l, ""), op->u.chown.uid,
		      op->u.chown.gid, AT_EMPTY_PATH);
	if (op->u.chown.path)
		rf_lower_close(l, (int32_t)fd);
}

RF_LOWER(chmod)
{
	const int64_t fd = open_named(l, op->u.chmod.dir, op->u.chmod.path);

	(void)RF_CALL(l, fchmodat2, RF_P1, RF_N(fd), rf_lower_text(l, ""), op->u.chmod.mode,
		      AT_EMPTY_PATH);
	if (op->u.chmod.path)
		rf_lower_close(l, (int32_t)fd);
}
