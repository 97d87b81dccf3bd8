/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "process.h"
#include "terminal.h"

/* What a signal does to a process that does not handle it. */
enum action { TERMINATES, STOPS, NOTHING };

static const struct forwarded {
	int		 sig;
	enum action	 action;
} forwarded[] = {
	{ SIGHUP, TERMINATES },	{ SIGINT, TERMINATES },	{ SIGQUIT, TERMINATES },
	{ SIGTERM, TERMINATES }, { SIGUSR1, TERMINATES }, { SIGUSR2, TERMINATES },
	{ SIGALRM, TERMINATES }, { SIGVTALRM, TERMINATES }, { SIGPROF, TERMINATES },
	{ SIGIO, TERMINATES }, { SIGPWR, TERMINATES }, { SIGXCPU, TERMINATES },
	{ SIGTSTP, STOPS }, { SIGWINCH, NOTHING }, { SIGCONT, NOTHING }, { SIGURG, NOTHING },
};

/* Those that shells and nohup ignore on behalf of what they start. */
static const int inherited[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP };

/* How often a moment is waited for. */
#define LOOKS	10
#define NR(array) (sizeof(array) / sizeof((array)[0]))

/* The first that a program may use with glibc; musl keeps it, and refuses it in a set. */
#define FIRST_REAL_TIME	34

static void add(sigset_t *set, int sig)
{
	((unsigned long *)(void *)set)[0] |= 1UL << (sig - 1);
}

static enum action default_action(int sig)
{
	for (size_t i = 0; i < NR(forwarded); i++)
		if (forwarded[i].sig == sig)
			return forwarded[i].action;
	return TERMINATES;	/* a real-time signal */
}

int signals_init(struct signals *s, struct rf_ring *ring, bool is_pid1)
{
	struct sigaction old;
	sigset_t set;

	s->is_pid1 = is_pid1;
	sigemptyset(&s->ignored);
	for (size_t i = 0; i < NR(inherited); i++)
		if (sigaction(inherited[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
			sigaddset(&s->ignored, inherited[i]);
	/* ignored, it would take the exit status away from us */
	(void)signal(SIGCHLD, SIG_DFL);

	sigemptyset(&set);
	for (size_t i = 0; i < NR(forwarded); i++)
		if (!sigismember(&s->ignored, forwarded[i].sig))
			add(&set, forwarded[i].sig);
	for (int sig = FIRST_REAL_TIME; sig <= SIGRTMAX; sig++)
		add(&set, sig);
	add(&set, SIGCHLD);	/* tells that the command has stopped */

	s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->fd < 0)
		return -errno;
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return rf_ring_watch(ring, s->fd, 0);
}

/* Is @sig in the set called @name in the text of a /proc/PID/status? */
static bool is_in(const char *status, const char *name, int sig)
{
	uint64_t set = 0;

	(void)process_status_of(status, name, 16, &set);
	return set >> (sig - 1) & 1;
}

/*
 * Does process @p do something about @sig itself?  One that waits for what it blocks
 * does; one that runs may have it blocked for a moment only, as a shell has
 * everything when something wakes it: it is looked at again.  Without /proc: no.
 */
static bool is_handled(const struct process *p, int sig)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	char text[4096];

	for (int tries = 0; process_read(p, "status", text, sizeof(text)) >= 0; tries++) {
		if (is_in(text, "SigIgn", sig) || is_in(text, "SigCgt", sig))
			return true;
		if (!is_in(text, "SigBlk", sig))
			return false;
		if (tries == LOOKS || !strstr(text, "\nState:\tR"))
			return true;
		(void)nanosleep(&moment, NULL);
	}
	return false;
}

static bool handled_by(pid_t pid, int sig)
{
	struct process p;
	bool handled;

	if (process_open(pid, &p) < 0)
		return false;
	handled = is_handled(&p, sig);
	process_close(&p);
	return handled;
}

/* The command, or before exec the whole launch, is ended by @sig. */
static void end(struct signals *s, struct rf_context *ctx, int sig)
{
	if (!s->ended_by)
		s->ended_by = sig;
	if (s->end_by)
		s->end_by(s->arg, sig);
	else
		(void)rf_context_kill(ctx);	/* -ESRCH: it is over anyway */
}

/* A child's number is nobody else's until it is reaped; another's we have to ask about. */
static bool is_there(const struct signals *s)
{
	struct pollfd poller = { .fd = s->pidfd, .events = POLLIN };

	return !s->end_by || poll(&poller, 1, 0) == 0;
}

static void send(const struct signals *s, struct rf_context *ctx, int sig)
{
	if (s->end_by)
		(void)syscall(SYS_pidfd_send_signal, s->pidfd, sig, NULL, 0);
	else
		(void)rf_context_signal(ctx, sig);
}

/*
 * To the command; @group: to all of its process group, if that is in a session of
 * its own, where neither a terminal nor a shell of ours has reached it.
 */
static void deliver(const struct signals *s, struct rf_context *ctx, int sig, bool group)
{
	pid_t pgid = getpgid(s->pid);

	if (!group || pgid <= 1 || getsid(s->pid) == getsid(0) || !is_there(s) ||
	    kill(-pgid, sig) < 0)
		send(s, ctx, sig);
}

static void forward(struct signals *s, struct rf_context *ctx, int sig, bool from_terminal)
{
	enum action action = default_action(sig);

	s->asked |= action == TERMINATES;
	if (s->is_pid1 && action != NOTHING && !handled_by(s->pid, sig)) {
		if (action == TERMINATES)
			end(s, ctx, sig);
		else
			deliver(s, ctx, SIGSTOP, from_terminal);
		return;
	}
	/* in a session of its own, where no shell could resume it, TSTP is ignored */
	if (sig == SIGTSTP && getsid(s->pid) != getsid(0) && !handled_by(s->pid, sig))
		sig = SIGSTOP;
	/* the terminal has sent it to the whole group */
	if (!from_terminal || getpgid(s->pid) != getpgrp())
		deliver(s, ctx, sig, from_terminal || sig == SIGCONT);
}

void signals_suspend(struct signals *s, struct rf_context *ctx)
{
	if (s->pid && !handled_by(s->pid, SIGTSTP))
		deliver(s, ctx, SIGSTOP, true);
}

/* Keep for the command; one of a kind, as the kernel does. */
static void keep(struct signals *s, int sig, bool from_terminal)
{
	for (unsigned int i = 0; i < s->nr_early; i++)
		if (s->early[i].sig == sig)
			return;
	if (s->nr_early == NR(s->early))
		return;
	s->early[s->nr_early].sig = sig;
	s->early[s->nr_early++].from_terminal = from_terminal;
}

/* Whether we are what the user of a terminal is looking at. */
static bool in_foreground(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	pid_t group = -1;

	if (fd < 0)
		return false;
	group = tcgetpgrp(fd);
	(void)close(fd);
	return group == getpgrp();
}

/* The command has stopped by @sig: so do we, until somebody says SIGCONT. */
void signals_stopped(struct signals *s, int sig)
{
	sigset_t set, old;

	if (!in_foreground())
		return;
	terminal_leave(s->terminal);
	sigemptyset(&set);
	add(&set, sig);
	/* raised while blocked: one with a TSTP that came while we were busy */
	(void)raise(sig);
	(void)sigprocmask(SIG_UNBLOCK, &set, &old);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	(void)terminal_enter(s->terminal);
}

static void stop_along(struct signals *s)
{
	siginfo_t info = { .si_pid = 0 };

	/* SIGCHLD is not queued: one may speak for several tasks, or come too late */
	if (!s->end_by && waitid(P_PID, (id_t)s->pid, &info, WSTOPPED | WNOHANG) == 0 &&
	    info.si_pid)
		signals_stopped(s, info.si_status);
}

void signals_started(struct signals *s, struct rf_context *ctx, pid_t pid)
{
	s->pid = pid;
	for (unsigned int i = 0; i < s->nr_early; i++)
		forward(s, ctx, s->early[i].sig, s->early[i].from_terminal);
	s->nr_early = 0;
	stop_along(s);		/* SIGCHLD came before we knew whose it was */
}

static int early_end(const struct signals *s)
{
	for (unsigned int i = 0; !s->pid && i < s->nr_early; i++)
		if (default_action(s->early[i].sig) == TERMINATES)
			return s->early[i].sig;
	return 0;
}

bool signals_are_early(const struct signals *s)
{
	return !s->ended_by && early_end(s) != 0;
}

void signals_end_launch(struct signals *s, struct rf_context *ctx)
{
	end(s, ctx, early_end(s));
}

static void handle(struct signals *s, struct rf_context *ctx, const struct signalfd_siginfo *si)
{
	int sig = (int)si->ssi_signo;
	bool from_terminal = si->ssi_code == SI_KERNEL;

	if (sig == SIGCONT)
		(void)terminal_enter(s->terminal);
	if (sig == SIGCHLD) {
		if (s->pid)
			stop_along(s);
	} else if (sig == SIGWINCH && from_terminal && s->terminal) {
		terminal_resize(s->terminal);	/* its own terminal tells the command */
	} else if (s->pid) {
		forward(s, ctx, sig, from_terminal);
	} else {
		keep(s, sig, from_terminal);
	}
}

int signals_handle(struct signals *s, struct rf_ring *ring, struct rf_context *ctx)
{
	struct signalfd_siginfo si[8];
	ssize_t n;

	while ((n = read(s->fd, si, sizeof(si))) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof(si[0]); i++)
			handle(s, ctx, &si[i]);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	return rf_ring_watch(ring, s->fd, 0);
}

/* Has one come that ends us, while nothing is left but to write what was printed? */
static bool have_ended(struct signals *s, struct rf_ring *ring)
{
	struct signalfd_siginfo si;

	while (read(s->fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		int sig = (int)si.ssi_signo;

		if (sig == SIGCHLD || default_action(sig) != TERMINATES)
			continue;
		s->ended_by = sig;
		return true;
	}
	return rf_ring_watch(ring, s->fd, 0) < 0;
}

int signals_drain(struct signals *s, struct rf_ring *ring, bool hurry)
{
	struct rf_completion done;
	int r = 0;

	while (r >= 0 && !terminal_finish(s->terminal) && !hurry) {
		r = rf_ring_wait(ring, -1, &done);
		if (r <= 0 || done.kind != RF_DONE_WATCH)
			continue;
		if (terminal_is_watch(done.user_data))
			r = terminal_ready(s->terminal, done.user_data);
		else if (have_ended(s, ring))
			break;
	}
	return r;
}

int signals_die(int sig, bool typed)
{
	const struct rlimit none = { 0, 0 };
	sigset_t set;

	/* the core, if there was one, is the command's */
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)signal(sig, SIG_DFL);
	sigemptyset(&set);
	add(&set, sig);
	(void)kill(typed ? 0 : getpid(), sig);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	/* we are pid 1 of a namespace, where signals without a handler do nothing */
	return 128 + sig;
}
