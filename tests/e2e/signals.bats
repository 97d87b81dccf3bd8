# SPDX-License-Identifier: LGPL-2.1-or-later
# Signals and the terminal: ringfence is transparent.
load harness

setup() {
	harness_setup
	need_userns
	PTY=$RF_BUILDDIR/tests/helpers/pty
}

# start ARGUMENT...: run in the background; the command has said "up" when this
# returns.  Its output is descriptor 8.  Sets pid.
start() {
	mkfifo out
	# a shell without job control has INT and QUIT ignored in the background
	env --default-signal "$RINGFENCE" run "$@" >out 2>err 8>&- &
	pid=$!
	exec 8<out
	read -r -u 8 line
	[ "$line" = up ]
}

# shell STEP...: an interactive shell on a terminal
shell() {
	run "$PTY" 'expect:> ' "$@" -- \
		env PS1='> ' TERM=dumb HISTFILE= bash --norc --noprofile --noediting -i
	echo "$output"
}

@test "a signal to ringfence reaches the command" {
	local sig

	for sig in HUP INT QUIT TERM USR1 USR2 WINCH; do
		rm -f out
		start -- bash -c "trap 'echo got $sig; exit 9' $sig; echo up; sleep 1000 & wait"
		kill -$sig $pid
		read -r -u 8 line
		[ "$line" = "got $sig" ]
		ended 9
	done
}

@test "a signal that kills the command kills ringfence likewise" {
	start -- sh -c 'echo up; exec sleep 1000'
	kill -TERM $pid
	ended 143
}

@test "a real-time signal is passed on" {
	start -- bash -c 'trap "echo got; exit 3" RTMIN+3; echo up; sleep 1000 & wait'
	kill -RTMIN+3 $pid
	read -r -u 8 line
	[ "$line" = got ]
}

@test "what nohup ignores is not passed on" {
	mkfifo out
	(trap '' HUP; exec "$RINGFENCE" run -- bash -c 'trap "echo hangup" HUP; trap "echo term; exit 0" TERM; echo up; sleep 1000 & wait; wait') >out 8>&- &
	pid=$!
	exec 8<out
	read -r -u 8 line
	kill -HUP $pid
	kill -TERM $pid
	read -r -u 8 line
	[ "$line" = term ]
	ended 0
}

@test "process 1 without a handler ends by the signal all the same" {
	start --no-init -- sh -c 'echo up; exec sleep 1000'
	kill -TERM $pid
	ended 143
}

@test "process 1 with a handler gets the signal" {
	start --no-init -- bash -c 'trap "echo got; exit 4" TERM; echo up; sleep 1000 & wait'
	kill -TERM $pid
	read -r -u 8 line
	[ "$line" = got ]
	ended 4
}

@test "^C ends the command, and ringfence as by SIGINT" {
	shell "send:\"\$RINGFENCE\" run -- sh -c 'echo u''p; exec sleep 1000'\\r" expect:up \
		'send:\cc' 'expect:> ' 'send:echo status=$''?\r' expect:status=130 'expect:> ' 'send:exit\r'
	[ "$status" = 0 ]
}

@test "^C reaches a command that handles it once" {
	shell "send:\"\$RINGFENCE\" run -- bash -c 'n=0; trap \"let n++\" INT; echo u''p; read -r line; echo \"n=\$n\"'\\r" \
		expect:up 'send:\cc' 'expect:^C' 'send:\r' 'expect:n=1' 'expect:> ' 'send:exit\r'
	[ "$status" = 0 ]
}

@test "^Z stops both, fg continues both" {
	shell "send:\"\$RINGFENCE\" run -- sh -c 'echo u''p; read line; echo \"read \$line\"'\\r" expect:up \
		'send:\cz' expect:Stopped 'expect:> ' 'send:fg\r' expect:read 'send:text\r' 'expect:read text' \
		'expect:> ' 'send:exit\r'
	[ "$status" = 0 ]
}

@test "^Z stops process 1 too" {
	shell "send:\"\$RINGFENCE\" run --no-init -- sh -c 'echo u''p; read line; echo \"read \$line\"'\\r" expect:up \
		'send:\cz' expect:Stopped 'expect:> ' 'send:fg\r' expect:read 'send:text\r' 'expect:read text' \
		'expect:> ' 'send:exit\r'
	[ "$status" = 0 ]
}

@test "a command that stops itself stops ringfence" {
	shell "send:\"\$RINGFENCE\" run -- sh -c 'kill -STOP \$''\$; echo again'\\r" expect:Stopped 'expect:> ' \
		'send:fg\r' expect:again 'expect:> ' 'send:exit\r'
	[ "$status" = 0 ]
}

@test "a command that handles ^Z keeps ringfence running" {
	shell "send:\"\$RINGFENCE\" run -- bash -c 'trap \"echo han''dled\" TSTP; echo u''p; read line; echo \"read \$line\"'\\r" \
		expect:up 'send:\cz' 'send:text\r' 'expect:read text' 'expect:> ' 'send:exit\r'
	[ "$status" = 0 ]
	refute_output_has Stopped
}

@test "in a session of its own the command is reached by ^C" {
	shell "send:\"\$RINGFENCE\" run --terminal none -- sh -c 'echo u''p; exec sleep 1000'\\r" expect:up \
		'send:\cc' 'expect:> ' 'send:echo status=$''?\r' expect:status=130 'expect:> ' 'send:exit\r'
	[ "$status" = 0 ]
}

@test "in a session of its own the command is stopped by ^Z" {
	shell "send:\"\$RINGFENCE\" run --terminal none -- bash -c 'trap \"echo con''tinued\" CONT; echo u''p; while :; do sleep 1000 & wait; done'\\r" expect:up \
		'send:\cz' expect:Stopped 'expect:> ' 'send:fg\r' 'expect:continued' 'send:\cc' 'expect:> ' \
		'send:echo status=$''?\r' expect:status=130 'expect:> ' 'send:exit\r'
	[ "$status" = 0 ]
}

@test "as another user the command is stopped by ^Z" {
	need_root
	shell "send:\"\$RINGFENCE\" run --uid 65534 --gid 65534 -- sh -c 'echo u''p; read line; echo \"read \$line\"'\\r" expect:up \
		'send:\cz' expect:Stopped 'expect:> ' 'send:fg\r' expect:read 'send:text\r' 'expect:read text' \
		'expect:> ' 'send:exit\r'
	[ "$status" = 0 ]
}

@test "without a terminal a stopped command does not stop ringfence" {
	run -124 setsid -w "$RINGFENCE" run --limit-wall 200ms -- sh -c 'kill -STOP $$'
}

@test "a signal before the command runs ends the launch" {
	# the command's file is a pipe that nobody writes: set-up waits for it
	mkfifo never
	"$RINGFENCE" run --fd 3:open=never -- true 2>err &
	pid=$!
	until [ -e /proc/$pid ] && grep -q '^SigBlk:.*[1-9a-f]' /proc/$pid/status; do :; done
	kill -TERM $pid
	ended 143
}
