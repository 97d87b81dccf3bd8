/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals while a command runs.
 *
 * ringfence is transparent: what is sent to it reaches the command, and it
 * stops and ends as the command does.  All signals that can be forwarded are
 * blocked and read from a signalfd on the ring.
 *
 * - What the terminal sends (^C, ^\, ^Z, a new window size) goes to the whole
 *   foreground process group, of which the command is normally a member: it
 *   has got the signal already, and is not sent it twice.
 *   A command in a session of its own has not, nor has any of its group: both
 *   get it from us.
 * - A signal that the caller had ignored (nohup, `&` in a script) stays so.
 * - Stopping follows the command: only when *it* stops does ringfence stop, so
 *   that an editor which handles ^Z by itself is not torn from its terminal.
 *   And only in the foreground of a terminal: elsewhere nobody would notice,
 *   and the wall limit would not be kept.
 * - Pid 1 of a pid namespace is not hit by signals that it does not handle.
 *   Without `init` the command is pid 1; ringfence then does what the default
 *   action would have done.
 */
#ifndef RF_CMD_SIGNALS_H
#define RF_CMD_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "ringfence.h"

struct terminal;

struct signals {
	int		 fd;		/* signalfd; -1 */
	/*
	 * The command is no child of ours but a pool's: its pidfd once it runs, and what
	 * ends it.  Whoever calls with them has no context.
	 */
	int		 pidfd;
	void		 (*end_by)(void *arg, int sig);
	void		*arg;
	sigset_t	 ignored;	/* by the caller */
	bool		 is_pid1;	/* the command is pid 1 of its namespace */
	pid_t		 pid;		/* of the command; 0 before exec */
	struct terminal	*terminal;	/* private, of the command; or NULL */
	int		 ended_by;	/* signal whose default action we carried out; 0 */
	bool		 asked;		/* one that ends what does not handle it was passed on */
	struct {
		int	 sig;
		bool	 from_terminal;
	}		 early[8];	/* came before the command, in order */
	unsigned int	 nr_early;
};

/* Block and watch.  0 or a negative errno. */
int signals_init(struct signals *s, struct rf_ring *ring, bool is_pid1);

/* The signalfd is readable: act on what is there.  0 or a negative errno. */
int signals_handle(struct signals *s, struct rf_ring *ring, struct rf_context *ctx);

/* A pool's command has been stopped by @sig. */
void signals_stopped(struct signals *s, int sig);

/* ^Z was typed at the command's private terminal, and no shell in there stops it. */
void signals_suspend(struct signals *s, struct rf_context *ctx);

/*
 * The command is over: write what its terminal has printed; with @hurry what can be
 * written at once, and else until a signal comes that ends us.  0 or a negative errno.
 */
int signals_drain(struct signals *s, struct rf_ring *ring, bool hurry);

/* The command runs: what came before is for it. */
void signals_started(struct signals *s, struct rf_context *ctx, pid_t pid);

/*
 * A signal that is to end the launch has come before the command; but the
 * command may be running by now and the ring only not have said so.  While this
 * is true, look without waiting, and when there is nothing, it is ended.
 */
bool signals_are_early(const struct signals *s);
void signals_end_launch(struct signals *s, struct rf_context *ctx);

/*
 * End as a command does that @sig killed; the exit status if that fails.  With
 * @typed it was the terminal's, which would have sent it to all of our group: a
 * script that runs us ends by ^C as if we were not there.
 */
int signals_die(int sig, bool typed);

#endif
