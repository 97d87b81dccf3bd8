# SPDX-License-Identifier: LGPL-2.1-or-later
# A command in a sandbox that a pool had ready is what it is in one of its own.
load harness
load limits
load pool

setup() {
	harness_setup
	pool_setup
}

teardown() {
	pool_teardown
	remove_parent
}

@test "a command takes a sandbox that is ready, and another is made" {
	pool --spec pool.yaml -n 2
	until_status ready 2
	run -0 warm -- echo hi
	[ "$output" = hi ]
	[ "$(status taken)" = 1 ]
	until_status ready 2
	[ "$(status made)" = 3 ]
	[ "$(status running)" = 0 ]
}

@test "the exit status is the command's, or says what kept it from running" {
	pool --spec pool.yaml
	run -3 warm -- sh -c 'exit 3'
	run -127 warm -- no-such-command
	assert_output_has 'exec no-such-command: looked for in '
	run -126 warm -- /etc/passwd
	run -125 warm --cwd /nowhere -- true
	assert_output_has 'chdir "/nowhere": No such file or directory'
	run -137 warm -- sh -c 'kill -KILL $$'
	run -0 warm -- true
}

@test "arguments, environment, working directory, umask and limits are the caller's" {
	mkdir -p here
	cat >pool.yaml <<-EOF_SPEC
		extends: [default]
		mounts: [{ro: $DIR}]
		env: {keep: [MINE, PATH]}
	EOF_SPEC
	pool --spec pool.yaml
	cat >ask.sh <<-'EOF_SH'
		cd here; umask 027; ulimit -S -n 77
		export MINE=yes
		exec "$RINGFENCE" run --pool --pool-else=error -- \
			sh -c 'pwd; umask; ulimit -n; echo "$MINE" "$0" "$1"' one 'two  three'
	EOF_SH
	run -0 bash ask.sh
	[ "${lines[0]}" = "$DIR/here" ]
	[ "${lines[1]}" = 0027 ]
	[ "${lines[2]}" = 77 ]
	[ "${lines[3]}" = 'yes one two  three' ]
	# nothing of it is there for the next one
	run -0 warm -- sh -c 'umask; ulimit -n; echo "[$MINE]"'
	[ "${lines[0]}" = "$(umask)" ]
	[ "${lines[1]}" = "$(ulimit -n)" ]
	[ "${lines[2]}" = '[]' ]
}

@test "descriptors are passed as the spec says, and as they are" {
	cat >pool.yaml <<-'EOF_SPEC'
		extends: [default]
		fds: {5: inherit, 9: {from: 6}}
	EOF_SPEC
	pool --spec pool.yaml
	echo five >5
	echo six >6
	run -0 bash -c 'echo in | "$RINGFENCE" run --pool --pool-else=error -- sh -c "cat; cat <&5; cat <&9; ls /proc/self/fd" 5<5 6<6 7<6 8>&- 2>/dev/null'
	[ "$(echo $output)" = "in five six 0 1 2 3 5 9" ]
	# a pipe ends when the command does, and not with the pool
	run -0 bash -c '"$RINGFENCE" run --pool --pool-else=error -- echo through 5<5 6<6 | cat'
	[ "$output" = through ]
	# what is not there is an error of the launch, with the pool or without
	run ! "$RINGFENCE" run --pool -- true 5<5
	assert_output_has 'descriptor 6 is not open'
	run ! warm -- true 5<. 6<6
	assert_output_has 'descriptor 5 is a directory or a path'
}

@test "signals reach the command, and end it as they do without a pool" {
	pool --spec pool.yaml
	mkfifo out
	"$RINGFENCE" run --pool --pool-else=error -- sh -c 'trap "echo got; exit 9" TERM; echo up; while :; do sleep 0.05; done' >out 3>&- &
	pid=$!
	exec 8<out
	read -r -u 8 line
	[ "$line" = up ]
	kill -TERM $pid
	read -r -u 8 line
	[ "$line" = got ]
	ended 9
	exec 8<&-
	"$RINGFENCE" run --pool --pool-else=error -- sleep 60 3>&- &
	pid=$!
	until_status running 1
	kill -HUP $pid
	ended 129
	until_status running 0
}

@test "without init, a signal that the command does not handle ends it" {
	pool --spec pool.yaml --no-init
	"$RINGFENCE" run --pool --pool-else=error -- sleep 60 3>&- &
	pid=$!
	until_status running 1
	kill -TERM $pid
	ended 143
}

@test "a caller that is killed takes its command along" {
	pool --spec pool.yaml
	"$RINGFENCE" run --pool --pool-else=error -- sleep 61.25 3>&- &
	pid=$!
	until_status running 1
	pgrep -f '^sleep 61.25'
	kill -KILL $pid
	until_status running 0
	run ! pgrep -f '^sleep 61.25'
	run -0 warm -- true
}

@test "a pool that is killed takes all of it along, and leaves its place to the next" {
	# orphans come to somebody who reaps them, which not every init does
	cat >reaper.py <<-'EOF_PY'
		import ctypes, os, signal, sys
		ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
		pid = os.spawnv(os.P_NOWAIT, os.environ['RINGFENCE'],
		                ['ringfence', 'pool', '--spec', 'pool.yaml', '-n', '3'])
		open('pool.pid', 'w').write(str(pid))
		signal.signal(signal.SIGALRM, lambda *_: sys.exit('orphans are left'))
		signal.alarm(15)
		while True:
		    try:
		        os.wait()
		    except ChildProcessError:
		        break
	EOF_PY
	python3 reaper.py 3>&- &
	reaper=$!
	for _ in $(seq 250); do
		[ ! -S runtime/ringfence/.pool-default ] || break
		sleep 0.02
	done
	until_status ready 3
	"$RINGFENCE" run --pool --pool-else=error -- sleep 62.25 2>caller.err 3>&- &
	pid=$!
	until_status running 1
	kill -KILL "$(cat pool.pid)"
	ended 125
	grep -q "the pool 'default' has gone" caller.err
	wait $reaper
	run ! pgrep -f '^sleep 62.25'
	run -125 warm -- true
	assert_output_has "no pool 'default' is running"
	"$RINGFENCE" pool --spec pool.yaml --daemon
	run -0 warm -- echo next
	[ "$output" = next ]
	"$RINGFENCE" pool drain
}

@test "limits are each launch's own" {
	pool --spec pool.yaml
	run -124 warm --limit-wall 100ms -- sleep 60
	assert_output_has 'the wall limit has passed; the command was killed'
	run -0 warm --limit-nofile 55 --limit-core 0 -- sh -c 'ulimit -n; ulimit -c'
	[ "$(echo $output)" = '55 0' ]
	run -0 warm -- sh -c 'ulimit -n'
	[ "$output" = "$(ulimit -n)" ]
}

@test "control groups too" {
	need_cgroups
	pool --spec pool.yaml --cgroup-parent "$PARENT"
	run warm --limit-memory 16M -- sh -c 'head -c 64M /dev/zero | tail -c 64M >/dev/null && echo survived'
	refute_output_has survived
	run -0 warm --limit-pids 32 --verdict verdict -- true
	python3 -c 'import json; assert json.load(open("verdict"))["cgroup"]["path"]'
	run -0 warm -- sh -c 'head -c 64M /dev/zero | tail -c 64M >/dev/null && echo survived'
	[ "$output" = survived ]
}

@test "the verdict is that of the launch, and names the pool" {
	pool --spec pool.yaml
	run -4 warm --verdict verdict -- sh -c 'exit 4'
	verdict_has '"outcome":"exited"' '"exit_status":4' '"pool":{"name":"default","why_not":null}' \
		'"layer":"mount","in_force":true' '"layer":"seccomp","in_force":true'
	python3 -c 'import json; v = json.load(open("verdict")); assert v["peak_memory_kib"], v'
	run -127 warm --verdict verdict -- no-such-command
	verdict_has '"outcome":"failed"' '"exit_status":127'
}

@test "a private terminal is the command's, and stops and resumes with it" {
	pool --spec pool.yaml
	cat >drive.py <<-'EOF_PY'
		import os, pty, select, signal, sys, time
		pid, fd = pty.fork()
		if pid == 0:
		    os.execv(os.environ['RINGFENCE'], ['ringfence', 'run', '--pool', '--pool-else=error',
		             '--', 'sh', '-c', 'tty; stty size; read line; echo "got $line"; exit 6'])
		import fcntl, struct, termios
		fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 44, 0, 0))
		text = b''
		def until(what):
		    global text
		    end = time.time() + 10
		    while what not in text:
		        assert time.time() < end, text
		        if select.select([fd], [], [], 0.1)[0]:
		            text += os.read(fd, 4096)
		until(b'/dev/pts/0\r\n')
		time.sleep(0.2)
		os.write(fd, b'word\n')
		until(b'got word')
		print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	EOF_PY
	run -0 timeout 20 python3 drive.py
	[ "$output" = 6 ]
}

@test "a sandbox that is another is launched without the pool, or refused, as asked" {
	pool --spec pool.yaml
	run -0 "$RINGFENCE" run --pool --hostname other --verdict verdict -- uname -n
	[ "$output" = other ]
	verdict_has '"pool":{"name":null,"why_not":"the sandbox is another, from op '
	run -125 warm --hostname other -- true
	assert_output_has "the pool 'default': the sandbox is another, from op "
	assert_output_has 'hostname'
	[ "$(status sent_away)" = 2 ]
	[[ "$(status last_sent_away)" = 'the sandbox is another'* ]]
	# with a spec of its own too, which may be the same
	run -0 warm --spec ./pool.yaml -- echo same
	[ "$output" = same ]
	echo 'extends: [shell]' >other.yaml
	run -125 warm --spec other.yaml -- true
}

@test "what a pool cannot do is launched without it" {
	pool --spec pool.yaml
	for option in '--name mine' '--terminal inherit' '--fd 4:open=/dev/null'; do
		# shellcheck disable=SC2086 # two words
		run "$RINGFENCE" run --pool $option --verdict verdict -- true
		grep -q '"pool":{"name":null,"why_not":"' verdict || { echo "$option: $output"; cat verdict; false; }
	done
	for option in --trace --explain-denials '--learn x' '--engine plain'; do
		# shellcheck disable=SC2086
		run -2 "$RINGFENCE" run --pool $option -- true
		assert_output_has 'is for a launch of its own: not with --pool'
	done
	run -2 "$RINGFENCE" run --pool --pool-else=perhaps -- true
	assert_output_has "--pool-else: 'perhaps' is none of cold, error"
	run -2 "$RINGFENCE" run --pool=.x -- true
	assert_output_has "'.x' is no name for a pool"
}

@test "a spec means the same with the pool as without: beside it is where its own name is" {
	mkdir one two
	echo 'extends: [default, ./base.yaml]' >one/pool.yaml
	echo 'hostname: from-one' >one/base.yaml
	echo 'hostname: from-two' >two/base.yaml
	ln -s ../one/pool.yaml two/pool.yaml
	ln one/pool.yaml two/hard.yaml
	ln -s pool.yaml one/other.yaml
	pool --spec one/pool.yaml
	run -0 "$RINGFENCE" run --pool --spec two/pool.yaml -- uname -n
	[ "$output" = from-two ]
	run -0 "$RINGFENCE" run --pool --spec two/hard.yaml -- uname -n
	[ "$output" = from-two ]
	run -0 warm --spec one/other.yaml -- uname -n
	[ "$output" = from-one ]
}

@test "die_with_parent: not the pool with its own parent" {
	echo 'die_with_parent: true' >>pool.yaml
	cat >parent.sh <<-'EOF_SH'
		"$RINGFENCE" pool --spec pool.yaml 2>pool.err &
		echo $! >pool.pid
		for _ in $(seq 500); do
			[ ! -S runtime/ringfence/.pool-default ] || break
			sleep 0.02
		done
		"$RINGFENCE" run --pool --pool-else=error -- echo hi
	EOF_SH
	run -0 bash parent.sh 3>&-
	[ "$output" = hi ]
	POOL=$(cat pool.pid)
	run -0 warm -- echo there
	[ "$output" = there ]
	"$RINGFENCE" pool drain
}

@test "a request that cannot be made, or has no room, is launched without the pool" {
	pool --spec pool.yaml
	mkdir gone
	run -0 bash -c 'cd gone; rmdir ../gone; "$RINGFENCE" run --pool --spec "$DIR/pool.yaml" -- pwd'
	[ "$output" = / ]
	run -0 "$RINGFENCE" run --pool -- sh -c 'echo $#' $(seq 100000)
	[ "$output" = 99999 ]
	[ "$(status last_sent_away)" = 'its arguments and environment have no room: Argument list too long' ]
	run -0 warm -- true
}

@test "what is launched without the pool can be ended while it is prepared" {
	pool --spec pool.yaml
	mkfifo fifo
	"$RINGFENCE" run --pool=gone --spec fifo -- true 3>&- &
	pid=$!
	exec 9>fifo		# it has it open, and waits for the rest
	kill -TERM $pid
	for _ in $(seq 250); do
		kill -0 $pid 2>/dev/null || break
		sleep 0.02
	done
	exec 9>&-
	ended 143
}

@test "a sandbox that has died as it became ready is nobody's" {
	# what says that it is ready and what says that it has ended come at once, to a
	# pool that somebody waits for
	pool --spec pool.yaml -n 1
	for wait in 2 3 4 5 6 7 8 9 2 3 4 5 6 7 8 9; do
		until_status ready 1
		"$RINGFENCE" run --pool -- true 2>/dev/null 3>&- &
		"$RINGFENCE" run --pool -- true 2>/dev/null 3>&- &
		sleep 0.00$wait
		kill -STOP $POOL
		sleep 0.03
		pkill -KILL -P $POOL || true
		kill -CONT $POOL
	done
	until_status ready 1
	run -0 warm -- true
}

@test "one that has died while it was ready is no caller's loss" {
	pool --spec pool.yaml -n 1
	until_status ready 1
	for _ in 1 2 3 4 5; do
		# its maker sleeps, the one that waits is what matters
		for child in $(pgrep -P $POOL); do
			kill -KILL "$child" 2>/dev/null || true
		done
		run -0 "$RINGFENCE" run --pool -- echo alive
		[ "${lines[-1]}" = alive ]
	done
	until_status ready 1
	run -0 warm -- true
}

@test "a pool that has been moved makes what it is now, and serves who is" {
	pool --spec pool.yaml -n 1
	until_status ready 1
	renice -n 5 -p $POOL
	sleep 1.2
	run -125 warm -- true
	assert_output_has 'its scheduling: not that of the pool'
	run -0 nice -n 5 "$RINGFENCE" run --pool --pool-else=error -- sh -c 'nice'
	[ "$output" = 5 ]
}

@test "files of the caller's own process are for a launch without the pool" {
	pool --spec pool.yaml
	run -0 bash -c '"$RINGFENCE" run --pool --verdict verdict --spec <(echo "{extends: [default], hostname: mine}") -- uname -n'
	[ "$output" = mine ]
	verdict_has 'names a file of its own process'
	mkfifo fifo
	(echo '{extends: [default], hostname: fifo}' >fifo) 3>&- &
	run -0 "$RINGFENCE" run --pool --verdict verdict --spec fifo -- uname -n
	[ "$output" = fifo ]
	verdict_has 'its spec is no regular file'
}

@test "a pool that is gone means a launch without it, or an error" {
	run -125 "$RINGFENCE" run --pool -- true
	assert_output_has "no pool 'default' is running"
	assert_output_has 'hint: with --spec it would be launched without the pool'
	run -0 "$RINGFENCE" run --pool=gone --spec pool.yaml --verdict verdict -- echo cold
	[ "$output" = cold ]
	verdict_has "\"why_not\":\"no pool 'gone' is running\""
	run -125 "$RINGFENCE" run --pool=gone --pool-else=error --spec pool.yaml -- true
}

@test "a spec that has changed is found: by reload, and by the next who asks" {
	pool --spec pool.yaml
	run -0 warm -- sh -c 'uname -n'
	echo 'hostname: changed' >>pool.yaml
	"$RINGFENCE" pool reload
	until_status ready "$(status size)"
	run -0 warm -- uname -n
	[ "$output" = changed ]
	sleep 1.1	# it does not look more often than once a second
	sed -i 's/changed/again/' pool.yaml
	run -0 "$RINGFENCE" run --pool -- uname -n
	[ "$output" = again ]
	until_status ready "$(status size)"
	run -0 warm -- uname -n
	[ "$output" = again ]
	[ "$(status retired)" != 0 ]
}

@test "a pool that is given other limits makes its sandboxes anew" {
	pool --spec pool.yaml -n 2
	until_status ready 2
	[ "$(status retired)" = 0 ]
	prlimit --pid "$POOL" --core=0:0
	# it looks at itself each second, when somebody comes
	for _ in $(seq 100); do
		[ "$(status retired)" = 0 ] || break
		sleep 0.1
	done
	[ "$(status retired)" != 0 ]
	# the caller's own are above: without the pool, or not at all
	ulimit -Hc >hard
	[ "$(cat hard)" = 0 ] || run -125 warm -- true
}

@test "a source or a denied file that is replaced is found before it is used" {
	mkdir src
	echo old >src/file
	echo secret >src/denied
	cat >pool.yaml <<-EOF_SPEC
		extends: [default]
		mounts: [{ro: $DIR/src, at: /tmp/src}, {tmpfs: /tmp}, {deny: /tmp/src/denied}]
	EOF_SPEC
	pool --spec pool.yaml
	until_status ready "$(status size)"
	run -0 warm -- cat /tmp/src/file
	[ "$output" = old ]
	run ! warm -- cat /tmp/src/denied
	until_status ready "$(status size)"
	# a cover goes with the file that it is on
	rm src/denied
	echo secret >src/denied
	run ! "$RINGFENCE" run --pool --verdict verdict -- cat /tmp/src/denied
	verdict_has 'has been replaced'
	refute_output_has secret
	mv src gone
	mkdir src
	echo new >src/file
	echo secret >src/denied
	run -0 "$RINGFENCE" run --pool -- cat /tmp/src/file
	[ "$output" = new ]
	sleep 1.1
	run -0 "$RINGFENCE" run --pool -- cat /tmp/src/file
	until_status ready "$(status size)"
	run -0 warm -- cat /tmp/src/file
	[ "$output" = new ]
	run ! warm -- cat /tmp/src/denied
}

@test "a spec that has become wrong is told, and the callers are sent away" {
	pool --spec pool.yaml
	until_status ready "$(status size)"
	echo 'nonsense: yes' >>pool.yaml
	"$RINGFENCE" pool reload
	grep -q "pool.yaml:3:1: unknown key 'nonsense'" pool.err
	run -2 "$RINGFENCE" run --pool -- true
	assert_output_has "pool.yaml:3:1: unknown key 'nonsense'"
}

@test "drain: none is taken any more, those that run are waited for" {
	pool --spec pool.yaml
	mkfifo in
	"$RINGFENCE" run --pool --pool-else=error -- cat <in >cat.out 3>&- &
	pid=$!
	exec 7>in
	until_status running 1
	"$RINGFENCE" pool drain
	run -125 "$RINGFENCE" run --pool -- true
	kill -0 $POOL
	echo last >&7
	exec 7>&-
	ended 0
	[ "$(cat cat.out)" = last ]
	wait $POOL
	POOL=
	[ -z "$(ls -A runtime/ringfence)" ]
}

@test "one that has been ready for too long is replaced" {
	pool --spec pool.yaml -n 1 --max-age 200ms
	until_status ready 1
	for _ in $(seq 100); do
		[ "$(status retired)" = 0 ] || break
		sleep 0.05
	done
	[ "$(status retired)" != 0 ]
	until_status ready 1
	run -0 warm -- true
}

@test "memory bounds how many are kept" {
	pool --spec pool.yaml -n 64 --max-memory 4M
	sleep 0.5
	ready=$(status ready)
	[ "$ready" -ge 1 ] && [ "$ready" -lt 64 ]
	run -0 warm -- true
}

@test "many callers at once all get a sandbox, and nothing of it is left" {
	pool --spec pool.yaml -n 2
	before=$(ls /proc/$POOL/fd | wc -l)
	seq 60 | xargs -P 12 -I @ sh -c '[ "$("$RINGFENCE" run --pool --pool-else=error -- echo @)" = @ ]'
	until_status running 0
	until_status ready 2
	[ "$(status taken)" = 60 ]
	[ "$(ls /proc/$POOL/fd | wc -l)" -le $((before + 16)) ]
}

@test "the service manager's socket" {
	cat >activate.py <<-'EOF_PY'
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		s.bind('socket')
		s.listen(16)
		os.dup2(s.fileno(), 3)
		os.set_inheritable(3, True)
		os.environ['LISTEN_FDS'] = '1'
		os.environ['LISTEN_PID'] = str(os.getpid())
		n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		os.execv(os.environ['RINGFENCE'], ['ringfence'] + sys.argv[1:])
	EOF_PY
	python3 activate.py pool --spec pool.yaml 3>&- &
	POOL=$!
	for _ in $(seq 250); do
		[ ! -S socket ] || break
		sleep 0.02
	done
	run -0 "$RINGFENCE" run --pool="$DIR/socket" --pool-else=error -- echo activated
	[ "$output" = activated ]
	run -0 "$RINGFENCE" pool status "$DIR/socket"
	assert_output_has '"taken":1'
	[ ! -e runtime/ringfence ] || [ -z "$(ls -A runtime/ringfence)" ]
}

@test "wrong input of the pool itself" {
	run -2 "$RINGFENCE" pool --spec /nonexistent.yaml
	assert_output_has 'open /nonexistent.yaml: No such file or directory'
	run -2 "$RINGFENCE" pool -n 0
	assert_output_has "--size: '0' is no number from 1 to 1024"
	run -2 "$RINGFENCE" pool --max-age soon
	assert_output_has "--max-age: 'soon' is not a time"
	run -2 "$RINGFENCE" pool --spec -
	run -2 "$RINGFENCE" pool --log x
	run -2 "$RINGFENCE" pool sttus
	assert_output_has 'is none of status, drain, reload'
	run -125 "$RINGFENCE" pool status
	assert_output_has "no pool 'default' is running"
	run -125 "$RINGFENCE" pool --fd 4:open=/dev/null
	assert_output_has 'a sandbox that is kept ready cannot have descriptors of files that it opens'
	echo 'root: [' >bad.yaml
	run -2 "$RINGFENCE" pool --spec bad.yaml
	run -2 "$RINGFENCE" pool --spec bad.yaml --daemon
	pool --spec pool.yaml
	run -125 "$RINGFENCE" pool --spec pool.yaml
	assert_output_has "a pool named 'default' is running"
	NAME=other
	"$RINGFENCE" pool --spec pool.yaml --name other --daemon
	run -0 "$RINGFENCE" run --pool=other -- true
	"$RINGFENCE" pool drain other
}

@test "its status is JSON whatever its files are called" {
	mkdir -m 0700 $'n\303\244me "x"'
	cp pool.yaml $'n\303\244me "x"/pool.yaml'
	pool --spec $'n\303\244me "x"/pool.yaml'
	[ "$(status spec)" = "$(realpath $'n\303\244me "x"/pool.yaml')" ]
}
