# SPDX-License-Identifier: LGPL-2.1-or-later
# What tests of running sandboxes share.

# start ARGUMENT...: run in the background; the command has said "up" when this
# returns, and reads descriptor 7.  Sets pid.
start() {
	local line

	rm -f in out
	mkfifo in out
	"$RINGFENCE" run "$@" <in >out 2>err 7>&- 8>&- 3>&- &
	pid=$!
	exec 7>in 8<out
	read -r -u 8 line
	echo "$line"
	[ "$line" = up ]
}
