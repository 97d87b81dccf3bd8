/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resolving on a real host: files, users, descriptors, the environment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

#include "ringfence.h"
#include "probe.h"
#include "spec.h"

static int load(struct rf_sandbox *sb, const char *text, struct rf_err *err)
{
	const struct rf_features features = { .uid = getuid(), .gid = getgid() };
	static char *const argv[] = { "true" };
	int r = rf_spec_parse("spec", text, strlen(text), 0, sb, err);

	if (!r)
		r = rf_command_set(1, argv, sb, err);
	return r ? r : rf_sandbox_resolve(sb, &features, 0, err);
}

#define GIVEN(text)							\
	struct rf_err err = RF_ERR_INIT;				\
	struct rf_sandbox *sb = rf_sandbox_new();			\
	int r = load(sb, text, &err)

static void put_file(const char *name, const char *content)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	EXPECT_TRUE(fd >= 0);
	EXPECT_INT(strlen(content), write(fd, content, strlen(content)));
	close(fd);
}

/* In a fresh directory with a file, a directory in a directory, and HOME there. */
static const char *enter_dir(void)
{
	static char dir[4096];

	EXPECT_INT(0, chdir(harness_dir()));
	EXPECT_TRUE(getcwd(dir, sizeof(dir)) != NULL);
	put_file("file", "x");
	EXPECT_INT(0, mkdir("dir", 0755));
	EXPECT_INT(0, mkdir("dir/sub", 0755));
	EXPECT_INT(0, setenv("HOME", dir, 1));
	return dir;
}

static const struct rf_mount *mount_like(const struct rf_sandbox *sb, const char *end)
{
	for (size_t i = 0; i < sb->nr_mounts; i++) {
		const char *at = sb->mounts[i].at;

		if (strlen(at) >= strlen(end) && !strcmp(at + strlen(at) - strlen(end), end))
			return &sb->mounts[i];
	}
	return NULL;
}

TEST(sources_are_seen_as_what_they_are)
{
	const char *dir = enter_dir();
	char want[5000];
	GIVEN("mounts: [{ro: file}, {rw: ./dir}, {ro: dir/../none, at: /none}, {ro: ~/dir/sub}]");

	EXPECT_INT(0, r);
	EXPECT_INT(RF_MF_IS_FILE, mount_like(sb, "/file")->flags);
	EXPECT_INT(RF_MF_IS_DIR, mount_like(sb, "/dir")->flags);
	EXPECT_INT(RF_MF_ABSENT, mount_like(sb, "/none")->flags);
	EXPECT_INT(RF_MF_IS_DIR, mount_like(sb, "/sub")->flags);
	snprintf(want, sizeof(want), "%s/dir", dir);
	EXPECT_STR(want, mount_like(sb, "/dir")->source);
	EXPECT_STR(dir, sb->caller_cwd);
	rf_sandbox_free(sb);
}

TEST(a_leading_dotdot_is_taken_off_the_working_directory)
{
	const char *dir = enter_dir();

	EXPECT_INT(0, chdir("dir/sub"));
	GIVEN("mounts: [{ro: ../..}, {ro: ../../file}]");
	EXPECT_INT(0, r);
	EXPECT_STR(dir, sb->mounts[0].at);
	EXPECT_INT(RF_MF_IS_FILE, sb->mounts[1].flags);
	rf_sandbox_free(sb);
}

TEST(a_denied_place_is_seen_through_what_covers_it)
{
	enter_dir();
	GIVEN("mounts:\n- {rw: dir, at: /d}\n- {deny: /d/sub}\n- {deny: /d/no/such}\n"
	      "- {tmpfs: /t}\n- {deny: /t/x}\n- {deny: /elsewhere}\n");

	EXPECT_INT(0, r);
	EXPECT_INT(RF_MF_IS_DIR, mount_like(sb, "/d/sub")->flags);
	EXPECT_INT(RF_MF_ABSENT, mount_like(sb, "/d/no/such")->flags);
	EXPECT_STR("/d", mount_like(sb, "/d/no/such")->source);
	EXPECT_INT(RF_MF_ABSENT, mount_like(sb, "/t/x")->flags);
	EXPECT_STR("/t", mount_like(sb, "/t/x")->source);
	EXPECT_INT(RF_MF_ABSENT, mount_like(sb, "/elsewhere")->flags);
	rf_sandbox_free(sb);
}

TEST(an_optional_entry_whose_place_cannot_be_is_left_out)
{
	enter_dir();
	GIVEN("root: host\nmounts: [{tmpfs: /no/such/place, optional: true}, {tmpfs: /tmp, optional: true}]");

	EXPECT_INT(0, r);
	EXPECT_INT(1, sb->nr_mounts);
	EXPECT_STR("/tmp", sb->mounts[0].at);
	rf_sandbox_free(sb);
}

TEST(without_a_home_there_is_nothing_to_hide)
{
	EXPECT_INT(0, setenv("HOME", "/", 1));
	GIVEN("extends: [default]");
	EXPECT_INT(0, r);
	for (size_t i = 0; i < sb->nr_mounts; i++)
		assert_string_not_equal("/", sb->mounts[i].at);
	EXPECT_INT(4, sb->nr_mounts);
	rf_sandbox_free(sb);
}

TEST(images_are_told_by_their_magic)
{
	enter_dir();
	put_file("sq", "hsqs and so on");
	GIVEN("root: ./sq");
	EXPECT_INT(0, r);
	EXPECT_INT(RF_ROOT_IMAGE, sb->root.kind);
	EXPECT_STR("squashfs", sb->root.fstype);
	rf_sandbox_free(sb);
}

TEST(a_file_that_is_no_image_is_refused_as_root)
{
	enter_dir();
	GIVEN("root: ./file");
	EXPECT_INT(-EINVAL, r);
	EXPECT_TRUE(strstr(err.msg, "is neither a squashfs nor an erofs image") != NULL);
	EXPECT_INT(1, err.line);
	EXPECT_INT(7, err.col);
	rf_sandbox_free(sb);
}

TEST(a_bind_from_a_descriptor_knows_its_path_and_inode)
{
	const char *dir = enter_dir();
	struct stat st;
	char text[100];
	int fd = open("dir", O_PATH | O_CLOEXEC);

	snprintf(text, sizeof(text), "mounts: [{ro: {fd: %d}, at: /x}]", fd);
	GIVEN(text);
	EXPECT_INT(0, r);
	EXPECT_INT(0, fstat(fd, &st));
	EXPECT_INT(0, strncmp(dir, sb->mounts[0].source, strlen(dir)));
	assert_int_equal(st.st_ino, sb->mounts[0].source_ino);
	assert_int_equal(st.st_dev, sb->mounts[0].source_dev);
	EXPECT_INT(RF_MF_IS_DIR, sb->mounts[0].flags);
	rf_sandbox_free(sb);
	close(fd);
}

TEST(descriptors_that_are_not_open_are_refused)
{
	static const char *const texts[] = {
		"mounts: [{ro: {fd: 987}, at: /x}]", "mounts: [{file: /x, fd: 987}]",
		"fds: {987: inherit}", "fds: {3: {from: 987}}", "exec_fd: 987",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		GIVEN(texts[i]);
		EXPECT_INT(-EINVAL, r);
		EXPECT_TRUE(strstr(err.msg, "descriptor 987 is not open") != NULL);
		rf_sandbox_free(sb);
	}
}

TEST(a_directory_is_passed_in_only_if_named_as_such)
{
	char text[100];
	int fd;

	enter_dir();
	fd = open("dir", O_RDONLY);
	snprintf(text, sizeof(text), "fds: {9: {from: %d}}", fd);
	{
		GIVEN(text);
		EXPECT_INT(-EINVAL, r);
		EXPECT_TRUE(strstr(err.msg, "a way out of the sandbox") != NULL);
		EXPECT_TRUE(err.hint[0]);
		rf_sandbox_free(sb);
	}
	snprintf(text, sizeof(text), "fds: {9: {from: %d, directory: true}}", fd);
	GIVEN(text);
	EXPECT_INT(0, r);
	rf_sandbox_free(sb);
	close(fd);
}

TEST(closed_standard_descriptors_stay_closed)
{
	int saved = dup(STDIN_FILENO);

	close(STDIN_FILENO);
	GIVEN("{}");
	dup2(saved, STDIN_FILENO);
	close(saved);
	EXPECT_INT(0, r);
	EXPECT_INT(1, sb->nr_fds);
	EXPECT_INT(0, sb->fds[0].number);
	EXPECT_INT(RF_FD_CLOSED, sb->fds[0].kind);
	rf_sandbox_free(sb);
}

TEST(a_script_is_seen_in_a_descriptor)
{
	char text[64];
	int fd;

	enter_dir();
	put_file("script", "#!/bin/sh\n");
	fd = open("script", O_RDONLY | O_CLOEXEC);
	snprintf(text, sizeof(text), "exec_fd: %d", fd);
	GIVEN(text);
	EXPECT_INT(0, r);
	EXPECT_TRUE(sb->exec_fd_script);
	rf_sandbox_free(sb);
	close(fd);
}

TEST(the_environment_has_only_what_is_kept)
{
	bool has_lc = false;

	setenv("SECRET_TOKEN", "x", 1);
	setenv("LC_TEST", "y", 1);
	GIVEN("{}");
	EXPECT_INT(0, r);
	for (char **e = sb->envp; *e; e++) {
		EXPECT_TRUE(strncmp(*e, "SECRET_TOKEN", 12) != 0);
		has_lc |= !strcmp(*e, "LC_TEST=y");
	}
	EXPECT_TRUE(has_lc);
	rf_sandbox_free(sb);
}

TEST(without_a_working_directory_relative_paths_are_refused)
{
	enter_dir();
	EXPECT_INT(0, chdir("dir/sub"));
	EXPECT_INT(0, rmdir("../sub"));
	GIVEN("mounts: [{ro: x}]");
	EXPECT_INT(-EINVAL, r);
	EXPECT_STR("'x' is relative, and there is no working directory", err.msg);
	rf_sandbox_free(sb);
}

/* ------------------------------------------------------------------ extends */

TEST(files_extend_files_beside_them)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;

	enter_dir();
	put_file("top.yaml", "extends: [dir/mid.yaml]\nnice: 1\n");
	put_file("dir/mid.yaml", "extends: ./low.yaml\nnice: 2\nhostname: mid\n");
	put_file("dir/low.yaml", "hostname: low\numask: 22\n");
	EXPECT_INT(0, rf_spec_load("top.yaml", sb, &err));
	EXPECT_INT(1, sb->nice);
	EXPECT_STR("mid", sb->hostname);
	EXPECT_INT(022, sb->umask);
	rf_sandbox_free(sb);
}

TEST(a_cycle_is_refused_whatever_its_names)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;

	enter_dir();
	put_file("a.yaml", "extends: [dir/b.yaml]\n");
	put_file("dir/b.yaml", "nice: 1\nextends: [.././a.yaml]\n");
	EXPECT_INT(-EINVAL, rf_spec_load("a.yaml", sb, &err));
	EXPECT_STR("'a.yaml' extends itself through other files", err.msg);
	EXPECT_STR("dir/b.yaml", err.file);
	EXPECT_INT(2, err.line);
	EXPECT_INT(11, err.col);
	rf_sandbox_free(sb);
}

TEST(what_cannot_be_read_is_said)
{
	static const struct { const char *text; int want; const char *msg; } cases[] = {
		{ "extends: ./none.yaml", -ENOENT, "open ./none.yaml" },
		{ "extends: ./dir", -EINVAL, "'./dir' is no regular file" },
		{ "extends: ./fifo", -EINVAL, "'./fifo' is no regular file" },
		{ "extends: file", -EINVAL, "no preset 'file'" },
	};

	enter_dir();
	EXPECT_INT(0, mkfifo("fifo", 0644));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_sandbox *sb = rf_sandbox_new();
		struct rf_err err = RF_ERR_INIT;

		put_file("spec.yaml", cases[i].text);
		EXPECT_INT(cases[i].want, rf_spec_load("./spec.yaml", sb, &err));
		EXPECT_STR(cases[i].msg, err.msg);
		EXPECT_STR("./spec.yaml", err.file);
		EXPECT_INT(10, err.col);
		rf_sandbox_free(sb);
	}
}

TEST(a_tower_of_files_is_refused)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;
	char name[32], text[64];

	enter_dir();
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "f%d.yaml", i);
		snprintf(text, sizeof(text), "extends: ./f%d.yaml", i + 1);
		put_file(name, text);
	}
	EXPECT_INT(-EINVAL, rf_spec_load("f0.yaml", sb, &err));
	EXPECT_STR("more than 16 files that extend one another", err.msg);
	rf_sandbox_free(sb);
}

TEST(a_bomb_of_files_is_refused)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;
	char name[32], text[300];

	enter_dir();
	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "f%d.yaml", i);
		snprintf(text, sizeof(text), "extends: [./f%d.yaml, ./f%d.yaml, ./f%d.yaml]", i + 1, i + 1, i + 1);
		put_file(name, text);
	}
	put_file("f12.yaml", "nice: 1");
	EXPECT_INT(-EINVAL, rf_spec_load("f0.yaml", sb, &err));
	EXPECT_STR("more than 64 files are extended", err.msg);
	rf_sandbox_free(sb);
}
