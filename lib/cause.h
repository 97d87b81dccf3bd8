/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What can stand in the way on a host: one row per cause, with what an error
 * says of it and the narrowest fix; and how to tell from the system's files
 * that it does.  The hints of errors and `ringfence doctor` both read this.
 */
#ifndef RF_CAUSE_H
#define RF_CAUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe.h"

enum rf_cause_kind {
	RF_CAUSE_UNKNOWN = 0,
	RF_CAUSE_KERNEL,		/* too old for it, or built without */
	RF_CAUSE_MODULE,		/* a file system that is not there */
	RF_CAUSE_DEPENDS,		/* on something else that fails */
	RF_CAUSE_POWER,			/* needs root of the host */
	RF_CAUSE_USERNS_SYSCTL,
	RF_CAUSE_MAX_NAMESPACES,
	RF_CAUSE_NESTED,		/* a limit on namespaces, or 32 deep */
	RF_CAUSE_APPARMOR_USERNS,	/* Ubuntu's restriction */
	RF_CAUSE_APPARMOR_PROFILE,	/* the caller is confined */
	RF_CAUSE_SELINUX,
	RF_CAUSE_FILTER,
	RF_CAUSE_CHROOT,
	RF_CAUSE_UNMAPPED,
	RF_CAUSE_SETFCAP,
	RF_CAUSE_PROC_COVERED,
	RF_CAUSE_PROC_MISSING,
	RF_CAUSE_INITRAMFS,
	RF_CAUSE_HELPERS_MISSING,
	RF_CAUSE_HELPERS_POWERLESS,
	RF_CAUSE_NO_NEW_PRIVS,
	RF_CAUSE_SUBIDS,
	RF_CAUSE_URING_GROUP,		/* kernel.io_uring_disabled=1 */
	RF_CAUSE_URING_OFF,		/* =2 */
	RF_CAUSE_URING_FILTER,
	RF_CAUSE_LANDLOCK_OFF,
	RF_CAUSE_PTRACE_SCOPE,
	RF_CAUSE_CGROUP_NONE,
	RF_CAUSE_CGROUP_CONTROLLER,
	RF_CAUSE_CGROUP_DELEGATION,
	RF_CAUSE_CGROUP_BUSY,
	RF_CAUSE_NOFILE,
	RF_CAUSE_NPROC,
	RF_CAUSE_NR
};

struct rf_cause {
	enum rf_cause_kind kind;
	char		 text[320];	/* what stands in the way; no full stop */
};

struct rf_cause_def {
	const char	*word;		/* in JSON */
	const char	*hint;		/* what a hint says behind the text, or NULL */
	/*
	 * The narrowest fix, for whoever administers the host; lines.  {exe} {user}
	 * {uid} {calls} {subids} {lsm} {sysctl}
	 * {controller} are replaced.  NULL: there is none.
	 */
	const char	*fix;
};
extern const struct rf_cause_def rf_causes[RF_CAUSE_NR];

/* Where to look: the files of @root, "" but for tests; and who asks. */
struct rf_host {
	const char	*root;
	const struct rf_features *f;
};

/* Set @ret, and return true. */
bool rf_cause_set(struct rf_cause *ret, enum rf_cause_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Each looks for one cause, and returns whether it is there; @ret is set then
 * only.  @flags: CLONE_NEW* that were asked for.
 */
bool rf_cause_userns_sysctl(const struct rf_host *h, struct rf_cause *ret);
bool rf_cause_max_namespaces(const struct rf_host *h, uint64_t flags, struct rf_cause *ret);
bool rf_cause_apparmor(const struct rf_host *h, struct rf_cause *ret);
bool rf_cause_selinux(const struct rf_host *h, struct rf_cause *ret);
bool rf_cause_filter(const struct rf_host *h, struct rf_cause *ret);
bool rf_cause_caller(const struct rf_host *h, uint64_t flags, struct rf_cause *ret);
bool rf_cause_proc_covered(const struct rf_host *h, struct rf_cause *ret);
bool rf_cause_self_map(const struct rf_host *h, struct rf_cause *ret);
bool rf_cause_helpers(const struct rf_host *h, struct rf_cause *ret);
bool rf_cause_uring(const struct rf_host *h, int error, struct rf_cause *ret);

/* The same in the order of likelihood, for any call of the set-up that failed with @error. */
bool rf_cause_refusal(const struct rf_host *h, int error, uint64_t flags, struct rf_cause *ret);

/* ------------------------------------------------------------------- files */

/* One number from the host's file @path; false: it cannot be read. */
bool rf_host_number(const struct rf_host *h, const char *path, long *ret);
/* The first line of it; false: it cannot be read, or is empty. */
bool rf_host_line(const struct rf_host *h, const char *path, char *buf, size_t size);
/* What is behind @key at the beginning of one of its lines, blanks left out. */
bool rf_host_value(const struct rf_host *h, const char *path, const char *key, char *buf,
		   size_t size);
/* Whether @word is a word of it. */
bool rf_host_word(const struct rf_host *h, const char *path, const char *word);
bool rf_host_has(const struct rf_host *h, const char *path);

#endif
