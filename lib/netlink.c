/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MAX	1024	/* of ours: a few names and addresses */
#define ANSWER_MAX	32768	/* of the kernel's: what it knows of one link */
#define ANSWERS_MAX	4096	/* notifications before our answer; parts of a list */
#define LISTS_MAX	16	/* that changed while they were read */

/* of Linux 5.18; the headers may be older */
#define ADDR_PROTO	11	/* IFA_PROTO */

#ifndef SOL_NETLINK
#define SOL_NETLINK	270
#endif

int rf_netlink_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

int rf_netlink_ns(int fd)
{
	int ns = ioctl(fd, SIOCGSKNS);

	return ns < 0 ? -errno : ns;
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

/* Attribute @type of @h, whose own header has @size bytes; NULL: none, or not whole. */
static const struct nlattr *find_attr(const struct nlmsghdr *h, size_t size, uint16_t type)
{
	size_t at = NLMSG_SPACE(size);

	while (at + sizeof(struct nlattr) <= h->nlmsg_len) {
		const struct nlattr *a = (const void *)((const char *)h + at);

		if (a->nla_len < sizeof(*a) || at + a->nla_len > h->nlmsg_len)
			return NULL;
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		at += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

static size_t attr_len(const struct nlattr *a)
{
	return a->nla_len - sizeof(*a);
}

/* Its text, cut to @size bytes of @buf. */
static void attr_text(const struct nlattr *a, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%.*s", (int)attr_len(a), (const char *)(a + 1));
}

/* The kernel's words behind an error; they are whole or not there. */
static void take_reason(struct rf_netlink *nl, const struct nlmsghdr *h)
{
	const struct nlattr *a = find_attr(h, sizeof(struct nlmsgerr), NLMSGERR_ATTR_MSG);

	if (a && h->nlmsg_flags & NLM_F_ACK_TLVS && h->nlmsg_flags & NLM_F_CAPPED)
		attr_text(a, nl->reason, sizeof(nl->reason));
}

/* The end of an answer: of a single one an error or none, of a list that it is done. */
static int take_end(struct rf_netlink *nl, const struct nlmsghdr *h)
{
	int error;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(error)))
		return h->nlmsg_type == NLMSG_DONE ? 0 : -EPROTO;
	memcpy(&error, NLMSG_DATA(h), sizeof(error));
	if (h->nlmsg_type == NLMSG_DONE) {
		nl->interrupted |= h->nlmsg_flags & NLM_F_DUMP_INTR;
		return error < 0 ? error : 0;
	}
	if (error)
		take_reason(nl, h);
	return error;
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
		if (h->nlmsg_seq == nl->seq &&
		    (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE))
			return take_end(nl, h);
		if (h->nlmsg_seq == nl->seq && h->nlmsg_flags & NLM_F_DUMP_INTR)
			nl->interrupted = true;
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
	nl->interrupted = false;
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
	char		 name[IFNAMSIZ];
};

static void take_link(const struct nlmsghdr *h, void *arg)
{
	const struct ifinfomsg *ifi = NLMSG_DATA(h);
	const struct nlattr *name;
	struct found *f = arg;

	if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(*ifi)))
		return;
	name = find_attr(h, sizeof(*ifi), IFLA_IFNAME);
	f->index = (uint32_t)ifi->ifi_index;
	f->up = ifi->ifi_flags & IFF_UP;
	if (name)
		attr_text(name, f->name, sizeof(f->name));
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

int rf_netlink_name(struct rf_netlink *nl, uint32_t index, char ret[IFNAMSIZ])
{
	struct found f = { .index = 0 };
	struct message m;
	int r;

	(void)begin_link(&m, RTM_GETLINK, 0, index);
	r = request(nl, m.h, take_link, &f);
	if (r == 0 && !*f.name)
		r = -EPROTO;
	if (r == 0)
		memcpy(ret, f.name, IFNAMSIZ);
	return r;
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

int rf_netlink_move(struct rf_netlink *nl, uint32_t index, int ns, const char *name,
		    uint32_t new_index)
{
	struct message m;

	(void)begin_link(&m, RTM_NEWLINK, 0, index);
	mnl_attr_put_u32(m.h, IFLA_NET_NS_FD, (uint32_t)ns);
	if (new_index)
		mnl_attr_put_u32(m.h, IFLA_NEW_IFINDEX, new_index);
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

/* ----------------------------------------- addresses that a link had elsewhere */

/* Of those that an administrator chooses: what the kernel works out it does again. */
#define CHOSEN_FLAGS (IFA_F_NODAD | IFA_F_OPTIMISTIC | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | \
		      IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN)

struct keeping {
	struct rf_netlink_kept *kept;
	uint32_t	 index;
	bool		 no_memory;
};

static uint32_t addr_flags(const struct nlmsghdr *h)
{
	const struct ifaddrmsg *ifa = NLMSG_DATA(h);
	const struct nlattr *a = find_attr(h, sizeof(*ifa), IFA_FLAGS);
	uint32_t flags = ifa->ifa_flags;

	if (a && attr_len(a) == sizeof(flags))
		memcpy(&flags, a + 1, sizeof(flags));
	return flags;
}

/* As the specification of OCI has it: for good, and valid elsewhere. */
static void keep_addr(const struct nlmsghdr *h, void *arg)
{
	const struct ifaddrmsg *ifa = NLMSG_DATA(h);
	const size_t len = NLMSG_ALIGN((size_t)h->nlmsg_len);
	struct keeping *k = arg;
	char *more;

	if (h->nlmsg_type != RTM_NEWADDR || h->nlmsg_len < NLMSG_LENGTH(sizeof(*ifa)) ||
	    ifa->ifa_index != k->index || ifa->ifa_scope != RT_SCOPE_UNIVERSE ||
	    !(addr_flags(h) & IFA_F_PERMANENT))
		return;
	more = realloc(k->kept->messages, k->kept->len + len);
	if (!more) {
		k->no_memory = true;
		return;
	}
	memset(more + k->kept->len, 0, len);
	memcpy(more + k->kept->len, h, h->nlmsg_len);
	k->kept->messages = more;
	k->kept->len += len;
}

int rf_netlink_keep(struct rf_netlink *nl, uint32_t index, struct rf_netlink_kept *kept)
{
	struct keeping k = { .kept = kept, .index = index };
	const int on = 1;
	int r = 0;

	/* of one link only; a kernel without it lists all */
	(void)setsockopt(nl->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	for (int i = 0; i < LISTS_MAX; i++) {
		struct ifaddrmsg *ifa;
		struct message m;

		kept->len = 0;
		begin(&m, RTM_GETADDR, NLM_F_DUMP);
		ifa = mnl_nlmsg_put_extra_header(m.h, sizeof(*ifa));
		ifa->ifa_index = index;
		r = request(nl, m.h, keep_addr, &k);
		if (r == 0 && k.no_memory)
			r = -ENOMEM;
		if (r < 0 || !nl->interrupted)
			break;
		r = -EAGAIN;
	}
	return r;
}

void rf_netlink_forget(struct rf_netlink_kept *kept)
{
	free(kept->messages);
	*kept = (struct rf_netlink_kept){ .messages = NULL };
}

/* "eth0" or "eth0:1", of a link that is called @to now and was @from. */
static void put_label(struct nlmsghdr *h, const struct nlattr *label, const char *from,
		      const char *to)
{
	const size_t len = strlen(from);
	char text[IFNAMSIZ], changed[2 * IFNAMSIZ];

	attr_text(label, text, sizeof(text));
	if (!strcmp(text, from))	/* the kernel's, where there is none */
		return;
	if (!strncmp(text, from, len) && text[len] == ':') {
		(void)snprintf(changed, sizeof(changed), "%s%s", to, text + len);
		if (strlen(changed) < IFNAMSIZ)
			memcpy(text, changed, IFNAMSIZ);
	}
	mnl_attr_put_strz(h, IFA_LABEL, text);
}

static int add_again(struct rf_netlink *nl, const struct nlmsghdr *h, uint32_t index,
		     const char *from, const char *to)
{
	static const uint16_t same[] = { IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST, IFA_RT_PRIORITY,
					 ADDR_PROTO };
	const struct ifaddrmsg *was = NLMSG_DATA(h);
	const struct nlattr *a;
	struct ifaddrmsg *ifa;
	struct message m;

	begin(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	ifa = mnl_nlmsg_put_extra_header(m.h, sizeof(*ifa));
	ifa->ifa_family = was->ifa_family;
	ifa->ifa_prefixlen = was->ifa_prefixlen;
	ifa->ifa_scope = was->ifa_scope;
	ifa->ifa_index = index;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		a = find_attr(h, sizeof(*was), same[i]);
		if (a && attr_len(a) <= 16)
			mnl_attr_put(m.h, same[i], attr_len(a), a + 1);
	}
	mnl_attr_put_u32(m.h, IFA_FLAGS, addr_flags(h) & CHOSEN_FLAGS);
	a = find_attr(h, sizeof(*was), IFA_LABEL);
	if (a)
		put_label(m.h, a, from, to);
	return request(nl, m.h, NULL, NULL);
}

static void print_addr(const struct nlmsghdr *h, char *buf, size_t size)
{
	const struct ifaddrmsg *ifa = NLMSG_DATA(h);
	const struct nlattr *a = find_attr(h, sizeof(*ifa), IFA_LOCAL);
	char text[INET6_ADDRSTRLEN] = "?";

	if (!a)
		a = find_attr(h, sizeof(*ifa), IFA_ADDRESS);
	if (a && attr_len(a) >= bytes_of(ifa->ifa_family))
		(void)inet_ntop(ifa->ifa_family, a + 1, text, sizeof(text));
	(void)snprintf(buf, size, "%s/%d", text, ifa->ifa_prefixlen);
}

int rf_netlink_restore(struct rf_netlink *nl, uint32_t index, const struct rf_netlink_kept *kept,
		       const char *from, const char *to, char ret_addr[RF_NETLINK_ADDR_TEXT])
{
	int r = 0;

	for (size_t at = 0; r == 0 && at < kept->len;) {
		const struct nlmsghdr *h = (const void *)(kept->messages + at);

		r = add_again(nl, h, index, from, to);
		if (r < 0 && ret_addr)
			print_addr(h, ret_addr, RF_NETLINK_ADDR_TEXT);
		at += NLMSG_ALIGN((size_t)h->nlmsg_len);
	}
	return r;
}
