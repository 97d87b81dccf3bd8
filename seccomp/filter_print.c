/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program in words: jumps with the line that they go to, numbers with the
 * name that they have where they are compared.
 */
#include "model.h"

#include <linux/audit.h>
#include <stdio.h>
#include <string.h>

/* What the accumulator holds, as far as every way to an instruction agrees. */
enum holds { HOLDS_UNSEEN = 0, HOLDS_OTHER, HOLDS_NR, HOLDS_ARCH };

struct state {
	uint8_t		 holds;		/* enum holds */
	uint32_t	 arch;		/* AUDIT_ARCH_*, 0: not known */
};

static void merge(struct state *into, struct state s)
{
	if (into->holds == HOLDS_UNSEEN) {
		*into = s;
		return;
	}
	if (into->holds != s.holds)
		into->holds = HOLDS_OTHER;
	if (into->arch != s.arch)
		into->arch = 0;
}

static struct state after(const struct sock_filter *f, struct state s)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		s.holds = HOLDS_OTHER;
		if (f->code == (BPF_LD | BPF_W | BPF_ABS)) {
			if (f->k == offsetof(struct seccomp_data, nr))
				s.holds = HOLDS_NR;
			else if (f->k == offsetof(struct seccomp_data, arch))
				s.holds = HOLDS_ARCH;
		}
		break;
	case BPF_ALU: case BPF_MISC:
		s.holds = HOLDS_OTHER;
		break;
	default:
		break;
	}
	return s;
}

/* The state before instruction @at of a valid program. */
static struct state state_at(const struct sock_filter *insns, size_t at)
{
	struct state states[BPF_MAXINSNS + 1];

	memset(states, 0, (at + 2) * sizeof(states[0]));
	states[0].holds = HOLDS_OTHER;
	for (size_t i = 0; i < at; i++) {
		const struct sock_filter *f = &insns[i];
		struct state s = after(f, states[i]), yes = s;

		if (BPF_CLASS(f->code) == BPF_RET || states[i].holds == HOLDS_UNSEEN)
			continue;
		if (BPF_CLASS(f->code) != BPF_JMP) {
			merge(&states[i + 1], s);
			continue;
		}
		if (BPF_OP(f->code) == BPF_JA) {
			if (i + 1 + f->k <= at)
				merge(&states[i + 1 + f->k], s);
			continue;
		}
		if (s.holds == HOLDS_ARCH && f->code == (BPF_JMP | BPF_JEQ | BPF_K))
			yes.arch = f->k;
		if (i + 1 + f->jt <= at)
			merge(&states[i + 1 + f->jt], yes);
		if (i + 1 + f->jf <= at)
			merge(&states[i + 1 + f->jf], s);
	}
	return states[at];
}

static void print_load(const struct sock_filter *f, const char *to, char *buf, size_t size)
{
	uint32_t k = f->k;

	if (BPF_MODE(f->code) == BPF_IMM)
		snprintf(buf, size, "%s = %#x", to, k);
	else if (BPF_MODE(f->code) == BPF_MEM)
		snprintf(buf, size, "%s = memory[%u]", to, k);
	else if (BPF_MODE(f->code) == BPF_LEN)
		snprintf(buf, size, "%s = size", to);
	else if (k == offsetof(struct seccomp_data, nr))
		snprintf(buf, size, "%s = nr", to);
	else if (k == offsetof(struct seccomp_data, arch))
		snprintf(buf, size, "%s = arch", to);
	else if (k < offsetof(struct seccomp_data, args))
		snprintf(buf, size, "%s = ip.%s", to, k % 8 ? "high" : "low");
	else
		snprintf(buf, size, "%s = arg%u.%s", to, (k - 16) / 8, k % 8 ? "high" : "low");
}

static void print_alu(const struct sock_filter *f, char *buf, size_t size)
{
	static const char *const ops[16] = {
		"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "= -", "?", "^="
	};
	unsigned int op = BPF_OP(f->code) >> 4;

	if (BPF_SRC(f->code) == BPF_X)
		snprintf(buf, size, "a %s x", ops[op] ? ops[op] : "?");
	else
		snprintf(buf, size, "a %s %#x", ops[op] ? ops[op] : "?", f->k);
}

/* What number @k is called where the accumulator holds what @s says. */
static void print_name(const struct sock_filter *f, struct state s, char *buf, size_t size)
{
	enum rf_abi abi;
	int call;

	buf[0] = '\0';
	if (s.holds == HOLDS_ARCH)
		for (int i = RF_ABI_NR - 1; i >= 0; i--)
			if (rf_abi_defs[i].arch == f->k && i != RF_ABI_X32)
				snprintf(buf, size, "%s", rf_abi_defs[i].name);
	if (s.holds != HOLDS_NR || !s.arch)
		return;
	abi = rf_abi_of(s.arch, f->k);
	call = abi == RF_ABI_NR ? -1 : rf_call_by_nr(abi, f->k);
	if (call >= 0)
		snprintf(buf, size, "%s%s", abi == RF_ABI_X32 ? "x32 " : "", rf_calls[call].name);
}

static void print_jump(const struct sock_filter *f, size_t at, struct state s, char *buf, size_t size)
{
	static const char *const ops[] = { [BPF_JEQ >> 4] = "==", [BPF_JGT >> 4] = ">",
					   [BPF_JGE >> 4] = ">=", [BPF_JSET >> 4] = "&" };
	char k[16], name[64];

	if (BPF_OP(f->code) == BPF_JA) {
		snprintf(buf, size, "goto %zu", at + 1 + f->k);
		return;
	}
	print_name(f, s, name, sizeof(name));
	snprintf(k, sizeof(k), "%#x", f->k);
	snprintf(buf, size, "if a %s %s goto %zu else %zu%s%s", ops[BPF_OP(f->code) >> 4],
		 BPF_SRC(f->code) == BPF_X ? "x" : k, at + 1 + f->jt, at + 1 + f->jf,
		 name[0] ? "\t# " : "", name);
}

void rf_filter_print(const struct sock_filter *insns, size_t at, char *buf, size_t size)
{
	const struct sock_filter *f = &insns[at];
	char action[32];

	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		print_load(f, "a", buf, size);
		break;
	case BPF_LDX:
		print_load(f, "x", buf, size);
		break;
	case BPF_ST:
	case BPF_STX:
		snprintf(buf, size, "memory[%u] = %c", f->k, BPF_CLASS(f->code) == BPF_ST ? 'a' : 'x');
		break;
	case BPF_ALU:
		print_alu(f, buf, size);
		break;
	case BPF_JMP:
		print_jump(f, at, state_at(insns, at), buf, size);
		break;
	case BPF_RET:
		if (BPF_RVAL(f->code) == BPF_A)
			snprintf(buf, size, "return a");
		else
			snprintf(buf, size, "return %s", rf_action_print(f->k, action, sizeof(action)));
		break;
	default:
		snprintf(buf, size, "%s", f->code == (BPF_MISC | BPF_TAX) ? "x = a" : "a = x");
	}
}
