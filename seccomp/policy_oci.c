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
#include "model.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "error.h"
#include "spec.h"

struct oci {
	struct rf_policy *p;
	struct rf_err	*err;
	const char	*name;
	char		 where[64];	/* "syscalls[3]" */
	uint32_t	 default_errno;
};

static int refuse(struct oci *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int refuse(struct oci *o, const char *fmt, ...)
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

static int no_memory(struct oci *o)
{
	return rf_err_set(o->err, ENOMEM, "reading a profile");
}

/* Keys that are none of @known: a profile that says more than is done is refused. */
static int only_keys(struct oci *o, json_t *object, const char *const *known)
{
	char nearest[64];
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach(object, key, value) {
		for (i = 0; known[i] && strcmp(known[i], key); i++)
			;
		if (!known[i])
			return refuse(o, "unknown key '%.64s'%s", key,
				      rf_nearest(key, known, sizeof(known[0]), nearest));
	}
	return 0;
}

/* A member of a type, or NULL in *ret when it is not there or null. */
static int member(struct oci *o, json_t *object, const char *key, json_type type,
		  const char *what, json_t **ret)
{
	json_t *value = json_object_get(object, key);

	*ret = NULL;
	if (!value || json_is_null(value))
		return 0;
	if (json_typeof(value) != type)
		return refuse(o, "'%s' is no %s", key, what);
	*ret = value;
	return 0;
}

static int member_errno(struct oci *o, json_t *object, const char *key, uint32_t *ret)
{
	json_t *value;
	int r = member(o, object, key, JSON_INTEGER, "number", &value);

	if (r < 0 || !value)
		return r;
	if (json_integer_value(value) < 0 || json_integer_value(value) > SECCOMP_RET_DATA)
		return refuse(o, "'%s' is out of range", key);
	*ret = (uint32_t)json_integer_value(value);
	return 0;
}

/* errnoRet, or Podman's errno by name, which goes before it. */
static int either_errno(struct oci *o, json_t *object, const char *number, const char *name,
			uint32_t *ret)
{
	json_t *value = NULL;
	const char *word;
	int r, code;

	r = member_errno(o, object, number, ret);
	if (!r)
		r = member(o, object, name, JSON_STRING, "text", &value);
	word = json_string_value(value);
	if (r < 0 || !word || !word[0])
		return r;
	code = rf_errno_find(word);
	if (code < 0)
		return refuse(o, "'%s': no error '%.32s'", name, word);
	*ret = (uint32_t)code;
	return 0;
}

static int action_of(struct oci *o, const char *key, const char *word, uint32_t code, uint32_t *ret)
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

	for (size_t i = 0; actions[i].name; i++)
		if (strcmp(actions[i].name, word) == 0) {
			*ret = actions[i].action | (actions[i].has_code ? code : 0);
			return 0;
		}
	return refuse(o, "'%s': no action '%.64s'%s", key, word,
		      rf_nearest(word, actions, sizeof(actions[0]), nearest));
}

/* ------------------------------------------------------- architectures */

static const struct rf_word arch_words[] = {
	{ "SCMP_ARCH_X86_64", RF_ABI_X86_64 }, { "SCMP_ARCH_X86", RF_ABI_I386 },
	{ "SCMP_ARCH_X32", RF_ABI_X32 }, { "SCMP_ARCH_ARM", RF_ABI_ARM },
	{ "SCMP_ARCH_AARCH64", RF_ABI_AARCH64 }, { NULL, 0 }
};

/* Those of other machines count for nothing. */
static int arch_add(struct oci *o, json_t *value, unsigned int *abis)
{
	const char *word = json_string_value(value);

	if (!word || strncmp(word, "SCMP_ARCH_", 10))
		return refuse(o, "an architecture is SCMP_ARCH_...");
	if (strcmp(word, "SCMP_ARCH_NATIVE") == 0)
		*abis |= 1U << o->p->machine;
	for (const struct rf_word *a = arch_words; a->name; a++)
		if (strcmp(a->name, word) == 0 &&
		    rf_abi_defs[a->value].family == o->p->machine)
			*abis |= 1U << a->value;
	return 0;
}

static int arch_list(struct oci *o, json_t *list, unsigned int *abis)
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
static int arch_map(struct oci *o, json_t *map, unsigned int *abis)
{
	static const char *const keys[] = { "architecture", "subArchitectures", NULL };
	json_t *value, *sub = NULL;
	size_t i;
	int r;

	json_array_foreach(map, i, value) {
		unsigned int here = 0;

		if (!json_is_object(value))
			return refuse(o, "an entry of 'archMap' is no object");
		r = only_keys(o, value, keys);
		if (!r)
			r = arch_add(o, json_object_get(value, "architecture"), &here);
		if (!r)
			r = member(o, value, "subArchitectures", JSON_ARRAY, "list", &sub);
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

static int read_architectures(struct oci *o, json_t *root)
{
	unsigned int abis = 0;
	json_t *list = NULL, *map = NULL;
	int r;

	r = member(o, root, "architectures", JSON_ARRAY, "list", &list);
	if (!r)
		r = member(o, root, "archMap", JSON_ARRAY, "list", &map);
	if (r < 0)
		return r;
	if (json_array_size(list) && json_array_size(map))
		return refuse(o, "both 'architectures' and 'archMap'");
	r = arch_list(o, list, &abis);
	if (!r)
		r = arch_map(o, map, &abis);
	if (r < 0)
		return r;
	/* that of the machine is always among them, as with libseccomp */
	o->p->abis = abis | 1U << o->p->machine;
	return 0;
}

/* ------------------------------------------------------------ conditions */

static int arg_number(struct oci *o, json_t *arg, const char *key, uint64_t *ret)
{
	json_t *value = json_object_get(arg, key);

	*ret = 0;
	if (!value)
		return 0;
	/* what is beyond 63 bits is a real to the reader, and not exact */
	if (!json_is_integer(value))
		return refuse(o, "'%s' is no number of at most 63 bits", key);
	*ret = (uint64_t)json_integer_value(value);
	return 0;
}

static int read_arg(struct oci *o, json_t *arg, struct rf_cond *c)
{
	static const char *const keys[] = { "index", "value", "valueTwo", "op", NULL };
	static const struct rf_word ops[] = {
		{ "SCMP_CMP_NE", RF_COND_NE }, { "SCMP_CMP_LT", RF_COND_LT },
		{ "SCMP_CMP_LE", RF_COND_LE }, { "SCMP_CMP_EQ", RF_COND_EQ },
		{ "SCMP_CMP_GE", RF_COND_GE }, { "SCMP_CMP_GT", RF_COND_GT },
		{ "SCMP_CMP_MASKED_EQ", -1 }, { NULL, 0 }
	};
	const struct rf_word *op;
	const char *word;
	uint64_t index = 0, one = 0, two = 0;
	int r;

	if (!json_is_object(arg))
		return refuse(o, "an entry of 'args' is no object");
	r = only_keys(o, arg, keys);
	if (!r)
		r = arg_number(o, arg, "index", &index);
	if (!r)
		r = arg_number(o, arg, "value", &one);
	if (!r)
		r = arg_number(o, arg, "valueTwo", &two);
	if (r < 0)
		return r;
	word = json_string_value(json_object_get(arg, "op"));
	for (op = ops; op->name && (!word || strcmp(op->name, word)); op++)
		;
	if (!op->name)
		return refuse(o, "no comparison '%.32s'", word ? word : "");
	if (index > 5)
		return refuse(o, "a call has six arguments, 0 ... 5");
	c->values = rf_policy_alloc(o->p, sizeof(c->values[0]));
	if (!c->values)
		return no_memory(o);
	c->nr = 1;
	c->arg = (unsigned int)index;
	c->op = op->value < 0 ? RF_COND_EQ : (enum rf_cond_op)op->value;
	c->mask = op->value < 0 ? one : UINT64_MAX;
	c->values[0] = op->value < 0 ? two : one;
	return 0;
}

static int read_args(struct oci *o, json_t *args, struct rf_rule *rule)
{
	struct rf_place place = { .file = o->name };
	size_t i, nr = json_array_size(args);
	json_t *arg;
	int r;

	if (!nr)
		return 0;
	if (nr > RF_POLICY_CONDS_MAX)
		return refuse(o, "more than %d 'args'", RF_POLICY_CONDS_MAX);
	rule->conds = rf_policy_alloc(o->p, nr * sizeof(rule->conds[0]));
	if (!rule->conds)
		return no_memory(o);
	json_array_foreach(args, i, arg) {
		r = read_arg(o, arg, &rule->conds[i]);
		if (!r)
			r = rf_cond_check(rule, &rule->conds[i], &place, o->err);
		if (r < 0)
			return r;
	}
	rule->nr_conds = nr;
	return 0;
}

/* ---------------------------------------------------- includes, excludes */

/* Docker's names of architectures. */
static bool is_this_machine(const struct oci *o, const char *word)
{
	if (o->p->machine == RF_ABI_X86_64)
		return !strcmp(word, "amd64") || !strcmp(word, "x86_64");
	return !strcmp(word, "arm64") || !strcmp(word, "aarch64");
}

static int kernel_reached(struct oci *o, const char *min, bool *ret)
{
	unsigned int want[2], have[2];
	struct utsname u;
	char end;

	if (sscanf(min, "%u.%u%c", &want[0], &want[1], &end) != 2)
		return refuse(o, "'minKernel' is VERSION.PATCHLEVEL");
	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &have[0], &have[1]) != 2)
		return refuse(o, "the kernel does not say its version");
	*ret = have[0] > want[0] || (have[0] == want[0] && have[1] >= want[1]);
	return 0;
}

/* The bit of "CAP_SYS_ADMIN", 0 for a name that no kernel has. */
static uint64_t cap_bit(const char *word)
{
	static const char *const names[] = {
		"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID",
		"SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST",
		"NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO",
		"SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
		"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE",
		"AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM",
		"BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
	};

	if (strncmp(word, "CAP_", 4) == 0)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (strcmp(names[i], word + 4) == 0)
				return UINT64_C(1) << i;
	return 0;
}

static int caps_held(struct oci *o, json_t *caps, bool all, bool *ret)
{
	json_t *value;
	size_t i;

	*ret = all;
	json_array_foreach(caps, i, value) {
		const char *word = json_string_value(value);
		bool held;

		if (!word)
			return refuse(o, "a capability is a name");
		held = o->p->capabilities & cap_bit(word);
		if (held != all)
			*ret = held;
	}
	return 0;
}

/*
 * Whether a rule with @filter applies, as Docker decides: `includes` needs all
 * capabilities, one of the architectures and the kernel; any of those that
 * `excludes` has rules it out.
 */
static int filter_holds(struct oci *o, json_t *filter, bool all, bool *ret)
{
	static const char *const keys[] = { "caps", "arches", "minKernel", NULL };
	json_t *caps = NULL, *arches = NULL, *kernel = NULL, *value;
	bool held = false, arch = false, reached = false;
	size_t i;
	int r;

	r = only_keys(o, filter, keys);
	if (!r)
		r = member(o, filter, "caps", JSON_ARRAY, "list", &caps);
	if (!r)
		r = member(o, filter, "arches", JSON_ARRAY, "list", &arches);
	if (!r)
		r = member(o, filter, "minKernel", JSON_STRING, "text", &kernel);
	if (!r && kernel)
		r = kernel_reached(o, json_string_value(kernel), &reached);
	if (!r)
		r = caps_held(o, caps, all, &held);
	if (r < 0)
		return r;
	json_array_foreach(arches, i, value)
		if (json_is_string(value) && is_this_machine(o, json_string_value(value)))
			arch = true;
	if (all)
		*ret = held && (!json_array_size(arches) || arch) && (!kernel || reached);
	else
		*ret = held || arch || reached;
	return 0;
}

static int rule_applies(struct oci *o, json_t *entry, bool *ret)
{
	json_t *includes = NULL, *excludes = NULL;
	bool in = true, out = false;
	int r;

	r = member(o, entry, "includes", JSON_OBJECT, "object", &includes);
	if (!r)
		r = member(o, entry, "excludes", JSON_OBJECT, "object", &excludes);
	if (!r && includes)
		r = filter_holds(o, includes, true, &in);
	if (!r && excludes)
		r = filter_holds(o, excludes, false, &out);
	*ret = in && !out;
	return r;
}

/* ----------------------------------------------------------------- rules */

static int name_add(struct oci *o, json_t *value, struct rf_rule *rule)
{
	const char *name = json_string_value(value);
	int call;

	if (!name || strlen(name) > 64)
		return refuse(o, "the name of a call is text");
	call = rf_call_find(name);
	if (call >= 0) {
		rf_rule_set(rule, call);
		for (int abi = 0; abi < RF_ABI_NR; abi++)
			if (rf_calls[call].nr[abi] > o->p->horizon[abi])
				o->p->horizon[abi] = rf_calls[call].nr[abi];
		return 0;
	}
	/* newer or older than our table, or of another machine */
	if (!rf_policy_grow(o->p, &o->p->strangers, o->p->nr_strangers, &o->p->max_strangers,
			    sizeof(char *)))
		return no_memory(o);
	name = rf_policy_strndup(o->p, name, strlen(name));
	if (!name)
		return no_memory(o);
	o->p->strangers[o->p->nr_strangers++] = name;
	return 0;
}

static int read_names(struct oci *o, json_t *entry, struct rf_rule *rule)
{
	json_t *names = NULL, *name = NULL, *value;
	size_t i;
	int r;

	r = member(o, entry, "names", JSON_ARRAY, "list", &names);
	if (!r)
		r = member(o, entry, "name", JSON_STRING, "text", &name);
	if (r < 0)
		return r;
	if (!json_array_size(names) == !name)
		return refuse(o, name ? "both 'name' and 'names'" : "no 'names'");
	if (name)
		return name_add(o, name, rule);
	json_array_foreach(names, i, value)
		if ((r = name_add(o, value, rule)) < 0)
			return r;
	return 0;
}

/* The entry as one line, cut where it gets long. */
static char *entry_text(struct oci *o, json_t *entry)
{
	char *dump = json_dumps(entry, JSON_COMPACT), *text;
	size_t len;

	if (!dump)
		return NULL;
	len = strlen(dump);
	text = rf_policy_alloc(o->p, sizeof(o->where) + 168);
	if (text)
		snprintf(text, sizeof(o->where) + 168, "%s %.160s%s", o->where, dump,
			 len > 160 ? "..." : "");
	free(dump);
	return text;
}

static int add_rule(struct oci *o, const struct rf_rule *rule)
{
	struct rf_rule *copy = NULL;
	int r = rf_policy_add(o->p, &rule->place, &copy, o->err);

	if (!r)
		*copy = *rule;
	return r;
}

/*
 * Two conditions on one argument: runc takes each of them as a rule by itself,
 * so that any of them is enough.
 */
static int add_rules(struct oci *o, const struct rf_rule *rule)
{
	unsigned int seen = 0;
	bool apart = false;
	struct rf_rule one;
	int r;

	for (size_t i = 0; i < rule->nr_conds; i++) {
		apart |= seen >> rule->conds[i].arg & 1;
		seen |= 1U << rule->conds[i].arg;
	}
	if (!apart)
		return add_rule(o, rule);
	for (size_t i = 0; i < rule->nr_conds; i++) {
		one = *rule;
		one.conds = &rule->conds[i];
		one.nr_conds = 1;
		r = add_rule(o, &one);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_entry(struct oci *o, json_t *entry)
{
	static const char *const keys[] = { "names", "name", "action", "errnoRet", "errno",
					    "args", "includes", "excludes", "comment", NULL };
	/* places have no lines in JSON: the entry's number stands for them */
	struct rf_place place = { .file = o->name };
	struct rf_rule scratch = { .place = place };
	uint32_t code = o->default_errno;
	json_t *args = NULL;
	const char *word;
	bool applies = false;
	int r;

	if (!json_is_object(entry))
		return refuse(o, "no object");
	r = only_keys(o, entry, keys);
	if (!r)
		r = read_names(o, entry, &scratch);
	if (!r)
		r = either_errno(o, entry, "errnoRet", "errno", &code);
	if (r < 0)
		return r;
	word = json_string_value(json_object_get(entry, "action"));
	r = action_of(o, "action", word ? word : "", code, &scratch.action);
	if (!r)
		r = member(o, entry, "args", JSON_ARRAY, "list", &args);
	if (!r)
		r = read_args(o, args, &scratch);
	if (!r)
		r = rule_applies(o, entry, &applies);
	if (r < 0 || !applies)
		return r;
	scratch.text = entry_text(o, entry);
	return scratch.text ? add_rules(o, &scratch) : no_memory(o);
}

/* -------------------------------------------------------------- the whole */

static int read_flags(struct oci *o, json_t *root)
{
	static const struct rf_word words[] = {
		/* the filter is installed by a task of one thread: all threads have it */
		{ "SECCOMP_FILTER_FLAG_TSYNC", 0 },
		{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
		{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ NULL, 0 }
	};
	const struct rf_word *w;
	json_t *flags = NULL, *value;
	char nearest[64];
	size_t i;
	int r;

	r = member(o, root, "flags", JSON_ARRAY, "list", &flags);
	if (r < 0)
		return r;
	json_array_foreach(flags, i, value) {
		const char *word = json_string_value(value);

		for (w = words; w->name && (!word || strcmp(w->name, word)); w++)
			;
		if (!w->name)
			return refuse(o, "no flag '%.64s' here%s", word ? word : "",
				      word ? rf_nearest(word, words, sizeof(*words), nearest) : "");
		o->p->flags |= (uint32_t)w->value;
	}
	return 0;
}

static int read_default(struct oci *o, json_t *root)
{
	const char *word = json_string_value(json_object_get(root, "defaultAction"));
	int r;

	o->default_errno = EPERM;
	r = either_errno(o, root, "defaultErrnoRet", "defaultErrno", &o->default_errno);
	if (r < 0)
		return r;
	if (!word)
		return refuse(o, "no 'defaultAction'");
	r = action_of(o, "defaultAction", word, o->default_errno, &o->p->default_action);
	/* the default of rules that name no error is EPERM, not the profile's */
	o->default_errno = EPERM;
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

static int read_root(struct oci *o, json_t *root)
{
	static const char *const keys[] = { "defaultAction", "defaultErrnoRet", "defaultErrno",
					    "architectures", "archMap", "flags", "syscalls",
					    "listenerPath", "listenerMetadata", NULL };
	json_t *calls = NULL, *entry, *listener = NULL;
	size_t i;
	int r;

	r = only_keys(o, root, keys);
	if (!r)
		r = member(o, root, "listenerPath", JSON_STRING, "text", &listener);
	if (!r && listener && json_string_length(listener))
		r = refuse(o, "'listenerPath': ringfence hands notifications to no other program");
	if (!r)
		r = member(o, root, "listenerMetadata", JSON_STRING, "text", &listener);
	if (!r && listener && json_string_length(listener))
		r = refuse(o, "'listenerMetadata' goes with 'listenerPath', which is refused");
	if (!r)
		r = read_default(o, root);
	if (!r)
		r = read_architectures(o, root);
	if (!r)
		r = read_flags(o, root);
	if (!r)
		r = member(o, root, "syscalls", JSON_ARRAY, "list", &calls);
	if (r < 0)
		return r;
	json_array_foreach(calls, i, entry) {
		snprintf(o->where, sizeof(o->where), "syscalls[%zu]", i);
		r = read_entry(o, entry);
		if (r < 0)
			return r;
	}
	return 0;
}

int rf_policy_read_oci(struct rf_policy *p, const char *name, const char *text, size_t len,
		       struct rf_err *err)
{
	struct oci o = { .p = p, .err = err, .name = rf_policy_strndup(p, name, strlen(name)) };
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
	r = json_is_object(root) ? read_root(&o, root) : refuse(&o, "no object");
	json_decref(root);
	return r;
}
