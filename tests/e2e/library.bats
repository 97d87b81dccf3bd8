# SPDX-License-Identifier: LGPL-2.1-or-later
# libringfence from other programs: the example program, and that of the manual.
load harness

@test "1 000 launches over one ring, and every completion is printed" {
	local embed=$RF_BUILDDIR/examples/embed

	"$embed" >out
	[ "$(grep -c ': exit: status 0$' out)" = 1000 ]
	[ "$(grep -c ': started ' out)" = 1000 ]
	[ "$(grep -c ': op [0-9]* exec: No such file' out)" = 1000 ]
	# eight ops, started and exit for each, and a last line
	[ "$(wc -l <out)" = 10001 ]
	tail -n 1 out | grep -q '^1000 launches, 1000 succeeded, engine '
}

@test "as an ordinary user, one at a time" {
	run -0 as_user "$RF_BUILDDIR/examples/embed" 3 1
	[ "$(grep -c ': exit: status 0$' <<<"$output")" = 3 ]
}

@test "the test runner: each in its own sandbox, decided by completions" {
	local testrun=$RF_BUILDDIR/examples/testrun before after

	skip_unless landlock "this kernel has no Landlock" "$RINGFENCE" run --landlock-read / -- true
	before=$(ls -d /tmp/testrun.* 2>/dev/null || true)
	mkdir suite
	printf '#!/bin/sh\nexit 0\n' >suite/a-passes
	printf 'test -w . && echo said >&2 && exit 3\n' >suite/b-script-of-no-interpreter
	printf '#!/bin/sh\nexec sleep 100\n' >suite/c-slow
	printf '#!/bin/sh\ntouch here 2>/dev/null && ! touch "$0.x" 2>/dev/null\n' >suite/d-writes
	printf '#!/no/such/sh\n' >suite/e-interpreter-missing
	printf '#!/bin/sh\nkill -SEGV $$\n' >suite/f-killed
	chmod 755 suite/*
	printf 'text\n' >suite/g-no-program
	run -1 "$testrun" suite 1 3
	[ "$(grep -c '^ok ' <<<"$output")" = 2 ]
	[ "$(grep -c '^not ok ' <<<"$output")" = 5 ]
	grep -qx 'ok [0-9] - a-passes' <<<"$output"
	grep -qx 'ok [0-9] - d-writes' <<<"$output"
	grep -A2 'not ok [0-9] - b-' <<<"$output" | tr '\n' ' ' | grep -q '# exit status 3 # said '
	grep -A1 'not ok [0-9] - c-' <<<"$output" | grep -qx '# the time is up'
	grep -A1 'not ok [0-9] - e-' <<<"$output" | grep -qx '# exec: No such file or directory'
	grep -A1 'not ok [0-9] - f-' <<<"$output" | grep -qx '# Segmentation fault'
	grep -A1 'not ok [0-9] - g-' <<<"$output" | grep -qx '# exec: Permission denied'
	[ ! -e suite/d-writes.x ]
	rm suite/[b-cefg]-*
	run -0 "$testrun" suite
	run -2 "$testrun" no-such-directory
	after=$(ls -d /tmp/testrun.* 2>/dev/null || true)
	[ "$before" = "$after" ]
}

@test "the examples of libringfence(3) compile and work" {
	local lib=$RF_BUILDDIR/.libs

	[ -e "$lib/libringfence.so" ] || skip_unless shared "the shared library is not built" false
	if grep -q __asan_init "$lib/libringfence.so"; then
		skip "a program without ASan cannot load a library with it"
	fi
	{
		printf '#include <fcntl.h>\n#include <stddef.h>\n#include <ringfence.h>\nint main(void)\n{\n'
		sed -n '/^\.Sh EXAMPLES/,/^\.Sh CONVENTIONS/p' "$SRCDIR/man/libringfence.3" |
			sed -n '/^\.Bd/,/^\.Ed/p' |
			sed "s,^\.Bd.*,{,; s,^\.Ed,},; s,/tmp/date.txt,$DIR/date.txt,"
		printf 'return 0;\n}\n'
	} >example.c
	${CC:-cc} -Wall -Werror -I"$SRCDIR/lib" example.c -L"$lib" -lringfence -o example
	LD_LIBRARY_PATH=$lib run -0 ./example
	grep -q . date.txt
	[ "$output" = "/usr
/usr
/usr" ]
}

@test "libringfence(3) has every public function" {
	local name

	grep -oE '^\s+rf_[a-z_]+;' "$SRCDIR/lib/libringfence.map" | tr -d '\t ;' | while read -r name; do
		grep -q "^\.Fn $name[ \"]" "$SRCDIR/man/libringfence.3" || {
			echo "no $name"
			return 1
		}
	done
}
