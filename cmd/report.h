/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What ringfence says: messages on standard error, and text on standard
 * output whose loss is an error too.
 */
#ifndef RF_CMD_REPORT_H
#define RF_CMD_REPORT_H

#include <stdbool.h>
#include <stddef.h>

struct rf_err;

/* report_error() flags */
#define REPORT_STRERROR	(1U << 0)	/* EINVAL is the kernel's answer, not the spec's fault */

/* "ringfence: PLACE: MESSAGE: STRERROR", and a hint if there is one. */
void report_error(const struct rf_err *err, unsigned int flags);

/* "ringfence: " and the text, which ends with a newline. */
void report_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Whom messages are about, of several: said in front of each that has no place of
 * its own.  Borrowed; NULL: nobody.
 */
void report_about(const char *what);

/* The program's name in front of messages; "ringfence" at first.  Borrowed. */
void report_name(const char *name);

/* @call(@arg) before every message: a line that is no message has to go. NULL: none. */
void report_make_way(void (*call)(void *arg), void *arg);

/* @call(@arg, text, len) instead of writing to standard error; NULL: back to that. */
void report_to(void (*call)(void *arg, const char *text, size_t len), void *arg);

/* The exit status for an error that came before anything ran. */
int report_status(const struct rf_err *err);

/* All of @len bytes, or a negative errno. */
int write_all(int fd, const char *buf, size_t len);

/* Copy @text, with control characters as \xNN: a file name must not steer a terminal. */
void text_escape(const char *text, char *buf, size_t size);

/*
 * Standard output: collected, and written by out_finish(), which returns
 * @status, or STATUS_SANDBOX with a message when it could not be written.
 */
void report_stdout_was_closed(void);
bool report_stdout_is_closed(void);
void out(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int out_finish(int status);

#endif
