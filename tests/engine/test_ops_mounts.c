/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ops of the group "mounts", on each engine. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "ops.h"

static void make_dir(struct ops *o, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", o->dir, name);
	EXPECT_INT(0, mkdir(path, 0755));
}

/* Nothing that happens to mounts from here on is seen outside. */
static void add_private(struct ops *o)
{
	struct rf_op *op = ops_add(o, RF_OP_MOUNT_SETATTR);

	op->u.mount_setattr.path = ops_str(o, "/");
	op->u.mount_setattr.at_flags = AT_RECURSIVE;
	op->u.mount_setattr.propagation = MS_PRIVATE;
}

static void begin(struct ops *o)
{
	ops_begin(o, CLONE_NEWNS);
	add_private(o);
}

static struct rf_op *add_open_tree(struct ops *o, int dir, const char *path)
{
	struct rf_op *op = ops_add(o, RF_OP_OPEN_TREE);

	op->u.open_tree.dir = dir;
	op->u.open_tree.path = ops_str(o, path);
	op->u.open_tree.flags = OPEN_TREE_CLONE | AT_RECURSIVE;
	op->out = rf_chain_slot(o->c);
	return op;
}

/* Attach @from at @name of the case's directory; the entry for verify. */
static uint32_t add_move(struct ops *o, int from, const char *name)
{
	uint32_t entry = rf_chain_entry(o->c);
	int to = ops_dir(o);	/* first: it may add an op */
	struct rf_op *op = ops_add(o, RF_OP_MOVE_MOUNT);

	op->u.move_mount.from = from;
	op->u.move_mount.to = to;
	op->u.move_mount.to_path = ops_str(o, name);
	op->u.move_mount.entry = entry;
	return entry;
}

static struct rf_op *add_mkfs(struct ops *o, const char *type, const char *options, size_t len)
{
	struct rf_op *op = ops_add(o, RF_OP_MKFS);

	op->u.mkfs.type = ops_str(o, type);
	op->u.mkfs.options = ops_blob(o, options, len);
	op->out = rf_chain_slot(o->c);
	return op;
}

/* ---------------------------------------------------------------- open_tree */

static void bind_dir(struct ops *o)
{
	make_dir(o, "src");
	make_dir(o, "dst");
	ops_file(o, "src/in", "hello\n");
	begin(o);
	add_move(o, add_open_tree(o, ops_dir(o), "src")->out, "dst");
}

static void bind_same_inode(struct ops *o)
{
	struct rf_op *op;
	struct stat st;
	char path[512];

	ops_file(o, "in", "hello\n");
	ops_file(o, "dst", "");
	snprintf(path, sizeof(path), "%s/in", o->dir);
	EXPECT_INT(0, stat(path, &st));
	begin(o);
	ops_dir(o);
	op = add_open_tree(o, o->dir_slot, "in");
	op->u.open_tree.dev = st.st_dev;
	op->u.open_tree.ino = st.st_ino;
	add_move(o, op->out, "dst");
}

static void bind_other_inode(struct ops *o)
{
	struct rf_op *op;

	ops_file(o, "in", "hello\n");
	begin(o);
	ops_dir(o);
	op = add_open_tree(o, o->dir_slot, "in");
	op->u.open_tree.dev = 1;
	op->u.open_tree.ino = 1;
}

static void bind_absent(struct ops *o)
{
	begin(o);
	add_open_tree(o, ops_dir(o), "absent");
}

/* --------------------------------------------------------------------- mkfs */

static void tmpfs_options(struct ops *o)
{
	static const char options[] = "mode\0" "0710\0" "size\0" "64k\0" "nr_inodes\0" "20";
	struct rf_op *op;

	make_dir(o, "dst");
	begin(o);
	op = add_mkfs(o, "tmpfs", options, sizeof(options));
	op->u.mkfs.attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	add_move(o, op->out, "dst");
}

static void no_such_fs(struct ops *o)
{
	begin(o);
	add_mkfs(o, "no-such-fs", NULL, 0);
}

static void bad_option(struct ops *o)
{
	static const char options[] = "no-such-option\0";

	begin(o);
	add_mkfs(o, "tmpfs", options, sizeof(options));
}

/* @nr lower layers, each with a file of its own and one that all have. */
static void add_overlay(struct ops *o, int nr)
{
	rf_str key = ops_str(o, "lowerdir");
	struct rf_fsopt_fd fds[64];
	struct rf_op *op;
	char name[32], text[16];

	make_dir(o, "dst");
	begin(o);
	/* which stays, although the numbers of many layers are looked up elsewhere */
	rf_prep_chdir(o->c, RF_SLOT_NONE, "/tmp");
	for (int i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		make_dir(o, name);
		snprintf(name, sizeof(name), "l%d/f%d", i, i);
		snprintf(text, sizeof(text), "%d\n", i);
		ops_file(o, name, text);
		snprintf(name, sizeof(name), "l%d/all", i);
		ops_file(o, name, text);
		snprintf(name, sizeof(name), "l%d", i);
		fds[i].key = key;
		rf_prep_open(o->c, ops_dir(o), name, O_PATH | O_DIRECTORY, 0, 0, &fds[i].slot);
	}
	op = add_mkfs(o, "overlay", NULL, 0);
	op->u.mkfs.fds = ops_blob(o, fds, (size_t)nr * sizeof(fds[0]));
	add_move(o, op->out, "dst");
}

static void overlay_two(struct ops *o)
{
	add_overlay(o, 2);
}

static void overlay_twenty(struct ops *o)
{
	add_overlay(o, 20);
}

/* One of the layers is optional, and not there. */
static void overlay_missing(struct ops *o)
{
	struct rf_fsopt_fd fds[2] = { { ops_str(o, "lowerdir"), 0 }, { 0, 0 } };
	struct rf_op *op;

	begin(o);
	fds[1].key = fds[0].key;
	rf_prep_open(o->c, ops_dir(o), ".", O_PATH | O_DIRECTORY, 0, 0, &fds[0].slot);
	rf_prep_open(o->c, o->dir_slot, "absent", O_PATH | O_DIRECTORY, 0, 0, &fds[1].slot);
	rf_op_link(o->c, (int)o->c->nr_ops - 1, RF_LINK_HARD);
	op = add_mkfs(o, "overlay", NULL, 0);
	op->u.mkfs.fds = ops_blob(o, fds, sizeof(fds));
}

/* ----------------------------------------------------------- mount_setattr */

static void set_rdonly(struct ops *o)
{
	struct rf_op *op;
	int slot;

	begin(o);
	slot = ops_tmpfs(o);
	op = ops_add(o, RF_OP_MOUNT_SETATTR);
	op->u.mount_setattr.slot = slot;
	op->u.mount_setattr.set = MOUNT_ATTR_RDONLY;
}

static void set_twice(struct ops *o)
{
	begin(o);
	add_private(o);
}

static void set_nonsense(struct ops *o)
{
	struct rf_op *op;
	int slot;

	begin(o);
	slot = ops_tmpfs(o);
	op = ops_add(o, RF_OP_MOUNT_SETATTR);
	op->u.mount_setattr.slot = slot;
	op->u.mount_setattr.set = 1ULL << 40;
}

/* The kernel takes no map for a mount that is the identity of its file system. */
static void set_idmap_own(struct ops *o)
{
	struct rf_op *op;
	int slot, ns;

	begin(o);
	slot = ops_tmpfs(o);
	rf_prep_open(o->c, RF_SLOT_NONE, "/proc/self/ns/user", O_RDONLY, 0, 0, &ns);
	op = ops_add(o, RF_OP_MOUNT_SETATTR);
	op->u.mount_setattr.slot = slot;
	op->u.mount_setattr.userns = ns;
}

/* -------------------------------------------------------- move_mount, verify */

static void move_to_absent(struct ops *o)
{
	begin(o);
	add_move(o, add_mkfs(o, "tmpfs", NULL, 0)->out, "absent");
}

static struct rf_op *add_verify(struct ops *o, const char *path, uint32_t entry)
{
	struct rf_op *op = ops_add(o, RF_OP_VERIFY);

	op->u.verify.root = o->dir_slot;
	op->u.verify.path = ops_str(o, path);
	op->u.verify.entry = entry;
	return op;
}

static void verify_in_place(struct ops *o)
{
	make_dir(o, "dst");
	begin(o);
	ops_dir(o);
	add_verify(o, "/dst", add_move(o, add_mkfs(o, "tmpfs", NULL, 0)->out, "dst"));
}

static void verify_covered(struct ops *o)
{
	uint32_t entry;

	make_dir(o, "dst");
	begin(o);
	ops_dir(o);
	entry = add_move(o, add_mkfs(o, "tmpfs", NULL, 0)->out, "dst");
	add_move(o, add_mkfs(o, "tmpfs", NULL, 0)->out, "dst");
	add_verify(o, "dst", entry);
}

static void verify_hidden(struct ops *o)
{
	uint32_t entry;

	make_dir(o, "top");
	make_dir(o, "top/dst");
	begin(o);
	ops_dir(o);
	entry = add_move(o, add_mkfs(o, "tmpfs", NULL, 0)->out, "top/dst");
	add_move(o, add_mkfs(o, "tmpfs", NULL, 0)->out, "top");
	add_verify(o, "top/dst", entry);
}

static void verify_never_placed(struct ops *o)
{
	begin(o);
	ops_dir(o);
	add_verify(o, "dst", rf_chain_entry(o->c));
}

/* ------------------------------------------------------------------- mask */

/* Cover @name, a directory with something in it or a file, by what is in a tmpfs. */
static void add_mask(struct ops *o, const char *name, const char *cover)
{
	int slot, covers = add_mkfs(o, "tmpfs", NULL, 0)->out;
	struct rf_op *op;

	make_dir(o, "covers");
	add_move(o, covers, "covers");
	op = ops_add(o, RF_OP_MKDIR);
	op->u.mkdir.dir = covers;
	op->u.mkdir.path = ops_str(o, "dir");
	op->u.mkdir.flags = RF_MAKE_ANYWHERE;
	op = ops_add(o, RF_OP_MKFILE);
	op->u.mkfile.dir = covers;
	op->u.mkfile.path = ops_str(o, "file");
	op->u.mkfile.flags = RF_MAKE_ANYWHERE;
	rf_prep_open(o->c, ops_dir(o), name, O_PATH, 0, 0, &slot);
	op = ops_add(o, RF_OP_MASK);
	op->u.mask.to = slot;
	op->u.mask.from = covers;
	op->u.mask.dir = ops_str(o, cover);
	op->u.mask.file = ops_str(o, "file");
}

static void mask_directory(struct ops *o)
{
	make_dir(o, "dst");
	make_dir(o, "dst/inside");
	begin(o);
	add_mask(o, "dst", "dir");
}

static void mask_file(struct ops *o)
{
	ops_file(o, "dst", "secret\n");
	begin(o);
	add_mask(o, "dst", "dir");
}

static void mask_without_cover(struct ops *o)
{
	make_dir(o, "dst");
	begin(o);
	add_mask(o, "dst", "nothing");
}

/* ------------------------------------------------------- pivot_root, umount */

static struct rf_op *add_umount(struct ops *o, const char *path)
{
	struct rf_op *op = ops_add(o, RF_OP_UMOUNT);

	op->u.umount.path = ops_str(o, path);
	op->u.umount.flags = MNT_DETACH;
	return op;
}

static void pivot(struct ops *o)
{
	int slot;

	begin(o);
	slot = add_open_tree(o, RF_SLOT_NONE, "/")->out;
	add_move(o, slot, ".");
	ops_add(o, RF_OP_PIVOT_ROOT)->u.pivot_root.root = slot;
	add_umount(o, ".");
	rf_prep_chdir(o->c, RF_SLOT_NONE, "/");
}

static void pivot_no_mount(struct ops *o)
{
	begin(o);
	ops_dir(o);
	ops_add(o, RF_OP_PIVOT_ROOT)->u.pivot_root.root = o->dir_slot;
}

static void umount_by_path(struct ops *o)
{
	begin(o);
	ops_tmpfs(o);
	add_umount(o, o->dir);
}

static void umount_below_dir(struct ops *o)
{
	make_dir(o, "dst");
	begin(o);
	rf_prep_chdir(o->c, RF_SLOT_NONE, "/tmp");
	ops_dir(o);
	add_move(o, add_mkfs(o, "tmpfs", NULL, 0)->out, "dst");
	add_umount(o, "dst")->u.umount.dir = o->dir_slot;
}

static void umount_nothing(struct ops *o)
{
	begin(o);
	add_umount(o, o->dir);
}

#define MOUNTED(at) "grep -q \" $D/" at " \" /proc/self/mountinfo"

static const struct ops_case cases[] = {
	SUCCEEDS(RF_OP_OPEN_TREE, "a directory is bound", bind_dir, OPS_ANY, "test -f $D/dst/in"),
	SUCCEEDS(RF_OP_OPEN_TREE, "a file that is the one expected", bind_same_inode, OPS_ANY,
		 "cmp $D/in $D/dst"),
	FAILS(RF_OP_OPEN_TREE, "a file that is another", bind_other_inode, ESTALE),
	FAILS(RF_OP_OPEN_TREE, "a source that is absent", bind_absent, ENOENT),
	SUCCEEDS(RF_OP_MKFS, "a tmpfs with options and attributes", tmpfs_options, OPS_ANY,
		 "test $(stat -c %a $D/dst) = 710;"
		 "grep \" $D/dst \" /proc/self/mountinfo | grep nosuid,noexec | grep size=64k | "
		 "grep -q nr_inodes=20"),
	SUCCEEDS(RF_OP_MKFS, "an overlay of two directories", overlay_two, OPS_ANY,
		 "test \"$(cat $D/dst/f0 $D/dst/f1 $D/dst/all | tr '\\n' ,)\" = 0,1,0,"),
	SUCCEEDS(RF_OP_MKFS, "an overlay of twenty directories", overlay_twenty, OPS_ANY,
		 "test $(cat $D/dst/f19) = 19; test $(cat $D/dst/all) = 0; test $(pwd) = /tmp"),
	SUCCEEDS(RF_OP_MKFS, "an overlay that lacks a layer is left out", overlay_missing,
		 -ECANCELED, NULL),
	FAILS(RF_OP_MKFS, "a file system that is not", no_such_fs, ENODEV),
	FAILS(RF_OP_MKFS, "an option that is not", bad_option, EINVAL),
	SUCCEEDS(RF_OP_MOUNT_SETATTR, "a mount becomes read-only", set_rdonly, 0,
		 "! touch $D/x 2>&1"),
	SUCCEEDS(RF_OP_MOUNT_SETATTR, "mounts become private", set_twice, 0,
		 "! grep -q shared: /proc/self/mountinfo"),
	FAILS(RF_OP_MOUNT_SETATTR, "an attribute that is not", set_nonsense, EINVAL),
	FAILS(RF_OP_MOUNT_SETATTR, "a map that the kernel refuses", set_idmap_own, EINVAL),
	SUCCEEDS(RF_OP_MOVE_MOUNT, "a mount is attached", bind_dir, 0, MOUNTED("dst")),
	FAILS(RF_OP_MOVE_MOUNT, "a destination that is absent", move_to_absent, ENOENT),
	SUCCEEDS(RF_OP_PIVOT_ROOT, "a tree becomes the root", pivot, 0,
		 "test $(awk '$5 == \"/\"' /proc/self/mountinfo | wc -l) = 1; test $(pwd) = /"),
	FAILS(RF_OP_PIVOT_ROOT, "a root that is no mount", pivot_no_mount, EINVAL),
	SUCCEEDS(RF_OP_UMOUNT, "a mount is taken away", umount_by_path, 0,
		 "! grep -q \" $D \" /proc/self/mountinfo"),
	SUCCEEDS(RF_OP_UMOUNT, "a mount below a directory is taken away", umount_below_dir, 0,
		 "! " MOUNTED("dst") "; test $(pwd) = /tmp"),
	FAILS(RF_OP_UMOUNT, "umount of no mount", umount_nothing, EINVAL),
	SUCCEEDS(RF_OP_VERIFY, "a mount that is still to be seen", verify_in_place, 0, NULL),
	SUCCEEDS(RF_OP_VERIFY, "a mount that was left out", verify_never_placed, 0, NULL),
	FAILS(RF_OP_VERIFY, "a mount covered by another", verify_covered, EBUSY),
	FAILS(RF_OP_VERIFY, "a mount hidden by one above it", verify_hidden, EBUSY),
	SUCCEEDS(RF_OP_MASK, "a directory", mask_directory, 0, "test -z \"$(ls -A $D/dst)\""),
	SUCCEEDS(RF_OP_MASK, "a file", mask_file, 0, "test -f $D/dst; test ! -s $D/dst"),
	FAILS(RF_OP_MASK, "a directory without a cover for it", mask_without_cover, ENOENT),
};

OPS_TESTS("mounts", cases)
