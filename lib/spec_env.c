/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `env`: which of the caller's variables stay, and which are set.
 */
#include "spec.h"

#include <errno.h>
#include <string.h>

#include "error.h"

static int check_name(struct rf_reader *r, const struct rf_node *v)
{
	if (v->text[0] && !strchr(v->text, '='))
		return 0;
	return rf_err_at(r->err, &v->place, EINVAL, "'%.64s' cannot be the name of a variable",
			 v->text);
}

static int read_clear(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_draft *d = obj;

	return rf_value_bool(r, v, &d->env_clear);
}

static int read_keep(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_draft *d = obj;
	size_t before = r->append ? d->nr_env_keep : 0;
	const char **keep;
	int ret = rf_need(r, v, RF_NODE_LIST, "a list of variables");

	if (ret < 0)
		return ret;
	keep = rf_sandbox_alloc(r->sb, (before + v->nr + 1) * sizeof(*keep));
	if (!keep)
		return rf_err_set(r->err, ENOMEM, "reading 'keep'");
	if (before)
		memcpy(keep, d->env_keep, before * sizeof(*keep));
	for (size_t i = 0; i < v->nr && !ret; i++) {
		ret = rf_value_text(r, v->items[i], &keep[before + i]);
		if (!ret)
			ret = check_name(r, v->items[i]);
	}
	if (ret < 0)
		return ret;
	d->env_keep = keep;
	d->nr_env_keep = before + v->nr;
	return 0;
}

static int read_set(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_draft *d = obj;
	struct rf_env_var *var;
	int ret = rf_need(r, v, RF_NODE_MAP, "a map from variable to value");

	if (!ret)
		ret = rf_no_repeats(r, v);
	for (size_t i = 0; i < v->nr && !ret; i += 2) {
		ret = check_name(r, v->items[i]);
		if (ret < 0)
			return ret;
		if (!rf_sandbox_grow(r->sb, &d->env_set, d->nr_env_set, &d->max_env_set,
				     sizeof(*d->env_set)))
			return rf_err_set(r->err, ENOMEM, "reading 'set'");
		var = &d->env_set[d->nr_env_set];
		*var = (struct rf_env_var){ .name = v->items[i]->text,
					    .place = v->items[i]->place };
		ret = rf_value_text(r, v->items[i + 1], &var->value);
		if (!ret)
			d->nr_env_set++;
	}
	return ret;
}

int rf_read_env(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	static const struct rf_key keys[] = {
		{ .name = "clear",	.read = read_clear },
		{ .name = "keep",	.read = read_keep },
		{ .name = "set",	.read = read_set },
		{ .name = NULL }
	};

	(void)obj;	/* the sandbox; what is final of this comes when it is resolved */
	return rf_read_map(r, v, keys, r->draft);
}
