/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ops of the group "mounts" as lists of calls: run_mount.c without its fallbacks. */
#include "native_lower.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "compat.h"

#define IN_ROOT	(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)

#define FSCONFIG_VALUE_MAX 255		/* longer strings are refused by fsconfig */

/* Is it the device and inode that it was when the chain was made? */
static void check_inode(struct rf_lower *l, int32_t fd, uint64_t dev, uint64_t ino)
{
	const uint64_t at = rf_lower_statx(l, fd, STATX_INO);
	/* as a C library puts them together (run.h) */
	const uint32_t major = (uint32_t)(dev >> 8 & 0xfff), minor = (uint32_t)((dev & 0xff) |
								    (dev >> 12 & 0xfff00));

	rf_lower_test(l, at + offsetof(struct statx, stx_ino), 8, ~0ULL, ino, RF_TEST_EQ, ESTALE);
	rf_lower_test(l, at + offsetof(struct statx, stx_dev_major), 4, ~0U, major, RF_TEST_EQ,
		      ESTALE);
	rf_lower_test(l, at + offsetof(struct statx, stx_dev_minor), 4, ~0U, minor, RF_TEST_EQ,
		      ESTALE);
}

RF_LOWER(open_tree)
{
	const rf_str path = op->u.open_tree.path;
	const unsigned int flags = op->u.open_tree.flags | OPEN_TREE_CLOEXEC |
				   (path ? 0 : AT_EMPTY_PATH);

	rf_lower_fill(l, RF_CALL(l, open_tree, RF_P1, RF_N(rf_lower_dir(l, op->u.open_tree.dir)),
				 path ? rf_lower_str(path) : rf_lower_text(l, ""), flags), op->out);
	if (op->u.open_tree.dev || op->u.open_tree.ino)
		check_inode(l, l->number[op->out], op->u.open_tree.dev, op->u.open_tree.ino);
	if (!l->error && op->u.open_tree.dir >= 0 && op->u.open_tree.flags & OPEN_TREE_CLONE)
		l->error = rf_made_bound(l->made, op->out, op->u.open_tree.dir,
					 rf_lower_string(l, path));
}

/* -------------------------------------------------------------------------- mkfs */

static void set_options(struct rf_lower *l, int32_t fs, struct rf_blob options)
{
	const char *key = l->c->data + options.off, *end = key + options.len;

	while (key < end) {
		const char *value = key + strlen(key) + 1;
		const uint64_t at = RF_AT_DATA | (uint64_t)(key - l->c->data);

		if (*value)
			(void)RF_CALL(l, fsconfig, RF_P2 | RF_P3, RF_N(fs), FSCONFIG_SET_STRING, at,
				      RF_AT_DATA | (uint64_t)(value - l->c->data));
		else
			(void)RF_CALL(l, fsconfig, RF_P2, RF_N(fs), FSCONFIG_SET_FLAG, at);
		key = value + strlen(value) + 1;
	}
}

/* Descriptors by their paths; those with the same key, which are adjacent, in one. */
static void set_fds(struct rf_lower *l, int32_t fs, struct rf_blob fds)
{
	const struct rf_fsopt_fd *f = (const void *)(l->c->data + fds.off);
	uint32_t nr = fds.len / sizeof(*f), same;

	for (; nr && !l->error; f += same, nr -= same) {
		const char *key = rf_lower_string(l, f->key);
		char text[FSCONFIG_VALUE_MAX + 1];
		int len = 0;

		for (same = 0; same < nr && !strcmp(rf_lower_string(l, f[same].key), key); same++) {
			len += snprintf(text + len, sizeof(text) - (size_t)len, "%s/proc/self/fd/%d",
					same ? ":" : "", (int)rf_lower_fd(l, f[same].slot));
			if (len <= FSCONFIG_VALUE_MAX)
				continue;
			rf_lower_refuse(l, "more layers than one option can name by path");
			return;
		}
		(void)RF_CALL(l, fsconfig, RF_P2 | RF_P3, RF_N(fs), FSCONFIG_SET_STRING,
			      rf_lower_str(f->key), rf_lower_text(l, text));
	}
}

RF_LOWER(mkfs)
{
	const char *type = rf_lower_string(l, op->u.mkfs.type);
	const bool owned = op->u.mkfs.flags & RF_MKFS_OWNED;
	int32_t fs = rf_lower_keep(l, RF_CALL(l, fsopen, RF_P0, rf_lower_str(op->u.mkfs.type),
					      FSOPEN_CLOEXEC));

	set_options(l, fs, op->u.mkfs.options);
	set_fds(l, fs, op->u.mkfs.fds);
	(void)RF_CALL(l, fsconfig, 0, RF_N(fs), FSCONFIG_CMD_CREATE);
	rf_lower_fill(l, RF_CALL(l, fsmount, 0, RF_N(fs), FSMOUNT_CLOEXEC, op->u.mkfs.attr), op->out);
	rf_lower_close(l, fs);
	/* what others have in them is not known: a path may lead anywhere */
	if (type && !strcmp(type, "tmpfs") && !l->error)
		l->error = rf_made_fs(l->made, op->out, owned);
}

/* ------------------------------------------------------------- placing and moving */

RF_LOWER(mount_setattr)
{
	const rf_str path = op->u.mount_setattr.path;
	struct mount_attr attr = { .attr_set = op->u.mount_setattr.set,
				   .attr_clr = op->u.mount_setattr.clr,
				   .propagation = op->u.mount_setattr.propagation };
	const unsigned int flags = op->u.mount_setattr.at_flags | (path ? 0 : AT_EMPTY_PATH);

	if (op->u.mount_setattr.userns >= 0) {
		attr.attr_set |= MOUNT_ATTR_IDMAP;
		attr.userns_fd = (uint64_t)rf_lower_fd(l, op->u.mount_setattr.userns);
	}
	(void)RF_CALL(l, mount_setattr, RF_P1 | RF_P3,
		      RF_N(rf_lower_dir(l, op->u.mount_setattr.slot)),
		      path ? rf_lower_str(path) : rf_lower_text(l, ""), flags,
		      rf_lower_bytes(l, &attr, sizeof(attr)), sizeof(attr));
}

RF_LOWER(move_mount)
{
	const rf_str path = op->u.move_mount.to_path;
	const uint32_t entry = op->u.move_mount.entry;
	const unsigned int flags = op->u.move_mount.flags | MOVE_MOUNT_F_EMPTY_PATH |
				   (path ? 0 : MOVE_MOUNT_T_EMPTY_PATH);
	const int64_t from = rf_lower_fd(l, op->u.move_mount.from);
	const int32_t to = op->u.move_mount.to;
	/* what may not get there is not known to be there */
	const bool sure = !(op->flags & (RF_OP_F_HARD | RF_OP_F_ABSENT)) &&
			  !l->maybe[op->u.move_mount.from] && (to < 0 || !l->maybe[to]);
	const uint64_t nothing = rf_lower_text(l, "");

	if (entry != RF_ENTRY_NONE)
		l->n->entry_at[entry] = (uint32_t)(rf_lower_statx(l, from, STATX_MNT_ID) &
						   RF_AT_OFFSET);
	(void)RF_CALL(l, move_mount, RF_P1 | RF_P3, RF_N(from), nothing,
		      RF_N(rf_lower_dir(l, to)),
		      path ? rf_lower_str(path) : nothing, flags);
	if (!l->error && to >= 0)
		l->error = rf_made_attached(l->made, sure ? op->u.move_mount.from : -1, to,
					    rf_lower_string(l, path));
}

RF_LOWER(pivot_root)
{
	const uint64_t here = rf_lower_text(l, ".");

	(void)RF_CALL(l, fchdir, 0, RF_N(rf_lower_fd(l, op->u.pivot_root.root)));
	(void)RF_CALL(l, pivot_root, RF_P0 | RF_P1, here, here);
}

/* umount2 knows no directory descriptor: go there and come back. */
RF_LOWER(umount)
{
	const uint64_t path = op->u.umount.path ? rf_lower_str(op->u.umount.path) :
						  rf_lower_text(l, ".");
	int32_t cwd;

	if (op->u.umount.dir < 0) {
		(void)RF_CALL(l, umount2, RF_P0, path, op->u.umount.flags);
		return;
	}
	cwd = rf_lower_keep(l, rf_lower_open(l, AT_FDCWD, rf_lower_text(l, "."),
					     O_PATH | O_DIRECTORY, 0, 0));
	(void)RF_CALL(l, fchdir, 0, RF_N(rf_lower_fd(l, op->u.umount.dir)));
	(void)RF_CALL(l, umount2, RF_P0, path, op->u.umount.flags);
	RF_CALL(l, fchdir, 0, RF_N(cwd))->flags |= RF_CALL_ALWAYS;
	rf_lower_close(l, cwd);
}

/* The mount id that was seen before it was attached; none: an optional one that was not. */
RF_LOWER(verify)
{
	const uint64_t want = RF_AT_EXTRA | (l->n->entry_at[op->u.verify.entry] +
					     offsetof(struct statx, stx_mnt_id));
	const uint32_t absent = rf_lower_here(l);
	struct rf_call *call;
	uint64_t seen;
	int32_t fd;

	if (!l->n->entry_at[op->u.verify.entry])
		return;
	call = rf_lower_test(l, want, 8, ~0ULL, 0, RF_TEST_NE, RF_BRANCH);
	call->flags |= RF_CALL_SKIP_ERR;
	call->error = RF_BRANCH;
	fd = rf_lower_keep(l, rf_lower_open(l, rf_lower_dir(l, op->u.verify.root),
					    rf_lower_str(op->u.verify.path),
					    O_PATH | op->u.verify.flags, 0, IN_ROOT));
	seen = rf_lower_statx(l, fd, STATX_MNT_ID) + offsetof(struct statx, stx_mnt_id);
	l->n->look_at[l->op] = (uint32_t)(seen & RF_AT_OFFSET);
	rf_lower_test(l, seen, 8, ~0ULL, want, RF_TEST_EQ | RF_TEST_MEM, EBUSY);
	rf_lower_close(l, fd);
	rf_lower_skip_to_here(l, absent);
}

/* Something empty of the kind that is to be covered, read-only, put over it. */
RF_LOWER(mask)
{
	const struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
						     MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };
	const int64_t to = rf_lower_fd(l, op->u.mask.to), from = rf_lower_fd(l, op->u.mask.from);
	const uint64_t kind = rf_lower_statx(l, to, STATX_TYPE) + offsetof(struct statx, stx_mode);
	const uint64_t nothing = rf_lower_text(l, "");
	uint32_t is_file, done;
	struct rf_call *call;
	int32_t tree;

	is_file = rf_lower_here(l);
	call = rf_lower_test(l, kind, 2, S_IFMT, S_IFDIR, RF_TEST_EQ, RF_BRANCH);
	call->flags |= RF_CALL_SKIP_ERR;
	call->error = RF_BRANCH;
	done = rf_lower_here(l);
	call = RF_CALL(l, open_tree, RF_P1, RF_N(from), rf_lower_str(op->u.mask.dir),
		       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	call->flags |= RF_CALL_SKIP_OK;
	tree = rf_lower_keep(l, call);
	rf_lower_skip_to_here(l, is_file);
	call = RF_CALL(l, open_tree, RF_P1, RF_N(from), rf_lower_str(op->u.mask.file),
		       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	call->flags |= RF_CALL_FD;
	call->fd = tree;
	rf_lower_skip_to_here(l, done);
	(void)RF_CALL(l, mount_setattr, RF_P1 | RF_P3, RF_N(tree), nothing, AT_EMPTY_PATH,
		      rf_lower_bytes(l, &attr, sizeof(attr)), sizeof(attr));
	(void)RF_CALL(l, move_mount, RF_P1 | RF_P3, RF_N(tree), nothing, RF_N(to), nothing,
		      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	rf_lower_close(l, tree);
}
