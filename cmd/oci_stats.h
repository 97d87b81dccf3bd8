/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a container uses, in the words of `runc events`, which engines read.
 */
#ifndef RF_CMD_OCI_STATS_H
#define RF_CMD_OCI_STATS_H

#include <stddef.h>

struct oci_container;

/* An object of JSON, malloc'd; NULL: no memory. */
char *oci_stats_json(const struct oci_container *k);
/* The directory of @k's group that has @controller ("memory"), or NULL. */
const char *oci_group_of(const struct oci_container *k, const char *controller);

#endif
