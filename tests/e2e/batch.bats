# SPDX-License-Identifier: LGPL-2.1-or-later
# Many jobs: what each came to, how many at once, and that nothing of them stays.
load harness
load limits
load batch

setup() {
	harness_setup
	need_userns
}

teardown() {
	remove_parent
}

@test "a verdict for each job, with its number, name and place" {
	printf '%s\n' '["true"]' '' '# a comment' '{"extends": ["default"], "name": "two", "command": ["uname", "-n"], "hostname": "lab"}' >jobs
	run -0 --separate-stderr bash -c '"$RINGFENCE" batch jobs >verdicts'
	[ "$stderr" = lab ]
	[ "$(of_jobs job.index)" = '1 2' ]
	[ "$(of_jobs job.name)" = 'null "two"' ]
	[ "$(of_jobs job.place.line)" = '1 4' ]
	[ "$(of_jobs outcome)" = '"exited" "exited"' ]
	python3 -c 'import json
for line in open("verdicts"): assert json.loads(line)["receipt"], line'
}

@test "documents of YAML, from a file and from standard input" {
	cat >jobs <<-'JOBS'
		# lists are commands
		- echo
		- one
		---
		extends: [default]
		command: [sh, -c, 'echo two; exit 0']
		--- [echo, three]
		---
		# none
		---
	JOBS
	run -0 bash -c '"$RINGFENCE" batch -j 1 jobs 2>&1 >verdicts'
	[ "$output" = $'one\ntwo\nthree' ]
	[ "$(of_jobs job.place.line)" = '2 4 7' ]
	run -0 bash -c '"$RINGFENCE" batch -j 1 - <jobs 2>&1 >verdicts'
	[ "$output" = $'one\ntwo\nthree' ]
	[ "$(of_jobs job.place.file)" = '"standard input" "standard input" "standard input"' ]
}

@test "standard input that somebody has begun to read begins there" {
	printf '%s\n' 'a line' '["echo", "one"]' '["echo", "two"]' >jobs
	run -0 bash -c '{ read -r line; "$RINGFENCE" batch -j 1 - 2>&1 >verdicts; } <jobs'
	[ "$output" = $'one\ntwo' ]
}

@test "no jobs are no failure" {
	echo '# none' >jobs
	run -0 "$RINGFENCE" batch jobs
	[ -z "$output" ]
	run -0 bash -c '"$RINGFENCE" batch - </dev/null'
}

@test "options and --spec describe the sandbox of every job" {
	printf '%s\n' '["sh", "-c", "uname -n; echo $X"]' '["uname", "-n"]' >jobs
	printf 'extends: [default]\nhostname: lab\n' >lab.yaml
	run -0 bash -c '"$RINGFENCE" batch -j 1 --spec lab.yaml --env X=y jobs 2>&1 >/dev/null'
	[ "$output" = $'lab\ny\nlab' ]
	run -0 bash -c '"$RINGFENCE" batch -j 1 --hostname other --env X=z --spec - jobs <lab.yaml 2>&1 >/dev/null'
	[ "$output" = $'other\nz\nother' ]
	# on top of a job's own spec
	echo '{"extends": ["default"], "hostname": "own", "command": ["uname", "-n"]}' >jobs
	run -0 bash -c '"$RINGFENCE" batch --hostname top jobs 2>&1 >/dev/null'
	[ "$output" = top ]
}

@test "the first job that fails is the last that is started" {
	printf '["true"]\n["sh", "-c", "exit 3"]\n["true"]\n' >jobs
	run -1 bash -c '"$RINGFENCE" batch -j 1 jobs >verdicts'
	[ "$(of_jobs exit_status)" = '0 3' ]
	run -1 bash -c '"$RINGFENCE" batch -j 1 --keep-going jobs >verdicts'
	[ "$(of_jobs exit_status)" = '0 3 0' ]
	run -1 bash -c '"$RINGFENCE" batch -j 1 --keep-going - <jobs >verdicts'
	[ "$(of_jobs exit_status)" = '0 3 0' ]
}

@test "those that run when one fails are let finish" {
	mkfifo gate
	printf '%s\n' '["sh", "-c", "read x <gate; exit 0"]' '["sh", "-c", "echo failed; exit 1"]' '["true"]' >jobs
	"$RINGFENCE" batch -j 2 --rw . jobs >verdicts 2>out 3>&- &
	pid=$!
	until grep -q '"exit_status":1' verdicts; do :; done
	echo >gate
	ended 1
	[ "$(of_jobs job.index)" = '1 2' ]
	[ "$(of_jobs exit_status)" = '0 1' ]
}

@test "signal, limit, not found, a sandbox that cannot be: each is a failure with its own verdict" {
	cat >jobs <<-'JOBS'
		["sh", "-c", "kill -USR1 $$"]
		["no-such-command"]
		{"extends": ["default"], "command": ["sleep", "60"], "limits": {"wall": "100ms"}}
		{"extends": ["default"], "command": ["true"], "mounts": [{"ro": "/no/such"}]}
		["true"]
	JOBS
	run -1 bash -c '"$RINGFENCE" batch -k jobs 2>&1 >verdicts'
	[ "$(of_jobs outcome)" = '"signaled" "failed" "timeout" "failed" "exited"' ]
	[ "$(of_jobs exit_status)" = 'null 127 124 125 0' ]
	[ "$(of_jobs signal)" = '10 null null null null' ]
	assert_output_has "ringfence: job 3: the wall limit has passed"
	assert_output_has "jobs:4:"
}

@test "a file is checked before anything of it runs, all of it" {
	cat >jobs <<-'JOBS'
		command: [touch, ran]
		extends: [default]
		mounts: [{rw: .}]
		---
		extends: [default]
		command: [true]
		hostnam: lab
		---
		extends: [default]
		name: no-command
	JOBS
	run -2 "$RINGFENCE" batch -k jobs
	assert_output_has "jobs:7:1: unknown key 'hostnam'; did you mean 'hostname'?"
	assert_output_has "no command"
	[ ! -e ran ]
	printf '["touch", "ran"]\n["a", ["b"]]\n' >jobs
	run -2 "$RINGFENCE" batch -k --rw . jobs
	assert_output_has "jobs:2:7: a list where text belongs"
	[ ! -e ran ]
}

@test "a wrong job in a stream is refused when its turn comes" {
	printf '%s\n' '["true"]' '{"extends": ["default"], "comand": ["true"]}' '["true"]' >jobs
	run -1 bash -c 'cat jobs | "$RINGFENCE" batch -j 1 - 2>&1 >verdicts'
	[ "$output" = "ringfence: standard input:2:26: unknown key 'comand'; did you mean 'command'?" ]
	[ "$(of_jobs outcome)" = '"exited" "refused"' ]
	run -1 bash -c 'cat jobs | "$RINGFENCE" batch -k -j 1 - 2>/dev/null >verdicts'
	[ "$(of_jobs outcome)" = '"exited" "refused" "exited"' ]
	[ "$(of_jobs exit_status)" = '0 2 0' ]
}

@test "wrong usage is told before anything runs" {
	echo '["touch", "ran"]' >jobs
	for arguments in "" "jobs jobs" "-j 0 jobs" "-j x jobs" "-j 5000 jobs" "--no-such jobs" \
		"no-such-file" "." "--junit . jobs" "--verdict &9 jobs" "--hostname= jobs" \
		"--spec - -" "--spec no-such jobs" "--terminal private jobs" "--engine x jobs"; do
		# shellcheck disable=SC2086
		run -2 "$RINGFENCE" batch --rw . $arguments </dev/null
		[[ $output == ringfence:* ]]
	done
	[ ! -e ran ]
	printf '{"command": ["true"]}\n' >jobs
	printf 'extends: [default]\n' >lab.yaml
	run -2 "$RINGFENCE" batch --spec lab.yaml jobs
	assert_output_has "jobs:1:1: a job with a spec of its own, and --spec too"
}

@test "a job that is too large is told with its place, and ends the reading" {
	{
		echo '["true"]'
		printf '["'
		head -c 1200000 /dev/zero | tr '\0' x
		echo '"]'
	} >jobs
	run -2 "$RINGFENCE" batch jobs
	assert_output_has "jobs:2:1: more than 1048576 bytes in a job"
	run -125 bash -c 'cat jobs | "$RINGFENCE" batch - 2>&1 >verdicts'
	[ "$output" = "ringfence: standard input:2:1: more than 1048576 bytes in a job" ]
	[ "$(of_jobs exit_status)" = 0 ]
}

@test "the jobs' input is empty, and where their output goes" {
	printf '%s\n' '["sh", "-c", "cat; echo out; echo err >&2"]' >jobs
	run -0 bash -c 'echo mine | "$RINGFENCE" batch jobs 2>err >verdicts'
	[ "$(cat err)" = $'out\nerr' ]
	[ "$(wc -l <verdicts)" = 1 ]
	# with --verdict the batch's own
	run -0 bash -c '"$RINGFENCE" batch --verdict verdicts jobs 2>err >out'
	[ "$(cat out)" = out ]
	[ "$(cat err)" = err ]
	[ "$(wc -l <verdicts)" = 1 ]
	# what the spec says wins
	echo 'hello' >in.txt
	run -0 bash -c '"$RINGFENCE" batch --fd 0:open=in.txt jobs 2>err >verdicts'
	[ "$(cat err)" = $'hello\nout\nerr' ]
}

@test "a job gets no descriptor of the batch's own" {
	printf '%s\n' '["sh", "-c", "for n in 3 4 5 6 7 8 9 11 12 13 14 15 16 17 18 19 20; do [ ! -e /proc/$$/fd/$n ] || echo $n; done; echo looked"]' >jobs
	for n in 1 2 3 4 5; do cat jobs; done >more
	run -0 bash -c 'exec 3>&- 4>&-; "$RINGFENCE" batch -j 3 --junit x.xml more 2>&1 >verdicts'
	[ "$(sort -u <<<"$output")" = looked ]
	# none of them can be asked for
	run -0 python3 -c '
import os, subprocess
for n in range(3, 16):
	r = subprocess.run([os.environ["RINGFENCE"], "batch", "--junit", "x.xml", "--fd", f"{n}:inherit", "jobs"],
	                   capture_output=True)
	assert r.returncode == 2 and f"descriptor {n} is not open".encode() in r.stderr, (n, r)'
}

@test "jobs start with no signal blocked" {
	printf '%s\n' '["grep", "SigBlk", "/proc/self/status"]' >jobs
	run -0 bash -c '"$RINGFENCE" batch jobs 2>&1 >verdicts'
	[[ $output =~ SigBlk:.0+$ ]]
}

@test "as many at once as asked for, and no more" {
	mkfifo gate up
	for n in 1 2 3 4 5; do echo '["sh", "-c", "echo up; read x <gate"]'; done >jobs
	"$RINGFENCE" batch -j 3 --rw . --verdict verdicts jobs >up 3>&- &
	pid=$!
	exec 8<up 9<>gate
	for n in 1 2 3; do read -r -t 30 line <&8; done
	! read -r -t 1 line <&8
	[ ! -s verdicts ]
	echo go >&9
	read -r -t 30 line <&8
	until [ -s verdicts ]; do :; done
	[ "$(wc -l <verdicts)" = 1 ]
	echo go >&9
	read -r -t 30 line <&8
	for n in 1 2 3; do echo go >&9; done
	ended 0
	[ "$(wc -l <verdicts)" = 5 ]
	exec 8<&- 9<&-
}

@test "a job starts as soon as the stream has it" {
	begin_stream -j 2
	many 1
	many 2
	exec 7>&-
	ended 0
	exec 8<&-
}

@test "the junit file is XML that says what became of them" {
	cat >jobs <<-'JOBS'
		["echo", "<&>\"'", "\u0001\u001b[2J\ufffe", "]]>"]
		{"extends": ["default"], "name": "a.name", "command": ["sh", "-c", "exit 7"]}
		["no-such-command"]
		["sh", "-c", "kill -9 $$"]
	JOBS
	printf '["echo", "%s"]\n' "$(head -c 100000 /dev/zero | tr '\0' '&')" >>jobs
	umask 022
	run -1 bash -c '"$RINGFENCE" batch -k -j 1 --junit "x&y.xml" jobs >/dev/null 2>&1'
	[ "$(stat -c %a 'x&y.xml')" = 644 ]
	[ "$(stat -c %s 'x&y.xml')" -lt 12000 ]
	[ "$(ls)" = $'jobs\nx&y.xml' ]
	python3 - <<-'PYTHON'
		import xml.etree.ElementTree as ET
		root = ET.parse("x&y.xml").getroot()
		suite = root.find("testsuite")
		assert root.tag == "testsuites" and suite.get("name") == "jobs"
		for e in root, suite:
		    assert [e.get(k) for k in ("tests", "failures", "errors")] == ["5", "2", "1"], e.attrib
		cases = suite.findall("testcase")
		assert cases[0].get("name") == "1: echo <&>\"' \ufffd\ufffd[2J\ufffd ]]>", cases[0].get("name")
		assert len(cases[0]) == 0 and float(cases[0].get("time")) > 0
		assert cases[1].get("name") == "a.name"
		assert cases[1].find("failure").attrib == {"type": "exited", "message": "exit status 7"}
		assert cases[2].find("error").get("message").startswith("exec no-such-command")
		assert cases[3].find("failure").get("message") == "signal 9"
	PYTHON
}

@test "a junit file that was there is replaced at the end, or stays" {
	echo old >x.xml
	echo '["sh", "-c", "cat x.xml"]' >jobs
	run -0 bash -c '"$RINGFENCE" batch --rw . --junit x.xml jobs 2>&1 >/dev/null'
	[ "$output" = old ]
	grep -q '<testsuites' x.xml
	# what is no file is not replaced
	ln -s x.xml link
	run -2 "$RINGFENCE" batch --junit link jobs
	run -2 "$RINGFENCE" batch --junit /dev/null jobs
	[ -c /dev/null ]
	run -2 "$RINGFENCE" batch --junit no/such/x.xml jobs
	[ "$(ls)" = $'jobs\nlink\nx.xml' ]
}

@test "INT, TERM and HUP end all of them, with verdicts, and nothing stays" {
	local before=$(host_state) sig number

	for n in 1 2 3 4 5; do echo '["sh", "-c", "echo up; sleep 1000"]'; done >jobs
	mkfifo up
	while read -r sig number; do
		"$RINGFENCE" batch -j 3 -k --junit x.xml --verdict verdicts jobs >up 3>&- &
		pid=$!
		exec 8<up
		for n in 1 2 3; do read -r -t 30 line <&8; done
		kill -s "$sig" $pid
		ended $((128 + number))
		[ "$(of_jobs outcome)" = '"signaled" "signaled" "signaled"' ]
		[ "$(of_jobs signal)" = "$number $number $number" ]
		[ "$(python3 -c 'import xml.etree.ElementTree as ET
print(ET.parse("x.xml").getroot().get("failures"))')" = 3 ]
		# nobody has the pipe any more
		! read -r -t 30 line <&8
		exec 8<&-
	done <<-'SIGNALS'
		TERM 15
		HUP 1
	SIGNALS
	# bash has it ignored for what runs in the background
	python3 - <<-'PYTHON'
		import os, signal, subprocess
		p = subprocess.Popen([os.environ["RINGFENCE"], "batch", "-j", "2", "--verdict", "verdicts", "jobs"],
		                     stdout=subprocess.PIPE)
		assert p.stdout.readline() == b"up\n" and p.stdout.readline() == b"up\n"
		p.send_signal(signal.SIGINT)
		assert p.wait(30) == -signal.SIGINT
		assert p.stdout.read() == b""
	PYTHON
	[ "$(of_jobs signal)" = "2 2" ]
	[ "$(ls)" = $'jobs\nup\nverdicts\nx.xml' ]
	[ "$before" = "$(host_state)" ]
}

@test "a second signal does not wait" {
	for n in $(seq 100); do echo '["true"]'; done >jobs
	mkfifo verdicts
	exec 8<>verdicts
	"$RINGFENCE" batch --junit x.xml --verdict verdicts jobs 3>&- &
	pid=$!
	# nobody reads: it gets no further than the pipe is large
	until grep -q poll /proc/$pid/wchan 2>/dev/null || [[ $(cat /proc/$pid/syscall) == "7 "* ]]; do :; done
	kill -TERM $pid
	until [[ $(awk '$1 == "SigPnd:" || $1 == "ShdPnd:" { print $2 }' /proc/$pid/status | tr -d '0\n') == "" ]]; do :; done
	kill -TERM $pid
	ended 143
	[ "$(ls)" = $'jobs\nverdicts' ]
	exec 8<&-
}

@test "a reader of the verdicts that goes away ends it" {
	for n in $(seq 300); do echo '["true"]'; done >jobs
	run -0 bash -c '"$RINGFENCE" batch jobs 2>err | head -n 1 >first; echo ${PIPESTATUS[0]}'
	[ "$output" = 125 ]
	grep -q "ringfence: the verdicts: Broken pipe" err
	[ "$(wc -l <err)" = 1 ]
	run -125 bash -c '"$RINGFENCE" batch jobs >&-'
	[ -e /dev/full ] || skip "no /dev/full"
	run -125 bash -c '"$RINGFENCE" batch jobs >/dev/full'
}

@test "wall limits hold, each for itself" {
	cat >jobs <<-'JOBS'
		{"extends": ["default"], "command": ["sleep", "1000"], "limits": {"wall": "300ms"}}
		{"extends": ["default"], "command": ["sleep", "1000"], "limits": {"wall": "100ms"}}
		["true"]
	JOBS
	run -1 timeout 30 "$RINGFENCE" batch -k -j 3 --verdict verdicts jobs
	[ "$(of_jobs outcome)" = '"timeout" "timeout" "exited"' ]
	[ "$(of_jobs reason)" = '"wall limit" "wall limit" null' ]
}

@test "limits of control groups are the job's own, and no group stays" {
	need_cgroups
	cat >jobs <<-'JOBS'
		["tail", "/dev/zero"]
		["true"]
		["sh", "-c", "sleep 1000 & exit 0"]
		["tail", "/dev/zero"]
	JOBS
	run -1 "$RINGFENCE" batch -k -j 4 --cgroup-parent "$PARENT" --limit-memory 32M --verdict verdicts jobs
	[ "$(of_jobs outcome)" = '"signaled" "exited" "exited" "signaled"' ]
	[ "$(of_jobs reason)" = '"memory limit" null null "memory limit"' ]
	assert_output_has "ringfence: job 4: the memory limit of 32768 KiB was reached"
	[ -z "$(left_behind)" ]
	# nor when it is ended
	echo '["sh", "-c", "echo up; sleep 1000"]' >jobs
	mkfifo up
	"$RINGFENCE" batch --cgroup-parent "$PARENT" --limit-pids 9 --verdict verdicts jobs >up 3>&- &
	pid=$!
	read -r -t 30 line <up
	kill -TERM $pid
	ended 143
	[ -z "$(left_behind)" ]
}

@test "alone in a group of version 2, it moves once for all jobs, and back" {
	local group

	need_root
	need_cgroups
	group=$(hierarchy memory)$PARENT
	skip_unless cgroup2 "the memory controller is in version 1" test -e "$group/cgroup.type"
	printf '%s\n' '["true"]' '["sleep", "0.5"]' '{"extends": ["default"], "command": ["sleep", "1"], "limits": {"pids": 9}}' \
		'["true"]' '["sleep", "0.5"]' '["true"]' >jobs
	run -0 sh -c "echo 0 >'$group/cgroup.procs' && exec '$RINGFENCE' batch -j 3 --limit-memory 64M --verdict verdicts jobs"
	for path in $(of_jobs cgroup.path | tr -d '"'); do
		[ "$(dirname "$path")" = "$group" ]
	done
	[ -z "$(left_behind)" ]
	[ -z "$(cat "$group/cgroup.subtree_control")" ]
}

@test "an ordinary user has batches too" {
	printf '%s\n' '["id", "-u"]' '["sh", "-c", "exit 4"]' '["true"]' >jobs
	chmod 0644 jobs
	run -1 bash -c "$(declare -f as_user is_root)"'; as_user "$RINGFENCE" batch -k -j 2 jobs 2>out >verdicts'
	[ "$(cat out)" = "$(as_user id -u)" ]
	[ "$(of_jobs exit_status)" = '0 4 0' ]
}

@test "each engine says the same" {
	printf '%s\n' '["true"]' '["sh", "-c", "exit 3"]' '["sleep", "1000"]' '["no-such"]' >jobs
	for engine in auto plain; do
		run -1 "$RINGFENCE" batch -k --engine $engine --limit-wall 500ms --verdict verdicts jobs
		[ "$(of_jobs outcome)" = '"exited" "exited" "timeout" "failed"' ]
		[ "$(of_jobs exit_status)" = '0 3 124 127' ]
	done
	[ "$(of_jobs engine.name)" = '"plain" "plain" "plain" "plain"' ]
}

@test "a line of progress on a terminal, and on nothing else" {
	printf '%s\n' '["true"]' '["false"]' '["true"]' >jobs
	run -1 "$RF_BUILDDIR/tests/helpers/pty" size:24x80 -- "$RINGFENCE" batch -k -j 1 --verdict verdicts jobs
	assert_output_has "0/3 done, 0 failed, 1 running"
	[[ $output == *$'\r\e[K' ]]
	run -1 "$RINGFENCE" batch -k --verdict verdicts jobs
	[ -z "$output" ]
}

@test "no growth of memory or descriptors over 400 jobs" {
	no_growth 400
}

@test "no growth over 400 jobs of the plain engine, with groups" {
	need_cgroups
	no_growth 400 --engine plain --cgroup-parent "$PARENT" --limit-pids 20
	[ -z "$(left_behind)" ]
}

@test "jobs that have one sandbox in common find it ready, and are what they were" {
	for ((i = 0; i < 40; i++)); do echo "[\"sh\", \"-c\", \"sleep 0.02; echo $i; exit \$(($i % 3))\"]"; done >jobs
	"$RINGFENCE" batch -j 1 -k --verdict verdicts jobs >out || true
	[ "$(cat out)" = "$(seq 0 39)" ]
	[ "$(of_jobs exit_status)" = "$(for ((i = 0; i < 40; i++)); do echo $((i % 3)); done | paste -sd ' ')" ]
	[ "$(grep -c '"pool":{"name":"batch"' verdicts)" -ge 20 ]
	[ "$(grep -c '"peak_memory_kib":[0-9]' verdicts)" = 40 ]
}

@test "a job that replaces what the next one mounts is seen by that" {
	mkdir -p top/src
	echo 0 >top/src/n
	cat >spec.yaml <<-EOF_SPEC
		extends: [default]
		mounts: [{tmpfs: /tmp}, {rw: $DIR/top, at: /tmp/top}, {ro: $DIR/top/src, at: /tmp/src}]
	EOF_SPEC
	for ((i = 1; i <= 12; i++)); do
		echo "[\"sh\", \"-c\", \"cat /tmp/src/n; sleep 0.02; mv /tmp/top/src /tmp/top/old$i; mkdir /tmp/top/src; echo $i >/tmp/top/src/n\"]"
	done >jobs
	"$RINGFENCE" batch -j 1 --spec spec.yaml --verdict verdicts jobs >out
	[ "$(cat out)" = "$(seq 0 11)" ]
}

@test "jobs whose sandboxes differ each have their own" {
	for ((i = 0; i < 20; i++)); do
		echo "{\"extends\": [\"default\"], \"hostname\": \"h$((i / 2))\", \"command\": [\"uname\", \"-n\"]}"
	done >jobs
	"$RINGFENCE" batch -j 1 --verdict verdicts jobs >out
	[ "$(cat out)" = "$(for ((i = 0; i < 20; i++)); do echo h$((i / 2)); done)" ]
}
