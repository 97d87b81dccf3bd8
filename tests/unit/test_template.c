/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may come before the gate of a template: rf_chain_check_template(). */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>

#include "chain.h"
#include "error.h"
#include "harness.h"
#include "ring.h"

static void add_pid_1(struct rf_chain *c)
{
	rf_prep_clone(c, RF_CLONE_INIT, CLONE_NEWPID);
}

static void add_payload(struct rf_chain *c)
{
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
}

static void add_pids(struct rf_chain *c)
{
	rf_prep_unshare(c, CLONE_NEWPID);
}

static void add_time(struct rf_chain *c)
{
	rf_prep_unshare(c, CLONE_NEWTIME);
}

static void add_net(struct rf_chain *c)
{
	rf_prep_unshare(c, CLONE_NEWNET);
}

static void add_ipc(struct rf_chain *c)
{
	rf_prep_unshare(c, CLONE_NEWIPC | CLONE_NEWNS);
}

static void add_mounts(struct rf_chain *c)
{
	rf_prep_unshare(c, CLONE_NEWNS | CLONE_NEWCGROUP);
}

static void join(struct rf_chain *c, uint64_t nstype)
{
	rf_prep_setns(c, rf_chain_give(c, 0), nstype);
}

static void join_pids(struct rf_chain *c)
{
	join(c, CLONE_NEWPID);
}

static void join_any(struct rf_chain *c)
{
	join(c, 0);
}

static void join_net(struct rf_chain *c)
{
	join(c, CLONE_NEWNET);
}

static void add_group(struct rf_chain *c)
{
	rf_chain_add(c, RF_OP_JOIN_CGROUP)->u.join_cgroup.dir = rf_chain_give(c, 0);
}

static void add_file(struct rf_chain *c)
{
	int slot;

	rf_prep_open(c, RF_SLOT_NONE, "/etc/passwd", O_RDONLY | O_CLOEXEC, 0, 0, &slot);
}

static void add_file_for_a_moment(struct rf_chain *c)
{
	int slot;

	rf_prep_open(c, RF_SLOT_NONE, "/etc/passwd", O_RDONLY | O_CLOEXEC, 0, 0, &slot);
	rf_prep_close(c, slot);
}

static void add_file_as_number(struct rf_chain *c)
{
	int slot;

	rf_prep_open(c, RF_SLOT_NONE, "/etc/passwd", O_RDONLY | O_CLOEXEC, 0, 0, &slot);
	rf_prep_dup(c, slot, 7);
	rf_prep_close(c, slot);
}

static void add_directory(struct rf_chain *c)
{
	int slot;

	rf_prep_open(c, RF_SLOT_NONE, "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, &slot);
	rf_prep_open(c, RF_SLOT_NONE, "/etc/passwd", O_PATH | O_CLOEXEC, 0, 0, &slot);
}

static void add_pipe(struct rf_chain *c)
{
	int ends[2];

	rf_prep_pipe(c, 0, &ends[0], &ends[1]);
}

static void add_memfd(struct rf_chain *c)
{
	int slot;

	rf_prep_memfd(c, "some", "text", 4, &slot);
}

static void add_pty(struct rf_chain *c)
{
	int ends[2];

	rf_prep_pty(c, RF_SLOT_NONE, "/dev/ptmx", 0, 0, &ends[0], &ends[1]);
}

static void add_session(struct rf_chain *c)
{
	rf_prep_setsid(c);
}

static void add_keyring(struct rf_chain *c)
{
	rf_chain_add(c, RF_OP_KEYRING);
}

static struct rf_op *add_tree(struct rf_chain *c, uint32_t flags)
{
	struct rf_op *op = rf_chain_add(c, RF_OP_OPEN_TREE);

	op->u.open_tree.flags = flags;
	op->out = rf_chain_slot(c);
	return op;
}

static void add_detached(struct rf_chain *c)
{
	add_tree(c, OPEN_TREE_CLONE);
}

static void add_place(struct rf_chain *c)
{
	add_tree(c, 0);
}

static void add_attached(struct rf_chain *c)
{
	int slot = add_tree(c, OPEN_TREE_CLONE)->out;

	rf_chain_add(c, RF_OP_MOVE_MOUNT)->u.move_mount.from = slot;
}

static void add_tmpfs(struct rf_chain *c)
{
	rf_str type = rf_chain_str(c, "tmpfs");
	struct rf_op *op = rf_chain_add(c, RF_OP_MKFS);
	int slot = op->out = rf_chain_slot(c);

	op->u.mkfs.type = type;
	rf_chain_add(c, RF_OP_MOVE_MOUNT)->u.move_mount.from = slot;
	rf_prep_close(c, slot);
}

static void add_capset(struct rf_chain *c, uint64_t set)
{
	struct rf_op *op = rf_chain_add(c, RF_OP_CAPSET);

	op->u.capset.effective = op->u.capset.permitted = set;
}

static void add_powerless(struct rf_chain *c)
{
	add_capset(c, ~(1ULL << CAP_SYS_ADMIN));
}

static void add_powerful(struct rf_chain *c)
{
	add_capset(c, 1ULL << CAP_SYS_ADMIN);
}

static void add_domain(struct rf_chain *c)
{
	rf_prep_no_new_privs(c);
	rf_prep_landlock(c, 1, 0, 0, NULL, 0);
}

static void add_net_domain(struct rf_chain *c)
{
	rf_prep_no_new_privs(c);
	rf_prep_landlock(c, 0, 1, 0, NULL, 0);
}

static void add_filter(struct rf_chain *c)
{
	const struct { uint16_t code; uint8_t jt, jf; uint32_t k; } allow = { 6, 0, 0, 0x7fff0000 };

	rf_prep_no_new_privs(c);
	rf_prep_seccomp(c, (const void *)&allow, 1, 0);
}

static void add_gate_of_others(struct rf_chain *c)
{
	int slot = rf_chain_give(c, 0);

	rf_prep_gate(c);
	c->ops[c->nr_ops - 1].u.gate.slot = slot;
}

static void add_more(struct rf_chain *c)
{
	rf_prep_pdeathsig(c, 9);
	rf_prep_chdir(c, RF_SLOT_NONE, "/");
	rf_prep_rlimit(c, 0, 1, 1);
	rf_prep_umask(c, 0);
	rf_prep_gate(c);
	rf_prep_umask(c, 0);
}

static const struct template_case {
	const char	*name;
	void		(*build)(struct rf_chain *c);
	const char	*why;		/* NULL: may be copied */
	bool		 can_share;
} cases[] = {
	{ "pid 1", add_pid_1, "clone: a copy could not have a pid 1", false },
	{ "payload", add_payload, "clone: the payload task", false },
	{ "pid namespace", add_pids, "unshare: a copy would be born into", false },
	{ "time namespace", add_time, "unshare: a copy would be born into", false },
	{ "net namespace", add_net, "unshare: copies would share the ipc, net or uts", true },
	{ "ipc namespace", add_ipc, "unshare: copies would share the ipc, net or uts", true },
	{ "mount namespace", add_mounts, NULL, false },
	{ "joined pids", join_pids, "setns: a copy would be born into", false },
	{ "joined anything", join_any, "setns: a copy would be born into", false },
	{ "joined net", join_net, NULL, false },
	{ "group", add_group, "join_cgroup: copies would share the control group", true },
	{ "file", add_file, "open: copies would share the file", true },
	{ "file, closed", add_file_for_a_moment, NULL, false },
	{ "file, under a number", add_file_as_number, "open: copies would share", true },
	{ "directory", add_directory, NULL, false },
	{ "pipe", add_pipe, "pipe: copies would share the pipe", true },
	{ "memfd", add_memfd, "memfd: copies would share the file", true },
	{ "pty", add_pty, "pty: copies would share the terminal", true },
	{ "session", add_session, "setsid: copies would share the session", true },
	{ "keyring", add_keyring, "keyring: copies would share the session keyring", true },
	{ "detached tree", add_detached, "open_tree: only one copy could attach it", true },
	{ "a place", add_place, NULL, false },
	{ "attached tree", add_attached, NULL, false },
	{ "tmpfs", add_tmpfs, "mkfs: copies would share the file system", true },
	{ "no CAP_SYS_ADMIN", add_powerless, "capset: gives up CAP_SYS_ADMIN", false },
	{ "CAP_SYS_ADMIN", add_powerful, NULL, false },
	{ "Landlock", add_domain, "landlock: in its domain", false },
	{ "Landlock of ports", add_net_domain, NULL, false },
	{ "filter", add_filter, "seccomp: its filter", false },
	{ "a gate of others", add_gate_of_others, "gate: it is somebody else", false },
	{ "what is inherited", add_more, NULL, false },
};

static struct rf_chain *build(const struct template_case *t)
{
	struct rf_chain *c = rf_chain_new();

	rf_prep_clone(c, RF_CLONE_CONTEXT, CLONE_NEWUSER | CLONE_NEWNS);
	t->build(c);
	rf_prep_gate(c);
	return c;
}

static void check(const char *name, const struct rf_chain *c, const char *why)
{
	struct rf_err err = RF_ERR_INIT;
	int r = rf_chain_check_template(c, &err);

	if (r != (why ? -EINVAL : 0) || (why && !strstr(err.msg, why)))
		fail_msg("%s: %d, '%s'", name, r, err.msg);
}

TEST(what_copies_could_not_have_or_would_share_is_refused_by_name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_chain *c = build(&cases[i]);

		check(cases[i].name, c, cases[i].why);
		rf_chain_free(c);
	}
}

TEST(only_what_can_be_shared_is_shared_on_purpose)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_chain *c = build(&cases[i]);

		for (int op = 0; op < rf_chain_nr(c); op++)
			EXPECT_INT(0, rf_op_share(c, op));
		check(cases[i].name, c, cases[i].can_share ? NULL : cases[i].why);
		rf_chain_free(c);
	}
}

TEST(namespaces_of_the_first_op_count)
{
	const uint64_t refused[] = { CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS };

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct rf_chain *c = rf_chain_new();

		rf_prep_clone(c, RF_CLONE_CONTEXT, CLONE_NEWUSER | refused[i]);
		rf_prep_gate(c);
		check("op 0", c, "op 0, clone");
		rf_chain_free(c);
	}
}

TEST(a_template_ends_in_a_gate)
{
	struct rf_chain *c = rf_chain_new();

	rf_prep_clone(c, RF_CLONE_CONTEXT, 0);
	rf_prep_exit(c, 0);
	check("exit", c, "ends in a gate");
	EXPECT_INT(-EINVAL, rf_op_share(c, 2));
	check("after a mistake", c, "building the chain");
	rf_chain_free(c);
}

TEST(every_kind_of_op_has_a_word_about_copies)
{
	for (int kind = 0; kind < RF_OP_NR; kind++)
		if (!rf_template_knows((enum rf_op_kind)kind))
			fail_msg("%s", rf_op_defs[kind].name);
}
