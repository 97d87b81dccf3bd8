/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel and the caller can do.  On the path of every launch, so a
 * handful of system calls; what only some sandboxes need is asked for apart.
 */
#include "probe.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "account.h"
#include "error.h"
#include "sandbox.h"

/* As the series in kernel/ names its kernels. */
bool rf_release_is_native(const char *release)
{
	return strstr(release, "-spawn");
}

static int probe_kernel(struct rf_features *ret, struct rf_err *err)
{
	unsigned int major, minor;
	struct utsname uts;

	if (uname(&uts) < 0)
		return rf_err_set(err, errno, "uname");
	if (sscanf(uts.release, "%u.%u", &major, &minor) != 2)
		return rf_err_set(err, EINVAL, "kernel release '%s'", uts.release);
	ret->kernel = RF_KERNEL(major, minor);
	ret->native_hint = rf_release_is_native(uts.release);
	return 0;
}

/* Supplementary groups, but for the one that the caller has as its gid as well. */
static int probe_groups(uint32_t gid, uint32_t *ret)
{
	gid_t few[64], *gids = few;
	int nr = getgroups(sizeof(few) / sizeof(few[0]), few);
	uint32_t count = 0;

	if (nr < 0 && errno == EINVAL) {
		nr = getgroups(0, NULL);
		gids = nr > 0 ? malloc((size_t)nr * sizeof(*gids)) : NULL;
		if (!gids)
			return -ENOMEM;
		nr = getgroups(nr, gids);
	}
	for (int i = 0; i < nr; i++)
		count += gids[i] != gid;
	if (gids != few)
		free(gids);
	if (nr < 0)
		return -errno;
	*ret = count;
	return 0;
}

static int probe_caps(uint64_t *ret)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	*ret = (uint64_t)data[1].effective << 32 | data[0].effective;
	return 0;
}

static uint32_t probe_last_cap(void)
{
	uint32_t last = CAP_LAST_CAP;

	/* the kernel may know more than the header, or less */
	while (prctl(PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0)
		last++;
	while (last > 0 && prctl(PR_CAPBSET_READ, last, 0, 0, 0) < 0)
		last--;
	return last;
}

/*
 * Root of the first user namespace, by whatever number: the kernel's own files
 * are his, in every namespace and without any capability.
 */
static bool probe_host_root(uint32_t uid)
{
	struct stat st;

	return stat("/proc/sys", &st) < 0 ? uid == 0 : st.st_uid == uid;
}

/* Not a question of the program's being busy, which passes. */
static bool probe_exe_writable(void)
{
	return syscall(SYS_faccessat2, AT_FDCWD, "/proc/self/exe", W_OK, AT_EACCESS) == 0 ||
	       (errno != EACCES && errno != EROFS && errno != EPERM);
}

int rf_probe(struct rf_features *ret, struct rf_err *err)
{
	struct rf_features f = { .uid = geteuid(), .gid = getegid() };
	struct rlimit nofile;
	int r = probe_kernel(&f, err);

	if (r < 0)
		return r;
	r = probe_groups(f.gid, &f.nr_groups);
	if (r < 0)
		return rf_err_set(err, -r, "getgroups");
	r = probe_caps(&f.caps);
	if (r < 0)
		return rf_err_set(err, -r, "capget");
	f.host_root = probe_host_root(f.uid);
	f.exe_writable = probe_exe_writable();
	f.last_cap = probe_last_cap();
	if (getrlimit(RLIMIT_NOFILE, &nofile) < 0)
		return rf_err_set(err, errno, "getrlimit");
	f.nofile = nofile.rlim_cur;
	*ret = f;
	return 0;
}

void rf_probe_landlock(struct rf_features *f)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	/* not built in, not enabled at boot, or filtered: there is none */
	f->landlock = abi > 0 ? (uint32_t)abi : 0;
}

/*
 * Modules that are built in and off have their files below /proc too.  The two that say
 * more are there on every kernel: SELinux registers its file system only when it is on.
 */
void rf_probe_labels(struct rf_features *f)
{
	char line[128], answer = 'N';
	FILE *in = fopen("/sys/module/apparmor/parameters/enabled", "re");

	f->apparmor = in && fread(&answer, 1, 1, in) == 1 && answer == 'Y';
	if (in)
		fclose(in);
	f->selinux = false;
	in = fopen("/proc/filesystems", "re");
	while (in && fgets(line, sizeof(line), in))
		f->selinux |= !strcmp(line, "nodev\tselinuxfs\n");
	if (in)
		fclose(in);
}

/* ------------------------------------------------------------ subordinate ids */

/* Does @owner, the first field of a line, mean the user? */
static bool is_owner(const char *owner, uint32_t uid, const char *name)
{
	char digits[16];

	snprintf(digits, sizeof(digits), "%u", uid);
	return !strcmp(owner, digits) || (name && !strcmp(owner, name));
}

static int parse_u32(const char *text, uint32_t *ret)
{
	unsigned long v;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || *end || v > UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)v;
	return 0;
}

/* The first range of "owner:first:count" lines that is the user's. */
int rf_subids_read(const char *file, uint32_t uid, const char *name, uint32_t *ret_first,
		   uint32_t *ret_count)
{
	FILE *f = fopen(file, "re");
	char line[512];
	int r = -ENOENT;

	if (!f)
		return -errno;
	while (r < 0 && fgets(line, sizeof(line), f)) {
		char *save = NULL, *owner, *first, *count;
		uint32_t a, b;

		line[strcspn(line, "\n")] = '\0';
		owner = strtok_r(line, ":", &save);
		first = strtok_r(NULL, ":", &save);
		count = strtok_r(NULL, ":", &save);
		if (!owner || !first || !count || !is_owner(owner, uid, name))
			continue;
		if (parse_u32(first, &a) < 0 || parse_u32(count, &b) < 0 || !b)
			continue;
		*ret_first = a;
		*ret_count = b;
		r = 0;
	}
	fclose(f);
	return r;
}

const char *const rf_helper_dirs[] = {
	"/usr/bin", "/bin", "/usr/local/bin", "/run/wrappers/bin", NULL
};

static bool has_program(const char *name)
{
	char path[64];

	for (const char *const *dir = rf_helper_dirs; *dir; dir++) {
		snprintf(path, sizeof(path), "%s/%s", *dir, name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

int rf_probe_subids(struct rf_features *f, struct rf_err *err)
{
	struct rf_account user;
	const char *name;

	(void)err;
	/* the files may also have the number */
	name = rf_account_by_id(RF_USERS, f->uid, &user) ? user.name : NULL;
	if (rf_subids_read("/etc/subuid", f->uid, name, &f->subuid, &f->nr_subuid) < 0)
		f->subuid = f->nr_subuid = 0;
	if (rf_subids_read("/etc/subgid", f->uid, name, &f->subgid, &f->nr_subgid) < 0)
		f->subgid = f->nr_subgid = 0;
	f->has_newuidmap = has_program("newuidmap") && has_program("newgidmap");
	return 0;
}

/* --------------------------------------------------------------- as a file */

enum field_type { FIELD_KERNEL, FIELD_U32, FIELD_U64, FIELD_SET, FIELD_BOOL };

static const struct field {
	const char	*name;
	enum field_type	 type;
	size_t		 offset;
} fields[] = {
	{ "kernel",	FIELD_KERNEL,	offsetof(struct rf_features, kernel) },
	{ "uid",	FIELD_U32,	offsetof(struct rf_features, uid) },
	{ "gid",	FIELD_U32,	offsetof(struct rf_features, gid) },
	{ "groups",	FIELD_U32,	offsetof(struct rf_features, nr_groups) },
	{ "capabilities", FIELD_SET,	offsetof(struct rf_features, caps) },
	{ "last-capability", FIELD_U32,	offsetof(struct rf_features, last_cap) },
	{ "subuid",	FIELD_U32,	offsetof(struct rf_features, subuid) },
	{ "subuid-count", FIELD_U32,	offsetof(struct rf_features, nr_subuid) },
	{ "subgid",	FIELD_U32,	offsetof(struct rf_features, subgid) },
	{ "subgid-count", FIELD_U32,	offsetof(struct rf_features, nr_subgid) },
	{ "nofile",	FIELD_U64,	offsetof(struct rf_features, nofile) },
	{ "landlock",	FIELD_U32,	offsetof(struct rf_features, landlock) },
	{ "host-root",	FIELD_BOOL,	offsetof(struct rf_features, host_root) },
	{ "exe-writable", FIELD_BOOL,	offsetof(struct rf_features, exe_writable) },
	{ "newuidmap",	FIELD_BOOL,	offsetof(struct rf_features, has_newuidmap) },
	{ "apparmor",	FIELD_BOOL,	offsetof(struct rf_features, apparmor) },
	{ "selinux",	FIELD_BOOL,	offsetof(struct rf_features, selinux) },
};

#define NR_FIELDS (sizeof(fields) / sizeof(fields[0]))

static int parse_u64(const char *text, int base, uint64_t *ret)
{
	unsigned long long v;
	char *end;

	if (!isalnum((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	v = strtoull(text, &end, base);
	if (errno || *end)
		return -EINVAL;
	*ret = v;
	return 0;
}

static int parse_field(const struct field *field, const char *text, struct rf_features *f)
{
	void *p = (char *)f + field->offset;
	unsigned int major, minor;
	char rest;

	switch (field->type) {
	case FIELD_KERNEL:
		if (sscanf(text, "%u.%u%c", &major, &minor, &rest) != 2)
			return -EINVAL;
		*(unsigned int *)p = RF_KERNEL(major, minor);
		return 0;
	case FIELD_U32:
		return parse_u32(text, p);
	case FIELD_U64:
		return parse_u64(text, 10, p);
	case FIELD_SET:
		return parse_u64(text, 16, p);
	case FIELD_BOOL:
		if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
			return -EINVAL;
		*(bool *)p = text[0] == 'y';
		return 0;
	}
	return -EINVAL;
}

static int parse_line(char *line, struct rf_features *f)
{
	char *colon = strchr(line, ':'), *value;

	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '#' || !line[strspn(line, " \t")])
		return 0;
	if (!colon)
		return -EINVAL;
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	for (size_t i = 0; i < NR_FIELDS; i++)
		if (!strcmp(fields[i].name, line))
			return parse_field(&fields[i], value, f);
	return -ENOENT;
}

int rf_features_read(const char *file, struct rf_features *ret, struct rf_err *err)
{
	/* what the file does not say is an ordinary user on the oldest kernel */
	struct rf_features f = { .kernel = RF_KERNEL(5, 14), .uid = 1000, .gid = 1000,
				 .last_cap = 40, .nofile = 1024 };
	struct rf_place place = { .file = file, .col = 1 };
	FILE *in = fopen(file, "re");
	char line[256];
	int r = 0;

	if (!in)
		return rf_err_set(err, errno, "%s", file);
	while (r == 0 && fgets(line, sizeof(line), in)) {
		place.line++;
		r = parse_line(line, &f);
	}
	if (r == 0 && ferror(in))
		r = rf_err_set(err, EIO, "%s", file);
	else if (r < 0)
		r = rf_err_at(err, &place, EINVAL, r == -ENOENT ? "no feature of this name" :
			      "not 'feature: value'");
	fclose(in);
	if (r == 0)
		*ret = f;
	return r;
}

static int print_field(const struct field *field, const struct rf_features *f, char *buf,
		       size_t size)
{
	const void *p = (const char *)f + field->offset;

	switch (field->type) {
	case FIELD_KERNEL:
		return snprintf(buf, size, "%s: %u.%u\n", field->name,
				*(const unsigned int *)p >> 16, *(const unsigned int *)p & 0xffff);
	case FIELD_U32:
		return snprintf(buf, size, "%s: %u\n", field->name, *(const uint32_t *)p);
	case FIELD_U64:
		return snprintf(buf, size, "%s: %llu\n", field->name,
				(unsigned long long)*(const uint64_t *)p);
	case FIELD_SET:
		return snprintf(buf, size, "%s: %llx\n", field->name,
				(unsigned long long)*(const uint64_t *)p);
	case FIELD_BOOL:
		return snprintf(buf, size, "%s: %s\n", field->name,
				*(const bool *)p ? "yes" : "no");
	}
	return 0;
}

int rf_features_print(const struct rf_features *f, char *buf, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < NR_FIELDS; i++)
		at += (size_t)print_field(&fields[i], f, buf + (at < size ? at : size),
					  at < size ? size - at : 0);
	return (int)at;
}
