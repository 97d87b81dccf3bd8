#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The chains of all examples, for root and for an ordinary user, are those in
# tests/golden.  RF_GOLDEN_UPDATE=1 writes them anew; look at the difference.
# shellcheck source=tests/tap.sh
. "$RF_SRCDIR/tests/tap.sh"
cd "$RF_SRCDIR" || exit 1
got=$(mktemp) || exit 1
trap 'rm -f "$tap_out" "$got"' EXIT

# The chain of spec $1 for features $2, or why there is none.
chain() {
	"$RINGFENCE" explain --features "$2" --spec "$1" 2>&1
	status=$?
	[ "$status" = 0 ] || echo "status $status"
}

is_golden() {
	chain "$1" "$2" >"$got"
	[ -z "$RF_GOLDEN_UPDATE" ] || cp "$got" "$3"
	diff -u "$3" "$got"
}

for features in tests/golden/*.features; do
	who=$(basename "$features" .features)
	for spec in examples/*.yaml tests/golden/*.yaml; do
		name=$(basename "$spec" .yaml)
		ok "the chain of $spec for $who" is_golden "$spec" "$features" \
			"tests/golden/$name.$who"
	done
done

# JSON is the same chain for programs: one op a line, and valid.
json_is_valid() {
	"$RINGFENCE" explain --json --features tests/golden/root.features \
		--spec examples/minimal.yaml >"$got" &&
		[ "$(grep -c '"op":' "$got")" = "$(grep -c '^ *[0-9]' tests/golden/minimal.root)" ]
}
ok "explain --json has the same ops" json_is_valid
done_testing
