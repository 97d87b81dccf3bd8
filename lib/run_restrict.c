/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Executors of the group "restriction".
 */
#include <linux/filter.h>
#include <linux/ioprio.h>
#include <linux/landlock.h>
#include <linux/resource.h>
#include <linux/seccomp.h>

#include "run.h"
#include "sched_attr.h"
#include "task.h"

RF_EXECUTOR(rlimit)
{
	const struct rlimit64 lim = {
		.rlim_cur = op->u.rlimit.soft, .rlim_max = op->u.rlimit.hard,
	};

	(void)ctx;
	return rf_sys4(__NR_prlimit64, 0, op->u.rlimit.resource, &lim, 0);
}

RF_EXECUTOR(sched)
{
	const struct sched_attr attr = rf_sched_attr(op);

	(void)ctx;
	return rf_sys3(__NR_sched_setattr, 0, &attr, 0);
}

RF_EXECUTOR(affinity)
{
	return rf_sys3(__NR_sched_setaffinity, 0, op->u.affinity.mask.len,
		       rf_ctx_blob(ctx, op->u.affinity.mask));
}

RF_EXECUTOR(nice)
{
	(void)ctx;
	return rf_sys3(__NR_setpriority, PRIO_PROCESS, 0, op->u.nice.value);
}

RF_EXECUTOR(ioprio)
{
	(void)ctx;
	return rf_sys3(__NR_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		       IOPRIO_PRIO_VALUE(op->u.ioprio.prio_class, op->u.ioprio.level));
}

/* The kernel takes one bit less than it is told. */
RF_EXECUTOR(mempolicy)
{
	const uint32_t mode = op->u.mempolicy.mode | op->u.mempolicy.flags;
	struct rf_blob nodes = op->u.mempolicy.nodes;

	if (!nodes.len)
		return rf_sys3(__NR_set_mempolicy, mode, 0, 0);
	return rf_sys3(__NR_set_mempolicy, mode, rf_ctx_blob(ctx, nodes),
		       nodes.len * 8UL + 1);
}

RF_EXECUTOR(oom_score)
{
	int32_t value = op->u.oom_score.value;
	char text[24], *p = text;
	/* all on the memory get it but from a vforked task: pid 1 may be on ours still */
	long r = rf_ctx_own_memory(ctx) ? rf_await_init(ctx) : 0;

	if (r < 0)
		return r;
	if (value < 0)
		*p++ = '-';
	p += rf_utoa(p, (uint64_t)(value < 0 ? -(int64_t)value : value));
	return rf_proc_write("self/oom_score_adj", text, (size_t)(p - text));
}

RF_EXECUTOR(umask)
{
	(void)ctx;
	rf_sys1(__NR_umask, op->u.umask.mask);
	return 0;
}

RF_EXECUTOR(personality)
{
	long before = rf_sys1(__NR_personality, op->u.personality.persona);

	(void)ctx;
	return before < 0 ? before : 0;
}

/* ------------------------------------------------------------------ landlock */

/* What a rule for a file that is no directory may have. */
#define FILE_RIGHTS \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	 LANDLOCK_ACCESS_FS_READ_FILE | RF_LANDLOCK_FS_TRUNCATE | RF_LANDLOCK_FS_IOCTL_DEV | \
	 RF_LANDLOCK_FS_RESOLVE_UNIX)

/* As of ABI 6; packed there. */
struct ruleset_attr {
	uint64_t	fs, net, scoped;
};
struct port_attr {
	uint64_t	access, port;
};

static long add_beneath(long ruleset, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr attr = { .allowed_access = access, .parent_fd = fd };
	long r = rf_sys4(__NR_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);

	/* no directory, perhaps: the kernel says so without being asked first */
	if (r != -EINVAL || !(access & FILE_RIGHTS) || !(access & ~FILE_RIGHTS))
		return r;
	attr.allowed_access = access & FILE_RIGHTS;
	return rf_sys4(__NR_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);
}

static long is_found(const struct rf_landlock_op_rule *rule, int fd)
{
	struct statx st;
	long r = rf_statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st);

	return r < 0 ? r : rf_stat_dev(&st) == rule->dev && st.stx_ino == rule->ino &&
			   rf_stat_born(&st) == rule->born;
}

static long add_rule(struct rf_ctx *ctx, long ruleset, const struct rf_landlock_op_rule *rule)
{
	const struct port_attr port = { .access = rule->access, .port = rule->port };
	long fd, r;

	if (rule->flags & RF_LANDLOCK_PORT)
		return rf_sys4(__NR_landlock_add_rule, ruleset, RF_LANDLOCK_RULE_NET_PORT, &port, 0);
	if (rule->slot >= 0)
		return add_beneath(ruleset, rf_ctx_fd(ctx, rule->slot), rule->access);
	fd = rf_sys4(__NR_openat, AT_FDCWD, rf_ctx_str(ctx, rule->path), O_PATH | O_CLOEXEC, 0);
	if ((fd == -ENOENT || fd == -ENOTDIR) && rule->flags & RF_LANDLOCK_OPTIONAL)
		return 0;
	if (fd < 0)
		return fd;
	/* another file than the one that was found may be anything, and gets nothing */
	r = rule->ino ? is_found(rule, (int)fd) : 1;
	if (r > 0)
		r = add_beneath(ruleset, (int)fd, rule->access);
	rf_close(fd);
	return r;
}

/* One ruleset: of several, each would have to allow what another one needs (REFER). */
RF_EXECUTOR(landlock)
{
	const struct rf_landlock_op_rule *rules = rf_ctx_blob(ctx, op->u.landlock.rules);
	const uint32_t nr = op->u.landlock.rules.len / sizeof(*rules);
	const struct ruleset_attr attr = {
		.fs = op->u.landlock.fs, .net = op->u.landlock.net,
		.scoped = op->u.landlock.scoped,
	};
	/* older kernels know the first fields only */
	const size_t size = attr.scoped ? 24 : attr.net ? 16 : 8;
	long ruleset = rf_sys3(__NR_landlock_create_ruleset, &attr, size, 0), r = 0;

	ctx->area->failed_rule = 0;
	if (ruleset < 0)
		return ruleset;
	for (uint32_t i = 0; !r && i < nr; i++) {
		r = add_rule(ctx, ruleset, &rules[i]);
		if (r < 0)
			ctx->area->failed_rule = i + 1;
	}
	if (!r)
		r = rf_sys2(__NR_landlock_restrict_self, ruleset, op->u.landlock.flags);
	rf_close(ruleset);
	return r;
}

/* ------------------------------------------------------------------- seccomp */

/*
 * From here on nothing may depend on a call that the filter could refuse: pid 1
 * is waited for before it, and records are silent after it.
 */
RF_EXECUTOR(seccomp)
{
	const struct sock_fprog prog = {
		.len = (unsigned short)(op->u.seccomp.program.len / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)(uintptr_t)rf_ctx_blob(ctx, op->u.seccomp.program),
	};
	long r = rf_await_init(ctx);

	if (r < 0)
		return r;
	r = rf_sys3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, op->u.seccomp.flags, &prog);
	if (r < 0)
		return r;
	ctx->filtered = 1;
	if (op->out >= 0)	/* SECCOMP_FILTER_FLAG_NEW_LISTENER */
		ctx->slots[op->out] = (int32_t)r;
	return 0;
}
