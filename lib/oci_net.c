/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `linux.netDevices`: interfaces of the runtime's network namespace that the container
 * gets.  What the kernel would refuse only when it has moved one is refused here.
 */
#include "oci_config.h"

#include <net/if.h>
#include <string.h>

#include "spec.h"

/* Why nothing can be called so; NULL: it can. */
static const char *wrong_name(const char *name)
{
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return "no interface has such a name";
	if (strlen(name) >= IFNAMSIZ)
		return "an interface's name has 15 bytes at most";
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("/:", *p))
			return "an interface's name has neither spaces nor '/', ':' or control "
			       "characters";
	return NULL;
}

/* "eth%d": the kernel puts a number there. */
static bool is_template(const char *name)
{
	const char *percent = strchr(name, '%');

	return percent && !strcmp(percent, "%d");
}

static int read_new_name(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	const char *text = NULL, *wrong;
	int r = rf_oci_text(o, v, &text);

	if (r < 0 || !*text)
		return r;
	wrong = wrong_name(text);
	if (wrong)
		return rf_oci_fail(o, v, "%s", wrong);
	if (strchr(text, '%') && !is_template(text))
		return rf_oci_fail(o, v, "'%%' stands only in '%%d', at the end");
	*(const char **)obj = text;
	return 0;
}

/* Every namespace has its loopback. */
static int check_new_name(struct rf_oci_reader *o, const struct rf_node *v, const char *as)
{
	const struct rf_oci_sandbox *oci = &o->sb->oci;

	if (!strcmp(as, "lo"))
		return rf_oci_fail(o, v, "the container has an interface called 'lo'");
	for (size_t i = 0; i < oci->nr_net_devices; i++)
		if (!strcmp(oci->net_devices[i].as, as) && !is_template(as))
			return rf_oci_fail(o, v, "'%s' is to be called '%s' too",
					   oci->net_devices[i].name, as);
	return 0;
}

static int take_device(struct rf_oci_reader *o, const char *name, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "name", .read = read_new_name, .offset = offsetof(struct rf_net_device, as) },
		{ .name = NULL }
	};
	struct rf_net_device d = { .name = name, .as = name, .place = v->place };
	const char *wrong = strchr(name, '%') ? "no interface has such a name" : wrong_name(name);
	struct rf_oci_sandbox *oci = obj;
	int r = wrong ? rf_oci_fail(o, v, "%s", wrong) : 0;

	if (r == 0 && !rf_oci_is_null(v))
		r = rf_oci_map(o, v, keys, &d);
	if (r == 0)
		r = check_new_name(o, v, d.as);
	if (r == 0)
		oci->net_devices[oci->nr_net_devices++] = d;
	return r;
}

int rf_oci_read_net_devices(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct rf_oci_sandbox *oci = &o->sb->oci;

	(void)obj;
	oci->net_devices = rf_sandbox_alloc(o->sb, (v->nr / 2 + 1) * sizeof(*oci->net_devices));
	if (!oci->net_devices)
		return rf_oci_no_memory(o);
	return rf_oci_each(o, v, take_device, oci);
}
