/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "batch_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "spec.h"

#define ROOM	65536	/* bytes to read at a time */

void batch_stream_init(struct batch_stream *s, const char *name)
{
	*s = (struct batch_stream){ .name = name, .line = 1 };
}

void batch_stream_done(struct batch_stream *s)
{
	free(s->buf);
	s->buf = NULL;
}

char *batch_stream_room(struct batch_stream *s, size_t *ret_room)
{
	char *more;

	/* what was handed out is no longer needed; no more is moved than that was */
	if (s->from && (s->size - s->len < ROOM || s->len - s->from <= s->from)) {
		memmove(s->buf, s->buf + s->from, s->len - s->from);
		s->len -= s->from;
		s->looked -= s->from;
		s->from = 0;
	}
	if (s->size - s->len < ROOM) {
		size_t size = s->size ? 2 * s->size : 2 * ROOM;

		more = realloc(s->buf, size);
		if (!more)
			return NULL;
		s->buf = more;
		s->size = size;
	}
	*ret_room = s->size - s->len;
	return s->buf + s->len;
}

void batch_stream_add(struct batch_stream *s, size_t nr)
{
	s->len += nr;
	s->ended = !nr;
}

/* One line, without its end. */
struct line {
	const char	*text;
	size_t		 len;
	size_t		 next;		/* where the one after it begins */
};

/* The next line that was not looked at; false: it is not all there. */
static bool peek(const struct batch_stream *s, struct line *ret)
{
	const char *at, *end;

	if (s->looked == s->len)
		return false;
	at = s->buf + s->looked;
	end = memchr(at, '\n', s->len - s->looked);
	if (!end && !s->ended)
		return false;
	ret->text = at;
	ret->len = end ? (size_t)(end - at) : s->len - s->looked;
	ret->next = s->looked + ret->len + !!end;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The first character that means something, or 0. */
static char first_of(const struct line *l)
{
	for (size_t i = 0; i < l->len; i++)
		if (!is_blank(l->text[i]))
			return l->text[i] == '#' ? '\0' : l->text[i];
	return '\0';
}

/* `---` alone or with something behind it; only the latter is text. */
static bool is_marker(const struct line *l, bool *ret_has_text)
{
	struct line rest;

	if (l->len < 3 || memcmp(l->text, "---", 3) != 0 || (l->len > 3 && !is_blank(l->text[3])))
		return false;
	rest = (struct line){ .text = l->text + 3, .len = l->len - 3 };
	*ret_has_text = first_of(&rest);
	return true;
}

static void pass(struct batch_stream *s, const struct line *l)
{
	s->looked = l->next;
	s->nr_lines++;
}

/* All up to .looked belongs together: a document, or what lies between two. */
static void cut(struct batch_stream *s, struct batch_doc *ret)
{
	if (ret) {
		ret->text = s->buf + s->from;
		ret->len = s->looked - s->from;
		ret->above = s->line - 1;
		ret->index = ++s->nr;
	}
	s->line += s->nr_lines;
	s->from = s->looked;
	s->nr_lines = 0;
	s->has_text = false;
}

static bool next_line(struct batch_stream *s, struct batch_doc *ret)
{
	struct line l;

	while (peek(s, &l)) {
		bool is_doc = first_of(&l);

		pass(s, &l);
		cut(s, is_doc ? ret : NULL);
		if (is_doc)
			return true;
	}
	return false;
}

/* A document ends where the next begins, or with the stream. */
static bool next_document(struct batch_stream *s, struct batch_doc *ret)
{
	struct line l;
	bool has_text;

	while (peek(s, &l)) {
		bool at_start = s->from == s->looked;

		if (is_marker(&l, &has_text)) {
			at_start = false;
			if (s->has_text) {
				cut(s, ret);
				return true;
			}
			cut(s, NULL);
		} else {
			has_text = first_of(&l);
		}
		pass(s, &l);
		if (!has_text && at_start)
			cut(s, NULL);	/* what is above a document is not part of it */
		s->has_text |= has_text;
	}
	if (!s->ended || !s->has_text)
		return false;
	cut(s, ret);
	return true;
}

/* By its first character; false: that has not come yet. */
static bool find_form(struct batch_stream *s)
{
	struct line l;

	while (peek(s, &l)) {
		char first = first_of(&l);

		if (first) {
			s->form = first == '[' || first == '{' ? BATCH_LINES : BATCH_DOCUMENTS;
			return true;
		}
		pass(s, &l);
		cut(s, NULL);
	}
	return false;
}

static int refuse(struct batch_stream *s, unsigned int line, unsigned int max, const char *what,
		  struct rf_err *err)
{
	const struct rf_place place = { s->name, line, 1 };

	s->ended = true;
	s->len = s->from = s->looked = 0;
	s->has_text = false;
	return rf_err_at(err, &place, EINVAL, "more than %u %s", max, what);
}

int batch_stream_next(struct batch_stream *s, struct batch_doc *ret, struct rf_err *err)
{
	bool found = false;

	if (s->form || find_form(s))
		found = s->form == BATCH_LINES ? next_line(s, ret) : next_document(s, ret);
	if (found && s->nr > BATCH_JOBS_MAX)
		return refuse(s, ret->above + 1, BATCH_JOBS_MAX, "jobs", err);
	if (found ? ret->len > RF_SPEC_SIZE_MAX : s->len - s->from > RF_SPEC_SIZE_MAX + ROOM)
		return refuse(s, found ? ret->above + 1 : s->line, RF_SPEC_SIZE_MAX,
			      "bytes in a job", err);
	return found;
}
