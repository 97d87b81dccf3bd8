/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `fallback: landlock`: the same sandbox without namespaces, where those cannot
 * be had and the spec allows it.
 *
 * Mounts become rules of Landlock, as far as they show a place of the host where
 * it is: read-only ones may be read, writable ones written, whatever the mounts
 * would have covered is out of reach.  What stays a socket is refused by the
 * filter.  Whatever cannot be had is not there, and the receipt says so.
 */
#ifndef RF_FALLBACK_H
#define RF_FALLBACK_H

#include <stdbool.h>

struct rf_chain;
struct rf_err;
struct rf_features;
struct rf_sandbox;

/*
 * Does op @index of @chain, which failed with @error (positive), mean that
 * namespaces cannot be had, and does @sb allow to do without?
 */
bool rf_fallback_helps(const struct rf_sandbox *sb, const struct rf_chain *chain, int index,
		       int error);
/* The same before anything is tried: the caller has no power over namespaces. */
bool rf_fallback_must(const struct rf_sandbox *sb, const struct rf_features *f);

/*
 * Make @sb, which is resolved, one without namespaces.  Looks at the host, which
 * places there are.  @why: in a few words, for the receipt.
 * Return: 0; -EPERM: what the spec asks for needs a namespace; -EOPNOTSUPP: no
 * Landlock that would do; -ENOMEM.
 */
int rf_fall_back(struct rf_sandbox *sb, struct rf_features *f, const char *why,
		 struct rf_err *err);

/* fallback_files.c: the mounts of @sb as rules */
int rf_fallback_files(struct rf_sandbox *sb, struct rf_err *err);
/* One more thing to say about a place in the receipt; false: no memory. */
bool rf_fallback_note(struct rf_sandbox *sb, const char *name, const char *value);

/* fallback_filter.c: no sockets in front of the filter of @sb; @all: of any kind */
int rf_fallback_filter(struct rf_sandbox *sb, bool all, struct rf_err *err);

#endif
