/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ops as lists of calls: what the executors in run_*.c do, without branches that
 * depend on more than whether a call has failed.  In the order of those files.
 */
#include "native_lower.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/stat.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "compat.h"
#include "context.h"

#define SIGSET_BYTES	8
#define PROC_ROOT_INO	1

uint64_t rf_lower_store(struct rf_lower *l, struct rf_call *call)
{
	call->flags |= RF_CALL_STORE;
	return call->store = rf_lower_bytes(l, NULL, sizeof(uint64_t));
}

/* ---------------------------------------------------------------- common lists */

struct rf_call *rf_lower_open(struct rf_lower *l, int64_t dir, uint64_t path, uint64_t flags,
			      uint64_t mode, uint64_t resolve)
{
	const struct open_how how = { .flags = flags | O_CLOEXEC, .mode = mode,
				      .resolve = resolve };
	const uint64_t at = rf_lower_bytes(l, &how, sizeof(how));

	return RF_CALL(l, openat2, RF_P1 | RF_P2, RF_N(dir), path, at, sizeof(how));
}

uint64_t rf_lower_statx(struct rf_lower *l, int64_t number, uint32_t mask)
{
	const uint64_t at = rf_lower_bytes(l, NULL, sizeof(struct statx));
	const uint64_t nothing = rf_lower_text(l, "");

	(void)RF_CALL(l, statx, RF_P1 | RF_P4, RF_N(number), nothing,
		      AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, mask, at);
	return at;
}

void rf_lower_write(struct rf_lower *l, int64_t number, uint64_t data, size_t len)
{
	struct rf_call *call = RF_CALL(l, write, RF_P1, RF_N(number), data, len);

	rf_lower_test(l, rf_lower_store(l, call), 8, ~0ULL, len, RF_TEST_EQ, EIO);
}

void rf_lower_expect_fs(struct rf_lower *l, int64_t number, uint64_t magic)
{
	const uint64_t fs = rf_lower_bytes(l, NULL, 120);	/* struct statfs */

	(void)RF_CALL(l, fstatfs, RF_P1, RF_N(number), fs);
	rf_lower_test(l, fs, 8, ~0ULL, magic, RF_TEST_EQ, EXDEV);
}

int32_t rf_lower_proc(struct rf_lower *l)
{
	const uint64_t path = rf_lower_text(l, "/proc");
	int32_t proc = rf_lower_keep(l, rf_lower_open(l, AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, 0));

	rf_lower_expect_fs(l, proc, PROC_SUPER_MAGIC);
	rf_lower_test(l, rf_lower_statx(l, proc, STATX_INO) + offsetof(struct statx, stx_ino), 8,
		      ~0ULL, PROC_ROOT_INO, RF_TEST_EQ, EXDEV);
	return proc;
}

int32_t rf_lower_proc_at(struct rf_lower *l, int32_t proc, uint64_t path, uint64_t flags,
			 uint64_t resolve)
{
	return rf_lower_keep(l, rf_lower_open(l, proc, path, flags, 0, resolve | RESOLVE_BENEATH |
					      RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS));
}

static void write_at(struct rf_lower *l, int32_t proc, const char *name, uint64_t data, size_t len)
{
	int32_t fd = rf_lower_proc_at(l, proc, rf_lower_text(l, name), O_WRONLY, 0);

	rf_lower_write(l, fd, data, len);
	rf_lower_close(l, fd);
}

static void read_all(struct rf_lower *l, int fd, size_t len)
{
	const uint64_t to = rf_lower_bytes(l, NULL, len);
	struct rf_call *call = RF_CALL(l, read, RF_P1, RF_N(fd), to, len);

	rf_lower_test(l, rf_lower_store(l, call), 8, ~0ULL, len, RF_TEST_EQ, EIO);
}

/* Pid 1 says a byte when it is an image of its own. */
void rf_lower_await_init(struct rf_lower *l)
{
	if (l->init_waits)
		read_all(l, l->init_sock, 1);
	l->init_waits = false;
}

/* ------------------------------------------------------------------------- task */

static RF_LOWER(unshare)
{
	(void)RF_CALL(l, unshare, 0, op->u.unshare.flags);
}

static RF_LOWER(setns)
{
	if (op->u.setns.slot != l->init_slot) {
		rf_lower_refuse(l, "a namespace that others live in takes a context with memory "
				"of its own");
		return;
	}
	/* when it says that it is there, it has unshared what it was to */
	rf_lower_await_init(l);
	(void)RF_CALL(l, setns, 0, RF_N(rf_lower_fd(l, op->u.setns.slot)), op->u.setns.nstype);
}

/* By its directory; or the file itself, which whoever has the right to has opened. */
static RF_LOWER(join_cgroup)
{
	const int64_t slot = rf_lower_fd(l, op->u.join_cgroup.dir);
	const uint64_t name = rf_lower_text(l, "cgroup.procs"), self = rf_lower_text(l, "0");
	const uint32_t by_name = rf_lower_here(l);
	struct rf_call *call = RF_CALL(l, openat, RF_P1, RF_N(slot), name, O_WRONLY | O_CLOEXEC);
	int32_t fd = rf_lower_keep(l, call);
	uint32_t done;

	call->flags |= RF_CALL_SKIP_ERR;
	call->error = ENOTDIR;
	(void)RF_CALL(l, write, RF_P1, RF_N(fd), self, 1);
	done = rf_lower_here(l);
	RF_CALL(l, close, 0, RF_N(fd))->flags |= RF_CALL_SKIP_OK;
	rf_lower_skip_to_here(l, by_name);
	(void)RF_CALL(l, write, RF_P1, RF_N(slot), self, 1);
	rf_lower_skip_to_here(l, done);
	rf_lower_free(l, fd);
	/* a cgroup namespace has its maker's groups as its root */
	if (op->u.join_cgroup.unshare)
		(void)RF_CALL(l, unshare, 0, op->u.join_cgroup.unshare);
}

static RF_LOWER(gate)
{
	if (op->u.gate.slot >= 0) {
		rf_lower_refuse(l, "somebody else opens the gate");
		return;
	}
	read_all(l, l->report, sizeof(struct rf_report));
}

static RF_LOWER(exit)
{
	(void)RF_CALL(l, exit_group, 0, RF_N(op->u.exit.status));
}

/* ---------------------------------------------------------------------- identity */

static RF_LOWER(idmap)
{
	const struct rf_blob uid = op->u.idmap.uid_map, gid = op->u.idmap.gid_map;
	int32_t proc;

	if (op->u.idmap.by != RF_IDMAP_SELF) {
		rf_lower_refuse(l, "the submitter writes the id maps, in the middle of the chain");
		return;
	}
	proc = rf_lower_proc(l);
	if (op->u.idmap.deny)
		write_at(l, proc, "self/setgroups", rf_lower_text(l, "deny"), 4);
	if (gid.len)
		write_at(l, proc, "self/gid_map", rf_lower_blob(gid), gid.len);
	if (uid.len)
		write_at(l, proc, "self/uid_map", rf_lower_blob(uid), uid.len);
	rf_lower_close(l, proc);
}

static RF_LOWER(setgroups)
{
	const struct rf_blob gids = op->u.setgroups.gids;

	(void)RF_CALL(l, setgroups, RF_P1, gids.len / sizeof(uint32_t), rf_lower_blob(gids));
}

static RF_LOWER(setresgid)
{
	(void)RF_CALL(l, setresgid, 0, op->u.setres.r, op->u.setres.e, op->u.setres.s);
}

static RF_LOWER(setresuid)
{
	(void)RF_CALL(l, setresuid, 0, op->u.setres.r, op->u.setres.e, op->u.setres.s);
}

static RF_LOWER(capset)
{
	const struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint64_t at[2];

	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective = (uint32_t)(op->u.capset.effective >> (32 * i));
		data[i].permitted = (uint32_t)(op->u.capset.permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(op->u.capset.inheritable >> (32 * i));
	}
	at[0] = rf_lower_bytes(l, &head, sizeof(head));
	at[1] = rf_lower_bytes(l, data, sizeof(data));
	(void)RF_CALL(l, capset, RF_P0 | RF_P1, at[0], at[1]);
}

/* Only what is there is dropped: that takes CAP_SETPCAP even where it changes nothing. */
static RF_LOWER(capbset)
{
	uint32_t beyond[64], nr = 0;

	for (uint32_t cap = 0; cap <= op->u.capbset.last && cap < 64; cap++) {
		uint32_t at = rf_lower_here(l), gone;
		struct rf_call *call;
		uint64_t is;

		if (op->u.capbset.keep >> cap & 1)
			continue;
		call = RF_CALL(l, prctl, 0, PR_CAPBSET_READ, cap);
		call->flags |= RF_CALL_SKIP_ERR;
		call->error = EINVAL;	/* beyond this kernel's last */
		beyond[nr++] = at;
		is = rf_lower_store(l, call);
		gone = rf_lower_here(l);
		call = rf_lower_test(l, is, 8, ~0ULL, 1, RF_TEST_EQ, RF_BRANCH);
		call->flags |= RF_CALL_SKIP_ERR;
		call->error = RF_BRANCH;
		(void)RF_CALL(l, prctl, 0, PR_CAPBSET_DROP, cap);
		rf_lower_skip_to_here(l, gone);
	}
	for (uint32_t i = 0; i < nr; i++)
		rf_lower_skip_to_here(l, beyond[i]);
}

static RF_LOWER(ambient)
{
	(void)RF_CALL(l, prctl, 0, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
	for (uint32_t cap = 0; cap < 64; cap++)
		if (op->u.ambient.caps >> cap & 1)
			(void)RF_CALL(l, prctl, 0, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
}

/* Setting takes CAP_SETPCAP even where it changes nothing. */
static RF_LOWER(securebits)
{
	const uint64_t is = rf_lower_store(l, RF_CALL(l, prctl, 0, PR_GET_SECUREBITS));
	const uint32_t same = rf_lower_here(l);
	struct rf_call *call = rf_lower_test(l, is, 8, ~0ULL, op->u.securebits.bits, RF_TEST_NE,
					     RF_BRANCH);

	call->flags |= RF_CALL_SKIP_ERR;
	call->error = RF_BRANCH;
	(void)RF_CALL(l, prctl, 0, PR_SET_SECUREBITS, op->u.securebits.bits);
	rf_lower_skip_to_here(l, same);
}

static RF_LOWER(no_new_privs)
{
	(void)op;
	(void)RF_CALL(l, prctl, 0, PR_SET_NO_NEW_PRIVS, 1);
}

/* No keyrings, or a filter refuses them to the command as well: none to leave. */
static RF_LOWER(keyring)
{
	static const int none[2] = { ENOSYS, EPERM };
	struct rf_call *call = RF_CALL(l, keyctl, RF_P1, KEYCTL_JOIN_SESSION_KEYRING,
				       rf_lower_str(op->u.keyring.name));
	uint64_t is;

	if (op->u.keyring.name || op->u.keyring.must)
		return;
	call->flags |= RF_CALL_SKIP_ERR;
	is = rf_lower_store(l, call);
	l->n->look_at[l->op] = (uint32_t)(is & RF_AT_OFFSET);
	for (unsigned int i = 0; i < 2; i++) {
		call = rf_lower_test(l, is, 8, ~0ULL, RF_N(-none[i]), RF_TEST_NE, none[i]);
		call->flags |= RF_CALL_SKIP_ERR;
		call->error = (uint16_t)none[i];
		call->skip = (uint16_t)(2 - i);
	}
	/* a serial number is positive */
	rf_lower_test(l, is, 8, ~0ULL, 1ULL << 63, RF_TEST_LT, EPROTO);
}

/* As label_mount() and label_file(). */
static void label_slot(struct rf_lower *l, const struct rf_op *op, bool is_xattr)
{
	const int64_t fd = rf_lower_fd(l, op->u.label.slot);
	int32_t dir;

	if (is_xattr) {
		dir = rf_lower_keep(l, RF_CALL(l, openat, RF_P1, RF_N(fd), rf_lower_text(l, "."),
					       O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
		(void)RF_CALL(l, fsetxattr, RF_P1 | RF_P2, RF_N(dir), rf_lower_str(op->u.label.attr),
			      rf_lower_blob(op->u.label.label), op->u.label.label.len, 0);
		rf_lower_close(l, dir);
		return;
	}
	rf_lower_expect_fs(l, fd, PROC_SUPER_MAGIC);
	rf_lower_write(l, fd, rf_lower_blob(op->u.label.label), op->u.label.label.len);
}

static RF_LOWER(label)
{
	char path[64] = "thread-self/attr/";
	const char *attr = rf_lower_string(l, op->u.label.attr);
	int32_t proc;

	if (attr && op->u.label.slot >= 0) {
		label_slot(l, op, strncmp(attr, "security.", 9) == 0);
		return;
	}
	if (!attr || !*attr || strlen(path) + strlen(attr) >= sizeof(path)) {
		rf_lower_refuse(l, "a label of an unknown kind");
		return;
	}
	strcat(path, attr);
	proc = rf_lower_proc(l);
	write_at(l, proc, path, rf_lower_blob(op->u.label.label), op->u.label.label.len);
	rf_lower_close(l, proc);
}

/* ------------------------------------------------------------------- restriction */

static RF_LOWER(rlimit)
{
	const struct rlimit64 lim = { .rlim_cur = op->u.rlimit.soft, .rlim_max = op->u.rlimit.hard };

	(void)RF_CALL(l, prlimit64, RF_P2, 0, op->u.rlimit.resource,
		      rf_lower_bytes(l, &lim, sizeof(lim)));
}

static RF_LOWER(affinity)
{
	(void)RF_CALL(l, sched_setaffinity, RF_P2, 0, op->u.affinity.mask.len,
		      rf_lower_blob(op->u.affinity.mask));
}

static RF_LOWER(nice)
{
	(void)RF_CALL(l, setpriority, 0, PRIO_PROCESS, 0, RF_N(op->u.nice.value));
}

static RF_LOWER(ioprio)
{
	(void)RF_CALL(l, ioprio_set, 0, 1 /* IOPRIO_WHO_PROCESS */, 0,
		      op->u.ioprio.prio_class << 13 | op->u.ioprio.level);
}

static RF_LOWER(mempolicy)
{
	const struct rf_blob nodes = op->u.mempolicy.nodes;

	/* the kernel takes one bit less than it is told */
	(void)RF_CALL(l, set_mempolicy, nodes.len ? RF_P1 : 0, op->u.mempolicy.mode,
		      nodes.len ? rf_lower_blob(nodes) : 0, nodes.len ? nodes.len * 8UL + 1 : 0);
}

static RF_LOWER(oom_score)
{
	char text[24];
	int32_t proc = rf_lower_proc(l);

	snprintf(text, sizeof(text), "%d", op->u.oom_score.value);
	write_at(l, proc, "self/oom_score_adj", rf_lower_text(l, text), strlen(text));
	rf_lower_close(l, proc);
}

static RF_LOWER(umask)
{
	(void)RF_CALL(l, umask, 0, op->u.umask.mask);
}

static RF_LOWER(personality)
{
	(void)RF_CALL(l, personality, 0, op->u.personality.persona);
}

/* ------------------------------------------------------------------------- place */

/* A directory outside the root: getcwd says "(unreachable)" (run_place.c). */
static RF_LOWER(chdir)
{
	if (op->u.chdir.dir >= 0)
		(void)RF_CALL(l, fchdir, 0, RF_N(rf_lower_fd(l, op->u.chdir.dir)));
	if (op->u.chdir.path)
		(void)RF_CALL(l, chdir, RF_P0, rf_lower_str(op->u.chdir.path));
	/* one for all, which look at it at once: no two tasks do at the same time */
	if (!l->cwd)
		l->cwd = rf_lower_bytes(l, NULL, RF_SCRATCH);
	(void)RF_CALL(l, getcwd, RF_P0, l->cwd, RF_SCRATCH);
	rf_lower_test(l, l->cwd, 1, 0xff, '/', RF_TEST_EQ, ENOENT);
}

static RF_LOWER(chroot)
{
	if (op->u.chroot.dir >= 0)
		(void)RF_CALL(l, fchdir, 0, RF_N(rf_lower_fd(l, op->u.chroot.dir)));
	(void)RF_CALL(l, chroot, RF_P0, rf_lower_text(l, "."));
}

static RF_LOWER(hostname)
{
	const char *name = rf_lower_string(l, op->u.hostname.name);
	const uint64_t at = rf_lower_str(op->u.hostname.name), len = name ? strlen(name) : 0;

	if (op->u.hostname.domain)
		(void)RF_CALL(l, setdomainname, RF_P0, at, len);
	else
		(void)RF_CALL(l, sethostname, RF_P0, at, len);
}

/* In two steps, so that ".." cannot leave /proc/sys. */
static RF_LOWER(sysctl)
{
	int32_t proc = rf_lower_proc(l), dir, fd;

	dir = rf_lower_proc_at(l, proc, rf_lower_text(l, "sys"), O_PATH | O_DIRECTORY,
			       RESOLVE_NO_SYMLINKS);
	rf_lower_close(l, proc);
	fd = rf_lower_proc_at(l, dir, rf_lower_str(op->u.sysctl.path), O_WRONLY,
			      RESOLVE_NO_SYMLINKS);
	rf_lower_close(l, dir);
	rf_lower_write(l, fd, rf_lower_blob(op->u.sysctl.value), op->u.sysctl.value.len);
	rf_lower_close(l, fd);
}

static RF_LOWER(setsid)
{
	(void)op;
	(void)RF_CALL(l, setsid, 0, 0);
}

static RF_LOWER(ctty)
{
	const int64_t fd = op->u.ctty.slot >= 0 ? rf_lower_fd(l, op->u.ctty.slot) : op->u.ctty.fd;

	(void)RF_CALL(l, ioctl, 0, RF_N(fd), TIOCSCTTY, 0);
}

/* A submitter that has died has taken the task with it (docs/native.md). */
static RF_LOWER(pdeathsig)
{
	(void)RF_CALL(l, prctl, 0, PR_SET_PDEATHSIG, op->u.pdeathsig.sig);
}

static RF_LOWER(sigdefault)
{
	const uint64_t action = rf_lower_bytes(l, NULL, 32);	/* as the kernel has it: zero */

	(void)op;
	for (int sig = 1; sig <= 64; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			(void)RF_CALL(l, rt_sigaction, RF_P1, RF_N(sig), action, 0, SIGSET_BYTES);
}

static RF_LOWER(sigmask)
{
	const uint64_t mask = rf_lower_bytes(l, &op->u.sigmask.mask, SIGSET_BYTES);

	(void)RF_CALL(l, rt_sigprocmask, RF_P1, SIG_SETMASK, mask, 0, SIGSET_BYTES);
}

/* ----------------------------------------------------------------------- network */

/* One request, one answer: an error with the header of what it is about (rtnetlink(7)). */
static RF_LOWER(link_up)
{
	const struct rf_blob message = op->u.link_up.message;
	const size_t len = NLMSG_LENGTH(sizeof(struct nlmsgerr));
	const uint64_t answer = rf_lower_bytes(l, NULL, len + 4);
	int32_t fd = rf_lower_keep(l, RF_CALL(l, socket, 0, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
					      NETLINK_ROUTE));

	if (message.len < sizeof(struct nlmsghdr))
		rf_lower_refuse(l, "a message that is none");
	(void)RF_CALL(l, write, RF_P1, RF_N(fd), rf_lower_blob(message), message.len);
	(void)RF_CALL(l, read, RF_P1, RF_N(fd), answer, len);
	rf_lower_test(l, answer + offsetof(struct nlmsghdr, nlmsg_type), 2, 0xffff, NLMSG_ERROR,
		      RF_TEST_EQ, EPROTO);
	l->n->look_at[l->op] = (uint32_t)(answer & RF_AT_OFFSET) + NLMSG_HDRLEN;
	rf_lower_test(l, answer + NLMSG_HDRLEN, 4, 0xffffffff, 0, RF_TEST_EQ, EPROTO);
	rf_lower_close(l, fd);
}

/* ------------------------------------------------------------------- the table */

/*
 * CLONE, EXEC and CLOSE_RANGE are the walk's (native_lower.c).  Without a row, and so
 * without a native form: what loops over what it finds (copy_dir, find, unlink through
 * links, mknod over what is there), and what the submitter does in the middle (move_link).
 */
const rf_lower_fn rf_lower_ops[RF_OP_NR] = {
	[RF_OP_UNSHARE] = rf_lower_op_unshare, [RF_OP_SETNS] = rf_lower_op_setns,
	[RF_OP_JOIN_CGROUP] = rf_lower_op_join_cgroup, [RF_OP_GATE] = rf_lower_op_gate,
	[RF_OP_EXIT] = rf_lower_op_exit,

	[RF_OP_OPEN] = rf_lower_op_open, [RF_OP_DUP] = rf_lower_op_dup,
	[RF_OP_CLOSE] = rf_lower_op_close, [RF_OP_PIPE] = rf_lower_op_pipe,
	[RF_OP_PTY] = rf_lower_op_pty, [RF_OP_SOCKET] = rf_lower_op_socket,
	[RF_OP_MEMFD] = rf_lower_op_memfd, [RF_OP_SEND_FDS] = rf_lower_op_send_fds,
	[RF_OP_RECV_FDS] = rf_lower_op_recv_fds,

	[RF_OP_OPEN_TREE] = rf_lower_op_open_tree, [RF_OP_MKFS] = rf_lower_op_mkfs,
	[RF_OP_MOUNT_SETATTR] = rf_lower_op_mount_setattr, [RF_OP_MOVE_MOUNT] = rf_lower_op_move_mount,
	[RF_OP_PIVOT_ROOT] = rf_lower_op_pivot_root, [RF_OP_UMOUNT] = rf_lower_op_umount,
	[RF_OP_VERIFY] = rf_lower_op_verify, [RF_OP_MASK] = rf_lower_op_mask,

	[RF_OP_MKDIR] = rf_lower_op_mkdir, [RF_OP_MKFILE] = rf_lower_op_mkfile,
	[RF_OP_SYMLINK] = rf_lower_op_symlink, [RF_OP_WRITE] = rf_lower_op_write,
	[RF_OP_CHOWN] = rf_lower_op_chown, [RF_OP_CHMOD] = rf_lower_op_chmod,

	[RF_OP_IDMAP] = rf_lower_op_idmap, [RF_OP_SETGROUPS] = rf_lower_op_setgroups,
	[RF_OP_SETRESGID] = rf_lower_op_setresgid, [RF_OP_SETRESUID] = rf_lower_op_setresuid,
	[RF_OP_CAPSET] = rf_lower_op_capset, [RF_OP_CAPBSET] = rf_lower_op_capbset,
	[RF_OP_AMBIENT] = rf_lower_op_ambient, [RF_OP_SECUREBITS] = rf_lower_op_securebits,
	[RF_OP_NO_NEW_PRIVS] = rf_lower_op_no_new_privs, [RF_OP_KEYRING] = rf_lower_op_keyring,
	[RF_OP_LABEL] = rf_lower_op_label,

	[RF_OP_RLIMIT] = rf_lower_op_rlimit, [RF_OP_AFFINITY] = rf_lower_op_affinity,
	[RF_OP_NICE] = rf_lower_op_nice, [RF_OP_IOPRIO] = rf_lower_op_ioprio,
	[RF_OP_MEMPOLICY] = rf_lower_op_mempolicy, [RF_OP_OOM_SCORE] = rf_lower_op_oom_score,
	[RF_OP_UMASK] = rf_lower_op_umask, [RF_OP_PERSONALITY] = rf_lower_op_personality,
	[RF_OP_SCHED] = rf_lower_op_sched,
	[RF_OP_LANDLOCK] = rf_lower_op_landlock, [RF_OP_SECCOMP] = rf_lower_op_seccomp,

	[RF_OP_CHDIR] = rf_lower_op_chdir, [RF_OP_CHROOT] = rf_lower_op_chroot,
	[RF_OP_HOSTNAME] = rf_lower_op_hostname, [RF_OP_SYSCTL] = rf_lower_op_sysctl,
	[RF_OP_SETSID] = rf_lower_op_setsid, [RF_OP_CTTY] = rf_lower_op_ctty,
	[RF_OP_PDEATHSIG] = rf_lower_op_pdeathsig, [RF_OP_SIGDEFAULT] = rf_lower_op_sigdefault,
	[RF_OP_SIGMASK] = rf_lower_op_sigmask,

	[RF_OP_LINK_UP] = rf_lower_op_link_up,
};

bool rf_native_has(enum rf_op_kind kind)
{
	return rf_lower_ops[kind] || kind == RF_OP_CLONE || kind == RF_OP_EXEC ||
	       kind == RF_OP_CLOSE_RANGE;
}

int rf_native_result(const struct rf_native *n, const struct rf_op *op, uint32_t index,
		     const char *extra, int result)
{
	int32_t seen = 0;

	if (n->look_at[index])
		memcpy(&seen, extra + n->look_at[index], sizeof(seen));
	switch (op->kind) {
	case RF_OP_DUP:
		return result < 0 ? result : op->u.dup.to;
	case RF_OP_KEYRING:
		if (result >= 0)
			return seen < 0 ? RF_KEYRING_NONE : 0;
		/* fall through */
	case RF_OP_LINK_UP:
		return result == -EPROTO && seen < 0 ? seen : result;
	case RF_OP_RECV_FDS:
		return result == -EPROTO && !seen ? -EPIPE : result;
	case RF_OP_VERIFY:
		return result == -ENOENT || result == -ENOTDIR ? -EBUSY : result;
	default:
		return result;
	}
}
