/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Profiles of Docker and the OCI, JSON.  Rules keep the order of the file.
 * One call's rules may overlap there, where libseccomp then takes any that
 * fits; here the first one that fits decides.
 *
 * `includes` and `excludes` are Docker's: a rule is for callers with
 * capabilities, for an architecture, from a kernel on.  As runc has it, calls
 * newer than all that a profile names get ENOSYS, unless its default lets calls
 * through.
 */
#include "oci.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "error.h"
#include "model.h"
#include "spec.h"

int rf_oci_refuse(struct rf_oci *o, const char *fmt, ...)
{
	struct rf_place place = { .file = o->name };
	char msg[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	if (!o->where[0])
		return rf_err_at(o->err, &place, EINVAL, "%s", msg);
	return rf_err_at(o->err, &place, EINVAL, "%s: %s", o->where, msg);
}

static int no_memory(struct rf_oci *o)
{
	return rf_err_set(o->err, ENOMEM, "reading a profile");
}

int rf_oci_only_keys(struct rf_oci *o, json_t *object, const char *const *known)
{
	char nearest[64];
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach(object, key, value) {
		for (i = 0; known[i] && strcmp(known[i], key); i++)
			;
		if (!known[i])
			return rf_oci_refuse(o, "unknown key '%.64s'%s", key,
				      rf_nearest(key, known, sizeof(known[0]), nearest));
	}
	return 0;
}

int rf_oci_member(struct rf_oci *o, json_t *object, const char *key, json_type type,
		  const char *what, json_t **ret)
{
	json_t *value = json_object_get(object, key);

	*ret = NULL;
	if (!value || json_is_null(value))
		return 0;
	if (json_typeof(value) != type)
		return rf_oci_refuse(o, "'%s' is no %s", key, what);
	*ret = value;
	return 0;
}

static int member_errno(struct rf_oci *o, json_t *object, const char *key, int64_t *ret)
{
	json_t *value;
	int r = rf_oci_member(o, object, key, JSON_INTEGER, "number", &value);

	if (r < 0 || !value)
		return r;
	if (json_integer_value(value) < 0 || json_integer_value(value) > SECCOMP_RET_DATA)
		return rf_oci_refuse(o, "'%s' is out of range", key);
	*ret = json_integer_value(value);
	return 0;
}

int rf_oci_errno(struct rf_oci *o, json_t *object, const char *number, const char *name,
			int64_t *ret)
{
	json_t *value = NULL;
	const char *word;
	int r, code;

	r = member_errno(o, object, number, ret);
	if (!r)
		r = rf_oci_member(o, object, name, JSON_STRING, "text", &value);
	word = json_string_value(value);
	if (r < 0 || !word || !word[0])
		return r;
	code = rf_errno_find(word);
	if (code < 0)
		return rf_oci_refuse(o, "'%s': no error '%.32s'", name, word);
	*ret = code;
	return 0;
}

int rf_oci_action(struct rf_oci *o, const char *key, const char *word, int64_t code, uint32_t *ret)
{
	static const struct { const char *name; uint32_t action; bool has_code; } actions[] = {
		{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, false },
		{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, true },
		{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, false },
		{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, false },
		{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, false },
		{ "SCMP_ACT_LOG", SECCOMP_RET_LOG, false },
		{ "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF, false },
		{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE, true },
		{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP, false },
		{ NULL, 0, false }
	};
	char nearest[64];

	for (size_t i = 0; actions[i].name; i++) {
		if (strcmp(actions[i].name, word) != 0)
			continue;
		if (code >= 0 && !actions[i].has_code)
			return rf_oci_refuse(o, "'%s': %s answers no error", key, word);
		*ret = actions[i].action;
		if (actions[i].has_code)
			*ret |= code < 0 ? EPERM : (uint32_t)code;
		return 0;
	}
	return rf_oci_refuse(o, "'%s': no action '%.64s'%s", key, word,
		      rf_nearest(word, actions, sizeof(actions[0]), nearest));
}

/* ------------------------------------------------------- architectures */

static const struct rf_word arch_words[] = {
	{ "SCMP_ARCH_X86_64", RF_ABI_X86_64 }, { "SCMP_ARCH_X86", RF_ABI_I386 },
	{ "SCMP_ARCH_X32", RF_ABI_X32 }, { "SCMP_ARCH_ARM", RF_ABI_ARM },
	{ "SCMP_ARCH_AARCH64", RF_ABI_AARCH64 }, { NULL, 0 }
};

/* Those of other machines count for nothing. */
static int arch_add(struct rf_oci *o, json_t *value, unsigned int *abis)
{
	const char *word = json_string_value(value);

	if (!word || strncmp(word, "SCMP_ARCH_", 10))
		return rf_oci_refuse(o, "an architecture is SCMP_ARCH_...");
	if (strcmp(word, "SCMP_ARCH_NATIVE") == 0)
		*abis |= 1U << o->p->machine;
	for (const struct rf_word *a = arch_words; a->name; a++)
		if (strcmp(a->name, word) == 0 &&
		    rf_abi_defs[a->value].family == o->p->machine)
			*abis |= 1U << a->value;
	return 0;
}

static int arch_list(struct rf_oci *o, json_t *list, unsigned int *abis)
{
	json_t *value;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, value)
		if ((r = arch_add(o, value, abis)) < 0)
			break;
	return r;
}

/* Docker's: the architecture and what comes with it. */
static int arch_map(struct rf_oci *o, json_t *map, unsigned int *abis)
{
	static const char *const keys[] = { "architecture", "subArchitectures", NULL };
	json_t *value, *sub = NULL;
	size_t i;
	int r;

	json_array_foreach(map, i, value) {
		unsigned int here = 0;

		if (!json_is_object(value))
			return rf_oci_refuse(o, "an entry of 'archMap' is no object");
		r = rf_oci_only_keys(o, value, keys);
		if (!r)
			r = arch_add(o, json_object_get(value, "architecture"), &here);
		if (!r)
			r = rf_oci_member(o, value, "subArchitectures", JSON_ARRAY, "list", &sub);
		if (r < 0)
			return r;
		if (!(here >> o->p->machine & 1))
			continue;
		*abis |= here;
		r = sub ? arch_list(o, sub, abis) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_architectures(struct rf_oci *o, json_t *root)
{
	unsigned int abis = 0;
	json_t *list = NULL, *map = NULL;
	int r;

	r = rf_oci_member(o, root, "architectures", JSON_ARRAY, "list", &list);
	if (!r)
		r = rf_oci_member(o, root, "archMap", JSON_ARRAY, "list", &map);
	if (r < 0)
		return r;
	if (json_array_size(list) && json_array_size(map))
		return rf_oci_refuse(o, "both 'architectures' and 'archMap'");
	r = arch_list(o, list, &abis);
	if (!r)
		r = arch_map(o, map, &abis);
	if (r < 0)
		return r;
	/* that of the machine is always among them, as with libseccomp */
	o->p->abis = abis | 1U << o->p->machine;
	return 0;
}

/* -------------------------------------------------------------- the whole */

static int read_flags(struct rf_oci *o, json_t *root)
{
	static const struct rf_word words[] = {
		/* the filter is installed by a task of one thread: all threads have it */
		{ "SECCOMP_FILTER_FLAG_TSYNC", 0 },
		{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
		{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", RF_SECCOMP_FLAG_WAIT_KILLABLE_RECV },
		{ NULL, 0 }
	};
	const struct rf_word *w;
	json_t *flags = NULL, *value;
	char nearest[64];
	size_t i;
	int r;

	r = rf_oci_member(o, root, "flags", JSON_ARRAY, "list", &flags);
	if (r < 0)
		return r;
	json_array_foreach(flags, i, value) {
		const char *word = json_string_value(value);

		for (w = words; w->name && (!word || strcmp(w->name, word)); w++)
			;
		if (!w->name)
			return rf_oci_refuse(o, "no flag '%.64s' here%s", word ? word : "",
				      word ? rf_nearest(word, words, sizeof(*words), nearest) : "");
		o->p->flags |= (uint32_t)w->value;
	}
	return 0;
}

static int read_default(struct rf_oci *o, json_t *root)
{
	const char *word = json_string_value(json_object_get(root, "defaultAction"));
	int64_t code = -1;
	int r;

	r = rf_oci_errno(o, root, "defaultErrnoRet", "defaultErrno", &code);
	if (r < 0)
		return r;
	if (!word)
		return rf_oci_refuse(o, "no 'defaultAction'");
	r = rf_oci_action(o, "defaultAction", word, code, &o->p->default_action);
	switch (o->p->default_action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW: case SECCOMP_RET_LOG: case SECCOMP_RET_TRACE:
	case SECCOMP_RET_USER_NOTIF:
		o->p->unknown_action = o->p->default_action;
		break;
	default:
		break;
	}
	return r;
}

static int read_root(struct rf_oci *o, json_t *root)
{
	static const char *const keys[] = { "defaultAction", "defaultErrnoRet", "defaultErrno",
					    "architectures", "archMap", "flags", "syscalls",
					    "listenerPath", "listenerMetadata", NULL };
	json_t *calls = NULL, *entry, *listener = NULL;
	size_t i;
	int r;

	r = rf_oci_only_keys(o, root, keys);
	if (!r)
		r = rf_oci_member(o, root, "listenerPath", JSON_STRING, "text", &listener);
	if (!r && listener && json_string_length(listener))
		r = rf_oci_refuse(o, "'listenerPath': ringfence hands notifications to no other program");
	if (!r)
		r = rf_oci_member(o, root, "listenerMetadata", JSON_STRING, "text", &listener);
	if (!r && listener && json_string_length(listener))
		r = rf_oci_refuse(o, "'listenerMetadata' goes with 'listenerPath', which is refused");
	if (!r)
		r = read_default(o, root);
	if (!r)
		r = read_architectures(o, root);
	if (!r)
		r = read_flags(o, root);
	if (!r)
		r = rf_oci_member(o, root, "syscalls", JSON_ARRAY, "list", &calls);
	if (r < 0)
		return r;
	json_array_foreach(calls, i, entry) {
		snprintf(o->where, sizeof(o->where), "syscalls[%zu]", i);
		r = rf_oci_entry(o, entry);
		if (r < 0)
			return r;
	}
	return 0;
}

int rf_policy_read_oci(struct rf_policy *p, const char *name, const char *text, size_t len,
		       struct rf_err *err)
{
	struct rf_oci o = { .p = p, .err = err, .name = rf_policy_strndup(p, name, strlen(name)) };
	struct rf_place place = { .file = o.name };
	json_error_t e;
	json_t *root;
	int r;

	if (!o.name)
		return no_memory(&o);
	p->name = o.name;
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	if (!root) {
		place.line = e.line > 0 ? (unsigned int)e.line : 0;
		place.col = e.column > 0 ? (unsigned int)e.column : 0;
		return rf_err_at(err, &place, EINVAL, "%s", e.text);
	}
	r = json_is_object(root) ? read_root(&o, root) : rf_oci_refuse(&o, "no object");
	json_decref(root);
	return r;
}
