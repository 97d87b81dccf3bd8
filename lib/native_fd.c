/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ops of the group "descriptors" as lists of calls (native_lower.h), as run_fd.c. */
#include "native_lower.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/major.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "context.h"

#define PTMX_MINOR	2

RF_LOWER(open)
{
	const uint64_t flags = op->u.open.flags & ~RF_OPEN_NO_DIRECTORY;

	rf_lower_fill(l, rf_lower_open(l, rf_lower_dir(l, op->u.open.dir),
				       rf_lower_str(op->u.open.path), flags, op->u.open.mode,
				       op->u.open.resolve), op->out);
	if (op->u.open.flags & RF_OPEN_NO_DIRECTORY)
		rf_lower_test(l, rf_lower_statx(l, l->number[op->out], STATX_TYPE) +
			      offsetof(struct statx, stx_mode), 2, S_IFMT, S_IFDIR, RF_TEST_NE,
			      EISDIR);
	if (op->u.open.resolve & RESOLVE_IN_ROOT && op->u.open.dir >= 0 && !l->error)
		l->error = rf_made_opened(l->made, op->out, op->u.open.dir,
					  rf_lower_string(l, op->u.open.path));
}

/* Whatever of a slot sits at number @to moves on: one may have been given to several. */
static void make_room(struct rf_lower *l, int32_t to)
{
	int32_t moved = -1;

	for (int32_t i = 0; i < l->c->nr_slots; i++) {
		if (l->number[i] != to)
			continue;
		if (moved < 0)
			moved = rf_lower_keep(l, RF_CALL(l, fcntl, 0, RF_N(to), F_DUPFD_CLOEXEC,
							 l->n->base));
		l->number[i] = moved;
	}
}

RF_LOWER(dup)
{
	const int64_t from = op->u.dup.slot < 0 ? op->u.dup.from : rf_lower_fd(l, op->u.dup.slot);
	const int32_t to = op->u.dup.to;

	if (from == to) {
		(void)RF_CALL(l, fcntl, 0, RF_N(to), F_SETFD, 0);
		return;
	}
	make_room(l, to);
	RF_CALL(l, dup3, 0, RF_N(from), RF_N(to), 0)->flags |= RF_CALL_RESULT;
}

RF_LOWER(close)
{
	const int32_t slot = op->u.close.slot;

	(void)RF_CALL(l, close, 0, RF_N(rf_lower_fd(l, slot)));
	if (l->error)	/* there may be no such slot */
		return;
	rf_lower_free(l, l->number[slot]);
	l->number[slot] = -1;
}

RF_LOWER(socket)
{
	rf_lower_fill(l, RF_CALL(l, socket, 0, RF_N(op->u.socket.domain),
				 RF_N(op->u.socket.type | SOCK_CLOEXEC),
				 RF_N(op->u.socket.protocol)), op->out);
}

RF_LOWER(memfd)
{
	const uint64_t name = op->u.memfd.name ? rf_lower_str(op->u.memfd.name) :
						 rf_lower_text(l, "");
	const unsigned int flags = op->u.memfd.flags | MFD_CLOEXEC |
				   (op->u.memfd.seals ? MFD_ALLOW_SEALING : 0);
	const size_t len = op->u.memfd.content.len;
	int32_t fd;

	rf_lower_fill(l, RF_CALL(l, memfd_create, RF_P0, name, flags), op->out);
	fd = l->number[op->out];
	if (len)
		rf_lower_write(l, fd, rf_lower_blob(op->u.memfd.content), len);
	(void)RF_CALL(l, lseek, 0, RF_N(fd), 0, SEEK_SET);
	if (op->u.memfd.seals)
		(void)RF_CALL(l, fcntl, 0, RF_N(fd), F_ADD_SEALS, op->u.memfd.seals);
}

/*
 * The @nr numbers are in memory at @from, and move from there to ours; which are none of
 * theirs, for those are the lowest that are free.
 */
static void take(struct rf_lower *l, const int32_t *slots, uint32_t nr, uint64_t from)
{
	int32_t theirs[RF_SCM_MAX];

	for (uint32_t i = 0; i < nr; i++)
		theirs[i] = rf_lower_number(l);
	for (uint32_t i = 0; i < nr; i++) {
		struct rf_call *call = RF_CALL(l, fcntl, RF_P0, from + 4 * i, F_DUPFD_CLOEXEC, l->n->base);

		call->load = RF_P0;
		l->number[slots[i]] = rf_lower_keep(l, call);
		RF_CALL(l, close, RF_P0, from + 4 * i)->load = RF_P0;
	}
	for (uint32_t i = 0; i < nr; i++)
		rf_lower_free(l, theirs[i]);
}

RF_LOWER(pipe)
{
	const uint64_t pair = rf_lower_bytes(l, NULL, 2 * sizeof(int32_t));
	const int32_t slots[2] = { op->out, op->out2 };

	(void)RF_CALL(l, pipe2, RF_P0, pair, op->u.pipe.flags | O_CLOEXEC);
	take(l, slots, 2, pair);
}

/* ------------------------------------------------------------------- a terminal */

/* What a new terminal begins with: the kernel's tty_std_termios, of drivers/tty/pty.c. */
static const struct termios new_terminal = {
	.c_iflag = ICRNL | IXON, .c_oflag = OPOST | ONLCR, .c_cflag = B38400 | CS8 | CREAD,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.c_cc = {
		[VINTR] = 'C' - '@', [VQUIT] = '\\' - '@', [VERASE] = 0x7f, [VKILL] = 'U' - '@',
		[VEOF] = 'D' - '@', [VMIN] = 1, [VSTART] = 'Q' - '@', [VSTOP] = 'S' - '@',
		[VSUSP] = 'Z' - '@', [VREPRINT] = 'R' - '@', [VDISCARD] = 'O' - '@',
		[VWERASE] = 'W' - '@', [VLNEXT] = 'V' - '@',
	},
};

/* Modes laid over those of the new terminal, which have to be what we take them for. */
static void set_modes(struct rf_lower *l, const struct rf_op *op, int32_t terminal)
{
	const size_t len = op->u.pty.modes.len;
	struct termios t = new_terminal;
	const uint64_t is = rf_lower_bytes(l, NULL, sizeof(t));

	(void)RF_CALL(l, ioctl, RF_P2, RF_N(terminal), TCGETS, is);
	if (len > sizeof(t)) {
		rf_lower_fail(l, EINVAL);
		return;
	}
	if (!len && !op->u.pty.flags)
		return;
	for (uint32_t at = 0; len < sizeof(t) && at < sizeof(t); at += 4) {
		uint32_t word;

		memcpy(&word, (const char *)&new_terminal + at, sizeof(word));
		rf_lower_test(l, is + at, 4, 0xffffffff, word, RF_TEST_EQ, EPROTO);
	}
	memcpy(&t, l->c->data + op->u.pty.modes.off, len);
	if (op->u.pty.flags & RF_PTY_PLAIN) {
		t.c_lflag &= ~(tcflag_t)ECHO;
		t.c_oflag &= ~(tcflag_t)OPOST;
	}
	(void)RF_CALL(l, ioctl, RF_P2, RF_N(terminal), TCSETS, rf_lower_bytes(l, &t, sizeof(t)));
}

RF_LOWER(pty)
{
	const bool in_devpts = op->u.pty.dir >= 0;
	const struct winsize size = {
		.ws_row = (unsigned short)op->u.pty.rows, .ws_col = (unsigned short)op->u.pty.cols,
	};
	const uint64_t path = in_devpts ? rf_lower_text(l, "ptmx") : rf_lower_str(op->u.pty.path);
	const uint64_t resolve = in_devpts ? RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS :
					     RESOLVE_NO_MAGICLINKS;
	int32_t master, terminal;
	uint64_t st;

	if (op->flags & RF_OP_F_HARD)
		rf_lower_refuse(l, "it may fail, and would leave half of the pair behind");
	master = rf_lower_keep(l, rf_lower_open(l, rf_lower_dir(l, op->u.pty.dir), path,
						O_RDWR | O_NOCTTY | O_NONBLOCK, 0, resolve));
	st = rf_lower_statx(l, master, STATX_TYPE);
	rf_lower_test(l, st + offsetof(struct statx, stx_mode), 2, S_IFMT, S_IFCHR, RF_TEST_EQ, ENOTTY);
	rf_lower_test(l, st + offsetof(struct statx, stx_rdev_major), 4, 0xffffffff, TTYAUX_MAJOR,
		      RF_TEST_EQ, ENOTTY);
	rf_lower_test(l, st + offsetof(struct statx, stx_rdev_minor), 4, 0xffffffff, PTMX_MINOR,
		      RF_TEST_EQ, ENOTTY);
	/* from the kernel, and not by a path */
	(void)RF_CALL(l, ioctl, RF_P2, RF_N(master), TIOCSPTLCK, rf_lower_bytes(l, NULL, sizeof(int)));
	terminal = rf_lower_keep(l, RF_CALL(l, ioctl, 0, RF_N(master), TIOCGPTPEER,
					    O_RDWR | O_NOCTTY | O_CLOEXEC));
	rf_lower_expect_fs(l, terminal, DEVPTS_SUPER_MAGIC);
	set_modes(l, op, terminal);
	if (size.ws_row || size.ws_col)
		(void)RF_CALL(l, ioctl, RF_P2, RF_N(terminal), TIOCSWINSZ,
			      rf_lower_bytes(l, &size, sizeof(size)));
	l->number[op->out] = master;
	l->number[op->out2] = terminal;
}

/* ------------------------------------------------------------ passing descriptors */

/* A struct msghdr with @len bytes at @data, and @control_len at @control. */
static uint64_t message(struct rf_lower *l, uint64_t data, size_t len, uint64_t control,
			size_t control_len)
{
	const struct iovec iov = { .iov_len = len };
	const struct msghdr m = { .msg_iovlen = 1, .msg_controllen = control_len };
	const uint64_t at_iov = rf_lower_bytes(l, &iov, sizeof(iov));
	const uint64_t at = rf_lower_bytes(l, &m, sizeof(m));

	rf_lower_point(l, at_iov + offsetof(struct iovec, iov_base), data);
	rf_lower_point(l, at + offsetof(struct msghdr, msg_iov), at_iov);
	if (control_len)
		rf_lower_point(l, at + offsetof(struct msghdr, msg_control), control);
	return at;
}

/* A struct cmsghdr with the numbers of @slots, 0 without any. */
static uint64_t with_descriptors(struct rf_lower *l, const int32_t *slots, uint32_t nr)
{
	union {
		struct cmsghdr	head;
		char		room[CMSG_SPACE(RF_SCM_MAX * sizeof(int32_t))];
	} c = { .head = { .cmsg_len = CMSG_LEN(nr * sizeof(int32_t)), .cmsg_level = SOL_SOCKET,
			  .cmsg_type = SCM_RIGHTS } };

	for (uint32_t i = 0; i < nr; i++) {
		const int32_t fd = (int32_t)rf_lower_fd(l, slots[i]);

		memcpy(CMSG_DATA(&c.head) + i * sizeof(fd), &fd, sizeof(fd));
	}
	return nr ? rf_lower_bytes(l, &c, c.head.cmsg_len) : 0;
}

/* To the submitter by the report socket, as rf_report(). */
RF_LOWER(send_fds)
{
	const struct rf_report report = { .what = RF_REPORT_FD, .index = l->op };
	const struct rf_blob payload = op->u.send_fds.payload;
	const int32_t *slots = (const void *)(l->c->data + op->u.send_fds.slots.off);
	const uint32_t nr = op->u.send_fds.slots.len / sizeof(*slots);
	struct rf_call *call;
	uint64_t data, control;
	size_t len;
	int64_t to;

	if (nr > RF_SCM_MAX) {
		rf_lower_fail(l, E2BIG);
		return;
	}
	if (rf_op_reports(op)) {
		if (nr != 1) {
			rf_lower_fail(l, EINVAL);
			return;
		}
		to = l->report;
		len = sizeof(report);
		data = rf_lower_bytes(l, &report, len);
	} else {
		to = rf_lower_fd(l, op->u.send_fds.sock);
		/* descriptors travel with a byte at least */
		len = payload.len ? payload.len : 1;
		data = payload.len ? rf_lower_blob(payload) : rf_lower_bytes(l, NULL, len);
	}
	control = with_descriptors(l, slots, nr);
	call = RF_CALL(l, sendmsg, RF_P1, RF_N(to),
		       message(l, data, len, control, nr ? CMSG_LEN(nr * sizeof(int32_t)) : 0),
		       MSG_NOSIGNAL);
	rf_lower_test(l, rf_lower_store(l, call), 8, ~0ULL, len, RF_TEST_EQ, EIO);
}

/* As many as there are slots: with others, what came stays open until the task has failed. */
RF_LOWER(recv_fds)
{
	const int32_t *slots = (const void *)(l->c->data + op->u.recv_fds.slots.off);
	const uint32_t nr = op->u.recv_fds.slots.len / sizeof(*slots);
	const size_t len = RF_SCRATCH / 2, control_len = CMSG_SPACE(RF_SCM_MAX * sizeof(int32_t));
	const uint64_t data = rf_lower_bytes(l, NULL, len);
	const uint64_t control = rf_lower_bytes(l, NULL, control_len);
	const uint64_t at = message(l, data, len, control, control_len);
	const uint64_t kind = SOL_SOCKET | (uint64_t)SCM_RIGHTS << 32;	/* level and type */
	struct rf_call *call;

	if (op->flags & RF_OP_F_HARD || !nr || nr > RF_SCM_MAX) {
		rf_lower_refuse(l, "it may leave open what it was not to receive");
		return;
	}
	call = RF_CALL(l, recvmsg, RF_P1, RF_N(rf_lower_fd(l, op->u.recv_fds.sock)), at,
		       MSG_CMSG_CLOEXEC);
	l->n->look_at[l->op] = (uint32_t)(rf_lower_store(l, call) & RF_AT_OFFSET);
	rf_lower_test(l, control + offsetof(struct cmsghdr, cmsg_len), 8, ~0ULL,
		      CMSG_LEN(nr * sizeof(int32_t)), RF_TEST_EQ, EPROTO);
	rf_lower_test(l, control + offsetof(struct cmsghdr, cmsg_level), 8, ~0ULL, kind,
		      RF_TEST_EQ, EPROTO);
	rf_lower_test(l, at + offsetof(struct msghdr, msg_flags), 4, MSG_CTRUNC, 0, RF_TEST_EQ,
		      EPROTO);
	take(l, slots, nr, control + CMSG_LEN(0));
}
