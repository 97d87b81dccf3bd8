/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words for errors are those of glibc, which this test is linked with. */
#include <errno.h>
#include <string.h>

#include "harness.h"

struct word {
	int		 code;
	const char	*name, *text;
};

static const struct word words[] = {
#define RF_ERRNO(name, text) { name, #name, text },
#include "errno_words.def"
#undef RF_ERRNO
};

TEST(every_error_has_the_words_of_glibc)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		EXPECT_STR(words[i].name, strerrorname_np(words[i].code));
		EXPECT_STR(words[i].text, strerrordesc_np(words[i].code));
	}
}

TEST(no_error_is_missing)
{
	for (int code = 1; code < 4096; code++) {
		bool found = false;

		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && !found; i++)
			found = words[i].code == code;
		EXPECT_TRUE(found == (strerrorname_np(code) != NULL));
	}
}
