/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libringfence: start commands inside sandboxes, one completion per operation.
 *
 * Conventions.  Functions return 0 or a positive value, or a negative errno;
 * they never print, exit, read the environment or install signal handlers.
 * Outputs come last, are named ret_* and are written only on success.  A
 * struct rf_err may be NULL.  -1 is "no descriptor" and "no slot".  One
 * rf_ring belongs to one thread at a time.
 */
#ifndef RINGFENCE_H
#define RINGFENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RF_PUBLIC __attribute__((visibility("default")))

/* ---------------------------------------------------------------- errors */

/*
 * What went wrong, set once by whoever knew what was being attempted: the
 * first failure wins, later ones are consequences.
 */
struct rf_err {
	int		 code;		/* positive errno; 0: nothing failed */
	unsigned int	 line, col;	/* place in the spec, from 1; 0: unknown */
	char		 file[256];	/* the spec's name, or empty */
	char		 msg[512];	/* lower case, no newline, no strerror text */
	char		 hint[512];	/* one line for whoever can mend it, or empty */
};

#define RF_ERR_INIT { .code = 0 }

/* ---------------------------------------------------------------- chains */

struct rf_chain;

/* What a failing op means for the ops after it; as in io_uring. */
enum rf_link {
	RF_LINK = 0,		/* the chain ends, the rest is canceled */
	RF_LINK_HARD,		/* the next op runs all the same */
};

/* Whose task a clone op makes. */
enum rf_clone_as {
	RF_CLONE_CONTEXT = 0,	/* the task that runs the chain; always op 0 */
	RF_CLONE_INIT,		/* pid 1: becomes the init image at once */
	RF_CLONE_PAYLOAD,	/* vforked, unless alone on its memory; runs the rest of the chain and execs */
	RF_CLONE_APART,		/* the same, forked: on memory of its own; its maker ends */
};

#define RF_SLOT_NONE	(-1)

/**
 * rf_chain_new - an empty chain
 *
 * Return: the chain, to be given to rf_chain_free(); NULL without memory.
 */
RF_PUBLIC struct rf_chain *rf_chain_new(void);

/**
 * rf_chain_copy - another chain with what @chain has so far
 *
 * Each copy of a context (rf_context_clone()) goes on with a chain of its own.
 *
 * Return: as rf_chain_new().
 */
RF_PUBLIC struct rf_chain *rf_chain_copy(const struct rf_chain *chain);

/** rf_chain_free - release @chain; NULL is fine.  Returns NULL. */
RF_PUBLIC struct rf_chain *rf_chain_free(struct rf_chain *chain);

/**
 * rf_chain_give - name a descriptor of the caller for use in the chain
 * @fd:	borrowed; must stay open until the context has been made, which is
 *	when rf_submit() returns
 *
 * Return: a slot that holds it, or -EINVAL, -ENOMEM.
 */
RF_PUBLIC int rf_chain_give(struct rf_chain *chain, int fd);

/**
 * rf_chain_check - the refusals of the builder, all of them
 *
 * An error from any rf_prep_*() call is kept in the chain and comes out here.
 * A chain is refused that uses a slot before an op fills it, fills one twice,
 * goes back a phase, does not begin with a clone, or neither execs, exits nor
 * parks at its end.  rf_submit() checks by itself.
 *
 * Return: 0, or
 *	-EINVAL  refused; @err names the op
 *	-ENOMEM  an earlier rf_prep_*() found no memory
 *	-E2BIG   too many ops, slots or bytes
 */
RF_PUBLIC int rf_chain_check(const struct rf_chain *chain, struct rf_err *err);

/**
 * rf_chain_check_template - may contexts that have run @chain be copied?
 *
 * What rf_context_clone() refuses about ops, before anything runs: @chain, which
 * ends in a gate, may make nothing that copies cannot have or that they would
 * share, unless rf_op_share() says that they are meant to.
 *
 * Return: as rf_chain_check().
 */
RF_PUBLIC int rf_chain_check_template(const struct rf_chain *chain, struct rf_err *err);

/**
 * rf_chain_cut - drop op @index and those after it
 *
 * For another try at a chain that rf_context_submit() could not finish.  Slots
 * that the dropped ops would have filled stay empty for good.
 *
 * Return: 0 or -EINVAL.
 */
RF_PUBLIC int rf_chain_cut(struct rf_chain *chain, int index);

/** rf_chain_nr - number of ops in @chain. */
RF_PUBLIC int rf_chain_nr(const struct rf_chain *chain);

/**
 * rf_chain_op_name - the name of op @index, as in specs and errors
 * Return: a constant string; NULL when there is no such op.
 */
RF_PUBLIC const char *rf_chain_op_name(const struct rf_chain *chain, int index);

/**
 * rf_chain_print - op @index with its arguments, as `ringfence explain` has it
 * @buf, @size:	receives a NUL-terminated line, cut to fit
 *
 * Return: the length that it would have had, or -EINVAL.
 */
RF_PUBLIC int rf_chain_print(const struct rf_chain *chain, int index,
			     char *buf, size_t size);

/** rf_op_link - set the link mode of op @index; ops are RF_LINK by default. */
RF_PUBLIC int rf_op_link(struct rf_chain *chain, int index, enum rf_link link);

/**
 * rf_op_share - copies of the context share what op @index makes, on purpose
 *
 * For an op that rf_chain_check_template() refuses because copies "would share"
 * it; and for one that makes a mount namespace, which copies then may keep.
 *
 * Return: 0 or -EINVAL, which the chain remembers.
 */
RF_PUBLIC int rf_op_share(struct rf_chain *chain, int index);

/** rf_op_origin - say where in a spec op @index comes from; @file is copied. */
RF_PUBLIC int rf_op_origin(struct rf_chain *chain, int index, const char *file,
			   unsigned int line, unsigned int col);

/*
 * Builder calls.  Each appends one op and returns its index, or a negative
 * errno, which the chain also remembers.  Strings and arrays are copied.  Ops
 * that make a descriptor fill a new slot and store its number in *ret_slot,
 * which may not be NULL.  ringfence-ops(7) describes every op.
 */
RF_PUBLIC int rf_prep_clone(struct rf_chain *chain, enum rf_clone_as as, uint64_t flags);
RF_PUBLIC int rf_prep_unshare(struct rf_chain *chain, uint64_t flags);
RF_PUBLIC int rf_prep_setns(struct rf_chain *chain, int slot, uint64_t nstype);
RF_PUBLIC int rf_prep_exec(struct rf_chain *chain, const char *path,
			   char *const argv[], char *const envp[]);
RF_PUBLIC int rf_prep_execat(struct rf_chain *chain, int slot, const char *path,
			     char *const argv[], char *const envp[], int at_flags);
RF_PUBLIC int rf_prep_gate(struct rf_chain *chain);
RF_PUBLIC int rf_prep_exit(struct rf_chain *chain, int status);
RF_PUBLIC int rf_prep_open(struct rf_chain *chain, int dir_slot, const char *path,
			   uint64_t flags, unsigned int mode, uint64_t resolve, int *ret_slot);
RF_PUBLIC int rf_prep_dup(struct rf_chain *chain, int slot, int to_fd);
RF_PUBLIC int rf_prep_close(struct rf_chain *chain, int slot);
RF_PUBLIC int rf_prep_close_range(struct rf_chain *chain);
RF_PUBLIC int rf_prep_pipe(struct rf_chain *chain, int flags, int *ret_read, int *ret_write);
RF_PUBLIC int rf_prep_pty(struct rf_chain *chain, int devpts_slot, const char *ptmx,
			  unsigned int rows, unsigned int cols, int *ret_master, int *ret_terminal);
RF_PUBLIC int rf_prep_send_fd(struct rf_chain *chain, int slot);
RF_PUBLIC int rf_prep_memfd(struct rf_chain *chain, const char *name,
			    const void *data, size_t len, int *ret_slot);
RF_PUBLIC int rf_prep_write(struct rf_chain *chain, int slot, const char *path,
			    const void *data, size_t len);
RF_PUBLIC int rf_prep_chdir(struct rf_chain *chain, int slot, const char *path);
RF_PUBLIC int rf_prep_hostname(struct rf_chain *chain, const char *name);
RF_PUBLIC int rf_prep_rlimit(struct rf_chain *chain, int resource, uint64_t soft, uint64_t hard);
RF_PUBLIC int rf_prep_umask(struct rf_chain *chain, unsigned int mask);
RF_PUBLIC int rf_prep_setsid(struct rf_chain *chain);
RF_PUBLIC int rf_prep_ctty(struct rf_chain *chain, int slot);
RF_PUBLIC int rf_prep_pdeathsig(struct rf_chain *chain, int sig);
RF_PUBLIC int rf_prep_no_new_privs(struct rf_chain *chain);

/**
 * rf_prep_sigdefault - default dispositions for the signals that the caller ignores
 * rf_prep_sigmask - the signals that the command starts with blocked
 * @mask:	bit n for signal n + 1; 0: none
 *
 * A context blocks every signal: without rf_prep_sigmask() the command does too.
 */
RF_PUBLIC int rf_prep_sigdefault(struct rf_chain *chain);
RF_PUBLIC int rf_prep_sigmask(struct rf_chain *chain, uint64_t mask);

/**
 * rf_prep_seccomp - install a filter: seccomp(2), SECCOMP_SET_MODE_FILTER
 * @insns:	@nr instructions, 1 to 4096
 * @flags:	SECCOMP_FILTER_FLAG_*
 *
 * After rf_prep_no_new_privs() this is the last op before exec; without it, it
 * comes before capabilities and ids are given up.  The filter has to allow the
 * calls of the ops that follow, execve(2) included.
 */
struct sock_filter;
RF_PUBLIC int rf_prep_seccomp(struct rf_chain *chain, const struct sock_filter *insns,
			      size_t nr, unsigned int flags);

/* What one Landlock rule allows: beneath a path, beneath a slot, or at a port. */
struct rf_landlock_access {
	uint64_t	 access;	/* LANDLOCK_ACCESS_FS_*; for a port _NET_* */
	const char	*path;		/* looked up in the context; or NULL */
	int		 slot;		/* without a path; RF_SLOT_NONE: port */
	unsigned int	 port;
	int		 optional;	/* a path that is missing leaves the rule out */
};

/**
 * rf_prep_landlock - restrict the task by one Landlock ruleset
 * @handled_fs, @handled_net:	LANDLOCK_ACCESS_*: denied but for the rules
 * @scoped:	LANDLOCK_SCOPE_*
 *
 * Stands where rf_prep_seccomp() does, before it.  Rights that only a
 * directory can have are left out of a rule for another file.
 */
RF_PUBLIC int rf_prep_landlock(struct rf_chain *chain, uint64_t handled_fs,
			       uint64_t handled_net, uint64_t scoped,
			       const struct rf_landlock_access *rules, size_t nr);

/* ------------------------------------------------------------- the submitter */

struct rf_ring;
struct rf_context;

enum rf_engine_kind {
	RF_ENGINE_AUTO = 0,
	RF_ENGINE_RING,		/* io_uring; Linux 6.13 */
	RF_ENGINE_PLAIN,	/* system calls only; Linux 5.14 */
	RF_ENGINE_NATIVE,	/* the kernel runs the chain: one patched for that (kernel/) */
};

/**
 * rf_ring_new - one submitter: an io_uring, or its stand-in
 * @kind:	RF_ENGINE_AUTO takes the native engine where the kernel has it, else the
 *		ring where that can be had, and opens it when it is first needed
 *
 * Return: 0, or a negative errno with @err set (-ENOSYS, -EPERM: the ring was
 * asked for by name and the kernel refuses io_uring; -EMFILE, -ENOMEM).
 */
RF_PUBLIC int rf_ring_new(enum rf_engine_kind kind, struct rf_ring **ret_ring,
			  struct rf_err *err);

/**
 * rf_ring_free - kill and reap what still runs, then release; NULL is fine.
 * Return: NULL.
 */
RF_PUBLIC struct rf_ring *rf_ring_free(struct rf_ring *ring);

/** rf_ring_engine - "native", "ring" or "plain"; *ret_why, if not NULL, says why. */
RF_PUBLIC const char *rf_ring_engine(struct rf_ring *ring, const char **ret_why);

/**
 * rf_ring_fd - a descriptor that polls readable when rf_ring_wait() has news
 * Return: the descriptor, which belongs to the ring, or a negative errno.
 */
RF_PUBLIC int rf_ring_fd(struct rf_ring *ring);

enum rf_submit_flags {
	RF_SUBMIT_TIMES		= 1 << 0, /* stamp ops with their time (two clock reads each) */
	RF_SUBMIT_OPS		= 1 << 1, /* hand out a completion for every op */
	RF_SUBMIT_RSS		= 1 << 2, /* a payload task's peak memory is its own (costs an exec) */
	RF_SUBMIT_ENDED		= 1 << 3, /* say at once when the payload has ended */
	RF_SUBMIT_OWN_MEMORY	= 1 << 4, /* the context shares none of the submitter's (costs an exec);
					     exec is for a payload task then */
};

/**
 * rf_submit - make a context and let it run @chain: one shot
 * @user_data:	comes back in every completion
 * @ret_ctx:	the launch; freed by the ring with its last completion
 *
 * @chain is checked and copied; the caller may free it at once.  Descriptors
 * given with rf_chain_give() must stay open until this returns.
 *
 * Die-with-submitter (rf_prep_pdeathsig()) follows the *thread* that submits:
 * prctl(2), PR_SET_PDEATHSIG.
 *
 * Return: 0, or a negative errno with @err set; nothing runs then.
 */
RF_PUBLIC int rf_submit(struct rf_ring *ring, const struct rf_chain *chain,
			unsigned int flags, uint64_t user_data,
			struct rf_context **ret_ctx, struct rf_err *err);

enum rf_completion_kind {
	RF_DONE_OP = 1,		/* one op: index and result */
	RF_DONE_STARTED,	/* exec succeeded: result is the payload's pid */
	RF_DONE_PARKED,		/* the context waits: at gate op `index`; or, result < 0, after
				   op `index` of what it got by rf_context_submit() has failed */
	RF_DONE_FAILED,		/* the chain failed: op index, result, nothing runs */
	RF_DONE_EXIT,		/* the payload ended; the launch is over, all reaped */
	RF_DONE_TIMEOUT,	/* a deadline of rf_context_deadline() has passed */
	RF_DONE_WATCH,		/* a descriptor of rf_ring_watch() is ready */
	RF_DONE_FD,		/* op `index` sent a descriptor: result, now the caller's */
	RF_DONE_ENDED,		/* as RF_DONE_EXIT, which follows when the rest is reaped */
};

struct rf_completion {
	enum rf_completion_kind	 kind;
	struct rf_context	*ctx;		/* NULL for RF_DONE_WATCH */
	uint64_t		 user_data;
	int			 index;		/* op, or -1 */
	int			 result;	/* >= 0, or negative errno */
	uint64_t		 begin_ns, end_ns; /* CLOCK_MONOTONIC, with RF_SUBMIT_TIMES */

	/* RF_DONE_EXIT and RF_DONE_ENDED only */
	int			 status;	/* as of waitpid(2); -ENODATA in result: unknown */
	struct rusage		 usage;		/* of the payload and its reaped children */
	long			 launcher_rss_kib; /* ru_maxrss at or below this is the launcher's */
};

/**
 * rf_ring_wait - the next completion
 * @timeout_ms:	0 polls, -1 waits without limit
 *
 * A context's last completion is RF_DONE_EXIT or RF_DONE_FAILED; its pointer
 * is dead once the following call of rf_ring_wait() begins.  Signals do not
 * shorten the wait.
 *
 * Return: 1 with @ret_done filled, 0 when the time has passed, or a negative
 * errno.
 */
RF_PUBLIC int rf_ring_wait(struct rf_ring *ring, int timeout_ms,
			   struct rf_completion *ret_done);

/**
 * rf_ring_watch - one RF_DONE_WATCH when @fd is readable; again by another call
 * rf_ring_watch_out - the same, when @fd can be written to
 *
 * A number is watched for one of them at a time; who wants both has a dup(2).
 * What cannot be polled, such as a file, is ready at once.
 *
 * Return: 0 or a negative errno.  rf_ring_unwatch() before closing @fd.
 */
RF_PUBLIC int rf_ring_watch(struct rf_ring *ring, int fd, uint64_t user_data);
RF_PUBLIC int rf_ring_watch_out(struct rf_ring *ring, int fd, uint64_t user_data);
RF_PUBLIC int rf_ring_unwatch(struct rf_ring *ring, int fd);

/**
 * rf_context_open - open the gate at which @ctx is parked
 * Return: 0; -EINVAL if it is not, or is missing descriptors that were given.
 */
RF_PUBLIC int rf_context_open(struct rf_context *ctx);

/**
 * rf_context_submit - more ops for a context that is parked
 * @chain:	the one that @ctx has run so far, with further ops behind; it is
 *		checked as a whole, and copied
 *
 * For a context whose first chain ended in a gate.  It goes on behind that
 * gate with all that it has built: slots stay filled, indices count on.
 * Descriptors given since with rf_chain_give() are sent along.  Such a chain
 * ends in exec, exit or another gate, like every chain.
 *
 * From here on an op that fails does not end the context: the ops behind it
 * complete with -ECANCELED, and RF_DONE_PARKED has the failed one and its
 * errno.  The next rf_context_submit() begins with that op, as it is or, after
 * rf_chain_cut(), as another; what has completed is not done again, but an op
 * that failed half-way is done as a whole.  A failure ends the context after
 * all where nothing can be told: behind a filter (rf_prep_seccomp()), and when
 * the payload task cannot say who it is.  If pid 1 fails, only rf_context_kill()
 * helps.
 *
 * RF_DONE_PARKED with the index of before and -EMFILE, -ETOOMANYREFS or another
 * error of unix(7): not all descriptors have arrived and no op was run; the next
 * rf_context_submit() sends all of them again.  So they stay open until an op
 * behind has completed.  This may wait until the context has taken them.
 *
 * Return: 0, or a negative errno with @err set; the context stays parked.
 *	-EINVAL	 it is not parked, or its first chain did not end in a gate; @chain
 *		 is refused, is another one, or has no further op; or ops that need
 *		 RF_SUBMIT_OWN_MEMORY came too late to have it; or a context that has
 *		 it would exec without a payload task
 *	-EBADF	 a descriptor of rf_chain_give() is not open
 *	-E2BIG	 no room: 1 MiB for what is submitted after the first chain, with what
 *		 was cut
 *	-ENOMEM
 */
RF_PUBLIC int rf_context_submit(struct rf_context *ctx, const struct rf_chain *chain,
				struct rf_err *err);

/**
 * rf_context_clone - a copy of a context that is parked
 * @ctx:	a template: it stays parked, and can be copied any number of times
 * @user_data:	of the copy's completions
 * @ret_copy:	a context of its own, freed by the ring with its last completion
 *
 * The copy is a child of the caller, was submitted with the same flags, and has what
 * a task inherits: credentials, namespaces, working directory, limits, and
 * the descriptors, so that slots are filled as they were.  It parks
 * where @ctx is parked, which its RF_DONE_PARKED says; rf_context_submit(),
 * rf_context_open(), rf_context_kill() and rf_context_clone() are for it alone then.
 * Either may end before the other.
 * Ops that had completed do not complete again; the gate does, when it opens.
 *
 * What the kernel cannot copy, and what copies could use to reach each other, has
 * to be made by each copy, with what is submitted to it: a pid namespace with its pid
 * 1, procfs, devpts, every tmpfs; namespaces of ipc, net and uts; files that are
 * read, pipes, sockets, a session, a keyring.  rf_chain_check_template() knows
 * which op is which.  Where the template has a mount namespace the
 * copy has to unshare it first; mounts that it made private stay so.  Descriptors
 * of mounts that were opened before lead into the template's namespace.
 *
 * A template in a user namespace of its own is submitted with RF_SUBMIT_OWN_MEMORY:
 * commands of copies, which may have every capability there, would else reach the
 * memory of the caller.  From its first copy on it is not dumpable, nor are the copies
 * until exec: what an ordinary user writes to below /proc/self comes before.
 *
 * Waits until @ctx, which has nothing else to do, has answered: not for a
 * context that somebody has stopped.
 *
 * Return: 0, or a negative errno with @err set; @ctx is as it was.
 *	-EINVAL	 it is not parked, its first chain did not end in a gate, or it is missing
 *		 descriptors; it is pid 1 of a pid namespace, or shares the caller's
 *		 memory in a user namespace; or an op that it has run stands in the
 *		 way, which @err names
 *	-EPERM	 it has given up CAP_SYS_ADMIN in its user namespace
 *	-EAGAIN	 a limit of processes: clone(2)
 *	-EMFILE	 a limit of descriptors
 *	-ENOMEM
 *	-ESRCH	 it was killed meanwhile
 */
RF_PUBLIC int rf_context_clone(struct rf_context *ctx, uint64_t user_data,
			       struct rf_context **ret_copy, struct rf_err *err);

/**
 * rf_context_kill - SIGKILL for all of it; the completions still come
 * Return: 0, -ESRCH when it is over.
 */
RF_PUBLIC int rf_context_kill(struct rf_context *ctx);

/**
 * rf_context_signal - send @sig to the payload
 * Return: 0, -ESRCH before exec or after exit, -EMFILE without room for one more descriptor,
 * which it may need for a moment where many run.
 */
RF_PUBLIC int rf_context_signal(struct rf_context *ctx, int sig);

/** rf_context_deadline - RF_DONE_TIMEOUT in @ms from now; 0 cancels. */
RF_PUBLIC int rf_context_deadline(struct rf_context *ctx, uint64_t ms);

/**
 * rf_context_pid - pid of the payload task in the caller's namespace, once
 * that is there; or 0.
 */
RF_PUBLIC pid_t rf_context_pid(const struct rf_context *ctx);

/** rf_context_op - result of op @index so far: 1 and *ret, or 0 when not complete. */
RF_PUBLIC int rf_context_op(const struct rf_context *ctx, int index, int *ret_result);

#ifdef __cplusplus
}
#endif
#endif
