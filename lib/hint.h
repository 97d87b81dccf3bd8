/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why an op failed, as far as the system can tell: one line for whoever can
 * mend it.  Looked up after a failure, on the host, so it is a good guess and
 * never more; nothing is decided by it.
 */
#ifndef RF_HINT_H
#define RF_HINT_H

#include <stdbool.h>
#include <stddef.h>

#include "chain.h"
#include "probe.h"
#include "sandbox.h"

struct rf_failed {
	const struct rf_chain	*chain;
	const struct rf_op	*op;		/* the one that failed */
	int			 error;		/* positive errno */
	const struct rf_sandbox	*sb;
	const struct rf_features *f;
	const char		*host;		/* goes before host paths; "" but for tests */
	const char		*words;		/* of whoever carried it out for the context; or NULL */
};

/* Add a hint to @err, if there is one.  Return: whether there is. */
bool rf_hint(const struct rf_failed *failed, struct rf_err *err);

/* The same for an io_uring that was refused with @error. */
bool rf_hint_ring(int error, const char *host, struct rf_err *err);

/* ----------------------------------------------- between the hints' modules */

/* hint_path.c: the host's file at path @inside of the sandbox. False: none of the host's. */
bool rf_hint_host_path(const struct rf_failed *x, const char *inside, char *buf, size_t size);
/* The entry that is at or above @inside, or NULL. */
const struct rf_mount *rf_hint_entry(const struct rf_failed *x, const char *inside);

/* hint_exec.c */
bool rf_hint_exec(const struct rf_failed *x, struct rf_err *err);

#endif
