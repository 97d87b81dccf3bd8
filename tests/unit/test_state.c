/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state of a running sandbox: what is written is read back, and nothing
 * else is.
 */
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "error.h"
#include "harness.h"
#include "state.h"

static char *const command[] = { "make", "check", "\xff\x80 \"\n", NULL };
static char *const environment[] = { "A=1", "B=", "C=\xc3\xa4\xfe", NULL };
static const struct sock_filter filter[] = {
	{ BPF_LD | BPF_W | BPF_ABS, 0, 0, 4 }, { BPF_RET | BPF_K, 0, 0, 0x7fff0000 },
};
static struct rf_landlock_rule rules[] = {
	{ .kind = RF_LANDLOCK_READ, .path = "/usr", .optional = true },
	{ .kind = RF_LANDLOCK_CONNECT, .port = 443 },
};
static uint32_t gids[] = { 7, 4294967294U };

static void fill(struct rf_state *st, struct rf_sandbox *sb)
{
	*st = (struct rf_state){
		.launcher = 10, .payload = 12, .init = 11, .payload_start = UINT64_MAX,
		.init_start = 3, .started_ms = 4, .gid = 5, .groups = gids, .nr_groups = 2,
		.limited = 1U << RLIMIT_CORE, .sb = sb,
	};
	st->ns[RF_NS_PID] = (struct rf_state_ns){ true, true, 4, UINT64_MAX };
	*sb = (struct rf_sandbox){
		.name = "box", .argv = (char **)command, .nr_argv = 3, .envp = (char **)environment,
		.cwd = "/w", .user = { .uid = 1, .gid = -1, .groups = RF_GROUPS_DROP,
				       .add_gids = gids, .nr_add_gids = 2 },
		.capabilities = UINT64_MAX, .ambient = 1ULL << 63, .no_new_privs = true,
		.securebits = 3, .wall_ms = 9, .cpu_ms = 8, .nice = -20, .oom_score = 1000,
		.umask = 077, .affinity = { 1, [15] = 1ULL << 63 }, .terminal = RF_TERM_PRIVATE,
		.seccomp = { .on = true, .name = "default", .insns = filter, .nr = 2, .flags = 2 },
		.landlock = { .on = true, .kinds = 9, .scoped = 3, .compat = RF_LANDLOCK_EXACT,
			      .rules = rules, .nr = 2 },
	};
	for (int i = 0; i < RLIM_NLIMITS; i++)
		sb->rlimits[i] = (struct rf_rlimit_spec){ .resource = i, .soft = (uint64_t)i,
							  .hard = RLIM_INFINITY };
}

static char *text_of_all(void)
{
	struct rf_state st;
	struct rf_sandbox sb;
	char *text;

	fill(&st, &sb);
	text = rf_state_print(&st);
	assert_non_null(text);
	return text;
}

TEST(what_is_written_is_read_back)
{
	struct rf_err err = RF_ERR_INIT;
	char *text = text_of_all(), *again;
	struct rf_state *st = NULL;
	const struct rf_sandbox *sb;

	EXPECT_INT(0, rf_state_parse(text, strlen(text), &st, &err));
	sb = st->sb;
	EXPECT_INT(12, st->payload);
	EXPECT_TRUE(st->payload_start == UINT64_MAX && st->ns[RF_NS_PID].ino == UINT64_MAX);
	EXPECT_TRUE(st->ns[RF_NS_PID].made && !st->ns[RF_NS_NET].apart);
	for (int i = 0; i < 3; i++) {
		EXPECT_STR(command[i], sb->argv[i]);
		EXPECT_STR(environment[i], sb->envp[i]);
	}
	EXPECT_TRUE(sb->capabilities == UINT64_MAX && sb->rlimits[3].hard == RLIM_INFINITY);
	EXPECT_INT(2, sb->seccomp.nr);
	EXPECT_INT(0, memcmp(filter, sb->seccomp.insns, sizeof(filter)));
	EXPECT_INT(443, sb->landlock.rules[1].port);
	EXPECT_TRUE(sb->affinity[15] == 1ULL << 63);
	/* and nothing is lost on the way */
	again = rf_state_print(st);
	EXPECT_STR(text, again);
	free(again);
	free(text);
	rf_state_free(st);
}

/* Every cut, and every byte changed to another, is refused or read without harm. */
TEST(a_text_that_is_not_whole_is_refused)
{
	char *text = text_of_all();
	struct rf_state *st;
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		struct rf_err err = RF_ERR_INIT;

		EXPECT_TRUE(rf_state_parse(text, i, &st, &err) < 0);
		EXPECT_TRUE(err.code && err.msg[0]);
	}
	free(text);
}

static void refused(const char *from, const char *to, const char *message)
{
	char *text = text_of_all(), changed[16384], *at = strstr(text, from);
	struct rf_err err = RF_ERR_INIT;
	struct rf_state *st;

	if (!at)
		fail_msg("no %s in %s", from, text);
	snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to,
		 at + strlen(from));
	if (rf_state_parse(changed, strlen(changed), &st, &err) != -EINVAL)
		fail_msg("accepted: %s", to);
	if (!strstr(err.msg, message))
		fail_msg("'%s' has no '%s'", err.msg, message);
	free(text);
}

TEST(a_value_that_cannot_be_is_refused)
{
	static const struct { const char *from, *to, *message; } cases[] = {
		{ "\"version\":1", "\"version\":2", "another version" },
		{ "\"version\":1", "\"version\":1,\"more\":1", "other keys" },
		{ "\"umask\":63", "\"umask\":63,\"more\":1", "a key that nobody knows" },
		{ "\"umask\":63", "\"umsk\":63", "umask" },
		{ "\"umask\":63", "\"umask\":512", "umask" },
		{ "\"umask\":63", "\"umask\":\"63\"", "umask" },
		{ "\"umask\":63", "\"umask\":-1", "umask" },
		{ "\"payload\":12", "\"payload\":0", "process" },
		{ "\"payload\":12", "\"payload\":-1", "process" },
		{ "\"launcher\":10", "\"launcher\":2147483648", "process" },
		{ "\"name\":\"box\"", "\"name\":\"../x\"", "name" },
		{ "\"name\":\"box\"", "\"name\":\"a\",\"name\":\"b\"", "not JSON" },
		{ "\"cwd\":\"/w\"", "\"cwd\":\"w\"", "cwd" },
		{ "\"uid\":1", "\"uid\":4294967295", "uid" },
		{ "\"uid\":1", "\"uid\":-2", "uid" },
		{ "\"argv\":[\"make\"", "\"argv\":[\"\"", "argv" },
		{ "\"argv\":[\"make\"", "\"argv\":[1", "argv" },
		{ "\"argv\":[\"make\"", "\"argv\":[\"\\u0100\"", "argv" },
		{ "\"A=1\"", "\"A\"", "envp" },
		{ "\"no_new_privs\":true", "\"no_new_privs\":1", "no_new_privs" },
		{ "\"no_new_privs\":true", "\"no_new_privs\":null", "no_new_privs" },
		{ "\"nice\":-20", "\"nice\":-21", "nice" },
		{ "\"securebits\":3", "\"securebits\":65536", "securebits" },
		{ "\"filter\":\"20", "\"filter\":\"2", "seccomp" },
		{ "\"filter\":\"20", "\"filter\":\"2G", "seccomp" },
		{ "[3,null,443,false]", "[3,null,65536,false]", "landlock" },
		{ "[3,null,443,false]", "[3,\"/x\",443,false]", "landlock" },
		{ "[3,null,443,false]", "[0,null,0,false]", "landlock" },
		{ "[3,null,443,false]", "[9,null,443,false]", "landlock" },
		{ "\"kinds\":9", "\"kinds\":64", "landlock" },
		{ "\"compat\":2", "\"compat\":3", "landlock" },
		{ "[15,-1]", "[15,14]", "rlimits" },
		{ "\"capabilities\":-1", "\"capabilities\":1", "ambient" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		refused(cases[i].from, cases[i].to, cases[i].message);
}

TEST(an_entry_names_one_process)
{
	static const char *const wrong[] = {
		"", "{}", "[]", "1",
		"{\"version\":1,\"pid\":0,\"start\":1,\"pidns\":1,\"timens\":1,\"boot\":\"b\"}",
		"{\"version\":1,\"pid\":2,\"start\":1,\"pidns\":1,\"timens\":1}",
		"{\"version\":1,\"pid\":2,\"start\":1,\"pidns\":1,\"timens\":1,\"boot\":1}",
		"{\"version\":1,\"pid\":2,\"start\":1,\"pidns\":1,\"timens\":1,\"boot\":\"b\",\"x\":1}",
		"{\"version\":1,\"pid\":\"2\",\"start\":1,\"pidns\":1,\"timens\":1,\"boot\":\"b\"}",
		("{\"version\":1,\"pid\":2,\"start\":1,\"pidns\":1,\"timens\":1,\"boot\":"
		 "\"0123456789012345678901234567890123456789\"}"),
	};
	const struct rf_entry e = { .pid = 2, .start = UINT64_MAX, .pidns = 3, .timens = 4,
				    .boot = "7c4358f8-b173-4ca5-a098-78d16ff93eef" };
	struct rf_err err = RF_ERR_INIT;
	char *text = rf_entry_print(&e);
	struct rf_entry got;

	assert_non_null(text);
	EXPECT_INT(0, rf_entry_parse(text, strlen(text), &got, &err));
	EXPECT_TRUE(got.pid == e.pid && got.start == e.start && got.pidns == e.pidns);
	EXPECT_STR(e.boot, got.boot);
	free(text);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		err = (struct rf_err)RF_ERR_INIT;
		if (rf_entry_parse(wrong[i], strlen(wrong[i]), &got, &err) >= 0 || !err.msg[0])
			fail_msg("accepted: %s", wrong[i]);
	}
}

TEST(a_text_of_any_size_is_refused_by_its_size)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_entry e;

	EXPECT_INT(-EFBIG, rf_entry_parse("", RF_ENTRY_MAX + 1, &e, &err));
}
