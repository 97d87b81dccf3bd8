/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The face of a kernel that runs chains, as the series in kernel/ has it.  The numbers
 * are nobody's official ones: a ring knows these opcodes once it is registered with
 * the magic, which no other kernel answers.
 */
#ifndef RF_NATIVE_ABI_H
#define RF_NATIVE_ABI_H

#include <stdint.h>

enum {
	RF_IORING_OP_CLONE = 58,	/* addr: flags, addr2: int * for a pidfd, len: nr, file_index: N + 1 */
	RF_IORING_OP_EXECVEAT = 59,	/* fd, addr: path, addr2: argv, addr3: envp, rw_flags: AT_* */
	RF_IORING_OP_TASK_CALL = 64,	/* addr: calls, len: how many, rw_flags: RF_IORING_TASK_* */
	RF_IORING_OP_RESUME = 65,
};

#define RF_IORING_REGISTER_SPAWN	0x53504157
#define RF_IORING_SPAWN_MAGIC		0x314e574150535246ULL
#define RF_IORING_SPAWN_VERSION		1

struct rf_ioring_spawn_reg {
	uint64_t	magic;
	uint32_t	flags;
	uint32_t	version;	/* from here on the kernel's answer */
	uint32_t	max_calls;
	uint8_t		op_first, op_last;
	uint16_t	resv1;
	uint64_t	resv2[5];
};

#define RF_IORING_TASK_ABSENT	(1U << 0)

/* Flags and tests are those of struct rf_call (native.h). */
struct rf_ioring_call {
	uint32_t	nr;
	uint16_t	flags;
	uint16_t	skip;
	int32_t		fd;
	uint16_t	error;
	uint16_t	load;
	uint64_t	args[6];
	uint64_t	store;
	uint64_t	resv;
};

_Static_assert(sizeof(struct rf_ioring_spawn_reg) == 64, "the kernel's size");
_Static_assert(sizeof(struct rf_ioring_call) == 80, "the kernel's size");

#endif
