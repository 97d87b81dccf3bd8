/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Before the chain: images and id-mapped binds (prepare.h).
 *
 * The kernel id-maps a mount for whoever has power over its file system, which
 * for the host's are not the tasks of a new user namespace.  So a user namespace
 * with the sandbox's maps is made here, and the mounts with it.
 */
#include "prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "probe.h"
#include "sandbox.h"

static int prepare_root(struct rf_sandbox *sb, struct rf_err *err)
{
	struct rf_root *root = &sb->root;
	int fd = rf_image_mount(root->path, root->fstype);

	if (fd < 0) {
		rf_err_at(err, &root->place, -fd, "mount the %s image %s", root->fstype, root->path);
		if (fd == -EPERM || fd == -EACCES)
			rf_err_hint(err, "only root of the host may mount an image; unpacked, "
				    "anybody can use it as `root`");
		return fd;
	}
	root->fd = fd;
	root->has_fd = true;
	return 0;
}

/* ------------------------------------------------------------- the namespace */

static int write_map(pid_t pid, const char *name, const char *text)
{
	char path[64];
	int fd, r = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		r = errno ? -errno : -EIO;
	(void)close(fd);
	return r;
}

static int namespace_of(pid_t pid, const char *uids, const char *gids)
{
	char path[64];
	int fd, r = write_map(pid, "uid_map", uids);

	if (r == 0)
		r = write_map(pid, "gid_map", gids);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int rf_userns_new(const char *uids, const char *gids)
{
	pid_t pid;
	int fd;

	/* no exit signal: whoever waits for children does not see this one */
	pid = (pid_t)syscall(SYS_clone, (unsigned long)CLONE_NEWUSER, 0UL, NULL, NULL, 0UL);
	if (pid < 0)
		return -errno;
	if (pid == 0)
		for (;;)
			(void)syscall(SYS_ppoll, NULL, 0UL, NULL, NULL, 0UL);
	fd = namespace_of(pid, uids, gids);
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return fd;
}

/* ------------------------------------------------------------------ the binds */

int rf_tree_idmap(int tree, int userns, bool recursive)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned int)userns,
	};

	return mount_setattr(tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U), &attr,
			     sizeof(attr)) < 0 ? -errno : 0;
}

static int idmapped_bind(const struct rf_mount *m, int userns)
{
	bool recursive = !(m->flags & RF_MF_NONREC);
	int fd, r;

	fd = open_tree(AT_FDCWD, m->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
		       (recursive ? AT_RECURSIVE : 0U));
	if (fd < 0)
		return -errno;
	r = rf_tree_idmap(fd, userns, recursive);
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

int rf_refuse_idmap(const struct rf_mount *m, int error, struct rf_err *err)
{
	rf_err_at(err, &m->place, error, "id-mapped mount of %s", m->source);
	if (error == EPERM)
		rf_err_hint(err, "only root of the host may id-map a mount");
	else if (error == EINVAL)
		rf_err_hint(err, "its file system, or one mounted below it, cannot be id-mapped");
	return -error;
}

static int prepare_bind(struct rf_mount *m, int userns, struct rf_err *err)
{
	int fd = idmapped_bind(m, userns);

	if ((fd == -ENOENT || fd == -ENOTDIR) && m->flags & RF_MF_OPTIONAL) {
		m->flags |= RF_MF_ABSENT;
		return 0;
	}
	if (fd < 0)
		return rf_refuse_idmap(m, -fd, err);
	m->source_fd = fd;
	m->flags |= RF_MF_MOUNT_FD;
	return 0;
}

static bool is_idmapped(const struct rf_mount *m)
{
	return m->flags & RF_MF_IDMAP && (m->kind == RF_MOUNT_RO || m->kind == RF_MOUNT_RW);
}

static int prepare_binds(struct rf_sandbox *sb, const struct rf_features *f,
			 const struct rf_mount *first, struct rf_err *err)
{
	const char *uids, *gids;
	int userns, r;

	if (!(f->caps & 1ULL << CAP_SYS_ADMIN))
		return rf_refuse_idmap(first, EPERM, err);
	r = rf_user_maps(sb, f, &uids, &gids, err);
	if (r < 0)
		return r;
	userns = rf_userns_new(uids, gids);
	if (userns < 0)
		return rf_err_at(err, &sb->user.map_place, -userns,
				 "a user namespace for id-mapped mounts");
	for (size_t i = 0; r == 0 && i < sb->nr_mounts; i++)
		if (is_idmapped(&sb->mounts[i]))
			r = prepare_bind(&sb->mounts[i], userns, err);
	(void)close(userns);
	return r;
}

int rf_sandbox_prepare(struct rf_sandbox *sb, const struct rf_features *f, struct rf_err *err)
{
	const struct rf_mount *first = NULL;
	int r = 0;

	for (size_t i = sb->nr_mounts; i-- > 0;)
		if (is_idmapped(&sb->mounts[i]))
			first = &sb->mounts[i];
	if (sb->ns[RF_NS_MOUNT].mode != RF_NS_NEW)
		return 0;	/* the compiler says why there can be neither */
	if (sb->root.kind == RF_ROOT_IMAGE)
		r = prepare_root(sb, err);
	if (r == 0 && first && sb->ns[RF_NS_USER].mode == RF_NS_NEW)
		r = prepare_binds(sb, f, first, err);
	return r;
}

static int stand_in(struct rf_err *err)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? rf_err_set(err, errno, "open /dev/null") : fd;
}

int rf_sandbox_stand_in(struct rf_sandbox *sb, struct rf_err *err)
{
	if (sb->root.kind == RF_ROOT_IMAGE) {
		sb->root.fd = stand_in(err);
		if (sb->root.fd < 0)
			return sb->root.fd;
		sb->root.has_fd = true;
	}
	for (size_t i = 0; i < sb->nr_mounts; i++) {
		struct rf_mount *m = &sb->mounts[i];

		if (!is_idmapped(m))
			continue;
		m->source_fd = stand_in(err);
		if (m->source_fd < 0)
			return m->source_fd;
		m->flags |= RF_MF_MOUNT_FD;
	}
	return 0;
}

void rf_sandbox_unprepare(struct rf_sandbox *sb)
{
	if (sb->root.has_fd)
		(void)close(sb->root.fd);
	sb->root.has_fd = false;
	for (size_t i = 0; i < sb->nr_mounts; i++) {
		struct rf_mount *m = &sb->mounts[i];

		if (!(m->flags & RF_MF_MOUNT_FD))
			continue;
		(void)close(m->source_fd);
		m->source_fd = -1;
		m->flags &= ~RF_MF_MOUNT_FD;
	}
}
