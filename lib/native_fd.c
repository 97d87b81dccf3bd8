/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ops of the group "descriptors" as lists of calls (native_lower.h), as run_fd.c. */
#include "native_lower.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <stdio.h>

RF_LOWER(open)
{
	const uint64_t flags = op->u.open.flags & ~RF_OPEN_NO_DIRECTORY;

	rf_lower_fill(l, rf_lower_open(l, rf_lower_dir(l, op->u.open.dir),
				       rf_lower_str(op->u.open.path), flags, op->u.open.mode,
				       op->u.open.resolve), op->out);
	if (op->u.open.flags & RF_OPEN_NO_DIRECTORY)
		rf_lower_test(l, rf_lower_statx(l, l->number[op->out], STATX_TYPE) +
			      offsetof(struct statx, stx_mode), 2, S_IFMT, S_IFDIR, RF_TEST_NE,
			      EISDIR);
	if (op->u.open.resolve & RESOLVE_IN_ROOT && op->u.open.dir >= 0 && !l->error)
		l->error = rf_made_opened(l->made, op->out, op->u.open.dir,
					  rf_lower_string(l, op->u.open.path));
}

/* Whatever of a slot sits at number @to moves on: one may have been given to several. */
static void make_room(struct rf_lower *l, int32_t to)
{
	int32_t moved = -1;

	for (int32_t i = 0; i < l->c->nr_slots; i++) {
		if (l->number[i] != to)
			continue;
		if (moved < 0)
			moved = rf_lower_keep(l, RF_CALL(l, fcntl, 0, RF_N(to), F_DUPFD_CLOEXEC,
							 l->n->base));
		l->number[i] = moved;
	}
}

RF_LOWER(dup)
{
	const int64_t from = op->u.dup.slot < 0 ? op->u.dup.from : rf_lower_fd(l, op->u.dup.slot);
	const int32_t to = op->u.dup.to;

	if (from == to) {
		(void)RF_CALL(l, fcntl, 0, RF_N(to), F_SETFD, 0);
		return;
	}
	make_room(l, to);
	RF_CALL(l, dup3, 0, RF_N(from), RF_N(to), 0)->flags |= RF_CALL_RESULT;
}

RF_LOWER(close)
{
	const int32_t slot = op->u.close.slot;

	(void)RF_CALL(l, close, 0, RF_N(rf_lower_fd(l, slot)));
	if (l->error)	/* there may be no such slot */
		return;
	rf_lower_free(l, l->number[slot]);
	l->number[slot] = -1;
}

RF_LOWER(socket)
{
	rf_lower_fill(l, RF_CALL(l, socket, 0, RF_N(op->u.socket.domain),
				 RF_N(op->u.socket.type | SOCK_CLOEXEC),
				 RF_N(op->u.socket.protocol)), op->out);
}

RF_LOWER(memfd)
{
	const uint64_t name = op->u.memfd.name ? rf_lower_str(op->u.memfd.name) :
						 rf_lower_text(l, "");
	const unsigned int flags = op->u.memfd.flags | MFD_CLOEXEC |
				   (op->u.memfd.seals ? MFD_ALLOW_SEALING : 0);
	const size_t len = op->u.memfd.content.len;
	int32_t fd;

	rf_lower_fill(l, RF_CALL(l, memfd_create, RF_P0, name, flags), op->out);
	fd = l->number[op->out];
	if (len)
		rf_lower_write(l, fd, rf_lower_blob(op->u.memfd.content), len);
	(void)RF_CALL(l, lseek, 0, RF_N(fd), 0, SEEK_SET);
	if (op->u.memfd.seals)
		(void)RF_CALL(l, fcntl, 0, RF_N(fd), F_ADD_SEALS, op->u.memfd.seals);
}

/*
 * The two numbers are in memory, and move from there to ours; which are none of theirs,
 * for those are the two lowest that are free.
 */
static void take_two(struct rf_lower *l, const struct rf_op *op, uint64_t pair)
{
	const int32_t slots[2] = { op->out, op->out2 };
	const int32_t theirs[2] = { rf_lower_number(l), rf_lower_number(l) };

	for (unsigned int i = 0; i < 2; i++) {
		struct rf_call *call = RF_CALL(l, fcntl, RF_P0, pair + 4 * i, F_DUPFD_CLOEXEC, l->n->base);

		call->load = RF_P0;
		l->number[slots[i]] = rf_lower_keep(l, call);
		RF_CALL(l, close, RF_P0, pair + 4 * i)->load = RF_P0;
	}
	for (unsigned int i = 0; i < 2; i++)
		rf_lower_free(l, theirs[i]);
}

RF_LOWER(pipe)
{
	const uint64_t pair = rf_lower_bytes(l, NULL, 2 * sizeof(int32_t));

	(void)RF_CALL(l, pipe2, RF_P0, pair, op->u.pipe.flags | O_CLOEXEC);
	take_two(l, op, pair);
}
