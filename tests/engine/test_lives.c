/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random lives of contexts against a model of them: several on one ring, that get
 * more ops, fail, try again, are copied, exec, exit, and are killed at any moment, by us
 * or by somebody else.
 *
 * The model knows what each op will answer.  Whatever happens, every op that was
 * submitted completes once, in order; what was not killed completes as foretold; and
 * in the end there is no task and no descriptor left.  $RF_TEST_SEED repeats a run.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "chain.h"
#include "harness.h"
#include "ring.h"
#include "sandboxed.h"

#define LIVES	6	/* at once */
#define STEPS	400
#define OPS	256	/* of one life */

enum state { RUNNING, PARKED, DEAD };

struct life {
	struct rf_chain	*c;
	struct rf_context *ctx;
	enum state	 state;
	bool		 own_memory, has_payload, killed;
	int		 want[OPS];	/* what op i answers; 1: anything but an error */
	int		 next;		/* the op that completes next */
	int		 parked_at;
	bool		 parked_failed;
};

struct world {
	struct rf_ring	*ring;
	unsigned int	 seed;
	struct life	 lives[LIVES];
};

static int chance(struct world *w, int n)
{
	return rand_r(&w->seed) % n;
}

static void op_is(struct life *l, int index, int want)
{
	assert_in_range(index, 0, OPS - 1);
	l->want[index] = want;
}

static void add_exec(struct life *l, const char *path, int want)
{
	char *const argv[] = { (char[]){ "true" }, NULL };
	char *const no_env[] = { NULL };

	op_is(l, rf_prep_exec(l->c, path, argv, no_env), want);
}

static void add_ordinary(struct world *w, struct life *l)
{
	int slot, index;

	switch (chance(w, 5)) {
	case 0:
		op_is(l, rf_prep_umask(l->c, 022), 1);
		return;
	case 1:
		op_is(l, rf_prep_open(l->c, RF_SLOT_NONE, "/", O_RDONLY | O_CLOEXEC, 0, 0, &slot), 1);
		op_is(l, rf_prep_close(l->c, slot), 1);
		return;
	case 2:		/* the next runs all the same, without what it works on */
		index = rf_prep_open(l->c, RF_SLOT_NONE, "/no/such", O_PATH, 0, 0, &slot);
		rf_op_link(l->c, index, RF_LINK_HARD);
		op_is(l, index, -ENOENT);
		op_is(l, rf_prep_dup(l->c, slot, 9), -ECANCELED);
		return;
	case 3:
		if (l->has_payload)
			return;
		l->has_payload = true;
		op_is(l, rf_prep_clone(l->c, RF_CLONE_PAYLOAD, 0), 1);
		return;
	default:
		op_is(l, rf_prep_chdir(l->c, RF_SLOT_NONE, "/"), 1);
		return;
	}
}

/* Something to run, with one of the ends. */
static void add_ops(struct world *w, struct life *l)
{
	int slot, end = chance(w, 8);

	for (int n = chance(w, 5); n > 0; n--)
		add_ordinary(w, l);
	if (end == 1)
		op_is(l, rf_prep_open(l->c, RF_SLOT_NONE, "/no/such", O_RDONLY, 0, 0, &slot),
		      -ENOENT);
	if (end == 2 && (l->has_payload || !l->own_memory))
		add_exec(l, "/no/such/true", -ENOENT);
	else if (end == 3 && (l->has_payload || !l->own_memory))
		add_exec(l, "/bin/true", 1);
	else if (end == 4)
		op_is(l, rf_prep_exit(l->c, 0), 1);
	else
		op_is(l, rf_prep_gate(l->c), 1);
}

static void begin(struct world *w, struct life *l)
{
	struct rf_err err = RF_ERR_INIT;

	*l = (struct life){ .c = rf_chain_new(), .own_memory = chance(w, 3) == 0 };
	assert_non_null(l->c);
	op_is(l, rf_prep_clone(l->c, RF_CLONE_CONTEXT, 0), 1);
	op_is(l, rf_prep_gate(l->c), 1);
	EXPECT_INT(0, rf_submit(w->ring, l->c, RF_SUBMIT_OPS |
				(l->own_memory ? RF_SUBMIT_OWN_MEMORY : 0),
				(uint64_t)(l - w->lives), &l->ctx, &err));
}

/* Behind the gate, or in place of what has failed; or that once more. */
static void go_on(struct world *w, struct life *l)
{
	struct rf_err err = RF_ERR_INIT;

	if (l->parked_failed && chance(w, 3)) {
		EXPECT_INT(0, rf_chain_cut(l->c, l->parked_at));
		l->has_payload = false;
		for (int i = 1; i < l->parked_at; i++)
			l->has_payload |= l->c->ops[i].kind == RF_OP_CLONE;
		add_ops(w, l);
	} else if (!l->parked_failed) {
		add_ops(w, l);
	}
	if (rf_context_submit(l->ctx, l->c, &err) < 0)
		fail_msg("%s: %s", err.msg, strerror(err.code));
	l->state = RUNNING;
	if (l->parked_failed)
		l->next = l->parked_at;
}

static int nr_over(const struct life *l)
{
	return l->parked_at + !l->parked_failed;
}

static bool has_run_payload(const struct life *l)
{
	for (int i = 1; i < nr_over(l); i++)
		if (l->c->ops[i].kind == RF_OP_CLONE)
			return true;
	return false;
}

/* Another like it, in the place of one that is dead; it has yet to say that it is parked. */
static void copy(struct world *w, const struct life *l)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_context *ctx;
	int at = 0, r;

	while (at < LIVES && w->lives[at].state != DEAD)
		at++;
	if (at == LIVES)
		return;
	r = rf_context_clone(l->ctx, (uint64_t)at, &ctx, &err);
	if (has_run_payload(l)) {
		EXPECT_INT(-EINVAL, r);
		return;
	}
	/* one that is gone, whether or not the ring has seen it */
	if (l->killed && (r == -ESRCH || r == -EINVAL))
		return;
	if (r < 0)
		fail_msg("%s: %s", err.msg, strerror(err.code));
	w->lives[at] = *l;
	w->lives[at].ctx = ctx;
	w->lives[at].c = rf_chain_copy(l->c);
	w->lives[at].state = RUNNING;
	w->lives[at].killed = false;
	assert_non_null(w->lives[at].c);
}

/* What has not been reaped still has its number. */
static void kill_from_outside(struct life *l)
{
	const struct rf_task *t = l->ctx->payload.pid ? &l->ctx->payload : &l->ctx->context;

	if (t->pid <= 0 || t->reaped)
		return;
	l->killed = true;
	EXPECT_INT(0, kill(t->pid, SIGKILL));
}

static void end(struct life *l)
{
	EXPECT_INT(rf_chain_nr(l->c), l->next);
	l->state = DEAD;
	l->c = rf_chain_free(l->c);
}

static void op_done(struct life *l, const struct rf_completion *d)
{
	int want;

	EXPECT_INT(l->next, d->index);
	assert_in_range(d->index, 0, rf_chain_nr(l->c) - 1);
	l->next++;
	want = l->want[d->index];
	if (l->killed && (d->result == -EINTR || d->result == -ECANCELED))
		return;
	/* behind one that fails */
	if (d->result == -ECANCELED && want != -ECANCELED) {
		for (int i = 0; i < d->index; i++)
			if (l->want[i] < 0 && !(l->c->ops[i].flags & RF_OP_F_HARD))
				return;
		fail_msg("op %d has not run", d->index);
	}
	EXPECT_INT(want < 0 ? want : 1, d->result < 0 ? d->result : 1);
}

static void handle(struct world *w, const struct rf_completion *d)
{
	struct life *l = &w->lives[d->user_data];

	assert_ptr_equal(l->ctx, d->ctx);
	assert_int_not_equal(DEAD, l->state);
	switch (d->kind) {
	case RF_DONE_OP:
		op_done(l, d);
		return;
	case RF_DONE_PARKED:
		EXPECT_INT(RUNNING, l->state);
		l->state = PARKED;
		l->parked_at = d->index;
		l->parked_failed = d->result < 0;
		if (l->parked_failed)
			EXPECT_INT(l->want[d->index], d->result);
		EXPECT_INT(l->parked_failed ? rf_chain_nr(l->c) : d->index, l->next);
		return;
	case RF_DONE_STARTED:
		EXPECT_INT(RF_OP_EXEC, l->c->ops[d->index].kind);
		return;
	case RF_DONE_FAILED:
		/* a chain that lingers fails when it is killed */
		EXPECT_TRUE(l->killed);
		end(l);
		return;
	case RF_DONE_EXIT:
		EXPECT_TRUE(l->killed || (WIFEXITED(d->status) && WEXITSTATUS(d->status) == 0));
		end(l);
		return;
	default:
		fail_msg("a completion of kind %d", d->kind);
	}
}

static void step(struct world *w)
{
	struct life *l = &w->lives[chance(w, LIVES)];
	struct rf_completion d;

	if (l->state == DEAD)
		begin(w, l);
	else if (chance(w, 24) == 0)
		l->killed |= rf_context_kill(l->ctx) == 0;
	else if (chance(w, 24) == 0)
		kill_from_outside(l);
	else if (l->state == PARKED && chance(w, 3) == 0)
		copy(w, l);
	else if (l->state == PARKED && rf_chain_nr(l->c) < OPS - 16 && !l->killed)
		go_on(w, l);
	else if (l->state == PARKED)
		l->killed |= rf_context_kill(l->ctx) == 0;
	for (int n = chance(w, 6); n > 0; n--)
		if (rf_ring_wait(w->ring, chance(w, 2), &d) == 1)
			handle(w, &d);
}

static bool all_dead(const struct world *w)
{
	for (int i = 0; i < LIVES; i++)
		if (w->lives[i].state != DEAD)
			return false;
	return true;
}

/* Every other has what only runs in its keeping, however few they are. */
static struct rf_ring *live_ring(unsigned int seed)
{
	struct rf_ring *ring = sandboxed_ring();

	ring->stow_above = seed & 1 ? 0 : RF_STOW_ABOVE;
	return ring;
}

static void live(unsigned int seed)
{
	struct world w = { .seed = seed };
	struct rf_completion d;
	int before = harness_count_fds();

	print_message("RF_TEST_SEED=%u\n", seed);
	w.ring = live_ring(seed);
	for (int i = 0; i < LIVES; i++)
		w.lives[i].state = DEAD;
	for (int i = 0; i < STEPS; i++)
		step(&w);
	for (int i = 0; i < LIVES; i++)
		if (w.lives[i].state != DEAD)
			w.lives[i].killed |= rf_context_kill(w.lives[i].ctx) == 0;
	while (!all_dead(&w)) {
		EXPECT_INT(1, rf_ring_wait(w.ring, 20000, &d));
		handle(&w, &d);
	}
	rf_ring_free(w.ring);
	EXPECT_INT(-1, waitpid(-1, NULL, __WALL));
	EXPECT_INT(ECHILD, errno);
	EXPECT_INT(before, harness_count_fds());
}

TEST_ENGINES(random_lives_go_as_foretold)
{
	const char *seed = getenv("RF_TEST_SEED");

	sandboxed_need_calls();
	if (seed) {
		live((unsigned int)strtoul(seed, NULL, 10));
		return;
	}
	for (unsigned int i = 1; i <= 8; i++)
		live(i);
	live((unsigned int)time(NULL));
}

/* In a process of its own, as submitters are. */
static void submit_for_ever(unsigned int seed)
{
	struct world w = { .seed = seed };

	w.ring = live_ring(seed);
	for (int i = 0; i < LIVES; i++)
		w.lives[i].state = DEAD;
	for (;;)
		step(&w);
}

/* It dies at some moment, and all that it has made with it; we get the orphans. */
static void die(unsigned int seed)
{
	unsigned int random = seed;
	const struct timespec moment = { .tv_nsec = rand_r(&random) % 30000000 };
	pid_t pid = fork(), orphan;
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		submit_for_ever(seed);
		_exit(1);
	}
	(void)nanosleep(&moment, NULL);
	EXPECT_INT(0, kill(pid, SIGKILL));
	EXPECT_INT(pid, waitpid(pid, &status, 0));
	if (!WIFSIGNALED(status))
		fail_msg("RF_TEST_SEED=%u: the submitter has ended by itself: %#x", seed, (unsigned int)status);
	(void)alarm(20);	/* what is left for good ends the test */
	while ((orphan = waitpid(-1, NULL, __WALL)) > 0)
		;
	(void)alarm(0);
	EXPECT_INT(ECHILD, errno);
}

TEST_ENGINES(what_a_submitter_has_made_dies_with_it)
{
	const char *seed = getenv("RF_TEST_SEED");
	unsigned int first = seed ? (unsigned int)strtoul(seed, NULL, 10) : (unsigned int)time(NULL);
	int before = harness_count_fds();

	sandboxed_need_calls();
	print_message("RF_TEST_SEED=%u\n", first);
	EXPECT_INT(0, prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	for (unsigned int i = 0; i < 40; i++)
		die(first + i);
	EXPECT_INT(0, prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0));
	EXPECT_INT(before, harness_count_fds());
}
