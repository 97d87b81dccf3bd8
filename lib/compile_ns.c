/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespaces: new, the host's, or joined; and the task that enters them.
 */
#include "compile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static int need_new(struct rf_compile *k, enum rf_ns ns, const struct rf_place *place,
		    const char *what)
{
	if (rf_ns_is_new(k, ns))
		return 0;
	return rf_err_at(k->err, place, EINVAL, "%s needs a new %s namespace", what,
			 rf_ns_defs[ns].name);
}

static int plan_pid1(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;

	/* a reaper is the default, so it is wrong only where the spec asks for it */
	if (!sb->init || !sb->init_place.file)
		return 0;
	return need_new(k, RF_NS_PID, &sb->init_place, "init");
}

static int plan_time(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;
	const struct rf_place *place = &sb->ns[RF_NS_TIME].place;

	if (sb->time_monotonic_ns || sb->time_boottime_ns) {
		int r = need_new(k, RF_NS_TIME, place, "a clock offset");

		if (r < 0)
			return r;
	}
	if (!rf_ns_is_new(k, RF_NS_TIME) || k->f->kernel >= RF_KERNEL(6, 1))
		return 0;
	/* before, exec did not move the task into its new time namespace */
	return rf_err_at(k->err, place, EOPNOTSUPP,
			 "a new time namespace needs Linux 6.1, this is %u.%u",
			 k->f->kernel >> 16, k->f->kernel & 0xffff);
}

/* Without a user namespace of its own a sandbox takes the caller's power. */
static int plan_power(struct rf_compile *k)
{
	if (k->in_user || k->f->caps & RF_CAP(CAP_SYS_ADMIN))
		return 0;
	for (int ns = 0; ns < RF_NS_NR; ns++) {
		if (k->sb->ns[ns].mode == RF_NS_HOST)
			continue;
		rf_err_at(k->err, &k->sb->ns[ns].place, EPERM,
			  "the %s namespace needs CAP_SYS_ADMIN or a user namespace",
			  rf_ns_defs[ns].name);
		rf_err_hint(k->err, "add `user` to the namespaces");
		return -EPERM;
	}
	return 0;
}

/*
 * A command that is /proc/self/exe, by a link or after "#!", is what the payload
 * task was before: on shared memory the submitter's program, which it could
 * overwrite (CVE-2019-5736).  The kernel refuses that while the submitter runs,
 * which outlives a pid namespace; Linux 6.11 and 6.12 do not refuse it.
 */
static bool exe_is_exposed(const struct rf_compile *k)
{
	bool refuses = k->f->kernel < RF_KERNEL(6, 11) || k->f->kernel >= RF_KERNEL(6, 13);

	return k->f->exe_writable && !(k->new_pid && refuses);
}

int rf_plan_ns(struct rf_compile *k)
{
	const struct rf_sandbox *sb = k->sb;
	int r;

	k->new_user = rf_ns_is_new(k, RF_NS_USER);
	k->in_user = k->new_user || rf_ns_is_joined(k, RF_NS_USER);
	k->new_mount = rf_ns_is_new(k, RF_NS_MOUNT);
	k->new_pid = rf_ns_is_new(k, RF_NS_PID);
	k->new_net = rf_ns_is_new(k, RF_NS_NET);

	r = plan_pid1(k);
	if (r == 0)
		r = plan_time(k);
	if (r == 0 && sb->hostname)
		r = need_new(k, RF_NS_UTS, &sb->hostname_place, "a host name");
	if (r == 0 && sb->domainname)
		r = need_new(k, RF_NS_UTS, &sb->hostname_place, "a domain name");
	if (r == 0)
		r = plan_power(k);
	if (r < 0)
		return r;

	/*
	 * A task that is born into another time namespace may not share memory on older
	 * kernels (6.1: EINVAL): then its area has to be a file.
	 */
	k->own_image |= rf_ns_is_new(k, RF_NS_TIME);
	/* a command that outlives the submitter cannot wait on its memory */
	k->own_image |= sb->oci.on;
	/* others live in what is joined: they must not see the submitter's memory */
	for (int ns = 0; ns < RF_NS_NR; ns++)
		k->own_image |= rf_ns_is_joined(k, (enum rf_ns)ns);
	/* a payload that may trace, and sees the context's siblings, likewise */
	if (k->new_user && sb->ns[RF_NS_PID].mode == RF_NS_HOST &&
	    sb->capabilities & RF_CAP(CAP_SYS_PTRACE))
		k->own_image = true;
	if (exe_is_exposed(k))
		k->own_image = true;
	return 0;
}

/* ------------------------------------------------------------------ the ops */

/* What op 0, or with an image of its own `unshare`, makes. */
static uint64_t new_flags(const struct rf_compile *k)
{
	uint64_t flags = 0;

	for (int ns = 0; ns < RF_NS_NR; ns++)
		if (rf_ns_is_new(k, (enum rf_ns)ns))
			flags |= rf_ns_defs[ns].flag;
	if (k->init_makes_net || k->maker_makes_net)
		flags &= ~(uint64_t)CLONE_NEWNET;
	/* what is made in advance has one too: who takes it may have no limits */
	if (k->join_makes_cgroup && k->sb->part == RF_PART_ALL)
		flags &= ~(uint64_t)CLONE_NEWCGROUP;
	return flags;
}

/* These two never move the task itself: its children are born in them. */
static const uint64_t for_children = CLONE_NEWPID | CLONE_NEWTIME;

static void emit_join(struct rf_compile *k, enum rf_ns ns)
{
	const struct rf_ns_spec *spec = &k->sb->ns[ns];
	struct rf_op *op;
	int32_t slot;

	rf_chain_set_place(k->c, &spec->place);
	if (spec->mode == RF_NS_JOIN_FD)
		slot = rf_chain_give(k->c, spec->fd);
	else
		slot = rf_emit_open(k, RF_SLOT_NONE, spec->path, O_RDONLY, 0);
	op = rf_chain_add(k->c, RF_OP_SETNS);
	op->u.setns.slot = slot;
	op->u.setns.nstype = rf_ns_defs[ns].flag;
	rf_emit_close(k, slot);
}

static void emit_unshare(struct rf_compile *k, uint64_t flags)
{
	if (flags)
		rf_chain_add(k->c, RF_OP_UNSHARE)->u.unshare.flags = flags;
}

static void emit_time_offsets(struct rf_compile *k)
{
	const int64_t ns[2] = { k->sb->time_monotonic_ns, k->sb->time_boottime_ns };
	static const char *const names[2] = { "monotonic", "boottime" };
	const int64_t billion = 1000000000;
	char text[128] = "";
	struct rf_blob b;
	struct rf_op *op;
	rf_str path;

	if (!ns[0] && !ns[1])
		return;
	for (int i = 0; i < 2; i++) {
		/* the kernel wants nanoseconds from 0 up, seconds carry the sign */
		int64_t nsec = (ns[i] % billion + billion) % billion;
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len, "%s %" PRId64 " %" PRId64 "\n", names[i],
			 (ns[i] - nsec) / billion, nsec);
	}
	rf_chain_set_place(k->c, &k->sb->ns[RF_NS_TIME].place);
	path = rf_chain_str(k->c, "/proc/self/timens_offsets");
	b = rf_chain_blob(k->c, text, strlen(text));
	op = rf_chain_add(k->c, RF_OP_WRITE);
	op->u.write.path = path;
	op->u.write.data = b;
}

void rf_emit_context(struct rf_compile *k)
{
	uint64_t flags = new_flags(k), first = flags & ~for_children;

	rf_chain_set_place(k->c, NULL);
	rf_chain_add(k->c, RF_OP_CLONE)->u.clone.flags = k->own_image ? 0 : first;
	rf_chain_add(k->c, RF_OP_CLOSE_RANGE);
	rf_chain_add(k->c, RF_OP_PDEATHSIG)->u.pdeathsig.sig = SIGKILL;
	rf_emit_label_proc(k);
	/* the user namespace first: it has the power over the others; a path to
	   the mount namespace last, for the other paths are the host's */
	for (int ns = 0; ns < RF_NS_NR; ns++)
		if (ns != RF_NS_MOUNT && rf_ns_is_joined(k, (enum rf_ns)ns))
			emit_join(k, (enum rf_ns)ns);
	if (rf_ns_is_joined(k, RF_NS_MOUNT))
		emit_join(k, RF_NS_MOUNT);
	rf_chain_set_place(k->c, NULL);
	emit_unshare(k, k->own_image ? flags : flags & for_children);
	emit_time_offsets(k);	/* while nobody is in the namespace */
}

void rf_emit_pid1(struct rf_compile *k)
{
	rf_str root = rf_chain_str(k->c, "/");
	bool init = k->sb->init && k->new_pid;
	struct rf_op *op;

	rf_chain_set_place(k->c, init ? &k->sb->init_place : NULL);
	/* the context itself, and pid 1, which inherits it: pivot_root moves a task
	   that stands at the old root, but one that stands elsewhere would keep a
	   way out; and where nothing is pivoted, one below what mounts cover */
	if (init || k->new_mount)
		rf_chain_add(k->c, RF_OP_CHDIR)->u.chdir.path = root;
	if (!init)
		return;
	op = rf_chain_add(k->c, RF_OP_CLONE);
	op->u.clone.as = RF_CLONE_INIT;
	op->u.clone.unshare = k->init_makes_net ? CLONE_NEWNET : 0;
	if (k->init_makes_net)
		op->out = k->net = rf_chain_slot(k->c);
	k->c->has_init = true;
}

/* A new task has no parent-death signal yet. */
void rf_emit_payload(struct rf_compile *k)
{
	struct rf_op *op;

	rf_chain_set_place(k->c, &k->sb->command_place);
	op = rf_chain_add(k->c, RF_OP_CLONE);
	op->u.clone.as = k->sb->oci.on ? RF_CLONE_APART : RF_CLONE_PAYLOAD;
	if (k->maker_makes_net) {
		op->u.clone.unshare = CLONE_NEWNET;
		op->out = k->net = rf_chain_slot(k->c);
	}
	rf_chain_set_place(k->c, NULL);
	rf_chain_add(k->c, RF_OP_PDEATHSIG)->u.pdeathsig.sig = SIGKILL;
}

void rf_emit_uts(struct rf_compile *k)
{
	const char *const names[2] = { k->sb->hostname, k->sb->domainname };

	rf_chain_set_place(k->c, &k->sb->hostname_place);
	for (uint32_t i = 0; i < 2; i++) {
		rf_str name = rf_chain_str(k->c, names[i]);
		struct rf_op *op;

		if (!names[i])
			continue;
		op = rf_chain_add(k->c, RF_OP_HOSTNAME);
		op->u.hostname.name = name;
		op->u.hostname.domain = i;
	}
}
