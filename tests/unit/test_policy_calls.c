/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of system calls, beside libseccomp's. */
#include <linux/audit.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "harness.h"
#include "model.h"

static const uint32_t tokens[RF_ABI_NR] = {
	SCMP_ARCH_X86_64, SCMP_ARCH_X32, SCMP_ARCH_X86, SCMP_ARCH_ARM, SCMP_ARCH_AARCH64
};

TEST(calls_are_sorted_by_name)
{
	for (int i = 0; i < RF_CALLS_NR; i++) {
		if (i)
			EXPECT_TRUE(strcmp(rf_calls[i - 1].name, rf_calls[i].name) < 0);
		EXPECT_INT(i, rf_call_find(rf_calls[i].name));
		EXPECT_TRUE(rf_calls[i].group < RF_GROUP_NR);
	}
	EXPECT_NULL(rf_calls[RF_CALLS_NR].name);
	EXPECT_INT(-1, rf_call_find("no_such_call"));
}

TEST(no_two_calls_share_a_number)
{
	for (int abi = 0; abi < RF_ABI_NR; abi++)
		for (int i = 0; i < RF_CALLS_NR; i++)
			if (rf_calls[i].nr[abi] >= 0 &&
			    rf_call_by_nr((enum rf_abi)abi, (uint32_t)rf_calls[i].nr[abi]) != i)
				fail_msg("%s on %s", rf_calls[i].name, rf_abi_defs[abi].name);
}

TEST(every_call_that_libseccomp_knows_is_in_a_group_with_its_number)
{
	for (int abi = 0; abi < RF_ABI_NR; abi++) {
		int bit = abi == RF_ABI_X32 ? RF_X32_BIT : 0, found = 0;

		for (int nr = 0; nr < 0xf0010; nr = nr == 1023 ? 0xf0000 : nr + 1) {
			char *name = seccomp_syscall_resolve_num_arch(tokens[abi], nr | bit);
			int call;

			if (!name)
				continue;
			call = rf_call_by_nr((enum rf_abi)abi, (uint32_t)nr);
			if (call < 0 || rf_call_find(name) < 0)
				fail_msg("%s %d is %s for libseccomp", rf_abi_defs[abi].name, nr, name);
			/* two names for one call of arm */
			if (strcmp(rf_calls[call].name, name) != 0 && abi != RF_ABI_ARM)
				fail_msg("%s %d: %s, %s", rf_abi_defs[abi].name, nr, name,
					 rf_calls[call].name);
			free(name);
			found++;
		}
		EXPECT_TRUE(found > 250);
	}
}

TEST(every_group_has_a_name_a_meaning_and_calls)
{
	for (int g = 0; g < RF_GROUP_NR; g++) {
		int nr = 0;

		EXPECT_TRUE(rf_group_defs[g].name && rf_group_defs[g].help);
		for (int i = 0; i < RF_CALLS_NR; i++)
			nr += (int)rf_calls[i].group == g;
		if (!nr)
			fail_msg("@%s is empty", rf_group_defs[g].name);
	}
	EXPECT_NULL(rf_group_defs[RF_GROUP_NR].name);
}

TEST(names_and_numbers_lead_to_each_other)
{
	EXPECT_INT(SYS_execve, rf_syscall_number(rf_abi_defs[rf_abi_native()].arch, "execve"));
	EXPECT_STR("execve", rf_syscall_name(rf_abi_defs[rf_abi_native()].arch, SYS_execve));
	EXPECT_INT(11, rf_syscall_number(AUDIT_ARCH_I386, "execve"));
	EXPECT_INT(221, rf_syscall_number(AUDIT_ARCH_AARCH64, "execve"));
	EXPECT_STR("execve", rf_syscall_name(AUDIT_ARCH_X86_64, 520 | (int)RF_X32_BIT));
	EXPECT_INT(-1, rf_syscall_number(AUDIT_ARCH_X86_64, "nothing"));
	EXPECT_INT(-1, rf_syscall_number(0, "read"));
	EXPECT_NULL(rf_syscall_name(AUDIT_ARCH_X86_64, -1));
	EXPECT_NULL(rf_syscall_name(AUDIT_ARCH_X86_64, 400));
	EXPECT_NULL(rf_syscall_name(0, 0));
}
