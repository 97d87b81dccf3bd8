/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence exec: a second command in a running sandbox.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "command.h"
#include "enter.h"
#include "error.h"
#include "options.h"
#include "report.h"
#include "run.h"
#include "spec.h"

/* Rows that stand for keys of a spec are those of `run`, by name. */
enum { OPT_KEY = RUN_OWN, OPT_HELP };

static const struct rf_opt exec_opts[] = {
	{ .name = "cwd", .letter = 'C', .arg = "DIR", .id = OPT_KEY,
	  .help = "working directory inside", .complete = RF_COMPLETE_DIR },
	{ .name = "env", .letter = 'e', .arg = "NAME[=VALUE]", .id = OPT_KEY, .flags = RF_OPT_REPEAT,
	  .help = "set a variable on top of the sandbox's, or take the caller's" },
	{ .name = "argv0", .arg = "NAME", .id = OPT_KEY,
	  .help = "what the command sees as its own name" },
	{ .name = "uid", .letter = 'u', .arg = "USER", .id = OPT_KEY,
	  .help = "user inside, where the sandbox's command is root; without capabilities",
	  .complete = RF_COMPLETE_USER },
	{ .name = "gid", .letter = 'g', .arg = "GROUP", .id = OPT_KEY,
	  .help = "group inside, likewise", .complete = RF_COMPLETE_GROUP },
	{ .name = "terminal", .arg = "auto|private|inherit|none", .id = OPT_KEY,
	  .help = "whether the command has a terminal of its own, the caller's or none",
	  .complete = RF_COMPLETE_WORDS, .words = "auto private inherit none" },
	{ .name = "limit-wall", .letter = 't', .arg = "TIME", .id = OPT_KEY,
	  .help = "end the command after this much time: 90, 500ms, 10m" },
	RUN_ROWS,
	{ .name = "help", .letter = 'h', .id = OPT_HELP, .help = "print this help" },
	{ .name = NULL }
};

static int exec_main(int argc, char **argv);

const struct command cmd_exec = {
	.name	= "exec",
	.args	= "NAME|PID [option...] [--] command [argument...]",
	.help	= "run a second command in a running sandbox, as confined as the first",
	.opts	= exec_opts,
	.flags	= COMMAND_RUNS | COMMAND_NAMES,
	.main	= exec_main,
};

static int exec_take(void *state, const struct rf_opt *opt, int is_spec, const char *value,
		     struct rf_err *err)
{
	struct run *run = state;

	(void)is_spec;
	if (opt->id == OPT_HELP)
		return OPTIONS_STOP;
	if (opt->id != OPT_KEY)
		return run_take_row(run, opt, value, err);
	return rf_option_apply(option_find(rf_spec_options, opt->name, strlen(opt->name)), value,
			       run->load.sb, err);
}

/* Options may stand on both sides of the name. Return: index of the command. */
static int parse(struct run *run, int argc, char **argv, const char **ret_who, struct rf_err *err)
{
	int first = options_parse(&cmd_exec, argc, argv, exec_take, run, err), next;

	if (first < 0)
		return first;
	if (first == argc)
		return rf_err_set(err, EINVAL, "exec: in which sandbox? a name, or the number of a process");
	*ret_who = argv[first];
	next = options_parse(&cmd_exec, argc - first, argv + first, exec_take, run, err);
	if (next < 0)
		return next;
	if (first + next == argc)
		return rf_err_set(err, EINVAL, "exec: no command");
	return first + next;
}

static int prepare(struct run *run, struct enter *e, int argc, char **argv, struct rf_err *err)
{
	static const char nothing[] = "{}";
	const char *who = NULL;
	int first, r = load_init(&run->load, err);

	/* no preset: all of it comes from the sandbox */
	if (r == 0)
		r = rf_spec_parse("exec", nothing, strlen(nothing), RF_SPEC_NO_FILES, run->load.sb, err);
	if (r < 0)
		return r;
	/* nothing of the caller's environment but what an option names */
	if (!rf_draft(run->load.sb))
		return rf_err_set(err, ENOMEM, "reading the options");
	rf_draft(run->load.sb)->env_clear = true;
	rf_draft(run->load.sb)->nr_env_keep = 0;
	first = parse(run, argc, argv, &who, err);
	if (first < 0)
		return first;
	run_trace_where(run);
	r = rf_command_set(argc - first, argv + first, run->load.sb, err);
	if (r == 0)
		r = enter_load(e, who, &run->load, err);
	run->launch.inside = &e->r.payload;
	return r;
}

static int exec_main(int argc, char **argv)
{
	struct run run = RUN_INIT;
	struct enter e;
	int r, status;

	enter_init(&e);
	(void)signal(SIGPIPE, SIG_IGN);
	r = prepare(&run, &e, argc, argv, &run.launch.err);
	if (r == OPTIONS_STOP) {
		load_done(&run.load);
		return help_command(&cmd_exec);
	}
	status = run_to_end(&run, r);
	enter_done(&e);
	return status;
}
