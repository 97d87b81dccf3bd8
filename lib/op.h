/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ops as plain data, and the one table that describes them.
 *
 * An op holds no pointer: strings and arrays are 32-bit offsets into the data
 * area of its chain, descriptors that travel are slot numbers.  So a chain can
 * be copied, mapped into another program, printed and compared.
 *
 * Adding an op means one row in op_table.c and one executor, in the run_*.c of
 * its group.  The parser's words, `explain`, errors, the trace, the man page
 * check and the tests read the row.
 *
 * This header is shared with freestanding code: no libc here.
 */
#ifndef RF_OP_H
#define RF_OP_H

#include <stddef.h>
#include <stdint.h>

struct rf_ctx;

enum rf_op_kind {
	/* task */
	RF_OP_CLONE, RF_OP_UNSHARE, RF_OP_SETNS, RF_OP_JOIN_CGROUP, RF_OP_EXEC,
	RF_OP_GATE, RF_OP_EXIT,
	/* descriptors */
	RF_OP_OPEN, RF_OP_DUP, RF_OP_CLOSE, RF_OP_CLOSE_RANGE, RF_OP_PIPE, RF_OP_PTY,
	RF_OP_SOCKET, RF_OP_MEMFD, RF_OP_SEND_FDS, RF_OP_RECV_FDS,
	/* mounts */
	RF_OP_OPEN_TREE, RF_OP_MKFS, RF_OP_MOUNT_SETATTR, RF_OP_MOVE_MOUNT,
	RF_OP_PIVOT_ROOT, RF_OP_UMOUNT, RF_OP_VERIFY, RF_OP_MASK,
	/* files */
	RF_OP_MKDIR, RF_OP_MKFILE, RF_OP_SYMLINK, RF_OP_MKNOD, RF_OP_WRITE,
	RF_OP_CHOWN, RF_OP_CHMOD, RF_OP_COPY_DIR, RF_OP_FIND, RF_OP_UNLINK,
	/* identity */
	RF_OP_IDMAP, RF_OP_SETGROUPS, RF_OP_SETRESGID, RF_OP_SETRESUID,
	RF_OP_CAPSET, RF_OP_CAPBSET, RF_OP_AMBIENT, RF_OP_SECUREBITS,
	RF_OP_NO_NEW_PRIVS, RF_OP_KEYRING, RF_OP_LABEL,
	/* restriction */
	RF_OP_RLIMIT, RF_OP_SCHED, RF_OP_AFFINITY, RF_OP_NICE, RF_OP_IOPRIO,
	RF_OP_MEMPOLICY, RF_OP_OOM_SCORE, RF_OP_UMASK, RF_OP_PERSONALITY,
	RF_OP_LANDLOCK, RF_OP_SECCOMP,
	/* place */
	RF_OP_CHDIR, RF_OP_CHROOT, RF_OP_HOSTNAME, RF_OP_SYSCTL, RF_OP_SETSID,
	RF_OP_CTTY, RF_OP_PDEATHSIG, RF_OP_SIGDEFAULT, RF_OP_SIGMASK,
	/* network */
	RF_OP_LINK_UP, RF_OP_MOVE_LINK,
	RF_OP_NR
};

/*
 * The builder refuses a chain that goes back.  Why each phase stands where it
 * does:
 */
enum rf_phase {
	RF_PHASE_ANY,		/* moves descriptors or bytes: allowed anywhere */
	RF_PHASE_NAMESPACE,	/* first: everything below must hit the new namespaces only */
	RF_PHASE_IDS,		/* before files: an unmapped id cannot create a file (EOVERFLOW) */
	RF_PHASE_FILESYSTEM,	/* needs CAP_SYS_ADMIN in the user namespace, so before credentials */
	RF_PHASE_NETWORK,	/* needs CAP_NET_ADMIN likewise */
	RF_PHASE_LIMIT,		/* after mounts, which may need more than the payload is allowed */
	/*
	 * Landlock and the filter, where no_new_privs is not set: they take
	 * CAP_SYS_ADMIN, so before that is given up.  The filter must allow the
	 * calls of what follows, which the compiler sees to.
	 */
	RF_PHASE_CONFINEMENT,
	RF_PHASE_CREDENTIAL,	/* gives up the power that all of the above needed */
	/*
	 * The same two, and the signal mask, where no_new_privs is set: no power is
	 * needed, and what comes before need not be in anybody's policy.
	 */
	RF_PHASE_RESTRICTION,
	RF_PHASE_EXEC,		/* nothing can follow */
};

/* Bytes in the chain's data area.  off 0 is "none": the area starts with a NUL. */
typedef uint32_t rf_str;
struct rf_blob {
	uint32_t off, len;
};
/* A vector of strings for exec: `nr` offsets, then a 0, each a uint64_t. */
struct rf_vec {
	uint32_t off, nr;
};

/* rf_op.flags */
#define RF_OP_F_HARD	(1U << 0)	/* hard-linked: may fail, the next op runs */
#define RF_OP_F_SHARED	(1U << 1)	/* copies of the context share what it makes, on purpose */
#define RF_OP_F_ABSENT	(1U << 2)	/* what it names may be missing, and nothing else may fail */

/* rf_op.u.open.flags, beyond those of openat2: -EISDIR for a directory */
#define RF_OPEN_NO_DIRECTORY (1ULL << 63)

/* rf_op.u.mkdir.flags, also mkfile, symlink, mknod */
#define RF_MAKE_PARENTS	(1U << 0)	/* missing parents too, mode 0755 */
#define RF_MAKE_ANYWHERE (1U << 1)	/* also in file systems that the sandbox does not own */
#define RF_MAKE_EXIST_OK (1U << 2)	/* something of the right type there is fine */
#define RF_MAKE_REPLACE	(1U << 3)	/* symlink, file: what is there is unlinked first */

/* rf_op.u.pty.flags */
#define RF_SCM_MAX	253		/* descriptors in one message: the kernel's SCM_MAX_FD */

#define RF_PTY_PLAIN	(1U << 0)	/* no echo, and output as it is printed */

/* rf_op.u.mkfs.flags */
#define RF_MKFS_OWNED	(1U << 0)	/* missing destinations may be made in it */

enum rf_idmap_by {
	RF_IDMAP_SELF = 0,	/* the context writes its own maps: one id each */
	RF_IDMAP_SUBMITTER,	/* the submitter writes them: needs CAP_SETUID there */
	RF_IDMAP_HELPER,	/* the submitter runs newuidmap and newgidmap */
};

/*
 * Rights of Landlock: what the words of a spec come to, and all that files have.
 * <linux/landlock.h> and compat.h are for those who use them.
 */
#define RF_LANDLOCK_EXEC_RIGHTS	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE)
#define RF_LANDLOCK_READ_RIGHTS	(RF_LANDLOCK_EXEC_RIGHTS | LANDLOCK_ACCESS_FS_READ_DIR)
/* Device nodes are nobody's to make. */
#define RF_LANDLOCK_WRITE_RIGHTS \
	(RF_LANDLOCK_READ_RIGHTS | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	 LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
	 LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER | RF_LANDLOCK_FS_TRUNCATE | \
	 RF_LANDLOCK_FS_IOCTL_DEV)
#define RF_LANDLOCK_FILES \
	(RF_LANDLOCK_WRITE_RIGHTS | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)

/*
 * A rule of rf_op.u.landlock, for what is beneath a path, beneath what is in a
 * slot, or for a port.
 */
#define RF_LANDLOCK_PORT	(1U << 0)	/* `port` counts, no file */
#define RF_LANDLOCK_OPTIONAL	(1U << 1)	/* a missing path leaves the rule out */
struct rf_landlock_op_rule {
	uint64_t	access;		/* LANDLOCK_ACCESS_FS_* or _NET_* */
	int32_t		slot;		/* -1: path */
	rf_str		path;
	uint32_t	port;
	uint32_t	flags;		/* RF_LANDLOCK_* */
	/* what the path must lead to, or it is left out; ino 0: anything; born: in ns, 0
	   where the file system does not know */
	uint64_t	dev, ino, born;
};

/* Result of keyring: nobody here has keyrings, so there is none to leave. */
#define RF_KEYRING_NONE	1

/* Namespaces whose "entry" index is unknown. */
#define RF_ENTRY_NONE	0xffffffffU

struct rf_op {
	uint8_t		kind;		/* enum rf_op_kind */
	uint8_t		flags;		/* RF_OP_F_* */
	uint16_t	pad;
	uint32_t	origin;		/* index into the chain's origins; 0 = none */
	int32_t		out;		/* slot that this op fills, or -1 */
	int32_t		out2;		/* second one: pipe, pty */
	union {
		/* as: enum rf_clone_as; unshare: what pid 1, or the maker of a task apart, then unshares */
		struct { uint64_t flags, unshare; uint32_t as; } clone;
		struct { uint64_t flags; } unshare;
		struct { int32_t slot; uint64_t nstype; } setns;	/* slot: ns fd, pidfd, or of that clone */
		/* dir: slot of its directory or of its file for tasks; unshare: then */
		struct { int32_t dir; uint64_t unshare; } join_cgroup;
		struct { int32_t dir; rf_str path; struct rf_vec argv, envp; uint32_t at_flags; } exec;
		/* nr: ordinal, from 1; slot: a listening socket, which others open it by */
		struct { uint32_t nr; int32_t slot; } gate;
		struct { int32_t status; } exit;

		struct { int32_t dir; rf_str path; uint64_t flags, resolve; uint32_t mode; } open;
		struct { int32_t slot; int32_t from; int32_t to; } dup;	/* from: number, if slot -1 */
		struct { int32_t slot; } close;
		struct { uint32_t unused; } close_range;		/* closes what nothing names */
		struct { uint32_t flags; } pipe;			/* out: read end, out2: write end */
		/* out: master, out2: the terminal; dir: slot of a devpts, or path of a ptmx */
		struct { int32_t dir; rf_str path; struct rf_blob modes; uint32_t rows, cols, flags; } pty;
		struct { int32_t domain, type, protocol; } socket;
		struct { rf_str name; struct rf_blob content; uint32_t flags; uint32_t seals; } memfd;
		/* slots: int32_t[]; without sock: one, to the submitter */
		struct { int32_t sock; struct rf_blob slots, payload; } send_fds;
		struct { int32_t sock; struct rf_blob slots; } recv_fds; /* slots: int32_t[] filled */

		/* dev/ino != 0: must be what fstat of the caller's descriptor said */
		struct { int32_t dir; rf_str path; uint32_t flags; uint64_t dev, ino; } open_tree;
		/* options: "key\0value\0" pairs, value empty = flag; fd options: struct rf_fsopt_fd[] */
		struct { rf_str type; struct rf_blob options, fds; uint64_t attr; uint32_t flags; } mkfs;
		struct { int32_t slot, userns; rf_str path; uint32_t at_flags; uint64_t set, clr; uint32_t propagation; } mount_setattr;
		/* entry: index under which the mount id is kept for `verify` */
		struct { int32_t from, to; rf_str to_path; uint32_t entry, flags; } move_mount;
		struct { int32_t root; } pivot_root;			/* slot; then umount ".", chdir "/" */
		struct { int32_t dir; rf_str path; uint32_t flags; } umount;
		struct { int32_t root; rf_str path; uint32_t entry, flags; } verify; /* flags: of open(2) */
		/* to: what is covered; from: a directory with something empty of each kind */
		struct { int32_t to, from; rf_str dir, file; } mask;

		struct { int32_t dir; rf_str path; uint32_t mode, flags; } mkdir;
		struct { int32_t dir, from; rf_str path; struct rf_blob content; uint32_t mode, flags; } mkfile;
		struct { int32_t dir; rf_str target, path; uint32_t flags; } symlink;
		struct { int32_t dir; rf_str path; uint32_t mode, flags; uint64_t dev; } mknod;
		struct { int32_t dir; rf_str path; struct rf_blob data; } write; /* no path: into the slot itself */
		struct { int32_t dir; rf_str path; uint32_t uid, gid; } chown;
		struct { int32_t dir; rf_str path; uint32_t mode; } chmod;
		struct { int32_t from, to; } copy;			/* directories */
		struct { struct rf_blob paths; } find;			/* "path\0path\0" */
		struct { int32_t dir; rf_str path; uint32_t flags; } unlink;	/* AT_REMOVEDIR */

		/* text as written to /proc/PID/uid_map; deny: write "deny" to setgroups */
		struct { uint32_t by; struct rf_blob uid_map, gid_map; uint32_t deny; } idmap;
		struct { struct rf_blob gids; } setgroups;		/* uint32_t[] */
		struct { uint32_t r, e, s; } setres;			/* setresgid, setresuid */
		struct { uint64_t effective, permitted, inheritable; } capset;
		struct { uint64_t keep; uint32_t last; } capbset;	/* drop all but these */
		struct { uint64_t caps; } ambient;			/* exactly these */
		struct { uint32_t bits; } securebits;
		struct { uint32_t unused; } no_new_privs;
		struct { rf_str name; uint32_t must; } keyring;		/* join a new session keyring */
		/* attr: below /proc/thread-self/attr; slot: that file, opened before; or a mount
		   and "security...", which its root gets */
		struct { int32_t slot; rf_str attr; struct rf_blob label; } label;

		struct { uint32_t resource; uint64_t soft, hard; } rlimit;
		struct { uint32_t policy, flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; } sched;
		struct { struct rf_blob mask; } affinity;
		struct { int32_t value; } nice;
		struct { uint32_t prio_class, level; } ioprio;
		struct { uint32_t mode, flags; struct rf_blob nodes; } mempolicy;
		struct { int32_t value; } oom_score;
		struct { uint32_t mask; } umask;
		struct { uint64_t persona; } personality;
		/* what is handled, and restrict_self flags; rules: struct rf_landlock_op_rule[] */
		struct { uint64_t fs, net, scoped; struct rf_blob rules; uint32_t flags; } landlock;
		struct { rf_str name; struct rf_blob program; uint32_t flags; } seccomp; /* struct sock_filter[] */

		/* check: after it, getcwd must be below the root (no "(unreachable)") */
		struct { int32_t dir; rf_str path; } chdir;
		struct { int32_t dir; } chroot;
		struct { rf_str name; uint32_t domain; } hostname;	/* domain != 0: setdomainname */
		struct { rf_str path; struct rf_blob value; } sysctl;	/* below a private /proc/sys */
		struct { uint32_t unused; } setsid;
		struct { int32_t slot, fd; } ctty;			/* slot, or a number if slot -1 */
		struct { uint32_t sig; } pdeathsig;			/* then polls the submitter's pidfd */
		struct { uint32_t unused; } sigdefault;
		struct { uint64_t mask; } sigmask;

		struct { rf_str name; struct rf_blob message; } link_up; /* rtnetlink request, made by libmnl */
		/* of the submitter's network namespace; as: its name in the context's */
		struct { rf_str name, as; } move_link;
	} u;
};

/* A mkfs option whose value is a descriptor in a slot (FSCONFIG_SET_FD or a path to it). */
struct rf_fsopt_fd {
	rf_str	key;
	int32_t	slot;
};

/* ------------------------------------------------------------- the table */

enum rf_arg_type {
	RF_ARG_END = 0,
	RF_ARG_SLOT,	/* int32_t, a slot that the op uses; -1 none */
	RF_ARG_FD,	/* int32_t, a descriptor number; -1 none */
	RF_ARG_STR,	/* rf_str */
	RF_ARG_BLOB,	/* struct rf_blob, printed as text, cut */
	RF_ARG_BYTES,	/* struct rf_blob, printed as its length */
	RF_ARG_PROGRAM,	/* struct rf_blob, a filter: its size depends on the build, so not printed */
	RF_ARG_RULES,	/* struct rf_blob of struct rf_landlock_op_rule */
	RF_ARG_PAIRS,	/* struct rf_blob of "key\0value\0": printed key=value,... */
	RF_ARG_IDS,	/* struct rf_blob of uint32_t */
	RF_ARG_SLOTS,	/* struct rf_blob of int32_t slots that the op uses */
	RF_ARG_OUTS,	/* struct rf_blob of int32_t slots that the op fills */
	RF_ARG_FSFDS,	/* struct rf_blob of struct rf_fsopt_fd */
	RF_ARG_BITS,	/* struct rf_blob, a mask of numbers: printed 0-3,7 */
	RF_ARG_VEC,	/* struct rf_vec: printed if it has no name, else only counted (environment) */
	RF_ARG_FLAGS64,	/* uint64_t with names */
	RF_ARG_FLAGS32,	/* uint32_t with names */
	RF_ARG_ENUM,	/* uint32_t with names */
	RF_ARG_U64, RF_ARG_U32, RF_ARG_I32,
	RF_ARG_OCTAL,	/* uint32_t, a mode */
	RF_ARG_ID,	/* uint32_t, a uid or gid */
	RF_ARG_CAPS,	/* uint64_t, a set of capabilities */
	RF_ARG_SIGSET,	/* uint64_t */
	RF_ARG_SIGNAL,	/* uint32_t */
	RF_ARG_LIMIT,	/* uint64_t, "unlimited" at the top */
	RF_ARG_DEV,	/* uint64_t, major:minor */
};

struct rf_name {
	uint64_t	 value;
	const char	*name;		/* NULL ends a list */
};

struct rf_arg {
	const char	*name;		/* as printed: name=value; "" prints the value alone */
	uint8_t		 type;		/* enum rf_arg_type */
	uint8_t		 offset;	/* in struct rf_op */
	const struct rf_name *names;	/* FLAGS, ENUM */
};

#define RF_ARGS_MAX 9

/* rf_op_def.flags */
#define RF_OPF_MAKES_FD	(1U << 0)	/* fills `out` with its result */
#define RF_OPF_MAKES_TWO (1U << 1)	/* pipe, pty: fills out and out2 by itself */
#define RF_OPF_ENDS	(1U << 2)	/* may end a chain: exec, exit, gate */
#define RF_OPF_SUBMITTER (1U << 3)	/* may be carried out by the submitter */
#define RF_OPF_IDS	(1U << 4)	/* also in RF_PHASE_IDS: take an id that the new map has */
#define RF_OPF_CONFINES	(1U << 5)	/* in RF_PHASE_CONFINEMENT without no_new_privs before it */

struct rf_op_def {
	const char	*name;
	const char	*group;		/* "task", "mounts", ...: the man page's section */
	const char	*help;		/* one line for the man page and `--list-ops` */
	uint8_t		 phase;		/* enum rf_phase */
	uint8_t		 flags;		/* RF_OPF_* */
	/* In the context: the result, >= 0, or a negative errno. */
	long		(*run)(struct rf_ctx *ctx, const struct rf_op *op);
	struct rf_arg	 args[RF_ARGS_MAX];
};

extern const struct rf_op_def rf_op_defs[RF_OP_NR];
/* Names of the rights in rules of rf_op.u.landlock that have a port. */
extern const struct rf_name rf_landlock_net_names[];

#endif
