/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policy language on anything. */
#include "fuzz_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* what begins with '{' is fuzz_oci_profile's */
	if (!size || data[0] != '{')
		fuzz_policy("policy", data, size);
	return 0;
}
