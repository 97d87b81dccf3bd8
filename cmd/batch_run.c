/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "batch.h"
#include "cgroup.h"
#include "command.h"
#include "error.h"
#include "hint.h"
#include "launch.h"
#include "report.h"
#include "ring.h"
#include "signals.h"

/* rf_ring_watch(): what for */
enum { WATCH_SIGNALS = 1, WATCH_INPUT };

/* One job, while it is there. */
struct job {
	struct job	*next, **prev;
	struct load	 load;
	struct launch	 launch;
	struct rf_verdict_job of;
	char		 about[120];	/* for messages */
};

/* ----------------------------------------------------------------------- ending */

/* The first signal ends all that runs; the second does not wait for that. */
static void take_signals(struct batch *b)
{
	struct signalfd_siginfo info;

	while (read(b->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (b->ended_by) {
			batch_progress_clear(&b->report);
			batch_report_done(&b->report);
			_exit(signals_die((int)info.ssi_signo, false));
		}
		b->ended_by = (int)info.ssi_signo;
		b->stopping = true;
		for (struct job *j = b->ring ? b->jobs : NULL; j; j = j->next)
			launch_end_by(&j->launch, b->ended_by);
	}
}

/* Whoever does not read the verdicts holds us up, but not those who want to end us. */
static void await_reader(struct batch *b)
{
	struct pollfd fds[] = {
		{ .fd = b->report.verdict_fd, .events = POLLOUT },
		{ .fd = b->signal_fd, .events = POLLIN },
	};

	do {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents)
			take_signals(b);
	} while (!fds[0].revents);
}

/* -------------------------------------------------------------------- the jobs */

static void job_free(struct job *j)
{
	launch_done(&j->launch);
	load_done(&j->load);
	free(j);
}

static struct job *job_new(struct batch *b, const struct batch_doc *doc)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->launch = (struct launch)LAUNCH_INIT;
	j->launch.ring = b->ring;
	j->launch.borrows_ring = true;
	j->launch.wants_usage = true;
	j->launch.user_data = (uint64_t)(uintptr_t)j;
	j->launch.verdict.job = &j->of;
	j->load.to_run = true;
	j->of.index = doc->index;
	j->of.place = (struct rf_place){ b->input, doc->above + 1, 1 };
	(void)snprintf(j->about, sizeof(j->about), "job %" PRIu64, doc->index);
	return j;
}

static void job_link(struct batch *b, struct job *j)
{
	j->next = b->jobs;
	j->prev = &b->jobs;
	if (j->next)
		j->next->prev = &j->next;
	b->jobs = j;
	b->running++;
}

static void job_unlink(struct batch *b, struct job *j)
{
	*j->prev = j->next;
	if (j->next)
		j->next->prev = j->prev;
	b->running--;
}

/* Its verdict; takes @j. */
static void job_over(struct batch *b, struct job *j)
{
	struct rf_verdict *v = &j->launch.verdict;
	int r;

	v->skipped = j->launch.skipped;
	await_reader(b);
	r = batch_report_job(&b->report, v, j->load.sb ? j->load.sb->argv : NULL);
	if (r < 0 && !b->verdict_error) {
		report_about(NULL);
		report_text("the verdicts: %s\n", strerror(-r));
		b->verdict_error = -r;
	}
	if ((!batch_succeeded(v) && !b->keep_going) || b->verdict_error)
		b->stopping = true;
	job_free(j);
}

/* An error in its midst: what is left of it is killed, and comes back once more. */
static void job_broken(struct batch *b, struct job *j, int error, bool is_linked)
{
	(void)rf_err_set(&j->launch.err, -error, "the launch");
	if (j->launch.ctx) {
		(void)rf_context_kill(j->launch.ctx);
		if (!is_linked)
			job_link(b, j);
		return;
	}
	launch_failed(&j->launch);
	if (is_linked)
		job_unlink(b, j);
	job_over(b, j);
}

static int job_load(struct batch *b, struct job *j, const struct batch_doc *doc)
{
	struct rf_err *err = &j->launch.err;
	int r = batch_load(b, doc, &j->load, err);

	if (r == 0)
		r = batch_ahead_load(b, doc, &j->load, &j->launch.ready, err);
	if (j->launch.ready)
		j->launch.pool = "batch";
	if (r == 0)
		r = batch_refuse_terminal(&j->load, err);
	/* known once its options are read too */
	j->of.name = j->load.sb ? j->load.sb->name : NULL;
	if (j->of.name)
		(void)snprintf(j->about, sizeof(j->about), "job %" PRIu64 " (%s)", doc->index,
			       j->of.name);
	report_about(j->about);
	return r;
}

static int job_start(struct batch *b, const struct batch_doc *doc)
{
	struct job *j = job_new(b, doc);
	bool was_ready = false;
	int r;

	if (!j)
		return -ENOMEM;
	report_about(j->about);
	r = job_load(b, j, doc);
	if (r < 0) {
		launch_refused(&j->launch, &j->load);
		job_over(b, j);
	} else {
		was_ready = j->launch.ready;
		r = launch_begin(&j->launch, &j->load);
		if (r < 0)
			job_broken(b, j, r, false);
		else
			job_link(b, j);
		batch_ahead_note(b, doc, was_ready);
	}
	report_about(NULL);
	return 0;
}

/* Something of a job: it may be over. */
static void job_handle(struct batch *b, const struct rf_completion *done)
{
	struct job *j = (struct job *)(uintptr_t)done->user_data;
	struct launch *l = &j->launch;
	bool was_broken = l->err.code;
	int r;

	report_about(j->about);
	r = launch_handle(l, done);
	if (r < 0) {
		job_broken(b, j, r, true);
	} else if (r > 0) {
		/* killed for an error of ours: that is what has happened */
		if (was_broken && l->verdict.outcome != RF_FAILED)
			launch_failed(l);
		job_unlink(b, j);
		job_over(b, j);
	}
	report_about(NULL);
}

/* -------------------------------------------------------------------- signals */

/* Those that end it; what the caller has had ignored stays so. */
static int watch_signals(struct batch *b)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction old;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		if (sigaction(ending[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaddset(&set, ending[i]);
	/* ignored, it would take the exit statuses away from us */
	(void)signal(SIGCHLD, SIG_DFL);
	b->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (b->signal_fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return rf_ring_watch(b->ring, b->signal_fd, WATCH_SIGNALS);
}

/* -------------------------------------------------------------------- the loop */

/* It cannot be read any further: that is told once, and what runs is waited for. */
static void input_lost(struct batch *b)
{
	report_error(&b->err, 0);
	b->err = (struct rf_err)RF_ERR_INIT;
	b->unreadable = b->stopping = true;
}

/* As many as may run and are there. */
static int start_jobs(struct batch *b)
{
	struct batch_doc doc;
	int r = 0;

	while (!b->stopping && b->running < b->at_once) {
		r = batch_next(b, &doc, &b->err);
		if (r <= 0)
			break;
		r = job_start(b, &doc);
		if (r < 0)
			return rf_err_set(&b->err, -r, "memory for a job");
	}
	if (r < 0)
		input_lost(b);
	return 0;
}

static bool wants_input(const struct batch *b)
{
	return !b->stopping && !b->stream.ended && b->running < b->at_once;
}

static int handle_watch(struct batch *b, const struct rf_completion *done)
{
	int r;

	if (done->user_data == WATCH_SIGNALS) {
		take_signals(b);
		r = rf_ring_watch(b->ring, b->signal_fd, WATCH_SIGNALS);
		return r < 0 ? rf_err_set(&b->err, -r, "signals") : 0;
	}
	b->watched = false;
	if (batch_read_more(b, &b->err) < 0)
		input_lost(b);
	return 0;
}

static int watch_input(struct batch *b)
{
	int r;

	if (b->is_file || b->watched || !wants_input(b))
		return 0;
	r = rf_ring_watch(b->ring, b->fd, WATCH_INPUT);
	if (r < 0)
		return rf_err_set(&b->err, -r, "watch %s", b->input);
	b->watched = true;
	return 0;
}

/* 0 when all is over, or a negative errno in b->err too: nothing more can be learned. */
static int loop(struct batch *b)
{
	struct rf_completion done;
	int r;

	for (;;) {
		r = start_jobs(b);
		if (r == 0)
			r = watch_input(b);
		if (r < 0)
			return r;
		if (!b->running && !wants_input(b))
			return 0;
		r = rf_ring_wait(b->ring, 0, &done);
		if (r == 0) {
			batch_ahead_maintain(b);
			r = rf_ring_wait(b->ring, batch_progress(&b->report, b->running), &done);
		}
		if (r < 0)
			return rf_err_set(&b->err, -r, "waiting for the jobs");
		if (r > 0 && done.kind == RF_DONE_WATCH)
			r = handle_watch(b, &done);
		else if (r > 0 && pool_ready_owns(&done))
			pool_ready_handle(&b->ahead.ready, &done);
		else if (r > 0)
			job_handle(b, &done);
		if (r < 0)
			return r;
	}
}

static void clear_progress(void *report)
{
	batch_progress_clear(report);
}

static int start(struct batch *b)
{
	struct rf_err *err = &b->err;
	int r = rf_ring_new(b->engine, &b->ring, err);

	if (r < 0 && b->engine == RF_ENGINE_RING)
		(void)rf_hint_ring(-r, "", err);
	if (r < 0)
		return r;
	b->ring->one_thread = true;
	batch_ahead_init(b);
	r = watch_signals(b);
	if (r < 0)
		return rf_err_set(err, -r, "signals");
	b->report.watched = isatty(STDERR_FILENO);
	report_make_way(clear_progress, &b->report);
	/* only now, when no signal can leave half of it behind */
	return b->junit ? batch_junit_begin(&b->report, b->junit, err) : 0;
}

/* The ring is lost, and with it what became of those that ran; they are dead now. */
static void give_up(struct batch *b)
{
	while (b->jobs) {
		struct job *j = b->jobs;

		report_about(j->about);
		(void)rf_err_set(&j->launch.err, ECANCELED, "the batch has failed");
		launch_failed(&j->launch);
		job_unlink(b, j);
		job_over(b, j);
	}
	report_about(NULL);
}

/* All jobs, with the ring there; the exit status, but for a signal. */
static int run_jobs(struct batch *b)
{
	int r = loop(b);

	if (r < 0)
		report_error(&b->err, REPORT_STRERROR);
	b->err = (struct rf_err)RF_ERR_INIT;
	/* kills and reaps whatever is left */
	b->ring = rf_ring_free(b->ring);
	batch_ahead_done(b);
	give_up(b);
	(void)rf_cgroup_end(b->cgroups, NULL);
	if (batch_junit_end(&b->report, &b->err) < 0) {
		report_error(&b->err, REPORT_STRERROR);
		return STATUS_SANDBOX;
	}
	return r < 0 || b->unreadable || b->verdict_error ? STATUS_SANDBOX : b->report.failed > 0;
}

int batch_run(struct batch *b)
{
	int r = start(b), status;

	if (r < 0) {
		report_error(&b->err, 0);
		status = report_status(&b->err);
		b->ring = rf_ring_free(b->ring);
	} else {
		status = run_jobs(b);
	}
	report_make_way(NULL, NULL);
	batch_progress_clear(&b->report);
	return status;
}
