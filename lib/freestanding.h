/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compilers emit calls to memcpy and its kin for copies of structures and for
 * loops that look like one, also with -ffreestanding.  In freestanding objects
 * the assembler turns these into calls to our own, so that they neither need
 * libc nor hide its functions from the rest of the program.  (glibc does the
 * same for its own objects.)
 */
#ifndef RF_FREESTANDING_H
#define RF_FREESTANDING_H

#include <stddef.h>

size_t rf_strlen(const char *s);
void *rf_memcpy(void *to, const void *from, size_t n);
void *rf_memmove(void *to, const void *from, size_t n);
void *rf_memset(void *to, int byte, size_t n);
int rf_memcmp(const void *a, const void *b, size_t n);

#if !__STDC_HOSTED__
__asm__("memcpy = rf_memcpy");
__asm__("memmove = rf_memmove");
__asm__("memset = rf_memset");
__asm__("memcmp = rf_memcmp");
#endif

#endif
