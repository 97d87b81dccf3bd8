/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "preset.h"

#include <errno.h>
#include <string.h>

static const struct rf_filter_preset *preset_find(const char *name)
{
	for (const struct rf_filter_preset *p = rf_filter_presets; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

int rf_filter_preset(const char *name, struct rf_filter *ret)
{
	const struct rf_filter_preset *p = preset_find(name);

	if (!p)
		return -ENOENT;
	*ret = p->filter;
	return 0;
}

const char *rf_filter_preset_name(size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (!rf_filter_presets[i].name)
			return NULL;
	return rf_filter_presets[index].name;
}

const char *rf_filter_preset_text(const char *name)
{
	const struct rf_filter_preset *p = preset_find(name);

	return p ? p->text : NULL;
}
