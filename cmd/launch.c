/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain.h"
#include "clock.h"
#include "command.h"
#include "error.h"
#include "failure.h"
#include "fallback.h"
#include "hint.h"
#include "layers.h"
#include "leave.h"
#include "receipt.h"
#include "report.h"
#include "ring.h"

/* rf_ring_watch(): what for.  0 are the signals. */
#define WATCH_SANDBOX	1

static uint64_t timeval_us(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000U + (uint64_t)t->tv_usec;
}

/* ------------------------------------------------------------- the verdict */

/* Nothing runs, for a reason that is in l->err. */
static void failed(struct launch *l, int status, unsigned int flags)
{
	struct rf_verdict *v = &l->verdict;

	v->outcome = RF_FAILED;
	v->exit_status = status;
	v->err = &l->err;
	report_error(&l->err, flags);
}

/* Ended by a signal that we were sent, or by the deadline, and not by itself. */
static bool ended_by_us(struct launch *l)
{
	struct rf_verdict *v = &l->verdict;

	if (l->limits.passed) {
		v->outcome = RF_TIMEOUT;
		v->exit_status = STATUS_TIMEOUT;
		v->reason = l->limits.passed == LIMIT_WALL ? "wall limit" : "cpu_total limit";
		return true;
	}
	if (l->signals.ended_by) {
		v->outcome = RF_SIGNALED;
		v->exit_status = -1;
		v->signal = l->signals.ended_by;
		return true;
	}
	return false;
}

static void chain_failed(struct launch *l, const struct rf_completion *done)
{
	struct failure f = { .index = done->index, .status = STATUS_SANDBOX };

	if (ended_by_us(l)) {
		if (l->limits.passed)
			report_text("the %s has passed before the command was started\n",
				    l->verdict.reason);
		return;
	}
	if (l->inside && !process_is_alive(l->inside)) {
		rf_err_set(&l->err, ESRCH, "the sandbox has ended");
		failed(l, STATUS_SANDBOX, 0);
		return;
	}
	if (*l->no_fallback) {
		l->verdict.reason = l->no_fallback;
		report_text("%s\n", l->no_fallback);
	}
	if (!limits_too_low(&l->limits, l->load, done->index, done->result, &l->err))
		failure_of_op(l->load, l->ctx, done, &f, &l->err);
	op_text(l->load->chain, f.index, l->op);
	l->verdict.op = l->op;
	l->verdict.op_index = f.index;
	failed(l, f.status, REPORT_STRERROR);
}

static void command_ended(struct launch *l, const struct rf_completion *done)
{
	struct rf_verdict *v = &l->verdict;

	v->has_usage = true;
	v->wall_us = (clock_ns() - l->exec_ns) / 1000;
	v->user_us = timeval_us(&done->usage.ru_utime);
	v->system_us = timeval_us(&done->usage.ru_stime);
	if (done->usage.ru_maxrss > done->launcher_rss_kib)
		v->peak_kib = done->usage.ru_maxrss;
	else
		v->peak_at_most_kib = done->usage.ru_maxrss;

	if (ended_by_us(l)) {
		if (l->limits.passed)
			report_text("the %s has passed; the command was killed\n", v->reason);
	} else if (done->result < 0) {
		rf_err_set(&l->err, -done->result, "the command has ended; its exit status");
		failed(l, STATUS_SANDBOX, REPORT_STRERROR);
	} else if (WIFSIGNALED(done->status)) {
		v->outcome = RF_SIGNALED;
		v->exit_status = -1;
		v->signal = WTERMSIG(done->status);
		if (l->inside && v->signal == SIGKILL && !process_is_alive(l->inside))
			v->reason = "the sandbox has ended";
	} else {
		v->outcome = RF_EXITED;
		v->exit_status = WEXITSTATUS(done->status);
	}
}

/* What a command that has done well has used nobody asks, but by a verdict. */
static bool looks_back(const struct launch *l, const struct rf_completion *done)
{
	return l->wants_usage || done->result < 0 || done->status != 0;
}

/* What was in force while the command ran; only now is it known for all ops. */
static void take_receipt(struct launch *l)
{
	if (!l->wants_usage)
		return;
	l->receipt = layers_of(l->load, l->ctx);
	l->verdict.receipt = l->receipt;
	if (l->receipt)
		return;
	rf_err_set(&l->err, ENOMEM, "the receipt");
	failed(l, STATUS_SANDBOX, REPORT_STRERROR);
}

/* --------------------------------------------------------------- the loop */

static int handle_terminal(struct launch *l, uint64_t user_data)
{
	int r = terminal_ready(l->terminal, user_data);

	if (terminal_was_suspended(l->terminal))
		signals_suspend(&l->signals, l->ctx);
	return r;
}

/* Is nothing left to be done once pid 1 is dead, but to exit? */
static bool can_leave(const struct launch *l)
{
	const struct rf_sandbox *sb = l->load->sb;

	return leave_can() && !l->borrows_ring && !l->wants_usage && !sb->traced && !l->inside &&
	       !l->publish.name;
}

/* The rest of the chain, for a context that has run the first part of it. */
static int submit_rest(struct launch *l, unsigned int flags)
{
	l->ctx = l->ready;
	l->ctx->user_data = l->user_data;
	l->ctx->flags |= flags;
	l->ctx->last_submit = true;
	return rf_context_submit(l->ctx, l->load->chain, &l->err);
}

/* Of this launch; where that is not the ring's, because of its chain, the trace says it too. */
static void note_engine(struct launch *l, int r)
{
	struct rf_verdict *v = &l->verdict;
	const char *why, *ring = rf_ring_engine(l->ring, &v->engine_why);

	v->engine = r < 0 ? ring : rf_context_engine(l->ctx, &why);
	if (v->engine == ring)
		return;
	/* the context goes before the verdict is written */
	(void)snprintf(l->engine_why, sizeof(l->engine_why), "%s", why);
	v->engine_why = l->engine_why;
	trace_engine(&l->trace, v->engine, v->engine_why);
}

static int submit(struct launch *l)
{
	unsigned int flags = (l->trace.format ? RF_SUBMIT_TIMES | RF_SUBMIT_OPS : 0) |
			     (l->wants_usage ? RF_SUBMIT_RSS : 0) |
			     (can_leave(l) ? RF_SUBMIT_ENDED : 0);
	int r;

	l->ctx = NULL;
	r = l->ready ? submit_rest(l, flags) :
		       rf_submit(l->ring, l->load->chain, flags, l->user_data, &l->ctx, &l->err);
	note_engine(l, r);
	load_submitted(l->load);
	if (r < 0) {
		/* all that the kernel refuses here is the context with its namespaces */
		failure_hint(l->load, 0, -r, &l->err);
		return r;
	}
	return limits_start(&l->limits, l->load->sb, l->ctx, &l->err);
}

/* Less than the spec would like must not go unnoticed. */
static void say_fallback(struct launch *l)
{
	const char *why = l->load->sb->fallback_why;

	if (!why)
		return;
	l->verdict.fallback_why = why;
	trace_fallback(&l->trace, why);
	report_text("namespaces cannot be had (%s): Landlock and seccomp alone, as `fallback` allows\n",
		    why);
}

/*
 * Nothing of the first launch has run the command; it is over and reaped.
 * Return: 0 when the other one is on its way, 1 when there is none to be had, or
 * a negative errno with l->err set.
 */
static int fall_back(struct launch *l, const struct rf_completion *done)
{
	const struct load *load = l->load;
	struct rf_err err = RF_ERR_INIT;
	char why[128];
	int r;

	if (l->ready || l->limits.passed || l->signals.ended_by ||
	    !rf_fallback_helps(load->sb, load->chain, done->index, -done->result))
		return 1;
	(void)snprintf(why, sizeof(why), "%s: %s", rf_chain_op_name(load->chain, done->index),
		       strerror(-done->result));
	r = load_fall_back(l->load, why, &err);
	if (r < 0) {
		(void)snprintf(l->no_fallback, sizeof(l->no_fallback), "no fallback: %s", err.msg);
		return 1;
	}
	say_fallback(l);
	l->signals.is_pid1 = false;
	return submit(l);
}

/* The only gate is the tracer's. */
static int parked(struct launch *l)
{
	int r;

	if (!l->tracer.pid)
		return -EPROTO;
	r = tracer_attach(&l->tracer, rf_context_pid(l->ctx), &l->err);
	return r < 0 ? r : rf_context_open(l->ctx);
}

/* From here on others can find the sandbox.  0, or a negative errno in l->err too. */
static int publish(struct launch *l)
{
	int r = publish_state(&l->publish, l->load, l->ctx, clock_ns() - l->exec_ns, &l->err);

	l->published = true;
	/* without a name nobody counts on it; and what has ended needs it no more */
	if (r < 0 && (r == -ESRCH || !l->publish.name)) {
		l->err = (struct rf_err)RF_ERR_INIT;
		r = 0;
	}
	return r;
}

/* How long to wait before a sandbox without a name is published; -1: not at all. */
static int until_published(const struct launch *l)
{
	uint64_t age_ms;

	if (l->published || !l->exec_ns)
		return -1;
	age_ms = (clock_ns() - l->exec_ns) / 1000000;
	return age_ms < PUBLISH_AFTER_MS ? (int)(PUBLISH_AFTER_MS - age_ms) : 0;
}

int launch_handle(struct launch *l, const struct rf_completion *done)
{
	int r;

	switch (done->kind) {
	case RF_DONE_OP:
		trace_op(&l->trace, l->load->chain, done);
		return 0;
	case RF_DONE_STARTED:
		l->exec_ns = clock_ns();
		l->verdict.has_setup = true;
		l->verdict.setup_us = (l->exec_ns - l->begin_ns) / 1000;
		signals_started(&l->signals, l->ctx, done->result);
		if (l->publish.name) {
			r = publish(l);
			if (r < 0)
				return r;
		}
		return l->terminal ? terminal_started(l->terminal, done->result) : 0;
	case RF_DONE_FD:
		if (l->terminal)
			return terminal_attach(l->terminal, done->result);
		(void)close(done->result);	/* nothing else sends one */
		return -EPROTO;
	case RF_DONE_PARKED:
		return parked(l);
	case RF_DONE_FAILED:
		r = fall_back(l, done);
		if (r <= 0)
			return r;
		failure_skipped(l->load, l->ctx, &l->skipped, &l->verdict.nr_skipped);
		limits_end(&l->limits, true);
		chain_failed(l, done);
		limits_verdict(&l->limits, &l->verdict);
		return 1;
	case RF_DONE_ENDED:
		/* who ends by a signal does not leave but dies of it */
		if (done->result < 0 || !WIFEXITED(done->status) || l->limits.passed ||
		    l->signals.ended_by || !limits_are_over(&l->limits, looks_back(l, done)))
			return 0;
		rf_context_left(l->ctx, l->left);
		/* fall through */
	case RF_DONE_EXIT:
		failure_skipped(l->load, l->ctx, &l->skipped, &l->verdict.nr_skipped);
		(void)terminal_finish(l->terminal);	/* before anything is said of it */
		limits_end(&l->limits, looks_back(l, done));
		command_ended(l, done);
		limits_verdict(&l->limits, &l->verdict);
		take_receipt(l);
		return 1;
	case RF_DONE_TIMEOUT:
		if (limits_due(&l->limits) != LIMIT_NONE)
			(void)rf_context_kill(l->ctx);	/* -ESRCH: its last completion is on the way */
		return 0;
	case RF_DONE_WATCH:
		if (done->user_data == WATCH_SANDBOX) {
			l->sandbox_ended = true;
			(void)rf_context_kill(l->ctx);
			return 0;
		}
		if (!terminal_is_watch(done->user_data))
			return signals_handle(&l->signals, l->ring, l->ctx);
		return handle_terminal(l, done->user_data);
	}
	return -EPROTO;
}

/*
 * The command is over, what it printed is on its way.  A slow reader is waited for
 * unless it was ended from outside: whoever did that does not want to wait.
 */
static int drain(struct launch *l)
{
	bool hurry = l->limits.passed || l->signals.ended_by ||
		     (l->signals.asked && l->verdict.outcome == RF_SIGNALED);
	int r = signals_drain(&l->signals, l->ring, hurry);

	l->typed_signal = terminal_typed_signal(l->terminal);
	l->terminal = l->signals.terminal = terminal_free(l->terminal);
	return r < 0 ? r : 0;
}

/* The ring itself has failed: nothing more can be learned. */
static int loop(struct launch *l)
{
	struct rf_completion done;
	int r;

	do {
		/* a command that runs already gets the signal, once we hear of it */
		bool early = signals_are_early(&l->signals) && !rf_context_is_past_exec(l->ctx);

		r = rf_ring_wait(l->ring, early ? 0 : until_published(l), &done);
		if (r > 0)
			r = launch_handle(l, &done);
		else if (r == 0 && !early && until_published(l) == 0)
			r = publish(l);
		else if (r == 0 && early && !rf_context_is_past_exec(l->ctx))
			signals_end_launch(&l->signals, l->ctx);
	} while (r == 0);
	l->over = r > 0;
	if (l->over && l->terminal)
		r = drain(l);
	return r < 0 ? rf_err_set(&l->err, -r, "waiting for the command") : 0;
}

/* What the verdict can say before anything runs. */
static void describe(struct launch *l)
{
	const struct rf_sandbox *sb = l->load->sb;
	const struct rf_chain *c = l->load->chain;
	struct rf_verdict *v = &l->verdict;

	v->uid = sb->user.uid >= 0 ? sb->user.uid : (int64_t)l->load->features.uid;
	v->gid = sb->user.gid >= 0 ? sb->user.gid : (int64_t)l->load->features.gid;
	v->pool = l->pool;
	v->groups = "kept";
	for (uint32_t i = 0; i < c->nr_ops; i++)
		if (c->ops[i].kind == RF_OP_SETGROUPS)
			v->groups = c->ops[i].u.setgroups.gids.len ? "set" : "dropped";
}

/*
 * The command dies with ringfence in any case; with `die_with_parent` ringfence
 * dies with whoever started it.
 */
static int die_with_parent(struct launch *l)
{
	pid_t parent = getppid();

	if (!l->load->sb->die_with_parent)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return rf_err_set(&l->err, errno, "die_with_parent");
	if (getppid() != parent)
		return rf_err_set(&l->err, ESRCH, "die_with_parent: the parent has gone");
	return 0;
}

static int start(struct launch *l)
{
	const struct rf_sandbox *sb = l->load->sb;
	int r = die_with_parent(l);

	if (r < 0)
		return r;
	if (sb->traced) {
		r = tracer_start(&l->tracer, sb, &l->err);
		if (r < 0)
			return r;
	}
	r = rf_ring_new(l->engine, &l->ring, &l->err);
	if (r == 0) {
		l->ring->one_thread = true;
		l->ring->native_hint = l->load->features.native_hint ? RF_HINT_YES : RF_HINT_NO;
	}
	if (r < 0 && l->engine == RF_ENGINE_RING)
		(void)rf_hint_ring(-r, "", &l->err);
	if (r < 0)
		return r;
	if (l->trace.format) {
		const char *why, *engine = rf_ring_engine(l->ring, &why);

		trace_engine(&l->trace, engine, why);
	}
	r = signals_init(&l->signals, l->ring, !sb->init && sb->ns[RF_NS_PID].mode == RF_NS_NEW);
	if (r < 0)
		return rf_err_set(&l->err, -r, "signals");
	r = l->inside ? rf_ring_watch(l->ring, l->inside->fd, WATCH_SANDBOX) :
			publish_name(&l->publish, sb, &l->err);
	if (r < 0)
		return rf_err_set(&l->err, -r, "waiting for the sandbox");
	l->published = l->inside;
	if (sb->terminal == RF_TERM_PRIVATE) {
		struct terminal_ends ends;

		terminal_ends_of(&sb->tty, &ends);
		r = terminal_new(l->ring, &ends, &l->terminal);
		if (r < 0)
			return rf_err_set(&l->err, -r, "memory for the terminal");
		l->signals.terminal = l->terminal;
	}
	say_fallback(l);
	return submit(l);
}

/* What the tracer has found; a tracer that was lost makes the run a failure. */
static void finish_tracing(struct launch *l)
{
	struct rf_verdict *v = &l->verdict;

	/* a launch that has come to nothing is reaped: only then is the tracer free */
	if (!l->over)
		l->ring = rf_ring_free(l->ring);
	if (tracer_finish(&l->tracer, &l->err) < 0) {
		if (v->outcome != RF_FAILED)
			failed(l, STATUS_SANDBOX, 0);
		return;
	}
	v->has_denials = l->tracer.explain;
	v->denials = l->tracer.denials.list;
	v->nr_denials = l->tracer.denials.nr;
}

void launch_run(struct launch *l, struct load *load)
{
	int r;

	l->load = load;
	describe(l);
	r = start(l);
	if (r == 0)
		r = loop(l);
	l->terminal = l->signals.terminal = terminal_free(l->terminal);
	if (r < 0)
		failed(l, STATUS_SANDBOX, REPORT_STRERROR);
	l->verdict.skipped = l->skipped;
	if (l->tracer.pid)
		finish_tracing(l);
	publish_done(&l->publish);
}

int launch_begin(struct launch *l, struct load *load)
{
	int r;

	l->load = load;
	l->begin_ns = clock_ns();
	describe(l);
	/* a pool's command dies with its caller, which dies with its own parent */
	r = l->pool ? 0 : die_with_parent(l);
	if (r < 0)
		return r;
	say_fallback(l);
	return submit(l);
}

void launch_end_by(struct launch *l, int sig)
{
	if (!l->signals.ended_by)
		l->signals.ended_by = sig;
	(void)rf_context_kill(l->ctx);	/* -ESRCH: its last completion is on the way */
}

void launch_refused(struct launch *l, const struct load *load)
{
	struct rf_verdict *v = &l->verdict;

	v->exit_status = load->refused ? STATUS_SANDBOX : report_status(&l->err);
	v->outcome = v->exit_status == STATUS_USAGE ? RF_REFUSED : RF_FAILED;
	v->err = &l->err;
	report_error(&l->err, load->refused ? REPORT_STRERROR : 0);
}

void launch_failed(struct launch *l)
{
	failed(l, STATUS_SANDBOX, REPORT_STRERROR);
}

void launch_done(struct launch *l)
{
	if (!l->borrows_ring)
		l->ring = rf_ring_free(l->ring);
	if (l->signals.fd >= 0)
		(void)close(l->signals.fd);
	l->signals.fd = -1;
	tracer_done(&l->tracer);
	l->receipt = rf_receipt_free(l->receipt);
	free(l->skipped);
	l->skipped = NULL;
}
