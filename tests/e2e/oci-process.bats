# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci: when a process runs, on what, where its memory is, and in which group.
load harness
load oci

setup() {
	oci_setup
	need_userns
}

teardown() {
	oci_teardown
}

run_detached() {
	oci run -d -b "$BUNDLE" "$@" "$ID" </dev/null >/dev/null 2>err
}

# The processors that there are, as the kernel lists them for this shell.
own_cpus() {
	sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status
}

first_cpu() {
	own_cpus | sed 's/[-,].*//'
}

# A python that prints the policy that set_mempolicy(2) has set.
GET_MEMPOLICY='import ctypes, os
mode = ctypes.c_int(-1); mask = (ctypes.c_ulong * 16)()
n = {"x86_64": 239, "aarch64": 236}[os.uname().machine]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.syscall(n, ctypes.byref(mode), mask, 1024, None, 0) == 0
print(hex(mode.value), mask[0])'

@test "no_new_privs is set where the config says so, and only there" {
	bundle 'del c["process"]["noNewPrivileges"]' grep NoNewPrivs /proc/self/status
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "NoNewPrivs:	0" ]
	bundle '' grep NoNewPrivs /proc/self/status
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "NoNewPrivs:	1" ]
}

@test "the scheduler is what the config says, with its flags" {
	need_root
	bundle 'c["process"]["scheduler"] = {"policy": "SCHED_BATCH", "nice": 7}' \
		sh -c 'chrt -p $$; nice'
	run -0 oci run -b "$BUNDLE" "$ID"
	assert_output_has "SCHED_BATCH"
	[ "${lines[-1]}" = 7 ]
	bundle 'c["process"]["scheduler"] = {"policy": "SCHED_RR", "priority": 3,
"flags": ["SCHED_FLAG_RESET_ON_FORK"]}
if os.path.exists("/sys/fs/cgroup/cpu/cpu.rt_runtime_us"):
    c["linux"]["resources"]["cpu"] = {"realtimeRuntime": 10000, "realtimePeriod": 1000000}' \
		sh -c 'chrt -p $$; sh -c "chrt -p \$\$; :"'
	run -0 oci run -b "$BUNDLE" "$ID"
	assert_output_has "SCHED_RR|SCHED_RESET_ON_FORK"
	assert_output_has "scheduling priority: 3"
	assert_output_has "SCHED_OTHER"
	bundle 'c["process"]["scheduler"] = {"policy": "SCHED_IDLE"}' sh -c 'chrt -p $$'
	run -0 oci run -b "$BUNDLE" "$ID"
	assert_output_has "SCHED_IDLE"
}

@test "a group without time for realtime processes is what the hint says" {
	need_root
	[ -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ] || skip "realtime time is not a group's here"
	bundle 'c["process"]["scheduler"] = {"policy": "SCHED_FIFO", "priority": 1}' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "sched fifo priority=1: Operation not permitted"
	assert_output_has "realtimeRuntime"
	nothing_left
}

@test "a deadline is kept to, and one that cannot be is refused by the kernel" {
	need_root
	bundle 'c["process"]["scheduler"] = {"policy": "SCHED_DEADLINE", "runtime": 2000000,
"deadline": 20000000, "period": 40000000, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}' \
		sh -c 'chrt -p 1'
	run oci run -b "$BUNDLE" "$ID"
	# not on some of the processors alone, as a cpuset or a machine's share of time may have it
	if [ "$status" != 0 ] && [ "$(nproc)" != "$(nproc --all)" ]; then
		skip "this process may not run on every processor"
	fi
	[ "$status" = 0 ]
	assert_output_has "SCHED_DEADLINE"
	assert_output_has "runtime/deadline/period parameters: 2000000/20000000/40000000"
	bundle 'c["process"]["scheduler"] = {"policy": "SCHED_DEADLINE", "runtime": 3000000,
"deadline": 2000000, "period": 4000000}' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "sched deadline"
	assert_output_has "Invalid argument"
	nothing_left
}

@test "the class of I/O is what the config says" {
	need_root
	bundle 'c["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_RT", "priority": 2}' \
		sh -c 'ionice -p $$'
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "realtime: prio 2" ]
}

@test "memory is allocated where the config says, by exec too" {
	[ -e /sys/devices/system/node/node0 ] || skip "the kernel has no memory nodes"
	bundle 'c["linux"]["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0",
"flags": ["MPOL_F_STATIC_NODES"]}' sleep 100
	run_detached
	run -0 oci exec "$ID" python3 -c "$GET_MEMPOLICY"
	[ "$output" = "0x8002 1" ]
	printf '{"args":["python3","-c",%s],"cwd":"/","env":["PATH=/usr/bin"]}' \
		"$(python3 -c 'import json, sys; print(json.dumps(sys.argv[1]))' "$GET_MEMPOLICY")" >process
	run -0 oci exec -p process "$ID"
	[ "$output" = "0x8002 1" ]
	oci delete -f "$ID"
	bundle 'c["linux"]["memoryPolicy"] = {"mode": "MPOL_INTERLEAVE", "nodes": "0"}' \
		python3 -c "$GET_MEMPOLICY"
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "0x3 1" ]
}

@test "a memory node that there is not is an error of its op" {
	[ -e /sys/devices/system/node/node0 ] || skip "the kernel has no memory nodes"
	[ ! -e /sys/devices/system/node/node63 ] || skip "there is such a node"
	bundle 'c["linux"]["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "63"}' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "mempolicy bind nodes=63: Invalid argument"
	nothing_left
}

@test "one that enters gets its processors, from the config, a file, and not the container's own" {
	local cpu

	cpu=$(first_cpu)
	bundle "c['process']['execCPUAffinity'] = {'initial': '$cpu', 'final': '$cpu'}" sleep 100
	run_detached --pid-file pid
	[ "$(sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$(cat pid)/status")" = "$(own_cpus)" ]
	run -0 oci exec "$ID" grep Cpus_allowed_list /proc/self/status
	[ "$output" = "Cpus_allowed_list:	$cpu" ]
	# what the file does not say is the container's
	echo '{"args":["/usr/bin/grep","Cpus_allowed_list","/proc/self/status"],"cwd":"/"}' >process
	run -0 oci exec -p process "$ID"
	[ "$output" = "Cpus_allowed_list:	$cpu" ]
	echo '{"args":["/usr/bin/true"],"cwd":"/","execCPUAffinity":{"final":"1023"}}' >process
	run -255 oci exec -p process "$ID"
	assert_output_has "affinity cpus=1023: Invalid argument"
}

@test "exec into a group below the container's, of one hierarchy or all" {
	need_root
	local groups dir

	bundle '' sleep 100
	run_detached --pid-file pid
	groups=$(sed -n 's/.*"dir": "\(.*\)",/\1/p' "$STATE/$ID/state.json")
	[ -n "$groups" ]
	for dir in $groups; do
		mkdir -p "$dir/below/more"
		# a group of a cpuset has none of its own
		[ ! -e "$dir/cpuset.cpus" ] || for dir in "$dir/below" "$dir/below/more"; do
			cat "$dir/../cpuset.cpus" >"$dir/cpuset.cpus" 2>/dev/null || true
			cat "$dir/../cpuset.mems" >"$dir/cpuset.mems" 2>/dev/null || true
		done
	done
	oci exec -d --cgroup below/more --pid-file second "$ID" sleep 100 </dev/null >/dev/null 2>err
	[ "$(grep -c '/below/more$' "/proc/$(cat second)/cgroup")" = "$(wc -w <<<"$groups")" ]
	if grep -q '"name": "pids"' "$STATE/$ID/state.json"; then
		oci exec -d --cgroup pids:/below --pid-file third "$ID" sleep 100 </dev/null >/dev/null 2>err
		[ "$(grep ':pids:' "/proc/$(cat third)/cgroup" | sed 's/.*\///')" = below ]
		[ "$(grep -c '/below$' "/proc/$(cat third)/cgroup")" = 1 ]
	fi
	run -255 oci exec --cgroup none:below "$ID" true
	assert_output_has "--cgroup: the container has no group of 'none'"
	run -255 oci exec --cgroup :below "$ID" true
	assert_output_has "--cgroup: ':below' has no controller"
	run -255 oci exec --cgroup nowhere "$ID" true
	assert_output_has "/nowhere: No such file or directory"
	run -255 oci exec --cgroup ../.. "$ID" true
	assert_output_has "/../..: Invalid cross-device link"
	oci delete -f "$ID"
	nothing_left
}
