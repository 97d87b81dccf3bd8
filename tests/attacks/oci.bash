# SPDX-License-Identifier: LGPL-2.1-or-later
# What the attacks on ringfence-oci load: a bundle, and the canary outside.

load harness
load ../e2e/oci

setup() {
	attack_setup
	oci_begin
	ROOT=$BUNDLE/rootfs
}

teardown() {
	oci_teardown
	[ -z "${CANARY:-}" ] || canary_lives
}
