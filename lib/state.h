/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state of a running sandbox: what its launcher says of it to `exec`, `ps`
 * and `kill`, as text (JSON) and back.  All of the confinement is in it, as
 * final values, so that a second command gets what the first has got.
 *
 * Pure: no system call, no clock.  The reader takes the text whole or refuses
 * it; every key is there once, and no other.
 */
#ifndef RF_STATE_H
#define RF_STATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox.h"

struct rf_err;

#define RF_STATE_MAX	(16U << 20)	/* bytes */
#define RF_ENTRY_MAX	1024U
#define RF_GROUPS_MAX	65536U		/* NGROUPS_MAX */

struct rf_state_ns {
	bool		 apart;		/* not the launcher's */
	bool		 made;		/* for this sandbox: nobody else lives there */
	uint64_t	 dev, ino;	/* which it is, if apart */
};

/* One of its control groups: a directory that the launcher holds open. */
struct rf_state_group {
	int		 fd;		/* in the launcher */
	bool		 v2;
};

struct rf_state {
	int64_t		 launcher, payload;
	int64_t		 init;		/* pid 1, the init image; 0: none */
	uint64_t	 payload_start, init_start; /* field 22 of /proc/PID/stat */
	int64_t		 started_ms;	/* CLOCK_BOOTTIME */
	uint32_t	 gid;		/* of the launcher */
	uint32_t	*groups;	/* its supplementary ones */
	size_t		 nr_groups;
	uint32_t	 limited;	/* bit n: the spec limits RLIMIT_ n */
	struct rf_state_ns ns[RF_NS_NR];
	struct rf_state_group cgroups[RF_CG_HIERARCHIES];
	size_t		 nr_cgroups;
	const char	*tracker;	/* directory of the group by which all is stopped; or NULL */
	/*
	 * The command and its confinement.  Set by the writer as they came out:
	 * user.uid and user.gid are -1 where the launcher's own ids were kept,
	 * user.groups is KEEP or DROP (with those in add_gids), all limits are set.
	 */
	struct rf_sandbox *sb;
};

/* Text of @st, malloc'd, without a newline; NULL: no memory. */
char *rf_state_print(const struct rf_state *st);

/*
 * The reverse.  *ret and its sandbox are to be given to rf_state_free().
 * Return: 0, -EINVAL (@err says which key), -EFBIG, -ENOMEM.
 */
int rf_state_parse(const char *text, size_t len, struct rf_state **ret, struct rf_err *err);
struct rf_state *rf_state_free(struct rf_state *st);

/* What a name stands for: a process, beyond doubt. */
struct rf_entry {
	int64_t		 pid;
	uint64_t	 start;		/* field 22 of /proc/PID/stat */
	uint64_t	 pidns, timens;	/* inodes: whose numbers these are */
	char		 boot[40];	/* boot_id of the kernel */
};

char *rf_entry_print(const struct rf_entry *e);
int rf_entry_parse(const char *text, size_t len, struct rf_entry *ret, struct rf_err *err);

#endif
