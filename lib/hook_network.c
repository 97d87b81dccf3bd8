/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `network` of a fragment: a list of what is done, in this order, to the
 * container's network namespace.  An entry has one key that says its kind, and
 * keys that only some kinds have, as with mounts.
 */
#include "hook.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "spec.h"

#define ENTRIES_MAX	1000
#define MTU_MIN		68	/* IPv4's */
#define ONLY(kind)	(1U << RF_HOOK_NET_##kind)
#define FIELD(name)	offsetof(struct rf_hook_net, name)

/* ------------------------------------------------------------------ values */

static int link_name(struct rf_reader *r, const struct rf_node *v, const char **ret)
{
	const char *name;
	int n = rf_value_text(r, v, &name);

	if (n < 0)
		return n;
	for (const char *c = name; *c; c++)
		if (*c <= ' ' || *c == '/' || *c == ':' || *c == '%' || *c == 0x7f)
			return rf_err_at(r->err, &v->place, EINVAL, "'%.64s' is no name of a link", name);
	if (!*name || strlen(name) > RF_HOOK_NAME_MAX || !strcmp(name, ".") || !strcmp(name, ".."))
		return rf_err_at(r->err, &v->place, EINVAL, "a name of 1 to %d bytes belongs here",
				 RF_HOOK_NAME_MAX);
	*ret = name;
	return 0;
}

/* 10.0.0.2/24, fd00::2/64; without a length, where that may be, the host alone. */
static int read_address(struct rf_reader *r, const struct rf_node *v, bool needs_length,
			struct rf_hook_addr *ret)
{
	struct rf_hook_addr a = { .place = v->place };
	char text[INET6_ADDRSTRLEN + 8], *slash;
	const char *word;
	int n = rf_value_text(r, v, &word), bits;

	if (n < 0)
		return n;
	if (strlen(word) < sizeof(text)) {
		strcpy(text, word);
		slash = strchr(text, '/');
		if (slash)
			*slash++ = '\0';
		a.family = strchr(text, ':') ? AF_INET6 : AF_INET;
		bits = a.family == AF_INET ? 32 : 128;
		if (inet_pton(a.family, text, a.bytes) == 1 && (slash || !needs_length)) {
			char *end = NULL;
			long len = slash ? strtol(slash, &end, 10) : bits;

			a.prefix = (uint8_t)len;
			if (!slash || (*slash >= '0' && *slash <= '9' && !*end && len <= bits)) {
				*ret = a;
				return 0;
			}
		}
	}
	return rf_err_at(r->err, &v->place, EINVAL, "'%.64s' is no address%s", word,
			 needs_length ? " with its length, like 10.0.0.2/24" : "");
}

static int read_addresses(struct rf_reader *r, const struct rf_node *v,
			  struct rf_hook_addr **ret_list, size_t *ret_nr)
{
	struct rf_hook_addr *list;
	bool is_list = v->kind == RF_NODE_LIST;
	size_t nr = is_list ? v->nr : 1;
	int n = 0;

	if (nr > ENTRIES_MAX)
		return rf_err_at(r->err, &v->place, EINVAL, "more than %d addresses", ENTRIES_MAX);
	list = rf_sandbox_alloc(r->sb, (nr + 1) * sizeof(*list));
	if (!list)
		return rf_err_set(r->err, ENOMEM, "reading 'addr'");
	for (size_t i = 0; i < nr && n == 0; i++)
		n = read_address(r, is_list ? v->items[i] : v, true, &list[i]);
	if (n < 0)
		return n;
	*ret_list = list;
	*ret_nr = nr;
	return 0;
}

static int read_mac(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_hook_net *e = obj;
	unsigned int b[6];
	const char *word;
	int n = rf_value_text(r, v, &word), end = 0;

	if (n < 0)
		return n;
	if (strlen(word) != 17 || strspn(word, "0123456789abcdefABCDEF:") != 17 ||
	    sscanf(word, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &end) != 6 || end != 17 || b[0] & 1)
		return rf_err_at(r->err, &v->place, EINVAL,
				 "'%.64s' is no address of one link, like 02:00:00:00:00:01", word);
	for (int i = 0; i < 6; i++)
		e->mac[i] = (uint8_t)b[i];
	e->has_mac = true;
	return 0;
}

/* -------------------------------------------------------------------- keys */

static int read_link(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	return link_name(r, v, &((struct rf_hook_net *)obj)->link);
}

static int read_peer(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	return link_name(r, v, &((struct rf_hook_net *)obj)->peer);
}

static int read_name(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	return link_name(r, v, &((struct rf_hook_net *)obj)->name);
}

static int read_master(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	return link_name(r, v, &((struct rf_hook_net *)obj)->master);
}

static int read_addr(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_hook_net *e = obj;

	return read_addresses(r, v, &e->addr, &e->nr_addr);
}

static int read_peer_addr(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_hook_net *e = obj;

	return read_addresses(r, v, &e->peer_addr, &e->nr_peer_addr);
}

static int read_to(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_hook_net *e = obj;

	if (v->kind == RF_NODE_SCALAR && !strcmp(v->text, "default"))
		return 0;
	return read_address(r, v, false, &e->to);
}

static int read_via(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_hook_net *e = obj;
	int n = read_address(r, v, false, &e->via);

	if (n == 0 && strchr(v->text, '/'))
		n = rf_err_at(r->err, &v->place, EINVAL, "'%.64s' is no single address", v->text);
	return n;
}

/* The kinds come first and in the order of their enum. */
static const struct rf_key net_keys[] = {
	{ .name = "up",		.read = read_link },
	{ .name = "veth",	.read = read_link },
	{ .name = "move",	.read = read_link },
	{ .name = "route",	.read = read_to },

	{ .name = "link",	.read = read_link,	.only = ONLY(ROUTE) },
	{ .name = "via",	.read = read_via,	.only = ONLY(ROUTE) },
	{ .name = "peer",	.read = read_peer,	.only = ONLY(VETH) },
	{ .name = "peer_addr",	.read = read_peer_addr,	.only = ONLY(VETH) },
	{ .name = "master",	.read = read_master,	.only = ONLY(VETH) },
	{ .name = "name",	.read = read_name,	.only = ONLY(MOVE) },
	{ .name = "addr",	.read = read_addr,	.only = ONLY(UP) | ONLY(VETH) | ONLY(MOVE) },
	{ .name = "mtu",	RF_VALUE_INT, FIELD(mtu), .min = MTU_MIN, .max = 1 << 20,
	  .only = ONLY(VETH) },
	{ .name = "mac",	.read = read_mac,	.only = ONLY(VETH) },
	{ .name = NULL }
};

static int find_kind(struct rf_reader *r, const struct rf_node *v, struct rf_hook_net *e)
{
	const struct rf_node *seen = NULL;

	for (size_t i = 0; i < v->nr; i += 2) {
		const struct rf_node *k = v->items[i];
		const struct rf_key *key = rf_find_key(r, k, net_keys);

		if (!key)
			return -EINVAL;
		if (key - net_keys >= RF_HOOK_NET_KIND_NR)
			continue;
		if (seen)
			return rf_err_at(r->err, &k->place, EINVAL, "an entry is either '%s' or '%s'",
					 seen->text, k->text);
		seen = k;
		e->kind = (enum rf_hook_net_kind)(key - net_keys);
		e->place = v->items[i + 1]->place;
	}
	if (!seen)
		return rf_err_at(r->err, &v->place, EINVAL,
				 "an entry needs a key that says what it is: up, veth, move or route");
	return 0;
}

static int check_entry(struct rf_reader *r, const struct rf_hook_net *e)
{
	if (e->kind != RF_HOOK_NET_ROUTE)
		return 0;
	if (!e->link && !e->via.family)
		return rf_err_at(r->err, &e->place, EINVAL, "a route needs 'via', 'link' or both");
	if (e->to.family && e->via.family && e->to.family != e->via.family)
		return rf_err_at(r->err, &e->via.place, EINVAL, "a route of one family by way of the other");
	return 0;
}

static int read_entry(struct rf_reader *r, const struct rf_node *v, struct rf_hook_net *e)
{
	int ret = rf_need(r, v, RF_NODE_MAP, "a map like {up: lo}");

	*e = (struct rf_hook_net){ .mtu = 0 };
	if (ret == 0)
		ret = rf_no_repeats(r, v);
	if (ret == 0)
		ret = find_kind(r, v, e);
	for (size_t i = 0; i < v->nr && ret == 0; i += 2) {
		const struct rf_key *key = rf_find_key(r, v->items[i], net_keys);

		if (key - net_keys >= RF_HOOK_NET_KIND_NR && !(key->only & 1U << e->kind))
			return rf_err_at(r->err, &v->items[i]->place, EINVAL,
					 "'%s' is not for %s entries", key->name, net_keys[e->kind].name);
		ret = rf_read_key(r, key, v->items[i + 1], e);
	}
	return ret < 0 ? ret : check_entry(r, e);
}

int rf_hook_read_network(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_hook *h = obj;
	int ret = rf_need(r, v, RF_NODE_LIST, "a list like [{up: lo}]");

	for (size_t i = 0; i < v->nr && ret == 0; i++) {
		if (h->nr_net >= ENTRIES_MAX)
			return rf_err_at(r->err, &v->items[i]->place, EINVAL, "more than %d entries",
					 ENTRIES_MAX);
		if (!rf_sandbox_grow(h->sb, &h->net, h->nr_net, &h->max_net, sizeof(*h->net)))
			return rf_err_set(r->err, ENOMEM, "reading 'network'");
		ret = read_entry(r, v->items[i], &h->net[h->nr_net]);
		if (ret == 0)
			h->nr_net++;
	}
	return ret;
}
