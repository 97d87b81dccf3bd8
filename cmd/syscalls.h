/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System calls that name a file, a peer or a privilege: what in their arguments
 * does, and what they want of it.  For the tracer.
 */
#ifndef RF_CMD_SYSCALLS_H
#define RF_CMD_SYSCALLS_H

#include <stdint.h>

/* What a call wants of a path; bits. */
enum {
	WANTS_STAT	= 1 << 0,	/* that it is there */
	WANTS_READ	= 1 << 1,
	WANTS_WRITE	= 1 << 2,	/* change what is there */
	WANTS_MAKE	= 1 << 3,	/* an entry of its directory: make, remove, rename */
	WANTS_EXEC	= 1 << 4,
	WANTS_DIR	= 1 << 5,	/* list it, or be in it */
	WANTS_LINK	= 1 << 6,	/* of the last component: the link itself */
	WANTS_MAYBE	= 1 << 7,	/* make it if it is not there */
};

/* How the arguments are to be read beyond that. */
enum call_kind {
	CALL_PATH = 0,
	CALL_OPEN,		/* flags in argument .extra */
	CALL_OPENAT2,		/* struct open_how at argument .extra */
	CALL_CONNECT, CALL_BIND,	/* a socket address at argument 1, length 2 */
	CALL_SENDTO,		/* likewise at 4, 5 */
	CALL_CAPABILITY,	/* no path: needs capability .extra */
	CALL_PTRACE,
};

struct call_path {
	int8_t		 dir, path;	/* numbers of arguments; -1 none */
	uint8_t		 wants;
};

struct call {
	int		 nr;
	const char	*name;
	enum call_kind	 kind;
	int8_t		 extra;
	struct call_path paths[2];
};

/* NULL: of no interest.  @nr as of this architecture. */
const struct call *call_find(uint64_t nr);

/* This architecture's AUDIT_ARCH_*; calls of another one's are not looked into. */
extern const uint32_t call_arch;

#endif
