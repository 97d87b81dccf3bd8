/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a control group: freezing, killing, removing.
 *
 * Version 2 kills and freezes a group at one word and says when it is empty.
 * On version 1 the tasks are stopped first, by the freezer or by forbidding
 * new ones, then killed one by one, each by a pidfd that is known to be of the
 * group; and only asking again shows that they are gone.
 */
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS	10000	/* for tasks that the kernel holds */
#define SWEEP_MS	100	/* the same, of others */
#define ROUNDS		1000
#define DEPTH		32
#define PATH_SIZE	(4096 + 300)

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void pause_ms(long ms)
{
	const struct timespec ts = { .tv_sec = 0, .tv_nsec = ms * 1000000 };

	(void)nanosleep(&ts, NULL);
}

static bool has_file(const char *dir, const char *file)
{
	char path[PATH_SIZE];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, file);

	return n > 0 && (size_t)n < sizeof(path) && access(path, F_OK) == 0;
}

/* Wait until @key of cgroup.events is @value. */
static int await_event(const char *dir, const char *key, int64_t value, int patience_ms)
{
	const int64_t until = now_ms() + patience_ms;
	char path[PATH_SIZE], buf[256];
	struct pollfd p = { .events = POLLPRI };
	int r = -ETIMEDOUT;

	(void)snprintf(path, sizeof(path), "%s/cgroup.events", dir);
	p.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (p.fd < 0)
		return -errno;
	for (;;) {
		ssize_t n = pread(p.fd, buf, sizeof(buf) - 1, 0);
		int64_t left = until - now_ms();

		if (n < 0) {
			r = -errno;
			break;
		}
		buf[n] = '\0';
		if (rf_cgroup_field(buf, key) == value) {
			r = 0;
			break;
		}
		if (left <= 0)
			break;
		(void)poll(&p, 1, (int)left);
	}
	(void)close(p.fd);
	return r;
}

/* ----------------------------------------------------------------- freezing */

static int freeze_v1(const char *dir, int64_t until)
{
	char state[32];
	int r = rf_cgroup_write(dir, "freezer.state", "FROZEN");

	while (r == 0) {
		ssize_t n = rf_cgroup_read(dir, "freezer.state", state, sizeof(state));

		if (n < 0)
			r = (int)n;
		else if (!strcmp(state, "FROZEN"))
			return 0;
		else if (now_ms() > until)
			r = -ETIMEDOUT;
		else
			pause_ms(1);
	}
	return r;
}

int rf_cgroup_freeze(const char *dir)
{
	int r;

	if (has_file(dir, "cgroup.freeze")) {
		r = rf_cgroup_write(dir, "cgroup.freeze", "1");
		if (r == 0)
			r = await_event(dir, "frozen", 1, PATIENCE_MS);
	} else if (has_file(dir, "freezer.state")) {
		r = freeze_v1(dir, now_ms() + PATIENCE_MS);
	} else {
		return access(dir, F_OK) < 0 ? -errno : -EOPNOTSUPP;
	}
	if (r < 0)	/* half frozen is worse than running */
		(void)rf_cgroup_thaw(dir);
	return r;
}

int rf_cgroup_thaw(const char *dir)
{
	if (has_file(dir, "cgroup.freeze"))
		return rf_cgroup_write(dir, "cgroup.freeze", "0");
	if (has_file(dir, "freezer.state"))
		return rf_cgroup_write(dir, "freezer.state", "THAWED");
	return access(dir, F_OK) < 0 ? -errno : -EOPNOTSUPP;
}

/* ------------------------------------------------------------------ killing */

static int procs_of(const char *dir, FILE **ret)
{
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	*ret = fopen(path, "re");
	return *ret ? 0 : -errno;
}

static bool has_pid(const char *dir, int pid)
{
	FILE *f;
	int other;
	bool found = false;

	if (procs_of(dir, &f) < 0)
		return false;
	while (!found && fscanf(f, "%d", &other) == 1)
		found = other == pid;
	(void)fclose(f);
	return found;
}

/*
 * The number may be another task's by now.  One that is of the group while a
 * pidfd holds it is the right one, whoever it was before.
 */
static void kill_pid(const char *dir, int pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return;
	if (has_pid(dir, pid))
		(void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	(void)close(fd);
}

int rf_cgroup_is_populated(const char *dir)
{
	char buf[256];
	FILE *f;
	int pid, r;

	if (rf_cgroup_read(dir, "cgroup.events", buf, sizeof(buf)) >= 0)
		return rf_cgroup_field(buf, "populated") == 1;
	r = procs_of(dir, &f);
	if (r < 0)
		return r;
	r = fscanf(f, "%d", &pid) == 1;
	(void)fclose(f);
	return r;
}

/* One pass over the tasks there are; how many. */
static int kill_all(const char *dir)
{
	FILE *f;
	int pid, nr = 0, r = procs_of(dir, &f);

	if (r < 0)
		return r;
	while (fscanf(f, "%d", &pid) == 1) {
		nr++;
		if (pid > 0)	/* 0: of a pid namespace that is not ours to see */
			kill_pid(dir, pid);
	}
	(void)fclose(f);
	return nr;
}

static int kill_until(const char *dir, int64_t until)
{
	int r = rf_cgroup_write(dir, "cgroup.kill", "1");
	bool freezes;

	if (r != -ENOENT)
		return r;
	/* where nobody is nobody is born; to stop a group waits for two RCU grace periods */
	r = rf_cgroup_is_populated(dir);
	if (r <= 0)
		return r;
	/* nobody may be born while they are counted */
	(void)rf_cgroup_write(dir, "pids.max", "0");
	freezes = has_file(dir, "freezer.state");
	if (freezes)
		(void)freeze_v1(dir, until);
	r = kill_all(dir);
	/* also what has frozen in part: it does not die before */
	if (freezes)
		(void)rf_cgroup_thaw(dir);
	for (int i = 0; r > 0 && i < ROUNDS && now_ms() <= until; i++) {
		r = kill_all(dir);
		if (r > 0)
			pause_ms(1);
	}
	return r > 0 ? -EBUSY : r;
}

int rf_cgroup_kill(const char *dir)
{
	return kill_until(dir, now_ms() + PATIENCE_MS);
}

/* ------------------------------------------------------------------ walking */

static int walk(const char *dir, int (*visit)(void *arg, const char *dir), void *arg, int depth)
{
	int r = visit(arg, dir);
	DIR *d = r == 0 && depth < DEPTH ? opendir(dir) : NULL;
	struct dirent *e;

	while (r == 0 && d && (e = readdir(d))) {
		char path[PATH_SIZE];
		int n;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		n = snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (n > 0 && (size_t)n < sizeof(path))
			r = walk(path, visit, arg, depth + 1);
	}
	if (d)
		(void)closedir(d);
	return r;
}

int rf_cgroup_walk(const char *dir, int (*visit)(void *arg, const char *dir), void *arg)
{
	return walk(dir, visit, arg, 0);
}

/* ----------------------------------------------------------------- removing */

/* Groups that the payload has made below its own, deepest first. */
static void remove_below(const char *dir, int64_t until, int depth)
{
	DIR *d = depth < DEPTH ? opendir(dir) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[PATH_SIZE];
		int n;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		n = snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (n < 0 || (size_t)n >= sizeof(path))
			continue;
		if (rf_cgroup_is_populated(path) == 1)
			(void)kill_until(path, until);
		remove_below(path, until, depth + 1);
		(void)rmdir(path);
	}
	if (d)
		(void)closedir(d);
}

static int remove_within(const char *dir, int patience_ms)
{
	const int64_t until = now_ms() + patience_ms;
	int r;

	if (rmdir(dir) == 0 || errno == ENOENT)
		return 0;
	if (rf_cgroup_is_populated(dir) == 1) {
		(void)kill_until(dir, until);
		if (has_file(dir, "cgroup.events"))
			(void)await_event(dir, "populated", 0, patience_ms);
	}
	for (;;) {
		remove_below(dir, until, 0);
		if (rmdir(dir) == 0 || errno == ENOENT)
			return 0;
		r = -errno;
		if (r != -EBUSY || now_ms() > until)
			return r;
		/* a task leaves its group a moment after it has been reaped */
		if (rf_cgroup_is_populated(dir) == 1)
			(void)kill_until(dir, until);
		pause_ms(1);
	}
}

int rf_cgroup_remove(const char *dir)
{
	return remove_within(dir, PATIENCE_MS);
}

/* "ringfence-PID-N" or "ringfence-PID-launcher". */
static bool is_ours(const char *name)
{
	size_t n;

	if (strncmp(name, "ringfence-", 10) != 0)
		return false;
	name += 10;
	n = strspn(name, "0123456789");
	if (!n || name[n] != '-')
		return false;
	name += n + 1;
	n = strspn(name, "0123456789");
	return (n && !name[n]) || !strcmp(name, "launcher");
}

void rf_cgroup_sweep(const char *parent)
{
	DIR *d = opendir(parent);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[PATH_SIZE];
		int n, fd;

		if (!is_ours(e->d_name))
			continue;
		n = snprintf(path, sizeof(path), "%s/%s", parent, e->d_name);
		if (n < 0 || (size_t)n >= sizeof(path))
			continue;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue;
		/* a launcher holds the lock until it is gone, in whatever pid namespace; what
		   it was in itself others may be in */
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			if (strcmp(strrchr(path, '-'), "-launcher") == 0)
				(void)rmdir(path);
			else
				(void)remove_within(path, SWEEP_MS);
		}
		(void)close(fd);
	}
	if (d)
		(void)closedir(d);
}
