/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd's scope of a container, by a program that talks to systemd (systemd.c).
 *
 * That program is asked, waited for within a time, and killed if that is over: no bus can
 * hang this one.  It never waits for systemd with a container stopped, so none stays so.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "oci_runtime.h"
#include "oci_systemd.h"
#include "options.h"
#include "report.h"

#define SECONDS		30	/* as long as runc waits */
#define PATIENCE_MS	2000	/* for our own program to end */

static const char *program(char *buf, size_t size)
{
	const char *dir = getenv("RINGFENCE_LIBEXEC");

	(void)snprintf(buf, size, "%s/ringfence-systemd", dir && *dir == '/' ? dir : RF_LIBEXEC);
	return buf;
}

bool oci_scope_is_built(void)
{
#ifdef RF_SYSTEMD
	char path[4096];

	return access(program(path, sizeof(path)), X_OK) == 0;
#else
	return false;
#endif
}

static int patience(void)
{
	const char *text = getenv("RINGFENCE_SYSTEMD_SECONDS");
	int seconds = text ? options_number(text, 1, 600) : SECONDS;

	return seconds < 0 ? SECONDS : seconds;
}

/* ------------------------------------------------------------------ the words */

static size_t count_words(const struct rf_oci_unit *u)
{
	size_t nr = 8;

	for (size_t i = 0; u && i < u->nr; i++)
		nr += 3 + u->properties[i].nr_items;
	return nr;
}

struct request {
	char		**words;
	char		 path[4096], seconds[16], (*counts)[16];
};

static void request_done(struct request *q)
{
	free(q->words);
	free(q->counts);
}

static int request_init(struct request *q, const struct oci_container *k, const char *verb,
			const struct rf_oci_unit *u)
{
	size_t n = 0;

	q->words = calloc(count_words(u), sizeof(*q->words));
	q->counts = calloc(u ? u->nr + 1 : 1, sizeof(*q->counts));
	if (!q->words || !q->counts)
		return -ENOMEM;
	(void)snprintf(q->seconds, sizeof(q->seconds), "%d", patience());
	q->words[n++] = (char *)(uintptr_t)program(q->path, sizeof(q->path));
	if (k->user_unit)
		q->words[n++] = (char *)(uintptr_t)"--user";
	q->words[n++] = q->seconds;
	q->words[n++] = (char *)(uintptr_t)verb;
	q->words[n++] = k->unit;
	for (size_t i = 0; u && i < u->nr; i++) {
		const struct rf_oci_property *p = &u->properties[i];

		(void)snprintf(q->counts[i], sizeof(q->counts[i]), "%zu", p->nr_items);
		q->words[n++] = (char *)(uintptr_t)p->name;
		q->words[n++] = (char *)(uintptr_t)p->signature;
		q->words[n++] = q->counts[i];
		for (size_t j = 0; j < p->nr_items; j++)
			q->words[n++] = (char *)(uintptr_t)p->items[j];
	}
	return 0;
}

/* ---------------------------------------------------------------- the program */

struct child {
	pid_t		 pid;
	int		 in, out;	/* our ends of its standard input and output */
};

_Noreturn static void become(const struct request *q, int in, int out)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)setsid();
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && null >= 0 && dup2(null, 2) == 2) {
		(void)syscall(SYS_close_range, 3, ~0U, 0);
		(void)execv(q->path, q->words);
	}
	(void)dprintf(1, "error %s: %s\n", q->path, strerror(errno));
	_exit(1);
}

static int begin(const struct request *q, struct child *c)
{
	int in[2], out[2];

	*c = (struct child){ .in = -1, .out = -1 };
	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) < 0) {
		int r = -errno;

		(void)close(in[0]);
		(void)close(in[1]);
		return r;
	}
	c->pid = fork();
	if (c->pid == 0)
		become(q, in[0], out[1]);
	(void)close(in[0]);
	(void)close(out[1]);
	c->in = in[1];
	c->out = out[0];
	return c->pid < 0 ? -errno : 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* One line, without its end; 0, -ETIMEDOUT, or -EPROTO for none. */
static int read_line(int fd, int timeout_ms, char *buf, size_t size)
{
	const int64_t until = now_ms() + timeout_ms;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = 0;

	for (;;) {
		int64_t left = until - now_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return -ETIMEDOUT;
		n = read(fd, buf + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPROTO;
		len += (size_t)n;
		buf[len] = '\0';
		if (strchr(buf, '\n')) {
			*strchr(buf, '\n') = '\0';
			return 0;
		}
		if (len == size - 1)
			return -EPROTO;
	}
}

/* It has been told to end, or has nothing to do any more. */
static void reap(pid_t pid)
{
	struct pollfd p = { .events = POLLIN };

	if (pid <= 0)
		return;
	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p.fd < 0 || poll(&p, 1, PATIENCE_MS) != 1)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (p.fd >= 0)
		(void)close(p.fd);
}

static void end(struct child *c, bool kill_it)
{
	if (c->pid > 0 && kill_it)
		(void)kill(c->pid, SIGKILL);
	if (c->in >= 0)
		(void)close(c->in);
	if (c->out >= 0)
		(void)close(c->out);
	reap(c->pid);
	*c = (struct child){ .in = -1, .out = -1 };
}

/* The answer, behind "ok"; with @c going on then. */
static int ask(const struct oci_container *k, const char *verb, const struct rf_oci_unit *u,
	       struct child *c, char *line, size_t size, struct rf_err *err)
{
	struct request q;
	int r = request_init(&q, k, verb, u);

	*c = (struct child){ .in = -1, .out = -1 };
	if (r == 0)
		r = begin(&q, c);
	request_done(&q);
	if (r < 0)
		return rf_err_set(err, -r, "systemd: %s %s", verb, k->unit);
	r = read_line(c->out, (patience() + 2) * 1000, line, size);
	if (r < 0)
		rf_err_set(err, -r, "systemd: %s %s: no answer", verb, k->unit);
	else if (strncmp(line, "ok", 2) != 0)
		r = rf_err_set(err, EINVAL, "systemd: %s %s: %.400s", verb, k->unit,
			       !strncmp(line, "error ", 6) ? line + 6 : line);
	if (r < 0)
		end(c, true);
	return r;
}

/* --------------------------------------------------------------------- asking */

int oci_scope_start(const struct oci_container *k, const struct rf_oci_unit *u,
		    struct oci_keeper *keeper, char **ret_group, struct rf_err *err)
{
	struct child c;
	char line[4200];
	int r = ask(k, "start", u, &c, line, sizeof(line), err);

	if (r < 0)
		return r;
	(void)close(c.out);
	*keeper = (struct oci_keeper){ .pid = c.pid, .go = c.in };
	*ret_group = !strncmp(line, "ok /", 4) ? strdup(line + 3) : NULL;
	if (*ret_group && !strstr(*ret_group, "/.."))
		return 0;
	free(*ret_group);
	*ret_group = NULL;
	return rf_err_set(err, EINVAL, "systemd: start %s: no control group", k->unit);
}

void oci_scope_release(struct oci_keeper *keeper)
{
	if (keeper->go >= 0)
		(void)close(keeper->go);
	reap(keeper->pid);
	*keeper = (struct oci_keeper)OCI_KEEPER_INIT;
}

int oci_scope_set(const struct oci_container *k, const struct rf_oci_unit *u, struct rf_err *err)
{
	struct child c;
	char line[1024];
	int r = u->nr ? ask(k, "set", u, &c, line, sizeof(line), err) : 0;

	if (r == 0 && u->nr)
		end(&c, false);
	return r;
}

int oci_scope_stop(const struct oci_container *k, struct rf_err *err)
{
	struct child c;
	char line[1024];
	int r = ask(k, "stop", NULL, &c, line, sizeof(line), err);

	if (r == 0)
		end(&c, false);
	return r;
}

char *oci_scope_devices(void)
{
	size_t size = 65536;
	char *text = malloc(size);
	int fd = open("/proc/devices", O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;
	size_t len = 0;

	while (text && fd >= 0 && len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	if (fd >= 0)
		(void)close(fd);
	if (!text || fd < 0 || n < 0) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}
