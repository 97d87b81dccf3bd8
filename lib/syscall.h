/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Raw system calls for freestanding code: the result, or a negative errno.
 * Nothing here touches errno or any other memory of the caller.
 */
#ifndef RF_SYSCALL_H
#define RF_SYSCALL_H

#include <asm/unistd.h>

#if defined(__x86_64__)
#include "arch/x86_64.h"
#elif defined(__aarch64__)
#include "arch/aarch64.h"
#else
#error "no context code for this architecture"
#endif

#define rf_sys0(nr)			rf_syscall6(nr, 0, 0, 0, 0, 0, 0)
#define rf_sys1(nr, a)			rf_syscall6(nr, (long)(a), 0, 0, 0, 0, 0)
#define rf_sys2(nr, a, b)		rf_syscall6(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define rf_sys3(nr, a, b, c)		rf_syscall6(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define rf_sys4(nr, a, b, c, d)		rf_syscall6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define rf_sys5(nr, a, b, c, d, e)	rf_syscall6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define rf_sys6(nr, a, b, c, d, e, f)	rf_syscall6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#endif
