/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ops of the group "files", on each engine. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ops.h"

/* A tmpfs of the sandbox at $D, under a umask that hides everything. */
static int begin(struct ops *o)
{
	ops_begin(o, CLONE_NEWNS);
	(void)umask(077);	/* which the context inherits */
	return ops_tmpfs(o);
}

static void add_mkdir(struct ops *o, int dir, const char *path, unsigned int mode,
		      unsigned int flags)
{
	struct rf_op *op = ops_add(o, RF_OP_MKDIR);

	op->u.mkdir.dir = dir;
	op->u.mkdir.path = ops_str(o, path);
	op->u.mkdir.mode = mode;
	op->u.mkdir.flags = flags;
}

static struct rf_op *add_mkfile(struct ops *o, int dir, const char *path, const char *content,
				unsigned int flags)
{
	struct rf_op *op = ops_add(o, RF_OP_MKFILE);

	op->u.mkfile.dir = dir;
	op->u.mkfile.path = ops_str(o, path);
	op->u.mkfile.content = ops_blob(o, content, strlen(content));
	op->u.mkfile.mode = 0644;
	op->u.mkfile.flags = flags;
	return op;
}

static void add_symlink(struct ops *o, int dir, const char *path, const char *target,
			unsigned int flags)
{
	struct rf_op *op = ops_add(o, RF_OP_SYMLINK);

	op->u.symlink.dir = dir;
	op->u.symlink.path = ops_str(o, path);
	op->u.symlink.target = ops_str(o, target);
	op->u.symlink.flags = flags;
}

static void add_mknod(struct ops *o, int dir, const char *path, unsigned int mode, uint64_t dev,
		      unsigned int flags)
{
	struct rf_op *op = ops_add(o, RF_OP_MKNOD);

	op->u.mknod.dir = dir;
	op->u.mknod.path = ops_str(o, path);
	op->u.mknod.mode = mode;
	op->u.mknod.dev = dev;
	op->u.mknod.flags = flags;
}

/* -------------------------------------------------------------------- mkdir */

static void mkdir_exact(struct ops *o)
{
	add_mkdir(o, begin(o), "d", 0751, 0);
}

static void mkdir_setgid(struct ops *o)
{
	add_mkdir(o, begin(o), "d", 03777, 0);
}

static void mkdir_parents(struct ops *o)
{
	add_mkdir(o, begin(o), "/a//b/c/", 0700, RF_MAKE_PARENTS);
}

static void mkdir_no_parents(struct ops *o)
{
	add_mkdir(o, begin(o), "a/b", 0700, 0);
}

static void mkdir_exists(struct ops *o)
{
	int dir = begin(o);

	add_mkdir(o, dir, "d", 0755, 0);
	add_mkdir(o, dir, "d", 0755, 0);
}

static void mkdir_exists_ok(struct ops *o)
{
	int dir = begin(o);

	add_mkdir(o, dir, "d", 0755, 0);
	add_mkdir(o, dir, "d", 0700, RF_MAKE_EXIST_OK);
}

static void mkdir_exists_file(struct ops *o)
{
	int dir = begin(o);

	add_mkfile(o, dir, "d", "", 0);
	add_mkdir(o, dir, "d", 0755, RF_MAKE_EXIST_OK);
}

static void mkdir_through_file(struct ops *o)
{
	int dir = begin(o);

	add_mkfile(o, dir, "f", "", 0);
	add_mkdir(o, dir, "f/d", 0755, RF_MAKE_PARENTS);
}

/* The target of the link is not there yet, nor is its parent. */
static void mkdir_through_link(struct ops *o)
{
	int dir = begin(o);

	add_mkdir(o, dir, "var", 0755, 0);
	add_symlink(o, dir, "var/run", "/real/run", 0);
	add_mkdir(o, dir, "var/run/x", 0755, RF_MAKE_PARENTS);
}

static void mkdir_through_relative_link(struct ops *o)
{
	int dir = begin(o);

	add_mkdir(o, dir, "a/b", 0755, RF_MAKE_PARENTS);
	add_symlink(o, dir, "a/b/up", "../../c", 0);
	add_mkdir(o, dir, "a/b/up/x/y", 0755, RF_MAKE_PARENTS);
}

static void mkdir_last_is_link(struct ops *o)
{
	int dir = begin(o);

	add_symlink(o, dir, "link", "made/here", 0);
	add_mkdir(o, dir, "link", 0755, RF_MAKE_PARENTS);
}

static void mkdir_link_loop(struct ops *o)
{
	int dir = begin(o);

	add_symlink(o, dir, "a", "b", 0);
	add_symlink(o, dir, "b", "a", 0);
	add_mkdir(o, dir, "a/x", 0755, RF_MAKE_PARENTS);
}

/* Links and ".." that would lead out stay in. */
static void mkdir_stays_inside(struct ops *o)
{
	char target[512];
	int dir = begin(o);

	snprintf(target, sizeof(target), "%s/../../../../tmp/escaped", o->dir);
	add_symlink(o, dir, "out", target, 0);
	add_mkdir(o, dir, "../../out/x", 0755, RF_MAKE_PARENTS);
}

static void mkdir_not_owned(struct ops *o)
{
	begin(o);
	ops_dir(o);
	add_mkdir(o, o->dir_slot, "ok", 0755, 0);	/* in the tmpfs that is there now */
	rf_prep_open(o->c, RF_SLOT_NONE, "/tmp", O_PATH | O_DIRECTORY, 0, 0, &o->dir_slot);
	add_mkdir(o, o->dir_slot, "ringfence-not-owned", 0755, 0);
}

static void mkdir_parent_not_owned(struct ops *o)
{
	ops_begin(o, CLONE_NEWNS);
	add_mkdir(o, ops_dir(o), "a/b", 0755, RF_MAKE_PARENTS);
}

static void mkdir_anywhere(struct ops *o)
{
	ops_begin(o, CLONE_NEWNS);
	add_mkdir(o, ops_dir(o), "a/b", 0755, RF_MAKE_PARENTS | RF_MAKE_ANYWHERE);
}

static void mkdir_long(struct ops *o)
{
	char path[5000];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	add_mkdir(o, begin(o), path, 0755, RF_MAKE_PARENTS);
}

/* ------------------------------------------------------------------- mkfile */

static void file_with_content(struct ops *o)
{
	add_mkfile(o, begin(o), "etc/motd", "hello\n", RF_MAKE_PARENTS)->u.mkfile.mode = 04751;
}

static void file_from_file(struct ops *o)
{
	int dir, from;

	ops_file(o, "in", "copied\n");
	ops_begin(o, CLONE_NEWNS);
	rf_prep_open(o->c, ops_dir(o), "in", O_RDONLY, 0, 0, &from);
	dir = ops_tmpfs(o);
	add_mkfile(o, dir, "f", "", 0)->u.mkfile.from = from;
}

static void file_from_pipe(struct ops *o)
{
	int dir = begin(o), r, w;

	rf_prep_pipe(o->c, 0, &r, &w);
	rf_prep_write(o->c, w, NULL, "piped\n", 6);
	rf_prep_close(o->c, w);
	add_mkfile(o, dir, "f", "", 0)->u.mkfile.from = r;
}

static void file_replaces_link(struct ops *o)
{
	int dir = begin(o);

	add_mkfile(o, dir, "other", "other\n", 0);
	add_symlink(o, dir, "f", "other", 0);
	add_mkfile(o, dir, "f", "new\n", RF_MAKE_REPLACE);
}

static void file_through_link(struct ops *o)
{
	int dir = begin(o);

	add_symlink(o, dir, "f", "/there", 0);
	add_mkfile(o, dir, "f", "new\n", 0);
}

static void file_exists(struct ops *o)
{
	int dir = begin(o);

	add_mkfile(o, dir, "f", "old\n", 0);
	add_mkfile(o, dir, "f", "new\n", 0);
}

static void file_exists_ok(struct ops *o)
{
	int dir = begin(o);

	add_mkfile(o, dir, "f", "old\n", 0);
	add_mkfile(o, dir, "f", "new\n", RF_MAKE_EXIST_OK);
}

static void file_exists_dir(struct ops *o)
{
	int dir = begin(o);

	add_mkdir(o, dir, "f", 0755, 0);
	add_mkfile(o, dir, "f", "", RF_MAKE_EXIST_OK);
}

/* A copy that fails leaves no half a file. */
static void file_from_dir(struct ops *o)
{
	int dir = begin(o), from;

	rf_prep_open(o->c, RF_SLOT_NONE, "/", O_RDONLY | O_DIRECTORY, 0, 0, &from);
	add_mkfile(o, dir, "f", "", 0)->u.mkfile.from = from;
}

static void file_half_made(struct ops *o)
{
	int dir = begin(o), from;

	rf_prep_open(o->c, RF_SLOT_NONE, "/", O_RDONLY | O_DIRECTORY, 0, 0, &from);
	add_mkfile(o, dir, "f", "", 0)->u.mkfile.from = from;
	rf_op_link(o->c, (int)o->c->nr_ops - 1, RF_LINK_HARD);
	/* with EXIST_OK it would be accepted, with another's content */
	add_mkfile(o, dir, "f", "whole\n", RF_MAKE_EXIST_OK);
}

/* ----------------------------------------------------------- symlink, mknod */

static void link_new(struct ops *o)
{
	add_symlink(o, begin(o), "usr/bin", "/nowhere", RF_MAKE_PARENTS);
}

static void link_same(struct ops *o)
{
	int dir = begin(o);

	add_symlink(o, dir, "bin", "usr/bin", 0);
	add_symlink(o, dir, "bin", "usr/bin", RF_MAKE_EXIST_OK);
}

static void link_other(struct ops *o)
{
	int dir = begin(o);

	add_symlink(o, dir, "bin", "usr/bin", 0);
	add_symlink(o, dir, "bin", "usr/sbin", RF_MAKE_EXIST_OK);
}

static void link_replaced(struct ops *o)
{
	int dir = begin(o);

	add_symlink(o, dir, "bin", "usr/bin", 0);
	add_symlink(o, dir, "bin", "usr/sbin", RF_MAKE_REPLACE);
}

static void link_over_dir(struct ops *o)
{
	int dir = begin(o);

	add_mkdir(o, dir, "bin", 0755, 0);
	add_symlink(o, dir, "bin", "usr/bin", RF_MAKE_EXIST_OK);
}

static void fifo(struct ops *o)
{
	add_mknod(o, begin(o), "p", S_IFIFO | 0622, 0, 0);
}

static void fifo_exists_ok(struct ops *o)
{
	int dir = begin(o);

	add_mknod(o, dir, "p", S_IFIFO | 0622, 0, 0);
	add_mknod(o, dir, "p", S_IFIFO | 0622, 0, RF_MAKE_EXIST_OK);
}

static void device(struct ops *o)
{
	add_mknod(o, begin(o), "null", S_IFCHR | 0666, makedev(1, 3), 0);
}

static void device_other(struct ops *o)
{
	ops_begin(o, CLONE_NEWNS);
	rf_prep_open(o->c, RF_SLOT_NONE, "/dev", O_PATH | O_DIRECTORY, 0, 0, &o->dir_slot);
	add_mknod(o, o->dir_slot, "null", S_IFCHR | 0666, makedev(1, 5), RF_MAKE_EXIST_OK);
}

static void device_same(struct ops *o)
{
	ops_begin(o, CLONE_NEWNS);
	rf_prep_open(o->c, RF_SLOT_NONE, "/dev", O_PATH | O_DIRECTORY, 0, 0, &o->dir_slot);
	add_mknod(o, o->dir_slot, "null", S_IFCHR | 0666, makedev(1, 3), RF_MAKE_EXIST_OK);
}

/* ------------------------------------------------------- write, chown, chmod */

static void write_below(struct ops *o)
{
	int dir = begin(o);

	add_mkfile(o, dir, "f", "", 0);
	rf_prep_write(o->c, dir, "f", "written\n", 8);
}

static void write_absent(struct ops *o)
{
	rf_prep_write(o->c, begin(o), "f", "x", 1);
}

static void write_rdonly(struct ops *o)
{
	int slot;

	ops_begin(o, 0);
	rf_prep_open(o->c, RF_SLOT_NONE, "/dev/null", O_RDONLY, 0, 0, &slot);
	rf_prep_write(o->c, slot, NULL, "x", 1);
}

static void add_chown(struct ops *o, int dir, const char *path, uint32_t uid, uint32_t gid)
{
	struct rf_op *op = ops_add(o, RF_OP_CHOWN);

	op->u.chown.dir = dir;
	op->u.chown.path = path ? ops_str(o, path) : 0;
	op->u.chown.uid = uid;
	op->u.chown.gid = gid;
}

static void chown_self(struct ops *o)
{
	int dir = begin(o);

	add_mkfile(o, dir, "f", "", 0);
	add_chown(o, dir, "f", 0, UINT32_MAX);
	add_chown(o, dir, NULL, 0, 0);
}

static void chown_unmapped(struct ops *o)
{
	int dir = begin(o);

	add_mkfile(o, dir, "f", "", 0);
	add_chown(o, dir, "f", 4242, UINT32_MAX);
}

static void add_chmod(struct ops *o, int dir, const char *path, unsigned int mode)
{
	struct rf_op *op = ops_add(o, RF_OP_CHMOD);

	op->u.chmod.dir = dir;
	op->u.chmod.path = path ? ops_str(o, path) : 0;
	op->u.chmod.mode = mode;
}

static void chmod_path(struct ops *o)
{
	int dir = begin(o);

	add_mkfile(o, dir, "f", "", 0);
	add_chmod(o, dir, "f", 0);
	add_chmod(o, dir, "f", 0640);
}

static void chmod_slot(struct ops *o)
{
	int slot;

	begin(o);
	rf_prep_open(o->c, ops_dir(o), ".", O_PATH, 0, 0, &slot);
	add_chmod(o, slot, NULL, 01711);
}

static void chmod_absent(struct ops *o)
{
	add_chmod(o, begin(o), "f", 0640);
}

/* ---------------------------------------------------------------------- copy */

static void add_copy(struct ops *o, const char *to)
{
	int from, dest;

	rf_prep_open(o->c, ops_dir(o), "src", O_PATH, 0, 0, &from);
	rf_prep_open(o->c, ops_dir(o), to, O_PATH, 0, 0, &dest);
	ops_add(o, RF_OP_COPY_DIR)->u.copy.from = from;
	o->c->ops[o->c->nr_ops - 1].u.copy.to = dest;
}

static void copy_tree(struct ops *o)
{
	int dir = begin(o);

	add_mkdir(o, dir, "dst", 0755, 0);
	add_mkdir(o, dir, "src/a/b/c", 0751, RF_MAKE_PARENTS);
	add_mkfile(o, dir, "src/a/f", "one\n", 0);
	add_mkfile(o, dir, "src/a/b/g", "two\n", 0);
	for (int i = 0; i < 30; i++) {
		char name[64];

		snprintf(name, sizeof(name), "src/a/many-%030d", i);
		add_mkfile(o, dir, name, "", 0);
	}
	add_symlink(o, dir, "src/l", "/nowhere", 0);
	add_copy(o, "dst");
}

static void copy_onto_itself(struct ops *o)
{
	int dir = begin(o);

	add_mkdir(o, dir, "src/a", 0755, RF_MAKE_PARENTS);
	add_copy(o, "src");
}

/* ---------------------------------------------------------------------- find */

static void add_find(struct ops *o, const char *paths, size_t len)
{
	begin(o);
	ops_add(o, RF_OP_FIND)->u.find.paths = ops_blob(o, paths, len);
}

static void find_second(struct ops *o)
{
	add_find(o, "/nowhere/sh\0/bin/sh", sizeof("/nowhere/sh\0/bin/sh"));
}

static void find_none(struct ops *o)
{
	add_find(o, "/nowhere/sh", sizeof("/nowhere/sh"));
}

static void find_directory(struct ops *o)
{
	add_find(o, "/bin\0/nowhere/sh", sizeof("/bin\0/nowhere/sh"));
}

/* -------------------------------------------------------------------- unlink */

static void add_unlink(struct ops *o, int dir, const char *path, unsigned int flags)
{
	struct rf_op *op = ops_add(o, RF_OP_UNLINK);

	op->u.unlink.dir = dir;
	op->u.unlink.path = ops_str(o, path);
	op->u.unlink.flags = flags;
}

static void unlink_link(struct ops *o)
{
	int dir = begin(o);

	add_mkfile(o, dir, "d/f", "kept", RF_MAKE_PARENTS);
	add_symlink(o, dir, "l", "d/f", 0);
	add_symlink(o, dir, "e", "/", 0);
	add_unlink(o, dir, "e/l", 0);
}

static void unlink_directory(struct ops *o)
{
	int dir = begin(o);

	add_mkdir(o, dir, "d", 0755, 0);
	add_unlink(o, dir, "d/", AT_REMOVEDIR);
}

static void unlink_outside(struct ops *o)
{
	int dir = begin(o), below;

	add_mkfile(o, dir, "f", "", 0);
	add_mkdir(o, dir, "d", 0755, 0);
	rf_prep_open(o->c, dir, "d", O_PATH, 0, 0, &below);
	add_unlink(o, below, "../../f", 0);
}

static void unlink_absent(struct ops *o)
{
	add_unlink(o, begin(o), "f", 0);
}

static void unlink_full(struct ops *o)
{
	int dir = begin(o);

	add_mkfile(o, dir, "d/f", "", RF_MAKE_PARENTS);
	add_unlink(o, dir, "d", AT_REMOVEDIR);
}

#define MODE(path, mode) "test \"$(stat -c %a $D/" path ")\" = " mode
#define CONTENT(path, text) "test \"$(cat $D/" path ")\" = " text

static const struct ops_case cases[] = {
	SUCCEEDS(RF_OP_MKDIR, "a mode is exact", mkdir_exact, 0, MODE("d", "751")),
	SUCCEEDS(RF_OP_MKDIR, "a mode with all bits", mkdir_setgid, 0, MODE("d", "3777")),
	SUCCEEDS(RF_OP_MKDIR, "parents are made", mkdir_parents, 0,
		 MODE("a", "755") "; " MODE("a/b", "755") "; " MODE("a/b/c", "700")),
	FAILS(RF_OP_MKDIR, "parents are not made unasked", mkdir_no_parents, ENOENT),
	FAILS(RF_OP_MKDIR, "a directory that is there", mkdir_exists, EEXIST),
	SUCCEEDS(RF_OP_MKDIR, "a directory that may be there", mkdir_exists_ok, 0,
		 MODE("d", "755")),
	FAILS(RF_OP_MKDIR, "a file in the directory's place", mkdir_exists_file, ENOTDIR),
	FAILS(RF_OP_MKDIR, "a file as a parent", mkdir_through_file, ENOTDIR),
	SUCCEEDS(RF_OP_MKDIR, "through a link whose target is missing", mkdir_through_link, 0,
		 "test -d $D/real/run/x; test -L $D/var/run"),
	SUCCEEDS(RF_OP_MKDIR, "through a relative link", mkdir_through_relative_link, 0,
		 "test -d $D/c/x/y"),
	SUCCEEDS(RF_OP_MKDIR, "at a link's missing target", mkdir_last_is_link, 0,
		 "test -d $D/made/here; test -L $D/link"),
	FAILS(RF_OP_MKDIR, "through links that go round", mkdir_link_loop, ELOOP),
	SUCCEEDS(RF_OP_MKDIR, "links and .. do not lead out", mkdir_stays_inside, 0,
		 "test ! -e /tmp/escaped; test -d $D/tmp/escaped/x"),
	FAILS(RF_OP_MKDIR, "in a file system of another", mkdir_not_owned, EROFS),
	FAILS(RF_OP_MKDIR, "a parent in a file system of another", mkdir_parent_not_owned, EROFS),
	SUCCEEDS(RF_OP_MKDIR, "anywhere, when asked to", mkdir_anywhere, 0, "test -d $D/a/b"),
	FAILS(RF_OP_MKDIR, "a path that is too long", mkdir_long, ENAMETOOLONG),

	SUCCEEDS(RF_OP_MKFILE, "a file has its content and mode", file_with_content, 0,
		 MODE("etc/motd", "4751") "; " CONTENT("etc/motd", "hello")),
	SUCCEEDS(RF_OP_MKFILE, "a copy of a file", file_from_file, 0, CONTENT("f", "copied")),
	SUCCEEDS(RF_OP_MKFILE, "what comes out of a pipe", file_from_pipe, 0,
		 CONTENT("f", "piped") "; " MODE("f", "644")),
	SUCCEEDS(RF_OP_MKFILE, "a link is replaced, not followed", file_replaces_link, 0,
		 CONTENT("f", "new") "; " CONTENT("other", "other") "; test ! -L $D/f"),
	SUCCEEDS(RF_OP_MKFILE, "a link's missing target is made", file_through_link, 0,
		 CONTENT("there", "new")),
	FAILS(RF_OP_MKFILE, "a file that is there", file_exists, EEXIST),
	SUCCEEDS(RF_OP_MKFILE, "a file that may be there", file_exists_ok, 0, CONTENT("f", "old")),
	FAILS(RF_OP_MKFILE, "a directory in the file's place", file_exists_dir, EISDIR),
	FAILS(RF_OP_MKFILE, "a copy of a directory", file_from_dir, EISDIR),
	SUCCEEDS(RF_OP_MKFILE, "a failure leaves no file", file_half_made, 0,
		 CONTENT("f", "whole")),

	SUCCEEDS(RF_OP_SYMLINK, "a link to nowhere", link_new, 0,
		 "test $(readlink $D/usr/bin) = /nowhere"),
	SUCCEEDS(RF_OP_SYMLINK, "the same link", link_same, 0, NULL),
	FAILS(RF_OP_SYMLINK, "another link", link_other, EEXIST),
	SUCCEEDS(RF_OP_SYMLINK, "a link in another's place", link_replaced, 0,
		 "test $(readlink $D/bin) = usr/sbin"),
	FAILS(RF_OP_SYMLINK, "a directory in the link's place", link_over_dir, EEXIST),

	SUCCEEDS(RF_OP_MKNOD, "a fifo", fifo, 0, "test -p $D/p; " MODE("p", "622")),
	SUCCEEDS(RF_OP_MKNOD, "a fifo that may be there", fifo_exists_ok, 0, NULL),
	SUCCEEDS(RF_OP_MKNOD, "a device that is there", device_same, 0, NULL),
	FAILS(RF_OP_MKNOD, "a device, in a user namespace", device, EPERM),
	FAILS(RF_OP_MKNOD, "another device in its place", device_other, EEXIST),

	SUCCEEDS(RF_OP_WRITE, "into a file below a directory", write_below, 0,
		 CONTENT("f", "written")),
	FAILS(RF_OP_WRITE, "into a file that is absent", write_absent, ENOENT),
	FAILS(RF_OP_WRITE, "into what is open for reading", write_rdonly, EBADF),
	SUCCEEDS(RF_OP_CHOWN, "a file's owner", chown_self, 0, "test $(stat -c %u $D/f) = 0"),
	FAILS(RF_OP_CHOWN, "an owner that is not mapped", chown_unmapped, EINVAL),
	SUCCEEDS(RF_OP_CHMOD, "a file's mode", chmod_path, 0, MODE("f", "640")),
	SUCCEEDS(RF_OP_CHMOD, "what an O_PATH descriptor is of", chmod_slot, 0, MODE("", "1711")),
	FAILS(RF_OP_CHMOD, "a file that is absent", chmod_absent, ENOENT),
	SUCCEEDS(RF_OP_COPY_DIR, "a tree", copy_tree, 0, CONTENT("dst/a/f", "one") "; "
		 CONTENT("dst/a/b/g", "two") "; " MODE("dst/a/b/c", "751")
		 "; test $(readlink $D/dst/l) = /nowhere; test $(ls $D/dst/a | wc -l) = 32"),
	FAILS(RF_OP_COPY_DIR, "where something of that name is", copy_onto_itself, EEXIST),
	SUCCEEDS(RF_OP_FIND, "the second of two", find_second, 0, NULL),
	FAILS(RF_OP_FIND, "none", find_none, ENOENT),
	FAILS(RF_OP_FIND, "a directory, and none", find_directory, EACCES),
	SUCCEEDS(RF_OP_UNLINK, "a link, and not what it leads to", unlink_link, 0,
		 CONTENT("d/f", "kept") "; test ! -L $D/l"),
	SUCCEEDS(RF_OP_UNLINK, "an empty directory", unlink_directory, 0, "test ! -e $D/d"),
	FAILS(RF_OP_UNLINK, "a file outside the directory", unlink_outside, ENOENT),
	FAILS(RF_OP_UNLINK, "a name that is absent", unlink_absent, ENOENT),
	FAILS(RF_OP_UNLINK, "a directory with something in it", unlink_full, ENOTEMPTY),
};

OPS_TESTS("files", cases)
