/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"
#include "command.h"
#include "error.h"
#include "report.h"
#include "spec.h"

#define COMPLAINTS_MAX	20	/* wrong jobs that are told of before it is given up */

int batch_load_given(const struct batch *b, struct load *l, struct rf_err *err)
{
	int r = load_init(l, err);

	if (r == 0 && b->spec_text)
		r = rf_spec_parse(b->spec_file, b->spec_text, b->spec_len, 0, l->sb, err);
	for (size_t i = 0; r == 0 && i < b->nr_given; i++)
		r = rf_option_apply(b->given[i].opt, b->given[i].value, l->sb, err);
	return r;
}

/* ------------------------------------------------------------------------ input */

static int input_failed(struct batch *b, int error, struct rf_err *err)
{
	b->stream.ended = true;
	return rf_err_set(err, -error, "read %s", b->input);
}

int batch_read_more(struct batch *b, struct rf_err *err)
{
	size_t room;
	char *to = batch_stream_room(&b->stream, &room);
	ssize_t n;

	if (!to)
		return input_failed(b, -ENOMEM, err);
	do {
		n = read(b->fd, to, room);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)	/* somebody else has read it */
		return 0;
	if (n < 0)
		return input_failed(b, -errno, err);
	batch_stream_add(&b->stream, (size_t)n);
	return 0;
}

int batch_next(struct batch *b, struct batch_doc *ret, struct rf_err *err)
{
	int r;

	while ((r = batch_stream_next(&b->stream, ret, err)) == 0 && !b->stream.ended) {
		if (!b->is_file)
			return 0;
		r = batch_read_more(b, err);
		if (r < 0)
			return r;
	}
	return r;
}

int batch_load(struct batch *b, const struct batch_doc *doc, struct load *l, struct rf_err *err)
{
	int r = batch_load_given(b, l, err);

	if (l->sb)
		l->sb->cgroup.keep = &b->cgroups;
	return r < 0 ? r : rf_job_parse(b->input, doc->above, doc->text, doc->len, 0, l->sb, err);
}

int batch_refuse_terminal(const struct load *l, struct rf_err *err)
{
	if (l->sb->terminal != RF_TERM_PRIVATE)
		return 0;
	return rf_err_at(err, &l->sb->terminal_place, EINVAL, "a job of a batch has no terminal of its own");
}

/* ------------------------------------------------------------- checking it first */

static int check_job(struct batch *b, const struct batch_doc *doc)
{
	struct load l = { .sb = NULL };
	struct rf_err err = RF_ERR_INIT;
	int r = batch_load(b, doc, &l, &err);

	if (r == 0)
		r = load_to_print(&l, NULL, &err);
	if (r == 0)
		r = batch_refuse_terminal(&l, &err);
	load_done(&l);
	/* what the machine refuses is for the job's own verdict to tell */
	if (r == 0 || report_status(&err) != STATUS_USAGE)
		return 0;
	report_error(&err, 0);
	return r;
}

int batch_check(struct batch *b)
{
	struct batch_doc doc;
	unsigned int wrong = 0;
	int r;

	if (!b->is_file)
		return 0;
	while ((r = batch_next(b, &doc, &b->err)) > 0 && wrong < COMPLAINTS_MAX)
		wrong += check_job(b, &doc) < 0;
	if (r < 0)
		report_error(&b->err, 0);
	if (r > 0)
		report_text("%d jobs are wrong; those behind were not looked at\n", COMPLAINTS_MAX);
	if (r < 0 || wrong)
		return r < 0 ? report_status(&b->err) : STATUS_USAGE;
	b->report.total = b->stream.nr;
	batch_stream_done(&b->stream);
	batch_stream_init(&b->stream, b->input);
	if (lseek(b->fd, b->begin, SEEK_SET) == b->begin)
		return 0;
	report_text("%s: %s\n", b->input, strerror(errno));
	return STATUS_SANDBOX;
}
