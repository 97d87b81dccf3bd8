/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "assemble.h"

#include "model.h"

#define WORD_LOW(arg)	((uint32_t)offsetof(struct seccomp_data, args) + 8 * (arg))
#define WORD_HIGH(arg)	(WORD_LOW(arg) + 4)	/* little endian, as all of ours are */

unsigned int rf_asm_op(struct rf_asm *a, uint16_t code, uint32_t k)
{
	if (a->nr == BPF_MAXINSNS) {
		a->full = true;
		return 0;
	}
	a->insns[a->nr] = (struct sock_filter){ .code = code, .k = k };
	return a->nr++;
}

unsigned int rf_asm_ret(struct rf_asm *a, uint32_t action)
{
	for (unsigned int i = 0; i < a->nr_rets; i++)
		if (a->rets[i].action == action)
			return a->rets[i].label;
	if (a->nr_rets == RF_RETS_MAX) {
		a->full = true;
		return 0;
	}
	a->rets[a->nr_rets].action = action;
	a->rets[a->nr_rets].label = rf_asm_op(a, BPF_RET | BPF_K, action);
	return a->rets[a->nr_rets++].label;
}

/* @label, or a jump to it where a test's eight bits do not reach it. */
static unsigned int near(struct rf_asm *a, unsigned int label)
{
	/* two more may come between: the other jump, and the test counts itself */
	if (a->nr + 1 - label <= UINT8_MAX)
		return label;
	return rf_asm_op(a, BPF_JMP | BPF_JA, a->nr - label - 1);
}

unsigned int rf_asm_test(struct rf_asm *a, uint16_t code, uint32_t k, unsigned int yes,
			 unsigned int no)
{
	unsigned int test;

	if (yes == no)
		return yes;
	yes = near(a, yes);
	no = near(a, no);
	test = rf_asm_op(a, BPF_JMP | BPF_K | code, k);
	if (a->full)
		return 0;
	a->insns[test].jt = (uint8_t)(test - yes - 1);
	a->insns[test].jf = (uint8_t)(test - no - 1);
	return test;
}

unsigned int rf_asm_load(struct rf_asm *a, uint32_t offset, uint32_t mask, unsigned int label)
{
	if (a->nr - label != 1)
		rf_asm_op(a, BPF_JMP | BPF_JA, a->nr - label - 1);
	if (mask != UINT32_MAX)
		rf_asm_op(a, BPF_ALU | BPF_AND | BPF_K, mask);
	return rf_asm_op(a, BPF_LD | BPF_W | BPF_ABS, offset);
}

/* Is the low word one of the values whose high word is @above? */
static unsigned int equal_low(struct rf_asm *a, const struct rf_cond *c, bool narrow, uint32_t above,
			      unsigned int yes, unsigned int no)
{
	for (size_t i = c->nr; i-- > 0;)
		if (narrow || (uint32_t)(c->values[i] >> 32) == above)
			no = rf_asm_test(a, BPF_JEQ, (uint32_t)c->values[i], yes, no);
	return rf_asm_load(a, WORD_LOW(c->arg), (uint32_t)c->mask, no);
}

/* Is the argument one of the values? */
static unsigned int cond_equal(struct rf_asm *a, const struct rf_cond *c, bool narrow,
			       unsigned int yes, unsigned int no)
{
	uint32_t high = (uint32_t)(c->mask >> 32), above;
	unsigned int rest = no, low;

	if (yes == no)
		return yes;
	if (narrow)
		return equal_low(a, c, true, 0, yes, no);
	for (size_t i = c->nr, k; i-- > 0;) {
		above = (uint32_t)(c->values[i] >> 32);
		for (k = i + 1; k < c->nr && c->values[k] >> 32 != above; k++)
			;
		/* that high word has been looked for, or is masked away */
		if (k < c->nr || (!high && above))
			continue;
		low = equal_low(a, c, false, above, yes, rest);
		if (!high)
			return low;
		no = rf_asm_test(a, BPF_JEQ, above, low, no);
	}
	return high ? rf_asm_load(a, WORD_HIGH(c->arg), high, no) : no;
}

/* Is it greater (BPF_JGT), or not less (BPF_JGE)? */
static unsigned int cond_greater(struct rf_asm *a, const struct rf_cond *c, uint16_t code,
				 bool narrow, unsigned int yes, unsigned int no)
{
	uint32_t value = (uint32_t)c->values[0], above = (uint32_t)(c->values[0] >> 32);
	unsigned int label;

	if (yes == no)
		return yes;
	label = rf_asm_test(a, code, value, yes, no);
	label = rf_asm_load(a, WORD_LOW(c->arg), (uint32_t)c->mask, label);
	if (narrow)
		return label;
	label = rf_asm_test(a, BPF_JEQ, above, label, no);
	label = rf_asm_test(a, BPF_JGT, above, yes, label);
	return rf_asm_load(a, WORD_HIGH(c->arg), (uint32_t)(c->mask >> 32), label);
}

static unsigned int cond(struct rf_asm *a, const struct rf_cond *c, bool narrow,
			 unsigned int yes, unsigned int no)
{
	switch (c->op) {
	case RF_COND_EQ:
		return cond_equal(a, c, narrow, yes, no);
	case RF_COND_NE:
		return cond_equal(a, c, narrow, no, yes);
	case RF_COND_GT:
		return cond_greater(a, c, BPF_JGT, narrow, yes, no);
	case RF_COND_GE:
		return cond_greater(a, c, BPF_JGE, narrow, yes, no);
	case RF_COND_LE:
		return cond_greater(a, c, BPF_JGT, narrow, no, yes);
	case RF_COND_LT:
	default:
		return cond_greater(a, c, BPF_JGE, narrow, no, yes);
	}
}

unsigned int rf_asm_rule(struct rf_asm *a, const struct rf_rule *rule, uint8_t narrow,
			 unsigned int yes, unsigned int no)
{
	for (size_t i = rule->nr_conds; i-- > 0;) {
		const struct rf_cond *c = &rule->conds[i];

		yes = cond(a, c, narrow >> c->arg & 1, yes, no);
	}
	return yes;
}
