/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where resctrl is.  A file of its own, for a test has another: nobody without the hardware
 * can mount one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "rdt.h"

#define RESCTRL_MAGIC	0x7655821	/* RDTGROUP_SUPER_MAGIC */

static int find(char *path, size_t size)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;
	int r = -ENOENT;

	if (!f)
		return -errno;
	while (r == -ENOENT && getline(&line, &room, f) > 0)
		r = rf_rdt_find(line, path, size);
	free(line);
	(void)fclose(f);
	return r;
}

int rf_rdt_open(void)
{
	char path[PATH_MAX];
	struct statfs fs;
	int fd, r = find(path, sizeof(path));

	if (r < 0)
		return r;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* something else may be mounted over it */
	if (fstatfs(fd, &fs) == 0 && fs.f_type == RESCTRL_MAGIC)
		return fd;
	(void)close(fd);
	return -ENOENT;
}
