/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tracer: a process that watches every system call of the command, for
 * --explain-denials and --learn.
 *
 * It is forked before the launch and attaches by PTRACE_SEIZE while the payload
 * task is parked at a gate, before that gives up what it has; so the command's
 * first instruction is seen, and a command that may not be traced never starts.
 * A process of its own, because ptrace's stops come by waitpid(-1): the
 * launcher waits for exits by pidfd on its ring, and the two would take each
 * other's news.  What it learns it writes into a memory file that the launcher
 * reads when the tracer has ended.
 *
 *	launcher			tracer
 *	tracer_start			waits for a pid
 *	 (payload parked)
 *	tracer_attach    --- pid -->	PTRACE_SEIZE
 *			 <-- errno --	traces from exec to the end of the command
 *	 (launch over)
 *	tracer_finish			writes its findings, exits
 *
 * It ends with the command; what that leaves behind ends too
 * (PTRACE_O_EXITKILL), and so does everything if the tracer is killed.
 */
#ifndef RF_CMD_TRACER_H
#define RF_CMD_TRACER_H

#include <stdbool.h>
#include <sys/types.h>

#include "denials.h"
#include "observed.h"

struct rf_err;
struct rf_sandbox;

struct tracer {
	pid_t		 pid;		/* 0: none */
	int		 socket;	/* to it; -1 */
	int		 file;		/* what it has found; -1 */
	bool		 explain, learn;

	/* after tracer_finish() */
	struct denials	 denials;
	struct observed	 observed;
};

/* Fork it; @sb stays as it is.  0 or a negative errno. */
int tracer_start(struct tracer *t, const struct rf_sandbox *sb, struct rf_err *err);

/* Let it trace @pid, which is parked.  0 or a negative errno, the kernel's. */
int tracer_attach(struct tracer *t, pid_t pid, struct rf_err *err);

/* The launch is over: what it has found.  0, or a negative errno with @err. */
int tracer_finish(struct tracer *t, struct rf_err *err);
void tracer_done(struct tracer *t);

/* Say what a tracer does not see. */
void tracer_print_limits(void);

#endif
