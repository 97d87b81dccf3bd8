/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A sub-command: one file, one row.  Parsing, `--help`, the completion scripts
 * and the man page check read the row.
 */
#ifndef RF_CMD_COMMAND_H
#define RF_CMD_COMMAND_H

#include <stdbool.h>

#include "opt.h"

struct rf_err;

/* command.flags */
#define COMMAND_SPEC	(1U << 0)	/* takes rf_spec_options[] too */
#define COMMAND_RUNS	(1U << 1)	/* what follows its options is a command line */
#define COMMAND_FILES	(1U << 2)	/* its argument, or what follows one of its words, is a file */
#define COMMAND_NAMES	(1U << 3)	/* its arguments are running sandboxes; with RUNS the first */

struct command {
	const char		*name;
	const char		*args;		/* synopsis behind the name */
	const char		*help;		/* one line, lower case, no full stop */
	const char		*words;		/* what its argument may be, or NULL */
	const struct rf_opt	*opts;		/* its own rows */
	unsigned int		 flags;		/* COMMAND_* */
	/* argv[0] is the command's name.  Return: the exit status. */
	int			(*main)(int argc, char **argv);
};

extern const struct command cmd_run, cmd_batch, cmd_pool, cmd_explain, cmd_doctor, cmd_seccomp, cmd_exec, cmd_ps, cmd_kill,
	cmd_pause, cmd_resume, cmd_hook, cmd_completion, cmd_help, cmd_version;

/* main.c: every command, in the order of --help; NULL ends. */
extern const struct command *const commands[];
const struct command *command_find(const char *name);

/* Exit status of ringfence itself. */
enum {
	STATUS_USAGE	= 2,	/* usage or spec */
	STATUS_TIMEOUT	= 124,
	STATUS_SANDBOX	= 125,	/* the sandbox could not be made */
	STATUS_NO_EXEC	= 126,	/* found but not executable */
	STATUS_NOT_FOUND = 127,
};

/* help.c: `ringfence COMMAND --help`; the exit status. */
int help_command(const struct command *cmd);

#endif
