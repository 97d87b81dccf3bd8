/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How tasks ended, and whether they had exec'd.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compat.h"
#include "ring.h"

/* siginfo of waitid(2) as the word of waitpid(2). */
static int status_word(const siginfo_t *info)
{
	if (info->si_code == CLD_EXITED)
		return (info->si_status & 0xff) << 8;
	return (info->si_status & 0x7f) | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

/*
 * The host program may ignore SIGCHLD or reap everything: since Linux 6.15 the
 * pidfd itself still knows.
 */
static int exit_info(int pidfd, int *ret_status)
{
	struct rf_pidfd_info info = { .mask = RF_PIDFD_INFO_EXIT };

	if (ioctl(pidfd, RF_PIDFD_GET_INFO, &info) < 0 || !(info.mask & RF_PIDFD_INFO_EXIT))
		return -ENODATA;
	*ret_status = info.exit_code;
	return 0;
}

int rf_task_reap(struct rf_task *t, int *ret_status, int *ret_error, struct rusage *ret_usage)
{
	siginfo_t info;
	struct rusage usage;
	long r;

	if (t->reaped || t->pid <= 0)
		return 1;
	memset(&info, 0, sizeof(info));
	/* the library's waitid() has no rusage; __WALL: a task may not have exec'd */
	r = syscall(SYS_waitid, t->pidfd >= 0 ? P_PIDFD : P_PID,
		    t->pidfd >= 0 ? t->pidfd : t->pid, &info, WEXITED | WNOHANG | __WALL, &usage);
	if (r == 0 && info.si_pid == 0)
		return 0;
	t->reaped = true;
	if (r == 0) {
		if (ret_status)
			*ret_status = status_word(&info);
		if (ret_error)
			*ret_error = 0;
		if (ret_usage)
			*ret_usage = usage;
		return 1;
	}
	if (ret_status && ret_error)
		*ret_error = t->pidfd >= 0 ? exit_info(t->pidfd, ret_status) : -ENODATA;
	return 1;
}

bool rf_task_is_child(const struct rf_task *t)
{
	siginfo_t info;

	return syscall(SYS_waitid, P_PID, t->pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL,
		       NULL) == 0;
}

bool rf_task_has_exited(const struct rf_task *t)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	return t->pidfd >= 0 &&
	       syscall(SYS_waitid, P_PIDFD, t->pidfd, &info, WEXITED | WNOHANG | WNOWAIT | __WALL,
		       NULL) == 0 &&
	       info.si_pid && info.si_code == CLD_EXITED;
}

/*
 * Field 9 of /proc/PID/stat, or -errno: PF_EXITING and PF_FORKNOEXEC are exact in an
 * unreaped zombie too.
 */
static long flags_of(pid_t pid)
{
	char path[64], text[512], *p;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n <= 0)
		return -EIO;
	text[n] = '\0';
	p = strrchr(text, ')');		/* the name may hold anything, blanks too */
	/* fields 3 to 8 lie between */
	for (int i = 0; p && i < 7; i++)
		p = strchr(p + 1, ' ');
	return p ? (long)(strtoul(p + 1, NULL, 10) & UINT32_MAX) : -EIO;
}

/*
 * exec may close what it has to before it clears PF_FORKNOEXEC (Debian's 6.1.192), an
 * exit says PF_EXITING before it closes anything.
 */
int rf_task_has_execed(pid_t pid)
{
	const long flags = flags_of(pid);

	return flags < 0 ? (int)flags : !(flags & PF_FORKNOEXEC) || !(flags & PF_EXITING);
}

bool rf_task_is_past_exec(pid_t pid)
{
	const long flags = flags_of(pid);

	if (flags < 0)
		return kill(pid, 0) < 0 && errno == ESRCH;
	return !(flags & PF_FORKNOEXEC) || flags & PF_EXITING;
}

int rf_task_mount_ns(const struct rf_task *t)
{
	char path[64];
	int fd = ioctl(t->pidfd, RF_PIDFD_GET_MNT_NAMESPACE, 0);	/* Linux 6.11 */

	if (fd >= 0)
		return fd;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)t->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

long rf_self_peak_rss_kib(void)
{
	char text[2048], *p;
	ssize_t n;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strstr(text, "\nVmHWM:");
	return p ? strtol(p + 7, NULL, 10) : 0;
}
