/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file by which podman and CRI-O know a hook: oci-hooks(5), version 1.0.0.
 */
#include "hook.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

/* Both names and values are regular expressions; a name here is meant as it is. */
static char *quoted(const char *name, size_t len)
{
	char *text = malloc(2 * len + 3), *to = text;

	if (!text)
		return NULL;
	*to++ = '^';
	for (size_t i = 0; i < len; i++) {
		if (strchr(".^$*+?()[]{}|\\", name[i]))
			*to++ = '\\';
		*to++ = name[i];
	}
	*to++ = '$';
	*to = '\0';
	return text;
}

static json_t *when(const struct rf_hook_d *d, struct rf_err *err)
{
	const char *equals = d->annotation ? strchr(d->annotation, '=') : NULL;
	char *name;
	json_t *j;

	if (!d->annotation)
		return json_pack("{s:b}", "always", 1);
	if (!equals || equals == d->annotation) {
		rf_err_set(err, EINVAL, "--annotation: '%.64s' is not NAME=REGEX", d->annotation);
		return NULL;
	}
	name = quoted(d->annotation, (size_t)(equals - d->annotation));
	j = name ? json_pack("{s:{s:s}}", "annotations", name, equals + 1) : NULL;
	free(name);
	return j;
}

char *rf_hook_d_print(const struct rf_hook_d *d, struct rf_err *err)
{
	const char *stage = rf_hook_stages[d->stage].name;
	json_t *w = when(d, err), *j = NULL;
	char *text = NULL;

	if (w)
		j = json_pack("{s:s, s:{s:s, s:[s, s, s, s]}, s:o, s:[s]}", "version", "1.0.0",
			      "hook", "path", d->exe, "args", "ringfence", "hook", stage, d->fragment,
			      "when", w, "stages", stage);
	if (j)
		text = json_dumps(j, JSON_INDENT(2));
	json_decref(j);
	if (!text)
		rf_err_set(err, EINVAL, "the file for hooks.d: names that are no UTF-8");
	return text;
}
