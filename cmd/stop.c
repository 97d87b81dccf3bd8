/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "error.h"
#include "running.h"

#define LOOKS_MAX	1000	/* at all processes, until none runs */
#define STATES_STOPPED	"TtZXx"

struct look {
	int		 nr;		/* processes that could be stopped */
	int		 running;	/* of those, not stopped before */
	int		 error;
	int		 signal;	/* 0: only look */
};

static int look_at(struct process *p, void *arg)
{
	struct look *l = arg;
	struct process_stat st;
	int r = process_stat(p, &st);

	if (r < 0 || st.state == 'Z')	/* gone meanwhile, or as good as */
		return 0;
	l->nr++;
	if (!strchr(STATES_STOPPED, st.state))
		l->running++;
	else if (l->signal == SIGSTOP)
		return 0;
	r = l->signal ? process_signal(p, l->signal) : 0;
	if (r < 0 && r != -ESRCH)
		l->error = r;
	return l->error;
}

static int look(const struct running *r, int sig, struct look *ret)
{
	int n;

	*ret = (struct look){ .signal = sig };
	n = running_members(r, look_at, ret);
	return n < 0 ? n : ret->error;
}

/* Is the group of @r frozen?  Version 2 has one word for it, version 1 another. */
static bool is_frozen(const struct running *r)
{
	char text[32];

	if (!r->state->tracker)
		return false;
	if (rf_cgroup_read(r->state->tracker, "cgroup.freeze", text, sizeof(text)) > 0)
		return strcmp(text, "1") == 0;
	return rf_cgroup_read(r->state->tracker, "freezer.state", text, sizeof(text)) > 0 &&
	       strcmp(text, "THAWED") != 0;
}

bool stop_is_paused(const struct running *r)
{
	struct look l;

	if (is_frozen(r))
		return true;
	return look(r, 0, &l) == 0 && l.nr && !l.running;
}

int stop_resume(const struct running *r, struct rf_err *err)
{
	struct process_stat st;
	struct look l;
	int n = r->state->tracker ? rf_cgroup_thaw(r->state->tracker) : 0;

	if (n < 0 && n != -EOPNOTSUPP && n != -ENOENT)
		return rf_err_set(err, -n, "resume");
	n = look(r, SIGCONT, &l);
	if (n < 0)
		return rf_err_set(err, -n, "resume");
	/* in the foreground of a terminal it has stopped with its command */
	if (process_stat(&r->launcher, &st) == 0 && st.state == 'T')
		(void)process_signal(&r->launcher, SIGCONT);
	return 0;
}

int stop_pause(const struct running *r, struct rf_err *err)
{
	struct look l = { .nr = 0 };
	int n = r->state->tracker ? rf_cgroup_freeze(r->state->tracker) : -EOPNOTSUPP;

	if (n == 0)
		return 0;
	if (n != -EOPNOTSUPP) {
		(void)rf_cgroup_thaw(r->state->tracker);
		return rf_err_set(err, -n, "pause");
	}
	if (!running_has_pidns(r)) {
		rf_err_set(err, EOPNOTSUPP, "pause: the sandbox has neither a control group nor a "
			   "pid namespace");
		rf_err_hint(err, "a limit on memory or pids gives it a control group");
		return -EOPNOTSUPP;
	}
	/* one that runs may have made another since we looked */
	for (int i = 0; i < LOOKS_MAX; i++) {
		n = look(r, SIGSTOP, &l);
		if (n < 0 || !l.running)
			break;
		(void)poll(NULL, 0, i > 2);
	}
	if (n == 0 && !l.running)
		return 0;
	(void)stop_resume(r, NULL);
	return n < 0 ? rf_err_set(err, -n, "pause") :
	       rf_err_set(err, EBUSY, "pause: %d processes of the sandbox do not stop", l.running);
}

struct family {
	int		*fds;		/* a pidfd each */
	size_t		 nr, max;
};

static int join_family(struct process *p, void *arg)
{
	struct family *f = arg;

	if (f->nr == f->max) {
		size_t more = f->max ? f->max * 2 : 16;
		int *fds = realloc(f->fds, more * sizeof(*fds));

		if (!fds)
			return -ENOMEM;
		f->fds = fds;
		f->max = more;
	}
	f->fds[f->nr++] = p->fd;
	p->fd = -1;
	return 0;
}

/*
 * All of them at once: who is killed leaves his children to others, and nobody
 * could tell any more that they belong to the sandbox.
 */
static int end_family(const struct running *r)
{
	struct family f = { .nr = 0 };
	int n = running_members(r, join_family, &f);

	for (size_t i = 0; i < f.nr; i++) {
		(void)syscall(SYS_pidfd_send_signal, f.fds[i], SIGKILL, NULL, 0);
		(void)close(f.fds[i]);
	}
	free(f.fds);
	return n;
}

/* Without a pid namespace: stop the family first, so that it cannot grow or part. */
static int kill_family(const struct running *r)
{
	struct look l;
	int n = 0;

	for (int i = 0; i < LOOKS_MAX; i++) {
		n = look(r, SIGSTOP, &l);
		if (n < 0 || !l.running)
			break;
	}
	return n < 0 ? n : end_family(r);
}

int stop_kill(const struct running *r, struct rf_err *err)
{
	int n;

	/* that is its pid 1, with which the namespace goes */
	n = running_has_pidns(r) ? process_signal(running_anchor(r), SIGKILL) :
	    r->state->tracker ? 0 : kill_family(r);
	if ((n == 0 || n == -ESRCH) && r->state->tracker) {
		n = rf_cgroup_kill(r->state->tracker);
		if (n == -ENOENT)
			n = 0;
	}
	return n < 0 && n != -ESRCH ? rf_err_set(err, -n, "kill") : 0;
}
