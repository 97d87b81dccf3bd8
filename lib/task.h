/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What tasks of a launch say to each other and to the submitter, and how they
 * start.  FREESTANDING (context.h).
 */
#ifndef RF_TASK_H
#define RF_TASK_H

#include "context.h"

#define RF_EXIT_FAILED 125	/* a task whose chain failed; the record says why */

/* Beside the area, in memory that only the context uses. */
struct rf_start {
	struct rf_area	*area;
	void		*init_stack;	/* tops, 16-byte aligned */
	void		*payload_stack;
	void		*tls;
	char		*scratch;	/* RF_SCRATCH bytes */
	int32_t		 area_fd;	/* own image: memfd of the area; else -1 */
	int32_t		 image_fd;	/* own image: sealed memfd to exec; else -1 */
	uint64_t	 unshare;	/* what of op 0 the context makes by itself */

	/* a copy of a context only */
	void		*stack;		/* top */
	uint32_t	 index;		/* the op at which it parks */
	int32_t		 report_fd;	/* its end of the report socket */
};

#define RF_TLS_SIZE 256

/* user_data of a doorbell on the ring; the top bit tells it from the ring's own. */
static inline uint64_t rf_doorbell_data(uint32_t launch, uint32_t index)
{
	return 1ULL << 63 | (uint64_t)launch << 24 | index;
}
#define RF_DOORBELL_BIT		(1ULL << 63)
/* Instead of it, of a request that the kernel has carried out (engine_native.c). */
#define RF_NATIVE_BIT		(1ULL << 62)
#define rf_doorbell_launch(data) ((uint32_t)((data) >> 24 & 0xffffffffU))
#define rf_doorbell_index(data)	((uint32_t)((data) & 0xffffffU))

/* run_report.c: a message over @sock, with descriptor @fd attached unless -1.  0 or -errno. */
long rf_send_word(int sock, struct rf_report *rep, int fd);
/* What recvmsg(2) says, and how many descriptors have come: the caller's, close-on-exec. */
struct rf_given_fds;		/* message.h */
long rf_receive_word(int sock, struct rf_report *ret, struct rf_given_fds *ret_fds, uint32_t *ret_nr);
/* The same on the report socket. */
long rf_report(struct rf_ctx *ctx, enum rf_report_what what, uint32_t index, int fd);

/*
 * Let the submitter carry out the op that runs, lending it descriptor @fd unless -1,
 * and wait for its result.  A submitter that has died ends the task.
 */
long rf_ask_submitter(struct rf_ctx *ctx, int fd);

/*
 * Wait until pid 1, if there is one, is an image of its own.  At once after the
 * first time.
 */
long rf_await_init(struct rf_ctx *ctx);

/* Wait until pid 1, if there is one, has looked at all numbers of the area; or has failed. */
void rf_await_init_look(struct rf_ctx *ctx);

/* Is it on memory of an image of its own, and not on the submitter's? */
static inline int rf_ctx_own_memory(const struct rf_ctx *ctx)
{
	return ctx->area->peer_fd < 0;
}

void rf_record_begin(struct rf_ctx *ctx, uint32_t index);
void rf_record_done(struct rf_ctx *ctx, uint32_t index, long result);
void rf_context_init(struct rf_ctx *ctx, struct rf_start *start);

/* Where things are in the area, which the submitter may have laid out anew. */
void rf_context_look(struct rf_ctx *ctx);

/* Wait at op @index for the submitter, who may add ops, until all that it gives has arrived. */
long rf_park(struct rf_ctx *ctx, uint32_t index);

/*
 * run_copy.c: make a copy of the context, which is parked at op @index, and say
 * so.  @fds: its report socket and, for an image of its own, its area; closed.
 * 0; RF_COPY_SELF in a copy with memory of its own, which has yet to park.
 */
#define RF_COPY_SELF 1
long rf_copy_make(struct rf_ctx *ctx, uint32_t index, int needs_admin, const int fds[2]);

/* Entry points of new tasks; they do not return. */
void rf_context_main(void *start);
void rf_context_exec_image(void *start);

/* Called by the submitter, before the task exists. */
void rf_tls_init(void *tls);
long rf_clone_context(struct rf_start *start, uint64_t flags, void *stack, int32_t *ret_pidfd);

__attribute__((noreturn)) void rf_task_exit(int status);

#endif
