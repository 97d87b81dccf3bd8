/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layers that hold without a namespace: the filter and Landlock.
 */
#include "receipt.h"

#include <inttypes.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "compat.h"
#include "probe.h"

/* ------------------------------------------------------------------- seccomp */

static const struct {
	uint32_t	 action;
	const char	*name;
} actions[] = {
	{ SECCOMP_RET_ALLOW, "allow" }, { SECCOMP_RET_LOG, "log" },
	{ SECCOMP_RET_ERRNO, "errno" }, { SECCOMP_RET_TRACE, "trace" },
	{ SECCOMP_RET_USER_NOTIF, "notify" }, { SECCOMP_RET_TRAP, "trap" },
	{ SECCOMP_RET_KILL_THREAD, "kill_thread" }, { SECCOMP_RET_KILL_PROCESS, "kill" },
};
#define NR_ACTIONS (sizeof(actions) / sizeof(actions[0]))

/* What the program of @op may answer: a bit for each of actions[]. */
static unsigned int answers(const struct rf_teller *t, const struct rf_op *op)
{
	const struct rf_blob program = op->u.seccomp.program;
	unsigned int seen = 0;
	struct sock_filter insn;

	for (uint32_t at = 0; at + sizeof(insn) <= program.len; at += sizeof(insn)) {
		memcpy(&insn, t->c->data + program.off + at, sizeof(insn));
		for (size_t i = 0; insn.code == (BPF_RET | BPF_K) && i < NR_ACTIONS; i++)
			if ((insn.k & SECCOMP_RET_ACTION_FULL) == actions[i].action)
				seen |= 1U << i;
	}
	return seen;
}

/* From the mildest on. */
static void tell_answers(struct rf_teller *t, unsigned int seen)
{
	char text[128] = "";

	for (size_t i = 0; i < NR_ACTIONS; i++)
		if (seen >> i & 1)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 *text ? "," : "", actions[i].name);
	rf_tell_fact(t, "answers", "%s", text);
}

/* All filters are in force or the layer is not. */
void rf_tell_seccomp(struct rf_teller *t)
{
	const char *names = NULL;
	unsigned int seen = 0;

	for (uint32_t i = 0; i < t->c->nr_ops; i++) {
		const struct rf_op *op = &t->c->ops[i];
		const char *name;

		if (op->kind != RF_OP_SECCOMP)
			continue;
		if (!rf_told_done(t, i)) {
			rf_tell_refused(t, "it was not installed");
			return;
		}
		name = t->c->data + op->u.seccomp.name;
		names = names ? rf_sandbox_printf(t->mem, "%s,%s", names, name) : name;
		t->no_memory |= !names;
		seen |= answers(t, op);
	}
	if (!names) {
		if (t->sb->seccomp.on || t->sb->seccomp_too.on)
			rf_tell_refused(t, "it was not installed");
		else
			rf_tell_unwanted(t, "the spec has none");
		return;
	}
	rf_tell_fact(t, "policy", "%s", names);
	tell_answers(t, seen);
	rf_tell_in_force(t);
}

/* ------------------------------------------------------------------ Landlock */

static void tell_bits(struct rf_teller *t, const char *name, uint64_t set, uint64_t first,
		      const char *first_word, uint64_t second, const char *second_word)
{
	if (set & (first | second))
		rf_tell_fact(t, name, "%s%s%s", set & first ? first_word : "",
			     set & first && set & second ? "," : "",
			     set & second ? second_word : "");
}

void rf_tell_landlock(struct rf_teller *t)
{
	const struct rf_op *op = rf_told_op(t, RF_OP_LANDLOCK);
	char missing[256];

	if (!op) {
		if (t->sb->landlock.on)
			rf_tell_refused(t, "it was not enforced");
		else
			rf_tell_unwanted(t, "the spec has none");
		return;
	}
	rf_tell_fact(t, "abi", "%" PRIu32, t->f->landlock);
	rf_tell_fact(t, "rules", "%zu",
		     op->u.landlock.rules.len / sizeof(struct rf_landlock_op_rule));
	rf_tell_fact(t, "files", "%s", op->u.landlock.fs ? "yes" : "no");
	tell_bits(t, "tcp", op->u.landlock.net, RF_LANDLOCK_NET_CONNECT_TCP, "connect",
		  RF_LANDLOCK_NET_BIND_TCP, "bind");
	tell_bits(t, "scope", op->u.landlock.scoped, RF_LANDLOCK_SCOPE_ABSTRACT_UNIX,
		  "abstract_unix", RF_LANDLOCK_SCOPE_SIGNAL, "signal");
	/* older kernels have less, and the spec may do with that */
	if (rf_landlock_missing(t->sb, t->f->landlock, missing, sizeof(missing)))
		rf_tell_fact(t, "missing", "%s", missing);
	rf_tell_in_force(t);
}
