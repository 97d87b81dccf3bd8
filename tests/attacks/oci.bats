# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci and a root file system that is hostile, or a command that is.
load oci

teardown() {
	oci_teardown
	[ -z "${victim:-}" ] || kill $victim 2>/dev/null || true
	[ -z "${CANARY:-}" ] || canary_lives
}

# ran TEXT: the container ran and printed it
ran() {
	run -0 oci run -b "$BUNDLE" "$ID"
	assert_output_has "$1"
}

@test "a root whose directories are links to the host" {
	local name

	# CVE-2019-19921, CVE-2025-54867, CVE-2026-41579, CVE-2026-47766
	for name in proc sys dev; do
		rmdir "$ROOT/$name"
		ln -s "$DIR/outside" "$ROOT/$name"
	done
	bundle '' sh -c 'echo alive'
	run oci run -b "$BUNDLE" "$ID"
	canary_lives
	# relative, and up as far as it goes
	for name in proc sys dev; do
		rm "$ROOT/$name"
		ln -s "../../../../../../../..$DIR/outside" "$ROOT/$name"
	done
	run oci run -b "$BUNDLE" "$ID"
	canary_lives
	nothing_left
}

@test "a destination behind a link of the root, to a place that is there outside" {
	# CVE-2019-18837, CVE-2026-87766
	ln -s "$DIR/outside" "$ROOT/link"
	bundle 'c["mounts"].append({"destination": "/link/made/here", "type": "tmpfs"})
c["mounts"].append({"destination": "/link/file", "source": "/etc/hostname", "type": "bind"})' \
		sh -c "ls -A $DIR/outside; echo end"
	ran end
	assert_output_has made
	refute_output_has canary
	[ ! -e "$DIR/outside/made" ]
}

@test "a device is made in the root, also where that has a link for it" {
	# CVE-2025-31133: /dev/null is something else
	mkdir -p "$ROOT/dev"
	ln -s "$CANARY" "$ROOT/dev/null"
	ln -s "$CANARY" "$ROOT/dev/console"
	bundle 'c["mounts"] = [m for m in c["mounts"] if not m["destination"].startswith("/dev")]
c["root"]["readonly"] = False' sh -c 'echo x >/dev/null; test -c /dev/null && echo device'
	ran device
}

@test "masks and read-only paths stay inside, whatever links there are" {
	ln -s "$DIR/outside" "$ROOT/tmp/link"
	ln -s "$CANARY" "$ROOT/tmp/file"
	ln -s /tmp/loop "$ROOT/tmp/loop"
	bundle 'c["linux"]["maskedPaths"] += ["/tmp/link", "/tmp/file"]
c["linux"]["readonlyPaths"] += ["/tmp/link/x", "/tmp/file"]' echo end
	ran end
	# one that cannot be looked up is no reason to do without
	bundle 'c["linux"]["maskedPaths"] += ["/tmp/loop"]' echo end
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "Too many levels of symbolic links"
	nothing_left
}

@test "what is masked is empty and cannot be uncovered" {
	echo secret >"$ROOT/tmp/secret"
	mkdir "$ROOT/tmp/dir"
	echo secret >"$ROOT/tmp/dir/secret"
	bundle 'c["linux"]["maskedPaths"] += ["/tmp/secret", "/tmp/dir"]; c["root"]["readonly"] = False
a = ["CAP_SYS_CHROOT", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_CHOWN", "CAP_MKNOD"]
c["process"]["capabilities"] = {k: a for k in ("bounding", "permitted", "effective")}' sh -c '
umount /tmp/secret /tmp/dir; mv /tmp /tmp2; rm -rf /tmp/dir /tmp/secret; echo x >/tmp/secret
chmod 777 /tmp/secret /tmp/dir; cat /tmp/secret /tmp/dir/* /tmp2/secret; echo end'
	ran end
	refute_output_has "secret
"
	# what covers goes along where its directory is moved
	[ "$(grep -rlx secret "$ROOT"/tmp* | sort)" = "$ROOT/tmp2/dir/secret
$ROOT/tmp2/secret" ]
}

@test "what is read-only stays so" {
	bundle '' sh -c 'for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/sys/vm/drop_caches /sys/kernel/mm/ksm/run
do [ ! -e $f ] || { echo 0 >$f; } 2>/dev/null && [ -e $f ] && echo "written: $f"; done
find /sys/fs/cgroup -name cgroup.procs | while read -r f; do { echo $$ >"$f"; } 2>/dev/null && echo "written: $f"; done; echo end'
	ran end
	refute_output_has written
}

@test "what the engine leaks is closed, and cannot be entered" {
	local n

	# CVE-2016-9962, CVE-2024-21626
	bundle '' sh -c 'ls -l /proc/self/fd; ls /proc/self/fd/7/ 2>&1; cd /proc/self/fd/7 && ls; echo end'
	run -0 oci run -b "$BUNDLE" "$ID" 7<"$DIR/outside" 9<"$CANARY"
	assert_output_has end
	refute_output_has canary
	refute_output_has outside
	for n in 3 4 5 6 7 8 9 10 11 12 13 14 15 20; do
		bundle "c['process']['cwd'] = '/proc/self/fd/$n'" sh -c 'ls -A; cat ../canary canary'
		run oci run -b "$BUNDLE" "$ID" 7<"$DIR/outside" 9</
		refute_output_has canary
		refute_output_has alive
		nothing_left
	done
}

@test "a working directory outside is none for exec either" {
	local n

	bundle '' sleep 100
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	for n in 3 5 7 9 12; do
		run oci exec --cwd "/proc/self/fd/$n" "$ID" sh -c 'ls -A; cat canary' 7<"$DIR/outside"
		refute_output_has alive
	done
	run -0 oci exec "$ID" sh -c 'ls -l /proc/self/fd' 7<"$DIR/outside" 9<"$CANARY"
	refute_output_has outside
}

@test "a hook that is the image's program has no more than the process of the container" {
	need_root
	# startContainer's is looked up in the root: what may be there is the image's
	cat >"$ROOT/hook" <<-'END'
		#!/bin/sh
		exec 3>/tmp/hook
		grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status >&3
		cat /proc/self/cgroup >&3
		out=$(readlink /proc/$$/fd/1)
		echo "$out" >&3
		mount -t tmpfs tmpfs /mnt 2>/dev/null || echo refused >&3
		# no terminal of the caller's to read from, for one
		case $(readlink /proc/$$/fd/2) in pipe:*) echo pipe >&3 ;; esac
		read -r word <&2 || echo unread >&3
	END
	chmod 755 "$ROOT/hook"
	mkdir -p "$ROOT/mnt"
	bundle 'c["root"]["readonly"] = False
c["mounts"].append({"destination": "/tmp", "type": "tmpfs", "options": ["mode=1777"]})
c["process"]["user"] = {"uid": 77, "gid": 78, "additionalGids": [79]}
c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
	{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}
c["hooks"] = {"startContainer": [{"path": "/hook", "env": ["PATH=/bin"]}]}' sh -c '
grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)" /proc/self/status >/tmp/own
cat /proc/self/cgroup >>/tmp/own
head -n $(wc -l </tmp/own) /tmp/hook | diff /tmp/own - && tail -n +$(($(wc -l </tmp/own) + 1)) /tmp/hook'
	run oci run -b "$BUNDLE" "$ID" 2>/dev/null
	echo "$output"
	[ "$status" = 0 ]
	[ "$output" = $'/dev/null\nrefused\npipe\nunread' ]
	nothing_left
}

@test "the program of the runtime is out of reach" {
	local before

	# CVE-2019-5736: what the command is made of is an image that is sealed
	before=$(sha256sum "$OCI")
	bundle 'c["root"]["readonly"] = False' /proc/self/exe
	run oci run -b "$BUNDLE" "$ID"
	printf '#!/proc/self/exe\n' >"$ROOT/tmp/run"
	chmod 755 "$ROOT/tmp/run"
	bundle 'c["root"]["readonly"] = False' /tmp/run
	run oci run -b "$BUNDLE" "$ID"
	bundle 'c["root"]["readonly"] = False' sh -c '
i=0; while [ $i -lt 300 ]; do for p in /proc/[0-9]*; do
case $(readlink $p/exe) in *ringfence*) { echo x >>$p/exe; } 2>/dev/null && echo overwritten; echo seen >/tmp/seen;; esac
done; i=$((i + 1)); done'
	oci run -d -b "$BUNDLE" "$ID" </dev/null >out 2>&1
	for _ in 1 2 3 4 5; do
		oci exec "$ID" true </dev/null || true
	done
	oci delete --force "$ID"
	[ "$(sha256sum "$OCI")" = "$before" ]
	! grep overwritten out
}

@test "root that cleans up what a user has written kills nothing that the user could not" {
	local start

	need_root
	install -d -o 65534 -g 65534 "$DIR/theirs" "$DIR/theirs/$ID"
	sleep 300 3>&- &
	victim=$!
	start=$(sed 's/.*) //' /proc/$victim/stat | cut -d ' ' -f 20)
	cat >"$DIR/theirs/$ID/state.json" <<-END
		{"ociVersion": "1.2.0", "bundle": "/", "rootfs": "/", "created": "now", "pid": $victim,
		 "start": $start, "owner": 0, "annotations": {}, "groups": [{"name": "pids", "dir": "$DIR"}]}
	END
	chown 65534 "$DIR/theirs/$ID/state.json"
	# it is looked at, as that user does
	run -0 oci --root "$DIR/theirs" state "$ID"
	assert_output_has '"status": "running"'
	run -1 oci --root "$DIR/theirs" kill "$ID" KILL
	assert_output_has "Operation not permitted"
	run oci --root "$DIR/theirs" delete --force "$ID"
	kill -0 $victim
	[ -d "$DIR" ]
	# nothing is made there, and nothing is believed where others may write
	bundle '' true
	run -1 oci --root "$DIR/theirs" create -b "$BUNDLE" other
	assert_output_has "is not the caller's alone"
	chmod 0777 "$DIR/theirs"
	run -1 oci --root "$DIR/theirs" state "$ID"
	assert_output_has "is not the caller's alone"
	kill $victim
}
