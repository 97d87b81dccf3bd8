# SPDX-License-Identifier: LGPL-2.1-or-later
# ringfence-oci: `mounts` of a config.json, their options, id-mapped ones, and what a
# container sees of its control groups.
load harness
load oci

setup() {
	oci_setup
	need_userns
}

teardown() {
	oci_teardown
}

# has_failed PATTERN: what `run` has run was an error with its place, and nothing is left
has_failed() {
	[ "$status" = 1 ]
	# shellcheck disable=SC2053	# a pattern on purpose
	[[ "${lines[-1]}" == *"/config.json:"*": "$1* ]] || {
		echo "wanted: $1"
		echo "got: $output"
		return 1
	}
	nothing_left
}

# --------------------------------------------------------------------- options

# For Python: what `features` lists.
OPTIONS='import os, subprocess
listed = json.loads(subprocess.check_output([os.environ["OCI"], "features"]))["mountOptions"]
'

@test "every option that features lists is taken, and none is left out of it" {
	local option

	bundle "$OPTIONS"'
binds = ("bind", "rbind", "idmap", "ridmap", "copy-symlink")
for n, option in enumerate(sorted(listed)):
    m = {"destination": "/m/%d" % n, "type": "tmpfs", "options": [option]}
    if option in binds:
        if option.endswith("map"): continue
        m = {"destination": "/m/%d" % n, "source": "/etc/hostname", "options": ["bind", option]}
    c["mounts"].append(m)' sh -c 'ls /m | wc -l'
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "$(($("$OCI" features | sed -n '/"mountOptions"/,/]/p' | grep -c '^ *"[^"]*",*$') - 2))" ]
	# a word that is no option is the file system's, which does not know it
	for option in remount mand iversion src-nofollow dest-nofollow; do
		bundle "$OPTIONS"'assert "'$option'" not in listed
c["mounts"].append({"destination": "/m", "type": "tmpfs", "options": ["'$option'"]})' true
		run oci run -b "$BUNDLE" "$ID"
		has_failed "mounts\[*\].options\[0\]: '$option': "
	done
}

@test "what runc has of options is here, or refused by a word of why" {
	skip_unless runc "it is the peer" command -v runc
	runc features | python3 -I -S -c 'import json, subprocess, sys
ours = json.loads(subprocess.check_output([sys.argv[1], "features"]))["mountOptions"]
theirs = json.load(sys.stdin)["mountOptions"]
# of a flag of ext2 that mount(2) hands on, nothing is left
print(sorted(set(theirs) - set(ours)))' "$OCI" >missing
	[ "$(cat missing)" = "['acl', 'iversion', 'mand', 'noacl', 'remount']" ]
}

@test "flags of a file system are its own" {
	bundle 'm = c["mounts"]
for word in ("sync", "dirsync", "lazytime"): m.append({"destination": "/" + word, "type": "tmpfs", "options": [word]})' \
		sh -c 'grep -E " /(sync|dirsync|lazytime) " /proc/self/mountinfo | sed "s/^.* - //"'
	run -0 oci run -b "$BUNDLE" "$ID"
	[[ "${lines[0]}" == *dirsync* && "${lines[1]}" == *lazytime* && "${lines[2]}" == *" rw,sync"* ]]
	bundle 'c["mounts"].append({"destination": "/a", "source": "/etc", "options": ["bind", "sync"]})' true
	run oci run -b "$BUNDLE" "$ID"
	has_failed "mounts\[*\]: a bind has no option 'sync'"
}

# The attributes of what is mounted on $1, in the container.
attributes() {
	sed -n "s|^[^ ]* [^ ]* [^ ]* [^ ]* $1 \([^ ]*\) .*|\1|p" <<<"$output"
}

@test "options with an r are for all that is below too, others for the mount alone" {
	need_root
	mkdir -p tree/below
	cat >container <<-END
		mount -t tmpfs top tree && mkdir -p tree/below && mount -t tmpfs below tree/below &&
		exec "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
	END
	bundle 'tree = "'"$DIR"'/tree"
def add(at, *options): c["mounts"].append({"destination": at, "source": tree, "options": ["rbind"] + list(options)})
add("/deep", "rro", "rnosuid", "rnodev", "rnoexec", "rnoatime", "rnodiratime", "rnosymfollow")
add("/flat", "ro", "nosuid", "nodev", "noexec", "nosymfollow")
add("/but", "rro", "rw")' cat /proc/self/mountinfo
	run -0 unshare -m sh -e container
	[ "$(attributes /deep)" = ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow ]
	[ "$(attributes /deep/below)" = "$(attributes /deep)" ]
	[ "$(attributes /flat)" = ro,nosuid,nodev,noexec,relatime,nosymfollow ]
	[ "$(attributes /flat/below)" = rw,relatime ]
	[[ "$(attributes /but)" == rw,* && "$(attributes /but/below)" == ro,* ]]
}

@test "no link is followed in a mount with nosymfollow" {
	mkdir data
	echo content >data/file
	ln -s file data/link
	bundle 'c["mounts"].append({"destination": "/a", "source": "'"$DIR"'/data", "options": ["bind", "nosymfollow"]})' \
		sh -c 'cat /a/file; cat /a/link'
	run -1 oci run -b "$BUNDLE" "$ID"
	[ "${lines[0]}" = content ]
	assert_output_has "Too many levels of symbolic links"
}

@test "a link is copied, not what it leads to here" {
	ln -s /etc/nothing link
	ln -s file two
	echo content >file
	bundle 'for name in ("link", "two", "file"): c["mounts"].append({"destination": "/m/" + name,
"source": "'"$DIR"'/" + name, "options": ["bind", "copy-symlink"]})' sh -c 'readlink /m/link /m/two; cat /m/two'
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "/etc/nothing
file
content" ]
}

# ------------------------------------------------------------------- id-mapped

# A tree on a file system that can be id-mapped, with one mounted below it, both root's.
mapped_tree() {
	need_root
	mkdir tree
	if ! mountable tmpfs; then
		skip_unless idmap "no file system here can be id-mapped" mountable ext4
	fi
}

# mountable TYPE: into the file `setup` goes what mounts the tree, in a namespace of its own
mountable() {
	if [ "$1" = tmpfs ]; then
		echo "mount -t tmpfs top tree; mkdir -p tree/below; mount -t tmpfs below tree/below" >setup
	else
		truncate -s 4M top below || return 1
		mkfs.ext4 -q top && mkfs.ext4 -q below || return 1
		echo "mount -o loop top tree; mkdir -p tree/below; mount -o loop below tree/below" >setup
	fi
	echo "touch tree/file; chown 5:6 tree/file" >>setup
	echo 'exec "$@"' >>setup
	bundle 'c["mounts"].append({"destination": "/m", "source": "'"$DIR"'/tree", "options": ["bind"],
"uidMappings": [{"containerID": 0, "hostID": 7, "size": 9}], "gidMappings": [{"containerID": 0, "hostID": 7, "size": 9}]})' true
	unshare -m sh -e setup "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID" 2>err ||
		{ ! grep -q "cannot be id-mapped" err && cat err >&3; false; }
}

# mapped OPTIONS UIDS GIDS [PYTHON]: who owns the tree in the container
mapped() {
	bundle "m = {'destination': '/m', 'source': '$DIR/tree', 'options': $1}
if $2: m['uidMappings'] = $2
if $3: m['gidMappings'] = $3
c['mounts'].append(m)
${4:-}" stat -c '%n %u:%g' /m/file /m/below/.
	run unshare -m sh -e setup "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID"
}

UIDS='[{"containerID": 0, "hostID": 1000, "size": 10}]'
GIDS='[{"containerID": 0, "hostID": 2000, "size": 10}]'

@test "a mount is mapped as its own mappings say, with what is below as ridmap says" {
	mapped_tree
	for options in '["rbind"]' '["rbind", "idmap"]'; do
		mapped "$options" "$UIDS" "$GIDS"
		[ "$output" = "/m/file 1005:2006
/m/below/. 0:0" ]
	done
	mapped '["rbind", "ridmap"]' "$UIDS" "$GIDS"
	[ "$output" = "/m/file 1005:2006
/m/below/. 1000:2000" ]
	nothing_left
}

@test "without mappings of its own it is mapped as the container is" {
	local user="for kind in ('uid', 'gid'): c['linux'][kind + 'Mappings'] = [{'containerID': 0, 'hostID': 300000, 'size': 100}]
c['linux']['namespaces'].append({'type': 'user'})"

	mapped_tree
	chmod 755 "$BUNDLE"
	mapped '["rbind"]' None None "$user"
	[ "$output" = "/m/file 65534:65534
/m/below/. 65534:65534" ]
	mapped '["rbind", "idmap"]' None None "$user"
	[ "$output" = "/m/file 5:6
/m/below/. 65534:65534" ]
	mapped '["rbind", "ridmap"]' None None "$user"
	[ "$output" = "/m/file 5:6
/m/below/. 0:0" ]
	nothing_left
}

@test "a mount that cannot be mapped is refused" {
	local idmap='"options": ["bind", "idmap"]' maps="\"uidMappings\": $UIDS, \"gidMappings\": $GIDS"

	need_root
	for entry in "'source': '/etc', $idmap" "'source': '/proc', $idmap, $maps" \
		"'source': '/etc', 'options': ['bind'], 'uidMappings': $UIDS" \
		"'type': 'tmpfs', $maps" "'type': 'tmpfs', 'options': ['ridmap']"; do
		bundle "c['mounts'].append({'destination': '/m', $entry})" true
		run oci run -b "$BUNDLE" "$ID"
		echo "$output" >>said
		[ "$status" = 1 ]
		nothing_left
	done
	sed -i 's/^.*config.json:[0-9:]* //; s/\[[0-9]*\]//' said
	cat said
	[ "$(cat said)" = "mounts: /m is mapped to no user namespace, and has no mappings of its own
id-mapped mount of /proc (its file system, or one mounted below it, cannot be id-mapped)
mounts: \`uidMappings\` and \`gidMappings\` come together
mounts: mapping ids is for binds
mounts: mapping ids is for binds" ]
}

@test "who is not root maps no mount" {
	! is_root || skip "for an ordinary user"
	bundle "c['mounts'].append({'destination': '/m', 'source': '/etc', 'options': ['bind', 'idmap']})" true
	run oci run -b "$BUNDLE" "$ID"
	has_failed "id-mapped mount of /etc: Operation not permitted"
}

# -------------------------------------------------------------- control groups

@test "a container sees its own groups, and writes to none" {
	local ns

	need_root
	for ns in own none; do
		# of processes there are the shell, which is 1, and cat
		bundle "if '$ns' == 'none': c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'cgroup']
c['linux']['cgroupsPath'] = '/$ID'" sh -c 'cat /proc/self/cgroup
for dir in /sys/fs/cgroup /sys/fs/cgroup/pids "/sys/fs/cgroup/$1"; do
head -n 1 "$dir/cgroup.procs" 2>/dev/null; mkdir "$dir/new" && echo made; done; exit 0' sh "$ID"
		run -0 oci run -b "$BUNDLE" "$ID"
		refute_output_has made
		grep -qx 1 <<<"$output"
		if [ $ns = own ]; then
			grep -qE '^[0-9]+:(pids)?:/$' <<<"$output"
			refute_output_has ":/$ID"
		else
			grep -qE "^[0-9]+:(pids)?:/$ID$" <<<"$output"
		fi
		nothing_left
	done
}

@test "version 2 is shown where it is the container's" {
	need_root
	bundle 'c["mounts"].append({"destination": "/cg", "type": "cgroup2", "options": ["ro"]})' \
		cat /cg/cgroup.procs
	run oci run -b "$BUNDLE" "$ID"
	if is_unified; then
		[ "$output" = 1 ]
	else
		has_failed "mounts: containers have groups of version 1 here, which \`cgroup\` shows"
	fi
}
