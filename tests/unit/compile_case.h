/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A spec's text, compiled without looking at the host, as lines of text.  The
 * command is `true` unless the spec has one.
 */
#ifndef RF_TESTS_COMPILE_CASE_H
#define RF_TESTS_COMPILE_CASE_H

#include "chain.h"
#include "harness.h"
#include "probe.h"
#include "sandbox.h"
#include "spec.h"

struct sandbox_case {
	struct rf_sandbox *sb;
	struct rf_err	 err;
};

struct compiled {
	int		 r;
	struct rf_err	 err;
	struct rf_chain	*chain;
	char		*text;		/* one op a line */
};

/* The resolved sandbox of @spec; a test may change it before compiling. */
struct sandbox_case sandbox_of(const char *spec, const struct rf_features *f);
void sandbox_case_free(struct sandbox_case *s);
struct rf_mount *mount_at(const struct sandbox_case *s, const char *at);

struct compiled compile_case(const struct sandbox_case *s, const struct rf_features *f);
struct compiled compile_spec(const char *spec, const struct rf_features *f);
void compiled_free(struct compiled *c);

/* Index of the first op from @from on whose line begins with @prefix; -1. */
int find_line(const struct compiled *c, const char *prefix, int from);
/* How many there are. */
int count_lines(const struct compiled *c, const char *prefix);
/* All of @lines, ended by NULL, in this order. */
void expect_lines(const struct compiled *c, const char *name, const char *const lines[]);

#endif
