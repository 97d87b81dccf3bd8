/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state.h"

#include <errno.h>
#include <linux/securebits.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "state_field.h"

#define STATE_VERSION		1

/* -------------------------------------------------------------- one value */

#define FIELD(type)	(*(type *)(void *)((char *)obj + offset))
#define CONST(type)	(*(const type *)(const void *)((const char *)obj + offset))

/* A number of 64 bits: JSON has signed ones, the top half is negative. */
json_t *rf_put_i64(const void *obj, size_t offset)
{
	return json_integer(CONST(int64_t));
}

int rf_get_i64(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	(void)sb;
	if (!json_is_integer(j))
		return -EINVAL;
	FIELD(int64_t) = json_integer_value(j);
	return 0;
}

json_t *rf_put_u64(const void *obj, size_t offset)
{
	return json_integer((json_int_t)CONST(uint64_t));
}

int rf_get_u64(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	return rf_get_i64(sb, j, obj, offset);
}

json_t *rf_put_u32(const void *obj, size_t offset)
{
	return json_integer(CONST(uint32_t));
}

int rf_get_u32(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	json_int_t n = json_integer_value(j);

	(void)sb;
	if (!json_is_integer(j) || n < 0 || n > UINT32_MAX)
		return -EINVAL;
	FIELD(uint32_t) = (uint32_t)n;
	return 0;
}

json_t *rf_put_int(const void *obj, size_t offset)
{
	return json_integer(CONST(int));
}

int rf_get_int(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	json_int_t n = json_integer_value(j);

	(void)sb;
	if (!json_is_integer(j) || n < INT32_MIN || n > INT32_MAX)
		return -EINVAL;
	FIELD(int) = (int)n;
	return 0;
}

json_t *rf_put_flag(const void *obj, size_t offset)
{
	return json_boolean(CONST(bool));
}

int rf_get_flag(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	(void)sb;
	if (!json_is_boolean(j))
		return -EINVAL;
	FIELD(bool) = json_is_true(j);
	return 0;
}

json_t *rf_bytes_put(const char *s)
{
	char *copy = malloc(2 * strlen(s) + 1), *to = copy;
	json_t *j;

	if (!copy)
		return NULL;
	for (const unsigned char *c = (const unsigned char *)s; *c; c++) {
		if (*c >= 0x80)
			*to++ = (char)(0xc0 | *c >> 6);
		*to++ = (char)(*c >= 0x80 ? 0x80 | (*c & 0x3f) : *c);
	}
	*to = '\0';
	j = json_string(copy);
	free(copy);
	return j;
}

char *rf_bytes_get(struct rf_sandbox *sb, const json_t *j)
{
	const unsigned char *s = (const unsigned char *)json_string_value(j);
	char *copy, *to;

	if (!s || strlen((const char *)s) != json_string_length(j))
		return NULL;
	to = copy = rf_sandbox_alloc(sb, json_string_length(j) + 1);
	for (; copy && *s; s++) {
		if (*s > 0xc3)		/* beyond U+00FF */
			return NULL;
		if (*s >= 0xc0) {
			*to++ = (char)(s[0] << 6 | (s[1] & 0x3f));
			s++;
		} else {
			*to++ = (char)*s;
		}
	}
	return copy;
}

json_t *rf_put_text(const void *obj, size_t offset)
{
	const char *s = CONST(char *);

	return s ? rf_bytes_put(s) : json_null();
}

int rf_get_text(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	char *s = NULL;

	if (!json_is_null(j)) {
		s = rf_bytes_get(sb, j);
		if (!s)
			return -EINVAL;
	}
	FIELD(const char *) = s;
	return 0;
}

/* ----------------------------------------------------------------- tables */

#define ROW(type, key, name, codec) \
	{ key, rf_put_##codec, rf_get_##codec, offsetof(type, name) }
#define STATE(name, codec)	ROW(struct rf_state, #name, name, codec)
#define SANDBOX(name, codec)	ROW(struct rf_sandbox, #name, name, codec)

static const struct rf_field state_fields[] = {
	STATE(launcher, i64), STATE(payload, i64), STATE(init, i64),
	STATE(payload_start, u64), STATE(init_start, u64), STATE(started_ms, i64),
	STATE(gid, u32), STATE(groups, groups), STATE(limited, u32),
	STATE(ns, namespaces), STATE(cgroups, cgroups), STATE(tracker, text),
	{ .name = NULL }
};

_Static_assert(sizeof(enum rf_groups) == sizeof(uint32_t) &&
	       sizeof(enum rf_terminal) == sizeof(uint32_t), "enums are read as uint32_t");

static const struct rf_field sandbox_fields[] = {
	SANDBOX(name, text), SANDBOX(argv, argv), SANDBOX(envp, envp),
	SANDBOX(cwd, text),
	ROW(struct rf_sandbox, "uid", user.uid, i64), ROW(struct rf_sandbox, "gid", user.gid, i64),
	ROW(struct rf_sandbox, "groups", user.groups, u32),
	ROW(struct rf_sandbox, "gids", user, gids),
	SANDBOX(capabilities, u64), SANDBOX(ambient, u64), SANDBOX(no_new_privs, flag),
	SANDBOX(securebits, u32), SANDBOX(rlimits, rlimits), SANDBOX(wall_ms, u64),
	SANDBOX(cpu_ms, u64), SANDBOX(nice, int), SANDBOX(oom_score, int), SANDBOX(umask, u32),
	SANDBOX(affinity, affinity), SANDBOX(terminal, u32), SANDBOX(seccomp, seccomp),
	SANDBOX(landlock, landlock), SANDBOX(cgroup, cgroup),
	{ .name = NULL }
};

static const struct rf_field entry_fields[] = {
	ROW(struct rf_entry, "pid", pid, i64), ROW(struct rf_entry, "start", start, u64),
	ROW(struct rf_entry, "pidns", pidns, u64), ROW(struct rf_entry, "timens", timens, u64),
	{ .name = NULL }
};

/* jansson's setters take NULL and do nothing: a short object is seen here. */
json_t *rf_fields_put(const struct rf_field *rows, const void *obj)
{
	json_t *j = json_object();
	size_t nr = 0;

	for (; rows[nr].name; nr++)
		(void)json_object_set_new(j, rows[nr].name, rows[nr].put(obj, rows[nr].offset));
	if (json_object_size(j) == nr)
		return j;
	json_decref(j);
	return NULL;
}

int rf_fields_get(const struct rf_field *rows, struct rf_sandbox *sb, const json_t *j, void *obj,
		  const char **ret_name)
{
	size_t nr = 0;

	for (; rows[nr].name; nr++) {
		const json_t *v = json_object_get(j, rows[nr].name);
		int r = v ? rows[nr].get(sb, v, obj, rows[nr].offset) : -EINVAL;

		if (r < 0) {
			*ret_name = rows[nr].name;
			return r;
		}
	}
	*ret_name = "a key that nobody knows";
	return json_object_size(j) == nr ? 0 : -EINVAL;
}

/* ------------------------------------------------------------------- state */

static char *finish(json_t *j, size_t nr_keys)
{
	char *s = NULL;

	if (json_object_size(j) == nr_keys)
		s = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return s;
}

char *rf_state_print(const struct rf_state *st)
{
	json_t *j = json_object();

	(void)json_object_set_new(j, "version", json_integer(STATE_VERSION));
	(void)json_object_set_new(j, "state", rf_fields_put(state_fields, st));
	(void)json_object_set_new(j, "sandbox", rf_fields_put(sandbox_fields, st->sb));
	return finish(j, 3);
}

struct rf_state *rf_state_free(struct rf_state *st)
{
	if (st)
		rf_sandbox_free(st->sb);
	free(st);
	return NULL;
}

/* The text as an object with @nr keys, of our version. */
static int load(const char *text, size_t len, size_t max, size_t nr, json_t **ret,
		struct rf_err *err)
{
	json_t *j;

	if (len > max)
		return rf_err_set(err, EFBIG, "the state has %zu bytes", len);
	/* jansson's own limit on nesting is 2048 */
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (!j)
		return rf_err_set(err, EINVAL, "the state is not JSON");
	if (!json_is_integer(json_object_get(j, "version")) ||
	    json_integer_value(json_object_get(j, "version")) != STATE_VERSION) {
		json_decref(j);
		return rf_err_set(err, EINVAL, "the state is that of another version of ringfence");
	}
	if (json_object_size(j) != nr) {
		json_decref(j);
		return rf_err_set(err, EINVAL, "the state has other keys than it may have");
	}
	*ret = j;
	return 0;
}

static bool is_pid(int64_t pid)
{
	return pid > 0 && pid <= INT32_MAX;
}

static bool is_id(int64_t id)
{
	return id >= -1 && id < UINT32_MAX;
}

/* What the table cannot say, key by key; NULL: all is well. */
static const char *wrong(const struct rf_state *st)
{
	const struct rf_sandbox *sb = st->sb;

	if (!is_pid(st->launcher) || !is_pid(st->payload) || (st->init && !is_pid(st->init)))
		return "a process";
	if (sb->name && !rf_name_is_good(sb->name))
		return "name";
	if (!sb->nr_argv || !sb->argv[0][0])
		return "argv";
	if (st->tracker && st->tracker[0] != '/')
		return "tracker";
	if (sb->cwd && sb->cwd[0] != '/')
		return "cwd";
	if (!is_id(sb->user.uid) || !is_id(sb->user.gid))
		return "uid";
	if ((sb->user.groups != RF_GROUPS_DROP && sb->user.groups != RF_GROUPS_KEEP) ||
	    (sb->user.groups == RF_GROUPS_KEEP && sb->user.nr_add_gids))
		return "groups";
	if (sb->ambient & ~sb->capabilities)
		return "ambient";
	if (sb->securebits & ~(uint32_t)(SECURE_ALL_BITS | SECURE_ALL_LOCKS))
		return "securebits";
	if (sb->nice < -20 || sb->nice > 19)
		return "nice";
	if (sb->oom_score < -1000 || sb->oom_score > 1000)
		return "oom_score";
	if (sb->umask > 0777)
		return "umask";
	if (sb->terminal > RF_TERM_PRIVATE)
		return "terminal";
	return NULL;
}

static int read_state(const json_t *j, struct rf_state *st, struct rf_err *err)
{
	const char *name = "";
	int r = rf_fields_get(state_fields, st->sb, json_object_get(j, "state"), st, &name);

	if (r == 0)
		r = rf_fields_get(sandbox_fields, st->sb, json_object_get(j, "sandbox"), st->sb,
				  &name);
	if (r == 0) {
		name = wrong(st);
		r = name ? -EINVAL : 0;
	}
	if (r < 0)
		return rf_err_set(err, -r, "the state: %s", name);
	st->sb->has_nice = st->sb->has_oom_score = st->sb->has_umask = true;
	st->sb->has_affinity = true;
	return 0;
}

int rf_state_parse(const char *text, size_t len, struct rf_state **ret, struct rf_err *err)
{
	struct rf_state *st = calloc(1, sizeof(*st));
	json_t *j = NULL;
	int r;

	if (st)
		st->sb = rf_sandbox_new();
	if (!st || !st->sb) {
		rf_state_free(st);
		return rf_err_set(err, ENOMEM, "reading the state");
	}
	r = load(text, len, RF_STATE_MAX, 3, &j, err);
	if (r == 0)
		r = read_state(j, st, err);
	json_decref(j);
	if (r < 0) {
		rf_state_free(st);
		return r;
	}
	*ret = st;
	return 0;
}

/* ------------------------------------------------------------------- entry */

char *rf_entry_print(const struct rf_entry *e)
{
	json_t *j = rf_fields_put(entry_fields, e);

	(void)json_object_set_new(j, "version", json_integer(STATE_VERSION));
	(void)json_object_set_new(j, "boot", json_string(e->boot));
	return finish(j, 6);
}

int rf_entry_parse(const char *text, size_t len, struct rf_entry *ret, struct rf_err *err)
{
	struct rf_entry e = { .pid = 0 };
	const char *boot, *name = "boot";
	json_t *j;
	int r = load(text, len, RF_ENTRY_MAX, 6, &j, err);

	if (r < 0)
		return r;
	boot = json_string_value(json_object_get(j, "boot"));
	if (!boot || strlen(boot) >= sizeof(e.boot)) {
		r = -EINVAL;
	} else {
		memcpy(e.boot, boot, strlen(boot) + 1);
		(void)json_object_del(j, "boot");
		(void)json_object_del(j, "version");
		r = rf_fields_get(entry_fields, NULL, j, &e, &name);
	}
	json_decref(j);
	if (r == 0 && !is_pid(e.pid)) {
		name = "pid";
		r = -EINVAL;
	}
	if (r < 0)
		return rf_err_set(err, -r, "the entry: %s", name);
	*ret = e;
	return 0;
}
