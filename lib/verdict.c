/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "receipt.h"

static const char *const outcome_names[] = {
	[RF_REFUSED]	= "refused",
	[RF_FAILED]	= "failed",
	[RF_EXITED]	= "exited",
	[RF_SIGNALED]	= "signaled",
	[RF_TIMEOUT]	= "timeout",
};

size_t rf_utf8_length(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	static const struct { unsigned char mask, lead, len; uint32_t min; } kinds[] = {
		{ 0x80, 0x00, 1, 0 }, { 0xe0, 0xc0, 2, 0x80 },
		{ 0xf0, 0xe0, 3, 0x800 }, { 0xf8, 0xf0, 4, 0x10000 },
	};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		uint32_t c = s[0] & (unsigned char)~kinds[k].mask;

		if ((s[0] & kinds[k].mask) != kinds[k].lead)
			continue;
		for (size_t i = 1; i < kinds[k].len; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (s[i] & 0x3f);
		}
		if (c < kinds[k].min || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return 0;
		return kinds[k].len;
	}
	return 0;
}

/*
 * A path is bytes, JSON is UTF-8: what is not becomes U+FFFD, as in browsers.
 * NULL is null.
 */
static json_t *text(const char *s)
{
	json_t *j;
	char *copy, *to;
	size_t n;

	if (!s)
		return json_null();
	j = json_string(s);
	if (j)
		return j;
	copy = malloc(3 * strlen(s) + 1);
	if (!copy)
		return NULL;
	for (to = copy; *s; s += n ? n : 1) {
		n = rf_utf8_length(s);
		memcpy(to, n ? s : "\xef\xbf\xbd", n ? n : 3);
		to += n ? n : 3;
	}
	*to = '\0';
	j = json_string(copy);
	free(copy);
	return j;
}

/* An integer, or null where there is none. */
static json_t *number(bool known, long long value)
{
	return known ? json_integer(value) : json_null();
}

static json_t *place(const struct rf_place *p)
{
	json_t *j;

	if (!p->file || !*p->file)
		return json_null();
	j = json_object();
	json_object_set_new(j, "file", text(p->file));
	json_object_set_new(j, "line", number(p->line > 0, p->line));
	json_object_set_new(j, "col", number(p->col > 0, p->col));
	return j;
}

static json_t *error(const struct rf_verdict *v)
{
	const struct rf_err *err = v->err;
	json_t *j;

	if (!err || !err->code)
		return json_null();
	j = json_object();
	json_object_set_new(j, "file", text(*err->file ? err->file : NULL));
	json_object_set_new(j, "line", number(err->line > 0, err->line));
	json_object_set_new(j, "col", number(err->col > 0, err->col));
	json_object_set_new(j, "op", text(v->op));
	json_object_set_new(j, "index", number(v->op_index >= 0, v->op_index));
	json_object_set_new(j, "errno", text(strerrorname_np(err->code)));
	json_object_set_new(j, "message", text(err->msg));
	json_object_set_new(j, "hint", text(*err->hint ? err->hint : NULL));
	return j;
}

static json_t *times(const struct rf_verdict *v)
{
	json_t *j = json_object();

	json_object_set_new(j, "setup_us", number(v->has_setup, (long long)v->setup_us));
	json_object_set_new(j, "wall_us", number(v->has_usage, (long long)v->wall_us));
	json_object_set_new(j, "user_us", number(v->has_usage, (long long)v->user_us));
	json_object_set_new(j, "system_us", number(v->has_usage, (long long)v->system_us));
	return j;
}

static json_t *skipped(const struct rf_verdict *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->nr_skipped; i++) {
		const struct rf_mount *m = v->skipped[i];
		json_t *j = json_object();

		json_object_set_new(j, "at", text(m->at));
		json_object_set_new(j, "source", text(m->source));
		json_object_set_new(j, "place", place(&m->place));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *facts(const struct rf_layer_state *l)
{
	json_t *j = json_object();

	for (size_t i = 0; i < l->nr_facts; i++) {
		if (json_object_set_new(j, l->facts[i].name, text(l->facts[i].value)) == 0)
			continue;
		json_decref(j);
		return NULL;
	}
	return j;
}

static json_t *layers(const struct rf_receipt *receipt)
{
	json_t *list;

	if (!receipt)
		return json_null();
	list = json_array();
	/* a layer must not be missing for want of memory */
	for (int i = 0; list && i < RF_LAYER_NR; i++) {
		const struct rf_layer_state *l = &receipt->layers[i];
		json_t *j = json_object();

		json_object_set_new(j, "layer", json_string(rf_layer_defs[i].name));
		json_object_set_new(j, "in_force", json_boolean(l->in_force));
		json_object_set_new(j, "detail", facts(l));
		json_object_set_new(j, "why_not", text(l->why_not));
		if (json_object_size(j) != 4 || json_array_append(list, j) < 0) {
			json_decref(list);
			list = NULL;
		}
		json_decref(j);
	}
	return list;
}

static json_t *ids(const struct rf_verdict *v)
{
	json_t *j = json_object();

	json_object_set_new(j, "uid", number(v->uid >= 0, v->uid));
	json_object_set_new(j, "gid", number(v->gid >= 0, v->gid));
	json_object_set_new(j, "groups", text(v->groups));
	return j;
}

static json_t *fallback(const char *key, const char *why)
{
	json_t *j = json_object();

	json_object_set_new(j, key, json_string("landlock"));
	json_object_set_new(j, "why", text(why));
	return j;
}

/* Numbers that nobody has counted are null. */
static json_t *cgroup(const struct rf_verdict *v)
{
	const struct rf_cgroup_usage *u = v->cgroup;
	json_t *j;

	if (!u)
		return json_null();
	j = json_object();
	json_object_set_new(j, "path", text(v->cgroup_path));
	json_object_set_new(j, "cpu_us", number(u->cpu_us >= 0, u->cpu_us));
	json_object_set_new(j, "user_us", number(u->user_us >= 0, u->user_us));
	json_object_set_new(j, "system_us", number(u->system_us >= 0, u->system_us));
	json_object_set_new(j, "throttled", number(u->throttled >= 0, u->throttled));
	json_object_set_new(j, "throttled_us", number(u->throttled_us >= 0, u->throttled_us));
	json_object_set_new(j, "memory_peak", number(u->memory_peak >= 0, u->memory_peak));
	json_object_set_new(j, "memory_hits", number(u->memory_hits >= 0, u->memory_hits));
	json_object_set_new(j, "oom_kills", number(u->oom_kills >= 0, u->oom_kills));
	json_object_set_new(j, "pids_peak", number(u->pids_peak >= 0, u->pids_peak));
	json_object_set_new(j, "pids_hits", number(u->pids_hits >= 0, u->pids_hits));
	json_object_set_new(j, "io_read", number(u->io_read >= 0, u->io_read));
	json_object_set_new(j, "io_written", number(u->io_written >= 0, u->io_written));
	return j;
}

/* null: nobody has looked. */
static json_t *denials(const struct rf_verdict *v)
{
	static const char *const kinds[RF_DENIED_NR] = {
		[RF_DENIED_MISSING]	= "missing",
		[RF_DENIED_READ_ONLY]	= "read_only",
		[RF_DENIED_COVERED]	= "deny",
		[RF_DENIED_NOEXEC]	= "noexec",
		[RF_DENIED_LANDLOCK]	= "landlock",
		[RF_DENIED_NETWORK]	= "network",
		[RF_DENIED_CAPABILITY]	= "capability",
		[RF_DENIED_SECCOMP]	= "seccomp",
		[RF_DENIED_IO_URING]	= "io_uring",
		[RF_DENIED_TRACING]	= "tracing",
	};
	json_t *list;

	if (!v->has_denials)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < v->nr_denials; i++) {
		const struct rf_denial *d = &v->denials[i];
		json_t *j = json_object();

		json_object_set_new(j, "kind", json_string(kinds[d->kind]));
		json_object_set_new(j, "call", text(d->call));
		json_object_set_new(j, "subject", text(*d->subject ? d->subject : NULL));
		json_object_set_new(j, "errno", text(d->error ? strerrorname_np(d->error) : NULL));
		json_object_set_new(j, "place", text(d->place));
		json_object_set_new(j, "why", text(d->why));
		json_object_set_new(j, "edit", text(*d->edit ? d->edit : NULL));
		json_array_append_new(list, j);
	}
	return list;
}

/* jansson's setters take NULL and do nothing: a short object is seen here. */
static char *finish(json_t *j, size_t nr_keys)
{
	char *s = NULL;

	if (json_object_size(j) == nr_keys)
		s = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(j);
	return s;
}

static json_t *pool(const struct rf_verdict *v)
{
	json_t *j = json_object();

	json_object_set_new(j, "name", text(v->pool));
	json_object_set_new(j, "why_not", text(v->pool_why));
	return j;
}

static json_t *job(const struct rf_verdict_job *of)
{
	json_t *j = json_object();

	json_object_set_new(j, "index", json_integer((json_int_t)of->index));
	json_object_set_new(j, "name", text(of->name));
	json_object_set_new(j, "place", place(&of->place));
	return j;
}

static char *finish_line(json_t *j, size_t nr_keys)
{
	char *s = finish(j, nr_keys), *line;
	size_t len;

	if (!s)
		return NULL;
	len = strlen(s);
	line = realloc(s, len + 2);
	if (!line) {
		free(s);
		return NULL;
	}
	memcpy(line + len, "\n", 2);
	return line;
}

char *rf_verdict_json(const struct rf_verdict *v)
{
	json_t *j = json_object(), *engine = json_object();

	json_object_set_new(engine, "name", text(v->engine));
	json_object_set_new(engine, "why", text(v->engine_why));

	json_object_set_new(j, "version", json_integer(1));
	json_object_set_new(j, "outcome", json_string(outcome_names[v->outcome]));
	json_object_set_new(j, "exit_status", number(v->exit_status >= 0, v->exit_status));
	json_object_set_new(j, "signal", number(v->signal > 0, v->signal));
	json_object_set_new(j, "reason", text(v->reason));
	json_object_set_new(j, "error", error(v));
	json_object_set_new(j, "times", times(v));
	json_object_set_new(j, "peak_memory_kib", number(v->peak_kib >= 0, v->peak_kib));
	json_object_set_new(j, "peak_memory_at_most_kib",
			    number(v->peak_at_most_kib >= 0, v->peak_at_most_kib));
	json_object_set_new(j, "cgroup", cgroup(v));
	json_object_set_new(j, "engine", engine);
	json_object_set_new(j, "ids", ids(v));
	json_object_set_new(j, "skipped_mounts", skipped(v));
	json_object_set_new(j, "fallback",
			    v->fallback_why ? fallback("to", v->fallback_why) : json_null());
	json_object_set_new(j, "receipt", layers(v->receipt));
	json_object_set_new(j, "denials", denials(v));
	if (v->job)
		json_object_set_new(j, "job", job(v->job));
	if (v->pool || v->pool_why)
		json_object_set_new(j, "pool", pool(v));
	return finish_line(j, 16 + (v->job != NULL) + (v->pool || v->pool_why));
}

char *rf_op_row_json(const struct rf_op_row *row)
{
	json_t *j = json_object();
	size_t keys = 5;

	json_object_set_new(j, "index", json_integer(row->index));
	json_object_set_new(j, "op", text(row->op));
	json_object_set_new(j, "text", text(row->text));
	json_object_set_new(j, "hard", json_boolean(row->hard));
	json_object_set_new(j, "place", place(&row->place));
	if (row->has_result) {
		keys += 3;
		json_object_set_new(j, "result", json_integer(row->result));
		json_object_set_new(j, "errno",
				    text(row->result < 0 ? strerrorname_np(-row->result) : NULL));
		json_object_set_new(j, "us", row->has_time ? json_real(row->usec) : json_null());
	}
	return finish(j, keys);
}

char *rf_engine_json(const char *engine, const char *why)
{
	json_t *j = json_object();

	json_object_set_new(j, "engine", text(engine));
	json_object_set_new(j, "why", text(why));
	return finish(j, 2);
}

char *rf_fallback_json(const char *why)
{
	return finish(fallback("fallback", why), 2);
}

char *rf_receipt_json(const struct rf_receipt *receipt)
{
	json_t *j = layers(receipt);
	char *s = j ? json_dumps(j, JSON_COMPACT) : NULL;

	json_decref(j);
	return s;
}

/* ------------------------------------------------------------ running sandboxes */

const char *rf_rlimit_name(unsigned int n)
{
	static const char *const names[RLIM_NLIMITS] = {
		[RLIMIT_AS] = "as", [RLIMIT_CORE] = "core", [RLIMIT_CPU] = "cpu_time",
		[RLIMIT_DATA] = "data", [RLIMIT_FSIZE] = "fsize", [RLIMIT_LOCKS] = "locks",
		[RLIMIT_MEMLOCK] = "memlock", [RLIMIT_MSGQUEUE] = "msgqueue",
		[RLIMIT_NICE] = "nice", [RLIMIT_NOFILE] = "nofile", [RLIMIT_NPROC] = "nproc",
		[RLIMIT_RSS] = "rss", [RLIMIT_RTPRIO] = "rtprio", [RLIMIT_RTTIME] = "rttime",
		[RLIMIT_SIGPENDING] = "sigpending", [RLIMIT_STACK] = "stack",
	};

	return n < RLIM_NLIMITS ? names[n] : NULL;
}

static json_t *amount(uint64_t n)
{
	return n == UINT64_MAX ? json_string("unlimited") : json_integer((json_int_t)n);
}

/* Only those that the spec has set. */
static json_t *limits(const struct rf_running_row *row)
{
	const struct rf_sandbox *sb = row->sb;
	json_t *j = json_object();

	if (sb->wall_ms)
		(void)json_object_set_new(j, "wall_ms", amount(sb->wall_ms));
	if (sb->cpu_ms)
		(void)json_object_set_new(j, "cpu_ms", amount(sb->cpu_ms));
	if (sb->cgroup.set & 1U << RF_CG_MEMORY)
		(void)json_object_set_new(j, "memory", amount(sb->cgroup.memory));
	if (sb->cgroup.set & 1U << RF_CG_SWAP)
		(void)json_object_set_new(j, "swap", amount(sb->cgroup.swap));
	if (sb->cgroup.set & 1U << RF_CG_PIDS)
		(void)json_object_set_new(j, "pids", amount(sb->cgroup.pids));
	if (sb->cgroup.set & 1U << RF_CG_CPU)
		(void)json_object_set_new(j, "cpu", json_real((double)sb->cgroup.cpu_milli / 1000));
	for (unsigned int i = 0; rf_rlimit_name(i); i++)
		if (row->limited & 1U << i)
			(void)json_object_set_new(j, rf_rlimit_name(i),
						  json_pack("{s:o,s:o}", "soft",
							    amount(sb->rlimits[i].soft), "hard",
							    amount(sb->rlimits[i].hard)));
	return j;
}

char *rf_running_row_json(const struct rf_running_row *row)
{
	json_t *j = json_object(), *command = row->sb ? json_array() : json_null();

	for (size_t i = 0; row->sb && i < row->sb->nr_argv; i++)
		(void)json_array_append_new(command, text(row->sb->argv[i]));
	json_object_set_new(j, "name", text(row->name));
	json_object_set_new(j, "pid", json_integer(row->pid));
	json_object_set_new(j, "command_pid", number(row->command_pid > 0, row->command_pid));
	json_object_set_new(j, "age_ms", number(row->sb != NULL, row->age_ms));
	json_object_set_new(j, "state", text(row->state));
	json_object_set_new(j, "command", command);
	json_object_set_new(j, "limits", row->sb ? limits(row) : json_null());
	return finish(j, 7);
}

char *rf_pool_row_json(const struct rf_pool_row *row)
{
	const struct { const char *name; int64_t value; } numbers[] = {
		{ "pid", row->pid }, { "size", row->size }, { "ready", row->ready },
		{ "making", row->making }, { "running", row->running }, { "waiting", row->waiting },
		{ "taken", row->taken }, { "sent_away", row->sent_away }, { "made", row->made },
		{ "failed", row->failed }, { "retired", row->retired },
	};
	const size_t nr = sizeof(numbers) / sizeof(numbers[0]);
	json_t *j = json_object();

	json_object_set_new(j, "name", text(row->name));
	json_object_set_new(j, "spec", text(row->spec));
	for (size_t i = 0; i < nr; i++)
		json_object_set_new(j, numbers[i].name, json_integer(numbers[i].value));
	json_object_set_new(j, "last_sent_away", text(row->last_sent_away));
	json_object_set_new(j, "last_error", text(row->last_error));
	json_object_set_new(j, "uptime_ms", json_integer(row->uptime_ms));
	return finish_line(j, nr + 5);
}
