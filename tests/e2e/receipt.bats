# SPDX-License-Identifier: LGPL-2.1-or-later
# The receipt is what is really in force: /proc of the command says the same, in
# every mode; and what is required holds, or nothing runs.
load harness

setup() {
	harness_setup
	need_userns
	CONFESS=$RF_BUILDDIR/tests/helpers/confess
	[ -x "$CONFESS" ] || skip "no tests/helpers/confess"
	for n in user mnt pid net ipc uts cgroup time; do
		readlink "/proc/self/ns/$n"
	done >host
	grep -E '^(NoNewPrivs|Seccomp_filters):' /proc/self/status | tr -d '\t' >>host
	echo "root:$(awk '$5 == "/" { id = $1 } END { print id }' /proc/self/mountinfo)" >>host
}

# agrees NAME OPTION...: a launch with these options, and its receipt
agrees() {
	local name=$1

	shift
	"$RINGFENCE" run --verdict verdict "$@" --exec-fd 9 -- confess 9<"$CONFESS" \
		>confession 2>errors || {
		echo "$name: $*"
		cat errors verdict
		return 1
	}
	python3 "$SRCDIR/tests/helpers/agree.py" verdict confession host || {
		echo "$name: $*"
		return 1
	}
}

# fact LAYER NAME: its value in the receipt; "in_force" and "why_not" too
fact() {
	python3 -c '
import json, sys
for entry in json.load(open("verdict"))["receipt"]:
    if entry["layer"] == sys.argv[1]:
        print(entry[sys.argv[2]] if sys.argv[2] in entry else entry["detail"][sys.argv[2]])' "$@"
}

@test "the receipt agrees with what the command sees of itself" {
	printf '%s\n' 'root: empty' 'mounts: [{ro: /usr}, {symlink: usr/bin, at: /bin}, {symlink: usr/lib, at: /lib},' \
		'{symlink: usr/lib64, at: /lib64}, {proc: /proc}, {rw: ., at: /work}, {deny: /usr/share}]' \
		'command: [sh]' >empty.yaml
	agrees default
	agrees plain --engine plain
	agrees "no init" --no-init
	agrees "no init, plain" --no-init --engine plain
	agrees loopback --network loopback
	agrees "host's network" --network host
	agrees "a host name" --hostname lab
	agrees "fewer namespaces" --namespaces user,mount,pid
	agrees "host's processes" --root host --namespaces user,mount,net,ipc,uts,cgroup
	agrees "a time namespace" --namespaces user,mount,pid,net,ipc,uts,cgroup,time
	agrees root --map root
	agrees "root with capabilities" --map root --capabilities chown,net_raw,sys_ptrace
	agrees "capabilities" --capabilities net_admin
	agrees "fewer ambient ones" --capabilities net_admin,chown --ambient chown
	agrees "root with fewer ambient ones" --map root --capabilities net_admin,chown --ambient chown
	agrees "securebits" --map root --capabilities chown --ambient '' --securebits noroot
	agrees "new privileges" --no-new-privileges false
	agrees "limits" --limit-nofile 64:128 --limit-core 0 --limit-wall 1m
	agrees "no terminal" --terminal none
	agrees "an empty root" --spec empty.yaml
	agrees "an image of its own" --root host --capabilities sys_ptrace \
		--namespaces user,mount,net,ipc,uts,cgroup
	agrees "groups kept" --groups keep
}

@test "only an empty spec: the mounts are the host's" {
	echo '{namespaces: [user, pid]}' >lab.yaml
	agrees "two namespaces" --spec lab.yaml
	[ "$(fact mount in_force)" = False ]
	[ "$(fact root in_force)" = False ]
}

@test "joined namespaces" {
	unshare -Urn sleep 60 3>&- &
	local pid=$!
	until [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ] &&
		[ "$(cat /proc/$pid/comm)" = sleep ]; do :; done
	echo "{namespaces: {user: /proc/$pid/ns/user, net: /proc/$pid/ns/net, mount: host, pid: host, ipc: host, uts: host, cgroup: host}}" >lab.yaml
	agrees joined --spec lab.yaml
	kill $pid
	[ "$(fact net how)" = joined ]
	[ "$(fact net from)" = "/proc/$pid/ns/net" ]
	[ "$(fact user in_force)" = True ]
}

@test "without a user namespace of its own" {
	need_root
	agrees "no user namespace" --namespaces mount,pid,net,ipc,uts,cgroup
	agrees "another user" --namespaces mount,pid,net,ipc,uts,cgroup --uid 65534 --gid 65534 --groups drop
	agrees "groups" --namespaces mount,pid,net,ipc,uts,cgroup --groups 4,5
	[ "$(fact groups groups)" = 4,5 ]
}

@test "subordinate ids" {
	skip_unless subuid "needs root, for its maps" is_root
	agrees ranges --map uid:0:100000:1000,gid:0:100000:1000 --uid 7 --gid 8
	[ "$(fact user uid_map)" = "0 100000 1000" ]
}

@test "a receipt that is wrong is found out" {
	agrees default --limit-nofile 64 --limit-core 0 --rw .
	# this word is the spec's, and /proc does not show it
	sed 's/"root":"host",//' verdict >plain
	python3 "$SRCDIR/tests/helpers/agree.py" --lies plain confession host
}

@test "a set-up call that the kernel refuses: no command, or a receipt that says so" {
	local deny=$RF_BUILDDIR/tests/helpers/deny call error status

	[ -x "$deny" ] || skip "no tests/helpers/deny"
	for call in clone3 clone unshare setns close_range openat2 open_tree mount_setattr \
		move_mount fsopen fsconfig fsmount pivot_root umount2 statx capset keyctl \
		prctl setgroups setresuid setresgid prlimit64 sethostname setsid pidfd_open \
		memfd_create socketpair mkdirat symlinkat landlock_create_ruleset \
		landlock_add_rule landlock_restrict_self seccomp; do
		for error in ENOSYS EPERM; do
			status=0
			"$deny" -e "$error" "$call" "$RINGFENCE" run --verdict verdict --hostname lab \
				--limit-core 0 --terminal none --landlock-read / --exec-fd 9 -- confess 9<"$CONFESS" \
				>confession 2>errors || status=$?
			if [ "$status" = 125 ] && [ ! -s confession ]; then
				continue
			fi
			# deny has a filter of its own, and perhaps no_new_privs
			{ grep -vE '^(NoNewPrivs|Seccomp_filters):' host
			  "$deny" -e "$error" "$call" grep -E '^(NoNewPrivs|Seccomp_filters):' \
				/proc/self/status | tr -d '\t'; } >here
			[ "$status" = 0 ] &&
				python3 "$SRCDIR/tests/helpers/agree.py" verdict confession here || {
				echo "$error from $call: status $status"
				cat errors verdict
				return 1
			}
		done
	done
}

@test "keys that a filter hides from all are no layer" {
	local deny=$RF_BUILDDIR/tests/helpers/deny

	[ -x "$deny" ] || skip "no tests/helpers/deny"
	run -0 "$deny" keyctl "$RINGFENCE" run --verdict verdict -- true
	[ "$(fact keyring in_force)" = False ]
	[ "$(fact keyring session)" = none ]
	run -125 "$deny" keyctl "$RINGFENCE" run --require keyring --rw . -- touch ran
	assert_output_has "--require: keyring must=yes: Function not implemented"
	[ ! -e ran ]
}

@test "what is required and cannot be refuses to run" {
	printf '%s\n' 'extends: [default]' 'network: host' 'require: [mount, net]' >lab.yaml
	run -2 "$RINGFENCE" run --spec lab.yaml --rw . -- touch ran
	assert_output_has "lab.yaml:3:18: 'net' is required and would not be in force: the spec keeps the host's"
	run -2 "$RINGFENCE" run --require no_new_privileges --no-new-privileges false --rw . -- touch ran
	assert_output_has "--require: 'no_new_privileges' is required"
	run -2 "$RINGFENCE" run --require limits --rw . -- touch ran
	run -2 "$RINGFENCE" explain --require time -- true
	[ ! -e ran ]
}

@test "what is required and is there runs" {
	run -0 "$RINGFENCE" run --require user,mount,pid,net,ipc,uts,cgroup,root,capabilities,no_new_privileges,keyring \
		--require limits,terminal --limit-core 0 --terminal none -- echo ran
	[ "$output" = ran ]
}

@test "groups that cannot be dropped" {
	# with a group that is not the gid, and no power over groups
	skip_unless root "needs root, for a group" is_root
	in_group() {
		setpriv --reuid=65534 --regid=65534 --groups=65534,4 --inh-caps=-all "$@"
	}
	run -0 in_group "$RINGFENCE" run --verdict '&1' -- true
	assert_output_has '"layer":"groups","in_force":false,"detail":{"groups":"kept"},"why_not":"the caller cannot change its groups"'
	run -125 in_group "$RINGFENCE" run --require groups -- true
	assert_output_has "--require: 'groups' is required"
}

@test "no later layer takes back what one requires" {
	printf '%s\n' 'extends: [default]' 'require: [time]' >base.yaml
	printf '%s\n' 'extends: [base.yaml]' 'require: [mount]' >lab.yaml
	run -2 "$RINGFENCE" run --spec lab.yaml --require net -- true
	assert_output_has "base.yaml:2:11: 'time' is required"
}

@test "an unknown layer is an error with the nearest one" {
	run -2 "$RINGFENCE" run --require mount2 -- true
	assert_output_has "unknown layer 'mount2'; did you mean 'mount'?"
}

@test "a command that never ran has no receipt" {
	run -127 "$RINGFENCE" run --verdict verdict -- /no/such
	grep -qF '"receipt":null' verdict
}

@test "explain prints the same layers, as they would be" {
	"$RINGFENCE" run --verdict verdict -- true
	"$RINGFENCE" explain --json -- true >explained
	python3 -c '
import json
would, was = json.load(open("explained"))["receipt"], json.load(open("verdict"))["receipt"]
assert would == was, (would, was)'
	run -0 "$RINGFENCE" explain -- true
	assert_output_has "  mount              in force how=new"
	assert_output_has "  time               absent   how=host; the spec keeps the host's; the clocks are the host's"
}
