/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `user`: ids by name or number, groups, and how ids inside map to ids outside.
 */
#include "spec.h"

#include <errno.h>
#include <string.h>

#include "account.h"
#include "error.h"

#define ID_MAX	4294967294LL	/* the id after it means "no change" to the kernel */

static bool is_number(const struct rf_node *v)
{
	return v->kind == RF_NODE_SCALAR && v->text[0] &&
	       (v->text[0] == '-' || (v->text[0] >= '0' && v->text[0] <= '9'));
}

static int read_id(struct rf_reader *r, const struct rf_node *v, bool is_group,
		   int64_t max, int64_t *ret)
{
	struct rf_account found;
	int need;

	if (is_number(v))
		return rf_value_int(r, v, 0, max, ret);
	need = rf_need(r, v, RF_NODE_SCALAR, is_group ? "a group" : "a user");
	if (need < 0)
		return need;
	if (r->flags & RF_SPEC_NO_FILES)
		return rf_err_at(r->err, &v->place, EINVAL, "names cannot be looked up here");
	if (!rf_account_by_name(is_group ? RF_GROUPS : RF_USERS, v->text, &found))
		return rf_err_at(r->err, &v->place, EINVAL, "no %s '%.64s' here",
				 is_group ? "group" : "user", v->text);
	*ret = found.id;
	if (*ret > max)
		return rf_err_at(r->err, &v->place, EINVAL, "'%.64s' has an id above %lld",
				 v->text, (long long)max);
	return 0;
}

int rf_read_uid(struct rf_reader *r, const struct rf_node *v, void *int_id)
{
	int64_t id;
	int ret = read_id(r, v, false, INT32_MAX, &id);

	if (!ret)
		*(int *)int_id = (int)id;
	return ret;
}

int rf_read_gid(struct rf_reader *r, const struct rf_node *v, void *int_id)
{
	int64_t id;
	int ret = read_id(r, v, true, INT32_MAX, &id);

	if (!ret)
		*(int *)int_id = (int)id;
	return ret;
}

static int user_uid(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	return read_id(r, v, false, ID_MAX, &((struct rf_user *)obj)->uid);
}

static int user_gid(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	return read_id(r, v, true, ID_MAX, &((struct rf_user *)obj)->gid);
}

/* A list of groups is what the command gets; no list leaves it to the word. */
static int user_groups(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	static const struct rf_word words[] = {
		{ "auto", RF_GROUPS_AUTO }, { "drop", RF_GROUPS_DROP },
		{ "keep", RF_GROUPS_KEEP }, { NULL, 0 }
	};
	struct rf_user *user = obj;
	uint32_t *gids;
	int64_t id;
	int word, ret = 0;

	if (v->kind != RF_NODE_LIST) {
		ret = rf_value_word(r, v, words, &word);
		if (ret < 0)
			return ret;
		user->groups = (enum rf_groups)word;
		user->add_gids = NULL;
		user->nr_add_gids = 0;
		return 0;
	}
	gids = rf_sandbox_alloc(r->sb, (v->nr + 1) * sizeof(*gids));
	if (!gids)
		return rf_err_set(r->err, ENOMEM, "reading 'groups'");
	for (size_t i = 0; i < v->nr && !ret; i++) {
		ret = read_id(r, v->items[i], true, ID_MAX, &id);
		if (!ret)
			gids[i] = (uint32_t)id;
	}
	if (ret < 0)
		return ret;
	user->groups = RF_GROUPS_DROP;
	user->add_gids = gids;
	user->nr_add_gids = v->nr;
	return 0;
}

static int range_part(struct rf_reader *r, const struct rf_node *v, int64_t min, uint32_t *ret)
{
	int64_t n;
	int err = rf_value_int(r, v, min, ID_MAX, &n);

	if (!err)
		*ret = (uint32_t)n;
	return err;
}

static int range_inside(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	return range_part(r, v, 0, &((struct rf_idrange *)obj)->inside);
}

static int range_outside(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	return range_part(r, v, 0, &((struct rf_idrange *)obj)->outside);
}

static int range_count(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	return range_part(r, v, 1, &((struct rf_idrange *)obj)->count);
}

static bool overlap(uint32_t a, uint32_t nr_a, uint32_t b, uint32_t nr_b)
{
	return a < (uint64_t)b + nr_b && b < (uint64_t)a + nr_a;
}

/* One {inside, outside, count}; @before are those that it must not touch. */
static int read_range(struct rf_reader *r, const struct rf_node *v,
		      struct rf_idrange *before, size_t nr)
{
	static const struct rf_key keys[] = {
		{ .name = "inside",	.read = range_inside },
		{ .name = "outside",	.read = range_outside },
		{ .name = "count",	.read = range_count },
		{ .name = NULL }
	};
	struct rf_idrange *range = &before[nr];
	int ret;

	*range = (struct rf_idrange){ .count = 1 };
	ret = rf_read_map(r, v, keys, range);
	if (ret < 0)
		return ret;
	if (v->nr < 4)
		return rf_err_at(r->err, &v->place, EINVAL,
				 "a range needs 'inside' and 'outside', and has 'count'");
	if ((uint64_t)range->inside + range->count - 1 > ID_MAX ||
	    (uint64_t)range->outside + range->count - 1 > ID_MAX)
		return rf_err_at(r->err, &v->place, EINVAL, "the range ends above %lld", ID_MAX);
	for (size_t i = 0; i < nr; i++)
		if (overlap(range->inside, range->count, before[i].inside, before[i].count) ||
		    overlap(range->outside, range->count, before[i].outside, before[i].count))
			return rf_err_at(r->err, &v->place, EINVAL, "the range overlaps an earlier one");
	return 0;
}

/* More ranges than the kernel takes are refused there with less words. */
#define RANGES_MAX 340

static int read_ranges(struct rf_reader *r, const struct rf_node *v,
		       struct rf_idrange **ret_map, size_t *ret_nr)
{
	struct rf_idrange *map;
	int ret = rf_need(r, v, RF_NODE_LIST, "a list of ranges");

	if (ret < 0)
		return ret;
	if (!v->nr || v->nr > RANGES_MAX)
		return rf_err_at(r->err, &v->place, EINVAL, "a map has 1 to %d ranges", RANGES_MAX);
	map = rf_sandbox_alloc(r->sb, v->nr * sizeof(*map));
	if (!map)
		return rf_err_set(r->err, ENOMEM, "reading 'map'");
	for (size_t i = 0; i < v->nr && !ret; i++)
		ret = read_range(r, v->items[i], map, i);
	if (ret < 0)
		return ret;
	*ret_map = map;
	*ret_nr = v->nr;
	return 0;
}

static int map_uid(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_user *user = obj;

	return read_ranges(r, v, &user->uid_map, &user->nr_uid_map);
}

static int map_gid(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_user *user = obj;

	return read_ranges(r, v, &user->gid_map, &user->nr_gid_map);
}

static int user_map(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	static const struct rf_word words[] = {
		{ "auto", RF_MAP_AUTO }, { "self", RF_MAP_SELF },
		{ "root", RF_MAP_ROOT }, { NULL, 0 }
	};
	static const struct rf_key keys[] = {
		{ .name = "uid", .read = map_uid },
		{ .name = "gid", .read = map_gid },
		{ .name = NULL }
	};
	struct rf_user *user = obj;
	int word, ret;

	user->nr_uid_map = user->nr_gid_map = 0;
	if (v->kind != RF_NODE_MAP) {
		ret = rf_value_word(r, v, words, &word);
		if (!ret)
			user->map = (enum rf_map_kind)word;
		return ret;
	}
	ret = rf_read_map(r, v, keys, user);
	if (ret < 0)
		return ret;
	if (!user->nr_uid_map || !user->nr_gid_map)
		return rf_err_at(r->err, &v->place, EINVAL, "a map needs both 'uid' and 'gid'");
	user->map = RF_MAP_RANGES;
	return 0;
}

int rf_read_user(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	static const struct rf_key keys[] = {
		{ .name = "uid",	.read = user_uid },
		{ .name = "gid",	.read = user_gid },
		{ .name = "groups",	.read = user_groups },
		{ .name = "map",	.read = user_map, .place = offsetof(struct rf_user, map_place) },
		{ .name = NULL }
	};
	struct rf_sandbox *sb = obj;
	int ret = rf_read_map(r, v, keys, &sb->user);

	if (!ret)
		sb->user.place = v->place;
	return ret;
}
