/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A chain as one link of requests, for a kernel that runs chains by itself.
 *
 * Lowering is pure: chain in, requests out, no system call.  One op is one request,
 * whose body is a list of system calls; a clone and an exec are requests of their
 * own.  What the whole link would do is worked out beforehand, so that every
 * descriptor has a number before anything runs.  What cannot be said so is refused
 * with words, and the chain runs on the ring engine then.
 *
 * Calls name memory by offset: into the chain's data, or into `extra`, which
 * lowering makes.  docs/native.md has the semantics, native_abi.h the kernel's face.
 */
#ifndef RF_NATIVE_H
#define RF_NATIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "chain.h"

/* Where an argument points: the kind of memory in the top bits, then an offset. */
#define RF_AT_DATA	(1ULL << 62)	/* the chain's data */
#define RF_AT_EXTRA	(1ULL << 61)	/* what lowering has made */
#define RF_AT_OFFSET	((1ULL << 32) - 1)

#define RF_CALL_ARGS	6

/* rf_call.flags, as the kernel has them (native_abi.h) */
#define RF_CALL_RESULT	(1U << 0)	/* its result is that of the op, which is 0 else */
#define RF_CALL_FD	(1U << 1)	/* it makes a descriptor, which is moved to number `fd` */
#define RF_CALL_STORE	(1U << 2)	/* its result goes to `store`, 64 bits */
#define RF_CALL_ALWAYS	(1U << 3)	/* also after one that has failed */
#define RF_CALL_NEED	(1U << 4)	/* failed: the op is -ECANCELED, and no failure */
#define RF_CALL_SKIP_OK	(1U << 5)	/* not failed: the next `skip` calls are left out */
#define RF_CALL_SKIP_ERR (1U << 6)	/* failed with `error` (0: any): none, and likewise */

/* rf_call.nr: not a call, it compares memory; args: address, size, mask, value, how, errno */
#define RF_CALL_TEST	0x10000
#define RF_TEST_EQ	0
#define RF_TEST_NE	1
#define RF_TEST_LT	3		/* unsigned */
#define RF_TEST_MEM	(1U << 8)	/* the value is at an address */

struct rf_call {
	uint32_t	nr;		/* __NR_* or RF_CALL_TEST */
	uint16_t	flags;		/* RF_CALL_* */
	uint16_t	skip;
	int32_t		fd;
	uint16_t	error;
	uint16_t	load;		/* bit n: args[n] is where the number is, 32 bits */
	uint64_t	args[RF_CALL_ARGS];
	uint64_t	store;
	uint8_t		points;		/* bit n: args[n] is RF_AT_*; `store` always is */
};

enum rf_req_kind {
	RF_REQ_CLONE,		/* arg: flags, nr: of the requests that are the new task's, 0: the rest */
	RF_REQ_EXEC,		/* arg: dir, path, argv, envp, flags */
	RF_REQ_CALLS,		/* nr calls from `first` on */
};

struct rf_req {
	uint8_t		kind;		/* enum rf_req_kind */
	bool		hard;		/* it may fail, and the link goes on */
	bool		absent;		/* it may fail with ENOENT and ENOTDIR, and no other way */
	bool		guarded;	/* it may be -ECANCELED by itself: a slot is empty */
	uint32_t	op;		/* that it is, or is part of */
	uint32_t	first, nr;
	int32_t		fd;		/* CLONE: the number that the pidfd gets; -1 none */
	uint64_t	arg[5];
};

/* Descriptors of the submitter that a link needs, -1 where there is none; and limits. */
struct rf_native_host {
	int		 report;	/* the other end of the report socket */
	int		 init_sock, init_peer;	/* by which pid 1 says that it is there */
	int		 init_image;
	uint32_t	 nofile;	/* soft RLIMIT_NOFILE */
	uint32_t	 max_reqs;	/* that fit into one submission */
	uint32_t	 max_calls;	/* of one request */
	/* tests: see struct rf_area */
	uint32_t	 inject_op;
	int32_t		 inject_result;
};

struct rf_native {
	struct rf_req	*req;
	uint32_t	 nr, max;
	struct rf_call	*call;
	uint32_t	 nr_calls, most_calls;
	char		*extra;
	uint32_t	 nr_extra, max_extra;
	uint32_t	*points;	/* in extra: 64 bits that are RF_AT_* */
	uint32_t	 nr_points;
	uint32_t	 base;		/* descriptors of slots are at or above this */
	uint32_t	*entry_at;	/* of each entry: its struct statx in extra; 0: none */
	/* what the submitter looks at afterwards, by op: in extra, 0: nothing */
	uint32_t	*look_at;
	/* what cannot be lowered: the op, and why */
	uint32_t	 why_op;
	const char	*why;
};

/*
 * native_lower.c: @c as requests.  0, -ENOMEM, or -EOPNOTSUPP with @ret->why.  @ret is
 * the caller's to release in each case.
 */
int rf_native_lower(const struct rf_chain *c, const struct rf_native_host *h,
		    struct rf_native *ret);
void rf_native_release(struct rf_native *n);
/* native_op.c: are there ops of @kind that can be lowered? */
bool rf_native_has(enum rf_op_kind kind);

/*
 * native_print.c: one request as lines of text, in @buf; the length that it would
 * have had.
 */
int rf_native_print(const struct rf_chain *c, const struct rf_native *n, uint32_t index,
		    char *buf, size_t size);

/* Results that the submitter works out from what was stored, as the executors give them. */
int rf_native_result(const struct rf_native *n, const struct rf_op *op, uint32_t index,
		     const char *extra, int result);

#endif
