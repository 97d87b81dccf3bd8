/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copies of a parked context: rf_context_clone().
 *
 * The submitter makes what a context has from it (a context in the ring, an area,
 * stacks, a report socket) and the parked one makes the task, which run_copy.c
 * has.  It answers at once, for it does nothing else; so the caller waits for it.
 * The copy says by itself, over its own socket, when it is parked.
 */
#include <errno.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "ring.h"

static bool has_run(const struct rf_context *ctx, enum rf_op_kind kind)
{
	for (uint32_t i = 0; i < rf_nr_over(ctx); i++)
		if (rf_op_at(ctx, i)->kind == kind)
			return true;
	return false;
}

static int check_ops(const struct rf_context *ctx, struct rf_err *err)
{
	const uint32_t over = rf_nr_over(ctx);
	uint32_t index = 0;
	const char *why = rf_template_refusal(rf_op_at(ctx, 0), over, &index);
	int shared;

	if (!why) {
		/* ops that only have to be let go on; behind a failed one nothing has */
		shared = ctx->parked_failed ? -1 :
			 rf_template_shared_mounts(rf_op_at(ctx, 0), ctx->area->nr_ops, over);
		if (shared < 0)
			return 0;
		index = (uint32_t)shared;
		why = "a copy unshares the mount namespace first";
	}
	return rf_err_set(err, EINVAL, "op %u, %s: %s", index,
			  rf_op_defs[rf_op_at(ctx, index)->kind].name, why);
}

/*
 * What is parked in a user namespace is open to whoever has power there: to the
 * command of another copy.
 */
static int check_memory(const struct rf_context *ctx, struct rf_err *err)
{
	if (ctx->own_image || !rf_template_has_users(rf_op_at(ctx, 0), rf_nr_over(ctx)))
		return 0;
	return rf_err_set(err, EINVAL, "a template in a user namespace of its own is to be "
			  "submitted with RF_SUBMIT_OWN_MEMORY, or commands of its copies could "
			  "reach the memory of the submitter");
}

static int check(const struct rf_context *ctx, struct rf_err *err)
{
	if (ctx->parked_op < 0)
		return rf_err_set(err, EINVAL, "the context is not parked");
	if (!ctx->lingers)
		return rf_err_set(err, EINVAL, "the first chain of the context did not end in a gate");
	if (ctx->area->give_error)
		return rf_err_set(err, EINVAL, "the context is missing descriptors that were given");
	if (ctx->area->flags & RF_AREA_APART)
		return rf_err_set(err, EINVAL, "the context is to make a task apart, which keeps "
				  "its area");
	/* as it sees itself: a submitter may have unshared pids for its children */
	if (rf_record_at(ctx, 0)->result == 1)
		return rf_err_set(err, EINVAL, "the context is pid 1 of a pid namespace, which "
				  "can have no sibling");
	return check_ops(ctx, err) < 0 ? -EINVAL : check_memory(ctx, err);
}

/* The submitter's end of a socket for reports; the other goes to the copy. */
static int socket_for(struct rf_context *copy)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	copy->report_fd = pair[0];
	return pair[1];
}

/*
 * The context was killed before it could answer.  The copy that it may have made is
 * known by its number: from the kernel, or, where clone(2) does not tell, from itself.
 */
static pid_t number_of(const struct rf_context *ctx, const struct rf_context *copy)
{
	struct rf_report rep;
	int fd;

	if (ctx->area->copy_pid > 0)
		return ctx->area->copy_pid;
	if (!(ctx->area->flags & RF_AREA_NO_CLONE3) ||
	    rf_report_receive(copy->report_fd, 0, &rep, &fd) < 0)
		return 0;
	if (fd >= 0)
		(void)close(fd);
	return rf_record_at(copy, 0)->result;
}

/* Have the task made.  0, or a negative errno; there may be a task then. */
static int make_task(const struct rf_context *ctx, struct rf_context *copy, int socket,
		     struct rf_err *err)
{
	const struct rf_report ask = { .what = RF_REPORT_CLONE, .index = (uint32_t)ctx->parked_op,
				       .result = has_run(ctx, RF_OP_SETRESUID) };
	const int fds[2] = { socket, copy->area_fd };
	struct rf_report answer;
	int pid, pidfd, r = rf_context_tell(ctx, &ask, fds, copy->own_image ? 2 : 1);

	(void)close(socket);
	if (r < 0)
		return rf_err_set(err, -r, "asking the context for a copy");
	if (rf_report_receive(ctx->report_fd, 0, &answer, &pidfd) < 0) {
		copy->context.pid = number_of(ctx, copy);
		return rf_err_set(err, ESRCH, "the context has ended");
	}
	pid = ctx->area->copy_pid;
	if (pid == -EPERM && ask.result)
		return rf_err_set(err, EPERM, "the context has given up CAP_SYS_ADMIN in its user "
				  "namespace, which a copy needs for what is its own");
	if (pid < 0)
		return rf_err_set(err, -pid, "clone of the context");
	copy->context.pid = pid;
	/* ours, and on our memory or parked: nobody else reaps it that soon */
	copy->context.pidfd = pidfd >= 0 ? pidfd : (int)syscall(SYS_pidfd_open, pid, 0);
	if (copy->context.pidfd < 0)
		return rf_err_set(err, errno, "pidfd of the copy");
	return 0;
}

int rf_context_clone(struct rf_context *ctx, uint64_t user_data, struct rf_context **ret_copy,
		     struct rf_err *err)
{
	struct rf_context *copy;
	int r = check(ctx, err), socket;

	if (r < 0)
		return r;
	copy = rf_context_new(ctx->ring, ctx->flags, user_data);
	if (!copy)
		return rf_err_set(err, ENOMEM, "memory for the context");
	copy->lingers = true;
	copy->own_image = ctx->own_image;
	copy->seen = ctx->seen;
	copy->copied_at = rf_nr_over(ctx);
	r = rf_launch_copy(copy, ctx);
	if (r < 0) {
		rf_err_set(err, -r, "memory for the copy");
		goto fail;
	}
	r = socket = socket_for(copy);
	if (r < 0) {
		rf_err_set(err, -r, "socket for reports");
		goto fail;
	}
	r = make_task(ctx, copy, socket, err);
	if (r < 0)
		goto fail;
	r = rf_report_arm(copy);
	if (r < 0) {
		rf_err_set(err, -r, "waiting for the copy");
		goto fail;
	}
	*ret_copy = copy;
	return 0;
fail:
	rf_context_discard(copy);
	return r;
}
