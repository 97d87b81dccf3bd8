/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `hooks`: programs that are run at six points of a container's life.
 *
 * Later commands than `create` need them too: they are kept as JSON beside the state, and
 * read by the same tables.
 */
#include "oci_config.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "spec.h"

const char *const rf_oci_stage_names[RF_OCI_STAGES] = {
	[RF_OCI_PRESTART] = "prestart", [RF_OCI_CREATE_RUNTIME] = "createRuntime",
	[RF_OCI_CREATE_CONTAINER] = "createContainer", [RF_OCI_START_CONTAINER] = "startContainer",
	[RF_OCI_POSTSTART] = "poststart", [RF_OCI_POSTSTOP] = "poststop",
};

static int read_path(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	const char *text = NULL;
	int r = rf_oci_text(o, v, &text);

	if (r == 0 && *text != '/')
		r = rf_oci_fail(o, v, "'%.100s' is no absolute path", text);
	if (r == 0)
		*(const char **)obj = text;
	return r;
}

static int read_timeout(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	int64_t n = 0;
	int r = rf_oci_int(o, v, 1, INT32_MAX / 1000, &n);

	if (r == 0)
		*(int *)obj = (int)n * 1000;
	return r;
}

static int read_list(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	size_t nr = 0;

	return rf_oci_texts(o, v, obj, &nr);
}

static int add_hook(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
#define FIELD(field) offsetof(struct rf_oci_hook, field)
	static const struct rf_oci_key keys[] = {
		{ .name = "path", .read = read_path, .offset = FIELD(path) },
		{ .name = "args", .read = read_list, .offset = FIELD(args) },
		{ .name = "env", .read = read_list, .offset = FIELD(env) },
		{ .name = "timeout", .read = read_timeout, .offset = FIELD(timeout_ms) },
		{ .name = NULL }
	};
#undef FIELD
	const enum rf_oci_stage *stage = obj;
	struct rf_oci_hook hook = { .stage = *stage, .timeout_ms = -1, .place = v->place };
	int r = rf_oci_map(o, v, keys, &hook);

	if (r < 0)
		return r;
	if (!hook.path)
		return rf_oci_fail(o, v, "no `path`");
	hook.where = rf_sandbox_strdup(o->sb, o->path);
	if (!hook.where || !rf_sandbox_grow(o->sb, &o->c->hooks, o->c->nr_hooks, &o->c->max_hooks,
					    sizeof(hook)))
		return rf_oci_no_memory(o);
	o->c->hooks[o->c->nr_hooks++] = hook;
	return 0;
}

static int read_stage(struct rf_oci_reader *o, const struct rf_node *v, enum rf_oci_stage stage)
{
	return rf_oci_list(o, v, add_hook, &stage);
}

#define STAGE(fn, stage) \
	static int fn(struct rf_oci_reader *o, const struct rf_node *v, void *obj) \
	{ \
		(void)obj; \
		return read_stage(o, v, stage); \
	}
STAGE(read_prestart, RF_OCI_PRESTART)
STAGE(read_create_runtime, RF_OCI_CREATE_RUNTIME)
STAGE(read_create_container, RF_OCI_CREATE_CONTAINER)
STAGE(read_start_container, RF_OCI_START_CONTAINER)
STAGE(read_poststart, RF_OCI_POSTSTART)
STAGE(read_poststop, RF_OCI_POSTSTOP)

int rf_oci_read_hooks(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "prestart", .read = read_prestart },
		{ .name = "createRuntime", .read = read_create_runtime },
		{ .name = "createContainer", .read = read_create_container },
		{ .name = "startContainer", .read = read_start_container },
		{ .name = "poststart", .read = read_poststart },
		{ .name = "poststop", .read = read_poststop },
		{ .name = NULL }
	};
	int r = rf_oci_map(o, v, keys, obj);

	if (r < 0)
		return r;
	o->c->hooks_json = rf_oci_json(o->sb, v);
	return o->c->hooks_json ? 0 : rf_oci_no_memory(o);
}
