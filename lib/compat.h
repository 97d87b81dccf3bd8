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
#ifndef MFD_EXEC			/* 6.3 */
#define MFD_EXEC		0x0010U
#endif
#ifndef F_SEAL_EXEC			/* 6.3 */
#define F_SEAL_EXEC		0x0020
#endif

#define RF_IORING_REGISTER_SEND_MSG_RING 31	/* 6.13 */

/* PIDFD_GET_INFO: 6.13; the exit code: 6.15.  <linux/pidfd.h>, first version. */
struct rf_pidfd_info {
	unsigned long long	mask, cgroupid;
	unsigned int		pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int			exit_code;
};
#define RF_PIDFD_GET_INFO	_IOWR(0xFF, 11, struct rf_pidfd_info)
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
