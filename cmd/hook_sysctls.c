/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sysctls of the container's namespaces: written by the task that has joined them,
 * below the procfs of the hook and not whatever the container has in its place.
 * All files are opened before the first is written, so that a name that does not
 * exist changes nothing; what was written stays, and that is why they come last.
 */
#include "hook_run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

#define RESOLVE	(RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

static int open_one(struct hook *k, const struct rf_hook_value *v, int *ret_slot, struct rf_err *err)
{
	char *path, *what = rf_sandbox_printf(k->fragment->sb, "sysctl %.100s", v->name);

	if (k->ns[v->ns] < 0)
		return hook_fail(k, &v->place, EPERM, err, "sysctl %.100s: the container has no %s "
				 "namespace of its own", v->name, rf_ns_defs[v->ns].name);
	if (v->ns == RF_NS_UTS)
		return 0;
	path = rf_sandbox_printf(k->fragment->sb, "sys/%s", v->path);
	if (!path || !what)
		return rf_err_set(err, ENOMEM, "sysctl");
	(void)rf_prep_open(k->chain, k->proc_slot, path, O_WRONLY | O_NOFOLLOW, 0, RESOLVE, ret_slot);
	return hook_step(k, &v->place, what, err);
}

static int write_one(struct hook *k, const struct rf_hook_value *v, int slot, struct rf_err *err)
{
	char *what = rf_sandbox_printf(k->fragment->sb, "sysctl %.100s \"%.60s\"", v->name, v->value);

	if (!what)
		return rf_err_set(err, ENOMEM, "sysctl");
	if (v->ns == RF_NS_UTS) {
		/* these files are for root of the host only, the calls are not */
		(void)rf_prep_hostname(k->chain, v->value);
		k->chain->ops[rf_chain_nr(k->chain) - 1].u.hostname.domain =
			strcmp(v->path, "kernel/domainname") == 0;
	} else {
		(void)rf_prep_write(k->chain, slot, NULL, v->value, strlen(v->value));
	}
	return hook_step(k, &v->place, what, err);
}

int hook_sysctls_open(struct hook *k, struct rf_err *err)
{
	const struct rf_hook *h = k->fragment;
	int r = 0;

	if (!h->nr_sysctls)
		return 0;
	k->sysctl_slots = rf_sandbox_alloc(h->sb, h->nr_sysctls * sizeof(*k->sysctl_slots));
	if (!k->sysctl_slots)
		return rf_err_set(err, ENOMEM, "sysctl");
	for (size_t i = 0; i < h->nr_sysctls && r == 0; i++)
		r = open_one(k, &h->sysctls[i], &k->sysctl_slots[i], err);
	return r;
}

int hook_sysctls_write(struct hook *k, struct rf_err *err)
{
	const struct rf_hook *h = k->fragment;
	int r = 0;

	for (size_t i = 0; i < h->nr_sysctls && r == 0; i++)
		r = write_one(k, &h->sysctls[i], k->sysctl_slots[i], err);
	return r;
}
