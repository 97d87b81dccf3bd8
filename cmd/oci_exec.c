/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence-oci exec: one more process in a container, as a file describes it, or as the
 * container's own with what options change.  The filter is the container's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain.h"
#include "error.h"
#include "oci_enter.h"
#include "options.h"

enum { OPT_CONSOLE, OPT_CWD, OPT_ENV, OPT_TTY, OPT_USER, OPT_GIDS, OPT_PROCESS, OPT_DETACH,
       OPT_PID_FILE, OPT_CAP, OPT_FDS, OPT_NNP, OPT_IGNORE_PAUSED, OPT_APPARMOR, OPT_LABEL,
       OPT_CGROUP, OPT_PIDFD };

static const struct rf_opt exec_opts[] = {
	{ .name = "process", .letter = 'p', .arg = "FILE", .id = OPT_PROCESS,
	  .help = "the process as JSON", .complete = RF_COMPLETE_FILE },
	{ .name = "console-socket", .arg = "PATH", .id = OPT_CONSOLE,
	  .help = "send the terminal's master to this socket", .complete = RF_COMPLETE_FILE },
	{ .name = "pid-file", .arg = "FILE", .id = OPT_PID_FILE,
	  .help = "write the process's number to FILE", .complete = RF_COMPLETE_FILE },
	{ .name = "pidfd-socket", .arg = "PATH", .id = OPT_PIDFD,
	  .help = "send a pidfd of the process to this socket", .complete = RF_COMPLETE_FILE },
	{ .name = "detach", .letter = 'd', .id = OPT_DETACH, .help = "leave it running" },
	{ .name = "tty", .letter = 't', .id = OPT_TTY, .help = "with a terminal" },
	{ .name = "cwd", .arg = "DIR", .id = OPT_CWD, .help = "its working directory" },
	{ .name = "env", .letter = 'e', .arg = "NAME=VALUE", .id = OPT_ENV, .flags = RF_OPT_REPEAT,
	  .help = "one more variable of its environment" },
	{ .name = "user", .letter = 'u', .arg = "UID[:GID]", .id = OPT_USER, .help = "as whom it runs" },
	{ .name = "additional-gids", .letter = 'g', .arg = "GID", .id = OPT_GIDS,
	  .flags = RF_OPT_REPEAT, .help = "one more group" },
	{ .name = "cap", .letter = 'c', .arg = "CAP", .id = OPT_CAP, .flags = RF_OPT_REPEAT,
	  .help = "one more capability" },
	{ .name = "preserve-fds", .arg = "N", .id = OPT_FDS, .help = "pass N descriptors from 3 on" },
	{ .name = "no-new-privs", .id = OPT_NNP, .help = "with no_new_privs" },
	{ .name = "ignore-paused", .id = OPT_IGNORE_PAUSED, .help = "also if the container is paused" },
	{ .name = "process-label", .arg = "LABEL", .id = OPT_LABEL, .help = "its label of SELinux" },
	{ .name = "apparmor", .arg = "PROFILE", .id = OPT_APPARMOR, .help = "its profile of AppArmor" },
	{ .name = "cgroup", .arg = "[CONTROLLER,...:]PATH", .id = OPT_CGROUP, .flags = RF_OPT_REPEAT,
	  .help = "a group below the container's" },
	{ .name = NULL }
};

#define MORE_MAX 256

struct exec {
	struct oci_io	 io;
	const char	*process, *cwd;
	const char	*env[MORE_MAX];
	size_t		 nr_env;
	uint32_t	 gids[MORE_MAX];
	size_t		 nr_gids;
	const char	*below[MORE_MAX];	/* groups below the container's */
	size_t		 nr_below;
	const char	*apparmor, *label;	/* NULL: not said */
	uint64_t	 caps;
	int64_t		 uid, gid;	/* -1: not said */
	bool		 detach, tty, nnp, ignore_paused;

	struct oci_container k;
	struct rf_oci_config c;
	struct oci_entry e;
};

/* ---------------------------------------------------------------------- options */

/* All of @text up to @end: digits of an id, and nothing else. */
static int64_t read_id(const char *text, const char *end)
{
	uint64_t n = 0;

	if (text == end || end - text > 10)
		return -1;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		n = n * 10 + (uint64_t)(*text - '0');
	}
	return n < UINT32_MAX ? (int64_t)n : -1;
}

static int take_user(struct exec *x, const char *value, struct rf_err *err)
{
	const char *end = value + strcspn(value, ":");

	x->uid = read_id(value, end);
	x->gid = *end ? read_id(end + 1, end + strlen(end)) : -1;
	if (x->uid < 0 || (*end && x->gid < 0))
		return rf_err_set(err, EINVAL, "--user: '%.40s' is no UID[:GID] of numbers", value);
	return 0;
}

static int take_cap(struct exec *x, const char *value, struct rf_err *err)
{
	const char *name = !strncasecmp(value, "CAP_", 4) ? value + 4 : value;

	for (size_t i = 0; rf_cap_name(i); i++)
		if (!strcasecmp(name, rf_cap_name(i))) {
			x->caps |= 1ULL << i;
			return 0;
		}
	return rf_err_set(err, EINVAL, "--cap: no capability '%.40s'", value);
}

static int take_gid(struct exec *x, const char *value, struct rf_err *err)
{
	int64_t id = read_id(value, value + strlen(value));

	if (id < 0 || x->nr_gids == MORE_MAX)
		return rf_err_set(err, EINVAL, "--additional-gids: '%.40s' is no group's number", value);
	x->gids[x->nr_gids++] = (uint32_t)id;
	return 0;
}

static int take_env(struct exec *x, const char *value, struct rf_err *err)
{
	if (!strchr(value, '=') || *value == '=' || x->nr_env == MORE_MAX)
		return rf_err_set(err, EINVAL, "--env: '%.40s' is no NAME=VALUE", value);
	x->env[x->nr_env++] = value;
	return 0;
}

static int take_label(const char **to, const struct rf_opt *opt, const char *value,
		      struct rf_err *err)
{
	const char *wrong = rf_oci_label_wrong(value);

	*to = *value ? value : NULL;
	return wrong ? rf_err_set(err, EINVAL, "--%s: %s", opt->name, wrong) : 0;
}

static int take_below(struct exec *x, const char *value, struct rf_err *err)
{
	if (x->nr_below == MORE_MAX)
		return rf_err_set(err, EINVAL, "--cgroup: more than %d", MORE_MAX);
	if (*value)
		x->below[x->nr_below++] = value;
	return 0;
}

static int take(void *state, const struct rf_opt *opt, const char *value, struct rf_err *err)
{
	struct exec *x = state;

	switch (opt->id) {
	case OPT_PROCESS:
		x->process = value;
		return 0;
	case OPT_CONSOLE:
		x->io.console_socket = value;
		return 0;
	case OPT_PID_FILE:
		x->io.pid_file = value;
		return 0;
	case OPT_PIDFD:
		x->io.pidfd_socket = value;
		return 0;
	case OPT_DETACH:
		x->detach = true;
		return 0;
	case OPT_TTY:
		x->tty = true;
		return 0;
	case OPT_NNP:
		x->nnp = true;
		return 0;
	case OPT_IGNORE_PAUSED:
		x->ignore_paused = true;
		return 0;
	case OPT_CWD:
		x->cwd = value;
		return *value == '/' ? 0 : rf_err_set(err, EINVAL, "--cwd: '%.100s' is no absolute path",
						      value);
	case OPT_ENV:
		return take_env(x, value, err);
	case OPT_USER:
		return take_user(x, value, err);
	case OPT_GIDS:
		return take_gid(x, value, err);
	case OPT_CAP:
		return take_cap(x, value, err);
	case OPT_FDS:
		x->io.preserve = options_number(value, 0, 1000);
		return x->io.preserve < 0 ? rf_err_set(err, EINVAL, "--preserve-fds: '%s' is no number "
						       "from 0 to 1000", value) : 0;
	case OPT_APPARMOR:
		return take_label(&x->apparmor, opt, value, err);
	case OPT_LABEL:
		return take_label(&x->label, opt, value, err);
	case OPT_CGROUP:
		return take_below(x, value, err);
	default:
		return 0;
	}
}

/* ---------------------------------------------------------------------- the model */

static int add_env(struct exec *x, struct rf_err *err)
{
	struct rf_sandbox *sb = x->e.sb;
	size_t nr = 0;
	char **envp;

	for (; sb->envp && sb->envp[nr]; nr++)
		;
	envp = rf_sandbox_alloc(sb, (nr + x->nr_env + 1) * sizeof(*envp));
	if (!envp)
		return rf_err_set(err, ENOMEM, "--env");
	if (nr)
		memcpy(envp, sb->envp, nr * sizeof(*envp));
	for (size_t i = 0; i < x->nr_env; i++) {
		const char *var = x->env[i];
		size_t at = 0, len = strcspn(var, "=") + 1;

		while (at < nr && strncmp(envp[at], var, len) != 0)
			at++;
		envp[at] = (char *)(uintptr_t)var;
		nr += at == nr;
		if (!strncmp(var, "PATH=", 5))
			sb->path = var + 5;
	}
	sb->envp = envp;
	return 0;
}

static int add_gids(struct exec *x, struct rf_err *err)
{
	struct rf_user *u = &x->e.sb->user;
	uint32_t *gids = rf_sandbox_alloc(x->e.sb, (u->nr_add_gids + x->nr_gids + 1) * sizeof(*gids));

	if (!gids)
		return rf_err_set(err, ENOMEM, "--additional-gids");
	if (u->nr_add_gids)
		memcpy(gids, u->add_gids, u->nr_add_gids * sizeof(*gids));
	memcpy(gids + u->nr_add_gids, x->gids, x->nr_gids * sizeof(*gids));
	u->add_gids = gids;
	u->nr_add_gids += x->nr_gids;
	return 0;
}

/* The container's own process, but for what options say. */
static int change_process(struct exec *x, char **argv, struct rf_err *err)
{
	struct rf_sandbox *sb = x->e.sb;
	struct rf_cap_sets *caps = &sb->oci.caps;

	sb->argv = argv;
	for (sb->nr_argv = 0; argv[sb->nr_argv]; sb->nr_argv++)
		;
	if (!sb->nr_argv)
		return rf_err_set(err, EINVAL, "exec: no command");
	sb->command_place = (struct rf_place){ NULL, 0, 0 };
	if (x->uid >= 0)
		sb->user.uid = x->uid;
	if (x->gid >= 0)
		sb->user.gid = x->gid;
	if (x->cwd) {
		sb->cwd = x->cwd;
		sb->cwd_place = (struct rf_place){ NULL, 0, 0 };
	}
	sb->no_new_privs |= x->nnp;
	x->c.terminal = x->tty;
	caps->bounding |= x->caps;
	caps->permitted |= x->caps;
	caps->effective |= x->caps;
	sb->capabilities |= x->caps;
	return add_env(x, err) < 0 || add_gids(x, err) < 0 ? -ENOMEM : 0;
}

/*
 * What a file leaves open is as the container's own process has it where that confines,
 * or is a matter of the machine; the rest of it says all.  As with runc.
 */
static void take_over(struct rf_oci_sandbox *to, const struct rf_oci_sandbox *from)
{
	if (!to->apparmor.text)
		to->apparmor = from->apparmor;
	if (!to->selinux.text)
		to->selinux = from->selinux;
	if (!to->has_sched) {
		to->has_sched = from->has_sched;
		to->sched = from->sched;
		to->sched_place = from->sched_place;
	}
	if (!to->has_ioprio) {
		to->has_ioprio = from->has_ioprio;
		to->io_class = from->io_class;
		to->io_level = from->io_level;
		to->ioprio_place = from->ioprio_place;
	}
	if (!to->has_initial && !to->has_final) {
		to->has_initial = from->has_initial;
		to->has_final = from->has_final;
		memcpy(to->initial, from->initial, sizeof(to->initial));
		memcpy(to->final, from->final, sizeof(to->final));
		to->initial_place = from->initial_place;
		to->final_place = from->final_place;
	}
	/* this is no process's */
	to->has_memory_policy = from->has_memory_policy;
	to->memory_mode = from->memory_mode;
	to->memory_flags = from->memory_flags;
	memcpy(to->memory_nodes, from->memory_nodes, sizeof(to->memory_nodes));
	to->memory_place = from->memory_place;
}

/* The file says the rest. */
static int load_process(struct exec *x, struct rf_err *err)
{
	struct rf_oci_config c;
	struct rf_sandbox *sb = rf_sandbox_new();
	int r;

	if (!sb)
		return rf_err_set(err, ENOMEM, "--process");
	r = rf_oci_load_process(x->process, sb, &c, err);
	if (r < 0) {
		rf_sandbox_free(sb);
		return r;
	}
	x->c.terminal = c.terminal || x->tty;
	x->c.rows = c.rows;
	x->c.cols = c.cols;
	take_over(&sb->oci, &x->e.sb->oci);
	/* its arena has the filter's text: both stay to the end of the program */
	x->e.sb = sb;
	return 0;
}

static int load(struct exec *x, char **argv, struct rf_err *err)
{
	struct rf_sandbox *sb;
	int r = oci_process_load(&x->e, &x->k, &x->c, err);

	if (r == 0)
		r = x->process ? load_process(x, err) : change_process(x, argv, err);
	if (r < 0)
		return r;
	sb = x->e.sb;
	sb->network = RF_NET_NONE;
	if (x->apparmor)
		sb->oci.apparmor = (struct rf_label){ x->apparmor, { "--apparmor", 0, 0 } };
	if (x->label)
		sb->oci.selinux = (struct rf_label){ x->label, { "--process-label", 0, 0 } };
	r = oci_process_confine(&x->e, &x->k, &x->c, err);
	x->io.attached = !x->detach;
	if (r == 0)
		r = oci_io_check(&x->io, sb, x->c.terminal, err);
	if (r == 0)
		r = oci_io_pass(&x->io, sb, err);
	rf_oci_resolve_terminal(sb, &x->c);
	return r;
}

static int check_status(const struct exec *x, struct rf_err *err)
{
	enum oci_status status = oci_state_status(&x->k);

	/* in one that waits at its gate all but its command is there: as with runc and crun */
	if (status == OCI_RUNNING || status == OCI_CREATED ||
	    (status == OCI_PAUSED && x->ignore_paused))
		return 0;
	if (status == OCI_STOPPED)
		return rf_err_set(err, EINVAL, "cannot exec in a stopped container");
	return rf_err_set(err, EINVAL, "cannot exec in a container that is %s",
			  oci_status_names[status]);
}

#define STATUS_FAILED 255	/* as with runc: the command's own may be any other */

static int exec_main(int argc, char **argv)
{
	static struct exec x = { .io = OCI_IO_INIT, .uid = -1, .gid = -1, .k = OCI_CONTAINER_INIT };
	struct rf_err err = RF_ERR_INIT;
	char *words[1];
	int first = 1, r = oci_options(&oci_cmd_exec, argc, argv, take, &x, words, 1, &err);

	if (r == 0)
		r = rf_err_set(&err, EINVAL, "exec: no container ID");
	while (r > 0 && argv[first] != words[0])
		first++;
	if (r > 0)
		r = oci_state_open(&x.k, words[0], &err);
	if (r == 0)
		r = check_status(&x, &err);
	if (r == 0) {
		x.e.failed_op = "config";
		r = load(&x, argv + first + 1, &err);
	}
	if (r == 0)
		r = oci_io_connect(&x.io, &err);
	x.e.io = &x.io;
	x.e.home = true;
	x.e.below = x.below;
	x.e.nr_below = x.nr_below;
	if (r == 0)
		r = oci_enter(&x.e, &x.k, &err);
	/* from here on others may work with the container */
	oci_state_close(&x.k);
	if (r == 0)
		r = oci_io_tell(&x.io, x.e.pid, &err);
	if (r < 0) {
		(void)oci_fail_op(&err, x.e.failed_op);
		return STATUS_FAILED;
	}
	if (x.detach)
		return 0;
	r = oci_wait(x.e.pid, -1, &x.io, NULL);
	return r < 0 ? STATUS_FAILED : r;
}

const struct command oci_cmd_exec = {
	.name = "exec", .args = "[option...] <container-id> <command> [argument...]",
	.opts = exec_opts, .flags = COMMAND_RUNS, .main = exec_main,
	.help = "run one more command in a running container",
};
