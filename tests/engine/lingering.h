/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Contexts that park, for the tests of what can be done with them then. */
#ifndef RF_TESTS_LINGERING_H
#define RF_TESTS_LINGERING_H

#include "chain.h"
#include "harness.h"
#include "ring.h"

struct linger {
	struct rf_ring	 *ring;
	struct rf_chain	 *c;
	struct rf_context *ctx;
	uint64_t	 id;	/* its user_data; completions of others are kept for them */
};

/* Both kinds of memory that a context can have: flags for rf_submit(). */
#define LINGER_MEMORIES 2
extern const unsigned int linger_memories[LINGER_MEMORIES];

/* A chain that begins with a context. */
struct rf_chain *linger_chain(void);
/* sh, or what is at @path, with a command; the op's index. */
int linger_add_exec(struct rf_chain *c, const char *path, const char *command);

/* A context that is parked at the gate behind what @l->c has; the gate's index. */
int linger_park(struct linger *l, unsigned int flags);
/* Let it run what @l->c has behind. */
void linger_more(struct linger *l);
/* It does not want to run @c. */
void linger_refused(struct linger *l, const struct rf_chain *c, int want, const char *why);

struct rf_completion linger_next(struct linger *l);
struct rf_completion linger_until(struct linger *l, enum rf_completion_kind kind);
void linger_parks_at(struct linger *l, int index, int result);
void linger_exits(struct linger *l, int status);

/* Free it all, and nothing is left. */
void linger_done(struct linger *l);

#endif
