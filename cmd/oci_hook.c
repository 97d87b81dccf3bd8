/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hooks.  Those of the runtime's namespaces are children of this program; those of the
 * container's enter it like `exec` does.  Each gets the state on its standard input, and
 * has its time.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "oci_enter.h"
#include "report.h"

/* The state in a file without a name, from its beginning; @pid is what the hook calls the process. */
static int state_file(const struct oci_container *k, pid_t pid, enum oci_status status)
{
	struct oci_container seen = *k;
	char *text;
	int fd;

	seen.pid = pid;
	text = oci_state_json(&seen, status);
	fd = text ? memfd_create("state", MFD_CLOEXEC) : -1;
	if (fd >= 0 && (write_all(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)) {
		(void)close(fd);
		fd = -1;
	}
	free(text);
	return fd;
}

/* What a hook has as its standard descriptors: nothing of the caller's. */
struct ends {
	int		 state, null, errors;
};

/* ---------------------------------------------------------- in the runtime's place */

/* @why takes the error, and goes with the exec. */
_Noreturn static void become(const struct oci_container *k, const struct rf_oci_hook *hook,
			     const struct ends *ends, int why)
{
	char *own[] = { (char *)(uintptr_t)hook->path, NULL }, *empty[] = { NULL };
	int error;

	(void)setsid();
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	if (dup2(ends->state, 0) == 0 && dup2(ends->null, 1) == 1 && dup2(ends->errors, 2) == 2 &&
	    (!k->bundle || chdir(k->bundle) == 0 || chdir("/") == 0)) {
		(void)syscall(SYS_close_range, 3, (unsigned int)why - 1, 0);
		(void)syscall(SYS_close_range, (unsigned int)why + 1, ~0U, 0);
		(void)execve(hook->path, hook->args && hook->args[0] ? hook->args : own,
			     hook->env ? hook->env : empty);
	}
	error = errno;
	(void)!write(why, &error, sizeof(error));
	_exit(127);
}

static int start_outside(const struct oci_container *k, const struct rf_oci_hook *hook,
			 const struct ends *ends, pid_t *ret_pid)
{
	int why[2], error;

	if (pipe2(why, O_CLOEXEC) < 0)
		return -errno;
	*ret_pid = fork();
	if (*ret_pid == 0)
		become(k, hook, ends, why[1]);
	error = *ret_pid < 0 ? errno : 0;
	(void)close(why[1]);
	if (!error && read(why[0], &error, sizeof(error)) == sizeof(error))
		(void)waitpid(*ret_pid, NULL, 0);
	(void)close(why[0]);
	return -error;
}

/* ------------------------------------------------------------ in the container's place */

/* What it runs. */
static int command(struct oci_entry *e, const struct rf_oci_hook *hook, const struct ends *ends,
		   struct rf_err *err)
{
	const int from[] = { ends->state, ends->null, ends->errors };
	struct rf_sandbox *sb = e->sb;

	sb->argv = hook->args && hook->args[0] ? hook->args : rf_sandbox_alloc(sb, 2 * sizeof(char *));
	sb->fds = rf_sandbox_alloc(sb, sizeof(from) / sizeof(*from) * sizeof(*sb->fds));
	if (!sb->argv || !sb->fds)
		return rf_err_set(err, ENOMEM, "a hook");
	sb->argv0 = sb->argv[0] ? sb->argv[0] : hook->path;
	sb->argv[0] = (char *)(uintptr_t)hook->path;
	for (sb->nr_argv = 0; sb->argv[sb->nr_argv]; sb->nr_argv++)
		;
	sb->envp = hook->env;
	sb->cwd = "/";
	sb->terminal = RF_TERM_NONE;
	sb->network = RF_NET_NONE;
	for (int i = 0; i < 3; i++)
		sb->fds[i] = (struct rf_fd_spec){ .number = i, .from = from[i], .kind = RF_FD_INHERIT };
	sb->nr_fds = 3;
	return 0;
}

/*
 * Before the root is the container's: a program of the host's, as root there, with every
 * capability that its maker has.
 */
static int as_root(struct oci_entry *e, struct rf_oci_config *c, struct rf_err *err)
{
	struct rf_sandbox *sb = e->sb = rf_sandbox_new();
	struct rf_cap_sets *caps;
	int r;

	if (!sb)
		return rf_err_set(err, ENOMEM, "a hook");
	/* the defaults of a container */
	r = rf_oci_parse_hooks("hooks", "{}", sb, c, err);
	if (r == 0)
		r = rf_probe(&e->f, err);
	if (r < 0)
		return r;
	caps = &sb->oci.caps;
	sb->oci.keep_keyring = true;
	sb->oci.has_caps = true;
	caps->bounding = ~0ULL;
	caps->permitted = caps->effective = sb->capabilities =
		e->f.host_root ? e->f.caps : (2ULL << e->f.last_cap) - 1;
	return 0;
}

/* After: the program is one of the container's, and gets what its process has; as with runc. */
static int as_process(struct oci_entry *e, const struct oci_container *k, struct rf_oci_config *c,
		      struct rf_err *err)
{
	int r = oci_process_load(e, k, c, err);

	if (r == 0)	/* these are for `exec` alone */
		e->sb->oci.has_initial = e->sb->oci.has_final = false;
	return r;
}

static int start_inside(const struct oci_container *k, const struct rf_oci_hook *hook,
			const struct ends *ends, pid_t *ret_pid, struct rf_err *err)
{
	const bool of_container = hook->stage == RF_OCI_START_CONTAINER;
	struct oci_entry e = { .sb = NULL };
	struct rf_oci_config c;
	int r;

	r = of_container ? as_process(&e, k, &c, err) : as_root(&e, &c, err);
	if (r == 0)
		r = command(&e, hook, ends, err);
	if (r == 0 && of_container)
		r = oci_process_confine(&e, k, &c, err);
	if (r == 0)
		r = oci_enter(&e, k, err);
	*ret_pid = e.pid;
	return r;
}

/* ------------------------------------------------------------------------ together */

static bool is_inside(enum rf_oci_stage stage)
{
	return stage == RF_OCI_CREATE_CONTAINER || stage == RF_OCI_START_CONTAINER;
}

/* The container is there, or was: a hook that fails changes nothing about that. */
static bool is_too_late(enum rf_oci_stage stage)
{
	return stage == RF_OCI_POSTSTART || stage == RF_OCI_POSTSTOP;
}

/* Why it failed; @r: its status, or a negative errno. */
static void tell(const struct rf_oci_hook *hook, int r, const struct rf_err *own, const char *said,
		 const struct rf_place *place, struct rf_err *err)
{
	const char *colon = *said ? ": " : "";

	if (own->code)
		rf_err_at(err, place, own->code, "%s, %s: %.300s", hook->where, hook->path, own->msg);
	else if (r == -ETIMEDOUT)
		rf_err_at(err, place, EINVAL, "%s, %s: not over after %d s%s%s", hook->where, hook->path,
			  hook->timeout_ms / 1000, colon, said);
	else if (r < 0)
		rf_err_at(err, place, -r, "%s, %s", hook->where, hook->path);
	else
		rf_err_at(err, place, EINVAL, "%s, %s: it ended with status %d%s%s", hook->where,
			  hook->path, r, colon, said);
	if (own->hint[0])
		rf_err_hint(err, "%s", own->hint);
	else if (is_inside(hook->stage) && err->code == ENOENT)
		rf_err_hint(err, "hooks of this stage are looked up in the container's mount namespace");
}

/*
 * The state keeps hooks without their places.  Its config.json still has them, as a rule,
 * if it is still there.
 */
static int fail(const struct oci_container *k, const struct rf_oci_hook *hook, int r,
		const struct rf_err *own, const char *said, struct rf_err *err)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err ignored = RF_ERR_INIT;
	const struct rf_place *place = NULL;
	struct rf_oci_config c;

	if (sb && k->bundle && oci_config_load(k, sb, &c, &ignored) == 0)
		for (size_t i = 0; i < c.nr_hooks; i++)
			if (!strcmp(c.hooks[i].path, hook->path) &&
			    !strcmp(c.hooks[i].where + strlen("hooks."), hook->where))
				place = &c.hooks[i].place;
	tell(hook, r, own, said, place, err);
	rf_sandbox_free(sb);
	return -err->code;
}

static int open_ends(const struct oci_container *k, const struct rf_oci_hook *hook,
		     enum oci_status status, struct ends *ends, struct oci_said *said)
{
	int errors[2];

	*said = (struct oci_said){ .fd = -1 };
	ends->state = state_file(k, is_inside(hook->stage) ? oci_state_pid_inside(k) : k->pid, status);
	ends->null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	ends->errors = -1;
	if (ends->state < 0 || ends->null < 0 || pipe2(errors, O_CLOEXEC) < 0)
		return -errno;
	ends->errors = errors[1];
	said->fd = errors[0];
	/* a hook with another user opens it too, as /dev/stderr */
	return fchmod(ends->errors, 0622) < 0 ? -errno : 0;
}

static void close_ends(const struct ends *ends)
{
	const int fds[] = { ends->state, ends->null, ends->errors };

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

static int run_one(const struct oci_container *k, const struct rf_oci_hook *hook,
		   enum oci_status status, struct rf_err *err)
{
	struct rf_err own = RF_ERR_INIT;
	struct oci_said said;
	struct ends ends;
	pid_t pid = -1;
	int r = open_ends(k, hook, status, &ends, &said);

	if (r < 0)
		rf_err_set(&own, -r, "its standard descriptors");
	else if (is_inside(hook->stage))
		r = start_inside(k, hook, &ends, &pid, &own);
	else
		r = start_outside(k, hook, &ends, &pid);
	close_ends(&ends);
	if (r == 0)
		r = oci_wait(pid, hook->timeout_ms, NULL, &said);
	if (said.fd >= 0)
		(void)close(said.fd);
	return r == 0 ? 0 : fail(k, hook, r, &own, oci_said_line(&said), err);
}

int oci_hooks_run(const struct oci_container *k, enum rf_oci_stage stage, enum oci_status status,
		  struct rf_err *err)
{
	struct rf_sandbox *sb;
	struct rf_oci_config c;
	int r;

	if (!k->hooks)
		return 0;
	sb = rf_sandbox_new();
	r = sb ? rf_oci_parse_hooks("hooks", k->hooks, sb, &c, err) : rf_err_set(err, ENOMEM, "hooks");
	for (size_t i = 0; r == 0 && i < c.nr_hooks; i++) {
		struct rf_err late = RF_ERR_INIT;

		if (c.hooks[i].stage != stage)
			continue;
		if (is_too_late(stage)) {
			if (run_one(k, &c.hooks[i], status, &late) < 0)
				(void)oci_fail_op(&late, "hook");
		} else {
			r = run_one(k, &c.hooks[i], status, err);
		}
	}
	rf_sandbox_free(sb);
	return r;
}
