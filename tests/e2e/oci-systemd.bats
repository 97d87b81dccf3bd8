# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci --systemd-cgroup, with a systemd that is none (tests/helpers/mockd.c) on a
# bus of the test's own.
load harness
load oci

setup() {
	oci_setup
	need_root
	skip_unless dbus "needs dbus-daemon" command -v dbus-daemon
	skip_unless systemd "built without systemd's library" test -x "$RF_BUILDDIR/tests/helpers/mockd"
	RINGFENCE_LIBEXEC=$RF_BUILDDIR
	RINGFENCE_SYSTEMD_SECONDS=10
	DBUS_SYSTEM_BUS_ADDRESS=unix:path=$DIR/bus
	export RINGFENCE_LIBEXEC RINGFENCE_SYSTEMD_SECONDS DBUS_SYSTEM_BUS_ADDRESS
	SLICE=rf$$.slice
}

teardown() {
	local dir

	unset RINGFENCE_SYSTEMD_SECONDS
	[ -z "${mock:-}" ] || kill "$mock" 2>/dev/null || true
	oci_teardown
	[ -z "${bus:-}" ] || kill "$bus" 2>/dev/null || true
	[ -n "${SLICE:-}" ] || return 0	# skipped
	# slices of a test's own, which nobody removes in hierarchies that systemd does not know
	for dir in /sys/fs/cgroup/*/"$SLICE" /sys/fs/cgroup/"$SLICE"; do
		[ ! -d "$dir" ] || find "$dir" -depth -type d -exec rmdir {} +
	done
}

# systemd_is MODE: a bus, and who answers on it
systemd_is() {
	cat >bus.conf <<-END
		<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
		 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
		<busconfig>
		<type>custom</type><listen>unix:path=$DIR/bus</listen><auth>EXTERNAL</auth>
		<policy context="default">
		<allow user="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
		</policy>
		</busconfig>
	END
	if [ ! -S bus ]; then
		dbus-daemon --config-file=bus.conf --nofork --nopidfile 2>bus.err &
		bus=$!
		until_true test -S bus
	fi
	if [ -n "${mock:-}" ]; then
		kill "$mock"
		wait "$mock" || true
	fi
	mock=
	until_true mock_is_ready "$1"
}

# The bus may still think that the name is that of the last one.
mock_is_ready() {
	if [ -z "$mock" ] || ! kill -0 "$mock" 2>/dev/null; then
		"$RF_BUILDDIR/tests/helpers/mockd" "$1" calls >mock.out 2>mock.err &
		mock=$!
	fi
	grep -q ready mock.out
}

# in_scope PYTHON COMMAND...: a bundle for a scope of systemd's, as an engine asks for it
in_scope() {
	local change=$1

	shift
	bundle 'c["linux"]["cgroupsPath"] = "'"$SLICE:test:$ID"'"
'"$change" "$@"
}

asked() {
	grep -qx -- "$1" calls || {
		echo "wanted: $1"
		cat calls
		return 1
	}
}

scope_dirs() {
	find /sys/fs/cgroup -name "test-$ID.scope"
}

# within SECONDS COMMAND...: not longer than that
within() {
	local begin=$SECONDS most=$1 status=0

	shift
	"$@" || status=$?
	[ $((SECONDS - begin)) -le "$most" ] || return 99
	return $status
}

none_left() {
	until_true eval '[ -z "$(scope_dirs)" ]'
	until_true no_helper
	nothing_left
}

no_helper() {
	! grep -lzx "test-$ID.scope" /proc/[0-9]*/cmdline 2>/dev/null
}

# -------------------------------------------------------------------- all is well

@test "a container lives in a scope that systemd makes, from create to delete" {
	systemd_is ok
	in_scope '' sleep 100
	oci --systemd-cgroup create -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
	asked "StartTransientUnit test-$ID.scope replace"
	asked "Slice s $SLICE"
	asked "Delegate b true"
	asked "DefaultDependencies b false"
	# whoever kept it alive is gone, and the container is in all of it
	no_helper
	! grep -v ":/$SLICE/test-$ID.scope\$" "/proc/$(cat pid)/cgroup"
	oci start "$ID"
	has_status "$ID" running
	[ "$(oci ps -f json "$ID")" = "[$(cat pid)]" ]
	oci exec "$ID" true
	oci pause "$ID"
	has_status "$ID" paused
	oci resume "$ID"
	oci kill "$ID" KILL
	until_true has_status "$ID" stopped
	oci delete "$ID"
	asked "StopUnit test-$ID.scope replace"
	asked "ResetFailedUnit test-$ID.scope"
	none_left
}

@test "run, and --cgroup-manager systemd" {
	systemd_is ok
	in_scope '' sh -c 'cat /proc/self/cgroup; exit 3'
	run -3 oci --cgroup-manager systemd run -b "$BUNDLE" "$ID"
	none_left
	[ "$(grep -c ^StopUnit calls)" = 1 ]
}

@test "limits are systemd's properties and values of control files" {
	systemd_is ok
	in_scope 'c["linux"]["resources"].update({"memory": {"limit": 67108864}, "pids": {"limit": 44},
"cpu": {"quota": 50000, "period": 100000}})
c["annotations"] = {"org.systemd.property.TimeoutStopSec": "uint64 5",
"org.systemd.property.After": "[\"a.service\"]"}' sleep 100
	oci --systemd-cgroup create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	asked "TasksMax t 44"
	asked "Memory[LM].* t 67108864"
	asked "CPUQuotaPerSecUSec t 500000"
	asked "TimeoutStopUSec t 5000000"
	asked "After as \[ a.service \]"
	asked "DevicePolicy s strict"
	[ "$(cat $(scope_dirs | sed 's|$|/pids.max|') 2>/dev/null)" = 44 ]
	oci update --pids-limit 55 --memory 128m "$ID"
	asked "SetUnitProperties test-$ID.scope runtime"
	asked "TasksMax t 55"
	asked "Memory[LM].* t 134217728"
	[ "$(cat $(scope_dirs | sed 's|$|/pids.max|') 2>/dev/null)" = 55 ]
	oci delete "$ID"
	none_left
}

@test "a unit that has failed is reset, and made then" {
	systemd_is exists
	in_scope '' true
	oci --systemd-cgroup run -b "$BUNDLE" "$ID"
	[ "$(grep -c ^StartTransientUnit calls)" = 2 ]
	[ "$(grep -n ^ResetFailedUnit calls | head -n 1 | cut -d: -f1)" -lt \
		"$(grep -n ^StartTransientUnit calls | tail -n 1 | cut -d: -f1)" ]
	none_left
}

# No group is delegated to that user here: how far it gets is what systemd is asked.
@test "an ordinary user talks to the user's systemd, and gets its slice" {
	need_userns
	DBUS_SESSION_BUS_ADDRESS=$DBUS_SYSTEM_BUS_ADDRESS
	export DBUS_SESSION_BUS_ADDRESS
	unset DBUS_SYSTEM_BUS_ADDRESS
	systemd_is refuse
	bundle 'c["linux"]["cgroupsPath"] = ":test:'"$ID"'"' true
	rm "$BUNDLE/config.json"
	chmod 0777 "$BUNDLE" "$DIR"
	as_user "$OCI" spec --rootless -b "$BUNDLE"
	sed -i 's|"linux": {|"linux": {"cgroupsPath": ":test:'"$ID"'",|; s|"terminal": true|"terminal": false|' "$BUNDLE/config.json"
	run -1 as_user "$OCI" --root "$DIR/theirs" --systemd-cgroup run -b "$BUNDLE" "$ID"
	assert_output_has "systemd: start test-$ID.scope: StartTransientUnit: Cannot set property"
	asked "Slice s user.slice"
	[ "$(grep -c DevicePolicy calls)" = 0 ]
	[ -z "$(ls "$DIR/theirs")" ]
}

@test "nothing of sd-bus is in the runtime itself" {
	skip_unless strace "it lists the files that are opened" command -v strace
	! grep -q sd_bus_open "$OCI"
	bundle '' true
	strace -f -o trace -e trace=openat,execve "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	! grep -q 'libsystemd\|ringfence-systemd' trace
}

# ------------------------------------------------------------------ all is not well

@test "a job that fails is an error, and nothing is left" {
	systemd_is fail
	in_scope '' true
	run -1 oci --systemd-cgroup run -b "$BUNDLE" "$ID"
	[ "${lines[-1]}" = "ringfence-oci: systemd: start test-$ID.scope: systemd's job ended with: failed" ]
	none_left
}

@test "what systemd refuses is in its words" {
	systemd_is refuse
	in_scope '' true
	run -1 oci --systemd-cgroup run -b "$BUNDLE" "$ID"
	assert_output_has "systemd: start test-$ID.scope: StartTransientUnit: Cannot set property"
	none_left
}

@test "a systemd that does not answer is waited for so long" {
	local mode

	for mode in deaf jobless; do
		systemd_is $mode
		in_scope '' true
		RINGFENCE_SYSTEMD_SECONDS=1 run -1 within 12 "$OCI" --root "$STATE" --systemd-cgroup \
			run -b "$BUNDLE" "$ID"
		[ "${#lines[@]}" = 1 ]
		assert_output_has "systemd: start test-$ID.scope: "
		none_left
	done
}

@test "a bus that takes calls and is silent, one that is dead, and none" {
	in_scope '' true
	python3 -c 'import socket, time
s = socket.socket(socket.AF_UNIX); s.bind("bus"); s.listen(8); print("ready", flush=True); time.sleep(60)' >listener &
	mock=$!
	until_true grep -q ready listener
	RINGFENCE_SYSTEMD_SECONDS=1 run -1 within 12 "$OCI" --root "$STATE" --systemd-cgroup run -b "$BUNDLE" "$ID"
	assert_output_has "systemd: start test-$ID.scope: "
	none_left
	kill "$mock"
	wait "$mock" || true
	mock=
	run -1 within 8 "$OCI" --root "$STATE" --systemd-cgroup run -b "$BUNDLE" "$ID"
	assert_output_has "Connection refused"
	none_left
	rm bus
	run -1 oci --systemd-cgroup run -b "$BUNDLE" "$ID"
	assert_output_has "No such file or directory"
	none_left
}

@test "an update that gets no answer changes nothing and leaves the container running" {
	systemd_is ok
	in_scope 'c["linux"]["resources"]["pids"] = {"limit": 44}' sleep 100
	oci --systemd-cgroup run -d -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
	systemd_is deaf
	RINGFENCE_SYSTEMD_SECONDS=1 run -1 within 8 "$OCI" --root "$STATE" update --pids-limit 55 "$ID"
	has_status "$ID" running
	grep -q '^State:.[SR]' "/proc/$(cat pid)/status"
	[ "$(cat $(scope_dirs | sed 's|$|/pids.max|') 2>/dev/null)" = 44 ]
	systemd_is refuse
	run -1 oci update --pids-limit 55 "$ID"
	assert_output_has "SetUnitProperties: Cannot set property"
	[ "$(cat $(scope_dirs | sed 's|$|/pids.max|') 2>/dev/null)" = 44 ]
}

@test "delete without an answer takes its time, says so, and leaves nothing" {
	systemd_is ok
	in_scope '' sleep 100
	oci --systemd-cgroup run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	oci pause "$ID"
	systemd_is deaf
	RINGFENCE_SYSTEMD_SECONDS=1 run -0 within 8 "$OCI" --root "$STATE" delete --force "$ID"
	assert_output_has "systemd: stop test-$ID.scope: "
	none_left
}

@test "a creator that is killed leaves what delete --force removes, and no helper" {
	local n call when status

	skip_unless strace "it kills at a system call" command -v strace
	systemd_is ok
	in_scope '' sleep 100
	for n in renameat:1 pipe2:1 poll:1 renameat:2 mkdir:1 memfd_create recvmsg:1 wait4; do
		call=${n%:*} when=1 status=0
		[[ $n != *:* ]] || when=${n#*:}
		timeout 60 strace -o trace -e "inject=$call:signal=KILL:when=$when" "$OCI" --root "$STATE" \
			--systemd-cgroup create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err || status=$?
		echo "$n: $status"
		[ $status = 137 ]
		run -0 timeout 30 "$OCI" --root "$STATE" delete --force "$ID"
		none_left
	done
}

# --------------------------------------------------------------------------- words

@test "a path or an annotation that systemd has no word for" {
	systemd_is ok
	bundle 'c["linux"]["cgroupsPath"] = "/a/b"' true
	run -1 oci --systemd-cgroup run -b "$BUNDLE" "$ID"
	assert_output_has "linux.cgroupsPath: '/a/b' is not slice:prefix:name"
	in_scope 'c["annotations"] = {"org.systemd.property.After": "a.service"}' true
	run -1 oci --systemd-cgroup run -b "$BUNDLE" "$ID"
	assert_output_has "annotations.org.systemd.property.After"
	[ ! -s calls ]
	run -1 oci --cgroup-manager other run -b "$BUNDLE" "$ID"
	assert_output_has "none of cgroupfs, systemd, disabled"
	none_left
}

@test "features tells if the driver is there, and an error if it is not" {
	"$OCI" features | python3 -c 'import json, sys
c = json.load(sys.stdin)["linux"]["cgroup"]; assert c["systemd"] and c["systemdUser"], c'
	RINGFENCE_LIBEXEC=$DIR/none "$OCI" features | python3 -c 'import json, sys
c = json.load(sys.stdin)["linux"]["cgroup"]; assert not c["systemd"] and not c["systemdUser"], c'
	in_scope '' true
	RINGFENCE_LIBEXEC=$DIR/none run -1 "$OCI" --root "$STATE" --systemd-cgroup run -b "$BUNDLE" "$ID"
	assert_output_has "$DIR/none/ringfence-systemd: No such file or directory"
	none_left
}

@test "without control groups there are none, and no limits" {
	bundle 'del c["linux"]["resources"]' sh -c 'cat /proc/self/cgroup'
	run -0 oci --cgroup-manager disabled run -b "$BUNDLE" "$ID"
	refute_output_has "$ID"
	bundle 'c["linux"]["resources"] = {"pids": {"limit": 5}}' true
	run -1 oci --cgroup-manager disabled run -b "$BUNDLE" "$ID"
	assert_output_has "linux.resources.pids: without control groups"
	nothing_left
}
