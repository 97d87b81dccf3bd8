/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespaces, each kind made as a launch makes it, and id maps.
 */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"

static int works(struct rf_finding *f, const struct rf_doctor_row *row)
{
	(void)row;
	rf_found(f, RF_FINDING_WORKS, "%s", "");
	return 0;
}

/* A namespace without power is of no use, and AppArmor makes such. */
static int has_power(struct rf_finding *f, const struct rf_doctor_row *row)
{
	if (prctl(PR_CAPBSET_DROP, CAP_SYS_MODULE, 0, 0, 0) < 0)
		return rf_found_failure(f, errno, "it is made, but without any power in it");
	return works(f, row);
}

void rf_look_user_ns(const struct rf_doctor *d, const struct rf_doctor_row *row,
		      struct rf_finding *f)
{
	rf_inside(d, CLONE_NEWUSER, 0, has_power, row, f);
	if (f->status == RF_FINDING_FAILS && f->error == EPERM) {
		(void)rf_cause_refusal(&d->host, f->error, CLONE_NEWUSER, &f->cause);
		if (!f->cause.kind)
			rf_cause_set(&f->cause, RF_CAUSE_UNKNOWN, "the kernel refuses user "
				     "namespaces and does not show why");
	}
}

void rf_look_ns(const struct rf_doctor *d, const struct rf_doctor_row *row, struct rf_finding *f)
{
	rf_inside(d, CLONE_NEWUSER | row->arg, 0, works, row, f);
}

static int is_first(struct rf_finding *f, const struct rf_doctor_row *row)
{
	if (row->arg == CLONE_NEWPID && getpid() != 1)
		return rf_found_failure(f, EIO, "the child is not process 1");
	return works(f, row);
}

/* Kinds that a launch makes by unshare. */
static int unshared(struct rf_finding *f, const struct rf_doctor_row *row)
{
	if (unshare((int)row->arg) < 0)
		return rf_found_failure(f, errno, "unshare");
	return rf_forked(is_first, row, f);
}

void rf_look_ns_inside(const struct rf_doctor *d, const struct rf_doctor_row *row,
			struct rf_finding *f)
{
	rf_inside(d, CLONE_NEWUSER, 0, unshared, row, f);
}

static int loopback_up(struct rf_finding *f, const struct rf_doctor_row *row)
{
	struct ifreq req = { .ifr_name = "lo" };
	int s, r;

	if (unshare(CLONE_NEWNET) < 0)
		return rf_found_failure(f, errno, "unshare");
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return rf_found_failure(f, errno, "socket");
	req.ifr_flags = IFF_UP;
	r = ioctl(s, SIOCSIFFLAGS, &req) < 0 ? errno : 0;
	(void)close(s);
	return r ? rf_found_failure(f, r, "bringing lo up") : works(f, row);
}

void rf_look_loopback(const struct rf_doctor *d, const struct rf_doctor_row *row,
		       struct rf_finding *f)
{
	rf_inside(d, CLONE_NEWUSER, 0, loopback_up, row, f);
}

/* --------------------------------------------------------------------- ids */

void rf_look_self_map(const struct rf_doctor *d, const struct rf_doctor_row *row,
		       struct rf_finding *f)
{
	if (rf_doctor_found(d, "namespaces", "user")->status == RF_FINDING_FAILS) {
		(void)rf_found_failure(f, EPERM, "needs a user namespace");
		rf_cause_set(&f->cause, RF_CAUSE_DEPENDS, "namespaces.user fails");
		return;
	}
	rf_inside(d, CLONE_NEWUSER, RF_INSIDE_ROOT, works, row, f);
	if (f->status != RF_FINDING_FAILS)
		return;
	if (f->error == ENOENT || f->error == EROFS)
		rf_cause_set(&f->cause, RF_CAUSE_PROC_MISSING, "a user namespace needs a writable "
			     "proc on /proc");
	else if (f->error == EPERM)
		(void)rf_cause_self_map(&d->host, &f->cause);
}

void rf_look_ranges(const struct rf_doctor *d, const struct rf_doctor_row *row,
		     struct rf_finding *f)
{
	static const char *const files[] = { "/etc/subuid", "/etc/subgid" };
	uint32_t first[2] = { 0 }, count[2] = { 0 };
	uint64_t caps = 1ULL << CAP_SETUID | 1ULL << CAP_SETGID;
	char path[4096];

	(void)row;
	if ((d->host.f->caps & caps) == caps) {
		rf_found(f, RF_FINDING_INFO, "not needed: the caller may map any id");
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		int r;

		snprintf(path, sizeof(path), "%s%s", d->host.root, files[i]);
		r = rf_subids_read(path, d->host.f->uid, d->user, &first[i], &count[i]);
		if (r == 0)
			continue;
		(void)rf_found_failure(f, -r, "%s", files[i]);
		rf_cause_set(&f->cause, RF_CAUSE_SUBIDS, "%s has no range for %s", files[i], d->user);
		return;
	}
	rf_found(f, RF_FINDING_WORKS, "uids %u+%u, gids %u+%u", first[0], count[0], first[1],
		 count[1]);
}

void rf_look_helpers(const struct rf_doctor *d, const struct rf_doctor_row *row,
		      struct rf_finding *f)
{
	(void)row;
	if (rf_cause_helpers(&d->host, &f->cause))
		(void)rf_found_failure(f, f->cause.kind == RF_CAUSE_HELPERS_MISSING ? ENOENT : EPERM,
				       "newuidmap, newgidmap");
	else
		rf_found(f, RF_FINDING_WORKS, "newuidmap, newgidmap");
}

/* newuidmap or newgidmap for @pid. 0 or positive errno. */
static int run_helper(const char *name, pid_t pid, uint32_t first, uint32_t count)
{
	char path[64], text[3][16];
	int status;
	pid_t child = fork();

	if (child == 0) {
		snprintf(text[0], sizeof(text[0]), "%d", (int)pid);
		snprintf(text[1], sizeof(text[1]), "%u", first);
		snprintf(text[2], sizeof(text[2]), "%u", count);
		for (const char *const *dir = rf_helper_dirs; *dir; dir++) {
			snprintf(path, sizeof(path), "%s/%s", *dir, name);
			(void)execl(path, name, text[0], "0", text[1], text[2], (char *)NULL);
		}
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EPERM;
}

static int write_ranges(const struct rf_doctor *d, pid_t pid, bool privileged, struct rf_finding *f)
{
	const struct rf_features *x = d->host.f;
	char path[64];
	int r;

	if (privileged) {
		snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)pid);
		r = rf_write_text(path, "0 0 2\n");
		if (r < 0)
			return rf_found_failure(f, -r, "gid map of two ids");
		snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
		r = rf_write_text(path, "0 0 2\n");
		if (r < 0)
			return rf_found_failure(f, -r, "uid map of two ids");
		rf_found(f, RF_FINDING_WORKS, "written directly");
		return 0;
	}
	r = run_helper("newgidmap", pid, x->subgid, x->nr_subgid);
	if (r)
		return rf_found_failure(f, r, "newgidmap");
	r = run_helper("newuidmap", pid, x->subuid, x->nr_subuid);
	if (r)
		return rf_found_failure(f, r, "newuidmap");
	rf_found(f, RF_FINDING_WORKS, "written by newuidmap, newgidmap");
	return 0;
}

static bool fails(const struct rf_doctor *d, const char *group, const char *name,
		  struct rf_finding *f)
{
	if (rf_doctor_found(d, group, name)->status != RF_FINDING_FAILS)
		return false;
	(void)rf_found_failure(f, EPERM, "needs %s.%s", group, name);
	return rf_cause_set(&f->cause, RF_CAUSE_DEPENDS, "%s.%s fails", group, name);
}

void rf_look_range(const struct rf_doctor *d, const struct rf_doctor_row *row,
		    struct rf_finding *f)
{
	uint64_t caps = 1ULL << CAP_SETUID | 1ULL << CAP_SETGID;
	bool privileged = (d->host.f->caps & caps) == caps;
	long pid;

	(void)row;
	if (fails(d, "namespaces", "user", f))
		return;
	if (!privileged && (fails(d, "ids", "subordinate", f) || fails(d, "ids", "helpers", f)))
		return;
	pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0) {
		(void)rf_found_failure(f, errno, "clone");
		return;
	}
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	(void)write_ranges(d, (pid_t)pid, privileged, f);
	(void)kill((pid_t)pid, SIGKILL);
	(void)waitpid((pid_t)pid, NULL, 0);
	if (f->status == RF_FINDING_FAILS && !rf_cause_self_map(&d->host, &f->cause))
		rf_cause_set(&f->cause, RF_CAUSE_UNKNOWN, "%s", privileged ?
			     "the caller's own user namespace does not have a second id" :
			     "newuidmap and newgidmap refuse what /etc/subuid and /etc/subgid give");
}
