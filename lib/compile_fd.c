/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The payload's descriptors: 0, 1 and 2 as they are, and what the spec names.
 */
#include "compile.h"

#include <errno.h>
#include <fcntl.h>

/*
 * Host paths are opened while the host's tree is there, with the context's ids.
 * A directory is a way out, whoever put it there since the front end looked.
 */
static int32_t emit_open(struct rf_compile *k, const struct rf_fd_spec *spec)
{
	uint64_t flags = (uint64_t)(unsigned int)spec->flags | O_NOCTTY |
			 (spec->dir_ok ? 0 : RF_OPEN_NO_DIRECTORY);
	int32_t slot = rf_emit_open(k, RF_SLOT_NONE, spec->path, flags, 0);

	/* openat2 refuses a mode for a file that it does not make */
	if (k->c->nr_ops && (spec->flags & O_CREAT))
		k->c->ops[k->c->nr_ops - 1].u.open.mode = spec->mode;
	return slot;
}

/* The slot of the caller's descriptor @fd: one, however often it is passed. */
static int32_t give_once(struct rf_compile *k, int fd)
{
	for (uint32_t i = 0; i < k->c->nr_given; i++)
		if (k->c->given[i].fd == fd)
			return k->c->given[i].slot;
	return rf_chain_give(k->c, fd);
}

/* What nobody has said anything of may be the private terminal instead. */
static bool is_terminal(const struct rf_sandbox *sb, const struct rf_fd_spec *spec)
{
	return spec->implied && sb->terminal == RF_TERM_PRIVATE && sb->tty.fds >> spec->number & 1;
}

void rf_emit_fds_open(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;

	if (!sb->nr_fds)
		return;
	k->fd_slots = rf_sandbox_alloc(k->mem, sb->nr_fds * sizeof(*k->fd_slots));
	if (!k->fd_slots) {
		rf_no_memory(k);
		return;
	}
	for (size_t i = 0; i < sb->nr_fds; i++) {
		const struct rf_fd_spec *spec = &sb->fds[i];

		rf_chain_set_place(k->c, &spec->place);
		k->fd_slots[i] = RF_SLOT_NONE;
		switch (spec->kind) {
		case RF_FD_OPEN:
			k->fd_slots[i] = emit_open(k, spec);
			break;
		case RF_FD_INHERIT:
			if (is_terminal(sb, spec))
				break;
			k->fd_slots[i] = give_once(k, spec->from);
			break;
		case RF_FD_CLOSED:
			/* what is not named is closed already, but for the first three */
			if (spec->number < 3 && sb->part == RF_PART_ALL)
				k->fd_slots[i] = give_once(k, spec->number);
			break;
		}
	}
}

static bool is_number_of_another(const struct rf_sandbox *sb, int fd)
{
	for (size_t i = 0; i < sb->nr_fds; i++)
		if (sb->fds[i].kind != RF_FD_CLOSED && sb->fds[i].number == fd)
			return true;
	return false;
}

static bool closed_before(const struct rf_compile *k, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (k->fd_slots[i] == k->fd_slots[nr] && k->sb->fds[i].kind != RF_FD_OPEN)
			return true;
	return false;
}

/*
 * Where a descriptor came from, it must not stay.  One that the spec puts
 * something else at has been moved away by then, and closes itself on exec.
 */
static void emit_close_origin(struct rf_compile *k, size_t i)
{
	const struct rf_fd_spec *spec = &k->sb->fds[i];
	int origin = spec->kind == RF_FD_CLOSED ? spec->number : spec->from;

	if (spec->kind == RF_FD_OPEN || k->fd_slots[i] == RF_SLOT_NONE ||
	    is_number_of_another(k->sb, origin) || closed_before(k, i))
		return;
	if (spec->kind == RF_FD_INHERIT && origin < 3)
		return;
	rf_chain_set_place(k->c, &spec->place);
	rf_emit_close(k, k->fd_slots[i]);
	/* the caller may have come without it */
	if (spec->kind == RF_FD_CLOSED && k->c->nr_ops)
		k->c->ops[k->c->nr_ops - 1].flags |= RF_OP_F_HARD;
}

/* All onto their numbers first: one may go to several, or be in another's place. */
void rf_emit_fds(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;

	for (size_t i = 0; k->fd_slots && i < sb->nr_fds; i++) {
		struct rf_op *op;

		if (sb->fds[i].kind == RF_FD_CLOSED || is_terminal(sb, &sb->fds[i]))
			continue;
		rf_chain_set_place(k->c, &sb->fds[i].place);
		op = rf_chain_add(k->c, RF_OP_DUP);
		op->u.dup.slot = k->fd_slots[i];
		op->u.dup.to = sb->fds[i].number;
	}
	rf_emit_tty_fds(k);
	for (size_t i = 0; k->fd_slots && i < sb->nr_fds; i++)
		emit_close_origin(k, i);
}
