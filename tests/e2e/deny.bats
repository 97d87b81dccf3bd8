# SPDX-License-Identifier: LGPL-2.1-or-later
# What is denied stays out of reach.
load harness

setup() {
	harness_setup
	need_userns
}

@test "absent: freeze holds where the frozen directory is an entry itself" {
	mkdir sub
	run ! "$RINGFENCE" run --rw . --deny "$DIR/absent:absent=freeze" \
		--deny "$DIR/other:absent=freeze" -- touch absent
	assert_output_has "Read-only file system"
	run -0 "$RINGFENCE" run --rw . --rw sub --deny "$DIR/absent:absent=freeze" -- touch sub/made
	[ -e sub/made ]
	[ ! -e absent ]
}
