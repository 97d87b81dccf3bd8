/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence-oci kill, delete, pause and resume.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
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

int oci_end_process(const struct oci_container *k, int patience_ms)
{
	int fd = oci_state_pidfd(k), r = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return fd == -ESRCH ? 0 : fd;
	if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		r = -errno;
	if (r == 0 && poll(&p, 1, patience_ms) != 1)
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
	r = oci_end_process(k, PATIENCE_MS);
	if (r < 0)
		return rf_err_set(err, -r, "kill container %s", k->id);
	if (k->unit)
		stop_scope(k);
	for (size_t i = 0; i < k->nr_groups; i++) {
		r = rf_cgroup_remove(k->groups[i].dir);
		if (r < 0)
			return rf_err_set(err, -r, "remove %s", k->groups[i].dir);
	}
	r = oci_rdt_remove(k, err);
	if (r == 0)
		r = oci_state_remove(k, err);
	return r < 0 ? r : oci_hooks_run(k, RF_OCI_POSTSTOP, OCI_STOPPED, err);
}

enum { OPT_FORCE, OPT_ALL, OPT_REGEX };

struct end {
	bool		 force, all, regex;
	int		 sig;
	regex_t		 names;
	int		 status;	/* exit status, of those that a pattern means */
};

static const struct rf_opt delete_opts[] = {
	{ .name = "force", .letter = 'f', .id = OPT_FORCE,
	  .help = "kill it if it runs; one that is gone is no error" },
	{ .name = "regex", .letter = 'r', .id = OPT_REGEX,
	  .help = "the ID is an extended regular expression: all that it matches" },
	{ .name = NULL }
};

static int take_flag(void *state, const struct rf_opt *opt, const char *value, struct rf_err *err)
{
	struct end *e = state;

	(void)value;
	(void)err;
	*(opt->id == OPT_FORCE ? &e->force : opt->id == OPT_ALL ? &e->all : &e->regex) = true;
	return 0;
}

/* Who is at work with it may hang: its end frees whoever waits for it there. */
static void kill_first(const char *id)
{
	struct oci_container k = OCI_CONTAINER_INIT;
	struct rf_err ignored = RF_ERR_INIT;
	const char *tracker;

	if (oci_state_peek(&k, id, &ignored) == 0) {
		tracker = oci_state_tracker(&k);
		if (tracker && access(tracker, F_OK) == 0) {
			(void)rf_cgroup_kill(tracker);
			(void)rf_cgroup_thaw(tracker);
		}
		(void)oci_end_process(&k, PATIENCE_MS);
	}
	oci_state_close(&k);
}

static int delete_one(const struct end *e, const char *id, struct rf_err *err)
{
	struct oci_container k = OCI_CONTAINER_INIT;
	enum oci_status status;
	int r;

	if (e->force)
		kill_first(id);
	r = oci_state_open(&k, id, err);
	if (r == 0) {
		status = oci_state_status(&k);
		/* as with runc, one that was never started is no loss */
		if (!e->force && status != OCI_STOPPED && status != OCI_CREATED)
			r = rf_err_set(err, EINVAL, "cannot delete container %s that is not stopped: %s",
				       k.id, oci_status_names[status]);
	}
	if (r == 0)
		r = oci_delete(&k, err);
	oci_state_close(&k);
	return r == -ENOENT && e->force ? 0 : r;
}

static int compile_names(struct end *e, const char *pattern)
{
	if (regcomp(&e->names, pattern, REG_EXTENDED | REG_NOSUB) == 0)
		return 0;
	return oci_usage("--regex: '%.100s' is no extended regular expression", pattern);
}

static int delete_match(void *arg, struct oci_container *k)
{
	struct rf_err err = RF_ERR_INIT;
	struct end *e = arg;

	if (regexec(&e->names, k->id, 0, NULL, 0) == 0 && delete_one(e, k->id, &err) < 0)
		e->status = oci_fail(&err);
	return 0;
}

/* @one's error, or of all that match those that there were. */
static int end_matching(struct end *e, const char *pattern,
			int (*match)(void *arg, struct oci_container *k))
{
	struct rf_err err = RF_ERR_INIT;
	int r = compile_names(e, pattern);

	if (r)
		return r;
	r = oci_each(match, e, &err);
	regfree(&e->names);
	return r < 0 ? oci_fail(&err) : e->status;
}

static int delete_main(int argc, char **argv)
{
	struct rf_err err = RF_ERR_INIT;
	struct end e = { .force = false };
	char *words[1];
	int r = oci_options(&oci_cmd_delete, argc, argv, take_flag, &e, words, 1, &err);

	if (r == 0)
		return oci_usage("delete: no container ID");
	if (r > 0 && e.regex)
		return end_matching(&e, words[0], delete_match);
	if (r > 0)
		r = delete_one(&e, words[0], &err);
	return r < 0 ? oci_fail(&err) : 0;
}

const struct command oci_cmd_delete = {
	.name = "delete", .args = "[option...] <container-id>", .opts = delete_opts,
	.help = "remove a container that has ended", .main = delete_main,
};

/* ------------------------------------------------------------------------- kill */

/* To each process of one group, by a pidfd that is known to be of it. */
static int signal_group(void *arg, const char *dir)
{
	const int sig = *(const int *)arg;
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
		r = rf_cgroup_walk(dir, signal_group, &sig);
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
	{ .name = "all", .letter = 'a', .id = OPT_ALL, .help = "every process of the container" },
	{ .name = "regex", .letter = 'r', .id = OPT_REGEX,
	  .help = "the ID is an extended regular expression: all that it matches" },
	{ .name = NULL }
};

static int kill_match(void *arg, struct oci_container *k)
{
	struct rf_err err = RF_ERR_INIT;
	struct end *e = arg;

	if (regexec(&e->names, k->id, 0, NULL, 0) == 0 && kill_container(k, e->sig, e->all, &err) < 0)
		e->status = oci_fail(&err);
	return 0;
}

/* Without its lock: who has that may be what has to be ended. */
static int kill_main(int argc, char **argv)
{
	struct oci_container k = OCI_CONTAINER_INIT;
	struct rf_err err = RF_ERR_INIT;
	struct end e = { .sig = SIGTERM };
	char *words[2];
	int r = oci_options(&oci_cmd_kill, argc, argv, take_flag, &e, words, 2, &err);

	if (r == 0)
		return oci_usage("kill: no container ID");
	if (r == 2) {
		/* 0 asks whether it is there, as with kill(2) and runc */
		e.sig = !strcmp(words[1], "0") ? 0 : signal_number(words[1]);
		if (e.sig < 0)
			return oci_usage("kill: no signal '%.40s'", words[1]);
	}
	if (r > 0 && e.regex)
		return end_matching(&e, words[0], kill_match);
	if (r > 0)
		r = oci_state_peek(&k, words[0], &err);
	if (r == 0)
		r = kill_container(&k, e.sig, e.all, &err);
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
