# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tests of hooks load, behind their harness: containers without an engine.
#
#	container		begins one: its process waits before pivot_root
#	enter_root		has it go on behind that
#	hook STAGE [STATUS]	runs one with the file fragment.yaml; writes the file err
#	inside COMMAND...	runs in the container's namespaces
#	own_host		from here on what these take for the host has links and mounts
#				of the test's own: other tests look at those of the host
#	on_host COMMAND...	runs there
#
# A container is what runtimes make: namespaces of its own, a root bound onto itself,
# busybox for everything.  $PID is its process, $ROOT its root.

need_busybox() {
	local busybox

	busybox=$(command -v busybox) || busybox=/nonexistent
	skip_unless busybox "needs busybox-static" has_static "$busybox"
	BUSYBOX=$busybox
}

has_static() {
	[ -x "$1" ] && ! ldd "$1"
}

# bundle [DIR]: a bundle with a root
bundle() {
	local dir=${1:-$DIR/bundle} name

	mkdir -p "$dir"/rootfs/{bin,data,dev,etc,proc,sys,tmp}
	cp "$BUSYBOX" "$dir/rootfs/bin/busybox"
	for name in sh cat ls mount umount pivot_root sleep hostname ip; do
		ln -s busybox "$dir/rootfs/bin/$name"
	done
	echo '{"ociVersion":"1.0.2","root":{"path":"rootfs"}}' >"$dir/config.json"
	ROOT=$dir/rootfs
}

# container [OPTION...]: unshare's, beside namespaces for mounts, processes and the rest
container() {
	bundle
	mkfifo up go
	on_host unshare --mount --pid --net --ipc --uts --fork --kill-child --propagation private "$@" \
		"$BUSYBOX" sh -c '
			mount --bind "$0" "$0" && cd "$0" || exit 1
			# as the host numbers it
			read -r pid rest </proc/self/stat && echo "$pid" >../../pid && : >../../up || exit 1
			read -r word <../../go
			mkdir -p old && bin/pivot_root . old && cd / && /bin/umount -l old &&
				/bin/mount -t proc proc /proc || exit 1
			exec /bin/sleep 300' "$ROOT" 3>&- &
	CONTAINER=$!
	is_up
	PID=$(cat pid)
}

is_up() {
	timeout 60 "$BUSYBOX" cat up
}

own_host() {
	unshare --net --mount sleep 300 3>&- &
	HOST=$!
	until [ "$(readlink /proc/$HOST/exe)" = "$(readlink -f "$(command -v sleep)")" ]; do
		kill -0 $HOST || return 1
		sleep 0.01
	done
}

on_host() {
	if [ -n "${HOST:-}" ]; then
		# shellcheck disable=SC2016
		nsenter -t "$HOST" -m -n -- sh -c 'cd "$0" && exec "$@"' "$PWD" "$@"
	else
		"$@"
	fi
}

# Behind pivot_root; the root is the process's own then.
enter_root() {
	local i

	timeout 60 "$BUSYBOX" sh -c 'echo >go'
	for ((i = 0; i < 500; i++)); do
		[ "$(readlink "/proc/$PID/exe")" = /bin/busybox ] &&
			grep -q sleep "/proc/$PID/cmdline" && return 0
		sleep 0.01
	done
	echo "the container did not come up" >&2
	return 1
}

# Without a trace, whatever the test has done.
container_end() {
	[ -z "${HOST:-}" ] || kill -9 "$HOST" 2>/dev/null || true
	[ -z "${HOST:-}" ] || wait "$HOST" 2>/dev/null || true
	[ -z "${PID:-}" ] || kill -9 "$PID" 2>/dev/null || true
	[ -z "${CONTAINER:-}" ] || kill -9 "$CONTAINER" 2>/dev/null || true
	[ -z "${CONTAINER:-}" ] || wait "$CONTAINER" 2>/dev/null || true
}

# state [STATUS [PID]]
state() {
	printf '{"ociVersion":"1.0.2","id":"c-1","status":"%s","pid":%d,"bundle":"%s"}\n' \
		"${1:-creating}" "${2:-${PID:-0}}" "$DIR/bundle"
}

fragment() {
	cat >fragment.yaml
}

hook() {
	state "${2:-creating}" >state.json
	on_host "$RINGFENCE" hook "$1" fragment.yaml <state.json 2>err || {
		local status=$?

		cat err >&2
		return $status
	}
}

# fails STATUS TEXT HOOK-ARGUMENT...: with that in its one line
fails() {
	local status=0 wanted=$1 text=$2

	shift 2
	hook "$@" || status=$?
	[ $status = "$wanted" ] || { echo "status $status, wanted $wanted"; return 1; }
	grep -qF -- "$text" err || { echo "wanted: $text"; cat err; return 1; }
	[ "$(wc -l <err)" = 1 ]
}

inside() {
	nsenter -t "$PID" -m -n -u -i -- "$@"
}

# The same as root of the container's user namespace.
inside_user() {
	nsenter -t "$PID" -U -m -n -u -i --preserve-credentials -- "$@"
}

mounts_of_root() {
	inside grep -c " $ROOT/" /proc/self/mountinfo || true
}
