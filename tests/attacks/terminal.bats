# SPDX-License-Identifier: LGPL-2.1-or-later
# The caller's terminal: what is put into its input is typed into the caller's
# shell when the command has ended (CVE-2017-5226 TIOCSTI, CVE-2023-28100
# TIOCLINUX, CVE-2019-10063 and CVE-2019-7303 with high bits set, which a filter
# of 64 bits lets through); a terminal that is taken over; a console that is a link
# (CVE-2025-52565).
load harness

setup() {
	attack_setup
}

# here MODE ARGUMENT...: the default sandbox with that terminal, without the filter.
here() {
	local mode=$1

	shift
	victim -- "$RINGFENCE" run --seccomp off --ro "$INTRUDER:/tmp/intruder" --terminal "$mode" "$@"
}

@test "nothing is typed into the caller's terminal" {
	local options

	for options in "" "--map root --capabilities all" "--no-init" "--engine plain"; do
		# shellcheck disable=SC2086 # words
		here private $options -- /tmp/intruder push
		# shellcheck disable=SC2086
		here auto $options -- /tmp/intruder push
		# shellcheck disable=SC2086
		here none $options -- /tmp/intruder push
		assert_output_has status=1
	done
}

@test "... nor in a pipeline, nor by one of three descriptors" {
	victim -- bash -c '"$RINGFENCE" run --seccomp off --ro "$INTRUDER:/tmp/intruder" -- /tmp/intruder push | cat; exit ${PIPESTATUS[0]}'
	assert_output_has status=1
	victim -- bash -c 'true | "$RINGFENCE" run --seccomp off --ro "$INTRUDER:/tmp/intruder" -- /tmp/intruder push | cat; exit ${PIPESTATUS[1]}'
	assert_output_has status=1
	victim -- bash -c '"$RINGFENCE" run --seccomp off --ro "$INTRUDER:/tmp/intruder" -- /tmp/intruder push </dev/null >/dev/null 2>&1'
	assert_output_has status=1
}

@test "... nor by its path, where the host's /dev is shown" {
	# shellcheck disable=SC2016 # the inner shell's
	victim -- bash -c '"$RINGFENCE" run --seccomp off --ro "$INTRUDER:/tmp/intruder" --terminal private --mount "{rw: /dev/pts, at: /tmp/pts}" \
		-- sh -c "/tmp/intruder push /tmp/pts/${1##*/}; /tmp/intruder steal /tmp/pts/${1##*/}" - "$(tty)"' -
	assert_output_has status=1
}

@test "... nor into one that is inherited, with the default filter" {
	local options

	for options in "" "--map root --capabilities all" "--no-init"; do
		# shellcheck disable=SC2086 # words
		victim -- "$RINGFENCE" run --ro "$INTRUDER:/tmp/intruder" --terminal inherit $options -- /tmp/intruder push
		assert_output_has status=1
	done
}

@test "... and the push would be seen" {
	# with the power of the host's root, or where the kernel still lets everybody
	[ "$(cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null || echo 1)" = 1 ] || need_root
	run -99 "$PTY" expect:prompt unread: -- sh -c '"$INTRUDER" push; echo prompt; exec sleep 60'
	assert_output_has "was typed, and not by us"
}

@test "the caller's terminal is not taken over" {
	local mode

	for mode in none private; do
		here $mode --map root --capabilities all -- sh -c '/tmp/intruder steal /dev/tty; exec test $? = 1'
		[ "$mode" = private ] || assert_output_has status=0
	done
}

@test "the mode and the size of the caller's terminal stay as they are" {
	here private -- sh -c 'stty -echo -icanon intr ^A; stty rows 5 cols 5'
	assert_output_has status=0
}

@test "what stays in the background has no terminal any more" {
	printf 'namespaces: [user, mount]\nroot: host\nterminal: private\nmounts: [{dev: /dev}, {rw: %s, at: /mnt}]\n' "$DIR" >spec.yaml
	# shellcheck disable=SC2016 # the inner shells'
	victim -- bash -c '"$RINGFENCE" run --spec spec.yaml -- sh -c "
			(trap \"\" HUP TERM; echo >/mnt/up; while kill -0 \$PPID; do :; done; \$INTRUDER push; echo \$? >/mnt/over) 2>/dev/null &
			until [ -e /mnt/up ]; do :; done"
		until [ -s over ]; do :; done; exit "$(cat over)"'
	assert_output_has status=1
}

@test "a console or ptmx of the root that is a link is not followed" {
	bare_root root
	ln -s "$CANARY" root/dev/console
	ln -s "$CANARY" root/dev/ptmx
	ln -s "$DIR/outside" root/dev/pts
	victim -- "$RINGFENCE" run --root "$DIR/root" --ro /usr --terminal private -- sh -c 'echo dead; test -t 1'
	assert_output_has status=0
	victim -- "$RINGFENCE" run --root "$DIR/root" --ro /usr --dev /dev --proc /proc --terminal private -- \
		sh -c 'test "$(tty)" = /dev/pts/0'
	assert_output_has status=0
	rm root/dev/pts
	rmdir root/dev 2>/dev/null || rm -r root/dev
	ln -s "$DIR/outside" root/dev
	victim -- "$RINGFENCE" run --root "$DIR/root" --ro /usr --terminal private -- sh -c 'test -t 1'
	assert_output_has status=0
}

@test "of the caller's terminal no descriptor is inside" {
	victim -- bash -c '"$RINGFENCE" run --seccomp off --map root --capabilities all --terminal private -- sh -c "stat -L -c %t:%T.%d /proc/[0-9]*/fd/* 2>/dev/null | grep -Fx \"\$1\" && exit 0; exit 1" - "$(stat -L -c %t:%T.%d /dev/stdin)"'
	assert_output_has status=1
}
