/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ops of the group "restriction", on each engine. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compat.h"
#include "ops.h"
#include "sandboxed.h"

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

static void mem_static(struct ops *o)
{
	mem_bind(o);
	o->c->ops[o->c->nr_ops - 1].u.mempolicy.flags = 1 << 15;
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

/* In the payload task: the score belongs to the memory. */
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

/* ------------------------------------------------------------------ landlock */

static int landlock_abi(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static bool has_landlock(void)
{
	return landlock_abi() >= 1;
}

static bool has_landlock_net(void)
{
	return landlock_abi() >= 4;
}

static bool has_landlock_scopes(void)
{
	return landlock_abi() >= 6;
}

#define LANDLOCK_READ (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | \
		       LANDLOCK_ACCESS_FS_READ_DIR)

static void add_landlock(struct ops *o, const struct rf_landlock_access *rules, size_t nr)
{
	rf_prep_landlock(o->c, LANDLOCK_READ | LANDLOCK_ACCESS_FS_WRITE_FILE, 0, 0, rules, nr);
}

/* $D/open may be read, $D/closed may not. */
static void landlock_tree(struct ops *o)
{
	static const char *const system[] = { "/usr", "/bin", "/lib", "/lib64", "/etc" };
	struct rf_landlock_access rules[8] = { { 0 } };
	char file[300];
	size_t n = 0;

	ops_begin(o, 0);
	ops_file(o, "open", "");
	ops_file(o, "closed", "");
	snprintf(file, sizeof(file), "%s/open", o->dir);
	rf_prep_no_new_privs(o->c);
	for (; n < ARRAY_SIZE(system); n++)
		rules[n] = (struct rf_landlock_access){ .access = LANDLOCK_READ,
							.path = system[n], .optional = 1 };
	/* a file takes a directory's rights in its stride */
	rules[n++] = (struct rf_landlock_access){ .access = LANDLOCK_READ, .path = file };
	rules[n++] = (struct rf_landlock_access){ .access = LANDLOCK_READ, .optional = 1,
						  .path = "/no/such/path" };
	add_landlock(o, rules, n);
}

static void landlock_slot(struct ops *o)
{
	struct rf_landlock_access rules[2] = {
		{ .access = LANDLOCK_READ, .path = "/" }, { .access = LANDLOCK_ACCESS_FS_WRITE_FILE },
	};

	ops_begin(o, 0);
	ops_file(o, "file", "");
	rules[1].slot = ops_dir(o);
	rf_prep_no_new_privs(o->c);
	add_landlock(o, rules, 2);
}

static void landlock_ports(struct ops *o)
{
	const struct rf_landlock_access rule = { .access = RF_LANDLOCK_NET_CONNECT_TCP,
						 .slot = RF_SLOT_NONE, .port = 443 };

	ops_begin(o, 0);
	rf_prep_no_new_privs(o->c);
	rf_prep_landlock(o->c, 0, RF_LANDLOCK_NET_CONNECT_TCP, 0, &rule, 1);
}

static void landlock_scopes(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_no_new_privs(o->c);
	rf_prep_landlock(o->c, 0, 0, RF_LANDLOCK_SCOPE_SIGNAL | RF_LANDLOCK_SCOPE_ABSTRACT_UNIX,
			 NULL, 0);
}

/* Root of the new user namespace has the power. */
static void landlock_by_power(struct ops *o)
{
	const struct rf_landlock_access rule = { .access = LANDLOCK_READ, .path = "/" };

	ops_begin(o, 0);
	add_landlock(o, &rule, 1);
}

static void landlock_missing(struct ops *o)
{
	const struct rf_landlock_access rule = { .access = LANDLOCK_READ, .path = "/no/such/path" };

	ops_begin(o, 0);
	rf_prep_no_new_privs(o->c);
	add_landlock(o, &rule, 1);
}

static void landlock_unhandled(struct ops *o)
{
	const struct rf_landlock_access rule = { .access = LANDLOCK_ACCESS_FS_MAKE_REG,
						 .path = "/" };

	ops_begin(o, 0);
	rf_prep_no_new_privs(o->c);
	add_landlock(o, &rule, 1);
}

static void landlock_nothing(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_no_new_privs(o->c);
	rf_prep_landlock(o->c, 0, 0, 0, NULL, 0);
}

/* ------------------------------------------------------------------- seccomp */

/* Call @nr gets @action, all others are allowed. */
static void add_filter(struct ops *o, int nr, uint32_t action)
{
	const struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	rf_prep_seccomp(o->c, program, ARRAY_SIZE(program), 0);
}

static void no_mkdir(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_no_new_privs(o->c);
	add_filter(o, SYS_mkdirat, SECCOMP_RET_ERRNO | EDOM);
#ifdef SYS_mkdir
	add_filter(o, SYS_mkdir, SECCOMP_RET_ERRNO | EDOM);
#endif
}

static void filter_by_power(struct ops *o)
{
	ops_begin(o, 0);
	add_filter(o, SYS_mkdirat, SECCOMP_RET_ERRNO | EDOM);
}

static void no_program(struct ops *o)
{
	const struct sock_filter nonsense = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);

	ops_begin(o, 0);
	rf_prep_no_new_privs(o->c);
	rf_prep_seccomp(o->c, &nonsense, 1, 0);
}

#define NEEDS_NUMA .can = has_mempolicy, .need = "numa"

#define NEEDS_LANDLOCK .can = has_landlock, .need = "landlock"

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
	{ .kind = RF_OP_MEMPOLICY, .name = "memory of one node, whatever the task may use",
	  .build = mem_static, .check = "grep -q bind=static:0 /proc/self/numa_maps", NEEDS_NUMA },
	{ .kind = RF_OP_MEMPOLICY, .name = "memory of any node", .build = mem_default, NEEDS_NUMA },
	{ .kind = RF_OP_MEMPOLICY, .name = "a memory policy that is none", .build = mem_nonsense,
	  .want = -EINVAL, NEEDS_NUMA },
	SUCCEEDS(RF_OP_OOM_SCORE, "an OOM score", oom_first, 0,
		 "test $(cat /proc/self/oom_score_adj) = 987"),
	FAILS(RF_OP_OOM_SCORE, "an OOM score that is none", oom_nonsense, EINVAL),
	NEVER_FAILS(RF_OP_UMASK, "a umask", mask, 0, "test $(umask) = 0137"),
	NEVER_FAILS(RF_OP_PERSONALITY, "a personality", no_randomize, 0,
		    "grep -qx 00040000 /proc/self/personality"),
	{ .kind = RF_OP_LANDLOCK, .name = "one file of a directory", .build = landlock_tree,
	  .check = "cat $D/open; ! cat $D/closed 2>/dev/null; ! ls $D 2>/dev/null",
	  NEEDS_LANDLOCK },
	{ .kind = RF_OP_LANDLOCK, .name = "what is in a slot", .build = landlock_slot,
	  .check = "echo >$D/file; ! echo 2>/dev/null >$D/../file", NEEDS_LANDLOCK },
	{ .kind = RF_OP_LANDLOCK, .name = "one port", .build = landlock_ports,
	  .check = "grep -q NoNewPrivs:.1 /proc/self/status", .can = has_landlock_net,
	  .need = "landlock" },
	{ .kind = RF_OP_LANDLOCK, .name = "no signals out", .build = landlock_scopes,
	  .check = "! kill -0 $PPID 2>/dev/null; kill -0 $$", .can = has_landlock_scopes,
	  .need = "landlock" },
	{ .kind = RF_OP_LANDLOCK, .name = "without no_new_privs", .build = landlock_by_power,
	  .check = "grep -q NoNewPrivs:.0 /proc/self/status; ! echo 2>/dev/null >$D/file",
	  NEEDS_LANDLOCK },
	{ .kind = RF_OP_LANDLOCK, .name = "a path that is not there", .build = landlock_missing,
	  .want = -ENOENT, NEEDS_LANDLOCK },
	{ .kind = RF_OP_LANDLOCK, .name = "a right that is not handled",
	  .build = landlock_unhandled, .want = -EINVAL, NEEDS_LANDLOCK },
	{ .kind = RF_OP_LANDLOCK, .name = "nothing handled", .build = landlock_nothing,
	  .want = -ENOMSG, NEEDS_LANDLOCK },
	SUCCEEDS(RF_OP_SECCOMP, "a call less", no_mkdir, 0,
		 "mkdir $D/new 2>&1 | grep -q 'out of domain'; grep -q Seccomp:.2 /proc/self/status"),
	SUCCEEDS(RF_OP_SECCOMP, "without no_new_privs", filter_by_power, 0,
		 "grep -q NoNewPrivs:.0 /proc/self/status; grep -q Seccomp:.2 /proc/self/status"),
	FAILS(RF_OP_SECCOMP, "a program that is none", no_program, EINVAL),
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

#ifndef RF_OPS_ORDINARY
/* ----------------------------------------------- what comes after the filter */

static int run_filtered(int nr, uint32_t action, unsigned int flags, const char *command,
			struct ops_outcome *ret)
{
	static const char *const words[] = { "sh", "-c" };
	struct ops o = { .c = rf_chain_new(), .dir = harness_dir(), .dir_slot = RF_SLOT_NONE };
	char *const argv[] = { (char *)(uintptr_t)words[0], (char *)(uintptr_t)words[1],
			       (char *)(uintptr_t)command, NULL };
	char *const envp[] = { NULL };
	struct rf_completion d;
	struct rf_ring *ring;
	int exec;

	ops_begin(&o, 0);
	rf_prep_clone(o.c, RF_CLONE_PAYLOAD, 0);
	rf_prep_no_new_privs(o.c);
	add_filter(&o, nr, action);
	exec = rf_prep_exec(o.c, "/bin/sh", argv, envp);
	ring = sandboxed_ring();
	(void)sandboxed_submit(ring, o.c, flags);
	do
		EXPECT_INT(1, rf_ring_wait(ring, -1, &d));
	while (d.kind != RF_DONE_EXIT && d.kind != RF_DONE_FAILED);
	*ret = (struct ops_outcome){ .kind = d.kind, .index = d.index, .result = d.result,
				     .status = d.status };
	rf_ring_free(ring);
	rf_chain_free(o.c);
	return exec;
}

/* Times and doorbells are calls too: with them the filter would kill. */
TEST_ENGINES(nothing_is_called_after_the_filter_but_exec)
{
	const int calls[] = { SYS_clock_gettime, SYS_io_uring_register, SYS_sendmsg, SYS_sendto,
			      SYS_execveat, SYS_futex };

	sandboxed_need();
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		struct ops_outcome got;

		run_filtered(calls[i], SECCOMP_RET_KILL_PROCESS,
			     RF_SUBMIT_TIMES | RF_SUBMIT_OPS, "exit 7", &got);
		EXPECT_INT(RF_DONE_EXIT, got.kind);
		EXPECT_INT(7 << 8, got.status);
	}
}

TEST_ENGINES(an_exec_that_the_filter_refuses_has_its_errno)
{
	struct ops_outcome got;
	int exec;

	sandboxed_need();
	exec = run_filtered(SYS_execve, SECCOMP_RET_ERRNO | EDOM, RF_SUBMIT_OPS, "exit 7", &got);
	EXPECT_INT(RF_DONE_FAILED, got.kind);
	EXPECT_INT(exec, got.index);
	EXPECT_INT(-EDOM, got.result);
}

TEST_ENGINES(an_exec_that_the_filter_kills_never_ran)
{
	struct ops_outcome got;
	int exec;

	sandboxed_need();
	exec = run_filtered(SYS_execve, SECCOMP_RET_KILL_PROCESS, 0, "exit 7", &got);
	EXPECT_INT(RF_DONE_FAILED, got.kind);
	EXPECT_INT(exec, got.index);
	EXPECT_INT(-EINTR, got.result);
}
#endif
