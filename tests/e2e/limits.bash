# SPDX-License-Identifier: LGPL-2.1-or-later
# What tests of limits share: a control group of the test's own, in whatever
# hierarchies there are, so that what a launch leaves behind is seen.

# cgroup_mounts: "MOUNT TYPE OPTIONS" of each hierarchy with controllers, or of version 2
cgroup_mounts() {
	sed -n 's/^\([^ ]* \)\{4\}\([^ ]*\) .* - \(cgroup2\{0,1\}\) [^ ]* \(.*\)/\2 \3 \4/p' \
		/proc/self/mountinfo | grep -v 'name='
}

# hierarchy CONTROLLER: where it is mounted
hierarchy() {
	local mount type options

	while read -r mount type options; do
		if [ "$type" = cgroup2 ] && grep -qw "$1" "$mount/cgroup.controllers"; then
			echo "$mount"
			return
		fi
		case ,$options, in *,"$1",*) echo "$mount"; return ;; esac
	done < <(cgroup_mounts)
	return 1
}

# own_group MOUNT TYPE CONTROLLERS: the caller's group there, from the mount
own_group() {
	if [ "$2" = cgroup2 ]; then
		sed -n 's/^0:://p' /proc/self/cgroup
	else
		sed -n "s/^[0-9]*:${3#*rw,}://p" /proc/self/cgroup
	fi
}

# delegated: the group above the caller's, as a session manager delegates it to an ordinary
# user; of root's, the root of the hierarchies
delegated() {
	local own=

	is_root || own=$(sed -n 's/^0:://p' /proc/self/cgroup)
	echo "${own%/*}"
}

# make_parent: $PARENT, a group in each hierarchy, for --cgroup-parent
make_parent() {
	local mount type options controller above

	above=$(delegated)
	PARENT=$above/rf-test-$$-$BATS_TEST_NUMBER
	while read -r mount type options; do
		if [ "$type" = cgroup2 ]; then
			for controller in $(cat "$mount$above/cgroup.controllers"); do
				echo "+$controller" >"$mount$above/cgroup.subtree_control" || return 1
			done
		fi
		mkdir "$mount$PARENT" || return 1
		[ -e "$mount$PARENT/cpuset.cpus" ] && [ "$type" = cgroup ] || continue
		cat "$mount/cpuset.cpus" >"$mount$PARENT/cpuset.cpus"
		cat "$mount/cpuset.mems" >"$mount$PARENT/cpuset.mems"
	done < <(cgroup_mounts)
	[ -n "$(cgroup_mounts)" ]
}

# left_behind: what there is below $PARENT
left_behind() {
	local mount type options

	while read -r mount type options; do
		find "$mount$PARENT" -mindepth 1 -type d
	done < <(cgroup_mounts)
}

remove_parent() {
	local mount type options

	[ -n "${PARENT:-}" ] || return 0
	while read -r mount type options; do
		find "$mount$PARENT" -mindepth 1 -depth -type d -exec rmdir {} +
		rmdir "$mount$PARENT"
	done < <(cgroup_mounts) 2>/dev/null
	return 0
}

need_cgroups() {
	skip_unless cgroup "no control group can be made here" make_parent
	# the line above ran in this shell: PARENT is set
}

# limited ARGUMENT...: with its group in ours, and a verdict
limited() {
	"$RINGFENCE" run --cgroup-parent "$PARENT" --verdict verdict "$@"
}

# counted KEY: its number in the verdict's `cgroup`
counted() {
	grep -oE "\"$1\":[0-9]+" verdict | tail -n 1 | cut -d : -f 2
}
