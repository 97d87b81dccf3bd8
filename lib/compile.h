/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The compiler's inside: sandbox -> chain.
 *
 * Two passes.  The plan_*() functions look at the whole sandbox, refuse what
 * cannot be and decide what depends on more than one value; the emit_*()
 * functions append ops in the order of the phases and cannot fail but by the
 * chain's sticky error.  Neither makes a system call.
 *
 *	task	compile.c	clone, close_range, pid 1
 *	ns	compile_ns.c	what is new, what is joined, the context's image
 *	user	compile_user.c	id maps, groups, credentials, capabilities
 *	root	compile_root.c	the root that the payload gets
 *	mount	compile_mount.c	each mount by itself
 *	place	compile_place.c	in which order mounts are placed
 *	tree	compile_tree.c	placing them
 *	dev	compile_dev.c	/dev
 *	proc	compile_proc.c	/proc
 *	overlay	compile_overlay.c
 *	net	compile_net.c	loopback
 *	tty	compile_tty.c	a private terminal
 *	cgroup	compile_cgroup.c	joining the sandbox's control group
 *	fd	compile_fd.c	descriptors of the payload
 *	ready	compile_ready.c	the end of what a pool keeps ready
 *	exec	compile_exec.c	limits, place, the command
 *	label	compile_label.c	what AppArmor and SELinux call the command and its mounts
 *	apart	compile_apart.c	a command that waits for others than the submitter
 *	mask	compile_mask.c	what an OCI container must not see, or write
 *	landlock	compile_landlock.c
 *	filter	compile_filter.c	seccomp, and what it must allow
 */
#ifndef RF_COMPILE_H
#define RF_COMPILE_H

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain.h"
#include "error.h"
#include "probe.h"
#include "sandbox.h"

#define RF_CAP(nr)	(1ULL << (nr))

/* What became of the user's ids and groups. */
struct rf_id_plan {
	bool		 map;			/* an idmap op is needed */
	enum rf_idmap_by by;
	const char	*uid_map, *gid_map;	/* as written to the kernel */
	bool		 deny;			/* setgroups is denied inside */
	/*
	 * The caller's own ids have no name inside: the context takes on the
	 * payload's before it makes a file (EOVERFLOW otherwise).
	 */
	bool		 early;
	bool		 set_uid, set_gid;	/* the payload differs from the context */
	uint32_t	 uid, gid;		/* of the payload, inside, where set or mapped */
	bool		 gid5;			/* group 5 (tty) has a name inside */
	bool		 set_groups;
	const uint32_t	*gids;
	size_t		 nr_gids;
	uint64_t	 power;			/* capabilities that the context has */
};

/* One thing to place in the new root, in the order of placing. */
struct rf_item {
	const struct rf_mount *m;
	const char	*at;		/* destination, links of the spec resolved */
	uint32_t	 entry;		/* for verify, or RF_ENTRY_NONE */
	uint32_t	 parent_len;	/* of the path of the mount that it is placed in */
	int32_t		 source;	/* slot of its bind where that was opened early, or none */
	bool		 freeze;	/* make the directory `at` read-only, for m */
	bool		 has_below;	/* the next item is inside */
	bool		 owned;		/* placed in a file system that the sandbox made */
	bool		 writable;	/* placed where the payload may write */
};

static inline bool rf_is_bind(const struct rf_mount *m)
{
	return m->kind == RF_MOUNT_RO || m->kind == RF_MOUNT_RW || m->kind == RF_MOUNT_BIND;
}

struct rf_mount_plan {
	struct rf_item	*items;
	size_t		 nr;
	bool		 stage;		/* masks and files are made in a tmpfs and bound */
	bool		 under;		/* a source is below the scratch directory */
	bool		 unbindable;	/* a source contains the scratch directory */
	bool		 slave;		/* an entry wants the host's mount events */
	bool		 sysfs;
	/*
	 * The root is the new namespace's own copy of the host's tree, and not a
	 * copy of that.  What comes from the host is opened before it is made
	 * read-only, for a copy would be read-only as well.
	 */
	bool		 in_place;
};

struct rf_compile {
	const struct rf_sandbox *sb;
	const struct rf_features *f;
	struct rf_chain	*c;
	struct rf_err	*err;
	struct rf_sandbox *mem;		/* an arena: paths and tables of the plan */

	bool		 new_user, in_user;	/* new; new or joined */
	bool		 new_mount, new_pid, new_net;
	bool		 init_makes_net;	/* in parallel with the mounts */
	bool		 maker_makes_net;	/* likewise: the payload's maker, where it has no pid 1 */
	bool		 join_makes_cgroup;	/* the namespace, with the sandbox's group as its root */
	bool		 own_image;
	bool		 has_nofile;		/* the number of descriptors is limited */
	/*
	 * The payload may be root of the host under another name: what belongs to
	 * that root is open to it without a capability (proc_sys, sysrq, the
	 * modes of device nodes).
	 */
	bool		 host_root;
	struct rf_id_plan ids;
	struct rf_mount_plan mounts;
	const struct rf_seccomp_spec *filters[2];	/* in the order of installing */
	size_t		 nr_filters;

	int32_t		 oldroot, newroot;	/* slots; RF_SLOT_NONE before */
	int32_t		 under;			/* the scratch directory below the mounts */
	int32_t		 hostdev;		/* /dev of the host, where the new one covers it */
	int32_t		 stage, userns;
	int32_t		 net;		/* by which the network namespace that another makes is joined */
	int32_t		*fd_slots;	/* by index of sb->fds */
	int32_t		 tty;		/* the command's end of its private terminal */
	int32_t		 devpts;	/* kept for that, where the sandbox is made in advance */
	int32_t		 proc;		/* the host's, for labels */
	int32_t		 apparmor, selinux; /* the files that these are written to */
};

static inline bool rf_ns_is_new(const struct rf_compile *k, enum rf_ns ns)
{
	return k->sb->ns[ns].mode == RF_NS_NEW;
}

static inline bool rf_ns_is_joined(const struct rf_compile *k, enum rf_ns ns)
{
	return k->sb->ns[ns].mode == RF_NS_JOIN_PATH || k->sb->ns[ns].mode == RF_NS_JOIN_FD;
}

/* The chain cannot be finished; rf_chain_check() says so in the end. */
static inline void rf_no_memory(struct rf_compile *k)
{
	if (!k->c->error)
		k->c->error = ENOMEM;
}

/* Paths.  All are absolute and normalized. */
bool rf_path_is_below(const char *path, const char *dir);	/* strictly */
static inline const char *rf_path_rel(const char *path)		/* for a lookup from a root */
{
	return path[1] ? path + 1 : ".";
}

/* Ops that several subjects need; each returns the slot that it fills. */
int32_t rf_emit_open(struct rf_compile *k, int32_t dir, const char *path, uint64_t flags,
		     uint64_t resolve);
int32_t rf_emit_open_in_root(struct rf_compile *k, const char *at);
int32_t rf_emit_open_tree(struct rf_compile *k, int32_t dir, const char *path, bool recursive);
int32_t rf_emit_mkfs(struct rf_compile *k, const char *type, const char *options[], size_t nr,
		     uint64_t attr, uint32_t flags);
void rf_emit_setattr(struct rf_compile *k, int32_t slot, uint64_t set, unsigned long propagation,
		     bool recursive);
void rf_emit_attr(struct rf_compile *k, int32_t slot, const struct rf_mount_attr *attr,
		  bool recursive);
void rf_emit_move(struct rf_compile *k, int32_t from, int32_t to, const char *to_path,
		  uint32_t entry);
void rf_emit_mkdir(struct rf_compile *k, int32_t dir, const char *path, uint32_t mode,
		   uint32_t flags);
void rf_emit_mkfile(struct rf_compile *k, int32_t dir, const char *path, uint32_t mode,
		    uint32_t flags);
void rf_emit_chown(struct rf_compile *k, int32_t dir, const char *path, uint32_t uid,
		   uint32_t gid);
void rf_emit_close(struct rf_compile *k, int32_t slot);

/* A host path, looked up once from the old root; O_PATH. */
int32_t rf_emit_open_source(struct rf_compile *k, const char *path, uint64_t flags);

/* compile_ns.c */
int rf_plan_ns(struct rf_compile *k);
void rf_emit_context(struct rf_compile *k);
void rf_emit_pid1(struct rf_compile *k);
void rf_emit_payload(struct rf_compile *k);
void rf_emit_uts(struct rf_compile *k);

/* compile_user.c */
int rf_plan_ids(struct rf_compile *k);
int rf_plan_caps(struct rf_compile *k);
void rf_emit_idmap(struct rf_compile *k);
/* Before the credentials: it takes CAP_SETPCAP, and takes nothing away before exec. */
void rf_emit_capbset(struct rf_compile *k);
void rf_emit_credentials(struct rf_compile *k);
void rf_emit_keyring(struct rf_compile *k);
/* Landlock and the filter need no_new_privs or CAP_SYS_ADMIN; @what is which. */
int rf_need_confinement(struct rf_compile *k, const struct rf_place *place, const char *what);

/* compile_root.c: from the old root to the new one */
void rf_plan_root(struct rf_compile *k);
void rf_emit_filesystem(struct rf_compile *k);

/* compile_mount.c: what there is to place; and one mount, not yet attached */
extern const unsigned long rf_propagation_flags[];	/* by enum rf_propagation */
int rf_plan_mounts(struct rf_compile *k);
/* The power to gain privilege by a file of the host ends with the user namespace. */
uint64_t rf_bind_attr(const struct rf_compile *k);
int32_t rf_emit_detached(struct rf_compile *k, const struct rf_mount *m, bool owned);
void rf_emit_exact(struct rf_compile *k, const struct rf_mount *m, int32_t slot);

/* compile_tree.c: placing entries, in order */
#define RF_STAGE_DIR	"dir"	/* names in the stage: empty, read by nobody */
#define RF_STAGE_FILE	"file"
int rf_plan_tree(struct rf_compile *k);
void rf_emit_stage(struct rf_compile *k, const char *scratch);
void rf_emit_tree(struct rf_compile *k);
void rf_emit_remounts(struct rf_compile *k);
void rf_emit_verify(struct rf_compile *k);

/* compile_place.c: where things go in the new root */
int rf_plan_places(struct rf_compile *k);

/* compile_dev.c: a /dev, not yet attached; and what is mounted in it, once it is */
int32_t rf_emit_dev(struct rf_compile *k);
void rf_emit_dev_nodes(struct rf_compile *k, int32_t dev);

/* compile_proc.c: a procfs, not yet attached; what is covered in it, once it is */
int32_t rf_emit_proc(struct rf_compile *k, const struct rf_mount *m, uint64_t attr);
void rf_emit_proc_covers(struct rf_compile *k, const struct rf_mount *m, int32_t proc);

/* compile_overlay.c: an overlay, not yet attached */
int rf_plan_overlay(struct rf_compile *k, const struct rf_mount *m);
int32_t rf_emit_overlay(struct rf_compile *k, const struct rf_mount *m, uint64_t attr);

/* compile_net.c */
int rf_plan_net(struct rf_compile *k);
void rf_emit_net(struct rf_compile *k);
/* Into the network namespace that another task makes, if there is one still to be joined. */
void rf_emit_net_join(struct rf_compile *k);
/* Interfaces of the submitter's; the task is in its namespace. */
void rf_emit_net_devices(struct rf_compile *k);

/*
 * compile_tty.c: a private terminal.  Of the sandbox's own devpts, in slot @devpts,
 * if it has one; else of the host's, which has to be before the mounts.
 */
void rf_emit_tty(struct rf_compile *k, int32_t devpts);
void rf_emit_tty_host(struct rf_compile *k);
void rf_emit_tty_fds(struct rf_compile *k);
bool rf_has_devpts(const struct rf_sandbox *sb);
/* The same, behind the gate of a sandbox that was made in advance. */
void rf_emit_tty_ready(struct rf_compile *k);

/* compile_ready.c: can it be made before anybody wants it; and the gate at its end */
int rf_plan_ready(struct rf_compile *k);
void rf_emit_ready(struct rf_compile *k);

/* compile_cgroup.c: joining the sandbox's control group; the view of it */
int rf_plan_cgroup(struct rf_compile *k);
void rf_emit_join(struct rf_compile *k);
int32_t rf_emit_cgroup(struct rf_compile *k, uint64_t attr);

/* compile_exec.c: the processors to run on */
void rf_emit_affinity(struct rf_compile *k, const uint64_t mask[16], const struct rf_place *place);

/* compile_fd.c */
void rf_emit_fds_open(struct rf_compile *k);	/* before the mounts: host paths */
void rf_emit_fds(struct rf_compile *k);		/* in the payload */

/*
 * compile_label.c: by the host's /proc, opened before anything is joined, the payload
 * task opens its files first of all, and writes them when nothing refuses that yet.
 */
int rf_plan_labels(struct rf_compile *k);
void rf_emit_label_proc(struct rf_compile *k);
void rf_emit_label_files(struct rf_compile *k);
void rf_emit_labels(struct rf_compile *k);
void rf_emit_mount_label(struct rf_compile *k, int32_t mount, const char *label);

/* compile_apart.c: the last thing for which the submitter is needed */
void rf_emit_apart(struct rf_compile *k);

/* compile_mask.c: after all mounts; kernel parameters before them, for /proc is covered */
void rf_emit_masks(struct rf_compile *k);
void rf_emit_sysctls(struct rf_compile *k);
void rf_emit_console(struct rf_compile *k);

/* compile_landlock.c */
int rf_plan_landlock(struct rf_compile *k);
void rf_emit_landlock(struct rf_compile *k);

/* compile_filter.c */
int rf_plan_filter(struct rf_compile *k);
void rf_emit_filter(struct rf_compile *k);
/* The finished chain: the filter allows the calls of the ops behind it. */
int rf_check_filter(struct rf_compile *k);

/* compile_exec.c */
int rf_plan_exec(struct rf_compile *k);
void rf_emit_limits(struct rf_compile *k);
void rf_emit_nofile(struct rf_compile *k);
void rf_emit_place(struct rf_compile *k);
void rf_emit_signals(struct rf_compile *k);
void rf_emit_exec(struct rf_compile *k);
/* An op that looks for the command, before it is too late to say that there is none. */
void rf_emit_find(struct rf_compile *k);

#endif
