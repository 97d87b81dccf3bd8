# SPDX-License-Identifier: LGPL-2.1-or-later
# A layer that is silently missing (silent fail-open; nsjail PR #285, flatpak's
# filters on kernels without them): each call that puts one on is refused, and the
# command does not run; nor does it where a filter kills instead of answering.
load harness

setup() {
	attack_setup
	DENY=$RF_BUILDDIR/tests/helpers/deny
	[ -x "$DENY" ] || skip "seccomp: no libseccomp to build tests/helpers/deny with"
}

# never_runs ERROR CALL ARGUMENT...: 125 (2 before anything runs), an error, and nothing has run.
never_runs() {
	local error=$1 call=$2 status=0

	shift 2
	"$DENY" -e "$error" "$call" "$RINGFENCE" run --rw "$DIR:/tmp/d" "$@" -- \
		sh -c ': >/tmp/d/ran' >out 2>&1 || status=$?
	[[ "$status" = 125 || "$status" = 2 ]] && [ ! -e ran ] && grep -q '^ringfence: ' out || {
		echo "$call: $error: status $status: $(cat out)"
		return 1
	}
}

@test "without a filter that was asked for there is no command" {
	for error in ENOSYS EPERM EACCES EINVAL ENOMEM; do
		never_runs $error seccomp
		never_runs $error seccomp --seccomp strict
		never_runs $error seccomp --no-new-privileges false --map root
	done
}

@test "without a Landlock that was asked for there is no command" {
	skip_unless landlock "the kernel has no Landlock" \
		grep -q '"restriction","name":"landlock","status":"works"' <("$RINGFENCE" doctor --json)
	for error in ENOSYS EPERM EOPNOTSUPP EINVAL; do
		for call in landlock_create_ruleset landlock_add_rule landlock_restrict_self; do
			never_runs $error $call --landlock-read / --landlock-write /tmp
		done
	done
}

@test "without namespaces that were asked for there is no command" {
	for error in EPERM ENOSYS ENOSPC EINVAL ENOMEM; do
		never_runs $error userns
		never_runs $error unshare
		never_runs $error setns
	done
}

@test "without mounts that were asked for there is no command" {
	for error in EPERM ENOSYS EINVAL; do
		for call in open_tree move_mount mount_setattr fsopen fsmount openat2; do
			never_runs $error $call
		done
		# of a root that is not the host's tree where it is
		for call in pivot_root umount2; do
			never_runs $error $call --root /
		done
	done
}

@test "without credentials and limits that were asked for there is no command" {
	for error in EPERM ENOSYS EINVAL; do
		never_runs $error capset
		never_runs $error prctl
		never_runs $error prlimit64 --limit-core 0
		never_runs $error setsid --terminal none
		never_runs $error sethostname --hostname lab
	done
}
