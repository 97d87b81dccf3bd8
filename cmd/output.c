/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

/* N of "&N" and of the names that shells give to >(command); else -1. */
static int descriptor_number(const char *name)
{
	static const char *const prefixes[] = { "&", "/dev/fd/", "/proc/self/fd/" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t len = strlen(prefixes[i]);
		char *end;
		long n;

		if (strncmp(name, prefixes[i], len) != 0)
			continue;
		if (name[len] < '0' || name[len] > '9')
			return -1;
		n = strtol(name + len, &end, 10);
		return *end || n > 1 << 20 ? -1 : (int)n;
	}
	if (strcmp(name, "/dev/stdout") == 0)
		return STDOUT_FILENO;
	if (strcmp(name, "/dev/stderr") == 0)
		return STDERR_FILENO;
	return -1;
}

int output_open(const char *option, const char *name, struct rf_err *err)
{
	int n = descriptor_number(name);
	int fd, flags;

	if (n >= 0) {
		flags = fcntl(n, F_GETFL);
		if (flags < 0)
			return rf_err_set(err, errno, "%s: descriptor %d", option, n);
		if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH))
			return rf_err_set(err, EBADF, "%s: descriptor %d is not open for writing",
					  option, n);
		fd = fcntl(n, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return rf_err_set(err, errno, "%s: descriptor %d", option, n);
		return fd;
	}
	if (name[0] == '&' || !*name)
		return rf_err_set(err, EINVAL, "%s: '%s' is neither a file nor a descriptor",
				  option, name);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0666);
	if (fd < 0 && errno == ELOOP) {
		rf_err_set(err, ELOOP, "%s: %s", option, name);
		rf_err_hint(err, "a symbolic link is not followed here: name the file itself");
		return -ELOOP;
	}
	if (fd < 0)
		return rf_err_set(err, errno, "%s: %s", option, name);
	return fd;
}

int output_take(const char *option, const char *name, int *fd, struct rf_err *err)
{
	int new_fd = output_open(option, name, err);

	if (new_fd < 0)
		return new_fd;
	if (*fd >= 0)
		(void)close(*fd);
	*fd = new_fd;
	return 0;
}
