/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence seccomp check|explain|disasm POLICY: what a policy says, for people.
 * Needs no privilege and runs nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "model.h"
#include "options.h"
#include "report.h"
#include "spec.h"

enum { OPT_JSON, OPT_CALL, OPT_ARG, OPT_ARCH, OPT_HELP };

static const struct rf_opt seccomp_opts[] = {
	{ .name = "call", .arg = "NAME", .id = OPT_CALL,
	  .help = "explain: what this one system call gets" },
	{ .name = "arg", .arg = "N=VALUE", .id = OPT_ARG, .flags = RF_OPT_REPEAT,
	  .help = "explain: its argument N, 0 to 5; the others are 0" },
	{ .name = "arch", .arg = "NAME", .id = OPT_ARCH, .complete = RF_COMPLETE_WORDS,
	  .words = "x86_64 x32 i386 aarch64 arm",
	  .help = "explain: by which architecture it is made" },
	{ .name = "json", .id = OPT_JSON, .help = "print JSON" },
	{ .name = "help", .letter = 'h', .id = OPT_HELP, .help = "print this help" },
	{ .name = NULL }
};

static int seccomp_main(int argc, char **argv);

const struct command cmd_seccomp = {
	.name	= "seccomp",
	.args	= "check|explain|disasm [option...] policy",
	.help	= "check a policy, say what it allows, print its program",
	.words	= "check explain disasm",
	.opts	= seccomp_opts,
	.flags	= COMMAND_FILES,
	.main	= seccomp_main,
};

struct seccomp {
	const char	*verb, *name;
	bool		 json;
	const char	*call;
	int		 abi;		/* -1: that of the machine */
	uint64_t	 args[6];
	struct rf_policy *policy;
	struct rf_filter filter;
};

/* ------------------------------------------------------------------ words */

static int take_arg(struct seccomp *s, const char *text, struct rf_err *err)
{
	struct rf_words w = { .err = err, .place = { .file = "--arg" } };
	const char *equals = strchr(text, '=');

	if (text[0] < '0' || text[0] > '5' || equals != text + 1)
		return rf_err_set(err, EINVAL, "--arg: '%.64s' is not N=VALUE with N from 0 to 5", text);
	if (strlen(equals + 1) >= sizeof(w.word))
		return rf_err_set(err, EINVAL, "--arg: too long");
	strcpy(w.word, equals + 1);
	return rf_words_value(&w, &s->args[text[0] - '0']);
}

static int take_arch(struct seccomp *s, const char *text, struct rf_err *err)
{
	const char *names[RF_ABI_NR + 1] = { NULL };
	char nearest[64];

	for (s->abi = 0; s->abi < RF_ABI_NR; s->abi++) {
		names[s->abi] = rf_abi_defs[s->abi].name;
		if (strcmp(names[s->abi], text) == 0)
			return 0;
	}
	return rf_err_set(err, EINVAL, "--arch: no architecture '%.64s'%s", text,
			  rf_nearest(text, names, sizeof(names[0]), nearest));
}

static int seccomp_take(void *state, const struct rf_opt *opt, int is_spec, const char *value,
			struct rf_err *err)
{
	struct seccomp *s = state;

	(void)is_spec;
	switch (opt->id) {
	case OPT_JSON:
		s->json = true;
		return 0;
	case OPT_CALL:
		s->call = value;
		return 0;
	case OPT_ARG:
		return take_arg(s, value, err);
	case OPT_ARCH:
		return take_arch(s, value, err);
	default:
		return OPTIONS_STOP;
	}
}

/* Options may stand before, between and behind the two words. */
static int read_words(struct seccomp *s, int argc, char **argv, struct rf_err *err)
{
	static const char *const verbs[] = { "check", "explain", "disasm", NULL };
	const char **words[] = { &s->verb, &s->name };
	char nearest[64];
	size_t nr = 0, i;
	int at = 0, first;

	for (;;) {
		first = options_parse(&cmd_seccomp, argc - at, argv + at, seccomp_take, s, err);
		if (first < 0)
			return first;
		at += first;
		if (at >= argc)
			break;
		if (nr == 2)
			return rf_err_set(err, EINVAL, "seccomp: '%.64s' is too much", argv[at]);
		*words[nr++] = argv[at];
	}
	if (nr < 2)
		return rf_err_set(err, EINVAL, nr ? "seccomp %s: which policy?" :
				  "seccomp: check, explain or disasm?", s->verb);
	for (i = 0; verbs[i] && strcmp(verbs[i], s->verb); i++)
		;
	if (!verbs[i])
		return rf_err_set(err, EINVAL, "seccomp: '%.64s' is none of check, explain, disasm%s",
				  s->verb, rf_nearest(s->verb, verbs, sizeof(verbs[0]), nearest));
	if (strcmp(s->verb, "explain") && (s->call || s->abi >= 0))
		return rf_err_set(err, EINVAL, "--call, --arg and --arch go with explain");
	return 0;
}

static int load(struct seccomp *s, struct rf_err *err)
{
	const char *text = rf_filter_preset_text(s->name), *names[16] = { NULL };
	char nearest[64];
	int r;

	if (text) {
		r = rf_policy_parse(s->name, text, strlen(text), &s->policy, err);
	} else {
		r = rf_policy_load(s->name, &s->policy, err);
		for (size_t i = 0; r == -ENOENT && i < 15; i++)
			names[i] = rf_filter_preset_name(i) ? rf_filter_preset_name(i) : NULL;
		if (r == -ENOENT && rf_nearest(s->name, names, sizeof(names[0]), nearest)[0])
			rf_err_hint(err, "among the presets%s", nearest);
	}
	return r < 0 ? r : rf_policy_compile(s->policy, &s->filter, err);
}

/* ------------------------------------------------------------------ print */

static void out_json(const char *text)
{
	out("\"");
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			out("\\%c", *p);
		else if (*p < ' ' || *p >= 0x7f)
			out("\\u%04x", *p);
		else
			out("%c", *p);
	}
	out("\"");
}

static const char *action(uint32_t value)
{
	static char buf[32];

	return rf_action_print(value, buf, sizeof(buf));
}

static void place_text(const struct rf_place *p, char *buf, size_t size)
{
	if (!p->file)
		snprintf(buf, size, "built in");
	else if (!p->line)
		snprintf(buf, size, "%s", p->file);
	else
		snprintf(buf, size, "%s:%u", p->file, p->line);
}

static void out_abis(const struct rf_policy *p, const char *between, bool quoted)
{
	bool first = true;

	for (int abi = 0; abi < RF_ABI_NR; abi++) {
		if (!(p->abis >> abi & 1))
			continue;
		out(quoted ? "%s\"%s\"" : "%s%s", first ? "" : between, rf_abi_defs[abi].name);
		first = false;
	}
}

/* A rule for calls that earlier rules have all decided already. */
static bool is_idle(const struct rf_policy *p, size_t index)
{
	uint64_t left[RF_CALL_WORDS], any = 0;

	memcpy(left, p->rules[index]->calls, sizeof(left));
	for (size_t i = 0; i < index; i++)
		for (size_t k = 0; k < RF_CALL_WORDS && !p->rules[i]->nr_conds; k++)
			left[k] &= ~p->rules[i]->calls[k];
	for (size_t k = 0; k < RF_CALL_WORDS; k++)
		any |= left[k];
	return !any;
}

static int check(const struct seccomp *s)
{
	const struct rf_policy *p = s->policy;
	char place[512];

	if (s->json) {
		out("{\"version\":1,\"policy\":");
		out_json(s->name);
		out(",\"rules\":%zu,\"instructions\":%zu,\"architectures\":[", p->nr_rules, s->filter.nr);
		out_abis(p, ",", true);
		out("],\"default\":\"%s\"", action(p->default_action));
		out(",\"unknown\":\"%s\"", action(p->unknown_action));
		out(",\"foreign\":\"%s\",\"strangers\":[", action(p->bad_abi_action));
		for (size_t i = 0; i < p->nr_strangers; i++) {
			out(i ? "," : "");
			out_json(p->strangers[i]);
		}
		out("]}\n");
		return 0;
	}
	out("%s: good: %zu rules, %zu instructions, ", s->name, p->nr_rules, s->filter.nr);
	out_abis(p, " ", false);
	out("; other calls: %s\n", action(p->default_action));
	for (size_t i = 0; i < p->nr_rules; i++) {
		if (!is_idle(p, i))
			continue;
		place_text(&p->rules[i]->place, place, sizeof(place));
		out("%s: never decides, rules before it do: %s\n", place, p->rules[i]->text);
	}
	for (size_t i = 0; i < p->nr_strangers; i++)
		out("%s%s%s", i ? " " : "not known here, and not counted: ", p->strangers[i],
		    i + 1 == p->nr_strangers ? "\n" : "");
	return 0;
}

static int disasm(const struct seccomp *s)
{
	char line[160];

	if (s->json)
		out("{\"version\":1,\"instructions\":[\n");
	for (size_t i = 0; i < s->filter.nr; i++) {
		const struct sock_filter *f = &s->filter.insns[i];

		rf_filter_print(s->filter.insns, i, line, sizeof(line));
		if (!s->json) {
			out("%5zu  %s\n", i, line);
			continue;
		}
		out("{\"code\":%u,\"jt\":%u,\"jf\":%u,\"k\":%u,\"text\":", f->code, f->jt, f->jf, f->k);
		out_json(line);
		out("}%s\n", i + 1 < s->filter.nr ? "," : "");
	}
	if (s->json)
		out("]}\n");
	return 0;
}

/* ---------------------------------------------------------------- explain */

/* One answer: what, where it is written, the rule; @rule may be NULL. */
static void out_answer(const struct seccomp *s, const char *name, uint32_t value,
		       const struct rf_rule *rule, const struct rf_place *fallback)
{
	char place[512];

	place_text(rule ? &rule->place : fallback, place, sizeof(place));
	if (s->json) {
		out("{\"call\":");
		out_json(name);
		out(",\"action\":\"%s\",\"place\":", action(value));
		out_json(place);
		out(",\"conditional\":%s,\"rule\":", rule && rule->nr_conds ? "true" : "false");
		if (rule)
			out_json(rule->text);
		else
			out("null");
		out("}");
		return;
	}
	out("  %-26s %-20s %s%s%s\n", name, action(value), place,
	    rule && rule->nr_conds ? ": " : "", rule && rule->nr_conds ? rule->text : "");
}

/* The next rule at or behind @from that has @call; nr_rules: none. */
static size_t next_rule(const struct rf_policy *p, int call, size_t from)
{
	while (from < p->nr_rules && !rf_rule_has(p->rules[from], call))
		from++;
	return from;
}

/* The one rule that decides about @call whatever its arguments: -1 if there are several. */
static long sole_rule(const struct rf_policy *p, int call)
{
	size_t i = next_rule(p, call, 0);

	return i < p->nr_rules && p->rules[i]->nr_conds ? -1 : (long)i;
}

static bool is_here(const struct rf_policy *p, int call)
{
	for (int abi = 0; abi < RF_ABI_NR; abi++)
		if (p->abis >> abi & 1 && rf_calls[call].nr[abi] >= 0)
			return true;
	return false;
}

static void explain_call(const struct seccomp *s, int call, const char *name, bool *first)
{
	const struct rf_policy *p = s->policy;
	size_t i = 0;

	do {
		const struct rf_rule *rule;

		i = next_rule(p, call, i);
		rule = i < p->nr_rules ? p->rules[i++] : NULL;
		if (s->json)
			out(*first ? "\n" : ",\n");
		*first = false;
		out_answer(s, name, rule ? rule->action : p->default_action, rule, &p->default_place);
		if (!rule || !rule->nr_conds)
			break;
	} while (1);
}

static void explain_group(const struct seccomp *s, int group, bool *first)
{
	const struct rf_policy *p = s->policy;
	long sole = -2, here;
	char name[32];
	int one = -1;

	for (int call = 0; call < RF_CALLS_NR; call++) {
		if ((int)rf_calls[call].group != group || !is_here(p, call))
			continue;
		here = sole_rule(p, call);
		sole = sole == -2 || sole == here ? here : -1;
		one = call;
	}
	snprintf(name, sizeof(name), "@%s", rf_group_defs[group].name);
	if (one >= 0 && sole >= 0 && !s->json) {
		explain_call(s, one, name, first);
		return;
	}
	if (!s->json && one >= 0)
		out("%s: %s\n", name, rf_group_defs[group].help);
	for (int call = 0; call < RF_CALLS_NR; call++)
		if ((int)rf_calls[call].group == group && is_here(p, call))
			explain_call(s, call, rf_calls[call].name, first);
}

static int explain_all(const struct seccomp *s)
{
	static const struct rf_place nowhere = { 0 };
	bool first = true;

	if (s->json) {
		out("{\"version\":1,\"calls\":[");
	} else {
		out_answer(s, "other calls", s->policy->default_action, NULL, &s->policy->default_place);
		out_answer(s, "unknown calls", s->policy->unknown_action, NULL,
			   s->policy->unknown_place.file ? &s->policy->unknown_place : &nowhere);
		out_answer(s, "other architectures", s->policy->bad_abi_action, NULL,
			   s->policy->bad_abi_place.file ? &s->policy->bad_abi_place : &nowhere);
	}
	for (int group = 0; group < RF_GROUP_NR; group++)
		explain_group(s, group, &first);
	if (s->json)
		out("\n]}\n");
	return 0;
}

static int explain_one(const struct seccomp *s, struct rf_err *err)
{
	int abi = s->abi < 0 ? (int)rf_abi_native() : s->abi, call = rf_call_find(s->call);
	struct seccomp_data data = { .arch = rf_abi_defs[abi].arch };
	const struct rf_rule *rule;
	char nearest[64], *end;
	unsigned long nr;
	uint32_t value;

	if (call >= 0) {
		if (rf_calls[call].nr[abi] < 0)
			return rf_err_set(err, EINVAL, "%s has no call %s", rf_abi_defs[abi].name, s->call);
		nr = (unsigned long)rf_calls[call].nr[abi];
	} else {
		errno = 0;
		nr = strtoul(s->call, &end, 0);
		if (end == s->call || *end || errno || nr > UINT32_MAX)
			return rf_err_set(err, EINVAL, "--call: no system call '%.64s'%s", s->call,
					  rf_nearest(s->call, rf_calls, sizeof(rf_calls[0]), nearest));
	}
	data.nr = (int)(nr | (abi == RF_ABI_X32 ? RF_X32_BIT : 0));
	memcpy(data.args, s->args, sizeof(data.args));
	/* the program answers; the policy says which rule that was */
	value = rf_filter_run(s->filter.insns, s->filter.nr, &data);
	if (value != rf_policy_decide(s->policy, &data, &rule))
		return rf_err_set(err, EPROTO, "the program and the policy disagree about %s", s->call);
	out_answer(s, s->call, value, rule,
		   !(s->policy->abis >> rf_abi_of(data.arch, (uint32_t)data.nr) & 1) ?
		   &s->policy->bad_abi_place :
		   rf_call_by_nr((enum rf_abi)abi, (uint32_t)data.nr) < 0 ? &s->policy->unknown_place :
		   &s->policy->default_place);
	if (s->json)
		out("\n");
	return 0;
}

static int seccomp_run(struct seccomp *s, int argc, char **argv, struct rf_err *err)
{
	int r = read_words(s, argc, argv, err);

	if (!r)
		r = load(s, err);
	if (r)
		return r;
	if (strcmp(s->verb, "check") == 0)
		return check(s);
	if (strcmp(s->verb, "disasm") == 0)
		return disasm(s);
	return s->call ? explain_one(s, err) : explain_all(s);
}

static int seccomp_main(int argc, char **argv)
{
	struct seccomp s = { .abi = -1 };
	struct rf_err err = RF_ERR_INIT;
	int r, status;

	r = seccomp_run(&s, argc, argv, &err);
	if (r == OPTIONS_STOP) {
		status = help_command(&cmd_seccomp);
	} else if (r < 0) {
		report_error(&err, 0);
		status = report_status(&err);
	} else {
		status = out_finish(0);
	}
	rf_filter_done(&s.filter);
	rf_policy_free(s.policy);
	return status;
}
