/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A part of a config.json as text again, for those that read it by themselves.
 */
#include "oci_config.h"

#include <stdio.h>
#include <string.h>

#include "spec.h"

struct text {
	char	*p;		/* NULL: only counts */
	size_t	 len;
};

static void put(struct text *t, const char *s, size_t len)
{
	if (t->p)
		memcpy(t->p + t->len, s, len);
	t->len += len;
}

static void put_string(struct text *t, const char *s)
{
	char escape[8];

	put(t, "\"", 1);
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20) {
			(void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned int)*s);
			put(t, escape, 6);
			continue;
		}
		if (*s == '"' || *s == '\\')
			put(t, "\\", 1);
		put(t, s, 1);
	}
	put(t, "\"", 1);
}

/* No deeper than the document may be. */
static void put_node(struct text *t, const struct rf_node *v)
{
	if (v->kind == RF_NODE_SCALAR) {
		if (v->plain)
			put(t, v->text, strlen(v->text));
		else
			put_string(t, v->text);
		return;
	}
	put(t, v->kind == RF_NODE_MAP ? "{" : "[", 1);
	for (size_t i = 0; i < v->nr; i++) {
		if (i)
			put(t, v->kind == RF_NODE_MAP && i % 2 ? ":" : ",", 1);
		if (v->kind == RF_NODE_MAP && i % 2 == 0)
			put_string(t, v->items[i]->text);
		else
			put_node(t, v->items[i]);
	}
	put(t, v->kind == RF_NODE_MAP ? "}" : "]", 1);
}

char *rf_oci_json(struct rf_sandbox *sb, const struct rf_node *v)
{
	struct text t = { .p = NULL };
	char *p;

	put_node(&t, v);
	p = rf_sandbox_alloc(sb, t.len + 1);
	if (!p)
		return NULL;
	t = (struct text){ .p = p };
	put_node(&t, v);
	return p;
}
