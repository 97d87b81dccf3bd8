/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words of a policy's line, and rules:
 *
 *	VERB CALL|@GROUP... [argN [& MASK] OP VALUE [and ...]] [errno NAME | code N]
 */
#include "model.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "spec.h"

static const struct rf_word verbs[] = {
	{ "allow", 0 }, { "deny", 1 }, { "kill", 2 }, { "kill-thread", 3 },
	{ "log", 4 }, { "notify", 5 }, { "trap", 6 }, { "trace", 7 }, { NULL, 0 }
};

static const uint32_t verb_actions[] = {
	SECCOMP_RET_ALLOW, RF_ERRNO_ACTION(EPERM), SECCOMP_RET_KILL_PROCESS,
	SECCOMP_RET_KILL_THREAD, SECCOMP_RET_LOG, SECCOMP_RET_USER_NOTIF,
	SECCOMP_RET_TRAP, SECCOMP_RET_TRACE
};

static bool is_operator(char c)
{
	return c == '=' || c == '!' || c == '<' || c == '>' || c == '&';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int words_quoted(struct rf_words *w)
{
	const char *close = memchr(w->at + 1, '"', (size_t)(w->end - w->at - 1));
	size_t len;

	if (!close)
		return rf_err_at(w->err, &w->place, EINVAL, "no '\"' ends this");
	len = (size_t)(close - w->at) - 1;
	if (len >= sizeof(w->word) || memchr(w->at + 1, '\0', len))
		return rf_err_at(w->err, &w->place, EINVAL, "too long, or with a NUL byte");
	memcpy(w->word, w->at + 1, len);
	w->word[len] = '\0';
	w->quoted = true;
	w->at = close + 1;
	return 0;
}

int rf_words_next(struct rf_words *w)
{
	size_t len = 0;
	bool operators;

	while (w->at < w->end && is_space(*w->at))
		w->at++;
	w->place.col = (unsigned int)(w->at - w->line) + 1;
	w->word[0] = '\0';
	w->quoted = false;
	if (w->at == w->end || *w->at == '#')
		return 0;
	if (*w->at == '"')
		return words_quoted(w);
	operators = is_operator(*w->at);
	while (w->at < w->end && !is_space(*w->at) && *w->at != '#' &&
	       is_operator(*w->at) == operators) {
		if (iscntrl((unsigned char)*w->at))
			return rf_err_at(w->err, &w->place, EINVAL, "a control character");
		if (len + 1 >= sizeof(w->word))
			return rf_err_at(w->err, &w->place, EINVAL, "a word of more than %zu bytes",
					 sizeof(w->word) - 1);
		w->word[len++] = *w->at++;
	}
	w->word[len] = '\0';
	return 0;
}

int rf_words_end(struct rf_words *w)
{
	int r = w->word[0] ? rf_words_next(w) : 0;

	if (!r && w->word[0])
		return rf_err_at(w->err, &w->place, EINVAL, "'%s' is too much here", w->word);
	return r;
}

/* --------------------------------------------------------------- values */

static bool value_number(const char *text, size_t len, uint64_t *ret)
{
	char copy[32], *end;

	if (!len || len >= sizeof(copy) || !(isdigit((unsigned char)text[0]) ||
	    (text[0] == '-' && len > 1 && isdigit((unsigned char)text[1]))))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	errno = 0;
	*ret = copy[0] == '-' ? (uint64_t)strtoll(copy, &end, 0) : strtoull(copy, &end, 0);
	return !*end && !errno;
}

int rf_words_value(struct rf_words *w, uint64_t *ret)
{
	uint64_t value = 0, part;
	const char *at = w->word;
	char nearest[64], name[sizeof(w->word)];

	if (!w->word[0])
		return rf_err_at(w->err, &w->place, EINVAL, "a value is missing");
	for (;;) {
		size_t len = strcspn(at, "|");

		if (!value_number(at, len, &part) && !rf_constant_find(at, len, &part)) {
			memcpy(name, at, len);
			name[len] = '\0';
			return rf_err_at(w->err, &w->place, EINVAL, "'%s' is no number and no name of one%s",
					 name, rf_constant_nearest(name, nearest));
		}
		value |= part;
		if (!at[len])
			break;
		at += len + 1;
	}
	*ret = value;
	return 0;
}

static int words_errno(struct rf_words *w, uint32_t *ret)
{
	uint64_t number;
	char nearest[64];
	int code, r;

	r = rf_words_next(w);
	if (r < 0)
		return r;
	code = rf_errno_find(w->word);
	if (code < 0 && value_number(w->word, strlen(w->word), &number) && number <= 4095)
		code = (int)number;
	if (code < 0)
		return rf_err_at(w->err, &w->place, EINVAL, "no error '%s'%s", w->word,
				 rf_errno_nearest(w->word, nearest));
	*ret = RF_ERRNO_ACTION(code);
	return 0;
}

static int words_code(struct rf_words *w, uint32_t *action)
{
	uint64_t number;
	int r;

	r = rf_words_next(w);
	if (r < 0)
		return r;
	if (!value_number(w->word, strlen(w->word), &number) || number > SECCOMP_RET_DATA)
		return rf_err_at(w->err, &w->place, EINVAL, "a code is a number up to 65535");
	*action |= (uint32_t)number;
	return 0;
}

static int verb_find(const char *word)
{
	for (size_t i = 0; verbs[i].name; i++)
		if (strcmp(verbs[i].name, word) == 0)
			return (int)i;
	return -1;
}

static bool takes_code(uint32_t action)
{
	return action == SECCOMP_RET_TRAP || action == SECCOMP_RET_TRACE;
}

int rf_words_action(struct rf_words *w, uint32_t *ret)
{
	struct rf_words ahead;
	int verb = verb_find(w->word), r;
	char nearest[64];

	if (strcmp(w->word, "errno") == 0)
		return words_errno(w, ret);
	if (!w->word[0])
		return rf_err_at(w->err, &w->place, EINVAL, "an action is missing");
	if (verb < 0)
		return rf_err_at(w->err, &w->place, EINVAL, "no action '%s'%s", w->word,
				 rf_nearest(w->word, verbs, sizeof(verbs[0]), nearest));
	*ret = verb_actions[verb];
	if (!takes_code(*ret))
		return 0;
	ahead = *w;
	r = rf_words_next(&ahead);
	if (r < 0 || strcmp(ahead.word, "code"))
		return r;
	*w = ahead;
	return words_code(w, ret);
}

/* ---------------------------------------------------------------- rules */

static int rule_calls(struct rf_words *w, struct rf_rule *rule)
{
	const struct rf_group_def *g;
	char nearest[64];
	int call;

	if (strcmp(w->word, "@all") == 0) {
		for (call = 0; call < RF_CALLS_NR; call++)
			rf_rule_set(rule, call);
		return 0;
	}
	if (w->word[0] == '@') {
		for (g = rf_group_defs; g->name && strcmp(g->name, w->word + 1); g++)
			;
		if (!g->name)
			return rf_err_at(w->err, &w->place, EINVAL, "no group '%s'%s", w->word,
					 rf_nearest(w->word + 1, rf_group_defs,
						    sizeof(rf_group_defs[0]), nearest));
		for (call = 0; call < RF_CALLS_NR; call++)
			if (&rf_group_defs[rf_calls[call].group] == g)
				rf_rule_set(rule, call);
		return 0;
	}
	call = rf_call_find(w->word);
	if (call < 0)
		return rf_err_at(w->err, &w->place, EINVAL, "no system call '%s'%s", w->word,
				 rf_nearest(w->word, rf_calls, sizeof(rf_calls[0]), nearest));
	rf_rule_set(rule, call);
	return 0;
}

static int argument_of(const char *word)
{
	return strncmp(word, "arg", 3) == 0 && isdigit((unsigned char)word[3]) && !word[4] ?
		       word[3] - '0' : -1;
}

static bool is_tail(const char *word)
{
	return !word[0] || !strcmp(word, "and") || !strcmp(word, "errno") || !strcmp(word, "code");
}

static int cond_values(struct rf_words *w, struct rf_cond *c, bool many)
{
	uint64_t values[RF_POLICY_VALUES_MAX];
	int r;

	do {
		if (c->nr == RF_POLICY_VALUES_MAX)
			return rf_err_at(w->err, &w->place, EINVAL, "more than %d values",
					 RF_POLICY_VALUES_MAX);
		r = rf_words_value(w, &values[c->nr]);
		if (!r)
			r = rf_words_next(w);
		if (r < 0)
			return r;
		c->nr++;
	} while (many && !is_tail(w->word));
	c->values = rf_policy_alloc(w->p, c->nr * sizeof(values[0]));
	if (!c->values)
		return rf_err_set(w->err, ENOMEM, "reading a policy");
	memcpy(c->values, values, c->nr * sizeof(values[0]));
	return 0;
}

static int cond_operator(struct rf_words *w, struct rf_cond *c, bool *ret_many)
{
	static const struct rf_word ops[] = {
		{ "==", RF_COND_EQ }, { "!=", RF_COND_NE }, { "<", RF_COND_LT },
		{ "<=", RF_COND_LE }, { ">", RF_COND_GT }, { ">=", RF_COND_GE },
		{ "in", RF_COND_EQ }, { "not", RF_COND_NE }, { NULL, 0 }
	};
	const struct rf_word *op;
	int r;

	for (op = ops; op->name && strcmp(op->name, w->word); op++)
		;
	if (!op->name)
		return rf_err_at(w->err, &w->place, EINVAL,
				 "'%s' is no comparison: == != < <= > >= in, not in", w->word);
	c->op = (enum rf_cond_op)op->value;
	*ret_many = op >= &ops[6];
	if (strcmp(op->name, "not") == 0) {
		r = rf_words_next(w);
		if (r < 0)
			return r;
		if (strcmp(w->word, "in"))
			return rf_err_at(w->err, &w->place, EINVAL, "'not' goes with 'in'");
	}
	return rf_words_next(w);
}

int rf_cond_check(const struct rf_rule *rule, const struct rf_cond *c,
		  const struct rf_place *place, struct rf_err *err)
{
	for (int call = 0; call < RF_CALLS_NR; call++) {
		if (!rf_rule_has(rule, call) || !(rf_calls[call].narrow >> c->arg & 1))
			continue;
		for (size_t i = 0; i < c->nr; i++)
			/* what fits, also as a negative number */
			if (c->values[i] > UINT32_MAX &&
			    (int64_t)c->values[i] != (int32_t)(uint32_t)c->values[i])
				return rf_err_at(err, place, EINVAL,
						 "argument %u of %s has 32 bits only", c->arg,
						 rf_calls[call].name);
	}
	return 0;
}

static int rule_cond(struct rf_words *w, struct rf_rule *rule, struct rf_cond *c)
{
	struct rf_place place = w->place;
	int arg = argument_of(w->word), r;
	bool many = false;

	if (arg < 0 || arg > 5)
		return rf_err_at(w->err, &w->place, EINVAL, "'%s' is no argument: arg0 ... arg5",
				 w->word);
	c->arg = (unsigned int)arg;
	c->mask = UINT64_MAX;
	r = rf_words_next(w);
	if (!r && strcmp(w->word, "&") == 0) {
		r = rf_words_next(w);
		if (!r)
			r = rf_words_value(w, &c->mask);
		if (!r)
			r = rf_words_next(w);
	}
	if (!r)
		r = cond_operator(w, c, &many);
	if (!r)
		r = cond_values(w, c, many);
	return r < 0 ? r : rf_cond_check(rule, c, &place, w->err);
}

static int rule_conds(struct rf_words *w, struct rf_rule *rule)
{
	struct rf_cond conds[RF_POLICY_CONDS_MAX];
	size_t nr = 0;
	bool more = argument_of(w->word) >= 0;
	int r;

	while (more) {
		if (nr == RF_POLICY_CONDS_MAX)
			return rf_err_at(w->err, &w->place, EINVAL, "more than %d conditions",
					 RF_POLICY_CONDS_MAX);
		conds[nr] = (struct rf_cond){ 0 };
		r = rule_cond(w, rule, &conds[nr++]);
		if (r < 0)
			return r;
		more = strcmp(w->word, "and") == 0;
		r = more ? rf_words_next(w) : 0;
		if (r < 0)
			return r;
	}
	if (!nr)
		return 0;
	rule->conds = rf_policy_alloc(w->p, nr * sizeof(conds[0]));
	if (!rule->conds)
		return rf_err_set(w->err, ENOMEM, "reading a policy");
	memcpy(rule->conds, conds, nr * sizeof(conds[0]));
	rule->nr_conds = nr;
	return 0;
}

static int rule_tail(struct rf_words *w, struct rf_rule *rule)
{
	int r = 0;

	if (!w->word[0])
		return 0;
	if (strcmp(w->word, "errno") == 0 && rule->action == RF_ERRNO_ACTION(EPERM))
		r = words_errno(w, &rule->action);
	else if (strcmp(w->word, "code") == 0 && takes_code(rule->action))
		r = words_code(w, &rule->action);
	else
		return rf_err_at(w->err, &w->place, EINVAL, "'%s' is too much here", w->word);
	return r < 0 ? r : rf_words_end(w);
}

/* The line without comment and blanks around it. */
static char *line_text(struct rf_words *w)
{
	const char *from = w->line, *to = w->end, *hash;

	hash = memchr(from, '#', (size_t)(to - from));
	if (hash)
		to = hash;
	while (from < to && is_space(*from))
		from++;
	while (to > from && is_space(to[-1]))
		to--;
	return rf_policy_strndup(w->p, from, (size_t)(to - from));
}

int rf_words_rule(struct rf_words *w, bool *ret_is_rule)
{
	int verb = verb_find(w->word), nr = 0, r;
	struct rf_rule *rule;

	*ret_is_rule = verb >= 0;
	if (verb < 0)
		return 0;
	r = rf_policy_add(w->p, &w->place, &rule, w->err);
	if (r < 0)
		return r;
	rule->action = verb_actions[verb];
	rule->text = line_text(w);
	if (!rule->text)
		return rf_err_set(w->err, ENOMEM, "reading a policy");
	for (;;) {
		r = rf_words_next(w);
		if (r < 0)
			return r;
		if (is_tail(w->word) || argument_of(w->word) >= 0)
			break;
		r = rule_calls(w, rule);
		if (r < 0)
			return r;
		nr++;
	}
	if (!nr)
		return rf_err_at(w->err, &w->place, EINVAL, "'%s' which calls?", verbs[verb].name);
	r = rule_conds(w, rule);
	return r < 0 ? r : rule_tail(w, rule);
}
