# SPDX-License-Identifier: LGPL-2.1-or-later
# The filter, no_new_privs and capabilities of the command in every mode of
# launch, as /proc/self/status has them; and that none of it is ever left out.
load harness

setup() {
	harness_setup
	need_userns
	chmod 0777 "$DIR"
}

# Of the status in $output.
field() {
	sed -n "s/^$1:[[:space:]]*//p" <<<"$output"
}

expect() {
	[ "$(field "$1")" = "$2" ] || {
		printf '%s is %s, not %s\n' "$1" "$(field "$1")" "$2" >&2
		return 1
	}
}

engines() {
	echo plain
	"$RINGFENCE" run --engine ring -- true 2>/dev/null && echo ring || :
}

ways() {
	cat <<-'EOT'

		--no-init
		--map root
		--uid 1000 --gid 1000
		--verdict /dev/null
		--namespaces user
		--namespaces user,mount,pid --no-init
		--network host
		--terminal none
		--trace-file /dev/null
	EOT
}

@test "there is a filter in every mode of launch" {
	local who engine way

	cp "$RINGFENCE" ringfence
	echo '{}' >bare
	echo '{root: host, mounts: [{proc: /proc}]}' >mounts
	for who in "" as_user; do
		for engine in $(engines); do
			while read -r way; do
				# shellcheck disable=SC2086 # words
				case $way in
				*user,mount*) set -- --spec mounts $way ;;
				*--namespaces*) set -- --spec bare $way ;;
				*) set -- $way ;;
				esac
				for nnp in true false; do
					run -0 $who ./ringfence run --engine "$engine" "$@" \
						--no-new-privileges "$nnp" -- cat /proc/self/status
					echo "$who $engine $way $nnp"
					expect Seccomp 2
					expect NoNewPrivs "$([ "$nnp" = true ] && echo 1 || echo 0)"
				done
			done < <(ways)
		done
	done
}

@test "off is off, and Landlock alone needs no filter" {
	run -0 "$RINGFENCE" run --seccomp off -- cat /proc/self/status
	expect Seccomp 0
	expect NoNewPrivs 1
}

# caps NAME...: the mask.
caps() {
	local -A numbers=([chown]=0 [dac_override]=1 [kill]=5 [setpcap]=8 [net_bind_service]=10
		[sys_admin]=21)
	local mask=0 name

	for name; do
		mask=$((mask | 1 << numbers[$name]))
	done
	printf '%016x' "$mask"
}

# expect_caps PERMITTED INHERITABLE BOUNDING
expect_caps() {
	expect CapPrm "$1"
	expect CapEff "$1"
	expect CapInh "$2"
	expect CapAmb "$2"
	expect CapBnd "$3"
}

@test "capabilities are exactly those that are listed, in every set" {
	local none two way nnp

	none=$(caps)
	two=$(caps chown kill)
	for nnp in true false; do
		for way in "" "--no-init" "--map root" "--uid 1000 --gid 1000"; do
			echo "$way $nnp"
			# shellcheck disable=SC2086 # words
			set -- --no-new-privileges "$nnp" $way
			run -0 as_user_here "$@" -- cat /proc/self/status
			expect_caps "$none" "$none" "$none"
			run -0 as_user_here "$@" --capabilities chown,kill -- cat /proc/self/status
			expect_caps "$two" "$two" "$two"
		done
	done
}

as_user_here() {
	cp -f "$RINGFENCE" ringfence
	as_user ./ringfence run "$@"
}

@test "without ambient ones, an ordinary user's program inherits none" {
	local two none

	two=$(caps chown kill)
	none=$(caps)
	echo '{capabilities: [chown, kill], ambient: [], extends: [default]}' >spec
	run -0 as_user_here --spec spec --uid 1000 --gid 1000 -- cat /proc/self/status
	expect_caps "$none" "$none" "$two"
	# root of the namespace has them by its id
	run -0 as_user_here --spec spec --map root -- cat /proc/self/status
	expect_caps "$two" "$none" "$two"
	# ... unless that is switched off
	run -0 as_user_here --spec spec --map root --securebits noroot,noroot_locked -- \
		cat /proc/self/status
	expect_caps "$none" "$none" "$two"
}

@test "all is all" {
	local all

	all=$(printf '%016x' $(((2 << $(cat /proc/sys/kernel/cap_last_cap)) - 1)))
	run -0 as_user_here --map root --capabilities all -- cat /proc/self/status
	expect_caps "$all" "$all" "$all"
}

@test "root of the host keeps what is listed, and as another user too" {
	local two none way

	need_root
	two=$(caps chown kill)
	none=$(caps)
	echo '{namespaces: []}' >spec
	for way in "" "--uid 1000 --gid 1000"; do
		# shellcheck disable=SC2086 # words
		run -0 "$RINGFENCE" run --spec spec $way -- cat /proc/self/status
		expect_caps "$none" "$none" "$none"
		# shellcheck disable=SC2086 # words
		run -0 "$RINGFENCE" run --spec spec $way --capabilities chown,kill -- cat /proc/self/status
		expect_caps "$two" "$two" "$two"
		expect Seccomp 2
	done
	run -0 "$RINGFENCE" run --spec spec --uid 1000 --capabilities chown,kill --ambient "kill" -- \
		cat /proc/self/status
	expect_caps "$(caps kill)" "$(caps kill)" "$two"
}

@test "without a user namespace an ordinary user's command gains nothing" {
	local none

	none=$(caps)
	echo '{namespaces: []}' >spec
	run -0 as_user_here --spec spec -- cat /proc/self/status
	expect CapPrm "$none"
	expect CapEff "$none"
	expect CapInh "$none"
	expect CapAmb "$none"
	expect NoNewPrivs 1
	expect Seccomp 2
}

@test "a filter without no_new_privileges takes power that an ordinary user has not" {
	[ "$(id -u)" != 0 ] || is_root || skip_unless root "root of a namespace is no ordinary user" false
	echo '{namespaces: [], no_new_privileges: false, capabilities: [all]}' >spec
	run -125 as_user_here --spec spec -- true
}

@test "a kernel that refuses a layer runs nothing" {
	local deny=$RF_BUILDDIR/tests/helpers/deny answer

	[ -x "$deny" ] || skip_unless seccomp "tests/helpers/deny is not built" false
	for answer in ENOSYS EPERM EACCES; do
		run -125 "$deny" -e "$answer" seccomp "$RINGFENCE" run -- touch ran
		run -125 "$deny" -e "$answer" landlock_create_ruleset "$RINGFENCE" run \
			--landlock-read / -- touch ran
		run -125 "$deny" -e "$answer" landlock_add_rule "$RINGFENCE" run --landlock-read / -- touch ran
		run -125 "$deny" -e "$answer" landlock_restrict_self "$RINGFENCE" run \
			--landlock-read / -- touch ran
	done
	[ ! -e ran ]
}

# ------------------------------------------------------------------ what is said

@test "a policy file is relative to the spec, and its errors have their place" {
	mkdir specs
	echo 'seccomp: ./x.policy' >specs/spec
	printf 'default allow\ndeny uname errno EDOM\n' >specs/x.policy
	run "$RINGFENCE" run --spec specs/spec --root host -- uname
	assert_output_has "Numerical argument out of domain"
	printf 'default allow\nallow nonsense_call\n' >specs/x.policy
	run -2 "$RINGFENCE" run --spec specs/spec --root host -- uname
	assert_output_has "specs/x.policy:2:"
	rm specs/x.policy
	run -2 "$RINGFENCE" run --spec specs/spec --root host -- uname
	assert_output_has "specs/spec:1:10: "
	assert_output_has "No such file"
	run -2 "$RINGFENCE" run --seccomp defualt -- true
	assert_output_has "did you mean 'default'?"
}

@test "a policy that refuses exec is refused, with its rule" {
	printf 'default allow\ndeny execve\n' >x.policy
	run -2 "$RINGFENCE" run --seccomp ./x.policy -- true
	assert_output_has "x.policy:2:"
	assert_output_has "execve, which 'exec' after it needs"
	printf 'default kill\nallow execve\n' >x.policy
	run -2 "$RINGFENCE" run --seccomp ./x.policy --no-new-privileges false -- true
	assert_output_has "which 'capset' after it needs"
	assert_output_has "hint: with no_new_privileges: true the filter comes last"
}

@test "a policy that asks needs somebody who answers" {
	printf 'default allow\nnotify uname\n' >x.policy
	run -2 "$RINGFENCE" run --seccomp ./x.policy -- uname
	assert_output_has "nobody is there to be asked"
}

@test "Landlock's error names the rule and the path" {
	skip_unless landlock "the kernel has no Landlock" \
		test "$("$RINGFENCE" explain --print-features | sed -n 's/^landlock: //p')" -ge 1
	printf 'extends: [default]\nlandlock:\n  read: [/usr, /no/such]\n' >spec
	run -125 "$RINGFENCE" run --spec spec -- true
	assert_output_has "spec:3:16: landlock /no/such: No such file or directory"
	run -126 "$RINGFENCE" run --landlock-read /etc --no-landlock-loader -- true
	assert_output_has "hint: Landlock keeps /usr/bin/true out"
	run -126 "$RINGFENCE" run --landlock-read /usr/bin --no-landlock-loader -- true
	assert_output_has "by which /usr/bin/true is run"
	run -0 "$RINGFENCE" run --landlock-read /etc -- true
}

@test "few descriptors are enough" {
	run -0 "$RINGFENCE" run --landlock-read / --limit-nofile 4 -- sh -c 'ulimit -n'
	[ "$output" = 4 ]
}
