/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pool_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "process.h"

#ifndef SO_PEERPIDFD		/* Linux 6.5 */
#define SO_PEERPIDFD 77
#endif

#define NR(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT_MAX 4096

/* Files below /proc/PID that have to read the same. */
static const struct same_file {
	const char	*name, *what;
	bool		 optional;	/* not every kernel has it */
} files[] = {
	{ "cgroup", "control group", false },
	{ "attr/current", "security label", true },
	{ "oom_score_adj", "oom_score_adj", false },
	{ "personality", "personality", true },
	{ "coredump_filter", "filter of core dumps", true },
	{ "loginuid", "login uid", true },
};

/* Lines of /proc/PID/status likewise. */
static const struct same_line {
	const char	*name, *what;
} lines[] = {
	{ "Uid", "user" }, { "Gid", "group" }, { "Groups", "supplementary groups" },
	{ "CapInh", "inheritable capabilities" }, { "CapPrm", "permitted capabilities" },
	{ "CapEff", "effective capabilities" }, { "CapBnd", "capability bounding set" },
	{ "CapAmb", "ambient capabilities" }, { "NoNewPrivs", "no_new_privs" },
	{ "Seccomp", "seccomp" }, { "Seccomp_filters", "seccomp filters" },
	{ "Speculation_Store_Bypass", "speculation" },
	{ "SpeculationIndirectBranch", "speculation" }, { "THP_enabled", "huge pages" },
	{ "Cpus_allowed", "processors" }, { "Mems_allowed", "memory nodes" },
};

static const char *const namespaces[] = {
	"user", "mnt", "pid", "pid_for_children", "net", "ipc", "uts", "cgroup", "time",
	"time_for_children",
};

/* As messages have them. */
static const char *const ns_names[] = {
	"user namespace", "mount namespace", "pid namespace", "pid namespace for children",
	"net namespace", "ipc namespace", "uts namespace", "cgroup namespace", "time namespace",
	"time namespace for children",
};

struct pool_self {
	char		 files[NR(files)][TEXT_MAX];	/* "": there is none */
	char		 status[TEXT_MAX];
	struct stat	 ns[NR(namespaces)];	/* st_ino 0: there is none */
	struct stat	 root;
	char		 scheduling[64];
	struct rlimit	 limits[RLIM_NLIMITS];	/* ours only */
	struct pool_self *peer;	/* room for what another one is; NULL: not yet */
};

/* ------------------------------------------------------------------ what one is */

#define IOPRIO_OF_PROCESS 1	/* IOPRIO_WHO_PROCESS */

/* By which the processors are shared out, and reads and writes. */
static int scheduling_of(const struct process *p, char *buf, size_t size)
{
	struct process_stat st;
	int r = process_stat(p, &st);
	long ioprio;

	if (r < 0)
		return r;
	ioprio = syscall(SYS_ioprio_get, IOPRIO_OF_PROCESS, p->pid);
	if (ioprio < 0)
		return -errno;
	(void)snprintf(buf, size, "%ld %ld %ld %ld", st.nice, st.rt_priority, st.policy, ioprio);
	return 0;
}

/* Text of a file, "" for one that may be missing, which a refusal to read it is too. */
static int text_of(const struct process *p, const struct same_file *f, char *buf)
{
	ssize_t n = process_read(p, f->name, buf, TEXT_MAX);

	if (n >= 0)
		return 0;
	*buf = '\0';
	return f->optional ? 0 : (int)n;
}

static int look(struct pool_self *s, const struct process *p)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < NR(files); i++)
		r = text_of(p, &files[i], s->files[i]);
	for (size_t i = 0; r == 0 && i < NR(namespaces); i++)
		if (process_ns(p, namespaces[i], &s->ns[i]) < 0)
			memset(&s->ns[i], 0, sizeof(s->ns[i]));
	if (r == 0) {
		ssize_t n = process_read(p, "status", s->status, sizeof(s->status));

		r = n < 0 ? (int)n : 0;
	}
	if (r == 0 && fstatat(p->dir, "root", &s->root, 0) < 0)
		r = -errno;
	return r < 0 ? r : scheduling_of(p, s->scheduling, sizeof(s->scheduling));
}

struct pool_self *pool_self_new(struct rf_err *err)
{
	struct pool_self *s = calloc(1, sizeof(*s));
	struct process p;
	int r = s ? process_open(getpid(), &p) : -ENOMEM;

	if (r == 0) {
		r = look(s, &p);
		process_close(&p);
	}
	for (int i = 0; r == 0 && i < RLIM_NLIMITS; i++)
		r = getrlimit(i, &s->limits[i]) < 0 ? -errno : 0;
	if (r < 0) {
		(void)rf_err_set(err, -r, "what this process is, in /proc");
		free(s);
		return NULL;
	}
	return s;
}

struct pool_self *pool_self_free(struct pool_self *s)
{
	if (s)
		free(s->peer);
	free(s);
	return NULL;
}

const struct rlimit *pool_self_limits(const struct pool_self *s)
{
	return s->limits;
}

/* SO_PEERPIDFD: a number may be used again. */
static bool knows_peers(void)
{
	int pair[2], pidfd = -1;
	socklen_t len = sizeof(pidfd);
	bool knows;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	knows = getsockopt(pair[0], SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0;
	if (knows)
		(void)close(pidfd);
	(void)close(pair[0]);
	(void)close(pair[1]);
	return knows;
}

int pool_peer_can_tell(const struct pool_self *self, struct rf_err *err)
{
	uint64_t value = 1;

	if (!knows_peers()) {
		rf_err_set(err, EOPNOTSUPP, "a pool needs Linux 6.5: before, the kernel cannot say for "
			   "certain who has connected");
		return -EOPNOTSUPP;
	}
	if (process_status_of(self->status, "NoNewPrivs", 10, &value) == 0 && !value)
		return 0;
	rf_err_set(err, EPERM, "a pool under no_new_privs could not tell a caller that Landlock confines");
	rf_err_hint(err, "start it outside, or without it: `ringfence run` needs no pool");
	return -EPERM;
}

/* --------------------------------------------------------------- the other end */

bool pool_peer_is_ours(int socket, bool or_root)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	       (cred.uid == geteuid() || (or_root && cred.uid == 0));
}

/*
 * The process that has connected.  Its number may be another's by now: its pidfd, which
 * the kernel took when it connected, says so by being dead.
 */
static int open_peer(int socket, struct process *ret)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int pidfd, r;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	r = process_open(cred.pid, ret);
	if (r < 0)
		return r;
	len = sizeof(pidfd);
	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) < 0) {
		r = -errno;
		process_close(ret);
		return r;
	}
	(void)close(ret->fd);
	ret->fd = pidfd;
	if (process_is_alive(ret))
		return 0;
	process_close(ret);
	return -ESRCH;
}

/* The line called @name of a status, up to its end; "" without. */
static const char *line_of(const char *status, const char *name, size_t *ret_len)
{
	size_t len = strlen(name);

	for (const char *line = status; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ':') {
			*ret_len = strcspn(line, "\n");
			return line;
		}
	}
	*ret_len = 0;
	return "";
}

static bool same_line(const char *a, const char *b, const char *name)
{
	size_t na, nb;
	const char *la = line_of(a, name, &na), *lb = line_of(b, name, &nb);

	return na == nb && memcmp(la, lb, na) == 0;
}

static const char *compare(const struct pool_self *a, const struct pool_self *b)
{
	for (size_t i = 0; i < NR(lines); i++)
		if (!same_line(a->status, b->status, lines[i].name))
			return lines[i].what;
	for (size_t i = 0; i < NR(files); i++)
		if (strcmp(a->files[i], b->files[i]) != 0)
			return files[i].what;
	if (a->root.st_dev != b->root.st_dev || a->root.st_ino != b->root.st_ino)
		return "root directory";
	return strcmp(a->scheduling, b->scheduling) != 0 ? "scheduling" : NULL;
}

static const char *differs(const struct pool_self *self, const struct pool_self *other)
{
	for (size_t i = 0; i < NR(namespaces); i++)
		if (self->ns[i].st_ino != other->ns[i].st_ino ||
		    self->ns[i].st_dev != other->ns[i].st_dev)
			return ns_names[i];
	return compare(self, other);
}

const char *pool_self_differs(const struct pool_self *self, const struct pool_self *other)
{
	const char *what = differs(self, other);

	if (what)
		return what;
	return memcmp(self->limits, other->limits, sizeof(self->limits)) != 0 ? "limits" : NULL;
}

const char *pool_peer_differs(struct pool_self *self, int socket, char *buf, size_t size)
{
	struct pool_self *other;
	struct process p;
	const char *what;
	int r;

	/* kept: mapping so much costs as much as looking */
	if (!self->peer)
		self->peer = calloc(1, sizeof(*self->peer));
	other = self->peer;
	r = other ? open_peer(socket, &p) : -ENOMEM;

	if (r == 0) {
		r = look(other, &p);
		if (r == 0 && !process_is_alive(&p))
			r = -ESRCH;
		process_close(&p);
	}
	what = r < 0 ? NULL : differs(self, other);
	if (r < 0)
		(void)snprintf(buf, size, "what it is cannot be seen: %s", strerror(-r));
	else if (what)
		(void)snprintf(buf, size, "its %s: not that of the pool", what);
	return r < 0 || what ? buf : NULL;
}
