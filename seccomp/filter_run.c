/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A seccomp program run as the kernel would: first what its verifier refuses,
 * then the instructions.
 */
#include "policy.h"

#include <string.h>

/* The bytes of a seccomp_data as 32-bit words. */
#define WORDS	(sizeof(struct seccomp_data) / 4)

static bool jumps_inside(const struct sock_filter *f, size_t at, size_t nr)
{
	if (BPF_CLASS(f->code) != BPF_JMP)
		return true;
	if (BPF_OP(f->code) == BPF_JA)
		return f->k < nr - at - 1;
	return at + f->jt + 1 < nr && at + f->jf + 1 < nr;
}

static bool insn_allowed(const struct sock_filter *f)
{
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return f->k < sizeof(struct seccomp_data) && f->k % 4 == 0;
	case BPF_LD | BPF_W | BPF_LEN: case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM: case BPF_LDX | BPF_IMM:
	case BPF_RET | BPF_K: case BPF_RET | BPF_A:
	case BPF_MISC | BPF_TAX: case BPF_MISC | BPF_TXA:
	case BPF_JMP | BPF_JA:
	case BPF_JMP | BPF_JEQ | BPF_K: case BPF_JMP | BPF_JEQ | BPF_X:
	case BPF_JMP | BPF_JGE | BPF_K: case BPF_JMP | BPF_JGE | BPF_X:
	case BPF_JMP | BPF_JGT | BPF_K: case BPF_JMP | BPF_JGT | BPF_X:
	case BPF_JMP | BPF_JSET | BPF_K: case BPF_JMP | BPF_JSET | BPF_X:
	case BPF_ALU | BPF_ADD | BPF_K: case BPF_ALU | BPF_ADD | BPF_X:
	case BPF_ALU | BPF_SUB | BPF_K: case BPF_ALU | BPF_SUB | BPF_X:
	case BPF_ALU | BPF_MUL | BPF_K: case BPF_ALU | BPF_MUL | BPF_X:
	case BPF_ALU | BPF_DIV | BPF_X:
	case BPF_ALU | BPF_AND | BPF_K: case BPF_ALU | BPF_AND | BPF_X:
	case BPF_ALU | BPF_OR | BPF_K: case BPF_ALU | BPF_OR | BPF_X:
	case BPF_ALU | BPF_XOR | BPF_K: case BPF_ALU | BPF_XOR | BPF_X:
	case BPF_ALU | BPF_LSH | BPF_X: case BPF_ALU | BPF_RSH | BPF_X:
	case BPF_ALU | BPF_NEG:
		return true;
	case BPF_ALU | BPF_DIV | BPF_K:
		return f->k != 0;
	case BPF_ALU | BPF_LSH | BPF_K: case BPF_ALU | BPF_RSH | BPF_K:
		return f->k < 32;
	case BPF_LD | BPF_MEM: case BPF_LDX | BPF_MEM: case BPF_ST: case BPF_STX:
		return f->k < BPF_MEMWORDS;
	default:
		return false;
	}
}

/*
 * No path may read a memory word that it has not written.  Jumps go forward
 * only, so that one pass sees each instruction after all that lead to it.
 */
static bool memory_written(const struct sock_filter *insns, size_t nr)
{
	uint16_t written[BPF_MAXINSNS], valid = 0;

	memset(written, 0xff, sizeof(written));
	for (size_t i = 0; i < nr; i++) {
		const struct sock_filter *f = &insns[i];

		valid &= written[i];
		switch (f->code) {
		case BPF_ST: case BPF_STX:
			valid |= (uint16_t)(1U << f->k);
			break;
		case BPF_LD | BPF_MEM: case BPF_LDX | BPF_MEM:
			if (!(valid & (1U << f->k)))
				return false;
			break;
		case BPF_JMP | BPF_JA:
			written[i + 1 + f->k] &= valid;
			valid = 0xffff;
			break;
		default:
			if (BPF_CLASS(f->code) != BPF_JMP)
				break;
			written[i + 1 + f->jt] &= valid;
			written[i + 1 + f->jf] &= valid;
			valid = 0xffff;
		}
	}
	return true;
}

bool rf_filter_valid(const struct sock_filter *insns, size_t nr)
{
	if (!nr || nr > BPF_MAXINSNS)
		return false;
	for (size_t i = 0; i < nr; i++)
		if (!insn_allowed(&insns[i]) || !jumps_inside(&insns[i], i, nr))
			return false;
	return BPF_CLASS(insns[nr - 1].code) == BPF_RET && memory_written(insns, nr);
}

static bool jump_taken(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	default:
		return a & b;
	}
}

/* false: division by zero, on which the program returns 0. */
static bool alu(uint16_t op, uint32_t *a, uint32_t b)
{
	switch (op) {
	case BPF_ADD: *a += b; return true;
	case BPF_SUB: *a -= b; return true;
	case BPF_MUL: *a *= b; return true;
	case BPF_AND: *a &= b; return true;
	case BPF_OR: *a |= b; return true;
	case BPF_XOR: *a ^= b; return true;
	case BPF_LSH: *a <<= b & 31; return true;
	case BPF_RSH: *a >>= b & 31; return true;
	case BPF_NEG: *a = -*a; return true;
	default:
		if (!b)
			return false;
		*a /= b;
		return true;
	}
}

static uint32_t operand(const struct sock_filter *f, uint32_t x)
{
	return BPF_SRC(f->code) == BPF_X ? x : f->k;
}

static uint32_t load(const struct sock_filter *f, const uint32_t *words, const uint32_t *memory)
{
	switch (BPF_MODE(f->code)) {
	case BPF_ABS:
		return words[f->k / 4];
	case BPF_LEN:
		return sizeof(struct seccomp_data);
	case BPF_MEM:
		return memory[f->k];
	default:
		return f->k;
	}
}

uint32_t rf_filter_run(const struct sock_filter *insns, size_t nr, const struct seccomp_data *data)
{
	uint32_t a = 0, x = 0, memory[BPF_MEMWORDS] = { 0 }, words[WORDS];

	if (!rf_filter_valid(insns, nr))
		return SECCOMP_RET_KILL_PROCESS;
	memcpy(words, data, sizeof(words));
	for (size_t i = 0; i < nr; i++) {
		const struct sock_filter *f = &insns[i];

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			a = load(f, words, memory);
			break;
		case BPF_LDX:
			x = load(f, words, memory);
			break;
		case BPF_ST:
			memory[f->k] = a;
			break;
		case BPF_STX:
			memory[f->k] = x;
			break;
		case BPF_ALU:
			if (!alu(BPF_OP(f->code), &a, operand(f, x)))
				return 0;
			break;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA)
				i += f->k;
			else
				i += jump_taken(BPF_OP(f->code), a, operand(f, x)) ? f->jt : f->jf;
			break;
		case BPF_RET:
			return BPF_RVAL(f->code) == BPF_A ? a : f->k;
		default:
			if (f->code == (BPF_MISC | BPF_TAX))
				x = a;
			else
				a = x;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}
