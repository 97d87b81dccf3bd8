/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Launching chains on each engine: completions, failures, ends. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain.h"
#include "harness.h"
#include "ring.h"
#include "sandboxed.h"

static char *const no_env[] = { NULL };

static struct rf_chain *chain_here(void)
{
	struct rf_chain *c = rf_chain_new();

	assert_non_null(c);
	rf_prep_clone(c, RF_CLONE_CONTEXT, 0);
	return c;
}

/* A shell command as the end of @c, with the default dispositions and mask. */
static int add_shell(struct rf_chain *c, const char *command)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char *)(uintptr_t)command, NULL };

	rf_chain_add(c, RF_OP_SIGDEFAULT);
	rf_chain_add(c, RF_OP_SIGMASK);
	return rf_prep_exec(c, "/bin/sh", argv, no_env);
}

static struct rf_context *submit(struct rf_ring *ring, struct rf_chain *c, unsigned int flags)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_context *ctx;

	if (rf_submit(ring, c, flags, 42, &ctx, &err) < 0)
		fail_msg("%s: %s", err.msg, strerror(err.code));
	rf_chain_free(c);
	return ctx;
}

/* The next completion that is of @kind; others are skipped. */
static struct rf_completion until(struct rf_ring *ring, enum rf_completion_kind kind)
{
	struct rf_completion d;

	do
		EXPECT_INT(1, rf_ring_wait(ring, -1, &d));
	while (d.kind != kind);
	return d;
}

static struct rf_completion run(struct rf_ring *ring, struct rf_chain *c)
{
	struct rf_completion d;

	submit(ring, c, 0);
	do
		EXPECT_INT(1, rf_ring_wait(ring, -1, &d));
	while (d.kind != RF_DONE_EXIT && d.kind != RF_DONE_FAILED);
	return d;
}

TEST_ENGINES(the_exit_status_is_the_commands)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	struct rf_completion d;

	add_shell(c, "exit 7");
	d = run(ring, c);
	EXPECT_INT(RF_DONE_EXIT, d.kind);
	EXPECT_INT(0, d.result);
	EXPECT_INT(42, d.user_data);
	EXPECT_TRUE(WIFEXITED(d.status));
	EXPECT_INT(7, WEXITSTATUS(d.status));
	rf_ring_free(ring);
}

TEST_ENGINES(a_payload_task_is_a_child_of_the_submitter)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	char command[64];
	struct rf_completion d;

	snprintf(command, sizeof(command), "test $PPID = %d", (int)getpid());
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	add_shell(c, command);
	d = run(ring, c);
	EXPECT_INT(RF_DONE_EXIT, d.kind);
	EXPECT_INT(0, d.status);
	rf_ring_free(ring);
}

TEST_ENGINES(a_signal_that_kills_is_reported)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	struct rf_completion d;

	add_shell(c, "kill -USR1 $$; exit 3");
	d = run(ring, c);
	EXPECT_INT(RF_DONE_EXIT, d.kind);
	EXPECT_TRUE(WIFSIGNALED(d.status));
	EXPECT_INT(SIGUSR1, WTERMSIG(d.status));
	rf_ring_free(ring);
}

/* A context blocks all signals; what its command blocks is said in the chain. */
TEST_ENGINES(the_command_blocks_what_is_asked_for)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" },
			       (char[]){ "kill -USR1 $$; exit 3" }, NULL };
	struct rf_ring *ring = sandboxed_ring();

	for (int blocked = 0; blocked < 2; blocked++) {
		struct rf_chain *c = chain_here();
		struct rf_completion d;

		rf_prep_sigdefault(c);
		rf_prep_sigmask(c, blocked ? 1ULL << (SIGUSR1 - 1) : 0);
		rf_prep_exec(c, "/bin/sh", argv, no_env);
		d = run(ring, c);
		EXPECT_INT(RF_DONE_EXIT, d.kind);
		EXPECT_INT(blocked, WIFEXITED(d.status));
	}
	rf_ring_free(ring);
}

TEST_ENGINES(every_op_completes_in_order)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	struct rf_completion d;
	int last, next = 0;

	rf_prep_umask(c, 022);
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	last = add_shell(c, "exit 0");
	submit(ring, c, RF_SUBMIT_OPS | RF_SUBMIT_TIMES);
	for (;;) {
		EXPECT_INT(1, rf_ring_wait(ring, -1, &d));
		if (d.kind != RF_DONE_OP)
			break;
		EXPECT_INT(next, d.index);
		EXPECT_TRUE(d.result >= 0);
		EXPECT_TRUE(d.end_ns >= d.begin_ns || d.index == 0 || d.index == last);
		next++;
	}
	EXPECT_INT(last + 1, next);
	EXPECT_INT(RF_DONE_STARTED, d.kind);
	EXPECT_TRUE(d.result > 0);
	until(ring, RF_DONE_EXIT);
	rf_ring_free(ring);
}

TEST_ENGINES(a_failing_op_is_named_and_the_rest_canceled)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	struct rf_completion d;
	struct rf_context *ctx;
	int failing, result;

	failing = rf_prep_chdir(c, -1, "/no/such/place");
	rf_prep_umask(c, 022);
	add_shell(c, "exit 0");
	ctx = submit(ring, c, 0);
	d = until(ring, RF_DONE_FAILED);
	EXPECT_INT(failing, d.index);
	EXPECT_INT(-ENOENT, d.result);
	EXPECT_INT(1, rf_context_op(ctx, failing + 1, &result));
	EXPECT_INT(-ECANCELED, result);
	EXPECT_INT(-1, waitpid(-1, NULL, __WALL));
	EXPECT_INT(ECHILD, errno);
	rf_ring_free(ring);
}

TEST_ENGINES(a_hard_linked_failure_skips_only_what_needs_its_slot)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	struct rf_completion d;
	int slot, open;

	open = rf_prep_open(c, -1, "/no/such/file", O_RDONLY, 0, 0, &slot);
	rf_op_link(c, open, RF_LINK_HARD);
	rf_prep_dup(c, slot, 5);
	add_shell(c, "test ! -e /proc/self/fd/5");
	d = run(ring, c);
	EXPECT_INT(RF_DONE_EXIT, d.kind);
	EXPECT_INT(0, d.status);
	rf_ring_free(ring);
}

TEST_ENGINES(hard_linked_execs_walk_a_path)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	char *const argv[] = { (char[]){ "x" }, NULL };
	struct rf_completion d;

	rf_op_link(c, rf_prep_exec(c, "/no/such/true", argv, no_env), RF_LINK_HARD);
	rf_op_link(c, rf_prep_exec(c, "/etc/passwd", argv, no_env), RF_LINK_HARD);
	rf_prep_exec(c, "/bin/true", argv, no_env);
	d = run(ring, c);
	EXPECT_INT(RF_DONE_EXIT, d.kind);
	EXPECT_INT(0, d.status);
	rf_ring_free(ring);
}

TEST_ENGINES(an_exec_that_fails_fails_the_chain)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	char *const argv[] = { (char[]){ "x" }, NULL };
	struct rf_completion d;
	int i;

	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	i = rf_prep_exec(c, "/no/such/true", argv, no_env);
	d = run(ring, c);
	EXPECT_INT(RF_DONE_FAILED, d.kind);
	EXPECT_INT(i, d.index);
	EXPECT_INT(-ENOENT, d.result);
	rf_ring_free(ring);
}

TEST_ENGINES(a_gate_holds_the_context_until_it_is_opened)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	struct rf_completion d;
	struct rf_context *ctx;
	int gate;

	gate = rf_prep_gate(c);
	add_shell(c, "exit 5");
	ctx = submit(ring, c, 0);
	d = until(ring, RF_DONE_PARKED);
	EXPECT_INT(gate, d.index);
	EXPECT_INT(0, rf_ring_wait(ring, 0, &d));
	EXPECT_INT(0, rf_context_open(ctx));
	EXPECT_INT(-EINVAL, rf_context_open(ctx));
	d = until(ring, RF_DONE_EXIT);
	EXPECT_INT(5, WEXITSTATUS(d.status));
	rf_ring_free(ring);
}

TEST_ENGINES(a_parked_context_can_be_killed)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	struct rf_context *ctx;
	struct rf_completion d;
	int gate;

	gate = rf_prep_gate(c);
	add_shell(c, "exit 5");
	ctx = submit(ring, c, 0);
	until(ring, RF_DONE_PARKED);
	EXPECT_INT(0, rf_context_kill(ctx));
	d = until(ring, RF_DONE_FAILED);
	EXPECT_INT(gate, d.index);
	EXPECT_INT(-EINTR, d.result);
	rf_ring_free(ring);
}

TEST_ENGINES(an_op_whose_task_is_killed_completes_too)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	struct rf_context *ctx;
	struct rf_completion d;
	int gate, last, result;

	gate = rf_prep_gate(c);
	last = add_shell(c, "exit 5");
	ctx = submit(ring, c, RF_SUBMIT_OPS);
	until(ring, RF_DONE_PARKED);
	EXPECT_INT(0, rf_context_kill(ctx));
	for (int i = gate; i <= last; i++) {
		EXPECT_INT(1, rf_ring_wait(ring, -1, &d));
		EXPECT_INT(RF_DONE_OP, d.kind);
		EXPECT_INT(i, d.index);
		EXPECT_INT(i == gate ? -EINTR : -ECANCELED, d.result);
		EXPECT_INT(1, rf_context_op(ctx, i, &result));
		EXPECT_INT(d.result, result);
	}
	EXPECT_INT(gate, until(ring, RF_DONE_FAILED).index);
	rf_ring_free(ring);
}

TEST_ENGINES(a_chain_may_end_in_exit)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	struct rf_completion d;

	rf_prep_exit(c, 9);
	d = run(ring, c);
	EXPECT_INT(RF_DONE_EXIT, d.kind);
	EXPECT_INT(9, WEXITSTATUS(d.status));
	rf_ring_free(ring);
}

/* It closes its end of the socket before it can be waited for: we look in that moment. */
TEST_ENGINES(a_status_is_not_lost_between_two_looks)
{
	struct rf_ring *ring = sandboxed_ring();

	for (int i = 0; i < 500; i++) {
		struct rf_chain *c = chain_here();
		struct rf_completion d;

		rf_prep_exit(c, 9);
		d = run(ring, c);
		if (d.kind != RF_DONE_EXIT || d.result != 0 || WEXITSTATUS(d.status) != 9)
			fail_msg("launch %d: kind %d, result %d, status %#x", i, d.kind, d.result,
				 (unsigned int)d.status);
	}
	rf_ring_free(ring);
}

TEST_ENGINES(a_deadline_comes_and_kill_ends_it)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	struct rf_context *ctx;
	struct rf_completion d;

	add_shell(c, "read x < /dev/zero");
	ctx = submit(ring, c, 0);
	until(ring, RF_DONE_STARTED);
	EXPECT_INT(0, rf_context_deadline(ctx, 1));
	until(ring, RF_DONE_TIMEOUT);
	EXPECT_INT(0, rf_context_kill(ctx));
	d = until(ring, RF_DONE_EXIT);
	EXPECT_TRUE(WIFSIGNALED(d.status));
	EXPECT_INT(SIGKILL, WTERMSIG(d.status));
	rf_ring_free(ring);
}

TEST_ENGINES(a_watched_descriptor_completes)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_completion d;
	int p[2];

	EXPECT_INT(0, pipe2(p, O_CLOEXEC));
	EXPECT_INT(0, rf_ring_watch(ring, p[0], 77));
	EXPECT_INT(-EALREADY, rf_ring_watch(ring, p[0], 77));
	EXPECT_INT(0, rf_ring_wait(ring, 0, &d));
	EXPECT_INT(1, write(p[1], "x", 1));
	EXPECT_INT(1, rf_ring_wait(ring, -1, &d));
	EXPECT_INT(RF_DONE_WATCH, d.kind);
	EXPECT_INT(77, d.user_data);
	EXPECT_INT(0, rf_ring_watch(ring, p[0], 78));
	EXPECT_INT(0, rf_ring_unwatch(ring, p[0]));
	EXPECT_INT(-ENOENT, rf_ring_unwatch(ring, p[0]));
	EXPECT_INT(0, rf_ring_wait(ring, 0, &d));
	rf_ring_free(ring);
}

TEST_ENGINES(a_descriptor_is_watched_for_writing)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_completion d;
	char full[4096] = "";
	int p[2];

	EXPECT_INT(0, pipe2(p, O_CLOEXEC | O_NONBLOCK));
	EXPECT_INT(0, rf_ring_watch_out(ring, p[1], 5));
	EXPECT_INT(1, rf_ring_wait(ring, -1, &d));
	EXPECT_INT(RF_DONE_WATCH, d.kind);
	EXPECT_INT(5, d.user_data);
	while (write(p[1], full, sizeof(full)) > 0)
		;
	EXPECT_INT(0, rf_ring_watch_out(ring, p[1], 6));
	EXPECT_INT(0, rf_ring_wait(ring, 0, &d));
	while (read(p[0], full, sizeof(full)) > 0)
		;
	EXPECT_INT(1, rf_ring_wait(ring, -1, &d));
	EXPECT_INT(6, d.user_data);
	rf_ring_free(ring);
}

TEST_ENGINES(a_file_is_always_ready)
{
	struct rf_ring *ring = sandboxed_ring();
	char path[256];
	struct rf_completion d;
	int fd;

	snprintf(path, sizeof(path), "%s/file", harness_dir());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	EXPECT_TRUE(fd >= 0);
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(0, i ? rf_ring_watch_out(ring, fd, 9) : rf_ring_watch(ring, fd, 9));
		EXPECT_INT(1, rf_ring_wait(ring, -1, &d));
		EXPECT_INT(RF_DONE_WATCH, d.kind);
		EXPECT_INT(9, d.user_data);
	}
	rf_ring_free(ring);
}

/* One that is not fetched is closed: a_launch_leaks_no_descriptor. */
TEST_ENGINES(a_descriptor_of_the_chain_comes_to_the_caller)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	struct rf_completion d;
	char text[8] = "";
	int r, w, sent;

	rf_prep_pipe(c, 0, &r, &w);
	rf_prep_dup(c, w, 1);
	sent = rf_prep_send_fd(c, r);
	add_shell(c, "echo hello");
	submit(ring, c, 0);
	d = until(ring, RF_DONE_FD);
	EXPECT_INT(RF_DONE_FD, d.kind);
	EXPECT_INT(sent, d.index);
	EXPECT_INT(6, read(d.result, text, sizeof(text)));
	EXPECT_STR("hello\n", text);
	EXPECT_INT(0, close(d.result));
	until(ring, RF_DONE_EXIT);
	rf_ring_free(ring);
}

TEST_ENGINES(freeing_the_ring_ends_what_runs)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();

	add_shell(c, "read x < /dev/zero");
	submit(ring, c, 0);
	until(ring, RF_DONE_STARTED);
	c = chain_here();
	rf_prep_gate(c);
	submit(ring, c, 0);
	rf_ring_free(ring);
	EXPECT_INT(-1, waitpid(-1, NULL, __WALL));
	EXPECT_INT(ECHILD, errno);
}

TEST_ENGINES(a_launch_leaks_no_descriptor)
{
	struct rf_ring *ring = sandboxed_ring();
	int before = 0;

	for (int i = 0; i < 4; i++) {
		struct rf_chain *c = chain_here();
		struct rf_completion d;

		rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
		add_shell(c, i & 1 ? "exit 0" : "exit 1");
		run(ring, c);
		(void)rf_ring_wait(ring, 0, &d);
		if (i == 0)
			before = harness_count_fds();
	}
	EXPECT_INT(before, harness_count_fds());
	rf_ring_free(ring);
}

TEST_ENGINES(the_payload_gets_only_named_descriptors)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	int leak = open("/", O_RDONLY | O_DIRECTORY), given;
	struct rf_completion d;

	EXPECT_TRUE(leak >= 0);
	given = rf_chain_give(c, leak);
	rf_prep_close_range(c);
	rf_prep_dup(c, given, 9);
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	/* the shell's own descriptor for the listing is closed by then */
	add_shell(c, "set -- /proc/self/fd/*; for f; do n=${f##*/}; case $n in 0|1|2|9) ;; "
		  "*) test ! -e $f || exit $n;; esac; done; test -d /proc/self/fd/9");
	d = run(ring, c);
	EXPECT_INT(RF_DONE_EXIT, d.kind);
	EXPECT_INT(0, WEXITSTATUS(d.status));
	rf_ring_free(ring);
}

TEST_ENGINES(ignored_sigchld_does_not_lose_the_status)
{
	struct rf_ring *ring;
	struct rf_chain *c = chain_here();
	struct rf_completion d;

	signal(SIGCHLD, SIG_IGN);
	ring = sandboxed_ring();
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	add_shell(c, "exit 6");
	d = run(ring, c);
	EXPECT_INT(RF_DONE_EXIT, d.kind);
	if (d.result == 0)
		EXPECT_INT(6, WEXITSTATUS(d.status));
	else	/* before Linux 6.15 the kernel has forgotten */
		EXPECT_INT(-ENODATA, d.result);
	rf_ring_free(ring);
}

TEST_ENGINES(many_launches_are_in_flight_at_once)
{
	struct rf_ring *ring = sandboxed_ring();
	int ended = 0;

	for (int i = 0; i < 40; i++) {
		struct rf_chain *c = chain_here();

		rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
		add_shell(c, "exit 4");
		submit(ring, c, RF_SUBMIT_OPS);
	}
	while (ended < 40) {
		struct rf_completion d;

		EXPECT_INT(1, rf_ring_wait(ring, -1, &d));
		if (d.kind != RF_DONE_EXIT)
			continue;
		EXPECT_INT(4, WEXITSTATUS(d.status));
		ended++;
	}
	rf_ring_free(ring);
}

TEST_ENGINES(the_submitter_stays_as_it_was)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	struct rlimit before, after;
	sigset_t mask_before, mask_after;

	EXPECT_INT(0, getrlimit(RLIMIT_NOFILE, &before));
	sigprocmask(SIG_SETMASK, NULL, &mask_before);
	rf_prep_umask(c, 0);
	rf_prep_chdir(c, -1, "/");
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	rf_prep_rlimit(c, RLIMIT_NOFILE, 20, 20);
	add_shell(c, "exit 0");
	EXPECT_INT(0, run(ring, c).status);
	EXPECT_INT(0, getrlimit(RLIMIT_NOFILE, &after));
	sigprocmask(SIG_SETMASK, NULL, &mask_after);
	EXPECT_INT(before.rlim_cur, after.rlim_cur);
	/* the kernel's part of the set: the rest is not written */
	assert_memory_equal(&mask_before, &mask_after, 8);
	EXPECT_INT(1, prctl(PR_GET_DUMPABLE));
	rf_ring_free(ring);
}

/* ------------------------------------------------------------- namespaces */

static struct rf_chain *userns_chain(bool init)
{
	struct rf_chain *c = rf_chain_new();
	struct rf_op *op;

	rf_prep_clone(c, RF_CLONE_CONTEXT, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS);
	rf_prep_close_range(c);
	rf_prep_unshare(c, CLONE_NEWPID);
	if (init) {
		int32_t slot = rf_chain_slot(c);

		rf_prep_clone(c, RF_CLONE_INIT, 0);
		c->ops[c->nr_ops - 1].out = slot;
		c->ops[c->nr_ops - 1].u.clone.unshare = CLONE_NEWNET;
		op = rf_chain_add(c, RF_OP_SETNS);
		op->u.setns.slot = slot;
		op->u.setns.nstype = CLONE_NEWNET;
	}
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	return c;
}

TEST_ENGINES(pid_1_is_the_init_image)
{
	struct rf_ring *ring;
	struct rf_chain *c;
	struct rf_completion d;

	SKIP_UNLESS(harness_has_userns(), "userns", "no user namespaces");
	ring = sandboxed_ring();
	c = userns_chain(true);
	add_shell(c, "test $$ = 2");
	d = run(ring, c);
	EXPECT_INT(RF_DONE_EXIT, d.kind);
	EXPECT_INT(0, d.status);
	EXPECT_INT(-1, waitpid(-1, NULL, __WALL));
	rf_ring_free(ring);
}

TEST_ENGINES(a_launch_says_when_its_command_has_ended)
{
	struct rf_ring *ring;
	struct rf_context *ctx;
	struct rf_completion d;
	struct rf_chain *c;
	struct rf_err err = RF_ERR_INIT;
	pid_t left[2];

	SKIP_UNLESS(harness_has_userns(), "userns", "no user namespaces");
	ring = sandboxed_ring();
	c = userns_chain(true);
	add_shell(c, "exit 3");
	EXPECT_INT(0, rf_submit(ring, c, RF_SUBMIT_ENDED, 0, &ctx, &err));
	rf_chain_free(c);
	d = until(ring, RF_DONE_ENDED);
	EXPECT_INT(3 << 8, d.status);
	rf_context_left(ctx, left);
	/* reaped by somebody else, as leave() does: the launch still ends */
	for (int i = 0; i < 2; i++)
		if (left[i])
			EXPECT_INT(left[i], waitpid(left[i], NULL, __WALL));
	EXPECT_INT(RF_DONE_EXIT, until(ring, RF_DONE_EXIT).kind);
	EXPECT_INT(-1, waitpid(-1, NULL, __WALL));
	rf_ring_free(ring);
}

TEST_ENGINES(without_init_the_payload_is_pid_1)
{
	struct rf_ring *ring;
	struct rf_chain *c;
	struct rf_completion d;

	SKIP_UNLESS(harness_has_userns(), "userns", "no user namespaces");
	ring = sandboxed_ring();
	c = userns_chain(false);
	add_shell(c, "test $$ = 1");
	d = run(ring, c);
	EXPECT_INT(RF_DONE_EXIT, d.kind);
	EXPECT_INT(0, d.status);
	rf_ring_free(ring);
}

TEST_ENGINES(nothing_survives_the_payload)
{
	struct rf_ring *ring;
	struct rf_chain *c;
	char byte;
	int p[2];

	SKIP_UNLESS(harness_has_userns(), "userns", "no user namespaces");
	EXPECT_INT(0, pipe2(p, O_CLOEXEC));
	ring = sandboxed_ring();
	c = userns_chain(true);
	rf_chain_keep(c, p[1]);
	rf_prep_dup(c, rf_chain_give(c, p[1]), 9);
	add_shell(c, "(trap '' TERM HUP; while :; do :; done) & exit 0");
	EXPECT_INT(RF_DONE_EXIT, run(ring, c).kind);
	close(p[1]);
	/* the straggler held the other end: end of file says it is gone */
	EXPECT_INT(0, read(p[0], &byte, 1));
	rf_ring_free(ring);
}

TEST_ENGINES(a_context_with_an_image_of_its_own_runs_the_same_chain)
{
	struct rf_ring *ring;
	struct rf_chain *c = rf_chain_new();
	struct rf_completion d;

	SKIP_UNLESS(harness_has_userns(), "userns", "no user namespaces");
	ring = sandboxed_ring();
	c->own_image = true;
	rf_prep_clone(c, RF_CLONE_CONTEXT, 0);
	rf_prep_close_range(c);
	rf_prep_unshare(c, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID);
	rf_prep_clone(c, RF_CLONE_INIT, 0);
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	add_shell(c, "test $$ = 2 && exit 8");
	d = run(ring, c);
	EXPECT_INT(RF_DONE_EXIT, d.kind);
	EXPECT_INT(8, WEXITSTATUS(d.status));
	rf_ring_free(ring);
}

static char state_of(pid_t pid)
{
	char path[64], line[256] = "", *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return '-';
	p = fgets(line, sizeof(line), f);
	fclose(f);
	p = p ? strrchr(line, ')') : NULL;
	return p && p[1] ? p[2] : '?';
}

/* What parks is one task that sleeps: its maker has gone, and is no zombie. */
TEST_ENGINES(a_payload_alone_on_its_memory_parks_alone)
{
	struct rf_ring *ring = sandboxed_ring();
	struct rf_chain *c = chain_here();
	struct rf_context *ctx;
	struct rf_completion d;
	pid_t left[2] = { -1, -1 };

	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	rf_prep_gate(c);
	add_shell(c, "exit 5");
	ctx = submit(ring, c, RF_SUBMIT_OWN_MEMORY);
	until(ring, RF_DONE_PARKED);
	for (int i = 0; i < 500 && left[1]; i++) {
		EXPECT_INT(0, rf_ring_wait(ring, 10, &d));
		rf_context_left(ctx, left);
	}
	EXPECT_INT(0, left[1]);
	EXPECT_INT('S', state_of(rf_context_pid(ctx)));
	EXPECT_TRUE(!rf_context_is_past_exec(ctx));
	EXPECT_INT(0, rf_context_open(ctx));
	/* before that has been heard */
	for (int i = 0; i < 5000 && !rf_context_is_past_exec(ctx); i++)
		usleep(1000);
	EXPECT_TRUE(rf_context_is_past_exec(ctx));
	d = until(ring, RF_DONE_EXIT);
	EXPECT_INT(5, WEXITSTATUS(d.status));
	rf_ring_free(ring);
}

/* The score is that of all on the memory, where pid 1 is too until it is an image. */
TEST_ENGINES(the_score_of_a_payload_alone_on_its_memory_is_not_that_of_pid_1)
{
	struct rf_ring *ring;
	struct rf_chain *c = rf_chain_new();
	struct rf_context *ctx;
	char path[64], score[16] = "";
	pid_t left[2];
	FILE *f;

	sandboxed_need();	/* `oom_score` takes openat2 */
	ring = sandboxed_ring();
	rf_prep_clone(c, RF_CLONE_CONTEXT, CLONE_NEWUSER);
	rf_prep_close_range(c);
	rf_prep_unshare(c, CLONE_NEWPID);
	rf_prep_clone(c, RF_CLONE_INIT, 0);
	/* which takes its time */
	c->ops[c->nr_ops - 1].u.clone.unshare = CLONE_NEWNET;
	c->ops[c->nr_ops - 1].out = rf_chain_slot(c);
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	rf_chain_add(c, RF_OP_OOM_SCORE)->u.oom_score.value = 987;
	rf_prep_gate(c);
	rf_chain_add(c, RF_OP_EXIT);
	ctx = submit(ring, c, RF_SUBMIT_OWN_MEMORY);
	until(ring, RF_DONE_PARKED);
	rf_context_adopt(ctx);	/* clone(2) has its number stored behind its first word */
	rf_context_left(ctx, left);
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)left[0]);
	f = fopen(path, "re");
	assert_non_null(f);
	EXPECT_TRUE(fgets(score, sizeof(score), f) != NULL);
	fclose(f);
	EXPECT_TRUE(atoi(score) != 987);
	EXPECT_INT(0, rf_context_kill(ctx));
	until(ring, RF_DONE_FAILED);
	rf_ring_free(ring);
}

/* The one that asks is asked about: its maker has gone. */
TEST_ENGINES(a_payload_alone_on_its_memory_has_its_ids_mapped)
{
	struct rf_ring *ring;
	struct rf_chain *c = rf_chain_new();
	struct rf_completion d;
	char map[64];
	struct rf_blob uid, gid;
	struct rf_op *op;

	SKIP_UNLESS(harness_has_userns(), "userns", "no user namespaces");
	ring = sandboxed_ring();
	c->own_image = true;
	rf_prep_clone(c, RF_CLONE_CONTEXT, CLONE_NEWUSER);
	rf_prep_close_range(c);
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	snprintf(map, sizeof(map), "7 %u 1\n", (unsigned int)getuid());
	uid = rf_chain_blob(c, map, strlen(map));
	snprintf(map, sizeof(map), "7 %u 1\n", (unsigned int)getgid());
	gid = rf_chain_blob(c, map, strlen(map));
	op = rf_chain_add(c, RF_OP_IDMAP);
	op->u.idmap.by = RF_IDMAP_SUBMITTER;
	op->u.idmap.uid_map = uid;
	op->u.idmap.gid_map = gid;
	op->u.idmap.deny = true;
	add_shell(c, "test $(id -u) = 7");
	d = run(ring, c);
	EXPECT_INT(RF_DONE_EXIT, d.kind);
	EXPECT_INT(0, d.status);
	rf_ring_free(ring);
}

/* A task of its own, in a network namespace that its maker makes, or cannot: @limit. */
static struct rf_chain *apart_chain(const char *limit)
{
	struct rf_chain *c = rf_chain_new();
	int32_t slot = rf_chain_slot(c);
	struct rf_op *op;

	c->own_image = true;
	rf_prep_clone(c, RF_CLONE_CONTEXT, 0);
	rf_prep_close_range(c);
	rf_prep_unshare(c, CLONE_NEWUSER | CLONE_NEWNS);
	if (limit)
		rf_prep_write(c, RF_SLOT_NONE, "/proc/sys/user/max_net_namespaces", limit, strlen(limit));
	rf_prep_clone(c, RF_CLONE_APART, 0);
	op = &c->ops[c->nr_ops - 1];
	op->out = slot;
	op->u.clone.unshare = CLONE_NEWNET;
	op = rf_chain_add(c, RF_OP_SETNS);
	op->u.setns.slot = slot;
	op->u.setns.nstype = CLONE_NEWNET;
	rf_prep_close(c, slot);
	add_shell(c, "! grep -vE '^ *(lo|sit0):|^Inter|^ face' /proc/net/dev && exit 8");
	return c;
}

TEST_ENGINES(a_task_apart_gets_the_network_that_its_maker_makes)
{
	struct rf_ring *ring;
	struct rf_context *ctx;
	struct rf_completion d;
	siginfo_t info;

	SKIP_UNLESS(harness_has_userns(), "userns", "no user namespaces");
	ring = sandboxed_ring();
	ctx = submit(ring, apart_chain(NULL), 0);
	do
		EXPECT_INT(1, rf_ring_wait(ring, -1, &d));
	while (d.kind != RF_DONE_STARTED && d.kind != RF_DONE_FAILED);
	EXPECT_INT(RF_DONE_STARTED, d.kind);
	EXPECT_INT(d.result, rf_context_pid(ctx));
	/* the ring reaps it when it is freed */
	EXPECT_INT(0, waitid(P_PID, (id_t)d.result, &info, WEXITED | WNOWAIT | __WALL));
	EXPECT_INT(8, info.si_status);
	rf_ring_free(ring);
}

TEST_ENGINES(a_network_that_the_maker_cannot_make_fails_the_op_that_joins_it)
{
	struct rf_ring *ring;
	struct rf_completion d;

	sandboxed_need();	/* `write` takes openat2 */
	ring = sandboxed_ring();
	d = run(ring, apart_chain("0"));
	EXPECT_INT(RF_DONE_FAILED, d.kind);
	EXPECT_INT(-ENOSPC, d.result);
	EXPECT_INT(5, d.index);
	rf_ring_free(ring);
}
