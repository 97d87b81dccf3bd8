/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hook at work.
 *
 *	container  hook_container.c  the process, its namespaces, the root: all by descriptor
 *	context	   hook_context.c    a task that has joined them, and the ops that it is given
 *	mounts	   hook_mounts.c     mounts, files, directories, links
 *	limits	   hook_limits.c     rlimits of the process, values of its control groups
 *	links	   hook_links.c	     the network
 *	sysctls	   hook_sysctls.c
 *
 * Everything that is done leaves behind how it is taken back; when something
 * fails, that is done from the end to the beginning (hook.c).
 */
#ifndef RF_CMD_HOOK_RUN_H
#define RF_CMD_HOOK_RUN_H

#include "chain.h"
#include "hook.h"
#include "netlink.h"
#include "process.h"

struct hook;
struct hook_undo;

/* How one thing is taken back.  0 or a negative errno. */
typedef int (*hook_undo_call)(struct hook *k, const struct hook_undo *u);

struct hook_undo {
	hook_undo_call	 call;
	const char	*path;		/* file, directory, link; file of a control group */
	const char	*text;		/* what it held */
	int		 slot;		/* a mount's */
	unsigned int	 flags;
	uint32_t	 index;		/* of a link */
	const struct rf_hook_net *net;
	const struct rf_hook_addr *addr;
	struct hook_rlimit { uint64_t soft, hard; } limit;
	int		 resource;
};

struct hook {
	enum rf_hook_stage stage;
	const struct rf_hook_stage_def *def;
	const struct rf_hook *fragment;
	struct rf_hook_state state;

	/* the container; -1 what there is not, or what is ours too */
	struct process	 process;
	int		 proc;		/* our /proc, known to be one */
	int		 root;
	int		 own_net;
	int		 ns[RF_NS_NR];

	/* the task in it */
	struct rf_ring	*ring;
	struct rf_chain	*chain;
	struct rf_context *context;	/* NULL: it has ended */
	int		 nr_over;	/* ops that have been run */
	int		 root_slot, proc_slot;
	int		*sysctl_slots;	/* one for each of the fragment */
	int		 received;	/* descriptor that it has sent */
	int		*given;		/* ours, that it was given: open until they have arrived */
	size_t		 nr_given, max_given;

	struct rf_netlink here, inside;	/* .fd -1: none */

	struct hook_undo *undo;
	size_t		 nr_undo, max_undo;
};

/* hook_container.c */
int hook_container_open(struct hook *k, struct rf_err *err);
void hook_container_close(struct hook *k);
/* @path within the directory @dir as if that were the root; O_PATH.  Negative errno. */
int hook_open_in(int dir, const char *path, uint64_t flags);
/* Text of file @fd, up to @max bytes; to be freed.  -EFBIG. */
int hook_read_all(int fd, size_t max, char **ret_text, size_t *ret_len);

/*
 * hook_context.c.  hook_step() runs the ops that were added to the chain since the
 * last one; an error is at @place, about @what.
 */
int hook_context_begin(struct hook *k, struct rf_err *err);
int hook_step(struct hook *k, const struct rf_place *place, const char *what, struct rf_err *err);
/* Take @fd: a slot of the chain, or a negative errno, and then it is closed. */
int hook_give(struct hook *k, int fd);
int hook_context_end(struct hook *k, struct rf_err *err);
void hook_context_free(struct hook *k);
/* "STAGE: WHAT", with the place. */
int hook_fail(const struct hook *k, const struct rf_place *place, int code, struct rf_err *err,
	      const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The same after it was done: how it is taken back.  0 or -ENOMEM, and it was taken back. */
int hook_can_undo(struct hook *k, const struct hook_undo *u, struct rf_err *err);

int hook_mounts(struct hook *k, struct rf_err *err);
int hook_groups(struct hook *k, struct rf_err *err);
int hook_rlimits(struct hook *k, struct rf_err *err);
int hook_links(struct hook *k, struct rf_err *err);
int hook_sysctls_open(struct hook *k, struct rf_err *err);
int hook_sysctls_write(struct hook *k, struct rf_err *err);

#endif
