/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Command-line options as rows of a table.  A row is read by the parser, by
 * `--help`, by the completion generators and by the man page check.  Commands
 * have rows of their own; rf_spec_options[] has those that are keys of a spec.
 */
#ifndef RF_OPT_H
#define RF_OPT_H

/* What a shell offers for the argument. */
enum rf_complete {
	RF_COMPLETE_NONE = 0,
	RF_COMPLETE_FILE,
	RF_COMPLETE_DIR,
	RF_COMPLETE_COMMAND,
	RF_COMPLETE_USER,
	RF_COMPLETE_GROUP,
	RF_COMPLETE_WORDS,	/* one of .words */
	RF_COMPLETE_WORD_LIST,	/* several of .words, with commas between */
};

/* rf_opt.flags */
#define RF_OPT_NEGATABLE (1U << 0)	/* --no-NAME exists too */
#define RF_OPT_REPEAT	(1U << 1)	/* may be given more than once */
#define RF_OPT_OPTIONAL	(1U << 2)	/* --NAME alone too; the argument only behind "=" */

/* How the text of an option becomes the value of a spec key. */
enum rf_opt_shape {
	RF_SHAPE_NONE = 0,	/* no spec key: the command's own option */
	RF_SHAPE_SCALAR,	/* the text as it is */
	RF_SHAPE_LIST,		/* words with commas between */
	RF_SHAPE_WORD_OR_LIST,	/* one of .words, or a list */
	RF_SHAPE_LIMIT,		/* SOFT[:HARD] */
	RF_SHAPE_NAMESPACES,	/* a list, or NAME=VALUE pairs: a map */
	RF_SHAPE_ENV,		/* NAME=VALUE sets, NAME keeps */
	RF_SHAPE_MOUNT,		/* DST[:WORD[=VALUE],...] */
	RF_SHAPE_BIND,		/* SRC[:DST[:WORD[=VALUE],...]] */
	RF_SHAPE_BIND_FD,	/* FD:DST[:WORD[=VALUE],...] */
	RF_SHAPE_FD,		/* FD[:inherit|:closed|:WORD[=VALUE],...] */
	RF_SHAPE_MAP,		/* a word, or uid|gid:INSIDE:OUTSIDE:COUNT,... */
	RF_SHAPE_YAML,		/* flow YAML */
	RF_SHAPE_EXTENDS,	/* a preset or a file */
};

struct rf_opt {
	const char		*name;		/* without "--"; NULL ends a table */
	char			 letter;	/* 0: none */
	const char		*arg;		/* as in --help; NULL: takes none */
	const char		*help;		/* one line, lower case, no full stop */
	enum rf_complete	 complete;
	const char		*words;		/* "one two three" */
	unsigned int		 flags;		/* RF_OPT_* */

	int			 id;		/* commands' own rows: theirs to use */

	/* rows of rf_spec_options[] */
	enum rf_opt_shape	 shape;
	const char		*key;		/* "user.uid": the key it stands for */
};

#endif
