# SPDX-License-Identifier: LGPL-2.1-or-later
# podman with ringfence-oci as its runtime.  No registry: containers have a root
# directory, into which the host's /usr is mounted as a volume, or an image made here.
load harness

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
	# podman's default limit of open files is above what this host may allow
	cat >containers.conf <<END
[containers]
default_ulimits = []
netns = "none"
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "ringfence-oci"
[engine.runtimes]
ringfence-oci = ["$RF_BUILDDIR/ringfence-oci"]
END
	cat >storage.conf <<END
[storage]
driver = "vfs"
runroot = "$DIR/run"
graphroot = "$DIR/graph"
END
	# one that uses control groups without systemd says that it would like to
	export CONTAINERS_CONF=$DIR/containers.conf CONTAINERS_STORAGE_CONF=$DIR/storage.conf
	export HOME=$DIR/home XDG_RUNTIME_DIR=$DIR/run NAME
}

teardown() {
	[ -n "${NAME:-}" ] || return 0
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
	skip_unless cgroup "no hierarchy of version 1 has pids" test -d /sys/fs/cgroup/pids
	run --separate-stderr -0 new --rm -m 64m --pids-limit 50 -- \
		cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max
	[ "$output" = "67108864
50" ]
}

@test "--privileged, and ids of its own" {
	need_root
	run --separate-stderr -0 new --rm --privileged -- sh -c 'test -c /dev/fuse || test -c /dev/kmsg && echo devices'
	[ "$output" = devices ]
	run --separate-stderr -0 new --rm --uidmap 0:100000:1000 -- cat /proc/self/uid_map
	[ "$(echo $output)" = "0 100000 1000" ]
}

@test "a health check, and a pod" {
	need_root
	new -d --name "$NAME" --health-cmd 'test -e /tmp' -- sleep 100 >/dev/null 2>&1
	run -0 pod healthcheck run "$NAME"
	pod pod create --infra=false --name "$NAME-pod" >/dev/null
	run --separate-stderr -0 new --rm --pod "$NAME-pod" -- echo in-pod
	[ "$output" = in-pod ]
	pod pod rm -f "$NAME-pod" >/dev/null
}

@test "an image that is built here" {
	need_root
	skip_unless busybox "busybox-static is not installed" test -x /bin/busybox
	mkdir context
	cp /bin/busybox context/
	printf '%s\n' 'FROM scratch' 'COPY busybox /bin/busybox' 'RUN ["/bin/busybox", "touch", "/made"]' \
		'CMD ["/bin/busybox", "ls", "/made"]' >context/Containerfile
	pod build --isolation oci --network none -t "localhost/$NAME" context >build.log 2>&1 || { cat build.log; false; }
	run --separate-stderr -0 pod run --rm "localhost/$NAME"
	[ "$output" = /made ]
}
