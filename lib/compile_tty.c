/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A private terminal: where its pair is made, and which descriptors it becomes.
 *
 * /dev/console is not made but for OCI: programs of a sandbox have no use for it, and
 * a bind on a path of the root is what CVE-2025-52565 was about.
 */
#include "compile.h"

#include <string.h>

bool rf_has_devpts(const struct rf_sandbox *sb)
{
	for (size_t i = 0; i < sb->nr_mounts; i++)
		if (sb->mounts[i].kind == RF_MOUNT_DEV || (sb->mounts[i].kind == RF_MOUNT_FS &&
		    strcmp(sb->mounts[i].fstype, "devpts") == 0))
			return true;
	return false;
}

static void emit_pair(struct rf_compile *k, int32_t devpts, const char *ptmx)
{
	/* made by the context; the command may be somebody else */
	uint32_t uid = k->ids.set_uid ? k->ids.uid : (uint32_t)-1;
	uint32_t origin = k->c->origin;

	rf_chain_set_place(k->c, &k->sb->terminal_place);
	k->tty = rf_tty_emit_pair(k->c, &k->sb->tty, devpts, ptmx, uid);
	k->c->origin = origin;	/* it is made among what belongs to /dev */
}

void rf_emit_tty(struct rf_compile *k, int32_t devpts)
{
	if (k->sb->part != RF_PART_ALL)
		k->devpts = devpts;	/* whose terminal, and how large, is known later */
	else if (k->sb->terminal == RF_TERM_PRIVATE && k->tty == RF_SLOT_NONE)
		emit_pair(k, devpts, NULL);
}

void rf_emit_tty_host(struct rf_compile *k)
{
	if (k->sb->terminal == RF_TERM_PRIVATE && !rf_has_devpts(k->sb) && k->sb->part == RF_PART_ALL)
		emit_pair(k, RF_SLOT_NONE, "/dev/ptmx");
}

void rf_emit_tty_ready(struct rf_compile *k)
{
	if (k->devpts == RF_SLOT_NONE)
		return;
	if (k->sb->terminal == RF_TERM_PRIVATE)
		emit_pair(k, k->devpts, NULL);
	rf_emit_close(k, k->devpts);
}

/* All that are terminals, but for those that the spec says something else of. */
void rf_emit_tty_fds(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;
	uint32_t fds = sb->tty.fds;

	if (sb->terminal != RF_TERM_PRIVATE)
		return;
	for (size_t i = 0; i < sb->nr_fds; i++)
		if (sb->fds[i].number >= 0 && sb->fds[i].number < 3 && !sb->fds[i].implied)
			fds &= ~(1U << sb->fds[i].number);
	rf_chain_set_place(k->c, &sb->terminal_place);
	rf_tty_emit_fds(k->c, k->tty, fds);
}
