/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd/heap.c by itself: what musl's allocator is asked for goes to this C library's. */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);
void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);

#define LARGE (1U << 20)
static unsigned int passed_on;

void *__real_malloc(size_t size)
{
	passed_on++;
	return size > LARGE ? NULL : malloc(size);
}

void *__real_calloc(size_t nr, size_t size)
{
	passed_on++;
	return nr > LARGE || size > LARGE ? NULL : calloc(nr, size);
}

void *__real_realloc(void *p, size_t size)
{
	passed_on++;
	return realloc(p, size);
}

void __real_free(void *p)
{
	free(p);
}

/* ------------------------------------------------------------------ a model */

#define NR_OBJECTS 64

struct object {
	unsigned char *p;
	size_t size;
	unsigned char mark;
};

static uint32_t seed = 20261129;

static uint32_t roll(uint32_t below)
{
	seed = seed * 1664525U + 1013904223U;
	return (seed >> 8) % below;
}

/* Small ones mostly, and one in thirty larger than the whole heap. */
static size_t some_size(void)
{
	switch (roll(30)) {
	case 0:
		return 300U << 10;
	case 1:
		return roll(72U << 10);
	case 2:
		return 0;
	default:
		return roll(400);
	}
}

static void check(const struct object *o, size_t size)
{
	EXPECT_INT(0, (uintptr_t)o->p % 16);
	for (size_t i = 0; i < size; i++)
		EXPECT_INT(o->mark, o->p[i]);
}

static void fill(struct object *o, size_t size)
{
	o->size = size;
	o->mark = (unsigned char)(1 + roll(255));
	memset(o->p, o->mark, size);
}

static void make(struct object *o)
{
	size_t size = some_size();

	if (roll(2)) {
		o->p = __wrap_calloc(1 + size / 7, 7);
		EXPECT_TRUE(o->p);
		for (size_t i = 0; i < size; i++)
			EXPECT_INT(0, o->p[i]);
	} else {
		o->p = __wrap_malloc(size);
		EXPECT_TRUE(o->p);
	}
	fill(o, size);
}

static void change(struct object *o)
{
	/* of 0 bytes C libraries make what they like */
	size_t size = 1 + some_size();

	o->p = __wrap_realloc(o->p, size);
	EXPECT_TRUE(o->p);
	check(o, size < o->size ? size : o->size);
	fill(o, size);
}

/* What is written to one is in no other, and what calloc() gives is zero. */
TEST(objects_keep_to_themselves)
{
	struct object objects[NR_OBJECTS] = { 0 };

	for (int i = 0; i < 20000; i++) {
		struct object *o = &objects[roll(NR_OBJECTS)];

		if (!o->p) {
			make(o);
		} else if (roll(3) == 0) {
			change(o);
		} else {
			check(o, o->size);
			__wrap_free(o->p);
			o->p = NULL;
		}
	}
	for (int i = 0; i < NR_OBJECTS; i++) {
		if (objects[i].p)
			check(&objects[i], objects[i].size);
		__wrap_free(objects[i].p);
	}
}

/* ------------------------------------------------------------------- by rows */

TEST(what_is_freed_is_used_again)
{
	void *first = __wrap_malloc(10), *second, *third;

	second = __wrap_malloc(20);
	third = __wrap_malloc(30);
	EXPECT_TRUE(first != second);
	/* in the other order: all of it is free with the last */
	__wrap_free(first);
	__wrap_free(second);
	__wrap_free(third);
	EXPECT_TRUE(__wrap_malloc(5) == first);
	__wrap_free(first);
}

TEST(the_last_grows_where_it_is)
{
	unsigned char *p = __wrap_malloc(10);

	EXPECT_TRUE(__wrap_realloc(p, 70U << 10) == p);
	EXPECT_TRUE(__wrap_realloc(p, 1) == p);
	__wrap_free(p);
}

TEST(what_does_not_fit_is_passed_on)
{
	void *large, *rest[20];

	passed_on = 0;
	large = __wrap_malloc(73U << 10);
	EXPECT_INT(1, passed_on);
	__wrap_free(large);
	for (int i = 0; i < 20; i++)
		rest[i] = __wrap_malloc(60U << 10);
	EXPECT_INT(4, passed_on);
	for (int i = 0; i < 20; i++)
		__wrap_free(rest[i]);
	EXPECT_NULL(__wrap_calloc(SIZE_MAX / 2, 3));
	EXPECT_NULL(__wrap_malloc(SIZE_MAX - 8));
}

/* How a child ends that runs @what. */
static int end_of(void (*what)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		what();
		_exit(0);
	}
	EXPECT_INT(pid, waitpid(pid, &status, 0));
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void *kept;

static void free_twice(void)
{
	void *first = __wrap_malloc(10);

	kept = __wrap_malloc(10);
	__wrap_free(first);
	__wrap_free(first);
}

static void free_the_middle(void)
{
	kept = __wrap_malloc(100);
	__wrap_free((char *)kept + 8);
}

static void overrun(void)
{
	char *p = __wrap_malloc(16);

	kept = __wrap_malloc(16);
	memset(p, 0xff, 32);
	__wrap_free(kept);
}

TEST(misuse_ends_the_program)
{
	EXPECT_INT(SIGABRT, end_of(free_twice));
	EXPECT_INT(SIGABRT, end_of(free_the_middle));
	EXPECT_INT(SIGABRT, end_of(overrun));
}
