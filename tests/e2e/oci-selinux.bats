# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci: labels of SELinux, where it is on and in force with the policy of
# tests/vm/selinux.cil, in the virtual machine.
load harness
load oci

setup() {
	oci_setup
	need_root
	skip_unless selinux "SELinux is not in force, with the policy of tests/vm/selinux.cil" in_force
	IN=u:r:rf_in_t
	OTHER=u:r:rf_other_t
}

teardown() {
	oci_teardown
}

in_force() {
	[ "$(cat /sys/fs/selinux/enforce)" = 1 ] && printf 'u:r:rf_in_t' >/sys/fs/selinux/context
}

# Without rules for devices, which are another subject's.
label_bundle() {
	bundle "c['linux'].pop('resources', None)
$1" "${@:2}"
}

label_of() {
	tr -d '\0' <"/proc/$1/attr/current"
}

@test "a command has its label, and what that may not read it does not" {
	local nnp

	run -0 cat /proc/version
	for nnp in True False; do
		label_bundle "p = c['process']; p['selinuxLabel'] = '$IN'; p['noNewPrivileges'] = $nnp" \
			sh -c 'tr "\0" "\n" </proc/self/attr/current; cat /proc/uptime >/dev/null && cat /proc/version'
		run -1 oci run -b "$BUNDLE" "$ID"
		[ "${lines[0]}" = "$IN" ]
		[ "${lines[1]}" = "cat: /proc/version: Permission denied" ]
	done
	nothing_left
}

@test "exec has the container's label, or another" {
	label_bundle "c['process']['selinuxLabel'] = '$IN'" sleep 100
	oci run -d -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
	[ "$(label_of "$(cat pid)")" = "$IN" ]
	run -1 oci exec "$ID" cat /proc/version
	assert_output_has "Permission denied"
	run -0 oci exec --process-label "$OTHER" "$ID" cat /proc/self/attr/current /proc/version
	assert_output_has "$OTHER"
	assert_output_has "Linux version"
}

@test "a label that the policy does not know is an error of create, with its place" {
	label_bundle "c['process']['selinuxLabel'] = 'u:r:rf_nobody_t'" true
	run -1 oci create -b "$BUNDLE" "$ID"
	assert_output_has "config.json:"
	assert_output_has 'label "exec"'
	assert_output_has "Invalid argument"
	nothing_left
}

@test "what is mounted for a container has its label" {
	label_bundle "c['linux']['mountLabel'] = 'u:object_r:rf_mount_t'
c['mounts'].append({'destination': '/tmp', 'type': 'tmpfs'})" \
		python3 -I -S -c 'import os
for f in ("/tmp", "/dev/shm", "/dev/pts", "/dev/mqueue"):
    print(f, os.getxattr(f, "security.selinux").decode().strip("\0"))'
	run oci run -b "$BUNDLE" "$ID"
	echo "status $status: $output"
	[ "$output" = "/tmp u:object_r:rf_mount_t
/dev/shm u:object_r:rf_mount_t
/dev/pts u:object_r:rf_mount_t
/dev/mqueue u:object_r:rf_mount_t" ]
	nothing_left
}
