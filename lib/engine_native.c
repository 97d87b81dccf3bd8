/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The native engine: the kernel carries out the chain, as one link of requests.
 *
 * It waits as the ring engine does, and what a completion says goes into the same
 * records as a context would have written; so whatever reads those cannot tell.  A
 * chain that cannot be lowered (native_lower.c says why) has a context as on the ring.
 *
 * The requests' memory is the submitter's: it stays until the tasks are gone, or have
 * become the command.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "native.h"
#include "native_abi.h"
#include "uring.h"

#define SQ_ENTRIES	1024	/* a link is submitted whole */
#define PENDING		INT32_MIN

struct rf_native_launch {
	struct rf_native n;
	struct rf_ioring_call *calls;
	int32_t		*results;	/* of each request, PENDING */
	uint32_t	 next;		/* the first that is not looked at yet */
	int32_t		 op_result;	/* so far, of the op that it is part of */
	int32_t		 parked_at;	/* the gate that the caller has heard of; -1 */
	int32_t		 pidfd;		/* of the first task: the kernel's to write */
};

/* ------------------------------------------------------------------- the engine */

/* The opcodes are there, and they are those that we know. */
static int probe(struct rf_ring *ring, uint32_t *ret_max_calls, struct rf_err *err)
{
	struct rf_ioring_spawn_reg reg = { .magic = RF_IORING_SPAWN_MAGIC };
	struct io_uring_probe *p;
	bool listed;
	int r;

	r = io_uring_register(rf_uring(ring)->ring_fd, RF_IORING_REGISTER_SPAWN, &reg, 1);
	if (r < 0)
		return rf_err_set(err, r == -EINVAL ? EOPNOTSUPP : -r,
				  "the kernel does not run chains (the series in kernel/ has it)");
	if (reg.version != RF_IORING_SPAWN_VERSION || reg.op_first != RF_IORING_OP_CLONE ||
	    reg.op_last < RF_IORING_OP_TASK_CALL || !reg.max_calls)
		return rf_err_set(err, EOPNOTSUPP, "the kernel runs chains of another kind "
				  "(version %u)", reg.version);
	p = io_uring_get_probe_ring(rf_uring(ring));
	if (!p)
		return rf_err_set(err, ENOMEM, "asking for the opcodes of io_uring");
	listed = io_uring_opcode_supported(p, RF_IORING_OP_CLONE) &&
		 io_uring_opcode_supported(p, RF_IORING_OP_EXECVEAT) &&
		 io_uring_opcode_supported(p, RF_IORING_OP_TASK_CALL);
	io_uring_free_probe(p);
	*ret_max_calls = reg.max_calls;
	return listed ? 0 : rf_err_set(err, EOPNOTSUPP, "the kernel does not list the opcodes "
				       "for chains");
}

static int native_open(struct rf_ring *ring, struct rf_err *err)
{
	int r = rf_uring_open(ring, SQ_ENTRIES, true, err);

	if (r < 0)
		return r;
	r = probe(ring, &ring->max_calls, err);
	if (r == 0)
		return 0;
	rf_uring_close(ring);
	ring->poll_fd = ring->doorbell_fd = -1;
	return r;
}

/* ----------------------------------------------------------------- a submission */

static uint64_t address(const struct rf_context *ctx, uint64_t at)
{
	const struct rf_area *a = ctx->area;

	if (!at)
		return 0;
	return (uint64_t)(uintptr_t)(at & RF_AT_DATA ? (const char *)a + a->off_data :
				     ctx->native->n.extra) + (at & RF_AT_OFFSET);
}

static int encode_calls(struct rf_context *ctx)
{
	struct rf_native_launch *x = ctx->native;
	struct rf_ioring_call *to = calloc(x->n.nr_calls + 1, sizeof(*to));

	if (!to)
		return -ENOMEM;
	x->calls = to;
	for (uint32_t i = 0; i < x->n.nr_calls; i++, to++) {
		const struct rf_call *c = &x->n.call[i];

		*to = (struct rf_ioring_call){ .nr = c->nr, .flags = c->flags, .skip = c->skip,
					       .fd = c->fd, .error = c->error, .load = c->load,
					       .store = address(ctx, c->store) };
		for (unsigned int k = 0; k < RF_CALL_ARGS; k++)
			to->args[k] = c->points >> k & 1 ? address(ctx, c->args[k]) : c->args[k];
	}
	/* pointers in memory, once all of it is where it stays */
	for (uint32_t i = 0; i < x->n.nr_points; i++) {
		char *p = x->n.extra + x->n.points[i];
		uint64_t at;

		memcpy(&at, p, sizeof(at));
		at = address(ctx, at);
		memcpy(p, &at, sizeof(at));
	}
	return 0;
}

static void encode(const struct rf_context *ctx, const struct rf_req *r, struct io_uring_sqe *sqe)
{
	const struct rf_native_launch *x = ctx->native;

	memset(sqe, 0, sizeof(*sqe));
	switch ((enum rf_req_kind)r->kind) {
	case RF_REQ_CLONE:
		sqe->opcode = RF_IORING_OP_CLONE;
		sqe->addr = r->arg[0];
		sqe->len = (uint32_t)r->arg[1];
		if (r == x->n.req) {
			sqe->addr |= CLONE_PIDFD;
			sqe->addr2 = (uint64_t)(uintptr_t)&x->pidfd;
		}
		if (r->fd >= 0)
			sqe->file_index = (uint32_t)r->fd + 1;
		break;
	case RF_REQ_EXEC:
		sqe->opcode = RF_IORING_OP_EXECVEAT;
		sqe->fd = (int)r->arg[0];
		sqe->addr = address(ctx, r->arg[1]);
		sqe->addr2 = address(ctx, r->arg[2]);
		sqe->addr3 = address(ctx, r->arg[3]);
		sqe->rw_flags = (int)r->arg[4];
		break;
	case RF_REQ_CALLS:
		sqe->opcode = RF_IORING_OP_TASK_CALL;
		sqe->addr = (uint64_t)(uintptr_t)(x->calls + r->first);
		sqe->len = r->nr;
		sqe->rw_flags = r->absent ? RF_IORING_TASK_ABSENT : 0;
		break;
	}
	sqe->flags = r->hard ? IOSQE_IO_HARDLINK : IOSQE_IO_LINK;
}

/* All in one call, for a link ends with the submission. */
static int submit(struct rf_ring *ring, struct rf_context *ctx)
{
	const struct rf_native *n = &ctx->native->n;
	struct io_uring *u = rf_uring(ring);
	uint64_t before = 0;
	int r;

	while (io_uring_sq_ready(u)) {
		r = io_uring_submit(u);
		if (r < 0 && r != -EINTR)
			return r;
	}
	if (io_uring_sq_space_left(u) < n->nr)
		return -E2BIG;
	for (uint32_t i = 0; i < n->nr; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(u);

		encode(ctx, &n->req[i], sqe);
		sqe->user_data = RF_NATIVE_BIT | (uint64_t)ctx->id << 24 | i;
		if (i + 1 == n->nr)
			sqe->flags = 0;
	}
	rf_signals_block(&before);
	do
		r = io_uring_submit(u);
	while (r == -EINTR);
	rf_signals_back(&before);
	if (r < 0)
		return r;
	/* cut short: what is left of the link means nothing to the kernel by itself */
	return (uint32_t)r == n->nr ? 0 : -EAGAIN;
}

/* What @ctx's chain has to have that only the submitter can make. */
struct ends {
	int	report[2], init[2];
};

static void close_both(int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	fds[0] = fds[1] = -1;
}

/* Do tasks of the chain and the submitter talk to each other? */
static bool has_reports(const struct rf_chain *c)
{
	bool ret = c->nr_gates;

	for (uint32_t i = 0; i < c->nr_ops && !ret; i++)
		ret = rf_op_reports(&c->ops[i]);
	return ret;
}

static int make_ends(struct rf_ring *ring, const struct rf_chain *c, struct ends *e,
		     struct rf_err *err)
{
	int r = rf_launch_images(ring, c->has_init, false, err);

	if (r == 0 && has_reports(c) &&
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, e->report) < 0)
		r = rf_err_set(err, errno, "socket for reports");
	if (r == 0 && c->has_init &&
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, e->init) < 0)
		r = rf_err_set(err, errno, "socket for pid 1");
	return r;
}

/* 1, or 0 with ctx->why_not. */
static int lower(struct rf_ring *ring, const struct rf_chain *c, struct rf_context *ctx,
		 const struct ends *e, struct rf_err *err)
{
	struct rlimit limit = { 1024, 1024 };
	struct rf_native_host host = {
		.report = e->report[1], .init_sock = e->init[1], .init_peer = e->init[0],
		.init_image = c->has_init ? ring->init_fd : -1, .max_reqs = SQ_ENTRIES,
		.max_calls = ring->max_calls, .inject_op = ring->inject_op,
		.inject_result = ring->inject_result,
	};
	struct rf_native *n = &ctx->native->n;
	int r;

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	host.nofile = limit.rlim_cur > INT32_MAX ? INT32_MAX : (uint32_t)limit.rlim_cur;
	r = rf_native_lower(c, &host, n);
	if (r == 0)
		return 1;
	if (r == -EOPNOTSUPP) {
		r = asprintf(&ctx->why_not, "op %u, %s: %s", n->why_op,
			     rf_op_defs[c->ops[n->why_op].kind].name, n->why) < 0 ? -ENOMEM : 0;
		ctx->why_not = r == 0 ? ctx->why_not : NULL;
	}
	return r < 0 ? rf_err_set(err, -r, "memory for the requests") : 0;
}

static int refused(struct rf_context *ctx, const char *why, struct rf_err *err)
{
	ctx->why_not = strdup(why);
	return ctx->why_not ? 0 : rf_err_set(err, ENOMEM, "memory for the launch");
}

static int start(struct rf_ring *ring, const struct rf_chain *c, struct rf_context *ctx,
		 struct rf_err *err)
{
	struct rf_native_launch *x = ctx->native;
	struct rf_ctx look = { 0 };
	int r = rf_launch_area(ctx, c);

	if (r == 0) {
		/* argv and envp become pointers, as in a context on our memory */
		look.area = ctx->area;
		look.base = (char *)ctx->area;
		rf_context_look(&look);
		x->results = malloc(x->n.nr * sizeof(*x->results));
		r = x->results ? encode_calls(ctx) : -ENOMEM;
	}
	if (r < 0)
		return rf_err_set(err, -r, "memory for the launch");
	for (uint32_t i = 0; i < x->n.nr; i++)
		x->results[i] = PENDING;
	x->parked_at = -1;
	x->pidfd = -1;
	r = submit(ring, ctx);
	return r < 0 ? rf_err_set(err, -r, "submitting the chain") : 1;
}

static int native_launch(struct rf_ring *ring, const struct rf_chain *c, struct rf_context *ctx,
			 struct rf_err *err)
{
	struct ends e = { { -1, -1 }, { -1, -1 } };
	int r;

	if (ctx->flags & RF_SUBMIT_OWN_MEMORY)
		return refused(ctx, "a context with memory of its own is asked for", err);
	ctx->native = calloc(1, sizeof(*ctx->native));
	if (!ctx->native)
		return rf_err_set(err, ENOMEM, "memory for the launch");
	r = make_ends(ring, c, &e, err);
	if (r == 0)
		r = lower(ring, c, ctx, &e, err);
	if (r == 1)
		r = start(ring, c, ctx, err);
	if (r == 1) {
		ctx->report_fd = e.report[0];
		e.report[0] = -1;
		ctx->context.pidfd = ctx->native->pidfd;
	} else {
		rf_native_free(ctx);
	}
	/* the first task has copies of what is its own */
	close_both(e.report);
	close_both(e.init);
	return r;
}

void rf_native_free(struct rf_context *ctx)
{
	struct rf_native_launch *x = ctx->native;

	ctx->native = NULL;
	if (!x)
		return;
	rf_native_release(&x->n);
	free(x->calls);
	free(x->results);
	free(x);
}

/* ------------------------------------------------------------------ completions */

static void write_record(struct rf_context *ctx, uint32_t op, int32_t result)
{
	struct rf_record *rec = rf_record_at(ctx, op);

	rec->result = result;
	__atomic_store_n(&rec->state, RF_REC_DONE, __ATOMIC_RELEASE);
}

/* A new task, as the submitter's pid namespace numbers it. */
static void note_task(struct rf_context *ctx, const struct rf_op *op, int32_t pid)
{
	struct rf_area *a = ctx->area;

	switch (op->u.clone.as) {
	case RF_CLONE_CONTEXT:
		ctx->context.pid = pid;
		if (ctx->killed)	/* too early to have hit it */
			(void)rf_context_kill(ctx);
		break;
	case RF_CLONE_INIT:
		a->init_pid = pid;
		break;
	default:
		__atomic_store_n(&a->payload_tid, 1U, __ATOMIC_RELEASE);
		a->payload_pid = pid;
		break;
	}
	rf_context_adopt(ctx);
}

/* What the executors leave in the area for whoever asks. */
static void note_failure(struct rf_context *ctx, uint32_t index, const struct rf_op *op)
{
	const struct rf_native *n = &ctx->native->n;
	struct rf_area *a = ctx->area;
	uint64_t seen, is;

	if (!n->look_at[index])
		return;
	if (op->kind == RF_OP_LANDLOCK) {
		const uint32_t nr = op->u.landlock.rules.len / sizeof(struct rf_landlock_op_rule);

		for (uint32_t i = 0; i < nr; i++) {
			memcpy(&seen, n->extra + n->look_at[index] + i * sizeof(seen), sizeof(seen));
			if (seen)
				a->failed_rule = i + 1;
		}
		/* all have been begun: it may be the restriction itself that has failed */
		return;
	}
	if (op->kind != RF_OP_VERIFY)
		return;
	memcpy(&seen, n->extra + n->look_at[index], sizeof(seen));
	for (uint32_t i = 0; seen && i < a->nr_entries; i++) {
		if (!n->entry_at[i])
			continue;
		memcpy(&is, n->extra + n->entry_at[i] + offsetof(struct statx, stx_mnt_id),
		       sizeof(is));
		if (is == seen)
			a->covered_by = i + 1;
	}
}

enum step { GO_ON, OVER };

static bool is_last_of_op(const struct rf_native *n, uint32_t i)
{
	return i + 1 == n->nr || n->req[i + 1].op != n->req[i].op;
}

/* Request @i is done, and so are all before it. */
static enum step look_at(struct rf_context *ctx, uint32_t i)
{
	struct rf_native_launch *x = ctx->native;
	const struct rf_req *r = &x->n.req[i];
	const struct rf_op *op = rf_op_at(ctx, r->op);
	int32_t result = x->results[i];

	if (r->kind == RF_REQ_CALLS && op->kind != RF_OP_CLONE && op->kind != RF_OP_EXEC)
		result = rf_native_result(&x->n, op, r->op, x->n.extra, result);
	if (r->kind == RF_REQ_CLONE && result > 0)
		note_task(ctx, op, result);
	if (result == -ECANCELED && !r->guarded)
		result = -EINTR;	/* nothing before it has failed: its task has died */
	if (result < 0 && result != -ECANCELED && !rf_op_may_fail(op, result)) {
		note_failure(ctx, r->op, op);
		write_record(ctx, r->op, result);
		if (i == 0)
			ctx->context.reaped = true;	/* there is none */
		return OVER;
	}
	if (r->kind == RF_REQ_EXEC && op->kind == RF_OP_EXEC && result == 0) {
		write_record(ctx, r->op, 0);
		return OVER;
	}
	/* it is there: what it was sent with is done */
	if (rf_op_reports(op) && result == 0)
		(void)rf_context_hear(ctx);
	/* the first request of an op has its result, of a clone the new task */
	if (i == 0 || x->n.req[i - 1].op != r->op || op->kind == RF_OP_EXEC)
		x->op_result = result;
	if (is_last_of_op(&x->n, i))
		write_record(ctx, r->op, x->op_result);
	return op->kind == RF_OP_EXIT ? OVER : GO_ON;
}

/* The chain stands at a gate when all in front of that is done. */
static void tell_gate(struct rf_context *ctx)
{
	struct rf_native_launch *x = ctx->native;
	const uint32_t op = x->next < x->n.nr ? x->n.req[x->next].op : UINT32_MAX;

	if (op == UINT32_MAX || rf_op_at(ctx, op)->kind != RF_OP_GATE || x->parked_at == (int32_t)op)
		return;
	x->parked_at = (int32_t)op;
	rf_context_parked(ctx, op);
}

void rf_native_event(struct rf_ring *ring, uint32_t launch, uint32_t index, int32_t result)
{
	struct rf_context *ctx = ring->contexts;
	struct rf_native_launch *x;

	while (ctx && ctx->id != launch)
		ctx = ctx->next;
	if (!ctx || !ctx->native || ctx->setup_over)
		return;		/* over, and this is of what was left of the link */
	x = ctx->native;
	x->results[index] = result;
	while (x->next < x->n.nr && x->results[x->next] != PENDING)
		if (look_at(ctx, x->next++) == OVER) {
			rf_context_set_up(ctx);
			return;
		}
	rf_context_hand_out(ctx);
	if (x->next == x->n.nr)
		rf_context_set_up(ctx);
	else
		tell_gate(ctx);
}

const struct rf_engine rf_engine_native = {
	.name	= "native",
	.open	= native_open,
	.close	= rf_uring_close,
	.arm	= rf_uring_arm,
	.disarm	= rf_uring_disarm,
	.wait	= rf_uring_wait,
	.let_go	= rf_uring_let_go,
	.launch	= native_launch,
};
