# SPDX-License-Identifier: LGPL-2.1-or-later
# The doctor says what `run` then meets, for every call that can be refused; it
# leaves nothing behind, and what it prints is for people and programs.
load harness

setup() {
	harness_setup
	DENY=$RF_BUILDDIR/tests/helpers/deny
}

# finding GROUP NAME MEMBER: of the JSON in $DIR/doctor.json
finding() {
	python3 - "$DIR/doctor.json" "$@" <<-'END'
		import json, sys
		for f in json.load(open(sys.argv[1]))["findings"]:
		    if [f["group"], f["name"]] == sys.argv[2:4]:
		        print(f[sys.argv[4]])
	END
}

# Names of what fails although it is needed.
needed_failures() {
	python3 - "$DIR/doctor.json" <<-'END'
		import json, sys
		for f in json.load(open(sys.argv[1]))["findings"]:
		    if f["needed"] and f["status"] == "fails":
		        print(f["group"] + "." + f["name"])
	END
}

# agree WHAT COMMAND...: doctor and run, both by COMMAND, say the same.
agree() {
	local what=$1 doctor=0 run=0

	shift
	"$@" "$RINGFENCE" doctor --json >"$DIR/doctor.json" || doctor=$?
	"$@" "$RINGFENCE" run -- true >/dev/null 2>"$DIR/run.err" || run=$?
	[ "$doctor" -le 1 ] || { echo "$what: doctor ends with $doctor"; return 1; }
	if [ "$run" = 0 ]; then
		[ "$doctor" = 0 ] || { echo "$what: run works, doctor: $(needed_failures)"; return 1; }
	else
		[ "$run" = 125 ] || { echo "$what: run ends with $run"; return 1; }
		[ "$doctor" = 1 ] || { echo "$what: run fails: $(cat "$DIR/run.err")"; return 1; }
		# some cause beside "run fails"
		[ "$(needed_failures | grep -vc '^sandbox\.')" -gt 0 ] ||
			{ echo "$what: nothing but the sandbox fails"; return 1; }
	fi
}

need_deny() {
	[ -x "$DENY" ] || skip "seccomp: no libseccomp to build tests/helpers/deny with"
}

@test "doctor and run agree here" {
	agree here env
}

@test "doctor and run agree when a user namespace is refused" {
	need_deny
	for error in EPERM ENOSYS ENOSPC; do
		agree "userns $error" "$DENY" -e $error userns
		[ "$(finding namespaces user status)" = fails ]
	done
	[ "$(finding namespaces user cause)" = namespaces-used-up ]
}

@test "doctor and run agree when a call that makes tasks is refused" {
	need_deny
	for call in clone3 unshare setns execveat memfd_create pidfd_open pidfd_send_signal close_range; do
		agree "$call" "$DENY" -e EPERM $call
		[ "$(finding calls $call status)" = fails ]
		[ "$(finding calls $call cause)" = seccomp-filter ]
	done
}

@test "doctor and run agree when a mount call is refused" {
	need_deny
	need_userns
	for call in openat2 open_tree move_mount fsopen fsconfig fsmount mount_setattr umount2 \
			pivot_root mount; do
		agree "$call" "$DENY" -e EPERM $call
		[ $call = mount ] || [ "$(finding calls $call status)" = fails ]
	done
}

@test "doctor and run agree when a kernel does not know a call" {
	need_deny
	for call in clone3 openat2 mount_setattr fsopen close_range io_uring_setup \
			landlock_create_ruleset seccomp; do
		agree "$call" "$DENY" -e ENOSYS $call
		[ "$(finding calls $call status)" = fails ]
	done
	[ "$(finding restriction seccomp status)" = fails ]
	agree seccomp-EINVAL "$DENY" -e EINVAL seccomp
	[ "$(finding restriction seccomp status)" = fails ]
	[ "$(finding restriction seccomp-notify status)" = fails ]
}

@test "without io_uring the plain engine is found to do" {
	need_deny
	for error in EPERM ENOSYS; do
		agree "io_uring $error" "$DENY" -e $error io_uring_setup
		[ "$(finding engine ring status)" = fails ]
		[ "$(finding engine ring cause)" = io-uring-filter ]
		[[ "$(finding engine ring fix)" == *"nothing has to be done"* ]]
	done
}

@test "without Landlock that is said, with its cause" {
	need_deny
	agree landlock "$DENY" -e EOPNOTSUPP landlock_create_ruleset
	[ "$(finding restriction landlock status)" = fails ]
	[ "$(finding restriction landlock cause)" = landlock-off ]
}

@test "two refusals at once are both found" {
	need_deny
	need_userns
	agree both "$DENY" -e EPERM openat2,mount_setattr
	[ "$(finding calls openat2 status)" = fails ]
	[ "$(finding calls mount_setattr status)" = fails ]
	[[ "$(finding calls openat2 fix)" == *'["openat2", "mount_setattr"]'* ]]
	[[ "$(finding kernel outer-filter value)" == *"refuses openat2, mount_setattr"* ]]
}

@test "doctor and run agree for an ordinary user and in a user namespace" {
	need_userns
	as_user true || skip "user: no other user to be"
	# where that user can read it
	agree "ordinary user" as_user
	agree "root of a user namespace" unshare -r
	agree "root of the user's namespace" as_user unshare -r
}

@test "what it says of controllers is what run finds" {
	local as name option

	need_userns
	for as in "" as_user; do
		$as "$RINGFENCE" doctor --json >doctor.json || [ $? = 1 ]
		while read -r name option; do
			status=0
			# shellcheck disable=SC2086 # words
			$as "$RINGFENCE" run $option -- true 2>run.err || status=$?
			echo "$as $name: $(finding cgroups "$name" status), run: $status $(cat run.err)"
			case $(finding cgroups "$name" status) in
			works)	[ $status = 0 ] ;;
			fails)	[ $status = 125 ]
				[ "$(finding cgroups "$name" cause)" = cgroup-delegation ] ||
					[ "$(finding cgroups "$name" cause)" = cgroup-controller ]
				[ -n "$(finding cgroups "$name" fix)" ] ;;
			*)	false ;;
			esac
		done <<-'END'
			memory --limit-memory=64M
			pids --limit-pids=100
			cpu --limit-cpu=1
		END
	done
}

@test "the errors of run speak of the doctor where it has more to say" {
	need_deny
	need_userns
	run -125 "$DENY" -e EPERM mount_setattr "$RINGFENCE" run -- true
	assert_output_has "ringfence doctor"
}

@test "no descriptors to spare, and standard ones closed" {
	need_userns
	run -0 bash -c "ulimit -n 20; '$RINGFENCE' doctor"
	assert_output_has "descriptors          partly"
	run -0 bash -c "'$RINGFENCE' doctor --json <&- 2>&-"
}

@test "nothing is left behind" {
	before=$(host_state)
	mkdir empty
	TMPDIR=$DIR/empty "$RINGFENCE" doctor >/dev/null || true
	[ "$(host_state)" = "$before" ]
	[ -z "$(ls -A empty)" ]
	# every task of it would hold the pipe's other end
	run -0 timeout 20 bash -c "'$RINGFENCE' doctor 9>&1 >/dev/null | cat"
}

@test "the text has a line for every probe and the JSON is whole" {
	"$RINGFENCE" doctor >text || [ $? = 1 ]
	"$RINGFENCE" doctor --json >doctor.json || [ $? = 1 ]
	python3 - <<-'END'
		import json
		d = json.load(open("doctor.json"))
		text = open("text").read()
		assert set(d) == {"version", "works", "findings"} and d["version"] == 1
		assert len(d["findings"]) > 50
		for f in d["findings"]:
		    assert set(f) == {"group", "name", "status", "needed", "value", "errno", "cause",
		                      "text", "consequence", "fix"}, f
		    assert f["status"] in ("works", "partly", "fails", "info")
		    if f["status"] in ("works", "info"):
		        assert f["fix"] is None and f["consequence"] is None and f["errno"] is None, f
		    if f["status"] == "fails":
		        assert f["consequence"] and f["errno"] and f["cause"], f
		    if f["group"] != "calls" or f["status"] != "works":
		        assert "\n  " + f["name"] + " " in text, f["name"]
		assert d["works"] == (not any(f["needed"] and f["status"] == "fails" for f in d["findings"]))
	END
	# columns
	[ "$(grep -cE '^  [a-z0-9_-]+( calls)? +(works|fails|FAILS|partly|-)( |$)' text)" -gt 30 ]
}

@test "wrong usage" {
	run -2 "$RINGFENCE" doctor now
	run -2 "$RINGFENCE" doctor --yaml
	run -125 bash -c "'$RINGFENCE' doctor >/dev/full"
}
