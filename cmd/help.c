/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence help, ringfence version: all of it printed from the tables.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "options.h"
#include "report.h"
#include "spec.h"

static int help_main(int argc, char **argv);
static int version_main(int argc, char **argv);

const struct command cmd_help = {
	.name	= "help",
	.args	= "[command]",
	.help	= "print the commands, or the options of one",
	.words	= "run batch explain doctor seccomp exec ps kill pause resume hook completion help version",
	.opts	= options_only_help,
	.main	= help_main,
};

const struct command cmd_version = {
	.name	= "version",
	.args	= "",
	.help	= "print the version",
	.opts	= options_only_help,
	.main	= version_main,
};

#define COLUMN 30	/* where the help of an option begins */

static void print_option(const struct rf_opt *o)
{
	char left[96];
	int n;

	n = snprintf(left, sizeof(left), "  %c%c%s --%s%s%s%s%s",
		     o->letter ? '-' : ' ', o->letter ? o->letter : ' ', o->letter ? "," : " ",
		     o->flags & RF_OPT_NEGATABLE ? "[no-]" : "", o->name,
		     !o->arg ? "" : o->flags & RF_OPT_OPTIONAL ? "[=" : " ",
		     o->arg ? o->arg : "", o->arg && (o->flags & RF_OPT_OPTIONAL) ? "]" : "");
	if (n >= COLUMN)
		out("%s\n%*s%s\n", left, COLUMN + 1, "", o->help);
	else
		out("%-*s %s\n", COLUMN, left, o->help);
}

static void print_options(const char *title, const struct rf_opt *rows)
{
	out("\n%s\n", title);
	for (; rows->name; rows++)
		print_option(rows);
}

int help_command(const struct command *cmd)
{
	out("Usage: ringfence %s%s%s\n\n%c%s.\n", cmd->name, *cmd->args ? " " : "", cmd->args,
	    cmd->help[0] - 'a' + 'A', cmd->help + 1);
	print_options("Options:", cmd->opts);
	if (cmd->flags & COMMAND_SPEC) {
		print_options("The sandbox (keys of a spec; on top of it):", rf_spec_options);
		out("\nPresets for --extends:");
		for (size_t i = 0; rf_preset_name(i); i++)
			out(" %s", rf_preset_name(i));
		out("\n");
	}
	out("\nThe manual: man ringfence%s\n",
	    cmd->flags & COMMAND_SPEC ? "; the keys: man ringfence-spec" : "");
	return out_finish(0);
}

/* These commands take nothing but --help. */
static int usage_error(struct rf_err *err)
{
	report_error(err, 0);
	return STATUS_USAGE;
}

static int print_commands(void)
{
	out("Usage: ringfence COMMAND [option...] ...\n\n"
	    "Start a command inside a sandbox that a spec describes.\n\n");
	for (size_t i = 0; commands[i]; i++)
		out("  %-12s %s\n", commands[i]->name, commands[i]->help);
	out("\n`ringfence COMMAND --help` prints the options of one.\n");
	return out_finish(0);
}

static int help_main(int argc, char **argv)
{
	struct rf_err err = RF_ERR_INIT;
	const struct command *cmd;
	int first;

	/* `ringfence --help` comes here under that name */
	first = options_parse(&cmd_help, argc, argv, options_take_help, NULL, &err);
	if (first == OPTIONS_STOP)
		return help_command(&cmd_help);
	if (first < 0)
		return usage_error(&err);
	if (argc - first > 1) {
		rf_err_set(&err, EINVAL, "help: one command, not '%s' too", argv[first + 1]);
		return usage_error(&err);
	}
	if (argc == first)
		return print_commands();
	cmd = command_find(argv[first]);
	if (!cmd) {
		rf_err_set(&err, EINVAL, "help: no command '%s'", argv[first]);
		return usage_error(&err);
	}
	return help_command(cmd);
}

static int version_main(int argc, char **argv)
{
	struct rf_err err = RF_ERR_INIT;
	int first = options_parse(&cmd_version, argc, argv, options_take_help, NULL, &err);

	if (first == OPTIONS_STOP)
		return help_command(&cmd_version);
	if (first >= 0 && first < argc)
		rf_err_set(&err, EINVAL, "version: takes no argument: '%s'", argv[first]);
	if (err.code)
		return usage_error(&err);
	out("ringfence %s\n", PACKAGE_VERSION);
	return out_finish(0);
}
