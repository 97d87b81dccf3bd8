# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The real job: ringfence builds its own source tree and runs its unprivileged
# tests inside a sandbox made from examples/build.yaml: the host read-only,
# only the build folder writable, no network.  First as whoever runs this;
# then, if that is root, as an ordinary user that is made for it.  Sourced by
# bootstrap.

# shellcheck disable=SC2154	# srcdir, jobs: bootstrap's
demo_user=
demo_dir=

# What a sandbox with a writable ./build might change: all but ./build.
tree_state() {
	(
		cd "$1" || exit 1
		find . -path ./build -prune -o -printf '%p %y %m %U %G %T@ %l\n' | sort
		find . -path ./build -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
	)
}

# The sources as a release would have them, in $1.
copy_sources() {
	mkdir -p "$1" &&
		tar -C "$srcdir" --exclude=./.git --exclude=./build --exclude='./build-[!a]*' \
			--exclude=./autom4te.cache -cf - . | tar -C "$1" -xf - &&
		mkdir "$1/build"
}

make_demo_user() {
	demo_user=rfdemo$$
	useradd -m -d "$demo_dir/home" -s /bin/sh "$demo_user" || die "cannot create a user"
}

demo_cleanup() {
	if [ -n "$demo_user" ]; then
		userdel "$demo_user" 2>/dev/null
		sed -i "/^$demo_user:/d" /etc/subuid /etc/subgid 2>/dev/null
	fi
	[ -n "$demo_dir" ] && rm -rf "$demo_dir"
	true
}

# What runs inside: configure, make, the unit tests, and two things that must fail.
demo_job='
set -e
cd build
../configure -q
make -s -j"$(nproc)"
make check-unit
if touch ../canary 2>/dev/null; then echo "the source tree can be written"; exit 1; fi
if ip=$(cat /proc/net/route | tail -n +2) && [ -n "$ip" ]; then echo "there is a network"; exit 1; fi
./ringfence --version
'

# demo_as TITLE PREFIX...: the job in $demo_dir/src, by that prefix.
demo_as() {
	local title=$1 status

	shift
	echo
	echo "== $title: the sandbox of examples/build.yaml builds ringfence"
	tree_state "$demo_dir/src" >"$demo_dir/before"
	: >"$demo_dir/log"
	chmod 0666 "$demo_dir/log"
	(
		cd "$demo_dir/src" &&
			"$@" "$demo_dir/ringfence" run --spec examples/build.yaml --trace \
				--verdict "$demo_dir/out/verdict.json" -- /bin/sh -c "$demo_job"
	) >"$demo_dir/log" 2>"$demo_dir/trace"
	status=$?
	echo "-- the trace of the launch"
	cat "$demo_dir/trace"
	echo "-- what the job said, its end"
	tail -n 25 "$demo_dir/log"
	echo "-- the verdict"
	cat "$demo_dir/out/verdict.json" || status=1
	[ "$status" = 0 ] || die "demo: the job failed as $title with status $status"
	tree_state "$demo_dir/src" >"$demo_dir/after"
	diff "$demo_dir/before" "$demo_dir/after" || die "demo: the host tree was changed as $title"
	echo "-- the host tree, $(grep -c . "$demo_dir/before") lines of names, times and digests: unchanged"
	rm -f "$demo_dir/out/verdict.json"
}

demo() {
	trap demo_cleanup EXIT
	trap 'exit 130' INT TERM HUP
	demo_dir=$(mktemp -d /var/tmp/ringfence-demo.XXXXXX) || die "no temporary directory"
	chmod 0755 "$demo_dir"
	mkdir "$demo_dir/out"
	cp build/ringfence "$demo_dir/ringfence"
	copy_sources "$demo_dir/src"
	demo_as "$(id -un)" env
	if [ "$(id -u)" != 0 ]; then
		echo
		echo "demo: done, as $(id -un)"
		return
	fi
	make_demo_user
	rm -rf "$demo_dir/src"
	copy_sources "$demo_dir/src"
	chown -R "$demo_user:" "$demo_dir/src" "$demo_dir/out"
	demo_as "an ordinary user" setpriv --reuid="$demo_user" --regid="$demo_user" \
		--init-groups --inh-caps=-all env -i HOME="$demo_dir/home" USER="$demo_user" \
		LC_ALL=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin
	echo
	echo "demo: done, as root and as an ordinary user"
}
