/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "publish.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "chain.h"
#include "compat.h"
#include "error.h"
#include "report.h"
#include "ring.h"

int publish_name(struct publish *p, const struct rf_sandbox *sb, struct rf_err *err)
{
	int r;

	if (!sb->name)
		return 0;
	r = registry_open(true, &p->registry, err);
	if (r == 0)
		r = registry_claim(&p->registry, sb->name, &sb->name_place, err);
	if (r < 0)
		return rf_err_set(err, -r, "the folder of names");
	p->name = sb->name;
	return 0;
}

/* ------------------------------------------------------- what is in force */

static const struct rf_op *find_op(const struct rf_chain *c, enum rf_op_kind kind)
{
	for (uint32_t i = 0; i < c->nr_ops; i++)
		if (c->ops[i].kind == kind)
			return &c->ops[i];
	return NULL;
}

/* Ids and groups as the chain has set them. */
static void take_ids(struct rf_user *u, const struct rf_chain *c)
{
	const struct rf_op *op = find_op(c, RF_OP_SETRESUID);

	u->uid = op ? (int64_t)op->u.setres.r : -1;
	op = find_op(c, RF_OP_SETRESGID);
	u->gid = op ? (int64_t)op->u.setres.r : -1;
	op = find_op(c, RF_OP_SETGROUPS);
	u->groups = op ? RF_GROUPS_DROP : RF_GROUPS_KEEP;
	u->nr_add_gids = op ? op->u.setgroups.gids.len / sizeof(uint32_t) : 0;
	u->add_gids = op ? (uint32_t *)(uintptr_t)(c->data + op->u.setgroups.gids.off) : NULL;
}

static int take_oom_score(int *ret)
{
	char text[16];
	ssize_t n;
	int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n <= 0)
		return -EIO;
	text[n] = '\0';
	*ret = atoi(text);
	return 0;
}

/* What the spec does not say is what the command has inherited from us. */
static int take_inherited(struct rf_sandbox *sb)
{
	struct rlimit64 limit;
	int r = 0;

	for (int i = 0; i < RLIM_NLIMITS; i++) {
		if (sb->rlimit_set & 1U << i)
			continue;
		if (syscall(SYS_prlimit64, 0, i, NULL, &limit) < 0)
			return -errno;
		sb->rlimits[i].soft = limit.rlim_cur;
		sb->rlimits[i].hard = limit.rlim_max;
	}
	if (!sb->has_nice)
		sb->nice = getpriority(PRIO_PROCESS, 0);
	if (!sb->has_umask) {
		sb->umask = umask(0);
		(void)umask((mode_t)sb->umask);
	}
	if (!sb->has_affinity) {
		memset(sb->affinity, 0, sizeof(sb->affinity));
		if (syscall(SYS_sched_getaffinity, 0, sizeof(sb->affinity), sb->affinity) < 0)
			return -errno;
	}
	if (!sb->has_oom_score)
		r = take_oom_score(&sb->oom_score);
	return r;
}

static int take_groups(struct rf_state *st)
{
	int n = getgroups(0, NULL);

	if (n < 0)
		return -errno;
	st->gid = getegid();
	st->groups = rf_sandbox_alloc(st->sb, ((size_t)n + 1) * sizeof(*st->groups));
	if (!st->groups)
		return -ENOMEM;
	n = getgroups(n, st->groups);
	st->nr_groups = n < 0 ? 0 : (size_t)n;
	return n < 0 ? -errno : 0;
}

/*
 * Namespaces as the anchor has them: pid 1 where it is the init image, which
 * stays where it is, else the command.  Into its cgroup namespace only the command
 * goes, when it joins its group.
 */
static int take_namespaces(struct rf_state *st, const struct rf_sandbox *sb,
			   const struct process *anchor, const struct process *payload)
{
	for (int i = 0; i < RF_NS_NR; i++) {
		struct stat stat;
		int r;

		if (sb->ns[i].mode == RF_NS_HOST)
			continue;
		r = process_ns(i == RF_NS_CGROUP ? payload : anchor, rf_ns_defs[i].proc, &stat);
		if (r < 0)
			return r;
		st->ns[i] = (struct rf_state_ns){ true, sb->ns[i].mode == RF_NS_NEW, stat.st_dev,
						  stat.st_ino };
	}
	return 0;
}

static void take_cgroups(struct rf_state *st, const struct rf_sandbox *sb)
{
	const struct rf_cgroup *g = sb->cgroup.group;

	for (size_t i = 0; g && i < g->nr; i++)
		st->cgroups[st->nr_cgroups++] = (struct rf_state_group){ g->dirs[i].fd, g->dirs[i].v2 };
	st->tracker = rf_cgroup_path(g);
}

static int start_of(pid_t pid, struct process *p, uint64_t *ret)
{
	struct process_stat stat;
	int r = process_open(pid, p);

	if (r == 0)
		r = process_stat(p, &stat);
	if (r == 0)
		*ret = stat.start;
	return r;
}

static int take_tasks(struct rf_state *st, const struct rf_sandbox *sb,
		      const struct rf_context *ctx)
{
	struct process payload = PROCESS_NONE, init = PROCESS_NONE;
	int r;

	st->launcher = getpid();
	st->limited = sb->rlimit_set;
	take_cgroups(st, sb);
	st->payload = ctx->payload.pid;
	st->init = ctx->init.pid;
	r = start_of(ctx->payload.pid, &payload, &st->payload_start);
	if (r == 0 && st->init)
		r = start_of(ctx->init.pid, &init, &st->init_start);
	if (r == 0)
		r = take_namespaces(st, sb, st->init ? &init : &payload, &payload);
	process_close(&payload);
	process_close(&init);
	return r;
}

/* ------------------------------------------------------------------ the file */

static int sealed_file(const char *text, int *ret)
{
	int fd = memfd_create(PUBLISH_FILE, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	int r;

	if (fd < 0 && errno == EINVAL)	/* MFD_NOEXEC_SEAL: Linux 6.3 */
		fd = memfd_create(PUBLISH_FILE, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, strlen(text));
	if (r == 0 && fchmod(fd, 0600) < 0)
		r = -errno;
	if (r == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		r = -errno;
	if (r < 0)
		(void)close(fd);
	else
		*ret = fd;
	return r;
}

int publish_state(struct publish *p, const struct load *l, const struct rf_context *ctx,
		  uint64_t age_ns, struct rf_err *err)
{
	struct rf_sandbox copy = *l->sb;	/* its memory is borrowed */
	struct rf_state st = { .sb = rf_sandbox_new() };
	struct timespec now;
	char *text = NULL;
	int r;

	if (!st.sb)
		return rf_err_set(err, ENOMEM, "the state of the sandbox");
	r = take_groups(&st);
	if (r == 0)
		r = take_tasks(&st, l->sb, ctx);
	if (r == 0)
		r = take_inherited(&copy);
	if (r == 0 && clock_gettime(CLOCK_BOOTTIME, &now) < 0)
		r = -errno;
	if (r == 0) {
		struct rf_sandbox *arena = st.sb;

		take_ids(&copy.user, l->chain);
		/* what was not said is for each command's own circumstances to decide */
		if (!copy.terminal_place.file)
			copy.terminal = RF_TERM_AUTO;
		st.started_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000 -
				(int64_t)(age_ns / 1000000);
		st.sb = &copy;
		text = rf_state_print(&st);
		st.sb = arena;
		r = text ? sealed_file(text, &p->fd) : -ENOMEM;
	}
	free(text);
	rf_sandbox_free(st.sb);
	if (r == -ESRCH)
		return r;
	return r < 0 ? rf_err_set(err, -r, "the state of the sandbox") : 0;
}

void publish_done(struct publish *p)
{
	if (p->name)
		registry_release(&p->registry, p->name);
	p->name = NULL;
	registry_close(&p->registry);
	if (p->fd >= 0)
		(void)close(p->fd);
	p->fd = -1;
}
