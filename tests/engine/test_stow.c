/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pidfds of commands that only run are in the ring's keeping (lib/stow.c). */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain.h"
#include "harness.h"
#include "ring.h"
#include "sandboxed.h"

#define MANY	8

/* A ring that stows from the first on; skips where the engine keeps nothing. */
static struct rf_ring *stowing_ring(void)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_ring *ring = sandboxed_ring();

	EXPECT_INT(0, rf_ring_open(ring, &err));
	if (!ring->engine->stow) {
		rf_ring_free(ring);
		harness_skip("stow", "this engine keeps no descriptors");
	}
	ring->stow_above = 0;
	return ring;
}

/* Waits for an end of file on @pipe, then exits with 7; with a reaper where that can be had. */
static struct rf_context *start(struct rf_ring *ring, const int pipe[2])
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" },
			       (char[]){ "read x <&9; exit 7" }, NULL };
	char *const no_env[] = { NULL };
	const bool init = harness_has_userns();
	struct rf_err err = RF_ERR_INIT;
	struct rf_chain *c = rf_chain_new();
	struct rf_completion d;
	struct rf_context *ctx;

	assert_non_null(c);
	rf_prep_clone(c, RF_CLONE_CONTEXT, init ? CLONE_NEWUSER : 0);
	rf_prep_close_range(c);
	if (init) {
		rf_prep_unshare(c, CLONE_NEWPID);
		rf_prep_clone(c, RF_CLONE_INIT, 0);
	}
	rf_prep_dup(c, rf_chain_give(c, pipe[0]), 9);
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	rf_chain_add(c, RF_OP_SIGDEFAULT);
	rf_chain_add(c, RF_OP_SIGMASK);
	rf_prep_exec(c, "/bin/sh", argv, no_env);
	if (rf_submit(ring, c, 0, 0, &ctx, &err) < 0)
		fail_msg("%s: %s", err.msg, strerror(err.code));
	rf_chain_free(c);
	d = sandboxed_until(ring, RF_DONE_STARTED);
	if (d.kind != RF_DONE_STARTED)
		fail_msg("completion %d, op %d: %d", d.kind, d.index, d.result);
	EXPECT_TRUE(ctx->stowed);
	return ctx;
}

/* Until who has made the command is reaped. */
static void settle(struct rf_ring *ring, const struct rf_context *ctx)
{
	struct rf_completion d;

	for (int tries = 0; ctx->context.pidfd >= 0 && tries < 400; tries++)
		EXPECT_INT(0, rf_ring_wait(ring, 25, &d));
}

TEST_ENGINES(what_only_runs_takes_no_descriptor)
{
	struct rf_ring *ring = stowing_ring();
	struct rf_context *first;
	int p[2], fds;

	EXPECT_INT(0, pipe2(p, O_CLOEXEC));
	first = start(ring, p);
	settle(ring, first);	/* images and the like are there now */
	fds = harness_count_fds();
	for (int i = 1; i < MANY; i++)
		settle(ring, start(ring, p));
	EXPECT_INT(fds, harness_count_fds());
	EXPECT_INT(0, rf_context_signal(first, SIGKILL));
	EXPECT_INT(SIGKILL, WTERMSIG(sandboxed_until(ring, RF_DONE_EXIT).status));
	close(p[1]);
	for (int i = 1; i < MANY; i++)
		EXPECT_INT(7, WEXITSTATUS(sandboxed_until(ring, RF_DONE_EXIT).status));
	rf_ring_free(ring);
	sandboxed_no_children();
}

TEST_ENGINES(what_is_stowed_is_killed_with_the_ring)
{
	int before = harness_count_fds(), p[2];
	struct rf_ring *ring = stowing_ring();

	EXPECT_INT(0, pipe2(p, O_CLOEXEC));
	for (int i = 0; i < MANY; i++)
		(void)start(ring, p);
	rf_ring_free(ring);
	sandboxed_no_children();
	close(p[0]);
	close(p[1]);
	EXPECT_INT(before, harness_count_fds());
}

TEST_ENGINES(ignored_sigchld_does_not_lose_the_status_of_what_is_stowed)
{
	struct rf_completion d;
	struct rf_ring *ring;
	int p[2];

	signal(SIGCHLD, SIG_IGN);
	ring = stowing_ring();
	EXPECT_INT(0, pipe2(p, O_CLOEXEC));
	(void)start(ring, p);
	close(p[1]);
	d = sandboxed_until(ring, RF_DONE_EXIT);
	if (d.result == 0)
		EXPECT_INT(7, WEXITSTATUS(d.status));
	else	/* before Linux 6.15 the kernel has forgotten */
		EXPECT_INT(-ENODATA, d.result);
	rf_ring_free(ring);
}

/* Set the soft limit of descriptors, and tell what it was. */
static rlim_t limit_fds(rlim_t soft)
{
	struct rlimit limit;
	rlim_t before;

	EXPECT_INT(0, getrlimit(RLIMIT_NOFILE, &limit));
	before = limit.rlim_cur;
	limit.rlim_cur = soft;
	EXPECT_INT(0, setrlimit(RLIMIT_NOFILE, &limit));
	return before;
}

TEST_ENGINES(what_is_stowed_ends_while_there_is_no_room_for_its_descriptors)
{
	struct rf_ring *ring = stowing_ring();
	struct rf_context *ctx;
	rlim_t before;
	int p[2];

	EXPECT_INT(0, pipe2(p, O_CLOEXEC));
	ctx = start(ring, p);
	before = limit_fds(0);
	EXPECT_INT(-EMFILE, rf_context_signal(ctx, SIGTERM));
	close(p[1]);
	EXPECT_INT(7, WEXITSTATUS(sandboxed_until(ring, RF_DONE_EXIT).status));
	(void)limit_fds(before);
	rf_ring_free(ring);
	sandboxed_no_children();
}

/* Each place is used again. */
TEST_ENGINES(more_can_be_stowed_one_after_the_other_than_there_are_places)
{
	const rlim_t before = limit_fds((rlim_t)harness_count_fds() + 32);
	struct rf_ring *ring = stowing_ring();
	int p[2];

	for (int i = 0; i < 64; i++) {
		EXPECT_INT(0, pipe2(p, O_CLOEXEC));
		(void)start(ring, p);
		close(p[1]);
		EXPECT_INT(7, WEXITSTATUS(sandboxed_until(ring, RF_DONE_EXIT).status));
		close(p[0]);
	}
	rf_ring_free(ring);
	(void)limit_fds(before);
}
