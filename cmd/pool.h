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
#include "pool_socket.h"
#include "pool_wire.h"
#include "ringfence.h"

#define POOL_SIZE_MAX	1024

/* The command line that a sandbox comes from: options of `run`, one word each. */
struct pool_words {
	char		**argv;		/* argv[0] is "run" */
	int		 argc;
};

struct ready;

/* What is kept ready. */
struct pool_ready {
	struct rf_ring	*ring;
	const struct pool_words *words;
	unsigned int	 size;		/* how many */
	uint64_t	 max_age_ns;	/* 0: no matter */
	uint64_t	 max_memory;	/* bytes, ours and theirs; 0: no matter */

	struct rf_chain	*head;		/* what all of them have run */
	uint64_t	 sources;	/* with these files of the host: rf_sandbox.sources */
	struct ready	*first, **last;	/* oldest first */
	unsigned int	 nr, nr_parked;	/* made or being made; to be had */
	bool		 stopped;	/* no more are made */
	uint64_t	 retry_ns;	/* making failed: not before */
	uint64_t	 look_ns;	/* the spec is not looked at again before */
	uint64_t	 quiet_ns;	/* nor is one made, while there are enough */
	uint64_t	 made, failed, retired;
	struct rf_err	 err;		/* why the last one failed */
};

void pool_ready_init(struct pool_ready *p, struct rf_ring *ring, const struct pool_words *words);
/* All are killed; what is left of them comes as completions. */
void pool_ready_stop(struct pool_ready *p);
void pool_ready_done(struct pool_ready *p);

/*
 * Begin what is missing, one at a time, and end what is too old.  How long until there is
 * something to do, in ms; -1: nothing.
 */
int pool_ready_maintain(struct pool_ready *p);
/* The oldest that is to be had, or NULL; it is the caller's. */
struct rf_context *pool_ready_take(struct pool_ready *p);
/* Of a context that is not taken: user_data is odd. */
void pool_ready_handle(struct pool_ready *p, const struct rf_completion *done);
static inline bool pool_ready_owns(const struct rf_completion *done)
{
	return done->user_data & 1;
}
/* Look whether the spec still says the same, and replace what says something else. */
void pool_ready_look(struct pool_ready *p);

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
	unsigned int	 nr_callers, nr_running, nr_waiting;
	bool		 draining;	/* no caller is taken any more */
	bool		 crowded;	/* too many callers: the next one waits outside */
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
/* Tell it to launch without us. */
void caller_send_away(struct caller *c, const char *why);
/* The command may have stopped. */
void caller_look_for_stop(struct caller *c);
/* No more of it. */
void caller_end(struct caller *c, int sig);

/* pool_serve.c: until it is told to end.  The exit status. */
int pool_serve(struct pool *p);
/* What STATUS, DRAIN and RELOAD ask; the answer is in @socket. */
void pool_control(struct pool *p, int socket, enum pool_what what);

/* Read the options of @words into @l; @spec_too: its --spec as well. */
int pool_read_words(struct load *l, const struct pool_words *words, struct rf_err *err);

#endif
