# SPDX-License-Identifier: LGPL-2.1-or-later
# What tests of pools share.

knows_peers() {	# SO_PEERPIDFD, by whose number a pool knows who has connected
	python3 -c 'import socket
socket.socketpair()[0].getsockopt(socket.SOL_SOCKET, 77)'
}

# A folder of names of the test's own, so that pools of others are none of its business.
pool_setup() {
	need_userns
	skip_unless pool "a pool needs Linux 6.5" knows_peers
	export XDG_RUNTIME_DIR=$DIR/runtime
	mkdir -m 0700 runtime
	cat >pool.yaml <<-'EOF_SPEC'
		extends: [default]
		mounts: [{tmpfs: /tmp}]
	EOF_SPEC
	POOL=
}

# pool ARGUMENT...: start one in the background of this shell; it is ready. Sets POOL.
pool() {
	"$RINGFENCE" pool "$@" 2>pool.err 3>&- &
	POOL=$!
	for _ in $(seq 500); do
		[ ! -S runtime/ringfence/.pool-${NAME:-default} ] || return 0
		kill -0 $POOL 2>/dev/null || break
		sleep 0.02
	done
	cat pool.err
	return 1
}

pool_teardown() {
	local pid

	for pid in ${POOL:-}; do
		kill -TERM "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
}

# status FIELD [NAME]: of the pool's status
status() {
	"$RINGFENCE" pool status ${2:-} | python3 -c 'import json, sys
value = json.load(sys.stdin)[sys.argv[1]]
print(json.dumps(value) if not isinstance(value, str) else value)' "$1"
}

# until_status FIELD VALUE [NAME]: comes to it, in a few seconds
until_status() {
	for _ in $(seq 250); do
		[ "$(status "$1" ${3:-})" != "$2" ] || return 0
		sleep 0.02
	done
	echo "$1 is $(status "$1" ${3:-}), wanted $2"
	return 1
}

# Warm: fails where the pool cannot serve it.
warm() {
	"$RINGFENCE" run --pool --pool-else=error "$@"
}
