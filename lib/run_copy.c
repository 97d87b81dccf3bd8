/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A parked context makes a copy of itself.  FREESTANDING (context.h).
 *
 * The copy is a child of the submitter (CLONE_PARENT) with a descriptor table,
 * credentials, namespaces and a working directory like the context's.  Its area
 * is a copy that the submitter has made, its end of a report socket has come
 * with the word to do this.  On shared memory it starts on a stack of its own;
 * with a memory of its own that is copied too, so it goes on where the context
 * is, and maps its own area where the context has the old one.
 *
 * The commands of copies live in one user namespace with the template, and may have
 * every capability there.  So from its first copy on it is not dumpable, nor are the
 * copies: then only power over the submitter's user namespace, where the image was
 * exec'd, opens their memory.  On shared memory that cannot be; the submitter refuses.
 */
#include <linux/capability.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>

#include "run.h"
#include "task.h"

static long has_admin(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	long r = rf_sys2(__NR_capget, &head, data);

	return r == 0 && data[0].effective >> CAP_SYS_ADMIN & 1;
}

/*
 * In the copy: what is not inherited, and what must not be.  The new socket
 * takes the number of the old one, which is closed by that.
 */
static long settle(struct rf_ctx *ctx, uint32_t index, int report_fd)
{
	const struct rf_op *pdeathsig = (const struct rf_op *)0;
	struct rf_area *a = ctx->area;

	if (rf_sys3(__NR_dup3, report_fd, a->report_fd, O_CLOEXEC) >= 0) {
		rf_close(report_fd);
	} else {	/* a limit of descriptors below that number */
		rf_close(a->report_fd);
		a->report_fd = report_fd;
	}
	ctx->records[0].result = (int32_t)rf_sys0(__NR_getpid);
	/* at a gate it waits from now on */
	if (ctx->records[index].state == RF_REC_BEGUN)
		rf_record_begin(ctx, index);
	for (uint32_t i = 0; i < index; i++)
		if (ctx->ops[i].kind == RF_OP_PDEATHSIG)
			pdeathsig = &ctx->ops[i];
	return pdeathsig ? rf_run_pdeathsig(ctx, pdeathsig) : 0;
}

/* The copy on shared memory. */
static void copy_main(void *arg)
{
	struct rf_start *start = arg;
	struct rf_ctx ctx;
	long r;

	rf_context_init(&ctx, start);
	r = settle(&ctx, start->index, start->report_fd);
	/* a gate parks by itself, an op that has failed has had its turn */
	if (r == 0 && ctx.records[start->index].state == RF_REC_DONE)
		r = rf_park(&ctx, start->index);
	if (r == 0)
		r = rf_context_run(&ctx, start->index);
	rf_task_exit(r < 0 ? RF_EXIT_FAILED : 0);
}

#define COPY_FLAGS (CLONE_PARENT | CLONE_PIDFD)

static void clone3_args(struct clone_args *args, struct rf_area *a, int32_t *ret_pidfd)
{
	rf_memset(args, 0, sizeof(*args));
	/* its number is there before it is, whatever becomes of this task then */
	args->flags = COPY_FLAGS | CLONE_PARENT_SETTID;
	args->pidfd = (uint64_t)(uintptr_t)ret_pidfd;
	args->parent_tid = (uint64_t)(uintptr_t)&a->copy_pid;
}

static long copy_on_stack(struct rf_ctx *ctx, uint32_t index, int report_fd, int32_t *ret_pidfd)
{
	struct rf_area *a = ctx->area;
	struct rf_start *start = (struct rf_start *)(uintptr_t)a->copy_start;
	struct clone_args args;

	start->index = index;
	start->report_fd = report_fd;
	if (a->flags & RF_AREA_NO_CLONE3)
		return rf_arch_clone(COPY_FLAGS | CLONE_VM | CLONE_SETTLS, start->stack, ret_pidfd,
				     (uint32_t *)0, start->tls, copy_main, start);
	clone3_args(&args, a, ret_pidfd);
	args.flags |= CLONE_VM | CLONE_SETTLS;
	args.tls = (uint64_t)(uintptr_t)start->tls;
	args.stack = (uint64_t)(uintptr_t)start->stack - RF_TASK_STACK;
	args.stack_size = RF_TASK_STACK;
	return rf_arch_clone3(&args, sizeof(args), copy_main, start);
}

/* As fork(2): 0 in the copy. */
static long copy_all(struct rf_ctx *ctx, int32_t *ret_pidfd)
{
	struct clone_args args;

	if (ctx->area->flags & RF_AREA_NO_CLONE3)
		return rf_sys5(__NR_clone, COPY_FLAGS, 0, ret_pidfd, 0, 0);
	clone3_args(&args, ctx->area, ret_pidfd);
	return rf_sys2(__NR_clone3, &args, sizeof(args));
}

/* The copy with a memory of its own: the area in @fds is of the same size and layout. */
static void take_area(struct rf_ctx *ctx, uint32_t index, const int fds[2])
{
	long r = rf_sys6(__NR_mmap, ctx->area, ctx->area->size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fds[1], 0);

	rf_close(fds[1]);
	if (r >= 0 || r < -4095)
		r = settle(ctx, index, fds[0]);
	if (r < 0)
		rf_task_exit(RF_EXIT_FAILED);
}

static long make(struct rf_ctx *ctx, uint32_t index, int needs_admin, const int fds[2],
		 int32_t *ret_pidfd)
{
	const int own_memory = rf_ctx_own_memory(ctx);
	long r;

	if (ctx->is_payload)
		return -EINVAL;
	if (needs_admin && !has_admin())
		return -EPERM;
	if (fds[0] < 0 || (own_memory && fds[1] < 0))
		return -EMFILE;
	if (!own_memory)
		return copy_on_stack(ctx, index, fds[0], ret_pidfd);
	r = rf_sys5(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
	return r < 0 ? r : copy_all(ctx, ret_pidfd);
}

long rf_copy_make(struct rf_ctx *ctx, uint32_t index, int needs_admin, const int fds[2])
{
	int32_t pidfd = -1;
	long r = make(ctx, index, needs_admin, fds, &pidfd);

	if (r == 0) {
		take_area(ctx, index, fds);
		return RF_COPY_SELF;
	}
	ctx->area->copy_pid = (int32_t)r;
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			rf_close(fds[i]);
	/* the submitter waits for this: without the pidfd too, it has the number */
	if (rf_report(ctx, RF_REPORT_COPY, index, pidfd) < 0 && pidfd >= 0)
		(void)rf_report(ctx, RF_REPORT_COPY, index, -1);
	if (pidfd >= 0)
		rf_close(pidfd);
	return 0;
}
