#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# `make install DESTDIR=` puts everything in its place, and a program can be
# built against what it has installed.
# shellcheck source=tests/tap.sh
. "$RF_SRCDIR/tests/tap.sh"
CC=${CC:-cc}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work" "$tap_out"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL GNUMAKEFLAGS MAKEOVERRIDES
prefix=$(sed -n 's/^prefix=//p' "$RF_BUILDDIR/lib/libringfence.pc")
root=$work$prefix

# what talks to systemd, where it is built
systemd=
[ ! -x "$RF_BUILDDIR/ringfence-systemd" ] || systemd=libexec/ringfence/ringfence-systemd

is_installed() {
	make -s -C "$RF_BUILDDIR" install DESTDIR="$work" || return
	for file in bin/ringfence bin/ringfence-oci $systemd include/ringfence.h lib/pkgconfig/libringfence.pc \
		share/man/man1/ringfence.1 share/man/man3/libringfence.3 \
		share/man/man5/ringfence-spec.5 share/man/man7/ringfence-ops.7 \
		share/bash-completion/completions/ringfence share/zsh/site-functions/_ringfence \
		share/doc/ringfence/README.md share/doc/ringfence/examples/build.yaml share/ringfence/contrib/docker/daemon.json \
		share/ringfence/contrib/kubernetes/runtimeclass.yaml; do
		[ -s "$root/$file" ] || { echo "missing: $file"; return 1; }
	done
}

has_one_header() {
	[ "$(ls "$root/include")" = ringfence.h ]
}

runs_from_there() {
	"$root/bin/ringfence" --version | grep "$(sed -n 's/^Version: //p' "$RF_BUILDDIR/lib/libringfence.pc")"
}

can_be_embedded() {
	flags=$(PKG_CONFIG_PATH=$root/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work \
		pkg-config --cflags --libs libringfence) || return
	# shellcheck disable=SC2086	# words on purpose
	$CC -Wall -Werror -o "$work/embed" "$RF_SRCDIR/examples/embed.c" $flags || return
	$CC -Wall -Werror -o "$work/testrun" "$RF_SRCDIR/examples/testrun.c" $flags || return
	LD_LIBRARY_PATH=$root/lib "$work/embed" 3 >"$work/embed.out" && grep exit "$work/embed.out"
}

leaves_nothing() {
	make -s -C "$RF_BUILDDIR" uninstall DESTDIR="$work" || return
	left=$(find "$root" ! -type d)
	[ -z "$left" ] || { echo "$left"; return 1; }
}

ok "everything is installed" is_installed
ok "ringfence.h is the only header" has_one_header
ok "the installed program runs" runs_from_there
if [ -e "$root/lib/libringfence.so" ]; then
	ok "the example that embeds the library builds and runs" can_be_embedded
else
	skip "the example that embeds the library builds and runs" shared "no shared library was built"
fi
ok "make uninstall leaves nothing" leaves_nothing
done_testing
