/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <unistd.h>

#include "stream.h"
#include "tty.h"

/* How often to look whether we are in the foreground, while we are not. */
#define LOOK_NS	200000000

enum { WATCH_TYPED = TERMINAL_WATCH, WATCH_MASTER_IN, WATCH_MASTER_OUT, WATCH_SHOWN, WATCH_TIMER };

struct terminal {
	struct rf_ring	*ring;
	int		 tty, size;	/* the caller's; -1: none */
	int		 in, out;	/* our own descriptors; -1: none */
	int		 master, master_out; /* -1: not yet, or hung up */
	int		 peer;		/* keeps the master from an end while nobody has it open */
	int		 timer;		/* -1 until needed */
	bool		 timer_armed;
	bool		 started, finished;
	bool		 mixed;		/* others print to the caller's terminal too */
	bool		 is_raw;
	struct termios	 saved, raw;
	pid_t		 pid;
	int		 typed_signal;
	bool		 suspended;
	struct stream	 typed, shown;	/* caller to command, command to caller */
};

/* ------------------------------------------------- the caller's descriptors */

static bool is_usable(int fd, int direction)	/* O_RDONLY or O_WRONLY */
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_PATH) &&
	       ((flags & O_ACCMODE) == O_RDWR || (flags & O_ACCMODE) == direction);
}

/*
 * @fd once more, non-blocking, so that the caller's is left as it is.  Terminals and
 * pipes only: a file would begin at its start.
 */
static int open_again(int fd, int direction, bool *ret_blocks)
{
	struct stat st;
	char path[40];
	int own = -1;

	if (fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || isatty(fd))) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		own = open(path, direction | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	}
	*ret_blocks = own < 0;
	return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* The first of @fds that can be used in @direction; -1. */
static int pick(const int fds[3], uint32_t mask, int direction)
{
	for (int i = 0; i < 3; i++)
		if (mask & 1U << fds[i] && is_usable(fds[i], direction))
			return fds[i];
	return -1;
}

void terminal_ends_of(const struct rf_tty *tty, struct terminal_ends *ret_ends)
{
	static const int to_read[3] = { 0, 1, 2 }, to_write[3] = { 1, 2, 0 };
	struct terminal_ends e = { .in = -1, .tty = -1, .size = -1 };

	e.out = pick(to_write, tty->fds, O_WRONLY);
	if (tty->has_modes) {
		e.in = pick(to_read, tty->fds, O_RDONLY);
		for (int fd = 2; fd >= 0; fd--)
			if (tty->fds & 1U << fd)
				e.tty = e.size = fd;
		e.mixed = !(tty->fds & 2);
	}
	*ret_ends = e;
}

static void note_typed(void *arg, const char *data, size_t len);

static void open_ends(struct terminal *t, const struct terminal_ends *ends)
{
	if (ends->in >= 0 && is_usable(ends->in, O_RDONLY))
		t->in = open_again(ends->in, O_RDONLY, &t->typed.from_blocks);
	if (ends->out >= 0 && is_usable(ends->out, O_WRONLY))
		t->out = open_again(ends->out, O_WRONLY, &t->shown.to_blocks);
	t->tty = ends->tty;
	t->size = ends->size;
	t->mixed = ends->mixed;
	/* in raw mode without VMIN a read of a terminal never waits */
	t->typed.zero_is_nothing = t->typed.from_blocks && isatty(ends->in);
}

int terminal_new(struct rf_ring *ring, const struct terminal_ends *ends, struct terminal **ret_t)
{
	struct terminal *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->ring = ring;
	t->in = t->out = t->master = t->master_out = t->peer = t->timer = -1;
	t->typed.from = t->typed.to = t->shown.from = t->shown.to = -1;
	t->typed.ring = t->shown.ring = ring;
	t->typed.from_id = WATCH_TYPED;
	t->typed.to_id = WATCH_MASTER_OUT;
	t->typed.look = note_typed;
	t->typed.arg = t;
	t->typed.paused = true;
	t->shown.from_id = WATCH_MASTER_IN;
	t->shown.to_id = WATCH_SHOWN;
	open_ends(t, ends);
	*ret_t = t;
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* The command's terminal is gone: its session gets SIGHUP, as of any terminal. */
static void hang_up(struct terminal *t)
{
	stream_done(&t->typed);
	stream_done(&t->shown);
	t->typed.from_over = t->typed.to_over = t->shown.from_over = t->shown.to_over = true;
	close_fd(&t->peer);
	close_fd(&t->master_out);
	close_fd(&t->master);
}

struct terminal *terminal_free(struct terminal *t)
{
	if (!t)
		return NULL;
	terminal_leave(t);
	hang_up(t);
	if (t->timer_armed)
		(void)rf_ring_unwatch(t->ring, t->timer);
	close_fd(&t->timer);
	close_fd(&t->in);
	close_fd(&t->out);
	free(t);
	return NULL;
}

/* ------------------------------------------------------------------ the mode */

/* A terminal that is not our session's has no foreground to be in. */
static bool in_foreground(const struct terminal *t)
{
	pid_t group = tcgetpgrp(t->tty);

	return group < 0 || group == getpgrp();
}

static void make_raw(struct terminal *t)
{
	struct termios raw = t->saved;

	cfmakeraw(&raw);
	/* "\n" of the others has to begin a line all the same */
	if (t->mixed)
		raw.c_oflag = t->saved.c_oflag;
	raw.c_cc[VMIN] = t->typed.zero_is_nothing ? 0 : 1;
	raw.c_cc[VTIME] = 0;
	t->raw = raw;
}

/* TCSANOW: what is typed ahead is kept, and no slow terminal is waited for. */
static void go_raw(struct terminal *t)
{
	if (tcgetattr(t->tty, &t->saved) < 0)
		return;
	make_raw(t);
	t->is_raw = tcsetattr(t->tty, TCSANOW, &t->raw) == 0;
}

static int look_later(struct terminal *t)
{
	const struct itimerspec its = { .it_value = { .tv_nsec = LOOK_NS } };
	int r;

	if (t->timer < 0)
		t->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (t->timer < 0 || timerfd_settime(t->timer, 0, &its, NULL) < 0)
		return -errno;
	if (t->timer_armed)
		return 0;
	r = rf_ring_watch(t->ring, t->timer, WATCH_TIMER);
	t->timer_armed = r == 0;
	return r;
}

static void give_back(const struct terminal *t, const struct termios *mode)
{
	if (t->is_raw && in_foreground(t))
		(void)tcsetattr(t->tty, TCSANOW, mode);
}

/*
 * The keys of the caller's terminal mean again what they did, but what is still to
 * be shown has been through the command's own terminal: a second pass would turn
 * each "\r\n" into "\r\r\n".
 */
static void go_half_raw(struct terminal *t)
{
	struct termios mode = t->saved;

	mode.c_oflag = t->raw.c_oflag;
	give_back(t, &mode);
}

int terminal_enter(struct terminal *t)
{
	struct termios now;

	if (!t || !t->started || t->finished || t->master < 0)
		return 0;
	if (t->tty < 0) {
		terminal_resize(t);
		return stream_resume(&t->typed);
	}
	if (!in_foreground(t)) {
		/* put there while it was raw: whoever did it has set its own mode */
		t->is_raw = false;
		stream_pause(&t->typed);
		return look_later(t);
	}
	/* continued: a shell may have changed the mode meanwhile, and the size */
	if (!t->is_raw || (tcgetattr(t->tty, &now) == 0 && now.c_lflag != t->raw.c_lflag))
		go_raw(t);
	terminal_resize(t);
	return stream_resume(&t->typed);
}

void terminal_leave(struct terminal *t)
{
	if (!t)
		return;
	stream_pause(&t->typed);
	give_back(t, &t->saved);
	t->is_raw = false;
}

void terminal_resize(struct terminal *t)
{
	struct winsize size;

	if (t && t->size >= 0 && t->master >= 0 && ioctl(t->size, TIOCGWINSZ, &size) == 0 &&
	    size.ws_row && size.ws_col)
		(void)ioctl(t->master, TIOCSWINSZ, &size);
}

/* --------------------------------------------------------------- what is typed */

static bool is_suspend(const struct terminal *t, const struct termios *mode)
{
	pid_t group = tcgetpgrp(t->master);	/* of the command's terminal */

	return mode->c_lflag & ISIG && group > 0 && group == getpgid(t->pid);
}

/* The modes of the command's terminal say what its characters mean. */
static void note_typed(void *arg, const char *data, size_t len)
{
	struct terminal *t = arg;
	struct termios mode;

	t->typed_signal = 0;
	if (tcgetattr(t->master, &mode) < 0 || !(mode.c_lflag & ISIG))
		return;
	for (size_t i = 0; i < len; i++) {
		cc_t c = (cc_t)data[i];

		t->typed_signal = c == mode.c_cc[VINTR] ? SIGINT :
				  c == mode.c_cc[VQUIT] ? SIGQUIT : 0;
		if (c == mode.c_cc[VSUSP] && c != _POSIX_VDISABLE && is_suspend(t, &mode))
			t->suspended = true;
	}
}

bool terminal_was_suspended(struct terminal *t)
{
	bool was = t && t->suspended;

	if (was)
		t->suspended = false;
	return was;
}

int terminal_typed_signal(const struct terminal *t)
{
	return t ? t->typed_signal : 0;
}

/* ------------------------------------------------------------------ the pump */

int terminal_attach(struct terminal *t, int master)
{
	if (t->master >= 0) {
		(void)close(master);
		return -EPROTO;
	}
	t->master = t->shown.from = master;
	t->master_out = t->typed.to = fcntl(master, F_DUPFD_CLOEXEC, 3);
	if (t->master_out < 0)
		return -errno;
	t->peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t->peer < 0)
		return -errno;
	t->typed.from = t->in;
	t->shown.to = t->out;
	return stream_arm(&t->typed);
}

int terminal_started(struct terminal *t, pid_t pid)
{
	int r;

	t->pid = pid;
	t->started = true;
	r = terminal_enter(t);
	/* nothing is shown before the mode is right */
	return r < 0 ? r : stream_arm(&t->shown);
}

bool terminal_is_watch(uint64_t user_data)
{
	return user_data >= WATCH_TYPED && user_data <= WATCH_TIMER;
}

/* The caller's end is gone: so is the command's. */
static int check_shown(struct terminal *t, int r)
{
	if (t->shown.to_over && !t->finished)
		hang_up(t);
	return r;
}

static int typed_ready(struct terminal *t)
{
	if (t->typed.paused || in_foreground(t))
		return stream_ready(&t->typed, false);
	t->typed.from_armed = false;
	return terminal_enter(t);
}

int terminal_ready(struct terminal *t, uint64_t user_data)
{
	if (!t || t->master < 0)
		return 0;	/* hung up since */
	switch (user_data) {
	case WATCH_TYPED:
		return typed_ready(t);
	case WATCH_MASTER_OUT:
		return stream_ready(&t->typed, true);
	case WATCH_MASTER_IN:
		return check_shown(t, stream_ready(&t->shown, false));
	case WATCH_SHOWN:
		return check_shown(t, stream_ready(&t->shown, true));
	case WATCH_TIMER:
		t->timer_armed = false;
		return terminal_enter(t);
	default:
		return -EINVAL;
	}
}

bool terminal_finish(struct terminal *t)
{
	if (!t || t->master < 0)
		return true;
	if (!t->finished) {
		stream_pause(&t->typed);
		go_half_raw(t);
		close_fd(&t->peer);
		t->finished = true;
	}
	if (!stream_drain(&t->shown) && !t->shown.to_over && stream_arm(&t->shown) == 0)
		return false;
	terminal_leave(t);
	return true;
}
