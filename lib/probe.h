/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel and the caller can do, as plain data: the second input of
 * the compiler.  Filled by rf_probe() or read from a file
 * (`explain --features FILE`), so that chains can be reproduced anywhere.
 */
#ifndef RF_PROBE_H
#define RF_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rf_err;

#define RF_KERNEL(major, minor) (((unsigned int)(major) << 16) | (unsigned int)(minor))

struct rf_features {
	unsigned int	 kernel;	/* RF_KERNEL(6, 18) */
	uint32_t	 uid, gid;	/* effective ids of the caller */
	uint32_t	 nr_groups;	/* supplementary groups of the caller besides gid */
	uint64_t	 caps;		/* effective capabilities of the caller */
	uint32_t	 subuid, nr_subuid; /* first subordinate range; count 0 = none */
	uint32_t	 subgid, nr_subgid;
	uint32_t	 last_cap;	/* highest capability that the kernel knows */
	uint64_t	 nofile;	/* soft RLIMIT_NOFILE */
	uint32_t	 landlock;	/* ABI; 0: none (or not asked: rf_probe_landlock()) */
	bool		 host_root;	/* the caller is root of the first user namespace */
	bool		 exe_writable;	/* the caller may write the program that it runs */
	bool		 has_newuidmap;	/* newuidmap and newgidmap are installed */
	bool		 native_hint;	/* rf_release_is_native(); not in files */
	bool		 apparmor, selinux; /* are on (or not asked: rf_probe_labels()) */
};

/* Ask the kernel about itself and the caller.  Return: 0 or negative errno. */
int rf_probe(struct rf_features *ret, struct rf_err *err);

/* Does the kernel's release say that it runs chains?  A hint of where to look, no proof. */
bool rf_release_is_native(const char *release);

/*
 * What only id maps of subordinate ranges need: the caller's ranges in
 * /etc/subuid and /etc/subgid, by name or number, and has_newuidmap.  Reads the
 * user database, so rf_probe() leaves it out.
 */
int rf_probe_subids(struct rf_features *f, struct rf_err *err);

/* The same for what only sandboxes with Landlock need. */
void rf_probe_landlock(struct rf_features *f);

/* And for those with labels. */
void rf_probe_labels(struct rf_features *f);

/*
 * Where newuidmap and newgidmap are run from, NULL at the end: they are
 * set-user-ID programs, and never found through PATH.
 */
extern const char *const rf_helper_dirs[];

/* The first range of @uid or @name in @file. -ENOENT: none; or another errno. */
int rf_subids_read(const char *file, uint32_t uid, const char *name, uint32_t *ret_first,
		   uint32_t *ret_count);

/* Read "key: value" lines, as `explain --print-features` writes them. */
int rf_features_read(const char *file, struct rf_features *ret, struct rf_err *err);

/* Write them into @buf; the length it would have had. */
int rf_features_print(const struct rf_features *f, char *buf, size_t size);

#endif
