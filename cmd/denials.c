/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "denials.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "policy.h"
#include "report.h"
#include "ringfence.h"
#include "sandbox.h"

/* ------------------------------------------------------------------ the list */

static bool is_known(const struct denials *d, enum rf_denial_kind kind, const char *call,
		     const char *subject, const char *edit)
{
	for (size_t i = 0; i < d->nr; i++) {
		const struct rf_denial *old = &d->list[i];

		/* of a file it does not matter by which call it was refused */
		if (old->kind == kind && strcmp(old->subject, subject) == 0 &&
		    strcmp(old->edit, edit) == 0 && (*subject || strcmp(old->call, call) == 0))
			return true;
	}
	return false;
}

void denials_add(struct denials *d, enum rf_denial_kind kind, const char *call, int error,
		 const char *subject, const char *place, const char *why, const char *edit)
{
	const char *const texts[] = { call, subject, place, why, edit };
	struct rf_denial *n;
	char **to[5];

	if (is_known(d, kind, call, subject, edit))
		return;
	if (d->nr == DENIALS_MAX) {
		d->dropped++;
		return;
	}
	if (d->nr == d->max) {
		size_t max = d->max ? 2 * d->max : 32;

		n = realloc(d->list, max * sizeof(*n));
		if (!n) {
			d->dropped++;
			return;
		}
		d->list = n;
		d->max = max;
	}
	n = &d->list[d->nr];
	n->kind = kind;
	n->error = error;
	to[0] = &n->call;
	to[1] = &n->subject;
	to[2] = &n->place;
	to[3] = &n->why;
	to[4] = &n->edit;
	for (size_t i = 0; i < 5; i++) {
		*to[i] = strdup(texts[i]);
		if (!*to[i]) {
			while (i)
				free(*to[--i]);
			d->dropped++;
			return;
		}
	}
	d->nr++;
}

void denials_done(struct denials *d)
{
	for (size_t i = 0; i < d->nr; i++) {
		free(d->list[i].call);
		free(d->list[i].subject);
		free(d->list[i].place);
		free(d->list[i].why);
		free(d->list[i].edit);
	}
	free(d->list);
	memset(d, 0, sizeof(*d));
}

void denial_place(const struct rf_place *p, const char *fallback, char *buf, size_t size)
{
	if (!p || !p->file || !*p->file)
		(void)snprintf(buf, size, "%s", fallback);
	else if (!p->line)
		(void)snprintf(buf, size, "%s", p->file);
	else
		(void)snprintf(buf, size, "%s:%u:%u", p->file, p->line, p->col);
}

/* ------------------------------------------------------------ the filter's */

/* A preset's policy as text, which has places; NULL: none can be had. */
static struct rf_policy *preset_of(const struct rf_seccomp_spec *spec)
{
	const char *text = rf_filter_preset_text(spec->name);
	struct rf_policy *policy = NULL;
	struct rf_err err = RF_ERR_INIT;

	if (text)
		(void)rf_policy_parse(spec->name, text, strlen(text), &policy, &err);
	return policy;
}

static const char *action_text(uint32_t action, char *buf, size_t size)
{
	int error = (int)(action & SECCOMP_RET_DATA);
	const char *name;

	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ERRNO:
		name = strerrorname_np(error);
		(void)snprintf(buf, size, "answered by %s", name ? name : "success");
		return buf;
	case SECCOMP_RET_TRAP:
		return "answered by SIGSYS";
	case SECCOMP_RET_KILL_THREAD:
		return "kills the thread";
	case SECCOMP_RET_TRACE:
		return "answered by ENOSYS";
	default:
		return "kills the process";
	}
}

static void judge_filter(struct judge *j, const struct tracee *t, const struct seccomp_data *data,
			 uint32_t action)
{
	const struct rf_seccomp_spec *spec = &j->sb->seccomp;
	struct rf_place rule = { NULL, 0, 0 };
	char place[320], text[160] = "", why[288], edit[128], answer[64], number[32];
	const char *name = rf_syscall_name(t->arch, (int)t->nr);
	struct rf_policy *preset = spec->policy ? NULL : preset_of(spec);
	const struct rf_policy *policy = spec->policy ? spec->policy : preset;
	bool found = policy && rf_policy_which(policy, data, &rule, text, sizeof(text));
	uint32_t kind = action & SECCOMP_RET_ACTION_FULL;

	if (!name) {
		(void)snprintf(number, sizeof(number), "%u", (unsigned int)t->nr);
		name = number;
	}
	if (found && rule.line)
		(void)snprintf(place, sizeof(place), "seccomp %s:%u", spec->name, rule.line);
	else
		(void)snprintf(place, sizeof(place), "seccomp %s", spec->name);
	(void)snprintf(why, sizeof(why), "%s%s%s", found ? text : "no rule names it", ": ",
		       action_text(action, answer, sizeof(answer)));
	(void)snprintf(edit, sizeof(edit), "add \"allow %s\"%s", name, found ? " before that line" : "");
	denials_add(j->found, RF_DENIED_SECCOMP, name,
		    kind == SECCOMP_RET_ERRNO ? (int)(action & SECCOMP_RET_DATA) : 0, "", place, why, edit);
	(void)rf_policy_free(preset);
}

void judge_entry(struct judge *j, const struct tracee *t, const struct call *c)
{
	const struct rf_seccomp_spec *spec = &j->sb->seccomp;
	struct seccomp_data data = {
		.nr = (int)t->nr, .arch = t->arch, .instruction_pointer = t->ip,
	};
	uint32_t action;

	(void)c;
	if (!spec->on || !spec->insns)
		return;
	memcpy(data.args, t->args, sizeof(data.args));
	action = rf_filter_run(spec->insns, spec->nr, &data);
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_USER_NOTIF:
		return;
	default:
		judge_filter(j, t, &data, action);
	}
}

/* Has the filter answered, so that nothing else needs explaining? */
static bool is_filtered(const struct judge *j, const struct tracee *t)
{
	const struct rf_seccomp_spec *spec = &j->sb->seccomp;
	struct seccomp_data data = {
		.nr = (int)t->nr, .arch = t->arch, .instruction_pointer = t->ip,
	};

	if (!spec->on || !spec->insns)
		return false;
	memcpy(data.args, t->args, sizeof(data.args));
	return (rf_filter_run(spec->insns, spec->nr, &data) & SECCOMP_RET_ACTION_FULL) ==
	       SECCOMP_RET_ERRNO;
}

/* ------------------------------------------------------------------- judging */

void judge_io_uring(struct judge *j, const char *name)
{
	denials_add(j->found, RF_DENIED_IO_URING, name, ENOSYS, "", "the tracer",
		    "a ring's requests could not be seen; refused while tracing", "");
}

static void judge_capability(struct judge *j, const struct call *c, int error)
{
	char place[320], edit[128];
	char name[64];

	if ((error != EPERM && error != EACCES) || j->sb->capabilities >> c->extra & 1)
		return;
	(void)rf_caps_print(1ULL << c->extra, name, sizeof(name));
	denial_place(&j->sb->cap_place, "capabilities (default: none)", place, sizeof(place));
	(void)snprintf(edit, sizeof(edit), "add %s to capabilities", name);
	denials_add(j->found, RF_DENIED_CAPABILITY, c->name, error, name, place,
		    "the capability is not there", edit);
}

void judge_exit(struct judge *j, const struct tracee *t, const struct call *c, int error)
{
	if (is_filtered(j, t))
		return;
	switch (c->kind) {
	case CALL_CAPABILITY:
		judge_capability(j, c, error);
		return;
	case CALL_PTRACE:
		if (error == EPERM)
			denials_add(j->found, RF_DENIED_TRACING, c->name, error, "", "the tracer",
				    "a task has one tracer, and ringfence is it; refused while tracing", "");
		return;
	case CALL_CONNECT:
	case CALL_BIND:
	case CALL_SENDTO:
		judge_address(j, t, c, error);
		return;
	case CALL_PATH:
	case CALL_OPEN:
	case CALL_OPENAT2:
		break;
	}
	if (error == EXDEV) {
		judge_across(j, t, c);
		return;
	}
	for (int i = 0; i < 2; i++)
		if (t->wants[i])
			judge_path(j, t, c, t->path[i], t->wants[i], error);
}

/* -------------------------------------------------------------------- printing */

void denials_print(const struct denials *d)
{
	char subject[4 * 256], place[4 * 320];
	const char *name;

	report_text("%zu refused by the sandbox\n", d->nr + d->dropped);
	for (size_t i = 0; i < d->nr; i++) {
		const struct rf_denial *n = &d->list[i];

		text_escape(n->subject, subject, sizeof(subject));
		text_escape(n->place, place, sizeof(place));
		name = n->error ? strerrorname_np(n->error) : "killed";
		report_text("%s: %s%s%s: %s: %s%s%s\n", place, n->call, *subject ? " " : "", subject,
			    name ? name : "success", n->why, *n->edit ? "; to allow it, " : "", n->edit);
	}
	if (d->dropped)
		report_text("and %zu more\n", d->dropped);
}
