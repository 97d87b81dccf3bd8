/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp policies: text in, BPF program out.
 *
 * A policy is read from ringfence's own language (ringfence-seccomp(5)) or from
 * a profile of Docker and the OCI (JSON), and compiled by libseccomp, which
 * nothing but policy_compile.c knows.  Presets were compiled when ringfence was
 * built: taking one costs neither reading nor libseccomp.
 *
 * Nothing here needs a privilege.  The simulator runs a program as the kernel
 * would, so that policies can be tested by rows of "arch, call, arguments ->
 * action".
 */
#ifndef RF_POLICY_H
#define RF_POLICY_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rf_err;
struct rf_place;

/* A program as seccomp(2) takes it, SECCOMP_SET_MODE_FILTER. */
struct rf_filter {
	const struct sock_filter *insns;
	size_t		 nr;		/* at most BPF_MAXINSNS */
	uint32_t	 flags;		/* SECCOMP_FILTER_FLAG_* that the policy asks for */
	bool		 notifies;	/* some rule answers SECCOMP_RET_USER_NOTIF */
};

/*
 * A preset, compiled at build time for the architecture of this build (with
 * its compatible ones).  Return: 0 with *ret pointing to static memory;
 * -ENOENT: no preset of that name.
 */
int rf_filter_preset(const char *name, struct rf_filter *ret);
/* By index, for lists; NULL ends. And the text it was made from. */
const char *rf_filter_preset_name(size_t index);
const char *rf_filter_preset_text(const char *name);

struct rf_policy;

/*
 * Read a policy from @file or from @text, which errors call @name.  JSON is
 * told by its first character.  Bounded: size, rules, depth of includes.
 * Return: 0; -EINVAL with the place of what is wrong; -ENOENT, -EACCES, -EFBIG,
 * -ENOMEM.  *ret is freed by rf_policy_free(), which returns NULL.
 */
int rf_policy_load(const char *file, struct rf_policy **ret, struct rf_err *err);
int rf_policy_parse(const char *name, const char *text, size_t len, struct rf_policy **ret,
		    struct rf_err *err);
/* The same for a command with @capabilities, which Docker's profiles can ask for. */
int rf_policy_load_caps(const char *file, uint64_t capabilities, struct rf_policy **ret,
			struct rf_err *err);
int rf_policy_parse_caps(const char *name, const char *text, size_t len, uint64_t capabilities,
			 struct rf_policy **ret, struct rf_err *err);
/* A policy of somebody who may not have files of ours opened: it includes presets only. */
int rf_policy_parse_alone(const char *name, const char *text, size_t len,
			  struct rf_policy **ret, struct rf_err *err);
struct rf_policy *rf_policy_free(struct rf_policy *policy);

/*
 * Compile @policy.  @ret->insns is malloc'd: rf_filter_done() frees it.
 * Return: 0, -EINVAL (a rule cannot be expressed), -E2BIG, -ENOMEM.
 */
int rf_policy_compile(const struct rf_policy *policy, struct rf_filter *ret, struct rf_err *err);
void rf_filter_done(struct rf_filter *filter);

/*
 * What the kernel would answer: a SECCOMP_RET_* value with its data.  @data as
 * seccomp(2) has it; pure; no libseccomp.  0x80000000 (KILL_PROCESS) also for a
 * program that the kernel would refuse.
 */
uint32_t rf_filter_run(const struct sock_filter *insns, size_t nr,
		       const struct seccomp_data *data);

/* Whether the kernel would take the program. */
bool rf_filter_valid(const struct sock_filter *insns, size_t nr);

/* Instruction @at of a valid program in words: "if a == 0x3b goto 12 else 9\t# execve". */
void rf_filter_print(const struct sock_filter *insns, size_t at, char *buf, size_t size);

/*
 * Which rule of @policy decides about @data: its place and its text, for
 * messages.  false: none, the policy's default decides.
 */
bool rf_policy_which(const struct rf_policy *policy, const struct seccomp_data *data,
		     struct rf_place *ret_place, char *text, size_t size);

/* Names and numbers of system calls, by AUDIT_ARCH_*. -1 and NULL: unknown. */
int rf_syscall_number(uint32_t arch, const char *name);
const char *rf_syscall_name(uint32_t arch, int nr);	/* static memory */

#endif
