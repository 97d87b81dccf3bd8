/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that ringfence itself writes: --verdict and --trace-file.
 */
#ifndef RF_CMD_OUTPUT_H
#define RF_CMD_OUTPUT_H

struct rf_err;

/*
 * Open @name for writing: "&N" and /dev/fd/N are descriptor N, anything else
 * is a file, which is made or emptied.  Its last component may not be a
 * symbolic link: the name often lies where an earlier sandboxed command could
 * write, which could have made it point at any file of the caller.
 *
 * Return: a new descriptor, close-on-exec, or a negative errno with @err set;
 * @option is the option's spelling, for errors.
 */
int output_open(const char *option, const char *name, struct rf_err *err);

/* The same into *@fd, in whose place it comes: of several options the last wins. */
int output_take(const char *option, const char *name, int *fd, struct rf_err *err);

#endif
