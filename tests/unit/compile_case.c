/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "compile_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sandbox_case sandbox_of(const char *spec, const struct rf_features *f)
{
	static char name[] = "true";
	char *const argv[] = { name, NULL };
	struct sandbox_case s = { .sb = rf_sandbox_new(), .err = RF_ERR_INIT };
	int r;

	assert_non_null(s.sb);
	r = rf_spec_parse("spec", spec, strlen(spec), 0, s.sb, &s.err);
	if (r == 0 && !strstr(spec, "command:"))
		r = rf_command_set(1, argv, s.sb, &s.err);
	if (r == 0)
		r = rf_sandbox_resolve(s.sb, f, RF_RESOLVE_PURE, &s.err);
	if (r < 0)
		fail_msg("%s: %s", spec, s.err.msg);
	return s;
}

void sandbox_case_free(struct sandbox_case *s)
{
	s->sb = rf_sandbox_free(s->sb);
}

struct rf_mount *mount_at(const struct sandbox_case *s, const char *at)
{
	for (size_t i = 0; i < s->sb->nr_mounts; i++)
		if (!strcmp(s->sb->mounts[i].at, at))
			return &s->sb->mounts[i];
	fail_msg("no mount at %s", at);
	return NULL;
}

static char *print(const struct rf_chain *chain)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	for (int i = 0; i < rf_chain_nr(chain); i++) {
		char line[4096];

		rf_chain_print(chain, i, line, sizeof(line));
		fprintf(f, "%s\n", line);
	}
	fclose(f);
	return text;
}

struct compiled compile_case(const struct sandbox_case *s, const struct rf_features *f)
{
	struct compiled c = { .err = RF_ERR_INIT };

	c.r = rf_compile(s->sb, f, &c.chain, &c.err);
	if (c.r == 0)
		c.text = print(c.chain);
	return c;
}

struct compiled compile_spec(const char *spec, const struct rf_features *f)
{
	struct sandbox_case s = sandbox_of(spec, f);
	struct compiled c = compile_case(&s, f);

	sandbox_case_free(&s);
	return c;
}

void compiled_free(struct compiled *c)
{
	rf_chain_free(c->chain);
	free(c->text);
	memset(c, 0, sizeof(*c));
}

int find_line(const struct compiled *c, const char *prefix, int from)
{
	const char *p = c->text;

	for (int i = 0; p && *p; i++, p = strchr(p, '\n') + 1)
		if (i >= from && !strncmp(p, prefix, strlen(prefix)))
			return i;
	return -1;
}

int count_lines(const struct compiled *c, const char *prefix)
{
	int n = 0;

	for (int i = find_line(c, prefix, 0); i >= 0; i = find_line(c, prefix, i + 1))
		n++;
	return n;
}

void expect_lines(const struct compiled *c, const char *name, const char *const lines[])
{
	int at = 0;

	for (; *lines; lines++) {
		int i = find_line(c, *lines, at);

		if (i < 0)
			fail_msg("%s: no '%s' from op %d on in\n%s", name, *lines, at, c->text);
		at = i + 1;
	}
}
