/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `process`: what runs, as whom, and within which limits.
 */
#include "oci_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "chain.h"
#include "error.h"
#include "probe.h"
#include "spec.h"

/* --------------------------------------------------------------- command line */

static int read_args(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = o->sb;
	int r = rf_oci_texts(o, v, &sb->argv, &sb->nr_argv);

	(void)obj;
	if (r < 0)
		return r;
	if (!sb->nr_argv || !*sb->argv[0])
		return rf_oci_fail(o, v, "no command");
	sb->command_place = v->place;
	return 0;
}

static int read_env(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = o->sb;
	size_t nr = 0;
	int r = rf_oci_texts(o, v, &sb->envp, &nr);

	(void)obj;
	if (r < 0)
		return r;
	sb->env_place = v->place;
	for (size_t i = 0; i < nr; i++) {
		const char *equals = strchr(sb->envp[i], '=');

		if (!equals || equals == sb->envp[i])
			return rf_oci_fail(o, v->items[i], "'%.40s' is no NAME=VALUE", sb->envp[i]);
		if (!strncmp(sb->envp[i], "PATH=", 5))
			sb->path = sb->envp[i] + 5;
	}
	return 0;
}

static int read_cwd(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	const char *text = NULL;
	int r = rf_oci_text(o, v, &text);

	(void)obj;
	if (r == 0 && *text != '/')
		r = rf_oci_fail(o, v, "'%.100s' is no absolute path", text);
	if (r < 0)
		return r;
	o->sb->cwd_place = v->place;
	o->sb->cwd = text;
	return 0;
}

static int read_terminal(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	(void)obj;
	o->sb->terminal_place = v->place;
	return rf_oci_bool(o, v, &o->c->terminal);
}

static int read_size(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	uint64_t n = 0;
	int r = rf_oci_uint(o, v, UINT16_MAX, &n);

	if (r == 0)
		*(unsigned int *)obj = (unsigned int)n;
	return r;
}

static int read_console_size(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "height", .read = read_size, .offset = offsetof(struct rf_oci_config, rows) },
		{ .name = "width", .read = read_size, .offset = offsetof(struct rf_oci_config, cols) },
		{ .name = NULL }
	};
	int r = rf_oci_map(o, v, keys, o->c);

	(void)obj;
	if (r < 0 || (rf_oci_has(v, "height") && rf_oci_has(v, "width")))
		return r;
	return rf_oci_fail(o, v, "it needs `height` and `width`");
}

/* ---------------------------------------------------------------------- user */

static int read_uid(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	uint32_t id = 0;
	int r = rf_oci_id(o, v, &id);

	if (r == 0)
		*(int64_t *)obj = id;
	return r;
}

static int read_umask(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	uint64_t n = 0;
	int r = rf_oci_uint(o, v, 0777, &n);

	(void)obj;
	if (r < 0)
		return r;
	o->sb->umask = (unsigned int)n;
	o->sb->has_umask = true;
	o->sb->umask_place = v->place;
	return 0;
}

static int add_gid(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct rf_user *u = obj;

	return rf_oci_id(o, v, &u->add_gids[u->nr_add_gids++]);
}

static int read_gids(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct rf_user *u = &o->sb->user;

	(void)obj;
	u->nr_add_gids = 0;
	u->add_gids = rf_sandbox_alloc(o->sb, (v->nr + 1) * sizeof(*u->add_gids));
	if (!u->add_gids)
		return rf_oci_no_memory(o);
	return rf_oci_list(o, v, add_gid, u);
}

static int read_user(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "uid", .read = read_uid, .offset = offsetof(struct rf_sandbox, user.uid) },
		{ .name = "gid", .read = read_uid, .offset = offsetof(struct rf_sandbox, user.gid) },
		{ .name = "umask", .read = read_umask },
		{ .name = "additionalGids", .read = read_gids },
		{ .name = "username", .refused = "it is for another platform" },
		{ .name = NULL }
	};

	(void)obj;
	o->sb->user.place = v->place;
	return rf_oci_map(o, v, keys, o->sb);
}

/* -------------------------------------------------------------- capabilities */

static int left_out(struct rf_oci_reader *o, const char *text)
{
	const char *before = o->c->unknown_caps;

	if (before && strstr(before, text))
		return 0;
	o->c->unknown_caps = before ? rf_sandbox_printf(o->sb, "%s, %s", before, text) : text;
	return o->c->unknown_caps ? 0 : rf_oci_no_memory(o);
}

static int add_cap(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	const char *text = NULL;
	int r = rf_oci_text(o, v, &text);

	if (r < 0)
		return r;
	for (size_t i = 0; !strncasecmp(text, "CAP_", 4) && rf_cap_name(i); i++)
		if (!strcasecmp(text + 4, rf_cap_name(i))) {
			*(uint64_t *)obj |= 1ULL << i;
			return 0;
		}
	/* runtime-spec: what no kernel here knows is a warning, and nobody has it */
	if (!strncasecmp(text, "CAP_", 4) && strlen(text) < 64)
		return left_out(o, text);
	return rf_oci_fail(o, v, "no capability '%.40s'", text);
}

static int read_cap_set(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	*(uint64_t *)obj = 0;
	return rf_oci_list(o, v, add_cap, obj);
}

static int read_capabilities(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
#define SET(word) { .name = #word, .read = read_cap_set, \
		    .offset = offsetof(struct rf_cap_sets, word) }
	static const struct rf_oci_key keys[] = {
		SET(bounding), SET(effective), SET(permitted), SET(inheritable), SET(ambient),
		{ .name = NULL }
	};
#undef SET
	struct rf_cap_sets *sets = &o->sb->oci.caps;
	int r = rf_oci_map(o, v, keys, sets);

	(void)obj;
	if (r < 0)
		return r;
	o->sb->cap_place = v->place;
	if (sets->effective & ~sets->permitted)
		return rf_oci_fail(o, v, "`effective` has what `permitted` has not");
	/*
	 * Engines list as ambient what is not inheritable, which the kernel gives nobody;
	 * with runc and crun too the process goes without.
	 */
	sets->ambient &= sets->permitted & sets->inheritable;
	o->sb->capabilities = sets->permitted;
	o->sb->ambient = sets->ambient;
	return 0;
}

/* -------------------------------------------------------------------- limits */

struct limit {
	const char	*type;
	uint64_t	 soft, hard;
	bool		 has_soft, has_hard;
};

static int read_soft(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct limit *l = obj;

	l->has_soft = true;
	return rf_oci_uint(o, v, UINT64_MAX, &l->soft);
}

static int read_hard(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct limit *l = obj;

	l->has_hard = true;
	return rf_oci_uint(o, v, UINT64_MAX, &l->hard);
}

static int find_limit(const char *type)
{
	static const char *const names[16] = {
		[RLIMIT_CPU] = "CPU", [RLIMIT_FSIZE] = "FSIZE", [RLIMIT_DATA] = "DATA",
		[RLIMIT_STACK] = "STACK", [RLIMIT_CORE] = "CORE", [RLIMIT_RSS] = "RSS",
		[RLIMIT_NPROC] = "NPROC", [RLIMIT_NOFILE] = "NOFILE",
		[RLIMIT_MEMLOCK] = "MEMLOCK", [RLIMIT_AS] = "AS", [RLIMIT_LOCKS] = "LOCKS",
		[RLIMIT_SIGPENDING] = "SIGPENDING", [RLIMIT_MSGQUEUE] = "MSGQUEUE",
		[RLIMIT_NICE] = "NICE", [RLIMIT_RTPRIO] = "RTPRIO", [RLIMIT_RTTIME] = "RTTIME",
	};

	for (int i = 0; type && !strncmp(type, "RLIMIT_", 7) && i < 16; i++)
		if (!strcmp(type + 7, names[i]))
			return i;
	return -1;
}

static int add_rlimit(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "type", .read = rf_oci_text, .offset = offsetof(struct limit, type) },
		{ .name = "soft", .read = read_soft },
		{ .name = "hard", .read = read_hard },
		{ .name = NULL }
	};
	struct limit l = { .type = NULL };
	int r = rf_oci_map(o, v, keys, &l), nr = find_limit(l.type);

	(void)obj;
	if (r < 0)
		return r;
	if (nr < 0)
		return rf_oci_fail(o, v, "no limit '%.40s'", l.type ? l.type : "");
	if (!l.has_soft || !l.has_hard)
		return rf_oci_fail(o, v, "it needs `soft` and `hard`");
	if (l.soft > l.hard)
		return rf_oci_fail(o, v, "`soft` is above `hard`");
	if (o->sb->rlimit_set & 1U << nr)
		return rf_oci_fail(o, v, "%s is there twice", l.type);
	o->sb->rlimits[nr] = (struct rf_rlimit_spec){ nr, l.soft, l.hard, v->place };
	o->sb->rlimit_set |= 1U << nr;
	return 0;
}

static int read_rlimits(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_list(o, v, add_rlimit, obj);
}

static int read_oom_score(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	int64_t n = 0;
	int r = rf_oci_int(o, v, -1000, 1000, &n);

	(void)obj;
	if (r < 0)
		return r;
	o->sb->oom_score = (int)n;
	o->sb->has_oom_score = true;
	o->sb->oom_place = v->place;
	return 0;
}

static int read_nnp(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	(void)obj;
	o->sb->nnp_place = v->place;
	return rf_oci_bool(o, v, &o->sb->no_new_privs);
}

/* ------------------------------------------------------------------ the whole */

#define OCI(field) offsetof(struct rf_sandbox, oci.field)

int rf_oci_read_process(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "terminal", .read = read_terminal },
		{ .name = "consoleSize", .read = read_console_size },
		{ .name = "user", .read = read_user },
		{ .name = "args", .read = read_args },
		{ .name = "commandLine", .refused = "it is for another platform" },
		{ .name = "env", .read = read_env },
		{ .name = "cwd", .read = read_cwd },
		{ .name = "capabilities", .read = read_capabilities },
		{ .name = "rlimits", .read = read_rlimits },
		{ .name = "noNewPrivileges", .read = read_nnp },
		{ .name = "oomScoreAdj", .read = read_oom_score },
		{ .name = "ioPriority", .read = rf_oci_read_io_priority },
		{ .name = "scheduler", .read = rf_oci_read_scheduler },
		{ .name = "execCPUAffinity", .read = rf_oci_read_exec_affinity },
		{ .name = "apparmorProfile", .read = rf_oci_read_label, .offset = OCI(apparmor) },
		{ .name = "selinuxLabel", .read = rf_oci_read_label, .offset = OCI(selinux) },
		{ .name = NULL }
	};
	int r;

	/* without `capabilities` there are none */
	o->sb->oci.has_caps = true;
	r = rf_oci_map(o, v, keys, obj);
	if (r < 0)
		return r;
	o->c->has_process = true;
	if (!o->sb->nr_argv)
		return rf_oci_fail(o, v, "no `args`");
	if (!o->sb->cwd)
		return rf_oci_fail(o, v, "no `cwd`");
	return 0;
}

/* -------------------------------------------------------------------- granting */

const char *rf_oci_grant(struct rf_sandbox *sb, const struct rf_oci_config *c,
			 const struct rf_features *f)
{
	struct rf_cap_sets *sets = &sb->oci.caps;
	const bool all = sb->ns[RF_NS_USER].mode != RF_NS_HOST;
	const uint64_t have = all ? (2ULL << f->last_cap) - 1 : f->caps;
	const uint64_t more = (sets->bounding | sets->permitted) & ~have;
	char names[1024] = "";

	sets->bounding &= have;
	sets->permitted &= have;
	sets->effective &= have;
	sets->inheritable &= have;
	sets->ambient &= have;
	sb->capabilities &= have;
	sb->ambient &= have;
	if (!more)
		return c->unknown_caps;
	rf_caps_print(more, names, sizeof(names));
	return rf_sandbox_printf(sb, "%s%s%s", names, c->unknown_caps ? ", " : "",
				 c->unknown_caps ? c->unknown_caps : "");
}
