/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The caller's side of a private terminal (lib/tty.h): bytes between the master
 * and the caller's terminal, its mode, its size, and the foreground.
 *
 * Use, with one ring:
 *
 *	terminal_ends_of(&sb->tty, &ends)	or as the caller likes it
 *	terminal_new(ring, &ends, &t)
 *	RF_DONE_FD	terminal_attach(t, done.result)
 *	RF_DONE_STARTED	terminal_started(t, pid)
 *	RF_DONE_WATCH	if (terminal_is_watch(done.user_data)) terminal_ready(t, done.user_data)
 *	signals		SIGWINCH: terminal_resize(); SIGCONT: terminal_enter(); before
 *			stopping: terminal_leave(), after it: terminal_enter()
 *	at the end	terminal_finish() until it is true, a terminal_ready() between
 *			two calls; then terminal_free()
 *
 * While the command runs and ringfence is in the foreground, the caller's terminal
 * is raw: what is typed goes to the command's terminal as it is, ^C and ^Z too, and
 * that makes signals of it.  In the background it is left alone, output is still
 * printed, nothing is read; a timer looks whether we are in the foreground again,
 * for no signal says so.  The mode comes back with terminal_leave(), which every way
 * out passes that a process can see coming.
 *
 * The descriptors of the caller are not made non-blocking, for others share them:
 * they are opened once more where that can be done.
 */
#ifndef RF_CMD_TERMINAL_H
#define RF_CMD_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ringfence.h"

struct rf_tty;
struct terminal;

/* user_data of the watches: five numbers from here on. */
#define TERMINAL_WATCH	0x7470U

/* The caller's side, by its descriptors; -1: there is none. */
struct terminal_ends {
	int		 in;		/* what comes from there is typed; a terminal, or anything */
	int		 out;		/* where what is shown goes */
	int		 tty;		/* whose mode is the command's terminal's to have while it runs */
	int		 size;		/* whose size the command's terminal follows */
	bool		 mixed;		/* others print to .tty too */
};

/* Those of what is the terminal outside; nothing is typed where none is. */
void terminal_ends_of(const struct rf_tty *tty, struct terminal_ends *ret_ends);

/* Nothing is watched or changed yet. 0 or a negative errno. */
int terminal_new(struct rf_ring *ring, const struct terminal_ends *ends, struct terminal **ret_t);

/* Restores the mode; NULL is fine.  Returns NULL. */
struct terminal *terminal_free(struct terminal *t);

/* Takes @master, whatever it returns: 0 or a negative errno. */
int terminal_attach(struct terminal *t, int master);

/* The command runs as @pid: its terminal is the caller's now. */
int terminal_started(struct terminal *t, pid_t pid);

bool terminal_is_watch(uint64_t user_data);
int terminal_ready(struct terminal *t, uint64_t user_data);

/*
 * Go raw if we are in the foreground, else wait until we are; and go back.  NULL
 * is fine for these.
 */
int terminal_enter(struct terminal *t);
void terminal_leave(struct terminal *t);

/* The caller's terminal has another size. */
void terminal_resize(struct terminal *t);

/*
 * Was ^Z typed, once per call, at a command that no shell of its own could stop:
 * the foreground of the private terminal is the command's own process group?
 */
bool terminal_was_suspended(struct terminal *t);

/* The signal of ^C or ^\ if that was what was typed last; 0. */
int terminal_typed_signal(const struct terminal *t);

/*
 * The command has ended.  True when all that it printed has been written, or
 * nobody takes it, and then the mode is the caller's again; its keys mean what they
 * did from the first call on.
 */
bool terminal_finish(struct terminal *t);

#endif
