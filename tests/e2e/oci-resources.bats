# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci: linux.resources, on control groups of version 1 and of version 2.
load harness
load oci

setup() {
	oci_setup
}

teardown() {
	oci_teardown
}

# has_failed TEXT: what `run` has run was an error with its place, and nothing is left
has_failed() {
	[ "$status" = 1 ]
	[[ "${lines[-1]}" == *"/config.json:"*": $1"* ]] || {
		echo "wanted: $1"
		echo "got: $output"
		return 1
	}
	nothing_left
}

# --------------------------------------------------------------------- devices

# tries DEVICE...: make nodes of character devices, and open them.  Behind 1:77 there is
# nothing, which the kernel says to whom it lets come so far.
tries() {
	local device

	for device; do
		echo "mknod /tmp/n c ${device/:/ } && case \$({ true </tmp/n; } 2>&1) in
*' not permitted'*) echo $device refused ;; *) echo $device opened ;; esac; rm -f /tmp/n"
	done
}

# device_bundle RULES DEVICE...: a container that tries them under these rules
device_bundle() {
	local rules=$1

	shift
	bundle "c['linux']['resources']['devices'] = $rules
for kind in ('bounding', 'permitted', 'effective'): c['process']['capabilities'][kind].append('CAP_MKNOD')
c['mounts'].append({'destination': '/tmp', 'type': 'tmpfs'})" sh -c "$(tries "$@")"
}

NONE='{"allow": False, "access": "rwm"}'

@test "the usual devices may be used, others not, unless a rule says so" {
	need_controller_of_devices
	bundle '' sh -c 'head -c 3 /dev/urandom | wc -c; echo x >/dev/null && head -c 2 /dev/zero | wc -c'
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "3
2" ]
	device_bundle "[$NONE]" 1:3 1:77
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "1:3 opened
1:77 refused" ]
	device_bundle "[$NONE, {'allow': True, 'type': 'c', 'major': 1, 'minor': 77, 'access': 'r'},
{'allow': False, 'type': 'c', 'major': 1, 'minor': 8, 'access': 'r'}]" 1:77 1:8 1:9
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "1:77 opened
1:8 refused
1:9 opened" ]
	nothing_left
}

@test "all devices may be used, where a rule says so or none says anything" {
	need_controller_of_devices
	for rules in "[{'allow': True, 'access': 'rwm'}]" "[]" "[$NONE, {'allow': True}]"; do
		device_bundle "$rules" 1:3 1:77
		run -0 oci run -b "$BUNDLE" "$ID"
		[ "$output" = "1:3 opened
1:77 opened" ]
	done
}

@test "a rule for a purpose is for no other" {
	need_controller_of_devices
	# as the whole of a rule for all devices, too
	device_bundle "[$NONE, {'allow': True, 'access': 'm'}]" 1:77
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "1:77 refused" ]
	device_bundle "[$NONE, {'allow': False, 'type': 'c', 'access': 'm'}]" 1:77
	run oci run -b "$BUNDLE" "$ID"
	if is_unified; then
		assert_output_has "mknod: /tmp/n: Operation not permitted"
	else
		has_failed "linux.resources.devices[1]: control groups of version 1 make no exception"
	fi
}

@test "a device may be taken away that nothing has allowed, as Docker does" {
	need_controller_of_devices
	device_bundle "[$NONE, {'allow': False, 'type': 'c', 'major': 1, 'minor': 77, 'access': 'rw'},
{'allow': False, 'type': 'c', 'major': 10, 'minor': 229, 'access': 'rwm'}]" 1:3 1:77
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "1:3 opened
1:77 refused" ]
}

@test "an exception to an exception is made by version 2, and refused where version 1 has none" {
	need_controller_of_devices
	device_bundle "[$NONE, {'allow': True, 'type': 'c', 'major': 1, 'access': 'rwm'},
{'allow': False, 'type': 'c', 'major': 1, 'minor': 77, 'access': 'rwm'}]" 1:3 1:77
	run oci run -b "$BUNDLE" "$ID"
	if is_unified; then
		# without mknod there is no node to try
		assert_output_has "1:3 opened"
		refute_output_has "1:77 opened"
	else
		has_failed "linux.resources.devices[2]: control groups of version 1 make no exception"
	fi
}

@test "exec is held to the rules, and update gives others" {
	need_controller_of_devices
	device_bundle "[$NONE]"
	python3 - "$BUNDLE/config.json" <<-'END'
		import json, sys
		c = json.load(open(sys.argv[1]))
		c["process"]["args"] = ["sleep", "100"]
		json.dump(c, open(sys.argv[1], "w"))
	END
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	run -0 oci exec "$ID" sh -c "$(tries 1:77)"
	[ "$output" = "1:77 refused" ]
	echo '{"devices": [{"allow": false}, {"allow": true, "type": "c", "major": 1, "minor": 77}]}' |
		oci update -r - "$ID"
	run -0 oci exec "$ID" sh -c "$(tries 1:77)"
	[ "$output" = "1:77 opened" ]
	echo '{"devices": [{"allow": false}]}' | oci update -r - "$ID"
	run -0 oci exec "$ID" sh -c "$(tries 1:77)"
	[ "$output" = "1:77 refused" ]
	# other limits leave them alone
	oci update --pids-limit 50 "$ID"
	run -0 oci exec "$ID" sh -c "$(tries 1:77 1:3)"
	[ "$output" = "1:77 refused
1:3 opened" ]
}

@test "rules that the kernel does not take are an error, and nothing runs" {
	need_root
	skip_unless unified "rules are a program on version 2" is_unified
	bundle '' echo ran
	run "$RF_BUILDDIR/tests/helpers/deny" -e EPERM bpf "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	has_failed "linux.resources.devices: bpf for"
	refute_output_has ran
}

need_controller_of_devices() {
	need_root
	is_unified || need_controller devices
}

# ---------------------------------------------------------------------- limits

@test "limits of resources are those of its groups" {
	need_controller memory
	need_controller pids
	bundle 'c["linux"]["resources"].update({"pids": {"limit": 33}, "memory": {"limit": 67108864},
"cpu": {"shares": 512, "quota": 50000, "period": 100000}})
c["linux"]["cgroupsPath"] = "/'"$ID"'/inner"' sleep 100
	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	ID=$ID/inner
	value_is pids pids.max pids.max 33
	value_is memory memory.limit_in_bytes memory.max 67108864
	value_is cpu cpu.shares cpu.weight 512 20
	value_is cpu cpu.cfs_quota_us cpu.max 50000 "50000 100000"
	ID=${ID%/inner}
	oci delete "$ID"
	# what is above was there for somebody else, perhaps
	is_unified && rmdir "/sys/fs/cgroup/$ID" || rmdir /sys/fs/cgroup/*/"$ID"
	nothing_left
}

@test "update changes limits, by options and by a file, in either direction" {
	need_controller memory
	bundle 'c["linux"]["resources"]["memory"] = {"limit": 67108864, "swap": 67108864}' sleep 100
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	if [ -e "$(group memory)/memory.memsw.limit_in_bytes" ] || is_unified; then
		oci update --memory 128m --memory-swap 134217728 "$ID"
		value_is memory memory.memsw.limit_in_bytes memory.swap.max 134217728 0
		oci update --memory 32m --memory-swap 32m "$ID"
		# as `docker update` has it: the rest is what the group has
		oci update --memory-swap 48m "$ID"
		value_is memory memory.memsw.limit_in_bytes memory.swap.max 50331648 16777216
		run -1 oci update --memory-swap 16m "$ID"
		oci update --memory-swap 32m "$ID"
		value_is memory memory.memsw.limit_in_bytes memory.swap.max 33554432 0
	else
		oci update --memory 32m "$ID"
	fi
	value_is memory memory.limit_in_bytes memory.max 33554432
	echo '{"pids": {"limit": 44}, "cpu": {"shares": 2048}}' | oci update -r - "$ID"
	value_is pids pids.max pids.max 44
	value_is cpu cpu.shares cpu.weight 2048 79
	run -1 oci update --memory 1x "$ID"
	run -1 oci update --cpuset-cpus 9999 "$ID"
	assert_output_has "cpuset.cpus"
	# options are in no file, and what the kernel says is said
	run -1 oci update --cpu-quota 5 "$ID"
	[[ "$output" == "ringfence-oci: cpu: write 5"*": Invalid argument" ]]
}

@test "a command starts under a limit of one MiB of memory" {
	need_controller memory
	bundle 'c["linux"]["resources"]["memory"] = {"limit": 1048576}' true
	run -0 oci run -b "$BUNDLE" "$ID"
}

@test "a limit below what is used is refused before, with checkBeforeUpdate" {
	need_controller memory
	bundle 'c["linux"]["resources"]["memory"] = {"limit": 67108864}
c["mounts"].append({"destination": "/tmp", "type": "tmpfs"})' \
		sh -c 'head -c 20000000 /dev/zero >/tmp/x; echo >/tmp/there; exec sleep 100'
	oci run -d -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
	until_true test -e "/proc/$(cat pid)/root/tmp/there"
	# what a tmpfs has cannot be taken back
	echo '{"memory": {"limit": 8388608, "checkBeforeUpdate": true}}' >resources
	run -1 oci update -r resources "$ID"
	[ -d "/proc/$(cat pid)" ]
	is_unified || return 0
	assert_output_has " bytes are in use, so 8388608 is no limit for it"
	value_is memory x memory.max 67108864
	echo '{"memory": {"limit": 50331648, "checkBeforeUpdate": true}}' >resources
	oci update -r resources "$ID"
	value_is memory x memory.max 50331648
}

@test "files of version 2 by their names, a line at a time" {
	need_root
	bundle 'c["linux"]["resources"]["unified"] = {"pids.max": "21", "memory.high": "33554432",
"cgroup.max.depth": "2"}' sleep 100
	if ! is_unified; then
		run oci run -b "$BUNDLE" "$ID"
		has_failed 'linux.resources.unified."pids.max": control groups of version 1 have no pids.max'
		return
	fi
	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	value_is pids x pids.max 21
	value_is memory x memory.high 33554432
	value_is cgroup x cgroup.max.depth 2
	oci delete "$ID"
	bundle 'c["linux"]["resources"]["unified"] = {"nosuch.max": "1"}' true
	run oci run -b "$BUNDLE" "$ID"
	has_failed 'linux.resources.unified."nosuch.max": write 1 to'
	bundle 'c["linux"]["resources"]["unified"] = {"cgroup.procs": "1"}' true
	run oci run -b "$BUNDLE" "$ID"
	has_failed 'linux.resources.unified."cgroup.procs": this is no limit'
}

# A disk for $MAJOR and $MINOR, the first there is.
need_disk() {
	local disk

	need_root
	disk=$(cat /sys/block/[sv]d*/dev 2>/dev/null | head -n 1)
	skip_unless disk "there is no disk" test -n "$disk"
	MAJOR=${disk%:*} MINOR=${disk#*:}
}

# rate KEY N: as JSON
rate() {
	echo "{\"blockIO\": {\"$1\": [{\"major\": $MAJOR, \"minor\": $MINOR, \"rate\": $2}]}}"
}

@test "rates of disks" {
	need_disk
	bundle "c['linux']['resources'].update($(rate throttleReadBpsDevice 1048576))
c['linux']['resources']['blockIO'].update($(rate throttleWriteIOPSDevice 77)['blockIO'])" sleep 100
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	value_is blkio blkio.throttle.read_bps_device io.max "$MAJOR:$MINOR 1048576" \
		"$MAJOR:$MINOR rbps=1048576 wbps=max riops=max wiops=77"
	value_is blkio blkio.throttle.write_iops_device io.max "$MAJOR:$MINOR 77" \
		"$MAJOR:$MINOR rbps=1048576 wbps=max riops=max wiops=77"
	rate throttleReadBpsDevice 0 | oci update -r - "$ID"
	value_is blkio blkio.throttle.read_bps_device io.max "" \
		"$MAJOR:$MINOR rbps=max wbps=max riops=max wiops=77"
}

@test "weights of disks, or an error that names the file" {
	need_disk
	bundle "c['linux']['resources']['blockIO'] = {'weight': 500,
'weightDevice': [{'major': $MAJOR, 'minor': $MINOR, 'weight': 1000}]}" sleep 100
	run oci create -b "$BUNDLE" "$ID"
	if [ "$status" != 0 ]; then
		[[ "$output" == *"/sys/fs/cgroup/$ID/io.weight:"* ||
			"$output" == *"/sys/fs/cgroup/blkio/$ID/blkio.bfq.weight"* ]]
		has_failed "linux.resources.blockIO.weight"
	elif [ -e "$(group io)/io.bfq.weight" ]; then
		value_is blkio x io.bfq.weight "default 500
$MAJOR:$MINOR 1000"
	else
		value_is blkio blkio.bfq.weight_device io.weight "default 500
$MAJOR:$MINOR 1000" "default 4950
$MAJOR:$MINOR 10000"
	fi
}

@test "what the groups here cannot hold is refused by name" {
	need_root
	bundle 'c["linux"]["resources"]["network"] = {"classID": 4097}' true
	run oci run -b "$BUNDLE" "$ID"
	if is_unified; then
		has_failed "linux.resources.network.classID: control groups of version 2 have no net_cls.classid"
	elif [ ! -d /sys/fs/cgroup/net_cls ]; then
		has_failed "linux.resources.network.classID: there is no group of the controller net_cls"
	else
		[ "$status" = 0 ]
	fi
	bundle 'c["linux"]["resources"]["rdma"] = {"nosuch0": {"hcaHandles": 3}}' true
	run oci run -b "$BUNDLE" "$ID"
	has_failed 'linux.resources.rdma."nosuch0": '
	# what asks for nothing is fine
	bundle 'c["linux"]["resources"]["network"] = {"classID": 0, "priorities": []}' true
	run -0 oci run -b "$BUNDLE" "$ID"
}

# ------------------------------------------------------------------- the group

@test "pause, ps, kill --all and delete --force are for all that is in the group" {
	need_root
	is_unified || need_controller freezer
	# without a pid namespace nothing ends with process 1
	bundle 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "pid"]' \
		sh -c 'setsid sleep 1000 & setsid sleep 1001 & exec sleep 1002'
	oci run -d -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
	until_true eval '[ "$(oci ps "$ID" | wc -l)" = 4 ]'
	oci ps "$ID" | sed 1d | sort >pids
	oci pause "$ID"
	has_status "$ID" paused
	# what is stopped takes the signal when it may go on
	oci kill --all "$ID" KILL
	oci resume "$ID" || true
	until_true has_status "$ID" stopped
	until_true eval '[ "$(oci ps "$ID" | wc -l)" = 1 ]'
	oci delete "$ID"
	nothing_left
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	until_true eval '[ "$(oci ps "$ID" | wc -l)" = 4 ]'
	oci ps "$ID" | sed 1d >pids
	oci pause "$ID"
	oci delete --force "$ID"
	nothing_left
	for pid in $(cat pids); do
		[ ! -d "/proc/$pid" ] || grep -q '^State:.*zombie' "/proc/$pid/status"
	done
}

@test "a group of version 2 with processes in it stays as it is, and a relative path is beside it" {
	local dir=/sys/fs/cgroup/above-$ID sleeper path

	need_controller pids
	skip_unless cgroup2 "control groups are of version 1" is_unified
	mkdir "$dir"
	sleep 600 3>&- &
	sleeper=$!
	echo "$sleeper" >"$dir/cgroup.procs"
	for path in "/above-$ID/$ID" "$ID"; do
		bundle "c['linux']['cgroupsPath'] = '$path'
c['linux']['resources'] = {'pids': {'limit': 44}}" cat /proc/self/cgroup
		(echo 0 >"$dir/cgroup.procs" && oci run -b "$BUNDLE" "$ID") >>out 2>&1 || echo "status $?" >>out
	done
	cat "$dir/cgroup.type" "$dir/cgroup.subtree_control" >kept
	kill "$sleeper"
	wait "$sleeper" || true
	rmdir "$dir"
	[ "$(cat kept)" = domain ]
	cat out
	[[ "$(head -n 1 out)" == *": linux.resources.pids: write 44 to $dir/"*"No such file or directory (a group with processes in it cannot limit groups below it: $dir)" ]]
	[ "$(tail -n 1 out)" = "0::/" ]
	[ "$(grep -c ^status out)" = 1 ]
	nothing_left
}
