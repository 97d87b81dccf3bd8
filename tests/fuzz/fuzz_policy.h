/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policies on anything, in their own language or as profiles: 0 or one error with
 * a message; what is accepted compiles or is too large, and its program answers
 * as the policy does.  For the two targets; one source each.
 */
#ifndef RF_FUZZ_POLICY_H
#define RF_FUZZ_POLICY_H

#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct rf_policy *p, const struct rf_filter *f)
{
	static const uint32_t archs[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_ARM };
	static const uint64_t args[] = { 0, 1, 0x5412, 0x100005412, UINT64_MAX, 0x10000000 };

	if (!rf_filter_valid(f->insns, f->nr))
		abort();
	for (size_t a = 0; a < 3; a++)
		for (int nr = -1; nr < 480; nr += 7)
			for (size_t k = 0; k < 6; k++) {
				struct seccomp_data d = { .nr = nr, .arch = archs[a],
					.args = { args[k], args[(k + 1) % 6], args[(k + 2) % 6] } };
				const struct rf_rule *rule;

				if (rf_filter_run(f->insns, f->nr, &d) != rf_policy_decide(p, &d, &rule))
					abort();
			}
}

static inline void fuzz_policy(const char *name, const uint8_t *data, size_t size)
{
	struct rf_policy_reader reader = { .machine = RF_ABI_X86_64, .flags = RF_POLICY_NO_FILES };
	struct rf_err err = RF_ERR_INIT;
	struct rf_policy *p = NULL;
	struct rf_filter f = { 0 };
	int r = rf_policy_parse_for(&reader, name, (const char *)data, size, &p, &err);

	if (!r) {
		r = rf_policy_compile(p, &f, &err);
		if (!r)
			compare(p, &f);
		else if (r != -E2BIG)
			abort();
		rf_filter_done(&f);
	}
	if (r && (r != -err.code || !err.msg[0]))
		abort();
	rf_policy_free(p);
}

#endif
