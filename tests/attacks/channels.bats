# SPDX-License-Identifier: LGPL-2.1-or-later
# Channels between two sandboxes that have nothing in common but the host: shared
# memory, message queues, locks, names (isolate 2.5 and 2.6: shared /dev/shm,
# keyrings, locks).  Keys: keys.bats.  Abstract sockets: sockets.bats.
load harness

setup() {
	attack_setup
	NAME=ringfence-channel-$$-$BATS_TEST_NUMBER
}

# left COMMAND...: COMMAND leaves something under $NAME, and stays
left() {
	coproc OTHER { exec "$@" 3>&-; }
	pid=$OTHER_PID
	read -r line <&"${OTHER[0]}"
	[ "$line" = left ]
}

gone() {
	eval "exec ${OTHER[1]}>&-"
	wait "$pid"
}

@test "what one sandbox leaves another does not find, nor does the host" {
	for options in "" "--map root --capabilities all" "--network host"; do
		# shellcheck disable=SC2086 # words
		left "$RINGFENCE" run --seccomp off --ro "$INTRUDER:/tmp/intruder" $options -- /tmp/intruder leave "$NAME"
		# shellcheck disable=SC2086
		refused boxed $options -- /tmp/intruder find "$NAME"
		refused "$INTRUDER" find "$NAME"
		gone
	done
}

@test "... and it would be found inside" {
	run -0 boxed -- sh -c "/tmp/intruder leave $NAME </dev/null; /tmp/intruder find $NAME"
	for channel in "System V shared memory" "/dev/shm" "lock in /tmp"; do
		assert_output_has "found: $channel"
	done
}

@test "what the host has is not found" {
	left "$INTRUDER" leave "$NAME"
	refused boxed -- /tmp/intruder find "$NAME"
	gone
	"$INTRUDER" clear "$NAME"
}

@test "the terminals of two sandboxes have nothing in common" {
	run -0 boxed --terminal private -- sh -c 'echo /dev/pts/*'
	[ "$output" = "/dev/pts/0 /dev/pts/ptmx" ]
}
