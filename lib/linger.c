/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control comes back: more ops for a context that is parked.
 *
 * One chain is the whole history of a context.  What is behind the place where
 * it is parked has not run, so the submitter may put anything there: it lays
 * the area out anew, in place, and the context looks again when it is woken.
 * Only the header stays where it is, for the kernel and pid 1 know words of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "error.h"
#include "ring.h"

static int check_memory(const struct rf_context *ctx, const struct rf_chain *c, struct rf_err *err)
{
	if (c->own_image && !ctx->own_image)
		return rf_err_set(err, EINVAL, "joining namespaces or changing ids takes a context "
				  "submitted with RF_SUBMIT_OWN_MEMORY");
	return rf_check_exec(ctx, c, err);
}

static int check_follows(const struct rf_context *ctx, const struct rf_chain *c, struct rf_err *err)
{
	const struct rf_area *a = ctx->area;
	uint32_t over = rf_nr_over(ctx);

	if (c->nr_ops < over || (uint32_t)c->nr_slots < a->nr_slots ||
	    c->nr_entries < a->nr_entries || c->data_len < a->data_len ||
	    memcmp(rf_op_at(ctx, 0), c->ops, over * sizeof(*c->ops)) != 0)
		return rf_err_set(err, EINVAL, "this is not the chain that the context has run");
	if (c->nr_ops == over)
		return rf_err_set(err, EINVAL, "there is no op behind the one at which the "
				  "context is parked");
	return check_memory(ctx, c, err);
}

/* A copy has the mount namespace of what it is a copy of, with all its copies. */
static int check_mounts(const struct rf_context *ctx, const struct rf_chain *c, struct rf_err *err)
{
	int i = rf_template_shared_mounts(c->ops, c->nr_ops, ctx->copied_at);

	if (i < 0)
		return 0;
	return rf_err_set(err, EINVAL, "op %d, %s: a copy unshares the mount namespace first", i,
			  rf_op_defs[c->ops[i].kind].name);
}

/* The parts of the area for @c at @to, which stands for its start; zero-filled. */
static void fill(const struct rf_context *ctx, const struct rf_chain *c,
		 const struct rf_layout *l, char *to)
{
	const struct rf_area *a = ctx->area;
	const char *from = (const char *)a;

	memcpy(to + l->off_records, from + a->off_records,
	       rf_nr_over(ctx) * sizeof(struct rf_record));
	memcpy(rf_area_copy(c, l, to), from + a->off_slots, a->nr_slots * sizeof(int32_t));
	memcpy(to + l->off_entries, from + a->off_entries, a->nr_entries * sizeof(uint64_t));
	memcpy(to + l->off_keep, from + a->off_keep, a->nr_keep * sizeof(int32_t));
}

static int lay_out(struct rf_context *ctx, const struct rf_chain *c, struct rf_err *err)
{
	const size_t header = sizeof(struct rf_area);
	struct rf_area *a = ctx->area;
	uint32_t floor = rf_fd_floor(c);
	struct rf_layout l;
	char *fresh;

	rf_layout_of(c, &l);
	if (l.max_keep < a->nr_keep)
		return rf_err_set(err, EINVAL, "this is not the chain that the context has run");
	if (l.size > a->size)
		return rf_err_set(err, E2BIG, "the context has no room for so many ops");
	fresh = calloc(1, l.size);
	if (!fresh)
		return rf_err_set(err, ENOMEM, "memory for more ops");
	fill(ctx, c, &l, fresh);
	memcpy((char *)a + header, fresh + header, l.size - header);
	free(fresh);
	rf_area_describe(a, c, &l);
	a->fd_floor = floor > a->fd_floor ? floor : a->fd_floor;
	a->relocated = 0;
	a->give_error = 0;
	a->covered_by = a->failed_rule = 0;
	a->flags |= RF_AREA_LINGER;
	return 0;
}

int rf_context_tell(const struct rf_context *ctx, const struct rf_report *rep, const int *fds,
		    unsigned int nr)
{
	union { struct cmsghdr h; char space[CMSG_SPACE(2 * sizeof(int))]; } control = { .h = {
		.cmsg_len = CMSG_LEN(nr * sizeof(int)), .cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	struct rf_report word = *rep;
	struct iovec iov = { .iov_base = &word, .iov_len = sizeof(word) };
	const struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = CMSG_SPACE(nr * sizeof(int)) };
	ssize_t n;

	memcpy(CMSG_DATA(&control.h), fds, nr * sizeof(int));
	/* a parked context takes what comes; of one that is gone end of file tells */
	do
		n = sendmsg(ctx->report_fd, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 && errno != EPIPE ? -errno : 0;
}

int rf_report_receive(int socket, int flags, struct rf_report *ret, int *ret_fd)
{
	union { struct cmsghdr h; char space[CMSG_SPACE(sizeof(int))]; } control;
	struct iovec iov = { .iov_base = ret, .iov_len = sizeof(*ret) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *h;
	ssize_t n;

	memset(ret, 0, sizeof(*ret));
	*ret_fd = -1;
	do
		n = recvmsg(socket, &m, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 && errno == EAGAIN ? 0 : -1;
	h = CMSG_FIRSTHDR(&m);
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS &&
	    h->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(h), sizeof(*ret_fd));
	return 1;
}

static int give(const struct rf_context *ctx, const struct rf_given *g)
{
	const struct rf_report rep = { .what = RF_REPORT_GIVE, .index = (uint32_t)g->slot };

	return rf_context_tell(ctx, &rep, &g->fd, 1);
}

static bool is_new(const struct rf_context *ctx, const struct rf_given *g)
{
	return (uint32_t)g->slot >= ctx->given_slots;
}

/* Better before anything is changed than behind. */
static int check_given(const struct rf_context *ctx, const struct rf_chain *c, struct rf_err *err)
{
	for (uint32_t i = 0; i < c->nr_given; i++)
		if (is_new(ctx, &c->given[i]) && fcntl(c->given[i].fd, F_GETFD) < 0)
			return rf_err_set(err, EBADF, "giving descriptor %d", c->given[i].fd);
	return 0;
}

int rf_context_submit(struct rf_context *ctx, const struct rf_chain *chain, struct rf_err *err)
{
	uint32_t index = (uint32_t)ctx->parked_op, over;
	int r;

	if (ctx->parked_op < 0)
		return rf_err_set(err, EINVAL, "the context is not parked");
	if (!ctx->lingers)
		return rf_err_set(err, EINVAL, "the first chain of the context did not end in a gate");
	r = rf_chain_check(chain, err);
	if (r == 0)
		r = check_follows(ctx, chain, err);
	if (r == 0)
		r = check_mounts(ctx, chain, err);
	if (r == 0)
		r = check_given(ctx, chain, err);
	if (r < 0)
		return r;
	over = rf_nr_over(ctx);
	r = lay_out(ctx, chain, err);
	if (r < 0)
		return r;
	for (uint32_t i = 0; r == 0 && i < chain->nr_given; i++)
		if (is_new(ctx, &chain->given[i]))
			r = give(ctx, &chain->given[i]);
	/* some may have arrived: only a context that parks again leaves the area alone */
	if (r < 0)
		ctx->area->give_error = r;
	ctx->seen = ctx->seen > over ? over : ctx->seen;
	ctx->parked_op = -1;
	rf_context_answer(ctx, index, 0);
	return 0;
}
