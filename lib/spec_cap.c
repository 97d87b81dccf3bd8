/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `capabilities`, `ambient` and `securebits`.  The one module that asks
 * libcap-ng; only for names, so its hidden state is never touched.
 */
#include "spec.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/securebits.h>
#include <string.h>
#include <strings.h>

#include "error.h"

#define CAPS_MAX	63	/* one bit each in the model */

static int read_cap(struct rf_reader *r, const struct rf_node *v, uint64_t *set)
{
	const char *name = v->text;
	int cap, ret = rf_need(r, v, RF_NODE_SCALAR, "a capability");

	if (ret < 0)
		return ret;
	if (!strcmp(name, "all")) {
		/* those that the kernel does not know are left out when compiling */
		*set = UINT64_MAX;
		return 0;
	}
	if (!strncasecmp(name, "cap_", 4))
		name += 4;
	cap = capng_name_to_capability(name);
	if (cap < 0 || cap > CAPS_MAX)
		return rf_err_at(r->err, &v->place, EINVAL, "unknown capability '%.64s'", v->text);
	*set |= 1ull << cap;
	return 0;
}

static int read_set(struct rf_reader *r, const struct rf_node *v, uint64_t *ret_set)
{
	uint64_t set = 0;
	int ret = rf_need(r, v, RF_NODE_LIST, "a list of capabilities");

	for (size_t i = 0; i < v->nr && !ret; i++)
		ret = read_cap(r, v->items[i], &set);
	if (!ret)
		*ret_set = set;
	return ret;
}

int rf_read_capabilities(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;

	return read_set(r, v, &sb->capabilities);
}

int rf_read_ambient(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	int ret = read_set(r, v, &sb->ambient);

	if (!ret) {
		r->draft->has_ambient = true;
		r->draft->ambient_place = v->place;
	}
	return ret;
}

int rf_read_securebits(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	static const struct rf_word words[] = {
		{ "noroot", SECBIT_NOROOT },
		{ "noroot_locked", SECBIT_NOROOT_LOCKED },
		{ "no_setuid_fixup", SECBIT_NO_SETUID_FIXUP },
		{ "no_setuid_fixup_locked", SECBIT_NO_SETUID_FIXUP_LOCKED },
		{ "no_cap_ambient_raise", SECBIT_NO_CAP_AMBIENT_RAISE },
		{ "no_cap_ambient_raise_locked", SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED },
		{ NULL, 0 }
	};
	struct rf_sandbox *sb = obj;
	uint32_t bits = 0;
	int bit, ret = rf_need(r, v, RF_NODE_LIST, "a list of securebits");

	for (size_t i = 0; i < v->nr && !ret; i++) {
		ret = rf_value_word(r, v->items[i], words, &bit);
		if (!ret)
			bits |= (uint32_t)bit;
	}
	if (!ret)
		sb->securebits = bits;
	return ret;
}
