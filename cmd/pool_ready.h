/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sandboxes that are ready: made, counted, aged; for a pool, and for a batch whose jobs
 * have one sandbox in common.
 */
#ifndef RF_CMD_POOL_READY_H
#define RF_CMD_POOL_READY_H

#include "load.h"
#include "ringfence.h"

struct ready;

/* What is kept ready. */
struct pool_ready {
	struct rf_ring	*ring;
	int		 (*load)(void *arg, struct load *l, struct rf_err *err);
	void		*arg;
	unsigned int	 size;		/* how many */
	uint64_t	 max_age_ns;	/* 0: no matter */
	uint64_t	 max_memory;	/* bytes, ours and theirs; 0: no matter */

	struct rf_chain	*head;		/* what all of them have run */
	uint64_t	 sources;	/* with these files of the host: rf_sandbox.sources */
	struct ready	*first, **last;	/* oldest first */
	struct ready	*spare;		/* memory for the next */
	unsigned int	 nr, nr_parked;	/* made or being made; to be had */
	bool		 stopped;	/* no more are made */
	bool		 quiet;		/* what fails is not told */
	uint64_t	 retry_ns;	/* making failed, twice in a row: not before */
	bool		 has_failed;	/* the last one */
	uint64_t	 look_ns;	/* the spec is not looked at again before */
	uint64_t	 quiet_ns;	/* nor is one made, while there are others */
	unsigned int	 wanted;	/* callers that wait for one */
	uint64_t	 made, failed, retired;
	struct rf_err	 err;		/* why the last one failed */
};

/* @load(@arg) makes the sandbox that is to be kept ready, anew each time: not resolved. */
void pool_ready_init(struct pool_ready *p, struct rf_ring *ring,
		     int (*load)(void *arg, struct load *l, struct rf_err *err), void *arg);
/* Those that are ready are of no use any more. */
void pool_ready_retire(struct pool_ready *p);
/* All are killed; what is left of them comes as completions. */
void pool_ready_stop(struct pool_ready *p);
void pool_ready_done(struct pool_ready *p);

/*
 * Begin one of those that are missing, and end what is too old.  How long until there is
 * something to do, in ms; -1: nothing.
 */
int pool_ready_maintain(struct pool_ready *p);
/* Can they hold all of @c?  Long arguments and a large environment take room. */
bool pool_ready_has_room_for(const struct pool_ready *p, const struct rf_chain *c);
/* The oldest that is to be had, or NULL; it is the caller's. */
struct rf_context *pool_ready_take(struct pool_ready *p);
/* Of a context that is not taken: user_data is odd. */
void pool_ready_handle(struct pool_ready *p, const struct rf_completion *done);
static inline bool pool_ready_owns(const struct rf_completion *done)
{
	return done->user_data & 1;
}
/*
 * Does the sandbox of @l, both parts of which are compiled, begin as those that are ready
 * have begun, with the same files?  -1: it does; else the first op that is another, or,
 * behind them all, none but a file.
 */
int pool_ready_differs(const struct pool_ready *p, const struct load *l);
/* Is the sandbox that would be made now the one that is ready?  If not, it is from now on. */
bool pool_ready_is_same(struct pool_ready *p);
/* Look whether the spec still says the same, and replace what says something else. */
void pool_ready_look(struct pool_ready *p);

#endif
