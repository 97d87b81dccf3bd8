# SPDX-License-Identifier: LGPL-2.1-or-later
# What a sandbox can have for a file system, and what it cannot be talked out of.
load harness

setup() {
	harness_setup
	need_userns
	before=$(host_state)
}

teardown() {
	[ "$(host_state)" = "$before" ]
}

# on_host COMMAND, mounts on standard input: the host read-only, and those
on_host() {
	{
		echo "root: host"
		echo "mounts:"
		cat
	} >spec.yaml
	run "$RINGFENCE" run --spec spec.yaml -- sh -c "$1"
	echo "$status: $output"
}

# from_nothing COMMAND, mounts on standard input: an empty root with /usr
from_nothing() {
	{
		echo "root: empty"
		echo "mounts:"
		echo "  - {ro: /usr}"
		for dir in bin lib lib64; do
			[ ! -L /$dir ] || echo "  - {symlink: usr/$dir, at: /$dir}"
			[ -L /$dir ] || [ ! -d /$dir ] || echo "  - {ro: /$dir}"
		done
		cat
	} >spec.yaml
	run "$RINGFENCE" run --spec spec.yaml -- sh -c "$1"
	echo "$status: $output"
}

@test "a root that is made to hold mounts cannot be written" {
	from_nothing 'touch /x; ls /' <<-E
	  - {tmpfs: /tmp}
	E
	[ "$status" = 0 ]
	assert_output_has "Read-only file system"
	refute_output_has etc
}

@test "read-only is so for all mounts below" {
	on_host 'touch /sys/x /dev/x "$PWD/x" 2>&1 | grep -c "Read-only\|denied"' <<-E
	  - {ro: $DIR}
	E
	[ "${lines[-1]}" = 3 ]
}

@test "a tmpfs has the size, inodes and mode of the spec" {
	from_nothing 'stat -c %a /t; head -c 100K /dev/zero >/t/a; touch /t/1 /t/2 /t/3' <<-E
	  - {tmpfs: /t, size: 64K, inodes: 4, mode: "1777"}
	  - {dev: /dev}
	E
	assert_output_has 1777
	[ "$(grep -c "No space left" <<<"$output")" = 2 ]
}

@test "a read-only tmpfs has what was put into it" {
	from_nothing 'cat /t/note; ls -d /t/dir; touch /t/x' <<-E
	  - {tmpfs: /t, readonly: true}
	  - {file: /t/note, content: "hello\n"}
	  - {dir: /t/dir}
	E
	assert_output_has hello
	assert_output_has "Read-only file system"
}

@test "/dev is private, with a devpts of its own" {
	from_nothing 'echo x >/dev/null && head -c 3 /dev/zero | wc -c && touch /dev/shm/x &&
		[ /dev/ptmx -ef /dev/pts/ptmx ] && ls /dev/pts' <<-E
	  - {dev: /dev}
	  - {proc: /proc}
	E
	[ "$status" = 0 ]
	[ "$output" = "0: 3
ptmx" ] || [ "${lines[0]}" = 3 ]
	[ ! -e /dev/shm/x ]
}

@test "a procfs shows the sandbox's processes only" {
	from_nothing 'ls -d /proc/[0-9]* | wc -l' <<-E
	  - {proc: /proc}
	E
	[ "$output" -le 6 ]
}

@test "hidepid and subset reach the procfs" {
	from_nothing 'grep " /proc " /proc/self/mounts || grep proc /proc/self/mountinfo; ls /proc | grep meminfo' <<-E
	  - {proc: /proc, hidepid: invisible, subset: pid}
	E
	assert_output_has "hidepid=invisible"
	assert_output_has "subset=pid"
	refute_output_has meminfo
}

@test "sysfs, mqueue and cgroup are those of the sandbox" {
	from_nothing 'ls /sys/class/net; ls -d /mq && ls /cg/cgroup.procs' <<-E
	  - {sysfs: /sys}
	  - {mqueue: /mq}
	  - {cgroup: /cg}
	E
	[ "${lines[0]}" = lo ]
	assert_output_has /mq
}

@test "a file has its content and mode, also over one of the host's" {
	echo original >file
	on_host "cat $DIR/file; stat -c %a $DIR/file" <<-E
	  - {file: $DIR/file, content: "mine\n", mode: "0640"}
	E
	[ "${lines[0]}" = mine ]
	[ "${lines[1]}" = 640 ]
	[ "$(cat file)" = original ]
}

@test "a file can come from a descriptor" {
	cat >spec.yaml <<-E
	root: host
	mounts:
	  - {tmpfs: /tmp}
	  - {file: /tmp/f, fd: 7}
	E
	run -0 bash -c 'echo by-descriptor | "$RINGFENCE" run --spec spec.yaml 7<&0 -- cat /tmp/f'
	[ "$output" = by-descriptor ]
}

@test "an overlay on a tmpfs leaves its lower layers alone" {
	mkdir a b
	echo a >a/file; echo b >b/file; echo b >b/other
	on_host 'cat /mnt/file /mnt/other; rm /mnt/file; echo new >/mnt/new; ls /mnt' <<-E
	  - {overlay: /mnt, lower: [$DIR/a, $DIR/b], upper: tmpfs}
	E
	[ "${lines[0]}" = a ]
	[ "${lines[1]}" = b ]
	assert_output_has new
	[ "$(cat a/file)" = a ]
	[ ! -e a/new ] && [ ! -e b/new ]
}

@test "an overlay's upper directory is kept when it is named" {
	mkdir lower upper work
	on_host 'echo new >/mnt/new' <<-E
	  - {overlay: /mnt, lower: [$DIR/lower], upper: $DIR/upper, work: $DIR/work}
	E
	[ "$status" = 0 ]
	[ "$(cat upper/new)" = new ]
	rm -rf work || chmod -R 700 work
}

@test "what is denied cannot be read, nor what is below it" {
	mkdir -p secret/deep
	echo key >secret/key; echo key >file
	on_host "cat $DIR/secret/key $DIR/file; ls $DIR/secret/deep; mv $DIR/secret $DIR/s; rm $DIR/file" <<-E
	  - {rw: $DIR}
	  - {deny: $DIR/secret}
	  - {deny: $DIR/file}
	E
	refute_output_has $'\nkey'
	[ "$(cat secret/key file)" = $'key\nkey' ]
}

@test "an entry inside a denied directory is there all the same" {
	mkdir -p home/project
	echo hello >home/project/file; echo key >home/key
	on_host "cat $DIR/home/project/file; ls $DIR/home; cat $DIR/home/key" <<-E
	  - {deny: $DIR/home}
	  - {ro: $DIR/home/project}
	E
	assert_output_has hello
	refute_output_has $'\nkey'
}

@test "denying what does not exist is refused where the command could make it" {
	on_host true <<-E
	  - {rw: $DIR}
	  - {deny: $DIR/.env}
	E
	[ "$status" != 0 ]
	assert_output_has "hint: absent: freeze"
	[ ! -e .env ]
}

@test "denying what does not exist costs nothing where nobody can make it" {
	on_host true <<-E
	  - {deny: $DIR/.env}
	E
	[ "$status" = 0 ]
}

@test "absent: freeze keeps the command from making it, and leaves no trace" {
	mkdir -p a
	on_host "mkdir -p $DIR/a/b/c; touch $DIR/other; mv $DIR/a $DIR/z; ls $DIR" <<-E
	  - {rw: $DIR}
	  - {deny: $DIR/a/b/c, absent: freeze}
	E
	[ ! -e a/b ] && [ -e other ] && [ -e a ]
}

@test "absent: placeholder keeps the command from making it, and leaves a directory" {
	on_host "rmdir $DIR/.env; echo x >$DIR/.env; touch $DIR/other" <<-E
	  - {rw: $DIR}
	  - {deny: $DIR/.env, absent: placeholder}
	E
	[ -d .env ] && [ -e other ]
}

@test "the directories on the way to a protected place cannot be renamed" {
	mkdir -p a/b/git
	on_host "mv $DIR/a $DIR/x; mv $DIR/a/b $DIR/a/x; mv $DIR/a/b/git $DIR/g; touch $DIR/a/b/git/x; touch $DIR/a/b/y" <<-E
	  - {rw: $DIR}
	  - {ro: $DIR/a/b/git}
	E
	[ "$(grep -c busy <<<"$output")" = 3 ]
	[ -d a/b/git ] && [ ! -e a/b/git/x ] && [ -e a/b/y ]
}

@test "a symlinked destination works, and leads nowhere else" {
	mkdir -p tree/real
	ln -s real tree/link
	ln -s / tree/out
	mkdir src
	echo hello >src/file
	cat >spec.yaml <<-E
	root: {dir: ./tree, rw: true}
	mounts:
	  - {ro: /usr, create: true}
	  - {symlink: usr/bin, at: /bin, create: true}
	  - {symlink: usr/lib, at: /lib, create: true}
	  - {symlink: usr/lib64, at: /lib64, create: true}
	  - {ro: ./src, at: /link}
	  - {ro: ./src, at: /out/made, create: true}
	E
	[ -L /lib ] || skip_unless merged "the host's /lib is no link" false
	run -0 "$RINGFENCE" run --spec spec.yaml -- sh -c 'cat /real/file /made/file'
	[ "$output" = $'hello\nhello' ]
	[ -d tree/made ] && [ ! -e /made ]
}

@test "two entries that a link of the host makes one are an error that names both" {
	[ -L /lib ] || skip_unless merged "the host's /lib is no link" false
	on_host true <<-E
	  - {tmpfs: /lib}
	  - {tmpfs: /usr/lib}
	E
	[ "$status" = 125 ]
	assert_output_has "spec.yaml:3:"
	assert_output_has "line 4"
}

@test "a missing destination in a bind is made with create: true only" {
	mkdir src
	on_host true <<-E
	  - {rw: $DIR}
	  - {ro: /usr, at: $DIR/new}
	E
	[ "$status" = 125 ]
	assert_output_has "create: true"
	[ ! -e new ]
	on_host "ls $DIR/new/bin >/dev/null" <<-E
	  - {rw: $DIR}
	  - {ro: /usr, at: $DIR/new, create: true}
	E
	[ "$status" = 0 ]
}

@test "a source can be what an entry at an earlier place makes on the host" {
	mkdir dir
	on_host "touch $DIR/dir/other/made" <<-E
	  - {rw: $DIR/dir}
	  - {dir: $DIR/dir/new, create: true}
	  - {rw: $DIR/dir/new, at: $DIR/dir/other, create: true}
	E
	[ "$status" = 0 ]
	[ -e dir/new/made ]
}

@test "an optional entry without a source is left out" {
	from_nothing 'ls /' <<-E
	  - {ro: $DIR/none, at: /none, optional: true}
	E
	[ "$status" = 0 ]
	refute_output_has none
}

@test "a source that contains everything does not contain the sandbox" {
	mkdir here
	on_host "ls $DIR/here; ls -d /mnt$DIR/here; ls /mnt/mnt | head -1; cat /mnt/etc/hostname" <<-E
	  - {ro: /, at: /mnt}
	  - {tmpfs: $DIR/here}
	  - {file: /etc/hostname, content: covered}
	E
	[ "$status" = 0 ]
	refute_output_has covered
}

@test "a bind from a descriptor is what the descriptor is" {
	mkdir dir
	echo hello >dir/file
	cat >spec.yaml <<-E
	root: host
	mounts:
	  - {ro: {fd: 7}, at: /mnt}
	E
	run -0 "$RINGFENCE" run --spec spec.yaml -- cat /mnt/file 7<dir
	[ "$output" = hello ]
}

@test "thousands of mounts are no trouble" {
	{
		echo "root: host"
		echo "mounts:"
		echo "  - {tmpfs: /tmp}"
		seq 3000 | sed 's|.*|  - {ro: /usr, at: /tmp/d/&}|'
	} >spec.yaml
	run -0 "$RINGFENCE" run --spec spec.yaml -- sh -c 'ls /tmp/d | wc -l'
	[ "$output" = 3000 ]
}

@test "an image is a root" {
	need_root
	skip_unless image "needs mksquashfs and mkfs.erofs" sh -c 'command -v mksquashfs && command -v mkfs.erofs'
	mkdir -p tree/usr tree/proc tree/mark
	for dir in bin lib lib64; do
		[ ! -L /$dir ] || ln -s usr/$dir tree/$dir
	done
	mksquashfs tree root.sqfs -quiet -no-progress
	mkfs.erofs root.erofs tree >/dev/null 2>&1
	for image in root.sqfs root.erofs; do
		cat >spec.yaml <<-E
		root: ./$image
		mounts: [{ro: /usr}, {proc: /proc}]
		E
		run -0 "$RINGFENCE" run --spec spec.yaml -- sh -c 'ls / && touch /x'' || true'
		assert_output_has mark
		assert_output_has "Read-only file system"
	done
	run losetup -a
	refute_output_has "$DIR"
}

@test "an image as an ordinary user is refused with a hint" {
	printf 'hsqs' >image
	echo "root: ./image" >spec.yaml
	run -125 as_user "$RINGFENCE" run --spec spec.yaml -- true
	assert_output_has "only root of the host may mount an image"
}

@test "an id-mapped bind writes as its owner" {
	need_root
	mkdir data
	cat >spec.yaml <<-E
	root: host
	user: {uid: 0, gid: 0, map: {uid: [{inside: 0, outside: 100000, count: 1000}], gid: [{inside: 0, outside: 100000, count: 1000}]}}
	mounts:
	  - {rw: ./data, at: /mnt, idmap: true}
	E
	run "$RINGFENCE" run --spec spec.yaml -- sh -c 'touch /mnt/file && stat -c %u /mnt/file'
	echo "$status: $output"
	[[ "$output" != *"cannot be id-mapped"* ]] || skip_unless idmap "this file system has no id-mapped mounts" false
	[ "$output" = 0 ]
	[ "$(stat -c %u data/file)" = 0 ]
}
