/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Classes of service in resctrl: where it is, what they may be called, what they have. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "rdt.h"

TEST(it_is_found_whole_and_by_its_own_name)
{
	static const struct { const char *mountinfo, *want; } cases[] = {
		{ "", NULL },
		{ "35 24 0:30 / /sys rw shared:7 - sysfs sysfs rw\n"
		  "36 35 0:31 / /sys/fs/resctrl rw,nosuid shared:8 - resctrl resctrl rw\n",
		  "/sys/fs/resctrl" },
		{ "36 35 0:31 / /a\\040b rw - resctrl none rw\n", "/a b" },
		/* a class of it, bound; another file system that is called so, or has a part of it */
		{ "36 35 0:31 /class /x rw - resctrl resctrl rw\n", NULL },
		{ "36 35 0:31 / /x rw - tmpfs resctrl rw\n", NULL },
		{ "36 35 0:31 / /x rw - fuse.resctrl resctrl rw\n", NULL },
		{ "36 35 0:31 / /x\\040-\\040resctrl rw - tmpfs tmpfs rw\n", NULL },
		{ "36 35 0:31 / /x rw\n37 35 0:32 / /y rw - resctrl r rw\n", "/y" },
	};
	char path[64], cut[4];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_INT(cases[i].want ? 0 : -ENOENT,
			   rf_rdt_find(cases[i].mountinfo, path, sizeof(path)));
		if (cases[i].want)
			EXPECT_STR(cases[i].want, path);
	}
	EXPECT_INT(-ENAMETOOLONG, rf_rdt_find(cases[1].mountinfo, cut, sizeof(cut)));
}

TEST(a_class_has_a_name_of_its_own)
{
	static const char *const good[] = { "/", "a", "a.b", "...", "with space" };
	static const char *const bad[] = { "", ".", "..", "a/b", "/a", "a/", "a\nb", "info",
					   "mon_groups", "mon_data" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		EXPECT_TRUE(rf_rdt_name_is_good(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_TRUE(!rf_rdt_name_is_good(bad[i]));
}

TEST(schemas_are_compared_by_their_domains)
{
	static const char text[] = "    L3:0=00f;1=0f0\n    MB:0= 20;1=100\nL3CODE:0=1\n";
	static const struct { const char *line; int want; } cases[] = {
		{ "L3:0=f;1=f0", 0 }, { "L3:1=0F0", 0 }, { "L3:0=00000f;", 0 }, { "MB:0=20", 0 },
		{ "MB:1=0100\nL3:0=1", 0 }, { "L3CODE:0=1", 0 },
		{ "L3:0=ff", -EEXIST }, { "L3:2=f", -EEXIST }, { "L2:0=f", -EEXIST }, { "MB:0=2", -EEXIST },
		{ "L3:0=", -EEXIST }, { "L3:x=f", -EEXIST }, { "L3:0=f;;1=f0", -EEXIST },
		{ "L3", -EINVAL }, { "", -EINVAL },
	};
	int root = open(harness_dir(), O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	EXPECT_INT(0, rf_rdt_make(root, "x"));
	EXPECT_INT(-EEXIST, rf_rdt_make(root, "x"));
	EXPECT_INT(-ENOENT, rf_rdt_compare(root, "x", "L3:0=f"));
	fd = openat(root, "x/schemata", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	EXPECT_INT((int)strlen(text), (int)write(fd, text, strlen(text)));
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = rf_rdt_compare(root, "x", cases[i].line);

		if (r != cases[i].want)
			fail_msg("'%s': %d, not %d", cases[i].line, r, cases[i].want);
	}
	EXPECT_INT(0, unlinkat(root, "x/schemata", 0));
	EXPECT_INT(0, rf_rdt_remove(root, "x", true));
	EXPECT_INT(0, rf_rdt_remove(root, "x", true));
	close(root);
}
