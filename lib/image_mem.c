/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For the init and helper images only: under their usual names, the functions
 * to which compilers emit calls.  Never linked into the library, where they
 * would hide libc's.
 */
#include <stddef.h>

void *rf_memcpy(void *to, const void *from, size_t n);
void *rf_memmove(void *to, const void *from, size_t n);
void *rf_memset(void *to, int byte, size_t n);
int rf_memcmp(const void *a, const void *b, size_t n);

#define HIDDEN __attribute__((visibility("hidden"), used))

HIDDEN void *memcpy(void *to, const void *from, size_t n);
HIDDEN void *memmove(void *to, const void *from, size_t n);
HIDDEN void *memset(void *to, int byte, size_t n);
HIDDEN int memcmp(const void *a, const void *b, size_t n);

void *memcpy(void *to, const void *from, size_t n)
{
	return rf_memcpy(to, from, n);
}

void *memmove(void *to, const void *from, size_t n)
{
	return rf_memmove(to, from, n);
}

void *memset(void *to, int byte, size_t n)
{
	return rf_memset(to, byte, n);
}

int memcmp(const void *a, const void *b, size_t n)
{
	return rf_memcmp(a, b, n);
}
