/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rows, and the child that each probe runs in.
 */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox.h"

const char *const rf_finding_words[RF_FINDING_NR] = {
	[RF_FINDING_FAILS]	= "fails",
	[RF_FINDING_PARTLY]	= "partly",
	[RF_FINDING_WORKS]	= "works",
	[RF_FINDING_INFO]	= "info",
};

static void probe_sandbox(const struct rf_doctor *d, const struct rf_doctor_row *row,
			  struct rf_finding *f)
{
	(void)row;
	d->sandbox(d, f);
}

#define NEEDED	true
#define OPTION	false

/* The default sandbox has the host's tree as its root where that is (compile_root.c). */
#define NO_OTHER_ROOT \
	"the old root cannot be left: none but the host's, without `deny`, files and overlays"

/* In an order in which what a row depends on comes before it. */
const struct rf_doctor_row rf_doctor_rows[] = {
	{ "kernel", "version", NEEDED, rf_look_kernel_version, 0,
	  "ringfence needs Linux 5.14, its ring engine 6.13" },
	{ "kernel", "container", OPTION, rf_look_container, 0, NULL },
	{ "kernel", "modules", OPTION, rf_look_lsm, 0, NULL },
	{ "kernel", "no-new-privileges", OPTION, rf_look_nnp, 0, NULL },
	{ "kernel", "terminal-input", OPTION, rf_look_tty, 0, NULL },

	{ "calls", "clone3", OPTION, rf_look_call, SYS_clone3, "clone is used instead" },
	{ "calls", "unshare", NEEDED, rf_look_call, SYS_unshare, "no pid or net namespace" },
	{ "calls", "setns", NEEDED, rf_look_call, SYS_setns,
	  "no network namespace beside a reaper, no joined namespaces" },
	{ "calls", "openat2", NEEDED, rf_look_call, SYS_openat2, "no mounts: no safe way to a path" },
	{ "calls", "open_tree", NEEDED, rf_look_call, SYS_open_tree, "no binds" },
	{ "calls", "move_mount", NEEDED, rf_look_call, SYS_move_mount, "no mounts" },
	{ "calls", "fsopen", NEEDED, rf_look_call, SYS_fsopen, "no file systems of its own" },
	{ "calls", "fsconfig", NEEDED, rf_look_call, SYS_fsconfig, "no file systems of its own" },
	{ "calls", "fsmount", NEEDED, rf_look_call, SYS_fsmount, "no file systems of its own" },
	{ "calls", "mount_setattr", NEEDED, rf_look_call, SYS_mount_setattr, "nothing is read-only" },
	{ "calls", "umount2", OPTION, rf_look_call, SYS_umount2, NO_OTHER_ROOT },
	{ "calls", "pivot_root", OPTION, rf_look_call, SYS_pivot_root, NO_OTHER_ROOT },
	{ "calls", "close_range", OPTION, rf_look_call, SYS_close_range,
	  "descriptors are closed one by one" },
	{ "calls", "memfd_create", NEEDED, rf_look_call, SYS_memfd_create, "no reaper as process 1" },
	{ "calls", "execveat", NEEDED, rf_look_call, SYS_execveat, "no reaper as process 1" },
	{ "calls", "keyctl", OPTION, rf_look_call, SYS_keyctl, "no session keyring of its own" },
	{ "calls", "pidfd_open", NEEDED, rf_look_call, SYS_pidfd_open, "tasks cannot be told apart safely" },
	{ "calls", "pidfd_send_signal", OPTION, rf_look_call, SYS_pidfd_send_signal,
	  "signals cannot be sent safely" },
	{ "calls", "seccomp", NEEDED, rf_look_call, SYS_seccomp, "no `seccomp`, which is on by default" },
	{ "calls", "landlock_create_ruleset", OPTION, rf_look_call, SYS_landlock_create_ruleset,
	  "no Landlock" },
	{ "calls", "io_uring_setup", OPTION, rf_look_call, SYS_io_uring_setup,
	  "the plain engine is used" },
	{ "kernel", "outer-filter", OPTION, rf_look_filter, 0, NULL },

	{ "namespaces", "limits", NEEDED, rf_look_limits, 0, "no namespaces of the kind" },
	{ "namespaces", "user", NEEDED, rf_look_user_ns, CLONE_NEWUSER,
	  "no sandbox for an ordinary user" },
	{ "namespaces", "mount", NEEDED, rf_look_ns, CLONE_NEWNS, "no file system of its own" },
	{ "namespaces", "pid", NEEDED, rf_look_ns_inside, CLONE_NEWPID,
	  "the host's processes are in sight" },
	{ "namespaces", "net", NEEDED, rf_look_ns_inside, CLONE_NEWNET, "the host's network is in sight" },
	{ "namespaces", "ipc", NEEDED, rf_look_ns, CLONE_NEWIPC, "the host's shared memory is in sight" },
	{ "namespaces", "uts", NEEDED, rf_look_ns, CLONE_NEWUTS, "no host name of its own" },
	{ "namespaces", "cgroup", NEEDED, rf_look_ns, CLONE_NEWCGROUP, "the host's groups are in sight" },
	{ "namespaces", "time", OPTION, rf_look_ns_inside, CLONE_NEWTIME, "no clock offsets" },
	{ "namespaces", "loopback", OPTION, rf_look_loopback, 0, "no `network: loopback`" },

	{ "ids", "self-map", NEEDED, rf_look_self_map, 0, "no id can be mapped" },
	{ "ids", "subordinate", OPTION, rf_look_ranges, 0,
	  "one id inside only: no `map` with ranges, no `groups: drop`" },
	{ "ids", "helpers", OPTION, rf_look_helpers, 0, "subordinate ids cannot be used" },
	{ "ids", "range", OPTION, rf_look_range, 0, "no map of more than one id" },

	{ "mounts", "bind", NEEDED, rf_look_bind, 0, "nothing of the host can be shown" },
	{ "mounts", "tmpfs", NEEDED, rf_look_new_fs, RF_FS_TMPFS, "no private /tmp, no empty root" },
	{ "mounts", "proc", NEEDED, rf_look_new_fs, RF_FS_PROC, "no `proc` entries: the preset has one" },
	{ "mounts", "devpts", NEEDED, rf_look_new_fs, RF_FS_DEVPTS, "no `dev` entries: the preset has one" },
	{ "mounts", "sysfs", OPTION, rf_look_new_fs, RF_FS_SYSFS, "no `sysfs` entries" },
	{ "mounts", "mqueue", OPTION, rf_look_new_fs, RF_FS_MQUEUE, "no `mqueue` entries" },
	{ "mounts", "overlay", OPTION, rf_look_new_fs, RF_FS_OVERLAY, "no `overlay` entries" },
	{ "mounts", "cgroup", OPTION, rf_look_new_fs, RF_FS_CGROUP, "no `cgroup` entries" },
	{ "mounts", "pivot-root", OPTION, rf_look_pivot_root, 0, NO_OTHER_ROOT },
	{ "mounts", "id-mapped", OPTION, rf_look_idmapped, 0, "no id-mapped binds" },
	{ "mounts", "squashfs", OPTION, rf_look_image_fs, (uintptr_t)"squashfs", "no squashfs images as root" },
	{ "mounts", "erofs", OPTION, rf_look_image_fs, (uintptr_t)"erofs", "no erofs images as root" },
	{ "mounts", "loop", OPTION, rf_look_loop, 0, "no images as root" },

	{ "restriction", "landlock", OPTION, rf_look_landlock, 0, "no `landlock`" },
	{ "restriction", "seccomp", NEEDED, rf_look_seccomp, 0, "no `seccomp`, which is on by default" },
	{ "restriction", "seccomp-notify", OPTION, rf_look_notify, 0, "no `notify` rules" },
	{ "restriction", "ptrace", OPTION, rf_look_ptrace, 0, "denials cannot be explained by tracing" },

	{ "cgroups", "hierarchies", OPTION, rf_look_hierarchies, 0, "no limits of control groups" },
	{ "cgroups", "memory", OPTION, rf_look_controller, RF_CG_MEMORY, "no limit of `memory`, `swap`" },
	{ "cgroups", "pids", OPTION, rf_look_controller, RF_CG_PIDS, "no limit of `pids`" },
	{ "cgroups", "cpu", OPTION, rf_look_controller, RF_CG_CPU, "no limit of `cpu`" },
	{ "cgroups", "cpuset", OPTION, rf_look_controller, RF_CG_CPUSET, "no limit of `cpuset`" },
	{ "cgroups", "io", OPTION, rf_look_controller, RF_CG_IO, "no limit of `io`" },
	{ "cgroups", "hugetlb", OPTION, rf_look_controller, RF_CG_HUGETLB, "no limit of `hugetlb`" },
	{ "cgroups", "huge-pages", OPTION, rf_look_hugepages, 0, NULL },

	{ "engine", "descriptors", OPTION, rf_look_nofile, 0,
	  "a chain needs about a dozen descriptors, each mount one more at times" },
	{ "engine", "ring", OPTION, rf_look_engine, 0,
	  "the plain engine is used, which does all the same" },

	{ "sandbox", "default", NEEDED, probe_sandbox, 0, "`ringfence run` fails without other options" },
	{ NULL, NULL, false, NULL, 0, NULL }
};

size_t rf_doctor_nr(void)
{
	return sizeof(rf_doctor_rows) / sizeof(rf_doctor_rows[0]) - 1;
}

void rf_found(struct rf_finding *f, enum rf_finding_status status, const char *fmt, ...)
{
	va_list ap;

	f->status = status;
	f->error = 0;
	va_start(ap, fmt);
	(void)vsnprintf(f->value, sizeof(f->value), fmt, ap);
	va_end(ap);
}

int rf_found_failure(struct rf_finding *f, int error, const char *fmt, ...)
{
	va_list ap;

	f->status = RF_FINDING_FAILS;
	f->error = error;
	va_start(ap, fmt);
	(void)vsnprintf(f->value, sizeof(f->value), fmt, ap);
	va_end(ap);
	return -1;
}

const struct rf_finding *rf_doctor_found(const struct rf_doctor *d, const char *group,
					 const char *name)
{
	for (size_t i = 0; i < rf_doctor_nr(); i++)
		if (!strcmp(rf_doctor_rows[i].group, group) && !strcmp(rf_doctor_rows[i].name, name))
			return &d->found[i];
	return NULL;
}

bool rf_doctor_works(const struct rf_doctor *d)
{
	for (size_t i = 0; i < rf_doctor_nr(); i++)
		if (rf_doctor_rows[i].needed && d->found[i].status == RF_FINDING_FAILS)
			return false;
	return true;
}

/* --------------------------------------------------------------- the child */

/* What no probe has explained: a refusal has the same causes everywhere. */
static void explain(const struct rf_doctor *d, const struct rf_doctor_row *row,
		    struct rf_finding *f)
{
	uint64_t flags = !strcmp(row->group, "namespaces") ? row->arg : 0;

	if (f->status != RF_FINDING_FAILS || f->cause.kind || f->cause.text[0])
		return;
	(void)rf_cause_refusal(&d->host, f->error, flags, &f->cause);
}

static _Noreturn void child(const struct rf_doctor *d, const struct rf_doctor_row *row,
			    struct rf_finding *f, pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		(void)dup2(null, fd);
	row->probe(d, row, f);
	explain(d, row, f);
	_exit(0);
}

static long now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until the last holder of the pipe's other end is gone; false: it is too late. */
static bool wait_for_end(int fd, unsigned int ms)
{
	struct pollfd p = { .fd = fd };
	long end = now_ms() + (long)ms, left;
	int r;

	do {
		left = end - now_ms();
		r = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (r < 0 && errno == EINTR);
	return r > 0;
}

static void watch(const struct rf_doctor *d, pid_t pid, int fd, struct rf_finding *f)
{
	bool in_time = wait_for_end(fd, d->deadline_ms);
	int status = 0;

	/* all of its kin are in its process group */
	(void)kill(-pid, SIGKILL);
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!in_time) {
		(void)rf_found_failure(f, ETIMEDOUT, "no answer within %u ms", d->deadline_ms);
	} else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
		(void)rf_found_failure(f, EINTR, "the probe was ended by signal %d", WTERMSIG(status));
		if (WTERMSIG(status) == SIGSYS)
			rf_cause_set(&f->cause, RF_CAUSE_FILTER, "a seccomp filter in force here kills "
				     "for a call that this needs");
	}
}

int rf_doctor_probe(const struct rf_doctor *d, size_t index)
{
	const struct rf_doctor_row *row = &rf_doctor_rows[index];
	struct rf_finding *shared;
	pid_t parent = getpid(), pid;
	int fds[2], r = 0;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		return -errno;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		r = -errno;
		(void)munmap(shared, sizeof(*shared));
		return r;
	}
	(void)rf_found_failure(shared, EINTR, "the probe ended without an answer");
	pid = fork();
	if (pid == 0) {
		(void)close(fds[0]);
		child(d, row, shared, parent);
	}
	(void)close(fds[1]);
	if (pid > 0) {
		(void)setpgid(pid, pid);
		watch(d, pid, fds[0], shared);
	} else {
		(void)rf_found_failure(shared, errno, "fork");
		explain(d, row, shared);
	}
	(void)close(fds[0]);
	d->found[index] = *shared;
	(void)munmap(shared, sizeof(*shared));
	return 0;
}

/* ------------------------------------------------------- children of a probe */

int rf_write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n != (ssize_t)strlen(text))
		r = n < 0 ? -errno : -EIO;
	(void)close(fd);
	return r;
}

int rf_write_root_maps(uint32_t uid, uint32_t gid)
{
	char text[32];
	int r;

	r = rf_write_text("/proc/self/setgroups", "deny");
	if (r == 0) {
		snprintf(text, sizeof(text), "0 %u 1\n", gid);
		r = rf_write_text("/proc/self/gid_map", text);
	}
	if (r == 0) {
		snprintf(text, sizeof(text), "0 %u 1\n", uid);
		r = rf_write_text("/proc/self/uid_map", text);
	}
	return r;
}

/* Wait for @pid; whatever it has found is in @f. */
static void reap(pid_t pid, struct rf_finding *f)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return;
	if (WIFSIGNALED(status))
		(void)rf_found_failure(f, EINTR, "a child of the probe was ended by signal %d",
				       WTERMSIG(status));
}

int rf_forked(int (*step)(struct rf_finding *f, const struct rf_doctor_row *row),
	      const struct rf_doctor_row *row, struct rf_finding *f)
{
	pid_t pid = fork();

	if (pid < 0)
		return rf_found_failure(f, errno, "fork");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(step(f, row) < 0);
	}
	reap(pid, f);
	return f->status == RF_FINDING_FAILS ? -1 : 0;
}

static bool has_user_ns(const struct rf_doctor *d)
{
	return rf_doctor_found(d, "namespaces", "user")->status != RF_FINDING_FAILS;
}

void rf_inside(const struct rf_doctor *d, uint64_t flags, unsigned int how,
	       int (*step)(struct rf_finding *f, const struct rf_doctor_row *row),
	       const struct rf_doctor_row *row, struct rf_finding *f)
{
	bool privileged = d->host.f->caps & 1ULL << CAP_SYS_ADMIN, own = flags & CLONE_NEWUSER;
	bool is_user = row->arg == CLONE_NEWUSER && !strcmp(row->group, "namespaces");
	long pid;
	int r;

	if (own && !is_user && !has_user_ns(d)) {
		if (!privileged) {
			(void)rf_found_failure(f, EPERM, "needs a user namespace");
			rf_cause_set(&f->cause, RF_CAUSE_DEPENDS, "namespaces.user fails");
			return;
		}
		flags &= ~(uint64_t)CLONE_NEWUSER;
		own = false;
	}
	/* the call that the library falls back to; clone3 has a row of its own */
	pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0) {
		(void)rf_found_failure(f, errno, "clone");
		return;
	}
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		r = own && how & RF_INSIDE_ROOT ?
			rf_write_root_maps(d->host.f->uid, d->host.f->gid) : 0;
		if (r < 0)
			_exit(rf_found_failure(f, -r, "id map") < 0);
		_exit(step(f, row) < 0);
	}
	reap((pid_t)pid, f);
	if (!own && !is_user && f->status == RF_FINDING_WORKS && !has_user_ns(d)) {
		f->status = RF_FINDING_PARTLY;
		rf_cause_set(&f->cause, RF_CAUSE_DEPENDS, "only without a user namespace, as "
			     "namespaces.user fails");
	}
}

/* ------------------------------------------------------------------- fixes */

/* A range of 65536 that nobody has, for {subids}. */
static void free_range(const struct rf_doctor *d, char *buf, size_t size)
{
	static const char *const files[] = { "/etc/subuid", "/etc/subgid" };
	unsigned long next = 100000, first, count;
	char path[4096], line[256];

	for (size_t i = 0; i < 2; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s%s", d->host.root, files[i]);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "%*[^:]:%lu:%lu", &first, &count) == 2 &&
			    first + count > next)
				next = first + count;
		if (f)
			fclose(f);
	}
	snprintf(buf, size, "%lu:65536", next);
}

/* What {@word} stands for, in @buf. */
static void replace(const struct rf_doctor *d, const struct rf_finding *f, const char *word,
		    size_t len, char *buf, size_t size)
{
	buf[0] = '\0';
	if (!strncmp(word, "exe", len))
		snprintf(buf, size, "%s", d->exe);
	else if (!strncmp(word, "user", len))
		snprintf(buf, size, "%s", d->user);
	else if (!strncmp(word, "uid", len))
		snprintf(buf, size, "%u", d->host.f->uid);
	else if (!strncmp(word, "subids", len))
		free_range(d, buf, size);
	else if (!strncmp(word, "calls", len))
		rf_doctor_wanted(d, f, buf, size);
	else if (!strncmp(word, "sysctl", len))
		snprintf(buf, size, "%.*s", (int)strcspn(f->cause.text, "="), f->cause.text);
	else if (!strncmp(word, "controller", len))
		snprintf(buf, size, "%.*s", (int)strcspn(f->value, " :"), f->value);
	else if (!strncmp(word, "lsm", len) &&
		 !rf_host_line(&d->host, "/sys/kernel/security/lsm", buf, size))
		snprintf(buf, size, "LIST, as CONFIG_LSM has it");
}

char *rf_doctor_fix(const struct rf_doctor *d, const struct rf_finding *f)
{
	const char *s = rf_causes[f->cause.kind].fix;
	char *text = NULL, value[1024];
	size_t size = 0;
	FILE *out;

	if (!s || f->status == RF_FINDING_WORKS || f->status == RF_FINDING_INFO)
		return NULL;
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	while (*s) {
		size_t len = s[0] == '{' ? strspn(s + 1, "abcdefghijklmnopqrstuvwxyz") : 0;

		if (len && s[len + 1] == '}') {
			replace(d, f, s + 1, len, value, sizeof(value));
			fputs(value, out);
			s += len + 2;
		} else {
			fputc(*s++, out);
		}
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
