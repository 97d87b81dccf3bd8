/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Constants for freestanding code that Debian 12's kernel headers (6.1) lack,
 * with the kernel that brought each: an entry can go once the oldest supported
 * headers are that new.  The last part is what the kernel's exported headers
 * leave to libc, which freestanding code does not include.
 */
#ifndef RF_COMPAT_H
#define RF_COMPAT_H

#ifndef __NR_fchmodat2			/* 6.6 */
#define __NR_fchmodat2		452
#endif
#ifndef MFD_NOEXEC_SEAL			/* 6.3 */
#define MFD_NOEXEC_SEAL		0x0008U
#endif
#ifndef MADV_GUARD_INSTALL		/* 6.13 */
#define MADV_GUARD_INSTALL	102
#endif
#ifndef MFD_EXEC			/* 6.3 */
#define MFD_EXEC		0x0010U
#endif
#ifndef F_SEAL_EXEC			/* 6.3 */
#define F_SEAL_EXEC		0x0020
#endif

#define RF_MPOL_WEIGHTED_INTERLEAVE 6		/* 6.9 */

/* A task's flags, field 9 of /proc/PID/stat: no exported header has them. */
#define PF_EXITING		0x4
#define PF_FORKNOEXEC		0x40

#define RF_IORING_REGISTER_SEND_MSG_RING 31	/* 6.13 */
#define RF_IORING_OP_FIXED_FD_INSTALL 54	/* 6.8 */
#define RF_SECCOMP_FLAG_WAIT_KILLABLE_RECV (1UL << 5)	/* 5.19 */

/* Landlock beyond ABI 2 (5.19), whose rights end at REFER, 1 << 13. */
#define RF_LANDLOCK_FS_TRUNCATE		(1ULL << 14)	/* ABI 3, 6.2 */
#define RF_LANDLOCK_FS_IOCTL_DEV	(1ULL << 15)	/* ABI 5, 6.10 */
#define RF_LANDLOCK_FS_RESOLVE_UNIX	(1ULL << 16)	/* ABI 9, 7.1 */
#define RF_LANDLOCK_NET_BIND_TCP	(1ULL << 0)	/* ABI 4, 6.7 */
#define RF_LANDLOCK_NET_CONNECT_TCP	(1ULL << 1)
#define RF_LANDLOCK_RULE_NET_PORT	2
#define RF_LANDLOCK_SCOPE_ABSTRACT_UNIX	(1ULL << 0)	/* ABI 6, 6.12 */
#define RF_LANDLOCK_SCOPE_SIGNAL	(1ULL << 1)
#define RF_LANDLOCK_LOG_SAME_EXEC_OFF	(1U << 0)	/* ABI 7, 6.15: restrict_self flags */
#define RF_LANDLOCK_LOG_NEW_EXEC_ON	(1U << 1)
#define RF_LANDLOCK_LOG_SUBDOMAINS_OFF	(1U << 2)

/* PIDFD_GET_INFO: 6.13; the exit code: 6.15.  <linux/pidfd.h>, first version. */
struct rf_pidfd_info {
	unsigned long long	mask, cgroupid;
	unsigned int		pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int			exit_code;
};
#define RF_PIDFD_GET_INFO	_IOWR(0xFF, 11, struct rf_pidfd_info)
#define RF_PIDFD_GET_MNT_NAMESPACE	_IO(0xFF, 3)	/* 6.11 */
#define RF_PIDFD_INFO_EXIT	(1ULL << 3)

/* Not in any exported kernel header. */
#ifndef AF_NETLINK
#define AF_NETLINK		16
#endif
#ifndef SOCK_RAW
#define SOCK_RAW		3
#endif
#ifndef SOCK_CLOEXEC
#define SOCK_CLOEXEC		02000000
#endif
#ifndef SCM_RIGHTS
#define SCM_RIGHTS		0x01
#endif
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL		0x4000
#endif
#ifndef MSG_CTRUNC
#define MSG_CTRUNC		0x08
#endif
#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC	0x40000000
#endif
#ifndef MNT_DETACH
#define MNT_FORCE		1
#define MNT_DETACH		2
#define MNT_EXPIRE		4
#define UMOUNT_NOFOLLOW		8
#endif

#endif
