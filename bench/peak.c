/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * peak COMMAND [ARG...]: run COMMAND and write its peak memory in KiB, that of
 * the children that it has waited for included, to descriptor 2.
 *
 * The kernel's ru_maxrss of a program begins with the memory of the program
 * that started it.  So this one has no libc and next to no memory.
 */
#include <linux/resource.h>
#include <linux/time_types.h>

#include "freestanding.h"
#include "syscall.h"

#define CLONE_VM	0x100
#define CLONE_VFORK	0x4000
#define SIGCHLD_	17

static char child_stack[4096] __attribute__((aligned(16)));

static void fail(void)
{
	for (;;)
		(void)rf_sys1(__NR_exit_group, 125);
}

static void child(void *stack)
{
	char **argv = (char **)((long *)stack + 2);	/* without argv[0] */
	char **envp = argv + *(long *)stack;

	(void)rf_sys3(__NR_execve, argv[0], argv, envp);
	fail();
}

/* The digits of @v and a newline, before @end; the first of them. */
static char *digits(unsigned long v, char *end)
{
	*--end = '\n';
	do
		*--end = (char)('0' + v % 10);
	while (v /= 10);
	return end;
}

__attribute__((noreturn, used)) void peak_start(void *stack);
void peak_start(void *stack)
{
	struct rusage usage;
	char text[24], *end = text + sizeof(text), *from;
	int status = -1;
	long pid;

	if (*(long *)stack < 2)
		fail();
	pid = rf_arch_clone(CLONE_VM | CLONE_VFORK | SIGCHLD_, child_stack + sizeof(child_stack),
			    (int *)0, (unsigned int *)0, (void *)0, child, stack);
	if (pid < 0 || rf_sys4(__NR_wait4, pid, &status, 0, &usage) != pid || status)
		fail();
	from = digits((unsigned long)usage.ru_maxrss, end);
	(void)rf_sys3(__NR_write, 2, from, end - from);
	for (;;)
		(void)rf_sys1(__NR_exit_group, 0);
}

RF_ARCH_START(peak_start);
