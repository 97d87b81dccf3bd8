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

# preset_text NAME: in the library; preset_page NAME: after "is:" in ringfence-presets(7).
preset_text() {
	sed -n "/{ \"$1\",/,/},\$/s/^[^\"]*\"\(.*\)\\\\n\".*/\1/p" "$RF_SRCDIR/lib/preset.c" |
		sed 's/\\"/"/g'
}

preset_page() {
	awk -v name="$1" '
		/^\.Ss/ { mine = $2 == name }
		/^is:/ { wanted = mine }
		/^\.Ed/ { inside = wanted = 0 }
		inside
		/^\.Bd -literal/ { inside = wanted }' "$RF_SRCDIR/man/ringfence-presets.7"
}

preset_is() {
	preset_text "$1" >"$dir/library"
	preset_page "$1" >"$dir/page"
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
# shellcheck disable=SC2013	# names are words
for name in $(sed -n 's/^\t{ "\([a-z]*\)",$/\1/p' "$RF_SRCDIR/lib/preset.c"); do
	ok "ringfence-presets(7) has $name as it is" preset_is "$name"
done
split_examples
"$RINGFENCE" explain --print-features >"$dir/features"
for example in "$dir"/example*.yaml; do
	ok "$(basename "$example" .yaml) is a spec" reads "$example"
done
done_testing
