/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One op as a line of text, by the argument descriptors of its row:
 *
 *	open_tree dir=%3 "usr" flags=clone,recursive -> %7
 *
 * %N is slot N.  An argument that is "none" or zero where that means nothing
 * is left out.  Whatever the data, the line is valid UTF-8 without control
 * characters, so it can go to a terminal or into JSON.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"

#define BLOB_SHOWN 64		/* bytes of a blob that are printed */

_Static_assert(RF_CLONE_CONTEXT == 0 && RF_CLONE_INIT == 1 && RF_CLONE_PAYLOAD == 2 &&
	       RF_CLONE_APART == 3,
	       "clone_as[] in op_table.c names these");

struct out {
	char	*buf;
	size_t	 size, len;	/* len: as if there were room for all */
};

static void put_mem(struct out *o, const char *s, size_t n)
{
	if (o->len < o->size) {
		size_t room = o->size - o->len;

		memcpy(o->buf + o->len, s, n < room ? n : room);
	}
	o->len += n;
}

static void put(struct out *o, const char *s)
{
	put_mem(o, s, strlen(s));
}

__attribute__((format(printf, 2, 3)))
static void putf(struct out *o, const char *fmt, ...)
{
	char tmp[64];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(tmp, sizeof(tmp), fmt, ap);
	va_end(ap);
	if (n > 0)
		put_mem(o, tmp, (size_t)n < sizeof(tmp) ? (size_t)n : sizeof(tmp) - 1);
}

/*
 * Length of the printable UTF-8 sequence at @s, at most @n bytes; 0: there is
 * none.  Overlong forms, surrogates and control characters are not printable.
 */
static size_t utf8_len(const unsigned char *s, size_t n)
{
	static const struct { unsigned char mask, lead; uint32_t min; } forms[] = {
		{ 0xe0, 0xc0, 0xa0 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 },
	};

	if (*s < 0x80)
		return *s >= 0x20 && *s != 0x7f;
	for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
		size_t len = f + 2;
		uint32_t c = (uint32_t)(*s & ~forms[f].mask);

		if ((*s & forms[f].mask) != forms[f].lead)
			continue;
		if (len > n)
			return 0;
		for (size_t i = 1; i < len; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (s[i] & 0x3f);
		}
		if (c < forms[f].min || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return 0;
		return len;
	}
	return 0;
}

static void put_quoted(struct out *o, const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;

	put(o, "\"");
	for (size_t i = 0; i < len;) {
		size_t n = utf8_len(s + i, len - i);

		if (s[i] == '"' || s[i] == '\\')
			putf(o, "\\%c", s[i]);
		else if (s[i] == '\n')
			put(o, "\\n");
		else if (s[i] == '\t')
			put(o, "\\t");
		else if (n)
			put_mem(o, text + i, n);
		else
			putf(o, "\\x%02x", s[i]);
		i += n ? n : 1;
	}
	put(o, "\"");
}

static void put_string(struct out *o, const char *s)
{
	put_quoted(o, s, strlen(s));
}

/* Bare where that cannot be misread, else quoted. */
static void put_word(struct out *o, const char *s)
{
	size_t len = strcspn(s, " ,=\"\\\t\n");

	if (len && !s[len] && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789-_+./:%@") == len)
		put(o, s);
	else
		put_string(o, s);
}

/* ------------------------------------------------------ values with names */

static const char *name_of(const struct rf_name *names, uint64_t value)
{
	for (; names && names->name; names++)
		if (names->value == value)
			return names->name;
	return NULL;
}

/* Is this value one that goes without saying? */
static bool is_implied(const struct rf_arg *a, uint64_t value)
{
	const char *name = name_of(a->names, value);

	return name && !*name;
}

/* Those bits of @value that a line shows. */
static uint64_t shown_flags(const struct rf_name *names, uint64_t value)
{
	for (; names && names->name; names++)
		if (!*names->name)
			value &= ~names->value;
	return value;
}

static void put_flags(struct out *o, const struct rf_name *names, uint64_t value)
{
	const char *comma = "";

	for (; names && names->name; names++) {
		if (!names->value || (value & names->value) != names->value)
			continue;
		value &= ~names->value;
		if (!*names->name)
			continue;
		put(o, comma);
		put(o, names->name);
		comma = ",";
	}
	if (value)
		putf(o, "%s0x%" PRIx64, comma, value);
}

static void put_enum(struct out *o, const struct rf_name *names, uint32_t value)
{
	const char *name = name_of(names, value);

	if (name)
		put(o, name);
	else
		putf(o, "%" PRIu32, value);
}

/* Bit n of a set is named by names[n]; the sets of ops are 64 bits wide. */
static void put_set(struct out *o, const char *const *names, unsigned int nr, uint64_t set)
{
	const char *comma = "";

	if (!set)
		put(o, "none");
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (!(set >> bit & 1))
			continue;
		put(o, comma);
		if (bit < nr && names[bit])
			put(o, names[bit]);
		else
			putf(o, "%u", bit);
		comma = ",";
	}
}

static const char *const cap_names[] = {
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid",
	"setuid", "setpcap", "linux_immutable", "net_bind_service", "net_broadcast",
	"net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio",
	"sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
	"sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write",
	"audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm",
	"block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore",
};
#define NR_CAPS (sizeof(cap_names) / sizeof(cap_names[0]))

const char *rf_cap_name(size_t nr)
{
	return nr < NR_CAPS ? cap_names[nr] : NULL;
}

/* Bit n is signal n + 1. */
static const char *const signal_names[] = {
	"HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV",
	"USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN",
	"TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "POLL", "PWR", "SYS",
};
#define NR_SIGNALS (sizeof(signal_names) / sizeof(signal_names[0]))

static void put_caps(struct out *o, uint64_t set)
{
	if (set == (UINT64_C(1) << NR_CAPS) - 1)
		put(o, "all");
	else
		put_set(o, cap_names, NR_CAPS, set);
}

static void put_sigset(struct out *o, uint64_t set)
{
	if (set == UINT64_MAX)
		put(o, "all");
	else
		put_set(o, signal_names, NR_SIGNALS, set);
}

static void put_signal(struct out *o, uint32_t sig)
{
	if (!sig)
		put(o, "none");
	else if (sig <= NR_SIGNALS)
		put(o, signal_names[sig - 1]);
	else
		putf(o, "%" PRIu32, sig);
}

static void put_dev(struct out *o, uint64_t dev)
{
	putf(o, "%" PRIu64 ":%" PRIu64, (dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00));
}

/* ----------------------------------------------------------------- arrays */

static void put_blob(struct out *o, const char *data, uint32_t len)
{
	put_quoted(o, data, len < BLOB_SHOWN ? len : BLOB_SHOWN);
	if (len > BLOB_SHOWN)
		putf(o, "...(%" PRIu32 " bytes)", len);
}

static void put_pairs(struct out *o, const char *data, uint32_t len)
{
	const char *end = data + len, *comma = "";

	while (data < end) {
		const char *value = data + strlen(data) + 1;

		put(o, comma);
		put_word(o, data);
		if (*value) {
			put(o, "=");
			put_word(o, value);
		}
		comma = ",";
		data = value + strlen(value) + 1;
	}
}

static void put_numbers(struct out *o, const char *data, uint32_t len, const char *prefix)
{
	put(o, "[");
	for (uint32_t at = 0; at + sizeof(uint32_t) <= len; at += sizeof(uint32_t)) {
		uint32_t n;

		memcpy(&n, data + at, sizeof(n));
		putf(o, "%s%s%" PRIu32, at ? "," : "", prefix, n);
	}
	put(o, "]");
}

static void put_fsfds(struct out *o, const struct rf_chain *c, const struct rf_blob *b)
{
	struct rf_fsopt_fd f;

	for (uint32_t at = 0; at + sizeof(f) <= b->len; at += sizeof(f)) {
		memcpy(&f, c->data + b->off + at, sizeof(f));
		if (at)
			put(o, ",");
		put_word(o, c->data + f.key);
		putf(o, "=%%%" PRId32, f.slot);
	}
}

/* "/usr":execute,read-file, %3:read-file, port 443:connect-tcp */
static void put_rules(struct out *o, const struct rf_chain *c, const struct rf_arg *a,
		      const struct rf_blob *b)
{
	struct rf_landlock_op_rule rule;

	put(o, "[");
	for (uint32_t at = 0; at + sizeof(rule) <= b->len; at += sizeof(rule)) {
		memcpy(&rule, c->data + b->off + at, sizeof(rule));
		if (at)
			put(o, ", ");
		if (rule.flags & RF_LANDLOCK_PORT)
			putf(o, "port %" PRIu32 ":", rule.port);
		else if (rule.slot >= 0)
			putf(o, "%%%" PRId32 ":", rule.slot);
		else {
			put_string(o, c->data + rule.path);
			put(o, ":");
		}
		put_flags(o, rule.flags & RF_LANDLOCK_PORT ? rf_landlock_net_names : a->names,
			  rule.access);
		if (rule.flags & RF_LANDLOCK_OPTIONAL)
			put(o, ",optional");
	}
	put(o, "]");
}

/* A mask of numbers as ranges: 0-3,7. */
static void put_bits(struct out *o, const char *mask, uint32_t len)
{
	const char *comma = "";

	for (uint32_t n = 0; n < len * 8; n++) {
		uint32_t first = n;

#define IN_MASK(i) ((i) < len * 8 && ((unsigned char)mask[(i) / 8] >> ((i) % 8) & 1))
		if (!IN_MASK(n))
			continue;
		while (IN_MASK(n + 1))
			n++;
		putf(o, "%s%" PRIu32, comma, first);
		if (n > first)
			putf(o, "-%" PRIu32, n);
		comma = ",";
#undef IN_MASK
	}
}

static void put_vec(struct out *o, const struct rf_chain *c, const struct rf_vec *v)
{
	put(o, "[");
	for (uint32_t i = 0; i < v->nr; i++) {
		uint64_t at;

		memcpy(&at, c->data + v->off + i * sizeof(at), sizeof(at));
		if (i)
			put(o, ", ");
		put_string(o, c->data + at);
	}
	put(o, "]");
}

/* -------------------------------------------------------------- one argument */

/* Does argument @a at @p say anything? */
static bool is_said(const struct rf_arg *a, const void *p)
{
	switch ((enum rf_arg_type)a->type) {
	case RF_ARG_SLOT: case RF_ARG_FD:
		return *(const int32_t *)p >= 0;
	case RF_ARG_STR:
		return *(const rf_str *)p != 0;
	case RF_ARG_BLOB: case RF_ARG_BYTES: case RF_ARG_PAIRS: case RF_ARG_SLOTS:
	case RF_ARG_OUTS: case RF_ARG_FSFDS: case RF_ARG_BITS: case RF_ARG_RULES:
		return ((const struct rf_blob *)p)->len != 0;
	case RF_ARG_PROGRAM:
		return false;
	case RF_ARG_FLAGS64:
		return shown_flags(a->names, *(const uint64_t *)p) != 0;
	case RF_ARG_FLAGS32:
		return shown_flags(a->names, *(const uint32_t *)p) != 0;
	case RF_ARG_ENUM: case RF_ARG_U32: case RF_ARG_I32: case RF_ARG_OCTAL: case RF_ARG_ID:
		return !is_implied(a, *(const uint32_t *)p);
	case RF_ARG_U64: case RF_ARG_DEV:
		return !is_implied(a, *(const uint64_t *)p);
	case RF_ARG_VEC: case RF_ARG_IDS: case RF_ARG_CAPS: case RF_ARG_SIGSET:
	case RF_ARG_SIGNAL: case RF_ARG_LIMIT:
		return true;
	case RF_ARG_END:
		break;
	}
	return false;
}

static void put_array(struct out *o, const struct rf_chain *c, const struct rf_arg *a,
		      const struct rf_blob *b)
{
	const char *data = c->data + b->off;

	if (a->type == RF_ARG_BLOB)
		put_blob(o, data, b->len);
	else if (a->type == RF_ARG_BYTES)
		putf(o, "(%" PRIu32 " bytes)", b->len);
	else if (a->type == RF_ARG_PAIRS)
		put_pairs(o, data, b->len);
	else if (a->type == RF_ARG_IDS)
		put_numbers(o, data, b->len, "");
	else if (a->type == RF_ARG_FSFDS)
		put_fsfds(o, c, b);
	else if (a->type == RF_ARG_RULES)
		put_rules(o, c, a, b);
	else if (a->type == RF_ARG_BITS)
		put_bits(o, data, b->len);
	else
		put_numbers(o, data, b->len, "%");
}

static void put_value(struct out *o, const struct rf_chain *c, const struct rf_arg *a,
		      const void *p)
{
	const uint64_t *u64 = p;
	const uint32_t *u32 = p;
	const int32_t *i32 = p;

	switch ((enum rf_arg_type)a->type) {
	case RF_ARG_SLOT:	putf(o, "%%%" PRId32, *i32);			break;
	case RF_ARG_FD:		putf(o, "%" PRId32, *i32);			break;
	case RF_ARG_STR:	put_string(o, c->data + *u32);			break;
	case RF_ARG_FLAGS64:	put_flags(o, a->names, *u64);			break;
	case RF_ARG_FLAGS32:	put_flags(o, a->names, *u32);			break;
	case RF_ARG_ENUM:	put_enum(o, a->names, *u32);			break;
	case RF_ARG_U64:	putf(o, "%" PRIu64, *u64);			break;
	case RF_ARG_U32: case RF_ARG_ID:
				putf(o, "%" PRIu32, *u32);			break;
	case RF_ARG_I32:	putf(o, "%" PRId32, *i32);			break;
	case RF_ARG_OCTAL:	putf(o, "%04" PRIo32, *u32);			break;
	case RF_ARG_CAPS:	put_caps(o, *u64);				break;
	case RF_ARG_SIGSET:	put_sigset(o, *u64);				break;
	case RF_ARG_SIGNAL:	put_signal(o, *u32);				break;
	case RF_ARG_DEV:	put_dev(o, *u64);				break;
	case RF_ARG_LIMIT:
		if (*u64 == UINT64_MAX)
			put(o, "unlimited");
		else
			putf(o, "%" PRIu64, *u64);
		break;
	case RF_ARG_VEC:
		/* an environment holds secrets, and lines should not */
		if (*a->name)
			putf(o, "(%" PRIu32 ")", ((const struct rf_vec *)p)->nr);
		else
			put_vec(o, c, p);
		break;
	case RF_ARG_BLOB: case RF_ARG_BYTES: case RF_ARG_PAIRS: case RF_ARG_IDS:
	case RF_ARG_SLOTS: case RF_ARG_OUTS: case RF_ARG_FSFDS: case RF_ARG_BITS:
	case RF_ARG_RULES:
		put_array(o, c, a, p);
		break;
	case RF_ARG_PROGRAM: case RF_ARG_END:
		break;
	}
}

int rf_caps_print(uint64_t set, char *buf, size_t size)
{
	struct out o = { .buf = buf, .size = size };

	put_caps(&o, set);
	if (size)
		buf[o.len < size ? o.len : size - 1] = '\0';
	return (int)o.len;
}

int rf_op_print(const struct rf_chain *c, const struct rf_op *op, char *buf, size_t size)
{
	const struct rf_op_def *def = &rf_op_defs[op->kind];
	struct out o = { .buf = buf, .size = size };

	put(&o, def->name);
	for (const struct rf_arg *a = def->args; a < def->args + RF_ARGS_MAX && a->type; a++) {
		const void *p = (const char *)op + a->offset;

		if (!is_said(a, p))
			continue;
		put(&o, " ");
		if (*a->name) {
			put(&o, a->name);
			put(&o, "=");
		}
		put_value(&o, c, a, p);
	}
	if (op->out >= 0)
		putf(&o, " -> %%%" PRId32, op->out);
	if (op->out2 >= 0)
		putf(&o, " %%%" PRId32, op->out2);
	if (size)
		buf[o.len < size ? o.len : size - 1] = '\0';
	return (int)o.len;
}
