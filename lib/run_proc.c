/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing to procfs, and to nothing that looks like it.
 *
 * Labels, id maps and the like are writes to files below /proc.  A tmpfs, a
 * bind mount or a link in its place would swallow the write, or send it to
 * another file (CVE-2019-16884, CVE-2025-52881).  So: the root of a procfs, by
 * magic and inode, and from there neither across a mount nor by a magic link.
 */
#include <asm/statfs.h>
#include <linux/magic.h>

#include "run.h"

#define PROC_ROOT_INO 1

long rf_proc_open(void)
{
	struct statfs fs;
	struct statx st;
	long fd, r;

	fd = rf_openat2(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0, 0);
	if (fd < 0)
		return fd;
	r = rf_sys2(__NR_fstatfs, fd, &fs);
	if (!r)
		r = rf_statx((int)fd, "", AT_EMPTY_PATH, STATX_INO, &st);
	if (!r && (fs.f_type != PROC_SUPER_MAGIC || st.stx_ino != PROC_ROOT_INO))
		r = -EXDEV;
	if (r < 0) {
		rf_close(fd);
		return r;
	}
	return fd;
}

long rf_proc_at(int proc, const char *path, uint64_t flags, uint64_t resolve)
{
	return rf_openat2(proc, path, flags, 0, resolve | RESOLVE_BENEATH | RESOLVE_NO_XDEV |
			  RESOLVE_NO_MAGICLINKS);
}

long rf_proc_write(const char *path, const void *data, size_t len)
{
	long proc = rf_proc_open(), fd, r;

	if (proc < 0)
		return proc;
	fd = rf_proc_at((int)proc, path, O_WRONLY, 0);
	rf_close(proc);
	if (fd < 0)
		return fd;
	r = rf_write_once((int)fd, data, len);
	rf_close(fd);
	return r;
}
