/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Documents as they should not be: one clear error with its place for each.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#include "ringfence.h"
#include "probe.h"
#include "spec.h"

static const struct rf_features features = { .uid = 1000, .gid = 1000 };

/* Read and resolve @text with the command `true`. */
static int load(struct rf_sandbox *sb, const char *text, size_t len, struct rf_err *err)
{
	static char *const argv[] = { "true" };
	int r = rf_spec_parse("spec", text, len, 0, sb, err);

	if (!r)
		r = rf_command_set(sb->nr_argv ? 0 : 1, argv, sb, err);
	if (!r)
		r = rf_sandbox_resolve(sb, &features, RF_RESOLVE_PURE, err);
	return r;
}

struct bad {
	const char	*text;
	const char	*want;		/* line:col: message */
};

static void expect_bad(const struct bad *cases, size_t nr)
{
	char got[800];

	for (size_t i = 0; i < nr; i++) {
		struct rf_sandbox *sb = rf_sandbox_new();
		struct rf_err err = RF_ERR_INIT;
		int r = load(sb, cases[i].text, strlen(cases[i].text), &err);

		snprintf(got, sizeof(got), "%u:%u: %s", err.line, err.col, err.msg);
		if (r != -EINVAL || strcmp(got, cases[i].want) || strcmp(err.file, "spec"))
			fail_msg("%s\n  returned %d, %s:%s", cases[i].text, r, err.file, got);
		rf_sandbox_free(sb);
	}
}

#define EXPECT_BAD(cases) expect_bad(cases, ARRAY_SIZE(cases))

TEST(what_is_no_document_of_ours_is_refused)
{
	static const struct bad cases[] = {
		{ "", "1:1: the spec is empty" },
		{ "# nothing\n", "1:1: the spec is empty" },
		{ "- a", "1:1: a list where a map of keys belongs" },
		{ "word", "1:1: a single value where a map of keys belongs" },
		{ "a: [\n", "2:1: while parsing a flow node: did not find expected node content" },
		{ "init: true\n---\ninit: true\n", "2:1: a spec is one document; a second begins here" },
		{ "init: &a true", "1:7: anchors and aliases are not allowed in a spec" },
		{ "mounts: *a", "1:9: anchors and aliases are not allowed in a spec" },
		{ "umask: !!int 22", "1:8: tags are not allowed in a spec" },
		{ "mounts: !x [a]", "1:9: tags are not allowed in a spec" },
		{ "hostname: \"a\\0b\"", "1:11: a NUL byte cannot be part of a value" },
		{ "hostname: a\xff", "1:12: this is not valid UTF-8" },
		{ "\xe4: 1", "1:2: this is not valid UTF-8" },
		{ "? [a]\n: b", "1:3: a key must be a word" },
		{ "{{a: b}: c}", "1:2: a key must be a word" },
		{ "ringfence: 2", "1:12: '2' is not between 1 and 1" },
		{ "init: true\ninit: false\n", "2:1: key 'init' is on line 1 already" },
		{ "<<: {init: true}", "1:1: unknown key '<<'" },
	};

	EXPECT_BAD(cases);
}

TEST(an_unknown_key_is_answered_with_the_nearest_one)
{
	static const struct bad cases[] = {
		{ "mout: []", "1:1: unknown key 'mout'; did you mean 'mounts'?" },
		{ "comand: [a]", "1:1: unknown key 'comand'; did you mean 'command'?" },
		{ "netwrok: none", "1:1: unknown key 'netwrok'; did you mean 'network'?" },
		{ "frobnicate: 1", "1:1: unknown key 'frobnicate'" },
		{ "user: {iud: 1}", "1:8: unknown key 'iud'; did you mean 'uid'?" },
		{ "env: {sets: {}}", "1:7: unknown key 'sets'; did you mean 'set'?" },
		{ "limits: {nofiles: 1}", "1:10: unknown key 'nofiles'; did you mean 'nofile'?" },
		{ "mounts:\n  - {roo: /usr}\n", "2:6: unknown key 'roo'; did you mean 'ro'?" },
		{ "mounts: [{tmpfs: /t, sise: 1}]", "1:22: unknown key 'sise'; did you mean 'size'?" },
		{ "namespaces: [nett]", "1:14: unknown namespace 'nett'; did you mean 'net'?" },
		{ "network: hots", "1:10: unknown word 'hots'; did you mean 'host'?" },
		{ "extends: [shel]", "1:11: no preset 'shel'; did you mean 'shell'?" },
	};

	EXPECT_BAD(cases);
}

TEST(keys_of_later_versions_are_unknown_not_ignored)
{
	static const struct bad cases[] = {
		{ "limits: {devices: []}", "1:10: unknown key 'devices'" },
		{ "network: {veth: {}}", "1:10: a map where a word belongs" },
		{ "network: user", "1:10: unknown word 'user'" },
		{ "terminal: pty", "1:11: unknown word 'pty'" },
	};

	EXPECT_BAD(cases);
}

TEST(values_of_another_type_are_refused)
{
	static const struct bad cases[] = {
		{ "init: no", "1:7: 'no' where true or false belongs" },
		{ "init: \"true\"", "1:7: 'true' where true or false belongs, without quotes" },
		{ "init: 1", "1:7: '1' where true or false belongs" },
		{ "init:", "1:6: no value where true or false belongs" },
		{ "init: []", "1:7: a list where true or false belongs" },
		{ "hostname: {}", "1:11: a map where text belongs" },
		{ "hostname: null", "1:11: no value where text belongs" },
		{ "command: make", "1:10: a single value where a list of words belongs" },
		{ "command: [[a]]", "1:11: a list where text belongs" },
		{ "command: []", "1:10: the command is empty" },
		{ "command: [\"\"]", "1:11: the command is empty" },
		{ "mounts: {ro: /usr}", "1:9: a map where a list of mounts belongs" },
		{ "mounts: [/usr]", "1:10: a single value where a map like {ro: /usr} belongs" },
		{ "mounts: [{tmpfs: ~}]", "1:18: no value where text belongs" },
		{ "env: [A]", "1:6: a list where a map belongs" },
		{ "env: {set: {A: }}", "1:16: no value where text belongs" },
		{ "env: {set: {\"A=B\": c}}", "1:13: 'A=B' cannot be the name of a variable" },
		{ "env: {keep: [\"\"]}", "1:14: '' cannot be the name of a variable" },
		{ "user: root", "1:7: a single value where a map belongs" },
		{ "capabilities: chown", "1:15: a single value where a list of capabilities belongs" },
		{ "fds: [3]", "1:6: a list where a map from number to what is there belongs" },
	};

	EXPECT_BAD(cases);
}

TEST(numbers_are_read_whole_or_refused)
{
	static const struct bad cases[] = {
		{ "nice: 1e1", "1:7: '1e1' is not a number: junk after the digits" },
		{ "nice: 010", "1:7: '010' is not a number: it begins with 0" },
		{ "nice: +1", "1:7: '+1' is not a number" },
		{ "nice: 1.5", "1:7: '1.5' is not a number: junk after the digits" },
		{ "nice: 0x1", "1:7: '0x1' is not a number: junk after the digits" },
		{ "nice: 20", "1:7: '20' is not between -20 and 19" },
		{ "nice: -21", "1:7: '-21' is not between -20 and 19" },
		{ "nice: 99999999999999999999", "1:7: '99999999999999999999' is not between -20 and 19" },
		{ "oom_score: 1001", "1:12: '1001' is not between -1000 and 1000" },
		{ "limits: {nofile: -1}", "1:18: '-1' is not between 0 and 9223372036854775807" },
		{ "limits: {nofile: 18446744073709551616}", "1:18: '18446744073709551616' is not between 0 and 9223372036854775807" },
		{ "limits: {nofile: 1K}", "1:18: '1K' is not a number: junk after the digits" },
		{ "limits: {nofile: {soft: 1}}", "1:18: a limit needs both 'soft' and 'hard'" },
		{ "limits: {nofile: {soft: 2, hard: 1}}", "1:18: the soft limit is above the hard one" },
		{ "limits: {as: 16777216T}", "1:14: '16777216T' is too large" },
		{ "limits: {as: 9999999999999999999999}", "1:14: '9999999999999999999999' is too large" },
		{ "limits: {as: 64MB}", "1:14: '64MB' is not a size like 65536, 64K, 64M, 2G or 1T" },
		{ "limits: {as: -1}", "1:14: '-1' is not a size like 65536, 64K, 64M, 2G or 1T" },
		{ "limits: {as: 64 M}", "1:14: '64 M' is not a size like 65536, 64K, 64M, 2G or 1T" },
		{ "limits: {wall: soon}", "1:16: 'soon' is not a time like 90, 500ms, 90s, 10m, 2h or 1d" },
		{ "limits: {wall: 0}", "1:16: '0' is less than a millisecond" },
		{ "limits: {wall: 999999d}", "1:16: '999999d' is too large" },
		{ "limits: {cpu_time: 500ms}", "1:20: '500ms' is not a whole number of seconds" },
		{ "umask: 8", "1:8: '8' is not an octal mode between 0 and 7777" },
		{ "umask: 1777", "1:8: a umask ends at 777" },
		{ "umask: 0o22", "1:8: '0o22' is not an octal mode between 0 and 7777" },
		{ "mounts: [{tmpfs: /t, mode: 77777}]", "1:28: '77777' is not an octal mode between 0 and 7777" },
		{ "mounts: [{tmpfs: /t, size: 0}]", "1:28: '0' is less than 1" },
		{ "affinity: [3-1]", "1:12: '3-1' goes backwards" },
		{ "affinity: [1024]", "1:12: '1024' is not between 0 and 1023" },
		{ "affinity: []", "1:11: no cpu to run on" },
		{ "exec_fd: -1", "1:10: '-1' is not between 0 and 2147483647" },
	};

	EXPECT_BAD(cases);
}

TEST(mounts_that_make_no_sense_are_refused)
{
	static const struct bad cases[] = {
		{ "mounts: [{at: /x}]", "1:10: an entry needs a key that says what it is: ro, rw, tmpfs, ..." },
		{ "mounts: [{}]", "1:10: an entry needs a key that says what it is: ro, rw, tmpfs, ..." },
		{ "mounts: [{ro: /a, rw: /b}]", "1:19: an entry is either 'ro' or 'rw'" },
		{ "mounts: [{ro: /a, size: 1}]", "1:19: 'size' is not for ro entries" },
		{ "mounts: [{tmpfs: /a, at: /b}]", "1:22: 'at' is not for tmpfs entries" },
		{ "mounts: [{deny: /a, create: true}]", "1:21: 'create' is not for deny entries" },
		{ "mounts: [{tmpfs: a}]", "1:18: 'a' is relative; a place in the sandbox begins with /" },
		{ "mounts: [{ro: /a, at: b}]", "1:23: 'b' is relative; a place in the sandbox begins with /" },
		{ "mounts: [{tmpfs: /a/../b}]", "1:18: '/a/../b' has '..', which a place in the sandbox cannot have" },
		{ "mounts: [{ro: /a/../b}]", "1:15: a source with '..' needs 'at', the place where it goes" },
		{ "mounts: [{tmpfs: \"\"}]", "1:18: an empty path" },
		{ "mounts: [{ro: \"\"}]", "1:15: an empty path" },
		{ "mounts: [{symlink: a}]", "1:20: a symlink needs 'at', the place where it goes" },
		{ "mounts: [{symlink: \"\", at: /a}]", "1:20: a symlink needs a text" },
		{ "mounts: [{ro: {fd: 5}}]", "1:15: a descriptor needs 'at', the place where it goes" },
		{ "mounts: [{ro: {}, at: /a}]", "1:15: an empty map where a path or {fd: N} belongs" },
		{ "mounts: [{file: /a, content: b, fd: 5}]", "1:17: 'content' and 'fd' are two contents for one file" },
		{ "mounts: [{overlay: /a}]", "1:20: an overlay needs 'lower', a list of directories" },
		{ "mounts: [{overlay: /a, lower: []}]", "1:31: an overlay needs a lower directory" },
		{ "mounts: [{overlay: /a, lower: [/b], upper: /c}]", "1:20: an upper directory needs 'work', an empty directory beside it" },
		{ "mounts: [{overlay: /a, lower: [/b], work: /c}]", "1:20: 'work' is only for an upper directory" },
		{ "mounts: [{proc: /proc, hidepid: 3}]", "1:33: unknown word '3'" },
		{ "mounts: [{tmpfs: /a},\n  {ro: /b, at: /a/.}]", "2:16: '/a' has an entry on line 1 already" },
		{ "mounts: [{tmpfs: //a/},\n  {dir: /a}]", "2:9: '/a' has an entry on line 1 already" },
		{ "root: emtpy", "1:7: unknown word 'emtpy'; did you mean 'empty'?" },
		{ "root: {rw: true}", "1:7: the root needs 'dir' or 'image'" },
		{ "root: {dir: /a, image: /b}", "1:24: the root is either 'dir' or 'image'" },
		{ "root: {image: /b, rw: true}", "1:7: an image is never writable" },
	};

	EXPECT_BAD(cases);
}

TEST(contradictions_are_refused)
{
	static const struct bad cases[] = {
		{ "network: none\nnamespaces: [mount]", "1:10: this needs a net namespace, and 'namespaces' leaves the host's" },
		{ "network: host\nnamespaces: {net: new}", "1:10: the host's network and a net namespace exclude each other" },
		{ "network: loopback\nnamespaces: {net: /proc/1/ns/net}", "1:10: a net namespace that is joined has a loopback of its own" },
		{ "hostname: a\nnamespaces: {uts: host}", "1:11: a host name needs a new uts namespace" },
		{ "time: {boottime: 1d}\nnamespaces: [user]", "2:13: clock offsets need a new time namespace" },
		{ "init: true\nnamespaces: {pid: host}", "1:7: init needs a new pid namespace" },
		{ "namespaces: {mount: host}\nmounts: [{tmpfs: /a}]", "2:18: mounts and a root need a new mount namespace" },
		{ "namespaces: [net, net]", "1:19: 'net' is named twice" },
		{ "namespaces: [net, {net: host}]", "1:20: 'net' is named twice" },
		{ "namespaces: {net: hots}", "1:19: unknown word 'hots'; did you mean 'host'?" },
		{ "user: {map: root}\nnamespaces: {user: host}", "1:13: a map needs a new user namespace" },
		{ "user: {uid: 5, map: self}", "1:7: 'map: self' maps uid 1000 and gid 1000 only" },
		{ "user: {uid: 5, map: root}", "1:7: 'map: root' maps id 0 only" },
		{ "user: {map: {uid: [{inside: 0, outside: 1}]}}", "1:13: a map needs both 'uid' and 'gid'" },
		{ "user: {map: {uid: [{inside: 0}], gid: []}}", "1:20: a range needs 'inside' and 'outside', and has 'count'" },
		{ "user: {map: {uid: [{inside: 0, outside: 0, count: 2}, {inside: 1, outside: 9}]}}", "1:55: the range overlaps an earlier one" },
		{ "user: {map: {uid: [{inside: 4294967290, outside: 0, count: 9}]}}", "1:20: the range ends above 4294967294" },
		{ "user: {uid: 4294967295}", "1:13: '4294967295' is not between 0 and 4294967294" },
		{ "user: {uid: no-such-user-here}", "1:13: no user 'no-such-user-here' here" },
		{ "capabilities: [sys_amdin]", "1:16: unknown capability 'sys_amdin'" },
		{ "capabilities: [chown]\nambient: [kill]", "2:10: 'ambient' has what 'capabilities' has not" },
		{ "fds: {3: {}}", "1:10: an entry needs either 'open' or 'from'" },
		{ "fds: {3: {open: a, from: 1}}", "1:10: an entry needs either 'open' or 'from'" },
		{ "fds: {3: {open: a, create: true}}", "1:10: 'create' and 'truncate' need write access" },
		{ "fds: {3: {from: 1, mode: 600}}", "1:10: 'access', 'create', 'truncate' and 'mode' belong to 'open'" },
		{ "fds: {3: inherit, 03: closed}", "1:19: '03' is not a number: it begins with 0" },
		{ "fds: {3: inherit, 3: closed}", "1:19: key '3' is on line 1 already" },
		{ "fds: {-1: inherit}", "1:7: '-1' is not between 0 and 65535" },
		{ "cwd: work", "1:6: 'work' is relative; a place in the sandbox begins with /" },
		{ "hostname: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "1:11: a name of 1 to 64 bytes belongs here" },
	};

	EXPECT_BAD(cases);
}

/* @nr times @part between @before and @after. */
static char *repeat(const char *before, const char *part, size_t nr, const char *after)
{
	size_t len = strlen(part), head = strlen(before);
	char *text = malloc(head + len * nr + strlen(after) + 1);

	memcpy(text, before, head);
	for (size_t i = 0; i < nr; i++)
		memcpy(text + head + i * len, part, len);
	strcpy(text + head + len * nr, after);
	return text;
}

static void expect_refused(char *text, const char *message)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(-EINVAL, load(sb, text, strlen(text), &err));
	EXPECT_STR(message, err.msg);
	rf_sandbox_free(sb);
	free(text);
}

TEST(documents_beyond_the_bounds_are_refused)
{
	expect_refused(repeat("#", "0123456789abcdef", 10 << 16, "\n"), "larger than 1048576 bytes");
	expect_refused(repeat("mounts: ", "[", 100000, ""), "more than 16 lists and maps in one another");
	expect_refused(repeat("mounts: ", "{a: ", 10000, ""), "more than 16 lists and maps in one another");
	expect_refused(repeat("", "- ", 1000, "a"), "more than 16 lists and maps in one another");
}

TEST(the_mount_after_the_last_allowed_one_is_refused)
{
	const size_t max = RF_MOUNTS_MAX;
	char *text = malloc(max * 32 + 100), *p = text;
	struct rf_err err = RF_ERR_INIT;
	struct rf_sandbox *sb = rf_sandbox_new();

	p += sprintf(p, "mounts:\n");
	for (size_t i = 0; i < max; i++)
		p += sprintf(p, "- {tmpfs: /m%zu}\n", i);
	EXPECT_INT(0, load(sb, text, strlen(text), &err));
	EXPECT_INT(max, sb->nr_mounts);
	rf_sandbox_free(sb);

	sb = rf_sandbox_new();
	sprintf(p, "- {tmpfs: /m%zu}\n", max);
	EXPECT_INT(-EINVAL, load(sb, text, strlen(text), &err));
	EXPECT_STR("more than 10000 mounts", err.msg);
	EXPECT_INT(max + 2, err.line);
	rf_sandbox_free(sb);
	free(text);
}

TEST(a_nul_byte_is_refused_with_its_place)
{
	static const char text[] = "init: true\nhost\0name: a\n";
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(-EINVAL, load(sb, text, sizeof(text) - 1, &err));
	EXPECT_STR("a NUL byte cannot be part of a spec", err.msg);
	EXPECT_INT(2, err.line);
	EXPECT_INT(5, err.col);
	rf_sandbox_free(sb);
}

TEST(control_characters_do_not_reach_the_message)
{
	static const char text[] = "\"\\e[31mred\": 1";
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(-EINVAL, load(sb, text, sizeof(text) - 1, &err));
	EXPECT_STR("unknown key '?[31mred'", err.msg);
	rf_sandbox_free(sb);
}

TEST(a_spec_without_a_command_is_refused)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(0, rf_spec_parse("spec", "{}", 2, 0, sb, &err));
	EXPECT_INT(-EINVAL, rf_sandbox_resolve(sb, &features, RF_RESOLVE_PURE, &err));
	EXPECT_STR("no command: neither the spec nor the command line has one", err.msg);
	rf_sandbox_free(sb);
}
