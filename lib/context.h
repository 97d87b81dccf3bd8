/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The launch area and what runs in a context.
 *
 * Everything declared here is FREESTANDING: it runs in a task that may share
 * the submitter's memory, so it calls no libc function, takes no lock, touches
 * no TLS and allocates nothing.  System calls are raw and return negative
 * errno (syscall.h).
 *
 * The area is one mapping: header, records, slots, mount ids, ops,
 * data.  All offsets are from its start, so a helper image may map it
 * elsewhere.  While a context is parked the submitter may lay the area out anew,
 * all but the header.  Records are the truth about what happened; whatever travels over
 * the ring or the report socket only says "look".
 */
#ifndef RF_CONTEXT_H
#define RF_CONTEXT_H

#include "op.h"

enum rf_record_state {
	RF_REC_NONE = 0, RF_REC_BEGUN, RF_REC_DONE,
};

struct rf_record {
	uint32_t	state;		/* enum rf_record_state; written with release order */
	int32_t		result;
	uint64_t	begin_ns, end_ns;	/* CLOCK_MONOTONIC, with RF_AREA_TIMES */
};

/* rf_area.flags */
#define RF_AREA_TIMES	(1U << 0)	/* stamp records */
#define RF_AREA_OPS	(1U << 1)	/* ring the doorbell at every op */
#define RF_AREA_NO_CLONE3 (1U << 2)	/* clone3 was refused: clone(2) and what it lacks */
#define RF_AREA_LINGER	(1U << 3)	/* an op that fails parks the context */
#define RF_AREA_APART	(1U << 4)	/* the payload task outlives its submitter: keeps the area's file */

/* What a message on the report socket says (struct rf_report). */
enum rf_report_what {
	RF_REPORT_OP = 1,	/* plain engine's doorbell */
	RF_REPORT_INIT,		/* carries the pidfd of pid 1 */
	RF_REPORT_PAYLOAD,	/* carries the pidfd of the payload task */
	RF_REPORT_GATE,		/* parked at op `index`: a gate, or one that has failed */
	RF_REPORT_ASK,		/* op `index` is the submitter's to do; may carry what it takes */
	RF_REPORT_FD,		/* carries a descriptor that op `index` sends */
	RF_REPORT_GO,		/* from the submitter: gate open, or `result` of what was asked */
	RF_REPORT_GIVE,		/* from the submitter: only carries descriptors, as GO may */
	RF_REPORT_CLONE,	/* from the submitter: carries what a copy is to have; `result` 1: if
				   the context still has CAP_SYS_ADMIN */
	RF_REPORT_COPY,		/* rf_area.copy_pid has the answer; carries the copy's pidfd */
};
struct rf_report {
	uint32_t	what;
	uint32_t	index;
	int32_t		result;
	uint32_t	slot, nr;	/* GIVE, GO: `nr` descriptors for slots from `slot` on */
};
#define RF_GIVE_MAX	16	/* of them in one message: an even number */

#define RF_OWNED_MAX	1024	/* file systems that the sandbox owns */

struct rf_area {
	uint64_t	size;		/* of the whole mapping */
	uint32_t	flags;		/* RF_AREA_* */
	uint32_t	nr_ops, nr_slots, nr_entries;
	uint32_t	off_ops, off_records, off_slots, off_entries, off_data;
	uint32_t	data_len;
	uint32_t	launch_id;	/* the ring's doorbell carries it */
	uint32_t	relocated;	/* vectors hold pointers */

	/* descriptors in the context's table; -1 none */
	int32_t		report_fd;	/* socket to the submitter, close-on-exec */
	int32_t		peer_fd;	/* the submitter's end of it; -1 in an image of its own */
	int32_t		ring_fd;	/* submitter's io_uring; -1 on the plain engine */
	int32_t		init_fd;	/* sealed memfd with the init image */
	int32_t		submitter_pidfd;/* polled after pdeathsig */
	uint32_t	fd_floor;	/* internal descriptors are moved to this or above */
	uint32_t	nr_keep;	/* keep[]: descriptors that survive close_range, ascending */
	uint32_t	off_keep;	/* int32_t[] */

	/* for tests: the op that fails after it has run, from 1 (0 none), and how;
	   one that does not return when it succeeds fails instead of being run */
	uint32_t	inject_op;
	int32_t		inject_result;

	/* futex words */
	int32_t		init_state;	/* 0 not yet, 1 ready to be joined, negative errno */
	uint32_t	payload_tid;	/* non-zero until the payload task has exec'd or died (CLEARTID);
					   alone on its memory until that has been heard */
	int32_t		init_pid;	/* as the submitter's pid namespace numbers them */
	int32_t		payload_pid;

	/* of the signals that the tasks were born with ignored, once known; for sigdefault */
	uint64_t	ignored;	/* bit n: signal n + 1 */
	uint32_t	ignored_known;

	int32_t		give_error;	/* not all that was given has arrived: parks again */

	/* while a copy is made: where it starts, on shared memory; its number or -errno */
	uint64_t	copy_start;	/* struct rf_start * */
	int32_t		copy_pid;

	uint32_t	covered_by;	/* a verify that failed: the entry found there, from 1; 0: none */
	uint32_t	failed_rule;	/* a landlock that failed: the rule, from 1; 0: none of them */

	/* st_dev of the file systems that mkfs made with RF_MKFS_OWNED */
	uint32_t	nr_owned;
	uint64_t	owned[RF_OWNED_MAX];	/* makedev-style: major << 32 | minor, from statx */
};

/* What an executor sees. Lives on the context's stack. */
struct rf_ctx {
	struct rf_area		*area;
	char			*base;		/* == (char *)area */
	const struct rf_op	*ops;
	struct rf_record	*records;
	int32_t			*slots;		/* descriptor numbers, -1 empty */
	uint64_t		*entries;	/* mount ids by entry, for verify */
	const char		*data;		/* base + off_data */
	uint32_t		 index;		/* of the op that runs */
	uint32_t		 is_payload;
	void			*init_stack;	/* tops of stacks for further tasks */
	void			*payload_stack;
	void			*tls;		/* private TLS block or NULL */
	int32_t			 init_slot;	/* pidfd of pid 1, or -1 */
	int32_t			 init_sock;	/* to pid 1, or -1; EOF tells it to look for the payload */
	int32_t			 init_sock_peer;
	int32_t			 maker_slot;	/* where the payload's maker hands over what it has made, or -1 */
	int32_t			 maker_sock;	/* the maker's end of that, or -1 */
	int32_t			 area_fd;	/* with RF_AREA_APART: the area's file; else -1 */
	uint32_t		 init_seen;	/* pid 1 is an image of its own */
	uint64_t		 init_unshare;	/* by pid 1; ops may move while it comes up */
	uint32_t		 filtered;	/* a filter is in force: no call but those of ops */
	char			*scratch;	/* RF_SCRATCH bytes for executors, not kept */
};
#define RF_SCRATCH	8192

/* Helpers for executors. */
static inline const char *rf_ctx_str(const struct rf_ctx *c, rf_str off)
{
	return off ? c->data + off : (const char *)0;
}

static inline const void *rf_ctx_blob(const struct rf_ctx *c, struct rf_blob b)
{
	return c->data + b.off;
}

/* Descriptor in a slot; -1 (AT_FDCWD is never implied) when empty or none. */
static inline int rf_ctx_fd(const struct rf_ctx *c, int32_t slot)
{
	return slot < 0 ? -1 : c->slots[slot];
}

/* What @op could not do is no failure: the next op runs. */
static inline int rf_op_may_fail(const struct rf_op *op, long r)
{
	return op->flags & RF_OP_F_HARD ||
	       (op->flags & RF_OP_F_ABSENT && (r == -2 /* ENOENT */ || r == -20 /* ENOTDIR */));
}

/* The result of op @index, or what a test wants it to be. */
static inline long rf_ctx_result(const struct rf_ctx *c, uint32_t index, long r)
{
	return index + 1 == c->area->inject_op ? c->area->inject_result : r;
}

/* freestanding.c */
size_t rf_strlen(const char *s);
void *rf_memcpy(void *to, const void *from, size_t n);
void *rf_memset(void *to, int byte, size_t n);
int rf_memcmp(const void *a, const void *b, size_t n);
/* Decimal digits of @v into @buf (21 bytes are always enough), NUL-terminated; the length. */
size_t rf_utoa(char *buf, uint64_t v);

/* fd_util in run_fd.c: move @fd to a free number >= area->fd_floor, close-on-exec; the new number or -errno (then @fd is untouched). */
long rf_fd_raise(struct rf_ctx *ctx, int fd);

#define RF_TASK_STACK	8192		/* of pid 1 and the payload task, before exec */

/*
 * context.c: run ops [first, nr_ops) of @ctx; returns only on failure or at the
 * end: 0 or the negative errno of the op that ended the chain.
 */
long rf_context_run(struct rf_ctx *ctx, uint32_t first);

/* Executors: one per op kind, named after it; run_<group>.c. */
#define RF_EXECUTOR(name) long rf_run_##name(struct rf_ctx *ctx, const struct rf_op *op)
RF_EXECUTOR(clone); RF_EXECUTOR(unshare); RF_EXECUTOR(setns); RF_EXECUTOR(join_cgroup);
RF_EXECUTOR(exec); RF_EXECUTOR(gate); RF_EXECUTOR(exit);
RF_EXECUTOR(open); RF_EXECUTOR(dup); RF_EXECUTOR(close); RF_EXECUTOR(close_range);
RF_EXECUTOR(pipe); RF_EXECUTOR(pty); RF_EXECUTOR(socket); RF_EXECUTOR(memfd); RF_EXECUTOR(send_fds);
RF_EXECUTOR(recv_fds);
RF_EXECUTOR(open_tree); RF_EXECUTOR(mkfs); RF_EXECUTOR(mount_setattr);
RF_EXECUTOR(move_mount); RF_EXECUTOR(pivot_root); RF_EXECUTOR(umount); RF_EXECUTOR(verify); RF_EXECUTOR(mask);
RF_EXECUTOR(mkdir); RF_EXECUTOR(mkfile); RF_EXECUTOR(symlink); RF_EXECUTOR(mknod);
RF_EXECUTOR(write); RF_EXECUTOR(chown); RF_EXECUTOR(chmod); RF_EXECUTOR(copy_dir);
RF_EXECUTOR(find); RF_EXECUTOR(unlink);
RF_EXECUTOR(idmap); RF_EXECUTOR(setgroups); RF_EXECUTOR(setresgid); RF_EXECUTOR(setresuid);
RF_EXECUTOR(capset); RF_EXECUTOR(capbset); RF_EXECUTOR(ambient); RF_EXECUTOR(securebits);
RF_EXECUTOR(no_new_privs); RF_EXECUTOR(keyring); RF_EXECUTOR(label);
RF_EXECUTOR(rlimit); RF_EXECUTOR(sched); RF_EXECUTOR(affinity); RF_EXECUTOR(nice);
RF_EXECUTOR(ioprio); RF_EXECUTOR(mempolicy); RF_EXECUTOR(oom_score); RF_EXECUTOR(umask);
RF_EXECUTOR(personality); RF_EXECUTOR(landlock); RF_EXECUTOR(seccomp);
RF_EXECUTOR(chdir); RF_EXECUTOR(chroot); RF_EXECUTOR(hostname); RF_EXECUTOR(sysctl);
RF_EXECUTOR(setsid); RF_EXECUTOR(ctty); RF_EXECUTOR(pdeathsig); RF_EXECUTOR(sigdefault);
RF_EXECUTOR(sigmask);
RF_EXECUTOR(link_up); RF_EXECUTOR(move_link);

#endif
