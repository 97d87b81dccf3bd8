/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ops of the group "task", on each engine. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "ops.h"

/* Without an id map, which comes after the namespaces; the ops need none. */
static void begin(struct ops *o, uint64_t ns)
{
	ops_begin_bare(o, ns);
	rf_prep_close_range(o->c);
}

static void payload(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_clone(o->c, RF_CLONE_PAYLOAD, 0);
}

/* The namespace of pid 1 is the context's for its children: the payload is number 2. */
static void init_and_payload(struct ops *o)
{
	begin(o, 0);
	rf_prep_unshare(o->c, CLONE_NEWPID);
	rf_prep_clone(o->c, RF_CLONE_INIT, 0);
	rf_prep_clone(o->c, RF_CLONE_PAYLOAD, 0);
}

static void payload_with_wrong_flags(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_clone(o->c, RF_CLONE_PAYLOAD, CLONE_THREAD);
}

static void unshare_uts(struct ops *o)
{
	begin(o, 0);
	rf_prep_unshare(o->c, CLONE_NEWUTS);
	rf_prep_hostname(o->c, "inside");
}

static void unshare_nonsense(struct ops *o)
{
	begin(o, 0);
	rf_prep_unshare(o->c, 1);
}

/* Leave a namespace and go back. */
static void setns_back(struct ops *o)
{
	int slot;

	begin(o, CLONE_NEWUTS);
	rf_prep_open(o->c, RF_SLOT_NONE, "/proc/self/ns/uts", O_RDONLY, 0, 0, &slot);
	rf_prep_dup(o->c, slot, 9);
	ops_add(o, RF_OP_UNSHARE)->u.unshare.flags = CLONE_NEWUTS;
	rf_prep_setns(o->c, slot, CLONE_NEWUTS);
	rf_prep_clone(o->c, RF_CLONE_PAYLOAD, 0);
}

/* What pid 1 has made while the rest went on. */
static void setns_pid_1(struct ops *o)
{
	struct rf_op *op;
	int slot = rf_chain_slot(o->c);

	begin(o, 0);
	rf_prep_unshare(o->c, CLONE_NEWPID);
	rf_prep_clone(o->c, RF_CLONE_INIT, 0);
	op = &o->c->ops[o->c->nr_ops - 1];
	op->out = slot;
	op->u.clone.unshare = CLONE_NEWNET;
	rf_prep_clone(o->c, RF_CLONE_PAYLOAD, 0);
	op = ops_add(o, RF_OP_SETNS);
	op->u.setns.slot = slot;
	op->u.setns.nstype = CLONE_NEWNET;
}

static void setns_file(struct ops *o)
{
	int slot;

	begin(o, 0);
	rf_prep_open(o->c, RF_SLOT_NONE, "/dev/null", O_RDONLY, 0, 0, &slot);
	rf_prep_setns(o->c, slot, 0);
	rf_prep_clone(o->c, RF_CLONE_PAYLOAD, 0);
}

/* ------------------------------------------------------------- join_cgroup */

static const char *cgroup_path(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/sys/fs/cgroup/ringfence-test-%d", (int)getpid());
	return path;
}

static bool has_cgroup2(void)
{
	struct statfs fs;

	return statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC &&
	       access("/sys/fs/cgroup", W_OK) == 0;
}

/* Where the first version is mounted, the second one over it, for this test only. */
static bool can_make_cgroup(void)
{
	if (!harness_is_root())
		return false;
	return has_cgroup2() ||
	       (unshare(CLONE_NEWNS) == 0 &&
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) == 0 && has_cgroup2());
}

static void join_new_cgroup(struct ops *o)
{
	int slot;

	EXPECT_INT(0, mkdir(cgroup_path(), 0755));
	ops_begin(o, 0);
	rf_prep_open(o->c, RF_SLOT_NONE, cgroup_path(), O_PATH | O_DIRECTORY, 0, 0, &slot);
	rf_prep_clone(o->c, RF_CLONE_PAYLOAD, 0);
	ops_add(o, RF_OP_JOIN_CGROUP)->u.join_cgroup.dir = slot;
}

/* Since Linux 6.18 a task may leave its cgroup a moment after it has been reaped. */
static void remove_cgroup(void)
{
	struct pollfd p = { .events = POLLPRI };
	char path[128], events[256];

	snprintf(path, sizeof(path), "%s/cgroup.events", cgroup_path());
	p.fd = open(path, O_RDONLY | O_CLOEXEC);
	EXPECT_TRUE(p.fd >= 0);
	/* having read, one is told of every change from then on */
	while (pread(p.fd, events, sizeof(events), 0) > 0 && rmdir(cgroup_path()) < 0) {
		EXPECT_INT(EBUSY, errno);
		EXPECT_INT(1, poll(&p, 1, -1));
	}
	close(p.fd);
	EXPECT_INT(-1, access(cgroup_path(), F_OK));
}

static void join_no_cgroup(struct ops *o)
{
	ops_begin(o, 0);
	ops_dir(o);
	rf_prep_clone(o->c, RF_CLONE_PAYLOAD, 0);
	ops_add(o, RF_OP_JOIN_CGROUP)->u.join_cgroup.dir = o->dir_slot;
}

/* --------------------------------------------------------- exec, gate, exit */

static void add_exec(struct ops *o, int dir, const char *path, int flags)
{
	char *const argv[] = { (char[]){ "true" }, NULL };
	char *const envp[] = { NULL };

	rf_prep_execat(o->c, dir, path, argv, envp, flags);
}

static void exec_true(struct ops *o)
{
	ops_begin(o, 0);
	add_exec(o, RF_SLOT_NONE, "/bin/true", 0);
}

static void exec_slot(struct ops *o)
{
	int slot;

	ops_begin(o, 0);
	rf_prep_open(o->c, RF_SLOT_NONE, "/bin/true", O_PATH, 0, 0, &slot);
	add_exec(o, slot, "", AT_EMPTY_PATH);
}

static void exec_absent(struct ops *o)
{
	ops_begin(o, 0);
	add_exec(o, RF_SLOT_NONE, "/no/such/command", 0);
}

static void exec_data(struct ops *o)
{
	ops_file(o, "data", "no program\n");
	ops_begin(o, 0);
	add_exec(o, ops_dir(o), "data", 0);
}

static void gate(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_gate(o->c);
}

static void exit_well(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_exit(o->c, 0);
}

static const struct ops_case cases[] = {
	SUCCEEDS(RF_OP_CLONE, "a payload task", payload, OPS_ANY, NULL),
	SUCCEEDS(RF_OP_CLONE, "a payload beside pid 1", init_and_payload, OPS_ANY, "test $$ = 2"),
	FAILS(RF_OP_CLONE, "a payload that the kernel refuses", payload_with_wrong_flags, EINVAL),
	SUCCEEDS(RF_OP_UNSHARE, "a namespace", unshare_uts, 0, "test $(uname -n) = inside"),
	FAILS(RF_OP_UNSHARE, "a flag that is none", unshare_nonsense, EINVAL),
	SUCCEEDS(RF_OP_SETNS, "a namespace by its descriptor", setns_back, 0,
		 "test \"$(readlink /proc/self/fd/9)\" = \"$(readlink /proc/self/ns/uts)\""),
	SUCCEEDS(RF_OP_SETNS, "the network of pid 1", setns_pid_1, 0,
		 "! grep -vE '^ *(lo|sit0):|^Inter|^ face' /proc/net/dev"),
	FAILS(RF_OP_SETNS, "a file that is no namespace", setns_file, EINVAL),
	{ .kind = RF_OP_JOIN_CGROUP, .name = "a cgroup", .build = join_new_cgroup,
	  .check = "grep -q ringfence-test /proc/self/cgroup", .after = remove_cgroup,
	  .can = can_make_cgroup, .need = "cgroup" },
	FAILS(RF_OP_JOIN_CGROUP, "a directory that is no cgroup", join_no_cgroup, ENOENT),
	SUCCEEDS(RF_OP_EXEC, "a command", exec_true, 0, NULL),
	SUCCEEDS(RF_OP_EXEC, "a command by its descriptor", exec_slot, 0, NULL),
	FAILS(RF_OP_EXEC, "a command that is absent", exec_absent, ENOENT),
	FAILS(RF_OP_EXEC, "a command that is not executable", exec_data, EACCES),
	NEVER_FAILS(RF_OP_GATE, "a gate that is opened", gate, 0, NULL),
	NEVER_FAILS(RF_OP_EXIT, "an exit", exit_well, 0, NULL),
};

OPS_TESTS("task", cases)
