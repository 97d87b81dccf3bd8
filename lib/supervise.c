/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of a launch: events of the engine turn records into completions
 * and reap the tasks.
 *
 * A context is in one of four states, each left by one event:
 *   setting up   until end of file on the report socket (setup_over)
 *   started      the payload runs, until its pidfd is readable
 *   failed       everything of the launch is being killed
 *   closing      payload or chain is over; the last tasks are being reaped
 * RF_DONE_EXIT or RF_DONE_FAILED comes when all tasks are reaped, so that
 * nothing of the launch is left when the caller hears of its end.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "ring.h"

/* ------------------------------------------------------------- completions */

int rf_ring_push(struct rf_ring *ring, const struct rf_completion *c)
{
	if (ring->nr_queue == ring->max_queue) {
		unsigned int more = ring->max_queue ? ring->max_queue * 2 : 32;
		struct rf_completion *q = malloc(more * sizeof(*q));

		if (!q)
			return -ENOMEM;
		for (unsigned int i = 0; i < ring->nr_queue; i++)
			q[i] = ring->queue[(ring->head + i) % ring->max_queue];
		free(ring->queue);
		ring->queue = q;
		ring->head = 0;
		ring->max_queue = more;
	}
	ring->queue[(ring->head + ring->nr_queue++) % ring->max_queue] = *c;
	return 0;
}

static void push(struct rf_context *ctx, enum rf_completion_kind kind, int index, int result)
{
	struct rf_completion c = {
		.kind = kind, .ctx = ctx, .user_data = ctx->user_data,
		.index = index, .result = result,
	};

	if (ctx->internal)	/* a helper launch: nobody outside has heard of it */
		return;
	if (index >= 0 && ctx->area && kind != RF_DONE_PARKED) {
		c.begin_ns = rf_record_at(ctx, (uint32_t)index)->begin_ns;
		c.end_ns = rf_record_at(ctx, (uint32_t)index)->end_ns;
	}
	if (kind == RF_DONE_EXIT || kind == RF_DONE_ENDED) {
		c.status = ctx->status;
		c.usage = ctx->usage;
		c.launcher_rss_kib = ctx->launcher_rss_kib;
	}
	(void)rf_ring_push(ctx->ring, &c);
}

/* Hand out the ops completed since the last look, in the chain's order. */
void rf_context_hand_out(struct rf_context *ctx)
{
	const struct rf_record *rec = ctx->area ? rf_record_at(ctx, 0) : NULL;

	while (rec && ctx->seen < ctx->area->nr_ops &&
	       __atomic_load_n(&rec[ctx->seen].state, __ATOMIC_ACQUIRE) == RF_REC_DONE) {
		if (ctx->flags & RF_SUBMIT_OPS)
			push(ctx, RF_DONE_OP, (int)ctx->seen, rec[ctx->seen].result);
		ctx->seen++;
	}
}

/* ------------------------------------------------------------------ killing */

static void kill_task(const struct rf_task *t, int sig)
{
	if (t->reaped || t->pid <= 0)
		return;
	if (t->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, t->pidfd, sig, NULL, 0);
	else if (rf_task_is_child(t))	/* and so its number is nobody else's */
		(void)kill(t->pid, sig);
}

static void kill_all(struct rf_context *ctx)
{
	rf_context_unstow(ctx);
	kill_task(&ctx->context, SIGKILL);
	kill_task(&ctx->init, SIGKILL);
	kill_task(&ctx->payload, SIGKILL);
}

void rf_context_left(const struct rf_context *ctx, pid_t ret_pids[2])
{
	ret_pids[0] = ctx->init.reaped ? 0 : ctx->init.pid;
	ret_pids[1] = ctx->context.reaped ? 0 : ctx->context.pid;
}

int rf_context_kill(struct rf_context *ctx)
{
	if (ctx->done)
		return -ESRCH;
	ctx->killed = true;
	kill_all(ctx);
	/* of a task apart that runs nobody has looked for the end so far */
	if (ctx->started && ctx->apart)
		rf_context_advance(ctx);
	return 0;
}

int rf_context_signal(struct rf_context *ctx, int sig)
{
	int fd = ctx->started && !ctx->payload.reaped ? rf_context_pidfd(ctx) : -1;

	if (fd < 0)
		return ctx->stowed ? -EMFILE : -ESRCH;
	return syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) < 0 ? -errno : 0;
}

/* ------------------------------------------------------------- end of set-up */

static void arm(struct rf_context *ctx, struct rf_task *t, enum rf_cookie kind)
{
	const struct rf_engine *e = ctx->ring->engine;
	uint64_t cookie = rf_cookie(ctx, kind);

	if (t->armed || t->reaped)
		return;
	if (t->pidfd >= 0)
		t->armed = e->arm(ctx->ring, t->pidfd, cookie) == 0;
	else if (ctx->stowed && t != &ctx->context && t->pid > 0)
		t->armed = e->arm_stowed(ctx->ring, ctx->stowed - 1, t == &ctx->init, cookie) == 0;
}

/* Tasks that died before they could name themselves are known by number. */
void rf_context_adopt(struct rf_context *ctx)
{
	if (!ctx->init.pid)
		ctx->init.pid = ctx->area->init_pid;
	if (!ctx->payload.pid)
		ctx->payload.pid = ctx->area->payload_pid;
	/* a pidfd by number is safe: nobody reaps what has not exec'd but us */
	if (ctx->init.pid > 0 && ctx->init.pidfd < 0 && !ctx->init.reaped)
		ctx->init.pidfd = (int)syscall(SYS_pidfd_open, ctx->init.pid, 0);
	if (ctx->payload.pid > 0 && ctx->payload.pidfd < 0 && !ctx->payload.reaped)
		ctx->payload.pidfd = (int)syscall(SYS_pidfd_open, ctx->payload.pid, 0);
}

struct rf_task *rf_context_runner(struct rf_context *ctx, uint32_t index)
{
	for (uint32_t i = 1; i < index; i++)
		if (rf_op_at(ctx, i)->kind == RF_OP_CLONE &&
		    rf_op_at(ctx, i)->u.clone.as >= RF_CLONE_PAYLOAD)
			return &ctx->payload;
	return &ctx->context;
}

static void cancel_rest(struct rf_context *ctx, uint32_t from)
{
	struct rf_record *rec = rf_record_at(ctx, 0);

	for (uint32_t i = from; i < ctx->area->nr_ops; i++) {
		rec[i].result = -ECANCELED;
		rec[i].state = RF_REC_DONE;
	}
}

/* An op that was begun by a task that died has no result of its own. */
static void set_failed(struct rf_context *ctx, uint32_t index, int result)
{
	struct rf_record *rec = rf_record_at(ctx, index);

	ctx->failed = true;
	ctx->failed_op = (int)index;
	ctx->failed_result = result;
	rec->result = result;
	rec->state = RF_REC_DONE;
	__atomic_store_n(&ctx->area->payload_tid, 0U, __ATOMIC_RELEASE);
	cancel_rest(ctx, index + 1);
	rf_context_hand_out(ctx);
	kill_all(ctx);
}

/*
 * Did the exec that has no result succeed?  A task that has called exit did: our
 * own code writes a result first.  Any other is asked about, alive or not: one that
 * a signal ends lets go of its descriptors before it is a zombie.  Without /proc it
 * is believed to have.
 */
static bool exec_succeeded(struct rf_task *t)
{
	return rf_task_has_exited(t) || rf_task_has_execed(t->pid) != 0;
}

/* More than the context image ever has: itself, its stacks, and what is used of the area. */
static long image_rss_kib(const struct rf_context *ctx)
{
	return 256 + (long)((ctx->area->off_data + ctx->area->data_len) / 1024);
}

static void set_started(struct rf_context *ctx, uint32_t index)
{
	struct rf_record *rec = rf_record_at(ctx, index);
	struct rf_task *t = rf_context_runner(ctx, index);

	rec->result = 0;
	rec->state = RF_REC_DONE;
	if (t == &ctx->context) {	/* no payload task: the context became the command */
		ctx->payload = ctx->context;
		ctx->context.reaped = true;
		ctx->context.pidfd = -1;
	}
	ctx->started = true;
	__atomic_store_n(&ctx->area->payload_tid, 0U, __ATOMIC_RELEASE);
	rf_links_end(ctx, false);
	cancel_rest(ctx, index + 1);
	/* the native engine's tasks have used nothing of anybody's */
	if (ctx->flags & RF_SUBMIT_RSS && !ctx->native)
		ctx->launcher_rss_kib = ctx->own_image ? image_rss_kib(ctx) : rf_self_peak_rss_kib();
	rf_context_hand_out(ctx);
	push(ctx, RF_DONE_STARTED, (int)index, ctx->payload.pid);
	rf_launch_settle(ctx);
	rf_context_stow(ctx);
	arm(ctx, &ctx->payload, RF_COOKIE_PAYLOAD);
}

/* Pid 1 failed after its clone had succeeded; it takes the payload task with it. */
static bool init_failed(struct rf_context *ctx)
{
	if (ctx->area->init_state >= 0)
		return false;
	for (uint32_t i = 0; i < ctx->area->nr_ops; i++) {
		if (rf_op_at(ctx, i)->kind != RF_OP_CLONE ||
		    rf_op_at(ctx, i)->u.clone.as != RF_CLONE_INIT)
			continue;
		set_failed(ctx, i, ctx->area->init_state);
		return true;
	}
	return false;
}

/* All tasks of the launch are off the shared memory: read what they wrote. */
static void judge(struct rf_context *ctx)
{
	const struct rf_record *rec = rf_record_at(ctx, 0);

	if (init_failed(ctx))
		return;
	for (uint32_t i = 0; i < ctx->area->nr_ops; i++) {
		const struct rf_op *op = rf_op_at(ctx, i);
		int result = rec[i].result;

		if (rec[i].state == RF_REC_DONE) {
			/* -ECANCELED: had no slot to work on, by rf_context_run() */
			if (result < 0 && result != -ECANCELED && !rf_op_may_fail(op, result)) {
				set_failed(ctx, i, result);
				return;
			}
			if (op->kind == RF_OP_EXIT)
				return;
			/* the native engine knows */
			if (op->kind == RF_OP_EXEC && result == 0) {
				set_started(ctx, i);
				return;
			}
			continue;
		}
		if (op->kind == RF_OP_EXEC && rec[i].state == RF_REC_BEGUN &&
		    exec_succeeded(rf_context_runner(ctx, i)))
			set_started(ctx, i);
		else
			set_failed(ctx, i, -EINTR);
		return;
	}
}

static void close_report(struct rf_context *ctx)
{
	/* its event has just come, or none was ever waited for: it is not armed */
	if (ctx->report_fd >= 0)
		(void)close(ctx->report_fd);
	ctx->report_fd = -1;
}

void rf_context_set_up(struct rf_context *ctx)
{
	ctx->setup_over = true;
	ctx->parked_op = -1;
	close_report(ctx);
	rf_context_adopt(ctx);
	judge(ctx);
	if (ctx->killed)
		kill_all(ctx);
	rf_context_advance(ctx);
}

/* ------------------------------------------------------------------ the end */

static void finish(struct rf_context *ctx)
{
	rf_context_hand_out(ctx);
	ctx->done = true;
	rf_links_end(ctx, ctx->failed);
	if (ctx->failed)
		push(ctx, RF_DONE_FAILED, ctx->failed_op, ctx->failed_result);
	else
		push(ctx, RF_DONE_EXIT, -1, ctx->status_error);
	if (ctx->internal) {
		rf_idmap_continue(ctx, ctx->failed ? -1 : ctx->status);
		rf_context_free(ctx);
	}
}

/* The context itself, while the command runs: one descriptor less for each that does. */
static void forget_context(struct rf_context *ctx)
{
	struct rf_task *t = &ctx->context;

	if (!rf_task_reap(t, NULL, NULL, NULL)) {
		arm(ctx, t, RF_COOKIE_CONTEXT);
	} else if (!t->armed && t->pidfd >= 0) {
		(void)close(t->pidfd);
		t->pidfd = -1;
	}
}

/* Its mounts go last; true until they have. */
static bool holds_mounts(struct rf_context *ctx)
{
	int fd = ctx->mount_ns;

	ctx->mount_ns = -1;
	if (fd >= 0)
		ctx->unmounting = ctx->ring->engine->let_go(ctx->ring, fd,
							    rf_cookie(ctx, RF_COOKIE_MOUNTS));
	return ctx->unmounting;
}

/*
 * Reap what can be reaped; wait for the rest.  Pid 1 goes when the payload
 * has: it sees that by itself, but a hostile payload may have stopped it.
 */
void rf_context_advance(struct rf_context *ctx)
{
	struct rf_task *last = &ctx->payload;	/* whose end is the launch's */

	if (!ctx->setup_over || ctx->done)
		return;
	if (ctx->started && ctx->apart && !ctx->killed) {
		/* its end is for whoever is its parent by then, who may want the status */
		if (!rf_task_reap(&ctx->context, NULL, NULL, NULL))
			arm(ctx, &ctx->context, RF_COOKIE_CONTEXT);
		return;
	}
	if (ctx->started) {
		if (!rf_task_reap(&ctx->payload, &ctx->status, &ctx->status_error, &ctx->usage)) {
			arm(ctx, &ctx->payload, RF_COOKIE_PAYLOAD);
			/* its work is done: no zombie for as long as the command runs */
			forget_context(ctx);
			return;
		}
		kill_task(&ctx->init, SIGKILL);
		if (ctx->flags & RF_SUBMIT_ENDED && !ctx->told_end)
			push(ctx, RF_DONE_ENDED, -1, ctx->status_error);
		ctx->told_end = true;
	} else {
		if (!ctx->payload.pid)
			last = &ctx->context;
		kill_task(&ctx->init, SIGKILL);
		(void)rf_task_reap(last, ctx->failed ? NULL : &ctx->status,
				   ctx->failed ? NULL : &ctx->status_error, NULL);
	}
	/* one that is asked for its status is not asked again: it may die in between */
	if (last != &ctx->context)
		(void)rf_task_reap(&ctx->context, NULL, NULL, NULL);
	(void)rf_task_reap(&ctx->init, NULL, NULL, NULL);
	arm(ctx, &ctx->payload, RF_COOKIE_PAYLOAD);
	arm(ctx, &ctx->context, RF_COOKIE_CONTEXT);
	arm(ctx, &ctx->init, RF_COOKIE_INIT);
	if ((ctx->context.reaped || !ctx->context.pid) && (ctx->init.reaped || !ctx->init.pid) &&
	    (ctx->payload.reaped || !ctx->payload.pid) && !holds_mounts(ctx))
		finish(ctx);
}

/* ------------------------------------------------------------------ reports */

static void adopt(struct rf_context *ctx, struct rf_task *t, int fd, pid_t pid)
{
	if (fd < 0)
		return;
	if (t->pidfd >= 0) {
		(void)close(fd);
		return;
	}
	t->pidfd = fd;
	t->pid = pid;
	if (ctx->killed)
		kill_task(t, SIGKILL);
}

void rf_context_answer(struct rf_context *ctx, uint32_t index, int result)
{
	const struct rf_report rep = { .what = RF_REPORT_GO, .index = index, .result = result };

	/* a context that is gone has closed its end: end of file follows */
	if (ctx->report_fd >= 0)
		(void)send(ctx->report_fd, &rep, sizeof(rep), MSG_NOSIGNAL);
}

/*
 * Without pid 1, the end of the payload is that of its mount namespace, and the exit
 * status comes behind a wait for RCU: it is held meanwhile.  One that cannot be had
 * costs that time and no more.
 */
static void hold_mounts(struct rf_context *ctx)
{
	if (!ctx->lingers || ctx->mount_ns >= 0 || ctx->init.pid > 0 || ctx->payload.pidfd < 0)
		return;
	ctx->mount_ns = rf_task_mount_ns(&ctx->payload);
}

/* At a gate, or after an op that has failed: those behind it will not run then. */
void rf_context_parked(struct rf_context *ctx, uint32_t index)
{
	const struct rf_record *rec = rf_record_at(ctx, index);
	int result = __atomic_load_n(&rec->state, __ATOMIC_ACQUIRE) == RF_REC_DONE ?
		     rec->result : 0;

	ctx->parked_op = (int)index;
	if (ctx->area->give_error) {	/* parked where it was: all is to be sent again */
		result = ctx->area->give_error;
	} else {
		ctx->given_slots = ctx->area->nr_slots;
		ctx->parked_failed = result < 0;
		if (ctx->parked_failed)
			cancel_rest(ctx, index + 1);
	}
	hold_mounts(ctx);
	rf_context_hand_out(ctx);
	push(ctx, RF_DONE_PARKED, (int)index, result);
}

int rf_context_open(struct rf_context *ctx)
{
	int index = ctx->parked_op;

	if (index < 0 || ctx->parked_failed || ctx->area->give_error)
		return -EINVAL;
	ctx->parked_op = -1;
	rf_context_answer(ctx, (uint32_t)index, 0);
	return 0;
}

/* A descriptor for the caller: what cannot be handed out is closed. */
static void hand_over(struct rf_context *ctx, uint32_t index, int fd)
{
	const struct rf_completion c = {
		.kind = RF_DONE_FD, .ctx = ctx, .user_data = ctx->user_data,
		.index = (int)index, .result = fd,
	};

	if (fd >= 0 && (ctx->internal || rf_ring_push(ctx->ring, &c) < 0))
		(void)close(fd);
}

/* What a context asks for, with the descriptor @fd or -1; 1: the answer comes later. */
static int carry_out(struct rf_context *ctx, uint32_t index, int fd)
{
	int r;

	if (rf_op_at(ctx, index)->kind == RF_OP_MOVE_LINK)
		r = rf_links_move(ctx, index, fd);
	else
		r = rf_idmap_start(ctx, index);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

static void report_received(struct rf_context *ctx, const struct rf_report *rep, int fd)
{
	int r;

	if (rep->index >= ctx->area->nr_ops)
		return;
	switch (rep->what) {
	case RF_REPORT_INIT:
		adopt(ctx, &ctx->init, fd, ctx->area->init_pid);
		break;
	case RF_REPORT_PAYLOAD:
		adopt(ctx, &ctx->payload, fd, ctx->area->payload_pid);
		/* alone on its memory: its maker ends soon, and is no zombie while it parks */
		if (ctx->own_image)
			forget_context(ctx);
		break;
	case RF_REPORT_FD:
		hand_over(ctx, rep->index, fd);
		break;
	case RF_REPORT_GATE:
		rf_context_parked(ctx, rep->index);
		break;
	case RF_REPORT_ASK:
		r = carry_out(ctx, rep->index, fd);
		if (r <= 0)
			rf_context_answer(ctx, rep->index, r);
		break;
	default:		/* RF_REPORT_OP: the records are looked at anyway */
		break;
	}
}

/* As rf_report_receive(). */
static int receive(struct rf_context *ctx)
{
	struct rf_report rep;
	int fd, r = rf_report_receive(ctx->report_fd, MSG_DONTWAIT, &rep, &fd);

	if (r > 0)
		report_received(ctx, &rep, fd);
	return r;
}

int rf_context_hear(struct rf_context *ctx)
{
	int r;

	do
		r = receive(ctx);
	while (r > 0);
	return r;
}

static void report_ready(struct rf_context *ctx)
{
	int r;

	if (ctx->setup_over || ctx->report_fd < 0)
		return;
	r = rf_context_hear(ctx);
	rf_context_hand_out(ctx);
	if (r < 0)
		rf_context_set_up(ctx);
	else
		(void)rf_report_arm(ctx);
}

int rf_report_arm(struct rf_context *ctx)
{
	int r = ctx->ring->engine->arm(ctx->ring, ctx->report_fd, rf_cookie(ctx, RF_COOKIE_REPORT));

	ctx->report_armed = r == 0;
	return r;
}

/* ---------------------------------------------------------------- deadlines */

static uint64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

/* Set the timer to the earliest deadline of all contexts. */
static int timer_set(struct rf_ring *ring)
{
	struct itimerspec its = { .it_value = { 0, 0 } };
	uint64_t first = 0;

	for (struct rf_context *c = ring->contexts; c; c = c->next)
		if (c->deadline_ns && (!first || c->deadline_ns < first))
			first = c->deadline_ns;
	its.it_value.tv_sec = (time_t)(first / 1000000000U);
	its.it_value.tv_nsec = (long)(first % 1000000000U);
	return timerfd_settime(ring->timer_fd, TFD_TIMER_ABSTIME, &its, NULL) < 0 ? -errno : 0;
}

int rf_context_deadline(struct rf_context *ctx, uint64_t ms)
{
	struct rf_ring *ring = ctx->ring;
	uint64_t now = now_ns();

	if (ms > (UINT64_MAX - now) / 1000000U)
		return -EINVAL;
	if (ring->timer_fd < 0) {
		int r;

		ring->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		if (ring->timer_fd < 0)
			return -errno;
		r = ring->engine->arm(ring, ring->timer_fd, rf_cookie(NULL, RF_COOKIE_TIMER));
		if (r < 0)
			return r;
	}
	ctx->deadline_ns = ms ? now + ms * 1000000U : 0;
	return timer_set(ring);
}

static void timer_ready(struct rf_ring *ring)
{
	uint64_t now = now_ns(), ticks;

	(void)!read(ring->timer_fd, &ticks, sizeof(ticks));
	for (struct rf_context *c = ring->contexts; c; c = c->next) {
		if (!c->deadline_ns || c->deadline_ns > now || c->done)
			continue;
		c->deadline_ns = 0;
		push(c, RF_DONE_TIMEOUT, -1, 0);
	}
	(void)timer_set(ring);
	(void)ring->engine->arm(ring, ring->timer_fd, rf_cookie(NULL, RF_COOKIE_TIMER));
}

/* ------------------------------------------------------------------- events */

static void watch_ready(struct rf_ring *ring, struct rf_watch *w)
{
	const struct rf_completion c = { .kind = RF_DONE_WATCH, .user_data = w->user_data,
					 .index = -1 };

	w->armed = false;
	if (w->fd >= 0)
		(void)rf_ring_push(ring, &c);
}

void rf_ring_event(struct rf_ring *ring, uint64_t cookie)
{
	struct rf_context *ctx = rf_cookie_ptr(cookie);

	switch ((enum rf_cookie)(cookie & RF_COOKIE_MASK)) {
	case RF_COOKIE_REPORT:
		ctx->report_armed = false;
		report_ready(ctx);
		return;
	case RF_COOKIE_CONTEXT:
		ctx->context.armed = false;
		if (ctx->stowed || !ctx->setup_over) {	/* nothing is new of the command */
			forget_context(ctx);
			return;
		}
		break;
	case RF_COOKIE_INIT:
		ctx->init.armed = false;
		break;
	case RF_COOKIE_PAYLOAD:
		ctx->payload.armed = false;
		break;
	case RF_COOKIE_WATCH: case RF_COOKIE_WATCH_OUT:
		watch_ready(ring, (struct rf_watch *)(void *)ctx);
		return;
	case RF_COOKIE_TIMER:
		timer_ready(ring);
		return;
	case RF_COOKIE_MOUNTS:
		ctx->unmounting = false;
		break;
	}
	rf_context_unstow(ctx);
	rf_context_advance(ctx);
}

void rf_ring_doorbell(struct rf_ring *ring, uint32_t launch, uint32_t index)
{
	(void)index;
	for (struct rf_context *c = ring->contexts; c; c = c->next)
		if (c->id == launch && !c->done) {
			rf_context_hand_out(c);
			return;
		}
}
