/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The container of a state, by descriptors: numbers and paths are looked up once,
 * here, and what they led to is what everything else works on.
 */
#include "hook_run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "error.h"

#define PROC_ROOT_INO	1
#define OPEN_TRIES	1000

int hook_read_all(int fd, size_t max, char **ret_text, size_t *ret_len)
{
	size_t len = 0, size = 16384;
	char *text = malloc(size), *more;
	ssize_t n = 1;
	int r;

	while (text && n > 0 && len <= max) {
		n = read(fd, text + len, size - len);
		if (n < 0 && errno == EINTR) {
			n = 1;
			continue;
		}
		len += n > 0 ? (size_t)n : 0;
		if (len < size)
			continue;
		more = realloc(text, size *= 2);
		if (!more)
			free(text);
		text = more;
	}
	r = !text ? -ENOMEM : n < 0 ? -errno : len > max ? -EFBIG : 0;
	if (r < 0) {
		free(text);
		return r;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}

/* ------------------------------------------------------------------ process */

/* A procfs by its magic and its root; what is below it is opened from there. */
static int open_proc(struct hook *k, struct rf_err *err)
{
	struct statfs fs;
	struct stat st;

	k->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (k->proc < 0 || fstatfs(k->proc, &fs) < 0 || fstat(k->proc, &st) < 0)
		return hook_fail(k, NULL, errno, err, "/proc");
	if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != PROC_ROOT_INO)
		return hook_fail(k, NULL, EPERM, err, "/proc is no procfs");
	return 0;
}

/*
 * What /proc calls the process of @pidfd: it may be that of another pid namespace,
 * as where createContainer runs, and another process may have the number there.
 */
static int number_in_proc(const struct hook *k, int pidfd, int *ret)
{
	char path[64], text[1024], *at;
	ssize_t n;
	int fd, number;

	(void)snprintf(path, sizeof(path), "self/fdinfo/%d", pidfd);
	fd = openat(k->proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n < 0)
		return -EIO;
	text[n] = '\0';
	at = strstr(text, "\nPid:");
	if (!at || sscanf(at, "\nPid: %d", &number) != 1)
		return -EIO;
	/* -1: it is gone; 0: this /proc does not show it */
	if (number <= 0)
		return number < 0 ? -ESRCH : -ENOENT;
	*ret = number;
	return 0;
}

/* The pidfd first: it is that process's for good, and the folder then has to be. */
static int pin(struct hook *k, struct rf_err *err)
{
	struct process *p = &k->process;
	char path[16];
	int number, r;

	p->pid = k->state.pid;
	p->fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (p->fd < 0)
		return hook_fail(k, NULL, errno == EINVAL ? ESRCH : errno, err, "process %d of the state",
				 (int)p->pid);
	r = number_in_proc(k, p->fd, &number);
	if (r < 0)
		return hook_fail(k, NULL, -r, err, "process %d in /proc", (int)p->pid);
	(void)snprintf(path, sizeof(path), "%d", number);
	p->dir = openat(k->proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->dir < 0)
		return hook_fail(k, NULL, errno, err, "process %d in /proc", (int)p->pid);
	return process_is_alive(p) ? 0 :
	       hook_fail(k, NULL, ESRCH, err, "process %d of the state", (int)p->pid);
}

/* --------------------------------------------------------------- namespaces */

/*
 * Descriptors of those that are not ours.  Inside, the process may be one that the hook is
 * not let look at: it has not given up its capabilities yet, or was made by who is outside
 * the user namespace.  It is the hook's own namespaces that are worked in then, with the
 * hook's own power.
 */
static int open_namespaces(struct hook *k, struct rf_err *err)
{
	for (int i = 0; i < RF_NS_NR; i++) {
		struct stat theirs, ours;
		char path[32];
		int fd, r;

		(void)snprintf(path, sizeof(path), "self/ns/%s", rf_ns_defs[i].proc);
		if (fstatat(k->proc, path, &ours, 0) < 0) {
			if (errno == ENOENT)	/* a kernel without them */
				continue;
			return hook_fail(k, NULL, errno, err, "/proc/%s", path);
		}
		(void)snprintf(path, sizeof(path), "ns/%s", rf_ns_defs[i].proc);
		fd = openat(k->process.dir, path, O_RDONLY | O_CLOEXEC);
		r = fd < 0 || fstat(fd, &theirs) < 0 ? -errno : 0;
		if (r == 0 && (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino)) {
			k->ns[i] = fd;
			continue;
		}
		if (fd >= 0)
			(void)close(fd);
		if (r < 0 && !(r == -EACCES && k->def->inside))
			return hook_fail(k, NULL, -r, err, "the %s namespace of process %d",
					 rf_ns_defs[i].name, (int)k->process.pid);
	}
	return 0;
}

/*
 * A number that is another process's by now is in our namespaces, as a rule, and
 * a container's never: whatever was meant for the container would hit the host.
 */
static int check_namespaces(const struct hook *k, struct rf_err *err)
{
	bool apart = k->ns[RF_NS_MOUNT] >= 0;

	if (k->def->inside && apart)
		return hook_fail(k, NULL, EPERM, err, "process %d of the state is in another mount "
				 "namespace than this hook, which is not where the stage runs",
				 (int)k->process.pid);
	if (!k->def->inside && !apart)
		return hook_fail(k, NULL, EPERM, err, "process %d of the state is in the mount "
				 "namespace of this hook: that is no container", (int)k->process.pid);
	return 0;
}

/* --------------------------------------------------------------------- root */

static int config_root(struct hook *k, const char **ret, struct rf_err *err)
{
	struct rf_sandbox *sb = k->fragment->sb;
	char *path = rf_sandbox_printf(sb, "%s/config.json", k->state.bundle), *text = NULL;
	size_t len = 0;
	int fd, r;

	if (!path)
		return rf_err_set(err, ENOMEM, "config.json");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return hook_fail(k, NULL, errno, err, "%s", path);
	r = hook_read_all(fd, RF_HOOK_CONFIG_MAX, &text, &len);
	(void)close(fd);
	if (r < 0)
		return hook_fail(k, NULL, -r, err, "%s", path);
	r = rf_hook_config_root(text, len, &k->state, sb, ret, err);
	free(text);
	return r;
}

int hook_open_in(int dir, const char *path, uint64_t flags)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | flags,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd, tries = OPEN_TRIES;

	/* somebody renames, anywhere on the system: openat2(2) says to try again */
	do
		fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN && --tries);
	return fd < 0 ? -errno : fd;
}

/* Inside it is the hook's own as well, and that can always be opened. */
static int open_process_root(const struct hook *k)
{
	return k->def->inside ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) :
	       openat(k->process.dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The root of the bundle, as the process sees it: there the runtime has mounted on it. */
static int open_bundle_root(struct hook *k, struct rf_err *err)
{
	const char *path = NULL;
	int base = -1, r = config_root(k, &path, err);

	if (r < 0)
		return r;
	base = k->def->root == RF_HOOK_ROOT_HOST ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) :
	       open_process_root(k);
	if (base < 0)
		return hook_fail(k, NULL, errno, err, "the root of process %d", (int)k->process.pid);
	k->root = hook_open_in(base, path, O_DIRECTORY);
	r = k->root < 0 ? hook_fail(k, NULL, -k->root, err, "the container's root %s", path) : 0;
	(void)close(base);
	return r;
}

/* Not what the caller has as its root: a bundle could say that, and a file is soon written. */
static int check_root(struct hook *k, struct rf_err *err)
{
	struct stat theirs, ours;

	if (fstat(k->root, &theirs) < 0 || stat("/", &ours) < 0)
		return hook_fail(k, NULL, errno, err, "the container's root");
	if (k->def->root != RF_HOOK_ROOT_PROCESS && theirs.st_dev == ours.st_dev &&
	    theirs.st_ino == ours.st_ino)
		return hook_fail(k, NULL, EPERM, err, "the container's root is the host's");
	return 0;
}

/* The runtime has mounted it there: on any other directory mounts would go unseen. */
static int check_mounted(struct hook *k, struct rf_err *err)
{
	struct statx stx;

	if (statx(k->root, "", AT_EMPTY_PATH, 0, &stx) < 0)
		return hook_fail(k, NULL, errno, err, "the container's root");
	if (stx.stx_attributes_mask & ~stx.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return hook_fail(k, NULL, EPERM, err, "the container's root is not where the bundle has it");
	return 0;
}

static int open_root(struct hook *k, struct rf_err *err)
{
	int r;

	if (k->def->root != RF_HOOK_ROOT_PROCESS) {
		r = open_bundle_root(k, err);
		if (r == 0 && k->def->root == RF_HOOK_ROOT_BUNDLE && k->fragment->sb->nr_mounts)
			r = check_mounted(k, err);
	} else {
		k->root = open_process_root(k);
		r = k->root < 0 ? hook_fail(k, NULL, errno, err, "the root of process %d",
					    (int)k->process.pid) : 0;
	}
	return r < 0 ? r : check_root(k, err);
}

/* ---------------------------------------------------------------- all of it */

int hook_container_open(struct hook *k, struct rf_err *err)
{
	int r = open_proc(k, err);

	if (r == 0 && k->def->root != RF_HOOK_ROOT_HOST) {
		r = pin(k, err);
		if (r == 0)
			r = open_namespaces(k, err);
		if (r == 0)
			r = check_namespaces(k, err);
	}
	if (r == 0)
		r = open_root(k, err);
	/* what was opened by way of its folder was its own if it is still there */
	if (r == 0 && k->process.fd >= 0 && !process_is_alive(&k->process))
		r = hook_fail(k, NULL, ESRCH, err, "process %d of the state", (int)k->process.pid);
	return r;
}

void hook_container_close(struct hook *k)
{
	int *const fds[] = { &k->proc, &k->root, &k->own_net, &k->here.fd, &k->inside.fd };

	process_close(&k->process);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			(void)close(*fds[i]);
		*fds[i] = -1;
	}
	for (int i = 0; i < RF_NS_NR; i++) {
		if (k->ns[i] >= 0)
			(void)close(k->ns[i]);
		k->ns[i] = -1;
	}
}
