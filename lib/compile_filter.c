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
#include <sys/socket.h>
#include <sys/syscall.h>

#include "../seccomp/policy.h"
#include "compat.h"

#if defined(__x86_64__)
#define NATIVE_ARCH	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH	AUDIT_ARCH_AARCH64
#endif

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
	case RF_OP_SEND_FDS:
		ret[0] = (struct call){ "sendmsg", SYS_sendmsg, { 0, 0, MSG_NOSIGNAL } };
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

static bool is_allowed(const struct rf_seccomp_spec *s, uint32_t answer)
{
	switch (answer & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
		return true;
	case SECCOMP_RET_USER_NOTIF:
		return s->has_listener;
	default:
		return false;
	}
}

static uint32_t ask(const struct rf_seccomp_spec *s, const struct call *call,
		    struct seccomp_data *data)
{
	*data = (struct seccomp_data){ .nr = call->nr, .arch = NATIVE_ARCH };
	memcpy(data->args, call->args, sizeof(call->args));
	return rf_filter_run(s->insns, s->nr, data);
}

static bool allows(const struct rf_seccomp_spec *s, const struct call *call)
{
	struct seccomp_data data;

	return is_allowed(s, ask(s, call, &data));
}

static int check_call(struct rf_compile *k, const struct rf_seccomp_spec *s,
		      const struct rf_op *op, const struct call *call)
{
	struct rf_place place = s->place;
	char rule[160] = "", answer[40];
	struct seccomp_data data;
	uint32_t r = ask(s, call, &data);

	/* who is asked has to have the listener first, which this op hands over */
	if (is_allowed(s, r) && !(op->kind == RF_OP_SEND_FDS &&
				  (r & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF))
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

/* By each of the @nr filters that are in force when @op comes. */
static int check_op(struct rf_compile *k, const struct rf_op *op, size_t nr, uint32_t index)
{
	struct call calls[CALLS_MAX];
	size_t nr_calls = calls_of(op, calls);
	int r = 0;

	if (!nr_calls)
		return rf_err_set(k->err, EINVAL, "op %u, %s: cannot follow the filter", index,
				  rf_op_defs[op->kind].name);
	for (size_t f = 0; f < nr; f++)
		for (size_t n = 0; n < nr_calls && r == 0; n++)
			r = check_call(k, k->filters[f], op, &calls[n]);
	return r;
}

int rf_check_filter(struct rf_compile *k)
{
	const struct rf_chain *c = k->c;
	size_t nr = 0;
	int r = 0;

	for (uint32_t i = 0; i < c->nr_ops && r == 0; i++) {
		const struct rf_op *op = &c->ops[i];

		if (op->kind == RF_OP_SECCOMP) {
			nr++;	/* order() has seen to it that it may */
			continue;
		}
		/* the execs of a walk through $PATH are one call to a filter */
		if (!nr || (op->kind == RF_OP_EXEC && c->ops[i - 1].kind == RF_OP_EXEC))
			continue;
		r = check_op(k, op, nr, i);
	}
	return r;
}

/* ------------------------------------------------------------------- the ops */

static int plan_one(struct rf_compile *k, const struct rf_seccomp_spec *s)
{
	if (!s->on)
		return 0;
	if (s->notifies && !s->has_listener) {
		rf_err_at(k->err, &s->place, EINVAL,
			  "the policy '%.200s' notifies, and nobody is there to be asked", s->name);
		rf_err_hint(k->err, "`notify` makes sense where a program listens; "
			    "`errno`, `log` or `kill` here");
		return -EINVAL;
	}
	if (s->flags & RF_SECCOMP_FLAG_WAIT_KILLABLE_RECV && !s->notifies)
		return rf_err_at(k->err, &s->place, EINVAL, "the policy '%.200s' has a flag "
				 "(WAIT_KILLABLE_RECV) for who listens, and nobody is asked", s->name);
	if (s->flags & RF_SECCOMP_FLAG_WAIT_KILLABLE_RECV && k->f->kernel < RF_KERNEL(5, 19))
		return rf_err_at(k->err, &s->place, EOPNOTSUPP, "the policy '%.200s': the flag "
				 "WAIT_KILLABLE_RECV needs Linux 5.19", s->name);
	k->filters[k->nr_filters++] = s;
	return rf_need_confinement(k, &s->place, "a seccomp filter");
}

/* The call by which a filter is installed, behind another one. */
static const struct call install = { "seccomp", SYS_seccomp, { SECCOMP_SET_MODE_FILTER } };

/* Of two the one that lets the other be installed is first. */
static int order(struct rf_compile *k)
{
	const struct rf_seccomp_spec *first = k->filters[0], *second = k->filters[1];

	if (k->nr_filters < 2 || allows(first, &install))
		return 0;
	k->filters[0] = second;
	k->filters[1] = first;
	if (allows(second, &install))
		return 0;
	return rf_err_at(k->err, &second->place, EINVAL, "the filters '%.100s' and '%.100s' both refuse "
			 "seccomp(2), by which the other one would be installed", first->name,
			 second->name);
}

int rf_plan_filter(struct rf_compile *k)
{
	int r = plan_one(k, &k->sb->seccomp);

	if (r == 0)
		r = plan_one(k, &k->sb->seccomp_too);
	return r == 0 ? order(k) : r;
}

static void emit_one(struct rf_compile *k, const struct rf_seccomp_spec *s)
{
	struct rf_blob program;
	struct rf_op *op;
	int32_t slot;
	rf_str name;

	rf_chain_set_place(k->c, &s->place);
	name = rf_chain_str(k->c, s->name);
	program = rf_chain_blob(k->c, s->insns, s->nr * sizeof(struct sock_filter));
	op = rf_chain_add(k->c, RF_OP_SECCOMP);
	op->u.seccomp.name = name;
	op->u.seccomp.program = program;
	op->u.seccomp.flags = s->flags;
	if (!s->notifies)
		return;
	/* before anything that it may be asked about */
	op->u.seccomp.flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	slot = op->out = rf_chain_slot(k->c);
	(void)rf_prep_send_fd(k->c, slot);
}

void rf_emit_filter(struct rf_compile *k)
{
	for (size_t i = 0; i < k->nr_filters; i++)
		emit_one(k, k->filters[i]);
}
