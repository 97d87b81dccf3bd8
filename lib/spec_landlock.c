/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `landlock`: which files, ports and sockets, whatever mounts and networks show.
 */
#include "resolve.h"

#include <errno.h>
#include <string.h>

#include "compat.h"
#include "error.h"

#define RULES_MAX	4096

struct path_entry {
	const char	*path;
	bool		 optional;
};

/* "/usr" or {path: /usr, optional: true}. */
static int read_path(struct rf_reader *r, const struct rf_node *v, struct rf_landlock_rule *rule)
{
	static const struct rf_key keys[] = {
		{ .name = "path",	RF_VALUE_TEXT, offsetof(struct path_entry, path) },
		{ .name = "optional",	RF_VALUE_BOOL, offsetof(struct path_entry, optional) },
		{ .name = NULL }
	};
	struct path_entry e = { NULL, false };
	int ret;

	if (v->kind != RF_NODE_MAP)
		return rf_value_text(r, v, &rule->path);
	ret = rf_read_map(r, v, keys, &e);
	if (ret < 0)
		return ret;
	if (!e.path)
		return rf_err_at(r->err, &v->place, EINVAL, "a rule needs a 'path'");
	rule->path = e.path;
	rule->optional = e.optional;
	return 0;
}

static int read_port(struct rf_reader *r, const struct rf_node *v, struct rf_landlock_rule *rule)
{
	int64_t port;
	int ret = rf_value_int(r, v, 0, UINT16_MAX, &port);

	if (!ret)
		rule->port = (uint16_t)port;
	return ret;
}

static int read_list(struct rf_reader *r, const struct rf_node *v, struct rf_sandbox *sb,
		     enum rf_landlock_kind kind)
{
	bool ports = kind == RF_LANDLOCK_CONNECT || kind == RF_LANDLOCK_BIND;
	struct rf_landlock_list list = { NULL, 0 };
	int ret = rf_need(r, v, RF_NODE_LIST, ports ? "a list of ports" : "a list of places");

	if (ret < 0)
		return ret;
	if (v->nr > RULES_MAX)
		return rf_err_at(r->err, &v->place, EINVAL, "more than %d rules", RULES_MAX);
	list.rules = rf_sandbox_alloc(sb, (v->nr + 1) * sizeof(*list.rules));
	if (!list.rules)
		return rf_err_set(r->err, ENOMEM, "reading 'landlock'");
	for (; list.nr < v->nr && !ret; list.nr++) {
		struct rf_landlock_rule *rule = &list.rules[list.nr];

		rule->kind = kind;
		rule->place = v->items[list.nr]->place;
		ret = ports ? read_port(r, v->items[list.nr], rule) :
			      read_path(r, v->items[list.nr], rule);
	}
	if (ret < 0)
		return ret;
	r->draft->landlock[kind] = list;
	sb->landlock.kinds |= 1U << kind;
	return 0;
}

#define LIST(word, kind) \
	static int read_##word(struct rf_reader *r, const struct rf_node *v, void *sb) \
	{ \
		return read_list(r, v, sb, kind); \
	}
LIST(read, RF_LANDLOCK_READ)
LIST(write, RF_LANDLOCK_WRITE)
LIST(exec, RF_LANDLOCK_EXEC)
LIST(unix, RF_LANDLOCK_UNIX)
LIST(connect, RF_LANDLOCK_CONNECT)
LIST(bind, RF_LANDLOCK_BIND)

static int read_scope(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	static const struct rf_word words[] = {
		{ "abstract_unix", RF_LANDLOCK_SCOPE_ABSTRACT_UNIX },
		{ "signal", RF_LANDLOCK_SCOPE_SIGNAL }, { NULL, 0 }
	};
	struct rf_sandbox *sb = obj;
	uint64_t scoped = 0;
	int bit, ret = rf_need(r, v, RF_NODE_LIST, "a list of words");

	for (size_t i = 0; i < v->nr && !ret; i++) {
		ret = rf_value_word(r, v->items[i], words, &bit);
		if (!ret)
			scoped |= (uint64_t)bit;
	}
	if (!ret)
		sb->landlock.scoped = scoped;
	return ret;
}

static int read_compat(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	static const struct rf_word words[] = {
		{ "named", RF_LANDLOCK_NAMED }, { "best", RF_LANDLOCK_BEST },
		{ "exact", RF_LANDLOCK_EXACT }, { NULL, 0 }
	};
	struct rf_sandbox *sb = obj;
	int word, ret = rf_value_word(r, v, words, &word);

	if (!ret)
		sb->landlock.compat = (enum rf_landlock_compat)word;
	return ret;
}

static int read_loader(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;

	return rf_value_bool(r, v, &sb->landlock.loader);
}

int rf_read_landlock(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	static const struct rf_key keys[] = {
		{ .name = "read",	.read = read_read },
		{ .name = "write",	.read = read_write },
		{ .name = "exec",	.read = read_exec },
		{ .name = "unix",	.read = read_unix },
		{ .name = "connect",	.read = read_connect },
		{ .name = "bind",	.read = read_bind },
		{ .name = "scope",	.read = read_scope },
		{ .name = "loader",	.read = read_loader },
		{ .name = "compat",	.read = read_compat },
		{ .name = NULL }
	};
	struct rf_sandbox *sb = obj;
	int ret;

	if (v->kind == RF_NODE_SCALAR && !strcmp(v->text, "off")) {
		memset(r->draft->landlock, 0, sizeof(r->draft->landlock));
		sb->landlock = (struct rf_landlock_spec){ .place = v->place };
		return 0;
	}
	if (!sb->landlock.on)
		sb->landlock.loader = true;
	ret = rf_read_map(r, v, keys, sb);
	sb->landlock.on = true;
	sb->landlock.place = v->place;
	return ret;
}

/* ------------------------------------------------------------------ resolving */

bool rf_landlock_add(struct rf_sandbox *sb, const struct rf_landlock_rule *rule)
{
	struct rf_landlock_spec *l = &sb->landlock;
	struct rf_landlock_rule *more;

	/* grown by doubling: full at every power of two */
	if (!(l->nr & (l->nr - 1))) {
		more = rf_sandbox_alloc(sb, (l->nr ? 2 * l->nr : 1) * sizeof(*more));
		if (!more)
			return false;
		if (l->nr)
			memcpy(more, l->rules, l->nr * sizeof(*more));
		l->rules = more;
	}
	l->rules[l->nr++] = *rule;
	return true;
}

int rf_resolve_landlock(struct rf_resolve *rs)
{
	struct rf_landlock_spec *l = &rs->sb->landlock;
	int ret = 0;

	if (!l->on)
		return 0;
	if (!l->kinds && !l->scoped)
		return rf_err_at(rs->err, &l->place, EINVAL, "'landlock' restricts nothing");
	for (size_t kind = 0; kind < RF_LANDLOCK_KIND_NR; kind++) {
		const struct rf_landlock_list *list = &rs->draft->landlock[kind];

		for (size_t i = 0; i < list->nr && !ret; i++) {
			struct rf_landlock_rule rule = list->rules[i];

			if (rule.path)
				ret = rf_resolve_inside(rs, &rule.place, rule.path, &rule.path);
			if (!ret && !rf_landlock_add(rs->sb, &rule))
				ret = rf_err_set(rs->err, ENOMEM, "resolving the spec");
		}
	}
	return ret < 0 ? ret : rf_resolve_loader(rs);
}
