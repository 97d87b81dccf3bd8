/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules for devices on anything: what is accepted is bounded, begins with what holds for
 * all devices, and becomes a program that fits into its buffer and only jumps within itself.
 */
#include "fuzz_oci.h"

#include <linux/bpf.h>

#include "cgroup_device.h"

static void check_rule(const struct rf_device_rule *r)
{
	if (!strchr("abc", r->type) || !r->access || r->access & ~RF_DEVICE_ALL || r->major < -1 ||
	    r->minor < -1 || r->major >= 1 << 20 || r->minor >= 1 << 20)
		abort();
	if (r->type == 'a' && (r->access != RF_DEVICE_ALL || r->major >= 0 || r->minor >= 0))
		abort();
}

static void check_program(const struct rf_device_rule *rules, size_t nr)
{
	static struct bpf_insn prog[RF_DEVICE_INSNS(RF_DEVICE_RULES_MAX)];
	size_t len = rf_device_program(rules, nr, prog);

	if (!len || len > RF_DEVICE_INSNS(nr) || prog[len - 1].code != (BPF_JMP | BPF_EXIT))
		abort();
	for (size_t i = 0; i < len; i++) {
		const int class = BPF_CLASS(prog[i].code), op = BPF_OP(prog[i].code);
		const int64_t to = (int64_t)i + 1 + prog[i].off;

		if ((class == BPF_JMP || class == BPF_JMP32) && op != BPF_EXIT && op != BPF_CALL &&
		    (to <= (int64_t)i || to >= (int64_t)len))
			abort();
	}
}

static void check_rules(const struct rf_oci_config *c)
{
	struct rf_device_rule rules[RF_DEVICE_RULES_MAX];

	if (c->nr_rules > RF_DEVICE_RULES_MAX || (c->nr_rules && c->rules[0].is.type != 'a'))
		abort();
	for (size_t i = 0; i < c->nr_rules; i++) {
		if (!c->rules[i].path)
			abort();
		rules[i] = c->rules[i].is;
		check_rule(&rules[i]);
	}
	if (c->nr_rules)
		check_program(rules, c->nr_rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char before[] = "{\"devices\":";
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;
	struct rf_oci_config c;
	char *text = malloc(sizeof(before) + size + 2);
	int r;

	if (sb && text) {
		memcpy(text, before, sizeof(before) - 1);
		if (size)
			memcpy(text + sizeof(before) - 1, data, size);
		memcpy(text + sizeof(before) - 1 + size, "}", 2);
		r = rf_oci_parse_resources("resources.json", text, sizeof(before) + size, sb, &c, &err);
		check_error(r, &err);
		if (r == 0)
			check_rules(&c);
	}
	free(text);
	rf_sandbox_free(sb);
	return 0;
}
