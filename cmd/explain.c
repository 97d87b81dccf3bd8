/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence explain: the chain that `run` would run, each op with its place in
 * the spec.  Starts nothing and needs no privilege.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain_print.h"
#include "command.h"
#include "error.h"
#include "load.h"
#include "options.h"
#include "report.h"
#include "spec.h"

enum { OPT_SPEC, OPT_JSON, OPT_FEATURES, OPT_PRINT_FEATURES, OPT_AS_FALLBACK, OPT_HELP };

static const struct rf_opt explain_opts[] = {
	{ .name = "spec", .letter = 's', .arg = "FILE", .id = OPT_SPEC,
	  .help = "read the sandbox from FILE (YAML or JSON; - is standard input)",
	  .complete = RF_COMPLETE_FILE },
	{ .name = "json", .id = OPT_JSON, .help = "print JSON" },
	{ .name = "features", .arg = "FILE", .id = OPT_FEATURES,
	  .help = "take kernel and caller from FILE and do not look at the host",
	  .complete = RF_COMPLETE_FILE },
	{ .name = "print-features", .id = OPT_PRINT_FEATURES,
	  .help = "print what --features reads, as it is here; no chain" },
	{ .name = "as-fallback", .id = OPT_AS_FALLBACK,
	  .help = "as it would be where namespaces cannot be had" },
	{ .name = "help", .letter = 'h', .id = OPT_HELP, .help = "print this help" },
	{ .name = NULL }
};

static int explain_main(int argc, char **argv);

const struct command cmd_explain = {
	.name	= "explain",
	.args	= "[option...] [--] [command [argument...]]",
	.help	= "print the operations that `run` would do; run nothing",
	.opts	= explain_opts,
	.flags	= COMMAND_SPEC | COMMAND_RUNS,
	.main	= explain_main,
};

struct explain {
	struct load	 load;
	enum trace_format format;
	const char	*features;
	bool		 print_features;
	bool		 as_fallback;
};

static int explain_take(void *state, const struct rf_opt *opt, int is_spec, const char *value,
			struct rf_err *err)
{
	struct explain *e = state;

	if (is_spec)
		return rf_option_apply(opt, value, e->load.sb, err);
	switch (opt->id) {
	case OPT_SPEC:
		return load_spec(&e->load, value, err);
	case OPT_JSON:
		e->format = TRACE_JSON;
		return 0;
	case OPT_FEATURES:
		e->features = value;
		return 0;
	case OPT_PRINT_FEATURES:
		e->print_features = true;
		return 0;
	case OPT_AS_FALLBACK:
		e->as_fallback = true;
		return 0;
	default:
		return OPTIONS_STOP;
	}
}

static int print_features(const struct explain *e, struct rf_err *err)
{
	struct rf_features f;
	char text[4096];
	int r;

	r = e->features ? rf_features_read(e->features, &f, err) : rf_probe(&f, err);
	if (r == 0 && !e->features)
		r = rf_probe_subids(&f, err);
	if (r < 0)
		return r;
	if (!e->features) {
		rf_probe_landlock(&f);
		rf_probe_labels(&f);
	}
	rf_features_print(&f, text, sizeof(text));
	out("%s", text);
	return 0;
}

static int explain(struct explain *e, int argc, char **argv, struct rf_err *err)
{
	int first, r;

	r = load_init(&e->load, err);
	if (r < 0)
		return r;
	first = options_parse(&cmd_explain, argc, argv, explain_take, e, err);
	if (first < 0)
		return first;
	if (e->print_features)
		return print_features(e, err);
	r = rf_command_set(argc - first, argv + first, e->load.sb, err);
	if (r < 0)
		return r;
	r = load_to_print(&e->load, e->features, err);
	if (r < 0)
		return r;
	if (e->as_fallback && e->load.sb->fallback == RF_FALLBACK_NONE)
		return rf_err_set(err, EINVAL, "--as-fallback: the spec allows none");
	if (e->as_fallback && e->features)
		return rf_err_set(err, EINVAL, "--as-fallback looks at the host, --features must not");
	if (e->as_fallback)
		r = load_fall_back(&e->load, "--as-fallback", err);
	if (r < 0)
		return r;
	r = rf_chain_check(e->load.chain, err);
	if (r < 0)
		return r;
	return chain_print(&e->load, e->format, err);
}

static int explain_main(int argc, char **argv)
{
	struct explain e = { .format = TRACE_TEXT };
	struct rf_err err = RF_ERR_INIT;
	int r, status;

	r = explain(&e, argc, argv, &err);
	if (r == OPTIONS_STOP) {
		status = help_command(&cmd_explain);
	} else if (r < 0) {
		report_error(&err, 0);
		status = report_status(&err);
	} else {
		status = out_finish(0);
	}
	load_done(&e.load);
	return status;
}
