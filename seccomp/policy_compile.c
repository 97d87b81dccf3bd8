/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a policy to a program.  libseccomp makes its head: what checks the architecture.
 * Its leaves return marks, which then become jumps to a search among ranges of numbers
 * with one answer each, or with one piece of code that looks at the arguments.
 *
 * A leaf per call, as libseccomp has it, makes a program three times as long, and a
 * launch waits for the kernel to translate it, and to run it once for each number of two
 * architectures.  Besides, rules are in order here and may overlap, which libseccomp's
 * cannot, and i386 has calls that are reached through socketcall and ipc.
 */
#include "model.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "assemble.h"
#include "error.h"

/* What happens to a call: an action, or rules to go through before it. */
struct decision {
	const struct rf_rule **rules;	/* NULL: a multiplexer, or none */
	size_t		 nr;
	uint32_t	 action;
	uint8_t		 narrow;
	int		 multiplexer;	/* index of the call, or -1 */
	unsigned int	 label;
};

/* Marks are data of SECCOMP_RET_TRACE: the index of a decision, or these. */
#define MARK_REST	0
#define MARK_FOREIGN	1
#define MARK_FIRST	2
#define DECISIONS_MAX	1024

struct compiler {
	const struct rf_policy *p;
	struct rf_err	*err;
	struct decision	 decisions[DECISIONS_MAX];
	int		 nr;
	int		 of_call[RF_CALLS_NR];
	int		 unknown;	/* the decision about unknown numbers */
	struct sock_filter head[BPF_MAXINSNS];
	size_t		 nr_head;
	struct rf_asm	 tail;
};

static const uint32_t abi_tokens[RF_ABI_NR] = {
	[RF_ABI_X86_64] = SCMP_ARCH_X86_64, [RF_ABI_X32] = SCMP_ARCH_X32,
	[RF_ABI_I386] = SCMP_ARCH_X86, [RF_ABI_ARM] = SCMP_ARCH_ARM,
	[RF_ABI_AARCH64] = SCMP_ARCH_AARCH64,
};

static bool has_abi(const struct compiler *c, int abi)
{
	return c->p->abis >> abi & 1;
}

static int no_memory(struct compiler *c)
{
	return rf_err_set(c->err, ENOMEM, "compiling a policy");
}

/* ------------------------------------------------------------ decisions */

static bool decision_same(const struct decision *a, const struct decision *b)
{
	return a->nr == b->nr && a->action == b->action && a->narrow == b->narrow &&
	       a->multiplexer == b->multiplexer &&
	       (!a->nr || memcmp(a->rules, b->rules, a->nr * sizeof(a->rules[0])) == 0);
}

/* The index of @d among the decisions; its rules are taken over or freed. */
static int decision_add(struct compiler *c, struct decision *d)
{
	for (int i = MARK_FIRST; i < c->nr; i++)
		if (decision_same(&c->decisions[i], d)) {
			free(d->rules);
			return i;
		}
	if (c->nr == DECISIONS_MAX) {
		free(d->rules);
		return rf_err_set(c->err, E2BIG, "more than %d different decisions", DECISIONS_MAX);
	}
	c->decisions[c->nr] = *d;
	return c->nr++;
}

static int decision_constant(struct compiler *c, uint32_t action)
{
	struct decision d = { .action = action, .multiplexer = -1 };

	return decision_add(c, &d);
}

/* What the rules say about @call, without the newest calls' exception. */
static int decision_for(struct compiler *c, int call)
{
	struct decision d = { .action = c->p->default_action, .multiplexer = -1 };
	uint8_t used = 0;

	d.rules = calloc(c->p->nr_rules + 1, sizeof(d.rules[0]));
	if (!d.rules)
		return no_memory(c);
	for (size_t i = 0; i < c->p->nr_rules; i++) {
		const struct rf_rule *rule = c->p->rules[i];

		if (!rf_rule_has(rule, call))
			continue;
		if (!rule->nr_conds) {
			d.action = rule->action;
			break;
		}
		d.rules[d.nr++] = rule;
		for (size_t k = 0; k < rule->nr_conds; k++)
			used |= (uint8_t)(1U << rule->conds[k].arg);
	}
	d.narrow = rf_calls[call].narrow & used;
	return decision_add(c, &d);
}

static int decide_all(struct compiler *c)
{
	c->unknown = decision_constant(c, c->p->unknown_action);
	if (c->unknown < 0)
		return c->unknown;
	for (int call = 0; call < RF_CALLS_NR; call++) {
		c->of_call[call] = decision_for(c, call);
		if (c->of_call[call] < 0)
			return c->of_call[call];
	}
	return 0;
}

/* ----------------------------------------------------------- libseccomp */

static int fill_filter(struct compiler *c, scmp_filter_ctx ctx)
{
	int r;

	r = seccomp_arch_remove(ctx, seccomp_arch_native());
	for (int abi = 0; !r && abi < RF_ABI_NR; abi++)
		if (has_abi(c, abi))
			r = seccomp_arch_add(ctx, abi_tokens[abi]);
	if (!r)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_TRACE(MARK_FOREIGN));
	return r;
}

/* libseccomp writes its program to a descriptor. */
static int take_filter(struct compiler *c, scmp_filter_ctx ctx)
{
	int fd = memfd_create("filter", MFD_CLOEXEC), r;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(ctx, fd);
	if (!r)
		n = pread(fd, c->head, sizeof(c->head), 0);
	if (n < 0)
		r = -errno;
	close(fd);
	c->nr_head = n > 0 ? (size_t)n / sizeof(c->head[0]) : 0;
	return r;
}

static int head_code(struct compiler *c)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRACE(MARK_REST));
	int r;

	if (!ctx)
		return no_memory(c);
	r = fill_filter(c, ctx);
	if (!r)
		r = take_filter(c, ctx);
	seccomp_release(ctx);
	if (r < 0)
		return rf_err_set(c->err, -r, "libseccomp cannot make the filter");
	return 0;
}

/* ------------------------------------------------------------- the tail */

static unsigned int multiplexer_code(struct compiler *c, int call)
{
	struct rf_asm *a = &c->tail;
	const struct rf_rule *rule;
	unsigned int no = rf_asm_ret(a, c->decisions[c->of_call[call]].action);
	bool is_ipc = rf_call_multiplexed(call, 0x10001) >= 0;

	for (uint32_t sub = 0; sub < 64; sub++) {
		int target = rf_call_multiplexed(call, sub);

		if (target >= 0)
			no = rf_asm_test(a, BPF_JEQ, sub,
					 rf_asm_ret(a, rf_policy_decide_blind(c->p, target, &rule)), no);
	}
	/* the upper half of ipc's is a version */
	return rf_asm_load(a, offsetof(struct seccomp_data, args), is_ipc ? 0xffff : UINT32_MAX, no);
}

/* The code of decision @i; its label. */
static unsigned int decision_code(struct compiler *c, int i)
{
	struct decision *d = &c->decisions[i];
	unsigned int label;

	if (d->label)
		return d->label;
	if (d->multiplexer >= 0) {
		label = multiplexer_code(c, d->multiplexer);
	} else {
		label = rf_asm_ret(&c->tail, d->action);
		for (size_t k = d->nr; k-- > 0;)
			label = rf_asm_rule(&c->tail, d->rules[k], d->narrow,
					    rf_asm_ret(&c->tail, d->rules[k]->action), label);
	}
	d->label = label;
	return label;
}

/* Numbers from `start` up to the next one's have one decision. */
struct range {
	uint32_t	 start;
	int		 decision;
};

struct ranges {
	struct range	 all[2 * RF_CALLS_NR + 2];
	size_t		 nr;
};

static void ranges_add(struct ranges *s, uint32_t start, int decision)
{
	if (s->nr && s->all[s->nr - 1].decision == decision)
		return;
	s->all[s->nr++] = (struct range){ start, decision };
}

/* The decision about @call for ABI @abi. */
static int call_decision(struct compiler *c, int abi, int call)
{
	const struct decision *d = &c->decisions[c->of_call[call]];
	struct decision multiplexer = { .multiplexer = call };

	if (abi == RF_ABI_I386 && rf_call_multiplexed(call, 1) >= 0)
		return decision_add(c, &multiplexer);
	if (c->p->horizon[abi] >= 0 && rf_calls[call].nr[abi] > c->p->horizon[abi] && !d->nr &&
	    d->action == c->p->default_action)
		return c->unknown;
	return c->of_call[call];
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return x[0] < y[0] ? -1 : x[0] > y[0];
}

static int ranges_fill(struct compiler *c, int abi, struct ranges *s)
{
	uint32_t numbers[RF_CALLS_NR][2], next = 0, bit = abi == RF_ABI_X32 ? RF_X32_BIT : 0;
	size_t nr = 0;

	for (int call = 0; call < RF_CALLS_NR; call++)
		if (rf_calls[call].nr[abi] >= 0) {
			numbers[nr][0] = (uint32_t)rf_calls[call].nr[abi] | bit;
			numbers[nr++][1] = (uint32_t)call;
		}
	qsort(numbers, nr, sizeof(numbers[0]), by_number);
	s->nr = 0;
	for (size_t i = 0; i < nr; i++) {
		int d = call_decision(c, abi, (int)numbers[i][1]);

		if (d < 0)
			return d;
		if (numbers[i][0] > next)
			ranges_add(s, next, c->unknown);
		ranges_add(s, numbers[i][0], d);
		next = numbers[i][0] + 1;
	}
	ranges_add(s, next, c->unknown);
	return 0;
}

/*
 * The range that the upper half of @from ... @to begins with.  Half of the numbers, not of
 * the ranges: the kernel runs a program for each number that it knows.
 */
static size_t middle_of(const struct ranges *s, size_t from, size_t to)
{
	const uint32_t half = s->all[from].start / 2 + s->all[to].start / 2;
	size_t middle = from + 1;

	while (middle < to && s->all[middle].start < half)
		middle++;
	return middle;
}

/* A binary tree over ranges @from ... @to. */
static unsigned int ranges_code(struct compiler *c, const struct ranges *s, size_t from, size_t to)
{
	size_t middle;
	unsigned int above, below;

	if (from == to)
		return c->decisions[s->all[from].decision].label;
	middle = middle_of(s, from, to);
	above = ranges_code(c, s, middle, to);
	below = ranges_code(c, s, from, middle - 1);
	return rf_asm_test(&c->tail, BPF_JGE, s->all[middle].start, above, below);
}

static int abi_code(struct compiler *c, int abi, unsigned int *ret)
{
	struct ranges s;
	int r = ranges_fill(c, abi, &s);

	if (r < 0)
		return r;
	for (size_t i = 0; i < s.nr; i++)
		(void)decision_code(c, s.all[i].decision);
	*ret = ranges_code(c, &s, 0, s.nr - 1);
	return 0;
}

/* Numbers of x86_64, of x32, or of both: @ret is a label. */
static int x86_64_code(struct compiler *c, unsigned int *ret)
{
	const bool has_x86_64 = has_abi(c, RF_ABI_X86_64), has_x32 = has_abi(c, RF_ABI_X32);
	unsigned int x32 = 0;
	int r = has_x32 ? abi_code(c, RF_ABI_X32, &x32) : 0;

	if (r == 0 && has_x86_64)
		r = abi_code(c, RF_ABI_X86_64, ret);
	if (r < 0 || !has_x32)
		return r;
	if (has_x86_64)
		*ret = rf_asm_test(&c->tail, BPF_JGE, RF_X32_BIT, x32, *ret);
	else	/* what a tracer writes to skip a call */
		*ret = rf_asm_test(&c->tail, BPF_JEQ, UINT32_MAX,
				   rf_asm_ret(&c->tail, c->p->bad_abi_action), x32);
	return 0;
}

/* Behind the head: what comes here is of an architecture of the policy. */
static int rest_code(struct compiler *c)
{
	const bool is_x86_64 = has_abi(c, RF_ABI_X86_64) || has_abi(c, RF_ABI_X32);
	unsigned int next = 0, nr = 0;

	for (int abi = RF_ABI_NR; abi-- > 0;) {
		unsigned int label = 0;
		int r;

		if (abi == RF_ABI_X32 || !(abi == RF_ABI_X86_64 ? is_x86_64 : has_abi(c, abi)))
			continue;
		r = abi == RF_ABI_X86_64 ? x86_64_code(c, &label) : abi_code(c, abi, &label);
		if (r < 0)
			return r;
		label = rf_asm_load(&c->tail, offsetof(struct seccomp_data, nr), UINT32_MAX, label);
		next = nr++ ? rf_asm_test(&c->tail, BPF_JEQ, rf_abi_defs[abi].arch, label, next) : label;
	}
	if (nr > 1)
		next = rf_asm_load(&c->tail, offsetof(struct seccomp_data, arch), UINT32_MAX, next);
	c->decisions[MARK_REST].label = next;
	return 0;
}

static int tail_code(struct compiler *c)
{
	/* label 0 means none yet, and is what ends up in a full program */
	rf_asm_ret(&c->tail, SECCOMP_RET_KILL_PROCESS);
	c->decisions[MARK_FOREIGN].label = rf_asm_ret(&c->tail, c->p->bad_abi_action);
	return rest_code(c);
}

/* -------------------------------------------------------------- together */

static bool is_mark(const struct sock_filter *f)
{
	return f->code == (BPF_RET | BPF_K) &&
	       (f->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_TRACE;
}

/* The head with marks resolved, in front of the tail. */
static int join(struct compiler *c, struct rf_filter *ret)
{
	size_t nr = c->nr_head + c->tail.nr;
	struct sock_filter *insns;

	if (c->tail.full || nr > BPF_MAXINSNS)
		return rf_err_set(c->err, E2BIG, "the filter has more than %d instructions",
				  BPF_MAXINSNS);
	insns = malloc(nr * sizeof(*insns));
	if (!insns)
		return no_memory(c);
	memcpy(insns, c->head, c->nr_head * sizeof(*insns));
	for (size_t i = 0; i < c->tail.nr; i++)
		insns[nr - 1 - i] = c->tail.insns[i];
	for (size_t i = 0; i < c->nr_head; i++) {
		unsigned int label;

		if (!is_mark(&insns[i]))
			continue;
		label = c->decisions[insns[i].k & SECCOMP_RET_DATA].label;
		insns[i] = c->tail.insns[label];
		if (insns[i].code != (BPF_RET | BPF_K))
			insns[i] = (struct sock_filter){
				.code = BPF_JMP | BPF_JA, .k = (uint32_t)(nr - 1 - i - label - 1)
			};
	}
	*ret = (struct rf_filter){ .insns = insns, .nr = nr, .flags = c->p->flags };
	for (size_t i = 0; i < nr; i++)
		if (insns[i].code == (BPF_RET | BPF_K) && insns[i].k == SECCOMP_RET_USER_NOTIF)
			ret->notifies = true;
	return 0;
}

int rf_policy_compile(const struct rf_policy *policy, struct rf_filter *ret, struct rf_err *err)
{
	struct compiler *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return rf_err_set(err, ENOMEM, "compiling a policy");
	c->p = policy;
	c->err = err;
	c->nr = MARK_FIRST;
	r = decide_all(c);
	if (!r)
		r = head_code(c);
	if (!r)
		r = tail_code(c);
	if (!r)
		r = join(c, ret);
	for (int i = 0; i < c->nr; i++)
		free(c->decisions[i].rules);
	free(c);
	return r;
}

void rf_filter_done(struct rf_filter *filter)
{
	free((void *)(uintptr_t)filter->insns);
	*filter = (struct rf_filter){ 0 };
}
