/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In place of lib/rdt_mount.c: $RF_TEST_RESCTRL is where resctrl is.  No program that is
 * installed has this.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "rdt.h"

int rf_rdt_open(void)
{
	const char *path = getenv("RF_TEST_RESCTRL");
	int fd = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	return path && fd < 0 ? -errno : fd < 0 ? -ENOENT : fd;
}
