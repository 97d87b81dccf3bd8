/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The chain while it is being built: ops, their data, slots and origins.
 *
 * Errors of the builder are sticky, like those of stdio: rf_chain_add() and
 * its kin never return NULL, a failure is kept in the chain and reported by
 * rf_chain_check().  Single assignment: every slot is filled by exactly one op
 * (or by the caller), and never reused after `close`.
 */
#ifndef RF_CHAIN_H
#define RF_CHAIN_H

#include <stdbool.h>

#include "op.h"
#include "ringfence.h"

struct rf_place;

#define RF_OPS_MAX	200000		/* 10 000 mounts of a dozen ops and some */
#define RF_SLOTS_MAX	100000
#define RF_DATA_MAX	(64U << 20)

struct rf_origin {
	rf_str		 file;		/* in the data area; 0 = none */
	uint32_t	 line, col;
};

struct rf_given {			/* a descriptor of the caller */
	int32_t		 slot, fd;
};

struct rf_chain {
	struct rf_op	*ops;
	uint32_t	 nr_ops, max_ops;
	char		*data;
	uint32_t	 data_len, max_data;
	struct rf_origin *origins;	/* [0] is "none" */
	uint32_t	 nr_origins, max_origins;
	struct rf_given	*given;
	uint32_t	 nr_given, max_given;
	int32_t		*keep;		/* numbers that survive close_range besides 0-2 */
	uint32_t	 nr_keep, max_keep;
	int32_t		 nr_slots;
	uint32_t	 nr_entries;	/* mounts that verify may look at */
	uint32_t	 nr_gates;
	uint32_t	 origin;	/* given to the ops added from now on */
	bool		 has_init;	/* a clone as init: the init image is needed */
	/*
	 * The context runs as an image of its own instead of sharing the
	 * submitter's memory (DESIGN.md 4, rules 2, 3 and 9): it joins namespaces
	 * that others live in, or changes ids, which would clear the submitter's
	 * dumpable flag.  Op 0 then clones nothing new; `unshare` follows.
	 */
	bool		 own_image;
	uint32_t	 own_from;	/* the op that needs it; 0: no one op */
	int		 error;		/* first failure of the builder, positive errno */
	struct rf_op	 lost;		/* what rf_chain_add() returns after a failure */
};

/* Append an op of @kind with all slots -1.  Valid until the next call. */
struct rf_op *rf_chain_add(struct rf_chain *c, enum rf_op_kind kind);
/* Copy into the data area.  NULL gives 0. */
rf_str rf_chain_str(struct rf_chain *c, const char *s);
struct rf_blob rf_chain_blob(struct rf_chain *c, const void *data, size_t len);
struct rf_vec rf_chain_vec(struct rf_chain *c, char *const strings[]);
/* A fresh slot; fresh index for move_mount and verify; fresh gate ordinal. */
int32_t rf_chain_slot(struct rf_chain *c);
uint32_t rf_chain_entry(struct rf_chain *c);
/*
 * Is @head how @c begins, ops and all that they name?  -1: it is; else the first op that
 * is another.
 */
int32_t rf_chain_differs(const struct rf_chain *c, const struct rf_chain *head);
/* For printing: a descriptor that no process has, so that such a chain cannot run. */
#define RF_NO_DESCRIPTOR 0x3ffffff0
/* Keep the caller's descriptor number @fd open through close_range. */
void rf_chain_keep(struct rf_chain *c, int fd);
/* Ops added from now on come from @place (NULL: from nowhere). */
void rf_chain_set_place(struct rf_chain *c, const struct rf_place *place);

/* What keeps op @index out of @c, as -EINVAL and words with its place in the spec. */
int rf_chain_refuse(const struct rf_chain *c, uint32_t index, const char *why, struct rf_err *err);

/* supervise.c: children of the submitter that are left of the launch; 0: none. */
void rf_context_left(const struct rf_context *ctx, pid_t ret_pids[2]);
/* ring.c: the move_mount op of what covers the entry that a verify missed; -1 unknown. */
int rf_context_covering(const struct rf_context *ctx);
/* links.c: why a move_link failed, in words; empty: none has. */
const char *rf_context_link_words(const struct rf_context *ctx);
/* ring.c: the rule at which landlock op @index failed, or NULL. */
const struct rf_landlock_op_rule *rf_context_failed_rule(const struct rf_context *ctx,
							 uint32_t index);

/*
 * ring.c: the payload task has exec'd, or died: what says so is on the way.  On
 * shared memory the kernel clears a word before the command's first instruction; where
 * the task is alone on its memory /proc says it.
 */
bool rf_context_is_past_exec(const struct rf_context *ctx);

/* op_print.c: name of capability @nr in lower case, without "cap_"; NULL behind the last. */
const char *rf_cap_name(size_t nr);
/* One op with its arguments; the length it would have had. */
int rf_op_print(const struct rf_chain *c, const struct rf_op *op, char *buf, size_t size);


/* A set of capabilities as ops print it: "none", or names with commas between. */
int rf_caps_print(uint64_t set, char *buf, size_t size);

/* Does @op send to the submitter, by the report socket? */
static inline bool rf_op_reports(const struct rf_op *op)
{
	return op->kind == RF_OP_SEND_FDS && op->u.send_fds.sock == RF_SLOT_NONE;
}

/* Does op @index of @ops hand over the listener of a filter, and not something else? */
static inline bool rf_op_sends_listener(const struct rf_op *ops, uint32_t index)
{
	return index && ops[index].kind == RF_OP_SEND_FDS && ops[index - 1].kind == RF_OP_SECCOMP &&
	       ops[index - 1].out >= 0;
}

#endif
