# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence run: what the command meets, and how ringfence itself starts.
load harness

setup() {
	harness_setup
	need_userns
}

# sandboxed ARGUMENT...: on each engine in turn
each_engine() {
	local engine

	for engine in plain ring; do
		if [ $engine = ring ]; then
			"$RINGFENCE" run --engine ring --root host -- true 2>/dev/null || continue
		fi
		run "$RINGFENCE" run --engine $engine "$@"
		echo "$engine: $status: $output"
		[ "$status" = 0 ]
	done
}

@test "by default the host cannot be changed and the home is hidden" {
	mkdir -p "$DIR/home"
	echo secret >"$DIR/home/secret"
	export HOME=$DIR/home
	run ! "$RINGFENCE" run -- cat "$DIR/home/secret"
	run ! "$RINGFENCE" run -- touch /usr/ringfence-was-here
	[ ! -e /usr/ringfence-was-here ]
	"$RINGFENCE" run -- touch "$DIR/new" || true
	[ ! -e new ]
	run -0 "$RINGFENCE" run -- sh -c 'ls /tmp; touch /tmp/mine && ls /proc | grep -c "^[0-9]"'
	[ ! -e /tmp/mine ]
}

@test "nothing is left of the sandbox when ringfence has exited" {
	local marker=$((RANDOM + 100000)).$$

	for _ in $(seq 20); do
		run -3 "$RINGFENCE" run -- sh -c "sleep $marker & exit 3"
		run -1 pgrep -f "^sleep $marker"
		run -3 "$RINGFENCE" run --no-init -- sh -c "sleep $marker & exit 3"
		run -1 pgrep -f "^sleep $marker"
	done
}

@test "what it prints is written before it leaves" {
	"$RINGFENCE" run --trace --trace-file "$DIR/trace" -- true
	grep -q exec trace
	run -0 "$RINGFENCE" run --trace -- true
	assert_output_has "exec"
}

@test "what is bound writable is the host's own" {
	run -0 "$RINGFENCE" run --rw . -- sh -c 'echo here >made'
	[ "$(cat made)" = here ]
}

@test "standard input, output and error are the caller's" {
	run -0 bash -c 'echo through | "$RINGFENCE" run -- sh -c "cat; echo to stderr >&2" 2>err'
	[ "$output" = through ]
	[ "$(cat err)" = "to stderr" ]
}

@test "a closed standard descriptor is /dev/null for the command" {
	run -0 bash -c '"$RINGFENCE" run -- sh -c "[ /proc/\$\$/fd/0 -ef /dev/null ] && [ /proc/\$\$/fd/1 -ef /dev/null ]" >&- <&-'
	run -3 bash -c '"$RINGFENCE" run -- sh -c "exit 3" >&- <&- 2>&-'
}

@test "no descriptor but 0, 1 and 2 reaches the command" {
	run -0 bash -c 'exec 7</etc/passwd; "$RINGFENCE" run -- sh -c "ls /proc/self/fd"'
	[ "$(echo $output)" = "0 1 2 3" ]	# 3 is that of ls itself
}

@test "a descriptor that is named reaches the command" {
	run -0 bash -c 'exec 7<<<word; "$RINGFENCE" run --fd 7:inherit -- sh -c "cat <&7"'
	[ "$output" = word ]
}

@test "descriptors that collide with ringfence's own numbers are in order" {
	echo three >3
	echo four >4
	echo five >5
	run -0 "$RINGFENCE" run --fd 3:open=3 --fd 4:open=4 --fd 5:open=5 -- sh -c 'cat <&3 <&4; cat <&3; cat <&4; cat <&5'
	assert_output_has three
	assert_output_has four
	assert_output_has five
}

@test "SIGCHLD and SIGPIPE ignored by the caller change nothing" {
	run -4 bash -c 'trap "" CHLD PIPE; exec "$RINGFENCE" run -- sh -c "exit 4"'
	# the command has the default action of SIGPIPE back
	run -0 bash -c 'trap "" PIPE; "$RINGFENCE" run -- sh -c "kill -PIPE \$\$; echo survived" || true'
	refute_output_has survived
}

@test "a signal mask of the caller is not inherited" {
	run -0 "$RINGFENCE" run -- grep -E '^Sig(Blk|Ign)' /proc/self/status
	[ "$output" = "$(printf 'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000')" ]
}

@test "RLIMIT_NOFILE of 16 is enough" {
	run -6 bash -c 'ulimit -n 16; "$RINGFENCE" run -- sh -c "exit 6"'
}

@test "umask 077 of the caller does not lock the command out" {
	run -0 bash -c 'umask 077; "$RINGFENCE" run -- sh -c "ls / >/dev/null && ls -d /dev/null /tmp >/dev/null && cat /dev/null"'
}

@test "without /proc it runs where no id map is needed, and says so elsewhere" {
	skip_unless userns "cannot hide /proc" unshare -Urm mount -t tmpfs none /proc
	run -0 unshare -Urm sh -c 'mount -t tmpfs none /proc &&
		"$RINGFENCE" run --namespaces mount,ipc,uts --root host -- echo ran'
	[ "$output" = ran ]
	run -125 unshare -Urm sh -c 'mount -t tmpfs none /proc && "$RINGFENCE" run -- echo ran'
	assert_output_has "idmap"
}

@test "with a set-user-ID bit it refuses" {
	need_root
	skip_unless root "the file system has nosuid" test "$(findmnt -no OPTIONS -T "$DIR" | grep -c nosuid)" = 0
	cp "$RINGFENCE" suid
	chmod 4755 suid
	# a script of libtool is not the program
	[ "$(head -c 2 suid)" != '#!' ]
	run -125 as_user ./suid run -- true
	assert_output_has "setuid"
}

@test "both engines run it" {
	each_engine -- true
}

@test "--engine ring says so where io_uring is refused, and auto goes on" {
	[ -x "$RF_BUILDDIR/tests/helpers/deny" ] || skip_unless seccomp "tests/helpers/deny is not built" false
	run -125 "$RF_BUILDDIR/tests/helpers/deny" -e EPERM io_uring_setup "$RINGFENCE" run --engine ring -- true
	assert_output_has "io_uring"
	run -0 "$RF_BUILDDIR/tests/helpers/deny" -e EPERM io_uring_setup "$RINGFENCE" run --trace -- true
	assert_output_has "engine plain: "
	assert_output_has "Operation not permitted"
}

@test "a refused call that has no fallback is an error that names it" {
	[ -x "$RF_BUILDDIR/tests/helpers/deny" ] || skip_unless seccomp "tests/helpers/deny is not built" false
	for error in ENOSYS EPERM; do
		for call in openat2 mount_setattr; do
			run -125 "$RF_BUILDDIR/tests/helpers/deny" -e $error $call "$RINGFENCE" run -- touch ran
			assert_output_has "hint: a seccomp filter"
			assert_output_has "$call"
		done
		for call in clone3 close_range io_uring_setup; do
			run -3 "$RF_BUILDDIR/tests/helpers/deny" -e $error $call "$RINGFENCE" run -- sh -c "exit 3"
		done
	done
}

@test "the wall limit ends all processes of the sandbox" {
	# the pipe's end of file comes when nobody of the sandbox is left
	run -124 bash -c '"$RINGFENCE" run --limit-wall 200ms -- sh -c "sleep 1000 & sleep 1000" | cat; exit ${PIPESTATUS[0]}'
}

@test "what the command leaves running ends with it" {
	# the pipe's end of file comes when nobody of the sandbox is left
	run -0 bash -c '"$RINGFENCE" run -- sh -c "sleep 1000 & echo done" | cat'
	[ "$output" = done ]
}

@test "the command dies with ringfence" {
	mkfifo pipe
	# whoever is left of the sandbox holds the pipe open
	"$RINGFENCE" run --rw . -- sh -c 'exec >pipe; echo up; sleep 1000 & exec sleep 1000' 3>&- &
	local pid=$!
	exec 8<pipe
	read -r -u 8
	kill -KILL $pid
	wait $pid || true
	run cat <&8
	[ -z "$output" ]
}

@test "--die-with-parent: and ringfence with whoever started it" {
	mkfifo pipe
	bash -c '"$RINGFENCE" run --die-with-parent --rw . -- sh -c "exec >pipe; echo up; exec sleep 1000" 3>&- & wait' 3>&- &
	local pid=$!
	exec 8<pipe
	read -r -u 8
	kill -KILL $pid
	wait $pid || true
	run cat <&8
	[ -z "$output" ]
}

@test "nothing of the host is changed by a launch" {
	host_state >before
	"$RINGFENCE" run -- true
	"$RINGFENCE" run -- false || true
	"$RINGFENCE" run -- no-such-command 2>/dev/null || true
	host_state >after
	cmp before after
}

@test "nested: a sandbox inside a sandbox" {
	local program=$DIR/ringfence

	cp "$RINGFENCE" "$program"
	# as root without CAP_SETFCAP the kernel would refuse to map id 0 again
	# the filter refuses new namespaces
	run -0 as_user "$RINGFENCE" run --seccomp off --uid 1000 --gid 1000 --ro "$program" -- \
		"$program" run --root host --hostname inner -- uname -n
	[ "$output" = inner ]
}
