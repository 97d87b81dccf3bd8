/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A sandbox that is made before anybody wants it (a pool): what cannot be, and the
 * gate at which it waits.
 */
#include "compile.h"

#include <errno.h>

static int refuse(struct rf_compile *k, const struct rf_place *place, const char *what)
{
	return rf_err_at(k->err, place, EOPNOTSUPP,
			 "a sandbox that is kept ready cannot have %s", what);
}

/* Of the launch that takes it, not of whoever makes it. */
static const struct rf_place *passed_in(const struct rf_sandbox *sb)
{
	for (size_t i = 0; i < sb->nr_mounts; i++)
		if (sb->mounts[i].source_fd >= 0 && !(sb->mounts[i].flags & RF_MF_MOUNT_FD))
			return &sb->mounts[i].place;
	for (int i = 0; i < RF_NS_NR; i++)
		if (sb->ns[i].mode == RF_NS_JOIN_FD)
			return &sb->ns[i].place;
	return NULL;
}

/* Only the launch knows the group, and a view of it belongs to what is made before. */
static const struct rf_mount *cgroup_view(const struct rf_sandbox *sb)
{
	for (size_t i = 0; i < sb->nr_mounts; i++)
		if (sb->mounts[i].kind == RF_MOUNT_CGROUP)
			return &sb->mounts[i];
	return NULL;
}

int rf_plan_ready(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;

	if (sb->part == RF_PART_ALL)
		return 0;
	if (sb->traced)
		return refuse(k, NULL, "a tracer");
	if (sb->exec_fd >= 0)
		return refuse(k, &sb->command_place, "a command by its descriptor");
	if (cgroup_view(sb))
		return refuse(k, &cgroup_view(sb)->place, "a view of control groups");
	if (passed_in(sb))
		return refuse(k, passed_in(sb), "parts from a descriptor");
	if (sb->terminal == RF_TERM_INHERIT)
		return refuse(k, &sb->terminal_place, "its caller's terminal");
	if (sb->terminal == RF_TERM_PRIVATE && sb->part == RF_PART_BOTH && !rf_has_devpts(sb))
		return refuse(k, &sb->terminal_place, "a private terminal without a `dev` mount");
	/* the host's paths are not there any more when it is taken */
	for (size_t i = 0; i < sb->nr_fds; i++)
		if (sb->fds[i].kind == RF_FD_OPEN)
			return refuse(k, &sb->fds[i].place, "descriptors of files that it opens");
	return 0;
}

void rf_emit_ready(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;

	for (size_t i = 0; i < sb->nr_fds; i++) {
		const struct rf_fd_spec *spec = &sb->fds[i];

		if (spec->kind != RF_FD_CLOSED || spec->number >= 3)
			continue;
		rf_chain_set_place(k->c, &spec->place);
		rf_emit_close(k, rf_chain_give(k->c, spec->number));
	}
	rf_chain_set_place(k->c, NULL);
	rf_chain_add(k->c, RF_OP_SIGDEFAULT);	/* sixty calls */
	/* what it sends to its process group must not reach others of the pool */
	rf_chain_add(k->c, RF_OP_SETSID);
	(void)rf_prep_gate(k->c);
}
