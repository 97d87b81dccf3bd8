/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the programs here measure and what they print of it. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdio.h>

/* CLOCK_MONOTONIC, in microseconds. */
double now_us(void);

/* Sorts the @nr numbers at @v and writes a tab and LOWER/MEDIAN/UPPER to @out. */
void print_quartiles(FILE *out, double *v, int nr, int decimals);

#endif
