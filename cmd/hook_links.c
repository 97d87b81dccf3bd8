/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The container's links, addresses and routes, by two sockets of rtnetlink: one of
 * the host, where pairs are made and links are moved from, and one that the task
 * in the container has opened there.
 */
#include "hook_run.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

#define PEER_PREFIX	"rf"

static const char *const kinds[RF_HOOK_NET_KIND_NR] = {
	[RF_HOOK_NET_UP] = "up", [RF_HOOK_NET_VETH] = "veth", [RF_HOOK_NET_MOVE] = "move",
	[RF_HOOK_NET_ROUTE] = "route",
};

static int fail(const struct hook *k, const struct rf_hook_net *e, const struct rf_place *place,
		const struct rf_netlink *nl, const char *what, int code, struct rf_err *err)
{
	const char *link = e->link ? e->link : "";

	return hook_fail(k, place, code, err, "%s%s%s: %s%s%s", kinds[e->kind], *link ? " " : "", link,
			 what, nl->reason[0] ? ": " : "", nl->reason);
}

static struct rf_netlink_addr plain(const struct rf_hook_addr *a)
{
	return (struct rf_netlink_addr){ .family = a->family, .prefix = a->prefix, .bytes = a->bytes };
}

/* ------------------------------------------------------------------ taking back */

static int undo_delete(struct hook *k, const struct hook_undo *u)
{
	return rf_netlink_delete(&k->here, u->index);
}

static int undo_up(struct hook *k, const struct hook_undo *u)
{
	return rf_netlink_set_up(&k->inside, u->index, false);
}

static int undo_addr(struct hook *k, const struct hook_undo *u)
{
	const struct rf_netlink_addr a = plain(u->addr);

	return rf_netlink_addr(&k->inside, false, u->index, &a);
}

static int undo_route(struct hook *k, const struct hook_undo *u)
{
	const struct rf_netlink_addr to = plain(&u->net->to), via = plain(&u->net->via);

	return rf_netlink_route(&k->inside, false, &to, &via, u->index);
}

/* Back by the name that it had; its addresses the kernel has forgotten. */
static int undo_move(struct hook *k, const struct hook_undo *u)
{
	uint32_t index;
	int r = rf_netlink_find(&k->inside, u->path, &index, NULL);

	if (r == 0)
		r = rf_netlink_move(&k->inside, index, k->own_net, u->net->link, 0);
	if (r == 0 && u->flags) {
		r = rf_netlink_find(&k->here, u->net->link, &index, NULL);
		if (r == 0)
			r = rf_netlink_set_up(&k->here, index, true);
	}
	return r;
}

/* ------------------------------------------------------------------------ steps */

/* Addresses of link @index; those of one that is taken away go with it. */
static int add_addresses(struct hook *k, struct rf_netlink *nl, const struct rf_hook_net *e,
			 uint32_t index, const struct rf_hook_addr *list, size_t nr, bool stays,
			 struct rf_err *err)
{
	for (size_t i = 0; i < nr; i++) {
		const struct hook_undo u = { .call = undo_addr, .index = index, .addr = &list[i],
					     .path = e->link };
		const struct rf_netlink_addr a = plain(&list[i]);
		int r = rf_netlink_addr(nl, true, index, &a);

		if (r < 0)
			return fail(k, e, &list[i].place, nl, "addr", -r, err);
		r = stays ? hook_can_undo(k, &u, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int bring_up(struct hook *k, const struct rf_hook_net *e, const char *name, bool stays,
		    struct rf_err *err)
{
	struct hook_undo u = { .call = undo_up, .path = name };
	bool was_up = false;
	int r = rf_netlink_find(&k->inside, name, &u.index, &was_up);

	if (r < 0)
		return fail(k, e, &e->place, &k->inside, "the link inside", -r, err);
	if (!was_up) {
		r = rf_netlink_set_up(&k->inside, u.index, true);
		if (r < 0)
			return fail(k, e, &e->place, &k->inside, "link_up", -r, err);
		r = stays ? hook_can_undo(k, &u, err) : 0;
	}
	return r < 0 ? r : add_addresses(k, &k->inside, e, u.index, e->addr, e->nr_addr, stays, err);
}

/* "rf" and the first letters of the container's id. */
static void peer_name(const struct hook *k, const struct rf_hook_net *e,
		      char buf[RF_HOOK_NAME_MAX + 1])
{
	size_t n = strlen(PEER_PREFIX);

	if (e->peer) {
		(void)snprintf(buf, RF_HOOK_NAME_MAX + 1, "%s", e->peer);
		return;
	}
	strcpy(buf, PEER_PREFIX);
	for (const char *c = k->state.id; *c && n < RF_HOOK_NAME_MAX; c++)
		if (isalnum((unsigned char)*c))
			buf[n++] = *c;
	buf[n] = '\0';
}

/* The host's end: up, with its addresses, in its bridge. */
static int set_up_peer(struct hook *k, const struct rf_hook_net *e, uint32_t index, struct rf_err *err)
{
	uint32_t master;
	int r;

	if (e->master) {
		r = rf_netlink_find(&k->here, e->master, &master, NULL);
		if (r == 0)
			r = rf_netlink_set_master(&k->here, index, master);
		if (r < 0)
			return fail(k, e, &e->place, &k->here, e->master, -r, err);
	}
	r = rf_netlink_set_up(&k->here, index, true);
	if (r < 0)
		return fail(k, e, &e->place, &k->here, "link_up of the peer", -r, err);
	return add_addresses(k, &k->here, e, index, e->peer_addr, e->nr_peer_addr, false, err);
}

static int add_veth(struct hook *k, const struct rf_hook_net *e, struct rf_err *err)
{
	struct hook_undo u = { .call = undo_delete, .path = e->link };
	char peer[RF_HOOK_NAME_MAX + 1];
	const struct rf_netlink_veth veth = {
		.name = e->link, .ns = k->ns[RF_NS_NET], .peer = peer, .mtu = (uint32_t)e->mtu,
		.mac = e->has_mac ? e->mac : NULL,
	};
	int r;

	peer_name(k, e, peer);
	r = rf_netlink_veth(&k->here, &veth);
	if (r == 0)
		r = rf_netlink_find(&k->here, peer, &u.index, NULL);
	if (r < 0)
		return fail(k, e, &e->place, &k->here, peer, -r, err);
	r = hook_can_undo(k, &u, err);
	if (r == 0)
		r = set_up_peer(k, e, u.index, err);
	return r < 0 ? r : bring_up(k, e, e->link, false, err);
}

static int move_link(struct hook *k, const struct rf_hook_net *e, struct rf_err *err)
{
	const char *name = e->name ? e->name : e->link;
	struct hook_undo u = { .call = undo_move, .net = e, .path = name };
	bool was_up = false;
	int r = rf_netlink_find(&k->here, e->link, &u.index, &was_up);

	if (r < 0)
		return fail(k, e, &e->place, &k->here, "the link of the host", -r, err);
	r = rf_netlink_move(&k->here, u.index, k->ns[RF_NS_NET], name, 0);
	if (r < 0)
		return fail(k, e, &e->place, &k->here, "move_link", -r, err);
	u.flags = was_up;
	r = hook_can_undo(k, &u, err);
	return r < 0 ? r : bring_up(k, e, name, false, err);
}

static int add_route(struct hook *k, const struct rf_hook_net *e, struct rf_err *err)
{
	const struct rf_netlink_addr to = plain(&e->to), via = plain(&e->via);
	struct hook_undo u = { .call = undo_route, .net = e, .path = "a route" };
	int r = e->link ? rf_netlink_find(&k->inside, e->link, &u.index, NULL) : 0;

	if (r == 0)
		r = rf_netlink_route(&k->inside, true, &to, &via, u.index);
	if (r < 0)
		return fail(k, e, &e->place, &k->inside, "route", -r, err);
	return hook_can_undo(k, &u, err);
}

static int apply(struct hook *k, const struct rf_hook_net *e, struct rf_err *err)
{
	switch (e->kind) {
	case RF_HOOK_NET_UP:
		return bring_up(k, e, e->link, true, err);
	case RF_HOOK_NET_VETH:
		return add_veth(k, e, err);
	case RF_HOOK_NET_MOVE:
		return move_link(k, e, err);
	case RF_HOOK_NET_ROUTE:
		return add_route(k, e, err);
	case RF_HOOK_NET_KIND_NR:
		break;
	}
	return -EINVAL;
}

int hook_links(struct hook *k, struct rf_err *err)
{
	const struct rf_hook *h = k->fragment;
	int fd, r = 0;

	if (!h->nr_net)
		return 0;
	if (k->ns[RF_NS_NET] < 0)
		return hook_fail(k, &h->net[0].place, EPERM, err,
				 "network: the container has no network namespace of its own");
	fd = rf_netlink_socket();
	if (fd < 0)
		return hook_fail(k, &h->net[0].place, -fd, err, "network: socket");
	rf_netlink_init(&k->here, fd);
	k->own_net = openat(k->proc, "self/ns/net", O_RDONLY | O_CLOEXEC);
	if (k->own_net < 0)
		return hook_fail(k, &h->net[0].place, errno, err, "network: /proc/self/ns/net");
	for (size_t i = 0; i < h->nr_net && r == 0; i++)
		r = apply(k, &h->net[i], err);
	return r;
}
