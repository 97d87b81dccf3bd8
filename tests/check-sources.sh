#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# No file is forgotten in Makefile.am, so none is missing from a release.
# shellcheck source=tests/tap.sh
. "$RF_SRCDIR/tests/tap.sh"

# Every word of it, between blanks: one look for each file, not one grep.
words=" $(tr '\t\n' '  ' <"$RF_SRCDIR/Makefile.am") "

is_listed() {
	case $words in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

all_listed() {
	missing=0
	for file; do
		# C tests are listed as the programs that they become
		is_listed "$file" || is_listed "${file%.c}" || {
			echo "$file: not in Makefile.am"
			missing=1
		}
	done
	return $missing
}

spdx() {
	missing=$(awk 'FNR == 1 { if (file && !said) print file; file = FILENAME; said = 0 }
		FNR <= 3 && /SPDX-License-Identifier/ { said = 1 }
		END { if (!said) print file }' "$@")
	[ -z "$missing" ] || { echo "no SPDX line: $missing"; return 1; }
}

cd "$RF_SRCDIR" || exit 1
if [ -d .git ] && git ls-files >/dev/null 2>&1; then
	files=$(git ls-files -- lib cmd tests man examples docs bench contrib seccomp |
		grep -vE '\.(in|gitignore)$')
else
	files=$(find lib cmd tests man examples docs bench contrib -type f -name '*.[ch1-8]')
fi
# shellcheck disable=SC2086	# no name has a blank
ok "every file is named in Makefile.am" all_listed $files
# shellcheck disable=SC2046
ok "every source says its license" spdx $(echo "$files" | grep -E '\.(c|h|S|sh|bash)$')
done_testing
