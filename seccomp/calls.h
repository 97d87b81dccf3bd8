/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System calls: names, numbers, groups.  Tables only: no libseccomp.
 */
#ifndef RF_CALLS_H
#define RF_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An ABI: what a call's number means.  x32 is the x86-64 architecture with bit 30 set. */
enum rf_abi { RF_ABI_X86_64, RF_ABI_X32, RF_ABI_I386, RF_ABI_ARM, RF_ABI_AARCH64, RF_ABI_NR };
#define RF_X32_BIT	0x40000000U

struct rf_abi_def {
	const char	*name;		/* in policies */
	uint32_t	 arch;		/* AUDIT_ARCH_* */
	enum rf_abi	 family;	/* the ABI of the machine that runs it */
	int		 wide;		/* arguments have 64 bits */
};
extern const struct rf_abi_def rf_abi_defs[RF_ABI_NR];

/* Groups by purpose; one row each in calls.c. */
enum rf_group {
	RF_GROUP_IO, RF_GROUP_EVENT, RF_GROUP_AIO, RF_GROUP_IO_URING, RF_GROUP_FILE_SYSTEM,
	RF_GROUP_XATTR, RF_GROUP_FILE_HANDLE, RF_GROUP_MEMORY, RF_GROUP_NUMA, RF_GROUP_PROCESS,
	RF_GROUP_SYNC, RF_GROUP_SIGNAL, RF_GROUP_TIME, RF_GROUP_CLOCK, RF_GROUP_IDENTITY,
	RF_GROUP_CREDENTIALS, RF_GROUP_RESOURCES, RF_GROUP_SYSTEM, RF_GROUP_IPC,
	RF_GROUP_NETWORK, RF_GROUP_SANDBOX, RF_GROUP_MOUNT, RF_GROUP_NAMESPACE,
	RF_GROUP_KEYRING, RF_GROUP_DEBUG, RF_GROUP_KERNEL_TRACE, RF_GROUP_MODULE,
	RF_GROUP_REBOOT, RF_GROUP_SWAP, RF_GROUP_RAW_IO, RF_GROUP_ADMINISTRATION,
	RF_GROUP_OBSOLETE,
	RF_GROUP_NR
};

struct rf_group_def {
	const char	*name;		/* without the '@' */
	const char	*help;		/* one line */
};
extern const struct rf_group_def rf_group_defs[RF_GROUP_NR + 1]; /* ended by NULL */

#define RF_CALLS_NR	484

struct rf_call {
	const char	*name;
	enum rf_group	 group;
	/* bit n: the kernel looks at the low 32 bits of argument n only */
	uint8_t		 narrow;
	int		 nr[RF_ABI_NR];	/* -1: not there; x32 without its bit */
};
extern const struct rf_call rf_calls[RF_CALLS_NR + 1];	/* by name; ended by NULL */

/* Index in rf_calls[], or -1. */
int rf_call_find(const char *name);
int rf_call_by_nr(enum rf_abi abi, uint32_t nr);
/* RF_ABI_NR: no such architecture. */
enum rf_abi rf_abi_of(uint32_t arch, uint32_t nr);
/* The ABI whose programs this build runs. */
enum rf_abi rf_abi_native(void);

/*
 * i386 has calls that stand for others: socketcall and ipc.  What
 * socketcall(@sub) or ipc(@sub) is, as an index, or -1.
 */
int rf_call_multiplexed(int call, uint32_t sub);
/* socketcall or ipc can reach @call too. */
bool rf_call_has_multiplexer(int call);

#endif
