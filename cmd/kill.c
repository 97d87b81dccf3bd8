/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence kill, pause, resume: to running sandboxes, by name or number.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "options.h"
#include "report.h"
#include "running.h"
#include "signal_name.h"
#include "stop.h"

enum { OPT_SIGNAL, OPT_ALL, OPT_WAIT, OPT_HELP };

#define ROW_ALL	 { .name = "all", .letter = 'a', .id = OPT_ALL, .help = "every running sandbox of the caller" }
#define ROW_HELP { .name = "help", .letter = 'h', .id = OPT_HELP, .help = "print this help" }

static const struct rf_opt kill_opts[] = {
	{ .name = "signal", .letter = 's', .arg = "SIGNAL", .id = OPT_SIGNAL,
	  .help = "by name or number; TERM unless said. KILL ends everything in it",
	  .complete = RF_COMPLETE_WORDS, .words = "TERM KILL INT HUP QUIT USR1 USR2 STOP CONT" },
	{ .name = "wait", .letter = 'w', .id = OPT_WAIT, .help = "return when it has ended" },
	ROW_ALL, ROW_HELP, { .name = NULL }
};

static const struct rf_opt stop_opts[] = { ROW_ALL, ROW_HELP, { .name = NULL } };

static int kill_main(int argc, char **argv);
static int pause_main(int argc, char **argv);
static int resume_main(int argc, char **argv);

#define ARGS "[option...] NAME|PID... | --all"

const struct command cmd_kill = {
	.name = "kill", .args = ARGS, .help = "send a signal to a running sandbox",
	.opts = kill_opts, .flags = COMMAND_NAMES, .main = kill_main,
};
const struct command cmd_pause = {
	.name = "pause", .args = ARGS, .help = "stop everything in a running sandbox",
	.opts = stop_opts, .flags = COMMAND_NAMES, .main = pause_main,
};
const struct command cmd_resume = {
	.name = "resume", .args = ARGS, .help = "let a paused sandbox go on",
	.opts = stop_opts, .flags = COMMAND_NAMES, .main = resume_main,
};

struct targets {
	const struct command *cmd;
	int		 sig;
	bool		 all, wait;
	bool		 needs_state;	/* one that is just being started is waited for */
	struct running	*list;		/* of --all */
	size_t		 nr;
	int		(*act)(const struct targets *t, const struct running *r, struct rf_err *err);
};

/* ---------------------------------------------------------------- the options */

static int take_signal(const char *text, int *ret, struct rf_err *err)
{
	int n = signal_number(text);

	if (n < 0)
		return rf_err_set(err, EINVAL, "--signal: there is no signal '%.32s'", text);
	*ret = n;
	return 0;
}

static int targets_take(void *state, const struct rf_opt *opt, int is_spec, const char *value,
			struct rf_err *err)
{
	struct targets *t = state;

	(void)is_spec;
	switch (opt->id) {
	case OPT_SIGNAL:
		return take_signal(value, &t->sig, err);
	case OPT_ALL:
		t->all = true;
		return 0;
	case OPT_WAIT:
		t->wait = true;
		return 0;
	default:
		return OPTIONS_STOP;
	}
}

/* ----------------------------------------------------------------- the targets */

static int act_on(const struct targets *t, const struct running *r)
{
	struct rf_err err = RF_ERR_INIT;
	int n = t->act(t, r, &err);

	if (n < 0)
		report_error(&err, REPORT_STRERROR);
	return n;
}

static int act_on_named(const struct targets *t, const char *who)
{
	struct running r;
	struct rf_err err = RF_ERR_INIT;
	int n = running_find(who, t->needs_state, &r, &err);

	if (n < 0) {
		report_error(&err, 0);
		return n;
	}
	n = act_on(t, &r);
	running_done(&r);
	return n;
}

static int collect(struct running *r, void *arg)
{
	struct targets *t = arg;
	struct running *list = realloc(t->list, (t->nr + 1) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	t->list = list;
	list[t->nr++] = *r;
	/* taken */
	r->launcher.fd = r->launcher.dir = r->payload.fd = r->payload.dir = -1;
	r->init.fd = r->init.dir = -1;
	r->state = NULL;
	return 0;
}

static int act_on_all(struct targets *t, struct rf_err *err)
{
	int n = running_each(collect, t), failed = 0;

	if (n < 0)
		return rf_err_set(err, -n, "/proc");
	for (size_t i = 0; i < t->nr; i++) {
		/* one that has ended since is what was wanted, or does not matter */
		if (process_is_alive(&t->list[i].launcher) && act_on(t, &t->list[i]) < 0)
			failed = -1;
		running_done(&t->list[i]);
	}
	free(t->list);
	return failed;
}

/* Options and names in any order; the names are moved to the front of @argv. */
static int parse(struct targets *t, int argc, char **argv, struct rf_err *err)
{
	int nr = 0, at = 0;

	for (;;) {
		int next = options_parse(t->cmd, argc - at, argv + at, targets_take, t, err);

		if (next < 0)
			return next;
		at += next;
		if (at == argc)
			break;
		argv[nr++] = argv[at];
	}
	if (t->all == (nr > 0))
		return rf_err_set(err, EINVAL, t->all ? "%s: --all and names exclude each other" :
				  "%s: which sandbox? a name, the number of a process, or --all",
				  t->cmd->name);
	return nr;
}

static int targets_run(struct targets *t, int argc, char **argv)
{
	struct rf_err err = RF_ERR_INIT;
	int nr = parse(t, argc, argv, &err), r = 0;

	if (nr == OPTIONS_STOP)
		return help_command(t->cmd);
	if (nr < 0) {
		report_error(&err, 0);
		return STATUS_USAGE;
	}
	if (t->all)
		r = act_on_all(t, &err);
	for (int i = 0; i < nr; i++)
		if (act_on_named(t, argv[i]) < 0)
			r = -1;
	if (err.code)
		report_error(&err, 0);
	return r < 0 ? STATUS_SANDBOX : 0;
}

/* ------------------------------------------------------------------------ kill */

/*
 * To the command; but the kernel keeps what a command does not handle from one
 * that is pid 1, and what that means its launcher knows.
 */
static int deliver(const struct targets *t, const struct running *r, struct rf_err *err)
{
	bool is_pid1;
	int n;

	if (!r->state) {
		n = process_signal(&r->launcher, t->sig);
		return n < 0 && n != -ESRCH ? rf_err_set(err, -n, "kill") : 0;
	}
	if (t->sig == SIGKILL)
		return stop_kill(r, err);
	is_pid1 = running_has_pidns(r) && r->init.fd < 0;
	n = process_signal(is_pid1 && t->sig != SIGSTOP && t->sig != SIGCONT ? &r->launcher :
			   &r->payload, t->sig);
	return n < 0 && n != -ESRCH ? rf_err_set(err, -n, "kill") : 0;
}

static int act_kill(const struct targets *t, const struct running *r, struct rf_err *err)
{
	struct pollfd p = { .fd = r->launcher.fd, .events = POLLIN };
	int n = deliver(t, r, err);

	while (n == 0 && t->wait && poll(&p, 1, -1) != 1)
		;
	return n;
}

static int kill_main(int argc, char **argv)
{
	struct targets t = { .cmd = &cmd_kill, .sig = SIGTERM, .act = act_kill };

	return targets_run(&t, argc, argv);
}

/* ------------------------------------------------------------- pause and resume */

static int has_started(const struct running *r, struct rf_err *err)
{
	return r->state ? 0 : rf_err_set(err, EAGAIN, "'%s' is just being started", r->name);
}

static int act_pause(const struct targets *t, const struct running *r, struct rf_err *err)
{
	int n = has_started(r, err);

	(void)t;
	return n < 0 ? n : stop_pause(r, err);
}

static int pause_main(int argc, char **argv)
{
	struct targets t = { .cmd = &cmd_pause, .act = act_pause, .needs_state = true };

	return targets_run(&t, argc, argv);
}

static int act_resume(const struct targets *t, const struct running *r, struct rf_err *err)
{
	int n = has_started(r, err);

	(void)t;
	return n < 0 ? n : stop_resume(r, err);
}

static int resume_main(int argc, char **argv)
{
	struct targets t = { .cmd = &cmd_resume, .act = act_resume, .needs_state = true };

	return targets_run(&t, argc, argv);
}
