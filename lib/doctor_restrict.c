/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Restriction, really put on the probe's own child; and who restricts us.
 */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---------------------------------------------------------------- Landlock */

static const char *const landlock_has[] = {
	"paths", "rename across directories", "truncate", "TCP ports", "device ioctls",
	"abstract sockets and signals", "logging", "all threads", "sockets by path",
};

static void landlock_found(long abi, struct rf_finding *f)
{
	char text[160] = "";

	for (long i = 0; i < abi && i < (long)(sizeof(landlock_has) / sizeof(*landlock_has)); i++) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len, "%s%s", len ? ", " : "", landlock_has[i]);
	}
	rf_found(f, RF_FINDING_WORKS, "ABI %ld: %s", abi, text);
}

void rf_look_landlock(const struct rf_doctor *d, const struct rf_doctor_row *row,
		       struct rf_finding *f)
{
	const struct landlock_ruleset_attr attr = { .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	long fd;

	(void)row;
	if (abi < 0) {
		(void)rf_found_failure(f, errno, "landlock_create_ruleset");
		if (f->error == EOPNOTSUPP)
			rf_cause_set(&f->cause, RF_CAUSE_LANDLOCK_OFF, "Landlock was left out when "
				     "this kernel was started");
		else if (f->error == ENOSYS && !rf_cause_filter(&d->host, &f->cause))
			rf_cause_set(&f->cause, RF_CAUSE_KERNEL, "this kernel has no Landlock");
		return;
	}
	fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0)
		(void)rf_found_failure(f, errno, "landlock_create_ruleset");
	else if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		(void)rf_found_failure(f, errno, "no_new_privs");
	else if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		(void)rf_found_failure(f, errno, "landlock_restrict_self");
	else
		landlock_found(abi, f);
}

/* ----------------------------------------------------------------- seccomp */

static void seccomp_install(const struct rf_doctor *d, unsigned int flags, struct rf_finding *f)
{
	struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	const struct sock_fprog prog = { .len = 1, .filter = allow };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		(void)rf_found_failure(f, errno, "no_new_privs");
	else if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog) < 0)
		(void)rf_found_failure(f, errno, "seccomp");
	else
		rf_found(f, RF_FINDING_WORKS, "%s", "");
	if (f->status == RF_FINDING_WORKS)
		return;
	if (f->error == EBUSY)
		rf_cause_set(&f->cause, RF_CAUSE_FILTER, "an outer filter has a listener already, and "
			     "the kernel allows one");
	else if (!rf_cause_filter(&d->host, &f->cause))
		rf_cause_set(&f->cause, RF_CAUSE_KERNEL, "this kernel has no seccomp filters of the kind");
	else
		rf_cause_set(&f->cause, RF_CAUSE_FILTER, "a seccomp filter in force here refuses others");
}

void rf_look_seccomp(const struct rf_doctor *d, const struct rf_doctor_row *row,
		      struct rf_finding *f)
{
	(void)row;
	seccomp_install(d, 0, f);
}

void rf_look_notify(const struct rf_doctor *d, const struct rf_doctor_row *row,
		     struct rf_finding *f)
{
	(void)row;
	seccomp_install(d, SECCOMP_FILTER_FLAG_NEW_LISTENER, f);
}

/* ------------------------------------------------------------------ ptrace */

static int traced(struct rf_finding *f)
{
	pid_t pid = fork();
	int error = 0;

	if (pid < 0)
		return rf_found_failure(f, errno, "fork");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
		error = errno;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return error ? rf_found_failure(f, error, "ptrace") : 0;
}

void rf_look_ptrace(const struct rf_doctor *d, const struct rf_doctor_row *row,
		     struct rf_finding *f)
{
	long scope = -1;

	(void)row;
	(void)rf_host_number(&d->host, "/proc/sys/kernel/yama/ptrace_scope", &scope);
	if (traced(f) == 0) {
		if (scope >= 0)
			rf_found(f, RF_FINDING_WORKS, "kernel.yama.ptrace_scope=%ld", scope);
		else
			rf_found(f, RF_FINDING_WORKS, "%s", "");
	} else if (scope >= 2) {
		rf_cause_set(&f->cause, RF_CAUSE_PTRACE_SCOPE,
			     "kernel.yama.ptrace_scope=%ld allows it %s", scope,
			     scope == 2 ? "to CAP_SYS_PTRACE only" : "to nobody");
	}
}

/* --------------------------------------------------------- who restricts us */

void rf_look_lsm(const struct rf_doctor *d, const struct rf_doctor_row *row,
		  struct rf_finding *f)
{
	char list[96] = "", profile[96] = "";
	long v, enforce;
	size_t len;

	(void)row;
	if (!rf_host_line(&d->host, "/sys/kernel/security/lsm", list, sizeof(list)))
		snprintf(list, sizeof(list), "list not to be read");
	rf_found(f, RF_FINDING_INFO, "%s", list);
	if (rf_host_line(&d->host, "/proc/self/attr/apparmor/current", profile, sizeof(profile)) ||
	    (strstr(list, "apparmor") &&
	     rf_host_line(&d->host, "/proc/self/attr/current", profile, sizeof(profile)))) {
		len = strlen(f->value);
		snprintf(f->value + len, sizeof(f->value) - len, "; AppArmor profile %s", profile);
	}
	len = strlen(f->value);
	if (rf_host_number(&d->host, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", &v))
		snprintf(f->value + len, sizeof(f->value) - len, "; user namespaces %s",
			 v ? "restricted to profiles" : "not restricted");
	len = strlen(f->value);
	if (rf_host_number(&d->host, "/sys/fs/selinux/enforce", &enforce))
		snprintf(f->value + len, sizeof(f->value) - len, "; SELinux %s",
			 enforce ? "enforcing" : "permissive");
}

void rf_look_filter(const struct rf_doctor *d, const struct rf_doctor_row *row,
		     struct rf_finding *f)
{
	char mode[8] = "", nr[8] = "1", names[192];
	bool known = rf_host_value(&d->host, "/proc/self/status", "Seccomp:", mode, sizeof(mode));

	(void)row;
	if (!known) {
		rf_found(f, RF_FINDING_INFO, "/proc/self/status does not say");
		return;
	}
	(void)rf_host_value(&d->host, "/proc/self/status", "Seccomp_filters:", nr, sizeof(nr));
	if (strcmp(mode, "2") != 0) {
		rf_found(f, RF_FINDING_INFO, "none");
		return;
	}
	rf_doctor_refused(d, names, sizeof(names));
	rf_found(f, RF_FINDING_INFO, "%s in force; %s%s", nr, *names ? "refuses " :
		 "refuses none of the calls above", names);
}

void rf_look_nnp(const struct rf_doctor *d, const struct rf_doctor_row *row,
		  struct rf_finding *f)
{
	char nnp[8] = "";

	(void)row;
	(void)rf_host_value(&d->host, "/proc/self/status", "NoNewPrivs:", nnp, sizeof(nnp));
	rf_found(f, RF_FINDING_INFO, "%s", *nnp == '1' ? "set: newuidmap gets no power" : "not set");
}

void rf_look_tty(const struct rf_doctor *d, const struct rf_doctor_row *row,
		  struct rf_finding *f)
{
	long v;

	(void)row;
	if (!rf_host_number(&d->host, "/proc/sys/dev/tty/legacy_tiocsti", &v) || v)
		rf_found(f, RF_FINDING_INFO, "who has a terminal can type into it (TIOCSTI)");
	else
		rf_found(f, RF_FINDING_INFO, "dev.tty.legacy_tiocsti=0: who has a terminal cannot "
			 "type into it");
}
