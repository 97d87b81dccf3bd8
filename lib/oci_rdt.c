/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `linux.intelRdt`: a class of service in resctrl, and what it is to have.
 */
#include "oci_config.h"

#include <string.h>

#include "rdt.h"
#include "spec.h"

const char *rf_oci_schema_wrong(const char *text, const char *resource)
{
	if (strchr(text, '\n'))
		return "a schema is one line";
	if (resource && strncmp(text, resource, strlen(resource)) != 0)
		return !strcmp(resource, "MB:") ? "it begins with 'MB:'" : "it begins with 'L3'";
	if (!strchr(text, ':') || !strchr(text, '='))
		return "a schema is RESOURCE:ID=VALUE;...";
	return NULL;
}

static int read_schema(struct rf_oci_reader *o, const struct rf_node *v, const char *resource,
		       const char **ret)
{
	const char *text = NULL, *wrong;
	int r = rf_oci_text(o, v, &text);

	if (r < 0 || !*text)
		return r;
	wrong = rf_oci_schema_wrong(text, resource);
	if (wrong)
		return rf_oci_fail(o, v, "%s", wrong);
	*ret = text;
	return 0;
}

static int read_l3(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return read_schema(o, v, "L3", obj);
}

static int read_mb(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return read_schema(o, v, "MB:", obj);
}

static int add_line(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	const char *text = "", **lines = obj;
	int r = read_schema(o, v, NULL, &text);

	if (r < 0 || !*text)
		return r;
	*lines = rf_sandbox_printf(o->sb, "%s%s\n", *lines, text);
	return *lines ? 0 : rf_oci_no_memory(o);
}

static int read_schemata(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	const char **lines = obj;

	*lines = "";
	return rf_oci_list(o, v, add_line, obj);
}

static int read_clos(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	const char *text = NULL;
	int r = rf_oci_text(o, v, &text);

	if (r < 0 || !*text)
		return r;
	if (!rf_rdt_name_is_good(text))
		return rf_oci_fail(o, v, "no class of service can be called '%.40s'", text);
	*(const char **)obj = text;
	return 0;
}

int rf_oci_read_rdt(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
#define FIELD(field) offsetof(struct rf_oci_rdt, field)
	static const struct rf_oci_key keys[] = {
		{ .name = "closID", .read = read_clos, .offset = FIELD(clos) },
		{ .name = "l3CacheSchema", .read = read_l3, .offset = FIELD(l3) },
		{ .name = "memBwSchema", .read = read_mb, .offset = FIELD(mb) },
		{ .name = "schemata", .read = read_schemata, .offset = FIELD(schemata) },
		{ .name = "enableMonitoring", .read = rf_oci_bool, .offset = FIELD(monitored) },
		{ .name = "enableCMT", .read = rf_oci_bool, .offset = FIELD(cmt) },
		{ .name = "enableMBM", .read = rf_oci_bool, .offset = FIELD(mbm) },
		{ .name = NULL }
	};
#undef FIELD
	struct rf_oci_rdt *rdt = &o->c->rdt;
	int r;

	(void)obj;
	*rdt = (struct rf_oci_rdt){ .on = true, .schemata = "", .place = v->place };
	r = rf_oci_map(o, v, keys, rdt);
	/* of 1.1 and 1.2: one group counts both */
	rdt->monitored |= rdt->cmt || rdt->mbm;
	o->sb->oci.rdt_place = v->place;
	o->sb->oci.nr_rdt = rdt->monitored ? 2 : 1;
	return r;
}
