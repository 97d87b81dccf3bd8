/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sandbox: the normalized model of a spec.  Every front end (YAML, options,
 * later OCI) fills one of these; compile.c turns it into a chain.
 *
 * The front end has resolved whatever takes a system call or the environment:
 * `~`, relative host paths, user names, the command's environment.  Compiling
 * is pure.  All strings live in the sandbox's arena and are freed with it.
 */
#ifndef RF_SANDBOX_H
#define RF_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tty.h"

struct rf_err;
struct rf_chain;
struct rf_features;

/* Where a value was written.  file is NULL for a default. */
struct rf_place {
	const char	*file;		/* spec's name, or "--option" with line 0 */
	unsigned int	 line, col;	/* from 1; 0 unknown */
};

enum rf_ns { RF_NS_USER, RF_NS_MOUNT, RF_NS_PID, RF_NS_NET, RF_NS_IPC,
	     RF_NS_UTS, RF_NS_CGROUP, RF_NS_TIME, RF_NS_NR };

/* One row per namespace: spec word, clone flag, name below /proc/PID/ns. */
struct rf_ns_def {
	const char	*name;		/* "mount" */
	const char	*proc;		/* "mnt" */
	uint64_t	 flag;		/* CLONE_NEWNS */
};
extern const struct rf_ns_def rf_ns_defs[RF_NS_NR];

enum rf_ns_mode { RF_NS_HOST = 0, RF_NS_NEW, RF_NS_JOIN_PATH, RF_NS_JOIN_FD };

struct rf_ns_spec {
	enum rf_ns_mode	 mode;
	const char	*path;		/* RF_NS_JOIN_PATH: absolute */
	int		 fd;		/* RF_NS_JOIN_FD: the caller's descriptor */
	struct rf_place	 place;
};

enum rf_root_kind {
	RF_ROOT_EMPTY = 0,	/* an empty tmpfs */
	RF_ROOT_HOST,		/* the host's /, read-only view */
	RF_ROOT_DIR,		/* a directory of the host */
	RF_ROOT_IMAGE,		/* a squashfs or erofs image file */
};

struct rf_root {
	enum rf_root_kind kind;
	const char	*path;		/* DIR, IMAGE: absolute host path */
	const char	*fstype;	/* IMAGE: "squashfs" or "erofs", found by the front end */
	bool		 writable;	/* DIR only: `{dir: PATH, rw: true}` */
	bool		 has_fd;	/* IMAGE: fd is the mounted image, attached nowhere */
	int		 fd;
	struct rf_place	 place;
};

enum rf_mount_kind {
	RF_MOUNT_RO,		/* bind, read-only, recursive */
	RF_MOUNT_RW,		/* bind, writable, recursive */
	RF_MOUNT_TMPFS,
	RF_MOUNT_PROC,
	RF_MOUNT_SYSFS,
	RF_MOUNT_MQUEUE,
	RF_MOUNT_DEV,		/* minimal private /dev with its own devpts and shm */
	RF_MOUNT_CGROUP,	/* cgroup2 of the sandbox's cgroup namespace */
	RF_MOUNT_SYMLINK,	/* source is the link's text */
	RF_MOUNT_DIR,		/* an empty directory */
	RF_MOUNT_FILE,		/* a file with given content, or from a descriptor */
	RF_MOUNT_OVERLAY,
	RF_MOUNT_DENY,		/* covered by something empty and unreadable */
	RF_MOUNT_SPEC_NR,	/* these are words of a spec; what follows is OCI's */
	RF_MOUNT_BIND = RF_MOUNT_SPEC_NR, /* attributes as `attr`, `deep` */
	RF_MOUNT_FS,		/* a file system of type `fstype` with `options` */
	RF_MOUNT_NODE,		/* a device node, or a fifo */
	RF_MOUNT_KIND_NR
};
extern const char *const rf_mount_kind_names[RF_MOUNT_KIND_NR];

enum rf_absent { RF_ABSENT_REFUSE = 0, RF_ABSENT_FREEZE, RF_ABSENT_PLACEHOLDER };

enum rf_propagation { RF_PROP_PRIVATE = 0, RF_PROP_SLAVE, RF_PROP_SHARED, RF_PROP_UNBINDABLE };

/* enum rf_mount.flags */
#define RF_MF_NOSUID	(1U << 0)
#define RF_MF_NODEV	(1U << 1)
#define RF_MF_NOEXEC	(1U << 2)
#define RF_MF_NOATIME	(1U << 3)
#define RF_MF_OPTIONAL	(1U << 4)	/* a missing source leaves the entry out */
#define RF_MF_CREATE	(1U << 5)	/* make the destination even in a bind */
#define RF_MF_RDONLY	(1U << 6)	/* for tmpfs, sysfs, ...; RO binds imply it */
#define RF_MF_NONREC	(1U << 7)	/* `recursive: false` */
#define RF_MF_IDMAP	(1U << 8)	/* id-mapped, to the sandbox's user namespace unless uid_map */
#define RF_MF_IS_DIR	(1U << 9)	/* front end saw: source is a directory */
#define RF_MF_IS_FILE	(1U << 10)	/* front end saw: source is no directory */
#define RF_MF_ABSENT	(1U << 11)	/* front end saw: source (or deny target) is missing */
#define RF_MF_SUBSET_PID (1U << 12)	/* proc: subset=pid */
#define RF_MF_MOUNT_FD	(1U << 13)	/* source_fd is a mount attached nowhere (prepare.h) */
#define RF_MF_COPY_UP	(1U << 15)	/* FS: what it covers is copied into it */
#define RF_MF_REPLACE	(1U << 14)	/* SYMLINK, NODE: in the place of whatever is there */
#define RF_MF_IDMAP_DEEP (1U << 16)	/* BIND: and so are the mounts below */
#define RF_MF_COPY_LINK	(1U << 17)	/* BIND: a source that is a link becomes one like it */
#define RF_MF_SOURCE_LINK (1U << 18)	/* BIND: a source that is a link is bound itself */
#define RF_MF_AT_LINK	(1U << 19)	/* BIND: its place is there, and not followed if it is a link */

/* Attributes of a mount, MOUNT_ATTR_*: what is set, and what is cleared. */
struct rf_mount_attr {
	uint64_t	 set, clear;
};

struct rf_mount {
	enum rf_mount_kind kind;
	unsigned int	 flags;		/* RF_MF_* */
	const char	*source;	/* absolute host path; SYMLINK: text; absent DENY: nearest
					 * directory inside that exists; NULL if none */
	const char	*at;		/* absolute, normalized, no "." or ".." */
	int		 source_fd;	/* bind or file from a descriptor of the caller; -1 */
	uint64_t	 source_dev, source_ino; /* fstat of source_fd; 0 if none */

	uint64_t	 size;		/* TMPFS: bytes; 0 = kernel's default */
	uint64_t	 inodes;	/* TMPFS: 0 = kernel's default */
	int		 mode;		/* TMPFS, DIR, FILE; -1 = 0755 / 0755 / 0644 */
	int		 uid, gid;	/* owner inside; -1 = the sandbox's */
	const char	*hidepid;	/* PROC: "0", "1", "2", "4" or the names; NULL */

	const char	*content;	/* FILE */
	size_t		 content_len;

	const char	**lower;	/* OVERLAY, topmost first */
	size_t		 nr_lower;
	const char	*upper;		/* OVERLAY: NULL = tmpfs; else a host directory kept */
	const char	*work;		/* OVERLAY: beside upper; NULL with tmpfs */

	struct rf_mount_attr attr, deep; /* BIND, FS: of the mount; and of those below */
	const char	*uid_map, *gid_map; /* BIND with RF_MF_IDMAP: as the kernel reads them; or NULL */
	const char	*fstype;	/* FS */
	const char	**options;	/* FS: pairs; an empty value is a flag */
	size_t		 nr_options;	/* pairs */
	const char	*label;		/* FS: of its root, SELinux's; NULL: none */
	uint64_t	 dev;		/* NODE: makedev; .mode has the type */

	enum rf_absent	 absent;	/* DENY */
	enum rf_propagation propagation;
	bool		 has_propagation, propagates_deep; /* BIND, FS */
	struct rf_place	 place;
	struct rf_place	 at_place;	/* of the destination; == place if not apart */
	unsigned int	 layer;		/* front ends: which file said it, later ones override */
};

enum rf_map_kind { RF_MAP_AUTO = 0, RF_MAP_SELF, RF_MAP_ROOT, RF_MAP_RANGES };
enum rf_groups { RF_GROUPS_AUTO = 0, RF_GROUPS_DROP, RF_GROUPS_KEEP };

struct rf_idrange {
	uint32_t	 inside, outside, count;
};

struct rf_user {
	int64_t		 uid, gid;	/* inside; -1 = the caller's own */
	enum rf_groups	 groups;	/* AUTO: dropped where the kernel allows, else reported */
	uint32_t	*add_gids;	/* supplementary groups inside */
	size_t		 nr_add_gids;
	enum rf_map_kind map;
	struct rf_idrange *uid_map, *gid_map;	/* RF_MAP_RANGES */
	size_t		 nr_uid_map, nr_gid_map;
	struct rf_place	 place, map_place;
};

enum rf_fd_kind { RF_FD_INHERIT, RF_FD_OPEN, RF_FD_CLOSED };

struct rf_fd_spec {
	int		 number;	/* inside */
	enum rf_fd_kind	 kind;
	int		 from;		/* INHERIT: the caller's number */
	const char	*path;		/* OPEN: a host path, opened before the sandbox exists */
	int		 flags;		/* OPEN: O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_APPEND, O_TRUNC */
	unsigned int	 mode;		/* OPEN with O_CREAT */
	bool		 dir_ok;	/* `directory: true`: a directory may be passed in */
	bool		 implied;	/* nobody has said it: as another process has it */
	struct rf_place	 place;
};

struct rf_rlimit_spec {
	int		 resource;	/* RLIMIT_* */
	uint64_t	 soft, hard;	/* RLIM_INFINITY for unlimited */
	struct rf_place	 place;
};

enum rf_network { RF_NET_NONE = 0, RF_NET_LOOPBACK, RF_NET_HOST };

/* A seccomp filter, ready to install; the front end has read and compiled it. */
struct rf_seccomp_spec {
	bool		 on;		/* false: `off` */
	const char	*name;		/* as the spec says: a preset or a file */
	const void	*insns;		/* struct sock_filter[nr] */
	size_t		 nr;
	uint32_t	 flags;		/* SECCOMP_FILTER_FLAG_* */
	bool		 notifies;	/* some rule asks a listener */
	bool		 has_listener;	/* and somebody will be there to answer */
	struct rf_policy *policy;	/* of a file: for words; freed with the sandbox */
	struct rf_place	 place;
};

/* What a Landlock rule allows, as spec words: `read` includes executing. */
enum rf_landlock_kind {
	RF_LANDLOCK_READ, RF_LANDLOCK_WRITE, RF_LANDLOCK_EXEC, RF_LANDLOCK_CONNECT,
	RF_LANDLOCK_BIND, RF_LANDLOCK_UNIX, RF_LANDLOCK_KIND_NR
};

/* What a kernel that lacks some of it may do. */
enum rf_landlock_compat {
	RF_LANDLOCK_NAMED = 0,	/* what the spec names must be there, finer rights need not */
	RF_LANDLOCK_BEST,	/* whatever there is */
	RF_LANDLOCK_EXACT,	/* all of it */
};

struct rf_landlock_rule {
	enum rf_landlock_kind kind;
	const char	*path;		/* inside the sandbox, absolute; NULL for ports */
	uint16_t	 port;
	bool		 optional;	/* a missing path leaves the rule out */
	/* and so does any other file there; born: in ns, for numbers are used again; ino 0:
	   whatever it is */
	uint64_t	 dev, ino, born;
	struct rf_place	 place;
};

struct rf_landlock_spec {
	bool		 on;
	uint32_t	 kinds;		/* bit per rf_landlock_kind that the spec names */
	uint64_t	 scoped;	/* LANDLOCK_SCOPE_* that the spec names */
	enum rf_landlock_compat compat;
	bool		 loader;	/* let in what starting the command takes */
	struct rf_landlock_rule *rules;
	size_t		 nr;
	struct rf_place	 place;
};

/* A limit of a control group; the front end has read the number. */
#define RF_UNLIMITED	UINT64_MAX
struct rf_cgroup_io {
	const char	*device;	/* "MAJOR:MINOR" */
	uint64_t	 rbps, wbps, riops, wiops; /* RF_UNLIMITED: none */
	struct rf_place	 place;
};
struct rf_cgroup_hugetlb {
	uint64_t	 page, limit;	/* bytes */
	struct rf_place	 place;
};
enum rf_cgroup_limit {
	RF_CG_MEMORY, RF_CG_SWAP, RF_CG_PIDS, RF_CG_CPU, RF_CG_CPUSET, RF_CG_IO, RF_CG_HUGETLB,
	RF_CG_NR
};
#define RF_CG_HIERARCHIES 16	/* the most that a sandbox has groups in */
struct rf_cgroup;		/* cgroup.h */
struct rf_cgroup_spec {
	uint32_t	 set;		/* bit per enum rf_cgroup_limit */
	uint64_t	 memory, swap;	/* bytes; swap is what may be swapped, beside memory */
	uint64_t	 pids;
	uint64_t	 cpu_milli;	/* 1500: one and a half processors */
	const char	*cpus, *mems;	/* cpuset lists; NULL: not said */
	struct rf_cgroup_io *io;
	struct rf_cgroup_hugetlb *hugetlb;
	size_t		 nr_io, nr_hugetlb;
	const char	*parent;	/* `cgroup_parent: PATH` below which ours is made; NULL: found */
	struct rf_place	 places[RF_CG_NR], parent_place;
	/* the group itself, made before the chain is compiled (cgroup.h) */
	struct rf_cgroup *group;	/* NULL: explain, or nothing needs one */
	/*
	 * A launcher of several sandboxes: where it had to move for a group, *keep, at
	 * first NULL, is what rf_cgroup_end() takes it back by when all have ended.
	 */
	struct rf_cgroup **keep;
	int		 fds[RF_CG_HIERARCHIES]; /* what a task joins by, one per hierarchy; -1: explain */
	size_t		 nr_fds;
	const char	*v2_path;	/* its directory of version 2, or NULL; explain: with PID and N */
};

/* The five sets exactly, where they are not what `capabilities` and `ambient` come to. */
struct rf_cap_sets {
	uint64_t	 bounding, effective, permitted, inheritable, ambient;
};

/* A place inside the container, in lists of a config.json. */
struct rf_oci_path {
	const char	*path;
	bool		 needed;	/* that it is not there is an error */
	struct rf_place	 place;
};

struct rf_sysctl {
	const char	*path;		/* below /proc/sys, with slashes */
	const char	*value;
	struct rf_place	 place;
};

/* Something to say in a receipt. */
struct rf_fact {
	const char	*name, *value;
};

/* A label of a security module; text NULL: none. */
struct rf_label {
	const char	*text;
	struct rf_place	 place;
};

/* sched_setattr(2) */
struct rf_sched {
	uint32_t	 policy, flags, priority;
	int32_t		 nice;
	uint64_t	 runtime, deadline, period;
};

/*
 * What only an OCI container has.  It is taken literally: nothing is added to
 * what its config.json says, and nothing depends on the submitter once the command
 * waits at its gate, a socket that others open it by.
 */
/* An interface of the runtime's network namespace that a container gets. */
struct rf_net_device {
	const char	*name, *as;	/* here, and in the container */
	struct rf_place	 place;
};

struct rf_oci_sandbox {
	bool		 on;
	int		 gate_fd;	/* the listening socket; -1: none, for printing */
	bool		 enters;	/* one more process of a container: no gate */
	bool		 hooked;	/* waits before it pivots, for hooks of its creator's */
	bool		 console;	/* the terminal is /dev/console too */
	bool		 keep_keyring;
	bool		 has_caps;
	struct rf_cap_sets caps;
	struct rf_oci_path *masked, *readonly;
	size_t		 nr_masked, nr_readonly;
	struct rf_sysctl *sysctls;
	size_t		 nr_sysctls;
	struct rf_mount	*remounts;	/* of what is mounted there: .at, .attr, .deep, .propagation */
	size_t		 nr_remounts;
	enum rf_propagation root_propagation;
	bool		 has_root_propagation, root_propagates_deep;
	bool		 has_personality, has_ioprio, has_sched;
	uint64_t	 persona;
	uint32_t	 io_class, io_level;
	struct rf_sched	 sched;
	struct rf_place	 personality_place, ioprio_place, sched_place, root_propagation_place;
	struct rf_fact	*limits;	/* what its control groups limit, for a receipt */
	size_t		 nr_limits;
	struct rf_sandbox *fragment;	/* what has tightened it (oci_fragment.c); freed with it */
	/* of one that enters: on which processors before and after it joins the groups */
	bool		 has_initial, has_final;
	uint64_t	 initial[16], final[16];
	bool		 has_memory_policy;
	uint32_t	 memory_mode, memory_flags; /* MPOL_*, MPOL_F_* */
	uint64_t	 memory_nodes[16];
	struct rf_place	 initial_place, final_place, memory_place;
	/* files of resctrl by which the command joins its class and its group there; -1: explain */
	int		 rdt_fds[2];
	size_t		 nr_rdt;
	struct rf_place	 rdt_place;
	struct rf_net_device *net_devices;
	size_t		 nr_net_devices;
	struct rf_label	 apparmor, selinux;	/* of the command */
	struct rf_label	 mount_label;		/* of what is mounted for it, SELinux's */
};

/* Layers: what `require` names and a receipt lists.  One row each in receipt.c. */
enum rf_layer {
	RF_LAYER_USER, RF_LAYER_MOUNT, RF_LAYER_PID, RF_LAYER_NET, RF_LAYER_IPC, RF_LAYER_UTS,
	RF_LAYER_CGROUP_NS, RF_LAYER_TIME, RF_LAYER_ROOT, RF_LAYER_CAPABILITIES,
	RF_LAYER_NO_NEW_PRIVS, RF_LAYER_GROUPS, RF_LAYER_KEYRING, RF_LAYER_SECCOMP,
	RF_LAYER_LANDLOCK, RF_LAYER_LIMITS, RF_LAYER_TERMINAL,
	RF_LAYER_NR
};

/* What to do where namespaces cannot be had. */
enum rf_fallback { RF_FALLBACK_NONE = 0, RF_FALLBACK_LANDLOCK };

/*
 * The process that a launch is for, where that is not this one: a pool's client.
 * What the command would have inherited from it, and what its numbers mean here.
 */
struct rf_caller {
	const int	*numbers, *fds;	/* its descriptors: as it calls them, and as we do */
	size_t		 nr_fds;
	uint32_t	 rlimit_set;	/* bit n: rlimits[n] differs from ours */
	struct { uint64_t soft, hard; } rlimits[16];
	unsigned int	 umask;
};

/* Our number of the caller's descriptor @fd, or -1; without a caller @fd itself. */
int rf_caller_fd(const struct rf_caller *caller, int fd);

/* Which part of a sandbox a chain is to make. */
enum rf_part {
	RF_PART_ALL = 0,
	RF_PART_READY,		/* what can be kept ready; ends in a gate */
	RF_PART_BOTH,		/* that, the gate, and what only a launch knows behind it */
};

struct rf_sandbox {
	void		*arena;		/* see rf_sandbox_alloc() */
	struct rf_draft	*draft;		/* front ends: what is not final yet (spec.h) */

	char		**argv;		/* the command, NULL-terminated; argv[0] is looked up */
	size_t		 nr_argv;
	const char	*argv0;		/* what the command sees as argv[0]; NULL = argv[0] */
	int		 exec_fd;	/* exec this descriptor of the caller instead; -1 */
	bool		 exec_fd_script; /* front end saw "#!" in it */
	char		**envp;		/* final, NULL-terminated */
	const char	*path;		/* PATH used to find the command inside */
	const char	*cwd;		/* inside; NULL = the caller's if it exists inside, else / */
	const char	*caller_cwd;	/* absolute, or NULL when it has none */
	const char	*hostname;
	const char	*domainname;
	struct rf_place	 command_place, env_place, cwd_place, hostname_place;

	struct rf_ns_spec ns[RF_NS_NR];
	int64_t		 time_monotonic_ns, time_boottime_ns; /* offsets */
	struct rf_root	 root;
	struct rf_mount	*mounts;
	size_t		 nr_mounts;
	const char	*scratch;	/* existing host directory to attach the new root on */

	struct rf_user	 user;
	uint64_t	 capabilities;	/* bit n: capability n is kept */
	uint64_t	 ambient;	/* subset of capabilities */
	bool		 no_new_privs;
	uint32_t	 securebits;
	struct rf_place	 cap_place, nnp_place;

	struct rf_rlimit_spec rlimits[16]; /* indexed by RLIMIT_*; see rlimit_set */
	uint32_t	 rlimit_set;	/* bit n: rlimits[n] is valid */
	uint64_t	 wall_ms;	/* 0 = none */
	struct rf_place	 wall_place;
	int		 nice;		/* valid if has_nice */
	int		 oom_score;	/* valid if has_oom_score */
	bool		 has_nice, has_oom_score, has_umask, has_affinity;
	unsigned int	 umask;
	uint64_t	 affinity[16];	/* bit mask of 1024 cpus */
	struct rf_place	 nice_place, oom_place, umask_place, affinity_place;

	enum rf_network	 network;
	struct rf_place	 network_place;
	struct rf_fd_spec *fds;
	size_t		 nr_fds;
	bool		 init;		/* a reaper as pid 1 */
	/* the submitter ends when whoever started it ends; its sandbox always ends with it */
	bool		 die_with_parent;
	enum rf_terminal terminal;	/* after rf_sandbox_resolve(): never AUTO */
	struct rf_tty	 tty;		/* PRIVATE: what it is to be like */
	struct rf_place	 init_place, terminal_place;

	struct rf_seccomp_spec seccomp;
	struct rf_seccomp_spec seccomp_too; /* beside it: the stricter answer holds; policy: not ours */
	struct rf_landlock_spec landlock;
	struct rf_cgroup_spec cgroup;
	uint64_t	 cpu_ms;	/* cpu time of the whole tree; 0 = none */
	struct rf_place	 cpu_place;
	uint32_t	 require;	/* bit per enum rf_layer */
	struct rf_place	 require_places[RF_LAYER_NR];
	enum rf_fallback fallback;
	struct rf_place	 fallback_place;
	/* once it has been taken (fallback.h): why, what was lost, what became of mounts */
	const char	*fallback_why;
	uint32_t	 fallback_lost;	/* bit per enum rf_ns */
	struct rf_fact	*fallback_notes;
	size_t		 nr_fallback_notes;
	struct rf_oci_sandbox oci;
	enum rf_part	 part;
	uint64_t	 sources;	/* which files of the host it mounts or covers: a digest */
	const struct rf_caller *caller;	/* NULL: this process */
	bool		 traced;	/* the payload waits at a gate until its tracer is there */
	const char	*name;		/* `name`: under which exec, ps and kill find it; or NULL */
	struct rf_place	 name_place;
};

/* May a running sandbox be called @name?  Never a number: that is a process. */
bool rf_name_is_good(const char *name);

/* The most mounts that a spec may have. */
#define RF_MOUNTS_MAX	10000

/* The first rule of `landlock` for @path, or for @port if @path is NULL; or NULL. */
const struct rf_landlock_rule *rf_landlock_rule_of(const struct rf_sandbox *sb, const char *path,
						   uint32_t port);

/* An empty sandbox (all namespaces of the host, nothing mounted). NULL: no memory. */
struct rf_sandbox *rf_sandbox_new(void);
struct rf_sandbox *rf_sandbox_free(struct rf_sandbox *sb);

/* Zeroed memory that lives as long as @sb; NULL without memory. */
void *rf_sandbox_alloc(struct rf_sandbox *sb, size_t size);
char *rf_sandbox_strdup(struct rf_sandbox *sb, const char *s);
char *rf_sandbox_printf(struct rf_sandbox *sb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * What the spec's Landlock has and ABI @abi lacks, as words with commas between;
 * how many there are.  compile_landlock.c.
 */
size_t rf_landlock_missing(const struct rf_sandbox *sb, uint32_t abi, char *buf, size_t size);

/*
 * Compile @sb for a kernel and a caller with @features.  No system call, no
 * environment, no clock: the same input gives the same chain.
 * Return: 0, -EINVAL (the spec's fault), -EOPNOTSUPP or -EPERM (this kernel or
 * this caller cannot), -ENOMEM; @err has the place.
 */
int rf_compile(const struct rf_sandbox *sb, const struct rf_features *features,
	       struct rf_chain **ret_chain, struct rf_err *err);

#endif
