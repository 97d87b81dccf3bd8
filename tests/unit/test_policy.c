/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policy language, and that programs do what policies say. */
#include <errno.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "model.h"

static struct rf_policy *policy_of(const char *text)
{
	struct rf_policy_reader reader = { .machine = RF_ABI_X86_64 };
	struct rf_policy *p = NULL;
	struct rf_err err = RF_ERR_INIT;

	if (rf_policy_parse_for(&reader, "p", text, strlen(text), &p, &err) < 0)
		fail_msg("%s: %u:%u: %s", text, err.line, err.col, err.msg);
	return p;
}

static struct rf_filter filter_of(const struct rf_policy *p)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_filter f;

	if (rf_policy_compile(p, &f, &err) < 0)
		fail_msg("%s", err.msg);
	EXPECT_TRUE(rf_filter_valid(f.insns, f.nr));
	return f;
}

/* What @text answers to @call with two arguments, program and policy alike. */
static uint32_t ask(const char *text, const char *call, uint64_t arg0, uint64_t arg1)
{
	struct rf_policy *p = policy_of(text);
	struct rf_filter f = filter_of(p);
	struct seccomp_data data = { .nr = rf_syscall_number(AUDIT_ARCH_X86_64, call),
				     .arch = AUDIT_ARCH_X86_64, .args = { arg0, arg1 } };
	const struct rf_rule *rule;
	uint32_t value = rf_filter_run(f.insns, f.nr, &data);

	EXPECT_INT(rf_policy_decide(p, &data, &rule), value);
	rf_filter_done(&f);
	rf_policy_free(p);
	return value;
}

#define DENY	RF_ERRNO_ACTION(EPERM)

TEST(errors_name_line_column_and_the_nearest_word)
{
	static const struct { const char *text; unsigned int line, col; const char *msg; } cases[] = {
		{ "default errno EPERM\nalow read\n", 2, 1, "no statement 'alow'; did you mean 'allow'?" },
		{ "default errno EPERM\nallow raed\n", 2, 7, "no system call 'raed'; did you mean 'read'?" },
		{ "default errno EPREM\n", 1, 15, "no error 'EPREM'; did you mean 'EPERM'?" },
		{ "default maybe\n", 1, 9, "no action 'maybe'" },
		{ "default\n", 1, 8, "an action is missing" },
		{ "default allow now\n", 1, 15, "'now' is too much here" },
		{ "allow read\n", 0, 0, "no 'default' says what other calls get" },
		{ "", 0, 0, "no 'default' says what other calls get" },
		{ "default allow\ndefault kill\n", 2, 1, "p:1 says something else" },
		{ "allow @file-sytem\n", 1, 7, "no group '@file-sytem'; did you mean 'file-system'?" },
		{ "allow\n", 1, 6, "'allow' which calls?" },
		{ "allow read errno EPERM\n", 1, 12, "'errno' is too much here" },
		{ "deny ioctl arg1 == TIOCSTY\n", 1, 20,
		  "'TIOCSTY' is no number and no name of one; did you mean 'TIOCSTI'?" },
		{ "deny ioctl arg6 == 1\n", 1, 12, "'arg6' is no argument: arg0 ... arg5" },
		{ "deny ioctl arg1 = 1\n", 1, 17, "'=' is no comparison: == != < <= > >= in, not in" },
		{ "deny ioctl arg1 ==\n", 1, 19, "a value is missing" },
		{ "deny ioctl arg1 == 0x100005412\n", 1, 12, "argument 1 of ioctl has 32 bits only" },
		{ "deny ioctl arg1 not 5\n", 1, 21, "'not' goes with 'in'" },
		{ "architectures x86_46\n", 1, 15, "no architecture 'x86_46'; did you mean 'x86_64'?" },
		{ "architectures aarch64\n", 1, 1, "none of these is an architecture of x86_64" },
		{ "architectures\n", 1, 1, "which architectures?" },
		{ "flags lgo\n", 1, 7, "no flag 'lgo'; did you mean 'log'?" },
		{ "include defualt\n", 1, 9, "no preset 'defualt'; did you mean 'default'?" },
		{ "include\n", 1, 8, "include what?" },
		{ "include \"unfinished\n", 1, 9, "no '\"' ends this" },
		{ "trap read code 65536\n", 1, 16, "a code is a number up to 65535" },
		{ "allow \x01\n", 1, 7, "a control character" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_policy_reader reader = { .machine = RF_ABI_X86_64 };
		struct rf_err err = RF_ERR_INIT;
		struct rf_policy *p;

		EXPECT_INT(-EINVAL, rf_policy_parse_for(&reader, "p", cases[i].text,
							strlen(cases[i].text), &p, &err));
		EXPECT_STR("p", err.file);
		if (err.line != cases[i].line || err.col != cases[i].col ||
		    strcmp(err.msg, cases[i].msg) != 0)
			fail_msg("%s: %u:%u: %s", cases[i].text, err.line, err.col, err.msg);
	}
}

TEST(the_first_rule_that_fits_decides)
{
	const char *text = "default errno EPERM\n"
			   "deny ioctl arg1 == 7 errno EIO\n"
			   "allow ioctl arg1 in 7 8\n"
			   "kill ioctl arg0 == 3\n"
			   "log ioctl\n"
			   "allow ioctl\n";

	EXPECT_INT(RF_ERRNO_ACTION(EIO), ask(text, "ioctl", 3, 7));
	EXPECT_INT(SECCOMP_RET_ALLOW, ask(text, "ioctl", 3, 8));
	EXPECT_INT(SECCOMP_RET_KILL_PROCESS, ask(text, "ioctl", 3, 9));
	EXPECT_INT(SECCOMP_RET_LOG, ask(text, "ioctl", 4, 9));
	EXPECT_INT(DENY, ask(text, "read", 0, 0));
}

TEST(every_action_can_be_said)
{
	static const struct { const char *rule; uint32_t action; } cases[] = {
		{ "allow read", SECCOMP_RET_ALLOW }, { "deny read", DENY },
		{ "deny read errno ENOSYS", RF_ERRNO_ACTION(ENOSYS) },
		{ "deny read errno 0", RF_ERRNO_ACTION(0) },
		{ "kill read", SECCOMP_RET_KILL_PROCESS },
		{ "kill-thread read", SECCOMP_RET_KILL_THREAD }, { "log read", SECCOMP_RET_LOG },
		{ "notify read", SECCOMP_RET_USER_NOTIF }, { "trap read", SECCOMP_RET_TRAP },
		{ "trap read code 9", SECCOMP_RET_TRAP | 9 }, { "trace read", SECCOMP_RET_TRACE },
		{ "trace read code 0xffff", SECCOMP_RET_TRACE | 0xffff },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[128];

		snprintf(text, sizeof(text), "default errno EACCES\n%s\n", cases[i].rule);
		EXPECT_INT(cases[i].action, ask(text, "read", 0, 0));
		EXPECT_INT(RF_ERRNO_ACTION(EACCES), ask(text, "write", 0, 0));
		/* as the default, without the call */
		if (strncmp(cases[i].rule, "deny", 4) == 0)
			continue;
		snprintf(text, sizeof(text), "default %s", cases[i].rule);
		memmove(strstr(text, " read"), strstr(text, " read") + 5,
			strlen(strstr(text, " read") + 5) + 1);
		EXPECT_INT(cases[i].action, ask(text, "read", 0, 0));
	}
}

TEST(a_filter_that_notifies_says_so)
{
	struct rf_policy *p = policy_of("default allow\nflags log\nnotify mount\n");
	struct rf_filter f = filter_of(p);

	EXPECT_TRUE(f.notifies);
	EXPECT_INT(SECCOMP_FILTER_FLAG_LOG, f.flags);
	rf_filter_done(&f);
	rf_policy_free(p);
}

TEST(comparisons_look_at_64_bits_where_the_kernel_does)
{
	static const struct { const char *cond; uint64_t arg; bool fits; } cases[] = {
		/* lseek's offset has 64 bits */
		{ "arg1 == 5", 5, true }, { "arg1 == 5", 0x100000005, false },
		{ "arg1 != 5", 0x100000005, true }, { "arg1 != 5", 5, false },
		{ "arg1 == 0x100000005", 0x100000005, true }, { "arg1 == 0x100000005", 5, false },
		{ "arg1 == -1", UINT64_MAX, true }, { "arg1 == -1", UINT32_MAX, false },
		{ "arg1 > 0x1ffffffff", 0x200000000, true }, { "arg1 > 0x1ffffffff", 0x1ffffffff, false },
		{ "arg1 >= 0x1ffffffff", 0x1ffffffff, true }, { "arg1 >= 0x1ffffffff", 0xffffffff, false },
		{ "arg1 < 0x100000000", 0xffffffff, true }, { "arg1 < 0x100000000", 0x100000000, false },
		{ "arg1 <= 7", 7, true }, { "arg1 <= 7", 0x100000000, false },
		{ "arg1 & 0xf00000000 == 0x300000000", 0x3000000ff, true },
		{ "arg1 & 0xf00000000 == 0x300000000", 0x100000000, false },
		{ "arg1 & 0xff == 3", 0x500000003, true }, { "arg1 & 0xff > 3", 0x500000004, true },
		{ "arg1 & 0xff == 0x100000003", 3, false }, { "arg1 & 0xff != 0x100000003", 3, true },
		{ "arg1 in 1 0x100000001 2 0x100000002", 0x100000001, true },
		{ "arg1 in 1 0x100000001 2 0x100000002", 2, true },
		{ "arg1 in 1 0x100000001 2", 0x100000002, false },
		{ "arg1 not in 1 0x100000001 2", 0x100000002, true },
		{ "arg1 not in 1 0x100000001 2", 0x100000001, false },
		{ "arg1 > 3 and arg1 < 9", 5, true }, { "arg1 > 3 and arg1 < 9", 9, false },
		{ "arg1 > 3 and arg1 < 9", 3, false },
		/* its whence has 32 */
		{ "arg0 == 1", 1, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[128];

		snprintf(text, sizeof(text), "default errno EPERM\nallow lseek %s\n", cases[i].cond);
		if (ask(text, "lseek", 0, cases[i].arg) != (cases[i].fits ? SECCOMP_RET_ALLOW : DENY))
			fail_msg("%s with %#llx", cases[i].cond, (unsigned long long)cases[i].arg);
	}
}

TEST(comparisons_look_at_32_bits_where_the_kernel_does)
{
	static const struct { const char *cond; uint64_t arg; bool fits; } cases[] = {
		{ "arg1 == TIOCSTI", 0x5412, true }, { "arg1 == TIOCSTI", 0xffffffff00005412, true },
		{ "arg1 != TIOCSTI", 0x100005412, false }, { "arg1 & 0xffffffff != TIOCSTI", 0x100005412, false },
		{ "arg1 == -1", UINT32_MAX, true }, { "arg1 == -1", UINT64_MAX, true },
		{ "arg1 > 5", 0x100000004, false }, { "arg1 >= 5", 0x100000005, true },
		{ "arg1 < 5", 0x100000004, true }, { "arg1 <= 5", 0x100000006, false },
		{ "arg1 & 0xff00 == 0x5400", 0x5412, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[128];

		snprintf(text, sizeof(text), "default errno EPERM\nallow ioctl %s\n", cases[i].cond);
		if (ask(text, "ioctl", 0, cases[i].arg) != (cases[i].fits ? SECCOMP_RET_ALLOW : DENY))
			fail_msg("%s with %#llx", cases[i].cond, (unsigned long long)cases[i].arg);
	}
}

TEST(a_deny_list_lets_the_rest_through_but_not_what_is_unknown)
{
	const char *text = "default allow\ndeny @mount\nkill ptrace\n";

	EXPECT_INT(DENY, ask(text, "mount", 0, 0));
	EXPECT_INT(SECCOMP_RET_KILL_PROCESS, ask(text, "ptrace", 0, 0));
	EXPECT_INT(SECCOMP_RET_ALLOW, ask(text, "read", 0, 0));
	/* number -1, of a call that does not exist */
	EXPECT_INT(RF_ERRNO_ACTION(ENOSYS), ask(text, "no_such", 0, 0));
	EXPECT_INT(SECCOMP_RET_ALLOW, ask("default allow\nunknown allow\n", "no_such", 0, 0));
}

TEST(the_outermost_settings_count)
{
	EXPECT_INT(RF_ERRNO_ACTION(EIO), ask("unknown errno EIO\ninclude default\n", "no_such", 0, 0));
	EXPECT_INT(DENY, ask("default errno EIO\ninclude default\n", "mount", 0, 0));
	/* no rule of strict speaks of it, so that the default does */
	EXPECT_INT(RF_ERRNO_ACTION(EIO), ask("default errno EIO\ninclude strict\n", "mount", 0, 0));
	EXPECT_INT(RF_ERRNO_ACTION(EIO), ask("include strict\ndefault errno EIO\n", "mount", 0, 0));
	EXPECT_INT(SECCOMP_RET_ALLOW, ask("allow mount\ninclude strict\n", "mount", 0, 0));
	EXPECT_INT(DENY, ask("include default\nallow mount\n", "mount", 0, 0));
}

static const char *file(const char *name, const char *text)
{
	static char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", harness_dir(), name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

TEST(files_include_what_lies_beside_them)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_policy *p;

	EXPECT_INT(0, mkdir(strcat(strcpy((char[4200]){ 0 }, harness_dir()), "/sub"), 0755));
	file("sub/inner.policy", "include \"./third.policy\"\nallow write\n");
	file("sub/third.policy", "default errno EIO\nallow read\n");
	if (rf_policy_load(file("outer.policy", "include sub/inner.policy\n"), &p, &err) < 0)
		fail_msg("%s:%u: %s", err.file, err.line, err.msg);
	EXPECT_INT(2, p->nr_rules);
	EXPECT_INT(RF_ERRNO_ACTION(EIO), p->default_action);
	EXPECT_TRUE(strstr(p->rules[0]->place.file, "sub/./third.policy"));
	EXPECT_INT(2, p->rules[0]->place.line);
	rf_policy_free(p);
}

TEST(cycles_and_depth_are_refused)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_policy *p;
	char name[32], text[64];

	file("b.policy", "include ./a.policy\n");
	EXPECT_INT(-EINVAL, rf_policy_load(file("a.policy", "default allow\ninclude ./b.policy\n"), &p, &err));
	EXPECT_TRUE(strstr(err.msg, "includes itself") || strstr(err.msg, "too many includes"));
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "d%d.policy", i);
		snprintf(text, sizeof(text), "include ./d%d.policy\n", i + 1);
		file(name, text);
	}
	err = (struct rf_err)RF_ERR_INIT;
	EXPECT_INT(-EINVAL, rf_policy_load(file("d0.policy", "include ./d1.policy\n"), &p, &err));
	EXPECT_STR("too many includes", err.msg);
	EXPECT_TRUE(strstr(err.file, "d8.policy"));
}

TEST(size_rules_conditions_and_values_are_bounded)
{
	size_t size = RF_POLICY_SIZE_MAX + 1;
	char *text = malloc(size + 1);
	struct rf_err err = RF_ERR_INIT;
	struct rf_policy *p;
	size_t len;

	memset(text, '\n', size);
	EXPECT_INT(-EFBIG, rf_policy_parse("p", text, size, &p, &err));
	len = (size_t)sprintf(text, "default allow\n");
	for (int i = 0; i <= RF_POLICY_RULES_MAX; i++)
		len += (size_t)sprintf(text + len, "deny read\n");
	err = (struct rf_err)RF_ERR_INIT;
	EXPECT_INT(-EINVAL, rf_policy_parse("p", text, len, &p, &err));
	EXPECT_STR("more than 4096 rules", err.msg);
	len = (size_t)sprintf(text, "default allow\ndeny read arg0 in");
	for (int i = 0; i <= RF_POLICY_VALUES_MAX; i++)
		len += (size_t)sprintf(text + len, " %d", i);
	err = (struct rf_err)RF_ERR_INIT;
	EXPECT_INT(-EINVAL, rf_policy_parse("p", text, len, &p, &err));
	EXPECT_STR("more than 64 values", err.msg);
	len = (size_t)sprintf(text, "default allow\ndeny read arg0 == 1");
	for (int i = 0; i <= RF_POLICY_CONDS_MAX; i++)
		len += (size_t)sprintf(text + len, " and arg1 == 1");
	err = (struct rf_err)RF_ERR_INIT;
	EXPECT_INT(-EINVAL, rf_policy_parse("p", text, len, &p, &err));
	EXPECT_STR("more than 12 conditions", err.msg);
	free(text);
}

TEST(a_policy_that_does_not_fit_into_a_filter_is_refused)
{
	char *text = malloc(1 << 18);
	size_t len = (size_t)sprintf(text, "default errno EPERM\n");
	struct rf_err err = RF_ERR_INIT;
	struct rf_filter f;
	struct rf_policy *p;

	for (int i = 0; i < 3000; i++)
		len += (size_t)sprintf(text + len, "deny lseek arg1 == %d errno %d\n", i, i % 100);
	p = policy_of(text);
	EXPECT_INT(-E2BIG, rf_policy_compile(p, &f, &err));
	EXPECT_STR("the filter has more than 4096 instructions", err.msg);
	rf_policy_free(p);
	free(text);
}

TEST(jumps_that_are_too_far_for_eight_bits_arrive)
{
	char *text = malloc(1 << 18), *end = text;

	end += sprintf(end, "default errno EPERM\n");
	for (int i = 0; i < 400; i++)
		end += sprintf(end, "deny lseek arg1 == %d errno %d\n", i * 3, i + 1);
	for (uint64_t i = 0; i < 400; i += 7) {
		EXPECT_INT(RF_ERRNO_ACTION(i + 1), ask(text, "lseek", 0, i * 3));
		EXPECT_INT(DENY, ask(text, "lseek", 0, i * 3 + 1));
	}
	free(text);
}

TEST(which_names_the_rule)
{
	struct rf_policy *p = policy_of("default errno EPERM\n# more\ndeny ioctl arg1 == 7 # no\nallow @io\n");
	struct seccomp_data data = { .nr = 16, .arch = AUDIT_ARCH_X86_64, .args = { 0, 7 } };
	struct rf_place place;
	char text[64];

	EXPECT_TRUE(rf_policy_which(p, &data, &place, text, sizeof(text)));
	EXPECT_STR("p", place.file);
	EXPECT_INT(3, place.line);
	EXPECT_STR("deny ioctl arg1 == 7", text);
	data.args[1] = 8;
	EXPECT_TRUE(rf_policy_which(p, &data, &place, text, sizeof(text)));
	EXPECT_INT(4, place.line);
	data.nr = 165;
	EXPECT_FALSE(rf_policy_which(p, &data, &place, text, sizeof(text)));
	rf_policy_free(p);
}

TEST(the_simulator_refuses_what_the_kernel_refuses)
{
	static const struct { struct sock_filter insns[3]; size_t nr; } bad[] = {
		{ { { 0 } }, 0 },
		{ { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0) }, 1 },			/* no return */
		{ { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), BPF_STMT(BPF_RET | BPF_K, 0) }, 2 },
		{ { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), BPF_STMT(BPF_RET | BPF_K, 0) }, 2 },
		{ { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_STMT(BPF_RET | BPF_K, 0) }, 2 },
		{ { BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_RET | BPF_K, 0) }, 2 },
		{ { BPF_JUMP(BPF_JMP | BPF_JEQ, 0, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0) }, 2 },
		{ { BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 0) }, 2 },
		{ { BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), BPF_STMT(BPF_RET | BPF_K, 0) }, 2 },
		{ { BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), BPF_STMT(BPF_RET | BPF_K, 0) }, 2 },
		{ { BPF_STMT(BPF_LD | BPF_MEM, 3), BPF_STMT(BPF_RET | BPF_K, 0) }, 2 },	/* unwritten */
		{ { BPF_STMT(BPF_ST, 16), BPF_STMT(BPF_RET | BPF_K, 0) }, 2 },
	};
	static const struct sock_filter good[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_ST, 2),
		BPF_STMT(BPF_LDX | BPF_MEM, 2), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 1), BPF_JUMP(BPF_JMP | BPF_JGT, 9, 0, 1),
		BPF_STMT(BPF_RET | BPF_A, 0), BPF_STMT(BPF_RET | BPF_K, 77),
	};
	struct seccomp_data data = { .nr = 12 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (rf_filter_valid(bad[i].insns, bad[i].nr))
			fail_msg("program %zu", i);
		EXPECT_INT(SECCOMP_RET_KILL_PROCESS, rf_filter_run(bad[i].insns, bad[i].nr, &data));
	}
	EXPECT_INT(12, rf_filter_run(good, ARRAY_SIZE(good), &data));
	data.nr = 9;
	EXPECT_INT(77, rf_filter_run(good, ARRAY_SIZE(good), &data));
}
