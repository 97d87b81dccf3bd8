/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state of a container, as JSON from whoever runs the hook, and of the
 * bundle's config.json where its root is.  Members that this does not know are
 * nobody's mistake: later versions of the specification add some.
 */
#include "hook.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "error.h"

#define ID_MAX		1024
#define PATH_LENGTH_MAX	4095

static int load(const char *what, const char *text, size_t len, size_t max, json_t **ret,
		struct rf_err *err)
{
	json_error_t e;

	if (len > max)
		return rf_err_set(err, EINVAL, "%s: larger than %zu bytes", what, max);
	*ret = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	if (!*ret)
		return rf_err_set(err, EINVAL, "%s: line %d: %.160s", what, e.line, e.text);
	if (!json_is_object(*ret))
		return rf_err_set(err, EINVAL, "%s: not an object", what);
	return 0;
}

/* Member @name of @j as text of 1 to @max bytes, kept in @sb. */
static int take_text(const json_t *j, const char *what, const char *name, size_t max,
		     struct rf_sandbox *sb, const char **ret, struct rf_err *err)
{
	const json_t *v = json_object_get(j, name);
	char *copy;

	if (!json_is_string(v))
		return rf_err_set(err, EINVAL, "%s: no '%s' that is text", what, name);
	if (!json_string_length(v) || json_string_length(v) > max)
		return rf_err_set(err, EINVAL, "%s: '%s' has 1 to %zu bytes", what, name, max);
	copy = rf_sandbox_strdup(sb, json_string_value(v));
	if (!copy)
		return rf_err_set(err, ENOMEM, "%s", what);
	*ret = copy;
	return 0;
}

static int take_status(const json_t *j, struct rf_hook_state *st, struct rf_err *err)
{
	const char *word = json_string_value(json_object_get(j, "status"));

	for (int i = 0; word && i < RF_HOOK_STATUS_NR; i++)
		if (strcmp(rf_hook_status_names[i], word) == 0) {
			st->status = (enum rf_hook_status)i;
			return 0;
		}
	return rf_err_set(err, EINVAL, "state: 'status' is creating, created, running or stopped");
}

/* Who has stopped may have none, or still the old one: it counts for nothing. */
static int take_pid(const json_t *j, struct rf_hook_state *st, struct rf_err *err)
{
	const json_t *v = json_object_get(j, "pid");
	json_int_t pid = json_integer_value(v);

	if (v && !json_is_integer(v))
		return rf_err_set(err, EINVAL, "state: 'pid' is a number");
	if (st->status == RF_HOOK_STOPPED)
		return 0;
	if (pid < 1 || pid > INT32_MAX)
		return rf_err_set(err, EINVAL, "state: 'pid' is no number of a process");
	st->pid = (pid_t)pid;
	return 0;
}

static int check_annotations(const json_t *j, struct rf_err *err)
{
	const json_t *map = json_object_get(j, "annotations");
	const char *key;
	json_t *v;

	if (!map || json_is_null(map))
		return 0;
	if (!json_is_object(map))
		return rf_err_set(err, EINVAL, "state: 'annotations' is an object");
	json_object_foreach((json_t *)(uintptr_t)map, key, v)
		if (!json_is_string(v))
			return rf_err_set(err, EINVAL, "state: annotation '%.64s' is no text", key);
	return 0;
}

int rf_hook_state_parse(const char *text, size_t len, struct rf_sandbox *sb,
			struct rf_hook_state *ret, struct rf_err *err)
{
	struct rf_hook_state st = { .pid = 0 };
	const char *version;
	json_t *j = NULL;
	int r = load("state", text, len, RF_HOOK_STATE_MAX, &j, err);

	if (r == 0)
		r = take_text(j, "state", "ociVersion", ID_MAX, sb, &version, err);
	if (r == 0)
		r = take_text(j, "state", "id", ID_MAX, sb, &st.id, err);
	if (r == 0)
		r = take_text(j, "state", "bundle", PATH_LENGTH_MAX, sb, &st.bundle, err);
	if (r == 0 && st.bundle[0] != '/')
		r = rf_err_set(err, EINVAL, "state: 'bundle' is no absolute path");
	if (r == 0)
		r = take_status(j, &st, err);
	if (r == 0)
		r = take_pid(j, &st, err);
	if (r == 0)
		r = check_annotations(j, err);
	json_decref(j);
	if (r == 0)
		*ret = st;
	return r;
}

int rf_hook_config_root(const char *text, size_t len, const struct rf_hook_state *st,
			struct rf_sandbox *sb, const char **ret_root, struct rf_err *err)
{
	const char *path = NULL;
	json_t *j = NULL;
	int r = load("config.json", text, len, RF_HOOK_CONFIG_MAX, &j, err);

	if (r == 0)
		r = take_text(json_object_get(j, "root"), "root of config.json", "path",
			      PATH_LENGTH_MAX, sb, &path, err);
	json_decref(j);
	if (r == 0 && path[0] != '/') {
		path = rf_sandbox_printf(sb, "%s/%s", st->bundle, path);
		if (!path)
			r = rf_err_set(err, ENOMEM, "config.json");
	}
	if (r == 0)
		*ret_root = path;
	return r;
}
