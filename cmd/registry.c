/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "error.h"
#include "report.h"

#define LOCK_TRIES	200	/* of 10 ms */

/* ----------------------------------------------------------------- the folder */

/* Ours, and closed to others?  @what is for the error. */
static int check_folder(int fd, const char *what, struct rf_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return rf_err_set(err, errno, "%s", what);
	if (!S_ISDIR(st.st_mode))
		return rf_err_set(err, ENOTDIR, "%s", what);
	if (st.st_uid != geteuid())
		return rf_err_set(err, EPERM, "%s belongs to another user, number %u", what,
				  st.st_uid);
	if (st.st_mode & 077) {
		rf_err_set(err, EPERM, "%s is open to others, its mode is %03o", what,
			   st.st_mode & 0777);
		rf_err_hint(err, "chmod 0700 %s, once it is sure what is in it", what);
		return -EPERM;
	}
	return 0;
}

/* Folder @name below @parent, which may not be a link; @path is for errors. */
static int open_below(int parent, const char *name, const char *path, bool make, int *ret,
		      struct rf_err *err)
{
	int fd, r;

	if (make && mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		if (errno == ENOENT)
			return -ENOENT;
		return rf_err_set(err, errno == ELOOP ? ENOTDIR : errno, "%s", path);
	}
	r = check_folder(fd, path, err);
	if (r < 0)
		(void)close(fd);
	else
		*ret = fd;
	return r;
}

static int open_in_runtime_dir(const char *dir, bool make, int *ret, struct rf_err *err)
{
	char path[256];
	int parent, r;

	(void)snprintf(path, sizeof(path), "%s/ringfence", dir);
	if (*dir != '/')
		return rf_err_set(err, EINVAL, "XDG_RUNTIME_DIR is no absolute path");
	parent = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (parent < 0)
		return rf_err_set(err, errno == ELOOP ? ENOTDIR : errno, "XDG_RUNTIME_DIR %s", dir);
	r = check_folder(parent, dir, err);
	if (r == 0)
		r = open_below(parent, "ringfence", path, make, ret, err);
	(void)close(parent);
	if (r < 0 && r != -ENOENT)
		(void)rf_err_set(err, -r, "%s", path);
	return r;
}

static int open_self(struct process *ret)
{
	*ret = (struct process){ .pid = getpid(), .fd = -1 };
	ret->dir = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return ret->dir < 0 ? -errno : 0;
}

/* As the parent of our user namespace has it: inside, everybody can be 0. */
static int64_t own_uid(void)
{
	int64_t uid = geteuid();
	struct process self;

	if (open_self(&self) == 0)
		(void)process_map_id(&self, "uid_map", geteuid(), false, &uid);
	process_close(&self);
	return uid;
}

int registry_open(bool make, struct registry *ret, struct rf_err *err)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	char path[48];
	int r;

	if (dir && *dir)
		return open_in_runtime_dir(dir, make, &ret->dir, err);
	if (geteuid() == 0) {
		struct rf_err why = RF_ERR_INIT;

		r = open_below(AT_FDCWD, "/run/ringfence", "/run/ringfence", make, &ret->dir, &why);
		/* root of a user namespace only: /run is that of another root */
		if (r == 0 || (r == -ENOENT && !make && access("/run", W_OK) == 0))
			return r;
		if (why.code && why.code != EPERM && why.code != EACCES)
			return rf_err_set(err, why.code, "%s", why.msg);
	}
	(void)snprintf(path, sizeof(path), "/tmp/ringfence-%lld", (long long)own_uid());
	r = open_below(AT_FDCWD, path, path, make, &ret->dir, err);
	if (r < 0 && r != -ENOENT)
		(void)rf_err_set(err, -r, "%s", path);
	return r;
}

void registry_close(struct registry *r)
{
	if (r->dir >= 0)
		(void)close(r->dir);
	r->dir = -1;
}

/* ------------------------------------------------------------------- identity */

static int whose_numbers(struct rf_entry *e)
{
	struct process self;
	struct stat st;
	ssize_t n;
	int r;

	r = open_self(&self);
	if (r < 0)
		return r;
	r = process_ns(&self, "pid", &st);
	e->pidns = st.st_ino;
	if (r == 0)
		r = process_ns(&self, "time", &st);
	e->timens = r == 0 ? st.st_ino : 0;	/* no time namespaces: all have one time */
	process_close(&self);
	self.dir = open("/proc/sys/kernel/random", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (self.dir < 0)
		return -errno;
	n = process_read(&self, "boot_id", e->boot, sizeof(e->boot));
	process_close(&self);
	if (n < 0)
		return (int)n;
	e->boot[strcspn(e->boot, "\n")] = '\0';
	return 0;
}

static int own_entry(struct rf_entry *e)
{
	struct process self;
	struct process_stat st;
	int r = process_open(getpid(), &self);

	if (r < 0)
		return r;
	r = process_stat(&self, &st);
	process_close(&self);
	if (r < 0)
		return r;
	e->pid = getpid();
	e->start = st.start;
	return whose_numbers(e);
}

/* -------------------------------------------------------------------- entries */

static int read_entry(int dir, const char *name, struct rf_entry *ret, struct rf_err *err)
{
	char text[RF_ENTRY_MAX + 1];
	struct stat st;
	ssize_t n;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : rf_err_set(err, errno, "the entry of '%s'", name);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_mode & 077 || st.st_size > RF_ENTRY_MAX) {
		(void)close(fd);
		return rf_err_set(err, EPERM, "the entry of '%s' is no file that ringfence made",
				  name);
	}
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	if (n < 0)
		return rf_err_set(err, errno, "the entry of '%s'", name);
	return rf_entry_parse(text, (size_t)n, ret, err);
}

/* 1: @e is alive and open in *ret; 0: it is dead; or a negative errno with @err. */
static int resolve_entry(const struct rf_entry *e, const char *name, struct process *ret,
			 struct rf_err *err)
{
	struct rf_entry here = { .pid = 0 };
	struct process_stat st;
	int r = whose_numbers(&here);

	if (r < 0)
		return rf_err_set(err, -r, "/proc");
	if (strcmp(e->boot, here.boot) != 0)
		return 0;
	if (e->pidns != here.pidns || e->timens != here.timens)
		return rf_err_set(err, EXDEV, "'%s' was started in another pid namespace", name);
	r = process_open((pid_t)e->pid, ret);
	if (r == -ESRCH)
		return 0;
	if (r < 0)
		return rf_err_set(err, -r, "process %d of '%s'", (int)e->pid, name);
	r = process_stat(ret, &st);
	if (r == 0 && st.start == e->start && process_is_alive(ret))
		return 1;
	process_close(ret);
	return r < 0 && r != -ESRCH ? rf_err_set(err, -r, "process %d of '%s'", (int)e->pid, name) :
	       0;
}

/* Changes are made one at a time: two cleaners must not remove a newer entry. */
int registry_lock(const struct registry *r, struct rf_err *err)
{
	for (int i = 0; flock(r->dir, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return rf_err_set(err, errno, "the folder of names");
		if (i == LOCK_TRIES)
			return rf_err_set(err, EBUSY, "the folder of names is locked");
		(void)poll(NULL, 0, 10);
	}
	return 0;
}

void registry_unlock(const struct registry *r)
{
	(void)flock(r->dir, LOCK_UN);
}

/* The entry of @name, if it is that of a dead process; locked. */
static int clean(const struct registry *r, const char *name, struct rf_err *err)
{
	struct process p;
	struct rf_entry e;
	int ret = read_entry(r->dir, name, &e, err);

	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return ret;
	ret = resolve_entry(&e, name, &p, err);
	if (ret < 0)
		return ret;
	if (ret > 0) {
		process_close(&p);
		return -EEXIST;
	}
	return unlinkat(r->dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* Make it whole, then give it its name; locked, so nobody else is at it. */
static int write_entry(const struct registry *r, const char *name, const struct rf_entry *e)
{
	static const char temporary[] = ".entry";
	char *text = rf_entry_print(e);
	int fd, ret = text ? 0 : -ENOMEM;

	if (ret < 0)
		return ret;
	/* left by one that was killed here */
	(void)unlinkat(r->dir, temporary, 0);
	fd = openat(r->dir, temporary, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
	ret = fd < 0 ? -errno : write_all(fd, text, strlen(text));
	free(text);
	if (fd < 0)
		return ret;
	if (fchmod(fd, 0600) < 0 && ret == 0)
		ret = -errno;
	if (close(fd) < 0 && ret == 0)
		ret = -errno;
	if (ret == 0 && linkat(r->dir, temporary, r->dir, name, 0) < 0)
		ret = -errno;
	(void)unlinkat(r->dir, temporary, 0);
	return ret;
}

int registry_claim(struct registry *r, const char *name, const struct rf_place *place,
		   struct rf_err *err)
{
	struct rf_entry e = { .pid = 0 };
	int ret = own_entry(&e);

	if (ret < 0)
		return rf_err_set(err, -ret, "/proc");
	ret = registry_lock(r, err);
	if (ret < 0)
		return ret;
	ret = clean(r, name, err);
	if (ret == -EEXIST) {
		registry_unlock(r);
		return rf_err_at(err, place, EEXIST, "a sandbox named '%s' is running", name);
	}
	if (ret == 0)
		ret = write_entry(r, name, &e);
	registry_unlock(r);
	return ret < 0 ? rf_err_set(err, -ret, "the entry of '%s'", name) : 0;
}

void registry_release(struct registry *r, const char *name)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_entry e;

	/* what is not ours any more somebody has cleaned: leave the next one alone */
	if (r->dir < 0 || registry_lock(r, &err) < 0)
		return;
	if (read_entry(r->dir, name, &e, &err) == 0 && e.pid == getpid())
		(void)unlinkat(r->dir, name, 0);
	registry_unlock(r);
}

int registry_find(struct registry *r, const char *name, struct process *ret, struct rf_err *err)
{
	struct rf_entry e;
	int n = read_entry(r->dir, name, &e, err);

	if (n < 0)
		return n;
	n = resolve_entry(&e, name, ret, err);
	if (n < 0)
		return n;
	if (n > 0)
		return 0;
	n = registry_lock(r, err);
	if (n < 0)
		return n;
	n = clean(r, name, err);
	registry_unlock(r);
	/* taken by another just now: look again */
	return n == -EEXIST ? registry_find(r, name, ret, err) : n < 0 ? n : -ENOENT;
}

int registry_each(struct registry *r, int (*fn)(const char *name, struct process *p, void *arg),
		  void *arg)
{
	int fd = openat(r->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		ret = -errno;
		if (fd >= 0)
			(void)close(fd);
		return ret;
	}
	while (ret == 0 && (entry = readdir(dir))) {
		struct rf_err err = RF_ERR_INIT;
		struct process p;

		if (!rf_name_is_good(entry->d_name) ||
		    registry_find(r, entry->d_name, &p, &err) < 0)
			continue;
		ret = fn(entry->d_name, &p, arg);
		process_close(&p);
	}
	(void)closedir(dir);
	return ret;
}
