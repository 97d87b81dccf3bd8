/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "batch_report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "report.h"

#define PROGRESS_NS	100000000ULL	/* the least time between two lines */
#define HEAD_SIZE	4096		/* of the XML, filled in at the end */
#define TEXT_MAX	500		/* bytes of a name or a message there */

bool batch_succeeded(const struct rf_verdict *v)
{
	return v->outcome == RF_EXITED && v->exit_status == 0;
}

/* ------------------------------------------------------------------ progress */

int batch_progress(struct batch_report *b, unsigned int running)
{
	uint64_t now = clock_ns();
	char text[160], total[32] = "";
	int n;

	if (!b->watched || (b->shown && b->shown_done == b->done && b->shown_running == running))
		return -1;
	if (b->shown_ns && now - b->shown_ns < PROGRESS_NS)
		return (int)((PROGRESS_NS - (now - b->shown_ns)) / 1000000) + 1;
	if (b->total)
		(void)snprintf(total, sizeof(total), "/%" PRIu64, b->total);
	n = snprintf(text, sizeof(text), "\r%" PRIu64 "%s done, %" PRIu64 " failed, %u running\033[K",
		     b->done, total, b->failed, running);
	(void)write_all(STDERR_FILENO, text, (size_t)n);
	b->shown = true;
	b->shown_ns = now;
	b->shown_done = b->done;
	b->shown_running = running;
	return -1;
}

void batch_progress_clear(struct batch_report *b)
{
	static const char clear[] = "\r\033[K";

	if (b->shown)
		(void)write_all(STDERR_FILENO, clear, sizeof(clear) - 1);
	b->shown = false;
}

/* ----------------------------------------------------------------------- XML */

/* May XML 1.0 contain the character of @len bytes at @s? */
static bool is_xml(const char *s, size_t len)
{
	unsigned char c = (unsigned char)*s;

	if (len == 1)
		return c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
	/* U+FFFE and U+FFFF are none */
	return len != 3 || memcmp(s, "\xef\xbf", 2) != 0 || (unsigned char)s[2] < 0xbe;
}

/*
 * As much of @text as TEXT_MAX bytes of it allow, for an attribute in double quotes.
 * What XML cannot have becomes U+FFFD.
 */
static void put_text(FILE *xml, const char *text)
{
	static const struct { char c; const char *entity; } entities[] = {
		{ '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" },
		{ '\t', "&#9;" }, { '\n', "&#10;" }, { '\r', "&#13;" },
	};
	const size_t nr = sizeof(entities) / sizeof(entities[0]);
	size_t len;

	for (const char *s = text; *s && s - text < TEXT_MAX; s += len ? len : 1) {
		size_t e = 0;

		len = rf_utf8_length(s);
		while (e < nr && entities[e].c != *s)
			e++;
		if (e < nr)
			fputs(entities[e].entity, xml);
		else if (len && is_xml(s, len))
			fwrite(s, 1, len, xml);
		else
			fputs("\xef\xbf\xbd", xml);
	}
}

static void put_attribute(FILE *xml, const char *name, const char *text)
{
	fprintf(xml, " %s=\"", name);
	put_text(xml, text);
	fputc('"', xml);
}

static void put_counts(FILE *xml, const struct batch_report *b)
{
	fprintf(xml, " tests=\"%" PRIu64 "\" failures=\"%" PRIu64 "\" errors=\"%" PRIu64 "\""
		" time=\"%.3f\">", b->done, b->failed - b->errors, b->errors,
		(double)clock_ns() / 1e9);
}

/* What is only known at the end, in the room that was left for it. */
static void put_head(FILE *xml, const struct batch_report *b)
{
	long end;

	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"ringfence batch\"", xml);
	put_counts(xml, b);
	fputs("\n<testsuite", xml);
	put_attribute(xml, "name", b->input);
	put_counts(xml, b);
	end = ftell(xml);
	if (end >= 0)
		fprintf(xml, "%*s\n", (int)(HEAD_SIZE - 1 - end), "");
}

int batch_junit_begin(struct batch_report *b, const char *file, struct rf_err *err)
{
	mode_t mask = umask(0);
	struct stat st;
	int fd;

	(void)umask(mask);
	if (lstat(file, &st) == 0 && !S_ISREG(st.st_mode))
		return rf_err_set(err, EINVAL, "--junit: %s is no regular file", file);
	if (asprintf(&b->tmp, "%s.XXXXXX", file) < 0) {
		b->tmp = NULL;
		return rf_err_set(err, ENOMEM, "--junit");
	}
	fd = mkostemp(b->tmp, O_CLOEXEC);
	if (fd < 0) {
		int error = errno;

		free(b->tmp);
		b->tmp = NULL;
		return rf_err_set(err, error, "--junit: %s", file);
	}
	b->junit = file;
	b->xml = fdopen(fd, "w");
	if (!b->xml) {
		(void)close(fd);
		return rf_err_set(err, ENOMEM, "--junit");
	}
	(void)fchmod(fd, 0666 & ~mask);
	fprintf(b->xml, "%*s", HEAD_SIZE, "");
	return 0;
}

static void put_why(FILE *xml, const struct rf_verdict *v)
{
	static const char *const types[] = {
		[RF_REFUSED] = "refused", [RF_FAILED] = "failed", [RF_EXITED] = "exited",
		[RF_SIGNALED] = "signaled", [RF_TIMEOUT] = "timeout",
	};
	char text[64];

	fprintf(xml, "><%s", v->outcome <= RF_FAILED ? "error" : "failure");
	put_attribute(xml, "type", types[v->outcome]);
	(void)snprintf(text, sizeof(text), "%s %d", v->signal ? "signal" : "exit status",
		       v->signal ? v->signal : v->exit_status);
	put_attribute(xml, "message", v->err && v->err->code ? v->err->msg :
		      v->reason ? v->reason : text);
	fputs("/></testcase>\n", xml);
}

/* "7: make check": the name of a job that has none. */
static void put_name(FILE *xml, const struct rf_verdict *v, char *const *command)
{
	char text[TEXT_MAX + 1];
	size_t n;

	if (v->job->name) {
		put_attribute(xml, "name", v->job->name);
		return;
	}
	n = (size_t)snprintf(text, sizeof(text), "%" PRIu64 ":", v->job->index);
	for (; command && *command && n < sizeof(text); command++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", *command);
	put_attribute(xml, "name", text);
}

static void put_case(FILE *xml, const struct batch_report *b, const struct rf_verdict *v,
		     char *const *command)
{
	fputs("<testcase", xml);
	put_attribute(xml, "classname", b->input);
	put_name(xml, v, command);
	fprintf(xml, " time=\"%.6f\"", v->has_usage ? (double)v->wall_us / 1e6 : 0);
	if (batch_succeeded(v))
		fputs("/>\n", xml);
	else
		put_why(xml, v);
}

int batch_junit_end(struct batch_report *b, struct rf_err *err)
{
	int r = 0;

	if (!b->xml)
		return 0;
	fputs("</testsuite>\n</testsuites>\n", b->xml);
	if (fseek(b->xml, 0, SEEK_SET) == 0)
		put_head(b->xml, b);
	errno = 0;
	if (fflush(b->xml) || ferror(b->xml) || fsync(fileno(b->xml)) < 0 ||
	    rename(b->tmp, b->junit) < 0)
		r = rf_err_set(err, errno ? errno : EIO, "--junit: %s", b->junit);
	if (r == 0) {
		free(b->tmp);
		b->tmp = NULL;
	}
	return r;
}

void batch_report_done(struct batch_report *b)
{
	if (b->xml)
		(void)fclose(b->xml);
	b->xml = NULL;
	if (b->tmp)
		(void)unlink(b->tmp);
	free(b->tmp);
	b->tmp = NULL;
}

/* -------------------------------------------------------------------- a job */

int batch_report_job(struct batch_report *b, const struct rf_verdict *v, char *const *command)
{
	/* one write: whoever reads a pipe gets it whole */
	char *json = rf_verdict_json(v);
	int r = -ENOMEM;

	if (b->watched && isatty(b->verdict_fd))
		batch_progress_clear(b);
	if (json)
		r = write_all(b->verdict_fd, json, strlen(json));
	free(json);
	b->done++;
	b->failed += !batch_succeeded(v);
	b->errors += v->outcome <= RF_FAILED;
	if (b->xml)
		put_case(b->xml, b, v, command);
	return r;
}
