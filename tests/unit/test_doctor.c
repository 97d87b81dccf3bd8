/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor: its table, its child, and what it makes of a host's files. */
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "harness.h"

static struct rf_features user = {
	.kernel = RF_KERNEL(6, 18), .uid = 1000, .gid = 1000, .last_cap = 40, .nofile = 1024,
};

static size_t index_of(const char *group, const char *name)
{
	for (size_t i = 0; i < rf_doctor_nr(); i++)
		if (!strcmp(rf_doctor_rows[i].group, group) && !strcmp(rf_doctor_rows[i].name, name))
			return i;
	fail_msg("no row %s.%s", group, name);
	return 0;
}

/* A doctor whose host is the test's directory; all findings but the one work. */
static struct rf_doctor doctor(void)
{
	struct rf_doctor d = {
		.host = { .root = harness_dir(), .f = &user }, .user = "me",
		.exe = "/opt/bin/ringfence", .deadline_ms = 5000,
	};

	d.found = calloc(rf_doctor_nr(), sizeof(*d.found));
	assert_non_null(d.found);
	for (size_t i = 0; i < rf_doctor_nr(); i++)
		d.found[i].status = RF_FINDING_WORKS;
	return d;
}

static struct rf_finding probed(struct rf_doctor *d, const char *group, const char *name)
{
	size_t i = index_of(group, name);

	EXPECT_INT(0, rf_doctor_probe(d, i));
	return d->found[i];
}

/* ------------------------------------------------------------------ the table */

TEST(every_row_can_be_probed_and_says_what_is_lost)
{
	for (size_t i = 0; i < rf_doctor_nr(); i++) {
		const struct rf_doctor_row *row = &rf_doctor_rows[i];

		assert_non_null(row->probe);
		EXPECT_TRUE(index_of(row->group, row->name) == i);
		if (row->needed)
			assert_non_null(row->loss);
	}
}

TEST(every_cause_has_a_word_of_its_own)
{
	for (size_t i = 0; i < RF_CAUSE_NR; i++) {
		const char *fix = rf_causes[i].fix;

		assert_non_null(rf_causes[i].word);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(rf_causes[i].word, rf_causes[j].word);
		if (fix && fix[strlen(fix) - 1] != '\n')
			fail_msg("%s: its fix is no line", rf_causes[i].word);
	}
}

/* ------------------------------------------------------------- hosts by file */

static const struct {
	const char	*path, *text;
	const char	*group, *name;
	enum rf_finding_status status;
	const char	*value, *cause;
} hosts[] = {
	{ "/proc/sys/user/max_net_namespaces", "0\n", "namespaces", "limits", RF_FINDING_FAILS,
	  "net 0", "max-namespaces" },
	{ "/proc/sys/user/max_net_namespaces", "7\n", "namespaces", "limits", RF_FINDING_WORKS,
	  "net 7", "unknown" },
	/* no kind that the default sandbox has */
	{ "/proc/sys/user/max_time_namespaces", "0\n", "namespaces", "limits", RF_FINDING_WORKS,
	  "time 0", "unknown" },
	{ "/.dockerenv", "", "kernel", "container", RF_FINDING_INFO, "docker", "unknown" },
	{ "/run/systemd/container", "lxc\n", "kernel", "container", RF_FINDING_INFO, "lxc", "unknown" },
	{ "/x", "", "kernel", "container", RF_FINDING_INFO, "no sign", "unknown" },
	{ "/etc/subuid", "other:1:2\n", "ids", "subordinate", RF_FINDING_FAILS, "/etc/subuid",
	  "no-subordinate-ids" },
	{ "/x", "", "ids", "helpers", RF_FINDING_FAILS, "newuidmap", "helpers-missing" },
	{ "/proc/self/status", "Seccomp:\t2\nSeccomp_filters:\t3\n", "kernel", "outer-filter",
	  RF_FINDING_INFO, "3 in force; refuses none", "unknown" },
	{ "/proc/self/status", "Seccomp:\t0\n", "kernel", "outer-filter", RF_FINDING_INFO, "none",
	  "unknown" },
	{ "/proc/sys/dev/tty/legacy_tiocsti", "0\n", "kernel", "terminal-input", RF_FINDING_INFO,
	  "cannot type", "unknown" },
	{ "/proc/self/mountinfo", "1 2 0:5 / /cg rw - cgroup2 cgroup2 rw\n", "cgroups", "hierarchies",
	  RF_FINDING_WORKS, "version 2 at /cg", "unknown" },
	{ "/proc/self/mountinfo",
	  "1 2 0:5 / /cg/u rw - cgroup2 c rw\n2 2 0:6 / /cg/pids rw - cgroup c rw,pids\n",
	  "cgroups", "hierarchies", RF_FINDING_WORKS, "hybrid: version 2 at /cg/u, version 1: pids",
	  "unknown" },
	{ "/proc/self/mountinfo", "1 2 0:5 / / rw - ext4 x rw\n", "cgroups", "hierarchies",
	  RF_FINDING_FAILS, "", "cgroup-none" },
	{ "/sys/kernel/security/lsm", "lockdown,yama,selinux\n", "kernel", "modules", RF_FINDING_INFO,
	  "yama", "unknown" },
	{ "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "4\n", "cgroups", "huge-pages",
	  RF_FINDING_INFO, "4 of 2048kB", "unknown" },
	{ "/proc/filesystems", "nodev\tproc\n\tsquashfs\n", "mounts", "squashfs", RF_FINDING_FAILS,
	  "squashfs", "power" },
	{ "/proc/filesystems", "nodev\tproc\n", "mounts", "erofs", RF_FINDING_FAILS, "erofs",
	  "module" },
};

TEST(files_of_the_host_are_what_is_found)
{
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct rf_doctor d = doctor();
		struct rf_finding f;
		char name[4096];

		harness_file(hosts[i].path, hosts[i].text);
		f = probed(&d, hosts[i].group, hosts[i].name);
		if (f.status != hosts[i].status || !strstr(f.value, hosts[i].value) ||
		    strcmp(rf_causes[f.cause.kind].word, hosts[i].cause) != 0)
			fail_msg("%s: %s.%s: %s, '%s', %s", hosts[i].path, hosts[i].group,
				 hosts[i].name, rf_finding_words[f.status], f.value,
				 rf_causes[f.cause.kind].word);
		free(d.found);
		snprintf(name, sizeof(name), "%s%s", harness_dir(), hosts[i].path);
		EXPECT_INT(0, unlink(name));
	}
}

TEST(what_is_older_than_the_oldest_kernel_fails)
{
	struct rf_features old = user;
	struct rf_doctor d = doctor();

	d.host.f = &old;
	old.kernel = RF_KERNEL(6, 12);
	EXPECT_INT(RF_FINDING_PARTLY, probed(&d, "kernel", "version").status);
	EXPECT_TRUE(rf_doctor_works(&d));
	old.kernel = RF_KERNEL(5, 13);
	EXPECT_INT(RF_FINDING_FAILS, probed(&d, "kernel", "version").status);
	EXPECT_FALSE(rf_doctor_works(&d));
	free(d.found);
}

/* -------------------------------------------------------------------- causes */

/* Files of a host, "path=text" with a blank between, what was refused, and the cause. */
static const struct {
	const char	*path, *text;
	uint64_t	 flags;
	int		 error;
	const char	*cause;
} refusals[] = {
	{ "/proc/sys/kernel/unprivileged_userns_clone", "0\n", CLONE_NEWUSER, EPERM, "userns-sysctl" },
	{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n", CLONE_NEWUSER, EPERM,
	  "apparmor-userns" },
	{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n", 0, EACCES,
	  "apparmor-userns" },
	{ "/proc/self/attr/apparmor/current", "docker-default (enforce)\n", 0, EACCES,
	  "apparmor-profile" },
	{ "/proc/self/status", "Seccomp:\t2\n", CLONE_NEWUSER, EPERM, "seccomp-filter" },
	{ "/proc/self/status", "Seccomp:\t2\n", CLONE_NEWUSER, ENOSYS, "seccomp-filter" },
	{ "/proc/self/status", "Seccomp:\t0\n", CLONE_NEWUSER, ENOSYS, "kernel" },
	{ "/proc/sys/user/max_user_namespaces", "0\n", CLONE_NEWUSER, ENOSPC, "max-namespaces" },
	{ "/proc/sys/user/max_user_namespaces", "9\n", CLONE_NEWUSER, EUSERS, "namespaces-used-up" },
	{ "/proc/self/mountinfo", "1 2 0:5 / /x rw - ext4 x rw\n", CLONE_NEWUSER, EPERM, "chroot" },
	{ "/proc/self/uid_map", "0 0 1\n", CLONE_NEWUSER, EPERM, "unmapped-id" },
	{ "/x", "", CLONE_NEWNET, EPERM, "power" },
	{ "/x", "", 0, EMFILE, "nofile" },
	{ "/x", "", 0, EAGAIN, "nproc" },
};

TEST(a_refusal_is_explained_by_the_host)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct rf_host h = { .root = harness_dir(), .f = &user };
		struct rf_cause c = { 0 };
		char name[4096];

		harness_file(refusals[i].path, refusals[i].text);
		if (!rf_cause_refusal(&h, refusals[i].error, refusals[i].flags, &c) ||
		    strcmp(rf_causes[c.kind].word, refusals[i].cause) != 0)
			fail_msg("%s, %s: %s", refusals[i].path, strerror(refusals[i].error),
				 rf_causes[c.kind].word);
		snprintf(name, sizeof(name), "%s%s", harness_dir(), refusals[i].path);
		EXPECT_INT(0, unlink(name));
	}
}

TEST(what_no_file_explains_has_no_cause)
{
	struct rf_host h = { .root = harness_dir(), .f = &user };
	struct rf_cause c = { 0 };

	EXPECT_FALSE(rf_cause_refusal(&h, EPERM, 0, &c));
	EXPECT_FALSE(rf_cause_refusal(&h, EIO, CLONE_NEWUSER, &c));
	EXPECT_FALSE(rf_cause_proc_covered(&h, &c));
	EXPECT_INT(RF_CAUSE_UNKNOWN, c.kind);
}

TEST(every_place_of_proc_that_is_covered_is_named)
{
	struct rf_host h = { .root = harness_dir(), .f = &user };
	struct rf_cause c = { 0 };

	harness_file("/proc/self/mountinfo", "1 2 0:5 / /proc rw - proc p rw\n"
	     "3 1 0:6 / /proc/kcore rw - tmpfs t rw\n4 1 0:6 / /proc/keys rw - tmpfs t rw\n");
	EXPECT_TRUE(rf_cause_proc_covered(&h, &c));
	assert_non_null(strstr(c.text, "/proc/kcore, /proc/keys are mounted over"));
}

/* --------------------------------------------------------------------- fixes */

static char *fix_of(struct rf_doctor *d, size_t i, enum rf_cause_kind kind, const char *text)
{
	char *fix;

	d->found[i].status = RF_FINDING_FAILS;
	rf_cause_set(&d->found[i].cause, kind, "%s", text);
	fix = rf_doctor_fix(d, &d->found[i]);
	assert_non_null(fix);
	return fix;
}

static void expect_fix(enum rf_cause_kind kind, const char *text, const char *part)
{
	struct rf_doctor d = doctor();
	char *fix = fix_of(&d, index_of("ids", "subordinate"), kind, text);

	if (!strstr(fix, part))
		fail_msg("no '%s' in\n%s", part, fix);
	free(fix);
	free(d.found);
}

TEST(a_fix_is_ready_to_use)
{
	expect_fix(RF_CAUSE_APPARMOR_USERNS, "", "profile ringfence /opt/bin/ringfence flags=(unconfined)");
	expect_fix(RF_CAUSE_MAX_NAMESPACES, "user.max_net_namespaces=0 allows none",
		   "echo user.max_net_namespaces=1024 >");
	expect_fix(RF_CAUSE_SUBIDS, "", "echo me:100000:65536 >>/etc/subuid");
	harness_file("/etc/subuid", "a:100000:65536\n");
	harness_file("/etc/subgid", "a:200000:65536\nb:300000:5\n");
	expect_fix(RF_CAUSE_SUBIDS, "", "echo me:300005:65536 >>/etc/subgid");
	expect_fix(RF_CAUSE_CGROUP_DELEGATION, "", "loginctl enable-linger me");
	expect_fix(RF_CAUSE_CGROUP_DELEGATION, "", "user@1000.service.d");
	harness_file("/sys/kernel/security/lsm", "lockdown,yama\n");
	expect_fix(RF_CAUSE_LANDLOCK_OFF, "", "lsm=landlock,lockdown,yama");
}

TEST(a_profile_gets_the_calls_that_are_needed_and_refused_and_no_others)
{
	static const char *const refused[] = { "openat2", "mount_setattr", "clone3", "io_uring_setup" };
	struct rf_doctor d = doctor();
	char *fix;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct rf_finding *f = &d.found[index_of("calls", refused[i])];

		f->status = RF_FINDING_FAILS;
		f->cause.kind = RF_CAUSE_FILTER;
	}
	fix = fix_of(&d, index_of("calls", "openat2"), RF_CAUSE_FILTER, "");
	assert_non_null(strstr(fix, "\"names\": [\"openat2\", \"mount_setattr\"]"));
	free(fix);
	/* unless it is what is asked about */
	fix = fix_of(&d, index_of("calls", "clone3"), RF_CAUSE_FILTER, "");
	assert_non_null(strstr(fix, "\"clone3\""));
	free(fix);
	/* refused by its arguments: no name was found */
	fix = fix_of(&d, index_of("namespaces", "user"), RF_CAUSE_FILTER, "");
	assert_non_null(strstr(fix, "\"clone\", \"unshare\""));
	free(fix);
	free(d.found);
}

TEST(what_works_needs_no_fix)
{
	struct rf_doctor d = doctor();

	for (size_t i = 0; i < rf_doctor_nr(); i++)
		EXPECT_NULL(rf_doctor_fix(&d, &d.found[i]));
	free(d.found);
}

/* ------------------------------------------------------------------ the child */

static void hangs(const struct rf_doctor *d, struct rf_finding *f)
{
	(void)d;
	(void)f;
	if (fork() == 0)
		for (;;)
			(void)pause();
	for (;;)
		(void)pause();
}

static void crashes(const struct rf_doctor *d, struct rf_finding *f)
{
	(void)d;
	(void)f;
	(void)signal(SIGSEGV, SIG_DFL);
	(void)raise(SIGSEGV);
}

static void says_nothing(const struct rf_doctor *d, struct rf_finding *f)
{
	(void)d;
	(void)f;
}

TEST(a_probe_that_hangs_is_ended_with_its_children)
{
	struct rf_doctor d = doctor();
	struct rf_finding f;

	d.sandbox = hangs;
	d.deadline_ms = 50;
	f = probed(&d, "sandbox", "default");
	EXPECT_INT(RF_FINDING_FAILS, f.status);
	EXPECT_INT(ETIMEDOUT, f.error);
	EXPECT_FALSE(rf_doctor_works(&d));
	free(d.found);
}

TEST(a_probe_that_dies_or_says_nothing_has_failed)
{
	struct rf_doctor d = doctor();
	int fds = harness_count_fds();
	struct rf_finding f;

	d.sandbox = crashes;
	f = probed(&d, "sandbox", "default");
	EXPECT_INT(RF_FINDING_FAILS, f.status);
	d.sandbox = says_nothing;
	f = probed(&d, "sandbox", "default");
	EXPECT_INT(RF_FINDING_FAILS, f.status);
	EXPECT_INT(fds, harness_count_fds());
	free(d.found);
}

TEST(what_depends_on_a_user_namespace_says_so)
{
	struct rf_doctor d = doctor();
	struct rf_finding f;

	d.found[index_of("namespaces", "user")].status = RF_FINDING_FAILS;
	f = probed(&d, "namespaces", "net");
	EXPECT_INT(RF_FINDING_FAILS, f.status);
	EXPECT_STR("depends", rf_causes[f.cause.kind].word);
	assert_non_null(strstr(f.cause.text, "namespaces.user"));
	free(d.found);
}
