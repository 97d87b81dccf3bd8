/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scalars of a spec.  The key says what type a scalar has, never its looks:
 * `no` is a fine hostname, 0777 as a mode is octal, 1e3 is no number.
 */
#include "spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

static const char *kind_word(enum rf_node_kind kind)
{
	switch (kind) {
	case RF_NODE_SCALAR:
		return "a single value";
	case RF_NODE_LIST:
		return "a list";
	case RF_NODE_MAP:
		return "a map";
	}
	return "nothing";
}

/* YAML's several ways to write nothing. */
static bool is_null(const struct rf_node *v)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	for (size_t i = 0; v->plain && i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(v->text, words[i]))
			return true;
	return false;
}

int rf_need(struct rf_reader *r, const struct rf_node *v, enum rf_node_kind kind,
	    const char *what)
{
	if (v->kind == kind && (kind != RF_NODE_SCALAR || !is_null(v)))
		return 0;
	if (v->kind == RF_NODE_SCALAR && is_null(v)) {
		rf_err_at(r->err, &v->place, EINVAL, "no value where %s belongs", what);
		if (!strcmp(v->text, "~"))
			rf_err_hint(r->err, "in YAML a lone ~ means nothing; write \"~\" for the home directory");
		return -EINVAL;
	}
	return rf_err_at(r->err, &v->place, EINVAL, "%s where %s belongs",
			 kind_word(v->kind), what);
}

int rf_value_text(struct rf_reader *r, const struct rf_node *v, const char **ret)
{
	int ret_need = rf_need(r, v, RF_NODE_SCALAR, "text");

	if (ret_need < 0)
		return ret_need;
	*ret = v->text;
	return 0;
}

int rf_value_bool(struct rf_reader *r, const struct rf_node *v, bool *ret)
{
	int ret_need = rf_need(r, v, RF_NODE_SCALAR, "true or false");

	if (ret_need < 0)
		return ret_need;
	if (v->plain && !strcmp(v->text, "true"))
		*ret = true;
	else if (v->plain && !strcmp(v->text, "false"))
		*ret = false;
	else
		return rf_err_at(r->err, &v->place, EINVAL,
				 "'%.64s' where true or false belongs%s", v->text,
				 v->plain ? "" : ", without quotes");
	return 0;
}

/*
 * Decimal digits at *@s, which then points behind them.  False without digits
 * or when the number does not fit; @ret_overflow tells which.
 */
static bool digits(const char **s, uint64_t *ret, bool *ret_overflow)
{
	const char *p = *s;
	uint64_t n = 0;

	*ret_overflow = false;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n)) {
			*ret_overflow = true;
			return false;
		}
	if (p == *s)
		return false;
	*s = p;
	*ret = n;
	return true;
}

int rf_value_int(struct rf_reader *r, const struct rf_node *v,
		 int64_t min, int64_t max, int64_t *ret)
{
	int ret_need = rf_need(r, v, RF_NODE_SCALAR, "a number");
	bool negative, overflow;
	const char *s = v->text;
	uint64_t n;

	if (ret_need < 0)
		return ret_need;
	negative = *s == '-';
	s += negative;
	/* 010 would be eight to some and ten to others: neither */
	if (*s == '0' && s[1] >= '0' && s[1] <= '9')
		return rf_err_at(r->err, &v->place, EINVAL,
				 "'%.64s' is not a number: it begins with 0", v->text);
	if (!digits(&s, &n, &overflow) && !overflow)
		return rf_err_at(r->err, &v->place, EINVAL, "'%.64s' is not a number", v->text);
	if (!overflow && *s)
		return rf_err_at(r->err, &v->place, EINVAL,
				 "'%.64s' is not a number: junk after the digits", v->text);
	if (overflow || n > INT64_MAX ||
	    (negative ? -(int64_t)n : (int64_t)n) < min ||
	    (negative ? -(int64_t)n : (int64_t)n) > max)
		return rf_err_at(r->err, &v->place, EINVAL, "'%.64s' is not between %lld and %lld",
				 v->text, (long long)min, (long long)max);
	*ret = negative ? -(int64_t)n : (int64_t)n;
	return 0;
}

int rf_value_mode(struct rf_reader *r, const struct rf_node *v, int *ret)
{
	int ret_need = rf_need(r, v, RF_NODE_SCALAR, "an octal mode");
	size_t len = ret_need < 0 ? 0 : strlen(v->text);
	int mode = 0;

	if (ret_need < 0)
		return ret_need;
	for (size_t i = 0; i < len && len <= 5; i++) {
		if (v->text[i] < '0' || v->text[i] > '7')
			len = 0;
		else
			mode = mode * 8 + (v->text[i] - '0');
	}
	if (!len || len > 5 || mode > 07777)
		return rf_err_at(r->err, &v->place, EINVAL,
				 "'%.64s' is not an octal mode between 0 and 7777", v->text);
	*ret = mode;
	return 0;
}

struct unit {
	const char	*name;
	uint64_t	 factor;
};

/* A number and a unit: 64M, 10m.  @units[0] is the one of a bare number. */
static int with_unit(struct rf_reader *r, const struct rf_node *v, const char *what,
		     const struct unit *units, size_t nr, uint64_t *ret)
{
	int ret_need = rf_need(r, v, RF_NODE_SCALAR, what);
	const char *s = v->text;
	bool overflow;
	uint64_t n;

	if (ret_need < 0)
		return ret_need;
	if (!digits(&s, &n, &overflow)) {
		if (overflow)
			return rf_err_at(r->err, &v->place, EINVAL, "'%.64s' is too large", v->text);
		return rf_err_at(r->err, &v->place, EINVAL, "'%.64s' is not %s", v->text, what);
	}
	for (size_t i = 0; i < nr; i++) {
		if (strcmp(s, units[i].name))
			continue;
		if (__builtin_mul_overflow(n, units[i].factor, ret) || *ret > INT64_MAX)
			return rf_err_at(r->err, &v->place, EINVAL, "'%.64s' is too large", v->text);
		return 0;
	}
	return rf_err_at(r->err, &v->place, EINVAL, "'%.64s' is not %s", v->text, what);
}

int rf_value_size(struct rf_reader *r, const struct rf_node *v, uint64_t *ret)
{
	static const struct unit units[] = {
		{ "", 1 }, { "K", 1ull << 10 }, { "M", 1ull << 20 },
		{ "G", 1ull << 30 }, { "T", 1ull << 40 },
	};

	return with_unit(r, v, "a size like 65536, 64K, 64M, 2G or 1T", units,
			 sizeof(units) / sizeof(*units), ret);
}

int rf_value_duration(struct rf_reader *r, const struct rf_node *v, uint64_t *ret_ns)
{
	static const struct unit units[] = {
		{ "", 1000000000ull }, { "ms", 1000000ull }, { "s", 1000000000ull },
		{ "m", 60 * 1000000000ull }, { "h", 3600 * 1000000000ull },
		{ "d", 86400 * 1000000000ull },
	};

	return with_unit(r, v, "a time like 90, 500ms, 90s, 10m, 2h or 1d", units,
			 sizeof(units) / sizeof(*units), ret_ns);
}

int rf_value_word(struct rf_reader *r, const struct rf_node *v,
		  const struct rf_word *words, int *ret)
{
	int ret_need = rf_need(r, v, RF_NODE_SCALAR, "a word");
	char buf[64];

	if (ret_need < 0)
		return ret_need;
	for (const struct rf_word *w = words; w->name; w++)
		if (!strcmp(w->name, v->text)) {
			*ret = w->value;
			return 0;
		}
	rf_err_at(r->err, &v->place, EINVAL, "unknown word '%.64s'%s", v->text,
		  rf_nearest(v->text, words, sizeof(*words), buf));
	return -EINVAL;
}
