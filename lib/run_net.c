/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Executors of the group "network".  The rtnetlink request was composed when
 * the chain was built; here it only travels.  A link of the submitter's is its own to move.
 */
#include <linux/netlink.h>

#include "run.h"
#include "task.h"

#define ANSWERS_MAX 64		/* of others, before ours */

/* The verdict on message @seq in the @len bytes of scratch; 1: it is not there. */
static long find_ack(const struct rf_ctx *ctx, long len, uint32_t seq)
{
	const struct nlmsghdr *h = (const void *)ctx->scratch;

	while (len >= (long)sizeof(*h) && h->nlmsg_len >= sizeof(*h) &&
	       (long)h->nlmsg_len <= len) {
		const struct nlmsgerr *e = NLMSG_DATA(h);
		long step = NLMSG_ALIGN(h->nlmsg_len);

		if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_seq == seq &&
		    h->nlmsg_len >= NLMSG_LENGTH(sizeof(e->error)))
			return e->error;
		len -= step;
		h = (const void *)((const char *)h + step);
	}
	return 1;
}

static long request(struct rf_ctx *ctx, int sock, struct rf_blob message)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const struct nlmsghdr *h = rf_ctx_blob(ctx, message);
	long r;

	r = rf_sys6(__NR_sendto, sock, h, message.len, 0, &kernel, sizeof(kernel));
	if (r < 0)
		return r;
	for (int i = 0; i < ANSWERS_MAX; i++) {
		r = rf_sys6(__NR_recvfrom, sock, ctx->scratch, RF_SCRATCH, 0, 0, 0);
		if (r < 0)
			return r;
		r = find_ack(ctx, r, h->nlmsg_seq);
		if (r <= 0)
			return r;
	}
	return -EPROTO;
}

static long rtnetlink(void)
{
	return rf_sys3(__NR_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

RF_EXECUTOR(link_up)
{
	long sock, r;

	if (op->u.link_up.message.len < sizeof(struct nlmsghdr))
		return -EINVAL;
	sock = rtnetlink();
	if (sock < 0)
		return sock;
	r = request(ctx, (int)sock, op->u.link_up.message);
	rf_close(sock);
	return r;
}

/* A socket says which namespace this is, wherever /proc is, and whatever that shows. */
RF_EXECUTOR(move_link)
{
	long sock = rtnetlink(), r;

	(void)op;
	if (sock < 0)
		return sock;
	r = rf_ask_submitter(ctx, (int)sock);
	rf_close(sock);
	return r;
}
