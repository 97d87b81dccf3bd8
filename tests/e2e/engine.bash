# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tests of engines share, beside the harness: daemons that live as long as a file
# of tests, in a directory of their own, $ENGINE.
#
#	setup_file()	engine_begin; daemon LOG COMMAND...; until_true COMMAND...
#	teardown_file()	engine_end

engine_begin() {
	SRCDIR=${RF_SRCDIR:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	RINGFENCE=${RINGFENCE:-$(find_ringfence)}
	RF_BUILDDIR=${RF_BUILDDIR:-$(dirname "$RINGFENCE")}
	OCI=$RF_BUILDDIR/ringfence-oci
	[ -x "$OCI" ] || {
		echo "no $OCI" >&2
		return 1
	}
	ENGINE=$BATS_FILE_TMPDIR
	chmod 0755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/file "$ENGINE" 2>/dev/null || true
	export SRCDIR RINGFENCE RF_BUILDDIR OCI ENGINE
	cd "$ENGINE" || return 1
}

# daemon LOG COMMAND...: in the background, up to engine_end or the end of the tests
daemon() {
	local log=$1

	shift
	setpriv --pdeathsig TERM "$@" >"$log" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >>"$ENGINE/daemons"
}

is_gone() {	# or a zombie, for whoever is its parent
	[ ! -e "/proc/$1" ] || grep -q '^State:.[ZX]' "/proc/$1/status" 2>/dev/null
}

# The last one first.
engine_end() {
	local pid

	cd / || return 1
	[ -e "$ENGINE/daemons" ] || return 0
	for pid in $(tac "$ENGINE/daemons"); do
		kill -TERM "$pid" 2>/dev/null || continue
		until_true is_gone "$pid" || kill -KILL "$pid"
	done
}

# contrib FILE: of the build, with the programs of the build
contrib() {
	local bindir

	bindir=$(sed -n 's/^prefix=//p' "$RF_BUILDDIR/lib/libringfence.pc")/bin
	sed "s|$bindir/ringfence|$RF_BUILDDIR/ringfence|" "$RF_BUILDDIR/contrib/$1"
}

# An image, localhost/box:1, in the file image.tar.
make_image() {
	python3 "$SRCDIR/tests/helpers/image.py" "$ENGINE/image.tar" localhost/box:1
}

need_busybox() {
	skip_unless busybox "busybox-static is not installed" test -x /bin/busybox
}
