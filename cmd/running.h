/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The running sandboxes of the caller, and what is in them.
 *
 * A sandbox is found by its launcher, which must be a process of the caller's
 * own: same user, same user and mount namespaces, not more confined than the
 * caller (what runs in a sandbox is), and with a sealed state among its
 * descriptors (publish.h).  Names come from the registry; sandboxes without one
 * from a look at the caller's processes.
 */
#ifndef RF_CMD_RUNNING_H
#define RF_CMD_RUNNING_H

#include "process.h"
#include "state.h"

struct rf_err;

struct running {
	char		 name[72];	/* empty: none */
	struct process	 launcher;
	/* the rest is there when the command has been started */
	struct rf_state	*state;
	struct process	 payload, init;	/* init: closed if there is none */
};

/*
 * The sandbox called @who: its name, or the number of its launcher or command.
 * One that is just being started is waited for, or, unless @wait and where it
 * has a name, has no state.
 * Return: 0; -ESRCH there is none; or another negative errno; with @err set.
 */
int running_find(const char *who, bool wait, struct running *ret, struct rf_err *err);
void running_done(struct running *r);

/* Can @who be one at all?  0 or -EINVAL with @err. */
int running_check(const char *who, struct rf_err *err);

/*
 * All of them, in no order, until @fn returns other than 0; that, 0, or a
 * negative errno.  Those that are just being started have no state.
 */
int running_each(int (*fn)(struct running *r, void *arg), void *arg);

/* The task that stays where the sandbox is. */
static inline const struct process *running_anchor(const struct running *r)
{
	return r->init.fd >= 0 ? &r->init : &r->payload;
}

/* Has it a pid namespace of its own, so that its processes are known for certain? */
static inline bool running_has_pidns(const struct running *r)
{
	return r->state->ns[RF_NS_PID].made;
}

/*
 * Each process in it, pid 1 included where that is the command: those in its pid
 * namespace, else the descendants of the command as far as they can be told.
 */
int running_members(const struct running *r, int (*fn)(struct process *p, void *arg), void *arg);

#endif
