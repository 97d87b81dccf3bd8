/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container that is being made.
 */
#ifndef RF_CMD_OCI_CREATE_H
#define RF_CMD_OCI_CREATE_H

#include "oci_io.h"
#include "oci_runtime.h"
#include "probe.h"

struct oci_creation {
	/* options */
	const char	*bundle;	/* later: absolute */
	const char	*config;	/* in it; NULL: config.json */
	struct oci_io	 io;
	bool		 no_keyring, detach, keep;

	char		*bundle_text, *config_text;
	struct oci_container k;
	struct rf_sandbox *sb;
	struct rf_oci_config c;
	struct rf_features f;
	struct rf_oci_groups g;
	struct rf_chain	*chain;
	struct rf_ring	*ring;
	struct rf_context *ctx;
	uint32_t	 parked;	/* op that others open */
	int		 gate;		/* socket; -1 */
	struct oci_keeper keeper;
	bool		 hooked;	/* hooks of its making have run */
	const char	*failed_op;
};
#define OCI_CREATION_INIT { .k = OCI_CONTAINER_INIT, .gate = -1, .io = OCI_IO_INIT, \
			    .keeper = OCI_KEEPER_INIT }

/* Until its process waits at the gate; after an error nothing is left of it. */
int oci_create(struct oci_creation *n, const char *id, struct rf_err *err);

/* oci_rdt.c: the class that the configuration asks for; what was made oci_delete() removes. */
int oci_rdt_make(struct oci_creation *n, struct rf_err *err);

#endif
