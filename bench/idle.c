/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* idle: a program that does nothing and does not end; without libc. */
#include "freestanding.h"
#include "syscall.h"

__attribute__((noreturn, used)) void idle_start(long *stack);
void idle_start(long *stack)
{
	(void)stack;
	for (;;)
		(void)rf_sys5(__NR_ppoll, 0, 0, 0, 0, 0);
}

RF_ARCH_START(idle_start);
