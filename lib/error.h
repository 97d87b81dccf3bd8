/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RF_ERROR_H
#define RF_ERROR_H

#include "ringfence.h"

struct rf_place;

/*
 * Set @err unless it holds an error already.  @code is a positive errno.  The
 * message is lower case, without newline and without strerror text.
 * Return: -@code, so that callers can `return rf_err_set(...)`.
 */
int rf_err_set(struct rf_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, with the place in the spec. @place may be NULL. */
int rf_err_at(struct rf_err *err, const struct rf_place *place, int code,
	      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Add a hint, unless there is one. */
void rf_err_hint(struct rf_err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
