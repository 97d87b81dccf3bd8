# SPDX-License-Identifier: LGPL-2.1-or-later
# Other tasks: signals to the outside, ptrace of pid 1, what is read from the
# launcher's memory (CVE-2016-9962, CVE-2016-8659; a context that shares memory
# and is pid 1 beside a root payload).
load harness

powerful() {
	boxed --map root --capabilities all "$@"
}

@test "no process of the host can be seen or signalled" {
	sleep 1000 3>&- &
	outsider=$!
	refused boxed -- sh -c "kill -0 $outsider || kill -0 $PPID || exit 1"
	run boxed --map root --capabilities all -- sh -c 'kill -9 -1; exit 0'
	kill -0 $outsider
	kill $outsider
}

@test "kill -1 of the command does not end pid 1 before the command" {
	run -3 boxed -- sh -c 'kill -9 -1 || :; kill -9 1 || :; exit 3'
}

@test "pid 1 cannot be traced by an ordinary command" {
	refused boxed -- /tmp/intruder trace 1
}

@test "nothing of the launcher is in the memory of any task inside" {
	# half and half: the words of this command line must not be what is found
	export RF_TEST_SECRET=canary-of-the-launcher
	refused powerful -- /tmp/intruder memories canary-of -the-launcher
	refused powerful --no-init -- /tmp/intruder memories canary-of -the-launcher
}

@test "... and the search would find it" {
	export RF_TEST_SECRET=canary-of-the-launcher
	run -0 powerful --env-keep RF_TEST_SECRET,PATH -- /tmp/intruder memory self canary-of -the-launcher
}
