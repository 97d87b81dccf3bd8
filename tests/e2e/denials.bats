# SPDX-License-Identifier: LGPL-2.1-or-later
# --explain-denials: what was refused, by which line, and what would allow it.
# And what tracing must not change: signals, exit status, job control, threads.
load harness

setup() {
	harness_setup
	need_userns
	cat >spec.yaml <<-'END'
		root: empty
		mounts:
		  - {ro: /usr}
		  - {symlink: usr/bin, at: /bin}
		  - {symlink: usr/lib64, at: /lib64}
		  - {symlink: usr/lib, at: /lib}
		  - {tmpfs: /tmp, noexec: true}
		  - {proc: /proc}
		  - {dev: /dev}
	END
}

# denials ARGUMENT...: run with --explain-denials; the messages are in `denials`.
denials() {
	"$RINGFENCE" run --explain-denials --verdict verdict "$@" 2>denials
}

# unsaid TEXT: no line of ringfence's has it
unsaid() {
	! grep '^ringfence:' denials | grep -F -- "$1"
}

# said TEXT...: one line has all of them
said() {
	local line text

	while IFS= read -r line; do
		for text; do
			[[ "$line" == *"$text"* ]] || continue 2
		done
		return 0
	done <denials
	echo "wanted in one line: $*"
	cat denials
	return 1
}

@test "a file that the host has and the sandbox does not" {
	denials --spec spec.yaml -- cat /etc/passwd || true
	said 'spec.yaml:1:7: openat /etc/passwd: ENOENT:' 'add - {ro: /etc/passwd}'
	sed -i 's|^  - {proc: /proc}|&\n  - {ro: /etc/passwd}|' spec.yaml
	denials --spec spec.yaml -- cat /etc/passwd
	unsaid /etc/passwd
}

@test "a file that the host does not have is no denial" {
	denials --spec spec.yaml -- cat /etc/no-such-file-anywhere || true
	unsaid no-such-file
}

@test "a directory that is read-only, and where it is already writable" {
	mkdir data
	echo "  - {ro: $DIR/data, at: /data}" >>spec.yaml
	denials --spec spec.yaml -- sh -c 'echo x >/data/new; echo x >/tmp/new' || true
	said 'spec.yaml:10:' ' /data/new: EROFS: ' "add - {rw: $DIR/data, at: /data}"
	unsaid /tmp/new
	sed -i "\$s/ro:/rw:/" spec.yaml
	denials --spec spec.yaml -- sh -c 'echo x >/data/new'
	[ "$(cat data/new)" = x ]
}

@test "what deny covers" {
	mkdir data
	echo secret >data/key
	denials --rw data:/tmp/data --deny /tmp/data/key -- cat /tmp/data/key || true
	if is_root; then
		# root may read what has no mode: the cover is empty
		return 0
	fi
	said ' /tmp/data/key: EACCES: ' 'it is denied' 'take that entry out'
}

@test "a program on a noexec mount" {
	denials --spec spec.yaml -- sh -c 'cp /bin/true /tmp/x; /tmp/x' || true
	said 'spec.yaml:7:' 'execve /tmp/x: EACCES: ' 'noexec'
}

@test "the loader or interpreter that is missing, and not the program" {
	mkdir bin
	printf '#!%s/interpreter\n' "$DIR" >bin/script
	cp /bin/sh interpreter
	chmod 0755 bin/script interpreter
	echo "  - {ro: $DIR/bin}" >>spec.yaml
	denials --spec spec.yaml -- sh -c "$DIR/bin/script" || true
	said " $DIR/interpreter: ENOENT: " "add - {ro: $DIR/interpreter}"
}

@test "a directory of ours in another mount" {
	mkdir -p data/a data/b
	touch data/a/file
	printf '  - {rw: %s, at: %s}\n' "$DIR/data/a" /a "$DIR/data/b" /b >>spec.yaml
	denials --spec spec.yaml -- python3 -c 'import os; os.rename("/a/file", "/b/file")' || true
	said 'spec.yaml:11:' ' /b/file: EXDEV: ' 'one `rw` entry'
}

@test "a port in a network of its own" {
	denials -- python3 -c 'import socket; socket.create_connection(("192.0.2.1", 80), 3)' || true
	said 'connect port 80: ENETUNREACH: ' 'set network: host'
}

@test "a capability" {
	denials --seccomp off -- python3 -c 'import socket; socket.sethostname("x")' || true
	said 'sethostname' 'EPERM: ' 'sys_admin to capabilities'
}

@test "io_uring and ptrace are refused and said to be" {
	denials --seccomp off -- python3 - <<-'END'
		import ctypes
		libc = ctypes.CDLL(None, use_errno=True)
		assert libc.syscall(425, 4, 0) == -1
		assert ctypes.get_errno() == 38, ctypes.get_errno()
		assert libc.ptrace(0, 0, 0, 0) == -1
	END
	said 'io_uring: ENOSYS: '
	said 'ptrace: EPERM: ' 'one tracer'
}

@test "a call that the policy refuses, with its rule" {
	printf '%s\n' 'default allow' 'deny mkdir mkdirat errno EPERM' >policy
	denials --seccomp ./policy --rw . -- mkdir "$DIR/made" || true
	said 'seccomp' 'policy:2: mkdir: EPERM: ' 'deny mkdir mkdirat' 'add "allow mkdir"'
	[ ! -d made ]
}

@test "a call that kills, in a preset" {
	printf '%s\n' 'default allow' 'kill uname' >policy
	denials --seccomp ./policy -- uname || true
	said 'policy:2: uname: killed: '
}

@test "a path that Landlock refuses" {
	mkdir data
	echo 'landlock: {read: [/usr, /lib, /lib64, /proc], write: [/dev]}' >>spec.yaml
	sed -i "/^  - {ro: .usr}/a\\  - {rw: $DIR/data, at: /data}" spec.yaml
	denials --spec spec.yaml -- ls /data ||
		if grep -q 'kernel' denials; then skip "landlock: this kernel has none"; fi
	said ' /data: EACCES: ' 'add /data to landlock: read'
}

@test "each denial once, and as JSON in the verdict" {
	denials --spec spec.yaml -- sh -c 'for i in 1 2 3; do cat /etc/passwd; test -e /etc/passwd; done' || true
	[ "$(grep -c '^ringfence:.* /etc/passwd' denials)" = 1 ]
	grep -qF '"denials":[{"kind":"' verdict
	grep -qF '"subject":"/etc/passwd","errno":"ENOENT","place":"spec.yaml:1:7"' verdict
	"$RINGFENCE" run --verdict verdict -- true
	grep -qF '"denials":null' verdict
}

@test "nothing refused" {
	denials -- sh -c :
	unsaid 'to allow it'
	grep -qF '"denials":[]' verdict
}

@test "exit status and signals are the command's" {
	run -7 "$RINGFENCE" run --explain-denials -- sh -c 'exit 7'
	run -143 "$RINGFENCE" run --explain-denials -- sh -c 'kill -TERM $$'
	run -127 "$RINGFENCE" run --explain-denials -- no-such-command
	mkfifo ready
	"$RINGFENCE" run --explain-denials --rw . -- sh -c 'trap "exit 9" TERM; echo >ready; while :; do sleep 0.05; done' &
	read -r _ <ready
	kill -TERM $!
	status=0
	wait $! || status=$?
	[ "$status" = 9 ]
}

@test "a stopped command goes on, and its parent hears of it" {
	denials -- python3 - <<-'END'
		import os, signal
		pid = os.fork()
		if pid == 0:
		    os.kill(os.getpid(), signal.SIGSTOP)
		    os._exit(5)
		_, status = os.waitpid(pid, os.WUNTRACED)
		assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGSTOP
		os.kill(pid, signal.SIGCONT)
		_, status = os.waitpid(pid, os.WCONTINUED)
		if os.WIFCONTINUED(status):
		    _, status = os.waitpid(pid, 0)
		assert os.WEXITSTATUS(status) == 5
	END
}

@test "threads, and exec from a thread that is not the first" {
	denials -- python3 - <<-'END'
		import os, threading
		threads = [threading.Thread(target=os.getppid) for _ in range(20)]
		[t.start() for t in threads]
		[t.join() for t in threads]
		threading.Thread(target=os.execv, args=("/bin/sh", ["sh", "-c", "exit 0"])).start()
		threading.Event().wait()
	END
}

@test "children of vfork, and orphans" {
	denials -- python3 -c '
import subprocess
for i in range(10): subprocess.run(["true"], check=True)
subprocess.run(["sh", "-c", "(sleep 0.1; true) & exit 0"], check=True)'
}

@test "the command as process 1, without namespaces, with ids of others" {
	denials --no-init -- sh -c '[ $$ = 1 ]'
	denials --root host --namespaces user,mount -- sh -c 'exit 0'
	if is_root; then
		denials --uid 1234 -- sh -c '[ $(id -u) = 1234 ]'
	fi
}

@test "on the plain engine" {
	denials --engine plain --spec spec.yaml -- cat /etc/passwd || true
	said ' /etc/passwd: ENOENT:'
}

@test "a_killed_tracer_ends_the_command" {
	mkfifo ready
	"$RINGFENCE" run --explain-denials --rw . -- sh -c 'echo >ready; exec sleep 60' 2>err &
	read -r _ <ready
	# of ringfence's children the one that is ringfence
	tracer=
	for pid in $(cat "/proc/$!/task/$!/children"); do
		[ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$RINGFENCE")" ] && tracer=$pid
	done
	[ -n "$tracer" ]
	kill -KILL "$tracer"
	status=0
	wait $! || status=$?
	[ "$status" = 125 ]
	grep -q 'tracer was lost' err
}

@test "an ordinary user" {
	cp "$RINGFENCE" ringfence
	chmod 0755 ringfence
	run -1 as_user ./ringfence run --explain-denials -- cat /no/such /etc/hostname/x /run/utmp
	assert_output_has 'not seen: '
}
