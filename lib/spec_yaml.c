/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A YAML or JSON document as a tree of nodes, each with its place.
 *
 * Only the part of YAML that a spec needs: one document, UTF-8, no anchors,
 * aliases or tags, so that a small text cannot mean a large tree or another
 * type than its key has.
 */
#include "spec.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "error.h"

/* A list or map that is being read; items are chained until its end is seen. */
struct open_node {
	struct rf_node	*node;
	struct item	*last;		/* newest first */
};

struct item {
	struct item	*prev;
	struct rf_node	*node;
};

struct parse {
	struct rf_reader *r;
	const char	*name, *text;
	size_t		 len;
	unsigned int	 above;		/* lines of the file above the text */
	yaml_parser_t	 yaml;
	struct rf_node	*root;
	struct open_node open[RF_SPEC_DEPTH_MAX];
	size_t		 depth;
};

static struct rf_place place_of(const struct parse *p, yaml_mark_t mark)
{
	return (struct rf_place){ p->name, p->above + (unsigned int)mark.line + 1,
				  (unsigned int)mark.column + 1 };
}

/* Line and column of byte @offset, columns in characters as libyaml has them. */
static struct rf_place place_at(const struct parse *p, size_t offset)
{
	struct rf_place place = { p->name, p->above + 1, 1 };

	if (offset > p->len)
		offset = p->len;
	for (size_t i = 0; i < offset; i++) {
		if (p->text[i] == '\n') {
			place.line++;
			place.col = 1;
		} else if (((unsigned char)p->text[i] & 0xc0) != 0x80) {
			place.col++;
		}
	}
	return place;
}

static int out_of_memory(const struct parse *p)
{
	return rf_err_set(p->r->err, ENOMEM, "reading '%s'", p->name);
}

/* What libyaml says of a document that is none. */
static int syntax_error(const struct parse *p)
{
	const yaml_parser_t *y = &p->yaml;
	struct rf_place place;

	switch (y->error) {
	case YAML_MEMORY_ERROR:
		return out_of_memory(p);
	case YAML_READER_ERROR:
		place = place_at(p, y->problem_offset);
		return rf_err_at(p->r->err, &place, EINVAL, "%s",
				 strstr(y->problem, "UTF-8") ?
				 "this is not valid UTF-8" : y->problem);
	default:
		place = place_of(p, y->problem_mark);
		return rf_err_at(p->r->err, &place, EINVAL, "%s%s%s",
				 y->context ? y->context : "",
				 y->context ? ": " : "",
				 y->problem ? y->problem : "not YAML");
	}
}

static int node_add(struct parse *p, struct rf_node *node)
{
	struct open_node *parent;
	struct item *item;

	if (!p->depth) {
		p->root = node;
		return 0;
	}
	parent = &p->open[p->depth - 1];
	if (parent->node->kind == RF_NODE_MAP && parent->node->nr % 2 == 0 &&
	    node->kind != RF_NODE_SCALAR)
		return rf_err_at(p->r->err, &node->place, EINVAL,
				 "a key must be a word");
	item = rf_sandbox_alloc(p->r->sb, sizeof(*item));
	if (!item)
		return out_of_memory(p);
	item->node = node;
	item->prev = parent->last;
	parent->last = item;
	parent->node->nr++;
	return 0;
}

static struct rf_node *node_new(struct parse *p, enum rf_node_kind kind, yaml_mark_t mark)
{
	struct rf_node *node = rf_sandbox_alloc(p->r->sb, sizeof(*node));

	if (node) {
		node->kind = kind;
		node->place = place_of(p, mark);
	}
	return node;
}

static int refuse_extras(const struct parse *p, const yaml_event_t *e,
			 const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct rf_place place = place_of(p, e->start_mark);

	if (anchor)
		return rf_err_at(p->r->err, &place, EINVAL,
				 "anchors and aliases are not allowed in a spec");
	if (tag)
		return rf_err_at(p->r->err, &place, EINVAL,
				 "tags are not allowed in a spec");
	return 0;
}

static int on_scalar(struct parse *p, const yaml_event_t *e)
{
	const char *value = (const char *)e->data.scalar.value;
	struct rf_node *node;
	int r;

	r = refuse_extras(p, e, e->data.scalar.anchor, e->data.scalar.tag);
	if (r < 0)
		return r;
	node = node_new(p, RF_NODE_SCALAR, e->start_mark);
	if (!node)
		return out_of_memory(p);
	if (strlen(value) != e->data.scalar.length)
		return rf_err_at(p->r->err, &node->place, EINVAL,
				 "a NUL byte cannot be part of a value");
	node->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = rf_sandbox_strdup(p->r->sb, value);
	if (!node->text)
		return out_of_memory(p);
	return node_add(p, node);
}

static int on_start(struct parse *p, const yaml_event_t *e, enum rf_node_kind kind,
		    const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct rf_node *node;
	int r;

	r = refuse_extras(p, e, anchor, tag);
	if (r < 0)
		return r;
	node = node_new(p, kind, e->start_mark);
	if (!node)
		return out_of_memory(p);
	if (p->depth == RF_SPEC_DEPTH_MAX)
		return rf_err_at(p->r->err, &node->place, EINVAL,
				 "more than %d lists and maps in one another",
				 RF_SPEC_DEPTH_MAX);
	r = node_add(p, node);
	if (r < 0)
		return r;
	p->open[p->depth++] = (struct open_node){ .node = node };
	return 0;
}

static int on_end(struct parse *p)
{
	struct open_node *o = &p->open[--p->depth];
	struct item *item = o->last;

	o->node->items = rf_sandbox_alloc(p->r->sb, (o->node->nr + 1) * sizeof(*o->node->items));
	if (!o->node->items)
		return out_of_memory(p);
	for (size_t i = o->node->nr; i-- > 0; item = item->prev)
		o->node->items[i] = item->node;
	return 0;
}

static int on_event(struct parse *p, const yaml_event_t *e)
{
	struct rf_place place = place_of(p, e->start_mark);

	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(p, e);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(p, e, RF_NODE_LIST, e->data.sequence_start.anchor,
				e->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return on_start(p, e, RF_NODE_MAP, e->data.mapping_start.anchor,
				e->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_end(p);
	case YAML_ALIAS_EVENT:
		return rf_err_at(p->r->err, &place, EINVAL,
				 "anchors and aliases are not allowed in a spec");
	case YAML_DOCUMENT_START_EVENT:
		if (p->root)
			return rf_err_at(p->r->err, &place, EINVAL,
					 "a spec is one document; a second begins here");
		return 0;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	}
	return 0;
}

static int read_events(struct parse *p)
{
	yaml_event_type_t type;
	yaml_event_t event;
	int r;

	do {
		if (!yaml_parser_parse(&p->yaml, &event))
			return syntax_error(p);
		type = event.type;
		r = on_event(p, &event);
		yaml_event_delete(&event);
		if (r < 0)
			return r;
	} while (type != YAML_STREAM_END_EVENT);
	return 0;
}

int rf_yaml_parse(struct rf_reader *r, const char *name, unsigned int above, const char *text,
		  size_t len, struct rf_node **ret_root)
{
	struct parse p = { .r = r, .text = text, .len = len, .above = above };
	struct rf_place place = { name, above + 1, 1 };
	const char *nul = len ? memchr(text, '\0', len) : NULL;
	int ret;

	p.name = rf_sandbox_strdup(r->sb, name);
	if (!p.name)
		return rf_err_set(r->err, ENOMEM, "reading '%s'", name);
	if (len > RF_SPEC_SIZE_MAX)
		return rf_err_at(r->err, &place, EINVAL, "larger than %u bytes",
				 RF_SPEC_SIZE_MAX);
	if (nul) {
		place = place_at(&p, (size_t)(nul - text));
		return rf_err_at(r->err, &place, EINVAL, "a NUL byte cannot be part of a spec");
	}

	if (!yaml_parser_initialize(&p.yaml))
		return out_of_memory(&p);
	yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text, len);
	ret = read_events(&p);
	yaml_parser_delete(&p.yaml);
	if (ret < 0)
		return ret;
	if (!p.root)
		return rf_err_at(r->err, &place, EINVAL, "the spec is empty");
	*ret_root = p.root;
	return 0;
}
