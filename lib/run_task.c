/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Executors of the task group: making tasks, joining namespaces, becoming the
 * command, waiting for the submitter.  FREESTANDING (context.h).
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>

#include "compat.h"
#include "context.h"
#include "message.h"
#include "syscall.h"
#include "task.h"

/* As in ringfence.h, which freestanding code cannot include. */
enum { AS_CONTEXT, AS_INIT, AS_PAYLOAD, AS_APART };

/* A filter may refuse even this; records have said all there is to say. */
void rf_task_exit(int status)
{
	(void)rf_sys1(__NR_exit_group, status);
	(void)rf_sys1(__NR_exit, status);
	__builtin_trap();
}

/*
 * Close every descriptor but two, in a table of the task's own.  Without
 * close_range (Linux 5.9, or filtered) one by one up to the soft limit: the
 * context has closed what the chain does not name already.
 */
static long close_all_but(int low, int high)
{
	struct { uint64_t soft, hard; } limit = { 1024, 1024 };
	long r;

	if (low > 0)
		(void)rf_sys3(__NR_close_range, 0, low - 1, 0);
	if (high > low + 1)
		(void)rf_sys3(__NR_close_range, low + 1, high - 1, 0);
	r = rf_sys3(__NR_close_range, high + 1, ~0U, 0);
	if (r != -ENOSYS && r != -EPERM)
		return r;
	(void)rf_sys4(__NR_prlimit64, 0, 7 /* RLIMIT_NOFILE */, 0, &limit);
	if (limit.soft > 1U << 20)
		limit.soft = 1U << 20;
	for (int fd = 0; fd < (int)limit.soft; fd++)
		if (fd != low && fd != high)
			(void)rf_sys1(__NR_close, fd);
	return 0;
}

/* ----------------------------------------------------------------- new tasks */

static void wait_while(uint32_t *word, uint32_t value)
{
	/* not FUTEX_PRIVATE: the kernel's CLEARTID wake-up is a shared one */
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
		(void)rf_sys6(__NR_futex, word, FUTEX_WAIT, value, 0, 0, 0);
}

/*
 * clone3, or clone(2) where the submitter found clone3 refused.  *@ret_pidfd
 * may be written only with CLONE_PIDFD, *@tid only without it on the old call.
 */
static long try_task(struct rf_ctx *ctx, uint64_t flags, void *stack, uint32_t *cleartid,
		     int32_t *ret_pidfd, int32_t *ret_pid, void (*fn)(void *))
{
	struct clone_args args;

	if (ctx->area->flags & RF_AREA_NO_CLONE3) {
		/* here one word serves both, so pid 1's number is the caller's to store */
		int *parent = flags & CLONE_PIDFD ? ret_pidfd : ret_pid;

		if (!(flags & CLONE_PIDFD))
			flags |= CLONE_PARENT_SETTID;
		return rf_arch_clone(flags | CLONE_SETTLS, stack, parent,
				     cleartid, ctx->tls, fn, ctx);
	}
	rf_memset(&args, 0, sizeof(args));
	args.flags = flags | CLONE_PARENT_SETTID | CLONE_SETTLS;
	args.pidfd = (uint64_t)(uintptr_t)ret_pidfd;
	args.parent_tid = (uint64_t)(uintptr_t)ret_pid;
	args.child_tid = (uint64_t)(uintptr_t)cleartid;
	args.tls = (uint64_t)(uintptr_t)ctx->tls;
	/* clone3 takes the lowest address and adds the size */
	args.stack = (uint64_t)(uintptr_t)stack - RF_TASK_STACK;
	args.stack_size = RF_TASK_STACK;
	return rf_arch_clone3(&args, sizeof(args), fn, ctx);
}

/*
 * A new time namespace and shared memory exclude each other on older kernels (6.1:
 * without CLONE_VFORK, before: with it too): then the memory is a copy, which an image
 * of its own, whose area is a file, can do with.
 */
static long make_task(struct rf_ctx *ctx, uint64_t flags, void *stack, uint32_t *cleartid,
		      int32_t *ret_pidfd, int32_t *ret_pid, void (*fn)(void *))
{
	long r = try_task(ctx, flags, stack, cleartid, ret_pidfd, ret_pid, fn);

	if (r == -EINVAL && rf_ctx_own_memory(ctx))
		r = try_task(ctx, flags & ~(uint64_t)CLONE_VM, stack, cleartid, ret_pidfd, ret_pid, fn);
	return r;
}

/* A task sends its own pidfd, so that nobody has to trust a number. */
static long report_self(struct rf_ctx *ctx, enum rf_report_what what)
{
	long fd = rf_sys2(__NR_pidfd_open, rf_sys0(__NR_getpid), 0);
	long r;

	if (fd < 0)
		return fd;
	r = rf_report(ctx, what, ctx->index, (int)fd);
	(void)rf_sys1(__NR_close, fd);
	return r;
}

static void init_ready(struct rf_area *a, long state)
{
	__atomic_store_n(&a->init_state, (int32_t)state, __ATOMIC_RELEASE);
	(void)rf_sys6(__NR_futex, &a->init_state, FUTEX_WAKE, 1, 0, 0, 0);
}

/*
 * Pid 1 until it is an image of its own.  It keeps two descriptors: the image,
 * which closes itself on exec, and as number 3 the socket by which it says that
 * it is there, and that tells it to look for the payload.
 */
static void init_main(void *arg)
{
	static char name[] = "ringfence-init";
	struct rf_ctx *ctx = arg;
	struct rf_area *a = ctx->area;
	char *argv[2] = { name, (char *)0 };
	long r, image = a->init_fd;

	r = report_self(ctx, RF_REPORT_INIT);
	if (r == 0 && ctx->init_unshare)
		r = rf_sys1(__NR_unshare, ctx->init_unshare);
	if (r < 0)
		goto fail;
	if (image == 3)
		image = rf_sys3(__NR_fcntl, image, 1030 /* F_DUPFD_CLOEXEC */, 4);
	if (image < 0)
		r = image;
	else if (ctx->init_sock_peer == 3)
		r = rf_sys3(__NR_fcntl, 3, 2 /* F_SETFD */, 0);
	else
		r = rf_sys3(__NR_dup3, ctx->init_sock_peer, 3, 0);
	if (r < 0)
		goto fail;
	init_ready(a, 1);
	(void)close_all_but(3, (int)image);
	r = rf_sys5(__NR_execveat, image, "", argv, argv + 1, AT_EMPTY_PATH);
fail:
	init_ready(a, r < 0 ? r : -EIO);
	rf_task_exit(RF_EXIT_FAILED);
}

static long clone_init(struct rf_ctx *ctx, const struct rf_op *op)
{
	struct rf_area *a = ctx->area;
	int32_t pair[2], pidfd = -1;
	long r;

	r = rf_sys4(__NR_socketpair, 1 /* AF_UNIX */, 1 /* SOCK_STREAM */ | O_CLOEXEC, 0, pair);
	if (r < 0)
		return r;
	ctx->init_sock_peer = pair[0];
	ctx->init_sock = pair[1];
	ctx->init_unshare = op->u.clone.unshare;
	r = make_task(ctx, op->u.clone.flags | CLONE_VM | CLONE_PARENT | CLONE_PIDFD |
		      (a->flags & RF_AREA_NO_CLONE3 ? 0 : CLONE_CLEAR_SIGHAND),
		      ctx->init_stack, (uint32_t *)0, &pidfd, &a->init_pid, init_main);
	(void)rf_sys1(__NR_close, pair[0]);
	if (r < 0) {
		(void)rf_sys1(__NR_close, pair[1]);
		ctx->init_sock = -1;
		return r;
	}
	a->init_pid = (int32_t)r;
	if (op->out >= 0) {
		ctx->slots[op->out] = pidfd;
		ctx->init_slot = op->out;
	} else {
		(void)rf_sys1(__NR_close, pidfd);
	}
	return r;
}

/* The payload task: the rest of the chain, then the command. */
static void payload_main(void *arg)
{
	struct rf_ctx *ctx = arg;
	uint32_t index = ctx->index;
	long r;

	ctx->is_payload = 1;
	if (ctx->maker_sock >= 0)
		(void)rf_sys1(__NR_close, ctx->maker_sock);
	r = rf_ctx_result(ctx, index, report_self(ctx, RF_REPORT_PAYLOAD));
	rf_record_done(ctx, index, r < 0 ? r : ctx->area->payload_pid);
	if (r == 0)
		r = rf_context_run(ctx, index + 1);
	rf_task_exit(r < 0 ? RF_EXIT_FAILED : 0);
}

/*
 * On the submitter's memory it is vforked: its maker sleeps meanwhile, and the kernel's
 * OOM killer leaves a vforked task's sharers alone.  An image's memory nobody else is on:
 * the task keeps it, and what parks is one task.  Returns only when no task could be
 * made: the maker's work is over after this op.
 */
static long clone_payload(struct rf_ctx *ctx, const struct rf_op *op)
{
	struct rf_area *a = ctx->area;
	const uint64_t how = rf_ctx_own_memory(ctx) ? 0 : CLONE_VFORK | CLONE_CHILD_CLEARTID;
	long r;

	/* non-zero before the task exists: CLEARTID only ever clears it */
	__atomic_store_n(&a->payload_tid, 1U, __ATOMIC_RELAXED);
	r = make_task(ctx, op->u.clone.flags | CLONE_VM | CLONE_PARENT | how,
		      ctx->payload_stack, &a->payload_tid, (int32_t *)0, &a->payload_pid,
		      payload_main);
	if (r < 0) {
		a->payload_tid = 0;
		return r;
	}
	/* the kernel clears it only where others use the same memory */
	if (how)
		__atomic_store_n(&a->payload_tid, 0U, __ATOMIC_RELEASE);
	rf_task_exit(0);
}

/* By a socket, which needs no /proc; but where CAP_NET_ADMIN is missing that does. */
static long own_net_ns(void)
{
	long sock = rf_sys3(__NR_socket, 1 /* AF_UNIX */, 2 /* SOCK_DGRAM */ | O_CLOEXEC, 0);
	long fd = sock < 0 ? sock : rf_sys3(__NR_ioctl, sock, 0x894c /* SIOCGSKNS */, 0);

	if (sock >= 0)
		(void)rf_sys1(__NR_close, sock);
	return fd >= 0 ? fd : rf_sys4(__NR_openat, -100 /* AT_FDCWD */, "/proc/self/ns/net",
				      O_RDONLY | O_CLOEXEC, 0);
}

/* What takes the longest, in the time that the payload has other things to do. */
static void hand_over_net(int sock, uint64_t flags)
{
	struct rf_report rep = { .what = RF_REPORT_FD };
	long fd = rf_sys1(__NR_unshare, flags);

	if (fd == 0)
		fd = own_net_ns();
	rep.result = fd < 0 ? (int32_t)fd : 0;
	(void)rf_send_word(sock, &rep, fd < 0 ? -1 : (int)fd);
}

/*
 * forked: nobody waits for its exec.  Its maker has little left to do; the task
 * is the submitter's child, and after that whose the submitter's children become.
 */
static long clone_apart(struct rf_ctx *ctx, const struct rf_op *op)
{
	struct rf_area *a = ctx->area;
	int32_t pair[2] = { -1, -1 };
	long r;

	if (op->u.clone.unshare) {
		r = rf_sys4(__NR_socketpair, 1 /* AF_UNIX */, 5 /* SOCK_SEQPACKET */ | O_CLOEXEC, 0, pair);
		if (r < 0)
			return r;
		ctx->maker_sock = pair[0];
		ctx->maker_slot = op->out;
		ctx->slots[op->out] = pair[1];
	}
	r = make_task(ctx, op->u.clone.flags | CLONE_PARENT, ctx->payload_stack,
		      &a->payload_tid, (int32_t *)0, &a->payload_pid, payload_main);
	if (r < 0)
		return r;
	if (op->u.clone.unshare)
		hand_over_net(pair[0], op->u.clone.unshare);
	rf_task_exit(0);
}

long rf_run_clone(struct rf_ctx *ctx, const struct rf_op *op)
{
	switch (op->u.clone.as) {
	case AS_INIT:
		return clone_init(ctx, op);
	case AS_PAYLOAD:
		return clone_payload(ctx, op);
	case AS_APART:
		return clone_apart(ctx, op);
	default:		/* the builder allows a context at op 0 only */
		return -EINVAL;
	}
}

void rf_await_init_look(struct rf_ctx *ctx)
{
	if (ctx->init_sock >= 0)
		wait_while((uint32_t *)&ctx->area->init_state, 0);
}

/* ---------------------------------------------------------------- namespaces */

long rf_run_unshare(struct rf_ctx *ctx, const struct rf_op *op)
{
	(void)ctx;
	return rf_sys1(__NR_unshare, op->u.unshare.flags);
}

/* What the payload's maker has made for it. */
static long enter_made(const struct rf_ctx *ctx, const struct rf_op *op)
{
	struct rf_given_fds given;
	struct rf_report rep;
	uint32_t nr;
	long r;

	do
		r = rf_receive_word(rf_ctx_fd(ctx, op->u.setns.slot), &rep, &given, &nr);
	while (r == -EINTR);
	if (r < 0)
		return r;
	if (r != sizeof(rep) || (!rep.result && nr != 1))
		return -EIO;
	if (rep.result)
		return rep.result;
	r = rf_sys2(__NR_setns, given.fds[0], op->u.setns.nstype);
	(void)rf_sys1(__NR_close, given.fds[0]);
	return r;
}

long rf_run_setns(struct rf_ctx *ctx, const struct rf_op *op)
{
	struct rf_area *a = ctx->area;

	if (op->u.setns.slot == ctx->maker_slot && ctx->maker_slot >= 0)
		return enter_made(ctx, op);
	if (op->u.setns.slot == ctx->init_slot && ctx->init_slot >= 0) {
		/* what pid 1 was to unshare must be there first */
		wait_while((uint32_t *)&a->init_state, 0);
		if (a->init_state < 0)
			return a->init_state;
	} else {
		/* others live there: they must not read this task (DESIGN.md 4, rule 3) */
		long r = rf_sys5(__NR_prctl, 4 /* PR_SET_DUMPABLE */, 0, 0, 0, 0);

		if (r < 0)
			return r;
	}
	return rf_sys2(__NR_setns, rf_ctx_fd(ctx, op->u.setns.slot), op->u.setns.nstype);
}

long rf_run_join_cgroup(struct rf_ctx *ctx, const struct rf_op *op)
{
	int slot = rf_ctx_fd(ctx, op->u.join_cgroup.dir);
	long fd = rf_sys4(__NR_openat, slot, "cgroup.procs", O_WRONLY | O_CLOEXEC, 0);
	long r;

	if (fd == -ENOTDIR) {	/* the file itself, opened by whoever has the right to */
		r = rf_sys3(__NR_write, slot, "0", 1);
	} else if (fd >= 0) {
		r = rf_sys3(__NR_write, fd, "0", 1);
		(void)rf_sys1(__NR_close, fd);
	} else {
		r = fd;
	}
	/* a cgroup namespace has its maker's groups as its root */
	if (r >= 0 && op->u.join_cgroup.unshare)
		r = rf_sys1(__NR_unshare, op->u.join_cgroup.unshare);
	return r < 0 ? r : 0;
}

/* ---------------------------------------------------------------------- ends */

/*
 * A root payload must not find the submitter's memory in pid 1, which says a
 * byte when it runs on its own.  Its CLEARTID word would not do: the kernel
 * clears that a moment before it takes the old memory away.
 */
long rf_await_init(struct rf_ctx *ctx)
{
	char byte;
	long r;

	if (ctx->init_sock < 0 || ctx->init_seen)
		return 0;
	do
		r = rf_sys3(__NR_read, ctx->init_sock, &byte, 1);
	while (r == -EINTR);
	if (r == 1) {
		ctx->init_seen = 1;
		return 0;
	}
	if (ctx->area->init_state < 0)
		return ctx->area->init_state;
	return r < 0 ? r : -EIO;
}

long rf_run_exec(struct rf_ctx *ctx, const struct rf_op *op)
{
	long r = rf_await_init(ctx);
	const char *path = rf_ctx_str(ctx, op->u.exec.path);
	int dir = op->u.exec.dir < 0 ? AT_FDCWD : rf_ctx_fd(ctx, op->u.exec.dir);

	if (r < 0)
		return r;
	/* policies know execve; a few forget execveat */
	if (op->u.exec.dir < 0 && !op->u.exec.at_flags && path)
		return rf_sys3(__NR_execve, path, ctx->data + op->u.exec.argv.off,
			       ctx->data + op->u.exec.envp.off);
	return rf_sys5(__NR_execveat, dir, path ? path : "", ctx->data + op->u.exec.argv.off,
		       ctx->data + op->u.exec.envp.off, op->u.exec.at_flags);
}

long rf_run_exit(struct rf_ctx *ctx, const struct rf_op *op)
{
	rf_record_done(ctx, ctx->index, 0);
	rf_task_exit(op->u.exit.status);
}

/* ------------------------------------------------ from the submitter's side */

void rf_tls_init(void *tls)
{
	rf_arch_tls_init(tls);
}

static void survive_exec(int fd)
{
	if (fd >= 0)
		(void)rf_sys3(__NR_fcntl, fd, 2 /* F_SETFD */, 0);
}

/* Become the context image: nothing of the submitter's memory goes along. */
void rf_context_exec_image(void *arg)
{
	static char name[] = "ringfence-context";
	struct rf_start *start = arg;
	struct rf_area *a = start->area;
	struct rf_ctx ctx;
	char digits[24];
	char *argv[3] = { name, digits, (char *)0 };
	long r;

	a->relocated = 1;	/* not here: the image maps the area elsewhere */
	rf_context_init(&ctx, start);
	a->relocated = 0;
	a->peer_fd = -1;	/* close-on-exec */
	r = rf_run_close_range(&ctx, (const struct rf_op *)0);
	if (r < 0)
		goto fail;
	survive_exec(a->report_fd);
	survive_exec(a->ring_fd);
	survive_exec(a->init_fd);
	survive_exec(a->submitter_pidfd);
	survive_exec(start->area_fd);
	for (uint32_t i = 0; i < a->nr_slots; i++)
		survive_exec(ctx.slots[i]);
	(void)rf_utoa(digits, (uint64_t)start->area_fd);
	r = rf_sys5(__NR_execveat, start->image_fd, "", argv, argv + 2, AT_EMPTY_PATH);
fail:
	rf_record_done(&ctx, 0, r);
	rf_task_exit(RF_EXIT_FAILED);
}

/*
 * Make the context of @start on @stack: clone3, or clone(2) if the area says
 * so.  A context on shared memory gets the namespaces of @flags at once.
 */
long rf_clone_context(struct rf_start *start, uint64_t flags, void *stack, int32_t *ret_pidfd)
{
	void (*fn)(void *) = start->image_fd >= 0 ? rf_context_exec_image : rf_context_main;
	struct rf_area *a = start->area;
	struct clone_args args;

	flags |= CLONE_VM | CLONE_PIDFD | CLONE_SETTLS;
	if (a->flags & RF_AREA_NO_CLONE3)
		return rf_arch_clone(flags, stack, ret_pidfd, (uint32_t *)0, start->tls, fn, start);
	rf_memset(&args, 0, sizeof(args));
	args.flags = flags | CLONE_CLEAR_SIGHAND;
	args.pidfd = (uint64_t)(uintptr_t)ret_pidfd;
	args.tls = (uint64_t)(uintptr_t)start->tls;
	args.stack = (uint64_t)(uintptr_t)stack - RF_TASK_STACK;
	args.stack_size = RF_TASK_STACK;
	return rf_arch_clone3(&args, sizeof(args), fn, start);
}
