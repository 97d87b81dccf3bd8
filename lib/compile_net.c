/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network: nothing, loopback, or the host's; interfaces of the host that move in.
 */
#include "compile.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>

int rf_plan_net(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;
	bool host = sb->ns[RF_NS_NET].mode == RF_NS_HOST;

	if (sb->network == RF_NET_HOST && !host)
		return rf_err_at(k->err, &sb->network_place, EINVAL,
				 "network: host contradicts a %s net namespace",
				 k->new_net ? "new" : "joined");
	if (sb->network == RF_NET_LOOPBACK && !k->new_net)
		return rf_err_at(k->err, &sb->network_place, EINVAL,
				 "network: loopback needs a new net namespace");
	if (sb->network == RF_NET_NONE && host && sb->network_place.file)
		return rf_err_at(k->err, &sb->network_place, EINVAL,
				 "network: none needs a new net namespace");
	/*
	 * In parallel with the mounts.  Not where a sysfs is mounted, which shows
	 * the net namespace of who mounts it; nor with an image of its own, which
	 * may be undumpable: then pid 1 cannot be looked into before its exec.
	 */
	k->init_makes_net = k->new_net && k->new_pid && sb->init && !k->mounts.sysfs &&
			    !k->own_image;
	k->maker_makes_net = k->new_net && sb->oci.on;
	return 0;
}

/* "Set the interface lo up", as rtnetlink wants to hear it. */
static struct rf_blob link_up_message(struct rf_compile *k, const char *name)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = 1;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_change = IFF_UP;
	ifi->ifi_flags = IFF_UP;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return rf_chain_blob(k->c, buf, nlh->nlmsg_len);
}

void rf_emit_net_join(struct rf_compile *k)
{
	struct rf_op *op;

	if (k->net == RF_SLOT_NONE)
		return;
	rf_chain_set_place(k->c, &k->sb->ns[RF_NS_NET].place);
	op = rf_chain_add(k->c, RF_OP_SETNS);
	op->u.setns.slot = k->net;
	op->u.setns.nstype = CLONE_NEWNET;
	rf_emit_close(k, k->net);
	k->net = RF_SLOT_NONE;
}

void rf_emit_net(struct rf_compile *k)
{
	struct rf_blob message;
	struct rf_op *op;
	rf_str name;

	rf_emit_net_join(k);
	if (k->sb->network != RF_NET_LOOPBACK)
		return;
	rf_chain_set_place(k->c, &k->sb->network_place);
	name = rf_chain_str(k->c, "lo");
	message = link_up_message(k, "lo");
	op = rf_chain_add(k->c, RF_OP_LINK_UP);
	op->u.link_up.name = name;
	op->u.link_up.message = message;
}

/*
 * As late as hooks of the host allow, which may want to give them routes: a launch that
 * fails before has not touched them.
 */
void rf_emit_net_devices(struct rf_compile *k)
{
	const struct rf_oci_sandbox *oci = &k->sb->oci;

	for (size_t i = 0; i < oci->nr_net_devices; i++) {
		const struct rf_net_device *d = &oci->net_devices[i];
		rf_str name = rf_chain_str(k->c, d->name), as = rf_chain_str(k->c, d->as);
		struct rf_op *op;

		rf_chain_set_place(k->c, &d->place);
		op = rf_chain_add(k->c, RF_OP_MOVE_LINK);
		op->u.move_link.name = name;
		op->u.move_link.as = as;
	}
}
