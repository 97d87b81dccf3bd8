/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Id maps of anything, in a config.json that is all right but for them: what is accepted
 * is ranges that the kernel's numbers hold, and compiles or is refused with a message.
 */
#include "fuzz_oci.h"

static const char before[] =
	"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\","
	"\"args\":[\"sh\"]},\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"}],"
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],\"uidMappings\":";

static void check_map(const struct rf_idrange *map, size_t nr)
{
	if (nr > 340 || (nr && !map))
		abort();
	for (size_t i = 0; i < nr; i++)
		if (!map[i].count || (uint64_t)map[i].inside + map[i].count > UINT32_MAX ||
		    (uint64_t)map[i].outside + map[i].count > UINT32_MAX)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;
	struct rf_oci_config c;
	char *text = malloc(sizeof(before) + size + 3);
	size_t len = sizeof(before) - 1;
	int r;

	if (sb && text) {
		memcpy(text, before, len);
		if (size)
			memcpy(text + len, data, size);
		memcpy(text + len + size, "}}", 3);
		r = rf_oci_parse("config.json", text, len + size + 2, sb, &c, &err);
		check_error(r, &err);
		if (r == 0) {
			check_map(sb->user.uid_map, sb->user.nr_uid_map);
			check_map(sb->user.gid_map, sb->user.nr_gid_map);
			compile(sb, &c);
		}
	}
	free(text);
	rf_sandbox_free(sb);
	return 0;
}
