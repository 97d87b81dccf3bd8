/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a fragment takes away from a container, or from one more process of it.
 *
 * A limit is never above the configuration's.  For a container that is made, one that is
 * has no effect and so is an error; a process that enters gets the lower of the two.
 */
#include "oci_config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cgroup.h"
#include "chain.h"
#include "error.h"
#include "resolve.h"

#define NAME "annotations.\"" RF_OCI_FRAGMENT "\""

struct tighten {
	struct rf_sandbox *sb, *by;	/* by: the fragment */
	struct rf_oci_config *c;
	unsigned int	 flags;
	struct rf_err	*err;
};

static int no_memory(const struct tighten *t)
{
	return rf_err_set(t->err, ENOMEM, "the annotation " RF_OCI_FRAGMENT);
}

/* -------------------------------------------------------- capabilities, filters */

static int take_capabilities(struct tighten *t)
{
	struct rf_cap_sets *sets = &t->sb->oci.caps;
	const uint64_t keep = t->by->capabilities, more = keep & ~sets->bounding;

	if (!t->by->oci.has_caps)
		return 0;
	if (more && !(t->flags & RF_OCI_ENTERS))
		return rf_err_at(t->err, &t->by->cap_place, EINVAL, "the container has no capability "
				 "'%s' to keep", rf_cap_name((size_t)__builtin_ctzll(more)) ?: "");
	sets->bounding &= keep;
	sets->permitted &= keep;
	sets->effective &= keep;
	sets->inheritable &= keep;
	sets->ambient &= keep;
	t->sb->capabilities &= keep;
	t->sb->ambient &= keep;
	return 0;
}

static int take_privileges(struct tighten *t)
{
	if (t->by->no_new_privs && !t->sb->no_new_privs) {
		t->sb->no_new_privs = true;
		t->sb->nnp_place = t->by->nnp_place;
	}
	t->sb->seccomp_too = t->by->seccomp;
	return 0;
}

/* -------------------------------------------------------------------- Landlock */

static int let_in(struct tighten *t, const char *path)
{
	struct rf_landlock_rule rule = {
		.kind = RF_LANDLOCK_EXEC, .optional = true, .place = t->sb->landlock.place,
		.path = path,
	};

	return path && rf_landlock_add(t->sb, &rule) ? 0 : no_memory(t);
}

/*
 * The command, wherever it may be inside.  Nobody looks for it in the container's root: an
 * interpreter, or a loader that is in no directory of libraries, is for the fragment to name.
 */
static int let_command_in(struct tighten *t)
{
	struct rf_sandbox *sb = t->sb;
	const char *name = sb->argv[0], *dir = sb->path;
	int r = 0;

	if (*name == '/')
		return let_in(t, name);
	if (strchr(name, '/'))
		return let_in(t, rf_sandbox_printf(sb, "%s/%s", sb->cwd ? sb->cwd : "", name));
	while (dir && r == 0) {
		if (*dir == '/')
			r = let_in(t, rf_sandbox_printf(sb, "%.*s/%s", (int)strcspn(dir, ":"), dir, name));
		dir += strcspn(dir, ":");
		dir = *dir ? dir + 1 : NULL;
	}
	return r;
}

#define FILE_KINDS (1U << RF_LANDLOCK_READ | 1U << RF_LANDLOCK_WRITE | 1U << RF_LANDLOCK_EXEC)

static int take_landlock(struct tighten *t)
{
	struct rf_resolve rs = { .sb = t->sb, .draft = t->by->draft, .err = t->err, .pure = true };
	int r;

	if (!t->by->landlock.on)
		return 0;
	t->sb->landlock = t->by->landlock;
	r = rf_resolve_landlock(&rs);
	if (r == 0 && t->sb->landlock.loader && t->sb->landlock.kinds & FILE_KINDS)
		r = let_command_in(t);
	return r;
}

/* --------------------------------------------------------------------- rlimits */

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int take_rlimit(struct tighten *t, int resource)
{
	struct rf_rlimit_spec *to = &t->sb->rlimits[resource];
	const struct rf_rlimit_spec *by = &t->by->rlimits[resource];
	struct rlimit own = { RLIM_INFINITY, RLIM_INFINITY };

	if (t->sb->rlimit_set & 1U << resource)
		own = (struct rlimit){ to->soft, to->hard };
	else if (!(t->flags & RF_OCI_PURE) && getrlimit(resource, &own) < 0)
		return rf_err_set(t->err, errno, "getrlimit");
	if (by->hard > own.rlim_max && !(t->flags & RF_OCI_ENTERS))
		return rf_err_at(t->err, &by->place, EINVAL, "the container's limit is %" PRIu64
				 " already", (uint64_t)own.rlim_max);
	*to = (struct rf_rlimit_spec){
		.resource = resource, .soft = lower(by->soft, own.rlim_cur),
		.hard = lower(by->hard, own.rlim_max), .place = by->place,
	};
	to->soft = lower(to->soft, to->hard);
	t->sb->rlimit_set |= 1U << resource;
	return 0;
}

static int take_rlimits(struct tighten *t)
{
	int r = 0;

	for (int i = 0; i < RLIM_NLIMITS && r == 0; i++)
		if (t->by->rlimit_set & 1U << i)
			r = take_rlimit(t, i);
	return r;
}

/* -------------------------------------------------------------- control groups */

/* As a number: "max" and what is negative are no limit. */
static uint64_t amount(const char *text)
{
	return *text < '0' || *text > '9' ? UINT64_MAX : strtoull(text, NULL, 10);
}

/* "QUOTA PERIOD" in millionths of a processor. */
static uint64_t share(const char *text)
{
	const char *space = strchr(text, ' ');
	uint64_t quota = amount(text), period = space ? amount(space + 1) : 100000, n;

	if (quota == UINT64_MAX || !period || __builtin_mul_overflow(quota, 1000000, &n))
		return UINT64_MAX;
	return n / period;
}

#define SET_MAX 1024

/* The members of "0-3,5"; false: that is none. */
static bool members(const char *text, uint64_t set[SET_MAX / 64])
{
	memset(set, 0, SET_MAX / 8);
	while (*text) {
		char *end;
		unsigned long from = strtoul(text, &end, 10), to = from;

		if (end == text)
			return false;
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (; from <= to && from < SET_MAX; from++)
			set[from / 64] |= 1ULL << from % 64;
		if (*end && *end != ',')
			return false;
		text = end + (*end == ',');
	}
	return true;
}

/* Is all of @a in @b?  What cannot be read is for the kernel to refuse. */
static bool is_within(const char *a, const char *b)
{
	uint64_t mine[SET_MAX / 64], theirs[SET_MAX / 64];

	if (!members(a, mine) || !members(b, theirs))
		return true;
	for (size_t i = 0; i < SET_MAX / 64; i++)
		if (mine[i] & ~theirs[i])
			return false;
	return true;
}

/* The value of @key in "8:0 rbps=1 wbps=2", which is about @device; none: no limit. */
static uint64_t io_amount(const char *line, const char *device, const char *key)
{
	size_t len = strlen(device);
	const char *p;

	if (strncmp(line, device, len) != 0 || line[len] != ' ')
		return UINT64_MAX;
	for (p = line + len; (p = strchr(p, ' ')); p++)
		if (!strncmp(p + 1, key, strlen(key)) && p[1 + strlen(key)] == '=')
			return amount(p + 2 + strlen(key));
	return UINT64_MAX;
}

/* Does one line for io.max let anything be faster than the other, of the same disk? */
static bool is_faster(const char *a, const char *b)
{
	static const char *const keys[] = { "rbps", "wbps", "riops", "wiops" };
	char device[32];

	(void)snprintf(device, sizeof(device), "%.*s", (int)strcspn(a, " "), a);
	if (strncmp(b, device, strlen(device)) != 0 || b[strlen(device)] != ' ')
		return false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		uint64_t mine = io_amount(a, device, keys[i]);

		/* what one of them does not say it leaves to the other */
		if (mine != UINT64_MAX && mine > io_amount(b, device, keys[i]))
			return true;
	}
	return false;
}

/* Would @a, a value for @file of version 2, allow more than @b? */
static bool is_more(const char *file, const char *a, const char *b)
{
	if (!strcmp(file, "cpu.max"))
		return share(a) > share(b);
	if (!strncmp(file, "cpuset.", 7))
		return !is_within(a, b);
	if (!strcmp(file, "io.max"))
		return is_faster(a, b);
	return amount(a) > amount(b);
}

static int add_limit(struct tighten *t, const struct rf_cgroup_value *v, bool v2)
{
	struct rf_sandbox *sb = t->sb;
	struct rf_oci_config *c = t->c;
	struct rf_oci_limit *l;

	if (!rf_sandbox_grow(sb, &c->limits, c->nr_limits, &c->max_limits, sizeof(*l)))
		return no_memory(t);
	l = &c->limits[c->nr_limits++];
	*l = (struct rf_oci_limit){ .v1_file = "", .v2_file = "", .place = *v->place,
				    .optional = v->optional };
	*(v2 ? &l->v2_file : &l->v1_file) = rf_sandbox_strdup(sb, v->file);
	*(v2 ? &l->v2_text : &l->v1_text) = rf_sandbox_strdup(sb, v->text);
	l->controller = rf_sandbox_printf(sb, "%.*s", (int)strcspn(v->file, "."), v->file);
	l->path = "limits";
	return l->v1_file && l->v2_file && l->controller && (v2 ? l->v2_text : l->v1_text) ? 0 :
		no_memory(t);
}

/* The configuration's values say the same for both versions: those of 2 are compared. */
static int check_value(const struct tighten *t, const struct rf_cgroup_value *v, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const struct rf_oci_limit *l = &t->c->limits[i];

		if (!l->v2_file || strcmp(l->v2_file, v->file) != 0 || !l->v2_text ||
		    !is_more(v->file, v->text, l->v2_text))
			continue;
		return rf_err_at(t->err, v->place, EINVAL, "more than the container's %s, which is '%s'",
				 l->v2_file, l->v2_text);
	}
	return 0;
}

#define ALL_CONTROLLERS UINT32_MAX

static int take_group_limits(struct tighten *t)
{
	const size_t nr = t->c->nr_limits;
	struct rf_cgroup_value v;
	int r = 0;

	for (int v2 = 1; v2 >= 0 && r == 0; v2--)
		for (size_t i = 0; r == 0 && rf_cgroup_value(t->by, v2, ALL_CONTROLLERS, i, &v); i++) {
			if (v.inherit)
				continue;
			r = v2 ? check_value(t, &v, nr) : 0;
			if (r == 0)
				r = add_limit(t, &v, v2);
		}
	return r;
}

/* ----------------------------------------------------------------------- places */

static int take_masks(struct tighten *t)
{
	struct rf_oci_sandbox *o = &t->sb->oci;

	for (size_t i = 0; i < t->by->nr_mounts; i++) {
		const struct rf_mount *m = &t->by->mounts[i];

		if (!rf_sandbox_grow(t->sb, &o->masked, o->nr_masked, &t->c->max_masked,
				     sizeof(*o->masked)))
			return no_memory(t);
		o->masked[o->nr_masked++] = (struct rf_oci_path){
			.path = m->at, .needed = !(m->flags & RF_MF_OPTIONAL), .place = m->place,
		};
	}
	return 0;
}

/* What a process has of its own; the rest is the container's, whose process had to have it. */
#define OF_A_PROCESS (1U << RF_LAYER_CAPABILITIES | 1U << RF_LAYER_NO_NEW_PRIVS | \
		      1U << RF_LAYER_GROUPS | 1U << RF_LAYER_SECCOMP | 1U << RF_LAYER_LANDLOCK)

static int take_requirements(struct tighten *t)
{
	t->sb->require |= t->by->require & (t->flags & RF_OCI_ENTERS ? OF_A_PROCESS : ~0U);
	memcpy(t->sb->require_places, t->by->require_places, sizeof(t->sb->require_places));
	return 0;
}

/* Where it is in the config.json, for errors that have their place in it. */
static const char *fragment_name(struct rf_sandbox *sb, const struct rf_place *place)
{
	if (!place->file)
		return NAME;
	return rf_sandbox_printf(sb, "%s:%u:%u: " NAME, place->file, place->line, place->col);
}

int rf_oci_tighten(struct rf_sandbox *sb, struct rf_oci_config *c, const char *text,
		   const struct rf_place *place, unsigned int flags, struct rf_err *err)
{
	static int (*const steps[])(struct tighten *t) = {
		take_capabilities, take_privileges, take_landlock, take_rlimits, take_requirements,
		/* these are the container's, not a process's */
		take_group_limits, take_masks,
	};
	const size_t nr = sizeof(steps) / sizeof(*steps) - (flags & RF_OCI_ENTERS ? 2 : 0);
	struct tighten t = { .sb = sb, .c = c, .flags = flags, .err = err };
	const char *name = fragment_name(sb, place);
	int r;

	if (!name)
		return no_memory(&t);
	r = rf_oci_fragment_parse(name, text, strlen(text), &sb->oci.fragment, err);
	t.by = sb->oci.fragment;
	for (size_t i = 0; r == 0 && i < nr; i++)
		r = steps[i](&t);
	return r;
}

int rf_oci_check_update(const struct rf_oci_config *c, const char *text, struct rf_err *err)
{
	struct rf_cgroup_value v;
	struct rf_sandbox *by;
	int r = rf_oci_fragment_parse(NAME, text, strlen(text), &by, err);

	for (size_t n = 0; r == 0 && rf_cgroup_value(by, true, ALL_CONTROLLERS, n, &v); n++)
		for (size_t i = 0; r == 0 && i < c->nr_limits; i++) {
			const struct rf_oci_limit *l = &c->limits[i];

			/* what only the group knows is no less for sure */
			if (l->v2_file && !strcmp(l->v2_file, v.file) &&
			    (l->v2_less || (l->v2_text && is_more(v.file, l->v2_text, v.text))))
				r = rf_err_at(err, &l->place, EINVAL, "%s: more than the '%s' that the "
					      "container's annotation " RF_OCI_FRAGMENT " allows", l->path,
					      v.text);
		}
	rf_sandbox_free(by);
	return r;
}
