# SPDX-License-Identifier: LGPL-2.1-or-later
# Keys of the caller's session: whoever possesses the session keyring may read
# what is in it, in whatever namespaces; an exec keeps it (isolate 2.6, runc's
# session keyring per container).
load harness

with_key() {
	run "$INTRUDER" with-key "$@"
	[ "$status" != 77 ] || skip_unless keys "the kernel has no keyrings for us" false
}

@test "the keys of the caller's session stay outside" {
	with_key ringfence-canary "$INTRUDER" read-key ringfence-canary
	[ "$status" = 0 ]
	for options in "" "--map root --capabilities all" "--no-init"; do
		# shellcheck disable=SC2086 # words
		with_key ringfence-canary "$RINGFENCE" run --ro "$INTRUDER:/tmp/intruder" $options \
			-- /tmp/intruder read-key ringfence-canary
		[ "$status" = 1 ]
	done
}

@test "the caller keeps its session" {
	with_key ringfence-canary sh -c \
		'"$1" run -- true && exec "$2" read-key ringfence-canary' - "$RINGFENCE" "$INTRUDER"
	[ "$status" = 0 ]
}
