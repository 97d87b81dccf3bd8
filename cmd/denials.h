/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Denials: calls of the command that the sandbox refused, each with the line
 * that decided and the edit that would allow it.
 *
 * The kernel does not say why it refuses.  So the model is asked: a call that
 * failed is run past the filter, the mounts, Landlock's rules, the network and
 * the capabilities of the spec, and is reported when one of those explains it.
 * What the host's own file permissions refuse is not reported.
 */
#ifndef RF_CMD_DENIALS_H
#define RF_CMD_DENIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "syscalls.h"
#include "tracee.h"
#include "verdict.h"

struct rf_sandbox;

struct denials {
	struct rf_denial	*list;
	size_t		 nr, max;
	size_t		 dropped;	/* beyond DENIALS_MAX */
};

#define DENIALS_MAX	1000

/* --------------------------------------------------------- in the tracer */

struct judge {
	const struct rf_sandbox *sb;
	struct denials	*found;
};

/* Call @c of @t has begun: would the filter let it pass?  @c may be NULL. */
void judge_entry(struct judge *j, const struct tracee *t, const struct call *c);
/* It has ended with @error, a positive errno. */
void judge_exit(struct judge *j, const struct tracee *t, const struct call *c, int error);
/* Refused by the tracer itself. */
void judge_io_uring(struct judge *j, const char *name);

/* denials_path.c, denials_call.c: what judge_exit() is made of */
void judge_path(struct judge *j, const struct tracee *t, const struct call *c,
		const char *path, uint8_t wants, int error);
void judge_across(struct judge *j, const struct tracee *t, const struct call *c);
void judge_address(struct judge *j, const struct tracee *t, const struct call *c, int error);

/* Once each; all but @kind, @error and @call are printf-like by the caller. */
void denials_add(struct denials *d, enum rf_denial_kind kind, const char *call, int error,
		 const char *subject, const char *place, const char *why, const char *edit);

/* @path is @dir, or below it. */
bool path_is_in(const char *path, const char *dir);
/* The deepest mount at or above @path; NULL: the root. */
const struct rf_mount *sandbox_governing(const struct rf_sandbox *sb, const char *path);
/* Where the host has what is at @path inside, or would have; "": nowhere. */
void sandbox_host_path(const struct rf_sandbox *sb, const struct rf_mount *m, const char *path,
		       char ret[PATH_MAX]);

/* A place as text; @fallback where the spec says nothing. */
struct rf_place;
void denial_place(const struct rf_place *p, const char *fallback, char *buf, size_t size);

/* ------------------------------------------------------- in the launcher */

void denials_print(const struct denials *d);
void denials_done(struct denials *d);

#endif
