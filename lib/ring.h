/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The submitter's side: rings, contexts as the submitter sees them, and what
 * an engine has to offer.
 *
 * Every launch has one report socket.  The context's end is close-on-exec, so
 * end of file means that set-up is over: the payload has exec'd, or every task
 * of the launch on shared memory is gone.  Then the records tell which, and
 * only then is the memory that the tasks used free again (pid 1 closes its
 * copy early, so its own word is looked at too).
 */
#ifndef RF_RING_H
#define RF_RING_H

#include "chain.h"
#include "ringfence.h"
#include "task.h"

/* What a readiness cookie points at; in its low bits. */
enum rf_cookie { RF_COOKIE_REPORT = 0, RF_COOKIE_CONTEXT, RF_COOKIE_INIT, RF_COOKIE_PAYLOAD,
		 RF_COOKIE_WATCH, RF_COOKIE_TIMER, RF_COOKIE_WATCH_OUT, RF_COOKIE_MOUNTS };
#define RF_COOKIE_MASK	7

struct rf_engine {
	const char	*name;
	int	(*open)(struct rf_ring *ring, struct rf_err *err);
	void	(*close)(struct rf_ring *ring);
	/*
	 * One call of rf_ring_event(@cookie) when @fd is readable or hung up; for
	 * RF_COOKIE_WATCH_OUT, when it is writable.  -EPERM: it is always ready.
	 */
	int	(*arm)(struct rf_ring *ring, int fd, uint64_t cookie);
	/* Take back an arm() that has not fired: no event with @cookie comes afterwards. */
	int	(*disarm)(struct rf_ring *ring, int fd, uint64_t cookie);
	/* Wait once and deliver events. 0 or a negative errno; -EINTR is 0. */
	int	(*wait)(struct rf_ring *ring, int timeout_ms);
	/*
	 * Close @fd, on which much may hang that takes its time.  1: an event with @cookie
	 * says when it is done; 0: it is.
	 */
	int	(*let_go)(struct rf_ring *ring, int fd, uint64_t cookie);
	/*
	 * Keep both of @fds, of which one may be -1, so that they need not be in the table
	 * of descriptors.  Where they are kept, or a negative errno.  NULL: the engine has
	 * no place for them, nor the other two.
	 */
	int	(*stow)(struct rf_ring *ring, const int fds[2]);
	/* As arm(), of descriptor @which of what is kept at @place. */
	int	(*arm_stowed)(struct rf_ring *ring, int place, int which, uint64_t cookie);
	/*
	 * Have them again, in @ret_fds, unless that is NULL, and keep them no longer.  0; or
	 * a negative errno, and all is as it was.
	 */
	int	(*unstow)(struct rf_ring *ring, int place, int ret_fds[2]);
	/*
	 * Have all of @chain carried out in another way than by a context.  1: it is
	 * under way; 0: it cannot be, and ctx->why_not says why; or a negative errno.
	 * NULL: there is no other way.
	 */
	int	(*launch)(struct rf_ring *ring, const struct rf_chain *chain,
			  struct rf_context *ctx, struct rf_err *err);
};

extern const struct rf_engine rf_engine_ring, rf_engine_plain, rf_engine_native;
struct rf_native_launch;
struct rf_links;

struct rf_watch {
	struct rf_watch	*next;
	int		 fd;		/* -1: no longer wanted */
	uint64_t	 user_data;
	bool		 armed, is_out;
};

/* One of the tasks of a launch, by pidfd. */
struct rf_task {
	pid_t		 pid;		/* 0: never made */
	int		 pidfd;
	bool		 armed, reaped;
};

struct rf_context {
	struct rf_ring	*ring;
	struct rf_context *next, **prev;
	uint32_t	 id;		/* in doorbells */
	unsigned int	 flags;		/* RF_SUBMIT_* */
	uint64_t	 user_data;

	struct rf_area	*area;		/* NULL once the command runs: then .results has what it had */
	int32_t		*results;	/* of all ops, or NULL */
	uint32_t	 nr_results;
	struct rf_native_launch *native; /* the kernel runs the chain; or NULL */
	char		*why_not;	/* the native engine's, of a chain that is not for it */
	bool		 own_image;	/* the context is a program of its own */
	int		 area_fd;	/* own image only */
	void		*stacks;	/* of the tasks that share memory */
	int		 report_fd;	/* the submitter's end */
	struct rf_task	 context, init, payload;
	int		 stowed;	/* the engine keeps the pidfds of payload and init, at this
					   place - 1, and they are -1 here; 0: it does not */

	uint32_t	 seen;		/* ops already handed out */
	uint32_t	 floor;		/* soft-failed or done: not the cause of a failure */
	bool		 setup_over, started, told_end, failed, killed, done, report_armed;
	int		 failed_op, failed_result;
	int		 parked_op;	/* -1: not parked */
	bool		 parked_failed;	/* not at a gate: that op has failed */
	bool		 lingers;	/* there is room for further ops */
	bool		 apart;		/* the payload is not the ring's to reap, once started */
	int		 mount_ns;	/* held, so that the payload's end need not wait for its; -1 */
	bool		 unmounting;	/* it has been let go of, and is not gone yet */
	bool		 last_submit;	/* as after rf_submit(), an op that fails ends it */
	uint32_t	 given_slots;	/* parked: what is given in slots below this it has */
	uint32_t	 copied_at;	/* a copy: what has run in another than it; else 0 */
	int		 status;	/* as of waitpid, once the payload is reaped */
	int		 status_error;	/* -ENODATA */
	struct rusage	 usage;
	long		 launcher_rss_kib;
	uint64_t	 deadline_ns;	/* 0: none */

	struct rf_links	*links;		/* network interfaces moved into it, until it is on its way */

	/* a helper launch (newuidmap): whose question it answers; NULL: gone since */
	bool		 internal;
	struct rf_context *asker;
	int		 ask_op, ask_step;
};

/* Memory of launches that are over, for the next (launch.c). */
struct rf_kept {
	void		*first;
	unsigned int	 nr;
};

#define RF_STOW_ABOVE 32	/* fewer cost a launch less than stowing one */

struct rf_ring {
	enum rf_engine_kind kind;	/* as asked for */
	bool		 open;		/* the engine is chosen and open: rf_ring_open() */
	const struct rf_engine *engine;
	const char	*why;		/* the engine was chosen */
	char		 why_text[128];
	void		*private;	/* the engine's */
	int		 poll_fd;
	int		 doorbell_fd;	/* of the io_uring, or -1 */
	uint32_t	 max_calls;	/* of a request of the native engine */
	struct rf_context *contexts;
	unsigned int	 nr_contexts;
	unsigned int	 stow_above;	/* so many of them, and what only runs is stowed */
	uint32_t	 last_id;
	struct rf_watch	*watches;
	int		 timer_fd;	/* -1 until the first deadline */
	int		 self_pidfd;	/* -1 until a chain has pdeathsig */
	int		 init_fd, context_fd;	/* sealed images; -1 until needed */
	bool		 no_clone3;
	/*
	 * The kernel may run chains by itself, so look before the first launch: set by a
	 * host that has asked uname, else asked (rf_may_be_native()).
	 */
	enum { RF_HINT_NONE = 0, RF_HINT_YES, RF_HINT_NO } native_hint;
	/*
	 * Set by a host of one thread: nobody changes the disposition of a signal
	 * while rf_submit() runs, so that the submitter can look which are ignored
	 * beside the context, and spare it sixty calls.
	 */
	bool		 one_thread;
	bool		 only_launches;	/* rf_ring_only_launches() */
	bool		 ignored_known;
	uint64_t	 ignored;
	/* tests: see struct rf_area */
	uint32_t	 inject_op;
	int32_t		 inject_result;

	/* completions not yet handed out */
	struct rf_completion *queue;
	unsigned int	 head, nr_queue, max_queue;
	struct rf_context *dying;	/* handed out with the last completion */

	struct rf_kept	 stacks, areas;
	struct rf_context *spare;	/* contexts that are over */
	unsigned int	 nr_spare;
	void		*layout;		/* room to lay out an area */
	size_t		 layout_size;
};

/* Parked: ops that will not run again, up to and with a gate, or before the op that has failed. */
static inline uint32_t rf_nr_over(const struct rf_context *ctx)
{
	return (uint32_t)ctx->parked_op + !ctx->parked_failed;
}

/* What the launch area holds of op @index. */
static inline struct rf_op *rf_op_at(const struct rf_context *ctx, uint32_t index)
{
	return (struct rf_op *)(void *)((char *)ctx->area + ctx->area->off_ops) + index;
}

static inline struct rf_record *rf_record_at(const struct rf_context *ctx, uint32_t index)
{
	return (struct rf_record *)(void *)((char *)ctx->area + ctx->area->off_records) + index;
}

static inline struct rf_context *rf_cookie_ptr(uint64_t cookie)
{
	return (struct rf_context *)(uintptr_t)(cookie & ~(uint64_t)RF_COOKIE_MASK);
}

static inline bool rf_cookie_is_out(uint64_t cookie)
{
	return (cookie & RF_COOKIE_MASK) == RF_COOKIE_WATCH_OUT;
}

static inline uint64_t rf_cookie(const void *p, enum rf_cookie kind)
{
	return (uint64_t)(uintptr_t)p | kind;
}

/*
 * ring.c: choose and open the engine, unless that is done.  It is put off until
 * something has to be waited for: by then the first context is at work on
 * another processor, and a launch need not wait for io_uring_setup.
 */
int rf_ring_open(struct rf_ring *ring, struct rf_err *err);

/*
 * ring.c: a host does nothing else but launch, @nr at once or so.  From its first launch on
 * no signal is ignored that was not, so one look is enough; and memory for contexts is
 * there before, and used again.  0 or -ENOMEM.
 */
int rf_ring_only_launches(struct rf_ring *ring, unsigned int nr);
/* linger.c: @size bytes, all zero, until the next call.  NULL: no memory. */
void *rf_layout_room(struct rf_ring *ring, size_t size);

/* engine_native.c: request @index of @launch is done; of a context that goes, forget all. */
void rf_native_event(struct rf_ring *ring, uint32_t launch, uint32_t index, int32_t result);
void rf_native_free(struct rf_context *ctx);
/* ring.c: what has carried out @ctx's chain, and why it was not the ring's first choice. */
const char *rf_context_engine(const struct rf_context *ctx, const char **ret_why);

/* supervise.c */
/* Set-up is over, and the records say how it went. */
void rf_context_set_up(struct rf_context *ctx);
/* Tasks that the area has the number of, and nobody has named. */
void rf_context_adopt(struct rf_context *ctx);
/* Completions of the ops that are done; parked at the gate @index. */
void rf_context_hand_out(struct rf_context *ctx);
void rf_context_parked(struct rf_context *ctx, uint32_t index);
/* The task that runs op @index: the payload task after its clone, else the context. */
struct rf_task *rf_context_runner(struct rf_context *ctx, uint32_t index);
/* Take what has been said on the report socket.  0; negative: nobody is there to say more. */
int rf_context_hear(struct rf_context *ctx);
void rf_ring_event(struct rf_ring *ring, uint64_t cookie);
void rf_ring_doorbell(struct rf_ring *ring, uint32_t launch, uint32_t index);
int rf_ring_push(struct rf_ring *ring, const struct rf_completion *c);
void rf_context_free(struct rf_context *ctx);
/* ring.c: one that has no task yet; the caller names it to nobody before it has.  NULL: no memory. */
struct rf_context *rf_context_new(struct rf_ring *ring, unsigned int flags, uint64_t user_data);
/* ring.c: end a context of which the caller never hears. */
void rf_context_discard(struct rf_context *ctx);
void rf_context_advance(struct rf_context *ctx);
int rf_report_arm(struct rf_context *ctx);

/*
 * stow.c.  A context has a copy of the submitter's table of descriptors until it has
 * closed what is not for it, so each launch would pay for all that run.  Of those the
 * engine keeps the pidfds, where it can, until something happens to them.
 */
void rf_context_stow(struct rf_context *ctx);
void rf_context_unstow(struct rf_context *ctx);
/* The payload's, until the context is freed, whether or not it is reaped; or -1. */
int rf_context_pidfd(struct rf_context *ctx);

/* Where the parts of a launch area are, for the ops of one chain. */
struct rf_layout {
	uint32_t off_records, off_slots, off_entries, off_keep, off_ops, off_data;
	uint32_t max_keep;
	size_t	 size;
};

/* launch.c; rf_fd_floor: the lowest number that no dup of @c wants. */
void rf_layout_of(const struct rf_chain *c, struct rf_layout *ret);
uint32_t rf_fd_floor(const struct rf_chain *c);
/* Where @l has put the parts of @c, in the header. */
void rf_area_describe(struct rf_area *a, const struct rf_chain *c, const struct rf_layout *l);
/* What @c itself has, at @to, the start of an area; its slots, which are all empty. */
int32_t *rf_area_copy(const struct rf_chain *c, const struct rf_layout *l, char *to);
/* Of an exec in @c, can it be told whether it succeeds?  0, or -EINVAL with @err. */
int rf_check_exec(const struct rf_context *ctx, const struct rf_chain *c, struct rf_err *err);

/* launch.c: what a launch needs besides, for engines: images; area and records of @chain. */
int rf_launch_images(struct rf_ring *ring, bool init, bool own_image, struct rf_err *err);
int rf_launch_area(struct rf_context *ctx, const struct rf_chain *chain);
/* launch.c: all signals, around a clone; with @before what rf_signals_back() takes. */
void rf_signals_block(uint64_t *before);
void rf_signals_back(const uint64_t *before);

/* launch.c: make the context of @chain.  0 or a negative errno with @err. */
int rf_launch(struct rf_ring *ring, const struct rf_chain *chain, struct rf_context *ctx,
	      struct rf_err *err);
/* launch.c: area and stacks of @ctx, a copy of @from, which is parked and told where it starts. */
int rf_launch_copy(struct rf_context *ctx, const struct rf_context *from);
void rf_launch_release(struct rf_context *ctx);
/*
 * The command runs, and nothing of the launch is on our memory any more: keep what the
 * ops came to, and give the rest back.  A thousand that run would take 50 MiB else.
 */
void rf_launch_settle(struct rf_context *ctx);
void rf_kept_release(struct rf_ring *ring);

/*
 * template.c: what of the @nr ops at @ops keeps a context that has run them from
 * being copied: words, and which op.  NULL: nothing.
 */
const char *rf_template_refusal(const struct rf_op *ops, uint32_t nr, uint32_t *ret_index);
/* Have they put it into a user namespace that its copies are in, too? */
bool rf_template_has_users(const struct rf_op *ops, uint32_t nr);
/* Does it have a word about ops of @kind? */
bool rf_template_knows(enum rf_op_kind kind);
/*
 * Of a copy that shares the mount namespace in which ops before @copied_at have put
 * it: the op of its own that would act there, before it has one of its own; -1: none.
 */
int rf_template_shared_mounts(const struct rf_op *ops, uint32_t nr, uint32_t copied_at);

/*
 * linger.c: one message from @socket, with *@ret_fd or -1.  1; 0: none for now, with
 * MSG_DONTWAIT in @flags; -ESRCH: the other end has gone; or another negative errno.
 */
int rf_report_receive(int socket, int flags, struct rf_report *ret, int *ret_fd);
/* linger.c: send the @nr descriptors at @fds with @rep; 0 or -errno, a context that is gone is none. */
int rf_context_tell(const struct rf_context *ctx, const struct rf_report *rep, const int *fds,
		    unsigned int nr);

/* wait.c */
/* Reap @task if it has ended: 1 reaped (or known to be gone), 0 still there. */
int rf_task_reap(struct rf_task *task, int *ret_status, int *ret_error, struct rusage *ret_usage);
/*
 * A task has let go of its descriptors that are close-on-exec: was it by exec, and
 * not by its end?  1, 0, or -errno where /proc cannot tell.
 */
int rf_task_has_execed(pid_t pid);
/* A task of ours has exec'd, or is at its end or gone; false where /proc cannot tell. */
bool rf_task_is_past_exec(pid_t pid);
/* Is it still ours to reap? */
bool rf_task_is_child(const struct rf_task *task);
/* Has it called exit, and not been ended by a signal?  Not reaped by this. */
bool rf_task_has_exited(const struct rf_task *task);
/* The mount namespace of a task that is not reaped, or -errno. */
int rf_task_mount_ns(const struct rf_task *task);
/* Peak resident set of this process's memory, KiB; 0 where /proc cannot tell. */
long rf_self_peak_rss_kib(void);

/* idmap.c: carry out an idmap op for @ctx.  1: answer comes later; else result. */
int rf_idmap_start(struct rf_context *ctx, uint32_t index);
void rf_idmap_continue(struct rf_context *helper, int status);

/* links.c: carry out the move_link at @index, into the namespace of the rtnetlink socket @lent. */
int rf_links_move(struct rf_context *ctx, uint32_t index, int lent);
/* It keeps what was moved, or gives it @back. */
void rf_links_end(struct rf_context *ctx, bool back);
/* What was not kept goes back. */
void rf_links_free(struct rf_context *ctx);
/* Let the context, parked at op @index or waiting for its @result, go on. */
void rf_context_answer(struct rf_context *ctx, uint32_t index, int result);

#endif
