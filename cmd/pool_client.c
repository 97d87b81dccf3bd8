/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pool_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "options.h"
#include "output.h"
#include "pool_socket.h"
#include "pool_wire.h"
#include "report.h"
#include "signals.h"
#include "terminal.h"
#include "tty.h"

extern char **environ;

#define WATCH_POOL	1

/* What the command line asks for. */
struct asked {
	const char	*pool;		/* NULL: none */
	const char	*alone;		/* an option that a pool cannot serve; or NULL */
	bool		 or_error;	/* rather than without it */
	bool		 has_spec;
	struct run	*run;
};

struct client {
	const char	*pool;
	int		 argc;		/* our command line */
	char		**argv;
	bool		 has_spec;	/* there */
	int		 socket;
	pid_t		 parent;
	struct rf_ring	*ring;
	struct signals	 signals;
	sigset_t	 mask;		/* before them */
	struct terminal	*terminal;	/* private, of the command; or NULL */
	struct rf_tty	 tty;
	int		 verdict_fd;	/* -1 */
	int		 fds[POOL_FDS_MAX];	/* the request, and what goes with it */
	size_t		 nr_fds;
	struct pool_answer *answer;
	struct rf_err	*err;
};

/* ----------------------------------------------------------- the command line */

bool pool_is_named(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--pool", 6) == 0)
			return true;
	return false;
}

static int take_else(struct asked *a, const char *value, struct rf_err *err)
{
	if (strcmp(value, "cold") != 0 && strcmp(value, "error") != 0)
		return rf_err_set(err, EINVAL, "--pool-else: '%s' is none of cold, error", value);
	a->or_error = *value == 'e';
	return 0;
}

static int take(void *state, const struct rf_opt *opt, int is_spec, const char *value,
		struct rf_err *err)
{
	struct asked *a = state;

	if (is_spec)
		return 0;
	switch (opt->id) {
	case RUN_POOL:
		a->pool = value ? value : POOL_DEFAULT;
		return *a->pool == '/' ? 0 : pool_check_name(a->pool, err);
	case RUN_POOL_ELSE:
		return take_else(a, value, err);
	case RUN_SPEC:
		a->has_spec = true;
		return 0;
	case RUN_VERDICT:
		return output_take("--verdict", value, &a->run->verdict_fd, err);
	case RUN_HELP:
		return OPTIONS_STOP;
	default:
		a->alone = opt->name;
		return 0;
	}
}

/* ---------------------------------------------------------------- the request */

/* Descriptors that a command could inherit; a spec decides which it gets. */
static void name_descriptors(struct pool_request *q)
{
	struct pollfd fds[POOL_FDS_MAX - 1];
	const nfds_t nr = sizeof(fds) / sizeof(fds[0]);

	for (nfds_t i = 0; i < nr; i++)
		fds[i] = (struct pollfd){ .fd = (int)i };
	/* more than RLIMIT_NOFILE allows: then only the first three */
	if (poll(fds, nr, 0) < 0)
		for (nfds_t i = 3; i < nr; i++)
			fds[i].revents = POLLNVAL;
	for (nfds_t i = 0; i < nr; i++) {
		int flags = fds[i].revents & POLLNVAL ? FD_CLOEXEC : fcntl((int)i, F_GETFD);

		if (flags >= 0 && !(flags & FD_CLOEXEC))
			q->numbers[q->nr_fds++] = (int)i;
	}
}

static int describe(struct pool_request *q, struct rf_err *err)
{
	struct rlimit limit;

	while (environ[q->nr_env])
		q->nr_env++;
	q->envp = environ;
	q->cwd = getcwd(NULL, 0);
	if (!q->cwd || *q->cwd != '/')
		return rf_err_set(err, errno ? errno : ENOENT, "the working directory");
	q->umask = umask(0);
	(void)umask((mode_t)q->umask);
	for (int i = 0; i < (int)(sizeof(q->rlimits) / sizeof(q->rlimits[0])); i++) {
		if (getrlimit(i, &limit) < 0)
			return rf_err_set(err, errno, "limits");
		q->rlimits[i].soft = limit.rlim_cur;
		q->rlimits[i].hard = limit.rlim_max;
	}
	name_descriptors(q);
	return 0;
}

static int make_request(struct client *c, struct rf_err *err)
{
	struct pool_request q = { .argv = c->argv, .argc = (size_t)c->argc,
				  .wants_verdict = c->verdict_fd >= 0, .has_spec = c->has_spec };
	int r = describe(&q, err);
	void *text = NULL;
	size_t len = 0;

	if (r == 0) {
		text = pool_request_pack(&q, &len);
		r = text ? pool_memfd(text, len) : -ENOMEM;
		if (r < 0)
			(void)rf_err_set(err, -r, "memory for the pool's request");
	}
	free(text);
	free((char *)(uintptr_t)q.cwd);
	if (r < 0)
		return r;
	c->fds[0] = r;
	memcpy(c->fds + 1, q.numbers, q.nr_fds * sizeof(int));
	c->nr_fds = q.nr_fds + 1;
	return 0;
}

/* ----------------------------------------------------------------- the answers */

/*
 * It is to be launched without a pool.  @text: @len bytes and a NUL, strings behind each
 * other, first why; the others are words that belong behind argv[0].
 */
static int answer_cold(struct pool_answer *a, const char *text, size_t len, int argc, char **argv)
{
	size_t nr = 0;

	a->text = malloc(len + 1);
	if (!a->text)
		return -ENOMEM;
	memcpy(a->text, text, len + 1);
	for (size_t i = 0; i < len; i++)
		nr += !a->text[i];
	a->argv = calloc((size_t)argc + nr + 2, sizeof(*a->argv));
	if (!a->argv)
		return -ENOMEM;
	a->why = a->text;
	a->argv[a->argc++] = argv[0];
	for (const char *s = a->text + strlen(a->text) + 1; s < a->text + len; s += strlen(s) + 1)
		a->argv[a->argc++] = (char *)(uintptr_t)s;
	for (int i = 1; i < argc; i++)
		a->argv[a->argc++] = argv[i];
	return 0;
}

static int take_cold(struct client *c, const struct pool_message *m)
{
	/* never in another sandbox than the pool's */
	if (!c->has_spec && !m->head.value)
		return rf_err_set(c->err, E2BIG, "the pool '%s' cannot be done without: its options "
				  "are too long", c->pool);
	/* our own spec says it all */
	return answer_cold(c->answer, m->text, c->has_spec ? strlen(m->text) : m->len, c->argc, c->argv);
}

static void ask_to_end(void *arg, int sig)
{
	const struct client *c = arg;

	(void)pool_send(c->socket, c->signals.pid ? POOL_KILL : POOL_ENDS, sig, 0, NULL, 0, NULL, 0);
}

static int take_fd(struct pool_message *m)
{
	int fd = m->nr_fds ? m->fds[0] : -1;

	if (m->nr_fds)
		m->fds[0] = -1;
	return fd;
}

static int attach_terminal(struct client *c, int master)
{
	struct terminal_ends ends;
	int r;

	if (master < 0 || c->terminal)
		return -EBADMSG;
	rf_tty_look((const int[]){ 0, 1, 2 }, &c->tty);
	terminal_ends_of(&c->tty, &ends);
	r = terminal_new(c->ring, &ends, &c->terminal);
	if (r < 0) {
		(void)close(master);
		return r;
	}
	c->signals.terminal = c->terminal;
	return terminal_attach(c->terminal, master);
}

static int started(struct client *c, struct pool_message *m)
{
	c->signals.pidfd = take_fd(m);
	if (c->signals.pidfd < 0 || m->head.value <= 0)
		return -EBADMSG;
	c->signals.is_pid1 = m->head.more & 1;
	if (m->head.more & 2 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != c->parent))
		ask_to_end(c, SIGKILL);
	signals_started(&c->signals, NULL, m->head.value);
	return c->terminal ? terminal_started(c->terminal, m->head.value) : 0;
}

static int copy_verdict(const struct client *c, struct pool_message *m)
{
	int fd = take_fd(m), r;
	void *text = NULL;
	long len;

	if (c->verdict_fd < 0 || fd < 0)
		return fd < 0 && c->verdict_fd < 0 ? 0 : -EBADMSG;
	len = pool_memfd_read(fd, &text);
	r = len < 0 ? (int)len : write_all(c->verdict_fd, text, (size_t)len);
	free(text);
	(void)close(fd);
	return r;
}

static int over(struct client *c, struct pool_message *m)
{
	int r = copy_verdict(c, m);

	c->answer->status = m->head.value;
	c->answer->signal = m->head.value < 0 ? m->head.more : 0;
	if (r < 0) {
		report_text("--verdict: %s\n", strerror(-r));
		c->answer->status = STATUS_SANDBOX;
		c->answer->signal = 0;
	}
	return 1;
}

/* 0: it goes on; 1: it is over; 2: it is to be run without; or a negative errno. */
static int handle(struct client *c, struct pool_message *m)
{
	int r;

	switch ((enum pool_what)m->head.what) {
	case POOL_COLD:
		if (c->signals.ended_by) {	/* while it made up its mind */
			c->answer->signal = c->signals.ended_by;
			return 1;
		}
		r = take_cold(c, m);
		return r < 0 ? r : 2;
	case POOL_SAY:
		(void)write_all(STDERR_FILENO, m->text, m->len);
		return 0;
	case POOL_TERMINAL:
		return attach_terminal(c, take_fd(m));
	case POOL_STARTED:
		return started(c, m);
	case POOL_STOPPED:
		signals_stopped(&c->signals, m->head.value);
		return 0;
	case POOL_OVER:
		return over(c, m);
	default:
		return -EBADMSG;
	}
}

static int take_answers(struct client *c)
{
	struct pool_message m;
	int r;

	do {
		r = pool_receive(c->socket, false, &m);
		if (r <= 0)
			break;
		r = handle(c, &m);
		pool_message_done(&m);
	} while (r == 0);
	if (r < 0 || r == 1 || r == 2)
		return r;
	return rf_ring_watch(c->ring, c->socket, WATCH_POOL);
}

/* --------------------------------------------------------------------- the loop */

static int handle_watch(struct client *c, const struct rf_completion *done)
{
	int r;

	if (done->user_data == WATCH_POOL)
		return take_answers(c);
	if (terminal_is_watch(done->user_data)) {
		r = terminal_ready(c->terminal, done->user_data);
		if (terminal_was_suspended(c->terminal))
			signals_suspend(&c->signals, NULL);
		return r;
	}
	r = signals_handle(&c->signals, c->ring, NULL);
	/* the pool knows whether the command is there to get it */
	if (r == 0 && signals_are_early(&c->signals))
		signals_end_launch(&c->signals, NULL);
	return r;
}

/* As without a pool: whoever has ended it does not want to wait. */
static void drain(struct client *c)
{
	(void)signals_drain(&c->signals, c->ring,
			    c->signals.ended_by || (c->signals.asked && c->answer->signal));
	c->answer->typed = c->answer->signal &&
			   terminal_typed_signal(c->terminal) == c->answer->signal;
	c->terminal = c->signals.terminal = terminal_free(c->terminal);
}

static int loop(struct client *c)
{
	struct rf_completion done;
	int r;

	do {
		r = rf_ring_wait(c->ring, -1, &done);
		if (r > 0)
			r = handle_watch(c, &done);
	} while (r == 0);
	if (r == 1 && c->terminal)
		drain(c);
	return r;
}

/* Nobody has been asked, or nobody can be: it is to be launched without. */
static int leave_pool(struct client *c)
{
	if (c->socket >= 0)
		(void)close(c->socket);
	c->socket = -1;
	return 0;
}

/* Connecting comes first: while we put together what we ask for, the pool looks who we are. */
static int start(struct client *c, struct rf_err *why)
{
	int r;

	c->socket = pool_connect(c->pool, why);
	if (c->socket < 0 || make_request(c, why) < 0)
		return leave_pool(c);
	r = rf_ring_new(RF_ENGINE_PLAIN, &c->ring, c->err);
	if (r < 0)
		return r;
	r = signals_init(&c->signals, c->ring, false);
	if (r < 0)
		return rf_err_set(c->err, -r, "signals");
	r = pool_send(c->socket, POOL_RUN, POOL_VERSION, 0, NULL, 0, c->fds, c->nr_fds);
	if (r < 0 && r != -EPIPE) {	/* not all descriptors can be sent */
		(void)rf_err_set(why, -r, "ask the pool '%s'", c->pool);
		return leave_pool(c);
	}
	/* who is sent away at the door may read why */
	r = rf_ring_watch(c->ring, c->socket, WATCH_POOL);
	return r < 0 ? rf_err_set(c->err, -r, "the pool '%s'", c->pool) : 0;
}

static void client_done(struct client *c)
{
	c->terminal = terminal_free(c->terminal);
	c->ring = rf_ring_free(c->ring);
	if (c->signals.fd >= 0)
		(void)close(c->signals.fd);
	if (c->signals.pidfd >= 0)
		(void)close(c->signals.pidfd);
	if (c->socket >= 0)
		(void)close(c->socket);
	if (c->nr_fds)
		(void)close(c->fds[0]);
}

/*
 * As pool_run(), with a pool; @why there is none, and then .socket is -1.
 */
static int run_in(struct client *c, struct rf_err *why)
{
	int r = start(c, why);

	if (r < 0 || c->socket < 0)
		return r;
	r = loop(c);
	if (r == -EPIPE)
		rf_err_set(c->err, ECONNRESET, "the pool '%s' has gone", c->pool);
	else if (r < 0)
		rf_err_set(c->err, -r, "the pool '%s'", c->pool);
	return r;
}

/* Without a spec nobody knows what the sandbox would have been. */
static int no_pool(const struct asked *a, const struct rf_err *why, struct pool_answer *ret,
		   int argc, char **argv, struct rf_err *err)
{
	if (!a->or_error && a->has_spec)
		return answer_cold(ret, why->msg, strlen(why->msg), argc, argv);
	*err = *why;
	if (!a->or_error)
		rf_err_hint(err, "with --spec it would be launched without the pool");
	return -err->code;
}

int pool_run(int argc, char **argv, struct run *run, struct pool_answer *ret)
{
	struct asked a = { .run = run };
	struct rf_err *err = &run->launch.err, why = RF_ERR_INIT;
	struct client c = { .argc = argc, .argv = argv, .socket = -1, .parent = getppid(),
			    .answer = ret, .err = err,
			    .signals = { .fd = -1, .pidfd = -1, .end_by = ask_to_end, .arg = &c } };
	int r = options_parse(&cmd_run, argc, argv, take, &a, err);

	if (r < 0)
		return r;
	if (!a.pool)
		return answer_cold(ret, "", 0, argc, argv);
	if (a.alone)
		return rf_err_set(err, EINVAL, "--%s is for a launch of its own: not with --pool",
				  a.alone);
	c.pool = a.pool;
	c.has_spec = a.has_spec;
	c.verdict_fd = run->verdict_fd;
	(void)sigprocmask(SIG_SETMASK, NULL, &c.mask);
	r = run_in(&c, &why);
	if (r == 0 && c.socket < 0)
		r = no_pool(&a, &why, ret, argc, argv, err);
	else if (r == 2 && a.or_error)
		r = rf_err_set(err, EOPNOTSUPP, "the pool '%s': %s", a.pool, ret->why);
	else if (r == 2)
		r = 0;
	client_done(&c);
	/* what is launched without it begins as we did; what has come meanwhile counts */
	if (r == 0)
		(void)sigprocmask(SIG_SETMASK, &c.mask, NULL);
	return r;
}

void pool_answer_done(struct pool_answer *a)
{
	free(a->text);
	free(a->argv);
	*a = (struct pool_answer){ .status = 0 };
}
