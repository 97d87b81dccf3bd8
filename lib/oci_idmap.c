/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Id-mapped mounts of a config.json: by mappings of their own, or by those of the
 * container's user namespace.
 *
 * Only who has power over a file system may map it, so they are made here and the chain
 * gets them as descriptors, whether there is a user namespace or not.
 */
#include "oci_config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <unistd.h>

#include "chain.h"
#include "error.h"
#include "prepare.h"
#include "probe.h"

/* By which @m is mapped; a descriptor, or a negative errno with @err. */
static int userns_for(struct rf_sandbox *sb, const struct rf_mount *m, const struct rf_features *f,
		      struct rf_err *err)
{
	const struct rf_ns_spec *ns = &sb->ns[RF_NS_USER];
	const char *uids = m->uid_map, *gids = m->gid_map;
	int fd, r = 0;

	if (!uids && ns->mode == RF_NS_HOST)
		return rf_err_at(err, &m->place, EINVAL, "mounts: %s is mapped to no user namespace, and has "
				 "no mappings of its own", m->at);
	if (!uids && ns->mode == RF_NS_JOIN_PATH) {
		fd = open(ns->path, O_RDONLY | O_CLOEXEC);
		return fd < 0 ? rf_err_at(err, &ns->place, errno, "open %s", ns->path) : fd;
	}
	if (!uids)
		r = rf_user_maps(sb, f, &uids, &gids, err);
	if (r < 0)
		return r;
	fd = rf_userns_new(uids, gids);
	return fd < 0 ? rf_err_at(err, &m->place, -fd, "mounts: a user namespace with the mappings of %s",
				  m->at) : fd;
}

static int map_one(struct rf_sandbox *sb, struct rf_mount *m, const struct rf_features *f,
		   struct rf_err *err)
{
	int userns = userns_for(sb, m, f, err), tree, r;

	if (userns < 0)
		return userns;
	tree = rf_oci_take_tree(m->source, m->flags);
	r = tree < 0 ? tree : rf_tree_idmap(tree, userns, m->flags & RF_MF_IDMAP_DEEP);
	(void)close(userns);
	if (r < 0) {
		if (tree >= 0)
			(void)close(tree);
		return rf_refuse_idmap(m, -r, err);
	}
	m->source_fd = tree;
	m->flags |= RF_MF_MOUNT_FD;
	return 0;
}

int rf_oci_resolve_idmaps(struct rf_sandbox *sb, const struct rf_features *f, bool print,
			  struct rf_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sb->nr_mounts; i++) {
		struct rf_mount *m = &sb->mounts[i];

		if (m->kind != RF_MOUNT_BIND || !(m->flags & RF_MF_IDMAP))
			continue;
		if (!(f->caps & 1ULL << CAP_SYS_ADMIN))
			return rf_refuse_idmap(m, EPERM, err);
		if (!print) {
			r = map_one(sb, m, f, err);
			continue;
		}
		m->source_fd = RF_NO_DESCRIPTOR;
		m->flags |= RF_MF_MOUNT_FD;
	}
	return r;
}
