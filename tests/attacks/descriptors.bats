# SPDX-License-Identifier: LGPL-2.1-or-later
# Descriptors that the caller or the launcher leaves open are ways out: by
# /proc/self/fd, by fchdir, as the working directory (CVE-2024-21626,
# CVE-2016-9962, CVE-2019-5736).
load harness

@test "what the caller leaks is closed" {
	run -0 boxed -- sh -c 'ls /proc/self/fd | tr "\n" " "' 7<outside 19<"$CANARY" 250</
	[ "$output" = "0 1 2 3 " ]	# 3: the listing itself
}

@test "... on the plain engine, without init, with an image of its own" {
	for options in "--engine plain" --no-init "--map root --uid 0"; do
		# shellcheck disable=SC2086 # words
		run -0 boxed $options -- sh -c 'ls /proc/self/fd | tr "\n" " "' 7<outside 250</
		[ "$output" = "0 1 2 3 " ]
	done
}

@test "a leaked directory is no working directory" {
	for fd in 3 4 5 6 7 8 9 10 11 12; do
		run boxed --cwd "/proc/self/fd/$fd" -- cat "../../$CANARY" canary 7<outside
		[ "$status" = 125 ]
	done
}

@test "the working directory is below the root" {
	cd outside
	run -0 boxed -- sh -c 'pwd; ls'
	refute_output_has canary
	refute_output_has unreachable
}

@test "a directory is passed in only where the spec says so" {
	run -2 boxed --fd 7:inherit -- true 7<outside
	assert_output_has "a way out of the sandbox"
	run -2 boxed -- true <outside
	assert_output_has "a way out of the sandbox"
}

@test "a file that is passed in leads nowhere" {
	run -0 boxed --fd 7:inherit -- cat /proc/self/fd/7 7<"$CANARY"
	[ "$output" = alive ]
	refused boxed --fd 7:inherit -- /tmp/intruder dotdot 7 "$CANARY" 7<"$CANARY"
}

@test "pid 1 has its socket or the pidfd of the command, and nothing else" {
	run -0 boxed --map root --capabilities all -- sh -c 'readlink /proc/1/fd/* || :'
	refute_output_has denied
	for target in $output; do
		case $target in
		anon_inode:\[pidfd\] | socket:*) ;;
		*) false ;;
		esac
	done
}
