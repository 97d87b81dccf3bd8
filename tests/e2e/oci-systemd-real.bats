# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci --systemd-cgroup with a systemd that is process 1: on a host that has
# one, and in the virtual machine (tests/vm/systemd).
load harness
load oci

setup() {
	oci_setup
	need_root
	skip_unless systemd "systemd is not process 1 here" test -S /run/systemd/private
	skip_unless systemd "built without systemd's library" test -x "$RF_BUILDDIR/ringfence-systemd"
	RINGFENCE_LIBEXEC=$RF_BUILDDIR
	export RINGFENCE_LIBEXEC
	UNIT=test-$ID.scope
}

teardown() {
	oci_teardown
}

# in_scope PYTHON COMMAND...
in_scope() {
	local change=$1

	shift
	bundle 'c["linux"]["cgroupsPath"] = "rftest.slice:test:'"$ID"'"
'"$change" "$@"
}

# told: what the runtime has said, where that has to be known
told() {
	cat err
	false
}

# is_unit PROPERTY VALUE: as systemd has it
is_unit() {
	local value

	value=$(systemctl show -p "$1" --value "$UNIT")
	[ "$value" = "$2" ] || {
		echo "$1 is '$value', wanted '$2'"
		return 1
	}
}

@test "a scope of systemd's, from create to delete" {
	in_scope 'c["linux"]["resources"].update({"memory": {"limit": 67108864}, "pids": {"limit": 44}})' sleep 100
	oci --systemd-cgroup create -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err || told
	is_unit ActiveState active
	is_unit Slice rftest.slice
	is_unit Delegate yes
	is_unit TasksMax 44
	is_unit DevicePolicy strict
	grep -q "/rftest.slice/$UNIT\$" "/proc/$(cat pid)/cgroup"
	oci start "$ID"
	has_status "$ID" running
	[ "$(oci ps -f json "$ID")" = "[$(cat pid)]" ]
	oci exec "$ID" true
	oci kill "$ID" KILL
	until_true has_status "$ID" stopped
	oci delete "$ID"
	until_true is_unit ActiveState inactive
	nothing_left
}

@test "what systemd writes again are the container's limits, also after an update" {
	local dir

	in_scope 'c["linux"]["resources"].update({"pids": {"limit": 44}})' sleep 100
	oci --systemd-cgroup run -d -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err || told
	dir=$(find /sys/fs/cgroup -name "$UNIT" -exec test -e {}/pids.max \; -print -quit)
	oci update --pids-limit 55 "$ID"
	is_unit TasksMax 55
	[ "$(cat "$dir/pids.max")" = 55 ]
	systemctl daemon-reload
	has_status "$ID" running
	[ "$(cat "$dir/pids.max")" = 55 ]
	# what was allowed and what was not are as before
	oci exec "$ID" sh -c 'echo >/dev/null && mknod /tmp/kmsg c 1 11 2>/dev/null || true; ! cat /tmp/kmsg'
	oci delete --force "$ID"
	until_true is_unit ActiveState inactive
	nothing_left
}

@test "a container that ends by itself, and one of the same name after it" {
	local i

	in_scope '' sh -c 'exit 3'
	for i in 1 2; do
		run -3 oci --systemd-cgroup run -b "$BUNDLE" "$ID"
	done
	until_true is_unit ActiveState inactive
	nothing_left
}

@test "a container whose unit systemd stops is stopped" {
	in_scope '' sleep 100
	oci --systemd-cgroup run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err || told
	systemctl kill -s KILL "$UNIT"
	until_true has_status "$ID" stopped
	oci delete "$ID"
	nothing_left
}

@test "what systemd refuses is in its words" {
	in_scope 'c["annotations"] = {"org.systemd.property.NoSuchProperty": "true"}' true
	run -1 oci --systemd-cgroup run -b "$BUNDLE" "$ID"
	assert_output_has "systemd: start $UNIT: StartTransientUnit: "
	assert_output_has "NoSuchProperty"
	nothing_left
}
