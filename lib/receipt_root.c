/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layer `root`: the root that the command has, and each mount that was put
 * there and was still seen there at the end.
 */
#include "receipt.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "chain.h"

/* What is known of a slot: what filled it and whether it was made read-only. */
struct mounted {
	const char	*what;		/* "bind", or a type of file system */
	bool		 rdonly;
};

struct view {
	struct mounted	*slots;		/* by slot */
	int32_t		*entries;	/* slot by entry */
};

/* The slot that holds the host's tree, as the op that opened it says. */
static bool is_host_tree(const struct rf_chain *c, int32_t slot)
{
	for (uint32_t i = 0; i < c->nr_ops; i++) {
		const struct rf_op *op = &c->ops[i];

		if (op->kind == RF_OP_OPEN && op->out == slot)
			return op->u.open.dir == RF_SLOT_NONE &&
			       !strcmp(c->data + op->u.open.path, "/");
	}
	return false;
}

static void look_at(const struct rf_teller *t, const struct rf_op *op, struct view *v)
{
	switch (op->kind) {
	case RF_OP_OPEN:
		if (is_host_tree(t->c, op->out))
			v->slots[op->out].what = "bind";
		break;
	case RF_OP_OPEN_TREE:
		v->slots[op->out].what = "bind";
		break;
	case RF_OP_MKFS:
		v->slots[op->out].what = t->c->data + op->u.mkfs.type;
		v->slots[op->out].rdonly = op->u.mkfs.attr & MOUNT_ATTR_RDONLY;
		break;
	case RF_OP_MOUNT_SETATTR:
		if (op->u.mount_setattr.slot >= 0 && !op->u.mount_setattr.path &&
		    op->u.mount_setattr.set & MOUNT_ATTR_RDONLY)
			v->slots[op->u.mount_setattr.slot].rdonly = true;
		break;
	case RF_OP_MOVE_MOUNT:
		if (op->u.move_mount.entry != RF_ENTRY_NONE && op->u.move_mount.from >= 0)
			v->entries[op->u.move_mount.entry] = op->u.move_mount.from;
		break;
	default:
		break;
	}
}

/* 0, or -1 without memory. */
static int look(struct rf_teller *t, struct view *v)
{
	const struct rf_chain *c = t->c;

	v->slots = rf_sandbox_alloc(t->mem, ((size_t)c->nr_slots + 1) * sizeof(*v->slots));
	v->entries = rf_sandbox_alloc(t->mem, ((size_t)c->nr_entries + 1) * sizeof(*v->entries));
	if (!v->slots || !v->entries) {
		t->no_memory = true;
		return -1;
	}
	for (uint32_t i = 0; i < c->nr_entries; i++)
		v->entries[i] = RF_SLOT_NONE;
	for (uint32_t i = 0; i < c->nr_ops; i++)
		if (rf_told_done(t, i))
			look_at(t, &c->ops[i], v);
	return 0;
}

/* What is in a slot that the caller filled, was a mount that ringfence made before. */
static void tell_mount(struct rf_teller *t, const char *at, const struct mounted *m)
{
	rf_tell_fact(t, at, "%s%s", m->what ? m->what : "prepared", m->rdonly ? " ro" : "");
}

static void tell_mounts(struct rf_teller *t, const struct view *v)
{
	for (uint32_t i = 0; i < t->c->nr_ops; i++) {
		const struct rf_op *op = &t->c->ops[i];
		int32_t slot;
		char *at;

		if (op->kind != RF_OP_VERIFY || !rf_told_done(t, i))
			continue;
		slot = v->entries[op->u.verify.entry];
		at = rf_sandbox_printf(t->mem, "/%s", t->c->data + op->u.verify.path);
		if (!at)
			t->no_memory = true;
		else if (slot >= 0)
			tell_mount(t, at, &v->slots[slot]);
	}
}

/* What became of mounts for which rules of Landlock stand. */
static void tell_fallback(struct rf_teller *t)
{
	for (size_t i = 0; i < t->sb->nr_fallback_notes; i++)
		rf_tell_fact(t, t->sb->fallback_notes[i].name, "%s",
			     t->sb->fallback_notes[i].value);
	rf_tell_refused(t, "namespaces cannot be had here: %s", t->sb->fallback_why);
}

/*
 * The slot of the root that the command has, or RF_SLOT_NONE if it is not there:
 * one that was pivoted to, or the namespace's own tree, made read-only.
 */
static int32_t root_slot(const struct rf_teller *t)
{
	const struct rf_chain *c = t->c;
	int32_t slot = RF_SLOT_NONE;

	for (uint32_t i = 0; i < c->nr_ops; i++) {
		const struct rf_op *op = &c->ops[i];

		if (op->kind == RF_OP_PIVOT_ROOT)
			return rf_told_done(t, i) ? op->u.pivot_root.root : RF_SLOT_NONE;
		if (op->kind == RF_OP_MOUNT_SETATTR && op->u.mount_setattr.slot >= 0 &&
		    op->u.mount_setattr.at_flags & AT_RECURSIVE &&
		    op->u.mount_setattr.set & MOUNT_ATTR_RDONLY && rf_told_done(t, i) &&
		    is_host_tree(c, op->u.mount_setattr.slot))
			slot = op->u.mount_setattr.slot;
	}
	return slot;
}

void rf_tell_root(struct rf_teller *t)
{
	static const char *const kinds[] = {
		[RF_ROOT_EMPTY] = "empty", [RF_ROOT_HOST] = "host", [RF_ROOT_DIR] = "dir",
		[RF_ROOT_IMAGE] = "image",
	};
	int32_t root = root_slot(t);
	struct view v;

	if (root == RF_SLOT_NONE) {
		rf_tell_fact(t, "root", "%s",
			     t->sb->ns[RF_NS_MOUNT].mode == RF_NS_HOST ? "the host's" :
			     "that of the mount namespace");
		if (t->sb->fallback_lost >> RF_NS_MOUNT & 1)
			tell_fallback(t);
		else
			rf_tell_unwanted(t, "the spec has no mount namespace of its own");
		return;
	}
	rf_tell_fact(t, "root", "%s", kinds[t->sb->root.kind]);
	rf_tell_in_force(t);
	if (look(t, &v) < 0)
		return;
	tell_mount(t, "/", &v.slots[root]);
	tell_mounts(t, &v);
}
