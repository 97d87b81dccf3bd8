/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every C test includes.
 *
 *	TEST(a_failing_step_is_named)
 *	{
 *		EXPECT_INT(-ENOENT, run());
 *	}
 *
 * A TEST registers itself; main() is in harness.c.  Each runs in a forked
 * child with an alarm, so that a crash, a leaked descriptor or a changed
 * process attribute stays with the test that caused it.  Output is TAP.
 *
 * TEST_ENGINES is run once per engine, and asks harness_engine() which; the
 * ring's turn is skipped, with the reason, where io_uring cannot be had.  The native
 * engine has one only where the kernel is one of kernel/, which is what
 * `make check-native` is for.
 *
 * All of cmocka's assert_*() work.  A program takes the names of tests to run
 * as arguments; without any it runs all.
 */
#ifndef RF_TESTS_HARNESS_H
#define RF_TESTS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct harness_test {
	const char		*name;
	void			(*run)(void **state);
	bool			 per_engine;
	struct harness_test	*next;
};

void harness_register(struct harness_test *test);

#define HARNESS_TEST(id, engines)						\
	static void id(void **state);						\
	__attribute__((constructor)) static void harness_register_##id(void)	\
	{									\
		static struct harness_test test = {				\
			.name = #id, .run = id, .per_engine = engines,		\
		};								\
		harness_register(&test);					\
	}									\
	static void id(void **state __attribute__((unused)))

#define TEST(id)		HARNESS_TEST(id, false)
#define TEST_ENGINES(id)	HARNESS_TEST(id, true)

/* "ring", "plain" or "native" in a TEST_ENGINES; $RF_TEST_ENGINE or "plain" elsewhere. */
const char *harness_engine(void);

/*
 * End the test as skipped.  @need is one word (userns, root, io_uring,
 * subuid, cgroup, net, ...): named in $RF_TESTS_REQUIRE, the skip is a failure.
 */
_Noreturn void harness_skip(const char *need, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define SKIP_UNLESS(cond, need, ...)			\
	do {						\
		if (!(cond))				\
			harness_skip(need, __VA_ARGS__);\
	} while (0)

/* What this machine and this caller can do; each asks the kernel. */
bool harness_has_userns(void);		/* a new user namespace, and a mount in it */
/* Under tests/helpers/deny: the name of a refused call that ops have no stand-in
   for, with its error in errno; else NULL. */
const char *harness_refused_call(void);
bool harness_has_io_uring(void);	/* io_uring, and posting to another's ring */
bool harness_has_native(void);		/* io_uring that runs chains: one of kernel/ */
bool harness_is_root(void);		/* uid 0 of the first user namespace */

/* A fresh empty directory, removed after the test, however that ends. */
const char *harness_dir(void);

/* Write @text to the file @at below it, an absolute path, with its directories. */
void harness_file(const char *at, const char *text);

/* Seconds until the alarm; for a test that must do much. */
void harness_alarm(unsigned int seconds);

/* How many descriptors the caller has open. */
int harness_count_fds(void);

#define EXPECT_INT(want, got)	assert_int_equal(want, got)
#define EXPECT_STR(want, got)	assert_string_equal(want, got)
#define EXPECT_TRUE(cond)	assert_true(cond)
#define EXPECT_FALSE(cond)	assert_false(cond)
#define EXPECT_NULL(ptr)	assert_null(ptr)

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#endif

#endif
