/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A minimal private /dev: a tmpfs with six devices of the host bound in, a
 * devpts of its own and what programs expect to find.
 */
#include "compile.h"

#include <stdio.h>
#include <sys/mount.h>

/* Nothing else writes to a device by way of these, and all programs need them. */
static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };

static const struct { const char *name, *target; } links[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
	{ "core", "/proc/kcore" },
	{ "ptmx", "pts/ptmx" },
};

#define NR(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Everything that is a name in the tmpfs itself is made while it is attached
 * nowhere, by its own descriptor.
 */
int32_t rf_emit_dev(struct rf_compile *k)
{
	const char *options[] = { "mode", "0755" };
	int32_t dev = rf_emit_mkfs(k, "tmpfs", options, 1, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC |
				   MOUNT_ATTR_NODEV, RF_MKFS_OWNED);

	for (size_t i = 0; i < NR(nodes); i++)
		rf_emit_mkfile(k, dev, nodes[i], 0444, RF_MAKE_ANYWHERE);
	for (size_t i = 0; i < NR(links); i++) {
		rf_str target = rf_chain_str(k->c, links[i].target);
		rf_str path = rf_chain_str(k->c, links[i].name);
		struct rf_op *op = rf_chain_add(k->c, RF_OP_SYMLINK);

		op->u.symlink.dir = dev;
		op->u.symlink.target = target;
		op->u.symlink.path = path;
		op->u.symlink.flags = RF_MAKE_ANYWHERE;
	}
	rf_emit_mkdir(k, dev, "pts", 0755, RF_MAKE_ANYWHERE);
	/* a directory, not a mount: /dev is writable and its own already */
	rf_emit_mkdir(k, dev, "shm", 01777, RF_MAKE_ANYWHERE);
	return dev;
}

static int32_t emit_devpts(struct rf_compile *k)
{
	const char *options[] = { "ptmxmode", "0666", "mode", "0620", "gid", "5" };

	/* grantpt() wants group tty; where that has no name, 0620 is for the owner */
	return rf_emit_mkfs(k, "devpts", options, k->ids.gid5 ? 3 : 2,
			    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0);
}

void rf_emit_dev_nodes(struct rf_compile *k, int32_t dev)
{
	char path[32];
	int32_t slot;

	for (size_t i = 0; i < NR(nodes); i++) {
		/*
		 * Read-only: mode, owner and times of the host's device are not to be
		 * changed.  In place all of the host's tree is that already.
		 */
		if (k->hostdev != RF_SLOT_NONE) {
			slot = rf_emit_open_tree(k, k->hostdev, nodes[i], false);
		} else {
			snprintf(path, sizeof(path), "/dev/%s", nodes[i]);
			slot = rf_emit_open_tree(k, k->oldroot, path, false);
			rf_emit_setattr(k, slot, MOUNT_ATTR_RDONLY, 0, false);
		}
		rf_emit_move(k, slot, dev, nodes[i], RF_ENTRY_NONE);
		rf_emit_close(k, slot);
	}
	slot = emit_devpts(k);
	rf_emit_tty(k, slot);
	rf_emit_move(k, slot, dev, "pts", RF_ENTRY_NONE);
	if (slot != k->devpts)
		rf_emit_close(k, slot);
}
