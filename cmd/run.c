/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence run: a command in a sandbox, in the foreground.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "denials.h"
#include "learn.h"
#include "leave.h"
#include "options.h"
#include "output.h"
#include "pool_client.h"
#include "report.h"
#include "run.h"
#include "signals.h"
#include "spec.h"
#include "trace.h"
#include "verdict.h"

static const struct rf_opt run_opts[] = {
	{ .name = "spec", .letter = 's', .arg = "FILE", .id = RUN_SPEC,
	  .help = "read the sandbox from FILE (YAML or JSON; - is standard input)",
	  .complete = RF_COMPLETE_FILE },
	RUN_ROWS,
	{ .name = "pool", .arg = "NAME", .id = RUN_POOL, .flags = RF_OPT_OPTIONAL,
	  .help = "take a sandbox that a pool keeps ready" },
	{ .name = "pool-else", .arg = "WHAT", .id = RUN_POOL_ELSE,
	  .help = "where a pool cannot: cold, a launch without it, or error",
	  .complete = RF_COMPLETE_WORDS, .words = "cold error" },
	{ .name = "explain-denials", .id = RUN_EXPLAIN_DENIALS,
	  .help = "say at the end which line refused what, and the edit that allows it" },
	{ .name = "learn", .arg = "FILE", .id = RUN_LEARN,
	  .help = "write to FILE a spec with no more than the command needs",
	  .complete = RF_COMPLETE_FILE },
	{ .name = "learn-once", .id = RUN_LEARN_ONCE,
	  .help = "with --learn: do not run it again to see what can be left out" },
	{ .name = "help", .letter = 'h', .id = RUN_HELP, .help = "print this help" },
	{ .name = NULL }
};

static int run_main(int argc, char **argv);

const struct command cmd_run = {
	.name	= "run",
	.args	= "[option...] [--] [command [argument...]]",
	.help	= "run a command in a sandbox; its exit status is the command's",
	.opts	= run_opts,
	.flags	= COMMAND_SPEC | COMMAND_RUNS,
	.main	= run_main,
};

int run_take_engine(enum rf_engine_kind *ret, const char *value, struct rf_err *err)
{
	static const struct { const char *name; enum rf_engine_kind kind; } engines[] = {
		{ "auto", RF_ENGINE_AUTO }, { "ring", RF_ENGINE_RING }, { "plain", RF_ENGINE_PLAIN },
		{ "native", RF_ENGINE_NATIVE },
	};

	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
		if (strcmp(value, engines[i].name) == 0) {
			*ret = engines[i].kind;
			return 0;
		}
	}
	return rf_err_set(err, EINVAL, "--engine: '%s' is none of auto, native, ring, plain", value);
}

static int take_trace(struct run *run, const char *value, struct rf_err *err)
{
	if (!value || strcmp(value, "text") == 0)
		run->launch.trace.format = TRACE_TEXT;
	else if (strcmp(value, "json") == 0)
		run->launch.trace.format = TRACE_JSON;
	else
		return rf_err_set(err, EINVAL, "--trace: '%s' is none of text, json", value);
	return 0;
}

int run_take_row(struct run *run, const struct rf_opt *opt, const char *value, struct rf_err *err)
{
	switch (opt->id) {
	case RUN_ENGINE:
		return run_take_engine(&run->launch.engine, value, err);
	case RUN_TRACE:
		return take_trace(run, value, err);
	case RUN_TRACE_FILE:
		return output_take("--trace-file", value, &run->trace_fd, err);
	default:
		return output_take("--verdict", value, &run->verdict_fd, err);
	}
}

void run_trace_where(struct run *run)
{
	if (run->trace_fd >= 0 && !run->launch.trace.format)
		run->launch.trace.format = TRACE_TEXT;
	run->launch.trace.fd = run->trace_fd >= 0 ? run->trace_fd : STDERR_FILENO;
}

static int run_take(void *state, const struct rf_opt *opt, int is_spec, const char *value,
		    struct rf_err *err)
{
	struct run *run = state;

	if (is_spec)
		return rf_option_apply(opt, value, run->load.sb, err);
	if (opt->id == RUN_SPEC)
		return load_spec(&run->load, value, err);
	switch (opt->id) {
	case RUN_EXPLAIN_DENIALS:
		run->launch.tracer.explain = true;
		return 0;
	case RUN_LEARN:
		run->learn_file = value;
		run->launch.tracer.learn = true;
		return 0;
	case RUN_LEARN_ONCE:
		run->learn_once = true;
		return 0;
	case RUN_POOL: case RUN_POOL_ELSE:
		return 0;	/* has been asked already */
	case RUN_HELP:
		return OPTIONS_STOP;
	default:
		return run_take_row(run, opt, value, err);
	}
}

/* A command is observed under the given spec, or under one that hides nothing. */
static int prepare_tracing(struct run *run, struct rf_err *err)
{
	const struct tracer *t = &run->launch.tracer;

	if (run->learn_once && !t->learn)
		return rf_err_set(err, EINVAL, "--learn-once without --learn");
	run->load.sb->traced = t->explain || t->learn;
	if (!t->learn || run->load.has_spec)
		return 0;
	return rf_spec_parse("--learn", learn_base, strlen(learn_base), 0, run->load.sb, err);
}

/* Everything that comes before anything runs. */
static int prepare(struct run *run, int argc, char **argv, struct rf_err *err)
{
	int first, r;

	r = load_init(&run->load, err);
	if (r < 0)
		return r;
	first = options_parse(&cmd_run, argc, argv, run_take, run, err);
	if (first < 0)
		return first;
	run_trace_where(run);
	r = rf_command_set(argc - first, argv + first, run->load.sb, err);
	if (r < 0)
		return r;
	r = prepare_tracing(run, err);
	if (r < 0)
		return r;
	run->load.to_run = true;
	return load_to_run(&run->load, err);
}

/* What the tracer has found; 0, or the status for a spec that could not be written. */
static int report_tracing(struct run *run)
{
	struct launch *l = &run->launch;
	struct lesson lesson = {
		.sb = run->load.sb, .seen = &l->tracer.observed, .file = run->learn_file,
		.wall_us = l->verdict.wall_us,
		.status = l->verdict.exit_status >= 0 ? l->verdict.exit_status << 8 : l->verdict.signal,
	};
	struct rf_err err = RF_ERR_INIT;

	/* a command that did not start has told nothing */
	if (!run->load.sb->traced || l->verdict.outcome == RF_REFUSED ||
	    l->verdict.outcome == RF_FAILED)
		return 0;
	if (l->tracer.explain)
		denials_print(&l->tracer.denials);
	if (l->tracer.learn && learn(&lesson, run->learn_once, &err) < 0) {
		report_error(&err, REPORT_STRERROR);
		return STATUS_SANDBOX;
	}
	tracer_print_limits();
	return 0;
}

/* 0, or the status for a verdict that could not be written. */
static int write_verdict(int fd, const struct rf_verdict *v)
{
	char *json;
	int r;

	if (fd < 0)
		return 0;
	json = rf_verdict_json(v);
	/* one write: whoever reads a pipe gets it whole */
	r = json ? write_all(fd, json, strlen(json)) : -ENOMEM;
	free(json);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		report_text("--verdict: %s\n", strerror(-r));
	return r < 0 ? STATUS_SANDBOX : 0;
}

/*
 * After a launch only memory is left, and the kernel takes that back with the
 * process at once.  Unmapping it piece by piece first costs an eighth of a short
 * launch, for every processor that one of its tasks ran on has to be told.
 * A leak checker wants it all the same.
 */
static void run_done(struct run *run)
{
#if defined(__SANITIZE_ADDRESS__)
	bool leaks_count = true;
#elif defined(__has_feature)
	bool leaks_count = __has_feature(address_sanitizer);
#else
	bool leaks_count = false;
#endif

	if (run->launch.over && !leaks_count)
		return;
	launch_done(&run->launch);
	load_done(&run->load);
}

int run_to_end(struct run *run, int r)
{
	struct rf_verdict *v = &run->launch.verdict;
	int status;

	if (r < 0) {
		launch_refused(&run->launch, &run->load);
	} else {
		run->launch.wants_usage = run->verdict_fd >= 0;
		launch_run(&run->launch, &run->load);
	}

	status = write_verdict(run->verdict_fd, v);
	if (!status && r >= 0)
		status = report_tracing(run);
	if (run->launch.trace.error) {
		report_text("--trace: %s\n", strerror(run->launch.trace.error));
		status = STATUS_SANDBOX;
	}
	if (run->launch.left[0] || run->launch.left[1])
		leave(status ? status : v->exit_status, run->launch.left);
	run_done(run);
	if (status)
		return status;
	return v->exit_status < 0 ? signals_die(v->signal, run->launch.typed_signal == v->signal) :
				    v->exit_status;
}

/* A pool has run it. */
static int end_of_pool(const struct run *run, struct pool_answer *a)
{
	int status = a->status, sig = a->signal;
	bool typed = a->typed;

	pool_answer_done(a);
	if (run->verdict_fd >= 0)
		(void)close(run->verdict_fd);
	return sig ? signals_die(sig, typed) : status;
}

static int run_main(int argc, char **argv)
{
	struct pool_answer pool = { .status = 0 };
	struct run run = RUN_INIT;
	int r = 0, status;

	/* losing the reader of our messages is no reason to lose the command */
	(void)signal(SIGPIPE, SIG_IGN);
	if (pool_is_named(argc, argv))
		r = pool_run(argc, argv, &run, &pool);
	if (r > 0)
		return end_of_pool(&run, &pool);
	if (r == 0 && pool.argv)
		r = prepare(&run, pool.argc, pool.argv, &run.launch.err);
	else if (r == 0)
		r = prepare(&run, argc, argv, &run.launch.err);
	if (r == OPTIONS_STOP) {
		load_done(&run.load);
		pool_answer_done(&pool);
		return help_command(&cmd_run);
	}
	run.launch.verdict.pool_why = pool.why && *pool.why ? pool.why : NULL;
	status = run_to_end(&run, r);
	pool_answer_done(&pool);
	return status;
}
