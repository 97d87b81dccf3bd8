/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In a static program only: two functions of the C library that nobody calls
 * but capng_change_id(), which nobody calls.  The real ones bring the name
 * service and the dynamic loader with them, a tenth of the program, and load modules
 * that crash in it.  Users are looked up by lib/account.c.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>

struct passwd *getpwuid(uid_t uid)
{
	(void)uid;
	errno = ENOSYS;
	return NULL;
}

int initgroups(const char *user, gid_t group)
{
	(void)user;
	(void)group;
	errno = ENOSYS;
	return -1;
}
