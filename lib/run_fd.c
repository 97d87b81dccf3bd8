/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Executors of the group "descriptors".
 */
#include <asm/ioctls.h>
#include <asm/statfs.h>
#include <asm/termbits.h>
#include <asm/termios.h>
#include <linux/close_range.h>
#include <linux/magic.h>
#include <linux/major.h>
#include <linux/memfd.h>
#include <linux/resource.h>
#include <linux/sched.h>

#include "run.h"	/* <linux/stat.h> before anything of the C library */

#include "message.h"
#include "task.h"

#define PTMX_MINOR 2

RF_EXECUTOR(open)
{
	long fd = rf_openat2(rf_ctx_dir(ctx, op->u.open.dir), rf_ctx_str(ctx, op->u.open.path),
			     op->u.open.flags & ~RF_OPEN_NO_DIRECTORY, op->u.open.mode,
			     op->u.open.resolve);
	struct statx st;
	long r;

	if (fd < 0 || !(op->u.open.flags & RF_OPEN_NO_DIRECTORY))
		return fd;
	r = rf_statx((int)fd, "", AT_EMPTY_PATH, STATX_TYPE, &st);
	if (r == 0 && (st.stx_mode & S_IFMT) == S_IFDIR)
		r = -EISDIR;
	if (r == 0)
		return fd;
	rf_close(fd);
	return r;
}

/* ------------------------------------------------------------ dup and close */

long rf_fd_raise(struct rf_ctx *ctx, int fd)
{
	long to = rf_sys3(__NR_fcntl, fd, F_DUPFD_CLOEXEC, ctx->area->fd_floor);

	/* a low RLIMIT_NOFILE: anywhere, and out of the way again when need be */
	if (to == -EINVAL)
		to = rf_sys3(__NR_fcntl, fd, F_DUPFD_CLOEXEC, 3);
	if (to >= 0)
		rf_close(fd);
	return to;
}

/* Move whatever of ours sits at number @to, and tell its owner. */
static long make_room(struct rf_ctx *ctx, int to)
{
	int32_t *const internal[] = {
		&ctx->area->report_fd, &ctx->area->ring_fd,
		&ctx->area->init_fd, &ctx->area->submitter_pidfd, &ctx->init_sock,
		&ctx->area_fd,
	};
	long moved = -1;

	for (unsigned int i = 0; i < sizeof(internal) / sizeof(internal[0]); i++) {
		if (*internal[i] != to)
			continue;
		/* in the table of pid 1, a copy, they are where they were */
		rf_await_init_look(ctx);
		moved = rf_fd_raise(ctx, to);
		if (moved < 0)
			return moved;
		*internal[i] = (int32_t)moved;
		return 0;
	}
	for (uint32_t i = 0; i < ctx->area->nr_slots; i++) {
		if (ctx->slots[i] != to)
			continue;
		if (moved < 0)
			moved = rf_fd_raise(ctx, to);
		if (moved < 0)
			return moved;
		/* one descriptor may have been given to several slots */
		ctx->slots[i] = (int32_t)moved;
	}
	return 0;
}

RF_EXECUTOR(dup)
{
	int from = op->u.dup.slot < 0 ? op->u.dup.from : ctx->slots[op->u.dup.slot];
	int to = op->u.dup.to;
	long r;

	if (from < 0 || to < 0)
		return -EBADF;
	if (from == to && op->u.dup.slot < 0) {
		r = rf_sys3(__NR_fcntl, to, F_SETFD, 0);
		return r < 0 ? r : to;
	}
	r = make_room(ctx, to);
	if (r < 0)
		return r;
	/* it may have been the slot that was there: what is closed then is the slot's own */
	if (op->u.dup.slot >= 0)
		from = ctx->slots[op->u.dup.slot];
	return rf_sys3(__NR_dup3, from, to, 0);
}

RF_EXECUTOR(close)
{
	int fd = rf_ctx_fd(ctx, op->u.close.slot);

	if (fd < 0)
		return -EBADF;
	ctx->slots[op->u.close.slot] = -1;
	return rf_sys1(__NR_close, fd);
}

/* -------------------------------------------------------------- close_range */

/* The lowest descriptor >= @from that stays open; INT32_MAX: none. */
static int32_t next_kept(const struct rf_ctx *ctx, int32_t from)
{
	const struct rf_area *area = ctx->area;
	const int32_t *keep = (const int32_t *)(const void *)(ctx->base + area->off_keep);
	const int32_t internal[] = {
		area->report_fd, area->ring_fd, area->init_fd, area->submitter_pidfd,
		ctx->init_sock,
	};
	int32_t best = INT32_MAX;

	for (uint32_t i = 0; i < area->nr_keep && best == INT32_MAX; i++)
		if (keep[i] >= from)
			best = keep[i];
	for (unsigned int i = 0; i < sizeof(internal) / sizeof(internal[0]); i++)
		if (internal[i] >= from && internal[i] < best)
			best = internal[i];
	for (uint32_t i = 0; i < area->nr_slots; i++)
		if (ctx->slots[i] >= from && ctx->slots[i] < best)
			best = ctx->slots[i];
	return best;
}

static int32_t last_kept(const struct rf_ctx *ctx)
{
	int32_t last = -1, next;

	while ((next = next_kept(ctx, last + 1)) != INT32_MAX)
		last = next;
	return last;
}

/* The number that @name is; -1 for "." and "..". */
static int32_t fd_number(const char *name)
{
	int32_t n = 0;

	if (*name < '0' || *name > '9')
		return -1;
	for (; *name; name++)
		n = n * 10 + (*name - '0');
	return n;
}

/* procfs lists descriptors by number, so closing some does not disturb the walk. */
static long close_listed(struct rf_ctx *ctx)
{
	long proc = rf_proc_open(), dir, n;

	if (proc < 0)
		return proc;
	dir = rf_proc_at((int)proc, "self/fd", O_RDONLY | O_DIRECTORY, 0);
	rf_close(proc);
	if (dir < 0)
		return dir;
	while ((n = rf_sys3(__NR_getdents64, dir, ctx->scratch, RF_SCRATCH)) > 0) {
		for (long at = 0; at < n;) {
			const struct rf_dirent *d = (const void *)(ctx->scratch + at);
			int32_t fd = fd_number(d->name);

			if (fd >= 0 && fd != dir && next_kept(ctx, fd) != fd)
				rf_close(fd);
			at += d->reclen;
		}
	}
	rf_close(dir);
	return n;
}

#define FDS_BOUND (1 << 20)

static long close_by_limit(struct rf_ctx *ctx)
{
	struct rlimit64 lim;
	long r = rf_sys4(__NR_prlimit64, 0, RLIMIT_NOFILE, 0, &lim);
	int32_t kept = -1;

	if (r < 0)
		return r;
	if (lim.rlim_cur > FDS_BOUND)
		lim.rlim_cur = FDS_BOUND;
	for (int32_t fd = 0; fd < (int32_t)lim.rlim_cur; fd++) {
		if (kept < fd)
			kept = next_kept(ctx, fd);
		if (fd != kept)
			rf_close(fd);
	}
	return 0;
}

static long close_one_by_one(struct rf_ctx *ctx)
{
	long r = rf_sys1(__NR_unshare, CLONE_FILES);

	if (r < 0)
		return r;
	r = close_listed(ctx);
	return r < 0 ? close_by_limit(ctx) : r;
}

RF_EXECUTOR(close_range)
{
	int32_t next = 0, kept;
	long r;

	(void)op;
	/* The table may be the submitter's: leave it before anything in it is touched. */
	r = rf_sys3(__NR_close_range, last_kept(ctx) + 1, ~0U, CLOSE_RANGE_UNSHARE);
	if (r == -ENOSYS || r == -EPERM)
		return close_one_by_one(ctx);
	while (!r && (kept = next_kept(ctx, next)) != INT32_MAX) {
		if (kept > next)
			r = rf_sys3(__NR_close_range, next, kept - 1, 0);
		next = kept + 1;
	}
	return r;
}

/* ------------------------------------------------------ making descriptors */

RF_EXECUTOR(pipe)
{
	int fds[2];
	long r = rf_sys2(__NR_pipe2, fds, op->u.pipe.flags | O_CLOEXEC);

	if (r < 0)
		return r;
	ctx->slots[op->out] = fds[0];
	ctx->slots[op->out2] = fds[1];
	return 0;
}

/* A ptmx by its device number, whatever the path led to. */
static long check_ptmx(int master)
{
	struct statx st;
	long r = rf_statx(master, "", AT_EMPTY_PATH, STATX_TYPE, &st);

	if (r < 0)
		return r;
	return (st.stx_mode & S_IFMT) == S_IFCHR && st.stx_rdev_major == TTYAUX_MAJOR &&
	       st.stx_rdev_minor == PTMX_MINOR ? 0 : -ENOTTY;
}

/*
 * The other end, from the kernel and not by a path, which could have been
 * swapped (CVE-2025-52565); on a devpts, or it is none.
 */
static long pty_peer(int master)
{
	struct statfs fs;
	int locked = 0;
	long fd, r;

	r = rf_sys3(__NR_ioctl, master, TIOCSPTLCK, &locked);
	if (r < 0)
		return r;
	fd = rf_sys3(__NR_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return fd;
	r = rf_sys2(__NR_fstatfs, fd, &fs);
	if (!r && fs.f_type != DEVPTS_SUPER_MAGIC)
		r = -EXDEV;
	if (!r)
		return fd;
	rf_close(fd);
	return r;
}

static long pty_set(struct rf_ctx *ctx, const struct rf_op *op, int fd)
{
	const struct winsize size = {
		.ws_row = (unsigned short)op->u.pty.rows, .ws_col = (unsigned short)op->u.pty.cols,
	};
	struct termios t;
	long r = rf_sys3(__NR_ioctl, fd, TCGETS, &t);

	if (op->u.pty.modes.len > sizeof(t))
		return -EINVAL;
	rf_memcpy(&t, rf_ctx_blob(ctx, op->u.pty.modes), op->u.pty.modes.len);
	if (op->u.pty.flags & RF_PTY_PLAIN) {
		t.c_lflag &= ~(unsigned int)ECHO;
		t.c_oflag &= ~(unsigned int)OPOST;
	}
	if (!r && (op->u.pty.modes.len || op->u.pty.flags))
		r = rf_sys3(__NR_ioctl, fd, TCSETS, &t);
	if (!r && (size.ws_row || size.ws_col))
		r = rf_sys3(__NR_ioctl, fd, TIOCSWINSZ, &size);
	return r;
}

RF_EXECUTOR(pty)
{
	/* the file itself in a devpts that is known; by a path, as users have it */
	const uint64_t resolve = op->u.pty.dir < 0 ? RESOLVE_NO_MAGICLINKS :
		RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS;
	const char *path = op->u.pty.dir < 0 ? rf_ctx_str(ctx, op->u.pty.path) : "ptmx";
	long master = rf_openat2(rf_ctx_dir(ctx, op->u.pty.dir), path,
				 O_RDWR | O_NOCTTY | O_NONBLOCK, 0, resolve);
	long peer, r;

	if (master < 0)
		return master;
	r = check_ptmx((int)master);
	peer = r ? r : pty_peer((int)master);
	if (peer >= 0)
		r = pty_set(ctx, op, (int)peer);
	if (peer < 0 || r < 0) {
		if (peer >= 0)
			rf_close(peer);
		rf_close(master);
		return peer < 0 ? peer : r;
	}
	ctx->slots[op->out] = (int32_t)master;
	ctx->slots[op->out2] = (int32_t)peer;
	return 0;
}

RF_EXECUTOR(socket)
{
	(void)ctx;
	return rf_sys3(__NR_socket, op->u.socket.domain, op->u.socket.type | SOCK_CLOEXEC,
		       op->u.socket.protocol);
}

RF_EXECUTOR(memfd)
{
	const char *name = rf_ctx_str(ctx, op->u.memfd.name);
	unsigned int flags = op->u.memfd.flags | MFD_CLOEXEC;
	long fd, r;

	if (op->u.memfd.seals)
		flags |= MFD_ALLOW_SEALING;
	fd = rf_sys2(__NR_memfd_create, name ? name : "", flags);
	if (fd < 0)
		return fd;
	r = rf_write_all((int)fd, rf_ctx_blob(ctx, op->u.memfd.content),
			 op->u.memfd.content.len);
	if (!r)
		r = rf_sys3(__NR_lseek, fd, 0, 0);
	if (!r && op->u.memfd.seals)
		r = rf_sys3(__NR_fcntl, fd, F_ADD_SEALS, op->u.memfd.seals);
	if (r < 0) {
		rf_close(fd);
		return r;
	}
	return fd;
}

/* ------------------------------------------------------ passing descriptors */

static long send_to_submitter(struct rf_ctx *ctx, const int32_t *slots, uint32_t nr)
{
	int fd = nr == 1 ? rf_ctx_fd(ctx, slots[0]) : -1;

	if (nr != 1)
		return -EINVAL;
	if (fd < 0)
		return -ECANCELED;
	return rf_report(ctx, RF_REPORT_FD, ctx->index, fd);
}

RF_EXECUTOR(send_fds)
{
	const int32_t *slots = rf_ctx_blob(ctx, op->u.send_fds.slots);
	uint32_t nr = op->u.send_fds.slots.len / sizeof(*slots);
	struct rf_cmsg *c = (void *)ctx->scratch;
	struct iovec iov = {
		.iov_base = (void *)(uintptr_t)rf_ctx_blob(ctx, op->u.send_fds.payload),
		.iov_len = op->u.send_fds.payload.len,
	};
	struct rf_msg msg = { .iov = &iov, .iovlen = 1 };
	char nothing = 0;
	long r;

	if (nr > RF_SCM_MAX)
		return -E2BIG;
	if (op->u.send_fds.sock < 0)
		return send_to_submitter(ctx, slots, nr);
	/* descriptors travel with a byte at least */
	if (!iov.iov_len) {
		iov.iov_base = &nothing;
		iov.iov_len = 1;
	}
	for (uint32_t i = 0; i < nr; i++) {
		rf_cmsg_fds(c)[i] = rf_ctx_fd(ctx, slots[i]);
		if (rf_cmsg_fds(c)[i] < 0)
			return -ECANCELED;
	}
	c->len = RF_CMSG_LEN(nr);
	c->level = SOL_SOCKET;
	c->type = SCM_RIGHTS;
	if (nr) {
		msg.control = c;
		msg.controllen = c->len;
	}
	r = rf_sys3(__NR_sendmsg, rf_ctx_fd(ctx, op->u.send_fds.sock), &msg, MSG_NOSIGNAL);
	if (r < 0)
		return r;
	return (size_t)r == iov.iov_len ? 0 : -EIO;
}

RF_EXECUTOR(recv_fds)
{
	const int32_t *slots = rf_ctx_blob(ctx, op->u.recv_fds.slots);
	uint32_t want = op->u.recv_fds.slots.len / sizeof(*slots), got;
	struct rf_cmsg *c = (void *)ctx->scratch;
	struct iovec iov = {
		.iov_base = ctx->scratch + RF_SCRATCH / 2, .iov_len = RF_SCRATCH / 2,
	};
	struct rf_msg msg = {
		.iov = &iov, .iovlen = 1, .control = c,
		.controllen = RF_CMSG_LEN(RF_SCM_MAX),
	};
	long r;

	r = rf_sys3(__NR_recvmsg, rf_ctx_fd(ctx, op->u.recv_fds.sock), &msg, MSG_CMSG_CLOEXEC);
	if (r < 0)
		return r;
	got = rf_msg_fds(&msg);
	if (got == want && !(msg.flags & MSG_CTRUNC)) {
		for (uint32_t i = 0; i < got; i++)
			ctx->slots[slots[i]] = rf_cmsg_fds(c)[i];
		return 0;
	}
	for (uint32_t i = 0; i < got; i++)
		rf_close(rf_cmsg_fds(c)[i]);
	return r ? -EPROTO : -EPIPE;
}
