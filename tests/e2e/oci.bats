# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci: the life of a container, as root and without.
load harness
load oci

setup() {
	oci_setup
	need_userns
}

teardown() {
	oci_teardown
}

# ------------------------------------------------------------------- the life

@test "create, start, state, kill and delete" {
	bundle '' sleep 100
	oci create -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
	has_status "$ID" created
	[ "$(oci state "$ID" | grep -c "\"pid\": $(cat pid),")" = 1 ]
	# what waits is neither the command nor anybody's child that still runs
	[ "$(tr '\0' ' ' <"/proc/$(cat pid)/cmdline")" != "sleep 100 " ]
	oci start "$ID"
	has_status "$ID" running
	[ "$(tr '\0' ' ' <"/proc/$(cat pid)/cmdline")" = "sleep 100 " ]
	run -1 oci start "$ID"
	assert_output_has "already running"
	run -1 oci delete "$ID"
	assert_output_has "not stopped"
	oci kill "$ID" KILL
	until_true has_status "$ID" stopped
	run -1 oci kill "$ID" TERM
	assert_output_has "container not running"
	oci delete "$ID"
	nothing_left
}

@test "exec runs in what waits to be started, and the command is not there yet" {
	bundle 'c["mounts"].append({"destination": "/tmp", "type": "tmpfs"})' \
		sh -c 'cat /tmp/before; exec sleep 100'
	oci create -b "$BUNDLE" --pid-file pid "$ID" </dev/null >out 2>err
	run -0 oci exec "$ID" sh -c 'echo here >/tmp/before; ls -d /usr /proc/1'
	assert_output_has $'/proc/1\n/usr'
	has_status "$ID" created
	[ ! -s out ]
	oci start "$ID"
	until_true grep -qx here out
	oci delete --force "$ID"
	nothing_left
}

@test "run gives the command's output and its exit status" {
	bundle '' sh -c 'echo "pid $$ on $(uname -n)"; exit 7'
	run -7 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "pid 1 on ringfence" ]
	nothing_left
	bundle '' sh -c 'kill -9 $$; sleep 1; exit 3'
	run -3 oci run -b "$BUNDLE" "$ID"
}

@test "a second container of that name is refused, and the first is well" {
	bundle '' sleep 100
	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	run -1 oci create -b "$BUNDLE" "$ID"
	assert_output_has "already exists"
	has_status "$ID" created
	oci delete "$ID"
	nothing_left
}

@test "list shows them all" {
	bundle '' sleep 100
	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	[ "$(oci list -q)" = "$ID" ]
	oci list | grep -q "^$ID .* created "
	[ "$(oci list -f json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["status"])')" = created ]
}

@test "the container ends when it is told to, and delete --force takes one that runs" {
	bundle '' sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done'
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	# process 1 is deaf until its trap is set
	until_true eval 'oci kill "$ID" 2>/dev/null; has_status "$ID" stopped'
	oci delete "$ID"
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	oci delete --force "$ID"
	oci delete --force "$ID"
	nothing_left
}

@test "a signal by its number, its name, and its name in full" {
	local word

	for word in 9 KILL SIGKILL; do
		bundle '' sleep 100
		oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
		oci kill "$ID" $word
		until_true has_status "$ID" stopped
		oci delete "$ID"
	done
	run -1 oci kill nobody NONE
	assert_output_has "no signal 'NONE'"
	# as kill(2) has it
	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	oci kill "$ID" 0
	has_status "$ID" created
	oci kill "$ID" 9
	until_true has_status "$ID" stopped
	run -1 oci kill "$ID" 0
	oci delete "$ID"
}

@test "pause, resume and ps" {
	need_root
	bundle '' sleep 100
	oci run -d -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
	oci pause "$ID"
	has_status "$ID" paused
	run -1 oci pause "$ID"
	oci resume "$ID"
	has_status "$ID" running
	[ "$(oci ps -f json "$ID")" = "[$(cat pid)]" ]
	oci pause "$ID"
	oci delete --force "$ID"
	nothing_left
}

# ------------------------------------------------------------ what a config says

@test "a user's container is limited where a group is delegated" {
	local above dir

	skip_unless user "the caller is root" eval '! is_root'
	above=$(sed -n 's,^0::\(.*\)/[^/]*,/sys/fs/cgroup\1,p' /proc/self/cgroup)
	skip_unless cgroup "nothing is delegated to this user" test -w "$above/cgroup.procs" -a \
		-w "$above/cgroup.subtree_control"
	bundle 'c["linux"]["resources"] = {"memory": {"limit": 33554432}, "pids": {"limit": 44}}' \
		sh -c 'read go; (x=$(head -c 64000000 /dev/zero | tr "\0" x)); sleep 100'
	mkfifo in
	exec 9<>in
	oci run -d -b "$BUNDLE" --pid-file pid "$ID" <in >/dev/null 2>err
	dir=$above/$ID
	grep -qx "0::${dir#/sys/fs/cgroup}" "/proc/$(cat pid)/cgroup"
	[ "$(cat "$dir/memory.max" "$dir/pids.max")" = "33554432
44" ]
	oci update --pids-limit 55 "$ID"
	[ "$(cat "$dir/pids.max")" = 55 ]
	oci pause "$ID"
	has_status "$ID" paused
	oci resume "$ID"
	"$OCI" --root "$STATE" events --interval 1h "$ID" >got 9>&- &
	until_true eval "ls -l /proc/$!/fd | grep -q inotify"
	echo >&9
	until_true grep -q '"type":"oom"' got
	exec 9>&-
	oci kill --all "$ID" KILL
	wait $!
	oci delete "$ID"
	nothing_left
}

@test "the command has what the config says, HOME, and nothing else" {
	bundle 'p = c["process"]; p["env"] = ["PATH=/usr/bin", "A=b"]; p["cwd"] = "/tmp"
p["user"]["umask"] = 0o27; p["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}]' \
		sh -c 'env | sort | grep -v "^_=\|^PWD=\|^SHLVL="; pwd; umask; ulimit -Sn; ulimit -Hn
grep -E "NoNewPrivs|CapEff|CapAmb" /proc/self/status; ls /proc/self/fd | wc -l'
	run -0 oci run -b "$BUNDLE" "$ID"
	# ls has its own descriptor of the directory
	[ "$output" = "A=b
HOME=/
PATH=/usr/bin
/tmp
0027
77
88
CapEff:	0000000020000420
CapAmb:	0000000000000000
NoNewPrivs:	1
4" ]
}

@test "capability sets are those five, exactly" {
	bundle 'p = c["process"]; p["capabilities"] = {
"bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_FOWNER"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
"effective": ["CAP_KILL"], "inheritable": ["CAP_CHOWN"], "ambient": ["CAP_CHOWN"]}
p["noNewPrivileges"] = True; p["user"] = {"uid": 0, "gid": 0}' \
		grep ^Cap /proc/self/status
	run -0 oci run -b "$BUNDLE" "$ID"
	# root gets by exec what is inheritable or in the bounding set
	assert_output_has "CapInh:	0000000000000001"
	assert_output_has "CapBnd:	0000000000000029"
}

@test "another user has its ids and its groups" {
	need_root
	bundle 'c["process"]["user"] = {"uid": 1234, "gid": 5678, "additionalGids": [7, 9]}' \
		sh -c 'id -u; id -g; id -G; grep CapEff /proc/self/status'
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "1234
5678
5678 7 9
CapEff:	0000000000000000" ]
}

@test "masked paths are empty, read-only ones are not to be written" {
	bundle 'c["linux"]["maskedPaths"] += ["/tmp/secret", "/tmp/dir", "/nosuch"]
c["linux"]["readonlyPaths"] += ["/tmp/fixed"]; c["root"]["readonly"] = False' \
		sh -c 'cat /tmp/secret; ls -A /tmp/dir; echo x >/tmp/fixed/y; echo x >/tmp/free; echo end'
	echo secret >"$BUNDLE/rootfs/tmp/secret"
	mkdir "$BUNDLE/rootfs/tmp/dir" "$BUNDLE/rootfs/tmp/fixed"
	touch "$BUNDLE/rootfs/tmp/dir/hidden"
	run -0 oci run -b "$BUNDLE" "$ID"
	refute_output_has secret
	refute_output_has hidden
	assert_output_has "Read-only file system"
	assert_output_has end
	[ ! -e "$BUNDLE/rootfs/tmp/fixed/y" ]
	[ -e "$BUNDLE/rootfs/tmp/free" ]
}

@test "a read-only root is one, and what it lacks for its mounts is made" {
	bundle 'c["mounts"].append({"destination": "/made/here", "type": "tmpfs"})' \
		sh -c 'touch /made/here/x && echo made; touch /x'
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has made
	assert_output_has "Read-only file system"
}

@test "mount options do what they say" {
	local times=noatime

	# those of a mount from outside are not a user namespace's to change
	is_root || times=relatime
	bundle 'times = "'$times'"; m = c["mounts"]
m.append({"destination": "/a", "source": "data", "type": "bind", "options": ["bind", "ro", "noexec", times]})
m.append({"destination": "/file", "source": "data/file", "options": ["rbind", "rro"]})
m.append({"destination": "/t", "type": "tmpfs", "source": "name", "options": ["mode=1700", "size=64k", "nosuid"]})' \
		sh -c 'grep " /a \| /file \| /t " /proc/self/mounts; cat /a/file /file; stat -c %a /t'
	mkdir "$BUNDLE/data"
	echo content >"$BUNDLE/data/file"
	run -0 oci run -b "$BUNDLE" "$ID"
	[[ "$output" == *" /a "*ro*noexec*"$times"*" /file "*ro*"name /t tmpfs rw,nosuid,"*"size=64k,mode=1700"*content*content*1700 ]]
}

@test "no_new_privs or not, the filter is in force when the command starts" {
	local nnp

	for nnp in True False; do
		bundle "c['process']['noNewPrivileges'] = $nnp
c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [
{'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 71}]}
c['root']['readonly'] = False" sh -c 'mkdir /tmp/x; grep "^Seccomp:" /proc/self/status'
		run -0 oci run -b "$BUNDLE" "$ID"
		assert_output_has "Protocol error"
		assert_output_has "Seccomp:	2"
	done
}

@test "a sysctl of the container's own namespaces is set, another is refused" {
	need_root
	bundle 'c["linux"]["sysctl"] = {"net.ipv4.ip_unprivileged_port_start": "77", "kernel.shmmni": "99"}' \
		cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmni
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "77
99" ]
	bundle 'c["linux"]["sysctl"] = {"kernel.core_pattern": "x"}'
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "linux.sysctl: kernel/core_pattern belongs to no namespace"
	nothing_left
}

@test "namespaces are new, joined by path, or the caller's" {
	need_root
	bundle '' sleep 100
	oci run -d -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
	bundle "for n in c['linux']['namespaces']:
    if n['type'] in ('network', 'ipc', 'uts'): n['path'] = '/proc/$(cat pid)/ns/' + {'network': 'net'}.get(n['type'], n['type'])
c['hostname'] = ''" sh -c 'for n in net ipc uts pid; do readlink /proc/self/ns/$n; done'
	run -0 oci run -b "$BUNDLE" "$ID-2"
	[ "${lines[0]}" = "$(readlink "/proc/$(cat pid)/ns/net")" ]
	[ "${lines[1]}" = "$(readlink "/proc/$(cat pid)/ns/ipc")" ]
	[ "${lines[2]}" = "$(readlink "/proc/$(cat pid)/ns/uts")" ]
	[ "${lines[3]}" != "$(readlink "/proc/$(cat pid)/ns/pid")" ]
}

@test "descriptors are passed on when they are asked for" {
	bundle '' sh -c 'cat <&3; ls /proc/self/fd'
	echo three >three
	run -0 oci run --preserve-fds 1 -b "$BUNDLE" "$ID" 3<three 5<three
	[ "${lines[0]}" = three ]
	refute_output_has 5
	run -1 oci run --preserve-fds 1 -b "$BUNDLE" "$ID" 3<&-
	assert_output_has "descriptor 3"
}

# ------------------------------------------------------------------------- exec

# A container that runs, for exec.
running() {
	bundle "$1" sleep 100
	oci run -d -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
}

@test "exec joins the container's namespaces and groups, with the process's confinement" {
	local n

	running 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}'
	run -5 oci exec -e A=b --cwd /tmp "$ID" sh -c 'for n in user mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$n; done
grep -E "^(CapEff|CapBnd|NoNewPrivs|Seccomp):" /proc/self/status; pwd; echo $A; ls /proc/self/fd | wc -l; exit 5'
	for n in user mnt pid net ipc uts cgroup; do
		[ "${lines[0]}" = "$(readlink "/proc/$(cat pid)/ns/$n")" ]
		lines=("${lines[@]:1}")
	done
	[ "${lines[*]}" = "CapEff:	0000000020000420 CapBnd:	0000000020000420 NoNewPrivs:	1 Seccomp:	2 /tmp b 4" ]
	oci exec "$ID" sleep 50 &
	! is_root || until_true sh -c "[ \"\$('$OCI' --root '$STATE' ps -f json $ID | tr ',' '\n' | wc -l)\" = 2 ]"
	oci delete --force "$ID"
	wait || true
	nothing_left
}

@test "exec takes a process from a file, detached, and writes its number" {
	running ''
	python3 -c 'import json; json.dump({"cwd": "/", "args": ["sleep", "77"], "env": ["PATH=/bin"],
"user": {"uid": 0, "gid": 0, "umask": 63}, "noNewPrivileges": True}, open("process.json", "w"))'
	oci exec -d -p process.json --pid-file pid2 "$ID" </dev/null >/dev/null 2>err
	[ "$(tr '\0' ' ' <"/proc/$(cat pid2)/cmdline")" = "sleep 77 " ]
	grep -q "^CapBnd:	0000000000000000$" "/proc/$(cat pid2)/status"
	grep -q "^Umask:	0077$" "/proc/$(cat pid2)/status"
}

@test "exec as whom, with what, and what is no user" {
	local word

	running ''
	if is_root; then
		run -0 oci exec -u 12:34 -g 56 "$ID" id
		[[ "$output" == "uid=12"*"gid=34"*"groups=34"*"56"* ]]
		run -0 oci exec -c CAP_CHOWN "$ID" grep CapPrm /proc/self/status
		[ "$output" = "CapPrm:	0000000020000421" ]
	fi
	for word in 1:2:3 '' -1 4294967295 4294967296 root 1: :1 ' 1' 1x; do
		run -255 oci exec -u "$word" "$ID" id
		refute_output_has "uid="
	done
}

@test "exec of nothing, into nothing, and with a terminal nobody takes" {
	running ''
	run -255 oci exec "$ID" nosuch
	assert_output_has 'exec: "nosuch": executable file not found in $PATH'
	run -255 oci exec "$ID"
	assert_output_has "no command"
	run -255 oci exec -d -t "$ID" true
	assert_output_has "--console-socket"
	run -255 oci exec --apparmor x "$ID" true
	oci kill "$ID" KILL
	until_true has_status "$ID" stopped
	run -255 oci exec "$ID" true
	assert_output_has "stopped"
	run -1 oci delete nobody
}

has_schemas() {
	python3 -c 'import jsonschema' && [ -d "$SCHEMAS" ]
}

@test "the state conforms to the specification's schema, whatever it is" {
	SCHEMAS=/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema
	skip_unless runtime-spec "needs golang-github-opencontainers-specs-dev and python3-jsonschema" has_schemas
	bundle 'c["annotations"] = {"a": "b"}' sleep 100
	oci create -b "$BUNDLE" "$ID" >/dev/null
	oci state "$ID" >created.json
	oci start "$ID"
	oci state "$ID" >running.json
	oci kill "$ID" KILL
	until_true has_status "$ID" stopped
	oci state "$ID" >stopped.json
	python3 "$SRCDIR/tests/oci/conforms.py" "$SCHEMAS" state-schema.json created.json running.json stopped.json
	oci delete "$ID"
	nothing_left
}

# ------------------------------------------------------------------------- hooks

# hook FILE: a program that notes its name, its namespace and the state's status
hook() {
	cat >"$1" <<END
#!/bin/sh
echo "\$1 \$(sed -n 's/.*"status": "\([a-z]*\)".*/\1/p') \$(readlink /proc/self/ns/mnt) \$(uname -n) \$X" >>"$DIR/notes"
END
	chmod 755 "$1"
}

@test "hooks run in order, in their namespaces, with the state" {
	local host inside

	mkdir outside
	hook "$DIR/outside/hook"
	: >notes
	chmod 666 notes
	bundle "
def h(stage, n): return {'path': '$DIR/outside/hook', 'args': ['hook', stage + str(n)], 'env': ['PATH=/bin:/usr/bin', 'X=x'], 'timeout': 10}
c['hooks'] = {s: [h(s, 1), h(s, 2)] for s in ('prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop')}
c['mounts'].append({'destination': '$DIR', 'source': '$DIR', 'type': 'bind', 'options': ['rbind', 'rw']})
c['root']['readonly'] = False" readlink /proc/self/ns/mnt
	run oci run -b "$BUNDLE" "$ID"
	echo "$output"
	[ "$status" = 0 ]
	inside=$output
	host=$(readlink /proc/self/ns/mnt)
	diff notes - <<END
prestart1 creating $host $(uname -n) x
prestart2 creating $host $(uname -n) x
createRuntime1 creating $host $(uname -n) x
createRuntime2 creating $host $(uname -n) x
createContainer1 creating $inside $(uname -n) x
createContainer2 creating $inside $(uname -n) x
startContainer1 created $inside ringfence x
startContainer2 created $inside ringfence x
poststart1 running $host $(uname -n) x
poststart2 running $host $(uname -n) x
poststop1 stopped $host $(uname -n) x
poststop2 stopped $host $(uname -n) x
END
	nothing_left
}

is_over() {
	[ ! -e "/proc/$1" ] || grep -q '^State:.[ZX]' "/proc/$1/status" 2>/dev/null
}

@test "a hook that fails ends the container, is named, and has its time" {
	local stage

	for stage in prestart createRuntime createContainer startContainer; do
		bundle "c['hooks'] = {'$stage': [{'path': '/bin/true'}, {'path': '/bin/false'}]}
c['process']['args'] = ['echo', 'ran']"
		run -1 oci run -b "$BUNDLE" "$ID"
		[[ "$output" == "ringfence-oci: $BUNDLE/config.json:"*": $stage[1], /bin/false: it ended with status 1" ]]
		nothing_left
		bundle "c['hooks'] = {'$stage': [{'path': '/bin/sleep', 'args': ['sleep', '100'], 'timeout': 1}]}"
		run -1 timeout 30 "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
		assert_output_has "not over after 1 s"
		nothing_left
	done
	# what it has started goes with it
	bundle "c['hooks'] = {'createRuntime': [{'path': '/bin/sh', 'args': ['sh', '-c', 'sleep 100 & echo \$! >$DIR/sleeper; wait'], 'timeout': 1}]}"
	run -1 timeout 30 "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	until_true is_over "$(cat sleeper)"
	bundle "c['hooks'] = {'poststart': [{'path': '/bin/false'}], 'poststop': [{'path': '/nosuch'}]}" echo ran
	run -0 oci run -b "$BUNDLE" "$ID"
	assert_output_has "poststart[0], /bin/false"
	assert_output_has "poststop[0], /nosuch: No such file"
	assert_output_has ran
}

@test "a container whose startContainer hook has failed is not started again" {
	bundle "c['hooks'] = {'startContainer': [{'path': '/bin/false'}]}" echo ran
	oci create -b "$BUNDLE" "$ID" </dev/null >out 2>&1
	run -1 oci start "$ID"
	has_status "$ID" stopped
	grep -q '"status": "failed"' "$STATE/$ID/verdict.json"
	grep -q '"op": "hook"' "$STATE/$ID/verdict.json"
	run -1 oci start "$ID"
	[ ! -s out ]
	oci delete "$ID"
	nothing_left
}

@test "HOME is the user's as the container's /etc/passwd has it, unless there is one" {
	printf '%s\n' root:x:0:0::/root:/bin/sh short:x:0 user:x:7:7:::/bin/sh other:x:8:8::relative \
		>"$BUNDLE/rootfs/etc/passwd"
	printf last:x:9:9::/home/last >>"$BUNDLE/rootfs/etc/passwd"
	bundle '' sh -c 'echo "<$HOME>"'
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "</root>" ]
	bundle 'c["process"]["env"].append("HOME=")' sh -c 'echo "<$HOME>"'
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "<>" ]
	bundle '' sleep 100
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	run -0 oci exec "$ID" sh -c 'echo "$HOME"'
	[ "$output" = /root ]
	run -0 oci exec -e HOME=/else "$ID" sh -c 'echo "$HOME"'
	[ "$output" = /else ]
	echo '{"cwd": "/", "args": ["sh", "-c", "echo $HOME"], "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}' >process.json
	run -0 oci exec -p process.json "$ID"
	[ "$output" = /root ]
	is_root || return 0
	for pair in 7:/ 8:/ 9:/home/last 10:/; do
		run -0 oci exec -u "${pair%:*}" "$ID" sh -c 'echo "$HOME"'
		[ "$output" = "${pair#*:}" ]
	done
}

@test "create is all that needs the bundle's config.json" {
	bundle "c['hooks'] = {'startContainer': [{'path': '/bin/true'}, {'path': '/bin/false'}]}" true
	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	rm "$BUNDLE/config.json"
	run -1 oci start "$ID"
	# places are where it was written
	[[ "$output" == "ringfence-oci: $BUNDLE/config.json:"*": startContainer[1], /bin/false: it ended with status 1" ]]
	oci delete "$ID"
	nothing_left
}

@test "a hook has the number of the process where it runs" {
	local own

	cat >pid <<END
#!/bin/sh
echo "\$1 \$(sed -n 's/.*"pid": \([0-9]*\).*/\1/p')" >>"$DIR/notes"
END
	chmod 755 pid
	: >notes
	chmod 666 notes
	bundle "
def h(stage): return {'path': '$DIR/pid', 'args': ['pid', stage], 'env': ['PATH=/bin:/usr/bin']}
c['hooks'] = {s: [h(s)] for s in ('createRuntime', 'createContainer', 'startContainer', 'poststart')}
c['mounts'].append({'destination': '$DIR', 'source': '$DIR', 'type': 'bind', 'options': ['rbind', 'rw']})" sleep 100
	oci run -d --pid-file number -b "$BUNDLE" "$ID" </dev/null >/dev/null
	own=$(cat number)
	oci delete --force "$ID"
	diff notes - <<END
createRuntime $own
createContainer 1
startContainer 1
poststart $own
END
}

@test "the root is where hooks look for it, also with ids of its own" {
	need_root
	# root of that user namespace is somebody else here, and has to get there
	chmod o+x "$DIR" "$BUNDLE"
	chown 100000:100000 "$BUNDLE/rootfs/etc"
	echo 'mounts: [{ro: /etc/hostname, at: /etc/bound, create: true}]' >fragment.yaml
	bundle "c['linux']['namespaces'].append({'type': 'user'})
c['linux']['uidMappings'] = c['linux']['gidMappings'] = [{'containerID': 0, 'hostID': 100000, 'size': 65536}]
c['hooks'] = {'createRuntime': [{'path': '$RINGFENCE', 'args': ['ringfence', 'hook', 'createRuntime', '$DIR/fragment.yaml']}],
	'createContainer': [{'path': '/bin/sh', 'args': ['sh', '-c', 'readlink $BUNDLE/rootfs/proc/self && test ! -e /tmp/proc'], 'env': ['PATH=/bin']}]}" cat /etc/bound
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "$(cat /etc/hostname)" ]
	# where it cannot, the hook says so, and mounts nothing elsewhere
	chmod 700 "$DIR"
	run -1 oci run -b "$BUNDLE" "$ID"
	[[ "$output" == *"the container's root "* ]]
	nothing_left
}

@test "a hook may ask for the state" {
	cat >ask <<END
#!/bin/sh
$OCI --root $STATE state $ID >$DIR/answer
END
	chmod 755 ask
	bundle "c['hooks'] = {'createRuntime': [{'path': '$DIR/ask', 'env': ['PATH=/bin'], 'timeout': 20}]}" true
	run -0 oci run -b "$BUNDLE" "$ID"
	grep -q '"status": "creating"' answer
}

# --------------------------------------------------------------------- the console

@test "a terminal goes to the console socket, and is /dev/console too" {
	bundle 'c["process"]["terminal"] = True; c["process"]["consoleSize"] = {"height": 33, "width": 44}' \
		sh -c 'tty; stty size; test -c /dev/console && echo console; stat -c %t:%T /dev/console /proc/self/fd/0 -L | uniq | wc -l'
	run -1 oci create -b "$BUNDLE" "$ID"
	assert_output_has "process.terminal"
	python3 - "$OCI" "$STATE" "$BUNDLE" "$ID" <<'END'
import array, os, socket, subprocess, sys
oci, state, bundle, id = sys.argv[1:]
s = socket.socket(socket.AF_UNIX)
s.bind("console")
s.listen(1)
subprocess.run([oci, "--root", state, "create", "-b", bundle, "--console-socket", "console", id],
               check=True, stdin=subprocess.DEVNULL)
conn, _ = s.accept()
msg, fds, _, _ = socket.recv_fds(conn, 100, 1)
subprocess.run([oci, "--root", state, "start", id], check=True)
text = b""
try:
    while True:
        more = os.read(fds[0], 1000)
        if not more:
            break
        text += more
except OSError:
    pass
text = text.decode().replace("\r", "")
assert text == "/dev/pts/0\n33 44\nconsole\n1\n", text
END
}

# ---------------------------------------------------------------------- wrong input

@test "an error names the place and the path in config.json" {
	bundle 'c["linux"]["maskedPaths"][1] = "relative"'
	run -1 oci create -b "$BUNDLE" "$ID"
	[[ "$output" == *"/config.json:"*": linux.maskedPaths[1]: 'relative' is no absolute path" ]]
	nothing_left
}

@test "what is not built is refused by name, and nothing is left" {
	local change

	for change in 'c["process"]["apparmorProfile"] = "x"' 'c["process"]["selinuxLabel"] = "x"' \
		'c["linux"]["intelRdt"] = {"closID": "x"}' 'c["linux"]["mountLabel"] = "x"' \
		'c["mounts"][0]["options"] = ["iversion"]' 'c["mounts"][1]["options"] = ["idmap"]'; do
		bundle "$change" true
		run -1 oci run -b "$BUNDLE" "$ID"
		[[ "$output" == *"/config.json:"* ]]
		nothing_left
	done
	# one that asks for nothing is fine, and so is a key that nobody knows
	bundle 'c["hooks"] = {}; c["process"]["selinuxLabel"] = ""; c["linux"]["future"] = 1' true
	run -0 oci run -b "$BUNDLE" "$ID"
}

@test "a command that is not there, or is none, is an error of create" {
	bundle '' nosuch
	run -1 oci create -b "$BUNDLE" "$ID"
	assert_output_has 'exec: "nosuch": executable file not found in $PATH'
	bundle '' /etc
	run -1 oci create -b "$BUNDLE" "$ID"
	assert_output_has 'exec: "/etc": permission denied'
	nothing_left
}

@test "what the kernel says of the command at exec, start tells" {
	bundle 'c["root"]["readonly"] = False' /tmp/prog
	printf '\1\2\3\4' >"$BUNDLE/rootfs/tmp/prog"
	chmod +x "$BUNDLE/rootfs/tmp/prog"
	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	run -1 oci start "$ID"
	assert_output_has "exec /tmp/prog: exec format error"
	has_status "$ID" stopped
	oci delete "$ID"
	nothing_left
}

@test "what the kernel answers to an op is in the message" {
	bundle 'c["mounts"].append({"destination": "/t", "type": "tmpfs", "options": ["nosuch=1"]})' true
	run -1 oci run -b "$BUNDLE" "$ID"
	[[ "$output" == *"/config.json:"*": mkfs \"tmpfs\""*": Invalid argument"* ]]
	nothing_left
}

@test "names, options and words that are wrong" {
	local id

	for id in '' . .. a/b 'a b' "$(printf 'x%.0s' {1..1025})"; do
		run -1 oci create -b "$BUNDLE" "$id"
	done
	run -1 oci create --nosuch x
	assert_output_has "no option '--nosuch'"
	run -1 oci nosuch
	assert_output_has "no command 'nosuch'"
	run -1 oci state nobody
	assert_output_has "container nobody does not exist"
	run -1 oci checkpoint x
	assert_output_has "not supported"
	run -1 "$OCI" --systemd-cgroup state x
	run -1 oci create --no-pivot -b "$BUNDLE" x
}

@test "the log has the whole cause in one line of JSON" {
	bundle '' nosuch
	run -1 "$OCI" --root "$STATE" --log log --log-format json create -b "$BUNDLE" "$ID"
	python3 - log "$output" <<'END'
import json, sys
lines = open(sys.argv[1]).read().splitlines()
assert len(lines) == 1, lines
entry = json.loads(lines[0])
assert entry["level"] == "error" and "T" in entry["time"] and entry["op"] == "find", entry
assert entry["place"].count(":") == 2, entry
assert sys.argv[2].splitlines()[-1] == "ringfence-oci: " + entry["msg"], sys.argv
END
}

@test "help has every command, and the manual page every option" {
	local cmd opt

	run -0 "$OCI" --help
	for cmd in create start run exec state kill delete pause resume list ps update spec features; do
		assert_output_has "  $cmd "
	done
	for cmd in '' $("$OCI" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
		for opt in $("$OCI" $cmd --help | sed -n 's/^  ..[ ,] --\([a-z0-9-]*\).*/\1/p'); do
			tr ' ' '\n' <"$SRCDIR/man/ringfence-oci.8" | grep -qx -- "-$opt" || {
				echo "ringfence-oci $cmd --$opt is not in the manual page"
				false
			}
		done
	done
}

@test "version, features and spec" {
	run -0 "$OCI" --version
	[[ "${lines[0]}" == "ringfence-oci version "* && "${lines[1]}" == "spec: 1."* ]]
	"$OCI" features | python3 -c 'import json, sys; f = json.load(sys.stdin); assert f["linux"]["seccomp"]["enabled"]'
	"$OCI" spec -b "$DIR"
	run -1 "$OCI" spec -b "$DIR"
	assert_output_has "File exists"
	grep -q '"terminal": true' config.json
}

# ------------------------------------------------------------------------ kill -9

# The runtime is killed before its Nth system call of a kind; delete --force cleans up.
@test "a creator that is killed leaves what delete --force removes" {
	local n call when status

	skip_unless strace "it kills at a system call" command -v strace
	bundle '' sleep 100
	for n in mkdirat mkdir:1 mkdir:5 renameat:1 bind listen memfd_create clone3 recvmsg:1 \
		renameat:2 sendto recvmsg:3 waitid; do
		call=${n%:*} when=1 status=0
		[[ $n != *:* ]] || when=${n#*:}
		timeout 60 strace -o trace -e "inject=$call:signal=KILL:when=$when" \
			"$OCI" --root "$STATE" create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err || status=$?
		echo "$n: $status"
		[ $status = 137 ]
		run -0 timeout 30 "$OCI" --root "$STATE" delete --force "$ID"
		nothing_left
	done
}

@test "one that starts or deletes and is killed can be followed by another" {
	local call status=0

	skip_unless strace "it kills at a system call" command -v strace
	bundle '' sleep 100
	for call in connect recvmsg sendto unlinkat; do
		oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
		timeout 60 strace -o trace -e "inject=$call:signal=KILL:when=1" \
			"$OCI" --root "$STATE" start "$ID" </dev/null >/dev/null 2>err || status=$?
		[ $status = 137 ]
		[ "$call" != connect ] || oci start "$ID"
		oci delete --force "$ID"
		nothing_left
	done
	for call in pidfd_send_signal rmdir unlinkat; do
		oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
		timeout 60 strace -o trace -e "inject=$call:signal=KILL:when=1" \
			"$OCI" --root "$STATE" delete --force "$ID" </dev/null >/dev/null 2>err || status=$?
		[ $status = 137 ]
		oci delete --force "$ID"
		nothing_left
	done
}

@test "a number that is somebody else's by now is not its process" {
	bundle '' sleep 100
	oci run -d -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
	sed -i 's/"start": [0-9]*/"start": 1/' "$STATE/$ID/state.json"
	has_status "$ID" stopped
	run -1 oci kill "$ID" KILL
	[ -d "/proc/$(cat pid)" ]
	kill -9 "$(cat pid)"
}
