/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ops one by one, on each engine: a table of cases per group.
 *
 * A case builds a chain up to the op under test, which is the last one of its
 * kind.  The op must give the wanted result; a success is followed by a shell
 * command that looks for the effect from inside.  Every chain runs in a new
 * user namespace as its root, so the cases need no privilege.
 */
#ifndef RF_TESTS_OPS_H
#define RF_TESTS_OPS_H

#include "chain.h"
#include "harness.h"

#define OPS_ANY	INT32_MAX	/* any result >= 0: descriptors, ids */

struct ops {
	struct rf_chain	*c;
	const char	*dir;	/* fresh directory of this run; the command's $D */
	int		 dir_slot; /* the same, once ops_dir() has been called */
};

struct ops_case {
	const char	*name;
	enum rf_op_kind	 kind;
	void		(*build)(struct ops *o);
	int		 want;		/* >= 0: exactly that, or OPS_ANY; else the errno */
	const char	*check;		/* for sh -ec after a success; NULL: nothing to see */
	bool		 never_fails;	/* the op has no failure to test */
	bool		(*can)(void);	/* NULL: anywhere */
	const char	*need;		/* ... else what harness_skip() is told */
	void		(*after)(void);	/* takes away what build() made outside $D */
};

#define SUCCEEDS(op, text, fn, result, command) \
	{ .kind = op, .name = text, .build = fn, .want = result, .check = command }
#define FAILS(op, text, fn, error) \
	{ .kind = op, .name = text, .build = fn, .want = -(error) }
#define NEVER_FAILS(op, text, fn, result, command) \
	{ .kind = op, .name = text, .build = fn, .want = result, .check = command, \
	  .never_fails = true }

/* The first ops of a chain: a context in new user and @ns namespaces, as root there. */
void ops_begin(struct ops *o, uint64_t ns);
/* The same without the close_range and the id map. */
void ops_begin_bare(struct ops *o, uint64_t ns);
/* Slot of the case's directory, opened by the chain. */
int ops_dir(struct ops *o);
/* Slot with a tmpfs that the sandbox owns, attached to the directory. */
int ops_tmpfs(struct ops *o);
/* Write a file below the directory of the case, from outside. */
void ops_file(struct ops *o, const char *name, const char *content);
struct rf_op *ops_add(struct ops *o, enum rf_op_kind kind);
rf_str ops_str(struct ops *o, const char *s);
struct rf_blob ops_blob(struct ops *o, const void *data, size_t len);

/* Every case gives its result on the engine that the harness names. */
void ops_run_cases(const struct ops_case *cases, size_t nr);
/* Every case gives, op by op, the same results on both engines. */
void ops_compare_engines(const struct ops_case *cases, size_t nr);
/* Every op that the kernel can carry out is, in some case, by the native engine. */
void ops_check_native(const struct ops_case *cases, size_t nr);
/* Every op of @group has a case that succeeds and one that fails. */
void ops_check_coverage(const char *group, const struct ops_case *cases, size_t nr);

/* What became of one chain. */
#define OPS_MAX 64
struct ops_outcome {
	bool			ran;
	enum rf_completion_kind	kind;		/* RF_DONE_EXIT or RF_DONE_FAILED */
	int			index, result, status;
	int			nr;
	int			results[OPS_MAX];	/* INT32_MIN: not completed */
	int			subject;	/* index of the op under test */
	const char		*by, *why;	/* the engine that has run it, and why not another */
};

/*
 * How a chain is run: by an engine (ops_engine.c), or as ordinary code in a
 * forked child, for the sanitizers to look at (ops_ordinary.c), which cannot
 * do what takes a submitter.
 */
bool ops_can_run(const struct rf_chain *c);
void ops_run_chain(const char *engine, const struct rf_chain *c, struct ops_outcome *ret);
/* Descriptors and task ids differ from run to run: 0 for all of them. */
int ops_normalized(const struct rf_op *op, int result);

#ifdef RF_OPS_ORDINARY
#define OPS_TESTS(group, cases)							\
	TEST(each_op_gives_its_result_as_ordinary_code)				\
	{									\
		ops_run_cases(cases, ARRAY_SIZE(cases));			\
	}
#else
#define OPS_TESTS(group, cases)							\
	TEST_ENGINES(each_op_gives_its_result)					\
	{									\
		ops_run_cases(cases, ARRAY_SIZE(cases));			\
	}									\
	TEST(engines_agree_op_by_op)						\
	{									\
		ops_compare_engines(cases, ARRAY_SIZE(cases));			\
	}									\
	TEST(the_kernel_carries_out_all_that_can_be_lowered)			\
	{									\
		ops_check_native(cases, ARRAY_SIZE(cases));			\
	}									\
	TEST(every_op_has_a_success_and_a_failure)				\
	{									\
		ops_check_coverage(group, cases, ARRAY_SIZE(cases));		\
	}
#endif

#endif
