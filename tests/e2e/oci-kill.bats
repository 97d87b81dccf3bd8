# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci is killed at one of its system calls after another: what is left of a
# container, delete --force removes.
load harness
load oci

setup() {
	oci_setup
	need_userns
	skip_unless strace "it kills at a system call" command -v strace
	bundle '' sleep 100
	killed=0
}

teardown() {
	oci_teardown
}

# points COMMAND...: about twenty of the calls that it makes behind its execve, as NAME:WHICH
points() {
	strace -o trace "$OCI" --root "$STATE" "$@" </dev/null >/dev/null 2>err
	awk -F'(' '/\(/ && $1 !~ /[^a-z0-9_]/ { n[$1]++; all[++nr] = $1 ":" n[$1] }
		END { for (i = 2; i <= nr; i += int(nr / 20) + 1) print all[i] }' trace >points
	[ "$(wc -l <points)" -ge 15 ]
}

# killed_at NAME:WHICH COMMAND...: by SIGKILL before that call.  One that makes a call
# less than the time before is not, and is over; most are.
killed_at() {
	local point=$1 status=0

	shift
	echo "$point"
	timeout 60 strace -o /dev/null -e "inject=${point%:*}:signal=KILL:when=${point#*:}" \
		"$OCI" --root "$STATE" "$@" </dev/null >/dev/null 2>err || status=$?
	[ $status = 0 ] || { [ $status = 137 ] && killed=$((killed + 1)); }
}

@test "create killed anywhere" {
	local point

	points create -b "$BUNDLE" "$ID"
	oci delete --force "$ID"
	nothing_left
	for point in $(cat points); do
		killed_at "$point" create -b "$BUNDLE" "$ID"
		run -0 timeout 30 "$OCI" --root "$STATE" delete --force "$ID"
		nothing_left
	done
	[ "$killed" -ge 12 ]
}

@test "start killed anywhere" {
	local point

	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	points start "$ID"
	oci delete --force "$ID"
	for point in $(cat points); do
		oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
		killed_at "$point" start "$ID"
		run -0 timeout 30 "$OCI" --root "$STATE" delete --force "$ID"
		nothing_left
	done
	[ "$killed" -ge 12 ]
}

@test "exec killed anywhere: the container goes on, and others may enter it" {
	local point

	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	points exec -d "$ID" sleep 100
	for point in $(cat points); do
		killed_at "$point" exec -d "$ID" sleep 100
		has_status "$ID" running
		oci exec "$ID" true
	done
	[ "$killed" -ge 12 ]
	run -0 timeout 30 "$OCI" --root "$STATE" delete --force "$ID"
	nothing_left
}

@test "delete killed anywhere: another one finishes it" {
	local point

	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	points delete --force "$ID"
	nothing_left
	for point in $(cat points); do
		oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
		# how often it looks whether a group is empty is not always the same
		killed_at "$point" delete --force "$ID"
		run -0 timeout 30 "$OCI" --root "$STATE" delete --force "$ID"
		nothing_left
	done
	[ "$killed" -ge 8 ]
}
