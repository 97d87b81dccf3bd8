/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence batch, between its parts:
 *
 *	batch.c		the command line, and what comes before all
 *	batch_input.c	from the input to the sandbox of a job
 *	batch_run.c	the jobs: starting them, waiting, ending
 *	batch_ahead.c	their sandboxes in advance
 *	batch_read.c	a stream, cut into documents
 *	batch_report.c	verdicts, progress, JUnit
 */
#ifndef RF_CMD_BATCH_H
#define RF_CMD_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "batch_read.h"
#include "batch_report.h"
#include "load.h"
#include "opt.h"
#include "pool_ready.h"
#include "ringfence.h"

struct job;

/* An option that describes the sandbox of every job. */
struct given {
	const struct rf_opt *opt;
	const char	*value;
};

/* Sandboxes in advance. */
struct batch_ahead {
	struct pool_ready ready;
	struct batch_doc doc;		/* of a job that had the sandbox that is ready */
	char		*text;		/* what it points at */
	unsigned int	 processors;
	bool		 is_same;	/* the last job had the sandbox of the one before */
};

struct batch {
	/* what was asked for */
	unsigned int	 at_once;
	bool		 keep_going;
	enum rf_engine_kind engine;
	const char	*spec_file, *junit, *input;
	struct given	*given;
	size_t		 nr_given;
	char		*spec_text;
	size_t		 spec_len;
	struct rf_err	 err;

	/* the input */
	int		 fd;
	bool		 is_file;	/* regular: can be read twice, and does not block */
	off_t		 begin;		/* where, of a file that was open already */
	bool		 reads_stdin, watched;
	struct batch_stream stream;

	/* the work */
	struct rf_ring	*ring;
	struct job	*jobs;		/* that run */
	unsigned int	 running;
	struct batch_ahead ahead;
	struct rf_cgroup *cgroups;	/* where the batch has moved for theirs; or NULL */
	int		 signal_fd;
	int		 ended_by;	/* a signal */
	bool		 stopping;	/* none is started any more */
	bool		 unreadable;	/* the input, at some point */
	bool		 no_output;	/* standard output is closed */
	int		 verdict_error;
	struct batch_report report;
};

/* batch_input.c: the sandbox that the options alone describe. */
int batch_load_given(const struct batch *b, struct load *l, struct rf_err *err);
/* 1 and the next document; 0: none is there (yet, if it does not block); or an error. */
int batch_next(struct batch *b, struct batch_doc *ret, struct rf_err *err);
/* Some more of the input. 0 or a negative errno with @err set, after which it has ended. */
int batch_read_more(struct batch *b, struct rf_err *err);
/* A job as its document says; and, when it is compiled, that it has no terminal. */
int batch_load(struct batch *b, const struct batch_doc *doc, struct load *l, struct rf_err *err);
int batch_refuse_terminal(const struct load *l, struct rf_err *err);
/* Every job of a file, before the first is started. 0, or the exit status. */
int batch_check(struct batch *b);

/*
 * batch_ahead.c.  _load: compile the job of @l, which batch_load() has read; *ret_ready has
 * made the first part of it, or is NULL.  _note: a job has been started.  _maintain: there is
 * time to make one.
 */
void batch_ahead_init(struct batch *b);
void batch_ahead_done(struct batch *b);
int batch_ahead_load(struct batch *b, const struct batch_doc *doc, struct load *l,
		     struct rf_context **ret_ready, struct rf_err *err);
void batch_ahead_note(struct batch *b, const struct batch_doc *doc, bool was_ready);
void batch_ahead_maintain(struct batch *b);

/* batch_run.c: all of it; the exit status, unless b->ended_by. */
int batch_run(struct batch *b);

#endif
