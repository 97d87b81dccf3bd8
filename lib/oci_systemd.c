/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container's scope: name, slice, and properties.
 *
 * What is a limit is written into the control files too, as without systemd; the property
 * is there so that systemd, when it writes its own mind again (daemon-reload does), has
 * the same.  So a limit that systemd has no property for is none the less in force, and
 * rules for devices have to be said: a delegated scope of version 1 without any would be
 * given all devices back.
 */
#include "oci_systemd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "oci_config.h"
#include "spec.h"

#define UNIT_NAME_MAX	255
#define CPUS_MAX	8192
#define MORE_MAX	256	/* properties by annotations */
#define MAX_TEXT	"18446744073709551615"

static int no_memory(struct rf_err *err)
{
	return rf_err_set(err, ENOMEM, "the container's scope");
}

/* ----------------------------------------------------------------- properties */

static struct rf_oci_property *find(const struct rf_oci_unit *u, const char *name)
{
	for (size_t i = 0; i < u->nr; i++)
		if (!strcmp(u->properties[i].name, name))
			return &u->properties[i];
	return NULL;
}

/* Of two values the later one is in force, as in control files; systemd might unite them. */
static struct rf_oci_property *add(struct rf_sandbox *sb, struct rf_oci_unit *u, const char *name,
				   const char *signature, size_t nr_items)
{
	struct rf_oci_property *p = find(u, name);
	const bool is_new = !p;

	if (is_new && !rf_sandbox_grow(sb, &u->properties, u->nr, &u->max, sizeof(*p)))
		return NULL;
	if (is_new)
		p = &u->properties[u->nr];
	*p = (struct rf_oci_property){ .name = name, .signature = signature };
	p->items = rf_sandbox_alloc(sb, (nr_items + 1) * sizeof(*p->items));
	if (!p->items)
		return NULL;
	u->nr += is_new;
	return p;
}

static int add_one(struct rf_sandbox *sb, struct rf_oci_unit *u, const char *name,
		   const char *signature, const char *value)
{
	struct rf_oci_property *p = value ? add(sb, u, name, signature, 1) : NULL;

	if (!p)
		return -ENOMEM;
	p->items[p->nr_items++] = value;
	return 0;
}

static int add_number(struct rf_sandbox *sb, struct rf_oci_unit *u, const char *name, uint64_t n)
{
	return add_one(sb, u, name, "t", rf_sandbox_printf(sb, "%" PRIu64, n));
}

/* --------------------------------------------------------------------- limits */

/* A list like "0-3,7" as bits, the least first, in hexadecimal. */
static const char *bits_of(struct rf_sandbox *sb, const char *list)
{
	uint8_t bits[CPUS_MAX / 8] = { 0 };
	size_t len = 0;
	char *text, *p = (char *)(uintptr_t)list;

	while (*p) {
		unsigned long first, last;

		if (*p < '0' || *p > '9')
			return NULL;
		first = last = strtoul(p, &p, 10);
		if (*p == '-')
			last = strtoul(p + 1, &p, 10);
		if (last >= CPUS_MAX || first > last || (*p && *p != ','))
			return NULL;
		for (; first <= last; first++)
			bits[first / 8] |= (uint8_t)(1U << first % 8);
		len = last / 8 + 1 > len ? last / 8 + 1 : len;
		p += *p == ',';
	}
	text = rf_sandbox_alloc(sb, 2 * len + 1);
	for (size_t i = 0; text && i < len; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", bits[i]);
	return text;
}

enum kind { NUMBER, BITS };
static const struct map {
	const char	*file;
	bool		 v2;
	const char	*property;
	enum kind	 kind;
} maps[] = {
	{ "memory.limit_in_bytes", false, "MemoryLimit", NUMBER },
	{ "cpu.shares", false, "CPUShares", NUMBER },
	{ "blkio.bfq.weight", false, "BlockIOWeight", NUMBER },
	{ "pids.max", false, "TasksMax", NUMBER },
	{ "cpuset.cpus", false, "AllowedCPUs", BITS },
	{ "cpuset.mems", false, "AllowedMemoryNodes", BITS },
	{ "memory.max", true, "MemoryMax", NUMBER },
	{ "memory.high", true, "MemoryHigh", NUMBER },
	{ "memory.low", true, "MemoryLow", NUMBER },
	{ "memory.min", true, "MemoryMin", NUMBER },
	{ "memory.swap.max", true, "MemorySwapMax", NUMBER },
	{ "cpu.weight", true, "CPUWeight", NUMBER },
	{ "io.weight", true, "IOWeight", NUMBER },
	{ "pids.max", true, "TasksMax", NUMBER },
	{ "cpuset.cpus", true, "AllowedCPUs", BITS },
	{ "cpuset.mems", true, "AllowedMemoryNodes", BITS },
};

static int add_limit(struct rf_sandbox *sb, struct rf_oci_unit *u, const struct map *m,
		     const struct rf_oci_limit *l, const char *text, struct rf_err *err)
{
	const char *bits = m->kind == BITS ? bits_of(sb, text) : NULL;
	const char *word = !strncmp(text, "default ", 8) ? text + 8 : text;
	int r;

	if (m->kind == BITS && !bits)
		return rf_err_at(err, &l->place, EINVAL, "%s: '%.100s' is no list of numbers", l->path, text);
	if (m->kind == BITS)
		r = *bits ? add_one(sb, u, m->property, "ay", bits) : 0;
	else if (!strcmp(word, "max") || *word == '-')
		r = add_one(sb, u, m->property, "t", MAX_TEXT);
	else if (*word && strspn(word, "0123456789") == strlen(word))
		r = add_one(sb, u, m->property, "t", word);
	else
		return rf_err_at(err, &l->place, EINVAL, "%s: '%.100s' is no number", l->path, text);
	return r < 0 ? no_memory(err) : 0;
}

/* Quota and period, of one file or of two. */
struct quota {
	int64_t		 quota, period;		/* 0: not said; quota -1: none */
};

static void take_quota(struct quota *q, const char *file, const char *text)
{
	if (!strcmp(file, "cpu.cfs_quota_us")) {
		q->quota = strtoll(text, NULL, 10);
	} else if (!strcmp(file, "cpu.cfs_period_us")) {
		q->period = strtoll(text, NULL, 10);
	} else if (!strcmp(file, "cpu.max")) {
		char *end = (char *)(uintptr_t)text + 3;

		q->quota = strncmp(text, "max", 3) != 0 ? strtoll(text, &end, 10) : -1;
		q->period = strtoll(end, NULL, 10);
	}
}

/* systemd has whole percents of a processor, so what is given is rounded up to those. */
static int add_quota(struct rf_sandbox *sb, struct rf_oci_unit *u, const struct quota *q)
{
	const uint64_t period = q->period > 0 ? (uint64_t)q->period : 100000;
	uint64_t per_second = UINT64_MAX;
	int r = q->period > 0 ? add_number(sb, u, "CPUQuotaPeriodUSec", period) : 0;

	if (r < 0 || (!q->quota && q->period <= 0))
		return r;
	/* a quota of more than that is none */
	if (q->quota > 0 && (uint64_t)q->quota < UINT64_MAX / 1000000)
		per_second = ((uint64_t)q->quota * 1000000 / period + 9999) / 10000 * 10000;
	return add_number(sb, u, "CPUQuotaPerSecUSec", per_second);
}

/* -------------------------------------------------------------------- devices */

/* The name of driver @major, of the part of /proc/devices for its type. */
static const char *driver(struct rf_sandbox *sb, const char *devices, char type, long major)
{
	const char *line = strstr(devices, type == 'c' ? "Character devices:" : "Block devices:");

	for (line = line ? strchr(line, '\n') : NULL; line && line[1] && line[1] != '\n';
	     line = strchr(line + 1, '\n')) {
		char name[64];
		long nr;

		if (sscanf(line + 1, "%ld %63[^\n]", &nr, name) == 2 && nr == major)
			return rf_sandbox_printf(sb, "%s-%s", type == 'c' ? "char" : "block", name);
	}
	return NULL;
}

/* What systemd calls the devices of @rule; NULL: it has no word for them. */
static const char *node(struct rf_sandbox *sb, const char *devices, const struct rf_device_rule *rule)
{
	if (rule->major < 0)
		return rule->minor >= 0 ? NULL : rule->type == 'c' ? "char-*" : "block-*";
	if (rule->minor < 0)
		return driver(sb, devices, rule->type, (long)rule->major);
	return rf_sandbox_printf(sb, "/dev/%s/%" PRId64 ":%" PRId64, rule->type == 'c' ? "char" : "block",
				 rule->major, rule->minor);
}

static const char *access_of(struct rf_sandbox *sb, const struct rf_device_rule *rule)
{
	return rf_sandbox_printf(sb, "%s%s%s", rule->access & RF_DEVICE_READ ? "r" : "",
				 rule->access & RF_DEVICE_WRITE ? "w" : "",
				 rule->access & RF_DEVICE_MKNOD ? "m" : "");
}

/* Does @name mean the devices of @entry too? */
static bool covers(const char *name, const char *entry)
{
	const bool all_char = !strcmp(name, "char-*"), all_block = !strcmp(name, "block-*");

	return !strcmp(name, entry) ||
	       (all_char && (!strncmp(entry, "char-", 5) || !strncmp(entry, "/dev/char/", 10))) ||
	       (all_block && (!strncmp(entry, "block-", 6) || !strncmp(entry, "/dev/block/", 11)));
}

/* Take @access to @name away: what is left of each entry stays. */
static int deny(struct rf_sandbox *sb, struct rf_oci_property *list, const char *name,
		const char *access)
{
	size_t nr = 0;

	for (size_t i = 0; i + 1 < list->nr_items; i += 2) {
		const char *rest = list->items[i + 1];

		if (covers(name, list->items[i])) {
			char left[4] = "";
			size_t n = 0;

			for (const char *p = rest; *p && n < 3; p++)
				if (!strchr(access, *p))
					left[n++] = *p;
			rest = rf_sandbox_strdup(sb, left);
			if (!rest)
				return -ENOMEM;
		}
		if (!*rest)
			continue;
		list->items[nr++] = list->items[i];
		list->items[nr++] = rest;
	}
	list->nr_items = nr;
	return 0;
}

/* Where all but some are allowed there is no word for it: then the rules are ours alone. */
static int add_devices(struct rf_sandbox *sb, const struct rf_oci_config *c, const char *devices,
		       struct rf_oci_unit *u)
{
	struct rf_oci_property *list;
	bool all = true;
	size_t at = u->nr;

	if (!c->nr_rules)
		return 0;
	list = add(sb, u, "DeviceAllow", "a(ss)", 2 * c->nr_rules);
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < c->nr_rules; i++) {
		const struct rf_device_rule *rule = &c->rules[i].is;
		const char *name, *access = access_of(sb, rule);

		if (!access)
			return -ENOMEM;
		if (rule->type == 'a') {
			all = rule->allow;
			list->nr_items = 0;
			continue;
		}
		name = all ? NULL : node(sb, devices, rule);
		if (!name)
			continue;
		if (rule->allow) {
			list->items[list->nr_items++] = name;
			list->items[list->nr_items++] = access;
		} else if (deny(sb, list, name, access) < 0) {
			return -ENOMEM;
		}
	}
	if (!all)
		return add_one(sb, u, "DevicePolicy", "s", "strict");
	/* none at all, as if it had never been said */
	u->nr = at;
	return add_one(sb, u, "DevicePolicy", "s", "auto");
}

int rf_oci_unit_limits(struct rf_sandbox *sb, const struct rf_oci_config *c, bool unified,
		       const char *devices, struct rf_oci_unit *u, struct rf_err *err)
{
	struct quota q = { 0, 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->nr_limits; i++) {
		const struct rf_oci_limit *l = &c->limits[i];
		const char *file = unified ? l->v2_file : l->v1_file;
		const char *text = unified ? l->v2_text : l->v1_text;

		if (!file || !text)
			continue;
		take_quota(&q, file, text);
		for (size_t m = 0; r == 0 && m < sizeof(maps) / sizeof(*maps); m++)
			if (maps[m].v2 == unified && !strcmp(maps[m].file, file))
				r = add_limit(sb, u, &maps[m], l, text, err);
	}
	if (r == 0)
		r = add_quota(sb, u, &q) < 0 ? no_memory(err) : 0;
	if (r == 0 && devices)
		r = add_devices(sb, c, devices, u) < 0 ? no_memory(err) : 0;
	return r;
}

/* ---------------------------------------------------------------- annotations */

/* The types that the words of GVariant name; a number alone is of 32 bits. */
static const struct { const char *word, *signature; } types[] = {
	{ "boolean ", "b" }, { "byte ", "y" }, { "int16 ", "n" }, { "uint16 ", "q" },
	{ "int32 ", "i" }, { "uint32 ", "u" }, { "int64 ", "x" }, { "uint64 ", "t" },
	{ "double ", "d" }, { "string ", "s" },
};

static const char *skip(const char *p)
{
	return p + strspn(p, " \t");
}

/* 'text' or "text", with \ before what would end it; what is behind it. */
static const char *parse_string(struct rf_sandbox *sb, const char *p, const char **ret)
{
	const char quote = *p++;
	char *to = rf_sandbox_alloc(sb, strlen(p) + 1);

	*ret = to;
	for (; to && *p && *p != quote; p++) {
		if (*p == '\\' && p[1])
			p++;
		*to++ = *p;
	}
	return to && *p ? p + 1 : NULL;
}

/* A word that is a number of type @type: systemd itself says if it is too great. */
static bool is_number(const char *word, char type)
{
	const char *digits = word + (*word == '-' || *word == '+');
	size_t len = strspn(digits, "0123456789");

	if (type == 'd')
		return *digits && strspn(digits, "0123456789.eE-") == strlen(digits);
	return len && !digits[len] && (*word != '-' || !strchr("yqut", type));
}

/*
 * One value at @p, and its type if that was not known; what is behind it, or NULL.
 */
static const char *parse_value(struct rf_sandbox *sb, const char *p, char *type, const char **ret)
{
	size_t len;

	p = skip(p);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (strncmp(p, types[i].word, strlen(types[i].word)) != 0)
			continue;
		if (*type && *type != *types[i].signature)
			return NULL;
		*type = *types[i].signature;
		p = skip(p + strlen(types[i].word));
		break;
	}
	if (*p == '\'' || *p == '"') {
		if (*type && *type != 's')
			return NULL;
		*type = 's';
		return parse_string(sb, p, ret);
	}
	len = strcspn(p, " \t,]");
	*ret = rf_sandbox_printf(sb, "%.*s", (int)len, p);
	if (!*ret || !len)
		return NULL;
	if (!strcmp(*ret, "true") || !strcmp(*ret, "false")) {
		if (*type && *type != 'b')
			return NULL;
		*type = 'b';
		return p + len;
	}
	if (!*type)
		*type = strchr(*ret, '.') ? 'd' : 'i';
	return *type != 's' && *type != 'b' && is_number(*ret, *type) ? p + len : NULL;
}

/* "[a, b]", all of one type. */
static const char *parse_list(struct rf_sandbox *sb, const char *p, char *type,
			      struct rf_oci_property *ret)
{
	p = skip(p + 1);
	if (*p == ']')
		return *type ? p + 1 : NULL;
	for (;;) {
		p = parse_value(sb, p, type, &ret->items[ret->nr_items]);
		if (!p)
			return NULL;
		ret->nr_items++;
		p = skip(p);
		if (*p == ']')
			return p + 1;
		if (*p++ != ',')
			return NULL;
	}
}

/* Seconds, which are a property in microseconds. */
static int from_seconds(struct rf_sandbox *sb, struct rf_oci_property *p, char type)
{
	double n;

	if (!type || !strchr("ynqiuxtd", type) || p->nr_items != 1)
		return -EINVAL;
	n = strtod(p->items[0], NULL) * 1e6;
	if (n < 0 || n >= 1e19)
		return -EINVAL;
	p->name = rf_sandbox_printf(sb, "%.*sUSec", (int)strlen(p->name) - 3, p->name);
	p->items[0] = rf_sandbox_printf(sb, "%.0f", n);
	p->signature = "t";
	return p->name && p->items[0] ? 0 : -ENOMEM;
}

static bool is_property(const char *name)
{
	size_t len = strlen(name);

	return len >= 3 && len <= 128 && *name >= 'A' && *name <= 'Z' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == len;
}

int rf_oci_property_parse(struct rf_sandbox *sb, const char *name, const char *text,
			  struct rf_oci_property *ret)
{
	const size_t len = strlen(name), text_len = strlen(text);
	const char *p = skip(text);
	bool list;
	char type = 0;

	if (!is_property(name) || text_len > 65536)
		return -EINVAL;
	*ret = (struct rf_oci_property){ .name = rf_sandbox_strdup(sb, name) };
	ret->items = rf_sandbox_alloc(sb, (text_len + 1) * sizeof(*ret->items));
	if (!ret->name || !ret->items)
		return -ENOMEM;
	/* "@as []" */
	if (*p == '@' && p[1] == 'a' && p[2] && strchr("bynqiuxtds", p[2])) {
		type = p[2];
		p = skip(p + 3);
		if (*p != '[')
			return -EINVAL;
	}
	list = *p == '[';
	if (list) {
		p = parse_list(sb, p, &type, ret);
	} else {
		p = parse_value(sb, p, &type, &ret->items[0]);
		ret->nr_items = 1;
	}
	if (!p || *skip(p))
		return -EINVAL;
	ret->signature = rf_sandbox_printf(sb, "%s%c", list ? "a" : "", type);
	if (!ret->signature)
		return -ENOMEM;
	/* "TimeoutStopSec", and not "TimeoutStopUSec" */
	if (!list && len > 4 && !strcmp(name + len - 3, "Sec") && name[len - 4] >= 'a')
		return from_seconds(sb, ret, type);
	return 0;
}

/* What an annotation cannot say otherwise: whose the scope is, and limits. */
static bool is_settled(const struct rf_oci_unit *u, size_t nr_own, const char *name)
{
	static const char *const ours[] = { "PIDs", "Slice", "Delegate" };
	const struct rf_oci_property *p = find(u, name);

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (!strcmp(ours[i], name))
			return true;
	return p && (size_t)(p - u->properties) >= nr_own;
}

/* The first @nr_own properties are what a scope has anyhow. */
static int add_annotations(struct rf_sandbox *sb, const struct rf_oci_config *c, size_t nr_own,
			   struct rf_oci_unit *u, struct rf_err *err)
{
	static const char prefix[] = "org.systemd.property.";
	const size_t nr = u->nr;

	for (size_t i = 0; i < c->nr_annotations; i++) {
		const struct rf_oci_pair *a = &c->annotations[i];
		struct rf_oci_property p, *to;
		int r;

		if (strncmp(a->key, prefix, sizeof(prefix) - 1) != 0)
			continue;
		r = rf_oci_property_parse(sb, a->key + sizeof(prefix) - 1, a->value, &p);
		if (r == -EINVAL)
			return rf_err_set(err, EINVAL, "annotations.%.100s: '%.100s' is no property of a "
					  "unit in GVariant's words, like uint64 5 or ['a', 'b']", a->key,
					  a->value);
		if (r < 0)
			return no_memory(err);
		if (is_settled(u, nr_own, p.name))
			return rf_err_set(err, EINVAL, "annotations.%.100s: the configuration says that by "
					  "itself", a->key);
		if (u->nr > nr + MORE_MAX)
			return rf_err_set(err, E2BIG, "annotations.%.100s: too many", a->key);
		to = add(sb, u, p.name, p.signature, 0);
		if (!to)
			return no_memory(err);
		*to = p;
	}
	return 0;
}

/* ------------------------------------------------------------------- the unit */

static bool is_unit_name(const char *name)
{
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@") ==
	       strlen(name) && strlen(name) <= UNIT_NAME_MAX;
}

static bool ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len > n && !strcmp(text + len - n, end);
}

/* "-.slice" is the root; else no part between dashes is empty. */
static bool is_slice(const char *name)
{
	if (!strcmp(name, "-.slice"))
		return true;
	return is_unit_name(name) && ends_in(name, ".slice") && *name != '-' && !strstr(name, "--") &&
	       !strstr(name, "-.slice");
}

static int name_unit(struct rf_sandbox *sb, const struct rf_oci_config *c, const char *id,
		     struct rf_oci_unit *u, const char **slice, struct rf_err *err)
{
	const char *path = c->cgroups_path, *colon, *last;

	if (!path) {
		u->name = rf_sandbox_printf(sb, "ringfence-%s.scope", id);
	} else {
		colon = strchr(path, ':');
		last = colon ? strchr(colon + 1, ':') : NULL;
		if (!last || strchr(last + 1, ':'))
			return rf_err_at(err, &c->cgroups_place, EINVAL, "linux.cgroupsPath: '%.200s' is not "
					 "slice:prefix:name, as systemd's control groups have it", path);
		if (colon > path)
			*slice = rf_sandbox_printf(sb, "%.*s", (int)(colon - path), path);
		if (ends_in(last + 1, ".slice"))
			return rf_err_at(err, &c->cgroups_place, EOPNOTSUPP, "linux.cgroupsPath: '%.200s': a "
					 "slice holds scopes, and no processes", last + 1);
		u->name = rf_sandbox_printf(sb, "%.*s%s%s.scope", (int)(last - colon - 1), colon + 1,
					    last > colon + 1 ? "-" : "", last + 1);
	}
	if (!u->name || !*slice)
		return no_memory(err);
	if (!is_unit_name(u->name) || (path && path[strlen(path) - 1] == ':'))
		return rf_err_at(err, &c->cgroups_place, EINVAL, "linux.cgroupsPath: '%.300s' is no name of a "
				 "unit of systemd's", u->name);
	if (!is_slice(*slice))
		return rf_err_at(err, &c->cgroups_place, EINVAL, "linux.cgroupsPath: '%.200s' is no slice",
				 *slice);
	return 0;
}

int rf_oci_unit_plan(struct rf_sandbox *sb, const struct rf_oci_config *c, const char *id,
		     bool unified, bool host_root, const char *devices, struct rf_oci_unit *u,
		     struct rf_err *err)
{
	const char *slice = host_root ? "system.slice" : "user.slice";
	size_t nr_own;
	int r;

	*u = (struct rf_oci_unit){ .name = NULL };
	r = name_unit(sb, c, id, u, &slice, err);
	if (r < 0)
		return r;
	r = add_one(sb, u, "Description", "s", rf_sandbox_printf(sb, "container %s", id));
	r |= add_one(sb, u, "Slice", "s", slice);
	/* what is below the group is the container's, and the files of it ours */
	r |= add_one(sb, u, "Delegate", "b", "true");
	r |= add_one(sb, u, "DefaultDependencies", "b", "false");
	r |= add_one(sb, u, "MemoryAccounting", "b", "true");
	r |= add_one(sb, u, "CPUAccounting", "b", "true");
	r |= add_one(sb, u, unified ? "IOAccounting" : "BlockIOAccounting", "b", "true");
	r |= add_one(sb, u, "TasksAccounting", "b", "true");
	if (r < 0)
		return no_memory(err);
	nr_own = u->nr;
	r = rf_oci_unit_limits(sb, c, unified, devices, u, err);
	return r < 0 ? r : add_annotations(sb, c, nr_own, u, err);
}
