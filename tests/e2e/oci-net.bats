#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# linux.netDevices: interfaces of the host that move into a container, and that are the
# host's again where it comes to nothing.  The host is a network namespace of the test's own.

load harness
load oci

setup() {
	oci_setup
	need_root
	skip_unless net "no program ip" command -v ip
	host_begin
	skip_unless net "ip can make no pair of interfaces" on_host ip link add dev0 type veth peer name peer0
	on_host ip link set peer0 up
	on_host ip link set dev0 up mtu 1400 address 02:00:00:00:00:77
	on_host ip address add 192.0.2.7/24 brd + dev dev0
	on_host ip address add 192.0.2.8/24 label dev0:1 dev dev0
	on_host ip address add 2001:db8::7/64 nodad dev dev0
	on_host ip address add 198.51.100.7/24 scope link dev dev0
	on_host ip address add 203.0.113.7/24 valid_lft 5000 preferred_lft 5000 dev dev0
}

teardown() {
	oci_teardown
	kill ${holder:-} ${other:-} 2>/dev/null || true
}

# A network namespace, whose process is then $new
new_ns() {
	unshare --net sleep infinity &
	new=$!
	until_true is_elsewhere "$new"
}

is_elsewhere() {
	[ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

host_begin() {
	new_ns
	holder=$new
}

on_host() {
	nsenter --net="/proc/$holder/ns/net" "$@"
}

oci() {
	on_host "$OCI" --root "$STATE" "$@"
}

# on_host_as_before: the interface is the host's, with all that it had but what runs out
as_before() {
	on_host ip -o link show dev0 >link
	grep -q '[<,]UP[,>].* mtu 1400 .*02:00:00:00:00:77' link
	on_host ip -o address show dev dev0 >addresses
	cat link addresses
	grep -q 'inet 192.0.2.7/24 brd 192.0.2.255 scope global dev0\\' addresses
	grep -q 'inet 192.0.2.8/24 .*scope global secondary dev0:1' addresses
	grep -q 'inet6 2001:db8::7/64 scope global nodad' addresses
	[ "$(on_host cat /proc/net/dev | grep -c :)" = "$(on_host ip -o link | wc -l)" ]
}

@test "an interface moves in by its new name, with its lasting addresses, and is up" {
	bundle 'c["linux"]["netDevices"] = {"dev0": {"name": "eth7"}}' \
		sh -c 'ip -o link show eth7; ip -o address show dev eth7'
	oci run -b "$BUNDLE" "$ID" >out
	cat out
	grep -q 'eth7.*[<,]UP[,>].* mtu 1400 .*02:00:00:00:00:77' out
	grep -q 'inet 192.0.2.7/24 brd 192.0.2.255 scope global eth7\\' out
	grep -q 'inet 192.0.2.8/24 .*scope global secondary eth7:1' out
	grep -q 'inet6 2001:db8::7/64 scope global nodad' out
	# of one link only, or for a time
	run ! grep -E '198\.51\.100\.7|203\.0\.113\.7' out
	# the kernel destroys what is virtual with the namespace
	until_true eval '! on_host ip link show peer0 2>/dev/null'
	nothing_left
}

@test "without another name it keeps its own, and what is of the host is gone from there" {
	bundle 'c["linux"]["netDevices"] = {"dev0": {}}' sleep infinity
	oci run -d --pid-file pid -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	nsenter -t "$(cat pid)" -n ip -o address show dev dev0 | grep -q '192.0.2.7/24'
	run ! on_host ip link show dev0
	on_host ip link show peer0 | grep -q '[<,]LOWER_UP[,>]'
	oci delete --force "$ID"
	nothing_left
}

@test "the kernel counts the name of a template" {
	on_host ip link add dev1 type veth peer name peer1
	bundle 'c["linux"]["netDevices"] = {"dev0": {"name": "net%d"}, "dev1": {"name": "net%d"}}' \
		sh -c 'ip -o address show dev net0; ip -o link show net1'
	oci run -b "$BUNDLE" "$ID" >out
	cat out
	grep -q 'inet 192.0.2.7/24.* net0\\' out
	grep -q 'inet 192.0.2.8/24.* net0:1\\' out
	grep -q ' net1@.*[<,]UP[,>]' out
}

@test "in a user namespace of the container's own, too" {
	bundle 'c["linux"]["netDevices"] = {"dev0": {"name": "eth0"}}
c["linux"]["namespaces"].append({"type": "user"})
c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]' \
		ip -o address show dev eth0
	chmod 755 "$BUNDLE" "$BUNDLE/rootfs"
	oci run -b "$BUNDLE" "$ID" >out
	grep -q 'inet 192.0.2.7/24' out
	# destroyed with the namespace, a moment later
	until_true on_host ip link add dev0 type veth peer name peer0
}

@test "a launch that fails in a user namespace gives it back" {
	bundle 'c["linux"]["netDevices"] = {"dev0": {"name": "eth0"}}
c["linux"]["namespaces"].append({"type": "user"})
c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]' nosuch
	chmod 755 "$BUNDLE" "$BUNDLE/rootfs"
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has 'executable file not found in $PATH'
	as_before
}

@test "in a namespace of others it stays when the container is gone" {
	new_ns
	other=$new
	bundle 'for n in c["linux"]["namespaces"]:
  if n["type"] == "network": n["path"] = "/proc/'"$other"'/ns/net"
c["linux"]["netDevices"] = {"dev0": {"name": "eth0"}}' true
	oci run -b "$BUNDLE" "$ID"
	nothing_left
	nsenter -t "$other" -n ip -o address show dev eth0 | grep -q '192.0.2.7/24'
}

@test "an index that is taken there is another" {
	local index

	new_ns
	other=$new
	index=$(on_host cat /sys/class/net/dev0/ifindex 2>/dev/null || on_host ip -o link show dev0 | cut -d: -f1)
	nsenter -t "$other" -n ip link add taken index "$index" type veth peer name taken1 index $((index + 1))
	bundle 'for n in c["linux"]["namespaces"]:
  if n["type"] == "network": n["path"] = "/proc/'"$other"'/ns/net"
c["linux"]["netDevices"] = {"dev0": {"name": "eth%d"}}' true
	oci run -b "$BUNDLE" "$ID"
	nsenter -t "$other" -n ip -o address show dev eth0 | grep -q '192.0.2.7/24'
}

@test "hooks of the host find it in the container, and may fail" {
	cat >hook <<-'END'
		#!/bin/sh
		pid=$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')
		nsenter -t "$pid" -n ip -o address show dev eth0 >"${0%/*}/seen"
		exit 3
	END
	chmod +x hook
	bundle 'c["hooks"] = {"createRuntime": [{"path": "'"$DIR/hook"'", "env": ["PATH=/usr/bin:/bin:/usr/sbin:/sbin"]}]}
c["linux"]["netDevices"] = {"dev0": {"name": "eth0"}}' true
	run -1 oci run -b "$BUNDLE" "$ID"
	grep -q 192.0.2.7 seen
	as_before
	nothing_left
}

@test "a launch that fails gives back all of them" {
	on_host ip link add dev1 type veth peer name peer1
	on_host ip address add 192.0.2.99/24 dev dev1
	# before, behind, and in the middle of it
	bundle 'c["linux"]["netDevices"] = {"dev0": {"name": "eth0"}, "dev1": {}}
c["mounts"].append({"destination": "/x", "source": "/nosuch", "type": "bind", "options": ["bind"]})' true
	run -1 oci run -b "$BUNDLE" "$ID"
	as_before
	bundle 'c["linux"]["netDevices"] = {"dev0": {"name": "eth0"}, "dev1": {}}' nosuch
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has 'executable file not found in $PATH'
	as_before
	on_host ip -o address show dev dev1 | grep -q 192.0.2.99/24
	run ! grep -q '[<,]UP[,>]' <(on_host ip -o link show dev1)
	bundle 'c["linux"]["netDevices"] = {"dev0": {"name": "eth0"}, "dev1": {}, "dev2": {}}' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has 'move_link "dev2" as="dev2"'
	as_before
	on_host ip -o address show dev dev1 | grep -q 192.0.2.99/24
	# when it waits at its gate already
	bundle 'c["linux"]["netDevices"] = {"dev0": {"name": "eth0"}}' true
	run -1 oci create --pid-file "$DIR/no/such/pid" -b "$BUNDLE" "$ID"
	as_before
	nothing_left
}

@test "one that is not there, or whose name is taken inside, is told with its place" {
	bundle 'c["linux"]["netDevices"] = {"nosuch": {"name": "eth0"}}' true
	run -1 oci run -b "$BUNDLE" "$ID"
	[[ "${lines[0]}" == *"/config.json:"*': move_link "nosuch" as="eth0": No such device'* ]]
	assert_output_has "the network namespace of this program has no such interface"
	new_ns
	other=$new
	nsenter -t "$other" -n ip link add eth0 type veth peer name x
	bundle 'for n in c["linux"]["namespaces"]:
  if n["type"] == "network": n["path"] = "/proc/'"$other"'/ns/net"
c["linux"]["netDevices"] = {"dev0": {"name": "eth0"}}' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has 'move_link "dev0" as="eth0": File exists'
	assert_output_has "the network namespace has an interface of that name"
	as_before
	# nor is it taken down on its way to where it is
	bundle 'for n in c["linux"]["namespaces"]:
  if n["type"] == "network": n["path"] = "/proc/'"$holder"'/ns/net"
c["linux"]["netDevices"] = {"dev0": {"name": "eth0"}}' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "the network namespace is the one that it is in already"
	as_before
	bundle 'c["linux"]["netDevices"] = {"lo": {"name": "eth0"}}' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "the kernel does not move it"
	on_host ip -o link show lo >/dev/null
	nothing_left
}

@test "an address that cannot be given is an error, and names it" {
	new_ns
	other=$new
	nsenter -t "$other" -n sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
	bundle 'for n in c["linux"]["namespaces"]:
  if n["type"] == "network": n["path"] = "/proc/'"$other"'/ns/net"
c["linux"]["netDevices"] = {"dev0": {}}' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "its address 2001:db8::7/64"
	as_before
	run ! nsenter -t "$other" -n ip link show dev0
}

@test "without power over the host's network it is refused" {
	bundle 'c["linux"]["netDevices"] = {"dev0": {}}
for s in c["process"]["capabilities"].values(): s.clear()' true
	run -1 on_host setpriv --bounding-set=-net_admin --inh-caps=-all "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	assert_output_has 'move_link "dev0" as="dev0": Operation not permitted'
	assert_output_has "CAP_NET_ADMIN"
	as_before
}

@test "names that no interface can have are refused before anything is made" {
	local change message

	while IFS='|' read -r change message; do
		bundle "c['linux']['netDevices'] = $change" true
		run -1 oci run -b "$BUNDLE" "$ID"
		[[ "$output" == *"/config.json:"*": linux.netDevices"*"$message" ]] || {
			echo "$change: $output"
			return 1
		}
	done <<-'END'
		{"dev0": {"name": "lo"}}|."dev0": the container has an interface called 'lo'
		{"lo": {}}|."lo": the container has an interface called 'lo'
		{"": {}}|."": no interface has such a name
		{"..": {}}|."..": no interface has such a name
		{"dev%d": {}}|."dev%d": no interface has such a name
		{"dev0": {"name": "a/b"}}|."dev0".name: an interface's name has neither spaces nor '/', ':' or control characters
		{"dev0": {"name": "a b"}}|."dev0".name: an interface's name has neither spaces nor '/', ':' or control characters
		{"dev0": {"name": "sixteen-bytes-ab"}}|."dev0".name: an interface's name has 15 bytes at most
		{"dev0": {"name": "%d%d"}}|."dev0".name: '%' stands only in '%d', at the end
		{"dev0": {"name": "%s"}}|."dev0".name: '%' stands only in '%d', at the end
		{"dev0": {"name": "eth0"}, "dev1": {"name": "eth0"}}|."dev1": 'dev0' is to be called 'eth0' too
		{"dev0": {}, "dev1": {"name": "dev0"}}|."dev1": 'dev0' is to be called 'dev0' too
	END
	bundle 'c["linux"]["netDevices"] = {"dev0": {}}
c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "network"]' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "linux.netDevices: a container without a network namespace has none of its own"
	# nothing asked for
	bundle 'c["linux"]["netDevices"] = {}
c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "network"]' true
	oci run -b "$BUNDLE" "$ID"
	as_before
	nothing_left
}

@test "explain, features and the receipt tell of it" {
	bundle 'c["linux"]["netDevices"] = {"dev0": {"name": "eth0"}}' true
	oci explain -b "$BUNDLE" | grep -q 'move_link "dev0" as="eth0"  \[.*config.json:'
	oci features | python3 -c 'import json, sys; assert json.load(sys.stdin)["linux"]["netDevices"] == {"enabled": True}'
	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null
	grep -q '"devices": *"dev0 as eth0"' "$STATE/$ID/verdict.json"
	oci delete --force "$ID"
}
