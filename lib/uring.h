/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What engine_ring.c lends to engine_native.c, which waits in the same way.  liburing
 * is used by these two files only.
 */
#ifndef RF_URING_H
#define RF_URING_H

#include <liburing.h>

#include "ring.h"

struct io_uring *rf_uring(struct rf_ring *ring);

/* An io_uring of @entries; without messages from others it does where @lenient. */
int rf_uring_open(struct rf_ring *ring, unsigned int entries, bool lenient, struct rf_err *err);
void rf_uring_close(struct rf_ring *ring);
int rf_uring_arm(struct rf_ring *ring, int fd, uint64_t cookie);
int rf_uring_disarm(struct rf_ring *ring, int fd, uint64_t cookie);
int rf_uring_wait(struct rf_ring *ring, int timeout_ms);
int rf_uring_let_go(struct rf_ring *ring, int fd, uint64_t cookie);

#endif
