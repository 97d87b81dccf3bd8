/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The spec reader on anything: it answers 0 or one error with a message, and
 * what it accepts holds what the compiler relies on.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ringfence.h"
#include "probe.h"
#include "spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_model(const struct rf_sandbox *sb)
{
	if (!sb->nr_argv || sb->argv[sb->nr_argv] || !sb->envp || !sb->path)
		abort();
	if (sb->nr_mounts > RF_MOUNTS_MAX || sb->ambient & ~sb->capabilities)
		abort();
	for (size_t i = 0; i < sb->nr_mounts; i++) {
		const struct rf_mount *m = &sb->mounts[i];

		if (!m->at || m->at[0] != '/' || strstr(m->at, "//") || strstr(m->at, "/../") ||
		    (m->at[1] && m->at[strlen(m->at) - 1] == '/'))
			abort();
		if (m->kind <= RF_MOUNT_RW && (!m->source || m->source[0] != '/'))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rf_features features = { .uid = 1000, .gid = 1000 };
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;
	int r;

	if (!sb)
		return 0;
	r = rf_spec_parse("spec", (const char *)data, size, RF_SPEC_NO_FILES, sb, &err);
	if (!r)
		r = rf_sandbox_resolve(sb, &features, RF_RESOLVE_PURE, &err);
	if (!r)
		check_model(sb);
	else if (r != -err.code || !err.msg[0] || (r != -EINVAL && r != -ENOMEM))
		abort();
	rf_sandbox_free(sb);
	return 0;
}
