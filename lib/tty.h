/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private terminals: a pair of pseudo-terminals for one command.
 *
 * Front ends look at the caller's terminal (rf_tty_look()).  In the chain the
 * op `pty` makes the pair, `send_fds` hands the master to the submitter, which
 * gets it as RF_DONE_FD and moves bytes between it and the caller's terminal
 * (cmd/terminal.h); the command has the other end as its controlling terminal
 * in a session of its own.  So whatever it does to its terminal, it does to
 * nobody else's.
 *
 * The pair comes from a devpts by its descriptor where the sandbox has one
 * that the chain made, else by the path of a ptmx.  What is opened there is
 * believed only if it is a ptmx and its other end is on a devpts: a path in a
 * tree of somebody else's may lead anywhere (CVE-2025-52565).
 */
#ifndef RF_TTY_H
#define RF_TTY_H

#include <stdint.h>

#include "chain.h"

enum rf_terminal { RF_TERM_AUTO = 0, RF_TERM_INHERIT, RF_TERM_NONE, RF_TERM_PRIVATE };

/* struct termios as the kernel has it: flags, line, characters. */
#define RF_TERMIOS_SIZE	36

struct rf_tty {
	uint32_t	 fds;		/* bit n: descriptor n of the command is the terminal */
	uint32_t	 rows, cols;	/* 0: unknown */
	bool		 has_modes;
	bool		 is_plain;	/* no terminal outside: output as it is printed */
	unsigned char	 modes[RF_TERMIOS_SIZE];
};

/*
 * What a private terminal is to be like, from @fds, the caller's descriptors 0, 1 and 2
 * as we call them; -1: closed.
 *
 * Those that are terminals become the private one; what is redirected to a file
 * or pipe stays as it is, and so does what is closed.  Size and modes are those
 * of the first of them.  Where none is a terminal, what is printed goes through
 * one all the same, of 80 by 24, and comes out as it was printed; standard input
 * stays.
 */
void rf_tty_look(const int fds[3], struct rf_tty *ret_tty);

/* In the modes of @tty nothing is done to what is printed. */
void rf_tty_unprocessed(struct rf_tty *tty);

/*
 * What `terminal: auto` is here.
 *
 * PRIVATE where standard input and output are terminals, for somebody uses it.
 * NONE where the caller has a terminal otherwise: in a session of its own nobody
 * can type into that (TIOCSTI), take its foreground, or open it as /dev/tty.  It is
 * not PRIVATE in a pipeline, whose other members use the caller's terminal meanwhile:
 * they would fight about its mode and what is typed.  INHERIT where there is none;
 * a new session costs the scheduler a group.
 */
enum rf_terminal rf_tty_choose(const int fds[3]);

/*
 * Emit the pair, and the master's way to the submitter.  @dir: slot of a mounted
 * devpts (attached or not), or RF_SLOT_NONE with @ptmx, an absolute path.  A
 * @uid other than (uint32_t)-1 becomes the owner, which the devpts needs to know.
 * Return: the slot of the command's end.
 */
int32_t rf_tty_emit_pair(struct rf_chain *c, const struct rf_tty *tty, int32_t dir,
			 const char *ptmx, uint32_t uid);

/* Emit dup: slot @tty_slot to the numbers in @fds; then the session and its terminal. */
void rf_tty_emit_fds(struct rf_chain *c, int32_t tty_slot, uint32_t fds);
void rf_tty_emit_session(struct rf_chain *c, int32_t tty_slot);

#endif
