/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In a program linked with musl only: where its first objects are.
 *
 * A launch allocates some ten kilobytes, in some thirty sizes.  musl has a mapping for
 * nearly every size, and takes it away with its last object: some sixty page faults and
 * forty munmap(), a tenth of a launch and a fifth of what `ringfence-oci run` costs.  So
 * the first HEAP_SIZE bytes are handed out in a row from here, and what does not fit, as
 * in a program that stays, is musl's as before (the linker's --wrap).
 *
 * What is freed is used again when all behind it is free too: lifetimes are nested nearly
 * always.  No list runs through free memory, so there is none to be led astray; a header
 * that cannot be right ends the program.  One thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEAP_SIZE	(1U << 20)
/* no object takes more of it */
#define OBJECT_MAX	(72U << 10)
#define ALIGNMENT	16U

void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

/* In front of each object; offsets of objects from the beginning of the heap. */
struct header {
	uint32_t before; /* the object in front of it, 0: none */
	uint32_t size;	 /* bytes asked for, and IS_FREE */
};
#define IS_FREE 0x80000000U

/* A mapping, for its address is random, which this program's data are not; NULL: not yet. */
static unsigned char *heap;
static uint32_t last;	 /* the last object, 0: none */
static uint32_t touched; /* from here on all is zero */

static bool is_ours(const void *p)
{
	return heap && (uintptr_t)p - (uintptr_t)heap < HEAP_SIZE;
}

static struct header *header(uint32_t at)
{
	return (struct header *)(void *)(heap + at) - 1;
}

/* Where one behind an object of @size at @at would be. */
static uint32_t behind(uint32_t at, uint32_t size)
{
	return (at + size + (uint32_t)sizeof(struct header) + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

static uint32_t first_free(void)
{
	return last ? behind(last, header(last)->size) : ALIGNMENT;
}

/* The object that @p is, not freed yet. */
static uint32_t object(const void *p)
{
	uint32_t at = (uint32_t)((uintptr_t)p - (uintptr_t)heap);

	if (at < ALIGNMENT || at % ALIGNMENT || at > last || header(at)->size > OBJECT_MAX ||
	    header(at)->before >= at)
		abort();
	return at;
}

static bool has_heap(void)
{
	void *p;

	if (!heap) {
		p = mmap(NULL, HEAP_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		heap = p == MAP_FAILED ? NULL : p;
	}
	return heap;
}

static bool fits(uint32_t at, size_t size)
{
	/* so that one of no bytes begins in it too */
	return size <= OBJECT_MAX && at + size < HEAP_SIZE && has_heap();
}

/* The object at @at is @size long now. */
static void *take(uint32_t at, size_t size)
{
	header(at)->size = (uint32_t)size;
	if (touched < at + size)
		touched = at + (uint32_t)size;
	return heap + at;
}

static void *append(uint32_t at, size_t size)
{
	header(at)->before = last;
	last = at;
	return take(at, size);
}

void *__wrap_malloc(size_t size)
{
	uint32_t at = first_free();

	return fits(at, size) ? append(at, size) : __real_malloc(size);
}

void *__wrap_calloc(size_t nr, size_t size)
{
	uint32_t at = first_free(), used = touched;
	size_t bytes;

	if (__builtin_mul_overflow(nr, size, &bytes) || !fits(at, bytes))
		return __real_calloc(nr, size);
	if (at < used)
		memset(heap + at, 0, bytes < used - at ? bytes : used - at);
	return append(at, bytes);
}

void __wrap_free(void *p)
{
	if (!is_ours(p)) {
		__real_free(p);
		return;
	}
	header(object(p))->size |= IS_FREE;
	while (last && header(last)->size & IS_FREE)
		last = header(last)->before;
}

void *__wrap_realloc(void *p, size_t size)
{
	uint32_t at, old;
	void *new;

	if (!p)
		return __wrap_malloc(size);
	if (!is_ours(p))
		return __real_realloc(p, size);
	at = object(p);
	old = header(at)->size;
	if (size <= old || (at == last && fits(at, size)))
		return take(at, size);
	new = __wrap_malloc(size);
	if (new) {
		memcpy(new, p, old);
		__wrap_free(p);
	}
	return new;
}
