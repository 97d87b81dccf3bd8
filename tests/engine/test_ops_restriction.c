/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ops of the group "restriction", on each engine. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ops.h"

static void limit_files(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_rlimit(o->c, RLIMIT_NOFILE, 100, 120);
}

static void limit_raised(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_rlimit(o->c, RLIMIT_NOFILE, RLIM_INFINITY, RLIM_INFINITY);
}

static void limit_upside_down(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_rlimit(o->c, RLIMIT_CORE, 2, 1);
}

static void add_sched(struct ops *o, uint32_t policy)
{
	ops_begin(o, 0);
	ops_add(o, RF_OP_SCHED)->u.sched.policy = policy;
}

static void sched_batch(struct ops *o)
{
	add_sched(o, SCHED_BATCH);
}

static void sched_nonsense(struct ops *o)
{
	add_sched(o, 99);
}

static void one_cpu(struct ops *o)
{
	cpu_set_t have, one;
	int cpu = 0;

	EXPECT_INT(0, sched_getaffinity(0, sizeof(have), &have));
	while (!CPU_ISSET(cpu, &have))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	ops_begin(o, 0);
	ops_add(o, RF_OP_AFFINITY)->u.affinity.mask = ops_blob(o, &one, sizeof(one));
}

static void no_cpu(struct ops *o)
{
	static const uint64_t none[2];

	ops_begin(o, 0);
	ops_add(o, RF_OP_AFFINITY)->u.affinity.mask = ops_blob(o, none, sizeof(none));
}

static void nicer(struct ops *o)
{
	ops_begin(o, 0);
	ops_add(o, RF_OP_NICE)->u.nice.value = 19;
}

/* In a user namespace even root may not. */
static void less_nice(struct ops *o)
{
	ops_begin(o, 0);
	ops_add(o, RF_OP_NICE)->u.nice.value = 19;
	ops_add(o, RF_OP_NICE)->u.nice.value = -20;
}

static void add_ioprio(struct ops *o, uint32_t prio_class, uint32_t level)
{
	struct rf_op *op;

	ops_begin(o, 0);
	op = ops_add(o, RF_OP_IOPRIO);
	op->u.ioprio.prio_class = prio_class;
	op->u.ioprio.level = level;
}

static void ioprio_low(struct ops *o)
{
	add_ioprio(o, 2, 7);
}

static void ioprio_nonsense(struct ops *o)
{
	add_ioprio(o, 7, 0);
}

static bool has_mempolicy(void)
{
	return syscall(SYS_set_mempolicy, 0, NULL, 0) == 0;
}

static void mem_bind(struct ops *o)
{
	static const uint64_t node0 = 1;
	struct rf_op *op;

	ops_begin(o, 0);
	op = ops_add(o, RF_OP_MEMPOLICY);
	op->u.mempolicy.mode = 2;
	op->u.mempolicy.nodes = ops_blob(o, &node0, sizeof(node0));
}

static void mem_default(struct ops *o)
{
	ops_begin(o, 0);
	ops_add(o, RF_OP_MEMPOLICY);
}

static void mem_nonsense(struct ops *o)
{
	ops_begin(o, 0);
	ops_add(o, RF_OP_MEMPOLICY)->u.mempolicy.mode = 99;
}

/* In the vforked payload task: the score belongs to the memory. */
static void add_oom_score(struct ops *o, int value)
{
	ops_begin(o, 0);
	rf_prep_clone(o->c, RF_CLONE_PAYLOAD, 0);
	ops_add(o, RF_OP_OOM_SCORE)->u.oom_score.value = value;
}

static void oom_first(struct ops *o)
{
	add_oom_score(o, 987);
}

static void oom_nonsense(struct ops *o)
{
	add_oom_score(o, -5000);
}

static void mask(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_umask(o->c, 0137);
}

static void no_randomize(struct ops *o)
{
	ops_begin(o, 0);
	ops_add(o, RF_OP_PERSONALITY)->u.personality.persona = ADDR_NO_RANDOMIZE;
}

#define NEEDS_NUMA .can = has_mempolicy, .need = "numa"

static const struct ops_case cases[] = {
	SUCCEEDS(RF_OP_RLIMIT, "fewer files", limit_files, 0,
		 "test $(ulimit -Sn) = 100; test $(ulimit -Hn) = 120"),
	FAILS(RF_OP_RLIMIT, "more files than there can be", limit_raised, EPERM),
	FAILS(RF_OP_RLIMIT, "a soft limit above the hard one", limit_upside_down, EINVAL),
	SUCCEEDS(RF_OP_SCHED, "another policy", sched_batch, 0,
		 "test $(cut -d' ' -f41 /proc/self/stat) = 3"),
	FAILS(RF_OP_SCHED, "a policy that is none", sched_nonsense, EINVAL),
	SUCCEEDS(RF_OP_AFFINITY, "one processor", one_cpu, 0, "test $(nproc) = 1"),
	FAILS(RF_OP_AFFINITY, "no processor", no_cpu, EINVAL),
	SUCCEEDS(RF_OP_NICE, "nicer", nicer, 0, "test $(nice) = 19"),
	FAILS(RF_OP_NICE, "less nice", less_nice, EACCES),
	SUCCEEDS(RF_OP_IOPRIO, "lower I/O priority", ioprio_low, 0,
		 "test \"$(ionice -p $$)\" = 'best-effort: prio 7'"),
	FAILS(RF_OP_IOPRIO, "a class that is none", ioprio_nonsense, EINVAL),
	{ .kind = RF_OP_MEMPOLICY, .name = "memory of one node", .build = mem_bind,
	  .check = "grep -q bind:0 /proc/self/numa_maps", NEEDS_NUMA },
	{ .kind = RF_OP_MEMPOLICY, .name = "memory of any node", .build = mem_default, NEEDS_NUMA },
	{ .kind = RF_OP_MEMPOLICY, .name = "a memory policy that is none", .build = mem_nonsense,
	  .want = -EINVAL, NEEDS_NUMA },
	SUCCEEDS(RF_OP_OOM_SCORE, "an OOM score", oom_first, 0,
		 "test $(cat /proc/self/oom_score_adj) = 987"),
	FAILS(RF_OP_OOM_SCORE, "an OOM score that is none", oom_nonsense, EINVAL),
	NEVER_FAILS(RF_OP_UMASK, "a umask", mask, 0, "test $(umask) = 0137"),
	NEVER_FAILS(RF_OP_PERSONALITY, "a personality", no_randomize, 0,
		    "grep -qx 00040000 /proc/self/personality"),
};

OPS_TESTS("restriction", cases)

static int own_oom_score(void)
{
	FILE *f = fopen("/proc/self/oom_score_adj", "re");
	int score;

	assert_non_null(f);
	EXPECT_INT(1, fscanf(f, "%d", &score));
	fclose(f);
	return score;
}

TEST_ENGINES(the_submitter_keeps_its_oom_score)
{
	int before = own_oom_score();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (cases[i].build == oom_first)
			ops_run_cases(&cases[i], 1);
	EXPECT_INT(before, own_oom_score());
}
