/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said of a failure, on hosts that are a directory with a few files. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compile_case.h"
#include "error.h"
#include "hint.h"

static const struct rf_features user = {
	.kernel = RF_KERNEL(6, 18), .uid = 1000, .gid = 1000, .last_cap = 40, .nofile = 64,
};

/* A file of the host at @path, with its directories. */
static void host_file(const char *path, const char *text, mode_t mode)
{
	char file[4096];

	harness_file(path, text);
	snprintf(file, sizeof(file), "%s%s", harness_dir(), path);
	EXPECT_INT(0, chmod(file, mode));
}

/* The hint when the op whose line begins with @line fails with @error. */
static struct rf_err hint_of(const char *spec, const char *line, int error)
{
	struct sandbox_case s = sandbox_of(spec, &user);
	struct compiled c = compile_case(&s, &user);
	struct rf_err err = RF_ERR_INIT;
	struct rf_failed x = { .sb = s.sb, .f = &user, .error = error, .host = harness_dir() };
	int i;

	if (c.r < 0)
		fail_msg("%s: %s", spec, c.err.msg);
	i = find_line(&c, line, 0);
	if (i < 0)
		fail_msg("no %s in\n%s", line, c.text);
	x.chain = c.chain;
	x.op = &c.chain->ops[i];
	rf_err_set(&err, error, "%s", line);
	(void)rf_hint(&x, &err);
	compiled_free(&c);
	sandbox_case_free(&s);
	return err;
}

static void expect_hint(const char *spec, const char *line, int error, const char *part)
{
	struct rf_err err = hint_of(spec, line, error);

	if (!strstr(err.hint, part))
		fail_msg("%s, %s: hint is '%s', without '%s'", line, strerror(error), err.hint, part);
}

#define BARE "root: host\n"

/* One file of the host tells what is behind a refusal. */
static const struct {
	const char	*path, *text;
	const char	*spec, *line;
	int		 error;
	const char	*hint;
} files[] = {
	{ "/proc/sys/kernel/unprivileged_userns_clone", "0\n", BARE, "clone as=context", EPERM,
	  "kernel.unprivileged_userns_clone=0" },
	{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n", BARE, "clone as=context",
	  EPERM, "AppArmor profile" },
	{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n", BARE, "idmap", EACCES,
	  "AppArmor profile" },
	{ "/proc/sys/user/max_user_namespaces", "0\n", BARE, "clone as=context", ENOSPC,
	  "user.max_user_namespaces=0" },
	{ "/proc/sys/user/max_net_namespaces", "0\n", BARE, "clone as=init", ENOSPC,
	  "user.max_net_namespaces=0" },
	{ "/proc/sys/user/max_net_namespaces", "0\n", BARE, "setns", ENOSPC,
	  "user.max_net_namespaces=0" },
	{ "/proc/sys/user/max_user_namespaces", "100\n", BARE, "clone as=context", ENOSPC,
	  "a limit on namespaces is reached" },
	{ "/proc/self/mountinfo", "1 2 0:5 / /proc rw - proc proc rw\n3 1 0:6 / /proc/kcore rw - tmpfs t rw\n",
	  BARE "mounts: [{proc: /proc}]\n", "mkfs \"proc\"", EPERM, "/proc/kcore is mounted over" },
	{ "/proc/self/status", "Name:\tx\nSeccomp:\t2\n", BARE, "mount_setattr \"/\"", EPERM,
	  "seccomp filter" },
	{ "/proc/self/status", "Name:\tx\nSeccomp:\t0\n", BARE, "clone as=context", EPERM, "chroot" },
	{ "/opt/x", "", BARE "mounts: [{ro: /opt/y/z, at: /mnt}]\n", "open_tree dir=%1 \"opt", ENOENT,
	  "the host has no /opt/y; `optional: true`" },
	{ "/x", "", BARE "mounts: [{ro: /usr, at: /mnt/usr}]\n", "open dir=%1 \"mnt/usr\"", ENOENT,
	  "read-only" },
	{ "/x", "", BARE "mounts: [{rw: /w}, {ro: /usr, at: /w/usr}]\n", "open dir=%1 \"w/usr\"", ENOENT,
	  "`create: true`" },
	{ "/x", "", BARE "mounts: [{dir: /new}]\n", "mkdir dir=%1 \"new\"", EROFS, "read-only" },
	{ "/x", "", BARE "cwd: /nowhere\n", "chdir \"/nowhere\"", ENOENT, "neither the host nor" },
	{ "/home/me/x", "", BARE "cwd: /home/me\n", "chdir \"/home/me\"", ENOENT,
	  "the host has /home/me, but" },
	{ "/x", "", BARE, "clone as=payload", EAGAIN, "processes" },
	{ "/x", "", BARE, "open \"/\"", EMFILE, "RLIMIT_NOFILE is 64" },
	{ "/x", "", BARE "limits: {nofile: 16}\n", "rlimit", EPERM, "hard limit" },
	{ "/x", "", BARE "mounts: [{overlay: /o, lower: [/a], upper: tmpfs}]\n", "mkfs \"overlay\"",
	  ENODEV, "this kernel has no overlay" },
};

TEST(the_system_shows_what_is_behind_a_failure)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char file[4096];

		host_file(files[i].path, files[i].text, 0644);
		expect_hint(files[i].spec, files[i].line, files[i].error, files[i].hint);
		snprintf(file, sizeof(file), "%s%s", harness_dir(), files[i].path);
		EXPECT_INT(0, unlink(file));
	}
}

TEST(what_nothing_explains_gets_no_hint)
{
	struct rf_err err = hint_of(BARE, "close_range", EIO);

	EXPECT_STR("", err.hint);
}

TEST(a_source_that_is_opened_is_no_destination)
{
	expect_hint(BARE "mounts: [{dev: /d}]\n", "open dir=%1 \"dev\"", ENOENT,
		    "the host has no /dev");
	expect_hint(BARE "mounts: [{overlay: /o, lower: [/none/x]}]\n", "open dir=%1 \"none/x\"",
		    ENOENT, "the host has no /none");
	expect_hint(BARE "mounts: [{overlay: /o, lower: [/tmp/x], upper: /tmp/u, work: /tmp/w}]\n",
		    "open dir=%2 \"u\"", ENOENT, "the host has no /tmp");
	expect_hint(BARE "mounts: [{dev: /d}]\n", "open dir=%1 \"d\"", ENOENT,
		    "/d would have to be made");
}

/* ------------------------------------------------------------------- the command */

TEST(a_script_without_its_interpreter_names_it)
{
	host_file("/usr/bin/tool", "#! /no/such/interp -x\n", 0755);
	expect_hint(BARE "command: [/usr/bin/tool]\n", "exec", ENOENT, "interpreter /no/such/interp");
}

TEST(a_script_found_in_path_is_looked_at_too)
{
	host_file("/usr/bin/tool", "#!/no/such/interp\n", 0755);
	expect_hint(BARE "command: [tool]\n", "exec", ENOENT, "/usr/bin/tool exists; its interpreter");
}

TEST(an_interpreter_that_only_the_host_has_is_missing_inside)
{
	host_file("/usr/bin/tool", "#!/opt/interp\n", 0755);
	host_file("/opt/interp", "", 0755);
	expect_hint("root: empty\nmounts: [{ro: /usr}]\ncommand: [/usr/bin/tool]\n", "exec", ENOENT,
		    "interpreter /opt/interp");
}

TEST(a_command_is_found_through_links_of_the_spec)
{
	host_file("/usr/bin/tool", "no program", 0644);
	expect_hint("root: empty\nmounts: [{ro: /usr}, {symlink: usr/bin, at: /bin}]\n"
		    "command: [/bin/tool]\n", "exec", EACCES, "chmod +x");
}

TEST(what_is_neither_program_nor_script_is_said)
{
	host_file("/usr/bin/tool", "echo\n", 0755);
	expect_hint(BARE "command: [/usr/bin/tool]\n", "exec", ENOEXEC, "`#!` line");
}

TEST(a_command_that_only_the_host_has_is_said)
{
	host_file("/usr/bin/tool", "", 0755);
	expect_hint("root: empty\ncommand: [tool]\n", "exec", ENOENT,
		    "the host has /usr/bin/tool, but the sandbox does not");
}

TEST(a_noexec_mount_is_named)
{
	expect_hint(BARE "mounts: [{ro: /opt, noexec: true}]\ncommand: [/opt/tool]\n", "exec", EACCES,
		    "/opt is mounted noexec");
}

TEST(two_destinations_that_are_one_place_are_both_named)
{
	char link[4096];

	host_file("/usr/lib/x", "", 0644);
	snprintf(link, sizeof(link), "%s/lib", harness_dir());
	EXPECT_INT(0, symlink("usr/lib", link));
	expect_hint(BARE "mounts:\n- {tmpfs: /lib}\n- {tmpfs: /usr/lib}\n", "verify root=%1 \"lib\"",
		    EBUSY, "/lib is the same place as /usr/lib of line 4");
}

TEST(a_refused_io_uring_says_how_to_do_without)
{
	struct rf_err err = RF_ERR_INIT;

	host_file("/proc/sys/kernel/io_uring_disabled", "2\n", 0644);
	EXPECT_TRUE(rf_hint_ring(EPERM, harness_dir(), &err));
	assert_non_null(strstr(err.hint, "kernel.io_uring_disabled=2"));
	assert_non_null(strstr(err.hint, "--engine plain"));
}
