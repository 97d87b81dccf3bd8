/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a config.json leaves to the host: where paths begin, what a source is, and which
 * kernel parameters belong to the container.
 */
#include "oci_config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chain.h"
#include "error.h"
#include "probe.h"
#include "spec.h"

static int no_memory(struct rf_err *err)
{
	return rf_err_set(err, ENOMEM, "resolving a config.json");
}

static const char *below(struct rf_sandbox *sb, const char *bundle, const char *path)
{
	return *path == '/' ? path : rf_sandbox_printf(sb, "%s/%s", bundle, path);
}

/*
 * The new root is attached on its own directory: there a hook in the container's mount
 * namespace expects it, and nothing else of the host is covered.
 */
static int resolve_root(struct rf_sandbox *sb, const struct rf_oci_config *c, const char *bundle,
			bool pure, struct rf_err *err)
{
	const char *path = below(sb, bundle, c->root);
	struct stat st;
	char *real;

	if (!path)
		return no_memory(err);
	if (pure) {
		sb->root.path = sb->scratch = path;
		return 0;
	}
	real = realpath(path, NULL);
	if (!real || stat(real, &st) < 0) {
		free(real);
		return rf_err_at(err, &sb->root.place, errno, "root.path: %s", path);
	}
	sb->root.path = sb->scratch = rf_sandbox_strdup(sb, real);
	free(real);
	if (!sb->root.path)
		return no_memory(err);
	return S_ISDIR(st.st_mode) ? 0 : rf_err_at(err, &sb->root.place, ENOTDIR, "root.path: %s", path);
}

int rf_oci_take_tree(const char *path, unsigned int flags)
{
	long fd = syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			  (flags & RF_MF_NONREC ? 0 : AT_RECURSIVE) |
			  (flags & RF_MF_SOURCE_LINK ? AT_SYMLINK_NOFOLLOW : 0));

	return fd < 0 ? -errno : (int)fd;
}

/* What the host calls root of the container; UINT32_MAX: it has none. */
static uint32_t host_id(const struct rf_idrange *map, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (map[i].inside == 0)
			return map[i].outside;
	return UINT32_MAX;
}

/* May root of the container's user namespace go through each directory above @path? */
static bool can_walk_to(const struct rf_sandbox *sb, const char *path)
{
	const struct rf_user *u = &sb->user;
	const uint32_t uid = host_id(u->uid_map, u->nr_uid_map), gid = host_id(u->gid_map, u->nr_gid_map);

	for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
		char dir[PATH_MAX];
		struct stat st;
		mode_t may;

		(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path) + 1, path);
		if (stat(dir, &st) < 0)
			return false;
		may = st.st_uid == uid ? S_IXUSR : st.st_gid == gid ? S_IXGRP : S_IXOTH;
		if (!(st.st_mode & may))
			return false;
	}
	return true;
}

/*
 * Who is root in a user namespace is nobody in the directories of the engine: what it
 * cannot walk to is taken hold of here, by root of the host.
 */
static int take_sources(struct rf_sandbox *sb, bool print, struct rf_err *err)
{
	sb->root.fd = print ? RF_NO_DESCRIPTOR : rf_oci_take_tree(sb->root.path, 0);
	/* in a user namespace already: who has no power over these mounts walks to them */
	if (sb->root.fd == -EPERM)
		return 0;
	if (sb->root.fd < 0)
		return rf_err_at(err, &sb->root.place, -sb->root.fd, "root.path: %s", sb->root.path);
	sb->root.has_fd = true;
	/* hooks look for it where it is */
	if (!sb->oci.hooked || !can_walk_to(sb, sb->root.path))
		sb->scratch = "/tmp";
	for (size_t i = 0; i < sb->nr_mounts; i++) {
		struct rf_mount *m = &sb->mounts[i];
		int fd;

		if (m->kind != RF_MOUNT_BIND || m->flags & RF_MF_MOUNT_FD)
			continue;
		fd = print ? RF_NO_DESCRIPTOR :
			     rf_oci_take_tree(m->source, m->flags);
		if (fd < 0)
			return rf_err_at(err, &m->place, -fd, "mounts: source %s", m->source);
		m->source_fd = fd;
		m->flags |= RF_MF_MOUNT_FD;
	}
	return 0;
}

/* Instead of what it leads to, the link itself: which leads where it does inside. */
static int copy_link(struct rf_sandbox *sb, struct rf_mount *m, struct rf_err *err)
{
	char text[PATH_MAX];
	ssize_t len = readlink(m->source, text, sizeof(text));

	if (len < 0 || len == sizeof(text))
		return rf_err_at(err, &m->place, len < 0 ? errno : ENAMETOOLONG,
				 "mounts: source %s", m->source);
	m->kind = RF_MOUNT_SYMLINK;
	m->flags = (m->flags & ~(RF_MF_IDMAP | RF_MF_IDMAP_DEEP)) | RF_MF_REPLACE;
	m->source = rf_sandbox_printf(sb, "%.*s", (int)len, text);
	return m->source ? 0 : no_memory(err);
}

/* A file is bound on a file, anything else on a directory. */
static int resolve_bind(struct rf_sandbox *sb, struct rf_mount *m, const char *bundle,
			bool pure, struct rf_err *err)
{
	struct stat st = { .st_mode = S_IFDIR };

	m->source = below(sb, bundle, m->source);
	if (!m->source)
		return no_memory(err);
	if (!pure && m->flags & RF_MF_COPY_LINK && lstat(m->source, &st) == 0 && S_ISLNK(st.st_mode))
		return copy_link(sb, m, err);
	if (!pure && (m->flags & RF_MF_SOURCE_LINK ? lstat : stat)(m->source, &st) < 0)
		return rf_err_at(err, &m->place, errno, "mounts: source %s", m->source);
	if (!pure && !S_ISLNK(st.st_mode))
		m->flags &= ~RF_MF_SOURCE_LINK;
	m->flags |= S_ISDIR(st.st_mode) ? RF_MF_IS_DIR : RF_MF_IS_FILE;
	return 0;
}

/* ----------------------------------------------------------- kernel parameters */

static bool is_ipc(const char *path)
{
	static const char *const names[] = {
		"kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall",
		"kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(path, names[i]))
			return true;
	return !strncmp(path, "fs/mqueue/", 10);
}

/* One that is not of a namespace of the container's own is the host's. */
static int check_sysctl(const struct rf_sandbox *sb, const struct rf_sysctl *s, struct rf_err *err)
{
	enum rf_ns ns = RF_NS_NR;

	if (is_ipc(s->path))
		ns = RF_NS_IPC;
	else if (!strncmp(s->path, "net/", 4))
		ns = RF_NS_NET;
	else if (!strcmp(s->path, "kernel/domainname"))
		ns = RF_NS_UTS;
	if (ns == RF_NS_NR)
		return rf_err_at(err, &s->place, EINVAL, "linux.sysctl: %s belongs to no namespace, "
				 "so it is the host's", s->path);
	if (sb->ns[ns].mode == RF_NS_HOST)
		return rf_err_at(err, &s->place, EINVAL, "linux.sysctl: %s is the host's without a "
				 "%s namespace", s->path, rf_ns_defs[ns].name);
	return 0;
}

static int resolve_sysctls(const struct rf_sandbox *sb, struct rf_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sb->oci.nr_sysctls; i++)
		r = check_sysctl(sb, &sb->oci.sysctls[i], err);
	return r;
}

/* ------------------------------------------------------------------ the whole */

/* As runc has it: a working directory that is missing is made. */
static int add_cwd(struct rf_sandbox *sb, struct rf_oci_config *c, struct rf_err *err)
{
	struct rf_mount *m;

	if (!strcmp(sb->cwd, "/") || strstr(sb->cwd, "/.."))
		return 0;
	for (size_t i = 0; i < sb->nr_mounts; i++)
		if (!strcmp(sb->mounts[i].at, sb->cwd))
			return 0;
	m = rf_oci_mount_add(sb, c);
	if (!m)
		return no_memory(err);
	m->kind = RF_MOUNT_DIR;
	m->at = sb->cwd;
	m->place = m->at_place = sb->cwd_place;
	return 0;
}

void rf_oci_resolve_terminal(struct rf_sandbox *sb, const struct rf_oci_config *c)
{
	if (!c->terminal)
		return;
	sb->terminal = RF_TERM_PRIVATE;
	sb->tty.fds = 7;
	if (!sb->tty.rows || !sb->tty.cols) {
		sb->tty.rows = c->rows;
		sb->tty.cols = c->cols;
	}
}

static int resolve_mounts(struct rf_sandbox *sb, struct rf_oci_config *c, const char *bundle,
			  const struct rf_oci_groups *g, bool pure, struct rf_err *err)
{
	size_t nr = sb->nr_mounts;
	int r = 0;

	for (size_t i = 0; r == 0 && i < nr; i++) {
		if (sb->mounts[i].kind == RF_MOUNT_BIND)
			r = resolve_bind(sb, &sb->mounts[i], bundle, pure, err);
		else if (sb->mounts[i].kind == RF_MOUNT_CGROUP)
			r = rf_oci_resolve_view(sb, c, i, g, err);
	}
	return r;
}

int rf_oci_resolve(struct rf_sandbox *sb, struct rf_oci_config *c, const struct rf_features *f,
		   const char *bundle, const struct rf_oci_groups *groups, unsigned int flags,
		   struct rf_err *err)
{
	const bool pure = flags & RF_OCI_PURE;
	int r = resolve_root(sb, c, bundle, pure, err);

	if (sb->ns[RF_NS_NET].mode == RF_NS_NEW)
		sb->network = RF_NET_LOOPBACK;
	else if (sb->ns[RF_NS_NET].mode == RF_NS_JOIN_PATH)
		sb->network = RF_NET_NONE;
	rf_oci_resolve_terminal(sb, c);
	sb->oci.console = c->terminal;
	for (size_t i = 0; i < c->nr_hooks; i++)
		sb->oci.hooked |= c->hooks[i].stage <= RF_OCI_CREATE_CONTAINER;
	if (r == 0)
		r = rf_oci_groups_tell(groups, c, sb) < 0 ? no_memory(err) : 0;
	if (r == 0)
		r = resolve_mounts(sb, c, bundle, groups, pure, err);
	if (r == 0)
		r = rf_oci_resolve_idmaps(sb, f, flags & RF_OCI_PRINT, err);
	if (r == 0)
		r = rf_oci_label_mounts(sb, err);
	if (r == 0)
		r = rf_oci_default_devices(sb, c, f) < 0 ? no_memory(err) : 0;
	if (r == 0)
		r = add_cwd(sb, c, err);
	if (r == 0)
		r = resolve_sysctls(sb, err);
	if (r == 0)
		r = rf_oci_resolve_seccomp(sb, c, err);
	if (r == 0 && f->host_root && sb->ns[RF_NS_USER].mode == RF_NS_NEW)
		r = take_sources(sb, flags & RF_OCI_PRINT, err);
	return r;
}
