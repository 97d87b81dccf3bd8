/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sandbox's control group: who joins it, and what is seen of it.
 *
 * Only the payload task joins, after the mounts: it is vforked, or alone on its
 * memory, so the kernel spares the launcher when the group's memory is used up
 * (DESIGN.md 4, rule 8),
 * and what setting up has taken is not charged to the limit.  Pid 1 stays
 * outside: it is the launcher's, holds nothing, and ends with the payload.
 *
 * A new cgroup namespace has the group as its root, so its maker must be in it:
 * the join makes the namespace too.  A view of version 2 in it is then the
 * directory of the group, bound.
 */
#include "compile.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>

static bool has_limits(const struct rf_compile *k)
{
	return k->sb->cgroup.set || k->sb->cgroup.parent || k->sb->cpu_ms ||
	       (k->sb->oci.on && k->sb->cgroup.nr_fds);
}

static const struct rf_place *first_place(const struct rf_compile *k)
{
	const struct rf_cgroup_spec *c = &k->sb->cgroup;

	for (int i = 0; i < RF_CG_NR; i++)
		if (c->set & 1U << i)
			return &c->places[i];
	return k->sb->cpu_ms ? &k->sb->cpu_place : &c->parent_place;
}

static bool shows_cgroups(const struct rf_compile *k)
{
	for (size_t i = 0; i < k->sb->nr_mounts; i++)
		if (k->sb->mounts[i].kind == RF_MOUNT_CGROUP)
			return true;
	return false;
}

int rf_plan_cgroup(struct rf_compile *k)
{
	const struct rf_cgroup_spec *c = &k->sb->cgroup;

	if (!has_limits(k) || k->sb->part == RF_PART_READY)
		return 0;
	if (!c->nr_fds)	/* a limit that nobody enforces is worse than none */
		return rf_err_at(k->err, first_place(k), EINVAL,
				 "the control group of this limit has not been made");
	/* a cgroup2 of its own shows the namespace of its maker: it has to be there before */
	k->join_makes_cgroup = rf_ns_is_new(k, RF_NS_CGROUP) && (c->v2_path || !shows_cgroups(k));
	return 0;
}

static void emit_join(struct rf_compile *k)
{
	const struct rf_cgroup_spec *c = &k->sb->cgroup;

	if (!has_limits(k))
		return;
	rf_chain_set_place(k->c, first_place(k));
	for (size_t i = 0; i < c->nr_fds; i++) {
		int32_t slot = rf_chain_give(k->c, c->fds[i] < 0 ? RF_NO_DESCRIPTOR : c->fds[i]);
		struct rf_op *op = rf_chain_add(k->c, RF_OP_JOIN_CGROUP);

		op->u.join_cgroup.dir = slot;
		if (i + 1 == c->nr_fds && k->join_makes_cgroup)
			op->u.join_cgroup.unshare = CLONE_NEWCGROUP;
		rf_emit_close(k, slot);
	}
}

/* Into its class of resctrl, by files that whoever may open them has opened. */
static void emit_rdt(struct rf_compile *k)
{
	const struct rf_oci_sandbox *o = &k->sb->oci;

	for (size_t i = 0; i < o->nr_rdt; i++) {
		int32_t slot;
		struct rf_blob self;
		struct rf_op *op;

		rf_chain_set_place(k->c, &o->rdt_place);
		slot = rf_chain_give(k->c, o->rdt_fds[i] < 0 ? RF_NO_DESCRIPTOR : o->rdt_fds[i]);
		self = rf_chain_blob(k->c, "0", 1);	/* who writes it */
		op = rf_chain_add(k->c, RF_OP_WRITE);
		op->u.write.dir = slot;
		op->u.write.data = self;
		rf_emit_close(k, slot);
	}
}

/* One more process of a container gets to its processors by a way of its own. */
void rf_emit_join(struct rf_compile *k)
{
	const struct rf_oci_sandbox *o = &k->sb->oci;

	if (o->enters && o->has_initial)
		rf_emit_affinity(k, o->initial, &o->initial_place);
	emit_join(k);
	emit_rdt(k);
	if (o->enters && o->has_final)
		rf_emit_affinity(k, o->final, &o->final_place);
}

int32_t rf_emit_cgroup(struct rf_compile *k, uint64_t attr)
{
	int32_t slot;

	if (!k->join_makes_cgroup)
		return rf_emit_mkfs(k, "cgroup2", NULL, 0, attr, 0);
	slot = rf_emit_open_tree(k, k->oldroot, k->sb->cgroup.v2_path, false);
	rf_emit_setattr(k, slot, attr, 0, false);
	return slot;
}
