# SPDX-License-Identifier: LGPL-2.1-or-later
# Slurm with ringfence-oci for --container: a controller and two nodes on this machine, in
# a network of their own, for root and for an ordinary user.
load harness
load engine

has_slurm() {
	command -v munged && command -v slurmctld && command -v slurmd && command -v srun
}

# in_cluster COMMAND...: in its network
in_cluster() {
	nsenter --net="/proc/$(head -n 1 "$ENGINE/daemons")/ns/net" "$@"
}

# as_them COMMAND...: there, as the cluster's user, whose environment is another machine's
as_them() {
	in_cluster setpriv --reuid="$THEM" --regid="$THEM" --init-groups --inh-caps=-all \
		env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/ XDG_RUNTIME_DIR=/nonexistent \
		SLURM_CONF="$SLURM_CONF" timeout 60 "$@" 3>&-
}

# configure: slurm.conf, and contrib's file for containers
configure() {
	mkdir -m 0755 etc state log socket
	mkdir -m 0700 munge
	cat >etc/slurm.conf <<-END
		ClusterName=rf
		SlurmctldHost=localhost
		AuthType=auth/munge
		AuthInfo=socket=$ENGINE/socket/munge
		SlurmUser=root
		SlurmctldPidFile=$ENGINE/slurmctld.pid
		SlurmctldLogFile=$ENGINE/log/slurmctld
		SlurmdPidFile=$ENGINE/%n.pid
		SlurmdLogFile=$ENGINE/log/%n
		SlurmdSpoolDir=$ENGINE/spool-%n
		SlurmdParameters=config_overrides
		StateSaveLocation=$ENGINE/state
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		MpiDefault=none
		ReturnToService=2
		KillWait=1
		SchedulerType=sched/builtin
		SchedulerParameters=sched_interval=1
		SelectType=select/cons_tres
		SelectTypeParameters=CR_CPU
		JobAcctGatherType=jobacct_gather/none
		AccountingStorageType=accounting_storage/none
		NodeName=box1 NodeHostname=box1 NodeAddr=127.0.0.1 Port=17001 CPUs=2
		NodeName=box2 NodeHostname=box2 NodeAddr=127.0.0.1 Port=17002 CPUs=2
		PartitionName=all Nodes=box1,box2 Default=YES State=UP MaxTime=5
	END
	contrib slurm/oci.conf >etc/oci.conf
}

setup_file() {
	engine_begin
	is_root && has_slurm && has_userns && [ -x /bin/busybox ] || return 0
	export THEM=rfslurm$$ SLURM_CONF=$ENGINE/etc/slurm.conf
	useradd -M -d / -s /bin/sh "$THEM"
	configure
	# Slurm does not listen where loopback has the only address
	daemon log/net unshare --net sh -c 'ip link set lo up && ip link add net0 type bridge &&
		ip address add 192.0.2.1/24 dev net0 && ip link set net0 up && exec sleep infinity'
	until_true has_net
	dd if=/dev/urandom of=munge/key bs=128 count=1 status=none
	chmod 0400 munge/key
	daemon log/munged munged --foreground --force --key-file=munge/key --seed-file=munge/seed \
		--pid-file=munge/pid --socket="$ENGINE/socket/munge"
	until_true test -S socket/munge
	net=/proc/$(head -n 1 daemons)/ns/net
	daemon log/slurmctld.out nsenter --net="$net" slurmctld -D
	for name in box1 box2; do
		daemon "log/$name.out" nsenter --net="$net" unshare --uts sh -c "hostname $name && exec slurmd -D"
	done
	make_bundle "$THEM" bundle --rootless
	make_bundle root root-bundle
	until_true is_idle
}

# make_bundle USER DIR [--rootless]: busybox, and each node's own name in sight
make_bundle() {
	install -d -o "$1" "$2" "$2"/rootfs "$2"/rootfs/{bin,dev,etc,proc,sys,tmp}
	cp /bin/busybox "$2/rootfs/bin"
	for name in cat id sh sleep test uname; do
		ln -s busybox "$2/rootfs/bin/$name"
	done
	setpriv --reuid="$1" --regid="$1" --clear-groups "$OCI" spec ${3:-} --bundle "$2"
	python3 - "$2/config.json" <<-'END'
		import json, sys
		c = json.load(open(sys.argv[1]))
		c['process']['terminal'] = False
		c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'uts']
		c.pop('hostname', None)
		json.dump(c, open(sys.argv[1], 'w'))
	END
}

has_net() {
	in_cluster ip -4 address show net0 2>/dev/null | grep -q inet
}

is_idle() {
	[ "$(in_cluster sinfo --noheader --states=idle --format=%D 2>/dev/null)" = 2 ]
}

teardown_file() {
	engine_end
	[ -z "${THEM:-}" ] || ! id "$THEM" >/dev/null 2>&1 || userdel "$THEM"
	[ -z "${THEM:-}" ] || rm -rf "/tmp/ringfence-oci-$THEM"
}

setup() {
	harness_setup
	need_root
	need_userns
	skip_unless slurm "slurmctld, slurmd, slurm-client or munge is not installed" has_slurm
	need_busybox
	until_true is_idle
}

teardown() {
	[ -z "${pid:-}" ] || as_them scancel --user="$THEM" || true
}

# step ARGUMENT... -- COMMAND...: srun in the user's bundle
step() {
	local args=()

	while [ "$1" != -- ]; do
		args+=("$1")
		shift
	done
	shift
	as_them srun --container="$ENGINE/bundle" "${args[@]}" "$@"
}

# Slurm has cleaned up: no state of a container, no bundle of a step.
is_clean() {
	[ -z "$(ls -A "/tmp/ringfence-oci-$1")" ] && ! compgen -G "$ENGINE/spool-*/oci-job*" >/dev/null
}

@test "a user's step in a container: output, exit status, and nothing is left" {
	run --separate-stderr step -- sh -c 'echo "pid $$ uid $(id -u)"; cat /proc/self/uid_map; echo no >&2; exit 3'
	echo "$output $stderr"
	[ "${lines[0]}" = "pid 1 uid 0" ]
	[ "$(echo ${lines[1]})" = "0 $(id -u "$THEM") 1" ]
	# srun's own line about the status may come before or after it
	grep -qx no <<<"$stderr"
	until_true is_clean "$THEM"
}

@test "two nodes at once" {
	run --separate-stderr -0 step --nodes=2 --label -- sh -c 'uname -n; echo "of $SLURM_NNODES"'
	echo "$output $stderr"
	[ "$(sort <<<"$output")" = "0: box1
0: of 2
1: box2
1: of 2" ]
	until_true is_clean "$THEM"
}

@test "a signal reaches the command" {
	mkfifo up
	chmod 0777 . up
	step --output="$DIR/up" -- sh -c 'trap "exit 7" USR1; echo up; while :; do sleep 0.1; done' &
	pid=$!
	timeout 60 grep -m 1 up up
	as_them scancel --signal=USR1 --user="$THEM"
	ended 7
	until_true is_clean "$THEM"
}

@test "a step that is cancelled leaves no process and no state" {
	mkfifo up
	chmod 0777 . up
	# as process 1 it does not hear the first signal
	step --output="$DIR/up" -- sh -c 'echo up; exec sleep 1234' &
	pid=$!
	timeout 60 grep -m 1 up up
	as_them scancel --user="$THEM"
	wait $pid || true
	until_true is_clean "$THEM"
	[ -z "$(pgrep -u "$THEM")" ]
}

@test "what cannot be run is told in one line" {
	run --separate-stderr -1 step -- nosuch
	[[ "$stderr" == *'exec: "nosuch": executable file not found in $PATH'* ]]
	until_true is_clean "$THEM"
}

@test "a batch script in a container" {
	chmod 0777 .
	printf '%s\n' '#!/bin/sh' 'echo "batch $$ $SLURM_JOB_ID"' 'exit 6' >job
	run -6 as_them sbatch --wait --container="$ENGINE/bundle" --output="$DIR/out" "$DIR/job"
	job=${output##* }
	[ "$(cat out)" = "batch 1 $job" ]
	until_true is_clean "$THEM"
}

@test "root's step, with a limit" {
	python3 - "$ENGINE/root-bundle/config.json" "/rf-slurm$$" <<-'END'
		import json, sys
		c = json.load(open(sys.argv[1]))
		c['linux']['cgroupsPath'] = sys.argv[2]
		c['linux']['resources'] = {'pids': {'limit': 50}}
		json.dump(c, open(sys.argv[1], 'w'))
	END
	run --separate-stderr -4 in_cluster timeout 60 srun --container="$ENGINE/root-bundle" \
		sh -c 'cat /sys/fs/cgroup/pids/pids.max; exit 4'
	echo "$output $stderr"
	[ "$output" = 50 ]
	until_true is_clean root
	! compgen -G "/sys/fs/cgroup/*/rf-slurm$$"
	rmdir /tmp/ringfence-oci-root
}
