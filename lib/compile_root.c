/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The root that the payload gets.
 *
 * Theory.  The old root is held by a descriptor; sources are looked up from it,
 * once each.  The new root is attached on the scratch directory before anything
 * is placed in it (attaching to detached trees needs Linux 6.15), destinations
 * are looked up inside it as the payload will see them, and at the end it is
 * pivoted to and the old one dropped.
 *
 * With the host's tree as the root there is a shorter way: the new mount namespace
 * is a copy of that tree already, which nobody else sees.  It is made read-only
 * where it is, and there is no old root to wait for: a quarter of the time that the
 * mounts of a small sandbox take.
 */
#include "compile.h"

#include <fcntl.h>
#include <sys/mount.h>

/* ------------------------------------------------------------------ in place? */

/* Binds that are open at the same time; what else a chain has open, but for `fds`. */
#define EARLY_MAX	48
#define OTHERS_MAX	24

/* What looks the host's tree up after other entries may have covered it. */
static bool needs_old_root(const struct rf_compile *k, const struct rf_mount *m)
{
	return m->kind == RF_MOUNT_OVERLAY || m->kind == RF_MOUNT_NODE ||
	       (m->kind == RF_MOUNT_CGROUP && k->join_makes_cgroup);
}

/*
 * A file that is open for writing keeps its mount from becoming read-only, and a
 * directory that is passed in would become so with it: the host's is what was asked for.
 */
static bool opens_for_writing(const struct rf_sandbox *sb)
{
	for (size_t i = 0; i < sb->nr_fds; i++)
		if (sb->fds[i].kind == RF_FD_OPEN &&
		    (sb->fds[i].dir_ok || (sb->fds[i].flags & (O_ACCMODE | O_CREAT)) != O_RDONLY))
			return true;
	return false;
}

/* A source that was not there may be what another entry makes, on the host. */
static bool may_make_source(const struct rf_mount_plan *p)
{
	bool absent = false, makes = false;

	for (size_t i = 0; i < p->nr; i++) {
		const struct rf_mount *m = p->items[i].m;

		absent |= rf_is_bind(m) && m->flags & RF_MF_ABSENT;
		makes |= m->flags & RF_MF_CREATE;
	}
	return absent && makes;
}

/*
 * The namespace's own tree can be the root if nothing else has to be there for a
 * while: no stage, no lower directories.  The kernel makes no user namespace for a
 * task whose root is not that of its mount namespace (user_namespaces(7), EPERM):
 * with a new one there is nothing above "/".
 */
static bool is_in_place(const struct rf_compile *k)
{
	const struct rf_mount_plan *p = &k->mounts;
	size_t binds = 0;

	if (k->sb->root.kind != RF_ROOT_HOST || !k->new_user || p->stage || p->slave ||
	    opens_for_writing(k->sb) || may_make_source(p))
		return false;
	for (size_t i = 0; i < p->nr; i++) {
		binds += rf_is_bind(p->items[i].m);
		if (needs_old_root(k, p->items[i].m))
			return false;
	}
	return binds <= EARLY_MAX && binds + k->sb->nr_fds + OTHERS_MAX <= k->f->nofile;
}

void rf_plan_root(struct rf_compile *k)
{
	struct rf_mount_plan *p = &k->mounts;

	if (!is_in_place(k))
		return;
	p->in_place = true;
	/* nothing is attached on the scratch directory */
	p->under = p->unbindable = false;
}

/* -------------------------------------------------------------------- the root */

static int32_t emit_root_mount(struct rf_compile *k)
{
	static const char *mode[] = { "mode", "0755" };
	const struct rf_root *root = &k->sb->root;
	const char *image[4] = { "source", root->path };
	int32_t slot = RF_SLOT_NONE;

	rf_chain_set_place(k->c, &root->place);
	switch (root->kind) {
	case RF_ROOT_EMPTY:
		return rf_emit_mkfs(k, "tmpfs", mode, 1, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
				    RF_MKFS_OWNED);
	case RF_ROOT_HOST:
		slot = rf_emit_open_tree(k, k->oldroot, "/", true);
		rf_emit_setattr(k, slot, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, MS_PRIVATE, true);
		break;
	case RF_ROOT_DIR:
		slot = root->has_fd ? rf_chain_give(k->c, root->fd) :
				      rf_emit_open_tree(k, k->oldroot, root->path, true);
		/* a container's ends read-only: what it lacks for its mounts is made in it */
		rf_emit_setattr(k, slot, rf_bind_attr(k) | (root->writable || k->sb->oci.on ? 0 :
							 MOUNT_ATTR_RDONLY), MS_PRIVATE, true);
		break;
	case RF_ROOT_IMAGE:
		if (root->has_fd)
			return rf_chain_give(k->c, root->fd);
		return rf_emit_mkfs(k, root->fstype, image, 1,
				    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0);
	}
	return slot;
}

static void emit_begin(struct rf_compile *k)
{
	const struct rf_mount_plan *p = &k->mounts;
	rf_str root = rf_chain_str(k->c, "/");
	struct rf_op *op;

	rf_chain_set_place(k->c, &k->sb->root.place);
	/* from here on nothing that happens to mounts here reaches the host */
	op = rf_chain_add(k->c, RF_OP_MOUNT_SETATTR);
	op->u.mount_setattr.path = root;
	op->u.mount_setattr.at_flags = AT_RECURSIVE;
	op->u.mount_setattr.propagation = p->slave ? MS_SLAVE : MS_PRIVATE;
	k->oldroot = rf_emit_open(k, RF_SLOT_NONE, "/", O_PATH | O_DIRECTORY, 0);
	if (p->under)
		k->under = rf_emit_open(k, k->oldroot, rf_path_rel(k->sb->scratch),
					O_PATH | O_DIRECTORY, 0);
}

/* What comes from the host, then the host's tree as it is to be. */
static void emit_root_in_place(struct rf_compile *k)
{
	struct rf_mount_plan *p = &k->mounts;
	const struct rf_mount *dev = NULL;

	for (size_t i = 0; i < p->nr; i++) {
		struct rf_item *item = &p->items[i];

		if (item->m->kind == RF_MOUNT_DEV)
			dev = item->m;
		if (!rf_is_bind(item->m))
			continue;
		rf_chain_set_place(k->c, &item->m->place);
		item->source = rf_emit_detached(k, item->m, item->has_below);
	}
	if (dev) {
		rf_chain_set_place(k->c, &dev->place);
		k->hostdev = rf_emit_open_source(k, "/dev", O_DIRECTORY);
	}
	rf_chain_set_place(k->c, &k->sb->root.place);
	k->newroot = k->oldroot;
	rf_emit_setattr(k, k->newroot, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, true);
}

static void emit_root(struct rf_compile *k)
{
	const char *scratch = rf_path_rel(k->sb->scratch);

	/* first, for it may be a copy of all that is there */
	k->newroot = emit_root_mount(k);
	if (k->mounts.stage)
		rf_emit_stage(k, scratch);
	rf_chain_set_place(k->c, &k->sb->root.place);
	/* a source that contains the scratch directory must not contain the new
	   root, and in it itself, and so on */
	if (k->mounts.unbindable)
		rf_emit_setattr(k, k->newroot, 0, MS_UNBINDABLE, false);
	rf_emit_move(k, k->newroot, k->oldroot, scratch, RF_ENTRY_NONE);
}

/* A root that the sandbox made only holds the mounts: it ends read-only. */
static bool ends_read_only(const struct rf_sandbox *sb)
{
	return sb->root.kind == RF_ROOT_EMPTY || (sb->oci.on && !sb->root.writable);
}

static void emit_end(struct rf_compile *k)
{
	uint64_t set = ends_read_only(k->sb) ? MOUNT_ATTR_RDONLY : 0;
	bool unbindable = k->mounts.unbindable;
	struct rf_op *op;
	rf_str path;

	rf_chain_set_place(k->c, &k->sb->root.place);
	if (set || unbindable)
		rf_emit_setattr(k, k->newroot, set, unbindable ? MS_PRIVATE : 0, false);
	if (k->sb->oci.has_root_propagation) {
		rf_chain_set_place(k->c, &k->sb->oci.root_propagation_place);
		rf_emit_setattr(k, k->newroot, 0, rf_propagation_flags[k->sb->oci.root_propagation],
				k->sb->oci.root_propagates_deep);
	}
	/* held any longer they would be ways out, and keep the old root busy */
	if (k->stage != RF_SLOT_NONE)
		rf_emit_close(k, k->stage);
	if (k->under != RF_SLOT_NONE)
		rf_emit_close(k, k->under);
	if (k->userns != RF_SLOT_NONE)
		rf_emit_close(k, k->userns);
	if (k->hostdev != RF_SLOT_NONE)
		rf_emit_close(k, k->hostdev);
	rf_emit_close(k, k->oldroot);
	if (k->mounts.in_place)
		return;
	rf_chain_add(k->c, RF_OP_PIVOT_ROOT)->u.pivot_root.root = k->newroot;
	path = rf_chain_str(k->c, ".");
	op = rf_chain_add(k->c, RF_OP_UMOUNT);
	op->u.umount.path = path;
	op->u.umount.flags = MNT_DETACH;
	path = rf_chain_str(k->c, "/");
	rf_chain_add(k->c, RF_OP_CHDIR)->u.chdir.path = path;
	rf_emit_close(k, k->newroot);
}

void rf_emit_filesystem(struct rf_compile *k)
{
	if (!k->new_mount)
		return;
	emit_begin(k);
	if (k->mounts.in_place)
		emit_root_in_place(k);
	else
		emit_root(k);
	rf_emit_tree(k);
	rf_emit_remounts(k);
	rf_emit_console(k);
	rf_emit_verify(k);
	rf_emit_masks(k);
	/* sysctls and devices are the namespace's; hooks look for it by the process */
	if (k->maker_makes_net)
		rf_emit_net_join(k);
	rf_emit_sysctls(k);
	rf_emit_net_devices(k);
	if (k->sb->oci.hooked)	/* of programs outside, which look for what they know */
		(void)rf_prep_gate(k->c);
	emit_end(k);
}
