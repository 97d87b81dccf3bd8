/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report socket, by which a task of a launch and the submitter talk, and what waits
 * for its words: gates, and ops that the submitter carries out.  FREESTANDING (context.h).
 */
#include <linux/errno.h>
#include <linux/fcntl.h>

#include "context.h"
#include "message.h"
#include "syscall.h"
#include "task.h"

long rf_send_word(int sock, struct rf_report *rep, int fd)
{
	struct { struct rf_cmsg head; int32_t fd; } c = {
		.head = { .len = RF_CMSG_LEN(1), .level = SOL_SOCKET, .type = SCM_RIGHTS }, .fd = fd,
	};
	struct iovec iov = { .iov_base = rep, .iov_len = sizeof(*rep) };
	struct rf_msg m = { .iov = &iov, .iovlen = 1 };
	long r;

	if (fd >= 0) {
		m.control = &c.head;
		m.controllen = sizeof(c);
	}
	do
		r = rf_sys3(__NR_sendmsg, sock, &m, MSG_NOSIGNAL);
	while (r == -EINTR);
	return r < 0 ? r : 0;
}

long rf_report(struct rf_ctx *ctx, enum rf_report_what what, uint32_t index, int fd)
{
	struct rf_report rep = { .what = what, .index = index };

	return rf_send_word(ctx->area->report_fd, &rep, fd);
}

long rf_receive_word(int sock, struct rf_report *ret, struct rf_given_fds *ret_fds, uint32_t *ret_nr)
{
	struct iovec iov = { .iov_base = ret, .iov_len = sizeof(*ret) };
	struct rf_msg m = { .iov = &iov, .iovlen = 1, .control = &ret_fds->head,
			    .controllen = sizeof(*ret_fds) };
	long r = rf_sys3(__NR_recvmsg, sock, &m, MSG_CMSG_CLOEXEC);

	*ret_nr = r > 0 ? rf_msg_fds(&m) : 0;
	return r;
}

/*
 * Until there is a word, or nobody to say one.  End of file is not enough: a context that
 * rings the submitter's io_uring holds it, and that holds what it polls, the socket's other
 * end among it, also when the submitter is dead.
 */
static void await_word(const struct rf_ctx *ctx)
{
	struct { int32_t fd; int16_t events, revents; } fds[2] = {
		{ ctx->area->report_fd, 1 /* POLLIN */, 0 },
		{ ctx->area->submitter_pidfd, 1 /* POLLIN */, 0 },
	};
	long r;

	if (ctx->area->submitter_pidfd < 0 || ctx->area->ring_fd < 0)
		return;
	do
		r = rf_sys5(__NR_ppoll, fds, 2, 0, 0, 0);
	while (r == -EINTR);
	if (r > 0 && fds[1].revents)
		rf_task_exit(RF_EXIT_FAILED);
}

/*
 * The submitter's next word, and how many descriptors came with it, in @ret_fds.  One
 * that has died ends the task.
 */
static uint32_t receive(struct rf_ctx *ctx, struct rf_report *ret, struct rf_given_fds *ret_fds)
{
	uint32_t nr;
	long r;

	do {
		await_word(ctx);
		r = rf_receive_word(ctx->area->report_fd, ret, ret_fds, &nr);
	} while (r == -EINTR || (r > 0 && r != sizeof(*ret)));
	if (r <= 0)
		rf_task_exit(RF_EXIT_FAILED);
	return nr;
}

/* A descriptor for slot @index, out of the way of those that the command gets. */
static long take_given(struct rf_ctx *ctx, uint32_t index, int fd)
{
	long to = fd >= (int)ctx->area->fd_floor ? fd : rf_fd_raise(ctx, fd);

	if (to < 0 || index >= ctx->area->nr_slots) {
		(void)rf_sys1(__NR_close, to < 0 ? fd : to);
		return -EMFILE;
	}
	/* another try at giving the same */
	if (ctx->slots[index] >= 0)
		(void)rf_sys1(__NR_close, ctx->slots[index]);
	ctx->slots[index] = (int32_t)to;
	return 0;
}

/* What came with @rep; a table without room for all is told by what is missing. */
static void take_all(struct rf_ctx *ctx, const struct rf_report *rep,
		     const struct rf_given_fds *given, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		if (take_given(ctx, rep->slot + i, given->fds[i]) < 0)
			ctx->area->give_error = -EMFILE;
	if (nr != rep->nr)
		ctx->area->give_error = -EMFILE;
}

/* Wait for the submitter's word about @index. */
static long await_submitter(struct rf_ctx *ctx, uint32_t index)
{
	struct rf_given_fds given;
	struct rf_report rep;
	uint32_t nr;

	for (;;) {
		nr = receive(ctx, &rep, &given);
		rf_context_look(ctx);
		if (rep.what == RF_REPORT_CLONE) {
			const int fds[2] = { nr > 0 ? given.fds[0] : -1, nr > 1 ? given.fds[1] : -1 };

			if (rf_copy_make(ctx, index, rep.result, fds) == RF_COPY_SELF)
				return RF_COPY_SELF;
			continue;
		}
		take_all(ctx, &rep, &given, nr);
		if (rep.what == RF_REPORT_GO && rep.index == index)
			return rep.result;
	}
}

long rf_ask_submitter(struct rf_ctx *ctx, int fd)
{
	long r = rf_report(ctx, RF_REPORT_ASK, ctx->index, fd);

	return r < 0 ? r : await_submitter(ctx, ctx->index);
}

/* Not woken for good while something that was given is missing.  A copy parks anew. */
long rf_park(struct rf_ctx *ctx, uint32_t index)
{
	long r;

	do {
		r = rf_report(ctx, RF_REPORT_GATE, index, -1);
		if (r == 0)
			r = await_submitter(ctx, index);
	} while (r == RF_COPY_SELF || (r == 0 && ctx->area->give_error));
	return r;
}

/* ----------------------------------------------- a gate that others open */

/* Whoever connects has its say, and reports go there from now on. */
static long take_visitor(struct rf_ctx *ctx, int listener)
{
	long conn, r;

	do
		conn = rf_sys4(__NR_accept4, listener, 0, 0, O_CLOEXEC);
	while (conn == -EINTR || conn == -ECONNABORTED);
	if (conn < 0)
		return conn;
	/* the end of the submitter's, which has been told all */
	r = rf_sys3(__NR_dup3, conn, ctx->area->report_fd, O_CLOEXEC);
	(void)rf_sys1(__NR_close, conn);
	if (r < 0)
		return r;
	/* by the records it sees what becomes of the ops behind the gate */
	return rf_report(ctx, RF_REPORT_GATE, ctx->index, ctx->area_fd);
}

/* 1: the gate is open; 0: the visitor has left as it came. */
static long hear_visitor(struct rf_ctx *ctx)
{
	struct rf_report rep;
	long r;

	do
		r = rf_sys6(__NR_recvfrom, ctx->area->report_fd, &rep, sizeof(rep), 0, 0, 0);
	while (r == -EINTR);
	return r == sizeof(rep) && rep.what == RF_REPORT_GO && rep.index == ctx->index;
}

/*
 * The submitter hears that the task is parked, and may go.  A visitor that dies
 * before it has opened the gate leaves it to the next.
 */
static long await_visitor(struct rf_ctx *ctx, const struct rf_op *op)
{
	int listener = rf_ctx_fd(ctx, op->u.gate.slot);
	long r = rf_report(ctx, RF_REPORT_GATE, ctx->index, -1);

	while (r == 0) {
		r = take_visitor(ctx, listener);
		if (r == 0 || r == -EPIPE || r == -ECONNRESET)
			r = r == 0 ? hear_visitor(ctx) : 0;
	}
	if (r < 0)
		return r;
	(void)rf_sys1(__NR_close, listener);
	ctx->slots[op->u.gate.slot] = -1;
	(void)rf_sys1(__NR_close, ctx->area_fd);
	ctx->area_fd = -1;
	return 0;
}

long rf_run_gate(struct rf_ctx *ctx, const struct rf_op *op)
{
	if (op->u.gate.slot >= 0)
		return await_visitor(ctx, op);
	return rf_park(ctx, ctx->index);
}
