/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ringfence-seccomp(5) has every group with its calls, every preset, every bound. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "model.h"

static char *page(void)
{
	char path[4096], *text = calloc(1, 1 << 17);
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/man/ringfence-seccomp.5",
		 getenv("RF_SRCDIR") ? getenv("RF_SRCDIR") : ".");
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	n = fread(text, 1, (1 << 17) - 1, f);
	EXPECT_TRUE(n > 1000 && n < (1 << 17) - 1);
	fclose(f);
	return text;
}

/* The entry that begins with @head, as a string of its own. */
static char *entry(const char *text, const char *head)
{
	const char *begin = strstr(text, head), *end;

	if (!begin)
		fail_msg("no '%s'", head);
	end = strstr(begin + 1, "\n.It ");
	if (!end)
		end = strstr(begin + 1, "\n.El");
	return strndup(begin, (size_t)(end - begin));
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = text; (p = strstr(p, word)); p++)
		if ((p[-1] == ' ' || p[-1] == '\n') && (p[len] == ' ' || p[len] == '\n' || !p[len]))
			return true;
	return false;
}

TEST(the_page_has_every_group_with_its_calls)
{
	char *text = page(), head[64], *here;

	for (int g = 0; g < RF_GROUP_NR; g++) {
		snprintf(head, sizeof(head), "\n.It @%s\n", rf_group_defs[g].name);
		here = entry(text, head);
		for (int call = 0; call < RF_CALLS_NR; call++) {
			bool ours = (int)rf_calls[call].group == g;

			if (has_word(strstr(here, ".br"), rf_calls[call].name) != ours)
				fail_msg("@%s: %s", rf_group_defs[g].name, rf_calls[call].name);
		}
		free(here);
	}
	free(text);
}

TEST(the_page_has_every_preset_and_architecture)
{
	char *text = page(), head[64];

	for (size_t i = 0; rf_filter_preset_name(i); i++) {
		snprintf(head, sizeof(head), "\n.It Cm %s\n", rf_filter_preset_name(i));
		free(entry(text, head));
	}
	for (int abi = 0; abi < RF_ABI_NR; abi++)
		EXPECT_TRUE(strstr(text, rf_abi_defs[abi].name));
	free(text);
}
