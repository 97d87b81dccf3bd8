/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fallback.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "chain.h"
#include "compat.h"
#include "error.h"
#include "probe.h"
#include "sandbox.h"

/* Before that, whoever may read a file of his may also truncate it. */
#define MIN_ABI	3

bool rf_fallback_helps(const struct rf_sandbox *sb, const struct rf_chain *chain, int index,
		       int error)
{
	static const int refusals[] = {
		EPERM, EACCES, ENOSYS, ENOSPC, EUSERS, EINVAL, EOPNOTSUPP,
	};
	const struct rf_op *op;

	if (sb->fallback != RF_FALLBACK_LANDLOCK || sb->fallback_why || index < 0)
		return false;
	op = &chain->ops[index];
	/* an id map is refused where a security module takes the power in the new namespace */
	if (op->kind != RF_OP_CLONE && op->kind != RF_OP_UNSHARE && op->kind != RF_OP_IDMAP)
		return false;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (error == refusals[i])
			return true;
	return false;
}

bool rf_fallback_must(const struct rf_sandbox *sb, const struct rf_features *f)
{
	if (sb->fallback != RF_FALLBACK_LANDLOCK || sb->fallback_why ||
	    sb->ns[RF_NS_USER].mode != RF_NS_HOST || f->caps >> CAP_SYS_ADMIN & 1)
		return false;
	for (int ns = 0; ns < RF_NS_NR; ns++)
		if (sb->ns[ns].mode == RF_NS_NEW)
			return true;
	return false;
}

bool rf_fallback_note(struct rf_sandbox *sb, const char *name, const char *value)
{
	struct rf_fact *notes = sb->fallback_notes;

	/* grown by doubling: full at every power of two */
	if (!(sb->nr_fallback_notes & (sb->nr_fallback_notes - 1))) {
		size_t max = sb->nr_fallback_notes ? 2 * sb->nr_fallback_notes : 1;

		notes = rf_sandbox_alloc(sb, max * sizeof(*notes));
		if (!notes)
			return false;
		if (sb->nr_fallback_notes)
			memcpy(notes, sb->fallback_notes, sb->nr_fallback_notes * sizeof(*notes));
		sb->fallback_notes = notes;
	}
	notes[sb->nr_fallback_notes++] = (struct rf_fact){ name, value };
	return true;
}

/* What no rule of Landlock stands for. */
static int check(const struct rf_sandbox *sb, const struct rf_features *f, struct rf_err *err)
{
	const struct rf_user *u = &sb->user;

	for (int ns = 0; ns < RF_NS_NR; ns++)
		if (sb->ns[ns].mode == RF_NS_JOIN_PATH || sb->ns[ns].mode == RF_NS_JOIN_FD)
			return rf_err_at(err, &sb->ns[ns].place, EPERM,
					 "a namespace that is joined has no fallback");
	if (sb->root.kind == RF_ROOT_DIR || sb->root.kind == RF_ROOT_IMAGE)
		return rf_err_at(err, &sb->root.place, EPERM,
				 "a root of its own has no fallback");
	if ((u->uid >= 0 && u->uid != f->uid) || (u->gid >= 0 && u->gid != f->gid) ||
	    u->map == RF_MAP_ROOT || u->map == RF_MAP_RANGES)
		return rf_err_at(err, u->map_place.file ? &u->map_place : &u->place, EPERM,
				 "other ids have no fallback");
	if (!sb->no_new_privs)
		return rf_err_at(err, &sb->nnp_place, EPERM,
				 "no fallback without no_new_privileges");
	/* never below what is required, which is told before anything runs */
	if (f->landlock < MIN_ABI)
		return rf_err_at(err, &sb->fallback_place, EOPNOTSUPP,
				 f->landlock ? "Landlock of this kernel cannot keep files from being truncated" :
				 "there is no Landlock here");
	return 0;
}

static void drop_namespaces(struct rf_sandbox *sb)
{
	for (int ns = 0; ns < RF_NS_NR; ns++) {
		if (sb->ns[ns].mode != RF_NS_NEW)
			continue;
		sb->ns[ns].mode = RF_NS_HOST;
		sb->fallback_lost |= 1U << ns;
	}
	sb->init = false;
	sb->hostname = sb->domainname = NULL;
	sb->time_monotonic_ns = sb->time_boottime_ns = 0;
	sb->user.map = RF_MAP_AUTO;
	sb->network = RF_NET_HOST;
	sb->network_place = (struct rf_place){ .file = NULL };
	sb->nr_mounts = 0;
	sb->root = (struct rf_root){ .kind = RF_ROOT_EMPTY };
}

int rf_fall_back(struct rf_sandbox *sb, struct rf_features *f, const char *why,
		 struct rf_err *err)
{
	bool had_net = sb->ns[RF_NS_NET].mode == RF_NS_NEW;
	bool had_mounts = sb->ns[RF_NS_MOUNT].mode == RF_NS_NEW;
	struct rf_landlock_spec *l = &sb->landlock;
	int r;

	rf_probe_landlock(f);
	r = check(sb, f, err);
	if (r == 0 && had_mounts)
		r = rf_fallback_files(sb, err);
	if (r == 0)
		r = rf_fallback_filter(sb, had_net, err);
	if (r < 0)
		return r;
	if (had_net)
		l->kinds |= 1U << RF_LANDLOCK_CONNECT | 1U << RF_LANDLOCK_BIND;
	l->scoped |= RF_LANDLOCK_SCOPE_ABSTRACT_UNIX | RF_LANDLOCK_SCOPE_SIGNAL;
	l->compat = RF_LANDLOCK_BEST;
	l->loader = true;	/* a program of a descriptor may run */
	l->on = true;
	l->place = sb->fallback_place;
	sb->fallback_why = rf_sandbox_strdup(sb, why);
	if (!sb->fallback_why)
		return rf_err_set(err, ENOMEM, "the fallback");
	drop_namespaces(sb);
	return 0;
}
