/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `process.scheduler`, `process.ioPriority`, `process.execCPUAffinity` and
 * `linux.memoryPolicy`: when the process runs, on what, and where its memory is.
 */
#include "oci_config.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <string.h>

#include "compat.h"
#include "spec.h"

/* ---------------------------------------------------------------- ioPriority */

static int read_io_class(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_word words[] = {
		{ "IOPRIO_CLASS_RT", 1 }, { "IOPRIO_CLASS_BE", 2 }, { "IOPRIO_CLASS_IDLE", 3 },
		{ NULL, 0 }
	};
	int value = 0, r = rf_oci_word(o, v, words, &value);

	(void)obj;
	if (r == 0)
		o->sb->oci.io_class = (uint32_t)value;
	return r;
}

static int read_io_level(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	uint64_t n = 0;
	int r = rf_oci_uint(o, v, 7, &n);

	(void)obj;
	if (r == 0)
		o->sb->oci.io_level = (uint32_t)n;
	return r;
}

int rf_oci_read_io_priority(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "class", .read = read_io_class },
		{ .name = "priority", .read = read_io_level },
		{ .name = NULL }
	};
	int r = rf_oci_map(o, v, keys, obj);

	if (r == 0 && !o->sb->oci.io_class)
		r = rf_oci_fail(o, v, "it has no `class`");
	o->sb->oci.has_ioprio = true;
	o->sb->oci.ioprio_place = v->place;
	return r;
}

/* ----------------------------------------------------------------- scheduler */

struct schedule {
	struct rf_sched	 s;
	bool		 has_policy;
};

static int read_policy(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_word words[] = {
		{ "SCHED_OTHER", SCHED_NORMAL }, { "SCHED_FIFO", SCHED_FIFO },
		{ "SCHED_RR", SCHED_RR }, { "SCHED_BATCH", SCHED_BATCH },
		{ "SCHED_IDLE", SCHED_IDLE }, { "SCHED_DEADLINE", SCHED_DEADLINE }, { NULL, 0 }
	};
	struct schedule *x = obj;
	int value = 0, r = rf_oci_word(o, v, words, &value);

	x->s.policy = (uint32_t)value;
	x->has_policy = true;
	return r;
}

static int add_flag(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_word words[] = {
		{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
		{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
		{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
		{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
		{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
		{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
		{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX }, { NULL, 0 }
	};
	int value = 0, r = rf_oci_word(o, v, words, &value);

	if (r == 0)
		*(uint32_t *)obj |= (uint32_t)value;
	return r;
}

static int read_flags(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_list(o, v, add_flag, obj);
}

static int read_nice(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	int64_t n = 0;
	int r = rf_oci_int(o, v, -20, 19, &n);

	if (r == 0)
		*(int32_t *)obj = (int32_t)n;
	return r;
}

static int read_priority(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	uint64_t n = 0;
	int r = rf_oci_uint(o, v, 99, &n);

	if (r == 0)
		*(uint32_t *)obj = (uint32_t)n;
	return r;
}

static int read_time(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_uint(o, v, INT64_MAX, obj);
}

int rf_oci_read_scheduler(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
#define FIELD(field) offsetof(struct schedule, s.field)
	static const struct rf_oci_key keys[] = {
		{ .name = "policy", .read = read_policy },
		{ .name = "nice", .read = read_nice, .offset = FIELD(nice) },
		{ .name = "priority", .read = read_priority, .offset = FIELD(priority) },
		{ .name = "flags", .read = read_flags, .offset = FIELD(flags) },
		{ .name = "runtime", .read = read_time, .offset = FIELD(runtime) },
		{ .name = "deadline", .read = read_time, .offset = FIELD(deadline) },
		{ .name = "period", .read = read_time, .offset = FIELD(period) },
		{ .name = NULL }
	};
#undef FIELD
	struct schedule x = { .has_policy = false };
	int r = rf_oci_map(o, v, keys, &x);

	(void)obj;
	if (r == 0 && !x.has_policy)
		r = rf_oci_fail(o, v, "it has no `policy`");
	o->sb->oci.sched = x.s;
	o->sb->oci.has_sched = true;
	o->sb->oci.sched_place = v->place;
	return r;
}

/* ------------------------------------------------- lists of processors, and of nodes */

#define BITS (sizeof(((struct rf_oci_sandbox *)NULL)->memory_nodes) * 8)

/* Digits from *@p on, which then is behind them. */
static bool take_number(const char **p, uint32_t *ret)
{
	uint32_t n = 0;
	const char *s = *p;

	for (; *s >= '0' && *s <= '9' && n < BITS; s++)
		n = n * 10 + (uint32_t)(*s - '0');
	if (s == *p || n >= BITS)
		return false;
	*p = s;
	*ret = n;
	return true;
}

/* "0-3,7", as the kernel has it in its files. */
static bool parse_bits(const char *text, uint64_t *mask)
{
	for (;; text++) {
		uint32_t from, to;

		if (!take_number(&text, &from))
			return false;
		to = from;
		if (*text == '-' && (text++, !take_number(&text, &to)))
			return false;
		if (to < from)
			return false;
		for (; from <= to; from++)
			mask[from / 64] |= 1ULL << (from % 64);
		if (!*text)
			return true;
		if (*text != ',')
			return false;
	}
}

static int read_bits(struct rf_oci_reader *o, const struct rf_node *v, uint64_t *mask, bool *ret_has,
		     struct rf_place *ret_place)
{
	const char *text = NULL;
	int r = rf_oci_text(o, v, &text);

	if (r < 0 || !*text)
		return r;
	if (!parse_bits(text, mask))
		return rf_oci_fail(o, v, "'%.40s' is no list as 0-3,7 of numbers below %zu", text, BITS);
	*ret_has = true;
	*ret_place = v->place;
	return 0;
}

/* ------------------------------------------------------------ execCPUAffinity */

static int read_initial(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct rf_oci_sandbox *x = &o->sb->oci;

	(void)obj;
	return read_bits(o, v, x->initial, &x->has_initial, &x->initial_place);
}

static int read_final(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct rf_oci_sandbox *x = &o->sb->oci;

	(void)obj;
	return read_bits(o, v, x->final, &x->has_final, &x->final_place);
}

int rf_oci_read_exec_affinity(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "initial", .read = read_initial },
		{ .name = "final", .read = read_final },
		{ .name = NULL }
	};

	return rf_oci_map(o, v, keys, obj);
}

/* --------------------------------------------------------------- memoryPolicy */

static const struct rf_word memory_modes[] = {
	{ "MPOL_DEFAULT", MPOL_DEFAULT }, { "MPOL_PREFERRED", MPOL_PREFERRED },
	{ "MPOL_BIND", MPOL_BIND }, { "MPOL_INTERLEAVE", MPOL_INTERLEAVE },
	{ "MPOL_LOCAL", MPOL_LOCAL }, { "MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY },
	{ "MPOL_WEIGHTED_INTERLEAVE", RF_MPOL_WEIGHTED_INTERLEAVE }, { NULL, 0 }
};

static const struct rf_word memory_flags[] = {
	{ "MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING },
	{ "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
	{ "MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES }, { NULL, 0 }
};

const char *rf_oci_memory_mode(size_t index)
{
	return memory_modes[index].name;
}

const char *rf_oci_memory_flag(size_t index)
{
	return memory_flags[index].name;
}

struct memory {
	int		 mode;		/* -1: not said */
	uint32_t	 flags;
	bool		 has_nodes;
};

static int read_mode(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_word(o, v, memory_modes, &((struct memory *)obj)->mode);
}

static int add_memory_flag(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	int value = 0, r = rf_oci_word(o, v, memory_flags, &value);

	((struct memory *)obj)->flags |= (uint32_t)value;
	return r;
}

static int read_memory_flags(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_list(o, v, add_memory_flag, obj);
}

static int read_nodes(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct rf_place place;

	return read_bits(o, v, o->sb->oci.memory_nodes, &((struct memory *)obj)->has_nodes, &place);
}

/* What no kernel takes: set_mempolicy(2). */
static int check_memory(struct rf_oci_reader *o, const struct rf_node *v, const struct memory *m)
{
	const uint32_t both = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;
	bool plain = m->mode == MPOL_DEFAULT || m->mode == MPOL_LOCAL;

	if (m->mode < 0)
		return rf_oci_fail(o, v, "it has no `mode`");
	if (plain && (m->has_nodes || m->flags))
		return rf_oci_fail(o, v, "this mode has neither `nodes` nor `flags`");
	if (!plain && m->mode != MPOL_PREFERRED && !m->has_nodes)
		return rf_oci_fail(o, v, "this mode needs `nodes`");
	if ((m->flags & both) == both)
		return rf_oci_fail(o, v, "nodes are either static or relative");
	return 0;
}

int rf_oci_read_memory_policy(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "mode", .read = read_mode },
		{ .name = "nodes", .read = read_nodes },
		{ .name = "flags", .read = read_memory_flags },
		{ .name = NULL }
	};
	struct rf_oci_sandbox *x = &o->sb->oci;
	struct memory m = { .mode = -1 };
	int r = rf_oci_map(o, v, keys, &m);

	(void)obj;
	if (r == 0)
		r = check_memory(o, v, &m);
	x->has_memory_policy = true;
	x->memory_mode = (uint32_t)m.mode;
	x->memory_flags = m.flags;
	x->memory_place = v->place;
	return r;
}
