/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "findings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tracer.h"

enum { REC_DENIAL = 'D', REC_PATH = 'P', REC_CALLS = 'C', REC_END = 'E' };

struct record {
	int		 what;
	int		 numbers[2];
	unsigned int	 nr_strings;
};

static void put(FILE *f, int what, int a, int b, const char *const strings[], unsigned int nr)
{
	const struct record rec = { what, { a, b }, nr };

	(void)fwrite(&rec, sizeof(rec), 1, f);
	for (unsigned int i = 0; i < nr; i++)
		(void)fwrite(strings[i], strlen(strings[i]) + 1, 1, f);
}

int findings_write(int fd, const struct tracer *t)
{
	FILE *f = fdopen(dup(fd), "w");
	struct observed o = t->observed;
	int r;

	if (!f)
		return -errno;
	for (size_t i = 0; i < t->denials.nr; i++) {
		const struct rf_denial *d = &t->denials.list[i];
		const char *const strings[] = { d->call, d->subject, d->place, d->why, d->edit };

		put(f, REC_DENIAL, (int)d->kind, d->error, strings, 5);
	}
	for (size_t i = 0; i < o.nr; i++) {
		const char *const strings[] = { o.paths[i].path };

		put(f, REC_PATH, o.paths[i].wants, 0, strings, 1);
	}
	put(f, REC_CALLS, 0, 0, NULL, 0);
	o.paths = NULL;
	o.hash = NULL;
	o.nr = o.max = o.nr_hash = 0;
	(void)fwrite(&o, sizeof(o), 1, f);
	put(f, REC_END, (int)t->denials.dropped, 0, NULL, 0);
	r = ferror(f) ? -EIO : 0;
	return fclose(f) == 0 ? r : -EIO;
}

/* One record; 1 when it was the last. */
static int take(FILE *f, struct tracer *t)
{
	char *strings[5] = { NULL };
	size_t sizes[5] = { 0 };
	struct record rec;
	int r = 0;

	if (fread(&rec, sizeof(rec), 1, f) != 1 || rec.nr_strings > 5)
		return -EIO;
	for (unsigned int i = 0; i < rec.nr_strings; i++)
		if (getdelim(&strings[i], &sizes[i], '\0', f) < 0)
			r = -EIO;
	if (r == 0 && rec.what == REC_DENIAL)
		denials_add(&t->denials, (enum rf_denial_kind)rec.numbers[0], strings[0],
			    rec.numbers[1], strings[1], strings[2], strings[3], strings[4]);
	else if (r == 0 && rec.what == REC_PATH)
		observed_path(&t->observed, strings[0], (uint8_t)rec.numbers[0]);
	for (unsigned int i = 0; i < 5; i++)
		free(strings[i]);
	if (r == 0 && rec.what == REC_CALLS) {
		struct observed o;

		if (fread(&o, sizeof(o), 1, f) != 1)
			return -EIO;
		o.paths = t->observed.paths;
		o.hash = t->observed.hash;
		o.nr = t->observed.nr;
		o.max = t->observed.max;
		o.nr_hash = t->observed.nr_hash;
		t->observed = o;
	}
	if (rec.what == REC_END)
		t->denials.dropped = (size_t)rec.numbers[0];
	return r ? r : rec.what == REC_END;
}

int findings_read(int fd, struct tracer *t)
{
	FILE *f;
	int r;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	f = fdopen(dup(fd), "r");
	if (!f)
		return -errno;
	do
		r = take(f, t);
	while (r == 0);
	(void)fclose(f);
	return r < 0 ? r : 0;
}
