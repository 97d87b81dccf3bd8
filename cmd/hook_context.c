/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A context in the container's namespaces: a task with an image of its own, which
 * parks at a gate after each step and is given the next ops there.  So the hook
 * can look at what came of one before it decides the next, and when one fails
 * the same task takes back what it has done.
 *
 * It has the container's authority and no more: where there is a user namespace
 * it is root of that one, and what root there may not touch, the hook does not
 * touch on its behalf.
 */
#include "hook_run.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"

int hook_fail(const struct hook *k, const struct rf_place *place, int code, struct rf_err *err,
	      const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return rf_err_at(err, place, code, "%s: %s", k->def->name, text);
}

/* ---------------------------------------------------------------- one step */

/* The next thing that the context has to say about its ops; a descriptor is kept. */
static int wait_parked(struct hook *k, struct rf_completion *done)
{
	int r;

	for (;;) {
		r = rf_ring_wait(k->ring, -1, done);
		if (r < 0)
			return r;
		switch (done->kind) {
		case RF_DONE_FD:
			k->received = done->result;
			break;
		case RF_DONE_FAILED:
		case RF_DONE_EXIT:
			k->context = NULL;
			return 0;
		case RF_DONE_PARKED:
			return 0;
		default:
			break;
		}
	}
}

static int submit(struct hook *k, struct rf_err *err)
{
	if (k->context)
		return rf_context_submit(k->context, k->chain, err);
	return rf_submit(k->ring, k->chain, RF_SUBMIT_OWN_MEMORY, 0, &k->context, err);
}

/* What has arrived need not be kept here. */
static void close_given(struct hook *k)
{
	while (k->nr_given)
		(void)close(k->given[--k->nr_given]);
}

int hook_step(struct hook *k, const struct rf_place *place, const char *what, struct rf_err *err)
{
	struct rf_completion done = { .index = -1 };
	struct rf_err why = RF_ERR_INIT;
	const char *name;
	int r;

	if (k->nr_over && !k->context)
		return hook_fail(k, place, ESRCH, err, "%s: the task in the container has ended", what);
	(void)rf_prep_gate(k->chain);
	r = submit(k, &why);
	if (r == 0)
		r = wait_parked(k, &done);
	if (r < 0) {
		(void)rf_chain_cut(k->chain, k->nr_over);
		return hook_fail(k, place, -r, err, "%s%s%s", what, why.code ? ": " : "", why.msg);
	}
	if (done.kind == RF_DONE_PARKED && done.result >= 0) {
		k->nr_over = rf_chain_nr(k->chain);
		close_given(k);
		return 0;
	}
	name = done.index < k->nr_over ? NULL : rf_chain_op_name(k->chain, done.index);
	r = done.result < 0 ? done.result : -EIO;
	hook_fail(k, place, -r, err, "%s%s%s", what, name ? ": " : "", name ? name : "");
	/* what the step has done before stays in the chain, for it has been done */
	if (done.index > k->nr_over)
		k->nr_over = done.index;
	(void)rf_chain_cut(k->chain, k->nr_over);
	return r;
}

int hook_give(struct hook *k, int fd)
{
	int *more = k->given;

	if (k->nr_given == k->max_given) {
		more = realloc(k->given, (k->max_given * 2 + 8) * sizeof(*more));
		if (more) {
			k->given = more;
			k->max_given = k->max_given * 2 + 8;
		}
	}
	if (!more) {
		(void)close(fd);
		return -ENOMEM;
	}
	k->given[k->nr_given++] = fd;
	return rf_chain_give(k->chain, fd);
}

/* ------------------------------------------------------------- the beginning */

static void add_ids(struct hook *k, uint32_t id)
{
	struct rf_op *op = rf_chain_add(k->chain, RF_OP_SETRESGID);

	op->u.setres.r = op->u.setres.e = op->u.setres.s = id;
	op = rf_chain_add(k->chain, RF_OP_SETRESUID);
	op->u.setres.r = op->u.setres.e = op->u.setres.s = id;
}

/* Root of the container's user namespace, without groups where that can be had. */
static int add_user(struct hook *k, struct rf_err *err)
{
	char text[16] = "";
	struct rf_blob none;
	int r = (int)process_read(&k->process, "setgroups", text, sizeof(text));

	if (r < 0)
		return hook_fail(k, NULL, -r, err, "setgroups of process %d", (int)k->process.pid);
	if (strncmp(text, "deny", 4) != 0) {
		none = rf_chain_blob(k->chain, NULL, 0);
		rf_chain_add(k->chain, RF_OP_SETGROUPS)->u.setgroups.gids = none;
	}
	add_ids(k, 0);
	return 0;
}

static int check_user(const struct hook *k, struct rf_err *err)
{
	static const char *const maps[] = { "uid_map", "gid_map" };
	int64_t outside;
	int r = 0;

	for (int i = 0; i < 2 && r == 0; i++) {
		r = process_map_id(&k->process, maps[i], 0, false, &outside);
		if (r < 0)
			hook_fail(k, NULL, -r, err, "root in the container's %s", maps[i]);
	}
	return r;
}

/* rtnetlink of the container, for the hook; its right is that of who opened it. */
static void add_socket(struct hook *k)
{
	struct rf_op *op = rf_chain_add(k->chain, RF_OP_SOCKET);
	int32_t slot = rf_chain_slot(k->chain);

	op->out = slot;
	op->u.socket.domain = AF_NETLINK;
	op->u.socket.type = SOCK_RAW | SOCK_CLOEXEC;
	op->u.socket.protocol = NETLINK_ROUTE;
	(void)rf_prep_send_fd(k->chain, slot);
}

/* May this process join namespaces as it is? */
static bool has_power(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	return syscall(SYS_capget, &header, data) == 0 &&
	       data[0].effective & 1U << CAP_SYS_ADMIN;
}

static void add_setns(struct hook *k, enum rf_ns ns)
{
	if (k->ns[ns] < 0)
		return;
	(void)rf_prep_setns(k->chain, rf_chain_give(k->chain, k->ns[ns]), rf_ns_defs[ns].flag);
	if (ns == RF_NS_NET && k->fragment->nr_net)
		add_socket(k);
}

/*
 * The user namespace last: before it, whoever made the others is still obeyed.
 * Who has no power but what that namespace gives, joins it first.
 */
static int add_namespaces(struct hook *k, struct rf_err *err)
{
	static const enum rf_ns powerful[] = { RF_NS_NET, RF_NS_IPC, RF_NS_UTS, RF_NS_MOUNT, RF_NS_USER };
	static const enum rf_ns ordinary[] = { RF_NS_USER, RF_NS_NET, RF_NS_IPC, RF_NS_UTS, RF_NS_MOUNT };
	const enum rf_ns *order = has_power() ? powerful : ordinary;
	int r = k->ns[RF_NS_USER] < 0 ? 0 : check_user(k, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++)
		add_setns(k, order[i]);
	return k->ns[RF_NS_USER] < 0 ? 0 : add_user(k, err);
}

int hook_context_begin(struct hook *k, struct rf_err *err)
{
	int r = rf_ring_new(RF_ENGINE_PLAIN, &k->ring, err);

	if (r < 0)
		return r;
	k->chain = rf_chain_new();
	if (!k->chain)
		return rf_err_set(err, ENOMEM, "the ops of the hook");
	k->root_slot = rf_chain_give(k->chain, k->root);
	k->proc_slot = rf_chain_give(k->chain, k->proc);
	(void)rf_prep_clone(k->chain, RF_CLONE_CONTEXT, 0);
	(void)rf_prep_close_range(k->chain);
	/* the library has no chain that joins namespaces without one */
	(void)rf_prep_clone(k->chain, RF_CLONE_PAYLOAD, 0);
	(void)rf_prep_pdeathsig(k->chain, SIGKILL);
	r = hook_step(k, NULL, "a task for the container", err);
	if (r == 0)
		r = add_namespaces(k, err);
	if (r < 0)
		return r;
	r = hook_step(k, NULL, "joining the container's namespaces", err);
	if (r == 0 && k->fragment->nr_net && k->received >= 0)
		rf_netlink_init(&k->inside, k->received);
	k->received = -1;
	return r;
}

int hook_context_end(struct hook *k, struct rf_err *err)
{
	struct rf_completion done;
	int r;

	if (!k->context)
		return 0;
	(void)rf_prep_exit(k->chain, 0);
	r = rf_context_submit(k->context, k->chain, err);
	while (r == 0 && k->context)
		r = wait_parked(k, &done);
	return r;
}

void hook_context_free(struct hook *k)
{
	k->ring = rf_ring_free(k->ring);
	k->chain = rf_chain_free(k->chain);
	k->context = NULL;
	close_given(k);
	free(k->given);
	k->given = NULL;
	k->max_given = 0;
}
