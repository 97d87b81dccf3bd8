/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "spec.h"

struct found {
	const struct rf_opt	*opt;
	int			 is_spec;
	bool			 negated;
};

struct parser {
	const struct command	*cmd;
	int			 argc;
	char			**argv;
	int			 next;		/* index of the next word */
	option_taker		 take;
	void			*state;
	struct rf_err		*err;
};

const struct rf_opt *option_find(const struct rf_opt *rows, const char *name, size_t len)
{
	for (; rows && rows->name; rows++)
		if (strncmp(rows->name, name, len) == 0 && !rows->name[len])
			return rows;
	return NULL;
}

static bool find_in(const struct rf_opt *rows, const char *name, size_t len, struct found *ret)
{
	ret->negated = false;
	ret->opt = option_find(rows, name, len);
	if (ret->opt)
		return true;
	if (len <= 3 || strncmp(name, "no-", 3) != 0)
		return false;
	ret->negated = true;
	ret->opt = option_find(rows, name + 3, len - 3);
	return ret->opt && (ret->opt->flags & RF_OPT_NEGATABLE);
}

static bool find_long(const struct parser *p, const char *name, size_t len, struct found *ret)
{
	ret->is_spec = 0;
	if (find_in(p->cmd->opts, name, len, ret))
		return true;
	ret->is_spec = 1;
	return (p->cmd->flags & COMMAND_SPEC) && find_in(rf_spec_options, name, len, ret);
}

static bool find_letter(const struct parser *p, char letter, struct found *ret)
{
	const struct rf_opt *tables[] = {
		p->cmd->opts, (p->cmd->flags & COMMAND_SPEC) ? rf_spec_options : NULL
	};

	ret->negated = false;
	for (ret->is_spec = 0; ret->is_spec < 2; ret->is_spec++)
		for (ret->opt = tables[ret->is_spec]; ret->opt && ret->opt->name; ret->opt++)
			if (ret->opt->letter == letter)
				return true;
	return false;
}

int options_number(const char *text, int min, int max)
{
	char *end;
	long n = strtol(text, &end, 10);

	return *text >= '0' && *text <= '9' && !*end && n >= min && n <= max ? (int)n : -1;
}

/* --------------------------------------------------------- what is wrong */

/* Every long option as the user would write it, for rf_nearest(). */
static const char **all_names(const struct command *cmd)
{
	const struct rf_opt *tables[] = {
		cmd->opts, (cmd->flags & COMMAND_SPEC) ? rf_spec_options : NULL
	};
	size_t n = 0, rows = 0;
	const char **names;
	char *text;

	for (size_t t = 0; t < 2; t++)
		for (const struct rf_opt *o = tables[t]; o && o->name; o++)
			rows++;
	/* two spellings each, and a NULL; text behind the pointers */
	names = calloc(2 * rows + 1, sizeof(*names) + 64);
	if (!names)
		return NULL;
	text = (char *)(names + 2 * rows + 1);
	for (size_t t = 0; t < 2; t++) {
		for (const struct rf_opt *o = tables[t]; o && o->name; o++) {
			for (int no = 0; no <= !!(o->flags & RF_OPT_NEGATABLE); no++) {
				(void)snprintf(text, 64, "--%s%s", no ? "no-" : "", o->name);
				names[n++] = text;
				text += 64;
			}
		}
	}
	return names;
}

static int unknown_option(const struct parser *p, const char *word, size_t len)
{
	const char **names = all_names(p->cmd);
	char given[64], nearest[64] = "";

	(void)snprintf(given, sizeof(given), "%.*s", (int)(len < 60 ? len : 60), word);
	rf_err_set(p->err, EINVAL, "no option '%s'%s", given,
		   names ? rf_nearest(given, names, sizeof(names[0]), nearest) : "");
	rf_err_hint(p->err, "`ringfence %s --help` lists the options", p->cmd->name);
	free(names);
	return -EINVAL;
}

/* ---------------------------------------------------------------- parsing */

static int take(const struct parser *p, const struct found *f, const char *value)
{
	return p->take(p->state, f->opt, f->is_spec, f->negated ? "false" : value, p->err);
}

/* The argument of an option when it is not joined to it. */
static int next_word(struct parser *p, const struct found *f, const char *spelling,
		     const char **ret_value)
{
	if (p->next >= p->argc)
		return rf_err_set(p->err, EINVAL, "%s needs an argument: %s", spelling, f->opt->arg);
	*ret_value = p->argv[p->next++];
	return 0;
}

static int parse_long(struct parser *p, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const char *value = equals ? equals + 1 : NULL;
	char spelling[72];
	struct found f;
	int r;

	if (!find_long(p, word + 2, len - 2, &f))
		return unknown_option(p, word, len);
	(void)snprintf(spelling, sizeof(spelling), "%.*s", (int)len, word);
	if (f.negated || !f.opt->arg) {
		if (value)
			return rf_err_set(p->err, EINVAL, "%s takes no argument", spelling);
	} else if (!value && !(f.opt->flags & RF_OPT_OPTIONAL)) {
		r = next_word(p, &f, spelling, &value);
		if (r < 0)
			return r;
	}
	return take(p, &f, value);
}

static int parse_short(struct parser *p, const char *word)
{
	for (const char *s = word + 1; *s; s++) {
		char spelling[] = { '-', *s, '\0' };
		const char *value = NULL;
		struct found f;
		int r;

		if (!find_letter(p, *s, &f))
			return unknown_option(p, spelling, 2);
		if (!f.opt->arg) {
			r = take(p, &f, NULL);
			if (r < 0)
				return r;
			continue;
		}
		/* the rest of the word, or the next one */
		if (s[1])
			value = s[1] == '=' ? s + 2 : s + 1;
		else if ((r = next_word(p, &f, spelling, &value)) < 0)
			return r;
		return take(p, &f, value);
	}
	return 0;
}

int options_parse(const struct command *cmd, int argc, char **argv,
		  option_taker taker, void *state, struct rf_err *err)
{
	struct parser p = {
		.cmd = cmd, .argc = argc, .argv = argv, .next = 1,
		.take = taker, .state = state, .err = err,
	};
	int r;

	while (p.next < argc) {
		const char *word = argv[p.next];

		if (word[0] != '-' || !word[1])
			break;
		p.next++;
		if (strcmp(word, "--") == 0)
			break;
		r = word[1] == '-' ? parse_long(&p, word) : parse_short(&p, word);
		if (r < 0)
			return r;
	}
	return p.next;
}

const struct rf_opt options_only_help[] = {
	{ .name = "help", .letter = 'h', .help = "print this help" },
	{ .name = NULL }
};

int options_take_help(void *state, const struct rf_opt *opt, int is_spec, const char *value,
		      struct rf_err *err)
{
	(void)state;
	(void)opt;
	(void)is_spec;
	(void)value;
	(void)err;
	return OPTIONS_STOP;
}
