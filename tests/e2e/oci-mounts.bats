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
	: >"$BUNDLE/rootfs/there"
	bundle "$OPTIONS"'
binds = ("bind", "rbind", "idmap", "ridmap", "copy-symlink", "src-nofollow", "dest-nofollow")
for n, option in enumerate(sorted(listed)):
    m = {"destination": "/m/%d" % n, "type": "tmpfs", "options": [option]}
    if option in binds:
        if option.endswith("map"): continue
        m = {"destination": "/m/%d" % n, "source": "/etc/hostname", "options": ["bind", option]}
        # one that is not made
        if option == "dest-nofollow": m["destination"] = "/there"
    if option == "remount":
        c["mounts"].append({"destination": m["destination"], "type": "tmpfs"})
    c["mounts"].append(m)' sh -c 'ls /m | wc -l'
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = "$(($("$OCI" features | sed -n '/"mountOptions"/,/]/p' | grep -c '^ *"[^"]*",*$') - 3))" ]
	bundle "$OPTIONS"'assert "iversion" not in listed
c["mounts"].append({"destination": "/m", "type": "tmpfs", "options": ["iversion"]})' true
	run oci run -b "$BUNDLE" "$ID"
	has_failed "mounts\[*\].options\[0\]: 'iversion': "
}

# Every word that runc 1.5 and crun 1.29 take, from their sources.
@test "no option that runc or crun knows is unknown" {
	bundle "$OPTIONS"'words = ("async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand "
"noatime nodev nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow rbind "
"relatime remount ro rw silent strictatime suid symfollow sync private rprivate slave rslave shared rshared "
"unbindable runbindable rro rrw rnosuid rsuid rnodev rdev rnoexec rexec rnodiratime rdiratime rrelatime rnorelatime "
"rnoatime ratime rstrictatime rnostrictatime rnosymfollow rsymfollow tmpcopyup idmap ridmap rsync rasync rdirsync "
"rmand rnomand copy-symlink src-nofollow dest-nofollow").split()
missing = sorted(set(words) - set(listed))
assert missing == ["iversion"], missing' true
}

@test "what runc has of options is here, or refused by a word of why" {
	skip_unless runc "it is the peer" command -v runc
	runc features | python3 -I -S -c 'import json, subprocess, sys
ours = json.loads(subprocess.check_output([sys.argv[1], "features"]))["mountOptions"]
theirs = json.load(sys.stdin)["mountOptions"]
# of a flag of ext2 that mount(2) hands on, nothing is left
print(sorted(set(theirs) - set(ours)))' "$OCI" >missing
	[ "$(cat missing)" = "['acl', 'iversion', 'noacl']" ]
}

@test "flags of a file system are its own" {
	bundle 'm = c["mounts"]
for word in ("sync", "dirsync", "lazytime", "rsync", "rdirsync"): m.append({"destination": "/" + word, "type": "tmpfs", "options": [word]})' \
		sh -c 'grep -E " /(r?sync|r?dirsync|lazytime) " /proc/self/mountinfo | sed "s/^.* - //"'
	run -0 oci run -b "$BUNDLE" "$ID"
	[[ "${lines[0]}" == *dirsync* && "${lines[1]}" == *lazytime* && "${lines[2]}" == *dirsync* ]]
	[[ "${lines[3]}" == *" rw,sync"* && "${lines[4]}" == *" rw,sync"* ]]
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

# ------------------------------------------------------------------------ remount

# at DIR, for the command: its attributes, and behind them the options of its file system
SHOW='at() { while read -r _ _ _ _ p o rest; do [ "$p" != "$1" ] || echo "$p $o ${rest#* - }"; done </proc/self/mountinfo; }; '

@test "remount changes what is mounted there already, and nothing else of it" {
	mkdir -p data
	bundle 'm = c["mounts"]
m += [{"destination": "/a", "type": "tmpfs", "options": ["nosuid", "size=1m"]},
      {"destination": "/a/below/file", "source": "/etc/hostname", "options": ["bind"]},
      {"destination": "/a", "type": "tmpfs", "options": ["remount", "ro", "noexec", "size=2m"]},
      {"destination": "/b", "source": "'"$DIR"'/data", "options": ["bind", "nodev"]},
      {"destination": "/b", "options": ["bind", "remount", "ro"]}]' \
		sh -c "$SHOW"'at /a; at /b; cat /a/below/file | wc -l; { echo >/a/x; } 2>/dev/null && echo wrong; echo >/b/x'
	run oci run -b "$BUNDLE" "$ID"
	echo "$output"
	[ "$status" != 0 ]
	[[ "${lines[0]}" == "/a ro,nosuid,noexec"*" tmpfs none "*size=2048k* ]]
	[[ "${lines[1]}" == "/b ro,"*nodev* ]]
	[ "${lines[2]}" = 1 ]
	[[ "${lines[3]}" == *"Read-only file system"* ]]
	: >data/y	# the host's own is as it was
	nothing_left
}

@test "remount reaches what came with another mount" {
	need_root
	mkdir -p data/sub
	bundle 'c["mounts"] += [{"destination": "/b", "source": "'"$DIR"'/data", "options": ["rbind"]},
{"destination": "/b/sub", "options": ["bind", "remount", "ro"]}]' \
		sh -c 'echo >/b/x; { echo >/b/sub/x; } 2>/dev/null || echo kept'
	run -0 unshare -m sh -c 'mount -t tmpfs tmpfs "$DIR/data/sub" && "$OCI" --root "$STATE" run -b "$BUNDLE" "$ID" && echo >"$DIR/data/sub/y"'
	[ "$output" = kept ]
	[ -e data/x ]
	nothing_left
}

@test "remount of what is not there, is no mount, or is not the container's is an error" {
	local words

	mkdir -p data
	for words in '"/nosuch"' '"/etc"'; do
		bundle 'c["mounts"].append({"destination": '"$words"', "options": ["bind", "remount", "ro"]})' true
		run oci run -b "$BUNDLE" "$ID"
		has_failed ""
	done
	for words in '"/", "options": ["bind", "remount", "ro"]' '"/b", "options": ["remount", "ro"], "type": "tmpfs"' \
		'"/proc", "options": ["bind", "remount", "size=1m"]' '"/proc", "options": ["bind", "remount", "tmpcopyup"]'; do
		bundle 'c["mounts"].append({"destination": "/b", "source": "'"$DIR"'/data", "options": ["bind"]})
c["mounts"].append({"destination": '"$words"'})' true
		run oci run -b "$BUNDLE" "$ID"
		has_failed "mounts\["
	done
}

# -------------------------------------------------------------------------- links

@test "src-nofollow binds a link itself" {
	mkdir -p data
	echo outside >data/file
	echo inside >"$BUNDLE/rootfs/tmp/file"
	ln -s file data/link
	ln -s "$DIR/data/file" absolute
	bundle 'm = c["mounts"]
m += [{"destination": "/tmp/mine", "source": "'"$DIR"'/data/link", "options": ["bind", "src-nofollow"]},
      {"destination": "/tmp/theirs", "source": "'"$DIR"'/data/link", "options": ["bind"]},
      {"destination": "/tmp/plain", "source": "'"$DIR"'/data/file", "options": ["bind", "src-nofollow"]},
      {"destination": "/tmp/nowhere", "source": "'"$DIR"'/absolute", "options": ["bind", "src-nofollow"]}]
c["root"]["readonly"] = False' \
		sh -c 'readlink /tmp/mine; cat /tmp/mine /tmp/theirs /tmp/plain; cat /tmp/nowhere'
	run oci run -b "$BUNDLE" "$ID"
	echo "$output"
	[ "${lines[0]}" = file ]
	[ "${lines[1]}" = inside ]
	[ "${lines[2]}" = outside ]
	[ "${lines[3]}" = outside ]
	[[ "${lines[4]}" == *"No such file"* ]]
	nothing_left
}

@test "dest-nofollow covers a link of the root, which has to be there" {
	local words

	mkdir -p data
	echo outside >data/file
	echo inside >"$BUNDLE/rootfs/tmp/file"
	ln -s file "$BUNDLE/rootfs/tmp/link"
	bundle 'c["mounts"].append({"destination": "/tmp/link", "source": "'"$DIR"'/data/file", "options": ["bind", "dest-nofollow"]})' \
		cat /tmp/link /tmp/file
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = $'outside\ninside' ]
	# a link on a link
	ln -s hosts data/link
	bundle 'c["mounts"].append({"destination": "/tmp/link", "source": "'"$DIR"'/data/link", "options": ["bind", "dest-nofollow", "src-nofollow"]})' \
		readlink /tmp/link
	run -0 oci run -b "$BUNDLE" "$ID"
	[ "$output" = hosts ]
	bundle 'c["mounts"].append({"destination": "/tmp/nosuch", "source": "'"$DIR"'/data/file", "options": ["bind", "dest-nofollow"]})' true
	run oci run -b "$BUNDLE" "$ID"
	has_failed 'open *"tmp/nosuch"'
	for words in '"options": ["dest-nofollow"], "type": "tmpfs"' '"options": ["src-nofollow"], "type": "tmpfs"' \
		'"options": ["bind", "copy-symlink", "src-nofollow"], "source": "/etc/hostname"'; do
		bundle 'c["mounts"].append({"destination": "/tmp/link", '"$words"'})' true
		run oci run -b "$BUNDLE" "$ID"
		has_failed "mounts\["
	done
	nothing_left
}
