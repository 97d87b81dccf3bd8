/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layers that are about who the command is.
 */
#include "receipt.h"

#include <inttypes.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "probe.h"

/* ----------------------------------------------------------------- id maps */

/* The lines of a map as a list with commas between. */
static void tell_map(struct rf_teller *t, const char *name, struct rf_blob map)
{
	char *s = rf_sandbox_printf(t->mem, "%.*s", (int)map.len, t->c->data + map.off);
	size_t len = s ? strlen(s) : 0;

	if (!s) {
		t->no_memory = true;
		return;
	}
	if (len && s[len - 1] == '\n')
		s[len - 1] = '\0';
	for (char *p = s; (p = strchr(p, '\n'));)
		*p = ',';
	rf_tell_fact(t, name, "%s", s);
}

void rf_tell_user(struct rf_teller *t)
{
	const struct rf_op *op = rf_told_op(t, RF_OP_IDMAP);

	if (!op)
		return;
	tell_map(t, "uid_map", op->u.idmap.uid_map);
	tell_map(t, "gid_map", op->u.idmap.gid_map);
}

/* ------------------------------------------------------------ capabilities */

enum answer { NO, YES, UNKNOWN };

/* Is the command root of its user namespace? */
static enum answer is_root(const struct rf_teller *t)
{
	const struct rf_op *set = rf_told_op(t, RF_OP_SETRESUID);
	const struct rf_op *map = rf_told_op(t, RF_OP_IDMAP);
	uint32_t inside, outside, count;
	int n;

	if (set)
		return set->u.setres.e == 0;
	if (!map)
		return t->sb->ns[RF_NS_USER].mode == RF_NS_HOST ? t->f->uid == 0 : UNKNOWN;
	for (const char *p = t->c->data + map->u.idmap.uid_map.off,
	     *end = p + map->u.idmap.uid_map.len; p < end; p += n) {
		if (sscanf(p, "%" SCNu32 " %" SCNu32 " %" SCNu32 " %n", &inside, &outside, &count,
			   &n) != 3)
			return UNKNOWN;
		if (t->f->uid >= outside && t->f->uid - outside < count)
			return inside + (t->f->uid - outside) == 0;
	}
	return UNKNOWN;
}

static void tell_set(struct rf_teller *t, const char *name, uint64_t set)
{
	char buf[1024];

	rf_caps_print(set, buf, sizeof(buf));
	rf_tell_fact(t, name, "%s", buf);
}

/*
 * What is left after the exec, as capabilities(7) has it: root has what it was
 * given, for the bounding set or no_new_privs let no more through; others have
 * what is ambient.
 */
static void tell_sets(struct rf_teller *t, const struct rf_op *capset, bool noroot)
{
	const struct rf_op *op = rf_told_op(t, RF_OP_AMBIENT);
	uint64_t given = capset->u.capset.permitted, ambient = op ? op->u.ambient.caps : 0;
	enum answer root = noroot ? NO : is_root(t);

	if (root == UNKNOWN && given != ambient) {
		tell_set(t, "permitted_at_most", given);
	} else {
		tell_set(t, "permitted", root == NO ? ambient : given);
		tell_set(t, "effective", root == NO ? ambient : given);
	}
	tell_set(t, "inheritable", capset->u.capset.inheritable);
	tell_set(t, "ambient", ambient);
}

void rf_tell_capabilities(struct rf_teller *t)
{
	const uint64_t all = (UINT64_C(2) << t->f->last_cap) - 1;
	const struct rf_op *capset = rf_told_op(t, RF_OP_CAPSET);
	const struct rf_op *bounds = rf_told_op(t, RF_OP_CAPBSET);
	const struct rf_op *bits = rf_told_op(t, RF_OP_SECUREBITS);
	uint32_t securebits = bits ? bits->u.securebits.bits : 0;

	if (!capset) {
		rf_tell_refused(t, "the sets were not set");
		return;
	}
	tell_sets(t, capset, securebits & SECBIT_NOROOT);
	if (bounds)
		tell_set(t, "bounding", bounds->u.capbset.keep);
	else
		rf_tell_fact(t, "bounding", "the caller's");
	if (bits)
		rf_tell_fact(t, "securebits", "%#" PRIx32, securebits);
	/* without one of these, set-user-ID programs bring more */
	if (bounds || rf_told_op(t, RF_OP_NO_NEW_PRIVS) || (t->sb->capabilities & all) == all)
		rf_tell_in_force(t);
	else
		rf_tell_refused(t, "a set-user-ID program may gain what the bounding set has");
}

void rf_tell_no_new_privs(struct rf_teller *t)
{
	if (rf_told_op(t, RF_OP_NO_NEW_PRIVS))
		rf_tell_in_force(t);
	else
		rf_tell_unwanted(t, "the spec says `no_new_privileges: false`");
}

/* ------------------------------------------------------------- groups, keys */

static void tell_gids(struct rf_teller *t, struct rf_blob gids)
{
	size_t nr = gids.len / sizeof(uint32_t), len = 0;
	char *s = rf_sandbox_alloc(t->mem, nr * 11 + 1);

	if (!s) {
		t->no_memory = true;
		return;
	}
	for (size_t i = 0; i < nr; i++) {
		uint32_t gid;

		memcpy(&gid, t->c->data + gids.off + i * sizeof(gid), sizeof(gid));
		len += (size_t)sprintf(s + len, "%s%" PRIu32, i ? "," : "", gid);
	}
	rf_tell_fact(t, "groups", "%s", nr ? s : "none");
}

void rf_tell_groups(struct rf_teller *t)
{
	const struct rf_op *op = rf_told_op(t, RF_OP_SETGROUPS);

	if (op) {
		tell_gids(t, op->u.setgroups.gids);
		rf_tell_in_force(t);
		return;
	}
	if (!t->f->nr_groups && !rf_told_op(t, RF_OP_SETRESGID)) {
		/* but for the one that is the gid as well */
		rf_tell_fact(t, "groups", "none");
		rf_tell_in_force(t);
		return;
	}
	rf_tell_fact(t, "groups", "kept");
	if (t->sb->user.groups == RF_GROUPS_KEEP)
		rf_tell_unwanted(t, "the spec says `groups: keep`");
	else
		rf_tell_refused(t, "the caller cannot change its groups");
}

void rf_tell_keyring(struct rf_teller *t)
{
	const struct rf_op *op = rf_told_op(t, RF_OP_KEYRING);

	/* RF_KEYRING_NONE: there is none to leave */
	if (op && (!t->results || t->results[op - t->c->ops] != RF_KEYRING_NONE)) {
		rf_tell_fact(t, "session", "new");
		rf_tell_in_force(t);
		return;
	}
	rf_tell_fact(t, "session", "none");
	rf_tell_refused(t, "no task here has keys: the kernel lacks them, or a filter refuses them");
}
