/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors.  Engines show the last line of standard error, or read the log: so the
 * whole cause is one line, and in the log once more, in the format of runc's.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "chain.h"
#include "error.h"
#include "oci_runtime.h"
#include "report.h"

static void now(char buf[40])
{
	struct timespec ts;
	struct tm tm;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)gmtime_r(&ts.tv_sec, &tm);
	(void)strftime(buf, 40, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static char *json_line(const char *level, const char *msg, const struct rf_err *err,
		       const char *op)
{
	char time[40], place[300];
	json_t *entry;
	char *text;

	now(time);
	entry = json_pack("{s:s, s:s, s:s}", "level", level, "msg", msg, "time", time);
	if (entry && err->file[0]) {
		(void)snprintf(place, sizeof(place), "%s:%u:%u", err->file, err->line, err->col);
		(void)json_object_set_new(entry, "place", json_string(place));
	}
	if (entry && op)
		(void)json_object_set_new(entry, "op", json_string(op));
	if (entry && err->hint[0])
		(void)json_object_set_new(entry, "hint", json_string(err->hint));
	text = entry ? json_dumps(entry, JSON_COMPACT) : NULL;
	json_decref(entry);
	return text;
}

/* As the loggers of engines write it: a quote in a message ends nothing. */
static char *text_line(const char *level, const char *msg)
{
	char *quoted = malloc(2 * strlen(msg) + 1), *to = quoted, *text;
	char time[40];
	int n;

	if (!quoted)
		return NULL;
	for (; *msg; msg++) {
		if (*msg == '"' || *msg == '\\')
			*to++ = '\\';
		*to++ = *msg;
	}
	*to = '\0';
	now(time);
	n = asprintf(&text, "time=\"%s\" level=%s msg=\"%s\"", time, level, quoted);
	free(quoted);
	return n < 0 ? NULL : text;
}

static int log_open(void)
{
	return open(oci.log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
}

int oci_log_check(struct rf_err *err)
{
	struct stat st;
	int fd;

	if (!oci.log_file)
		return 0;
	/* whoever reads a pipe would take this for its end */
	if (stat(oci.log_file, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return 0;
	fd = log_open();
	if (fd < 0)
		return rf_err_set(err, errno, "--log %s", oci.log_file);
	(void)close(fd);
	return 0;
}

/* False: there is no log, or none any more. */
static bool log_write(const char *level, const char *msg, const struct rf_err *err, const char *op)
{
	int fd = oci.log_file ? log_open() : -1;
	char *text;

	if (fd < 0)
		return false;
	text = oci.log_json ? json_line(level, msg, err, op) : text_line(level, msg);
	if (text) {
		(void)write_all(fd, text, strlen(text));
		(void)write_all(fd, "\n", 1);
	}
	free(text);
	(void)close(fd);
	return true;
}

static bool is_op(const char *name)
{
	for (size_t i = 0; name && i < RF_OP_NR; i++)
		if (!strcmp(rf_op_defs[i].name, name))
			return true;
	return false;
}

/*
 * Of a command that cannot be run in Go's words, which docker looks for, capitals and
 * all, to tell 126 from 127.
 */
static const char *reason(int error, const char *op, char buf[static 64])
{
	const char *text = strerror(error);

	if (!op || (strcmp(op, "exec") != 0 && strcmp(op, "find") != 0))
		return text;
	(void)snprintf(buf, 64, "%c%s", *text | 0x20, text + 1);
	return buf;
}

int oci_fail_op(const struct rf_err *err, const char *op)
{
	/* EINVAL is ours, and says all, unless it is the kernel's answer to an op */
	const bool said = err->code == EINVAL && !is_op(op);
	char line[2048], clean[4096], place[300] = "", buf[64];

	if (err->file[0] && err->line)
		(void)snprintf(place, sizeof(place), "%s:%u:%u: ", err->file, err->line, err->col);
	else if (err->file[0])
		(void)snprintf(place, sizeof(place), "%s: ", err->file);
	(void)snprintf(line, sizeof(line), "%s%s%s%s%s%s%s", place, err->msg,
		       said ? "" : ": ", said ? "" : reason(err->code, op, buf),
		       err->hint[0] ? " (" : "", err->hint, err->hint[0] ? ")" : "");
	text_escape(line, clean, sizeof(clean));
	(void)log_write("error", clean, err, op);
	report_text("%s\n", clean);
	return 1;
}

int oci_fail(const struct rf_err *err)
{
	return oci_fail_op(err, NULL);
}

void oci_warn(const char *fmt, ...)
{
	const struct rf_err none = RF_ERR_INIT;
	char msg[1200], clean[2400];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	text_escape(msg, clean, sizeof(clean));
	if (!log_write("warning", clean, &none, NULL))
		report_text("warning: %s\n", clean);
}

int oci_usage(const char *fmt, ...)
{
	struct rf_err err = RF_ERR_INIT;
	char msg[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	rf_err_set(&err, EINVAL, "%s", msg);
	return oci_fail(&err);
}
