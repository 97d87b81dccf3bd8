/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public builder calls: one function per op that callers build by hand.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"

/* Index of the op just added, or the builder's sticky error. */
static int added(const struct rf_chain *c)
{
	return c->error ? -c->error : (int)c->nr_ops - 1;
}

/* @op fills a fresh slot. */
static void fills(struct rf_chain *c, struct rf_op *op, int *ret_slot)
{
	op->out = rf_chain_slot(c);
	if (!c->error)
		*ret_slot = op->out;
}

int rf_prep_clone(struct rf_chain *c, enum rf_clone_as as, uint64_t flags)
{
	struct rf_op *op = rf_chain_add(c, RF_OP_CLONE);

	op->u.clone.as = as;
	op->u.clone.flags = flags;
	if (as == RF_CLONE_INIT)
		c->has_init = true;
	return added(c);
}

int rf_prep_unshare(struct rf_chain *c, uint64_t flags)
{
	rf_chain_add(c, RF_OP_UNSHARE)->u.unshare.flags = flags;
	return added(c);
}

int rf_prep_setns(struct rf_chain *c, int slot, uint64_t nstype)
{
	struct rf_op *op = rf_chain_add(c, RF_OP_SETNS);

	op->u.setns.slot = slot;
	op->u.setns.nstype = nstype;
	/* tasks that share memory can be seen from the namespace they join */
	if (!c->own_image)
		c->own_from = c->nr_ops - 1;
	c->own_image = true;
	return added(c);
}

int rf_prep_execat(struct rf_chain *c, int slot, const char *path,
		   char *const argv[], char *const envp[], int at_flags)
{
	struct rf_op *op;
	rf_str p = rf_chain_str(c, path ? path : "");
	struct rf_vec a = rf_chain_vec(c, argv), e = rf_chain_vec(c, envp);

	op = rf_chain_add(c, RF_OP_EXEC);
	op->u.exec.dir = slot;
	op->u.exec.path = p;
	op->u.exec.argv = a;
	op->u.exec.envp = e;
	op->u.exec.at_flags = (uint32_t)at_flags;
	return added(c);
}

int rf_prep_exec(struct rf_chain *c, const char *path, char *const argv[], char *const envp[])
{
	return rf_prep_execat(c, RF_SLOT_NONE, path, argv, envp, 0);
}

int rf_prep_gate(struct rf_chain *c)
{
	rf_chain_add(c, RF_OP_GATE)->u.gate.nr = ++c->nr_gates;
	return added(c);
}

int rf_prep_exit(struct rf_chain *c, int status)
{
	rf_chain_add(c, RF_OP_EXIT)->u.exit.status = status;
	return added(c);
}

int rf_prep_open(struct rf_chain *c, int dir_slot, const char *path, uint64_t flags,
		 unsigned int mode, uint64_t resolve, int *ret_slot)
{
	rf_str p = rf_chain_str(c, path);
	struct rf_op *op = rf_chain_add(c, RF_OP_OPEN);

	op->u.open.dir = dir_slot;
	op->u.open.path = p;
	op->u.open.flags = flags | O_CLOEXEC;
	op->u.open.mode = mode;
	op->u.open.resolve = resolve;
	fills(c, op, ret_slot);
	return added(c);
}

int rf_prep_dup(struct rf_chain *c, int slot, int to_fd)
{
	struct rf_op *op = rf_chain_add(c, RF_OP_DUP);

	op->u.dup.slot = slot;
	op->u.dup.from = -1;
	op->u.dup.to = to_fd;
	return added(c);
}

int rf_prep_close(struct rf_chain *c, int slot)
{
	rf_chain_add(c, RF_OP_CLOSE)->u.close.slot = slot;
	return added(c);
}

int rf_prep_close_range(struct rf_chain *c)
{
	rf_chain_add(c, RF_OP_CLOSE_RANGE);
	return added(c);
}

int rf_prep_pipe(struct rf_chain *c, int flags, int *ret_read, int *ret_write)
{
	struct rf_op *op = rf_chain_add(c, RF_OP_PIPE);

	op->u.pipe.flags = (uint32_t)flags | O_CLOEXEC;
	fills(c, op, ret_read);
	op->out2 = rf_chain_slot(c);
	if (!c->error)
		*ret_write = op->out2;
	return added(c);
}

int rf_prep_pty(struct rf_chain *c, int devpts, const char *ptmx, unsigned int rows,
		unsigned int cols, int *ret_master, int *ret_terminal)
{
	rf_str path = rf_chain_str(c, ptmx);
	struct rf_op *op = rf_chain_add(c, RF_OP_PTY);

	op->u.pty.dir = devpts;
	op->u.pty.path = path;
	op->u.pty.rows = rows;
	op->u.pty.cols = cols;
	fills(c, op, ret_master);
	op->out2 = rf_chain_slot(c);
	if (!c->error)
		*ret_terminal = op->out2;
	return added(c);
}

int rf_prep_send_fd(struct rf_chain *c, int slot)
{
	const int32_t slots[1] = { slot };
	struct rf_blob b = rf_chain_blob(c, slots, sizeof(slots));
	struct rf_op *op = rf_chain_add(c, RF_OP_SEND_FDS);

	op->u.send_fds.sock = RF_SLOT_NONE;
	op->u.send_fds.slots = b;
	return added(c);
}

int rf_prep_memfd(struct rf_chain *c, const char *name, const void *data, size_t len,
		  int *ret_slot)
{
	rf_str n = rf_chain_str(c, name);
	struct rf_blob b = rf_chain_blob(c, data, len);
	struct rf_op *op = rf_chain_add(c, RF_OP_MEMFD);

	op->u.memfd.name = n;
	op->u.memfd.content = b;
	fills(c, op, ret_slot);
	return added(c);
}

int rf_prep_write(struct rf_chain *c, int slot, const char *path, const void *data, size_t len)
{
	rf_str p = rf_chain_str(c, path);
	struct rf_blob b = rf_chain_blob(c, data, len);
	struct rf_op *op = rf_chain_add(c, RF_OP_WRITE);

	op->u.write.dir = slot;
	op->u.write.path = p;
	op->u.write.data = b;
	return added(c);
}

int rf_prep_chdir(struct rf_chain *c, int slot, const char *path)
{
	rf_str p = rf_chain_str(c, path);
	struct rf_op *op = rf_chain_add(c, RF_OP_CHDIR);

	op->u.chdir.dir = slot;
	op->u.chdir.path = p;
	return added(c);
}

int rf_prep_hostname(struct rf_chain *c, const char *name)
{
	rf_str n = rf_chain_str(c, name);

	rf_chain_add(c, RF_OP_HOSTNAME)->u.hostname.name = n;
	return added(c);
}

int rf_prep_rlimit(struct rf_chain *c, int resource, uint64_t soft, uint64_t hard)
{
	struct rf_op *op = rf_chain_add(c, RF_OP_RLIMIT);

	op->u.rlimit.resource = (uint32_t)resource;
	op->u.rlimit.soft = soft;
	op->u.rlimit.hard = hard;
	return added(c);
}

int rf_prep_umask(struct rf_chain *c, unsigned int mask)
{
	rf_chain_add(c, RF_OP_UMASK)->u.umask.mask = mask;
	return added(c);
}

int rf_prep_setsid(struct rf_chain *c)
{
	rf_chain_add(c, RF_OP_SETSID);
	return added(c);
}

int rf_prep_ctty(struct rf_chain *c, int slot)
{
	struct rf_op *op = rf_chain_add(c, RF_OP_CTTY);

	op->u.ctty.slot = slot;
	op->u.ctty.fd = -1;
	return added(c);
}

int rf_prep_pdeathsig(struct rf_chain *c, int sig)
{
	rf_chain_add(c, RF_OP_PDEATHSIG)->u.pdeathsig.sig = (uint32_t)sig;
	return added(c);
}

int rf_prep_no_new_privs(struct rf_chain *c)
{
	rf_chain_add(c, RF_OP_NO_NEW_PRIVS);
	return added(c);
}

int rf_prep_sigdefault(struct rf_chain *c)
{
	rf_chain_add(c, RF_OP_SIGDEFAULT);
	return added(c);
}

int rf_prep_sigmask(struct rf_chain *c, uint64_t mask)
{
	rf_chain_add(c, RF_OP_SIGMASK)->u.sigmask.mask = mask;
	return added(c);
}

int rf_prep_seccomp(struct rf_chain *c, const struct sock_filter *insns, size_t nr,
		    unsigned int flags)
{
	struct rf_blob program = rf_chain_blob(c, insns, nr * sizeof(*insns));
	char name[40];
	struct rf_op *op;
	rf_str n;

	snprintf(name, sizeof(name), "%zu instructions", nr);
	n = rf_chain_str(c, name);
	op = rf_chain_add(c, RF_OP_SECCOMP);
	op->u.seccomp.name = n;
	op->u.seccomp.program = program;
	op->u.seccomp.flags = flags;
	return added(c);
}

static void store_rule(struct rf_chain *c, const struct rf_landlock_access *from,
		       struct rf_landlock_op_rule *to)
{
	*to = (struct rf_landlock_op_rule){ .access = from->access, .slot = RF_SLOT_NONE };
	if (from->path)
		to->path = rf_chain_str(c, from->path);
	else if (from->slot >= 0)
		to->slot = from->slot;
	else
		to->flags |= RF_LANDLOCK_PORT;
	to->port = from->port;
	if (from->optional)
		to->flags |= RF_LANDLOCK_OPTIONAL;
}

int rf_prep_landlock(struct rf_chain *c, uint64_t handled_fs, uint64_t handled_net,
		     uint64_t scoped, const struct rf_landlock_access *rules, size_t nr)
{
	struct rf_landlock_op_rule *copy = calloc(nr + 1, sizeof(*copy));
	struct rf_blob blob;
	struct rf_op *op;

	if (!copy) {
		c->error = c->error ? c->error : ENOMEM;
		return -c->error;
	}
	for (size_t i = 0; i < nr; i++)
		store_rule(c, &rules[i], &copy[i]);
	blob = rf_chain_blob(c, copy, nr * sizeof(*copy));
	free(copy);
	op = rf_chain_add(c, RF_OP_LANDLOCK);
	op->u.landlock.fs = handled_fs;
	op->u.landlock.net = handled_net;
	op->u.landlock.scoped = scoped;
	op->u.landlock.rules = blob;
	return added(c);
}
