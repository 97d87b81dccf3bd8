/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of running sandboxes: a folder with a file for each.
 *
 * $XDG_RUNTIME_DIR/ringfence; where that is unset /run/ringfence for root, who
 * may make it there, and /tmp/ringfence-UID for others.  It is used only if it is
 * a directory, no link, of the caller and closed to others, and by descriptor
 * from then on.
 *
 * A file says which process has taken the name (struct rf_entry), and no more:
 * what a sandbox is, its launcher says itself (publish.h).  So a forged entry
 * can hide a sandbox but not change one.  Entries are made whole by a link(2),
 * and one whose process is proved to be dead is removed by whoever meets it.
 */
#ifndef RF_CMD_REGISTRY_H
#define RF_CMD_REGISTRY_H

#include <stdbool.h>

#include "process.h"
#include "state.h"

struct rf_err;
struct rf_place;

struct registry {
	int	dir;		/* -1: not open */
};

/*
 * Open the folder; @make: make it if there is none.
 * Return: 0; -ENOENT; or another negative errno with @err set.
 */
int registry_open(bool make, struct registry *ret, struct rf_err *err);
void registry_close(struct registry *r);

/* Nobody else changes the folder meanwhile. 0 or a negative errno with @err. */
int registry_lock(const struct registry *r, struct rf_err *err);
void registry_unlock(const struct registry *r);

/* Take @name for this process. 0, -EEXIST or another negative errno with @err. */
int registry_claim(struct registry *r, const char *name, const struct rf_place *place,
		   struct rf_err *err);
/* Give it back: only what this process has claimed. */
void registry_release(struct registry *r, const char *name);

/*
 * Who has @name.  Return: 0 with *ret open; -ENOENT nobody, or somebody dead,
 * whose entry is gone now; else a negative errno with @err set: what is there
 * is none of ours.
 */
int registry_find(struct registry *r, const char *name, struct process *ret, struct rf_err *err);

/* Call @fn for every name; what is no entry is passed over. */
int registry_each(struct registry *r, int (*fn)(const char *name, struct process *p, void *arg),
		  void *arg);

#endif
