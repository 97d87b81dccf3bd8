#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The code that runs in a context needs no symbol but its own: no libc, no
# sanitizer, no stack protector, no coverage, whatever the build's flags are.
# shellcheck source=tests/tap.sh
. "$RF_SRCDIR/tests/tap.sh"
NM=${NM:-nm}

set --
for object in $RF_CONTEXT_OBJECTS; do
	set -- "$@" "$RF_BUILDDIR/$object"
done

are_found() {
	[ $# -gt 0 ] && ls "$@"
}

names() {
	sort -u | sed '/^_GLOBAL_OFFSET_TABLE_$/d'
}

need_nothing() {
	$NM -u "$@" | sed -n 's/^ *[Uwv] //p' | names >"$tap_out.need"
	$NM --defined-only "$@" | sed -n 's/^[0-9a-f]* [A-Z] //p' | names >"$tap_out.have"
	missing=$(comm -23 "$tap_out.need" "$tap_out.have")
	rm -f "$tap_out.need" "$tap_out.have"
	[ -z "$missing" ] && return
	for symbol in $missing; do
		echo "$symbol: needed by"
		$NM -A -u "$@" | sed -n "s/^\(.*\): *[Uwv] $symbol\$/  \1/p"
	done
	return 1
}

have_no_tls() {
	tls=$($NM -A "$@" | grep -E ' [DdBb] .*(errno|tls)|__tls_get_addr')
	[ -z "$tls" ] || { echo "$tls"; return 1; }
}

ok "the context's objects are found" are_found "$@"
ok "a context needs no symbol but its own" need_nothing "$@"
ok "a context has no thread-local storage" have_no_tls "$@"
done_testing
