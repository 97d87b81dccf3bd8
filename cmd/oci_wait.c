/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for a process of a container.  What is sent to us goes to it, as with runc and
 * crun; and where nobody else has taken its terminal, what is typed and what it prints go
 * through us (terminal.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "oci_enter.h"
#include "report.h"
#include "ring.h"

/* rf_ring_watch(): what for. */
enum { WATCH_SIGNALS = 1, WATCH_PROCESS, WATCH_SAID };

struct waiting {
	pid_t		 pid;
	int		 pidfd, signals;	/* -1 */
	struct rf_ring	*ring;
	struct terminal	*terminal;	/* NULL: it has none, or another has it */
	struct oci_said	*said;		/* NULL: it says nothing to us */
	bool		 ended;		/* the process has */
	bool		 asked;		/* it was sent what is to end it */
	bool		 hurry;		/* so were we, while there was nothing left but output */
};

int64_t oci_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --------------------------------------------------------------------- signals */

/* All that can be passed on. */
static void passed_on(sigset_t *set)
{
	(void)sigfillset(set);
	for (const int *s = (const int[]){ SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGCHLD, SIGTTIN,
					   SIGTTOU, 0 }; *s; s++)
		(void)sigdelset(set, *s);
}

static bool is_to_end(int sig)
{
	return sig != SIGCONT && sig != SIGURG && sig != SIGTSTP && sig != SIGWINCH;
}

static void take_signal(struct waiting *w, int sig)
{
	if (sig == SIGWINCH && w->terminal) {	/* its own terminal tells it */
		terminal_resize(w->terminal);
		return;
	}
	if (sig == SIGCONT)
		(void)terminal_enter(w->terminal);
	if (w->ended) {
		w->hurry |= is_to_end(sig);
		return;
	}
	w->asked |= is_to_end(sig);
	(void)syscall(SYS_pidfd_send_signal, w->pidfd, sig, NULL, 0);
}

static int take_signals(struct waiting *w)
{
	struct signalfd_siginfo info;

	while (read(w->signals, &info, sizeof(info)) == sizeof(info))
		take_signal(w, (int)info.ssi_signo);
	return rf_ring_watch(w->ring, w->signals, WATCH_SIGNALS);
}

/* ------------------------------------------------------------------ what it says */

static void keep_tail(struct oci_said *s, const char *text, size_t len)
{
	const size_t max = sizeof(s->tail) - 1;
	size_t old = s->len;

	if (len > max) {
		text += len - max;
		len = max;
	}
	if (old > max - len) {
		memmove(s->tail, s->tail + old - (max - len), max - len);
		old = max - len;
	}
	memcpy(s->tail + old, text, len);
	s->len = old + len;
	s->tail[s->len] = '\0';
}

/* The next of it; false: there is nothing at the moment, or nobody is left to say more. */
static bool take_said(struct oci_said *s)
{
	char buf[4096];
	ssize_t n = read(s->fd, buf, sizeof(buf));

	if (n > 0) {
		(void)write_all(STDERR_FILENO, buf, (size_t)n);
		keep_tail(s, buf, (size_t)n);
	}
	if (n == 0) {
		(void)close(s->fd);
		s->fd = -1;
	}
	return n > 0;
}

static int hear(struct waiting *w)
{
	(void)take_said(w->said);
	return w->said->fd < 0 ? 0 : rf_ring_watch(w->ring, w->said->fd, WATCH_SAID);
}

#define PIPE_READS 64	/* more than a pipe holds: others may go on writing */

/* What it had said before it ended; whoever it has left behind is not waited for. */
static void hear_rest(struct oci_said *s)
{
	for (int i = 0; s && s->fd >= 0 && i < PIPE_READS; i++)
		if (!take_said(s))
			break;
}

const char *oci_said_line(struct oci_said *s)
{
	char *line;

	while (s->len && strchr("\n\r ", s->tail[s->len - 1]))
		s->tail[--s->len] = '\0';
	line = memrchr(s->tail, '\n', s->len);
	line = line ? line + 1 : s->tail;
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = *p == '\t' ? ' ' : '?';
	return line;
}

/* ------------------------------------------------------------------------ loop */

static int take(struct waiting *w, uint64_t what)
{
	if (what == WATCH_PROCESS) {
		w->ended = true;
		return 0;
	}
	if (what == WATCH_SAID)
		return hear(w);
	return what == WATCH_SIGNALS ? take_signals(w) : terminal_ready(w->terminal, what);
}

/* 0, or -ETIMEDOUT. */
static int wait_once(struct waiting *w, int timeout_ms)
{
	struct rf_completion done;
	int r = rf_ring_wait(w->ring, timeout_ms, &done);

	if (r == 0)
		return -ETIMEDOUT;
	return r < 0 ? r : take(w, done.user_data);
}

static int await_end(struct waiting *w, int timeout_ms)
{
	const int64_t until = oci_now_ms() + timeout_ms;
	int r = 0;

	while (r == 0 && !w->ended) {
		int64_t left = timeout_ms < 0 ? -1 : until - oci_now_ms();

		r = timeout_ms >= 0 && left < 0 ? -ETIMEDOUT : wait_once(w, (int)left);
	}
	return r;
}

/*
 * What it has printed is still on its way.  Who has had it ended does not want to wait for
 * a reader that takes nothing; nor does who sends another signal.
 */
static void drain(struct waiting *w, int status)
{
	w->hurry |= w->asked && WIFSIGNALED(status);
	while (!terminal_finish(w->terminal) && !w->hurry)
		if (wait_once(w, -1) < 0)
			break;
}

static int begin(struct waiting *w, struct oci_io *io)
{
	int master, r;

	/* a child of ours that has not been waited for keeps its number */
	w->pidfd = (int)syscall(SYS_pidfd_open, w->pid, 0);
	if (w->pidfd < 0 || w->signals < 0)
		return -errno;
	r = rf_ring_new(RF_ENGINE_PLAIN, &w->ring, NULL);
	if (r == 0)
		r = rf_ring_watch(w->ring, w->signals, WATCH_SIGNALS);
	if (r == 0)
		r = rf_ring_watch(w->ring, w->pidfd, WATCH_PROCESS);
	if (r == 0 && w->said && fcntl(w->said->fd, F_SETFL, O_NONBLOCK) == 0)
		r = rf_ring_watch(w->ring, w->said->fd, WATCH_SAID);
	if (r < 0 || !io || io->master < 0)
		return r;
	r = terminal_new(w->ring, &io->ends, &w->terminal);
	if (r < 0)
		return r;
	master = io->master;
	io->master = -1;
	r = terminal_attach(w->terminal, master);
	return r < 0 ? r : terminal_started(w->terminal, w->pid);
}

static void done(struct waiting *w)
{
	w->terminal = terminal_free(w->terminal);
	w->ring = rf_ring_free(w->ring);
	if (w->signals >= 0)
		(void)close(w->signals);
	if (w->pidfd >= 0)
		(void)close(w->pidfd);
}

int oci_wait(pid_t pid, int timeout_ms, struct oci_io *io, struct oci_said *said)
{
	struct waiting w = { .pid = pid, .pidfd = -1, .said = said };
	sigset_t set, before;
	int status = 0, r;

	passed_on(&set);
	(void)sigprocmask(SIG_BLOCK, &set, &before);
	w.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	r = begin(&w, io);
	if (r == 0)
		r = await_end(&w, timeout_ms);
	/* nobody is left to wait for it; its group, if it leads one, keeps the number till then */
	if (r < 0) {
		(void)kill(-pid, SIGKILL);
		(void)kill(pid, SIGKILL);
	}
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	hear_rest(said);
	if (r == 0)
		drain(&w, status);
	/* the caller's terminal is as it was before anything is said or done */
	done(&w);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (r < 0)
		return r;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
