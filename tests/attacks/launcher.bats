# SPDX-License-Identifier: LGPL-2.1-or-later
# The launcher's own words and rights: a command that looks like options
# (CVE-2024-32462), environment that leaks or steers, users that parse as
# something else (CVE-2026-30892), a set-user-ID launcher (CVE-2016-8659,
# CVE-2026-41163), id maps written to the wrong task, name service of the sandbox
# loaded by who looks up a user (CVE-2019-14271, CVE-2024-9676), policy read from where
# a command may write (firejail #7154), lengths that overflow (CVE-2021-43784).
load harness

@test "a command that is named like an option is a command" {
	mkdir bin
	printf '#!/bin/sh\necho ran "$@"\n' >bin/--rw
	chmod 0755 bin/--rw
	run -0 boxed --ro "$DIR/bin:/tmp/bin" --env PATH=/tmp/bin:/usr/bin:/bin -- --rw / --map root
	[ "$output" = "ran / --map root" ]
}

@test "options end where the command begins" {
	run -0 boxed sh -c 'echo "$@"' - --rw /etc --capabilities all
	[ "$output" = "--rw /etc --capabilities all" ]
}

@test "only what is named stays in the environment" {
	export LD_PRELOAD='' LD_LIBRARY_PATH=/leak SECRET_TOKEN=leak BASH_ENV=/leak GLIBC_TUNABLES=leak
	run -0 boxed -- env
	refute_output_has leak
	run -0 boxed --env-keep SECRET_TOKEN,PATH -- env
	assert_output_has SECRET_TOKEN=leak
	refute_output_has LD_LIBRARY_PATH
}

@test "a user is a user or an error" {
	for uid in '' -1 1:2 1:2:3 4294967295 4294967296 18446744073709551616 0x0 ' 0' '0 ' 1e3 no-such-user; do
		run -2 boxed "--uid=$uid" -- true
		run -2 boxed "--gid=$uid" -- true
	done
}

@test "a launcher that is set-user-ID refuses to run" {
	need_root
	cp "$RINGFENCE" setuid
	chmod u+s setuid
	run -125 as_user "$DIR/setuid" run -- true ||
		run -2 as_user "$DIR/setuid" run -- true
	assert_output_has "remove the bit"
}

@test "ids inside are one id outside" {
	run -0 boxed --map root -- sh -c 'cat /proc/self/uid_map /proc/self/gid_map; cat /proc/self/setgroups'
	[ "$(echo "$output" | awk 'NF == 3 { n += $3 } END { print n }')" = 2 ]
	# written once, and never again by who is inside
	refused boxed --map root -- sh -c 'echo "0 0 4294967295" >/proc/self/uid_map || exit 1'
	refused boxed --map root --capabilities all -- sh -c 'echo "1 0 1" >/proc/1/uid_map || exit 1'
}

@test "users are looked up outside, and the root's name service is not loaded" {
	need_root
	bare_root root
	mkfifo root/etc/passwd root/etc/group
	printf 'passwd: evil\ngroup: evil\n' >root/etc/nsswitch.conf
	echo /lib/evil.so >root/etc/ld.so.preload
	run -0 timeout 20 "$RINGFENCE" run --root "$DIR/root" --ro /usr --proc /proc --uid daemon --gid daemon \
		--namespaces user=host,mount,pid,net,ipc,uts,cgroup -- grep ^Uid: /proc/self/status
	assert_output_has "$(id -u daemon)"
}

@test "nothing that a command could have left is read as policy" {
	mkdir -p home/.config/ringfence
	before=$(HOME=$DIR/home "$RINGFENCE" explain -- true)
	for file in ringfence.yaml .ringfence.yaml .ringfence home/.ringfence home/.ringfence.yaml \
		home/.config/ringfence.yaml home/.config/ringfence/config.yaml default.yaml default; do
		[ -d "$file" ] || printf 'root: host\nmounts: [{rw: /}]\ncapabilities: [all]\n' >"$file"
	done
	[ "$(HOME=$DIR/home XDG_CONFIG_HOME=$DIR/home/.config "$RINGFENCE" explain -- true)" = "$before" ]
}

@test "what is too long is refused with its place" {
	long=$(head -c 70000 /dev/zero | tr '\0' x)
	run -2 boxed --hostname "$long" -- true
	run -2 boxed --tmpfs "/$long" -- true
	{
		printf 'user: {map: {gid: [{inside: 0, outside: 0}], uid: [{inside: 0, outside: 0}'
		for i in $(seq 1 1000); do
			printf ', {inside: %d, outside: %d}' "$i" "$i"
		done
		printf ']}}\n'
	} >spec.yaml
	run "$RINGFENCE" run --spec spec.yaml -- true
	[ "$status" = 2 ] || [ "$status" = 125 ]
	assert_output_has map
}
