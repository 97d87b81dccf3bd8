/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "measure.h"

#include <stdlib.h>
#include <time.h>

double now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void print_quartiles(FILE *out, double *v, int nr, int decimals)
{
	qsort(v, (size_t)nr, sizeof(*v), compare);
	for (int q = 1; q <= 3; q++)
		fprintf(out, "%c%.*f", q == 1 ? '\t' : '/', decimals, v[(nr - 1) * q / 4]);
}
