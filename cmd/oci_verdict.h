/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a container is confined by, beside its state.
 */
#ifndef RF_CMD_OCI_VERDICT_H
#define RF_CMD_OCI_VERDICT_H

#include "oci_runtime.h"

struct rf_features;

/* A container that waits at the gate that others open. */
struct oci_made {
	const struct rf_sandbox *sb;
	const struct rf_features *f;
	const struct rf_chain *chain;
	const struct rf_context *ctx;
	uint32_t	 gate;		/* index of that op */
};

/* Write it anew; 0, or a negative errno with @err. */
int oci_verdict_created(const struct oci_container *k, const struct oci_made *m,
			struct rf_err *err);
/* Every op behind the gate has succeeded; likewise. */
int oci_verdict_started(const struct oci_container *k, struct rf_err *err);
/* Op @index, called @op, has not: @err, which gets its place if it has none. */
void oci_verdict_failed(const struct oci_container *k, uint32_t index, const char *op,
			struct rf_err *err);
/* With the command's status, for who has waited for it. */
void oci_verdict_ended(const struct oci_container *k, int status);

#endif
