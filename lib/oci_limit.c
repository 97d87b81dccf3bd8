/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits of a config.json, and its rules for devices, written into a container's control
 * groups (oci_cgroup.c), whichever version they are of.
 */
#include "oci_config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "error.h"

static const struct rf_oci_group *tree_of(const struct rf_oci_groups *g, const char *controller)
{
	for (size_t i = 0; i < g->nr; i++) {
		const struct rf_oci_group *t = &g->trees[i];

		if (t->dir && t->v2 == g->unified &&
		    (t->v2 || rf_oci_names_controller(t->name, controller)))
			return t;
	}
	return NULL;
}

static int refuse_without_group(const char *path, const struct rf_place *place,
				const char *controller, struct rf_err *err)
{
	return rf_err_at(err, place, EOPNOTSUPP, "%s: there is no group of the controller %s to "
			 "limit", path, controller);
}

/* The group uses more than @l would let it: `checkBeforeUpdate`. */
static int check_usage(const struct rf_oci_group *t, const struct rf_oci_limit *l,
		       struct rf_err *err)
{
	char used[32];
	ssize_t n = rf_cgroup_read(t->dir, l->v2_usage, used, sizeof(used));

	if (n < 0)
		return rf_err_at(err, &l->place, (int)-n, "%s: read %s/%s", l->path, t->dir,
				 l->v2_usage);
	if (strtoull(used, NULL, 10) <= strtoull(l->v2_text, NULL, 10))
		return 0;
	return rf_err_at(err, &l->place, EBUSY, "%s: %s bytes are in use, so %s is no limit for it",
			 l->path, used, l->v2_text);
}

/* What is left of @l's text without what the group has by another file already. */
static int subtract(const struct rf_oci_group *t, const struct rf_oci_limit *l, char buf[static 32],
		    struct rf_err *err)
{
	const unsigned long long all = strtoull(l->v1_text, NULL, 10);
	ssize_t n = rf_cgroup_read(t->dir, l->v2_less, buf, 32);
	/* "max" is more than any */
	const unsigned long long less = n > 0 && *buf != 'm' ? strtoull(buf, NULL, 10) : ULLONG_MAX;

	if (n < 0)
		return rf_err_at(err, &l->place, (int)-n, "%s: read %s/%s", l->path, t->dir, l->v2_less);
	if (less > all)
		return rf_err_at(err, &l->place, EINVAL, "%s: %s is less than %s/%s", l->path, l->v1_text,
				 t->dir, l->v2_less);
	(void)snprintf(buf, 32, "%llu", all - less);
	return 0;
}

/* A file of version 2 is not there if the group above does not hand the controller down. */
static void hint_occupied(const struct rf_oci_group *t, struct rf_err *err)
{
	char above[4096];

	(void)snprintf(above, sizeof(above), "%.*s", (int)(strrchr(t->dir, '/') - t->dir), t->dir);
	if (t->v2 && rf_cgroup_is_occupied(above))
		rf_err_hint(err, "a group with processes in it cannot limit groups below it: %s", above);
}

static int write_limit(const struct rf_oci_groups *g, const struct rf_oci_limit *l,
		       struct rf_err *err)
{
	const struct rf_oci_group *t = tree_of(g, l->controller);
	const char *file = g->unified ? l->v2_file : l->v1_file;
	const char *text = g->unified ? l->v2_text : l->v1_text;
	char rest[32];
	int r;

	if (file && !*file)	/* the other version's */
		return 0;
	if (g->unified && t && l->v2_less) {
		r = subtract(t, l, rest, err);
		if (r < 0)
			return r;
		text = rest;
	}
	if (!file || !text)
		return rf_err_at(err, &l->place, EOPNOTSUPP, "%s: control groups of version %d have no %s",
				 l->path, g->unified ? 2 : 1, g->unified ? l->v1_file : l->v2_file);
	if (!t)
		return refuse_without_group(l->path, &l->place, l->controller, err);
	if (g->unified && l->v2_usage) {
		r = check_usage(t, l, err);
		if (r < 0)
			return r;
	}
	r = rf_cgroup_write(t->dir, file, text);
	if (r == -ENOENT && g->unified && l->v2_else_file &&
	    rf_cgroup_write(t->dir, l->v2_else_file, l->v2_else_text) == 0)
		r = 0;
	if (r == -ENOENT && l->optional)
		return 0;
	if (r == 0)
		return 0;
	/* EINVAL is the kernel's here, and would not be said */
	rf_err_at(err, &l->place, -r, "%s: write %s to %s/%s%s", l->path, text, t->dir, file,
		  r == -EINVAL ? ": Invalid argument" : "");
	if (r == -ENOENT)
		hint_occupied(t, err);
	return r;
}

/* -------------------------------------------------------------------- devices */

static void print_number(char *buf, size_t size, int64_t n)
{
	if (n < 0)
		(void)snprintf(buf, size, "*");
	else
		(void)snprintf(buf, size, "%" PRId64, n);
}

/* As version 1 reads it: "c 1:3 rwm"; "a" is everything. */
static void print_rule(char *buf, size_t size, const struct rf_device_rule *rule)
{
	char major[24], minor[24];

	print_number(major, sizeof(major), rule->major);
	print_number(minor, sizeof(minor), rule->minor);
	if (rule->type == 'a')
		(void)snprintf(buf, size, "a");
	else
		(void)snprintf(buf, size, "%c %s:%s %s%s%s", rule->type, major, minor,
			       rule->access & RF_DEVICE_READ ? "r" : "",
			       rule->access & RF_DEVICE_WRITE ? "w" : "",
			       rule->access & RF_DEVICE_MKNOD ? "m" : "");
}

/* A node alone lets nobody use the device. */
static bool is_about_nodes(const struct rf_oci_rule *rule)
{
	return rule->usual && rule->is.access == RF_DEVICE_MKNOD;
}

/*
 * Those about nodes last: Docker takes a device away that nothing has allowed, and that is
 * to be no exception to the nodes that may be made.
 */
static void order_for_v1(const struct rf_oci_config *c, const struct rf_oci_rule **order,
			 struct rf_device_rule *rules)
{
	size_t nr = 0;

	for (int last = 0; last < 2; last++)
		for (size_t i = 0; i < c->nr_rules; i++)
			if (is_about_nodes(&c->rules[i]) == last) {
				order[nr] = &c->rules[i];
				rules[nr++] = c->rules[i].is;
			}
}

static int write_rules_v1(const struct rf_oci_group *t, const struct rf_oci_config *c,
			  const struct rf_oci_rule **order, struct rf_device_rule *rules,
			  struct rf_err *err)
{
	char text[64];
	size_t lost;
	int dir, r = 0;

	order_for_v1(c, order, rules);
	lost = rf_device_lost_on_v1(rules, c->nr_rules);
	if (lost < c->nr_rules)
		return rf_err_at(err, &order[lost]->place, EOPNOTSUPP, "%s: control groups of version "
				 "1 make no exception to an exception", order[lost]->path);
	dir = open(t->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; r == 0 && i < c->nr_rules; i++) {
		const char *file = rules[i].allow ? "devices.allow" : "devices.deny";

		print_rule(text, sizeof(text), &rules[i]);
		r = dir < 0 ? -errno : rf_cgroup_write_at(dir, file, text);
		if (r < 0)
			rf_err_at(err, &order[i]->place, -r, "%s: write %s to %s/%s",
				  order[i]->path, text, t->dir, file);
	}
	if (dir >= 0)
		(void)close(dir);
	return r;
}

static int write_rules_v2(const struct rf_oci_group *t, const struct rf_oci_config *c,
			  const struct rf_device_rule *rules, struct rf_err *err)
{
	int r = rf_device_attach(t->dir, rules, c->nr_rules);

	if (r == 0)
		return 0;
	rf_err_at(err, &c->rules[0].place, -r, "linux.resources.devices: bpf for %s", t->dir);
	if (r == -EPERM)
		rf_err_hint(err, "rules for devices are a program of the kernel's there, which takes "
			    "CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, and no filter that refuses bpf(2)");
	return r;
}

static int write_rules(const struct rf_oci_groups *g, const struct rf_oci_config *c,
		       struct rf_err *err)
{
	const struct rf_oci_group *t = tree_of(g, "devices");
	const struct rf_oci_rule **order;
	struct rf_device_rule *rules;
	int r = -ENOMEM;

	if (!t)
		return refuse_without_group(c->rules[0].path, &c->rules[0].place, "devices", err);
	rules = calloc(c->nr_rules, sizeof(*rules));
	order = calloc(c->nr_rules, sizeof(*order));
	for (size_t i = 0; rules && i < c->nr_rules; i++)
		rules[i] = c->rules[i].is;
	if (!rules || !order)
		rf_err_set(err, ENOMEM, "linux.resources.devices");
	else
		r = g->unified ? write_rules_v2(t, c, rules, err) :
				 write_rules_v1(t, c, order, rules, err);
	free(order);
	free(rules);
	return r;
}

int rf_oci_groups_limit(const struct rf_oci_groups *g, const struct rf_oci_config *c,
			bool host_root, struct rf_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->nr_limits; i++)
		r = write_limit(g, &c->limits[i], err);
	return r == 0 && host_root && c->nr_rules ? write_rules(g, c, err) : r;
}

/* -------------------------------------------------------------------- telling */

static bool is_told(const struct rf_oci_groups *g, const struct rf_oci_limit *l,
		    struct rf_fact *ret)
{
	ret->name = g->unified ? l->v2_file : l->v1_file;
	ret->value = g->unified ? l->v2_text : l->v1_text;
	return ret->name && *ret->name && ret->value;
}

/* The last value of a file is the one that holds, but for those with a line for each disk. */
static void tell_one(struct rf_oci_sandbox *o, const struct rf_fact *fact)
{
	const bool lines = !strncmp(fact->name, "blkio.", 6) || !strncmp(fact->name, "io.", 3);
	size_t i = 0;

	while (i < o->nr_limits && (lines || strcmp(o->limits[i].name, fact->name) != 0))
		i++;
	o->limits[i] = *fact;
	o->nr_limits += i == o->nr_limits;
}

int rf_oci_groups_tell(const struct rf_oci_groups *g, const struct rf_oci_config *c,
		       struct rf_sandbox *sb)
{
	struct rf_oci_sandbox *o = &sb->oci;

	o->limits = rf_sandbox_alloc(sb, (c->nr_limits + 1) * sizeof(*o->limits));
	if (!o->limits)
		return -ENOMEM;
	for (size_t i = 0; i < c->nr_limits; i++) {
		struct rf_fact fact;

		if (tree_of(g, c->limits[i].controller) && is_told(g, &c->limits[i], &fact))
			tell_one(o, &fact);
	}
	return 0;
}
