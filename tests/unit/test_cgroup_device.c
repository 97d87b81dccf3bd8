/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules for devices as a program: what it answers, by a machine of its few instructions,
 * against the rules read one by one; and by the kernel, where it takes one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#include "cgroup.h"
#include "cgroup_device.h"
#include "oci_config.h"
#include "ringfence.h"

/* ------------------------------------------------------------- a small machine */

static uint64_t load_field(const struct bpf_insn *insn, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint32_t n;

	EXPECT_INT(BPF_REG_1, insn->src_reg);
	memcpy(&n, (const char *)ctx + insn->off, sizeof(n));
	return n;
}

/* Run @prog; a code that the machine does not have fails the test. */
static uint64_t answer(const struct bpf_insn *prog, size_t nr, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t reg[11] = { 0 };

	for (size_t pc = 0; pc < nr; pc++) {
		const struct bpf_insn *i = &prog[pc];
		uint64_t *dst = &reg[i->dst_reg], imm = (uint64_t)(int64_t)i->imm;

		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:		*dst = load_field(i, ctx); break;
		case BPF_ALU64 | BPF_MOV | BPF_X:	*dst = reg[i->src_reg]; break;
		case BPF_ALU64 | BPF_MOV | BPF_K:	*dst = imm; break;
		case BPF_ALU64 | BPF_RSH | BPF_K:	*dst >>= imm; break;
		case BPF_ALU64 | BPF_AND | BPF_K:	*dst &= imm; break;
		case BPF_JMP | BPF_JNE | BPF_K:		pc += *dst != imm ? (size_t)i->off : 0; break;
		case BPF_JMP | BPF_JEQ | BPF_K:		pc += *dst == imm ? (size_t)i->off : 0; break;
		case BPF_JMP | BPF_EXIT:		return reg[0];
		default:				fail_msg("code %#x", i->code);
		}
	}
	fail_msg("it runs over its end");
	return 0;
}

static uint64_t ask(const struct rf_device_rule *rules, size_t nr, char type, int64_t major,
		    int64_t minor, unsigned int access)
{
	struct bpf_insn *prog = calloc(RF_DEVICE_INSNS(nr), sizeof(*prog));
	const struct bpf_cgroup_dev_ctx ctx = {
		.access_type = access << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = (uint32_t)major, .minor = (uint32_t)minor,
	};
	size_t len = rf_device_program(rules, nr, prog);
	uint64_t said;

	EXPECT_TRUE(len <= RF_DEVICE_INSNS(nr));
	said = answer(prog, len, &ctx);
	free(prog);
	return said;
}

/* The same from the rules: the last that fits decides, for each access. */
static uint64_t expected(const struct rf_device_rule *rules, size_t nr, char type, int64_t major,
			 int64_t minor, unsigned int access)
{
	for (unsigned int bit = 1; bit <= 4; bit <<= 1) {
		bool allow = false;

		for (size_t i = 0; i < nr; i++)
			if ((rules[i].type == 'a' || rules[i].type == type) &&
			    (rules[i].major < 0 || rules[i].major == major) &&
			    (rules[i].minor < 0 || rules[i].minor == minor) && rules[i].access & bit)
				allow = rules[i].allow;
		if (access & bit && !allow)
			return 0;
	}
	return 1;
}

TEST(the_last_rule_that_fits_decides_for_each_access)
{
	static const struct rf_device_rule rules[] = {
		{ false, 'a', RF_DEVICE_ALL, -1, -1 },
		{ true, 'c', RF_DEVICE_ALL, 1, 3 },
		{ true, 'c', RF_DEVICE_MKNOD, -1, -1 },
		{ false, 'c', RF_DEVICE_WRITE, 1, 3 },
	};
	const size_t nr = ARRAY_SIZE(rules);

	EXPECT_INT(1, ask(rules, nr, 'c', 1, 3, RF_DEVICE_READ));
	EXPECT_INT(0, ask(rules, nr, 'c', 1, 3, RF_DEVICE_WRITE));
	/* one of two is not enough */
	EXPECT_INT(0, ask(rules, nr, 'c', 1, 3, RF_DEVICE_READ | RF_DEVICE_WRITE));
	EXPECT_INT(1, ask(rules, nr, 'c', 9, 9, RF_DEVICE_MKNOD));
	EXPECT_INT(0, ask(rules, nr, 'b', 1, 3, RF_DEVICE_READ));
	EXPECT_INT(0, ask(rules, nr, 'c', 1, 5, RF_DEVICE_READ));
}

TEST(what_no_rule_allows_is_refused)
{
	EXPECT_INT(0, ask(NULL, 0, 'c', 1, 3, RF_DEVICE_READ));
}

/* Numbers that are there often enough to meet. */
static struct rf_device_rule some_rule(unsigned int *seed)
{
	return (struct rf_device_rule){
		.allow = rand_r(seed) % 2, .type = "abc"[rand_r(seed) % 3],
		.access = 1 + (unsigned int)rand_r(seed) % 7,
		.major = rand_r(seed) % 4 - 1, .minor = rand_r(seed) % 4 - 1,
	};
}

TEST(programs_say_what_the_rules_say)
{
	struct rf_device_rule rules[6];
	unsigned int seed = 1;

	for (int round = 0; round < 3000; round++) {
		const size_t nr = (size_t)rand_r(&seed) % (ARRAY_SIZE(rules) + 1);
		char type = rand_r(&seed) % 2 ? 'b' : 'c';
		int64_t major = rand_r(&seed) % 4, minor = rand_r(&seed) % 4;
		unsigned int access = 1 + (unsigned int)rand_r(&seed) % 7;

		for (size_t i = 0; i < nr; i++)
			rules[i] = some_rule(&seed);
		if (nr && rules[0].type == 'a') {
			rules[0].access = RF_DEVICE_ALL;
			rules[0].major = rules[0].minor = -1;
		}
		EXPECT_INT(expected(rules, nr, type, major, minor, access),
			   ask(rules, nr, type, major, minor, access));
	}
}

TEST(version_1_has_no_exception_to_an_exception)
{
	static const struct rf_device_rule none = { false, 'a', RF_DEVICE_ALL, -1, -1 };
	static const struct rf_device_rule all = { true, 'a', RF_DEVICE_ALL, -1, -1 };
	const struct { struct rf_device_rule rules[3]; size_t lost; } cases[] = {
		{ { none, { true, 'c', 7, 1, -1 }, { false, 'c', 7, 1, 3 } }, 2 },
		{ { none, { true, 'c', 7, 1, 3 }, { false, 'c', 7, 1, -1 } }, 2 },
		{ { none, { true, 'c', 7, 1, 3 }, { false, 'c', 4, 1, 3 } }, 3 },
		{ { none, { true, 'c', 2, 1, -1 }, { false, 'c', 4, 1, 3 } }, 3 },
		{ { none, { true, 'c', 7, 1, 3 }, { false, 'b', 7, 1, -1 } }, 3 },
		{ { all, { false, 'c', 7, 1, -1 }, { true, 'c', 7, 1, 3 } }, 2 },
		{ { none, { true, 'c', 7, 1, -1 }, { true, 'c', 7, 1, 3 } }, 3 },
		{ { { true, 'c', 7, 1, -1 }, none, { false, 'c', 7, 1, 3 } }, 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		EXPECT_INT(cases[i].lost, rf_device_lost_on_v1(cases[i].rules, 3));
}

/* ------------------------------------------------------------------- the kernel */

/* A group of version 2 of our own, or false. */
static bool make_group(char *dir, size_t size)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_oci_groups g;
	bool made = false;

	if (rf_oci_groups_read(&g, &err) < 0)
		return false;
	for (size_t i = 0; i < g.nr && !made; i++) {
		if (!g.trees[i].v2)
			continue;
		(void)snprintf(dir, size, "%s/rf-device-%d", g.trees[i].mount, (int)getpid());
		made = mkdir(dir, 0755) == 0;
	}
	rf_oci_groups_done(&g);
	return made;
}

/* What open(2) of @path says to a process in the group at @dir. */
static int opened_within(const char *dir, const char *path, int flags)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int r = rf_cgroup_write(dir, "cgroup.procs", "0");

		if (r == 0 && open(path, flags | O_CLOEXEC) < 0)
			r = -errno;
		_exit(-r);
	}
	EXPECT_INT(pid, waitpid(pid, &status, 0));
	return -WEXITSTATUS(status);
}

static void expect_opened(const char *dir, const struct rf_device_rule *rules, size_t nr, int null,
			  int zero)
{
	EXPECT_INT(0, rf_device_attach(dir, rules, nr));
	EXPECT_INT(null, opened_within(dir, "/dev/null", O_RDONLY));
	EXPECT_INT(-EPERM, opened_within(dir, "/dev/null", O_RDWR));
	EXPECT_INT(zero, opened_within(dir, "/dev/zero", O_RDONLY));
}

/* An ordinary user may not, and qemu's user mode has no bpf(2). */
static bool takes_programs(int r)
{
	return r != -EPERM && r != -ENOSYS;
}

TEST(the_kernel_holds_to_them_and_takes_others_in_their_place)
{
	static const struct rf_device_rule null[] = {
		{ false, 'a', RF_DEVICE_ALL, -1, -1 }, { true, 'c', RF_DEVICE_READ, 1, 3 },
	};
	static const struct rf_device_rule zero[] = {
		{ false, 'a', RF_DEVICE_ALL, -1, -1 }, { true, 'c', RF_DEVICE_READ, 1, 5 },
	};
	char dir[256];
	int r;

	SKIP_UNLESS(make_group(dir, sizeof(dir)), "cgroup2", "no group of version 2 can be made");
	r = rf_device_attach(dir, null, ARRAY_SIZE(null));
	if (!takes_programs(r))
		(void)rmdir(dir);
	SKIP_UNLESS(takes_programs(r), "bpf", "the kernel takes no programs from us");
	expect_opened(dir, null, ARRAY_SIZE(null), 0, -EPERM);
	expect_opened(dir, zero, ARRAY_SIZE(zero), -EPERM, 0);
	EXPECT_INT(0, rmdir(dir));
}

TEST(the_kernel_takes_as_many_rules_as_there_may_be)
{
	static struct rf_device_rule rules[RF_DEVICE_RULES_MAX + 1];
	char dir[256];
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		rules[i] = (struct rf_device_rule){ i % 2, 'c', 1 + i % 7, (int64_t)i, -1 };
	EXPECT_INT(-E2BIG, rf_device_attach("/", rules, RF_DEVICE_RULES_MAX + 1));
	SKIP_UNLESS(make_group(dir, sizeof(dir)), "cgroup2", "no group of version 2 can be made");
	r = rf_device_attach(dir, rules, RF_DEVICE_RULES_MAX);
	EXPECT_INT(0, rmdir(dir));
	SKIP_UNLESS(takes_programs(r), "bpf", "the kernel takes no programs from us");
	EXPECT_INT(0, r);
}
