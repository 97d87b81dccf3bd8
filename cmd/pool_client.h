/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `ringfence run --pool`: hand a command to a pool, and be for it what `ringfence run`
 * is for its own: signals, the terminal, the exit status.
 */
#ifndef RF_CMD_POOL_CLIENT_H
#define RF_CMD_POOL_CLIENT_H

#include <stdbool.h>

#include "run.h"

/* Does the command line name a pool at all?  Cheap, and perhaps true in vain. */
bool pool_is_named(int argc, char **argv);

struct pool_answer {
	int		 status;	/* exit status; or */
	int		 signal;	/* that the command died of; 0 */
	bool		 typed;		/* it came from the terminal */
	char		*text;		/* of COLD: why, and words for the command line */
	const char	*why;
	char		**argv;		/* the command line with them; to be freed */
	int		 argc;
};

/*
 * Have a pool run the command line @argv, if it names one.
 * Return: 1: it has, and @ret has how it ended; 0: it is to be launched without, by
 * ret->argv, and ret->why says why, NULL if no pool was asked for; a negative errno with
 * run->launch.err, or OPTIONS_STOP.
 */
int pool_run(int argc, char **argv, struct run *run, struct pool_answer *ret);
void pool_answer_done(struct pool_answer *a);

#endif
