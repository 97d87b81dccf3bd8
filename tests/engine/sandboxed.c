/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandboxed.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "probe.h"
#include "sandbox.h"
#include "spec.h"

void sandboxed_need_calls(void)
{
	const char *call = harness_refused_call();

	SKIP_UNLESS(!call, call, "%s: %s", call, strerror(errno));
}

void sandboxed_need(void)
{
	sandboxed_need_calls();
	SKIP_UNLESS(harness_has_userns(), "userns", "no user namespaces");
}

static int argc_of(char *const argv[])
{
	int n = 0;

	while (argv[n])
		n++;
	return n;
}

static struct rf_chain *chain_of(struct rf_sandbox *sb, const char *scratch, char *const argv[],
				 int r, struct rf_err *err)
{
	struct rf_features f;
	struct rf_chain *c = NULL;

	if (r == 0)
		r = rf_command_set(argc_of(argv), argv, sb, err);
	if (r == 0)
		r = rf_probe(&f, err);
	if (r == 0)
		r = rf_probe_subids(&f, err);
	if (r == 0)
		r = rf_sandbox_resolve(sb, &f, 0, err);
	if (r == 0 && scratch)
		sb->scratch = scratch;
	if (r == 0)
		r = rf_compile(sb, &f, &c, err);
	if (r < 0)
		fail_msg("%s:%u:%u: %s: %s", err->file, err->line, err->col, err->msg, strerror(-r));
	rf_sandbox_free(sb);
	return c;
}

struct rf_chain *sandboxed_file(const char *file, const char *scratch, char *const argv[])
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;

	return chain_of(sb, scratch, argv, rf_spec_load(file, sb, &err), &err);
}

struct rf_chain *sandboxed_text(const char *text, const char *scratch, char *const argv[])
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;

	return chain_of(sb, scratch, argv, rf_spec_parse("spec", text, strlen(text), 0, sb, &err),
			&err);
}

struct rf_chain *sandboxed_shell(const char *text, const char *command)
{
	char *const argv[] = { (char[]){ "/bin/sh" }, (char[]){ "-c" },
			       (char *)(uintptr_t)command, NULL };

	return sandboxed_text(text, NULL, argv);
}

enum rf_engine_kind sandboxed_engine(const char *name)
{
	static const struct { const char *name; enum rf_engine_kind kind; } engines[] = {
		{ "ring", RF_ENGINE_RING }, { "plain", RF_ENGINE_PLAIN },
		{ "native", RF_ENGINE_NATIVE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(engines); i++)
		if (!strcmp(name, engines[i].name))
			return engines[i].kind;
	fail_msg("no engine is called %s", name);
	return RF_ENGINE_AUTO;
}

struct rf_ring *sandboxed_ring(void)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_ring *ring;

	if (rf_ring_new(sandboxed_engine(harness_engine()), &ring, &err) < 0)
		fail_msg("%s: %s", err.msg, strerror(err.code));
	EXPECT_STR(harness_engine(), rf_ring_engine(ring, NULL));
	return ring;
}

struct rf_context *sandboxed_submit(struct rf_ring *ring, const struct rf_chain *c,
				    unsigned int flags)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_context *ctx;

	if (rf_submit(ring, c, flags, 0, &ctx, &err) < 0)
		fail_msg("%s: %s", err.msg, strerror(err.code));
	return ctx;
}

/* The master of a private terminal, which is hung up without it: until the launch is over. */
static void hold(const struct rf_completion *d)
{
	static int held = -1;

	if (d->kind != RF_DONE_FD && d->kind != RF_DONE_EXIT && d->kind != RF_DONE_FAILED)
		return;
	if (held >= 0)
		(void)close(held);
	held = d->kind == RF_DONE_FD ? d->result : -1;
}

struct rf_completion sandboxed_until(struct rf_ring *ring, enum rf_completion_kind kind)
{
	struct rf_completion d;

	do {
		EXPECT_INT(1, rf_ring_wait(ring, -1, &d));
		hold(&d);
	} while (d.kind != kind && d.kind != RF_DONE_EXIT && d.kind != RF_DONE_FAILED);
	return d;
}

void sandboxed_expect(struct rf_ring *ring, struct rf_chain *c, int status)
{
	struct rf_completion d;
	char line[1024] = "";

	sandboxed_submit(ring, c, 0);
	d = sandboxed_until(ring, RF_DONE_EXIT);
	if (d.index >= 0)
		rf_chain_print(c, d.index, line, sizeof(line));
	if (d.kind != RF_DONE_EXIT)
		fail_msg("op %d, %s: %s", d.index, line, strerror(-d.result));
	EXPECT_INT(0, d.result);
	EXPECT_TRUE(WIFEXITED(d.status));
	EXPECT_INT(status, WEXITSTATUS(d.status));
	rf_chain_free(c);
}

int sandboxed_find(const struct rf_chain *c, enum rf_op_kind kind, int from)
{
	for (int i = from; i < (int)c->nr_ops; i++)
		if (c->ops[i].kind == kind)
			return i;
	return -1;
}

void sandboxed_gate(struct rf_chain *c, int index)
{
	struct rf_op gate;

	rf_prep_gate(c);
	EXPECT_INT(0, c->error);
	gate = c->ops[c->nr_ops - 1];
	memmove(c->ops + index + 1, c->ops + index,
		(c->nr_ops - 1 - (uint32_t)index) * sizeof(gate));
	c->ops[index] = gate;
}

void sandboxed_no_children(void)
{
	pid_t pid = waitpid(-1, NULL, __WALL | WNOHANG);

	if (pid >= 0)
		fail_msg("%s", pid ? "a dead process is left" : "a process is left");
	EXPECT_INT(ECHILD, errno);
}

void sandboxed_become_user(void)
{
	if (!harness_is_root())
		return;
	EXPECT_INT(0, setgroups(0, NULL));
	EXPECT_INT(0, setresgid(65534, 65534, 65534));
	EXPECT_INT(0, setresuid(65534, 65534, 65534));
	EXPECT_INT(0, prctl(PR_SET_DUMPABLE, 1));
}

char *sandboxed_read(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t len = 0;

	assert_non_null(in);
	/* up to a NUL, of which there is none */
	if (getdelim(&text, &len, '\0', in) < 0)
		EXPECT_FALSE(ferror(in));
	fclose(in);
	return text ? text : strdup("");
}

static FILE *listing;

static int list_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)type;
	(void)ftw;
	fprintf(listing, "%s %o %u %u %lld\n", path, st->st_mode, st->st_uid, st->st_gid,
		(long long)st->st_size);
	return 0;
}

char *sandboxed_host_state(const char *dir)
{
	struct if_nameindex *links = if_nameindex();
	char *text = NULL, *part;
	size_t len;

	listing = open_memstream(&text, &len);
	assert_non_null(listing);
	for (const struct if_nameindex *l = links; l && l->if_index; l++)
		fprintf(listing, "%u %s\n", l->if_index, l->if_name);
	if_freenameindex(links);
	part = sandboxed_read("/proc/self/mountinfo");
	fputs(part, listing);
	free(part);
	part = sandboxed_read("/proc/self/cgroup");
	fputs(part, listing);
	free(part);
	EXPECT_INT(0, nftw(dir, list_entry, 16, FTW_PHYS));
	fclose(listing);
	return text;
}
