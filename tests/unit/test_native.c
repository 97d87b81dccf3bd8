/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Chains as requests of a kernel that runs chains: rf_native_lower(), which is pure. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile_case.h"
#include "error.h"
#include "native.h"

static const struct rf_features user = {
	.kernel = RF_KERNEL(6, 18), .uid = 1000, .gid = 1000, .last_cap = 1, .nofile = 1024,
	.landlock = 6,
};
static const struct rf_native_host host = {
	.report = 3, .init_sock = 4, .init_peer = 5, .init_image = 6, .nofile = 1024,
	.max_reqs = 1024, .max_calls = 4096,
};

struct lowered {
	struct rf_chain	*c;
	struct rf_native n;
	int		 r;
	char		*text;
};

static struct lowered lower_with(struct rf_chain *c, const struct rf_native_host *h)
{
	struct lowered ret = { .c = c };
	size_t size = 0;
	FILE *f;

	ret.r = rf_native_lower(c, h, &ret.n);
	f = open_memstream(&ret.text, &size);
	assert_non_null(f);
	for (uint32_t i = 0; ret.r == 0 && i < ret.n.nr; i++) {
		char line[65536];

		EXPECT_TRUE(rf_native_print(c, &ret.n, i, line, sizeof(line)) < (int)sizeof(line));
		fprintf(f, "%s\n", line);
	}
	EXPECT_INT(0, fclose(f));
	return ret;
}

static struct lowered lower(struct rf_chain *c)
{
	return lower_with(c, &host);
}

static void lowered_free(struct lowered *l)
{
	rf_native_release(&l->n);
	rf_chain_free(l->c);
	free(l->text);
}

static void expect_text(struct rf_chain *c, const char *want)
{
	struct lowered l = lower(c);

	if (l.r < 0)
		fail_msg("op %u: %s", l.n.why_op, l.n.why);
	if (strcmp(want, l.text) != 0)
		fail_msg("got:\n%s\ninstead of:\n%s", l.text, want);
	lowered_free(&l);
}

static struct rf_chain *begin(void)
{
	struct rf_chain *c = rf_chain_new();

	rf_prep_clone(c, RF_CLONE_CONTEXT, CLONE_NEWUTS);
	return c;
}

static void add_true(struct rf_chain *c)
{
	char *const argv[] = { (char[]){ "true" }, NULL };

	rf_prep_exec(c, "/bin/true", argv, argv + 1);
}

TEST(the_first_task_keeps_what_the_chain_names)
{
	struct rf_chain *c = begin();

	rf_chain_keep(c, 9);
	rf_prep_close_range(c);
	rf_prep_hostname(c, "box");
	add_true(c);
	expect_text(c,
		"0 op 0 clone 0x0\n"
		"1 op 0 calls\n"
		"\tunshare 0x4000000\n"
		"\tfcntl 3 1030 10 -> 10\n"
		"\tfcntl 4 1030 10 -> 11\n"
		"\tfcntl 5 1030 10 -> 12\n"
		"\tfcntl 6 1030 10 -> 13\n"
		"2 op 1 calls\n"
		"\tclose_range 3 8 0\n"
		"\tclose_range 14 4294967295 0\n"
		"3 op 2 calls\n"
		"\tsethostname \"box\" 3\n"
		"4 op 3 exec cwd \"/bin/true\" 0x0\n");
}

TEST(what_was_given_keeps_its_number_until_a_dup_wants_that)
{
	struct rf_chain *c = begin();
	int a = rf_chain_give(c, 8), b = rf_chain_give(c, 9);

	rf_prep_close_range(c);
	rf_prep_dup(c, b, 8);
	rf_prep_dup(c, a, 9);
	rf_prep_dup(c, b, 9);
	add_true(c);
	expect_text(c,
		"0 op 0 clone 0x0\n"
		"1 op 0 calls\n"
		"\tunshare 0x4000000\n"
		"\tfcntl 3 1030 10 -> 10\n"
		"\tfcntl 4 1030 10 -> 11\n"
		"\tfcntl 5 1030 10 -> 12\n"
		"\tfcntl 6 1030 10 -> 13\n"
		"\tfcntl 8 2 1, always\n"
		"\tfcntl 9 2 1, always\n"
		"2 op 1 calls\n"
		"\tclose_range 3 7 0\n"
		"\tclose_range 14 4294967295 0\n"
		"3 op 2 calls\n"
		"\tfcntl 8 1030 10 -> 14\n"
		"\tdup3 9 8 0, the result\n"
		"4 op 3 calls\n"
		"\tfcntl 9 1030 10 -> 15\n"
		"\tdup3 14 9 0, the result\n"
		"5 op 4 calls\n"
		"\tdup3 15 9 0, the result\n"
		"6 op 5 exec cwd \"/bin/true\" 0x0\n");
}

/* An op whose slot may be empty is left out by itself; numbers are used again. */
TEST(what_may_be_missing_is_looked_for)
{
	struct rf_native_host bare = { -1, -1, -1, -1, .nofile = 64, .max_reqs = 64, .max_calls = 64 };
	struct rf_chain *c = begin();
	struct lowered l;
	int slot;

	rf_op_link(c, rf_prep_open(c, RF_SLOT_NONE, "/none", O_PATH, 0, 0, &slot), RF_LINK_HARD);
	rf_prep_chdir(c, slot, NULL);
	rf_prep_close(c, slot);
	rf_prep_open(c, RF_SLOT_NONE, "/", O_PATH, 0, 0, &slot);
	add_true(c);
	l = lower_with(c, &bare);
	EXPECT_INT(0, l.r);
	EXPECT_STR("0 op 0 clone 0x0\n"
		   "1 op 0 calls\n"
		   "\tunshare 0x4000000\n"
		   "2 op 1 calls, may fail\n"
		   "\topenat2 cwd \"/none\" (extra) 24 -> 3, the result\n"
		   "3 op 2 calls\n"
		   "\tfcntl 3 1 0, or the op is left out\n"
		   "\tfchdir 3\n"
		   "\tgetcwd (extra) 8192\n"
		   "\ttest (extra) 1 0xff 0x2f 0 2\n"
		   "4 op 3 calls\n"
		   "\tfcntl 3 1 0, or the op is left out\n"
		   "\tclose 3\n"
		   "5 op 4 calls\n"
		   "\topenat2 cwd \"/\" (extra) 24 -> 3, the result\n"
		   "6 op 5 exec cwd \"/bin/true\" 0x0\n", l.text);
	lowered_free(&l);
}

TEST(pid_1_has_requests_of_its_own)
{
	struct rf_chain *c = begin();
	struct lowered l;
	const char *at;

	rf_prep_unshare(c, CLONE_NEWPID);
	rf_prep_clone(c, RF_CLONE_INIT, 0);
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	add_true(c);
	l = lower(c);
	EXPECT_INT(0, l.r);
	at = strstr(l.text, "3 op 2 clone");
	assert_non_null(at);
	EXPECT_STR("3 op 2 clone 0x8000, of which are the next 2\n"
		   "4 op 2 calls\n"
		   "\tdup3 9 3 0\n"
		   "\tclose_range 0 2 0\n"
		   "\tclose_range 4 9 0\n"
		   "\tclose_range 11 4294967295 0\n"
		   "5 op 2 exec 10 \"\" 0x1000\n"
		   "6 op 2 calls\n"
		   "\tclose 9\n"
		   "7 op 3 clone 0xc000\n"
		   /* it waits for pid 1 to be an image of its own */
		   "8 op 4 calls\n"
		   "\t" "read 8 (extra) 1, stored\n"
		   "\ttest (extra) 8 0xffffffffffffffff 0x1 0 5\n"
		   "9 op 4 exec cwd \"/bin/true\" 0x0\n", at);
	lowered_free(&l);
}

/* The modes that nobody has named have to be those of a new terminal. */
TEST(a_terminal_is_sent_to_the_submitter)
{
	struct rf_native_host bare = { 3, -1, -1, -1, .nofile = 64, .max_reqs = 64, .max_calls = 64 };
	struct rf_chain *c = begin();
	struct lowered l;
	const char *at;
	int master, terminal;

	rf_prep_pty(c, RF_SLOT_NONE, "/dev/ptmx", 24, 80, &master, &terminal);
	c->ops[c->nr_ops - 1].u.pty.flags = RF_PTY_PLAIN;
	rf_prep_send_fd(c, master);
	rf_prep_close(c, master);
	rf_prep_dup(c, terminal, 0);
	add_true(c);
	l = lower_with(c, &bare);
	EXPECT_INT(0, l.r);
	at = strstr(l.text, "2 op 1 calls");
	assert_non_null(at);
	EXPECT_STR("2 op 1 calls\n"
		   "\topenat2 cwd \"/dev/ptmx\" (extra) 24 -> 5\n"
		   "\tstatx 5 \"\" 0x5800 0x1 (extra)\n"
		   "\ttest (extra) 2 0xf000 0x2000 0 25\n"
		   "\ttest (extra) 4 0xffffffff 0x5 0 25\n"
		   "\ttest (extra) 4 0xffffffff 0x2 0 25\n"
		   "\tioctl 5 0x40045431 (extra)\n"
		   "\tioctl 5 0x5441 524546 -> 6\n"
		   "\tfstatfs 6 (extra)\n"
		   "\ttest (extra) 8 0xffffffffffffffff 0x1cd1 0 18\n"
		   "\tioctl 6 0x5401 (extra)\n"
		   "\ttest (extra) 4 0xffffffff 0x500 0 71\n"
		   "\ttest (extra) 4 0xffffffff 0x5 0 71\n"
		   "\ttest (extra) 4 0xffffffff 0xbf 0 71\n"
		   "\ttest (extra) 4 0xffffffff 0x8a3b 0 71\n"
		   "\ttest (extra) 4 0xffffffff 0x7f1c0300 0 71\n"
		   "\ttest (extra) 4 0xffffffff 0x1000415 0 71\n"
		   "\ttest (extra) 4 0xffffffff 0x1a131100 0 71\n"
		   "\ttest (extra) 4 0xffffffff 0x170f1200 0 71\n"
		   "\ttest (extra) 4 0xffffffff 0x16 0 71\n"
		   "\tioctl 6 0x5402 (extra)\n"
		   "\tioctl 6 0x5414 (extra)\n"
		   "3 op 2 calls\n"
		   "\tsendmsg 4 (extra) 0x4000, stored\n"
		   "\ttest (extra) 8 0xffffffffffffffff 0x14 0 5\n"
		   "4 op 3 calls\n"
		   "\tclose 5\n"
		   "5 op 4 calls\n"
		   "\tdup3 6 0 0, the result\n"
		   "6 op 5 exec cwd \"/bin/true\" 0x0\n", at);
	lowered_free(&l);
}

/* An op that receives @nr descriptors by what is in @sock; their slots in @ret. */
static void add_recv(struct rf_chain *c, int sock, int32_t *ret, size_t nr)
{
	struct rf_blob slots;
	struct rf_op *op;

	for (size_t i = 0; i < nr; i++)
		ret[i] = rf_chain_slot(c);
	slots = rf_chain_blob(c, ret, nr * sizeof(*ret));
	op = rf_chain_add(c, RF_OP_RECV_FDS);
	op->u.recv_fds.sock = sock;
	op->u.recv_fds.slots = slots;
}

/* What comes has numbers that nobody has chosen, and gets those that are. */
TEST(descriptors_that_are_received_move_to_their_numbers)
{
	struct rf_native_host bare = { -1, -1, -1, -1, .nofile = 64, .max_reqs = 64, .max_calls = 64 };
	struct rf_chain *c = begin();
	struct lowered l;
	int32_t got[2];
	const char *at;
	int sock;

	rf_prep_open(c, RF_SLOT_NONE, "/s", O_PATH, 0, 0, &sock);
	rf_op_link(c, (int)c->nr_ops - 1, RF_LINK_HARD);
	add_recv(c, sock, got, 2);
	rf_prep_dup(c, got[1], 0);
	add_true(c);
	l = lower_with(c, &bare);
	EXPECT_INT(0, l.r);
	at = strstr(l.text, "3 op 2 calls");
	assert_non_null(at);
	EXPECT_STR("3 op 2 calls\n"
		   "\tfcntl 3 1 0, or the op is left out\n"
		   "\trecvmsg 3 (extra) 0x40000000, stored\n"
		   "\ttest (extra) 8 0xffffffffffffffff 0x18 0 71\n"
		   "\ttest (extra) 8 0xffffffffffffffff 0x100000001 0 71\n"
		   "\ttest (extra) 4 0x8 0 0 71\n"
		   "\tfcntl (extra) 1030 3 -> 6\n"
		   "\tclose (extra)\n"
		   "\tfcntl (extra) 1030 3 -> 7\n"
		   "\tclose (extra)\n"
		   "4 op 3 calls\n"
		   "\tfcntl 7 1 0, or the op is left out\n"
		   "\tdup3 7 0 0, the result\n"
		   "5 op 4 exec cwd \"/bin/true\" 0x0\n", at);
	lowered_free(&l);
}

/* Each takes two numbers while it moves. */
TEST(as_many_descriptors_are_received_as_a_message_has)
{
	struct rf_native_host bare = { -1, -1, -1, -1, .nofile = 1024, .max_reqs = 64, .max_calls = 4096 };
	struct rf_chain *c = begin();
	int32_t got[RF_SCM_MAX];
	struct lowered l;
	int sock;

	rf_prep_open(c, RF_SLOT_NONE, "/s", O_PATH, 0, 0, &sock);
	add_recv(c, sock, got, RF_SCM_MAX);
	add_true(c);
	l = lower_with(c, &bare);
	EXPECT_INT(0, l.r);
	lowered_free(&l);
}

/* ------------------------------------------------------------- what is refused */

static struct rf_op *add_open(struct rf_chain *c, int *ret_slot)
{
	rf_prep_open(c, RF_SLOT_NONE, "/tmp", O_PATH | O_DIRECTORY, 0, 0, ret_slot);
	return &c->ops[c->nr_ops - 1];
}

static void add_mkdir(struct rf_chain *c, int slot, const char *path, uint32_t flags)
{
	rf_str p = rf_chain_str(c, path);
	struct rf_op *op = rf_chain_add(c, RF_OP_MKDIR);

	op->u.mkdir.dir = slot;
	op->u.mkdir.path = p;
	op->u.mkdir.mode = 0700;
	op->u.mkdir.flags = flags;
}

static int add_tmpfs(struct rf_chain *c)
{
	rf_str type = rf_chain_str(c, "tmpfs");
	struct rf_op *op = rf_chain_add(c, RF_OP_MKFS);

	op->u.mkfs.type = type;
	op->u.mkfs.flags = RF_MKFS_OWNED;
	return op->out = rf_chain_slot(c);
}

static void refuse_own_image(struct rf_chain *c)
{
	c->own_image = true;
	c->own_from = 0;
}

static void refuse_linger(struct rf_chain *c)
{
	rf_prep_gate(c);
}

static void refuse_made_elsewhere(struct rf_chain *c)
{
	int slot;

	add_open(c, &slot);
	add_mkdir(c, slot, "x", RF_MAKE_ANYWHERE);
	add_true(c);
}

static void refuse_through_dots(struct rf_chain *c)
{
	add_mkdir(c, add_tmpfs(c), "a/../b", RF_MAKE_PARENTS);
	add_true(c);
}

static void refuse_through_link(struct rf_chain *c)
{
	int slot = add_tmpfs(c);
	rf_str path = rf_chain_str(c, "a"), target = rf_chain_str(c, "/etc");
	struct rf_op *op = rf_chain_add(c, RF_OP_SYMLINK);

	op->u.symlink.dir = slot;
	op->u.symlink.path = path;
	op->u.symlink.target = target;
	add_mkdir(c, slot, "a/b", RF_MAKE_PARENTS);
	add_true(c);
}

static void refuse_copy(struct rf_chain *c)
{
	int slot = add_tmpfs(c), from;
	struct rf_op *op;

	add_open(c, &from);
	op = rf_chain_add(c, RF_OP_COPY_DIR);
	op->u.copy.from = from;
	op->u.copy.to = slot;
	add_true(c);
}

static void refuse_ask(struct rf_chain *c)
{
	rf_chain_add(c, RF_OP_IDMAP)->u.idmap.by = RF_IDMAP_SUBMITTER;
	add_true(c);
}

static void refuse_half_a_pair(struct rf_chain *c)
{
	int master, terminal;

	rf_prep_pty(c, RF_SLOT_NONE, "/dev/ptmx", 0, 0, &master, &terminal);
	rf_op_link(c, (int)c->nr_ops - 1, RF_LINK_HARD);
	add_true(c);
}

static void refuse_half_received(struct rf_chain *c)
{
	int32_t slot;

	add_recv(c, RF_SLOT_NONE, &slot, 1);
	rf_op_link(c, (int)c->nr_ops - 1, RF_LINK_HARD);
	add_true(c);
}

static void refuse_flags(struct rf_chain *c)
{
	rf_prep_clone(c, RF_CLONE_PAYLOAD, CLONE_THREAD);
	add_true(c);
}

static void refuse_numbers(struct rf_chain *c)
{
	int slot;

	for (int i = 0; i < 64; i++)
		add_open(c, &slot);
	add_true(c);
}

static void refuse_many(struct rf_chain *c)
{
	for (int i = 0; i < 1100; i++)
		rf_prep_setsid(c);
	add_true(c);
}

TEST(what_cannot_be_lowered_is_named)
{
	static const struct {
		void		(*add)(struct rf_chain *c);
		uint32_t	 op;
		const char	*why;
	} cases[] = {
		{ refuse_own_image, 0, "memory of its own" },
		{ refuse_linger, 1, "lingers" },
		{ refuse_made_elsewhere, 2, "is not known" },
		{ refuse_through_dots, 2, "is not known" },
		{ refuse_through_link, 3, "is not known" },
		{ refuse_copy, 3, "no list of calls" },
		{ refuse_half_a_pair, 1, "half of the pair" },
		{ refuse_half_received, 1, "not to receive" },
		{ refuse_flags, 1, "only clone(2) has" },
		{ refuse_ask, 1, "the submitter writes" },
		{ refuse_numbers, 53, "limit of open files" },
		{ refuse_many, 1023, "fit into one submission" },
	};
	struct rf_native_host low = host;

	low.nofile = 63;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_chain *c = begin();
		struct lowered l;

		cases[i].add(c);
		l = lower_with(c, &low);
		EXPECT_INT(-EOPNOTSUPP, l.r);
		if (!strstr(l.n.why, cases[i].why) || l.n.why_op != cases[i].op)
			fail_msg("%zu: refused at op %u: %s", i, l.n.why_op, l.n.why);
		lowered_free(&l);
	}
}

/* --------------------------------------------------------------- whole sandboxes */

static const char *const wholes[] = {
	"root: host\n",
	"root: host\nmounts: [{tmpfs: /tmp}, {dev: /dev}, {proc: /proc}, {deny: /etc}]\n",
	"root: empty\nmounts: [{ro: /usr}, {symlink: usr/bin, at: /bin}, {dev: /dev}, {proc: /proc}]\n",
	"root: empty\ninit: false\nmounts: [{ro: /usr, at: /deep/er/usr}, {file: /etc/x, content: y}]\n",
	"extends: [default]\nlandlock: {read: [/usr]}\nseccomp: default\n",
};

TEST(whole_sandboxes_are_lowered)
{
	for (size_t i = 0; i < ARRAY_SIZE(wholes); i++) {
		struct compiled k = compile_spec(wholes[i], &user);
		struct lowered l;

		if (k.r < 0)
			fail_msg("%zu: %s", i, k.err.msg);
		l = lower(k.chain);
		k.chain = NULL;
		if (l.r < 0)
			fail_msg("%zu: op %u: %s\n%s", i, l.n.why_op, l.n.why, k.text);
		lowered_free(&l);
		compiled_free(&k);
	}
}

/* Every request is of an op, in the chain's order, and none is left out. */
TEST(requests_follow_the_ops)
{
	for (size_t i = 0; i < ARRAY_SIZE(wholes); i++) {
		struct compiled k = compile_spec(wholes[i], &user);
		struct lowered l = lower(k.chain);
		uint32_t op = 0;

		k.chain = NULL;
		for (uint32_t r = 0; r < l.n.nr; r++) {
			EXPECT_TRUE(l.n.req[r].op == op || l.n.req[r].op == op + 1);
			op = l.n.req[r].op;
			if (l.n.req[r].kind == RF_REQ_CALLS)
				EXPECT_TRUE(l.n.req[r].first + l.n.req[r].nr <= l.n.nr_calls &&
					    l.n.req[r].nr > 0);
		}
		EXPECT_INT(l.c->nr_ops - 1, op);
		lowered_free(&l);
		compiled_free(&k);
	}
}

TEST(a_failure_injected_makes_its_op_fail)
{
	struct rf_native_host h = host;

	for (uint32_t op = 1; op <= 4; op++) {
		struct rf_chain *c = begin();
		struct lowered l;
		uint32_t last = 0;

		rf_prep_hostname(c, "box");
		rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
		add_true(c);
		h.inject_op = op;
		h.inject_result = -EIO;
		l = lower_with(c, &h);
		EXPECT_INT(0, l.r);
		for (uint32_t i = 0; i < l.n.nr; i++)
			if (l.n.req[i].op == op - 1)
				last = i;
		EXPECT_INT(RF_REQ_CALLS, l.n.req[last].kind);
		last = l.n.req[last].first + l.n.req[last].nr - 1;
		EXPECT_INT(RF_CALL_TEST, l.n.call[last].nr);
		EXPECT_INT(0, l.n.call[last].args[0]);
		EXPECT_INT(EIO, l.n.call[last].args[5]);
		lowered_free(&l);
	}
}

/* What a call has answered is the op's result only where that is what made it fail. */
TEST(a_result_is_what_the_executor_gives)
{
	uint32_t look_at[] = { 8 };
	const struct rf_native n = { .look_at = look_at };
	static const struct {
		enum rf_op_kind	kind;
		int		seen, result, want;
	} rows[] = {
		{ RF_OP_KEYRING, 77, 0, 0 },
		{ RF_OP_KEYRING, -ENOSYS, 0, RF_KEYRING_NONE },
		{ RF_OP_KEYRING, -EDQUOT, -EPROTO, -EDQUOT },
		{ RF_OP_KEYRING, -ENOSYS, -EDOM, -EDOM },
		{ RF_OP_LINK_UP, 0, 0, 0 },
		{ RF_OP_LINK_UP, -EPERM, -EPROTO, -EPERM },
		{ RF_OP_LINK_UP, -EPERM, -EDOM, -EDOM },
		{ RF_OP_VERIFY, 0, -ENOTDIR, -EBUSY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct rf_op op = { .kind = rows[i].kind };
		char extra[16] = { 0 };

		memcpy(extra + look_at[0], &rows[i].seen, sizeof(rows[i].seen));
		EXPECT_INT(rows[i].want, rf_native_result(&n, &op, 0, extra, rows[i].result));
	}
}
