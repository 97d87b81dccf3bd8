/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `linux.seccomp`: the reader of profiles (seccomp/policy.h) gets it as JSON again.
 */
#include "oci_config.h"

#include <errno.h>
#include <string.h>

#include "../seccomp/policy.h"
#include "error.h"
#include "spec.h"

int rf_oci_read_seccomp(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	(void)obj;
	if (v->kind != RF_NODE_MAP)
		return rf_oci_fail(o, v, "an object belongs here");
	o->c->seccomp = rf_oci_json(o->sb, v);
	o->c->seccomp_place = v->place;
	return o->c->seccomp ? 0 : rf_oci_no_memory(o);
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
