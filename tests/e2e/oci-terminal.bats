# SPDX-License-Identifier: LGPL-2.1-or-later
# Terminals that nobody else takes: `run` and `exec -t` with the caller's own.
load harness
load oci

setup() {
	oci_setup
	need_userns
	PTY=$RF_BUILDDIR/tests/helpers/pty
}

teardown() {
	oci_teardown
}

# with_terminal COMMAND...: a bundle for it
with_terminal() {
	bundle 'c["process"]["terminal"] = True; c["root"]["readonly"] = False' "$@"
}

# on_terminal STEP... -- COMMAND...: COMMAND on a terminal of 24 by 80
on_terminal() {
	run "$PTY" size:24x80 "$@"
	echo "$output"
}

# run_there STEP...: the container, on such a terminal
run_there() {
	on_terminal "$@" -- "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
}

# shell STEP...: an interactive shell on a terminal
shell() {
	on_terminal 'expect:> ' "$@" -- \
		env PS1='> ' TERM=dumb HISTFILE= bash --norc --noprofile --noediting -i
}

# oci_line ARGUMENT...: what a step types to have ringfence-oci do that
oci_line() {
	printf '"$OCI" --root "$STATE" %s\\r' "$*"
}

# running COMMAND...: a container with that, left alone
running() {
	bundle 'c["root"]["readonly"] = False' "$@"
	oci run -d -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
}

@test "run: the process has a terminal of its container, the size and modes of the caller's" {
	with_terminal sh -ec 'tty; stty size; for n in 0 1 2; do test -t $n; done; : </dev/tty
test -c /dev/console; stat -c %t:%T -L /dev/console /proc/self/fd/0 | uniq | wc -l; stty -a | grep -o "intr = .."; ps -o sid= -p $$'
	on_terminal -- sh -c 'stty intr ^G; exec "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"'
	[ "$status" = 0 ]
	[ "${output//$'\r'/}" = "/dev/pts/0
24 80
1
intr = ^G
      1" ]
	nothing_left
}

@test "run: the size is the caller's, and consoleSize's where that has none" {
	bundle 'c["process"]["terminal"] = True; c["process"]["consoleSize"] = {"height": 33, "width": 44}' stty size
	run_there
	[ "${lines[0]%$'\r'}" = "24 80" ]
	run "$PTY" size:0x0 -- "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "${lines[0]%$'\r'}" = "33 44" ]
}

@test "run: the size follows the caller's" {
	with_terminal bash -c 'trap "stty size; exit 6" WINCH; echo up; while :; do sleep 0.1; done'
	run_there expect:up size:30x90 'expect:30 90'
	[ "$status" = 6 ]
}

@test "run: typed, shown, raw meanwhile, as before at the end, and the exit status" {
	with_terminal sh -c 'echo "u""p"; read -r x; echo "got $x"; exit 7'
	shell "send:$(oci_line run -b '"$BUNDLE"' '"$ID"')" expect:up raw: 'send:text\r' 'expect:got text' 'expect:> ' \
		cooked: 'send:echo status=$''?; stty -a | tr -d "\n"; exit\r' expect:status=7 'expect: icanon'
	[ "$status" = 0 ]
	refute_output_has $'\r\r'
	nothing_left
}

@test "run: job control inside, ^C and ^Z are its own" {
	with_terminal env 'PS1=in> ' bash --norc --noediting -i
	run_there 'expect:in> ' "send:sh -c 'echo u''p; read -r x; echo \"got \$x\"'\\r" expect:up 'send:\cz' \
		expect:Stopped 'expect:in> ' 'send:fg\r' expect:got 'send:text\r' 'expect:got text' 'expect:in> ' \
		"send:sh -c 'echo u''p; exec sleep 1000'\\r" expect:up 'send:\cc' 'expect:in> ' 'send:exit 7\r'
	[ "$status" = 7 ]
	nothing_left
}

@test "run: the mode is restored when a signal ends the process, and from outside" {
	local sig

	for sig in 1 2 3 14 15; do
		with_terminal bash -c 'for s in 1 2 3 14 15; do trap "exit $((50 + s))" $s; done; echo up; while :; do sleep 0.1; done'
		run_there expect:up raw: signal:$sig cooked:
		[ "$status" = $((50 + sig)) ]
	done
	# by others: a kill, and a container that is deleted under it
	with_terminal sh -c 'echo "u""p"; exec sleep 1000'
	run_there expect:up raw: shell:'"$OCI" --root "$STATE" kill "$ID" KILL' cooked:
	[ "$status" = 137 ]
	run_there expect:up raw: shell:'"$OCI" --root "$STATE" delete --force "$ID"' cooked:
	nothing_left
}

@test "run: the mode is not touched by what fails, before and behind the gate" {
	with_terminal /nosuch
	on_terminal cooked: -- "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" = 1 ]
	printf '#!/nosuch\n' >"$BUNDLE/rootfs/tmp/script"
	chmod 755 "$BUNDLE/rootfs/tmp/script"
	with_terminal /tmp/script
	on_terminal cooked: -- bash -c 'b=$(stty -g); "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"; s=$?; [ "$(stty -g)" = "$b" ] && exit $s'
	[ "$status" = 1 ]
	assert_output_has "exec /tmp/script"
	bundle 'c["process"]["terminal"] = True; c["hooks"] = {"poststart": [{"path": "/bin/sh", "args": ["sh", "-c", "exit 3"]}]}' \
		sh -c 'exit 4'
	run_there
	[ "$status" = 4 ]
	nothing_left
}

@test "run: in the background it prints, and takes no input until it comes to the fore" {
	with_terminal sh -c 'echo "u""p"; read -r x; echo "got $x"'
	shell "send:$(oci_line run -b '"$BUNDLE"' '"$ID"' '&')" expect:up cooked: 'send:echo sh''ell\r' expect:shell \
		'send:fg\r' raw: 'send:text\r' 'expect:got text' 'expect:> ' cooked: 'send:exit\r'
	[ "$status" = 0 ]
	nothing_left
}

@test "run: stopped and continued it finds its terminal again" {
	with_terminal bash -c 'echo u""p; read -r x; echo "got $x"'
	shell "send:$(oci_line run -b '"$BUNDLE"' '"$ID"')" expect:up raw: fg-signal:19 expect:Stopped 'expect:> ' \
		'send:stty sane; fg\r' raw: 'send:text\r' 'expect:got text' 'expect:> ' cooked: 'send:exit\r'
	[ "$status" = 0 ]
}

@test "run: all three descriptors are the terminal, whatever ours are" {
	with_terminal sh -c 'for n in 0 1 2; do test -t $n && tty <&$n; done; stty size; read -r x; echo "got $x"'
	# typed by a pipe, echoed to nobody, and the caller's terminal left alone
	on_terminal -- sh -c 'stty -a >before; echo text | "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID" >out 2>&1; stty -a | cmp - before; od -c out | grep -c "\\\\r"'
	[ "${lines[0]%$'\r'}" = 0 ]
	diff out - <<-END
		/dev/pts/0
		/dev/pts/0
		/dev/pts/0
		24 80
		got text
	END
	# typed at the terminal, shown to a file
	on_terminal raw: 'send:text\r' cooked: -- sh -c '"$OCI" --root "$STATE" run -b "$BUNDLE" "$ID" >out 2>&1'
	[ "$(tail -n 1 out)" = "got text" ]
	run -1 grep -q $'\r' out
	nothing_left
}

@test "run: whatever is typed by a file or a pipe arrives, and its end is no end" {
	local want

	with_terminal sh -c 'head -n 50000 | md5sum; echo end'
	seq 50000 >in
	want=$(md5sum <in)
	on_terminal -- sh -c '"$OCI" --root "$STATE" run -b "$BUNDLE" "$ID" <in'
	assert_output_has "$want"
	assert_output_has end
	on_terminal -- sh -c 'cat in | "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"'
	assert_output_has "$want"
}

@test "run: output is complete to the last byte, however slowly it is read" {
	local want

	want=$(seq 100000 | md5sum)
	with_terminal seq 100000
	on_terminal -- sh -c '"$OCI" --root "$STATE" run -b "$BUNDLE" "$ID" | dd bs=512 iflag=fullblock status=none | md5sum;
		"$OCI" --root "$STATE" run -b "$BUNDLE" "$ID" </dev/null >out; md5sum <out'
	[ "${lines[0]%$'\r'}" = "$want" ]
	[ "${lines[1]%$'\r'}" = "$want" ]
}

@test "run: a reader that does not read is not waited for once the process has been ended" {
	mkfifo fifo
	with_terminal sh -c ': >/tmp/up; exec yes'
	exec 7<>fifo
	on_terminal "wait:$BUNDLE/rootfs/tmp/up" shell:'sleep 0.3; "$OCI" --root "$STATE" kill "$ID" KILL; sleep 0.3' signal:15 -- \
		sh -c 'exec "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID" >fifo 7>&-'
	[ "$status" = 137 ]
	nothing_left
}

@test "run: when the terminal goes away the process is hung up" {
	with_terminal bash -c 'trap "exit 3" HUP; echo up; while :; do sleep 0.1; done'
	run "$PTY" expect:up raw: hangup: -- "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" = 3 ]
	nothing_left
}

@test "without a terminal anywhere it is refused, as with runc and crun, and detached without a socket" {
	with_terminal true
	run -1 setsid -w "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID" </dev/null
	assert_output_has "process.terminal: the caller has no terminal"
	assert_output_has "--console-socket"
	on_terminal -- "$OCI" --root "$STATE" run -d -b "$BUNDLE" "$ID"
	[ "$status" = 1 ]
	assert_output_has "process.terminal: nobody takes the terminal: --console-socket says who"
	on_terminal -- "$OCI" --root "$STATE" create -b "$BUNDLE" "$ID"
	[ "$status" = 1 ]
	nothing_left
	# one that is the session's, and none of the three
	with_terminal sh -c 'stty size; read -r x; echo "got $x"'
	on_terminal -- sh -c 'echo text | "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID" 2>err | cat'
	assert_output_has "24 80"
	assert_output_has "got text"
}

@test "exec -t: a terminal of the container, raw meanwhile, and the exit status" {
	running sleep 1000
	shell "send:$(oci_line exec -t '"$ID"' sh -c "'tty; stty size; test -c /dev/tty && echo u''p; read -r x; echo \"got \$x\"; exit 9'")" \
		'expect:/dev/pts/' 'expect:24 80' expect:up raw: 'send:text\r' 'expect:got text' 'expect:> ' cooked: \
		'send:echo status=$''?\r' expect:status=9 'expect:> ' 'send:exit\r'
	[ "$status" = 0 ]
	on_terminal -- "$OCI" --root "$STATE" exec -t "$ID" sh -c 'for n in 0 1 2; do test -t $n || exit 1; done; exit 5'
	[ "$status" = 5 ]
	on_terminal expect:up size:30x90 'expect:30 90' -- "$OCI" --root "$STATE" exec -t "$ID" \
		bash -c 'trap "stty size; exit" WINCH; echo up; while :; do sleep 0.1; done'
	[ "$status" = 0 ]
}

@test "exec -t: a process.json with a terminal, and failures" {
	running sleep 1000
	python3 -c 'import json
json.dump({"terminal": True, "cwd": "/", "args": ["sh", "-c", "stty size; exit 8"], "user": {"uid": 0, "gid": 0}, "env": ["PATH=/usr/bin"]}, open("process", "w"))'
	on_terminal -- "$OCI" --root "$STATE" exec -p process "$ID"
	[ "$status" = 8 ]
	[ "${lines[0]%$'\r'}" = "24 80" ]
	on_terminal cooked: -- "$OCI" --root "$STATE" exec -t "$ID" nosuch
	[ "$status" = 255 ]
	on_terminal cooked: -- "$OCI" --root "$STATE" exec -d -t "$ID" true
	[ "$status" = 255 ]
	assert_output_has "--console-socket"
	run -255 setsid -w "$OCI" --root "$STATE" exec -t "$ID" true </dev/null
	assert_output_has "the caller has no terminal"
	# the container ends under it
	on_terminal expect:up raw: shell:'"$OCI" --root "$STATE" kill "$ID" KILL' cooked: -- \
		"$OCI" --root "$STATE" exec -t "$ID" sh -c 'echo "u""p"; exec sleep 1000'
	[ "$status" = 137 ]
}
