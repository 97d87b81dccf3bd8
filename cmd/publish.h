/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a launcher says of its sandbox while that runs.
 *
 * The state is a sealed file in memory that the launcher holds open, and nobody
 * can change: whoever may look into the launcher finds it among its
 * descriptors.  Nothing of it is on a disk, so nothing of it is left behind, and
 * no sandbox can put another in its place, whatever it may write.
 *
 * A sandbox with a name has an entry in the registry too, from before its
 * start, and its state when the command runs.  One without pays for its state
 * only when it is still there after PUBLISH_AFTER_MS.
 */
#ifndef RF_CMD_PUBLISH_H
#define RF_CMD_PUBLISH_H

#include "load.h"
#include "registry.h"

#define PUBLISH_AFTER_MS	50
#define PUBLISH_FILE		"ringfence-state"

struct publish {
	struct registry	 registry;
	const char	*name;		/* claimed; NULL */
	int		 fd;		/* the state; -1 */
};

#define PUBLISH_NONE { .registry = { .dir = -1 }, .fd = -1 }

/* Before the launch: take the name, if there is one. */
int publish_name(struct publish *p, const struct rf_sandbox *sb, struct rf_err *err);

/*
 * The command runs, for @age_ns.  Return: 0; -ESRCH: it has ended; or another
 * negative errno with @err set.
 */
int publish_state(struct publish *p, const struct load *l, const struct rf_context *ctx,
		  uint64_t age_ns, struct rf_err *err);

/* It has ended. */
void publish_done(struct publish *p);

#endif
