# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci: filters that an agent answers for, their flags and their errors.
load harness
load oci

setup() {
	oci_setup
	need_userns
	AGENT=
}

teardown() {
	oci_teardown
	[ -z "$AGENT" ] || kill "$AGENT" 2>/dev/null || true
}

# agent ANSWER...: one that listens at ./agent.sock
agent() {
	python3 -I -S "$SRCDIR/tests/helpers/agent.py" "$DIR/agent.sock" "$DIR/states" "$@" 2>agent.err &
	AGENT=$!
	until_true [ -S agent.sock ]
}

# asking NNP CALLS [PYTHON] [COMMAND...]: a filter that asks about CALLS, and allows the rest
asking() {
	bundle "c['process']['noNewPrivileges'] = $1
c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '$DIR/agent.sock',
    'listenerMetadata': 'a \"word\"', 'syscalls': [{'names': $2.split(), 'action': 'SCMP_ACT_NOTIFY'}]}
$3" "${@:4}"
}

# The last state that the agent got: PYTHON is an expression of it, `s`.
state() {
	python3 -c "import json, sys; s = json.loads(open('states').read().splitlines()[-1]); print(($1))"
}

@test "an agent answers for a command, with no_new_privs and without" {
	local nnp

	agent mkdir=-95 mkdirat=-95
	for nnp in True False; do
		asking $nnp '"mkdir mkdirat"' '' sh -c 'mkdir /tmp/x 2>&1; uname -n'
		run -0 oci run -b "$BUNDLE" "$ID"
		[ "${lines[0]}" = "mkdir: cannot create directory '/tmp/x': Operation not supported" ]
		[ "${lines[1]}" = ringfence ]
	done
	[ "$(wc -l <states)" = 2 ]
	nothing_left
}

@test "the agent gets the state of the container, once, and its process by number" {
	agent
	asking True '"mkdir mkdirat"' 'c["annotations"] = {"a": "b"}' sleep 100
	oci create -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
	[ ! -e states ]
	oci start "$ID"
	[ "$(wc -l <states)" = 1 ]
	[ "$(state 's["pid"], s["state"]["pid"]')" = "($(cat pid), $(cat pid))" ]
	[ "$(state 's["fds"], s["metadata"], s["state"]["id"], s["state"]["status"]')" = \
		"(['seccompFd'], 'a \"word\"', '$ID', 'created')" ]
	[ "$(state 's["state"]["annotations"], s["state"]["bundle"], s["ociVersion"]')" = \
		"({'a': 'b'}, '$BUNDLE', '1.2.0')" ]
}

@test "one that enters has a listener of its own" {
	agent mkdir=-95 mkdirat=-95
	asking True '"mkdir mkdirat"' '' sleep 100
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	run -1 oci exec --pid-file second "$ID" mkdir /tmp/x
	assert_output_has "Operation not supported"
	[ "$(wc -l <states)" = 2 ]
	[ "$(state 's["pid"]')" = "$(cat second)" ]
	[ "$(state 's["state"]["status"]')" = running ]
}

@test "a hook of the image's is answered for, with the status that the container has" {
	agent mkdir=-95 mkdirat=-95
	asking True '"mkdir mkdirat"' 'c["hooks"] = {"startContainer": [{"path": "/bin/mkdir", "args": ["mkdir", "/tmp/x"]}]}' true
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "Operation not supported"
	[ "$(state 's["state"]["status"]')" = created ]
	nothing_left
}

@test "calls of the set-up that the filter asks about are answered too" {
	agent
	asking False '"execve capset setresuid setresgid setgroups prctl"' \
		'c["process"]["user"] = {"uid": 0, "gid": 0}' echo ran
	run -0 timeout 20 "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$output" = ran ]
	asking True '"execve"' '' echo ran
	run -0 timeout 20 "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$output" = ran ]
}

@test "an answer to the exec is what start tells" {
	agent execve=-1
	asking True '"execve"' '' /usr/bin/true
	run -1 timeout 20 "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	assert_output_has "exec /usr/bin/true: operation not permitted"
	nothing_left
}

@test "without an agent nothing starts" {
	asking True '"mkdir"' '' true
	oci create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	run -1 oci start "$ID"
	assert_output_has "linux.seccomp.listenerPath: $DIR/agent.sock: No such file or directory"
	has_status "$ID" created
	# and then it can
	agent
	oci start "$ID"
	oci delete -f "$ID"
	nothing_left
}

@test "a filter that asks about the call by which its listener travels is refused" {
	asking True '"sendmsg"' '' true
	run -1 oci create -b "$BUNDLE" "$ID"
	assert_output_has "asks a listener about sendmsg, which 'send_fds' after it needs"
	bundle "c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_NOTIFY',
    'listenerPath': '$DIR/agent.sock'}" true
	run -1 oci create -b "$BUNDLE" "$ID"
	assert_output_has "asks a listener about sendmsg"
	nothing_left
}

@test "who asks and names no listener, or names one wrongly, is told" {
	local cases=(
		"{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['mkdir'], 'action': 'SCMP_ACT_NOTIFY'}]}"
		"nobody is there to be asked"
		"{'defaultAction': 'SCMP_ACT_ALLOW', 'listenerMetadata': 'x'}"
		"linux.seccomp: \`listenerMetadata\` without a \`listenerPath\`"
		"{'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': 'x'}"
		"linux.seccomp.listenerPath: 'x' is no absolute path"
		"{'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '/' + 'x' * 108}"
		"linux.seccomp.listenerPath: too long a path for a socket"
		"{'defaultAction': 'SCMP_ACT_ALLOW', 'flags': ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']}"
		"(WAIT_KILLABLE_RECV) for who listens, and nobody is asked"
		"{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['mkdir'], 'action': 'SCMP_ACT_KILL', 'errnoRet': 1}]}"
		"syscalls[0]: 'action': SCMP_ACT_KILL answers no error"
		"{'defaultAction': 'SCMP_ACT_KILL', 'defaultErrnoRet': 1}"
		"'defaultAction': SCMP_ACT_KILL answers no error"
	)
	local n

	for ((n = 0; n < ${#cases[@]}; n += 2)); do
		bundle "c['linux']['seccomp'] = ${cases[n]}" true
		run -1 oci create -b "$BUNDLE" "$ID"
		assert_output_has "${cases[n + 1]}"
	done
	# a listener that nobody needs is none
	bundle "c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '/nowhere'}" echo ran
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = ran ]
}

@test "flags that the kernel has are used, and features lists them" {
	local flags

	flags=$("$OCI" features | python3 -c 'import json, sys
s = json.load(sys.stdin)["linux"]["seccomp"]
assert "SCMP_ACT_NOTIFY" in s["actions"] and set(s["supportedFlags"]) <= set(s["knownFlags"])
print(s["supportedFlags"])')
	agent mkdir=-95 mkdirat=-95
	asking True '"mkdir mkdirat"' "c['linux']['seccomp']['flags'] = $flags" mkdir /tmp/x
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "Operation not supported"
}

@test "errors are the default's and the rule's, for each architecture that is listed" {
	bundle "c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW',
    'architectures': ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_AARCH64',
                      'SCMP_ARCH_ARM', 'SCMP_ARCH_MIPS', 'SCMP_ARCH_S390X', 'SCMP_ARCH_RISCV64'],
    'syscalls': [{'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 95},
                 {'names': ['rmdir', 'unlinkat'], 'action': 'SCMP_ACT_ERRNO'}]}" \
		sh -c 'mkdir /tmp/x; rmdir /tmp'
	run -1 oci run -b "$BUNDLE" "$ID"
	assert_output_has "'/tmp/x': Operation not supported"
	assert_output_has "'/tmp': Operation not permitted"
}
