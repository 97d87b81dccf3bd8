#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# linux.intelRdt: classes of service in resctrl, by a build of ringfence-oci that looks for it
# where the test says, and a resctrl of the test's own (tests/helpers/resctrl.py).

load harness
load oci

setup() {
	oci_setup
	need_root
}

teardown() {
	oci_teardown
	[ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
	[ -z "${RDT:-}" ] || umount -l "$RDT" 2>/dev/null || true
}

# A resctrl with four classes, the default one among them
resctrl() {
	skip_unless fuse "no /dev/fuse" test -w /dev/fuse
	RDT=$DIR/resctrl
	mkdir "$RDT"
	python3 -I -S "$SRCDIR/tests/helpers/resctrl.py" "$RDT" &
	server=$!
	until_true test -e "$RDT/schemata"
	export RF_TEST_RESCTRL=$RDT
	OCI=$RF_BUILDDIR/tests/helpers/oci_rdt
	[ -x "$OCI" ]
}

schemata() {
	sed 's/^ *//' "$RDT/${1:-.}/schemata" | tr '\n' ' '
}

@test "without resctrl it is refused, with what could be done" {
	skip_unless no-resctrl "this machine has one" test ! -e /sys/fs/resctrl/schemata
	bundle 'c["linux"]["intelRdt"] = {"closID": "x"}' true
	run -1 oci run -b "$BUNDLE" "$ID"
	[[ "${lines[0]}" == *"/config.json:"*": linux.intelRdt: no resctrl is mounted: No such file or directory ("*")" ]]
	nothing_left
	# nor does a variable of the environment make one
	RF_TEST_RESCTRL=$DIR run -1 oci run -b "$BUNDLE" "$ID"
	nothing_left
}

@test "a class is called as the container, has its schemas, its processes, and goes with it" {
	resctrl
	bundle 'c["linux"]["intelRdt"] = {"l3CacheSchema": "L3:0=f;1=f0", "memBwSchema": "MB:0=20;1=70",
"schemata": ["L3:1=ff", "MB:1=50"]}' sleep infinity
	oci run -d --pid-file pid -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	# what comes last counts
	[ "$(schemata "$ID")" = 'L3:0=00f;1=0ff MB:0=20;1=50 ' ]
	[ "$(cat "$RDT/$ID/tasks")" = "$(cat pid)" ]
	oci exec -d --pid-file other "$ID" sleep infinity </dev/null >/dev/null 2>err
	grep -qx "$(cat other)" "$RDT/$ID/tasks"
	[ -z "$(ls "$RDT/$ID/mon_groups")" ]
	oci delete --force "$ID"
	[ ! -e "$RDT/$ID" ]
	[ "$(schemata)" = 'L3:0=fff;1=fff MB:0=100;1=100 ' ]
	nothing_left
}

@test "no schema: a class all the same, and nothing is written to it" {
	resctrl
	bundle 'c["linux"]["intelRdt"] = {}' sleep infinity
	oci create --pid-file pid -b "$BUNDLE" "$ID" </dev/null >/dev/null
	[ "$(cat "$RDT/$ID/tasks")" = "$(cat pid)" ]
	[ "$(schemata "$ID")" = "$(schemata)" ]
	oci delete --force "$ID"
	[ ! -e "$RDT/$ID" ]
}

@test "a class that is named is joined as it is, and stays" {
	local closid=named

	resctrl
	mkdir "$RDT/named"
	for closid in named /; do
		bundle "c['linux']['intelRdt'] = {'closID': '$closid'}" sleep infinity
		oci create --pid-file pid -b "$BUNDLE" "$ID" </dev/null >/dev/null
		[ "$(cat "$RDT/$closid/tasks")" = "$(cat pid)" ]
		oci delete --force "$ID"
		[ -e "$RDT/named" ]
	done
	bundle "c['linux']['intelRdt'] = {'closID': 'nosuch'}" true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "linux.intelRdt.closID: no class of service 'nosuch'"
	[ ! -e "$RDT/nosuch" ]
	# with a schema it is made, and is nobody's to remove then
	bundle "c['linux']['intelRdt'] = {'closID': 'nosuch', 'schemata': ['L3:0=1']}" true
	oci run -b "$BUNDLE" "$ID"
	[ "$(schemata nosuch)" = 'L3:0=001;1=fff MB:0=100;1=100 ' ]
	nothing_left
}

@test "a class that is named and is there has to have the schemas" {
	local schema

	resctrl
	mkdir "$RDT/named"
	printf 'L3:0=f;1=f0\nMB:0=20\n' >"$RDT/named/schemata"
	for schema in "'l3CacheSchema': 'L3:1=0F0;0=0000f'" "'memBwSchema': 'MB:0=020'" \
		"'l3CacheSchema': 'L3:0=f', 'memBwSchema': 'MB:1=100'"; do
		bundle "c['linux']['intelRdt'] = {'closID': 'named', $schema}" true
		oci run -b "$BUNDLE" "$ID"
	done
	for schema in "'l3CacheSchema': 'L3:0=ff'" "'memBwSchema': 'MB:0=20;1=20'" \
		"'l3CacheSchema': 'L3:7=f'" "'l3CacheSchema': 'L3CODE:0=f'"; do
		bundle "c['linux']['intelRdt'] = {'closID': 'named', $schema}" true
		run -1 oci run -b "$BUNDLE" "$ID"
		assert_output_has "linux.intelRdt: class of service 'named' is there, and has not"
	done
	[ "$(schemata named)" = 'L3:0=00f;1=0f0 MB:0=20;1=100 ' ]
	# lines of `schemata` are written in any case
	bundle "c['linux']['intelRdt'] = {'closID': 'named', 'schemata': ['L3:0=ff']}" true
	oci run -b "$BUNDLE" "$ID"
	[ "$(schemata named)" = 'L3:0=0ff;1=0f0 MB:0=20;1=100 ' ]
	nothing_left
}

@test "a container that is monitored has a group of its own" {
	local key

	resctrl
	mkdir "$RDT/named"
	for key in enableMonitoring enableCMT enableMBM; do
		bundle "c['linux']['intelRdt'] = {'closID': 'named', '$key': True}" sleep infinity
		oci create --pid-file pid -b "$BUNDLE" "$ID" </dev/null >/dev/null
		[ "$(cat "$RDT/named/tasks")" = "$(cat pid)" ]
		[ "$(cat "$RDT/named/mon_groups/$ID/tasks")" = "$(cat pid)" ]
		oci start "$ID"
		oci exec --pid-file other -d "$ID" sleep infinity </dev/null >/dev/null 2>err
		grep -qx "$(cat other)" "$RDT/named/mon_groups/$ID/tasks"
		oci delete --force "$ID"
		[ -z "$(ls "$RDT/named/mon_groups")" ]
	done
	# one that is there is somebody else's
	mkdir "$RDT/named/mon_groups/$ID"
	run -1 oci create -b "$BUNDLE" "$ID"
	assert_output_has "making a group that is monitored: File exists"
	[ -e "$RDT/named/mon_groups/$ID" ]
	nothing_left
}

@test "what resctrl refuses is told in its words, and nothing is left" {
	local schema

	resctrl
	for schema in "L3:0=505|has non-consecutive 1-bits" "L9:0=1|Unknown or unsupported resource name 'L9'"; do
		bundle "c['linux']['intelRdt'] = {'schemata': ['${schema%|*}']}" true
		run -1 oci run -b "$BUNDLE" "$ID"
		[[ "${lines[0]}" == *"/config.json:"*": linux.intelRdt: writing schemata of '$ID' (resctrl says: "*")" ]]
		assert_output_has "${schema#*|}"
		[ ! -e "$RDT/$ID" ]
		nothing_left
	done
	mkdir "$RDT"/{a,b,c}
	bundle "c['linux']['intelRdt'] = {}" true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "making class of service '$ID': No space left on device"
	assert_output_has "resctrl says: Out of CLOSIDs"
	nothing_left
}

@test "a launch that fails takes back the class that it has made" {
	resctrl
	bundle "c['linux']['intelRdt'] = {'enableMonitoring': True}" nosuch
	run -1 oci run -b "$BUNDLE" "$ID"
	[ ! -e "$RDT/$ID" ]
	bundle "c['linux']['intelRdt'] = {'closID': 'named', 'memBwSchema': 'MB:0=20', 'enableMonitoring': True}" nosuch
	run -1 oci run -b "$BUNDLE" "$ID"
	[ ! -e "$RDT/named" ]
	# but for one that was there, called as the container by chance
	mkdir "$RDT/$ID"
	bundle "c['linux']['intelRdt'] = {}" nosuch
	run -1 oci run -b "$BUNDLE" "$ID"
	[ -e "$RDT/$ID" ]
	nothing_left
}

@test "a creator that is killed leaves a class that delete removes" {
	local call

	skip_unless strace "it kills at a system call" command -v strace
	resctrl
	bundle "c['linux']['intelRdt'] = {'schemata': ['L3:0=1'], 'enableMonitoring': True}" sleep infinity
	strace -o trace -e trace=mkdirat "$OCI" --root "$STATE" create -b "$BUNDLE" "$ID" </dev/null >/dev/null
	oci delete --force "$ID"
	# before the group is made, when the class is
	call=$(grep -n "\"$ID/mon_groups/" trace | cut -d: -f1)
	[ -n "$call" ]
	run -137 strace -o /dev/null -e "inject=mkdirat:signal=KILL:when=$call" \
		"$OCI" --root "$STATE" create -b "$BUNDLE" "$ID"
	[ "$(schemata "$ID")" = 'L3:0=001;1=fff MB:0=100;1=100 ' ]
	oci delete --force "$ID"
	[ ! -e "$RDT/$ID" ]
	nothing_left
	# one that was there is not removed for it
	mkdir "$RDT/$ID"
	run -137 strace -o /dev/null -e "inject=mkdirat:signal=KILL:when=$((call - 1))" \
		"$OCI" --root "$STATE" create -b "$BUNDLE" "$ID"
	oci delete --force "$ID"
	[ -e "$RDT/$ID" ]
}

@test "a state whose class is a path is none" {
	local name

	resctrl
	bundle "c['linux']['intelRdt'] = {}" sleep infinity
	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null
	grep -q '"class": "'"$ID"'"' "$STATE/$ID/state.json"
	for name in ../other . info a/b; do
		sed -i 's|"class": ".*"|"class": "'"$name"'"|' "$STATE/$ID/state.json"
		run -1 oci state "$ID"
	done
	sed -i 's|"class": ".*"|"class": "'"$ID"'"|' "$STATE/$ID/state.json"
	oci delete --force "$ID"
	[ ! -e "$RDT/$ID" ]
}

@test "update changes what a container has" {
	resctrl
	bundle 'c["linux"]["intelRdt"] = {"l3CacheSchema": "L3:0=f;1=f0"}' sleep infinity
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	oci update --l3-cache-schema 'L3:0=ff' --mem-bw-schema 'MB:1=30' "$ID"
	[ "$(schemata "$ID")" = 'L3:0=0ff;1=0f0 MB:0=100;1=30 ' ]
	run -1 oci update --l3-cache-schema 'L3:0=101' "$ID"
	assert_output_has "non-consecutive"
	run -1 oci update --mem-bw-schema 'L3:0=1' "$ID"
	assert_output_has "--mem-bw-schema: it begins with 'MB:'"
	run -1 oci update --l3-cache-schema 'MB:0=10' "$ID"
	assert_output_has "--l3-cache-schema: it begins with 'L3'"
	oci update --l3-cache-schema '' --mem-bw-schema '' "$ID"
	[ "$(schemata "$ID")" = 'L3:0=0ff;1=0f0 MB:0=100;1=30 ' ]
	oci delete --force "$ID"
	bundle '' sleep infinity
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	run -1 oci update --l3-cache-schema 'L3:0=ff' "$ID"
	assert_output_has "the container has no class of service (linux.intelRdt)"
}

@test "events tell of schemas and counters" {
	resctrl
	bundle 'c["linux"]["intelRdt"] = {"l3CacheSchema": "L3:0=f;1=f0", "enableMonitoring": True}' sleep infinity
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	oci events --stats "$ID" >stats
	python3 - <<-'END'
		import json
		got = json.load(open("stats"))["data"]["intel_rdt"]
		assert got == {
		    "l3_cache_info": {"cbm_mask": "fff", "min_cbm_bits": 1, "num_closids": 4},
		    "l3_cache_schema_root": "L3:0=fff;1=fff", "l3_cache_schema": "L3:0=00f;1=0f0",
		    "mem_bw_info": {"bandwidth_gran": 10, "delay_linear": 1, "min_bandwidth": 10,
		                    "num_closids": 4},
		    "mem_bw_schema_root": "MB:0=100;1=100", "mem_bw_schema": "MB:0=100;1=100",
		    "schemata": ["L3:0=00f;1=0f0", "MB:0=100;1=100"],
		    "mbm_stats": [{"mbm_total_bytes": 1008, "mbm_local_bytes": 1009},
		                  {"mbm_total_bytes": 2008, "mbm_local_bytes": 2009}],
		    "cmt_stats": [{"llc_occupancy": 1007}, {"llc_occupancy": 2007}],
		}, got
	END
}

@test "classes and schemas that are none are refused before anything is made" {
	local change message

	while IFS='|' read -r change message; do
		bundle "c['linux']['intelRdt'] = $change" true
		run -1 oci run -b "$BUNDLE" "$ID"
		[[ "$output" == *"/config.json:"*": linux.intelRdt.$message" ]] || {
			echo "$change: $output"
			return 1
		}
	done <<-'END'
		{"closID": ".."}|closID: no class of service can be called '..'
		{"closID": "a/b"}|closID: no class of service can be called 'a/b'
		{"closID": "/a"}|closID: no class of service can be called '/a'
		{"closID": "info"}|closID: no class of service can be called 'info'
		{"closID": "mon_groups"}|closID: no class of service can be called 'mon_groups'
		{"closID": 7}|closID: a string belongs here
		{"memBwSchema": "L3:0=f"}|memBwSchema: it begins with 'MB:'
		{"memBwSchema": "MB:0=1\nL3:0=1"}|memBwSchema: a schema is one line
		{"l3CacheSchema": "MB:0=10"}|l3CacheSchema: it begins with 'L3'
		{"l3CacheSchema": "L3:"}|l3CacheSchema: a schema is RESOURCE:ID=VALUE;...
		{"schemata": ["L3:0=1", "L2\n:0=1"]}|schemata[1]: a schema is one line
		{"enableMonitoring": 1}|enableMonitoring: true or false belongs here
	END
	nothing_left
}

@test "explain and features tell of it" {
	bundle 'c["linux"]["intelRdt"] = {"enableMonitoring": True}' true
	oci explain -b "$BUNDLE" >chain
	[ "$(grep -c 'write dir=%.* data="0"  \[.*config.json:' chain)" = 2 ]
	oci features | python3 -c 'import json, sys
assert json.load(sys.stdin)["linux"]["intelRdt"] == {"enabled": True, "schemata": True, "monitoring": True}'
}
