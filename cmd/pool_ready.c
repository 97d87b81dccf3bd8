/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pool_ready.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain.h"
#include "clock.h"
#include "error.h"
#include "report.h"
#include "ring.h"
#include "trace.h"

#define RETRY_NS	1000000000ULL	/* after one that could not be made */
#define LOOK_NS		1000000000ULL	/* between two looks at the spec */
#define QUIET_NS	3000000ULL	/* after one has been taken */
#define AT_A_TIME_MAX	16		/* in the making */
#define NS_PER_MS	1000000U

/* One sandbox, while it is nobody's. */
struct ready {
	struct ready	*next;
	struct rf_context *ctx;
	uint64_t	 born_ns;
	bool		 parked, retired;
};

static int load_one(const struct pool_ready *p, struct load *l, struct rf_err *err)
{
	int r;

	l->to_run = true;
	r = p->load(p->arg, l, err);
	return r < 0 ? r : load_to_keep(l, err);
}

/* ---------------------------------------------------------------------- ending */

static void retire(struct pool_ready *p, struct ready *s)
{
	if (s->retired)
		return;
	s->retired = true;
	p->nr--;
	p->nr_parked -= s->parked;
	p->retired++;
	(void)rf_context_kill(s->ctx);
}

void pool_ready_retire(struct pool_ready *p)
{
	for (struct ready *s = p->first; s; s = s->next)
		retire(p, s);
}

static void forget(struct pool_ready *p, struct ready *s)
{
	struct ready **at = &p->first;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	if (!s->next)
		p->last = at;
	if (!s->retired) {
		p->nr--;
		p->nr_parked -= s->parked;
	}
	s->next = p->spare;
	p->spare = s;
}

static void making_failed(struct pool_ready *p, const struct rf_err *err)
{
	p->failed++;
	p->err = *err;
	if (p->has_failed)
		p->retry_ns = clock_ns() + RETRY_NS;
	p->has_failed = true;
	if (!p->quiet)
		report_error(err, REPORT_STRERROR);
}

/* ---------------------------------------------------------------------- making */

/* What is made from now on is another sandbox: those that are ready are of no use. */
static void set_head(struct pool_ready *p, struct load *l)
{
	rf_chain_free(p->head);
	p->head = l->chain;
	p->sources = l->sb->sources;
	l->chain = NULL;
	pool_ready_retire(p);
}

static bool is_other(const struct pool_ready *p, const struct load *l)
{
	const struct rf_chain *c = l->chain;

	return !p->head || l->sb->sources != p->sources || c->nr_ops != p->head->nr_ops ||
	       rf_chain_differs(c, p->head) >= 0;
}

/* One of which nothing is known yet, out of those that are gone. */
static int find_room(struct pool_ready *p, struct rf_err *err)
{
	if (!p->spare)
		p->spare = calloc(1, sizeof(*p->spare));
	return p->spare ? 0 : rf_err_set(err, ENOMEM, "memory for a sandbox");
}

static int submit(struct pool_ready *p, struct load *l, struct rf_err *err)
{
	const struct rf_chain *chain = l->chain ? l->chain : p->head;
	struct ready *s = p->spare;
	/* so that its peak memory is its own, and nothing of ours is in it */
	int r = rf_submit(p->ring, chain, RF_SUBMIT_OWN_MEMORY, (uint64_t)(uintptr_t)s | 1, &s->ctx,
			  err);

	if (r < 0)
		return r;
	p->spare = s->next;
	s->next = NULL;
	s->parked = s->retired = false;
	s->born_ns = clock_ns();
	*p->last = s;
	p->last = &s->next;
	p->nr++;
	p->made++;
	return 0;
}

static void make_one(struct pool_ready *p)
{
	struct rf_err err = RF_ERR_INIT;
	struct load l = { .sb = NULL };
	int r = find_room(p, &err);	/* before what is needed for a moment only */

	if (r == 0)
		r = load_one(p, &l, &err);
	if (r == 0 && is_other(p, &l))
		set_head(p, &l);
	if (r == 0)
		r = submit(p, &l, &err);
	if (l.sb)
		load_submitted(&l);
	load_done(&l);
	if (r < 0)
		making_failed(p, &err);
}

bool pool_ready_is_same(struct pool_ready *p)
{
	struct rf_err err = RF_ERR_INIT;
	struct load l = { .sb = NULL };
	bool same = false;

	if (load_one(p, &l, &err) < 0)
		making_failed(p, &err);
	else if (is_other(p, &l))
		set_head(p, &l);
	else
		same = true;
	load_done(&l);
	return same;
}

void pool_ready_look(struct pool_ready *p)
{
	if (p->stopped || clock_ns() < p->look_ns)
		return;
	p->look_ns = clock_ns() + LOOK_NS;
	(void)pool_ready_is_same(p);
}

/* ------------------------------------------------------------------- upkeep */

/* Resident bytes of process @pid; 0: none. */
static uint64_t memory_of(pid_t pid)
{
	unsigned long pages = 0;
	char path[64], text[128];
	FILE *f;

	if (pid <= 0)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (!fgets(text, sizeof(text), f) || sscanf(text, "%*u %lu", &pages) != 1)
		pages = 0;
	(void)fclose(f);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The task that waits; its maker until there is one. */
static pid_t waiting(const struct rf_context *ctx)
{
	pid_t pid = rf_context_pid(ctx);

	return pid > 0 ? pid : ctx->context.pid;
}

/* Is there room for one more, of the size of the others? */
static bool has_room(const struct pool_ready *p)
{
	uint64_t ours, theirs = 0;

	if (!p->max_memory || !p->nr)
		return true;	/* one there has to be */
	ours = memory_of(getpid());
	for (const struct ready *s = p->first; s; s = s->next)
		theirs += memory_of(waiting(s->ctx)) + memory_of(s->ctx->init.pid);
	return ours + theirs + theirs / p->nr <= p->max_memory;
}

static uint64_t age_of(const struct ready *s, uint64_t now)
{
	return now > s->born_ns ? now - s->born_ns : 0;
}

/* The oldest too long there goes; when the next will be, in ns, or 0. */
static uint64_t retire_old(struct pool_ready *p, uint64_t now)
{
	uint64_t next = 0;

	for (struct ready *s = p->first; p->max_age_ns && s; s = s->next) {
		uint64_t age = age_of(s, now);

		if (s->parked && age >= p->max_age_ns)
			retire(p, s);
		else if (s->parked && !s->retired && (!next || p->max_age_ns - age < next))
			next = p->max_age_ns - age;
	}
	return next;
}

/* One, or as many as are waited for: then there is nothing else to do. */
static unsigned int at_a_time(const struct pool_ready *p)
{
	return p->wanted < 1 ? 1 : p->wanted < AT_A_TIME_MAX ? p->wanted : AT_A_TIME_MAX;
}

int pool_ready_maintain(struct pool_ready *p)
{
	uint64_t now = clock_ns(), next, pause;

	if (p->stopped)
		return -1;
	next = retire_old(p, now);
	pause = p->retry_ns > now ? p->retry_ns - now : 0;
	/* whoever has taken one is using the processors: while there are others, it comes first */
	if (!pause && p->quiet_ns > now && p->nr_parked && !p->wanted)
		pause = p->quiet_ns - now;
	if (p->nr < p->size && pause) {
		if (!next || pause < next)
			next = pause;
	} else if (p->nr < p->size && p->nr - p->nr_parked < at_a_time(p) && has_room(p)) {
		make_one(p);
	}
	return next ? (int)(next / NS_PER_MS) + 1 : -1;
}

bool pool_ready_has_room_for(const struct pool_ready *p, const struct rf_chain *c)
{
	struct rf_layout l;

	rf_layout_of(c, &l);
	for (const struct ready *s = p->first; s; s = s->next)
		if (s->ctx->area && l.size > s->ctx->area->size)
			return false;
	return true;
}

struct rf_context *pool_ready_take(struct pool_ready *p)
{
	for (struct ready *s = p->first; s; s = s->next) {
		struct rf_context *ctx = s->ctx;

		if (!s->parked || s->retired)
			continue;
		/* it has ended, and the completion that says so is still to come, for @s */
		if (ctx->parked_op < 0) {
			s->parked = false;
			p->nr_parked--;
			continue;
		}
		forget(p, s);
		p->quiet_ns = clock_ns() + QUIET_NS;
		return ctx;
	}
	return NULL;
}

/* It was to be ready and is not. */
static void lost(struct pool_ready *p, const struct ready *s, const struct rf_completion *done)
{
	struct rf_err err = RF_ERR_INIT;
	char text[OP_TEXT_MAX];

	if (s->retired)
		return;
	if (done->kind == RF_DONE_FAILED && done->index >= 0 && p->head &&
	    done->index < rf_chain_nr(p->head)) {
		struct rf_place place = op_place(p->head, done->index);

		op_text(p->head, done->index, text);
		rf_err_at(&err, &place, -done->result, "%s", text);
	} else {
		rf_err_set(&err, EIO, "a sandbox has ended before it was used");
	}
	making_failed(p, &err);
}

void pool_ready_handle(struct pool_ready *p, const struct rf_completion *done)
{
	struct ready *s = (struct ready *)(uintptr_t)(done->user_data & ~(uint64_t)1);

	switch (done->kind) {
	case RF_DONE_PARKED:
		if (s->retired)
			return;
		s->parked = true;
		p->nr_parked++;
		p->has_failed = false;
		return;
	case RF_DONE_FAILED: case RF_DONE_EXIT:
		lost(p, s, done);
		forget(p, s);
		return;
	case RF_DONE_FD:
		(void)close(done->result);
		return;
	default:
		return;
	}
}

int pool_ready_differs(const struct pool_ready *p, const struct load *l)
{
	int other = rf_chain_differs(l->chain, p->head);

	return other < 0 && l->sb->sources != p->sources ? rf_chain_nr(p->head) : other;
}

void pool_ready_init(struct pool_ready *p, struct rf_ring *ring,
		     int (*load)(void *arg, struct load *l, struct rf_err *err), void *arg)
{
	p->ring = ring;
	p->load = load;
	p->arg = arg;
	p->last = &p->first;
}

void pool_ready_stop(struct pool_ready *p)
{
	p->stopped = true;
	pool_ready_retire(p);
}

void pool_ready_done(struct pool_ready *p)
{
	while (p->first)
		forget(p, p->first);
	while (p->spare) {
		struct ready *next = p->spare->next;

		free(p->spare);
		p->spare = next;
	}
	p->head = rf_chain_free(p->head);
}
