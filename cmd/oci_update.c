/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence-oci update: other limits for a container that runs.  Options become what a
 * file would have said, so that they mean what the keys of a config.json mean.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "oci_runtime.h"
#include "oci_systemd.h"
#include "probe.h"
#include "spec.h"

enum { OPT_RESOURCES = 1000, OPT_L3, OPT_MB };

/* An option's id is its row here, and where its value goes. */
enum kind { NUMBER, BYTES, TEXT };
static const struct { const char *object, *key; enum kind kind; } keys[] = {
	{ "memory", "limit", BYTES }, { "memory", "reservation", BYTES }, { "memory", "swap", BYTES },
	{ "cpu", "shares", NUMBER }, { "cpu", "quota", NUMBER }, { "cpu", "period", NUMBER },
	{ "cpu", "burst", NUMBER }, { "cpu", "realtimeRuntime", NUMBER },
	{ "cpu", "realtimePeriod", NUMBER }, { "cpu", "idle", NUMBER }, { "cpu", "cpus", TEXT },
	{ "cpu", "mems", TEXT }, { "pids", "limit", NUMBER }, { "blockIO", "weight", NUMBER },
	{ "memory", "kernelTCP", BYTES }, { "memory", "kernel", BYTES },
};

static const struct rf_opt update_opts[] = {
	{ .name = "resources", .letter = 'r', .arg = "FILE", .id = OPT_RESOURCES,
	  .help = "resources as JSON; - is standard input", .complete = RF_COMPLETE_FILE },
	{ .name = "memory", .arg = "BYTES", .id = 0, .help = "limit of memory" },
	{ .name = "memory-reservation", .arg = "BYTES", .id = 1, .help = "soft limit of memory" },
	{ .name = "memory-swap", .arg = "BYTES", .id = 2, .help = "limit of memory and swap" },
	{ .name = "cpu-share", .arg = "N", .id = 3, .help = "weight of processor time" },
	{ .name = "cpu-quota", .arg = "USEC", .id = 4, .help = "processor time in a period" },
	{ .name = "cpu-period", .arg = "USEC", .id = 5, .help = "the period" },
	{ .name = "cpu-burst", .arg = "USEC", .id = 6, .help = "what may be saved up" },
	{ .name = "cpu-rt-runtime", .arg = "USEC", .id = 7, .help = "realtime in a period" },
	{ .name = "cpu-rt-period", .arg = "USEC", .id = 8, .help = "the period" },
	{ .name = "cpu-idle", .arg = "N", .id = 9, .help = "1: only what nobody else wants" },
	{ .name = "cpuset-cpus", .arg = "LIST", .id = 10, .help = "processors" },
	{ .name = "cpuset-mems", .arg = "LIST", .id = 11, .help = "memory nodes" },
	{ .name = "pids-limit", .arg = "N", .id = 12, .help = "number of tasks" },
	{ .name = "blkio-weight", .arg = "N", .id = 13, .help = "weight of disk I/O" },
	{ .name = "kernel-memory-tcp", .arg = "BYTES", .id = 14, .help = "limit of buffers of TCP" },
	{ .name = "kernel-memory", .arg = "BYTES", .id = 15, .help = "refused: kernels have it no more" },
	{ .name = "l3-cache-schema", .arg = "TEXT", .id = OPT_L3, .help = "parts of the L3 cache, by resctrl" },
	{ .name = "mem-bw-schema", .arg = "TEXT", .id = OPT_MB, .help = "bandwidth of memory, likewise" },
	{ .name = NULL }
};

struct update {
	const char	*file;
	const char	*l3, *mb;
	json_t		*said;
};

/* Digits, a sign, and for bytes a unit: 64m. */
static int read_number(const char *text, enum kind kind, json_int_t *ret)
{
	static const char units[] = "bkmgt";
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || end == text || n < -1)
		return -EINVAL;
	if (kind == BYTES && *end && !end[1]) {
		const char *unit = strchr(units, *end | 0x20);

		for (long i = 0; unit && i < unit - units; i++)
			if (__builtin_mul_overflow(n, 1024LL, &n))
				return -EINVAL;
		end += unit ? 1 : 0;
	}
	*ret = n;
	return *end ? -EINVAL : 0;
}

static int take_schema(struct update *u, const struct rf_opt *opt, const char *value,
		       struct rf_err *err)
{
	const char *wrong = rf_oci_schema_wrong(value, opt->id == OPT_L3 ? "L3" : "MB:");

	*(opt->id == OPT_L3 ? &u->l3 : &u->mb) = value;
	return wrong ? rf_err_set(err, EINVAL, "--%s: %s", opt->name, wrong) : 0;
}

static int take(void *state, const struct rf_opt *opt, const char *value, struct rf_err *err)
{
	struct update *u = state;
	json_t *object, *json;
	json_int_t n = 0;

	if (opt->id == OPT_RESOURCES) {
		u->file = value;
		return 0;
	}
	if (*value && (opt->id == OPT_L3 || opt->id == OPT_MB))
		return take_schema(u, opt, value, err);
	if (!*value)	/* as engines pass what nobody has said */
		return 0;
	if (keys[opt->id].kind != TEXT && read_number(value, keys[opt->id].kind, &n) < 0)
		return rf_err_set(err, EINVAL, "--%s: '%.40s' is no number", opt->name, value);
	object = json_object_get(u->said, keys[opt->id].object);
	if (!object) {
		object = json_object();
		(void)json_object_set_new(u->said, keys[opt->id].object, object);
	}
	json = keys[opt->id].kind == TEXT ? json_string(value) : json_integer(n);
	return json_object_set_new(object, keys[opt->id].key, json) < 0 ?
	       rf_err_set(err, ENOMEM, "--%s", opt->name) : 0;
}

/* From the file, or else from the options. */
static int read_resources(const struct update *u, struct rf_sandbox *sb, struct rf_oci_config *c,
			  struct rf_err *err)
{
	char *text = NULL;
	size_t len = 0;
	int r;

	if (u->file) {
		r = rf_spec_text(u->file, &text, &len, err);
		if (r < 0)
			return r;
	} else {
		text = json_dumps(u->said, JSON_COMPACT);
		len = text ? strlen(text) : 0;
	}
	r = text ? rf_oci_parse_resources(u->file ? u->file : "update", text, len, sb, c, err) :
		   rf_err_set(err, ENOMEM, "update");
	free(text);
	return r;
}

/* The groups as the state has them, for who writes limits. */
static void groups_of(const struct oci_container *k, struct rf_oci_groups *g)
{
	*g = (struct rf_oci_groups){ .nr = k->nr_groups };
	for (size_t i = 0; i < k->nr_groups; i++) {
		g->trees[i].dir = k->groups[i].dir;
		g->trees[i].name = k->groups[i].name;
		g->trees[i].v2 = !*k->groups[i].name;
		g->unified |= g->trees[i].v2;
	}
}

/* What systemd has to know, so that it does not write other limits over ours. */
static int tell_systemd(const struct oci_container *k, struct rf_sandbox *sb,
			const struct rf_oci_config *c, bool host_root, struct rf_err *err)
{
	char *devices = host_root ? oci_scope_devices() : NULL;
	struct rf_oci_unit u = { .name = NULL };
	struct rf_oci_groups g;
	int r;

	groups_of(k, &g);
	r = rf_oci_unit_limits(sb, c, g.unified, devices, &u, err);
	free(devices);
	return r < 0 ? r : oci_scope_set(k, &u, err);
}

/*
 * Memory alone is never more than memory and swap, so of the two the one that grows goes
 * last, whichever that is.
 */
static int write_limits(const struct oci_container *k, struct rf_oci_config *c, bool host_root,
			struct rf_err *err)
{
	struct rf_err first = RF_ERR_INIT;
	struct rf_oci_groups g;

	groups_of(k, &g);
	if (rf_oci_groups_limit(&g, c, host_root, &first) == 0)
		return 0;
	for (size_t i = 0; i < c->nr_limits / 2; i++) {
		struct rf_oci_limit other = c->limits[i];

		c->limits[i] = c->limits[c->nr_limits - 1 - i];
		c->limits[c->nr_limits - 1 - i] = other;
	}
	/* what the first order could not do, the second may; the first error says more */
	if (rf_oci_groups_limit(&g, c, host_root, NULL) == 0)
		return 0;
	*err = first;
	return -EIO;
}

static int update(const struct update *u, const char *id, struct rf_err *err)
{
	struct oci_container k = OCI_CONTAINER_INIT;
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_features f;
	struct rf_oci_config c;
	char *text;
	int r = sb ? rf_probe(&f, err) : rf_err_set(err, ENOMEM, "update");

	if (r == 0)
		r = read_resources(u, sb, &c, err);
	if (r == 0)
		r = oci_state_open(&k, id, err);
	if (r == 0 && oci_state_status(&k) == OCI_STOPPED)
		r = rf_err_set(err, EINVAL, "container not running");
	text = r == 0 ? oci_state_annotation(&k, RF_OCI_FRAGMENT) : NULL;
	if (text)
		r = rf_oci_check_update(&c, text, err);
	free(text);
	if (r == 0 && k.unit)
		r = tell_systemd(&k, sb, &c, f.host_root, err);
	if (r == 0)
		r = write_limits(&k, &c, f.host_root, err);
	if (r == 0)
		r = oci_rdt_update(&k, u->l3, u->mb, err);
	oci_state_close(&k);
	rf_sandbox_free(sb);
	return r;
}

static int update_main(int argc, char **argv)
{
	struct update u = { .said = json_object() };
	struct rf_err err = RF_ERR_INIT;
	char *words[1];
	int r = oci_options(&oci_cmd_update, argc, argv, take, &u, words, 1, &err);

	if (r == 0)
		return oci_usage("update: no container ID");
	if (r > 0)
		r = update(&u, words[0], &err);
	if (!u.file)	/* what the options came to is no file of anybody's */
		err.file[0] = '\0';
	json_decref(u.said);
	return r < 0 ? oci_fail_op(&err, "update") : 0;
}

const struct command oci_cmd_update = {
	.name = "update", .args = "[option...] <container-id>", .opts = update_opts,
	.help = "change the limits of a container", .main = update_main,
};
