/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a process of a container has to do with its engine: descriptors, the console, the
 * file with its number; and what is said when its launch fails.
 */
#ifndef RF_CMD_OCI_IO_H
#define RF_CMD_OCI_IO_H

#include <stdbool.h>
#include <sys/types.h>

#include "terminal.h"
#include "tty.h"

struct rf_chain;
struct rf_completion;
struct rf_err;
struct rf_features;
struct rf_oci_config;
struct rf_sandbox;

struct oci_io {
	const char	*console_socket, *pid_file, *pidfd_socket;
	int		 preserve;	/* descriptors from 3 on */
	int		 console;	/* connected socket; -1 */
	bool		 attached;	/* we stay until the process has ended */
	/* its terminal, where that is ours to show: */
	struct terminal_ends ends;
	int		 master;	/* -1: not yet, or not ours */
};
#define OCI_IO_INIT { .console = -1, .master = -1 }

/* Have @sb pass the descriptors on. */
int oci_io_pass(const struct oci_io *io, struct rf_sandbox *sb, struct rf_err *err);
/*
 * @terminal: the process has one, which somebody has to take.  If that is us, @sb's is as
 * the caller's; -EINVAL where nobody does, or the caller has none.
 */
int oci_io_check(struct oci_io *io, struct rf_sandbox *sb, bool terminal, struct rf_err *err);
int oci_io_connect(struct oci_io *io, struct rf_err *err);
/* To the socket, or kept for oci_wait().  Takes @master, whatever it returns. */
int oci_io_send(struct oci_io *io, int master, struct rf_err *err);
/* Its number into the file, a pidfd to the socket, where either is asked for. */
int oci_io_tell(const struct oci_io *io, pid_t pid, struct rf_err *err);
/* rf_oci_grant(), with a warning. */
void oci_grant(struct rf_sandbox *sb, const struct rf_oci_config *c, const struct rf_features *f);

/* What RF_DONE_FAILED means, in the words that engines know; the name of the op. */
const char *oci_launch_failed(const struct rf_chain *c, const struct rf_sandbox *sb,
			      const struct rf_features *f, const struct rf_completion *done,
			      struct rf_err *err);

#endif
