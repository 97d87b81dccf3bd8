/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control groups of a sandbox: one group in each hierarchy that is needed, all
 * of one name, made before the chain and removed when the launch is over.
 *
 *	find	cgroup_find.c	which hierarchies there are, and where the caller is
 *	place	cgroup_place.c	below which group ours may be made
 *	limit	cgroup_limit.c	values, as each version of the kernel's files wants them
 *	usage	cgroup_usage.c	what a group has used
 *	end	cgroup_end.c	freezing, killing, removing; leftovers of dead launchers
 *	make	cgroup.c	all of it together
 *
 * Nothing here runs unless the sandbox has a limit that needs it, a parent for
 * its group, or a limit on the cpu time of the tree.
 */
#ifndef RF_CGROUP_H
#define RF_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox.h"

struct rf_err;

/* Controllers; names as in /proc/self/cgroup, and on version 2 where that differs. */
enum rf_cgroup_controller {
	RF_CTL_MEMORY, RF_CTL_PIDS, RF_CTL_CPU, RF_CTL_CPUSET, RF_CTL_IO, RF_CTL_HUGETLB,
	RF_CTL_CPUACCT,		/* version 1 only; on 2 every group counts cpu time */
	RF_CTL_FREEZER,		/* version 1 only; on 2 every group can be frozen */
	RF_CTL_NR
};
struct rf_cgroup_ctl_def {
	const char	*v1, *v2;	/* v2 NULL: part of every group */
};
extern const struct rf_cgroup_ctl_def rf_cgroup_ctls[RF_CTL_NR];

/* ------------------------------------------------------------------ finding */

#define RF_CGROUP_TREES	16

/* A mounted hierarchy and the caller's place in it. */
struct rf_cgroup_tree {
	bool		 v2;
	uint32_t	 controllers;	/* v1: bit per enum rf_cgroup_controller */
	size_t		 mount_len;	/* of own[]: where it is mounted */
	char		*own;		/* directory of the caller's group; below the mount */
	bool		 outside;	/* the caller's group is not below the mount: own is the mount */
};

struct rf_cgroup_host {
	struct rf_cgroup_tree trees[RF_CGROUP_TREES];
	size_t		 nr;
};

/*
 * From the text of /proc/self/mountinfo and of /proc/self/cgroup.
 * Return: 0 or -ENOMEM; rf_cgroup_host_done() in any case.
 */
int rf_cgroup_host_parse(struct rf_cgroup_host *h, const char *mountinfo, const char *self);
/* The same, of this process; also -ENOENT, -EACCES, ... of /proc. */
int rf_cgroup_host_read(struct rf_cgroup_host *h);
void rf_cgroup_host_done(struct rf_cgroup_host *h);

/* ------------------------------------------------------------------ placing */

/* Where the group is going to be in one hierarchy. */
struct rf_cgroup_spot {
	const struct rf_cgroup_tree *tree;
	uint32_t	 controllers;	/* that are needed here */
	bool		 optional;	/* no limit depends on it */
	char		*parent;	/* directory; ours is made in it */
	char		*leaf;		/* the launcher has moved out of its group into this; or NULL */
	uint32_t	 enabled;	/* controllers that were enabled for this sandbox's sake */
};

struct rf_cgroup_plan {
	struct rf_cgroup_spot spots[RF_CG_HIERARCHIES];
	size_t		 nr;
	size_t		 tracker;	/* the spot that is killed and frozen by; nr: none */
};

/* Whether @sb needs a group at all. */
bool rf_cgroup_is_wanted(const struct rf_sandbox *sb);
/* The controllers that its limits need. */
uint32_t rf_cgroup_needs(const struct rf_sandbox *sb);

/* Which hierarchies serve @sb; touches nothing. 0 or a negative errno with @err. */
int rf_cgroup_plan(const struct rf_sandbox *sb, const struct rf_cgroup_host *h,
		   struct rf_cgroup_plan *p, struct rf_err *err);
/*
 * A parent for each spot: at the caller's group or the nearest above it that may
 * be written to and hands the controllers down, or the one that the spec names.
 * May enable controllers of a version 2 group, and move the launcher into a
 * group of its own where it is alone in a delegated one.
 */
int rf_cgroup_place(const struct rf_sandbox *sb, struct rf_cgroup_plan *p, struct rf_err *err);
void rf_cgroup_plan_done(struct rf_cgroup_plan *p);
/*
 * The same for a group that outlives its maker, who therefore stays where it is: @ret,
 * to be freed, or NULL and what stood in the way at the caller's own group.
 */
int rf_cgroup_find(const struct rf_cgroup_tree *t, uint32_t controllers, char **ret);
/*
 * Are there processes in the version 2 group @dir itself?  It can hand few controllers
 * down then, and none to a group with processes.  The root may have some.
 */
bool rf_cgroup_is_occupied(const char *dir);

/* ----------------------------------------------------------------- limiting */

/* One value for one control file. */
struct rf_cgroup_value {
	enum rf_cgroup_limit limit;
	const struct rf_place *place;
	char		 file[64];
	char		 text[160];
	bool		 optional;	/* a file that the kernel has not got is none to write */
	bool		 inherit;	/* the parent's value, if it has none of its own */
};

/*
 * Value @index of those that @controllers of a @v2 group need for @sb, or false
 * behind the last.  In the order of writing.
 */
bool rf_cgroup_value(const struct rf_sandbox *sb, bool v2, uint32_t controllers, size_t index,
		     struct rf_cgroup_value *ret);
/* Write them all into the group @dir, which is open as @fd. 0 or a negative errno with @err. */
int rf_cgroup_limit(const struct rf_sandbox *sb, bool v2, uint32_t controllers, const char *dir,
		    int fd, struct rf_err *err);
/* The place and the spec's word of the first limit that needs one of @controllers. */
const struct rf_place *rf_cgroup_place_of(const struct rf_sandbox *sb, uint32_t controllers,
					  const char **ret_word);

/* -------------------------------------------------------------------- usage */

/* -1: not known here. */
struct rf_cgroup_usage {
	int64_t	 cpu_us, user_us, system_us;
	int64_t	 throttled, throttled_us;	/* how often, and for how long */
	int64_t	 memory_peak;			/* bytes */
	int64_t	 memory_hits, oom_kills;	/* how often the limit was met; tasks killed */
	int64_t	 pids_peak, pids_hits;
	int64_t	 io_read, io_written;		/* bytes */
};
#define RF_CGROUP_USAGE_INIT { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 }

/* Add what the group @dir knows to @u. */
void rf_cgroup_usage_read(const char *dir, bool v2, uint32_t controllers,
			  struct rf_cgroup_usage *u);

/* ------------------------------------------------------------------- groups */

struct rf_cgroup_dir {
	char		*path;
	int		 fd;		/* locked for as long as the launcher lives */
	bool		 v2;
	bool		 gone;		/* removed: the name may be somebody else's by now */
	uint32_t	 controllers;
};

struct rf_cgroup {
	char		 name[40];	/* ringfence-PID-N */
	struct rf_cgroup_dir dirs[RF_CG_HIERARCHIES];
	size_t		 nr, tracker;	/* tracker: by which it is killed and frozen */
	char		*leaf;		/* where the launcher is meanwhile; or NULL */
	int		 leaf_fd;	/* likewise locked; -1 */
	uint32_t	 leaf_enabled;	/* controllers of the group that it has left */
};

/*
 * Make the groups of @sb and write its limits; sb->cgroup.group, .fds and
 * .nr_fds are set.  Does nothing when none is wanted.
 * Return: 0, or a negative errno with @err, and nothing is left then.
 */
int rf_cgroup_make(struct rf_sandbox *sb, struct rf_err *err);
/* For printing: .nr_fds as on this host, or as on version 2 if @pure; nothing is made. */
int rf_cgroup_look(struct rf_sandbox *sb, bool pure, struct rf_err *err);
/* Close .fds: after rf_submit(). */
void rf_cgroup_submitted(struct rf_sandbox *sb);

/* What it has used so far. */
void rf_cgroup_usage(const struct rf_cgroup *g, struct rf_cgroup_usage *ret);

/*
 * Is nobody in it?  Of whoever looks, for it is the kernel that says so by removing the group
 * that it is killed by: what that has used is not to be had any more.
 */
bool rf_cgroup_is_over(struct rf_cgroup *g);

/*
 * Kill what is left in it, remove it, free it, and remove what dead launchers left beside
 * it; NULL is fine.  @ret_usage may be NULL.  Return: 0, or the negative errno of the
 * group that would not go.
 */
int rf_cgroup_end(struct rf_cgroup *g, struct rf_cgroup_usage *ret_usage);

/* The directory by which others (`ps`, `kill`, `pause`) know the group, or NULL. */
const char *rf_cgroup_path(const struct rf_cgroup *g);

/*
 * cgroup_end.c, for any group by its directory (rf_cgroup_path()): stop and let
 * go all its tasks, or kill them.  Freezing waits until all have stopped.
 * Return: 0, -ENOENT (gone), -EOPNOTSUPP (a version 1 hierarchy without the
 * freezer), -ETIMEDOUT, or another negative errno.
 */
int rf_cgroup_freeze(const char *dir);
int rf_cgroup_thaw(const char *dir);
int rf_cgroup_kill(const char *dir);
/* 1: it has tasks, 0: none, or a negative errno. */
int rf_cgroup_is_populated(const char *dir);
/* @visit each group, @dir and those below it; the first negative answer ends it. */
int rf_cgroup_walk(const char *dir, int (*visit)(void *arg, const char *dir), void *arg);
/* Kill what is in it and remove it; waits for the tasks to be gone. */
int rf_cgroup_remove(const char *dir);
/* Remove groups of ours below @parent whose launcher is dead: nobody holds their lock. */
void rf_cgroup_sweep(const char *parent);

/* Small files. The text without its newline at the end; the length or -errno. */
ssize_t rf_cgroup_read(const char *dir, const char *file, char *buf, size_t size);
int rf_cgroup_write(const char *dir, const char *file, const char *text);
int rf_cgroup_write_at(int dir, const char *file, const char *text);
/* Number behind @key at the start of a line, or -1. */
int64_t rf_cgroup_field(const char *text, const char *key);

#endif
