/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence completion bash|zsh: completion scripts, written from the tables
 * of options.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "options.h"
#include "report.h"
#include "spec.h"

static int completion_main(int argc, char **argv);

const struct command cmd_completion = {
	.name	= "completion",
	.args	= "bash|zsh",
	.help	= "print a completion script for a shell",
	.words	= "bash zsh",
	.opts	= options_only_help,
	.main	= completion_main,
};

/* Calls @print for every option of @cmd. */
static void each_option(const struct command *cmd,
			void (*print)(const struct command *cmd, const struct rf_opt *opt))
{
	for (const struct rf_opt *o = cmd->opts; o->name; o++)
		print(cmd, o);
	if (cmd->flags & COMMAND_SPEC)
		for (const struct rf_opt *o = rf_spec_options; o->name; o++)
			print(cmd, o);
}

/* ------------------------------------------------------------------- bash */

static void bash_name(const struct command *cmd, const struct rf_opt *o)
{
	(void)cmd;
	out(" --%s", o->name);
	if (o->flags & RF_OPT_NEGATABLE)
		out(" --no-%s", o->name);
}

/* A pattern for those whose argument is the next word. */
static void bash_taking(const struct command *cmd, const struct rf_opt *o)
{
	(void)cmd;
	if (!o->arg || (o->flags & RF_OPT_OPTIONAL))
		return;
	out(" --%s ", o->name);
	if (o->letter)
		out("-%c ", o->letter);
}

static void bash_value(const struct command *cmd, const struct rf_opt *o)
{
	static const char *const actions[] = {
		[RF_COMPLETE_FILE]	= "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))",
		[RF_COMPLETE_DIR]	= "compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))",
		[RF_COMPLETE_COMMAND]	= "COMPREPLY=($(compgen -c -- \"$cur\"))",
		[RF_COMPLETE_USER]	= "COMPREPLY=($(compgen -u -- \"$cur\"))",
		[RF_COMPLETE_GROUP]	= "COMPREPLY=($(compgen -g -- \"$cur\"))",
	};

	if (!o->arg)
		return;
	out("\t%s:--%s", cmd->name, o->name);
	if (o->letter)
		out("|%s:-%c", cmd->name, o->letter);
	out(")\n\t\t");
	if (o->complete == RF_COMPLETE_WORDS)
		out("COMPREPLY=($(compgen -W '%s' -- \"$cur\"))", o->words);
	else if (o->complete == RF_COMPLETE_WORD_LIST)
		out("_ringfence_list '%s' \"$cur\"", o->words);
	else if (o->complete != RF_COMPLETE_NONE)
		out("%s", actions[o->complete]);
	else
		out(":");
	out(" ;;\n");
}

static const char bash_head[] =
	"# bash completion for ringfence, written by `ringfence completion bash`\n"
	"\n"
	"# Words with commas between: the last one is completed.\n"
	"_ringfence_list() {\n"
	"\tlocal before= last=$2\n"
	"\n"
	"\tcase $2 in\n"
	"\t*,*) before=${2%,*}, last=${2##*,} ;;\n"
	"\tesac\n"
	"\tcompopt -o nospace\n"
	"\tCOMPREPLY=($(compgen -P \"$before\" -W \"$1\" -- \"$last\"))\n"
	"}\n"
	"\n"
	"_ringfence() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev= command=${COMP_WORDS[1]}\n"
	"\tlocal options= taking= words= runs= files= names= named= i\n"
	"\n"
	"\tCOMPREPLY=()\n"
	"\tif ((COMP_CWORD == 1)); then\n";

static const char bash_middle[] =
	"\n"
	"\t# where the options end\n"
	"\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	"\t\tcase ${COMP_WORDS[i]} in\n"
	"\t\t--) ((i++)); break ;;\n"
	"\t\t=) ((i++)) ;;\n"
	"\t\t-*)\n"
	"\t\t\tif [[ $taking == *\" ${COMP_WORDS[i]} \"* && ${COMP_WORDS[i + 1]} != '=' ]]; then\n"
	"\t\t\t\t((i++))\n"
	"\t\t\tfi ;;\n"
	"\t\t*)\n"
	"\t\t\t[[ $names ]] || break\n"
	"\t\t\t[[ ! $runs || ! $named ]] || break\n"
	"\t\t\tnamed=1 ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tif ((i < COMP_CWORD)) || [[ ${COMP_WORDS[i - 1]} == -- && i -eq COMP_CWORD ]]; then\n"
	"\t\tif [[ $files ]]; then\n"
	"\t\t\tif [[ $cur == -* ]]; then\n"
	"\t\t\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
	"\t\t\telse\n"
	"\t\t\t\tcompopt -o filenames\n"
	"\t\t\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	"\t\t\tfi\n"
	"\t\t\treturn\n"
	"\t\tfi\n"
	"\t\t[[ $runs ]] || return\n"
	"\t\tif declare -F _command_offset >/dev/null; then\n"
	"\t\t\t_command_offset \"$i\"\n"
	"\t\telif ((i == COMP_CWORD)); then\n"
	"\t\t\tCOMPREPLY=($(compgen -c -- \"$cur\"))\n"
	"\t\telse\n"
	"\t\t\tcompopt -o filenames\n"
	"\t\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	"\t\tfi\n"
	"\t\treturn\n"
	"\tfi\n"
	"\n"
	"\t# --name=value comes as three words\n"
	"\tprev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tif [[ $cur == = ]]; then\n"
	"\t\tcur=\n"
	"\telif [[ $prev == = ]]; then\n"
	"\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"\telif [[ $taking != *\" $prev \"* ]]; then\n"
	"\t\tprev=\n"
	"\tfi\n"
	"\tcase $command:$prev in\n";

static const char bash_tail[] =
	"\t*)\n"
	"\t\tif [[ $cur == -* ]]; then\n"
	"\t\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
	"\t\telif [[ $names && ( ! $runs || ! $named ) ]]; then\n"
	"\t\t\tCOMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" ps --quiet 2>/dev/null)\" -- \"$cur\"))\n"
	"\t\telif [[ $words ]]; then\n"
	"\t\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	"\t\telif [[ $files ]]; then\n"
	"\t\t\tcompopt -o filenames\n"
	"\t\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	"\t\telif [[ $runs ]]; then\n"
	"\t\t\tCOMPREPLY=($(compgen -c -- \"$cur\"))\n"
	"\t\tfi ;;\n"
	"\tesac\n"
	"}\n"
	"complete -F _ringfence ringfence\n";

static void print_bash(void)
{
	out("%s\t\tCOMPREPLY=($(compgen -W '", bash_head);
	for (size_t i = 0; commands[i]; i++)
		out("%s ", commands[i]->name);
	out("--help --version' -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase $command in\n");
	for (size_t i = 0; commands[i]; i++) {
		out("\t%s)\n\t\toptions='", commands[i]->name);
		each_option(commands[i], bash_name);
		out("'\n\t\ttaking='");
		each_option(commands[i], bash_taking);
		out("'\n\t\twords='%s' runs=%s files=%s names=%s ;;\n",
		    commands[i]->words ? commands[i]->words : "",
		    commands[i]->flags & COMMAND_RUNS ? "1" : "",
		    commands[i]->flags & COMMAND_FILES ? "1" : "",
		    commands[i]->flags & COMMAND_NAMES ? "1" : "");
	}
	out("\tesac\n%s", bash_middle);
	for (size_t i = 0; commands[i]; i++)
		each_option(commands[i], bash_value);
	out("%s", bash_tail);
}

/* -------------------------------------------------------------------- zsh */

/* Inside single quotes, and inside the brackets of an _arguments spec. */
static void zsh_quoted(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			out("'\\''");
		else
			out("%s%c", strchr("[]:\\", *text) ? "\\" : "", *text);
	}
}

static void zsh_action(const struct rf_opt *o)
{
	static const char *const actions[] = {
		[RF_COMPLETE_NONE]	= " ",
		[RF_COMPLETE_FILE]	= "_files",
		[RF_COMPLETE_DIR]	= "_files -/",
		[RF_COMPLETE_COMMAND]	= "_command_names -e",
		[RF_COMPLETE_USER]	= "_users",
		[RF_COMPLETE_GROUP]	= "_groups",
	};

	out(":");
	zsh_quoted(o->arg);
	if (o->complete == RF_COMPLETE_WORDS)
		out(":(%s)", o->words);
	else if (o->complete == RF_COMPLETE_WORD_LIST)
		out(":_values -s , %s %s", o->name, o->words);
	else
		out(":%s", actions[o->complete]);
}

static void zsh_spelling(const struct rf_opt *o, const char *dashes, const char *name,
			 const char *arg_mark)
{
	bool repeat = o->flags & RF_OPT_REPEAT;

	out("\t\t\t'%s%s%s%s[", repeat ? "*" : "", dashes, name, o->arg ? arg_mark : "");
	zsh_quoted(o->help);
	out("]");
	if (o->arg)
		zsh_action(o);
	out("' \\\n");
}

static void zsh_option(const struct command *cmd, const struct rf_opt *o)
{
	(void)cmd;
	zsh_spelling(o, "--", o->name, o->flags & RF_OPT_OPTIONAL ? "=-" : "=");
	if (o->letter) {
		char letter[] = { o->letter, '\0' };

		zsh_spelling(o, "-", letter, "+");
	}
	if (o->flags & RF_OPT_NEGATABLE)
		out("\t\t\t'--no-%s[do not]' \\\n", o->name);
}

static void print_zsh(void)
{
	out("#compdef ringfence\n"
	    "# zsh completion for ringfence, written by `ringfence completion zsh`\n\n"
	    "_ringfence_names() {\n"
	    "\tcompadd -- ${(f)\"$(ringfence ps --quiet 2>/dev/null)\"}\n"
	    "}\n\n"
	    "_ringfence() {\n"
	    "\tlocal -a commands\n"
	    "\tcommands=(\n");
	for (size_t i = 0; commands[i]; i++) {
		out("\t\t'%s:", commands[i]->name);
		zsh_quoted(commands[i]->help);
		out("'\n");
	}
	out("\t)\n"
	    "\tif ((CURRENT == 2)); then\n"
	    "\t\t_describe command commands\n"
	    "\t\treturn\n"
	    "\tfi\n"
	    "\tlocal command=$words[2]\n"
	    "\tshift words\n"
	    "\t((CURRENT--))\n"
	    "\tcase $command in\n");
	for (size_t i = 0; commands[i]; i++) {
		out("\t%s)\n\t\t_arguments -s -S \\\n", commands[i]->name);
		each_option(commands[i], zsh_option);
		if (commands[i]->flags & COMMAND_NAMES)
			out("\t\t\t'%s:sandbox:_ringfence_names'%s",
			    commands[i]->flags & COMMAND_RUNS ? "" : "*",
			    commands[i]->flags & COMMAND_RUNS ? " \\\n" : " ;;\n");
		if (commands[i]->flags & COMMAND_RUNS)
			out("\t\t\t'(-):command: _command_names -e' \\\n"
			    "\t\t\t'*::argument: _normal' ;;\n");
		else if (commands[i]->words)
			out("\t\t\t':word:(%s)'%s ;;\n", commands[i]->words,
			    commands[i]->flags & COMMAND_FILES ? " ':file:_files'" : "");
		else if (commands[i]->flags & COMMAND_FILES)
			out("\t\t\t':file:_files' ;;\n");
		else if (!(commands[i]->flags & COMMAND_NAMES))
			out("\t\t\t&& return ;;\n");
	}
	out("\tesac\n}\n\n_ringfence \"$@\"\n");
}

/* ---------------------------------------------------------------- command */

static int completion_main(int argc, char **argv)
{
	static const struct { const char *name; void (*print)(void); } shells[] = {
		{ "bash", print_bash }, { "zsh", print_zsh },
	};
	struct rf_err err = RF_ERR_INIT;
	int first = options_parse(&cmd_completion, argc, argv, options_take_help, NULL, &err);

	if (first == OPTIONS_STOP)
		return help_command(&cmd_completion);
	if (first >= 0 && argc - first != 1)
		first = rf_err_set(&err, EINVAL, "completion: for which shell: bash or zsh?");
	for (size_t i = 0; first >= 0 && i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(argv[first], shells[i].name) == 0) {
			shells[i].print();
			return out_finish(0);
		}
	}
	if (first >= 0)
		rf_err_set(&err, EINVAL, "completion: '%s' is none of bash, zsh", argv[first]);
	report_error(&err, 0);
	return STATUS_USAGE;
}
