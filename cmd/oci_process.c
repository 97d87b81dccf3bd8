/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one more process of a container has of the container's own: its user, capabilities,
 * filter, labels and groups, as the configuration says them that the container was made
 * with.  Whatever becomes of the bundle, that is kept beside the state.
 */
#include <errno.h>
#include <stdlib.h>

#include "error.h"
#include "oci_enter.h"

#define FILE_NAME "config.json"

int oci_config_keep(const struct oci_container *k, const char *text, struct rf_err *err)
{
	return oci_state_put(k, FILE_NAME, text, err);
}

int oci_config_load(const struct oci_container *k, struct rf_sandbox *sb, struct rf_oci_config *c,
		    struct rf_err *err)
{
	const char *name;
	size_t len;
	char *text = oci_state_get(k, FILE_NAME, &len);
	int r;

	if (!text && errno == ENOENT)	/* made before it was kept */
		return rf_oci_load(k->bundle, k->config, sb, c, NULL, err);
	if (!text)
		return rf_err_set(err, errno, "%s/%s/" FILE_NAME, oci.root, k->id);
	/* people know it by where they wrote it */
	name = rf_oci_config_path(sb, k->bundle, k->config);
	r = name ? rf_oci_parse(name, text, len, sb, c, err) : rf_err_set(err, ENOMEM, "the process");
	free(text);
	return r;
}

/* Of the container's configuration its process is left, and its filter. */
static void strip(struct rf_sandbox *sb)
{
	struct rf_oci_sandbox *o = &sb->oci;

	sb->nr_mounts = sb->nr_fds = 0;
	sb->root = (struct rf_root){ .kind = RF_ROOT_EMPTY };
	sb->hostname = sb->domainname = NULL;
	sb->time_monotonic_ns = sb->time_boottime_ns = 0;
	sb->network = RF_NET_NONE;
	sb->user.map = RF_MAP_AUTO;
	sb->user.uid_map = sb->user.gid_map = NULL;
	sb->user.nr_uid_map = sb->user.nr_gid_map = 0;
	o->nr_masked = o->nr_readonly = o->nr_sysctls = 0;
	o->has_root_propagation = o->console = false;
	o->mount_label.text = NULL;
	for (int i = 0; i < RF_NS_NR; i++)
		sb->ns[i] = (struct rf_ns_spec){ .mode = RF_NS_HOST, .fd = -1 };
}

int oci_process_load(struct oci_entry *e, const struct oci_container *k, struct rf_oci_config *c,
		     struct rf_err *err)
{
	int r;

	e->sb = rf_sandbox_new();
	r = e->sb ? rf_probe(&e->f, err) : rf_err_set(err, ENOMEM, "the process");
	if (r == 0)
		r = oci_config_load(k, e->sb, c, err);
	if (r < 0)
		return r;
	strip(e->sb);
	e->c = c;
	e->in_groups = true;
	return 0;
}

/* The fragment is the one that the container was made with, whatever the bundle says now. */
static int tighten(struct oci_entry *e, const struct oci_container *k, struct rf_oci_config *c,
		   struct rf_err *err)
{
	const struct rf_place place = { .file = NULL };
	char *text = oci_state_annotation(k, RF_OCI_FRAGMENT);
	int r;

	if (!text)
		return 0;
	r = rf_oci_tighten(e->sb, c, text, &place, RF_OCI_ENTERS, err);
	free(text);
	if (e->sb->landlock.on)
		rf_probe_landlock(&e->f);
	return r;
}

int oci_process_confine(struct oci_entry *e, const struct oci_container *k,
			struct rf_oci_config *c, struct rf_err *err)
{
	int r;

	if (rf_oci_has_labels(e->sb))
		rf_probe_labels(&e->f);
	r = tighten(e, k, c, err);
	return r == 0 ? rf_oci_resolve_seccomp(e->sb, c, err) : r;
}
