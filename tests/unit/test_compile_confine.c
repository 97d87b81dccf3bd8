/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a sandbox to a chain: the filter and Landlock. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "compile_case.h"

static const struct rf_features root = {
	.kernel = RF_KERNEL(6, 18), .caps = (1ULL << 41) - 1, .last_cap = 40, .nofile = 1024,
	.host_root = true, .landlock = 7,
};
static const struct rf_features user = {
	.kernel = RF_KERNEL(6, 18), .uid = 1000, .gid = 1000, .last_cap = 40, .nofile = 1024,
	.landlock = 7,
};

#define BARE	"root: host\n"
#define POWER	"no_new_privileges: false\n"

/* ----------------------------------------------------------------- the order */

static const struct {
	const char	*name, *spec;
	const char	*lines[10];
} in_order[] = {
	{ "the filter is there without being asked for, and last", BARE,
	  { "no_new_privs", "pdeathsig", "sigdefault", "sigmask", "seccomp \"default\"", "exec" } },
	{ "Landlock comes just before it, and the last limit between them",
	  BARE "landlock: {read: [/usr]}\nlimits: {core: 0, nofile: 3}\n",
	  { "rlimit core", "no_new_privs", "sigmask", "landlock", "rlimit nofile", "seccomp",
	    "exec" } },
	{ "without no_new_privs power is given up under the filter",
	  BARE POWER "landlock: {read: [/usr]}\nlimits: {nofile: 3}\nuser: {map: root}\n",
	  { "keyring", "landlock", "rlimit nofile", "seccomp", "capset", "pdeathsig",
	    "sigmask", "exec" } },
	{ "a preset has its own", "extends: [build]\n", { "seccomp \"build\"", "exec" } },
	{ "the last word counts", "extends: [build]\nseccomp: strict\n", { "seccomp \"strict\"" } },
};

TEST(confinement_stands_where_it_holds)
{
	for (size_t i = 0; i < ARRAY_SIZE(in_order); i++) {
		struct compiled c = compile_spec(in_order[i].spec, &user);

		if (c.r < 0)
			fail_msg("%s: %s", in_order[i].name, c.err.msg);
		expect_lines(&c, in_order[i].name, in_order[i].lines);
		EXPECT_TRUE(count_lines(&c, "keyring") == 1 && count_lines(&c, "seccomp") == 1);
		EXPECT_TRUE(count_lines(&c, "rlimit nofile") <= 1);
		compiled_free(&c);
	}
}

TEST(off_is_off)
{
	struct compiled c = compile_spec(BARE "seccomp: off\n", &user);

	EXPECT_INT(0, c.r);
	EXPECT_INT(0, count_lines(&c, "seccomp"));
	compiled_free(&c);
	c = compile_spec(BARE "seccomp: off\nlandlock: off\n", &user);
	EXPECT_INT(0, c.r);
	EXPECT_INT(0, count_lines(&c, "landlock"));
	compiled_free(&c);
}

/* ------------------------------------------------------------------- refusals */

static const struct {
	const char	*spec;
	struct rf_features f;
	const char	*msg, *hint;
} no_power[] = {
	/* all capabilities but the one that it takes */
	{ "namespaces: []\n" POWER, { .caps = ~(1ULL << CAP_SYS_ADMIN) }, "CAP_SYS_ADMIN",
	  "seccomp: off" },
	{ "namespaces: []\nseccomp: off\nlandlock: {scope: [signal]}\n" POWER,
	  { .caps = ~(1ULL << CAP_SYS_ADMIN) }, "Landlock without no_new_privileges", "" },
};

TEST(without_no_new_privs_it_takes_power)
{
	for (size_t i = 0; i < ARRAY_SIZE(no_power); i++) {
		struct rf_features f = root;
		struct compiled c;

		f.caps &= no_power[i].f.caps;
		c = compile_spec(no_power[i].spec, &f);
		EXPECT_INT(-EPERM, c.r);
		if (!strstr(c.err.msg, no_power[i].msg) || !strstr(c.err.hint, no_power[i].hint))
			fail_msg("%s: %s, hint %s", no_power[i].spec, c.err.msg, c.err.hint);
		EXPECT_TRUE(c.err.line > 0);
		compiled_free(&c);
	}
}

/* A filter that answers @action to call @nr, in place of the spec's. */
static struct compiled compile_filtered(const char *spec, int nr, uint32_t action)
{
	const struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sandbox_case s = sandbox_of(spec, &root);
	struct compiled c;

	s.sb->seccomp.insns = program;
	s.sb->seccomp.nr = ARRAY_SIZE(program);
	c = compile_case(&s, &root);
	sandbox_case_free(&s);
	return c;
}

static const struct {
	const char	*spec;
	int		 nr;
	const char	*call, *op;	/* NULL: allowed */
} behind[] = {
	{ BARE, SYS_execve, "execve", "exec" },
	{ BARE, SYS_execveat, NULL, NULL },
	{ BARE, SYS_capset, NULL, NULL },
	{ BARE, SYS_prctl, NULL, NULL },
	{ BARE, SYS_read, NULL, NULL },
	{ BARE, SYS_clock_gettime, NULL, NULL },
	{ BARE "exec_fd: 5\n", SYS_execveat, "execveat", "exec" },
	{ BARE POWER, SYS_prctl, "prctl", "pdeathsig" },
	{ BARE POWER, SYS_capset, "capset", "capset" },
	{ BARE POWER, SYS_ppoll, "ppoll", "pdeathsig" },
	{ BARE POWER, SYS_rt_sigaction, "rt_sigaction", "sigdefault" },
	{ BARE POWER, SYS_rt_sigprocmask, "rt_sigprocmask", "sigmask" },
	{ BARE POWER, SYS_execve, "execve", "exec" },
	{ "namespaces: []\nuser: {uid: 5}\n" POWER, SYS_setresuid, "setresuid", "setresuid" },
	{ "namespaces: []\nuser: {gid: 5}\n" POWER, SYS_setresgid, "setresgid", "setresgid" },
	{ "namespaces: []\nuser: {groups: [7]}\n" POWER, SYS_setgroups, "setgroups", "setgroups" },
	{ BARE POWER "capabilities: [chown]\n", SYS_keyctl, NULL, NULL },
	{ BARE POWER, SYS_landlock_restrict_self, NULL, NULL },
};

TEST(a_filter_that_refuses_what_comes_behind_it_is_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(behind); i++) {
		struct compiled c = compile_filtered(behind[i].spec, behind[i].nr,
						     SECCOMP_RET_ERRNO | EPERM);
		char quoted[64];

		snprintf(quoted, sizeof(quoted), "'%s' after it", behind[i].op ? behind[i].op : "");
		if (!behind[i].call && c.r < 0)
			fail_msg("%s: %s", behind[i].spec, c.err.msg);
		if (behind[i].call && (c.r != -EINVAL || !strstr(c.err.msg, behind[i].call) ||
				       !strstr(c.err.msg, quoted)))
			fail_msg("%s: %d, %s", behind[i].spec, c.r, c.err.msg);
		compiled_free(&c);
	}
}

static const struct {
	uint32_t	 action;
	const char	*msg;		/* NULL: exec may have it */
} answers[] = {
	{ SECCOMP_RET_ALLOW, NULL }, { SECCOMP_RET_LOG, NULL },
	{ SECCOMP_RET_ERRNO | ENOSYS, "answers ENOSYS to execve" },
	{ SECCOMP_RET_ERRNO, "answers" },	/* without an error nothing would run either */
	{ SECCOMP_RET_KILL_PROCESS, "kills at execve" }, { SECCOMP_RET_KILL_THREAD, "kills" },
	{ SECCOMP_RET_TRAP, "traps" }, { SECCOMP_RET_TRACE, "tracer" },
	{ SECCOMP_RET_USER_NOTIF, "listener" },
};

TEST(only_allow_and_log_let_an_op_through)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct compiled c = compile_filtered(BARE, SYS_execve, answers[i].action);

		if (!answers[i].msg ? c.r < 0 : c.r == 0 || !strstr(c.err.msg, answers[i].msg))
			fail_msg("0x%x: %d, %s", answers[i].action, c.r, c.err.msg);
		compiled_free(&c);
	}
}

TEST(a_policy_that_notifies_needs_somebody_who_listens)
{
	struct sandbox_case s = sandbox_of(BARE, &user);
	struct compiled c;

	s.sb->seccomp.notifies = true;
	c = compile_case(&s, &user);
	EXPECT_INT(-EINVAL, c.r);
	EXPECT_TRUE(strstr(c.err.msg, "nobody is there to be asked"));
	compiled_free(&c);
	s.sb->seccomp.has_listener = true;
	c = compile_case(&s, &user);
	EXPECT_INT(0, c.r);
	compiled_free(&c);
	sandbox_case_free(&s);
}

/* Every preset lets every kind of sandbox start, but where it says it does not. */
TEST(presets_let_a_sandbox_start)
{
	static const char *const specs[] = {
		BARE, BARE "exec_fd: 5\n", BARE "user: {map: root}\ncapabilities: [all]\n",
		BARE POWER, BARE POWER "user: {map: root}\ncapabilities: [chown]\nambient: []\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		for (int build = 0; build < 2; build++) {
			char spec[256];
			struct compiled c;

			snprintf(spec, sizeof(spec), "%sseccomp: %s\n", specs[i],
				 build ? "build" : "default");
			c = compile_spec(spec, &root);
			if (c.r < 0)
				fail_msg("%s: %s", spec, c.err.msg);
			compiled_free(&c);
		}
}

/* ------------------------------------------------------------------- Landlock */

#define LANDLOCK	BARE "landlock: "

static const struct {
	uint32_t	 abi;
	const char	*spec, *line;		/* of the op */
} rights[] = {
	{ 7, "{read: [/usr], loader: false}", "landlock fs=all rules=[\"/usr\":read]" },
	{ 7, "{write: [/w], loader: false}", "landlock fs=all rules=[\"/w\":write]" },
	{ 7, "{exec: [/e], loader: false}", "landlock fs=all rules=[\"/e\":exec]" },
	{ 7, "{exec: [{path: /e, optional: true}], loader: false}",
	  "landlock fs=all rules=[\"/e\":exec,optional]" },
	{ 7, "{read: [], loader: false}", "landlock fs=all" },
	{ 7, "{connect: [443], bind: [80]}",
	  "landlock net=bind-tcp,connect-tcp rules=[port 443:connect-tcp, port 80:bind-tcp]" },
	{ 7, "{connect: []}", "landlock net=connect-tcp" },
	{ 7, "{scope: [signal]}", "landlock scoped=signal" },
	/* what a spec does not name may be missing */
	{ 1, "{read: [/usr], loader: false}",
	  "landlock fs=read,write-file,remove-dir,remove-file,make-char,"
	  "make-dir,make-reg,make-sock,make-fifo,make-block,make-sym rules=[\"/usr\":read]" },
	{ 4, "{write: [/w], connect: [1], loader: false}", "landlock fs=" },
	{ 9, "{unix: [/run/s]}", "landlock fs=resolve-unix rules=[\"/run/s\":resolve-unix]" },
	/* nothing new is handled because the kernel is new */
	{ 99, "{read: [/usr], loader: false}", "landlock fs=all rules=[\"/usr\":read]" },
	{ 3, "{read: [/], connect: [1], scope: [signal], loader: false, compat: best}",
	  "landlock fs=" },
};

TEST(landlock_has_the_rights_that_the_kernel_has)
{
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		struct rf_features f = user;
		struct compiled c;
		char spec[256];

		f.landlock = rights[i].abi;
		snprintf(spec, sizeof(spec), LANDLOCK "%s\n", rights[i].spec);
		c = compile_spec(spec, &f);
		if (c.r < 0)
			fail_msg("%s: %s", spec, c.err.msg);
		if (find_line(&c, rights[i].line, 0) < 0)
			fail_msg("%s: no '%s' in\n%s", spec, rights[i].line, c.text);
		compiled_free(&c);
	}
}

static const struct {
	uint32_t	 abi;
	const char	*spec, *msg;
} lacking[] = {
	{ 0, "{read: [/usr]}", "no Landlock" },
	{ 0, "{read: [/usr], compat: best}", "no Landlock" },
	{ 3, "{connect: [443]}", "'connect', which is of ABI 4" },
	{ 3, "{bind: [443]}", "'bind'" },
	{ 5, "{scope: [abstract_unix]}", "'abstract_unix'" },
	{ 8, "{unix: [/run/s]}", "'unix', which is of ABI 9" },
	{ 2, "{write: [/w], compat: exact}", "'truncate'" },
	{ 4, "{write: [/w], compat: exact}", "'ioctl_dev'" },
	{ 3, "{connect: [443], compat: best}", "nothing of what is asked for" },
};

TEST(what_a_kernel_lacks_is_refused_unless_the_spec_allows_it)
{
	for (size_t i = 0; i < ARRAY_SIZE(lacking); i++) {
		struct rf_features f = user;
		struct compiled c;
		char spec[256];

		f.landlock = lacking[i].abi;
		snprintf(spec, sizeof(spec), LANDLOCK "%s\n", lacking[i].spec);
		c = compile_spec(spec, &f);
		if (c.r != -EOPNOTSUPP || !strstr(c.err.msg, lacking[i].msg) || !c.err.line)
			fail_msg("%s: %d, %s", spec, c.r, c.err.msg);
		compiled_free(&c);
	}
}

TEST(what_is_missing_can_be_told)
{
	struct sandbox_case s = sandbox_of(LANDLOCK "{write: [/w], scope: [signal]}\n", &user);
	char text[128];

	EXPECT_INT(0, rf_landlock_missing(s.sb, 7, text, sizeof(text)));
	EXPECT_STR("", text);
	EXPECT_INT(2, rf_landlock_missing(s.sb, 4, text, sizeof(text)));
	EXPECT_STR("ioctl_dev, signal", text);
	EXPECT_INT(4, rf_landlock_missing(s.sb, 1, text, 8));
	sandbox_case_free(&s);
}

TEST(require_is_no_less_than_all_of_it)
{
	struct rf_features old = user;
	struct sandbox_case s = sandbox_of(LANDLOCK "{write: [/w], compat: best}\n", &user);
	struct compiled c;

	old.landlock = 2;
	s.sb->require |= 1U << RF_LAYER_LANDLOCK;
	c = compile_case(&s, &old);
	EXPECT_INT(-EOPNOTSUPP, c.r);
	EXPECT_TRUE(strstr(c.err.msg, "'truncate'"));
	compiled_free(&c);
	c = compile_case(&s, &user);
	EXPECT_INT(0, c.r);
	compiled_free(&c);
	sandbox_case_free(&s);
}

TEST(the_loader_is_let_in_unless_the_spec_keeps_it_out)
{
	struct compiled c = compile_spec(LANDLOCK "{read: [/etc]}\n", &user);

	EXPECT_INT(0, c.r);
	EXPECT_TRUE(strstr(c.text, "\"/usr/lib\":exec,optional"));
	compiled_free(&c);
	c = compile_spec(LANDLOCK "{read: [/usr/lib]}\n", &user);
	EXPECT_TRUE(strstr(c.text, "\"/usr/lib\":read"));
	EXPECT_FALSE(strstr(c.text, "\"/usr/lib\":exec"));
	compiled_free(&c);
	/* ports are no matter of files */
	c = compile_spec(LANDLOCK "{connect: [443]}\n", &user);
	EXPECT_FALSE(strstr(c.text, "/usr/lib\":"));
	compiled_free(&c);
}
