/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence-oci explain: the chain that `create` would run for a bundle, each op with its
 * place in the config.json, and the layers that it would come to.  Starts nothing, makes
 * nothing, and needs no privilege.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chain_print.h"
#include "error.h"
#include "oci_io.h"
#include "oci_runtime.h"
#include "probe.h"
#include "report.h"

enum { OPT_BUNDLE, OPT_FEATURES, OPT_JSON };

struct explain {
	const char	*bundle, *features;
	enum trace_format format;
	struct load	 load;
	struct rf_oci_config c;
	struct rf_oci_groups g;
};

static const struct rf_opt explain_opts[] = {
	{ .name = "bundle", .letter = 'b', .arg = "DIR", .id = OPT_BUNDLE,
	  .help = "the bundle, instead of the current directory", .complete = RF_COMPLETE_DIR },
	{ .name = "features", .arg = "FILE", .id = OPT_FEATURES,
	  .help = "take kernel and caller from FILE and do not look at the host",
	  .complete = RF_COMPLETE_FILE },
	{ .name = "json", .id = OPT_JSON, .help = "print JSON" },
	{ .name = NULL }
};

static int take(void *state, const struct rf_opt *opt, const char *value, struct rf_err *err)
{
	struct explain *e = state;

	(void)err;
	if (opt->id == OPT_BUNDLE)
		e->bundle = value;
	else if (opt->id == OPT_FEATURES)
		e->features = value;
	else
		e->format = TRACE_JSON;
	return 0;
}

static int look(struct explain *e, struct rf_err *err)
{
	struct rf_features *f = &e->load.features;
	int r;

	if (e->features)
		return rf_features_read(e->features, f, err);
	r = rf_probe(f, err);
	if (r == 0 && e->load.sb->user.map == RF_MAP_RANGES)
		r = rf_probe_subids(f, err);
	if (r == 0 && e->c.fragment)
		rf_probe_landlock(f);
	if (r == 0 && rf_oci_has_labels(e->load.sb))
		rf_probe_labels(f);
	return r;
}

static int compile(struct explain *e, struct rf_err *err)
{
	const unsigned int pure = e->features ? RF_OCI_PURE : 0;
	struct rf_sandbox *sb = e->load.sb;
	int r = rf_oci_load(e->bundle, NULL, sb, &e->c, NULL, err);

	if (r == 0 && !e->c.has_process)
		r = rf_err_set(err, EINVAL, "%s/config.json: no `process`", e->bundle);
	if (r == 0)
		r = look(e, err);
	if (r == 0 && e->c.fragment)
		r = rf_oci_tighten(sb, &e->c, e->c.fragment, &e->c.fragment_place, pure, err);
	if (r == 0)
		(void)rf_oci_grant(sb, &e->c, &e->load.features);
	if (r == 0)
		r = rf_oci_groups_print(&e->g, &e->c, sb, pure, err);
	if (r == 0)
		r = rf_oci_resolve(sb, &e->c, &e->load.features, e->bundle, &e->g, pure | RF_OCI_PRINT, err);
	return r < 0 ? r : rf_compile(sb, &e->load.features, &e->load.chain, err);
}

static int explain_main(int argc, char **argv)
{
	struct explain e = { .bundle = ".", .format = TRACE_TEXT };
	struct rf_err err = RF_ERR_INIT;
	int r = oci_options(&oci_cmd_explain, argc, argv, take, &e, NULL, 0, &err);
	char *bundle = r == 0 && !e.features ? realpath(e.bundle, NULL) : NULL;

	if (r == 0 && !e.features && !bundle)
		r = rf_err_set(&err, errno, "--bundle %s", e.bundle);
	if (bundle)
		e.bundle = bundle;
	e.load.sb = rf_sandbox_new();
	if (r == 0 && !e.load.sb)
		r = rf_err_set(&err, ENOMEM, "explain");
	if (r == 0)
		r = compile(&e, &err);
	if (r == 0)
		r = chain_print(&e.load, e.format, &err);
	rf_oci_groups_done(&e.g);
	e.load.chain = rf_chain_free(e.load.chain);
	rf_sandbox_free(e.load.sb);
	free(bundle);
	return r < 0 ? oci_fail_op(&err, "config") : out_finish(0);
}

const struct command oci_cmd_explain = {
	.name = "explain", .args = "[option...]", .opts = explain_opts, .main = explain_main,
	.help = "print the operations of `create` and `start`; run nothing",
};
