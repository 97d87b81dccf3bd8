/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One system call, as hostile code would make it.
 *
 *	caller NAME|NUMBER [ARGUMENT...]
 *
 * An argument is a number, or @ for the address of some zeroed memory.  Prints
 * "ok" or the name of the error.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char memory[8192] __attribute__((aligned(64)));
	long args[6] = { 0 }, r;
	int nr;

	if (argc < 2 || argc > 8)
		return 2;
	nr = argv[1][0] >= '0' && argv[1][0] <= '9' ? atoi(argv[1]) :
	     seccomp_syscall_resolve_name(argv[1]);
	if (nr < 0) {
		fprintf(stderr, "caller: no call '%s' here\n", argv[1]);
		return 2;
	}
	for (int i = 2; i < argc; i++)
		args[i - 2] = strcmp(argv[i], "@") ? (long)strtoull(argv[i], NULL, 0) :
			      (long)(uintptr_t)memory;
	r = syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
	if (r == 0 && (nr == SYS_clone || nr == SYS_clone3))
		_exit(0);	/* perhaps a child: one answer is enough */
	puts(r < 0 ? strerrorname_np(errno) : "ok");
	return 0;
}
