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

#define LAYOUT_FIRST	(32U << 10)	/* enough for an ordinary sandbox */

void *rf_layout_room(struct rf_ring *ring, size_t size)
{
	if (ring->layout_size < size) {
		size_t room = size > LAYOUT_FIRST ? size : LAYOUT_FIRST;

		free(ring->layout);
		ring->layout = malloc(room);
		ring->layout_size = ring->layout ? room : 0;
	}
	return ring->layout ? memset(ring->layout, 0, size) : NULL;
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
	fresh = rf_layout_room(ctx->ring, l.size);
	if (!fresh)
		return rf_err_set(err, ENOMEM, "memory for more ops");
	fill(ctx, c, &l, fresh);
	memcpy((char *)a + header, fresh + header, l.size - header);
	rf_area_describe(a, c, &l);
	a->fd_floor = floor > a->fd_floor ? floor : a->fd_floor;
	a->relocated = 0;
	a->give_error = 0;
	a->covered_by = a->failed_rule = 0;
	if (!ctx->last_submit)
		a->flags |= RF_AREA_LINGER;
	return 0;
}

int rf_context_tell(const struct rf_context *ctx, const struct rf_report *rep, const int *fds,
		    unsigned int nr)
{
	union { struct cmsghdr h; char space[CMSG_SPACE(RF_GIVE_MAX * sizeof(int))]; } control = {
		.h = { .cmsg_len = CMSG_LEN(nr * sizeof(int)), .cmsg_level = SOL_SOCKET,
		       .cmsg_type = SCM_RIGHTS },
	};
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
		return n == 0 ? -ESRCH : errno == EAGAIN ? 0 : -errno;
	h = CMSG_FIRSTHDR(&m);
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS &&
	    h->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(h), sizeof(*ret_fd));
	return 1;
}

/* @rep with the descriptors of @g, as many as it says. */
static int give(const struct rf_context *ctx, const struct rf_report *rep,
		const struct rf_given *g)
{
	int fds[RF_GIVE_MAX];

	for (uint32_t i = 0; i < rep->nr; i++)
		fds[i] = g[i].fd;
	return rf_context_tell(ctx, rep, fds, rep->nr);
}

static bool is_new(const struct rf_context *ctx, const struct rf_given *g)
{
	return (uint32_t)g->slot >= ctx->given_slots;
}

/* How many descriptors from the @from'th on are for slots that follow each other. */
static uint32_t nr_together(const struct rf_chain *c, uint32_t from)
{
	const struct rf_given *g = &c->given[from];
	uint32_t nr = 1;

	while (nr < RF_GIVE_MAX && from + nr < c->nr_given && g[nr].slot == g->slot + (int32_t)nr)
		nr++;
	return nr;
}

/*
 * What is new, and with the last of it the word to go on behind op @index.  @ret_gone:
 * that has been sent.
 */
static int give_and_go(const struct rf_context *ctx, const struct rf_chain *c, uint32_t index,
		       bool *ret_gone)
{
	struct rf_report rep = { .what = RF_REPORT_GIVE, .index = index };
	uint32_t i = 0;
	int r = 0;

	while (i < c->nr_given && !is_new(ctx, &c->given[i]))
		i++;
	for (; r == 0 && i < c->nr_given; i += rep.nr) {
		rep.slot = (uint32_t)c->given[i].slot;
		rep.nr = nr_together(c, i);
		if (i + rep.nr == c->nr_given)
			rep.what = RF_REPORT_GO;
		r = give(ctx, &rep, &c->given[i]);
		*ret_gone = r == 0 && rep.what == RF_REPORT_GO;
	}
	return r;
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
	bool gone = false;
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
	ctx->seen = ctx->seen > over ? over : ctx->seen;
	ctx->parked_op = -1;
	r = give_and_go(ctx, chain, index, &gone);
	/* some may have arrived: only a context that parks again leaves the area alone */
	if (r < 0)
		ctx->area->give_error = r;
	if (!gone)
		rf_context_answer(ctx, index, 0);
	return 0;
}
