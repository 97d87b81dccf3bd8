# SPDX-License-Identifier: LGPL-2.1-or-later
# What every end-to-end test loads:
#
#	load harness
#
#	@test "the exit status is the command's" {
#		run -3 "$RINGFENCE" run -- sh -c 'exit 3'
#	}
#
# Each test runs in a directory of its own, $DIR, which is also where it
# starts.  $RINGFENCE is the program that was built, $SRCDIR the source tree.
# A file that has a setup() of its own calls harness_setup first.

bats_require_minimum_version 1.5.0

harness_setup() {
	SRCDIR=${RF_SRCDIR:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	RINGFENCE=${RINGFENCE:-$(find_ringfence)}
	RF_BUILDDIR=${RF_BUILDDIR:-$(dirname "$RINGFENCE")}
	[ -x "$RINGFENCE" ] || {
		echo "no ringfence to test; set RINGFENCE" >&2
		return 1
	}
	DIR=$BATS_TEST_TMPDIR/work
	mkdir -m 0755 "$DIR"
	# bats makes its directories 0700; an ordinary user must get in too
	chmod 0755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$BATS_RUN_TMPDIR"/file \
		"$BATS_TEST_TMPDIR" 2>/dev/null || true
	export SRCDIR RINGFENCE RF_BUILDDIR DIR
	cd "$DIR" || return 1
}

setup() {
	harness_setup
}

find_ringfence() {
	local dir

	for dir in "$SRCDIR/build" "$SRCDIR" "$PWD"; do
		if [ -x "$dir/ringfence" ]; then
			echo "$dir/ringfence"
			return
		fi
	done
}

# skip_unless NEED REASON COMMAND...: NEED is one word (userns, root, user,
# subuid, net, image, ...); named in $RF_TESTS_REQUIRE, the skip is a failure.
skip_unless() {
	local need=$1 reason=$2

	shift 2
	"$@" >/dev/null 2>&1 && return 0
	case " ${RF_TESTS_REQUIRE//,/ } " in
	*" $need "*)
		echo "RF_TESTS_REQUIRE forbids the skip: $need: $reason" >&2
		return 1 ;;
	esac
	skip "$need: $reason"
}

is_root() {	# uid 0 of the first user namespace
	local inside outside count

	[ "$EUID" = 0 ] && read -r inside outside count </proc/self/uid_map &&
		[ "$inside $outside $count" = "0 0 4294967295" ]
}

has_userns() {
	unshare -Ur true
}

need_root() {
	skip_unless root "needs to be root on the host" is_root
}

need_userns() {
	skip_unless userns "the kernel refuses new user namespaces" has_userns
}

# as_user COMMAND...: as an ordinary user; that is the caller, unless it is
# root: then nobody, with a clean environment and no groups.
as_user() {
	if is_root; then
		setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
			env HOME=/nonexistent USER=nobody "$@"
	else
		"$@"
	fi
}

# Fail unless $output (of `run`) has the fixed string.
assert_output_has() {
	if [[ "$output" != *"$1"* ]]; then
		printf 'wanted: %s\ngot:\n%s\n' "$1" "$output" >&2
		return 1
	fi
}

refute_output_has() {
	if [[ "$output" == *"$1"* ]]; then
		printf 'unwanted: %s\ngot:\n%s\n' "$1" "$output" >&2
		return 1
	fi
}

# ended STATUS: wait for $pid, which ends with it
ended() {
	local status=0

	wait $pid || status=$?
	echo "status $status, wanted $1"
	[ $status = "$1" ]
}

# Wait until COMMAND succeeds, at most half a minute.
until_true() {
	local until=$((SECONDS + 30))

	until "$@"; do
		[ $SECONDS -lt $until ] || {
			echo "never: $*" >&2
			return 1
		}
		sleep 0.01
	done
}

# verdict_has TEXT...: the file "verdict" has each
verdict_has() {
	local text

	for text; do
		grep -qF -- "$text" verdict || {
			echo "wanted $text in:"
			cat verdict
			return 1
		}
	done
}

# What a launch may not change on the host: compare before and after.
host_state() {
	cat /proc/self/mountinfo
	ls /sys/class/net
}
