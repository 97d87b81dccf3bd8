/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reader of a config.json on anything: it answers 0 or one error with a message, what
 * it accepts compiles or is refused with one, and what it keeps as JSON is read again.
 */
#include "fuzz_oci.h"

static void check_model(const struct rf_sandbox *sb, const struct rf_oci_config *c)
{
	for (size_t i = 0; i < sb->nr_mounts; i++) {
		const char *at = sb->mounts[i].at;

		if (!at || at[0] != '/' || strstr(at, "//") || strstr(at, "/../"))
			abort();
	}
	for (size_t i = 0; i < c->nr_limits; i++)
		if (!c->limits[i].controller || !c->limits[i].path)
			abort();
	/* the first is for all devices, or what follows would add to anything */
	if (c->nr_rules && (c->rules[0].is.type != 'a' || c->nr_rules > RF_DEVICE_RULES_MAX))
		abort();
	if (!c->version || !c->root || sb->ambient & ~sb->capabilities)
		abort();
	if (c->has_process)
		check_process(sb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rf_sandbox *sb = rf_sandbox_new(), *again = rf_sandbox_new();
	struct rf_oci_config c, other;
	struct rf_err err = RF_ERR_INIT;
	int r;

	if (sb && again) {
		r = rf_oci_parse("config.json", (const char *)data, size, sb, &c, &err);
		check_error(r, &err);
		if (r == 0)
			check_model(sb, &c);
		if (r == 0 && c.hooks_json && (rf_oci_parse_hooks("hooks", c.hooks_json, again, &other,
								  &err) < 0 ||
					       other.nr_hooks != c.nr_hooks))
			abort();
		if (r == 0)
			compile(sb, &c);
	}
	rf_sandbox_free(sb);
	rf_sandbox_free(again);
	return 0;
}
