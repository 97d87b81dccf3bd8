# SPDX-License-Identifier: LGPL-2.1-or-later
# Landlock where nothing else stands in the way: no namespaces, the host's files,
# the caller's own processes.
load harness

setup() {
	attack_setup
	skip_unless landlock "the kernel has no Landlock" has_landlock 1
	mkdir free
	echo mine >free/file
}

# has_landlock ABI
has_landlock() {
	[ "$("$RINGFENCE" explain --print-features | sed -n 's/^landlock: //p')" -ge "$1" ]
}

# bare ARGUMENT...: Landlock and no other layer.
bare() {
	"$RINGFENCE" run --spec /dev/stdin --landlock-read /usr,/bin,/lib,/lib64,/etc,/dev \
		--landlock-write "$DIR/free" "$@" <<<'{namespaces: [], seccomp: off}'
}

@test "what is listed can be used" {
	run -0 bare -- sh -c 'echo more >>"$1/free/file" && mkdir "$1/free/new" && cat "$1/free/file"' \
		- "$DIR"
	[ "$output" = $'mine\nmore' ]
}

@test "the canary is neither read, written, replaced nor removed" {
	for attack in 'cat "$1"' 'echo dead >"$1"' 'rm -f "$1" && exit; exit 1' \
		'echo dead >free/x; mv free/x "$1"' 'ls outside' ': >outside/new' 'mkdir outside/new' \
		'truncate -s 0 "$1"'; do
		run bare -- sh -c "$attack" - "$CANARY"
		[ "$status" != 0 ]
		canary_lives
	done
}

@test "no link leads out" {
	ln -s "$CANARY" free/link
	ln -s "$DIR/outside" free/dir
	for path in free/link free/dir/canary "/proc/self/root$CANARY" "free/../outside/canary"; do
		run bare -- cat "$path"
		[ "$status" = 1 ]
	done
	run bare -- ln "$CANARY" free/hard
	[ "$status" != 0 ]
	run bare -- mv outside/canary free/canary
	[ "$status" != 0 ]
}

@test "no device node is made, by root or by anybody" {
	run bare -- mknod free/null c 1 3
	[ "$status" != 0 ]
	[ ! -e free/null ]
}

@test "it is inherited, and cannot be widened" {
	run bare -- sh -c 'sh -c "cat \"\$1\"" - "$1"' - "$CANARY"
	[ "$status" = 1 ]
	cp "$RINGFENCE" free/ringfence
	run bare -- free/ringfence run --spec /dev/stdin --landlock-read / -- cat "$CANARY" \
		<<<'{namespaces: [], seccomp: off}'
	[ "$status" != 0 ]
	refute_output_has alive
}

@test "a program that is not listed is not run" {
	cp "$INTRUDER" outside-program
	run -126 bare --no-landlock-loader -- "$DIR/outside-program"
	rm outside-program
}

@test "abstract unix sockets of the host are out of reach (bazel#27181)" {
	skip_unless landlock "the kernel's Landlock has no scopes" has_landlock 6
	local name=ringfence-landlock-$$

	coproc LISTENER { exec "$INTRUDER" listen "$name" 3>&-; }
	read -r line <&"${LISTENER[0]}"
	[ "$line" = listening ]
	cp "$INTRUDER" free/intruder
	run -0 bare -- free/intruder connect "$name"
	run -1 bare --landlock-scope abstract_unix -- free/intruder connect "$name"
}

@test "signals stay inside" {
	skip_unless landlock "the kernel's Landlock has no scopes" has_landlock 6
	run -0 bare -- kill -0 $$
	run bare --landlock-scope signal -- kill -0 $$
	[ "$status" != 0 ]
	run -0 bare --landlock-scope signal -- sh -c 'kill -0 $$'
}

@test "only the ports that are listed are reached or bound" {
	skip_unless landlock "the kernel's Landlock knows no ports" has_landlock 4
	run bare --landlock-connect 1 -- bash -c 'echo </dev/tcp/127.0.0.1/1'
	assert_output_has "refused"
	run bare --landlock-connect 1 -- bash -c 'echo </dev/tcp/127.0.0.1/2'
	assert_output_has "ermission denied"
}

@test "the sandbox of everybody has it as another layer" {
	# shellcheck disable=SC2016
	local command='echo x >/tmp/file && cat /tmp/file && exec cat /proc/self/status'

	run -1 "$RINGFENCE" run --landlock-read /usr,/etc --landlock-write /tmp -- sh -c "$command"
	[ "${lines[0]}" = x ]
	assert_output_has "/proc/self/status: Permission denied"
	run -0 "$RINGFENCE" run --landlock-read /usr,/etc,/proc --landlock-write /tmp -- \
		sh -c "$command"
	assert_output_has "Seccomp:	2"
}
