/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When a container's process runs, on what, and where its memory is.
 */
#include <errno.h>
#include <string.h>

#include "oci_case.h"

#define SCHEDULER(more)	DOC(",\"scheduler\":{" more "}", "", "")
#define AFFINITY(more)	DOC(",\"execCPUAffinity\":{" more "}", "", "")
#define MEMORY(more)	DOC("", ",\"memoryPolicy\":{" more "}", "")

TEST(a_schedule_that_is_none_is_refused)
{
	static const struct oci_bad cases[] = {
		{ SCHEDULER("\"nice\":1"), "process.scheduler: it has no `policy`" },
		{ SCHEDULER("\"policy\":\"SCHED_FIF\""),
		  "process.scheduler.policy: no 'SCHED_FIF' here; did you mean 'SCHED_FIFO'?" },
		{ SCHEDULER("\"policy\":\"SCHED_FIFO\",\"priority\":100"),
		  "process.scheduler.priority: '100' is no whole number from 0 to 99" },
		{ SCHEDULER("\"policy\":\"SCHED_OTHER\",\"nice\":20"),
		  "process.scheduler.nice: '20' is no whole number from -20 to 19" },
		{ SCHEDULER("\"policy\":\"SCHED_OTHER\",\"flags\":[\"SCHED_FLAG_X\"]"),
		  "process.scheduler.flags[0]: no 'SCHED_FLAG_X' here" },
		{ SCHEDULER("\"policy\":\"SCHED_DEADLINE\",\"runtime\":-1"),
		  "process.scheduler.runtime: '-1' is no whole number from 0 to 9223372036854775807" },
		{ DOC(",\"ioPriority\":{\"priority\":1}", "", ""), "process.ioPriority: it has no `class`" },
		{ DOC(",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":8}", "", ""),
		  "process.ioPriority.priority: '8' is no whole number from 0 to 7" },
		{ AFFINITY("\"initial\":\"0-\""),
		  "process.execCPUAffinity.initial: '0-' is no list as 0-3,7 of numbers below 1024" },
		{ AFFINITY("\"final\":\"3-1\""),
		  "process.execCPUAffinity.final: '3-1' is no list as 0-3,7 of numbers below 1024" },
		{ AFFINITY("\"final\":\"1024\""),
		  "process.execCPUAffinity.final: '1024' is no list as 0-3,7 of numbers below 1024" },
		{ AFFINITY("\"final\":\"1,,2\""),
		  "process.execCPUAffinity.final: '1,,2' is no list as 0-3,7 of numbers below 1024" },
		{ AFFINITY("\"final\":\"99999999999999999999\""),
		  "process.execCPUAffinity.final: '99999999999999999999' is no list as 0-3,7 of numbers "
		  "below 1024" },
		{ AFFINITY("\"final\":[0]"), "process.execCPUAffinity.final: a string belongs here" },
	};

	OCI_EXPECT_BAD(cases);
}

TEST(a_memory_policy_that_no_kernel_takes_is_refused)
{
	static const struct oci_bad cases[] = {
		{ MEMORY("\"nodes\":\"0\""), "linux.memoryPolicy: it has no `mode`" },
		{ MEMORY("\"mode\":\"MPOL_BIN\""),
		  "linux.memoryPolicy.mode: no 'MPOL_BIN' here; did you mean 'MPOL_BIND'?" },
		{ MEMORY("\"mode\":\"MPOL_BIND\""), "linux.memoryPolicy: this mode needs `nodes`" },
		{ MEMORY("\"mode\":\"MPOL_LOCAL\",\"nodes\":\"0\""),
		  "linux.memoryPolicy: this mode has neither `nodes` nor `flags`" },
		{ MEMORY("\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"MPOL_F_STATIC_NODES\","
			 "\"MPOL_F_RELATIVE_NODES\"]"),
		  "linux.memoryPolicy: nodes are either static or relative" },
		{ MEMORY("\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"MPOL_F\"]"),
		  "linux.memoryPolicy.flags[0]: no 'MPOL_F' here" },
	};

	OCI_EXPECT_BAD(cases);
}

TEST(a_schedule_becomes_ops_of_its_values)
{
	struct rf_oci_config c;
	struct compiled k = oci_compiled(oci_good(DOC(",\"scheduler\":{\"policy\":\"SCHED_DEADLINE\","
		"\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\",\"SCHED_FLAG_RECLAIM\",\"SCHED_FLAG_DL_OVERRUN\","
		"\"SCHED_FLAG_KEEP_POLICY\",\"SCHED_FLAG_KEEP_PARAMS\",\"SCHED_FLAG_UTIL_CLAMP_MIN\","
		"\"SCHED_FLAG_UTIL_CLAMP_MAX\"],\"runtime\":1000,\"deadline\":2000,\"period\":3000},"
		"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":2},"
		"\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"1\"}",
		",\"memoryPolicy\":{\"mode\":\"MPOL_WEIGHTED_INTERLEAVE\",\"nodes\":\"0-1,70\","
		"\"flags\":[\"MPOL_F_STATIC_NODES\",\"MPOL_F_NUMA_BALANCING\"]}", ""), &c), &oci_features);
	static const char *const lines[] = {
		"sched deadline flags=reset-on-fork,reclaim,dl-overrun,keep-policy,keep-params,"
		"util-clamp-min,util-clamp-max runtime=1000 deadline=2000 period=3000",
		"ioprio realtime level=2",
		"mempolicy weighted-interleave flags=static-nodes,numa-balancing nodes=0-1,70",
		NULL
	};

	expect_lines(&k, "schedule", lines);
	/* the container's own process does not get what is for one that enters */
	EXPECT_INT(-1, find_line(&k, "affinity", 0));
	compiled_free(&k);
}

TEST(one_that_enters_changes_its_processors_around_the_join)
{
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(AFFINITY("\"initial\":\"0-3,7\",\"final\":\"1023\""), &c);
	static const char *const lines[] = { "affinity cpus=0-3,7", "join_cgroup", "affinity cpus=1023",
					     NULL };
	struct compiled k;

	sb->oci.enters = true;
	sb->cgroup.fds[sb->cgroup.nr_fds++] = -1;
	k = oci_compiled(sb, &oci_features);
	expect_lines(&k, "affinity", lines);
	compiled_free(&k);
}

TEST(an_empty_list_asks_for_nothing)
{
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(AFFINITY("\"initial\":\"\",\"final\":\"\""), &c);

	EXPECT_FALSE(sb->oci.has_initial || sb->oci.has_final);
	rf_sandbox_free(sb);
}
