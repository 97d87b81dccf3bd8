/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence-oci create and run: from a bundle to a process that waits at its gate.
 *
 * The process dies with its creator until the state says who it is (compile_apart.c);
 * groups are written down before they are made.  So a creator that is killed leaves
 * what `delete --force` finds, at whatever point it was.
 */
#include "oci_create.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "oci_enter.h"
#include "oci_gate.h"
#include "oci_verdict.h"
#include "oci_systemd.h"
#include "options.h"
#include "prepare.h"
#include "report.h"
#include "ring.h"

/* -------------------------------------------------------------------- options */

enum { OPT_BUNDLE, OPT_CONSOLE, OPT_PID_FILE, OPT_FDS, OPT_NO_PIVOT, OPT_NO_KEYRING, OPT_DETACH,
       OPT_KEEP, OPT_NO_SUBREAPER, OPT_CONFIG, OPT_PIDFD };

#define CREATE_ROWS \
	{ .name = "bundle", .letter = 'b', .arg = "DIR", .id = OPT_BUNDLE, \
	  .help = "the bundle, instead of the current directory", .complete = RF_COMPLETE_DIR }, \
	{ .name = "console-socket", .arg = "PATH", .id = OPT_CONSOLE, \
	  .help = "send the terminal's master to this socket", .complete = RF_COMPLETE_FILE }, \
	{ .name = "pid-file", .arg = "FILE", .id = OPT_PID_FILE, \
	  .help = "write the process's number to FILE", .complete = RF_COMPLETE_FILE }, \
	{ .name = "pidfd-socket", .arg = "PATH", .id = OPT_PIDFD, \
	  .help = "send a pidfd of the process to this socket", .complete = RF_COMPLETE_FILE }, \
	{ .name = "config", .letter = 'f', .arg = "FILE", .id = OPT_CONFIG, \
	  .help = "in the bundle, instead of config.json", .complete = RF_COMPLETE_FILE }, \
	{ .name = "no-subreaper", .id = OPT_NO_SUBREAPER, .help = "nothing: ringfence-oci is none" }, \
	{ .name = "preserve-fds", .arg = "N", .id = OPT_FDS, \
	  .help = "pass N descriptors from 3 on" }, \
	{ .name = "no-pivot", .id = OPT_NO_PIVOT, .help = "refused: a root that is left again is none" }, \
	{ .name = "no-new-keyring", .id = OPT_NO_KEYRING, \
	  .help = "keep the caller's session keyring" }

static const struct rf_opt create_opts[] = { CREATE_ROWS, { .name = NULL } };
static const struct rf_opt run_opts[] = {
	CREATE_ROWS,
	{ .name = "detach", .letter = 'd', .id = OPT_DETACH, .help = "leave it running" },
	{ .name = "keep", .id = OPT_KEEP, .help = "do not delete the container when it has ended" },
	{ .name = NULL }
};

static int take(void *state, const struct rf_opt *opt, const char *value, struct rf_err *err)
{
	struct oci_creation *n = state;

	switch (opt->id) {
	case OPT_BUNDLE:
		n->bundle = value;
		return 0;
	case OPT_CONSOLE:
		n->io.console_socket = value;
		return 0;
	case OPT_PID_FILE:
		n->io.pid_file = value;
		return 0;
	case OPT_PIDFD:
		n->io.pidfd_socket = value;
		return 0;
	case OPT_CONFIG:
		n->config = value;
		return 0;
	case OPT_FDS:
		n->io.preserve = options_number(value, 0, 1000);
		return n->io.preserve < 0 ? rf_err_set(err, EINVAL, "--preserve-fds: '%s' is no number "
						    "from 0 to 1000", value) : 0;
	case OPT_NO_PIVOT:
		return rf_err_set(err, EINVAL, "--no-pivot: a root that can be left again is not built");
	case OPT_NO_KEYRING:
		n->no_keyring = true;
		return 0;
	case OPT_DETACH:
		n->detach = true;
		return 0;
	case OPT_KEEP:
		n->keep = true;
		return 0;
	default:
		return 0;
	}
}

/* ------------------------------------------------------------------- the model */

static int load(struct oci_creation *n, struct rf_err *err)
{
	int r;

	n->sb = rf_sandbox_new();
	if (!n->sb)
		return rf_err_set(err, ENOMEM, "the container");
	r = rf_probe(&n->f, err);
	if (r == 0)
		r = rf_oci_load(n->bundle, n->config, n->sb, &n->c, &n->config_text, err);
	if (r == 0 && !n->c.has_process)
		r = rf_err_set(err, EINVAL, "%s/config.json: no `process`", n->bundle);
	if (r == 0 && n->c.fragment)
		r = rf_oci_tighten(n->sb, &n->c, n->c.fragment, &n->c.fragment_place, 0, err);
	if (r == 0 && n->sb->user.map == RF_MAP_RANGES)
		r = rf_probe_subids(&n->f, err);
	if (n->sb->landlock.on)
		rf_probe_landlock(&n->f);
	if (r == 0 && rf_oci_has_labels(n->sb))
		rf_probe_labels(&n->f);
	if (r == 0)
		oci_grant(n->sb, &n->c, &n->f);
	if (r == 0)
		r = oci_io_check(&n->io, n->sb, n->c.terminal, err);
	n->sb->oci.keep_keyring = n->no_keyring;
	return r == 0 ? oci_io_pass(&n->io, n->sb, err) : r;
}

/* ------------------------------------------------------------------- the state */

static char *text_now(void)
{
	struct timespec ts;
	struct tm tm;
	char buf[40], *text;
	size_t len;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)gmtime_r(&ts.tv_sec, &tm);
	len = strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", &tm);
	buf[len] = '\0';
	return asprintf(&text, "%s.%09ldZ", buf, ts.tv_nsec) < 0 ? NULL : text;
}

static char *annotations(const struct rf_oci_config *c)
{
	json_t *notes = json_object();
	char *text;

	for (size_t i = 0; notes && i < c->nr_annotations; i++)
		(void)json_object_set_new(notes, c->annotations[i].key,
					  json_string(c->annotations[i].value));
	text = notes ? json_dumps(notes, JSON_COMPACT) : NULL;
	json_decref(notes);
	return text;
}

static int list_groups(struct oci_creation *n, struct rf_err *err)
{
	struct oci_container *k = &n->k;

	for (size_t i = 0; i < k->nr_groups; i++) {
		free(k->groups[i].dir);
		free(k->groups[i].name);
	}
	k->nr_groups = 0;
	for (size_t i = 0; i < n->g.nr; i++) {
		struct oci_group *g = &k->groups[k->nr_groups];

		if (!n->g.trees[i].dir)
			continue;
		g->dir = strdup(n->g.trees[i].dir);
		/* beside hierarchies of version 1 it is nothing but systemd's own */
		g->name = strdup(n->g.trees[i].v2 && !n->g.unified ? "unified" : n->g.trees[i].name);
		k->nr_groups++;
		if (!g->dir || !g->name)
			return rf_err_set(err, ENOMEM, "the state");
	}
	return 0;
}

static int describe(struct oci_creation *n, struct rf_err *err)
{
	struct oci_container *k = &n->k;

	k->version = strdup(n->c.version);
	k->bundle = strdup(n->bundle);
	k->config = n->config ? strdup(n->config) : NULL;
	k->created = text_now();
	k->owner = geteuid();
	k->annotations = annotations(&n->c);
	k->hooks = n->c.hooks_json ? strdup(n->c.hooks_json) : NULL;
	k->listener = n->c.listener ? strdup(n->c.listener) : NULL;
	k->listener_metadata = n->c.listener_metadata ? strdup(n->c.listener_metadata) : NULL;
	if (asprintf(&k->rootfs, "%s%s%s", *n->c.root == '/' ? "" : n->bundle,
		     *n->c.root == '/' ? "" : "/", n->c.root) < 0)
		k->rootfs = NULL;
	if (!k->version || !k->bundle || !k->created || !k->annotations || !k->rootfs)
		return rf_err_set(err, ENOMEM, "the state");
	return list_groups(n, err);
}

/* Have systemd make those that it makes; the rest goes beside them. */
static int make_scope(struct oci_creation *n, struct rf_err *err)
{
	char *devices = n->f.host_root ? oci_scope_devices() : NULL, *group = NULL;
	struct rf_oci_unit u;
	int r = rf_oci_unit_plan(n->sb, &n->c, n->k.id, n->g.unified, n->f.host_root, devices, &u, err);

	free(devices);
	if (r < 0)
		return r;
	n->k.unit = strdup(u.name);
	n->k.user_unit = !n->f.host_root;
	r = n->k.unit ? describe(n, err) : rf_err_set(err, ENOMEM, "the state");
	if (r == 0)
		r = oci_state_write(&n->k, err);
	if (r == 0) {
		r = oci_scope_start(&n->k, &u, &n->keeper, &group, err);
		/* it has been told to stop, and one that nobody is in ends anyhow */
		if (r < 0) {
			free(n->k.unit);
			n->k.unit = NULL;
		}
	}
	if (r == 0)
		r = rf_oci_groups_at(&n->g, group, err);
	free(group);
	return r == 0 ? list_groups(n, err) : r;
}

static int no_groups(struct oci_creation *n, struct rf_err *err)
{
	const bool rules = n->f.host_root && n->c.nr_rules;

	if (n->c.nr_limits || rules)
		return rf_err_at(err, rules ? &n->c.rules[0].place : &n->c.limits[0].place, EINVAL,
				 "%s: without control groups (--cgroup-manager disabled) there are no limits",
				 rules ? n->c.rules[0].path : n->c.limits[0].path);
	return describe(n, err);
}

/* Written before they are made, and again without those that could not be had. */
static int make_groups(struct oci_creation *n, struct rf_err *err)
{
	char path[1100];
	int r = rf_oci_groups_read(&n->g, err);

	n->failed_op = "cgroup";

	(void)snprintf(path, sizeof(path), "/%s", n->k.id);
	if (r == 0 && oci.no_groups)
		return no_groups(n, err);
	if (r == 0 && oci.systemd)
		r = make_scope(n, err);
	else if (r == 0)
		r = rf_oci_groups_plan(&n->g, &n->c, path, n->f.host_root, err);
	if (r == 0 && !oci.systemd)
		r = describe(n, err);
	if (r == 0)
		r = oci_state_write(&n->k, err);
	if (r == 0)
		r = rf_oci_groups_make(&n->g, &n->c, n->f.host_root, err);
	return r == 0 ? list_groups(n, err) : r;
}

/* ------------------------------------------------------------------- the launch */

/* Before it pivots: what is outside is still in sight, and the process still dies with us. */
static int at_hook_gate(struct oci_creation *n, struct rf_err *err)
{
	static const enum rf_oci_stage stages[] = {
		RF_OCI_PRESTART, RF_OCI_CREATE_RUNTIME, RF_OCI_CREATE_CONTAINER,
	};
	int r;

	n->hooked = true;
	n->failed_op = "cgroup";
	/* hooks look for the groups by the process, which would join them by itself only later */
	r = oci_groups_join(&n->k, n->k.pid, err);
	if (r < 0)
		return r;
	n->failed_op = "hook";
	for (size_t i = 0; r == 0 && i < sizeof(stages) / sizeof(stages[0]); i++)
		r = oci_hooks_run(&n->k, stages[i], OCI_CREATING, err);
	if (r < 0)
		return r;
	n->failed_op = NULL;
	return rf_context_open(n->ctx);
}

/* The first gate: the process is known now, and may let go of us when that is written. */
static int at_first_gate(struct oci_creation *n, struct rf_err *err)
{
	if (oci_state_write(&n->k, err) < 0)
		return -EIO;
	return rf_context_open(n->ctx);
}

/* Until it is parked where others open it.  0, or a negative errno with @err. */
static int await_gate(struct oci_creation *n, struct rf_err *err)
{
	struct rf_completion done;
	int r;

	for (;;) {
		r = rf_ring_wait(n->ring, -1, &done);
		if (r < 0)
			return rf_err_set(err, -r, "waiting for the container");
		switch (done.kind) {
		case RF_DONE_FD:
			r = oci_io_send(&n->io, done.result, err);
			break;
		case RF_DONE_PARKED:
			if (n->chain->ops[done.index].u.gate.slot >= 0) {
				n->parked = (uint32_t)done.index;
				return 0;
			}
			n->k.pid = rf_context_pid(n->ctx);
			n->k.start = oci_start_time(n->k.pid);
			if (n->sb->oci.hooked && !n->hooked)
				r = at_hook_gate(n, err);
			else
				r = at_first_gate(n, err);
			break;
		case RF_DONE_FAILED: case RF_DONE_EXIT: case RF_DONE_ENDED:
			n->ctx = NULL;
			n->failed_op = oci_launch_failed(n->chain, n->sb, &n->f, &done, err);
			return -EIO;
		default:
			break;
		}
		if (r < 0)
			return r;
	}
}

static int launch(struct oci_creation *n, struct rf_err *err)
{
	int r;

	n->gate = oci_gate_listen(n->k.dir);
	if (n->gate < 0)
		return rf_err_set(err, -n->gate, "a socket in %s/%s", oci.root, n->k.id);
	n->sb->oci.gate_fd = n->gate;
	n->failed_op = "config";
	r = rf_oci_resolve(n->sb, &n->c, &n->f, n->bundle, &n->g, 0, err);
	/* nothing is mounted yet: it is what the bundle's root has */
	if (r == 0)
		r = oci_home(n->sb, AT_FDCWD, n->sb->root.path, err);
	if (r == 0)
		r = oci_groups_open(&n->k, &n->sb->cgroup, err);
	if (r == 0)
		r = oci_rdt_open(&n->k, n->sb, err);
	if (r == 0)
		r = rf_compile(n->sb, &n->f, &n->chain, err);
	if (r == 0) {
		n->failed_op = NULL;
		r = rf_ring_new(RF_ENGINE_PLAIN, &n->ring, err);
	}
	if (r == 0)
		r = rf_submit(n->ring, n->chain, 0, 0, &n->ctx, err);
	rf_sandbox_unprepare(n->sb);
	oci_rdt_opened(n->sb);
	if (r == 0)
		r = await_gate(n, err);
	if (r == 0)
		oci_reap_maker(n->ctx);
	oci_scope_release(&n->keeper);
	return r;
}

/* --------------------------------------------------------------------- together */

/* Nothing is left of it. */
static void undo(struct oci_creation *n)
{
	struct rf_err ignored = RF_ERR_INIT;

	n->ring = rf_ring_free(n->ring);
	oci_scope_release(&n->keeper);
	n->k.pid = 0;
	if (n->k.dir >= 0)
		(void)oci_delete(&n->k, &ignored);
}

static int describe_confinement(const struct oci_creation *n, struct rf_err *err)
{
	const struct oci_made made = {
		.sb = n->sb, .f = &n->f, .chain = n->chain, .ctx = n->ctx, .gate = n->parked,
	};

	return oci_verdict_created(&n->k, &made, err);
}

int oci_create(struct oci_creation *n, const char *id, struct rf_err *err)
{
	char *bundle = realpath(n->bundle ? n->bundle : ".", NULL);
	int r;

	if (!bundle)
		return rf_err_set(err, errno, "--bundle %s", n->bundle ? n->bundle : ".");
	n->bundle = n->bundle_text = bundle;
	if (!oci_id_is_good(id))
		return rf_err_set(err, EINVAL, "invalid container ID '%.64s'", id);
	n->failed_op = "config";
	r = load(n, err);
	if (r == 0)
		r = oci_io_connect(&n->io, err);
	if (r < 0)
		return r;
	n->failed_op = NULL;
	r = oci_state_new(&n->k, id, err);
	if (r == 0)
		r = oci_config_keep(&n->k, n->config_text, err);
	if (r == 0)
		r = make_groups(n, err);
	if (r == 0)
		r = oci_rdt_make(n, err);
	if (r == 0)
		r = launch(n, err);
	if (r == 0)
		r = describe_confinement(n, err);
	if (r == 0)
		r = oci_io_tell(&n->io, n->k.pid, err);
	if (r < 0 && n->k.dir >= 0)
		undo(n);
	/* from now on it may be others' too */
	n->k.rdt_made &= !n->k.rdt_named;
	return r;
}

static int begin(const struct command *cmd, struct oci_creation *n, int argc, char **argv,
		 struct rf_err *err)
{
	char *words[1];
	int r = oci_options(cmd, argc, argv, take, n, words, 1, err);

	if (r == 0)
		return rf_err_set(err, EINVAL, "%s: no container ID", cmd->name);
	n->io.attached = cmd == &oci_cmd_run && !n->detach;
	return r < 0 ? r : oci_create(n, words[0], err);
}

static int create_main(int argc, char **argv)
{
	struct oci_creation n = OCI_CREATION_INIT;
	struct rf_err err = RF_ERR_INIT;
	int r = begin(&oci_cmd_create, &n, argc, argv, &err);

	/* the ring is left alone: freeing it would end the process */
	return r < 0 ? oci_fail_op(&err, n.failed_op) : 0;
}

/* ------------------------------------------------------------------------- run */

static int run(struct oci_creation *n, struct rf_err *err, int *ret_status)
{
	int r = oci_start(&n->k, &n->failed_op, err);

	if (r == 0 && !n->detach) {
		/* others may work with it meanwhile */
		(void)flock(n->k.dir, LOCK_UN);
		*ret_status = oci_wait(n->k.pid, -1, &n->io, NULL);
		(void)flock(n->k.dir, LOCK_EX);
		if (*ret_status >= 0 && n->keep)
			oci_verdict_ended(&n->k, *ret_status);
		else if (*ret_status < 0)
			r = rf_err_set(err, -*ret_status, "waiting for container %s", n->k.id);
	}
	if (r < 0 || (!n->detach && !n->keep)) {
		struct rf_err other = RF_ERR_INIT;
		int d = oci_delete(&n->k, &other);

		if (r == 0 && d < 0) {
			*err = other;
			r = d;
		}
	}
	return r;
}

static int run_main(int argc, char **argv)
{
	struct oci_creation n = OCI_CREATION_INIT;
	struct rf_err err = RF_ERR_INIT;
	int status = 0, r;

	r = begin(&oci_cmd_run, &n, argc, argv, &err);
	if (r == 0)
		r = run(&n, &err, &status);
	return r < 0 ? oci_fail_op(&err, n.failed_op) : status;
}

const struct command oci_cmd_create = {
	.name = "create", .args = "[option...] <container-id>", .opts = create_opts,
	.help = "make a container whose command waits to be started", .main = create_main,
};

const struct command oci_cmd_run = {
	.name = "run", .args = "[option...] <container-id>", .opts = run_opts,
	.help = "create a container, start it, and wait for its end", .main = run_main,
};
