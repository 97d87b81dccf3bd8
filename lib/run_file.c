/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Executors of the group "files".
 *
 * What is made, is made inside the directory of a slot as if that were the
 * root: every lookup is one openat2 with RESOLVE_IN_ROOT, so no link and no
 * ".." in the tree, however hostile, leads out of it.  A link whose target is
 * missing inside is followed by rewriting the path and starting again: so
 * /var/run/x can be made where /var/run is a link to /run and that is not there
 * yet.  The two halves of ctx->scratch hold the path and a link's text.
 */
#include <asm/stat.h>

#include "run.h"

#define HALF		(RF_SCRATCH / 2)
#define LINKS_MAX	40
#define S_IFMT_BITS	0170000
#define S_SETID_BITS	06000

/* Where something is to be made: a directory, and a name in ctx->scratch. */
struct spot {
	int		 parent;	/* O_PATH */
	const char	*name;
};

/* What each of the makers differs in. */
struct maker {
	unsigned int	flags;		/* RF_MAKE_* */
	int		nofollow;	/* an existing link is the thing itself */
	/* does what is at @fd satisfy RF_MAKE_EXIST_OK? 0, or a negative errno */
	long		(*fits)(struct rf_ctx *ctx, const struct rf_op *op, int fd);
	long		(*make)(struct rf_ctx *ctx, const struct rf_op *op,
				const struct spot *spot);
};

/* Of what may lie behind a link; but what is replaced is the name. */
static struct maker maker_of(unsigned int flags,
			     long (*fits)(struct rf_ctx *ctx, const struct rf_op *op, int fd),
			     long (*make)(struct rf_ctx *ctx, const struct rf_op *op,
					  const struct spot *spot))
{
	return (struct maker){ .flags = flags, .nofollow = !!(flags & RF_MAKE_REPLACE),
			       .fits = fits, .make = make };
}

static uint64_t owned_dev(const struct statx *st)
{
	return (uint64_t)st->stx_dev_major << 32 | st->stx_dev_minor;
}

/* May the sandbox make something in the directory @fd? 0, -EROFS, or another errno. */
static long may_make(const struct rf_ctx *ctx, int fd, unsigned int flags)
{
	struct statx st;
	long r;

	if (flags & RF_MAKE_ANYWHERE)
		return 0;
	r = rf_statx(fd, "", AT_EMPTY_PATH, STATX_INO, &st);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < ctx->area->nr_owned; i++)
		if (ctx->area->owned[i] == owned_dev(&st))
			return 0;
	return -EROFS;
}

/* A mode is meant as it is written, whatever the umask. */
static long mkdir_exact(int parent, const char *name, unsigned int mode)
{
	long mask = rf_sys1(__NR_umask, 0), r, fd;

	r = rf_sys3(__NR_mkdirat, parent, name, mode & 01777);
	rf_sys1(__NR_umask, mask);
	/* mkdir ignores these */
	if (r < 0 || !(mode & S_SETID_BITS))
		return r;
	fd = rf_openat2(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, 0);
	if (fd < 0)
		return fd;
	r = rf_sys2(__NR_fchmod, fd, mode);
	rf_close(fd);
	return r;
}

/* ------------------------------------------------------------ finding the spot */

/* The parent directory of the path in scratch, and the last component's name. */
static long open_parent(struct rf_ctx *ctx, int dir, struct spot *spot)
{
	char *path = ctx->scratch, *slash = 0;
	long fd;

	for (char *p = path; *p; p++)
		if (*p == '/')
			slash = p;
	if (slash)
		*slash = '\0';
	/* a slash at the very start leaves an empty string: the root itself */
	fd = rf_openat2(dir, slash && *path ? path : ".", O_PATH | O_DIRECTORY, 0, RF_IN_ROOT);
	if (slash)
		*slash = '/';
	if (fd < 0)
		return fd;
	spot->parent = (int)fd;
	spot->name = slash ? slash + 1 : path;
	return 0;
}

/*
 * If the thing at @spot is a link, put its target in its place: scratch then
 * holds target/@rest, or parent/target/@rest.  1: done, 0: it is no link.
 */
static long expand_link(struct rf_ctx *ctx, const struct spot *spot, const char *rest)
{
	char *link = ctx->scratch + HALF;
	size_t head = (size_t)(spot->name - ctx->scratch), tail = rf_strlen(rest);
	long len = rf_sys4(__NR_readlinkat, spot->parent, spot->name, link, HALF - 1);

	if (len == -EINVAL || len == -ENOENT)
		return 0;
	if (len < 0)
		return len;
	if (*link == '/')
		head = 0;
	if (head + (size_t)len + 1 + tail + 1 > HALF)
		return -ENAMETOOLONG;
	/* what follows moves first: it may lie where the target goes */
	rf_memmove(ctx->scratch + head + (size_t)len + (tail ? 1 : 0), rest, tail + 1);
	if (tail)
		ctx->scratch[head + (size_t)len] = '/';
	rf_memcpy(ctx->scratch + head, link, (size_t)len);
	return 1;
}

/*
 * The path in scratch, cut after a component that was not found: make that
 * directory, or replace the link that it turned out to be (1).
 */
static long make_missing(struct rf_ctx *ctx, int dir, const char *rest, unsigned int flags)
{
	struct spot spot;
	long r = open_parent(ctx, dir, &spot);

	if (r < 0)
		return r;
	r = expand_link(ctx, &spot, rest);
	if (!r)
		r = may_make(ctx, spot.parent, flags);
	if (!r)
		r = mkdir_exact(spot.parent, spot.name, 0755);
	rf_close(spot.parent);
	return r;
}

/* Every parent of the path in scratch exists after this; 1: the path was rewritten. */
static long make_parents(struct rf_ctx *ctx, int dir, unsigned int flags)
{
	for (char *p = ctx->scratch + 1; *p; p++) {
		long r;

		if (*p != '/' || p[-1] == '/')
			continue;
		*p = '\0';
		r = rf_openat2(dir, ctx->scratch, O_PATH | O_DIRECTORY, 0, RF_IN_ROOT);
		if (r >= 0)
			rf_close(r);
		else if (r == -ENOENT)
			r = make_missing(ctx, dir, p + 1, flags);
		if (r == 1)
			return r;
		*p = '/';
		if (r < 0)
			return r;
	}
	return 0;
}

/* Without trailing slashes, into scratch. */
static long load_path(struct rf_ctx *ctx, const char *path)
{
	size_t len = path ? rf_strlen(path) : 0;

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (!len)
		return -ENOENT;
	if (len >= HALF)
		return -ENAMETOOLONG;
	rf_memcpy(ctx->scratch, path, len);
	ctx->scratch[len] = '\0';
	return 0;
}

/*
 * Find where the path in scratch, which does not exist, is to be made: @spot's
 * parent is the caller's to close.
 */
static long find_spot(struct rf_ctx *ctx, int dir, const struct maker *m, struct spot *spot)
{
	for (int links = 0; links < LINKS_MAX; links++) {
		long r = open_parent(ctx, dir, spot);

		if (r == -ENOENT && (m->flags & RF_MAKE_PARENTS)) {
			r = make_parents(ctx, dir, m->flags);
			if (r < 0)
				return r;
			continue;
		}
		if (r < 0)
			return r;
		r = m->nofollow ? 0 : expand_link(ctx, spot, "");
		if (!r)
			return 0;
		rf_close(spot->parent);
		if (r < 0)
			return r;
	}
	return -ELOOP;
}

/* --------------------------------------------------------------- the makers */

/* There is something at the path already, open as @fd. 1: it was removed. */
static long handle_existing(struct rf_ctx *ctx, const struct rf_op *op, int dir,
			    const struct maker *m, int fd)
{
	struct spot spot;
	long r = -EEXIST;

	if (m->flags & RF_MAKE_EXIST_OK)
		r = m->fits(ctx, op, fd);
	if (r != -EEXIST || !(m->flags & RF_MAKE_REPLACE))
		return r;
	r = open_parent(ctx, dir, &spot);
	if (r < 0)
		return r;
	r = may_make(ctx, spot.parent, m->flags);
	if (!r)
		r = rf_sys3(__NR_unlinkat, spot.parent, spot.name, 0);
	rf_close(spot.parent);
	return r ? r : 1;
}

/* A name of one component is made where it is said, if nothing has that name. */
static int is_plain_name(const char *path)
{
	if (path[0] == '.' && (!path[1] || (path[1] == '.' && !path[2])))
		return 0;
	for (; *path; path++)
		if (*path == '/')
			return 0;
	return 1;
}

static long make_at(struct rf_ctx *ctx, const struct rf_op *op, int32_t slot, rf_str path,
		    const struct maker *m)
{
	int dir = rf_ctx_dir(ctx, slot);
	struct spot spot;
	long fd, r;

	r = load_path(ctx, rf_ctx_str(ctx, path));
	if (r < 0)
		return r;
	if ((m->flags & RF_MAKE_ANYWHERE) && is_plain_name(ctx->scratch)) {
		spot = (struct spot){ .parent = dir, .name = ctx->scratch };
		r = m->make(ctx, op, &spot);
		if (r != -EEXIST)
			return r;
	}
	fd = rf_openat2(dir, ctx->scratch, O_PATH | (m->nofollow ? O_NOFOLLOW : 0), 0,
			RF_IN_ROOT);
	if (fd >= 0) {
		r = handle_existing(ctx, op, dir, m, (int)fd);
		rf_close(fd);
		if (r != 1)
			return r;
	} else if (fd != -ENOENT) {
		return fd;
	}
	r = find_spot(ctx, dir, m, &spot);
	if (r < 0)
		return r;
	r = may_make(ctx, spot.parent, m->flags);
	if (!r)
		r = m->make(ctx, op, &spot);
	rf_close(spot.parent);
	return r;
}

/* The type bits of what @fd is, or a negative errno. */
static long type_of(int fd, struct statx *st)
{
	long r = rf_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, st);

	return r < 0 ? r : st->stx_mode & S_IFMT_BITS;
}

static long dir_fits(struct rf_ctx *ctx, const struct rf_op *op, int fd)
{
	struct statx st;
	long type = type_of(fd, &st);

	(void)ctx;
	(void)op;
	if (type < 0)
		return type;
	return type == S_IFDIR ? 0 : -ENOTDIR;
}

static long dir_make(struct rf_ctx *ctx, const struct rf_op *op, const struct spot *spot)
{
	(void)ctx;
	return mkdir_exact(spot->parent, spot->name, op->u.mkdir.mode);
}

RF_EXECUTOR(mkdir)
{
	const struct maker m = {
		.flags = op->u.mkdir.flags & ~RF_MAKE_REPLACE, .fits = dir_fits, .make = dir_make,
	};

	return make_at(ctx, op, op->u.mkdir.dir, op->u.mkdir.path, &m);
}

static long file_fits(struct rf_ctx *ctx, const struct rf_op *op, int fd)
{
	struct statx st;
	long type = type_of(fd, &st);

	(void)ctx;
	(void)op;
	if (type < 0)
		return type;
	return type == S_IFDIR ? -EISDIR : 0;
}

#define CHUNK 0x40000000

/* Everything that is still to be read from @from.  Uses the second half of scratch. */
static long copy_all(struct rf_ctx *ctx, int to, int from)
{
	char *buf = ctx->scratch + HALF;
	long n, r;

	while ((n = rf_sys4(__NR_sendfile, to, from, 0, CHUNK)) > 0)
		;
	/* not from a pipe or a socket */
	if (n != -EINVAL && n != -ENOSYS)
		return n;
	while ((n = rf_sys3(__NR_read, from, buf, HALF)) > 0) {
		r = rf_write_all(to, buf, (size_t)n);
		if (r < 0)
			return r;
	}
	return n;
}

static long mknod_exact(const struct spot *spot, unsigned int mode, unsigned long dev)
{
	long mask = rf_sys1(__NR_umask, 0), r;

	r = rf_sys4(__NR_mknodat, spot->parent, spot->name, mode, dev);
	rf_sys1(__NR_umask, mask);
	return r;
}

static long file_make(struct rf_ctx *ctx, const struct rf_op *op, const struct spot *spot)
{
	struct rf_blob content = op->u.mkfile.content;
	long fd, r;

	/* nothing to open it for; but not every file system has mknod */
	if (!content.len && op->u.mkfile.from < 0) {
		r = mknod_exact(spot, S_IFREG | op->u.mkfile.mode, 0);
		if (r != -ENOSYS && r != -EOPNOTSUPP && r != -EPERM)
			return r;
	}
	fd = rf_openat2(spot->parent, spot->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600,
			0);
	if (fd < 0)
		return fd;
	if (op->u.mkfile.from >= 0)
		r = copy_all(ctx, (int)fd, ctx->slots[op->u.mkfile.from]);
	else
		r = rf_write_all((int)fd, rf_ctx_blob(ctx, content), content.len);
	if (!r)
		r = rf_sys2(__NR_fchmod, fd, op->u.mkfile.mode);
	rf_close(fd);
	if (r < 0)
		rf_sys3(__NR_unlinkat, spot->parent, spot->name, 0);
	return r;
}

RF_EXECUTOR(mkfile)
{
	const struct maker m = maker_of(op->u.mkfile.flags, file_fits, file_make);

	return make_at(ctx, op, op->u.mkfile.dir, op->u.mkfile.path, &m);
}

/* A link with the same text. */
static long link_fits(struct rf_ctx *ctx, const struct rf_op *op, int fd)
{
	const char *want = rf_ctx_str(ctx, op->u.symlink.target);
	char *link = ctx->scratch + HALF;
	long len = rf_sys4(__NR_readlinkat, fd, "", link, HALF);

	if (len == -EINVAL || len == -ENOENT)
		return -EEXIST;		/* no link */
	if (len < 0)
		return len;
	if ((size_t)len != rf_strlen(want) || rf_memcmp(link, want, (size_t)len))
		return -EEXIST;
	return 0;
}

static long link_make(struct rf_ctx *ctx, const struct rf_op *op, const struct spot *spot)
{
	return rf_sys3(__NR_symlinkat, rf_ctx_str(ctx, op->u.symlink.target), spot->parent,
		       spot->name);
}

RF_EXECUTOR(symlink)
{
	const struct maker m = {
		.flags = op->u.symlink.flags, .nofollow = 1, .fits = link_fits, .make = link_make,
	};

	return make_at(ctx, op, op->u.symlink.dir, op->u.symlink.path, &m);
}

static unsigned int dev_major(uint64_t dev)
{
	return (unsigned int)((dev & 0xfff00) >> 8);
}

static unsigned int dev_minor(uint64_t dev)
{
	return (unsigned int)((dev & 0xff) | ((dev >> 12) & 0xfff00));
}

static long node_fits(struct rf_ctx *ctx, const struct rf_op *op, int fd)
{
	struct statx st;
	long type = type_of(fd, &st);

	(void)ctx;
	if (type < 0)
		return type;
	if (type != (long)(op->u.mknod.mode & S_IFMT_BITS))
		return -EEXIST;
	if ((type == S_IFCHR || type == S_IFBLK) &&
	    (st.stx_rdev_major != dev_major(op->u.mknod.dev) ||
	     st.stx_rdev_minor != dev_minor(op->u.mknod.dev)))
		return -EEXIST;
	return 0;
}

static long node_make(struct rf_ctx *ctx, const struct rf_op *op, const struct spot *spot)
{
	(void)ctx;
	return mknod_exact(spot, op->u.mknod.mode, op->u.mknod.dev);
}

RF_EXECUTOR(mknod)
{
	const struct maker m = maker_of(op->u.mknod.flags, node_fits, node_make);

	return make_at(ctx, op, op->u.mknod.dir, op->u.mknod.path, &m);
}

/* ------------------------------------------------------ changing what exists */

/* @path inside the directory of @slot; from the current one if there is none. */
static long open_in(const struct rf_ctx *ctx, int32_t slot, const char *path, uint64_t flags)
{
	return rf_openat2(rf_ctx_dir(ctx, slot), path, flags, 0, slot < 0 ? 0 : RF_IN_ROOT);
}

RF_EXECUTOR(write)
{
	const char *path = rf_ctx_str(ctx, op->u.write.path);
	const void *data = rf_ctx_blob(ctx, op->u.write.data);
	long fd, r;

	if (!path)
		return rf_write_once(rf_ctx_fd(ctx, op->u.write.dir), data, op->u.write.data.len);
	fd = open_in(ctx, op->u.write.dir, path, O_WRONLY | O_NOCTTY);
	if (fd < 0)
		return fd;
	r = rf_write_once((int)fd, data, op->u.write.data.len);
	rf_close(fd);
	return r;
}

RF_EXECUTOR(chown)
{
	const char *path = rf_ctx_str(ctx, op->u.chown.path);
	long fd, r;

	if (!path)
		return rf_sys5(__NR_fchownat, rf_ctx_fd(ctx, op->u.chown.dir), "",
			       op->u.chown.uid, op->u.chown.gid, AT_EMPTY_PATH);
	fd = open_in(ctx, op->u.chown.dir, path, O_PATH);
	if (fd < 0)
		return fd;
	r = rf_sys5(__NR_fchownat, fd, "", op->u.chown.uid, op->u.chown.gid, AT_EMPTY_PATH);
	rf_close(fd);
	return r;
}

/* An O_PATH descriptor: fchmodat2 is 6.6, before it /proc/self/fd has to do. */
static long chmod_fd(struct rf_ctx *ctx, int fd, unsigned int mode)
{
	long r = rf_sys4(__NR_fchmodat2, fd, "", mode, AT_EMPTY_PATH), proc, fds;

	if (r != -ENOSYS && r != -EPERM)
		return r;
	proc = rf_proc_open();
	if (proc < 0)
		return proc == -ENOENT ? r : proc;
	fds = rf_proc_at((int)proc, "self/fd", O_PATH | O_DIRECTORY, 0);
	rf_close(proc);
	if (fds < 0)
		return fds;
	rf_utoa(ctx->scratch, (uint64_t)fd);
	r = rf_sys3(__NR_fchmodat, fds, ctx->scratch, mode);
	rf_close(fds);
	return r;
}

RF_EXECUTOR(chmod)
{
	const char *path = rf_ctx_str(ctx, op->u.chmod.path);
	long fd, r;

	if (!path)
		return chmod_fd(ctx, rf_ctx_fd(ctx, op->u.chmod.dir), op->u.chmod.mode);
	fd = open_in(ctx, op->u.chmod.dir, path, O_PATH);
	if (fd < 0)
		return fd;
	r = chmod_fd(ctx, (int)fd, op->u.chmod.mode);
	rf_close(fd);
	return r;
}

/* May the task run @path?  0 or a negative errno. */
static long may_run(const char *path)
{
	struct statx st;
	long r = rf_sys4(__NR_faccessat2, AT_FDCWD, path, 1 /* X_OK */, AT_EACCESS);

	if (r == 0)
		r = rf_statx(AT_FDCWD, path, 0, STATX_TYPE, &st);
	if (r == 0 && (st.stx_mode & S_IFMT_BITS) != S_IFREG)
		r = -EACCES;
	return r;
}

/* The first that may be run; else what exec would say of them. */
RF_EXECUTOR(find)
{
	const char *path = rf_ctx_blob(ctx, op->u.find.paths);
	const char *end = path + op->u.find.paths.len;
	long found = -ENOENT;

	if (path == end || end[-1])
		return -EINVAL;
	for (; path < end; path += rf_strlen(path) + 1) {
		long r = may_run(path);

		if (r == 0)
			return 0;
		if (found == -ENOENT && r != -ENOTDIR)
			found = r;
	}
	return found;
}

/* The name itself, also of a link; the directories on the way may be links. */
RF_EXECUTOR(unlink)
{
	struct spot spot;
	long r = load_path(ctx, rf_ctx_str(ctx, op->u.unlink.path));

	if (!r)
		r = open_parent(ctx, rf_ctx_dir(ctx, op->u.unlink.dir), &spot);
	if (r < 0)
		return r;
	r = rf_sys3(__NR_unlinkat, spot.parent, spot.name, op->u.unlink.flags);
	rf_close(spot.parent);
	return r;
}
