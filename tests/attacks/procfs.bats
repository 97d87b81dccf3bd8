# SPDX-License-Identifier: LGPL-2.1-or-later
# Writes to the kernel through /proc and /sys.
#
# Files of the kernel that belong to root are open to root of the host without
# any capability and in every namespace: core_pattern names a program that then
# runs outside, as root (CVE-2022-0492 and kin, and what runc's readonlyPaths
# are for).  A /proc that is a symlink or a tmpfs sends what set-up writes
# elsewhere (CVE-2019-16884, CVE-2025-52881).
load harness

writes_nothing() {
	refused boxed "$@" -- /tmp/intruder open-write /proc/sys/kernel/core_pattern \
		/proc/sys/kernel/modprobe /proc/sys/vm/drop_caches /proc/sysrq-trigger \
		/proc/sys/fs/binfmt_misc/register /proc/irq/default_smp_affinity
}

@test "nothing of the kernel is writable in /proc" {
	writes_nothing
}

@test "... nor for root of the sandbox with all but CAP_SYS_ADMIN" {
	writes_nothing --map root --capabilities chown,dac_override,fowner,setuid,setgid,net_admin,sys_resource
}

@test "... nor without a user namespace" {
	need_root
	writes_nothing --namespaces user=host,mount,pid,net,ipc,uts,cgroup
}

@test "nothing is writable in /sys" {
	run -0 boxed --sysfs /sys -- sh -c 'find /sys -type f -perm /222 2>/dev/null |
		while read -r f; do if test -w "$f"; then echo "$f"; fi; done'
	[ -z "$output" ]
}

@test "no cgroup can be changed" {
	refused boxed --cgroup /tmp/group -- /tmp/intruder open-write /tmp/group/cgroup.procs
	run -0 boxed --cgroup /tmp/group -- grep ' /tmp/group ro,' /proc/self/mountinfo
	refused boxed --cgroup /tmp/group -- mkdir /tmp/group/new
}

# A hierarchy of its own, of every kind the kernel may have, and the program that the
# kernel starts outside when a group is empty (CVE-2022-0492).
@test "no release_agent can be set, in a nested user namespace neither" {
	# shellcheck disable=SC2016 # the inner shell's
	attack='
		for type in "cgroup -o memory" "cgroup -o rdma" "cgroup -o pids" "cgroup -o none,name=x"; do
			mount -t $type none /tmp 2>/dev/null || continue
			find /tmp -name release_agent | while read -r file; do
				echo "$0" >"$file" && echo set
			done | grep . && exit 0
			umount /tmp
		done
		exit 1'
	for options in "" "--map root --capabilities all" "--map root --capabilities all --network host"; do
		# shellcheck disable=SC2086 # words
		run boxed $options -- sh -c "$attack" "$CANARY"
		[ "$status" = 1 ]
		# shellcheck disable=SC2086
		run boxed $options -- unshare -UrmC sh -c "$attack" "$CANARY"
		[ "$status" = 1 ]
	done
}

@test "a /sys that is a symlink is followed inside the root only" {
	bare_root root
	ln -s "$DIR/outside" root/sys
	run in_root "$DIR/root" --sysfs /sys -- true
	[ "$status" = 125 ]
	canary_lives
}

@test "a /proc that is a symlink is followed inside the root only" {
	bare_root root
	rmdir root/proc
	ln -s "$DIR/outside" root/proc
	run in_root "$DIR/root" --proc /proc -- true
	[ "$status" = 125 ]
	canary_lives
	ln -sfn /tmp root/proc
	run -0 in_root "$DIR/root" --proc /proc -- sh -c 'test -e /tmp/self/status'
	[ -z "$(ls -A root/tmp)" ]
}

@test "what is at the place of /proc is covered by the real one" {
	bare_root root
	mkdir -p root/proc/self/attr
	echo fake >root/proc/self/attr/exec
	echo fake >root/proc/self/status
	run -0 in_root "$DIR/root" --proc /proc -- grep Name: /proc/self/status
	[ "$(cat root/proc/self/status root/proc/self/attr/exec)" = $'fake\nfake' ]
}
