# SPDX-License-Identifier: LGPL-2.1-or-later
# Docker with ringfence-oci as its runtime: a daemon of the tests' own, in a network of
# its own, where it may have its bridge, with mounts of its own.
load harness
load engine

has_docker() {
	command -v dockerd && [ -x /usr/bin/docker ] && command -v containerd
}

# What Docker makes and leaves, whatever it is told about directories.
places() {
	printf '%s\n' /run/containerd/{s,} /run/docker/{plugins,}
	for tree in /sys/fs/cgroup/*/; do
		printf '%s\n' "$tree/rf-docker$$"
	done
}

setup_file() {
	engine_begin
	is_root && has_docker && [ -x /bin/busybox ] || return 0
	for place in $(places); do
		[ -e "$place" ] || echo "$place"
	done >made
	contrib docker/daemon.json >daemon.json
	export DOCKER_HOST=unix://$ENGINE/d.sock DOCKER_CONFIG=$ENGINE/client
	daemon log unshare --net --mount sh -c 'ip link set lo up && exec "$@"' - dockerd \
		--config-file daemon.json --data-root "$ENGINE/data" --exec-root "$ENGINE/exec" \
		--pidfile "$ENGINE/docker.pid" --host "$DOCKER_HOST" --storage-driver vfs \
		--default-runtime ringfence --iptables=false --cgroup-parent "/rf-docker$$"
	until_true is_ready
	make_image
	d load -q -i image.tar
}

teardown_file() {
	engine_end
	# what has somebody else's in it by now stays
	[ ! -e "$ENGINE/made" ] || xargs -a "$ENGINE/made" rmdir 2>/dev/null || true
}

setup() {
	harness_setup
	need_root
	skip_unless docker "docker.io is not installed" has_docker
	need_busybox
	NAME=box$BATS_TEST_NUMBER
}

teardown() {
	[ -z "${NAME:-}" ] || d rm --force "$NAME" >/dev/null 2>&1 || true
}

d() {
	timeout 60 /usr/bin/docker "$@" 3>&-
}

is_ready() {
	d version >/dev/null 2>&1
}

# new ARGUMENT... -- COMMAND...: `docker run` with the runtime that was built
new() {
	local args=()

	while [ "$1" != -- ]; do
		args+=("$1")
		shift
	done
	shift
	d run "${args[@]}" localhost/box:1 "$@"
}

# answers TEXT ARGUMENT...: docker's answer is TEXT
answers() {
	local want=$1 got

	shift
	got=$(d "$@")
	echo "docker $*: $got"
	[ "$got" = "$want" ]
}

@test "run: output, exit status, removed at the end" {
	run --separate-stderr -3 new --rm -- sh -c 'echo "pid $$"; echo no >&2; exit 3'
	[ "$output" = "pid 1" ]
	[ "$stderr" = no ]
	answers "" ps -aq
	answers ringfence info -f '{{.DefaultRuntime}}'
	[ -z "$(ls "$ENGINE/exec/runtime-ringfence/moby" 2>/dev/null)" ]
}

@test "what cannot be run has docker's status for it, and the cause in one line" {
	run -127 new --rm -- nosuch
	assert_output_has 'exec: "nosuch": executable file not found in $PATH'
	run -127 new --rm -- /nosuch
	assert_output_has 'exec: "/nosuch": no such file or directory'
	run -126 new --rm -- /etc
	assert_output_has 'exec: "/etc": permission denied'
}

@test "a container in the background: exec, logs, top, pause, update, stats, stop, start, kill" {
	new -d --name "$NAME" -- sh -c 'echo hello; trap "exit 5" TERM; while :; do sleep 0.1; done' >/dev/null
	run --separate-stderr -4 d exec "$NAME" sh -c 'echo inside; exit 4'
	[ "$output" = inside ]
	run -126 d exec "$NAME" nosuch
	assert_output_has 'exec: "nosuch": executable file not found in $PATH'
	run --separate-stderr -0 d exec -e A=b -w /tmp -u 1000 "$NAME" sh -c 'echo $A; pwd; id -u'
	[ "$output" = "b
/tmp
1000" ]
	answers hello logs "$NAME"
	d top "$NAME" | grep 'echo hello'
	d pause "$NAME"
	answers paused inspect -f '{{.State.Status}}' "$NAME"
	d unpause "$NAME"
	d update --memory 64m --memory-swap 64m --pids-limit 50 --cpus 0.5 "$NAME"
	answers "67108864
50
50000" exec "$NAME" sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us'
	[[ "$(d stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' "$NAME")" == *" / 64MiB "[1-9]* ]]
	d stop "$NAME"
	answers 5 inspect -f '{{.State.ExitCode}}' "$NAME"
	d start "$NAME"
	d restart "$NAME"
	d kill -s KILL "$NAME"
	answers 137 wait "$NAME"
}

@test "-t: a terminal for run and for exec" {
	# its client may be too early with the size, and gives up then, but not when it changes
	run "$RF_BUILDDIR/tests/helpers/pty" expect:/dev/pts/0 size:33x77 'send:go\r' expect:con -- \
		timeout --foreground 60 /usr/bin/docker run --rm -it localhost/box:1 \
		sh -c 'tty; read x; until stty size | grep "33 77"; do sleep 0.1; done; test -c /dev/console && echo con'
	echo "$output"
	[ "$status" = 0 ]
	[[ "$output" == *"33 77"*con* ]]
	new -d --name "$NAME" -- sleep 100
	run "$RF_BUILDDIR/tests/helpers/pty" expect:/dev/pts/ -- \
		timeout --foreground 60 /usr/bin/docker exec -it "$NAME" tty
	[ "$status" = 0 ]
}

@test "--read-only, --init, --tmpfs, --shm-size and volumes" {
	mkdir data
	echo content >data/file
	run -0 new --rm --read-only --tmpfs /t -v "$DIR/data:/data" -- \
		sh -c 'touch /x /t/x || cat /data/file; ls /t; echo more >/data/other'
	assert_output_has "/x: Read-only file system"
	assert_output_has content
	[ -e data/other ]
	run --separate-stderr -0 new --rm --init -- sh -c 'tr "\0" " " </proc/1/cmdline; echo $$'
	[[ "$output" == *docker-init*" 2" || "$output" == *docker-init*" 7" ]]
	run --separate-stderr -0 new --rm --shm-size 1m -- sh -c 'df /dev/shm | tail -n 1'
	[[ "$output" == *" 1024 "* ]]
	d volume create "$NAME"
	new --rm -v "$NAME:/v" -- touch /v/x
	run -0 new --rm -v "$NAME:/v:ro" -- sh -c 'ls /v; ! touch /v/y'
	assert_output_has x
	d volume rm "$NAME"
}

@test "what a container may do: users, capabilities, no_new_privs, filter, devices, sysctls" {
	run --separate-stderr -0 new --rm --user 7:8 --group-add 9 --hostname h --env A=b --ulimit nofile=77:88 -- \
		sh -c 'id -u; id -g; id -G; uname -n; echo $A; echo $HOME; ulimit -n; ulimit -Hn'
	[ "$output" = "7
8
8 9
h
b
/
77
88" ]
	run --separate-stderr -0 new --rm --cap-drop all --cap-add chown --security-opt no-new-privileges -- \
		grep -E "CapBnd|NoNew|^Seccomp:" /proc/self/status
	[ "$output" = "CapBnd:	0000000000000001
NoNewPrivs:	1
Seccomp:	2" ]
	run --separate-stderr -0 new --rm --security-opt seccomp=unconfined --device /dev/kmsg \
		--sysctl kernel.shmmax=1000 -- sh -c 'grep ^Seccomp: /proc/self/status; ls /dev/kmsg; cat /proc/sys/kernel/shmmax'
	[ "$output" = "Seccomp:	0
/dev/kmsg
1000" ]
	run -0 new --rm -- sh -c 'for f in kcore keys timer_list; do
		[ -z "$(head -c 1 /proc/$f)" ] || echo shown; done; ! echo 1 >/proc/sys/kernel/panic'
	refute_output_has shown
	assert_output_has 'Read-only file system'
}

@test "limits, and the word for a container that the kernel has ended" {
	run --separate-stderr -0 new --rm -m 32m --pids-limit 20 --cpus 0.5 --cpuset-cpus 0 -- \
		sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us cpuset/cpuset.cpus'
	[ "$output" = "33554432
20
50000
0" ]
	run -137 new --name "$NAME" -m 16m -- sh -c 'x=a; while :; do x=$x$x; done'
	answers true inspect -f '{{.State.OOMKilled}}' "$NAME"
}

@test "namespaces: docker's bridge, another container's, the host's" {
	new -d --name "$NAME" -- nc -ll -p 8000 -e echo page >/dev/null
	ip=$(d inspect -f '{{.NetworkSettings.IPAddress}}' "$NAME")
	run --separate-stderr -0 new --rm -- sh -c 'nc -w 10 "$0" 8000 </dev/null; ls /sys/class/net' "$ip"
	echo "$output $stderr"
	[ "$output" = "page
eth0
lo" ]
	run --separate-stderr -0 new --rm --network "container:$NAME" --pid "container:$NAME" -- \
		sh -c 'nc -w 10 127.0.0.1 8000 </dev/null; head -c 2 /proc/1/cmdline'
	[ "$output" = "page
nc" ]
	run --separate-stderr -0 new --rm --network none -- ls /sys/class/net
	[ "$output" = lo ]
	run --separate-stderr -0 new --rm --network host --pid host --uts host --ipc host -- sh -c 'uname -n; echo $$'
	[ "${lines[0]}" = "$(uname -n)" ]
	[ "${lines[1]}" != 1 ]
}

@test "a health check" {
	new -d --name "$NAME" --health-cmd 'test -e /tmp' --health-interval 1s -- sleep 100 >/dev/null
	until_true answers healthy inspect -f '{{.State.Health.Status}}' "$NAME"
}

@test "an image that is built here" {
	mkdir context
	printf '%s\n' 'FROM localhost/box:1' 'RUN touch /made' 'CMD ["ls", "/made"]' >context/Dockerfile
	DOCKER_BUILDKIT=0 d build --network none -t "localhost/$NAME" context
	answers /made run --rm "localhost/$NAME"
}
