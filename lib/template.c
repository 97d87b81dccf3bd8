/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a context may have done that is to be copied: rf_context_clone().
 *
 * A copy has what it inherits, and what all copies have is shared by them.  So a
 * template stops before whatever one copy could write and another read, and before
 * what cannot be inherited at all; each copy makes those by itself.  The former may
 * be shared on purpose (rf_op_share()), the latter not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>

#include "chain.h"
#include "compat.h"
#include "error.h"
#include "ring.h"

enum how {
	UNKNOWN = 0,	/* no row: a new kind of op; refused */
	COPIED,		/* a copy has it for itself, or what it has is as good as its own */
	SHARED,		/* what it makes all copies would share */
	JUDGED,		/* by its arguments */
};

struct verdict {
	enum how	 how;
	const char	*what;		/* SHARED: what it makes; else words of the refusal */
};

#define REFUSED UNKNOWN
#define SHARES(words) ((struct verdict){ SHARED, "copies would share the " words })
#define REFUSES(words) ((struct verdict){ REFUSED, words })
static const struct verdict copied = { COPIED, NULL };

#define CHANNELS (CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS)
#define FOR_CHILDREN (CLONE_NEWPID | CLONE_NEWTIME)

static struct verdict judge_flags(uint64_t flags)
{
	if (flags & FOR_CHILDREN)
		return REFUSES("a copy would be born into the namespace that the context has "
			       "made for its children");
	if (flags & CHANNELS)
		return SHARES("ipc, net or uts namespace");
	return copied;
}

static struct verdict judge_clone(const struct rf_op *op)
{
	switch (op->u.clone.as) {
	case RF_CLONE_INIT:
		return REFUSES("a copy could not have a pid 1 of its own");
	case RF_CLONE_PAYLOAD: case RF_CLONE_APART:
		return REFUSES("the payload task cannot be copied");
	default:
		return judge_flags(op->u.clone.flags);
	}
}

/* Reports go to whoever has opened it, so the submitter could not ask. */
static struct verdict judge_gate(const struct rf_op *op)
{
	return op->u.gate.slot >= 0 ? REFUSES("it is somebody else who opens it") : copied;
}

static struct verdict judge_unshare(const struct rf_op *op)
{
	return judge_flags(op->u.unshare.flags);
}

/* What is joined on purpose is shared on purpose; but no pid namespace moves this task. */
static struct verdict judge_setns(const struct rf_op *op)
{
	if (!op->u.setns.nstype || op->u.setns.nstype & FOR_CHILDREN)
		return REFUSES("a copy would be born into a namespace that the context is not in");
	return copied;
}

/* Of a directory nobody minds. */
static struct verdict judge_open(const struct rf_op *op)
{
	if (op->u.open.flags & (O_PATH | O_DIRECTORY))
		return copied;
	return SHARES("file, or where it is read from");
}

static struct verdict judge_capset(const struct rf_op *op)
{
	if (op->u.capset.effective >> CAP_SYS_ADMIN & 1)
		return copied;
	return REFUSES("gives up CAP_SYS_ADMIN, which a copy needs for what is its own");
}

static struct verdict judge_landlock(const struct rf_op *op)
{
	return op->u.landlock.fs ? REFUSES("in its domain a copy could mount nothing") : copied;
}

struct row {
	enum how	 how;
	const char	*what;
	struct verdict	(*judge)(const struct rf_op *op);
};

#define COPY		{ .how = COPIED }
#define SHARE(words)	{ .how = SHARED, .what = "copies would share the " words }
#define REFUSE(words)	{ .how = REFUSED, .what = words }
#define JUDGE(fn)	{ .how = JUDGED, .judge = fn }

/* An op that is missing here is refused; tests/unit/test_template looks for holes. */
static const struct row rows[RF_OP_NR] = {
	[RF_OP_CLONE] = JUDGE(judge_clone),
	[RF_OP_UNSHARE] = JUDGE(judge_unshare),
	[RF_OP_SETNS] = JUDGE(judge_setns),
	[RF_OP_JOIN_CGROUP] = SHARE("control group"),
	[RF_OP_EXEC] = COPY,		/* it has failed, or there would be no context */
	[RF_OP_GATE] = JUDGE(judge_gate),
	[RF_OP_EXIT] = COPY,

	[RF_OP_OPEN] = JUDGE(judge_open),
	[RF_OP_DUP] = COPY,
	[RF_OP_CLOSE] = COPY,
	[RF_OP_CLOSE_RANGE] = COPY,
	[RF_OP_PIPE] = SHARE("pipe"),
	[RF_OP_PTY] = SHARE("terminal"),
	[RF_OP_SOCKET] = SHARE("socket"),
	[RF_OP_MEMFD] = SHARE("file, or where it is read from"),
	[RF_OP_SEND_FDS] = COPY,
	[RF_OP_RECV_FDS] = SHARE("descriptors that it receives"),

	/* unattached only one copy could have it: judge() */
	[RF_OP_OPEN_TREE] = COPY,
	[RF_OP_MKFS] = SHARE("file system"),
	[RF_OP_MOUNT_SETATTR] = COPY,
	[RF_OP_MOVE_MOUNT] = COPY,
	[RF_OP_PIVOT_ROOT] = COPY,
	[RF_OP_UMOUNT] = COPY,
	[RF_OP_VERIFY] = COPY,
	[RF_OP_MASK] = COPY,

	[RF_OP_MKDIR] = COPY,
	[RF_OP_MKFILE] = COPY,
	[RF_OP_SYMLINK] = COPY,
	[RF_OP_MKNOD] = COPY,
	[RF_OP_WRITE] = COPY,
	[RF_OP_CHOWN] = COPY,
	[RF_OP_CHMOD] = COPY,
	[RF_OP_UNLINK] = COPY,
	[RF_OP_COPY_DIR] = COPY,
	[RF_OP_FIND] = COPY,

	[RF_OP_IDMAP] = COPY,
	[RF_OP_SETGROUPS] = COPY,
	[RF_OP_SETRESGID] = COPY,
	[RF_OP_SETRESUID] = COPY,	/* what it has cost is seen by rf_copy_make() */
	[RF_OP_CAPSET] = JUDGE(judge_capset),
	[RF_OP_CAPBSET] = COPY,
	[RF_OP_AMBIENT] = COPY,
	[RF_OP_SECUREBITS] = COPY,
	[RF_OP_NO_NEW_PRIVS] = COPY,
	[RF_OP_KEYRING] = SHARE("session keyring"),
	[RF_OP_LABEL] = COPY,

	[RF_OP_RLIMIT] = COPY,
	[RF_OP_SCHED] = COPY,
	[RF_OP_AFFINITY] = COPY,
	[RF_OP_NICE] = COPY,
	[RF_OP_IOPRIO] = COPY,
	[RF_OP_MEMPOLICY] = COPY,
	[RF_OP_OOM_SCORE] = COPY,
	[RF_OP_UMASK] = COPY,
	[RF_OP_PERSONALITY] = COPY,
	[RF_OP_LANDLOCK] = JUDGE(judge_landlock),
	[RF_OP_SECCOMP] = REFUSE("its filter may refuse what a copy has to do"),

	[RF_OP_CHDIR] = COPY,
	[RF_OP_CHROOT] = COPY,
	[RF_OP_HOSTNAME] = COPY,
	[RF_OP_SYSCTL] = COPY,
	[RF_OP_SETSID] = SHARE("session, whose signals reach all of them"),
	[RF_OP_CTTY] = SHARE("terminal"),
	[RF_OP_PDEATHSIG] = COPY,	/* set again: it is not inherited */
	[RF_OP_SIGDEFAULT] = COPY,
	[RF_OP_SIGMASK] = COPY,

	[RF_OP_LINK_UP] = COPY,
	[RF_OP_MOVE_LINK] = COPY,	/* it is the namespace's, which is judged */
};

/* One op's descriptor, before the context is copied: closed, and under no other number. */
static bool is_closed(const struct rf_op *ops, uint32_t nr, uint32_t index)
{
	const int32_t slot = ops[index].out;
	bool closed = false;

	if (!(rf_op_defs[ops[index].kind].flags & RF_OPF_MAKES_FD))
		return false;
	for (uint32_t i = index + 1; i < nr; i++) {
		if (ops[i].kind == RF_OP_DUP && ops[i].u.dup.slot == slot)
			return false;
		closed |= ops[i].kind == RF_OP_CLOSE && ops[i].u.close.slot == slot;
	}
	return closed;
}

static bool is_attached(const struct rf_op *ops, uint32_t nr, uint32_t index)
{
	for (uint32_t i = index + 1; i < nr; i++)
		if (ops[i].kind == RF_OP_MOVE_MOUNT && ops[i].u.move_mount.from == ops[index].out)
			return true;
	return false;
}

static struct verdict judge(const struct rf_op *ops, uint32_t nr, uint32_t index)
{
	const struct rf_op *op = &ops[index];
	const struct row *row = &rows[op->kind];

	if (op->kind == RF_OP_OPEN_TREE && op->u.open_tree.flags & OPEN_TREE_CLONE &&
	    !is_attached(ops, nr, index) && !is_closed(ops, nr, index))
		return (struct verdict){ SHARED, "only one copy could attach it" };
	/* what was made for a moment; a file system may be attached, whatever is closed */
	if (op->kind != RF_OP_MKFS && is_closed(ops, nr, index))
		return copied;
	if (row->judge)
		return row->judge(op);
	return (struct verdict){ row->how, row->what };
}

const char *rf_template_refusal(const struct rf_op *ops, uint32_t nr, uint32_t *ret_index)
{
	for (uint32_t i = 0; i < nr; i++) {
		struct verdict v = judge(ops, nr, i);

		if (v.how == COPIED || (v.how == SHARED && ops[i].flags & RF_OP_F_SHARED))
			continue;
		*ret_index = i;
		return v.what ? v.what : "nobody knows what copies would share";
	}
	return NULL;
}

bool rf_template_knows(enum rf_op_kind kind)
{
	return rows[kind].how != UNKNOWN || rows[kind].what;
}

static bool makes(const struct rf_op *op, uint64_t ns)
{
	const uint64_t flags = op->kind == RF_OP_CLONE ? op->u.clone.flags :
			       op->kind == RF_OP_UNSHARE ? op->u.unshare.flags : 0;

	return flags & ns;
}

/* What joins one has memory of its own anyway. */
bool rf_template_has_users(const struct rf_op *ops, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		if (makes(&ops[i], CLONE_NEWUSER))
			return true;
	return false;
}

/* A task that is made, or the command, has the mount namespace as well. */
static bool uses_mounts(const struct rf_op *op)
{
	return op->kind == RF_OP_CLONE || op->kind == RF_OP_EXEC ||
	       rf_op_defs[op->kind].phase == RF_PHASE_FILESYSTEM;
}

int rf_template_shared_mounts(const struct rf_op *ops, uint32_t nr, uint32_t copied_at)
{
	bool shared = false;

	for (uint32_t i = 0; i < copied_at; i++)
		shared |= makes(&ops[i], CLONE_NEWNS) && !(ops[i].flags & RF_OP_F_SHARED);
	for (uint32_t i = copied_at; shared && i < nr; i++) {
		if (makes(&ops[i], CLONE_NEWNS) ||
		    (ops[i].kind == RF_OP_SETNS && ops[i].u.setns.nstype & CLONE_NEWNS))
			return -1;
		if (uses_mounts(&ops[i]))
			return (int)i;
	}
	return -1;
}

int rf_chain_check_template(const struct rf_chain *c, struct rf_err *err)
{
	uint32_t index = 0;
	const char *why;
	int r = rf_chain_check(c, err);

	if (r < 0)
		return r;
	if (c->ops[c->nr_ops - 1].kind != RF_OP_GATE)
		return rf_chain_refuse(c, c->nr_ops - 1, "a template ends in a gate", err);
	why = rf_template_refusal(c->ops, c->nr_ops, &index);
	return why ? rf_chain_refuse(c, index, why, err) : 0;
}
