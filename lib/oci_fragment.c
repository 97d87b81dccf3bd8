/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The annotation `ringfence.spec`: which keys of a spec it may have, and what they may say.
 *
 * Whoever wrote it may be a tenant of the cluster.  It has no files read, no mounts made and
 * no descriptors passed; each key left can only take something away.
 */
#include "oci_config.h"

#include <errno.h>
#include <string.h>

#include "../seccomp/policy.h"
#include "error.h"
#include "spec.h"


#define ENGINE "is the engine's to say; a fragment can only tighten"

/* The rest of what a spec can say, so that a known word is not called unknown. */
static const struct { const char *name, *why; } refused[] = {
	{ "extends", "would read what is not here" },
	{ "fallback", "is for who starts without namespaces" },
	{ "name", ENGINE }, { "command", ENGINE }, { "argv0", ENGINE }, { "exec_fd", ENGINE },
	{ "cwd", ENGINE }, { "env", ENGINE }, { "hostname", ENGINE }, { "domainname", ENGINE },
	{ "namespaces", ENGINE }, { "time", ENGINE }, { "root", ENGINE }, { "user", ENGINE },
	{ "ambient", ENGINE }, { "securebits", ENGINE }, { "cgroup_parent", ENGINE },
	{ "nice", ENGINE }, { "oom_score", ENGINE }, { "umask", ENGINE }, { "affinity", ENGINE },
	{ "network", ENGINE }, { "fds", ENGINE }, { "init", ENGINE }, { "die_with_parent", ENGINE },
	{ "terminal", ENGINE },
};

static int refuse_known(struct rf_reader *r, const struct rf_node *root)
{
	for (size_t i = 0; i < root->nr; i += 2)
		for (size_t n = 0; n < sizeof(refused) / sizeof(*refused); n++)
			if (!strcmp(root->items[i]->text, refused[n].name))
				return rf_err_at(r->err, &root->items[i]->place, EINVAL, "'%s' %s",
						 refused[n].name, refused[n].why);
	return 0;
}

static int takes_nothing(struct rf_reader *r, const struct rf_place *place, const char *word)
{
	return rf_err_at(r->err, place, EINVAL, "'%s' takes nothing away", word);
}

/* ------------------------------------------------------------------- the keys */

static int read_capabilities(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;

	sb->oci.has_caps = true;
	sb->cap_place = v->place;
	return rf_read_capabilities(r, v, sb);
}

static int read_nnp(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	int ret = rf_value_bool(r, v, &sb->no_new_privs);

	sb->nnp_place = v->place;
	return ret < 0 || sb->no_new_privs ? ret : takes_nothing(r, &v->place, "false");
}

/* The text of a policy, in place. */
static int read_policy(struct rf_reader *r, const struct rf_node *v, struct rf_seccomp_spec *s)
{
	const char *name = rf_sandbox_printf(r->sb, "%s:%u:%u: seccomp", v->place.file,
					     v->place.line, v->place.col);
	struct rf_filter filter;
	void *copy = NULL;
	int ret;

	if (!name)
		return rf_err_set(r->err, ENOMEM, "reading 'seccomp'");
	ret = rf_policy_parse_alone(name, v->text, strlen(v->text), &s->policy, r->err);
	if (ret == 0)
		ret = rf_policy_compile(s->policy, &filter, r->err);
	if (ret < 0)
		return ret;
	copy = rf_sandbox_alloc(r->sb, filter.nr * sizeof(*filter.insns));
	if (copy)
		memcpy(copy, filter.insns, filter.nr * sizeof(*filter.insns));
	s->name = RF_OCI_FRAGMENT;
	s->insns = copy;
	s->nr = filter.nr;
	s->flags = filter.flags;
	s->notifies = filter.notifies;
	rf_filter_done(&filter);
	return copy ? 0 : rf_err_set(r->err, ENOMEM, "reading 'seccomp'");
}

static int read_preset(struct rf_reader *r, const struct rf_node *v, struct rf_sandbox *sb)
{
	struct rf_filter filter;
	int ret = rf_read_seccomp(r, v, sb);

	if (ret < 0)
		return ret;
	if (!sb->seccomp.on)
		return takes_nothing(r, &v->place, "off");
	if (rf_filter_preset(sb->seccomp.name, &filter) < 0)
		return rf_err_at(r->err, &v->place, EOPNOTSUPP, "this build has no filter '%.64s'",
				 sb->seccomp.name);
	sb->seccomp.insns = filter.insns;
	sb->seccomp.nr = filter.nr;
	sb->seccomp.flags = filter.flags;
	return 0;
}

static int read_seccomp(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	int ret = rf_need(r, v, RF_NODE_SCALAR, "a preset, or the lines of a policy");

	if (ret < 0)
		return ret;
	if (!strchr(v->text, '\n') && v->text[strspn(v->text, " ")] != '{')
		return read_preset(r, v, sb);
	sb->seccomp.on = true;
	sb->seccomp.place = v->place;
	return read_policy(r, v, &sb->seccomp);
}

/* There is no home in a container that anybody here knows. */
static int check_path(struct rf_reader *r, const struct rf_place *place, const char *path)
{
	if (*path != '/')
		return rf_err_at(r->err, place, EINVAL, "'%.64s' is no absolute path", path);
	for (const char *p = path; (p = strstr(p, "/..")); p += 3)
		if (!p[3] || p[3] == '/')
			return rf_err_at(r->err, place, EINVAL, "'%.64s' has '..'", path);
	if (strlen(path) >= 4096)
		return rf_err_at(r->err, place, EINVAL, "a path of more than 4095 bytes");
	return 0;
}

static int read_landlock(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	int ret = rf_read_landlock(r, v, sb);

	if (ret == 0 && !sb->landlock.on)
		return takes_nothing(r, &v->place, "off");
	for (size_t k = 0; k < RF_LANDLOCK_KIND_NR && ret == 0; k++)
		for (size_t i = 0; i < r->draft->landlock[k].nr && ret == 0; i++) {
			const struct rf_landlock_rule *rule = &r->draft->landlock[k].rules[i];

			if (rule->path)
				ret = check_path(r, &rule->place, rule->path);
		}
	return ret;
}

/* By its numbers: nobody looks at the host's files for a tenant. */
static int check_disks(struct rf_reader *r, const struct rf_cgroup_spec *c)
{
	for (size_t i = 0; i < c->nr_io; i++) {
		const char *device = c->io[i].device;
		size_t major = strspn(device, "0123456789");
		size_t minor = device[major] == ':' ? strspn(device + major + 1, "0123456789") : 0;

		if (!major || !minor || device[major + 1 + minor] || major + minor > 16)
			return rf_err_at(r->err, &c->io[i].place, EINVAL, "'%.64s' is no MAJOR:MINOR",
					 device);
	}
	return 0;
}

/* Who made the container is gone while it runs. */
static int read_limits(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	int ret = rf_read_limits(r, v, sb);

	if (ret < 0)
		return ret;
	if (sb->wall_place.file)
		return rf_err_at(r->err, &sb->wall_place, EINVAL, "nobody is left to enforce 'wall'");
	if (sb->cpu_place.file)
		return rf_err_at(r->err, &sb->cpu_place, EINVAL, "nobody is left to enforce 'cpu_total'");
	for (int i = 0; i < RF_CG_NR; i++)
		if (sb->cgroup.places[i].file && !(sb->cgroup.set & 1U << i))
			return takes_nothing(r, &sb->cgroup.places[i], "unlimited");
	/* version 1 counts both together */
	if (sb->cgroup.set & 1U << RF_CG_SWAP && !(sb->cgroup.set & 1U << RF_CG_MEMORY))
		return rf_err_at(r->err, &sb->cgroup.places[RF_CG_SWAP], EINVAL,
				 "'swap' needs 'memory' beside it");
	return check_disks(r, &sb->cgroup);
}

static int check_mount(struct rf_reader *r, const struct rf_mount *m)
{
	if (m->kind != RF_MOUNT_DENY)
		return rf_err_at(r->err, &m->place, EINVAL, "'%s' " ENGINE ": of mounts only 'deny' does",
				 rf_mount_kind_names[m->kind]);
	if (m->absent != RF_ABSENT_REFUSE)
		return rf_err_at(r->err, &m->place, EINVAL, "'absent' would write to the container's "
				 "files; `optional: true` goes without what is not there");
	if (!m->at[strspn(m->at, "/")])
		return rf_err_at(r->err, &m->at_place, EINVAL, "without its root there is no container");
	return check_path(r, &m->at_place, m->at);
}

static int read_mounts(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	int ret = rf_read_mounts(r, v, sb);

	for (size_t i = 0; i < sb->nr_mounts && ret == 0; i++)
		ret = check_mount(r, &sb->mounts[i]);
	return ret;
}

static const struct rf_key top_keys[] = {
	{ .name = "ringfence",	.read = rf_read_version },
	{ .name = "capabilities", .read = read_capabilities },
	{ .name = "no_new_privileges", .read = read_nnp },
	{ .name = "seccomp",	.read = read_seccomp },
	{ .name = "landlock",	.read = read_landlock },
	{ .name = "limits",	.read = read_limits },
	{ .name = "mounts",	.read = read_mounts },
	{ .name = "require",	.read = rf_read_require },
	{ .name = NULL }
};

int rf_oci_fragment_parse(const char *name, const char *text, size_t len,
			  struct rf_sandbox **ret, struct rf_err *err)
{
	struct rf_reader r = { .err = err, .layer = 1, .flags = RF_SPEC_NO_FILES };
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_node *root = NULL;
	int error;

	*ret = sb;
	if (sb)
		r.draft = rf_draft(sb);
	if (!r.draft)
		return rf_err_set(err, ENOMEM, "reading '%s'", name);
	r.sb = sb;
	sb->no_new_privs = false;
	error = rf_yaml_parse(&r, name, 0, text, len, &root);
	if (error == 0 && root->kind != RF_NODE_MAP)
		error = rf_err_at(err, &root->place, EINVAL, "a map belongs here, like {landlock: "
				  "{read: [/usr]}}; files are not read by their names");
	if (error == 0)
		error = refuse_known(&r, root);
	return error < 0 ? error : rf_read_map(&r, root, top_keys, sb);
}
