/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the payload task does last: limits, its place, and becoming the command.
 */
#include "compile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#define DEFAULT_PATH	"/usr/local/bin:/usr/bin:/bin"

int rf_plan_exec(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;

	if (sb->part == RF_PART_READY)
		return 0;
	if (!sb->nr_argv && !sb->argv0)
		return rf_err_at(k->err, &sb->command_place, EINVAL, "no command");
	if (sb->exec_fd >= 0 && sb->exec_fd_script) {
		rf_err_at(k->err, &sb->command_place, EINVAL,
			  "descriptor %d is a script, which its interpreter could not open",
			  sb->exec_fd);
		rf_err_hint(k->err, "run the interpreter, and pass the script to it with `fds`");
		return -EINVAL;
	}
	if (sb->exec_fd < 0 && (!sb->nr_argv || !sb->argv[0][0]))
		return rf_err_at(k->err, &sb->command_place, EINVAL, "an empty command");
	return 0;
}

/* ----------------------------------------------------------------- its place */

static void emit_chdir(struct rf_compile *k, const char *path, bool hard)
{
	rf_str p = rf_chain_str(k->c, path);
	struct rf_op *op = rf_chain_add(k->c, RF_OP_CHDIR);

	op->u.chdir.path = p;
	if (hard)
		op->flags |= RF_OP_F_HARD;
}

void rf_emit_place(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;

	rf_chain_set_place(k->c, &sb->terminal_place);
	/* one that was made in advance has been in a session of its own since */
	if (sb->terminal == RF_TERM_PRIVATE && sb->part != RF_PART_ALL)
		(void)rf_prep_ctty(k->c, k->tty);
	else if (sb->terminal == RF_TERM_PRIVATE)
		rf_tty_emit_session(k->c, k->tty);
	if (sb->terminal == RF_TERM_NONE && sb->part == RF_PART_ALL)
		rf_chain_add(k->c, RF_OP_SETSID);
	rf_chain_set_place(k->c, &sb->cwd_place);
	if (sb->cwd) {
		emit_chdir(k, sb->cwd, false);
		return;
	}
	/* where the caller is, if there is such a place inside; else the root */
	emit_chdir(k, "/", false);
	if (sb->caller_cwd && strcmp(sb->caller_cwd, "/") != 0)
		emit_chdir(k, sb->caller_cwd, true);
}

/* -------------------------------------------------------------------- limits */

static void emit_rlimit(struct rf_compile *k, const struct rf_rlimit_spec *limit)
{
	struct rf_op *op;

	rf_chain_set_place(k->c, &limit->place);
	op = rf_chain_add(k->c, RF_OP_RLIMIT);
	op->u.rlimit.resource = (uint32_t)limit->resource;
	op->u.rlimit.soft = limit->soft;
	op->u.rlimit.hard = limit->hard;
}

/*
 * What the caller has instead of what we have, then what the spec says of @resource:
 * that is no way above the hard limit of a caller.
 */
static void emit_rlimit_of(struct rf_compile *k, unsigned int resource)
{
	const struct rf_sandbox *sb = k->sb;
	struct rf_rlimit_spec own = { .resource = (int)resource };

	if (sb->caller && sb->caller->rlimit_set & 1U << resource) {
		own.soft = sb->caller->rlimits[resource].soft;
		own.hard = sb->caller->rlimits[resource].hard;
		emit_rlimit(k, &own);
	}
	if (sb->rlimit_set & 1U << resource)
		emit_rlimit(k, &sb->rlimits[resource]);
}

static void emit_rlimits(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;

	for (unsigned int i = 0; i < sizeof(sb->rlimits) / sizeof(sb->rlimits[0]); i++)
		if (i != RLIMIT_NOFILE)
			emit_rlimit_of(k, i);
	if (!sb->landlock.on)
		rf_emit_nofile(k);
}

/* After the last op that opens something. */
void rf_emit_nofile(struct rf_compile *k)
{
	if (!k->has_nofile)
		emit_rlimit_of(k, RLIMIT_NOFILE);
	k->has_nofile = true;
}

void rf_emit_affinity(struct rf_compile *k, const uint64_t mask[16], const struct rf_place *place)
{
	struct rf_blob b = rf_chain_blob(k->c, mask, 16 * sizeof(*mask));

	rf_chain_set_place(k->c, place);
	rf_chain_add(k->c, RF_OP_AFFINITY)->u.affinity.mask = b;
}

static void emit_memory_policy(struct rf_compile *k)
{
	const struct rf_oci_sandbox *o = &k->sb->oci;
	struct rf_blob nodes = { 0, 0 };
	struct rf_op *op;
	size_t nr = sizeof(o->memory_nodes) / sizeof(*o->memory_nodes);

	if (!o->has_memory_policy)
		return;
	/* no longer than it has to be: a kernel may know fewer nodes */
	while (nr && !o->memory_nodes[nr - 1])
		nr--;
	if (nr)
		nodes = rf_chain_blob(k->c, o->memory_nodes, nr * sizeof(*o->memory_nodes));
	rf_chain_set_place(k->c, &o->memory_place);
	op = rf_chain_add(k->c, RF_OP_MEMPOLICY);
	op->u.mempolicy.mode = o->memory_mode;
	op->u.mempolicy.flags = o->memory_flags;
	op->u.mempolicy.nodes = nodes;
}

static void emit_scheduling(struct rf_compile *k)
{
	const struct rf_oci_sandbox *o = &k->sb->oci;
	struct rf_op *op;

	if (o->has_sched) {
		rf_chain_set_place(k->c, &o->sched_place);
		op = rf_chain_add(k->c, RF_OP_SCHED);
		op->u.sched.policy = o->sched.policy;
		op->u.sched.flags = o->sched.flags;
		op->u.sched.nice = o->sched.nice;
		op->u.sched.priority = o->sched.priority;
		op->u.sched.runtime = o->sched.runtime;
		op->u.sched.deadline = o->sched.deadline;
		op->u.sched.period = o->sched.period;
	}
	if (o->has_ioprio) {
		rf_chain_set_place(k->c, &o->ioprio_place);
		op = rf_chain_add(k->c, RF_OP_IOPRIO);
		op->u.ioprio.prio_class = o->io_class;
		op->u.ioprio.level = o->io_level;
	}
	if (o->has_personality) {
		rf_chain_set_place(k->c, &o->personality_place);
		rf_chain_add(k->c, RF_OP_PERSONALITY)->u.personality.persona = o->persona;
	}
}

void rf_emit_limits(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;

	if (sb->has_nice) {
		rf_chain_set_place(k->c, &sb->nice_place);
		rf_chain_add(k->c, RF_OP_NICE)->u.nice.value = sb->nice;
	}
	if (sb->has_affinity)
		rf_emit_affinity(k, sb->affinity, &sb->affinity_place);
	if (sb->has_oom_score) {
		rf_chain_set_place(k->c, &sb->oom_place);
		rf_chain_add(k->c, RF_OP_OOM_SCORE)->u.oom_score.value = sb->oom_score;
	}
	if (sb->has_umask || sb->caller) {
		rf_chain_set_place(k->c, &sb->umask_place);
		rf_chain_add(k->c, RF_OP_UMASK)->u.umask.mask = sb->has_umask ? sb->umask :
										 sb->caller->umask;
	}
	emit_scheduling(k);
	emit_memory_policy(k);
	emit_rlimits(k);
}

/* ---------------------------------------------------------------------- exec */

struct exec {
	struct rf_vec	 argv, envp;
};

static void emit_one(struct rf_compile *k, const struct exec *e, int32_t slot, const char *path,
		     bool hard)
{
	rf_str p = rf_chain_str(k->c, path);
	struct rf_op *op = rf_chain_add(k->c, RF_OP_EXEC);

	op->u.exec.dir = slot;
	op->u.exec.path = p;
	op->u.exec.argv = e->argv;
	op->u.exec.envp = e->envp;
	op->u.exec.at_flags = slot == RF_SLOT_NONE ? 0 : AT_EMPTY_PATH;
	if (hard)
		op->flags |= RF_OP_F_HARD;
}

/*
 * The next place where the command may be, and how much of $PATH is left in *@rest,
 * NULL at first and after the last.
 */
static char *next_place(struct rf_compile *k, const char **rest)
{
	const char *name = k->sb->argv[0];
	const char *dir = *rest;
	size_t len;
	char *path;

	if (!dir)
		dir = k->sb->path && k->sb->path[0] ? k->sb->path : DEFAULT_PATH;
	len = strcspn(dir, ":");
	/* an empty element is the current directory */
	path = len ? rf_sandbox_printf(k->mem, "%.*s/%s", (int)len, dir, name) :
		     rf_sandbox_printf(k->mem, "./%s", name);
	if (!path)
		rf_no_memory(k);
	*rest = dir[len] == ':' ? dir + len + 1 : NULL;
	return path;
}

/* One exec for each directory of PATH; all but the last may fail. */
static void emit_search(struct rf_compile *k, const struct exec *e)
{
	const char *rest = NULL;

	do {
		const char *path = next_place(k, &rest);

		emit_one(k, e, RF_SLOT_NONE, path, rest);
	} while (rest);
}

void rf_emit_find(struct rf_compile *k)
{
	const char *name = k->sb->argv[0], *rest = NULL;
	const char *list = k->sb->path ? k->sb->path : DEFAULT_PATH;
	size_t most = (strlen(list) + 4) * (strlen(name) + 3), len = 0;
	char *paths = rf_sandbox_alloc(k->mem, most);
	struct rf_blob b;

	if (!paths) {
		rf_no_memory(k);
		return;
	}
	do {
		const char *path = strchr(name, '/') ? name : next_place(k, &rest);

		if (path)
			len += (size_t)(stpcpy(paths + len, path) - (paths + len)) + 1;
	} while (rest);
	rf_chain_set_place(k->c, &k->sb->command_place);
	b = rf_chain_blob(k->c, paths, len);
	rf_chain_add(k->c, RF_OP_FIND)->u.find.paths = b;
}

/* What the command sees as its arguments. */
static char **arguments(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;
	size_t nr = sb->nr_argv ? sb->nr_argv : 1;
	char **argv = rf_sandbox_alloc(k->mem, (nr + 1) * sizeof(*argv));

	if (!argv) {
		rf_no_memory(k);
		return NULL;
	}
	for (size_t i = 0; i < sb->nr_argv; i++)
		argv[i] = sb->argv[i];
	if (sb->argv0) {
		argv[0] = rf_sandbox_strdup(k->mem, sb->argv0);
		if (!argv[0])
			rf_no_memory(k);
	}
	return argv;
}

void rf_emit_signals(struct rf_compile *k)
{
	rf_chain_set_place(k->c, NULL);
	if (k->sb->part == RF_PART_ALL)
		rf_chain_add(k->c, RF_OP_SIGDEFAULT);
	rf_chain_add(k->c, RF_OP_SIGMASK);
}

void rf_emit_exec(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;
	struct exec e;

	rf_chain_set_place(k->c, &sb->command_place);
	e.argv = rf_chain_vec(k->c, arguments(k));
	e.envp = rf_chain_vec(k->c, sb->envp);
	if (sb->exec_fd >= 0)
		emit_one(k, &e, rf_chain_give(k->c, sb->exec_fd), "", false);
	else if (strchr(sb->argv[0], '/'))
		emit_one(k, &e, RF_SLOT_NONE, sb->argv[0], false);
	else
		emit_search(k, &e);
}
