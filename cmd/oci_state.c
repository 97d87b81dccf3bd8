/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is on disk of a container: ROOT/ID, a directory that only its owner can look
 * into, with state.json and the socket of its gate.
 *
 * Who works with a container holds a lock on its directory.  state.json is written
 * beside and renamed, so it is whole or not there; and it names a control group before
 * the group is made and a process before that outlives its creator, so whenever the
 * creator is killed, `delete --force` finds all that there is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "error.h"
#include "oci_runtime.h"
#include "report.h"

#define STATE_MAX	(4U << 20)
#define PATIENCE_MS	10000	/* for another who has the lock */

bool oci_id_is_good(const char *id)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
	size_t len = strspn(id, letters);

	return len && len <= 1024 && !id[len] && strcmp(id, ".") != 0 && strcmp(id, "..") != 0;
}

/* ------------------------------------------------------------------- processes */

/* Field @nr of /proc/PID/stat, from 3 on: behind the name, which may hold anything. */
static uint64_t stat_field(pid_t pid, int nr, char *ret_state)
{
	char path[64], buf[1024], *p;
	ssize_t n;
	int fd;

	*ret_state = 'X';
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, buf, sizeof(buf) - 1);
	(void)close(fd);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	p = strrchr(buf, ')');
	if (!p || !p[1])
		return 0;
	*ret_state = p[2];
	for (p += 2; nr > 3 && *p; nr--) {
		p += strcspn(p, " ");
		p += *p == ' ';
	}
	return strtoull(p, NULL, 10);
}

uint64_t oci_start_time(pid_t pid)
{
	char state;
	uint64_t start = stat_field(pid, 22, &state);

	return state == 'Z' || state == 'X' ? 0 : start;
}

/* What has been made by a clone and has not exec'd: PF_FORKNOEXEC. */
static bool is_waiting(pid_t pid)
{
	char state;

	return stat_field(pid, 9, &state) & 0x40;
}

static bool is_alive(const struct oci_container *k)
{
	return k->pid > 0 && oci_start_time(k->pid) == k->start;
}

const char *oci_state_tracker(const struct oci_container *k)
{
	const char *pids = NULL;

	for (size_t i = 0; i < k->nr_groups; i++) {
		/* version 2, or what of version 1 can be stopped */
		if (!*k->groups[i].name || !strcmp(k->groups[i].name, "freezer"))
			return k->groups[i].dir;
		if (!strcmp(k->groups[i].name, "pids"))
			pids = k->groups[i].dir;
	}
	return pids;
}

static bool is_frozen(const struct oci_container *k)
{
	const char *dir = oci_state_tracker(k);
	char text[64];

	if (!dir)
		return false;
	if (rf_cgroup_read(dir, "cgroup.freeze", text, sizeof(text)) > 0)
		return text[0] == '1';
	return rf_cgroup_read(dir, "freezer.state", text, sizeof(text)) > 0 &&
	       strcmp(text, "THAWED") != 0;
}

/* Who has the lock is about to say which process it is. */
static bool is_being_made(const struct oci_container *k)
{
	if (k->pid || k->dir < 0)
		return false;
	if (flock(k->dir, LOCK_SH | LOCK_NB) < 0)
		return true;
	(void)flock(k->dir, LOCK_UN);
	return false;
}

enum oci_status oci_state_status(const struct oci_container *k)
{
	if (!k->locked && is_being_made(k))
		return OCI_CREATING;
	if (!is_alive(k))
		return OCI_STOPPED;
	if (is_frozen(k))
		return OCI_PAUSED;
	return is_waiting(k->pid) ? OCI_CREATED : OCI_RUNNING;
}

int oci_state_pidfd(const struct oci_container *k)
{
	int fd;

	if (k->pid <= 0)
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, k->pid, 0);
	if (fd < 0)
		return -errno;
	/* held by the descriptor, the number is nobody else's from here on */
	if (is_alive(k))
		return fd;
	(void)close(fd);
	return -ESRCH;
}

/* The last of a pidfd's `NSpid`, which has one for each namespace from that of /proc down. */
pid_t oci_state_pid_inside(const struct oci_container *k)
{
	char path[48], buf[1024];
	const char *p, *more = NULL;
	ssize_t n = -1;
	int pidfd = oci_state_pidfd(k), fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	fd = pidfd < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, sizeof(buf) - 1);
		(void)close(fd);
	}
	if (pidfd >= 0)
		(void)close(pidfd);
	buf[n > 0 ? n : 0] = '\0';
	p = strstr(buf, "\nNSpid:");
	for (p = p ? p + 1 : ""; *p && *p != '\n'; p++)
		if (*p == '\t')
			more = p;
	return more ? (pid_t)strtol(more, NULL, 10) : 0;
}

/* -------------------------------------------------------------- the directory */

/* Each missing part of the way to the root of all containers. */
static int make_root(struct rf_err *err)
{
	char *path = strdup(oci.root);

	if (!path)
		return rf_err_set(err, ENOMEM, "the root directory");
	for (char *p = path + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST) {
			int error = errno;

			rf_err_set(err, error, "mkdir %s", path);
			free(path);
			return -error;
		}
		*p = c;
		if (!c)
			break;
	}
	free(path);
	return 0;
}

/*
 * What a user has written down is not root's to believe: so root, who comes to clean up
 * as Slurm's daemon does, becomes that user for good, and can do what the user could.
 */
static bool become(const struct stat *st)
{
	return geteuid() == 0 && setgroups(0, NULL) == 0 &&
	       setresgid(st->st_gid, st->st_gid, st->st_gid) == 0 &&
	       setresuid(st->st_uid, st->st_uid, st->st_uid) == 0;
}

/* @mine: it has to be the caller's own. */
static int open_root(bool mine, struct rf_err *err)
{
	int fd = open(oci.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		rf_err_set(err, errno, "open %s", oci.root);
	} else if (st.st_mode & 022 || (st.st_uid != geteuid() && (mine || !become(&st)))) {
		/* what it says is believed: the caller's processes are killed by it */
		rf_err_set(err, EPERM, "%s is not the caller's alone", oci.root);
	} else {
		return fd;
	}
	if (fd >= 0)
		(void)close(fd);
	return -EPERM;
}

/*
 * Locked, and still what @id leads to.  1: it was removed meanwhile.  Who has the lock
 * may hang, in a hook or with a file system: nobody hangs with it.
 */
static int lock(int dir)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct stat st;

	for (int left = PATIENCE_MS; flock(dir, LOCK_EX | LOCK_NB) < 0; left -= 5) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (left <= 0)
			return -ETIMEDOUT;
		(void)nanosleep(&pause, NULL);
	}
	if (fstat(dir, &st) < 0)
		return -errno;
	return st.st_nlink == 0;
}

int oci_state_new(struct oci_container *k, const char *id, struct rf_err *err)
{
	int root, r = make_root(err);

	if (r < 0)
		return r;
	root = open_root(true, err);
	if (root < 0)
		return -EINVAL;
	if (mkdirat(root, id, 0700) < 0) {
		r = errno == EEXIST ? rf_err_set(err, EINVAL, "container with given ID already exists: %s",
						 id) :
				      rf_err_set(err, errno, "mkdir %s/%s", oci.root, id);
		(void)close(root);
		return r;
	}
	k->dir = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	(void)close(root);
	k->id = strdup(id);
	k->locked = true;
	if (k->dir < 0 || lock(k->dir) != 0 || !k->id)
		return rf_err_set(err, errno ? errno : ENOMEM, "open %s/%s", oci.root, id);
	return 0;
}

static int no_container(const char *id, struct rf_err *err)
{
	return rf_err_set(err, ENOENT, "container %s does not exist", id);
}

/* -------------------------------------------------------------------- the file */

char *oci_state_get(const struct oci_container *k, const char *name, size_t *ret_len)
{
	int fd = openat(k->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char *text = NULL;
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0) {
		errno = EFBIG;
		if (st.st_size <= STATE_MAX)
			text = malloc((size_t)st.st_size + 1);
	}
	if (text)
		n = read(fd, text, (size_t)st.st_size);
	(void)close(fd);
	/* a file that is renamed into its place does not change */
	if (n < 0 || n != st.st_size) {
		free(text);
		if (n >= 0)
			errno = EINVAL;
		return NULL;
	}
	text[n] = '\0';
	*ret_len = (size_t)n;
	return text;
}

static int read_state(struct oci_container *k, struct rf_err *err)
{
	size_t len;
	char *text = oci_state_get(k, "state.json", &len);
	int r;

	/* killed before it could write: nothing but the directory is there */
	if (!text && errno == ENOENT)
		return 0;
	if (!text && errno != EFBIG && errno != EINVAL)
		return rf_err_set(err, errno, "open %s/%s/state.json", oci.root, k->id);
	r = text ? oci_state_parse(k, text, len) : -EINVAL;
	free(text);
	return r < 0 ? rf_err_set(err, -r, "%s/%s/state.json is damaged", oci.root, k->id) : 0;
}

static int open_state(struct oci_container *k, const char *id, struct rf_err *err)
{
	int root, r;

	if (!oci_id_is_good(id))
		return rf_err_set(err, EINVAL, "invalid container ID '%.64s'", id);
	if (access(oci.root, F_OK) < 0 && errno == ENOENT)
		return no_container(id, err);
	root = open_root(false, err);
	if (root < 0)
		return -EPERM;
	k->dir = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = k->dir < 0 ? -errno : 0;
	(void)close(root);
	if (r == -ENOENT)
		return no_container(id, err);
	k->id = r < 0 ? NULL : strdup(id);
	return k->id ? 0 : rf_err_set(err, r < 0 ? -r : ENOMEM, "open %s/%s", oci.root, id);
}

int oci_state_peek(struct oci_container *k, const char *id, struct rf_err *err)
{
	int r = open_state(k, id, err);

	return r < 0 ? r : read_state(k, err);
}

int oci_state_open(struct oci_container *k, const char *id, struct rf_err *err)
{
	int r = open_state(k, id, err);

	if (r < 0)
		return r;
	r = lock(k->dir);
	k->locked = true;
	if (r == 1)
		return no_container(id, err);
	if (r == -ETIMEDOUT)
		return rf_err_set(err, ETIMEDOUT, "container %s: another ringfence-oci is at work with it", id);
	return r < 0 ? rf_err_set(err, -r, "open %s/%s", oci.root, id) : read_state(k, err);
}

int oci_state_put(const struct oci_container *k, const char *name, const char *text,
		  struct rf_err *err)
{
	char temporary[64];
	int fd, r;

	(void)snprintf(temporary, sizeof(temporary), "%s.new", name);
	fd = openat(k->dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : write_all(fd, text, strlen(text));
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat(k->dir, temporary, k->dir, name) < 0)
		r = -errno;
	return r < 0 ? rf_err_set(err, -r, "write %s/%s/%s", oci.root, k->id, name) : 0;
}

int oci_state_write(const struct oci_container *k, struct rf_err *err)
{
	char *text = oci_state_print(k);
	int r = text ? oci_state_put(k, "state.json", text, err) : rf_err_set(err, ENOMEM, "the state");

	free(text);
	return r;
}

int oci_state_remove(struct oci_container *k, struct rf_err *err)
{
	int root = open_root(true, err), dup_fd = dup(k->dir);
	DIR *d = dup_fd < 0 ? NULL : fdopendir(dup_fd);
	struct dirent *e;
	int r = 0;

	if (d)
		rewinddir(d);
	/* only files are ever made there */
	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			(void)unlinkat(k->dir, e->d_name, 0);
	if (d)
		(void)closedir(d);
	if (root < 0)
		return -EINVAL;
	if (unlinkat(root, k->id, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = rf_err_set(err, errno, "rmdir %s/%s", oci.root, k->id);
	(void)close(root);
	return r;
}

void oci_state_close(struct oci_container *k)
{
	free(k->id);
	if (k->dir >= 0)
		(void)close(k->dir);
	oci_state_forget(k);
	*k = (struct oci_container)OCI_CONTAINER_INIT;
}
