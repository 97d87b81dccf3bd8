# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci and the annotation `ringfence.spec`: what it takes from a container, what it
# may not say, and the verdict beside the state.
load harness
load oci

setup() {
	oci_setup
	need_userns
}

teardown() {
	oci_teardown
}

# fragment TEXT PYTHON [COMMAND...]: a bundle with the annotation
fragment() {
	FRAGMENT=$1 bundle "import os
c.setdefault('annotations', {})['ringfence.spec'] = os.environ['FRAGMENT']
$2" "${@:3}"
}

running() {
	oci run -d -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
}

# verdict PYTHON: what it says of the verdict `v`, whose layers are `l`
verdict() {
	python3 - "$STATE/$ID/verdict.json" "$1" <<'END2'
import json, sys
v = json.load(open(sys.argv[1]))
l = {x['layer']: x for x in v.get('receipt') or v.get('planned') or []}
print(eval(sys.argv[2]))
END2
}

need_landlock() {
	skip_unless landlock "the kernel has no Landlock" has_landlock
}

has_landlock() {
	[ "$("$RINGFENCE" explain --print-features | sed -n 's/^landlock: //p')" -ge 1 ]
}

# -------------------------------------------------------------------- what it does

@test "Landlock is in force for a hook of the image's, which it lets run" {
	need_landlock
	cp /usr/bin/cp "$BUNDLE/rootfs/hook"
	mkdir -m 1777 "$BUNDLE/rootfs/tmp/let"
	echo hidden >"$BUNDLE/rootfs/etc/secret"
	fragment '{landlock: {read: [/usr, /proc], write: [/tmp/let, /dev/null]}}' '
c["root"]["readonly"] = False
c["hooks"] = {"startContainer": [{"path": "/hook", "args": ["cp", "/usr/bin/true", "/tmp/let/copy"]}]}' true
	run -0 oci run -b "$BUNDLE" "$ID"
	[ -e "$BUNDLE/rootfs/tmp/let/copy" ]
	fragment '{landlock: {read: [/usr, /proc], write: [/tmp/let, /dev/null]}}' '
c["root"]["readonly"] = False
c["hooks"] = {"startContainer": [{"path": "/hook", "args": ["cp", "/etc/secret", "/tmp/let/secret"]}]}' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "Permission denied"
	[ ! -e "$BUNDLE/rootfs/tmp/let/secret" ]
}

@test "Landlock is in force for the command, and for exec" {
	local probe='echo x >/tmp/free; echo x >/tmp/fixed/y; cat /etc/secret; echo end'

	need_landlock
	mkdir "$BUNDLE/rootfs/tmp/fixed"
	chmod 1777 "$BUNDLE/rootfs/tmp" "$BUNDLE/rootfs/tmp/fixed"
	echo hidden >"$BUNDLE/rootfs/etc/secret"
	fragment '{landlock: {read: [/usr, /bin, /proc], write: [/dev/null, {path: /tmp/free}]}}' \
		'c["root"]["readonly"] = False' sh -c "$probe"
	touch "$BUNDLE/rootfs/tmp/free"
	run -0 oci run -b "$BUNDLE" "$ID"
	assert_output_has end
	refute_output_has hidden
	[ ! -e "$BUNDLE/rootfs/tmp/fixed/y" ]
	[ "$(cat "$BUNDLE/rootfs/tmp/free")" = x ]
	fragment '{landlock: {read: [/usr, /bin, /proc], write: [/dev/null]}}' \
		'c["root"]["readonly"] = False' sleep 100
	running
	run oci exec "$ID" sh -c "$probe"
	assert_output_has end
	refute_output_has hidden
	[ ! -e "$BUNDLE/rootfs/tmp/fixed/y" ]
}

@test "a preset is one more filter: of the two the stricter holds, whichever comes first" {
	local config

	# the second refuses what would install another one behind it
	for config in '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 71}]}' \
		'{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 71}, {"names": ["seccomp"], "action": "SCMP_ACT_ERRNO"}]}'; do
		fragment 'seccomp: default' "c['linux']['seccomp'] = $config; c['root']['readonly'] = False" \
			sh -c 'mkdir /tmp/x; unshare -U true; grep Seccomp_filters /proc/self/status; sleep 100'
		oci create -b "$BUNDLE" "$ID" </dev/null >out 2>&1
		oci start "$ID"
		until_true grep -q Seccomp_filters out
		grep -q "Protocol error" out
		grep -q "unshare failed: Operation not permitted" out
		[ "$(sed -n 's/^Seccomp_filters:	//p' out)" -ge 2 ]
		run oci exec "$ID" sh -c 'mkdir /tmp/x; unshare -U true; grep Seccomp_filters /proc/self/status'
		assert_output_has "Protocol error"
		assert_output_has "unshare failed: Operation not permitted"
		assert_output_has "$(grep Seccomp_filters out)"
		verdict 'l["seccomp"]["detail"]["policy"]' | grep -q 'linux.seccomp.*default\|default.*linux.seccomp'
		oci delete --force "$ID"
	done
}

@test "a policy may be written out, and includes presets only" {
	fragment $'seccomp: |\n  default allow\n  deny mkdir mkdirat errno EPROTO\n' \
		'c["root"]["readonly"] = False' mkdir /tmp/x
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "Protocol error"
	fragment $'seccomp: |\n  default allow\n  include "/etc/shadow"\n' '' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "files cannot be included here"
	assert_output_has '/config.json:'
	assert_output_has 'annotations."ringfence.spec":1:10: seccomp:2:'
	nothing_left
}

@test "capabilities are kept from the container's, and none added" {
	fragment '{capabilities: [kill], no_new_privileges: true}' 'c["process"]["noNewPrivileges"] = False' \
		grep -E '^(Cap|NoNewPrivs)' /proc/self/status
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "CapInh:	0000000000000000
CapPrm:	0000000000000020
CapEff:	0000000000000020
CapBnd:	0000000000000020
CapAmb:	0000000000000000
NoNewPrivs:	1" ]
	fragment '{capabilities: [kill, sys_admin]}' '' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "the container has no capability 'sys_admin' to keep"
	nothing_left
	fragment '{capabilities: [], no_new_privileges: true}' 'c["process"]["noNewPrivileges"] = False' sleep 100
	running
	run -0 oci exec -c CAP_SYS_ADMIN "$ID" grep -E '^(Cap|NoNewPrivs)' /proc/self/status
	refute_output_has "000000002"
	assert_output_has "NoNewPrivs:	1"
	[ "$(grep -c 0000000000000000 <<<"$output")" = 5 ]
}

@test "limits of processes are lowered, for exec too, and never raised" {
	fragment '{limits: {nofile: 77, core: 0}}' '' sh -c 'ulimit -Hn; ulimit -Sn'
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "77
77" ]
	fragment '{limits: {nofile: 2048}}' '' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "the container's limit is 1024 already"
	nothing_left
	fragment '{limits: {nofile: 77}}' '' sleep 100
	running
	python3 -c 'import json; json.dump({"cwd": "/", "args": ["sh", "-c", "ulimit -n"], "env": ["PATH=/bin"],
"user": {"uid": 0, "gid": 0}, "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 500, "soft": 500}]}, open("process.json", "w"))'
	run -0 oci exec -p process.json "$ID"
	[ "$output" = 77 ]
}

@test "limits of control groups are lowered, and no update raises them" {
	need_root
	skip_unless cgroup "no hierarchy of version 1 has memory" test -d /sys/fs/cgroup/memory
	fragment '{limits: {memory: 32M, pids: 22, cpu: 0.25}}' \
		'c["linux"]["resources"].update({"memory": {"limit": 67108864}, "pids": {"limit": 33},
"cpu": {"quota": 50000, "period": 100000}})' sleep 100
	running
	[ "$(cat "/sys/fs/cgroup/memory/$ID/memory.limit_in_bytes")" = 33554432 ]
	[ "$(cat "/sys/fs/cgroup/pids/$ID/pids.max")" = 22 ]
	[ "$(cat "/sys/fs/cgroup/cpu/$ID/cpu.cfs_quota_us")" = 25000 ]
	[ "$(verdict 'l["limits"]["detail"]["pids.max"]')" = "22 (cgroup)" ]
	run -1 oci update --pids-limit 23 "$ID"
	assert_output_has "more than the '22' that the container's annotation ringfence.spec allows"
	run -1 oci update --memory=-1 --memory-swap=-1 "$ID"
	assert_output_has "more than"
	run -0 oci update --pids-limit 21 "$ID"
	[ "$(cat "/sys/fs/cgroup/pids/$ID/pids.max")" = 21 ]
}

@test "a limit above the configuration's is an error" {
	local limit

	for limit in 'memory: 128M' 'pids: 34' 'cpu: 0.6' 'cpuset: 0-1' 'io: [{device: "8:0", read: 2M}]'; do
		fragment "limits: {$limit}" \
			'c["linux"]["resources"] = {"memory": {"limit": 67108864}, "pids": {"limit": 33},
"cpu": {"quota": 50000, "period": 100000, "cpus": "0"},
"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1048576}]}}' true
		run -1 oci run -b "$BUNDLE" "$ID"
		assert_output_has "more than the container's ${limit%%:*}"
		nothing_left
	done
}

@test "what is denied is covered, and has to be there" {
	mkdir "$BUNDLE/rootfs/tmp/dir"
	echo secret >"$BUNDLE/rootfs/tmp/dir/file"
	echo secret >"$BUNDLE/rootfs/tmp/secret"
	fragment 'mounts: [{deny: /tmp/secret}, {deny: /tmp/dir}, {deny: /nosuch, optional: true}]' '' \
		sh -c 'cat /tmp/secret; ls -A /tmp/dir; echo end'
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = end ]
	fragment 'mounts: [{deny: /nosuch}]' '' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has 'annotations."ringfence.spec":1:17: '
	assert_output_has "No such file or directory"
	nothing_left
}

@test "what is required is in force, or there is no container" {
	fragment '{require: [mount, pid, net, capabilities, seccomp], seccomp: default}' '' sleep 100
	running
	run -0 oci exec "$ID" true
	oci delete --force "$ID"
	fragment '{require: [time]}' '' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "'time' is required and would not be in force"
	nothing_left
	fragment '{require: [seccomp]}' '' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "'seccomp' is required and would not be in force"
}

@test "exec has the fragment that the container was made with" {
	fragment '{limits: {nofile: 55}}' '' sleep 100
	running
	bundle '' sleep 100
	run -0 oci exec "$ID" sh -c 'ulimit -n'
	[ "$output" = 55 ]
}

# --------------------------------------------------------------- what it may not say

@test "each key of a spec is taken, or refused by its name" {
	local key

	python3 - "$SRCDIR/docs/ringfence-spec.schema.json" >keys <<'END2'
import json, sys
for key in json.load(open(sys.argv[1]))['properties']:
    print(key)
END2
	[ "$(wc -l <keys)" -gt 30 ]
	while read -r key; do
		fragment "{$key: []}" '' true
		run -1 oci run -b "$BUNDLE" "$ID"
		refute_output_has "unknown key"
		case $key in
		ringfence | capabilities | no_new_privileges | seccomp | landlock | limits | mounts | require) ;;
		*) assert_output_has "annotations.\"ringfence.spec\":1:2: '$key' " ;;
		esac
	done < <(grep -vx 'capabilities\|mounts\|require' keys)
}

@test "what takes nothing away is refused" {
	local text want

	while IFS='|' read -r text want; do
		fragment "$text" '' true
		run -1 oci run -b "$BUNDLE" "$ID"
		assert_output_has "$want"
		[[ "${lines[-1]}" == *"/config.json:"*": annotations.\"ringfence.spec\":"* ]]
	done <<'END2'
seccomp: off|'off' takes nothing away
landlock: off|'off' takes nothing away
no_new_privileges: false|'false' takes nothing away
limits: {memory: unlimited}|'unlimited' takes nothing away
limits: {wall: 3s}|nobody is left to enforce 'wall'
limits: {cpu_total: 3s}|nobody is left to enforce 'cpu_total'
limits: {swap: 1M}|'swap' needs 'memory'
limits: {io: [{device: /dev/sda, read: 1M}]}|'/dev/sda' is no MAJOR:MINOR
mounts: [{rw: /etc, at: /etc}]|of mounts only 'deny' does
mounts: [{tmpfs: /x}]|of mounts only 'deny' does
mounts: [{deny: /}]|without its root
mounts: [{deny: /a/../b}]|has '..'
mounts: [{deny: ~/x}]|no absolute path
mounts: [{deny: /x, absent: placeholder}]|would write to the container's files
landlock: {read: [~/x]}|no absolute path
landlock: {}|restricts nothing
seccomp: /etc/shadow|files cannot be read here
seccomp: nosuch|no preset 'nosuch'
lanlock: {read: [/]}|unknown key 'lanlock'; did you mean 'landlock'?
/etc/ringfence/spec.yaml|a map belongs here
[a, b]|a map belongs here
{limits: {pids: -1}}|'-1'
END2
	nothing_left
}

@test "an error has its place in the annotation, and the annotation's in config.json" {
	fragment $'limits:\n  nofile: 20\n  pids: many\n' '' true
	run -1 "$OCI" --root "$STATE" --log log --log-format json create -b "$BUNDLE" "$ID"
	python3 - log "$BUNDLE/config.json" <<'END2'
import json, re, sys
entry = json.loads(open(sys.argv[1]).read())
place = re.fullmatch(r'(.*):(\d+):(\d+): annotations."ringfence.spec":3:9', entry['place'])
assert place and place[1] == sys.argv[2] and entry['op'] == 'config', entry
line = open(place[1]).read().splitlines()[int(place[2]) - 1]
assert line[int(place[3]) - 1:].startswith('"limits:'), line
END2
}

# ------------------------------------------------------------------------ the verdict

@test "the verdict says what is planned, and then what is in force" {
	need_landlock
	fragment '{landlock: {read: [/]}, seccomp: default}' '' sleep 100
	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	[ "$(verdict 'v["status"], v["receipt"], v["planned"] != [], v["fragment"]')" = "('created', None, True, '{landlock: {read: [/]}, seccomp: default}')" ]
	verdict '[o["op"] for o in v["ops"]]' | grep -q "'landlock'.*'seccomp'.*'exec'"
	oci state "$ID" | python3 -c 'import json, sys; assert json.load(sys.stdin)["annotations"]["ringfence.spec"].startswith("{landlock")'
	oci start "$ID"
	[ "$(verdict 'v["status"], "planned" in v, l["landlock"]["in_force"], l["seccomp"]["in_force"], l["time"]["in_force"], l["root"]["in_force"]')" = "('started', False, True, True, False, True)" ]
	oci delete --force "$ID"
	[ ! -e "$STATE/$ID" ]
}

@test "the verdict agrees with /proc" {
	bundle 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}' sleep 100
	running
	python3 - "$STATE/$ID/verdict.json" "$(cat pid)" <<'END2'
import json, os, sys
v, pid = json.load(open(sys.argv[1])), sys.argv[2]
l = {x['layer']: x for x in v['receipt']}
status = dict(s.split(':\t', 1) for s in open(f'/proc/{pid}/status').read().splitlines() if ':\t' in s)
assert l['no_new_privileges']['in_force'] == (status['NoNewPrivs'] == '1')
assert l['seccomp']['in_force'] == (status['Seccomp'] == '2')
for layer, ns in dict(user='user', mount='mnt', pid='pid', net='net', ipc='ipc', uts='uts',
                      cgroup='cgroup', time='time').items():
    own, its = (os.readlink(f'/proc/{p}/ns/{ns}') for p in ('self', pid))
    assert l[layer]['in_force'] == (own != its), (layer, l[layer])
assert status['CapEff'] == '0000000020000420', status
assert l['capabilities']['detail']['effective'].count(',') == 2, l['capabilities']
END2
}

@test "a command that could not start leaves the error in the verdict" {
	bundle 'c["root"]["readonly"] = False' /tmp/prog
	printf '\1\2\3\4' >"$BUNDLE/rootfs/tmp/prog"
	chmod +x "$BUNDLE/rootfs/tmp/prog"
	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	run -1 "$OCI" --root "$STATE" --log log --log-format json start "$ID"
	[ "$(verdict 'v["status"], v["receipt"], v["error"]["op"], v["error"]["errno"], v["error"]["line"] > 0')" = "('failed', None, 'exec', 'ENOEXEC', True)" ]
	python3 - log "$BUNDLE/config.json" <<'END2'
import json, sys
entry = json.loads(open(sys.argv[1]).read())
assert entry['op'] == 'exec' and entry['place'].startswith(sys.argv[2] + ':'), entry
END2
}

@test "run --keep leaves the exit status in the verdict" {
	bundle '' sh -c 'exit 7'
	run -7 oci run --keep -b "$BUNDLE" "$ID"
	[ "$(verdict 'v["status"], v["exit_status"], v["receipt"] != None')" = "('ended', 7, True)" ]
	oci delete "$ID"
	nothing_left
}
