/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Contexts that hand control back, and get more ops: rf_context_submit(). */
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
#include "lingering.h"
#include "ring.h"
#include "sandboxed.h"

TEST_ENGINES(a_context_gets_its_command_later)
{
	for (size_t i = 0; i < LINGER_MEMORIES; i++) {
		struct linger l = { .c = linger_chain() };
		int last;

		linger_park(&l, linger_memories[i]);
		rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
		last = linger_add_exec(l.c, "/bin/sh", "exit 7");
		linger_more(&l);
		EXPECT_INT(last, linger_until(&l, RF_DONE_STARTED).index);
		linger_exits(&l, 7);
		linger_done(&l);
	}
}

TEST_ENGINES(a_gate_follows_a_gate)
{
	for (size_t i = 0; i < LINGER_MEMORIES; i++) {
		struct linger l = { .c = linger_chain() };
		int result;

		linger_park(&l, linger_memories[i]);
		for (int n = 0; n < 40; n++) {
			int umask_op = rf_prep_umask(l.c, (unsigned int)n);
			int gate = rf_prep_gate(l.c);

			linger_more(&l);
			linger_parks_at(&l, gate, 0);
			EXPECT_INT(1, rf_context_op(l.ctx, umask_op, &result));
			EXPECT_TRUE(result >= 0);
		}
		rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
		linger_add_exec(l.c, "/bin/sh", "test $(umask) = 0047");
		linger_more(&l);
		linger_exits(&l, 0);
		linger_done(&l);
	}
}

/* What is sent is there once, however often the op behind it is tried. */
TEST_ENGINES(another_try_repeats_nothing_that_has_completed)
{
	sandboxed_need_calls();
	for (size_t i = 0; i < LINGER_MEMORIES; i++) {
		struct linger l = { .c = linger_chain() };
		char path[300], text[16];
		int fds[2], given, slot, open_op;

		(void)snprintf(path, sizeof(path), "%s/file%zu", harness_dir(), i);
		EXPECT_INT(0, pipe2(fds, O_CLOEXEC));
		given = rf_chain_give(l.c, fds[1]);
		linger_park(&l, linger_memories[i]);
		rf_prep_write(l.c, given, NULL, "once", 4);
		open_op = rf_prep_open(l.c, RF_SLOT_NONE, path, O_RDONLY | O_CLOEXEC, 0, 0, &slot);
		rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
		rf_prep_dup(l.c, slot, 0);
		linger_add_exec(l.c, "/bin/sh", "read -r x; test $x = late");
		for (int tries = 0; tries < 3; tries++) {
			linger_more(&l);
			linger_parks_at(&l, open_op, -ENOENT);
		}
		EXPECT_INT(-EINVAL, rf_context_open(l.ctx));
		harness_file(strrchr(path, '/'), "late\n");
		linger_more(&l);
		linger_exits(&l, 0);
		EXPECT_INT(4, read(fds[0], text, sizeof(text)));
		linger_done(&l);
		(void)close(fds[0]);
		(void)close(fds[1]);
	}
}

TEST_ENGINES(every_op_completes_once_each_time_it_is_submitted)
{
	struct linger l = { .c = linger_chain() };
	const int want[] = { 0, -ENOENT, -ECANCELED };
	struct rf_completion d;
	int first, slot;

	sandboxed_need_calls();
	linger_park(&l, RF_SUBMIT_OPS);
	first = rf_prep_umask(l.c, 0);
	rf_prep_open(l.c, RF_SLOT_NONE, "/no/such", O_RDONLY, 0, 0, &slot);
	rf_prep_exit(l.c, 3);
	for (int from = 0; from < 2; from++) {
		linger_more(&l);
		if (from == 0) {
			d = linger_next(&l);	/* the gate itself */
			EXPECT_INT(RF_DONE_OP, d.kind);
			EXPECT_INT(first - 1, d.index);
		}
		for (int i = from; i < 3; i++) {
			d = linger_next(&l);
			EXPECT_INT(RF_DONE_OP, d.kind);
			EXPECT_INT(first + i, d.index);
			if (i)
				EXPECT_INT(want[i], d.result);
		}
		EXPECT_INT(RF_DONE_PARKED, linger_next(&l).kind);
	}
	EXPECT_INT(0, rf_chain_cut(l.c, first + 1));
	rf_prep_exit(l.c, 3);
	linger_more(&l);
	EXPECT_INT(first + 1, linger_next(&l).index);
	linger_exits(&l, 3);
	linger_done(&l);
}

/* Which interpreter there is, the caller finds out by trying. */
TEST_ENGINES(an_exec_that_fails_can_be_another)
{
	for (size_t i = 0; i < LINGER_MEMORIES; i++) {
		struct linger l = { .c = linger_chain() };
		int exec_op;

		linger_park(&l, linger_memories[i]);
		rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
		exec_op = linger_add_exec(l.c, "/no/such/sh", "exit 1");
		linger_more(&l);
		linger_parks_at(&l, exec_op, -ENOENT);
		EXPECT_INT(0, rf_chain_cut(l.c, exec_op));
		linger_add_exec(l.c, "/etc/passwd", "exit 2");
		linger_more(&l);
		linger_parks_at(&l, exec_op, -EACCES);
		EXPECT_INT(0, rf_chain_cut(l.c, exec_op));
		linger_add_exec(l.c, "/bin/sh", "exit 5");
		linger_more(&l);
		linger_exits(&l, 5);
		linger_done(&l);
	}
}

TEST_ENGINES(descriptors_are_given_later_too)
{
	for (size_t i = 0; i < LINGER_MEMORIES; i++) {
		struct linger l = { .c = linger_chain() };
		char text[16] = "";
		int early[2], late[2], before = harness_count_fds();

		EXPECT_INT(0, pipe2(early, O_CLOEXEC));
		(void)rf_chain_give(l.c, early[1]);
		linger_park(&l, linger_memories[i]);
		EXPECT_INT(0, pipe2(late, O_CLOEXEC));
		rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
		rf_prep_dup(l.c, rf_chain_give(l.c, late[1]), 1);
		/* a number that the context itself may be using; few, for what a user has
		   under way counts against the limit of all his processes */
		for (int fd = 3; fd < 10; fd++)
			rf_prep_dup(l.c, rf_chain_give(l.c, late[1]), fd);
		linger_add_exec(l.c, "/bin/sh", "echo late >/proc/self/fd/9");
		linger_more(&l);
		linger_exits(&l, 0);
		(void)close(late[1]);
		EXPECT_INT(5, read(late[0], text, sizeof(text)));
		EXPECT_STR("late\n", text);
		EXPECT_INT(0, read(late[0], text, sizeof(text)));
		(void)close(late[0]);
		(void)close(early[0]);
		(void)close(early[1]);
		linger_done(&l);
		EXPECT_INT(before, harness_count_fds());
	}
}

/* A slot that stayed empty would leave out the ops that use it. */
TEST_ENGINES(descriptors_that_do_not_arrive_are_given_again)
{
	for (size_t i = 0; i < LINGER_MEMORIES; i++) {
		struct linger l = { .c = linger_chain() };
		struct rlimit limit, low;
		struct rf_completion d;
		char text[16] = "";
		int fds[2], gate;

		EXPECT_INT(0, pipe2(fds, O_CLOEXEC));
		EXPECT_INT(0, getrlimit(RLIMIT_NOFILE, &limit));
		low = (struct rlimit){ .rlim_cur = 3, .rlim_max = limit.rlim_max };
		gate = linger_park(&l, linger_memories[i]);
		rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
		rf_prep_dup(l.c, rf_chain_give(l.c, fds[1]), 1);
		linger_add_exec(l.c, "/bin/sh", "echo late");
		EXPECT_INT(0, prlimit(l.ctx->context.pid, RLIMIT_NOFILE, &low, NULL));
		for (int tries = 0; tries < 2; tries++) {
			linger_more(&l);
			d = linger_next(&l);
			EXPECT_INT(RF_DONE_PARKED, d.kind);
			EXPECT_INT(gate, d.index);
			EXPECT_INT(-EMFILE, d.result);
			EXPECT_INT(-EINVAL, rf_context_open(l.ctx));
		}
		EXPECT_INT(0, prlimit(l.ctx->context.pid, RLIMIT_NOFILE, &limit, NULL));
		linger_more(&l);
		EXPECT_INT(RF_DONE_STARTED, linger_next(&l).kind);
		linger_exits(&l, 0);
		EXPECT_INT(5, read(fds[0], text, sizeof(text)));
		EXPECT_STR("late\n", text);
		(void)close(fds[0]);
		(void)close(fds[1]);
		linger_done(&l);
	}
}

TEST_ENGINES(pid_1_can_come_later)
{
	struct linger l = { .c = linger_chain() };
	int slot;

	SKIP_UNLESS(harness_is_root(), "root", "a pid namespace without one of users");
	linger_park(&l, RF_SUBMIT_OWN_MEMORY);
	rf_prep_clone(l.c, RF_CLONE_INIT, CLONE_NEWPID);
	slot = l.c->ops[l.c->nr_ops - 1].out = rf_chain_slot(l.c);
	rf_prep_setns(l.c, slot, CLONE_NEWPID);
	rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
	linger_add_exec(l.c, "/bin/sh", "test $$ = 2");
	linger_more(&l);
	linger_exits(&l, 0);
	linger_done(&l);
}

/* While pid 1 is on its way, what it reads must not move. */
TEST_ENGINES(pid_1_can_come_before_the_gate)
{
	SKIP_UNLESS(harness_is_root(), "root", "a pid namespace without one of users");
	for (int i = 0; i < 20; i++) {
		struct linger l = { .c = linger_chain() };
		int slot, memfd;

		rf_prep_clone(l.c, RF_CLONE_INIT, CLONE_NEWPID);
		slot = l.c->ops[l.c->nr_ops - 1].out = rf_chain_slot(l.c);
		l.c->ops[l.c->nr_ops - 1].u.clone.unshare = CLONE_NEWNET;
		linger_park(&l, RF_SUBMIT_OWN_MEMORY);
		for (int n = 0; n < 100; n++) {
			rf_prep_memfd(l.c, "some", "text", 4, &memfd);
			rf_prep_close(l.c, memfd);
		}
		rf_prep_setns(l.c, slot, CLONE_NEWPID | CLONE_NEWNET);
		rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
		linger_add_exec(l.c, "/bin/sh", "test $$ = 2 && test $(wc -l </proc/net/dev) = 3");
		linger_more(&l);
		linger_exits(&l, 0);
		linger_done(&l);
	}
}

TEST_ENGINES(a_context_that_waits_after_a_failure_can_be_killed)
{
	sandboxed_need_calls();
	for (size_t i = 0; i < LINGER_MEMORIES; i++)
		for (int in_payload = 0; in_payload < 2; in_payload++) {
			struct linger l = { .c = linger_chain() };
			struct rf_completion d;
			int slot, failed;

			linger_park(&l, linger_memories[i]);
			if (in_payload)
				rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
			failed = rf_prep_open(l.c, RF_SLOT_NONE, "/no/such", O_RDONLY, 0, 0, &slot);
			rf_prep_exit(l.c, 3);
			linger_more(&l);
			linger_until(&l, RF_DONE_PARKED);
			EXPECT_INT(0, rf_context_kill(l.ctx));
			d = linger_until(&l, RF_DONE_FAILED);
			EXPECT_INT(failed, d.index);
			EXPECT_INT(-ENOENT, d.result);
			linger_done(&l);
		}
}

/* Its report socket ends with the submitter. */
TEST_ENGINES(a_context_ends_with_its_submitter)
{
	EXPECT_INT(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	for (size_t i = 0; i < LINGER_MEMORIES; i++)
		for (int failed = 0; failed < 2; failed++) {
			pid_t pid = fork();
			int status;

			if (pid == 0) {
				struct linger l = { .c = linger_chain() };
				int slot;

				linger_park(&l, linger_memories[i]);
				if (failed) {
					rf_prep_open(l.c, RF_SLOT_NONE, "/no/such", O_RDONLY, 0, 0, &slot);
					rf_prep_exit(l.c, 3);
					linger_more(&l);
					linger_until(&l, RF_DONE_PARKED);
				}
				(void)kill(getpid(), SIGKILL);
			}
			EXPECT_INT(pid, waitpid(pid, &status, 0));
			EXPECT_TRUE(WIFSIGNALED(status));
			/* the context is ours now, and ends by itself */
			EXPECT_TRUE(waitpid(-1, &status, __WALL) > 0);
			EXPECT_INT(-1, waitpid(-1, NULL, __WALL));
		}
	EXPECT_INT(0, prctl(PR_SET_CHILD_SUBREAPER, 0));
}

TEST_ENGINES(what_cannot_follow_is_refused_and_the_context_stays)
{
	struct linger l = { .c = linger_chain() };
	struct rf_chain *other = linger_chain();
	int slot, gate, self = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	char *big = calloc(1, 2U << 20);

	assert_non_null(big);
	memset(big, 'x', (2U << 20) - 1);
	gate = linger_park(&l, 0);
	linger_refused(&l, l.c, -EINVAL, "no op behind");
	rf_prep_umask(l.c, 0);
	linger_refused(&l, l.c, -EINVAL, "ends in exec, exit or gate");
	rf_prep_umask(other, 0);
	rf_prep_exit(other, 0);
	linger_refused(&l, other, -EINVAL, "not the chain");
	rf_prep_memfd(l.c, "big", big, (2U << 20) - 1, &slot);
	rf_prep_exit(l.c, 0);
	linger_refused(&l, l.c, -E2BIG, "no room");
	EXPECT_INT(0, rf_chain_cut(l.c, gate + 1));
	EXPECT_INT(-EINVAL, rf_chain_cut(l.c, gate + 2));
	l.c->data_len = 64;	/* as if it had never been so long */
	rf_prep_exit(l.c, 6);
	linger_more(&l);
	linger_refused(&l, l.c, -EINVAL, "not parked");
	linger_exits(&l, 6);
	linger_done(&l);
	rf_chain_free(other);

	l = (struct linger){ .c = linger_chain() };
	linger_park(&l, 0);
	rf_prep_setns(l.c, rf_chain_give(l.c, self), CLONE_NEWUTS);
	rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
	rf_prep_exit(l.c, 0);
	linger_refused(&l, l.c, -EINVAL, "RF_SUBMIT_OWN_MEMORY");
	/* nothing of it is left when it is cut */
	EXPECT_INT(0, rf_chain_cut(l.c, gate + 1));
	rf_prep_exit(l.c, 0);
	(void)close(self);
	linger_refused(&l, l.c, -EBADF, "giving descriptor");
	EXPECT_INT(0, dup2(0, self) < 0);
	linger_more(&l);
	linger_exits(&l, 0);
	linger_done(&l);

	l = (struct linger){ .c = linger_chain() };
	gate = linger_park(&l, RF_SUBMIT_OWN_MEMORY);
	linger_add_exec(l.c, "/bin/sh", "exit 0");
	linger_refused(&l, l.c, -EINVAL, "payload task");
	EXPECT_INT(0, rf_chain_cut(l.c, gate + 1));
	rf_prep_exit(l.c, 0);
	linger_more(&l);
	linger_exits(&l, 0);
	linger_done(&l);

	/* at once it is refused too */
	l = (struct linger){ .c = linger_chain() };
	linger_add_exec(l.c, "/bin/sh", "exit 0");
	EXPECT_INT(0, rf_ring_new(RF_ENGINE_PLAIN, &l.ring, NULL));
	EXPECT_INT(-EINVAL, rf_submit(l.ring, l.c, RF_SUBMIT_OWN_MEMORY, 0, &l.ctx, NULL));
	linger_done(&l);
	(void)close(self);
	free(big);
}

TEST_ENGINES(a_gate_in_the_middle_is_only_opened)
{
	struct linger l = { .c = linger_chain() };

	rf_prep_gate(l.c);
	rf_prep_exit(l.c, 4);
	l.ring = sandboxed_ring();
	l.ctx = sandboxed_submit(l.ring, l.c, 0);
	linger_until(&l, RF_DONE_PARKED);
	linger_refused(&l, l.c, -EINVAL, "did not end in a gate");
	EXPECT_INT(0, rf_context_open(l.ctx));
	linger_exits(&l, 4);
	linger_done(&l);
}
