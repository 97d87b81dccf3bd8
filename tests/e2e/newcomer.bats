# SPDX-License-Identifier: LGPL-2.1-or-later
# What somebody tries who has read no more than the README.
load harness

@test "a root without its directory is answered with how a path is written" {
	mkdir tree
	run -2 "$RINGFENCE" run --root tree -- true
	assert_output_has "unknown word 'tree'"
	assert_output_has "hint: a path is written with its directory: ./tree"
}
