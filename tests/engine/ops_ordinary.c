/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cases of ops.h with the context's sources compiled as ordinary code: a
 * forked child with its own memory is the context, so the sanitizers see what
 * they cannot in the freestanding one.  It has no submitter: chains that make
 * pid 1, park, send to the submitter or let it write the id maps are left to the
 * engines.
 * The payload task is the child itself.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "context.h"
#include "ops.h"
#include "task.h"

#define CLONE_NEW_ANY (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | \
		       CLONE_NEWCGROUP)

bool ops_can_run(const struct rf_chain *c)
{
	for (uint32_t i = 0; i < c->nr_ops; i++) {
		const struct rf_op *op = &c->ops[i];

		if ((op->kind == RF_OP_CLONE && op->u.clone.as == RF_CLONE_INIT) ||
		    (op->kind == RF_OP_CLONE && i && op->u.clone.flags) ||
		    (op->kind == RF_OP_IDMAP && op->u.idmap.by != RF_IDMAP_SELF) ||
		    rf_op_reports(op) ||
		    op->kind == RF_OP_MOVE_LINK || op->kind == RF_OP_GATE)
			return false;
	}
	return true;
}

/* Room for @size bytes at the end of the area. */
static uint32_t place(struct rf_area *a, size_t size)
{
	uint32_t off = (uint32_t)a->size;

	a->size = (a->size + size + 15) & ~15ULL;
	return off;
}

static int by_number(const void *a, const void *b)
{
	return *(const int32_t *)a - *(const int32_t *)b;
}

static struct rf_area *make_area(const struct rf_chain *c)
{
	struct rf_area *a = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				 -1, 0);
	int32_t *slots, *keep;

	assert_ptr_not_equal(MAP_FAILED, a);
	place(a, sizeof(*a));
	a->nr_ops = c->nr_ops;
	a->nr_slots = (uint32_t)c->nr_slots;
	a->nr_entries = c->nr_entries;
	a->nr_keep = 3 + c->nr_given;
	a->off_ops = place(a, c->nr_ops * sizeof(*c->ops));
	a->off_records = place(a, c->nr_ops * sizeof(struct rf_record));
	a->off_slots = place(a, a->nr_slots * sizeof(*slots));
	a->off_entries = place(a, c->nr_entries * sizeof(uint64_t));
	a->off_keep = place(a, a->nr_keep * sizeof(*keep));
	a->off_data = place(a, c->data_len);
	a->data_len = c->data_len;
	a->report_fd = a->ring_fd = a->init_fd = a->submitter_pidfd = -1;
	a->fd_floor = 100;
	EXPECT_TRUE(a->size <= 1 << 20);
	slots = (int32_t *)(void *)((char *)a + a->off_slots);
	keep = (int32_t *)(void *)((char *)a + a->off_keep);
	memset(slots, 0xff, a->nr_slots * sizeof(*slots));
	for (int32_t i = 0; i < 3; i++)
		keep[i] = i;
	for (uint32_t i = 0; i < c->nr_given; i++)
		keep[3 + i] = slots[c->given[i].slot] = c->given[i].fd;
	qsort(keep, a->nr_keep, sizeof(*keep), by_number);
	memcpy((char *)a + a->off_ops, c->ops, c->nr_ops * sizeof(*c->ops));
	memcpy((char *)a + a->off_data, c->data, c->data_len);
	return a;
}

/* The child.  A payload's clone is passed over: each half of the chain is run by itself. */
_Noreturn static void run_as_context(struct rf_area *a)
{
	/* from the heap: the sanitizer watches its ends */
	struct rf_start start = { .area = a, .scratch = malloc(RF_SCRATCH), .area_fd = -1,
				  .image_fd = -1 };
	uint32_t nr = a->nr_ops, first = 1;
	struct rf_ctx ctx;
	long r = 0;

	rf_context_init(&ctx, &start);
	if (unshare((int)(ctx.ops[0].u.clone.flags & CLONE_NEW_ANY)) < 0)
		_exit(RF_EXIT_FAILED);
	rf_record_done(&ctx, 0, getpid());
	for (uint32_t i = 1; !r && i <= nr; i++) {
		if (i < nr && ctx.ops[i].kind != RF_OP_CLONE)
			continue;
		a->nr_ops = i;
		r = rf_context_run(&ctx, first);
		a->nr_ops = nr;
		if (!r && i < nr)
			rf_record_done(&ctx, i, getpid());
		first = i + 1;
	}
	_exit(r < 0 ? RF_EXIT_FAILED : 0);
}

/* As the submitter judges: the first linked failure, or the exec that was begun. */
static void judge(const struct rf_chain *c, const struct rf_record *rec, struct ops_outcome *ret)
{
	ret->kind = RF_DONE_EXIT;
	ret->index = -1;
	ret->result = 0;
	ret->nr = (int)c->nr_ops;
	for (int i = 0; i < ret->nr; i++) {
		const struct rf_op *op = &c->ops[i];
		int r = rec[i].result;

		ret->results[i] = rec[i].state == RF_REC_DONE ? ops_normalized(op, r) : INT32_MIN;
		if (op->kind == RF_OP_EXEC && rec[i].state == RF_REC_BEGUN) {
			ret->results[i] = 0;
			return;
		}
		if (ret->kind == RF_DONE_EXIT && rec[i].state == RF_REC_DONE && r < 0 &&
		    r != -ECANCELED && !rf_op_may_fail(op, r)) {
			ret->kind = RF_DONE_FAILED;
			ret->index = i;
			ret->result = r;
		}
	}
}

void ops_run_chain(const char *engine, const struct rf_chain *c, struct ops_outcome *ret)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_area *a;
	pid_t pid;

	(void)engine;
	EXPECT_TRUE(c->nr_ops <= OPS_MAX);
	if (rf_chain_check(c, &err) < 0)
		fail_msg("%s", err.msg);
	a = make_area(c);
	pid = fork();
	EXPECT_TRUE(pid >= 0);
	if (pid == 0)
		run_as_context(a);
	EXPECT_INT(pid, waitpid(pid, &ret->status, 0));
	/* what a sanitizer finds ends the child in its own way */
	EXPECT_TRUE(WIFEXITED(ret->status));
	judge(c, (const struct rf_record *)(const void *)((char *)a + a->off_records), ret);
	EXPECT_INT(0, munmap(a, 1 << 20));
}
