/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which devices the tasks of a control group of version 2 may use: rules become a small
 * program of the kernel's (eBPF, BPF_PROG_TYPE_CGROUP_DEVICE), as version 2 has no file
 * for them.
 *
 * Of the rules that fit a device the last one decides, for reading, writing and mknod
 * each; what no rule allows is refused.
 */
#ifndef RF_CGROUP_DEVICE_H
#define RF_CGROUP_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_insn;

/* As the kernel has them: BPF_DEVCG_ACC_*. */
#define RF_DEVICE_MKNOD	1U
#define RF_DEVICE_READ	2U
#define RF_DEVICE_WRITE	4U
#define RF_DEVICE_ALL	7U

struct rf_device_rule {
	bool		 allow;
	char		 type;		/* 'b', 'c', or 'a' for both */
	unsigned int	 access;	/* RF_DEVICE_*, not 0 */
	int64_t		 major, minor;	/* -1: any */
};

/* Each is followed to the end by the kernel, which gives up after a million steps. */
#define RF_DEVICE_RULES_MAX	256
/* The most instructions that @nr rules take. */
#define RF_DEVICE_INSNS(nr)	((nr) * 8 + 8)

/* The program into @prog, which has room for RF_DEVICE_INSNS(@nr); how many there are. */
size_t rf_device_program(const struct rf_device_rule *rules, size_t nr, struct bpf_insn *prog);

/*
 * Have the group at @dir obey @rules, in the place of those that this function has given
 * it before; programs of others stay, and all have to allow.
 * Return: 0, or a negative errno, and nothing has changed then.
 */
int rf_device_attach(const char *dir, const struct rf_device_rule *rules, size_t nr);

/*
 * Version 1 keeps one list of exceptions to "all" or "none": a rule makes an entry, or
 * takes the one of exactly its numbers away.  The index of the first rule that would
 * have no effect there, or @nr.
 */
size_t rf_device_lost_on_v1(const struct rf_device_rule *rules, size_t nr);

#endif
