/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Time since the program started, for the verdict.
 */
#ifndef RF_CMD_CLOCK_H
#define RF_CMD_CLOCK_H

#include <stdint.h>

/* First thing in main(). */
void clock_start(void);
/* Nanoseconds since clock_start(). */
uint64_t clock_ns(void);

#endif
