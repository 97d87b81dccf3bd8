/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `linux.resources.devices`: which devices the container may use.
 *
 * Once there are rules, what none allows is refused, on either version of control groups,
 * but for the devices that every container has (oci_device.c): those are allowed before
 * the rules that are about single devices, so that these can take them away.
 */
#include "oci_config.h"

#include <string.h>

#include "spec.h"

static const struct rf_device_rule usual[] = {
	/* a node alone lets nobody use the device */
	{ true, 'c', RF_DEVICE_MKNOD, -1, -1 }, { true, 'b', RF_DEVICE_MKNOD, -1, -1 },
	{ true, 'c', RF_DEVICE_ALL, 1, 3 }, { true, 'c', RF_DEVICE_ALL, 1, 5 },
	{ true, 'c', RF_DEVICE_ALL, 1, 7 }, { true, 'c', RF_DEVICE_ALL, 1, 8 },
	{ true, 'c', RF_DEVICE_ALL, 1, 9 }, { true, 'c', RF_DEVICE_ALL, 5, 0 },
	/* terminals: /dev/ptmx and what it gives */
	{ true, 'c', RF_DEVICE_ALL, 5, 2 }, { true, 'c', RF_DEVICE_ALL, 136, -1 },
};
#define NR_USUAL	(sizeof(usual) / sizeof(usual[0]))

struct said {
	bool		 allow;
	const char	*type, *access;
	int64_t		 major, minor;
};

static int read_number(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_int(o, v, -1, (1 << 20) - 1, obj);
}

static int add(struct rf_oci_reader *o, const struct rf_place *place,
	       const struct rf_device_rule *rule)
{
	struct rf_oci_config *c = o->c;
	struct rf_oci_rule *r;

	if (!rf_sandbox_grow(o->sb, &c->rules, c->nr_rules, &c->max_rules, sizeof(*r)))
		return rf_oci_no_memory(o);
	r = &c->rules[c->nr_rules++];
	*r = (struct rf_oci_rule){ .is = *rule, .place = *place,
				   .path = rf_sandbox_printf(o->sb, "%s", o->path) };
	return r->path ? 0 : rf_oci_no_memory(o);
}

static unsigned int access_bits(const char *text)
{
	static const char letters[] = "mrw";	/* RF_DEVICE_* in order */
	unsigned int bits = 0;

	for (; *text; text++) {
		const char *at = strchr(letters, *text);

		if (!at)
			return 0;
		bits |= 1U << (at - letters);
	}
	return bits;
}

static bool is_for_all(const struct rf_device_rule *rule)
{
	return rule->access == RF_DEVICE_ALL && rule->major < 0 && rule->minor < 0;
}

static int add_rule(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
#define FIELD(field) offsetof(struct said, field)
	static const struct rf_oci_key keys[] = {
		{ .name = "allow", .read = rf_oci_bool, .offset = FIELD(allow) },
		{ .name = "type", .read = rf_oci_text, .offset = FIELD(type) },
		{ .name = "access", .read = rf_oci_text, .offset = FIELD(access) },
		{ .name = "major", .read = read_number, .offset = FIELD(major) },
		{ .name = "minor", .read = read_number, .offset = FIELD(minor) },
		{ .name = NULL }
	};
#undef FIELD
	struct said said = { .type = "a", .access = "rwm", .major = -1, .minor = -1 };
	int r = rf_oci_map(o, v, keys, &said);
	struct rf_device_rule rule;

	(void)obj;
	if (r < 0)
		return r;
	rule = (struct rf_device_rule){ .allow = said.allow, .type = *said.type ? *said.type : 'a',
					.access = *said.access ? access_bits(said.access) : RF_DEVICE_ALL,
					.major = said.major, .minor = said.minor };
	if (strlen(said.type) > 1 || !strchr("abc", rule.type))
		return rf_oci_fail(o, v, "no device of type '%.10s'", said.type);
	if (!rule.access || strlen(said.access) > 3)
		return rf_oci_fail(o, v, "no access '%.10s'", said.access);
	if (!rf_oci_has(v, "allow"))
		return rf_oci_fail(o, v, "no `allow`");
	if (o->c->nr_rules + 2 + 1 + NR_USUAL > RF_DEVICE_RULES_MAX)
		return rf_oci_fail(o, v, "too many rules for devices");
	if (rule.type != 'a' || is_for_all(&rule))
		return add(o, &v->place, &rule);
	/* to version 1 "a" is all devices for all purposes, whatever else is said */
	rule.type = 'b';
	r = add(o, &v->place, &rule);
	rule.type = 'c';
	return r < 0 ? r : add(o, &v->place, &rule);
}

/* The first is for all devices, and what is before that counts no more. */
static int settle(struct rf_oci_reader *o, const struct rf_node *v)
{
	static const struct rf_device_rule none = { false, 'a', RF_DEVICE_ALL, -1, -1 };
	struct rf_oci_config *c = o->c;
	struct rf_oci_rule *said = c->rules;
	size_t nr = c->nr_rules, from = nr;
	int r = 0;

	while (from > 0 && said[from - 1].is.type != 'a')
		from--;
	c->rules = NULL;
	c->nr_rules = c->max_rules = 0;
	if (from == 0 || !said[from - 1].is.allow) {
		r = add(o, &v->place, &none);
		for (size_t i = 0; r == 0 && i < NR_USUAL; i++) {
			r = add(o, &v->place, &usual[i]);
			if (r == 0)
				c->rules[c->nr_rules - 1].usual = true;
		}
	} else {
		from--;
	}
	for (size_t i = from; r == 0 && i < nr; i++) {
		r = add(o, &said[i].place, &said[i].is);
		if (r == 0)
			c->rules[c->nr_rules - 1].path = said[i].path;
	}
	return r;
}

int rf_oci_read_rules(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	int r = rf_oci_list(o, v, add_rule, obj);

	return r == 0 && o->c->nr_rules ? settle(o, v) : r;
}
