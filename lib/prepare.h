/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What only root of the host can do, and not inside a new user namespace: it
 * is done before the chain, which gets the results as descriptors.
 */
#ifndef RF_PREPARE_H
#define RF_PREPARE_H

#include <stdbool.h>

struct rf_err;
struct rf_features;
struct rf_mount;
struct rf_sandbox;

/*
 * Mount the image that is @sb's root, and its id-mapped binds, all attached
 * nowhere.  To be called after rf_sandbox_resolve() and before rf_compile();
 * makes a short-lived child process if there are id-mapped binds.
 * Return: 0 or a negative errno with @err; rf_sandbox_unprepare() in any case.
 */
int rf_sandbox_prepare(struct rf_sandbox *sb, const struct rf_features *f, struct rf_err *err);

/*
 * Instead, for a launch whose context has all of that already: descriptors that stand
 * for it in the compiler's eyes, and are given to nobody.  Likewise to be released.
 */
int rf_sandbox_stand_in(struct rf_sandbox *sb, struct rf_err *err);

/* Close what was made.  After rf_submit(), or when nothing will be submitted. */
void rf_sandbox_unprepare(struct rf_sandbox *sb);

/*
 * What id-mapped mounts are made of, for other front ends: a user namespace with these
 * maps, held by its descriptor alone; a mount that is attached nowhere and is mapped by one;
 * and the error where that cannot be.  Each returns a negative errno.
 */
int rf_userns_new(const char *uids, const char *gids);
int rf_tree_idmap(int tree, int userns, bool recursive);
int rf_refuse_idmap(const struct rf_mount *m, int error, struct rf_err *err);

/* loop.c: the file system in the image file @path, read-only; a mount or -errno. */
int rf_image_mount(const char *path, const char *fstype);

/* compile_user.c: the id maps of @sb as written to the kernel; from its arena. */
int rf_user_maps(struct rf_sandbox *sb, const struct rf_features *f, const char **ret_uids,
		 const char **ret_gids, struct rf_err *err);

#endif
