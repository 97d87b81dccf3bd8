/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Profiles of Docker and the OCI. */
#include <errno.h>
#include <linux/audit.h>
#include <string.h>

#include "harness.h"
#include "model.h"

static int read_profile(const char *json, uint64_t caps, struct rf_policy **ret, struct rf_err *err)
{
	struct rf_policy_reader reader = { .machine = RF_ABI_X86_64, .capabilities = caps };

	return rf_policy_parse_for(&reader, "p.json", json, strlen(json), ret, err);
}

static struct rf_policy *profile_of(const char *json, uint64_t caps)
{
	struct rf_policy *p = NULL;
	struct rf_err err = RF_ERR_INIT;

	if (read_profile(json, caps, &p, &err) < 0)
		fail_msg("%s: %u:%u: %s", json, err.line, err.col, err.msg);
	return p;
}

static uint32_t ask_nr(const char *json, uint64_t caps, uint32_t arch, int nr, uint64_t arg0,
		       uint64_t arg1)
{
	struct rf_policy *p = profile_of(json, caps);
	struct seccomp_data data = { .nr = nr, .arch = arch, .args = { arg0, arg1 } };
	struct rf_err err = RF_ERR_INIT;
	const struct rf_rule *rule;
	struct rf_filter f;
	uint32_t value;

	EXPECT_INT(0, rf_policy_compile(p, &f, &err));
	value = rf_filter_run(f.insns, f.nr, &data);
	EXPECT_INT(rf_policy_decide(p, &data, &rule), value);
	rf_filter_done(&f);
	rf_policy_free(p);
	return value;
}

static uint32_t ask(const char *json, const char *call, uint64_t arg0, uint64_t arg1)
{
	return ask_nr(json, 0, AUDIT_ARCH_X86_64, rf_syscall_number(AUDIT_ARCH_X86_64, call), arg0,
		      arg1);
}

/* What Docker's own profile is made of. */
static const char docker[] =
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":1,"
	"\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\","
	"\"subArchitectures\":[\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]},"
	"{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":[\"SCMP_ARCH_ARM\"]}],"
	"\"syscalls\":["
	"{\"names\":[\"read\",\"write\",\"futex_waitv\",\"a_call_of_tomorrow\"],\"action\":\"SCMP_ACT_ALLOW\"},"
	"{\"names\":[\"process_vm_readv\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"4.8\"}},"
	"{\"names\":[\"process_vm_writev\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"99.0\"}},"
	"{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
	"{\"index\":0,\"value\":40,\"op\":\"SCMP_CMP_NE\"}]},"
	"{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
	"{\"index\":0,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]},"
	"{\"names\":[\"arch_prctl\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":[\"amd64\",\"x32\"]}},"
	"{\"names\":[\"cacheflush\",\"set_tls\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":[\"arm\"]}},"
	"{\"names\":[\"mount\",\"clone\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
	"{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
	"{\"index\":0,\"value\":2114060288,\"op\":\"SCMP_CMP_MASKED_EQ\"}],"
	"\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"],\"arches\":[\"s390\",\"s390x\"]}},"
	"{\"names\":[\"clone3\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38,"
	"\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}}]}";

#define DENY	RF_ERRNO_ACTION(EPERM)
#define ADMIN	(UINT64_C(1) << 21)

TEST(a_profile_of_docker_means_what_it_means_there)
{
	int clone = rf_syscall_number(AUDIT_ARCH_X86_64, "clone");

	EXPECT_INT(SECCOMP_RET_ALLOW, ask(docker, "read", 0, 0));
	EXPECT_INT(DENY, ask(docker, "mount", 0, 0));
	EXPECT_INT(SECCOMP_RET_ALLOW, ask(docker, "process_vm_readv", 0, 0));
	EXPECT_INT(DENY, ask(docker, "process_vm_writev", 0, 0));
	EXPECT_INT(SECCOMP_RET_ALLOW, ask(docker, "socket", 2, 0));
	EXPECT_INT(DENY, ask(docker, "socket", 40, 0));
	EXPECT_INT(DENY, ask(docker, "socket", 0x100000028, 0));
	EXPECT_INT(SECCOMP_RET_ALLOW, ask(docker, "arch_prctl", 0, 0));
	EXPECT_INT(SECCOMP_RET_ALLOW, ask(docker, "clone", 17, 0));
	EXPECT_INT(DENY, ask(docker, "clone", 0x10000011, 0));
	EXPECT_INT(RF_ERRNO_ACTION(ENOSYS), ask(docker, "clone3", 0, 0));
	/* with the capability the rules for it count, and those without do not */
	EXPECT_INT(SECCOMP_RET_ALLOW, ask_nr(docker, ADMIN, AUDIT_ARCH_X86_64, clone, 0x10000011, 0));
	EXPECT_INT(DENY, ask_nr(docker, ADMIN, AUDIT_ARCH_X86_64, 435, 0, 0));
	EXPECT_INT(SECCOMP_RET_ALLOW, ask_nr(docker, ADMIN, AUDIT_ARCH_X86_64, 165, 0, 0));
	EXPECT_INT(SECCOMP_RET_ALLOW, ask_nr(docker, 0, AUDIT_ARCH_I386, 3, 0, 0));
	EXPECT_INT(SECCOMP_RET_ALLOW, ask_nr(docker, 0, AUDIT_ARCH_X86_64, 0 | (int)RF_X32_BIT, 0, 0));
	EXPECT_INT(SECCOMP_RET_KILL_PROCESS, ask_nr(docker, 0, AUDIT_ARCH_AARCH64, 63, 0, 0));
	/* newer than all that it names (futex_waitv is 449) */
	EXPECT_INT(RF_ERRNO_ACTION(ENOSYS), ask_nr(docker, 0, AUDIT_ARCH_X86_64, 450, 0, 0));
	EXPECT_INT(RF_ERRNO_ACTION(ENOSYS), ask_nr(docker, 0, AUDIT_ARCH_X86_64, 462, 0, 0));
	EXPECT_INT(DENY, ask_nr(docker, 0, AUDIT_ARCH_X86_64, 448, 0, 0));
}

TEST(names_that_no_table_has_are_kept_for_the_report)
{
	struct rf_policy *p = profile_of(docker, 0);

	EXPECT_INT(1, p->nr_strangers);
	EXPECT_STR("a_call_of_tomorrow", p->strangers[0]);
	rf_policy_free(p);
}

TEST(socketcall_cannot_go_around_a_condition)
{
	/* Docker lists it among what is allowed */
	const char *json = "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"archMap\":[{\"architecture\":"
			   "\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\"]}],\"syscalls\":["
			   "{\"names\":[\"socketcall\",\"bind\"],\"action\":\"SCMP_ACT_ALLOW\"},"
			   "{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
			   "{\"index\":0,\"value\":2,\"op\":\"SCMP_CMP_EQ\"}]}]}";

	EXPECT_INT(RF_ERRNO_ACTION(ENOSYS), ask_nr(json, 0, AUDIT_ARCH_I386, 102, 1, 0));
	EXPECT_INT(SECCOMP_RET_ALLOW, ask_nr(json, 0, AUDIT_ARCH_I386, 102, 2, 0));
	EXPECT_INT(DENY, ask_nr(json, 0, AUDIT_ARCH_I386, 102, 3, 0));
}

TEST(two_conditions_on_one_argument_are_two_rules)
{
	const char *json = "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"socket\"],"
			   "\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
			   "{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},"
			   "{\"index\":0,\"value\":2,\"op\":\"SCMP_CMP_EQ\"}]}]}";

	EXPECT_INT(SECCOMP_RET_ALLOW, ask(json, "socket", 1, 0));
	EXPECT_INT(SECCOMP_RET_ALLOW, ask(json, "socket", 2, 0));
	EXPECT_INT(DENY, ask(json, "socket", 3, 0));
}

TEST(a_default_that_lets_through_does_so_for_unknown_calls_too)
{
	const char *json = "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"mount\","
			   "\"action\":\"SCMP_ACT_ERRNO\"}]}";

	EXPECT_INT(SECCOMP_RET_ALLOW, ask_nr(json, 0, AUDIT_ARCH_X86_64, 999, 0, 0));
	EXPECT_INT(SECCOMP_RET_ALLOW, ask(json, "read", 0, 0));
	EXPECT_INT(DENY, ask(json, "mount", 0, 0));
}

TEST(errors_by_name_go_before_those_by_number)
{
	const char *json = "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"defaultErrno\":\"ENOSYS\","
			   "\"syscalls\":[{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1,"
			   "\"errno\":\"EACCES\",\"args\":null,\"comment\":\"\",\"includes\":{},\"excludes\":{}}]}";

	EXPECT_INT(RF_ERRNO_ACTION(EACCES), ask(json, "mount", 0, 0));
	EXPECT_INT(RF_ERRNO_ACTION(ENOSYS), ask(json, "read", 0, 0));
}

TEST(what_cannot_be_done_is_refused)
{
	static const struct { const char *json, *msg; } cases[] = {
		{ "{}", "no 'defaultAction'" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALOW\"}",
		  "'defaultAction': no action 'SCMP_ACT_ALOW'; did you mean 'SCMP_ACT_ALLOW'?" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/run/agent.sock\"}",
		  "'listenerPath': ringfence hands notifications to no other program" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"sycalls\":[]}",
		  "unknown key 'sycalls'; did you mean 'syscalls'?" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_LOGG\"]}",
		  "no flag 'SECCOMP_FILTER_FLAG_LOGG' here; did you mean 'SECCOMP_FILTER_FLAG_LOG'?" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"]}]}",
		  "syscalls[0]: 'action': no action ''" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":\"SCMP_ACT_LOG\"}]}",
		  "syscalls[0]: no 'names'" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":"
		  "\"SCMP_ACT_LOG\",\"args\":[{\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		  "syscalls[0]: a call has six arguments, 0 ... 5" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"X86\"]}",
		  "an architecture is SCMP_ARCH_..." },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":"
		  "\"SCMP_ACT_LOG\",\"includes\":{\"minKernel\":\"new\"}}]}",
		  "syscalls[0]: 'minKernel' is VERSION.PATCHLEVEL" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_err err = RF_ERR_INIT;
		struct rf_policy *p;

		EXPECT_INT(-EINVAL, read_profile(cases[i].json, 0, &p, &err));
		EXPECT_STR(cases[i].msg, err.msg);
		EXPECT_STR("p.json", err.file);
	}
}

TEST(json_errors_have_their_place)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_policy *p;

	EXPECT_INT(-EINVAL, read_profile("{\n  \"defaultAction\": SCMP\n}", 0, &p, &err));
	EXPECT_INT(2, err.line);
}
