/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hooks.  Those of the runtime's namespaces are children of this program; those of the
 * container's enter it like `exec` does.  Each gets the state on its standard input, and
 * has its time.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "oci_enter.h"
#include "report.h"

/* The state in a file without a name, from its beginning. */
static int state_file(const struct oci_container *k, enum oci_status status)
{
	char *text = oci_state_json(k, status);
	int fd = text ? memfd_create("state", MFD_CLOEXEC) : -1;

	if (fd >= 0 && (write_all(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)) {
		(void)close(fd);
		fd = -1;
	}
	free(text);
	return fd;
}

/* ---------------------------------------------------------- in the runtime's place */

_Noreturn static void become(const struct oci_container *k, const struct rf_oci_hook *hook,
			     int state)
{
	char *own[] = { (char *)(uintptr_t)hook->path, NULL }, *empty[] = { NULL };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)setsid();
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	if (dup2(state, 0) == 0 && null >= 0 && dup2(null, 1) == 1 &&
	    (!k->bundle || chdir(k->bundle) == 0 || chdir("/") == 0)) {
		(void)syscall(SYS_close_range, 3, ~0U, 0);
		(void)execve(hook->path, hook->args && hook->args[0] ? hook->args : own,
			     hook->env ? hook->env : empty);
	}
	_exit(errno == ENOENT ? 127 : 126);
}

/* Its status as a shell has it, or -ETIMEDOUT and it has been killed, with its session. */
static int run_outside(const struct oci_container *k, const struct rf_oci_hook *hook, int state)
{
	struct pollfd p = { .events = POLLIN };
	pid_t pid = fork();
	int status, n = 1;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(k, hook, state);
	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p.fd >= 0)
		n = poll(&p, 1, hook->timeout_ms);
	if (n == 0) {
		(void)kill(-pid, SIGKILL);
		(void)kill(pid, SIGKILL);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (p.fd >= 0)
		(void)close(p.fd);
	if (n == 0)
		return -ETIMEDOUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ------------------------------------------------------------ in the container's place */

/* What it runs; nothing of the caller's but where it complains. */
static int command(struct oci_entry *e, const struct rf_oci_hook *hook, int state, int null,
		   struct rf_err *err)
{
	struct rf_sandbox *sb = e->sb;

	sb->argv = hook->args && hook->args[0] ? hook->args : rf_sandbox_alloc(sb, 2 * sizeof(char *));
	sb->fds = rf_sandbox_alloc(sb, 2 * sizeof(*sb->fds));
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
	sb->fds[0] = (struct rf_fd_spec){ .number = 0, .from = state, .kind = RF_FD_INHERIT };
	sb->fds[1] = (struct rf_fd_spec){ .number = 1, .from = null, .kind = RF_FD_INHERIT };
	sb->nr_fds = 2;
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

	return r == 0 ? oci_process_confine(e, k, c, err) : r;
}

static int run_inside(const struct oci_container *k, const struct rf_oci_hook *hook, int state,
		      struct rf_err *err)
{
	struct oci_entry e = { .sb = NULL };
	struct rf_oci_config c;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), r;

	if (null < 0)
		return rf_err_set(err, errno, "/dev/null");
	r = hook->stage == RF_OCI_START_CONTAINER ? as_process(&e, k, &c, err) : as_root(&e, &c, err);
	if (r == 0)
		r = command(&e, hook, state, null, err);
	if (r == 0)
		r = oci_enter(&e, k, err);
	(void)close(null);
	return r < 0 ? r : oci_wait(e.pid, hook->timeout_ms, NULL);
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
static void tell(const struct rf_oci_hook *hook, int r, const struct rf_err *own,
		 const struct rf_place *place, struct rf_err *err)
{
	if (own->code)
		rf_err_at(err, place, own->code, "%s, %s: %.300s", hook->where, hook->path, own->msg);
	else if (r == -ETIMEDOUT)
		rf_err_at(err, place, EINVAL, "%s, %s: not over after %d s", hook->where, hook->path,
			  hook->timeout_ms / 1000);
	else if (r < 0)
		rf_err_at(err, place, -r, "%s, %s", hook->where, hook->path);
	else if (r == 127 || r == 126)
		rf_err_at(err, place, r == 127 ? ENOENT : EACCES, "%s, %s", hook->where, hook->path);
	else
		rf_err_at(err, place, EINVAL, "%s, %s: it ended with status %d", hook->where, hook->path, r);
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
		const struct rf_err *own, struct rf_err *err)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err ignored = RF_ERR_INIT;
	const struct rf_place *place = NULL;
	struct rf_oci_config c;

	if (sb && k->bundle && rf_oci_load(k->bundle, k->config, sb, &c, &ignored) == 0)
		for (size_t i = 0; i < c.nr_hooks; i++)
			if (!strcmp(c.hooks[i].path, hook->path) &&
			    !strcmp(c.hooks[i].where + strlen("hooks."), hook->where))
				place = &c.hooks[i].place;
	tell(hook, r, own, place, err);
	rf_sandbox_free(sb);
	return -err->code;
}

static int run_one(const struct oci_container *k, const struct rf_oci_hook *hook,
		   enum oci_status status, struct rf_err *err)
{
	struct rf_err own = RF_ERR_INIT;
	int state = state_file(k, status), r;

	if (state < 0)
		return rf_err_set(err, ENOMEM, "the state for a hook");
	r = is_inside(hook->stage) ? run_inside(k, hook, state, &own) : run_outside(k, hook, state);
	(void)close(state);
	return r == 0 ? 0 : fail(k, hook, r, &own, err);
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
