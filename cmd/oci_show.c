/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence-oci state, list and ps.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "account.h"
#include "cgroup.h"
#include "error.h"
#include "oci_runtime.h"
#include "report.h"

static const struct rf_opt no_opts[] = { { .name = NULL } };

/* ------------------------------------------------------------------------ state */

static int state_main(int argc, char **argv)
{
	struct oci_container k = OCI_CONTAINER_INIT;
	struct rf_err err = RF_ERR_INIT;
	char *words[1], *text = NULL;
	int r = oci_options(&oci_cmd_state, argc, argv, NULL, NULL, words, 1, &err);

	if (r == 0)
		return oci_usage("state: no container ID");
	if (r > 0)
		r = oci_state_peek(&k, words[0], &err);
	if (r == 0) {
		text = oci_state_json(&k, oci_state_status(&k));
		r = text ? 0 : rf_err_set(&err, ENOMEM, "the state");
	}
	oci_state_close(&k);
	if (r < 0)
		return oci_fail(&err);
	out("%s\n", text);
	free(text);
	return out_finish(0);
}

const struct command oci_cmd_state = {
	.name = "state", .args = "<container-id>", .opts = no_opts, .main = state_main,
	.help = "print the state of a container, as JSON",
};

/* ------------------------------------------------------------------------- list */

enum { OPT_FORMAT, OPT_QUIET };

struct list {
	bool	 json, quiet;
	json_t	*all;
};

static const struct rf_opt list_opts[] = {
	{ .name = "format", .letter = 'f', .arg = "FORMAT", .id = OPT_FORMAT, .help = "table or json" },
	{ .name = "quiet", .letter = 'q', .id = OPT_QUIET, .help = "IDs only" },
	{ .name = NULL }
};

static int take_list(void *state, const struct rf_opt *opt, const char *value, struct rf_err *err)
{
	struct list *l = state;

	if (opt->id == OPT_QUIET)
		l->quiet = true;
	else if (!strcmp(value, "json"))
		l->json = true;
	else if (strcmp(value, "table") != 0)
		return rf_err_set(err, EINVAL, "--format: '%s' is none of table, json", value);
	return 0;
}

static int show(void *arg, struct oci_container *k)
{
	struct list *l = arg;
	enum oci_status status = oci_state_status(k);
	char *text = oci_state_json(k, status);
	json_error_t e;
	json_t *state = text ? json_loads(text, 0, &e) : NULL;
	struct rf_account user;
	bool named = rf_account_by_id(RF_USERS, k->owner, &user);
	char number[16];

	free(text);
	(void)snprintf(number, sizeof(number), "%u", (unsigned int)k->owner);
	if (l->quiet)
		out("%s\n", k->id);
	else if (!l->json)
		out("%-11s %-11d %-11s %-25s %-30s %s\n", k->id,
		    (int)json_integer_value(json_object_get(state, "pid")),
		    oci_status_names[status], k->bundle ? k->bundle : "",
		    k->created ? k->created : "", named ? user.name : number);
	if (state && l->json) {
		(void)json_object_set_new(state, "owner", json_string(named ? user.name : number));
		(void)json_array_append(l->all, state);
	}
	json_decref(state);
	return 0;
}

int oci_each(int (*visit)(void *arg, struct oci_container *k), void *arg, struct rf_err *err)
{
	DIR *d = opendir(oci.root);
	struct dirent *e;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : rf_err_set(err, errno, "open %s", oci.root);
	while (r == 0 && (e = readdir(d))) {
		struct oci_container k = OCI_CONTAINER_INIT;
		struct rf_err own = RF_ERR_INIT;

		if (e->d_name[0] == '.' || !oci_id_is_good(e->d_name))
			continue;
		/* one that goes meanwhile is no error, and a damaged one does not hide others */
		if (oci_state_peek(&k, e->d_name, &own) == 0)
			r = visit(arg, &k);
		oci_state_close(&k);
	}
	(void)closedir(d);
	return r;
}

static int list_main(int argc, char **argv)
{
	struct list l = { .all = json_array() };
	struct rf_err err = RF_ERR_INIT;
	char *text;
	int r = oci_options(&oci_cmd_list, argc, argv, take_list, &l, NULL, 0, &err);

	if (r == 0 && !l.quiet && !l.json)
		out("%-11s %-11s %-11s %-25s %-30s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED",
		    "OWNER");
	if (r == 0)
		r = oci_each(show, &l, &err);
	text = r == 0 && l.json ? json_dumps(l.all, JSON_COMPACT) : NULL;
	json_decref(l.all);
	if (r < 0)
		return oci_fail(&err);
	if (text)
		out("%s\n", text);
	free(text);
	return out_finish(0);
}

const struct command oci_cmd_list = {
	.name = "list", .args = "[option...]", .opts = list_opts, .main = list_main,
	.help = "list the containers",
};

/* --------------------------------------------------------------------------- ps */

/* The numbers of one group's processes go to the list at @arg. */
static int add_pids(void *arg, const char *dir)
{
	char path[4400];
	FILE *f;
	int pid;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		(void)json_array_append_new(arg, json_integer(pid));
	if (f)
		(void)fclose(f);
	return 0;
}

static bool has_pid(const json_t *list, long pid)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_integer_value(json_array_get(list, i)) == pid)
			return true;
	return false;
}

/* The number in column @column of @line, -1 if there is none. */
static long number_at(const char *line, int column)
{
	char *end;
	long n;

	line += strspn(line, " ");
	for (; column > 0 && *line; column--) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	n = strtol(line, &end, 10);
	return end > line && n > 0 ? n : -1;
}

/* The column whose heading is PID, -1 without one. */
static int pid_column(const char *line)
{
	for (int column = 0; *line; column++) {
		size_t len;

		line += strspn(line, " ");
		len = strcspn(line, " \n");
		if (len == 3 && !memcmp(line, "PID", 3))
			return column;
		line += len;
		line += *line == '\n';
	}
	return -1;
}

/* ps(1) with the caller's words, of which the container's lines are shown. */
static int filter_ps(char **words, const json_t *pids, struct rf_err *err)
{
	char *line = NULL;
	size_t size = 0;
	int fds[2], status, column = -1;
	posix_spawn_file_actions_t actions;
	pid_t pid;
	FILE *f;
	int r;

	words[0] = (char *)(uintptr_t)"ps";
	if (pipe2(fds, O_CLOEXEC) < 0)
		return rf_err_set(err, errno, "ps");
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	r = posix_spawnp(&pid, "ps", &actions, NULL, words, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(fds[1]);
	f = fdopen(fds[0], "r");
	if (r != 0 || !f)
		return rf_err_set(err, r ? r : ENOMEM, "ps");
	for (bool first = true; getline(&line, &size, f) > 0; first = false) {
		if (first)
			column = pid_column(line);
		if (first || (column >= 0 && has_pid(pids, number_at(line, column))))
			out("%s", line);
	}
	free(line);
	(void)fclose(f);
	if (waitpid(pid, &status, 0) == pid && status == 0)
		return column >= 0 ? 0 : rf_err_set(err, EINVAL, "ps: what it prints has no column PID");
	return rf_err_set(err, EINVAL, "ps: it has failed");
}

static const struct rf_opt ps_opts[] = {
	{ .name = "format", .letter = 'f', .arg = "FORMAT", .id = OPT_FORMAT, .help = "table or json" },
	{ .name = NULL }
};

static void print_pids(const struct list *l)
{
	char *text;

	if (l->json) {
		text = json_dumps(l->all, JSON_COMPACT);
		out("%s\n", text ? text : "[]");
		free(text);
		return;
	}
	out("PID\n");
	for (size_t i = 0; i < json_array_size(l->all); i++)
		out("%d\n", (int)json_integer_value(json_array_get(l->all, i)));
}

static int ps_main(int argc, char **argv)
{
	struct oci_container k = OCI_CONTAINER_INIT;
	struct list l = { .all = json_array() };
	struct rf_err err = RF_ERR_INIT;
	const char *dir;
	char *words[1] = { NULL };
	int first = 1, r = oci_options(&oci_cmd_ps, argc, argv, take_list, &l, words, 1, &err);

	if (r == 0)
		return oci_usage("ps: no container ID");
	while (r > 0 && argv[first] != words[0])
		first++;
	if (r > 0)
		r = oci_state_peek(&k, words[0], &err);
	dir = r == 0 ? oci_state_tracker(&k) : NULL;
	if (r == 0 && !dir)
		r = rf_err_set(&err, EOPNOTSUPP, "ps: container %s has no control group", k.id);
	if (r == 0)
		r = rf_cgroup_walk(dir, add_pids, l.all);
	oci_state_close(&k);
	/* the words behind the ID are for ps(1) */
	if (r == 0 && !l.json && argv[first + 1])
		r = filter_ps(argv + first, l.all, &err);
	else if (r == 0)
		print_pids(&l);
	json_decref(l.all);
	return r < 0 ? oci_fail(&err) : out_finish(0);
}

const struct command oci_cmd_ps = {
	.name = "ps", .args = "[option...] <container-id> [ps-option...]", .opts = ps_opts,
	.flags = COMMAND_RUNS, .help = "list the processes of a container", .main = ps_main,
};
