/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Short forms of the command line, spelled out as the nodes that a document
 * would have had.  In all of them a backslash takes the meaning from a
 * separator: --ro '/a\:b:/c'.
 */
#include "spec.h"

#include <errno.h>
#include <string.h>

#include "error.h"

struct shape {
	struct rf_sandbox *sb;
	struct rf_err	*err;
	const struct rf_opt *opt;
	struct rf_place	 place;		/* "--name", line 0 */
};

static struct rf_node *no_memory(const struct shape *s)
{
	rf_err_set(s->err, ENOMEM, "reading --%s", s->opt->name);
	return NULL;
}

struct rf_node *rf_node_text(struct rf_sandbox *sb, const struct rf_place *place,
			     const char *text)
{
	struct rf_node *node = rf_sandbox_alloc(sb, sizeof(*node));

	if (!node)
		return NULL;
	*node = (struct rf_node){ .kind = RF_NODE_SCALAR, .place = *place, .text = text };
	/* the words of flags, which a document may not quote */
	node->plain = !strcmp(text, "true") || !strcmp(text, "false");
	return node;
}

struct rf_node *rf_node_items(struct rf_sandbox *sb, const struct rf_place *place,
			      enum rf_node_kind kind, size_t max)
{
	struct rf_node *node = rf_sandbox_alloc(sb, sizeof(*node));

	if (!node)
		return NULL;
	*node = (struct rf_node){ .kind = kind, .place = *place };
	node->items = rf_sandbox_alloc(sb, (max + 1) * sizeof(*node->items));
	return node->items ? node : NULL;
}

static struct rf_node *text(const struct shape *s, const char *word)
{
	struct rf_node *node = rf_node_text(s->sb, &s->place, word);

	return node ? node : no_memory(s);
}

/* Append to a list, or key or value to a map; room was made for it. */
static bool put(struct rf_node *to, struct rf_node *item)
{
	if (to && item)
		to->items[to->nr++] = item;
	return to && item;
}

static struct rf_node *pair(const struct shape *s, const char *key, struct rf_node *value)
{
	struct rf_node *map = rf_node_items(s->sb, &s->place, RF_NODE_MAP, 2);

	return put(map, text(s, key)) && put(map, value) ? map : NULL;
}

static struct rf_node *list_of(const struct shape *s, struct rf_node *item)
{
	struct rf_node *list = rf_node_items(s->sb, &s->place, RF_NODE_LIST, 1);

	return put(list, item) ? list : NULL;
}

/* The most parts that separators can make of @text. */
static size_t parts_max(const char *words)
{
	size_t nr = 1;

	for (; *words; words++)
		nr += *words == ',' || *words == ':' || *words == '=';
	return nr;
}

/*
 * Cut the next part off *@rest, up to one of @stops, which goes to *@ret_stop
 * (0 at the end).  Backslashes are removed.
 */
static char *part(char **rest, const char *stops, char *ret_stop)
{
	char *from = *rest, *to = *rest, *start = *rest;

	while (*from && !strchr(stops, *from)) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from++;
	}
	*ret_stop = *from;
	*rest = *from ? from + 1 : from;
	*to = '\0';
	return start;
}

static char *copy(const struct shape *s, const char *value)
{
	char *p = rf_sandbox_strdup(s->sb, value);

	if (!p)
		no_memory(s);
	return p;
}

static struct rf_node *shape_list(const struct shape *s, const char *value)
{
	struct rf_node *list = rf_node_items(s->sb, &s->place, RF_NODE_LIST, parts_max(value));
	char *rest = copy(s, value), stop = *value;

	if (!list || !rest)
		return no_memory(s);
	while (stop)
		if (!put(list, text(s, part(&rest, ",", &stop))))
			return NULL;
	return list;
}

/* WORD[=VALUE],... into @map; a word alone is a flag, `lower` a list. */
static bool words_into(const struct shape *s, struct rf_node *map, char *rest)
{
	struct rf_node *lowers = NULL;
	char *word, *value, stop = *rest;
	size_t max = parts_max(rest);

	while (stop) {
		word = part(&rest, ",=", &stop);
		value = stop == '=' ? part(&rest, ",", &stop) : copy(s, "true");
		if (!value)
			return false;
		if (strcmp(word, "lower")) {
			if (!put(map, text(s, word)) || !put(map, text(s, value)))
				return false;
			continue;
		}
		if (!lowers) {
			lowers = rf_node_items(s->sb, &s->place, RF_NODE_LIST, max);
			if (!put(map, text(s, word)) || !put(map, lowers))
				return false;
		}
		if (!put(lowers, text(s, value)))
			return false;
	}
	return true;
}

static struct rf_node *shape_mount(const struct shape *s, const char *value)
{
	struct rf_node *map = rf_node_items(s->sb, &s->place, RF_NODE_MAP, 2 * parts_max(value) + 4);
	const char *kind = s->opt->shape == RF_SHAPE_BIND_FD ?
			   (s->opt->name[1] == 'o' ? "ro" : "rw") : s->opt->name;
	struct rf_node *first;
	char *rest = copy(s, value), stop;

	if (!map || !rest)
		return no_memory(s);
	first = text(s, part(&rest, ":", &stop));
	if (s->opt->shape == RF_SHAPE_BIND_FD)
		first = pair(s, "fd", first);
	if (!put(map, text(s, kind)) || !put(map, first))
		return NULL;
	if (stop && s->opt->shape != RF_SHAPE_MOUNT)
		if (!put(map, text(s, "at")) || !put(map, text(s, part(&rest, ":", &stop))))
			return NULL;
	if (stop && !words_into(s, map, rest))
		return NULL;
	return list_of(s, map);
}

static struct rf_node *shape_fd(const struct shape *s, const char *value)
{
	char *rest = copy(s, value), *number, stop;
	struct rf_node *what;

	if (!rest)
		return NULL;
	number = part(&rest, ":", &stop);
	if (!stop || !strcmp(rest, "inherit") || !strcmp(rest, "closed")) {
		what = text(s, stop ? rest : "inherit");
	} else {
		what = rf_node_items(s->sb, &s->place, RF_NODE_MAP, 2 * parts_max(rest));
		if (!what || !words_into(s, what, rest))
			return no_memory(s);
	}
	return pair(s, number, what);
}

static struct rf_node *shape_env(const struct shape *s, const char *value)
{
	const char *equals = strchr(value, '=');
	char *name = copy(s, value);

	if (!name)
		return NULL;
	if (!equals)
		return pair(s, "keep", list_of(s, text(s, name)));
	name[equals - value] = '\0';
	return pair(s, "set", pair(s, name, text(s, name + (equals - value) + 1)));
}

/* user,mount or net=host,pid=/proc/9/ns/pid,ipc=fd:5 or a mix, which is a list. */
static struct rf_node *shape_namespaces(const struct shape *s, const char *value)
{
	size_t max = parts_max(value);
	struct rf_node *list = rf_node_items(s->sb, &s->place, RF_NODE_LIST, max);
	struct rf_node *map = rf_node_items(s->sb, &s->place, RF_NODE_MAP, 2 * max);
	struct rf_node *mode;
	char *rest = copy(s, value), *word, stop = *value;

	if (!list || !map || !rest)
		return no_memory(s);
	while (stop) {
		word = part(&rest, ",=", &stop);
		if (stop != '=') {
			if (!put(list, text(s, word)))
				return NULL;
			continue;
		}
		mode = text(s, part(&rest, ",", &stop));
		if (mode && !strncmp(mode->text, "fd:", 3))
			mode = pair(s, "fd", text(s, mode->text + 3));
		if (!put(map, text(s, word)) || !put(map, mode))
			return NULL;
	}
	if (!list->nr && map->nr)
		return map;
	if (map->nr)
		put(list, map);
	return list;
}

static struct rf_node *range(const struct shape *s, char **rest, char *stop)
{
	static const char *const words[] = { "inside", "outside", "count" };
	struct rf_node *map = rf_node_items(s->sb, &s->place, RF_NODE_MAP, 6);

	for (size_t i = 0; *stop == ':' && i < 3; i++)
		if (!put(map, text(s, words[i])) || !put(map, text(s, part(rest, ":,", stop))))
			return NULL;
	return map ? map : no_memory(s);
}

static struct rf_node *shape_map(const struct shape *s, const char *value)
{
	size_t max = parts_max(value);
	struct rf_node *map, *lists[2];
	char *rest, *word, stop = *value;

	if (!strchr(value, ':'))
		return text(s, value);
	map = rf_node_items(s->sb, &s->place, RF_NODE_MAP, 4);
	rest = copy(s, value);
	for (int i = 0; i < 2; i++)
		lists[i] = rf_node_items(s->sb, &s->place, RF_NODE_LIST, max);
	if (!map || !rest || !lists[0] || !lists[1])
		return no_memory(s);
	while (stop) {
		word = part(&rest, ":,", &stop);
		if (stop != ':' || (strcmp(word, "uid") && strcmp(word, "gid"))) {
			rf_err_at(s->err, &s->place, EINVAL,
				  "'%.64s' is not uid:INSIDE:OUTSIDE:COUNT or gid:...", word);
			return NULL;
		}
		if (!put(lists[*word == 'g'], range(s, &rest, &stop)))
			return NULL;
		if (stop == ':') {
			rf_err_at(s->err, &s->place, EINVAL, "a range has three numbers");
			return NULL;
		}
	}
	for (int i = 0; i < 2; i++)
		if (lists[i]->nr && (!put(map, text(s, i ? "gid" : "uid")) || !put(map, lists[i])))
			return NULL;
	return map;
}

/* Whether @value is one of the words in the option's row. */
static bool is_word(const struct rf_opt *opt, const char *value)
{
	size_t len = strlen(value);
	const char *p = opt->words;

	while (p && (p = strstr(p, value))) {
		if ((p == opt->words || p[-1] == ' ') && (!p[len] || p[len] == ' '))
			return len > 0;
		p++;
	}
	return false;
}

static struct rf_node *shape_limit(const struct shape *s, const char *value)
{
	struct rf_node *map = rf_node_items(s->sb, &s->place, RF_NODE_MAP, 4);
	char *rest = copy(s, value), *soft, stop;

	if (!map || !rest)
		return no_memory(s);
	soft = part(&rest, ":", &stop);
	if (!stop)
		return text(s, soft);
	if (!put(map, text(s, "soft")) || !put(map, text(s, soft)) ||
	    !put(map, text(s, "hard")) || !put(map, text(s, rest)))
		return NULL;
	return map;
}

static struct rf_node *shape_yaml(const struct shape *s, const char *value)
{
	struct rf_reader r = { .sb = s->sb, .err = s->err };
	struct rf_node *root;

	if (rf_yaml_parse(&r, s->place.file, 0, value, strlen(value), &root) < 0)
		return NULL;
	return list_of(s, root);
}

struct rf_node *rf_shape(struct rf_sandbox *sb, const struct rf_opt *opt,
			 const char *value, struct rf_err *err)
{
	struct shape s = { .sb = sb, .err = err, .opt = opt };
	struct rf_node *node = NULL;
	char *kept = rf_sandbox_strdup(sb, value);

	s.place.file = rf_sandbox_printf(sb, "--%s", opt->name);
	if (!s.place.file || !kept)
		return no_memory(&s);
	switch (opt->shape) {
	case RF_SHAPE_NONE:
		rf_err_set(err, EINVAL, "--%s is no option of a spec", opt->name);
		return NULL;
	case RF_SHAPE_SCALAR:
	case RF_SHAPE_EXTENDS:
		node = text(&s, kept);
		break;
	case RF_SHAPE_LIST:
		node = shape_list(&s, value);
		break;
	case RF_SHAPE_WORD_OR_LIST:
		node = is_word(opt, value) ? text(&s, kept) : shape_list(&s, value);
		break;
	case RF_SHAPE_LIMIT:
		node = shape_limit(&s, value);
		break;
	case RF_SHAPE_NAMESPACES:
		node = shape_namespaces(&s, value);
		break;
	case RF_SHAPE_ENV:
		node = shape_env(&s, value);
		break;
	case RF_SHAPE_MOUNT:
	case RF_SHAPE_BIND:
	case RF_SHAPE_BIND_FD:
		node = shape_mount(&s, value);
		break;
	case RF_SHAPE_FD:
		node = shape_fd(&s, value);
		break;
	case RF_SHAPE_MAP:
		node = shape_map(&s, value);
		break;
	case RF_SHAPE_YAML:
		node = shape_yaml(&s, value);
		break;
	}
	return node ? node : no_memory(&s);
}
