/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a sandbox to a chain: the root and what is placed in it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile_case.h"

static const struct rf_features user = {
	.kernel = RF_KERNEL(6, 18), .uid = 1000, .gid = 1000, .last_cap = 40, .nofile = 1024,
};

#define MOUNTS(entries)		"root: empty\nmounts: [" entries "]\n"
#define ON_HOST(entries)	"root: host\nmounts: [" entries "]\n"

/* Lines that a chain has, in this order. */
static const struct {
	const char	*name;
	const char	*spec;
	const char	*lines[10];
} in_order[] = {
	{ "parents come first, whatever the order in the spec",
	  MOUNTS("{ro: /c, at: /a/b/c}, {tmpfs: /a-b}, {ro: /b, at: /a/b}, {ro: /a}"),
	  { "open dir=%2 \"a\"", "open dir=%2 \"a/b\"", "open dir=%2 \"a/b/c\"", "open dir=%2 \"a-b\"" } },
	{ "what the sandbox made to hold mounts ends read-only",
	  MOUNTS("{ro: /usr}"),
	  { "mkfs \"tmpfs\"", "move_mount", "verify", "mount_setattr %2 flags=empty-path set=ro",
	    "pivot_root" } },
	{ "a bind is cloned from the old root and read-only with all below",
	  MOUNTS("{ro: /usr, nodev: true}"),
	  { "open_tree dir=%1 \"usr\" flags=clone,recursive -> %3",
	    "mount_setattr %3 flags=recursive,empty-path set=ro,nosuid,nodev",
	    "mkdir dir=%2 \"usr\"", "open dir=%2 \"usr\" flags=path resolve=no-magiclinks,in-root -> %4",
	    "move_mount %3 to=%4 entry=0", "close %4", "close %3", "verify root=%2 \"usr\" entry=0" } },
	{ "recursive: false is that",
	  MOUNTS("{rw: /d, recursive: false}"),
	  { "open_tree dir=%1 \"d\" flags=clone -> %3", "mount_setattr %3 flags=empty-path set=nosuid" } },
	{ "access times are one field of several bits",
	  MOUNTS("{rw: /d, noatime: true}"),
	  { "mount_setattr %3 flags=recursive,empty-path set=nosuid,noatime clear=atime" } },
	{ "an entry below a link of the spec goes where the link leads",
	  MOUNTS("{ro: /x, at: /lib/x}, {symlink: usr/lib, at: /lib}, {ro: /usr/lib}"),
	  { "symlink dir=%2 \"lib\" target=\"usr/lib\"", "open dir=%2 \"usr/lib\"",
	    "open dir=%2 \"usr/lib/x\"" } },
	{ "links of links are followed, up and down",
	  MOUNTS("{ro: /x, at: /a/x}, {symlink: b/../c, at: /a}, {symlink: /d/., at: /c}"),
	  { "open dir=%2 \"d/x\"" } },
	{ "a missing optional source leaves the entry out",
	  MOUNTS("{ro: /x, optional: true}"),
	  { "open_tree dir=%1 \"x\" flags=clone,recursive -> %3", "mount_setattr %3" } },
	{ "a tmpfs has its size, inodes and mode",
	  MOUNTS("{tmpfs: /t, size: 1M, inodes: 10, mode: \"1777\", noexec: true}"),
	  { "mkfs \"tmpfs\" options=mode=1777,size=1048576,nr_inodes=10 attr=nosuid,nodev,noexec" } },
	{ "a read-only tmpfs is that only when what is inside is there",
	  ON_HOST("{tmpfs: /t, readonly: true}, {ro: /usr, at: /t/usr}"),
	  { "mkfs \"tmpfs\" options=mode=0755 attr=nosuid,nodev flags=owned",
	    "mkdir dir=%1 \"t/usr\"", "move_mount", "open dir=%1 \"t\"", "mount_setattr %",
	    "close %", "verify" } },
	{ "a procfs has its options",
	  MOUNTS("{proc: /proc, hidepid: invisible, subset: pid}"),
	  { "mkfs \"proc\" options=hidepid=invisible,subset=pid attr=nosuid,nodev,noexec" } },
	{ "what is denied is covered by something empty and read-only",
	  ON_HOST("{deny: /secret}"),
	  { "open_tree dir=%1 \".\"", "mkfs \"tmpfs\" options=mode=0700", "mkdir dir=%3 \"dir\" mode=0",
	    "move_mount %3 to=%1", "move_mount %2 to=%1", "open_tree dir=%3 \"dir\" flags=clone -> %4",
	    "mount_setattr %4 flags=empty-path set=ro", "move_mount %4" } },
	{ "what is denied can be walked through to what is not",
	  ON_HOST("{deny: /home}, {ro: /home/me/p}"),
	  { "mkfs \"tmpfs\" options=mode=0111", "mkdir dir=%1 \"home/me/p\"", "open dir=%1 \"home\"",
	    "mount_setattr %", "verify" } },
	{ "directories on the way to a protected place cannot be renamed",
	  ON_HOST("{rw: /work}, {ro: /x, at: /work/a/b/x}, {ro: /y, at: /work/a/c/y}"),
	  { "open dir=%1 \"work/a\" flags=directory,path", "open_tree dir=%6",
	    "open dir=%1 \"work/a/b\" flags=directory", "open dir=%1 \"work/a/b/x\"",
	    "open dir=%1 \"work/a/c\" flags=directory", "open dir=%1 \"work/a/c/y\"" } },
	{ "content goes where the sandbox owns the file system",
	  MOUNTS("{file: /etc/motd, content: hi, mode: \"0600\"}"),
	  { "mkfile dir=%2 \"etc/motd\" content=(2 bytes) mode=0600 flags=parents" } },
	{ "content that covers a file of the host's is bound",
	  ON_HOST("{file: /etc/motd, content: hi}"),
	  { "mkfile dir=%3 \"0\" content=(2 bytes) mode=0644", "open_tree dir=%3 \"0\"",
	    "open dir=%2 \"etc/motd\"", "move_mount" } },
	{ "an overlay has its layers as descriptors, topmost first",
	  MOUNTS("{overlay: /o, lower: [/a, /b], upper: tmpfs}"),
	  { "mkdir dir=%3 \"upper", "mkfs \"overlay\" options=userxattr", "close %" } },
	{ "an upper directory that is kept is the host's",
	  MOUNTS("{overlay: /o, lower: [/a], upper: /u, work: /w}"),
	  { "open dir=%1 \"a\" flags=directory,path", "open dir=%1 \"u\"", "open dir=%1 \"w\"",
	    "mkfs \"overlay\"" } },
	{ "a source below the scratch directory is found under the new root",
	  MOUNTS("{rw: /tmp/x, at: /x}"),
	  { "open dir=%1 \"tmp\" flags=directory,path -> %2", "move_mount %3 to=%1 at=\"tmp\"",
	    "open_tree dir=%2 \"x\"" } },
	{ "a source that contains the scratch directory does not contain the new root",
	  MOUNTS("{ro: /, at: /host}"),
	  { "mount_setattr %2 flags=empty-path propagation=unbindable", "move_mount %2 to=%1",
	    "open_tree dir=%1 \".\"", "mount_setattr %2 flags=empty-path set=ro propagation=private" } },
	{ "an entry that wants the host's mounts leaves the others private",
	  MOUNTS("{ro: /mnt, propagation: slave}, {ro: /usr}"),
	  { "mount_setattr \"/\" flags=recursive propagation=slave",
	    "mount_setattr %3 flags=recursive,empty-path set=ro,nosuid propagation=slave",
	    "mount_setattr %5 flags=recursive,empty-path set=ro,nosuid propagation=private" } },
	{ "the host's tree is the root where it is, and what comes from it is opened before",
	  ON_HOST("{rw: /d}, {dev: /dev}, {ro: /tmp/x, at: /opt}"),
	  { "mount_setattr \"/\" flags=recursive propagation=private", "open_tree dir=%1 \"d\"",
	    "open_tree dir=%1 \"tmp/x\"", "open dir=%1 \"dev\" flags=directory,path -> %4",
	    "mount_setattr %1 flags=recursive,empty-path set=ro,nosuid", "move_mount",
	    "open_tree dir=%4 \"null\"", "verify root=%1", "close %1" } },
	{ "an id-mapped bind has the sandbox's user namespace",
	  MOUNTS("{rw: /d, idmap: true}"),
	  { "open \"/proc/self/ns/user\"", "mount_setattr %3 flags=recursive,empty-path set=nosuid userns=%4" } },
};

TEST(the_chain_has_these_ops_in_this_order)
{
	for (size_t i = 0; i < ARRAY_SIZE(in_order); i++) {
		struct compiled c = compile_spec(in_order[i].spec, &user);

		if (c.r < 0)
			fail_msg("%s: %s", in_order[i].name, c.err.msg);
		expect_lines(&c, in_order[i].name, in_order[i].lines);
		compiled_free(&c);
	}
}

/* How often ops of one kind are there. */
static const struct {
	const char	*spec, *line;
	int		 nr;
} counts[] = {
	/* a destination that exists is not made, nor is one made in the host's tree */
	{ ON_HOST("{ro: /usr, at: /opt}"),				"mkdir", 0 },
	{ ON_HOST("{rw: /d}, {ro: /usr, at: /d/usr}"),			"mkdir", 0 },
	{ ON_HOST("{rw: /d}, {ro: /usr, at: /d/usr, create: true}"),	"mkdir", 1 },
	{ ON_HOST("{tmpfs: /t}, {ro: /usr, at: /t/usr}"),		"mkdir", 1 },
	/* the stage is there for what needs it, once */
	{ MOUNTS("{ro: /usr}, {tmpfs: /tmp}"),				"mkfs \"tmpfs\" options=mode=0700", 0 },
	{ ON_HOST("{deny: /a}, {deny: /b}, {file: /c, content: x}"),	"mkfs \"tmpfs\" options=mode=0700", 1 },
	/* nothing to pin: the payload cannot write there */
	{ ON_HOST("{ro: /w}, {ro: /x, at: /w/a/x}"),			"open_tree dir=%", 2 },
	/* one pin for two entries */
	{ ON_HOST("{rw: /w}, {ro: /x, at: /w/a/x}, {ro: /y, at: /w/a/y}"), "open_tree dir=%", 4 },
	/* the host's tree is the root where it is if nothing else wants it as it was */
	{ ON_HOST("{ro: /a}, {rw: /b}, {tmpfs: /c}"),			"pivot_root", 0 },
	{ ON_HOST("{deny: /a}"),					"pivot_root", 1 },
	{ ON_HOST("{file: /c, content: x}"),				"pivot_root", 1 },
	{ ON_HOST("{overlay: /o, lower: [/a], upper: /u, work: /w}"),	"pivot_root", 1 },
	{ ON_HOST("{ro: /mnt, propagation: slave}"),			"pivot_root", 1 },
	{ ON_HOST("{ro: /a}") "fds: {3: {open: /x}}\n",			"pivot_root", 0 },
	{ ON_HOST("{ro: /a}") "fds: {3: {open: /x, access: read-write}}\n",	"pivot_root", 1 },
	{ ON_HOST("{ro: /a}") "fds: {3: {open: /x, access: write}}\n",	"pivot_root", 1 },
	{ ON_HOST("{ro: /a}") "fds: {3: {open: /x, directory: true}}\n",	"pivot_root", 1 },
	/* every entry that is a mount is looked at in the end */
	{ MOUNTS("{ro: /a}, {symlink: a, at: /b}, {dir: /c}, {tmpfs: /d}"), "verify", 2 },
};

TEST(nothing_is_made_that_is_not_needed)
{
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		struct compiled c = compile_spec(counts[i].spec, &user);

		if (c.r < 0)
			fail_msg("%s: %s", counts[i].spec, c.err.msg);
		if (count_lines(&c, counts[i].line) != counts[i].nr)
			fail_msg("%s: %d of %s in\n%s", counts[i].spec,
				 count_lines(&c, counts[i].line), counts[i].line, c.text);
		compiled_free(&c);
	}
}

TEST(one_dev_has_what_programs_expect)
{
	struct compiled c = compile_spec(MOUNTS("{dev: /dev}"), &user);
	static const char *const lines[] = {
		"mkfs \"tmpfs\" options=mode=0755 attr=nosuid,nodev,noexec", "mkfile dir=%3 \"null\"",
		"symlink dir=%3 \"fd\" target=\"/proc/self/fd\"", "mkdir dir=%3 \"shm\" mode=1777",
		"move_mount %3", "open_tree dir=%1 \"dev/null\"", "mkfs \"devpts\"", NULL
	};

	expect_lines(&c, "dev", lines);
	EXPECT_INT(6, count_lines(&c, "open_tree dir=%1 \"dev/"));
	/* group 5 has no name inside */
	EXPECT_TRUE(find_line(&c, "mkfs \"devpts\" options=ptmxmode=0666,mode=0620 ", 0) > 0);
	compiled_free(&c);
}

/* The lowest limit of descriptors with which the host's tree of @spec is not copied. */
static uint64_t in_place_from(const char *spec)
{
	struct rf_features f = user;

	for (f.nofile = 1; f.nofile < 1024; f.nofile++) {
		struct compiled c = compile_spec(spec, &f);
		int copied = count_lines(&c, "pivot_root");

		compiled_free(&c);
		if (!copied)
			break;
	}
	return f.nofile;
}

TEST(binds_are_opened_early_where_there_are_descriptors_for_that)
{
	uint64_t few = in_place_from(ON_HOST("{ro: /a}")), max = 1024;
	char spec[4096] = "root: host\nmounts: [";

	EXPECT_INT(few + 2, in_place_from(ON_HOST("{ro: /a}, {rw: /b}, {ro: /c}")));
	EXPECT_INT(few + 2, in_place_from(ON_HOST("{ro: /a}")
					  "fds: {3: {open: /x}, 4: {open: /y}}\n"));
	for (int i = 0; i < 60; i++)
		snprintf(spec + strlen(spec), sizeof(spec) - strlen(spec), "{ro: /%d}, ", i);
	strcat(spec, "{tmpfs: /t}]\n");
	EXPECT_INT(max, in_place_from(spec));
}

/* The line of the spec that the first op like @prefix comes from. */
static uint32_t line_of(const struct compiled *c, const char *prefix)
{
	int i = find_line(c, prefix, 0);

	if (i < 0)
		fail_msg("no '%s' in\n%s", prefix, c->text);
	return c->chain->origins[c->chain->ops[i].origin].line;
}

TEST(what_is_opened_early_comes_from_its_entry)
{
	struct compiled c = compile_spec("root: host\nmounts:\n- {dev: /dev}\n- {ro: /a}\n", &user);

	EXPECT_INT(3, line_of(&c, "open dir=%1 \"dev\" flags=directory"));
	EXPECT_INT(4, line_of(&c, "open_tree dir=%1 \"a\""));
	EXPECT_INT(1, line_of(&c, "mount_setattr %1"));
	compiled_free(&c);
}

/* --------------------------------------------------------------- absent and optional */

static struct compiled compile_absent(const char *spec, const char *at)
{
	struct sandbox_case s = sandbox_of(spec, &user);
	struct rf_mount *m = mount_at(&s, at);
	struct compiled c;

	m->flags = (m->flags & ~(RF_MF_IS_DIR | RF_MF_IS_FILE)) | RF_MF_ABSENT;
	c = compile_case(&s, &user);
	sandbox_case_free(&s);
	return c;
}

TEST(denying_what_nobody_can_make_takes_nothing)
{
	struct compiled c = compile_absent(ON_HOST("{deny: /none}"), "/none");

	EXPECT_INT(0, c.r);
	EXPECT_INT(-1, find_line(&c, "open dir=%2 \"none\"", 0));
	compiled_free(&c);
}

TEST(denying_what_the_command_could_make_is_refused)
{
	struct compiled c = compile_absent(ON_HOST("{rw: /w}, {deny: /w/none}"), "/w/none");

	EXPECT_INT(-ENOENT, c.r);
	EXPECT_INT(2, c.err.line);
	assert_non_null(strstr(c.err.hint, "placeholder"));
	compiled_free(&c);
}

TEST(an_optional_deny_of_nothing_is_left_out)
{
	struct compiled c = compile_absent(ON_HOST("{rw: /w}, {deny: /w/none, optional: true}"),
					   "/w/none");

	EXPECT_INT(0, c.r);
	EXPECT_INT(-1, find_line(&c, "open dir=%2 \"w/none\"", 0));
	compiled_free(&c);
}

TEST(absent_freeze_makes_the_directory_around_it_read_only)
{
	struct compiled c = compile_absent(
		ON_HOST("{rw: /w}, {deny: /w/a/none, absent: freeze}, {rw: /x, at: /w/a/x}"), "/w/a/none");
	static const char *const lines[] = {
		"open dir=%1 \"w\"", "open dir=%1 \"w/a\" flags=directory", "open_tree dir=%",
		"mount_setattr %6 flags=empty-path set=ro", "move_mount", "open dir=%1 \"w/a/x\"", NULL
	};

	EXPECT_INT(0, c.r);
	expect_lines(&c, "freeze", lines);
	compiled_free(&c);
}

TEST(absent_placeholder_puts_a_directory_there)
{
	struct compiled c = compile_absent(
		ON_HOST("{rw: /w}, {deny: /w/none, absent: placeholder}"), "/w/none");
	static const char *const lines[] = {
		"mkdir dir=%2 \"w/none\" mode=0755 flags=parents,anywhere,exist-ok",
		"open dir=%2 \"w/none\"", "move_mount", NULL
	};

	EXPECT_INT(0, c.r);
	expect_lines(&c, "placeholder", lines);
	compiled_free(&c);
}

TEST(a_missing_optional_source_leaves_no_trace_of_its_destination)
{
	struct compiled c = compile_absent(MOUNTS("{ro: /x, optional: true}"), "/x");

	EXPECT_INT(0, c.r);
	EXPECT_INT(0, count_lines(&c, "mkdir"));
	EXPECT_TRUE(c.chain->ops[find_line(&c, "open_tree", 0)].flags & RF_OP_F_HARD);
	EXPECT_TRUE(c.chain->ops[find_line(&c, "open dir=%2 \"x\"", 0)].flags & RF_OP_F_HARD);
	compiled_free(&c);
}

TEST(a_source_that_another_entry_makes_is_opened_after_that)
{
	struct compiled c = compile_absent(
		ON_HOST("{rw: /w}, {dir: /w/n, create: true}, {ro: /w/n, at: /x}"), "/x");
	static const char *const lines[] = {
		"mkdir dir=%2 \"w/n\"", "open_tree dir=%1 \"w/n\"", "pivot_root", NULL
	};

	EXPECT_INT(0, c.r);
	expect_lines(&c, "source", lines);
	compiled_free(&c);
}

TEST(a_file_is_bound_on_a_file)
{
	struct sandbox_case s = sandbox_of(MOUNTS("{ro: /etc/passwd}, {ro: /usr}"), &user);
	struct rf_mount *m = mount_at(&s, "/etc/passwd");
	struct compiled c;

	m->flags = (m->flags & ~RF_MF_IS_DIR) | RF_MF_IS_FILE;
	c = compile_case(&s, &user);
	EXPECT_TRUE(find_line(&c, "mkfile dir=%2 \"etc/passwd\"", 0) > 0);
	EXPECT_TRUE(find_line(&c, "mkdir dir=%2 \"usr\"", 0) > 0);
	compiled_free(&c);
	sandbox_case_free(&s);
}

TEST(a_bind_from_a_descriptor_must_be_what_the_descriptor_is)
{
	struct sandbox_case s = sandbox_of(MOUNTS("{ro: /d}"), &user);
	struct rf_mount *m = mount_at(&s, "/d");
	struct compiled c;

	m->source_fd = 7;
	m->source_dev = 0x801;
	m->source_ino = 42;
	c = compile_case(&s, &user);
	EXPECT_TRUE(find_line(&c, "open_tree dir=%1 \"d\" flags=clone,recursive dev=8:1 ino=42", 0) > 0);
	compiled_free(&c);
	sandbox_case_free(&s);
}

/* ----------------------------------------------------------------------- refusals */

static const struct {
	const char	*spec;
	int		 r;
	const char	*msg;
} refused[] = {
	{ MOUNTS("{ro: /a, at: /lib/x}, {symlink: usr/lib, at: /lib}, {ro: /b, at: /usr/lib/x}"),
	  -EINVAL, "puts something already" },
	{ MOUNTS("{ro: /x, at: /a/x}, {symlink: b, at: /a}, {symlink: a, at: /b}"),
	  -ELOOP, "in a circle" },
};

TEST(what_cannot_be_is_refused_with_the_place)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct compiled c = compile_spec(refused[i].spec, &user);

		if (c.r != refused[i].r || !strstr(c.err.msg, refused[i].msg) || c.err.line != 2)
			fail_msg("%s: %d, %u, %s", refused[i].spec, c.r, c.err.line, c.err.msg);
		compiled_free(&c);
	}
}

TEST(mounts_without_a_mount_namespace_are_refused)
{
	struct sandbox_case s = sandbox_of(MOUNTS("{ro: /a}"), &user);
	struct compiled c;

	s.sb->ns[RF_NS_MOUNT].mode = RF_NS_HOST;
	c = compile_case(&s, &user);
	EXPECT_INT(-EINVAL, c.r);
	compiled_free(&c);
	sandbox_case_free(&s);
}

/* ----------------------------------------------------------------------- many */

static int ops_for(int nr)
{
	struct compiled c;
	char *spec = NULL;
	size_t size;
	FILE *f = open_memstream(&spec, &size);
	int ops;

	assert_non_null(f);
	fprintf(f, "root: empty\nmounts:\n");
	for (int i = 0; i < nr; i++)
		fprintf(f, "- {ro: /s, at: /d/%d}\n", (i * 7919) % nr);
	fclose(f);
	c = compile_spec(spec, &user);
	if (c.r < 0)
		fail_msg("%d mounts: %s", nr, c.err.msg);
	ops = rf_chain_nr(c.chain);
	compiled_free(&c);
	free(spec);
	return ops;
}

TEST(ops_grow_with_the_mounts_and_no_faster)
{
	int some = ops_for(100), more = ops_for(200);

	EXPECT_INT((more - some) * 99, ops_for(10000) - some);
}
