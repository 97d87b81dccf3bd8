/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sandbox as an object: its memory and its words.
 *
 * The arena is a list of blocks that only grows.  A sandbox is built once, read
 * often and freed whole, so nothing in it is freed by itself.
 */
#include "sandbox.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../seccomp/policy.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME	0x00000080	/* glibc 2.31 has it not; floor is 2.36 */
#endif

const struct rf_ns_def rf_ns_defs[RF_NS_NR] = {
	[RF_NS_USER]	= { "user",	"user",		CLONE_NEWUSER },
	[RF_NS_MOUNT]	= { "mount",	"mnt",		CLONE_NEWNS },
	[RF_NS_PID]	= { "pid",	"pid",		CLONE_NEWPID },
	[RF_NS_NET]	= { "net",	"net",		CLONE_NEWNET },
	[RF_NS_IPC]	= { "ipc",	"ipc",		CLONE_NEWIPC },
	[RF_NS_UTS]	= { "uts",	"uts",		CLONE_NEWUTS },
	[RF_NS_CGROUP]	= { "cgroup",	"cgroup",	CLONE_NEWCGROUP },
	[RF_NS_TIME]	= { "time",	"time",		CLONE_NEWTIME },
};

const char *const rf_mount_kind_names[RF_MOUNT_KIND_NR] = {
	[RF_MOUNT_RO]		= "ro",
	[RF_MOUNT_RW]		= "rw",
	[RF_MOUNT_TMPFS]	= "tmpfs",
	[RF_MOUNT_PROC]		= "proc",
	[RF_MOUNT_SYSFS]	= "sysfs",
	[RF_MOUNT_MQUEUE]	= "mqueue",
	[RF_MOUNT_DEV]		= "dev",
	[RF_MOUNT_CGROUP]	= "cgroup",
	[RF_MOUNT_SYMLINK]	= "symlink",
	[RF_MOUNT_DIR]		= "dir",
	[RF_MOUNT_FILE]		= "file",
	[RF_MOUNT_OVERLAY]	= "overlay",
	[RF_MOUNT_DENY]		= "deny",
	[RF_MOUNT_BIND] = "bind", [RF_MOUNT_FS] = "mount", [RF_MOUNT_NODE] = "device",
};

int rf_caller_fd(const struct rf_caller *caller, int fd)
{
	if (!caller)
		return fd;
	for (size_t i = 0; i < caller->nr_fds; i++)
		if (caller->numbers[i] == fd)
			return caller->fds[i];
	return -1;
}

bool rf_name_is_good(const char *name)
{
	static const char letters[] =
		"_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.0123456789";
	size_t len = strspn(name, letters);

	return len && len <= 64 && !name[len] && !strchr("-.0123456789", *name);
}

#define BLOCK_SIZE	16384u
#define ALIGNMENT	16u

struct block {
	struct block	*next;
	size_t		 used, size;	/* of data[] */
	_Alignas(ALIGNMENT) char data[];
};

struct rf_sandbox *rf_sandbox_new(void)
{
	struct rf_sandbox *sb = calloc(1, sizeof(*sb));

	if (!sb)
		return NULL;
	sb->exec_fd = -1;
	sb->user.uid = sb->user.gid = -1;
	sb->no_new_privs = true;
	sb->init = true;
	return sb;
}

struct rf_sandbox *rf_sandbox_free(struct rf_sandbox *sb)
{
	struct block *b, *next;

	if (!sb)
		return NULL;
	rf_policy_free(sb->seccomp.policy);
	rf_sandbox_free(sb->oci.fragment);
	for (b = sb->arena; b; b = next) {
		next = b->next;
		free(b);
	}
	free(sb);
	return NULL;
}

void *rf_sandbox_alloc(struct rf_sandbox *sb, size_t size)
{
	struct block *b = sb->arena;
	size_t room;
	void *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (!b || b->size - b->used < size) {
		room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
		b = malloc(sizeof(*b) + room);
		if (!b)
			return NULL;
		b->next = sb->arena;
		b->used = 0;
		b->size = room;
		sb->arena = b;
	}
	p = b->data + b->used;
	b->used += size;
	return memset(p, 0, size);
}

char *rf_sandbox_strdup(struct rf_sandbox *sb, const char *s)
{
	size_t len = strlen(s) + 1;
	char *p = rf_sandbox_alloc(sb, len);

	return p ? memcpy(p, s, len) : NULL;
}

char *rf_sandbox_printf(struct rf_sandbox *sb, const char *fmt, ...)
{
	va_list args;
	char *p;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0)
		return NULL;
	p = rf_sandbox_alloc(sb, (size_t)len + 1);
	if (!p)
		return NULL;
	va_start(args, fmt);
	vsnprintf(p, (size_t)len + 1, fmt, args);
	va_end(args);
	return p;
}

const struct rf_landlock_rule *rf_landlock_rule_of(const struct rf_sandbox *sb, const char *path,
						   uint32_t port)
{
	for (size_t i = 0; i < sb->landlock.nr; i++) {
		const struct rf_landlock_rule *rule = &sb->landlock.rules[i];

		if (path ? rule->path && !strcmp(rule->path, path) :
			   !rule->path && rule->port == port)
			return rule;
	}
	return NULL;
}
