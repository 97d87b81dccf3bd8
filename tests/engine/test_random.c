/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random chains on every engine: the same completions, and nothing is left.
 *
 * Each chain walks through the phases and draws a few ops of each, some of which cannot
 * work, some of which may fail.  RF_TEST_SEED repeats one run; RF_TEST_CHAINS says how many.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ops.h"
#include "sandboxed.h"

#define CHAINS	60
#define SLOTS	16

struct draw {
	struct ops	 o;
	unsigned int	 seed;
	int		 slots[SLOTS], nr_slots;	/* filled, and not closed */
	int		 fs;				/* slot of a tmpfs; -1 */
	int		 names;
};

static unsigned int below(struct draw *d, unsigned int n)
{
	return (unsigned int)rand_r(&d->seed) % n;
}

/* One in eight may fail, and the chain goes on. */
static void maybe_hard(struct draw *d)
{
	if (below(d, 8) == 0)
		EXPECT_INT(0, rf_op_link(d->o.c, (int)d->o.c->nr_ops - 1, RF_LINK_HARD));
}

static void remember(struct draw *d, int slot)
{
	if (d->nr_slots < SLOTS)
		d->slots[d->nr_slots++] = slot;
}

static int any_slot(struct draw *d)
{
	return d->nr_slots ? d->slots[below(d, (unsigned int)d->nr_slots)] : RF_SLOT_NONE;
}

/* ------------------------------------------------------------------ anywhere */

static void draw_open(struct draw *d)
{
	static const char *const paths[] = { "/", "/etc/passwd", "/none", "/usr", "/etc/passwd/x", "." };
	int slot;

	rf_prep_open(d->o.c, RF_SLOT_NONE, paths[below(d, 6)],
		     below(d, 2) ? O_PATH : O_RDONLY | (below(d, 4) ? 0 : O_DIRECTORY), 0, 0, &slot);
	maybe_hard(d);
	remember(d, slot);
}

static void draw_close(struct draw *d)
{
	unsigned int i;

	if (!d->nr_slots)
		return;
	i = below(d, (unsigned int)d->nr_slots);
	if (d->slots[i] == d->fs)
		return;
	rf_prep_close(d->o.c, d->slots[i]);
	d->slots[i] = d->slots[--d->nr_slots];
}

static void draw_dup(struct draw *d)
{
	if (d->nr_slots)
		rf_prep_dup(d->o.c, any_slot(d), (int)below(d, 9) + 3);
}

static void draw_memfd(struct draw *d)
{
	int slot;

	rf_prep_memfd(d->o.c, "random", "text", below(d, 5), &slot);
	remember(d, slot);
}

static void draw_pipe(struct draw *d)
{
	int ends[2];

	rf_prep_pipe(d->o.c, 0, &ends[0], &ends[1]);
	remember(d, ends[0]);
	remember(d, ends[1]);
	if (below(d, 2))
		rf_prep_write(d->o.c, ends[1], NULL, "hello", 5);
}

static void draw_chdir(struct draw *d)
{
	static const char *const paths[] = { "/", "/tmp", "/usr/bin", "/none" };

	rf_prep_chdir(d->o.c, RF_SLOT_NONE, paths[below(d, 16) ? below(d, 3) : 3]);
	maybe_hard(d);
}

static void draw_setsid(struct draw *d)
{
	rf_prep_setsid(d->o.c);
}

/* --------------------------------------------------------------- file systems */

static void draw_tmpfs(struct draw *d)
{
	if (d->fs < 0) {
		d->fs = ops_tmpfs(&d->o);
		remember(d, d->fs);
	}
}

static void draw_make(struct draw *d)
{
	static const enum rf_op_kind kinds[] = { RF_OP_MKDIR, RF_OP_MKFILE, RF_OP_SYMLINK };
	const enum rf_op_kind kind = kinds[below(d, 3)];
	const uint32_t flags = below(d, 3) ? RF_MAKE_PARENTS | RF_MAKE_EXIST_OK : 0;
	char name[32];
	rf_str path, target = ops_str(&d->o, "target");
	struct rf_op *op;

	if (d->fs < 0)
		return;
	if (below(d, 2))
		snprintf(name, sizeof(name), "d%u/n%u", below(d, 3), below(d, 6));
	else
		snprintf(name, sizeof(name), "n%u", below(d, 6));
	path = ops_str(&d->o, name);
	op = ops_add(&d->o, kind);
	if (kind == RF_OP_MKDIR) {
		op->u.mkdir.dir = d->fs;
		op->u.mkdir.path = path;
		op->u.mkdir.mode = below(d, 2) ? 0755 : 0700;
		op->u.mkdir.flags = flags;
	} else if (kind == RF_OP_MKFILE) {
		op->u.mkfile.dir = d->fs;
		op->u.mkfile.path = path;
		op->u.mkfile.mode = 0644;
		op->u.mkfile.flags = flags;
	} else {
		op->u.symlink.dir = d->fs;
		op->u.symlink.path = path;
		op->u.symlink.target = target;
		op->u.symlink.flags = flags;
	}
}

static void draw_tree(struct draw *d)
{
	rf_str path = ops_str(&d->o, below(d, 8) ? "/usr" : "/none");
	struct rf_op *op = ops_add(&d->o, RF_OP_OPEN_TREE);
	int slot = op->out = rf_chain_slot(d->o.c);

	op->u.open_tree.path = path;
	op->u.open_tree.flags = OPEN_TREE_CLONE;
	maybe_hard(d);
	op = ops_add(&d->o, RF_OP_MOUNT_SETATTR);
	op->u.mount_setattr.slot = slot;
	op->u.mount_setattr.set = below(d, 2) ? MOUNT_ATTR_RDONLY : MOUNT_ATTR_NOSUID;
	remember(d, slot);
}

/* -------------------------------------------------------------------- the rest */

static void draw_hostname(struct draw *d)
{
	rf_prep_hostname(d->o.c, below(d, 6) ? "random" :
			 "a-name-that-is-longer-than-the-sixty-four-bytes-that-the-kernel-has-for-it");
}

static void draw_rlimit(struct draw *d)
{
	rf_prep_rlimit(d->o.c, RLIMIT_CORE, 0, below(d, 8) ? 0 : RLIM_INFINITY);
	maybe_hard(d);
}

static void draw_umask(struct draw *d)
{
	rf_prep_umask(d->o.c, below(d, 0100));
}

static void draw_nice(struct draw *d)
{
	ops_add(&d->o, RF_OP_NICE)->u.nice.value = (int)below(d, 10) + 5;
}

static void draw_caps(struct draw *d)
{
	struct rf_op *op = ops_add(&d->o, RF_OP_CAPBSET);

	op->u.capbset.keep = 1ULL << below(d, 40);
	op->u.capbset.last = 40;
}

static void draw_no_new_privs(struct draw *d)
{
	rf_prep_no_new_privs(d->o.c);
}

typedef void (*draw_fn)(struct draw *d);
static const draw_fn anywhere[] = { draw_open, draw_open, draw_close, draw_close, draw_dup,
				    draw_memfd, draw_pipe, draw_chdir, draw_setsid };
static const draw_fn file_systems[] = { draw_tmpfs, draw_make, draw_make, draw_make, draw_tree };
static const draw_fn network[] = { draw_hostname };
static const draw_fn limits[] = { draw_rlimit, draw_umask, draw_nice };
static const draw_fn credentials[] = { draw_caps, draw_no_new_privs };

static void draw_some(struct draw *d, const draw_fn *fns, unsigned int nr, unsigned int most)
{
	for (unsigned int i = below(d, most + 1); i > 0 && d->o.c->nr_ops < OPS_MAX - 12; i--)
		(below(d, 3) ? anywhere[below(d, ARRAY_SIZE(anywhere))] : fns[below(d, nr)])(d);
}

static void draw_end(struct draw *d)
{
	/* what is open, the umask and where it is, as a status to compare */
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" },
			       (char[]){ "set -- /proc/self/fd/*; d=$(pwd); "
					 "exit $((($# * 7 + 0$(umask) + ${#d}) % 200))" }, NULL };
	char *const no_env[] = { NULL };

	rf_prep_sigdefault(d->o.c);
	rf_prep_sigmask(d->o.c, 0);
	switch (below(d, 4)) {
	case 0:
		rf_prep_exit(d->o.c, (int)below(d, 100));
		return;
	case 1:
		rf_prep_exec(d->o.c, "/none/sh", argv, no_env);
		EXPECT_INT(0, rf_op_link(d->o.c, (int)d->o.c->nr_ops - 1, RF_LINK_HARD));
		break;
	default:
		break;
	}
	rf_prep_exec(d->o.c, below(d, 10) ? "/bin/sh" : "/etc/passwd", argv, no_env);
}

static struct rf_chain *draw_chain(unsigned int seed, const char *dir)
{
	struct draw d = { .o = { .c = rf_chain_new(), .dir = dir, .dir_slot = RF_SLOT_NONE },
			  .seed = seed, .fs = -1 };
	struct rf_op *op;

	ops_begin(&d.o, CLONE_NEWNS | CLONE_NEWUTS);
	if (below(&d, 2)) {
		rf_prep_clone(d.o.c, RF_CLONE_PAYLOAD, 0);
		rf_prep_pdeathsig(d.o.c, SIGKILL);
	}
	op = ops_add(&d.o, RF_OP_MOUNT_SETATTR);
	op->u.mount_setattr.path = ops_str(&d.o, "/");
	op->u.mount_setattr.at_flags = AT_RECURSIVE;
	op->u.mount_setattr.propagation = MS_PRIVATE;
	draw_some(&d, file_systems, ARRAY_SIZE(file_systems), 16);
	draw_some(&d, network, ARRAY_SIZE(network), 3);
	draw_some(&d, limits, ARRAY_SIZE(limits), 5);
	draw_some(&d, credentials, ARRAY_SIZE(credentials), 3);
	draw_end(&d);
	return d.o.c;
}

static void explain(const struct rf_chain *c)
{
	char line[1024];

	for (uint32_t i = 0; i < c->nr_ops; i++) {
		rf_op_print(c, &c->ops[i], line, sizeof(line));
		fprintf(stderr, "%3u %s%s\n", i, line, c->ops[i].flags & RF_OP_F_HARD ? " (hard)" : "");
	}
}

static void compare(const struct rf_chain *c, unsigned int seed, const char *engine,
		    const struct ops_outcome *a, const struct ops_outcome *b)
{
	bool same = a->kind == b->kind && a->index == b->index && a->result == b->result &&
		    a->status == b->status;

	for (int i = 0; i < a->nr; i++)
		same &= a->results[i] == b->results[i];
	if (same)
		return;
	explain(c);
	for (int i = 0; i < a->nr; i++)
		if (a->results[i] != b->results[i])
			fprintf(stderr, "op %d: %d on plain, %d on %s\n", i, a->results[i],
				b->results[i], engine);
	fail_msg("RF_TEST_SEED=%u: %d at %d (%d, status 0x%x) on plain, %d at %d (%d, status 0x%x) on %s",
		 seed, a->kind, a->index, a->result, a->status, b->kind, b->index, b->result,
		 b->status, engine);
}

TEST(random_chains_complete_alike_on_all_engines)
{
	const char *engines[] = { "plain", harness_has_io_uring() ? "ring" : NULL,
				  harness_has_native() ? "native" : NULL };
	const char *seed_env = getenv("RF_TEST_SEED"), *nr_env = getenv("RF_TEST_CHAINS");
	const unsigned int seed = seed_env ? (unsigned int)strtoul(seed_env, NULL, 10) :
					     (unsigned int)time(NULL);
	const unsigned int nr = seed_env ? 1 : nr_env ? (unsigned int)strtoul(nr_env, NULL, 10) : CHAINS;
	unsigned int native = 0;
	int fds;

	sandboxed_need();
	fds = harness_count_fds();
	for (unsigned int i = 0; i < nr; i++) {
		struct ops_outcome got[3];
		char dir[256];

		for (size_t k = 0; k < 3; k++) {
			struct rf_chain *c;

			if (!engines[k])
				continue;
			snprintf(dir, sizeof(dir), "%s/%u-%zu", harness_dir(), i, k);
			EXPECT_INT(0, mkdir(dir, 0755));
			/* the same chain but for the directory */
			c = draw_chain(seed + i, dir);
			ops_run_chain(engines[k], c, &got[k]);
			if (k)
				compare(c, seed + i, engines[k], &got[0], &got[k]);
			rf_chain_free(c);
		}
		native += engines[2] && !strcmp(got[2].by, "native");
		sandboxed_no_children();
		EXPECT_INT(fds, harness_count_fds());
	}
	/* most of what is drawn can be lowered, or the comparison would be with itself */
	EXPECT_TRUE(!engines[2] || native >= nr / 2);
}
