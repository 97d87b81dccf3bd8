# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci: whatever fails, the last line has the whole cause, and the log's entry says
# which op it was, where in the configuration it comes from and what may help.
load harness
load oci

setup() {
	oci_setup
	need_userns
}

teardown() {
	oci_teardown
}

# logged COMMAND...: it fails, with one line and one entry, which are the same
logged() {
	rm -f log
	run "$OCI" --root "$STATE" --log log --log-format json "$@"
	[ "$status" = "${STATUS:-1}" ]
	python3 - log "${lines[-1]}" <<'END2'
import json, sys
entries = open(sys.argv[1]).read().splitlines()
assert len(entries) == 1, entries
entry = json.loads(entries[0])
assert entry['level'] == 'error' and 'T' in entry['time'], entry
assert sys.argv[2] == 'ringfence-oci: ' + entry['msg'], (sys.argv[2], entry)
assert '\n' not in entry['msg']
if 'hint' in entry:
    assert entry['msg'].endswith(f"({entry['hint']})"), entry
if 'place' in entry:
    assert entry['msg'].startswith(entry['place'] + ': '), entry
END2
}

# entry OP WHAT [HINT]: the entry's op; its place is where config.json has WHAT; its hint
entry() {
	python3 - log "$BUNDLE/config.json" "$@" <<'END2'
import json, re, sys
entry, config, op, what = json.load(open(sys.argv[1])), *sys.argv[2:5]
assert entry.get('op') == op, entry
if what:
    file, line, col = entry['place'].rsplit(':', 2)
    assert file == config, entry
    text = '\n'.join(open(file).read().splitlines()[int(line) - 1:])[int(col) - 1:]
    assert re.sub(r'\s', '', text).startswith(what), (entry, text[:80])
else:
    assert 'place' not in entry, entry
assert len(sys.argv) < 6 or sys.argv[5] in entry['hint'], entry
END2
}

@test "a configuration that is wrong" {
	bundle 'c["linux"]["maskedPaths"][1] = "relative"'
	logged create -b "$BUNDLE" "$ID"
	entry config '"relative"'
	bundle 'c["process"]["capabilities"]["bounding"] = ["NO_SUCH"]'
	logged create -b "$BUNDLE" "$ID"
	entry config '"NO_SUCH"'
	bundle 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_NO_SUCH"}'
	logged create -b "$BUNDLE" "$ID"
	entry config '{"defaultAction"'
	bundle 'c["root"]["path"] = "nosuch"'
	logged create -b "$BUNDLE" "$ID"
	entry config '"nosuch"'
	bundle 'c["mounts"].append({"destination": "/x", "source": "/nosuch", "type": "bind"})'
	logged create -b "$BUNDLE" "$ID"
	entry config '{"destination":"/x"'
	echo '{' >"$BUNDLE/config.json"
	logged create -b "$BUNDLE" "$ID"
	rm "$BUNDLE/config.json"
	logged create -b "$BUNDLE" "$ID"
	entry config ''
	nothing_left
}

@test "an op that fails" {
	bundle 'c["mounts"].append({"destination": "/t", "type": "tmpfs", "options": ["nosuch=1"]})' true
	logged run -b "$BUNDLE" "$ID"
	entry mkfs '{"destination":"/t"'
	bundle 'c["process"]["rlimits"] = [{"type": "RLIMIT_NICE", "soft": 40, "hard": 40}]' true
	if is_root && ! "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID" >/dev/null 2>&1; then
		logged run -b "$BUNDLE" "$ID"
		entry rlimit '{"type":"RLIMIT_NICE"'
	fi
	bundle 'c["process"]["cwd"] = "/tmp/file/x"' true
	touch "$BUNDLE/rootfs/tmp/file"
	logged run -b "$BUNDLE" "$ID"
	entry mkdir '"/tmp/file/x"'
	nothing_left
}

@test "a command that is not there, or is none" {
	bundle '' nosuch
	logged create -b "$BUNDLE" "$ID"
	entry find '["nosuch"]'
	printf '\1\2\3\4' >"$BUNDLE/rootfs/tmp/prog"
	printf '#!/nosuch/sh\n' >"$BUNDLE/rootfs/tmp/script"
	chmod +x "$BUNDLE"/rootfs/tmp/{prog,script}
	bundle '' /tmp/prog
	logged run -b "$BUNDLE" "$ID"
	entry exec '["/tmp/prog"]' "no #! in its first line"
	bundle '' /tmp/script
	logged run -b "$BUNDLE" "$ID"
	entry exec '["/tmp/script"]' "the interpreter or loader that it names is not"
	nothing_left
}

# of the entry, behind its place
message() {
	sed 's/.*"msg":"[^ ]*: \([^"]*\)",".*/\1/' log
}

@test "a hook that fails, at any stage" {
	local stage

	for stage in prestart createRuntime createContainer startContainer; do
		bundle "c['hooks'] = {'$stage': [{'path': '/bin/true'}, {'path': '/bin/false'}]}"
		logged run -b "$BUNDLE" "$ID"
		entry hook '{"path":"/bin/false"'
		bundle "c['hooks'] = {'$stage': [{'path': '/no/such/hook'}]}"
		logged run -b "$BUNDLE" "$ID"
		entry hook '{"path":"/no/such/hook"'
		nothing_left
	done
	# what it says last is in the one line that engines show, also of a status like a shell's
	for stage in createRuntime createContainer startContainer; do
		bundle "c['hooks'] = {'$stage': [{'path': '/bin/sh', 'args': ['sh', '-c',
			'echo first >&2; echo last words >/dev/stderr; exit 127'], 'env': ['PATH=/bin']}]}"
		logged run -b "$BUNDLE" "$ID"
		entry hook '{"path":"/bin/sh"'
		[ "$(message)" = "$stage[0], /bin/sh: it ended with status 127: last words" ]
		nothing_left
	done
	# too late to fail for these, but not to be said
	for stage in poststart poststop; do
		bundle "c['hooks'] = {'$stage': [{'path': '/bin/false'}]}" true
		STATUS=0 logged run -b "$BUNDLE" "$ID"
		entry hook '{"path":"/bin/false"'
	done
}

@test "a control group that cannot be had" {
	need_root
	skip_unless cgroup "no hierarchy of version 1 has pids" test -d /sys/fs/cgroup/pids
	bundle 'c["linux"]["resources"]["cpu"] = {"cpus": "9999"}'
	logged create -b "$BUNDLE" "$ID"
	entry cgroup '{"cpus":"9999"'
	mkdir -p "/sys/fs/cgroup/pids/$ID/inner"
	bundle "c['linux']['cgroupsPath'] = '/$ID'"
	logged create -b "$BUNDLE" "$ID"
	entry cgroup "\"/$ID\"" "somebody else's"
	rmdir "/sys/fs/cgroup/pids/$ID/inner" "/sys/fs/cgroup/pids/$ID"
	nothing_left
}

@test "exec that fails" {
	bundle '' sleep 100
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	STATUS=255 logged exec "$ID" nosuch
	entry find ''
	STATUS=255 logged exec --cwd /no/such/dir "$ID" true
	entry chdir ''
	STATUS=255 logged exec --user root "$ID" true
	echo '{"cwd": "/", "args": ["sh"], "user": {"uid": "0"}}' >process.json
	STATUS=255 logged exec -p process.json "$ID"
	python3 -c 'import json; e = json.load(open("log")); assert e["op"] == "config" and e["place"] == "process.json:1:46", e'
	oci kill "$ID" KILL
	until_true has_status "$ID" stopped
	STATUS=255 logged exec "$ID" true
}

@test "commands about containers that are not there" {
	local cmd

	for cmd in start state kill delete pause resume ps; do
		logged "$cmd" nobody
	done
	logged nosuch
	logged create --no-such-option "$ID"
}

@test "what cannot be given is a warning, and the container has less" {
	bundle 'for s in ("bounding", "permitted"): c["process"]["capabilities"][s].append("CAP_OF_TOMORROW")' true
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "ringfence-oci: warning: process.capabilities: left out, for they cannot be given here: CAP_OF_TOMORROW" ]
	run -0 "$OCI" --root "$STATE" --log log --log-format json run -b "$BUNDLE" "$ID"
	[ -z "$output" ]
	python3 -c 'import json; e = json.load(open("log")); assert e["level"] == "warning" and "CAP_OF_TOMORROW" in e["msg"]'
}

@test "a log that cannot be opened is an error, and nothing has been done" {
	bundle '' true
	run -1 "$OCI" --root "$STATE" --log none/log create -b "$BUNDLE" "$ID"
	[ "$output" = "ringfence-oci: --log $PWD/none/log: No such file or directory" ]
	run -1 "$OCI" --root "$STATE" --log . list
	[ "$output" = "ringfence-oci: --log $PWD/.: Is a directory" ]
	[ ! -e "$STATE/$ID" ]
}

@test "the log as text keeps quotes inside the message" {
	bundle '' 'no"such'
	run -1 "$OCI" --root "$STATE" --log log create -b "$BUNDLE" "$ID"
	grep -q '^time="[^"]*" level=error msg=".*exec: \\"no\\"such\\": .*"$' log
}
