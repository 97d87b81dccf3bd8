/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Joining a container.  The namespaces are those of one directory of /proc, opened while
 * the process was known to be the container's; the task that joins them is an image of
 * its own, which nobody in there can look into (DESIGN.md 4, rule 3).
 */
#include "oci_enter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
	if (r == 0 && e->home)
		r = oci_home(e->sb, proc, "root", err);
	(void)close(proc);
	return r;
}

static void close_namespaces(struct rf_sandbox *sb)
{
	for (int i = 0; i < RF_NS_NR; i++)
		if (sb->ns[i].mode == RF_NS_JOIN_FD && sb->ns[i].fd >= 0) {
			(void)close(sb->ns[i].fd);
			sb->ns[i].fd = -1;
		}
}

/* What a task sends: the listener of its filter, or the master of its terminal. */
static int take_fd(struct oci_entry *e, const struct oci_container *k, int index, int fd,
		   struct rf_err *err)
{
	int r = 0;

	if (index >= 0 && rf_op_sends_listener(e->chain->ops, (uint32_t)index)) {
		r = oci_listener_send(&e->agent, k, rf_context_pid(e->ctx), oci_state_status(k), fd,
				      err);
		(void)close(fd);
	} else if (e->io) {
		r = oci_io_send(e->io, fd, err);
	} else {
		(void)close(fd);
	}
	return r;
}

/* Until its exec. */
static int await_start(struct oci_entry *e, const struct oci_container *k, struct rf_err *err)
{
	struct rf_completion done;
	int r;

	for (;;) {
		r = rf_ring_wait(e->ring, -1, &done);
		if (r < 0)
			return rf_err_set(err, -r, "waiting for the process");
		switch (done.kind) {
		case RF_DONE_FD:
			r = take_fd(e, k, done.index, done.result, err);
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

void oci_reap_maker(const struct rf_context *ctx)
{
	pid_t left[2];

	rf_context_left(ctx, left);
	if (left[1] > 0)
		(void)waitpid(left[1], NULL, __WALL);
}

/* Before there is a task that could be asked about. */
static int meet_agent(struct oci_entry *e, const struct oci_container *k, struct rf_err *err)
{
	const struct rf_seccomp_spec *s = &e->sb->seccomp;

	if (!s->on || !s->notifies || !s->has_listener)
		return 0;
	if (!k->listener)
		return rf_err_at(err, &s->place, EINVAL, "linux.seccomp.listenerPath: there was none when "
				 "the container was made");
	e->agent = oci_listener_connect(k, err);
	return e->agent < 0 ? e->agent : 0;
}

int oci_enter(struct oci_entry *e, const struct oci_container *k, struct rf_err *err)
{
	int r;

	e->sb->oci.enters = true;
	e->failed_op = NULL;
	e->agent = -1;
	r = join_container(e, k, err);
	if (r == 0 && e->c)
		oci_grant(e->sb, e->c, &e->f);
	if (r == 0 && e->in_groups)
		r = oci_groups_open_below(k, e->below, e->nr_below, &e->sb->cgroup, err);
	if (r == 0 && e->in_groups)
		r = oci_rdt_open(k, e->sb, err);
	if (r == 0)
		r = rf_compile(e->sb, &e->f, &e->chain, err);
	if (r == 0)
		r = meet_agent(e, k, err);
	if (r == 0)
		r = rf_ring_new(RF_ENGINE_PLAIN, &e->ring, err);
	if (r == 0)
		r = rf_submit(e->ring, e->chain, 0, 0, &e->ctx, err);
	close_namespaces(e->sb);
	rf_cgroup_submitted(e->sb);
	oci_rdt_opened(e->sb);
	if (r == 0)
		r = await_start(e, k, err);
	if (r == 0)
		oci_reap_maker(e->ctx);
	else
		e->ring = rf_ring_free(e->ring);
	if (e->agent >= 0)
		(void)close(e->agent);
	return r;
}
