/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Placing entries in the new root, in order.
 */
#include "compile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>

/* ------------------------------------------------------------------ the plan */

/* What is at a place, for what is placed inside of it. */
struct frame {
	const char	*at;
	bool		 owned;		/* the sandbox made the file system */
	bool		 writable;	/* by the payload */
};

static bool makes_frame(const struct rf_item *item)
{
	return item->freeze || (item->m->kind != RF_MOUNT_SYMLINK && item->m->kind != RF_MOUNT_NODE &&
				item->m->kind != RF_MOUNT_DIR && item->m->kind != RF_MOUNT_FILE);
}

static struct frame frame_of(const struct rf_item *item)
{
	const struct rf_mount *m = item->m;
	struct frame f = { .at = item->at };
	bool rdonly = m->flags & RF_MF_RDONLY;

	if (item->freeze)
		return f;
	switch (m->kind) {
	case RF_MOUNT_RW:
		f.writable = !rdonly;
		break;
	case RF_MOUNT_TMPFS: case RF_MOUNT_DEV:
		f.owned = true;
		f.writable = !rdonly;
		break;
	case RF_MOUNT_OVERLAY:
		f.owned = !m->upper;
		f.writable = !rdonly;
		break;
	case RF_MOUNT_DENY:
		f.owned = item->has_below;
		break;
	case RF_MOUNT_RO: case RF_MOUNT_PROC: case RF_MOUNT_SYSFS: case RF_MOUNT_MQUEUE:
	case RF_MOUNT_CGROUP: case RF_MOUNT_SYMLINK: case RF_MOUNT_DIR: case RF_MOUNT_FILE:
	case RF_MOUNT_BIND: case RF_MOUNT_FS: case RF_MOUNT_NODE: case RF_MOUNT_KIND_NR:
		break;
	}
	return f;
}

static struct frame root_frame(const struct rf_compile *k)
{
	const struct rf_root *root = &k->sb->root;

	return (struct frame){ .at = "/", .owned = root->kind == RF_ROOT_EMPTY,
			       .writable = root->kind == RF_ROOT_DIR && root->writable };
}

static bool is_absent_deny(const struct rf_item *item)
{
	return item->m->kind == RF_MOUNT_DENY && item->m->flags & RF_MF_ABSENT && !item->freeze;
}

/* Nothing is there, and what the host has there cannot come to be, or may. */
static bool needs_nothing(const struct rf_item *item)
{
	return is_absent_deny(item) && !item->has_below &&
	       (item->owned || !item->writable || item->m->flags & RF_MF_OPTIONAL);
}

static int check_absent(struct rf_compile *k, const struct rf_item *item)
{
	const struct rf_mount *m = item->m;

	if (!is_absent_deny(item) || needs_nothing(item) || m->absent != RF_ABSENT_REFUSE)
		return 0;
	rf_err_at(k->err, &m->place, ENOENT, "deny %s: it does not exist, but the command could make it",
		  m->at);
	rf_err_hint(k->err, "absent: freeze makes the directory around it read-only, "
		    "absent: placeholder puts an empty directory there");
	return -ENOENT;
}

/* Content that cannot be made in place is made in the stage and bound. */
static bool is_staged_file(const struct rf_item *item)
{
	return item->m->kind == RF_MOUNT_FILE &&
	       (!item->owned || item->m->flags & RF_MF_RDONLY);
}

static bool is_mask(const struct rf_item *item)
{
	return item->m->kind == RF_MOUNT_DENY && !item->freeze && !item->has_below &&
	       !needs_nothing(item);
}

static bool needs_upper(const struct rf_mount *m)
{
	return m->kind == RF_MOUNT_OVERLAY && !m->upper;
}

int rf_plan_tree(struct rf_compile *k)
{
	struct rf_mount_plan *p = &k->mounts;
	struct frame *stack = rf_sandbox_alloc(k->mem, (p->nr + 1) * sizeof(*stack));
	size_t depth = 0;

	if (!stack)
		return rf_err_set(k->err, ENOMEM, "compiling the mounts");
	stack[depth++] = root_frame(k);
	for (size_t i = 0; i < p->nr; i++) {
		struct rf_item *item = &p->items[i];
		const struct frame *parent;
		int r;

		while (depth > 1 && !rf_path_is_below(item->at, stack[depth - 1].at))
			depth--;
		parent = &stack[depth - 1];
		item->owned = parent->owned;
		item->writable = parent->writable;
		item->parent_len = (uint32_t)strlen(parent->at);
		item->entry = RF_ENTRY_NONE;
		item->source = RF_SLOT_NONE;
		r = check_absent(k, item);
		if (r < 0)
			return r;
		p->stage |= is_staged_file(item) || is_mask(item) || needs_upper(item->m) ||
			    k->sb->oci.nr_masked;
		if (makes_frame(item) && !needs_nothing(item))
			stack[depth++] = frame_of(item);
	}
	return 0;
}

/* ------------------------------------------------------------------- the stage */

static int32_t emit_hidden_tmpfs(struct rf_compile *k)
{
	const char *options[] = { "mode", "0700" };

	return rf_emit_mkfs(k, "tmpfs", options, 1, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			    MOUNT_ATTR_NOEXEC, 0);
}

/*
 * A tmpfs below the new root: attached, because before Linux 6.15 nothing can
 * be cloned out of a detached tree, and gone with the old root.  A source that
 * contains the scratch directory must not contain the stage, which cannot be
 * unbindable itself: then it goes into a tmpfs that is.
 */
void rf_emit_stage(struct rf_compile *k, const char *scratch)
{
	int32_t carrier;

	rf_chain_set_place(k->c, NULL);
	k->stage = emit_hidden_tmpfs(k);
	/* what a container's mask covers can be read, and is empty */
	rf_emit_mkdir(k, k->stage, RF_STAGE_DIR, k->sb->oci.on ? 0555 : 0, RF_MAKE_ANYWHERE);
	rf_emit_mkfile(k, k->stage, RF_STAGE_FILE, k->sb->oci.on ? 0444 : 0, RF_MAKE_ANYWHERE);
	if (!k->mounts.unbindable) {
		rf_emit_move(k, k->stage, k->oldroot, scratch, RF_ENTRY_NONE);
		return;
	}
	carrier = emit_hidden_tmpfs(k);
	rf_emit_mkdir(k, carrier, "stage", 0700, RF_MAKE_ANYWHERE);
	rf_emit_setattr(k, carrier, 0, MS_UNBINDABLE, false);
	rf_emit_move(k, carrier, k->oldroot, scratch, RF_ENTRY_NONE);
	rf_emit_move(k, k->stage, carrier, "stage", RF_ENTRY_NONE);
	rf_emit_close(k, carrier);
}

/* ------------------------------------------------------------- making things */

static uint32_t make_flags(const struct rf_mount *m)
{
	return RF_MAKE_PARENTS | RF_MAKE_EXIST_OK |
	       (m->flags & RF_MF_CREATE ? RF_MAKE_ANYWHERE : 0) |
	       (m->flags & RF_MF_REPLACE ? RF_MAKE_REPLACE : 0);
}

static bool is_file(const struct rf_mount *m)
{
	return m->flags & RF_MF_IS_FILE || m->kind == RF_MOUNT_FILE;
}

/* May what is missing be made where @item goes? */
static bool may_make(const struct rf_item *item)
{
	return item->owned || item->m->flags & RF_MF_CREATE;
}

static void emit_owner(struct rf_compile *k, int32_t dir, const char *path,
		       const struct rf_mount *m)
{
	bool set_uid = m->uid >= 0 || k->ids.set_uid, set_gid = m->gid >= 0 || k->ids.set_gid;
	uint32_t uid = m->uid >= 0 ? (uint32_t)m->uid : k->ids.uid;
	uint32_t gid = m->gid >= 0 ? (uint32_t)m->gid : k->ids.gid;

	if (set_uid || set_gid)
		rf_emit_chown(k, dir, path, set_uid ? uid : UINT32_MAX, set_gid ? gid : UINT32_MAX);
}

static void emit_content(struct rf_compile *k, int32_t dir, const char *path, uint32_t flags,
			 const struct rf_mount *m)
{
	int32_t from = m->source_fd >= 0 ? rf_chain_give(k->c, m->source_fd) : RF_SLOT_NONE;
	struct rf_blob content = rf_chain_blob(k->c, m->content, m->content_len);
	struct rf_op *op;

	rf_emit_mkfile(k, dir, path, m->mode < 0 ? 0644 : (uint32_t)m->mode, flags);
	op = k->c->nr_ops ? &k->c->ops[k->c->nr_ops - 1] : &k->c->lost;
	op->u.mkfile.from = from;
	op->u.mkfile.content = content;
	emit_owner(k, dir, path, m);
	if (from != RF_SLOT_NONE)
		rf_emit_close(k, from);
}

static void emit_symlink(struct rf_compile *k, const struct rf_item *item)
{
	rf_str target = rf_chain_str(k->c, item->m->source);
	rf_str path = rf_chain_str(k->c, rf_path_rel(item->at));
	struct rf_op *op = rf_chain_add(k->c, RF_OP_SYMLINK);

	op->u.symlink.dir = k->newroot;
	op->u.symlink.target = target;
	op->u.symlink.path = path;
	op->u.symlink.flags = make_flags(item->m);
}

/* Where the host's device cannot be bound, and where it need not. */
static void emit_node(struct rf_compile *k, const struct rf_item *item)
{
	const char *path = rf_path_rel(item->at);
	rf_str p = rf_chain_str(k->c, path);
	struct rf_op *op = rf_chain_add(k->c, RF_OP_MKNOD);

	op->u.mknod.dir = k->newroot;
	op->u.mknod.path = p;
	op->u.mknod.mode = (uint32_t)item->m->mode;
	op->u.mknod.dev = item->m->dev;
	op->u.mknod.flags = make_flags(item->m);
	emit_owner(k, k->newroot, path, item->m);
}

/* Entries that are no mounts.  False: it is one. */
static bool emit_made(struct rf_compile *k, const struct rf_item *item)
{
	const struct rf_mount *m = item->m;
	const char *path = rf_path_rel(item->at);

	if (m->kind == RF_MOUNT_SYMLINK) {
		emit_symlink(k, item);
		return true;
	}
	if (m->kind == RF_MOUNT_NODE && !m->source) {
		emit_node(k, item);
		return true;
	}
	if (m->kind == RF_MOUNT_DIR) {
		rf_emit_mkdir(k, k->newroot, path, m->mode < 0 ? 0755 : (uint32_t)m->mode,
			      make_flags(m));
		if (may_make(item) && !k->sb->oci.on)
			emit_owner(k, k->newroot, path, m);
		return true;
	}
	if (m->kind == RF_MOUNT_FILE && !is_staged_file(item)) {
		emit_content(k, k->newroot, path, RF_MAKE_PARENTS, m);
		return true;
	}
	return false;
}

/* ---------------------------------------------------------------- destinations */

/* How its place is looked up, beside O_PATH. */
static uint32_t at_flags(const struct rf_mount *m)
{
	return m->flags & RF_MF_AT_LINK ? O_NOFOLLOW : 0;
}

static void emit_destination(struct rf_compile *k, const struct rf_item *item)
{
	const struct rf_mount *m = item->m;
	uint32_t flags = make_flags(m);

	if (is_absent_deny(item))
		flags |= RF_MAKE_ANYWHERE;	/* the placeholder that was asked for */
	else if (!may_make(item) || m->flags & RF_MF_AT_LINK)
		return;
	rf_chain_set_place(k->c, &m->at_place);
	if (is_file(m))
		rf_emit_mkfile(k, k->newroot, rf_path_rel(item->at), 0444, flags);
	else
		rf_emit_mkdir(k, k->newroot, rf_path_rel(item->at), 0755, flags);
}

/*
 * Bind the directory @at onto itself.  Recursive, because in a user namespace
 * nothing else is allowed; nothing of ours is mounted below it yet.
 */
static void emit_self_bind(struct rf_compile *k, const char *at, uint64_t attr)
{
	int32_t dir = rf_emit_open(k, k->newroot, rf_path_rel(at), O_PATH | O_DIRECTORY,
				   RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	int32_t tree = rf_emit_open_tree(k, dir, NULL, true);

	if (attr)
		rf_emit_setattr(k, tree, attr, 0, false);
	rf_emit_move(k, tree, dir, NULL, RF_ENTRY_NONE);
	rf_emit_close(k, tree);
	rf_emit_close(k, dir);
}

static bool is_at_or_below(const char *path, const char *dir)
{
	return path && (!strcmp(path, dir) || rf_path_is_below(path, dir));
}

/*
 * The directories between the mount that @item is in and @item: the payload
 * could rename them, and what it then finds at the path would be its own.
 * @pinned is the deepest one so far; items come in an order in which what is
 * below a directory is contiguous.
 */
static void emit_pins(struct rf_compile *k, const struct rf_item *item, const char **pinned)
{
	const char *p = item->at + (item->parent_len > 1 ? item->parent_len : 0) + 1;

	/* in a container, who may rename is the image's to say */
	if (!item->writable || k->sb->oci.on)
		return;
	for (p = strchr(p, '/'); p; p = strchr(p + 1, '/')) {
		char *dir = rf_sandbox_printf(k->mem, "%.*s", (int)(p - item->at), item->at);

		if (!dir) {
			rf_no_memory(k);
			return;
		}
		if (is_at_or_below(*pinned, dir))
			continue;
		if (may_make(item) || is_absent_deny(item))
			rf_emit_mkdir(k, k->newroot, rf_path_rel(dir), 0755, RF_MAKE_PARENTS |
				      RF_MAKE_EXIST_OK | (item->owned ? 0 : RF_MAKE_ANYWHERE));
		emit_self_bind(k, dir, 0);
		*pinned = dir;
	}
}

/* ------------------------------------------------------------------ one item */

/* A copy of something in the stage, read-only if it masks or the entry says so. */
static int32_t emit_from_stage(struct rf_compile *k, const char *name, bool rdonly)
{
	int32_t slot = rf_emit_open_tree(k, k->stage, name, false);

	if (rdonly)
		rf_emit_setattr(k, slot, MOUNT_ATTR_RDONLY, 0, false);
	return slot;
}

/*
 * What covers a denied directory with entries inside: it can be walked through
 * by who knows the way, and not read.
 */
static int32_t emit_deny_with_below(struct rf_compile *k)
{
	const char *options[] = { "mode", "0111" };

	return rf_emit_mkfs(k, "tmpfs", options, 1, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			    MOUNT_ATTR_NOEXEC, RF_MKFS_OWNED);
}

static int32_t emit_source(struct rf_compile *k, const struct rf_item *item)
{
	const struct rf_mount *m = item->m;

	if (item->source != RF_SLOT_NONE)
		return item->source;
	if (m->kind == RF_MOUNT_DENY && item->has_below)
		return emit_deny_with_below(k);
	if (m->kind == RF_MOUNT_DENY)
		return emit_from_stage(k, is_file(m) ? RF_STAGE_FILE : RF_STAGE_DIR, true);
	if (m->kind == RF_MOUNT_FILE) {
		char *name = rf_sandbox_printf(k->mem, "%u", k->c->nr_entries);

		if (!name) {
			rf_no_memory(k);
			return RF_SLOT_NONE;
		}
		emit_content(k, k->stage, name, RF_MAKE_ANYWHERE, m);
		return emit_from_stage(k, name, m->flags & RF_MF_RDONLY);
	}
	return rf_emit_detached(k, m, item->has_below);
}

static void emit_mount(struct rf_compile *k, struct rf_item *item, const char **pinned)
{
	const struct rf_mount *m = item->m;
	/* not there when the front end looked: leave no trace of it */
	bool missing = m->flags & RF_MF_OPTIONAL && m->flags & RF_MF_ABSENT;
	int32_t source, dest;

	source = emit_source(k, item);
	if (!missing) {
		emit_pins(k, item, pinned);
		emit_destination(k, item);
	}
	rf_chain_set_place(k->c, &m->at_place);
	dest = rf_emit_open(k, k->newroot, rf_path_rel(item->at), O_PATH | at_flags(m),
			    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (missing && k->c->nr_ops)
		k->c->ops[k->c->nr_ops - 1].flags |= RF_OP_F_HARD;
	item->entry = rf_chain_entry(k->c);
	if (m->flags & RF_MF_COPY_UP) {
		struct rf_op *op = rf_chain_add(k->c, RF_OP_COPY_DIR);

		op->u.copy.from = dest;
		op->u.copy.to = source;
	}
	rf_emit_move(k, source, dest, NULL, item->entry);
	if (m->kind == RF_MOUNT_DEV)
		rf_emit_dev_nodes(k, source);
	if (m->kind == RF_MOUNT_PROC)
		rf_emit_proc_covers(k, m, source);
	if (m->kind == RF_MOUNT_FS && strcmp(m->fstype, "devpts") == 0)
		rf_emit_tty(k, source);
	rf_emit_close(k, dest);
	rf_emit_close(k, source);
}

/* Made writable for what goes inside; that is there now. */
static void emit_late_rdonly(struct rf_compile *k, const struct rf_item *item)
{
	const struct rf_mount *m = item->m;
	bool tmpfs = m->kind == RF_MOUNT_TMPFS && m->flags & RF_MF_RDONLY;
	bool fs = m->kind == RF_MOUNT_FS && (m->attr.set | m->deep.set) & MOUNT_ATTR_RDONLY;
	int32_t slot;

	if (!(item->has_below || m->flags & RF_MF_COPY_UP) || item->freeze || !(tmpfs || fs || m->kind == RF_MOUNT_DENY))
		return;
	rf_chain_set_place(k->c, &item->m->place);
	slot = rf_emit_open_in_root(k, item->at);
	rf_emit_setattr(k, slot, MOUNT_ATTR_RDONLY, 0, false);
	rf_emit_close(k, slot);
}

static void emit_verify(struct rf_compile *k, const struct rf_item *item)
{
	rf_str path;
	struct rf_op *op;

	if (item->entry == RF_ENTRY_NONE)
		return;
	rf_chain_set_place(k->c, &item->m->at_place);
	path = rf_chain_str(k->c, rf_path_rel(item->at));
	op = rf_chain_add(k->c, RF_OP_VERIFY);
	op->u.verify.root = k->newroot;
	op->u.verify.path = path;
	op->u.verify.entry = item->entry;
	/* a link that is mounted would be followed, too */
	op->u.verify.flags = item->m->flags & RF_MF_SOURCE_LINK ? O_NOFOLLOW : at_flags(item->m);
}

/* @item freezes a directory; what @before put there is covered by itself then. */
static void emit_freeze(struct rf_compile *k, const struct rf_item *item, struct rf_item *before)
{
	bool same = before && !strcmp(before->at, item->at);

	if (same && before->freeze)
		return;
	if (same) {
		emit_verify(k, before);
		before->entry = RF_ENTRY_NONE;
		rf_chain_set_place(k->c, &item->m->place);
	}
	emit_self_bind(k, item->at, MOUNT_ATTR_RDONLY);
}

void rf_emit_tree(struct rf_compile *k)
{
	struct rf_mount_plan *p = &k->mounts;
	const char *pinned = NULL;

	for (size_t i = 0; i < p->nr; i++) {
		struct rf_item *item = &p->items[i];

		if (needs_nothing(item))
			continue;
		rf_chain_set_place(k->c, &item->m->place);
		if (item->freeze)
			emit_freeze(k, item, i ? item - 1 : NULL);
		else if (!emit_made(k, item))
			emit_mount(k, item, &pinned);
	}
	for (size_t i = 0; i < p->nr; i++)
		emit_late_rdonly(k, &p->items[i]);
}

/* Attributes of what is mounted by now, whoever has done that. */
void rf_emit_remounts(struct rf_compile *k)
{
	const struct rf_oci_sandbox *o = &k->sb->oci;

	for (size_t i = 0; i < o->nr_remounts; i++) {
		const struct rf_mount *m = &o->remounts[i];
		int32_t slot;

		rf_chain_set_place(k->c, &m->place);
		slot = rf_emit_open_in_root(k, m->at);
		rf_emit_exact(k, m, slot);
		rf_emit_close(k, slot);
	}
}

/* After the last mount: is each where its destination leads? */
void rf_emit_verify(struct rf_compile *k)
{
	for (size_t i = 0; i < k->mounts.nr; i++)
		emit_verify(k, &k->mounts.items[i]);
}
