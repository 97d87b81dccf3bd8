# SPDX-License-Identifier: LGPL-2.1-or-later
# --learn: the command runs again under the spec, and needs each of its lines.
load harness

setup() {
	harness_setup
	need_userns
}

learn() {
	"$RINGFENCE" run --learn learned.yaml -- "$@" >out 2>err || {
		cat err
		return 1
	}
	cp learned.yaml.seccomp policy
}

# again: the learned spec gives the same again
again() {
	"$RINGFENCE" run --spec "${1:-learned.yaml}" >again 2>&1 </dev/null && cmp -s out again
}

# lines FILE: numbers of those that give something
lines() {
	grep -nE '^ +- |^allow ' "$1" | cut -d: -f1
}

every_line_is_needed() {
	local n

	again
	for n in $(lines learned.yaml); do
		sed "${n}d" learned.yaml >less.yaml
		if again less.yaml; then
			echo "not needed: $(sed -n "${n}p" learned.yaml)"
			return 1
		fi
	done
	for n in $(lines policy); do
		sed "${n}d" policy >learned.yaml.seccomp
		if again; then
			echo "not needed: $(sed -n "${n}p" policy)"
			return 1
		fi
	done
	cp policy learned.yaml.seccomp
	again
}

@test "a program that reads a file" {
	echo hello >input
	learn cat input
	[ "$(cat out)" = hello ]
	grep -qF "/input" learned.yaml
	run ! grep -F 'rw:' learned.yaml
	every_line_is_needed
}

@test "a script with its interpreter" {
	printf '%s\n' '#!/bin/sh' 'read line <data; echo "$line"' >script
	echo text >data
	chmod 0755 script
	learn ./script
	grep -qF '/bin/sh' learned.yaml
	every_line_is_needed
}

@test "a program that writes a file, which trials do not touch" {
	mkdir result
	learn sh -c 'echo run >>result/log && echo done'
	[ "$(cat result/log)" = run ]
	grep -qF "{rw: $DIR/result}" learned.yaml
	every_line_is_needed
}

@test "a directory that is listed, and a link that is read" {
	mkdir listed
	touch listed/a listed/b
	ln -s listed link
	learn sh -c 'ls link; readlink link'
	every_line_is_needed
}

@test "a temporary file" {
	learn sh -c 'f=$(mktemp /tmp/learn.XXXXXX) && rm "$f" && echo done'
	grep -qF '{tmpfs: /tmp' learned.yaml
	every_line_is_needed
}

@test "what is not there any more, and names that YAML could misread" {
	echo odd >'a: {b} "c" #d'
	learn cat 'a: {b} "c" #d'
	every_line_is_needed
}

@test "a given spec is what it is observed in" {
	mkdir data
	echo in >data/file
	"$RINGFENCE" run --rw data:/inside/data --root empty --ro /usr --symlink usr/bin:/bin \
		--symlink usr/lib:/lib --symlink usr/lib64:/lib64 \
		--learn learned.yaml -- cat /inside/data/file >out 2>err
	cp learned.yaml.seccomp policy
	grep -qF "{ro: $DIR/data/file, at: /inside/data/file}" learned.yaml
	every_line_is_needed
}

@test "the command's status, and a spec also of one that fails" {
	run -3 "$RINGFENCE" run --learn learned.yaml -- sh -c 'exit 3'
	[ -s learned.yaml ]
	run -3 "$RINGFENCE" run --spec learned.yaml
}

@test "a command that needs its input is written down whole, and that is said" {
	echo 4 >input
	run -4 "$RINGFENCE" run --learn learned.yaml -- sh -c 'read n; exit $n' <input
	assert_output_has 'nothing was left out'
	run -4 "$RINGFENCE" run --spec learned.yaml <input
}

@test "once: it runs once" {
	"$RINGFENCE" run --learn learned.yaml --learn-once -- sh -c 'echo >>ran' 2>err
	[ "$(wc -l <ran)" = 1 ]
	"$RINGFENCE" run --spec learned.yaml
	[ "$(wc -l <ran)" = 2 ]
	run -2 "$RINGFENCE" run --learn-once -- true
}

@test "ports" {
	cat >server.py <<-'END'
		import socket
		s = socket.socket(); s.bind(("127.0.0.1", 4321)); s.listen()
		c = socket.create_connection(("127.0.0.1", 4321)); c.send(b"x")
		print(s.accept()[0].recv(1))
	END
	learn python3 -I -S server.py || {
		grep -q Landlock err && skip "landlock: this kernel has no rules for ports"
		return 1
	}
	grep -qF -- '- 4321' learned.yaml
	again
	for n in $(grep -n -- '- 4321' learned.yaml | cut -d: -f1); do
		sed "${n}d" learned.yaml >less.yaml
		run ! again less.yaml
	done
}

@test "an ordinary user" {
	cp "$RINGFENCE" ringfence
	chmod 0755 ringfence
	mkdir -m 0777 here
	cd here
	as_user env TMPDIR="$PWD" ../ringfence run --learn learned.yaml -- cat /etc/hostname 2>err
	as_user ../ringfence run --spec learned.yaml
}
