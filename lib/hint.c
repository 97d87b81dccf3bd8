/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of hints: which op, which answer of the kernel, and how to tell
 * from the system what is behind it.  The first row that knows something wins.
 */
#include "hint.h"

#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cause.h"
#include "error.h"

typedef bool (*hint_fn)(const struct rf_failed *x, struct rf_err *err);

static const char *str(const struct rf_failed *x, rf_str off)
{
	return off ? x->chain->data + off : "";
}

/* The path that an op about an entry has: its source, or where it goes. */
static const char *path_of(const struct rf_failed *x)
{
	switch ((int)x->op->kind) {
	case RF_OP_OPEN_TREE:
		return str(x, x->op->u.open_tree.path);
	case RF_OP_OPEN:
		return str(x, x->op->u.open.path);
	case RF_OP_MKDIR:
		return str(x, x->op->u.mkdir.path);
	case RF_OP_MKFILE:
		return str(x, x->op->u.mkfile.path);
	case RF_OP_SYMLINK:
		return str(x, x->op->u.symlink.path);
	case RF_OP_VERIFY:
		return str(x, x->op->u.verify.path);
	default:
		return "";
	}
}

static bool is_place(const struct rf_failed *x, const struct rf_place *p)
{
	const struct rf_origin *o = &x->chain->origins[x->op->origin];

	return p->file && p->line == o->line && p->col == o->col &&
	       !strcmp(p->file, str(x, o->file));
}

/*
 * The spec's entry that @x's op was made for, by its place; options of one name
 * share theirs, so the path decides between them.
 */
static const struct rf_mount *entry_of(const struct rf_failed *x)
{
	const char *path = path_of(x);
	const struct rf_mount *found = NULL;

	for (size_t i = 0; x->op->origin && i < x->sb->nr_mounts; i++) {
		const struct rf_mount *m = &x->sb->mounts[i];

		if (!is_place(x, &m->place) && !is_place(x, &m->at_place))
			continue;
		if (!found)
			found = m;
		if (!strcmp(m->at + 1, path) || (m->source && !strcmp(m->source + 1, path)))
			return m;
	}
	return found;
}

/* ---------------------------------------------------------------- namespaces */

static uint64_t ns_flags(const struct rf_failed *x)
{
	if (x->op->kind == RF_OP_UNSHARE)
		return x->op->u.unshare.flags;
	if (x->op->kind == RF_OP_SETNS)	/* made for it by another task */
		return x->op->u.setns.nstype;
	return x->op->u.clone.flags | x->op->u.clone.unshare;
}

static bool say(const struct rf_cause *c, struct rf_err *err)
{
	const char *more = rf_causes[c->kind].hint;

	rf_err_hint(err, "%s%s", c->text, more ? more : "");
	return true;
}

static struct rf_host host_of(const struct rf_failed *x)
{
	return (struct rf_host){ .root = x->host, .f = x->f };
}

/* A limit: the errno says which. */
static bool used_up(const struct rf_failed *x, struct rf_err *err)
{
	struct rf_host h = host_of(x);
	struct rf_cause c;
	bool is_ns = x->op->kind == RF_OP_UNSHARE || x->op->kind == RF_OP_CLONE ||
		     x->op->kind == RF_OP_SETNS;

	return rf_cause_refusal(&h, x->error, is_ns ? ns_flags(x) : 0, &c) && say(&c, err);
}

static bool userns_by_sysctl(const struct rf_failed *x, struct rf_err *err)
{
	struct rf_host h = host_of(x);
	struct rf_cause c;

	return ns_flags(x) & CLONE_NEWUSER && rf_cause_userns_sysctl(&h, &c) && say(&c, err);
}

static bool by_apparmor(const struct rf_failed *x, struct rf_err *err)
{
	struct rf_host h = host_of(x);
	struct rf_cause c;

	return x->sb->ns[RF_NS_USER].mode == RF_NS_NEW && rf_cause_apparmor(&h, &c) && say(&c, err);
}

static bool under_a_filter(const struct rf_failed *x, struct rf_err *err)
{
	struct rf_host h = host_of(x);
	struct rf_cause c;

	return rf_cause_filter(&h, &c) && say(&c, err);
}

static bool by_selinux(const struct rf_failed *x, struct rf_err *err)
{
	struct rf_host h = host_of(x);
	struct rf_cause c;

	return rf_cause_selinux(&h, &c) && say(&c, err);
}

static bool userns_of_the_caller(const struct rf_failed *x, struct rf_err *err)
{
	struct rf_host h = host_of(x);
	struct rf_cause c;

	if (rf_cause_caller(&h, ns_flags(x), &c))
		return say(&c, err);
	if (!(ns_flags(x) & CLONE_NEWUSER))
		return false;
	rf_err_hint(err, "user namespaces are refused to whoever is in a chroot, or has an id "
		    "that its own user namespace does not map");
	return true;
}

static bool number_too_high(const struct rf_failed *x, struct rf_err *err)
{
	struct rf_host h = host_of(x);
	struct rf_cause c;

	return (uint64_t)x->op->u.dup.to >= x->f->nofile &&
	       rf_cause_refusal(&h, EMFILE, 0, &c) && say(&c, err);
}

/* ----------------------------------------------------------------------- ids */

static bool helper_missing(const struct rf_failed *x, struct rf_err *err)
{
	struct rf_host h = host_of(x);
	struct rf_cause c;

	return x->op->u.idmap.by == RF_IDMAP_HELPER && rf_cause_helpers(&h, &c) && say(&c, err);
}

static bool map_refused(const struct rf_failed *x, struct rf_err *err)
{
	struct rf_host h = host_of(x);
	struct rf_cause c;

	if (helper_missing(x, err))
		return true;
	if (x->op->u.idmap.by == RF_IDMAP_HELPER)
		rf_err_hint(err, "newuidmap and newgidmap allow what /etc/subuid and /etc/subgid "
			    "give to uid %u; the map asks for more", x->f->uid);
	else if (x->op->u.idmap.by == RF_IDMAP_SUBMITTER)
		rf_err_hint(err, "the map names ids that the caller's own user namespace does not have");
	else
		return rf_cause_self_map(&h, &c) && say(&c, err);
	return true;
}

/* Id maps are files of /proc, and a copy of one that is mounted there will not do. */
static bool proc_missing(const struct rf_failed *x, struct rf_err *err)
{
	struct rf_cause c;

	(void)x;
	return rf_cause_set(&c, RF_CAUSE_PROC_MISSING, "a user namespace needs a writable proc on "
			    "the host's /proc") && say(&c, err);
}

static bool groups_refused(const struct rf_failed *x, struct rf_err *err)
{
	(void)x;
	rf_err_hint(err, "whoever made this user namespace has denied setgroups: `groups: keep`");
	return true;
}

/* Version 1 wants the mover's user, version 2 the right to write above both ends. */
static bool join_refused(const struct rf_failed *x, struct rf_err *err)
{
	if (x->error == ENOSPC)
		rf_err_hint(err, "the cpuset of the group above has no cpus or no memory nodes");
	else if (x->sb->user.map == RF_MAP_RANGES)
		rf_err_hint(err, "who is not root moves its own tasks only: keep your own id in `map`");
	else
		rf_err_hint(err, "the group that is above both this one and the caller's has not been "
			    "delegated: start ringfence inside the delegated one");
	return true;
}

/* -------------------------------------------------------------------- mounts */

static bool proc_overmounted(const struct rf_failed *x, struct rf_err *err)
{
	struct rf_host h = host_of(x);
	struct rf_cause c;

	return !strcmp(str(x, x->op->u.mkfs.type), "proc") && rf_cause_proc_covered(&h, &c) &&
	       say(&c, err);
}

static bool fs_needs_root(const struct rf_failed *x, struct rf_err *err)
{
	const char *type = str(x, x->op->u.mkfs.type);

	if (strcmp(type, "squashfs") != 0 && strcmp(type, "erofs") != 0)
		return false;
	rf_err_hint(err, "only root of the host may mount %s", type);
	return true;
}

static bool fs_unknown(const struct rf_failed *x, struct rf_err *err)
{
	rf_err_hint(err, "this kernel has no %s, or its module is not loaded",
		    str(x, x->op->u.mkfs.type));
	return true;
}

/* How much of host path @path exists: the length of it, in *ret_len. */
static bool first_missing(const struct rf_failed *x, const char *path, size_t *ret_len)
{
	char file[2 * PATH_MAX];
	struct stat st;

	for (const char *p = path + 1;; p++) {
		if (*p && *p != '/')
			continue;
		snprintf(file, sizeof(file), "%s%.*s", x->host, (int)(p - path), path);
		if (stat(file, &st) < 0) {
			*ret_len = (size_t)(p - path);
			return errno == ENOENT;
		}
		if (!*p)
			return false;
	}
}

static bool source_missing(const struct rf_failed *x, struct rf_err *err)
{
	const struct rf_mount *m = entry_of(x);
	const char *source = m ? m->source : x->sb->root.path;
	size_t len;

	if (!source || source[0] != '/')
		return false;
	if (!first_missing(x, source, &len))
		return false;
	if (m)
		rf_err_hint(err, "the host has no %.*s; `optional: true` leaves the entry out then",
			    (int)len, source);
	else
		rf_err_hint(err, "the host has no %.*s", (int)len, source);
	return true;
}

static bool source_closed(const struct rf_failed *x, struct rf_err *err)
{
	rf_err_hint(err, "a directory on the way is closed to uid %u", x->f->uid);
	return true;
}

static bool source_changed(const struct rf_failed *x, struct rf_err *err)
{
	(void)x;
	rf_err_hint(err, "the path of the descriptor leads to something else by now");
	return true;
}

static bool source_not_recursive(const struct rf_failed *x, struct rf_err *err)
{
	const struct rf_mount *m = entry_of(x);

	if (!m || !(m->flags & RF_MF_NONREC))
		return false;
	rf_err_hint(err, "in a user namespace `recursive: false` is refused for a tree that has "
		    "mounts below it");
	return true;
}

/* What @m is placed in, as far as the spec says. */
static bool is_in_writable_bind(const struct rf_failed *x, const struct rf_mount *m)
{
	const struct rf_mount *above;
	char parent[PATH_MAX];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", m->at);
	slash = strrchr(parent, '/');
	if (!slash || slash == parent)
		return x->sb->root.writable;
	*slash = '\0';
	above = rf_hint_entry(x, parent);
	return above ? above->kind == RF_MOUNT_RW : x->sb->root.writable;
}

static bool destination_missing(const struct rf_failed *x, struct rf_err *err)
{
	const struct rf_mount *m = entry_of(x);

	if (!m)
		return false;
	if (is_in_writable_bind(x, m))
		rf_err_hint(err, "what %s would be made in is the host's: `create: true` makes it "
			    "there", m->at);
	else
		rf_err_hint(err, "%s would have to be made in what is read-only: make it on the "
			    "host, or put a tmpfs above it", m->at);
	return true;
}

static bool is_end_of(const char *path, const char *tail)
{
	size_t len = strlen(path), n = strlen(tail);

	return len > n && path[len - n - 1] == '/' && !strcmp(path + len - n, tail);
}

/* What @m has of the host besides a bind's source, and opens by @path. */
static const char *other_source(const struct rf_mount *m, const char *path)
{
	for (size_t i = 0; i < m->nr_lower; i++)
		if (is_end_of(m->lower[i], path))
			return m->lower[i];
	if (m->upper && is_end_of(m->upper, path))
		return m->upper;
	if (m->work && is_end_of(m->work, path))
		return m->work;
	return m->kind == RF_MOUNT_DEV ? "/dev" : NULL;
}

/* A path that is opened in the root is where an entry goes; another is of the host. */
static bool opened_missing(const struct rf_failed *x, struct rf_err *err)
{
	const struct rf_mount *m = entry_of(x);
	const char *source;
	size_t len;

	if (x->op->u.open.resolve & RESOLVE_IN_ROOT)
		return destination_missing(x, err);
	source = m ? other_source(m, path_of(x)) : NULL;
	if (!source || !first_missing(x, source, &len))
		return false;
	rf_err_hint(err, "the host has no %.*s", (int)len, source);
	return true;
}

/* What the host has where @m goes: what is there without @m itself. */
static bool through(const struct rf_failed *x, const struct rf_mount *m, char buf[2 * PATH_MAX])
{
	const struct rf_root *root = &x->sb->root;

	if (root->kind != RF_ROOT_HOST && root->kind != RF_ROOT_DIR)
		return false;
	snprintf(buf, 2 * PATH_MAX, "%s%s%s", x->host,
		 root->kind == RF_ROOT_DIR ? root->path : "", m->at);
	return true;
}

/* Two destinations that are one place, by links that the host has. */
static bool covered(const struct rf_failed *x, struct rf_err *err)
{
	const struct rf_mount *m = entry_of(x), *other;
	char host[2 * PATH_MAX], a[PATH_MAX], b[PATH_MAX];
	size_t len;

	if (!m || !through(x, m, host) || !realpath(host, a))
		return false;
	for (size_t i = 0; i < x->sb->nr_mounts; i++) {
		other = &x->sb->mounts[i];
		if (other == m || !through(x, other, host) || !realpath(host, b))
			continue;
		len = strlen(b);
		if (strncmp(a, b, len) != 0 || (a[len] && a[len] != '/'))
			continue;
		if (other->at_place.line)
			rf_err_hint(err, "%s is the same place as %s of line %u, or inside of it",
				    m->at, other->at, other->at_place.line);
		else
			rf_err_hint(err, "%s is the same place as %s of %s, or inside of it",
				    m->at, other->at, other->at_place.file ? other->at_place.file :
				    "the default");
		return true;
	}
	return false;
}

static bool atime_locked(const struct rf_failed *x, struct rf_err *err)
{
	const struct rf_mount *m = entry_of(x);

	if (x->op->u.mount_setattr.userns >= 0)
		rf_err_hint(err, "an id-mapped mount has to be made by root of the host, and by a "
			    "file system that can");
	else if (m && m->flags & RF_MF_NOATIME)
		rf_err_hint(err, "in a user namespace the host's choice of access times stands");
	else
		return false;
	return true;
}

static bool root_on_initramfs(const struct rf_failed *x, struct rf_err *err)
{
	(void)x;
	rf_err_hint(err, "the root here is an initramfs or no mount at all (chroot), which cannot "
		    "be pivoted away from");
	return true;
}

/* ----------------------------------------------------------------- the command */

static bool cwd_missing(const struct rf_failed *x, struct rf_err *err)
{
	const char *path = str(x, x->op->u.chdir.path);
	char file[2 * PATH_MAX];
	struct stat st;

	if (!x->sb->cwd || strcmp(x->sb->cwd, path) != 0)
		return false;
	if (x->sb->oci.on) {
		rf_err_hint(err, "a process that enters a container makes no directory there");
		return true;
	}
	snprintf(file, sizeof(file), "%s%s", x->host, path);
	if (x->sb->ns[RF_NS_MOUNT].mode == RF_NS_NEW && stat(file, &st) == 0)
		rf_err_hint(err, "the host has %s, but the sandbox does not: mount it, or another `cwd`",
			    path);
	else
		rf_err_hint(err, "neither the host nor the sandbox has %s: another `cwd`, or "
			    "`{dir: %s}` among the mounts", path, path);
	return true;
}

static bool limit_above_hard(const struct rf_failed *x, struct rf_err *err)
{
	(void)x;
	rf_err_hint(err, "a limit above the caller's hard limit needs CAP_SYS_RESOURCE on the host");
	return true;
}

static bool score_lowered(const struct rf_failed *x, struct rf_err *err)
{
	(void)x;
	rf_err_hint(err, "a value below the caller's own needs a capability on the host: "
		    "CAP_SYS_RESOURCE for oom_score, CAP_SYS_NICE for nice");
	return true;
}

/* ------------------------------------------------- scheduling, memory, labels */

/* CONFIG_RT_GROUP_SCHED: each group of version 1 has time of its own, at first none. */
static bool no_realtime(const struct rf_failed *x, struct rf_err *err)
{
	char file[PATH_MAX];
	uint32_t policy = x->op->u.sched.policy;

	snprintf(file, sizeof(file), "%s/sys/fs/cgroup/cpu/cpu.rt_runtime_us", x->host);
	if ((policy != SCHED_FIFO && policy != SCHED_RR) || access(file, F_OK) < 0)
		return false;
	rf_err_hint(err, "a control group has no time for realtime processes unless "
		    "linux.resources.cpu.realtimeRuntime gives it some");
	return true;
}

static bool no_such_node(const struct rf_failed *x, struct rf_err *err)
{
	(void)x;
	rf_err_hint(err, "/sys/devices/system/node/has_memory lists the nodes that have memory; "
		    "weighted-interleave needs Linux 6.9, preferred-many 5.15");
	return true;
}

static bool is_apparmor(const struct rf_failed *x)
{
	return !strncmp(str(x, x->op->u.label.attr), "apparmor/", 9);
}

static bool no_such_label(const struct rf_failed *x, struct rf_err *err)
{
	if (x->op->u.label.slot < 0)
		return false;
	if (is_apparmor(x))
		rf_err_hint(err, "no profile of that name is loaded: apparmor_parser -r loads one, "
			    "aa-status lists them");
	else
		rf_err_hint(err, "the policy of SELinux that is loaded knows no such label");
	return true;
}

static bool label_refused(const struct rf_failed *x, struct rf_err *err)
{
	rf_err_hint(err, "%s does not let this program, confined as it is, give its command that label",
		    is_apparmor(x) ? "AppArmor" : "SELinux");
	return true;
}

/* ------------------------------------------------------------------- network */

static bool link_words(const struct rf_failed *x, struct rf_err *err)
{
	if (!x->words || !*x->words)
		return false;
	rf_err_hint(err, "%s", x->words);
	return true;
}

/* ----------------------------------------------------------------- the table */

#define ANY_OP	RF_OP_NR

static const struct row {
	enum rf_op_kind	 op;
	int		 error;		/* 0: any */
	hint_fn		 look;
} rows[] = {
	{ RF_OP_CLONE,		ENOSPC,	used_up },
	{ RF_OP_UNSHARE,	ENOSPC,	used_up },
	{ RF_OP_SETNS,		ENOSPC,	used_up },
	{ RF_OP_CLONE,		EUSERS,	used_up },
	{ RF_OP_UNSHARE,	EUSERS,	used_up },
	{ RF_OP_CLONE,		EPERM,	userns_by_sysctl },
	{ RF_OP_UNSHARE,	EPERM,	userns_by_sysctl },
	{ RF_OP_IDMAP,		ENOENT,	helper_missing },
	{ RF_OP_IDMAP,		ENOENT,	proc_missing },
	{ RF_OP_IDMAP,		EXDEV,	proc_missing },
	{ RF_OP_IDMAP,		EROFS,	proc_missing },
	{ RF_OP_MKFS,		EPERM,	proc_overmounted },
	{ RF_OP_MKFS,		EPERM,	fs_needs_root },
	{ RF_OP_MKFS,		ENODEV,	fs_unknown },
	{ RF_OP_OPEN_TREE,	ENOENT,	source_missing },
	{ RF_OP_OPEN_TREE,	EACCES,	source_closed },
	{ RF_OP_OPEN_TREE,	ESTALE,	source_changed },
	{ RF_OP_OPEN_TREE,	EINVAL,	source_not_recursive },
	{ RF_OP_OPEN,		ENOENT,	opened_missing },
	{ RF_OP_MKDIR,		EROFS,	destination_missing },
	{ RF_OP_MKFILE,		EROFS,	destination_missing },
	{ RF_OP_SYMLINK,	EROFS,	destination_missing },
	{ RF_OP_VERIFY,		EBUSY,	covered },
	{ RF_OP_PIVOT_ROOT,	EINVAL,	root_on_initramfs },
	{ RF_OP_CHDIR,		ENOENT,	cwd_missing },
	{ RF_OP_RLIMIT,		EPERM,	limit_above_hard },
	{ RF_OP_OOM_SCORE,	EACCES,	score_lowered },
	{ RF_OP_NICE,		EACCES,	score_lowered },
	{ RF_OP_SETGROUPS,	EPERM,	groups_refused },
	{ RF_OP_SCHED,		EPERM,	no_realtime },
	{ RF_OP_MEMPOLICY,	EINVAL,	no_such_node },
	{ RF_OP_LABEL,		ENOENT,	no_such_label },
	{ RF_OP_LABEL,		EINVAL,	no_such_label },
	{ RF_OP_LABEL,		EPERM,	label_refused },
	{ RF_OP_LABEL,		EACCES,	label_refused },
	{ RF_OP_JOIN_CGROUP,	EACCES,	join_refused },
	{ RF_OP_JOIN_CGROUP,	ENOSPC,	join_refused },
	{ RF_OP_MOVE_LINK,	0,	link_words },
	{ RF_OP_EXEC,		0,	rf_hint_exec },
	{ RF_OP_CLONE,		EAGAIN,	used_up },
	{ ANY_OP,		EMFILE,	used_up },
	{ RF_OP_DUP,		EBADF,	number_too_high },
	/* what may be behind a refusal of anything, the likelier first */
	{ ANY_OP,		EPERM,	by_apparmor },
	{ ANY_OP,		EACCES,	by_apparmor },
	{ RF_OP_IDMAP,		EPERM,	map_refused },
	{ RF_OP_MOUNT_SETATTR,	EPERM,	atime_locked },
	{ ANY_OP,		EPERM,	under_a_filter },
	{ ANY_OP,		ENOSYS,	under_a_filter },
	{ RF_OP_CLONE,		EPERM,	userns_of_the_caller },
	{ RF_OP_UNSHARE,	EPERM,	userns_of_the_caller },
	{ ANY_OP,		EPERM,	by_selinux },
	{ ANY_OP,		EACCES,	by_selinux },
};

bool rf_hint(const struct rf_failed *x, struct rf_err *err)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].op != ANY_OP && rows[i].op != x->op->kind)
			continue;
		if (rows[i].error && rows[i].error != x->error)
			continue;
		if (rows[i].look(x, err))
			return true;
	}
	return false;
}

bool rf_hint_ring(int error, const char *host, struct rf_err *err)
{
	const struct rf_host h = { .root = host };
	struct rf_cause c;

	if (!rf_cause_uring(&h, error, &c))
		return false;
	if (rf_causes[c.kind].hint && strstr(rf_causes[c.kind].hint, "--engine plain"))
		return say(&c, err);
	rf_err_hint(err, "%s; `--engine plain` does without", c.text);
	return true;
}
