# SPDX-License-Identifier: LGPL-2.1-or-later
# Who the command is, and in which namespaces.
load harness

setup() {
	harness_setup
	need_userns
}

teardown() {
	[ -z "$other" ] || kill "$other" 2>/dev/null || true
}

# spec TEXT on standard input, under root: host with a /proc
spec() {
	{
		cat
		echo "root: host"
		echo "mounts: [{proc: /proc}, {tmpfs: /tmp}]"
	} >spec.yaml
}

# other_namespaces FLAGS...: a process in namespaces of its own, as $other
other_namespaces() {
	local maker line

	mkfifo ready
	unshare -Ur "$@" sh -c 'echo ready >ready; exec sleep 60' 3>&- &
	maker=$!
	read -r line <ready
	[ "$line" = ready ]
	other=$(pgrep -P $maker || echo $maker)
}

@test "the caller is itself inside, without a capability" {
	spec </dev/null
	run -0 "$RINGFENCE" run --spec spec.yaml -- sh -c 'id -u; grep -c "^Cap.*:.0*$" /proc/self/status'
	[ "$output" = "$(id -u)"$'\n5' ]
}

@test "map: root makes the caller root inside, and nobody else" {
	spec <<<'user: {map: root}'
	run -0 "$RINGFENCE" run --spec spec.yaml -- sh -c 'id -u; cat /proc/self/uid_map; touch /tmp/x; stat -c %u /tmp/x'
	[ "${lines[0]}" = 0 ]
	[ "$(tr -s ' ' <<<"${lines[1]}")" = " 0 $(id -u) 1" ]
	[ "${lines[2]}" = 0 ]
}

@test "an id is called what the spec says" {
	spec <<<'user: {uid: 1234, gid: 4321}'
	run -0 "$RINGFENCE" run --spec spec.yaml -- sh -c 'id -u; id -g'
	[ "$output" = $'1234\n4321' ]
}

@test "capabilities that are listed survive exec, and no others are there" {
	spec <<<'capabilities: [chown, net_bind_service]'
	run -0 "$RINGFENCE" run --spec spec.yaml -- sh -c 'grep "^Cap" /proc/self/status'
	[ "$(grep -c 0000000000000401 <<<"$output")" = 5 ]
}

@test "no_new_privs is set, or not" {
	spec </dev/null
	run -0 "$RINGFENCE" run --spec spec.yaml -- grep NoNewPrivs /proc/self/status
	[ "$output" = $'NoNewPrivs:\t1' ]
	spec <<<'no_new_privileges: false'
	run -0 "$RINGFENCE" run --spec spec.yaml -- grep NoNewPrivs /proc/self/status
	[ "$output" = $'NoNewPrivs:\t0' ]
}

@test "ranges map many ids, and the caller's groups are gone" {
	need_root
	spec <<-E
	user: {uid: 5, gid: 6, map: {uid: [{inside: 0, outside: 100000, count: 1000}], gid: [{inside: 0, outside: 100000, count: 1000}]}}
	E
	for i in 1 2 3; do	# the second launch meets what the first has left of us
		run -0 "$RINGFENCE" run --spec spec.yaml -- sh -c 'id -u; id -G; touch /tmp/x; stat -c %u /tmp/x'
		[ "$output" = $'5\n6\n5' ]
	done
}

@test "pid 1 has no ids that the map leaves out" {
	need_root
	spec <<-E
	user: {uid: 5, gid: 6, map: {uid: [{inside: 0, outside: 100000, count: 1000}], gid: [{inside: 0, outside: 100000, count: 1000}]}}
	E
	run -0 "$RINGFENCE" run --spec spec.yaml -- sh -c 'grep "^Uid" /proc/1/status'
	[ "$output" = $'Uid:\t5\t5\t5\t5' ]
}

@test "root takes on another id without a user namespace" {
	need_root
	spec <<-E
	namespaces: [mount, pid]
	user: {uid: 1234, gid: 4321}
	E
	run -0 "$RINGFENCE" run --spec spec.yaml -- sh -c 'id -u; id -G; grep CapEff /proc/self/status'
	[ "$output" = $'1234\n4321\nCapEff:\t0000000000000000' ]
}

@test "an ordinary user without subordinate ids is told how to get them" {
	spec <<-E
	user: {uid: 0, gid: 0, map: {uid: [{inside: 0, outside: 100000, count: 10}], gid: [{inside: 0, outside: 100000, count: 10}]}}
	E
	skip_unless root "needs a user that has none" is_root
	run -125 as_user "$RINGFENCE" run --spec spec.yaml -- true
	assert_output_has "no subordinate uids"
	assert_output_has "usermod --add-subuids"
}

@test "an ordinary user without a user namespace is refused" {
	[ "$(id -u)" != 0 ] || is_root || skip_unless root "root of a namespace is no ordinary user" false
	run ! as_user "$RINGFENCE" run --namespaces mount,pid -- true
	assert_output_has "hint: add \`user\` to the namespaces"
}

@test "the host name is the sandbox's own" {
	before=$(uname -n)
	run -0 "$RINGFENCE" run --hostname inside -- uname -n
	[ "$output" = inside ]
	[ "$(uname -n)" = "$before" ]
}

@test "a network of its own has nothing, or loopback" {
	run -0 "$RINGFENCE" run --network none -- sh -c 'cat /proc/net/dev | tail -n +3 | cut -d: -f1'
	[ "$(tr -d ' ' <<<"$output")" = lo ]
	cat >listen.py <<-E
	import socket
	s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
	c = socket.create_connection(s.getsockname()); print("connected")
	E
	skip_unless python3 "needs python3" command -v python3
	run ! "$RINGFENCE" run --ro . --network none -- python3 listen.py
	run -0 "$RINGFENCE" run --ro . --network loopback -- python3 listen.py
	[ "$output" = connected ]
}

@test "clocks have the offsets of the spec" {
	spec <<-E
	namespaces: [user, mount, pid, time]
	time: {monotonic: 1000h, boottime: 1000h}
	E
	run -0 "$RINGFENCE" run --spec spec.yaml -- cut -d. -f1 /proc/uptime
	[ "$output" -ge $(($(cut -d. -f1 /proc/uptime) + 3599000)) ]
}

@test "namespaces of another are joined by path" {
	other_namespaces -npf
	cat >spec.yaml <<-E
	namespaces: [{user: /proc/$other/ns/user}, {net: /proc/$other/ns/net}, {pid: /proc/$other/ns/pid}, mount]
	init: false
	root: host
	mounts: [{proc: /proc}]
	E
	run -0 "$RINGFENCE" run --spec spec.yaml -- sh -c 'readlink /proc/self/ns/net /proc/self/ns/user; cat /proc/1/comm'
	[ "$output" = "$(readlink "/proc/$other/ns/net" "/proc/$other/ns/user")"$'\nsleep' ]
}

@test "namespaces of another are joined by descriptor" {
	other_namespaces -n
	echo "namespaces: [{user: {fd: 7}}, {net: {fd: 8}}]" >spec.yaml
	run -0 "$RINGFENCE" run --spec spec.yaml -- readlink /proc/self/ns/net \
		7<"/proc/$other/ns/user" 8<"/proc/$other/ns/net"
	[ "$output" = "$(readlink "/proc/$other/ns/net")" ]
}

@test "without init the command is pid 1" {
	run -0 "$RINGFENCE" run --no-init -- sh -c 'echo $$'
	[ "$output" = 1 ]
	run -0 "$RINGFENCE" run -- sh -c '[ $$ != 1 ] && tr "\0" " " </proc/1/cmdline'
	[ "$output" = "ringfence-init " ]
}
