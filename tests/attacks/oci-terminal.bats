# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci in front of somebody's terminal: what runs in the container gets neither that
# nor its input (CVE-2017-5226, CVE-2023-28100), whatever is called console or ptmx in there
# (CVE-2025-52565).
load oci

# powerful PYTHON [COMMAND...]: a bundle with every capability, a terminal and the intruder
powerful() {
	local change=$1

	shift
	bundle 'import subprocess
caps = json.loads(subprocess.check_output([os.environ["OCI"], "features"]))["linux"]["capabilities"]
for s in ("bounding", "effective", "permitted"): c["process"]["capabilities"][s] = caps
c["process"]["noNewPrivileges"] = False
c["process"]["terminal"] = True
c["root"]["readonly"] = False
c["mounts"].append({"destination": "/tmp/intruder", "source": "'"$INTRUDER"'", "type": "bind", "options": ["bind", "ro"]})
'"$change" "$@"
}

# exec_victim COMMAND...: the victim's command is COMMAND, by `exec -t` in a container that runs
exec_victim() {
	victim -- "$OCI" --root "$STATE" exec -t "$ID" "$@"
}

@test "nothing is typed into the caller's terminal, with every capability" {
	powerful '' /tmp/intruder push
	victim -- "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	powerful 'c["process"]["terminal"] = False' sleep 1000
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	exec_victim /tmp/intruder push
	oci delete --force "$ID"
	nothing_left
}

@test "the mode and the size of the caller's terminal stay as they are, and it is not taken over" {
	powerful '' sh -c 'stty -echo -icanon intr ^A; stty rows 5 cols 5; setsid /tmp/intruder steal /dev/tty; exit 3'
	victim -- "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	assert_output_has status=3
}

@test "of the caller's terminal no descriptor is inside" {
	powerful '' sh -c 'stat -L -c %t:%T.%d /proc/[0-9]*/fd/* 2>/dev/null >/tmp/seen; exit 4'
	victim -- bash -c 'stat -L -c %t:%T.%d /dev/stdin >own; "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"'
	assert_output_has status=4
	[ -s "$ROOT/tmp/seen" ]
	run -1 grep -Fx -f own "$ROOT/tmp/seen"
}

@test "a console or ptmx of the root that is a link is not followed" {
	mkdir -p "$ROOT/dev"
	ln -s "$DIR/outside" "$ROOT/dev/pts"
	ln -s "$CANARY" "$ROOT/dev/ptmx"
	ln -s "$CANARY" "$ROOT/dev/console"
	powerful 'c["mounts"] = [m for m in c["mounts"] if m["destination"] not in ("/dev", "/dev/shm", "/dev/mqueue")]' \
		sh -c 'test -t 0 && exit 5'
	# that it points out of the root, to what is there, and not inside: no console can be made
	victim -- "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	assert_output_has status=1
	canary_lives
	nothing_left
	ln -sfn /tmp/console "$ROOT/dev/console"
	victim -- "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	assert_output_has status=5
	canary_lives
	nothing_left
}

@test "exec -t believes no ptmx that is none, whatever the container makes of it" {
	local what

	powerful 'c["process"]["terminal"] = False' sleep 1000
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	for what in 'ln -s /dev/null /dev/ptmx' 'ln -s /proc/self/fd/0 /dev/ptmx' 'ln -s /proc/1/root/dev/pts/ptmx /dev/ptmx' \
		'mkfifo /dev/ptmx' 'echo text >/dev/ptmx' 'mkdir /dev/ptmx' 'ln -s ptmx /dev/ptmx' true; do
		oci exec "$ID" sh -c "rm -rf /dev/ptmx; $what" </dev/null
		victim cooked: -- "$OCI" --root "$STATE" exec -t "$ID" true
		assert_output_has status=255
		assert_output_has pty
	done
	oci exec "$ID" ln -s pts/ptmx /dev/ptmx </dev/null
	exec_victim sh -c 'test -t 0 && exit 6'
	assert_output_has status=6
	oci delete --force "$ID"
	nothing_left
}
