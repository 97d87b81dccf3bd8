/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a command was seen to use: paths, ports, system calls.  For --learn.
 */
#ifndef RF_CMD_OBSERVED_H
#define RF_CMD_OBSERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "syscalls.h"
#include "tracee.h"

struct used_path {
	char		*path;		/* inside, absolute */
	uint8_t		 wants;		/* WANTS_* */
};

#define OBSERVED_PATHS_MAX	100000
#define OBSERVED_CALLS		1024
#define OBSERVED_PORTS_MAX	256

struct observed {
	struct used_path *paths;
	size_t		 nr, max;
	uint32_t	*hash;		/* index + 1 in paths, by hash; in the tracer */
	size_t		 nr_hash;
	uint64_t	 calls[OBSERVED_CALLS / 64];
	uint16_t	 connects[OBSERVED_PORTS_MAX], binds[OBSERVED_PORTS_MAX];
	size_t		 nr_connects, nr_binds;
	bool		 network;	/* an internet socket was used */
	bool		 remote;	/* beyond the loopback interface */
	bool		 foreign;	/* calls of another architecture: not looked into */
	bool		 incomplete;	/* more than fits, or no memory */
};

void observed_path(struct observed *o, const char *path, uint8_t wants);
void observed_call(struct observed *o, const struct tracee *t, const struct call *c);
void observed_done(struct observed *o);

#endif
