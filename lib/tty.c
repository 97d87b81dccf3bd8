/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* The library's struct termios begins as the kernel's does; TCGETS fills no more. */
static bool modes_of(int fd, unsigned char modes[RF_TERMIOS_SIZE])
{
	int saved = errno;
	struct termios t;
	bool ok;

	memset(&t, 0, sizeof(t));
	ok = ioctl(fd, TCGETS, &t) == 0;
	if (ok && modes)
		memcpy(modes, &t, RF_TERMIOS_SIZE);
	errno = saved;
	return ok;
}

static bool has_controlling_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}

enum rf_terminal rf_tty_choose(const int fds[3])
{
	bool in = modes_of(fds[0], NULL), out = modes_of(fds[1], NULL);

	if (in && out)
		return RF_TERM_PRIVATE;
	return in || out || modes_of(fds[2], NULL) || has_controlling_terminal() ? RF_TERM_NONE :
									      RF_TERM_INHERIT;
}

void rf_tty_look(const int fds[3], struct rf_tty *ret_tty)
{
	struct rf_tty tty = { .fds = 0 };
	struct winsize size;

	for (int n = 0; n < 3; n++) {
		if (!modes_of(fds[n], tty.has_modes ? NULL : tty.modes))
			continue;
		tty.fds |= 1U << n;
		if (!tty.has_modes && ioctl(fds[n], TIOCGWINSZ, &size) == 0) {
			tty.rows = size.ws_row;
			tty.cols = size.ws_col;
		}
		tty.has_modes = true;
	}
	if (!tty.fds) {
		tty.fds = 6;
		tty.rows = 24;
		tty.cols = 80;
		tty.is_plain = true;
	}
	*ret_tty = tty;
}

void rf_tty_unprocessed(struct rf_tty *tty)
{
	struct termios t;

	memcpy(&t, tty->modes, RF_TERMIOS_SIZE);
	t.c_oflag &= ~(tcflag_t)OPOST;
	memcpy(tty->modes, &t, RF_TERMIOS_SIZE);
}

/* ------------------------------------------------------------------ the ops */

int32_t rf_tty_emit_pair(struct rf_chain *c, const struct rf_tty *tty, int32_t dir,
			 const char *ptmx, uint32_t uid)
{
	rf_str path = rf_chain_str(c, ptmx);
	struct rf_blob modes = { 0, 0 };
	int32_t master, slave;
	struct rf_op *op;

	if (tty->has_modes)
		modes = rf_chain_blob(c, tty->modes, sizeof(tty->modes));
	op = rf_chain_add(c, RF_OP_PTY);
	op->u.pty.dir = dir;
	op->u.pty.path = path;
	op->u.pty.modes = modes;
	op->u.pty.rows = tty->rows;
	op->u.pty.cols = tty->cols;
	op->u.pty.flags = tty->is_plain ? RF_PTY_PLAIN : 0;
	op->out = master = rf_chain_slot(c);
	op->out2 = slave = rf_chain_slot(c);
	if (uid != (uint32_t)-1) {
		op = rf_chain_add(c, RF_OP_CHOWN);
		op->u.chown.dir = slave;
		op->u.chown.uid = uid;
		op->u.chown.gid = (uint32_t)-1;
	}
	(void)rf_prep_send_fd(c, master);
	(void)rf_prep_close(c, master);
	return slave;
}

void rf_tty_emit_fds(struct rf_chain *c, int32_t tty_slot, uint32_t fds)
{
	for (int fd = 0; fd < 3; fd++)
		if (fds & 1U << fd)
			(void)rf_prep_dup(c, tty_slot, fd);
}

void rf_tty_emit_session(struct rf_chain *c, int32_t tty_slot)
{
	(void)rf_prep_setsid(c);
	(void)rf_prep_ctty(c, tty_slot);
}
