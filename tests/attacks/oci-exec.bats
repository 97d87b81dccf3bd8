# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci exec into a container that is hostile, and state that somebody else wrote.
load oci

running() {
	bundle "$1" "${@:2}"
	oci run -d -b "$BUNDLE" --pid-file pid "$ID" </dev/null >out 2>&1
}

@test "who enters can neither be traced nor looked into, nor robbed of its descriptors" {
	# CVE-2016-9962: root with CAP_SYS_PTRACE waits for whoever comes
	cat >"$ROOT/tmp/lurk" <<'END2'
while :; do
	for p in /proc/[0-9]*; do
		[ "$p" != /proc/1 ] && [ "$p" != "/proc/$$" ] || continue
		for f in "$p"/fd/*; do
			case $(readlink "$f" 2>/dev/null) in
			*canary*|*outside*|*state*) echo "stolen: $(readlink "$f")"; cat "$f/canary" "$f" 2>/dev/null ;;
			esac
		done
		case $(readlink "$p/exe" 2>/dev/null) in *ringfence*) echo "runtime: $p" ;; esac
		cat "$p/mem" >/dev/null 2>&1
	done
	echo lurking >/tmp/lurking
done
END2
	running 'c["root"]["readonly"] = False
a = c["process"]["capabilities"]
for k in ("bounding", "permitted", "effective"): a[k] = ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]' sh /tmp/lurk
	until_true test -e "$ROOT/tmp/lurking"
	for _ in 1 2 3 4 5 6 7 8; do
		oci exec "$ID" true </dev/null 7<"$DIR/outside" 9<"$CANARY" || true
	done
	oci delete --force "$ID"
	! grep -e stolen -e runtime -e alive out
}

@test "a user is what its digits say, and nothing else (CVE-2026-30892)" {
	local word

	running '' sleep 100
	for word in 1:2:3 '' -1 +1 0x1 1e3 4294967295 4294967296 18446744073709551616 root root:root \
		1: :1 : ' 1' '1 ' 1x 1:x 1:-1 "$(printf '1\n2')"; do
		run -255 oci exec -u "$word" "$ID" id -u
		assert_output_has "--user"
	done
}

@test "names and files of the container are not asked who somebody is" {
	# a FIFO for /etc/passwd would hang whoever opens it (CVE-2024-9676)
	rm -f "$ROOT/etc/passwd"
	mkfifo "$ROOT/etc/passwd" "$ROOT/etc/group" "$ROOT/etc/nsswitch.conf"
	running '' sleep 100
	run -0 timeout 20 "$OCI" --root "$STATE" exec -u 0:0 "$ID" sh -c 'echo $$ >/dev/null; echo "in $HOME"'
	[ "$output" = "in /" ]
	# nor is a file outside, whatever link there is: HOME is the container's own or none's
	rm "$ROOT/etc/passwd"
	echo "root:x:0:0::/outside:/bin/sh" >"$DIR/outside/passwd"
	bundle '' sh -c 'echo "$HOME"'
	for link in "$DIR/outside/passwd" "../../../../../../../..$DIR/outside/passwd"; do
		ln -sf "$link" "$ROOT/etc/passwd"
		run -0 oci exec "$ID" sh -c 'echo "$HOME"'
		[ "$output" = / ]
		run -0 oci run -b "$BUNDLE" "$ID-second"
		[ "$output" = / ]
	done
}

@test "inheritable and ambient sets are empty unless they are asked for, in run and in exec" {
	# CVE-2022-24769, -27649, -27650, -29162
	bundle '' grep -E '^Cap(Inh|Amb)' /proc/self/status
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$(grep -c 0000000000000000 <<<"$output")" = 2 ]
	running '' sleep 100
	run -0 oci exec -c CAP_CHOWN "$ID" grep -E '^Cap(Inh|Amb)' /proc/self/status
	[ "$(grep -c 0000000000000000 <<<"$output")" = 2 ]
}

@test "what the bundle says after create changes nothing" {
	bundle 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
	{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
c["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "mkdir /tmp/hooked; true"], "env": ["PATH=/bin"]}]}
c["mounts"].append({"destination": "/tmp", "type": "tmpfs"})' sleep 100
	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	bundle 'for s in c["process"]["capabilities"]: c["process"]["capabilities"][s] = ["CAP_SYS_ADMIN"]' true
	oci start "$ID"
	run -1 oci exec "$ID" mkdir /tmp/made
	run -0 oci exec "$ID" sh -c 'ls -A /tmp; grep CapBnd /proc/self/status'
	[ "$output" = "CapBnd:	0000000020000420" ]
	mv "$BUNDLE" "$BUNDLE.away"
	run -0 oci exec "$ID" echo there
	mv "$BUNDLE.away" "$BUNDLE"
	oci delete --force "$ID"
	nothing_left
}

@test "state that is somebody else's to write is not believed" {
	# CVE-2022-31214: a forged container
	mkdir -p "$STATE"
	chmod 777 "$STATE"
	run -1 oci state "$ID"
	assert_output_has "is not the caller's alone"
	run -1 oci delete --force "$ID"
	chmod 700 "$STATE"
	# a link in the place of a container, and of its state
	ln -s "$DIR/outside" "$STATE/$ID"
	run -1 oci delete --force "$ID"
	canary_lives
	rm "$STATE/$ID"
	mkdir "$STATE/$ID"
	ln -s "$CANARY" "$STATE/$ID/state.json"
	run -1 oci state "$ID"
	refute_output_has alive
	rm "$STATE/$ID/state.json"
	# groups that lead elsewhere are none to remove
	mkdir "$DIR/precious"
	printf '{"ociVersion":"1.2.0","pid":0,"start":0,"owner":0,"bundle":"/b","rootfs":"/r","created":"c",
"annotations":{},"groups":[{"dir":"/sys/fs/cgroup/../../..%s","name":"pids"}]}' "$DIR/precious" >"$STATE/$ID/state.json"
	run -1 oci delete --force "$ID"
	assert_output_has "is damaged"
	[ -d "$DIR/precious" ]
	rm -r "${STATE:?}/$ID"
}
