# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tests of attacks load: the end-to-end harness, an intruder, and a
# canary outside that must come out of every attack as it was.

load ../e2e/harness

setup() {
	attack_setup
}

attack_setup() {
	harness_setup
	need_userns
	INTRUDER=$RF_BUILDDIR/tests/helpers/intruder
	PTY=$RF_BUILDDIR/tests/helpers/pty
	[ -x "$INTRUDER" ] || {
		echo "no $INTRUDER; make check builds it" >&2
		return 1
	}
	mkdir outside
	echo alive >outside/canary
	CANARY=$DIR/outside/canary
	export INTRUDER CANARY
}

teardown() {
	[ -z "${CANARY:-}" ] || canary_lives
}

canary_lives() {
	[ "$(ls -A "$DIR/outside")" = canary ]
	[ "$(cat "$CANARY")" = alive ]
}

# boxed ARGUMENT...: the default sandbox, with the intruder as /tmp/intruder, but
# without the filter: an attack that it refuses has to fail all the same.  What the
# filter alone refuses is in filter.bats.
boxed() {
	"$RINGFENCE" run --seccomp off --ro "$INTRUDER:/tmp/intruder" "$@"
}

# Fails unless COMMAND exits with 1, as an intruder does whose attack failed.
refused() {
	run -1 "$@"
}

# bare_root DIR: what a root file system needs to run sh and the intruder.
bare_root() {
	mkdir -p "$1"/{usr,proc,dev,tmp,etc,intruder}
	ln -s usr/bin "$1/bin"
	ln -s usr/lib "$1/lib"
	[ ! -e /lib64 ] || ln -s usr/lib64 "$1/lib64"
	ln -s usr/sbin "$1/sbin"
	rmdir "$1/intruder"
	: >"$1/intruder"
}

# in_root DIR ARGUMENT...: a sandbox with DIR as its root.
in_root() {
	local root=$1

	shift
	"$RINGFENCE" run --seccomp off --root "$root" --ro /usr --ro "$INTRUDER:/intruder" "$@"
}

# victim STEP... -- COMMAND...: on a terminal, COMMAND and then somebody who reads a
# line.  What that gets has to be what was typed, and nothing may be typed before.
victim() {
	local steps=()

	while [ "$1" != -- ]; do
		steps+=("$1")
		shift
	done
	shift
	run "$PTY" "${steps[@]}" expect:prompt cooked: unread: 'send:typed\r' 'expect:line=<typed>' -- \
		bash -c 'before=$(stty -g); "$@"; echo "status=$?"; [ "$(stty -g)" = "$before" ] && echo pro"mpt"; read -r line; echo "line=<$line>"' - "$@"
	echo "$output"
	[ "$status" = 0 ]
}
