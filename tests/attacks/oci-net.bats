# SPDX-License-Identifier: LGPL-2.1-or-later
# linux.netDevices: names that are none, and a container that has got an interface.
load harness
load ../e2e/oci

setup() {
	attack_setup
	oci_begin
	need_root
	skip_unless net "no program ip" command -v ip
	unshare --net sleep infinity &
	holder=$!
	until_true eval '[ "$(readlink /proc/'$holder'/ns/net)" != "$(readlink /proc/self/ns/net)" ]'
	skip_unless net "ip can make no pair of interfaces" on_host ip link add dev0 type veth peer name peer0
	on_host ip link set dev0 up
}

teardown() {
	oci_teardown
	kill ${holder:-} 2>/dev/null || true
	[ -z "${CANARY:-}" ] || canary_lives
}

on_host() {
	nsenter --net="/proc/$holder/ns/net" "$@"
}

@test "a name of control characters, a path or a format is refused, and not printed as it is" {
	local name

	for name in '\u001b[31mred' 'a\nb' 'a\u007f' '../dev0' 'dev0:1' '%s%n' '%d%d' 'dev%d0' 'dev 0'; do
		for entry in "{\"$name\": {}}" "{\"dev0\": {\"name\": \"$name\"}}"; do
			bundle "import json; c['linux']['netDevices'] = json.loads(r'''$entry''')" true
			run -1 on_host "$OCI" --root "$STATE" --log log run -b "$BUNDLE" "$ID"
			assert_output_has 'linux.netDevices."'
			run ! grep -q '[[:cntrl:]]' <(tr -d '\n' <log; echo "$output" | tr -d '\n')
		done
	done
	on_host ip -o link show dev0 | grep -q '[<,]UP[,>]'
	nothing_left
}

@test "one whose name the namespace has already is not moved over it" {
	bundle 'c["linux"]["netDevices"] = {"dev0": {"name": "peer0"}}
for n in c["linux"]["namespaces"]:
  if n["type"] == "network": n["path"] = "/proc/'"$holder"'/ns/net"' true
	run -1 on_host "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	# nor by way of the runtime's own namespace, from another
	run -1 "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	on_host ip -o link show dev0 | grep -q '[<,]UP[,>]'
	on_host ip -o link show peer0
	nothing_left
}

@test "a container with an interface has no way to where that came from" {
	bundle 'c["linux"]["netDevices"] = {"dev0": {"name": "eth0"}}
for s in c["process"]["capabilities"].values(): s.append("CAP_NET_ADMIN")' sh -c \
		'ls -l /proc/self/fd /proc/1/fd; ip link set eth0 netns 1; ip -o link show eth0; echo end'
	run -0 on_host "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	assert_output_has end
	assert_output_has 'eth0@'
	refute_output_has 'net:['
	refute_output_has 'socket:['
	run ! on_host ip link show dev0
}
