/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `namespaces` and `time`.  A list says which are new, the others being the
 * host's; a map changes those that it names.
 */
#include "spec.h"

#include <errno.h>
#include <string.h>

#include "error.h"

static int find_ns(struct rf_reader *r, const struct rf_node *v)
{
	char buf[64];
	const char *names[RF_NS_NR + 1] = { NULL };

	if (rf_need(r, v, RF_NODE_SCALAR, "a namespace") < 0)
		return -EINVAL;
	for (int i = 0; i < RF_NS_NR; i++) {
		names[i] = rf_ns_defs[i].name;
		if (!strcmp(v->text, names[i]))
			return i;
	}
	return rf_err_at(r->err, &v->place, EINVAL, "unknown namespace '%.64s'%s", v->text,
			 rf_nearest(v->text, names, sizeof(*names), buf));
}

static int read_fd(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_ns_spec *ns = obj;
	int64_t fd;
	int ret = rf_value_int(r, v, 0, INT32_MAX, &fd);

	if (ret < 0)
		return ret;
	ns->mode = RF_NS_JOIN_FD;
	ns->fd = (int)fd;
	return 0;
}

/* new, host, the path of one to join, or {fd: N}. */
static int read_mode(struct rf_reader *r, const struct rf_node *v, struct rf_ns_spec *ret_ns)
{
	static const struct rf_word words[] = {
		{ "new", RF_NS_NEW }, { "host", RF_NS_HOST }, { NULL, 0 }
	};
	static const struct rf_key keys[] = {
		{ .name = "fd", .read = read_fd }, { .name = NULL }
	};
	struct rf_ns_spec ns = { .mode = RF_NS_JOIN_PATH, .fd = -1, .place = v->place };
	int mode, ret;

	if (v->kind == RF_NODE_MAP) {
		ret = rf_read_map(r, v, keys, &ns);
		if (!ret && ns.fd < 0)
			ret = rf_err_at(r->err, &v->place, EINVAL, "an empty map where {fd: N} belongs");
	} else if (v->kind == RF_NODE_SCALAR && strchr(v->text, '/')) {
		ret = rf_value_text(r, v, &ns.path);
	} else {
		ret = rf_value_word(r, v, words, &mode);
		if (!ret)
			ns.mode = (enum rf_ns_mode)mode;
	}
	if (!ret)
		*ret_ns = ns;
	return ret;
}

static int read_pairs(struct rf_reader *r, const struct rf_node *v, struct rf_sandbox *sb,
		      unsigned int *seen)
{
	int ret = rf_no_repeats(r, v), i = 0;

	for (size_t k = 0; k < v->nr && !ret; k += 2) {
		i = find_ns(r, v->items[k]);
		if (i < 0)
			return i;
		if (*seen & 1U << i)
			return rf_err_at(r->err, &v->items[k]->place, EINVAL,
					 "'%s' is named twice", rf_ns_defs[i].name);
		*seen |= 1U << i;
		ret = read_mode(r, v->items[k + 1], &sb->ns[i]);
		r->draft->has_ns[i] = true;
	}
	return ret;
}

int rf_read_namespaces(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	struct rf_node pair[2], *items[2] = { &pair[0], &pair[1] };
	struct rf_node map = { .kind = RF_NODE_MAP, .items = items, .nr = 2 };
	unsigned int seen = 0;
	int ret;

	if (v->kind == RF_NODE_MAP)
		return read_pairs(r, v, sb, &seen);
	ret = rf_need(r, v, RF_NODE_LIST, "a list of namespaces");
	if (ret < 0)
		return ret;
	for (int i = 0; i < RF_NS_NR; i++) {
		sb->ns[i] = (struct rf_ns_spec){ .mode = RF_NS_HOST, .fd = -1, .place = v->place };
		r->draft->has_ns[i] = true;
	}
	for (size_t k = 0; k < v->nr && !ret; k++) {
		if (v->items[k]->kind == RF_NODE_MAP) {
			ret = read_pairs(r, v->items[k], sb, &seen);
			continue;
		}
		pair[0] = pair[1] = *v->items[k];
		if (pair[0].kind == RF_NODE_SCALAR)
			pair[1].text = "new";
		ret = read_pairs(r, &map, sb, &seen);
	}
	return ret;
}
