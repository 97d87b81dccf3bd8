/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public face of the submitter: rings, submitting, waiting.
 */
#include "ring.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "probe.h"

/* ------------------------------------------------------------------ the ring */

/*
 * Is it worth looking for the native engine?  On any other kernel a launch must not
 * make one call more, nor wait for the ring to be opened before the first clone.
 */
static bool may_be_native(struct rf_ring *ring)
{
	struct utsname uts;

	if (ring->kind != RF_ENGINE_AUTO)
		return ring->kind == RF_ENGINE_NATIVE;
	if (ring->native_hint == RF_HINT_NONE)
		ring->native_hint = uname(&uts) == 0 && rf_release_is_native(uts.release) ?
				    RF_HINT_YES : RF_HINT_NO;
	return ring->native_hint == RF_HINT_YES;
}

/* Take the native engine, or the ring, where it can be had; remember why not. */
static int choose_engine(struct rf_ring *ring, enum rf_engine_kind kind, struct rf_err *err)
{
	struct rf_err why = RF_ERR_INIT;
	int r;

	if (may_be_native(ring)) {
		ring->engine = &rf_engine_native;
		ring->why = kind == RF_ENGINE_NATIVE ? "asked for" : "the kernel runs chains";
		r = ring->engine->open(ring, kind == RF_ENGINE_NATIVE ? err : &why);
		if (r == 0 || kind == RF_ENGINE_NATIVE)
			return r;
		why = (struct rf_err)RF_ERR_INIT;
	}
	if (kind != RF_ENGINE_PLAIN) {
		ring->engine = &rf_engine_ring;
		ring->why = kind == RF_ENGINE_RING ? "asked for" : "io_uring can be had";
		r = ring->engine->open(ring, kind == RF_ENGINE_RING ? err : &why);
		if (r == 0 || kind == RF_ENGINE_RING)
			return r;
	}
	ring->engine = &rf_engine_plain;
	if (kind == RF_ENGINE_PLAIN) {
		ring->why = "asked for";
	} else {
		(void)snprintf(ring->why_text, sizeof(ring->why_text), "%.80s: %s", why.msg,
			       strerrordesc_np(why.code));
		ring->why = ring->why_text;
	}
	return ring->engine->open(ring, err);
}

static uint64_t watch_cookie(const struct rf_watch *w)
{
	return rf_cookie(w, w->is_out ? RF_COOKIE_WATCH_OUT : RF_COOKIE_WATCH);
}

static int arm_watch(struct rf_ring *ring, struct rf_watch *w)
{
	const struct rf_completion c = { .kind = RF_DONE_WATCH, .user_data = w->user_data,
					 .index = -1 };
	int r = ring->engine->arm(ring, w->fd, watch_cookie(w));

	w->armed = r == 0;
	/* epoll's word for what never blocks */
	return r == -EPERM ? rf_ring_push(ring, &c) : r;
}

int rf_ring_open(struct rf_ring *ring, struct rf_err *err)
{
	int r;

	if (ring->open)
		return 0;
	r = choose_engine(ring, ring->kind, err);
	if (r < 0)
		return r;
	ring->open = true;
	for (struct rf_watch *w = ring->watches; w && r == 0; w = w->next)
		if (w->armed)
			r = arm_watch(ring, w);
	return r < 0 ? rf_err_set(err, -r, "watching a descriptor") : 0;
}

int rf_ring_new(enum rf_engine_kind kind, struct rf_ring **ret_ring, struct rf_err *err)
{
	struct rf_ring *ring = calloc(1, sizeof(*ring));
	int r;

	if (!ring)
		return rf_err_set(err, ENOMEM, "memory for the ring");
	ring->poll_fd = ring->timer_fd = ring->self_pidfd = -1;
	ring->doorbell_fd = ring->init_fd = ring->context_fd = -1;
	ring->kind = kind;
	ring->stow_above = RF_STOW_ABOVE;
	/* whoever asks for an engine by name wants to know now whether it can be had */
	r = kind == RF_ENGINE_AUTO ? 0 : rf_ring_open(ring, err);
	if (r < 0) {
		free(ring);
		return r;
	}
	*ret_ring = ring;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

static int pop(struct rf_ring *ring, struct rf_completion *ret_done)
{
	if (!ring->nr_queue)
		return 0;
	*ret_done = ring->queue[ring->head];
	ring->head = (ring->head + 1) % ring->max_queue;
	ring->nr_queue--;
	if (ret_done->kind == RF_DONE_EXIT || ret_done->kind == RF_DONE_FAILED)
		ring->dying = ret_done->ctx;
	return 1;
}

/* A completion that nobody will see. */
static void drop(const struct rf_completion *c)
{
	if (c->kind == RF_DONE_FD)
		close_fd(c->result);
}

/* Is anything left to wait for?  A launch that is over only has to be released. */
static bool live_contexts(const struct rf_ring *ring)
{
	for (const struct rf_context *ctx = ring->contexts; ctx; ctx = ctx->next)
		if (!ctx->done)
			return true;
	return false;
}

struct rf_ring *rf_ring_free(struct rf_ring *ring)
{
	struct rf_completion c;

	if (!ring)
		return NULL;
	for (struct rf_context *ctx = ring->contexts; ctx; ctx = ctx->next)
		(void)rf_context_kill(ctx);
	/* what was killed still has to be reaped; a failing wait ends it */
	while (live_contexts(ring) && rf_ring_wait(ring, -1, &c) == 1)
		drop(&c);
	while (pop(ring, &c))
		drop(&c);
	while (ring->contexts)
		rf_context_free(ring->contexts);
	if (ring->open)
		ring->engine->close(ring);
	while (ring->watches) {
		struct rf_watch *w = ring->watches;

		ring->watches = w->next;
		free(w);
	}
	close_fd(ring->timer_fd);
	close_fd(ring->self_pidfd);
	close_fd(ring->init_fd);
	close_fd(ring->context_fd);
	rf_kept_release(ring);
	while (ring->spare) {
		struct rf_context *next = ring->spare->next;

		free(ring->spare);
		ring->spare = next;
	}
	free(ring->layout);
	free(ring->queue);
	free(ring);
	return NULL;
}

const char *rf_ring_engine(struct rf_ring *ring, const char **ret_why)
{
	struct rf_err err = RF_ERR_INIT;

	/* what cannot be opened now is an error of the next call that needs it */
	(void)rf_ring_open(ring, &err);
	if (ret_why)
		*ret_why = ring->why;
	return ring->engine->name;
}

int rf_ring_fd(struct rf_ring *ring)
{
	struct rf_err err = RF_ERR_INIT;
	int r = rf_ring_open(ring, &err);

	return r < 0 ? r : ring->poll_fd;
}

/* ------------------------------------------------------------------- watches */

static int watch(struct rf_ring *ring, int fd, uint64_t user_data, bool is_out)
{
	struct rf_watch *w;

	if (fd < 0)
		return -EINVAL;
	for (w = ring->watches; w; w = w->next)
		if (w->fd == fd)
			break;
	if (w && w->armed)
		return -EALREADY;
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return -ENOMEM;
		w->fd = fd;
		w->next = ring->watches;
		ring->watches = w;
	}
	w->user_data = user_data;
	w->is_out = is_out;
	/* one that comes before the engine is armed with it */
	if (ring->open)
		return arm_watch(ring, w);
	w->armed = true;
	return 0;
}

int rf_ring_watch(struct rf_ring *ring, int fd, uint64_t user_data)
{
	return watch(ring, fd, user_data, false);
}

int rf_ring_watch_out(struct rf_ring *ring, int fd, uint64_t user_data)
{
	return watch(ring, fd, user_data, true);
}

int rf_ring_unwatch(struct rf_ring *ring, int fd)
{
	for (struct rf_watch **at = &ring->watches; *at; at = &(*at)->next) {
		struct rf_watch *w = *at;

		if (w->fd != fd)
			continue;
		if (w->armed && ring->open)
			(void)ring->engine->disarm(ring, fd, watch_cookie(w));
		*at = w->next;
		free(w);
		return 0;
	}
	return -ENOENT;
}

/* ------------------------------------------------------------------ contexts */

/*
 * Contexts live longer than what else a launch allocates, and so would lie between that
 * and the next launch's: they are used again.
 */
#define SPARE_MAX	64

static void spare(struct rf_ring *ring, struct rf_context *ctx)
{
	ctx->next = ring->spare;
	ring->spare = ctx;
	ring->nr_spare++;
}

int rf_ring_only_launches(struct rf_ring *ring, unsigned int nr)
{
	ring->only_launches = true;
	while (ring->nr_spare < nr && ring->nr_spare < SPARE_MAX) {
		struct rf_context *ctx = malloc(sizeof(*ctx));

		if (!ctx)
			return -ENOMEM;
		spare(ring, ctx);
	}
	return rf_layout_room(ring, 1) ? 0 : -ENOMEM;
}

struct rf_context *rf_context_new(struct rf_ring *ring, unsigned int flags, uint64_t user_data)
{
	struct rf_context *ctx = ring->spare;

	if (ctx) {
		ring->spare = ctx->next;
		ring->nr_spare--;
		memset(ctx, 0, sizeof(*ctx));
	} else {
		ctx = calloc(1, sizeof(*ctx));
	}
	if (!ctx)
		return NULL;
	ctx->ring = ring;
	ctx->id = ++ring->last_id;
	ctx->flags = flags;
	ctx->user_data = user_data;
	ctx->area_fd = ctx->report_fd = ctx->mount_ns = -1;
	ctx->context.pidfd = ctx->init.pidfd = ctx->payload.pidfd = -1;
	ctx->parked_op = -1;
	ctx->next = ring->contexts;
	if (ctx->next)
		ctx->next->prev = &ctx->next;
	ring->contexts = ctx;
	ctx->prev = &ring->contexts;
	ring->nr_contexts++;
	return ctx;
}

static void task_close(struct rf_context *ctx, struct rf_task *t, enum rf_cookie kind)
{
	if (t->armed)
		(void)ctx->ring->engine->disarm(ctx->ring, t->pidfd, rf_cookie(ctx, kind));
	close_fd(t->pidfd);
	t->pidfd = -1;
}

void rf_context_free(struct rf_context *ctx)
{
	struct rf_ring *ring = ctx->ring;

	if (ring->dying == ctx)
		ring->dying = NULL;
	*ctx->prev = ctx->next;
	if (ctx->next)
		ctx->next->prev = ctx->prev;
	ring->nr_contexts--;
	for (struct rf_context *c = ring->contexts; c; c = c->next)
		if (c->asker == ctx)
			c->asker = NULL;
	if (ctx->report_armed)
		(void)ring->engine->disarm(ring, ctx->report_fd,
						rf_cookie(ctx, RF_COOKIE_REPORT));
	if (ctx->report_fd >= 0)
		(void)close(ctx->report_fd);
	task_close(ctx, &ctx->context, RF_COOKIE_CONTEXT);
	task_close(ctx, &ctx->init, RF_COOKIE_INIT);
	task_close(ctx, &ctx->payload, RF_COOKIE_PAYLOAD);
	if (ctx->stowed)
		(void)ring->engine->unstow(ring, ctx->stowed - 1, NULL);
	close_fd(ctx->mount_ns);
	rf_links_free(ctx);
	rf_launch_release(ctx);
	free(ctx->results);
	free(ctx->why_not);
	if (ring->only_launches && ring->nr_spare < SPARE_MAX)
		spare(ring, ctx);
	else
		free(ctx);
}

void rf_context_discard(struct rf_context *ctx)
{
	(void)rf_context_kill(ctx);
	while (!rf_task_reap(&ctx->context, NULL, NULL, NULL))
		;
	rf_context_free(ctx);
}

/* What the context has inherited: CLONE_CLEAR_SIGHAND leaves ignored signals so. */
static void tell_ignored(struct rf_context *ctx)
{
	/* as the kernel has it, for all that a C library keeps to itself */
	struct { void (*handler)(int); unsigned long rest[3]; } act;
	struct rf_ring *ring = ctx->ring;
	uint64_t ignored = 0;

	for (int sig = 1; sig <= 64 && !ring->ignored_known; sig++)
		if (syscall(SYS_rt_sigaction, sig, NULL, &act, sizeof(uint64_t)) < 0 ||
		    act.handler == SIG_IGN)
			ignored |= 1ULL << (sig - 1);
	if (!ring->ignored_known)
		ring->ignored = ignored;
	ring->ignored_known = ring->only_launches;
	ctx->area->ignored = ring->ignored;
	__atomic_store_n(&ctx->area->ignored_known, 1, __ATOMIC_RELEASE);
}

int rf_submit(struct rf_ring *ring, const struct rf_chain *chain, unsigned int flags,
	      uint64_t user_data, struct rf_context **ret_ctx, struct rf_err *err)
{
	struct rf_context *ctx;
	int r;

	r = rf_chain_check(chain, err);
	if (r < 0)
		return r;
	ctx = rf_context_new(ring, flags, user_data);
	if (!ctx)
		return rf_err_set(err, ENOMEM, "memory for the context");
	/* the context posts to it from its first op on, and the native engine submits to it */
	r = flags & RF_SUBMIT_OPS || may_be_native(ring) ? rf_ring_open(ring, err) : 0;
	if (r == 0)
		r = rf_launch(ring, chain, ctx, err);
	/* else it is opened while the context is at work already */
	if (r == 0)
		r = rf_ring_open(ring, err);
	if (r == 0 && ctx->native)
		goto submitted;
	if (r == 0 && ring->one_thread)
		tell_ignored(ctx);
	if (r == 0) {
		/* from here on a task may exist: its end comes as a completion */
		r = rf_report_arm(ctx);
		if (r < 0)
			(void)rf_err_set(err, -r, "waiting for the context");
	}
	if (r < 0) {
		rf_context_discard(ctx);
		return r;
	}
submitted:
	*ret_ctx = ctx;
	return 0;
}

const char *rf_context_engine(const struct rf_context *ctx, const char **ret_why)
{
	*ret_why = ctx->why_not ? ctx->why_not : ctx->ring->why;
	return ctx->why_not ? rf_engine_ring.name : ctx->ring->engine->name;
}

pid_t rf_context_pid(const struct rf_context *ctx)
{
	return ctx->payload.pid;
}

bool rf_context_is_past_exec(const struct rf_context *ctx)
{
	const struct rf_area *a = ctx->area;
	pid_t pid;

	if (!a)
		return true;
	pid = __atomic_load_n(&a->payload_pid, __ATOMIC_ACQUIRE);
	if (pid <= 0)
		return false;
	return __atomic_load_n(&a->payload_tid, __ATOMIC_ACQUIRE) == 0 ||
	       (ctx->own_image && rf_task_is_past_exec(pid));
}

int rf_context_covering(const struct rf_context *ctx)
{
	const struct rf_area *a = ctx->area;
	const struct rf_op *ops;

	if (!a || !a->covered_by)
		return -1;
	ops = rf_op_at(ctx, 0);
	for (uint32_t i = 0; i < a->nr_ops; i++)
		if (ops[i].kind == RF_OP_MOVE_MOUNT && ops[i].u.move_mount.entry == a->covered_by - 1)
			return (int)i;
	return -1;
}

const struct rf_landlock_op_rule *rf_context_failed_rule(const struct rf_context *ctx,
							 uint32_t index)
{
	const struct rf_area *a = ctx->area;
	const struct rf_op *op;

	if (!a || index >= a->nr_ops || !a->failed_rule)
		return NULL;
	op = rf_op_at(ctx, index);
	if (op->kind != RF_OP_LANDLOCK ||
	    a->failed_rule > op->u.landlock.rules.len / sizeof(struct rf_landlock_op_rule))
		return NULL;
	return (const struct rf_landlock_op_rule *)
		((const char *)a + a->off_data + op->u.landlock.rules.off) + (a->failed_rule - 1);
}

int rf_context_op(const struct rf_context *ctx, int index, int *ret_result)
{
	const struct rf_record *rec;

	if (index < 0 || (uint32_t)index >= (ctx->area ? ctx->area->nr_ops : ctx->nr_results))
		return -EINVAL;
	if (!ctx->area) {
		*ret_result = ctx->results[index];
		return 1;
	}
	rec = rf_record_at(ctx, 0);
	if (__atomic_load_n(&rec[index].state, __ATOMIC_ACQUIRE) != RF_REC_DONE)
		return 0;
	*ret_result = rec[index].result;
	return 1;
}

/* ------------------------------------------------------------------- waiting */

static uint64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000U + (uint64_t)ts.tv_nsec / 1000000U;
}

int rf_ring_wait(struct rf_ring *ring, int timeout_ms, struct rf_completion *ret_done)
{
	uint64_t until = timeout_ms > 0 ? now_ms() + (uint64_t)timeout_ms : 0;
	struct rf_err err = RF_ERR_INIT;
	int opened = rf_ring_open(ring, &err);

	if (opened < 0)
		return opened;
	if (ring->dying)
		rf_context_free(ring->dying);
	for (;;) {
		int left = timeout_ms, r;

		if (pop(ring, ret_done))
			return 1;
		if (timeout_ms > 0) {
			uint64_t now = now_ms();

			left = now < until ? (int)(until - now) : 0;
		}
		r = ring->engine->wait(ring, left);
		if (r < 0)
			return r;
		if (pop(ring, ret_done))
			return 1;
		if (timeout_ms == 0 || (timeout_ms > 0 && now_ms() >= until))
			return 0;
	}
}
