# SPDX-License-Identifier: LGPL-2.1-or-later
# Running sandboxes: exec, ps, kill, pause, resume.
load harness
load running.bash

setup() {
	harness_setup
	need_userns
	export XDG_RUNTIME_DIR=$DIR/runtime
	mkdir -m 0700 runtime
	cat >show <<-'EOF'
		# what confines whoever runs this
		grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Umask|Cpus_allowed:|Sig(Blk|Ign))' /proc/self/status
		for ns in cgroup ipc mnt net pid time user uts; do readlink /proc/self/ns/$ns; done
		cat /proc/self/limits /proc/self/cgroup /proc/self/mountinfo /proc/self/oom_score_adj
		ls /proc/self/fd
		setpriv --dump
		nice
		pwd
		export -p
	EOF
}

# Sandboxes that a failed test leaves must not outlive it.
teardown() {
	"$RINGFENCE" kill --all --signal KILL --wait 2>/dev/null || true
}

# "box" is killed, and what exec runs in it ends too
killed_with_what_exec_runs() {
	local second status=0

	mkfifo ready
	"$RINGFENCE" exec box -- sh -c 'echo ready; exec sleep 1000' >ready 7>&- 8>&- 3>&- &
	second=$!
	read -r <ready
	"$RINGFENCE" kill --signal KILL --wait box
	ended 137
	wait $second || status=$?
	[ $status = 137 ]
	run -1 read -r -u 8
}

# A command that answers each line that it reads.
echoes='echo up; while read -r line; do echo "got $line"; done'

@test "exec has the confinement of the first command" {
	local options cases=(
		""
		"--no-init"
		"--map root"
		"--map root --capabilities chown,net_raw,setpcap --ambient chown --securebits noroot"
		"--no-new-privileges false --capabilities chown"
		"--umask 027 --nice 7 --oom-score 700 --affinity 0 --limit-nofile 64:128 --limit-core 0 --cwd /tmp"
		"--namespaces user,mount,pid"
		"--namespaces user,mount,pid,net,ipc,uts,cgroup,time --time-boottime 1d"
		"--terminal none"
		"--env-keep NONE --env A=1 --env B="
		"--seccomp off"
		"--seccomp build --no-new-privileges false"
		"--spec layers.yaml"
	)
	is_root && cases+=(
		"--uid 65534 --gid 65534"
		"--uid 65534 --gid 65534 --groups 7,9 --map uid:0:0:65536,gid:0:0:65536"
		"--namespaces mount,pid,net,ipc,uts --capabilities chown"
		"--namespaces mount"
	)
	printf '%s\n' 'extends: default' 'seccomp: build' \
		'landlock: {read: [/], write: [/tmp, /dev]}' >layers.yaml
	for options in "${cases[@]}"; do
		echo "options: $options"
		# shellcheck disable=SC2086 # words
		start $options --name box --ro "$PWD/show:/run/show" -- \
			sh -c '. /run/show >/tmp/first; echo up; exec sleep 1000'
		"$RINGFENCE" exec box -- sh -c '. /run/show >/tmp/second; diff /tmp/first /tmp/second' 3>&- 8>&-
		"$RINGFENCE" kill --signal KILL --wait box
		ended 137
	done
}

@test "exec finds a sandbox by its name, its launcher and its command" {
	start --name box --hostname inside -- sh -c 'echo up; exec sleep 1000'
	run -0 "$RINGFENCE" exec box uname -n
	[ "$output" = inside ]
	run -0 "$RINGFENCE" exec $pid uname -n
	[ "$output" = inside ]
	run -0 "$RINGFENCE" exec "$("$RINGFENCE" ps --json | python3 -c '
import json, sys
print(json.load(sys.stdin)["sandboxes"][0]["command_pid"])')" uname -n
	[ "$output" = inside ]
	run -125 "$RINGFENCE" exec nobody true
	assert_output_has "no sandbox 'nobody' of yours is running"
	run -125 "$RINGFENCE" exec $$ true
	run -2 "$RINGFENCE" exec ../box true
	run -2 "$RINGFENCE" exec box
	run -2 "$RINGFENCE" exec
}

@test "a sandbox without a name is found a moment later" {
	start -- sh -c 'echo up; exec sleep 1000'
	# waits until it is there
	run -0 "$RINGFENCE" exec $pid -- sh -c 'readlink /proc/self/ns/pid >/tmp/it; echo ok'
	[ "$output" = ok ]
	run -0 "$RINGFENCE" ps --quiet
	[ "$output" = $pid ]
	[ ! -e runtime/ringfence ]
}

@test "the exit status of exec is that of its command" {
	start --name box -- sh -c 'echo up; exec sleep 1000'
	run -7 "$RINGFENCE" exec box -- sh -c 'exit 7'
	run -127 "$RINGFENCE" exec box no-such-command
	run -126 "$RINGFENCE" exec box /etc/passwd
	run -124 "$RINGFENCE" exec box --limit-wall 50ms sleep 1000
	run -143 bash -c '"$RINGFENCE" exec box -- sh -c "kill -TERM \$\$"'
	"$RINGFENCE" exec box --verdict verdict -- sh -c 'exit 3' || true
	[ "$(python3 -c 'import json; print(json.load(open("verdict"))["exit_status"])')" = 3 ]
}

@test "an option of exec changes what it names" {
	start --name box --env A=1 --env B=2 --cwd /tmp -- sh -c 'echo up; exec sleep 1000'
	run -0 "$RINGFENCE" exec --cwd /usr box pwd
	[ "$output" = /usr ]
	run -0 env C=3 D=4 "$RINGFENCE" exec box --env B=5 -e C -- sh -c 'echo $A$B$C$D; pwd'
	[ "$output" = "153
/tmp" ]
	run -0 "$RINGFENCE" exec box --argv0 other -- sh -c 'echo $0' sh
	[ "$output" = sh ]
	run -0 setsid "$RINGFENCE" exec box --terminal none -- sh -c 'cut -d" " -f6 /proc/self/stat'
	[ "$output" != 0 ]
}

@test "exec takes another user only from root, and then without capabilities" {
	local user

	start --name box --map root --capabilities chown -- sh -c 'echo up; exec sleep 1000'
	for user in 1:2:3 "" -1 4294967296 4294967295 0x10 no-such-user 1e3 " 1"; do
		run "$RINGFENCE" exec box --uid "$user" id -u
		[ "$status" = 2 ]
	done
	run -0 "$RINGFENCE" exec box --uid 0 id -u
	[ "$output" = 0 ]
	"$RINGFENCE" kill --signal KILL --wait box
	ended 137
	if is_root; then
		start --name box --map uid:0:0:70000,gid:0:0:70000 --uid 0 --gid 0 --capabilities chown -- \
			sh -c 'echo up; exec sleep 1000'
		run -0 "$RINGFENCE" exec box --uid 65534 --gid 65534 -- sh -c 'id -u; id -g; grep ^Cap /proc/self/status'
		[ "$output" = "65534
65534
CapInh:	0000000000000000
CapPrm:	0000000000000000
CapEff:	0000000000000000
CapBnd:	0000000000000000
CapAmb:	0000000000000000" ]
		"$RINGFENCE" kill --signal KILL --wait box
		ended 137
	fi
	start --name box --map self -- sh -c 'echo up; exec sleep 1000'
	[ "$(id -u)" = 0 ] && return
	run -125 "$RINGFENCE" exec box --uid 0 id -u
	assert_output_has "another can only be had where it is root"
}

@test "exec passes no descriptor but 0, 1 and 2" {
	start --name box -- sh -c 'echo up; exec sleep 1000'
	run -0 bash -c 'exec 5</etc/passwd 9</; "$RINGFENCE" exec box ls /proc/self/fd 3>&- 8>&-'
	[ "$output" = "0
1
2
3" ]
}

@test "what exec runs ends with the sandbox" {
	local second status=0

	start --name box -- sh -c "$echoes"
	mkfifo ready
	"$RINGFENCE" exec box -- sh -c 'echo ready; exec sleep 1000' >ready 7>&- 8>&- 3>&- &
	second=$!
	read -r <ready
	exec 7>&-
	ended 0
	wait $second || status=$?
	[ $status = 137 ]
}

@test "what exec runs ends with its own ringfence" {
	local second line

	start --name box -- sh -c "$echoes"
	mkfifo ready
	"$RINGFENCE" exec box -- sh -c 'echo ready; exec sleep 1000' >ready 7>&- 8>&- 3>&- &
	second=$!
	exec 9<ready
	read -r -u 9 line
	kill -KILL $second
	# end of file: nobody has it open any more
	run -1 read -r -u 9 line
	echo still >&7
	read -r -u 8 line
	[ "$line" = "got still" ]
}

@test "ps lists what runs, in text and as JSON" {
	run -0 "$RINGFENCE" ps --quiet
	[ -z "$output" ]
	start --name box --limit-nofile 64 --limit-wall 1h -- sh -c 'echo up; exec sleep 1000'
	run -0 "$RINGFENCE" ps
	[[ "${lines[0]}" == NAME*PID*AGE*STATE*LIMITS*COMMAND ]]
	[[ "${lines[1]}" == box\ *$pid*running*wall=3600000ms,*nofile=64*"sh -c echo up"* ]]
	"$RINGFENCE" ps --json >json
	python3 - $pid <<-'EOF'
		import json, sys
		doc = json.load(open('json'))
		box, = doc['sandboxes']
		assert doc['version'] == 1 and box['name'] == 'box' and box['pid'] == int(sys.argv[1])
		assert box['state'] == 'running' and box['command'][:2] == ['sh', '-c']
		assert box['limits'] == {'wall_ms': 3600000, 'nofile': {'soft': 64, 'hard': 64}}, box
		assert 0 <= box['age_ms'] < 60000
	EOF
}

@test "kill sends TERM to the command, or another signal" {
	local line

	start --name box -- bash -c 'trap "echo got TERM; exit 4" TERM; trap "echo got USR1" USR1; echo up; while :; do read -r; done'
	"$RINGFENCE" kill --signal USR1 box
	read -r -u 8 line
	[ "$line" = "got USR1" ]
	"$RINGFENCE" kill box --wait
	read -r -u 8 line
	[ "$line" = "got TERM" ]
	ended 4
	for line in "" 0 65 -1 TERMS SIG "15 " RTMIN+ RTMIN+99; do
		run -2 "$RINGFENCE" kill --signal "$line" box
	done
	run -125 "$RINGFENCE" kill box
	run -2 "$RINGFENCE" kill
	run -2 "$RINGFENCE" kill --all box
}

@test "kill ends a command that is process 1 and has no handler" {
	start --no-init --name box -- sh -c 'echo up; exec sleep 1000'
	"$RINGFENCE" kill --wait box
	ended 143
}

@test "kill --signal KILL ends all of it, what exec runs too" {
	start --name box -- sh -c 'trap "" TERM INT HUP; setsid sleep 1000 & echo up; wait'
	killed_with_what_exec_runs
}

@test "kill --all ends all" {
	start --name one -- sh -c 'echo up; exec sleep 1000'
	first=$pid
	start --name two -- sh -c 'echo up; exec sleep 1000'
	[ "$("$RINGFENCE" ps -q | sort | xargs)" = "one two" ]
	"$RINGFENCE" kill --all --wait
	wait $first || true
	ended 143
	[ -z "$("$RINGFENCE" ps -q)" ]
	[ -z "$(ls runtime/ringfence)" ]
}

@test "exec joins the control group of the sandbox" {
	local options

	skip_unless cgroup "no control group can be made" "$RINGFENCE" run --limit-pids 50 -- true
	for options in "" --no-init "--namespaces user,mount,pid"; do
		# shellcheck disable=SC2086 # words
		start $options --name box --limit-pids 50 --limit-memory 64M -- \
			sh -c 'cat /proc/self/cgroup >/tmp/first; readlink /proc/self/ns/cgroup >>/tmp/first; echo up; exec sleep 1000'
		"$RINGFENCE" exec box -- sh -c '(cat /proc/self/cgroup; readlink /proc/self/ns/cgroup) | diff /tmp/first -' 3>&- 8>&-
		run -0 "$RINGFENCE" ps
		assert_output_has "memory=67108864,pids=50"
		"$RINGFENCE" pause box
		[ "$(states)" = paused ]
		run -125 "$RINGFENCE" exec box true
		"$RINGFENCE" resume box
		[ "$(states)" = running ]
		"$RINGFENCE" exec box true
		"$RINGFENCE" pause box
		"$RINGFENCE" kill --signal KILL --wait box
		ended 137
	done
}

# states NAME: those of all processes inside, but for pid 1 and what looks
states() {
	"$RINGFENCE" ps --json | python3 -c '
import json, sys
print(json.load(sys.stdin)["sandboxes"][0]["state"])'
}

@test "pause stops all of it until resume" {
	local line

	start --name box -- sh -c "$echoes"
	echo one >&7
	read -r -u 8 line
	[ "$(states)" = running ]
	"$RINGFENCE" pause box
	[ "$(states)" = paused ]
	echo two >&7
	run read -r -t 0.2 -u 8 line
	[ "$status" -gt 128 ]
	run -125 "$RINGFENCE" exec box true
	assert_output_has "the sandbox 'box' is paused"
	"$RINGFENCE" pause box
	"$RINGFENCE" resume box
	read -r -u 8 line
	[ "$line" = "got two" ]
	[ "$(states)" = running ]
	"$RINGFENCE" resume box
}

@test "pause stops a sandbox whose processes are always new" {
	start --name box -- bash -c 'echo up; f() { while :; do (:); done; }; for i in 1 2 3 4; do f & done; wait'
	"$RINGFENCE" pause box
	[ "$(states)" = paused ]
	"$RINGFENCE" resume box
	"$RINGFENCE" kill --signal KILL --wait box
	ended 137
}

@test "a paused sandbox can be killed" {
	start --name box -- sh -c 'echo up; exec sleep 1000'
	"$RINGFENCE" pause box
	"$RINGFENCE" kill --signal KILL --wait box
	ended 137
	start --no-init --name box -- sh -c 'echo up; exec sleep 1000'
	"$RINGFENCE" pause box
	"$RINGFENCE" kill --signal KILL --wait box
	ended 137
}

@test "without a pid namespace pause refuses, and kill ends the family" {
	echo 'namespaces: [user, ipc]' >bare.yaml
	start --spec bare.yaml --name box -- sh -c 'sleep 1000 & sleep 1000 & sleep 1000 & echo up; sleep 1000'
	run -125 "$RINGFENCE" pause box
	assert_output_has "neither a control group nor a pid namespace"
	[ "$(states)" = running ]
	killed_with_what_exec_runs
}

@test "a name is taken for as long as the sandbox runs" {
	start --name box -- sh -c "$echoes"
	printf '%s\n' 'extends: default' 'name: box' >box.yaml
	run -125 "$RINGFENCE" run --spec box.yaml -- true
	assert_output_has "box.yaml:2:7: a sandbox named 'box' is running: File exists"
	exec 7>&-
	ended 0
	run -0 "$RINGFENCE" run --name box -- true
	[ -z "$(ls runtime/ringfence)" ]
}

@test "the name of a launcher that was killed is free" {
	start --name box -- sh -c 'echo up; exec sleep 1000'
	kill -KILL $pid
	ended 137
	[ -e runtime/ringfence/box ]
	[ -z "$("$RINGFENCE" ps -q)" ]
	run -0 "$RINGFENCE" run --name box -- true
	run -125 "$RINGFENCE" exec box true
	[ -z "$(ls runtime/ringfence)" ]
}

@test "of many launches with one name one runs" {
	local i

	for i in 1 2 3 4 5 6 7 8; do
		"$RINGFENCE" run --name box -- sh -c 'echo; exec sleep 1000' >out.$i 2>err.$i 3>&- &
	done
	until [ "$("$RINGFENCE" ps | grep -c '^box .*running')" = 1 ]; do :; done
	until [ "$(cat err.* | grep -c "is running")" = 7 ]; do :; done
	[ "$(cat out.* | wc -l)" = 1 ]
	"$RINGFENCE" kill --all --wait
	wait || true
}

# start_slowly: a sandbox "box" that is not started before something writes to "slow"
start_slowly() {
	rm -f slow
	mkfifo slow
	# its launch opens a fifo and waits for the other side
	"$RINGFENCE" run --name box --fd 5:open="$PWD/slow" -- sh -c 'read -r line <&5; exec sleep 1000' 3>&- &
	pid=$!
	until [ "$("$RINGFENCE" ps -q)" = box ]; do :; done
	run -0 "$RINGFENCE" ps
	assert_output_has starting
}

@test "exec waits for a sandbox that is being started" {
	start_slowly
	"$RINGFENCE" exec box -- echo inside >inside 3>&- &
	second=$!
	# nobody waits for all of them
	run -125 "$RINGFENCE" pause --all
	assert_output_has "just being started"
	echo go >slow
	wait $second
	[ "$(cat inside)" = inside ]
	"$RINGFENCE" kill --wait box
	ended 143
}

@test "so does pause" {
	start_slowly
	"$RINGFENCE" pause box 3>&- &
	second=$!
	echo go >slow
	wait $second
	[ "$(states)" = paused ]
	"$RINGFENCE" kill --signal KILL --wait box
	ended 137
}

@test "a failure of any operation of exec is an error, and the sandbox goes on" {
	local line

	start --name box -- sh -c "$echoes"
	run -125 "$RINGFENCE" exec box --cwd /nowhere -- true
	assert_output_has "No such file or directory"
	echo on >&7
	read -r -u 8 line
	[ "$line" = "got on" ]
}

@test "a set-up call of exec that is refused is an error, and nothing runs" {
	local call

	[ -x "$RF_BUILDDIR/tests/helpers/deny" ] || skip "deny: not built, libseccomp is missing"
	printf '%s\n' 'extends: default' 'landlock: {read: [/], write: [/tmp, /dev]}' \
		'umask: "077"' 'nice: 5' 'limits: {nofile: 64}' 'affinity: [0]' >layers.yaml
	start --spec layers.yaml --name box --map root --capabilities chown -- sh -c "$echoes"
	for call in setns capset prlimit64 setpriority sched_setaffinity chdir landlock_create_ruleset \
		landlock_add_rule landlock_restrict_self; do
		echo "$call"
		run -125 "$RF_BUILDDIR/tests/helpers/deny" -e EPERM $call "$RINGFENCE" exec box -- touch /tmp/ran
	done
	"$RINGFENCE" exec box -- test ! -e /tmp/ran
	echo on >&7
	read -r -u 8 call
	[ "$call" = "got on" ]
}

@test "exec has a terminal of its own, in the sandbox's /dev" {
	local pty=$RF_BUILDDIR/tests/helpers/pty

	start --name box -- sh -c 'echo up; exec sleep 1000'
	run -0 "$pty" -- "$RINGFENCE" exec box -- sh -c 'tty; ls /dev/pts; echo text >/dev/tty'
	assert_output_has "/dev/pts/0"
	assert_output_has text
	# what the spec says holds for exec too
	"$RINGFENCE" kill --signal KILL --wait box
	ended 137
	start --terminal none --name box -- sh -c 'echo up; exec sleep 1000'
	run "$pty" -- "$RINGFENCE" exec box -- sh -c 'echo text >/dev/tty || echo none'
	assert_output_has none
	run "$pty" -- "$RINGFENCE" exec --terminal private box -- sh -c 'echo sum=$((40 + 2)) >/dev/tty'
	assert_output_has sum=42
}

@test "names of running sandboxes are completed" {
	start --name lab-1 -- sh -c 'echo up; exec sleep 1000'
	"$RINGFENCE" completion bash >completion
	complete_as() {	# WORD...: completions of the last one
		bash --norc --noprofile -c '
			. "$0"
			COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
			compopt() { :; }
			_ringfence
			printf "%s\n" "${COMPREPLY[@]}"' completion "$RINGFENCE" "$@"
	}
	[ "$(complete_as exec la)" = lab-1 ]
	[ "$(complete_as exec --cwd / la)" = lab-1 ]
	[ "$(complete_as kill --signal KILL other la)" = lab-1 ]
	[ "$(complete_as kill --si)" = --signal ]
	complete_as exec lab-1 seq | grep -qx seq
}
