# SPDX-License-Identifier: LGPL-2.1-or-later
# Hogs: a fork bomb, memory, descriptors, a disk, a processor.  Each ends at its
# limit, the verdict has the reason, and the host goes on meanwhile.
load harness
load ../e2e/limits

setup() {
	attack_setup
	need_cgroups
}

teardown() {
	[ -z "${CANARY:-}" ] || canary_lives
	remove_parent
}

# The host still starts things, in time.
responsive() {
	timeout 20 "$RINGFENCE" run -- true
}

# hog REASON ARGUMENT...: ends by itself or by a limit, with REASON, and leaves nothing
hog() {
	local reason=$1 pid

	shift
	timeout 60 "$RINGFENCE" run --cgroup-parent "$PARENT" --verdict verdict "$@" >out 2>&1 3>&- &
	pid=$!
	responsive
	! wait $pid || return 1
	cat out
	verdict_has "\"reason\":$reason"
	[ -z "$(left_behind)" ]
	responsive
}

@test "a fork bomb" {
	hog '"pids limit"' --limit-pids 64 -- sh -c 'b() { b | b & b; }; b'
}

@test "a fork bomb that outlives its parents" {
	local wall

	# emulated, a processor needs longer for as many
	for wall in 2s 20s; do
		hog '"wall limit"' --limit-pids 64 -t "$wall" -- \
			sh -c 'b() { (b & b &) 2>/dev/null; }; b; exec sleep 1000'
		[ "$(counted pids_hits)" = 0 ] || break
	done
	[ "$(counted pids_hits)" -ge 1 ]
}

@test "a memory hog" {
	hog '"memory limit"' --limit-memory 32M -- tail /dev/zero
}

@test "many memory hogs" {
	hog '"memory limit"' --limit-memory 32M --limit-pids 20 -- \
		sh -c 'for i in 1 2 3 4 5 6; do tail /dev/zero & done; wait; exit 1'
	[ "$(counted oom_kills)" -ge 1 ]
}

@test "a descriptor hog" {
	hog null --limit-nofile 32 --limit-pids 20 -- \
		sh -c 'i=3; while :; do eval "exec $i</dev/null" || exit 1; i=$((i + 1)); [ $i -lt 9 ] || exec bash -c "for i in {10..99}; do eval \"exec \$i</dev/null\" || exit 9; done"; done'
	grep -qi 'too many open files\|bad file descriptor' out
}

@test "a disk hog on a tmpfs with a size" {
	hog null --limit-memory 64M --tmpfs /tmp:size=1M -- dd if=/dev/zero of=/tmp/big bs=64K
	grep -q 'No space left on device' out
	[ "$(counted oom_kills)" = 0 ]
}

@test "a disk hog on a tmpfs without" {
	hog '"memory limit"' --limit-memory 32M -- dd if=/dev/zero of=/tmp/big bs=64K
}

@test "a busy loop on every processor" {
	hog '"cpu_total limit"' --limit-cpu-total 500ms -- \
		sh -c 'for i in 1 2 3 4 5 6; do while :; do :; done & done; wait'
}

@test "a limit cannot be raised from inside" {
	run "$RINGFENCE" run --cgroup-parent "$PARENT" --limit-pids 5 --cgroup /tmp/cg --map root \
		--capabilities all --no-init -- sh -c \
		'for f in /tmp/cg/*max* /sys/fs/cgroup/pids/*/pids.max /sys/fs/cgroup/pids.max; do
			echo 99 >$f; done 2>/dev/null
		 mount -o remount,rw /tmp/cg 2>/dev/null && echo 0 >/tmp/cg/cgroup.procs
		 mount -t cgroup2 none /tmp/cg 2>/dev/null && mkdir /tmp/cg/new
		 for i in 1 2 3 4 5 6 7 8; do sleep 5 & done'
	assert_output_has "fork"
	[ -z "$(left_behind)" ]
}
