# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a check script sources: ok NAME COMMAND..., and done_testing at its end.
tap_nr=0
tap_failed=0
tap_out=$(mktemp) || exit 1
trap 'rm -f "$tap_out"' EXIT

# ok NAME COMMAND...: the command's output is shown when it fails.
ok() {
	tap_name=$1
	shift
	tap_nr=$((tap_nr + 1))
	if "$@" >"$tap_out" 2>&1; then
		echo "ok $tap_nr - $tap_name"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_nr - $tap_name"
		sed 's/^/# /' "$tap_out"
	fi
}

# skip NAME NEED REASON: NEED named in $RF_TESTS_REQUIRE makes it a failure.
skip() {
	case " $(echo "$RF_TESTS_REQUIRE" | tr , ' ') " in
	*" $2 "*)	ok "$1" false ;;
	*)		tap_nr=$((tap_nr + 1))
			echo "ok $tap_nr - $1 # SKIP $2: $3" ;;
	esac
}

done_testing() {
	echo "1..$tap_nr"
	[ "$tap_failed" = 0 ]
	exit
}
