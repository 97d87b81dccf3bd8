/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys of a spec as command-line options, and the order in which layers
 * are laid on one another.
 */
#include "spec.h"

#include <errno.h>
#include <string.h>

#include "error.h"

#define MOUNT_WORDS	"DST[:WORD[=VALUE],...]"
#define BIND_WORDS	"SRC[:DST[:WORD[=VALUE],...]]"
#define NS_WORDS	"user mount pid net ipc uts cgroup time"
#define LAYER_WORDS	NS_WORDS " root capabilities no_new_privileges groups keyring seccomp landlock limits terminal"

const struct rf_opt rf_spec_options[] = {
	{ .name = "extends", .arg = "PRESET|FILE", .help = "start from a preset (default, build, shell) or another file",
	  .complete = RF_COMPLETE_FILE, .words = "default build shell", .flags = RF_OPT_REPEAT,
	  .shape = RF_SHAPE_EXTENDS, .key = "extends" },
	{ .name = "name", .letter = 'N', .arg = "NAME", .help = "what exec, ps and kill call the sandbox while it runs",
	  .shape = RF_SHAPE_SCALAR, .key = "name" },
	{ .name = "root", .letter = 'r', .arg = "empty|host|PATH", .help = "what the sandbox has as /: nothing, the host's, a directory or an image",
	  .complete = RF_COMPLETE_FILE, .words = "empty host", .shape = RF_SHAPE_SCALAR, .key = "root" },
	{ .name = "ro", .arg = BIND_WORDS, .help = "show a file or directory, read-only",
	  .complete = RF_COMPLETE_FILE, .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_BIND, .key = "mounts" },
	{ .name = "rw", .letter = 'w', .arg = BIND_WORDS, .help = "show a file or directory, writable",
	  .complete = RF_COMPLETE_FILE, .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_BIND, .key = "mounts" },
	{ .name = "ro-fd", .arg = "FD:DST[:WORD[=VALUE],...]", .help = "show what a descriptor refers to, read-only",
	  .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_BIND_FD, .key = "mounts" },
	{ .name = "rw-fd", .arg = "FD:DST[:WORD[=VALUE],...]", .help = "show what a descriptor refers to, writable",
	  .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_BIND_FD, .key = "mounts" },
	{ .name = "tmpfs", .arg = MOUNT_WORDS, .help = "a private file system in memory; size, inodes, mode, uid, gid",
	  .complete = RF_COMPLETE_DIR, .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_MOUNT, .key = "mounts" },
	{ .name = "proc", .arg = MOUNT_WORDS, .help = "the processes of the sandbox; hidepid, subset",
	  .complete = RF_COMPLETE_DIR, .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_MOUNT, .key = "mounts" },
	{ .name = "sysfs", .arg = MOUNT_WORDS, .help = "a sysfs of the sandbox's network namespace",
	  .complete = RF_COMPLETE_DIR, .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_MOUNT, .key = "mounts" },
	{ .name = "mqueue", .arg = MOUNT_WORDS, .help = "the message queues of the sandbox",
	  .complete = RF_COMPLETE_DIR, .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_MOUNT, .key = "mounts" },
	{ .name = "dev", .arg = MOUNT_WORDS, .help = "a minimal private /dev",
	  .complete = RF_COMPLETE_DIR, .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_MOUNT, .key = "mounts" },
	{ .name = "cgroup", .arg = MOUNT_WORDS, .help = "the cgroups below the sandbox's own",
	  .complete = RF_COMPLETE_DIR, .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_MOUNT, .key = "mounts" },
	{ .name = "symlink", .arg = "TEXT:DST[:WORD,...]", .help = "a symbolic link at DST",
	  .complete = RF_COMPLETE_FILE, .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_BIND, .key = "mounts" },
	{ .name = "dir", .arg = MOUNT_WORDS, .help = "an empty directory; mode, uid, gid",
	  .complete = RF_COMPLETE_DIR, .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_MOUNT, .key = "mounts" },
	{ .name = "file", .arg = MOUNT_WORDS, .help = "a file with given content: content=TEXT or fd=N; mode, uid, gid",
	  .complete = RF_COMPLETE_FILE, .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_MOUNT, .key = "mounts" },
	{ .name = "overlay", .arg = "DST:lower=DIR,...", .help = "directories over one another; upper=DIR,work=DIR keeps what is written",
	  .complete = RF_COMPLETE_DIR, .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_MOUNT, .key = "mounts" },
	{ .name = "deny", .letter = 'd', .arg = MOUNT_WORDS, .help = "cover a path with something empty; absent=refuse|freeze|placeholder",
	  .complete = RF_COMPLETE_FILE, .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_MOUNT, .key = "mounts" },
	{ .name = "mount", .arg = "YAML", .help = "any entry of mounts, as in a spec: '{tmpfs: /tmp, size: 64M}'",
	  .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_YAML, .key = "mounts" },
	{ .name = "cwd", .letter = 'C', .arg = "DIR", .help = "working directory inside",
	  .complete = RF_COMPLETE_DIR, .shape = RF_SHAPE_SCALAR, .key = "cwd" },
	{ .name = "env", .letter = 'e', .arg = "NAME[=VALUE]", .help = "set a variable, or keep the caller's",
	  .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_ENV, .key = "env" },
	{ .name = "env-keep", .arg = "NAME,...", .help = "the variables that stay, instead of the usual ones; a * at the end is any",
	  .shape = RF_SHAPE_LIST, .key = "env.keep" },
	{ .name = "env-clear", .help = "start from no variables but those kept and set (the default)",
	  .flags = RF_OPT_NEGATABLE, .shape = RF_SHAPE_SCALAR, .key = "env.clear" },
	{ .name = "argv0", .arg = "NAME", .help = "what the command sees as its own name",
	  .shape = RF_SHAPE_SCALAR, .key = "argv0" },
	{ .name = "exec-fd", .arg = "FD", .help = "run the program that a descriptor refers to",
	  .shape = RF_SHAPE_SCALAR, .key = "exec_fd" },
	{ .name = "hostname", .letter = 'H', .arg = "NAME", .help = "host name inside",
	  .shape = RF_SHAPE_SCALAR, .key = "hostname" },
	{ .name = "domainname", .arg = "NAME", .help = "NIS domain name inside",
	  .shape = RF_SHAPE_SCALAR, .key = "domainname" },
	{ .name = "namespaces", .arg = "NAME[=new|host|PATH|fd:N],...", .help = "the namespaces that are new, or what becomes of each",
	  .complete = RF_COMPLETE_WORD_LIST, .words = NS_WORDS, .shape = RF_SHAPE_NAMESPACES, .key = "namespaces" },
	{ .name = "time-monotonic", .arg = "TIME", .help = "offset of the monotonic clock; needs a time namespace",
	  .shape = RF_SHAPE_SCALAR, .key = "time.monotonic" },
	{ .name = "time-boottime", .arg = "TIME", .help = "offset of the boot-time clock; needs a time namespace",
	  .shape = RF_SHAPE_SCALAR, .key = "time.boottime" },
	{ .name = "network", .letter = 'n', .arg = "none|loopback|host", .help = "what network there is",
	  .complete = RF_COMPLETE_WORDS, .words = "none loopback host", .shape = RF_SHAPE_SCALAR, .key = "network" },
	{ .name = "uid", .letter = 'u', .arg = "USER", .help = "user inside, by name or number",
	  .complete = RF_COMPLETE_USER, .shape = RF_SHAPE_SCALAR, .key = "user.uid" },
	{ .name = "gid", .letter = 'g', .arg = "GROUP", .help = "group inside, by name or number",
	  .complete = RF_COMPLETE_GROUP, .shape = RF_SHAPE_SCALAR, .key = "user.gid" },
	{ .name = "groups", .arg = "auto|drop|keep|GROUP,...", .help = "supplementary groups inside",
	  .complete = RF_COMPLETE_WORD_LIST, .words = "auto drop keep", .shape = RF_SHAPE_WORD_OR_LIST, .key = "user.groups" },
	{ .name = "map", .arg = "auto|self|root|uid:INSIDE:OUTSIDE:COUNT,...", .help = "how ids inside are ids outside",
	  .complete = RF_COMPLETE_WORDS, .words = "auto self root", .shape = RF_SHAPE_MAP, .key = "user.map" },
	{ .name = "capabilities", .arg = "NAME,...", .help = "the capabilities that the command has, of its own namespaces",
	  .shape = RF_SHAPE_LIST, .key = "capabilities" },
	{ .name = "ambient", .arg = "NAME,...", .help = "those of them that programs inherit (all, unless said)",
	  .shape = RF_SHAPE_LIST, .key = "ambient" },
	{ .name = "securebits", .arg = "WORD,...", .help = "securebits flags, as in capabilities(7)",
	  .complete = RF_COMPLETE_WORD_LIST, .words = "noroot noroot_locked no_setuid_fixup no_setuid_fixup_locked no_cap_ambient_raise no_cap_ambient_raise_locked",
	  .shape = RF_SHAPE_LIST, .key = "securebits" },
	{ .name = "no-new-privileges", .arg = "true|false", .help = "whether set-user-id programs stay without effect",
	  .complete = RF_COMPLETE_WORDS, .words = "true false", .shape = RF_SHAPE_SCALAR, .key = "no_new_privileges" },
	{ .name = "seccomp", .arg = "default|build|strict|off|FILE", .help = "the filter of system calls: a preset, a policy file or an OCI profile",
	  .complete = RF_COMPLETE_FILE, .words = "default build strict off", .shape = RF_SHAPE_SCALAR, .key = "seccomp" },
	{ .name = "landlock", .arg = "off", .help = "no Landlock rules, whatever a spec has",
	  .complete = RF_COMPLETE_WORDS, .words = "off", .shape = RF_SHAPE_SCALAR, .key = "landlock" },
	{ .name = "landlock-read", .arg = "PLACE,...", .help = "what may be read, listed and executed, by Landlock",
	  .complete = RF_COMPLETE_FILE, .shape = RF_SHAPE_LIST, .key = "landlock.read" },
	{ .name = "landlock-write", .arg = "PLACE,...", .help = "what may be changed as well",
	  .complete = RF_COMPLETE_FILE, .shape = RF_SHAPE_LIST, .key = "landlock.write" },
	{ .name = "landlock-exec", .arg = "PLACE,...", .help = "what may be executed and read, but not listed",
	  .complete = RF_COMPLETE_FILE, .shape = RF_SHAPE_LIST, .key = "landlock.exec" },
	{ .name = "landlock-unix", .arg = "PLACE,...", .help = "sockets of others that may be connected to (Linux 7.1)",
	  .complete = RF_COMPLETE_FILE, .shape = RF_SHAPE_LIST, .key = "landlock.unix" },
	{ .name = "landlock-connect", .arg = "PORT,...", .help = "TCP ports that may be connected to",
	  .shape = RF_SHAPE_LIST, .key = "landlock.connect" },
	{ .name = "landlock-bind", .arg = "PORT,...", .help = "TCP ports that may be bound",
	  .shape = RF_SHAPE_LIST, .key = "landlock.bind" },
	{ .name = "landlock-scope", .arg = "WORD,...", .help = "what stays inside: abstract_unix, signal",
	  .complete = RF_COMPLETE_WORD_LIST, .words = "abstract_unix signal", .shape = RF_SHAPE_LIST, .key = "landlock.scope" },
	{ .name = "landlock-loader", .help = "let in what starting the command takes (the default)",
	  .flags = RF_OPT_NEGATABLE, .shape = RF_SHAPE_SCALAR, .key = "landlock.loader" },
	{ .name = "landlock-compat", .arg = "named|best|exact", .help = "what an older kernel may lack",
	  .complete = RF_COMPLETE_WORDS, .words = "named best exact", .shape = RF_SHAPE_SCALAR, .key = "landlock.compat" },
	{ .name = "limit-wall", .letter = 't', .arg = "TIME", .help = "end it after this much time: 90, 500ms, 10m",
	  .shape = RF_SHAPE_SCALAR, .key = "limits.wall" },
	{ .name = "limit-memory", .letter = 'm', .arg = "SIZE", .help = "memory of all its processes together: 512M, 2G, unlimited",
	  .shape = RF_SHAPE_SCALAR, .key = "limits.memory" },
	{ .name = "limit-swap", .arg = "SIZE", .help = "swap that they may use beside it (0 where there is a memory limit)",
	  .shape = RF_SHAPE_SCALAR, .key = "limits.swap" },
	{ .name = "limit-pids", .arg = "N", .help = "number of its processes and threads together",
	  .shape = RF_SHAPE_SCALAR, .key = "limits.pids" },
	{ .name = "limit-cpu", .arg = "N", .help = "processors that it may use at a time: 2, 1.5, 0.25",
	  .shape = RF_SHAPE_SCALAR, .key = "limits.cpu" },
	{ .name = "limit-cpu-total", .arg = "TIME", .help = "end it after this much processor time of all its processes: 30s, 10m",
	  .shape = RF_SHAPE_SCALAR, .key = "limits.cpu_total" },
	{ .name = "limit-cpuset-cpus", .arg = "LIST", .help = "the processors that all of it may run on: 0-3,5",
	  .shape = RF_SHAPE_SCALAR, .key = "limits.cpuset.cpus" },
	{ .name = "limit-cpuset-mems", .arg = "LIST", .help = "the memory nodes that all of it may use: 0-1",
	  .shape = RF_SHAPE_SCALAR, .key = "limits.cpuset.mems" },
	{ .name = "limit-io", .arg = "YAML", .help = "limits of a disk, as in a spec: '{device: /dev/sda, write: 10M}'",
	  .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_YAML, .key = "limits.io" },
	{ .name = "limit-hugetlb", .arg = "YAML", .help = "huge pages, as in a spec: '{page: 2M, limit: 64M}'",
	  .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_YAML, .key = "limits.hugetlb" },
	{ .name = "cgroup-parent", .arg = "PATH", .help = "the control group below which its own is made",
	  .shape = RF_SHAPE_SCALAR, .key = "cgroup_parent" },
	{ .name = "limit-as", .arg = "SOFT[:HARD]", .help = "address space, in bytes: 512M, 2G, unlimited",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.as" },
	{ .name = "limit-core", .arg = "SOFT[:HARD]", .help = "size of a core dump, in bytes",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.core" },
	{ .name = "limit-cpu-time", .arg = "SOFT[:HARD]", .help = "processor time of a process: 30s, 10m",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.cpu_time" },
	{ .name = "limit-data", .arg = "SOFT[:HARD]", .help = "data segment, in bytes",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.data" },
	{ .name = "limit-fsize", .arg = "SOFT[:HARD]", .help = "size of a file that is written, in bytes",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.fsize" },
	{ .name = "limit-locks", .arg = "SOFT[:HARD]", .help = "number of file locks (no effect since Linux 2.6)",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.locks" },
	{ .name = "limit-memlock", .arg = "SOFT[:HARD]", .help = "locked memory, in bytes",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.memlock" },
	{ .name = "limit-msgqueue", .arg = "SOFT[:HARD]", .help = "message queues of the user, in bytes",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.msgqueue" },
	{ .name = "limit-nice", .arg = "SOFT[:HARD]", .help = "20 minus the lowest nice value that may be set",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.nice" },
	{ .name = "limit-nofile", .arg = "SOFT[:HARD]", .help = "number of open descriptors",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.nofile" },
	{ .name = "limit-nproc", .arg = "SOFT[:HARD]", .help = "number of processes of the user",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.nproc" },
	{ .name = "limit-rss", .arg = "SOFT[:HARD]", .help = "resident memory, in bytes (no effect since Linux 2.6)",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.rss" },
	{ .name = "limit-rtprio", .arg = "SOFT[:HARD]", .help = "highest real-time priority that may be set",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.rtprio" },
	{ .name = "limit-rttime", .arg = "SOFT[:HARD]", .help = "real-time processor time without a pause: 500ms",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.rttime" },
	{ .name = "limit-sigpending", .arg = "SOFT[:HARD]", .help = "number of signals that wait",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.sigpending" },
	{ .name = "limit-stack", .arg = "SOFT[:HARD]", .help = "stack, in bytes",
	  .shape = RF_SHAPE_LIMIT, .key = "limits.stack" },
	{ .name = "nice", .arg = "N", .help = "nice value, -20 to 19",
	  .shape = RF_SHAPE_SCALAR, .key = "nice" },
	{ .name = "oom-score", .arg = "N", .help = "whom the kernel kills first without memory, -1000 to 1000",
	  .shape = RF_SHAPE_SCALAR, .key = "oom_score" },
	{ .name = "umask", .arg = "MODE", .help = "umask, octal",
	  .shape = RF_SHAPE_SCALAR, .key = "umask" },
	{ .name = "affinity", .arg = "CPU[-CPU],...", .help = "the processors that it may run on",
	  .shape = RF_SHAPE_LIST, .key = "affinity" },
	{ .name = "fd", .arg = "N[:inherit|:closed|:WORD=VALUE,...]", .help = "what the command finds at descriptor N: open=PATH,access=..., from=FD",
	  .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_FD, .key = "fds" },
	{ .name = "init", .help = "a reaper as process 1 of the sandbox (the default)",
	  .flags = RF_OPT_NEGATABLE, .shape = RF_SHAPE_SCALAR, .key = "init" },
	{ .name = "die-with-parent", .help = "end it when whoever started ringfence ends",
	  .flags = RF_OPT_NEGATABLE, .shape = RF_SHAPE_SCALAR, .key = "die_with_parent" },
	{ .name = "terminal", .arg = "auto|private|inherit|none", .help = "which terminal the command has",
	  .complete = RF_COMPLETE_WORDS, .words = "auto private inherit none", .shape = RF_SHAPE_SCALAR, .key = "terminal" },
	{ .name = "fallback", .arg = "none|landlock", .help = "what to do where namespaces cannot be had: refuse, or Landlock and seccomp alone",
	  .complete = RF_COMPLETE_WORDS, .words = "none landlock", .shape = RF_SHAPE_SCALAR, .key = "fallback" },
	{ .name = "require", .arg = "LAYER,...", .help = "refuse to run with less than these layers in force",
	  .complete = RF_COMPLETE_WORD_LIST, .words = LAYER_WORDS, .flags = RF_OPT_REPEAT, .shape = RF_SHAPE_LIST, .key = "require" },
	{ .name = NULL }
};

/* @value below "a.b", as a map with one key of the top. */
static struct rf_node *wrap(struct rf_sandbox *sb, const char *key, struct rf_node *value)
{
	const char *dot = strrchr(key, '.');
	const char *last = dot ? dot + 1 : key;
	struct rf_node *map = rf_node_items(sb, &value->place, RF_NODE_MAP, 2);
	char *outer = rf_sandbox_strdup(sb, key);

	if (!map || !outer)
		return NULL;
	map->items[0] = rf_node_text(sb, &value->place, last);
	map->items[1] = value;
	map->nr = 2;
	if (!map->items[0])
		return NULL;
	if (!dot)
		return map;
	outer[dot - key] = '\0';
	return wrap(sb, outer, map);
}

int rf_option_apply(const struct rf_opt *opt, const char *value,
		    struct rf_sandbox *sb, struct rf_err *err)
{
	struct rf_draft *d = rf_draft(sb);
	struct rf_node *node;

	if (!value && opt->arg)
		return rf_err_set(err, EINVAL, "--%s needs %s", opt->name, opt->arg);
	if (!d || !rf_sandbox_grow(sb, &d->options, d->nr_options, &d->max_options,
				   sizeof(*d->options)))
		return rf_err_set(err, ENOMEM, "reading --%s", opt->name);
	node = rf_shape(sb, opt, value ? value : "true", err);
	if (!node)
		return err && err->code ? -err->code : -EINVAL;
	node = wrap(sb, opt->key, node);
	if (!node)
		return rf_err_set(err, ENOMEM, "reading --%s", opt->name);
	d->options[d->nr_options++] = (struct rf_option){ node, opt->shape == RF_SHAPE_ENV };
	return 0;
}

int rf_command_set(int argc, char *const argv[], struct rf_sandbox *sb,
		   struct rf_err *err)
{
	struct rf_draft *d = rf_draft(sb);
	char **copy;

	if (argc <= 0)
		return 0;
	copy = d ? rf_sandbox_alloc(sb, ((size_t)argc + 1) * sizeof(*copy)) : NULL;
	if (!copy)
		return rf_err_set(err, ENOMEM, "reading the command");
	if (!*argv[0])
		return rf_err_set(err, EINVAL, "the command is empty");
	for (int i = 0; i < argc; i++) {
		copy[i] = rf_sandbox_strdup(sb, argv[i]);
		if (!copy[i])
			return rf_err_set(err, ENOMEM, "reading the command");
	}
	d->argv = copy;
	d->nr_argv = (size_t)argc;
	return 0;
}

static bool is_key(const struct rf_option *o, const char *key)
{
	return !strcmp(o->tree->items[0]->text, key);
}

/* Whether the options say what to start from. */
static bool has_base(const struct rf_draft *d)
{
	for (size_t i = 0; i < d->nr_options; i++)
		if (is_key(&d->options[i], "extends") || is_key(&d->options[i], "root"))
			return true;
	return d->has_spec;
}

int rf_options_read(struct rf_sandbox *sb, struct rf_err *err)
{
	const struct rf_place nowhere = { NULL, 0, 0 };
	struct rf_reader r = { .sb = sb, .draft = rf_draft(sb), .err = err };
	struct rf_node *base;
	int ret = 0;

	base = r.draft ? rf_node_text(sb, &nowhere, "default") : NULL;
	if (!base)
		return rf_err_set(err, ENOMEM, "reading the options");
	if (!has_base(r.draft))
		ret = rf_spec_extend(&r, base);
	for (size_t i = 0; i < r.draft->nr_options && !ret; i++)
		if (is_key(&r.draft->options[i], "extends"))
			ret = rf_spec_extend(&r, r.draft->options[i].tree->items[1]);
	r.layer = ++r.draft->nr_layers;
	for (size_t i = 0; i < r.draft->nr_options && !ret; i++) {
		r.append = r.draft->options[i].append;
		ret = rf_spec_read(&r, r.draft->options[i].tree);
	}
	if (ret < 0)
		return ret;
	r.draft->nr_options = 0;
	if (r.draft->argv) {
		sb->argv = r.draft->argv;
		sb->nr_argv = r.draft->nr_argv;
		sb->command_place = r.draft->argv_place;
	}
	return 0;
}
