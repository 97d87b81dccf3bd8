/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lowering: the walk over the ops, calls, memory and descriptor numbers.
 *
 * Numbers.  A call cannot name what an earlier one returns, but what it makes can be
 * moved to a number of our choice.  So every slot has a number from the op that fills
 * it to the one that closes it; all are above what the command is to find open.
 *
 * Empty slots.  Where the op that fills a slot may fail and the chain goes on, each op
 * that uses it begins by looking whether the number is open, and is -ECANCELED if not,
 * as in rf_context_run().
 */
#include "native_lower.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>

#include "ring.h"

#define EXTRA_MAX	(16U << 20)

void rf_lower_refuse(struct rf_lower *l, const char *why)
{
	if (l->error)
		return;
	l->error = -EOPNOTSUPP;
	l->n->why = why;
	l->n->why_op = l->op;
}

/* ------------------------------------------------------------ calls and requests */

/* @array with room behind @nr of @size bytes; NULL: none, and l->error says so. */
static void *grow(struct rf_lower *l, void *array, uint32_t nr, uint32_t *max, size_t size)
{
	const uint32_t more = *max ? 2 * *max : 64;
	void *p;

	if (l->error)
		return NULL;
	if (nr < *max)
		return array;
	p = realloc(array, more * size);
	if (p)
		*max = more;
	else
		l->error = -ENOMEM;
	return p;
}

struct rf_call *rf_lower_call(struct rf_lower *l, uint32_t nr, const uint64_t args[RF_CALL_ARGS],
			      unsigned int points)
{
	struct rf_native *n = l->n;
	void *p = grow(l, n->call, n->nr_calls, &n->most_calls, sizeof(*n->call));

	if (!p)
		return &l->lost_call;
	n->call = p;
	n->call[n->nr_calls] = (struct rf_call){ .nr = nr, .points = (uint8_t)points };
	memcpy(n->call[n->nr_calls].args, args, sizeof(n->call[0].args));
	return &n->call[n->nr_calls++];
}

struct rf_call *rf_lower_test(struct rf_lower *l, uint64_t at, unsigned int size, uint64_t mask,
			      uint64_t value, unsigned int how, int error)
{
	const uint64_t args[RF_CALL_ARGS] = { at, size, mask, value, how, (uint64_t)error };

	return rf_lower_call(l, RF_CALL_TEST, args, RF_P0 | (how & RF_TEST_MEM ? RF_P3 : 0));
}

void rf_lower_fail(struct rf_lower *l, int error)
{
	rf_lower_test(l, 0, 8, ~0ULL, 0, RF_TEST_EQ, error);	/* nothing is compared: it fails */
}

void rf_lower_skip_to_here(struct rf_lower *l, uint32_t at)
{
	if (!l->error)
		l->n->call[at].skip = (uint16_t)(l->n->nr_calls - at - 1);
}

static struct rf_req *add_request(struct rf_lower *l, enum rf_req_kind kind)
{
	struct rf_native *n = l->n;
	void *p;

	if (n->nr >= l->h->max_reqs)
		rf_lower_refuse(l, "more requests than fit into one submission");
	p = grow(l, n->req, n->nr, &n->max, sizeof(*n->req));
	if (!p)
		return &l->lost_req;
	n->req = p;
	n->req[n->nr] = (struct rf_req){ .kind = (uint8_t)kind, .op = l->op, .fd = -1,
					 .first = n->nr_calls };
	return &n->req[n->nr++];
}

/* The calls from @first on are a request. */
static struct rf_req *add_calls(struct rf_lower *l, uint32_t first)
{
	const uint32_t nr = l->n->nr_calls - first;
	struct rf_req *r;

	/* what there is nothing to do for completes all the same */
	if (!nr)
		(void)RF_CALL(l, getpid, 0, 0);
	if (nr > l->h->max_calls)
		rf_lower_refuse(l, "more calls than one request may have");
	r = add_request(l, RF_REQ_CALLS);
	r->first = first;
	r->nr = l->n->nr_calls - first;
	return r;
}

/* ------------------------------------------------------------------------ memory */

uint64_t rf_lower_bytes(struct rf_lower *l, const void *from, size_t len)
{
	struct rf_native *n = l->n;
	const size_t at = (n->nr_extra + 7U) & ~(size_t)7;
	size_t more = n->max_extra ? n->max_extra : 4096;
	char *p;

	if (at + len > EXTRA_MAX)
		rf_lower_refuse(l, "more memory than a link is given");
	if (l->error)
		return 0;
	while (more < at + len)
		more *= 2;
	if (more > n->max_extra) {
		p = realloc(n->extra, more);
		if (!p) {
			l->error = -ENOMEM;
			return 0;
		}
		memset(p + n->max_extra, 0, more - n->max_extra);
		n->extra = p;
		n->max_extra = (uint32_t)more;
	}
	if (from)
		memcpy(n->extra + at, from, len);
	n->nr_extra = (uint32_t)(at + len);
	return RF_AT_EXTRA | at;
}

uint64_t rf_lower_text(struct rf_lower *l, const char *text)
{
	return rf_lower_bytes(l, text, strlen(text) + 1);
}

void rf_lower_point(struct rf_lower *l, uint64_t at, uint64_t to)
{
	struct rf_native *n = l->n;
	uint32_t *p;

	if (l->error)
		return;
	p = realloc(n->points, (n->nr_points + 1) * sizeof(*p));
	if (!p) {
		l->error = -ENOMEM;
		return;
	}
	n->points = p;
	n->points[n->nr_points++] = (uint32_t)(at & RF_AT_OFFSET);
	memcpy(n->extra + (at & RF_AT_OFFSET), &to, sizeof(to));
}

/* ------------------------------------------------------------------- descriptors */

int32_t rf_lower_number(struct rf_lower *l)
{
	uint32_t i = 0;

	while (i < l->nr_numbers && l->busy[i])
		i++;
	if (i == l->nr_numbers || l->n->base + i >= l->h->nofile) {
		rf_lower_refuse(l, "more descriptors at once than the limit of open files allows");
		return (int32_t)l->n->base;
	}
	l->busy[i] = true;
	return (int32_t)(l->n->base + i);
}

void rf_lower_free(struct rf_lower *l, int32_t number)
{
	if (number >= (int32_t)l->n->base)
		l->busy[(uint32_t)number - l->n->base] = false;
}

int64_t rf_lower_fd(struct rf_lower *l, int32_t slot)
{
	if (slot >= 0 && l->number[slot] >= 0)
		return l->number[slot];
	rf_lower_refuse(l, "it uses a slot without a descriptor");
	return -1;
}

int64_t rf_lower_dir(struct rf_lower *l, int32_t slot)
{
	return slot < 0 ? AT_FDCWD : rf_lower_fd(l, slot);
}

int32_t rf_lower_keep(struct rf_lower *l, struct rf_call *call)
{
	call->flags |= RF_CALL_FD;
	return call->fd = rf_lower_number(l);
}

void rf_lower_fill(struct rf_lower *l, struct rf_call *call, int32_t slot)
{
	l->number[slot] = rf_lower_keep(l, call);
	call->flags |= RF_CALL_RESULT;
}

/* Also behind a failure: then there may be nothing to close, and nobody minds. */
void rf_lower_close(struct rf_lower *l, int32_t number)
{
	RF_CALL(l, close, 0, RF_N(number))->flags |= RF_CALL_ALWAYS;
	rf_lower_free(l, number);
}

/* ---------------------------------------------------------------------- the walk */

/* A descriptor of the submitter, above those that the command gets. */
static int move_up(struct rf_lower *l, int fd)
{
	if (fd < 0)
		return -1;
	return rf_lower_keep(l, RF_CALL(l, fcntl, 0, RF_N(fd), F_DUPFD_CLOEXEC, l->n->base));
}

/*
 * Below it is what survives close_range, and what a dup makes; and what the tasks need of
 * the submitter, until it has been moved.
 */
static uint32_t lowest_number(const struct rf_chain *c, const struct rf_native_host *h)
{
	const int own[] = { h->report, h->init_sock, h->init_peer, h->init_image };
	uint32_t base = rf_fd_floor(c);

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (own[i] >= (int)base)
			base = (uint32_t)own[i] + 1;

	for (uint32_t i = 0; i < c->nr_keep; i++)
		if ((uint32_t)c->keep[i] >= base)
			base = (uint32_t)c->keep[i] + 1;
	for (uint32_t i = 0; i < c->nr_given; i++)
		if ((uint32_t)c->given[i].fd >= base)
			base = (uint32_t)c->given[i].fd + 1;
	return base;
}

static bool is_kept(const struct rf_chain *c, int fd)
{
	for (uint32_t i = 0; i < c->nr_keep; i++)
		if (c->keep[i] == fd)
			return true;
	for (uint32_t i = 0; i < c->nr_given; i++)
		if (c->given[i].fd == fd)
			return true;
	return fd < 3;
}

/*
 * The first task, and what it needs of the submitter.  What was given keeps its number,
 * until a dup wants that, and the command does not find it there.
 */
static void lower_context(struct rf_lower *l, const struct rf_op *op)
{
	const struct rf_native_host *h = l->h;
	const struct rf_chain *c = l->c;
	const uint32_t first = l->n->nr_calls;
	/* a user namespace a task on shared memory is born into; the others it can make */
	const uint64_t flags = op->u.clone.flags & CLONE_NEWUSER;

	add_request(l, RF_REQ_CLONE)->arg[0] = flags;
	if (op->u.clone.flags & ~flags)
		(void)RF_CALL(l, unshare, 0, op->u.clone.flags & ~flags);
	l->report = move_up(l, h->report);
	l->init_sock = move_up(l, h->init_sock);
	l->init_peer = move_up(l, h->init_peer);
	l->init_image = move_up(l, h->init_image);
	for (uint32_t i = 0; i < c->nr_given; i++) {
		l->number[c->given[i].slot] = c->given[i].fd;
		/* the caller may have come without it: for whoever uses it to say */
		RF_CALL(l, fcntl, 0, RF_N(c->given[i].fd), F_SETFD, FD_CLOEXEC)->flags |=
			RF_CALL_ALWAYS;
	}
	if (l->n->nr_calls > first)
		(void)add_calls(l, first);
}

/* All but what is kept, and our own numbers, which begin above that. */
static void lower_close_range(struct rf_lower *l)
{
	uint32_t from = 3, end = l->n->base;

	for (uint32_t fd = 3; fd < l->n->base; fd++) {
		if (!is_kept(l->c, (int)fd))
			continue;
		if (fd > from)
			(void)RF_CALL(l, close_range, 0, from, fd - 1, 0);
		from = fd + 1;
	}
	if (from < l->n->base)
		(void)RF_CALL(l, close_range, 0, from, l->n->base - 1, 0);
	for (uint32_t i = 0; i < l->nr_numbers; i++)
		if (l->busy[i])
			end = l->n->base + i + 1;
	(void)RF_CALL(l, close_range, 0, end, UINT32_MAX, 0);
}

/* Pid 1: it keeps the image and, as number 3, the socket on which it says that it is there. */
static void lower_init(struct rf_lower *l, const struct rf_op *op)
{
	const uint64_t argv = rf_lower_bytes(l, NULL, 3 * sizeof(uint64_t));
	const uint64_t name = rf_lower_text(l, "ringfence-init");
	struct rf_req *r = add_request(l, RF_REQ_CLONE);
	uint32_t first;

	if (l->init_sock < 0 || l->init_image < 0)
		rf_lower_refuse(l, "pid 1 has no image");
	r->arg[0] = op->u.clone.flags | CLONE_PARENT;
	r->arg[1] = 2;
	if (op->out >= 0) {
		r->arg[0] |= CLONE_PIDFD;
		r->fd = l->number[op->out] = rf_lower_number(l);
		l->init_slot = op->out;
	}
	first = l->n->nr_calls;
	if (op->u.clone.unshare)
		(void)RF_CALL(l, unshare, 0, op->u.clone.unshare);
	(void)RF_CALL(l, dup3, 0, RF_N(l->init_peer), 3, 0);
	(void)RF_CALL(l, close_range, 0, 0, 2, 0);
	if (l->init_image > 4)
		(void)RF_CALL(l, close_range, 0, 4, RF_N(l->init_image - 1), 0);
	(void)RF_CALL(l, close_range, 0, RF_N(l->init_image + 1), UINT32_MAX, 0);
	(void)add_calls(l, first);
	rf_lower_point(l, argv, name);
	r = add_request(l, RF_REQ_EXEC);
	r->arg[0] = RF_N(l->init_image);
	r->arg[1] = rf_lower_text(l, "");
	r->arg[2] = argv;
	r->arg[3] = argv + 2 * sizeof(uint64_t);
	r->arg[4] = AT_EMPTY_PATH;
	l->init_waits = true;
	/* or nobody would hear the end of file of a pid 1 that has died */
	first = l->n->nr_calls;
	(void)RF_CALL(l, close, 0, RF_N(l->init_peer));
	(void)add_calls(l, first);
}

/* The rest is its own; its maker waits for its exec, as after vfork (DESIGN.md 4, rule 8). */
static void lower_payload(struct rf_lower *l, const struct rf_op *op)
{
	add_request(l, RF_REQ_CLONE)->arg[0] = op->u.clone.flags | CLONE_PARENT | CLONE_VFORK;
}

/* What the kernel's clone takes in a chain: with any other flag the whole link is refused. */
#define CLONE_FLAGS	(CLONE_FILES | CLONE_FS | CLONE_PARENT | CLONE_VFORK | CLONE_NEWNS | \
			 CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
			 CLONE_NEWNET)

static void lower_clone(struct rf_lower *l, const struct rf_op *op)
{
	if (op->u.clone.as != RF_CLONE_CONTEXT && op->u.clone.flags & ~(uint64_t)CLONE_FLAGS)
		rf_lower_refuse(l, "a clone with flags that only clone(2) has");
	switch (op->u.clone.as) {
	case RF_CLONE_CONTEXT:
		lower_context(l, op);
		break;
	case RF_CLONE_INIT:
		lower_init(l, op);
		break;
	case RF_CLONE_PAYLOAD:
		lower_payload(l, op);
		break;
	default:
		rf_lower_refuse(l, "a task that outlives its submitter has memory of its own");
	}
}

/*
 * For tests: what the executor's result would be replaced by, as rf_ctx_result().  False:
 * there is none for this op.
 */
static bool inject(struct rf_lower *l)
{
	if (l->op + 1 != l->h->inject_op)
		return false;
	if (l->h->inject_result >= 0)
		rf_lower_refuse(l, "a result that is no failure is injected");
	rf_lower_fail(l, -l->h->inject_result);
	return true;
}

static void lower_exec(struct rf_lower *l, const struct rf_op *op)
{
	const uint32_t first = l->n->nr_calls;
	const bool waits = l->init_waits;
	struct rf_req *r;

	if (inject(l)) {
		add_calls(l, first)->hard = op->flags & RF_OP_F_HARD;
		return;
	}

	/* a request of its own, which the op's result is not that of */
	rf_lower_await_init(l);
	if (waits)
		(void)add_calls(l, first);
	if (op->u.exec.dir >= 0 && l->maybe[op->u.exec.dir])
		rf_lower_refuse(l, "an exec of what may be missing");
	r = add_request(l, RF_REQ_EXEC);
	r->hard = op->flags & RF_OP_F_HARD;
	r->arg[0] = RF_N(rf_lower_dir(l, op->u.exec.dir));
	r->arg[1] = op->u.exec.path ? rf_lower_str(op->u.exec.path) : rf_lower_text(l, "");
	r->arg[2] = RF_AT_DATA | op->u.exec.argv.off;
	r->arg[3] = RF_AT_DATA | op->u.exec.envp.off;
	r->arg[4] = op->u.exec.at_flags;
}

/* Call @fn with each slot that @op uses. */
static void each_use(struct rf_lower *l, const struct rf_op *op,
		     void (*fn)(struct rf_lower *l, int32_t slot))
{
	const struct rf_arg *a = rf_op_defs[op->kind].args;

	for (uint32_t i = 0; i < RF_ARGS_MAX && a[i].type; i++) {
		const void *p = (const char *)op + a[i].offset;
		const struct rf_blob *b = p;
		const void *data = a[i].type == RF_ARG_SLOT ? p : l->c->data + b->off;

		if (a[i].type == RF_ARG_SLOT)
			fn(l, *(const int32_t *)data);
		if (a[i].type == RF_ARG_SLOTS)
			for (uint32_t k = 0; k < b->len / sizeof(int32_t); k++)
				fn(l, ((const int32_t *)data)[k]);
		if (a[i].type == RF_ARG_FSFDS)
			for (uint32_t k = 0; k < b->len / sizeof(struct rf_fsopt_fd); k++)
				fn(l, ((const struct rf_fsopt_fd *)data)[k].slot);
		if (a[i].type == RF_ARG_RULES)
			for (uint32_t k = 0; k < b->len / sizeof(struct rf_landlock_op_rule); k++)
				fn(l, ((const struct rf_landlock_op_rule *)data)[k].slot);
	}
}

/* What @op fills may be empty when it is used. */
static void make_doubtful(struct rf_lower *l, const struct rf_op *op)
{
	const struct rf_arg *a = rf_op_defs[op->kind].args;

	if (op->out >= 0)
		l->maybe[op->out] = true;
	if (op->out2 >= 0)
		l->maybe[op->out2] = true;
	for (uint32_t i = 0; i < RF_ARGS_MAX && a[i].type; i++) {
		const struct rf_blob *b = (const void *)((const char *)op + a[i].offset);

		for (uint32_t k = 0; a[i].type == RF_ARG_OUTS && k < b->len / sizeof(int32_t); k++)
			l->maybe[((const int32_t *)(const void *)(l->c->data + b->off))[k]] = true;
	}
}

static void guard(struct rf_lower *l, int32_t slot)
{
	if (slot >= 0 && l->maybe[slot])
		RF_CALL(l, fcntl, 0, RF_N(rf_lower_fd(l, slot)), F_GETFD)->flags |= RF_CALL_NEED;
}

static void lower_op(struct rf_lower *l, const struct rf_op *op)
{
	const uint32_t first = l->n->nr_calls;
	const rf_lower_fn fn = rf_lower_ops[op->kind];
	struct rf_req *r;
	bool guarded;

	if (op->kind == RF_OP_EXEC) {
		lower_exec(l, op);
		return;
	}
	if (op->kind == RF_OP_CLONE) {
		uint32_t calls;

		lower_clone(l, op);
		calls = l->n->nr_calls;
		if (inject(l))
			(void)add_calls(l, calls);
		return;
	}
	if (!fn && op->kind != RF_OP_CLOSE_RANGE) {
		rf_lower_refuse(l, "there is no list of calls for it");
		return;
	}
	each_use(l, op, guard);
	guarded = l->n->nr_calls > first;
	if (rf_op_defs[op->kind].flags & RF_OPF_ENDS && l->op + 1 == l->h->inject_op)
		;	/* it would not come back */
	else if (fn)
		fn(l, op);
	else
		lower_close_range(l);
	(void)inject(l);
	r = add_calls(l, first);
	r->guarded = guarded;
	r->hard = op->flags & RF_OP_F_HARD;
	r->absent = op->flags & RF_OP_F_ABSENT;
	if (!guarded && !r->hard && !r->absent)
		return;
	make_doubtful(l, op);
	/* what it has made may not be there: nothing may be concluded from that */
	if (op->kind >= RF_OP_MKDIR && op->kind <= RF_OP_SYMLINK)
		rf_lower_refuse(l, "it makes something, and may fail");
}

static void refuse_chain(struct rf_lower *l)
{
	const struct rf_chain *c = l->c;
	const struct rf_op *last = &c->ops[c->nr_ops - 1];

	if (c->own_image) {
		l->op = c->own_from;
		rf_lower_refuse(l, "the chain takes a context with memory of its own");
	}
	l->op = c->nr_ops - 1;
	if (last->kind == RF_OP_GATE)
		rf_lower_refuse(l, "the chain ends in a gate, and the context lingers");
	l->op = 0;
}

static int prepare(struct rf_lower *l)
{
	const uint32_t slots = (uint32_t)l->c->nr_slots;

	l->nr_numbers = 2 * slots + 32;	/* what is received has two for a while */
	l->number = malloc((slots + 1) * sizeof(*l->number));
	l->maybe = calloc(slots + 1, sizeof(*l->maybe));
	l->busy = calloc(l->nr_numbers, sizeof(*l->busy));
	l->made = rf_made_new();
	l->n->entry_at = calloc(l->c->nr_entries + 1, sizeof(*l->n->entry_at));
	l->n->look_at = calloc(l->c->nr_ops, sizeof(*l->n->look_at));
	if (!l->number || !l->maybe || !l->busy || !l->made || !l->n->entry_at || !l->n->look_at)
		return -ENOMEM;
	for (uint32_t i = 0; i < slots; i++)
		l->number[i] = -1;
	l->n->base = lowest_number(l->c, l->h);
	(void)rf_lower_bytes(l, NULL, 8);	/* offset 0 is "none" */
	return l->error;
}

int rf_native_lower(const struct rf_chain *c, const struct rf_native_host *h,
		    struct rf_native *ret)
{
	struct rf_lower l = { .c = c, .h = h, .n = ret, .report = -1, .init_sock = -1,
			      .init_peer = -1, .init_image = -1, .init_slot = -1 };

	memset(ret, 0, sizeof(*ret));
	l.error = prepare(&l);
	if (!l.error)
		refuse_chain(&l);
	for (uint32_t i = 0; i < c->nr_ops && !l.error; i++) {
		l.op = i;
		lower_op(&l, &c->ops[i]);
	}
	free(l.number);
	free(l.maybe);
	free(l.busy);
	rf_made_free(l.made);
	return l.error;
}

void rf_native_release(struct rf_native *n)
{
	free(n->req);
	free(n->call);
	free(n->extra);
	free(n->points);
	free(n->entry_at);
	free(n->look_at);
	memset(n, 0, sizeof(*n));
}
