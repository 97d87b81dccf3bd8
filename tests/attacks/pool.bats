# SPDX-License-Identifier: LGPL-2.1-or-later
# What a pool could be for: running something outside a sandbox, reading or blocking what
# is another's, and meeting what an earlier or another command has left.
load harness
load ../e2e/pool.bash

setup() {
	attack_setup
	pool_setup
	cat >pool.yaml <<-'EOF_SPEC'
		extends: [default]
		mounts: [{tmpfs: /tmp}]
		seccomp: off
	EOF_SPEC
}

teardown() {
	pool_teardown
	[ -z "${CANARY:-}" ] || canary_lives
}

# The socket inside a sandbox that is otherwise like the pool's, with the program.
beside() {
	"$RINGFENCE" run --rw "$DIR/runtime:/tmp/runtime" --rw "$DIR/outside:/tmp/outside" \
		--ro "$RINGFENCE:/tmp/ringfence" --env XDG_RUNTIME_DIR=/tmp/runtime --seccomp off "$@"
}

@test "a command in a sandbox cannot have the pool run anything" {
	pool --spec pool.yaml
	run -125 beside -- /tmp/ringfence run --pool --pool-else=error -- true
	assert_output_has 'namespace: not that of the pool'
	run -125 beside -- /tmp/ringfence run --pool=/tmp/runtime/ringfence/.pool-default \
		--pool-else=error -- true
	run -125 beside -- /tmp/ringfence pool drain
	[ "$(status taken)" = 0 ]
	# nor one that only the filter, Landlock or no_new_privs confines
	run -125 setpriv --no-new-privs "$RINGFENCE" run --pool --pool-else=error -- true
	assert_output_has 'its no_new_privs'
	[ "$(status taken)" = 0 ]
	[ "$(status sent_away)" -ge 4 ]
}

@test "a command in a sandbox cannot keep others from the pool" {
	pool --spec pool.yaml
	cat >flood.py <<-'EOF_PY'
		import socket, sys, time
		held = []
		for i in range(900):
		    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		    s.setblocking(False)
		    try:
		        s.connect(sys.argv[1])
		    except OSError:
		        time.sleep(0.002)
		        continue
		    held.append(s)
		print('up', flush=True)
		time.sleep(60)
	EOF_PY
	command -v python3
	"$RINGFENCE" run --rw "$DIR/runtime:/tmp/runtime" --ro "$DIR/flood.py:/tmp/flood.py" --seccomp off \
		-- python3 /tmp/flood.py /tmp/runtime/ringfence/.pool-default >up 3>&- &
	flood=$!
	for _ in $(seq 500); do
		[ ! -s up ] || break
		sleep 0.02
	done
	[ -s up ]
	run -0 timeout 10 "$RINGFENCE" run --pool --pool-else=error -- echo served
	[ "$output" = served ]
	kill $flood
	wait $flood || true
}

@test "a pool under no_new_privs does not start" {
	run -125 setpriv --no-new-privs "$RINGFENCE" pool --spec pool.yaml
	assert_output_has 'no_new_privs could not tell a caller that Landlock confines'
	[ -z "$(ls -A runtime)" ] || [ -z "$(ls -A runtime/ringfence)" ]
}

@test "another user can neither use nor see the pool" {
	need_root
	pool --spec pool.yaml
	chmod 0711 "$DIR"
	run ! as_user env XDG_RUNTIME_DIR="$DIR/runtime" "$RINGFENCE" run --pool --pool-else=error -- true
	# even if the folders were open to it, nobody listens to it
	chmod 0755 "$DIR" runtime runtime/ringfence
	chmod 0666 runtime/ringfence/.pool-default
	run ! as_user "$RINGFENCE" run --pool="$DIR/runtime/ringfence/.pool-default" --pool-else=error -- true
	run ! as_user "$RINGFENCE" pool status "$DIR/runtime/ringfence/.pool-default"
	chmod 0700 runtime/ringfence runtime
	run -0 warm -- true
	[ "$(status taken)" = 1 ]
}

@test "a pool of somebody else's gets neither descriptors nor environment" {
	need_root
	mkdir -m 0777 trap
	cat >listen.py <<-'EOF_PY'
		import os, socket
		s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		s.bind('trap/socket')
		s.listen(4)
		c, _ = s.accept()
		data, fds, _, _ = socket.recv_fds(c, 65536, 64)
		open('trap/got', 'w').write(f'{len(data)} {len(fds)}')
	EOF_PY
	as_user python3 listen.py 3>&- &
	listener=$!
	for _ in $(seq 250); do
		[ ! -S trap/socket ] || break
		sleep 0.02
	done
	run -125 "$RINGFENCE" run --pool="$DIR/trap/socket" -- true
	assert_output_has "is another user's"
	wait $listener
	[ "$(cat trap/got)" = '0 0' ]
}

@test "nothing of the pool is in the sandbox: no socket, ring, descriptor or memory" {
	pool --spec pool.yaml
	run -0 warm -- sh -c 'ls /proc/self/fd; ls /proc | grep -c "^[0-9]"; cat /proc/1/cmdline | tr "\0" " "'
	[ "${lines[0]} ${lines[1]} ${lines[2]} ${lines[3]}" = '0 1 2 3' ]
	[ "${lines[4]}" -le 6 ]
	[[ "${lines[5]}" = ringfence-init* ]]
	run ! warm -- sh -c 'ls -l /proc/*/exe /proc/*/fd 2>/dev/null | grep -E "socket:|io_uring|ringfence-(area|pool)|/ringfence\$"'
}

@test "two commands share nothing that can be written" {
	pool --spec pool.yaml -n 2
	until_status ready 2
	mkfifo in
	"$RINGFENCE" run --pool --pool-else=error -- sh -c 'echo mine >/tmp/mine; echo mine >/dev/shm/mine
		ipcmk -M 4096 >/dev/null; python3 -c "
import socket
s = socket.socket(socket.AF_UNIX); s.bind(\"\0mine\"); s.listen(1)
print(\"up\", flush=True)
input()"' <in >up 3>&- &
	pid=$!
	exec 7>in
	for _ in $(seq 250); do
		[ ! -s up ] || break
		sleep 0.02
	done
	[ -s up ]
	run -0 warm -- sh -c 'ls /tmp /dev/shm; ipcs -m | grep -c 0x; cat /proc/net/unix | grep -c @mine; ls /proc | grep -c "^[0-9]"; true'
	refute_output_has mine
	[ "$(echo "$output" | grep -c '^0$')" = 2 ]
	echo >&7
	exec 7>&-
	ended 0
}

@test "what a command sends to its process group or to all reaches nobody else" {
	pool --spec pool.yaml -n 2
	"$RINGFENCE" run --pool --pool-else=error -- sleep 60 3>&- &
	pid=$!
	until_status running 1
	run -143 warm -- sh -c 'kill -TERM 0; sleep 5'
	run -137 warm -- sh -c 'kill -KILL 0; sleep 5'
	run warm -- sh -c 'kill -KILL -1; kill -KILL $$'
	kill -0 $POOL
	[ "$(status running)" = 1 ]
	kill -TERM $pid
	ended 143
	run -0 warm -- true
}

@test "what one caller has passed the next one does not find" {
	cat >pool.yaml <<-'EOF_SPEC'
		extends: [default]
		env: {keep: ['*']}
	EOF_SPEC
	pool --spec pool.yaml -n 1
	echo secret >file
	run -0 env SECRET=secret "$RINGFENCE" run --pool --pool-else=error --fd 7 -- sh -c 'cat <&7; echo $SECRET' 7<file
	[ "$(echo $output)" = 'secret secret' ]
	for _ in 1 2 3; do
		run warm -- sh -c "ls /proc/self/fd; env; cat <&7"
		refute_output_has secret
		refute_output_has 'SECRET'
	done
	# nor does the pool hold it any longer
	run ! grep -lz SECRET /proc/$POOL/environ
	run ! sh -c "ls -l /proc/$POOL/fd | grep $DIR/file"
}

@test "no limit above its caller's comes with the pool, and no better place in a queue" {
	pool --spec pool.yaml
	run bash -c 'ulimit -n 100; "$RINGFENCE" run --limit-nofile=5000 -- true'
	[ "$status" = 125 ]
	run -125 bash -c 'ulimit -n 100; "$RINGFENCE" run --pool --pool-else=error --limit-nofile=5000 -- true'
	assert_output_has 'rlimit nofile soft=5000 hard=5000: Operation not permitted'
	run -0 bash -c 'ulimit -n 100; "$RINGFENCE" run --pool --pool-else=error --limit-nofile=50 -- sh -c "ulimit -n"'
	[ "$output" = 50 ]
	run -125 ionice -c 3 "$RINGFENCE" run --pool --pool-else=error -- true
	assert_output_has 'its scheduling: not that of the pool'
	run -125 bash -c 'echo 0 >/proc/self/coredump_filter; "$RINGFENCE" run --pool --pool-else=error -- true'
	assert_output_has 'its filter of core dumps: not that of the pool'
}
