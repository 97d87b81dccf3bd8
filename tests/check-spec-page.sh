#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-spec(5) has every key of the reader and the preset as it is, and its
# examples are specs.
# shellcheck source=tests/tap.sh
# shellcheck disable=SC2317 # functions are called by ok
. "$RF_SRCDIR/tests/tap.sh"
page=$RF_SRCDIR/man/ringfence-spec.5
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir" "$tap_out"' EXIT

every_key() {
	sed -n 's/.*{ \.name = "\([a-z_0-9]*\)",.*/\1/p' "$RF_SRCDIR"/lib/spec_[a-np-z]*.c | sort -u |
	while read -r key; do
		grep -E '^\.(It|Ic|Pq|Po|Brq)' "$page" | grep -qw "$key" || {
			echo "no entry for '$key'"
			return 1
		}
	done
}

# The preset in the library, and the literal text after "holds:" in the page.
same_preset() {
	sed -n '/{ "default",/,/},/s/^[^"]*"\(.*\)\\n".*/\1/p' "$RF_SRCDIR/lib/preset.c" |
		sed 's/\\"/"/g' >"$dir/library"
	sed -n '/^holds:/,/^\.Ed/p' "$page" | sed '1d;/^\.[BE]d/d' >"$dir/page"
	[ -s "$dir/library" ] && diff "$dir/library" "$dir/page"
}

# Literal blocks of DESCRIPTION and EXAMPLES, each in a file.
split_examples() {
	awk -v dir="$dir" '
		/^\.Sh/ { wanted = $2 == "DESCRIPTION" || $2 == "EXAMPLES" }
		/^\.Bd -literal/ { inside = wanted; nr += wanted; next }
		/^\.Ed/ { inside = 0 }
		inside { print > dir "/example" nr ".yaml" }' "$page"
}

reads() {
	"$RINGFENCE" explain --features "$dir/features" --spec "$1"
}

ok "every key has an entry" every_key
ok "the preset is the library's" same_preset
split_examples
"$RINGFENCE" explain --print-features >"$dir/features"
for example in "$dir"/example*.yaml; do
	ok "$(basename "$example" .yaml) is a spec" reads "$example"
done
done_testing
