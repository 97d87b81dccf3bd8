/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Control groups, on hierarchies that are directories with a few files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "compile_case.h"
#include "error.h"

#define CTL(c) (1U << RF_CTL_##c)

static const struct rf_features root = {
	.kernel = RF_KERNEL(6, 18), .last_cap = 40, .caps = (1ULL << 41) - 1, .nofile = 1024,
};

/* Path @at below the test's directory. */
static const char *below(const char *at)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s%s", harness_dir(), at);
	return path;
}

static void expect_file(const char *at, const char *text)
{
	char buf[256];
	FILE *f = fopen(below(at), "r");
	size_t n;

	assert_non_null(f);
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	fclose(f);
	EXPECT_STR(text, buf);
}

/* ------------------------------------------------------------------ finding */

static void expect_tree(const struct rf_cgroup_host *h, size_t i, bool v2, uint32_t controllers,
			const char *own)
{
	assert_true(i < h->nr);
	EXPECT_INT(v2, h->trees[i].v2);
	EXPECT_INT(controllers, h->trees[i].controllers);
	EXPECT_STR(own, h->trees[i].own);
}

TEST(a_hybrid_system_has_each_hierarchy_where_it_is_mounted)
{
	struct rf_cgroup_host h;

	EXPECT_INT(0, rf_cgroup_host_parse(&h,
		"30 22 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
		"31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:5 - cgroup cgroup rw,cpu,cpuacct\n"
		"34 30 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
		"35 30 0:31 / /mnt/again rw,relatime - cgroup cgroup rw,memory\n"
		"39 30 0:36 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
		"40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
		"5:name=systemd:/init\n4:memory:/a/b\n1:cpu,cpuacct:/\n0::/user\n"));
	EXPECT_INT(3, h.nr);
	expect_tree(&h, 0, false, CTL(CPU) | CTL(CPUACCT), "/sys/fs/cgroup/cpu,cpuacct");
	expect_tree(&h, 1, false, CTL(MEMORY), "/sys/fs/cgroup/memory/a/b");
	expect_tree(&h, 2, true, 0, "/sys/fs/cgroup/unified/user");
	rf_cgroup_host_done(&h);
}

TEST(the_callers_group_is_found_from_whatever_part_is_mounted)
{
	static const struct { const char *root, *mount, *group, *own; bool outside; } cases[] = {
		{ "/", "/sys/fs/cgroup", "/", "/sys/fs/cgroup", false },
		{ "/", "/sys/fs/cgroup", "/user.slice/a.scope", "/sys/fs/cgroup/user.slice/a.scope", false },
		/* a container that sees its own part, without a namespace */
		{ "/docker/1", "/sys/fs/cgroup", "/docker/1", "/sys/fs/cgroup", false },
		{ "/docker/1", "/sys/fs/cgroup", "/docker/1/x", "/sys/fs/cgroup/x", false },
		{ "/docker/1", "/sys/fs/cgroup", "/docker/12", "/sys/fs/cgroup", true },
		{ "/", "/sys/fs/cgroup", "/../other", "/sys/fs/cgroup", true },
		{ "/", "/with\\040blank", "/a", "/with blank/a", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char mountinfo[256], self[128];
		struct rf_cgroup_host h;

		snprintf(mountinfo, sizeof(mountinfo), "30 22 0:27 %s %s rw - cgroup2 cgroup2 rw\n",
			 cases[i].root, cases[i].mount);
		snprintf(self, sizeof(self), "0::%s\n", cases[i].group);
		EXPECT_INT(0, rf_cgroup_host_parse(&h, mountinfo, self));
		expect_tree(&h, 0, true, 0, cases[i].own);
		EXPECT_INT(cases[i].outside, h.trees[0].outside);
		rf_cgroup_host_done(&h);
	}
}

TEST(nonsense_in_proc_is_no_hierarchy)
{
	static const char *const texts[] = {
		"", "\n", "x", "30 22 0:27 / /a rw", "30 22 0:27 / /a rw - cgroup", " - cgroup2 ",
		"1 2 3:4 / /a rw - cgroup cgroup rw,unknown\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct rf_cgroup_host h;

		EXPECT_INT(0, rf_cgroup_host_parse(&h, texts[i], "1:memory:/\nx\n"));
		EXPECT_INT(0, h.nr);
		rf_cgroup_host_done(&h);
	}
}

/* ------------------------------------------------------------------- values */

#define ALL_LIMITS							\
	"limits: {memory: 64M, swap: 1M, pids: 9, cpu: 1.5, cpuset: {cpus: 0-1, mems: 0},"	\
	" io: [{device: '8:0', read: 1M, write_ops: 5}], hugetlb: [{page: 2M, limit: 4M},"	\
	" {page: 1G, limit: 0}]}\n"

struct file_text { const char *file, *text; };

static void expect_values(const char *spec, bool v2, uint32_t controllers,
			  const struct file_text *want)
{
	struct sandbox_case s = sandbox_of(spec, &root);
	struct rf_cgroup_value v;
	size_t i;

	for (i = 0; rf_cgroup_value(s.sb, v2, controllers, i, &v); i++) {
		assert_non_null(want[i].file);
		EXPECT_STR(want[i].file, v.file);
		EXPECT_STR(want[i].text, v.text);
	}
	EXPECT_NULL(want[i].file);
	sandbox_case_free(&s);
}

TEST(limits_become_the_values_of_version_2)
{
	static const struct file_text want[] = {
		{ "memory.max", "67108864" }, { "memory.swap.max", "1048576" }, { "pids.max", "9" },
		{ "cpu.max", "150000 100000" }, { "cpuset.cpus", "0-1" }, { "cpuset.mems", "0" },
		{ "io.max", "8:0 rbps=1048576 wiops=5" }, { "hugetlb.2MB.max", "4194304" },
		{ "hugetlb.1GB.max", "0" }, { NULL, NULL },
	};

	expect_values(ALL_LIMITS, true, ~0U, want);
}

TEST(limits_become_the_values_of_version_1)
{
	static const struct file_text want[] = {
		{ "memory.limit_in_bytes", "67108864" }, { "memory.memsw.limit_in_bytes", "68157440" },
		{ "pids.max", "9" }, { "cpu.cfs_period_us", "100000" }, { "cpu.cfs_quota_us", "150000" },
		{ "cpuset.cpus", "0-1" }, { "cpuset.mems", "0" },
		{ "blkio.throttle.read_bps_device", "8:0 1048576" },
		{ "blkio.throttle.write_iops_device", "8:0 5" },
		{ "hugetlb.2MB.limit_in_bytes", "4194304" }, { "hugetlb.1GB.limit_in_bytes", "0" },
		{ NULL, NULL },
	};

	expect_values(ALL_LIMITS, false, ~0U, want);
}

TEST(memory_alone_leaves_no_swap)
{
	static const struct file_text v2[] = {
		{ "memory.max", "4096" }, { "memory.swap.max", "0" }, { NULL, NULL },
	};
	static const struct file_text v1[] = {
		{ "memory.limit_in_bytes", "4096" }, { "memory.memsw.limit_in_bytes", "4096" },
		{ NULL, NULL },
	};

	expect_values("limits: {memory: 4K}\n", true, CTL(MEMORY), v2);
	expect_values("limits: {memory: 4K}\n", false, CTL(MEMORY), v1);
}

TEST(unlimited_takes_a_limit_back)
{
	static const struct file_text none[] = { { NULL, NULL } };
	struct sandbox_case s = sandbox_of("limits: {memory: unlimited, pids: unlimited, io: unlimited}\n",
					   &root);

	EXPECT_FALSE(rf_cgroup_is_wanted(s.sb));
	sandbox_case_free(&s);
	expect_values("limits: {memory: unlimited, cpu: unlimited}\n", true, ~0U, none);
}

/* Every control file in turn is missing. */
/* rf_cgroup_limit() of the group @at. */
static int write_limits(const struct rf_sandbox *sb, bool v2, uint32_t controllers, const char *at,
			struct rf_err *err)
{
	char dir[4096];
	int fd, r;

	snprintf(dir, sizeof(dir), "%s", below(at));
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	r = rf_cgroup_limit(sb, v2, controllers, dir, fd, err);
	(void)close(fd);
	return r;
}

static void each_file_missing(bool v2)
{
	struct sandbox_case s = sandbox_of(ALL_LIMITS, &root);
	struct rf_cgroup_value v, missing;

	for (size_t i = 0; rf_cgroup_value(s.sb, v2, ~0U, i, &missing); i++) {
		struct rf_err err = RF_ERR_INIT;

		for (size_t k = 0; rf_cgroup_value(s.sb, v2, ~0U, k, &v); k++) {
			char at[100];

			snprintf(at, sizeof(at), "/%s", v.file);
			harness_file(at, "");
		}
		EXPECT_INT(0, write_limits(s.sb, v2, ~0U, "", NULL));
		EXPECT_INT(0, chdir(below("")));
		EXPECT_INT(0, unlink(missing.file));
		EXPECT_INT(-ENOENT, write_limits(s.sb, v2, ~0U, "", &err));
		assert_non_null(strstr(err.msg, missing.file));
		assert_non_null(strstr(err.msg, " limit: write "));
		EXPECT_INT(1, err.line);
	}
	EXPECT_INT(0, chdir("/"));
	sandbox_case_free(&s);
}

TEST(a_control_file_that_fails_is_named_with_its_limit)
{
	each_file_missing(true);
	each_file_missing(false);
}

TEST(swap_that_nobody_counts_is_no_error_unless_it_was_asked_for)
{
	struct sandbox_case s = sandbox_of("limits: {memory: 1M}\n", &root);
	struct rf_err err = RF_ERR_INIT;

	harness_file("/memory.max", "");
	EXPECT_INT(0, write_limits(s.sb, true, CTL(MEMORY), "", NULL));
	sandbox_case_free(&s);
	s = sandbox_of("limits: {memory: 1M, swap: 0}\n", &root);
	EXPECT_INT(-ENOENT, write_limits(s.sb, true, CTL(MEMORY), "", &err));
	EXPECT_STR("this kernel does not count swap", err.hint);
	sandbox_case_free(&s);
}

TEST(a_cpuset_of_version_1_has_what_the_group_above_has)
{
	struct sandbox_case s = sandbox_of("limits: {cpuset: 1}\n", &root);

	harness_file("/cpuset.mems", "0-3\n");
	harness_file("/g/cpuset.mems", "");
	harness_file("/g/cpuset.cpus", "");
	EXPECT_INT(0, write_limits(s.sb, false, CTL(CPUSET), "/g", NULL));
	expect_file("/g/cpuset.cpus", "1");
	expect_file("/g/cpuset.mems", "0-3");
	sandbox_case_free(&s);
}

/* ------------------------------------------------------------------ placing */

/* A version 2 group with what it has and what it hands down. */
static void make_group(const char *at, const char *controllers, const char *subtree)
{
	static const char *const names[] = {
		"cgroup.controllers", "cgroup.subtree_control", "cgroup.procs",
	};
	const char *const texts[] = { controllers, subtree, "" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/%s", at, names[i]);
		if (texts[i])
			harness_file(path, texts[i]);
	}
}

static int place(const char *spec, const char *group, struct rf_cgroup_plan *p, struct rf_err *err)
{
	struct sandbox_case s = sandbox_of(spec, &root);
	static struct rf_cgroup_host h;
	char mountinfo[4096 + 64], self[256];
	int r;

	snprintf(mountinfo, sizeof(mountinfo), "1 1 0:1 / %s rw - cgroup2 cgroup2 rw\n", below(""));
	snprintf(self, sizeof(self), "0::%s\n", group);
	rf_cgroup_host_done(&h);
	EXPECT_INT(0, rf_cgroup_host_parse(&h, mountinfo, self));
	r = rf_cgroup_plan(s.sb, &h, p, err);
	if (r == 0)
		r = rf_cgroup_place(s.sb, p, err);
	sandbox_case_free(&s);
	return r;
}

static void expect_parent(const char *spec, const char *group, const char *parent)
{
	struct rf_cgroup_plan p = { .nr = 0 };
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(0, place(spec, group, &p, &err));
	EXPECT_INT(1, p.nr);
	EXPECT_STR(below(parent), p.spots[0].parent);
	rf_cgroup_plan_done(&p);
}

TEST(the_nearest_group_that_hands_the_controllers_down_is_the_parent)
{
	make_group("", "memory pids cpu io", "memory pids cpu io");
	make_group("/slice", "memory pids cpu", "memory pids");
	make_group("/slice/own.scope", "memory pids", "");
	make_group("/slice/own.scope/deep", "", "");
	/* the group's own list is empty, what is above can enable it */
	expect_parent("limits: {memory: 1M}\n", "/slice/own.scope/deep", "/slice/own.scope");
	expect_file("/slice/own.scope/cgroup.subtree_control", "+memory");
	expect_parent("limits: {pids: 5, memory: 1M}\n", "/slice", "/slice");
	expect_file("/slice/cgroup.subtree_control", "memory pids");
	expect_parent("limits: {cpu: 1}\n", "/slice/own.scope", "/slice");
	expect_file("/slice/cgroup.subtree_control", "+cpury pids"); /* a file keeps what is behind */
	expect_parent("limits: {io: [{device: '8:0', read: 1M}]}\n", "/slice/own.scope", "");
	/* nothing to hand down */
	expect_parent("limits: {cpu_total: 5s}\n", "/slice/own.scope/deep", "/slice/own.scope/deep");
	expect_parent("cgroup_parent: /slice\n", "/slice/own.scope", "/slice");
	expect_parent("cgroup_parent: deep\n", "/slice/own.scope", "/slice/own.scope/deep");
}

/* Where a launcher of several sandboxes has moved out of the way, the next is beside. */
TEST(a_launcher_that_has_moved_for_one_sandbox_makes_the_next_beside_it)
{
	struct rf_cgroup_plan p = { .nr = 0 };
	struct rf_err err = RF_ERR_INIT;
	char leaf[64];

	make_group("", "memory pids", "memory pids");
	make_group("/own.scope", "memory pids", "memory");
	snprintf(leaf, sizeof(leaf), "/own.scope/ringfence-%d-launcher", (int)getpid());
	make_group(leaf, "memory", "");
	expect_parent("limits: {memory: 1M}\n", leaf, "/own.scope");
	make_group("/own.scope/given", "memory", "");
	expect_parent("cgroup_parent: given\n", leaf, "/own.scope/given");
	/* what is enabled for the next is known, to be taken back */
	EXPECT_INT(0, place("limits: {pids: 5}\n", leaf, &p, &err));
	EXPECT_STR(below("/own.scope"), p.spots[0].parent);
	EXPECT_TRUE(!p.spots[0].leaf);
	EXPECT_INT(1 << RF_CTL_PIDS, p.spots[0].enabled);
	rf_cgroup_plan_done(&p);
}

TEST(what_no_group_has_is_an_error_with_the_place_of_the_limit)
{
	static const struct { const char *spec, *msg; int error; } cases[] = {
		{ "limits:\n  memory: 1M\n",
		  "memory limit: no hierarchy of control groups has the memory controller here", EOPNOTSUPP },
		{ "limits:\n  hugetlb: [{page: 2M, limit: 0}]\n",
		  "hugetlb limit: no hierarchy of control groups has the hugetlb controller here", EOPNOTSUPP },
	};

	make_group("", "pids", "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_cgroup_plan p = { .nr = 0 };
		struct rf_err err = RF_ERR_INIT;

		EXPECT_INT(-cases[i].error, place(cases[i].spec, "/", &p, &err));
		EXPECT_STR(cases[i].msg, err.msg);
		EXPECT_INT(2, err.line);
		rf_cgroup_plan_done(&p);
	}
}

TEST(a_parent_that_is_not_there_is_named)
{
	struct rf_cgroup_plan p = { .nr = 0 };
	struct rf_err err = RF_ERR_INIT;

	make_group("", "pids", "pids");
	EXPECT_INT(-ENOENT, place("limits: {pids: 5}\ncgroup_parent: /no/such\n", "/", &p, &err));
	assert_non_null(strstr(err.msg, "/no/such"));
	EXPECT_INT(2, err.line);
	rf_cgroup_plan_done(&p);
}

TEST(the_reason_is_that_of_the_callers_own_group)
{
	struct rf_cgroup_plan p = { .nr = 0 };
	struct rf_err err = RF_ERR_INIT;

	make_group("", "pids", NULL);	/* cannot be written to */
	EXPECT_INT(0, mkdir(below("/own"), 0755));
	EXPECT_INT(-ENOENT, place("limits: {pids: 5}\n", "/own", &p, &err));
	assert_non_null(strstr(err.msg, "pids: no control group can be made at or above"));
	EXPECT_TRUE(err.hint[0] != '\0');
	rf_cgroup_plan_done(&p);
}

TEST(without_any_hierarchy_a_limit_is_an_error)
{
	struct sandbox_case s = sandbox_of("limits: {cpu_total: 1s}\n", &root);
	struct rf_cgroup_host h = { .nr = 0 };
	struct rf_cgroup_plan p = { .nr = 0 };
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(-EOPNOTSUPP, rf_cgroup_plan(s.sb, &h, &p, &err));
	EXPECT_INT(1, err.line);
	sandbox_case_free(&s);
	s = sandbox_of("cgroup_parent: /x\n", &root);
	EXPECT_INT(-EOPNOTSUPP, rf_cgroup_plan(s.sb, &h, &p, NULL));
	sandbox_case_free(&s);
}

TEST(a_sandbox_without_such_limits_wants_no_group)
{
	struct sandbox_case s = sandbox_of("limits: {wall: 1s, nofile: 10, cpu_time: 1s}\n", &root);

	EXPECT_FALSE(rf_cgroup_is_wanted(s.sb));
	EXPECT_INT(0, rf_cgroup_make(s.sb, NULL));
	EXPECT_NULL(s.sb->cgroup.group);
	sandbox_case_free(&s);
}

/* -------------------------------------------------------------------- chains */

TEST(a_limit_without_its_group_does_not_compile)
{
	struct compiled c = compile_spec("limits:\n  pids: 5\n", &root);

	EXPECT_INT(-EINVAL, c.r);
	EXPECT_INT(2, c.err.line);
	compiled_free(&c);
}

TEST(the_payload_joins_after_the_mounts_and_its_namespace_has_the_group_as_root)
{
	static const char *const lines[] = {
		"clone as=context flags=user,mount,net,ipc,uts", "clone as=payload",
		"open_tree", "pivot_root", "join_cgroup", "close", "join_cgroup", "capset", "exec", NULL
	};
	struct sandbox_case s = sandbox_of("root: host\nlimits: {pids: 5}\ninit: false\n"
					   "mounts:\n  - {tmpfs: /tmp}\n  - {cgroup: /tmp/cg}\n", &root);
	struct compiled c;

	s.sb->cgroup.fds[0] = s.sb->cgroup.fds[1] = -1;
	s.sb->cgroup.nr_fds = 2;
	s.sb->cgroup.v2_path = "/sys/fs/cgroup/x";
	c = compile_case(&s, &root);
	EXPECT_INT(0, c.r);
	expect_lines(&c, "v2", lines);
	assert_non_null(strstr(c.text, "clone as=context flags=user,mount,net,ipc,uts\n"));
	assert_non_null(strstr(c.text, "unshare=cgroup"));
	assert_non_null(strstr(c.text, "\"sys/fs/cgroup/x\""));
	EXPECT_INT(-1, find_line(&c, "mkfs \"cgroup2\"", 0));
	compiled_free(&c);

	/* without a group of version 2 its view is the namespace's, made before */
	s.sb->cgroup.v2_path = NULL;
	c = compile_case(&s, &root);
	EXPECT_INT(0, c.r);
	EXPECT_TRUE(find_line(&c, "mkfs \"cgroup2\"", 0) > 0);
	EXPECT_NULL(strstr(c.text, "unshare=cgroup"));
	compiled_free(&c);
	sandbox_case_free(&s);
}

/* --------------------------------------------------------------- usage, the end */

TEST(usage_of_version_2)
{
	struct rf_cgroup_usage u = RF_CGROUP_USAGE_INIT;

	harness_file("/cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 9\n"
		  "nr_throttled 3\nthrottled_usec 400\n");
	harness_file("/memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\n");
	harness_file("/memory.peak", "8192\n");
	harness_file("/pids.peak", "5\n");
	harness_file("/pids.events", "max 4\n");
	harness_file("/io.stat", "8:0 rbytes=4096 wbytes=1 rios=1\n254:0 rbytes=4 wbytes=2 rios=0\n");
	rf_cgroup_usage_read(below(""), true, 0, &u);
	EXPECT_INT(30, u.cpu_us);
	EXPECT_INT(20, u.user_us);
	EXPECT_INT(10, u.system_us);
	EXPECT_INT(3, u.throttled);
	EXPECT_INT(400, u.throttled_us);
	EXPECT_INT(7, u.memory_hits);
	EXPECT_INT(1, u.oom_kills);
	EXPECT_INT(8192, u.memory_peak);
	EXPECT_INT(5, u.pids_peak);
	EXPECT_INT(4, u.pids_hits);
	EXPECT_INT(4100, u.io_read);
	EXPECT_INT(3, u.io_written);
}

TEST(usage_of_version_1)
{
	struct rf_cgroup_usage u = RF_CGROUP_USAGE_INIT;

	harness_file("/cpuacct.usage", "30000\n");
	harness_file("/cpu.stat", "nr_periods 1\nnr_throttled 3\nthrottled_time 400000\n");
	harness_file("/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
	harness_file("/memory.failcnt", "5\n");
	harness_file("/memory.memsw.failcnt", "2\n");
	harness_file("/memory.max_usage_in_bytes", "4096\n");
	harness_file("/blkio.throttle.io_service_bytes",
		  "8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\n8:16 Read 1\n8:16 Write 2\nTotal 33\n");
	rf_cgroup_usage_read(below(""), false, ~0U, &u);
	EXPECT_INT(30, u.cpu_us);
	EXPECT_INT(-1, u.user_us);
	EXPECT_INT(3, u.throttled);
	EXPECT_INT(400, u.throttled_us);
	EXPECT_INT(2, u.oom_kills);
	EXPECT_INT(7, u.memory_hits);
	EXPECT_INT(4096, u.memory_peak);
	EXPECT_INT(11, u.io_read);
	EXPECT_INT(22, u.io_written);
	EXPECT_INT(-1, u.pids_peak);
}

TEST(only_what_a_dead_launcher_left_is_swept)
{
	static const struct { const char *name; bool locked, stays; } cases[] = {
		{ "/ringfence-1-0", false, false }, { "/ringfence-1-launcher", false, false },
		{ "/ringfence-2-0", true, true }, { "/ringfence-1-x", false, true },
		{ "/ringfence-", false, true }, { "/ringfence-1-", false, true },
		{ "/ringfence-test-1", false, true }, { "/xringfence-1-0", false, true },
	};
	int locks[ARRAY_SIZE(cases)];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_INT(0, mkdir(below(cases[i].name), 0755));
		locks[i] = cases[i].locked ? open(below(cases[i].name), O_RDONLY | O_DIRECTORY) : -1;
		if (cases[i].locked)
			EXPECT_INT(0, flock(locks[i], LOCK_EX | LOCK_NB));
	}
	rf_cgroup_sweep(below(""));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_INT(cases[i].stays ? 0 : -1, access(below(cases[i].name), F_OK));
		if (locks[i] >= 0)
			close(locks[i]);
	}
}

TEST(what_is_no_group_cannot_be_frozen_or_killed)
{
	EXPECT_INT(-EOPNOTSUPP, rf_cgroup_freeze(below("")));
	EXPECT_INT(-EOPNOTSUPP, rf_cgroup_thaw(below("")));
	EXPECT_INT(-ENOENT, rf_cgroup_freeze(below("/no")));
	EXPECT_INT(-ENOENT, rf_cgroup_thaw(below("/no")));
	EXPECT_INT(-ENOENT, rf_cgroup_kill(below("/no")));
	EXPECT_INT(-ENOENT, rf_cgroup_is_populated(below("/no")));
	EXPECT_INT(0, rf_cgroup_remove(below("/no")));
	EXPECT_INT(0, rf_cgroup_end(NULL, NULL));
}

/* On version 1 a kill stops the group first, which waits for two RCU grace periods. */
TEST(an_empty_group_is_not_stopped_to_be_killed)
{
	char text[32];

	harness_file("/cgroup.procs", "");
	harness_file("/freezer.state", "as it was");
	EXPECT_INT(0, rf_cgroup_kill(below("")));
	EXPECT_TRUE(rf_cgroup_read(below(""), "freezer.state", text, sizeof(text)) > 0);
	EXPECT_STR("as it was", text);
}
