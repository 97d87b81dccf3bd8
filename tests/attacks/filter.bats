# SPDX-License-Identifier: LGPL-2.1-or-later
# What the default filter refuses, whatever else stands in the way: the rest of
# the attacks is run without it.
load harness

setup() {
	attack_setup
	CALLER=$RF_BUILDDIR/tests/helpers/caller
	[ -x "$CALLER" ] || skip_unless seccomp "tests/helpers/caller is not built" false
}

# calls FILTER NAME ARGUMENT...: what the call answers in a sandbox.
calls() {
	local filter=$1

	shift
	"$RINGFENCE" run --seccomp "$filter" --ro "$CALLER:/tmp/caller" -- /tmp/caller "$@" </dev/null
}

# answers ERROR NAME ARGUMENT...: in every preset that ordinary programs run under.
answers() {
	local want=$1 got filter

	shift
	for filter in default build; do
		got=$(calls "$filter" "$@")
		[ "$got" = "$want" ] || {
			echo "$filter: $*: $got, not $want" >&2
			return 1
		}
	done
}

@test "io_uring, whose requests no filter sees (isolate 2.6, nsjail #285)" {
	answers EPERM io_uring_setup 8 @
	answers EPERM io_uring_enter 3 1 0 0
	answers EPERM io_uring_register 3 0 0 0
	case $(calls off io_uring_setup 8 @) in
	ok | ENOSYS | EPERM) ;;
	*) false ;;
	esac
}

@test "input pushed into the terminal (CVE-2017-5226, CVE-2023-28100)" {
	answers EPERM ioctl 0 0x5412 @
	answers EPERM ioctl 0 0x541c @
	[ "$(calls off ioctl 0 0x5412 @)" = ENOTTY ]
}

@test "... with bits set that the kernel does not look at (CVE-2019-10063, CVE-2019-7303)" {
	for high in 1 80000000 ffffffff deadbeef; do
		answers EPERM ioctl 0 "0x${high}00005412" @
		answers EPERM ioctl 0 "0x${high}0000541c" @
		answers EPERM unshare "0x${high}10000000"
	done
	[ "$(calls off ioctl 0 0x100005412 @)" = ENOTTY ]
}

@test "new namespaces, the way to most of the kernel (CVE-2022-0185, CVE-2022-0492)" {
	for flag in 0x10000000 0x00020000 0x40000000 0x20000000 0x08000000 0x04000000 0x02000000; do
		answers EPERM unshare "$flag"
		answers EPERM clone "$flag"
	done
	answers EPERM unshare 0x80
	answers EPERM setns 0 0
	# its flags are in memory: libcs fall back to clone
	answers ENOSYS clone3 @ 88
	[ "$(calls off unshare 0x10000000)" = ok ]
}

@test "keyrings, which belong to no namespace" {
	answers EPERM keyctl 0 -3 0
	answers EPERM add_key @ @ @ 1 -3
	answers EPERM request_key @ @ 0 0
}

@test "other processes' memory" {
	[ "$(calls default ptrace 16 1 0 0)" = EPERM ]
	[ "$(calls default process_vm_readv 1 @ 1 @ 1 0)" = EPERM ]
	[ "$(calls default pidfd_getfd 0 0 0)" = EPERM ]
}

@test "socket families that few have read (AF_VSOCK reaches the hypervisor)" {
	for family in 40 3 9 17 21 29 30 38 44; do
		answers EAFNOSUPPORT socket "$family" 2 0
	done
	[ "$(calls default socket 1 1 0)" = ok ]
}

@test "mounts, the kernel's programs and its insides" {
	for call in mount umount2 pivot_root open_tree fsopen move_mount mount_setattr bpf \
		    perf_event_open userfaultfd init_module finit_module kexec_load swapon \
		    open_by_handle_at; do
		answers EPERM "$call" 0 0 0 0 0
	done
}

@test "what nobody has heard of does not exist" {
	answers ENOSYS 4095
	answers ENOSYS 999
}

@test "the filter cannot be taken away, and is inherited" {
	run -0 "$RINGFENCE" run --ro "$CALLER:/tmp/caller" -- sh -c \
		'/tmp/caller prctl 22 0 0; sh -c "sh -c \"/tmp/caller io_uring_setup 8 @\""'
	[ "${lines[-1]}" = EPERM ]
}

@test "strict leaves what is open, and no more" {
	run -0 calls strict socket 1 1 0
	[ "$output" = EPERM ]
	[ "$(calls strict kill 1 0)" = EPERM ]
	[ "$(calls strict openat -100 @ 0x41 0600)" = EPERM ]
}
