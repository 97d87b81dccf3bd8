/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reader of jobs on anything: however the bytes come, the documents are the
 * same, in order and of the stream's own bytes, and each is a job or one error with
 * a line that the stream has.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "batch_read.h"
#include "ringfence.h"
#include "spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
	uint64_t nr, hash;
};

static void check_job(const struct batch_doc *doc, unsigned int nr_lines)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;
	int r;

	if (!sb)
		return;
	r = rf_job_parse("jobs", doc->above, doc->text, doc->len, RF_SPEC_NO_FILES, sb, &err);
	if (r && (r != -err.code || !err.msg[0] || (r != -EINVAL && r != -ENOMEM)))
		abort();
	if (r == -EINVAL && !strcmp(err.file, "jobs") &&
	    (err.line <= doc->above || err.line > nr_lines + 1))
		abort();
	rf_sandbox_free(sb);
}

static void add_doc(struct sum *sum, const struct batch_doc *doc)
{
	if (!doc->len || doc->index != ++sum->nr)
		abort();
	sum->hash = sum->hash * 31 + doc->above;
	for (size_t i = 0; i < doc->len; i++)
		sum->hash = sum->hash * 31 + (unsigned char)doc->text[i];
}

/* @step bytes at a time; the documents are looked into if @nr_lines is not 0. */
static struct sum read_all(const uint8_t *data, size_t size, size_t step, unsigned int nr_lines)
{
	struct rf_err err = RF_ERR_INIT;
	struct sum sum = { .nr = 0 };
	struct batch_stream s;
	struct batch_doc doc;
	size_t at = 0, room;
	char *to;
	int r;

	batch_stream_init(&s, "jobs");
	for (;;) {
		while ((r = batch_stream_next(&s, &doc, &err)) == 1) {
			add_doc(&sum, &doc);
			if (nr_lines)
				check_job(&doc, nr_lines);
		}
		if (r < 0 && (r != -EINVAL || !err.msg[0] || !s.ended))
			abort();
		if (s.ended)
			break;
		to = batch_stream_room(&s, &room);
		if (!to)
			break;
		room = room < step ? room : step;
		room = room < size - at ? room : size - at;
		if (room)
			memcpy(to, data + at, room);
		batch_stream_add(&s, room);
		at += room;
	}
	batch_stream_done(&s);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int nr_lines = 1;
	struct sum whole, parts;

	for (size_t i = 0; i < size; i++)
		nr_lines += data[i] == '\n' || data[i] == '\r';
	whole = read_all(data, size, size + 1, nr_lines);
	parts = read_all(data, size, size % 13 + 1, 0);
	if (whole.nr != parts.nr || whole.hash != parts.hash)
		abort();
	return 0;
}
