# SPDX-License-Identifier: LGPL-2.1-or-later
# Devices: nodes made inside, modes of the host's nodes changed, and a /dev
# in the root file system that leads out of it (CVE-2026-41579,
# CVE-2026-47766; /dev/null replaced: CVE-2025-31133, CVE-2025-52565).
load harness

@test "no device node can be made, whatever the capabilities" {
	refused boxed -- /tmp/intruder mknod /tmp/mem 1 1
	refused boxed --map root --capabilities all -- /tmp/intruder mknod /tmp/mem 1 1
	refused boxed --map root --capabilities all -- /tmp/intruder mknod /dev/null2 1 3
}

@test "the host's device nodes keep their mode and owner" {
	before=$(stat -c '%a %u %g' /dev/null /dev/zero /dev/tty)
	refused boxed -- chmod 0600 /dev/null /dev/zero /dev/tty
	refused boxed -- touch /dev/null
	refused boxed --deny /opt -- touch /dev/null
	refused boxed --map root --capabilities chown,fowner,dac_override -- chown 0:0 /dev/null
	if is_root; then
		refused boxed --namespaces user=host,mount,pid,net,ipc,uts,cgroup \
			-- chmod 0600 /dev/null /dev/zero /dev/tty
	fi
	[ "$(stat -c '%a %u %g' /dev/null /dev/zero /dev/tty)" = "$before" ]
}

@test "a bound device still takes what is written" {
	run -0 boxed -- sh -c 'echo x >/dev/null && head -c 8 /dev/zero >/dev/full' || true
	run -0 boxed -- sh -c 'echo x >/dev/null'
}

@test "a /dev that is a symlink leads nowhere but into the root" {
	bare_root root
	rmdir root/dev
	ln -s "$DIR/outside" root/dev
	run in_root "$DIR/root" --dev /dev -- true
	[ "$status" = 125 ]
	canary_lives
	ln -sfn ../../../../../../../../tmp root/dev
	run -0 in_root "$DIR/root" --dev /dev -- test -c /tmp/null
	[ -z "$(ls -A root/tmp)" ]
}

@test "a /dev/null that is a symlink is not what gets bound" {
	bare_root root
	ln -s "$CANARY" root/dev/null
	run -0 in_root "$DIR/root" --dev /dev -- sh -c 'test -c /dev/null && echo gone >/dev/null'
}

@test "devices of file systems that are bound do not open in a tmpfs" {
	run -0 boxed -- sh -c 'grep " /tmp " /proc/self/mountinfo'
	assert_output_has nodev
}
