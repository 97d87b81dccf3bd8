/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between resolve.c and resolve_mount.c.
 */
#ifndef RF_RESOLVE_H
#define RF_RESOLVE_H

#include "spec.h"

struct rf_resolve {
	struct rf_sandbox *sb;
	struct rf_draft	*draft;
	const struct rf_features *f;
	struct rf_err	*err;
	bool		 pure;		/* RF_RESOLVE_PURE */
	const char	*home;		/* NULL: nobody knows */
	const char	*cwd;		/* NULL: it has none */
};

/* @text as an absolute path of the host; ".." stays for the kernel to follow. */
int rf_resolve_host(struct rf_resolve *rs, const struct rf_place *place,
		    const char *text, const char **ret_path);
/* @text as an absolute path inside: "~" is expanded, ".." and relative ones refused. */
int rf_resolve_inside(struct rf_resolve *rs, const struct rf_place *place,
		      const char *text, const char **ret_path);
bool rf_path_has_dotdot(const char *path);

/* spec_seccomp.c: the filter that `seccomp` names, or the default one. */
int rf_resolve_seccomp(struct rf_resolve *rs);

/*
 * spec_landlock.c: the rules of all keys, with absolute paths.
 * resolve_loader.c: adds those that starting the command takes.
 */
int rf_resolve_landlock(struct rf_resolve *rs);
int rf_resolve_loader(struct rf_resolve *rs);
/* One more rule; false: no memory. */
bool rf_landlock_add(struct rf_sandbox *sb, const struct rf_landlock_rule *rule);

/* Root and mounts: paths, what is there, one entry for each place. */
int rf_resolve_root(struct rf_resolve *rs);
int rf_resolve_mounts(struct rf_resolve *rs);

#endif
