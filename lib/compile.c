/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sandbox -> chain: the order of things, and the ops that every subject uses.
 */
#include "compile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>

#include "receipt.h"

/*
 * With no_new_privs it takes no power, so it is last, where no policy has to
 * know the calls of the set-up.  Without it, it takes CAP_SYS_ADMIN, and is in
 * force when the power is given up.
 */
static void emit_confinement(struct rf_compile *k)
{
	rf_emit_landlock(k);
	rf_emit_nofile(k);	/* Landlock's rules are descriptors */
	rf_emit_filter(k);
}

/*
 * The walk of a launch.  What a step needs from an earlier one is said beside
 * the later one; the phases of the ops (op.h) say the same, and the builder
 * refuses a chain that disagrees.
 *
 * The payload task is made before the mounts and makes them: a procfs shows the
 * pid namespace that its maker is in, and the context is in none that it made.
 */
static void emit_sandbox(struct rf_compile *k)
{
	rf_emit_context(k);	/* the task, its table, its namespaces */
	if (k->ids.early)	/* pid 1 must not keep ids that the map leaves out */
		rf_emit_idmap(k);
	rf_emit_pid1(k);	/* early: its start runs beside the rest */
	if (!k->ids.early)
		rf_emit_idmap(k);
	rf_emit_payload(k);
	rf_emit_label_files(k);
	rf_emit_capbset(k);	/* some forty calls, in the time that pid 1 takes */
	rf_emit_tty_host(k);	/* likewise: */
	if (k->sb->part == RF_PART_ALL)
		rf_emit_fds_open(k);	/* host paths: before the old root goes */
	rf_emit_filesystem(k);
	rf_emit_net(k);		/* late: pid 1 makes the namespace meanwhile */
	rf_emit_uts(k);
}

static void emit_command(struct rf_compile *k)
{
	rf_emit_fds(k);
	if (k->sb->traced)	/* by a tracer that it is still like, and before a filter */
		(void)rf_prep_gate(k->c);
	rf_emit_place(k);
	rf_emit_join(k);	/* after the mounts: what is made here is not the payload's to pay */
	rf_emit_limits(k);	/* after mounts, which may need more descriptors */
	rf_emit_labels(k);	/* of the exec; before a filter, and where both gates are ahead */
	if (!k->sb->no_new_privs) {
		rf_emit_keyring(k);
		rf_emit_apart(k);
		emit_confinement(k);
	}
	rf_emit_credentials(k);
	rf_emit_signals(k);
	if (k->sb->no_new_privs) {
		rf_emit_apart(k);
		emit_confinement(k);
	}
	rf_emit_exec(k);
}

/*
 * A sandbox in two parts (a pool): nothing in front of the gate may depend on who
 * is going to use it, for it has to be the same for all.
 */
static void emit(struct rf_compile *k)
{
	emit_sandbox(k);
	if (k->sb->part != RF_PART_ALL) {
		rf_emit_ready(k);
		if (k->sb->part == RF_PART_READY)
			return;
		rf_emit_fds_open(k);
		rf_emit_tty_ready(k);
	}
	emit_command(k);
}

static int plan(struct rf_compile *k)
{
	int (*const steps[])(struct rf_compile *) = {
		rf_plan_ns, rf_plan_ids, rf_plan_caps, rf_plan_cgroup, rf_plan_mounts, rf_plan_net,
		rf_plan_landlock, rf_plan_labels, rf_plan_filter, rf_plan_exec, rf_plan_ready,
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int r = steps[i](k);

		if (r < 0)
			return r;
	}
	return 0;
}

int rf_compile(const struct rf_sandbox *sb, const struct rf_features *f,
	       struct rf_chain **ret_chain, struct rf_err *err)
{
	struct rf_compile k = {
		.sb = sb, .f = f, .err = err,
		.oldroot = RF_SLOT_NONE, .newroot = RF_SLOT_NONE, .under = RF_SLOT_NONE,
		.hostdev = RF_SLOT_NONE,
		.stage = RF_SLOT_NONE, .net = RF_SLOT_NONE, .userns = RF_SLOT_NONE, .tty = RF_SLOT_NONE,
		.devpts = RF_SLOT_NONE, .proc = RF_SLOT_NONE, .apparmor = RF_SLOT_NONE,
		.selinux = RF_SLOT_NONE,
	};
	int r;

	k.mem = rf_sandbox_new();
	k.c = rf_chain_new();
	if (!k.mem || !k.c) {
		r = rf_err_set(err, ENOMEM, "compiling the sandbox");
		goto out;
	}
	r = plan(&k);
	if (r < 0)
		goto out;
	emit(&k);
	k.c->own_image = k.own_image;
	r = rf_chain_check(k.c, err);
	if (r == 0)
		r = rf_check_filter(&k);
	if (r == 0 && sb->part != RF_PART_READY)
		r = rf_receipt_require(sb, f, k.c, err);
	if (r < 0)
		goto out;
	*ret_chain = k.c;
	k.c = NULL;
out:
	rf_chain_free(k.c);
	rf_sandbox_free(k.mem);
	return r;
}

bool rf_path_is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 1)
		return path[1] != '\0';
	return !strncmp(path, dir, len) && path[len] == '/';
}

int32_t rf_emit_open(struct rf_compile *k, int32_t dir, const char *path, uint64_t flags,
		     uint64_t resolve)
{
	rf_str p = rf_chain_str(k->c, path);
	struct rf_op *op = rf_chain_add(k->c, RF_OP_OPEN);

	op->u.open.dir = dir;
	op->u.open.path = p;
	op->u.open.flags = flags | O_CLOEXEC;
	op->u.open.resolve = resolve;
	return op->out = rf_chain_slot(k->c);
}

/*
 * A destination, looked up as the payload will see it: links are followed but
 * lead nowhere else, and nothing can be swapped once it is open.
 */
int32_t rf_emit_open_in_root(struct rf_compile *k, const char *at)
{
	return rf_emit_open(k, k->newroot, rf_path_rel(at), O_PATH,
			    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/*
 * Where a lookup of host path @path starts.  The new root covers the scratch
 * directory: what lies below that is reached from a descriptor of it.
 */
static int32_t source_dir(const struct rf_compile *k, const char **path)
{
	const char *scratch = k->sb->scratch;

	if (k->under == RF_SLOT_NONE ||
	    (strcmp(*path, scratch) != 0 && !rf_path_is_below(*path, scratch))) {
		*path = rf_path_rel(*path);
		return k->oldroot;
	}
	*path += strlen(scratch);
	*path = **path ? *path + 1 : ".";
	return k->under;
}

int32_t rf_emit_open_source(struct rf_compile *k, const char *path, uint64_t flags)
{
	int32_t dir = source_dir(k, &path);

	return rf_emit_open(k, dir, path, flags | O_PATH, 0);
}

static int32_t add_open_tree(struct rf_compile *k, int32_t dir, const char *path, bool recursive)
{
	rf_str p = rf_chain_str(k->c, path);
	struct rf_op *op = rf_chain_add(k->c, RF_OP_OPEN_TREE);

	op->u.open_tree.dir = dir;
	op->u.open_tree.path = p;
	op->u.open_tree.flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
				(recursive ? AT_RECURSIVE : 0) | (path ? 0 : AT_EMPTY_PATH);
	return op->out = rf_chain_slot(k->c);
}

/* A copy of the tree at @path below the directory in slot @dir; NULL: at it. */
int32_t rf_emit_open_tree(struct rf_compile *k, int32_t dir, const char *path, bool recursive)
{
	if (dir == k->oldroot && path)
		dir = source_dir(k, &path);
	return add_open_tree(k, dir, path, recursive);
}

/* @options: @nr pairs of key and value; an empty value is a flag. */
int32_t rf_emit_mkfs(struct rf_compile *k, const char *type, const char *options[], size_t nr,
		     uint64_t attr, uint32_t flags)
{
	struct rf_blob b = { 0, 0 };
	rf_str t = rf_chain_str(k->c, type);
	struct rf_op *op;
	size_t len = 0;
	char *p, *text;

	for (size_t i = 0; i < 2 * nr; i++)
		len += strlen(options[i]) + 1;
	text = p = rf_sandbox_alloc(k->mem, len + 1);
	if (!text)
		rf_no_memory(k);
	for (size_t i = 0; text && i < 2 * nr; i++)
		p = stpcpy(p, options[i]) + 1;
	if (text)
		b = rf_chain_blob(k->c, text, len);
	op = rf_chain_add(k->c, RF_OP_MKFS);
	op->u.mkfs.type = t;
	op->u.mkfs.options = b;
	op->u.mkfs.attr = attr;
	op->u.mkfs.flags = flags;
	return op->out = rf_chain_slot(k->c);
}

void rf_emit_setattr(struct rf_compile *k, int32_t slot, uint64_t set, unsigned long propagation,
		     bool recursive)
{
	struct rf_op *op = rf_chain_add(k->c, RF_OP_MOUNT_SETATTR);

	op->u.mount_setattr.slot = slot;
	op->u.mount_setattr.at_flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
	op->u.mount_setattr.set = set;
	/* times are one field of several bits: the old value has to go */
	op->u.mount_setattr.clr = set & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : 0;
	op->u.mount_setattr.propagation = (uint32_t)propagation;
}

void rf_emit_attr(struct rf_compile *k, int32_t slot, const struct rf_mount_attr *attr,
		  bool recursive)
{
	if (!attr->set && !attr->clear)
		return;
	rf_emit_setattr(k, slot, attr->set, 0, recursive);
	if (k->c->nr_ops)
		k->c->ops[k->c->nr_ops - 1].u.mount_setattr.clr |= attr->clear;
}

void rf_emit_move(struct rf_compile *k, int32_t from, int32_t to, const char *to_path,
		  uint32_t entry)
{
	rf_str p = rf_chain_str(k->c, to_path);
	struct rf_op *op = rf_chain_add(k->c, RF_OP_MOVE_MOUNT);

	op->u.move_mount.from = from;
	op->u.move_mount.to = to;
	op->u.move_mount.to_path = p;
	op->u.move_mount.entry = entry;
	op->u.move_mount.flags = MOVE_MOUNT_F_EMPTY_PATH | (to_path ? 0 : MOVE_MOUNT_T_EMPTY_PATH);
}

void rf_emit_mkdir(struct rf_compile *k, int32_t dir, const char *path, uint32_t mode,
		   uint32_t flags)
{
	rf_str p = rf_chain_str(k->c, path);
	struct rf_op *op = rf_chain_add(k->c, RF_OP_MKDIR);

	op->u.mkdir.dir = dir;
	op->u.mkdir.path = p;
	op->u.mkdir.mode = mode;
	op->u.mkdir.flags = flags;
}

void rf_emit_mkfile(struct rf_compile *k, int32_t dir, const char *path, uint32_t mode,
		    uint32_t flags)
{
	rf_str p = rf_chain_str(k->c, path);
	struct rf_op *op = rf_chain_add(k->c, RF_OP_MKFILE);

	op->u.mkfile.dir = dir;
	op->u.mkfile.path = p;
	op->u.mkfile.mode = mode;
	op->u.mkfile.flags = flags;
}

void rf_emit_chown(struct rf_compile *k, int32_t dir, const char *path, uint32_t uid,
		   uint32_t gid)
{
	rf_str p = rf_chain_str(k->c, path);
	struct rf_op *op = rf_chain_add(k->c, RF_OP_CHOWN);

	op->u.chown.dir = dir;
	op->u.chown.path = p;
	op->u.chown.uid = uid;
	op->u.chown.gid = gid;
}

void rf_emit_close(struct rf_compile *k, int32_t slot)
{
	rf_chain_add(k->c, RF_OP_CLOSE)->u.close.slot = slot;
}
