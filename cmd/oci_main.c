/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program ringfence-oci: global options, and a table of commands.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "error.h"
#include "oci_runtime.h"
#include "options.h"
#include "report.h"
#include "spec.h"

struct oci oci;

static int unsupported_main(int argc, char **argv)
{
	(void)argc;
	return oci_usage("%s is not supported: ringfence-oci does not checkpoint", argv[0]);
}

static const struct rf_opt no_opts[] = { { .name = NULL } };

const struct command oci_cmd_checkpoint = {
	.name = "checkpoint", .args = "", .opts = no_opts, .main = unsupported_main,
	.help = "not supported",
};
const struct command oci_cmd_restore = {
	.name = "restore", .args = "", .opts = no_opts, .main = unsupported_main,
	.help = "not supported",
};

const struct command *const oci_commands[] = {
	&oci_cmd_create, &oci_cmd_start, &oci_cmd_run, &oci_cmd_state, &oci_cmd_exec, &oci_cmd_update, &oci_cmd_kill, &oci_cmd_delete,
	&oci_cmd_pause, &oci_cmd_resume, &oci_cmd_list, &oci_cmd_ps, &oci_cmd_events, &oci_cmd_spec, &oci_cmd_features,
	&oci_cmd_explain,
	&oci_cmd_checkpoint, &oci_cmd_restore, NULL
};

/* ---------------------------------------------------------------- a command's words */

struct words {
	int	(*take)(void *state, const struct rf_opt *opt, const char *value, struct rf_err *err);
	void	 *state;
};

static int take_own(void *state, const struct rf_opt *opt, int is_spec, const char *value,
		    struct rf_err *err)
{
	struct words *w = state;

	(void)is_spec;
	return w->take(w->state, opt, value, err);
}

static void no_hint(const struct command *cmd, struct rf_err *err)
{
	err->hint[0] = '\0';
	rf_err_hint(err, "`ringfence-oci %s%s--help` lists the options", cmd->name, *cmd->name ? " " : "");
}

int oci_options(const struct command *cmd, int argc, char **argv,
		int (*take)(void *state, const struct rf_opt *opt, const char *value,
			    struct rf_err *err),
		void *state, char **words, int max, struct rf_err *err)
{
	struct words w = { take, state };
	int nr = 0;

	for (;;) {
		int next = options_parse(cmd, argc, argv, take_own, &w, err);

		if (next < 0) {
			if (err->hint[0])
				no_hint(cmd, err);
			return next;
		}
		if (next >= argc)
			return nr;
		if (cmd->flags & COMMAND_RUNS || nr == max) {
			if (nr < max)
				words[nr++] = argv[next];
			if (cmd->flags & COMMAND_RUNS)
				return nr;
			return rf_err_set(err, EINVAL, "%s: '%s' is too many", cmd->name, argv[next]);
		}
		words[nr++] = argv[next];
		/* the word is the new argv[0] */
		argc -= next;
		argv += next;
	}
}

/* ---------------------------------------------------------------- global options */

enum { OPT_ROOT, OPT_LOG, OPT_LOG_FORMAT, OPT_LOG_LEVEL, OPT_SYSTEMD, OPT_MANAGER, OPT_DEBUG,
       OPT_ROOTLESS, OPT_CRIU, OPT_VERSION, OPT_HELP };

static const struct rf_opt global_opts[] = {
	{ .name = "root", .arg = "DIR", .id = OPT_ROOT, .help = "where containers are kept",
	  .complete = RF_COMPLETE_DIR },
	{ .name = "log", .arg = "FILE", .id = OPT_LOG, .help = "write errors to FILE too",
	  .complete = RF_COMPLETE_FILE },
	{ .name = "log-format", .arg = "FORMAT", .id = OPT_LOG_FORMAT, .help = "text or json" },
	{ .name = "log-level", .arg = "LEVEL", .id = OPT_LOG_LEVEL,
	  .help = "taken for the sake of callers: all there is to log are errors" },
	{ .name = "systemd-cgroup", .id = OPT_SYSTEMD, .help = "have systemd make the control groups" },
	{ .name = "cgroup-manager", .arg = "MANAGER", .id = OPT_MANAGER,
	  .help = "who makes the control groups", .complete = RF_COMPLETE_WORDS,
	  .words = "cgroupfs systemd disabled" },
	{ .name = "debug", .id = OPT_DEBUG, .help = "taken for the sake of callers" },
	{ .name = "rootless", .arg = "WORD", .id = OPT_ROOTLESS,
	  .help = "taken for the sake of callers: who may do what, the kernel says" },
	{ .name = "version", .letter = 'v', .id = OPT_VERSION, .help = "print the version" },
	{ .name = "version", .letter = 'V', .id = OPT_VERSION, .help = "the same" },
	{ .name = "criu", .arg = "PATH", .id = OPT_CRIU,
	  .help = "taken for the sake of callers: nothing is checkpointed" },
	{ .name = "help", .letter = 'h', .id = OPT_HELP, .help = "print this help" },
	{ .name = "usage", .letter = '?', .id = OPT_HELP, .help = "the same" },
	{ .name = NULL }
};

static const struct command global = {
	.name = "", .args = "[option...] <command>", .opts = global_opts, .flags = COMMAND_RUNS,
	.help = "an OCI runtime",
};

static int version(void)
{
	/* tools look for the first line's last word, and for `spec:` */
	out("ringfence-oci version %s\nspec: 1.2.0\n", PACKAGE_VERSION);
	return out_finish(0);
}

static void print_options(const struct rf_opt *o)
{
	for (; o->name; o++) {
		char left[64];

		(void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
			       o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
			       o->arg ? "=" : "", o->arg ? o->arg : "");
		out("  %-32s %s\n", left, o->help);
	}
}

static int help(void)
{
	out("usage: ringfence-oci [option...] <command> [option...] [argument...]\n\n");
	for (size_t i = 0; oci_commands[i]; i++)
		out("  %-12s %s\n", oci_commands[i]->name, oci_commands[i]->help);
	out("\n");
	print_options(global_opts);
	out("\nringfence-oci(8) has the rest\n");
	return out_finish(0);
}

static int help_of(const struct command *cmd)
{
	/* engines ask by it whether there are checkpoints */
	if (cmd->main == unsupported_main)
		return cmd->main(1, (char *[]){ (char *)(uintptr_t)cmd->name, NULL });
	out("usage: ringfence-oci [option...] %s %s\n%s\n\n", cmd->name, cmd->args, cmd->help);
	print_options(cmd->opts);
	return out_finish(0);
}

/* What ends the program at once. */
#define DONE_VERSION	(OPTIONS_STOP - 1)

static int take_systemd(struct rf_err *err)
{
	oci.systemd = true;
	oci.no_groups = false;
#ifdef RF_SYSTEMD
	(void)err;
	return 0;
#else
	return rf_err_set(err, EOPNOTSUPP, "--systemd-cgroup: this build has no driver for systemd: "
			  "configure found no libsystemd");
#endif
}

static int take_global(void *state, const struct rf_opt *opt, const char *value,
		       struct rf_err *err)
{
	(void)state;
	switch (opt->id) {
	case OPT_ROOT:
		oci.root = value;
		return 0;
	case OPT_LOG:
		oci.log_file = strcmp(value, "/dev/stderr") != 0 && *value ? value : NULL;
		return 0;
	case OPT_LOG_FORMAT:
		if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0)
			return rf_err_set(err, EINVAL, "--log-format: '%s' is none of text, json", value);
		oci.log_json = *value == 'j';
		return 0;
	case OPT_SYSTEMD:
		return take_systemd(err);
	case OPT_MANAGER:
		if (!strcmp(value, "systemd"))
			return take_systemd(err);
		oci.systemd = false;
		oci.no_groups = !strcmp(value, "disabled");
		if (oci.no_groups || !strcmp(value, "cgroupfs"))
			return 0;
		return rf_err_set(err, EINVAL, "--cgroup-manager: '%.40s' is none of cgroupfs, systemd, "
				  "disabled", value);
	case OPT_VERSION:
		return DONE_VERSION;
	case OPT_HELP:
		return OPTIONS_STOP;
	default:
		return 0;
	}
}

/* Root of a user namespace, as rootless engines are, has no place in the host's /run. */
static const char *default_root(void)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	char *path;

	if (geteuid() == 0 && access("/run", W_OK) == 0)
		return "/run/ringfence-oci";
	if (dir && *dir == '/' && asprintf(&path, "%s/ringfence-oci", dir) > 0)
		return path;
	if (asprintf(&path, "/tmp/ringfence-oci-%u", (unsigned int)geteuid()) > 0)
		return path;
	return "/run/ringfence-oci";
}

static const struct command *find(const char *name, struct rf_err *err)
{
	const char *names[24] = { NULL };
	char nearest[64];

	for (size_t i = 0; oci_commands[i]; i++) {
		if (!strcmp(oci_commands[i]->name, name))
			return oci_commands[i];
		names[i] = oci_commands[i]->name;
	}
	rf_err_set(err, EINVAL, "no command '%.40s'%s", name,
		   rf_nearest(name, names, sizeof(names[0]), nearest));
	return NULL;
}

/* @path of the option @name, absolute, for we may be elsewhere when it is needed. */
static int make_absolute(const char **path, const char *name, struct rf_err *err)
{
	char *cwd, *whole;
	int n;

	if (**path == '/')
		return 0;
	cwd = getcwd(NULL, 0);
	n = cwd ? asprintf(&whole, "%s/%s", cwd, *path) : -1;
	free(cwd);
	if (n < 0)
		return rf_err_set(err, ENOMEM, "%s %s", name, *path);
	*path = whole;
	return 0;
}

static int take_places(struct rf_err *err)
{
	int r;

	if (!oci.root || !*oci.root)
		oci.root = default_root();
	r = make_absolute(&oci.root, "--root", err);
	if (r == 0 && oci.log_file)
		r = make_absolute(&oci.log_file, "--log", err);
	return r == 0 ? oci_log_check(err) : r;
}

/* A closed descriptor 0, 1 or 2 would be a file of ours to the container. */
static int fill_standard_fds(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return -1;
	return 0;
}

static bool asks_for_help(const char *word)
{
	static const char *const words[] = { "--help", "-h", "-?", "--usage" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(words[i], word))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct rf_err err = RF_ERR_INIT;
	const struct command *cmd;
	char *words[1] = { NULL };
	int r, first;

	report_name("ringfence-oci");
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	if (getauxval(AT_SECURE) || fill_standard_fds() < 0)
		return oci_usage("set-user-ID, or without standard descriptors");
	r = oci_options(&global, argc, argv, take_global, NULL, words, 1, &err);
	if (r == DONE_VERSION)
		return version();
	if (r == OPTIONS_STOP || r == 0)
		return help();
	cmd = r > 0 ? find(words[0], &err) : NULL;
	if (!cmd || take_places(&err) < 0)
		return oci_fail(&err);
	for (first = 1; argv[first] != words[0]; first++)
		;
	if (argc > first + 1 && asks_for_help(argv[first + 1]))
		return help_of(cmd);
	return cmd->main(argc - first, argv + first);
}
