/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a pool and its clients say to each other, over a SOCK_SEQPACKET socket.
 *
 *	client: RUN, then ENDS, KILL	pool: COLD, or SAY, TERMINAL, STARTED, STOPPED and OVER
 *	client: STATUS, DRAIN, RELOAD	pool: SAY, OVER
 *
 * A message is a header and up to POOL_TEXT_MAX bytes of text.  What a RUN asks for is
 * longer: it lies in a memfd, the first of its descriptors; the others are the command's.
 * Both ends are processes of one user which the kernel confines alike (pool_peer.h);
 * still, each reads the other's words as a stranger's.
 */
#ifndef RF_CMD_POOL_WIRE_H
#define RF_CMD_POOL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_VERSION	1
#define POOL_TEXT_MAX	4096
#define POOL_FDS_MAX	64		/* with one message */
#define POOL_REQUEST_MAX (8U << 20)	/* bytes; the kernel allows a command 6 MiB */

enum pool_what {
	/* from the client */
	POOL_RUN = 1,		/* value: POOL_VERSION; descriptors: the request, then its own */
	POOL_STATUS, POOL_DRAIN, POOL_RELOAD,
	POOL_ENDS,		/* signal `value` has come, which ends what has not started yet */
	POOL_KILL,		/* signal `value` has come, which ends it */
	/* from the pool */
	POOL_COLD,		/* it is to be launched without the pool; text: why, and behind it, each
				   with its NUL, words that make the pool's sandbox of a command line
				   without a spec; value 0: they have no room */
	POOL_SAY,		/* text, for standard error; of STATUS for standard output */
	POOL_TERMINAL,		/* descriptor: the master of the private terminal */
	POOL_STARTED,		/* value: pid; more: it is pid 1; descriptor: its pidfd */
	POOL_STOPPED,		/* signal `value` has stopped the command */
	POOL_OVER,		/* value: exit status, or -1: it died by signal `more`;
				   descriptor: the verdict, if it was asked for */
	POOL_WHAT_NR
};

struct pool_head {
	uint32_t	 what;		/* enum pool_what */
	int32_t		 value, more;
};

struct pool_message {
	struct pool_head head;
	char		 text[POOL_TEXT_MAX + 1];	/* NUL-terminated */
	size_t		 len;
	int		 fds[POOL_FDS_MAX];
	size_t		 nr_fds;
};

/*
 * Send without waiting; @text may be NULL.  0 or a negative errno: -EAGAIN whoever it
 * is for does not read, -EPIPE has gone.
 */
int pool_send(int socket, enum pool_what what, int value, int more, const char *text, size_t len,
	      const int *fds, size_t nr_fds);

/*
 * The next message; its descriptors are the caller's.  1, 0 none for now (@wait: it is
 * waited for), or a negative errno: -EPIPE at the end, -EBADMSG what is none.
 */
int pool_receive(int socket, bool wait, struct pool_message *ret);
/* Close what came with @m and has not been taken (set to -1). */
void pool_message_done(struct pool_message *m);

/* ------------------------------------------------------------------- a request */

/* What a command needs to know of the process that it is for. */
struct pool_request {
	char		**argv;		/* of `ringfence run`; NULL-terminated */
	size_t		 argc;
	char		**envp;		/* likewise */
	size_t		 nr_env;
	const char	*cwd;		/* absolute */
	bool		 wants_verdict, has_spec;	/* its argv has a --spec */
	uint32_t	 umask;
	struct { uint64_t soft, hard; } rlimits[16];	/* by RLIMIT_* */
	int		 numbers[POOL_FDS_MAX];	/* of its descriptors, as it calls them */
	size_t		 nr_fds;
	void		*memory;	/* that the strings are in */
};

/* As one piece of memory, to be freed; NULL: no memory. */
void *pool_request_pack(const struct pool_request *q, size_t *ret_len);
/*
 * And back.  Return: 0, and the request is to be released; -EBADMSG or -ENOMEM.
 * @text may hold anything.
 */
int pool_request_unpack(const void *text, size_t len, struct pool_request *ret);
void pool_request_done(struct pool_request *q);

/* To and from a memfd.  A descriptor, or the length of *ret, to be freed; or -errno. */
int pool_memfd(const void *text, size_t len);
long pool_memfd_read(int fd, void **ret);

#endif
