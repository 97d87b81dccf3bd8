/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages with descriptors for freestanding code, which cannot include <sys/socket.h>:
 * struct msghdr and struct cmsghdr as 64-bit kernels have them (sendmsg(2), unix(7)).
 */
#ifndef RF_MESSAGE_H
#define RF_MESSAGE_H

#include <asm/socket.h>
#include <linux/uio.h>
#include <stddef.h>
#include <stdint.h>

#include "compat.h"
#include "context.h"

struct rf_cmsg {		/* descriptors follow */
	size_t	len;
	int	level, type;
};
#define RF_CMSG_LEN(nr) (sizeof(struct rf_cmsg) + (nr) * sizeof(int32_t))

struct rf_given_fds {
	struct rf_cmsg	head;
	int32_t		fds[RF_GIVE_MAX];
};

struct rf_msg {
	void		*name;
	int		 namelen;
	struct iovec	*iov;
	size_t		 iovlen;
	struct rf_cmsg	*control;
	size_t		 controllen;
	unsigned int	 flags;
};

static inline int32_t *rf_cmsg_fds(struct rf_cmsg *c)
{
	return (int32_t *)(void *)(c + 1);
}

/* How many descriptors have come with @m. */
static inline uint32_t rf_msg_fds(const struct rf_msg *m)
{
	const struct rf_cmsg *c = m->control;

	if (m->controllen < sizeof(*c) || c->level != SOL_SOCKET || c->type != SCM_RIGHTS)
		return 0;
	return (uint32_t)((c->len - sizeof(*c)) / sizeof(int32_t));
}

#endif
