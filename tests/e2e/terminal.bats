# SPDX-License-Identifier: LGPL-2.1-or-later
# Private terminals: what the command has, what becomes of the caller's terminal,
# and what happens to the bytes between them.
load harness

setup() {
	harness_setup
	need_userns
	PTY=$RF_BUILDDIR/tests/helpers/pty
}

# on_terminal STEP... -- COMMAND...: COMMAND on a terminal of 24 by 80
on_terminal() {
	run "$PTY" size:24x80 "$@"
	echo "$output"
}

# shell STEP...: an interactive shell on a terminal
shell() {
	on_terminal 'expect:> ' "$@" -- \
		env PS1='> ' TERM=dumb HISTFILE= bash --norc --noprofile --noediting -i
}

# private ARGUMENT...: what a step has to type to run ringfence so
private() {
	printf '"$RINGFENCE" run --terminal private %s\\r' "$*"
}

@test "the command has a terminal of its own, of its own devpts" {
	on_terminal -- "$RINGFENCE" run --terminal private -- \
		sh -ec 'tty; stty size; for n in 0 1 2; do test -t $n; done; : </dev/tty; echo /dev/pts/*; ps -o sid= -p $$'
	[ "$status" = 0 ]
	[ "${lines[0]%$'\r'}" = /dev/pts/0 ]
	[ "${lines[1]%$'\r'}" = "24 80" ]
	[ "${lines[2]%$'\r'}" = "/dev/pts/0 /dev/pts/ptmx" ]
	[ "$(tr -d ' \r' <<<"${lines[3]}")" = 2 ]
}

@test "its modes are those of the caller's terminal" {
	on_terminal -- sh -ec 'stty -echoctl intr ^G; exec "$RINGFENCE" run --terminal private -- stty -a'
	[ "$status" = 0 ]
	assert_output_has -echoctl
	assert_output_has 'intr = ^G'
}

@test "auto is private where input and output are terminals" {
	on_terminal -- "$RINGFENCE" run -- tty
	[ "${lines[0]%$'\r'}" = /dev/pts/0 ]
}

@test "what is shown has been through one terminal, to the last line" {
	for _ in $(seq 40); do
		on_terminal -- "$RINGFENCE" run -- seq 40 >/dev/null
		[ "$status" = 0 ]
		assert_output_has $'39\r\n40\r'
		refute_output_has $'\r\r'
	done
}

@test "auto is a session of its own in a pipeline, and the terminal is left alone" {
	on_terminal cooked: expect:up unread: cooked: 'send:x\r' -- \
		sh -c '"$RINGFENCE" run -- sh -c "test -t 0 && test ! -t 1 && ! true </dev/tty; echo st=\$?; read x; echo end" 2>&1 | { echo up; cat; }'
	[ "$status" = 0 ]
	assert_output_has st=0
}

@test "auto leaves no terminal to a command whose three descriptors are redirected" {
	on_terminal -- sh -c '"$RINGFENCE" run -- sh -c "! true </dev/tty" </dev/null >out 2>&1; echo status=$?; cat out'
	assert_output_has status=0
}

@test "the shell preset has a private terminal" {
	printf 'extends: [shell]\n' >shell.yaml
	on_terminal 'send:tty; exit 4\r' -- "$RINGFENCE" run --spec shell.yaml
	[ "$status" = 4 ]
	assert_output_has /dev/pts/0
}

@test "what is redirected stays what it is" {
	on_terminal -- sh -c '"$RINGFENCE" run --terminal private --rw . -- sh -c "test -t 0 && test ! -t 1 && test -t 2; echo \$?" >out; cat out'
	[ "${lines[0]%$'\r'}" = 0 ]
	on_terminal -- sh -c 'echo text | "$RINGFENCE" run --terminal private -- sh -c "test ! -t 0; cat"'
	[ "${lines[0]%$'\r'}" = text ]
}

@test "what the spec says of a descriptor holds" {
	on_terminal -- "$RINGFENCE" run --terminal private --fd 0:closed -- sh -c 'test ! -t 0 && test -t 1'
	[ "$status" = 0 ]
}

@test "the size follows the caller's" {
	on_terminal expect:up size:30x90 'expect:30 90' -- "$RINGFENCE" run --terminal private -- \
		bash -c 'trap "stty size; exit" WINCH; echo up; while :; do sleep 0.1; done'
	[ "$status" = 0 ]
}

@test "the mode is raw while the command runs, and as before at the end" {
	shell "send:$(private -- sh -c "'echo u''p; read x'")" expect:up raw: 'send:\r' 'expect:> ' cooked: \
		'send:stty -a | tr -d "\n"; exit\r' 'expect: icanon'
	[ "$status" = 0 ]
}

@test "the mode is restored when a signal ends the command, or ringfence" {
	local sig

	for sig in 1 2 3 14 15; do
		on_terminal expect:up raw: signal:$sig cooked: -- \
			"$RINGFENCE" run --terminal private -- sh -c 'echo up; exec sleep 1000'
		[ "$status" = $((128 + sig)) ]
	done
}

@test "the mode is restored when time is up" {
	on_terminal expect:up raw: cooked: -- \
		"$RINGFENCE" run --terminal private --limit-wall 300ms -- sh -c 'echo up; exec sleep 1000'
	[ "$status" = 124 ]
}

@test "the mode is not touched by a launch that fails" {
	run -127 "$PTY" cooked: -- "$RINGFENCE" run --terminal private -- /nonexistent
}

@test "^\\ ends the command by SIGQUIT" {
	shell "send:$(private -- sh -c "'echo u''p; exec sleep 1000'")" expect:up raw: 'send:\c\' 'expect:> ' \
		'send:echo status=$''?\r' expect:status=131 'expect:> ' 'send:exit\r'
	[ "$status" = 0 ]
}

@test "^C ends the script that runs it, too" {
	shell "send:sh -c 'while :; do \"\$RINGFENCE\" run --terminal private -- sh -c \"echo u\"p\"; exec sleep 1000\"; echo again; done'\\r" \
		expect:up raw: 'send:\cc' 'expect:> ' cooked: 'send:exit\r'
	[ "$status" = 130 ]
	refute_output_has again$'\r'
}

@test "^Z stops the command's whole group, fg continues it" {
	shell "send:$(private -- sh -c "'bash -c \"while read -r x; do echo got \\\$x; done\"; :'")" raw: 'send:one\r' 'expect:got one' \
		'send:\cz' expect:Stopped 'expect:> ' cooked: 'send:fg\r' raw: 'send:two\r' 'expect:got two' \
		'send:\cd' 'expect:> ' 'send:exit\r'
	[ "$status" = 0 ]
}

@test "job control works inside" {
	shell "send:$(private -- env "'PS1=in> '" bash --norc --noediting -i)" 'expect:in> ' \
		"send:sh -c 'echo u''p; read -r x; echo \"got \$x\"'\\r" expect:up 'send:\cz' expect:Stopped 'expect:in> ' \
		'send:fg\r' 'expect:got' 'send:text\r' 'expect:got text' 'expect:in> ' \
		"send:sh -c 'echo u''p; exec sleep 1000'\\r" expect:up 'send:\cc' 'expect:in> ' 'send:exit 7\r' 'expect:> ' \
		'send:echo status=$''?\r' expect:status=7 'expect:> ' 'send:exit\r'
	[ "$status" = 0 ]
}

@test "in the background it prints, and takes no input until it comes to the fore" {
	shell "send:\"\$RINGFENCE\" run --terminal private -- bash -c 'echo u''p; read -r x; echo \"got \$x\"' &\\r" \
		expect:up cooked: 'send:echo sh''ell\r' expect:shell 'send:fg\r' raw: 'send:text\r' \
		'expect:got text' 'expect:> ' cooked: 'send:exit\r'
	[ "$status" = 0 ]
}

@test "bg after ^Z leaves the terminal to the shell" {
	shell "send:$(private -- bash -c "'trap : TSTP; kill -STOP \$\$; echo go''es; read -r x; echo \"got \$x\"'")" \
		expect:Stopped 'expect:> ' 'send:bg\r' expect:goes cooked: 'send:echo sh''ell\r' expect:shell \
		'send:fg\r' raw: 'send:text\r' 'expect:got text' 'expect:> ' 'send:exit\r'
	[ "$status" = 0 ]
}

@test "when the terminal goes away the command is hung up" {
	mkfifo out
	"$PTY" expect:up raw: hangup: -- "$RINGFENCE" run --terminal private --rw . -- \
		bash -c 'trap "echo hangup >out; exit 3" HUP; echo up; while :; do sleep 1000 & wait; done' &
	[ "$(cat out)" = hangup ]
	wait $! || true
}

@test "without a terminal what is printed passes through one all the same, unchanged" {
	local engine

	for engine in ring plain; do
		printf 'a\nb\n' >in
		run -0 --separate-stderr "$RINGFENCE" run --engine $engine --terminal private -- \
			sh -c 'test ! -t 0 && test -t 1 && test -t 2 && stty size <&1; cat' <in
		[ "$output" = $'24 80\na\nb' ]
	done
}

@test "output is complete to the last byte, however slowly it is read" {
	local engine want

	want=$(seq 300000 | md5sum)
	for engine in ring plain; do
		[ "$("$RINGFENCE" run --engine $engine --terminal private -- seq 300000 | md5sum)" = "$want" ]
		[ "$("$RINGFENCE" run --engine $engine --terminal private -- seq 300000 | dd bs=512 iflag=fullblock status=none | md5sum)" = "$want" ]
		"$RINGFENCE" run --engine $engine --terminal private -- seq 300000 >file
		[ "$(md5sum <file)" = "$want" ]
	done
	# the command has ended before anybody reads
	"$RINGFENCE" run --terminal private -- seq 3000 | { until [ -e over ]; do : >over; done; md5sum; } >sum
	[ "$(cat sum)" = "$(seq 3000 | md5sum)" ]
}

@test "a file that is appended to is appended to" {
	echo first >file
	"$RINGFENCE" run --terminal private -- echo second >>file
	[ "$(cat file)" = $'first\nsecond' ]
}

@test "a reader that goes away ends the command" {
	[ "$("$RINGFENCE" run --terminal private -- yes | head -n 1)" = y ]
}

@test "a reader that does not read is not waited for once the command has been ended" {
	mkfifo out
	exec 7<>out
	"$RINGFENCE" run --terminal private -- sh -c 'echo up; exec yes' >out 7>&- &
	pid=$!
	read -r -u 7 line
	kill -TERM $pid
	wait $pid || status=$?
	[ "$status" = 143 ]
}

@test "what the command leaves in the background does not keep ringfence" {
	printf 'namespaces: [user, mount]\nroot: host\nterminal: private\nmounts: [{dev: /dev}]\n' >spec.yaml
	run -0 timeout 20 "$RINGFENCE" run --spec spec.yaml -- sh -c '(trap "" HUP; exec sleep 30) & until grep -q sleep /proc/$!/comm; do :; done; echo $!; exec echo done'
	kill "${lines[0]}" || true
	[ "${lines[1]}" = done ]
}

@test "closed standard descriptors do not matter" {
	run -3 "$RINGFENCE" run --terminal private -- sh -c 'exit 3' <&-
	run -3 "$RINGFENCE" run --terminal private -- sh -c 'exit 3' <&- >&- 2>&-
}

@test "without a /dev of its own the terminal is one of the host's" {
	printf 'root: host\nterminal: private\n' >spec.yaml
	on_terminal -- "$RINGFENCE" run --spec spec.yaml -- sh -c 'stty size; : </dev/tty && echo here'
	[ "$status" = 0 ]
	[ "${lines[0]%$'\r'}" = "24 80" ]
	assert_output_has here
}

@test "the terminal belongs to the command's user" {
	need_root
	on_terminal -- "$RINGFENCE" run --terminal private --uid 65534 --gid 65534 -- \
		sh -ec 'stat -c %u /dev/pts/0; : </dev/pts/0'
	[ "$status" = 0 ]
	[ "${lines[0]%$'\r'}" = 65534 ]
}
