/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reader of a process.json on anything: it answers 0 or one error with a message, and
 * what it accepts compiles as one more process of a container, or is refused with one.
 */
#include "fuzz_oci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;
	struct rf_oci_config c;
	int r;

	if (!sb)
		return 0;
	r = rf_oci_parse_process("process.json", (const char *)data, size, sb, &c, &err);
	check_error(r, &err);
	if (r == 0) {
		check_process(sb);
		sb->oci.enters = true;
		sb->network = RF_NET_NONE;
		sb->ns[RF_NS_MOUNT].mode = sb->ns[RF_NS_PID].mode = RF_NS_JOIN_FD;
		sb->ns[RF_NS_MOUNT].fd = sb->ns[RF_NS_PID].fd = RF_NO_DESCRIPTOR;
		compile(sb, &c);
	}
	rf_sandbox_free(sb);
	return 0;
}
