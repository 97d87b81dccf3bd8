/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole sandboxes, from a spec to a launch, for tests of what holds in all of
 * them.
 */
#ifndef RF_TESTS_SANDBOXED_H
#define RF_TESTS_SANDBOXED_H

#include "chain.h"
#include "harness.h"
#include "ring.h"

/*
 * The chain of a spec, a file or text, that runs @argv.  The new root is put
 * together on @scratch, or where it usually is if that is NULL.
 */
struct rf_chain *sandboxed_file(const char *file, const char *scratch, char *const argv[]);
struct rf_chain *sandboxed_text(const char *text, const char *scratch, char *const argv[]);
/* The same for a shell command. */
struct rf_chain *sandboxed_shell(const char *text, const char *command);

/*
 * Skip unless a whole sandbox can be made here: user namespaces, and the two
 * calls that have no fallback (what ringfence says then: tests/e2e/run.bats).
 */
void sandboxed_need(void);
/* Only the calls: for chains built by hand, of ops that open files. */
void sandboxed_need_calls(void);

/* The engine of that name. */
enum rf_engine_kind sandboxed_engine(const char *name);
/* A ring of the engine that the harness names. */
struct rf_ring *sandboxed_ring(void);
struct rf_context *sandboxed_submit(struct rf_ring *ring, const struct rf_chain *c,
				    unsigned int flags);
/* The next completion of @kind, or the last there is. */
struct rf_completion sandboxed_until(struct rf_ring *ring, enum rf_completion_kind kind);
/* Run @c, which is freed, and fail unless the command exits with @status. */
void sandboxed_expect(struct rf_ring *ring, struct rf_chain *c, int status);

/* Index of the first op of @kind from @from on, or -1. */
int sandboxed_find(const struct rf_chain *c, enum rf_op_kind kind, int from);
/* Put a gate before op @index. */
void sandboxed_gate(struct rf_chain *c, int index);

/* Fail unless there is no child, of whatever kind, alive or dead. */
void sandboxed_no_children(void);
/* As an ordinary user, if we are root of the host. */
void sandboxed_become_user(void);

/* What of the host a launch could have left something in, as text to be freed. */
char *sandboxed_host_state(const char *dir);
/* A file as text, to be freed. */
char *sandboxed_read(const char *path);

#endif
