# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence explain: the chain, each op with its place; it runs nothing.
load harness

@test "each op stands with the line of the spec that it comes from" {
	cat >lab.yaml <<-'SPEC'
		extends: [default]
		command: [true]
		hostname: lab
		mounts:
		  - {tmpfs: /opt, size: 1M}
	SPEC
	run -0 "$RINGFENCE" explain --spec lab.yaml
	[[ "$output" == *hostname*lab*"[lab.yaml:3:"* ]]
	[[ "$output" == *mkfs*tmpfs*1048576*"[lab.yaml:5:"* || "$output" == *mkfs*tmpfs*1M*"[lab.yaml:5:"* ]]
	[[ "$output" == *exec*true*"[lab.yaml:2:"* ]]
}

@test "it runs nothing and changes nothing" {
	host_state >before
	run -0 "$RINGFENCE" explain --rw . -- touch ran
	host_state >after
	cmp before after
	[ ! -e ran ]
}

@test "it needs no privilege and no /proc" {
	run -0 as_user "$RINGFENCE" explain -- true
	skip_unless userns "cannot hide /proc" unshare -Urm mount -t tmpfs none /proc
	run -0 unshare -Urm sh -c 'mount -t tmpfs none /proc && "$RINGFENCE" explain -- true'
	assert_output_has exec
}

@test "it makes no namespace, mount or process" {
	[ -x "$RF_BUILDDIR/tests/helpers/deny" ] || skip_unless seccomp "tests/helpers/deny is not built" false
	run -0 "$RF_BUILDDIR/tests/helpers/deny" -e EPERM \
		unshare,clone3,clone,fork,vfork,mount,fsopen,open_tree,move_mount,setns,pivot_root,io_uring_setup \
		"$RINGFENCE" explain -- true
}

@test "--json is JSON with the same ops" {
	"$RINGFENCE" explain -- true >text
	"$RINGFENCE" explain --json -- true >json
	[ "$(grep -c '^ *[0-9]' text)" = "$(grep -c '"index":' json)" ]
	[ "$(head -n 1 json)" = '{"version":1,"ops":[' ]
	[[ "$(tail -n 1 json)" == '],"receipt":['*']}' ]]
	grep -q '"op":"exec"' json
	# YAML's reader takes all of JSON: ringfence's own says whether it is well-formed
	run -2 "$RINGFENCE" explain --spec json -- true
	assert_output_has "version"
}

@test "the same features give the same chain anywhere" {
	"$RINGFENCE" explain --print-features >features
	"$RINGFENCE" explain --features features --spec "$SRCDIR/examples/build.yaml" >one
	cd /
	HOME=/elsewhere "$RINGFENCE" explain --features "$DIR/features" --spec "$SRCDIR/examples/build.yaml" >"$DIR/two"
	cmp "$DIR/one" "$DIR/two"
}

@test "--print-features prints what --features reads" {
	"$RINGFENCE" explain --print-features >one
	"$RINGFENCE" explain --features one --print-features >two
	cmp one two
	grep -q '^kernel: ' one
}

@test "a wrong spec is exit 2 with its place" {
	printf 'extends: [default]\nhostnam: lab\n' >lab.yaml
	run -2 "$RINGFENCE" explain --spec lab.yaml -- true
	[ "${lines[0]}" = "ringfence: lab.yaml:2:1: no key 'hostnam'; did you mean 'hostname'?" ] ||
		assert_output_has "lab.yaml:2:1: "
	assert_output_has "hostname"
}

@test "a chain that cannot be printed is an error" {
	[ -e /dev/full ] || skip "no /dev/full"
	run -125 bash -c '"$RINGFENCE" explain -- true >/dev/full'
	assert_output_has "standard output: No space left on device"
	run -125 bash -c '"$RINGFENCE" explain -- true >&-'
	assert_output_has "standard output: Bad file descriptor"
}

@test "what explain prints is what run does" {
	need_userns
	"$RINGFENCE" explain -- true | sed '/^layers:/,$d; s/^ *[0-9]* *//' >explained
	"$RINGFENCE" run --trace --trace-file trace -- true
	[ "$(head -n 1 trace | cut -d ' ' -f 1)" = engine ]
	sed '1d; s/^ *[0-9]*  *\(-\|[0-9.]* us\)  [A-Za-z0-9]* *//' trace >traced
	diff explained traced
}
