/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between state.c and state_list.c: a field of an object as JSON and back.
 */
#ifndef RF_STATE_FIELD_H
#define RF_STATE_FIELD_H

#include <jansson.h>

#include "state.h"

/* One row serves both ways, so that none can forget a field. */
struct rf_field {
	const char	*name;		/* NULL ends a table */
	/* A new value, or NULL without memory. */
	json_t		*(*put)(const void *obj, size_t offset);
	/* Return: 0, -EINVAL, -ENOMEM; @sb is the arena. */
	int		(*get)(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset);
	size_t		 offset;
};

json_t *rf_fields_put(const struct rf_field *rows, const void *obj);
/* On failure *@ret_name is the key. */
int rf_fields_get(const struct rf_field *rows, struct rf_sandbox *sb, const json_t *j, void *obj,
		  const char **ret_name);

#define RF_CODEC(name)								\
	json_t *rf_put_##name(const void *obj, size_t offset);			\
	int rf_get_##name(struct rf_sandbox *sb, const json_t *j, void *obj, size_t offset)

/* state.c: one value */
RF_CODEC(i64); RF_CODEC(u64); RF_CODEC(u32); RF_CODEC(int); RF_CODEC(flag);
RF_CODEC(text);		/* const char *, NULL is null */

/* state_list.c: the rest, each for the field that it is named after */
RF_CODEC(argv); RF_CODEC(envp); RF_CODEC(groups); RF_CODEC(gids); RF_CODEC(namespaces);
RF_CODEC(rlimits); RF_CODEC(affinity); RF_CODEC(seccomp); RF_CODEC(landlock); RF_CODEC(cgroup); RF_CODEC(cgroups);

/* Text as JSON: bytes are characters up to U+00FF, for paths are bytes. */
json_t *rf_bytes_put(const char *s);
char *rf_bytes_get(struct rf_sandbox *sb, const json_t *j);

#endif
