# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tests of ringfence-oci load beside the harness: a bundle whose root has the
# host's programs, and what must be left of a container.

oci_setup() {
	harness_setup
	oci_begin
}

oci_begin() {
	OCI=$RF_BUILDDIR/ringfence-oci
	[ -x "$OCI" ] || {
		echo "no $OCI" >&2
		return 1
	}
	STATE=$DIR/state
	BUNDLE=$DIR/bundle
	# one that no other test has
	ID=rf-${BATS_TEST_NUMBER:-0}-$$
	export OCI STATE BUNDLE ID
	oci_root "$BUNDLE/rootfs"
}

# oci_root DIR: an empty root, into which /usr is going to be bound
oci_root() {
	mkdir -p "$1"/{usr,proc,dev,sys,tmp,etc}
	ln -s usr/bin "$1/bin"
	ln -s usr/lib "$1/lib"
	ln -s usr/sbin "$1/sbin"
	[ ! -e /lib64 ] || ln -s usr/lib64 "$1/lib64"
}

# bundle PYTHON [COMMAND...]: a config.json for COMMAND, which PYTHON may change as `c`
bundle() {
	local rootless=

	is_root || rootless=--rootless
	rm -f "$BUNDLE/config.json"
	"$OCI" spec $rootless -b "$BUNDLE"
	# without what site adds: it is most of what a test takes where the processor is emulated
	python3 -I -S - "$BUNDLE/config.json" "$@" <<'END'
import json, os, sys
file, change, command = sys.argv[1], sys.argv[2], sys.argv[3:]
c = json.load(open(file))
c['process']['terminal'] = False
c['mounts'].append({'destination': '/usr', 'source': '/usr', 'type': 'bind',
                    'options': ['rbind', 'ro']})
if command:
    c['process']['args'] = command
exec(change)
json.dump(c, open(file, 'w'), indent=1)
END
}

oci() {
	"$OCI" --root "$STATE" "$@"
}

status_of() {
	oci state "$1" | sed -n 's/^ *"status": "\([a-z]*\)",*$/\1/p'
}

has_status() {
	[ "$(status_of "$1")" = "$2" ]
}

no_process() {
	! grep -l "$BUNDLE" /proc/[0-9]*/mountinfo 2>/dev/null
}

# Control groups are of version 2 alone.
is_unified() {
	[ -e /sys/fs/cgroup/cgroup.controllers ]
}

# group CONTROLLER: the directory of group $ID
group() {
	if is_unified; then
		echo "/sys/fs/cgroup/$ID"
	else
		echo "/sys/fs/cgroup/$1/$ID"
	fi
}

# need_controller NAME
need_controller() {
	need_root
	if is_unified; then
		skip_unless cgroup "version 2 has no $1" grep -qw "$1" /sys/fs/cgroup/cgroup.controllers
	else
		skip_unless cgroup "no hierarchy of version 1 has $1" test -d "/sys/fs/cgroup/$1"
	fi
}

# value_is CONTROLLER V1-FILE V2-FILE VALUE [V2-VALUE]: of the control file of group $ID
value_is() {
	local file=$2 want=$4

	! is_unified || file=$3 want=${5:-$4}
	[ "$(cat "$(group "$1")/$file")" = "$want" ] || {
		echo "$file is $(cat "$(group "$1")/$file"), not $want"
		return 1
	}
}

# Nothing of a container: no state, no group, no process that sees its root.
nothing_left() {
	local groups

	until_true no_process

	[ ! -e "$STATE" ] || [ -z "$(ls -A "$STATE")" ] || {
		echo "left in the state:"
		ls -A "$STATE"
		return 1
	}
	groups=$(find /sys/fs/cgroup -maxdepth 3 -name "$ID*" 2>/dev/null)
	[ -z "$groups" ] || {
		echo "groups left: $groups"
		return 1
	}
}

oci_teardown() {
	local id

	[ -n "${STATE:-}" ] || return 0
	for id in "$STATE"/*; do
		[ ! -d "$id" ] || oci delete --force "${id##*/}" || true
	done
}
