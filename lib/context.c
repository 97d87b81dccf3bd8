/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running a chain: the loop that a context, and later the payload task, is in.
 * FREESTANDING (context.h).
 *
 * Stages, in order, and what each may do:
 *   context   made by the submitter, perhaps on its memory; runs every op up to
 *             `clone as payload`; must not return into the submitter's code
 *   pid 1     made by the context; unshares, says who it is, becomes the init
 *             image; must not touch the records
 *   payload   made by the context, which sleeps meanwhile, or ends where it is a
 *             program of its own; runs the rest and execs; everything that
 *             restricts the command happens here
 */
#include "context.h"

#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/time_types.h>

#include "compat.h"
#include "syscall.h"
#include "task.h"

#define ECANCELED_ 125

static uint64_t now_ns(void)
{
	struct __kernel_timespec ts = { 0, 0 };

	(void)rf_sys2(__NR_clock_gettime, 1 /* CLOCK_MONOTONIC */, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

/* Tell the submitter's ring, or its socket, to look at the records. */
static void doorbell(struct rf_ctx *ctx, uint32_t index, int32_t result)
{
	const struct rf_area *a = ctx->area;
	struct io_uring_sqe sqe;

	if (!(a->flags & RF_AREA_OPS) || ctx->filtered)
		return;
	if (a->ring_fd < 0) {
		rf_report(ctx, RF_REPORT_OP, index, -1);
		return;
	}
	rf_memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = IORING_OP_MSG_RING;
	sqe.fd = a->ring_fd;
	sqe.len = (uint32_t)result;
	sqe.off = rf_doorbell_data(a->launch_id, index);
	/* Linux 6.13 */
	(void)rf_sys4(__NR_io_uring_register, -1, RF_IORING_REGISTER_SEND_MSG_RING, &sqe, 1);
}

/*
 * After the filter a record has no times and rings no bell: those calls are in
 * nobody's policy, and the filter's answer may be to kill.  The submitter looks
 * at the end of set-up.
 */
static int wants_times(const struct rf_ctx *ctx)
{
	return ctx->area->flags & RF_AREA_TIMES && !ctx->filtered;
}

void rf_record_begin(struct rf_ctx *ctx, uint32_t index)
{
	struct rf_record *rec = &ctx->records[index];

	if (wants_times(ctx))
		rec->begin_ns = now_ns();
	__atomic_store_n(&rec->state, RF_REC_BEGUN, __ATOMIC_RELEASE);
}

void rf_record_done(struct rf_ctx *ctx, uint32_t index, long result)
{
	struct rf_record *rec = &ctx->records[index];

	if (wants_times(ctx))
		rec->end_ns = now_ns();
	rec->result = (int32_t)result;
	__atomic_store_n(&rec->state, RF_REC_DONE, __ATOMIC_RELEASE);
	doorbell(ctx, index, (int32_t)result);
}

static int is_empty(const struct rf_ctx *ctx, int32_t slot)
{
	return slot >= 0 && ctx->slots[slot] < 0;
}

/* Is one of the slots that argument @a at @p names empty? */
static int lacks(const struct rf_ctx *ctx, const struct rf_arg *a, const void *p)
{
	const struct rf_blob *b = p;

	if (a->type == RF_ARG_SLOT)
		return is_empty(ctx, *(const int32_t *)p);
	if (a->type == RF_ARG_SLOTS) {
		const int32_t *slots = rf_ctx_blob(ctx, *b);

		for (uint32_t i = 0; i < b->len / sizeof(*slots); i++)
			if (is_empty(ctx, slots[i]))
				return 1;
	}
	if (a->type == RF_ARG_RULES) {
		const struct rf_landlock_op_rule *rules = rf_ctx_blob(ctx, *b);

		for (uint32_t i = 0; i < b->len / sizeof(*rules); i++)
			if (!(rules[i].flags & RF_LANDLOCK_PORT) && is_empty(ctx, rules[i].slot))
				return 1;
	}
	if (a->type == RF_ARG_FSFDS) {
		const struct rf_fsopt_fd *fds = rf_ctx_blob(ctx, *b);

		for (uint32_t i = 0; i < b->len / sizeof(*fds); i++)
			if (is_empty(ctx, fds[i].slot))
				return 1;
	}
	return 0;
}

/*
 * True when a slot that @op uses is empty: the hard-linked op that fills it
 * has failed, so this op has nothing to work on.
 */
static int lacks_slot(const struct rf_ctx *ctx, const struct rf_op *op)
{
	const struct rf_arg *a = rf_op_defs[op->kind].args;

	for (uint32_t i = 0; i < RF_ARGS_MAX && a[i].type; i++)
		if (lacks(ctx, &a[i], (const char *)op + a[i].offset))
			return 1;
	return 0;
}

long rf_context_run(struct rf_ctx *ctx, uint32_t first)
{
	for (uint32_t i = first; i < ctx->area->nr_ops; i++) {
		const struct rf_op *op = &ctx->ops[i];
		const struct rf_op_def *def = &rf_op_defs[op->kind];
		long r;

		ctx->index = i;
		rf_record_begin(ctx, i);
		if (lacks_slot(ctx, op)) {
			rf_record_done(ctx, i, -ECANCELED_);
			continue;
		}
		r = 0;
		if (!(def->flags & RF_OPF_ENDS) || i + 1 != ctx->area->inject_op)
			r = def->run(ctx, op);
		r = rf_ctx_result(ctx, i, r);
		op = &ctx->ops[i];	/* a gate lets the submitter move it */
		if (r >= 0 && (def->flags & RF_OPF_MAKES_FD))
			ctx->slots[op->out] = (int32_t)r;
		rf_record_done(ctx, i, r);
		if (r < 0 && !rf_op_may_fail(op, r)) {
			if (!(ctx->area->flags & RF_AREA_LINGER) || ctx->filtered)
				return r;
			r = rf_park(ctx, i);
			if (r < 0)
				return r;
			i--;	/* what is there now takes its turn */
		}
	}
	return 0;
}

/* Offsets of argv and envp become pointers, once, wherever the area is mapped. */
static void relocate(struct rf_ctx *ctx)
{
	struct rf_area *a = ctx->area;

	for (uint32_t i = 0; i < a->nr_ops; i++) {
		const struct rf_op *op = &ctx->ops[i];
		const struct rf_vec *v[2] = { &op->u.exec.argv, &op->u.exec.envp };

		if (op->kind != RF_OP_EXEC)
			continue;
		for (uint32_t k = 0; k < 2; k++) {
			uint64_t *p = (uint64_t *)(uintptr_t)(ctx->data + v[k]->off);

			for (uint32_t n = 0; n < v[k]->nr; n++)
				if (p[n] < a->data_len)
					p[n] += (uint64_t)(uintptr_t)ctx->data;
		}
	}
	a->relocated = 1;
}

void rf_context_look(struct rf_ctx *ctx)
{
	const struct rf_area *a = ctx->area;

	ctx->ops = (const struct rf_op *)(ctx->base + a->off_ops);
	ctx->records = (struct rf_record *)(ctx->base + a->off_records);
	ctx->slots = (int32_t *)(ctx->base + a->off_slots);
	ctx->entries = (uint64_t *)(ctx->base + a->off_entries);
	ctx->data = ctx->base + a->off_data;
	if (!a->relocated)
		relocate(ctx);
}

void rf_context_init(struct rf_ctx *ctx, struct rf_start *start)
{
	rf_memset(ctx, 0, sizeof(*ctx));
	ctx->area = start->area;
	ctx->base = (char *)start->area;
	rf_context_look(ctx);
	ctx->init_stack = start->init_stack;
	ctx->payload_stack = start->payload_stack;
	ctx->tls = start->tls;
	ctx->scratch = start->scratch;
	ctx->init_slot = ctx->maker_slot = ctx->maker_sock = -1;
	ctx->init_sock = ctx->init_sock_peer = -1;
	ctx->area_fd = ctx->area->flags & RF_AREA_APART ? start->area_fd : -1;
}

/*
 * What the caller gave is for the ops: the command finds it where a dup puts
 * it, not under the number that it has in the submitter.
 */
static void close_given_on_exec(const struct rf_ctx *ctx)
{
	for (uint32_t i = 0; i < ctx->area->nr_slots; i++)
		if (ctx->slots[i] >= 0)
			(void)rf_sys3(__NR_fcntl, ctx->slots[i], 2 /* F_SETFD */,
				      1 /* FD_CLOEXEC */);
}

/*
 * Where the context starts, on a stack of its own and with all signals
 * blocked.  Op 0 is the clone that made it.
 */
void rf_context_main(void *arg)
{
	struct rf_start *start = arg;
	struct rf_ctx ctx;
	long r;

	rf_context_init(&ctx, start);
	if (ctx.area->flags & RF_AREA_NO_CLONE3)
		(void)rf_run_sigdefault(&ctx, (const struct rf_op *)0);
	/* or a context that waits would never learn of its submitter's death */
	if (ctx.area->peer_fd >= 0)
		(void)rf_sys1(__NR_close, ctx.area->peer_fd);
	close_given_on_exec(&ctx);
	r = start->unshare ? rf_sys1(__NR_unshare, start->unshare) : 0;
	r = rf_ctx_result(&ctx, 0, r);
	rf_record_done(&ctx, 0, r < 0 ? r : rf_sys0(__NR_getpid));
	if (r >= 0)
		r = rf_context_run(&ctx, 1);
	rf_task_exit(r < 0 ? RF_EXIT_FAILED : 0);
}
