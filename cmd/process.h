/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Other processes, beyond doubt: by pidfd and by the directory in /proc that
 * belongs to it.  A number may be used again; these two are not.
 */
#ifndef RF_CMD_PROCESS_H
#define RF_CMD_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct process {
	pid_t		 pid;
	int		 fd;		/* pidfd */
	int		 dir;		/* /proc/PID */
};

#define PROCESS_NONE { .pid = 0, .fd = -1, .dir = -1 }

/* 0, or a negative errno: -ESRCH there is none. */
int process_open(pid_t pid, struct process *ret);
void process_close(struct process *p);

/* Neither a zombie nor gone: what was read of it before is true of it. */
bool process_is_alive(const struct process *p);
int process_signal(const struct process *p, int sig);

/* File @name of its directory as text; the length, or a negative errno. */
ssize_t process_read(const struct process *p, const char *name, char *buf, size_t size);

/* Of /proc/PID/stat. */
struct process_stat {
	char		 state;		/* R, S, T, Z, ... */
	pid_t		 parent;
	bool		 exiting;	/* its memory may be gone already */
	uint64_t	 start;		/* clock ticks after boot */
	long		 nice, rt_priority, policy;
};
int process_stat(const struct process *p, struct process_stat *ret);

/* A line "NAME:\tNUMBER" of /proc/PID/status; @base 10 or 16. -ENODATA: no such line. */
int process_status(const struct process *p, const char *name, int base, uint64_t *ret);
/* The same of a text that process_read() has got of "status". 0 or -ENODATA. */
int process_status_of(const char *text, const char *name, int base, uint64_t *ret);

/*
 * Which namespace it is in: @name is that below /proc/PID/ns.  -ESRCH also of one that
 * is ending: without memory it is nobody's to look at (-EACCES), and soon in none.
 */
int process_ns(const struct process *p, const char *name, struct stat *ret);

/*
 * What the parent's id @id is called in the user namespace of @p, or, unless @inside,
 * what @id there is called in the parent; @map is uid_map or gid_map.
 * 0, -ENOENT where nothing maps it, or another negative errno.
 */
int process_map_id(const struct process *p, const char *map, uint32_t id, bool inside,
		   int64_t *ret);

/* Is @p in the pid namespace @dev:@ino or in one inside that? */
bool process_is_in_pidns(const struct process *p, uint64_t dev, uint64_t ino);

/*
 * Call @fn for every process that /proc shows, until it returns other than 0,
 * which is returned.  @p is closed afterwards, unless @fn takes it and sets
 * its descriptors to -1.
 */
int process_each(int (*fn)(struct process *p, void *arg), void *arg);

#endif
