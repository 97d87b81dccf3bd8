/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In a program linked with musl only.
 *
 * glibc asks the processor about itself some eighty times before main(), and in
 * a virtual machine each answer is an exit to its host: 0.8 ms of a launch of
 * 6, beside which musl takes 0.04.  The libraries of the distribution are
 * compiled for glibc, whose binary interface musl has for what they use; what
 * it lacks is here: the checked calls of _FORTIFY_SOURCE, which end the program
 * as glibc's do, system calls without a wrapper, and errors in glibc's words.
 * Whatever else a library should come to need is an error of the link.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

/* ------------------------------------------------------------------- errors */

static const struct {
	int		 code;
	const char	*name, *text;
} errors[] = {
#define RF_ERRNO(name, text) { name, #name, text },
#include "errno_words.def"
#undef RF_ERRNO
};

const char *strerrorname_np(int code)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == code)
			return errors[i].name;
	return NULL;
}

const char *strerrordesc_np(int code)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == code)
			return errors[i].text;
	return NULL;
}

char *strerror(int code)
{
	static char unknown[40];
	const char *text = strerrordesc_np(code);

	if (text)
		return (char *)(unsigned long)text;
	if (code == 0)
		return (char *)(unsigned long)"Success";
	(void)snprintf(unknown, sizeof(unknown), "Unknown error %d", code);
	return unknown;
}

/* ------------------------------------------- what glibc's headers put in calls */

#define CHECK(wanted, room) do { if ((wanted) > (room)) abort(); } while (0)

int __vsnprintf_chk(char *s, size_t n, int flag, size_t room, const char *format, va_list args)
	__attribute__((format(printf, 5, 0)));
int __vsnprintf_chk(char *s, size_t n, int flag, size_t room, const char *format, va_list args)
{
	(void)flag;
	CHECK(n, room);
	return vsnprintf(s, n, format, args);
}

int __snprintf_chk(char *s, size_t n, int flag, size_t room, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
int __snprintf_chk(char *s, size_t n, int flag, size_t room, const char *format, ...)
{
	va_list args;
	int r;

	CHECK(n, room);
	(void)flag;
	va_start(args, format);
	r = vsnprintf(s, n, format, args);
	va_end(args);
	return r;
}

int __vsprintf_chk(char *s, int flag, size_t room, const char *format, va_list args)
	__attribute__((format(printf, 4, 0)));
int __vsprintf_chk(char *s, int flag, size_t room, const char *format, va_list args)
{
	/* an unknown room is the largest there is, and more than vsnprintf takes */
	size_t n = room > INT_MAX ? INT_MAX : room;
	int r = vsnprintf(s, n, format, args);

	(void)flag;
	CHECK(r >= 0 ? (size_t)r + 1 : 0, room);
	return r;
}

int __sprintf_chk(char *s, int flag, size_t room, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
int __sprintf_chk(char *s, int flag, size_t room, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = __vsprintf_chk(s, flag, room, format, args);
	va_end(args);
	return r;
}

int __vfprintf_chk(FILE *file, int flag, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));
int __vfprintf_chk(FILE *file, int flag, const char *format, va_list args)
{
	(void)flag;
	return vfprintf(file, format, args);
}

int __fprintf_chk(FILE *file, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
	va_list args;
	int r;

	(void)flag;
	va_start(args, format);
	r = vfprintf(file, format, args);
	va_end(args);
	return r;
}

int __printf_chk(int flag, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int __printf_chk(int flag, const char *format, ...)
{
	va_list args;
	int r;

	(void)flag;
	va_start(args, format);
	r = vprintf(format, args);
	va_end(args);
	return r;
}

int __vasprintf_chk(char **ret, int flag, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));
int __vasprintf_chk(char **ret, int flag, const char *format, va_list args)
{
	(void)flag;
	return vasprintf(ret, format, args);
}

int __asprintf_chk(char **ret, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int __asprintf_chk(char **ret, int flag, const char *format, ...)
{
	va_list args;
	int r;

	(void)flag;
	va_start(args, format);
	r = vasprintf(ret, format, args);
	va_end(args);
	return r;
}

int __dprintf_chk(int fd, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int __dprintf_chk(int fd, int flag, const char *format, ...)
{
	va_list args;
	int r;

	(void)flag;
	va_start(args, format);
	r = vdprintf(fd, format, args);
	va_end(args);
	return r;
}

/* Nobody here has anything for the system's log but libcap-ng, in a call that nobody makes. */
void __syslog_chk(int priority, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;

	(void)flag;
	va_start(args, format);
	vsyslog(priority, format, args);
	va_end(args);
}

#define CHECKED(result, name, args, wanted, room, call) \
	result __##name##_chk args; \
	result __##name##_chk args \
	{ \
		CHECK(wanted, room); \
		return call; \
	}

CHECKED(void *, memcpy, (void *to, const void *from, size_t n, size_t room), n, room,
	memcpy(to, from, n))
CHECKED(void *, memmove, (void *to, const void *from, size_t n, size_t room), n, room,
	memmove(to, from, n))
CHECKED(void *, memset, (void *to, int c, size_t n, size_t room), n, room, memset(to, c, n))
CHECKED(char *, strcpy, (char *to, const char *from, size_t room), strlen(from) + 1, room,
	strcpy(to, from))
CHECKED(char *, stpcpy, (char *to, const char *from, size_t room), strlen(from) + 1, room,
	stpcpy(to, from))
CHECKED(char *, strncpy, (char *to, const char *from, size_t n, size_t room), n, room,
	strncpy(to, from, n))
CHECKED(char *, strcat, (char *to, const char *from, size_t room),
	strlen(to) + strlen(from) + 1, room, strcat(to, from))
CHECKED(ssize_t, read, (int fd, void *to, size_t n, size_t room), n, room, read(fd, to, n))
CHECKED(ssize_t, readlink, (const char *path, char *to, size_t n, size_t room), n, room,
	readlink(path, to, n))
CHECKED(ssize_t, readlinkat, (int dir, const char *path, char *to, size_t n, size_t room),
	n, room, readlinkat(dir, path, to, n))
CHECKED(char *, getcwd, (char *to, size_t n, size_t room), n, room, getcwd(to, n))
/* PATH_MAX */
CHECKED(char *, realpath, (const char *path, char *to, size_t room),
	to ? (size_t)4096 : (size_t)0, room, realpath(path, to))

long __fdelt_chk(long fd);
long __fdelt_chk(long fd)
{
	CHECK(fd, 1023);
	CHECK(0, fd);
	return fd / 64;
}

/* A file that may be made needs a mode. */
int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
	CHECK(flags & O_CREAT, 0);
	return open(path, flags);
}

int __openat_2(int dir, const char *path, int flags);
int __openat_2(int dir, const char *path, int flags)
{
	CHECK(flags & O_CREAT, 0);
	return openat(dir, path, flags);
}

/* ------------------------------------------------ system calls without a wrapper */

int statx(int dir, const char *path, int flags, unsigned int mask, struct statx *ret);
int statx(int dir, const char *path, int flags, unsigned int mask, struct statx *ret)
{
	return (int)syscall(SYS_statx, dir, path, flags, mask, ret);
}

int fsopen(const char *type, unsigned int flags);
int fsopen(const char *type, unsigned int flags)
{
	return (int)syscall(SYS_fsopen, type, flags);
}

int fsconfig(int fd, unsigned int command, const char *key, const void *value, int aux);
int fsconfig(int fd, unsigned int command, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fd, command, key, value, aux);
}

int fsmount(int fd, unsigned int flags, unsigned int attributes);
int fsmount(int fd, unsigned int flags, unsigned int attributes)
{
	return (int)syscall(SYS_fsmount, fd, flags, attributes);
}

int open_tree(int dir, const char *path, unsigned int flags);
int open_tree(int dir, const char *path, unsigned int flags)
{
	return (int)syscall(SYS_open_tree, dir, path, flags);
}

int move_mount(int from, const char *from_path, int to, const char *to_path, unsigned int flags);
int move_mount(int from, const char *from_path, int to, const char *to_path, unsigned int flags)
{
	return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}

struct mount_attr;
int mount_setattr(int dir, const char *path, unsigned int flags, struct mount_attr *attr,
		  size_t size);
int mount_setattr(int dir, const char *path, unsigned int flags, struct mount_attr *attr,
		  size_t size)
{
	return (int)syscall(SYS_mount_setattr, dir, path, flags, attr, size);
}
