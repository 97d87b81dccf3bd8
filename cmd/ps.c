/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence ps: the caller's running sandboxes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "error.h"
#include "options.h"
#include "report.h"
#include "running.h"
#include "stop.h"
#include "verdict.h"

enum { OPT_JSON, OPT_QUIET, OPT_HELP };

static const struct rf_opt ps_opts[] = {
	{ .name = "json", .id = OPT_JSON, .help = "print JSON: an object for each" },
	{ .name = "quiet", .letter = 'q', .id = OPT_QUIET,
	  .help = "print only what exec and kill call each: its name, or its number" },
	{ .name = "help", .letter = 'h', .id = OPT_HELP, .help = "print this help" },
	{ .name = NULL }
};

static int ps_main(int argc, char **argv);

const struct command cmd_ps = {
	.name	= "ps",
	.args	= "[option...]",
	.help	= "list the running sandboxes",
	.opts	= ps_opts,
	.main	= ps_main,
};

struct row {
	struct rf_running_row r;
	char		 name[sizeof(((struct running *)0)->name)];
	struct rf_state	*state;
};

struct ps {
	bool		 json, quiet;
	struct row	*rows;
	size_t		 nr, max;
};

static int ps_take(void *state, const struct rf_opt *opt, int is_spec, const char *value,
		   struct rf_err *err)
{
	struct ps *ps = state;

	(void)is_spec;
	(void)value;
	(void)err;
	if (opt->id == OPT_HELP)
		return OPTIONS_STOP;
	ps->json |= opt->id == OPT_JSON;
	ps->quiet |= opt->id == OPT_QUIET;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int collect(struct running *r, void *arg)
{
	struct ps *ps = arg;
	struct row *row;

	if (ps->nr == ps->max) {
		size_t max = ps->max ? 2 * ps->max : 16;

		row = realloc(ps->rows, max * sizeof(*row));
		if (!row)
			return -ENOMEM;
		ps->rows = row;
		ps->max = max;
	}
	row = &ps->rows[ps->nr++];
	memset(row, 0, sizeof(*row));
	memcpy(row->name, r->name, sizeof(row->name));
	row->r.pid = r->launcher.pid;
	row->r.state = "starting";
	if (r->state) {
		row->r.command_pid = r->payload.pid;
		row->r.age_ms = now_ms() - r->state->started_ms;
		row->r.age_ms = row->r.age_ms < 0 ? 0 : row->r.age_ms;
		row->r.state = stop_is_paused(r) ? "paused" : "running";
		row->r.sb = r->state->sb;
		row->r.limited = r->state->limited;
	}
	row->state = r->state;
	r->state = NULL;
	return 0;
}

/* Oldest first; those that start at the end. */
static int by_age(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int64_t p = x->state ? x->r.age_ms : -1, q = y->state ? y->r.age_ms : -1;

	if (p != q)
		return p > q ? -1 : 1;
	return (x->r.pid > y->r.pid) - (x->r.pid < y->r.pid);
}

/* ------------------------------------------------------------------- text */

static void age_text(const struct row *row, char *buf, size_t size)
{
	int64_t s = row->r.age_ms / 1000;

	if (!row->state)
		(void)snprintf(buf, size, "-");
	else if (s < 100)
		(void)snprintf(buf, size, "%d.%ds", (int)s, (int)(row->r.age_ms % 1000 / 100));
	else if (s < 100 * 60)
		(void)snprintf(buf, size, "%dm", (int)(s / 60));
	else if (s < (int64_t)100 * 3600)
		(void)snprintf(buf, size, "%dh", (int)(s / 3600));
	else
		(void)snprintf(buf, size, "%" PRId64 "d", s / 86400);
}

static void add(char *buf, size_t size, const char *name, uint64_t value, const char *unit)
{
	size_t len = strlen(buf);

	if (value == UINT64_MAX)
		(void)snprintf(buf + len, size - len, "%s%s=unlimited", len ? "," : "", name);
	else
		(void)snprintf(buf + len, size - len, "%s%s=%" PRIu64 "%s", len ? "," : "", name,
			       value, unit);
}

static void limits_text(const struct row *row, char *buf, size_t size)
{
	const struct rf_sandbox *sb = row->r.sb;

	buf[0] = '\0';
	if (sb && sb->wall_ms)
		add(buf, size, "wall", sb->wall_ms, "ms");
	if (sb && sb->cpu_ms)
		add(buf, size, "cpu_total", sb->cpu_ms, "ms");
	if (sb && sb->cgroup.set & 1U << RF_CG_MEMORY)
		add(buf, size, "memory", sb->cgroup.memory, "");
	if (sb && sb->cgroup.set & 1U << RF_CG_SWAP)
		add(buf, size, "swap", sb->cgroup.swap, "");
	if (sb && sb->cgroup.set & 1U << RF_CG_PIDS)
		add(buf, size, "pids", sb->cgroup.pids, "");
	if (sb && sb->cgroup.set & 1U << RF_CG_CPU)
		add(buf, size, "cpu", sb->cgroup.cpu_milli, "m");
	for (unsigned int i = 0; sb && rf_rlimit_name(i); i++)
		if (row->r.limited & 1U << i)
			add(buf, size, rf_rlimit_name(i), sb->rlimits[i].soft, "");
	if (!buf[0])
		(void)snprintf(buf, size, "-");
}

static void print_command(const struct row *row)
{
	char word[512];

	for (size_t i = 0; row->r.sb && i < row->r.sb->nr_argv; i++) {
		text_escape(row->r.sb->argv[i], word, sizeof(word));
		out("%s%s", i ? " " : "", word);
	}
	out("\n");
}

static void print_text(const struct ps *ps)
{
	char age[24], limits[512];

	out("%-16s %8s %6s %-8s %-20s %s\n", "NAME", "PID", "AGE", "STATE", "LIMITS", "COMMAND");
	for (size_t i = 0; i < ps->nr; i++) {
		const struct row *row = &ps->rows[i];

		age_text(row, age, sizeof(age));
		limits_text(row, limits, sizeof(limits));
		out("%-16s %8d %6s %-8s %-20s ", row->name[0] ? row->name : "-", (int)row->r.pid, age,
		    row->r.state, limits);
		print_command(row);
	}
}

static void print_quiet(const struct ps *ps)
{
	for (size_t i = 0; i < ps->nr; i++) {
		if (ps->rows[i].name[0])
			out("%s\n", ps->rows[i].name);
		else
			out("%d\n", (int)ps->rows[i].r.pid);
	}
}

static int print_json(const struct ps *ps, struct rf_err *err)
{
	out("{\"version\":1,\"sandboxes\":[\n");
	for (size_t i = 0; i < ps->nr; i++) {
		struct rf_running_row row = ps->rows[i].r;
		char *line;

		row.name = ps->rows[i].name[0] ? ps->rows[i].name : NULL;
		line = rf_running_row_json(&row);
		if (!line)
			return rf_err_set(err, ENOMEM, "printing the sandboxes");
		out("%s%s", line, i + 1 < ps->nr ? ",\n" : "\n");
		free(line);
	}
	out("]}\n");
	return 0;
}

static int ps_run(struct ps *ps, int argc, char **argv, struct rf_err *err)
{
	int first = options_parse(&cmd_ps, argc, argv, ps_take, ps, err), r;

	if (first < 0)
		return first;
	if (first < argc)
		return rf_err_set(err, EINVAL, "ps: takes no argument: '%s'", argv[first]);
	r = running_each(collect, ps);
	if (r < 0)
		return rf_err_set(err, -r, "/proc");
	if (ps->nr)
		qsort(ps->rows, ps->nr, sizeof(ps->rows[0]), by_age);
	if (ps->json)
		return print_json(ps, err);
	if (ps->quiet)
		print_quiet(ps);
	else
		print_text(ps);
	return 0;
}

static int ps_main(int argc, char **argv)
{
	struct ps ps = { .nr = 0 };
	struct rf_err err = RF_ERR_INIT;
	int status, r = ps_run(&ps, argc, argv, &err);

	if (r == OPTIONS_STOP) {
		status = help_command(&cmd_ps);
	} else if (r < 0) {
		report_error(&err, 0);
		status = err.code == EINVAL ? STATUS_USAGE : STATUS_SANDBOX;
	} else {
		status = out_finish(0);
	}
	for (size_t i = 0; i < ps.nr; i++)
		rf_state_free(ps.rows[i].state);
	free(ps.rows);
	return status;
}
