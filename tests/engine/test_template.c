/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies of a parked context: rf_context_clone(). */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lingering.h"
#include "ops.h"
#include "sandboxed.h"

/* Each kind of memory, by each kind of clone. */
#define KINDS 4

/* A template that is parked at the gate behind what @l->c has. */
static int park(struct linger *l, int kind)
{
	int gate = rf_prep_gate(l->c);

	l->ring = sandboxed_ring();
	l->ring->no_clone3 = kind >= LINGER_MEMORIES;
	l->ctx = sandboxed_submit(l->ring, l->c, linger_memories[kind % LINGER_MEMORIES]);
	linger_parks_at(l, gate, 0);
	return gate;
}

/* A copy, which need not be there yet. */
static struct linger copy_begins(const struct linger *l)
{
	static uint64_t last_id;
	struct linger copy = { .ring = l->ring, .c = rf_chain_copy(l->c), .id = ++last_id };
	struct rf_err err = RF_ERR_INIT;

	assert_non_null(copy.c);
	if (rf_context_clone(l->ctx, copy.id, &copy.ctx, &err) < 0)
		fail_msg("%s: %s", err.msg, strerror(err.code));
	return copy;
}

static struct linger copy_of(const struct linger *l)
{
	struct linger copy = copy_begins(l);

	linger_parks_at(&copy, l->ctx->parked_op, 0);
	return copy;
}

static void refused(const struct linger *l, int want, const char *why)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_context *copy = NULL;

	EXPECT_INT(want, rf_context_clone(l->ctx, 1, &copy, &err));
	EXPECT_NULL(copy);
	if (!strstr(err.msg, why))
		fail_msg("'%s' has no '%s'", err.msg, why);
}

/* Its chain is done with: the ring has its own. */
static void let_go(struct linger *copy)
{
	copy->c = rf_chain_free(copy->c);
}

static void runs(struct linger *l, const char *command)
{
	rf_prep_clone(l->c, RF_CLONE_PAYLOAD, 0);
	linger_add_exec(l->c, "/bin/sh", command);
	linger_more(l);
}

static void killed(struct linger *l)
{
	EXPECT_INT(0, rf_context_kill(l->ctx));
	linger_until(l, RF_DONE_FAILED);
}

TEST_ENGINES(a_copy_has_a_command_of_its_own)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct linger l = { .c = linger_chain() }, copy;
		int before = harness_count_fds();

		rf_prep_close_range(l.c);
		rf_prep_umask(l.c, 031);
		park(&l, kind);
		copy = copy_of(&l);
		runs(&copy, "test $(umask) = 0031 && exit 7");
		linger_exits(&copy, 7);
		let_go(&copy);
		runs(&l, "exit 5");
		linger_exits(&l, 5);
		linger_done(&l);
		EXPECT_INT(before, harness_count_fds());
	}
}

TEST_ENGINES(a_hundred_copies_come_from_one_template)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct linger l = { .c = linger_chain() }, copies[100];
		int before = harness_count_fds();

		rf_prep_close_range(l.c);
		park(&l, kind);
		for (size_t i = 0; i < ARRAY_SIZE(copies); i++)
			copies[i] = copy_begins(&l);
		for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
			linger_parks_at(&copies[i], l.ctx->parked_op, 0);
			rf_prep_exit(copies[i].c, (int)i);
			linger_more(&copies[i]);
			let_go(&copies[i]);
		}
		for (size_t i = 0; i < ARRAY_SIZE(copies); i++)
			linger_exits(&copies[i], (int)i);
		linger_done(&l);
		EXPECT_INT(before, harness_count_fds());
	}
}

/* Each has what the one before has done, and does more; those before are gone. */
TEST_ENGINES(a_copy_can_be_copied)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct linger l = { .c = linger_chain() };

		rf_prep_close_range(l.c);
		park(&l, kind);
		for (unsigned int i = 0; i < 20; i++) {
			struct linger copy = copy_of(&l);

			killed(&l);
			rf_chain_free(l.c);
			l = copy;
			rf_prep_umask(l.c, i);
			rf_prep_gate(l.c);
			linger_more(&l);
			linger_parks_at(&l, rf_chain_nr(l.c) - 1, 0);
		}
		runs(&l, "test $(umask) = 0023");
		linger_exits(&l, 0);
		linger_done(&l);
	}
}

TEST_ENGINES(only_what_a_copy_has_run_completes)
{
	for (size_t i = 0; i < LINGER_MEMORIES; i++) {
		struct linger l = { .c = linger_chain() }, copy;
		struct rf_completion d;
		int gate, result;

		rf_prep_umask(l.c, 0);
		gate = linger_park(&l, linger_memories[i] | RF_SUBMIT_OPS);
		copy = copy_of(&l);
		EXPECT_INT(1, rf_context_op(copy.ctx, 1, &result));
		rf_prep_umask(copy.c, 0);
		rf_prep_exit(copy.c, 3);
		linger_more(&copy);
		for (int op = gate; op < rf_chain_nr(copy.c); op++) {
			d = linger_next(&copy);
			EXPECT_INT(RF_DONE_OP, d.kind);
			EXPECT_INT(op, d.index);
			EXPECT_INT(0, d.result);
		}
		linger_exits(&copy, 3);
		let_go(&copy);
		linger_done(&l);
	}
}

TEST_ENGINES(neither_needs_the_other)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct linger l = { .c = linger_chain() }, first, second, third;

		rf_prep_close_range(l.c);
		park(&l, kind);
		first = copy_begins(&l);
		EXPECT_INT(0, rf_context_kill(first.ctx));	/* where it is just then */
		linger_until(&first, RF_DONE_FAILED);
		first = copy_of(&l);
		second = copy_of(&l);
		third = copy_of(&first);
		killed(&first);
		killed(&l);
		runs(&second, "exit 4");
		linger_exits(&second, 4);
		runs(&third, "exec sleep 1000");
		linger_until(&third, RF_DONE_STARTED);
		EXPECT_INT(0, rf_context_kill(third.ctx));
		EXPECT_TRUE(WIFSIGNALED(linger_until(&third, RF_DONE_EXIT).status));
		let_go(&first);
		let_go(&second);
		let_go(&third);
		linger_done(&l);
	}
}

/* Where an op has failed the copy is parked too, and may try another. */
TEST_ENGINES(a_context_that_waits_after_a_failure_can_be_copied)
{
	sandboxed_need_calls();
	for (int kind = 0; kind < KINDS; kind++) {
		struct linger l = { .c = linger_chain() }, copy;
		int slot, failed;

		park(&l, kind);
		failed = rf_prep_open(l.c, RF_SLOT_NONE, "/no/such", O_RDONLY | O_DIRECTORY, 0, 0,
				      &slot);
		rf_prep_exit(l.c, 1);
		linger_more(&l);
		linger_parks_at(&l, failed, -ENOENT);
		copy = copy_begins(&l);
		linger_parks_at(&copy, failed, -ENOENT);
		EXPECT_INT(-EINVAL, rf_context_open(copy.ctx));
		linger_more(&copy);
		linger_parks_at(&copy, failed, -ENOENT);
		EXPECT_INT(0, rf_chain_cut(copy.c, failed));
		rf_prep_exit(copy.c, 6);
		linger_more(&copy);
		linger_exits(&copy, 6);
		let_go(&copy);
		linger_done(&l);
	}
}

/* What it is to run may be in its area already: then that, and not the template's, is read. */
TEST_ENGINES(a_gate_in_the_middle_of_a_copy_opens)
{
	for (int kind = 0; kind < KINDS; kind += LINGER_MEMORIES) {
		struct linger l = { .c = linger_chain() }, copy;
		int gate;

		park(&l, kind);
		gate = rf_prep_gate(l.c);
		linger_add_exec(l.c, "/bin/sh", "exit 9");
		linger_more(&l);
		linger_parks_at(&l, gate, 0);
		copy = copy_of(&l);
		killed(&l);
		/* its memory is somebody else's now */
		rf_chain_free(l.c);
		l.c = linger_chain();
		linger_park(&(struct linger){ .c = l.c }, 0);
		EXPECT_INT(0, rf_context_open(copy.ctx));
		linger_exits(&copy, 9);
		let_go(&copy);
		l.ring = rf_ring_free(l.ring);
		l.c = rf_chain_free(l.c);
	}
}

/* ------------------------------------------------------------- descriptors */

TEST_ENGINES(slots_are_filled_in_a_copy_too)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct linger l = { .c = linger_chain() }, copy;
		char text[8];
		int fds[2], early, late[2];

		EXPECT_INT(0, pipe2(fds, O_CLOEXEC));
		EXPECT_INT(0, pipe2(late, O_CLOEXEC));
		early = rf_chain_give(l.c, fds[1]);
		rf_prep_close_range(l.c);
		park(&l, kind);
		copy = copy_of(&l);
		rf_prep_clone(copy.c, RF_CLONE_PAYLOAD, 0);
		rf_prep_dup(copy.c, early, 1);
		rf_prep_dup(copy.c, rf_chain_give(copy.c, late[1]), 4);
		linger_add_exec(copy.c, "/bin/sh", "echo one; echo two >&4");
		linger_more(&copy);
		linger_exits(&copy, 0);
		EXPECT_INT(4, read(fds[0], text, sizeof(text)));
		EXPECT_INT(4, read(late[0], text, sizeof(text)));
		let_go(&copy);
		linger_done(&l);
		(void)close(fds[0]);
		(void)close(fds[1]);
		(void)close(late[0]);
		(void)close(late[1]);
	}
}

/* The other end sees end of file while template and copies are parked. */
TEST_ENGINES(a_copy_keeps_nothing_that_it_was_not_given)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct linger l = { .c = linger_chain() }, copy, second;
		int before[2], after[2], given[2];
		char c;

		EXPECT_INT(0, pipe2(before, O_CLOEXEC));
		rf_prep_close_range(l.c);
		park(&l, kind);
		EXPECT_INT(0, pipe2(after, O_CLOEXEC));
		copy = copy_of(&l);
		EXPECT_INT(0, pipe2(given, O_CLOEXEC));
		/* it has this one, and a copy that is made now has it not */
		rf_prep_umask(copy.c, 0);
		(void)rf_chain_give(copy.c, given[1]);
		rf_prep_gate(copy.c);
		linger_more(&copy);
		linger_until(&copy, RF_DONE_PARKED);
		second = copy_of(&l);
		(void)close(before[1]);
		(void)close(after[1]);
		(void)close(given[1]);
		EXPECT_INT(0, read(before[0], &c, 1));
		EXPECT_INT(0, read(after[0], &c, 1));
		EXPECT_INT(0, fcntl(given[0], F_SETFL, O_NONBLOCK));
		EXPECT_INT(-1, read(given[0], &c, 1));
		killed(&copy);
		EXPECT_INT(0, read(given[0], &c, 1));
		(void)close(before[0]);
		(void)close(after[0]);
		(void)close(given[0]);
		let_go(&copy);
		let_go(&second);
		linger_done(&l);
	}
}

/* The number of its report socket is one that it may not have again. */
TEST_ENGINES(a_low_limit_of_descriptors_does_not_matter)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct linger l = { .c = linger_chain() }, copy;
		struct rlimit limit, low;

		rf_prep_close_range(l.c);
		park(&l, kind);
		EXPECT_INT(0, getrlimit(RLIMIT_NOFILE, &limit));
		low = (struct rlimit){ .rlim_max = limit.rlim_max };
		low.rlim_cur = (rlim_t)l.ctx->area->report_fd;
		EXPECT_INT(0, prlimit(l.ctx->context.pid, RLIMIT_NOFILE, &low, NULL));
		copy = copy_of(&l);
		assert_int_not_equal(l.ctx->area->report_fd, copy.ctx->area->report_fd);
		runs(&copy, "exit 8");
		linger_exits(&copy, 8);
		let_go(&copy);
		linger_done(&l);
	}
}

/* --------------------------------------------------------- what goes wrong */

TEST_ENGINES(a_clone_that_fails_leaves_the_template_as_it_was)
{
	struct rlimit limit, low;

	sandboxed_become_user();
	for (int kind = 0; kind < KINDS; kind++) {
		const struct { int resource; rlim_t soft; int error; } cases[] = {
			{ RLIMIT_NPROC, 0, -EAGAIN }, { RLIMIT_NOFILE, 3, -EMFILE },
		};
		struct linger l = { .c = linger_chain() }, copy;
		int before = harness_count_fds();

		rf_prep_close_range(l.c);
		park(&l, kind);
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			EXPECT_INT(0, getrlimit((__rlimit_resource_t)cases[i].resource, &limit));
			low = (struct rlimit){ cases[i].soft, limit.rlim_max };
			EXPECT_INT(0, prlimit(l.ctx->context.pid,
					      (__rlimit_resource_t)cases[i].resource, &low, NULL));
			for (int tries = 0; tries < 3; tries++)
				refused(&l, cases[i].error, "clone of the context");
			EXPECT_INT(0, prlimit(l.ctx->context.pid,
					      (__rlimit_resource_t)cases[i].resource, &limit, NULL));
		}
		copy = copy_of(&l);
		runs(&copy, "exit 3");
		linger_exits(&copy, 3);
		let_go(&copy);
		linger_done(&l);
		EXPECT_INT(before, harness_count_fds());
	}
}

/* Whichever descriptor is one too many for the submitter: the copy, if there was one, is gone. */
TEST_ENGINES(a_submitter_that_is_out_of_descriptors_has_no_copy_and_may_try_again)
{
	struct rlimit limit;

	EXPECT_INT(0, getrlimit(RLIMIT_NOFILE, &limit));
	for (int kind = 0; kind < KINDS; kind++) {
		struct linger l = { .c = linger_chain() };
		struct rf_err err = RF_ERR_INIT;
		struct rf_context *ctx;
		int r = -1;

		rf_prep_close_range(l.c);
		park(&l, kind);
		for (rlim_t room = 0; r < 0; room++) {
			const struct rlimit low = { (rlim_t)dup(0) + room, limit.rlim_max };
			int before;

			(void)close((int)(low.rlim_cur - room));
			before = harness_count_fds();
			EXPECT_INT(0, setrlimit(RLIMIT_NOFILE, &low));
			r = rf_context_clone(l.ctx, 1, &ctx, &err);
			EXPECT_INT(0, setrlimit(RLIMIT_NOFILE, &limit));
			if (r == 0)
				break;
			EXPECT_INT(-EMFILE, r);
			EXPECT_INT(before, harness_count_fds());
			assert_in_range(room, 0, 8);
		}
		runs(&l, "exit 3");
		linger_exits(&l, 3);
		linger_done(&l);
	}
}

/* Ends @pid after @spins turns of a loop. */
static pid_t killer(pid_t pid, unsigned int spins)
{
	pid_t child = fork();

	if (child == 0) {
		for (volatile unsigned int i = 0; i < spins; i++)
			;
		(void)kill(pid, SIGKILL);
		_exit(0);
	}
	return child;
}

/* At any moment: there is a copy, of which the caller knows, or there is none. */
TEST_ENGINES(a_template_that_is_killed_while_it_is_copied_leaves_nothing)
{
	int before = harness_count_fds();

	for (int kind = 0; kind < KINDS; kind++)
		for (unsigned int i = 0; i < 60; i++) {
			struct linger l = { .c = linger_chain() };
			struct rf_err err = RF_ERR_INIT;
			struct rf_context *copy;
			pid_t pid;
			int r;

			rf_prep_close_range(l.c);
			park(&l, kind);
			pid = killer(l.ctx->context.pid, i * 2000);
			do
				r = rf_context_clone(l.ctx, 1, &copy, &err);
			while (r == 0);
			EXPECT_INT(-ESRCH, r);
			EXPECT_INT(pid, waitpid(pid, NULL, 0));
			linger_done(&l);
		}
	EXPECT_INT(before, harness_count_fds());
}

/* Parked or as a command: its report socket, or the signal that it asked for. */
TEST_ENGINES(a_copy_ends_with_its_submitter)
{
	EXPECT_INT(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	for (int kind = 0; kind < KINDS; kind++)
		for (int exec = 0; exec < 2; exec++) {
			pid_t pid = fork();
			int status, nr = 0;

			if (pid == 0) {
				struct linger l = { .c = linger_chain() }, copy;

				rf_prep_close_range(l.c);
				rf_prep_pdeathsig(l.c, SIGKILL);
				park(&l, kind);
				copy = copy_of(&l);
				/* an image of its own has exec'd once */
				if (exec && kind % LINGER_MEMORIES == 0) {
					linger_add_exec(copy.c, "/bin/sh", "exec sleep 1000");
					linger_more(&copy);
					linger_until(&copy, RF_DONE_STARTED);
				}
				(void)kill(getpid(), SIGKILL);
			}
			EXPECT_INT(pid, waitpid(pid, &status, 0));
			EXPECT_TRUE(WIFSIGNALED(status));
			/* template and copy are ours now, and end by themselves */
			while (waitpid(-1, &status, __WALL) > 0)
				nr++;
			EXPECT_INT(ECHILD, errno);
			EXPECT_INT(2, nr);
		}
	EXPECT_INT(0, prctl(PR_SET_CHILD_SUBREAPER, 0));
}

/* ---------------------------------------------------------------- refusals */

TEST_ENGINES(what_is_not_parked_or_does_not_linger_is_refused)
{
	struct linger l = { .c = linger_chain() };

	linger_park(&l, 0);
	rf_prep_exit(l.c, 0);
	linger_more(&l);
	refused(&l, -EINVAL, "not parked");
	linger_exits(&l, 0);
	linger_done(&l);

	l = (struct linger){ .c = linger_chain() };
	rf_prep_gate(l.c);
	rf_prep_exit(l.c, 4);
	l.ring = sandboxed_ring();
	l.ctx = sandboxed_submit(l.ring, l.c, 0);
	linger_until(&l, RF_DONE_PARKED);
	refused(&l, -EINVAL, "did not end in a gate");
	EXPECT_INT(0, rf_context_open(l.ctx));
	linger_exits(&l, 4);
	linger_done(&l);
}

/* That has the file of the area, and would have the template's. */
TEST_ENGINES(a_context_that_is_to_make_a_task_apart_is_refused)
{
	struct linger l = { .c = linger_chain() };

	rf_prep_gate(l.c);
	rf_prep_clone(l.c, RF_CLONE_APART, 0);
	l.c->own_image = true;
	rf_prep_gate(l.c);
	l.ring = sandboxed_ring();
	l.ctx = sandboxed_submit(l.ring, l.c, 0);
	linger_until(&l, RF_DONE_PARKED);
	refused(&l, -EINVAL, "a task apart");
	linger_done(&l);
}

TEST_ENGINES(a_context_that_is_missing_descriptors_is_not_copied)
{
	struct linger l = { .c = linger_chain() };
	struct rlimit limit, low;

	rf_prep_close_range(l.c);
	linger_park(&l, 0);
	EXPECT_INT(0, getrlimit(RLIMIT_NOFILE, &limit));
	low = (struct rlimit){ .rlim_cur = 3, .rlim_max = limit.rlim_max };
	rf_prep_dup(l.c, rf_chain_give(l.c, 0), 5);
	rf_prep_exit(l.c, 0);
	EXPECT_INT(0, prlimit(l.ctx->context.pid, RLIMIT_NOFILE, &low, NULL));
	linger_more(&l);
	EXPECT_INT(-EMFILE, linger_until(&l, RF_DONE_PARKED).result);
	refused(&l, -EINVAL, "missing descriptors");
	linger_done(&l);
}

TEST_ENGINES(pid_1_is_not_copied)
{
	pid_t pid;
	int status;

	SKIP_UNLESS(harness_is_root(), "root", "a pid namespace without one of users");
	pid = fork();
	if (pid == 0) {
		struct linger l = { .c = linger_chain() };

		/* the next child is pid 1 there */
		EXPECT_INT(0, unshare(CLONE_NEWPID));
		linger_park(&l, 0);
		refused(&l, -EINVAL, "pid 1 of a pid namespace");
		linger_done(&l);
		_exit(0);
	}
	EXPECT_INT(pid, waitpid(pid, &status, 0));
	EXPECT_INT(0, status);
}

static void has_pid_1(struct ops *o)
{
	rf_prep_clone(o->c, RF_CLONE_INIT, CLONE_NEWPID);
}

static void has_children_elsewhere(struct ops *o)
{
	(void)o;	/* by the first op */
}

static void has_payload(struct ops *o)
{
	rf_prep_clone(o->c, RF_CLONE_PAYLOAD, 0);
}

static void has_filter(struct ops *o)
{
	const struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

	rf_prep_no_new_privs(o->c);
	rf_prep_seccomp(o->c, &all, 1, 0);
}

static void has_no_power(struct ops *o)
{
	rf_chain_add(o->c, RF_OP_CAPSET);
}

static void has_tmpfs(struct ops *o)
{
	ops_tmpfs(o);
}

static const struct {
	uint64_t	 ns;
	void		(*build)(struct ops *o);
	const char	*why;
} kept_apart[] = {
	{ 0, has_pid_1, "pid 1 of its own" },
	{ CLONE_NEWPID, has_children_elsewhere, "born into the namespace" },
	{ 0, has_payload, "payload task cannot be copied" },
	{ 0, has_filter, "its filter may refuse" },
	{ 0, has_no_power, "CAP_SYS_ADMIN" },
	{ CLONE_NEWNS, has_tmpfs, "copies would share the file system" },
};

/* What tests/unit/test_template looks at one by one, in contexts that have done it. */
TEST_ENGINES(what_cannot_be_copied_is_refused_by_name)
{
	sandboxed_need();
	for (size_t i = 0; i < ARRAY_SIZE(kept_apart); i++) {
		struct linger l = { .c = rf_chain_new() };
		struct ops o = { .c = l.c, .dir = harness_dir(), .dir_slot = -1 };

		ops_begin(&o, kept_apart[i].ns);
		kept_apart[i].build(&o);
		linger_park(&l, RF_SUBMIT_OWN_MEMORY);
		refused(&l, -EINVAL, kept_apart[i].why);
		linger_done(&l);
	}
}

/* No op says so: the kernel takes the power with the id. */
TEST_ENGINES(a_context_that_has_no_power_left_is_not_copied)
{
	sandboxed_need();
	SKIP_UNLESS(harness_is_root(), "root", "a second id");
	for (int gives_up = 0; gives_up < 2; gives_up++) {
		struct linger l = { .c = linger_chain() };
		const uint32_t id = gives_up ? 65534 : 0;
		struct rf_op *op = rf_chain_add(l.c, RF_OP_SETRESUID);

		op->u.setres.r = op->u.setres.e = op->u.setres.s = id;
		linger_park(&l, RF_SUBMIT_OWN_MEMORY);
		if (gives_up) {
			refused(&l, -EPERM, "given up CAP_SYS_ADMIN");
		} else {
			struct linger copy = copy_of(&l);

			let_go(&copy);
		}
		linger_done(&l);
	}
}

/* ----------------------------------------------------------- private things */

/* A context in namespaces of users and mounts, whose mounts are private. */
static struct ops template_begin(struct linger *l)
{
	struct ops o = { .c = l->c = rf_chain_new(), .dir = harness_dir(), .dir_slot = -1 };
	struct rf_op *op;

	ops_begin(&o, CLONE_NEWNS);
	op = ops_add(&o, RF_OP_MOUNT_SETATTR);
	op->u.mount_setattr.path = ops_str(&o, "/");
	op->u.mount_setattr.at_flags = AT_RECURSIVE;
	op->u.mount_setattr.propagation = MS_PRIVATE;
	return o;
}

static void add_mount(struct ops *o, const char *type, const char *name)
{
	struct rf_op *op = ops_add(o, RF_OP_MKFS);
	char path[300];
	int slot = op->out = rf_chain_slot(o->c);

	op->u.mkfs.type = ops_str(o, type);
	(void)snprintf(path, sizeof(path), "%s/%s", o->dir, name);
	(void)mkdir(path, 0755);
	op = ops_add(o, RF_OP_MOVE_MOUNT);
	op->u.move_mount.from = slot;
	op->u.move_mount.to_path = ops_str(o, path);
	op->u.move_mount.entry = RF_ENTRY_NONE;
}

static const char *const private_types[][2] = {
	{ "tmpfs", "tmp" }, { "tmpfs", "shm" }, { "devpts", "pts" }, { "mqueue", "mq" },
};

/* The copy's own world, with a command in it that writes to @out and reads from @in. */
static void has_all_of_its_own(struct linger *copy, int out, int in, const char *command)
{
	const uint64_t flags = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET |
			       CLONE_NEWPID;
	struct ops o = { .c = copy->c, .dir = harness_dir(), .dir_slot = -1 };
	char text[2048];

	rf_prep_unshare(o.c, flags);
	rf_prep_clone(o.c, RF_CLONE_INIT, 0);
	rf_prep_clone(o.c, RF_CLONE_PAYLOAD, 0);
	for (size_t i = 0; i < ARRAY_SIZE(private_types); i++)
		add_mount(&o, private_types[i][0], private_types[i][1]);
	add_mount(&o, "proc", "proc");
	rf_prep_dup(o.c, rf_chain_give(o.c, out), 1);
	rf_prep_dup(o.c, rf_chain_give(o.c, in), 0);
	rf_prep_sigmask(o.c, 0);
	(void)snprintf(text, sizeof(text), "cd %s; %s", o.dir, command);
	linger_add_exec(o.c, "/bin/sh", text);
	linger_more(copy);
}

/* Its namespaces, what it sees of processes, and the traces of others. */
static const char look[] =
	"for ns in mnt ipc uts net pid; do readlink proc/self/ns/$ns; done | tr '\\n' ' '; echo; "
	"echo proc/[0-9]* | wc -w; "
	"find tmp shm mq pts -name 'trace*' | wc -l; "
	": >tmp/trace; : >shm/trace; : >mq/trace; echo ready; read -r _; "
	"find tmp shm mq -name 'trace*' | wc -l; hostname; exit 0";

static void line(FILE *from, char *to, size_t size)
{
	assert_non_null(fgets(to, (int)size, from));
	to[strcspn(to, "\n")] = '\0';
}

TEST_ENGINES(two_copies_do_not_see_what_is_private_to_the_other)
{
	struct linger l = { .c = NULL }, copies[2];
	char namespaces[2][256], text[64];
	FILE *from[2];
	int to[2];

	sandboxed_need();
	template_begin(&l);
	linger_park(&l, RF_SUBMIT_OWN_MEMORY);
	for (int i = 0; i < 2; i++) {
		int out[2], in[2];

		EXPECT_INT(0, pipe2(out, O_CLOEXEC));
		EXPECT_INT(0, pipe2(in, O_CLOEXEC));
		copies[i] = copy_of(&l);
		has_all_of_its_own(&copies[i], out[1], in[0], look);
		linger_until(&copies[i], RF_DONE_STARTED);
		(void)close(out[1]);
		(void)close(in[0]);
		from[i] = fdopen(out[0], "r");
		to[i] = in[1];
		line(from[i], namespaces[i], sizeof(namespaces[i]));
		line(from[i], text, sizeof(text));
		/* pid 1, this one, and what it runs in a pipe */
		assert_in_range(atoi(text), 2, 4);
		line(from[i], text, sizeof(text));
		EXPECT_INT(0, atoi(text));
		line(from[i], text, sizeof(text));
		EXPECT_STR("ready", text);
	}
	/* each still has its own, and all its namespaces are others */
	for (int i = 0; i < 2; i++) {
		EXPECT_INT(1, write(to[i], "\n", 1));
		(void)close(to[i]);
		line(from[i], text, sizeof(text));
		EXPECT_INT(3, atoi(text));
		linger_exits(&copies[i], 0);
		(void)fclose(from[i]);
		let_go(&copies[i]);
	}
	for (char *a = strtok(namespaces[0], " "); a; a = strtok(NULL, " "))
		if (strstr(namespaces[1], a))
			fail_msg("both are in %s", a);
	linger_done(&l);
}

/* Mounts of one copy would be another's, and the template's. */
TEST_ENGINES(a_copy_has_mounts_of_its_own_first)
{
	struct linger l = { .c = NULL }, copy;
	int gate;

	sandboxed_need();
	template_begin(&l);
	gate = linger_park(&l, RF_SUBMIT_OWN_MEMORY);
	copy = copy_of(&l);
	rf_prep_clone(copy.c, RF_CLONE_PAYLOAD, 0);
	linger_add_exec(copy.c, "/bin/sh", "exit 0");
	linger_refused(&copy, copy.c, -EINVAL, "unshares the mount namespace first");
	EXPECT_INT(0, rf_chain_cut(copy.c, gate + 1));
	rf_prep_unshare(copy.c, CLONE_NEWNS);
	runs(&copy, "exit 2");
	linger_exits(&copy, 2);
	let_go(&copy);
	/* the template is where it was */
	runs(&l, "exit 3");
	linger_exits(&l, 3);
	linger_done(&l);
}

TEST_ENGINES(copies_share_what_they_are_meant_to)
{
	struct linger l = { .c = rf_chain_new() }, copies[2];
	struct ops o = { .c = l.c, .dir = harness_dir(), .dir_slot = -1 };
	char text[400];

	sandboxed_need();
	ops_begin(&o, CLONE_NEWNS);
	EXPECT_INT(0, rf_op_share(l.c, 0));
	ops_tmpfs(&o);
	EXPECT_INT(0, rf_op_share(l.c, sandboxed_find(l.c, RF_OP_MKFS, 0)));
	linger_park(&l, RF_SUBMIT_OWN_MEMORY);
	for (int i = 0; i < 2; i++) {
		copies[i] = copy_of(&l);
		(void)snprintf(text, sizeof(text), "cd %s; n=$(ls | wc -l); : >$n; exit $n",
			       o.dir);
		runs(&copies[i], text);
		linger_exits(&copies[i], i);
		let_go(&copies[i]);
	}
	linger_done(&l);
}

/* It has every capability in the user namespace of all of them, and sees every process. */
TEST_ENGINES(a_command_with_all_power_does_not_reach_template_and_copies)
{
	struct linger l = { .c = NULL }, parked, copy;
	char text[512];

	sandboxed_need();
	template_begin(&l);
	linger_park(&l, RF_SUBMIT_OWN_MEMORY);
	parked = copy_of(&l);
	copy = copy_of(&l);
	rf_prep_unshare(copy.c, CLONE_NEWNS);
	/* the first is one that it may look at: itself */
	(void)snprintf(text, sizeof(text), "exec >/dev/null 2>&1; cd /proc; "
		       "cat self/maps && readlink self/exe || exit 9; "
		       "for p in %d %d; do test -d $p || exit 8; cat $p/maps && exit 1; "
		       "readlink $p/exe && exit 2; readlink $p/ns/mnt && exit 3; "
		       "readlink $p/fd/0 && exit 4; head -c 1 $p/mem && exit 5; done; exit 0",
		       (int)l.ctx->context.pid, (int)parked.ctx->context.pid);
	runs(&copy, text);
	linger_exits(&copy, 0);
	let_go(&copy);
	let_go(&parked);
	linger_done(&l);

	/* on the submitter's memory there is no way to keep it out */
	l = (struct linger){ .c = NULL };
	template_begin(&l);
	linger_park(&l, 0);
	refused(&l, -EINVAL, "RF_SUBMIT_OWN_MEMORY");
	linger_done(&l);
}
