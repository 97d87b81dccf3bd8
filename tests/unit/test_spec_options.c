/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options mean what their keys mean.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "harness.h"

#include "ringfence.h"
#include "probe.h"
#include "spec.h"

static const struct rf_features features = { .uid = 1000, .gid = 1000 };

static const struct rf_opt *find(const char *name)
{
	for (const struct rf_opt *o = rf_spec_options; o->name; o++)
		if (!strcmp(o->name, name))
			return o;
	fail_msg("no option --%s", name);
	return NULL;
}

/* Take NAME VALUE pairs up to a NULL; without a value "" stands for NULL. */
static int take(struct rf_sandbox *sb, const char *const *words, struct rf_err *err)
{
	static char *const argv[] = { "true" };
	int r = 0;

	for (; *words && !r; words += 2)
		r = rf_option_apply(find(words[0]), words[1], sb, err);
	if (!r)
		r = rf_command_set(1, argv, sb, err);
	return r ? r : rf_sandbox_resolve(sb, &features, RF_RESOLVE_PURE, err);
}

#define TAKE(sb, err, ...) take(sb, (const char *const[]){ __VA_ARGS__, NULL }, err)

#define GIVEN(...)							\
	struct rf_err err = RF_ERR_INIT;				\
	struct rf_sandbox *sb = rf_sandbox_new();			\
	if (TAKE(sb, &err, __VA_ARGS__) < 0)				\
		fail_msg("%s: %s", err.file, err.msg)

static const struct rf_mount *mount_at(const struct rf_sandbox *sb, const char *at)
{
	for (size_t i = 0; i < sb->nr_mounts; i++)
		if (!strcmp(sb->mounts[i].at, at))
			return &sb->mounts[i];
	return NULL;
}

TEST(every_row_is_whole)
{
	for (const struct rf_opt *o = rf_spec_options; o->name; o++) {
		if (!o->help || !o->key || o->shape == RF_SHAPE_NONE)
			fail_msg("--%s lacks help, key or shape", o->name);
		if (o->flags & RF_OPT_NEGATABLE && o->arg)
			fail_msg("--no-%s would need an argument", o->name);
		for (const struct rf_opt *p = rf_spec_options; p < o; p++)
			if (!strcmp(p->name, o->name) || (o->letter && p->letter == o->letter))
				fail_msg("--%s and --%s share a name or letter", p->name, o->name);
	}
}

TEST(without_a_spec_the_default_preset_holds)
{
	GIVEN("rw", "/srv");

	EXPECT_INT(RF_ROOT_HOST, sb->root.kind);
	EXPECT_STR("preset:default", mount_at(sb, "/tmp")->place.file);
	EXPECT_STR("--rw", mount_at(sb, "/srv")->place.file);
	EXPECT_INT(0, mount_at(sb, "/srv")->place.line);
	rf_sandbox_free(sb);
}

TEST(saying_what_to_start_from_leaves_the_default_out)
{
	{
		GIVEN("root", "empty");
		EXPECT_INT(0, sb->nr_mounts);
		EXPECT_INT(RF_ROOT_EMPTY, sb->root.kind);
		rf_sandbox_free(sb);
	}
	GIVEN("extends", "build");
	EXPECT_INT(RF_MOUNT_RW, mount_at(sb, "/work")->kind);
	rf_sandbox_free(sb);
}

TEST(mounts_have_short_forms)
{
	GIVEN("ro", "/usr", "rw", "a:/b", "ro", "/c:/d:optional,noexec,propagation=slave",
	      "tmpfs", "/t:size=64M,mode=1777", "symlink", "usr/bin:/bin",
	      "file", "/f:content=a\\,b", "overlay", "/o:lower=/l1,lower=/l2",
	      "deny", "~/.ssh", "ro-fd", "5:/five", "rw-fd", "6:/six:nosuid",
	      "mount", "{dir: /dir, mode: \"0700\"}", "ro", "/x\\:y:/z");

	EXPECT_INT(RF_MOUNT_RO, mount_at(sb, "/usr")->kind);
	EXPECT_STR("/work/a", mount_at(sb, "/b")->source);
	EXPECT_INT(RF_MF_OPTIONAL | RF_MF_NOEXEC | RF_MF_IS_DIR, mount_at(sb, "/d")->flags);
	EXPECT_INT(RF_PROP_SLAVE, mount_at(sb, "/d")->propagation);
	EXPECT_INT(64 << 20, mount_at(sb, "/t")->size);
	EXPECT_INT(01777, mount_at(sb, "/t")->mode);
	EXPECT_STR("usr/bin", mount_at(sb, "/bin")->source);
	EXPECT_STR("a,b", mount_at(sb, "/f")->content);
	EXPECT_INT(2, mount_at(sb, "/o")->nr_lower);
	EXPECT_INT(RF_MOUNT_DENY, mount_at(sb, "/home/user/.ssh")->kind);
	EXPECT_INT(5, mount_at(sb, "/five")->source_fd);
	EXPECT_INT(RF_MOUNT_RW, mount_at(sb, "/six")->kind);
	EXPECT_TRUE(mount_at(sb, "/six")->flags & RF_MF_NOSUID);
	EXPECT_INT(0700, mount_at(sb, "/dir")->mode);
	EXPECT_STR("/x:y", mount_at(sb, "/z")->source);
	rf_sandbox_free(sb);
}

TEST(scalars_and_flags_are_those_of_their_keys)
{
	GIVEN("hostname", "true", "uid", "0", "gid", "0", "map", "root", "groups", "drop",
	      "no-new-privileges", "false", "limit-wall", "10m", "limit-nofile", "10:20",
	      "umask", "077", "terminal", "none", "cwd", "/x", "argv0", "-sh",
	      "capabilities", "chown,kill", "affinity", "0,2-3", "nice", "5", "init", "false",
	      "die-with-parent", "true", "env-clear", NULL);

	EXPECT_STR("true", sb->hostname);
	EXPECT_INT(0, sb->user.uid);
	EXPECT_INT(RF_MAP_ROOT, sb->user.map);
	EXPECT_INT(RF_GROUPS_DROP, sb->user.groups);
	EXPECT_FALSE(sb->no_new_privs);
	EXPECT_INT(600000, sb->wall_ms);
	assert_int_equal(20, sb->rlimits[RLIMIT_NOFILE].hard);
	EXPECT_INT(077, sb->umask);
	EXPECT_INT(RF_TERM_NONE, sb->terminal);
	EXPECT_STR("/x", sb->cwd);
	EXPECT_STR("-sh", sb->argv0);
	assert_int_equal(1 << 0 | 1 << 5, sb->capabilities);
	assert_int_equal(0xd, sb->affinity[0]);
	EXPECT_FALSE(sb->init);
	EXPECT_TRUE(sb->die_with_parent);
	rf_sandbox_free(sb);
}

TEST(lists_and_maps_have_short_forms)
{
	GIVEN("namespaces", "user,mount,pid=host,ipc=fd:5", "map", "uid:0:1000:1,uid:1:100000:10,gid:0:1000:1",
	      "groups", "0", "uid", "0", "fd", "3:open=/i,access=read", "fd", "4", "fd", "0:closed",
	      "fd", "5:from=9,directory=true");

	EXPECT_INT(RF_NS_NEW, sb->ns[RF_NS_MOUNT].mode);
	EXPECT_INT(RF_NS_HOST, sb->ns[RF_NS_UTS].mode);
	EXPECT_INT(5, sb->ns[RF_NS_IPC].fd);
	EXPECT_INT(2, sb->user.nr_uid_map);
	EXPECT_INT(10, sb->user.uid_map[1].count);
	EXPECT_INT(1000, sb->user.gid_map[0].outside);
	EXPECT_INT(1, sb->user.nr_add_gids);
	EXPECT_STR("/i", sb->fds[0].path);
	EXPECT_INT(4, sb->fds[1].from);
	EXPECT_INT(RF_FD_CLOSED, sb->fds[2].kind);
	EXPECT_TRUE(sb->fds[3].dir_ok);
	rf_sandbox_free(sb);
}

TEST(an_option_for_a_variable_adds_one)
{
	GIVEN("env-keep", "HOME", "env", "A=b=c", "env", "E=", "env", "PATH");

	EXPECT_STR("HOME=/home/user", sb->envp[0]);
	EXPECT_INT(0, strncmp(sb->envp[1], "PATH=", 5));
	EXPECT_STR("A=b=c", sb->envp[2]);
	EXPECT_STR("E=", sb->envp[3]);
	EXPECT_NULL(sb->envp[4]);
	rf_sandbox_free(sb);
}

TEST(options_win_over_the_spec_wherever_they_stand)
{
	static const char spec[] = "hostname: spec\nmounts: [{tmpfs: /a}, {tmpfs: /b}]\ncommand: [x]\n";
	static char *const argv[] = { "y" };
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(0, rf_option_apply(find("hostname"), "option", sb, &err));
	EXPECT_INT(0, rf_option_apply(find("ro"), "/x:/a", sb, &err));
	EXPECT_INT(0, rf_spec_parse("spec", spec, sizeof(spec) - 1, 0, sb, &err));
	EXPECT_INT(0, rf_command_set(1, argv, sb, &err));
	EXPECT_INT(0, rf_sandbox_resolve(sb, &features, RF_RESOLVE_PURE, &err));
	EXPECT_STR("option", sb->hostname);
	EXPECT_STR("y", sb->argv[0]);
	EXPECT_INT(2, sb->nr_mounts);
	EXPECT_INT(RF_MOUNT_RO, mount_at(sb, "/a")->kind);
	rf_sandbox_free(sb);
}

TEST(a_second_spec_is_refused)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(0, rf_spec_parse("a", "{}", 2, 0, sb, &err));
	EXPECT_INT(-EINVAL, rf_spec_parse("b", "{}", 2, 0, sb, &err));
	rf_sandbox_free(sb);
}

TEST(an_error_names_the_option)
{
	static const struct { const char *name, *value, *file, *msg; } cases[] = {
		{ "tmpfs", "/t:size=64X", "--tmpfs", "'64X' is not a size like 65536, 64K, 64M, 2G or 1T" },
		{ "tmpfs", "/t:sise=64", "--tmpfs", "unknown key 'sise'; did you mean 'size'?" },
		{ "tmpfs", "t", "--tmpfs", "'t' is relative; a place in the sandbox begins with /" },
		{ "ro", "", "--ro", "an empty path" },
		{ "ro", "/", "--ro", "'/' is what `root` says" },
		{ "rw", "tree:/", "--rw", "'/' is what `root` says" },
		{ "tmpfs", "/", "--tmpfs", "'/' is what `root` says" },
		{ "ro", "/a:", "--ro", "an empty path" },
		{ "ro", "/a:/b:", "--ro", NULL },
		{ "ro-fd", "x:/a", "--ro-fd", "'x' is not a number" },
		{ "ro-fd", "5", "--ro-fd", "a descriptor needs 'at', the place where it goes" },
		{ "namespaces", "nett", "--namespaces", "unknown namespace 'nett'; did you mean 'net'?" },
		{ "uid", "-1", "--uid", "'-1' is not between 0 and 4294967294" },
		{ "map", "uid:0:0", "--map", "a map needs both 'uid' and 'gid'" },
		{ "map", "nid:0:0:1", "--map", "'nid' is not uid:INSIDE:OUTSIDE:COUNT or gid:..." },
		{ "map", "uid:0:0:1:2", "--map", "a range has three numbers" },
		{ "map", "rot", "--map", "unknown word 'rot'; did you mean 'root'?" },
		{ "fd", "3:open", "--fd", NULL },
		{ "fd", "three", "--fd", "'three' is not a number" },
		{ "mount", "{ro: [", "--mount", "while parsing a flow node: did not find expected node content" },
		{ "mount", "{roo: /a}", "--mount", "unknown key 'roo'; did you mean 'ro'?" },
		{ "extends", "shel", "--extends", "no preset 'shel'; did you mean 'shell'?" },
		{ "env", "=a", "--env", "'' cannot be the name of a variable" },
		{ "network", "", "--network", "unknown word ''" },
		{ "no-new-privileges", "yes", "--no-new-privileges", "'yes' where true or false belongs, without quotes" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_sandbox *sb = rf_sandbox_new();
		struct rf_err err = RF_ERR_INIT;
		int r = TAKE(sb, &err, cases[i].name, cases[i].value);

		if (cases[i].msg && (r != -EINVAL || strcmp(err.msg, cases[i].msg) ||
				     strcmp(err.file, cases[i].file)))
			fail_msg("--%s %s: %d, %s: %s", cases[i].name, cases[i].value, r, err.file, err.msg);
		rf_sandbox_free(sb);
	}
}

TEST(an_option_without_its_argument_is_refused)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(-EINVAL, rf_option_apply(find("rw"), NULL, sb, &err));
	EXPECT_INT(0, sb->nr_mounts);
	rf_sandbox_free(sb);
}

TEST(an_empty_command_is_refused)
{
	static char *const argv[] = { "" };
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(-EINVAL, rf_command_set(1, argv, sb, &err));
	EXPECT_STR("the command is empty", err.msg);
	rf_sandbox_free(sb);
}
