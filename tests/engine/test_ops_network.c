/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ops of the group "network", on each engine. */
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "netlink.h"
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

/* ------------------------------------------------- what the submitter moves in */

/* This process has a network of its own, and in it a pair of interfaces. */
static bool has_pair(void)
{
	struct rf_netlink_veth pair = { .name = "rf-moves", .peer = "rf-stays" };
	struct rf_netlink nl;
	int fd, r = -1;

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	fd = rf_netlink_socket();
	pair.ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && pair.ns >= 0) {
		rf_netlink_init(&nl, fd);
		r = rf_netlink_veth(&nl, &pair);
	}
	(void)close(fd);
	(void)close(pair.ns);
	return r == 0;
}

static void add_move(struct ops *o, const char *name, const char *as)
{
	struct rf_op *op = ops_add(o, RF_OP_MOVE_LINK);

	op->u.move_link.name = ops_str(o, name);
	op->u.move_link.as = ops_str(o, as);
}

static void moved(struct ops *o)
{
	/* each run moves one, which is destroyed with where it is */
	EXPECT_TRUE(has_pair());
	ops_begin(o, CLONE_NEWNET);
	add_move(o, "rf-moves", "eth%d");
}

static void moved_from_nowhere(struct ops *o)
{
	ops_begin(o, CLONE_NEWNET);
	add_move(o, "nosuch", "eth0");
}

static void moved_onto_another(struct ops *o)
{
	EXPECT_TRUE(has_pair());
	ops_begin(o, CLONE_NEWNET);
	add_move(o, "rf-moves", "lo");
}

static void moved_to_where_it_is(struct ops *o)
{
	EXPECT_TRUE(has_pair());
	ops_begin(o, 0);
	add_move(o, "rf-stays", "eth0");
}

static void moved_without_a_name(struct ops *o)
{
	ops_begin(o, CLONE_NEWNET);
	add_move(o, "", "eth0");
}

#define NEEDS_PAIR .can = has_pair, .need = "net"

static const struct ops_case cases[] = {
	SUCCEEDS(RF_OP_LINK_UP, "the loopback", loopback, 0,
		 "grep -q 127.0.0.1 /proc/net/fib_trie"),
	FAILS(RF_OP_LINK_UP, "the loopback of the host", loopback_of_host, EPERM),
	FAILS(RF_OP_LINK_UP, "an interface that is not", no_such_link, ENODEV),
	FAILS(RF_OP_LINK_UP, "no message", no_message, EINVAL),

	{ .kind = RF_OP_MOVE_LINK, .name = "an interface of the submitter's", .build = moved,
	  .check = "grep -q eth0: /proc/net/dev", NEEDS_PAIR },
	{ .kind = RF_OP_MOVE_LINK, .name = "one that is not", .build = moved_from_nowhere,
	  .want = -ENODEV, NEEDS_PAIR },
	{ .kind = RF_OP_MOVE_LINK, .name = "a name that is taken", .build = moved_onto_another,
	  .want = -EEXIST, NEEDS_PAIR },
	{ .kind = RF_OP_MOVE_LINK, .name = "where it is already", .build = moved_to_where_it_is,
	  .want = -EINVAL, NEEDS_PAIR },
	{ .kind = RF_OP_MOVE_LINK, .name = "no name", .build = moved_without_a_name,
	  .want = -EINVAL, NEEDS_PAIR },
};

OPS_TESTS("network", cases)
