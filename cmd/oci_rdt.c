/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The class of service that a container has in resctrl, and the group that counts it there.
 *
 * Only what this program has made, called as the container, is removed with it; a class that
 * the configuration names is somebody else's, who may have others in it.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "oci_create.h"
#include "rdt.h"

/* ------------------------------------------------------------------- failures */

/* With what the kernel says of its own about the last command. */
static int fail(int root, const struct rf_place *place, int r, const char *what, struct rf_err *err)
{
	char status[256];

	rf_err_at(err, place, -r, "linux.intelRdt: %s", what);
	if (root >= 0 && rf_rdt_read(root, "info/last_cmd_status", status, sizeof(status)) > 0 &&
	    strcmp(status, "ok") != 0)
		rf_err_hint(err, "resctrl says: %.200s", status);
	return r;
}

static int open_root(const struct rf_place *place, struct rf_err *err)
{
	int root = rf_rdt_open();

	if (root >= 0)
		return root;
	rf_err_at(err, place, -root, "linux.intelRdt: no resctrl is mounted");
	if (access("/sys/fs/resctrl", F_OK) == 0)
		rf_err_hint(err, "mount -t resctrl resctrl /sys/fs/resctrl");
	else
		rf_err_hint(err, "this processor or kernel has none: there is no /sys/fs/resctrl");
	return root;
}

/* --------------------------------------------------------------------- making */

/* A class that is there already has to be what the configuration says. */
static int compare(const struct oci_creation *n, int root, struct rf_err *err)
{
	const struct rf_oci_rdt *rdt = &n->c.rdt;
	const char *const lines[] = { rdt->l3, rdt->mb };
	char what[RF_RDT_TEXT];
	int r = 0;

	for (size_t i = 0; r == 0 && i < 2; i++) {
		if (!lines[i])
			continue;
		r = rf_rdt_compare(root, rdt->clos, lines[i]);
		(void)snprintf(what, sizeof(what), "class of service '%s' is there, and has not '%s'",
			       rdt->clos, lines[i]);
		if (r < 0)
			return fail(-1, &rdt->place, r, what, err);
	}
	return 0;
}

static int write_lines(int root, const char *clos, const char *lines, const struct rf_place *place,
		       struct rf_err *err)
{
	char what[RF_RDT_TEXT];
	int r = *lines ? rf_rdt_write(root, clos, lines) : 0;

	(void)snprintf(what, sizeof(what), "writing schemata of '%s'", clos);
	return r < 0 ? fail(root, place, r, what, err) : 0;
}

/* All lines of @rdt in their order, or those of `schemata` alone. */
static char *lines_of(const struct rf_oci_rdt *rdt, bool all)
{
	char *text;

	if (asprintf(&text, "%s%s%s%s%s", all && rdt->l3 ? rdt->l3 : "", all && rdt->l3 ? "\n" : "",
		     all && rdt->mb ? rdt->mb : "", all && rdt->mb ? "\n" : "", rdt->schemata) < 0)
		return NULL;
	return text;
}

/* What is counted has to be what the hardware counts. */
static int check_counters(const struct rf_oci_rdt *rdt, int root, struct rf_err *err)
{
	char features[512] = "";
	const char *missing = NULL;

	if (!rdt->monitored)
		return 0;
	(void)rf_rdt_read(root, "info/L3_MON/mon_features", features, sizeof(features));
	if (rdt->cmt && !strstr(features, "llc_occupancy"))
		missing = "enableCMT: the occupancy of caches is not counted here";
	if (rdt->mbm && !strstr(features, "mbm_"))
		missing = "enableMBM: the bandwidth of memory is not counted here";
	return missing ? fail(-1, &rdt->place, -EOPNOTSUPP, missing, err) : 0;
}

/* Written down before it is made, so that whoever is killed leaves nothing unknown. */
static int make_class(struct oci_creation *n, int root, bool there, struct rf_err *err)
{
	const struct rf_oci_rdt *rdt = &n->c.rdt;
	struct oci_container *k = &n->k;
	char what[RF_RDT_TEXT];
	int r;

	k->rdt = strdup(rdt->clos ? rdt->clos : k->id);
	k->rdt_named = rdt->clos;
	k->rdt_made = !there;
	k->rdt_monitored = false;
	if (!k->rdt)
		return rf_err_set(err, ENOMEM, "the state");
	r = oci_state_write(k, err);
	if (r < 0 || there)
		return r;
	r = rf_rdt_make(root, k->rdt);
	if (r == 0)
		return 0;
	k->rdt_made = false;
	(void)snprintf(what, sizeof(what), "making class of service '%s'", k->rdt);
	return fail(root, &rdt->place, r, what, err);
}

static int make_group(struct oci_creation *n, int root, struct rf_err *err)
{
	struct oci_container *k = &n->k;
	int r;

	if (!n->c.rdt.monitored)
		return 0;
	k->rdt_monitored = true;
	r = oci_state_write(k, err);
	if (r < 0)
		return r;
	r = rf_rdt_monitor(root, k->rdt, k->id);
	if (r == 0)
		return 0;
	k->rdt_monitored = false;	/* it may be there, and not be ours */
	return fail(root, &n->c.rdt.place, r, "making a group that is monitored", err);
}

static int make(struct oci_creation *n, int root, struct rf_err *err)
{
	const struct rf_oci_rdt *rdt = &n->c.rdt;
	const bool there = rf_rdt_has(root, rdt->clos ? rdt->clos : n->k.id);
	char *lines;
	int r;

	if (rdt->clos && !there && !rdt->l3 && !rdt->mb && !*rdt->schemata) {
		rf_err_at(err, &rdt->place, ENOENT, "linux.intelRdt.closID: no class of service '%s'",
			  rdt->clos);
		rf_err_hint(err, "one is made where a schema says what it is to have");
		return -ENOENT;
	}
	r = check_counters(rdt, root, err);
	if (r == 0 && there && rdt->clos)
		r = compare(n, root, err);
	if (r == 0)
		r = make_class(n, root, there, err);
	lines = r == 0 ? lines_of(rdt, !there || !rdt->clos) : NULL;
	if (r == 0)
		r = lines ? write_lines(root, n->k.rdt, lines, &rdt->place, err) :
		    rf_err_set(err, ENOMEM, "schemata");
	free(lines);
	return r == 0 ? make_group(n, root, err) : r;
}

int oci_rdt_make(struct oci_creation *n, struct rf_err *err)
{
	int root, r;

	if (!n->c.rdt.on)
		return 0;
	n->failed_op = "resctrl";
	root = open_root(&n->c.rdt.place, err);
	if (root < 0)
		return root;
	r = make(n, root, err);
	(void)close(root);
	return r;
}

/* -------------------------------------------------------------------- joining */

int oci_rdt_open(const struct oci_container *k, struct rf_sandbox *sb, struct rf_err *err)
{
	struct rf_oci_sandbox *o = &sb->oci;
	int root, r = 0;

	o->nr_rdt = 0;
	if (!k->rdt)
		return 0;
	root = open_root(&o->rdt_place, err);
	if (root < 0)
		return root;
	/* the class first: a group is one of it */
	for (size_t i = 0; r == 0 && i < (k->rdt_monitored ? 2U : 1U); i++) {
		int fd = rf_rdt_tasks(root, k->rdt, i ? k->id : NULL);

		if (fd < 0)
			r = fail(root, &o->rdt_place, fd, i ? "tasks of its group" : "tasks of its class", err);
		else
			o->rdt_fds[o->nr_rdt++] = fd;
	}
	(void)close(root);
	return r;
}

void oci_rdt_opened(struct rf_sandbox *sb)
{
	for (size_t i = 0; i < sb->oci.nr_rdt; i++) {
		if (sb->oci.rdt_fds[i] >= 0)
			(void)close(sb->oci.rdt_fds[i]);
		sb->oci.rdt_fds[i] = -1;
	}
}

/* --------------------------------------------------------------- the rest of it */

int oci_rdt_remove(const struct oci_container *k, struct rf_err *err)
{
	int root = k->rdt ? rf_rdt_open() : -1, r = 0;

	/* what is not mounted any more has nothing in it */
	if (root < 0)
		return 0;
	if (k->rdt_monitored)
		r = rf_rdt_remove_group(root, k->rdt, k->id);
	if (r == 0 && k->rdt_made)
		r = rf_rdt_remove(root, k->rdt, k->rdt_named);
	(void)close(root);
	return r < 0 ? rf_err_set(err, -r, "remove class of service '%s'", k->rdt) : 0;
}

int oci_rdt_update(const struct oci_container *k, const char *l3, const char *mb,
		   struct rf_err *err)
{
	const struct rf_oci_rdt rdt = { .l3 = l3, .mb = mb, .schemata = "" };
	const struct rf_place nowhere = { NULL, 0, 0 };
	char *lines;
	int root, r;

	if (!l3 && !mb)
		return 0;
	if (!k->rdt)
		return rf_err_set(err, EINVAL, "%s: the container has no class of service "
				  "(linux.intelRdt)", l3 ? "--l3-cache-schema" : "--mem-bw-schema");
	root = open_root(&nowhere, err);
	if (root < 0)
		return root;
	lines = lines_of(&rdt, true);
	r = lines ? write_lines(root, k->rdt, lines, &nowhere, err) :
	    rf_err_set(err, ENOMEM, "schemata");
	free(lines);
	(void)close(root);
	return r;
}

/* ----------------------------------------------------------------- what it uses */

/* A number of the kernel's; nothing where there is no such file. */
static void put_number(json_t *o, int root, const char *dir, const char *file, const char *name)
{
	char path[512], text[64];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (rf_rdt_read(root, path, text, sizeof(text)) > 0)
		(void)json_object_set_new(o, name, json_integer((json_int_t)strtoull(text, NULL, 10)));
}

static void put_text(json_t *o, int root, const char *dir, const char *file, const char *name)
{
	char path[512], text[256];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (rf_rdt_read(root, path, text, sizeof(text)) > 0)
		(void)json_object_set_new(o, name, json_string(text));
}

/* The line of schemata that has @word in it, without white space in front. */
static void put_line(json_t *o, char *text, const char *word, const char *name)
{
	char *save = NULL, *copy = strdup(text);

	for (char *p = copy ? strtok_r(copy, "\n", &save) : NULL; p; p = strtok_r(NULL, "\n", &save))
		if (strstr(p, word))
			(void)json_object_set_new(o, name, json_string(p + strspn(p, " \t")));
	free(copy);
}

static json_t *all_lines(char *text)
{
	json_t *list = json_array();
	char *save = NULL;

	for (char *p = strtok_r(text, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
		(void)json_array_append_new(list, json_string(p + strspn(p, " \t")));
	return list;
}

static void put_schemata(json_t *o, const struct oci_container *k, int root)
{
	const bool l3 = rf_rdt_has(root, "info/L3"), mb = rf_rdt_has(root, "info/MB");
	char top[RF_RDT_TEXT] = "", own[RF_RDT_TEXT] = "";

	(void)rf_rdt_read_of(root, "/", NULL, "schemata", top, sizeof(top));
	(void)rf_rdt_read_of(root, k->rdt, NULL, "schemata", own, sizeof(own));
	if (l3) {
		put_line(o, top, "L3", "l3_cache_schema_root");
		put_line(o, own, "L3", "l3_cache_schema");
	}
	if (mb) {
		put_line(o, top, "MB", "mem_bw_schema_root");
		put_line(o, own, "MB", "mem_bw_schema");
	}
	(void)json_object_set_new(o, "schemata", all_lines(own));
}

static json_t *info(int root, const char *dir, const char *const names[3])
{
	json_t *o = json_object();

	for (int i = 0; i < 3; i++) {
		if (!strcmp(names[i], "cbm_mask"))
			put_text(o, root, dir, names[i], names[i]);
		else
			put_number(o, root, dir, names[i], names[i]);
	}
	return o;
}

/* One entry for each domain of the L3 cache, as its directories are in order. */
static void put_counters(json_t *o, const struct oci_container *k, int root)
{
	const char *group = k->rdt_monitored ? k->id : NULL;
	json_t *mbm = json_array(), *cmt = json_array();
	char data[600];

	for (int i = 0; i < 1024; i++) {
		json_t *bytes = json_object(), *occupied = json_object();

		(void)snprintf(data, sizeof(data), "%s%s%s/mon_data/mon_L3_%02d",
			       strcmp(k->rdt, "/") != 0 ? k->rdt : ".", group ? "/mon_groups/" : "",
			       group ? group : "", i);
		put_number(bytes, root, data, "mbm_total_bytes", "mbm_total_bytes");
		put_number(bytes, root, data, "mbm_local_bytes", "mbm_local_bytes");
		put_number(occupied, root, data, "llc_occupancy", "llc_occupancy");
		if (json_object_size(bytes))
			(void)json_array_append(mbm, bytes);
		if (json_object_size(occupied))
			(void)json_array_append(cmt, occupied);
		json_decref(bytes);
		json_decref(occupied);
	}
	if (json_array_size(mbm))
		(void)json_object_set(o, "mbm_stats", mbm);
	if (json_array_size(cmt))
		(void)json_object_set(o, "cmt_stats", cmt);
	json_decref(mbm);
	json_decref(cmt);
}

char *oci_rdt_json(const struct oci_container *k)
{
	static const char *const l3[] = { "cbm_mask", "min_cbm_bits", "num_closids" };
	static const char *const mb[] = { "bandwidth_gran", "delay_linear", "min_bandwidth" };
	int root = k->rdt ? rf_rdt_open() : -1;
	json_t *o = json_object();
	char *text;

	if (root >= 0) {
		if (rf_rdt_has(root, "info/L3"))
			(void)json_object_set_new(o, "l3_cache_info", info(root, "info/L3", l3));
		if (rf_rdt_has(root, "info/MB")) {
			json_t *m = info(root, "info/MB", mb);

			put_number(m, root, "info/MB", "num_closids", "num_closids");
			(void)json_object_set_new(o, "mem_bw_info", m);
		}
		put_schemata(o, k, root);
		put_counters(o, k, root);
		(void)close(root);
	}
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}
