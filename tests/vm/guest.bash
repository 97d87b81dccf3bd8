# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What runs in a virtual machine has in common: callers, groups, suites as TAP with
# lines "ok - CALLER: SUITE: TEST", which tests/vm/run numbers.
#
# RF_VM_TESTS  suites instead of the script's own list, as of the source tree
# RF_VM_USERS  root, user, unshare: who runs them
# RF_VM_FILTER passed to bats -f
# RF_VM_SUITE_SECONDS  after which a suite is ended; 1800
# RF_VM_JOBS   suites at a time

. /run/vm/env
src=/run/rf/src
build=/run/rf/build
export RF_SRCDIR=$src RF_BUILDDIR=$build LC_ALL=C.UTF-8 HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export RINGFENCE=$build/ringfence TMPDIR=/tmp
# of one suite; tests/vm/run ends the whole
suite_seconds=${RF_VM_SUITE_SECONDS:-1800}
jobs=${RF_VM_JOBS:-1}
running=0
user=rfcheck
# what as_user hands on besides
user_env=()

# Every controller, for root's groups and for those of user $1, who gets one
# group delegated as a session manager does it, and is in one below it.
make_groups() {
	local top=/sys/fs/cgroup controllers

	mkdir -p "$top/tests" "$top/user/session/tests"
	controllers=$(sed 's/[^ ]*/+&/g' "$top/cgroup.controllers")
	echo "$controllers" >"$top/cgroup.subtree_control"
	echo "$controllers" >"$top/user/cgroup.subtree_control"
	chown -R "$1:" "$top/user/session"
}

# in_group DIR COMMAND...
in_group() {
	local dir=$1

	shift
	(
		echo "$BASHPID" >"/sys/fs/cgroup/$dir/cgroup.procs" || exit 1
		exec "$@"
	)
}

as_user() {
	in_group user/session/tests setpriv --reuid="$user" --regid="$user" --init-groups --inh-caps=-all \
		env -i HOME="/run/rf/home" USER="$user" LOGNAME="$user" LC_ALL=C.UTF-8 TMPDIR=/tmp \
		PATH="$PATH" RF_SRCDIR="$RF_SRCDIR" RF_BUILDDIR="$RF_BUILDDIR" RINGFENCE="$RINGFENCE" \
		"${user_env[@]}" "$@"
}

as() {
	local caller=$1

	shift
	case $caller in
	root)		in_group tests "$@" ;;
	user)		as_user "$@" ;;
	unshare)	as_user unshare -r "$@" ;;
	esac
}

# suite CALLER NAME COMMAND...: its lines with the caller's and the suite's name, for there
# may be those of others between them.
suite() {
	local caller=$1 name=$2 begin=$SECONDS status

	shift 2
	as "$caller" timeout -k 5 "$suite_seconds" "$@" </dev/null 2>&1 |
		sed -u -E "s|^((not )?ok) [0-9]* (- )?|\\1 - $caller: $name: |; s|^# ?|# $caller: $name: |"
	status=${PIPESTATUS[0]}
	[ "$status" = 0 ] || echo "not ok - $caller: $name: exit status $status"
	echo "# $caller: $name: $((SECONDS - begin)) s"
}

named_suite() {
	case $2 in
	test_*)	suite "$1" "$2" "$build/tests/engine/$2" ;;
	*)	suite "$1" "$2" bats --formatter tap ${RF_VM_FILTER:+-f "$RF_VM_FILTER"} \
			"$src/tests/$2.bats" ;;
	esac
}

# run_suites CALLER SUITE...: $jobs at a time, and those of the caller before may still be
# among them; await_suites waits for the last.
run_suites() {
	local caller=$1 name

	shift
	for name; do
		if [ "$running" -ge "$jobs" ]; then
			wait -n
			running=$((running - 1))
		fi
		named_suite "$caller" "$name" &
		running=$((running + 1))
	done
}

await_suites() {
	wait
	running=0
}

only_v2() {
	[ "$(cat /proc/self/cgroup)" = "$(grep '^0::' /proc/self/cgroup)" ] &&
		! grep -q ' - cgroup ' /proc/self/mountinfo
}

# check CALLER WHAT COMMAND...
check() {
	local caller=$1 what=$2

	shift 2
	if "$@"; then echo "ok - $caller: $what"; else echo "not ok - $caller: $what"; fi
}

guest_begin() {
	echo "# guest: $(uname -r), up $(cut -d' ' -f1 /proc/uptime) s"
	hostname ringfence-vm
	ip link set lo up
	mkdir -p /run/rf/home
	useradd -M -d /run/rf/home -s /bin/sh "$user" && chown "$user:" /run/rf/home
	make_groups "$user"
}

guest_end() {
	echo "# guest: done"
}
