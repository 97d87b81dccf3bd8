/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spec.h"

#include <stdio.h>
#include <string.h>

/*
 * What it costs to make @a of @b.  A letter left out, doubled or swapped is what
 * fingers do; another letter costs more.
 */
#define COST_LETTER	2u	/* in, out, or two swapped */
#define COST_OTHER	3u

static size_t distance(const char *a, const char *b)
{
	size_t rows[3][64], la = strlen(a), lb = strlen(b);
	size_t *before = rows[0], *last = rows[1], *now = rows[2], *spare, d;

	if (la >= 64 || lb >= 64)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		last[j] = COST_LETTER * j;
	for (size_t i = 1; i <= la; i++) {
		now[0] = COST_LETTER * i;
		for (size_t j = 1; j <= lb; j++) {
			d = last[j - 1] + (a[i - 1] != b[j - 1] ? COST_OTHER : 0);
			d = d < last[j] + COST_LETTER ? d : last[j] + COST_LETTER;
			d = d < now[j - 1] + COST_LETTER ? d : now[j - 1] + COST_LETTER;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + COST_LETTER < d)
				d = before[j - 2] + COST_LETTER;
			now[j] = d;
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[lb];
}

const char *rf_nearest(const char *word, const void *names, size_t stride,
		       char buf[64])
{
	const char *name, *best = NULL;
	size_t d, least = COST_LETTER * (strlen(word) / 3 + 1) + 1;

	/* each element begins with its name */
	for (const char *p = names; (name = *(const char *const *)(const void *)p); p += stride) {
		d = distance(word, name);
		if (d < least) {
			least = d;
			best = name;
		}
	}
	buf[0] = '\0';
	if (best)
		snprintf(buf, 64, "; did you mean '%s'?", best);
	return buf;
}
