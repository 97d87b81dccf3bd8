/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Maps of a spec, read as a table of keys says.
 */
#include "spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

static int by_text(const void *a, const void *b)
{
	const struct rf_node *x = *(struct rf_node *const *)a;
	const struct rf_node *y = *(struct rf_node *const *)b;
	int diff = strcmp(x->text, y->text);

	if (diff)
		return diff;
	if (x->place.line != y->place.line)
		return x->place.line < y->place.line ? -1 : 1;
	return x->place.col < y->place.col ? -1 : x->place.col > y->place.col;
}

int rf_no_repeats(struct rf_reader *r, const struct rf_node *map)
{
	size_t nr = map->nr / 2;
	struct rf_node **keys = malloc((nr + 1) * sizeof(struct rf_node *));
	int ret = 0;

	if (!keys)
		return rf_err_set(r->err, ENOMEM, "reading a map");
	for (size_t i = 0; i < nr; i++)
		keys[i] = map->items[2 * i];
	qsort(keys, nr, sizeof(struct rf_node *), by_text);
	for (size_t i = 1; i < nr && !ret; i++)
		if (!strcmp(keys[i - 1]->text, keys[i]->text))
			ret = rf_err_at(r->err, &keys[i]->place, EINVAL,
					"key '%.64s' is on line %u already",
					keys[i]->text, keys[i - 1]->place.line);
	free(keys);
	return ret;
}

const struct rf_key *rf_find_key(struct rf_reader *r, const struct rf_node *k,
				 const struct rf_key *keys)
{
	char buf[64];

	for (const struct rf_key *key = keys; key->name; key++)
		if (!strcmp(key->name, k->text))
			return key;
	rf_err_at(r->err, &k->place, EINVAL, "unknown key '%.64s'%s", k->text,
		  rf_nearest(k->text, keys, sizeof(*keys), buf));
	return NULL;
}

static int read_number(struct rf_reader *r, const struct rf_key *key,
		       const struct rf_node *v, void *field)
{
	uint64_t u = 0;
	int64_t n = 0;
	int ret;

	switch (key->type) {
	case RF_VALUE_INT:
		ret = rf_value_int(r, v, key->min, key->max, &n);
		if (!ret)
			*(int *)field = (int)n;
		return ret;
	case RF_VALUE_SIZE:
		ret = rf_value_size(r, v, &u);
		if (!ret && u < (uint64_t)key->min)
			return rf_err_at(r->err, &v->place, EINVAL,
					 "'%.64s' is less than %lld", v->text, (long long)key->min);
		if (!ret)
			*(uint64_t *)field = u;
		return ret;
	default:	/* RF_VALUE_DURATION */
		ret = rf_value_duration(r, v, &u);
		if (!ret && u < 1000000)
			return rf_err_at(r->err, &v->place, EINVAL,
					 "'%.64s' is less than a millisecond", v->text);
		if (!ret)
			*(uint64_t *)field = u / 1000000;
		return ret;
	}
}

static int read_flag(struct rf_reader *r, const struct rf_key *key,
		     const struct rf_node *v, unsigned int *field)
{
	bool on;
	int ret = rf_value_bool(r, v, &on);

	if (ret < 0)
		return ret;
	if (on)
		*field |= (unsigned int)key->max;
	else
		*field &= ~(unsigned int)key->max;
	return 0;
}

static int read_offset(struct rf_reader *r, const struct rf_node *v, int64_t *field)
{
	struct rf_node bare = *v;
	bool negative = v->kind == RF_NODE_SCALAR && v->text[0] == '-';
	uint64_t u;
	int ret;

	if (negative)
		bare.text++;
	ret = rf_value_duration(r, &bare, &u);
	if (!ret)
		*field = negative ? -(int64_t)u : (int64_t)u;
	return ret;
}

int rf_read_key(struct rf_reader *r, const struct rf_key *key,
		const struct rf_node *v, void *obj)
{
	void *field = (char *)obj + key->offset;
	int ret = 0;

	switch (key->type) {
	case RF_VALUE_CUSTOM:
		ret = key->read(r, v, obj);
		break;
	case RF_VALUE_TEXT:
		ret = rf_value_text(r, v, field);
		break;
	case RF_VALUE_BOOL:
		ret = rf_value_bool(r, v, field);
		break;
	case RF_VALUE_FLAG:
		ret = read_flag(r, key, v, field);
		break;
	case RF_VALUE_MODE:
		ret = rf_value_mode(r, v, field);
		break;
	case RF_VALUE_WORD:
		ret = rf_value_word(r, v, key->words, field);
		break;
	case RF_VALUE_OFFSET:
		ret = read_offset(r, v, field);
		break;
	case RF_VALUE_INT:
	case RF_VALUE_SIZE:
	case RF_VALUE_DURATION:
		ret = read_number(r, key, v, field);
		break;
	}
	if (!ret && key->place)
		*(struct rf_place *)((char *)obj + key->place) = v->place;
	return ret;
}

int rf_read_map(struct rf_reader *r, const struct rf_node *map,
		const struct rf_key *keys, void *obj)
{
	const struct rf_key *key;
	int ret;

	ret = rf_need(r, map, RF_NODE_MAP, "a map");
	if (!ret)
		ret = rf_no_repeats(r, map);
	for (size_t i = 0; i < map->nr && !ret; i += 2) {
		key = rf_find_key(r, map->items[i], keys);
		if (!key)
			return -EINVAL;
		ret = rf_read_key(r, key, map->items[i + 1], obj);
	}
	return ret;
}
