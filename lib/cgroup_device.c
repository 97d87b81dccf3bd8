/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules for devices as eBPF (cgroup_device.h).
 *
 * The program goes from the last rule to the first and keeps the accesses that no rule has
 * decided yet.  A rule that refuses one of them ends it, and so does one that allows the
 * last of them; behind the first rule of all comes the refusal.
 */
#include "cgroup_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By this name ours is known again. */
static const char program_name[] = "ringfence_dev";

/* ---------------------------------------------------------------- the program */

enum {	/* registers */
	VERDICT = BPF_REG_0, CONTEXT = BPF_REG_1, TYPE = BPF_REG_2, LEFT = BPF_REG_3,
	MAJOR = BPF_REG_4, MINOR = BPF_REG_5,
};

struct assembler {
	struct bpf_insn	*prog;
	size_t		 nr;
};

static void emit(struct assembler *a, unsigned int code, unsigned int dst, unsigned int src,
		 int off, int32_t imm)
{
	a->prog[a->nr++] = (struct bpf_insn){
		.code = (uint8_t)code, .dst_reg = dst & 15U, .src_reg = src & 15U,
		.off = (int16_t)off, .imm = imm,
	};
}

static void emit_load(struct assembler *a, unsigned int dst, size_t offset)
{
	emit(a, BPF_LDX | BPF_MEM | BPF_W, dst, CONTEXT, (int)offset, 0);
}

static void emit_end(struct assembler *a, bool allow)
{
	emit(a, BPF_ALU64 | BPF_MOV | BPF_K, VERDICT, 0, 0, allow);
	emit(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void emit_begin(struct assembler *a)
{
	emit_load(a, TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(a, BPF_ALU64 | BPF_MOV | BPF_X, LEFT, TYPE, 0, 0);
	emit(a, BPF_ALU64 | BPF_RSH | BPF_K, LEFT, 0, 0, 16);
	emit(a, BPF_ALU64 | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff);
	emit_load(a, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(a, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
}

static void emit_rule(struct assembler *a, const struct rf_device_rule *rule)
{
	const struct { unsigned int reg; int64_t want; } tests[] = {
		{ TYPE, rule->type == 'a' ? -1 : rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK :
								     BPF_DEVCG_DEV_CHAR },
		{ MAJOR, rule->major }, { MINOR, rule->minor },
	};
	const size_t begin = a->nr;
	size_t end;

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		if (tests[i].want >= 0)
			emit(a, BPF_JMP | BPF_JNE | BPF_K, tests[i].reg, 0, 0, (int32_t)tests[i].want);
	end = a->nr;
	if (rule->allow) {
		emit(a, BPF_ALU64 | BPF_AND | BPF_K, LEFT, 0, 0, (int32_t)~rule->access);
		emit(a, BPF_JMP | BPF_JNE | BPF_K, LEFT, 0, 2, 0);
	} else {
		emit(a, BPF_ALU64 | BPF_MOV | BPF_X, VERDICT, LEFT, 0, 0);
		emit(a, BPF_ALU64 | BPF_AND | BPF_K, VERDICT, 0, 0, (int32_t)rule->access);
		emit(a, BPF_JMP | BPF_JEQ | BPF_K, VERDICT, 0, 2, 0);
	}
	emit_end(a, rule->allow);
	/* one that does not fit leads behind it */
	for (size_t i = begin; i < end; i++)
		a->prog[i].off = (int16_t)(a->nr - i - 1);
}

static bool is_for_all(const struct rf_device_rule *rule)
{
	return rule->type == 'a' && rule->access == RF_DEVICE_ALL && rule->major < 0 &&
	       rule->minor < 0;
}

size_t rf_device_program(const struct rf_device_rule *rules, size_t nr, struct bpf_insn *prog)
{
	struct assembler a = { .prog = prog };
	bool rest = false;

	emit_begin(&a);
	while (nr-- > 0) {
		/* what comes before decides nothing, and the kernel wants no code that is never reached */
		if (is_for_all(&rules[nr])) {
			rest = rules[nr].allow;
			break;
		}
		emit_rule(&a, &rules[nr]);
	}
	emit_end(&a, rest);
	return a.nr;
}

/* ------------------------------------------------------------------- attaching */

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static uint64_t address(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static int load(const struct bpf_insn *prog, size_t nr)
{
	static const char license[] = "LGPL-2.1-or-later";
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.expected_attach_type = BPF_CGROUP_DEVICE;
	attr.insns = address(prog);
	attr.insn_cnt = (uint32_t)nr;
	attr.license = address(license);
	memcpy(attr.prog_name, program_name, sizeof(program_name));
	return bpf(BPF_PROG_LOAD, &attr);
}

/* A descriptor of program @id if it is one of ours, else -ENOENT. */
static int open_ours(uint32_t id)
{
	struct bpf_prog_info info;
	union bpf_attr attr;
	int fd, r;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	if (fd < 0)
		return fd;
	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = address(&info);
	r = bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
	if (r == 0 && strcmp(info.name, program_name) != 0)
		r = -ENOENT;
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

/* The program of ours that @group has, or -ENOENT. */
static int attached_before(int group)
{
	uint32_t ids[64];	/* BPF_CGROUP_MAX_PROGS: the kernel attaches no more to a group */
	union bpf_attr attr;
	int r;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)group;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = address(ids);
	attr.query.prog_cnt = sizeof(ids) / sizeof(ids[0]);
	r = bpf(BPF_PROG_QUERY, &attr);
	for (uint32_t i = 0; r == 0 && i < attr.query.prog_cnt; i++) {
		int fd = open_ours(ids[i]);

		/* one that is gone meanwhile is not ours: the container is locked */
		if (fd != -ENOENT)
			return fd;
	}
	return r < 0 ? r : -ENOENT;
}

static int attach(int group, int program)
{
	union bpf_attr attr;
	int before = attached_before(group), r;

	if (before < 0 && before != -ENOENT)
		return before;
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)group;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (before >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)before;
	}
	r = bpf(BPF_PROG_ATTACH, &attr);
	if (before >= 0)
		(void)close(before);
	return r;
}

int rf_device_attach(const char *dir, const struct rf_device_rule *rules, size_t nr)
{
	struct bpf_insn *prog;
	int group, program, r;

	if (nr > RF_DEVICE_RULES_MAX)
		return -E2BIG;
	prog = calloc(RF_DEVICE_INSNS(nr), sizeof(*prog));
	if (!prog)
		return -ENOMEM;
	program = load(prog, rf_device_program(rules, nr, prog));
	free(prog);
	if (program < 0)
		return program;
	group = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = group < 0 ? -errno : attach(group, program);
	if (group >= 0)
		(void)close(group);
	(void)close(program);
	return r;
}

/* ------------------------------------------------------------------ version 1 */

static bool same_numbers(const struct rf_device_rule *a, const struct rf_device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

/* Some device fits both. */
static bool overlap(const struct rf_device_rule *a, const struct rf_device_rule *b)
{
	return (a->type == b->type || a->type == 'a' || b->type == 'a') &&
	       (a->major < 0 || b->major < 0 || a->major == b->major) &&
	       (a->minor < 0 || b->minor < 0 || a->minor == b->minor);
}

size_t rf_device_lost_on_v1(const struct rf_device_rule *rules, size_t nr)
{
	bool all = false;	/* what holds for devices without an entry */
	size_t since = 0;

	for (size_t i = 0; i < nr; i++) {
		if (is_for_all(&rules[i])) {
			all = rules[i].allow;
			since = i + 1;
			continue;
		}
		if (rules[i].allow != all)	/* an entry */
			continue;
		for (size_t k = since; k < i; k++)
			if (rules[k].allow != all && rules[k].access & rules[i].access &&
			    overlap(&rules[k], &rules[i]) && !same_numbers(&rules[k], &rules[i]))
				return i;
	}
	return nr;
}
