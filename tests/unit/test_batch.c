/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stream of jobs: where documents begin and end, however the bytes come. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch_read.h"
#include "harness.h"
#include "probe.h"
#include "ringfence.h"
#include "spec.h"

static void add(struct batch_stream *s, const char *text, size_t len)
{
	size_t room;
	char *to = batch_stream_room(s, &room);

	assert_non_null(to);
	assert_true(len <= room);
	memcpy(to, text, len);
	batch_stream_add(s, len);
}

/* What there is now, as "LINE:TEXT|" each. */
static void take(struct batch_stream *s, char *got, size_t size)
{
	struct rf_err err = RF_ERR_INIT;
	struct batch_doc doc;
	size_t n = strlen(got);

	while (batch_stream_next(s, &doc, &err) == 1)
		n += (size_t)snprintf(got + n, size - n, "%u:%.*s|", doc.above + 1, (int)doc.len,
				      doc.text);
	EXPECT_INT(0, err.code);
}

/* The documents of @text when it comes @step bytes at a time. */
static void split(const char *text, size_t step, char *got, size_t size)
{
	struct batch_stream s;
	size_t len = strlen(text);

	*got = '\0';
	batch_stream_init(&s, "jobs");
	for (size_t i = 0; i < len; i += step) {
		add(&s, text + i, len - i < step ? len - i : step);
		take(&s, got, size);
	}
	add(&s, "", 0);
	take(&s, got, size);
	batch_stream_done(&s);
}

static const struct { const char *text, *want; } streams[] = {
	{ "", "" },
	{ "\n  \n# nothing\n", "" },
	{ "[a]\n[b]\n", "1:[a]\n|2:[b]\n|" },
	{ "[a]\n[b]", "1:[a]\n|2:[b]|" },
	{ "# c\n\n {\"a\": 1}\r\n\n  # d\n[b]\n", "3: {\"a\": 1}\r\n|6:[b]\n|" },
	{ "a: 1\n", "1:a: 1\n|" },
	{ "---\na: 1\n---\nb: 2\n", "1:---\na: 1\n|3:---\nb: 2\n|" },
	{ "a: 1\n---\nb: 2\n---\n", "1:a: 1\n|2:---\nb: 2\n|" },
	{ "---\n---\n# no\n---\na: 1\n--- {b: 2}\n---\t\n", "4:---\na: 1\n|6:--- {b: 2}\n|" },
	{ "# before\n---\n[a,\n b]\n---\r\n- c\r\n", "2:---\n[a,\n b]\n|5:---\r\n- c\r\n|" },
	{ "a: '\n --- '\n---b: 1\n", "1:a: '\n --- '\n---b: 1\n|" },
	{ "a: 1\n...\n---\nb: 2", "1:a: 1\n...\n|3:---\nb: 2|" },
};

TEST(documents_are_the_same_however_the_bytes_come)
{
	char got[1000];

	for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
		for (size_t step = 1; step < 12; step++) {
			split(streams[i].text, step, got, sizeof(got));
			EXPECT_STR(streams[i].want, got);
		}
}

TEST(a_document_is_there_before_the_stream_ends)
{
	struct batch_stream s;
	char got[100] = "";

	batch_stream_init(&s, "jobs");
	add(&s, "[a]\n[b", 6);
	take(&s, got, sizeof(got));
	EXPECT_STR("1:[a]\n|", got);
	batch_stream_done(&s);
	*got = '\0';
	batch_stream_init(&s, "jobs");
	add(&s, "a: 1\n---\nb", 10);
	take(&s, got, sizeof(got));
	EXPECT_STR("1:a: 1\n|", got);
	batch_stream_done(&s);
}

/* @nr bytes of @line again and again; what comes of the stream in the end. */
static int feed(struct batch_stream *s, const char *line, size_t nr, struct rf_err *err)
{
	struct batch_doc doc;
	size_t len = strlen(line);
	int r = 0;

	for (size_t i = 0; i < nr && r >= 0; i += len) {
		add(s, line, len);
		while ((r = batch_stream_next(s, &doc, err)) == 1)
			;
	}
	return r;
}

TEST(a_document_that_is_too_large_ends_the_stream)
{
	static const char *const lines[] = { "[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "- aaaaaaaaaaaaa\n" };

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct rf_err err = RF_ERR_INIT;
		struct batch_stream s;
		struct batch_doc doc;

		batch_stream_init(&s, "jobs");
		EXPECT_INT(0, feed(&s, "# one\n", 6, &err));
		EXPECT_INT(-EINVAL, feed(&s, lines[i], 4 * RF_SPEC_SIZE_MAX, &err));
		EXPECT_STR("more than 1048576 bytes in a job", err.msg);
		EXPECT_INT(2, err.line);
		EXPECT_TRUE(s.size <= 4 * RF_SPEC_SIZE_MAX);
		EXPECT_TRUE(s.ended);
		EXPECT_INT(0, batch_stream_next(&s, &doc, &err));
		batch_stream_done(&s);
	}
}

TEST(a_long_stream_takes_no_more_memory_than_a_document)
{
	struct rf_err err = RF_ERR_INIT;
	struct batch_stream s;

	batch_stream_init(&s, "jobs");
	EXPECT_INT(0, feed(&s, "[\"some\", \"words\", \"of a job\"]\n", 16 << 20, &err));
	EXPECT_TRUE(s.size <= 1 << 18);
	EXPECT_TRUE(s.nr > 500000);
	batch_stream_done(&s);
}

/* Memory that has not been written to is none. */
TEST(jobs_that_come_one_by_one_use_the_same_bytes)
{
	static const char job[] = "[\"true\"]\n";
	struct rf_err err = RF_ERR_INIT;
	struct batch_stream s;
	struct batch_doc doc;

	batch_stream_init(&s, "jobs");
	for (int i = 0; i < 5000; i++) {
		add(&s, job, strlen(job));
		EXPECT_INT(1, batch_stream_next(&s, &doc, &err));
		EXPECT_TRUE(s.len <= 2 * strlen(job));
	}
	batch_stream_done(&s);
}

TEST(there_is_a_most_of_jobs)
{
	struct rf_err err = RF_ERR_INIT;
	struct batch_stream s;

	batch_stream_init(&s, "jobs");
	EXPECT_INT(-EINVAL, feed(&s, "[]\n[]\n[]\n[]\n", 3 * (BATCH_JOBS_MAX + 8), &err));
	EXPECT_STR("more than 1000000 jobs", err.msg);
	EXPECT_INT(BATCH_JOBS_MAX + 1, err.line);
	batch_stream_done(&s);
}

/* ------------------------------------------------------------------- one job */

static int job(const char *spec, const char *text, struct rf_sandbox *sb, struct rf_err *err)
{
	int r = spec ? rf_spec_parse("spec", spec, strlen(spec), 0, sb, err) : 0;

	return r < 0 ? r : rf_job_parse("jobs", 6, text, strlen(text), 0, sb, err);
}

TEST(errors_have_the_line_of_the_stream)
{
	static const struct { const char *spec, *text, *want; } cases[] = {
		{ NULL, "---\ncommand: [a]\nlimit: 1\n",
		  "jobs:9:1: unknown key 'limit'; did you mean 'limits'?" },
		{ NULL, "word\n", "jobs:7:1: a single value where a map of keys belongs" },
		{ NULL, "[]\n", "jobs:7:1: the command is empty" },
		{ NULL, "[a, [b]]\n", "jobs:7:5: a list where text belongs" },
		{ NULL, "a: &x b\n", "jobs:7:4: anchors and aliases are not allowed in a spec" },
		{ NULL, "\n\nb: \xff\n", "jobs:9:4: this is not valid UTF-8" },
		{ "hostname: lab", "{command: [a]}\n",
		  "jobs:7:1: a job with a spec of its own, and --spec too" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_sandbox *sb = rf_sandbox_new();
		struct rf_err err = RF_ERR_INIT;
		char got[900];

		EXPECT_INT(-EINVAL, job(cases[i].spec, cases[i].text, sb, &err));
		snprintf(got, sizeof(got), "%s:%u:%u: %s", err.file, err.line, err.col, err.msg);
		EXPECT_STR(cases[i].want, got);
		rf_sandbox_free(sb);
	}
}

TEST(a_list_is_the_command_and_wins)
{
	static const struct rf_features features = { .uid = 1000, .gid = 1000 };
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(0, job("{extends: [default], command: [x], hostname: lab}", "- make\n- check\n", sb,
			  &err));
	EXPECT_INT(0, rf_sandbox_resolve(sb, &features, RF_RESOLVE_PURE, &err));
	EXPECT_INT(2, sb->nr_argv);
	EXPECT_STR("make", sb->argv[0]);
	EXPECT_STR("lab", sb->hostname);
	EXPECT_INT(7, sb->command_place.line);
	rf_sandbox_free(sb);
}
