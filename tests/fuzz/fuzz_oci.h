/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the targets for readers of the OCI runtime have in common.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "oci_config.h"
#include "probe.h"
#include "ringfence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void check_error(int r, const struct rf_err *err)
{
	if (r < 0 && (r != -err->code || !err->msg[0]))
		abort();
}

/* A container or a process of one, as root of the host, without looking at it. */
static inline void compile(struct rf_sandbox *sb, struct rf_oci_config *c)
{
	static const struct rf_features features = {
		.kernel = RF_KERNEL(6, 18), .caps = (1ULL << 41) - 1, .last_cap = 40,
		.nofile = 1024, .host_root = true, .landlock = 7, .apparmor = true, .selinux = true,
	};
	struct rf_err err = RF_ERR_INIT;
	struct rf_chain *chain = NULL;
	int r;

	sb->root.path = sb->scratch = "/rootfs";
	if (!sb->oci.enters && (rf_oci_label_mounts(sb, &err) < 0 ||
				rf_oci_default_devices(sb, c, &features) < 0))
		return;
	r = rf_compile(sb, &features, &chain, &err);
	check_error(r, &err);
	rf_chain_free(chain);
}

static inline void check_process(const struct rf_sandbox *sb)
{
	const struct rf_cap_sets *caps = &sb->oci.caps;

	if (!sb->nr_argv || !sb->argv || sb->argv[sb->nr_argv] || !sb->cwd || sb->cwd[0] != '/' ||
	    sb->umask > 0777)
		abort();
	if (caps->effective & ~caps->permitted || sb->ambient & ~caps->permitted ||
	    sb->ambient & ~caps->inheritable)
		abort();
	for (size_t i = 0; i < 16; i++)
		if (sb->rlimit_set >> i & 1 && sb->rlimits[i].soft > sb->rlimits[i].hard)
			abort();
}
