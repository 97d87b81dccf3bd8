# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The real job: ringfence builds its own source tree and runs its unprivileged
# tests inside a sandbox made from examples/build.yaml, first as whoever runs
# this, then, if that is root, as an ordinary user.  Sourced by bootstrap.

# shellcheck disable=SC2154	# srcdir, jobs: bootstrap's

# A digest of the whole tree: names, types, modes, owners and contents.
tree_digest() {
	(
		cd "$1" || exit 1
		find . -path ./build-sandbox -prune -o -printf '%p %y %m %u %g %l\n' | sort
		find . -path ./build-sandbox -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
	) | sha256sum | cut -d ' ' -f 1
}

# Copy the sources, without builds, to $1.
copy_sources() {
	mkdir -p "$1" &&
		tar -C "$srcdir" --exclude=./.git --exclude=./build --exclude='./build-[!a]*' --exclude=./autom4te.cache -cf - . |
		tar -C "$1" -xf - && mkdir "$1/build-sandbox"
}

demo_user=
demo_dir=

demo_cleanup() {
	[ -n "$demo_user" ] && userdel "$demo_user" 2>/dev/null
	[ -n "$demo_user" ] && sed -i "/^$demo_user:/d" /etc/subuid /etc/subgid 2>/dev/null
	[ -n "$demo_dir" ] && rm -rf "$demo_dir"
	true
}
