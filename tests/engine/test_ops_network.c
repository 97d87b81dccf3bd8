/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ops of the group "network", on each engine. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>

#include "ops.h"

static void add_link_up(struct ops *o, const char *name)
{
	struct {
		struct nlmsghdr		h;
		struct ifinfomsg	i;
		struct rtattr		a;
		char			name[IFNAMSIZ];
	} m = {
		.h = { .nlmsg_len = sizeof(m), .nlmsg_type = RTM_NEWLINK,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK, .nlmsg_seq = 7 },
		.i = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP },
		.a = { .rta_type = IFLA_IFNAME,
		       .rta_len = (unsigned short)RTA_LENGTH(strlen(name) + 1) },
	};
	struct rf_op *op = ops_add(o, RF_OP_LINK_UP);

	memcpy(m.name, name, strlen(name) + 1);
	op->u.link_up.name = ops_str(o, name);
	op->u.link_up.message = ops_blob(o, &m, sizeof(m));
}

static void loopback(struct ops *o)
{
	ops_begin(o, CLONE_NEWNET);
	add_link_up(o, "lo");
}

static void loopback_of_host(struct ops *o)
{
	ops_begin(o, 0);
	add_link_up(o, "lo");
}

static void no_such_link(struct ops *o)
{
	ops_begin(o, CLONE_NEWNET);
	add_link_up(o, "nosuch");
}

static void no_message(struct ops *o)
{
	ops_begin(o, CLONE_NEWNET);
	ops_add(o, RF_OP_LINK_UP);
}

static const struct ops_case cases[] = {
	SUCCEEDS(RF_OP_LINK_UP, "the loopback", loopback, 0,
		 "grep -q 127.0.0.1 /proc/net/fib_trie"),
	FAILS(RF_OP_LINK_UP, "the loopback of the host", loopback_of_host, EPERM),
	FAILS(RF_OP_LINK_UP, "an interface that is not", no_such_link, ENODEV),
	FAILS(RF_OP_LINK_UP, "no message", no_message, EINVAL),
};

OPS_TESTS("network", cases)
