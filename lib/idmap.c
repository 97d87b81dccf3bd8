/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Id maps that the context cannot write itself: the submitter writes them, or
 * has newuidmap(1) and newgidmap(1) write them, while the context waits.
 *
 * The pid in the paths is safe: the task that asks is our child, has not exec'd and
 * is not reaped, so nobody else can have its number.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"
#include "ring.h"

static const char *text_of(const struct rf_context *ctx, struct rf_blob b)
{
	return (const char *)ctx->area + ctx->area->off_data + b.off;
}

/* The kernel takes a map in one write only. */
static int write_whole(pid_t pid, const char *name, const char *text, size_t len)
{
	char path[64];
	ssize_t n;
	int fd, r = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n != (ssize_t)len)
		r = n < 0 ? -errno : -EIO;
	(void)close(fd);
	return r;
}

static int write_maps(struct rf_context *ctx, uint32_t index)
{
	const struct rf_op *op = rf_op_at(ctx, index);
	const pid_t pid = rf_context_runner(ctx, index)->pid;
	int r = 0;

	if (op->u.idmap.deny)
		r = write_whole(pid, "setgroups", "deny", 4);
	if (r == 0)
		r = write_whole(pid, "gid_map", text_of(ctx, op->u.idmap.gid_map),
				op->u.idmap.gid_map.len);
	if (r == 0)
		r = write_whole(pid, "uid_map", text_of(ctx, op->u.idmap.uid_map),
				op->u.idmap.uid_map.len);
	return r;
}

/* ------------------------------------------------------------------- helpers */

#define HELPER_ARGS 1100	/* 340 lines of three numbers, the kernel's limit, and some */

static int helper_path(const char *name, char *buf, size_t size)
{
	for (const char *const *dir = rf_helper_dirs; *dir; dir++) {
		(void)snprintf(buf, size, "%s/%s", *dir, name);
		if (access(buf, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

/* "name PID in out count in out count ...": @map is what the kernel would read. */
static int helper_submit(struct rf_context *ctx, uint32_t index, int step,
			 const char *name, const char *map, size_t len)
{
	char path[64], pid[24], *words = strndup(map, len), *save = NULL;
	char *argv[HELPER_ARGS], *envp[] = { NULL };
	struct rf_chain *chain = rf_chain_new();
	struct rf_context *helper;
	size_t n = 0;
	int r = helper_path(name, path, sizeof(path));

	if (!words || !chain)
		r = -ENOMEM;
	if (r < 0)
		goto out;
	(void)snprintf(pid, sizeof(pid), "%d", (int)rf_context_runner(ctx, index)->pid);
	argv[n++] = path;
	argv[n++] = pid;
	for (char *w = strtok_r(words, " \n", &save); w && n < HELPER_ARGS - 1;
	     w = strtok_r(NULL, " \n", &save))
		argv[n++] = w;
	argv[n] = NULL;
	(void)rf_prep_clone(chain, RF_CLONE_CONTEXT, 0);
	(void)rf_prep_close_range(chain);
	(void)rf_chain_add(chain, RF_OP_SIGDEFAULT);
	(void)rf_chain_add(chain, RF_OP_SIGMASK);
	(void)rf_prep_exec(chain, path, argv, envp);
	r = rf_submit(ctx->ring, chain, 0, 0, &helper, NULL);
	if (r == 0) {
		helper->internal = true;
		helper->asker = ctx;
		helper->ask_op = (int)index;
		helper->ask_step = step;
		r = 1;
	}
out:
	(void)rf_chain_free(chain);
	free(words);
	return r;
}

int rf_idmap_start(struct rf_context *ctx, uint32_t index)
{
	const struct rf_op *op = rf_op_at(ctx, index);

	if (op->kind != RF_OP_IDMAP)
		return -EINVAL;
	if (op->u.idmap.by == RF_IDMAP_SUBMITTER)
		return write_maps(ctx, index);
	return helper_submit(ctx, index, 0, "newgidmap", text_of(ctx, op->u.idmap.gid_map),
			     op->u.idmap.gid_map.len);
}

/* A helper has ended: its message is on stderr, its failure is EPERM here. */
void rf_idmap_continue(struct rf_context *helper, int status)
{
	struct rf_context *ctx = helper->asker;
	uint32_t index = (uint32_t)helper->ask_op;
	const struct rf_op *op;
	int r = status == 0 ? 0 : -EPERM;

	if (!ctx)
		return;
	op = rf_op_at(ctx, index);
	if (r == 0 && helper->ask_step == 0)
		r = helper_submit(ctx, index, 1, "newuidmap", text_of(ctx, op->u.idmap.uid_map),
				  op->u.idmap.uid_map.len);
	if (r <= 0)
		rf_context_answer(ctx, index, r);
}
