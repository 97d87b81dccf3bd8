/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making a context: the launch area, stacks, the images, and the clone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compat.h"
#include "error.h"
#include "images.h"
#include "ring.h"

/*
 * One mapping per launch on shared memory, with a guard page below each stack:
 * guard, pid 1, guard, payload, guard, context, then what the context needs
 * besides.  Kept for reuse: mapping it costs more than a small launch.
 */
#define GUARD		4096
#define CONTEXT_STACK	RF_TASK_STACK
#define STACKS_SIZE	(GUARD + RF_TASK_STACK + GUARD + RF_TASK_STACK + GUARD + CONTEXT_STACK + \
			 RF_SCRATCH + RF_TLS_SIZE + 1024)
/* What is kept for the next launch: singly linked through a word of each. */
#define KEPT_MAX	64

static void *kept_get(struct rf_kept *kept, size_t word)
{
	char *p = kept->first;

	if (p) {
		kept->first = *(void **)(void *)(p + word);
		kept->nr--;
	}
	return p;
}

/* False: there are enough. */
static bool kept_put(struct rf_kept *kept, void *p, size_t word)
{
	if (kept->nr >= KEPT_MAX)
		return false;
	*(void **)(void *)((char *)p + word) = kept->first;
	kept->first = p;
	kept->nr++;
	return true;
}

static void kept_release(struct rf_kept *kept, size_t word, size_t size)
{
	for (void *p = kept_get(kept, word); p; p = kept_get(kept, word))
		(void)munmap(p, size);
}

/* madvise(2), MADV_GUARD_INSTALL: Linux 6.13; a tenth of what a mapping of its own costs. */
static int guard_page(void *at)
{
	return madvise(at, GUARD, MADV_GUARD_INSTALL) == 0 ? 0 : mprotect(at, GUARD, PROT_NONE);
}

static void *stacks_get(struct rf_ring *ring)
{
	char *p = kept_get(&ring->stacks, GUARD);

	if (p)
		return p;
	p = mmap(NULL, STACKS_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	for (size_t i = 0; i < 3; i++) {
		if (guard_page(p + i * (GUARD + RF_TASK_STACK)) == 0)
			continue;
		(void)munmap(p, STACKS_SIZE);
		return NULL;
	}
	return p;
}

static void stacks_put(struct rf_ring *ring, void *stacks)
{
	if (!kept_put(&ring->stacks, stacks, GUARD))
		(void)munmap(stacks, STACKS_SIZE);
}

/*
 * Areas too: most are of one size, and mapping one is a third of what
 * rf_submit() takes.
 */
#define AREA_KEPT_SIZE	(8 * GUARD)
/* More of it for a context that lingers, until it is used only a promise. */
#define LINGER_SPACE	(1U << 20)

/* Not one that an image had mapped. */
static void area_put(struct rf_ring *ring, struct rf_area *area, bool shared)
{
	if (shared || area->size != AREA_KEPT_SIZE || !kept_put(&ring->areas, area, 0))
		(void)munmap(area, area->size);
}

void rf_kept_release(struct rf_ring *ring)
{
	kept_release(&ring->stacks, GUARD, STACKS_SIZE);
	kept_release(&ring->areas, 0, AREA_KEPT_SIZE);
}

static struct rf_start *start_init(struct rf_context *ctx)
{
	char *p = ctx->stacks;
	char *top = p + 3 * GUARD + 2 * RF_TASK_STACK + CONTEXT_STACK;
	struct rf_start *s = (struct rf_start *)(void *)(top + RF_SCRATCH + RF_TLS_SIZE);

	s->area = ctx->area;
	s->init_stack = p + GUARD + RF_TASK_STACK;
	s->payload_stack = p + 2 * (GUARD + RF_TASK_STACK);
	s->scratch = top;
	s->tls = top + RF_SCRATCH;
	s->area_fd = s->image_fd = -1;
	rf_tls_init(s->tls);
	return s;
}

static void *context_stack(const struct rf_context *ctx)
{
	return (char *)ctx->stacks + 3 * GUARD + 2 * RF_TASK_STACK + CONTEXT_STACK;
}

/* A sealed memfd with a program in it: what runs cannot be changed by what it runs. */
static int image_open(const char *name, const char *from, const char *end)
{
	size_t len = (size_t)(end - from);
	int fd, r;

	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)	/* MFD_EXEC: Linux 6.3 */
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (write(fd, from, len) != (ssize_t)len) {
		r = errno ? -errno : -EIO;
		goto fail;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0) {
		r = -errno;
		goto fail;
	}
	return fd;
fail:
	(void)close(fd);
	return r;
}

int rf_launch_images(struct rf_ring *ring, bool init, bool own_image, struct rf_err *err)
{
	if (init && ring->init_fd < 0) {
		int fd = image_open("ringfence-init", rf_image_init, rf_image_init_end);

		if (fd < 0)
			return rf_err_set(err, -fd, "memfd for the init image");
		ring->init_fd = fd;
	}
	if (own_image && ring->context_fd < 0) {
		int fd = image_open("ringfence-context", rf_image_context, rf_image_context_end);

		if (fd < 0)
			return rf_err_set(err, -fd, "memfd for the context image");
		ring->context_fd = fd;
	}
	return 0;
}

/* ---------------------------------------------------------------- the area */

static uint32_t place(size_t *at, size_t size)
{
	uint32_t off = (uint32_t)*at;

	*at = (*at + size + 15) & ~(size_t)15;
	return off;
}

void rf_layout_of(const struct rf_chain *c, struct rf_layout *l)
{
	size_t at = (sizeof(struct rf_area) + 15) & ~(size_t)15;

	l->max_keep = 3 + c->nr_keep + c->nr_given + 6;
	l->off_records = place(&at, c->nr_ops * sizeof(struct rf_record));
	l->off_slots = place(&at, (size_t)c->nr_slots * sizeof(int32_t));
	l->off_entries = place(&at, c->nr_entries * sizeof(uint64_t));
	l->off_keep = place(&at, l->max_keep * sizeof(int32_t));
	l->off_ops = place(&at, c->nr_ops * sizeof(struct rf_op));
	l->off_data = place(&at, c->data_len);
	l->size = (at + 4095) & ~(size_t)4095;
}

void rf_area_describe(struct rf_area *a, const struct rf_chain *c, const struct rf_layout *l)
{
	a->nr_ops = c->nr_ops;
	a->nr_slots = (uint32_t)c->nr_slots;
	a->nr_entries = c->nr_entries;
	a->off_ops = l->off_ops;
	a->off_records = l->off_records;
	a->off_slots = l->off_slots;
	a->off_entries = l->off_entries;
	a->off_keep = l->off_keep;
	a->off_data = l->off_data;
	a->data_len = c->data_len;
}

int32_t *rf_area_copy(const struct rf_chain *c, const struct rf_layout *l, char *to)
{
	int32_t *slots = (int32_t *)(void *)(to + l->off_slots);

	for (int32_t i = 0; i < c->nr_slots; i++)
		slots[i] = -1;
	memcpy(to + l->off_ops, c->ops, c->nr_ops * sizeof(*c->ops));
	memcpy(to + l->off_data, c->data, c->data_len);
	return slots;
}

static int compare_fds(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

/* What survives close_range: what the chain names, and what the launch needs. */
static void fill_keep(struct rf_context *ctx, const struct rf_chain *c)
{
	struct rf_area *a = ctx->area;
	int32_t *keep = (int32_t *)(void *)((char *)a + a->off_keep);
	const int32_t own[] = { a->report_fd, a->ring_fd, a->init_fd, a->submitter_pidfd,
				ctx->area_fd, ctx->own_image ? ctx->ring->context_fd : -1 };
	uint32_t n = 0, out = 0;

	for (int32_t fd = 0; fd < 3; fd++)
		keep[n++] = fd;
	for (uint32_t i = 0; i < c->nr_keep; i++)
		keep[n++] = c->keep[i];
	for (uint32_t i = 0; i < c->nr_given; i++)
		keep[n++] = c->given[i].fd;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (own[i] >= 0)
			keep[n++] = own[i];
	qsort(keep, n, sizeof(*keep), compare_fds);
	for (uint32_t i = 0; i < n; i++)
		if (!out || keep[out - 1] != keep[i])
			keep[out++] = keep[i];
	a->nr_keep = out;
}

static bool uses(const struct rf_chain *c, enum rf_op_kind kind)
{
	for (uint32_t i = 0; i < c->nr_ops; i++)
		if (c->ops[i].kind == kind)
			return true;
	return false;
}

/* The payload task outlives the submitter. */
static bool is_apart(const struct rf_chain *c)
{
	for (uint32_t i = 1; i < c->nr_ops; i++)
		if (c->ops[i].kind == RF_OP_CLONE && c->ops[i].u.clone.as == RF_CLONE_APART)
			return true;
	return false;
}

/* By pdeathsig's poll, or whenever it waits for us and holds our io_uring (run_report.c). */
static bool watches_submitter(const struct rf_context *ctx, const struct rf_chain *c)
{
	return uses(c, RF_OP_PDEATHSIG) || ctx->lingers || ctx->flags & RF_SUBMIT_OPS;
}

static bool has_payload_task(const struct rf_chain *c)
{
	for (uint32_t i = 1; i < c->nr_ops; i++)
		if (c->ops[i].kind == RF_OP_CLONE && c->ops[i].u.clone.as >= RF_CLONE_PAYLOAD)
			return true;
	return false;
}

uint32_t rf_fd_floor(const struct rf_chain *c)
{
	int32_t highest = 2;

	for (uint32_t i = 0; i < c->nr_ops; i++)
		if (c->ops[i].kind == RF_OP_DUP && c->ops[i].u.dup.to > highest)
			highest = c->ops[i].u.dup.to;
	return (uint32_t)highest + 1;
}

static int area_map(struct rf_context *ctx, size_t size)
{
	/* what may come later is only address space */
	int flags = ctx->lingers ? MAP_NORESERVE : 0;
	size_t used = size;
	void *p = NULL;

	if (ctx->own_image) {
		ctx->area_fd = memfd_create("ringfence-area", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
		if (ctx->area_fd < 0 && errno == EINVAL)	/* MFD_NOEXEC_SEAL: Linux 6.3 */
			ctx->area_fd = memfd_create("ringfence-area", MFD_CLOEXEC);
		if (ctx->area_fd < 0 || ftruncate(ctx->area_fd, (off_t)size) < 0)
			return -errno;
		flags |= MAP_SHARED;
	} else {
		/* all who use it are on one memory: a file behind it would be for nothing */
		flags |= MAP_PRIVATE | MAP_ANONYMOUS;
		if (size <= AREA_KEPT_SIZE) {
			size = AREA_KEPT_SIZE;
			p = kept_get(&ctx->ring->areas, 0);
		}
	}
	if (p) {
		memset(p, 0, used);
	} else {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, ctx->area_fd, 0);
		if (p == MAP_FAILED)
			return -errno;
	}
	ctx->area = p;
	ctx->area->size = size;
	return 0;
}

int rf_launch_area(struct rf_context *ctx, const struct rf_chain *c)
{
	struct rf_layout l;
	int r;

	rf_layout_of(c, &l);
	r = area_map(ctx, l.size);
	if (r < 0)
		return r;
	rf_area_describe(ctx->area, c, &l);
	(void)rf_area_copy(c, &l, (char *)ctx->area);
	return 0;
}

static int area_make(struct rf_context *ctx, const struct rf_chain *c, int report_fd)
{
	struct rf_ring *ring = ctx->ring;
	struct rf_layout l;
	struct rf_area *a;
	int32_t *slots;
	int r;

	rf_layout_of(c, &l);
	r = area_map(ctx, l.size + (ctx->lingers ? LINGER_SPACE : 0));
	if (r < 0)
		return r;
	a = ctx->area;
	a->flags = (ctx->flags & RF_SUBMIT_TIMES ? RF_AREA_TIMES : 0) |
		   (ctx->flags & RF_SUBMIT_OPS ? RF_AREA_OPS : 0) |
		   (ctx->apart ? RF_AREA_APART : 0) |
		   (ring->no_clone3 ? RF_AREA_NO_CLONE3 : 0);
	rf_area_describe(a, c, &l);
	a->launch_id = ctx->id;
	a->report_fd = report_fd;
	a->peer_fd = ctx->report_fd;
	a->ring_fd = ctx->flags & RF_SUBMIT_OPS ? ring->doorbell_fd : -1;
	a->init_fd = c->has_init || ctx->lingers ? ring->init_fd : -1;
	a->submitter_pidfd = watches_submitter(ctx, c) ? ring->self_pidfd : -1;
	a->inject_op = ring->inject_op;
	a->inject_result = ring->inject_result;
	a->fd_floor = rf_fd_floor(c);
	slots = rf_area_copy(c, &l, (char *)a);
	for (uint32_t i = 0; i < c->nr_given; i++)
		slots[c->given[i].slot] = c->given[i].fd;
	fill_keep(ctx, c);
	return 0;
}

/*
 * Offsets again: what runs a copy on shared memory must not look into the area
 * of what it is a copy of, which may be gone then.
 */
static void unrelocate(const struct rf_context *ctx, const struct rf_area *from)
{
	const uint64_t base = (uint64_t)(uintptr_t)from + from->off_data;
	char *data = (char *)ctx->area + from->off_data;

	for (uint32_t i = 0; i < from->nr_ops; i++) {
		const struct rf_op *op = rf_op_at(ctx, i);
		const struct rf_vec *v[2] = { &op->u.exec.argv, &op->u.exec.envp };

		if (op->kind != RF_OP_EXEC)
			continue;
		for (uint32_t k = 0; k < 2; k++) {
			uint64_t *p = (uint64_t *)(void *)(data + v[k]->off);

			for (uint32_t n = 0; n < v[k]->nr; n++)
				if (p[n] - base < from->data_len)
					p[n] -= base;
		}
	}
	ctx->area->relocated = 0;
}

int rf_launch_copy(struct rf_context *ctx, const struct rf_context *from)
{
	const struct rf_area *a = from->area;
	struct rf_start *start;
	int r = area_map(ctx, a->size);

	if (r < 0)
		return r;
	ctx->stacks = stacks_get(ctx->ring);
	if (!ctx->stacks)
		return -ENOMEM;
	start = start_init(ctx);
	start->stack = context_stack(ctx);
	memcpy(ctx->area, a, a->off_data + a->data_len);
	ctx->area->launch_id = ctx->id;
	/* an image has its area where the other one has */
	if (!ctx->own_image && a->relocated)
		unrelocate(ctx, a);
	from->area->copy_start = (uint64_t)(uintptr_t)start;
	from->area->copy_pid = 0;
	return 0;
}

void rf_launch_settle(struct rf_context *ctx)
{
	uint32_t nr = ctx->area->nr_ops;
	int32_t *results = malloc(nr * sizeof(*results));

	if (!results)
		return;
	for (uint32_t i = 0; i < nr; i++)
		results[i] = rf_record_at(ctx, i)->result;
	rf_launch_release(ctx);
	ctx->results = results;
	ctx->nr_results = nr;
}

void rf_launch_release(struct rf_context *ctx)
{
	if (ctx->stacks)
		stacks_put(ctx->ring, ctx->stacks);
	ctx->stacks = NULL;
	if (ctx->area)
		area_put(ctx->ring, ctx->area, ctx->area_fd >= 0);
	ctx->area = NULL;
	if (ctx->area_fd >= 0)
		(void)close(ctx->area_fd);
	ctx->area_fd = -1;
	rf_native_free(ctx);
}

/* ------------------------------------------------------------------ the clone */

/* Raw: a C library hides the signals that it keeps, and would not bring them back. */
void rf_signals_block(uint64_t *before)
{
	const uint64_t all = ~0ULL;

	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, before, sizeof(uint64_t));
}

void rf_signals_back(const uint64_t *before)
{
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, before, NULL, sizeof(uint64_t));
}

/*
 * All signals are blocked around the clone: the context must not run a handler
 * of the submitter's, least of all on memory that it shares.
 */
static long clone_blocked(struct rf_context *ctx, struct rf_start *start)
{
	const struct rf_op *op = rf_op_at(ctx, 0);
	/*
	 * The caller is held up by the clone: what the context can unshare by
	 * itself, it does.  Not the user namespace, which a task on shared memory
	 * may only be born into (unshare(2), EINVAL); an image can.
	 */
	const uint64_t flags = ctx->own_image ? 0 : op->u.clone.flags & CLONE_NEWUSER;
	uint64_t before = 0;
	int32_t pidfd = -1;
	long r;

	start->unshare = ctx->own_image ? 0 : op->u.clone.flags & ~flags;
	rf_signals_block(&before);
	r = rf_clone_context(start, flags, context_stack(ctx), &pidfd);
	if ((r == -ENOSYS || r == -EPERM) && !ctx->ring->no_clone3) {
		/*
		 * Container profiles answer clone3 with ENOSYS on purpose, for they
		 * cannot look at its flags; EPERM may come from either call.
		 */
		long other;

		ctx->area->flags |= RF_AREA_NO_CLONE3;
		other = rf_clone_context(start, flags, context_stack(ctx), &pidfd);
		if (other >= 0 || r == -ENOSYS) {
			ctx->ring->no_clone3 = other >= 0;
			r = other;
		}
	}
	rf_signals_back(&before);
	if (r >= 0) {
		ctx->context.pid = (pid_t)r;
		ctx->context.pidfd = pidfd;
	}
	return r;
}

static int self_pidfd(struct rf_ring *ring, struct rf_err *err)
{
	if (ring->self_pidfd >= 0)
		return 0;
	ring->self_pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (ring->self_pidfd < 0)
		return rf_err_set(err, errno, "pidfd of the submitter");
	return 0;
}

/* A clone that fails is an op that fails: op 0, and no task. */
static void clone_failed(struct rf_context *ctx, long r)
{
	struct rf_record *rec = rf_record_at(ctx, 0);

	rec->result = (int32_t)r;
	rec->state = RF_REC_DONE;
	ctx->context.reaped = true;
}

int rf_check_exec(const struct rf_context *ctx, const struct rf_chain *c, struct rf_err *err)
{
	/* an image has exec'd once */
	if (ctx->own_image && uses(c, RF_OP_EXEC) && !has_payload_task(c))
		return rf_err_set(err, EINVAL, "a context with memory of its own execs in a "
				  "payload task only");
	return 0;
}

int rf_launch(struct rf_ring *ring, const struct rf_chain *chain, struct rf_context *ctx,
	      struct rf_err *err)
{
	struct rf_start *start;
	int pair[2], r;
	long pid;

	r = ring->open && ring->engine->launch ? ring->engine->launch(ring, chain, ctx, err) : 0;
	if (r != 0)
		return r < 0 ? r : 0;
	ctx->apart = is_apart(chain);
	ctx->lingers = chain->ops[chain->nr_ops - 1].kind == RF_OP_GATE;
	/*
	 * A task's peak memory includes that of the memory it exec'd from: who wants
	 * to know the payload's has it start from a small one.
	 */
	ctx->own_image = chain->own_image || ctx->flags & RF_SUBMIT_OWN_MEMORY ||
			 (ctx->flags & RF_SUBMIT_RSS &&
			  (ctx->lingers || has_payload_task(chain)));
	r = rf_check_exec(ctx, chain, err);
	if (r == 0)
		r = rf_launch_images(ring, chain->has_init || ctx->lingers, ctx->own_image, err);
	if (r == 0 && watches_submitter(ctx, chain))
		r = self_pidfd(ring, err);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return rf_err_set(err, errno, "socket for reports");
	ctx->report_fd = pair[0];
	r = area_make(ctx, chain, pair[1]);
	if (r == 0) {
		ctx->stacks = stacks_get(ring);
		if (!ctx->stacks)
			r = -ENOMEM;
	}
	if (r < 0) {
		(void)close(pair[1]);
		return rf_err_set(err, -r, "memory for the launch");
	}
	start = start_init(ctx);
	if (ctx->own_image) {
		start->area_fd = ctx->area_fd;
		start->image_fd = ring->context_fd;
	}
	pid = clone_blocked(ctx, start);
	(void)close(pair[1]);
	if (pid < 0)
		clone_failed(ctx, pid);
	return 0;
}
