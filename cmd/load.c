/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load.h"

#include <errno.h>

#include "cgroup.h"
#include "error.h"
#include "fallback.h"
#include "prepare.h"
#include "spec.h"

int load_init(struct load *l, struct rf_err *err)
{
	l->sb = rf_sandbox_new();
	return l->sb ? 0 : rf_err_set(err, ENOMEM, "the spec");
}

void load_done(struct load *l)
{
	l->chain = rf_chain_free(l->chain);
	if (l->sb) {
		rf_cgroup_submitted(l->sb);
		(void)rf_cgroup_end(l->sb->cgroup.group, NULL);
		l->sb->cgroup.group = NULL;
		rf_sandbox_unprepare(l->sb);
	}
	l->sb = rf_sandbox_free(l->sb);
}

int load_spec(struct load *l, const char *file, struct rf_err *err)
{
	if (l->has_spec)
		return rf_err_set(err, EINVAL, "--spec given twice; `extends` joins specs");
	l->has_spec = true;
	return rf_spec_load(file, l->sb, err);
}

/* What the host is like, and what the spec's words mean there. */
static int resolve_here(struct load *l, struct rf_err *err)
{
	int r = rf_probe(&l->features, err);

	if (r == 0)
		r = rf_sandbox_resolve(l->sb, &l->features, 0, err);
	if (r == 0 && l->sb->user.map == RF_MAP_RANGES)
		r = rf_probe_subids(&l->features, err);
	if (r == 0 && l->sb->landlock.on)
		rf_probe_landlock(&l->features);
	return r;
}

int load_fall_back(struct load *l, const char *why, struct rf_err *err)
{
	struct rf_chain *chain = NULL;
	int r = rf_fall_back(l->sb, &l->features, why, err);

	/* the descriptors of the first group went with its launch */
	if (r == 0 && l->to_run) {
		(void)rf_cgroup_end(l->sb->cgroup.group, NULL);
		l->sb->cgroup.group = NULL;
		rf_cgroup_submitted(l->sb);
		r = rf_cgroup_make(l->sb, err);
		l->refused = r < 0;
	} else if (r == 0) {
		r = rf_cgroup_look(l->sb, false, err);
	}

	if (r == 0)
		r = rf_compile(l->sb, &l->features, &chain, err);
	if (r < 0)
		return r;
	rf_chain_free(l->chain);
	l->chain = chain;
	return 0;
}

int load_to_run(struct load *l, struct rf_err *err)
{
	int r = resolve_here(l, err);

	if (r == 0 && rf_fallback_must(l->sb, &l->features))
		return load_fall_back(l, "this caller has no power over them", err);
	if (r < 0)
		return r;
	r = rf_sandbox_prepare(l->sb, &l->features, err);
	if (r < 0)
		return r;
	r = rf_cgroup_make(l->sb, err);
	if (r < 0) {
		l->refused = true;
		return r;
	}
	return rf_compile(l->sb, &l->features, &l->chain, err);
}

/* What it means here, in parts. */
static int resolve_part(struct load *l, enum rf_part part, const struct rf_caller *caller,
			struct rf_err *err)
{
	int r;

	l->sb->part = part;
	l->sb->caller = caller;
	r = resolve_here(l, err);
	if (r == 0 && rf_fallback_must(l->sb, &l->features))
		return rf_err_set(err, EOPNOTSUPP, "without namespaces there is nothing to keep ready");
	return r;
}

int load_to_keep(struct load *l, struct rf_err *err)
{
	int r = resolve_part(l, RF_PART_READY, NULL, err);

	if (r == 0)
		r = rf_sandbox_prepare(l->sb, &l->features, err);
	return r < 0 ? r : rf_compile(l->sb, &l->features, &l->chain, err);
}

int load_to_dispatch(struct load *l, const struct rf_caller *caller, struct rf_err *err)
{
	int r = resolve_part(l, RF_PART_BOTH, caller, err);

	if (r == 0)
		r = rf_sandbox_stand_in(l->sb, err);
	if (r == 0)
		r = rf_cgroup_make(l->sb, err);
	return r < 0 ? r : rf_compile(l->sb, &l->features, &l->chain, err);
}

void load_submitted(struct load *l)
{
	rf_cgroup_submitted(l->sb);
	rf_sandbox_unprepare(l->sb);
}

int load_to_print(struct load *l, const char *features_file, struct rf_err *err)
{
	int r;

	if (!features_file) {
		r = resolve_here(l, err);
	} else {
		r = rf_features_read(features_file, &l->features, err);
		if (r == 0)
			r = rf_sandbox_resolve(l->sb, &l->features, RF_RESOLVE_PURE, err);
	}
	if (r == 0)
		r = rf_cgroup_look(l->sb, features_file != NULL, err);
	if (r < 0)
		return r;
	return rf_compile(l->sb, &l->features, &l->chain, err);
}
