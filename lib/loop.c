/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounting an image file: straight from the file where the file system can do
 * that, else by way of a loop device that goes away with the mount.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "prepare.h"

#define TRIES	64		/* others may take the free device first */

static int mount_source(const char *source, const char *fstype)
{
	int fs = fsopen(fstype, FSOPEN_CLOEXEC), fd = -1, r = 0;

	if (fs < 0)
		return -errno;
	if (fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	if (r == 0)
		fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
			     MOUNT_ATTR_NODEV);
	if (r == 0 && fd < 0)
		r = -errno;
	(void)close(fs);
	return r < 0 ? r : fd;
}

/* Loop device number @nr with @image in it; its descriptor, or -errno. */
static int loop_configure(int nr, int image)
{
	struct loop_config config = {
		.fd = (unsigned int)image,
		.info = { .lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR },
	};
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/loop%d", nr);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, LOOP_CONFIGURE, &config) < 0) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	return fd;
}

static int loop_open(int image, int *ret_nr)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int fd = -EBUSY;

	if (control < 0)
		return -errno;
	for (int i = 0; i < TRIES && fd == -EBUSY; i++) {
		*ret_nr = ioctl(control, LOOP_CTL_GET_FREE);
		fd = *ret_nr < 0 ? -errno : loop_configure(*ret_nr, image);
	}
	(void)close(control);
	return fd;
}

int rf_image_mount(const char *path, const char *fstype)
{
	int image, loop, nr = -1, r;
	char device[32];

	/* erofs from Linux 6.12 on; others say that they need a block device */
	r = mount_source(path, fstype);
	if (r != -ENOTBLK)
		return r;
	image = open(path, O_RDONLY | O_CLOEXEC);
	if (image < 0)
		return -errno;
	loop = loop_open(image, &nr);
	(void)close(image);
	if (loop < 0)
		return loop;
	snprintf(device, sizeof(device), "/dev/loop%d", nr);
	r = mount_source(device, fstype);
	/* from here on the mount keeps the device; without one it is freed now */
	(void)close(loop);
	return r;
}
