/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "report.h"
#include "verdict.h"

struct rf_place op_place(const struct rf_chain *chain, int index)
{
	struct rf_place place = { .line = 0 };
	const struct rf_origin *o;

	if (index < 0 || (uint32_t)index >= chain->nr_ops)
		return place;
	o = &chain->origins[chain->ops[index].origin];
	place.file = o->file ? chain->data + o->file : NULL;
	place.line = o->line;
	place.col = o->col;
	return place;
}

void op_text(const struct rf_chain *chain, int index, char buf[OP_TEXT_MAX])
{
	int n = rf_chain_print(chain, index, buf, OP_TEXT_MAX);

	if (n < 0)
		*buf = '\0';
	else if (n >= OP_TEXT_MAX)
		memcpy(buf + OP_TEXT_MAX - 4, "...", 4);
}

void place_text(const struct rf_place *place, char *buf, size_t size)
{
	if (!place->file || !*place->file)
		*buf = '\0';
	else if (!place->line)
		(void)snprintf(buf, size, "  [%s]", place->file);
	else
		(void)snprintf(buf, size, "  [%s:%u:%u]", place->file, place->line, place->col);
}

/* What became of an op, in 26 columns: time, result. */
static void result_text(const struct rf_completion *done, char buf[64])
{
	char time[24] = "-", result[32] = "ok";

	if (done->end_ns >= done->begin_ns && done->begin_ns)
		(void)snprintf(time, sizeof(time), "%.1f us",
			       (double)(done->end_ns - done->begin_ns) / 1000);
	if (done->result < 0) {
		const char *name = strerrorname_np(-done->result);

		(void)snprintf(result, sizeof(result), "%s", name ? name : "?");
	} else if (done->result > 0) {
		(void)snprintf(result, sizeof(result), "%d", done->result);
	}
	(void)snprintf(buf, 64, "%12s  %-12s", time, result);
}

static char *line_text(const struct rf_chain *chain, int index, const struct rf_completion *done)
{
	char text[OP_TEXT_MAX], safe[OP_TEXT_MAX], where[320], result[64] = "", *line;
	struct rf_place place = op_place(chain, index);

	op_text(chain, index, text);
	text_escape(text, safe, sizeof(safe));
	place_text(&place, where, sizeof(where));
	text_escape(where, text, sizeof(text));
	if (done)
		result_text(done, result);
	if (asprintf(&line, "%4d %s%s%s%s\n", index, result, done ? "" : " ", safe, text) < 0)
		return NULL;
	return line;
}

static char *line_json(const struct rf_chain *chain, int index, const struct rf_completion *done)
{
	char text[OP_TEXT_MAX];
	struct rf_op_row row = {
		.index = index,
		.op = rf_chain_op_name(chain, index),
		.text = text,
		.place = op_place(chain, index),
		.hard = chain->ops[index].flags & RF_OP_F_HARD,
	};

	op_text(chain, index, text);
	if (done) {
		row.has_result = true;
		row.result = done->result;
		row.has_time = done->begin_ns && done->end_ns >= done->begin_ns;
		row.usec = row.has_time ? (double)(done->end_ns - done->begin_ns) / 1000 : 0;
	}
	return rf_op_row_json(&row);
}

char *op_line(const struct rf_chain *chain, int index, enum trace_format format,
	      const struct rf_completion *done)
{
	return format == TRACE_JSON ? line_json(chain, index, done)
				    : line_text(chain, index, done);
}

/* Takes @line. */
static void write_line(struct trace *t, char *line, const char *end)
{
	int r = line ? write_all(t->fd, line, strlen(line)) : -ENOMEM;

	if (r == 0)
		r = write_all(t->fd, end, strlen(end));
	if (r < 0 && !t->error)
		t->error = -r;
	free(line);
}

void trace_op(struct trace *t, const struct rf_chain *chain, const struct rf_completion *done)
{
	if (t->format)
		write_line(t, op_line(chain, done->index, t->format, done),
			   t->format == TRACE_JSON ? "\n" : "");
}

void trace_engine(struct trace *t, const char *engine, const char *why)
{
	char *line = NULL;

	if (t->format == TRACE_JSON)
		line = rf_engine_json(engine, why);
	else if (t->format && asprintf(&line, "engine %s%s%s", engine, why && *why ? ": " : "",
				       why ? why : "") < 0)
		line = NULL;
	if (t->format)
		write_line(t, line, "\n");
}

void trace_fallback(struct trace *t, const char *why)
{
	char *line = NULL;

	if (t->format == TRACE_JSON)
		line = rf_fallback_json(why);
	else if (t->format && asprintf(&line, "fallback landlock: %s", why) < 0)
		line = NULL;
	if (t->format)
		write_line(t, line, "\n");
}
