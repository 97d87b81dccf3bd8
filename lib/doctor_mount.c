/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounts, made with the calls that a chain makes them with, in a mount
 * namespace that ends with the probe.
 */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECURSIVE 0x8000	/* AT_RECURSIVE */

static int open_tree_(const char *path, unsigned int flags)
{
	return (int)syscall(SYS_open_tree, AT_FDCWD, path, flags | OPEN_TREE_CLOEXEC);
}

static int setattr(int fd, const char *path, unsigned int flags, const struct mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, fd, path, flags, attr, sizeof(*attr));
}

static int attach(int fd, const char *path)
{
	return (int)syscall(SYS_move_mount, fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}

/* Nothing may travel back to the host, whatever else happens. */
static int make_private(struct rf_finding *f)
{
	const struct mount_attr attr = { .propagation = MS_PRIVATE };

	if (setattr(AT_FDCWD, "/", RECURSIVE, &attr) < 0)
		return rf_found_failure(f, errno, "mount_setattr /");
	return 0;
}

/* A directory that every system has; only this mount namespace sees what is put there. */
static const char *scratch(void)
{
	static const char *const dirs[] = { "/tmp", "/mnt", "/usr", "/proc" };
	struct stat st;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (stat(dirs[i], &st) == 0 && S_ISDIR(st.st_mode))
			return dirs[i];
	return "/";
}

/* Make one and attach it. @options: name, value, ..., NULL. */
static int new_fs(struct rf_finding *f, const char *type, const char *const *options)
{
	int fs = (int)syscall(SYS_fsopen, type, 1 /* FSOPEN_CLOEXEC */), mnt;

	if (fs < 0)
		return rf_found_failure(f, errno, "fsopen %s", type);
	for (; options && *options; options += 2)
		if (syscall(SYS_fsconfig, fs, 1 /* SET_STRING */, options[0], options[1], 0) < 0)
			return rf_found_failure(f, errno, "fsconfig %s %s", type, options[0]);
	if (syscall(SYS_fsconfig, fs, 6 /* CMD_CREATE */, NULL, NULL, 0) < 0)
		return rf_found_failure(f, errno, "fsconfig %s", type);
	mnt = (int)syscall(SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, 0);
	if (mnt < 0)
		return rf_found_failure(f, errno, "fsmount %s", type);
	if (attach(mnt, scratch()) < 0)
		return rf_found_failure(f, errno, "move_mount %s", type);
	rf_found(f, RF_FINDING_WORKS, "%s", "");
	return 0;
}

/* -------------------------------------------------------------------- binds */

static int bind_root(struct rf_finding *f, const struct rf_doctor_row *row)
{
	const struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };
	int fd;

	(void)row;
	if (make_private(f) < 0)
		return -1;
	fd = open_tree_("/", OPEN_TREE_CLONE | RECURSIVE);
	if (fd < 0)
		return rf_found_failure(f, errno, "open_tree");
	if (attach(fd, scratch()) < 0)
		return rf_found_failure(f, errno, "move_mount");
	if (setattr(fd, "", AT_EMPTY_PATH | RECURSIVE, &attr) < 0)
		return rf_found_failure(f, errno, "mount_setattr");
	rf_found(f, RF_FINDING_WORKS, "%s", "");
	return 0;
}

void rf_look_bind(const struct rf_doctor *d, const struct rf_doctor_row *row,
		   struct rf_finding *f)
{
	rf_inside(d, CLONE_NEWUSER | CLONE_NEWNS, RF_INSIDE_ROOT, bind_root, row, f);
}

static int pivot(struct rf_finding *f, const struct rf_doctor_row *row)
{
	if (bind_root(f, row) < 0)
		return -1;
	if (chdir(scratch()) < 0)
		return rf_found_failure(f, errno, "chdir");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return rf_found_failure(f, errno, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return rf_found_failure(f, errno, "umount");
	rf_found(f, RF_FINDING_WORKS, "%s", "");
	return 0;
}

void rf_look_pivot_root(const struct rf_doctor *d, const struct rf_doctor_row *row,
			 struct rf_finding *f)
{
	rf_inside(d, CLONE_NEWUSER | CLONE_NEWNS, RF_INSIDE_ROOT, pivot, row, f);
	if (f->status == RF_FINDING_FAILS && f->error == EINVAL)
		rf_cause_set(&f->cause, RF_CAUSE_INITRAMFS, "the root here is an initramfs or no "
			     "mount at all (chroot), which cannot be pivoted away from");
}

/* ------------------------------------------------------------- file systems */

static const struct {
	const char	*type;
	uint64_t	 flags;		/* by clone */
	bool		 pid, net;	/* by unshare, and a task inside */
} kinds[] = {
	[RF_FS_TMPFS]	= { .type = "tmpfs" },
	[RF_FS_PROC]	= { .type = "proc", .pid = true },
	[RF_FS_SYSFS]	= { .type = "sysfs", .net = true },
	[RF_FS_DEVPTS]	= { .type = "devpts" },
	[RF_FS_MQUEUE]	= { .type = "mqueue", .flags = CLONE_NEWIPC },
	[RF_FS_OVERLAY]	= { .type = "overlay" },
	[RF_FS_CGROUP]	= { .type = "cgroup2", .flags = CLONE_NEWCGROUP },
};

static int make_overlay(struct rf_finding *f)
{
	static const char *const dirs[] = { "lower", "upper", "work" };
	const char *options[] = {
		"lowerdir", "lower", "upperdir", "upper", "workdir", "work", "userxattr", NULL, NULL
	};

	if (new_fs(f, "tmpfs", NULL) < 0)
		return -1;
	if (chdir(scratch()) < 0)
		return rf_found_failure(f, errno, "chdir");
	for (size_t i = 0; i < 3; i++)
		if (mkdir(dirs[i], 0755) < 0)
			return rf_found_failure(f, errno, "mkdir");
	options[6] = NULL;
	return new_fs(f, "overlay", options);
}

static int make_fs(struct rf_finding *f, const struct rf_doctor_row *row)
{
	const char *devpts[] = { "ptmxmode", "0666", "mode", "0620", NULL };

	if (row->arg == RF_FS_OVERLAY)
		return make_overlay(f);
	return new_fs(f, kinds[row->arg].type, row->arg == RF_FS_DEVPTS ? devpts : NULL);
}

static int in_mount_ns(struct rf_finding *f, const struct rf_doctor_row *row)
{
	if (make_private(f) < 0)
		return -1;
	if (kinds[row->arg].net && unshare(CLONE_NEWNET) < 0)
		return rf_found_failure(f, errno, "unshare");
	if (!kinds[row->arg].pid)
		return make_fs(f, row);
	if (unshare(CLONE_NEWPID) < 0)
		return rf_found_failure(f, errno, "unshare");
	return rf_forked(make_fs, row, f);
}

void rf_look_new_fs(const struct rf_doctor *d, const struct rf_doctor_row *row,
		     struct rf_finding *f)
{
	rf_inside(d, CLONE_NEWUSER | CLONE_NEWNS | kinds[row->arg].flags, RF_INSIDE_ROOT,
		  in_mount_ns, row, f);
	if (f->status != RF_FINDING_FAILS || f->cause.kind)
		return;
	if (f->error == ENODEV)
		rf_cause_set(&f->cause, RF_CAUSE_MODULE,
			     "this kernel has no %s, or its module is not loaded",
			     kinds[row->arg].type);
	else if (row->arg == RF_FS_PROC && f->error == EPERM)
		(void)rf_cause_proc_covered(&d->host, &f->cause);
}

/* ------------------------------------------------------------------- images */

static bool has_module(const struct rf_doctor *d, const char *name)
{
	static const char *const lists[] = { "modules.builtin", "modules.dep" };
	char path[512], line[4096], want[64];
	struct utsname uts;
	bool found = false;

	if (uname(&uts) < 0)
		return false;
	snprintf(want, sizeof(want), "/%s.ko", name);
	for (size_t i = 0; i < 2 && !found; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/lib/modules/%s/%s", d->host.root, uts.release,
			 lists[i]);
		f = fopen(path, "re");
		while (f && !found && fgets(line, sizeof(line), f))
			found = strstr(line, want);
		if (f)
			fclose(f);
	}
	return found;
}

/* Only looked up: to make one would load a module, and that stays. */
void rf_look_image_fs(const struct rf_doctor *d, const struct rf_doctor_row *row,
		       struct rf_finding *f)
{
	if (rf_host_word(&d->host, "/proc/filesystems", row->name)) {
		rf_found(f, RF_FINDING_WORKS, "%s", "");
	} else if (has_module(d, row->name)) {
		rf_found(f, RF_FINDING_WORKS, "as a module");
	} else {
		(void)rf_found_failure(f, ENODEV, "%s", row->name);
		rf_cause_set(&f->cause, RF_CAUSE_MODULE, "this kernel has no %s, or its module is "
			     "not loaded", row->name);
		return;
	}
	if (d->host.f->host_root && d->host.f->caps & 1ULL << CAP_SYS_ADMIN)
		return;
	(void)rf_found_failure(f, EPERM, "%s", row->name);
	rf_cause_set(&f->cause, RF_CAUSE_POWER, "only root of the host may mount %s", row->name);
}

void rf_look_loop(const struct rf_doctor *d, const struct rf_doctor_row *row,
		   struct rf_finding *f)
{
	char path[4096];
	int fd;

	(void)row;
	snprintf(path, sizeof(path), "%s/dev/loop-control", d->host.root);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		(void)close(fd);
		rf_found(f, RF_FINDING_WORKS, "%s", "");
		return;
	}
	(void)rf_found_failure(f, errno, "/dev/loop-control");
	if (f->error == EACCES || f->error == EPERM)
		rf_cause_set(&f->cause, RF_CAUSE_POWER, "only root of the host may use loop devices");
	else
		rf_cause_set(&f->cause, RF_CAUSE_MODULE, "there are no loop devices here");
}

/* ----------------------------------------------------------------- id-mapped */

/* The user namespace of @pid, with a map that moves ids. */
static int userns_of(pid_t pid, struct rf_finding *f)
{
	char path[64];
	int r, fd;

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, i ? "uid_map" : "gid_map");
		r = rf_write_text(path, "0 100000 65536\n");
		if (r < 0)
			return rf_found_failure(f, -r, "id map");
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? rf_found_failure(f, errno, "%s", path) : fd;
}

static int idmapped(struct rf_finding *f, const struct rf_doctor_row *row)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	int ns, fd, r;

	(void)row;
	if (pid < 0)
		return rf_found_failure(f, errno, "clone");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	ns = userns_of((pid_t)pid, f);
	(void)kill((pid_t)pid, SIGKILL);
	(void)waitpid((pid_t)pid, NULL, 0);
	if (ns < 0)
		return -1;
	fd = open_tree_("/", OPEN_TREE_CLONE);
	if (fd < 0)
		return rf_found_failure(f, errno, "open_tree");
	attr.userns_fd = (unsigned int)ns;
	r = setattr(fd, "", AT_EMPTY_PATH, &attr) < 0 ? errno : 0;
	if (r)
		return rf_found_failure(f, r, "mount_setattr");
	rf_found(f, RF_FINDING_WORKS, "for the file system of /");
	return 0;
}

void rf_look_idmapped(const struct rf_doctor *d, const struct rf_doctor_row *row,
		       struct rf_finding *f)
{
	if (!(d->host.f->caps & 1ULL << CAP_SYS_ADMIN) || !d->host.f->host_root) {
		(void)rf_found_failure(f, EPERM, "%s", "");
		rf_cause_set(&f->cause, RF_CAUSE_POWER, "an id-mapped mount has to be made by root of "
			     "the host");
		return;
	}
	(void)idmapped(f, row);
	if (f->status == RF_FINDING_FAILS && f->error == EINVAL)
		rf_cause_set(&f->cause, RF_CAUSE_KERNEL,
			     "the file system of / has no id-mapped mounts in this kernel");
}
