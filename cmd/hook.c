/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence hook STAGE FRAGMENT: a hook of an OCI runtime, which applies a fragment
 * of a spec to the container whose state is on standard input.
 */
#include "hook_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "options.h"
#include "report.h"
#include "spec.h"

enum { OPT_STAGE, OPT_CHECK, OPT_PRINT, OPT_ANNOTATION, OPT_STAGES, OPT_HELP };

#define STAGE_WORDS "createRuntime prestart createContainer startContainer poststart poststop"

static const struct rf_opt hook_opts[] = {
	{ .name = "stage", .arg = "STAGE", .id = OPT_STAGE, .complete = RF_COMPLETE_WORDS,
	  .words = STAGE_WORDS, .help = "the stage, instead of the first argument" },
	{ .name = "check", .id = OPT_CHECK, .help = "read the fragment for the stage, and do nothing" },
	{ .name = "print-hooks-d", .id = OPT_PRINT,
	  .help = "print a file for hooks.d of podman and CRI-O, and do nothing" },
	{ .name = "annotation", .arg = "NAME=REGEX", .id = OPT_ANNOTATION,
	  .help = "--print-hooks-d: only for containers with such an annotation" },
	{ .name = "stages", .id = OPT_STAGES, .help = "print what can be done in which stage" },
	{ .name = "help", .letter = 'h', .id = OPT_HELP, .help = "print this help" },
	{ .name = NULL }
};

static int hook_main(int argc, char **argv);

const struct command cmd_hook = {
	.name	= "hook",
	.args	= "[option...] STAGE FRAGMENT",
	.help	= "be a hook of an OCI runtime: apply a fragment to its container",
	.words	= STAGE_WORDS,
	.opts	= hook_opts,
	.flags	= COMMAND_FILES,
	.main	= hook_main,
};

struct line {
	const char	*stage, *fragment, *annotation;
	bool		 check, print, stages;
};

/*
 * Everything in one line: some engines show no more than the last one.  @from_kernel:
 * EINVAL is its answer, and not that something is written wrong.
 */
static void say(const struct rf_err *err, bool from_kernel)
{
	char file[4 * sizeof(err->file)], text[2 * sizeof(err->msg)], hint[2 * sizeof(err->hint)];
	const bool reason = from_kernel || err->code != EINVAL;
	char place[sizeof(file) + 32] = "";

	text_escape(err->file, file, sizeof(file));
	text_escape(err->msg, text, sizeof(text));
	text_escape(err->hint, hint, sizeof(hint));
	if (*file)
		(void)snprintf(place, sizeof(place), "%s:%u:%u: ", file, err->line, err->col);
	report_text("%s%s%s%s%s%s%s\n", place, text, reason ? ": " : "",
		    reason ? strerror(err->code) : "", *hint ? " (" : "", hint, *hint ? ")" : "");
}

/* ---------------------------------------------------------------- command line */

static int hook_take(void *state, const struct rf_opt *opt, int is_spec, const char *value,
		     struct rf_err *err)
{
	struct line *l = state;

	(void)is_spec;
	(void)err;
	switch (opt->id) {
	case OPT_STAGE:
		l->stage = value;
		return 0;
	case OPT_CHECK:
		l->check = true;
		return 0;
	case OPT_PRINT:
		l->print = true;
		return 0;
	case OPT_ANNOTATION:
		l->annotation = value;
		return 0;
	case OPT_STAGES:
		l->stages = true;
		return 0;
	default:
		return OPTIONS_STOP;
	}
}

/* Options may stand before, between and behind the two words. */
static int read_line(struct line *l, int argc, char **argv, struct rf_err *err)
{
	const char *words[2] = { NULL, NULL };
	int nr = 0, at = 0;

	for (;;) {
		int next = options_parse(&cmd_hook, argc - at, argv + at, hook_take, l, err);

		if (next < 0)
			return next;
		at += next;
		if (at == argc)
			break;
		if (nr == 2 || (nr == 1 && l->stage))
			return rf_err_set(err, EINVAL, "hook: '%.64s' is one argument too many", argv[at]);
		words[nr++] = argv[at];
	}
	if (l->stages)
		return nr ? rf_err_set(err, EINVAL, "hook: --stages takes no argument") : 0;
	l->fragment = words[nr ? nr - 1 : 0];
	if (nr == 2 && l->stage)
		return rf_err_set(err, EINVAL, "hook: two stages, --stage and '%.64s'", words[0]);
	if (nr == 2)
		l->stage = words[0];
	if (!l->stage || !l->fragment)
		return rf_err_set(err, EINVAL, "hook: a stage and the file of a fragment belong here");
	if (l->annotation && !l->print)
		return rf_err_set(err, EINVAL, "--annotation is for --print-hooks-d");
	return 0;
}

/* ------------------------------------------------------------------- taking back */

int hook_can_undo(struct hook *k, const struct hook_undo *u, struct rf_err *err)
{
	struct hook_undo *more = k->undo;

	if (k->nr_undo == k->max_undo) {
		more = realloc(k->undo, (k->max_undo * 2 + 16) * sizeof(*more));
		if (more) {
			k->undo = more;
			k->max_undo = k->max_undo * 2 + 16;
		}
	}
	if (more) {
		k->undo[k->nr_undo++] = *u;
		return 0;
	}
	(void)u->call(k, u);
	return rf_err_set(err, ENOMEM, "the hook");
}

static void take_back(struct hook *k, struct rf_err *err)
{
	while (k->nr_undo) {
		const struct hook_undo u = k->undo[--k->nr_undo];
		int r = u.call(k, &u);

		if (r < 0)
			rf_err_hint(err, "%.200s could not be taken back: %s", u.path, strerror(-r));
	}
}

/* ------------------------------------------------------------------------ a hook */

static void hook_init(struct hook *k, enum rf_hook_stage stage, const struct rf_hook *fragment)
{
	*k = (struct hook){
		.stage = stage, .def = &rf_hook_stages[stage], .fragment = fragment,
		.process = PROCESS_NONE, .proc = -1, .root = -1, .own_net = -1, .received = -1,
		.here.fd = -1, .inside.fd = -1,
	};
	for (int i = 0; i < RF_NS_NR; i++)
		k->ns[i] = -1;
}

static int read_state(struct hook *k, struct rf_err *err)
{
	char *text = NULL;
	size_t len = 0;
	int r = hook_read_all(STDIN_FILENO, RF_HOOK_STATE_MAX, &text, &len);

	if (r < 0)
		return rf_err_set(err, -r, "%s: the state, on standard input", k->def->name);
	r = rf_hook_state_parse(text, len, k->fragment->sb, &k->state, err);
	free(text);
	if (r == 0 && !(k->def->status & 1U << k->state.status))
		r = hook_fail(k, NULL, EINVAL, err, "the container is %s, which it is not in this stage",
			      rf_hook_status_names[k->state.status]);
	return r;
}

/*
 * What can be taken back comes first; a hard limit that was lowered cannot by everybody,
 * and what was written of sysctls stays.
 */
static int apply(struct hook *k, struct rf_err *err)
{
	static int (*const parts[])(struct hook *k, struct rf_err *err) = {
		hook_container_open, hook_context_begin, hook_mounts, hook_groups, hook_links,
		hook_sysctls_open, hook_rlimits, hook_sysctls_write,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		r = parts[i](k, err);
	if (r < 0)
		take_back(k, err);
	if (k->context)
		(void)hook_context_end(k, err);
	hook_context_free(k);
	hook_container_close(k);
	free(k->undo);
	return r;
}

/* A descriptor for each mount stays open until all is done: as many as may be had. */
static void raise_nofile(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int run_hook(enum rf_hook_stage stage, const struct rf_hook *fragment)
{
	struct rf_err err = RF_ERR_INIT;
	struct hook k;
	int r;

	hook_init(&k, stage, fragment);
	r = read_state(&k, &err);
	if (r < 0) {
		say(&err, false);
		return STATUS_USAGE;
	}
	raise_nofile();
	r = apply(&k, &err);
	if (r < 0)
		say(&err, true);
	return r < 0 ? STATUS_SANDBOX : 0;
}

/* ------------------------------------------------------------------ the other uses */

static int print_stages(void)
{
	out("%-16s", "");
	for (int p = 0; p < RF_HOOK_PART_NR; p++)
		out(" %-7s", rf_hook_part_names[p]);
	out("\n");
	for (int s = 0; s < RF_HOOK_STAGE_NR; s++) {
		out("%-16s", rf_hook_stages[s].name);
		for (int p = 0; p < RF_HOOK_PART_NR; p++)
			out(" %-7s", rf_hook_stages[s].refused[p] ? "-" : "yes");
		out("\n");
	}
	return out_finish(0);
}

static int print_hooks_d(const struct line *l, enum rf_hook_stage stage, struct rf_err *err)
{
	char exe[4096], *fragment = realpath(l->fragment, NULL);
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	const struct rf_hook_d d = {
		.exe = exe, .fragment = fragment, .stage = stage, .annotation = l->annotation,
	};
	char *text = NULL;
	int r = 0;

	if (!fragment || n < 0) {
		r = rf_err_set(err, errno, "%.200s", fragment ? "/proc/self/exe" : l->fragment);
	} else {
		exe[n] = '\0';
		text = rf_hook_d_print(&d, err);
		r = text ? 0 : -EINVAL;
	}
	if (text)
		out("%s\n", text);
	free(text);
	free(fragment);
	return r;
}

static int use(const struct line *l, struct rf_err *err)
{
	struct rf_hook *fragment = NULL;
	enum rf_hook_stage stage;
	char *text = NULL;
	size_t len = 0;
	int r = rf_hook_stage_find(l->stage, &stage, err);

	if (r == 0)
		r = strcmp(l->fragment, "-") ? rf_spec_text(l->fragment, &text, &len, err) :
		    rf_err_set(err, EINVAL, "hook: standard input is for the state");
	if (r == 0)
		r = rf_hook_parse(l->fragment, text, len, &fragment, err);
	if (r == 0)
		r = rf_hook_check(fragment, stage, err);
	if (r == 0 && l->print)
		r = print_hooks_d(l, stage, err);
	else if (r == 0 && !l->check)
		r = run_hook(stage, fragment);
	free(text);
	rf_hook_free(fragment);
	return r;
}

static int hook_main(int argc, char **argv)
{
	struct rf_err err = RF_ERR_INIT;
	struct line l = { .stage = NULL };
	int r = read_line(&l, argc, argv, &err);

	if (r == OPTIONS_STOP)
		return help_command(&cmd_hook);
	if (r == 0)
		r = l.stages ? print_stages() : use(&l, &err);
	if (r >= 0)
		return out_finish(r);
	say(&err, false);
	return STATUS_USAGE;
}
