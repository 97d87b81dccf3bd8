# SPDX-License-Identifier: LGPL-2.1-or-later
# Pool launches by the thousand, with callers, sandboxes and commands that are killed at any
# moment: SOAK of them, 2 000 unless said; `make soak` says 100 000.
load harness
load pool

setup() {
	harness_setup
	pool_setup
}

teardown() {
	pool_teardown
}

# Who there is, with namespaces of its own, as "PID COMMAND": everything that is not this user's
# shell is the pool's or left over.
leftovers() {
	local pid=$1

	pgrep -P "$pid" | while read -r child; do
		tr '\0' ' ' <"/proc/$child/cmdline" 2>/dev/null || true
		echo
	done
}

@test "nothing is left after thousands of launches and random kills" {
	host_state >before
	pool --spec pool.yaml -n 4
	until_status ready 4
	fds=$(ls /proc/$POOL/fd | wc -l)
	cat >soak.py <<-'EOF_PY'
		import os, random, signal, subprocess, sys, time
		total, seed, pool = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
		print('seed', seed, flush=True)
		rng = random.Random(seed)
		run = [os.environ['RINGFENCE'], 'run', '--pool', '--pool-else=error', '--']
		commands = [['true'], ['sh', '-c', 'exit 3'], ['sleep', '5'], ['no-such-command'],
		            ['sh', '-c', 'kill -KILL $$'], ['sh', '-c', 'sleep 5 & exit 0']]
		weights = [60, 10, 12, 6, 6, 6]
		statuses = {0: 0, 1: 3, 3: 127, 4: -9, 5: 0}
		begun = wrong = killed = 0
		live = []

		def children(pid):
		    try:
		        with open(f'/proc/{pid}/task/{pid}/children') as f:
		            return [int(c) for c in f.read().split()]
		    except OSError:
		        return []

		def kill(pid):
		    try:
		        os.kill(pid, signal.SIGKILL)
		    except ProcessLookupError:
		        pass

		while begun < total or live:
		    while begun < total and len(live) < 8:
		        kind = rng.choices(range(len(commands)), weights)[0]
		        p = subprocess.Popen(run + commands[kind], stdin=subprocess.DEVNULL,
		                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
		        # when this caller is to be killed, if at all
		        at = time.monotonic() + rng.random() * 0.02 if kind == 2 or rng.random() < 0.1 else None
		        live.append([p, kind, at])
		        begun += 1
		    if rng.random() < 0.01:
		        # one of the pool's own tasks: ready, in the making, or a command's
		        tasks = children(pool)
		        if tasks:
		            kill(rng.choice(tasks))
		            killed += 1
		    now = time.monotonic()
		    for entry in list(live):
		        p, kind, at = entry
		        if at is not None and now >= at:
		            p.kill()
		        status = p.poll()
		        if status is None:
		            continue
		        live.remove(entry)
		        # killed itself, or its sandbox was by us, perhaps in the middle of exec
		        if status in (-9, 125, 126) or at is not None:
		            continue
		        if status != statuses[kind]:
		            wrong += 1
		            print('wrong', commands[kind], status, flush=True)
		    time.sleep(0.0005)
		print('killed', killed, 'wrong', wrong)
		sys.exit(wrong != 0)
	EOF_PY
	run python3 soak.py "${SOAK:-2000}" "${SOAK_SEED:-$RANDOM}" $POOL
	echo "$output"; cat pool.err
	[ "$status" = 0 ]
	echo "$output"
	until_status running 0
	until_status waiting 0
	until_status ready 4
	until_status making 0
	# its descriptors are those of four sandboxes, as before
	for _ in $(seq 100); do
		[ "$(ls /proc/$POOL/fd | wc -l)" -gt "$fds" ] || break
		sleep 0.05
	done
	[ "$(ls /proc/$POOL/fd | wc -l)" -le "$fds" ]
	# three tasks for each: pid 1, the one that waits, and its maker
	[ "$(leftovers $POOL | wc -l)" -le 12 ]
	run ! pgrep -f '^sleep 5$'
	kill -TERM $POOL
	wait $POOL
	POOL=
	[ -z "$(ls -A runtime/ringfence)" ]
	host_state >after
	diff before after
}
