/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of ops is whole, and an op's line is what its row says. */
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "chain.h"
#include "harness.h"

_Static_assert(sizeof(struct rf_op) % sizeof(uint64_t) == 0, "ops are copied as an array");
_Static_assert(offsetof(struct rf_op, u) % sizeof(uint64_t) == 0, "u holds 64-bit fields");

/* Bytes that an argument of each type takes in struct rf_op. */
static const size_t arg_size[] = {
	[RF_ARG_SLOT] = 4, [RF_ARG_FD] = 4, [RF_ARG_STR] = 4, [RF_ARG_BLOB] = 8,
	[RF_ARG_BYTES] = 8, [RF_ARG_PAIRS] = 8, [RF_ARG_IDS] = 8, [RF_ARG_SLOTS] = 8,
	[RF_ARG_OUTS] = 8, [RF_ARG_FSFDS] = 8, [RF_ARG_BITS] = 8, [RF_ARG_VEC] = 8,
	[RF_ARG_FLAGS64] = 8, [RF_ARG_FLAGS32] = 4, [RF_ARG_ENUM] = 4, [RF_ARG_U64] = 8,
	[RF_ARG_U32] = 4, [RF_ARG_I32] = 4, [RF_ARG_OCTAL] = 4, [RF_ARG_ID] = 4,
	[RF_ARG_CAPS] = 8, [RF_ARG_SIGSET] = 8, [RF_ARG_SIGNAL] = 4, [RF_ARG_LIMIT] = 8,
	[RF_ARG_DEV] = 8, [RF_ARG_PROGRAM] = 8, [RF_ARG_RULES] = 8,
};
_Static_assert(ARRAY_SIZE(arg_size) == RF_ARG_DEV + 1, "arg_size[] stops short of rf_arg_type");

#define FOR_EACH_ARG(a, def) \
	for (const struct rf_arg *a = (def)->args; a < (def)->args + RF_ARGS_MAX && a->type; a++)

TEST(the_table_has_no_holes)
{
	for (size_t i = 0; i < RF_OP_NR; i++) {
		const struct rf_op_def *def = &rf_op_defs[i];

		if (!def->name || !def->group || !def->help || !def->run)
			fail_msg("row %zu (%s) is not whole", i, def->name ? def->name : "?");
		EXPECT_TRUE(def->phase <= RF_PHASE_EXEC);
	}
}

TEST(no_two_ops_have_one_name)
{
	for (size_t i = 0; i < RF_OP_NR; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(rf_op_defs[i].name, rf_op_defs[k].name))
				fail_msg("%s is there twice", rf_op_defs[i].name);
}

TEST(groups_are_contiguous)
{
	for (size_t i = 1; i < RF_OP_NR; i++) {
		if (!strcmp(rf_op_defs[i].group, rf_op_defs[i - 1].group))
			continue;
		for (size_t k = 0; k < i - 1; k++)
			if (!strcmp(rf_op_defs[i].group, rf_op_defs[k].group))
				fail_msg("%s is away from its group", rf_op_defs[i].name);
	}
}

TEST(every_argument_lies_within_the_op)
{
	for (size_t i = 0; i < RF_OP_NR; i++) {
		FOR_EACH_ARG(a, &rf_op_defs[i]) {
			size_t size = arg_size[a->type];

			if (a->offset < offsetof(struct rf_op, u) || a->offset % (size > 4 ? 4 : size) ||
			    a->offset + size > sizeof(struct rf_op))
				fail_msg("%s: %s=", rf_op_defs[i].name, a->name);
		}
	}
}

TEST(no_two_arguments_of_an_op_overlap)
{
	for (size_t i = 0; i < RF_OP_NR; i++)
		FOR_EACH_ARG(a, &rf_op_defs[i])
			FOR_EACH_ARG(b, &rf_op_defs[i])
				if (b > a && a->offset < b->offset + arg_size[b->type] &&
				    b->offset < a->offset + arg_size[a->type])
					fail_msg("%s: %s and %s", rf_op_defs[i].name, a->name, b->name);
}

TEST(flags_and_enums_have_names)
{
	for (size_t i = 0; i < RF_OP_NR; i++)
		FOR_EACH_ARG(a, &rf_op_defs[i])
			if ((a->type == RF_ARG_FLAGS64 || a->type == RF_ARG_FLAGS32 ||
			     a->type == RF_ARG_ENUM) && !a->names)
				fail_msg("%s: %s has no names", rf_op_defs[i].name, a->name);
}

/* ----------------------------------------------------------------- printing */

static const char *line(const struct rf_chain *c, const struct rf_op *op)
{
	static char buf[1024];

	EXPECT_TRUE(rf_op_print(c, op, buf, sizeof(buf)) < (int)sizeof(buf));
	return buf;
}

static const char *last_line(const struct rf_chain *c)
{
	return line(c, &c->ops[c->nr_ops - 1]);
}

TEST(a_line_has_the_slots_the_text_and_the_flags)
{
	struct rf_chain *c = rf_chain_new();
	rf_str path = rf_chain_str(c, "usr");
	struct rf_op *op = rf_chain_add(c, RF_OP_OPEN_TREE);

	op->u.open_tree.dir = 3;
	op->u.open_tree.path = path;
	op->u.open_tree.flags = OPEN_TREE_CLONE | AT_RECURSIVE | OPEN_TREE_CLOEXEC;
	op->out = 7;
	EXPECT_STR("open_tree dir=%3 \"usr\" flags=clone,recursive -> %7", last_line(c));
	rf_chain_free(c);
}

TEST(an_op_without_arguments_is_its_name)
{
	struct rf_chain *c = rf_chain_new();

	for (size_t i = 0; i < RF_OP_NR; i++)
		if (!rf_op_defs[i].args[0].type)
			EXPECT_STR(rf_op_defs[i].name, line(c, rf_chain_add(c, (enum rf_op_kind)i)));
	rf_chain_free(c);
}

TEST(control_characters_and_broken_utf8_are_escaped)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "plain",		"chdir \"plain\"" },
		{ "a\"b\\c",		"chdir \"a\\\"b\\\\c\"" },
		{ "tab\there\n",	"chdir \"tab\\there\\n\"" },
		{ "\033[31m\x7f",	"chdir \"\\x1b[31m\\x7f\"" },
		{ "gr\xc3\xbc\xc3\x9f", "chdir \"gr\xc3\xbc\xc3\x9f\"" },
		{ "\xc3",		"chdir \"\\xc3\"" },
		{ "\xc0\xaf",		"chdir \"\\xc0\\xaf\"" },
		{ "\xc2\x9b",		"chdir \"\\xc2\\x9b\"" },
		{ "\xed\xa0\x80",	"chdir \"\\xed\\xa0\\x80\"" },
		{ "\xf4\x90\x80\x80",	"chdir \"\\xf4\\x90\\x80\\x80\"" },
		{ "\xf0\x9f\x94\x92",	"chdir \"\xf0\x9f\x94\x92\"" },
	};
	struct rf_chain *c = rf_chain_new();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rf_prep_chdir(c, RF_SLOT_NONE, cases[i].text);
		EXPECT_STR(cases[i].want, last_line(c));
	}
	rf_chain_free(c);
}

TEST(an_environment_is_counted_and_not_shown)
{
	char *argv[] = { (char[]){ "make" }, (char[]){ "-j 2" }, NULL };
	char *envp[] = { (char[]){ "TOKEN=secret" }, NULL };
	struct rf_chain *c = rf_chain_new();

	rf_prep_exec(c, "/usr/bin/make", argv, envp);
	EXPECT_STR("exec \"/usr/bin/make\" [\"make\", \"-j 2\"] env=(1)", last_line(c));
	rf_chain_free(c);
}

TEST(a_cut_line_says_how_long_it_would_be)
{
	struct rf_chain *c = rf_chain_new();
	char buf[8];

	rf_prep_chdir(c, RF_SLOT_NONE, "/somewhere");
	EXPECT_INT(strlen("chdir \"/somewhere\""), rf_op_print(c, &c->ops[0], buf, sizeof(buf)));
	EXPECT_STR("chdir \"", buf);
	EXPECT_INT(strlen("chdir \"/somewhere\""), rf_op_print(c, &c->ops[0], NULL, 0));
	rf_chain_free(c);
}

static void fill_open(struct rf_chain *c)
{
	int slot;

	rf_prep_open(c, RF_SLOT_NONE, "/etc", O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT, &slot);
}

static void fill_open_creat(struct rf_chain *c)
{
	int slot;

	rf_prep_open(c, RF_SLOT_NONE, "f", O_WRONLY | O_CREAT | O_APPEND, 0600, 0, &slot);
}

static void fill_mkfs(struct rf_chain *c)
{
	static const char options[] = "mode\0" "0755\0" "size\0" "1m\0" "noswap\0" "\0source\0a b";
	rf_str type = rf_chain_str(c, "tmpfs"), key = rf_chain_str(c, "lowerdir");
	struct rf_fsopt_fd fds[2] = { { key, 1 }, { key, 2 } };
	struct rf_blob opt = rf_chain_blob(c, options, sizeof(options));
	struct rf_blob blob = rf_chain_blob(c, fds, sizeof(fds));
	struct rf_op *op = rf_chain_add(c, RF_OP_MKFS);

	op->u.mkfs.type = type;
	op->u.mkfs.options = opt;
	op->u.mkfs.fds = blob;
	op->u.mkfs.attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME;
	op->u.mkfs.flags = RF_MKFS_OWNED;
}

static void fill_setattr(struct rf_chain *c)
{
	rf_str path = rf_chain_str(c, "/");
	struct rf_op *op = rf_chain_add(c, RF_OP_MOUNT_SETATTR);

	op->u.mount_setattr.path = path;
	op->u.mount_setattr.at_flags = AT_RECURSIVE;
	op->u.mount_setattr.propagation = MS_PRIVATE;
}

static void fill_move(struct rf_chain *c)
{
	struct rf_op *op = rf_chain_add(c, RF_OP_MOVE_MOUNT);

	op->u.move_mount.from = 1;
	op->u.move_mount.to = 2;
	op->u.move_mount.entry = RF_ENTRY_NONE;
}

static void fill_mknod(struct rf_chain *c)
{
	rf_str path = rf_chain_str(c, "dev/null");
	struct rf_op *op = rf_chain_add(c, RF_OP_MKNOD);

	op->u.mknod.path = path;
	op->u.mknod.mode = 0020666;
	op->u.mknod.dev = makedev(1, 3);
}

static void fill_rlimit(struct rf_chain *c)
{
	rf_prep_rlimit(c, RLIMIT_NOFILE, 1024, RLIM_INFINITY);
}

static void fill_clone(struct rf_chain *c)
{
	rf_prep_clone(c, RF_CLONE_CONTEXT, CLONE_NEWUSER | CLONE_NEWNS | 0x4000000000000000);
}

static void fill_dup(struct rf_chain *c)
{
	rf_prep_dup(c, 4, 0);
}

static void fill_pipe(struct rf_chain *c)
{
	int r, w;

	rf_prep_pipe(c, O_NONBLOCK, &r, &w);
}

static void fill_capset(struct rf_chain *c)
{
	struct rf_op *op = rf_chain_add(c, RF_OP_CAPSET);

	op->u.capset.effective = 1 << 0 | 1 << 21;
	op->u.capset.permitted = (UINT64_C(1) << 41) - 1;
}

static void fill_setresuid(struct rf_chain *c)
{
	struct rf_op *op = rf_chain_add(c, RF_OP_SETRESUID);

	op->u.setres.r = 0;
	op->u.setres.e = 1000;
	op->u.setres.s = UINT32_MAX;
}

static void fill_setgroups(struct rf_chain *c)
{
	const uint32_t gids[] = { 10, 20 };
	struct rf_blob b = rf_chain_blob(c, gids, sizeof(gids));

	rf_chain_add(c, RF_OP_SETGROUPS)->u.setgroups.gids = b;
}

static void fill_no_groups(struct rf_chain *c)
{
	rf_chain_add(c, RF_OP_SETGROUPS);
}

static void fill_affinity(struct rf_chain *c)
{
	const uint64_t mask[] = { 0x8f, 1 };
	struct rf_blob b = rf_chain_blob(c, mask, sizeof(mask));

	rf_chain_add(c, RF_OP_AFFINITY)->u.affinity.mask = b;
}

static void fill_sigmask(struct rf_chain *c)
{
	rf_chain_add(c, RF_OP_SIGMASK)->u.sigmask.mask = 1 << (SIGINT - 1) | 1 << (SIGTERM - 1);
}

static void fill_pdeathsig(struct rf_chain *c)
{
	rf_prep_pdeathsig(c, SIGKILL);
}

static void fill_send(struct rf_chain *c)
{
	const int32_t slots[] = { 3, 4 };
	struct rf_blob b = rf_chain_blob(c, slots, sizeof(slots));
	struct rf_op *op = rf_chain_add(c, RF_OP_SEND_FDS);

	op->u.send_fds.sock = 2;
	op->u.send_fds.slots = b;
}

static void fill_long_write(struct rf_chain *c)
{
	char data[100];

	memset(data, 'x', sizeof(data));
	rf_prep_write(c, 1, NULL, data, sizeof(data));
}

TEST(each_type_of_argument_is_printed_in_its_way)
{
	static const struct { void (*fill)(struct rf_chain *c); const char *want; } cases[] = {
		{ fill_open, "open \"/etc\" flags=directory,path resolve=in-root -> %0" },
		{ fill_open_creat, "open \"f\" flags=wronly,creat,append mode=0600 -> %0" },
		{ fill_mkfs, "mkfs \"tmpfs\" options=mode=0755,size=1m,noswap,source=\"a b\" "
			"fds=lowerdir=%1,lowerdir=%2 attr=nosuid,nodev,noatime flags=owned" },
		{ fill_setattr, "mount_setattr \"/\" flags=recursive propagation=private" },
		{ fill_move, "move_mount %1 to=%2" },
		{ fill_mknod, "mknod \"dev/null\" mode=20666 dev=1:3" },
		{ fill_rlimit, "rlimit nofile soft=1024 hard=unlimited" },
		{ fill_clone, "clone as=context flags=user,mount,0x4000000000000000" },
		{ fill_dup, "dup %4 to=0" },
		{ fill_pipe, "pipe flags=nonblock -> %0 %1" },
		{ fill_capset, "capset effective=chown,sys_admin permitted=all inheritable=none" },
		{ fill_setresuid, "setresuid real=0 effective=1000" },
		{ fill_setgroups, "setgroups gids=[10,20]" },
		{ fill_no_groups, "setgroups gids=[]" },
		{ fill_affinity, "affinity cpus=0-3,7,64" },
		{ fill_sigmask, "sigmask INT,TERM" },
		{ fill_pdeathsig, "pdeathsig KILL" },
		{ fill_send, "send_fds socket=%2 fds=[%3,%4]" },
		{ fill_long_write, "write dir=%1 data=\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"...(100 bytes)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_chain *c = rf_chain_new();

		cases[i].fill(c);
		EXPECT_STR(cases[i].want, last_line(c));
		rf_chain_free(c);
	}
}

/* ------------------------------------------------------------- the man page */

static char *read_page(void)
{
	const char *dir = getenv("RF_SRCDIR");
	char path[4096], *page = NULL;
	size_t size = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/man/ringfence-ops.7", dir ? dir : ".");
	f = fopen(path, "re");
	assert_non_null(f);
	EXPECT_TRUE(getdelim(&page, &size, '\0', f) > 0);
	fclose(f);
	return page;
}

/* The entry of op @i, which ends where the next heading begins; it is freed by the caller. */
static char *entry_of(const char *page, size_t i)
{
	char head[64], *begin, *end;

	snprintf(head, sizeof(head), "\n.Ss %s\n", rf_op_defs[i].name);
	begin = strstr(page, head);
	if (!begin)
		fail_msg("no entry for %s", rf_op_defs[i].name);
	end = strstr(begin + 1, "\n.S");
	begin += strlen(head);
	return strndup(begin, end ? (size_t)(end + 1 - begin) : strlen(begin));
}

TEST(the_man_page_says_what_each_row_says)
{
	char *page = read_page();

	for (size_t i = 0; i < RF_OP_NR; i++) {
		const char *help = rf_op_defs[i].help;
		char *entry = entry_of(page, i), sentence[256];

		snprintf(sentence, sizeof(sentence), "%c%s.\n", help[0] & ~0x20, help + 1);
		if (strncmp(entry, sentence, strlen(sentence)))
			fail_msg("the entry of %s does not begin with \"%s\"", rf_op_defs[i].name, help);
		free(entry);
	}
	free(page);
}

TEST(the_man_page_names_every_argument_and_no_other)
{
	char *page = read_page();

	for (size_t i = 0; i < RF_OP_NR; i++) {
		char *entry = entry_of(page, i);
		size_t items = 0, args = 0;

		FOR_EACH_ARG(a, &rf_op_defs[i]) {
			char item[64];

			args++;
			snprintf(item, sizeof(item), "\n.It Cm %s= Ns ", a->name);
			if (*a->name && !strstr(entry, item))
				fail_msg("%s: %s= is not in the man page", rf_op_defs[i].name, a->name);
		}
		for (char *p = entry; (p = strstr(p, "\n.It ")); p++)
			items++;
		if (items != args)
			fail_msg("%s has %zu arguments, not %zu", rf_op_defs[i].name, args, items);
		free(entry);
	}
	free(page);
}

TEST(the_man_page_names_each_phase)
{
	static const char *const names[] = {
		[RF_PHASE_ANY] = "any", [RF_PHASE_NAMESPACE] = "namespaces", [RF_PHASE_IDS] = "ids",
		[RF_PHASE_FILESYSTEM] = "file system", [RF_PHASE_NETWORK] = "network",
		[RF_PHASE_LIMIT] = "limits", [RF_PHASE_CONFINEMENT] = "confinement",
		[RF_PHASE_CREDENTIAL] = "credentials", [RF_PHASE_RESTRICTION] = "restrictions",
		[RF_PHASE_EXEC] = "exec",
	};
	char *page = read_page();

	for (size_t i = 0; i < RF_OP_NR; i++) {
		const struct rf_op_def *def = &rf_op_defs[i];
		char *entry = entry_of(page, i), phase[64];

		snprintf(phase, sizeof(phase), "\nPhase: %s%s.\n", names[def->phase],
			 def->flags & RF_OPF_IDS ? ", or ids" :
			 def->flags & RF_OPF_CONFINES ? ", or confinement" : "");
		if (!strstr(entry, phase))
			fail_msg("%s: the man page does not say \"%s\"", def->name, phase + 1);
		free(entry);
	}
	free(page);
}

TEST(the_man_page_has_the_ops_in_their_groups_and_no_others)
{
	char *page = read_page(), group[64] = "", *p = strstr(page, "\n.Sh TASK\n");
	size_t i = 0;

	assert_non_null(p);
	for (; p; p = strstr(p + 1, "\n.S")) {
		char name[64];

		EXPECT_INT(1, sscanf(p, "\n.S%*c %63s", name));
		if (p[3] == 'h') {
			strcpy(group, name);
			continue;
		}
		EXPECT_TRUE(i < RF_OP_NR);
		EXPECT_STR(rf_op_defs[i].name, name);
		if (strcasecmp(rf_op_defs[i].group, group))
			fail_msg("%s stands below %s", name, group);
		i++;
	}
	EXPECT_INT(RF_OP_NR, i);
	free(page);
}
