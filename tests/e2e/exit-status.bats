# SPDX-License-Identifier: LGPL-2.1-or-later
# The exit status is the command's, or says what went wrong.
load harness

setup() {
	harness_setup
	need_userns
}

@test "the exit status is the command's" {
	local want got

	for want in 0 1 2 124 125 126 127 255; do
		got=0
		"$RINGFENCE" run -- sh -c "exit $want" || got=$?
		[ "$got" = "$want" ]
	done
}

@test "a command killed by a signal makes ringfence die by the same signal" {
	local sig died

	for sig in TERM KILL SEGV USR1; do
		died=0
		"$RINGFENCE" run -- sh -c "kill -$sig \$\$" || died=$?
		[ "$died" = $((128 + $(kill -l $sig))) ]
	done
	# by the signal, not by an exit status that looks like it
	run bash -c '"$RINGFENCE" run -- sh -c "kill -TERM \$\$"; echo after'
	assert_output_has Terminated
}

@test "dying by the command's signal leaves no core of ringfence" {
	ulimit -c unlimited || skip_unless root "the hard limit forbids cores" false
	run bash -c '"$RINGFENCE" run -- sh -c "ulimit -c 0; kill -SEGV \$\$"'
	refute_output_has "core dumped"
}

@test "124: the wall limit has passed" {
	run -124 "$RINGFENCE" run --limit-wall 100ms -- sleep 60
	assert_output_has "the wall limit has passed"
}

@test "125: the sandbox could not be made" {
	run -125 "$RINGFENCE" run --namespaces pid=/proc/self/ns/net -- true
}

@test "126: found but not executable" {
	echo data >data
	run -126 "$RINGFENCE" run --ro . -- ./data
	assert_output_has "exec ./data"
	assert_output_has "Permission denied"
}

@test "126: one that was found wins over others that were not" {
	mkdir one two
	echo data >one/tool
	run -126 env PATH="$DIR/one:$DIR/two:/usr/bin:/bin" "$RINGFENCE" run --ro . -- tool
	assert_output_has "exec"
}

@test "127: not found" {
	run -127 "$RINGFENCE" run -- no-such-command
	assert_output_has "no-such-command"
	run -127 "$RINGFENCE" run -- /no/such/command
	assert_output_has "exec /no/such/command: No such file or directory"
}

@test "127: a later directory of PATH is tried" {
	mkdir one
	printf '#!/bin/sh\nexit 5\n' >one/tool
	chmod +x one/tool
	run -5 env PATH="/no/such:/etc/passwd:$DIR/one:/usr/bin:/bin" "$RINGFENCE" run --ro . -- tool
}

@test "2: usage and spec, and nothing runs" {
	run -2 "$RINGFENCE"
	run -2 "$RINGFENCE" no-such-command
	run -2 "$RINGFENCE" run --no-such-option -- touch ran
	run -2 "$RINGFENCE" run --limit-wall -- touch ran
	run -2 "$RINGFENCE" run --limit-wall 1x --rw . -- touch ran
	run -2 "$RINGFENCE" run --spec no-such-file --rw . -- touch ran
	run -2 "$RINGFENCE" run --rw . --verdict no/such/directory/v -- touch ran
	run -2 "$RINGFENCE" run --rw . --engine warp -- touch ran
	[ ! -e ran ]
}

@test "2: no command" {
	run -2 "$RINGFENCE" run
	run -2 "$RINGFENCE" run --
	run -2 "$RINGFENCE" run -- ""
}
