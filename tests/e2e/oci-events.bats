# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci events: what a container uses, in the words of runc, and its OOM kills.
load harness
load oci

setup() {
	oci_setup
	need_root
	skip_unless cgroup "no hierarchy of control groups has memory" has_memory
}

teardown() {
	[ -z "${reader:-}" ] || kill "$reader" 2>/dev/null || true
	oci_teardown
}

has_memory() {
	[ -d /sys/fs/cgroup/memory ] || grep -qw memory /sys/fs/cgroup/cgroup.controllers
}

# limited PYTHON COMMAND...: a bundle with limits, which PYTHON changes further
limited() {
	local change=$1

	shift
	bundle 'c["linux"]["resources"] = {"memory": {"limit": 33554432}, "pids": {"limit": 55}}
'"$change" "$@"
}

# said PYTHON FILE: PYTHON is true of the lines of FILE, as `lines`
said() {
	python3 - "$@" <<'END'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[2])]
assert eval(sys.argv[1]), open(sys.argv[2]).read()
END
}

# ------------------------------------------------------------------------ stats

@test "--stats says once what its groups say" {
	limited '' sleep 100
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	oci events --stats "$ID" >got
	said 'len(lines) == 1 and lines[0]["type"] == "stats" and lines[0]["id"] == "'"$ID"'"' got
	said 'lines[0]["data"]["memory"]["usage"]["limit"] == 33554432' got
	said '0 < lines[0]["data"]["memory"]["usage"]["usage"] < 33554432' got
	said 'lines[0]["data"]["pids"] == {"current": 1, "limit": 55}' got
	said '0 < lines[0]["data"]["cpu"]["usage"]["total"] < 60e9' got
	said 'lines[0]["data"]["memory"]["raw"]["pgfault"] >= 0' got
}

@test "the names are those of runc's, none is missing" {
	skip_unless runc "needs it beside" command -v runc
	limited '' sleep 100
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	oci events --stats "$ID" >ours
	oci delete --force "$ID"
	runc --root "$DIR/runc" run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	runc --root "$DIR/runc" events --stats "$ID" >theirs || true
	runc --root "$DIR/runc" delete --force "$ID"
	python3 - <<'END'
import json
def names(v, at=''):
    if isinstance(v, dict):
        for key, value in v.items():
            yield at + '/' + key
            yield from names(value, at + '/' + key)
ours, theirs = (json.loads(open(f).read()) for f in ('ours', 'theirs'))
missing = set(names(theirs)) - set(names(ours))
# what is 0 is left out, and that may be so of one of them
for name in list(missing):
    if name.split('/')[-1] in ('max', 'usage', 'cache', 'value', 'periods'):
        missing.remove(name)
assert not missing, missing
assert len(set(names(theirs))) > 40, theirs
END
}

@test "interfaces of its own network are counted, whatever their names" {
	skip_unless net "ip can make no pair of interfaces" ip link add "rf$$" type veth peer name "rg$$"
	ip link del "rf$$"
	limited '' sleep 100
	oci run -d -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
	oci events --stats "$ID" >got
	said 'lines[0]["data"]["network_interfaces"] == []' got
	nsenter -t "$(cat pid)" -n ip link add 'a"\b' type veth peer name other
	oci events --stats "$ID" >got
	said 'sorted(i["Name"] for i in lines[0]["data"]["network_interfaces"]) == ["a\"\\b", "other"]' got
	said 'all(i["TxDropped"] == 0 for i in lines[0]["data"]["network_interfaces"])' got
	# the host's are not the container's
	oci delete --force "$ID"
	limited 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "network"]
c["mounts"] = [m for m in c["mounts"] if m["type"] != "sysfs"]' sleep 100
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	oci events --stats "$ID" >got
	said 'lines[0]["data"]["network_interfaces"] is None' got
}

# ----------------------------------------------------------------------- events

@test "reports come at the interval, and end with the container" {
	limited '' sleep 100
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	"$OCI" --root "$STATE" events --interval 20ms "$ID" >got &
	reader=$!
	until_true eval '[ "$(wc -l <got)" -ge 3 ]'
	oci kill "$ID" KILL
	wait "$reader"
	reader=
	said 'set(l["type"] for l in lines) == {"stats"}' got
}

# Twice the limit, in one process.
HOG='x=$(head -c 64000000 /dev/zero | tr "\\0" x)'

# What takes memory is the shell's child; the container lives on.
@test "each OOM kill is told, and a group that goes away is none" {
	limited '' sh -c "read go; (eval '$HOG'); read go; (eval '$HOG'); read go"
	mkfifo in
	exec 9<>in
	oci run -d -b "$BUNDLE" "$ID" <in >/dev/null 2>err
	"$OCI" --root "$STATE" events --interval 1h "$ID" >got &
	reader=$!
	until_true watches "$reader"
	[ ! -s got ]
	echo >&9
	until_true eval '[ "$(wc -l <got)" -ge 1 ]'
	has_status "$ID" running
	said 'all(l == {"type": "oom", "id": "'"$ID"'"} for l in lines)' got
	count=$(wc -l <got)
	echo >&9
	until_true eval '[ "$(wc -l <got)" -gt "$count" ]'
	count=$(wc -l <got)
	echo >&9
	wait "$reader"
	reader=
	exec 9>&-
	oci delete "$ID"
	said 'len(lines) == '"$count" got
	nothing_left
}

# watches PID: it has an eventfd or inotify, and sleeps
watches() {
	ls -l "/proc/$1/fd" 2>/dev/null | grep -q 'eventfd\|inotify' &&
		grep -q '^State:.S' "/proc/$1/status"
}

@test "a process that is killed for want of memory takes the container along, and is told" {
	limited '' sh -c "read go; $HOG"
	mkfifo in
	exec 9<>in
	oci run -d -b "$BUNDLE" "$ID" <in >/dev/null 2>err
	"$OCI" --root "$STATE" events --interval 1h "$ID" >got &
	reader=$!
	until_true watches "$reader"
	echo >&9
	wait "$reader"
	reader=
	exec 9>&-
	said 'lines and all(l["type"] == "oom" for l in lines)' got
}

@test "what is no duration, no container, or one that has ended" {
	local word

	for word in '' 0 5 s 5x 1.2.3s -1s 1e9s 99999999h; do
		run -1 oci events --interval "$word" "$ID"
		assert_output_has "no duration"
	done
	run -1 oci events "$ID"
	assert_output_has "does not exist"
	run -1 oci events
	assert_output_has "no container ID"
	limited '' true
	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	oci events --stats "$ID" >got
	oci start "$ID"
	until_true has_status "$ID" stopped
	run -1 oci events --stats "$ID"
	assert_output_has "is not running"
	run -1 oci events "$ID"
	assert_output_has "is not running"
}
