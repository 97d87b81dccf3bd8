/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reader of profiles of Docker and the OCI on anything. */
#include "fuzz_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* what does not begin with '{' is fuzz_policy's */
	if (!size || data[0] == '{')
		fuzz_policy("profile", data, size);
	return 0;
}
