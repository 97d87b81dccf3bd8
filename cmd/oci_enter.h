/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One more process in a container, or in what is going to be one.
 */
#ifndef RF_CMD_OCI_ENTER_H
#define RF_CMD_OCI_ENTER_H

#include "oci_io.h"
#include "oci_runtime.h"
#include "probe.h"

struct oci_entry {
	struct rf_sandbox *sb;		/* what runs, and how: without namespaces, root and mounts */
	struct rf_features f;
	struct oci_io	*io;		/* NULL: none */
	const struct rf_oci_config *c;	/* that asks for capabilities; NULL: none does */
	bool		 home;		/* it has HOME in any case */
	bool		 in_groups;	/* it belongs to the container's control groups */
	const char	*const *below;	/* or to some below them (oci_groups_open_below()) */
	size_t		 nr_below;
	int		 agent;		/* who answers for its filter, where that asks; else -1 */

	struct rf_chain	*chain;
	struct rf_ring	*ring;
	struct rf_context *ctx;
	pid_t		 pid;
	const char	*failed_op;
};

/*
 * Join the namespaces of @k's process, and its groups, and run the command; returns
 * when it runs.  0, or a negative errno with @err, and then nothing of it does.
 */
int oci_enter(struct oci_entry *e, const struct oci_container *k, struct rf_err *err);

/*
 * oci_process.c: @e's sandbox as the configuration of @k describes its process, for another
 * command; @c is what else the file says.  Then, when all that the caller wants different
 * is, what confines it: labels, the fragment, the filter.
 */
int oci_process_load(struct oci_entry *e, const struct oci_container *k, struct rf_oci_config *c,
		     struct rf_err *err);
int oci_process_confine(struct oci_entry *e, const struct oci_container *k,
			struct rf_oci_config *c, struct rf_err *err);

/* The maker of a task apart has nothing left to do: no zombie of it for the engine. */
void oci_reap_maker(const struct rf_context *ctx);

/* What a process says to a pipe that is its standard error. */
struct oci_said {
	int		 fd;		/* the end to be read; -1: none */
	char		 tail[256];	/* of it, with a NUL */
	size_t		 len;
};

/*
 * oci_wait.c: wait for the end of @pid, a child of ours, at most @timeout_ms (-1: without
 * limit), passing signals on, and what is typed and shown where @io has the terminal's
 * master (NULL: it has not); its exit status, 128 + signal, or a negative errno after it
 * has been killed, with its group: -ETIMEDOUT when the time was up.  What is written to
 * the pipe @said (NULL: none) goes to our standard error meanwhile.
 */
int oci_wait(pid_t pid, int timeout_ms, struct oci_io *io, struct oci_said *said);
/* The last line of it that is not empty, without what a terminal would act on. */
const char *oci_said_line(struct oci_said *said);
int64_t oci_now_ms(void);

#endif
