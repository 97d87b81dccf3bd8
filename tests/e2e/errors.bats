# SPDX-License-Identifier: LGPL-2.1-or-later
# What people read when something is wrong: the place, the op, the kernel's
# answer, at most one hint; and nothing is left behind.
load harness

setup() {
	harness_setup
	need_userns
}

# fails STATUS TEXT ARGUMENT...
fails() {
	local want=$1 text=$2

	shift 2
	run -"$want" "$RINGFENCE" "$@"
	echo "status $status: $output"
	assert_output_has "$text"
	# one error, and one hint
	[ "$(grep -c '^ringfence: ' <<<"$output")" = 1 ]
	[ "$(grep -c '^  hint: ' <<<"$output")" -le 1 ]
}

@test "a failing op is named with its place in the spec" {
	printf 'extends: [default]\ncommand: [true]\nmounts:\n  - {ro: /no/such/source}\n' >lab.yaml
	fails 125 "ringfence: lab.yaml:4:" run --spec lab.yaml
	assert_output_has "open_tree"
	assert_output_has "No such file or directory"
	assert_output_has "  hint: "
}

@test "a failing op that comes from an option names the option" {
	fails 125 "ringfence: --ro: open_tree" run --ro /no/such/source -- true
}

@test "a working directory that does not exist inside" {
	fails 125 "ringfence: --cwd: chdir" run --cwd /no/such/directory -- true
	assert_output_has "hint: "
}

@test "a destination that cannot be made on a read-only parent" {
	fails 125 "--tmpfs" run --tmpfs /usr/no-such-place -- true
	assert_output_has "hint: "
}

@test "a command with a missing interpreter" {
	printf '#!/no/such/interpreter\n' >script
	chmod +x script
	fails 127 "exec ./script: No such file or directory" run --ro . -- ./script
	assert_output_has "/no/such/interpreter"
}

@test "a command that is not executable" {
	echo data >data
	fails 126 "exec ./data: Permission denied" run --ro . -- ./data
	assert_output_has "hint: "
}

@test "a file that is no program" {
	head -c 64 /dev/zero >data
	chmod +x data
	fails 126 "exec ./data: Exec format error" run --ro . -- ./data
}

@test "an unknown option and an unknown command get the nearest known word" {
	fails 2 "no option '--hostnam'; did you mean '--hostname'?" run --hostnam x -- true
	fails 2 "did you mean '--no-init'?" run --no-inti -- true
	fails 2 "no command 'runn'; did you mean 'run'?" runn
}

@test "an option without its argument, and one with too many" {
	fails 2 "--hostname needs an argument: NAME" run --hostname
	fails 2 "--init takes no argument" run --init=yes -- true
	fails 2 "-H needs an argument: NAME" run -H
	fails 2 "no option '-~'" run -~ -- true
}

@test "values are parsed completely or refused" {
	local bad

	for bad in 10q -1 1e3 "" " 5" 99999999999999999999 5m5; do
		fails 2 "--limit-wall" run --limit-wall="$bad" -- true
	done
	for bad in x -1 1e3 1k 99999999999999999999; do
		fails 2 "--limit-nofile" run --limit-nofile="$bad" -- true
	done
	fails 2 "--uid" run --uid=no-such-user -- true
	fails 2 "--network" run --network=maybe -- true
	fails 2 "--tmpfs" run --tmpfs relative -- true
	fails 2 "--tmpfs" run --tmpfs /a/../b -- true
}

@test "two entries for one place" {
	fails 2 "/opt" run --tmpfs /opt --dir /opt -- true
}

@test "a spec that cannot be read" {
	fails 2 "no-such-file" run --spec no-such-file -- true
	mkdir directory
	fails 2 "directory" run --spec directory -- true
}

@test "control characters of names do not reach the terminal" {
	run -127 "$RINGFENCE" run -- $'/no/such\e[31m\n'
	[[ "$output" != *$'\e'* ]]
	assert_output_has "/no/such"
}

@test "a closed standard error does not end the launch" {
	run -127 bash -c '"$RINGFENCE" run -- no-such-command 2>&-'
	run -5 bash -c '"$RINGFENCE" run --trace -- sh -c "exit 5" 2>&-'
}

@test "a standard error that nobody reads does not kill ringfence" {
	local status=0

	mkfifo pipe
	exec 7<>pipe
	exec 8>pipe
	exec 7>&-
	"$RINGFENCE" run -- no-such-command 2>&8 || status=$?
	[ $status = 127 ]
	status=0
	"$RINGFENCE" run -- sh -c 'exit 5' 2>&8 || status=$?
	[ $status = 5 ]
	# a trace that could not be written is an error
	status=0
	"$RINGFENCE" run --trace -- true 2>&8 || status=$?
	[ $status = 125 ]
}

@test "after a failure nothing is left on the host" {
	host_state >before
	"$RINGFENCE" run --ro /no/such -- true 2>/dev/null || true
	"$RINGFENCE" run --cwd /no/such -- true 2>/dev/null || true
	"$RINGFENCE" run -- /no/such 2>/dev/null || true
	host_state >after
	cmp before after
}
