/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of layers, namespaces among them; and `require`.
 */
#include "receipt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "error.h"
#include "probe.h"

bool rf_told_done(const struct rf_teller *t, uint32_t index)
{
	return !t->results || t->results[index] >= 0;
}

const struct rf_op *rf_told_op(const struct rf_teller *t, int kind)
{
	for (uint32_t i = t->c->nr_ops; i-- > 0;)
		if (t->c->ops[i].kind == kind && rf_told_done(t, i))
			return &t->c->ops[i];
	return NULL;
}

/* ------------------------------------------------------------------- telling */

static char *text(struct rf_teller *t, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

static char *text(struct rf_teller *t, const char *fmt, va_list args)
{
	va_list again;
	char *s;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	s = len < 0 ? NULL : rf_sandbox_alloc(t->mem, (size_t)len + 1);
	if (s)
		vsnprintf(s, (size_t)len + 1, fmt, args);
	t->no_memory |= !s;
	return s;
}

static bool grow(struct rf_teller *t, struct rf_layer_state *l)
{
	size_t max = l->max_facts ? 2 * l->max_facts : 8;
	struct rf_fact *facts;

	if (l->nr_facts < l->max_facts)
		return true;
	facts = rf_sandbox_alloc(t->mem, max * sizeof(*facts));
	if (!facts)
		return false;
	if (l->nr_facts)
		memcpy(facts, l->facts, l->nr_facts * sizeof(*facts));
	l->facts = facts;
	l->max_facts = max;
	return true;
}

void rf_tell_fact(struct rf_teller *t, const char *name, const char *fmt, ...)
{
	struct rf_layer_state *l = t->layer;
	struct rf_fact fact;
	va_list args;

	va_start(args, fmt);
	fact.value = text(t, fmt, args);
	va_end(args);
	fact.name = rf_sandbox_strdup(t->mem, name);
	if (!fact.value || !fact.name || !grow(t, l))
		t->no_memory = true;
	else
		l->facts[l->nr_facts++] = fact;
}

void rf_tell_in_force(struct rf_teller *t)
{
	t->layer->in_force = true;
}

void rf_tell_unwanted(struct rf_teller *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	t->layer->why_not = text(t, fmt, args);
	va_end(args);
}

void rf_tell_refused(struct rf_teller *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	t->layer->why_not = text(t, fmt, args);
	va_end(args);
	t->layer->machine = true;
}

/* ---------------------------------------------------------------- namespaces */

static const enum rf_ns ns_of[] = {
	[RF_LAYER_USER]		= RF_NS_USER,
	[RF_LAYER_MOUNT]	= RF_NS_MOUNT,
	[RF_LAYER_PID]		= RF_NS_PID,
	[RF_LAYER_NET]		= RF_NS_NET,
	[RF_LAYER_IPC]		= RF_NS_IPC,
	[RF_LAYER_UTS]		= RF_NS_UTS,
	[RF_LAYER_CGROUP_NS]	= RF_NS_CGROUP,
	[RF_LAYER_TIME]		= RF_NS_TIME,
};

/*
 * How the payload came into its namespace of the kind that @flag names: "new",
 * "joined", or NULL: not at all.  What another task unshares is the payload's only once
 * it has joined that too.
 */
static const char *entered(const struct rf_teller *t, uint64_t flag)
{
	const char *how = NULL;
	int32_t made = RF_SLOT_NONE;

	for (uint32_t i = 0; i < t->c->nr_ops; i++) {
		const struct rf_op *op = &t->c->ops[i];

		if (!rf_told_done(t, i))
			continue;
		if (op->kind == RF_OP_CLONE && op->u.clone.unshare)
			made = op->out;
		if (op->kind == RF_OP_CLONE && op->u.clone.as != RF_CLONE_INIT && op->u.clone.flags & flag)
			how = "new";
		else if (op->kind == RF_OP_UNSHARE && op->u.unshare.flags & flag)
			how = "new";
		else if (op->kind == RF_OP_JOIN_CGROUP && op->u.join_cgroup.unshare & flag)
			how = "new";
		else if (op->kind == RF_OP_SETNS && op->u.setns.nstype & flag)
			how = op->u.setns.slot == made && made >= 0 ? "new" : "joined";
	}
	return how;
}

static void tell_ns(struct rf_teller *t)
{
	enum rf_ns ns = ns_of[t->id];
	const struct rf_ns_spec *spec = &t->sb->ns[ns];
	const char *how = entered(t, rf_ns_defs[ns].flag);

	rf_tell_fact(t, "how", "%s", how ? how : "host");
	if (!how) {
		if (t->sb->fallback_lost >> ns & 1)
			rf_tell_refused(t, "namespaces cannot be had here: %s", t->sb->fallback_why);
		else if (spec->mode == RF_NS_HOST)
			rf_tell_unwanted(t, "the spec keeps the host's");
		else
			rf_tell_refused(t, "it was not entered");
		return;
	}
	if (spec->mode == RF_NS_JOIN_PATH)
		rf_tell_fact(t, "from", "%s", spec->path);
	rf_tell_in_force(t);
}

static void tell_user(struct rf_teller *t)
{
	tell_ns(t);
	if (t->layer->in_force)
		rf_tell_user(t);
}

static bool is_new(const struct rf_teller *t)
{
	return t->layer->in_force && !strcmp(t->layer->facts[0].value, "new");
}

static void tell_pid(struct rf_teller *t)
{
	tell_ns(t);
	if (is_new(t))
		rf_tell_fact(t, "init", "%s", t->c->has_init ? "ringfence" : "the command");
}

/* Interfaces of the host that are in it; "": none. */
static const char *moved(struct rf_teller *t)
{
	const char *list = "";

	for (uint32_t i = 0; list && i < t->c->nr_ops; i++) {
		const struct rf_op *op = &t->c->ops[i];

		if (op->kind == RF_OP_MOVE_LINK && rf_told_done(t, i))
			list = rf_sandbox_printf(t->mem, "%s%s%s as %s", list, *list ? ", " : "",
						 t->c->data + op->u.move_link.name,
						 t->c->data + op->u.move_link.as);
	}
	t->no_memory |= !list;
	return list ? list : "";
}

static void tell_net(struct rf_teller *t)
{
	const char *list = moved(t);

	tell_ns(t);
	if (is_new(t))
		rf_tell_fact(t, "network", "%s", rf_told_op(t, RF_OP_LINK_UP) ? "loopback" :
			     *list ? "devices" : "none");
	if (*list)
		rf_tell_fact(t, "devices", "%s", list);
}

/* -------------------------------------------------------------------- others */

static const char *const rlimit_names[] = {
	"cpu_time", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as",
	"locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime",
};
#define NR_RLIMITS (sizeof(rlimit_names) / sizeof(rlimit_names[0]))

static void tell_rlimit(struct rf_teller *t, const struct rf_op *op)
{
	const char *name = rlimit_names[op->u.rlimit.resource];
	const uint64_t values[2] = { op->u.rlimit.soft, op->u.rlimit.hard };
	char words[2][24];

	for (int i = 0; i < 2; i++) {
		if (values[i] == UINT64_MAX)
			strcpy(words[i], "unlimited");
		else
			snprintf(words[i], sizeof(words[i]), "%llu", (unsigned long long)values[i]);
	}
	if (values[0] == values[1])
		rf_tell_fact(t, name, "%s (rlimit)", words[0]);
	else
		rf_tell_fact(t, name, "%s:%s (rlimit)", words[0], words[1]);
}

/* What the control group enforces, once the command is in it in every hierarchy. */
static void tell_cgroup(struct rf_teller *t)
{
	const struct rf_cgroup_spec *c = &t->sb->cgroup;
	const struct { enum rf_cgroup_limit limit; const char *name; uint64_t value; } numbers[] = {
		{ RF_CG_MEMORY, "memory", c->memory }, { RF_CG_SWAP, "swap", c->swap },
		{ RF_CG_PIDS, "pids", c->pids },
	};

	for (uint32_t i = 0; i < t->c->nr_ops; i++)
		if (t->c->ops[i].kind == RF_OP_JOIN_CGROUP && !rf_told_done(t, i))
			return;
	if (!rf_told_op(t, RF_OP_JOIN_CGROUP))
		return;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (c->set & 1U << numbers[i].limit)
			rf_tell_fact(t, numbers[i].name, "%llu (cgroup)",
				     (unsigned long long)numbers[i].value);
	if (c->set & 1U << RF_CG_CPU)
		rf_tell_fact(t, "cpu", "%llu.%03llu (cgroup)",
			     (unsigned long long)c->cpu_milli / 1000,
			     (unsigned long long)c->cpu_milli % 1000);
	if (c->set & 1U << RF_CG_CPUSET)
		rf_tell_fact(t, "cpuset", "cpus %s, mems %s (cgroup)", c->cpus ? c->cpus : "all",
			     c->mems ? c->mems : "all");
	for (size_t i = 0; i < c->nr_io; i++)
		rf_tell_fact(t, "io", "%s (cgroup)", c->io[i].device);
	for (size_t i = 0; i < c->nr_hugetlb; i++)
		rf_tell_fact(t, "hugetlb", "%llu of %llu (cgroup)",
			     (unsigned long long)c->hugetlb[i].limit,
			     (unsigned long long)c->hugetlb[i].page);
	for (size_t i = 0; i < t->sb->oci.nr_limits; i++)
		rf_tell_fact(t, t->sb->oci.limits[i].name, "%s (cgroup)", t->sb->oci.limits[i].value);
	if (t->sb->cpu_ms)
		rf_tell_fact(t, "cpu_total", "%llu ms (cgroup, ringfence)",
			     (unsigned long long)t->sb->cpu_ms);
}

static void tell_limits(struct rf_teller *t)
{
	tell_cgroup(t);
	for (uint32_t i = 0; i < t->c->nr_ops; i++)
		if (t->c->ops[i].kind == RF_OP_RLIMIT && rf_told_done(t, i) &&
		    t->c->ops[i].u.rlimit.resource < NR_RLIMITS)
			tell_rlimit(t, &t->c->ops[i]);
	if (t->sb->wall_ms)
		rf_tell_fact(t, "wall", "%llu ms (ringfence)", (unsigned long long)t->sb->wall_ms);
	if (t->layer->nr_facts)
		rf_tell_in_force(t);
	else
		rf_tell_unwanted(t, "the spec has none");
}

static void tell_terminal(struct rf_teller *t)
{
	bool session = rf_told_op(t, RF_OP_SETSID) != NULL;
	bool own = rf_told_op(t, RF_OP_PTY) != NULL;

	rf_tell_fact(t, "terminal", "%s", !session ? "inherit" : own ? "private" : "none");
	if (session)
		rf_tell_in_force(t);
	else
		rf_tell_unwanted(t, "the command has the caller's terminal, if there is one");
}

const struct rf_layer_def rf_layer_defs[] = {
	[RF_LAYER_USER] = {
		"user", "the command's ids are the host's", tell_user },
	[RF_LAYER_MOUNT] = {
		"mount", "mounts are the host's", tell_ns },
	[RF_LAYER_PID] = {
		"pid", "the host's processes can be seen and signaled", tell_pid },
	[RF_LAYER_NET] = {
		"net", "the host's network and abstract sockets can be reached", tell_net },
	[RF_LAYER_IPC] = {
		"ipc", "the host's shared memory and message queues can be reached", tell_ns },
	[RF_LAYER_UTS] = {
		"uts", "the host's name can be seen", tell_ns },
	[RF_LAYER_CGROUP_NS] = {
		"cgroup", "the host's control groups can be seen", tell_ns },
	[RF_LAYER_TIME] = {
		"time", "the clocks are the host's", tell_ns },
	[RF_LAYER_ROOT] = {
		"root", "the host's file tree can be seen", rf_tell_root },
	[RF_LAYER_CAPABILITIES] = {
		"capabilities", "programs may gain capabilities", rf_tell_capabilities },
	[RF_LAYER_NO_NEW_PRIVS] = {
		"no_new_privileges", "set-user-ID programs have their effect",
		rf_tell_no_new_privs },
	[RF_LAYER_GROUPS] = {
		"groups", "what the caller's groups may open is open", rf_tell_groups },
	[RF_LAYER_KEYRING] = {
		"keyring", "the caller's keys can be read", rf_tell_keyring },
	[RF_LAYER_SECCOMP] = {
		"seccomp", "every system call of the kernel can be made", rf_tell_seccomp },
	[RF_LAYER_LANDLOCK] = {
		"landlock", "only mounts and modes keep files apart", rf_tell_landlock },
	[RF_LAYER_LIMITS] = {
		"limits", "nothing is limited", tell_limits },
	[RF_LAYER_TERMINAL] = {
		"terminal", "the command may type into the caller's terminal", tell_terminal },
};
_Static_assert(sizeof(rf_layer_defs) / sizeof(rf_layer_defs[0]) == RF_LAYER_NR,
	       "rf_layer_defs[] stops short of enum rf_layer");

struct rf_receipt *rf_receipt_free(struct rf_receipt *receipt)
{
	if (receipt)
		rf_sandbox_free(receipt->mem);
	free(receipt);
	return NULL;
}

struct rf_receipt *rf_receipt_new(const struct rf_sandbox *sb, const struct rf_features *f,
				  const struct rf_chain *chain, const int32_t *results)
{
	struct rf_receipt *receipt = calloc(1, sizeof(*receipt));
	struct rf_teller t = { .sb = sb, .f = f, .c = chain, .results = results };

	if (!receipt)
		return NULL;
	t.mem = receipt->mem = rf_sandbox_new();
	for (int i = 0; t.mem && i < RF_LAYER_NR; i++) {
		t.id = (enum rf_layer)i;
		t.layer = &receipt->layers[i];
		rf_layer_defs[i].tell(&t);
	}
	return t.mem && !t.no_memory ? receipt : rf_receipt_free(receipt);
}

int rf_receipt_require(const struct rf_sandbox *sb, const struct rf_features *f,
		       const struct rf_chain *chain, struct rf_err *err)
{
	struct rf_receipt *receipt;
	int r = 0;

	if (!sb->require)
		return 0;
	receipt = rf_receipt_new(sb, f, chain, NULL);
	if (!receipt)
		return rf_err_set(err, ENOMEM, "the layers of the sandbox");
	for (int i = 0; i < RF_LAYER_NR && !r; i++) {
		const struct rf_layer_state *l = &receipt->layers[i];

		if (!(sb->require & 1U << i) || l->in_force)
			continue;
		r = rf_err_at(err, &sb->require_places[i], l->machine ? EPERM : EINVAL,
			      "'%s' is required and would not be in force: %s",
			      rf_layer_defs[i].name, l->why_not);
	}
	rf_receipt_free(receipt);
	return r;
}
