# SPDX-License-Identifier: LGPL-2.1-or-later
# What the command gets at which number, and what is refused.
load harness

setup() {
	harness_setup
	need_userns
}

@test "a directory is opened for the command only if named as such" {
	run -2 "$RINGFENCE" run --fd 3:open=/etc -- true
	assert_output_has "/etc is a directory, a way out of the sandbox"
	run -0 "$RINGFENCE" run --fd 3:open=/etc,directory=true -- readlink /proc/self/fd/3
	[ "$output" = /etc ]
	# and is the host's, also where the root is that, read-only
	mkdir dir
	run -0 "$RINGFENCE" run --root host --proc /proc \
		--fd "3:open=$DIR/dir,directory=true" -- touch /proc/self/fd/3/made
	[ -e dir/made ]
}

@test "a directory at a standard descriptor is refused" {
	run -2 bash -c '"$RINGFENCE" run -- true </etc'
	assert_output_has "descriptor 0 is a directory"
}

@test "a verdict or trace is not written through a symbolic link" {
	echo precious >file
	ln -s file link
	run -2 "$RINGFENCE" run --verdict link -- touch ran
	assert_output_has "symbolic link is not followed"
	run -2 "$RINGFENCE" run --trace-file link -- touch ran
	[ "$(cat file)" = precious ]
	[ ! -e ran ]
}

@test "a descriptor of ringfence's own is none that can be passed" {
	run -2 bash -c 'exec 3>&- 4>&-; exec "$RINGFENCE" run --verdict verdict --fd 5:from=3 -- true'
	assert_output_has "descriptor 3 is not open"
}
