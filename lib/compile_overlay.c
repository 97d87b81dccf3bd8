/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Overlays: several lower directories, the upper one on a tmpfs or kept.
 */
#include "compile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>

#define LOWER_MAX	500		/* OVL_MAX_STACK */

int rf_plan_overlay(struct rf_compile *k, const struct rf_mount *m)
{
	if (!m->nr_lower)
		return rf_err_at(k->err, &m->place, EINVAL, "an overlay without a lower directory");
	if (m->nr_lower > LOWER_MAX)
		return rf_err_at(k->err, &m->place, EINVAL, "an overlay of more than %d layers",
				 LOWER_MAX);
	if (m->upper && !m->work)
		return rf_err_at(k->err, &m->place, EINVAL,
				 "an overlay with an upper directory needs a work directory");
	return 0;
}

static int32_t emit_layer(struct rf_compile *k, const char *path)
{
	return rf_emit_open_source(k, path, O_DIRECTORY);
}

/*
 * The two directories of the upper layer.  Without one to keep they are in the
 * stage, which is attached: before Linux 6.15 a layer had to be.
 */
static void emit_upper(struct rf_compile *k, const struct rf_mount *m, int32_t *ret_upper,
		       int32_t *ret_work)
{
	char upper[32], work[32];
	int32_t nr = k->c->nr_slots;	/* a name that nothing else in the stage has */

	if (m->upper) {
		*ret_upper = emit_layer(k, m->upper);
		*ret_work = emit_layer(k, m->work);
		return;
	}
	snprintf(upper, sizeof(upper), "upper%d", nr);
	snprintf(work, sizeof(work), "work%d", nr);
	rf_emit_mkdir(k, k->stage, upper, 0755, RF_MAKE_ANYWHERE);
	rf_emit_mkdir(k, k->stage, work, 0755, RF_MAKE_ANYWHERE);
	if (k->ids.set_uid || k->ids.set_gid)
		rf_emit_chown(k, k->stage, upper, k->ids.uid, k->ids.gid);
	*ret_upper = rf_emit_open(k, k->stage, upper, O_PATH | O_DIRECTORY, 0);
	*ret_work = rf_emit_open(k, k->stage, work, O_PATH | O_DIRECTORY, 0);
}

int32_t rf_emit_overlay(struct rf_compile *k, const struct rf_mount *m, uint64_t attr)
{
	const char *userxattr[] = { "userxattr", "" };
	size_t nr = m->nr_lower + 2;
	struct rf_fsopt_fd *fds = rf_sandbox_alloc(k->mem, nr * sizeof(*fds));
	int32_t upper, work, slot;
	struct rf_blob b;
	rf_str key;

	if (!fds) {
		rf_no_memory(k);
		return 0;
	}
	key = rf_chain_str(k->c, "lowerdir");
	for (size_t i = 0; i < m->nr_lower; i++)
		fds[i] = (struct rf_fsopt_fd){ key, emit_layer(k, m->lower[i]) };
	emit_upper(k, m, &upper, &work);
	key = rf_chain_str(k->c, "upperdir");
	fds[m->nr_lower] = (struct rf_fsopt_fd){ key, upper };
	key = rf_chain_str(k->c, "workdir");
	fds[m->nr_lower + 1] = (struct rf_fsopt_fd){ key, work };
	b = rf_chain_blob(k->c, fds, nr * sizeof(*fds));
	/* trusted.* attributes, which overlay uses otherwise, need the host's root */
	slot = rf_emit_mkfs(k, "overlay", userxattr, k->in_user ? 1 : 0,
			    attr, m->upper ? 0 : RF_MKFS_OWNED);
	if (k->c->nr_ops)
		k->c->ops[k->c->nr_ops - 1].u.mkfs.fds = b;
	for (size_t i = 0; i < nr; i++)
		rf_emit_close(k, fds[i].slot);
	return slot;
}
