/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The builder: what it refuses, and what it keeps. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>

#include "chain.h"
#include "harness.h"
#include "sandbox.h"

static char *const argv[] = { (char[]){ "true" }, NULL };
static char *const envp[] = { NULL };

static struct rf_chain *begun(void)
{
	struct rf_chain *c = rf_chain_new();

	assert_non_null(c);
	EXPECT_INT(0, rf_prep_clone(c, RF_CLONE_CONTEXT, 0));
	return c;
}

/* @c is refused, with @why in the message. */
static void refused(struct rf_chain *c, int code, const char *why)
{
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(-code, rf_chain_check(c, &err));
	EXPECT_INT(code, err.code);
	if (!strstr(err.msg, why))
		fail_msg("'%s' does not say '%s'", err.msg, why);
	rf_chain_free(c);
}

TEST(a_chain_that_execs_is_accepted)
{
	struct rf_chain *c = begun();

	EXPECT_INT(1, rf_prep_exec(c, "/bin/true", argv, envp));
	EXPECT_INT(0, rf_chain_check(c, NULL));
	EXPECT_INT(2, rf_chain_nr(c));
	EXPECT_STR("exec", rf_chain_op_name(c, 1));
	EXPECT_NULL(rf_chain_op_name(c, 2));
	rf_chain_free(c);
}

TEST(an_empty_chain_is_refused)
{
	refused(rf_chain_new(), EINVAL, "empty");
}

TEST(a_chain_must_begin_with_clone)
{
	struct rf_chain *c = rf_chain_new();

	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "begins with clone");
}

TEST(a_second_context_is_refused)
{
	struct rf_chain *c = begun();

	rf_prep_clone(c, RF_CLONE_CONTEXT, 0);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "first op only");
}

TEST(a_second_payload_task_is_refused)
{
	struct rf_chain *c = begun();

	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "made once");
}

TEST(pid_1_after_the_payload_is_refused)
{
	struct rf_chain *c = begun();

	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	rf_prep_clone(c, RF_CLONE_INIT, 0);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "pid 1 is made once");
}

TEST(a_task_apart_is_handed_a_network_namespace_and_nothing_else)
{
	static const struct { uint64_t unshare; bool has_slot; } wrong[] = {
		{ CLONE_NEWNET, false }, { 0, true }, { CLONE_NEWNET | CLONE_NEWIPC, true },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct rf_chain *c = begun();
		struct rf_op *op;

		c->own_image = true;
		rf_prep_clone(c, RF_CLONE_APART, 0);
		op = &c->ops[c->nr_ops - 1];
		op->u.clone.unshare = wrong[i].unshare;
		if (wrong[i].has_slot)
			op->out = rf_chain_slot(c);
		rf_prep_exec(c, "/bin/true", argv, envp);
		refused(c, EINVAL, "hands over a network namespace");
	}
}

/* A context, and a task that makes @unshare for the payload: the slot to join it by. */
static int32_t add_maker(struct rf_chain *c, enum rf_clone_as as, uint64_t unshare)
{
	struct rf_op *op;

	c->own_image = as == RF_CLONE_APART;
	rf_prep_clone(c, as, 0);
	op = &c->ops[c->nr_ops - 1];
	op->u.clone.unshare = unshare;
	return op->out = rf_chain_slot(c);
}

TEST(a_namespace_that_was_made_for_a_task_has_to_be_joined)
{
	const enum rf_clone_as makers[] = { RF_CLONE_APART, RF_CLONE_INIT };

	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		struct rf_chain *c = begun();

		add_maker(c, makers[i], CLONE_NEWNET);
		rf_prep_exec(c, "/bin/true", argv, envp);
		refused(c, EINVAL, "is joined");
	}
}

TEST(each_namespace_that_was_made_for_a_task_has_to_be_joined)
{
	struct rf_chain *c = begun();
	int32_t slot = add_maker(c, RF_CLONE_INIT, CLONE_NEWNET | CLONE_NEWIPC);

	rf_prep_setns(c, slot, CLONE_NEWNET);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "is joined");

	c = begun();
	slot = add_maker(c, RF_CLONE_INIT, CLONE_NEWNET | CLONE_NEWIPC);
	rf_prep_setns(c, slot, CLONE_NEWNET | CLONE_NEWIPC);
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	rf_prep_exec(c, "/bin/true", argv, envp);
	EXPECT_INT(0, rf_chain_check(c, NULL));
	rf_chain_free(c);
}

/* One that may fail leaves the chain where it was. */
TEST(a_namespace_that_was_made_for_a_task_has_to_be_joined_for_certain)
{
	struct rf_chain *c = begun();
	int32_t slot = add_maker(c, RF_CLONE_INIT, CLONE_NEWNET);

	rf_prep_setns(c, slot, CLONE_NEWNET);
	rf_op_link(c, (int)c->nr_ops - 1, RF_LINK_HARD);
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "is joined");
}

TEST(a_task_apart_makes_no_network_beside_that_of_pid_1)
{
	struct rf_chain *c = begun();
	int32_t slot = add_maker(c, RF_CLONE_INIT, CLONE_NEWNET);

	add_maker(c, RF_CLONE_APART, CLONE_NEWNET);
	rf_prep_setns(c, slot, CLONE_NEWNET);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "beside that of pid 1");
}

TEST(pid_1_makes_no_namespace_that_nobody_can_join)
{
	struct rf_chain *c = begun();

	rf_prep_clone(c, RF_CLONE_INIT, 0);
	c->ops[c->nr_ops - 1].u.clone.unshare = CLONE_NEWNET;
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "nobody can join");
}

TEST(a_slot_used_before_it_is_filled_is_refused)
{
	struct rf_chain *c = begun();
	int slot = rf_chain_slot(c);

	rf_prep_dup(c, slot, 5);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "nothing has filled");
}

TEST(a_slot_that_does_not_exist_is_refused)
{
	struct rf_chain *c = begun();

	rf_prep_dup(c, 3, 5);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "no such slot");
}

TEST(a_slot_filled_twice_is_refused)
{
	struct rf_chain *c = begun();
	int slot;

	rf_prep_open(c, -1, "/", 0, 0, 0, &slot);
	rf_prep_open(c, -1, "/", 0, 0, 0, &slot);
	c->ops[2].out = c->ops[1].out;
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "second time");
}

TEST(an_op_that_makes_a_descriptor_needs_a_slot)
{
	struct rf_chain *c = begun();
	int slot;

	rf_prep_open(c, -1, "/", 0, 0, 0, &slot);
	c->ops[1].out = RF_SLOT_NONE;
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "does not exist");
}

TEST(a_phase_that_goes_back_is_refused)
{
	struct rf_chain *c = begun();

	rf_prep_no_new_privs(c);
	rf_prep_unshare(c, 0x04000000);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "later phase");
}

static const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

static void confine(struct rf_chain *c)
{
	rf_prep_landlock(c, LANDLOCK_ACCESS_FS_EXECUTE, 0, 0, NULL, 0);
	rf_prep_seccomp(c, &allow, 1, 0);
}

TEST(confinement_comes_last_with_no_new_privs)
{
	struct rf_chain *c = begun();

	rf_chain_add(c, RF_OP_CAPSET);
	rf_prep_no_new_privs(c);
	rf_chain_add(c, RF_OP_SIGMASK);
	confine(c);
	rf_prep_exec(c, "/bin/true", argv, envp);
	EXPECT_INT(0, rf_chain_check(c, NULL));
	rf_chain_free(c);

	c = begun();
	rf_prep_no_new_privs(c);
	confine(c);
	rf_chain_add(c, RF_OP_CAPSET);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "later phase");
}

TEST(without_no_new_privs_confinement_comes_before_power_is_given_up)
{
	struct rf_chain *c = begun();

	confine(c);
	rf_chain_add(c, RF_OP_CAPSET);
	rf_prep_exec(c, "/bin/true", argv, envp);
	EXPECT_INT(0, rf_chain_check(c, NULL));
	rf_chain_free(c);

	c = begun();
	rf_chain_add(c, RF_OP_CAPSET);
	confine(c);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "without no_new_privs");
}

TEST(landlock_after_the_filter_is_refused)
{
	struct rf_chain *c = begun();

	rf_prep_no_new_privs(c);
	rf_prep_seccomp(c, &allow, 1, 0);
	confine(c);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "after the filter");
}

TEST(descriptors_are_limited_after_the_last_op_that_opens_one)
{
	struct rf_chain *c = begun();

	rf_prep_no_new_privs(c);
	rf_prep_landlock(c, LANDLOCK_ACCESS_FS_EXECUTE, 0, 0, NULL, 0);
	rf_prep_rlimit(c, RLIMIT_NOFILE, 3, 3);
	rf_prep_seccomp(c, &allow, 1, 0);
	rf_prep_exec(c, "/bin/true", argv, envp);
	EXPECT_INT(0, rf_chain_check(c, NULL));
	rf_chain_free(c);

	c = begun();
	rf_prep_no_new_privs(c);
	rf_prep_seccomp(c, &allow, 1, 0);
	rf_prep_rlimit(c, RLIMIT_NOFILE, 3, 3);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "later phase");
}

TEST(a_filter_without_a_program_is_refused)
{
	struct rf_chain *c = begun();

	rf_prep_no_new_privs(c);
	rf_prep_seccomp(c, NULL, 0, 0);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "no filter");

	c = begun();
	rf_prep_no_new_privs(c);
	rf_prep_seccomp(c, &allow, 1, 0);
	c->ops[2].u.seccomp.program.len = 4;
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "no filter");
}

TEST(a_rule_without_path_slot_or_port_is_refused)
{
	const struct rf_landlock_access slot = { .access = 1, .slot = 7 };
	struct rf_landlock_op_rule none = { .access = 1, .slot = RF_SLOT_NONE };
	struct rf_chain *c = begun();

	rf_prep_no_new_privs(c);
	rf_prep_landlock(c, 1, 0, 0, &slot, 1);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "no such slot");

	c = begun();
	rf_prep_no_new_privs(c);
	rf_chain_add(c, RF_OP_LANDLOCK)->u.landlock.rules = rf_chain_blob(c, &none, sizeof(none));
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "neither a path nor a port");
}

TEST(a_chain_that_never_ends_is_refused)
{
	struct rf_chain *c = begun();

	rf_prep_umask(c, 022);
	refused(c, EINVAL, "exec, exit or gate");
}

TEST(an_op_after_the_end_is_refused)
{
	struct rf_chain *c = begun();

	rf_prep_exec(c, "/bin/true", argv, envp);
	rf_prep_exit(c, 0);
	refused(c, EINVAL, "can never run");
}

TEST(a_hard_link_at_the_end_is_refused)
{
	struct rf_chain *c = begun();

	rf_op_link(c, rf_prep_exec(c, "/bin/true", argv, envp), RF_LINK_HARD);
	refused(c, EINVAL, "hard-linked to nothing");
}

TEST(a_hard_linked_exec_may_be_followed)
{
	struct rf_chain *c = begun();

	rf_op_link(c, rf_prep_exec(c, "/no/such", argv, envp), RF_LINK_HARD);
	rf_prep_exec(c, "/bin/true", argv, envp);
	EXPECT_INT(0, rf_chain_check(c, NULL));
	rf_chain_free(c);
}

TEST(joining_a_namespace_needs_a_payload_task)
{
	struct rf_chain *c = begun();

	rf_prep_setns(c, rf_chain_give(c, 0), 0);
	rf_prep_exec(c, "/bin/true", argv, envp);
	refused(c, EINVAL, "needs a payload task");
}

TEST(a_builder_error_comes_out_of_the_check)
{
	struct rf_chain *c = begun();

	EXPECT_INT(-EINVAL, rf_op_link(c, 99, RF_LINK_HARD));
	EXPECT_INT(-EINVAL, rf_prep_exec(c, "/bin/true", argv, envp));
	refused(c, EINVAL, "building");
}

TEST(a_chain_can_be_too_large)
{
	struct rf_chain *c = begun();
	static char big[1 << 20];

	for (int i = 0; i < 70; i++)
		rf_prep_write(c, -1, "/x", big, sizeof(big));
	refused(c, E2BIG, "building");
}

TEST(a_refusal_names_the_place)
{
	struct rf_chain *c = begun();
	const struct rf_place place = { .file = "a.yaml", .line = 3, .col = 7 };
	struct rf_err err = RF_ERR_INIT;

	rf_chain_set_place(c, &place);
	rf_prep_dup(c, 3, 5);
	rf_prep_exec(c, "/bin/true", argv, envp);
	EXPECT_INT(-EINVAL, rf_chain_check(c, &err));
	EXPECT_STR("a.yaml", err.file);
	EXPECT_INT(3, err.line);
	EXPECT_INT(7, err.col);
	rf_chain_free(c);
}

TEST(strings_and_vectors_are_copied)
{
	struct rf_chain *c = begun();
	char path[] = "/bin/true", word[] = "one";
	char *const words[] = { word, NULL };
	char text[256];
	int i = rf_prep_exec(c, path, words, envp);

	memset(path, 'x', sizeof(path) - 1);
	memset(word, 'x', sizeof(word) - 1);
	EXPECT_TRUE(rf_chain_print(c, i, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "/bin/true"));
	assert_non_null(strstr(text, "one"));
	EXPECT_INT(-EINVAL, rf_chain_print(c, 9, text, sizeof(text)));
	rf_chain_free(c);
}

TEST(behind_a_gate_the_order_begins_anew_until_power_is_given_up)
{
	struct rf_chain *c = begun();

	rf_chain_add(c, RF_OP_MOUNT_SETATTR);
	rf_prep_gate(c);
	rf_prep_unshare(c, CLONE_NEWNS);
	rf_chain_add(c, RF_OP_CAPSET);
	rf_prep_gate(c);
	EXPECT_INT(0, rf_chain_check(c, NULL));
	rf_prep_unshare(c, CLONE_NEWNS);
	rf_prep_gate(c);
	refused(c, EINVAL, "later phase");
}

/* Where it may exec, that is for a payload task. */
TEST(a_chain_that_joins_namespaces_may_park_without_a_payload_task)
{
	struct rf_chain *c = begun();

	rf_prep_setns(c, rf_chain_give(c, 0), CLONE_NEWNET);
	rf_prep_gate(c);
	EXPECT_INT(0, rf_chain_check(c, NULL));
	rf_prep_exit(c, 0);
	refused(c, EINVAL, "needs a payload task");
}

TEST(a_copy_of_a_chain_has_all_of_it_and_grows_alone)
{
	struct rf_chain *c = begun(), *copy;
	char a[256], b[256];
	int slot;

	(void)rf_chain_give(c, 0);
	rf_chain_keep(c, 5);
	rf_prep_open(c, RF_SLOT_NONE, "/etc/passwd", O_RDONLY, 0, 0, &slot);
	rf_prep_gate(c);
	copy = rf_chain_copy(c);
	assert_non_null(copy);
	EXPECT_INT(rf_chain_nr(c), rf_chain_nr(copy));
	for (int i = 0; i < rf_chain_nr(c); i++) {
		rf_chain_print(c, i, a, sizeof(a));
		rf_chain_print(copy, i, b, sizeof(b));
		EXPECT_STR(a, b);
	}
	for (int i = 0; i < 1000; i++) {
		(void)rf_chain_give(copy, 1);
		rf_chain_keep(copy, i);
		rf_prep_chdir(copy, RF_SLOT_NONE, "/some/where");
	}
	EXPECT_INT(1003, rf_chain_nr(copy));
	EXPECT_INT(3, rf_chain_nr(c));
	EXPECT_INT(2, c->nr_slots);
	rf_chain_free(c);
	EXPECT_INT(0, copy->error);
	rf_chain_free(copy);
}
