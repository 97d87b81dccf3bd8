/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence pool: the command line, and into the background.
 */
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "hint.h"
#include "options.h"
#include "pool_peer.h"
#include "report.h"
#include "ring.h"
#include "run.h"
#include "spec.h"

#define WORDS_MAX	256
#define MAX_AGE_NS	600000000000ULL
#define CALLERS_AT_ONCE 8	/* more are no trouble, but their memory is found when they come */

enum { OPT_SPEC = RUN_OWN, OPT_NAME, OPT_SIZE, OPT_DAEMON, OPT_LOG, OPT_MAX_AGE, OPT_MAX_MEMORY,
       OPT_HELP };

static const struct rf_opt pool_opts[] = {
	{ .name = "spec", .letter = 's', .arg = "FILE", .id = OPT_SPEC,
	  .help = "the sandbox that is kept ready (YAML or JSON)", .complete = RF_COMPLETE_FILE },
	{ .name = "name", .arg = "NAME", .id = OPT_NAME,
	  .help = "what `run --pool` calls it; default, unless said" },
	{ .name = "size", .letter = 'n', .arg = "N", .id = OPT_SIZE,
	  .help = "how many are kept ready; as many as there are processors, unless said" },
	{ .name = "daemon", .letter = 'd', .id = OPT_DAEMON,
	  .help = "into the background, once they are ready" },
	{ .name = "log", .arg = "FILE", .id = OPT_LOG,
	  .help = "with --daemon: append messages to FILE", .complete = RF_COMPLETE_FILE },
	{ .name = "max-age", .arg = "TIME", .id = OPT_MAX_AGE,
	  .help = "replace one that has been ready for longer: 90, 10m; 0 never (10m)" },
	{ .name = "max-memory", .arg = "SIZE", .id = OPT_MAX_MEMORY,
	  .help = "keep fewer ready than would take more memory than this: 64M" },
	RUN_ROW_ENGINE,
	{ .name = "help", .letter = 'h', .id = OPT_HELP, .help = "print this help" },
	{ .name = NULL }
};

static int pool_main(int argc, char **argv);

const struct command cmd_pool = {
	.name	= "pool",
	.args	= "[option...] | status|drain|reload [NAME]",
	.help	= "keep sandboxes ready for `run --pool`",
	.words	= "status drain reload",
	.opts	= pool_opts,
	.flags	= COMMAND_SPEC,
	.main	= pool_main,
};

struct options {
	const char	*name;
	const char	*log;
	bool		 daemon;
	enum rf_engine_kind engine;
	struct pool	*pool;
};

/* ------------------------------------------------------------- the command line */

static int add_word(struct pool_words *w, char *word, struct rf_err *err)
{
	if (!word)
		return rf_err_set(err, ENOMEM, "memory for the options");
	if (w->argc + 1 >= WORDS_MAX) {
		free(word);
		return rf_err_set(err, E2BIG, "more than %d options", WORDS_MAX);
	}
	w->argv[w->argc++] = word;
	w->argv[w->argc] = NULL;
	return 0;
}

/* As one word of `ringfence run`. */
static int keep_option(struct pool_words *w, const struct rf_opt *opt, const char *value,
		       struct rf_err *err)
{
	bool negated = value && !opt->arg;	/* options_parse() says "false" */
	size_t len = strlen(opt->name) + (value ? strlen(value) : 0) + 8;
	char *word = malloc(len);

	if (word && (negated || (value && (opt->flags & RF_OPT_NEGATABLE) && !strcmp(value, "false"))))
		(void)snprintf(word, len, "--no-%s", opt->name);
	else if (word)
		(void)snprintf(word, len, "--%s%s%s", opt->name, value ? "=" : "", value ? value : "");
	return add_word(w, word, err);
}

static int take_spec(struct options *o, const char *value, struct rf_err *err)
{
	static const struct rf_opt spec = { .name = "spec", .arg = "FILE" };
	char *path;

	if (o->pool->spec)
		return rf_err_set(err, EINVAL, "--spec given twice; `extends` joins specs");
	if (strcmp(value, "-") == 0)
		return rf_err_set(err, EINVAL, "--spec: a pool reads its spec again and again: a file");
	path = realpath(value, NULL);
	if (!path)
		return rf_err_set(err, errno, "open %s", value);
	o->pool->spec = path;
	return keep_option(&o->pool->words, &spec, path, err);
}

static int take_size(struct options *o, const char *value, struct rf_err *err)
{
	int n = options_number(value, 1, POOL_SIZE_MAX);

	if (n < 0)
		return rf_err_set(err, EINVAL, "--size: '%s' is no number from 1 to %d", value,
				  POOL_SIZE_MAX);
	o->pool->ready.size = (unsigned int)n;
	return 0;
}

/* A value as the keys of a spec have it. */
static int take_value(const char *option, const char *value, uint64_t *ret,
		      int (*read)(struct rf_reader *r, const struct rf_node *v, uint64_t *ret),
		      struct rf_err *err)
{
	const struct rf_node node = { .kind = RF_NODE_SCALAR, .text = (char *)(uintptr_t)value,
				      .place = { .file = option } };
	struct rf_reader reader = { .err = err };

	return read(&reader, &node, ret);
}

static int pool_take(void *state, const struct rf_opt *opt, int is_spec, const char *value,
		     struct rf_err *err)
{
	struct options *o = state;

	if (is_spec)
		return keep_option(&o->pool->words, opt, value, err);
	switch (opt->id) {
	case OPT_SPEC:
		return take_spec(o, value, err);
	case OPT_NAME:
		o->name = value;
		return pool_check_name(value, err);
	case OPT_SIZE:
		return take_size(o, value, err);
	case OPT_DAEMON:
		o->daemon = true;
		return 0;
	case OPT_LOG:
		o->log = value;
		return 0;
	case OPT_MAX_AGE:
		return take_value("--max-age", value, &o->pool->ready.max_age_ns, rf_value_duration,
				  err);
	case OPT_MAX_MEMORY:
		return take_value("--max-memory", value, &o->pool->ready.max_memory, rf_value_size,
				  err);
	case RUN_ENGINE:
		return run_take_engine(&o->engine, value, err);
	default:
		return OPTIONS_STOP;
	}
}

/* ---------------------------------------------------------------- the background */

/* In the background nobody reads; in front it is the user's terminal or log. */
static int set_output(const struct options *o, struct rf_err *err)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), log = -1, r = 0;

	if (o->log)
		log = open(o->log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC,
			   0600);
	if (o->log && log < 0)
		r = rf_err_set(err, errno, "open %s", o->log);
	else if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		r = rf_err_set(err, errno, "open /dev/null");
	else if (o->daemon && dup2(log >= 0 ? log : null, STDERR_FILENO) < 0)
		r = rf_err_set(err, errno, "standard error");
	if (null >= 0)
		(void)close(null);
	if (log >= 0)
		(void)close(log);
	return r;
}

/*
 * The child goes on; the parent's return is its exit status, once the child has said by
 * a byte that it is ready, or has died of what it has reported.
 */
static int into_background(int *ret_pipe, struct rf_err *err)
{
	int fds[2], status;
	char byte;
	pid_t pid;
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return rf_err_set(err, errno, "pipe");
	pid = fork();
	if (pid < 0)
		return rf_err_set(err, errno, "fork");
	if (pid == 0) {
		(void)close(fds[0]);
		(void)setsid();
		*ret_pipe = fds[1];
		return 0;
	}
	(void)close(fds[1]);
	do
		n = read(fds[0], &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(0);
	_exit(waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) :
								       STATUS_SANDBOX);
}

/* sd_notify(3): a datagram to a socket that the service manager names. */
static void notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (!len || len >= sizeof(to.sun_path) || (*path != '/' && *path != '@'))
		return;
	memcpy(to.sun_path, path, len);
	if (*path == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	(void)close(fd);
}

/* --------------------------------------------------------------------- the pool */

static int load_words(void *arg, struct load *l, struct rf_err *err)
{
	const struct pool *p = arg;
	int r = load_init(l, err);

	return r < 0 ? r : pool_read_words(l, &p->words, err);
}

/* The first has to succeed: what is wrong with the spec is told now. */
static int make_first(struct pool *p, struct rf_err *err)
{
	struct rf_completion done;
	int r;

	while (!p->ready.nr_parked) {
		(void)pool_ready_maintain(&p->ready);
		if (p->ready.failed) {
			*err = p->ready.err;
			return -ECANCELED;	/* reported */
		}
		r = rf_ring_wait(p->ring, -1, &done);
		if (r < 0)
			return rf_err_set(err, -r, "waiting for a sandbox");
		if (r > 0 && pool_ready_owns(&done))
			pool_ready_handle(&p->ready, &done);
	}
	return 0;
}

static int listen_somewhere(struct pool *p, const char *name, struct rf_err *err)
{
	int r = pool_listen_handed(name, &p->socket, err);

	return r ? r : pool_listen(name, &p->socket, err);
}

static int start(struct pool *p, const struct options *o, struct rf_err *err)
{
	int r;

	p->self = pool_self_new(err);
	r = p->self ? pool_peer_can_tell(p->self, err) : -err->code;
	if (r == 0) {
		r = rf_ring_new(o->engine, &p->ring, err);
		if (r < 0 && o->engine == RF_ENGINE_RING)
			(void)rf_hint_ring(-r, "", err);
	}
	if (r < 0)
		return r;
	p->ring->one_thread = true;
	r = rf_ring_only_launches(p->ring, p->ready.size + CALLERS_AT_ONCE);
	if (r < 0)
		return rf_err_set(err, -r, "memory for sandboxes");
	p->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->cwd < 0)
		return rf_err_set(err, errno, "the working directory");
	pool_ready_init(&p->ready, p->ring, load_words, p);
	r = make_first(p, err);
	/* only what works is to be found */
	return r < 0 ? r : listen_somewhere(p, o->name, err);
}

static void pool_done(struct pool *p)
{
	p->ready.stopped = true;
	while (p->callers) {
		caller_end(p->callers, SIGKILL);
		caller_free(p->callers);
	}
	free(p->spare);
	p->spare = NULL;
	p->ring = rf_ring_free(p->ring);
	pool_ready_done(&p->ready);
	pool_unlisten(&p->socket);
	p->self = pool_self_free(p->self);
	if (p->signal_fd >= 0)
		(void)close(p->signal_fd);
	if (p->cwd >= 0)
		(void)close(p->cwd);
	for (int i = 0; i < p->words.argc; i++)
		free(p->words.argv[i]);
	free(p->words.argv);
	free((char *)(uintptr_t)p->spec);
}

static int run_pool(struct pool *p, const struct options *o)
{
	int pipe = -1, r = 0, status;

	if (o->daemon)
		r = into_background(&pipe, &p->err);
	if (r == 0)
		r = start(p, o, &p->err);
	if (r == 0)
		r = set_output(o, &p->err);
	if (r < 0) {
		if (r != -ECANCELED)
			report_error(&p->err, 0);
		return report_status(&p->err);
	}
	if (pipe >= 0) {
		(void)!write(pipe, "", 1);
		(void)close(pipe);
	}
	notify("READY=1");
	status = pool_serve(p);
	notify("STOPPING=1");
	return status;
}

/* ----------------------------------------------------------- talking to one */

static int ask(const char *name, enum pool_what what)
{
	struct rf_err err = RF_ERR_INIT;
	struct pool_message m;
	int fd, r, flags, status = STATUS_SANDBOX;

	fd = *name == '/' || pool_check_name(name, &err) == 0 ? pool_connect(name, &err) : -EINVAL;
	if (fd < 0) {
		report_error(&err, 0);
		return report_status(&err);
	}
	flags = fcntl(fd, F_GETFL);
	(void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	r = pool_send(fd, what, 0, 0, NULL, 0, NULL, 0);
	while (r >= 0 || r == -EPIPE) {
		r = pool_receive(fd, true, &m);
		if (r <= 0)
			break;
		pool_message_done(&m);
		if (m.head.what == POOL_SAY && what == POOL_STATUS)
			out("%s", m.text);
		else if (m.head.what == POOL_SAY)
			report_text("the pool '%s': %s\n", name, m.text);
		if (m.head.what == POOL_COLD) {
			report_text("the pool '%s' does not listen: %s\n", name, m.text);
			break;
		}
		if (m.head.what == POOL_OVER) {
			status = m.head.value;
			break;
		}
	}
	(void)close(fd);
	if (r < 0)
		report_text("the pool '%s': %s\n", name, strerror(-r));
	return out_finish(r < 0 ? STATUS_SANDBOX : status);
}

static int ask_words(int argc, char **argv, struct rf_err *err)
{
	static const struct { const char *word; enum pool_what what; } words[] = {
		{ "status", POOL_STATUS }, { "drain", POOL_DRAIN }, { "reload", POOL_RELOAD },
	};
	const char *name = argc > 1 ? argv[1] : POOL_DEFAULT;

	for (size_t i = 0; argc <= 2 && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(argv[0], words[i].word) == 0)
			return ask(name, words[i].what);
	rf_err_set(err, EINVAL, argc > 2 ? "pool %.32s: one name" :
		   "pool: '%.32s' is none of status, drain, reload", argv[0]);
	report_error(err, 0);
	return STATUS_USAGE;
}

static int refuse(const struct rf_err *err)
{
	report_error(err, 0);
	return report_status(err);
}

/* The rest of the command line, from argv[first] on. */
static int do_it(struct pool *p, const struct options *o, int first, int argc, char **argv)
{
	struct rf_err *err = &p->err;

	if (first == OPTIONS_STOP)
		return help_command(&cmd_pool);
	if (first == 1 && first < argc)
		return ask_words(argc - first, argv + first, err);
	if (first >= 0 && first < argc)
		first = rf_err_set(err, EINVAL, "pool: '%.32s' is no option, and options are for a pool "
				   "that is started", argv[first]);
	else if (first >= 0 && o->log && !o->daemon)
		first = rf_err_set(err, EINVAL, "--log without --daemon");
	return first < 0 ? refuse(err) : run_pool(p, o);
}

static int pool_main(int argc, char **argv)
{
	struct pool p = { .socket = POOL_SOCKET_NONE, .cwd = -1, .signal_fd = -1 };
	struct options o = { .name = POOL_DEFAULT, .pool = &p };
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	int first, status;

	(void)signal(SIGPIPE, SIG_IGN);
	p.ready.size = online < 1 ? 1 : online > POOL_SIZE_MAX ? POOL_SIZE_MAX : (unsigned int)online;
	p.ready.max_age_ns = MAX_AGE_NS;
	p.words.argv = calloc(WORDS_MAX, sizeof(*p.words.argv));
	if (!p.words.argv || add_word(&p.words, strdup("run"), &p.err) < 0)
		return STATUS_SANDBOX;
	first = options_parse(&cmd_pool, argc, argv, pool_take, &o, &p.err);
	status = do_it(&p, &o, first, argc, argv);
	pool_done(&p);
	return status;
}
