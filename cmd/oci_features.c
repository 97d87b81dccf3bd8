/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence-oci features: what this runtime does with a config.json, as the runtime
 * specification has it in features.md.  But for flags of filters this is about the
 * program, and not about the kernel under it.
 */
#include <errno.h>
#include <jansson.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chain.h"
#include "compat.h"
#include "error.h"
#include "oci_runtime.h"
#include "report.h"

static json_t *words(const char *const *list)
{
	json_t *array = json_array();

	for (; *list; list++)
		(void)json_array_append_new(array, json_string(*list));
	return array;
}

static json_t *words_of(const char *(*word)(size_t index))
{
	json_t *array = json_array();

	for (size_t i = 0; word(i); i++)
		(void)json_array_append_new(array, json_string(word(i)));
	return array;
}

static json_t *capabilities(void)
{
	json_t *list = json_array();
	char name[64];

	for (size_t i = 0; rf_cap_name(i); i++) {
		(void)snprintf(name, sizeof(name), "CAP_%s", rf_cap_name(i));
		for (char *p = name; *p; p++)
			*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
		(void)json_array_append_new(list, json_string(name));
	}
	return list;
}

/* -------------------------------------------------------------------- seccomp */

/* @needs: what it goes with, or 0. */
static const struct { const char *name; unsigned long flag, needs; } filter_flags[] = {
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG, 0 },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW, 0 },
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC, 0 },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", RF_SECCOMP_FLAG_WAIT_KILLABLE_RECV,
	  SECCOMP_FILTER_FLAG_NEW_LISTENER },
};

/* Without a program the kernel looks at the flags, and then for one. */
static bool has_flag(size_t i)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter_flags[i].flag | filter_flags[i].needs,
		       NULL) < 0 && errno == EFAULT;
}

static json_t *flags(bool supported)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(filter_flags) / sizeof(*filter_flags); i++)
		if (!supported || has_flag(i))
			(void)json_array_append_new(list, json_string(filter_flags[i].name));
	return list;
}

static json_t *seccomp(void)
{
	static const char *const actions[] = { "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
		"SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
		"SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP", NULL };
	static const char *const operators[] = { "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
		"SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE", NULL };
	static const char *const archs[] = { "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_X32",
		"SCMP_ARCH_X86", "SCMP_ARCH_X86_64", NULL };

	return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "enabled", 1, "actions", words(actions),
			 "operators", words(operators), "archs", words(archs), "knownFlags",
			 flags(false), "supportedFlags", flags(true));
}

/* ------------------------------------------------------------------ the whole */

static json_t *has(bool yes)
{
	return json_pack("{s:b}", "enabled", yes);
}

static json_t *rdt(void)
{
	return json_pack("{s:b, s:b, s:b}", "enabled", 1, "schemata", 1, "monitoring", 1);
}

static json_t *linux_part(void)
{
	static const char *const namespaces[] = { "cgroup", "ipc", "mount", "network", "pid", "time",
						  "user", "uts", NULL };

	return json_pack("{s:o, s:o, s:{s:b, s:b, s:b, s:b, s:b}, s:o, s:o, s:o, s:o, s:{s:o}, s:{s:o, s:o}, s:o}",
			 "namespaces", words(namespaces), "capabilities", capabilities(),
			 "cgroup", "v1", 1, "v2", 1,
			 "systemd", oci_scope_is_built(),
			 "systemdUser", oci_scope_is_built(), "rdma", 1,
			 "seccomp", seccomp(), "apparmor", has(true), "selinux", has(true),
			 "intelRdt", rdt(), "mountExtensions", "idmap", has(true),
			 "memoryPolicy", "modes", words_of(rf_oci_memory_mode), "flags",
			 words_of(rf_oci_memory_flag), "netDevices", has(true));
}

static const struct rf_opt no_opts[] = { { .name = NULL } };

static int features_main(int argc, char **argv)
{
	static const char *const hooks[] = { "prestart", "createRuntime", "createContainer",
					     "startContainer", "poststart", "poststop", NULL };
	struct rf_err err = RF_ERR_INIT;
	json_t *root;
	char *text;
	int r = oci_options(&oci_cmd_features, argc, argv, NULL, NULL, NULL, 0, &err);

	if (r < 0)
		return oci_fail(&err);
	root = json_pack("{s:s, s:s, s:o, s:o, s:o}", "ociVersionMin", "1.0.0", "ociVersionMax", "1.3.0",
			 "hooks", words(hooks), "mountOptions", words(rf_oci_mount_options()), "linux",
			 linux_part());
	text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	json_decref(root);
	if (!text) {
		rf_err_set(&err, ENOMEM, "features");
		return oci_fail(&err);
	}
	out("%s\n", text);
	free(text);
	return out_finish(0);
}

const struct command oci_cmd_features = {
	.name = "features", .args = "", .opts = no_opts, .main = features_main,
	.help = "print what this runtime can do, as JSON",
};
