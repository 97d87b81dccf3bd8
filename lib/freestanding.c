/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The few library functions that a context may call.  Plain loops: what is
 * copied here is a path or a small structure, and big data goes by system
 * calls straight from the chain's data area.
 */
#include "freestanding.h"

#include <stdint.h>

#include "context.h"

/* Keeps the compiler from seeing the loop as a call of the very function it is in. */
#define OPAQUE(p) __asm__ volatile("" : "+r"(p))

size_t rf_strlen(const char *s)
{
	const char *p = s;

	while (*p) {
		p++;
		OPAQUE(p);
	}
	return (size_t)(p - s);
}

void *rf_memcpy(void *to, const void *from, size_t n)
{
	const char *f = from;
	char *t = to;

	for (; n >= sizeof(uint64_t); n -= sizeof(uint64_t)) {
		uint64_t word;

		/* a fixed size: one load and one store, aligned or not */
		__builtin_memcpy(&word, f, sizeof(word));
		__builtin_memcpy(t, &word, sizeof(word));
		f += sizeof(word);
		t += sizeof(word);
		OPAQUE(f);
	}
	for (; n; n--) {
		*t++ = *f++;
		OPAQUE(f);
	}
	return to;
}

void *rf_memmove(void *to, const void *from, size_t n)
{
	const char *f = (const char *)from + n;
	char *t = (char *)to + n;

	if ((uintptr_t)to - (uintptr_t)from >= n)
		return rf_memcpy(to, from, n);
	for (; n; n--) {
		*--t = *--f;
		OPAQUE(f);
	}
	return to;
}

void *rf_memset(void *to, int byte, size_t n)
{
	char *t = to;

	for (; n; n--) {
		*t++ = (char)byte;
		OPAQUE(t);
	}
	return to;
}

int rf_memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n; n--, x++, y++) {
		if (*x != *y)
			return *x < *y ? -1 : 1;
		OPAQUE(x);
	}
	return 0;
}

size_t rf_utoa(char *buf, uint64_t v)
{
	size_t len = 1, i;

	for (uint64_t rest = v; rest >= 10; rest /= 10)
		len++;
	buf[len] = '\0';
	for (i = len; i; i--) {
		buf[i - 1] = (char)('0' + v % 10);
		v /= 10;
	}
	return len;
}
