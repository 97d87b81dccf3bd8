/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `linux.seccomp`: the reader of profiles (seccomp/policy.h) gets it as JSON again.
 */
#include "oci_config.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "../seccomp/policy.h"
#include "error.h"
#include "spec.h"

/* The listener's are the runtime's keys, and no profile's. */
static bool is_listener(const char *key)
{
	return !strcmp(key, "listenerPath") || !strcmp(key, "listenerMetadata");
}

static int read_path(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	const char *text = NULL;
	int r = rf_oci_text(o, v, &text);

	(void)obj;
	if (r < 0 || !*text)
		return r;
	if (*text != '/')
		return rf_oci_fail(o, v, "'%.100s' is no absolute path", text);
	if (strlen(text) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return rf_oci_fail(o, v, "too long a path for a socket");
	o->c->listener = text;
	o->c->listener_place = v->place;
	return 0;
}

static int read_metadata(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	(void)obj;
	return rf_oci_text(o, v, &o->c->listener_metadata);
}

/* @v without those keys, as text. */
static char *profile_of(struct rf_oci_reader *o, const struct rf_node *v)
{
	struct rf_node profile = *v;

	profile.items = rf_sandbox_alloc(o->sb, (v->nr + 1) * sizeof(*profile.items));
	if (!profile.items)
		return NULL;
	profile.nr = 0;
	for (size_t i = 0; i < v->nr; i += 2) {
		if (is_listener(v->items[i]->text))
			continue;
		profile.items[profile.nr++] = v->items[i];
		profile.items[profile.nr++] = v->items[i + 1];
	}
	return rf_oci_json(o->sb, &profile);
}

int rf_oci_read_seccomp(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "listenerPath", .read = read_path },
		{ .name = "listenerMetadata", .read = read_metadata },
		{ .name = NULL }
	};
	int r = rf_oci_map(o, v, keys, obj);

	if (r < 0)
		return r;
	if (o->c->listener_metadata && *o->c->listener_metadata && !o->c->listener)
		return rf_oci_fail(o, v, "`listenerMetadata` without a `listenerPath`");
	o->c->seccomp = profile_of(o, v);
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
	s->has_listener = c->listener;
	rf_filter_done(&filter);
	return copy ? 0 : rf_err_set(err, ENOMEM, "compiling linux.seccomp");
}
