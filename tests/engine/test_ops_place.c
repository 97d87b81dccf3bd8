/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ops of the group "place", on each engine. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "context.h"
#include "ops.h"

/* ------------------------------------------------------------ chdir, chroot */

static void chdir_path(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_chdir(o->c, RF_SLOT_NONE, o->dir);
}

static void chdir_below_slot(struct ops *o)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/sub", o->dir);
	EXPECT_INT(0, mkdir(path, 0755));
	ops_begin(o, 0);
	rf_prep_chdir(o->c, ops_dir(o), "sub");
}

static void chdir_absent(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_chdir(o->c, ops_dir(o), "absent");
}

/* Attach a copy of the whole tree at $D/new and open that. */
static int add_new_root(struct ops *o)
{
	char path[512];
	struct rf_op *op;
	int slot;

	snprintf(path, sizeof(path), "%s/new", o->dir);
	EXPECT_INT(0, mkdir(path, 0755));
	ops_begin(o, CLONE_NEWNS);
	op = ops_add(o, RF_OP_OPEN_TREE);
	op->u.open_tree.path = ops_str(o, "/");
	op->u.open_tree.flags = OPEN_TREE_CLONE | AT_RECURSIVE;
	slot = op->out = rf_chain_slot(o->c);
	op = ops_add(o, RF_OP_MOVE_MOUNT);
	op->u.move_mount.from = slot;
	op->u.move_mount.to_path = ops_str(o, path);
	op->u.move_mount.entry = RF_ENTRY_NONE;
	return slot;
}

static void chroot_tree(struct ops *o)
{
	int slot = add_new_root(o);

	ops_add(o, RF_OP_CHROOT)->u.chroot.dir = slot;
}

static void chroot_file(struct ops *o)
{
	int slot;

	ops_begin(o, 0);
	rf_prep_open(o->c, RF_SLOT_NONE, "/dev/null", O_RDONLY, 0, 0, &slot);
	ops_add(o, RF_OP_CHROOT)->u.chroot.dir = slot;
}

/* A directory that was opened before leads out: it is not taken as a place to be. */
static void chdir_unreachable(struct ops *o)
{
	int slot = add_new_root(o);

	ops_dir(o);
	ops_add(o, RF_OP_CHROOT)->u.chroot.dir = slot;
	rf_prep_chdir(o->c, o->dir_slot, NULL);
}

/* --------------------------------------------------------- hostname, sysctl */

static void name_host(struct ops *o)
{
	ops_begin(o, CLONE_NEWUTS);
	rf_prep_hostname(o->c, "inside");
}

static void name_domain(struct ops *o)
{
	ops_begin(o, CLONE_NEWUTS);
	rf_prep_hostname(o->c, "example.org");
	o->c->ops[o->c->nr_ops - 1].u.hostname.domain = 1;
}

static void name_others_host(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_hostname(o->c, "outside");
}

static void add_sysctl(struct ops *o, const char *path, const char *value)
{
	struct rf_op *op = ops_add(o, RF_OP_SYSCTL);

	op->u.sysctl.path = ops_str(o, path);
	op->u.sysctl.value = ops_blob(o, value, strlen(value));
}

/* Containers often cover /proc/sys, and then nothing there is written. */
static bool has_plain_proc_sys(void)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_XDEV };
	long fd = syscall(SYS_openat2, AT_FDCWD, "/proc/sys", &how, sizeof(how));
	int proc = open("/proc", O_PATH | O_CLOEXEC);

	if (fd >= 0)
		close((int)fd);
	fd = syscall(SYS_openat2, proc, "sys/net", &how, sizeof(how));
	close(proc);
	if (fd >= 0)
		close((int)fd);
	return fd >= 0;
}

static void sysctl_net(struct ops *o)
{
	ops_begin(o, CLONE_NEWNET);
	add_sysctl(o, "net/ipv4/ip_unprivileged_port_start", "77");
}

static void sysctl_absent(struct ops *o)
{
	ops_begin(o, CLONE_NEWNET);
	add_sysctl(o, "net/no/such", "1");
}

static void sysctl_elsewhere(struct ops *o)
{
	ops_begin(o, CLONE_NEWNET);
	add_sysctl(o, "../self/oom_score_adj", "1");
}

/* ------------------------------------------------------------ setsid, ctty */

static void session(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_setsid(o->c);
}

static void session_twice(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_setsid(o->c);
	rf_prep_setsid(o->c);
}

static void terminal(struct ops *o)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;

	EXPECT_TRUE(master >= 0);
	EXPECT_INT(0, grantpt(master));
	EXPECT_INT(0, unlockpt(master));
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	EXPECT_TRUE(slave >= 0);
	ops_begin(o, 0);
	rf_prep_setsid(o->c);
	ops_add(o, RF_OP_CTTY)->u.ctty.slot = rf_chain_give(o->c, slave);
}

static void terminal_none(struct ops *o)
{
	int slot;

	ops_begin(o, 0);
	rf_prep_open(o->c, RF_SLOT_NONE, "/dev/null", O_RDWR, 0, 0, &slot);
	rf_prep_setsid(o->c);
	ops_add(o, RF_OP_CTTY)->u.ctty.slot = slot;
}

static void terminal_closed(struct ops *o)
{
	ops_begin(o, 0);
	ops_add(o, RF_OP_CTTY)->u.ctty.fd = 700;
}

/* ------------------------------------------------------------------ signals */

static void death(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_pdeathsig(o->c, SIGKILL);
}

static void death_nonsense(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_pdeathsig(o->c, 99);
}

static void dispositions(struct ops *o)
{
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
	(void)signal(SIGRTMIN + 3, SIG_IGN);
	ops_begin(o, 0);
	ops_add(o, RF_OP_SIGDEFAULT);
}

/* Not looked at by a shell, which unblocks what it finds blocked. */
static void blocked(struct ops *o)
{
	char *const argv[] = { (char[]){ "grep" }, (char[]){ "-qx" },
			       (char[]){ "SigBlk:\t8000000000000200" },
			       (char[]){ "/proc/self/status" }, NULL };
	char *const envp[] = { NULL };

	ops_begin(o, 0);
	ops_add(o, RF_OP_SIGMASK)->u.sigmask.mask = 1ULL << (SIGUSR1 - 1) | 1ULL << 63;
	rf_prep_exec(o->c, "/bin/grep", argv, envp);
}

#define NEEDS_SYSCTL .can = has_plain_proc_sys, .need = "proc-sys"

static const struct ops_case cases[] = {
	SUCCEEDS(RF_OP_CHDIR, "a path", chdir_path, 0, "test $(pwd -P) = $D"),
	SUCCEEDS(RF_OP_CHDIR, "below a slot's directory", chdir_below_slot, 0,
		 "test $(pwd -P) = $D/sub"),
	FAILS(RF_OP_CHDIR, "a directory that is absent", chdir_absent, ENOENT),
	FAILS(RF_OP_CHDIR, "a directory outside the root", chdir_unreachable, ENOENT),
	SUCCEEDS(RF_OP_CHROOT, "another root", chroot_tree, 0,
		 "test -d $D/new; test ! -e $D/new/bin; test $(pwd -P) = /"),
	FAILS(RF_OP_CHROOT, "a root that is a file", chroot_file, ENOTDIR),
	SUCCEEDS(RF_OP_HOSTNAME, "a host name", name_host, 0, "test $(uname -n) = inside"),
	SUCCEEDS(RF_OP_HOSTNAME, "a domain name", name_domain, 0,
		 "test $(cat /proc/sys/kernel/domainname) = example.org"),
	FAILS(RF_OP_HOSTNAME, "the name of the host itself", name_others_host, EPERM),
	{ .kind = RF_OP_SYSCTL, .name = "a parameter of the network", .build = sysctl_net,
	  .check = "test $(cat /proc/sys/net/ipv4/ip_unprivileged_port_start) = 77", NEEDS_SYSCTL },
	{ .kind = RF_OP_SYSCTL, .name = "a parameter that is not", .build = sysctl_absent,
	  .want = -ENOENT, NEEDS_SYSCTL },
	{ .kind = RF_OP_SYSCTL, .name = "a file that is no parameter", .build = sysctl_elsewhere,
	  .want = -EXDEV, NEEDS_SYSCTL },
	SUCCEEDS(RF_OP_SETSID, "a session", session, 0,
		 "test $(cut -d' ' -f6 /proc/$$/stat) = $$"),
	FAILS(RF_OP_SETSID, "a session, twice", session_twice, EPERM),
	SUCCEEDS(RF_OP_CTTY, "a controlling terminal", terminal, 0, ": </dev/tty"),
	FAILS(RF_OP_CTTY, "a terminal that is none", terminal_none, ENOTTY),
	FAILS(RF_OP_CTTY, "a terminal that is closed", terminal_closed, EBADF),
	SUCCEEDS(RF_OP_PDEATHSIG, "a signal when the submitter dies", death, 0, NULL),
	FAILS(RF_OP_PDEATHSIG, "a signal that is none", death_nonsense, EINVAL),
	NEVER_FAILS(RF_OP_SIGDEFAULT, "nothing is ignored", dispositions, 0,
		    "grep -qx 'SigIgn:\t0000000000000000' /proc/self/status"),
	NEVER_FAILS(RF_OP_SIGMASK, "these signals are blocked", blocked, 0, NULL),
};

OPS_TESTS("place", cases)

/* ------------------------------------------- a submitter that has died before */

static int dead_submitter(void)
{
	pid_t pid = fork();
	siginfo_t info;

	EXPECT_TRUE(pid >= 0);
	if (pid == 0)
		_exit(0);
	EXPECT_INT(0, waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

_Noreturn static void ask_for_signal(int submitter)
{
	struct rf_area area = { .submitter_pidfd = submitter };
	struct rf_op op = { .kind = RF_OP_PDEATHSIG, .u.pdeathsig.sig = SIGKILL };
	struct rf_ctx ctx = { .area = &area };

	_exit(rf_run_pdeathsig(&ctx, &op) < 0);
}

static int status_of(pid_t pid)
{
	int status;

	EXPECT_INT(pid, waitpid(pid, &status, 0));
	return status;
}

TEST(a_task_whose_submitter_is_dead_ends_by_the_signal)
{
	int submitter = dead_submitter(), status;
	pid_t pid;

	EXPECT_TRUE(submitter >= 0);
	pid = fork();
	if (pid == 0)
		ask_for_signal(submitter);
	status = status_of(pid);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_INT(SIGKILL, WTERMSIG(status));
}

/* Which no signal of its own can kill. */
TEST(a_pid_1_whose_submitter_is_dead_ends_too)
{
	int submitter = dead_submitter(), status;
	pid_t pid;

	SKIP_UNLESS(harness_has_userns(), "userns", "no user namespace can be made here");
	EXPECT_INT(0, unshare(CLONE_NEWUSER | CLONE_NEWPID));
	pid = fork();
	if (pid == 0)
		ask_for_signal(submitter);
	status = status_of(pid);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_INT(128 + SIGKILL, WEXITSTATUS(status));
}

TEST(a_task_whose_submitter_lives_goes_on)
{
	int submitter = (int)syscall(SYS_pidfd_open, getpid(), 0);
	pid_t pid;

	EXPECT_TRUE(submitter >= 0);
	pid = fork();
	if (pid == 0)
		ask_for_signal(submitter);
	EXPECT_INT(0, status_of(pid));
}
