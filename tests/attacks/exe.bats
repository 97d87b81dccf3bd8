# SPDX-License-Identifier: LGPL-2.1-or-later
# The launcher's own program: a payload that reaches it through /proc/PID/exe
# can overwrite it, and with it what root runs next (CVE-2019-5736).
load harness

# The launcher as the payload would find it: a copy that may be written.
setup() {
	attack_setup
	cp "$RINGFENCE" "$DIR/outside/canary"
	chmod 0777 "$DIR/outside" "$DIR/outside/canary"
	RINGFENCE=$DIR/outside/canary
	SUM=$(cksum <"$CANARY")
}

canary_lives() {
	[ "$(ls -A "$DIR/outside")" = canary ]
	[ "$(cksum <"$CANARY")" = "$SUM" ]
}

@test "no task inside has the launcher as its program" {
	for options in "" "--no-init"; do
		# shellcheck disable=SC2086 # words
		refused boxed --map root --capabilities all $options -- sh -c '
			for exe in /proc/[0-9]*/exe; do
				case $(readlink $exe) in *canary*|*ringfence) exit 0;; esac
			done
			exit 1'
	done
}

@test "pid 1 is a sealed image that cannot be written" {
	refused boxed --map root --capabilities all -- /tmp/intruder open-write /proc/1/exe
}

# is_launcher COMMAND...: does it say what the launcher says?
is_launcher() {
	run "$@" help
	echo "$output"
	[[ "$output" == *"Start a command inside a sandbox"* ]]
}

@test "an entry point that is /proc/self/exe cannot write what it became" {
	mkfifo gate
	printf '#!/proc/self/exe\n' >script
	chmod 0755 script
	for command in /proc/self/exe /tmp/script; do
		is_launcher boxed --ro "$DIR/script:/tmp/script" -- $command || continue
		# then the kernel refuses it for as long as the sandbox lives
		boxed -- sh -c 'echo up; exec cat' <gate >up 3>&- &
		exec 9>gate
		until [ -s up ]; do :; done
		refused "$INTRUDER" open-write "$CANARY"
		exec 9>&-
		wait $!
	done
}

@test "... nor outlive the launcher that it became" {
	is_launcher "$RINGFENCE"
	! is_launcher "$RINGFENCE" run --root host --namespaces user,mount -- /proc/self/exe
}
