/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a process at the other end of a socket is one of ours, and as free as we are.
 *
 * A command that a pool runs for somebody has the pool's confinement and accounting, not
 * its caller's.  So a caller who differs from the pool in anything that the kernel confines
 * or counts by has to run it without the pool: else that would be a way out.
 *
 * What cannot be seen of another process is Landlock.  Without CAP_SYS_ADMIN nobody gets it
 * but with no_new_privs, which can: a pool that has no_new_privs itself could not tell, and
 * does not start (pool_peer_can_tell()).
 */
#ifndef RF_CMD_POOL_PEER_H
#define RF_CMD_POOL_PEER_H

#include <stdbool.h>
#include <stddef.h>

struct rf_err;
struct rlimit;
struct pool_self;

/* What we are.  NULL with @err. */
struct pool_self *pool_self_new(struct rf_err *err);
struct pool_self *pool_self_free(struct pool_self *self);

/* All limits, by number. */
const struct rlimit *pool_self_limits(const struct pool_self *self);

/* In what we are not what we were: @other beside @self; NULL: in nothing that counts. */
const char *pool_self_differs(const struct pool_self *self, const struct pool_self *other);

/* Can one that is confined be told from one that is not?  Else -EPERM with @err. */
int pool_peer_can_tell(const struct pool_self *self, struct rf_err *err);

/* Is what listens or has connected at @socket a process of this user's, or root's? */
bool pool_peer_is_ours(int socket, bool or_root);

/*
 * Does the process that has connected at @socket equal us?  NULL: it does; else a phrase
 * that says in what it does not.
 */
const char *pool_peer_differs(struct pool_self *self, int socket, char *buf, size_t size);

#endif
