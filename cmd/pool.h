/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence pool: sandboxes that are there before anybody wants them.
 *
 *	command line	pool.c		options, into the background, status, drain, reload
 *	sandboxes	pool_ready.c	making, counting and ageing what is ready
 *	serving		pool_serve.c	callers, and the loop
 *	one caller	pool_caller.c	from a request to a launch
 *	who it is	pool_peer.c
 *	where		pool_socket.c
 *	words		pool_wire.c	what is said over the socket
 *	the other end	pool_client.c	`ringfence run --pool`
 *
 * A sandbox that is ready is a context that has run the first part of its chain
 * (enum rf_part) and is parked in it, in memory of its own.  A launch compiles the whole
 * chain for its caller; if that begins as the sandboxes that are ready have begun, one of
 * them runs the rest.  It is used once.
 */
#ifndef RF_CMD_POOL_H
#define RF_CMD_POOL_H

#include "launch.h"
#include "load.h"
#include "pool_ready.h"
#include "pool_socket.h"
#include "pool_wire.h"
#include "ringfence.h"

#define POOL_SIZE_MAX	1024

/* The command line that a sandbox comes from: options of `run`, one word each. */
struct pool_words {
	char		**argv;		/* argv[0] is "run" */
	int		 argc;
};

/* ------------------------------------------------------------------- callers */

enum caller_state {
	CALLER_NEW = 0,		/* has not said what it wants */
	CALLER_WAITING,		/* for a sandbox */
	CALLER_RUNNING,
	CALLER_GONE,		/* and its command is being killed */
};

struct pool;

struct caller {
	struct caller	*next, **prev;
	struct pool	*pool;
	enum caller_state state;
	int		 socket;
	uint64_t	 since_ns;
	struct pool_request request;
	int		 fds[POOL_FDS_MAX];	/* its descriptors, -1: none */
	struct rf_caller view;
	struct load	 load;
	struct launch	 launch;
	bool		 loaded;		/* the two are to be released */
	int		 nr_ready;		/* ops that had been done before it came */
};

struct pool {
	struct pool_socket socket;
	struct pool_self *self;
	struct pool_ready ready;
	struct pool_words words;
	const char	*spec;		/* absolute path; NULL: the preset */
	struct rf_ring	*ring;
	int		 cwd;		/* our working directory */
	int		 signal_fd;
	struct caller	*callers;
	struct caller	*spare;		/* memory for the next; or NULL */
	unsigned int	 nr_callers, nr_running, nr_waiting;
	bool		 draining;	/* no caller is taken any more */
	bool		 crowded;	/* too many callers: the next one waits outside */
	bool		 starved;	/* of descriptors, with no caller whose end would help */
	bool		 lost;		/* our working directory is gone */
	uint64_t	 look_ns;	/* what we are is not looked at before */
	uint64_t	 warm, cold;	/* launches */
	char		 last_cold[160];	/* why */
	struct rf_err	 err;
};

/* pool_caller.c: a connection; its words; a completion of its launch. */
struct caller *caller_new(struct pool *p, int socket);
void caller_free(struct caller *c);
/* Its socket is readable.  0: it stays; 1: it is to be released. */
int caller_ready(struct caller *c);
/* Give it a sandbox, if there is one.  Likewise. */
int caller_dispatch(struct caller *c);
int caller_handle(struct caller *c, const struct rf_completion *done);
/* Text for its standard error, or what it has asked for; lost if it does not listen. */
void caller_say(void *c, const char *text, size_t len);
/* Tell it to launch without us. */
void caller_send_away(struct caller *c, const char *why);
/* The command may have stopped. */
void caller_look_for_stop(struct caller *c);
/* No more of it. */
void caller_end(struct caller *c, int sig);

/* pool_serve.c: until it is told to end.  The exit status. */
int pool_serve(struct pool *p);
/* What STATUS, DRAIN and RELOAD ask; @c has the answer then. */
void pool_control(struct caller *c, enum pool_what what);

/* pool_caller.c: read the options of @words into the sandbox of @l. */
int pool_read_words(struct load *l, const struct pool_words *words, struct rf_err *err);

#endif
