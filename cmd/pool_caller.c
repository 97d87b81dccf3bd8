/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One caller of a pool: from what it asks for to how its command has ended.
 *
 * Whatever goes wrong before a sandbox has been taken is the caller's to find out by
 * itself: it is told to launch without us, and meets the same error, with its place.
 */
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain.h"
#include "clock.h"
#include "command.h"
#include "error.h"
#include "options.h"
#include "pool_peer.h"
#include "report.h"
#include "ring.h"
#include "run.h"
#include "spec.h"
#include "trace.h"

extern char **environ;

/* ------------------------------------------------------------------- messages */

static int tell(struct caller *c, enum pool_what what, int value, int more, const int *fd)
{
	return pool_send(c->socket, what, value, more, NULL, 0, fd, fd ? 1 : 0);
}

/* Also for report_to(): what is reported while its launch is handled. */
void caller_say(void *arg, const char *text, size_t len)
{
	const struct caller *c = arg;

	while (len) {
		size_t n = len < POOL_TEXT_MAX ? len : POOL_TEXT_MAX;

		if (pool_send(c->socket, POOL_SAY, 0, 0, text, n, NULL, 0) < 0)
			return;	/* it does not listen, or has gone */
		text += n;
		len -= n;
	}
}

/* The words that make the pool's sandbox of a command line without a spec; is there room? */
static bool put_words(const struct pool_words *w, char *buf, size_t size, size_t *n)
{
	for (int i = 1; i < w->argc; i++) {
		size_t len = strlen(w->argv[i]) + 1;

		if (len > size - *n)
			return false;
		memcpy(buf + *n, w->argv[i], len);
		*n += len;
	}
	return true;
}

void caller_send_away(struct caller *c, const char *why)
{
	struct pool *p = c->pool;
	char text[POOL_TEXT_MAX];
	bool whole;
	size_t n;

	p->cold++;
	(void)snprintf(p->last_cold, sizeof(p->last_cold), "%s", why);
	n = (size_t)snprintf(text, sizeof(text) / 4, "%s", why);
	n = n < sizeof(text) / 4 ? n + 1 : sizeof(text) / 4;
	whole = put_words(&p->words, text, sizeof(text), &n);
	(void)pool_send(c->socket, POOL_COLD, whole, 0, text, n, NULL, 0);
}

static int send_away(struct caller *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int send_away(struct caller *c, const char *fmt, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	caller_send_away(c, why);
	return 1;
}

/* ------------------------------------------------------------- its command line */

static int take_ours(void *state, const struct rf_opt *opt, int is_spec, const char *value,
		     struct rf_err *err)
{
	struct load *l = state;

	if (is_spec)
		return rf_option_apply(opt, value, l->sb, err);
	return opt->id == RUN_SPEC ? load_spec(l, value, err) : 0;
}

int pool_read_words(struct load *l, const struct pool_words *words, struct rf_err *err)
{
	int first = options_parse(&cmd_run, words->argc, words->argv, take_ours, l, err);

	return first < 0 ? first : 0;
}

static bool is_same_file(const char *one, const char *other)
{
	struct stat a, b;

	return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Are both in one directory?  What a spec extends is looked for beside it. */
static bool is_beside(const char *one, const char *other)
{
	const char *slash = strrchr(one, '/'), *end = strrchr(other, '/');
	char a[PATH_MAX], b[PATH_MAX];
	int na = slash ? snprintf(a, sizeof(a), "%.*s", (int)(slash - one + 1), one) :
			 snprintf(a, sizeof(a), ".");
	int nb = snprintf(b, sizeof(b), "%.*s", (int)(end - other + 1), other);

	return na > 0 && (size_t)na < sizeof(a) && nb > 0 && (size_t)nb < sizeof(b) &&
	       is_same_file(a, b);
}

/*
 * The same file under another name, in the same directory, is the same spec, and has
 * our places in its chain.
 */
static const char *name_of(const struct pool *p, const char *file)
{
	return p->spec && is_same_file(file, p->spec) && is_beside(file, p->spec) ? p->spec : file;
}

/* Files that are other ones in each process, and pipes, for which we would wait. */
static bool is_of_its_own(const char *value)
{
	return strstr(value, "/proc/") || strstr(value, "/dev/fd") || strstr(value, "/dev/std");
}

static int check_spec_file(const char *file, struct rf_err *err)
{
	struct stat st;

	if (stat(file, &st) == 0 && !S_ISREG(st.st_mode))
		return rf_err_set(err, EINVAL, "its spec is no regular file");
	return 0;
}

static int take_word(void *state, const struct rf_opt *opt, int is_spec, const char *value,
		     struct rf_err *err)
{
	struct caller *c = state;
	int r;

	if (value && (is_spec || opt->id == RUN_SPEC) && is_of_its_own(value))
		return rf_err_set(err, EINVAL, "--%s names a file of its own process", opt->name);
	if (is_spec)
		return rf_option_apply(opt, value, c->load.sb, err);
	if (opt->id != RUN_SPEC)
		return 0;
	if (strcmp(value, "-") == 0)
		return rf_err_set(err, EINVAL, "the spec is its standard input");
	r = check_spec_file(value, err);
	return r < 0 ? r : load_spec(&c->load, name_of(c->pool, value), err);
}

static int read_words(struct caller *c, struct rf_err *err)
{
	const struct pool_request *q = &c->request;
	int argc = (int)q->argc, first, r = load_init(&c->load, err);

	if (r == 0 && !q->has_spec)
		r = pool_read_words(&c->load, &c->pool->words, err);
	if (r < 0)
		return r;
	first = options_parse(&cmd_run, argc, q->argv, take_word, c, err);
	return first < 0 ? first : rf_command_set(argc - first, q->argv + first, c->load.sb, err);
}

/* ------------------------------------------------------------------ its launch */

/* What it would hand down to a command of its own. */
static int view_caller(struct caller *c, struct rf_err *err)
{
	/* those that are ready were born with them */
	const struct rlimit *ours = pool_self_limits(c->pool->self);
	struct rf_caller *v = &c->view;

	*v = (struct rf_caller){ .numbers = c->request.numbers, .fds = c->fds,
				 .nr_fds = c->request.nr_fds, .umask = c->request.umask };
	for (int i = 0; i < (int)(sizeof(v->rlimits) / sizeof(v->rlimits[0])); i++) {
		v->rlimits[i].soft = c->request.rlimits[i].soft;
		v->rlimits[i].hard = c->request.rlimits[i].hard;
		if (v->rlimits[i].soft == ours[i].rlim_cur && v->rlimits[i].hard == ours[i].rlim_max)
			continue;
		if (v->rlimits[i].hard > ours[i].rlim_max)
			return rf_err_set(err, EPERM, "its hard limit %d is above the pool's", i);
		v->rlimit_set |= 1U << i;
	}
	return 0;
}

/* As if we were it: its words mean what they mean there. */
static int load_there(struct caller *c, struct rf_err *err)
{
	char **ours = environ;
	int r = view_caller(c, err);

	if (r < 0)
		return r;
	if (chdir(c->request.cwd) < 0)
		return rf_err_set(err, errno, "its working directory");
	environ = c->request.envp;
	r = read_words(c, err);
	if (r == 0)
		r = load_to_dispatch(&c->load, &c->view, err);
	environ = ours;
	/* nothing means any more what it meant */
	c->pool->lost |= fchdir(c->pool->cwd) < 0;
	return r;
}

static int check_sandbox(struct caller *c, struct rf_err *err)
{
	const struct rf_sandbox *sb = c->load.sb;
	const struct rf_chain *head = c->pool->ready.head;
	int other;
	char text[OP_TEXT_MAX];

	if (sb->name)
		return rf_err_set(err, EOPNOTSUPP, "a sandbox with a name is found by its launcher");
	if (!head)
		return rf_err_set(err, EAGAIN, "no sandbox could be made");
	other = pool_ready_differs(&c->pool->ready, &c->load);
	if (other < 0 && !pool_ready_has_room_for(&c->pool->ready, c->load.chain))
		return rf_err_set(err, E2BIG, "its arguments and environment have no room");
	if (other < 0)
		return 0;
	if (other == rf_chain_nr(head))
		return rf_err_set(err, EXDEV, "a file or directory that the sandbox mounts has been "
				  "replaced");
	op_text(other < rf_chain_nr(c->load.chain) ? c->load.chain : head, other, text);
	return rf_err_set(err, EXDEV, "the sandbox is another, from op %d on: %s", other, text);
}

static void free_descriptors(struct caller *c)
{
	for (size_t i = 0; i < POOL_FDS_MAX; i++) {
		if (c->fds[i] >= 0)
			(void)close(c->fds[i]);
		c->fds[i] = -1;
	}
}

static void unload(struct caller *c)
{
	if (c->loaded) {
		launch_done(&c->launch);
		load_done(&c->load);
	}
	c->loaded = false;
}

static int load_it(struct caller *c)
{
	struct rf_err err = RF_ERR_INIT;
	bool is_said;		/* all of it, by the words */
	int r;

	c->load = (struct load){ .to_run = true };
	c->launch = (struct launch)LAUNCH_INIT;
	c->loaded = true;
	r = load_there(c, &err);
	if (r == 0)
		r = check_sandbox(c, &err);
	if (r == 0)
		return 0;
	/* what is kept ready may be out of date */
	if (r == -EXDEV)
		pool_ready_look(&c->pool->ready);
	is_said = r == -EXDEV || r == -EOPNOTSUPP || r == -EINVAL;
	return send_away(c, "%s%s%s", err.msg, is_said ? "" : ": ", is_said ? "" : strerror(-r));
}

/* The end of its launch, or what kept it from beginning: told, and over. */
static int finish(struct caller *c)
{
	struct rf_verdict *v = &c->launch.verdict;
	int fd = -1;

	v->skipped = c->launch.skipped;
	if (c->request.wants_verdict) {
		char *json = rf_verdict_json(v);

		fd = json ? pool_memfd(json, strlen(json)) : -ENOMEM;
		free(json);
	}
	(void)tell(c, POOL_OVER, v->exit_status, v->signal, fd >= 0 ? &fd : NULL);
	if (fd >= 0)
		(void)close(fd);
	return 1;
}

static int launch_it(struct caller *c, struct rf_context *ctx)
{
	struct launch *l = &c->launch;
	int r;

	l->ring = c->pool->ring;
	l->borrows_ring = true;
	l->wants_usage = c->request.wants_verdict;
	l->user_data = (uint64_t)(uintptr_t)c;
	l->ready = ctx;
	l->pool = c->pool->socket.name;
	c->nr_ready = rf_chain_nr(c->pool->ready.head);
	c->state = CALLER_RUNNING;
	c->pool->nr_waiting--;
	c->pool->nr_running++;
	c->pool->warm++;
	report_to(caller_say, c);
	r = launch_begin(l, &c->load);
	if (r < 0) {
		launch_failed(l);
		l->ctx = ctx;
		(void)rf_context_kill(ctx);
	}
	report_to(NULL, NULL);
	return 0;
}

int caller_dispatch(struct caller *c)
{
	struct rf_context *ctx;
	int r;

	if (!c->pool->ready.nr_parked)
		return 0;
	r = load_it(c);
	if (r)
		return r;
	ctx = pool_ready_take(&c->pool->ready);
	if (!ctx) {		/* looking at the spec has retired them */
		unload(c);
		return 0;
	}
	return launch_it(c, ctx);
}

static int tell_started(struct caller *c, pid_t pid)
{
	const struct rf_sandbox *sb = c->load.sb;
	int more = (!sb->init && sb->ns[RF_NS_PID].mode == RF_NS_NEW ? 1 : 0) |
		   (sb->die_with_parent ? 2 : 0);

	int pidfd = rf_context_pidfd(c->launch.ctx);

	free_descriptors(c);	/* the command has them */
	return pidfd < 0 ? -EMFILE : tell(c, POOL_STARTED, pid, more, &pidfd);
}

/* What launch_handle() knows nothing of, for it is the other end's. */
static int pass_on(struct caller *c, const struct rf_completion *done)
{
	int fd = done->result, r;

	if (done->kind == RF_DONE_STARTED)
		return tell_started(c, done->result);
	if (done->kind != RF_DONE_FD)
		return 0;
	r = tell(c, POOL_TERMINAL, 0, 0, &fd);
	(void)close(fd);
	return r < 0 ? r : 1;
}

/* It was ready, and had ended before anything was done for this caller. */
static bool was_dead(const struct caller *c, const struct rf_completion *done)
{
	return done->kind == RF_DONE_FAILED && done->index >= 0 && done->index < c->nr_ready &&
	       !c->launch.signals.ended_by && !c->launch.limits.passed;
}

int caller_handle(struct caller *c, const struct rf_completion *done)
{
	struct launch *l = &c->launch;
	bool was_broken = l->err.code;
	int r;

	if (was_dead(c, done)) {
		c->pool->warm--;
		return send_away(c, "the sandbox that was ready has ended");
	}
	r = pass_on(c, done);
	if (r < 0)		/* it does not listen any more */
		caller_end(c, SIGKILL);
	if (r == 1)
		return 0;
	report_to(caller_say, c);
	r = launch_handle(l, done);
	if (r < 0) {
		(void)rf_err_set(&l->err, -r, "the launch");
		(void)rf_context_kill(l->ctx);
		r = 0;
	} else if (r > 0 && was_broken && l->verdict.outcome != RF_FAILED) {
		launch_failed(l);
	}
	report_to(NULL, NULL);
	return r > 0 ? finish(c) : 0;
}

void caller_look_for_stop(struct caller *c)
{
	const struct rf_context *ctx = c->launch.ctx;
	siginfo_t info = { .si_pid = 0 };

	if (c->state != CALLER_RUNNING || !ctx || !rf_context_pid(ctx))
		return;
	if (waitid(P_PID, (id_t)rf_context_pid(ctx), &info, WSTOPPED | WNOHANG) == 0 && info.si_pid)
		(void)tell(c, POOL_STOPPED, info.si_status, 0, NULL);
}

void caller_end(struct caller *c, int sig)
{
	if (c->state == CALLER_RUNNING)
		launch_end_by(&c->launch, sig);
}

/* ------------------------------------------------------------------- its words */

static int asked(struct caller *c, struct pool_message *m)
{
	struct pool *p = c->pool;
	void *text = NULL;
	long len;
	int r;

	if (m->head.value != POOL_VERSION)
		return send_away(c, "it speaks version %d, the pool %d", m->head.value, POOL_VERSION);
	if (!m->nr_fds)
		return 1;
	len = pool_memfd_read(m->fds[0], &text);
	r = len < 0 ? (int)len : pool_request_unpack(text, (size_t)len, &c->request);
	free(text);
	if (r < 0 || c->request.nr_fds != m->nr_fds - 1)
		return 1;
	for (size_t i = 0; i < c->request.nr_fds; i++) {
		c->fds[i] = m->fds[i + 1];
		m->fds[i + 1] = -1;
	}
	if (p->draining)
		return send_away(c, "the pool takes no more");
	c->state = CALLER_WAITING;
	c->since_ns = clock_ns();
	p->nr_waiting++;
	return caller_dispatch(c);
}

static int ended_by(struct caller *c, const struct pool_message *m)
{
	struct rf_context *ctx = c->launch.ctx;
	int sig = m->head.value;

	if (sig < 1 || sig > SIGRTMAX)
		return 1;
	if (c->state == CALLER_WAITING) {
		(void)tell(c, POOL_OVER, -1, sig, NULL);
		return 1;
	}
	/* a command that runs gets it from the caller, once that has heard of it */
	if (m->head.what == POOL_KILL || !ctx ||
	    (!c->launch.exec_ns && !rf_context_is_past_exec(ctx)))
		caller_end(c, sig);
	return 0;
}

static int heard(struct caller *c, struct pool_message *m)
{
	bool is_new = c->state == CALLER_NEW;

	switch ((enum pool_what)m->head.what) {
	case POOL_RUN:
		return is_new ? asked(c, m) : 1;
	case POOL_STATUS: case POOL_DRAIN: case POOL_RELOAD:
		if (is_new)
			pool_control(c, (enum pool_what)m->head.what);
		return 1;
	case POOL_ENDS: case POOL_KILL:
		return is_new ? 1 : ended_by(c, m);
	default:
		return 1;
	}
}

int caller_ready(struct caller *c)
{
	struct pool_message m;
	int r = pool_receive(c->socket, false, &m);

	if (r == 0)
		return 0;
	if (r > 0) {
		r = heard(c, &m);
		pool_message_done(&m);
	} else {
		r = 1;
	}
	if (r == 0 || c->state != CALLER_RUNNING)
		return r;
	/* gone, or mad: nobody is there for whom the command could run */
	caller_end(c, SIGKILL);
	c->state = CALLER_GONE;
	return 0;
}

/* -------------------------------------------------------------------- as a whole */

struct caller *caller_new(struct pool *p, int socket)
{
	struct caller *c = p->spare ? p->spare : malloc(sizeof(*c));

	if (!c)
		return NULL;
	p->spare = NULL;
	memset(c, 0, sizeof(*c));
	c->pool = p;
	c->socket = socket;
	c->since_ns = clock_ns();
	for (size_t i = 0; i < POOL_FDS_MAX; i++)
		c->fds[i] = -1;
	c->next = p->callers;
	c->prev = &p->callers;
	if (c->next)
		c->next->prev = &c->next;
	p->callers = c;
	p->nr_callers++;
	return c;
}

void caller_free(struct caller *c)
{
	struct pool *p = c->pool;

	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	p->nr_callers--;
	p->nr_waiting -= c->state == CALLER_WAITING;
	p->nr_running -= c->state == CALLER_RUNNING || c->state == CALLER_GONE;
	(void)rf_ring_unwatch(p->ring, c->socket);
	(void)close(c->socket);
	free_descriptors(c);
	unload(c);
	pool_request_done(&c->request);
	free(p->spare);
	p->spare = c;
}
