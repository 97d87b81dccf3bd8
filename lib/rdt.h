/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resctrl: classes of service for caches and memory bandwidth (Intel RDT, AMD QoS).
 *
 * A class is a directory at the top; "/" is the default one, which is the top itself.  The
 * kernel fills what is made.  @root is a descriptor of the top; functions return 0 or a
 * negative errno.
 */
#ifndef RF_RDT_H
#define RF_RDT_H

#include <stdbool.h>
#include <stddef.h>

#define RF_RDT_TEXT	4096	/* of schemata, and of other files there */

/* May a class be called so? */
bool rf_rdt_name_is_good(const char *clos);
/* Where resctrl is mounted, by the text of mountinfo, whole and not a part of it; -ENOENT. */
int rf_rdt_find(const char *mountinfo, char *buf, size_t size);
/* rdt_mount.c: its top, a descriptor; -ENOENT: there is none. */
int rf_rdt_open(void);

bool rf_rdt_has(int root, const char *clos);
int rf_rdt_make(int root, const char *clos);
/* A group in it whose tasks are counted by themselves. */
int rf_rdt_monitor(int root, const char *clos, const char *group);
/* Write whole lines, each with its newline. */
int rf_rdt_write(int root, const char *clos, const char *lines);
/* Does @clos have what the first line of @line says?  -EEXIST: something else. */
int rf_rdt_compare(int root, const char *clos, const char *line);
/* A descriptor by which a task joins: of the class, or of @group in it unless NULL. */
int rf_rdt_tasks(int root, const char *clos, const char *group);
/* One that is gone is no error.  With @unused it stays if somebody is in it. */
int rf_rdt_remove(int root, const char *clos, bool unused);
int rf_rdt_remove_group(int root, const char *clos, const char *group);
/* File @path below @root as text without white space at its ends, cut to @size; the length. */
int rf_rdt_read(int root, const char *path, char *buf, size_t size);
/* The same of file @name of @clos, or of @group in it unless NULL. */
int rf_rdt_read_of(int root, const char *clos, const char *group, const char *name, char *buf,
		   size_t size);

#endif
