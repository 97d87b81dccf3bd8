/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rows.  A fix is for one program, one user or one container wherever there
 * is such a fix, and says so where there is none.
 */
#include "cause.h"

/* The calls of a launch that the default profiles of container engines refuse. */
#define PROFILE_ENTRY							\
	"{\"names\": [{calls}],\n"					\
	" \"action\": \"SCMP_ACT_ALLOW\"}\n"

const struct rf_cause_def rf_causes[RF_CAUSE_NR] = {
	[RF_CAUSE_UNKNOWN] = { "unknown", NULL, NULL },
	[RF_CAUSE_KERNEL] = { "kernel", NULL,
		"a newer kernel, or one that was built with it; ringfence needs Linux 5.14, its ring "
		"engine 6.13\n" },
	[RF_CAUSE_MODULE] = { "module", NULL,
		"load the module, as root, or install the package that has it "
		"(linux-modules-extra-... on Ubuntu)\n" },
	[RF_CAUSE_DEPENDS] = { "depends", NULL, NULL },
	[RF_CAUSE_POWER] = { "power", ": add `user` to the namespaces",
		"run as root the one sandbox that needs it; nothing lets an ordinary user have it\n" },
	[RF_CAUSE_USERNS_SYSCTL] = { "userns-sysctl", "; `ringfence doctor` prints what to set",
		"Debian's kernel knows no exception for one program, so as root:\n"
		"echo kernel.unprivileged_userns_clone=1 >/etc/sysctl.d/50-ringfence.conf\n"
		"sysctl -p /etc/sysctl.d/50-ringfence.conf\n" },
	[RF_CAUSE_MAX_NAMESPACES] = { "max-namespaces", "; `ringfence doctor` prints what to set",
		"as root, a limit that suffices for some hundred sandboxes, for each sysctl named:\n"
		"echo {sysctl}=1024 >/etc/sysctl.d/50-ringfence.conf\n"
		"sysctl -p /etc/sysctl.d/50-ringfence.conf\n" },
	[RF_CAUSE_NESTED] = { "namespaces-used-up",
		": see sysctl user.max_user_namespaces and its kin",
		"end sandboxes of this user that are not needed, or raise the limit that lsns(8) shows "
		"to be reached: sysctl user.max_user_namespaces and its kin\n" },
	[RF_CAUSE_APPARMOR_USERNS] = { "apparmor-userns",
		"; `ringfence doctor` prints the profile to install",
		"this profile lets this one program make user namespaces; as root:\n"
		"cat >/etc/apparmor.d/ringfence <<'END'\n"
		"abi <abi/4.0>,\n"
		"include <tunables/global>\n"
		"profile ringfence {exe} flags=(unconfined) {\n"
		"  userns,\n"
		"  include if exists <local/ringfence>\n"
		"}\n"
		"END\n"
		"apparmor_parser -r /etc/apparmor.d/ringfence\n" },
	[RF_CAUSE_APPARMOR_PROFILE] = { "apparmor-profile",
		"; `ringfence doctor` prints one for this container",
		"for this container only, as root of the host:\n"
		"cat >/etc/apparmor.d/ringfence-container <<'END'\n"
		"abi <abi/4.0>,\n"
		"include <tunables/global>\n"
		"profile ringfence-container flags=(attach_disconnected,mediate_deleted) {\n"
		"  include <abstractions/base>\n"
		"  file, network, capability, unix, userns, mount, umount, pivot_root,\n"
		"  signal peer=ringfence-container,\n"
		"  signal (receive) peer=unconfined,\n"
		"  ptrace peer=ringfence-container,\n"
		"  deny @{PROC}/sysrq-trigger rwklx,\n"
		"  deny @{PROC}/kcore rwklx,\n"
		"  deny @{PROC}/sys/kernel/core_pattern wklx,\n"
		"  deny /sys/firmware/** rwklx,\n"
		"  deny /sys/kernel/security/** rwklx,\n"
		"}\n"
		"END\n"
		"apparmor_parser -r /etc/apparmor.d/ringfence-container\n"
		"then: docker run --security-opt apparmor=ringfence-container ...\n" },
	[RF_CAUSE_SELINUX] = { "selinux", "; `ausearch -m avc -ts recent` shows what it refused",
		"a module with exactly what was refused, as root:\n"
		"ausearch -m avc -ts recent -c ringfence | audit2allow -M ringfence-local\n"
		"semodule -i ringfence-local.pp\n" },
	[RF_CAUSE_FILTER] = { "seccomp-filter",
		": ringfence needs openat2, mount_setattr and the mount calls of Linux 5.2; "
		"`ringfence doctor` prints what to add to the container's profile",
		"copy the container engine's default profile, add this to its `syscalls`, and start "
		"this container with --security-opt seccomp=FILE:\n" PROFILE_ENTRY },
	[RF_CAUSE_CHROOT] = { "chroot", "; pivot_root(2) instead of chroot(2) would do",
		"enter the directory as a root of its own, with pivot_root(2), and not by chroot(2):\n"
		"unshare --mount sh -c 'mount --bind DIR DIR && cd DIR && mkdir -p old && pivot_root . old'\n" },
	[RF_CAUSE_UNMAPPED] = { "unmapped-id", NULL,
		"whoever made this user namespace adds uid and gid of this process to its maps, or "
		"starts it as one that is in them\n" },
	[RF_CAUSE_SETFCAP] = { "no-setfcap", ": start as another user, or keep setfcap",
		"start ringfence as a user other than root, or let this process keep CAP_SETFCAP "
		"(docker run --cap-add SETFCAP)\n" },
	[RF_CAUSE_PROC_COVERED] = { "proc-covered", "; `{ro: /proc}` shows the one that is there",
		"no change of the host: `{ro: /proc}` in the spec shows the container's own proc "
		"(`ringfence run --ro /proc`)\n"
		"a proc of the sandbox's own needs, for this container only:\n"
		"docker run --security-opt systempaths=unconfined ...\n"
		"podman run --security-opt unmask=ALL ...\n" },
	[RF_CAUSE_PROC_MISSING] = { "proc-missing", "; `namespaces: {user: host}` does without",
		"mount one on the /proc of this mount namespace: mount -t proc proc /proc\n" },
	[RF_CAUSE_INITRAMFS] = { "initramfs", NULL,
		"start from a root that is a mount: switch_root(8), or chroot(1) into a bind mount "
		"made with pivot_root(8)\n" },
	[RF_CAUSE_HELPERS_MISSING] = { "helpers-missing",
		"; package uidmap (Debian) or shadow-utils",
		"apt-get install uidmap, or dnf install shadow-utils\n" },
	[RF_CAUSE_HELPERS_POWERLESS] = { "helpers-powerless",
		"; `ringfence doctor` prints the capabilities to give",
		"as root, the one capability that each needs:\n"
		"setcap cap_setuid+ep \"$(command -v newuidmap)\"\n"
		"setcap cap_setgid+ep \"$(command -v newgidmap)\"\n" },
	[RF_CAUSE_NO_NEW_PRIVS] = { "no-new-privs", NULL,
		"start ringfence from a process without no_new_privs: a container without "
		"--security-opt no-new-privileges, a unit without NoNewPrivileges=; or use `map: self`, "
		"which needs no helper\n" },
	[RF_CAUSE_SUBIDS] = { "no-subordinate-ids", "; `ringfence doctor` prints the lines to add",
		"as root, a range that nobody has yet:\n"
		"echo {user}:{subids} >>/etc/subuid\n"
		"echo {user}:{subids} >>/etc/subgid\n" },
	[RF_CAUSE_URING_GROUP] = { "io-uring-group", "; `--engine plain` does without",
		"nothing has to be done, the plain engine does all the same; for the ring, as root, a "
		"group that may:\n"
		"groupadd --system io_uring && usermod -aG io_uring {user}\n"
		"sysctl kernel.io_uring_group=$(getent group io_uring | cut -d: -f3)\n" },
	[RF_CAUSE_URING_OFF] = { "io-uring-off", "; `--engine plain` does without",
		"nothing has to be done, the plain engine does all the same; for the ring, as root, a "
		"group that may:\n"
		"groupadd --system io_uring && usermod -aG io_uring {user}\n"
		"sysctl kernel.io_uring_group=$(getent group io_uring | cut -d: -f3) "
		"kernel.io_uring_disabled=1\n" },
	[RF_CAUSE_URING_FILTER] = { "io-uring-filter", "; `--engine plain` does without",
		"nothing has to be done, the plain engine does all the same; for the ring, in this "
		"container's seccomp profile:\n"
		"{\"names\": [\"io_uring_setup\", \"io_uring_enter\", \"io_uring_register\"],\n"
		" \"action\": \"SCMP_ACT_ALLOW\"}\n"
		"which lets all in the container use it, and no filter sees what they do by it\n" },
	[RF_CAUSE_LANDLOCK_OFF] = { "landlock-off", NULL,
		"add it to the kernel's command line and boot again: lsm=landlock,{lsm}\n" },
	[RF_CAUSE_PTRACE_SCOPE] = { "ptrace-scope", NULL,
		"run as root the one command whose denials are to be explained; 3 cannot be undone "
		"before the next boot\n" },
	[RF_CAUSE_CGROUP_NONE] = { "cgroup-none", NULL,
		"as root: mount -t cgroup2 cgroup2 /sys/fs/cgroup\n" },
	[RF_CAUSE_CGROUP_CONTROLLER] = { "cgroup-controller", NULL,
		"/proc/cgroups has what the kernel knows; cgroup_enable={controller} on its command line "
		"brings back what was disabled there\n" },
	[RF_CAUSE_CGROUP_DELEGATION] = { "cgroup-delegation", NULL,
		"with systemd, for one command: systemd-run --user --scope -p Delegate=yes -- ringfence "
		"run ...\n"
		"for every session of this user, as root:\n"
		"loginctl enable-linger {user}\n"
		"mkdir -p /etc/systemd/system/user@{uid}.service.d\n"
		"printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' "
		">/etc/systemd/system/user@{uid}.service.d/delegate.conf\n"
		"systemctl daemon-reload\n"
		"for a service: Delegate=yes in its unit\n"
		"without systemd, as root, in each hierarchy: mkdir GROUP/ringfence; "
		"chown -R {user} GROUP/ringfence; and start ringfence in it\n" },
	[RF_CAUSE_CGROUP_BUSY] = { "cgroup-busy", NULL,
		"start ringfence alone in a group of its own: systemd-run --user --scope -p "
		"Delegate=yes -- ringfence run ...\n" },
	[RF_CAUSE_NOFILE] = { "nofile", ": raise it with ulimit -n",
		"ulimit -n 1024\n" },
	[RF_CAUSE_NPROC] = { "nproc", ": ulimit -u, or pids.max of the cgroup",
		"raise ulimit -u, or pids.max of the group that this runs in\n" },
};
