/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounts, files, directories and links, in the order of the fragment.
 *
 * A source is opened and cloned here, where the host's paths are; a destination
 * is opened here too, within the root of the container, whatever links that has
 * in it.  The task in the container gets both as descriptors and puts one on the
 * other.  What is made, it makes by itself, so with its own authority.
 */
#include "hook_run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "error.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE	0x8000
#endif

#define MAKE	(RF_MAKE_ANYWHERE | RF_MAKE_PARENTS)
#define UNDO_FD	3	/* number under which a mount is taken away */

struct entry {
	struct hook	*k;
	const struct rf_mount *m;
	char		 what[200];	/* "ro /src on /dst", for errors */
	int		 source;	/* detached mount; -1 */
	int		 slot;		/* the same in the chain */
};

static int fail(const struct entry *e, int code, struct rf_err *err)
{
	return hook_fail(e->k, &e->m->place, code, err, "%s", e->what);
}

static int step(const struct entry *e, struct rf_err *err)
{
	return hook_step(e->k, &e->m->place, e->what, err);
}

/* ------------------------------------------------------------------- making */

static int undo_made(struct hook *k, const struct hook_undo *u)
{
	rf_str path = rf_chain_str(k->chain, u->path);
	struct rf_op *op = rf_chain_add(k->chain, RF_OP_UNLINK);

	op->u.unlink.dir = k->root_slot;
	op->u.unlink.path = path;
	op->u.unlink.flags = u->flags;
	return hook_step(k, NULL, u->path, NULL);
}

/* The directories on the way to @path that are not there yet: to be taken back, last first. */
static int note_parents(const struct entry *e, const char *path, struct hook_undo **ret_list,
			size_t *ret_nr, struct rf_err *err)
{
	struct rf_sandbox *sb = e->k->fragment->sb;
	size_t max = 1, nr = 0;
	struct hook_undo *list;

	for (const char *c = path; *c; c++)
		max += *c == '/';
	list = rf_sandbox_alloc(sb, max * sizeof(*list));
	if (!list)
		return rf_err_set(err, ENOMEM, "%s", e->what);
	for (const char *c = path + 1; (c = strchr(c, '/')); c++) {
		char *parent = rf_sandbox_printf(sb, "%.*s", (int)(c - path), path);
		int fd = parent ? hook_open_in(e->k->root, parent, O_DIRECTORY) : -ENOMEM;

		if (fd >= 0)
			(void)close(fd);
		else if (fd == -ENOENT)
			list[nr++] = (struct hook_undo){ .call = undo_made, .path = parent,
							 .flags = AT_REMOVEDIR };
		else
			return fail(e, -fd, err);
	}
	*ret_list = list;
	*ret_nr = nr;
	return 0;
}

/* Slashes at the end and doubled ones would only be in the way. */
static char *tidy(struct rf_sandbox *sb, const char *path)
{
	char *copy = rf_sandbox_strdup(sb, path), *to = copy;

	for (const char *c = path; copy && *c; c++)
		if (*c != '/' || (c[1] && c[1] != '/'))
			*to++ = *c;
	if (copy)
		*to = '\0';
	return copy;
}

/* Is there something by that name?  1, 0, or a negative errno. */
static int is_there(const struct entry *e, const char *path)
{
	int fd = hook_open_in(e->k->root, path, O_NOFOLLOW);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	(void)close(fd);
	return 1;
}

static void add_mkdir(const struct hook *k, const char *path, unsigned int mode)
{
	rf_str at = rf_chain_str(k->chain, path);
	struct rf_op *op = rf_chain_add(k->chain, RF_OP_MKDIR);

	op->u.mkdir.dir = k->root_slot;
	op->u.mkdir.path = at;
	op->u.mkdir.mode = mode;
	op->u.mkdir.flags = MAKE | RF_MAKE_EXIST_OK;
}

static void add_mkfile(const struct hook *k, const char *path, const struct rf_mount *m,
		       unsigned int mode)
{
	rf_str at = rf_chain_str(k->chain, path);
	struct rf_blob content = rf_chain_blob(k->chain, m->content, m->content_len);
	struct rf_op *op = rf_chain_add(k->chain, RF_OP_MKFILE);

	op->u.mkfile.dir = k->root_slot;
	op->u.mkfile.path = at;
	op->u.mkfile.from = RF_SLOT_NONE;
	op->u.mkfile.content = content;
	op->u.mkfile.mode = mode;
	op->u.mkfile.flags = MAKE;
}

static void add_symlink(const struct hook *k, const char *path, const struct rf_mount *m)
{
	rf_str at = rf_chain_str(k->chain, path), target = rf_chain_str(k->chain, m->source);
	struct rf_op *op = rf_chain_add(k->chain, RF_OP_SYMLINK);

	op->u.symlink.dir = k->root_slot;
	op->u.symlink.path = at;
	op->u.symlink.target = target;
	op->u.symlink.flags = MAKE | RF_MAKE_EXIST_OK;
}

/* The owner of what was just made; the name itself, if somebody has put a link there. */
static void add_owner(const struct hook *k, const char *path, const struct rf_mount *m)
{
	struct rf_op *op;
	int slot = RF_SLOT_NONE;

	if (m->uid < 0 && m->gid < 0)
		return;
	(void)rf_prep_open(k->chain, k->root_slot, path, O_PATH | O_NOFOLLOW, 0,
			   RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, &slot);
	op = rf_chain_add(k->chain, RF_OP_CHOWN);
	op->u.chown.dir = slot;
	op->u.chown.uid = (uint32_t)m->uid;
	op->u.chown.gid = (uint32_t)m->gid;
}

/* Make what @e's kind says at @path, unless it is there and that is fine. */
static int make(const struct entry *e, const char *path, enum rf_mount_kind kind, struct rf_err *err)
{
	const struct rf_mount *m = e->m;
	struct hook_undo *parents = NULL;
	size_t nr = 0;
	int there = is_there(e, path), r = note_parents(e, path, &parents, &nr, err);

	if (r < 0)
		return r;
	if (there < 0)
		return fail(e, -there, err);
	if (there && kind == RF_MOUNT_FILE) {
		fail(e, EEXIST, err);
		rf_err_hint(err, "{ro: FILE, at: %.100s} puts another file in its place", path);
		return -EEXIST;
	}
	if (kind == RF_MOUNT_DIR)
		add_mkdir(e->k, path, m->mode < 0 ? 0755 : (unsigned int)m->mode);
	else if (kind == RF_MOUNT_SYMLINK)
		add_symlink(e->k, path, m);
	else
		add_mkfile(e->k, path, m, m->mode < 0 ? 0644 : (unsigned int)m->mode);
	r = step(e, err);
	if (r < 0) {
		/* the parents may be there already: what is not cannot be removed */
		for (size_t i = nr; i-- > 0;)
			(void)undo_made(e->k, &parents[i]);
		return r;
	}
	for (size_t i = 0; i < nr && r == 0; i++)
		r = hook_can_undo(e->k, &parents[i], err);
	if (r == 0 && !there) {
		const struct hook_undo made = {
			.call = undo_made, .path = path,
			.flags = kind == RF_MOUNT_DIR ? AT_REMOVEDIR : 0,
		};

		r = hook_can_undo(e->k, &made, err);
	}
	if (r == 0 && !there && kind != RF_MOUNT_SYMLINK && (m->uid >= 0 || m->gid >= 0)) {
		add_owner(e->k, path, m);
		r = step(e, err);
	}
	return r;
}

/* ------------------------------------------------------------------- mounts */

static uint64_t attributes(const struct rf_mount *m)
{
	static const struct { unsigned int flag; uint64_t attr; } rows[] = {
		{ RF_MF_NOSUID, MOUNT_ATTR_NOSUID }, { RF_MF_NODEV, MOUNT_ATTR_NODEV },
		{ RF_MF_NOEXEC, MOUNT_ATTR_NOEXEC }, { RF_MF_NOATIME, MOUNT_ATTR_NOATIME },
		{ RF_MF_RDONLY, MOUNT_ATTR_RDONLY },
	};
	uint64_t attr = m->kind == RF_MOUNT_RO ? MOUNT_ATTR_RDONLY : 0;

	if (m->kind == RF_MOUNT_TMPFS)
		attr |= MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (m->flags & rows[i].flag)
			attr |= rows[i].attr;
	return attr;
}

/* The source as a mount attached nowhere.  1: it is optional and missing. */
static int clone_source(struct entry *e, struct rf_err *err)
{
	const struct rf_mount *m = e->m;
	unsigned int recursive = m->flags & RF_MF_NONREC ? 0 : AT_RECURSIVE;
	struct mount_attr attr = {
		.attr_set = attributes(m),
		.attr_clr = m->flags & RF_MF_NOATIME ? MOUNT_ATTR__ATIME : 0,
		.propagation = m->propagation == RF_PROP_SLAVE ? MS_SLAVE : MS_PRIVATE,
	};

	e->source = (int)syscall(SYS_open_tree, AT_FDCWD, m->source,
				 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive);
	if (e->source < 0 && (m->flags & RF_MF_OPTIONAL) && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	if (e->source < 0)
		return fail(e, errno, err);
	if (syscall(SYS_mount_setattr, e->source, "", AT_EMPTY_PATH | recursive, &attr,
		    sizeof(attr)) < 0)
		return fail(e, errno, err);
	return 0;
}

static size_t option(char *to, const char *key, const char *fmt, unsigned long long value)
{
	size_t len = (size_t)sprintf(to, "%s", key) + 1;

	/* constant formats, chosen by the caller */
	if (*fmt == 'o')
		return len + (size_t)sprintf(to + len, "%llo", value) + 1;
	return len + (size_t)sprintf(to + len, "%llu", value) + 1;
}

/* Made by the task in the container, so that it belongs to who is root there. */
static int make_tmpfs(struct entry *e, struct rf_err *err)
{
	const struct rf_mount *m = e->m;
	char options[256];
	size_t len = option(options, "mode", "o", m->mode < 0 ? 0755 : (unsigned int)m->mode);
	struct rf_blob blob;
	struct rf_op *op;
	rf_str type;

	if (m->size)
		len += option(options + len, "size", "u", m->size);
	if (m->inodes)
		len += option(options + len, "nr_inodes", "u", m->inodes);
	if (m->uid >= 0)
		len += option(options + len, "uid", "u", (unsigned int)m->uid);
	if (m->gid >= 0)
		len += option(options + len, "gid", "u", (unsigned int)m->gid);
	blob = rf_chain_blob(e->k->chain, options, len);
	type = rf_chain_str(e->k->chain, "tmpfs");
	e->slot = rf_chain_slot(e->k->chain);
	op = rf_chain_add(e->k->chain, RF_OP_MKFS);
	op->out = e->slot;
	op->u.mkfs.type = type;
	op->u.mkfs.options = blob;
	op->u.mkfs.attr = attributes(m);
	return step(e, err);
}

/*
 * A link in an image must not turn a mount for /data into one over a file of the
 * container's /proc, which others write to and trust.
 */
static int check_place(const struct entry *e, int fd, struct rf_err *err)
{
	static const long kernels[] = { PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC,
					CGROUP2_SUPER_MAGIC };
	const char *at = e->m->at;
	struct statfs fs;

	if (strncmp(at, "/proc/", 6) == 0 || strncmp(at, "/sys/", 5) == 0)
		return 0;
	if (fstatfs(fd, &fs) < 0)
		return fail(e, errno, err);
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
		if ((long)fs.f_type == kernels[i])
			return hook_fail(e->k, &e->m->at_place, EPERM, err, "%s: the place leads into "
					 "a file system of the kernel's", e->what);
	return 0;
}

/* By its descriptor, whatever it is on: umount(2) knows but paths. */
static int undo_mount(struct hook *k, const struct hook_undo *u)
{
	char path[32];
	rf_str at;
	struct rf_op *op;

	(void)snprintf(path, sizeof(path), "self/fd/%d", UNDO_FD);
	(void)rf_prep_dup(k->chain, u->slot, UNDO_FD);
	at = rf_chain_str(k->chain, path);
	op = rf_chain_add(k->chain, RF_OP_UMOUNT);
	op->u.umount.dir = k->proc_slot;
	op->u.umount.path = at;
	op->u.umount.flags = MNT_DETACH;
	return hook_step(k, NULL, u->path, NULL);
}

static int attach(struct entry *e, int slot, struct rf_err *err)
{
	struct hook *k = e->k;
	const struct hook_undo taken = { .call = undo_mount, .path = e->m->at, .slot = e->slot };
	rf_str path = rf_chain_str(k->chain, e->m->at);
	uint32_t entry = rf_chain_entry(k->chain);
	struct rf_op *op = rf_chain_add(k->chain, RF_OP_MOVE_MOUNT);
	int r;

	op->u.move_mount.from = e->slot;
	op->u.move_mount.to = slot;
	op->u.move_mount.entry = entry;
	r = step(e, err);
	if (r == 0)
		r = hook_can_undo(k, &taken, err);
	if (r < 0)
		return r;
	/* it is what the container sees there: nothing has come in between */
	op = rf_chain_add(k->chain, RF_OP_VERIFY);
	op->u.verify.root = k->root_slot;
	op->u.verify.path = path;
	op->u.verify.entry = entry;
	(void)rf_prep_close(k->chain, slot);
	return step(e, err);
}

/* Of the type of the source, where it is missing and may be made. */
static int make_place(const struct entry *e, struct rf_err *err)
{
	struct rf_mount bare = *e->m;
	struct entry copy = *e;
	char *path = tidy(e->k->fragment->sb, e->m->at);
	bool is_dir = e->source < 0;
	struct stat st;
	int there;

	if (!path)
		return rf_err_set(err, ENOMEM, "%s", e->what);
	there = is_there(e, path);
	if (there || !(e->m->flags & RF_MF_CREATE))
		return there < 0 ? fail(e, -there, err) : 0;
	if (!is_dir) {
		if (fstat(e->source, &st) < 0)
			return fail(e, errno, err);
		is_dir = S_ISDIR(st.st_mode);
	}
	bare.content = NULL;
	bare.content_len = 0;
	bare.mode = bare.uid = bare.gid = -1;
	copy.m = &bare;
	return make(&copy, path, is_dir ? RF_MOUNT_DIR : RF_MOUNT_FILE, err);
}

static int place_mount(struct entry *e, struct rf_err *err)
{
	int to, r = make_place(e, err);

	if (r < 0)
		return r;
	to = hook_open_in(e->k->root, e->m->at, 0);
	if (to == -ENOENT) {
		fail(e, ENOENT, err);
		rf_err_hint(err, "`create: true` makes the place");
		return -ENOENT;
	}
	if (to < 0)
		return fail(e, -to, err);
	r = check_place(e, to, err);
	if (r < 0) {
		(void)close(to);
		return r;
	}
	to = hook_give(e->k, to);
	if (to >= 0 && e->source >= 0) {
		e->slot = hook_give(e->k, e->source);
		e->source = -1;
	}
	if (to < 0 || e->slot < 0)
		return rf_err_set(err, ENOMEM, "%s", e->what);
	return attach(e, to, err);
}

/* ---------------------------------------------------------------- one entry */

static void describe(struct entry *e)
{
	const struct rf_mount *m = e->m;
	const char *kind = rf_mount_kind_names[m->kind];

	if (m->source)
		(void)snprintf(e->what, sizeof(e->what), "%s %.80s on %.80s", kind, m->source, m->at);
	else
		(void)snprintf(e->what, sizeof(e->what), "%s %.160s", kind, m->at);
}

static int apply(struct entry *e, struct rf_err *err)
{
	const char *path;
	int r;

	switch (rf_hook_mount_part(e->m)) {
	case RF_HOOK_BIND:
		r = clone_source(e, err);
		return r ? r < 0 ? r : 0 : place_mount(e, err);
	case RF_HOOK_TMPFS:
		r = make_tmpfs(e, err);
		return r < 0 ? r : place_mount(e, err);
	default:
		path = tidy(e->k->fragment->sb, e->m->at);
		return path ? make(e, path, e->m->kind, err) : rf_err_set(err, ENOMEM, "%s", e->what);
	}
}

int hook_mounts(struct hook *k, struct rf_err *err)
{
	const struct rf_sandbox *sb = k->fragment->sb;
	int r = 0;

	for (size_t i = 0; i < sb->nr_mounts && r == 0; i++) {
		struct entry e = { .k = k, .m = &sb->mounts[i], .source = -1, .slot = RF_SLOT_NONE };

		describe(&e);
		r = apply(&e, err);
		if (e.source >= 0)
			(void)close(e.source);
	}
	return r;
}
