/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The looking; the words are in cause_table.c.
 */
#include "cause.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sandbox.h"

bool rf_cause_set(struct rf_cause *ret, enum rf_cause_kind kind, const char *fmt, ...)
{
	va_list ap;

	ret->kind = kind;
	va_start(ap, fmt);
	(void)vsnprintf(ret->text, sizeof(ret->text), fmt, ap);
	va_end(ap);
	return true;
}

/* ------------------------------------------------------------------- files */

static FILE *host_open(const struct rf_host *h, const char *path)
{
	char file[2 * PATH_MAX];

	snprintf(file, sizeof(file), "%s%s", h->root, path);
	return fopen(file, "re");
}

bool rf_host_has(const struct rf_host *h, const char *path)
{
	char file[2 * PATH_MAX];

	snprintf(file, sizeof(file), "%s%s", h->root, path);
	return access(file, F_OK) == 0;
}

bool rf_host_line(const struct rf_host *h, const char *path, char *buf, size_t size)
{
	FILE *f = host_open(h, path);
	bool ok;

	if (!f)
		return false;
	ok = fgets(buf, (int)size, f) != NULL;
	fclose(f);
	if (!ok)
		return false;
	buf[strcspn(buf, "\n")] = '\0';
	return *buf;
}

bool rf_host_number(const struct rf_host *h, const char *path, long *ret)
{
	char line[64], *end;
	long v;

	if (!rf_host_line(h, path, line, sizeof(line)))
		return false;
	errno = 0;
	v = strtol(line, &end, 10);
	if (errno || end == line)
		return false;
	*ret = v;
	return true;
}

bool rf_host_value(const struct rf_host *h, const char *path, const char *key, char *buf,
		   size_t size)
{
	FILE *f = host_open(h, path);
	char line[PATH_MAX];
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		const char *value = line + strlen(key);

		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		found = true;
		value += strspn(value, " \t");
		snprintf(buf, size, "%.*s", (int)strcspn(value, "\n"), value);
	}
	fclose(f);
	return found;
}

bool rf_host_word(const struct rf_host *h, const char *path, const char *word)
{
	FILE *f = host_open(h, path);
	char line[PATH_MAX], *save;
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		for (char *w = strtok_r(line, " \t\n,[]", &save); w && !found;
		     w = strtok_r(NULL, " \t\n,[]", &save))
			found = !strcmp(w, word);
	fclose(f);
	return found;
}

/* -------------------------------------------------------------- namespaces */

bool rf_cause_userns_sysctl(const struct rf_host *h, struct rf_cause *ret)
{
	long v;

	if (h->f->caps & 1ULL << CAP_SYS_ADMIN ||
	    !rf_host_number(h, "/proc/sys/kernel/unprivileged_userns_clone", &v) || v != 0)
		return false;
	return rf_cause_set(ret, RF_CAUSE_USERNS_SYSCTL,
			    "kernel.unprivileged_userns_clone=0 forbids user namespaces");
}

/* user.max_*_namespaces is reported as "no space left". */
bool rf_cause_max_namespaces(const struct rf_host *h, uint64_t flags, struct rf_cause *ret)
{
	char path[64];
	long limit;

	for (int ns = 0; ns < RF_NS_NR; ns++) {
		if (!(flags & rf_ns_defs[ns].flag))
			continue;
		snprintf(path, sizeof(path), "/proc/sys/user/max_%s_namespaces",
			 rf_ns_defs[ns].proc);
		if (!rf_host_number(h, path, &limit) || limit > 0)
			continue;
		return rf_cause_set(ret, RF_CAUSE_MAX_NAMESPACES,
				    "user.max_%s_namespaces=0 allows no %s namespaces",
				    rf_ns_defs[ns].proc, rf_ns_defs[ns].name);
	}
	return false;
}

static bool apparmor_profile(const struct rf_host *h, char *buf, size_t size)
{
	return (rf_host_line(h, "/proc/self/attr/apparmor/current", buf, size) ||
		(rf_host_word(h, "/sys/kernel/security/lsm", "apparmor") &&
		 rf_host_line(h, "/proc/self/attr/current", buf, size))) &&
	       strncmp(buf, "unconfined", 10) != 0;
}

/* Ubuntu makes the namespace and takes its power away, so it fails at any later op. */
bool rf_cause_apparmor(const struct rf_host *h, struct rf_cause *ret)
{
	char profile[128];
	long v;

	if (apparmor_profile(h, profile, sizeof(profile)) && strstr(profile, "(enforce)"))
		return rf_cause_set(ret, RF_CAUSE_APPARMOR_PROFILE,
				    "the AppArmor profile %s is in force here", profile);
	if (h->f->uid == 0 ||
	    !rf_host_number(h, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", &v) || !v)
		return false;
	return rf_cause_set(ret, RF_CAUSE_APPARMOR_USERNS,
			    "kernel.apparmor_restrict_unprivileged_userns=%ld: ringfence needs an "
			    "AppArmor profile with `userns,`", v);
}

bool rf_cause_selinux(const struct rf_host *h, struct rf_cause *ret)
{
	char context[128] = "";
	long v;

	if (!rf_host_number(h, "/sys/fs/selinux/enforce", &v) || v != 1)
		return false;
	(void)rf_host_line(h, "/proc/self/attr/current", context, sizeof(context));
	if (!*context || strstr(context, "unconfined_t"))
		return false;
	return rf_cause_set(ret, RF_CAUSE_SELINUX, "SELinux is enforcing, and this runs as %s",
			    context);
}

bool rf_cause_filter(const struct rf_host *h, struct rf_cause *ret)
{
	char mode[16];

	if (!rf_host_value(h, "/proc/self/status", "Seccomp:", mode, sizeof(mode)) ||
	    strcmp(mode, "2") != 0)
		return false;
	return rf_cause_set(ret, RF_CAUSE_FILTER, "a seccomp filter is in force here, as in most "
			    "containers, and may forbid this");
}

/* A root directory that is not a mount is one that chroot(2) made. */
static bool is_chrooted(const struct rf_host *h)
{
	FILE *f = host_open(h, "/proc/self/mountinfo");
	char line[PATH_MAX], at[PATH_MAX];
	bool rooted = false;

	if (!f)
		return false;
	while (!rooted && fgets(line, sizeof(line), f))
		rooted = sscanf(line, "%*d %*d %*s %*s %4095s", at) == 1 && !strcmp(at, "/");
	fclose(f);
	return !rooted;
}

static bool is_mapped(const struct rf_host *h, const char *path, uint32_t id)
{
	unsigned long inside, outside, count;
	FILE *f = host_open(h, path);
	bool found = false;

	if (!f)
		return true;
	while (!found && fscanf(f, "%lu %lu %lu", &inside, &outside, &count) == 3)
		found = id >= inside && id - inside < count;
	fclose(f);
	return found;
}

/* Who the caller is, or where. */
bool rf_cause_caller(const struct rf_host *h, uint64_t flags, struct rf_cause *ret)
{
	if (!(flags & CLONE_NEWUSER) && flags && !(h->f->caps & 1ULL << CAP_SYS_ADMIN))
		return rf_cause_set(ret, RF_CAUSE_POWER,
				    "this needs CAP_SYS_ADMIN or a user namespace");
	if (!(flags & CLONE_NEWUSER))
		return false;
	if (is_chrooted(h))
		return rf_cause_set(ret, RF_CAUSE_CHROOT,
				    "user namespaces are refused to whoever is in a chroot");
	if (!is_mapped(h, "/proc/self/uid_map", h->f->uid) ||
	    !is_mapped(h, "/proc/self/gid_map", h->f->gid))
		return rf_cause_set(ret, RF_CAUSE_UNMAPPED, "user namespaces are refused to whoever "
				    "has an id that its own user namespace does not map");
	return false;
}

bool rf_cause_refusal(const struct rf_host *h, int error, uint64_t flags, struct rf_cause *ret)
{
	if (error == ENOSPC || error == EUSERS)
		return rf_cause_max_namespaces(h, flags, ret) ||
		       rf_cause_set(ret, RF_CAUSE_NESTED, "a limit on namespaces is reached, or "
				    "they are nested 32 deep");
	if (error == EMFILE)
		return rf_cause_set(ret, RF_CAUSE_NOFILE, "RLIMIT_NOFILE is %llu",
				    (unsigned long long)h->f->nofile);
	if (error == EAGAIN)
		return rf_cause_set(ret, RF_CAUSE_NPROC, "a limit on processes is reached");
	if (error == EPERM && flags & CLONE_NEWUSER && rf_cause_userns_sysctl(h, ret))
		return true;
	if ((error == EPERM || error == EACCES) && rf_cause_apparmor(h, ret))
		return true;
	if ((error == EPERM || error == ENOSYS) && rf_cause_filter(h, ret))
		return true;
	if (error == ENOSYS)
		return rf_cause_set(ret, RF_CAUSE_KERNEL, "this kernel does not have it");
	if (error == EPERM && rf_cause_caller(h, flags, ret))
		return true;
	return (error == EPERM || error == EACCES) && rf_cause_selinux(h, ret);
}

/* -------------------------------------------------------------------- proc */

/* The kernel gives no new procfs to whoever sees the old one only in part. */
bool rf_cause_proc_covered(const struct rf_host *h, struct rf_cause *ret)
{
	FILE *f = host_open(h, "/proc/self/mountinfo");
	char line[PATH_MAX], at[PATH_MAX], names[160] = "";
	size_t nr = 0, len;

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*d %*d %*s %*s %4095s", at) != 1 || strncmp(at, "/proc/", 6) != 0)
			continue;
		len = strlen(names);
		if (nr++ < 4)
			snprintf(names + len, sizeof(names) - len, "%s%.36s", len ? ", " : "", at);
	}
	fclose(f);
	if (!nr)
		return false;
	return rf_cause_set(ret, RF_CAUSE_PROC_COVERED, "%s%s %s mounted over, as in containers, and "
			    "then the kernel gives no new proc", names, nr > 4 ? ", ..." : "",
			    nr > 1 ? "are" : "is");
}

/* --------------------------------------------------------------------- ids */

bool rf_cause_self_map(const struct rf_host *h, struct rf_cause *ret)
{
	if (h->f->uid != 0 || h->f->caps & 1ULL << CAP_SETFCAP)
		return false;
	return rf_cause_set(ret, RF_CAUSE_SETFCAP,
			    "since Linux 5.12 root without CAP_SETFCAP cannot be mapped");
}

/* Set-user-ID root, or with the capability in the file. */
static bool has_power(const char *file)
{
	struct stat st;

	return stat(file, &st) == 0 &&
	       ((st.st_mode & S_ISUID && st.st_uid == 0) ||
		getxattr(file, "security.capability", NULL, 0) > 0);
}

/* newuidmap and newgidmap, where idmap.c runs them. */
bool rf_cause_helpers(const struct rf_host *h, struct rf_cause *ret)
{
	static const char *const names[] = { "newuidmap", "newgidmap" };
	char file[2 * PATH_MAX], nnp[8];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *const *dir = rf_helper_dirs;

		for (; *dir; dir++) {
			snprintf(file, sizeof(file), "%s%s/%s", h->root, *dir, names[i]);
			if (access(file, X_OK) == 0)
				break;
		}
		if (!*dir)
			return rf_cause_set(ret, RF_CAUSE_HELPERS_MISSING,
					    "newuidmap and newgidmap could not be run: %s is not in %s "
					    "and its kin", names[i], rf_helper_dirs[0]);
		if (h->f->uid != 0 && !has_power(file))
			return rf_cause_set(ret, RF_CAUSE_HELPERS_POWERLESS,
					    "%s/%s is neither set-user-ID nor has file capabilities",
					    *dir, names[i]);
	}
	if (h->f->uid != 0 &&
	    rf_host_value(h, "/proc/self/status", "NoNewPrivs:", nnp, sizeof(nnp)) && *nnp == '1')
		return rf_cause_set(ret, RF_CAUSE_NO_NEW_PRIVS, "no_new_privs is set for this "
				    "process, so newuidmap and newgidmap get no power");
	return false;
}

/* ------------------------------------------------------------------ engine */

bool rf_cause_uring(const struct rf_host *h, int error, struct rf_cause *ret)
{
	long v;

	if (rf_host_number(h, "/proc/sys/kernel/io_uring_disabled", &v) && v > 0)
		return rf_cause_set(ret, v == 1 ? RF_CAUSE_URING_GROUP : RF_CAUSE_URING_OFF,
				    "kernel.io_uring_disabled=%ld forbids io_uring %s", v,
				    v == 1 ? "to all but a group" : "to everybody");
	if (error != ENOSYS && error != EPERM)
		return false;
	/* EPERM has no other source; ENOSYS is also what filters say of what they do not know */
	if (error == EPERM || rf_cause_filter(h, ret))
		return rf_cause_set(ret, RF_CAUSE_URING_FILTER,
				    "a seccomp filter forbids io_uring, as most containers' do");
	return rf_cause_set(ret, RF_CAUSE_KERNEL, "this kernel has no io_uring");
}
