/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What executors share: thin, freestanding wrappers of system calls.
 */
#ifndef RF_RUN_H
#define RF_RUN_H

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#include "compat.h"
#include "context.h"
#include "freestanding.h"
#include "syscall.h"

#define RF_OPENAT2_TRIES 1000

#define RF_IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)

/* The directory in @slot, or the current one where the op names none. */
static inline int rf_ctx_dir(const struct rf_ctx *ctx, int32_t slot)
{
	return slot < 0 ? AT_FDCWD : ctx->slots[slot];
}

static inline long rf_openat2(int dir, const char *path, uint64_t flags, uint64_t mode,
			      uint64_t resolve)
{
	const struct open_how how = {
		.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve,
	};
	const int tries = resolve & RESOLVE_CACHED ? 1 : RF_OPENAT2_TRIES;
	long r = -EAGAIN;

	/*
	 * A rename or a mount anywhere on the system meanwhile, and a path with
	 * ".." cannot be known to have stayed in the root: openat2(2) says to try
	 * again.  Bounded: somebody may be renaming on purpose.
	 */
	for (int i = 0; r == -EAGAIN && i < tries; i++)
		r = rf_sys4(__NR_openat2, dir, path, &how, sizeof(how));
	return r;
}

static inline void rf_close(long fd)
{
	rf_sys1(__NR_close, fd);
}

static inline long rf_statx(int dir, const char *path, int flags, unsigned int mask,
			    struct statx *ret)
{
	return rf_sys5(__NR_statx, dir, path, flags | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		       mask, ret);
}

/* When it was made, in ns; 0: not known to its file system.  statx(2), STATX_BTIME. */
static inline uint64_t rf_stat_born(const struct statx *st)
{
	return st->stx_mask & STATX_BTIME ?
	       (uint64_t)st->stx_btime.tv_sec * 1000000000U + st->stx_btime.tv_nsec : 0;
}

/* As stat(2) of a C library has it in st_dev. */
static inline uint64_t rf_stat_dev(const struct statx *st)
{
	uint64_t minor = st->stx_dev_minor;

	return (minor & 0xff) | ((uint64_t)st->stx_dev_major << 8) | ((minor & ~0xffULL) << 12);
}

/* What getdents64(2) writes. */
struct rf_dirent {
	uint64_t	ino;
	int64_t		off;
	uint16_t	reclen;
	uint8_t		type;
	char		name[];
};

/* All of @data, in as many calls as it takes; 0 or a negative errno. */
static inline long rf_write_all(int fd, const char *data, size_t len)
{
	while (len) {
		long n = rf_sys3(__NR_write, fd, data, len);

		if (n < 0)
			return n;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* In one call, as procfs wants it; 0 or a negative errno. */
static inline long rf_write_once(int fd, const void *data, size_t len)
{
	long n = rf_sys3(__NR_write, fd, data, len);

	if (n < 0)
		return n;
	return (size_t)n == len ? 0 : -EIO;
}

/*
 * run_proc.c.  /proc, once it is known to be a procfs and its root: whatever
 * is opened below it with rf_proc_at() is on that same file system, so nothing
 * mounted or linked there can stand in for the file that is meant.
 */
long rf_proc_open(void);
long rf_proc_at(int proc, const char *path, uint64_t flags, uint64_t resolve);
long rf_proc_write(const char *path, const void *data, size_t len);

#endif
