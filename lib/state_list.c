/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fields of a state that are lists and maps.
 */
#include "state_field.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/resource.h>

#define LIST_MAX	(1U << 20)	/* items; the size of the text bounds them further */

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* jansson's calls take NULL and do nothing: a short list is seen at its end. */
static json_t *list_of(json_t *list, size_t nr)
{
	if (json_array_size(list) == nr)
		return list;
	json_decref(list);
	return NULL;
}

static bool is_list(const json_t *j, size_t min, size_t max)
{
	return json_is_array(j) && json_array_size(j) >= min && json_array_size(j) <= max;
}

static bool take_u64(const json_t *j, uint64_t *ret)
{
	if (!json_is_integer(j))
		return false;
	*ret = (uint64_t)json_integer_value(j);
	return true;
}

static bool take_u32(const json_t *j, uint32_t *ret)
{
	uint64_t n;

	if (!take_u64(j, &n) || n > UINT32_MAX)
		return false;
	*ret = (uint32_t)n;
	return true;
}

/* ------------------------------------------------------------ lists of words */

static json_t *put_words(char *const *words)
{
	json_t *list = json_array();
	size_t nr = 0;

	for (; words && words[nr]; nr++)
		(void)json_array_append_new(list, rf_bytes_put(words[nr]));
	return list_of(list, nr);
}

static int get_words(struct rf_sandbox *sb, const json_t *j, char ***ret, size_t *ret_nr)
{
	char **words;

	if (!is_list(j, 0, LIST_MAX))
		return -EINVAL;
	words = rf_sandbox_alloc(sb, (json_array_size(j) + 1) * sizeof(*words));
	if (!words)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(j); i++) {
		words[i] = rf_bytes_get(sb, json_array_get(j, i));
		if (!words[i])
			return -EINVAL;
	}
	*ret = words;
	*ret_nr = json_array_size(j);
	return 0;
}

json_t *rf_put_argv(const void *obj, size_t offset)
{
	(void)offset;
	return put_words(((const struct rf_sandbox *)obj)->argv);
}

int rf_get_argv(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	struct rf_sandbox *to = obj;

	(void)offset;
	return get_words(sb, j, &to->argv, &to->nr_argv);
}

json_t *rf_put_envp(const void *obj, size_t offset)
{
	(void)offset;
	return put_words(((const struct rf_sandbox *)obj)->envp);
}

int rf_get_envp(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	struct rf_sandbox *to = obj;
	size_t nr;
	int r = get_words(sb, j, &to->envp, &nr);

	(void)offset;
	for (size_t i = 0; r == 0 && i < nr; i++)
		if (!strchr(to->envp[i], '='))
			r = -EINVAL;
	return r;
}

/* -------------------------------------------------------------- lists of ids */

static json_t *put_ids(const uint32_t *ids, size_t nr)
{
	json_t *list = json_array();

	for (size_t i = 0; i < nr; i++)
		(void)json_array_append_new(list, number(ids[i]));
	return list_of(list, nr);
}

static int get_ids(struct rf_sandbox *sb, const json_t *j, uint32_t **ret, size_t *ret_nr)
{
	uint32_t *ids;

	if (!is_list(j, 0, RF_GROUPS_MAX))
		return -EINVAL;
	ids = rf_sandbox_alloc(sb, (json_array_size(j) + 1) * sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(j); i++)
		if (!take_u32(json_array_get(j, i), &ids[i]))
			return -EINVAL;
	*ret = ids;
	*ret_nr = json_array_size(j);
	return 0;
}

json_t *rf_put_groups(const void *obj, size_t offset)
{
	const struct rf_state *st = obj;

	(void)offset;
	return put_ids(st->groups, st->nr_groups);
}

int rf_get_groups(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	struct rf_state *st = obj;

	(void)offset;
	return get_ids(sb, j, &st->groups, &st->nr_groups);
}

json_t *rf_put_gids(const void *obj, size_t offset)
{
	const struct rf_sandbox *sb = obj;

	(void)offset;
	return put_ids(sb->user.add_gids, sb->user.nr_add_gids);
}

int rf_get_gids(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	struct rf_sandbox *to = obj;

	(void)offset;
	return get_ids(sb, j, &to->user.add_gids, &to->user.nr_add_gids);
}

/* ------------------------------------------------- what there is one of a kind */

json_t *rf_put_namespaces(const void *obj, size_t offset)
{
	const struct rf_state *st = obj;
	json_t *list = json_array();

	(void)offset;
	for (int i = 0; i < RF_NS_NR; i++) {
		json_t *ns = st->ns[i].apart ? json_array() : json_null();

		if (st->ns[i].apart) {
			(void)json_array_append_new(ns, number(st->ns[i].dev));
			(void)json_array_append_new(ns, number(st->ns[i].ino));
			(void)json_array_append_new(ns, json_boolean(st->ns[i].made));
			ns = list_of(ns, 3);
		}
		(void)json_array_append_new(list, ns);
	}
	return list_of(list, RF_NS_NR);
}

int rf_get_namespaces(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	struct rf_state *st = obj;

	(void)sb;
	(void)offset;
	if (!is_list(j, RF_NS_NR, RF_NS_NR))
		return -EINVAL;
	for (size_t i = 0; i < RF_NS_NR; i++) {
		const json_t *ns = json_array_get(j, i);

		if (json_is_null(ns))
			continue;
		st->ns[i].apart = true;
		st->ns[i].made = json_is_true(json_array_get(ns, 2));
		if (!is_list(ns, 3, 3) || !take_u64(json_array_get(ns, 0), &st->ns[i].dev) ||
		    !take_u64(json_array_get(ns, 1), &st->ns[i].ino) ||
		    !json_is_boolean(json_array_get(ns, 2)))
			return -EINVAL;
	}
	return 0;
}

json_t *rf_put_rlimits(const void *obj, size_t offset)
{
	const struct rf_sandbox *sb = obj;
	json_t *list = json_array();

	(void)offset;
	for (size_t i = 0; i < RLIM_NLIMITS; i++) {
		json_t *pair = json_array();

		(void)json_array_append_new(pair, number(sb->rlimits[i].soft));
		(void)json_array_append_new(pair, number(sb->rlimits[i].hard));
		(void)json_array_append_new(list, list_of(pair, 2));
	}
	return list_of(list, RLIM_NLIMITS);
}

int rf_get_rlimits(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	struct rf_sandbox *to = obj;

	(void)sb;
	(void)offset;
	if (!is_list(j, RLIM_NLIMITS, RLIM_NLIMITS))
		return -EINVAL;
	for (size_t i = 0; i < RLIM_NLIMITS; i++) {
		const json_t *pair = json_array_get(j, i);
		struct rf_rlimit_spec *l = &to->rlimits[i];

		l->resource = (int)i;
		if (!is_list(pair, 2, 2) || !take_u64(json_array_get(pair, 0), &l->soft) ||
		    !take_u64(json_array_get(pair, 1), &l->hard) || l->soft > l->hard)
			return -EINVAL;
	}
	to->rlimit_set = (1U << RLIM_NLIMITS) - 1;
	return 0;
}

#define AFFINITY_NR	(sizeof(((struct rf_sandbox *)0)->affinity) / sizeof(uint64_t))

json_t *rf_put_affinity(const void *obj, size_t offset)
{
	const struct rf_sandbox *sb = obj;
	json_t *list = json_array();

	(void)offset;
	for (size_t i = 0; i < AFFINITY_NR; i++)
		(void)json_array_append_new(list, number(sb->affinity[i]));
	return list_of(list, AFFINITY_NR);
}

int rf_get_affinity(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	struct rf_sandbox *to = obj;

	(void)sb;
	(void)offset;
	if (!is_list(j, AFFINITY_NR, AFFINITY_NR))
		return -EINVAL;
	for (size_t i = 0; i < AFFINITY_NR; i++)
		if (!take_u64(json_array_get(j, i), &to->affinity[i]))
			return -EINVAL;
	return 0;
}

/* ----------------------------------------------------------------- seccomp */

/* Instructions as hexadecimal digits: a filter is a few hundred of them. */
static json_t *put_filter(const struct rf_seccomp_spec *s)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *from = s->insns;
	size_t len = s->nr * sizeof(struct sock_filter);
	char *text = malloc(2 * len + 1);
	json_t *j;

	if (!text)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		text[2 * i] = hex[from[i] >> 4];
		text[2 * i + 1] = hex[from[i] & 15];
	}
	text[2 * len] = '\0';
	j = json_string(text);
	free(text);
	return j;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int get_filter(struct rf_sandbox *sb, const json_t *j, struct rf_seccomp_spec *s)
{
	const char *text = json_string_value(j);
	size_t len = json_string_length(j) / 2;
	unsigned char *to;

	if (!text || len * 2 != json_string_length(j) || len % sizeof(struct sock_filter) ||
	    len / sizeof(struct sock_filter) > BPF_MAXINSNS)
		return -EINVAL;
	to = rf_sandbox_alloc(sb, len + 1);
	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		to[i] = (unsigned char)(high << 4 | low);
	}
	s->insns = to;
	s->nr = len / sizeof(struct sock_filter);
	return 0;
}

#define ROW(type, name, codec) { #name, rf_put_##codec, rf_get_##codec, offsetof(type, name) }

static const struct rf_field seccomp_fields[] = {
	ROW(struct rf_seccomp_spec, name, text), ROW(struct rf_seccomp_spec, flags, u32),
	ROW(struct rf_seccomp_spec, notifies, flag),
	{ .name = NULL }
};

json_t *rf_put_seccomp(const void *obj, size_t offset)
{
	const struct rf_seccomp_spec *s = &((const struct rf_sandbox *)obj)->seccomp;
	json_t *j;

	(void)offset;
	if (!s->on)
		return json_null();
	j = rf_fields_put(seccomp_fields, s);
	(void)json_object_set_new(j, "filter", put_filter(s));
	if (json_object_size(j) == 4)
		return j;
	json_decref(j);
	return NULL;
}

int rf_get_seccomp(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	struct rf_seccomp_spec *s = &((struct rf_sandbox *)obj)->seccomp;
	const char *name;
	json_t *rest;
	int r;

	(void)offset;
	if (json_is_null(j))
		return 0;
	r = get_filter(sb, json_object_get(j, "filter"), s);
	if (r < 0)
		return r;
	if (!s->nr)
		return -EINVAL;
	rest = json_copy((json_t *)(uintptr_t)j);
	(void)json_object_del(rest, "filter");
	r = rf_fields_get(seccomp_fields, sb, rest, s, &name);
	json_decref(rest);
	s->on = true;
	return r;
}

/* ----------------------------------------------------------------- Landlock */

#define LANDLOCK(name, codec)	ROW(struct rf_landlock_spec, name, codec)

static json_t *put_rule(const struct rf_landlock_rule *rule)
{
	json_t *j = json_array();

	(void)json_array_append_new(j, number(rule->kind));
	(void)json_array_append_new(j, rule->path ? rf_bytes_put(rule->path) : json_null());
	(void)json_array_append_new(j, number(rule->port));
	(void)json_array_append_new(j, json_boolean(rule->optional));
	return list_of(j, 4);
}

static int get_rule(struct rf_sandbox *sb, const json_t *j, struct rf_landlock_rule *rule)
{
	uint32_t kind, port;
	const json_t *path = json_array_get(j, 1), *optional = json_array_get(j, 3);

	if (!is_list(j, 4, 4) || !take_u32(json_array_get(j, 0), &kind) ||
	    !take_u32(json_array_get(j, 2), &port) || !json_is_boolean(optional) ||
	    kind >= RF_LANDLOCK_KIND_NR || port > UINT16_MAX)
		return -EINVAL;
	rule->kind = (enum rf_landlock_kind)kind;
	rule->port = (uint16_t)port;
	rule->optional = json_is_true(optional);
	if (!json_is_null(path)) {
		rule->path = rf_bytes_get(sb, path);
		if (!rule->path || rule->path[0] != '/')
			return -EINVAL;
	}
	return !rule->path == (kind == RF_LANDLOCK_CONNECT || kind == RF_LANDLOCK_BIND) ? 0 :
	       -EINVAL;
}

static json_t *put_rules(const void *obj, size_t offset)
{
	const struct rf_landlock_spec *l = obj;
	json_t *list = json_array();

	(void)offset;
	for (size_t i = 0; i < l->nr; i++)
		(void)json_array_append_new(list, put_rule(&l->rules[i]));
	return list_of(list, l->nr);
}

static int get_rules(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	struct rf_landlock_spec *l = obj;
	int r = 0;

	(void)offset;
	if (!is_list(j, 0, LIST_MAX))
		return -EINVAL;
	l->rules = rf_sandbox_alloc(sb, (json_array_size(j) + 1) * sizeof(*l->rules));
	if (!l->rules)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(j) && r == 0; i++)
		r = get_rule(sb, json_array_get(j, i), &l->rules[i]);
	l->nr = json_array_size(j);
	return r;
}

static const struct rf_field landlock_fields[] = {
	LANDLOCK(kinds, u32), LANDLOCK(scoped, u64), LANDLOCK(compat, u32), LANDLOCK(loader, flag),
	{ "rules", put_rules, get_rules, 0 },
	{ .name = NULL }
};

json_t *rf_put_landlock(const void *obj, size_t offset)
{
	const struct rf_landlock_spec *l = &((const struct rf_sandbox *)obj)->landlock;

	(void)offset;
	return l->on ? rf_fields_put(landlock_fields, l) : json_null();
}

int rf_get_landlock(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	struct rf_landlock_spec *l = &((struct rf_sandbox *)obj)->landlock;
	const char *name;

	(void)offset;
	if (json_is_null(j))
		return 0;
	l->on = true;
	if (rf_fields_get(landlock_fields, sb, j, l, &name) < 0)
		return -EINVAL;
	return l->compat <= RF_LANDLOCK_EXACT && l->kinds < 1U << RF_LANDLOCK_KIND_NR ? 0 : -EINVAL;
}

/* ------------------------------------------------------------- control groups */

#define CGROUP(name, codec)	ROW(struct rf_cgroup_spec, name, codec)

json_t *rf_put_cgroups(const void *obj, size_t offset)
{
	const struct rf_state *st = obj;
	json_t *list = json_array();

	(void)offset;
	for (size_t i = 0; i < st->nr_cgroups; i++) {
		json_t *group = json_array();

		(void)json_array_append_new(group, json_integer(st->cgroups[i].fd));
		(void)json_array_append_new(group, json_boolean(st->cgroups[i].v2));
		(void)json_array_append_new(list, list_of(group, 2));
	}
	return list_of(list, st->nr_cgroups);
}

int rf_get_cgroups(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	struct rf_state *st = obj;

	(void)sb;
	(void)offset;
	if (!is_list(j, 0, RF_CG_HIERARCHIES))
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(j); i++) {
		const json_t *group = json_array_get(j, i);
		uint32_t fd;

		if (!is_list(group, 2, 2) || !take_u32(json_array_get(group, 0), &fd) ||
		    fd > INT32_MAX || !json_is_boolean(json_array_get(group, 1)))
			return -EINVAL;
		st->cgroups[i].fd = (int)fd;
		st->cgroups[i].v2 = json_is_true(json_array_get(group, 1));
	}
	st->nr_cgroups = json_array_size(j);
	return 0;
}

/* The limits, for `ps`; a group has them already. */
static const struct rf_field cgroup_fields[] = {
	CGROUP(set, u32), CGROUP(memory, u64), CGROUP(swap, u64), CGROUP(pids, u64),
	CGROUP(cpu_milli, u64), CGROUP(cpus, text), CGROUP(mems, text),
	{ .name = NULL }
};

json_t *rf_put_cgroup(const void *obj, size_t offset)
{
	(void)offset;
	return rf_fields_put(cgroup_fields, &((const struct rf_sandbox *)obj)->cgroup);
}

int rf_get_cgroup(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)
{
	struct rf_cgroup_spec *c = &((struct rf_sandbox *)obj)->cgroup;
	const char *name;

	(void)offset;
	return rf_fields_get(cgroup_fields, sb, j, c, &name);
}
