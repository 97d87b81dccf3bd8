/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops.h"
#include "native.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --------------------------------------------------------- building a chain */

struct rf_op *ops_add(struct ops *o, enum rf_op_kind kind)
{
	return rf_chain_add(o->c, kind);
}

rf_str ops_str(struct ops *o, const char *s)
{
	return rf_chain_str(o->c, s);
}

struct rf_blob ops_blob(struct ops *o, const void *data, size_t len)
{
	return rf_chain_blob(o->c, data, len);
}

void ops_begin_bare(struct ops *o, uint64_t ns)
{
	rf_prep_clone(o->c, RF_CLONE_CONTEXT, CLONE_NEWUSER | ns);
}

void ops_begin(struct ops *o, uint64_t ns)
{
	char uid[32], gid[32];
	struct rf_op *op;

	ops_begin_bare(o, ns);
	rf_prep_close_range(o->c);
	snprintf(uid, sizeof(uid), "0 %u 1\n", geteuid());
	snprintf(gid, sizeof(gid), "0 %u 1\n", getegid());
	op = ops_add(o, RF_OP_IDMAP);
	op->u.idmap.uid_map = ops_blob(o, uid, strlen(uid));
	op->u.idmap.gid_map = ops_blob(o, gid, strlen(gid));
	op->u.idmap.deny = 1;
}

int ops_dir(struct ops *o)
{
	if (o->dir_slot < 0)
		rf_prep_open(o->c, RF_SLOT_NONE, o->dir, O_PATH | O_DIRECTORY, 0, 0, &o->dir_slot);
	return o->dir_slot;
}

int ops_tmpfs(struct ops *o)
{
	struct rf_op *op = ops_add(o, RF_OP_MKFS);
	int slot = rf_chain_slot(o->c);

	op->u.mkfs.type = ops_str(o, "tmpfs");
	op->u.mkfs.flags = RF_MKFS_OWNED;
	op->out = slot;
	op = ops_add(o, RF_OP_MOVE_MOUNT);
	op->u.move_mount.from = slot;
	op->u.move_mount.to_path = ops_str(o, o->dir);
	op->u.move_mount.entry = RF_ENTRY_NONE;
	return slot;
}

void ops_file(struct ops *o, const char *name, const char *content)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", o->dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	EXPECT_TRUE(fputs(content, f) >= 0);
	EXPECT_INT(0, fclose(f));
}

static void add_command(struct ops *o, const char *check)
{
	char dir[600];
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-ec" },
			       (char *)(uintptr_t)(check ? check : ":"), NULL };
	char *const envp[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, dir, NULL };

	snprintf(dir, sizeof(dir), "D=%s", o->dir);
	rf_prep_exec(o->c, "/bin/sh", argv, envp);
}

/* ------------------------------------------------------------------ running */

static int find_subject(const struct rf_chain *c, enum rf_op_kind kind)
{
	for (uint32_t i = c->nr_ops; i > 0; i--)
		if (c->ops[i - 1].kind == kind)
			return (int)i - 1;
	fail_msg("the case has no op of its kind");
	return -1;
}

int ops_normalized(const struct rf_op *op, int result)
{
	bool varies = op->kind == RF_OP_CLONE ||
		      rf_op_defs[op->kind].flags & RF_OPF_MAKES_FD;

	return varies && result > 0 ? 0 : result;
}

/* Lowering is pure, so every case goes through it everywhere. */
static void expect_lowered_or_refused(const struct rf_chain *c)
{
	const struct rf_native_host host = { .report = 20, .init_sock = 21, .init_peer = 22,
					     .init_image = 23, .nofile = 1024, .max_reqs = 1024,
					     .max_calls = 65536 };
	struct rf_native n;
	const int r = rf_native_lower(c, &host, &n);

	if (r < 0 && (r != -EOPNOTSUPP || !n.why || n.why_op >= c->nr_ops))
		fail_msg("lowering: %s", strerror(-r));
	rf_native_release(&n);
}

static void run_case(const char *engine, const struct ops_case *k, struct ops_outcome *ret)
{
	static int nr;
	char dir[256];
	struct ops o = { .c = rf_chain_new(), .dir = dir, .dir_slot = RF_SLOT_NONE };

	snprintf(dir, sizeof(dir), "%s/%d", harness_dir(), nr++);
	EXPECT_INT(0, mkdir(dir, 0755));
	k->build(&o);
	ret->subject = find_subject(o.c, k->kind);
	if (o.c->ops[o.c->nr_ops - 1].kind != RF_OP_EXEC &&
	    o.c->ops[o.c->nr_ops - 1].kind != RF_OP_EXIT)
		add_command(&o, k->check);
	expect_lowered_or_refused(o.c);
	ret->ran = ops_can_run(o.c);
	if (ret->ran)
		ops_run_chain(engine, o.c, ret);
	rf_chain_free(o.c);
	if (k->after)
		k->after();
}

static void expect_failure(const struct ops_case *k, const struct ops_outcome *got)
{
	if (got->kind != RF_DONE_FAILED)
		fail_msg("%s: succeeded", k->name);
	if (got->index != got->subject)
		fail_msg("%s: op %d failed (%s), not %d", k->name, got->index,
			 strerror(-got->result), got->subject);
	if (got->result != k->want)
		fail_msg("%s: %s, not %s", k->name, strerror(-got->result), strerror(-k->want));
}

static void expect_success(const struct ops_case *k, const struct ops_outcome *got)
{
	int r = got->results[got->subject];

	if (got->kind != RF_DONE_EXIT)
		fail_msg("%s: op %d: %s", k->name, got->index, strerror(-got->result));
	if (k->want == OPS_ANY ? r < 0 : r != k->want)
		fail_msg("%s: gave %d", k->name, r);
	if (!WIFEXITED(got->status) || WEXITSTATUS(got->status) != 0)
		fail_msg("%s: the check ended with status 0x%x", k->name, got->status);
}

void ops_run_cases(const struct ops_case *cases, size_t nr)
{
	const struct ops_case *unmet = NULL;
	int refused = harness_refused_call() ? errno : 0;	/* must fail with it, and do no more */

	SKIP_UNLESS(harness_has_userns(), "userns", "no user namespace can be made here");
	for (size_t i = 0; i < nr; i++) {
		struct ops_outcome got;

		if (cases[i].can && !cases[i].can()) {
			unmet = unmet ? unmet : &cases[i];
			continue;
		}
		run_case(harness_engine(), &cases[i], &got);
		if (!got.ran)
			continue;
		if (refused && got.kind == RF_DONE_FAILED && got.result == -refused)
			continue;
		/* an op that has nothing to work on does not end the chain */
		if (cases[i].want < 0 && cases[i].want != -ECANCELED)
			expect_failure(&cases[i], &got);
		else
			expect_success(&cases[i], &got);
	}
	if (unmet)
		harness_skip(unmet->need, "all but: %s", unmet->name);
}

static void expect_same(const char *name, const struct ops_outcome *plain, const char *engine,
			const struct ops_outcome *other)
{
	for (int k = 0; k < plain->nr; k++)
		if (plain->results[k] != other->results[k])
			fail_msg("%s: op %d: %d on plain, %d on %s", name, k, plain->results[k],
				 other->results[k], engine);
	EXPECT_INT(plain->kind, other->kind);
	EXPECT_INT(plain->index, other->index);
	EXPECT_INT(plain->status, other->status);
}

void ops_compare_engines(const struct ops_case *cases, size_t nr)
{
	const bool native = harness_has_native(), ring = harness_has_io_uring();

	SKIP_UNLESS(harness_has_userns(), "userns", "no user namespace can be made here");
	SKIP_UNLESS(native || ring, "io_uring", "there is only one engine here");
	for (size_t i = 0; i < nr; i++) {
		struct ops_outcome plain, other;

		if (cases[i].can && !cases[i].can())
			continue;	/* each_op_gives_its_result says so */
		run_case("plain", &cases[i], &plain);
		if (ring) {
			run_case("ring", &cases[i], &other);
			expect_same(cases[i].name, &plain, "ring", &other);
		}
		if (native) {
			run_case("native", &cases[i], &other);
			expect_same(cases[i].name, &plain, other.by, &other);
		}
	}
}

void ops_check_native(const struct ops_case *cases, size_t nr)
{
	const char *why[RF_OP_NR] = { NULL };
	bool has[RF_OP_NR] = { false }, ran[RF_OP_NR] = { false };

	SKIP_UNLESS(harness_has_userns(), "userns", "no user namespace can be made here");
	SKIP_UNLESS(harness_has_native(), "native", "this kernel does not run chains");
	for (size_t i = 0; i < nr; i++) {
		struct ops_outcome got;

		if ((cases[i].can && !cases[i].can()) || cases[i].want < 0)
			continue;
		run_case("native", &cases[i], &got);
		has[cases[i].kind] = true;
		ran[cases[i].kind] |= !strcmp(got.by, "native");
		if (got.why)
			why[cases[i].kind] = got.why;
	}
	for (int kind = 0; kind < RF_OP_NR; kind++)
		if (has[kind] && !ran[kind] && rf_native_has(kind))
			fail_msg("no case of %s is run by the kernel: %s", rf_op_defs[kind].name,
				 why[kind]);
}

void ops_check_coverage(const char *group, const struct ops_case *cases, size_t nr)
{
	for (int kind = 0; kind < RF_OP_NR; kind++) {
		bool succeeds = false, fails = false;

		if (strcmp(rf_op_defs[kind].group, group))
			continue;
		for (size_t i = 0; i < nr; i++) {
			if ((int)cases[i].kind != kind)
				continue;
			succeeds |= cases[i].want >= 0;
			fails |= cases[i].want < 0 || cases[i].never_fails;
		}
		if (!succeeds || !fails)
			fail_msg("%s: no case that %s", rf_op_defs[kind].name,
				 succeeds ? "fails" : "succeeds");
	}
}
