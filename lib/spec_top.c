/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys of a document.
 */
#include "spec.h"

#include <errno.h>
#include <string.h>

#include "error.h"

#define FORMAT_VERSION	1
#define HOST_NAME_MAX_LINUX 64

#define FIELD(name)	offsetof(struct rf_sandbox, name)

int rf_read_version(struct rf_reader *r, const struct rf_node *v, void *sb)
{
	int64_t version;

	(void)sb;
	return rf_value_int(r, v, FORMAT_VERSION, FORMAT_VERSION, &version);
}

/* Followed before anything else is read: spec_load.c. */
static int read_extends(struct rf_reader *r, const struct rf_node *v, void *sb)
{
	(void)r;
	(void)v;
	(void)sb;
	return 0;
}

int rf_read_argv(struct rf_reader *r, const struct rf_node *v, char ***ret_argv, size_t *ret_nr)
{
	const char *word;
	char **argv;
	int ret = rf_need(r, v, RF_NODE_LIST, "a list of words");

	if (ret < 0)
		return ret;
	if (!v->nr)
		return rf_err_at(r->err, &v->place, EINVAL, "the command is empty");
	argv = rf_sandbox_alloc(r->sb, (v->nr + 1) * sizeof(*argv));
	if (!argv)
		return rf_err_set(r->err, ENOMEM, "reading 'command'");
	for (size_t i = 0; i < v->nr; i++) {
		ret = rf_value_text(r, v->items[i], &word);
		if (ret < 0)
			return ret;
		argv[i] = (char *)(uintptr_t)word;
	}
	if (!*argv[0])
		return rf_err_at(r->err, &v->items[0]->place, EINVAL, "the command is empty");
	*ret_argv = argv;
	*ret_nr = v->nr;
	return 0;
}

static int read_command(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;

	return rf_read_argv(r, v, &sb->argv, &sb->nr_argv);
}

static int read_name(struct rf_reader *r, const struct rf_node *v, const char **field)
{
	const char *name;
	int ret = rf_value_text(r, v, &name);

	if (ret < 0)
		return ret;
	if (!*name || strlen(name) > HOST_NAME_MAX_LINUX)
		return rf_err_at(r->err, &v->place, EINVAL, "a name of 1 to %d bytes belongs here",
				 HOST_NAME_MAX_LINUX);
	*field = name;
	return 0;
}

static int read_hostname(struct rf_reader *r, const struct rf_node *v, void *sb)
{
	return read_name(r, v, &((struct rf_sandbox *)sb)->hostname);
}

static int read_domainname(struct rf_reader *r, const struct rf_node *v, void *sb)
{
	return read_name(r, v, &((struct rf_sandbox *)sb)->domainname);
}

static int read_sandbox_name(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	const char *name;
	int ret = rf_value_text(r, v, &name);

	if (ret < 0)
		return ret;
	if (!rf_name_is_good(name))
		return rf_err_at(r->err, &v->place, EINVAL, "a name is a letter or _ and up to 63 "
				 "letters, digits, _, - and .");
	sb->name = name;
	return 0;
}

static int read_time(struct rf_reader *r, const struct rf_node *v, void *sb)
{
	static const struct rf_key keys[] = {
		{ .name = "monotonic",	RF_VALUE_OFFSET, FIELD(time_monotonic_ns) },
		{ .name = "boottime",	RF_VALUE_OFFSET, FIELD(time_boottime_ns) },
		{ .name = NULL }
	};

	return rf_read_map(r, v, keys, sb);
}

static int read_nice(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	int64_t n;
	int ret = rf_value_int(r, v, -20, 19, &n);

	if (ret < 0)
		return ret;
	sb->nice = (int)n;
	sb->has_nice = true;
	return 0;
}

static int read_oom_score(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	int64_t n;
	int ret = rf_value_int(r, v, -1000, 1000, &n);

	if (ret < 0)
		return ret;
	sb->oom_score = (int)n;
	sb->has_oom_score = true;
	return 0;
}

static int read_umask(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	int mask, ret = rf_value_mode(r, v, &mask);

	if (ret < 0)
		return ret;
	if (mask > 0777)
		return rf_err_at(r->err, &v->place, EINVAL, "a umask ends at 777");
	sb->umask = (unsigned int)mask;
	sb->has_umask = true;
	return 0;
}

static int read_network(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	static const struct rf_word words[] = {
		{ "none", RF_NET_NONE }, { "loopback", RF_NET_LOOPBACK },
		{ "host", RF_NET_HOST }, { NULL, 0 }
	};
	struct rf_sandbox *sb = obj;
	int word, ret = rf_value_word(r, v, words, &word);

	if (ret < 0)
		return ret;
	sb->network = (enum rf_network)word;
	r->draft->has_network = true;
	return 0;
}

static const struct rf_word terminal_words[] = {
	{ "auto", RF_TERM_AUTO }, { "inherit", RF_TERM_INHERIT },
	{ "none", RF_TERM_NONE }, { "private", RF_TERM_PRIVATE }, { NULL, 0 }
};

static const struct rf_word fallback_words[] = {
	{ "none", RF_FALLBACK_NONE }, { "landlock", RF_FALLBACK_LANDLOCK }, { NULL, 0 }
};

static const struct rf_key top_keys[] = {
	{ .name = "ringfence",	.read = rf_read_version },
	{ .name = "extends",	.read = read_extends },
	{ .name = "name",	.read = read_sandbox_name, .place = FIELD(name_place) },
	{ .name = "command",	.read = read_command,	.place = FIELD(command_place) },
	{ .name = "argv0",	RF_VALUE_TEXT, FIELD(argv0) },
	{ .name = "exec_fd",	RF_VALUE_INT, FIELD(exec_fd), .max = INT32_MAX },
	{ .name = "cwd",	RF_VALUE_TEXT, FIELD(cwd), FIELD(cwd_place) },
	{ .name = "env",	.read = rf_read_env,	.place = FIELD(env_place) },
	{ .name = "hostname",	.read = read_hostname,	.place = FIELD(hostname_place) },
	{ .name = "domainname",	.read = read_domainname },
	{ .name = "namespaces",	.read = rf_read_namespaces },
	{ .name = "time",	.read = read_time },
	{ .name = "root",	.read = rf_read_root },
	{ .name = "mounts",	.read = rf_read_mounts },
	{ .name = "user",	.read = rf_read_user },
	{ .name = "capabilities", .read = rf_read_capabilities, .place = FIELD(cap_place) },
	{ .name = "ambient",	.read = rf_read_ambient },
	{ .name = "securebits",	.read = rf_read_securebits },
	{ .name = "no_new_privileges", RF_VALUE_BOOL, FIELD(no_new_privs), FIELD(nnp_place) },
	{ .name = "seccomp",	.read = rf_read_seccomp },
	{ .name = "landlock",	.read = rf_read_landlock },
	{ .name = "limits",	.read = rf_read_limits },
	{ .name = "cgroup_parent", .read = rf_read_cgroup_parent },
	{ .name = "nice",	.read = read_nice,	.place = FIELD(nice_place) },
	{ .name = "oom_score",	.read = read_oom_score,	.place = FIELD(oom_place) },
	{ .name = "umask",	.read = read_umask,	.place = FIELD(umask_place) },
	{ .name = "affinity",	.read = rf_read_affinity, .place = FIELD(affinity_place) },
	{ .name = "network",	.read = read_network,	.place = FIELD(network_place) },
	{ .name = "fds",	.read = rf_read_fds },
	{ .name = "init",	RF_VALUE_BOOL, FIELD(init), FIELD(init_place) },
	{ .name = "die_with_parent", RF_VALUE_BOOL, FIELD(die_with_parent) },
	{ .name = "terminal",	RF_VALUE_WORD, FIELD(terminal), FIELD(terminal_place),
	  .words = terminal_words },
	{ .name = "fallback",	RF_VALUE_WORD, FIELD(fallback), FIELD(fallback_place),
	  .words = fallback_words },
	{ .name = "require",	.read = rf_read_require },
	{ .name = NULL }
};

int rf_spec_read(struct rf_reader *r, const struct rf_node *root)
{
	return rf_read_map(r, root, top_keys, r->sb);
}
