/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects, lists and scalars of a config.json, with the path of whatever is wrong.
 */
#include "oci_config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "spec.h"

int rf_oci_fail(struct rf_oci_reader *o, const struct rf_node *v, const char *fmt, ...)
{
	char msg[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	return rf_err_at(o->err, &v->place, EINVAL, "%s%s%s", o->path, o->len ? ": " : "", msg);
}

int rf_oci_no_memory(struct rf_oci_reader *o)
{
	return rf_err_set(o->err, ENOMEM, "reading a config.json");
}

/* ------------------------------------------------------------------ the path */

/* One more step of the path, @before @name @after; what is too long for an error is cut. */
static size_t enter(struct rf_oci_reader *o, const char *before, const char *name,
		    const char *after)
{
	const char *const parts[] = { before, name, after };
	const size_t len = o->len;

	/* by hand: for each key of the document, and errors alone want it */
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t n = strnlen(parts[i], sizeof(o->path) - 1 - o->len);

		memcpy(o->path + o->len, parts[i], n);
		o->len += n;
	}
	o->path[o->len] = '\0';
	return len;
}

static void leave(struct rf_oci_reader *o, size_t before)
{
	o->len = before;
	o->path[before] = '\0';
}

/* ---------------------------------------------------------------- structures */

bool rf_oci_is_null(const struct rf_node *v)
{
	return v->kind == RF_NODE_SCALAR && v->plain && !strcmp(v->text, "null");
}

/* A value that wants nothing, whatever its key means. */
static bool is_nothing(const struct rf_node *v)
{
	if (v->kind != RF_NODE_SCALAR)
		return !v->nr;
	if (!v->plain)
		return !*v->text;
	return !strcmp(v->text, "null") || !strcmp(v->text, "false") || !strcmp(v->text, "0");
}

static const struct rf_oci_key *find(const struct rf_oci_key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (!strcmp(keys->name, name))
			return keys;
	return NULL;
}

static int need(struct rf_oci_reader *o, const struct rf_node *v, enum rf_node_kind kind,
		const char *what)
{
	return v->kind == kind ? 0 : rf_oci_fail(o, v, "%s belongs here", what);
}

static int read_value(struct rf_oci_reader *o, const struct rf_oci_key *key,
		      const struct rf_node *v, void *obj)
{
	if (rf_oci_is_null(v))
		return 0;
	if (key->refused)
		return is_nothing(v) ? 0 : rf_oci_fail(o, v, "%s", key->refused);
	return key->read(o, v, (char *)obj + key->offset);
}

int rf_oci_map(struct rf_oci_reader *o, const struct rf_node *v, const struct rf_oci_key *keys,
	       void *obj)
{
	int r = need(o, v, RF_NODE_MAP, "an object");

	if (r == 0)
		r = rf_no_repeats(o->r, v);
	for (size_t i = 0; r == 0 && i < v->nr; i += 2) {
		const struct rf_oci_key *key = find(keys, v->items[i]->text);
		size_t before;

		if (!key)
			continue;
		before = enter(o, o->len ? "." : "", key->name, "");
		r = read_value(o, key, v->items[i + 1], obj);
		leave(o, before);
	}
	return r;
}

bool rf_oci_has(const struct rf_node *map, const char *key)
{
	for (size_t i = 0; i < map->nr; i += 2)
		if (!strcmp(map->items[i]->text, key))
			return !rf_oci_is_null(map->items[i + 1]);
	return false;
}

int rf_oci_list(struct rf_oci_reader *o, const struct rf_node *v, rf_oci_read read, void *obj)
{
	int r = need(o, v, RF_NODE_LIST, "a list");

	for (size_t i = 0; r == 0 && i < v->nr; i++) {
		char index[24];
		size_t before;

		(void)snprintf(index, sizeof(index), "%zu", i);
		before = enter(o, "[", index, "]");
		r = read(o, v->items[i], obj);
		leave(o, before);
	}
	return r;
}

int rf_oci_each(struct rf_oci_reader *o, const struct rf_node *v,
		int (*take)(struct rf_oci_reader *o, const char *key, const struct rf_node *value,
			    void *obj), void *obj)
{
	int r = need(o, v, RF_NODE_MAP, "an object");

	if (r == 0)
		r = rf_no_repeats(o->r, v);
	for (size_t i = 0; r == 0 && i < v->nr; i += 2) {
		size_t before = enter(o, ".\"", v->items[i]->text, "\"");

		r = take(o, v->items[i]->text, v->items[i + 1], obj);
		leave(o, before);
	}
	return r;
}

struct pairs {
	int		(*take)(struct rf_oci_reader *o, const char *key, const char *value,
				const struct rf_node *node, void *obj);
	void		*obj;
};

static int take_pair(struct rf_oci_reader *o, const char *key, const struct rf_node *v, void *obj)
{
	const struct pairs *p = obj;
	const char *value = NULL;
	int r = rf_oci_text(o, v, &value);

	return r < 0 ? r : p->take(o, key, value, v, p->obj);
}

int rf_oci_pairs(struct rf_oci_reader *o, const struct rf_node *v,
		 int (*take)(struct rf_oci_reader *o, const char *key, const char *value,
			     const struct rf_node *node, void *obj), void *obj)
{
	struct pairs p = { .take = take, .obj = obj };

	return rf_oci_each(o, v, take_pair, &p);
}

/* ------------------------------------------------------------------- scalars */

int rf_oci_text(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	if (v->kind != RF_NODE_SCALAR || v->plain)
		return rf_oci_fail(o, v, "a string belongs here");
	*(const char **)obj = v->text;
	return 0;
}

int rf_oci_bool(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	bool yes = v->kind == RF_NODE_SCALAR && v->plain && !strcmp(v->text, "true");

	if (!yes && (v->kind != RF_NODE_SCALAR || !v->plain || strcmp(v->text, "false") != 0))
		return rf_oci_fail(o, v, "true or false belongs here");
	*(bool *)obj = yes;
	return 0;
}

/* Digits and nothing else: no sign, no fraction, no exponent, no leading zero. */
static bool read_digits(const char *s, uint64_t *ret)
{
	uint64_t n = 0;

	if (!*s || (*s == '0' && s[1]))
		return false;
	for (; *s; s++)
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(n, 10U, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
			return false;
	*ret = n;
	return true;
}

int rf_oci_uint(struct rf_oci_reader *o, const struct rf_node *v, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	if (v->kind != RF_NODE_SCALAR || !v->plain)
		return rf_oci_fail(o, v, "a number belongs here");
	if (!read_digits(v->text, &n) || n > max)
		return rf_oci_fail(o, v, "'%.40s' is no whole number from 0 to %llu", v->text,
				   (unsigned long long)max);
	*ret = n;
	return 0;
}

int rf_oci_int(struct rf_oci_reader *o, const struct rf_node *v, int64_t min, int64_t max,
	       int64_t *ret)
{
	bool negative;
	uint64_t n = 0;

	if (v->kind != RF_NODE_SCALAR || !v->plain)
		return rf_oci_fail(o, v, "a number belongs here");
	negative = v->text[0] == '-';
	if (!read_digits(v->text + negative, &n) || n > INT64_MAX ||
	    (negative ? -(int64_t)n : (int64_t)n) < min ||
	    (negative ? -(int64_t)n : (int64_t)n) > max)
		return rf_oci_fail(o, v, "'%.40s' is no whole number from %lld to %lld", v->text,
				   (long long)min, (long long)max);
	*ret = negative ? -(int64_t)n : (int64_t)n;
	return 0;
}

/* The highest is "no change" to the kernel. */
int rf_oci_id(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	uint64_t n = 0;
	int r = rf_oci_uint(o, v, UINT32_MAX - 1, &n);

	if (r == 0)
		*(uint32_t *)obj = (uint32_t)n;
	return r;
}

int rf_oci_word(struct rf_oci_reader *o, const struct rf_node *v, const struct rf_word *words,
		int *ret)
{
	const char *text = NULL;
	char nearest[64];
	int r = rf_oci_text(o, v, &text);

	if (r < 0)
		return r;
	for (const struct rf_word *w = words; w->name; w++)
		if (!strcmp(w->name, text)) {
			*ret = w->value;
			return 0;
		}
	return rf_oci_fail(o, v, "no '%.40s' here%s", text,
			   rf_nearest(text, words, sizeof(*words), nearest));
}

/* Without "//", "/./" and a slash at the end. */
static void tidy(char *path)
{
	char *to = path;

	for (const char *p = path; *p;) {
		if (p[0] == '/' && (p[1] == '/' || !p[1]))
			p++;
		else if (p[0] == '/' && p[1] == '.' && (p[2] == '/' || !p[2]))
			p += 2;
		else
			*to++ = *p++;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

static bool has_dotdot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "/..")); p += 3)
		if (!p[3] || p[3] == '/')
			return true;
	return false;
}

int rf_oci_inside(struct rf_oci_reader *o, const struct rf_node *v, const char **ret)
{
	const char *text = NULL;
	char *path;
	int r = rf_oci_text(o, v, &text);

	if (r < 0)
		return r;
	if (*text != '/')
		return rf_oci_fail(o, v, "'%.100s' is no absolute path", text);
	if (has_dotdot(text))
		return rf_oci_fail(o, v, "'%.100s' has '..'", text);
	if (strlen(text) >= 4096)
		return rf_oci_fail(o, v, "a path of more than 4095 bytes");
	path = rf_sandbox_strdup(o->sb, text);
	if (!path)
		return rf_oci_no_memory(o);
	tidy(path);
	*ret = path;
	return 0;
}

struct texts {
	char	**list;
	size_t	  nr;
};

static int add_text(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct texts *t = obj;
	const char *text = NULL;
	int r = rf_oci_text(o, v, &text);

	if (r == 0)
		t->list[t->nr++] = (char *)(uintptr_t)text;
	return r;
}

int rf_oci_texts(struct rf_oci_reader *o, const struct rf_node *v, char ***ret, size_t *ret_nr)
{
	struct texts t = { .nr = 0 };
	int r;

	t.list = rf_sandbox_alloc(o->sb, (v->nr + 1) * sizeof(*t.list));
	if (!t.list)
		return rf_oci_no_memory(o);
	r = rf_oci_list(o, v, add_text, &t);
	if (r < 0)
		return r;
	*ret = t.list;
	*ret_nr = t.nr;
	return 0;
}
