/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bundle's config.json: the document, and the keys that need no file of their own.
 */
#include "oci_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "spec.h"

#define NOT_LINUX "it is for another platform"

/* ------------------------------------------------------------------ the keys */

static int read_version(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	const char *text = NULL;
	unsigned int major = 0, minor = 0;
	int r = rf_oci_text(o, v, &text);

	(void)obj;
	if (r < 0)
		return r;
	if (sscanf(text, "%u.%u", &major, &minor) != 2 || major != 1 || minor > 3)
		return rf_oci_fail(o, v, "'%.40s' is no version from 1.0 to 1.3", text);
	o->c->version = text;
	return 0;
}

static int read_root_path(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	(void)obj;
	o->c->root_place = o->sb->root.place = v->place;
	return rf_oci_text(o, v, &o->c->root);
}

static int read_root(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "path", .read = read_root_path },
		{ .name = "readonly", .read = rf_oci_bool },
		{ .name = NULL }
	};
	bool readonly = false;
	int r = rf_oci_map(o, v, keys, &readonly);

	(void)obj;
	if (r < 0)
		return r;
	if (!o->c->root || !*o->c->root)
		return rf_oci_fail(o, v, "it has no `path`");
	o->c->has_root = true;
	o->sb->root.kind = RF_ROOT_DIR;
	o->sb->root.writable = !readonly;
	return 0;
}

static int read_host_name(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	const char *text = NULL;
	int r = rf_oci_text(o, v, &text);

	if (r < 0 || !*text)
		return r;
	if (strlen(text) > 64)
		return rf_oci_fail(o, v, "a name of more than 64 bytes");
	o->sb->hostname_place = v->place;
	*(const char **)obj = text;
	return 0;
}

static int take_annotation(struct rf_oci_reader *o, const char *key, const char *value,
			   const struct rf_node *node, void *obj)
{
	size_t *nr = obj;

	if (!*key)
		return rf_oci_fail(o, node, "an annotation needs a name");
	if (!strcmp(key, RF_OCI_FRAGMENT)) {
		o->c->fragment = value;
		o->c->fragment_place = node->place;
	}
	o->c->annotations[(*nr)++] = (struct rf_oci_pair){ key, value };
	return 0;
}

static int read_annotations(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	(void)obj;
	o->c->annotations = rf_sandbox_alloc(o->sb, (v->nr / 2 + 1) * sizeof(*o->c->annotations));
	if (!o->c->annotations)
		return rf_oci_no_memory(o);
	return rf_oci_pairs(o, v, take_annotation, &o->c->nr_annotations);
}

#define SANDBOX(field) offsetof(struct rf_sandbox, field)

static const struct rf_oci_key keys[] = {
	{ .name = "ociVersion", .read = read_version },
	{ .name = "process", .read = rf_oci_read_process },
	{ .name = "root", .read = read_root },
	{ .name = "hostname", .read = read_host_name, .offset = SANDBOX(hostname) },
	{ .name = "domainname", .read = read_host_name, .offset = SANDBOX(domainname) },
	{ .name = "mounts", .read = rf_oci_read_mounts },
	{ .name = "hooks", .read = rf_oci_read_hooks },
	{ .name = "annotations", .read = read_annotations },
	{ .name = "linux", .read = rf_oci_read_linux },
	{ .name = "solaris", .refused = NOT_LINUX },
	{ .name = "windows", .refused = NOT_LINUX },
	{ .name = "vm", .refused = NOT_LINUX },
	{ .name = "zos", .refused = NOT_LINUX },
	{ .name = "freebsd", .refused = NOT_LINUX },
	{ .name = NULL }
};

/* -------------------------------------------------------------- the document */

static void begin(struct rf_sandbox *sb, struct rf_oci_config *c)
{
	sb->oci.on = true;
	sb->oci.gate_fd = sb->oci.rdt_fds[0] = sb->oci.rdt_fds[1] = -1;
	sb->exec_fd = -1;
	sb->no_new_privs = false;
	sb->terminal = RF_TERM_NONE;
	sb->network = RF_NET_HOST;
	sb->user.uid = sb->user.gid = 0;
	sb->user.groups = RF_GROUPS_AUTO;
	sb->init = false;
	sb->no_new_privs = false;
	for (int i = 0; i < RF_NS_NR; i++)
		sb->ns[i] = (struct rf_ns_spec){ .mode = RF_NS_HOST, .fd = -1 };
	*c = (struct rf_oci_config){ .version = NULL };
}

/* What only the whole document shows. */
static int check_whole(struct rf_oci_reader *o, const struct rf_node *root)
{
	if (!o->c->version)
		return rf_oci_fail(o, root, "no `ociVersion`");
	if (!o->c->has_root)
		return rf_oci_fail(o, root, "no `root`");
	if (o->sb->ns[RF_NS_MOUNT].mode != RF_NS_NEW)
		return rf_oci_fail(o, root, "linux.namespaces: a container needs a new mount "
				   "namespace");
	if (o->sb->oci.nr_net_devices && o->sb->ns[RF_NS_NET].mode == RF_NS_HOST)
		return rf_err_at(o->err, &o->sb->oci.net_devices[0].place, EINVAL,
				 "linux.netDevices: a container without a network namespace has none "
				 "of its own");
	if (o->sb->ns[RF_NS_USER].mode == RF_NS_NEW &&
	    (!o->sb->user.nr_uid_map || !o->sb->user.nr_gid_map))
		return rf_err_at(o->err, &o->sb->ns[RF_NS_USER].place, EINVAL, "linux.namespaces: a "
				 "new user namespace needs `uidMappings` and `gidMappings`");
	return 0;
}

static int read_document(const char *name, const char *text, size_t len, struct rf_oci_reader *o,
			 const struct rf_oci_key *table, void *obj, struct rf_node **ret_root)
{
	struct rf_reader r = { .sb = o->sb, .err = o->err };
	size_t first = 0;
	int ret;

	while (first < len && strchr(" \t\r\n", text[first]))
		first++;
	/* the reader knows more than JSON */
	if (first == len || text[first] != '{') {
		const struct rf_place place = { name, 1, 1 };

		return rf_err_at(o->err, &place, EINVAL, "no JSON object");
	}
	ret = rf_yaml_parse(&r, name, 0, text, len, ret_root);
	if (ret < 0)
		return ret;
	o->r = &r;
	ret = rf_oci_map(o, *ret_root, table, obj);
	o->r = NULL;
	return ret;
}

int rf_oci_parse(const char *name, const char *text, size_t len, struct rf_sandbox *sb,
		 struct rf_oci_config *c, struct rf_err *err)
{
	struct rf_oci_reader o = { .sb = sb, .c = c, .err = err };
	struct rf_node *root = NULL;
	int r;

	begin(sb, c);
	r = read_document(name, text, len, &o, keys, sb, &root);
	return r < 0 ? r : check_whole(&o, root);
}

const char *rf_oci_config_path(struct rf_sandbox *sb, const char *bundle, const char *name)
{
	const bool absolute = name && *name == '/';

	return rf_sandbox_printf(sb, "%s%s%s", absolute ? "" : bundle, absolute ? "" : "/",
				 name ? name : "config.json");
}

int rf_oci_load(const char *bundle, const char *name, struct rf_sandbox *sb,
		struct rf_oci_config *c, char **ret_text, struct rf_err *err)
{
	const char *file = rf_oci_config_path(sb, bundle, name);
	char *text = NULL;
	size_t len = 0;
	int r;

	if (!file)
		return rf_err_set(err, ENOMEM, "reading a config.json");
	r = rf_spec_text(file, &text, &len, err);
	if (r < 0)
		return r;
	r = rf_oci_parse(file, text, len, sb, c, err);
	if (r == 0 && ret_text)
		*ret_text = text;
	else
		free(text);
	return r;
}

/* Another document than a whole config.json. */
static int read_part(const char *name, const char *text, size_t len, struct rf_oci_reader *o,
		     rf_oci_read read, void *obj)
{
	struct rf_reader r = { .sb = o->sb, .err = o->err };
	struct rf_node *root = NULL;
	int ret = rf_yaml_parse(&r, name, 0, text, len, &root);

	if (ret < 0)
		return ret;
	o->r = &r;
	ret = read(o, root, obj);
	o->r = NULL;
	return ret;
}

int rf_oci_parse_hooks(const char *name, const char *text, struct rf_sandbox *sb,
		       struct rf_oci_config *c, struct rf_err *err)
{
	struct rf_oci_reader o = { .sb = sb, .c = c, .err = err };

	begin(sb, c);
	return read_part(name, text, strlen(text), &o, rf_oci_read_hooks, sb);
}

int rf_oci_parse_resources(const char *name, const char *text, size_t len, struct rf_sandbox *sb,
			   struct rf_oci_config *c, struct rf_err *err)
{
	struct rf_oci_reader o = { .sb = sb, .c = c, .err = err, .updates = true };

	begin(sb, c);
	return read_part(name, text, len, &o, rf_oci_read_resources, sb);
}

int rf_oci_parse_process(const char *name, const char *text, size_t len, struct rf_sandbox *sb,
			 struct rf_oci_config *c, struct rf_err *err)
{
	struct rf_oci_reader o = { .sb = sb, .c = c, .err = err };

	begin(sb, c);
	return read_part(name, text, len, &o, rf_oci_read_process, sb);
}

int rf_oci_load_process(const char *file, struct rf_sandbox *sb, struct rf_oci_config *c,
			struct rf_err *err)
{
	char *text = NULL;
	size_t len = 0;
	int r = rf_spec_text(file, &text, &len, err);

	if (r == 0)
		r = rf_oci_parse_process(file, text, len, sb, c, err);
	free(text);
	return r;
}
