/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `seccomp`: a preset, a policy file, or off.  Whatever it is, it is a program
 * by the time the sandbox is resolved: compiling a spec reads no file.
 */
#include "resolve.h"

#include <errno.h>
#include <string.h>

#include "../seccomp/policy.h"
#include "error.h"

#define DEFAULT_PRESET	"default"

/* A bare word is a preset, so that no file can take the place of one. */
static int no_preset(struct rf_reader *r, const struct rf_node *v)
{
	const char *names[16] = { "off" };
	char buf[64];

	for (size_t i = 0; i < 14 && rf_filter_preset_name(i); i++)
		names[i + 1] = rf_filter_preset_name(i);
	rf_err_at(r->err, &v->place, EINVAL, "no preset '%.64s'%s", v->text,
		  rf_nearest(v->text, names, sizeof(*names), buf));
	rf_err_hint(r->err, "a file is written with its directory: ./%.64s", v->text);
	return -EINVAL;
}

int rf_read_seccomp(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_seccomp_spec s = { .on = true, .place = v->place };
	struct rf_sandbox *sb = obj;
	struct rf_filter filter;
	const char *file = NULL;
	int ret = rf_value_text(r, v, &s.name);

	if (ret < 0)
		return ret;
	if (!strcmp(s.name, "off")) {
		s.on = false;
	} else if (strchr(s.name, '/') || strchr(s.name, '.')) {
		if (r->flags & RF_SPEC_NO_FILES)
			return rf_err_at(r->err, &v->place, EINVAL, "files cannot be read here");
		file = *s.name == '~' ? s.name : rf_spec_beside(r, v->place.file, s.name);
		if (!file)
			return rf_err_set(r->err, ENOMEM, "reading 'seccomp'");
	} else if (rf_filter_preset(s.name, &filter) < 0) {
		return no_preset(r, v);
	}
	sb->seccomp = s;
	r->draft->has_seccomp = true;
	r->draft->seccomp_file = file;
	return 0;
}

static void take_filter(struct rf_resolve *rs, const struct rf_filter *filter)
{
	struct rf_seccomp_spec *s = &rs->sb->seccomp;

	s->insns = filter->insns;
	s->nr = filter->nr;
	s->flags = filter->flags;
	s->notifies = filter->notifies;
}

/* An error in the file has its place there; one with the file, that of its name. */
static int blame(struct rf_resolve *rs, const struct rf_err *own)
{
	if (!own->line)
		return rf_err_at(rs->err, &rs->sb->seccomp.place, own->code, "%s%s%s", own->file,
				 *own->file ? ": " : "", own->msg);
	if (rs->err && !rs->err->code)
		*rs->err = *own;
	return -own->code;
}

static int load_file(struct rf_resolve *rs, const char *file)
{
	struct rf_seccomp_spec *s = &rs->sb->seccomp;
	struct rf_err own = RF_ERR_INIT;
	struct rf_filter filter;
	void *copy;
	int r;

	if (*file == '~') {
		r = rf_resolve_host(rs, &s->place, file, &file);
		if (r < 0)
			return r;
	}
	r = rf_policy_load_caps(file, rs->sb->capabilities, &s->policy, &own);
	if (r == 0)
		r = rf_policy_compile(s->policy, &filter, &own);
	if (r < 0)
		return blame(rs, &own);
	/* in the arena, where everything of a sandbox lives */
	copy = rf_sandbox_alloc(rs->sb, filter.nr * sizeof(*filter.insns));
	if (copy)
		memcpy(copy, filter.insns, filter.nr * sizeof(*filter.insns));
	take_filter(rs, &filter);
	s->insns = copy;
	rf_filter_done(&filter);
	return copy ? 0 : rf_err_set(rs->err, ENOMEM, "reading '%s'", file);
}

int rf_resolve_seccomp(struct rf_resolve *rs)
{
	struct rf_seccomp_spec *s = &rs->sb->seccomp;
	struct rf_filter filter;

	if (!rs->draft->has_seccomp) {
		s->on = true;
		s->name = DEFAULT_PRESET;
	}
	if (!s->on)
		return 0;
	if (rs->draft->seccomp_file)
		return load_file(rs, rs->draft->seccomp_file);
	if (rf_filter_preset(s->name, &filter) < 0)
		return rf_err_at(rs->err, &s->place, EOPNOTSUPP,
				 "this build has no filter '%s'", s->name);
	take_filter(rs, &filter);
	return 0;
}
