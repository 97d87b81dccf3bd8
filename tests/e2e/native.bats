# SPDX-License-Identifier: LGPL-2.1-or-later
# The native engine where the kernel does not run chains: as if it did not exist.
# Where it does, tests/native/guest runs everything on it.
load harness

setup() {
	harness_setup
	need_userns
	skip_unless stock "this kernel runs chains" is_stock
}

is_stock() {
	! "$RINGFENCE" run --engine native --root host -- true 2>/dev/null
}

# The calls of one launch, by name and first arguments, of all its tasks.
calls() {
	strace -f -qq -o "$DIR/calls" "$RINGFENCE" run "$@" --root host -- true
}

@test "asked for by name it is an error that says why, and nothing runs" {
	run -125 "$RINGFENCE" run --engine native -- touch "$DIR/ran"
	echo "$output"
	[[ $output == *"the kernel does not run chains"* || $output == *io_uring* ]]
	[ ! -e "$DIR/ran" ]
}

@test "auto does not look for it: no call more than the ring's own" {
	calls
	run ! grep -E '0x53504157|IORING_REGISTER_PROBE' "$DIR/calls"
	# one uname, and one io_uring at most, behind the first clone
	[ "$(grep -c ' uname(' "$DIR/calls")" -le 1 ]
	[ "$(grep -c ' io_uring_setup(' "$DIR/calls")" -le 1 ]
	[ "$(grep -c ' io_uring_register(' "$DIR/calls")" -le 1 ]
	grep -nE ' (clone3?|io_uring_setup)\(' "$DIR/calls" | head -n 1 | grep -q clone
}

@test "auto and what auto chooses make the same calls" {
	local engine

	"$RINGFENCE" run --root host --verdict="$DIR/verdict" -- true
	engine=$(sed -n 's/.*"engine":{"name":"\([a-z]*\)".*/\1/p' "$DIR/verdict")
	[[ $engine == ring || $engine == plain ]]
	for e in auto "$engine"; do
		calls --engine "$e"
		# how often one waits is a matter of time
		sed -E 's/^[0-9]+ +//; s/[(].*//' "$DIR/calls" | grep -E '^(io_uring_[rs]|clone|uname|socketpair)' |
			sort | uniq -c >"$DIR/$e.calls"
	done
	diff "$DIR/auto.calls" "$DIR/$engine.calls"
}

@test "the trace says which engine it was" {
	run -0 --separate-stderr "$RINGFENCE" run --trace --root host -- true
	[[ ${stderr_lines[0]} =~ ^engine\ (ring|plain):\  ]]
}
