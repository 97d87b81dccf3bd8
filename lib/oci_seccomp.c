/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `linux.seccomp`: the reader of profiles (seccomp/policy.h) gets it as JSON again.
 */
#include "oci_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../seccomp/policy.h"
#include "error.h"
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

int rf_oci_read_seccomp(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct text t = { .p = NULL };
	char *p;

	(void)obj;
	if (v->kind != RF_NODE_MAP)
		return rf_oci_fail(o, v, "an object belongs here");
	put_node(&t, v);
	p = rf_sandbox_alloc(o->sb, t.len + 1);
	if (!p)
		return rf_oci_no_memory(o);
	t = (struct text){ .p = p };
	put_node(&t, v);
	o->c->seccomp = p;
	o->c->seccomp_place = v->place;
	return 0;
}

int rf_oci_resolve_seccomp(struct rf_sandbox *sb, const struct rf_oci_config *c,
			   struct rf_err *err)
{
	struct rf_seccomp_spec *s = &sb->seccomp;
	struct rf_err own = RF_ERR_INIT;
	struct rf_filter filter;
	void *copy;
	int r;

	s->on = c->seccomp;
	s->place = c->seccomp_place;
	s->name = "linux.seccomp";
	if (!s->on)
		return 0;
	r = rf_policy_parse_caps(s->name, c->seccomp, strlen(c->seccomp), sb->capabilities,
				 &s->policy, &own);
	if (r == 0)
		r = rf_policy_compile(s->policy, &filter, &own);
	if (r < 0)
		return rf_err_at(err, &s->place, own.code, "linux.seccomp: %s", own.msg);
	copy = rf_sandbox_alloc(sb, filter.nr * sizeof(*filter.insns));
	if (copy)
		memcpy(copy, filter.insns, filter.nr * sizeof(*filter.insns));
	s->insns = copy;
	s->nr = filter.nr;
	s->flags = filter.flags;
	s->notifies = filter.notifies;
	rf_filter_done(&filter);
	return copy ? 0 : rf_err_set(err, ENOMEM, "compiling linux.seccomp");
}
