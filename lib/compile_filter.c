/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The filter of system calls, and whether what comes behind it can still be
 * done: a filter that refuses exec would make a sandbox that never starts, and
 * one that refuses capset a sandbox with too much power.
 */
#include "compile.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "../seccomp/policy.h"

#if defined(__x86_64__)
#define NATIVE_ARCH	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH	AUDIT_ARCH_AARCH64
#endif

int rf_plan_filter(struct rf_compile *k)
{
	const struct rf_seccomp_spec *s = &k->sb->seccomp;

	if (!s->on)
		return 0;
	if (s->notifies && !s->has_listener) {
		rf_err_at(k->err, &s->place, EINVAL,
			  "the policy '%.200s' notifies, and nobody is there to be asked", s->name);
		rf_err_hint(k->err, "`notify` makes sense where a program listens; "
			    "`errno`, `log` or `kill` here");
		return -EINVAL;
	}
	return rf_need_confinement(k, &s->place, "a seccomp filter");
}

void rf_emit_filter(struct rf_compile *k)
{
	const struct rf_seccomp_spec *s = &k->sb->seccomp;
	struct rf_blob program;
	struct rf_op *op;
	rf_str name;

	if (!s->on)
		return;
	rf_chain_set_place(k->c, &s->place);
	name = rf_chain_str(k->c, s->name);
	program = rf_chain_blob(k->c, s->insns, s->nr * sizeof(struct sock_filter));
	op = rf_chain_add(k->c, RF_OP_SECCOMP);
	op->u.seccomp.name = name;
	op->u.seccomp.program = program;
	op->u.seccomp.flags = s->flags;
}

/* ------------------------------------------------------- what is still called */

/* A call with the arguments that a policy could look at; addresses are 0. */
struct call {
	const char	*name;
	int		 nr;
	uint64_t	 args[3];
};
#define CALLS_MAX 3

static const struct call fixed_calls[][CALLS_MAX] = {
	[RF_OP_SIGDEFAULT] = { { "rt_sigaction", SYS_rt_sigaction, { SIGHUP } } },
	[RF_OP_SIGMASK] = { { "rt_sigprocmask", SYS_rt_sigprocmask, { SIG_SETMASK } } },
	[RF_OP_CAPSET] = { { "capset", SYS_capset, { 0 } } },
	[RF_OP_NO_NEW_PRIVS] = { { "prctl", SYS_prctl, { PR_SET_NO_NEW_PRIVS, 1 } } },
	[RF_OP_PDEATHSIG] = { { "prctl", SYS_prctl, { PR_SET_PDEATHSIG, SIGKILL } },
			      { "ppoll", SYS_ppoll, { 0, 1 } } },
	[RF_OP_AMBIENT] = { { "prctl", SYS_prctl, { PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL } },
			    { "prctl", SYS_prctl, { PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE } } },
};

/* The calls that @op makes; 0: nobody knows them. */
static size_t calls_of(const struct rf_op *op, struct call ret[CALLS_MAX])
{
	size_t n = 0;

	switch ((enum rf_op_kind)op->kind) {
	case RF_OP_EXEC:
		if (op->u.exec.dir < 0 && !op->u.exec.at_flags)
			ret[0] = (struct call){ "execve", SYS_execve, { 0 } };
		else
			ret[0] = (struct call){ "execveat", SYS_execveat, { 0 } };
		return 1;
	case RF_OP_SETGROUPS:
		ret[0] = (struct call){ "setgroups", SYS_setgroups,
					{ op->u.setgroups.gids.len / sizeof(uint32_t) } };
		return 1;
	case RF_OP_SETRESGID:
	case RF_OP_SETRESUID:
		ret[0] = op->kind == RF_OP_SETRESGID ?
			 (struct call){ "setresgid", SYS_setresgid, { 0 } } :
			 (struct call){ "setresuid", SYS_setresuid, { 0 } };
		ret[0].args[0] = op->u.setres.r;
		ret[0].args[1] = op->u.setres.e;
		ret[0].args[2] = op->u.setres.s;
		return 1;
	case RF_OP_SECUREBITS:
		ret[0] = (struct call){ "prctl", SYS_prctl, { PR_GET_SECUREBITS } };
		ret[1] = (struct call){ "prctl", SYS_prctl,
					{ PR_SET_SECUREBITS, op->u.securebits.bits } };
		return 2;
	default:
		if (op->kind >= sizeof(fixed_calls) / sizeof(fixed_calls[0]))
			return 0;
		memcpy(ret, fixed_calls[op->kind], sizeof(fixed_calls[0]));
		while (n < CALLS_MAX && ret[n].name)
			n++;
		return n;
	}
}

static void answer_text(uint32_t answer, char buf[40])
{
	const char *name = strerrorname_np((int)(answer & SECCOMP_RET_DATA));

	switch (answer & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ERRNO:
		snprintf(buf, 40, "answers %s to", name ? name : "an error");
		break;
	case SECCOMP_RET_TRAP:
		snprintf(buf, 40, "traps");
		break;
	case SECCOMP_RET_TRACE:
		snprintf(buf, 40, "asks a tracer about");
		break;
	case SECCOMP_RET_USER_NOTIF:
		snprintf(buf, 40, "asks a listener about");
		break;
	default:
		snprintf(buf, 40, "kills at");
	}
}

static bool is_allowed(const struct rf_compile *k, uint32_t answer)
{
	switch (answer & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
		return true;
	case SECCOMP_RET_USER_NOTIF:
		return k->sb->seccomp.has_listener;
	default:
		return false;
	}
}

static int check_call(struct rf_compile *k, const struct rf_op *op, const struct call *call)
{
	const struct rf_seccomp_spec *s = &k->sb->seccomp;
	struct seccomp_data data = { .nr = call->nr, .arch = NATIVE_ARCH };
	struct rf_place place = s->place;
	char rule[160] = "", answer[40];
	uint32_t r;

	memcpy(data.args, call->args, sizeof(call->args));
	r = rf_filter_run(s->insns, s->nr, &data);
	if (is_allowed(k, r))
		return 0;
	answer_text(r, answer);
	/* the line that decides; the policy's default has none */
	if (s->policy && !rf_policy_which(s->policy, &data, &place, rule, sizeof(rule)))
		place = s->place;
	rf_err_at(k->err, &place, EINVAL, "the filter '%.100s' %s %s, which '%s' after it needs%s%s",
		  s->name, answer, call->name, rf_op_defs[op->kind].name, *rule ? ": " : "", rule);
	if (!k->sb->no_new_privs && op->kind != RF_OP_EXEC)
		rf_err_hint(k->err, "with no_new_privileges: true the filter comes last");
	return -EINVAL;
}

int rf_check_filter(struct rf_compile *k)
{
	const struct rf_chain *c = k->c;
	struct call calls[CALLS_MAX];
	bool filtered = false;

	for (uint32_t i = 0; i < c->nr_ops; i++) {
		const struct rf_op *op = &c->ops[i];
		size_t nr;

		if (op->kind == RF_OP_SECCOMP) {
			filtered = true;
			continue;
		}
		/* the execs of a walk through $PATH are one call to a filter */
		if (!filtered || (op->kind == RF_OP_EXEC && c->ops[i - 1].kind == RF_OP_EXEC))
			continue;
		nr = calls_of(op, calls);
		if (!nr)
			return rf_err_set(k->err, EINVAL, "op %u, %s: cannot follow the filter", i,
					  rf_op_defs[op->kind].name);
		for (size_t n = 0; n < nr; n++) {
			int r = check_call(k, op, &calls[n]);

			if (r < 0)
				return r;
		}
	}
	return 0;
}
