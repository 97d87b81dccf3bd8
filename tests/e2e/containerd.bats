# SPDX-License-Identifier: LGPL-2.1-or-later
# containerd with ringfence-oci below its shim for runc, by ctr, and as Kubernetes does,
# by the service for container runtimes.
load harness
load engine

# What containerd and its shims make and leave, whatever they are told about directories.
places() {
	printf '%s\n' /run/containerd/{s,fifo,runc/k8s.io,runc/"$CONTAINERD_NAMESPACE",runc,}
	for tree in /sys/fs/cgroup/*/; do
		printf '%s\n' "$tree/k8s.io" "$tree/$CONTAINERD_NAMESPACE"
	done
}

is_ready() {
	ctr version >/dev/null 2>&1
}

has_containerd() {
	command -v containerd && command -v ctr && command -v containerd-shim-runc-v2
}

setup_file() {
	engine_begin
	is_root && has_containerd && [ -x /bin/busybox ] || return 0
	mkdir conf.d
	{
		contrib containerd/ringfence.toml
		cat <<-END
			[plugins."io.containerd.grpc.v1.cri"]
			sandbox_image = "localhost/pause:1"
			restrict_oom_score_adj = true	# this root may lack CAP_SYS_RESOURCE
			[plugins."io.containerd.grpc.v1.cri".containerd]
			snapshotter = "native"
		END
	} >conf.d/ringfence.toml
	cat >config.toml <<-END
		version = 2
		root = "$ENGINE/root"
		state = "$ENGINE/state"
		imports = ["$ENGINE/conf.d/*.toml"]
		[grpc]
		address = "$ENGINE/c.sock"
		[plugins."io.containerd.internal.v1.opt"]
		path = "$ENGINE/opt"
	END
	export CONTAINERD_ADDRESS=$ENGINE/c.sock CONTAINERD_NAMESPACE=rf$$ CONTAINERD_SNAPSHOTTER=native
	for place in $(places); do
		[ -e "$place" ] || echo "$place"
	done >made
	daemon log containerd --config config.toml
	until_true is_ready
	make_image
	ctr images import image.tar >/dev/null
	python3 "$SRCDIR/tests/helpers/image.py" pause.tar localhost/pause:1 sleep 100000
	for file in image.tar pause.tar; do
		ctr -n k8s.io images import $file >/dev/null
	done
}

teardown_file() {
	engine_end
	# what has somebody else's in it by now stays
	[ ! -e "$ENGINE/made" ] || xargs -a "$ENGINE/made" rmdir 2>/dev/null || true
}

setup() {
	harness_setup
	need_root
	skip_unless containerd "containerd is not installed" has_containerd
	need_busybox
	NAME=box$BATS_TEST_NUMBER
}

teardown() {
	[ -n "${NAME:-}" ] || return 0
	if [ -n "${pod:-}" ]; then
		cri StopPodSandbox '{"id": "'$pod'"}' || true
		cri RemovePodSandbox '{"id": "'$pod'"}' || true
	fi
	c task kill --signal KILL "$NAME" >/dev/null 2>&1 || true
	c task rm --force "$NAME" >/dev/null 2>&1 || true
	c container rm "$NAME" >/dev/null 2>&1 || true
}

c() {
	timeout 60 ctr "$@" 3>&-
}

# new ARGUMENT... -- COMMAND...: `ctr run` with the runtime that was built
new() {
	local args=()

	while [ "$1" != -- ]; do
		args+=("$1")
		shift
	done
	shift
	c run --runc-binary "$OCI" --runc-root "$ENGINE/runc" --fifo-dir "$DIR/fifo" "${args[@]}" \
		localhost/box:1 "$NAME" "$@"
}

# in_it COMMAND...: one more in the container
in_it() {
	c task exec --fifo-dir "$DIR/fifo" --exec-id "e$RANDOM$RANDOM" "$NAME" "$@"
}

listens() {	# what happens is in the file events
	c ns label "$CONTAINERD_NAMESPACE" rf=$RANDOM
	grep -qs /namespaces/update events
}

status() {
	c task ls | awk -v name="$NAME" '$1 == name { print $3 }'
}

has_status() {
	[ "$(status)" = "$1" ]
}

nothing_left() {
	[ -z "$(ls -A "$ENGINE/runc/$CONTAINERD_NAMESPACE")" ]
	[ -z "$(find /sys/fs/cgroup -maxdepth 3 -name "$NAME")" ]
	! grep -l "$ENGINE.*/$NAME/" /proc/[0-9]*/mountinfo 2>/dev/null
}

@test "run: output, exit status, and nothing is left" {
	run --separate-stderr -3 new --rm -- sh -c 'echo "pid $$"; echo no >&2; exit 3'
	[ "$output" = "pid 1" ]
	[ "$stderr" = no ]
	nothing_left
}

@test "what cannot be run is the whole answer, in one line" {
	run -1 new --rm -- nosuch
	assert_output_has 'OCI runtime create failed:'
	assert_output_has '/config.json:'
	assert_output_has 'exec: "nosuch": executable file not found in $PATH'
	run -1 new --rm -- /etc
	assert_output_has 'exec: "/etc": permission denied'
	run -1 new --rm --mount type=bind,src="$DIR/nosuch",dst=/x,options=rbind -- true
	assert_output_has "nosuch"
	assert_output_has 'No such file or directory'
	nothing_left
}

@test "a task in the background: exec, ps, pause, resume, metrics, kill, delete" {
	new -d -- sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
	has_status RUNNING
	run --separate-stderr -4 in_it sh -c 'echo inside; exit 4'
	[ "$output" = inside ]
	run -1 in_it nosuch
	assert_output_has 'exec: "nosuch": executable file not found in $PATH'
	run -0 in_it sh -c 'readlink /proc/1/ns/pid; readlink /proc/self/ns/pid; cat /proc/self/cgroup; echo; cat /proc/1/cgroup'
	[ "${lines[0]}" = "${lines[1]}" ]
	[ "$(sed '1,/^$/!d' <<<"$output" | sed 1,2d | grep .)" = "$(sed '1,/^$/d' <<<"$output")" ]
	[ "$(c task ps "$NAME" | sed 1d | grep -c .)" -ge 1 ]
	c task pause "$NAME"
	has_status PAUSED
	c task resume "$NAME"
	has_status RUNNING
	c task metrics "$NAME" | grep '^pids.current  *[1-9]'
	c task kill "$NAME"
	until_true has_status STOPPED
	run -0 c task rm "$NAME"
	assert_output_has "exit code 5"
	c container rm "$NAME"
	nothing_left
}

@test "events: from create to delete, and out of memory" {
	c events >events 2>&1 &
	until_true listens
	new -d --memory-limit 33554432 -- sleep 100
	run -137 in_it sh -c 'x=a; while :; do x=$x$x; done'
	c task kill --signal KILL "$NAME"
	until_true has_status STOPPED
	c task rm "$NAME" || true
	until_true grep -q "/tasks/delete .*\"container_id\":\"$NAME\"" events
	for event in create start exec-added exec-started oom exit delete; do
		grep "/tasks/$event .*\"container_id\":\"$NAME\"" events
	done
	kill %1
}

@test "a terminal, with the size of the caller's" {
	# its own command line, for ctr looks whether it has a terminal itself
	cat >run <<-END
		exec timeout 60 ctr run --rm -t --runc-binary $OCI --runc-root $ENGINE/runc \
			localhost/box:1 $NAME sh -c 'tty; read x; until stty size | grep "33 77"; do sleep 0.1; done; test -c /dev/console && echo con'
	END
	run "$RF_BUILDDIR/tests/helpers/pty" expect:/dev/pts/ size:33x77 'send:go\r' expect:con -- sh run
	echo "$output"
	[ "$status" = 0 ]
	[[ "$output" == *"/dev/pts/0"*"33 77"*con* ]]
	nothing_left
}

@test "a task that gets a terminal by exec" {
	new -d -- sleep 100
	run "$RF_BUILDDIR/tests/helpers/pty" expect:/dev/pts/ -- \
		timeout 60 ctr task exec -t --exec-id tty "$NAME" tty
	echo "$output"
	[ "$status" = 0 ]
}

@test "what a task may do: limits, read-only, capabilities, filter, user namespace, devices" {
	run --separate-stderr -0 new --rm --read-only --seccomp \
		--cap-drop CAP_CHOWN --env A=b --cwd /tmp --device /dev/kmsg \
		--mount "type=bind,src=$DIR,dst=/var,options=rbind:ro" -- sh -c '
			echo "$A" "$PWD"; touch /x /var/x 2>/dev/null || echo refused
			grep -E "^Seccomp:|NoNewPrivs|CapEff" /proc/self/status; ls /dev/kmsg'
	[ "$output" = "b /tmp
refused
CapEff:	00000000a80425fa
NoNewPrivs:	1
Seccomp:	2
/dev/kmsg" ]
	run --separate-stderr -0 new --rm --cgroup "/$NAME" --memory-limit 67108864 --cpus 0.5 \
		--mount type=cgroup,src=cgroup,dst=/sys/fs/cgroup,options=ro -- \
		sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us'
	echo "$output $stderr"
	[ "$output" = "67108864
50000" ]
	run --separate-stderr -0 new --rm --uidmap 0:100000:1000 --gidmap 0:200000:1000 -- \
		cat /proc/self/uid_map /proc/self/gid_map
	[ "$(echo $output)" = "0 100000 1000 0 200000 1000" ]
	nothing_left
}

@test "a checkpoint is refused by name, and the task goes on" {
	new -d -- sleep 100
	run -1 c task checkpoint --image-path "$DIR/image" "$NAME"
	assert_output_has 'checkpoint is not supported'
	has_status RUNNING
}

# ----------------------------------------------------------------- Kubernetes

has_grpc() {
	/usr/bin/python3 -c 'import grpc'	# the one that Debian's package is for
}

cri() {
	timeout 60 /usr/bin/python3 "$SRCDIR/tests/helpers/cri.py" "$CONTAINERD_ADDRESS" "$@"
}

# value KEY: of the JSON on standard input
value() {
	python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

@test "as Kubernetes calls it: a pod of the class ringfence, and containers in it" {
	local host='{"namespace_options": {"network": 2}}' sandbox config

	skip_unless grpc "python3-grpcio is not installed" has_grpc
	sandbox='{"metadata": {"name": "'$NAME'", "uid": "u", "namespace": "n"}, "linux": {"security_context": '$host'}}'
	run -1 cri RunPodSandbox '{"config": '"$sandbox"', "runtime_handler": "nosuch"}'
	assert_output_has 'no runtime for "nosuch" is configured'
	pod=$(cri RunPodSandbox '{"config": '"$sandbox"', "runtime_handler": "ringfence"}' | value id)
	echo "pod $pod"
	config='{"metadata": {"name": "c"}, "image": {"image": "localhost/box:1"},
		"command": ["sh", "-c", "trap \"exit 5\" TERM; while :; do sleep 0.1; done"],
		"linux": {"resources": {"memory": 67108864, "oom_score_adj": 900}, "security_context":
			{"namespace_options": {"network": 2}, "run_as_user": {"value": 7}, "readonly_rootfs": 1}}}'
	id=$(cri CreateContainer '{"id": "'$pod'", "config": '"$config"', "sandbox": '"$sandbox"'}' | value id)
	cri StartContainer '{"id": "'$id'"}'
	[ -e "/run/containerd/runc/k8s.io/$id/gate" ] || [ -e "/run/containerd/runc/k8s.io/$id/state.json" ]
	run -0 cri ExecSync '{"id": "'$id'", "cmd": ["sh", "-c", "id -u; touch /x; cat /sys/fs/cgroup/memory/memory.limit_in_bytes; cat /proc/self/oom_score_adj; head -c 5 /proc/1/cmdline; exit 3"]}'
	echo "$output"
	[ "$(value stdout <<<"$output")" = "7
67108864
900
sleep" ]
	[ "$(value exit_code <<<"$output")" = 3 ]
	[[ "$(value stderr <<<"$output")" == *"Read-only file system"* ]]
	cri UpdateContainerResources '{"id": "'$id'", "linux": {"memory": 33554432}}'
	run -0 cri ExecSync '{"id": "'$id'", "cmd": ["cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]}'
	[ "$(value stdout <<<"$output")" = 33554432 ]
	cri StopContainer '{"id": "'$id'", "timeout": 20}'
	cri ContainerStatus '{"id": "'$id'"}' | grep '"state": 2, "exit_code": 5'
	cri RemoveContainer '{"id": "'$id'"}'
	config=${config/'"sh", "-c"'/'"nosuch"'}
	id=$(cri CreateContainer '{"id": "'$pod'", "config": '"$config"', "sandbox": '"$sandbox"'}' | value id)
	run -1 cri StartContainer '{"id": "'$id'"}'
	assert_output_has 'exec: "nosuch": executable file not found in $PATH'
	cri RemoveContainer '{"id": "'$id'"}'
	cri StopPodSandbox '{"id": "'$pod'"}'
	cri RemovePodSandbox '{"id": "'$pod'"}'
	pod=
	[ -z "$(ls -A /run/containerd/runc/k8s.io)" ]
}
