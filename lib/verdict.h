/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of one launch as JSON, and single ops as JSON.  The only module
 * that knows jansson; nothing of it runs unless JSON was asked for.
 */
#ifndef RF_VERDICT_H
#define RF_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cgroup.h"
#include "ringfence.h"
#include "sandbox.h"

struct rf_receipt;

enum rf_outcome {
	RF_REFUSED = 0,		/* usage or spec: nothing was started */
	RF_FAILED,		/* the sandbox could not be made, or the command not be found in it */
	RF_EXITED,
	RF_SIGNALED,
	RF_TIMEOUT,
};

/* What kept a call of the command from succeeding. */
enum rf_denial_kind {
	RF_DENIED_MISSING = 0,	/* on the host, but not in the sandbox */
	RF_DENIED_READ_ONLY,
	RF_DENIED_COVERED,	/* by `deny` */
	RF_DENIED_NOEXEC,
	RF_DENIED_LANDLOCK,
	RF_DENIED_NETWORK,
	RF_DENIED_CAPABILITY,
	RF_DENIED_SECCOMP,
	RF_DENIED_IO_URING,	/* by the tracer */
	RF_DENIED_TRACING,	/* likewise: a task has one tracer */
	RF_DENIED_NR
};

struct rf_denial {
	enum rf_denial_kind kind;
	int		 error;		/* positive errno; 0: the task was killed */
	char		*call;		/* its name */
	char		*subject;	/* path, port, capability; "" */
	char		*place;		/* "spec.yaml:12:5", or what decides by default */
	char		*why;		/* one phrase */
	char		*edit;		/* what would allow it; "" */
};

/* Which one of many it was. */
struct rf_verdict_job {
	uint64_t	 index;		/* from 1 */
	const char	*name;		/* or NULL */
	struct rf_place	 place;
};

struct rf_verdict {
	const struct rf_verdict_job *job; /* NULL: it was the only one */
	enum rf_outcome	 outcome;
	int		 exit_status;	/* of ringfence itself; -1: it dies by `signal` */
	int		 signal;	/* that ended the command; 0 none */
	const char	*reason;	/* one phrase for people, or NULL */

	const struct rf_err *err;	/* NULL or code 0: none */
	const char	*op;		/* text of the op that failed, or NULL */
	int		 op_index;	/* -1: no op */

	bool		 has_setup, has_usage;
	uint64_t	 setup_us;	/* start of the program to exec of the command */
	uint64_t	 wall_us, user_us, system_us; /* the command's */
	long		 peak_kib;	/* -1: unknown */
	long		 peak_at_most_kib; /* where only that is known; -1 */

	const struct rf_cgroup_usage *cgroup; /* what its control group counted; NULL: none */
	const char	*cgroup_path;	/* where that was, or NULL */

	const char	*engine, *engine_why;
	const char	*pool;		/* that the sandbox was taken from; or NULL */
	const char	*pool_why;	/* asked for one and launched without: why; or NULL */
	const char	*groups;	/* "kept", "dropped", "set", or NULL */
	int64_t		 uid, gid;	/* inside; -1 unknown */
	const struct rf_mount *const *skipped; /* optional mounts left out */
	size_t		 nr_skipped;
	const char	*fallback_why;	/* the fallback was taken; or NULL */
	const struct rf_denial *denials; /* of --explain-denials */
	size_t		 nr_denials;
	bool		 has_denials;	/* they were asked for, and are all that was found */
	const struct rf_receipt *receipt; /* NULL: the command has not run */
};

/* Length of the well-formed UTF-8 character at @text, or 0. */
size_t rf_utf8_length(const char *text);

/* One object and a newline, to be freed; NULL: no memory. */
char *rf_verdict_json(const struct rf_verdict *v);

/* One op of a chain, with or without its result. */
struct rf_op_row {
	int		 index;
	const char	*op;		/* its name */
	const char	*text;		/* with arguments */
	struct rf_place	 place;		/* line 0: none */
	bool		 hard;		/* hard-linked */
	bool		 has_result, has_time;
	int		 result;
	double		 usec;
};

/* One object without a newline, to be freed; NULL: no memory. */
char *rf_op_row_json(const struct rf_op_row *row);

/* {"fallback": "landlock", "why": ...} likewise; a line of a trace. */
char *rf_fallback_json(const char *why);

/* The layers as a list, likewise. */
char *rf_receipt_json(const struct rf_receipt *receipt);

/* A running sandbox, as `ps --json` has it. */
struct rf_running_row {
	const char	*name;		/* NULL: none */
	int64_t		 pid, command_pid;	/* command_pid 0: not started yet */
	int64_t		 age_ms;
	const char	*state;		/* "starting", "running", "paused" */
	const struct rf_sandbox *sb;	/* command and limits; NULL: not started yet */
	uint32_t	 limited;	/* bit n: RLIMIT_ n is limited */
};
char *rf_running_row_json(const struct rf_running_row *row);

/* A pool, as `pool status` has it. */
struct rf_pool_row {
	const char	*name, *spec;	/* spec NULL: the preset */
	int64_t		 pid, size, ready, making, running, waiting;
	int64_t		 taken, sent_away, made, failed, retired;
	const char	*last_sent_away, *last_error;	/* or NULL */
	int64_t		 uptime_ms;
};
/* One object and a newline, likewise. */
char *rf_pool_row_json(const struct rf_pool_row *row);

/* Key of RLIMIT_ @n in `limits`, or NULL. */
const char *rf_rlimit_name(unsigned int n);

/* {"engine": ..., "why": ...} likewise; the first line of a trace. */
char *rf_engine_json(const char *engine, const char *why);

#endif
