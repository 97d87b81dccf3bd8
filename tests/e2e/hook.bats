#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence hook: what a fragment says is so in the container, at every stage, by
# hand and with runc; and where it cannot be, nothing is.

load harness
load hook

setup() {
	harness_setup
	need_busybox
}

teardown() {
	container_end
	[ -z "${RUNC_ID:-}" ] || runc --root "$DIR/runc" delete --force "$RUNC_ID" 2>/dev/null || true
	# what podman makes and leaves; one with containers of others in it stays
	[ ! -d "$DIR/hooks.d" ] || find /sys/fs/cgroup -mindepth 1 -depth -type d \
		-path '*/libpod_parent*' -exec rmdir {} + 2>/dev/null || true
}

# ------------------------------------------------------------------ the command line

@test "the table of stages is that of the manual page" {
	"$RINGFENCE" hook --stages | sed 's/ *$//' >program
	sed -n '/^\.\\" stages$/,/^\.Ed/p' "$SRCDIR/man/ringfence-hook.8" |
		grep -v '^\.' >page
	[ -s page ]
	diff program page
}

@test "wrong words are an error and name the nearest" {
	echo '{}' >fragment.yaml
	run -2 "$RINGFENCE" hook createRuntme fragment.yaml
	assert_output_has "no stage 'createRuntme'; did you mean 'createRuntime'?"
	run -2 "$RINGFENCE" hook createRuntime
	run -2 "$RINGFENCE" hook
	run -2 "$RINGFENCE" hook poststart fragment.yaml more
	run -2 "$RINGFENCE" hook --stage poststart poststart fragment.yaml
	run -2 "$RINGFENCE" hook --annotation a=b poststart fragment.yaml
	run -2 "$RINGFENCE" hook poststart -
	run -2 "$RINGFENCE" hook poststart no-such-file
	assert_output_has 'no-such-file'
}

@test "a fragment that is wrong is told with its place, and the state is not read" {
	fragment <<-'END'
		mounts:
		  - {ro: /usr, at: /data}
		sysctls: {net.ipv4.ip_forward: 1}
	END
	run -2 "$RINGFENCE" hook createRuntime fragment.yaml </dev/null
	assert_output_has "ringfence: fragment.yaml:3:1: unknown key 'sysctls'; did you mean 'sysctl'?"
}

@test "JSON is a fragment, and --check does nothing but read" {
	echo '{"mounts": [{"file": "/x", "content": "y"}], "limits": {"nofile": 5}}' >fragment.json
	"$RINGFENCE" hook --check createRuntime fragment.json </dev/null
	"$RINGFENCE" hook --check --stage=poststart fragment.json </dev/null
	run -2 "$RINGFENCE" hook --check poststop fragment.json </dev/null
	assert_output_has "fragment.json:1:67: poststop: no rlimit in this stage: the container's process has ended"
}

@test "what makes no sense in a stage is refused, and all that does is not" {
	declare -A part=(
		[bind]='mounts: [{ro: /usr, at: /data}]' [tmpfs]='mounts: [{tmpfs: /tmp}]'
		[file]='mounts: [{file: /x}]' [rlimit]='limits: {core: 0}'
		[cgroup]='limits: {pids: 9}' [sysctl]='sysctl: {kernel.hostname: x}'
		[network]='network: [{up: lo}]'
	)
	"$RINGFENCE" hook --stages >table
	read -ra names <table
	[ ${#names[@]} = 7 ]
	sed 1d table | while read -r stage cells; do
		column=0
		for cell in $cells; do
			echo "$stage ${names[column]} $cell"
			echo "${part[${names[column]}]}" >fragment.yaml
			if [ "$cell" = yes ]; then
				"$RINGFENCE" hook --check "$stage" fragment.yaml
			else
				run -2 "$RINGFENCE" hook --check "$stage" fragment.yaml
				assert_output_has "fragment.yaml:1:"
				assert_output_has "$stage: no "
			fi
			column=$((column + 1))
		done
	done
}

@test "a file for hooks.d names program, stage, fragment and annotation" {
	echo 'sysctl: {kernel.hostname: x}' >fragment.yaml
	"$RINGFENCE" hook --print-hooks-d --annotation 'org.example.x=^on$' poststart \
		fragment.yaml >hook.json
	python3 - "$RINGFENCE" "$DIR" <<-'END'
		import json, os, sys
		d = json.load(open('hook.json'))
		assert d['version'] == '1.0.0' and d['stages'] == ['poststart']
		assert os.path.samefile(d['hook']['path'], sys.argv[1])
		assert d['hook']['args'] == ['ringfence', 'hook', 'poststart', sys.argv[2] + '/fragment.yaml']
		assert d['when'] == {'annotations': {r'^org\.example\.x$': '^on$'}}
	END
	"$RINGFENCE" hook --print-hooks-d poststart fragment.yaml | grep -q '"always": true'
	run -2 "$RINGFENCE" hook --print-hooks-d --annotation nothing poststart fragment.yaml
}

# -------------------------------------------------------------------------- the state

@test "a state that is none is an error, and nothing is done" {
	need_root
	container
	fragment <<<'mounts: [{file: /made}]'
	for text in '' '[]' '{' '{"id":"x"}' "$(state running | sed s/running/gone/)" \
		"$(state creating | sed 's/"pid":[0-9]*/"pid":"7"/')" "$(state creating -3)" \
		"$(state creating 0)" "$(state creating | sed 's/"bundle":"/"bundle":".')" \
		"$(state creating | sed 's/"id":"c-1"/"id":"c-1","id":"c-2"/')"; do
		run -2 "$RINGFENCE" hook createRuntime fragment.yaml <<<"$text"
		assert_output_has 'ringfence: '
	done
	[ ! -e "$ROOT/made" ]
}

@test "a state without end is not read for ever" {
	fragment <<<'mounts: [{file: /made}]'
	run -2 "$RINGFENCE" hook createRuntime fragment.yaml </dev/zero
	assert_output_has 'File too large'
}

@test "a container that is not where the stage is, is refused" {
	need_root
	container
	fragment <<<'mounts: [{file: /made}]'
	fails 2 'createRuntime: the container is running' createRuntime running
	fails 2 'poststop: the container is creating' poststop creating
	[ ! -e "$ROOT/made" ]
}

@test "a process that is dead or of the host is refused" {
	need_root
	container
	fragment <<<'mounts: [{file: /made}]'
	state creating $$ >state.json
	run -125 "$RINGFENCE" hook createRuntime fragment.yaml <state.json
	assert_output_has 'that is no container'
	sleep 300 &
	kill -9 $!
	wait $! || true
	state creating $! >state.json
	run -125 "$RINGFENCE" hook createRuntime fragment.yaml <state.json
	assert_output_has 'No such process'
	# nor is it taken for one that runs inside
	state creating "$PID" >state.json
	run -125 "$RINGFENCE" hook createContainer fragment.yaml <state.json
	assert_output_has 'another mount namespace'
	[ ! -e "$ROOT/made" ]
}

# ------------------------------------------------------------------- what is applied

@test "mounts, files, directories and links are in the container, and not on the host" {
	need_root
	container
	mkdir source
	echo bound >source/file
	fragment <<-'END'
		mounts:
		  - {ro: ./source, at: /data}
		  - {rw: ./source/file, at: /etc/of/the/host, create: true}
		  - {file: /etc/by/hook, content: "content\n", mode: "640", uid: 3, gid: 4}
		  - {dir: /srv/some/where, mode: "1777"}
		  - {symlink: /etc/by/hook, at: /srv/link}
		  - {tmpfs: /tmp, size: 64K, mode: "1770"}
		  - {file: /tmp/in/it, content: "in memory"}
		  - {ro: ./absent, at: /nowhere, optional: true}
	END
	hook createRuntime
	[ "$(inside cat "$ROOT/data/file" "$ROOT/etc/of/the/host" "$ROOT/tmp/in/it")" = "bound
bound
in memory" ]
	[ "$(inside stat -c '%a %u %g' "$ROOT/etc/by/hook" "$ROOT/srv/some/where" "$ROOT/tmp")" = "640 3 4
1777 0 0
1770 0 0" ]
	[ "$(readlink "$ROOT/srv/link")" = /etc/by/hook ]
	run ! inside touch "$ROOT/data/new"
	inside touch "$ROOT/etc/of/the/host"
	[ "$(inside stat -f -c %b "$ROOT/tmp")" -le 16 ]
	# on the host: the files, and none of the mounts
	[ "$(cat "$ROOT/etc/by/hook")" = content ]
	[ ! -e "$ROOT/data/file" ] && [ ! -e "$ROOT/tmp/in" ] && [ ! -e "$ROOT/nowhere" ]
	run ! grep "$ROOT" /proc/self/mountinfo
}

@test "behind pivot_root the root is the container's own" {
	need_root
	container
	enter_root
	mkdir source
	echo bound >source/file
	fragment <<-'END'
		mounts:
		  - {ro: ./source, at: /data}
		  - {file: /etc/late, content: late}
		  - {ro: ./source/file, at: /etc/file, create: true}
		sysctl: {net.ipv4.ip_forward: 1, kernel.hostname: of-the-hook, kernel.msgmax: 4321}
	END
	hook poststart running
	[ "$(inside /bin/cat /data/file /etc/late /etc/file)" = "bound
latebound" ]
	[ "$(inside /bin/cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax)" = "1
4321" ]
	[ "$(inside /bin/hostname)" = of-the-hook ]
	[ "$(hostname)" != of-the-hook ]
	[ "$(cat /proc/sys/kernel/msgmax)" != 4321 ]
}

@test "in poststop files are for the bundle, and no process is needed" {
	need_root
	bundle
	fragment <<<'mounts: [{file: /left/behind, content: note}]'
	hook poststop stopped
	[ "$(cat "$ROOT/left/behind")" = note ]
}

@test "a pair of links, addresses and routes carry bytes both ways" {
	need_root
	own_host
	container
	fragment <<-END
		network:
		  - {up: lo}
		  - {veth: eth0, peer: pair0, addr: [10.213.7.2/24, "fd00:213::2/64"],
		     peer_addr: 10.213.7.1/24, mtu: 1400, mac: "02:00:00:00:00:77"}
		  - {route: default, via: 10.213.7.1}
		  - {route: 10.214.0.0/16, via: 10.213.7.1, link: eth0}
		  - {route: "fd00:214::/64", link: eth0}
	END
	hook createRuntime
	inside ip route >routes
	grep -q '^default via 10.213.7.1 dev eth0' routes
	grep -q '^10.214.0.0/16 via 10.213.7.1 dev eth0' routes
	inside ip -6 route | grep -q '^fd00:214::/64 dev eth0'
	inside ip link show eth0 | grep -q 'mtu 1400'
	inside ip link show eth0 | grep -q '02:00:00:00:00:77'
	echo hello >served
	inside "$BUSYBOX" nc -l -p 4747 <served &
	for _ in $(seq 200); do
		on_host "$BUSYBOX" nc -w 1 10.213.7.2 4747 >got 2>/dev/null </dev/null && [ -s got ] && break
		sleep 0.02
	done
	[ "$(cat got)" = hello ]
	# the loopback interface too
	inside "$BUSYBOX" ping -c 1 -W 2 127.0.0.1
}

@test "a link of the host is moved, renamed, and has its addresses" {
	need_root
	own_host
	on_host ip link add pair0 type veth peer name pair1
	container
	fragment <<<"network: [{move: pair0, name: lan0, addr: 10.213.8.2/24}]"
	hook createRuntime
	inside ip addr show lan0 | grep -q 'inet 10.213.8.2/24'
	inside ip link show lan0 | grep -q '[<,]UP[,>]'
	run ! on_host ip link show pair0
}

@test "a peer without a name has that of the container's id" {
	need_root
	container
	own_host
	fragment <<<'network: [{veth: eth0}]'
	hook createRuntime
	on_host ip link show rfc1 | grep -q '[<,]UP[,>]'
}

@test "rlimits are those of the container's process" {
	need_root
	container
	fragment <<<'limits: {core: 0, stack: {soft: 1M, hard: 2M}}'
	hook createRuntime
	grep -q '^Max core file size *0 *0 ' "/proc/$PID/limits"
	grep -q '^Max stack size *1048576 *2097152 ' "/proc/$PID/limits"
}

# own_group: a group for the container, where there is a hierarchy with pids
own_group() {
	local mount

	mount=$(awk '$(NF-2) == "cgroup" && $NF ~ /pids/ { print $5; exit }
		$(NF-2) == "cgroup2" { v2 = $5 } END { if (v2) print v2 }' /proc/self/mountinfo | head -n 1)
	[ ! -e "$mount/cgroup.subtree_control" ] || echo +pids >"$mount/cgroup.subtree_control"
	GROUP=$mount/hooktest-$BASHPID
	mkdir "$GROUP" && [ -e "$GROUP/pids.max" ]
}

@test "values of control groups are written to the container's own group only" {
	need_root
	own_group || { rmdir "$GROUP"; skip_unless cgroup "no group can be made with pids" false; }
	container
	fragment <<<'limits: {pids: 77}'
	fails 125 'is not the container' createRuntime
	echo "$PID" >"$GROUP/cgroup.procs"
	hook createRuntime
	[ "$(cat "$GROUP/pids.max")" = 77 ]
	fragment <<<'cgroup: {pids.max: max}'
	hook createRuntime
	[ "$(cat "$GROUP/pids.max")" = max ]
	fragment <<<'cgroup: {pids.max: 55, pids.none: 1}'
	fails 125 'pids.none "1": No such file' createRuntime
	[ "$(cat "$GROUP/pids.max")" = max ]
	container_end
	rmdir "$GROUP"
}

@test "a container with a user namespace gets what its root owns" {
	need_root
	container --user --map-root-user
	mkdir source
	fragment <<-'END'
		mounts:
		  - {ro: ./source, at: /data}
		  - {file: /etc/by/hook, uid: 0}
		  - {tmpfs: /tmp}
		sysctl: {net.ipv4.ip_forward: 1}
		network: [{up: lo}]
	END
	hook createRuntime
	[ "$(inside_user stat -c %u "$ROOT/tmp" "$ROOT/etc/by/hook")" = "0
0" ]
	[ "$(inside_user cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
}

@test "an ordinary user's container is its own to hook into" {
	need_userns
	container --user --map-root-user
	fragment <<-'END'
		mounts: [{file: /etc/by/hook, content: x}, {tmpfs: /tmp}]
		sysctl: {net.ipv4.ip_forward: 1, kernel.hostname: hooked}
		network: [{up: lo}]
		limits: {core: 0}
	END
	hook createRuntime
	[ "$(inside_user hostname)" = hooked ]
	[ "$(cat "$ROOT/etc/by/hook")" = x ]
	inside_user ip link show lo | grep -q '[<,]UP[,>]'
}

# ------------------------------------------------------------------- all or nothing

@test "what was done before something fails is taken back" {
	need_root
	own_host
	container
	mkdir source
	touch source/file
	find "$ROOT" | sort >before
	fragment <<-END
		mounts:
		  - {ro: ./source, at: /data}
		  - {ro: ./source/file, at: /a/b/file, create: true}
		  - {tmpfs: /data/on/it, create: true, optional: false}
		  - {file: /c/d/e, content: x}
		  - {symlink: x, at: /f/l}
		  - {dir: /g/h}
		network:
		  - {up: lo, addr: 10.213.9.9/32}
		  - {veth: eth0, peer: pair0}
		  - {route: 10.214.0.0/16, link: nothing}
	END
	# read-only: the third entry
	fails 125 'fragment.yaml:4:13: createRuntime: tmpfs /data/on/it: mkdir: Read-only file system' \
		createRuntime
	find "$ROOT" | sort | diff before -
	[ "$(mounts_of_root)" = 0 ]
	sed -i '/on.it/d' fragment.yaml
	fails 125 'fragment.yaml:10:13: createRuntime: route nothing: route: ' createRuntime
	find "$ROOT" | sort | diff before -
	[ "$(mounts_of_root)" = 0 ]
	run ! on_host ip link show pair0
	run ! inside ip link show eth0
	inside ip addr show lo >left
	run ! grep 10.213 left
	run ! grep 'taken back' err
}

@test "two hundred mounts take no more descriptors than there are" {
	need_root
	container
	mkdir source
	{
		echo 'mounts:'
		for i in $(seq 100); do
			echo "  - {ro: ./source, at: /many/$i, create: true}"
			echo "  - {tmpfs: /many/tmp-$i, create: true}"
		done
		echo "  - {file: /bin/sh}"
	} >fragment.yaml
	fails 125 'file /bin/sh: File exists' createRuntime
	[ "$(mounts_of_root)" = 0 ] && [ ! -e "$ROOT/many" ]
	sed -i '$d' fragment.yaml
	(ulimit -Sn 64 && hook createRuntime)
	[ "$(mounts_of_root)" = 200 ]
}

@test "a sysctl that does not exist, or is the host's, changes nothing" {
	need_root
	container
	fragment <<<'sysctl: {kernel.msgmax: 4242, net.ipv4.no_such_thing: 1}'
	fails 125 'fragment.yaml:1:31: createRuntime: sysctl net.ipv4.no_such_thing: open: No such file' \
		createRuntime
	[ "$(inside cat /proc/sys/kernel/msgmax)" = "$(cat /proc/sys/kernel/msgmax)" ]
	fragment <<<'sysctl: {vm.swappiness: 1}'
	fails 2 "fragment.yaml:1:10: 'vm.swappiness' is the whole host's" createRuntime
	fragment <<<'sysctl: {kernel.msgmax: nonsense}'
	fails 125 'sysctl kernel.msgmax "nonsense": write: Invalid argument' createRuntime
}

@test "a container that shares a namespace with the host keeps it as it is" {
	need_root
	bundle
	mkfifo up
	unshare --mount --pid --fork --propagation private "$BUSYBOX" sh -c ': >up; exec sleep 300' 3>&- &
	CONTAINER=$!
	is_up
	PID=$(pgrep -P $CONTAINER)
	fragment <<<'sysctl: {net.ipv4.ip_forward: 1}'
	fails 125 'the container has no net namespace of its own' createRuntime
	fragment <<<'network: [{up: lo}]'
	fails 125 'the container has no network namespace of its own' createRuntime
	fragment <<<'sysctl: {kernel.hostname: x}'
	fails 125 'the container has no uts namespace of its own' createRuntime
	# nor is that mounted where a runtime mounts the root: what is put there would be lost
	fragment <<<'mounts: [{tmpfs: /data}]'
	fails 125 "the container's root is not where the bundle has it" createRuntime
}

@test "a file that exists is not overwritten" {
	need_root
	container
	echo mine >"$ROOT/etc/file"
	fragment <<<'mounts: [{file: /etc/file, content: other}]'
	fails 125 'createRuntime: file /etc/file: File exists' createRuntime
	[ "$(cat "$ROOT/etc/file")" = mine ]
	fragment <<<'mounts: [{tmpfs: /absent}]'
	fails 125 'createRuntime: tmpfs /absent: No such file or directory' createRuntime
	grep -q 'create: true' err
}

# ---------------------------------------------------------------------------- runc

# runc_bundle COMMAND: a config.json with a hook for every stage
runc_bundle() {
	bundle
	cp "$RINGFENCE" "$ROOT/bin/ringfence"
	(cd bundle && rm config.json && runc spec)
	python3 - "$RINGFENCE" "$DIR" "$1" <<-'END'
		import json, sys
		program, directory, command = sys.argv[1:]
		with open('bundle/config.json') as file:
		    c = json.load(file)
		c['process']['terminal'] = False
		c['process']['args'] = ['/bin/sh', '-c', command]
		c['process'].pop('rlimits', None)
		for caps in c['process']['capabilities'].values():
		    caps.append('CAP_SYS_ADMIN')	# for startContainer's tmpfs
		c['root']['readonly'] = False
		c['linux']['cgroupsPath'] = '/ringfence-hook-test'
		c['hooks'] = {}
		for stage in ('prestart', 'createRuntime', 'createContainer', 'startContainer',
		              'poststart', 'poststop'):
		    inside = stage == 'startContainer'
		    c['hooks'][stage] = [{
		        'path': '/bin/ringfence' if inside else program,
		        'args': ['ringfence', 'hook', stage,
		                 ('' if inside else directory) + '/' + stage + '.yaml'],
		    }]
		with open('bundle/config.json', 'w') as file:
		    json.dump(c, file)
	END
	RUNC_ID=hook-$BASHPID
}

has_runc() {
	command -v runc && (cd "$DIR" && mkdir try && cd try && runc spec)
}

# stages RUNTIME...: each does its part
stages() {
	skip_unless static "ringfence is not static, and would not run in the container" \
		has_static "$RINGFENCE"
	own_host
	mkdir source
	echo bound >source/file
	mkfifo go
	runc_bundle 'read -r word </data/go; ls / /data /late /early /tmp; ulimit -c
		cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax; ip route; mount'
	mkfifo source/go
	cat >prestart.yaml <<<'mounts: [{file: /prestart}]'
	cat >createRuntime.yaml <<-END
		mounts: [{file: /createRuntime}, {rw: ./source, at: /data}]
		network: [{veth: eth0, peer: pair0, addr: 10.213.6.2/24}, {route: default, via: 10.213.6.1}]
		sysctl: {net.ipv4.ip_forward: 1}
		limits: {pids: 55}
	END
	cat >createContainer.yaml <<<'mounts: [{file: /createContainer}, {ro: ./source, at: /early, create: true}]'
	cat >"$ROOT/startContainer.yaml" <<<'mounts: [{file: /startContainer}, {tmpfs: /tmp}, {file: /tmp/in-memory}]'
	cat >poststart.yaml <<-'END'
		mounts: [{file: /poststart}, {ro: ./source, at: /late, create: true}]
		limits: {core: 0}
		sysctl: {kernel.msgmax: 4321}
	END
	cat >poststop.yaml <<<'mounts: [{file: /poststop}]'
	on_host "$@" create --bundle bundle "$RUNC_ID" >out 2>&1 </dev/null || { cat out; return 1; }
	grep -rxq 55 /sys/fs/cgroup/pids/ringfence-hook-test/pids.max /sys/fs/cgroup/ringfence-hook-test/pids.max
	on_host "$@" start "$RUNC_ID"
	timeout 60 "$BUSYBOX" sh -c 'echo >source/go'
	for _ in $(seq 500); do
		[ "$(on_host "$@" state "$RUNC_ID" | grep -c stopped)" = 1 ] && break
		sleep 0.02
	done
	on_host "$@" delete "$RUNC_ID"
	for stage in prestart createRuntime createContainer startContainer poststart; do
		grep -qx $stage out
	done
	[ "$(grep -cx file out)" = 3 ]
	grep -qx in-memory out
	grep -qx 4321 out
	grep -q '^default via 10.213.6.1 dev eth0' out
	grep -q ' on /tmp type tmpfs' out
	[ -e "$ROOT/poststop" ]
	[ ! -e "$ROOT/data/file" ]
}

@test "with runc, each stage does its part" {
	need_root
	skip_unless runc "needs runc" has_runc
	stages runc --root "$DIR/runc"
}

@test "with ringfence-oci, each stage does its part" {
	need_root
	skip_unless runc "needs runc for a bundle" has_runc
	stages "$RF_BUILDDIR/ringfence-oci" --root "$DIR/runc"
}

@test "a hook inside works beside a process that it may not look at" {
	local ids change="c['process']['noNewPrivileges'] = False"

	need_root
	skip_unless runc "needs runc for a bundle" has_runc
	skip_unless static "ringfence is not static, and would not run in the container" \
		has_static "$RINGFENCE"
	ids="c['linux']['namespaces'].append({'type': 'user'})
c['linux']['uidMappings'] = c['linux']['gidMappings'] = [{'containerID': 0, 'hostID': 100000, 'size': 65536}]"
	chmod 755 "$DIR"
	runc_bundle 'ls /; ulimit -c'
	chmod 755 bundle
	echo 'mounts: [{file: /made-before}]' >createContainer.yaml
	echo '{mounts: [{file: /made-after}], limits: {core: 0}}' >"$ROOT/startContainer.yaml"
	cp bundle/config.json whole.json
	for change in "$change" "$ids" "$ids; $change"; do
		[[ "$change" != *user* ]] || chown 100000:100000 "$ROOT"
		python3 - "$change" <<-'END'
			import json, sys
			c = json.load(open('whole.json'))
			keep = ('createContainer', 'startContainer')
			c['hooks'] = {k: v for k, v in c['hooks'].items() if k in keep}
			# what engines give, and no more
			for caps in c['process']['capabilities'].values():
			    caps.remove('CAP_SYS_ADMIN')
			exec(sys.argv[1])
			json.dump(c, open('bundle/config.json', 'w'))
		END
		run -0 "$RF_BUILDDIR/ringfence-oci" --root "$DIR/runc" run --bundle bundle "$RUNC_ID" </dev/null
		assert_output_has made-before
		assert_output_has made-after
		[ "${lines[-1]}" = 0 ]
		rm "$ROOT"/made-*
	done
}

@test "with runc, a hook that fails is a container that does not start" {
	need_root
	skip_unless runc "needs runc" has_runc
	runc_bundle true
	for stage in prestart createContainer poststart poststop; do
		echo '{}' >$stage.yaml
	done
	echo '{}' >"$ROOT/startContainer.yaml"
	echo 'mounts: [{file: /bin/sh}]' >createRuntime.yaml
	run ! runc --root "$DIR/runc" run --bundle bundle "$RUNC_ID" </dev/null
	assert_output_has 'createRuntime.yaml:1:17: createRuntime: file /bin/sh: File exists'
	run ! on_host runc --root "$DIR/runc" state "$RUNC_ID"
}

# ------------------------------------------------------------------------ podman

# podman_engine: with a store and hooks of the test's own, above runc
podman_engine() {
	cat >containers.conf <<-'END'
		[containers]
		default_ulimits = []
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		runtime = "runc"
	END
	export CONTAINERS_CONF=$DIR/containers.conf
	mkdir hooks.d
	bundle
	tar -C "$ROOT" -cf root.tar .
	engine import root.tar local/hook >/dev/null 2>&1
}

engine() {
	on_host timeout 120 podman --root "$DIR/store" --runroot "$DIR/run" --storage-driver vfs \
		--cgroup-manager cgroupfs --hooks-dir "$DIR/hooks.d" "$@" </dev/null
}

engine_run() {
	engine run --rm --ulimit host --network none "$@"
}

has_podman() {
	command -v podman && has_runc
}

@test "with podman, a file of hooks.d is for the containers with its annotation" {
	need_root
	skip_unless podman "needs podman and runc" has_podman
	own_host
	podman_engine
	mkdir source
	touch source/bound
	fragment <<-'END'
		mounts: [{file: /made}, {ro: ./source, at: /data}]
		network: [{veth: eth0, addr: 10.213.5.2/24}, {route: default, via: 10.213.5.1}]
		sysctl: {net.ipv4.ip_forward: 1}
		limits: {pids: 44}
	END
	"$RINGFENCE" hook --print-hooks-d --annotation 'org.example.hook=^yes$' createRuntime \
		fragment.yaml >hooks.d/test.json
	engine_run --annotation org.example.hook=yes local/hook sh -c \
		'ls / /data; ip route; cat /proc/sys/net/ipv4/ip_forward' >with
	grep -qx made with && grep -qx bound with && grep -q '^default via 10.213.5.1 dev eth0' with
	engine_run local/hook sh -c 'ls / /data; ip route' >without
	run ! grep 'made\|bound\|default' without
	fragment <<<'mounts: [{file: /bin/sh}]'
	run -126 engine_run --annotation org.example.hook=yes local/hook true
	assert_output_has 'fragment.yaml:1:17: createRuntime: file /bin/sh: File exists'
}
