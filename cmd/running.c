/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "running.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "publish.h"
#include "registry.h"

#define START_TRIES	1000	/* of 10 ms: how long a sandbox may take to start */
#define NUMBER_TRIES	100	/* one without a name */
#define SEAL_TRIES	100	/* how long its state may be in the making */
#define SEALS		(F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

#define RUNNING_NONE { .launcher = PROCESS_NONE, .payload = PROCESS_NONE, .init = PROCESS_NONE }

void running_done(struct running *r)
{
	process_close(&r->launcher);
	process_close(&r->payload);
	process_close(&r->init);
	r->state = rf_state_free(r->state);
}

/* --------------------------------------------------------------- the launcher */

static int same_ns(const struct process *a, const struct process *b, const char *name)
{
	struct stat x, y;
	int r = process_ns(a, name, &x);

	if (r == 0)
		r = process_ns(b, name, &y);
	if (r < 0)
		return r;
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino ? 0 : -EPERM;
}

/* 0: @name of @p is not above that of @self; a kernel that has it not has no filters. */
static int not_above(const struct process *p, const struct process *self, const char *name)
{
	uint64_t theirs = 0, ours = 0;
	int r = process_status(p, name, 10, &theirs);

	if (r == 0)
		r = process_status(self, name, 10, &ours);
	if (r == -ENODATA)
		return 0;
	return r < 0 ? r : theirs > ours ? -EPERM : 0;
}

/*
 * Is it the caller's own, and no process of a sandbox that passes for one?
 * Those are in namespaces of their own or, where a sandbox has none, have
 * given up privileges that we have.
 */
static int check_launcher(const struct process *p)
{
	struct process self;
	struct stat st;
	int r;

	if (fstatat(p->dir, "", &st, AT_EMPTY_PATH) < 0)
		return -errno;
	if (st.st_uid != geteuid())
		return -EPERM;
	r = process_open(getpid(), &self);
	if (r < 0)
		return r;
	r = same_ns(p, &self, "user");
	if (r == 0)
		r = same_ns(p, &self, "mnt");
	if (r == 0)
		r = not_above(p, &self, "NoNewPrivs");
	if (r == 0)
		r = not_above(p, &self, "Seccomp_filters");
	process_close(&self);
	return r;
}

/* Its descriptor of the state, opened for us; -ENOENT: it has none (yet). */
static int open_state(const struct process *p)
{
	static const char wanted[] = "/memfd:" PUBLISH_FILE " (deleted)";
	int fd = openat(p->dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC), found = -ENOENT;
	char target[sizeof(wanted) + 1];
	struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (found == -ENOENT && (entry = readdir(dir))) {
		ssize_t n = readlinkat(fd, entry->d_name, target, sizeof(target));

		if (n != sizeof(wanted) - 1 || memcmp(target, wanted, sizeof(wanted) - 1) != 0)
			continue;
		found = openat(fd, entry->d_name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (found < 0)
			found = errno == ENOENT ? -ENOENT : -errno;
	}
	(void)closedir(dir);
	return found;
}

/*
 * A sealed file of ours, of a size that can be; its text, to be unmapped.  -EAGAIN: it
 * is not sealed, so not finished; nothing of it is read.
 */
static int map_state(int fd, const char **ret, size_t *ret_len)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return -EPERM;
	if ((fcntl(fd, F_GET_SEALS) & SEALS) != SEALS)
		return -EAGAIN;
	if (st.st_size <= 0 || (uint64_t)st.st_size > RF_STATE_MAX)
		return -EFBIG;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*ret = p;
	*ret_len = (size_t)st.st_size;
	return 0;
}

static int read_state(const struct process *p, struct rf_state **ret, struct rf_err *err)
{
	const char *text = NULL;
	size_t len = 0;
	int fd = open_state(p), r;

	if (fd < 0)
		return fd;
	r = map_state(fd, &text, &len);
	(void)close(fd);
	if (r == -EAGAIN)
		return r;
	if (r < 0)
		return rf_err_set(err, -r, "the state of process %d is none", (int)p->pid);
	r = rf_state_parse(text, len, ret, err);
	(void)munmap((void *)(uintptr_t)text, len);
	if (r == 0 && (*ret)->launcher != p->pid) {
		*ret = rf_state_free(*ret);
		return rf_err_set(err, EPERM, "the state of process %d is another's", (int)p->pid);
	}
	return r;
}

/* ------------------------------------------------------------------- its tasks */

/* -ESRCH: the number is another's by now. */
static int open_task(int64_t pid, uint64_t start, struct process *ret)
{
	struct process_stat st;
	int r = process_open((pid_t)pid, ret);

	if (r < 0)
		return r;
	r = process_stat(ret, &st);
	if (r == 0 && (st.start != start || !process_is_alive(ret)))
		r = -ESRCH;
	if (r < 0)
		process_close(ret);
	return r;
}

/*
 * Everything of the sandbox whose launcher is open; its state is checked.  -ENOENT: it
 * has none yet, -EAGAIN: none that is finished.
 */
static int look_into(struct running *r, struct rf_err *err)
{
	int ret = check_launcher(&r->launcher);

	if (ret == -EPERM)
		return rf_err_set(err, EPERM, "process %d is no launcher of ours",
				  (int)r->launcher.pid);
	if (ret == 0)
		ret = read_state(&r->launcher, &r->state, err);
	if (ret == 0)
		ret = open_task(r->state->payload, r->state->payload_start, &r->payload);
	if (ret == 0 && r->state->init)
		ret = open_task(r->state->init, r->state->init_start, &r->init);
	/* what was read is only its own if it is still the same process */
	if (ret >= 0 && !process_is_alive(&r->launcher))
		ret = -ESRCH;
	if (ret == 0 && r->state->sb->name)
		(void)snprintf(r->name, sizeof(r->name), "%s", r->state->sb->name);
	return ret;
}

/* -------------------------------------------------------------- to find them all */

struct visit {
	int		(*fn)(struct running *r, void *arg);
	void		*arg;
	struct stat	 exe;		/* ours */
};

/* Cheap first: most processes are none of ours. */
static bool may_be_launcher(const struct process *p, const struct visit *v)
{
	char comm[24];
	struct stat st;
	ssize_t n;

	if (fstatat(p->dir, "", &st, AT_EMPTY_PATH) < 0 || st.st_uid != geteuid())
		return false;
	n = process_read(p, "comm", comm, sizeof(comm));
	if (n > 0 && strcmp(comm, "ringfence\n") == 0)
		return true;
	return fstatat(p->dir, "exe", &st, 0) == 0 && st.st_dev == v->exe.st_dev &&
	       st.st_ino == v->exe.st_ino;
}

static int visit_one(struct process *p, void *arg)
{
	const struct visit *v = arg;
	struct running r = RUNNING_NONE;
	struct rf_err err = RF_ERR_INIT;
	int ret = 0;

	if (p->pid == getpid() || !may_be_launcher(p, v))
		return 0;
	r.launcher = *p;
	p->fd = p->dir = -1;
	if (look_into(&r, &err) == 0)
		ret = v->fn(&r, v->arg);
	running_done(&r);
	return ret;
}

static int visit_starting(const char *name, struct process *p, void *arg)
{
	const struct visit *v = arg;
	struct running r = RUNNING_NONE;
	struct rf_err err = RF_ERR_INIT;
	int ret = 0, state;

	r.launcher = *p;
	p->fd = p->dir = -1;
	state = look_into(&r, &err);
	/* those that have a state have been met among the processes */
	if ((state == -ENOENT || state == -EAGAIN) && may_be_launcher(&r.launcher, v)) {
		(void)snprintf(r.name, sizeof(r.name), "%s", name);
		ret = v->fn(&r, v->arg);
	}
	running_done(&r);
	return ret;
}

int running_each(int (*fn)(struct running *r, void *arg), void *arg)
{
	struct visit v = { .fn = fn, .arg = arg };
	struct registry registry = { .dir = -1 };
	struct rf_err err = RF_ERR_INIT;
	int r;

	(void)stat("/proc/self/exe", &v.exe);
	r = process_each(visit_one, &v);
	if (r != 0)
		return r;
	if (registry_open(false, &registry, &err) == 0)
		r = registry_each(&registry, visit_starting, &v);
	registry_close(&registry);
	return r;
}

/* ------------------------------------------------------------------ to find one */

static int none(const char *who, struct rf_err *err)
{
	rf_err_set(err, ESRCH, "no sandbox '%.64s' of yours is running", who);
	rf_err_hint(err, "`ringfence ps` lists them");
	return -ESRCH;
}

/* The launcher is there, its state may not be: as long as it sets up, wait. */
static int await_state(struct running *r, const char *who, int tries, struct rf_err *err)
{
	int ret = -ESRCH;

	for (int i = 0; i <= tries; i++) {
		struct pollfd p = { .fd = r->launcher.fd, .events = POLLIN };

		ret = look_into(r, err);
		if (ret == -EAGAIN && i >= SEAL_TRIES)
			return rf_err_set(err, EPERM, "the state of process %d is none",
					  (int)r->launcher.pid);
		if (ret != -ENOENT && ret != -EAGAIN)
			break;
		if (poll(&p, 1, i < tries ? 10 : 0) > 0)
			return none(who, err);
		ret = -ETIMEDOUT;
	}
	if (ret == -ESRCH)
		return none(who, err);
	if (ret == -ETIMEDOUT)
		return ret;
	return ret < 0 ? rf_err_set(err, -ret, "the sandbox '%.64s'", who) : 0;
}

/* What has no state is a launcher that sets up, or only has its name in an entry. */
static int check_starting(const struct running *r, const char *name, struct rf_err *err)
{
	struct visit v = { .fn = NULL };

	(void)stat("/proc/self/exe", &v.exe);
	return may_be_launcher(&r->launcher, &v) ? 0 :
	       rf_err_set(err, EPERM, "the entry of '%s' is that of process %d, which is no launcher",
			  name, (int)r->launcher.pid);
}

static int find_name(const char *name, bool wait, struct running *r, struct rf_err *err)
{
	struct registry registry = { .dir = -1 };
	int ret = registry_open(false, &registry, err);

	if (ret == 0)
		ret = registry_find(&registry, name, &r->launcher, err);
	registry_close(&registry);
	if (ret == -ENOENT)
		return none(name, err);
	if (ret == 0)
		ret = await_state(r, name, wait ? START_TRIES : 0, err);
	if (ret == -ETIMEDOUT && !wait) {
		(void)snprintf(r->name, sizeof(r->name), "%s", name);
		return check_starting(r, name, err);
	}
	/* who could write the entry may have made it point at another sandbox */
	if (ret == 0 && strcmp(r->name, name) != 0)
		return rf_err_set(err, EPERM, "the entry of '%s' is that of another sandbox", name);
	return ret;
}

struct search {
	pid_t		 pid;
	struct running	*found;
};

static int is_wanted(struct running *r, void *arg)
{
	struct search *s = arg;

	if (!r->state || (r->launcher.pid != s->pid && r->payload.pid != s->pid))
		return 0;
	*s->found = *r;
	*r = (struct running)RUNNING_NONE;
	return 1;
}

/* The number of a launcher, which may be about to publish, or of a command. */
static int find_number(pid_t pid, const char *who, struct running *r, struct rf_err *err)
{
	struct search search = { .pid = pid, .found = r };
	struct visit v = { .fn = NULL };
	int n;

	(void)stat("/proc/self/exe", &v.exe);
	if (process_open(pid, &r->launcher) == 0) {
		if (may_be_launcher(&r->launcher, &v))
			return await_state(r, who, NUMBER_TRIES, err);
		process_close(&r->launcher);
	}
	n = running_each(is_wanted, &search);
	return n == 1 ? 0 : n < 0 ? rf_err_set(err, -n, "/proc") : none(who, err);
}

/* The number of a process, or -1. */
static pid_t number(const char *who)
{
	char *end;
	long pid = strtol(who, &end, 10);

	return *who < '1' || *who > '9' || *end || pid > INT32_MAX ? -1 : (pid_t)pid;
}

int running_check(const char *who, struct rf_err *err)
{
	if (rf_name_is_good(who) || number(who) > 0)
		return 0;
	return rf_err_set(err, EINVAL, "'%.64s' is neither a name nor the number of a process", who);
}

int running_find(const char *who, bool wait, struct running *ret, struct rf_err *err)
{
	struct running r = RUNNING_NONE;
	int n = running_check(who, err);

	if (n == 0)
		n = rf_name_is_good(who) ? find_name(who, wait, &r, err) :
					   find_number(number(who), who, &r, err);
	if (n == -ETIMEDOUT)
		(void)rf_err_set(err, ETIMEDOUT, "the sandbox '%.64s' does not start", who);
	if (n < 0)
		running_done(&r);
	else
		*ret = r;
	return n;
}

/* ------------------------------------------------------------------- its members */

struct members {
	const struct running *r;
	int		(*fn)(struct process *p, void *arg);
	void		*arg;
};

static int visit_member(struct process *p, void *arg)
{
	const struct members *m = arg;
	const struct rf_state_ns *ns = &m->r->state->ns[RF_NS_PID];

	if (p->pid == m->r->init.pid || !process_is_in_pidns(p, ns->dev, ns->ino))
		return 0;
	return process_is_alive(p) ? m->fn(p, m->arg) : 0;
}

/* Is @pid the command, or below it? */
static bool descends(pid_t pid, pid_t payload)
{
	for (int depth = 0; pid > 1 && depth < 4096; depth++) {
		struct process p;
		struct process_stat st;
		int r;

		if (pid == payload)
			return true;
		if (process_open(pid, &p) < 0)
			return false;
		r = process_stat(&p, &st);
		process_close(&p);
		if (r < 0)
			return false;
		pid = st.parent;
	}
	return false;
}

static int visit_descendant(struct process *p, void *arg)
{
	const struct members *m = arg;

	return descends(p->pid, m->r->payload.pid) ? m->fn(p, m->arg) : 0;
}

int running_members(const struct running *r, int (*fn)(struct process *p, void *arg), void *arg)
{
	struct members m = { .r = r, .fn = fn, .arg = arg };

	return process_each(running_has_pidns(r) ? visit_member : visit_descendant, &m);
}
