/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stamp: the command that the benchmarks start.  A static `true` without libc
 * that first writes the time, so that what came before the command and what
 * came after it can be told apart.
 */
#include <linux/time_types.h>

#include "freestanding.h"
#include "syscall.h"

__attribute__((noreturn, used)) void stamp_start(long *stack);
void stamp_start(long *stack)
{
	struct __kernel_timespec now = { 0, 0 };

	(void)stack;
	(void)rf_sys2(__NR_clock_gettime, 1 /* CLOCK_MONOTONIC */, &now);
	(void)rf_sys3(__NR_write, 1, &now, sizeof(now));
	for (;;)
		(void)rf_sys1(__NR_exit_group, 0);
}

RF_ARCH_START(stamp_start);
