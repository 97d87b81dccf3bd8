#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence.h, the version script and the library agree on what is public.
# shellcheck source=tests/tap.sh
. "$RF_SRCDIR/tests/tap.sh"
NM=${NM:-nm}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work" "$tap_out"' EXIT

tr '\n\t' '  ' <"$RF_SRCDIR/lib/ringfence.h" | grep -o 'RF_PUBLIC [a-z][^;(]*(' |
	grep -o 'rf_[a-z0-9_]*(' | tr -d '(' | sort >"$work/header"
sed -n 's/^[[:space:]]*\(rf_[a-z0-9_]*\);.*/\1/p' "$RF_SRCDIR/lib/libringfence.map" |
	sort >"$work/map"

is_listed_once() {
	[ -s "$work/map" ] && [ -z "$(uniq -d "$work/map")" ] && ! grep -n 'rf_.*\*' "$RF_SRCDIR/lib/libringfence.map"
}

ok "the version script lists symbols one by one" is_listed_once
ok "every public function of ringfence.h is in the version script" diff "$work/header" "$work/map"

library=$RF_BUILDDIR/.libs/libringfence.so
if [ -e "$library" ]; then
	$NM -D --defined-only "$library" | sed -n 's/.* [A-Z] \([^@]*\)\(@.*\)*$/\1/p' |
		grep -v '^RINGFENCE_' | sort >"$work/library"
	ok "the library exports these and nothing else" diff "$work/map" "$work/library"
else
	skip "the library exports these and nothing else" shared "configured without a shared library"
fi
done_testing
