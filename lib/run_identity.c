/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Executors of the group "identity".
 */
#include <asm/statfs.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/prctl.h>

#include "run.h"
#include "task.h"

static long prctl5(int option, unsigned long a, unsigned long b)
{
	return rf_sys5(__NR_prctl, option, a, b, 0, 0);
}

static long write_map(int proc, const char *path, const void *data, size_t len)
{
	long fd, r;

	if (!len)
		return 0;
	fd = rf_proc_at(proc, path, O_WRONLY, 0);
	if (fd < 0)
		return fd;
	r = rf_write_once((int)fd, data, len);
	rf_close(fd);
	return r;
}

/* setgroups first: without it an ordinary user may not write a gid map. */
static long write_own_maps(struct rf_ctx *ctx, const struct rf_op *op)
{
	long proc = rf_proc_open(), r = 0;

	if (proc < 0)
		return proc;
	if (op->u.idmap.deny)
		r = write_map((int)proc, "self/setgroups", "deny", 4);
	if (!r)
		r = write_map((int)proc, "self/gid_map", rf_ctx_blob(ctx, op->u.idmap.gid_map),
			      op->u.idmap.gid_map.len);
	if (!r)
		r = write_map((int)proc, "self/uid_map", rf_ctx_blob(ctx, op->u.idmap.uid_map),
			      op->u.idmap.uid_map.len);
	rf_close(proc);
	return r;
}

RF_EXECUTOR(idmap)
{
	if (op->u.idmap.by == RF_IDMAP_SELF)
		return write_own_maps(ctx, op);
	return rf_ask_submitter(ctx, -1);
}

RF_EXECUTOR(setgroups)
{
	return rf_sys2(__NR_setgroups, op->u.setgroups.gids.len / sizeof(uint32_t),
		       rf_ctx_blob(ctx, op->u.setgroups.gids));
}

RF_EXECUTOR(setresgid)
{
	(void)ctx;
	return rf_sys3(__NR_setresgid, op->u.setres.r, op->u.setres.e, op->u.setres.s);
}

RF_EXECUTOR(setresuid)
{
	(void)ctx;
	return rf_sys3(__NR_setresuid, op->u.setres.r, op->u.setres.e, op->u.setres.s);
}

RF_EXECUTOR(capset)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	(void)ctx;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective = (uint32_t)(op->u.capset.effective >> (32 * i));
		data[i].permitted = (uint32_t)(op->u.capset.permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(op->u.capset.inheritable >> (32 * i));
	}
	return rf_sys2(__NR_capset, &head, data);
}

/* Dropping needs CAP_SETPCAP even where it changes nothing; then what counts is that it is gone. */
RF_EXECUTOR(capbset)
{
	(void)ctx;
	for (uint32_t cap = 0; cap <= op->u.capbset.last && cap < 64; cap++) {
		long r;

		if (op->u.capbset.keep >> cap & 1)
			continue;
		r = prctl5(PR_CAPBSET_DROP, cap, 0);
		if (r == -EPERM && !prctl5(PR_CAPBSET_READ, cap, 0))
			r = 0;
		if (r == -EINVAL)	/* beyond this kernel's last */
			return 0;
		if (r < 0)
			return r;
	}
	return 0;
}

RF_EXECUTOR(ambient)
{
	long r = prctl5(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0);

	(void)ctx;
	for (uint32_t cap = 0; !r && cap < 64; cap++)
		if (op->u.ambient.caps >> cap & 1)
			r = prctl5(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
	return r;
}

/* Setting needs CAP_SETPCAP even where it changes nothing. */
RF_EXECUTOR(securebits)
{
	long now = prctl5(PR_GET_SECUREBITS, 0, 0);

	(void)ctx;
	if (now == (long)op->u.securebits.bits)
		return 0;
	return prctl5(PR_SET_SECUREBITS, op->u.securebits.bits, 0);
}

RF_EXECUTOR(no_new_privs)
{
	(void)ctx;
	(void)op;
	return prctl5(PR_SET_NO_NEW_PRIVS, 1, 0);
}

RF_EXECUTOR(keyring)
{
	const char *name = rf_ctx_str(ctx, op->u.keyring.name);
	long serial = rf_sys2(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);

	/* no keyrings, or a filter refuses them to the command as well: none to leave */
	if (!name && !op->u.keyring.must && (serial == -ENOSYS || serial == -EPERM))
		return RF_KEYRING_NONE;
	return serial < 0 ? serial : 0;
}

/* ------------------------------------------------------------------- labels */

/* The root of a mount, which keeps it as long as the file system does. */
static long label_mount(const char *attr, int mount, const void *label, size_t len)
{
	long fd = rf_sys4(__NR_openat, mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), r;

	if (fd < 0)
		return fd;
	r = rf_sys5(__NR_fsetxattr, fd, attr, label, len, 0);
	rf_close(fd);
	return r;
}

/* Opened from the host's /proc, before there was another: by whom is told by its kind. */
static long label_file(int fd, const void *label, size_t len)
{
	struct statfs fs;
	long r = rf_sys2(__NR_fstatfs, fd, &fs);

	if (r < 0)
		return r;
	return fs.f_type == PROC_SUPER_MAGIC ? rf_write_once(fd, label, len) : -EXDEV;
}

static int is_xattr(const char *attr)
{
	static const char space[] = "security.";

	for (size_t i = 0; i < sizeof(space) - 1; i++)
		if (attr[i] != space[i])
			return 0;
	return 1;
}

RF_EXECUTOR(label)
{
	static const char dir[] = "thread-self/attr/";
	const char *attr = rf_ctx_str(ctx, op->u.label.attr);
	const void *label = rf_ctx_blob(ctx, op->u.label.label);
	size_t len = attr ? rf_strlen(attr) : 0;
	int fd = rf_ctx_fd(ctx, op->u.label.slot);

	if (!len)
		return -ENOENT;
	if (fd >= 0 && is_xattr(attr))
		return label_mount(attr, fd, label, op->u.label.label.len);
	if (fd >= 0)
		return label_file(fd, label, op->u.label.label.len);
	if (sizeof(dir) + len > RF_SCRATCH)
		return -ENAMETOOLONG;
	rf_memcpy(ctx->scratch, dir, sizeof(dir) - 1);
	rf_memcpy(ctx->scratch + sizeof(dir) - 1, attr, len + 1);
	return rf_proc_write(ctx->scratch, label, op->u.label.label.len);
}
