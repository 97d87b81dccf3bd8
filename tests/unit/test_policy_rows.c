/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Presets by rows of "architecture, call, arguments -> action", in a simulator:
 * tests/policy/NAME.rows is written by hand, NAME.calls has every call of every
 * architecture (RF_GOLDEN_UPDATE=1 writes it anew).  The program of each machine
 * is tested on any.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "model.h"

static const char *const presets[] = { "default", "build", "strict" };

struct compiled {
	struct rf_policy *policy;
	struct rf_filter filter;
};

static struct compiled compile(const char *name, enum rf_abi machine)
{
	struct rf_policy_reader reader = { .machine = machine };
	const char *text = rf_filter_preset_text(name);
	struct rf_err err = RF_ERR_INIT;
	struct compiled c = { 0 };

	assert_non_null(text);
	if (rf_policy_parse_for(&reader, name, text, strlen(text), &c.policy, &err) < 0 ||
	    rf_policy_compile(c.policy, &c.filter, &err) < 0)
		fail_msg("%s:%u:%u: %s", err.file, err.line, err.col, err.msg);
	EXPECT_TRUE(rf_filter_valid(c.filter.insns, c.filter.nr));
	return c;
}

static void done(struct compiled *c)
{
	rf_filter_done(&c->filter);
	rf_policy_free(c->policy);
}

static enum rf_abi abi_of(const char *name)
{
	for (int abi = 0; abi < RF_ABI_NR; abi++)
		if (strcmp(rf_abi_defs[abi].name, name) == 0)
			return (enum rf_abi)abi;
	fail_msg("no architecture %s", name);
	return RF_ABI_NR;
}

/* What both the program and the policy say; they must agree. */
static uint32_t answer(const struct compiled *c, const struct seccomp_data *data)
{
	const struct rf_rule *rule;
	uint32_t value = rf_filter_run(c->filter.insns, c->filter.nr, data);

	EXPECT_INT(rf_policy_decide(c->policy, data, &rule), value);
	return value;
}

static uint64_t value_of(const char *word)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_words w = { .err = &err };
	uint64_t value = 0;

	snprintf(w.word, sizeof(w.word), "%s", word);
	if (rf_words_value(&w, &value) < 0)
		fail_msg("%s: %s", word, err.msg);
	return value;
}

static void row(const struct compiled machines[RF_ABI_NR], const char *line)
{
	char copy[256], buf[32], *arrow, *save, *word;
	struct seccomp_data data = { 0 };
	enum rf_abi abi;
	int call, n = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	arrow = strstr(copy, " -> ");
	assert_non_null(arrow);
	*arrow = '\0';
	abi = abi_of(strtok_r(copy, " ", &save));
	word = strtok_r(NULL, " ", &save);
	assert_non_null(word);
	call = rf_call_find(word);
	data.nr = call >= 0 ? rf_calls[call].nr[abi] : (int)value_of(word);
	data.arch = rf_abi_defs[abi].arch;
	if (abi == RF_ABI_X32)
		data.nr |= RF_X32_BIT;
	while ((word = strtok_r(NULL, " ", &save)))
		data.args[n++] = value_of(word);
	word = (char *)(uintptr_t)rf_action_print(
		answer(&machines[rf_abi_defs[abi].family], &data), buf, sizeof(buf));
	if (strcmp(word, arrow + 4) != 0)
		fail_msg("%s; it is: %s", line, word);
}

static FILE *open_rows(const char *name, const char *kind, const char *mode)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/policy/%s.%s",
		 getenv("RF_SRCDIR") ? getenv("RF_SRCDIR") : ".", name, kind);
	f = fopen(path, mode);
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	return f;
}

static int run_rows(const char *name, const char *kind)
{
	struct compiled machines[RF_ABI_NR] = { 0 };
	FILE *f = open_rows(name, kind, "r");
	char line[256];
	int nr = 0;

	machines[RF_ABI_X86_64] = compile(name, RF_ABI_X86_64);
	machines[RF_ABI_AARCH64] = compile(name, RF_ABI_AARCH64);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!line[0] || line[0] == '#')
			continue;
		row(machines, line);
		nr++;
	}
	fclose(f);
	done(&machines[RF_ABI_X86_64]);
	done(&machines[RF_ABI_AARCH64]);
	return nr;
}

TEST(the_rows_that_matter_most_hold)
{
	for (size_t i = 0; i < ARRAY_SIZE(presets); i++)
		EXPECT_TRUE(run_rows(presets[i], "rows") > 20);
}

static void write_rows(const char *name)
{
	FILE *f = open_rows(name, "calls", "w");

	fprintf(f, "# Made by RF_GOLDEN_UPDATE=1 tests/unit/test_policy_rows: every call, all arguments 0.\n");
	for (int abi = 0; abi < RF_ABI_NR; abi++) {
		struct compiled c = compile(name, rf_abi_defs[abi].family);

		for (int call = 0; call < RF_CALLS_NR; call++) {
			struct seccomp_data data = { .nr = rf_calls[call].nr[abi],
						     .arch = rf_abi_defs[abi].arch };
			char buf[32];

			if (data.nr < 0)
				continue;
			if (abi == RF_ABI_X32)
				data.nr |= RF_X32_BIT;
			fprintf(f, "%s %s -> %s\n", rf_abi_defs[abi].name, rf_calls[call].name,
				rf_action_print(answer(&c, &data), buf, sizeof(buf)));
		}
		done(&c);
	}
	fclose(f);
}

TEST(every_call_of_every_architecture_gets_what_is_written_down)
{
	int nr = 0;

	for (int abi = 0; abi < RF_ABI_NR; abi++)
		for (int call = 0; call < RF_CALLS_NR; call++)
			nr += rf_calls[call].nr[abi] >= 0;
	harness_alarm(120);
	for (size_t i = 0; i < ARRAY_SIZE(presets); i++) {
		if (getenv("RF_GOLDEN_UPDATE"))
			write_rows(presets[i]);
		EXPECT_INT(nr, run_rows(presets[i], "calls"));
	}
}

TEST(what_was_compiled_at_build_time_is_what_the_text_says)
{
	for (size_t i = 0; i < ARRAY_SIZE(presets); i++) {
		struct compiled c = compile(presets[i], rf_abi_native());
		struct rf_filter built;

		EXPECT_INT(0, rf_filter_preset(presets[i], &built));
		EXPECT_STR(presets[i], rf_filter_preset_name(i));
		EXPECT_INT(c.filter.flags, built.flags);
		EXPECT_FALSE(built.notifies);
		for (int nr = -1; nr < 1000; nr++)
			for (uint64_t arg = 0; arg < 3; arg++) {
				struct seccomp_data data = {
					.nr = nr, .arch = rf_abi_defs[rf_abi_native()].arch,
					.args = { arg * 0x10000000, arg * 0x5412, arg },
				};

				EXPECT_INT(answer(&c, &data),
					   rf_filter_run(built.insns, built.nr, &data));
			}
		done(&c);
	}
	EXPECT_INT(-ENOENT, rf_filter_preset("no such", &(struct rf_filter){ 0 }));
	EXPECT_NULL(rf_filter_preset_name(ARRAY_SIZE(presets)));
	EXPECT_NULL(rf_filter_preset_name(1000));
}

/* A launch waits for the kernel to translate the program. */
TEST(presets_stay_short)
{
	struct rf_filter f;

	EXPECT_INT(0, rf_filter_preset("default", &f));
	EXPECT_TRUE(f.nr <= 320);
	EXPECT_INT(0, rf_filter_preset("build", &f));
	EXPECT_TRUE(f.nr <= 320);
	EXPECT_INT(0, rf_filter_preset("strict", &f));
	EXPECT_TRUE(f.nr <= 200);
}
