/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stream of jobs, cut into documents as its bytes come.
 *
 *	while ((r = batch_stream_next(&s, &doc, &err)) == 0 && !s.ended) {
 *		to = batch_stream_room(&s, &room);
 *		n = read(fd, to, room);
 *		batch_stream_add(&s, n);	   0: there are no more
 *	}
 *
 * Where the first character that is neither blank nor part of a comment is [ or {,
 * each line is a document: JSON lines.  Else the documents are YAML's, with a line
 * `---` between.  What is empty is no document.  Nothing is kept but the document
 * that is being read, and none may be larger than a spec.
 */
#ifndef RF_CMD_BATCH_READ_H
#define RF_CMD_BATCH_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rf_err;

#define BATCH_JOBS_MAX	1000000

struct batch_stream {
	const char	*name;		/* for errors */
	enum { BATCH_UNKNOWN = 0, BATCH_LINES, BATCH_DOCUMENTS } form;
	bool		 ended;		/* all bytes are there */
	char		*buf;
	size_t		 len, size;
	size_t		 from;		/* where the next document begins in buf */
	size_t		 looked;	/* the start of the first line that was not looked at */
	unsigned int	 line;		/* number of the line at .from */
	unsigned int	 nr_lines;	/* between .from and .looked */
	bool		 has_text;	/* something of a document is between them */
	uint64_t	 nr;		/* documents so far */
};

/* Valid until the next call for the stream. */
struct batch_doc {
	const char	*text;
	size_t		 len;
	unsigned int	 above;		/* lines above it in the stream */
	uint64_t	 index;		/* from 1 */
};

void batch_stream_init(struct batch_stream *s, const char *name);
void batch_stream_done(struct batch_stream *s);

/* Where the next bytes go; NULL: no memory. */
char *batch_stream_room(struct batch_stream *s, size_t *ret_room);
void batch_stream_add(struct batch_stream *s, size_t nr);

/*
 * Return: 1 with the next document, 0 when it is not all there, or when the stream
 * has .ended and none is left; -EINVAL with @err for one that is too large or too
 * many, after which there are no more.
 */
int batch_stream_next(struct batch_stream *s, struct batch_doc *ret, struct rf_err *err);

#endif
