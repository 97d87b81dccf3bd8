/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Without memory the front ends say so, at every allocation of theirs.  The
 * linker sends these here (--wrap in Makefile.am).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#include "ringfence.h"
#include "probe.h"
#include "spec.h"

void *__real_malloc(size_t size);
void *__real_rf_sandbox_alloc(struct rf_sandbox *sb, size_t size);
char *__real_rf_sandbox_strdup(struct rf_sandbox *sb, const char *s);
void *__wrap_malloc(size_t size);
void *__wrap_rf_sandbox_alloc(struct rf_sandbox *sb, size_t size);
char *__wrap_rf_sandbox_strdup(struct rf_sandbox *sb, const char *s);

/* Allocations until the one that fails; -1: none does. */
static int left = -1;

static bool is_over(void)
{
	return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return is_over() ? NULL : __real_malloc(size);
}

void *__wrap_rf_sandbox_alloc(struct rf_sandbox *sb, size_t size)
{
	return is_over() ? NULL : __real_rf_sandbox_alloc(sb, size);
}

char *__wrap_rf_sandbox_strdup(struct rf_sandbox *sb, const char *s)
{
	return is_over() ? NULL : __real_rf_sandbox_strdup(sb, s);
}

static const char spec[] =
	"extends: [build]\ncommand: [a, b]\nroot: ./tree\nhostname: h\n"
	"env: {keep: [A, HOME], set: {B: c, D: e}}\nnamespaces: [user, mount, net, {pid: ./p}]\n"
	"mounts:\n- {ro: /usr}\n- {tmpfs: \"~/t\"}\n- {overlay: /o, lower: [/a, b], upper: u, work: w}\n"
	"- {deny: /home/user/t/x}\n- {ro: {fd: 3}, at: /x}\n"
	"user: {uid: 0, gid: 0, groups: [0], map: {uid: [{inside: 0, outside: 1}], gid: [{inside: 0, outside: 1}]}}\n"
	"affinity: [0-3]\nfds: {3: {open: a}, 4: inherit}\n";

static const struct { const char *name, *value; } options[] = {
	{ "ro", "/a:/b:optional" }, { "namespaces", "user,mount,net,uts,pid=host,ipc=fd:5" },
	{ "env", "A=b" }, { "env", "C" }, { "map", "uid:0:0:1,gid:0:0:1" }, { "fd", "5:open=x" },
	{ "limit-core", "0:1" }, { "affinity", "0,1" }, { "mount", "{dir: /d}" }, { "uid", "0" },
	{ "overlay", "/p:lower=/a,lower=/b" }, { "ro-fd", "3:/five" }, { "groups", "0" },
};

static int read_all(struct rf_sandbox *sb, struct rf_err *err)
{
	static const struct rf_features features = { .uid = 1000, .gid = 1000 };
	static char *const argv[] = { "x", "y" };
	int r = rf_spec_parse("spec", spec, sizeof(spec) - 1, 0, sb, err);

	for (size_t i = 0; i < ARRAY_SIZE(options) && !r; i++)
		for (const struct rf_opt *o = rf_spec_options; o->name && !r; o++)
			if (!strcmp(o->name, options[i].name))
				r = rf_option_apply(o, options[i].value, sb, err);
	if (!r)
		r = rf_command_set(2, argv, sb, err);
	return r ? r : rf_sandbox_resolve(sb, &features, RF_RESOLVE_PURE, err);
}

TEST(every_allocation_may_fail)
{
	int n = 0, r;

	do {
		struct rf_sandbox *sb = rf_sandbox_new();
		struct rf_err err = RF_ERR_INIT;
		bool failed;

		left = n;
		r = read_all(sb, &err);
		failed = left < 0;
		left = -1;
		if (failed && (r != -ENOMEM || err.code != ENOMEM || !err.msg[0]))
			fail_msg("allocation %d: %d, %s", n, r, err.msg);
		if (!failed && r)
			fail_msg("%s:%u:%u: %s", err.file, err.line, err.col, err.msg);
		rf_sandbox_free(sb);
		n++;
	} while (r);
	EXPECT_TRUE(n > 500);
}
