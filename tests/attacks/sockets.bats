# SPDX-License-Identifier: LGPL-2.1-or-later
# Abstract unix sockets are named in the network namespace, not in a file
# system (CVE-2020-15257, bazel#27181); pathname sockets answer through a
# read-only bind.
load harness

setup() {
	attack_setup
	NAME=ringfence-test-$$-$BATS_TEST_NUMBER
	coproc LISTENER { exec "$INTRUDER" listen "$NAME" 3>&-; }
	read -r line <&"${LISTENER[0]}"
	[ "$line" = listening ]
}

@test "an abstract socket of the host is not reached" {
	"$INTRUDER" connect "$NAME"
	refused boxed -- /tmp/intruder connect "$NAME"
	refused boxed --network loopback -- /tmp/intruder connect "$NAME"
	refused boxed --map root --capabilities all -- /tmp/intruder connect "$NAME"
}

@test "... unless the network is the host's" {
	run -0 boxed --network host -- /tmp/intruder connect "$NAME"
}

@test "what lies in /run and /tmp is not there" {
	# a home below /tmp would be there, empty
	HOME=/nonexistent run -0 boxed -- sh -c 'ls -A /run; ls -A /tmp'
	[ "$output" = intruder ]
}
