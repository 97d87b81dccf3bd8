# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci as its callers spell it: the options of runc and crun, and what engines
# say, word for word.
load harness
load oci

setup() {
	oci_setup
	need_userns
}

teardown() {
	[ -z "${holder:-}" ] || kill "$holder" 2>/dev/null || true
	oci_teardown
}

# knows COMMAND OPTION...: its help has them
knows() {
	local command=$1 option help

	shift
	[ "$command" != - ] || command=
	# shellcheck disable=SC2086	# no command is no word
	help=$("$OCI" $command --help)
	for option; do
		case $option in
		--*)	grep -q -- " $option[= ]" <<<"$help" ;;
		*)	grep -q -- "  $option, --" <<<"$help" ;;
		esac || {
			echo "$command does not know $option"
			return 1
		}
	done
}

# play: standard input has a call a line; of each, the words behind the caller's name are
# the command line, and it has to succeed.
play() {
	local caller line

	while read -r caller line; do
		[ -n "$caller" ] || continue
		eval "set -- $line"
		"$OCI" "$@" </dev/null >"out.$caller" 2>err || {
			echo "$caller: $line: $?"
			cat err
			return 1
		}
	done
}

# ---------------------------------------------------------------------- the options

@test "each option that runc and crun have is there" {
	knows - --root --log --log-format --log-level --debug --systemd-cgroup --cgroup-manager --rootless \
		--criu --version --help --usage -v -V -h
	knows create --bundle -b --console-socket --pid-file --no-pivot --no-new-keyring --preserve-fds \
		--pidfd-socket --config -f --no-subreaper
	knows run --bundle -b --console-socket --pid-file --no-pivot --no-new-keyring --preserve-fds \
		--pidfd-socket --config -f --no-subreaper --detach -d --keep
	knows exec --console-socket --cwd --env -e --tty -t --user -u --additional-gids -g --process -p \
		--detach -d --pid-file --process-label --apparmor --no-new-privs --cap -c --preserve-fds \
		--cgroup --ignore-paused --pidfd-socket
	knows kill --all -a --regex -r
	knows delete --force -f --regex -r
	knows list --format -f --quiet -q
	knows ps --format -f
	knows events --interval --stats
	knows spec --bundle -b --rootless --file -f
	knows update --resources -r --blkio-weight --cpu-period --cpu-quota --cpu-burst --cpu-share \
		--cpu-rt-period --cpu-rt-runtime --cpu-idle --cpuset-cpus --cpuset-mems --memory \
		--memory-reservation --memory-swap --kernel-memory --kernel-memory-tcp --pids-limit \
		--l3-cache-schema --mem-bw-schema
}

# The ones that are installed may have more than the list above.
@test "none of an installed runc's or crun's is missing" {
	local runtime command option

	skip_unless runc "neither runc nor crun is here" eval 'command -v runc || command -v crun'
	for runtime in runc crun; do
		command -v $runtime >/dev/null || continue
		for command in '' create start run exec kill delete list ps pause resume update spec state; do
			for option in $($runtime $command --help | sed -n 's/^ \{2,6\}\(-.,\)\{0,1\} *\(--[a-z][a-z0-9-]*\).*/\2/p' |
				sort -u); do
				case $command$option in
				*--version | *--help | *--usage) ;;
				*)	knows "${command:--}" "$option" || {
						echo "$runtime has it"
						false
					} ;;
				esac
			done
		done
	done
}

# ---------------------------------------------------------------------- the callers

@test "as containerd's shim says it" {
	bundle '' sleep 100
	python3 -c 'import json
json.dump({"cwd": "/", "args": ["sleep", "50"], "user": {"uid": 0, "gid": 0}, "env": ["PATH=/usr/bin"]}, open("process", "w"))'
	play <<-'END'
		shim --root "$STATE" --log log --log-format json create --bundle "$BUNDLE" --pid-file pid "$ID"
		shim --root "$STATE" --log log --log-format json start "$ID"
		shim --root "$STATE" --log log --log-format json state "$ID"
		shim --root "$STATE" --log log --log-format json exec --process process --detach --pid-file pid2 "$ID"
		shim --root "$STATE" --log log --log-format json list --format json
		shim --root "$STATE" --log log --log-format json kill "$ID" 15
		shim --root "$STATE" --log log --log-format json kill --all "$ID" 9
	END
	until_true has_status "$ID" stopped
	play <<<'shim --root "$STATE" --log log --log-format json delete "$ID"'
	[ ! -s log ]
	nothing_left
}

@test "as containerd's shim asks for more, with control groups" {
	need_root
	bundle '' sleep 100
	echo '{"pids": {"limit": 44}}' >resources
	play <<-'END'
		shim --root "$STATE" --log log --log-format json create --bundle "$BUNDLE" --pid-file pid "$ID"
		shim --root "$STATE" --log log --log-format json start "$ID"
		shim --root "$STATE" --log log --log-format json pause "$ID"
		shim --root "$STATE" --log log --log-format json resume "$ID"
		shim --root "$STATE" --log log --log-format json events --stats "$ID"
		shim --root "$STATE" --log log --log-format json ps --format json "$ID"
		shim --root "$STATE" --log log --log-format json update --resources resources "$ID"
		shim --root "$STATE" --log log --log-format json delete --force "$ID"
	END
	[ ! -s log ]
	nothing_left
}

@test "as podman and conmon say it" {
	bundle '' sleep 100
	python3 -c 'import json
json.dump({"cwd": "/", "args": ["true"], "user": {"uid": 0, "gid": 0}, "env": ["PATH=/usr/bin"]}, open("process", "w"))'
	play <<-'END'
		podman --version
		podman features
		conmon --root="$STATE" --log-format=json --log log create --bundle "$BUNDLE" --pid-file pid --no-new-keyring "$ID"
		podman --root "$STATE" start "$ID"
		podman --root "$STATE" state "$ID"
		conmon --root="$STATE" --log-format=json --log log exec --pid-file pid2 --process process --detach "$ID"
		podman --root "$STATE" kill "$ID" 18
		podman --root "$STATE" delete --force "$ID"
	END
	nothing_left
}

@test "as Slurm's examples say it" {
	bundle '' true
	play <<-'END'
		slurm --rootless=true --root="$STATE" run "$ID" -b "$BUNDLE"
		slurm --rootless=true --root="$STATE" create "$ID" --bundle="$BUNDLE"
		slurm --rootless=true --root="$STATE" state "$ID"
		slurm --rootless=true --root="$STATE" start "$ID"
	END
	until_true has_status "$ID" stopped
	run "$OCI" --rootless=true --root="$STATE" kill -a "$ID"
	play <<<'slurm --rootless=true --root="$STATE" delete --force "$ID"'
	bundle '' sleep 100
	play <<-'END'
		slurm --cgroup-manager=cgroupfs --rootless=true --root="$STATE" run -d --bundle "$BUNDLE" "$ID"
		slurm --rootless=true --root="$STATE" kill -a "$ID" SIGKILL
		slurm --rootless=true --root="$STATE" delete --force "$ID"
	END
	nothing_left
}

@test "as people say it to crun" {
	bundle '' true
	mv "$BUNDLE/config.json" "$BUNDLE/other.json"
	play <<-'END'
		crun --root "$STATE" --debug create -b "$BUNDLE" -f other.json --no-subreaper "$ID"
		crun --root "$STATE" delete -f "$ID"
		crun --root "$STATE" run --config="$BUNDLE/other.json" --bundle="$BUNDLE" "$ID"
		crun spec -b "$DIR" -f mine.json
		crun -?
		crun create -?
		crun --usage
	END
	[ -s mine.json ]
	nothing_left
}

@test "checkpoint and restore are told to be unsupported, whatever they are asked" {
	local words

	for words in "checkpoint $ID" "checkpoint --image-path /x --leave-running --tcp-established $ID" \
		"restore --image-path /x --bundle /y --detach --pid-file /z --no-subreaper $ID"; do
		# shellcheck disable=SC2086	# words on purpose
		run -1 oci $words
		assert_output_has "is not supported"
	done
}

# ----------------------------------------------------------------- what they do

@test "the container's own file is the one that exec reads again" {
	bundle 'c["process"]["cwd"] = "/tmp"' sleep 100
	mv "$BUNDLE/config.json" "$BUNDLE/other.json"
	oci run -d -b "$BUNDLE" -f other.json "$ID" </dev/null >/dev/null 2>err
	run -0 oci exec "$ID" pwd
	[ "$output" = /tmp ]
	run -1 oci run -b "$BUNDLE" "$ID-2"
	assert_output_has "config.json"
}

@test "a pidfd of the process goes to the socket" {
	cat >take <<-'END'
		import array, os, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind('socket')
		s.listen(1)
		print('ready', flush=True)
		c, _ = s.accept()
		data, anc, _, _ = c.recvmsg(64, 64)
		fd = array.array('i', anc[0][2][:4])[0]
		print([l for l in open('/proc/self/fdinfo/%d' % fd) if l.startswith('Pid:')][0].split()[1], flush=True)
	END
	bundle '' sleep 100
	python3 take >took &
	holder=$!
	until_true grep -q ready took
	oci create -b "$BUNDLE" --pid-file pid --pidfd-socket socket "$ID" </dev/null >/dev/null 2>err
	wait "$holder"
	holder=
	[ "$(tail -n 1 took)" = "$(cat pid)" ]
	oci start "$ID"
	rm socket took
	python3 take >took &
	holder=$!
	until_true grep -q ready took
	oci exec --pidfd-socket socket --pid-file pid2 -d "$ID" sleep 5
	wait "$holder"
	holder=
	[ "$(tail -n 1 took)" = "$(cat pid2)" ]
	run -1 oci run -b "$BUNDLE" --pidfd-socket none "$ID-2"
	assert_output_has "--pidfd-socket none"
	oci delete --force "$ID"
	nothing_left
}

@test "kill and delete take a pattern" {
	local id

	bundle '' sleep 100
	for id in "$ID-a1" "$ID-a2" "$ID-b"; do
		oci run -d -b "$BUNDLE" "$id" </dev/null >/dev/null 2>err
	done
	oci kill --regex "^$ID-a[0-9]\$" KILL
	until_true has_status "$ID-a1" stopped
	until_true has_status "$ID-a2" stopped
	has_status "$ID-b" running
	run -1 oci delete -r "$ID"
	assert_output_has "cannot delete container $ID-b"
	[ "$(oci list -q)" = "$ID-b" ]
	oci delete -f -r "$ID"
	run -1 oci delete -r '('
	assert_output_has "no extended regular expression"
	nothing_left
}

@test "ps has the processes of groups below too, and shows what ps does" {
	local dir

	need_root
	bundle 'c["linux"]["resources"] = {}' sh -c 'sleep 99 & exec sleep 98'
	oci run -d -b "$BUNDLE" --pid-file pid "$ID" </dev/null >/dev/null 2>err
	until_true eval '[ "$(oci ps -f json "$ID" | tr , "\n" | wc -l)" = 2 ]'
	run -0 oci ps "$ID" -eo user,pid,args
	[ ${#lines[@]} = 3 ]
	[[ "${lines[0]}" == *PID* ]]
	assert_output_has "$(cat pid) sleep 98"
	assert_output_has "sleep 99"
	# one moves into a group of its own, as with a service manager in a container
	dir=$(find /sys/fs/cgroup -type d \( -path '*freezer*' -o -path '/sys/fs/cgroup/[^/]*' \) -name "$ID" | head -n 1)
	mkdir "$dir/below"
	cat pid >"$dir/below/cgroup.procs"
	[ "$(oci ps -f json "$ID" | tr , '\n' | wc -l)" = 2 ]
	oci kill --all "$ID" KILL
	until_true has_status "$ID" stopped
	run -1 oci ps "$ID" -eo args
	assert_output_has "no column PID"
	oci delete "$ID"
	nothing_left
}

# --------------------------------------------------------------------- in bounded time

# Somebody holds the container's lock for ever.
@test "kill needs no lock, and delete --force ends what holds it" {
	bundle '' sleep 100
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	flock "$STATE/$ID" sleep 60 &
	holder=$!
	until_true eval '! flock -n "$STATE/$ID" true'
	oci kill "$ID" 18
	run -1 timeout 30 "$OCI" --root "$STATE" pause "$ID"
	assert_output_has "another ringfence-oci is at work with it"
	run -1 timeout 30 "$OCI" --root "$STATE" delete --force "$ID"
	assert_output_has "another ringfence-oci is at work with it"
	# what can be had without it is done
	has_status "$ID" stopped
	pkill_holder
	oci delete "$ID"
	nothing_left
}

# The lock is the child's too, which flock has started.
pkill_holder() {
	kill $(ps -o pid= --ppid "$holder") "$holder"
	wait "$holder" || true
	holder=
}

@test "delete of a container that is paused and whose processes ignore signals" {
	need_root
	bundle '' sh -c 'trap "" TERM INT HUP; while :; do sleep 1; done'
	oci run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>err
	oci pause "$ID"
	timeout 30 "$OCI" --root "$STATE" delete --force "$ID"
	nothing_left
}
