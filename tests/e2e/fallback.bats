# SPDX-License-Identifier: LGPL-2.1-or-later
# `fallback: landlock`: where namespaces cannot be had, and only there, and only
# if the spec allows it; what it keeps, and that it says so.
load harness

setup() {
	harness_setup
	need_userns
	skip_unless landlock "this kernel has no Landlock" has_landlock
	# the tests' own directory is below /tmp, which the preset hides
	cat >lab.yaml <<-SPEC
		root: host
		mounts: [{proc: /proc}, {dev: /dev}, {rw: $DIR}, {ro: $DIR/sources}, {deny: $DIR/secret},
		  {deny: $DIR/sources/key}]
		fallback: landlock
	SPEC
	mkdir sources open
	echo precious >secret
	echo precious >sources/key
	echo text >sources/file
}

has_landlock() {
	"$RINGFENCE" run --landlock-read / -- true
}

# bare COMMAND...: where no new user namespace can be had
bare() {
	unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh "$@"
}

@test "namespaces that cannot be had: refused, unless the spec allows less" {
	sed -i /fallback/d lab.yaml
	run -125 bare "$RINGFENCE" run --spec lab.yaml -- touch open/ran
	assert_output_has "No space left on device"
	[ ! -e open/ran ]
	run -0 bare "$RINGFENCE" run --spec lab.yaml --fallback landlock -- touch open/ran
	[ -e open/ran ]
	run -125 bare "$RINGFENCE" run --spec lab.yaml --fallback none -- touch open/ran
}

@test "it is said once on standard error, in the trace and in the verdict" {
	for engine in plain auto; do
		bare "$RINGFENCE" run --spec lab.yaml --engine "$engine" --trace --trace-file trace \
			--verdict verdict -- true 2>errors
		[ "$(grep -c 'namespaces cannot be had' errors)" = 1 ]
		[ "$(wc -l <errors)" = 1 ]
		[ "$(grep -c '^fallback landlock: .*: No space left on device' trace)" = 1 ]
		grep -qF '"fallback":{"to":"landlock","why":"' verdict
		grep -qF '"layer":"pid","in_force":false' verdict
		grep -qF '"layer":"landlock","in_force":true' verdict
		grep -qF '"layer":"seccomp","in_force":true' verdict
	done
	bare "$RINGFENCE" run --spec lab.yaml --trace=json --trace-file trace -- true
	grep -qE '^\{"fallback":"landlock","why":".*"\}$' trace
}

@test "it is not taken where namespaces can be had" {
	run -0 "$RINGFENCE" run --spec lab.yaml --verdict verdict -- true
	[ -z "$output" ]
	grep -qF '"fallback":null' verdict
	grep -qF '"layer":"pid","in_force":true' verdict
}

@test "the receipt agrees with what the command sees of itself" {
	local confess=$RF_BUILDDIR/tests/helpers/confess

	[ -x "$confess" ] || skip "no tests/helpers/confess"
	bare sh -c '
		for n in user mnt pid net ipc uts cgroup time; do readlink "/proc/self/ns/$n"; done >open/host
		grep -E "^(NoNewPrivs|Seccomp_filters):" /proc/self/status | tr -d "\t" >>open/host
		awk "\$5 == \"/\" { id = \$1 } END { print \"root:\" id }" /proc/self/mountinfo >>open/host
		exec "$RINGFENCE" run --spec lab.yaml --verdict open/verdict --exec-fd 9 -- confess \
			9<"$1" >open/confession 2>/dev/null' sh "$confess"
	python3 "$SRCDIR/tests/helpers/agree.py" --lies open/verdict open/confession open/host
}

@test "never below what is required" {
	run -125 bare "$RINGFENCE" run --spec lab.yaml --require pid -- touch open/ran
	assert_output_has "no fallback: 'pid' is required and would not be in force: namespaces cannot be had here"
	[ ! -e open/ran ]
	run -0 bare "$RINGFENCE" run --spec lab.yaml \
		--require seccomp,no_new_privileges,capabilities -- touch open/ran
	[ -e open/ran ]
}

@test "what mounts show can be read, what they let write written, and no more" {
	run -0 bare "$RINGFENCE" run --spec lab.yaml -- sh -c "
		cat $DIR/sources/file && echo made >$DIR/open/made && cat /proc/self/comm &&
		echo >/dev/null"
	[ "$(cat open/made)" = made ]
	for attack in "echo x >>$DIR/sources/file" "rm $DIR/sources/file" "mv $DIR/sources $DIR/open/" \
		"cat $DIR/secret" "cat $DIR/sources/key" "mv $DIR/secret $DIR/open/" \
		"ln $DIR/secret $DIR/open/link" "truncate -s 0 $DIR/sources/file" "touch /usr/ringfence" \
		"echo x >$DIR/secret" "touch $DIR/beside"; do
		run bare "$RINGFENCE" run --spec lab.yaml -- sh -c "$attack"
		[ "$status" != 0 ] || {
			echo "not refused: $attack"
			return 1
		}
	done
	[ "$(cat secret sources/key sources/file)" = "precious
precious
text" ]
	[ ! -e beside ]
}

@test "a link into what is hidden does not lead there" {
	ln -s secret way
	mkdir open/deep
	ln -s ../secret open/way
	for path in way open/way; do
		run bare "$RINGFENCE" run --spec lab.yaml -- cat "$DIR/$path"
		[ "$status" != 0 ]
		refute_output_has precious
	done
}

@test "what takes the place of a file before the launch gets no rule" {
	local to

	mkdir swapped
	sed -i 's,^\(  {deny: .*\)\],\1\, {ro: DIR/swapped}\, {deny: DIR/swapped/key}],' lab.yaml
	sed -i "s,DIR,$DIR,g" lab.yaml
	for to in link directory; do
		rm -rf swapped/* slow
		echo text >swapped/stays
		echo text >swapped/goes
		echo precious >swapped/key
		mkfifo slow
		# its launch, whose rules are made already, waits for the other side
		bare "$RINGFENCE" run --spec lab.yaml --fd 5:open="$DIR/slow" -- \
			sh -c 'cat swapped/stays; cat swapped/goes swapped/goes/key' >out 2>&1 3>&- &
		pid=$!
		sleep 0.5	# too short, and the test says less, but nothing wrong
		rm swapped/goes
		case $to in
		link)	ln -s key swapped/goes ;;
		directory) mkdir swapped/goes; ln swapped/key swapped/goes/key ;;
		esac
		echo go >slow
		wait $pid || true
		cat out
		grep -qx text out
		! grep -q precious out
	done
}

@test "private file systems of the preset are out of reach, not the host's" {
	run ! bare "$RINGFENCE" run --fallback landlock -- ls /tmp
	run ! bare "$RINGFENCE" run --fallback landlock -- sh -c "cat $DIR/sources/file"
	run ! bare "$RINGFENCE" run --fallback landlock -- touch /tmp/made
	[ ! -e /tmp/made ]
}

@test "no network is no socket; pairs stay" {
	command -v python3 >/dev/null || skip "no python3"
	run -0 bare "$RINGFENCE" run --spec lab.yaml -- python3 -c '
import ctypes, socket
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(family, kind)
            print("a socket", family, kind)
        except OSError:
            pass
try:
    socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    print("a datagram pair")
except OSError:
    pass
one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
one.send(b"x")
libc = ctypes.CDLL(None, use_errno=True)
if libc.syscall(425, 8, ctypes.create_string_buffer(256)) >= 0:
    print("io_uring")'
	refute_output_has "a socket"
	refute_output_has "a datagram pair"
	refute_output_has "io_uring"
}

@test "processes outside get no signal" {
	sleep 60 3>&- &
	local pid=$!
	run ! bare "$RINGFENCE" run --spec lab.yaml -- sh -c "kill -KILL $pid"
	kill -0 $pid
	kill $pid
	run ! bare "$RINGFENCE" run --spec lab.yaml -- cat /proc/$PPID/environ
}

@test "what no rule stands for has no fallback" {
	mkdir root
	for spec in "root: $DIR/root" "user: {map: root}" "no_new_privileges: false" \
		"namespaces: {net: /proc/self/ns/net}"; do
		printf '%s\n' "$spec" 'fallback: landlock' 'command: [/bin/true]' >other.yaml
		run -125 bare "$RINGFENCE" run --spec other.yaml
		[[ "$spec" == *net* ]] || assert_output_has "no fallback: "
	done
}

@test "the spec's own rules of Landlock still count" {
	echo 'landlock: {read: [/usr, /lib, /lib64, /bin, /etc], write: ['"$DIR"'/open]}' >>lab.yaml
	run -0 bare "$RINGFENCE" run --spec lab.yaml -- touch open/ran
	[ -e open/ran ]
	run ! bare "$RINGFENCE" run --spec lab.yaml -- cat sources/file
	run ! bare "$RINGFENCE" run --spec lab.yaml -- cat /proc/self/status
}

@test "a caller without power over namespaces" {
	need_root
	run -0 as_user "$RINGFENCE" run --namespaces mount,pid --fallback landlock --cwd / -- echo ran
	assert_output_has "this caller has no power over them"
	assert_output_has ran
}

@test "no Landlock either: nothing runs" {
	local deny=$RF_BUILDDIR/tests/helpers/deny

	[ -x "$deny" ] || skip "no tests/helpers/deny"
	run -125 bare "$deny" landlock_create_ruleset "$RINGFENCE" run --spec lab.yaml -- touch open/ran
	assert_output_has "no fallback: there is no Landlock here"
	run -125 bare "$deny" -e EPERM landlock_restrict_self "$RINGFENCE" run --spec lab.yaml -- touch open/ran
	[ ! -e open/ran ]
}

@test "explain --as-fallback prints what it would do" {
	run -0 "$RINGFENCE" explain --spec lab.yaml --as-fallback -- true
	assert_output_has "landlock fs=all"
	assert_output_has "no sockets"
	refute_output_has pivot_root
	run -2 "$RINGFENCE" explain --as-fallback -- true
	assert_output_has "the spec allows none"
}
