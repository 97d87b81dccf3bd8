/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

/* Memory in chunks that are freed together. */
struct rf_chunk {
	struct rf_chunk	*next;
	size_t		 used, size;
	max_align_t	 bytes[];
};

void *rf_policy_alloc(struct rf_policy *p, size_t size)
{
	size_t need = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	struct rf_chunk *c = p->memory;
	void *ret;

	if (need < size)
		return NULL;
	if (!c || c->size - c->used < need) {
		size_t room = need > 16384 ? need : 16384;

		c = calloc(1, sizeof(*c) + room);
		if (!c)
			return NULL;
		c->size = room;
		c->next = p->memory;
		p->memory = c;
	}
	ret = (char *)c->bytes + c->used;
	c->used += need;
	return ret;
}

char *rf_policy_strndup(struct rf_policy *p, const char *s, size_t len)
{
	char *copy = rf_policy_alloc(p, len + 1);

	if (copy)
		memcpy(copy, s, len);
	return copy;
}

bool rf_policy_grow(struct rf_policy *p, void *array, size_t nr, size_t *max, size_t size)
{
	size_t more = *max ? *max * 2 : 16;
	void *old, *bigger;

	if (nr < *max)
		return true;
	bigger = rf_policy_alloc(p, more * size);
	if (!bigger)
		return false;
	memcpy(&old, array, sizeof(old));
	if (nr)
		memcpy(bigger, old, nr * size);
	memcpy(array, &bigger, sizeof(bigger));
	*max = more;
	return true;
}

struct rf_policy *rf_policy_new(enum rf_abi machine)
{
	struct rf_policy *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->machine = machine;
	p->default_action = RF_ERRNO_ACTION(EPERM);
	p->unknown_action = RF_ERRNO_ACTION(ENOSYS);
	p->bad_abi_action = SECCOMP_RET_KILL_PROCESS;
	for (int abi = 0; abi < RF_ABI_NR; abi++) {
		p->horizon[abi] = -1;
		if (rf_abi_defs[abi].family == machine)
			p->abis |= 1U << abi;
	}
	return p;
}

struct rf_policy *rf_policy_free(struct rf_policy *policy)
{
	struct rf_chunk *next;

	if (!policy)
		return NULL;
	for (struct rf_chunk *c = policy->memory; c; c = next) {
		next = c->next;
		free(c);
	}
	free(policy);
	return NULL;
}

int rf_policy_add(struct rf_policy *p, const struct rf_place *place, struct rf_rule **ret,
		  struct rf_err *err)
{
	struct rf_rule *rule;

	if (p->nr_rules == RF_POLICY_RULES_MAX)
		return rf_err_at(err, place, EINVAL, "more than %d rules", RF_POLICY_RULES_MAX);
	rule = rf_policy_alloc(p, sizeof(*rule));
	if (!rule ||
	    !rf_policy_grow(p, &p->rules, p->nr_rules, &p->max_rules, sizeof(struct rf_rule *)))
		return rf_err_set(err, ENOMEM, "reading a policy");
	rule->place = *place;
	p->rules[p->nr_rules++] = rule;
	*ret = rule;
	return 0;
}

static bool cond_holds(const struct rf_cond *c, uint64_t value, bool narrow)
{
	uint64_t bits = narrow ? UINT32_MAX : UINT64_MAX, first = c->values[0] & bits;

	value &= c->mask & bits;
	switch (c->op) {
	case RF_COND_LT:
		return value < first;
	case RF_COND_LE:
		return value <= first;
	case RF_COND_GT:
		return value > first;
	case RF_COND_GE:
		return value >= first;
	default:
		for (size_t i = 0; i < c->nr; i++)
			if (value == (c->values[i] & bits))
				return c->op == RF_COND_EQ;
		return c->op == RF_COND_NE;
	}
}

bool rf_rule_fits(const struct rf_rule *rule, int call, const uint64_t args[6])
{
	for (size_t i = 0; i < rule->nr_conds; i++) {
		const struct rf_cond *c = &rule->conds[i];

		if (!cond_holds(c, args[c->arg], rf_calls[call].narrow >> c->arg & 1))
			return false;
	}
	return true;
}

uint32_t rf_policy_decide_blind(const struct rf_policy *p, int call,
				const struct rf_rule **ret_rule)
{
	for (size_t i = 0; i < p->nr_rules; i++) {
		const struct rf_rule *rule = p->rules[i];

		if (!rf_rule_has(rule, call))
			continue;
		*ret_rule = rule;
		return rule->nr_conds ? RF_ERRNO_ACTION(ENOSYS) : rule->action;
	}
	return p->default_action;
}

uint32_t rf_policy_decide(const struct rf_policy *p, const struct seccomp_data *data,
			  const struct rf_rule **ret_rule)
{
	uint32_t nr = (uint32_t)data->nr;
	enum rf_abi abi = rf_abi_of(data->arch, nr);
	uint64_t args[6];
	int call, sub;

	*ret_rule = NULL;
	if (abi == RF_ABI_NR || !(p->abis >> abi & 1))
		return p->bad_abi_action;
	call = rf_call_by_nr(abi, nr);
	if (call < 0)
		return p->unknown_action;
	memcpy(args, data->args, sizeof(args));
	sub = abi == RF_ABI_I386 ? rf_call_multiplexed(call, (uint32_t)args[0]) : -1;
	if (sub >= 0)
		return rf_policy_decide_blind(p, sub, ret_rule);
	for (size_t i = 0; i < p->nr_rules; i++)
		if (rf_rule_has(p->rules[i], call) && rf_rule_fits(p->rules[i], call, args)) {
			*ret_rule = p->rules[i];
			return p->rules[i]->action;
		}
	if (p->horizon[abi] >= 0 && rf_calls[call].nr[abi] > p->horizon[abi])
		return p->unknown_action;
	return p->default_action;
}

bool rf_policy_which(const struct rf_policy *policy, const struct seccomp_data *data,
		     struct rf_place *ret_place, char *text, size_t size)
{
	const struct rf_rule *rule;

	(void)rf_policy_decide(policy, data, &rule);
	if (!rule)
		return false;
	*ret_place = rule->place;
	snprintf(text, size, "%s", rule->text);
	return true;
}

int rf_policy_parse_for(const struct rf_policy_reader *reader, const char *name,
			const char *text, size_t len, struct rf_policy **ret, struct rf_err *err)
{
	struct rf_policy *p;
	size_t first = 0;
	int r;

	if (len > RF_POLICY_SIZE_MAX)
		return rf_err_set(err, EFBIG, "policy '%s' is longer than %u bytes", name,
				  RF_POLICY_SIZE_MAX);
	p = rf_policy_new(reader->machine);
	if (!p)
		return rf_err_set(err, ENOMEM, "reading a policy");
	p->read_flags = reader->flags;
	p->capabilities = reader->capabilities;
	while (first < len && text[first] && strchr(" \t\r\n", text[first]))
		first++;
	if (first < len && text[first] == '{')
		r = rf_policy_read_oci(p, name, text, len, err);
	else
		r = rf_policy_read(p, name, text, len, err);
	if (r < 0) {
		rf_policy_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

int rf_policy_parse_caps(const char *name, const char *text, size_t len, uint64_t capabilities,
			 struct rf_policy **ret, struct rf_err *err)
{
	struct rf_policy_reader reader = { .machine = rf_abi_native(), .capabilities = capabilities };

	return rf_policy_parse_for(&reader, name, text, len, ret, err);
}

int rf_policy_parse(const char *name, const char *text, size_t len, struct rf_policy **ret,
		    struct rf_err *err)
{
	return rf_policy_parse_caps(name, text, len, 0, ret, err);
}

int rf_policy_parse_alone(const char *name, const char *text, size_t len,
			  struct rf_policy **ret, struct rf_err *err)
{
	struct rf_policy_reader reader = { .machine = rf_abi_native(), .flags = RF_POLICY_NO_FILES };

	return rf_policy_parse_for(&reader, name, text, len, ret, err);
}
