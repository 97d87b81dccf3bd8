/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loop of a pool: callers, sandboxes and signals on one ring, from one thread.
 *
 * Callers come first: a sandbox is made only when nothing else has happened.
 */
#include "pool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "error.h"
#include "pool_peer.h"
#include "report.h"
#include "ring.h"

/* rf_ring_watch(): what for; a caller is its address. */
enum { WATCH_SOCKET = 2, WATCH_SIGNALS = 4, WATCH_LAST = 4 };

#define CALLERS_MAX	512
#define STARVED_MS	100
#define LOOK_NS		1000000000ULL	/* between two looks at ourselves */
#define SILENCE_NS	(10 * 1000000000ULL)	/* for a caller to say what it wants */

/* ------------------------------------------------------------------- callers */

static void release(struct pool *p, struct caller *c)
{
	caller_free(c);
	/* there is room for another */
	if (p->crowded && !p->draining)
		p->crowded = rf_ring_watch(p->ring, p->socket.fd, WATCH_SOCKET) < 0;
}

static int watch_caller(struct caller *c)
{
	return rf_ring_watch(c->pool->ring, c->socket, (uint64_t)(uintptr_t)c);
}

/*
 * We may have been moved, to another control group for one.  What is made from now on goes
 * along, what is ready has stayed behind.
 */
static void look_at_ourselves(struct pool *p)
{
	struct rf_err err = RF_ERR_INIT;
	struct pool_self *now;

	if (clock_ns() < p->look_ns || p->draining)
		return;
	p->look_ns = clock_ns() + LOOK_NS;
	now = pool_self_new(&err);
	if (!now || !pool_self_differs(p->self, now)) {
		(void)pool_self_free(now);
		return;
	}
	(void)pool_self_free(p->self);
	p->self = now;
	pool_ready_retire(&p->ready);
}

/*
 * One that has connected.  Whoever is no process of this user's is not heard, and one that
 * is confined otherwise than we are not either: it could but take a place from others.
 */
static int take_caller(struct pool *p)
{
	int fd = accept4(p->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct caller *c;
	char why[256];

	if (fd < 0)
		return -errno;
	c = pool_peer_is_ours(fd, false) ? caller_new(p, fd) : NULL;
	if (!c) {
		(void)close(fd);
		return 0;
	}
	if (pool_peer_differs(p->self, fd, why, sizeof(why))) {
		caller_send_away(c, why);
		release(p, c);
		return 0;
	}
	/* most have said it by now */
	if (caller_ready(c) || watch_caller(c) < 0)
		release(p, c);
	return 0;
}

static int take_callers(struct pool *p)
{
	int r = 0;

	look_at_ourselves(p);
	while (p->nr_callers < CALLERS_MAX && r == 0)
		r = take_caller(p);
	p->crowded = p->nr_callers >= CALLERS_MAX;
	/* no descriptors left: those who wait there are asked in again by the next one to go */
	if (r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS) {
		p->crowded = p->nr_callers > 0;
		p->starved = !p->crowded;
	}
	if (p->crowded || p->starved || p->draining)
		return 0;
	return rf_ring_watch(p->ring, p->socket.fd, WATCH_SOCKET);
}

static struct caller *oldest_waiting(const struct pool *p)
{
	struct caller *found = NULL;

	for (struct caller *c = p->nr_waiting ? p->callers : NULL; c; c = c->next)
		if (c->state == CALLER_WAITING && (!found || c->since_ns < found->since_ns))
			found = c;
	return found;
}

/* Those who wait get what is ready, or hear that there is nothing. */
static void serve_waiting(struct pool *p)
{
	struct caller *c;

	while (p->ready.nr_parked && (c = oldest_waiting(p)))
		if (caller_dispatch(c))
			release(p, c);
	while (!p->ready.nr && p->ready.retry_ns > clock_ns() && (c = oldest_waiting(p))) {
		caller_send_away(c, p->ready.err.msg);
		release(p, c);
	}
}

/* Those who say nothing; how long until the next one has been silent for too long, in ms. */
static int drop_silent(struct pool *p)
{
	uint64_t now = clock_ns(), next = 0;

	for (struct caller *c = p->callers, *after; c; c = after) {
		uint64_t until = c->since_ns + SILENCE_NS;

		after = c->next;
		if (c->state != CALLER_NEW)
			continue;
		if (until <= now)
			release(p, c);
		else if (!next || until - now < next)
			next = until - now;
	}
	return next ? (int)(next / 1000000) + 1 : -1;
}

/* -------------------------------------------------------------------- control */

static void begin_draining(struct pool *p)
{
	if (p->draining)
		return;
	p->draining = true;
	(void)rf_ring_unwatch(p->ring, p->socket.fd);
	pool_unlisten(&p->socket);
	pool_ready_stop(&p->ready);
	for (struct caller *c; (c = oldest_waiting(p));) {
		caller_send_away(c, "the pool takes no more");
		release(p, c);
	}
}

static void reload(struct pool *p)
{
	p->ready.look_ns = p->ready.retry_ns = 0;
	pool_ready_look(&p->ready);
}

static char *status_of(const struct pool *p)
{
	const struct pool_ready *r = &p->ready;
	const struct rf_pool_row row = {
		.name = p->socket.name, .spec = p->spec, .pid = getpid(),
		.size = r->size, .ready = r->nr_parked, .making = r->nr - r->nr_parked,
		.running = p->nr_running, .waiting = p->nr_waiting,
		.taken = (int64_t)p->warm, .sent_away = (int64_t)p->cold, .made = (int64_t)r->made,
		.failed = (int64_t)r->failed, .retired = (int64_t)r->retired,
		.last_sent_away = *p->last_cold ? p->last_cold : NULL,
		.last_error = r->err.code ? r->err.msg : NULL,
		.uptime_ms = (int64_t)(clock_ns() / 1000000),
	};

	return rf_pool_row_json(&row);
}

void pool_control(struct caller *c, enum pool_what what)
{
	struct pool *p = c->pool;
	char *json;

	if (what == POOL_DRAIN)
		begin_draining(p);
	if (what == POOL_RELOAD)
		reload(p);
	json = what == POOL_STATUS ? status_of(p) : NULL;
	if (json)
		caller_say(c, json, strlen(json));
	free(json);
	(void)pool_send(c->socket, POOL_OVER, what == POOL_STATUS && !json ? STATUS_SANDBOX : 0, 0,
			NULL, 0, NULL, 0);
}

/* --------------------------------------------------------------------- signals */

static int watch_signals(struct pool *p)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(&set, wanted[i]);
	/* ignored, it would take the exit statuses away from us */
	(void)signal(SIGCHLD, SIG_DFL);
	p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p->signal_fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return rf_ring_watch(p->ring, p->signal_fd, WATCH_SIGNALS);
}

/* 1: to end now. */
static int take_signals(struct pool *p)
{
	struct signalfd_siginfo info;
	int r;

	while (read(p->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			for (struct caller *c = p->callers; c; c = c->next)
				caller_look_for_stop(c);
			break;
		case SIGHUP:
			reload(p);
			break;
		default:
			return 1;
		}
	}
	r = rf_ring_watch(p->ring, p->signal_fd, WATCH_SIGNALS);
	return r < 0 ? r : 0;
}

/* ---------------------------------------------------------------------- the loop */

/* The caller whom an event is for; one that has been on its way while it left is for none. */
static struct caller *find(const struct pool *p, uint64_t user_data)
{
	struct caller *c = p->callers;

	while (c && (uint64_t)(uintptr_t)c != user_data)
		c = c->next;
	return c;
}

static int handle_watch(struct pool *p, const struct rf_completion *done)
{
	struct caller *c;

	if (done->user_data == WATCH_SOCKET)
		return take_callers(p);
	if (done->user_data == WATCH_SIGNALS)
		return take_signals(p);
	c = find(p, done->user_data);
	if (!c)
		return 0;
	if (caller_ready(c))
		release(p, c);
	else if (c->state != CALLER_GONE && watch_caller(c) < 0)
		caller_end(c, SIGKILL);
	return 0;
}

static int handle(struct pool *p, const struct rf_completion *done)
{
	struct caller *c;

	if (done->kind == RF_DONE_WATCH)
		return handle_watch(p, done);
	if (pool_ready_owns(done)) {
		pool_ready_handle(&p->ready, done);
		return 0;
	}
	c = (struct caller *)(uintptr_t)done->user_data;
	if (caller_handle(c, done))
		release(p, c);
	return 0;
}

static int sooner(int a, int b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

/* What to do while nothing happens; how long until there is more, in ms, or -1. */
static int idle(struct pool *p)
{
	int ms;

	look_at_ourselves(p);
	p->ready.wanted = p->nr_waiting;
	ms = sooner(pool_ready_maintain(&p->ready), drop_silent(p));
	if (!p->starved)
		return ms;
	p->starved = rf_ring_watch(p->ring, p->socket.fd, WATCH_SOCKET) < 0;
	return sooner(ms, STARVED_MS);
}

/* 1: told to end; 0: drained; or a negative errno. */
static int loop(struct pool *p)
{
	struct rf_completion done;
	int r;

	for (;;) {
		if (p->draining && !p->nr_callers && !p->ready.first)
			return 0;
		serve_waiting(p);
		r = rf_ring_wait(p->ring, 0, &done);
		if (r == 0)
			r = rf_ring_wait(p->ring, idle(p), &done);
		if (r > 0)
			r = handle(p, &done);
		if (r == 0 && p->lost)
			r = -ENOENT;
		if (r)
			return r;
	}
}

int pool_serve(struct pool *p)
{
	int r = watch_signals(p);

	if (r == 0)
		r = rf_ring_watch(p->ring, p->socket.fd, WATCH_SOCKET);
	if (r == 0)
		r = loop(p);
	if (r < 0)
		report_text("the pool has failed: %s\n", strerror(-r));
	/* nobody is to come while we go */
	if (!p->draining)
		pool_unlisten(&p->socket);
	return r < 0 ? STATUS_SANDBOX : 0;
}
