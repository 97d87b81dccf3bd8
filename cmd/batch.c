/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence batch: many jobs, some at once, over one ring and from one thread.
 *
 * What is the batch's own is moved out of the jobs' way before the first: their
 * standard input is /dev/null, and standard output is the verdicts', unless those
 * go elsewhere.  The input is read as it is needed, so that neither a long one nor
 * one whose end has not been written yet matters.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch.h"
#include "command.h"
#include "error.h"
#include "options.h"
#include "output.h"
#include "report.h"
#include "run.h"
#include "signals.h"
#include "spec.h"

#define AT_ONCE_MAX	4096

enum { OPT_SPEC = RUN_OWN, OPT_JOBS, OPT_KEEP_GOING, OPT_JUNIT, OPT_HELP };

static const struct rf_opt batch_opts[] = {
	{ .name = "spec", .letter = 's', .arg = "FILE", .id = OPT_SPEC,
	  .help = "the sandbox of every job, each of which is then only a command",
	  .complete = RF_COMPLETE_FILE },
	{ .name = "jobs", .letter = 'j', .arg = "N", .id = OPT_JOBS,
	  .help = "how many at once; as many as there are processors, unless said" },
	{ .name = "keep-going", .letter = 'k', .id = OPT_KEEP_GOING,
	  .help = "start the others too when one has failed" },
	{ .name = "junit", .arg = "FILE", .id = OPT_JUNIT,
	  .help = "write what became of them to FILE, as JUnit's XML",
	  .complete = RF_COMPLETE_FILE },
	RUN_ROW_ENGINE,
	{ .name = "verdict", .arg = "FILE", .id = RUN_VERDICT,
	  .help = "write the verdicts to FILE or &FD, not to standard output",
	  .complete = RF_COMPLETE_FILE },
	{ .name = "help", .letter = 'h', .id = OPT_HELP, .help = "print this help" },
	{ .name = NULL }
};

static int batch_main(int argc, char **argv);

const struct command cmd_batch = {
	.name	= "batch",
	.args	= "[option...] FILE|-",
	.help	= "run many jobs, several at once; a verdict for each",
	.opts	= batch_opts,
	.flags	= COMMAND_SPEC | COMMAND_FILES,
	.main	= batch_main,
};

/* ------------------------------------------------------------- the command line */

static int take_jobs(struct batch *b, const char *value, struct rf_err *err)
{
	int n = options_number(value, 1, AT_ONCE_MAX);

	if (n < 0)
		return rf_err_set(err, EINVAL, "--jobs: '%s' is no number from 1 to %d", value,
				  AT_ONCE_MAX);
	b->at_once = (unsigned int)n;
	return 0;
}

static int take_spec(struct batch *b, const char *value, struct rf_err *err)
{
	if (b->spec_text)
		return rf_err_set(err, EINVAL, "--spec given twice; `extends` joins specs");
	b->spec_file = strcmp(value, "-") == 0 ? "standard input" : value;
	return rf_spec_text(value, &b->spec_text, &b->spec_len, err);
}

static int take_given(struct batch *b, const struct rf_opt *opt, const char *value,
		      struct rf_err *err)
{
	struct given *more = realloc(b->given, (b->nr_given + 1) * sizeof(*more));

	if (!more)
		return rf_err_set(err, ENOMEM, "reading --%s", opt->name);
	b->given = more;
	b->given[b->nr_given++] = (struct given){ opt, value };
	return 0;
}

static int batch_take(void *state, const struct rf_opt *opt, int is_spec, const char *value,
		      struct rf_err *err)
{
	struct batch *b = state;

	if (is_spec)
		return take_given(b, opt, value, err);
	switch (opt->id) {
	case OPT_SPEC:
		return take_spec(b, value, err);
	case OPT_JOBS:
		return take_jobs(b, value, err);
	case OPT_KEEP_GOING:
		b->keep_going = true;
		return 0;
	case OPT_JUNIT:
		b->junit = value;
		return 0;
	case RUN_ENGINE:
		return run_take_engine(&b->engine, value, err);
	case RUN_VERDICT:
		return output_take("--verdict", value, &b->report.verdict_fd, err);
	default:
		return OPTIONS_STOP;
	}
}

/* Are the options right, whatever the jobs are? */
static int check_given(const struct batch *b, struct rf_err *err)
{
	struct load l = { .sb = NULL };
	int r = batch_load_given(b, &l, err);

	load_done(&l);
	return r;
}

static int parse(struct batch *b, int argc, char **argv, struct rf_err *err)
{
	int first = options_parse(&cmd_batch, argc, argv, batch_take, b, err);

	if (first < 0)
		return first;
	if (argc - first != 1)
		return rf_err_set(err, EINVAL, first == argc ?
				  "batch: which jobs? a file, or - for standard input" :
				  "batch: one file of jobs; options come before it");
	b->reads_stdin = strcmp(argv[first], "-") == 0;
	b->input = b->reads_stdin ? "standard input" : argv[first];
	if (b->reads_stdin && b->spec_file && strcmp(b->spec_file, "standard input") == 0)
		return rf_err_set(err, EINVAL, "batch: --spec and the jobs cannot both be standard input");
	if (!b->at_once) {
		long online = sysconf(_SC_NPROCESSORS_ONLN);

		b->at_once = online < 1 ? 1 : online > AT_ONCE_MAX ? AT_ONCE_MAX : (unsigned int)online;
	}
	return check_given(b, err);
}

/* ------------------------------------------------------------------ descriptors */

static int open_input(struct batch *b, struct rf_err *err)
{
	struct stat st;

	b->fd = b->reads_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) :
				 open(b->input, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (b->fd < 0 || fstat(b->fd, &st) < 0)
		return rf_err_set(err, errno, "open %s", b->input);
	if (S_ISDIR(st.st_mode))
		return rf_err_set(err, EISDIR, "open %s", b->input);
	b->is_file = S_ISREG(st.st_mode);
	b->begin = b->is_file ? lseek(b->fd, 0, SEEK_CUR) : 0;
	return b->begin < 0 ? rf_err_set(err, errno, "seek %s", b->input) : 0;
}

/* The verdicts have standard output, then the jobs have standard error instead. */
static int share_output(struct batch *b, struct rf_err *err)
{
	if (b->report.verdict_fd >= 0)
		return 0;
	b->no_output = report_stdout_is_closed();
	if (b->no_output)
		return rf_err_set(err, EBADF, "standard output");
	b->report.verdict_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (b->report.verdict_fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return rf_err_set(err, errno, "standard output");
	return 0;
}

static int empty_input(struct rf_err *err)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), r = 0;

	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
		r = rf_err_set(err, errno, "open /dev/null");
	if (fd >= 0)
		(void)close(fd);
	return r;
}

/* ------------------------------------------------------------------- all of it */

static int prepare(struct batch *b, int argc, char **argv)
{
	int r = parse(b, argc, argv, &b->err);

	if (r < 0)
		return r;
	b->report.input = b->input;
	batch_stream_init(&b->stream, b->input);
	r = open_input(b, &b->err);
	if (r == 0)
		r = empty_input(&b->err);
	if (r == 0)
		r = share_output(b, &b->err);
	return r;
}

static void batch_done(struct batch *b)
{
	const int fds[] = { b->fd, b->signal_fd, b->report.verdict_fd };

	batch_report_done(&b->report);
	batch_stream_done(&b->stream);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	free(b->spec_text);
	free(b->given);
}

static int batch_main(int argc, char **argv)
{
	struct batch b = { .fd = -1, .signal_fd = -1, .report = BATCH_REPORT_INIT };
	int r, status;

	/* losing a reader is an error of the write, and not the end of the jobs */
	(void)signal(SIGPIPE, SIG_IGN);
	r = prepare(&b, argc, argv);
	if (r == OPTIONS_STOP) {
		batch_done(&b);
		return help_command(&cmd_batch);
	}
	if (r < 0) {
		report_error(&b.err, 0);
		status = b.no_output ? STATUS_SANDBOX : report_status(&b.err);
	} else {
		status = batch_check(&b);
		if (!status)
			status = batch_run(&b);
	}
	batch_done(&b);
	return b.ended_by ? signals_die(b.ended_by, false) : status;
}
