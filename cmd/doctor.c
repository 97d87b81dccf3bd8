/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence doctor: what works here, what does not, why, and the narrowest fix.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "account.h"
#include "command.h"
#include "doctor.h"
#include "error.h"
#include "options.h"
#include "report.h"

#define DEADLINE_MS 5000

enum { OPT_JSON, OPT_HELP };

static const struct rf_opt doctor_opts[] = {
	{ .name = "json", .id = OPT_JSON, .help = "print JSON" },
	{ .name = "help", .letter = 'h', .id = OPT_HELP, .help = "print this help" },
	{ .name = NULL }
};

static int doctor_main(int argc, char **argv);

const struct command cmd_doctor = {
	.name	= "doctor",
	.args	= "[--json]",
	.help	= "print what works here, what does not, why, and how to mend it",
	.opts	= doctor_opts,
	.main	= doctor_main,
};

/* ------------------------------------------------------------ the default sandbox */

/* `ringfence run` of this very program, which is all that every host has. */
static _Noreturn void run_default(int err_fd)
{
	char number[16], *argv[] = {
		"run", "--extends", "default", "--exec-fd", number, "--", "ringfence", "version", NULL
	};
	int exe = open("/proc/self/exe", O_RDONLY);

	if (exe < 0)
		_exit(STATUS_SANDBOX);
	snprintf(number, sizeof(number), "%d", exe);
	(void)dup2(err_fd, STDERR_FILENO);
	_exit(cmd_run.main(8, argv));
}

/* "ringfence: MESSAGE\n  hint: HINT\n" */
static void take_message(char *text, struct rf_finding *f)
{
	char *hint = strstr(text, "\n  hint: ");
	char *message = strncmp(text, "ringfence: ", 11) ? text : text + 11;

	if (hint) {
		*hint = '\0';
		hint += strlen("\n  hint: ");
		hint[strcspn(hint, "\n")] = '\0';
	}
	message[strcspn(message, "\n")] = '\0';
	(void)rf_found_failure(f, f->error, "%s", *message ? message : "no message");
	if (hint)
		rf_cause_set(&f->cause, RF_CAUSE_DEPENDS, "%s", hint);
}

static void probe_default(const struct rf_doctor *d, struct rf_finding *f)
{
	char text[2048] = "";
	int fds[2], status = -1;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	(void)d;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		(void)rf_found_failure(f, errno, "pipe");
		return;
	}
	pid = fork();
	if (pid == 0)
		run_default(fds[1]);
	(void)close(fds[1]);
	while (pid > 0 && len < sizeof(text) - 1 &&
	       (n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	(void)close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		(void)rf_found_failure(f, errno, "fork");
		return;
	}
	text[len] = '\0';
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		rf_found(f, RF_FINDING_WORKS, "`ringfence run` works");
	else
		take_message(text, f);
}

/* ------------------------------------------------------------------ printing */

/* A string of JSON, or null; bytes that are no ASCII are U+FFFD. */
static void json_text(const char *s)
{
	if (!s || !*s) {
		out("null");
		return;
	}
	out("\"");
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			out("\\%c", c);
		else if (c == '\n')
			out("\\n");
		else if (c >= 0x80)
			out("\\ufffd");
		else if (c < 0x20 || c == 0x7f)
			out("\\u%04x", c);
		else
			out("%c", c);
	}
	out("\"");
}

static void json_member(const char *name, const char *value)
{
	out(",\"%s\":", name);
	json_text(value);
}

static bool has_failed(const struct rf_finding *f)
{
	return f->status == RF_FINDING_FAILS || f->status == RF_FINDING_PARTLY;
}

static void print_json(const struct rf_doctor *d)
{
	out("{\"version\":1,\"works\":%s,\"findings\":[\n", rf_doctor_works(d) ? "true" : "false");
	for (size_t i = 0; i < rf_doctor_nr(); i++) {
		const struct rf_doctor_row *row = &rf_doctor_rows[i];
		const struct rf_finding *f = &d->found[i];
		char *fix = rf_doctor_fix(d, f);
		bool explained = f->cause.kind || f->cause.text[0];

		out("%s{\"group\":\"%s\",\"name\":\"%s\",\"status\":\"%s\",\"needed\":%s", i ? ",\n" : "",
		    row->group, row->name, rf_finding_words[f->status], row->needed ? "true" : "false");
		json_member("value", f->value);
		json_member("errno", f->error ? strerrorname_np(f->error) : NULL);
		json_member("cause", explained ? rf_causes[f->cause.kind].word : NULL);
		json_member("text", f->cause.text);
		json_member("consequence", has_failed(f) ? row->loss : NULL);
		json_member("fix", fix);
		out("}");
		free(fix);
	}
	out("\n]}\n");
}

static void print_line(const struct rf_doctor_row *row, const struct rf_finding *f)
{
	char value[2 * sizeof(f->value)];

	text_escape(f->value, value, sizeof(value));
	out("  %-20s %s", row->name, f->status == RF_FINDING_FAILS && row->needed ? "FAILS" :
	    f->status == RF_FINDING_INFO ? "-" : rf_finding_words[f->status]);
	if (*value)
		out("%*s%s", f->status == RF_FINDING_INFO ? 7 : f->status == RF_FINDING_PARTLY ? 2 : 3,
		    "", value);
	if (f->status == RF_FINDING_FAILS && f->error)
		out("%s%s", *value ? ": " : "   ", strerror(f->error));
	out("\n");
}

/* System calls that work are of no interest one by one. */
static bool is_dull(const struct rf_doctor_row *row, const struct rf_finding *f)
{
	return !strcmp(row->group, "calls") && f->status == RF_FINDING_WORKS;
}

/* A group's rows need not be neighbours: whether one before @index is of the same. */
static bool is_printed(size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (!strcmp(rf_doctor_rows[i].group, rf_doctor_rows[index].group))
			return true;
	return false;
}

static void print_group(const struct rf_doctor *d, const char *group)
{
	unsigned int dull = 0;

	out("%s\n", group);
	for (size_t i = 0; i < rf_doctor_nr(); i++)
		if (!strcmp(rf_doctor_rows[i].group, group))
			dull += is_dull(&rf_doctor_rows[i], &d->found[i]);
	if (dull)
		out("  %-20s %-7s %u of those that a launch makes\n", "system calls", "works", dull);
	for (size_t i = 0; i < rf_doctor_nr(); i++)
		if (!strcmp(rf_doctor_rows[i].group, group) && !is_dull(&rf_doctor_rows[i], &d->found[i]))
			print_line(&rf_doctor_rows[i], &d->found[i]);
}

static void print_table(const struct rf_doctor *d)
{
	for (size_t i = 0; i < rf_doctor_nr(); i++)
		if (!is_printed(i))
			print_group(d, rf_doctor_rows[i].group);
}

/* Every line of @text, indented. */
static void print_indented(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		out("      %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* Whether a row before @index has the same cause in the same words. */
static bool is_repeated(const struct rf_doctor *d, size_t index)
{
	const struct rf_cause *c = &d->found[index].cause;

	for (size_t i = 0; i < index; i++)
		if (has_failed(&d->found[i]) && d->found[i].cause.kind == c->kind &&
		    !strcmp(d->found[i].cause.text, c->text))
			return c->kind != RF_CAUSE_UNKNOWN;
	return false;
}

static void print_remedies(const struct rf_doctor *d)
{
	for (size_t i = 0; i < rf_doctor_nr(); i++) {
		const struct rf_doctor_row *row = &rf_doctor_rows[i];
		const struct rf_finding *f = &d->found[i];
		char text[2 * sizeof(f->cause.text)], *fix;

		if (!has_failed(f))
			continue;
		text_escape(f->cause.text, text, sizeof(text));
		out("\n%s.%s %s\n", row->group, row->name, row->needed ? "FAILS, and is needed" :
		    rf_finding_words[f->status]);
		out("    why: %s\n", *text ? text : f->error ? strerror(f->error) : "not known");
		if (row->loss)
			out("    without: %s\n", row->loss);
		if (is_repeated(d, i)) {
			out("    fix: as above\n");
			continue;
		}
		fix = rf_doctor_fix(d, f);
		if (fix) {
			out("    fix:\n");
			print_indented(fix);
		}
		free(fix);
	}
	out("\n%s\n", rf_doctor_works(d) ? "All that the default sandbox needs works here." :
	    "Something that the default sandbox needs does not work here.");
}

/* ------------------------------------------------------------------- command */

static int take_option(void *state, const struct rf_opt *opt, int is_spec, const char *value,
		       struct rf_err *err)
{
	(void)is_spec;
	(void)value;
	(void)err;
	if (opt->id == OPT_HELP)
		return OPTIONS_STOP;
	*(bool *)state = true;
	return 0;
}

static int probe_all(struct rf_doctor *d, struct rf_err *err)
{
	for (size_t i = 0; i < rf_doctor_nr(); i++) {
		int r = rf_doctor_probe(d, i);

		if (r < 0)
			return rf_err_set(err, -r, "probing %s.%s", rf_doctor_rows[i].group,
					  rf_doctor_rows[i].name);
	}
	return 0;
}

static int doctor(bool json, struct rf_err *err)
{
	struct rf_features features;
	struct rf_account account;
	char exe[4096], user[64];
	struct rf_doctor d = {
		.host = { .root = "", .f = &features }, .user = user, .exe = exe,
		.deadline_ms = DEADLINE_MS, .sandbox = probe_default,
	};
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int r = rf_probe(&features, err);

	if (r == 0)
		r = rf_probe_subids(&features, err);
	if (r < 0)
		return r;
	exe[n < 0 ? 0 : n] = '\0';
	if (rf_account_by_id(RF_USERS, features.uid, &account))
		snprintf(user, sizeof(user), "%s", account.name);
	else
		snprintf(user, sizeof(user), "%u", features.uid);
	d.found = calloc(rf_doctor_nr(), sizeof(*d.found));
	if (!d.found)
		return rf_err_set(err, ENOMEM, "probing");
	r = probe_all(&d, err);
	if (r == 0 && json) {
		print_json(&d);
	} else if (r == 0) {
		print_table(&d);
		print_remedies(&d);
	}
	if (r == 0)
		r = !rf_doctor_works(&d);
	free(d.found);
	return r;
}

static int doctor_main(int argc, char **argv)
{
	struct rf_err err = RF_ERR_INIT;
	bool json = false;
	int r = options_parse(&cmd_doctor, argc, argv, take_option, &json, &err);

	if (r == OPTIONS_STOP)
		return help_command(&cmd_doctor);
	if (r >= 0 && r < argc)
		r = rf_err_set(&err, EINVAL, "doctor: takes no argument: '%s'", argv[r]);
	if (r >= 0)
		r = doctor(json, &err);
	if (r >= 0)
		return out_finish(r);
	report_error(&err, 0);
	return report_status(&err);
}
