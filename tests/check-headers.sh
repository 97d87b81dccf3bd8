#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every header compiles alone, twice over, and ringfence.h as C++ too.
# shellcheck source=tests/tap.sh
. "$RF_SRCDIR/tests/tap.sh"
CC=${CC:-cc}

alone() {
	printf '#include "%s"\n#include "%s"\nint rf_nothing;\n' "$1" "$1" |
		$CC -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wundef -Werror -fsyntax-only \
			-I"$RF_SRCDIR/lib" -I"$RF_SRCDIR/seccomp" -I"$RF_SRCDIR/cmd" -I"$RF_SRCDIR/tests" -x c -
}

as_cxx() {
	printf '#include "ringfence.h"\nint main() { return rf_chain_free(rf_chain_new()) != nullptr; }\n' |
		$CC -std=c++11 -Wall -Wextra -Werror -fsyntax-only -I"$RF_SRCDIR/lib" -x c++ -
}

for header in "$RF_SRCDIR"/lib/*.h "$RF_SRCDIR"/seccomp/*.h "$RF_SRCDIR"/cmd/*.h "$RF_SRCDIR"/tests/*.h; do
	[ -e "$header" ] || continue
	ok "${header#"$RF_SRCDIR"/} stands alone" alone "$header"
done
if echo 'int x;' | $CC -fsyntax-only -x c++ - 2>/dev/null; then
	ok "ringfence.h is valid C++" as_cxx
else
	skip "ringfence.h is valid C++" cxx "$CC has no C++ front end"
fi
done_testing
