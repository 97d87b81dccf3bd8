/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `batch` says of its jobs: a verdict each, one line of progress where
 * somebody watches, and JUnit's XML.
 */
#ifndef RF_CMD_BATCH_REPORT_H
#define RF_CMD_BATCH_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "verdict.h"

struct rf_err;

struct batch_report {
	int		 verdict_fd;
	const char	*input;		/* what the jobs came from */
	uint64_t	 total;		/* 0: not known yet */
	uint64_t	 done, failed;
	uint64_t	 errors;	/* of .failed: those whose command has not run */

	/* progress */
	bool		 watched;	/* standard error is a terminal */
	bool		 shown;		/* the line is there */
	uint64_t	 shown_ns;	/* since when; 0: not yet */
	uint64_t	 shown_done;	/* what it says */
	unsigned int	 shown_running;

	/* JUnit */
	const char	*junit;		/* the file; NULL: none */
	char		*tmp;		/* what is written meanwhile */
	FILE		*xml;
};

#define BATCH_REPORT_INIT { .verdict_fd = -1 }

/* --junit: begin @file. 0 or a negative errno with @err set. */
int batch_junit_begin(struct batch_report *b, const char *file, struct rf_err *err);
/* All is over: put the file in its place. 0 or a negative errno with @err set. */
int batch_junit_end(struct batch_report *b, struct rf_err *err);

/*
 * One job is over; @v->job says which.  @command for people.
 * Return: 0, or a negative errno of the verdict's write.
 */
int batch_report_job(struct batch_report *b, const struct rf_verdict *v, char *const *command);

/*
 * The line of progress, where one is watched and not too often; milliseconds until
 * it is due, or -1.  And take it away.
 */
int batch_progress(struct batch_report *b, unsigned int running);
void batch_progress_clear(struct batch_report *b);

/* Nothing of an unfinished JUnit file stays. */
void batch_report_done(struct batch_report *b);

/* Has the job done what it was to do? */
bool batch_succeeded(const struct rf_verdict *v);

#endif
