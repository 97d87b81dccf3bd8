/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who the payload is: id maps, groups, capabilities.
 */
#include "compile.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "prepare.h"

#define RF_POWER_IDS	(RF_CAP(CAP_SETUID) | RF_CAP(CAP_SETGID))

static uint64_t all_caps(const struct rf_compile *k)
{
	return (RF_CAP(k->f->last_cap) << 1) - 1;
}

/* Which of the two kinds of id is meant. */
struct kind {
	const char		*name;		/* "uid" */
	const struct rf_idrange	*ranges;
	size_t			 nr;
	uint32_t		 own;		/* the caller's, outside */
	int64_t			 wanted;	/* inside, or -1 */
};

static struct kind kind_of(const struct rf_compile *k, bool gid)
{
	const struct rf_user *u = &k->sb->user;

	if (gid)
		return (struct kind){ "gid", u->gid_map, u->nr_gid_map, k->f->gid, u->gid };
	return (struct kind){ "uid", u->uid_map, u->nr_uid_map, k->f->uid, u->uid };
}

static bool is_mapped(const struct kind *kind, uint32_t inside)
{
	for (size_t i = 0; i < kind->nr; i++)
		if (inside >= kind->ranges[i].inside &&
		    inside - kind->ranges[i].inside < kind->ranges[i].count)
			return true;
	return false;
}

/* What the caller's own id is called inside; false: nothing. */
static bool own_inside(const struct kind *kind, uint32_t *ret)
{
	for (size_t i = 0; i < kind->nr; i++) {
		const struct rf_idrange *r = &kind->ranges[i];

		if (kind->own < r->outside || kind->own - r->outside >= r->count)
			continue;
		*ret = r->inside + (kind->own - r->outside);
		return true;
	}
	return false;
}

/* A map that the context may write itself. */
static bool is_own_id_only(const struct kind *kind)
{
	return kind->nr == 1 && kind->ranges[0].count == 1 && kind->ranges[0].outside == kind->own;
}

static const char *map_text(struct rf_compile *k, const struct kind *kind)
{
	char *text = rf_sandbox_alloc(k->mem, kind->nr * 36 + 1), *p = text;

	for (size_t i = 0; text && i < kind->nr; i++)
		p += sprintf(p, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", kind->ranges[i].inside,
			     kind->ranges[i].outside, kind->ranges[i].count);
	return text;
}

/* -------------------------------------------------------- a new user namespace */

/* auto, self and root are short for a range of one: the caller's own id. */
static int expand_map(struct rf_compile *k, struct kind *kind)
{
	const struct rf_user *u = &k->sb->user;
	struct rf_idrange *one;
	int64_t inside = -1;

	switch (u->map) {
	case RF_MAP_AUTO:
		inside = kind->wanted >= 0 ? kind->wanted : kind->own;
		break;
	case RF_MAP_SELF:
		inside = kind->own;
		break;
	case RF_MAP_ROOT:
		inside = 0;
		break;
	case RF_MAP_RANGES:
		if (kind->nr)
			return 0;
		/* only the other kind has ranges */
		inside = kind->wanted >= 0 ? kind->wanted : kind->own;
		break;
	}
	one = rf_sandbox_alloc(k->mem, sizeof(*one));
	if (!one)
		return rf_err_set(k->err, ENOMEM, "compiling the id maps");
	one->inside = (uint32_t)inside;
	one->outside = kind->own;
	one->count = 1;
	kind->ranges = one;
	kind->nr = 1;
	return 0;
}

/* Which id of @kind the payload has, and whether that is the context's. */
static int choose_id(struct rf_compile *k, const struct kind *kind, uint32_t *ret_id,
		     bool *ret_change)
{
	const struct rf_user *u = &k->sb->user;
	uint32_t own = 0;
	bool has_own = own_inside(kind, &own);

	if (kind->wanted < 0 && !has_own) {
		rf_err_at(k->err, &u->map_place, EINVAL,
			  "the map leaves out the caller's own %s %" PRIu32, kind->name, kind->own);
		rf_err_hint(k->err, "say which the command has: `user: {%s: ...}`", kind->name);
		return -EINVAL;
	}
	*ret_id = kind->wanted < 0 ? own : (uint32_t)kind->wanted;
	if (!is_mapped(kind, *ret_id))
		return rf_err_at(k->err, &u->place, EINVAL, "%s %" PRIu32 " is not in the map",
				 kind->name, *ret_id);
	*ret_change = !has_own || own != *ret_id;
	k->ids.early |= !has_own;
	return 0;
}

static int need_helper(struct rf_compile *k, const struct kind *uid, const struct kind *gid)
{
	const struct rf_place *place = &k->sb->user.map_place;
	bool lacks_uids = !is_own_id_only(uid) && !k->f->nr_subuid;
	bool lacks_gids = !is_own_id_only(gid) && !k->f->nr_subgid;

	if (lacks_uids || lacks_gids) {
		rf_err_at(k->err, place, EPERM, "%s %" PRIu32 " has no subordinate %ss to map",
			  "uid", k->f->uid, lacks_uids ? "uid" : "gid");
		rf_err_hint(k->err, "an administrator gives them: "
			    "usermod --add-sub%ss 100000-165535 USER, see sub%s(5)",
			    lacks_uids ? "uid" : "gid", lacks_uids ? "uid" : "gid");
		return -EPERM;
	}
	if (!k->f->has_newuidmap) {
		rf_err_at(k->err, place, EOPNOTSUPP, "newuidmap and newgidmap are not installed");
		rf_err_hint(k->err, "install them: package uidmap (Debian) or shadow-utils");
		return -EOPNOTSUPP;
	}
	k->ids.by = RF_IDMAP_HELPER;
	return 0;
}

static bool wants_setgroups(const struct rf_compile *k)
{
	const struct rf_user *u = &k->sb->user;

	if (u->groups == RF_GROUPS_KEEP)
		return false;
	/* with another gid, the caller's own may still be among its groups */
	return u->nr_add_gids || k->f->nr_groups || k->ids.set_gid;
}

static int check_groups(struct rf_compile *k, const struct kind *gid)
{
	const struct rf_user *u = &k->sb->user;

	for (size_t i = 0; i < u->nr_add_gids; i++)
		if (!is_mapped(gid, u->add_gids[i]))
			return rf_err_at(k->err, &u->place, EINVAL,
					 "group %" PRIu32 " is not in the map", u->add_gids[i]);
	return 0;
}

static int groups_stay(struct rf_compile *k)
{
	const struct rf_user *u = &k->sb->user;

	if (u->groups == RF_GROUPS_AUTO && !u->nr_add_gids)
		return 0;
	rf_err_at(k->err, &u->place, EPERM, "this caller cannot change its groups");
	rf_err_hint(k->err, "`groups: keep` keeps them; subordinate gids in the map let them be dropped");
	return -EPERM;
}

/* Who writes the maps follows from what is in them and what is wanted of groups. */
static int choose_writer(struct rf_compile *k, const struct kind *uid, const struct kind *gid)
{
	bool privileged = (k->f->caps & RF_POWER_IDS) == RF_POWER_IDS;
	bool own_only = is_own_id_only(uid) && is_own_id_only(gid);
	bool setgroups = wants_setgroups(k);
	int r;

	if (own_only && !(setgroups && privileged)) {
		/* the kernel lets a single gid be mapped in return for setgroups */
		k->ids.by = RF_IDMAP_SELF;
		k->ids.deny = true;
		return setgroups ? groups_stay(k) : 0;
	}
	k->ids.by = RF_IDMAP_SUBMITTER;
	if (!privileged) {
		r = need_helper(k, uid, gid);
		if (r < 0)
			return r;
		/* newgidmap allows setgroups only with subordinate gids */
		if (is_own_id_only(gid) && setgroups)
			return groups_stay(k);
		k->ids.deny = is_own_id_only(gid);
	}
	k->ids.set_groups = setgroups;
	return check_groups(k, gid);
}

static int plan_new_user(struct rf_compile *k)
{
	struct kind uid = kind_of(k, false), gid = kind_of(k, true);
	int r = expand_map(k, &uid);

	if (r == 0)
		r = expand_map(k, &gid);
	if (r == 0)
		r = choose_id(k, &uid, &k->ids.uid, &k->ids.set_uid);
	if (r == 0)
		r = choose_id(k, &gid, &k->ids.gid, &k->ids.set_gid);
	if (r == 0)
		r = choose_writer(k, &uid, &gid);
	if (r < 0)
		return r;
	k->ids.map = true;
	k->ids.uid_map = map_text(k, &uid);
	k->ids.gid_map = map_text(k, &gid);
	if (!k->ids.uid_map || !k->ids.gid_map)
		return rf_err_set(k->err, ENOMEM, "compiling the id maps");
	k->ids.gid5 = is_mapped(&gid, 5);
	k->ids.power = all_caps(k);
	return 0;
}

/* ------------------------------------------------------- no user namespace of its own */

static int need_cap(struct rf_compile *k, int cap, const char *what)
{
	const struct rf_place *place = &k->sb->user.place;

	if (k->ids.power & RF_CAP(cap))
		return 0;
	rf_err_at(k->err, place, EPERM, "another %s needs a user namespace or CAP_SET%s", what,
		  cap == CAP_SETUID ? "UID" : "GID");
	rf_err_hint(k->err, "add `user` to the namespaces");
	return -EPERM;
}

static int plan_same_user(struct rf_compile *k)
{
	const struct rf_user *u = &k->sb->user;
	int r = 0;

	if (u->map != RF_MAP_AUTO)
		return rf_err_at(k->err, &u->map_place, EINVAL,
				 "an id map needs a new user namespace");
	k->ids.power = k->in_user ? all_caps(k) : k->f->caps;
	k->ids.uid = u->uid >= 0 ? (uint32_t)u->uid : k->f->uid;
	k->ids.gid = u->gid >= 0 ? (uint32_t)u->gid : k->f->gid;
	/* in a joined namespace the caller's number means nothing */
	k->ids.set_uid = u->uid >= 0 && (k->in_user || k->ids.uid != k->f->uid);
	k->ids.set_gid = u->gid >= 0 && (k->in_user || k->ids.gid != k->f->gid);
	/* elsewhere the caller's own namespace may leave it out */
	k->ids.gid5 = !k->in_user && k->f->host_root;
	if (k->ids.set_uid)
		r = need_cap(k, CAP_SETUID, "uid");
	if (r == 0 && k->ids.set_gid)
		r = need_cap(k, CAP_SETGID, "gid");
	if (r < 0 || !wants_setgroups(k))
		return r;
	if (!(k->ids.power & RF_CAP(CAP_SETGID)))
		return groups_stay(k);
	/* what the owner of a joined namespace allows is for the kernel to say */
	k->ids.set_groups = !k->in_user || u->groups != RF_GROUPS_AUTO || u->nr_add_gids;
	return 0;
}

/* Does the map, or its absence, leave root of the host a name inside? */
static bool maps_host_root(const struct rf_compile *k)
{
	const struct rf_user *u = &k->sb->user;

	if (!k->f->host_root)
		return false;
	if (!k->new_user || u->map != RF_MAP_RANGES)
		return true;
	for (size_t i = 0; i < u->nr_uid_map; i++)
		if (k->f->uid >= u->uid_map[i].outside &&
		    k->f->uid - u->uid_map[i].outside < u->uid_map[i].count)
			return true;
	return false;
}

int rf_plan_ids(struct rf_compile *k)
{
	const struct rf_user *u = &k->sb->user;
	int r;

	if (u->groups == RF_GROUPS_KEEP && u->nr_add_gids)
		return rf_err_at(k->err, &u->place, EINVAL,
				 "groups cannot be both kept and listed");
	r = k->new_user ? plan_new_user(k) : plan_same_user(k);
	if (r < 0)
		return r;
	k->host_root = maps_host_root(k);
	k->ids.gids = u->add_gids;
	k->ids.nr_gids = u->nr_add_gids;
	/* another id clears the dumpable flag of whatever memory the task is on */
	if (k->ids.set_uid || k->ids.set_gid)
		k->own_image = true;
	return 0;
}

int rf_user_maps(struct rf_sandbox *sb, const struct rf_features *f, const char **ret_uids,
		 const char **ret_gids, struct rf_err *err)
{
	struct rf_compile k = { .sb = sb, .f = f, .err = err, .mem = sb, .new_user = true,
				.in_user = true };
	int r = rf_plan_ids(&k);

	if (r < 0)
		return r;
	*ret_uids = k.ids.uid_map;
	*ret_gids = k.ids.gid_map;
	return 0;
}

static int lacks_cap(struct rf_compile *k, uint64_t missing)
{
	int cap = __builtin_ctzll(missing);

	return rf_err_at(k->err, &k->sb->cap_place, EPERM,
			 "capability %d is not the caller's to give", cap);
}

/* What the command has: as the spec lists it, unless it names every set. */
static struct rf_cap_sets sets_of(const struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;

	if (sb->oci.has_caps)
		return sb->oci.caps;
	return (struct rf_cap_sets){
		.bounding = sb->capabilities, .effective = sb->capabilities,
		.permitted = sb->capabilities, .inheritable = sb->ambient,
		.ambient = sb->ambient,
	};
}

/* Must a bounding set be had, so that no program gains what is not listed? */
static bool needs_bounds(const struct rf_compile *k)
{
	return (sets_of(k).bounding & all_caps(k)) != all_caps(k);
}

int rf_plan_caps(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;
	uint64_t missing = sb->capabilities & ~k->ids.power & all_caps(k);

	if (missing)
		return lacks_cap(k, missing);
	if (sb->ambient & ~sb->capabilities)
		return rf_err_at(k->err, &sb->cap_place, EINVAL,
				 "an ambient capability is not among the capabilities");
	if (k->ids.power & RF_CAP(CAP_SETPCAP))
		return 0;
	if (sb->securebits)
		return rf_err_at(k->err, &sb->cap_place, EPERM,
				 "securebits need CAP_SETPCAP or a user namespace");
	if (!needs_bounds(k) || sb->no_new_privs)
		return 0;
	rf_err_at(k->err, &sb->nnp_place, EPERM,
		  "a set-user-ID program could gain capabilities that are not listed");
	rf_err_hint(k->err, "no_new_privileges: true prevents it, or `user` among the namespaces");
	return -EPERM;
}

int rf_need_confinement(struct rf_compile *k, const struct rf_place *place, const char *what)
{
	const struct rf_sandbox *sb = k->sb;

	if (sb->no_new_privs || k->ids.power & RF_CAP(CAP_SYS_ADMIN))
		return 0;
	rf_err_at(k->err, place->file ? place : &sb->nnp_place, EPERM,
		  "%s without no_new_privileges takes CAP_SYS_ADMIN, which this caller does not have",
		  what);
	rf_err_hint(k->err, "no_new_privileges: true, or `user` among the namespaces; "
		    "`seccomp: off` leaves the filter out");
	return -EPERM;
}

/* ------------------------------------------------------------------ the ops */

static void emit_ids(struct rf_compile *k)
{
	struct rf_op *op;

	if (k->ids.set_gid) {
		op = rf_chain_add(k->c, RF_OP_SETRESGID);
		op->u.setres.r = op->u.setres.e = op->u.setres.s = k->ids.gid;
	}
	if (k->ids.set_uid) {
		op = rf_chain_add(k->c, RF_OP_SETRESUID);
		op->u.setres.r = op->u.setres.e = op->u.setres.s = k->ids.uid;
	}
}

static void emit_setgroups(struct rf_compile *k)
{
	struct rf_blob gids;

	if (!k->ids.set_groups)
		return;
	gids = rf_chain_blob(k->c, k->ids.gids, k->ids.nr_gids * sizeof(*k->ids.gids));
	rf_chain_add(k->c, RF_OP_SETGROUPS)->u.setgroups.gids = gids;
}

void rf_emit_idmap(struct rf_compile *k)
{
	struct rf_blob uids, gids;
	struct rf_op *op;

	if (!k->ids.map)
		return;
	rf_chain_set_place(k->c, k->sb->user.map_place.file ? &k->sb->user.map_place :
			   &k->sb->ns[RF_NS_USER].place);
	uids = rf_chain_blob(k->c, k->ids.uid_map, strlen(k->ids.uid_map));
	gids = rf_chain_blob(k->c, k->ids.gid_map, strlen(k->ids.gid_map));
	op = rf_chain_add(k->c, RF_OP_IDMAP);
	op->u.idmap.by = k->ids.by;
	op->u.idmap.uid_map = uids;
	op->u.idmap.gid_map = gids;
	op->u.idmap.deny = k->ids.deny;
	if (!k->ids.early)
		return;
	rf_chain_set_place(k->c, &k->sb->user.place);
	emit_ids(k);
	rf_chain_add(k->c, RF_OP_PDEATHSIG)->u.pdeathsig.sig = SIGKILL;
}

static void emit_securebits(struct rf_compile *k, uint32_t bits)
{
	rf_chain_add(k->c, RF_OP_SECUREBITS)->u.securebits.bits = bits;
}

static void emit_capset(struct rf_compile *k, uint64_t effective, uint64_t permitted,
			uint64_t inheritable)
{
	struct rf_op *op = rf_chain_add(k->c, RF_OP_CAPSET);

	op->u.capset.effective = effective;
	op->u.capset.permitted = permitted;
	op->u.capset.inheritable = inheritable;
}

/* The sets exactly as listed. */
static void emit_caps(struct rf_compile *k)
{
	const struct rf_cap_sets sets = sets_of(k);
	const uint64_t all = all_caps(k), permitted = sets.permitted & all;
	const uint64_t ambient = sets.ambient & all, inheritable = sets.inheritable & all;
	const uint64_t more = permitted | (k->ids.power & RF_CAP(CAP_SETPCAP));

	rf_chain_set_place(k->c, &k->sb->cap_place);
	if (ambient) {
		/* raised while the bits still allow it, from sets that have it */
		emit_capset(k, more, more, inheritable);
		rf_chain_add(k->c, RF_OP_AMBIENT)->u.ambient.caps = ambient;
	}
	if (k->sb->securebits || k->ids.set_uid)
		emit_securebits(k, k->sb->securebits);
	emit_capset(k, sets.effective & all, permitted, inheritable);
}

void rf_emit_capbset(struct rf_compile *k)
{
	struct rf_op *op;

	if (!needs_bounds(k) || !(k->ids.power & RF_CAP(CAP_SETPCAP)))
		return;
	rf_chain_set_place(k->c, &k->sb->cap_place);
	op = rf_chain_add(k->c, RF_OP_CAPBSET);
	op->u.capbset.keep = sets_of(k).bounding & all_caps(k);
	op->u.capbset.last = k->f->last_cap;
}

/*
 * The caller's session has keys, and possessing them is all that reading takes.
 * By the ids of the command, so that it is its keyring; but before a filter,
 * which may know no keyrings.
 */
void rf_emit_keyring(struct rf_compile *k)
{
	bool must = k->sb->require >> RF_LAYER_KEYRING & 1;

	if (k->sb->oci.keep_keyring)
		return;
	rf_chain_set_place(k->c, must ? &k->sb->require_places[RF_LAYER_KEYRING] : NULL);
	rf_chain_add(k->c, RF_OP_KEYRING)->u.keyring.must = must;
}

/*
 * Giving up power, in the order in which each step still has what it needs:
 * bits (CAP_SETPCAP), groups and gid (CAP_SETGID), uid, the
 * sets themselves, and no_new_privs, which nothing before it may run into.
 */
void rf_emit_credentials(struct rf_compile *k)
{
	bool bits = k->ids.set_uid && k->ids.power & RF_CAP(CAP_SETPCAP);

	rf_chain_set_place(k->c, &k->sb->user.place);
	/* a change from uid 0 would clear the sets: they are set by hand below */
	if (bits && !k->ids.early)
		emit_securebits(k, SECBIT_NO_SETUID_FIXUP);
	emit_setgroups(k);
	if (!k->ids.early)
		emit_ids(k);
	if (k->sb->no_new_privs)
		rf_emit_keyring(k);
	emit_caps(k);
	if (k->sb->no_new_privs) {
		rf_chain_set_place(k->c, &k->sb->nnp_place);
		rf_chain_add(k->c, RF_OP_NO_NEW_PRIVS);
	}
	/* behind the gate of a container there is nobody to die with */
	if (k->sb->oci.on && !k->sb->no_new_privs)
		return;
	rf_chain_set_place(k->c, NULL);
	rf_chain_add(k->c, RF_OP_PDEATHSIG)->u.pdeathsig.sig = SIGKILL;
}
