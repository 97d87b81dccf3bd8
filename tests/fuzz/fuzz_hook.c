/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The readers of hooks on anything: each answers 0 or one error with a message, and
 * what it accepts holds what applying it relies on.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "hook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(int r, const struct rf_err *err)
{
	if (r < 0 && (r != -err->code || !err->msg[0] || (r != -EINVAL && r != -ENOMEM)))
		abort();
	if (r > 0)
		abort();
}

static void check_net(const struct rf_hook_net *e)
{
	for (size_t i = 0; i < e->nr_addr; i++)
		if (!e->addr[i].family || e->addr[i].prefix > 128)
			abort();
	if (e->kind == RF_HOOK_NET_ROUTE ? !e->link && !e->via.family :
	    !e->link || strlen(e->link) > RF_HOOK_NAME_MAX || strchr(e->link, '/'))
		abort();
}

static void check_fragment(const struct rf_hook *h)
{
	for (size_t i = 0; i < h->sb->nr_mounts; i++) {
		const struct rf_mount *m = &h->sb->mounts[i];

		if (rf_hook_mount_part(m) >= RF_HOOK_PART_NR || !m->at || m->at[0] != '/' ||
		    strstr(m->at, "/../") || m->source_fd >= 0)
			abort();
		if ((m->kind == RF_MOUNT_RO || m->kind == RF_MOUNT_SYMLINK) && !m->source)
			abort();
	}
	for (size_t i = 0; i < h->nr_sysctls; i++)
		if (h->sysctls[i].path[0] == '/' || strstr(h->sysctls[i].path, "..") ||
		    !h->sysctls[i].value)
			abort();
	for (size_t i = 0; i < h->nr_cgroup; i++)
		if (strchr(h->cgroup[i].name, '/') || !strncmp(h->cgroup[i].name, "cgroup.", 7))
			abort();
	for (size_t i = 0; i < h->nr_net; i++)
		check_net(&h->net[i]);
	for (int s = 0; s < RF_HOOK_STAGE_NR; s++) {
		struct rf_err err = RF_ERR_INIT;

		check_answer(rf_hook_check(h, (enum rf_hook_stage)s, &err), &err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_hook *h = NULL;
	struct rf_hook_state st = { .bundle = "/b" };
	const char *root = NULL;
	int r = rf_hook_parse("fuzz", (const char *)data, size, &h, &err);

	check_answer(r, &err);
	if (r == 0)
		check_fragment(h);
	if (!h)
		return 0;
	err = (struct rf_err)RF_ERR_INIT;
	r = rf_hook_state_parse((const char *)data, size, h->sb, &st, &err);
	check_answer(r, &err);
	if (r == 0 && (!st.id[0] || st.bundle[0] != '/' ||
		       (st.status == RF_HOOK_STOPPED) != (st.pid == 0)))
		abort();
	err = (struct rf_err)RF_ERR_INIT;
	r = rf_hook_config_root((const char *)data, size, &st, h->sb, &root, &err);
	check_answer(r, &err);
	if (r == 0 && root[0] != '/')
		abort();
	rf_hook_free(h);
	return 0;
}
