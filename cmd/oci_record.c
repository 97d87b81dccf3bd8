/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state.json as text, and what of it others get to see.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "oci_runtime.h"
#include "rdt.h"

const char *const oci_status_names[] = {
	[OCI_CREATING] = "creating", [OCI_CREATED] = "created", [OCI_RUNNING] = "running",
	[OCI_PAUSED] = "paused", [OCI_STOPPED] = "stopped",
};

static int take_text(const json_t *object, const char *key, char **ret)
{
	const char *text = json_string_value(json_object_get(object, key));

	*ret = text ? strdup(text) : NULL;
	return *ret ? 0 : -EINVAL;
}

static int take_number(const json_t *object, const char *key, int64_t max, int64_t *ret)
{
	const json_t *value = json_object_get(object, key);

	*ret = json_integer_value(value);
	return json_is_integer(value) && *ret >= 0 && *ret <= max ? 0 : -EINVAL;
}

/* They are removed by it: nothing in it may lead elsewhere. */
static bool is_directory(const char *path)
{
	for (const char *p = path; (p = strstr(p, "/..")); p += 3)
		if (!p[3] || p[3] == '/')
			return false;
	return path[0] == '/' && path[1];
}

static int take_groups(struct oci_container *k, const json_t *list)
{
	json_t *group;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > RF_OCI_TREES)
		return -EINVAL;
	json_array_foreach(list, i, group) {
		struct oci_group *g = &k->groups[k->nr_groups];

		if (take_text(group, "dir", &g->dir) < 0)
			return -EINVAL;
		k->nr_groups++;
		if (take_text(group, "name", &g->name) < 0 || !is_directory(g->dir))
			return -EINVAL;
	}
	return 0;
}

static int take_annotations(struct oci_container *k, const json_t *notes)
{
	const char *name;
	json_t *value;

	if (!json_is_object(notes) && !json_is_null(notes))
		return -EINVAL;
	json_object_foreach((json_t *)(uintptr_t)notes, name, value)
		if (!*name || !json_is_string(value))
			return -EINVAL;
	k->annotations = json_dumps(notes, JSON_COMPACT | JSON_ENCODE_ANY);
	return k->annotations ? 0 : -ENOMEM;
}

/* Directories are removed by it, so it is a name and no path. */
static int take_rdt(struct oci_container *k, const json_t *rdt)
{
	if (!rdt)
		return 0;
	if (take_text(rdt, "class", &k->rdt) < 0 || !rf_rdt_name_is_good(k->rdt))
		return -EINVAL;
	k->rdt_made = json_is_true(json_object_get(rdt, "made"));
	k->rdt_monitored = json_is_true(json_object_get(rdt, "monitored"));
	return 0;
}

static int take_state(struct oci_container *k, const json_t *root)
{
	const struct { const char *key; char **to; } texts[] = {
		{ "ociVersion", &k->version }, { "bundle", &k->bundle }, { "rootfs", &k->rootfs },
		{ "created", &k->created },
	}, some[] = {
		{ "config", &k->config }, { "unit", &k->unit }, { "hooks", &k->hooks },
		{ "listener", &k->listener }, { "listenerMetadata", &k->listener_metadata },
	};
	int64_t pid = 0, start = 0, owner = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(texts) / sizeof(*texts); i++)
		r = take_text(root, texts[i].key, texts[i].to);
	for (size_t i = 0; r == 0 && i < sizeof(some) / sizeof(*some); i++)
		if (json_object_get(root, some[i].key))
			r = take_text(root, some[i].key, some[i].to);
	if (r < 0 || take_number(root, "pid", INT32_MAX, &pid) < 0 ||
	    take_number(root, "start", INT64_MAX, &start) < 0 ||
	    take_number(root, "owner", UINT32_MAX, &owner) < 0)
		return -EINVAL;
	k->pid = (pid_t)pid;
	k->start = (uint64_t)start;
	k->owner = (uid_t)owner;
	k->user_unit = json_is_true(json_object_get(root, "userUnit"));
	r = take_groups(k, json_object_get(root, "groups"));
	if (r == 0)
		r = take_rdt(k, json_object_get(root, "resctrl"));
	return r < 0 ? r : take_annotations(k, json_object_get(root, "annotations"));
}

int oci_state_parse(struct oci_container *k, const char *text, size_t len)
{
	json_error_t e;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	int r = root ? take_state(k, root) : -EINVAL;

	json_decref(root);
	return r;
}

void oci_state_forget(struct oci_container *k)
{
	for (size_t i = 0; i < k->nr_groups; i++) {
		free(k->groups[i].dir);
		free(k->groups[i].name);
	}
	free(k->version);
	free(k->bundle);
	free(k->rootfs);
	free(k->created);
	free(k->unit);
	free(k->config);
	free(k->annotations);
	free(k->hooks);
	free(k->rdt);
	free(k->listener);
	free(k->listener_metadata);
}

static json_t *as_json(const struct oci_container *k)
{
	json_t *groups = json_array(), *root, *notes;
	json_error_t e;

	for (size_t i = 0; i < k->nr_groups; i++)
		(void)json_array_append_new(groups, json_pack("{s:s, s:s}", "dir", k->groups[i].dir,
							      "name", k->groups[i].name));
	notes = k->annotations ? json_loads(k->annotations, JSON_DECODE_ANY, &e) : json_null();
	root = json_pack("{s:s, s:s, s:i, s:I, s:I, s:s, s:s, s:s, s:o, s:o}", "ociVersion", k->version,
			 "id", k->id, "pid", (int)k->pid, "start", (json_int_t)k->start, "owner",
			 (json_int_t)k->owner, "bundle", k->bundle, "rootfs", k->rootfs, "created",
			 k->created, "annotations", notes, "groups", groups);
	if (root && k->config)
		(void)json_object_set_new(root, "config", json_string(k->config));
	if (root && k->unit) {
		(void)json_object_set_new(root, "unit", json_string(k->unit));
		(void)json_object_set_new(root, "userUnit", json_boolean(k->user_unit));
	}
	if (root && k->rdt)
		(void)json_object_set_new(root, "resctrl", json_pack("{s:s, s:b, s:b}", "class", k->rdt,
					  "made", k->rdt_made && !k->rdt_named, "monitored",
					  k->rdt_monitored));
	if (root && k->hooks)
		(void)json_object_set_new(root, "hooks", json_string(k->hooks));
	if (root && k->listener)
		(void)json_object_set_new(root, "listener", json_string(k->listener));
	if (root && k->listener_metadata)
		(void)json_object_set_new(root, "listenerMetadata", json_string(k->listener_metadata));
	return root;
}

char *oci_state_print(const struct oci_container *k)
{
	json_t *root = as_json(k);
	char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;

	json_decref(root);
	return text;
}

char *oci_state_annotation(const struct oci_container *k, const char *name)
{
	json_error_t e;
	json_t *notes = k->annotations ? json_loads(k->annotations, JSON_DECODE_ANY, &e) : NULL;
	const char *value = json_string_value(json_object_get(notes, name));
	char *copy = value ? strdup(value) : NULL;

	json_decref(notes);
	return copy;
}

char *oci_state_json(const struct oci_container *k, enum oci_status status)
{
	json_error_t e;
	json_t *notes = k->annotations ? json_loads(k->annotations, JSON_DECODE_ANY, &e) : NULL;
	json_t *root = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "ociVersion",
				 k->version ? k->version : "1.2.0", "id", k->id, "pid",
				 status == OCI_STOPPED ? 0 : (int)k->pid, "status",
				 oci_status_names[status], "bundle", k->bundle ? k->bundle : "",
				 "rootfs", k->rootfs ? k->rootfs : "", "created",
				 k->created ? k->created : "");
	char *text;

	if (root && notes && json_is_object(notes))
		(void)json_object_set(root, "annotations", notes);
	json_decref(notes);
	text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	json_decref(root);
	return text;
}
