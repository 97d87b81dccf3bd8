/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Landlock: the words of a spec as rights, as far as the kernel has them.
 */
#include "compile.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>

#include "compat.h"

/* What each word of a spec handles, and what one of its rules allows. */
static const struct {
	uint64_t	 fs, net, access;
} words[RF_LANDLOCK_KIND_NR] = {
	[RF_LANDLOCK_READ]	= { RF_LANDLOCK_FILES, 0, RF_LANDLOCK_READ_RIGHTS },
	[RF_LANDLOCK_WRITE]	= { RF_LANDLOCK_FILES, 0, RF_LANDLOCK_WRITE_RIGHTS },
	[RF_LANDLOCK_EXEC]	= { RF_LANDLOCK_FILES, 0, RF_LANDLOCK_EXEC_RIGHTS },
	[RF_LANDLOCK_UNIX]	= { RF_LANDLOCK_FS_RESOLVE_UNIX, 0, RF_LANDLOCK_FS_RESOLVE_UNIX },
	[RF_LANDLOCK_CONNECT]	= { 0, RF_LANDLOCK_NET_CONNECT_TCP, RF_LANDLOCK_NET_CONNECT_TCP },
	[RF_LANDLOCK_BIND]	= { 0, RF_LANDLOCK_NET_BIND_TCP, RF_LANDLOCK_NET_BIND_TCP },
};

/* What came after the first ABI, with the word that the spec would name it by. */
static const struct {
	uint32_t	 abi;
	uint64_t	 fs, net, scoped;
	const char	*name;
	bool		 named;		/* a spec names it: it is no mere refinement */
} later[] = {
	{ 2, LANDLOCK_ACCESS_FS_REFER, 0, 0, "refer", false },
	{ 3, RF_LANDLOCK_FS_TRUNCATE, 0, 0, "truncate", false },
	{ 4, 0, RF_LANDLOCK_NET_CONNECT_TCP, 0, "connect", true },
	{ 4, 0, RF_LANDLOCK_NET_BIND_TCP, 0, "bind", true },
	{ 5, RF_LANDLOCK_FS_IOCTL_DEV, 0, 0, "ioctl_dev", false },
	{ 6, 0, 0, RF_LANDLOCK_SCOPE_ABSTRACT_UNIX, "abstract_unix", true },
	{ 6, 0, 0, RF_LANDLOCK_SCOPE_SIGNAL, "signal", true },
	{ 9, RF_LANDLOCK_FS_RESOLVE_UNIX, 0, 0, "unix", true },
};
#define NR_LATER (sizeof(later) / sizeof(later[0]))

struct handled {
	uint64_t	 fs, net, scoped;
};

static struct handled wanted(const struct rf_sandbox *sb)
{
	struct handled h = { .scoped = sb->landlock.scoped };

	for (size_t i = 0; i < RF_LANDLOCK_KIND_NR; i++)
		if (sb->landlock.kinds >> i & 1) {
			h.fs |= words[i].fs;
			h.net |= words[i].net;
		}
	return h;
}

/* Does a kernel of @abi lack row @i, which @h has? */
static bool lacks(const struct handled *h, uint32_t abi, size_t i)
{
	return abi < later[i].abi && ((h->fs & later[i].fs) | (h->net & later[i].net) |
				      (h->scoped & later[i].scoped));
}

static struct handled had(const struct rf_sandbox *sb, uint32_t abi)
{
	struct handled h = wanted(sb);

	for (size_t i = 0; i < NR_LATER; i++)
		if (abi < later[i].abi) {
			h.fs &= ~later[i].fs;
			h.net &= ~later[i].net;
			h.scoped &= ~later[i].scoped;
		}
	return h;
}

size_t rf_landlock_missing(const struct rf_sandbox *sb, uint32_t abi, char *buf, size_t size)
{
	struct handled h = wanted(sb);
	size_t nr = 0, len = 0;

	if (size)
		*buf = '\0';
	for (size_t i = 0; sb->landlock.on && i < NR_LATER; i++) {
		if (!lacks(&h, abi, i))
			continue;
		if (len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", nr ? ", " : "",
						later[i].name);
		nr++;
	}
	return nr;
}

/* What the kernel may lack is for the spec to say. */
static int check_missing(struct rf_compile *k)
{
	const struct rf_landlock_spec *l = &k->sb->landlock;
	bool must = k->sb->require >> RF_LAYER_LANDLOCK & 1;
	struct handled h = wanted(k->sb), rest = had(k->sb, k->f->landlock);

	for (size_t i = 0; i < NR_LATER; i++) {
		if (!lacks(&h, k->f->landlock, i))
			continue;
		if (!must && (l->compat == RF_LANDLOCK_BEST ||
			      (l->compat == RF_LANDLOCK_NAMED && !later[i].named)))
			continue;
		rf_err_at(k->err, must ? &k->sb->require_places[RF_LAYER_LANDLOCK] : &l->place,
			  EOPNOTSUPP, "Landlock of this kernel (ABI %u) does not have '%s', which is of ABI %u",
			  k->f->landlock, later[i].name, later[i].abi);
		rf_err_hint(k->err, must ? "without landlock in `require`, `compat: best` does "
			    "without it" : "`compat: best` does without it");
		return -EOPNOTSUPP;
	}
	if (!(rest.fs | rest.net | rest.scoped))
		return rf_err_at(k->err, &l->place, EOPNOTSUPP,
				 "Landlock of this kernel (ABI %u) has nothing of what is asked for",
				 k->f->landlock);
	return 0;
}

int rf_plan_landlock(struct rf_compile *k)
{
	const struct rf_landlock_spec *l = &k->sb->landlock;
	int r;

	if (!l->on)
		return 0;
	if (!k->f->landlock) {
		rf_err_at(k->err, &l->place, EOPNOTSUPP, "there is no Landlock here");
		rf_err_hint(k->err, "Linux 5.13 has it where it is built in (CONFIG_SECURITY_LANDLOCK) "
			    "and in lsm= of the kernel's command line; a container's filter may hide it");
		return -EOPNOTSUPP;
	}
	r = check_missing(k);
	return r < 0 ? r : rf_need_confinement(k, &l->place, "Landlock");
}

/* One rule, if anything that is handled is left in it. */
static size_t put_rule(struct rf_compile *k, const struct handled *h,
		       const struct rf_landlock_rule *from, struct rf_landlock_op_rule *to)
{
	bool port = !from->path;

	*to = (struct rf_landlock_op_rule){
		.access = words[from->kind].access & (port ? h->net : h->fs),
		.slot = RF_SLOT_NONE, .path = rf_chain_str(k->c, from->path), .port = from->port,
		.flags = (port ? RF_LANDLOCK_PORT : 0) |
			 (from->optional ? RF_LANDLOCK_OPTIONAL : 0),
		.dev = from->dev, .ino = from->ino, .born = from->born,
	};
	return to->access != 0;
}

void rf_emit_landlock(struct rf_compile *k)
{
	const struct rf_landlock_spec *l = &k->sb->landlock;
	struct handled h = had(k->sb, k->f->landlock);
	struct rf_landlock_op_rule *rules;
	struct rf_blob blob;
	struct rf_op *op;
	size_t nr = 0;

	if (!l->on)
		return;
	rules = rf_sandbox_alloc(k->mem, (l->nr + 1) * sizeof(*rules));
	if (!rules) {
		rf_no_memory(k);
		return;
	}
	rf_chain_set_place(k->c, &l->place);
	for (size_t i = 0; i < l->nr; i++)
		nr += put_rule(k, &h, &l->rules[i], &rules[nr]);
	/* a program that is no path inside */
	if (k->sb->exec_fd >= 0 && l->loader && h.fs & RF_LANDLOCK_EXEC_RIGHTS) {
		rules[nr] = (struct rf_landlock_op_rule){ .access = RF_LANDLOCK_EXEC_RIGHTS & h.fs };
		rules[nr++].slot = rf_chain_give(k->c, k->sb->exec_fd);
	}
	blob = rf_chain_blob(k->c, rules, nr * sizeof(*rules));
	op = rf_chain_add(k->c, RF_OP_LANDLOCK);
	op->u.landlock.fs = h.fs;
	op->u.landlock.net = h.net;
	op->u.landlock.scoped = h.scoped;
	op->u.landlock.rules = blob;
}
