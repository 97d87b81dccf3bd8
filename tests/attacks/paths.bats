# SPDX-License-Identifier: LGPL-2.1-or-later
# Paths: destinations that are symlinks, places renamed away, sources swapped
# between a check and a mount (CVE-2018-15664, CVE-2021-30465, CVE-2024-45310,
# CVE-2026-87766; bubblewrap#801: symlinked destinations must go on working).
load harness

@test "a symlinked destination works, and stays inside" {
	bare_root root
	mkdir -p root/run root/var root/data
	ln -s ../run root/var/run
	ln -s /data root/abs
	run -0 in_root "$DIR/root" --ro "$DIR/outside:/var/run" --ro "$DIR/outside:/abs" \
		-- sh -c 'cat /run/canary /var/run/canary /data/canary /abs/canary'
	[ "$output" = $'alive\nalive\nalive\nalive' ]
	[ -z "$(ls -A root/run root/data)" ] || [ "$(find root/run root/data -type f)" = "" ]
}

@test "an absolute link of the root to a place of the host leads nowhere" {
	bare_root root
	ln -s "$DIR/outside" root/evil
	ln -s "../../../../../../../..$DIR/outside" root/evil2
	for at in /evil /evil2 /evil/new /evil2/new; do
		run -125 in_root "$DIR/root" --tmpfs "$at" -- touch "$at/dead"
		run -125 in_root "$DIR/root" --mount "{file: $at/dead, content: dead, create: true}" -- true ||
			canary_lives
		canary_lives
	done
}

@test "nothing is made in a bind unless the spec says create" {
	mkdir tree
	run -125 boxed --rw "$DIR/tree:/tmp/t" --ro "$DIR/outside:/tmp/t/new" -- true
	[ -z "$(ls -A tree)" ]
	run -125 boxed --rw "$DIR/tree:/tmp/t" --tmpfs /tmp/t/new -- true
	[ -z "$(ls -A tree)" ]
	run -0 boxed --rw "$DIR/tree:/tmp/t" --ro "$DIR/outside:/tmp/t/new:create=true" -- \
		cat /tmp/t/new/canary
	[ "$(ls -A tree)" = new ]
}

@test "a created destination does not follow a link out" {
	mkdir tree
	ln -s "$DIR/outside" tree/link
	run boxed --rw "$DIR/tree:/tmp/t" --tmpfs "/tmp/t/link/new:create=true" -- true
	canary_lives
	run boxed --rw "$DIR/tree:/tmp/t" --mount '{dir: /tmp/t/link/new, create: true}' -- true
	canary_lives
}

@test "an entry that covers another is found, with both places named" {
	mkdir tree tree/a
	ln -s a tree/b
	printf 'extends: [default]\nmounts:\n  - {rw: %s, at: /tmp/t}\n  - {ro: %s, at: /tmp/t/a}\n  - {tmpfs: /tmp/t/b}\n' \
		"$DIR/tree" "$DIR/outside" >spec.yaml
	run -125 "$RINGFENCE" run --spec spec.yaml -- true
	assert_output_has "spec.yaml:4:"
	assert_output_has ":5:"
}

@test "what is above a protected place cannot be renamed away" {
	mkdir -p tree/one/two/secret
	echo secret >tree/one/two/secret/file
	run ! boxed --rw "$DIR/tree:/tmp/t" --deny /tmp/t/one/two/secret -- \
		sh -c 'mv /tmp/t/one /tmp/t/else && cat /tmp/t/else/two/secret/file'
	run ! boxed --rw "$DIR/tree:/tmp/t" --deny /tmp/t/one/two/secret -- \
		sh -c 'mv /tmp/t/one/two /tmp/t/one/else && cat /tmp/t/one/else/secret/file'
	run ! boxed --rw "$DIR/tree:/tmp/t" --ro "$DIR/tree/one/two/secret:/tmp/t/one/two/secret" -- \
		sh -c 'rm -rf /tmp/t/one/two/secret; mv /tmp/t/one /tmp/t/else; echo dead >/tmp/t/one/two/secret/file'
	[ "$(cat tree/one/two/secret/file)" = secret ]
}

# Every way to put something else where an ancestor of a protected place was: another
# name, an exchange, a removal, a mount over it, for each ancestor below the bind.
@test "no ancestor of a protected place can be replaced" {
	mkdir -p tree/one/two/three tree/other/two/three
	echo secret >tree/one/two/three/file
	echo decoy >tree/other/two/three/file
	for protect in "--deny /tmp/t/one/two/three/file" "--ro $DIR/tree/one/two/three/file:/tmp/t/one/two/three/file"; do
		for place in one one/two one/two/three one/two/three/file; do
			for attack in "mv /tmp/t/$place /tmp/t/gone" "rm -rf /tmp/t/$place; mkdir -p /tmp/t/$place" \
				"/tmp/intruder swap /tmp/t/$place /tmp/t/other </dev/null" \
				"ln -sfn /tmp/t/other /tmp/t/$place" \
				"mount --bind /tmp/t/other /tmp/t/$place" "umount -l /tmp/t/$place"; do
				# shellcheck disable=SC2086 # words
				run boxed --rw "$DIR/tree:/tmp/t" $protect --map root --capabilities chown,dac_override,fowner -- \
					sh -c "$attack; echo dead >/tmp/t/one/two/three/file; cat /tmp/t/gone/two/three/file /tmp/t/gone/three/file /tmp/t/gone/file /tmp/t/gone"
				[ "$(cat tree/one/two/three/file)" = secret ]
				[[ $protect == --ro* ]] || refute_output_has secret
			done
		done
	done
}

# While two names are exchanged over and over, every launch either fails or has
# what it asked for, and none touches what is outside.
race() {
	local i out pid

	coproc SWAPPER { exec "$INTRUDER" swap "$1" "$2" 3>&-; }
	pid=$SWAPPER_PID	# bash forgets it when the process has ended
	read -r out <&"${SWAPPER[0]}"
	[ "$out" = swapping ]
	shift 2
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		run "$@"
		canary_lives
		case $status in
		0 | 125) ;;
		*) echo "$status: $output"; false ;;
		esac
	done
	eval "exec ${SWAPPER[1]}>&-"
	wait "$pid"
}

@test "a destination that turns into a link and back is never left" {
	bare_root root
	mkdir -p root/x/place
	ln -s "$DIR/outside" root/x/link
	race root/x/place root/x/link in_root "$DIR/root" --tmpfs /x/place -- sh -c \
		'echo dead >/x/place/canary; exit 0'
}

@test "a parent that turns into a link and back is never followed out" {
	mkdir -p tree/real/sub
	ln -s "$DIR/outside" tree/link
	race tree/real tree/link boxed --rw "$DIR/tree:/tmp/t" \
		--mount '{dir: /tmp/t/real/sub/new, create: true}' -- true
}
