/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence-oci kill, delete, pause and resume.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroup.h"
#include "error.h"
#include "oci_runtime.h"
#include "signal_name.h"

#define PATIENCE_MS 10000

/* ----------------------------------------------------------------------- delete */

/* Killed, and gone or a zombie: the rest is for whoever is its parent. */
static int end_process(const struct oci_container *k)
{
	int fd = oci_state_pidfd(k), r = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return fd == -ESRCH ? 0 : fd;
	if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		r = -errno;
	if (r == 0 && poll(&p, 1, PATIENCE_MS) != 1)
		r = -ETIMEDOUT;
	(void)close(fd);
	return r;
}

/* A scope that is empty ends by itself, so one that systemd does not end now is only told. */
static void stop_scope(const struct oci_container *k)
{
	struct rf_err own = RF_ERR_INIT;

	if (oci_scope_stop(k, &own) < 0)
		(void)oci_fail_op(&own, "delete");
}

int oci_delete(struct oci_container *k, struct rf_err *err)
{
	const char *tracker = oci_state_tracker(k);
	int r;

	/* what is stopped would not see its end; killed first, it cannot go on either */
	if (tracker && access(tracker, F_OK) == 0) {
		(void)rf_cgroup_kill(tracker);
		(void)rf_cgroup_thaw(tracker);
	}
	r = end_process(k);
	if (r < 0)
		return rf_err_set(err, -r, "kill container %s", k->id);
	if (k->unit)
		stop_scope(k);
	for (size_t i = 0; i < k->nr_groups; i++) {
		r = rf_cgroup_remove(k->groups[i].dir);
		if (r < 0)
			return rf_err_set(err, -r, "remove %s", k->groups[i].dir);
	}
	r = oci_state_remove(k, err);
	return r < 0 ? r : oci_hooks_run(k, RF_OCI_POSTSTOP, OCI_STOPPED, err);
}

static const struct rf_opt delete_opts[] = {
	{ .name = "force", .letter = 'f', .help = "kill it if it runs; one that is gone is no error" },
	{ .name = NULL }
};

static int take_flag(void *state, const struct rf_opt *opt, const char *value, struct rf_err *err)
{
	(void)opt;
	(void)value;
	(void)err;
	*(bool *)state = true;
	return 0;
}

static int delete_main(int argc, char **argv)
{
	struct oci_container k = OCI_CONTAINER_INIT;
	struct rf_err err = RF_ERR_INIT;
	enum oci_status status;
	bool force = false;
	char *words[1];
	int r = oci_options(&oci_cmd_delete, argc, argv, take_flag, &force, words, 1, &err);

	if (r == 0)
		return oci_usage("delete: no container ID");
	if (r > 0)
		r = oci_state_open(&k, words[0], &err);
	if (r == -ENOENT && force) {
		oci_state_close(&k);
		return 0;
	}
	if (r == 0) {
		status = oci_state_status(&k);
		/* as with runc, one that was never started is no loss */
		if (!force && status != OCI_STOPPED && status != OCI_CREATED)
			r = rf_err_set(&err, EINVAL, "cannot delete container %s that is not stopped: %s",
				       k.id, oci_status_names[status]);
	}
	if (r == 0)
		r = oci_delete(&k, &err);
	oci_state_close(&k);
	return r < 0 ? oci_fail(&err) : 0;
}

const struct command oci_cmd_delete = {
	.name = "delete", .args = "[option...] <container-id>", .opts = delete_opts,
	.help = "remove a container that has ended", .main = delete_main,
};

/* ------------------------------------------------------------------------- kill */

/* To each process of the group, by a pidfd that is known to be of it. */
static int kill_group(const char *dir, int sig)
{
	char path[4400];
	FILE *f;
	int pid;

	if (sig == SIGKILL)
		return rf_cgroup_kill(dir);
	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fscanf(f, "%d", &pid) == 1) {
		int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

		if (fd < 0)
			continue;
		(void)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
		(void)close(fd);
	}
	(void)fclose(f);
	return 0;
}

static int kill_container(const struct oci_container *k, int sig, bool all, struct rf_err *err)
{
	const char *dir = oci_state_tracker(k);
	int fd, r;

	if (all && dir) {
		r = kill_group(dir, sig);
		return r < 0 ? rf_err_set(err, -r, "kill --all %s", k->id) : 0;
	}
	fd = oci_state_pidfd(k);
	if (fd < 0)
		return rf_err_set(err, EINVAL, "container not running");
	r = syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) < 0 ? -errno : 0;
	(void)close(fd);
	/* version 1 lets the signal wait for the thaw; what is killed is to go at once */
	if (r == 0 && sig == SIGKILL && dir && oci_state_status(k) == OCI_PAUSED)
		(void)rf_cgroup_thaw(dir);
	return r < 0 ? rf_err_set(err, -r, "kill %s", k->id) : 0;
}

static const struct rf_opt kill_opts[] = {
	{ .name = "all", .letter = 'a', .help = "every process of the container" },
	{ .name = NULL }
};

static int kill_main(int argc, char **argv)
{
	struct oci_container k = OCI_CONTAINER_INIT;
	struct rf_err err = RF_ERR_INIT;
	bool all = false;
	char *words[2];
	int sig = SIGTERM, r = oci_options(&oci_cmd_kill, argc, argv, take_flag, &all, words, 2, &err);

	if (r == 0)
		return oci_usage("kill: no container ID");
	if (r == 2) {
		sig = signal_number(words[1]);
		if (sig < 0)
			return oci_usage("kill: no signal '%.40s'", words[1]);
	}
	if (r > 0)
		r = oci_state_open(&k, words[0], &err);
	if (r == 0)
		r = kill_container(&k, sig, all, &err);
	oci_state_close(&k);
	return r < 0 ? oci_fail(&err) : 0;
}

const struct command oci_cmd_kill = {
	.name = "kill", .args = "[option...] <container-id> [signal]", .opts = kill_opts,
	.help = "send a signal to a container's process", .main = kill_main,
};

/* ---------------------------------------------------------------- pause, resume */

static const struct rf_opt no_opts[] = { { .name = NULL } };

static int stop_or_go(const struct command *cmd, int argc, char **argv, bool stop)
{
	struct oci_container k = OCI_CONTAINER_INIT;
	struct rf_err err = RF_ERR_INIT;
	const char *dir;
	enum oci_status status;
	char *words[1];
	int r = oci_options(cmd, argc, argv, NULL, NULL, words, 1, &err);

	if (r == 0)
		return oci_usage("%s: no container ID", cmd->name);
	if (r > 0)
		r = oci_state_open(&k, words[0], &err);
	if (r == 0) {
		dir = oci_state_tracker(&k);
		status = oci_state_status(&k);
		if (stop ? status != OCI_RUNNING && status != OCI_CREATED : status != OCI_PAUSED)
			r = rf_err_set(&err, EINVAL, "cannot %s container %s, which is %s", cmd->name,
				       k.id, oci_status_names[status]);
		else if (!dir)
			r = rf_err_set(&err, EOPNOTSUPP, "%s: container %s has no control group",
				       cmd->name, k.id);
		else
			r = stop ? rf_cgroup_freeze(dir) : rf_cgroup_thaw(dir);
		if (r < 0)
			rf_err_set(&err, -r, "%s %s", cmd->name, k.id);
	}
	oci_state_close(&k);
	return r < 0 ? oci_fail(&err) : 0;
}

static int pause_main(int argc, char **argv)
{
	return stop_or_go(&oci_cmd_pause, argc, argv, true);
}

static int resume_main(int argc, char **argv)
{
	return stop_or_go(&oci_cmd_resume, argc, argv, false);
}

const struct command oci_cmd_pause = {
	.name = "pause", .args = "<container-id>", .opts = no_opts, .main = pause_main,
	.help = "stop every process of a container",
};

const struct command oci_cmd_resume = {
	.name = "resume", .args = "<container-id>", .opts = no_opts, .main = resume_main,
	.help = "let them go on",
};
