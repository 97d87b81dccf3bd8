/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci_case.h"

#include <errno.h>
#include <string.h>

const struct rf_features oci_features = {
	.kernel = RF_KERNEL(6, 18), .caps = (1ULL << 41) - 1, .last_cap = 40, .nofile = 1024,
	.host_root = true, .apparmor = true, .selinux = true,
};

struct rf_sandbox *oci_good(const char *text, struct rf_oci_config *c)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;

	if (rf_oci_parse("config.json", text, strlen(text), sb, c, &err) < 0)
		fail_msg("%s\n  %u:%u: %s", text, err.line, err.col, err.msg);
	return sb;
}

void oci_expect_bad(const struct oci_bad *cases, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct rf_sandbox *sb = rf_sandbox_new();
		struct rf_err err = RF_ERR_INIT;
		struct rf_oci_config c;
		int r = rf_oci_parse("config.json", cases[i].text, strlen(cases[i].text), sb, &c,
				     &err);

		if (r != -EINVAL || strcmp(err.msg, cases[i].want) || strcmp(err.file, "config.json") ||
		    !err.line)
			fail_msg("%s\n  returned %d, %s:%u:%u: %s", cases[i].text, r, err.file,
				 err.line, err.col, err.msg);
		rf_sandbox_free(sb);
	}
}

struct compiled oci_compiled(struct rf_sandbox *sb, const struct rf_features *f)
{
	struct sandbox_case s = { .sb = sb, .err = RF_ERR_INIT };
	struct compiled c;

	sb->root.path = sb->scratch = "/rootfs";
	c = compile_case(&s, f);
	sandbox_case_free(&s);
	return c;
}
