/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The annotation `ringfence.spec`: what it takes from the model of a container, and that
 * it never gives anything.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "harness.h"

#include "compile.h"
#include "oci_config.h"
#include "ringfence.h"

#define CONFIG \
	"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"cwd\":\"/\"," \
	"\"args\":[\"sh\"],\"env\":[\"PATH=/bin:/usr/bin\"],\"capabilities\":{" \
	"\"bounding\":[\"CAP_KILL\",\"CAP_CHOWN\"],\"permitted\":[\"CAP_KILL\",\"CAP_CHOWN\"]," \
	"\"effective\":[\"CAP_KILL\"],\"inheritable\":[\"CAP_KILL\",\"CAP_CHOWN\"]," \
	"\"ambient\":[\"CAP_CHOWN\"]}," \
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":100,\"hard\":200}]}," \
	"\"linux\":{\"namespaces\":[{\"type\":\"mount\"}],\"resources\":{" \
	"\"memory\":{\"limit\":1048576,\"swap\":2097152},\"pids\":{\"limit\":50}," \
	"\"cpu\":{\"quota\":20000,\"period\":40000,\"cpus\":\"0-3,7\"}," \
	"\"blockIO\":{\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":1,\"rate\":9}]}," \
	"\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}}}"

struct made {
	struct rf_sandbox *sb;
	struct rf_oci_config c;
	struct rf_err	 err;
};

static int make(struct made *m, const char *fragment, unsigned int flags)
{
	const struct rf_place place = { "config.json", 7, 9 };

	*m = (struct made){ .sb = rf_sandbox_new() };
	EXPECT_INT(0, rf_oci_parse("config.json", CONFIG, strlen(CONFIG), m->sb, &m->c, &m->err));
	return rf_oci_tighten(m->sb, &m->c, fragment, &place, flags | RF_OCI_PURE, &m->err);
}

TEST(capabilities_are_taken_out_of_every_set)
{
	struct made m;

	EXPECT_INT(0, make(&m, "capabilities: [kill]", 0));
	EXPECT_INT(1 << CAP_KILL, m.sb->oci.caps.bounding);
	EXPECT_INT(1 << CAP_KILL, m.sb->oci.caps.permitted);
	EXPECT_INT(1 << CAP_KILL, m.sb->oci.caps.effective);
	EXPECT_INT(1 << CAP_KILL, m.sb->oci.caps.inheritable);
	EXPECT_INT(0, m.sb->oci.caps.ambient);
	EXPECT_INT(1 << CAP_KILL, m.sb->capabilities);
	EXPECT_INT(0, m.sb->ambient);
	rf_sandbox_free(m.sb);
}

TEST(a_process_that_enters_gets_the_lower_of_two_limits)
{
	static const struct { const char *fragment; uint64_t soft, hard; } cases[] = {
		{ "limits: {nofile: 50}", 50, 50 },
		{ "limits: {nofile: 150}", 100, 150 },
		{ "limits: {nofile: {soft: 10, hard: 500}}", 10, 200 },
		{ "limits: {nofile: unlimited}", 100, 200 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct made m;

		EXPECT_INT(0, make(&m, cases[i].fragment, RF_OCI_ENTERS));
		EXPECT_INT(cases[i].soft, m.sb->rlimits[RLIMIT_NOFILE].soft);
		EXPECT_INT(cases[i].hard, m.sb->rlimits[RLIMIT_NOFILE].hard);
		rf_sandbox_free(m.sb);
	}
}

TEST(what_would_allow_more_is_an_error_with_its_place)
{
	static const struct { const char *fragment, *want; } cases[] = {
		{ "capabilities: [kill, net_raw]", "the container has no capability 'net_raw' to keep" },
		{ "limits: {nofile: 201}", "the container's limit is 200 already" },
		{ "limits: {memory: 1048577}", "more than the container's memory.max, which is '1048576'" },
		{ "limits: {memory: 1M, swap: 1048577}",
		  "more than the container's memory.swap.max, which is '1048576'" },
		{ "limits: {pids: 51}", "more than the container's pids.max, which is '50'" },
		{ "limits: {cpu: 0.501}", "more than the container's cpu.max, which is '20000 40000'" },
		{ "limits: {cpuset: 3-4}", "more than the container's cpuset.cpus, which is '0-3,7'" },
		{ "limits: {io: [{device: \"8:1\", write_ops: 10}]}",
		  "more than the container's io.max, which is '8:1 wiops=9'" },
		{ "limits: {hugetlb: [{page: 2M, limit: 6M}]}",
		  "more than the container's hugetlb.2MB.max, which is '4194304'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct made m;

		EXPECT_INT(-EINVAL, make(&m, cases[i].fragment, 0));
		EXPECT_STR(cases[i].want, m.err.msg);
		EXPECT_STR("config.json:7:9: annotations.\"ringfence.spec\"", m.err.file);
		EXPECT_INT(1, m.err.line);
		rf_sandbox_free(m.sb);
	}
}

/* The last value for @file, of version 2 or else of 1. */
static const char *limit_of(const struct rf_oci_config *c, const char *file, bool v2)
{
	const char *text = NULL;

	for (size_t i = 0; i < c->nr_limits; i++) {
		const char *name = v2 ? c->limits[i].v2_file : c->limits[i].v1_file;

		if (name && !strcmp(name, file))
			text = v2 ? c->limits[i].v2_text : c->limits[i].v1_text;
	}
	return text;
}

TEST(lower_limits_are_the_last_to_be_written_in_the_words_of_both_versions)
{
	static const struct { const char *fragment, *v1, *v1_text, *v2, *v2_text; } cases[] = {
		{ "limits: {memory: 512K}", "memory.limit_in_bytes", "524288", "memory.max", "524288" },
		{ "limits: {memory: 512K, swap: 1K}", "memory.memsw.limit_in_bytes", "525312",
		  "memory.swap.max", "1024" },
		{ "limits: {pids: 50}", "pids.max", "50", "pids.max", "50" },
		{ "limits: {cpu: 0.25}", "cpu.cfs_quota_us", "25000", "cpu.max", "25000 100000" },
		{ "limits: {cpuset: \"1,7\"}", "cpuset.cpus", "1,7", "cpuset.cpus", "1,7" },
		{ "limits: {io: [{device: \"8:1\", write_ops: 3, read: 100}]}",
		  "blkio.throttle.write_iops_device", "8:1 3", "io.max", "8:1 rbps=100 wiops=3" },
		{ "limits: {io: [{device: \"8:2\", write_ops: 99}]}",
		  "blkio.throttle.write_iops_device", "8:2 99", "io.max", "8:2 wiops=99" },
		{ "limits: {hugetlb: [{page: 2M, limit: 2M}]}", "hugetlb.2MB.limit_in_bytes", "2097152",
		  "hugetlb.2MB.max", "2097152" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct made m;

		if (make(&m, cases[i].fragment, 0) < 0)
			fail_msg("%s: %s", cases[i].fragment, m.err.msg);
		EXPECT_STR(cases[i].v1_text, limit_of(&m.c, cases[i].v1, false));
		EXPECT_STR(cases[i].v2_text, limit_of(&m.c, cases[i].v2, true));
		rf_sandbox_free(m.sb);
	}
}

TEST(an_update_stays_below_the_fragment)
{
	static const struct { const char *resources; int want; } cases[] = {
		{ "{\"pids\":{\"limit\":20}}", 0 },
		{ "{\"pids\":{\"limit\":21}}", -EINVAL },
		{ "{\"pids\":{\"limit\":-1}}", -EINVAL },
		{ "{\"memory\":{\"limit\":4096}}", 0 },
		{ "{\"memory\":{\"limit\":2097152}}", -EINVAL },
		{ "{\"memory\":{\"swap\":2097152}}", -EINVAL },
		{ "{\"cpu\":{\"quota\":-1,\"period\":100000}}", -EINVAL },
		{ "{\"cpu\":{\"shares\":2000}}", 0 },
		{ "{\"unified\":{\"memory.max\":\"max\"}}", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_sandbox *sb = rf_sandbox_new();
		struct rf_err err = RF_ERR_INIT;
		struct rf_oci_config c;

		EXPECT_INT(0, rf_oci_parse_resources("update", cases[i].resources,
						     strlen(cases[i].resources), sb, &c, &err));
		EXPECT_INT(cases[i].want, rf_oci_check_update(&c, "limits: {pids: 20, memory: 1M, cpu: 1}",
							      &err));
		rf_sandbox_free(sb);
	}
}

TEST(landlock_lets_the_command_in_wherever_it_may_be)
{
	static const char *const want[] = { "/bin/sh", "/usr/bin/sh", "/usr/lib", "/data" };
	struct made m;

	EXPECT_INT(0, make(&m, "landlock: {read: [/data]}", 0));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		EXPECT_TRUE(rf_landlock_rule_of(m.sb, want[i], 0) != NULL);
	EXPECT_TRUE(rf_landlock_rule_of(m.sb, "/", 0) == NULL);
	rf_sandbox_free(m.sb);
	EXPECT_INT(0, make(&m, "landlock: {read: [/data], loader: false}", 0));
	EXPECT_INT(1, m.sb->landlock.nr);
	rf_sandbox_free(m.sb);
}

TEST(two_filters_are_both_installed_and_checked)
{
	static const struct rf_features f = {
		.kernel = RF_KERNEL(6, 18), .caps = (1ULL << 41) - 1, .last_cap = 40, .nofile = 1024,
		.host_root = true,
	};
	struct rf_chain *chain = NULL;
	size_t nr = 0;
	struct made m;

	EXPECT_INT(0, make(&m, "{seccomp: strict, no_new_privileges: true}", 0));
	m.c.seccomp = "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}";
	EXPECT_INT(0, rf_oci_resolve_seccomp(m.sb, &m.c, &m.err));
	m.sb->root.path = m.sb->scratch = "/rootfs";
	EXPECT_INT(0, rf_compile(m.sb, &f, &chain, &m.err));
	for (uint32_t i = 0; i < chain->nr_ops; i++)
		nr += chain->ops[i].kind == RF_OP_SECCOMP;
	EXPECT_INT(2, nr);
	rf_chain_free(chain);
	rf_sandbox_free(m.sb);
	EXPECT_INT(0, make(&m, "{seccomp: strict, no_new_privileges: true}", 0));
	m.sb->root.path = m.sb->scratch = "/rootfs";
	m.c.seccomp = "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"seccomp\"],"
		      "\"action\":\"SCMP_ACT_ERRNO\"}]}";
	EXPECT_INT(0, rf_oci_resolve_seccomp(m.sb, &m.c, &m.err));
	/* strict knows no seccomp(2) either */
	EXPECT_INT(-EINVAL, rf_compile(m.sb, &f, &chain, &m.err));
	EXPECT_STR("the filters 'linux.seccomp' and 'strict' both refuse seccomp(2), by which the other "
		   "one would be installed", m.err.msg);
	rf_sandbox_free(m.sb);
}
