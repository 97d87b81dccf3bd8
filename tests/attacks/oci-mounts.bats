# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci: mounts of a bundle and a root that is hostile, also while they are made.
load oci

# runs_swapped N A B: so many containers, while two names are exchanged over and over.  Each
# ends well or with an error, and the host's tree stays as it was.
runs_swapped() {
	local out pid n

	coproc SWAPPER { exec "$INTRUDER" swap "$2" "$3" 3>&-; }
	pid=$SWAPPER_PID
	read -r out <&"${SWAPPER[0]}"
	[ "$out" = swapping ]
	for ((n = 0; n < $1; n++)); do
		oci run -b "$BUNDLE" "$ID" >>out 2>&1 || true
		canary_lives
		run -1 grep " $DIR/outside" /proc/self/mountinfo
	done
	eval "exec ${SWAPPER[1]}>&-"
	wait "$pid" || true
	nothing_left
}

@test "a destination whose directory turns into a link to the host and back" {
	# CVE-2021-30465, CVE-2024-45310: neither a mount nor a directory lands outside
	mkdir "$ROOT/a"
	ln -s "$DIR/outside" "$ROOT/b"
	bundle 'c["mounts"].append({"destination": "/a/x/y", "type": "tmpfs"})
c["mounts"].append({"destination": "/a/file", "source": "/etc/hostname", "options": ["bind"]})
c["mounts"].append({"destination": "/a/link", "source": "'"$DIR"'/link", "options": ["bind", "copy-symlink"]})
c["process"]["cwd"] = "/a/cwd/deep"' sh -c 'echo end'
	ln -s nowhere link
	runs_swapped 25 "$ROOT/a" "$ROOT/b"
	# some of them were made, or the test shows nothing
	grep -qx end out
}

@test "what covers a masked path is the runtime's, whatever /dev/null of the root is meanwhile" {
	local before

	# CVE-2025-31133
	before=$(cat /proc/sys/kernel/core_pattern)
	mkdir -p "$ROOT/dev"
	: >"$ROOT/dev/null"
	ln -s ../proc/sys/kernel/core_pattern "$ROOT/dev/other"
	echo secret >"$ROOT/tmp/secret"
	bundle 'c["mounts"] = [m for m in c["mounts"] if not m["destination"].startswith("/dev")]
c["linux"]["maskedPaths"] += ["/tmp/secret"]' sh -c 'cat /tmp/secret /proc/keys; { echo x >/tmp/secret; } 2>/dev/null
while read -r _ _ _ root at _; do [ "$at" != /tmp/secret ] || echo "covered by $root"; done </proc/self/mountinfo; echo end'
	runs_swapped 15 "$ROOT/dev/null" "$ROOT/dev/other"
	grep -qx end out
	run -1 grep -x secret out
	[ "$(grep -c '^covered by /' out)" = "$(grep -cx end out)" ]
	run -1 grep -F -- "$before" out
	[ "$(cat /proc/sys/kernel/core_pattern)" = "$before" ]
	[ "$(cat "$ROOT/tmp/secret")" = secret ]
}

# with_terminal: create and start with a terminal, into the file `out`
with_terminal() {
	rm -f console
	python3 -I -S - "$OCI" "$STATE" "$BUNDLE" "$ID" <<-'END' >out 2>&1
		import os, socket, subprocess, sys
		oci, state, bundle, id = sys.argv[1:]
		s = socket.socket(socket.AF_UNIX)
		s.bind("console")
		s.listen(1)
		subprocess.run([oci, "--root", state, "create", "-b", bundle, "--console-socket", "console", id],
		               stdin=subprocess.DEVNULL, check=True)
		fds = socket.recv_fds(s.accept()[0], 100, 1)[1]
		subprocess.run([oci, "--root", state, "start", id], check=True)
		try:
		    while True:
		        os.write(1, os.read(fds[0], 1000).replace(b"\r", b""))
		except OSError:
		    pass
	END
}

@test "the console is the terminal, whatever /dev/console and /dev/pts of the root are" {
	# CVE-2025-52565
	mkdir -p "$ROOT/dev"
	ln -s "$DIR/outside" "$ROOT/dev/pts"
	bundle 'c["mounts"] = [m for m in c["mounts"] if m["destination"] not in ("/dev", "/dev/shm", "/dev/mqueue")]
c["process"]["terminal"] = True; c["root"]["readonly"] = False' sh -c 'test -c /dev/console && echo device; tty'
	# to a place that is there outside and not inside: it is made inside, or the container is not
	ln -s "$CANARY" "$ROOT/dev/console"
	run -1 with_terminal
	canary_lives
	grep -q 'config.json:[0-9:]* mkfile .*"dev/console"' out
	nothing_left
	# to one that can be made
	ln -sfn /tmp/console "$ROOT/dev/console"
	with_terminal
	grep -qx device out
	oci delete --force "$ID"
	nothing_left
}

@test "a kernel parameter is the kernel's, whatever is mounted on /proc" {
	need_root
	# CVE-2019-16884, CVE-2023-28642, CVE-2025-52881
	mkdir -p fake/sys/net/ipv4 fake/self/attr
	ln -s "$CANARY" fake/sys/net/ipv4/ip_forward
	ln -s "$CANARY" fake/sys/kernel
	bundle 'c["mounts"] = [m for m in c["mounts"] if m["destination"] != "/proc"]
c["mounts"].append({"destination": "/proc", "source": "'"$DIR"'/fake", "options": ["rbind"]})
c["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.domainname": "x"}
c["linux"]["maskedPaths"] = c["linux"]["readonlyPaths"] = []' \
		sleep 100
	oci run -d -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
	canary_lives
	[ "$(nsenter -t "$(cat pid)" -n cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
	[ "$(nsenter -t "$(cat pid)" -u cat /proc/sys/kernel/domainname)" = x ]
	oci delete --force "$ID"
	[ "$(readlink fake/sys/net/ipv4/ip_forward)" = "$CANARY" ]
	nothing_left
}

@test "nothing of the host is copied up through a link of the root" {
	ln -s "$DIR/outside" "$ROOT/data"
	bundle 'c["mounts"].append({"destination": "/data", "type": "tmpfs", "options": ["tmpcopyup"]})' \
		sh -c 'ls -A /data/; cat /data/canary; find / -xdev -name canary; echo end'
	run oci run -b "$BUNDLE" "$ID"
	refute_output_has alive
	canary_lives
	# a source is the engine's to name, but a link that is copied leads nowhere else than inside
	ln -s "$CANARY" link
	bundle 'c["mounts"].append({"destination": "/tmp/l", "source": "'"$DIR"'/link", "options": ["bind", "copy-symlink"]})' \
		sh -c 'cat /tmp/l; echo end'
	run -0 oci run -b "$BUNDLE" "$ID"
	refute_output_has alive
	assert_output_has end
}

@test "control groups of others cannot be changed, without a namespace of its own either" {
	# CVE-2023-25809: what a user may write outside, root of his user namespace may not inside
	bundle 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "cgroup"]
if not any(m["type"] == "cgroup" for m in c["mounts"] if "type" in m):
    c["mounts"] = [m for m in c["mounts"] if m["destination"] != "/sys/fs/cgroup"]
    c["mounts"].append({"destination": "/cg", "type": "cgroup", "options": ["ro", "nosuid"]})' sh -c '
for top in /sys/fs/cgroup /cg; do [ -d $top ] || continue
find $top -name cgroup.procs -o -name release_agent -o -name "*.max" -o -name devices.allow | while read -r f
do { echo 0 >"$f"; } 2>/dev/null && echo "written: $f"; done
find $top -type d | while read -r d; do mkdir "$d/new" 2>/dev/null && echo "made: $d/new"; done; done; echo end'
	run -0 oci run -b "$BUNDLE" "$ID"
	assert_output_has end
	refute_output_has written
	refute_output_has made
	nothing_left
}

@test "a device that no rule allows is none, by whatever name" {
	local disk

	need_root
	disk=$(cat /sys/block/*/dev | head -n 1)
	skip_unless disk "there is no block device" test -n "$disk"
	bundle "for kind in ('bounding', 'permitted', 'effective'):
    c['process']['capabilities'][kind] += ['CAP_MKNOD', 'CAP_DAC_OVERRIDE']
c['mounts'].append({'destination': '/tmp', 'type': 'tmpfs'})" sh -c "
mknod /tmp/disk b ${disk/:/ } && head -c 1 /tmp/disk | wc -c
mknod /tmp/mem c 1 1 && head -c 1 /tmp/mem | wc -c
mknod /tmp/port c 1 4 && head -c 1 /tmp/port | wc -c"
	run oci run -b "$BUNDLE" "$ID"
	[ "$(grep -c 'not permitted' <<<"$output")" = 3 ]
	[ "$(grep -cx 0 <<<"$output")" = 3 ]
}
