/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parsing a command line by tables of rows.
 *
 *	--name  --name=VALUE  --name VALUE  --no-name  -x  -xVALUE  -x VALUE  -xyz
 *
 * `--` ends the options; so does the first word that is none.
 */
#ifndef RF_CMD_OPTIONS_H
#define RF_CMD_OPTIONS_H

#include <stddef.h>

#include "opt.h"

struct command;
struct rf_err;

#define OPTIONS_STOP (-1000)	/* no errno: look no further (--help) */

/*
 * Take one option.  @value is its argument; NULL for one without (or left
 * out), and "false" for --no-NAME.  @is_spec: a row of rf_spec_options[], else of the command.
 * Return: 0, or a negative errno with @err set, or OPTIONS_STOP.
 */
typedef int (*option_taker)(void *state, const struct rf_opt *opt, int is_spec,
			    const char *value, struct rf_err *err);

/* Return: index of the first word that is no option, a negative errno, or OPTIONS_STOP. */
int options_parse(const struct command *cmd, int argc, char **argv,
		  option_taker take, void *state, struct rf_err *err);

/* Of a command whose only option is --help: its rows, and what takes them. */
extern const struct rf_opt options_only_help[];
int options_take_help(void *state, const struct rf_opt *opt, int is_spec, const char *value,
		      struct rf_err *err);

/* @text as a number from @min to @max and nothing else, or -1. */
int options_number(const char *text, int min, int max);

/* Row for `--name` or NULL; without the dashes. */
const struct rf_opt *option_find(const struct rf_opt *rows, const char *name, size_t len);

#endif
