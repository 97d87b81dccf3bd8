/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container's scope, for systemd to make: its name and its properties, as data.  Who
 * talks to systemd is cmd/systemd.c.
 */
#ifndef RF_OCI_SYSTEMD_H
#define RF_OCI_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>

#include "sandbox.h"

struct rf_err;
struct rf_oci_config;

/* A value of D-Bus: one item, or those of an array; a(ss) has two for each element. */
struct rf_oci_property {
	const char	*name, *signature;
	const char	**items;
	size_t		 nr_items;
};

struct rf_oci_unit {
	const char	*name;		/* "libpod-1.scope" */
	struct rf_oci_property *properties;
	size_t		 nr, max;
};

/*
 * The scope of container @id, of `cgroupsPath` "slice:prefix:name" and the limits.
 * @devices is the text of /proc/devices; NULL: rules for devices are not systemd's.
 * All in @sb's arena.  0, or a negative errno with @err.
 */
int rf_oci_unit_plan(struct rf_sandbox *sb, const struct rf_oci_config *c, const char *id,
		     bool unified, bool host_root, const char *devices, struct rf_oci_unit *u,
		     struct rf_err *err);
/* The limits alone, for `update`. */
int rf_oci_unit_limits(struct rf_sandbox *sb, const struct rf_oci_config *c, bool unified,
		       const char *devices, struct rf_oci_unit *u, struct rf_err *err);
/*
 * The value of an annotation "org.systemd.property.NAME", in the words of GVariant.
 * 0, -EINVAL, or -ENOMEM.
 */
int rf_oci_property_parse(struct rf_sandbox *sb, const char *name, const char *text,
			  struct rf_oci_property *ret);

#endif
