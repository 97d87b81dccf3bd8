# SPDX-License-Identifier: LGPL-2.1-or-later
# What is known of running sandboxes: a forged state that makes exec join a
# weaker sandbox (firejail's CVE-2022-31214), names in a folder of somebody
# else's, numbers of processes that were used again, and a task that enters a
# sandbox as its root sees it (CVE-2016-9962, CVE-2019-5736).
load harness
load ../e2e/running.bash

setup() {
	attack_setup
	export XDG_RUNTIME_DIR=$DIR/runtime
	mkdir -m 0700 runtime
	NAMES=runtime/ringfence
}

teardown() {
	exec 7>&- 8>&-
	[ -z "${FAKE:-}" ] || kill -KILL "$FAKE" 2>/dev/null || true
	XDG_RUNTIME_DIR=$DIR/runtime "$RINGFENCE" kill --all --signal KILL --wait 2>/dev/null || true
	[ -z "${MADE:-}" ] || rmdir "$MADE"
	[ -z "${CANARY:-}" ] || canary_lives
}

# forge PROGRAM FIELD=VALUE...: a process that passes for the launcher $pid, with a
# state that differs in some fields; PROGRAM runs it. Sets FAKE.
forge() {
	local program=$1 fd

	shift
	cat >forge.py <<-'EOF'
		import fcntl, json, os, sys, time
		changes = sys.argv[1:]
		state = json.load(open('state.json'))
		state['state']['launcher'] = os.getpid()
		seal = 'yes'
		for change in changes:
		    key, value = change.split('=', 1)
		    if key == 'seal':
		        seal = value
		    else:
		        part = 'state' if key in state['state'] else 'sandbox'
		        state[part][key] = json.loads(value)
		fd = os.memfd_create('ringfence-state', os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
		os.fchmod(fd, 0o600)
		os.write(fd, json.dumps(state).encode())
		if seal == 'yes':
		    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, 15)
		open('/proc/self/comm', 'w').write('ringfence')
		print('ready', flush=True)
		if seal == 'late':
		    time.sleep(0.3)
		    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, 15)
		sys.stdin.read()
	EOF
	for fd in /proc/$pid/fd/*; do
		case $(readlink "$fd") in *ringfence-state*) cat "$fd" >state.json ;; esac
	done
	rm -f fake.in fake.out
	mkfifo fake.in fake.out
	# shellcheck disable=SC2086 # words
	$program "$(command -v python3)" forge.py "$@" <fake.in >fake.out 3>&- 7>&- 8>&- &
	FAKE=$!
	exec 6>fake.in
	read -r <fake.out
}

# entry PID [START]: what a name's file says of that process
entry() {
	local start

	start=${2:-$(sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20)}
	printf '{"version":1,"pid":%d,"start":%s,"pidns":%s,"timens":%s,"boot":"%s"}' "$1" "$start" \
		"$(stat -Lc %i /proc/self/ns/pid)" "$(stat -Lc %i /proc/self/ns/time)" \
		"$(cat /proc/sys/kernel/random/boot_id)"
}

# put NAME < CONTENT: an entry as ringfence would have made it
put() {
	mkdir -p -m 0700 $NAMES
	rm -rf "${NAMES:?}/$1"
	(umask 077; cat >"$NAMES/$1")
}

@test "a folder that is open to others is not used" {
	mkdir -m 0755 $NAMES
	run -125 "$RINGFENCE" run --name box -- true
	assert_output_has "is open to others, its mode is 755"
	run -125 "$RINGFENCE" exec box true
	[ -z "$(ls $NAMES)" ]
	rmdir $NAMES
	chmod 0750 runtime
	run -125 "$RINGFENCE" run --name box -- true
	assert_output_has "is open to others"
}

@test "a folder that is a link is not used" {
	ln -s "$DIR/outside" $NAMES
	run -125 "$RINGFENCE" run --name box -- true
	rm $NAMES
	ln -s "$DIR/runtime" link
	XDG_RUNTIME_DIR=$DIR/link run -125 "$RINGFENCE" run --name box -- true
	[ -z "$(ls runtime)" ]
}

@test "a folder of another user is not used" {
	need_root
	mkdir -m 0700 $NAMES
	chown 65534 $NAMES
	run -125 "$RINGFENCE" run --name box -- true
	assert_output_has "belongs to another user"
	chown 0 $NAMES
	chown 65534 runtime
	run -125 "$RINGFENCE" run --name box -- true
	assert_output_has "belongs to another user"
	chown 0 runtime
}

@test "without a runtime directory the folder is one's own all the same" {
	unset XDG_RUNTIME_DIR
	is_root && skip "user: root's folder is in /run"
	"$RINGFENCE" run --name box -- true
	[ "$(stat -c '%u %a' "/tmp/ringfence-$(awk -v id="$(id -u)" '
		{ print $2 + id - $1; exit }' /proc/self/uid_map)")" = "$(id -u) 700" ]
}

@test "root of a user namespace has the folder of whom it is outside" {
	local dir

	[ "$(as_user id -u)" != 0 ] || skip_unless root "root of a namespace is no ordinary user" false
	dir=/tmp/ringfence-$(as_user id -u)
	# in the way of everybody's 0
	[ -e /tmp/ringfence-0 ] || { mkdir -m 0755 /tmp/ringfence-0; MADE=/tmp/ringfence-0; }
	as_user env -u XDG_RUNTIME_DIR RINGFENCE="$RINGFENCE" dir="$dir" timeout 60 unshare -r sh -ec '
		"$RINGFENCE" run --name box$$ -- sleep 1000 &
		until "$RINGFENCE" ps -q | grep -qx box$$; do :; done
		ls "$dir" | grep -qx box$$
		"$RINGFENCE" kill --wait box$$
		wait $! || test $? = 143'
}

@test "an entry that ringfence did not make is refused, and stays" {
	start --name real -- sh -c 'echo up; exec sleep 1000'
	entry $pid >true
	for what in link fifo open directory huge text; do
		mkdir -p -m 0700 $NAMES
		case $what in
		link)	ln -s "$DIR/true" $NAMES/box ;;
		fifo)	mkfifo -m 0600 $NAMES/box ;;
		open)	put box <true; chmod 0644 $NAMES/box ;;
		directory) mkdir -m 0700 $NAMES/box ;;
		huge)	put box < <(head -c 100000000 /dev/zero) ;;
		text)	echo '{"version":1}' | put box ;;
		esac
		echo "$what"
		run -125 timeout 20 "$RINGFENCE" exec box true
		run -125 timeout 20 "$RINGFENCE" run --name box -- true
		[ "$("$RINGFENCE" ps -q)" = real ]
		[ -e $NAMES/box ] || [ -L $NAMES/box ]
		rm -rf $NAMES/box
	done
}

@test "an entry leads to no other process" {
	sleep 1000 3>&- 7>&- 8>&- &
	FAKE=$!
	entry $FAKE | put box
	# a process, but no launcher: nothing is sent to it
	run -125 timeout 20 "$RINGFENCE" kill box
	kill -0 $FAKE
	run -125 "$RINGFENCE" run --name box -- true
	# its number was another's before
	entry $FAKE 1 | put box
	run -125 "$RINGFENCE" kill box
	assert_output_has "no sandbox 'box'"
	kill -0 $FAKE
	[ ! -e $NAMES/box ]
	# another sandbox
	start --name real -- sh -c 'echo up; exec sleep 1000'
	entry $pid | put box
	run -125 "$RINGFENCE" exec box true
	assert_output_has "is that of another sandbox"
	"$RINGFENCE" exec real true
}

@test "what is dead is removed, and only that" {
	entry $$ 1 | put gone
	printf '{"version":1,"pid":%d,"start":1,"pidns":1,"timens":1,"boot":"another"}' $$ | put old
	printf '{"version":1,"pid":%d,"start":1,"pidns":1,"timens":1,"boot":"%s"}' $$ \
		"$(cat /proc/sys/kernel/random/boot_id)" | put elsewhere
	[ -z "$("$RINGFENCE" ps -q)" ]
	[ "$(ls $NAMES)" = elsewhere ]
	# of another pid namespace: nobody can tell here
	run -125 "$RINGFENCE" run --name elsewhere -- true
	assert_output_has "another pid namespace"
}

@test "a process with less privileges passes for no launcher" {
	start --name box -- sh -c 'echo up; exec sleep 1000'
	forge "setpriv --no-new-privs" no_new_privs=false name='"other"' seccomp=null
	run -125 "$RINGFENCE" exec $FAKE true
	entry $FAKE | put other
	run -125 "$RINGFENCE" exec other true
	assert_output_has "is no launcher of ours"
	refute_output_has "outside"
}

@test "a process of another user or mount namespace passes for no launcher" {
	start --name box -- sh -c 'echo up; exec sleep 1000'
	forge "unshare -Ur" no_new_privs=false name='"other"'
	entry $FAKE | put other
	run -125 "$RINGFENCE" exec other true
	assert_output_has "is no launcher of ours"
}

@test "a state that can be changed, or is another's, is none" {
	start --name box -- sh -c 'echo up; exec sleep 1000'
	forge env seal=no name='"other"'
	entry $FAKE | put other
	run -125 "$RINGFENCE" exec other true
	assert_output_has "the state of process $FAKE is none"
	kill -KILL $FAKE
	forge env launcher=1 name='"other"'
	entry $FAKE | put other
	run -125 "$RINGFENCE" exec other true
	assert_output_has "is another's"
}

@test "a state that is being written is waited for" {
	start --name box -- sh -c 'echo up; exec sleep 1000'
	forge env seal=late name='"other"'
	entry $FAKE | put other
	"$RINGFENCE" exec other true
}

@test "a state that names other processes or namespaces is refused" {
	start --name box -- sh -c 'echo up; exec sleep 1000'
	for change in payload_start=1 init_start=1 'ns=[[1,1,true],null,null,null,null,null,null,null]' \
		umask=99999 'cgroups=[[0,true]]'; do
		forge env "$change" name='"other"'
		entry $FAKE | put other
		echo "$change"
		run -125 "$RINGFENCE" exec other true
		kill -KILL $FAKE
		wait $FAKE || true
	done
}

@test "a command that has left its namespaces is not followed" {
	local line

	start --no-init --name box --map root --capabilities sys_admin --seccomp off -- \
		sh -c 'echo up; read -r line; exec unshare -m sh -c "echo left; exec sleep 1000"'
	"$RINGFENCE" exec box true
	echo >&7
	read -r -u 8 line
	[ "$line" = left ]
	run -125 "$RINGFENCE" exec box true
	assert_output_has "the command has left its mount namespace"
}

@test "root of a sandbox sees nothing of who enters it" {
	export RF_TEST_SECRET=canary-of-the-entrant
	start --name box --map root --capabilities all --seccomp off --ro "$INTRUDER:/tmp/intruder" -- sh -c '
		echo up
		while [ ! -e /tmp/stop ]; do
			for p in /proc/[0-9]*; do
				n=${p#/proc/}
				[ $n -gt 2 ] || continue
				case $(readlink $p/exe 2>/dev/null) in
				*ringfence*) echo "exe of $n" >>/tmp/seen ;;
				esac
				/tmp/intruder memory $n canary-of -the-entrant 2>/dev/null && echo "memory of $n" >>/tmp/seen
			done
		done
		exec sleep 1000'
	for i in 1 2 3 4 5 6 7 8 9 10; do
		"$RINGFENCE" exec box -- true
	done
	"$RINGFENCE" exec box -- touch /tmp/stop
	run "$RINGFENCE" exec box -- cat /tmp/seen
	refute_output_has "exe of"
	refute_output_has "memory of"
}

@test "exec is refused where the command's groups are not the caller's" {
	need_root
	start --name box --namespaces mount,pid -- sh -c 'echo up; exec sleep 1000'
	run setpriv --groups 1,2,3 "$RINGFENCE" exec box id -G
	refute_output_has "2"
}
