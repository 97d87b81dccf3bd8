/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entries of `syscalls` in a profile of Docker or the OCI.
 */
#include "oci.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "chain.h"
#include "error.h"
#include "model.h"
#include "spec.h"

static int no_memory(struct rf_oci *o)
{
	return rf_err_set(o->err, ENOMEM, "reading a profile");
}

/* ------------------------------------------------------------ conditions */

static int arg_number(struct rf_oci *o, json_t *arg, const char *key, uint64_t *ret)
{
	json_t *value = json_object_get(arg, key);

	*ret = 0;
	if (!value)
		return 0;
	/* what is beyond 63 bits is a real to the reader, and not exact */
	if (!json_is_integer(value))
		return rf_oci_refuse(o, "'%s' is no number of at most 63 bits", key);
	*ret = (uint64_t)json_integer_value(value);
	return 0;
}

static int read_arg(struct rf_oci *o, json_t *arg, struct rf_cond *c)
{
	static const char *const keys[] = { "index", "value", "valueTwo", "op", NULL };
	static const struct rf_word ops[] = {
		{ "SCMP_CMP_NE", RF_COND_NE }, { "SCMP_CMP_LT", RF_COND_LT },
		{ "SCMP_CMP_LE", RF_COND_LE }, { "SCMP_CMP_EQ", RF_COND_EQ },
		{ "SCMP_CMP_GE", RF_COND_GE }, { "SCMP_CMP_GT", RF_COND_GT },
		{ "SCMP_CMP_MASKED_EQ", -1 }, { NULL, 0 }
	};
	const struct rf_word *op;
	const char *word;
	uint64_t index = 0, one = 0, two = 0;
	int r;

	if (!json_is_object(arg))
		return rf_oci_refuse(o, "an entry of 'args' is no object");
	r = rf_oci_only_keys(o, arg, keys);
	if (!r)
		r = arg_number(o, arg, "index", &index);
	if (!r)
		r = arg_number(o, arg, "value", &one);
	if (!r)
		r = arg_number(o, arg, "valueTwo", &two);
	if (r < 0)
		return r;
	word = json_string_value(json_object_get(arg, "op"));
	for (op = ops; op->name && (!word || strcmp(op->name, word)); op++)
		;
	if (!op->name)
		return rf_oci_refuse(o, "no comparison '%.32s'", word ? word : "");
	if (index > 5)
		return rf_oci_refuse(o, "a call has six arguments, 0 ... 5");
	c->values = rf_policy_alloc(o->p, sizeof(c->values[0]));
	if (!c->values)
		return no_memory(o);
	c->nr = 1;
	c->arg = (unsigned int)index;
	c->op = op->value < 0 ? RF_COND_EQ : (enum rf_cond_op)op->value;
	c->mask = op->value < 0 ? one : UINT64_MAX;
	c->values[0] = op->value < 0 ? two : one;
	return 0;
}

static int read_args(struct rf_oci *o, json_t *args, struct rf_rule *rule)
{
	struct rf_place place = { .file = o->name };
	size_t i, nr = json_array_size(args);
	json_t *arg;
	int r;

	if (!nr)
		return 0;
	if (nr > RF_POLICY_CONDS_MAX)
		return rf_oci_refuse(o, "more than %d 'args'", RF_POLICY_CONDS_MAX);
	rule->conds = rf_policy_alloc(o->p, nr * sizeof(rule->conds[0]));
	if (!rule->conds)
		return no_memory(o);
	json_array_foreach(args, i, arg) {
		r = read_arg(o, arg, &rule->conds[i]);
		if (!r)
			r = rf_cond_check(rule, &rule->conds[i], &place, o->err);
		if (r < 0)
			return r;
	}
	rule->nr_conds = nr;
	return 0;
}

/* ---------------------------------------------------- includes, excludes */

/* Docker's names of architectures. */
static bool is_this_machine(const struct rf_oci *o, const char *word)
{
	if (o->p->machine == RF_ABI_X86_64)
		return !strcmp(word, "amd64") || !strcmp(word, "x86_64");
	return !strcmp(word, "arm64") || !strcmp(word, "aarch64");
}

static int kernel_reached(struct rf_oci *o, const char *min, bool *ret)
{
	unsigned int want[2], have[2];
	struct utsname u;
	char end;

	if (sscanf(min, "%u.%u%c", &want[0], &want[1], &end) != 2)
		return rf_oci_refuse(o, "'minKernel' is VERSION.PATCHLEVEL");
	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &have[0], &have[1]) != 2)
		return rf_oci_refuse(o, "the kernel does not say its version");
	*ret = have[0] > want[0] || (have[0] == want[0] && have[1] >= want[1]);
	return 0;
}

/* Is @word the name @lower in capitals? */
static bool is_upper_of(const char *word, const char *lower)
{
	while (*lower && *word == toupper((unsigned char)*lower)) {
		word++;
		lower++;
	}
	return !*lower && !*word;
}

/* The bit of "CAP_SYS_ADMIN", 0 for a name that no kernel has. */
static uint64_t cap_bit(const char *word)
{
	if (strncmp(word, "CAP_", 4) == 0)
		for (size_t i = 0; rf_cap_name(i); i++)
			if (is_upper_of(word + 4, rf_cap_name(i)))
				return UINT64_C(1) << i;
	return 0;
}

static int caps_held(struct rf_oci *o, json_t *caps, bool all, bool *ret)
{
	json_t *value;
	size_t i;

	*ret = all;
	json_array_foreach(caps, i, value) {
		const char *word = json_string_value(value);
		bool held;

		if (!word)
			return rf_oci_refuse(o, "a capability is a name");
		held = o->p->capabilities & cap_bit(word);
		if (held != all)
			*ret = held;
	}
	return 0;
}

/*
 * Whether a rule with @filter applies, as Docker decides: `includes` needs all
 * capabilities, one of the architectures and the kernel; any of those that
 * `excludes` has rules it out.
 */
static int filter_holds(struct rf_oci *o, json_t *filter, bool all, bool *ret)
{
	static const char *const keys[] = { "caps", "arches", "minKernel", NULL };
	json_t *caps = NULL, *arches = NULL, *kernel = NULL, *value;
	bool held = false, arch = false, reached = false;
	size_t i;
	int r;

	r = rf_oci_only_keys(o, filter, keys);
	if (!r)
		r = rf_oci_member(o, filter, "caps", JSON_ARRAY, "list", &caps);
	if (!r)
		r = rf_oci_member(o, filter, "arches", JSON_ARRAY, "list", &arches);
	if (!r)
		r = rf_oci_member(o, filter, "minKernel", JSON_STRING, "text", &kernel);
	if (!r && kernel)
		r = kernel_reached(o, json_string_value(kernel), &reached);
	if (!r)
		r = caps_held(o, caps, all, &held);
	if (r < 0)
		return r;
	json_array_foreach(arches, i, value)
		if (json_is_string(value) && is_this_machine(o, json_string_value(value)))
			arch = true;
	if (all)
		*ret = held && (!json_array_size(arches) || arch) && (!kernel || reached);
	else
		*ret = held || arch || reached;
	return 0;
}

static int rule_applies(struct rf_oci *o, json_t *entry, bool *ret)
{
	json_t *includes = NULL, *excludes = NULL;
	bool in = true, out = false;
	int r;

	r = rf_oci_member(o, entry, "includes", JSON_OBJECT, "object", &includes);
	if (!r)
		r = rf_oci_member(o, entry, "excludes", JSON_OBJECT, "object", &excludes);
	if (!r && includes)
		r = filter_holds(o, includes, true, &in);
	if (!r && excludes)
		r = filter_holds(o, excludes, false, &out);
	*ret = in && !out;
	return r;
}

/* ----------------------------------------------------------------- rules */

static int name_add(struct rf_oci *o, json_t *value, struct rf_rule *rule)
{
	const char *name = json_string_value(value);
	int call;

	if (!name || strlen(name) > 64)
		return rf_oci_refuse(o, "the name of a call is text");
	call = rf_call_find(name);
	if (call >= 0) {
		rf_rule_set(rule, call);
		for (int abi = 0; abi < RF_ABI_NR; abi++)
			if (rf_calls[call].nr[abi] > o->p->horizon[abi])
				o->p->horizon[abi] = rf_calls[call].nr[abi];
		return 0;
	}
	/* newer or older than our table, or of another machine */
	if (!rf_policy_grow(o->p, &o->p->strangers, o->p->nr_strangers, &o->p->max_strangers,
			    sizeof(char *)))
		return no_memory(o);
	name = rf_policy_strndup(o->p, name, strlen(name));
	if (!name)
		return no_memory(o);
	o->p->strangers[o->p->nr_strangers++] = name;
	return 0;
}

static int read_names(struct rf_oci *o, json_t *entry, struct rf_rule *rule)
{
	json_t *names = NULL, *name = NULL, *value;
	size_t i;
	int r;

	r = rf_oci_member(o, entry, "names", JSON_ARRAY, "list", &names);
	if (!r)
		r = rf_oci_member(o, entry, "name", JSON_STRING, "text", &name);
	if (r < 0)
		return r;
	if (!json_array_size(names) == !name)
		return rf_oci_refuse(o, name ? "both 'name' and 'names'" : "no 'names'");
	if (name)
		return name_add(o, name, rule);
	json_array_foreach(names, i, value)
		if ((r = name_add(o, value, rule)) < 0)
			return r;
	return 0;
}

/* The entry as one line, cut where it gets long. */
static char *entry_text(struct rf_oci *o, json_t *entry)
{
	char *dump = json_dumps(entry, JSON_COMPACT), *text;
	size_t len;

	if (!dump)
		return NULL;
	len = strlen(dump);
	text = rf_policy_alloc(o->p, sizeof(o->where) + 168);
	if (text)
		snprintf(text, sizeof(o->where) + 168, "%s %.160s%s", o->where, dump,
			 len > 160 ? "..." : "");
	free(dump);
	return text;
}

static int add_rule(struct rf_oci *o, const struct rf_rule *rule)
{
	struct rf_rule *copy = NULL;
	int r = rf_policy_add(o->p, &rule->place, &copy, o->err);

	if (!r)
		*copy = *rule;
	return r;
}

/*
 * Two conditions on one argument: runc takes each of them as a rule by itself,
 * so that any of them is enough.
 */
static int add_rules(struct rf_oci *o, const struct rf_rule *rule)
{
	unsigned int seen = 0;
	bool apart = false;
	struct rf_rule one;
	int r;

	for (size_t i = 0; i < rule->nr_conds; i++) {
		apart |= seen >> rule->conds[i].arg & 1;
		seen |= 1U << rule->conds[i].arg;
	}
	if (!apart)
		return add_rule(o, rule);
	for (size_t i = 0; i < rule->nr_conds; i++) {
		one = *rule;
		one.conds = &rule->conds[i];
		one.nr_conds = 1;
		r = add_rule(o, &one);
		if (r < 0)
			return r;
	}
	return 0;
}

int rf_oci_entry(struct rf_oci *o, json_t *entry)
{
	static const char *const keys[] = { "names", "name", "action", "errnoRet", "errno",
					    "args", "includes", "excludes", "comment", NULL };
	/* places have no lines in JSON: the entry's number stands for them */
	struct rf_place place = { .file = o->name };
	struct rf_rule scratch = { .place = place };
	int64_t code = -1;	/* not the profile's default */
	json_t *args = NULL;
	const char *word;
	bool applies = false;
	int r;

	if (!json_is_object(entry))
		return rf_oci_refuse(o, "no object");
	r = rf_oci_only_keys(o, entry, keys);
	if (!r)
		r = read_names(o, entry, &scratch);
	if (!r)
		r = rf_oci_errno(o, entry, "errnoRet", "errno", &code);
	if (r < 0)
		return r;
	word = json_string_value(json_object_get(entry, "action"));
	r = rf_oci_action(o, "action", word ? word : "", code, &scratch.action);
	if (!r)
		r = rf_oci_member(o, entry, "args", JSON_ARRAY, "list", &args);
	if (!r)
		r = read_args(o, args, &scratch);
	if (!r)
		r = rule_applies(o, entry, &applies);
	if (r < 0 || !applies)
		return r;
	scratch.text = entry_text(o, entry);
	return scratch.text ? add_rules(o, &scratch) : no_memory(o);
}
