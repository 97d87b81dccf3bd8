/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

#include "sandbox.h"

static void set(struct rf_err *err, const struct rf_place *place, int code,
		const char *fmt, va_list args)
	__attribute__((format(printf, 4, 0)));

static void set(struct rf_err *err, const struct rf_place *place, int code,
		const char *fmt, va_list args)
{
	if (!err || err->code)
		return;
	err->code = code;
	err->line = place ? place->line : 0;
	err->col = place ? place->col : 0;
	snprintf(err->file, sizeof(err->file), "%s",
		 place && place->file ? place->file : "");
	vsnprintf(err->msg, sizeof(err->msg), fmt, args);
	err->hint[0] = '\0';
	/* words of the user's end up here: keep them from playing with terminals */
	for (char *p = err->msg; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}

int rf_err_set(struct rf_err *err, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set(err, NULL, code, fmt, args);
	va_end(args);
	return -code;
}

int rf_err_at(struct rf_err *err, const struct rf_place *place, int code,
	      const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	set(err, place, code, fmt, args);
	va_end(args);
	return -code;
}

void rf_err_hint(struct rf_err *err, const char *fmt, ...)
{
	va_list args;

	if (!err || err->hint[0])
		return;
	va_start(args, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, args);
	va_end(args);
}
