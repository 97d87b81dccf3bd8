/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a traced task has said to the kernel: its calls, its paths, its memory.
 *
 * Everything here is read from the outside while the task is stopped, and
 * bounded.  Another thread of the command may change the memory meanwhile: what
 * is read is for messages and for a spec to be written, and decides nothing.
 */
#ifndef RF_CMD_TRACEE_H
#define RF_CMD_TRACEE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "syscalls.h"

struct tracee {
	pid_t		 tid;
	bool		 entered;	/* the call below has been seen to begin */
	uint32_t	 arch;		/* AUDIT_ARCH_* */
	uint64_t	 nr, args[6], ip;
	/* of the call below, read when it began: exec replaces the memory */
	uint8_t		 wants[2];	/* WANTS_*; 0: no path */
	char		 path[2][PATH_MAX];
	struct sockaddr_storage address;
	size_t		 address_len;
};

/*
 * A path as it is inside, absolute and without "." and "..".  false: it cannot
 * be read, or is too long.
 */
bool tracee_path(pid_t tid, int dirfd, bool has_dir, uint64_t at, char ret[PATH_MAX]);

/* "/a/./b/../c" becomes "/a/c"; in place. */
void path_normalize(char *path);

/* Read what call @c of @t names, into it. */
void tracee_read_call(struct tracee *t, const struct call *c);

/* A string of at most @size - 1 bytes. */
bool tracee_string(pid_t tid, uint64_t at, char *buf, size_t size);
bool tracee_memory(pid_t tid, uint64_t at, void *buf, size_t size);

/*
 * @path as task @tid sees it, O_PATH: links are followed, but only inside.  With
 * O_NOFOLLOW in @flags the last one is not.  A descriptor or a negative errno.
 */
int tracee_open(pid_t tid, const char *path, int flags);

/* The path by which the program of @tid was started: AT_EXECFN. */
bool tracee_program(pid_t tid, char ret[PATH_MAX]);

/*
 * What starting file @path takes beside it, the next one: the interpreter of a
 * script, the loader of a dynamic program.  false: nothing.
 */
bool tracee_interpreter(pid_t tid, const char *path, char ret[PATH_MAX]);

#endif
