/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scheduling, Landlock and filters as lists of calls (run_restrict.c). */
#include "native_lower.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <linux/stat.h>
#include <string.h>

#include "compat.h"
#include "sched_attr.h"

RF_LOWER(sched)
{
	const struct sched_attr attr = rf_sched_attr(op);

	(void)RF_CALL(l, sched_setattr, RF_P1, 0, rf_lower_bytes(l, &attr, sizeof(attr)));
}

/* ---------------------------------------------------------------------- landlock */

/* What a rule for a file that is no directory may have. */
#define FILE_RIGHTS \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	 LANDLOCK_ACCESS_FS_READ_FILE | RF_LANDLOCK_FS_TRUNCATE | RF_LANDLOCK_FS_IOCTL_DEV | \
	 RF_LANDLOCK_FS_RESOLVE_UNIX)

static struct rf_call *add_rule(struct rf_lower *l, int32_t ruleset, int64_t fd, uint64_t access)
{
	const struct landlock_path_beneath_attr attr = { .allowed_access = access,
							 .parent_fd = (int32_t)fd };

	return RF_CALL(l, landlock_add_rule, RF_P2, RF_N(ruleset), LANDLOCK_RULE_PATH_BENEATH,
		       rf_lower_bytes(l, &attr, sizeof(attr)));
}

/* With all rights; where the kernel says that it is no directory, with those of a file. */
static void add_beneath(struct rf_lower *l, int32_t ruleset, int64_t fd, uint64_t access)
{
	struct rf_call *call = add_rule(l, ruleset, fd, access);
	uint32_t full;
	uint64_t is;

	if (!(access & FILE_RIGHTS) || !(access & ~FILE_RIGHTS))
		return;
	call->flags |= RF_CALL_SKIP_ERR;
	call->error = EINVAL;
	is = rf_lower_store(l, call);
	full = rf_lower_here(l);
	call = rf_lower_test(l, is, 8, ~0ULL, RF_N(-EINVAL), RF_TEST_EQ, RF_BRANCH);
	call->flags |= RF_CALL_SKIP_ERR;
	call->error = RF_BRANCH;
	(void)add_rule(l, ruleset, fd, access & FILE_RIGHTS);
	rf_lower_skip_to_here(l, full);
}

/*
 * Is it what the rule was made for?  Another file may be anything, and gets nothing:
 * the calls up to *@ret_end are left out.
 */
static uint32_t tests_of(struct rf_lower *l, const struct rf_landlock_op_rule *r, int32_t fd,
			 uint32_t skips[6])
{
	const uint64_t at = rf_lower_statx(l, fd, STATX_INO | STATX_BTIME);
	const struct { size_t offset; unsigned int size; uint64_t value; } is[] = {
		{ offsetof(struct statx, stx_ino), 8, r->ino },
		{ offsetof(struct statx, stx_dev_major), 4, r->dev >> 8 & 0xfff },
		{ offsetof(struct statx, stx_dev_minor), 4, (r->dev & 0xff) | (r->dev >> 12 & 0xfff00) },
		{ offsetof(struct statx, stx_btime.tv_sec), 8, r->born / 1000000000U },
		{ offsetof(struct statx, stx_btime.tv_nsec), 4, r->born % 1000000000U },
	};
	uint32_t nr = r->born ? 5 : 3;

	for (uint32_t i = 0; i < nr; i++) {
		struct rf_call *call;

		skips[i] = rf_lower_here(l);
		call = rf_lower_test(l, at + is[i].offset, is[i].size,
				     is[i].size == 8 ? ~0ULL : 0xffffffff, is[i].value, RF_TEST_EQ,
				     RF_BRANCH);
		call->flags |= RF_CALL_SKIP_ERR;
		call->error = RF_BRANCH;
	}
	return nr;
}

static void by_path(struct rf_lower *l, int32_t ruleset, const struct rf_landlock_op_rule *r)
{
	const uint64_t path = rf_lower_str(r->path);
	uint32_t skips[8], nr = 0;
	int32_t fd;

	/* missing: asked first, for there are two ways of being so */
	for (unsigned int i = 0; r->flags & RF_LANDLOCK_OPTIONAL && i < 2; i++) {
		struct rf_call *call;

		skips[nr++] = rf_lower_here(l);
		call = RF_CALL(l, faccessat, RF_P1, RF_N(AT_FDCWD), path, 0 /* F_OK */);
		call->flags |= RF_CALL_SKIP_ERR;
		call->error = i ? ENOTDIR : ENOENT;
	}
	(void)skips;
	fd = rf_lower_keep(l, RF_CALL(l, openat, RF_P1, RF_N(AT_FDCWD), path, O_PATH | O_CLOEXEC));
	if (r->ino)
		nr += tests_of(l, r, fd, skips + nr);
	add_beneath(l, ruleset, fd, r->access);
	for (uint32_t i = 0; i < nr; i++)
		rf_lower_skip_to_here(l, skips[i]);
	rf_lower_close(l, fd);
}

RF_LOWER(landlock)
{
	const struct rf_landlock_op_rule *rules =
		(const void *)(l->c->data + op->u.landlock.rules.off);
	const uint32_t nr = op->u.landlock.rules.len / sizeof(*rules);
	const uint64_t attr[3] = { op->u.landlock.fs, op->u.landlock.net, op->u.landlock.scoped };
	/* older kernels know the first fields only */
	const size_t size = attr[2] ? 24 : attr[1] ? 16 : 8;
	int32_t set = rf_lower_keep(l, RF_CALL(l, landlock_create_ruleset, RF_P0,
					       rf_lower_bytes(l, attr, size), size));
	/* a word for each rule, which its first call writes: the last one written has failed */
	const uint64_t begun = rf_lower_bytes(l, NULL, nr * sizeof(uint64_t));

	l->n->look_at[l->op] = (uint32_t)(begun & RF_AT_OFFSET);
	for (uint32_t i = 0; i < nr && !l->error; i++) {
		const struct rf_landlock_op_rule *r = &rules[i];
		const uint64_t port[2] = { r->access, r->port };
		struct rf_call *call = RF_CALL(l, getpid, 0, 0);

		call->flags |= RF_CALL_STORE;
		call->store = begun + i * sizeof(uint64_t);
		if (r->flags & RF_LANDLOCK_PORT)
			(void)RF_CALL(l, landlock_add_rule, RF_P2, RF_N(set), RF_LANDLOCK_RULE_NET_PORT,
				      rf_lower_bytes(l, port, sizeof(port)));
		else if (r->slot >= 0)
			add_beneath(l, set, rf_lower_fd(l, r->slot), r->access);
		else
			by_path(l, set, r);
	}
	(void)RF_CALL(l, landlock_restrict_self, 0, RF_N(set), op->u.landlock.flags);
	rf_lower_close(l, set);
}

/* ----------------------------------------------------------------------- seccomp */

RF_LOWER(seccomp)
{
	const struct rf_blob program = op->u.seccomp.program;
	struct sock_fprog prog = {
		.len = (unsigned short)(program.len / sizeof(struct sock_filter)),
	};
	uint64_t at;

	rf_lower_await_init(l);
	at = rf_lower_bytes(l, &prog, sizeof(prog));
	rf_lower_point(l, at + offsetof(struct sock_fprog, filter), rf_lower_blob(program));
	RF_CALL(l, seccomp, RF_P2, SECCOMP_SET_MODE_FILTER, op->u.seccomp.flags, at)->flags |=
		RF_CALL_RESULT;
	if (op->u.seccomp.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		rf_lower_refuse(l, "it gives a descriptor for notifications");
}
