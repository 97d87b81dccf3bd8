# SPDX-License-Identifier: LGPL-2.1-or-later
# What somebody tries who has read no more than the README.
load harness

@test "a root without its directory is answered with how a path is written" {
	mkdir tree
	run -2 "$RINGFENCE" run --root tree -- true
	assert_output_has "unknown word 'tree'"
	assert_output_has "hint: a path is written with its directory: ./tree"
}

@test "whoever joins a mount namespace is told how to do without the preset" {
	run -2 "$RINGFENCE" run --namespaces mount=/proc/self/ns/mnt -- true
	assert_output_has "mounts and a root need a new mount namespace"
	assert_output_has "hint: without a spec the preset"
	need_userns
	coproc unshare -Urm sh -c 'echo ready; exec sleep 60'
	pid=$COPROC_PID
	read -r _ <&"${COPROC[0]}"
	run -0 "$RINGFENCE" run --spec - --namespaces \
		"user=/proc/$pid/ns/user,mount=/proc/$pid/ns/mnt" -- readlink /proc/self/ns/mnt <<<'{}'
	[ "$output" = "$(readlink "/proc/$pid/ns/mnt")" ]
	kill "$pid"
}

@test "a file-size limit of 0 is an error, not the end by SIGXFSZ" {
	run -125 bash -c 'ulimit -f 0; "$RINGFENCE" run -- true'
	assert_output_has "File too large"
	need_userns
	run -0 "$RINGFENCE" run -- grep SigIgn /proc/self/status
	assert_output_has 0000000000000000
}

@test "a descriptor number above the limit is answered with the limit" {
	need_userns
	run -125 bash -c 'ulimit -n 100; "$RINGFENCE" run --fd 200:open=/etc/passwd -- true'
	assert_output_has "to=200: Bad file descriptor"
	assert_output_has "hint: RLIMIT_NOFILE is 100"
}
