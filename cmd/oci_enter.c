/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Joining a container.  The namespaces are those of one directory of /proc, opened while
 * the process was known to be the container's; the task that joins them is an image of
 * its own, which nobody in there can look into (DESIGN.md 4, rule 3).
 */
#include "oci_enter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "chain.h"
#include "error.h"
#include "ring.h"

static bool is_same(int fd, const char *own)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(own, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Each namespace of the process that is not ours already. */
static int join_all(struct rf_sandbox *sb, int proc, struct rf_err *err)
{
	for (int i = 0; i < RF_NS_NR; i++) {
		char path[32], own[48];
		int fd;

		(void)snprintf(path, sizeof(path), "ns/%s", rf_ns_defs[i].proc);
		(void)snprintf(own, sizeof(own), "/proc/self/%s", path);
		fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;	/* a kernel without such namespaces */
		if (fd < 0)
			return rf_err_set(err, errno, "the container's %s namespace", rf_ns_defs[i].name);
		if (is_same(fd, own)) {
			(void)close(fd);
			continue;
		}
		sb->ns[i].mode = RF_NS_JOIN_FD;
		sb->ns[i].fd = fd;
	}
	return 0;
}

static int join_container(struct oci_entry *e, const struct oci_container *k, struct rf_err *err)
{
	char path[32];
	int proc, r;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)k->pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (k->pid <= 0 || proc < 0 || oci_start_time(k->pid) != k->start)
		return rf_err_set(err, EINVAL, "container not running");
	r = join_all(e->sb, proc, err);
	(void)close(proc);
	return r;
}

static int join_groups(struct oci_entry *e, const struct oci_container *k, struct rf_err *err)
{
	struct rf_cgroup_spec *c = &e->sb->cgroup;

	for (size_t i = 0; e->in_groups && i < k->nr_groups; i++) {
		int fd = open(k->groups[i].dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return rf_err_set(err, errno, "open %s", k->groups[i].dir);
		c->fds[c->nr_fds++] = fd;
	}
	return 0;
}

static void close_namespaces(struct rf_sandbox *sb)
{
	for (int i = 0; i < RF_NS_NR; i++)
		if (sb->ns[i].mode == RF_NS_JOIN_FD && sb->ns[i].fd >= 0) {
			(void)close(sb->ns[i].fd);
			sb->ns[i].fd = -1;
		}
}

/* Until its exec. */
static int await_start(struct oci_entry *e, struct rf_err *err)
{
	struct rf_completion done;
	int r;

	for (;;) {
		r = rf_ring_wait(e->ring, -1, &done);
		if (r < 0)
			return rf_err_set(err, -r, "waiting for the process");
		switch (done.kind) {
		case RF_DONE_FD:
			if (!e->io) {
				(void)close(done.result);
				break;
			}
			r = oci_io_send(e->io, done.result, err);
			if (r < 0)
				return r;
			break;
		case RF_DONE_STARTED:
			e->pid = done.result;
			return 0;
		case RF_DONE_FAILED: case RF_DONE_EXIT:
			e->failed_op = oci_launch_failed(e->chain, e->sb, &e->f, &done, err);
			return -EIO;
		default:
			break;
		}
	}
}

int oci_enter(struct oci_entry *e, const struct oci_container *k, struct rf_err *err)
{
	int r;

	e->sb->oci.enters = true;
	r = join_container(e, k, err);
	if (r == 0)
		r = join_groups(e, k, err);
	if (r == 0)
		r = rf_compile(e->sb, &e->f, &e->chain, err);
	if (r == 0)
		r = rf_ring_new(RF_ENGINE_PLAIN, &e->ring, err);
	if (r == 0)
		r = rf_submit(e->ring, e->chain, 0, 0, &e->ctx, err);
	close_namespaces(e->sb);
	rf_cgroup_submitted(e->sb);
	if (r == 0)
		r = await_start(e, err);
	if (r < 0)
		e->ring = rf_ring_free(e->ring);
	return r;
}

/* ---------------------------------------------------------------------- waiting */

/* All that can be passed on, by a descriptor on the ring; -errno. */
static int watch_signals(struct oci_entry *e, sigset_t *ret_before)
{
	sigset_t set;
	int fd;

	(void)sigfillset(&set);
	for (const int *s = (const int[]){ SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGCHLD, SIGTTIN,
					   SIGTTOU, 0 }; *s; s++)
		(void)sigdelset(&set, *s);
	(void)sigprocmask(SIG_BLOCK, &set, ret_before);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd >= 0)
		(void)rf_ring_watch(e->ring, fd, 0);
	return fd < 0 ? -errno : fd;
}

static void pass_signals(struct oci_entry *e, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info))
		(void)rf_context_signal(e->ctx, (int)info.ssi_signo);
	(void)rf_ring_watch(e->ring, fd, 0);
}

static int await_exit(struct oci_entry *e, int signals, int timeout_ms)
{
	struct rf_completion done;
	bool late = false;
	int r = 0;

	while (r >= 0) {
		r = rf_ring_wait(e->ring, late ? -1 : timeout_ms, &done);
		if (r == 0) {
			late = true;
			(void)rf_context_kill(e->ctx);
		}
		if (r <= 0)
			continue;
		if (done.kind == RF_DONE_WATCH)
			pass_signals(e, signals);
		if (done.kind != RF_DONE_EXIT)
			continue;
		if (late || done.result < 0)
			return late ? -ETIMEDOUT : done.result;
		return WIFEXITED(done.status) ? WEXITSTATUS(done.status) :
						128 + WTERMSIG(done.status);
	}
	return r;
}

int oci_entry_wait(struct oci_entry *e, int timeout_ms)
{
	sigset_t before;
	int signals = watch_signals(e, &before), r = signals;

	if (signals >= 0) {
		r = await_exit(e, signals, timeout_ms);
		(void)rf_ring_unwatch(e->ring, signals);
		(void)close(signals);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}
