/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A procfs, and what a payload that may be root of the host must not write in
 * it.
 */
#include "compile.h"

#include <sys/mount.h>

/*
 * Files of the kernel that it lets its own root write without a capability, by
 * owner and mode: core_pattern runs a program as root of the host.  What a
 * kernel does not have is left out.
 */
static const char *const covered[] = {
	"acpi", "bus", "fs", "irq", "mtrr", "scsi", "sys", "sysrq-trigger",
};

int32_t rf_emit_proc(struct rf_compile *k, const struct rf_mount *m, uint64_t attr)
{
	const char *options[4];
	size_t n = 0;

	if (m->hidepid) {
		options[n++] = "hidepid";
		options[n++] = m->hidepid;
	}
	if (m->flags & RF_MF_SUBSET_PID) {
		options[n++] = "subset";
		options[n++] = "pid";
	}
	return rf_emit_mkfs(k, "proc", options, n / 2, attr, 0);
}

static void hard(struct rf_compile *k)
{
	if (k->c->nr_ops)
		k->c->ops[k->c->nr_ops - 1].flags |= RF_OP_F_HARD;
}

/*
 * Bind each onto itself, read-only.  Nobody else has it covered: a procfs that
 * is covered cannot be mounted once more by a sandbox in the sandbox.
 */
void rf_emit_proc_covers(struct rf_compile *k, const struct rf_mount *m, int32_t proc)
{
	if (!k->host_root || m->flags & (RF_MF_RDONLY | RF_MF_SUBSET_PID))
		return;
	for (size_t i = 0; i < sizeof(covered) / sizeof(covered[0]); i++) {
		int32_t tree = rf_emit_open_tree(k, proc, covered[i], false);

		hard(k);
		rf_emit_setattr(k, tree, MOUNT_ATTR_RDONLY, 0, false);
		rf_emit_move(k, tree, proc, covered[i], RF_ENTRY_NONE);
		rf_emit_close(k, tree);
	}
}
