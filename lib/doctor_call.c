/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Single system calls, made with arguments that the kernel refuses for their
 * own sake: whoever answers otherwise stands before it.
 */
#include "doctor.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BAD	(-1L)
#define ALL	(~0UL)

/* Arguments, and what the kernel says to them; where may_mount() comes first, inside only. */
static const struct call {
	long	nr;
	long	args[5];
	int	answers[3];
} calls[] = {
	{ SYS_clone3,		{ 0, 0 },			{ EINVAL } },
	{ SYS_unshare,		{ 1 },				{ EINVAL } },
	{ SYS_setns,		{ BAD, 0 },			{ EBADF } },
	{ SYS_openat2,		{ BAD, 0, 0, 0 },		{ EINVAL } },
	{ SYS_open_tree,	{ BAD, 0, (long)ALL },		{ EINVAL } },
	{ SYS_move_mount,	{ BAD, 0, BAD, 0, 0x7fffffff },	{ EINVAL, EFAULT } },
	{ SYS_fsopen,		{ 0, 0x7fffffff },		{ EINVAL } },
	{ SYS_fsconfig,		{ BAD, 0x7fff, 0, 0, 0 },	{ EINVAL, EBADF, EOPNOTSUPP } },
	{ SYS_fsmount,		{ BAD, 0x7fffffff, 0 },		{ EINVAL } },
	{ SYS_mount_setattr,	{ BAD, 0, 0x7fffffff, 0, 0 },	{ EINVAL } },
	{ SYS_umount2,		{ 0, 0x7fffffff },		{ EINVAL } },
	{ SYS_pivot_root,	{ 0, 0 },			{ EFAULT } },
	{ SYS_close_range,	{ 1, 0, 0 },			{ EINVAL } },
	{ SYS_memfd_create,	{ 0, 0x7fffffff },		{ EINVAL, EFAULT } },
	{ SYS_execveat,		{ BAD, 0, 0, 0, 0x7fffffff },	{ EINVAL, EFAULT } },
	{ SYS_keyctl,		{ 0x7fff },			{ EOPNOTSUPP } },
	{ SYS_pidfd_open,	{ BAD, 0 },			{ EINVAL } },
	{ SYS_pidfd_send_signal, { BAD, 0, 0, 0x7fffffff },	{ EINVAL } },
	{ SYS_seccomp,		{ 0x7fff, 0, 0 },		{ EINVAL } },
	{ SYS_landlock_create_ruleset, { 0, 0, 0x7fff },	{ EINVAL, EOPNOTSUPP } },
	{ SYS_io_uring_setup,	{ 0, 0 },			{ EFAULT } },
};

static int call(struct rf_finding *f, const struct rf_doctor_row *row)
{
	const struct call *c = calls;
	const long *a;
	int error;

	while (c->nr != (long)row->arg)
		c++;
	a = c->args;
	error = syscall(c->nr, a[0], a[1], a[2], a[3], a[4]) < 0 ? errno : 0;
	for (size_t i = 0; i < 3; i++) {
		if (c->answers[i] && c->answers[i] == error) {
			rf_found(f, RF_FINDING_WORKS, "%s", "");
			return 0;
		}
	}
	return rf_found_failure(f, error ? error : EIO, "%s", row->name);
}

/* The mount calls ask for power before they look at anything. */
static bool needs_power(uint64_t nr)
{
	return nr == SYS_move_mount || nr == SYS_fsopen || nr == SYS_fsmount ||
	       nr == SYS_umount2 || nr == SYS_pivot_root;
}

void rf_look_call(const struct rf_doctor *d, const struct rf_doctor_row *row,
		   struct rf_finding *f)
{
	(void)call(f, row);
	if (f->status == RF_FINDING_FAILS && f->error == EPERM && needs_power(row->arg)) {
		if (syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS) == 0)
			(void)call(f, row);
		else
			rf_found(f, RF_FINDING_INFO, "not to be told without a user namespace");
	}
	if (f->status != RF_FINDING_FAILS)
		return;
	if (row->arg == SYS_io_uring_setup)
		(void)rf_cause_uring(&d->host, f->error, &f->cause);
	else if (rf_cause_filter(&d->host, &f->cause))
		rf_cause_set(&f->cause, RF_CAUSE_FILTER, "a seccomp filter in force here refuses it");
}

static bool is_refused(const struct rf_doctor *d, size_t index)
{
	return !strcmp(rf_doctor_rows[index].group, "calls") &&
	       d->found[index].status == RF_FINDING_FAILS &&
	       (d->found[index].cause.kind == RF_CAUSE_FILTER ||
		d->found[index].cause.kind == RF_CAUSE_URING_FILTER);
}

static void add_name(const char *name, const char *quote, char *buf, size_t size)
{
	size_t len = strlen(buf);

	if (len + strlen(name) + 5 < size)
		snprintf(buf + len, size - len, "%s%s%s%s", len ? ", " : "", quote, name, quote);
}

void rf_doctor_refused(const struct rf_doctor *d, char *buf, size_t size)
{
	buf[0] = '\0';
	for (size_t i = 0; i < rf_doctor_nr(); i++)
		if (is_refused(d, i))
			add_name(rf_doctor_rows[i].name, "", buf, size);
}

void rf_doctor_wanted(const struct rf_doctor *d, const struct rf_finding *f, char *buf, size_t size)
{
	/* refused by their arguments: such a filter is no list of names to add to */
	static const char *const all[] = {
		"clone", "unshare", "setns", "umount2", "pivot_root", "open_tree", "move_mount",
		"fsopen", "fsconfig", "fsmount", "mount_setattr",
	};
	const struct rf_finding *user = rf_doctor_found(d, "namespaces", "user");
	size_t own = (size_t)(f - d->found);

	buf[0] = '\0';
	for (size_t i = 0; i < rf_doctor_nr() && user->cause.kind != RF_CAUSE_FILTER; i++)
		if (is_refused(d, i) && (rf_doctor_rows[i].needed || i == own))
			add_name(rf_doctor_rows[i].name, "\"", buf, size);
	if (*buf)
		return;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		add_name(all[i], "\"", buf, size);
}
