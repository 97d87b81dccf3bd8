/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A sandbox in two parts: what can be kept ready, and what only a launch knows. */
#include <errno.h>
#include <string.h>

#include "compile_case.h"

static const struct rf_features root = {
	.kernel = RF_KERNEL(6, 18), .caps = (1ULL << 41) - 1, .last_cap = 40, .nofile = 1024,
	.host_root = true, .landlock = 7,
};
static const struct rf_features user = {
	.kernel = RF_KERNEL(6, 18), .uid = 1000, .gid = 1000, .last_cap = 40, .nofile = 1024,
	.landlock = 7,
};

static const int numbers[] = { 0, 1, 2, 5 }, fds[] = { 20, 21, 22, 25 };
static const struct rf_caller caller = {
	.numbers = numbers, .fds = fds, .nr_fds = 4, .umask = 027,
	.rlimit_set = 1U << 7 | 1U << 4,
	.rlimits = { [4] = { 1, 2 }, [7] = { 70, 80 } },
};

static struct compiled part_of(const char *spec, const struct rf_features *f, enum rf_part part)
{
	struct sandbox_case s = sandbox_of(spec, f);
	struct compiled c;

	s.sb->part = part;
	/* as if it had been resolved in parts, where `auto` cannot be the caller's */
	if (s.sb->terminal == RF_TERM_INHERIT && !strstr(spec, "inherit"))
		s.sb->terminal = RF_TERM_NONE;
	s.sb->caller = part == RF_PART_BOTH ? &caller : NULL;
	c = compile_case(&s, f);
	sandbox_case_free(&s);
	return c;
}

static const char *const specs[] = {
	"root: host\n",
	"extends: [default]\n",
	"extends: [build]\n",
	"extends: [shell]\n",
	"{root: empty, mounts: [{ro: /usr}, {tmpfs: /tmp}, {dev: /dev}, {proc: /proc}], hostname: x, "
	"init: false}\n",
	"{root: host, seccomp: strict, landlock: {read: [/]}, limits: {nofile: 9, core: 0}, "
	"capabilities: [chown], umask: '077', nice: 3}\n",
	"{root: host, mounts: [{tmpfs: /tmp}, {dev: /dev}], terminal: private}\n",
};

TEST(both_parts_begin_as_the_first_does)
{
	static const struct rf_features *const who[] = { &root, &user };

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(who); k++) {
			struct compiled ready = part_of(specs[i], who[k], RF_PART_READY);
			struct compiled both = part_of(specs[i], who[k], RF_PART_BOTH);

			EXPECT_STR("", ready.err.msg);
			EXPECT_INT(0, both.r);
			EXPECT_INT(0, strncmp(ready.text, both.text, strlen(ready.text)));
			EXPECT_INT(-1, rf_chain_differs(both.chain, ready.chain));
			EXPECT_INT(1, count_lines(&both, "gate"));
			EXPECT_INT(rf_chain_nr(ready.chain) - 1, find_line(&both, "gate", 0));
			compiled_free(&ready);
			compiled_free(&both);
		}
	}
}

TEST(behind_the_gate_is_what_a_launch_knows)
{
	static const char spec[] =
		"{root: host, mounts: [{tmpfs: /tmp}, {dev: /dev}], seccomp: strict, hostname: x, "
		"fds: {5: {from: 5}, 0: {from: 6}}}\n";
	struct compiled ready = part_of(spec, &user, RF_PART_READY);
	struct compiled both = part_of(spec, &user, RF_PART_BOTH);
	int gate = find_line(&both, "gate", 0);

	EXPECT_INT(0, count_lines(&ready, "exec"));
	EXPECT_INT(0, count_lines(&ready, "seccomp"));
	EXPECT_INT(1, count_lines(&ready, "setsid"));
	EXPECT_INT(1, count_lines(&ready, "sigdefault"));
	EXPECT_INT(1, count_lines(&both, "setsid"));
	EXPECT_INT(1, count_lines(&both, "sigdefault"));
	/* its own descriptors, limits and umask, where the spec says nothing */
	assert_true(find_line(&both, "dup", gate) > gate);
	EXPECT_INT(2, count_lines(&both, "dup"));
	EXPECT_INT(2, count_lines(&both, "rlimit"));
	assert_true(find_line(&both, "umask 0027", gate) > gate);
	assert_true(find_line(&both, "no_new_privs", gate) > gate);
	assert_true(find_line(&both, "capset", gate) > gate);
	assert_true(find_line(&both, "seccomp", gate) > gate);
	assert_true(find_line(&both, "exec", gate) > find_line(&both, "seccomp", gate));
	compiled_free(&ready);
	compiled_free(&both);
}

TEST(what_the_spec_says_is_set_below_what_the_caller_has)
{
	struct compiled c = part_of("{root: host, limits: {nofile: 9}, umask: '077'}\n", &user,
				    RF_PART_BOTH);

	EXPECT_INT(0, c.r);
	EXPECT_INT(3, count_lines(&c, "rlimit"));
	assert_true(find_line(&c, "rlimit nofile soft=9", 0) >
		    find_line(&c, "rlimit nofile soft=70", 0));
	EXPECT_INT(1, count_lines(&c, "rlimit nofile soft=9 hard=9"));
	EXPECT_INT(1, count_lines(&c, "umask 0077"));
	EXPECT_INT(1, count_lines(&c, "umask"));
	compiled_free(&c);
}

TEST(what_cannot_be_kept_ready_is_refused_with_the_place)
{
	static const struct { const char *spec, *want; unsigned int line; } cases[] = {
		{ "root: host\nmounts:\n- {cgroup: /sys/fs/cgroup}\n", "a view of control groups", 3 },
		{ "root: host\nfds: {4: {open: /dev/null}}\n", "descriptors of files that it opens", 2 },
		{ "root: host\nterminal: inherit\n", "its caller's terminal", 2 },
		{ "root: host\nexec_fd: 5\n", "a command by its descriptor", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct compiled c = part_of(cases[i].spec, &root, RF_PART_READY);

		EXPECT_INT(-EOPNOTSUPP, c.r);
		assert_non_null(strstr(c.err.msg, cases[i].want));
		EXPECT_INT(cases[i].line, c.err.line);
		compiled_free(&c);
	}
}

TEST(one_that_differs_is_seen_by_its_op_or_by_what_the_op_names)
{
	static const struct { const char *a, *b; } cases[] = {
		{ "{root: host, hostname: abc}\n", "{root: host, hostname: abd}\n" },
		{ "{root: host, hostname: abc}\n", "{root: host}\n" },
		{ "{root: host, mounts: [{tmpfs: /tmp, size: 1M}]}\n",
		  "{root: host, mounts: [{tmpfs: /tmp, size: 2M}]}\n" },
		{ "{root: host}\n", "{root: host, init: false}\n" },
		{ "{root: host}\n", "{root: host, namespaces: [user, mount, pid]}\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct compiled head = part_of(cases[i].a, &user, RF_PART_READY);
		struct compiled other = part_of(cases[i].b, &user, RF_PART_BOTH);

		EXPECT_INT(0, head.r);
		EXPECT_INT(0, other.r);
		assert_true(rf_chain_differs(other.chain, head.chain) >= 0);
		compiled_free(&head);
		compiled_free(&other);
	}
}
