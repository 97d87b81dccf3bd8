/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A policy as its readers fill it and its compiler takes it.
 *
 * Rules are in order, and the first one that fits a call decides.  A call that
 * no rule fits gets the default action; a call that is not in the table of
 * calls, or that is newer than the policy (horizon), gets the action for
 * unknown ones; a call by an ABI that the policy leaves out gets `bad_abi`.
 */
#ifndef RF_POLICY_MODEL_H
#define RF_POLICY_MODEL_H

#include "calls.h"
#include "policy.h"
#include "sandbox.h"

/* Bounds on a policy; beyond them it is refused. */
#define RF_POLICY_SIZE_MAX	(1U << 20)	/* bytes of one file */
#define RF_POLICY_RULES_MAX	4096
#define RF_POLICY_CONDS_MAX	12		/* of one rule */
#define RF_POLICY_VALUES_MAX	64		/* of one condition */
#define RF_POLICY_DEPTH_MAX	8		/* includes in one another */
#define RF_POLICY_FILES_MAX	64		/* includes in all */

enum rf_cond_op { RF_COND_EQ, RF_COND_NE, RF_COND_LT, RF_COND_LE, RF_COND_GT, RF_COND_GE };

/* argument & mask OP any of the values; unsigned. */
struct rf_cond {
	unsigned int	 arg;
	enum rf_cond_op	 op;
	uint64_t	 mask;		/* all ones: none */
	uint64_t	*values;
	size_t		 nr;		/* 1, or more with EQ and NE */
};

#define RF_CALL_WORDS	((RF_CALLS_NR + 63) / 64)

struct rf_rule {
	struct rf_place	 place;
	const char	*text;		/* the line, or what JSON says as one */
	uint64_t	 calls[RF_CALL_WORDS];	/* a set of indices of rf_calls[] */
	uint32_t	 action;	/* SECCOMP_RET_* with data */
	struct rf_cond	*conds;		/* all must hold */
	size_t		 nr_conds;
};

struct rf_policy {
	struct rf_chunk	*memory;	/* all that hangs off this */
	const char	*name;
	enum rf_abi	 machine;	/* for which it is read */
	struct rf_rule	**rules;
	size_t		 nr_rules, max_rules;

	uint32_t	 default_action, unknown_action, bad_abi_action;
	struct rf_place	 default_place, unknown_place, bad_abi_place, abis_place;
	unsigned int	 abis;		/* bit per enum rf_abi */
	uint32_t	 flags;		/* SECCOMP_FILTER_FLAG_* */
	/* highest number that the policy can have heard of; -1: all of the table */
	int		 horizon[RF_ABI_NR];

	const char	**strangers;	/* names of calls that are in no table (JSON) */
	size_t		 nr_strangers, max_strangers;
	unsigned int	 nr_files;	/* read so far */
	unsigned int	 read_flags;	/* RF_POLICY_NO_FILES */
	uint64_t	 capabilities;	/* of whoever will run under it; bit per capability */
};

#define RF_ERRNO_ACTION(e)	(SECCOMP_RET_ERRNO | ((uint32_t)(e) & SECCOMP_RET_DATA))

/* policy.c */
struct rf_policy *rf_policy_new(enum rf_abi machine);
void *rf_policy_alloc(struct rf_policy *p, size_t size);	/* zeroed; NULL */
char *rf_policy_strndup(struct rf_policy *p, const char *s, size_t len);
/* *@array with room for one element more. */
bool rf_policy_grow(struct rf_policy *p, void *array, size_t nr, size_t *max, size_t size);
/* Append a rule to @p. */
int rf_policy_add(struct rf_policy *p, const struct rf_place *place, struct rf_rule **ret,
		  struct rf_err *err);

static inline bool rf_rule_has(const struct rf_rule *rule, int call)
{
	return rule->calls[call / 64] >> (call % 64) & 1;
}

static inline void rf_rule_set(struct rf_rule *rule, int call)
{
	rule->calls[call / 64] |= UINT64_C(1) << (call % 64);
}

/* Whether @rule's conditions hold for @args of @call. */
bool rf_rule_fits(const struct rf_rule *rule, int call, const uint64_t args[6]);
/*
 * The action for @data and, unless the policy's default or the like decides,
 * the rule.
 */
uint32_t rf_policy_decide(const struct rf_policy *p, const struct seccomp_data *data,
			  const struct rf_rule **ret_rule);
/*
 * The same for a call below socketcall or ipc, whose arguments lie in memory:
 * where conditions matter, the answer is ENOSYS.
 */
uint32_t rf_policy_decide_blind(const struct rf_policy *p, int call,
				const struct rf_rule **ret_rule);

/* policy.c: a policy for @machine. */
#define RF_POLICY_NO_FILES	(1U << 0)	/* includes: presets only */
struct rf_policy_reader {
	enum rf_abi	 machine;
	unsigned int	 flags;
	uint64_t	 capabilities;
};
int rf_policy_parse_for(const struct rf_policy_reader *reader, const char *name,
			const char *text, size_t len, struct rf_policy **ret,
			struct rf_err *err);
/* policy_text.c: read @text into @p. */
int rf_policy_read(struct rf_policy *p, const char *name, const char *text, size_t len,
		   struct rf_err *err);
/* policy_oci.c */
int rf_policy_read_oci(struct rf_policy *p, const char *name, const char *text, size_t len,
		       struct rf_err *err);
/*
 * policy_file.c: the text of @file ("-": standard input), malloc'd.  @place
 * says who includes it; then it must be a regular file.
 */
int rf_policy_slurp(const char *file, const struct rf_place *place, char **ret_text,
		    size_t *ret_len, struct rf_err *err);

/* rule_text.c: the words of a line */
struct rf_words {
	struct rf_policy *p;
	struct rf_err	*err;
	struct rf_place	 place;		/* of the line; col of the word at hand */
	const char	*at, *end;	/* what is left of the line */
	const char	*line;		/* its begin */
	char		 word[256];	/* the word at hand; empty: end of the line */
	bool		 quoted;
};
/* Go on to the next word. */
int rf_words_next(struct rf_words *w);
/* A whole action; the word at hand is its first. */
int rf_words_action(struct rf_words *w, uint32_t *ret);
/* A whole rule; false in *ret_is_rule: the word at hand begins none. */
int rf_words_rule(struct rf_words *w, bool *ret_is_rule);
/* Refuse what follows on the line. */
int rf_words_end(struct rf_words *w);
/* A value: a number, or names with '|' between; the word at hand. */
int rf_words_value(struct rf_words *w, uint64_t *ret);
/* A value that argument @arg of a call of @rule can never have. */
int rf_cond_check(const struct rf_rule *rule, const struct rf_cond *c,
		  const struct rf_place *place, struct rf_err *err);

/* constants.c: a name's value. */
bool rf_constant_find(const char *name, size_t len, uint64_t *ret);
/* "; did you mean ...?", or "". */
const char *rf_constant_nearest(const char *word, char buf[64]);
int rf_errno_find(const char *name);		/* -1: unknown */
const char *rf_errno_name(int code);		/* NULL: unknown */
const char *rf_errno_nearest(const char *word, char buf[64]);

/* action.c: "allow", "errno EPERM", ... in at least 32 bytes */
const char *rf_action_print(uint32_t action, char *buf, size_t size);

#endif
