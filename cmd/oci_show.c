/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence-oci state, list and ps.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
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

static void show(struct list *l, const struct oci_container *k)
{
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
}

static int show_all(struct list *l, struct rf_err *err)
{
	DIR *d = opendir(oci.root);
	struct dirent *e;

	if (!d)
		return errno == ENOENT ? 0 : rf_err_set(err, errno, "open %s", oci.root);
	while ((e = readdir(d))) {
		struct oci_container k = OCI_CONTAINER_INIT;
		struct rf_err own = RF_ERR_INIT;

		if (e->d_name[0] == '.' || !oci_id_is_good(e->d_name))
			continue;
		/* one that goes meanwhile is no error, and a damaged one does not hide others */
		if (oci_state_peek(&k, e->d_name, &own) == 0)
			show(l, &k);
		oci_state_close(&k);
	}
	(void)closedir(d);
	return 0;
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
		r = show_all(&l, &err);
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

static json_t *pids_of(const char *dir)
{
	char path[4400];
	json_t *list = json_array();
	FILE *f;
	int pid;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		(void)json_array_append_new(list, json_integer(pid));
	if (f)
		(void)fclose(f);
	return list;
}

static const struct rf_opt ps_opts[] = {
	{ .name = "format", .letter = 'f', .arg = "FORMAT", .id = OPT_FORMAT, .help = "table or json" },
	{ .name = NULL }
};

static int ps_main(int argc, char **argv)
{
	struct oci_container k = OCI_CONTAINER_INIT;
	struct list l = { .all = NULL };
	struct rf_err err = RF_ERR_INIT;
	const char *dir;
	char *words[1], *text = NULL;
	int r = oci_options(&oci_cmd_ps, argc, argv, take_list, &l, words, 1, &err);

	if (r == 0)
		return oci_usage("ps: no container ID");
	if (r > 0)
		r = oci_state_peek(&k, words[0], &err);
	dir = r == 0 ? oci_state_tracker(&k) : NULL;
	if (r == 0 && !dir)
		r = rf_err_set(&err, EOPNOTSUPP, "ps: container %s has no control group", k.id);
	if (r == 0)
		l.all = pids_of(dir);
	oci_state_close(&k);
	if (r < 0)
		return oci_fail(&err);
	if (l.json) {
		text = json_dumps(l.all, JSON_COMPACT);
		out("%s\n", text ? text : "[]");
		free(text);
	} else {
		out("PID\n");
		for (size_t i = 0; i < json_array_size(l.all); i++)
			out("%d\n", (int)json_integer_value(json_array_get(l.all, i)));
	}
	json_decref(l.all);
	return out_finish(0);
}

const struct command oci_cmd_ps = {
	.name = "ps", .args = "[option...] <container-id>", .opts = ps_opts, .main = ps_main,
	.help = "list the processes of a container",
};
