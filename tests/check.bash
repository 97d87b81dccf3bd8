# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The whole check, as stages that do not depend on one another's outcome.
# Sourced by bootstrap, which has install, generate, configured and build.
#
# Each stage runs in a process of its own with a time limit, logs to
# build-check/logs, and prints one line.  Test cases are counted from the
# output of make check; a stage without any counts as one.

# shellcheck disable=SC2154	# srcdir, jobs: bootstrap's
check_dir=$srcdir/build-check
logs=$check_dir/logs
stage_limit=1500		# seconds; a stage that hangs must not take the rest with it
passed=0
failed=0
skipped=0
failed_stages=()
check_user=
user_dir=

# name, then the stage function with its arguments
stages=(
	'gcc                        build_gcc'
	'clang                      build_clang'
	'root                       suite_root'
	'long                       suite_long'
	'engines                    suite_engines'
	'user                       suite_user'
	'unshare                    suite_unshare'
	'sanitizers                 suite_sanitizers'
	'engine-ring                engine_only ring'
	'engine-plain               engine_only plain'
	'io_uring_setup-ENOSYS      deny ENOSYS io_uring_setup'
	'io_uring_setup-EPERM       deny EPERM io_uring_setup'
	'clone3-ENOSYS              deny ENOSYS clone3'
	'clone3-EPERM               deny EPERM clone3'
	'openat2-ENOSYS             deny ENOSYS openat2'
	'openat2-EPERM              deny EPERM openat2'
	'mount_setattr-ENOSYS       deny ENOSYS mount_setattr'
	'mount_setattr-EPERM        deny EPERM mount_setattr'
	'close_range-ENOSYS         deny ENOSYS close_range'
	'close_range-EPERM          deny EPERM close_range'
	'fuzz                       fuzz'
	'text                       text'
	'distcheck                  distcheck'
	'aarch64                    aarch64'
)

# ------------------------------------------------------------------ the stages

stage_build_gcc() {
	build "$check_dir/gcc" CC=gcc --enable-werror
	make -s -C "$check_dir/gcc" -j"$jobs" check TESTS=
}

# What other stages left, or made now.
need_gcc() {
	[ -f "$check_dir/gcc/Makefile" ] || stage_build_gcc >&2
}

stage_build_clang() {
	build "$check_dir/clang" CC=clang --enable-werror
	make -s -C "$check_dir/clang" -j"$jobs" check TESTS=
	run_check "$check_dir/clang" tests/check-freestanding.sh tests/check-symbols.sh \
		tests/check-headers.sh
}

# run_check BUILD-DIR [TEST...]: make check, all of it or these.
run_check() {
	local dir=$1

	shift
	[ -f "$dir/Makefile" ] || stage_build_gcc
	if [ $# -gt 0 ]; then
		make -C "$dir" -j"$jobs" check VERBOSE=1 TESTS="$*"
	else
		make -C "$dir" -j"$jobs" check VERBOSE=1
	fi
}

# The tests of one variable of Makefile.am.
tests_of() {
	need_gcc
	make -s -C "$check_dir/gcc" -f - print <<-END
		include Makefile
		print: ; @echo \$($1)
	END
}

stage_suite_root() {
	local r=0

	require_root || return 0
	run_check "$check_dir/gcc" || r=1
	jobs=1 run_check "$check_dir/gcc" "$(tests_of alone_tests)" || r=1
	return $r
}

stage_suite_long() {
	run_check "$check_dir/gcc" "$(tests_of long_tests)"
}

# containerd, Docker and Slurm, with daemons of the tests' own.
stage_suite_engines() {
	require_root || return 0
	run_check "$check_dir/gcc" "$(tests_of daemon_tests)"
}

stage_suite_user() {
	local r=0

	if [ -z "$CHECK_USER" ]; then
		run_check "$check_dir/gcc" || r=1
		jobs=1 run_check "$check_dir/gcc" "$(tests_of alone_tests)" || r=1
		return $r
	fi
	user_copy
	as_user "$CHECK_DIR" sh -c "cd '$CHECK_DIR/src' && mkdir -p build && cd build &&
		../configure -q && make -s -j$jobs && make -j$jobs check VERBOSE=1" || r=1
	as_user "$CHECK_DIR" make -C "$CHECK_DIR/src/build" check VERBOSE=1 \
		TESTS="$(tests_of alone_tests)" || r=1
	return $r
}

stage_suite_unshare() {
	local r=0

	if [ -z "$CHECK_USER" ]; then
		unshare -r true || { echo "CHECK-SKIP userns: unshare -r is refused"; return 0; }
		unshare -r make -C "$check_dir/gcc" -j"$jobs" check VERBOSE=1 || r=1
		unshare -r make -C "$check_dir/gcc" check VERBOSE=1 TESTS="$(tests_of alone_tests)" || r=1
		return $r
	fi
	user_copy
	as_user "$CHECK_DIR" unshare -r true ||
		{ echo "CHECK-SKIP userns: unshare -r is refused"; return 0; }
	as_user "$CHECK_DIR" unshare -r sh -c "cd '$CHECK_DIR/src' && mkdir -p build && cd build &&
		{ [ -f Makefile ] || ../configure -q; } && make -s -j$jobs && make -j$jobs check VERBOSE=1 TESTS='$(tests_of unit_tests) $(tests_of engine_tests) $(tests_of bats_tests)'" || r=1
	as_user "$CHECK_DIR" unshare -r make -C "$CHECK_DIR/src/build" check VERBOSE=1 \
		TESTS="$(tests_of alone_tests)" || r=1
	return $r
}

stage_suite_sanitizers() {
	local r=0

	# no --enable-werror: instrumented code makes gcc warn of what cannot happen
	build "$check_dir/sanitizers" CC=gcc --enable-sanitizers --disable-shared
	make -s -C "$check_dir/sanitizers" -j"$jobs" check TESTS=
	UBSAN_OPTIONS=print_stacktrace=1 run_check "$check_dir/sanitizers" \
		"$(tests_of unit_tests)" tests/check-freestanding.sh || r=1
	# the leak checker cannot attach in a test that is pid 1 of a namespace, and
	# counts what a child that is killed on purpose still held
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
		run_check "$check_dir/sanitizers" "$(tests_of engine_tests)" || r=1
	return $r
}

# stage_engine_only ring|plain
stage_engine_only() {
	RF_TEST_ENGINE=$1 run_check "$check_dir/gcc" "$(tests_of engine_tests)"
}

# stage_deny ERROR SYSCALL: only the tests run under the filter, not make.
stage_deny() {
	need_gcc
	make -C "$check_dir/gcc" -j"$jobs" check VERBOSE=1 TESTS="$(tests_of engine_tests)" \
		LOG_COMPILER="$check_dir/gcc/tests/helpers/deny -e $1 $2"
}

stage_fuzz() {
	configured "$check_dir/fuzz" CC=clang --enable-fuzzing --disable-shared
	make -s -C "$check_dir/fuzz" -j"$jobs" fuzz FUZZ_SECONDS=5
}

stage_text() {
	local scripts=() file r=0

	while IFS= read -r file; do
		[ -f "$file" ] && head -n 3 "$file" | grep -qE '^#!.*sh$|shellcheck shell=' && scripts+=("$file")
	done < <(source_files)
	shellcheck -S warning -x "${scripts[@]}" || r=1
	source_files | grep -vE '^LICENSE$|^tests/fuzz/' | xargs -d '\n' \
		codespell --ignore-words .codespell-ignore || r=1
	for file in man/*.[1-8]; do
		[ -e "$file" ] || continue
		mandoc -T lint -W warning "$file" || r=1
	done
	return $r
}

source_files() {
	if [ -d .git ]; then
		git -c safe.directory='*' ls-files
	else
		find . -type f -not -path './build*' -not -path './autom4te*' | sed 's|^\./||'
	fi
}

stage_distcheck() {
	need_gcc
	# the release builds, installs and has what its tests read; what they find is
	# the same as in the stages above
	make -C "$check_dir/gcc" -j"$jobs" distcheck VERBOSE=1 \
		DISTCHECK_CONFIGURE_FLAGS="--enable-werror --without-systemd" \
		TESTS="$(tests_of script_tests) $(tests_of unit_tests) tests/e2e/run.bats"
}

stage_aarch64() {
	bash tests/run-aarch64 "$srcdir" "$check_dir/aarch64"
}

# ------------------------------------------------------------ an ordinary user

require_root() {
	[ "$(id -u)" = 0 ] && return 0
	echo "CHECK-SKIP root: not root"
	return 1
}

# A user of our own, with a home, subordinate ids and a place for the sources.
make_user() {
	[ "$(id -u)" = 0 ] || return 0
	command -v useradd >/dev/null || die "useradd is missing: apt-get install passwd"
	user_dir=$(mktemp -d "${TMPDIR:-/tmp}/ringfence-check.XXXXXX") || die "no temporary directory"
	chmod 0755 "$user_dir"
	check_user=rfcheck$$
	useradd -m -d "$user_dir/home" -s /bin/sh "$check_user" 2>/dev/null ||
		die "cannot create the user $check_user"
}

remove_user() {
	[ -n "$check_user" ] && {
		rm -rf "/tmp/ringfence-$(id -u "$check_user")"	# ringfence's own, for names
		userdel "$check_user" 2>/dev/null || true
		sed -i "/^$check_user:/d" /etc/subuid /etc/subgid 2>/dev/null || true
	}
	[ -n "$user_dir" ] && rm -rf "$user_dir"
	check_user='' user_dir=''
}

# The source tree, where that user can read and write it.
user_copy() {
	[ -d "$CHECK_DIR/src" ] && return 0
	mkdir "$CHECK_DIR/src"
	tar -C "$srcdir" --exclude=./.git --exclude=./build --exclude='./build-[!a]*' --exclude=./autom4te.cache -cf - . |
		tar -C "$CHECK_DIR/src" -xf -
	chown -R "$CHECK_USER:" "$CHECK_DIR/src"
}

as_user() {
	local home=$1/home

	shift
	# shellcheck disable=SC2153	# set by check()
	setpriv --reuid="$CHECK_USER" --regid="$CHECK_USER" --init-groups --inh-caps=-all \
		env -i HOME="$home" USER="$CHECK_USER" LOGNAME="$CHECK_USER" LC_ALL=C.UTF-8 \
		PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin TMPDIR=/tmp \
		RF_TESTS_REQUIRE="${RF_TESTS_REQUIRE:-}" "$@"
}

# ------------------------------------------------------------------ the driver

# sum WORD LOG: of the "# WORD: n" lines in automake's summaries.
sum() {
	awk -v word="$1:" '
		/^Testsuite summary/	{ inside = 1 }
		inside && $2 == word	{ s += $3 }
		inside && /^See |^# ERROR/ { inside = 0 }
		END			{ print s + 0 }' "$2"
}

# count LOG STATUS: set n_passed, n_failed, n_skipped.
count() {
	local log=$1 status=$2

	if grep -q '^Testsuite summary' "$log"; then
		n_passed=$(($(sum PASS "$log") + $(sum XFAIL "$log")))
		n_failed=$(($(sum FAIL "$log") + $(sum XPASS "$log") + $(sum ERROR "$log")))
		n_skipped=$(sum SKIP "$log")
	else
		n_passed=$(grep -cE '^ok [0-9]+' "$log")
		n_skipped=$(grep -cE '^ok [0-9]+.*# SKIP' "$log")
		n_failed=$(grep -cE '^not ok [0-9]+' "$log")
		n_passed=$((n_passed - n_skipped))
	fi
	if grep -q '^CHECK-SKIP ' "$log"; then
		n_skipped=$((n_skipped + 1))
	elif [ "$status" != 0 ] && [ "$n_failed" = 0 ]; then
		n_failed=1
	elif [ $((n_passed + n_failed + n_skipped)) = 0 ]; then
		n_passed=1
	fi
}

# Each skipped case once: the log repeats what make check printed.
show_skips() {
	sed -n -e '/^SKIP: .*# SKIP/Ip' -e 's/^CHECK-SKIP/& # SKIP/p' "$1" | sort -u |
		sed 's/.*# SKIP *//I' | sort | uniq -c | sed 's/^ *\([0-9]*\) /       skipped \1 x: /'
}

# The failed cases with what they said; without any, the end of the log.
show_failure() {
	echo "------ from $1"
	awk '/^not ok /	{ show = 1; print; next }
		show && /^FAIL: /	{ next }
		show && /^#/	{ if (++lines < 1000) print; next }
				{ show = 0 }' "$1"
	grep -q '^not ok ' "$1" || tail -n 150 "$1"
	grep -E '^(ERROR:|XPASS:|.*: error: |.*\*\*\* )' "$1" | head -n 40
	echo "------"
}

run_stage() {
	local name=$1 log=$logs/$1.log begin=$SECONDS status word=ok

	shift
	timeout -k 15 "$stage_limit" bash "$srcdir/bootstrap" check-stage "$@" >"$log" 2>&1
	status=$?
	[ "$status" = 124 ] && echo "the stage took longer than $stage_limit s" >>"$log"
	count "$log" "$status"
	[ "$n_failed" = 0 ] || word=FAILED
	printf '%-6s %-24s %5d passed %3d failed %3d skipped %5d s\n' "$word" "$name" \
		"$n_passed" "$n_failed" "$n_skipped" $((SECONDS - begin))
	show_skips "$log"
	passed=$((passed + n_passed))
	failed=$((failed + n_failed))
	skipped=$((skipped + n_skipped))
	if [ "$n_failed" != 0 ]; then
		failed_stages+=("$name")
		show_failure "$log"
	fi
}

# check [STAGE...]
check() {
	local stage name command

	if [ "${1:-}" = list ]; then
		printf '%s\n' "${stages[@]}" | awk '{ print $1 }'
		return
	fi
	mkdir -p "$logs" || die "cannot write to $logs"
	trap remove_user EXIT
	trap 'exit 130' INT TERM HUP
	make_user
	export CHECK_USER=$check_user CHECK_DIR=$user_dir
	for stage in "${stages[@]}"; do
		read -r name command <<<"$stage"
		[ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
		# shellcheck disable=SC2086	# words on purpose
		run_stage "$name" $command
	done
	echo
	[ ${#failed_stages[@]} = 0 ] || echo "failed: ${failed_stages[*]}"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
}
