/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of a container, the fragment of a hook, and what goes with which stage. */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "harness.h"
#include "hook.h"
#include "netlink.h"

#define STATE(members) "{\"ociVersion\":\"1.0.2\"," members "}"
#define GOOD STATE("\"id\":\"c\",\"status\":\"running\",\"pid\":7,\"bundle\":\"/b\"")

static int parse_state(const char *text, struct rf_hook_state *ret, struct rf_err *err)
{
	static struct rf_sandbox *sb;

	rf_sandbox_free(sb);
	sb = rf_sandbox_new();
	return rf_hook_state_parse(text, strlen(text), sb, ret, err);
}

TEST(a_state_has_id_status_process_and_bundle)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_hook_state st;

	EXPECT_INT(0, parse_state(GOOD, &st, &err));
	EXPECT_STR("c", st.id);
	EXPECT_STR("/b", st.bundle);
	EXPECT_INT(RF_HOOK_RUNNING, st.status);
	EXPECT_INT(7, st.pid);
}

TEST(a_member_that_is_not_known_is_nobodys_mistake)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_hook_state st;

	EXPECT_INT(0, parse_state(STATE("\"id\":\"c\",\"status\":\"creating\",\"pid\":1,\"bundle\":\"/\","
				  "\"owner\":{},\"annotations\":{\"a\":\"b\"}"), &st, &err));
}

TEST(who_has_stopped_has_no_process)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_hook_state st;

	EXPECT_INT(0, parse_state(STATE("\"id\":\"c\",\"status\":\"stopped\",\"bundle\":\"/b\""), &st, &err));
	EXPECT_INT(0, st.pid);
	/* the old number may be another process's by now */
	EXPECT_INT(0, parse_state(STATE("\"id\":\"c\",\"status\":\"stopped\",\"bundle\":\"/b\",\"pid\":7"),
				  &st, &err));
	EXPECT_INT(0, st.pid);
}

TEST(what_is_no_state_is_refused)
{
	static const struct { const char *text, *why; } cases[] = {
		{ "", "state: line 1:" },
		{ "7", "state: " },
		{ "[]", "not an object" },
		{ GOOD "x", "state: line 1:" },
		{ "{}", "'ociVersion'" },
		{ STATE("\"id\":7"), "'id'" },
		{ STATE("\"id\":\"\""), "'id' has 1 to" },
		{ STATE("\"id\":\"c\",\"id\":\"d\""), "duplicate" },
		{ STATE("\"id\":\"c\",\"status\":\"running\",\"pid\":7,\"bundle\":\"b\""), "absolute" },
		{ STATE("\"id\":\"c\",\"status\":\"Running\",\"pid\":7,\"bundle\":\"/b\""), "'status'" },
		{ STATE("\"id\":\"c\",\"status\":\"running\",\"bundle\":\"/b\""), "'pid'" },
		{ STATE("\"id\":\"c\",\"status\":\"running\",\"pid\":0,\"bundle\":\"/b\""), "'pid'" },
		{ STATE("\"id\":\"c\",\"status\":\"running\",\"pid\":-1,\"bundle\":\"/b\""), "'pid'" },
		{ STATE("\"id\":\"c\",\"status\":\"running\",\"pid\":4294967297,\"bundle\":\"/b\""), "'pid'" },
		{ STATE("\"id\":\"c\",\"status\":\"running\",\"pid\":7.5,\"bundle\":\"/b\""), "'pid'" },
		{ STATE("\"id\":\"c\",\"status\":\"running\",\"pid\":7,\"bundle\":\"/b\",\"annotations\":[]"),
		  "'annotations'" },
		{ STATE("\"id\":\"c\",\"status\":\"running\",\"pid\":7,\"bundle\":\"/b\","
			"\"annotations\":{\"k\":1}"), "annotation 'k'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_hook_state st = { .pid = -5 };
		struct rf_err err = RF_ERR_INIT;
		int r = parse_state(cases[i].text, &st, &err);

		if (r != -EINVAL || !strstr(err.msg, cases[i].why) || st.pid != -5)
			fail_msg("%s: %d, %s", cases[i].text, r, err.msg);
	}
}

TEST(a_state_that_is_too_long_is_refused)
{
	static char text[RF_HOOK_STATE_MAX + 2];
	struct rf_err err = RF_ERR_INIT;
	struct rf_hook_state st;

	memset(text, ' ', sizeof(text) - 1);
	memcpy(text, GOOD, strlen(GOOD));
	EXPECT_INT(-EINVAL, parse_state(text, &st, &err));
	text[RF_HOOK_STATE_MAX] = '\0';
	err = (struct rf_err)RF_ERR_INIT;
	EXPECT_INT(0, parse_state(text, &st, &err));
}

TEST(the_root_of_a_bundle_is_below_it_unless_it_is_absolute)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "{\"root\":{\"path\":\"rootfs\"}}", "/b/rootfs" },
		{ "{\"root\":{\"path\":\"/elsewhere\"}}", "/elsewhere" },
		{ "{\"root\":{\"path\":\"\"}}", NULL },
		{ "{\"root\":{}}", NULL },
		{ "{\"root\":7}", NULL },
		{ "{}", NULL },
	};
	const struct rf_hook_state st = { .bundle = "/b" };
	struct rf_sandbox *sb = rf_sandbox_new();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_err err = RF_ERR_INIT;
		const char *root = NULL;
		int r = rf_hook_config_root(cases[i].text, strlen(cases[i].text), &st, sb, &root, &err);

		EXPECT_INT(cases[i].want ? 0 : -EINVAL, r);
		if (cases[i].want)
			EXPECT_STR(cases[i].want, root);
	}
	rf_sandbox_free(sb);
}

/* ----------------------------------------------------------------- fragments */

static int parse(const char *text, struct rf_hook **ret, struct rf_err *err)
{
	return rf_hook_parse("f.yaml", text, strlen(text), ret, err);
}

TEST(a_fragment_is_read_into_what_is_applied)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_hook *h;

	EXPECT_INT(0, parse("mounts: [{rw: here, at: /there}]\n"
			    "sysctl: {net.ipv4.ip_forward: 1, net/ipv4/conf/a.b/forwarding: 0}\n"
			    "cgroup: {memory.high: 5M}\n"
			    "network: [{veth: eth0, addr: 10.1.2.3/8}, {route: default, via: \"fe80::1\", link: x}]\n",
			    &h, &err));
	EXPECT_STR("here", h->sb->mounts[0].source);
	EXPECT_STR("/there", h->sb->mounts[0].at);
	EXPECT_STR("net/ipv4/ip_forward", h->sysctls[0].path);
	EXPECT_STR("net/ipv4/conf/a.b/forwarding", h->sysctls[1].path);
	EXPECT_INT(RF_NS_NET, h->sysctls[1].ns);
	EXPECT_STR("5M", h->cgroup[0].value);
	EXPECT_INT(2, h->nr_net);
	EXPECT_INT(AF_INET, h->net[0].addr[0].family);
	EXPECT_INT(8, h->net[0].addr[0].prefix);
	EXPECT_INT(3, h->net[0].addr[0].bytes[3]);
	EXPECT_INT(0, h->net[1].to.family);
	EXPECT_INT(AF_INET6, h->net[1].via.family);
	rf_hook_free(h);
}

TEST(a_relative_source_is_beside_the_fragment)
{
	static const char text[] = "mounts: [{ro: ./x, at: /y}]";
	struct rf_err err = RF_ERR_INIT;
	struct rf_hook *h;

	EXPECT_INT(0, rf_hook_parse("/etc/rf/f.yaml", text, strlen(text), &h, &err));
	EXPECT_STR("/etc/rf/x", h->sb->mounts[0].source);
	rf_hook_free(h);
}

TEST(what_is_wrong_in_a_fragment_has_its_place)
{
	static const struct { const char *text; unsigned int line, col; const char *why; } cases[] = {
		{ "mount: []", 1, 1, "did you mean 'mounts'?" },
		{ "mounts:\n - {proc: /proc}", 2, 11, "'proc' is the runtime's to mount" },
		{ "sysctl: {kernel.panic: 1}", 1, 10, "the whole host's" },
		{ "sysctl:\n  net.ipv4.ip_forward: [1]", 2, 24, "text" },
		{ "cgroup: {pids.max: \"1\\n2\"}", 1, 20, "one line" },
		{ "network: [{up: lo}, {weth: x}]", 1, 22, "did you mean 'veth'?" },
		{ "network: [{up: lo, adr: 1/2}]", 1, 20, "did you mean 'addr'?" },
		{ "network: [{route: 10.0.0.0/33, link: x}]", 1, 19, "no address" },
		{ "network: [{route: 10.0.0.0/8, via: \"::1\"}]", 1, 36, "one family by way of the other" },
		{ "limits: {wall: 1}", 1, 16, "'wall'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_err err = RF_ERR_INIT;
		struct rf_hook *h;
		int r = parse(cases[i].text, &h, &err);

		if (r != -EINVAL || err.line != cases[i].line || err.col != cases[i].col ||
		    !strstr(err.msg, cases[i].why))
			fail_msg("%s: %d, %u:%u: %s", cases[i].text, r, err.line, err.col, err.msg);
		rf_hook_free(h);
	}
}

TEST(every_refusal_of_a_stage_has_its_reason_and_every_stage_its_states)
{
	for (int s = 0; s < RF_HOOK_STAGE_NR; s++) {
		const struct rf_hook_stage_def *def = &rf_hook_stages[s];
		enum rf_hook_stage found;

		EXPECT_TRUE(def->name && def->status);
		EXPECT_INT(0, rf_hook_stage_find(def->name, &found, NULL));
		EXPECT_INT(s, found);
		/* a stage in which nothing can be done would be none */
		EXPECT_TRUE(!def->refused[RF_HOOK_FILE]);
		for (int p = 0; p < RF_HOOK_PART_NR; p++)
			EXPECT_TRUE(!def->refused[p] || strlen(def->refused[p]) > 10);
	}
}

TEST(a_part_is_refused_in_the_stages_of_the_table_only)
{
	static const char *const parts[RF_HOOK_PART_NR] = {
		[RF_HOOK_BIND] = "mounts: [{ro: /x}]", [RF_HOOK_TMPFS] = "mounts: [{tmpfs: /x}]",
		[RF_HOOK_FILE] = "mounts: [{dir: /x}]", [RF_HOOK_RLIMIT] = "limits: {core: 0}",
		[RF_HOOK_CGROUP] = "cgroup: {pids.max: 1}", [RF_HOOK_SYSCTL] = "sysctl: {net.x: 1}",
		[RF_HOOK_NETWORK] = "network: [{up: lo}]",
	};

	for (int p = 0; p < RF_HOOK_PART_NR; p++) {
		struct rf_err err = RF_ERR_INIT;
		struct rf_hook *h;

		EXPECT_INT(0, parse(parts[p], &h, &err));
		for (int s = 0; s < RF_HOOK_STAGE_NR; s++) {
			err = (struct rf_err)RF_ERR_INIT;
			EXPECT_INT(rf_hook_stages[s].refused[p] ? -EINVAL : 0,
				   rf_hook_check(h, (enum rf_hook_stage)s, &err));
			if (err.code)
				EXPECT_TRUE(strstr(err.msg, rf_hook_stages[s].refused[p]) && err.line == 1);
		}
		rf_hook_free(h);
	}
}

TEST(a_file_for_hooks_d_is_refused_where_the_annotation_is_none)
{
	struct rf_hook_d d = { .exe = "/x", .fragment = "/f", .annotation = "=y" };
	struct rf_err err = RF_ERR_INIT;

	EXPECT_TRUE(!rf_hook_d_print(&d, &err));
	EXPECT_INT(EINVAL, err.code);
	err = (struct rf_err)RF_ERR_INIT;
	d.annotation = NULL;
	d.exe = "\xff";
	EXPECT_TRUE(!rf_hook_d_print(&d, &err));
	EXPECT_INT(EINVAL, err.code);
}

/* ----------------------------------------------------------------- rtnetlink */

/* A network namespace of the test's own, where nobody else makes links. */
static struct rf_netlink own_network(void)
{
	struct rf_netlink nl;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		harness_skip("userns", "the kernel refuses new user namespaces");
	rf_netlink_init(&nl, rf_netlink_socket());
	EXPECT_TRUE(nl.fd >= 0);
	return nl;
}

TEST(links_addresses_and_routes_are_made_once_and_taken_away)
{
	static const uint8_t bytes[4] = { 10, 1, 2, 3 };
	const struct rf_netlink_addr addr = { AF_INET, 8, bytes }, none = { .family = 0 };
	const struct rf_netlink_addr to = { AF_INET, 32, (const uint8_t[4]){ 10, 9, 9, 9 } };
	struct rf_netlink nl = own_network();
	uint32_t index;
	bool up;

	EXPECT_INT(0, rf_netlink_find(&nl, "lo", &index, &up));
	EXPECT_TRUE(!up);
	EXPECT_INT(0, rf_netlink_set_up(&nl, index, true));
	EXPECT_INT(0, rf_netlink_find(&nl, "lo", &index, &up));
	EXPECT_TRUE(up);
	EXPECT_INT(0, rf_netlink_addr(&nl, true, index, &addr));
	EXPECT_INT(-EEXIST, rf_netlink_addr(&nl, true, index, &addr));
	EXPECT_INT(0, rf_netlink_route(&nl, true, &to, &none, index));
	EXPECT_INT(-EEXIST, rf_netlink_route(&nl, true, &to, &none, index));
	EXPECT_INT(0, rf_netlink_route(&nl, false, &to, &none, index));
	EXPECT_INT(-ESRCH, rf_netlink_route(&nl, false, &to, &none, index));
	EXPECT_INT(0, rf_netlink_addr(&nl, false, index, &addr));
	EXPECT_INT(-EADDRNOTAVAIL, rf_netlink_addr(&nl, false, index, &addr));
	EXPECT_INT(-ENODEV, rf_netlink_find(&nl, "none", &index, &up));
	(void)close(nl.fd);
}

TEST(what_the_kernel_says_of_a_failure_is_kept_until_the_next_request)
{
	static const uint8_t bytes[4] = { 10, 1, 2, 3 };
	const struct rf_netlink_addr via = { AF_INET, 32, bytes }, none = { .family = 0 };
	struct rf_netlink nl = own_network();
	uint32_t index;

	EXPECT_INT(-ENETUNREACH, rf_netlink_route(&nl, true, &none, &via, 0));
	EXPECT_TRUE(strstr(nl.reason, "gateway"));
	EXPECT_INT(0, rf_netlink_find(&nl, "lo", &index, NULL));
	EXPECT_STR("", nl.reason);
	(void)close(nl.fd);
}
