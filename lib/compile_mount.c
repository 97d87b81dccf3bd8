/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is placed in the new root: the plan, and each mount by itself.
 *
 * While placing, a stack of frames says what the current place is inside of:
 * whether missing destinations may be made there and whether the payload can
 * write there.  In the second case the directories on the way to an entry are
 * bound onto themselves: a mount point cannot be renamed away.
 *
 * What is empty or has content of its own and must go into a file system that
 * is not the sandbox's is made in one "stage" tmpfs and bound from there.
 */
#include "compile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

const unsigned long rf_propagation_flags[] = {
	[RF_PROP_PRIVATE] = MS_PRIVATE, [RF_PROP_SLAVE] = MS_SLAVE,
	[RF_PROP_SHARED] = MS_SHARED, [RF_PROP_UNBINDABLE] = MS_UNBINDABLE,
};

/* ------------------------------------------------------------------- planning */

static int need_own(struct rf_compile *k, const struct rf_mount *m, enum rf_ns ns)
{
	if (!k->in_user || k->sb->ns[ns].mode != RF_NS_HOST)
		return 0;
	rf_err_at(k->err, &m->place, EPERM, "a new %s in a user namespace needs a new %s namespace",
		  rf_mount_kind_names[m->kind], rf_ns_defs[ns].name);
	rf_err_hint(k->err, "add `%s` to the namespaces, or bind the host's with `ro`",
		    rf_ns_defs[ns].name);
	return -EPERM;
}

/* File systems that show a namespace need the power over it. */
static int check_kind(struct rf_compile *k, const struct rf_mount *m)
{
	static const struct { enum rf_mount_kind kind; enum rf_ns ns; } needs[] = {
		{ RF_MOUNT_PROC, RF_NS_PID }, { RF_MOUNT_SYSFS, RF_NS_NET },
		{ RF_MOUNT_MQUEUE, RF_NS_IPC }, { RF_MOUNT_CGROUP, RF_NS_CGROUP },
	};

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (needs[i].kind == m->kind)
			return need_own(k, m, needs[i].ns);
	if (m->kind == RF_MOUNT_OVERLAY)
		return rf_plan_overlay(k, m);
	/* of an OCI bundle they may have maps of their own, and are made already */
	if (m->flags & RF_MF_IDMAP && m->kind != RF_MOUNT_BIND && !k->new_user)
		return rf_err_at(k->err, &m->place, EINVAL,
				 "an id-mapped mount needs a new user namespace");
	return 0;
}

static const char *dirname_of(struct rf_compile *k, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == path)
		return "/";
	return rf_sandbox_printf(k->mem, "%.*s", (int)(slash - path), path);
}

static void note_source(struct rf_compile *k, const char *path)
{
	const char *scratch = k->sb->scratch;

	if (!path)
		return;
	if (!strcmp(path, scratch) || rf_path_is_below(path, scratch))
		k->mounts.under = true;
	if (!strcmp(path, scratch) || rf_path_is_below(scratch, path))
		k->mounts.unbindable = true;
}

static void note_entry(struct rf_compile *k, const struct rf_mount *m)
{
	k->mounts.sysfs |= m->kind == RF_MOUNT_SYSFS || m->kind == RF_MOUNT_FS;
	k->mounts.slave |= m->propagation == RF_PROP_SLAVE || m->propagation == RF_PROP_SHARED;
	if (m->kind == RF_MOUNT_NODE)
		note_source(k, m->source);
	if (rf_is_bind(m))
		note_source(k, m->source);
	for (size_t i = 0; m->kind == RF_MOUNT_OVERLAY && i < m->nr_lower; i++)
		note_source(k, m->lower[i]);
	if (m->kind == RF_MOUNT_OVERLAY) {
		note_source(k, m->upper);
		note_source(k, m->work);
	}
}

/* Entry @m as what it means for the tree: itself, and a directory to freeze. */
static int add_items(struct rf_compile *k, const struct rf_mount *m)
{
	struct rf_mount_plan *p = &k->mounts;
	const char *frozen;

	if (!strcmp(m->at, "/"))
		return rf_err_at(k->err, &m->at_place, EINVAL, "'/' is what `root` says");
	if (m->kind != RF_MOUNT_DENY || !(m->flags & RF_MF_ABSENT) ||
	    m->absent != RF_ABSENT_FREEZE) {
		p->items[p->nr++] = (struct rf_item){ .m = m, .at = m->at };
		return 0;
	}
	/* the front end saw which directory is there; else it is the parent */
	frozen = m->source ? m->source : dirname_of(k, m->at);
	if (!frozen)
		return rf_err_set(k->err, ENOMEM, "compiling the mounts");
	p->items[p->nr++] = (struct rf_item){ .m = m, .at = frozen, .freeze = true };
	return 0;
}

static int refuse_without_mount_ns(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;
	const char *why = rf_ns_is_joined(k, RF_NS_MOUNT) ?
		"a joined mount namespace keeps its root and mounts" :
		"it needs a new mount namespace";

	if (sb->nr_mounts)
		return rf_err_at(k->err, &sb->mounts[0].place, EINVAL, "%s: %s",
				 rf_mount_kind_names[sb->mounts[0].kind], why);
	if (sb->root.place.file || sb->root.kind != RF_ROOT_EMPTY)
		return rf_err_at(k->err, &sb->root.place, EINVAL, "root: %s", why);
	return 0;
}

int rf_plan_mounts(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;
	struct rf_mount_plan *p = &k->mounts;
	int r = 0;

	if (!k->new_mount)
		return refuse_without_mount_ns(k);
	if (sb->nr_mounts > RF_MOUNTS_MAX)
		return rf_err_at(k->err, &sb->mounts[RF_MOUNTS_MAX].place, EINVAL,
				 "more than %d mounts", RF_MOUNTS_MAX);
	if (!sb->scratch)
		return rf_err_set(k->err, EINVAL, "no directory to attach the new root on");
	p->items = rf_sandbox_alloc(k->mem, (sb->nr_mounts + 1) * sizeof(*p->items));
	if (!p->items)
		return rf_err_set(k->err, ENOMEM, "compiling the mounts");
	for (size_t i = 0; r == 0 && i < sb->nr_mounts; i++) {
		r = check_kind(k, &sb->mounts[i]);
		if (r == 0)
			r = add_items(k, &sb->mounts[i]);
		note_entry(k, &sb->mounts[i]);
	}
	for (size_t i = 0; i < sb->oci.nr_remounts; i++)
		note_entry(k, &sb->oci.remounts[i]);
	if (r == 0)
		r = rf_plan_places(k);
	if (r == 0)
		r = rf_plan_tree(k);
	if (r == 0)
		rf_plan_root(k);
	return r;
}

/* ---------------------------------------------------------- one mount by itself */

uint64_t rf_bind_attr(const struct rf_compile *k)
{
	return k->new_user && !k->sb->oci.on ? MOUNT_ATTR_NOSUID : 0;
}

static uint64_t attr_of(const struct rf_mount *m)
{
	static const struct { unsigned int flag; uint64_t attr; } names[] = {
		{ RF_MF_NOSUID, MOUNT_ATTR_NOSUID }, { RF_MF_NODEV, MOUNT_ATTR_NODEV },
		{ RF_MF_NOEXEC, MOUNT_ATTR_NOEXEC }, { RF_MF_NOATIME, MOUNT_ATTR_NOATIME },
		{ RF_MF_RDONLY, MOUNT_ATTR_RDONLY },
	};
	uint64_t attr = m->kind == RF_MOUNT_RO ? MOUNT_ATTR_RDONLY : 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (m->flags & names[i].flag)
			attr |= names[i].attr;
	return attr;
}

static unsigned long propagation_flag(const struct rf_compile *k, const struct rf_mount *m)
{
	/* everything is private already unless an entry wants the host's events */
	if (m->propagation == RF_PROP_PRIVATE && !k->mounts.slave)
		return 0;
	return rf_propagation_flags[m->propagation];
}

static void emit_bind_attr(struct rf_compile *k, const struct rf_mount *m, int32_t slot)
{
	uint64_t set = attr_of(m) | rf_bind_attr(k);
	unsigned long propagation = propagation_flag(k, m);
	bool idmap = m->flags & RF_MF_IDMAP && !(m->flags & RF_MF_MOUNT_FD);

	if (idmap && k->userns == RF_SLOT_NONE)
		k->userns = rf_emit_open(k, RF_SLOT_NONE, "/proc/self/ns/user", O_RDONLY, 0);
	if (!set && !propagation && !idmap)
		return;
	rf_emit_setattr(k, slot, set, propagation, !(m->flags & RF_MF_NONREC));
	if (idmap && k->c->nr_ops)
		k->c->ops[k->c->nr_ops - 1].u.mount_setattr.userns = k->userns;
}

static int32_t emit_bind(struct rf_compile *k, const struct rf_mount *m)
{
	struct rf_op *op;
	int32_t slot;

	if (m->flags & RF_MF_MOUNT_FD) {
		slot = rf_chain_give(k->c, m->source_fd);
	} else {
		slot = rf_emit_open_tree(k, k->oldroot, m->source, !(m->flags & RF_MF_NONREC));
		op = k->c->nr_ops ? &k->c->ops[k->c->nr_ops - 1] : &k->c->lost;
		op->u.open_tree.dev = m->source_dev;
		op->u.open_tree.ino = m->source_ino;
		if (m->flags & RF_MF_OPTIONAL)
			op->flags |= RF_OP_F_HARD;
	}
	emit_bind_attr(k, m, slot);
	return slot;
}

static int32_t emit_tmpfs(struct rf_compile *k, const struct rf_mount *m, bool owned)
{
	const char *options[10];
	char mode[16], size[32], inodes[32], uid[16], gid[16];
	uint64_t attr = attr_of(m) | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	size_t n = 0;

	snprintf(mode, sizeof(mode), "%04o", m->mode < 0 ? 0755U : (unsigned int)m->mode);
	snprintf(size, sizeof(size), "%llu", (unsigned long long)m->size);
	snprintf(inodes, sizeof(inodes), "%llu", (unsigned long long)m->inodes);
	snprintf(uid, sizeof(uid), "%u", m->uid < 0 ? k->ids.uid : (uint32_t)m->uid);
	snprintf(gid, sizeof(gid), "%u", m->gid < 0 ? k->ids.gid : (uint32_t)m->gid);
	options[n++] = "mode";
	options[n++] = mode;
	if (m->size) {
		options[n++] = "size";
		options[n++] = size;
	}
	if (m->inodes) {
		options[n++] = "nr_inodes";
		options[n++] = inodes;
	}
	if (m->uid >= 0 || k->ids.set_uid) {
		options[n++] = "uid";
		options[n++] = uid;
	}
	if (m->gid >= 0 || k->ids.set_gid) {
		options[n++] = "gid";
		options[n++] = gid;
	}
	/* what goes into it comes first; rf_emit_tree() makes it read-only after that */
	if (owned)
		attr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	return rf_emit_mkfs(k, "tmpfs", options, n / 2, attr, owned ? RF_MKFS_OWNED : 0);
}

/* As the entry says: the attributes of the whole tree, then of the mount itself. */
void rf_emit_exact(struct rf_compile *k, const struct rf_mount *m, int32_t slot)
{
	rf_emit_attr(k, slot, &m->deep, true);
	rf_emit_attr(k, slot, &m->attr, false);
	if (m->has_propagation)
		rf_emit_setattr(k, slot, 0, rf_propagation_flags[m->propagation], m->propagates_deep);
}

static int32_t emit_bind_exact(struct rf_compile *k, const struct rf_mount *m)
{
	int32_t slot;

	if (m->flags & RF_MF_MOUNT_FD) {
		slot = rf_chain_give(k->c, m->source_fd);
	} else {
		slot = rf_emit_open_tree(k, k->oldroot, m->source, !(m->flags & RF_MF_NONREC));
		if (m->flags & RF_MF_SOURCE_LINK && k->c->nr_ops)
			k->c->ops[k->c->nr_ops - 1].u.open_tree.flags |= AT_SYMLINK_NOFOLLOW;
	}
	rf_emit_exact(k, m, slot);
	return slot;
}

/* sysfs does, and so may what is none of these: the network namespace of who mounts it. */
static bool shows_net(const struct rf_mount *m)
{
	static const char *const others[] = {
		"tmpfs", "devpts", "mqueue", "proc", "cgroup", "cgroup2", "overlay",
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(m->fstype, others[i]))
			return false;
	return true;
}

static void join_net(struct rf_compile *k, const struct rf_mount *m)
{
	rf_emit_net_join(k);
	rf_chain_set_place(k->c, &m->place);
}

static int32_t emit_fs_exact(struct rf_compile *k, const struct rf_mount *m, bool owned)
{
	uint64_t set = m->attr.set | m->deep.set;
	int32_t slot;

	/* rf_emit_tree() makes it read-only when all is there */
	if (owned || m->flags & RF_MF_COPY_UP)
		set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	slot = rf_emit_mkfs(k, m->fstype, m->options, m->nr_options, set, 0);
	if (m->label)
		rf_emit_mount_label(k, slot, m->label);
	if (m->has_propagation)
		rf_emit_setattr(k, slot, 0, rf_propagation_flags[m->propagation], m->propagates_deep);
	return slot;
}

/* The mount that @m asks for, attached nowhere; @owned: entries go into it. */
int32_t rf_emit_detached(struct rf_compile *k, const struct rf_mount *m, bool owned)
{
	uint64_t attr = attr_of(m) | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	int32_t slot = RF_SLOT_NONE;

	switch (m->kind) {
	case RF_MOUNT_RO: case RF_MOUNT_RW:
		return emit_bind(k, m);
	case RF_MOUNT_BIND:
		return emit_bind_exact(k, m);
	case RF_MOUNT_FS:
		if (shows_net(m))
			join_net(k, m);
		return emit_fs_exact(k, m, owned);
	case RF_MOUNT_NODE:
		return rf_emit_open_tree(k, k->oldroot, m->source, false);
	case RF_MOUNT_TMPFS:
		slot = emit_tmpfs(k, m, owned);
		break;
	case RF_MOUNT_PROC:
		slot = rf_emit_proc(k, m, attr);
		break;
	case RF_MOUNT_SYSFS:
		join_net(k, m);
		slot = rf_emit_mkfs(k, "sysfs", NULL, 0,
				    attr | (k->host_root ? MOUNT_ATTR_RDONLY : 0), 0);
		break;
	case RF_MOUNT_MQUEUE:
		slot = rf_emit_mkfs(k, "mqueue", NULL, 0, attr, 0);
		break;
	case RF_MOUNT_CGROUP:
		/* its root is the submitter's own cgroup: not for the payload to change */
		slot = rf_emit_cgroup(k, attr | MOUNT_ATTR_RDONLY);
		break;
	case RF_MOUNT_DEV:
		slot = rf_emit_dev(k);
		break;
	case RF_MOUNT_OVERLAY:
		slot = rf_emit_overlay(k, m, attr_of(m) | rf_bind_attr(k));
		break;
	case RF_MOUNT_SYMLINK: case RF_MOUNT_DIR: case RF_MOUNT_FILE: case RF_MOUNT_DENY:
	case RF_MOUNT_KIND_NR:
		break;
	}
	if (m->propagation != RF_PROP_PRIVATE)
		rf_emit_setattr(k, slot, 0, propagation_flag(k, m), false);
	return slot;
}
