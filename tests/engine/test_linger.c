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
#include "ring.h"
#include "sandboxed.h"

static char *const no_env[] = { NULL };

struct linger {
	struct rf_ring	 *ring;
	struct rf_chain	 *c;
	struct rf_context *ctx;
};

static struct rf_completion next(struct linger *l)
{
	struct rf_completion d;

	EXPECT_INT(1, rf_ring_wait(l->ring, 20000, &d));
	return d;
}

static struct rf_completion until(struct linger *l, enum rf_completion_kind kind)
{
	struct rf_completion d;

	do
		d = next(l);
	while (d.kind != kind);
	return d;
}

static void parks_at(struct linger *l, int index, int result)
{
	struct rf_completion d = until(l, RF_DONE_PARKED);

	EXPECT_INT(index, d.index);
	EXPECT_INT(result, d.result);
}

/* A context that is parked at the gate behind what @l->c has; the gate's index. */
static int park(struct linger *l, unsigned int flags)
{
	int gate = rf_prep_gate(l->c);

	l->ring = sandboxed_ring();
	l->ctx = sandboxed_submit(l->ring, l->c, flags);
	parks_at(l, gate, 0);
	return gate;
}

static struct rf_chain *chain(void)
{
	struct rf_chain *c = rf_chain_new();

	assert_non_null(c);
	rf_prep_clone(c, RF_CLONE_CONTEXT, 0);
	return c;
}

static void more(struct linger *l)
{
	struct rf_err err = RF_ERR_INIT;

	if (rf_context_submit(l->ctx, l->c, &err) < 0)
		fail_msg("%s: %s", err.msg, strerror(err.code));
}

static void refused(struct linger *l, const struct rf_chain *c, int want, const char *why)
{
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(want, rf_context_submit(l->ctx, c, &err));
	if (!strstr(err.msg, why))
		fail_msg("'%s' has no '%s'", err.msg, why);
}

static void done(struct linger *l)
{
	l->ring = rf_ring_free(l->ring);
	l->c = rf_chain_free(l->c);
	EXPECT_INT(-1, waitpid(-1, NULL, __WALL));
	EXPECT_INT(ECHILD, errno);
}

static int add_exec(struct rf_chain *c, const char *path, const char *command)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char *)(uintptr_t)command, NULL };

	return rf_prep_exec(c, path, argv, no_env);
}

static void exits(struct linger *l, int status)
{
	struct rf_completion d = until(l, RF_DONE_EXIT);

	EXPECT_TRUE(WIFEXITED(d.status));
	EXPECT_INT(status, WEXITSTATUS(d.status));
}

/* Both kinds of memory that a context can have. */
static const unsigned int memories[] = { 0, RF_SUBMIT_OWN_MEMORY };

TEST_ENGINES(a_context_gets_its_command_later)
{
	for (size_t i = 0; i < ARRAY_SIZE(memories); i++) {
		struct linger l = { .c = chain() };
		int last;

		park(&l, memories[i]);
		rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
		last = add_exec(l.c, "/bin/sh", "exit 7");
		more(&l);
		EXPECT_INT(last, until(&l, RF_DONE_STARTED).index);
		exits(&l, 7);
		done(&l);
	}
}

TEST_ENGINES(a_gate_follows_a_gate)
{
	for (size_t i = 0; i < ARRAY_SIZE(memories); i++) {
		struct linger l = { .c = chain() };
		int result;

		park(&l, memories[i]);
		for (int n = 0; n < 40; n++) {
			int umask_op = rf_prep_umask(l.c, (unsigned int)n);
			int gate = rf_prep_gate(l.c);

			more(&l);
			parks_at(&l, gate, 0);
			EXPECT_INT(1, rf_context_op(l.ctx, umask_op, &result));
			EXPECT_TRUE(result >= 0);
		}
		rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
		add_exec(l.c, "/bin/sh", "test $(umask) = 0047");
		more(&l);
		exits(&l, 0);
		done(&l);
	}
}

/* What is sent is there once, however often the op behind it is tried. */
TEST_ENGINES(another_try_repeats_nothing_that_has_completed)
{
	sandboxed_need_calls();
	for (size_t i = 0; i < ARRAY_SIZE(memories); i++) {
		struct linger l = { .c = chain() };
		char path[300], text[16];
		int fds[2], given, slot, open_op;

		(void)snprintf(path, sizeof(path), "%s/file%zu", harness_dir(), i);
		EXPECT_INT(0, pipe2(fds, O_CLOEXEC));
		given = rf_chain_give(l.c, fds[1]);
		park(&l, memories[i]);
		rf_prep_write(l.c, given, NULL, "once", 4);
		open_op = rf_prep_open(l.c, RF_SLOT_NONE, path, O_RDONLY | O_CLOEXEC, 0, 0, &slot);
		rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
		rf_prep_dup(l.c, slot, 0);
		add_exec(l.c, "/bin/sh", "read -r x; test $x = late");
		for (int tries = 0; tries < 3; tries++) {
			more(&l);
			parks_at(&l, open_op, -ENOENT);
		}
		EXPECT_INT(-EINVAL, rf_context_open(l.ctx));
		harness_file(strrchr(path, '/'), "late\n");
		more(&l);
		exits(&l, 0);
		EXPECT_INT(4, read(fds[0], text, sizeof(text)));
		done(&l);
		(void)close(fds[0]);
		(void)close(fds[1]);
	}
}

TEST_ENGINES(every_op_completes_once_each_time_it_is_submitted)
{
	struct linger l = { .c = chain() };
	const int want[] = { 0, -ENOENT, -ECANCELED };
	struct rf_completion d;
	int first, slot;

	sandboxed_need_calls();
	park(&l, RF_SUBMIT_OPS);
	first = rf_prep_umask(l.c, 0);
	rf_prep_open(l.c, RF_SLOT_NONE, "/no/such", O_RDONLY, 0, 0, &slot);
	rf_prep_exit(l.c, 3);
	for (int from = 0; from < 2; from++) {
		more(&l);
		if (from == 0) {
			d = next(&l);	/* the gate itself */
			EXPECT_INT(RF_DONE_OP, d.kind);
			EXPECT_INT(first - 1, d.index);
		}
		for (int i = from; i < 3; i++) {
			d = next(&l);
			EXPECT_INT(RF_DONE_OP, d.kind);
			EXPECT_INT(first + i, d.index);
			if (i)
				EXPECT_INT(want[i], d.result);
		}
		EXPECT_INT(RF_DONE_PARKED, next(&l).kind);
	}
	EXPECT_INT(0, rf_chain_cut(l.c, first + 1));
	rf_prep_exit(l.c, 3);
	more(&l);
	EXPECT_INT(first + 1, next(&l).index);
	exits(&l, 3);
	done(&l);
}

/* Which interpreter there is, the caller finds out by trying. */
TEST_ENGINES(an_exec_that_fails_can_be_another)
{
	for (size_t i = 0; i < ARRAY_SIZE(memories); i++) {
		struct linger l = { .c = chain() };
		int exec_op;

		park(&l, memories[i]);
		rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
		exec_op = add_exec(l.c, "/no/such/sh", "exit 1");
		more(&l);
		parks_at(&l, exec_op, -ENOENT);
		EXPECT_INT(0, rf_chain_cut(l.c, exec_op));
		add_exec(l.c, "/etc/passwd", "exit 2");
		more(&l);
		parks_at(&l, exec_op, -EACCES);
		EXPECT_INT(0, rf_chain_cut(l.c, exec_op));
		add_exec(l.c, "/bin/sh", "exit 5");
		more(&l);
		exits(&l, 5);
		done(&l);
	}
}

TEST_ENGINES(descriptors_are_given_later_too)
{
	for (size_t i = 0; i < ARRAY_SIZE(memories); i++) {
		struct linger l = { .c = chain() };
		char text[16] = "";
		int early[2], late[2], before = harness_count_fds();

		EXPECT_INT(0, pipe2(early, O_CLOEXEC));
		(void)rf_chain_give(l.c, early[1]);
		park(&l, memories[i]);
		EXPECT_INT(0, pipe2(late, O_CLOEXEC));
		rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
		rf_prep_dup(l.c, rf_chain_give(l.c, late[1]), 1);
		/* a number that the context itself may be using; few, for what a user has
		   under way counts against the limit of all his processes */
		for (int fd = 3; fd < 10; fd++)
			rf_prep_dup(l.c, rf_chain_give(l.c, late[1]), fd);
		add_exec(l.c, "/bin/sh", "echo late >/proc/self/fd/9");
		more(&l);
		exits(&l, 0);
		(void)close(late[1]);
		EXPECT_INT(5, read(late[0], text, sizeof(text)));
		EXPECT_STR("late\n", text);
		EXPECT_INT(0, read(late[0], text, sizeof(text)));
		(void)close(late[0]);
		(void)close(early[0]);
		(void)close(early[1]);
		done(&l);
		EXPECT_INT(before, harness_count_fds());
	}
}

/* A slot that stayed empty would leave out the ops that use it. */
TEST_ENGINES(descriptors_that_do_not_arrive_are_given_again)
{
	for (size_t i = 0; i < ARRAY_SIZE(memories); i++) {
		struct linger l = { .c = chain() };
		struct rlimit limit, low;
		struct rf_completion d;
		char text[16] = "";
		int fds[2], gate;

		EXPECT_INT(0, pipe2(fds, O_CLOEXEC));
		EXPECT_INT(0, getrlimit(RLIMIT_NOFILE, &limit));
		low = (struct rlimit){ .rlim_cur = 3, .rlim_max = limit.rlim_max };
		gate = park(&l, memories[i]);
		rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
		rf_prep_dup(l.c, rf_chain_give(l.c, fds[1]), 1);
		add_exec(l.c, "/bin/sh", "echo late");
		EXPECT_INT(0, prlimit(l.ctx->context.pid, RLIMIT_NOFILE, &low, NULL));
		for (int tries = 0; tries < 2; tries++) {
			more(&l);
			d = next(&l);
			EXPECT_INT(RF_DONE_PARKED, d.kind);
			EXPECT_INT(gate, d.index);
			EXPECT_INT(-EMFILE, d.result);
			EXPECT_INT(-EINVAL, rf_context_open(l.ctx));
		}
		EXPECT_INT(0, prlimit(l.ctx->context.pid, RLIMIT_NOFILE, &limit, NULL));
		more(&l);
		EXPECT_INT(RF_DONE_STARTED, next(&l).kind);
		exits(&l, 0);
		EXPECT_INT(5, read(fds[0], text, sizeof(text)));
		EXPECT_STR("late\n", text);
		(void)close(fds[0]);
		(void)close(fds[1]);
		done(&l);
	}
}

TEST_ENGINES(pid_1_can_come_later)
{
	struct linger l = { .c = chain() };
	int slot;

	SKIP_UNLESS(harness_is_root(), "root", "a pid namespace without one of users");
	park(&l, RF_SUBMIT_OWN_MEMORY);
	rf_prep_clone(l.c, RF_CLONE_INIT, CLONE_NEWPID);
	slot = l.c->ops[l.c->nr_ops - 1].out = rf_chain_slot(l.c);
	rf_prep_setns(l.c, slot, CLONE_NEWPID);
	rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
	add_exec(l.c, "/bin/sh", "test $$ = 2");
	more(&l);
	exits(&l, 0);
	done(&l);
}

/* While pid 1 is on its way, what it reads must not move. */
TEST_ENGINES(pid_1_can_come_before_the_gate)
{
	SKIP_UNLESS(harness_is_root(), "root", "a pid namespace without one of users");
	for (int i = 0; i < 20; i++) {
		struct linger l = { .c = chain() };
		int slot, memfd;

		rf_prep_clone(l.c, RF_CLONE_INIT, CLONE_NEWPID);
		slot = l.c->ops[l.c->nr_ops - 1].out = rf_chain_slot(l.c);
		l.c->ops[l.c->nr_ops - 1].u.clone.unshare = CLONE_NEWNET;
		park(&l, RF_SUBMIT_OWN_MEMORY);
		for (int n = 0; n < 100; n++) {
			rf_prep_memfd(l.c, "some", "text", 4, &memfd);
			rf_prep_close(l.c, memfd);
		}
		rf_prep_setns(l.c, slot, CLONE_NEWPID | CLONE_NEWNET);
		rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
		add_exec(l.c, "/bin/sh", "test $$ = 2 && test $(wc -l </proc/net/dev) = 3");
		more(&l);
		exits(&l, 0);
		done(&l);
	}
}

TEST_ENGINES(a_context_that_waits_after_a_failure_can_be_killed)
{
	sandboxed_need_calls();
	for (size_t i = 0; i < ARRAY_SIZE(memories); i++)
		for (int in_payload = 0; in_payload < 2; in_payload++) {
			struct linger l = { .c = chain() };
			struct rf_completion d;
			int slot, failed;

			park(&l, memories[i]);
			if (in_payload)
				rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
			failed = rf_prep_open(l.c, RF_SLOT_NONE, "/no/such", O_RDONLY, 0, 0, &slot);
			rf_prep_exit(l.c, 3);
			more(&l);
			until(&l, RF_DONE_PARKED);
			EXPECT_INT(0, rf_context_kill(l.ctx));
			d = until(&l, RF_DONE_FAILED);
			EXPECT_INT(failed, d.index);
			EXPECT_INT(-ENOENT, d.result);
			done(&l);
		}
}

/* Its report socket ends with the submitter. */
TEST_ENGINES(a_context_ends_with_its_submitter)
{
	EXPECT_INT(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	for (size_t i = 0; i < ARRAY_SIZE(memories); i++)
		for (int failed = 0; failed < 2; failed++) {
			pid_t pid = fork();
			int status;

			if (pid == 0) {
				struct linger l = { .c = chain() };
				int slot;

				park(&l, memories[i]);
				if (failed) {
					rf_prep_open(l.c, RF_SLOT_NONE, "/no/such", O_RDONLY, 0, 0, &slot);
					rf_prep_exit(l.c, 3);
					more(&l);
					until(&l, RF_DONE_PARKED);
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
	struct linger l = { .c = chain() };
	struct rf_chain *other = chain();
	int slot, gate, self = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	char *big = calloc(1, 2U << 20);

	assert_non_null(big);
	memset(big, 'x', (2U << 20) - 1);
	gate = park(&l, 0);
	refused(&l, l.c, -EINVAL, "no op behind");
	rf_prep_umask(l.c, 0);
	refused(&l, l.c, -EINVAL, "ends in exec, exit or gate");
	rf_prep_umask(other, 0);
	rf_prep_exit(other, 0);
	refused(&l, other, -EINVAL, "not the chain");
	rf_prep_memfd(l.c, "big", big, (2U << 20) - 1, &slot);
	rf_prep_exit(l.c, 0);
	refused(&l, l.c, -E2BIG, "no room");
	EXPECT_INT(0, rf_chain_cut(l.c, gate + 1));
	EXPECT_INT(-EINVAL, rf_chain_cut(l.c, gate + 2));
	l.c->data_len = 64;	/* as if it had never been so long */
	rf_prep_exit(l.c, 6);
	more(&l);
	refused(&l, l.c, -EINVAL, "not parked");
	exits(&l, 6);
	done(&l);
	rf_chain_free(other);

	l = (struct linger){ .c = chain() };
	park(&l, 0);
	rf_prep_setns(l.c, rf_chain_give(l.c, self), CLONE_NEWUTS);
	rf_prep_clone(l.c, RF_CLONE_PAYLOAD, 0);
	rf_prep_exit(l.c, 0);
	refused(&l, l.c, -EINVAL, "RF_SUBMIT_OWN_MEMORY");
	/* nothing of it is left when it is cut */
	EXPECT_INT(0, rf_chain_cut(l.c, gate + 1));
	rf_prep_exit(l.c, 0);
	(void)close(self);
	refused(&l, l.c, -EBADF, "giving descriptor");
	EXPECT_INT(0, dup2(0, self) < 0);
	more(&l);
	exits(&l, 0);
	done(&l);

	l = (struct linger){ .c = chain() };
	gate = park(&l, RF_SUBMIT_OWN_MEMORY);
	add_exec(l.c, "/bin/sh", "exit 0");
	refused(&l, l.c, -EINVAL, "payload task");
	EXPECT_INT(0, rf_chain_cut(l.c, gate + 1));
	rf_prep_exit(l.c, 0);
	more(&l);
	exits(&l, 0);
	done(&l);

	/* at once it is refused too */
	l = (struct linger){ .c = chain() };
	add_exec(l.c, "/bin/sh", "exit 0");
	EXPECT_INT(0, rf_ring_new(RF_ENGINE_PLAIN, &l.ring, NULL));
	EXPECT_INT(-EINVAL, rf_submit(l.ring, l.c, RF_SUBMIT_OWN_MEMORY, 0, &l.ctx, NULL));
	done(&l);
	(void)close(self);
	free(big);
}

TEST_ENGINES(a_gate_in_the_middle_is_only_opened)
{
	struct linger l = { .c = chain() };

	rf_prep_gate(l.c);
	rf_prep_exit(l.c, 4);
	l.ring = sandboxed_ring();
	l.ctx = sandboxed_submit(l.ring, l.c, 0);
	until(&l, RF_DONE_PARKED);
	refused(&l, l.c, -EINVAL, "did not end in a gate");
	EXPECT_INT(0, rf_context_open(l.ctx));
	exits(&l, 4);
	done(&l);
}
