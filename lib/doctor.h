/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What works on a host: one row per probe.  Each probe runs in a child of its
 * own with a deadline and really does what it asks about; nothing is guessed
 * from a version, and nothing is left behind.
 *
 *	doctor.c	  the rows, the child, fixes
 *	doctor_ns.c	  namespaces and id maps
 *	doctor_mount.c	  mounts and file systems
 *	doctor_restrict.c Landlock, seccomp, ptrace, security modules
 *	doctor_call.c	  single system calls that a filter may refuse
 *	doctor_cgroup.c	  control groups
 *	doctor_host.c	  kernel, limits, engine, container
 */
#ifndef RF_DOCTOR_H
#define RF_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cause.h"
#include "probe.h"

enum rf_finding_status {
	RF_FINDING_FAILS = 0,
	RF_FINDING_PARTLY,	/* works, but not all of it */
	RF_FINDING_WORKS,
	RF_FINDING_INFO,	/* nothing that could fail */
	RF_FINDING_NR
};
/* As printed: "fails", "partly", "works", "info". */
extern const char *const rf_finding_words[RF_FINDING_NR];

struct rf_finding {
	enum rf_finding_status status;
	int		 error;		/* positive errno, or 0 */
	char		 value[256];	/* what was found, or which step failed; may be empty */
	struct rf_cause	 cause;		/* with kind UNKNOWN and no text: none known */
};

struct rf_doctor {
	struct rf_host	 host;		/* .f: of the caller, with subordinate ids */
	const char	*user;		/* the caller's name or number */
	const char	*exe;		/* path of the program that a fix is for */
	unsigned int	 deadline_ms;	/* for each probe */
	struct rf_finding *found;	/* one per row; those before the one that is probed are there */
	/* Start the default sandbox; fills @f. */
	void		(*sandbox)(const struct rf_doctor *d, struct rf_finding *f);
};

struct rf_doctor_row {
	const char	*group, *name;
	bool		 needed;	/* by the default sandbox */
	void		(*probe)(const struct rf_doctor *d, const struct rf_doctor_row *row,
				 struct rf_finding *f);
	uint64_t	 arg;		/* the probe's */
	const char	*loss;		/* what is not to be had when it fails, or NULL */
};

extern const struct rf_doctor_row rf_doctor_rows[];	/* ends with group NULL */
size_t rf_doctor_nr(void);

/* Fill d->found[@index] by a probe in a child.  Return: 0, or a negative errno of mmap or pipe. */
int rf_doctor_probe(const struct rf_doctor *d, size_t index);

/* The finding of row "@group", "@name"; NULL: no such row. */
const struct rf_finding *rf_doctor_found(const struct rf_doctor *d, const char *group,
					 const char *name);

/* Whether all that the default sandbox needs works, as far as probed. */
bool rf_doctor_works(const struct rf_doctor *d);

/* The narrowest fix, as lines, to be freed; NULL: there is none, or no memory. */
char *rf_doctor_fix(const struct rf_doctor *d, const struct rf_finding *f);

/* ------------------------------------------------------------ between the modules */

/* Set @f.  The second returns -1, so that a step can `return rf_found_failure(...)`. */
void rf_found(struct rf_finding *f, enum rf_finding_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int rf_found_failure(struct rf_finding *f, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Run @step in a child with new namespaces @flags, as a launch makes them: by
 * clone.  With RF_INSIDE_ROOT it is root there, by a map that it writes itself.
 * A caller that cannot have a user namespace but has CAP_SYS_ADMIN does without,
 * and what works then works partly.  @step fills @f.
 */
#define RF_INSIDE_ROOT	(1U << 0)
void rf_inside(const struct rf_doctor *d, uint64_t flags, unsigned int how,
	       int (*step)(struct rf_finding *f, const struct rf_doctor_row *row),
	       const struct rf_doctor_row *row, struct rf_finding *f);

/* As a child that ends with @step; -1 and @f when it cannot be made. */
int rf_forked(int (*step)(struct rf_finding *f, const struct rf_doctor_row *row),
	      const struct rf_doctor_row *row, struct rf_finding *f);

/* Write a file of this task's own. 0 or a negative errno. */
int rf_write_text(const char *path, const char *text);
/* "0 @id 1" into the maps of this task, setgroups denied. */
int rf_write_root_maps(uint32_t uid, uint32_t gid);

typedef void rf_doctor_probe_fn(const struct rf_doctor *d, const struct rf_doctor_row *row,
				struct rf_finding *f);
rf_doctor_probe_fn rf_look_kernel_version, rf_look_container, rf_look_limits, rf_look_nofile,
	rf_look_engine, rf_look_hugepages;
rf_doctor_probe_fn rf_look_user_ns, rf_look_ns, rf_look_ns_inside, rf_look_loopback,
	rf_look_self_map, rf_look_ranges, rf_look_helpers, rf_look_range;
rf_doctor_probe_fn rf_look_bind, rf_look_new_fs, rf_look_pivot_root, rf_look_idmapped,
	rf_look_image_fs, rf_look_loop;
rf_doctor_probe_fn rf_look_landlock, rf_look_seccomp, rf_look_notify, rf_look_ptrace,
	rf_look_lsm, rf_look_filter, rf_look_tty, rf_look_nnp;
rf_doctor_probe_fn rf_look_call;
rf_doctor_probe_fn rf_look_hierarchies, rf_look_controller;

/* doctor_call.c: the names of the calls that a filter refuses. */
void rf_doctor_refused(const struct rf_doctor *d, char *buf, size_t size);
/* Those that it should allow for @f to work, as `"a", "b"`. */
void rf_doctor_wanted(const struct rf_doctor *d, const struct rf_finding *f, char *buf, size_t size);

/* doctor_mount.c: rf_doctor_row.arg of rf_look_new_fs. */
enum {
	RF_FS_TMPFS, RF_FS_PROC, RF_FS_SYSFS, RF_FS_DEVPTS, RF_FS_MQUEUE, RF_FS_OVERLAY,
	RF_FS_CGROUP,
};

#endif
