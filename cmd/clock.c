/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clock.h"

#include <time.h>

/* Written once, before there is anything else. */
static uint64_t start_ns;

static uint64_t now_ns(void)
{
	struct timespec ts;

	/* cannot fail for CLOCK_MONOTONIC; no system call, thanks to the vDSO */
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

void clock_start(void)
{
	start_ns = now_ns();
}

uint64_t clock_ns(void)
{
	return now_ns() - start_ns;
}
