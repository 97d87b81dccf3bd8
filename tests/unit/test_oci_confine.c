/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Labels of security modules, and filters that somebody answers for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "oci_case.h"

#define LABELS	DOC(",\"apparmorProfile\":\"web\",\"selinuxLabel\":\"u:r:t:s0\"", "", "")

TEST(a_label_is_text_of_one_line)
{
	char text[4300], label[4002] = "";
	static const struct oci_bad cases[] = {
		{ DOC(",\"selinuxLabel\":7", "", ""), "process.selinuxLabel: a string belongs here" },
		{ DOC(",\"apparmorProfile\":\"a\\nb\"", "", ""),
		  "process.apparmorProfile: a control character in a label" },
		{ DOC("", ",\"mountLabel\":\"a\\tb\"", ""),
		  "linux.mountLabel: a control character in a label" },
	};
	const struct oci_bad longer = { text, "process.apparmorProfile: a label of more than 4000 bytes" };

	OCI_EXPECT_BAD(cases);
	memset(label, 'x', sizeof(label) - 1);
	(void)snprintf(text, sizeof(text), DOC(",\"apparmorProfile\":\"%s\"", "", ""), label);
	oci_expect_bad(&longer, 1);
}

TEST(labels_are_written_by_the_hosts_proc_and_before_any_gate)
{
	struct rf_oci_config c;
	struct compiled k = oci_compiled(oci_good(LABELS, &c), &oci_features);
	static const char *const lines[] = {
		"open \"/proc\" flags=directory,path -> %0",
		"clone as=apart",
		"open dir=%0 \"thread-self/attr/apparmor/exec\" flags=wronly "
		"resolve=no-xdev,no-magiclinks,beneath -> %1",
		"open dir=%0 \"thread-self/attr/exec\" flags=wronly "
		"resolve=no-xdev,no-magiclinks,beneath -> %2",
		"close %0",
		"pivot_root",
		"label \"exec\" slot=%2 label=\"u:r:t:s0\"",
		"label \"apparmor/exec\" slot=%1 label=\"exec web\"",
		"gate",
		NULL
	};

	expect_lines(&k, "labels", lines);
	compiled_free(&k);
}

TEST(the_proc_of_a_container_that_is_joined_is_not_the_one)
{
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(LABELS, &c);
	static const char *const lines[] = { "open \"/proc\"", "setns", "clone as=apart",
					     "open dir=%0 \"thread-self/attr/apparmor/exec\"", NULL };
	struct compiled k;

	sb->oci.enters = true;
	sb->root = (struct rf_root){ .kind = RF_ROOT_EMPTY };
	sb->ns[RF_NS_MOUNT] = (struct rf_ns_spec){ .mode = RF_NS_JOIN_FD, .fd = 7 };
	k = oci_compiled(sb, &oci_features);
	EXPECT_INT(0, k.r);
	expect_lines(&k, "labels", lines);
	compiled_free(&k);
}

TEST(a_label_of_a_module_that_is_off_is_refused_by_name)
{
	static const struct { const char *text, *want; } cases[] = {
		{ LABELS, "process.apparmorProfile: AppArmor is not on in this kernel" },
		{ DOC(",\"selinuxLabel\":\"x\"", "", ""),
		  "process.selinuxLabel: SELinux is not on in this kernel" },
		{ DOC("", ",\"mountLabel\":\"x\"", ""), "linux.mountLabel: SELinux is not on in this kernel" },
	};
	struct rf_features f = oci_features;

	f.apparmor = f.selinux = false;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_oci_config c;
		struct compiled k = oci_compiled(oci_good(cases[i].text, &c), &f);

		EXPECT_INT(-EOPNOTSUPP, k.r);
		EXPECT_STR(cases[i].want, k.err.msg);
		EXPECT_TRUE(k.err.line == 1 && k.err.col > 1);
		compiled_free(&k);
	}
}

TEST(what_is_mounted_has_the_mount_label)
{
	struct rf_oci_config c;
	struct rf_err err = RF_ERR_INIT;
	struct rf_sandbox *sb = oci_good(DOC("", ",\"mountLabel\":\"u:r:t:s0:c1,c2\"", ",\"mounts\":["
		"{\"destination\":\"/proc\",\"type\":\"proc\"},{\"destination\":\"/sys\",\"type\":\"sysfs\"},"
		"{\"destination\":\"/tmp\",\"type\":\"tmpfs\",\"options\":[\"size=64k\"]},"
		"{\"destination\":\"/run\",\"type\":\"tmpfs\",\"options\":[\"context=own\"]},"
		"{\"destination\":\"/q\",\"type\":\"mqueue\"},"
		"{\"destination\":\"/b\",\"source\":\"/b\",\"type\":\"bind\"}]"), &c);
	struct compiled k;

	EXPECT_INT(0, rf_oci_label_mounts(sb, &err));
	k = oci_compiled(sb, &oci_features);
	EXPECT_TRUE(find_line(&k, "mkfs \"tmpfs\" options=size=64k,context=\"u:r:t:s0:c1,c2\"", 0) >= 0);
	EXPECT_TRUE(find_line(&k, "mkfs \"tmpfs\" options=context=own", 0) >= 0);
	EXPECT_TRUE(find_line(&k, "mkfs \"proc\" ->", 0) >= 0 && find_line(&k, "mkfs \"sysfs\" ->", 0) >= 0);
	EXPECT_INT(find_line(&k, "mkfs \"mqueue\" ->", 0) + 1, find_line(&k, "label \"security.selinux\"", 0));
	EXPECT_INT(1, count_lines(&k, "label"));
	compiled_free(&k);
}

#define NOTIFY(more)	DOC("", ",\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":" \
			    "[\"mkdir\",\"mkdirat\"],\"action\":\"SCMP_ACT_NOTIFY\"}]" more "}", "")

static struct rf_sandbox *filtered(const char *text)
{
	struct rf_oci_config c;
	struct rf_err err = RF_ERR_INIT;
	struct rf_sandbox *sb = oci_good(text, &c);

	EXPECT_INT(0, rf_oci_resolve_seccomp(sb, &c, &err));
	return sb;
}

TEST(a_listener_is_sent_before_anything_that_its_filter_may_be_asked_about)
{
	struct compiled k = oci_compiled(filtered(NOTIFY(",\"listenerPath\":\"/a\"")), &oci_features);
	int at = find_line(&k, "seccomp \"linux.seccomp\"", 0);

	EXPECT_TRUE(at > 0);
	EXPECT_INT(at + 1, find_line(&k, "send_fds", 0));
	EXPECT_TRUE(strstr(k.text, "flags=new-listener"));
	/* without no_new_privs there are credentials behind it */
	EXPECT_TRUE(find_line(&k, "capset", 0) > at);
	EXPECT_TRUE(rf_op_sends_listener(k.chain->ops, (uint32_t)at + 1));
	EXPECT_FALSE(rf_op_sends_listener(k.chain->ops, (uint32_t)at));
	compiled_free(&k);
}

TEST(a_filter_that_asks_nobody_has_no_listener)
{
	struct compiled k = oci_compiled(filtered(DOC("", ",\"seccomp\":{\"defaultAction\":"
		"\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/a\"}", "")), &oci_features);

	EXPECT_TRUE(find_line(&k, "seccomp", 0) > 0 && find_line(&k, "send_fds", 0) < 0);
	compiled_free(&k);
}

TEST(a_flag_for_listeners_needs_one_and_a_kernel)
{
	static const char flag[] = NOTIFY(",\"listenerPath\":\"/a\",\"flags\":["
					  "\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]");
	struct rf_features old = oci_features;
	struct compiled k = oci_compiled(filtered(flag), &oci_features);

	EXPECT_TRUE(strstr(k.text, "flags=new-listener,wait-killable"));
	compiled_free(&k);
	old.kernel = RF_KERNEL(5, 18);
	k = oci_compiled(filtered(flag), &old);
	EXPECT_INT(-EOPNOTSUPP, k.r);
	EXPECT_STR("the policy 'linux.seccomp': the flag WAIT_KILLABLE_RECV needs Linux 5.19", k.err.msg);
	compiled_free(&k);
}
