/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MAX	1024	/* of ours: a few names and addresses */
#define ANSWER_MAX	32768	/* of the kernel's: what it knows of one link */
#define ANSWERS_MAX	64	/* notifications before our answer */

#ifndef SOL_NETLINK
#define SOL_NETLINK	270
#endif

int rf_netlink_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

void rf_netlink_init(struct rf_netlink *nl, int fd)
{
	const int on = 1;

	*nl = (struct rf_netlink){ .fd = fd };
	/* a kernel without them answers with less */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
}

/* --------------------------------------------------------------- the answer */

/* The kernel's words behind an error; they are whole or not there. */
static void take_reason(struct rf_netlink *nl, const struct nlmsghdr *h)
{
	size_t at = NLMSG_LENGTH(sizeof(struct nlmsgerr));

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || !(h->nlmsg_flags & NLM_F_CAPPED))
		return;
	while (at + sizeof(struct nlattr) <= h->nlmsg_len) {
		const struct nlattr *a = (const void *)((const char *)h + at);

		if (a->nla_len < sizeof(*a) || at + a->nla_len > h->nlmsg_len)
			return;
		if (a->nla_type == NLMSGERR_ATTR_MSG)
			(void)snprintf(nl->reason, sizeof(nl->reason), "%.*s",
				       (int)(a->nla_len - sizeof(*a)), (const char *)(a + 1));
		at += NLA_ALIGN(a->nla_len);
	}
}

typedef void (*answer_taker)(const struct nlmsghdr *h, void *arg);

/* What is in the @len bytes of @buf for us; 1: not the end of the answer yet. */
static int look_at(struct rf_netlink *nl, const char *buf, size_t len, answer_taker take, void *arg)
{
	while (len >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *h = (const void *)buf;
		size_t step = NLMSG_ALIGN((size_t)h->nlmsg_len);

		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > len)
			return -EPROTO;
		if (h->nlmsg_seq == nl->seq && h->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = NLMSG_DATA(h);

			if (h->nlmsg_len < NLMSG_LENGTH(sizeof(e->error)))
				return -EPROTO;
			if (e->error)
				take_reason(nl, h);
			return e->error;
		}
		if (h->nlmsg_seq == nl->seq && take)
			take(h, arg);
		if (step >= len)
			break;
		buf += step;
		len -= step;
	}
	return 1;
}

static int request(struct rf_netlink *nl, struct nlmsghdr *h, answer_taker take, void *arg)
{
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	_Alignas(struct nlmsghdr) char buf[ANSWER_MAX];
	struct sockaddr_nl from;
	int r = 1;

	nl->reason[0] = '\0';
	h->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	h->nlmsg_seq = ++nl->seq;
	if (sendto(nl->fd, h, h->nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	for (int i = 0; r > 0 && i < ANSWERS_MAX; i++) {
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(nl->fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &size);

		if (n < 0 && errno != EINTR)
			return -errno;
		/* other processes can send to the socket's number */
		if (n > 0 && from.nl_pid == 0)
			r = look_at(nl, buf, (size_t)n, take, arg);
	}
	return r > 0 ? -EPROTO : r;
}

/* ----------------------------------------------------------------- requests */

struct message {
	_Alignas(struct nlmsghdr) char buf[MESSAGE_MAX];
	struct nlmsghdr	*h;
};

static void begin(struct message *m, uint16_t type, uint16_t flags)
{
	m->h = mnl_nlmsg_put_header(m->buf);
	m->h->nlmsg_type = type;
	m->h->nlmsg_flags = flags;
}

static struct ifinfomsg *begin_link(struct message *m, uint16_t type, uint16_t flags, uint32_t index)
{
	struct ifinfomsg *ifi;

	begin(m, type, flags);
	ifi = mnl_nlmsg_put_extra_header(m->h, sizeof(*ifi));
	ifi->ifi_index = (int)index;
	return ifi;
}

struct found {
	uint32_t	 index;
	bool		 up;
};

static void take_link(const struct nlmsghdr *h, void *arg)
{
	const struct ifinfomsg *ifi = NLMSG_DATA(h);
	struct found *f = arg;

	if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(*ifi)))
		return;
	f->index = (uint32_t)ifi->ifi_index;
	f->up = ifi->ifi_flags & IFF_UP;
}

int rf_netlink_find(struct rf_netlink *nl, const char *name, uint32_t *ret_index, bool *ret_up)
{
	struct found f = { .index = 0 };
	struct message m;
	int r;

	(void)begin_link(&m, RTM_GETLINK, 0, 0);
	mnl_attr_put_strz(m.h, IFLA_IFNAME, name);
	r = request(nl, m.h, take_link, &f);
	if (r == 0 && !f.index)
		r = -ENODEV;
	if (r < 0)
		return r;
	*ret_index = f.index;
	if (ret_up)
		*ret_up = f.up;
	return 0;
}

int rf_netlink_set_up(struct rf_netlink *nl, uint32_t index, bool up)
{
	struct message m;
	struct ifinfomsg *ifi = begin_link(&m, RTM_NEWLINK, 0, index);

	ifi->ifi_change = IFF_UP;
	ifi->ifi_flags = up ? IFF_UP : 0;
	return request(nl, m.h, NULL, NULL);
}

int rf_netlink_set_master(struct rf_netlink *nl, uint32_t index, uint32_t master)
{
	struct message m;

	(void)begin_link(&m, RTM_NEWLINK, 0, index);
	mnl_attr_put_u32(m.h, IFLA_MASTER, master);
	return request(nl, m.h, NULL, NULL);
}

int rf_netlink_delete(struct rf_netlink *nl, uint32_t index)
{
	struct message m;

	(void)begin_link(&m, RTM_DELLINK, 0, index);
	return request(nl, m.h, NULL, NULL);
}

int rf_netlink_move(struct rf_netlink *nl, uint32_t index, int ns, const char *name)
{
	struct message m;

	(void)begin_link(&m, RTM_NEWLINK, 0, index);
	mnl_attr_put_u32(m.h, IFLA_NET_NS_FD, (uint32_t)ns);
	mnl_attr_put_strz(m.h, IFLA_IFNAME, name);
	return request(nl, m.h, NULL, NULL);
}

/* The pair comes into being where its ends belong: neither is ever elsewhere. */
int rf_netlink_veth(struct rf_netlink *nl, const struct rf_netlink_veth *v)
{
	struct nlattr *info, *data, *peer;
	struct message m;

	(void)begin_link(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	mnl_attr_put_strz(m.h, IFLA_IFNAME, v->peer);
	if (v->mtu)
		mnl_attr_put_u32(m.h, IFLA_MTU, v->mtu);
	info = mnl_attr_nest_start(m.h, IFLA_LINKINFO);
	mnl_attr_put_strz(m.h, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(m.h, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(m.h, VETH_INFO_PEER);
	(void)mnl_nlmsg_put_extra_header(m.h, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(m.h, IFLA_IFNAME, v->name);
	mnl_attr_put_u32(m.h, IFLA_NET_NS_FD, (uint32_t)v->ns);
	if (v->mtu)
		mnl_attr_put_u32(m.h, IFLA_MTU, v->mtu);
	if (v->mac)
		mnl_attr_put(m.h, IFLA_ADDRESS, 6, v->mac);
	mnl_attr_nest_end(m.h, peer);
	mnl_attr_nest_end(m.h, data);
	mnl_attr_nest_end(m.h, info);
	return request(nl, m.h, NULL, NULL);
}

static size_t bytes_of(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

int rf_netlink_addr(struct rf_netlink *nl, bool add, uint32_t index,
		    const struct rf_netlink_addr *a)
{
	struct ifaddrmsg *ifa;
	struct message m;
	uint8_t broadcast[4];
	uint32_t host;

	begin(&m, add ? RTM_NEWADDR : RTM_DELADDR, add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	ifa = mnl_nlmsg_put_extra_header(m.h, sizeof(*ifa));
	ifa->ifa_family = a->family;
	ifa->ifa_prefixlen = a->prefix;
	ifa->ifa_index = index;
	/* nobody else is there yet to have the same address: no waiting for that */
	ifa->ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD : 0;
	mnl_attr_put(m.h, IFA_LOCAL, bytes_of(a->family), a->bytes);
	mnl_attr_put(m.h, IFA_ADDRESS, bytes_of(a->family), a->bytes);
	if (a->family == AF_INET && a->prefix < 31 && add) {
		host = htonl(a->prefix ? ~0U >> a->prefix : ~0U);
		memcpy(broadcast, &host, sizeof(host));
		for (size_t i = 0; i < sizeof(broadcast); i++)
			broadcast[i] |= a->bytes[i];
		mnl_attr_put(m.h, IFA_BROADCAST, sizeof(broadcast), broadcast);
	}
	return request(nl, m.h, NULL, NULL);
}

int rf_netlink_route(struct rf_netlink *nl, bool add, const struct rf_netlink_addr *to,
		     const struct rf_netlink_addr *via, uint32_t index)
{
	struct rtmsg *rt;
	struct message m;

	begin(&m, add ? RTM_NEWROUTE : RTM_DELROUTE, add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	rt = mnl_nlmsg_put_extra_header(m.h, sizeof(*rt));
	rt->rtm_family = to->family ? to->family : via->family ? via->family : AF_INET;
	rt->rtm_dst_len = to->family ? to->prefix : 0;
	rt->rtm_table = RT_TABLE_MAIN;
	rt->rtm_protocol = RTPROT_STATIC;
	rt->rtm_scope = via->family || rt->rtm_family == AF_INET6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	rt->rtm_type = RTN_UNICAST;
	if (to->family)
		mnl_attr_put(m.h, RTA_DST, bytes_of(to->family), to->bytes);
	if (via->family)
		mnl_attr_put(m.h, RTA_GATEWAY, bytes_of(via->family), via->bytes);
	if (index)
		mnl_attr_put_u32(m.h, RTA_OIF, index);
	return request(nl, m.h, NULL, NULL);
}
