# SPDX-License-Identifier: LGPL-2.1-or-later
# What tests of many jobs share.

# of_jobs KEY: its value in each line of the file "verdicts", in the jobs' order
of_jobs() {
	python3 -c '
import json, sys
jobs = [json.loads(line) for line in open("verdicts")]
for job in sorted(jobs, key=lambda j: j["job"]["index"]):
	value = job
	for key in sys.argv[1].split("."):
		value = value[key]
	print(json.dumps(value))' "$1" | tr '\n' ' ' | sed 's/ $//'
}

# begin_stream ARGUMENT...: batch reads what is written to descriptor 7, its verdicts
# come from 8, and it is process $pid.
begin_stream() {
	mkfifo in out
	"$RINGFENCE" batch "$@" - <in >out 2>err 3>&- &
	pid=$!
	exec 7>in 8<out
}

# many N: N jobs, until all have their verdict
many() {
	local i writer

	# beside the reading, for neither pipe holds all of them
	for ((i = 0; i < $1; i++)); do echo '["true"]'; done >&7 3>&- &
	writer=$!
	for ((i = 0; i < $1; i++)); do
		IFS= read -r -t 60 line <&8
		[[ $line == *'"outcome":"exited","exit_status":0,'* ]]
	done
	wait $writer
}

descriptors_of() {
	ls "/proc/$1/fd" | wc -l
}

resident_of() {	# in KiB
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"
}

# no_growth N ARGUMENT...: of memory and descriptors, between the first 100 jobs and
# the last of N
no_growth() {
	local nr=$1 fds memory

	shift
	begin_stream -j 8 "$@"
	many 100
	fds=$(descriptors_of $pid) memory=$(resident_of $pid)
	many $((nr - 100))
	echo "descriptors $fds, then $(descriptors_of $pid); KiB $memory, then $(resident_of $pid)"
	[ "$(descriptors_of $pid)" = "$fds" ]
	# what a sanitizer keeps of freed memory grows; it finds leaks by itself
	grep -q __asan_init "$RINGFENCE" || [ "$(resident_of $pid)" -le $((memory + 128)) ]
	exec 7>&-
	ended 0
	exec 8<&-
}
