/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program: a table of commands.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "error.h"
#include "options.h"
#include "report.h"
#include "spec.h"

const struct command *const commands[] = {
	&cmd_run, &cmd_batch, &cmd_pool, &cmd_explain, &cmd_doctor, &cmd_seccomp, &cmd_exec, &cmd_ps, &cmd_kill,
	&cmd_pause, &cmd_resume, &cmd_hook, &cmd_completion, &cmd_help, &cmd_version, NULL
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/*
 * A closed descriptor 0, 1 or 2 would be handed out again for a file of ours,
 * and the sandboxed command would find it as its input or output.
 */
static int fill_standard_fds(void)
{
	struct pollfd fds[3] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };
	int fd;

	if (poll(fds, 3, 0) < 0)
		return -errno;
	for (int i = 0; i < 3; i++) {
		if (!(fds[i].revents & POLLNVAL))
			continue;
		/* in ascending order, so that the lowest free number is this one */
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return -errno;
		if (i == 1)
			report_stdout_was_closed();
	}
	return 0;
}

static int unknown_command(const char *word)
{
	struct rf_err err = RF_ERR_INIT;
	const char *names[32] = { NULL };
	char nearest[64];

	for (size_t i = 0; commands[i]; i++)
		names[i] = commands[i]->name;
	rf_err_set(&err, EINVAL, "no command '%s'%s", word,
		   rf_nearest(word, names, sizeof(names[0]), nearest));
	rf_err_hint(&err, "`ringfence --help` lists the commands");
	report_error(&err, 0);
	return STATUS_USAGE;
}

int main(int argc, char **argv)
{
	const struct command *cmd;
	int r;

	clock_start();
	/* RLIMIT_FSIZE: an error of the write to report; the command has it back */
	(void)signal(SIGXFSZ, SIG_IGN);
	if (getauxval(AT_SECURE)) {
		report_text("setuid or setgid: ringfence gives nobody more rights than they have; remove the bit\n");
		return STATUS_SANDBOX;
	}
	r = fill_standard_fds();
	if (r < 0) {
		report_text("standard input, output or error is closed, and /dev/null: %s\n", strerror(-r));
		return STATUS_SANDBOX;
	}
	if (argc < 2) {
		report_text("no command given; `ringfence --help` lists the commands\n");
		return STATUS_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		cmd = &cmd_help;
	else if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		cmd = &cmd_version;
	else
		cmd = command_find(argv[1]);
	if (!cmd)
		return unknown_command(argv[1]);
	return cmd->main(argc - 1, argv + 1);
}
