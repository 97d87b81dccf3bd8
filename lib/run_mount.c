/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Executors of the group "mounts".
 */
#include <linux/mount.h>

#include "run.h"

RF_EXECUTOR(open_tree)
{
	const char *path = rf_ctx_str(ctx, op->u.open_tree.path);
	unsigned int flags = op->u.open_tree.flags | OPEN_TREE_CLOEXEC;
	struct statx st;
	long fd, r;

	if (!path)
		flags |= AT_EMPTY_PATH;
	fd = rf_sys3(__NR_open_tree, rf_ctx_dir(ctx, op->u.open_tree.dir), path ? path : "",
		     flags);
	if (fd < 0 || (!op->u.open_tree.dev && !op->u.open_tree.ino))
		return fd;
	/* the path was looked up again: it must still lead to the caller's descriptor */
	r = rf_statx((int)fd, "", AT_EMPTY_PATH, STATX_INO, &st);
	if (!r && (rf_stat_dev(&st) != op->u.open_tree.dev || st.stx_ino != op->u.open_tree.ino))
		r = -ESTALE;
	if (r < 0) {
		rf_close(fd);
		return r;
	}
	return fd;
}

/* -------------------------------------------------------------------- mkfs */

#define FSCONFIG_VALUE_MAX 255		/* longer strings are refused by fsconfig */

static long set_options(const struct rf_ctx *ctx, int fs, struct rf_blob options)
{
	const char *key = rf_ctx_blob(ctx, options), *end = key + options.len;
	long r = 0;

	while (!r && key < end) {
		const char *value = key + rf_strlen(key) + 1;

		if (*value)
			r = rf_sys5(__NR_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0);
		else
			r = rf_sys5(__NR_fsconfig, fs, FSCONFIG_SET_FLAG, key, 0, 0);
		key = value + rf_strlen(value) + 1;
	}
	return r;
}

/* True: entries @a and @b have the same key. */
static int same_key(const struct rf_ctx *ctx, const struct rf_fsopt_fd *a,
		    const struct rf_fsopt_fd *b)
{
	const char *x = rf_ctx_str(ctx, a->key), *y = rf_ctx_str(ctx, b->key);
	size_t len = rf_strlen(x);

	return a->key == b->key || (len == rf_strlen(y) && !rf_memcmp(x, y, len));
}

/*
 * Append @prefix and the number of each descriptor in [f, f + nr), joined by
 * colons, to ctx->scratch.  The length.
 */
static long join_paths(struct rf_ctx *ctx, const struct rf_fsopt_fd *f, uint32_t nr,
		       const char *prefix)
{
	size_t plen = rf_strlen(prefix), len = 0;

	for (uint32_t i = 0; i < nr; i++) {
		int fd = rf_ctx_fd(ctx, f[i].slot);

		if (fd < 0)
			return -ECANCELED;
		if (len + plen + 24 > RF_SCRATCH)
			return -E2BIG;
		if (i)
			ctx->scratch[len++] = ':';
		rf_memcpy(ctx->scratch + len, prefix, plen);
		len += plen;
		len += rf_utoa(ctx->scratch + len, (uint64_t)fd);
	}
	return (long)len;
}

/* Without a /proc: overlay takes descriptors themselves from 6.13 on. */
static long set_fds_plain(struct rf_ctx *ctx, int fs, const struct rf_fsopt_fd *f, uint32_t nr)
{
	const char *key = rf_ctx_str(ctx, f->key);
	long r = 0;

	if (!rf_memcmp(key, "lowerdir", sizeof("lowerdir")))
		key = "lowerdir+";
	for (uint32_t i = 0; !r && i < nr; i++)
		r = rf_sys5(__NR_fsconfig, fs, FSCONFIG_SET_FD, key, 0,
			    rf_ctx_fd(ctx, f[i].slot));
	return r;
}

static long set_fds_key(struct rf_ctx *ctx, int fs, const struct rf_fsopt_fd *f, uint32_t nr,
			int is_short)
{
	long r = join_paths(ctx, f, nr, is_short ? "" : "/proc/self/fd/");

	if (r < 0)
		return r;
	r = rf_sys5(__NR_fsconfig, fs, FSCONFIG_SET_STRING, rf_ctx_str(ctx, f->key),
		    ctx->scratch, 0);
	return r == -ENOENT ? set_fds_plain(ctx, fs, f, nr) : r;
}

/* All options that are descriptors; entries with the same key are adjacent. */
static long set_fds(struct rf_ctx *ctx, int fs, struct rf_blob fds, int is_short)
{
	const struct rf_fsopt_fd *f = rf_ctx_blob(ctx, fds);
	uint32_t nr = fds.len / sizeof(*f), same;
	long r = 0;

	for (; !r && nr; f += same, nr -= same) {
		for (same = 1; same < nr && same_key(ctx, f, f + same); same++)
			;
		r = set_fds_key(ctx, fs, f, same, is_short);
	}
	return r;
}

/* True: the paths of some key do not fit into one string. */
static int needs_short(struct rf_ctx *ctx, struct rf_blob fds)
{
	const struct rf_fsopt_fd *f = rf_ctx_blob(ctx, fds);
	uint32_t nr = fds.len / sizeof(*f), same;

	for (; nr; f += same, nr -= same) {
		for (same = 1; same < nr && same_key(ctx, f, f + same); same++)
			;
		if (join_paths(ctx, f, same, "/proc/self/fd/") > FSCONFIG_VALUE_MAX)
			return 1;
	}
	return 0;
}

static long create_fs(struct rf_ctx *ctx, int fs, const struct rf_op *op, int is_short)
{
	long r = set_options(ctx, fs, op->u.mkfs.options);

	if (!r)
		r = set_fds(ctx, fs, op->u.mkfs.fds, is_short);
	if (!r)
		r = rf_sys5(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0);
	return r;
}

/*
 * Many lower layers: only bare numbers, looked up in the current directory,
 * fit into the 255 bytes of an option.
 */
static long create_fs_short(struct rf_ctx *ctx, int fs, const struct rf_op *op)
{
	long cwd, r, back;

	cwd = rf_openat2(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0, 0);
	if (cwd < 0)
		return cwd;
	r = rf_sys1(__NR_chdir, "/proc/self/fd");
	if (!r) {
		r = create_fs(ctx, fs, op, 1);
		back = rf_sys1(__NR_fchdir, cwd);
		r = r ? r : back;
	}
	rf_close(cwd);
	return r;
}

static long own(struct rf_area *area, int mount)
{
	struct statx st;
	long r = rf_statx(mount, "", AT_EMPTY_PATH, STATX_INO, &st);

	if (r < 0)
		return r;
	if (area->nr_owned >= RF_OWNED_MAX)
		return -E2BIG;
	area->owned[area->nr_owned++] = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor;
	return 0;
}

RF_EXECUTOR(mkfs)
{
	long fs, mount, r;

	fs = rf_sys2(__NR_fsopen, rf_ctx_str(ctx, op->u.mkfs.type), FSOPEN_CLOEXEC);
	if (fs < 0)
		return fs;
	if (needs_short(ctx, op->u.mkfs.fds))
		r = create_fs_short(ctx, (int)fs, op);
	else
		r = create_fs(ctx, (int)fs, op, 0);
	mount = r ? r : rf_sys3(__NR_fsmount, fs, FSMOUNT_CLOEXEC, op->u.mkfs.attr);
	rf_close(fs);
	if (mount < 0 || !(op->u.mkfs.flags & RF_MKFS_OWNED))
		return mount;
	r = own(ctx->area, (int)mount);
	if (r < 0) {
		rf_close(mount);
		return r;
	}
	return mount;
}

/* -------------------------------------------------------- placing and moving */

RF_EXECUTOR(mount_setattr)
{
	const char *path = rf_ctx_str(ctx, op->u.mount_setattr.path);
	struct mount_attr attr = {
		.attr_set = op->u.mount_setattr.set,
		.attr_clr = op->u.mount_setattr.clr,
		.propagation = op->u.mount_setattr.propagation,
	};
	unsigned int flags = op->u.mount_setattr.at_flags;

	if (!path)
		flags |= AT_EMPTY_PATH;
	if (op->u.mount_setattr.userns >= 0) {
		attr.attr_set |= MOUNT_ATTR_IDMAP;
		attr.userns_fd = (uint64_t)rf_ctx_fd(ctx, op->u.mount_setattr.userns);
	}
	return rf_sys5(__NR_mount_setattr, rf_ctx_dir(ctx, op->u.mount_setattr.slot),
		       path ? path : "", flags, &attr, sizeof(attr));
}

/* The id of the mount that @fd is in; a kernel without STATX_MNT_ID: -EOPNOTSUPP. */
static long mount_id(int fd, uint64_t *ret_id)
{
	struct statx st;
	long r = rf_statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st);

	if (r < 0)
		return r;
	if (!(st.stx_mask & STATX_MNT_ID))
		return -EOPNOTSUPP;
	*ret_id = st.stx_mnt_id;
	return 0;
}

RF_EXECUTOR(move_mount)
{
	const char *to_path = rf_ctx_str(ctx, op->u.move_mount.to_path);
	unsigned int flags = op->u.move_mount.flags | MOVE_MOUNT_F_EMPTY_PATH;
	int from = rf_ctx_fd(ctx, op->u.move_mount.from);
	uint32_t entry = op->u.move_mount.entry;
	uint64_t id = 0;
	long r;

	if (entry != RF_ENTRY_NONE) {
		r = mount_id(from, &id);
		if (r < 0)
			return r;
	}
	if (!to_path)
		flags |= MOVE_MOUNT_T_EMPTY_PATH;
	r = rf_sys5(__NR_move_mount, from, "", rf_ctx_dir(ctx, op->u.move_mount.to),
		    to_path ? to_path : "", flags);
	if (!r && entry != RF_ENTRY_NONE)
		ctx->entries[entry] = id;
	return r;
}

/*
 * The old root ends up on top of the new one, at the same place; `umount` of
 * "." takes it away, `chdir` goes to the new "/".  No directory is needed for it.
 */
RF_EXECUTOR(pivot_root)
{
	long r = rf_sys1(__NR_fchdir, rf_ctx_fd(ctx, op->u.pivot_root.root));

	return r < 0 ? r : rf_sys2(__NR_pivot_root, ".", ".");
}

/* umount2 knows no directory descriptor: go there and come back. */
static long umount_at(int dir, const char *path, unsigned int flags)
{
	long cwd, r, back;

	cwd = rf_openat2(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0, 0);
	if (cwd < 0)
		return cwd;
	r = rf_sys1(__NR_fchdir, dir);
	if (!r) {
		r = rf_sys2(__NR_umount2, path, flags);
		back = rf_sys1(__NR_fchdir, cwd);
		r = r ? r : back;
	}
	rf_close(cwd);
	return r;
}

RF_EXECUTOR(umount)
{
	const char *path = rf_ctx_str(ctx, op->u.umount.path);

	if (!path)
		path = ".";
	if (op->u.umount.dir < 0)
		return rf_sys2(__NR_umount2, path, op->u.umount.flags);
	return umount_at(ctx->slots[op->u.umount.dir], path, op->u.umount.flags);
}

/* Say which entry it is that has mount @id. */
static void note_covering(struct rf_ctx *ctx, uint64_t id)
{
	for (uint32_t i = 0; i < ctx->area->nr_entries; i++)
		if (ctx->entries[i] == id)
			ctx->area->covered_by = i + 1;
}

/* -EBUSY: another mount covers the destination, or hides it altogether. */
RF_EXECUTOR(verify)
{
	uint64_t want = ctx->entries[op->u.verify.entry], id = 0;
	long fd, r;

	/* an optional entry that was never placed */
	if (!want)
		return 0;
	fd = rf_openat2(rf_ctx_dir(ctx, op->u.verify.root), rf_ctx_str(ctx, op->u.verify.path),
			O_PATH | op->u.verify.flags, 0, RF_IN_ROOT);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return -EBUSY;
	if (fd < 0)
		return fd;
	r = mount_id((int)fd, &id);
	rf_close(fd);
	if (r < 0)
		return r;
	if (id == want)
		return 0;
	note_covering(ctx, id);
	return -EBUSY;
}

/* What the directory @from has for what @to is, copied, read-only, not yet attached. */
static long open_mask(struct rf_ctx *ctx, const struct rf_op *op, int to)
{
	const struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			    MOUNT_ATTR_NOEXEC,
	};
	struct statx st;
	long tree, r;

	r = rf_statx(to, "", AT_EMPTY_PATH, STATX_TYPE, &st);
	if (r < 0)
		return r;
	tree = rf_sys3(__NR_open_tree, rf_ctx_fd(ctx, op->u.mask.from),
		       rf_ctx_str(ctx, (st.stx_mode & S_IFMT) == S_IFDIR ? op->u.mask.dir :
				  op->u.mask.file), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return tree;
	r = rf_sys5(__NR_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr));
	if (r == 0)
		return tree;
	rf_close(tree);
	return r;
}

/* One op, so that nobody can turn the one kind into the other between two. */
RF_EXECUTOR(mask)
{
	int to = rf_ctx_fd(ctx, op->u.mask.to);
	long tree = open_mask(ctx, op, to), r;

	if (tree < 0)
		return tree;
	r = rf_sys5(__NR_move_mount, tree, "", to, "",
		    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	rf_close(tree);
	return r;
}
