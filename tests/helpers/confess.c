/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * confess - what a command can see of itself, for tests/helpers/agree.py
 *
 * "== NAME" and the lines of /proc/self/NAME, for each of a few; then "== ns"
 * and "NAME:[INODE]" for each namespace.  Static, and with few system calls, so
 * that it runs in any sandbox.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const files[] = {
	"status", "mountinfo", "limits", "stat", "uid_map", "gid_map",
};
static const char *const namespaces[] = {
	"user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time",
};

static int put(const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, text, len);

		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int put_file(const char *name)
{
	char buf[4096];
	ssize_t n;
	int fd, r;

	r = snprintf(buf, sizeof(buf), "/proc/self/%s", name);
	if (r < 0 || (size_t)r >= sizeof(buf))
		return -ENAMETOOLONG;
	fd = open(buf, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		n = read(fd, buf, sizeof(buf));
		r = n < 0 ? -errno : put(buf, (size_t)n);
	} while (n > 0 && r == 0);
	(void)close(fd);
	return r;
}

static int put_namespace(const char *name)
{
	char path[64], link[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return -errno;
	link[n++] = '\n';
	return put(link, (size_t)n);
}

static int heading(const char *name)
{
	char line[64];

	return put(line, (size_t)snprintf(line, sizeof(line), "== %s\n", name));
}

int main(void)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && r == 0; i++) {
		r = heading(files[i]);
		if (r == 0)
			r = put_file(files[i]);
	}
	if (r == 0)
		r = heading("ns");
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]) && r == 0; i++)
		r = put_namespace(namespaces[i]);
	if (r < 0)
		dprintf(STDERR_FILENO, "confess: %s\n", strerror(-r));
	return r < 0;
}
