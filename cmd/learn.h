/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --learn: from what a command was seen to use to a spec with no more than it
 * needs.
 *
 *	learn.c		what was used as items: an item is a line of the spec or of its policy
 *	learn_spec.c	items as text
 *	learn_trial.c	which items are needed: the command is run again without some, where
 *			its writes go nowhere, and has to end and to print as before
 */
#ifndef RF_CMD_LEARN_H
#define RF_CMD_LEARN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "observed.h"

struct rf_err;
struct rf_sandbox;

/* The spec under which a command is observed when none is given. */
extern const char learn_base[];

enum item_kind {
	ITEM_RO = 0, ITEM_RW, ITEM_DIR, ITEM_TMPFS, ITEM_SYMLINK, ITEM_PROC, ITEM_DEV,
	ITEM_CONNECT, ITEM_BIND,
	ITEM_CALL,
};

struct item {
	enum item_kind	 kind;
	char		*at;		/* inside; ITEM_CALL: the call's name */
	char		*source;	/* of the host; ITEM_SYMLINK: the link's text */
	unsigned int	 port;
	bool		 off;		/* found not to be needed */
};

struct lesson {
	const struct rf_sandbox *sb;
	const struct observed *seen;
	const char	*file;		/* of the spec to be written */
	uint64_t	 wall_us;	/* that the command took */
	int		 status;	/* how it ended, as of waitpid(2) */
	struct item	*items;
	size_t		 nr, max;
	bool		 no_memory;
	unsigned int	 trials;
};

/*
 * Write @l->file, and @l->file with ".seccomp" behind it.  @once: without
 * trials.  0, or a negative errno with @err set.
 */
int learn(struct lesson *l, bool once, struct rf_err *err);

/* learn_spec.c: @trial: writable places are copies that vanish */
int learn_write(const struct lesson *l, FILE *spec, const char *policy, bool trial);
int learn_write_policy(const struct lesson *l, FILE *policy);

/* learn_trial.c: turn off what is not needed.  1: done, 0: it cannot be told, with the reason said. */
int learn_prune(struct lesson *l);

#endif
