# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci: profiles of AppArmor and labels of SELinux.  Those that need AppArmor run in the
# virtual machine of check-vm at the latest.
load harness
load oci

setup() {
	oci_setup
	need_userns
	PROFILE=rf-test-$$-$BATS_TEST_NUMBER
	OTHER=$PROFILE-other
}

teardown() {
	oci_teardown
	[ ! -e loaded ] || apparmor_parser -q -R loaded
}

# Without rules for devices, which are another subject's.
label_bundle() {
	bundle "c['linux'].pop('resources', None)
$1" "${@:2}"
}

has_apparmor() {
	grep -q Y /sys/module/apparmor/parameters/enabled
}

has_selinux() {
	grep -q selinuxfs /proc/filesystems
}

# Two profiles that allow everything but to read /proc/version; the second not even uname.
need_profiles() {
	need_root
	skip_unless apparmor "AppArmor is off in this kernel" has_apparmor
	cat >profiles <<-END
		profile $PROFILE flags=(attach_disconnected,mediate_deleted) {
			file, capability, network, mount, umount, pivot_root, signal, ptrace, unix,
			deny /proc/version r,
		}
		profile $OTHER flags=(attach_disconnected,mediate_deleted) {
			file, capability, network, mount, umount, pivot_root, signal, ptrace, unix,
			deny /proc/version r,
			deny /usr/bin/uname x,
		}
	END
	apparmor_parser -q -K -r profiles
	mv profiles loaded
}

@test "a label of a module that is off is refused by name, with its place" {
	local tried=

	if ! has_apparmor; then
		tried=1
		label_bundle 'c["process"]["apparmorProfile"] = "web"' true
		run -1 oci run -b "$BUNDLE" "$ID"
		[[ $output == *config.json:*": process.apparmorProfile: AppArmor is not on in this kernel: "* ]]
		label_bundle '' sleep 100
		oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
		run -255 oci exec --apparmor web "$ID" true
		assert_output_has "AppArmor is not on"
		# what engines pass when nobody has said anything
		oci exec --apparmor '' --process-label '' "$ID" true
		oci delete -f "$ID"
	fi
	if ! has_selinux; then
		tried=1
		for key in 'c["process"]["selinuxLabel"]' 'c["linux"]["mountLabel"]'; do
			label_bundle "$key = 'u:r:t:s0'" true
			run -1 oci run -b "$BUNDLE" "$ID"
			assert_output_has "SELinux is not on in this kernel"
		done
	fi
	[ -n "$tried" ] || skip "both are on"
	nothing_left
}

@test "a command has its profile, with no_new_privs and without" {
	local nnp

	need_profiles
	for nnp in True False; do
		label_bundle "p = c['process']; p['apparmorProfile'] = '$PROFILE'; p['noNewPrivileges'] = $nnp" \
			sh -c 'cat /proc/self/attr/apparmor/current; cat /proc/version'
		run -1 oci run -b "$BUNDLE" "$ID"
		[ "${lines[0]}" = "$PROFILE (enforce)" ]
		assert_output_has "Permission denied"
	done
	nothing_left
}

@test "exec has the container's profile, another by option or file, and never none" {
	need_profiles
	label_bundle "c['process']['apparmorProfile'] = '$PROFILE'" sleep 100
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	run -0 oci exec "$ID" cat /proc/self/attr/apparmor/current
	[ "$output" = "$PROFILE (enforce)" ]
	echo '{"args":["/usr/bin/cat","/proc/self/attr/apparmor/current"],"cwd":"/"}' >process
	run -0 oci exec -p process "$ID"
	[ "$output" = "$PROFILE (enforce)" ]
	run -0 oci exec --apparmor "$OTHER" "$ID" cat /proc/self/attr/apparmor/current
	[ "$output" = "$OTHER (enforce)" ]
	sed -i "s/^{/{\"apparmorProfile\":\"$OTHER\",/" process
	run -0 oci exec -p process "$ID"
	[ "$output" = "$OTHER (enforce)" ]
	# what the profile forbids is for the command itself to meet
	run -0 oci exec "$ID" sh -c uname
	run -126 oci exec --apparmor "$OTHER" "$ID" sh -c uname
	assert_output_has "Permission denied"
}

@test "a profile that is not loaded is an error of create, which says so" {
	need_root
	skip_unless apparmor "AppArmor is off in this kernel" has_apparmor
	label_bundle "c['process']['apparmorProfile'] = '$PROFILE'" true
	run -1 oci create -b "$BUNDLE" "$ID"
	assert_output_has 'label "apparmor/exec"'
	assert_output_has "No such file or directory"
	assert_output_has "no profile of that name is loaded"
	nothing_left
}

@test "whatever is at /proc inside, the profile is the kernel's to give" {
	local hide

	need_profiles
	# CVE-2019-16884, CVE-2019-19921: files in its place swallow what is written to them
	mkdir -p "$BUNDLE"/fake/{self,thread-self}/attr/apparmor
	touch "$BUNDLE"/fake/{self,thread-self}/attr/{,apparmor/}exec
	hide="c['process']['apparmorProfile'] = '$PROFILE'
c['linux']['maskedPaths'] = c['linux']['readonlyPaths'] = []
c['mounts'] = [m for m in c['mounts'] if m['destination'] != '/proc'] + [
    {'destination': '/proc', 'type': 'bind', 'source': '$BUNDLE/fake', 'options': ['bind']},
    {'destination': '/real', 'type': 'proc', 'source': 'proc'}]"
	label_bundle "$hide" cat /real/self/attr/apparmor/current
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "$PROFILE (enforce)" ]
	[ -z "$(find "$BUNDLE/fake" -type f -size +0)" ]
	# and for one that enters
	label_bundle "$hide" sleep 100
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	run -0 oci exec "$ID" cat /real/self/attr/apparmor/current
	[ "$output" = "$PROFILE (enforce)" ]
	[ -z "$(find "$BUNDLE/fake" -type f -size +0)" ]
}
