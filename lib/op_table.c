/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one table of ops; data only, so that it links into freestanding programs
 * too.  Rows stand in the order of enum rf_op_kind, which is that of the groups.
 *
 * Names of values: a combination comes before its parts; a value whose name is
 * empty is not printed.
 */
#include <asm/fcntl.h>
#include <asm/socket.h>
#include <linux/fcntl.h>
#include <linux/landlock.h>
#include <linux/memfd.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

#include "compat.h"
#include "context.h"

static const struct rf_name clone_flags[] = {
	{ CLONE_NEWUSER, "user" }, { CLONE_NEWNS, "mount" }, { CLONE_NEWPID, "pid" },
	{ CLONE_NEWNET, "net" }, { CLONE_NEWIPC, "ipc" }, { CLONE_NEWUTS, "uts" },
	{ CLONE_NEWCGROUP, "cgroup" }, { CLONE_NEWTIME, "time" },
	{ CLONE_VM, "vm" }, { CLONE_FS, "fs" }, { CLONE_FILES, "files" },
	{ CLONE_VFORK, "vfork" }, { CLONE_PARENT, "parent" },
	{ 0, NULL }
};

static const struct rf_name clone_as[] = {	/* enum rf_clone_as */
	{ 0, "context" }, { 1, "init" }, { 2, "payload" }, { 3, "apart" }, { 0, NULL }
};

static const struct rf_name at_flags[] = {
	{ AT_RECURSIVE, "recursive" }, { AT_SYMLINK_NOFOLLOW, "nofollow" },
	{ AT_NO_AUTOMOUNT, "no-automount" }, { AT_EMPTY_PATH, "empty-path" },
	{ 0, NULL }
};

/* O_TMPFILE and O_SYNC contain other flags. Every descriptor is close-on-exec. */
static const struct rf_name open_flags[] = {
	{ O_CLOEXEC, "" }, { __O_TMPFILE | O_DIRECTORY, "tmpfile" },
	{ __O_SYNC | O_DSYNC, "sync" }, { O_DSYNC, "dsync" },
	{ O_WRONLY, "wronly" }, { O_RDWR, "rdwr" }, { O_CREAT, "creat" }, { O_EXCL, "excl" },
	{ O_NOCTTY, "noctty" }, { O_TRUNC, "trunc" }, { O_APPEND, "append" },
	{ O_NONBLOCK, "nonblock" }, { O_DIRECT, "direct" }, { O_DIRECTORY, "directory" },
	{ O_NOFOLLOW, "nofollow" }, { O_NOATIME, "noatime" }, { O_PATH, "path" },
	{ RF_OPEN_NO_DIRECTORY, "no-directory" },
	{ 0, NULL }
};

static const struct rf_name resolve_flags[] = {
	{ RESOLVE_NO_XDEV, "no-xdev" }, { RESOLVE_NO_MAGICLINKS, "no-magiclinks" },
	{ RESOLVE_NO_SYMLINKS, "no-symlinks" }, { RESOLVE_BENEATH, "beneath" },
	{ RESOLVE_IN_ROOT, "in-root" }, { RESOLVE_CACHED, "cached" },
	{ 0, NULL }
};

static const struct rf_name pipe_flags[] = {
	{ O_CLOEXEC, "" }, { O_NONBLOCK, "nonblock" }, { O_DIRECT, "packets" }, { 0, NULL }
};

static const struct rf_name pty_flags[] = {
	{ RF_PTY_PLAIN, "plain" }, { 0, NULL }
};

static const struct rf_name memfd_flags[] = {
	{ MFD_CLOEXEC, "" }, { MFD_ALLOW_SEALING, "sealable" }, { MFD_HUGETLB, "hugetlb" },
	{ MFD_NOEXEC_SEAL, "noexec" }, { MFD_EXEC, "exec" }, { 0, NULL }
};

static const struct rf_name seals[] = {
	{ F_SEAL_SEAL, "seal" }, { F_SEAL_SHRINK, "shrink" }, { F_SEAL_GROW, "grow" },
	{ F_SEAL_WRITE, "write" }, { F_SEAL_FUTURE_WRITE, "future-write" },
	{ F_SEAL_EXEC, "exec" }, { 0, NULL }
};

static const struct rf_name domains[] = {
	{ 1, "unix" }, { 2, "inet" }, { 10, "inet6" }, { AF_NETLINK, "netlink" }, { 0, NULL }
};

static const struct rf_name open_tree_flags[] = {
	{ OPEN_TREE_CLOEXEC, "" }, { OPEN_TREE_CLONE, "clone" }, { AT_RECURSIVE, "recursive" },
	{ AT_SYMLINK_NOFOLLOW, "nofollow" }, { AT_NO_AUTOMOUNT, "no-automount" },
	{ AT_EMPTY_PATH, "empty-path" }, { 0, NULL }
};

static const struct rf_name mount_attrs[] = {
	{ MOUNT_ATTR_RDONLY, "ro" }, { MOUNT_ATTR_NOSUID, "nosuid" },
	{ MOUNT_ATTR_NODEV, "nodev" }, { MOUNT_ATTR_NOEXEC, "noexec" },
	/* MOUNT_ATTR__ATIME is the field of these two */
	{ MOUNT_ATTR__ATIME, "atime" }, { MOUNT_ATTR_NOATIME, "noatime" },
	{ MOUNT_ATTR_STRICTATIME, "strictatime" }, { MOUNT_ATTR_NODIRATIME, "nodiratime" },
	{ MOUNT_ATTR_IDMAP, "idmap" }, { MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow" },
	{ 0, NULL }
};

static const struct rf_name propagations[] = {	/* MS_*, which libc keeps to itself */
	{ 0, "" }, { 1UL << 17, "unbindable" }, { 1UL << 18, "private" },
	{ 1UL << 19, "slave" }, { 1UL << 20, "shared" }, { 0, NULL }
};

static const struct rf_name mkfs_flags[] = {
	{ RF_MKFS_OWNED, "owned" }, { 0, NULL }
};

static const struct rf_name move_flags[] = {
	{ MOVE_MOUNT_F_SYMLINKS, "from-symlinks" }, { MOVE_MOUNT_F_AUTOMOUNTS, "from-automounts" },
	{ MOVE_MOUNT_F_EMPTY_PATH, "" }, { MOVE_MOUNT_T_SYMLINKS, "to-symlinks" },
	{ MOVE_MOUNT_T_AUTOMOUNTS, "to-automounts" }, { MOVE_MOUNT_T_EMPTY_PATH, "" },
	{ MOVE_MOUNT_SET_GROUP, "set-group" }, { 0, NULL }
};

static const struct rf_name umount_flags[] = {
	{ MNT_FORCE, "force" }, { MNT_DETACH, "detach" }, { MNT_EXPIRE, "expire" },
	{ UMOUNT_NOFOLLOW, "nofollow" }, { 0, NULL }
};

static const struct rf_name entries[] = {
	{ RF_ENTRY_NONE, "" }, { 0, NULL }
};

static const struct rf_name unlink_flags[] = { { AT_REMOVEDIR, "directory" }, { 0, NULL } };
static const struct rf_name make_flags[] = {
	{ RF_MAKE_PARENTS, "parents" }, { RF_MAKE_ANYWHERE, "anywhere" },
	{ RF_MAKE_EXIST_OK, "exist-ok" }, { RF_MAKE_REPLACE, "replace" }, { 0, NULL }
};

static const struct rf_name no_zero[] = {
	{ 0, "" }, { 0, NULL }
};

static const struct rf_name idmap_by[] = {
	{ RF_IDMAP_SELF, "self" }, { RF_IDMAP_SUBMITTER, "submitter" },
	{ RF_IDMAP_HELPER, "helper" }, { 0, NULL }
};

static const struct rf_name yes[] = {
	{ 0, "" }, { 1, "yes" }, { 0, NULL }
};

static const struct rf_name unchanged_id[] = {
	{ 0xffffffffU, "" }, { 0, NULL }
};

static const struct rf_name securebits[] = {
	{ 1 << 0, "noroot" }, { 1 << 1, "noroot-locked" },
	{ 1 << 2, "no-setuid-fixup" }, { 1 << 3, "no-setuid-fixup-locked" },
	{ 1 << 4, "keep-caps" }, { 1 << 5, "keep-caps-locked" },
	{ 1 << 6, "no-cap-ambient-raise" }, { 1 << 7, "no-cap-ambient-raise-locked" },
	{ 0, NULL }
};

static const struct rf_name resources[] = {
	{ 0, "cpu" }, { 1, "fsize" }, { 2, "data" }, { 3, "stack" }, { 4, "core" },
	{ 5, "rss" }, { 6, "nproc" }, { 7, "nofile" }, { 8, "memlock" }, { 9, "as" },
	{ 10, "locks" }, { 11, "sigpending" }, { 12, "msgqueue" }, { 13, "nice" },
	{ 14, "rtprio" }, { 15, "rttime" }, { 0, NULL }
};

static const struct rf_name policies[] = {
	{ SCHED_NORMAL, "other" }, { SCHED_FIFO, "fifo" }, { SCHED_RR, "rr" },
	{ SCHED_BATCH, "batch" }, { SCHED_IDLE, "idle" }, { SCHED_DEADLINE, "deadline" },
	{ 0, NULL }
};

static const struct rf_name sched_flags[] = {
	{ SCHED_FLAG_RESET_ON_FORK, "reset-on-fork" }, { SCHED_FLAG_RECLAIM, "reclaim" },
	{ SCHED_FLAG_DL_OVERRUN, "dl-overrun" }, { SCHED_FLAG_KEEP_POLICY, "keep-policy" },
	{ SCHED_FLAG_KEEP_PARAMS, "keep-params" }, { SCHED_FLAG_UTIL_CLAMP_MIN, "util-clamp-min" },
	{ SCHED_FLAG_UTIL_CLAMP_MAX, "util-clamp-max" }, { 0, NULL }
};

static const struct rf_name io_classes[] = {
	{ 0, "none" }, { 1, "realtime" }, { 2, "best-effort" }, { 3, "idle" }, { 0, NULL }
};

static const struct rf_name mem_modes[] = {
	{ 0, "default" }, { 1, "preferred" }, { 2, "bind" }, { 3, "interleave" },
	{ 4, "local" }, { 5, "preferred-many" }, { 6, "weighted-interleave" }, { 0, NULL }
};

static const struct rf_name mem_flags[] = {
	{ 1 << 15, "static-nodes" }, { 1 << 14, "relative-nodes" }, { 1 << 13, "numa-balancing" },
	{ 0, NULL }
};

static const struct rf_name personas[] = {
	{ 0x8, "linux32" }, { 0x0020000, "uname26" }, { 0x0040000, "addr-no-randomize" },
	{ 0x0080000, "fdpic-funcptrs" }, { 0x0100000, "mmap-page-zero" },
	{ 0x0200000, "addr-compat-layout" }, { 0x0400000, "read-implies-exec" },
	{ 0x0800000, "addr-limit-32bit" }, { 0x1000000, "short-inode" },
	{ 0x2000000, "whole-seconds" }, { 0x4000000, "sticky-timeouts" },
	{ 0x8000000, "addr-limit-3gb" }, { 0, NULL }
};

/* What the words of a spec come to, and the rights one by one. */
static const struct rf_name landlock_fs[] = {
	{ RF_LANDLOCK_FILES, "all" },
	{ RF_LANDLOCK_WRITE_RIGHTS, "write" }, { RF_LANDLOCK_READ_RIGHTS, "read" },
	{ RF_LANDLOCK_EXEC_RIGHTS, "exec" },
	{ LANDLOCK_ACCESS_FS_EXECUTE, "execute" }, { LANDLOCK_ACCESS_FS_WRITE_FILE, "write-file" },
	{ LANDLOCK_ACCESS_FS_READ_FILE, "read-file" }, { LANDLOCK_ACCESS_FS_READ_DIR, "read-dir" },
	{ LANDLOCK_ACCESS_FS_REMOVE_DIR, "remove-dir" },
	{ LANDLOCK_ACCESS_FS_REMOVE_FILE, "remove-file" },
	{ LANDLOCK_ACCESS_FS_MAKE_CHAR, "make-char" }, { LANDLOCK_ACCESS_FS_MAKE_DIR, "make-dir" },
	{ LANDLOCK_ACCESS_FS_MAKE_REG, "make-reg" }, { LANDLOCK_ACCESS_FS_MAKE_SOCK, "make-sock" },
	{ LANDLOCK_ACCESS_FS_MAKE_FIFO, "make-fifo" },
	{ LANDLOCK_ACCESS_FS_MAKE_BLOCK, "make-block" },
	{ LANDLOCK_ACCESS_FS_MAKE_SYM, "make-sym" }, { LANDLOCK_ACCESS_FS_REFER, "refer" },
	{ RF_LANDLOCK_FS_TRUNCATE, "truncate" }, { RF_LANDLOCK_FS_IOCTL_DEV, "ioctl-dev" },
	{ RF_LANDLOCK_FS_RESOLVE_UNIX, "resolve-unix" }, { 0, NULL }
};

const struct rf_name rf_landlock_net_names[] = {
	{ RF_LANDLOCK_NET_BIND_TCP, "bind-tcp" }, { RF_LANDLOCK_NET_CONNECT_TCP, "connect-tcp" },
	{ 0, NULL }
};

static const struct rf_name landlock_scopes[] = {
	{ RF_LANDLOCK_SCOPE_ABSTRACT_UNIX, "abstract-unix" },
	{ RF_LANDLOCK_SCOPE_SIGNAL, "signal" }, { 0, NULL }
};

static const struct rf_name landlock_flags[] = {
	{ RF_LANDLOCK_LOG_SAME_EXEC_OFF, "log-same-exec-off" },
	{ RF_LANDLOCK_LOG_NEW_EXEC_ON, "log-new-exec-on" },
	{ RF_LANDLOCK_LOG_SUBDOMAINS_OFF, "log-subdomains-off" }, { 0, NULL }
};

static const struct rf_name filter_flags[] = {
	{ SECCOMP_FILTER_FLAG_TSYNC, "tsync" }, { SECCOMP_FILTER_FLAG_LOG, "log" },
	{ SECCOMP_FILTER_FLAG_SPEC_ALLOW, "spec-allow" },
	{ SECCOMP_FILTER_FLAG_NEW_LISTENER, "new-listener" },
	{ SECCOMP_FILTER_FLAG_TSYNC_ESRCH, "tsync-esrch" },
	{ RF_SECCOMP_FLAG_WAIT_KILLABLE_RECV, "wait-killable" }, { 0, NULL }
};

static const struct rf_name host_or_domain[] = {
	{ 0, "" }, { 1, "domain" }, { 0, NULL }
};

#define AT(field) offsetof(struct rf_op, u.field)

#define SLOT(name, field)		{ name, RF_ARG_SLOT, AT(field), NULL }
#define FD(name, field)			{ name, RF_ARG_FD, AT(field), NULL }
#define STR(name, field)		{ name, RF_ARG_STR, AT(field), NULL }
#define ARG(name, type, field)		{ name, RF_ARG_##type, AT(field), NULL }
#define NAMED(name, type, field, names)	{ name, RF_ARG_##type, AT(field), names }

const struct rf_op_def rf_op_defs[] = {
	/* ------------------------------------------------------------- task */
	[RF_OP_CLONE] = {
		.name = "clone", .group = "task", .run = rf_run_clone,
		.phase = RF_PHASE_ANY,
		.help = "make a task: the context, pid 1, or the payload's",
		.args = {
			NAMED("as", ENUM, clone.as, clone_as),
			NAMED("flags", FLAGS64, clone.flags, clone_flags),
			NAMED("unshare", FLAGS64, clone.unshare, clone_flags),
		},
	},
	[RF_OP_UNSHARE] = {
		.name = "unshare", .group = "task", .run = rf_run_unshare,
		.phase = RF_PHASE_NAMESPACE,
		.help = "enter new namespaces",
		.args = { NAMED("", FLAGS64, unshare.flags, clone_flags) },
	},
	[RF_OP_SETNS] = {
		.name = "setns", .group = "task", .run = rf_run_setns,
		.phase = RF_PHASE_NAMESPACE,
		.help = "join the namespace, or the namespaces of the process, in a slot",
		.args = {
			SLOT("", setns.slot),
			NAMED("type", FLAGS64, setns.nstype, clone_flags),
		},
	},
	[RF_OP_JOIN_CGROUP] = {
		.name = "join_cgroup", .group = "task", .run = rf_run_join_cgroup,
		.phase = RF_PHASE_LIMIT,
		.help = "move into the cgroup whose directory or file for tasks is in a slot",
		.args = {
			SLOT("dir", join_cgroup.dir),
			NAMED("unshare", FLAGS64, join_cgroup.unshare, clone_flags),
		},
	},
	[RF_OP_EXEC] = {
		.name = "exec", .group = "task", .run = rf_run_exec,
		.phase = RF_PHASE_EXEC, .flags = RF_OPF_ENDS,
		.help = "become the command; the first one that succeeds ends the chain",
		.args = {
			SLOT("dir", exec.dir), STR("", exec.path),
			ARG("", VEC, exec.argv), ARG("env", VEC, exec.envp),
			NAMED("flags", FLAGS32, exec.at_flags, at_flags),
		},
	},
	[RF_OP_GATE] = {
		.name = "gate", .group = "task", .run = rf_run_gate,
		.phase = RF_PHASE_ANY, .flags = RF_OPF_ENDS,
		.help = "wait until the gate is opened, by the submitter or over a socket",
		.args = { ARG("", U32, gate.nr), SLOT("socket", gate.slot) },
	},
	[RF_OP_EXIT] = {
		.name = "exit", .group = "task", .run = rf_run_exit,
		.phase = RF_PHASE_EXEC, .flags = RF_OPF_ENDS,
		.help = "end the task with a status instead of a command",
		.args = { ARG("", I32, exit.status) },
	},

	/* ------------------------------------------------------ descriptors */
	[RF_OP_OPEN] = {
		.name = "open", .group = "descriptors", .run = rf_run_open,
		.phase = RF_PHASE_ANY, .flags = RF_OPF_MAKES_FD,
		.help = "open a file",
		.args = {
			SLOT("dir", open.dir), STR("", open.path),
			NAMED("flags", FLAGS64, open.flags, open_flags),
			NAMED("mode", OCTAL, open.mode, no_zero),
			NAMED("resolve", FLAGS64, open.resolve, resolve_flags),
		},
	},
	[RF_OP_DUP] = {
		.name = "dup", .group = "descriptors", .run = rf_run_dup,
		.phase = RF_PHASE_ANY,
		.help = "make a descriptor appear under a number that exec keeps",
		.args = { SLOT("", dup.slot), FD("from", dup.from), FD("to", dup.to) },
	},
	[RF_OP_CLOSE] = {
		.name = "close", .group = "descriptors", .run = rf_run_close,
		.phase = RF_PHASE_ANY,
		.help = "close what is in a slot",
		.args = { SLOT("", close.slot) },
	},
	[RF_OP_CLOSE_RANGE] = {
		.name = "close_range", .group = "descriptors", .run = rf_run_close_range,
		.phase = RF_PHASE_ANY,
		.help = "detach the descriptor table and close all that nothing names",
	},
	[RF_OP_PIPE] = {
		.name = "pipe", .group = "descriptors", .run = rf_run_pipe,
		.phase = RF_PHASE_ANY, .flags = RF_OPF_MAKES_TWO,
		.help = "make a pipe: the read end, then the write end",
		.args = { NAMED("flags", FLAGS32, pipe.flags, pipe_flags) },
	},
	[RF_OP_PTY] = {
		.name = "pty", .group = "descriptors", .run = rf_run_pty,
		.phase = RF_PHASE_ANY, .flags = RF_OPF_MAKES_TWO,
		.help = "make a pair of pseudo-terminals: the master, then the terminal",
		.args = {
			SLOT("devpts", pty.dir), STR("", pty.path),
			ARG("modes", BYTES, pty.modes),
			NAMED("rows", U32, pty.rows, no_zero), NAMED("cols", U32, pty.cols, no_zero),
			NAMED("flags", FLAGS32, pty.flags, pty_flags),
		},
	},
	[RF_OP_SOCKET] = {
		.name = "socket", .group = "descriptors", .run = rf_run_socket,
		.phase = RF_PHASE_ANY, .flags = RF_OPF_MAKES_FD,
		.help = "make a socket",
		.args = {
			NAMED("", ENUM, socket.domain, domains),
			ARG("type", I32, socket.type), ARG("protocol", I32, socket.protocol),
		},
	},
	[RF_OP_MEMFD] = {
		.name = "memfd", .group = "descriptors", .run = rf_run_memfd,
		.phase = RF_PHASE_ANY, .flags = RF_OPF_MAKES_FD,
		.help = "make an anonymous file with given content",
		.args = {
			STR("", memfd.name), ARG("content", BYTES, memfd.content),
			NAMED("flags", FLAGS32, memfd.flags, memfd_flags),
			NAMED("seals", FLAGS32, memfd.seals, seals),
		},
	},
	[RF_OP_SEND_FDS] = {
		.name = "send_fds", .group = "descriptors", .run = rf_run_send_fds,
		.phase = RF_PHASE_ANY,
		.help = "send descriptors over a unix socket, or one to the submitter",
		.args = {
			SLOT("socket", send_fds.sock), ARG("fds", SLOTS, send_fds.slots),
			ARG("payload", BYTES, send_fds.payload),
		},
	},
	[RF_OP_RECV_FDS] = {
		.name = "recv_fds", .group = "descriptors", .run = rf_run_recv_fds,
		.phase = RF_PHASE_ANY,
		.help = "receive as many descriptors as there are slots for them",
		.args = { SLOT("socket", recv_fds.sock), ARG("fds", OUTS, recv_fds.slots) },
	},

	/* ----------------------------------------------------------- mounts */
	[RF_OP_OPEN_TREE] = {
		.name = "open_tree", .group = "mounts", .run = rf_run_open_tree,
		.phase = RF_PHASE_FILESYSTEM, .flags = RF_OPF_MAKES_FD,
		.help = "take hold of a mounted tree, or of a detached copy of it",
		.args = {
			SLOT("dir", open_tree.dir), STR("", open_tree.path),
			NAMED("flags", FLAGS32, open_tree.flags, open_tree_flags),
			NAMED("dev", DEV, open_tree.dev, no_zero),
			NAMED("ino", U64, open_tree.ino, no_zero),
		},
	},
	[RF_OP_MKFS] = {
		.name = "mkfs", .group = "mounts", .run = rf_run_mkfs,
		.phase = RF_PHASE_FILESYSTEM, .flags = RF_OPF_MAKES_FD,
		.help = "make a detached mount of a file system",
		.args = {
			STR("", mkfs.type), ARG("options", PAIRS, mkfs.options),
			ARG("fds", FSFDS, mkfs.fds),
			NAMED("attr", FLAGS64, mkfs.attr, mount_attrs),
			NAMED("flags", FLAGS32, mkfs.flags, mkfs_flags),
		},
	},
	[RF_OP_MOUNT_SETATTR] = {
		.name = "mount_setattr", .group = "mounts", .run = rf_run_mount_setattr,
		.phase = RF_PHASE_FILESYSTEM,
		.help = "change the properties of a mount",
		.args = {
			SLOT("", mount_setattr.slot), STR("", mount_setattr.path),
			NAMED("flags", FLAGS32, mount_setattr.at_flags, at_flags),
			NAMED("set", FLAGS64, mount_setattr.set, mount_attrs),
			NAMED("clear", FLAGS64, mount_setattr.clr, mount_attrs),
			NAMED("propagation", ENUM, mount_setattr.propagation, propagations),
			SLOT("userns", mount_setattr.userns),
		},
	},
	[RF_OP_MOVE_MOUNT] = {
		.name = "move_mount", .group = "mounts", .run = rf_run_move_mount,
		.phase = RF_PHASE_FILESYSTEM,
		.help = "attach a mount, or move it",
		.args = {
			SLOT("", move_mount.from), SLOT("to", move_mount.to),
			STR("at", move_mount.to_path),
			NAMED("entry", U32, move_mount.entry, entries),
			NAMED("flags", FLAGS32, move_mount.flags, move_flags),
		},
	},
	[RF_OP_PIVOT_ROOT] = {
		.name = "pivot_root", .group = "mounts", .run = rf_run_pivot_root,
		.phase = RF_PHASE_FILESYSTEM,
		.help = "make the mount in a slot the root; the old one lies on top of it",
		.args = { SLOT("root", pivot_root.root) },
	},
	[RF_OP_UMOUNT] = {
		.name = "umount", .group = "mounts", .run = rf_run_umount,
		.phase = RF_PHASE_FILESYSTEM,
		.help = "take a mount away",
		.args = {
			SLOT("dir", umount.dir), STR("", umount.path),
			NAMED("flags", FLAGS32, umount.flags, umount_flags),
		},
	},
	[RF_OP_VERIFY] = {
		.name = "verify", .group = "mounts", .run = rf_run_verify,
		.phase = RF_PHASE_FILESYSTEM,
		.help = "see that a place still shows the mount that was put there",
		.args = {
			SLOT("root", verify.root), STR("", verify.path),
			ARG("entry", U32, verify.entry),
			NAMED("flags", FLAGS32, verify.flags, open_flags),
		},
	},

	[RF_OP_MASK] = {
		.name = "mask", .group = "mounts", .run = rf_run_mask,
		.phase = RF_PHASE_FILESYSTEM,
		.help = "cover a file or directory with something empty of its kind",
		.args = {
			SLOT("", mask.to), SLOT("from", mask.from),
			STR("dir", mask.dir), STR("file", mask.file),
		},
	},

	/* ------------------------------------------------------------ files */
	[RF_OP_MKDIR] = {
		.name = "mkdir", .group = "files", .run = rf_run_mkdir,
		.phase = RF_PHASE_FILESYSTEM,
		.help = "make a directory",
		.args = {
			SLOT("dir", mkdir.dir), STR("", mkdir.path), ARG("mode", OCTAL, mkdir.mode),
			NAMED("flags", FLAGS32, mkdir.flags, make_flags),
		},
	},
	[RF_OP_MKFILE] = {
		.name = "mkfile", .group = "files", .run = rf_run_mkfile,
		.phase = RF_PHASE_FILESYSTEM,
		.help = "make a file with given content, or that of a descriptor",
		.args = {
			SLOT("dir", mkfile.dir), STR("", mkfile.path), SLOT("from", mkfile.from),
			ARG("content", BYTES, mkfile.content), ARG("mode", OCTAL, mkfile.mode),
			NAMED("flags", FLAGS32, mkfile.flags, make_flags),
		},
	},
	[RF_OP_SYMLINK] = {
		.name = "symlink", .group = "files", .run = rf_run_symlink,
		.phase = RF_PHASE_FILESYSTEM,
		.help = "make a symbolic link",
		.args = {
			SLOT("dir", symlink.dir), STR("", symlink.path),
			STR("target", symlink.target),
			NAMED("flags", FLAGS32, symlink.flags, make_flags),
		},
	},
	[RF_OP_MKNOD] = {
		.name = "mknod", .group = "files", .run = rf_run_mknod,
		.phase = RF_PHASE_FILESYSTEM,
		.help = "make a device node, a fifo or a socket's name",
		.args = {
			SLOT("dir", mknod.dir), STR("", mknod.path), ARG("mode", OCTAL, mknod.mode),
			NAMED("dev", DEV, mknod.dev, no_zero),
			NAMED("flags", FLAGS32, mknod.flags, make_flags),
		},
	},
	[RF_OP_WRITE] = {
		.name = "write", .group = "files", .run = rf_run_write,
		.phase = RF_PHASE_ANY,
		.help = "write given bytes, in one call",
		.args = {
			SLOT("dir", write.dir), STR("", write.path), ARG("data", BLOB, write.data),
		},
	},
	[RF_OP_CHOWN] = {
		.name = "chown", .group = "files", .run = rf_run_chown,
		.phase = RF_PHASE_FILESYSTEM,
		.help = "change a file's owner and group",
		.args = {
			SLOT("dir", chown.dir), STR("", chown.path),
			NAMED("uid", ID, chown.uid, unchanged_id),
			NAMED("gid", ID, chown.gid, unchanged_id),
		},
	},
	[RF_OP_CHMOD] = {
		.name = "chmod", .group = "files", .run = rf_run_chmod,
		.phase = RF_PHASE_FILESYSTEM,
		.help = "change a file's mode",
		.args = {
			SLOT("dir", chmod.dir), STR("", chmod.path), ARG("mode", OCTAL, chmod.mode),
		},
	},
	[RF_OP_UNLINK] = {
		.name = "unlink", .group = "files", .run = rf_run_unlink,
		.phase = RF_PHASE_FILESYSTEM,
		.help = "remove a name, or an empty directory",
		.args = {
			SLOT("dir", unlink.dir), STR("", unlink.path),
			NAMED("flags", FLAGS32, unlink.flags, unlink_flags),
		},
	},

	[RF_OP_COPY_DIR] = {
		.name = "copy_dir", .group = "files", .run = rf_run_copy_dir,
		.phase = RF_PHASE_FILESYSTEM,
		.help = "copy what is in one directory into another",
		.args = { SLOT("from", copy.from), SLOT("to", copy.to) },
	},
	[RF_OP_FIND] = {
		.name = "find", .group = "files", .run = rf_run_find,
		.phase = RF_PHASE_ANY,
		.help = "see that one of several programs is there and may be run",
		.args = { ARG("", BLOB, find.paths) },
	},

	/* --------------------------------------------------------- identity */
	[RF_OP_IDMAP] = {
		.name = "idmap", .group = "identity", .run = rf_run_idmap,
		.phase = RF_PHASE_IDS, .flags = RF_OPF_SUBMITTER,
		.help = "write the id maps of the new user namespace",
		.args = {
			NAMED("by", ENUM, idmap.by, idmap_by),
			ARG("uid_map", BLOB, idmap.uid_map), ARG("gid_map", BLOB, idmap.gid_map),
			NAMED("deny_setgroups", ENUM, idmap.deny, yes),
		},
	},
	[RF_OP_SETGROUPS] = {
		.name = "setgroups", .group = "identity", .run = rf_run_setgroups,
		.phase = RF_PHASE_CREDENTIAL, .flags = RF_OPF_IDS,
		.help = "set the supplementary groups; none drops all",
		.args = { ARG("gids", IDS, setgroups.gids) },
	},
	[RF_OP_SETRESGID] = {
		.name = "setresgid", .group = "identity", .run = rf_run_setresgid,
		.phase = RF_PHASE_CREDENTIAL, .flags = RF_OPF_IDS,
		.help = "set the real, effective and saved group id",
		.args = {
			NAMED("real", ID, setres.r, unchanged_id),
			NAMED("effective", ID, setres.e, unchanged_id),
			NAMED("saved", ID, setres.s, unchanged_id),
		},
	},
	[RF_OP_SETRESUID] = {
		.name = "setresuid", .group = "identity", .run = rf_run_setresuid,
		.phase = RF_PHASE_CREDENTIAL, .flags = RF_OPF_IDS,
		.help = "set the real, effective and saved user id",
		.args = {
			NAMED("real", ID, setres.r, unchanged_id),
			NAMED("effective", ID, setres.e, unchanged_id),
			NAMED("saved", ID, setres.s, unchanged_id),
		},
	},
	[RF_OP_CAPSET] = {
		.name = "capset", .group = "identity", .run = rf_run_capset,
		.phase = RF_PHASE_CREDENTIAL,
		.help = "set the effective, permitted and inheritable capabilities",
		.args = {
			ARG("effective", CAPS, capset.effective),
			ARG("permitted", CAPS, capset.permitted),
			ARG("inheritable", CAPS, capset.inheritable),
		},
	},
	[RF_OP_CAPBSET] = {
		.name = "capbset", .group = "identity", .run = rf_run_capbset,
		.phase = RF_PHASE_ANY,	/* the bounding set is for exec; what is permitted stays */
		.help = "drop all capabilities but some from the bounding set",
		.args = { ARG("keep", CAPS, capbset.keep), ARG("last", U32, capbset.last) },
	},
	[RF_OP_AMBIENT] = {
		.name = "ambient", .group = "identity", .run = rf_run_ambient,
		.phase = RF_PHASE_CREDENTIAL,
		.help = "set the ambient capabilities to exactly these",
		.args = { ARG("", CAPS, ambient.caps) },
	},
	[RF_OP_SECUREBITS] = {
		.name = "securebits", .group = "identity", .run = rf_run_securebits,
		.phase = RF_PHASE_CREDENTIAL,
		.help = "set the securebits",
		.args = { NAMED("", FLAGS32, securebits.bits, securebits) },
	},
	[RF_OP_NO_NEW_PRIVS] = {
		.name = "no_new_privs", .group = "identity", .run = rf_run_no_new_privs,
		.phase = RF_PHASE_CREDENTIAL,
		.help = "let no exec from here on grant anything",
	},
	[RF_OP_KEYRING] = {
		.name = "keyring", .group = "identity", .run = rf_run_keyring,
		.phase = RF_PHASE_ANY,
		.help = "join a new session keyring",
		.args = { STR("", keyring.name), NAMED("must", ENUM, keyring.must, yes) },
	},
	[RF_OP_LABEL] = {
		.name = "label", .group = "identity", .run = rf_run_label,
		.phase = RF_PHASE_ANY,	/* moves bytes; of the files, exec alone looks at most */
		.help = "write a security module's label for this task, or for a mount",
		.args = {
			STR("", label.attr), SLOT("slot", label.slot),
			ARG("label", BLOB, label.label),
		},
	},

	/* ------------------------------------------------------ restriction */
	[RF_OP_RLIMIT] = {
		.name = "rlimit", .group = "restriction", .run = rf_run_rlimit,
		.phase = RF_PHASE_LIMIT,
		.help = "set a resource limit",
		.args = {
			NAMED("", ENUM, rlimit.resource, resources),
			ARG("soft", LIMIT, rlimit.soft), ARG("hard", LIMIT, rlimit.hard),
		},
	},
	[RF_OP_SCHED] = {
		.name = "sched", .group = "restriction", .run = rf_run_sched,
		.phase = RF_PHASE_LIMIT,
		.help = "set the scheduling policy and its parameters",
		.args = {
			NAMED("", ENUM, sched.policy, policies),
			NAMED("flags", FLAGS32, sched.flags, sched_flags),
			NAMED("nice", I32, sched.nice, no_zero),
			NAMED("priority", U32, sched.priority, no_zero),
			NAMED("runtime", U64, sched.runtime, no_zero),
			NAMED("deadline", U64, sched.deadline, no_zero),
			NAMED("period", U64, sched.period, no_zero),
		},
	},
	[RF_OP_AFFINITY] = {
		.name = "affinity", .group = "restriction", .run = rf_run_affinity,
		.phase = RF_PHASE_LIMIT,
		.help = "choose the processors to run on",
		.args = { ARG("cpus", BITS, affinity.mask) },
	},
	[RF_OP_NICE] = {
		.name = "nice", .group = "restriction", .run = rf_run_nice,
		.phase = RF_PHASE_LIMIT,
		.help = "set the nice value",
		.args = { ARG("", I32, nice.value) },
	},
	[RF_OP_IOPRIO] = {
		.name = "ioprio", .group = "restriction", .run = rf_run_ioprio,
		.phase = RF_PHASE_LIMIT,
		.help = "set the I/O scheduling class and level",
		.args = {
			NAMED("", ENUM, ioprio.prio_class, io_classes),
			ARG("level", U32, ioprio.level),
		},
	},
	[RF_OP_MEMPOLICY] = {
		.name = "mempolicy", .group = "restriction", .run = rf_run_mempolicy,
		.phase = RF_PHASE_LIMIT,
		.help = "choose the memory nodes to allocate from",
		.args = {
			NAMED("", ENUM, mempolicy.mode, mem_modes),
			NAMED("flags", FLAGS32, mempolicy.flags, mem_flags),
			ARG("nodes", BITS, mempolicy.nodes),
		},
	},
	[RF_OP_OOM_SCORE] = {
		.name = "oom_score", .group = "restriction", .run = rf_run_oom_score,
		.phase = RF_PHASE_LIMIT,
		.help = "set how soon the OOM killer takes the task",
		.args = { ARG("", I32, oom_score.value) },
	},
	[RF_OP_UMASK] = {
		.name = "umask", .group = "restriction", .run = rf_run_umask,
		.phase = RF_PHASE_LIMIT,
		.help = "set the file mode creation mask",
		.args = { ARG("", OCTAL, umask.mask) },
	},
	[RF_OP_PERSONALITY] = {
		.name = "personality", .group = "restriction", .run = rf_run_personality,
		.phase = RF_PHASE_LIMIT,
		.help = "set the execution domain",
		.args = { NAMED("", FLAGS64, personality.persona, personas) },
	},
	[RF_OP_LANDLOCK] = {
		.name = "landlock", .group = "restriction", .run = rf_run_landlock,
		.phase = RF_PHASE_RESTRICTION, .flags = RF_OPF_CONFINES,
		.help = "deny what is handled, but for what rules allow",
		.args = {
			NAMED("fs", FLAGS64, landlock.fs, landlock_fs),
			NAMED("net", FLAGS64, landlock.net, rf_landlock_net_names),
			NAMED("scoped", FLAGS64, landlock.scoped, landlock_scopes),
			NAMED("rules", RULES, landlock.rules, landlock_fs),
			NAMED("flags", FLAGS32, landlock.flags, landlock_flags),
		},
	},
	[RF_OP_SECCOMP] = {
		.name = "seccomp", .group = "restriction", .run = rf_run_seccomp,
		.phase = RF_PHASE_RESTRICTION, .flags = RF_OPF_CONFINES,
		.help = "install a filter of system calls",
		.args = {
			STR("", seccomp.name), ARG("program", PROGRAM, seccomp.program),
			NAMED("flags", FLAGS32, seccomp.flags, filter_flags),
		},
	},

	/* ------------------------------------------------------------ place */
	[RF_OP_CHDIR] = {
		.name = "chdir", .group = "place", .run = rf_run_chdir,
		.phase = RF_PHASE_ANY,
		.help = "change the working directory to one below the root",
		.args = { SLOT("dir", chdir.dir), STR("", chdir.path) },
	},
	[RF_OP_CHROOT] = {
		.name = "chroot", .group = "place", .run = rf_run_chroot,
		.phase = RF_PHASE_FILESYSTEM,
		.help = "make a directory the root of path lookups",
		.args = { SLOT("dir", chroot.dir) },
	},
	[RF_OP_HOSTNAME] = {
		.name = "hostname", .group = "place", .run = rf_run_hostname,
		.phase = RF_PHASE_NETWORK,
		.help = "set the host name, or the NIS domain name",
		.args = {
			STR("", hostname.name),
			NAMED("what", ENUM, hostname.domain, host_or_domain),
		},
	},
	[RF_OP_SYSCTL] = {
		.name = "sysctl", .group = "place", .run = rf_run_sysctl,
		.phase = RF_PHASE_ANY,	/* moves bytes; and has to be while nothing covers /proc */
		.help = "set a kernel parameter of the sandbox's namespaces",
		.args = { STR("", sysctl.path), ARG("value", BLOB, sysctl.value) },
	},
	[RF_OP_SETSID] = {
		.name = "setsid", .group = "place", .run = rf_run_setsid,
		.phase = RF_PHASE_ANY,
		.help = "start a new session, without a controlling terminal",
	},
	[RF_OP_CTTY] = {
		.name = "ctty", .group = "place", .run = rf_run_ctty,
		.phase = RF_PHASE_ANY,
		.help = "make a terminal the controlling one of the session",
		.args = { SLOT("", ctty.slot), FD("fd", ctty.fd) },
	},
	[RF_OP_PDEATHSIG] = {
		.name = "pdeathsig", .group = "place", .run = rf_run_pdeathsig,
		.phase = RF_PHASE_ANY,
		.help = "get a signal when the submitting thread ends",
		.args = { ARG("", SIGNAL, pdeathsig.sig) },
	},
	[RF_OP_SIGDEFAULT] = {
		.name = "sigdefault", .group = "place", .run = rf_run_sigdefault,
		.phase = RF_PHASE_ANY,
		.help = "give every signal its default action, ignored ones too",
	},
	[RF_OP_SIGMASK] = {
		.name = "sigmask", .group = "place", .run = rf_run_sigmask,
		.phase = RF_PHASE_RESTRICTION,
		.help = "set the signal mask that the command starts with",
		.args = { ARG("", SIGSET, sigmask.mask) },
	},

	/* ---------------------------------------------------------- network */
	[RF_OP_LINK_UP] = {
		.name = "link_up", .group = "network", .run = rf_run_link_up,
		.phase = RF_PHASE_NETWORK,
		.help = "bring a network interface up",
		.args = { STR("", link_up.name), ARG("message", BYTES, link_up.message) },
	},
	[RF_OP_MOVE_LINK] = {
		.name = "move_link", .group = "network", .run = rf_run_move_link,
		/* by the submitter's power; hooks outside find it before the root is pivoted */
		.phase = RF_PHASE_ANY, .flags = RF_OPF_SUBMITTER,
		.help = "move a network interface of the submitter's here, and bring it up",
		.args = { STR("", move_link.name), STR("as", move_link.as) },
	},
};

_Static_assert(sizeof(rf_op_defs) / sizeof(rf_op_defs[0]) == RF_OP_NR,
	       "rf_op_defs[] stops short of enum rf_op_kind");
_Static_assert(sizeof(struct rf_op) <= UINT8_MAX, "an offset does not fit into rf_arg.offset");
