#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# An image, or a container that runs already, that wants the hook to work for it
# on the host: by links, mounts, numbers of processes and files that are not what
# they are called.  The canary outside comes out of each as it was.

load harness
load ../e2e/hook

setup() {
	attack_setup
	need_root
	need_busybox
}

teardown() {
	container_end
	[ -z "${CANARY:-}" ] || canary_lives
}

# links TARGET: a place of every kind that the fragment names, as a link there
links() {
	rm -rf "$ROOT/data" "$ROOT/etc"
	ln -s "$1" "$ROOT/data"
	ln -s "$1" "$ROOT/etc"
	ln -s "$1/canary" "$ROOT/file"
}

@test "links of an image lead to its own root, whatever they say" {
	container
	links "$DIR/outside"
	mkdir source
	fragment <<-'END'
		mounts:
		  - {file: /etc/made, content: x}
		  - {dir: /etc/dir/in/it}
		  - {symlink: /nowhere, at: /etc/link}
		  - {tmpfs: /data/mount, create: true}
		  - {ro: ./source, at: /data/bound, create: true}
	END
	hook createRuntime
	canary_lives
	[ -f "$ROOT$DIR/outside/made" ] && [ -d "$ROOT$DIR/outside/dir/in/it" ]
	[ "$(readlink "$ROOT$DIR/outside/link")" = /nowhere ]
	run ! grep "$DIR/outside" <(inside cat /proc/self/mountinfo | grep -v "$ROOT")
}

@test "links upwards end at the root" {
	container
	links ../../../../../../../../../../../../../../../../../..
	fragment <<-'END'
		mounts:
		  - {file: /etc/hook-was-here, content: x}
		  - {tmpfs: /data/tmp}
	END
	hook createRuntime
	[ -e "$ROOT/hook-was-here" ]
	[ ! -e /hook-was-here ]
	[ "$(inside grep -c " $ROOT/tmp " /proc/self/mountinfo)" = 1 ]
}

@test "a file that is a link is never written through" {
	container
	links "$DIR/outside"
	fragment <<<'mounts: [{file: /file, content: overwritten}]'
	fails 125 'file /file: File exists' createRuntime
	canary_lives
}

@test "a magic link does not lead out" {
	container
	enter_root
	fragment <<<'mounts: [{file: /way/out/made, content: x}]'
	inside /bin/busybox ln -s /proc/1/root/../.. /way
	inside /bin/busybox ln -s /proc/1/cwd /data/cwd
	fails 125 'file /way/out/made: Too many levels of symbolic links' poststart running
	fragment <<<'mounts: [{tmpfs: /data/cwd}]'
	fails 125 'tmpfs /data/cwd: Too many levels of symbolic links' poststart running
}

@test "a place that an image leads into /proc or /sys is refused" {
	container
	enter_root
	inside /bin/busybox rm -r /data
	mkdir source
	touch source/file
	for place in /proc/sys /proc/1/attr /proc/meminfo; do
		inside /bin/busybox ln -sfn "$place" /data
		fragment <<<'mounts: [{ro: ./source/file, at: /data}]'
		[ ! -d "$place" ] || fragment <<<'mounts: [{ro: ./source, at: /data}]'
		echo "$place"
		fails 125 'data' poststart running
		grep -q 'file system of the kernel\|Too many levels' err
		run ! inside /bin/busybox grep -q " $place " /proc/self/mountinfo
	done
}

@test "a /proc of the image is not what sysctls are written to" {
	container
	enter_root
	inside /bin/umount -l /proc
	inside /bin/busybox mkdir -p /proc/sys/net/ipv4 /proc/self/ns
	inside /bin/sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
	fragment <<<'sysctl: {net.ipv4.ip_forward: 1}'
	hook poststart running
	[ "$(inside /bin/cat /proc/sys/net/ipv4/ip_forward)" = 0 ]
	# to the kernel it was said
	[ "$(nsenter -t "$PID" -n cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = "$(cat /proc/sys/net/ipv4/conf/all/forwarding)" ]
}

@test "names of sysctls and of files of control groups do not climb" {
	bundle
	for name in ../kernel/core_pattern net/../kernel/core_pattern net/./x net//x net/ \
		'net.ipv4.ip_forward ' net/../../self/mem; do
		printf 'sysctl: {"%s": "1"}\n' "$name" >fragment.yaml
		run -2 "$RINGFENCE" hook --check createRuntime fragment.yaml
	done
	for name in memory.high/../../x ../memory.high cgroup.procs cgroup.kill tasks release_agent \
		memory/x notify_on_release memory; do
		printf 'cgroup: {"%s": "1"}\n' "$name" >fragment.yaml
		run -2 "$RINGFENCE" hook --check createRuntime fragment.yaml
	done
}

@test "a bundle whose root is the host's is refused" {
	container
	echo '{"root":{"path":"/"}}' >bundle/config.json
	fragment <<<'mounts: [{file: /hook-was-here}]'
	fails 125 "the container's root" poststop stopped
	[ ! -e /hook-was-here ]
	ln -s / away
	echo "{\"root\":{\"path\":\"$DIR/away\"}}" >bundle/config.json
	fails 125 "the container's root" poststop stopped
	[ ! -e /hook-was-here ]
}

@test "renaming directories while the hook is at work leads nowhere" {
	container
	enter_root
	mkdir source
	inside /bin/busybox mkdir -p /swap/real/deep
	inside /bin/busybox ln -s "$DIR/outside" /swap/link
	nsenter -t "$PID" -m -- /bin/sh -c 'while :; do
		/bin/busybox mv -T /swap/real /swap/at; /bin/busybox mv -T /swap/at /swap/real
		/bin/busybox mv -T /swap/link /swap/at; /bin/busybox mv -T /swap/at /swap/link
	done' 2>/dev/null 3>&- &
	racer=$!
	for i in $(seq 40); do
		fragment <<-END
			mounts:
			  - {file: /swap/at/made-$i, content: x}
			  - {ro: ./source, at: /swap/at/deep}
		END
		"$RINGFENCE" hook poststart fragment.yaml <<<"$(state running)" 2>/dev/null || true
		canary_lives
	done
	kill $racer
	wait $racer || true
	run ! grep "$DIR/outside" /proc/self/mountinfo
}

@test "root of a container's user namespace gets nothing that it may not touch itself" {
	container --user --map-root-user
	mkdir shared
	chmod 0755 shared
	fragment <<<"mounts: [{ro: /etc, at: /data}, {file: /data/made, content: x}]"
	fails 125 'file /data/made' createRuntime
	[ ! -e /etc/made ]
	# what only the host's root may write to is not written to on the container's behalf
	mkdir -m 0700 "$ROOT/foreign"
	chown 12345:12345 "$ROOT/foreign"
	fragment <<<"mounts: [{file: /foreign/made, content: x}]"
	fails 125 'Permission denied' createRuntime
	[ ! -e "$ROOT/foreign/made" ]
}

@test "nothing of the hook is to be seen from inside" {
	container
	enter_root
	nsenter -t "$PID" -m -p -- /bin/sh -c '
		while [ ! -e /stop ]; do for d in /proc/[0-9]*; do
			read -r name 2>/dev/null <$d/comm || continue
			case $name in sh | sleep) ;; *) echo "$name" >>/seen ;; esac
		done; done' 3>&- &
	watcher=$!
	for i in $(seq 20); do
		fragment <<<"mounts: [{file: /made-$i}]"
		hook poststart running
	done
	touch "/proc/$PID/root/stop"
	wait $watcher
	[ ! -e "$ROOT/seen" ]
}
