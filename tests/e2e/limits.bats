# SPDX-License-Identifier: LGPL-2.1-or-later
# Limits of control groups: enforced, told apart, and nothing left behind.
load harness
load limits

setup() {
	harness_setup
	need_userns
}

teardown() {
	remove_parent
}

# Neither to the caller nor, if that is root, to who is nobody.
need_undelegated() {
	local own

	own=$(hierarchy pids)$(sed -n 's/^0:://p' /proc/self/cgroup)
	skip_unless undelegated "the caller's own group is delegated" as_user test ! -w "$own"
}

@test "what is not delegated is an error that names the limit" {
	need_undelegated
	printf 'extends: [default]\nlimits:\n  pids: 9\n' >lab.yaml
	run -125 as_user "$RINGFENCE" run --spec lab.yaml -- echo ran
	assert_output_has "lab.yaml:3:9: pids"
	assert_output_has "hint: "
	refute_output_has ran
}

@test "to count takes a group, and one is not made where it is not delegated" {
	need_undelegated
	run -125 as_user "$RINGFENCE" run --limit-cpu-total 1s -- echo ran
	refute_output_has ran
}

@test "memory: the kernel kills, and the verdict says why" {
	need_cgroups
	run -137 limited --limit-memory 32M -- tail /dev/zero
	assert_output_has "the memory limit of 32768 KiB was reached; the kernel has killed a process"
	verdict_has '"outcome":"signaled"' '"signal":9' '"reason":"memory limit"'
	[ "$(counted oom_kills)" -ge 1 ]
	[ "$(counted memory_peak)" -le $((32 << 20)) ]
	[ "$(counted memory_peak)" -ge $((24 << 20)) ]
	[ -z "$(left_behind)" ]
}

@test "memory: a child that is killed does not hide behind a good exit status" {
	need_cgroups
	run -0 limited --limit-memory 32M -- sh -c 'tail /dev/zero; exit 0'
	verdict_has '"outcome":"exited"' '"exit_status":0' '"reason":"memory limit"'
}

@test "memory: files in a tmpfs count" {
	need_cgroups
	run limited --limit-memory 16M -- dd if=/dev/zero of=/tmp/big bs=1M count=64
	[ "$status" != 0 ]
	verdict_has '"reason":"memory limit"'
}

@test "memory: too little to start anything is said so" {
	need_cgroups
	printf 'extends: [default]\nlimits:\n  memory: 8K\n' >lab.yaml
	run limited --spec lab.yaml -- true
	if [ "$status" = 125 ]; then
		assert_output_has "lab.yaml:3:11: memory limit of 8 KiB: too low to start the command"
		verdict_has '"outcome":"failed"' '"errno":"ENOMEM"'
	else	# the kernel has let go of the old memory already
		assert_output_has "the memory limit of 8 KiB was reached"
		verdict_has '"outcome":"signaled"' '"reason":"memory limit"'
	fi
	[ -z "$(left_behind)" ]
}

@test "memory: what ringfence needs is not charged to the command" {
	need_cgroups
	# the launcher alone is larger than this
	run -0 limited --limit-memory 1M -- true
	run -0 limited --limit-memory 1M --tmpfs /tmp --ro /usr:/tmp/usr -- true
}

@test "pids: forks are refused, and the verdict says why" {
	need_cgroups
	run limited --limit-pids 5 -- sh -c 'for i in 1 2 3 4 5 6 7; do sleep 9 & done'
	[ "$status" != 0 ]
	assert_output_has "the pids limit was reached"
	verdict_has '"outcome":"exited"' '"reason":"pids limit"'
	[ "$(counted pids_hits)" -ge 1 ]
	[ "$(counted pids_peak)" = 5 ] || grep -q '"pids_peak":null' verdict
	run -0 limited --limit-pids 5 -- sh -c 'sleep 0 & sleep 0 & wait'
	verdict_has '"reason":null' '"pids_hits":0'
}

@test "cpu_total: the time of all processes together ends it" {
	need_cgroups
	run -124 limited --limit-cpu-total 300ms -t 60s -- sh -c 'spin() { while :; do :; done; }; spin & spin'
	assert_output_has "the cpu_total limit has passed"
	verdict_has '"outcome":"timeout"' '"exit_status":124' '"reason":"cpu_total limit"'
	[ "$(counted cpu_us)" -ge 300000 ]
	[ "$(counted cpu_us)" -le 1500000 ]
	[ -z "$(left_behind)" ]
}

@test "wall and cpu_total are told apart" {
	need_cgroups
	run -124 limited --limit-cpu-total 60s -t 200ms -- sleep 60
	assert_output_has "the wall limit has passed"
	verdict_has '"outcome":"timeout"' '"reason":"wall limit"'
	run -0 limited --limit-cpu-total 60s -t 60s -- true
	verdict_has '"outcome":"exited"' '"reason":null'
}

@test "cpu: it is held up" {
	need_cgroups
	run -124 limited --limit-cpu 0.1 -t 1s -- sh -c 'while :; do :; done'
	[ "$(counted throttled)" -ge 1 ]
	[ "$(counted throttled_us)" -gt 0 ]
	[ "$(grep -oE '"user_us":[0-9]+' verdict | head -n 1 | cut -d : -f 2)" -le 600000 ]
}

@test "cpuset: the processors are those" {
	need_cgroups
	skip_unless cpuset "no cpuset controller" hierarchy cpuset
	run -0 limited --limit-cpuset-cpus 0 -- nproc
	[ "$output" = 1 ]
	run -125 limited --limit-cpuset-cpus 4000 -- true
	assert_output_has "cpuset limit: write "
	assert_output_has "cpuset.cpus \"4000\""
	[ -z "$(left_behind)" ]
}

@test "io: a disk is limited, and one that is not there is named" {
	local disk

	need_cgroups
	skip_unless io "no io controller" eval 'hierarchy io || hierarchy blkio'
	disk=$(lsblk -dnro NAME 2>/dev/null | grep -v '^\(loop\|ram\|zram\)' | head -n 1)
	skip_unless disk "no disk to limit" test -b "/dev/$disk"
	run -0 limited --limit-io "{device: /dev/$disk, read: 10M, write_ops: 100}" -- true
	run -125 limited --limit-io '{device: "4095:0", read: 1M}' -- true
	assert_output_has "io limit: write "
	[ -z "$(left_behind)" ]
	run -2 limited --limit-io '{device: /etc/passwd, read: 1M}' -- true
	assert_output_has "no disk"
}

@test "hugetlb: pages of a size that exists, and of one that does not" {
	local size

	need_cgroups
	skip_unless hugetlb "no hugetlb controller" hierarchy hugetlb
	size=$(ls /sys/kernel/mm/hugepages | sed -n 's/hugepages-\([0-9]*\)kB/\1/p' | head -n 1)
	skip_unless hugetlb "no huge pages" test -n "$size"
	run -0 limited --limit-hugetlb "{page: ${size}K, limit: 0}" -- true
	run -125 limited --limit-hugetlb '{page: 12K, limit: 0}' -- true
	assert_output_has "hugetlb.12KB."
	assert_output_has "/sys/kernel/mm/hugepages"
	[ -z "$(left_behind)" ]
}

@test "swap: with memory, and alone where that can be" {
	need_cgroups
	run -0 limited --limit-memory 64M --limit-swap 16M -- true
	run limited --limit-swap 16M -- true
	[ "$status" = 0 ] || assert_output_has "swap limit: "
}

@test "a parent that does not exist is named" {
	need_cgroups
	run -125 "$RINGFENCE" run --cgroup-parent /no/such/group --limit-pids 5 -- true
	assert_output_has "/no/such/group: No such file or directory"
	run -2 "$RINGFENCE" run --cgroup-parent /../x -- true
}

@test "nothing is left, however it ends" {
	local pid

	need_cgroups
	run -0 limited --limit-pids 50 -- true
	[ -z "$(left_behind)" ]
	run -127 limited --limit-pids 50 -- no-such-command
	[ -z "$(left_behind)" ]
	run -126 limited --limit-pids 50 -- /etc/passwd
	[ -z "$(left_behind)" ]
	run -125 limited --limit-pids 50 --ro /no/such -- true
	[ -z "$(left_behind)" ]
	run -125 limited --limit-pids 50 --namespaces user=host,mount,pid=/proc/self/ns/net -- true
	[ -z "$(left_behind)" ]
	run -2 limited --limit-pids 50 --namespaces mount,pid --no-init --init --hostname x -- true
	[ -z "$(left_behind)" ]
	run -143 limited --limit-pids 50 -- sh -c 'kill -TERM $$'
	[ -z "$(left_behind)" ]
	run -124 limited --limit-pids 50 -t 100ms -- sleep 60
	[ -z "$(left_behind)" ]
	run -0 limited --engine plain --limit-pids 50 -- true
	[ -z "$(left_behind)" ]
	mkfifo ready
	"$RINGFENCE" run --cgroup-parent "$PARENT" --limit-pids 50 --rw . -- \
		sh -c 'echo >ready; exec sleep 60' 3>&- &
	pid=$!
	read -r <ready
	kill -TERM $pid
	! wait $pid
	[ -z "$(left_behind)" ]
}

@test "what outlives the command is killed with the group" {
	need_cgroups
	need_root
	mkfifo alive
	# not in a pid namespace, in a session of its own, and deaf
	run -0 limited --limit-pids 50 --namespaces mount --rw . -- \
		sh -c 'setsid sh -c "trap : TERM HUP INT; exec 4<>alive; sleep 1000; :" >/dev/null 2>&1 & sleep 0.2'
	[ -z "$(left_behind)" ]
	# nobody has the pipe open any more
	run -124 timeout 0.2 sh -c 'echo >alive'
}

@test "a launcher that was killed leaves a group, which the next one removes" {
	local pid other

	need_cgroups
	# one each: a writer that is still there would end the other's line
	mkfifo ready again
	"$RINGFENCE" run --cgroup-parent "$PARENT" --limit-pids 50 --rw . -- \
		sh -c 'echo >ready; exec sleep 60' 3>&- &
	pid=$!
	read -r <ready
	"$RINGFENCE" run --cgroup-parent "$PARENT" --limit-pids 50 --rw . -- \
		sh -c 'echo >again; exec sleep 60' 3>&- &
	other=$!
	read -r <again
	kill -KILL $pid
	! wait $pid
	left_behind | grep -q "ringfence-$pid-"
	run -0 limited --limit-pids 50 -- true
	! left_behind | grep -q "ringfence-$pid-"
	# that of a launcher that lives stays
	left_behind | grep -q "ringfence-$other-"
	kill -TERM $other
	! wait $other
	[ -z "$(left_behind)" ]
}

@test "two at once have a group each" {
	local i

	need_cgroups
	for i in 1 2 3 4; do
		"$RINGFENCE" run --cgroup-parent "$PARENT" --limit-pids 3 --limit-memory 64M -- \
			sh -c 'sleep 0.1 & sleep 0.1 & wait' 3>&- &
	done
	for i in 1 2 3 4; do
		wait -n
	done
	[ -z "$(left_behind)" ]
}

@test "a cgroup namespace has the group as its root, and a view of it is read-only" {
	need_cgroups
	run -0 limited --limit-pids 50 -- cat /proc/self/cgroup
	! grep -v ':/$' <<<"$output"
	run -0 limited --limit-pids 50 --cgroup /tmp/cg -- sh -c \
		'cat /tmp/cg/cgroup.procs; echo "self $$"; mkdir /tmp/cg/new 2>&1; test -w /tmp/cg/cgroup.procs || echo readonly'
	assert_output_has "self 2"
	assert_output_has readonly
	assert_output_has "Read-only file system"
	[ -z "$(left_behind)" ]
}

@test "without a cgroup namespace the groups are the host's, and the command is in its own" {
	need_cgroups
	run -0 limited --limit-pids 50 --namespaces user,mount,pid,net,ipc,uts -- cat /proc/self/cgroup
	assert_output_has "$PARENT/ringfence-"
}

@test "pid 1 and the launcher stay outside" {
	need_cgroups
	run -0 limited --limit-pids 1 -- true
	verdict_has '"reason":null'
	run -0 limited --limit-pids 1 --no-init -- true
}

@test "explain shows who joins, and makes nothing" {
	need_cgroups
	run -0 "$RINGFENCE" explain --cgroup-parent "$PARENT" --limit-pids 50 -- true
	assert_output_has "join_cgroup"
	[ -z "$(left_behind)" ]
}

@test "a group can be had without a limit, to count" {
	need_cgroups
	run -0 limited -- true
	verdict_has '"cgroup":{"path":"' '"reason":null'
	[ -z "$(left_behind)" ]
	run -0 "$RINGFENCE" run --verdict verdict -- true
	verdict_has '"cgroup":null'
}

# delegate DIR: to nobody, as root does it
delegate() {
	chown 65534 "$1" "$1"/cgroup.procs
	[ ! -e "$1/tasks" ] || chown 65534 "$1/tasks"
	[ ! -e "$1/cgroup.subtree_control" ] || chown 65534 "$1/cgroup.subtree_control"
}

@test "an ordinary user finds what is delegated" {
	local pids

	need_root
	need_cgroups
	pids=$(hierarchy pids)
	delegate "$pids$PARENT"
	chmod 0777 .
	if [ -e "$pids/tasks" ]; then	# version 1: by name
		run as_user "$RINGFENCE" run --cgroup-parent "$PARENT" --limit-pids 5 --verdict verdict -- \
			sh -c 'for i in 1 2 3 4 5 6 7; do sleep 9 & done'
	else	# version 2: from inside, and alone there
		run sh -c "echo 0 >'$pids$PARENT/cgroup.procs' && exec setpriv --reuid=65534 --regid=65534 \
			--clear-groups --inh-caps=-all '$RINGFENCE' run --limit-pids 5 --verdict verdict -- \
			sh -c 'for i in 1 2 3 4 5 6 7; do sleep 9 & done'"
	fi
	verdict_has '"reason":"pids limit"'
	[ -z "$(left_behind)" ]
	# ... and not what is not
	run -125 as_user "$RINGFENCE" run --cgroup-parent "$PARENT" --limit-memory 64M -- echo ran
	refute_output_has ran
}

@test "a user's limit needs no name of a group where one is delegated" {
	skip_unless user "the caller is root" eval '! is_root'
	need_cgroups
	run -137 "$RINGFENCE" run --verdict verdict --limit-memory 32M -- tail /dev/zero
	verdict_has '"reason":"memory limit"' "$(delegated)/ringfence-"
	run "$RINGFENCE" run --verdict verdict --limit-pids 5 -- \
		sh -c 'for i in 1 2 3 4 5 6 7; do sleep 9 & done'
	verdict_has '"reason":"pids limit"'
	run -124 "$RINGFENCE" run --verdict verdict --limit-cpu-total 300ms -- sh -c 'while :; do :; done'
	verdict_has '"reason":"cpu_total limit"'
	run -124 "$RINGFENCE" run --verdict verdict --limit-pids 5 -t 200ms -- sleep 60
	verdict_has '"reason":"wall limit"'
	[ -z "$(find "$(hierarchy pids)$(delegated)" -name 'ringfence-*')" ]
}

@test "a group of version 2 with processes in it is no parent of one, and stays as it is" {
	local group sleeper limit

	need_cgroups
	group=$(hierarchy pids)$PARENT
	skip_unless cgroup2 "the pids controller is in version 1" test -e "$group/cgroup.type"
	sleep 600 3>&- &
	sleeper=$!
	echo "$sleeper" >"$group/cgroup.procs"
	# threads could share the first two, and the kernel would let the group hand them down
	for limit in pids=5 cpu=0.5 memory=64M; do
		limited "--limit-$limit" -- echo ran >>out 2>&1 || echo "status $?" >>out
	done
	cat "$group/cgroup.type" "$group/cgroup.subtree_control" >state
	kill "$sleeper"
	wait "$sleeper" || true
	[ "$(grep -c "a group with processes in it cannot limit groups below it" out)" = 3 ]
	[ "$(grep -c "^status 125" out)" = 3 ]
	! grep -q "^ran" out
	[ "$(cat state)" = domain ]
	[ -z "$(left_behind)" ]
}

@test "in a user namespace of root's it works as outside" {
	need_root
	need_cgroups
	run -137 unshare -r "$RINGFENCE" run --cgroup-parent "$PARENT" --limit-memory 32M -- tail /dev/zero
	[ -z "$(left_behind)" ]
}
