# SPDX-License-Identifier: LGPL-2.1-or-later
# Out of the root directory: a second chroot with an open directory, the root
# and working directory of other tasks, a walk up, an unmount of what covers
# (runc's pivot_root against chroot, CVE-2017-5226's neighbours).
load harness

# Root of the sandbox with all capabilities but the one that takes mounts away.
powerful() {
	boxed --map root --capabilities "$(sed 's/ /,/g' <<<"$CAPS")" "$@"
}
CAPS="chown dac_override fowner fsetid kill setgid setuid setpcap net_admin net_raw sys_chroot sys_ptrace mknod audit_write setfcap"

@test "a chroot is left, but only to the sandbox's root" {
	refused powerful -- /tmp/intruder escape "$CANARY"
	# the way itself works: it finds what is inside
	run -0 powerful -- sh -c 'echo here >/tmp/inside && /tmp/intruder escape /tmp/inside'
}

@test "root and working directory of pid 1 are those of the sandbox" {
	for place in root cwd; do
		refused powerful -- sh -c "[ -e /proc/1/$place/$CANARY ] || exit 1"
		run -0 powerful -- test /proc/1/$place/. -ef /
	done
}

@test "the old root is not below anything" {
	refused powerful -- sh -c "umount -l /tmp; [ -e $CANARY ] || exit 1"
	refused powerful -- unshare -Urm sh -c "umount -l /tmp; umount -l /; [ -e $CANARY ] || exit 1"
	# with the power over the sandbox's mounts there is still nothing below its root
	refused boxed --map root --capabilities all -- sh -c \
		"umount -l /; cd /; [ -e ../outside ] || [ -e $DIR/../outside ] || exit 1"
}

@test "nothing is mounted that is not meant to be seen" {
	run -0 boxed --root empty --ro /usr --symlink usr/bin:/bin --symlink usr/lib:/lib \
		--symlink usr/lib64:/lib64 --tmpfs /tmp --proc /proc -- sh -c \
		'while read -r _ _ _ _ at _; do echo "$at"; done </proc/self/mountinfo | sort -u'
	for at in $output; do
		case $at in
		/ | /usr | /usr/* | /tmp | /tmp/intruder | /proc | /proc/*) ;;
		*) false ;;
		esac
	done
}

@test "a read-only view stays read-only for root of the sandbox" {
	run ! powerful --ro "$DIR/outside:/tmp/x" -- sh -c \
		'mount -o remount,rw /tmp/x; mount -o remount,rw,bind /tmp/x; echo dead >/tmp/x/canary'
}

@test "mounts made inside do not appear outside" {
	before=$(host_state)
	run powerful --rw "$DIR/outside:/tmp/x" -- mount -t tmpfs none /tmp/x
	[ "$(host_state)" = "$before" ]
}
