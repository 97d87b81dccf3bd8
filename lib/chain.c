/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Building and checking chains.  Nothing here makes a system call.
 */
#include "chain.h"

#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "error.h"
#include "sandbox.h"

#define FIRST_DATA	16384U
#define FIRST_OPS	192U

struct rf_chain *rf_chain_new(void)
{
	struct rf_chain *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	/* offset 0 means "none" everywhere: the data area starts with a NUL */
	/* room for an ordinary sandbox: growing copies, and costs a mapping each time */
	c->data = calloc(1, FIRST_DATA);
	c->max_data = FIRST_DATA;
	c->data_len = 8;
	c->origins = calloc(1, 16 * sizeof(*c->origins));
	c->max_origins = 16;
	c->nr_origins = 1;
	if (!c->data || !c->origins)
		return rf_chain_free(c);
	return c;
}

struct rf_chain *rf_chain_free(struct rf_chain *c)
{
	if (!c)
		return NULL;
	free(c->ops);
	free(c->data);
	free(c->origins);
	free(c->given);
	free(c->keep);
	free(c);
	return NULL;
}

/* False: no memory.  A NULL of nothing is fine. */
static bool copy_array(void *to, const void *from, size_t nr, size_t size)
{
	void *p = nr ? malloc(nr * size) : NULL;

	if (nr && !p)
		return false;
	if (nr)
		memcpy(p, from, nr * size);
	memcpy(to, &p, sizeof(p));
	return true;
}

struct rf_chain *rf_chain_copy(const struct rf_chain *from)
{
	struct rf_chain *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	*c = *from;
	c->ops = NULL;
	c->data = NULL;
	c->origins = NULL;
	c->given = NULL;
	c->keep = NULL;
	c->max_ops = c->nr_ops;
	c->max_data = c->data_len;
	c->max_origins = c->nr_origins;
	c->max_given = c->nr_given;
	c->max_keep = c->nr_keep;
	if (!copy_array(&c->ops, from->ops, c->nr_ops, sizeof(*c->ops)) ||
	    !copy_array(&c->data, from->data, c->data_len, 1) ||
	    !copy_array(&c->origins, from->origins, c->nr_origins, sizeof(*c->origins)) ||
	    !copy_array(&c->given, from->given, c->nr_given, sizeof(*c->given)) ||
	    !copy_array(&c->keep, from->keep, c->nr_keep, sizeof(*c->keep)))
		return rf_chain_free(c);
	return c;
}

static void fail(struct rf_chain *c, int error)
{
	if (!c->error)
		c->error = error;
}

/* Make room for one more element in the array at *@array. False: it failed. */
static bool grow(struct rf_chain *c, void **array, uint32_t nr, uint32_t *max,
		 size_t size, uint32_t limit)
{
	uint32_t more;
	void *p;

	if (c->error)
		return false;
	if (nr < *max)
		return true;
	if (nr >= limit) {
		fail(c, E2BIG);
		return false;
	}
	more = *max ? *max * 2 : FIRST_OPS;
	p = realloc(*array, more * size);
	if (!p) {
		fail(c, ENOMEM);
		return false;
	}
	*array = p;
	*max = more;
	return true;
}

/* Every slot argument of a fresh op is "none". */
static void clear_slots(struct rf_op *op)
{
	const struct rf_arg *a = rf_op_defs[op->kind].args;

	op->out = op->out2 = RF_SLOT_NONE;
	for (; a < rf_op_defs[op->kind].args + RF_ARGS_MAX && a->type; a++)
		if (a->type == RF_ARG_SLOT || a->type == RF_ARG_FD)
			*(int32_t *)((char *)op + a->offset) = -1;
}

struct rf_op *rf_chain_add(struct rf_chain *c, enum rf_op_kind kind)
{
	struct rf_op *op = &c->lost;

	if (grow(c, (void **)&c->ops, c->nr_ops, &c->max_ops, sizeof(*op), RF_OPS_MAX))
		op = &c->ops[c->nr_ops++];
	memset(op, 0, sizeof(*op));
	op->kind = (uint8_t)kind;
	op->origin = c->origin;
	clear_slots(op);
	return op;
}

/* Reserve @len bytes of the data area, aligned; offset, or 0 after a failure. */
static uint32_t reserve(struct rf_chain *c, size_t len, uint32_t align)
{
	uint32_t off = (c->data_len + align - 1) & ~(align - 1);

	if (c->error)
		return 0;
	if (len > RF_DATA_MAX || off + len > RF_DATA_MAX) {
		fail(c, E2BIG);
		return 0;
	}
	if (off + len > c->max_data) {
		uint32_t more = c->max_data;
		char *p;

		while (more < off + len)
			more *= 2;
		p = realloc(c->data, more);
		if (!p) {
			fail(c, ENOMEM);
			return 0;
		}
		c->data = p;
		c->max_data = more;
	}
	memset(c->data + c->data_len, 0, off - c->data_len);
	c->data_len = off + (uint32_t)len;
	return off;
}

static uint32_t store(struct rf_chain *c, const void *data, size_t len, uint32_t align)
{
	uint32_t off = reserve(c, len, align);

	if (off && len)
		memcpy(c->data + off, data, len);
	return off;
}

rf_str rf_chain_str(struct rf_chain *c, const char *s)
{
	return s ? store(c, s, strlen(s) + 1, 1) : 0;
}

struct rf_blob rf_chain_blob(struct rf_chain *c, const void *data, size_t len)
{
	struct rf_blob b = { 0, 0 };

	if (!len)
		return b;
	b.off = store(c, data, len, 8);
	b.len = b.off ? (uint32_t)len : 0;
	return b;
}

struct rf_vec rf_chain_vec(struct rf_chain *c, char *const strings[])
{
	struct rf_vec v = { 0, 0 };
	uint32_t nr = 0, off;

	while (strings && strings[nr])
		nr++;
	off = reserve(c, ((size_t)nr + 1) * sizeof(uint64_t), 8);
	if (!off)
		return v;
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t at = rf_chain_str(c, strings[i]);

		if (c->error)
			return v;
		memcpy(c->data + off + i * sizeof(at), &at, sizeof(at));
	}
	memset(c->data + off + nr * sizeof(uint64_t), 0, sizeof(uint64_t));
	v.off = off;
	v.nr = nr;
	return v;
}

int32_t rf_chain_slot(struct rf_chain *c)
{
	if (c->nr_slots >= RF_SLOTS_MAX) {
		fail(c, E2BIG);
		return 0;
	}
	return c->nr_slots++;
}

uint32_t rf_chain_entry(struct rf_chain *c)
{
	return c->nr_entries++;
}

int32_t rf_chain_differs(const struct rf_chain *c, const struct rf_chain *head)
{
	for (uint32_t i = 0; i < head->nr_ops; i++)
		if (i >= c->nr_ops || memcmp(&c->ops[i], &head->ops[i], sizeof(*c->ops)) != 0)
			return (int32_t)i;
	/* strings come in the order of the ops, so all of the head's are in front */
	if (c->data_len < head->data_len || memcmp(c->data, head->data, head->data_len) != 0 ||
	    c->nr_slots < head->nr_slots || c->nr_entries < head->nr_entries ||
	    c->own_image != head->own_image)
		return (int32_t)head->nr_ops - 1;
	return -1;
}

void rf_chain_keep(struct rf_chain *c, int fd)
{
	if (grow(c, (void **)&c->keep, c->nr_keep, &c->max_keep, sizeof(*c->keep), RF_SLOTS_MAX))
		c->keep[c->nr_keep++] = fd;
}

int rf_chain_give(struct rf_chain *c, int fd)
{
	if (fd < 0)
		return -EINVAL;
	if (!grow(c, (void **)&c->given, c->nr_given, &c->max_given, sizeof(*c->given),
		  RF_SLOTS_MAX))
		return -c->error;
	c->given[c->nr_given].slot = rf_chain_slot(c);
	c->given[c->nr_given].fd = fd;
	return c->given[c->nr_given++].slot;
}

void rf_chain_set_place(struct rf_chain *c, const struct rf_place *place)
{
	const struct rf_origin *last = &c->origins[c->nr_origins - 1];
	struct rf_origin o = { 0, 0, 0 };

	if (!place || !place->file) {
		c->origin = 0;
		return;
	}
	if (c->nr_origins > 1 && last->line == place->line && last->col == place->col &&
	    !strcmp(c->data + last->file, place->file)) {
		c->origin = c->nr_origins - 1;
		return;
	}
	/* a spec has one or two names: reuse the last one's copy */
	if (c->nr_origins > 1 && !strcmp(c->data + last->file, place->file))
		o.file = last->file;
	else
		o.file = rf_chain_str(c, place->file);
	o.line = place->line;
	o.col = place->col;
	if (!grow(c, (void **)&c->origins, c->nr_origins, &c->max_origins, sizeof(o), RF_OPS_MAX))
		return;
	c->origins[c->nr_origins] = o;
	c->origin = c->nr_origins++;
}

int rf_chain_cut(struct rf_chain *c, int index)
{
	if (index < 0 || (uint32_t)index > c->nr_ops)
		return -EINVAL;
	for (uint32_t i = (uint32_t)index; i < c->nr_ops; i++) {
		c->nr_gates -= c->ops[i].kind == RF_OP_GATE;
		if (c->ops[i].kind == RF_OP_CLONE && c->ops[i].u.clone.as == RF_CLONE_INIT)
			c->has_init = false;
	}
	if (c->own_from && c->own_from >= (uint32_t)index) {
		c->own_image = false;
		c->own_from = 0;
	}
	c->nr_ops = (uint32_t)index;
	return 0;
}

int rf_chain_nr(const struct rf_chain *c)
{
	return (int)c->nr_ops;
}

const char *rf_chain_op_name(const struct rf_chain *c, int index)
{
	if (index < 0 || (uint32_t)index >= c->nr_ops)
		return NULL;
	return rf_op_defs[c->ops[index].kind].name;
}

int rf_chain_print(const struct rf_chain *c, int index, char *buf, size_t size)
{
	if (index < 0 || (uint32_t)index >= c->nr_ops)
		return -EINVAL;
	return rf_op_print(c, &c->ops[index], buf, size);
}

int rf_op_link(struct rf_chain *c, int index, enum rf_link link)
{
	if (index < 0 || (uint32_t)index >= c->nr_ops || (link != RF_LINK && link != RF_LINK_HARD)) {
		fail(c, EINVAL);
		return -EINVAL;
	}
	if (link == RF_LINK_HARD)
		c->ops[index].flags |= RF_OP_F_HARD;
	else
		c->ops[index].flags &= (uint8_t)~RF_OP_F_HARD;
	return 0;
}

int rf_op_share(struct rf_chain *c, int index)
{
	if (index < 0 || (uint32_t)index >= c->nr_ops) {
		fail(c, EINVAL);
		return -EINVAL;
	}
	c->ops[index].flags |= RF_OP_F_SHARED;
	return 0;
}

int rf_op_origin(struct rf_chain *c, int index, const char *file, unsigned int line,
		 unsigned int col)
{
	const struct rf_place place = { .file = file, .line = line, .col = col };
	uint32_t before = c->origin;

	if (index < 0 || (uint32_t)index >= c->nr_ops)
		return -EINVAL;
	rf_chain_set_place(c, &place);
	c->ops[index].origin = c->origin;
	c->origin = before;
	return -c->error;
}

/* ---------------------------------------------------------------- checking */

struct check {
	const struct rf_chain	*chain;
	unsigned char		*filled;	/* by slot */
	uint32_t		 index;
	uint8_t			 phase;
	bool			 has_init, has_payload, over;
	bool			 has_nnp, has_landlock, has_filter;
	uint64_t		 must_join;	/* namespaces made for the payload: CLONE_NEW* */
	int32_t			 made_slot;	/* by which they are joined */
	struct rf_err		*err;
};

int rf_chain_refuse(const struct rf_chain *c, uint32_t index, const char *why, struct rf_err *err)
{
	const struct rf_op *op = &c->ops[index];
	const struct rf_origin *o = &c->origins[op->origin];
	const struct rf_place place = { .file = o->file ? c->data + o->file : NULL,
					.line = o->line, .col = o->col };

	return rf_err_at(err, &place, EINVAL, "op %u, %s: %s", index, rf_op_defs[op->kind].name,
			 why);
}

static int refuse(struct check *k, const char *why)
{
	return rf_chain_refuse(k->chain, k->index, why, k->err);
}

static int check_use(struct check *k, int32_t slot)
{
	if (slot == RF_SLOT_NONE)
		return 0;
	if (slot < 0 || slot >= k->chain->nr_slots)
		return refuse(k, "there is no such slot");
	if (!k->filled[slot])
		return refuse(k, "uses a slot that nothing has filled");
	return 0;
}

static int check_fill(struct check *k, int32_t slot)
{
	if (slot < 0 || slot >= k->chain->nr_slots)
		return refuse(k, "fills a slot that does not exist");
	if (k->filled[slot])
		return refuse(k, "fills a slot a second time");
	k->filled[slot] = 1;
	return 0;
}

static bool has_bytes(const struct rf_chain *c, uint32_t off, uint64_t len)
{
	return off <= c->data_len && len <= c->data_len - off;
}

static int check_slots(struct check *k, const struct rf_blob *b, bool fills)
{
	const struct rf_chain *c = k->chain;

	if (b->len % sizeof(int32_t) || !has_bytes(c, b->off, b->len))
		return refuse(k, "its list of slots is outside the data area");
	for (uint32_t i = 0; i < b->len / sizeof(int32_t); i++) {
		int32_t slot;
		int r;

		memcpy(&slot, c->data + b->off + i * sizeof(slot), sizeof(slot));
		r = fills ? check_fill(k, slot) : check_use(k, slot);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_fsfds(struct check *k, const struct rf_blob *b)
{
	struct rf_fsopt_fd f;
	int r;

	if (b->len % sizeof(f) || !has_bytes(k->chain, b->off, b->len))
		return refuse(k, "its list of options is outside the data area");
	for (uint32_t i = 0; i < b->len / sizeof(f); i++) {
		memcpy(&f, k->chain->data + b->off + i * sizeof(f), sizeof(f));
		r = check_use(k, f.slot);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The executor walks from NUL to NUL. */
static int check_pairs(struct check *k, const struct rf_blob *b)
{
	uint32_t nr = 0;

	if (!has_bytes(k->chain, b->off, b->len))
		return refuse(k, "an argument is outside the data area");
	for (uint32_t i = 0; i < b->len; i++)
		nr += !k->chain->data[b->off + i];
	if (nr % 2 || (b->len && k->chain->data[b->off + b->len - 1]))
		return refuse(k, "its options are no pairs of strings");
	return 0;
}

static int check_rules(struct check *k, const struct rf_blob *b)
{
	const struct rf_chain *c = k->chain;
	struct rf_landlock_op_rule rule;

	if (b->len % sizeof(rule) || !has_bytes(c, b->off, b->len))
		return refuse(k, "its list of rules is outside the data area");
	for (uint32_t i = 0; i < b->len / sizeof(rule); i++) {
		memcpy(&rule, c->data + b->off + i * sizeof(rule), sizeof(rule));
		if (rule.flags & RF_LANDLOCK_PORT)
			continue;
		if (rule.slot < 0 && (!rule.path || !has_bytes(c, rule.path, 1)))
			return refuse(k, "a rule has neither a path nor a port");
		if (check_use(k, rule.slot) < 0)
			return -EINVAL;
	}
	return 0;
}

/* Bounds only: what a program may do is the kernel's to judge. */
static int check_program(struct check *k, const struct rf_blob *b)
{
	if (!b->len || b->len % sizeof(struct sock_filter) ||
	    b->len / sizeof(struct sock_filter) > BPF_MAXINSNS)
		return refuse(k, "its program is no filter of 1 to 4096 instructions");
	if (!has_bytes(k->chain, b->off, b->len))
		return refuse(k, "an argument is outside the data area");
	return 0;
}

static int check_arg(struct check *k, const struct rf_op *op, const struct rf_arg *a)
{
	const void *p = (const char *)op + a->offset;
	const struct rf_blob *b = p;
	const struct rf_vec *v = p;

	switch ((enum rf_arg_type)a->type) {
	case RF_ARG_SLOT:
		return check_use(k, *(const int32_t *)p);
	case RF_ARG_SLOTS:
		return check_slots(k, b, false);
	case RF_ARG_OUTS:
		return check_slots(k, b, true);
	case RF_ARG_FSFDS:
		return check_fsfds(k, b);
	case RF_ARG_STR:
		if (!has_bytes(k->chain, *(const rf_str *)p, 1))
			return refuse(k, "a string is outside the data area");
		return 0;
	case RF_ARG_PAIRS:
		return check_pairs(k, b);
	case RF_ARG_RULES:
		return check_rules(k, b);
	case RF_ARG_PROGRAM:
		return check_program(k, b);
	case RF_ARG_BLOB: case RF_ARG_BYTES: case RF_ARG_IDS: case RF_ARG_BITS:
		if (!has_bytes(k->chain, b->off, b->len))
			return refuse(k, "an argument is outside the data area");
		return 0;
	case RF_ARG_VEC:
		if (!has_bytes(k->chain, v->off, ((uint64_t)v->nr + 1) * sizeof(uint64_t)))
			return refuse(k, "a vector is outside the data area");
		return 0;
	case RF_ARG_END: case RF_ARG_FD: case RF_ARG_FLAGS64: case RF_ARG_FLAGS32:
	case RF_ARG_ENUM: case RF_ARG_U64: case RF_ARG_U32: case RF_ARG_I32:
	case RF_ARG_OCTAL: case RF_ARG_ID: case RF_ARG_CAPS: case RF_ARG_SIGSET:
	case RF_ARG_SIGNAL: case RF_ARG_LIMIT: case RF_ARG_DEV:
		return 0;
	}
	return refuse(k, "has an argument of unknown type");
}

static int check_clone(struct check *k, const struct rf_op *op)
{
	switch (op->u.clone.as) {
	case RF_CLONE_CONTEXT:
		return k->index ? refuse(k, "a context is made by the first op only") : 0;
	case RF_CLONE_INIT:
		if (!k->index || k->has_init || k->has_payload)
			return refuse(k, "pid 1 is made once, by the context");
		if (op->u.clone.unshare && op->out < 0)
			return refuse(k, "makes a namespace that nobody can join");
		k->has_init = true;
		k->made_slot = op->out;
		k->must_join = op->u.clone.unshare;
		return 0;
	case RF_CLONE_APART:
		if (!k->chain->own_image)
			return refuse(k, "a task apart needs a context with memory of its own");
		if (op->u.clone.unshare & ~(uint64_t)CLONE_NEWNET || !op->u.clone.unshare != (op->out < 0))
			return refuse(k, "hands over a network namespace and nothing else");
		if (op->u.clone.unshare && k->must_join)
			return refuse(k, "makes a namespace beside that of pid 1");
		if (op->u.clone.unshare) {
			k->made_slot = op->out;
			k->must_join = op->u.clone.unshare;
		}
		/* fall through */
	case RF_CLONE_PAYLOAD:
		if (!k->index || k->has_payload)
			return refuse(k, "the payload task is made once, by the context");
		k->has_payload = true;
		return 0;
	default:
		return refuse(k, "makes a task of unknown kind");
	}
}

/*
 * Landlock and the filter stand where they can be had: at the end, once
 * no_new_privs is set; before, they need CAP_SYS_ADMIN.
 */
static int check_confinement(struct check *k, const struct rf_op *op)
{
	const uint8_t phase = k->has_nnp ? RF_PHASE_RESTRICTION : RF_PHASE_CONFINEMENT;

	if (phase < k->phase)
		return refuse(k, k->has_nnp ? "comes after an op of a later phase" :
			      "comes after capabilities or ids were given up, without no_new_privs");
	if (op->kind == RF_OP_LANDLOCK && k->has_filter)
		return refuse(k, "comes after the filter, which may refuse it");
	k->has_landlock |= op->kind == RF_OP_LANDLOCK;
	k->has_filter |= op->kind == RF_OP_SECCOMP;
	k->phase = phase;
	return 0;
}

/* Landlock opens files: only then can there be too few descriptors for it. */
static bool is_late_limit(const struct check *k, const struct rf_op *op)
{
	return op->kind == RF_OP_RLIMIT && op->u.rlimit.resource == RLIMIT_NOFILE &&
	       k->phase <= RF_PHASE_RESTRICTION && k->has_landlock && !k->has_filter;
}

static int check_order(struct check *k, const struct rf_op *op)
{
	const struct rf_op_def *def = &rf_op_defs[op->kind];

	if (k->over)
		return refuse(k, "can never run: the op before it ends the chain");
	if (!k->index && op->kind != RF_OP_CLONE)
		return refuse(k, "a chain begins with clone");
	if (op->kind == RF_OP_CLONE)
		return check_clone(k, op);
	/* what is behind may be for a copy, which makes namespaces of its own: until power
	   is given up the order begins anew */
	if (op->kind == RF_OP_GATE && k->phase < RF_PHASE_CONFINEMENT)
		k->phase = RF_PHASE_ANY;
	if (def->phase == RF_PHASE_ANY)
		return 0;
	/* an early change of ids does not close the phases between */
	if ((def->flags & RF_OPF_IDS) && k->phase <= RF_PHASE_IDS) {
		k->phase = RF_PHASE_IDS;
		return 0;
	}
	/* another task makes the network namespace beside the mounts: it is joined late */
	if (op->kind == RF_OP_SETNS && op->u.setns.slot != RF_SLOT_NONE &&
	    op->u.setns.slot == k->made_slot && k->phase <= RF_PHASE_NETWORK) {
		if (!(op->flags & (RF_OP_F_HARD | RF_OP_F_ABSENT)))
			k->must_join &= op->u.setns.nstype ? ~op->u.setns.nstype : 0;
		return 0;
	}
	if (op->kind == RF_OP_EXEC && k->must_join)
		return refuse(k, "comes before the namespace that was made for it is joined");
	if (def->flags & RF_OPF_CONFINES)
		return check_confinement(k, op);
	if (is_late_limit(k, op))
		return 0;
	if (def->phase < k->phase)
		return refuse(k, "comes after an op of a later phase");
	k->phase = def->phase;
	k->has_nnp |= op->kind == RF_OP_NO_NEW_PRIVS;
	return 0;
}

static int check_op(struct check *k, const struct rf_op *op)
{
	const struct rf_op_def *def = &rf_op_defs[op->kind];
	int r = check_order(k, op);

	if (r < 0)
		return r;
	for (const struct rf_arg *a = def->args; a < def->args + RF_ARGS_MAX && a->type; a++) {
		r = check_arg(k, op, a);
		if (r < 0)
			return r;
	}
	if (def->flags & RF_OPF_MAKES_FD)
		r = check_fill(k, op->out);
	else if (def->flags & RF_OPF_MAKES_TWO)
		r = check_fill(k, op->out) < 0 ? -EINVAL : check_fill(k, op->out2);
	else if (op->out != RF_SLOT_NONE)
		r = check_fill(k, op->out);	/* optional: the pidfd of clone */
	if (r < 0)
		return r;
	if ((op->kind == RF_OP_EXEC && !(op->flags & RF_OP_F_HARD)) || op->kind == RF_OP_EXIT)
		k->over = true;
	return 0;
}

static int check_ops(struct check *k)
{
	const struct rf_chain *c = k->chain;
	const struct rf_op *last = &c->ops[c->nr_ops - 1];
	int r;

	for (uint32_t i = 0; i < c->nr_given; i++)
		k->filled[c->given[i].slot] = 1;
	for (k->index = 0; k->index < c->nr_ops; k->index++) {
		if (c->ops[k->index].kind >= RF_OP_NR)
			return rf_err_set(k->err, EINVAL, "op %u is of unknown kind", k->index);
		r = check_op(k, &c->ops[k->index]);
		if (r < 0)
			return r;
	}
	k->index = c->nr_ops - 1;
	/* a context image has exec'd once: only of a payload task can exec be told */
	if (c->own_image && !k->has_payload && last->kind != RF_OP_GATE)
		return refuse(k, "a chain that joins namespaces or changes ids needs a payload task");
	if (!(rf_op_defs[last->kind].flags & RF_OPF_ENDS))
		return refuse(k, "a chain ends in exec, exit or gate");
	if (last->flags & RF_OP_F_HARD)
		return refuse(k, "is hard-linked to nothing");
	return 0;
}

int rf_chain_check(const struct rf_chain *c, struct rf_err *err)
{
	struct check k = { .chain = c, .err = err, .made_slot = RF_SLOT_NONE };
	int r;

	if (c->error)
		return rf_err_set(err, c->error, "building the chain");
	if (!c->nr_ops)
		return rf_err_set(err, EINVAL, "an empty chain");
	k.filled = calloc((size_t)c->nr_slots + 1, 1);
	if (!k.filled)
		return rf_err_set(err, ENOMEM, "checking the chain");
	r = check_ops(&k);
	free(k.filled);
	return r;
}
