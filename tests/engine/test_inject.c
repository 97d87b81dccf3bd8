/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A failure at every op of every example: the op is named, and nothing is left
 * behind on the host (DESIGN: all or nothing).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandboxed.h"

/* What no op of a chain answers by itself. */
#define INJECTED	(-EDOM)

static const char *const examples[] = { "build", "convert", "minimal", "overlay", "shell" };

static char *const command[] = { (char[]){ "true" }, NULL };

/* Where the examples' relative paths lead: a work directory, and one for the new root. */
struct place {
	char	work[256], scratch[256];
};

static void prepare(struct place *p)
{
	char path[300];

	sandboxed_need();
	SKIP_UNLESS(getenv("RF_SRCDIR"), "srcdir", "RF_SRCDIR does not say where the examples are");
	snprintf(p->work, sizeof(p->work), "%s/work", harness_dir());
	snprintf(p->scratch, sizeof(p->scratch), "%s/scratch", harness_dir());
	snprintf(path, sizeof(path), "%s/build", p->work);
	EXPECT_INT(0, mkdir(p->work, 0755));
	EXPECT_INT(0, mkdir(path, 0755));
	EXPECT_INT(0, mkdir(p->scratch, 0755));
	EXPECT_INT(0, chdir(p->work));
	EXPECT_INT(0, setenv("PATH", "/usr/bin:/bin", 1));
	EXPECT_INT(0, setenv("HOME", p->work, 1));
	/* what a launch leaves would be ours */
	EXPECT_INT(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	/* mounts of our own, and shared: what leaks out of a sandbox is seen */
	if (harness_is_root() && unshare(CLONE_NEWNS) == 0) {
		EXPECT_INT(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		EXPECT_INT(0, mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL));
	}
}

static struct rf_chain *example(const char *name, const struct place *p)
{
	char file[512];

	snprintf(file, sizeof(file), "%s/examples/%s.yaml", getenv("RF_SRCDIR"), name);
	return sandboxed_file(file, p->scratch, command);
}

/* Run @c to its end; the results of all ops in @ret. */
static struct rf_completion run(struct rf_ring *ring, const struct rf_chain *c, int *ret)
{
	struct rf_context *ctx = sandboxed_submit(ring, c, 0);
	struct rf_completion d = sandboxed_until(ring, RF_DONE_EXIT);

	for (int i = 0; i < (int)c->nr_ops; i++)
		EXPECT_INT(1, rf_context_op(ctx, i, &ret[i]));
	return d;
}

static void expect_failure(const char *name, const struct rf_chain *c, int i,
			   const struct rf_completion *d, const int *results)
{
	char line[512];

	rf_chain_print(c, i, line, sizeof(line));
	if (d->kind != RF_DONE_FAILED || d->index != i || d->result != INJECTED)
		fail_msg("%s: op %d, %s, fails: kind %d, op %d, %s", name, i, line, d->kind, d->index,
			 strerror(-d->result));
	for (int k = i + 1; k < (int)c->nr_ops; k++)
		if (results[k] != -ECANCELED)
			fail_msg("%s: op %d, %s, fails: op %d has result %d", name, i, line, k,
				 results[k]);
}

static void expect_success(const char *name, const struct rf_chain *c, int i,
			   const struct rf_completion *d)
{
	char line[512];

	rf_chain_print(c, i, line, sizeof(line));
	if (d->kind != RF_DONE_EXIT || d->status != 0)
		fail_msg("%s: op %d, %s, may fail: kind %d, op %d, %s", name, i, line, d->kind,
			 d->index, strerror(-d->result));
}

static void expect_nothing_left(const struct rf_chain *c, int i, const char *before, int fds)
{
	char *after = sandboxed_host_state(harness_dir()), line[512];

	rf_chain_print(c, i, line, sizeof(line));
	print_message("%d %s\n", i, line);
	sandboxed_no_children();
	if (strcmp(before, after) != 0)
		fail_msg("op %d, %s, fails; before:\n%s\nafter:\n%s", i, line, before, after);
	EXPECT_INT(fds, harness_count_fds());
	free(after);
}

/* The exec that ends a walk of PATH early leaves the later ones undone. */
static bool is_reached(const int *results, int i)
{
	return results[i] != -ECANCELED;
}

static void inject_everywhere(struct rf_ring *ring, const char *name, const struct place *p)
{
	struct rf_chain *c = example(name, p);
	char *before = sandboxed_host_state(harness_dir());
	int *usual = calloc(c->nr_ops, sizeof(int)), *results = calloc(c->nr_ops, sizeof(int));
	struct rf_completion d = run(ring, c, usual);
	int fds;

	expect_success(name, c, 0, &d);
	(void)rf_ring_wait(ring, 0, &d);
	fds = harness_count_fds();
	ring->inject_result = INJECTED;
	for (int i = 0; i < (int)c->nr_ops; i++) {
		ring->inject_op = (uint32_t)i + 1;
		d = run(ring, c, results);
		if (!is_reached(usual, i) || c->ops[i].flags & RF_OP_F_HARD)
			expect_success(name, c, i, &d);
		else
			expect_failure(name, c, i, &d, results);
		(void)rf_ring_wait(ring, 0, &d);
		expect_nothing_left(c, i, before, fds);
	}
	ring->inject_op = 0;
	d = run(ring, c, results);
	expect_success(name, c, 0, &d);
	(void)rf_ring_wait(ring, 0, &d);
	rf_chain_free(c);
	free(before);
	free(usual);
	free(results);
}

TEST_ENGINES(a_failure_at_any_op_is_named_and_leaves_nothing)
{
	struct place p;
	struct rf_ring *ring;

	prepare(&p);
	ring = sandboxed_ring();
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		inject_everywhere(ring, examples[i], &p);
	rf_ring_free(ring);
}

/* ------------------------------------------------------ a submitter that dies */

/*
 * In a child: launch @c, say so by a byte on @fd when the launch is where it
 * is to be, and stay.
 */
static _Noreturn void submitter(const struct rf_chain *c, enum rf_completion_kind kind, int fd)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_completion d;

	sandboxed_submit(ring, c, 0);
	d = sandboxed_until(ring, kind);
	if (d.kind != kind || write(fd, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* Kill the submitter of @c at @kind; everything of it must end, and so does this. */
static void kill_at(const struct rf_chain *c, enum rf_completion_kind kind, const char *before)
{
	char byte, *after;
	pid_t pid;
	int p[2];

	EXPECT_INT(0, pipe2(p, O_CLOEXEC));
	pid = fork();
	if (pid == 0)
		submitter(c, kind, p[1]);
	close(p[1]);
	EXPECT_INT(1, read(p[0], &byte, 1));
	EXPECT_INT(0, kill(pid, SIGKILL));
	/* the launch's tasks are ours now: each must come to an end by itself */
	while (waitpid(-1, NULL, __WALL) >= 0)
		;
	EXPECT_INT(ECHILD, errno);
	close(p[0]);
	after = sandboxed_host_state(harness_dir());
	EXPECT_STR(before, after);
	free(after);
}

TEST_ENGINES(killing_the_submitter_at_any_op_leaves_nothing)
{
	struct place p;
	char *before;
	int nr;

	prepare(&p);
	before = sandboxed_host_state(harness_dir());
	nr = rf_chain_nr(example("minimal", &p));
	/* every fifth, and in the order of the phases all are met */
	for (int i = 1; i < nr; i += 5) {
		struct rf_chain *c = example("minimal", &p);

		if (sandboxed_find(c, RF_OP_EXEC, 0) < i)
			break;
		sandboxed_gate(c, i);
		kill_at(c, RF_DONE_PARKED, before);
		rf_chain_free(c);
	}
	free(before);
}

TEST_ENGINES(killing_the_submitter_ends_the_command)
{
	/* one that does not end by itself, and a child that would not notice */
	static const char script[] = "trap '' TERM HUP INT; (while :; do read x; done) & while :; do read x; done";
	static const char *const specs[] = {
		"extends: [default]", "extends: [default]\ninit: false",
		"extends: [default]\nuser: {map: root}\ncapabilities: [all]",
	};
	struct place p;
	char *before;

	prepare(&p);
	before = sandboxed_host_state(harness_dir());
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct rf_chain *c = sandboxed_shell(specs[i], script);

		kill_at(c, RF_DONE_STARTED, before);
		rf_chain_free(c);
	}
	free(before);
}
