/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Features: what a machine says of itself, as a file, and read again. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "probe.h"
#include "ringfence.h"

static const char *file_with(const char *text)
{
	static char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/file", harness_dir());
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

TEST(what_is_printed_is_read_again)
{
	const struct rf_features want = {
		.kernel = RF_KERNEL(6, 18), .uid = 1000, .gid = 1001, .nr_groups = 3,
		.caps = 1ULL << 40, .subuid = 100000, .nr_subuid = 65536, .subgid = 200000,
		.nr_subgid = 1, .last_cap = 40, .nofile = 16, .landlock = 7, .host_root = true,
		.has_newuidmap = true,
	};
	struct rf_features got;
	struct rf_err err = RF_ERR_INIT;
	char text[4096], again[4096];

	EXPECT_TRUE(rf_features_print(&want, text, sizeof(text)) < (int)sizeof(text));
	EXPECT_INT(0, rf_features_read(file_with(text), &got, &err));
	rf_features_print(&got, again, sizeof(again));
	EXPECT_STR(text, again);
	EXPECT_TRUE(got.caps == want.caps && got.has_newuidmap && got.kernel == want.kernel);
}

TEST(the_length_is_what_it_would_have_been)
{
	const struct rf_features f = { .kernel = RF_KERNEL(6, 1) };
	char whole[4096], part[20];
	int len = rf_features_print(&f, whole, sizeof(whole));

	EXPECT_INT(len, rf_features_print(&f, part, sizeof(part)));
	EXPECT_INT(0, memcmp(whole, part, sizeof(part) - 1));
	EXPECT_INT(0, part[sizeof(part) - 1]);
}

static const struct {
	const char	*text;
	unsigned int	 line;
} bad[] = {
	{ "kernel: 6.1\nnonsense\n", 2 },
	{ "# comment\n\nkernels: 6.1\n", 3 },
	{ "kernel: 6\n", 1 },
	{ "kernel: 6.1x\n", 1 },
	{ "uid: -1\n", 1 },
	{ "uid: 4294967296\n", 1 },
	{ "uid: 5 \n", 1 },
	{ "newuidmap: maybe\n", 1 },
	{ "capabilities: zz\n", 1 },
};

TEST(what_is_no_feature_is_an_error_with_its_line)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct rf_features f;
		struct rf_err err = RF_ERR_INIT;

		if (rf_features_read(file_with(bad[i].text), &f, &err) != -EINVAL ||
		    err.line != bad[i].line)
			fail_msg("%s: line %u, %s", bad[i].text, err.line, err.msg);
	}
}

TEST(a_file_that_is_not_there_is_named)
{
	struct rf_features f;
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(-ENOENT, rf_features_read("/no/such", &f, &err));
	EXPECT_STR("/no/such", err.msg);
}

static const struct {
	const char	*text;
	int		 r;
	uint32_t	 first, count;
} subids[] = {
	{ "",					-ENOENT, 0, 0 },
	{ "other:1:2\n",			-ENOENT, 0, 0 },
	{ "me:100000:65536\n",			0, 100000, 65536 },
	{ "other:1:2\nme:3:4\nme:5:6\n",	0, 3, 4 },
	{ "1000:7:8\n",				0, 7, 8 },
	{ "me:x:4\nme:5:0\nme:1:2:3\nme\n",	0, 1, 2 },
	{ "meme:1:2\n",				-ENOENT, 0, 0 },
};

TEST(the_first_range_of_the_user_counts_by_name_or_number)
{
	for (size_t i = 0; i < ARRAY_SIZE(subids); i++) {
		uint32_t first = 0, count = 0;
		int r = rf_subids_read(file_with(subids[i].text), 1000, "me", &first, &count);

		if (r != subids[i].r || first != subids[i].first || count != subids[i].count)
			fail_msg("%s: %d %u %u", subids[i].text, r, first, count);
	}
}

TEST(the_probe_agrees_with_the_caller)
{
	struct rf_features f;
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(0, rf_probe(&f, &err));
	EXPECT_INT(geteuid(), f.uid);
	EXPECT_INT(getegid(), f.gid);
	EXPECT_TRUE(f.kernel >= RF_KERNEL(5, 0));
	EXPECT_TRUE(f.last_cap >= 37 && f.last_cap < 64);
}
