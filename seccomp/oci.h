/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between the readers of profiles of Docker and the OCI: policy_oci.c has the
 * whole, oci_rule.c the entries of `syscalls`.
 */
#ifndef RF_SECCOMP_OCI_H
#define RF_SECCOMP_OCI_H

#include <jansson.h>
#include <stdint.h>

struct rf_err;
struct rf_policy;

struct rf_oci {
	struct rf_policy *p;
	struct rf_err	*err;
	const char	*name;
	char		 where[64];	/* "syscalls[3]" */
};

int rf_oci_refuse(struct rf_oci *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Keys that are none of @known: a profile that says more than is done is refused. */
int rf_oci_only_keys(struct rf_oci *o, json_t *object, const char *const *known);
/* A member of a type, or NULL in *ret when it is not there or null. */
int rf_oci_member(struct rf_oci *o, json_t *object, const char *key, json_type type,
		  const char *what, json_t **ret);
/* errnoRet, or Podman's errno by name, which goes before it; without any *ret stays. */
int rf_oci_errno(struct rf_oci *o, json_t *object, const char *number, const char *name,
		 int64_t *ret);
/* The action called @word, with the error @code; -1: EPERM where it answers one. */
int rf_oci_action(struct rf_oci *o, const char *key, const char *word, int64_t code,
		  uint32_t *ret);

/* An entry of `syscalls`. */
int rf_oci_entry(struct rf_oci *o, json_t *entry);

#endif
