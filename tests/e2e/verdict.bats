# SPDX-License-Identifier: LGPL-2.1-or-later
# The verdict says how it ended, in every case; the trace says what was done.
load harness

setup() {
	harness_setup
	need_userns
}

# has TEXT...: the verdict has each, in one line
has() {
	verdict_has "$@" || return 1
	[ "$(wc -l <verdict)" = 1 ]
}

@test "exited, with times and peak memory" {
	run -7 "$RINGFENCE" run --verdict verdict -- sh -c 'exit 7'
	has '"version":1' '"outcome":"exited"' '"exit_status":7' '"signal":null' '"error":null'
	grep -qE '"setup_us":[1-9][0-9]*,"wall_us":[1-9][0-9]*,"user_us":[0-9]+,"system_us":[0-9]+' verdict
	grep -qE '"peak_memory(_at_most)?_kib":[1-9][0-9]*' verdict
}

@test "signaled" {
	"$RINGFENCE" run --verdict verdict -- sh -c 'kill -USR1 $$' || true
	has '"outcome":"signaled"' '"exit_status":null' '"signal":10'
}

@test "timeout" {
	run -124 "$RINGFENCE" run --limit-wall 100ms --verdict verdict -- sleep 60
	has '"outcome":"timeout"' '"exit_status":124'
}

@test "failed: the op, its error and its place" {
	printf 'extends: [default]\nmounts:\n  - {ro: /no/such/source}\n' >lab.yaml
	run -125 "$RINGFENCE" run --verdict verdict --spec lab.yaml -- true
	has '"outcome":"failed"' '"exit_status":125' '"file":"lab.yaml","line":3' '"op":"open_tree' \
		'"errno":"ENOENT"' '"wall_us":null'
}

@test "failed: not found, not executable" {
	run -127 "$RINGFENCE" run --verdict verdict -- no-such-command
	has '"outcome":"failed"' '"exit_status":127' '"errno":"ENOENT"'
	run -126 "$RINGFENCE" run --verdict verdict -- /etc/passwd
	has '"outcome":"failed"' '"exit_status":126' '"errno":"EACCES"'
}

@test "refused: spec and usage, once --verdict is known" {
	printf 'hostnam: lab\n' >lab.yaml
	run -2 "$RINGFENCE" run --verdict verdict --spec lab.yaml -- true
	has '"outcome":"refused"' '"exit_status":2' '"file":"lab.yaml","line":1,"col":1'
	run -2 "$RINGFENCE" run --verdict verdict --no-such-option
	has '"outcome":"refused"' "no option '--no-such-option'"
	run -2 "$RINGFENCE" run --verdict verdict
	has '"outcome":"refused"'
}

@test "peak memory is the payload's, not the launcher's" {
	command -v perl >/dev/null || skip "no perl"
	# a parent with 300 MiB: its memory must not be counted
	run -0 perl -e '$x = "x" x (300 << 20); system($ENV{RINGFENCE}, "run", "--verdict", "verdict", "--", "true") == 0 or die'
	local peak=$(grep -oE '"peak_memory(_at_most)?_kib":[0-9]+' verdict | cut -d : -f 2)
	[ "$peak" -lt 50000 ]
	# and the payload's own is
	run -0 "$RINGFENCE" run --verdict verdict -- perl -e '$x = "x" x (100 << 20)'
	peak=$(grep -oE '"peak_memory_kib":[0-9]+' verdict | cut -d : -f 2)
	[ "$peak" -gt 100000 ]
	[ "$peak" -lt 300000 ]
}

@test "optional mounts that were left out are listed" {
	run -0 "$RINGFENCE" run --verdict verdict --mount '{ro: /no/such, at: /mnt, optional: true}' -- true
	has '"skipped_mounts":[' '"source":"/no/such"'
}

@test "the engine and why" {
	run -0 "$RINGFENCE" run --engine plain --verdict verdict -- true
	has '"engine":{"name":"plain","why":"asked for"}'
}

@test "to a descriptor, which the command does not get" {
	# no pipe: its end may be the shell's number 3 for a moment
	run -0 bash -c '"$RINGFENCE" run --verdict "&3" -- sh -c "ls /proc/\$\$/fd; :" 3>verdict'
	has '"outcome":"exited"'
	[[ "$output" != *3* ]]
	run -0 bash -c '"$RINGFENCE" run --verdict >(cat >verdict; echo >written) -- true; until [ -e written ]; do :; done'
	has '"outcome":"exited"'
}

@test "a descriptor that is not open, or not for writing, is refused before anything runs" {
	run -2 bash -c '"$RINGFENCE" run --verdict "&9" --rw . -- touch ran 9>&-'
	run -2 bash -c '"$RINGFENCE" run --verdict "&9" --rw . -- touch ran 9</dev/null'
	run -2 "$RINGFENCE" run --verdict "&x" --rw . -- touch ran
	[ ! -e ran ]
}

@test "a symbolic link is not followed" {
	echo precious >precious
	ln -s precious verdict
	run -2 "$RINGFENCE" run --verdict verdict -- true
	assert_output_has "symbolic link"
	[ "$(cat precious)" = precious ]
}

@test "a full device is an error" {
	[ -e /dev/full ] || skip "no /dev/full"
	run -125 "$RINGFENCE" run --verdict /dev/full -- true
	assert_output_has "--verdict: No space left on device"
}

@test "bytes that are no UTF-8 do not spoil it" {
	run -127 "$RINGFENCE" run --verdict verdict -- $'/no/such\xff\xfe'
	has '"outcome":"failed"'
	iconv -f UTF-8 -t UTF-8 verdict >/dev/null
}

@test "--trace prints every op with result and time, --trace=json the same as JSON" {
	"$RINGFENCE" run --trace --trace-file text -- true
	"$RINGFENCE" run --trace=json --trace-file json -- true
	grep -qE '^ *0 .* clone as=context' text
	grep -qE ' us  ok .*mount_setattr' text
	[ "$(grep -c '"index":' json)" = "$(grep -cE '^ *[0-9]+ ' text)" ]
	grep -qE '"op":"mount_setattr".*"result":0,"errno":null,"us":[0-9]' json
	head -n 1 json | grep -qE '^\{"engine":"(ring|plain)","why":"'
}

@test "a trace of a failure shows which op it was, and that the rest did not run" {
	run -125 "$RINGFENCE" run --trace --ro /no/such -- true
	[ "$(grep -c ' ENOENT .*open_tree' <<<"$output")" = 1 ]
	[[ "${lines[-3]}" == *ECANCELED*exec* ]]
}
