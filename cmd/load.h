/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a command line to a sandbox and its chain: what `run` and `explain`
 * have in common.
 */
#ifndef RF_CMD_LOAD_H
#define RF_CMD_LOAD_H

#include <stdbool.h>

#include "opt.h"
#include "probe.h"
#include "ringfence.h"
#include "sandbox.h"

struct load {
	struct rf_sandbox *sb;
	struct rf_chain	*chain;
	struct rf_features features;
	bool		 has_spec;
	bool		 to_run;	/* also make what the chain needs from outside */
	bool		 refused;	/* making it has failed: no fault of the spec */
};

/* 0 or -ENOMEM. */
int load_init(struct load *l, struct rf_err *err);
void load_done(struct load *l);

/* --spec; and an option that is a key of the spec. */
int load_spec(struct load *l, const char *file, struct rf_err *err);

/*
 * The rest, once the command line has been read: what the host is like, what
 * the words mean there, the chain.
 *
 * load_to_run() also makes what the chain will be given; load_submitted() lets
 * go of that.  load_to_print() changes nothing anywhere; @features_file: instead
 * of asking the host, or NULL.
 */
int load_to_run(struct load *l, struct rf_err *err);
void load_submitted(struct load *l);
/*
 * For a pool: the part of the sandbox that can be kept ready; and all of it for @caller,
 * whose context has run that part.  Its environment and working directory are ours
 * meanwhile.  The sandbox's own fallback is no matter of a pool.
 */
int load_to_keep(struct load *l, struct rf_err *err);
int load_to_dispatch(struct load *l, const struct rf_caller *caller, struct rf_err *err);
int load_to_print(struct load *l, const char *features_file, struct rf_err *err);

/*
 * The same sandbox without namespaces, as `fallback` allows; @why they cannot be
 * had.  On failure the chain is what it was.
 */
int load_fall_back(struct load *l, const char *why, struct rf_err *err);

#endif
