/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A BPF program, assembled from its end: a label is the place of an
 * instruction counted from there, so that every jump goes to what is known.
 */
#ifndef RF_ASSEMBLE_H
#define RF_ASSEMBLE_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rf_rule;

#define RF_RETS_MAX	1024	/* different actions */

struct rf_asm {
	struct sock_filter insns[BPF_MAXINSNS];	/* the last one first */
	unsigned int	 nr;
	bool		 full;			/* it did not fit */
	struct { uint32_t action; unsigned int label; } rets[RF_RETS_MAX];
	unsigned int	 nr_rets;
};

/* Each returns the label of what it put in front of the rest. */
unsigned int rf_asm_op(struct rf_asm *a, uint16_t code, uint32_t k);
unsigned int rf_asm_ret(struct rf_asm *a, uint32_t action);
/* A test of the accumulator: BPF_JEQ, BPF_JGT, BPF_JGE. */
unsigned int rf_asm_test(struct rf_asm *a, uint16_t code, uint32_t k, unsigned int yes,
			 unsigned int no);
/* Load a word of seccomp_data, and @mask it, in front of what is at @label. */
unsigned int rf_asm_load(struct rf_asm *a, uint32_t offset, uint32_t mask, unsigned int label);
/* Go to @yes when the conditions of @rule hold, else to @no; @narrow as in rf_call. */
unsigned int rf_asm_rule(struct rf_asm *a, const struct rf_rule *rule, uint8_t narrow,
			 unsigned int yes, unsigned int no);

#endif
