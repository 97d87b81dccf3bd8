/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a pool listens: a socket ".pool-NAME" in the folder of names (registry.h), which is
 * its user's own; or one that the service manager has made, known by its path.
 */
#ifndef RF_CMD_POOL_SOCKET_H
#define RF_CMD_POOL_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "registry.h"

struct rf_err;

#define POOL_DEFAULT	"default"

struct pool_socket {
	struct registry	 registry;
	const char	*name;
	int		 fd;		/* it listens; -1 */
	bool		 bound;		/* by us, and ours to remove */
	dev_t		 dev;
	ino_t		 ino;
};

#define POOL_SOCKET_NONE { .registry = { .dir = -1 }, .fd = -1 }

/* Listen as @name: 0, -EEXIST a pool of that name runs, or another errno with @err. */
int pool_listen(const char *name, struct pool_socket *ret, struct rf_err *err);
/*
 * The socket that the service manager has handed down (sd_listen_fds(3)): 1, 0 there is
 * none, or a negative errno with @err.
 */
int pool_listen_handed(const char *name, struct pool_socket *ret, struct rf_err *err);
/* Close it, and remove what was made. */
void pool_unlisten(struct pool_socket *s);

/*
 * Connect to the pool @name, or to a socket by its absolute path.
 * Return: a descriptor, or a negative errno with @err: -ESRCH there is none.
 */
int pool_connect(const char *name, struct rf_err *err);

/* May a pool be called so?  Else -EINVAL with @err. */
int pool_check_name(const char *name, struct rf_err *err);

#endif
