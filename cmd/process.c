/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compat.h"

int process_open(pid_t pid, struct process *ret)
{
	struct process p = { .pid = pid, .dir = -1 };
	char path[32];
	int r;

	if (pid <= 0)
		return -ESRCH;
	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p.fd < 0)
		return errno == EINVAL ? -ESRCH : -errno;
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	p.dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* still there, so it is whose directory this is */
	if (p.dir < 0 || !process_is_alive(&p)) {
		r = p.dir < 0 && errno != ENOENT ? -errno : -ESRCH;
		process_close(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void process_close(struct process *p)
{
	if (p->fd >= 0)
		(void)close(p->fd);
	if (p->dir >= 0)
		(void)close(p->dir);
	p->fd = p->dir = -1;
}

bool process_is_alive(const struct process *p)
{
	struct pollfd poller = { .fd = p->fd, .events = POLLIN };

	return p->fd >= 0 && poll(&poller, 1, 0) == 0;
}

int process_signal(const struct process *p, int sig)
{
	return syscall(SYS_pidfd_send_signal, p->fd, sig, NULL, 0) < 0 ? -errno : 0;
}

ssize_t process_read(const struct process *p, const char *name, char *buf, size_t size)
{
	int fd = openat(p->dir, name, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 0;
	int r;

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	do {
		len += (size_t)n;
		n = read(fd, buf + len, size - 1 - len);
	} while (n > 0);
	r = n < 0 ? -errno : 0;
	(void)close(fd);
	if (r < 0)
		return r;
	buf[len] = '\0';
	return (ssize_t)len;
}

int process_stat(const struct process *p, struct process_stat *ret)
{
	char text[1024], *at, *field[42] = { NULL };	/* as proc_pid_stat(5) counts them */
	ssize_t n = process_read(p, "stat", text, sizeof(text));

	if (n < 0)
		return (int)n;
	at = strrchr(text, ')');	/* the name may hold anything, blanks too */
	if (!at || at[1] != ' ' || !at[2])
		return -EIO;
	ret->state = at[2];
	ret->parent = (pid_t)strtol(at + 3, NULL, 10);
	at += 3;	/* before field 4 */
	for (int i = 4; at && i <= 41; i++) {
		field[i] = at;
		at = strchr(at + 1, ' ');
	}
	if (!field[41])
		return -EIO;
	ret->exiting = strtoul(field[9], NULL, 10) & PF_EXITING;
	ret->nice = strtol(field[19], NULL, 10);
	ret->start = strtoull(field[22], NULL, 10);
	ret->rt_priority = strtol(field[40], NULL, 10);
	ret->policy = strtol(field[41], NULL, 10);
	return 0;
}

int process_status_of(const char *text, const char *name, int base, uint64_t *ret)
{
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ':') {
			*ret = strtoull(line + len + 1, NULL, base);
			return 0;
		}
		if (!*line)
			break;
	}
	return -ENODATA;
}

int process_status(const struct process *p, const char *name, int base, uint64_t *ret)
{
	char text[8192];
	ssize_t n = process_read(p, "status", text, sizeof(text));

	return n < 0 ? (int)n : process_status_of(text, name, base, ret);
}

int process_ns(const struct process *p, const char *name, struct stat *ret)
{
	struct process_stat stat;
	char path[24];
	int r;

	(void)snprintf(path, sizeof(path), "ns/%s", name);
	if (fstatat(p->dir, path, ret, 0) == 0)
		return 0;
	r = errno == ENOENT ? -ESRCH : -errno;
	if (r == -EACCES && process_stat(p, &stat) == 0 && stat.exiting)
		r = -ESRCH;
	return r;
}

int process_map_id(const struct process *p, const char *map, uint32_t id, bool inside,
		   int64_t *ret)
{
	char text[16384], *line = text;
	ssize_t n = process_read(p, map, text, sizeof(text));

	if (n < 0)
		return (int)n;
	while (line && *line) {
		unsigned int in, out, count, from;

		if (sscanf(line, "%u %u %u", &in, &out, &count) != 3)
			return -EPROTO;
		from = inside ? out : in;
		if (id >= from && id - from < count) {
			*ret = (inside ? in : out) + (int64_t)(id - from);
			return 0;
		}
		line = strchr(line, '\n');
		line += !!line;
	}
	return -ENOENT;
}

bool process_is_in_pidns(const struct process *p, uint64_t dev, uint64_t ino)
{
	int fd = openat(p->dir, "ns/pid", O_RDONLY | O_CLOEXEC);
	bool found = false;
	struct stat st;

	while (fd >= 0 && !found) {
		int parent;

		if (fstat(fd, &st) < 0)
			break;
		found = st.st_dev == dev && st.st_ino == ino;
		/* EPERM: its parent is not one of ours, so neither is it */
		parent = found ? -1 : ioctl(fd, NS_GET_PARENT);
		(void)close(fd);
		fd = parent;
	}
	if (fd >= 0)
		(void)close(fd);
	return found;
}

int process_each(int (*fn)(struct process *p, void *arg), void *arg)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	if (!proc)
		return -errno;
	while (r == 0 && (entry = readdir(proc))) {
		struct process p;
		char *end;
		long pid = strtol(entry->d_name, &end, 10);

		if (*end || pid <= 0)
			continue;
		/* gone since, or a thread that is no process */
		if (process_open((pid_t)pid, &p) < 0)
			continue;
		r = fn(&p, arg);
		process_close(&p);
	}
	(void)closedir(proc);
	return r;
}
