/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The executor of `copy_dir`: what is in one directory, into another.
 *
 * Without recursion, for the stack is small: the second half of the scratch memory has a
 * level for each directory on the way, the first what has been read of the innermost.
 * Names are looked up from the descriptor of their directory and never followed.
 */
#include "run.h"

#define HALF		(RF_SCRATCH / 2)
#define LEVELS_MAX	64
#define TEXT_MAX	2048		/* of a link */

struct level {
	int32_t		from, to;
	int64_t		next;		/* where to go on reading */
};

static struct level *levels(struct rf_ctx *ctx)
{
	return (struct level *)(void *)(ctx->scratch + HALF);
}

static char *text(struct rf_ctx *ctx)
{
	return ctx->scratch + HALF + LEVELS_MAX * sizeof(struct level);
}

_Static_assert(LEVELS_MAX * sizeof(struct level) + TEXT_MAX <= HALF, "scratch is too small");

/* Owner and mode, in this order: the first takes bits of the second away. */
static long dress(int fd, const struct statx *st)
{
	long r = rf_sys3(__NR_fchown, fd, st->stx_uid, st->stx_gid);

	return r < 0 ? r : rf_sys2(__NR_fchmod, fd, st->stx_mode & 07777);
}

static long copy_file(const struct level *l, const char *name, const struct statx *st)
{
	long from = rf_openat2(l->from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, 0), to, r;

	if (from < 0)
		return from;
	to = rf_openat2(l->to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, 0);
	if (to < 0) {
		rf_close(from);
		return to;
	}
	do
		r = rf_sys4(__NR_sendfile, to, from, 0, 0x40000000);
	while (r > 0);
	if (r == 0)
		r = dress((int)to, st);
	rf_close(to);
	rf_close(from);
	return r;
}

static long copy_link(struct rf_ctx *ctx, const struct level *l, const char *name,
		      const struct statx *st)
{
	char *target = text(ctx);
	long len = rf_sys4(__NR_readlinkat, l->from, name, target, TEXT_MAX - 1), r;

	if (len < 0)
		return len;
	if (len == TEXT_MAX - 1)
		return -ENAMETOOLONG;
	target[len] = '\0';
	r = rf_sys3(__NR_symlinkat, target, l->to, name);
	return r < 0 ? r : rf_sys5(__NR_fchownat, l->to, name, st->stx_uid, st->stx_gid,
				   AT_SYMLINK_NOFOLLOW);
}

/* A device, a fifo, or the name of a socket. */
static long copy_node(const struct level *l, const char *name, const struct statx *st)
{
	const uint64_t dev = (st->stx_rdev_minor & 0xff) | ((uint64_t)st->stx_rdev_major << 8) |
			     ((uint64_t)(st->stx_rdev_minor & ~0xffU) << 12);
	const long mask = rf_sys1(__NR_umask, 0);
	long r = rf_sys4(__NR_mknodat, l->to, name, st->stx_mode, dev);

	rf_sys1(__NR_umask, mask);
	return r < 0 ? r : rf_sys5(__NR_fchownat, l->to, name, st->stx_uid, st->stx_gid,
				   AT_SYMLINK_NOFOLLOW);
}

/* 1: it is the level behind @l now. */
static long copy_dir(struct level *l, const char *name, const struct statx *st)
{
	struct level *inner = l + 1;
	long r = rf_sys3(__NR_mkdirat, l->to, name, 0700);

	if (r < 0)
		return r;
	r = rf_openat2(l->from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, 0);
	if (r < 0)
		return r;
	inner->from = (int32_t)r;
	r = rf_openat2(l->to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, 0);
	inner->to = (int32_t)r;
	inner->next = 0;
	if (r >= 0)
		r = dress(inner->to, st);
	if (r == 0)
		return 1;
	rf_close(inner->from);
	if (inner->to >= 0)
		rf_close(inner->to);
	return r;
}

static long copy_one(struct rf_ctx *ctx, struct level *l, const char *name)
{
	struct statx st;
	long r = rf_statx(l->from, name, AT_SYMLINK_NOFOLLOW,
			  STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID, &st);

	if (r < 0)
		return r;
	switch (st.stx_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(l, name, &st);
	case S_IFLNK:
		return copy_link(ctx, l, name, &st);
	case S_IFDIR:
		return l - levels(ctx) + 1 < LEVELS_MAX ? copy_dir(l, name, &st) : -E2BIG;
	default:
		return copy_node(l, name, &st);
	}
}

static int is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Some more of the innermost directory: 0 it is through, 1 there is more, or another level. */
static long copy_some(struct rf_ctx *ctx, struct level **at)
{
	struct level *l = *at;
	long n, r = rf_sys3(__NR_lseek, l->from, l->next, 0), pos = 0;

	if (r < 0)
		return r;
	n = rf_sys3(__NR_getdents64, l->from, ctx->scratch, HALF);
	if (n <= 0)
		return n;
	while (pos < n) {
		const struct rf_dirent *e = (const void *)(ctx->scratch + pos);

		pos += e->reclen;
		l->next = e->off;
		r = is_dots(e->name) ? 0 : copy_one(ctx, l, e->name);
		if (r < 0)
			return r;
		if (r == 1) {
			(*at)++;
			return 1;
		}
	}
	return 1;
}

static void close_level(const struct level *l)
{
	rf_close(l->from);
	rf_close(l->to);
}

RF_EXECUTOR(copy_dir)
{
	struct level *first = levels(ctx), *at = first;
	long r = rf_openat2(rf_ctx_fd(ctx, op->u.copy.from), ".", O_RDONLY | O_DIRECTORY, 0, 0);

	if (r < 0)
		return r;
	at->from = (int32_t)r;
	at->next = 0;
	r = rf_openat2(rf_ctx_fd(ctx, op->u.copy.to), ".", O_RDONLY | O_DIRECTORY, 0, 0);
	if (r < 0) {
		rf_close(at->from);
		return r;
	}
	at->to = (int32_t)r;
	do {
		r = copy_some(ctx, &at);
		if (r == 0 && at > first) {
			close_level(at--);
			r = 1;
		}
	} while (r == 1);
	for (; at >= first; at--)
		close_level(at);
	return r;
}
