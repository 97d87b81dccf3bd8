/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "failure.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "chain.h"
#include "command.h"
#include "error.h"
#include "hint.h"
#include "trace.h"

static bool is_not_found(int result)
{
	return result == -ENOENT || result == -ENOTDIR;
}

static struct rf_failed failed_op(const struct load *l, int index, int error)
{
	return (struct rf_failed){
		.chain = l->chain,
		.op = &l->chain->ops[index],
		.error = error,
		.sb = l->sb,
		.f = &l->features,
		.host = "",
	};
}

/*
 * EACCES may also be that of a directory of $PATH which the command's user may
 * not search.  Where the host shows that there is no such file in it, nothing
 * was found.
 */
static bool is_absent(const struct load *l, int index)
{
	const struct rf_failed f = failed_op(l, index, EACCES);
	const char *path = l->chain->data + l->chain->ops[index].u.exec.path;
	char host[2 * PATH_MAX];
	struct stat st;

	return path[0] == '/' && rf_hint_host_path(&f, path, host, sizeof(host)) &&
	       lstat(host, &st) < 0;
}

/*
 * The execs of a chain walk $PATH.  One that was found and could not be run
 * says more than those that found nothing.
 */
struct walk {
	int		 nr;		/* execs that were tried */
	int		 index, result;	/* the one to report */
};

static struct walk exec_walk(const struct load *l, const struct rf_context *ctx)
{
	const struct rf_chain *c = l->chain;
	struct walk w = { .index = -1 };
	int result;

	for (uint32_t i = 0; i < c->nr_ops; i++) {
		if (c->ops[i].kind != RF_OP_EXEC || rf_context_op(ctx, (int)i, &result) != 1)
			continue;
		if (result >= 0 || result == -ECANCELED)
			continue;
		if (result == -EACCES && is_absent(l, (int)i))
			result = -ENOENT;
		w.nr++;
		if (w.index < 0 || is_not_found(w.result)) {
			w.index = (int)i;
			w.result = result;
		}
	}
	return w;
}

void failure_hint(const struct load *l, int index, int error, struct rf_err *err)
{
	const struct rf_failed failed = failed_op(l, index, error);

	(void)rf_hint(&failed, err);
}

static void exec_failed(const struct load *l, const struct walk *w, struct failure *ret,
			struct rf_err *err)
{
	const struct rf_sandbox *sb = l->sb;
	const struct rf_chain *c = l->chain;
	const char *file = c->data + c->ops[w->index].u.exec.path;

	ret->index = w->index;
	ret->status = is_not_found(w->result) ? STATUS_NOT_FOUND : STATUS_NO_EXEC;
	if (w->nr > 1 && is_not_found(w->result) && sb->nr_argv && sb->path)
		rf_err_at(err, &sb->command_place, -w->result, "exec %s: looked for in %s",
			  sb->argv[0], sb->path);
	else
		rf_err_at(err, &sb->command_place, -w->result, "exec %s",
			  c->ops[w->index].u.exec.path ? file : "descriptor");
	failure_hint(l, w->index, -w->result, err);
}

/* One rule of many: its place and what it is for say more than the whole op. */
static bool landlock_failed(const struct load *l, const struct rf_context *ctx,
			    const struct rf_completion *done, struct rf_err *err)
{
	const struct rf_landlock_op_rule *rule = rf_context_failed_rule(ctx, (uint32_t)done->index);
	const struct rf_landlock_rule *said;
	const char *path;

	if (!rule)
		return false;
	path = rule->path ? l->chain->data + rule->path : NULL;
	said = rf_landlock_rule_of(l->sb, path, rule->port);
	if (path)
		rf_err_at(err, said ? &said->place : NULL, -done->result, "landlock %s", path);
	else
		rf_err_at(err, said ? &said->place : NULL, -done->result, "landlock port %u",
			  rule->port);
	if (path && done->result == -ENOENT)
		rf_err_hint(err, "the sandbox has no %s; {path: %s, optional: true} leaves the rule "
			    "out then", path, path);
	failure_hint(l, done->index, -done->result, err);
	return true;
}

void failure_of_op(const struct load *l, const struct rf_context *ctx,
		   const struct rf_completion *done, struct failure *ret,
		   struct rf_err *err)
{
	const struct rf_chain *c = l->chain;
	struct rf_place place = op_place(c, done->index);
	struct rf_place other;
	int covering;
	char text[OP_TEXT_MAX];

	ret->index = done->index;
	ret->status = STATUS_SANDBOX;
	if (done->index < 0) {
		rf_err_set(err, -done->result, "the sandbox");
		return;
	}
	if (c->ops[done->index].kind == RF_OP_EXEC) {
		struct walk w = exec_walk(l, ctx);

		if (w.index >= 0) {
			exec_failed(l, &w, ret, err);
			return;
		}
	}
	if (landlock_failed(l, ctx, done, err))
		return;
	op_text(c, done->index, text);
	covering = c->ops[done->index].kind == RF_OP_VERIFY ? rf_context_covering(ctx) : -1;
	if (covering >= 0) {
		other = op_place(c, covering);
		rf_err_at(err, &place, -done->result, "%s: covered by the entry at %s:%u:%u", text,
			  other.file ? other.file : "-", other.line, other.col);
	} else {
		rf_err_at(err, &place, -done->result, "%s", text);
	}
	failure_hint(l, done->index, -done->result, err);
}

static bool same_place(const struct rf_place *a, const struct rf_place *b)
{
	return a->line == b->line && a->col == b->col &&
	       (a->file == b->file || (a->file && b->file && strcmp(a->file, b->file) == 0));
}

/* Whether a hard-linked op of @m has failed. */
static bool was_skipped(const struct rf_chain *c, const struct rf_context *ctx,
			const struct rf_mount *m)
{
	int result;

	for (uint32_t i = 0; i < c->nr_ops; i++) {
		struct rf_place place;

		if (!(c->ops[i].flags & RF_OP_F_HARD) || c->ops[i].kind == RF_OP_EXEC)
			continue;
		place = op_place(c, (int)i);
		if (!same_place(&place, &m->place) && !same_place(&place, &m->at_place))
			continue;
		if (rf_context_op(ctx, (int)i, &result) == 1 && result < 0 && result != -ECANCELED)
			return true;
	}
	return false;
}

void failure_skipped(const struct load *l, const struct rf_context *ctx,
		     const struct rf_mount ***ret, size_t *ret_nr)
{
	const struct rf_sandbox *sb = l->sb;
	const struct rf_mount **list;
	size_t nr = 0, max = 0;

	for (size_t i = 0; i < sb->nr_mounts; i++)
		max += !!(sb->mounts[i].flags & RF_MF_OPTIONAL);
	if (!max)
		return;
	list = calloc(max, sizeof(list[0]));
	if (!list)
		return;
	for (size_t i = 0; i < sb->nr_mounts; i++) {
		const struct rf_mount *m = &sb->mounts[i];

		if (!(m->flags & RF_MF_OPTIONAL))
			continue;
		if ((m->flags & RF_MF_ABSENT) || was_skipped(l->chain, ctx, m))
			list[nr++] = m;
	}
	*ret = list;
	*ret_nr = nr;
}
