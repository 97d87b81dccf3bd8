/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deny [-e ENOSYS|EPERM|...] SYSCALL[,SYSCALL...] COMMAND [ARG...]
 *
 * Runs COMMAND where the named system calls fail, so that fallbacks for older
 * kernels and for strict containers are exercised on any machine.
 *
 * Some names deny a call by its arguments only: userns is clone and unshare with
 * CLONE_NEWUSER, and clone3, whose arguments no filter sees, gets ENOSYS then;
 * prctl-seccomp is prctl(PR_SET_SECCOMP).
 *
 * With CAP_SYS_ADMIN the filter is installed without no_new_privs, so that
 * programs such as newuidmap keep working.  Exit status: COMMAND's, 125 when
 * the filter cannot be made, 127 when COMMAND cannot be run.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define EXIT_CANNOT	125
#define EXIT_NOT_FOUND	127

static const struct {
	const char	*name;
	int		 code;
} errors[] = {
	{ "ENOSYS", ENOSYS }, { "EPERM", EPERM }, { "EACCES", EACCES },
	{ "EINVAL", EINVAL }, { "ENOMEM", ENOMEM }, { "EMFILE", EMFILE },
	{ "ENOSPC", ENOSPC }, { "EOPNOTSUPP", EOPNOTSUPP },
};

static int error_code(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].code;
	return -1;
}

static int fail(const char *what, int code)
{
	fprintf(stderr, "deny: %s: %s\n", what, strerror(code));
	return EXIT_CANNOT;
}

#define DENY_IF(name, comparison) \
	seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)code), SCMP_SYS(name), 1, comparison)

/* 1: @name is one of the names for arguments; 0: it is none; or a negative errno. */
static int add_by_arguments(scmp_filter_ctx filter, const char *name, int code)
{
	int r;

	if (strcmp(name, "prctl-seccomp") == 0) {
		r = DENY_IF(prctl, SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP, 0));
		return r < 0 ? r : 1;
	}
	if (strcmp(name, "userns") != 0)
		return 0;
	r = DENY_IF(clone, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
	if (r == 0)
		r = DENY_IF(unshare, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return r < 0 ? r : 1;
}

static int add_rules(scmp_filter_ctx filter, char *names, int code)
{
	char *save = NULL;

	for (char *name = strtok_r(names, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		int nr = seccomp_syscall_resolve_name(name);
		int r = add_by_arguments(filter, name, code);

		if (r < 0)
			return fail(name, -r);
		if (r > 0)
			continue;
		if (nr == __NR_SCMP_ERROR)
			return fail(name, ENOSYS);
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)code), nr, 0);
		if (r < 0)
			return fail(name, -r);
	}
	return 0;
}

/* Without no_new_privs first: the kernel allows that to CAP_SYS_ADMIN. */
static int load(scmp_filter_ctx filter)
{
	int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);

	if (r == 0)
		r = seccomp_load(filter);
	if (r == -EACCES || r == -EPERM || r == -ECANCELED) {
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 1);
		if (r == 0)
			r = seccomp_load(filter);
	}
	return r;
}

int main(int argc, char **argv)
{
	int code = ENOSYS, opt, r;
	scmp_filter_ctx filter;

	while ((opt = getopt(argc, argv, "+e:")) != -1) {
		if (opt != 'e' || (code = error_code(optarg)) < 0)
			return fail("usage: deny [-e ERROR] SYSCALL[,...] COMMAND", EINVAL);
	}
	if (argc - optind < 2)
		return fail("usage: deny [-e ERROR] SYSCALL[,...] COMMAND", EINVAL);

	filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter)
		return fail("seccomp_init", ENOMEM);
	r = add_rules(filter, argv[optind], code);
	if (r == 0) {
		r = load(filter);
		if (r < 0)
			r = fail("seccomp_load", -r);
	}
	seccomp_release(filter);
	if (r)
		return r;
	execvp(argv[optind + 1], argv + optind + 1);
	(void)fail(argv[optind + 1], errno);
	return EXIT_NOT_FOUND;
}
