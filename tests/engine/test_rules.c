/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules that hold for every context (DESIGN: contexts and engines), seen
 * from the submitter's side; those about paths are in tests/attacks.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"
#include "sandboxed.h"

#define DEFAULT	"extends: [default]\n"

static struct rf_ring *start(void)
{
	sandboxed_need();
	return sandboxed_ring();
}

/* A name below /proc/PID as text, or "" when there is no such process. */
static char *proc_text(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return access(path, R_OK) == 0 ? sandboxed_read(path) : strdup("");
}

static int count_threads(pid_t pid)
{
	struct dirent *e;
	char path[64];
	int nr = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		nr += e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return nr;
}

/* A launch of @c that has stopped before op @index. */
static struct rf_context *park(struct rf_ring *ring, struct rf_chain *c, int index)
{
	struct rf_context *ctx;
	struct rf_completion d;

	sandboxed_gate(c, index);
	ctx = sandboxed_submit(ring, c, RF_SUBMIT_OPS);
	d = sandboxed_until(ring, RF_DONE_PARKED);
	if (d.kind != RF_DONE_PARKED)
		fail_msg("op %d: %s", d.index, strerror(-d.result));
	EXPECT_INT(index, d.index);
	rf_chain_free(c);
	return ctx;
}

static void let_go(struct rf_ring *ring, struct rf_context *ctx)
{
	struct rf_completion d;

	EXPECT_INT(0, rf_context_open(ctx));
	d = sandboxed_until(ring, RF_DONE_EXIT);
	EXPECT_INT(RF_DONE_EXIT, d.kind);
	EXPECT_INT(0, d.status);
}

static void abandon(struct rf_ring *ring, struct rf_context *ctx)
{
	EXPECT_INT(0, rf_context_kill(ctx));
	EXPECT_INT(RF_DONE_FAILED, sandboxed_until(ring, RF_DONE_EXIT).kind);
}

/* ----------------------------------------------- 2: nothing of the submitter inside */

TEST_ENGINES(pid_1_is_an_image_of_its_own_when_the_command_starts)
{
	struct rf_ring *ring = start();

	for (int i = 0; i < 10; i++) {
		struct rf_chain *c = sandboxed_shell(DEFAULT, "exit 0");
		struct rf_context *ctx = sandboxed_submit(ring, c, 0);
		char *name;

		EXPECT_INT(RF_DONE_STARTED, sandboxed_until(ring, RF_DONE_STARTED).kind);
		name = proc_text(ctx->init.pid, "comm");
		/* gone already, or a sealed image */
		if (name[0] && strncmp(name, "memfd:", 6) != 0)
			fail_msg("pid 1 is %s", name);
		free(name);
		EXPECT_INT(RF_DONE_EXIT, sandboxed_until(ring, RF_DONE_EXIT).kind);
		rf_chain_free(c);
	}
	rf_ring_free(ring);
}

TEST_ENGINES(a_tracer_beside_the_host_finds_no_memory_of_the_submitter)
{
	const char *build = getenv("RF_BUILDDIR");
	struct rf_ring *ring = start();
	char secret[64], program[512];
	char *argv[] = { program, (char[]){ "memories" }, (char[]){ "ringfence-canary" },
			 (char[]){ "-in-memory" }, NULL };
	struct rf_context *parked;
	struct rf_chain *c;

	SKIP_UNLESS(build, "builddir", "RF_BUILDDIR does not say where the intruder is");
	/* halves in the command, whole only here */
	snprintf(secret, sizeof(secret), "%s%s", argv[2], argv[3]);
	snprintf(program, sizeof(program), "%s/tests/helpers/intruder", build);
	c = sandboxed_shell(DEFAULT, "exit 0");
	parked = park(ring, c, sandboxed_find(c, RF_OP_EXEC, 0));
	c = sandboxed_text("namespaces: [user, mount]\nroot: host\nuser: {map: root}\n"
			   "capabilities: [all]\n", NULL, argv);
	EXPECT_TRUE(c->own_image);
	sandboxed_submit(ring, c, 0);
	EXPECT_INT(1, WEXITSTATUS(sandboxed_until(ring, RF_DONE_EXIT).status));
	rf_chain_free(c);
	let_go(ring, parked);
	EXPECT_STR("ringfence-canary-in-memory", secret);
	rf_ring_free(ring);
}

TEST_ENGINES(no_task_of_a_launch_stands_outside_the_new_root)
{
	static const char *const specs[] = { DEFAULT, DEFAULT "init: false\n" };
	struct rf_ring *ring = start();

	EXPECT_INT(0, chdir(harness_dir()));
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct rf_chain *c = sandboxed_shell(specs[i], "exit 0");
		struct rf_context *ctx = park(ring, c, sandboxed_find(c, RF_OP_EXEC, 0));
		const pid_t pids[] = { ctx->context.pid, ctx->payload.pid };
		struct stat root, st;
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/root/.", (int)ctx->payload.pid);
		EXPECT_INT(0, stat(path, &root));
		for (size_t k = 0; k < ARRAY_SIZE(pids); k++) {
			static const char *const names[] = { "root", "cwd" };

			snprintf(path, sizeof(path), "/proc/%d/%s/.", (int)pids[k], names[k]);
			EXPECT_INT(0, stat(path, &st));
			/* the payload stands where it belongs; the context at the new root */
			if (pids[k] == ctx->context.pid) {
				EXPECT_INT(root.st_dev, st.st_dev);
				snprintf(path, sizeof(path), "/proc/%d/cwd/.", (int)pids[k]);
				EXPECT_INT(0, stat(path, &st));
				EXPECT_INT(root.st_dev, st.st_dev);
				EXPECT_INT(root.st_ino, st.st_ino);
			}
		}
		let_go(ring, ctx);
	}
	rf_ring_free(ring);
}

/* ------------------------------------------------------ 3: what others live in */

/* A process in new user and uts namespaces that stays until its pipe is closed. */
static pid_t inhabitant(int *ret_fd)
{
	int up[2], stay[2];
	char byte;
	pid_t pid;

	EXPECT_INT(0, pipe2(up, O_CLOEXEC));
	EXPECT_INT(0, pipe2(stay, O_CLOEXEC));
	pid = fork();
	if (pid == 0) {
		close(stay[1]);
		if (unshare(CLONE_NEWUSER | CLONE_NEWUTS) < 0 || write(up[1], "x", 1) != 1)
			_exit(1);
		(void)!read(stay[0], &byte, 1);
		_exit(0);
	}
	close(up[1]);
	close(stay[0]);
	EXPECT_INT(1, read(up[0], &byte, 1));
	close(up[0]);
	*ret_fd = stay[1];
	return pid;
}

/*
 * May another process of the same user look into @pid?  Then the user owns its
 * /proc files, and else root does, of the user namespace it was exec'd in.
 */
static bool is_dumpable(pid_t pid)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	EXPECT_INT(0, stat(path, &st));
	return st.st_uid == geteuid();
}

TEST_ENGINES(a_namespace_that_others_live_in_is_joined_by_an_image)
{
	struct rf_ring *ring = start();
	struct rf_context *ctx;
	struct rf_chain *c;
	char spec[256], *name;
	int stay, last = 0;
	pid_t pid;

	sandboxed_become_user();
	pid = inhabitant(&stay);
	snprintf(spec, sizeof(spec), "namespaces: [{user: /proc/%d/ns/user}, {uts: /proc/%d/ns/uts}]\n",
		 (int)pid, (int)pid);
	c = sandboxed_shell(spec, "exit 0");
	for (int i = 0; (i = sandboxed_find(c, RF_OP_SETNS, i + 1)) > 0;)
		last = i;
	EXPECT_TRUE(last > 0);
	ctx = park(ring, c, last + 1);
	name = proc_text(ctx->context.pid, "comm");
	EXPECT_INT(0, strncmp(name, "memfd:", 6));
	free(name);
	if (geteuid() != 0)
		EXPECT_FALSE(is_dumpable(ctx->context.pid));
	EXPECT_TRUE(is_dumpable(getpid()));
	abandon(ring, ctx);
	close(stay);
	EXPECT_INT(pid, waitpid(pid, NULL, 0));
	rf_ring_free(ring);
}

/*
 * As a kernel before 6.1 answers in a new time namespace: no task on shared memory,
 * with CLONE_VFORK or without.  The context itself is made before it is in one.
 */
static void refuse_shared_memory(void)
{
	const uint32_t flags = CLONE_VM | CLONE_PARENT;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, flags),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, flags, 2, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(filter), .filter = filter };

	EXPECT_INT(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	EXPECT_INT(0, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
}

TEST_ENGINES(in_a_new_time_namespace_a_copy_of_the_memory_does)
{
	static const char *const specs[] = {
		"extends: [default]\nnamespaces: {time: new}",
		"extends: [default]\nnamespaces: {time: new}\ninit: false",
		"namespaces: [user, time]",
	};
	struct rf_ring *ring = start();

	refuse_shared_memory();
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct rf_chain *c = sandboxed_shell(specs[i], "exit 7");
		struct rf_context *ctx = sandboxed_submit(ring, c, 0);
		struct rf_completion d = sandboxed_until(ring, RF_DONE_STARTED);

		if (d.kind != RF_DONE_STARTED)
			fail_msg("%s: op %d: %s", specs[i], d.index, strerror(-d.result));
		if (!rf_context_is_past_exec(ctx))
			fail_msg("%s: started, and not past its exec", specs[i]);
		d = sandboxed_until(ring, RF_DONE_EXIT);
		EXPECT_INT(7, WEXITSTATUS(d.status));
		rf_chain_free(c);
	}
	rf_ring_free(ring);
}

/* ------------------------------------------------------------------ 4: no ring */

TEST_ENGINES(no_ring_reaches_the_command)
{
	static const char look[] = "for f in /proc/self/fd/*; do case ${f##*/} in 0|1|2) ;; *)"
		" case $(readlink $f) in *io_uring*|*memfd*|*socket:*|*pidfd*) exit 1;; esac;;"
		" esac; done";
	struct rf_ring *ring = start();

	for (int i = 0; i < 2; i++) {
		struct rf_chain *c = sandboxed_shell(i ? DEFAULT "namespaces: [user, mount, pid]\n" :
						     DEFAULT, look);

		sandboxed_submit(ring, c, RF_SUBMIT_OPS | RF_SUBMIT_TIMES);
		EXPECT_INT(0, sandboxed_until(ring, RF_DONE_EXIT).status);
		rf_chain_free(c);
	}
	rf_ring_free(ring);
}

TEST_ENGINES(no_worker_thread_is_made)
{
	struct rf_ring *ring = start();
	struct rf_chain *c = sandboxed_shell(DEFAULT, "exit 0");
	int nr = rf_chain_nr(c);

	rf_chain_free(c);
	for (int i = 2; i < nr; i += 12) {
		struct rf_context *ctx;

		c = sandboxed_shell(DEFAULT, "exit 0");
		ctx = park(ring, c, i);
		EXPECT_INT(1, count_threads(getpid()));
		EXPECT_INT(1, count_threads(ctx->context.pid));
		if (ctx->payload.pid)
			EXPECT_INT(1, count_threads(ctx->payload.pid));
		abandon(ring, ctx);
	}
	EXPECT_INT(1, count_threads(getpid()));
	rf_ring_free(ring);
}

/* ------------------------------------------------------------------- 6: exact */

/* Put the caller into a state of which nothing may come through. */
static void disorder(void)
{
	struct rlimit core = { 4096, 4096 };
	sigset_t all;

	umask(0);
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGKILL && sig != SIGSTOP && sig != SIGCHLD && sig != SIGALRM)
			(void)signal(sig, SIG_IGN);
	sigfillset(&all);
	sigdelset(&all, SIGALRM);
	EXPECT_INT(0, sigprocmask(SIG_BLOCK, &all, NULL));
	EXPECT_INT(0, setrlimit(RLIMIT_CORE, &core));
	EXPECT_INT(0, setenv("LD_PRELOAD", "", 1));
	EXPECT_INT(0, setenv("SECRET", "canary", 1));
	for (int i = 0; i < 20; i++)
		EXPECT_TRUE(open("/", O_RDONLY | O_DIRECTORY) >= 0);
	if (harness_is_root()) {
		const gid_t groups[] = { 4, 6, 20 };

		EXPECT_INT(0, setgroups(ARRAY_SIZE(groups), groups));
	}
}

TEST_ENGINES(the_command_gets_exactly_what_the_sandbox_says)
{
	static const char spec[] = DEFAULT "init: true\numask: \"027\"\n"
		"limits: {nofile: 77, core: 0}\nenv: {clear: true, keep: [], set: {ONLY: this}}\n";
	static const char look[] =
		"s=$(cat /proc/$$/status)\n"
		"has() { case $s in *\"$1\"*) ;; *) echo \"no $1 in: $s\"; exit 1;; esac; }\n"
		"for set in CapInh CapPrm CapEff CapBnd CapAmb; do has \"$set:	0000000000000000\"; done\n"
		"has 'NoNewPrivs:	1'; has 'SigBlk:	0000000000000000'\n"
		"has 'SigIgn:	0000000000000000'; has 'Umask:	0027'\n"
		"[ $(ulimit -n) = 77 ] && [ $(ulimit -c) = 0 ] || exit 2\n"
		"[ \"$(tr '\\0' ' ' </proc/$$/environ)\" = 'ONLY=this ' ] || exit 3\n"
		"for f in /proc/$$/fd/*; do case ${f##*/} in 0|1|2) ;; *) [ ! -e $f ] || exit 4;; esac; done\n";
	struct rf_ring *ring = start();

	disorder();
	sandboxed_expect(ring, sandboxed_shell(spec, look), 0);
	rf_ring_free(ring);
}

/* --------------------------------------------------- 5: a path is looked up once */

TEST_ENGINES(a_source_that_was_swapped_is_stale)
{
	struct rf_ring *ring = start();
	struct rf_completion d;
	struct rf_chain *c;
	char spec[256];
	int fd;

	EXPECT_INT(0, chdir(harness_dir()));
	EXPECT_INT(0, mkdir("source", 0755));
	EXPECT_INT(0, mkdir("other", 0755));
	fd = open("source", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(spec, sizeof(spec), DEFAULT "mounts: [{ro: {fd: %d}, at: /tmp/x}]\n", fd);
	sandboxed_expect(ring, sandboxed_shell(spec, "exit 0"), 0);
	c = sandboxed_shell(spec, "exit 0");
	EXPECT_INT(0, rename("source", "gone"));
	EXPECT_INT(0, rename("other", "source"));
	sandboxed_submit(ring, c, 0);
	d = sandboxed_until(ring, RF_DONE_EXIT);
	EXPECT_INT(RF_DONE_FAILED, d.kind);
	EXPECT_INT(-ESTALE, d.result);
	EXPECT_STR("open_tree", rf_chain_op_name(c, d.index));
	rf_chain_free(c);
	rf_ring_free(ring);
}

/* ------------------------------------------- 7: what is left out is what is optional */

TEST_ENGINES(only_what_is_optional_is_left_out)
{
	struct rf_ring *ring = start();
	struct rf_chain *c;
	char spec[512];

	snprintf(spec, sizeof(spec), DEFAULT "mounts: [{ro: %s/none, optional: true}]\n", harness_dir());
	c = sandboxed_shell(spec, "exit 0");
	sandboxed_expect(ring, c, 0);
	/* one that goes after the spec was read is an error, optional or not, if it was there */
	snprintf(spec, sizeof(spec), "%s/source", harness_dir());
	EXPECT_INT(0, mkdir(spec, 0755));
	snprintf(spec, sizeof(spec), DEFAULT "mounts: [{ro: %s/source, at: /tmp/x}]\n", harness_dir());
	c = sandboxed_shell(spec, "exit 0");
	snprintf(spec, sizeof(spec), "%s/source", harness_dir());
	EXPECT_INT(0, rmdir(spec));
	sandboxed_submit(ring, c, 0);
	EXPECT_INT(RF_DONE_FAILED, sandboxed_until(ring, RF_DONE_EXIT).kind);
	rf_chain_free(c);
	rf_ring_free(ring);
}

/* ----------------------------------------------------- 8: under a memory limit */

#define LIMIT	"262144"	/* less than an exec takes */

static void write_text(const char *dir, const char *name, const char *text)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	EXPECT_TRUE(fd >= 0);
	EXPECT_INT(strlen(text), write(fd, text, strlen(text)));
	close(fd);
}

/* A new cgroup with the limit, of either version; in @dir. */
static void limited_cgroup(char dir[256])
{
	static const struct { const char *parent, *limit; } kinds[] = {
		{ "/sys/fs/cgroup/memory", "memory.limit_in_bytes" },
		{ "/sys/fs/cgroup", "memory.max" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char path[512];

		snprintf(dir, 256, "%s/ringfence-test-%d", kinds[i].parent, (int)getpid());
		if (mkdir(dir, 0755) < 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, kinds[i].limit);
		if (access(path, W_OK) == 0) {
			write_text(dir, kinds[i].limit, LIMIT);
			return;
		}
		(void)rmdir(dir);
	}
	harness_skip("cgroup", "no memory cgroup can be made");
}

/* Let the payload of @c join the cgroup in slot @dir before op @index. */
static void join_before(struct rf_chain *c, int dir, int index)
{
	struct rf_op join;

	rf_chain_add(c, RF_OP_JOIN_CGROUP)->u.join_cgroup.dir = dir;
	join = c->ops[c->nr_ops - 1];
	memmove(c->ops + index + 1, c->ops + index,
		(c->nr_ops - 1 - (uint32_t)index) * sizeof(join));
	c->ops[index] = join;
}

/* However a launch under the limit ends, it ends alone. */
static int exhaust(struct rf_ring *ring, int cgroup, struct rf_context *bystander)
{
	int nr = 0;

	for (int i = 1;; i++) {
		struct rf_chain *c = sandboxed_shell(DEFAULT "init: false\n", "exec tail /dev/zero");
		struct rf_completion d;
		int last = sandboxed_find(c, RF_OP_EXEC, 0);

		if (i > last) {
			rf_chain_free(c);
			return nr;
		}
		join_before(c, rf_chain_give(c, cgroup), i);
		/* the builder allows it where limits are due */
		if (i > sandboxed_find(c, RF_OP_CLONE, 1) && rf_chain_check(c, NULL) == 0) {
			sandboxed_submit(ring, c, 0);
			do
				EXPECT_INT(1, rf_ring_wait(ring, -1, &d));
			while (d.kind != RF_DONE_EXIT && d.kind != RF_DONE_FAILED);
			EXPECT_TRUE(d.ctx != bystander);
			if (d.kind == RF_DONE_EXIT)
				EXPECT_TRUE(WIFSIGNALED(d.status));
			nr++;
		}
		rf_chain_free(c);
	}
}

TEST_ENGINES(a_memory_limit_ends_the_launch_under_it_and_nothing_else)
{
	struct rf_context *bystander;
	struct rf_ring *ring;
	struct rf_chain *c;
	char dir[256];
	int cgroup;

	SKIP_UNLESS(harness_is_root(), "root", "needs to be root on the host");
	sandboxed_need();	/* a skip behind the group would leave it */
	limited_cgroup(dir);
	cgroup = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ring = start();
	c = sandboxed_shell(DEFAULT, "exit 0");
	bystander = park(ring, c, sandboxed_find(c, RF_OP_EXEC, 0));
	EXPECT_TRUE(exhaust(ring, cgroup, bystander) > 3);
	let_go(ring, bystander);
	rf_ring_free(ring);
	close(cgroup);
	EXPECT_INT(0, rmdir(dir));
}

/* -------------------------------------------------- 9: what belongs to the memory */

struct memory_state {
	int	dumpable, thp;
	char	*oom;
};

static struct memory_state memory_state(void)
{
	return (struct memory_state){
		.dumpable = prctl(PR_GET_DUMPABLE), .thp = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0),
		.oom = sandboxed_read("/proc/self/oom_score_adj"),
	};
}

static void expect_unchanged(const struct memory_state *before)
{
	struct memory_state now = memory_state();

	EXPECT_INT(before->dumpable, now.dumpable);
	EXPECT_INT(before->thp, now.thp);
	EXPECT_STR(before->oom, now.oom);
	free(now.oom);
}

TEST_ENGINES(the_submitters_memory_keeps_its_attributes)
{
	static const char *const specs[] = {
		DEFAULT "oom_score: 700\n",
		DEFAULT "user: {uid: 77, gid: 77}\noom_score: 600\n",
		DEFAULT "user: {map: root}\ncapabilities: [all]\ninit: false\n",
	};
	struct memory_state before;
	struct rf_ring *ring;

	sandboxed_need();
	sandboxed_become_user();
	ring = sandboxed_ring();
	before = memory_state();
	EXPECT_INT(1, before.dumpable);
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		sandboxed_expect(ring, sandboxed_shell(specs[i], "exit 0"), 0);
		expect_unchanged(&before);
	}
	free(before.oom);
	rf_ring_free(ring);
}

/* Become a user who has subordinate ids, if the caller is none and may. */
static void become_subordinate(struct rf_features *f)
{
	struct passwd *pw;
	struct rf_err err = RF_ERR_INIT;

	if (harness_is_root()) {
		while ((pw = getpwent())) {
			f->uid = pw->pw_uid;
			f->gid = pw->pw_gid;
			EXPECT_INT(0, rf_probe_subids(f, &err));
			if (pw->pw_uid && f->nr_subuid >= 100 && f->nr_subgid >= 100)
				break;
		}
		SKIP_UNLESS(pw, "subuid", "no user has subordinate ids");
		EXPECT_INT(0, setgroups(0, NULL));
		EXPECT_INT(0, setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid));
		EXPECT_INT(0, setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid));
		EXPECT_INT(0, prctl(PR_SET_DUMPABLE, 1));
		return;
	}
	EXPECT_INT(0, rf_probe(f, &err));
	EXPECT_INT(0, rf_probe_subids(f, &err));
	SKIP_UNLESS(f->nr_subuid >= 100 && f->nr_subgid >= 100 && f->has_newuidmap, "subuid",
		    "the caller has no subordinate ids");
	/* a set-user-ID program does nothing in a namespace that does not map its owner's power */
	SKIP_UNLESS(access("/proc/self/uid_map", R_OK) == 0 && geteuid() != 0, "subuid",
		    "in a user namespace newuidmap has no power over the ids outside");
}

TEST_ENGINES(subordinate_ids_serve_two_launches_in_a_row_and_two_at_once)
{
	struct rf_features f = { .uid = 0 };
	struct rf_chain *c[2];
	struct rf_ring *ring;
	char spec[512];

	sandboxed_need();
	become_subordinate(&f);
	ring = sandboxed_ring();
	snprintf(spec, sizeof(spec), DEFAULT "user:\n  uid: 5\n  gid: 6\n  map:\n"
		 "    uid: [{inside: 0, outside: %u, count: 100}]\n"
		 "    gid: [{inside: 0, outside: %u, count: 100}]\n", f.subuid, f.subgid);
	for (int i = 0; i < 2; i++)
		sandboxed_expect(ring, sandboxed_shell(spec, "test $(id -u):$(id -g) = 5:6"), 0);
	for (int i = 0; i < 2; i++) {
		c[i] = sandboxed_shell(spec, "test $(id -u):$(id -g) = 5:6");
		sandboxed_submit(ring, c[i], 0);
	}
	for (int i = 0; i < 2; i++) {
		struct rf_completion d = sandboxed_until(ring, RF_DONE_EXIT);

		EXPECT_INT(RF_DONE_EXIT, d.kind);
		EXPECT_INT(0, d.status);
		rf_chain_free(c[i]);
	}
	EXPECT_INT(1, prctl(PR_GET_DUMPABLE));
	rf_ring_free(ring);
}
