/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "ringfence.h"

static const char *program = "ringfence";
static bool stdout_was_closed;
static const char *about;	/* the job that messages are about, or NULL */
static void (*make_way)(void *arg);	/* before each message, or NULL */
static void *make_way_arg;
static void (*sink)(void *arg, const char *text, size_t len);	/* instead of standard error */
static void *sink_arg;
static int out_error;		/* of the first write that failed */

int write_all(int fd, const char *buf, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, buf, len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			buf += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

void text_escape(const char *text, char *buf, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (; *text && n + 5 <= size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c != 0x7f) {
			buf[n++] = *text;
			continue;
		}
		buf[n++] = '\\';
		buf[n++] = 'x';
		buf[n++] = hex[c >> 4];
		buf[n++] = hex[c & 15];
	}
	buf[n] = '\0';
}

/* Into @buf at *@n, cut to fit. */
static void put(char *buf, size_t size, size_t *n, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void put(char *buf, size_t size, size_t *n, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vsnprintf(buf + *n, size - *n, fmt, ap);
	va_end(ap);
	if (r > 0)
		*n = *n + (size_t)r < size ? *n + (size_t)r : size - 1;
}

void report_name(const char *name)
{
	program = name;
}

void report_make_way(void (*call)(void *arg), void *arg)
{
	make_way = call;
	make_way_arg = arg;
}

void report_to(void (*call)(void *arg, const char *text, size_t len), void *arg)
{
	sink = call;
	sink_arg = arg;
}

/* In one piece, so that lines of others do not get between. */
static void say(const char *text, size_t len)
{
	if (sink) {
		sink(sink_arg, text, len);
		return;
	}
	if (make_way)
		make_way(make_way_arg);
	(void)write_all(STDERR_FILENO, text, len);
}

void report_error(const struct rf_err *err, unsigned int flags)
{
	char file[4 * sizeof(err->file)], msg[2 * sizeof(err->msg)], hint[2 * sizeof(err->hint)];
	char text[sizeof(file) + sizeof(msg) + sizeof(hint) + 256];
	size_t n = 0;

	text_escape(err->file, file, sizeof(file));
	text_escape(err->msg, msg, sizeof(msg));
	text_escape(err->hint, hint, sizeof(hint));
	put(text, sizeof(text), &n, "%s: ", program);
	if (about && !*file)
		put(text, sizeof(text), &n, "%s: ", about);
	if (*file)
		put(text, sizeof(text), &n, "%s:", file);
	if (*file && err->line)
		put(text, sizeof(text), &n, "%u:", err->line);
	if (*file && err->line && err->col)
		put(text, sizeof(text), &n, "%u:", err->col);
	put(text, sizeof(text), &n, "%s%s", *file ? " " : "", msg);
	if (err->code && (err->code != EINVAL || (flags & REPORT_STRERROR)))
		put(text, sizeof(text), &n, ": %s", strerror(err->code));
	put(text, sizeof(text), &n, "\n");
	if (*hint)
		put(text, sizeof(text), &n, "  hint: %s\n", hint);
	say(text, n);
}

void report_text(const char *fmt, ...)
{
	char text[1024];
	size_t n = 0;
	va_list ap;
	int r;

	put(text, sizeof(text), &n, "%s: ", program);
	if (about)
		put(text, sizeof(text), &n, "%s: ", about);
	va_start(ap, fmt);
	r = vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	va_end(ap);
	if (r > 0)
		n = n + (size_t)r < sizeof(text) ? n + (size_t)r : sizeof(text) - 1;
	/* one that had to be cut is a line all the same */
	if (n == sizeof(text) - 1)
		text[n - 1] = '\n';
	say(text, n);
}

void report_about(const char *what)
{
	about = what;
}

int report_status(const struct rf_err *err)
{
	/* what the kernel or the machine refuses is not the spec's fault */
	static const int sandbox[] = {
		EPERM, EOPNOTSUPP, ESRCH, EEXIST, EBUSY, ETIMEDOUT, EXDEV, ENOSYS, ENOMEM, EMFILE, ENFILE, EAGAIN, ENOSPC, EIO, EUSERS,
		ECONNRESET,
	};

	for (size_t i = 0; i < sizeof(sandbox) / sizeof(sandbox[0]); i++)
		if (err->code == sandbox[i])
			return STATUS_SANDBOX;
	return STATUS_USAGE;
}

void report_stdout_was_closed(void)
{
	stdout_was_closed = true;
}

bool report_stdout_is_closed(void)
{
	return stdout_was_closed;
}

void out(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vprintf(fmt, ap) < 0 && !out_error)
		out_error = errno;
	va_end(ap);
}

int out_finish(int status)
{
	int error = 0;

	if (stdout_was_closed) {
		error = EBADF;
	} else if (out_error) {
		error = out_error;
	} else {
		errno = 0;
		if (fflush(stdout) || ferror(stdout))
			error = errno ? errno : EIO;
	}
	if (!error)
		return status;
	report_text("standard output: %s\n", strerror(error));
	return STATUS_SANDBOX;
}
