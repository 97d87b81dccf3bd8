/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `require`: the layers without which nothing runs.  What several layers of
 * specs and options require adds up: nobody can take back what a preset or a
 * file below has asked for.
 */
#include "spec.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "receipt.h"

static int find_layer(struct rf_reader *r, const struct rf_node *v, int *ret_layer)
{
	char buf[64];
	const char *names[RF_LAYER_NR + 1] = { NULL };
	int ret = rf_need(r, v, RF_NODE_SCALAR, "a layer");

	if (ret < 0)
		return ret;
	for (int i = 0; i < RF_LAYER_NR; i++) {
		names[i] = rf_layer_defs[i].name;
		if (!strcmp(v->text, names[i])) {
			*ret_layer = i;
			return 0;
		}
	}
	return rf_err_at(r->err, &v->place, EINVAL, "unknown layer '%.64s'%s", v->text,
			 rf_nearest(v->text, names, sizeof(*names), buf));
}

int rf_read_require(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	int layer = 0, ret = rf_need(r, v, RF_NODE_LIST, "a list of layers");

	for (size_t i = 0; i < v->nr && !ret; i++) {
		ret = find_layer(r, v->items[i], &layer);
		if (ret < 0)
			return ret;
		sb->require |= 1U << layer;
		sb->require_places[layer] = v->items[i]->place;
	}
	return ret;
}
