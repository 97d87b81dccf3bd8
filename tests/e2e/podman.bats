# SPDX-License-Identifier: LGPL-2.1-or-later
# podman with ringfence-oci as its runtime.  No registry: containers have a root
# directory, into which the host's /usr is mounted as a volume, or an image made here.
load harness
load engine

has_ids() {
	is_root || { [ "$(id -u)" != 0 ] && grep -q "^$(id -un):" /etc/subuid; }
}

setup() {
	harness_setup
	skip_unless podman "podman is not installed" command -v podman
	skip_unless userns "the kernel refuses new user namespaces" has_userns
	skip_unless subuid "neither root of the host nor a user with subordinate ids" has_ids
	NAME=rf-${BATS_TEST_NUMBER:-0}-$$
	mkdir -p home run root/{usr,proc,dev,sys,tmp,etc,run,var/tmp}
	ln -s usr/bin root/bin
	ln -s usr/lib root/lib
	[ ! -e /lib64 ] || ln -s usr/lib64 root/lib64
	contrib podman/ringfence.conf >containers.conf
	# podman's default limit of open files is above what this host may allow
	sed -i '/^\[engine\]$/r /dev/stdin' containers.conf <<-END
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		runtime = "ringfence-oci"
	END
	cat >>containers.conf <<-END
		[containers]
		default_ulimits = []
		netns = "none"
		log_driver = "k8s-file"
		[network]
		network_config_dir = "$DIR/net"
	END
	cat >storage.conf <<-END
		[storage]
		driver = "vfs"
		runroot = "$DIR/run"
		graphroot = "$DIR/graph"
		rootless_storage_path = "$DIR/graph"
	END
	# one that uses control groups without systemd says that it would like to
	export CONTAINERS_CONF=$DIR/containers.conf CONTAINERS_STORAGE_CONF=$DIR/storage.conf
	export HOME=$DIR/home XDG_RUNTIME_DIR=$DIR/run NAME
}

teardown() {
	[ -n "${NAME:-}" ] || return 0
	timeout 60 podman pod rm --force --all --time 0 >/dev/null 2>&1 || true
	timeout 60 podman rm --force --all --time 0 >/dev/null 2>&1 || true
	if is_root; then
		# made by podman, and kept by it
		rmdir /sys/fs/cgroup/*/libpod_parent/* /sys/fs/cgroup/*/libpod_parent 2>/dev/null || true
	else
		timeout 60 podman unshare rm -rf "$DIR/graph" >/dev/null 2>&1 || true
		# ends the process that keeps its user namespace
		timeout 60 podman system migrate >/dev/null 2>&1 || true
	fi
}

pod() {
	timeout 60 podman "$@"
}

# new ARGUMENT... -- COMMAND...: podman run in the root directory
new() {
	local args=()

	while [ "$1" != -- ]; do
		args+=("$1")
		shift
	done
	shift
	pod run "${args[@]}" -v /usr:/usr:ro --rootfs "$DIR/root" "$@"
}

@test "run: output, exit status, removed at the end" {
	run --separate-stderr -3 new --rm -- sh -c 'echo "pid $$"; exit 3'
	[ "$output" = "pid 1" ]
	[ -z "$(pod ps -aq)" ]
}

@test "run: what cannot be run has podman's status for it" {
	run -127 new --rm -- nosuch
	run -126 new --rm -- /etc
}

@test "a container in the background: exec, logs, ps, pause, stop" {
	new -d --name "$NAME" -- sh -c 'echo hello; trap "exit 5" TERM; while :; do sleep 0.1; done' >/dev/null
	run --separate-stderr pod exec "$NAME" sh -c 'echo inside; exit 4'
	echo "status $status: $output $stderr"
	[ "$status" = 4 ] && [ "$output" = inside ]
	run -127 pod exec "$NAME" nosuch
	run --separate-stderr pod exec -e A=b -w /tmp "$NAME" sh -c 'echo $A; pwd'
	echo "status $status: $output $stderr"
	[ "$output" = "b
/tmp" ]
	[ "$(pod logs "$NAME" 2>/dev/null)" = hello ]
	[ "$(pod ps --format '{{.Names}}' 2>/dev/null)" = "$NAME" ]
	if is_root; then
		pod pause "$NAME" >/dev/null
		[ "$(pod inspect -f '{{.State.Status}}' "$NAME")" = paused ]
		pod unpause "$NAME" >/dev/null
	fi
	pod stop -t 20 "$NAME" >/dev/null
	[ "$(pod inspect -f '{{.State.ExitCode}}' "$NAME")" = 5 ]
	pod start "$NAME" >/dev/null
	pod kill -s KILL "$NAME" >/dev/null
	[ "$(pod wait "$NAME")" = 137 ]
}

@test "-t: a terminal for run and for exec" {
	run --separate-stderr -0 new --rm -t -- sh -c 'tty; test -c /dev/console && echo console'
	[ "${output//$'\r'/}" = "/dev/pts/0
console" ]
	new -d --name "$NAME" -- sleep 100 >/dev/null
	run --separate-stderr -0 pod exec -t "$NAME" tty
	[[ "$output" == /dev/pts/* ]]
}

@test "--read-only, --init, --tmpfs and volumes" {
	mkdir data
	echo content >data/file
	run new --rm --read-only -- sh -c 'touch /tmp/x && echo tmp; touch /x'
	[ "$status" = 1 ]
	assert_output_has tmp
	assert_output_has "Read-only file system"
	run --separate-stderr -0 new --rm --tmpfs /t:size=1m -v "$DIR/data:/data" -- \
		sh -c 'cat /data/file; echo more >/data/other; stat -f -c %T /t'
	[ "$output" = "content
tmpfs" ]
	[ -e data/other ]
	if command -v catatonit >/dev/null || [ -e /usr/libexec/podman/catatonit ]; then
		run --separate-stderr -0 new --rm --init -- sh -c 'tr "\0" " " </proc/1/cmdline; echo $$'
		[[ "$output" == *init* && "$output" == *2 ]]
	fi
}

@test "what a container may do: users, capabilities, no_new_privs, limits" {
	run --separate-stderr -0 new --rm --user 7:8 --hostname h --env A=b --ulimit nofile=77:88 --ulimit nproc=200:200 -- \
		sh -c 'id -u; id -g; uname -n; echo $A; ulimit -n'
	[ "$output" = "7
8
h
b
77" ]
	run --separate-stderr -0 new --rm --cap-drop all --security-opt no-new-privileges -- \
		sh -c 'grep -E "CapBnd|NoNew|^Seccomp:" /proc/self/status'
	[ "$output" = "CapBnd:	0000000000000000
NoNewPrivs:	1
Seccomp:	2" ]
}

@test "limits of memory and tasks" {
	need_root
	local files

	if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
		skip_unless cgroup "no hierarchy of version 1 has pids" test -d /sys/fs/cgroup/pids
		files=(/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max)
	else
		files=(/sys/fs/cgroup/{memory,pids}.max)
	fi
	run --separate-stderr -0 new --rm -m 64m --pids-limit 50 -- cat "${files[@]}"
	[ "$output" = "67108864
50" ]
}

# unit_is PROPERTY VALUE: of the container's scope, as systemd has it
unit_is() {
	[ "$(systemctl show -p "$1" --value "libpod-$(cat id).scope")" = "$2" ]
}

@test "systemd makes the control groups" {
	need_root
	skip_unless systemd "systemd is not process 1 here" test -S /run/systemd/private
	skip_unless systemd "built without systemd's library" test -x "$RF_BUILDDIR/ringfence-systemd"
	# podman does not hand its environment on
	printf '#!/bin/sh\nRINGFENCE_LIBEXEC=%s exec %s/ringfence-oci "$@"\n' "$RF_BUILDDIR" "$RF_BUILDDIR" >runtime
	chmod 0755 runtime
	sed -i "s|$RF_BUILDDIR/ringfence-oci|$DIR/runtime|
		s/^cgroup_manager = .*/cgroup_manager = \"systemd\"/" containers.conf
	new -d --name "$NAME" -m 64m --pids-limit 50 -- sleep 1000 >id
	unit_is ActiveState active
	unit_is TasksMax 50
	unit_is MemoryMax 67108864
	unit_is Slice machine.slice
	grep -q "/libpod-$(cat id).scope" "/proc/$(pod inspect -f '{{.State.Pid}}' "$NAME")/cgroup"
	run --separate-stderr -0 pod exec "$NAME" cat /sys/fs/cgroup/memory.max
	[ "$output" = 67108864 ]
	pod pause "$NAME" >/dev/null
	pod unpause "$NAME" >/dev/null
	pod stop -t 0 "$NAME" >/dev/null
	until_true unit_is ActiveState inactive
	run -0 pod rm "$NAME"
}

# need_box: the image localhost/box:1, of busybox
need_box() {
	need_busybox
	python3 "$SRCDIR/tests/helpers/image.py" box.tar localhost/box:1
	pod load -q -i box.tar >/dev/null 2>&1
}

# box ARGUMENT... -- COMMAND...: podman run in that image
box() {
	local args=()

	while [ "$1" != -- ]; do
		args+=("$1")
		shift
	done
	shift
	pod run "${args[@]}" localhost/box:1 "$@"
}

@test "other limits for a container that runs, and what it uses" {
	need_root
	skip_unless cgroup "no hierarchy of version 1 has pids" test -d /sys/fs/cgroup/pids
	new -d --name "$NAME" -m 64m -- sleep 100 >/dev/null
	run --separate-stderr -0 pod stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' "$NAME"
	echo "$output"
	[[ "$output" == [1-9]*B" / 67.11MB 1" ]]
	pod update --memory 32m --cpus 0.5 "$NAME"
	run --separate-stderr -0 pod exec "$NAME" sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us'
	[ "$output" = "33554432
50000" ]
	run -137 pod exec "$NAME" sh -c 'x=a; while :; do x=$x$x; done'
}

@test "--privileged, and ids of its own" {
	local first=100000

	run --separate-stderr -0 new --rm --privileged -- \
		sh -c 'grep ^Seccomp: /proc/self/status; test -c /dev/kmsg && echo devices'
	[ "$output" = "Seccomp:	0
devices" ]
	# those of a user are counted within the user's own
	is_root || first=1
	need_box
	run --separate-stderr -0 box --rm --uidmap "0:$first:1000" --gidmap "0:$first:1000" -- \
		cat /proc/self/uid_map
	[ "$(echo $output)" = "0 $first 1000" ]
	is_root && return
	run --separate-stderr -0 box --rm --userns=keep-id -- id -u
	[ "$output" = "$(id -u)" ]
}

@test "--userns=auto" {
	need_box
	if is_root; then
		# ids for the user of whose podman takes them, in sight of nobody else
		echo containers:200000:100000 >subid
		auto() {
			unshare --mount sh -c 'mount --bind subid /etc/subuid && mount --bind subid /etc/subgid &&
				exec timeout 60 podman run --rm --userns="$0" localhost/box:1 cat /proc/self/uid_map' "$1"
		}
	else
		auto() {
			box --rm --userns="$1" -- cat /proc/self/uid_map
		}
	fi
	run --separate-stderr -0 auto auto:size=500
	echo "$output $stderr"
	set -- $output
	[ "$1" = 0 ] && [ "$2" != 0 ] && [ "$3" = 500 ]
	run --separate-stderr -0 auto auto
	set -- $output
	[ "$1" = 0 ] && [ "$2" != 0 ] && [ "$3" -ge 500 ]
}

@test "volumes, --security-opt, --sysctl, --device, --shm-size" {
	need_box
	pod volume create "$NAME" >/dev/null
	box --rm -v "$NAME:/v" -- touch /v/x
	run -1 box --rm -v "$NAME:/v:ro" -- sh -c 'ls /v; touch /v/y'
	assert_output_has x
	assert_output_has 'Read-only file system'
	run --separate-stderr -0 box --rm --security-opt seccomp=unconfined --security-opt mask=/etc/passwd -- \
		sh -c 'grep ^Seccomp: /proc/self/status; cat /etc/passwd'
	[ "$output" = "Seccomp:	0" ]
	run -0 box --rm -- sh -c '! echo 1 >/proc/sys/kernel/panic'
	assert_output_has 'Read-only file system'
	run -0 box --rm --security-opt unmask=ALL -- sh -c '! echo nosuch >/proc/sys/kernel/panic'
	refute_output_has 'Read-only file system'
	run --separate-stderr -0 box --rm --sysctl kernel.shmmax=1000 --device /dev/null:/dev/mine --shm-size 1m \
		--mount type=tmpfs,destination=/t,tmpfs-size=2m --oom-score-adj 900 -- sh -c 'cat /proc/sys/kernel/shmmax
			echo x >/dev/mine && test -c /dev/mine && df /t | tail -n 1; df /dev/shm | tail -n 1
			cat /proc/self/oom_score_adj'
	echo "$output $stderr"
	[ "${lines[0]}" = 1000 ]
	[[ "${lines[1]}" == *" 2048 "* ]]
	[[ "${lines[2]}" == *" 1024 "* ]]
	[ "${lines[3]}" = 900 ]
}

@test "top, cp, commit, exec in the background and as another" {
	need_box
	box -d --name "$NAME" -- sleep 100 >/dev/null
	pod top "$NAME" 2>/dev/null | grep 'sleep 100'
	pod exec -d "$NAME" touch /made >/dev/null
	until_true pod exec "$NAME" test -e /made 2>/dev/null
	run --separate-stderr -0 pod exec -u 1000 -w /tmp "$NAME" sh -c 'id -u; pwd'
	[ "$output" = "1000
/tmp" ]
	run --separate-stderr -0 pod exec --privileged "$NAME" sh -c 'set -- $(grep CapEff /proc/self/status); echo $((0x$2 >> 21 & 1))'
	[ "$output" = 1 ]
	pod cp "$NAME:/etc/passwd" passwd
	grep '^user:' passwd
	pod commit -q "$NAME" "localhost/$NAME" >/dev/null 2>&1
	run --separate-stderr -0 pod run --rm "localhost/$NAME" ls /made
	[ "$output" = /made ]
}

@test "a checkpoint is refused, and the container goes on" {
	need_box
	box -d --name "$NAME" -- sleep 100 >/dev/null
	run -125 pod container checkpoint "$NAME"
	# podman asks the runtime when CRIU is there, and root
	if is_root && command -v criu; then
		assert_output_has 'configured runtime does not support checkpoint/restore'
	fi
	[ "$(pod inspect -f '{{.State.Status}}' "$NAME")" = running ]
}

@test "a health check" {
	new -d --name "$NAME" --health-cmd 'test -e /tmp' -- sleep 100 >/dev/null 2>&1
	run -0 pod healthcheck run "$NAME"
	new -d --name "$NAME-ill" --health-cmd 'test -e /nosuch' -- sleep 100 >/dev/null 2>&1
	run -1 pod healthcheck run "$NAME-ill"
}

has_catatonit() {
	command -v catatonit || [ -e /usr/libexec/podman/catatonit ]
}

@test "a pod: namespaces of its own, and all of it at once" {
	need_box
	skip_unless catatonit "catatonit is not installed" has_catatonit
	pod pod create --name "$NAME" --share ipc,net,uts,pid >/dev/null 2>&1
	box -d --pod "$NAME" --name "$NAME-a" -- sleep 100 >/dev/null
	run --separate-stderr -0 box --rm --pod "$NAME" -- sh -c 'readlink /proc/self/ns/ipc; readlink /proc/self/ns/pid; head -c 10 /proc/1/cmdline'
	echo "$output"
	[ "$(pod exec "$NAME-a" sh -c 'readlink /proc/self/ns/ipc; readlink /proc/self/ns/pid')" = "$(head -n 2 <<<"$output")" ]
	[ "${lines[2]}" = /catatonit ]
	if is_root; then
		pod pod pause "$NAME" >/dev/null
		[ "$(pod inspect -f '{{.State.Status}}' "$NAME-a")" = paused ]
		pod pod unpause "$NAME" >/dev/null
	fi
	pod pod stop -t 0 "$NAME" >/dev/null
	pod pod start "$NAME" >/dev/null
	pod pod kill "$NAME" >/dev/null
	pod pod rm -f "$NAME" >/dev/null
	[ -z "$(pod ps -aq)" ]
}

has_cni() {
	[ -x /usr/lib/cni/bridge ] && [ -x /usr/lib/cni/firewall ]
}

@test "podman's bridge" {
	need_root
	need_box
	skip_unless cni "containernetworking-plugins is not installed" has_cni
	# on a network of its own, with nothing of the host's that plugins write to
	cat >bridged <<-'END'
		ip link set lo up && mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /run || exit
		ip=$(podman run -d --name "$NAME" --network bridge localhost/box:1 nc -ll -p 8000 -e echo page) &&
			ip=$(podman inspect -f '{{.NetworkSettings.IPAddress}}' "$NAME") &&
			podman run --rm --network bridge localhost/box:1 sh -c 'nc -w 10 "$0" 8000 </dev/null; ls /sys/class/net' "$ip"
		status=$?
		podman rm --force --time 0 "$NAME" >/dev/null
		exit $status
	END
	run --separate-stderr -0 timeout 60 unshare --net --mount sh bridged
	echo "$output $stderr"
	[ "$output" = "page
eth0
lo" ]
}

@test "kube play" {
	need_box
	skip_unless catatonit "catatonit is not installed" has_catatonit
	cat >pod.yaml <<-END
		apiVersion: v1
		kind: Pod
		metadata: {name: $NAME}
		spec:
		  hostNetwork: true
		  containers:
		  - name: c
		    image: localhost/box:1
		    imagePullPolicy: Never
		    command: [sleep, "100"]
		    securityContext: {readOnlyRootFilesystem: true, runAsUser: 7}
	END
	pod kube play pod.yaml >/dev/null 2>&1
	run -1 pod exec "$NAME-c" sh -c 'id -u; touch /x'
	assert_output_has 7
	assert_output_has 'Read-only file system'
	pod kube down pod.yaml >/dev/null
	[ -z "$(pod ps -aq)" ]
}

@test "an image that is built here" {
	need_box
	mkdir context
	printf '%s\n' 'FROM localhost/box:1' 'RUN echo text >/made' 'USER 7' 'RUN id -u >>/tmp/who' \
		'CMD ["cat", "/made", "/tmp/who"]' >context/Containerfile
	pod build --isolation oci --network none -t "localhost/$NAME" context >build.log 2>&1 || { cat build.log; false; }
	run --separate-stderr -0 pod run --rm "localhost/$NAME"
	[ "$output" = "text
7" ]
}
