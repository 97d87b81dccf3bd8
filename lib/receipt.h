/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The receipt: which layers of confinement are in force, and why the others are
 * not.  It is read off the ops of a chain and what they came to, never off what
 * the spec asked for; the sandbox only supplies the words for why not.
 *
 * Without results it says what would be, which `explain` prints and `require`
 * is checked against before anything runs.
 */
#ifndef RF_RECEIPT_H
#define RF_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox.h"

struct rf_chain;
struct rf_err;
struct rf_features;
struct rf_teller;

/* One row per layer, in the order of enum rf_layer. */
struct rf_layer_def {
	const char	*name;		/* as `require` and the verdict have it */
	const char	*without;	/* what it means that it is not in force */
	void		(*tell)(struct rf_teller *t);
};
extern const struct rf_layer_def rf_layer_defs[RF_LAYER_NR];

struct rf_layer_state {
	bool		 in_force;
	bool		 machine;	/* not in force, by this kernel or caller and not by the spec */
	const char	*why_not;	/* NULL: in force */
	struct rf_fact	*facts;
	size_t		 nr_facts, max_facts;
};

struct rf_receipt {
	struct rf_layer_state layers[RF_LAYER_NR];
	struct rf_sandbox *mem;		/* its arena */
};

/* In a table of results: the op has not completed. */
#define RF_RESULT_NONE	INT32_MIN

/*
 * @results: what each op of @chain came to; NULL: as if each succeeded.
 * Return: to be given to rf_receipt_free(); NULL without memory.
 */
struct rf_receipt *rf_receipt_new(const struct rf_sandbox *sb, const struct rf_features *f,
				  const struct rf_chain *chain, const int32_t *results);
struct rf_receipt *rf_receipt_free(struct rf_receipt *receipt);

/*
 * Would @chain be what `require` asks for?
 * Return: 0; -EINVAL: the spec contradicts itself; -EPERM: this kernel or this
 * caller cannot; -ENOMEM.  @err names the place of the layer.
 */
int rf_receipt_require(const struct rf_sandbox *sb, const struct rf_features *f,
		       const struct rf_chain *chain, struct rf_err *err);

/* ------------------------------------- between receipt.c and receipt_<subject>.c */

struct rf_teller {
	const struct rf_sandbox *sb;
	const struct rf_features *f;
	const struct rf_chain *c;
	const int32_t	*results;
	struct rf_sandbox *mem;
	enum rf_layer	 id;
	struct rf_layer_state *layer;	/* the one that is being told */
	bool		 no_memory;
};

/* Has op @index done its work? */
bool rf_told_done(const struct rf_teller *t, uint32_t index);
/* The last op of @kind that has; NULL: none. */
const struct rf_op *rf_told_op(const struct rf_teller *t, int kind);
void rf_tell_fact(struct rf_teller *t, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void rf_tell_in_force(struct rf_teller *t);
/* Not because the spec says so; not because of this kernel or caller. */
void rf_tell_unwanted(struct rf_teller *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void rf_tell_refused(struct rf_teller *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* receipt_root.c: the root and what is mounted */
void rf_tell_root(struct rf_teller *t);
/* receipt_confine.c */
void rf_tell_seccomp(struct rf_teller *t);
void rf_tell_landlock(struct rf_teller *t);
/* receipt_identity.c: capabilities, groups, keys */
void rf_tell_user(struct rf_teller *t);
void rf_tell_capabilities(struct rf_teller *t);
void rf_tell_no_new_privs(struct rf_teller *t);
void rf_tell_groups(struct rf_teller *t);
void rf_tell_keyring(struct rf_teller *t);

#endif
