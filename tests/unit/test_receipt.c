/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The receipt follows what the ops came to, and `require` what they would. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compile_case.h"
#include "receipt.h"

static const struct rf_features root = {
	.kernel = RF_KERNEL(6, 18), .caps = (1ULL << 41) - 1, .last_cap = 40, .nofile = 1024,
	.host_root = true, .nr_groups = 3,
};
static const struct rf_features user = {
	.kernel = RF_KERNEL(6, 18), .uid = 1000, .gid = 1000, .last_cap = 40, .nofile = 1024,
	.nr_groups = 2,
};
static const struct rf_features loner = {
	.kernel = RF_KERNEL(6, 18), .uid = 1000, .gid = 1000, .last_cap = 40, .nofile = 1024,
};

#define BARE	"root: host\n"
#define ALL	"namespaces: [user, mount, pid, net, ipc, uts, cgroup, time]\n"
#define MOST	"namespaces: [user, mount, pid, net, ipc, uts, cgroup]\n"

struct told {
	struct sandbox_case s;
	struct compiled	 c;
	int32_t		*results;
	struct rf_receipt *receipt;
};

static struct told tell(const char *spec, const struct rf_features *f)
{
	struct told t = { .s = sandbox_of(spec, f) };

	t.c = compile_case(&t.s, f);
	if (t.c.r < 0)
		fail_msg("%s: %s", spec, t.c.err.msg);
	t.results = calloc((size_t)rf_chain_nr(t.c.chain), sizeof(*t.results));
	assert_non_null(t.results);
	t.receipt = rf_receipt_new(t.s.sb, f, t.c.chain, NULL);
	assert_non_null(t.receipt);
	return t;
}

/* The same, once op @line has come to @result. */
static void fail_op(struct told *t, const struct rf_features *f, const char *line, int result)
{
	int i = find_line(&t->c, line, 0);

	if (i < 0)
		fail_msg("no op '%s' in:\n%s", line, t->c.text);
	t->results[i] = result;
	rf_receipt_free(t->receipt);
	t->receipt = rf_receipt_new(t->s.sb, f, t->c.chain, t->results);
	assert_non_null(t->receipt);
}

static void told_free(struct told *t)
{
	rf_receipt_free(t->receipt);
	free(t->results);
	compiled_free(&t->c);
	sandbox_case_free(&t->s);
}

static const struct rf_layer_state *layer(const struct told *t, const char *name)
{
	for (int i = 0; i < RF_LAYER_NR; i++)
		if (!strcmp(rf_layer_defs[i].name, name))
			return &t->receipt->layers[i];
	fail_msg("no layer '%s'", name);
	return NULL;
}

static const char *fact(const struct told *t, const char *name, const char *which)
{
	const struct rf_layer_state *l = layer(t, name);

	for (size_t i = 0; i < l->nr_facts; i++)
		if (!strcmp(l->facts[i].name, which))
			return l->facts[i].value;
	return "(none)";
}

/* An op that has not done its work takes its layer away, whatever the spec says. */
static const struct {
	const char		 *spec;
	const struct rf_features *f;
	const char		 *op, *layer;
} makers[] = {
	{ BARE MOST, &user, "clone as=context", "user" },
	{ BARE MOST, &user, "clone as=context", "mount" },
	{ BARE MOST, &user, "clone as=context", "ipc" },
	{ BARE MOST, &user, "clone as=context", "uts" },
	{ BARE MOST, &user, "clone as=context", "cgroup" },
	{ BARE ALL, &user, "unshare", "pid" },
	{ BARE ALL, &user, "unshare", "time" },
	/* what pid 1 has is not yet what the command has */
	{ BARE MOST, &user, "setns %0 type=net", "net" },
	{ BARE MOST "init: false\n", &user, "clone as=context", "net" },
	{ BARE "namespaces: {net: /proc/1/ns/net}\n", &root, "setns", "net" },
	{ BARE, &user, "mount_setattr %1", "root" },
	{ "root: empty\n", &user, "pivot_root", "root" },
	{ BARE, &user, "capset", "capabilities" },
	{ BARE "no_new_privileges: false\n", &root, "capbset", "capabilities" },
	{ BARE, &user, "no_new_privs", "no_new_privileges" },
	{ BARE, &root, "setgroups", "groups" },
	{ BARE "namespaces: [mount]\nuser: {groups: [4]}\n", &root, "setgroups gids=[4]", "groups" },
	{ BARE, &user, "keyring", "keyring" },
	{ BARE "limits: {core: 0}\n", &user, "rlimit", "limits" },
	{ BARE "terminal: none\n", &user, "setsid", "terminal" },
};

TEST(a_layer_is_in_force_only_if_its_op_was_done)
{
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		struct told t = tell(makers[i].spec, makers[i].f);

		if (!layer(&t, makers[i].layer)->in_force)
			fail_msg("%s: %s is not in force", makers[i].spec, makers[i].layer);
		fail_op(&t, makers[i].f, makers[i].op, -EPERM);
		if (layer(&t, makers[i].layer)->in_force || !layer(&t, makers[i].layer)->why_not)
			fail_msg("%s: %s is in force without %s", makers[i].spec, makers[i].layer,
				 makers[i].op);
		told_free(&t);
	}
}

TEST(what_has_not_completed_was_not_done)
{
	struct told t = tell(BARE, &user);

	fail_op(&t, &user, "mount_setattr %1", RF_RESULT_NONE);
	EXPECT_FALSE(layer(&t, "root")->in_force);
	told_free(&t);
}

TEST(no_keys_anywhere_is_not_in_force)
{
	struct told t = tell(BARE, &user);

	EXPECT_STR("new", fact(&t, "keyring", "session"));
	fail_op(&t, &user, "keyring", RF_KEYRING_NONE);
	EXPECT_FALSE(layer(&t, "keyring")->in_force);
	EXPECT_STR("none", fact(&t, "keyring", "session"));
	told_free(&t);
}

TEST(a_mount_is_listed_when_it_was_seen_in_its_place)
{
	struct told t = tell(BARE "mounts: [{ro: /a}, {rw: /b}, {tmpfs: /c, readonly: true}]\n", &user);

	EXPECT_STR("bind ro", fact(&t, "root", "/"));
	EXPECT_STR("bind ro", fact(&t, "root", "/a"));
	EXPECT_STR("bind", fact(&t, "root", "/b"));
	EXPECT_STR("tmpfs ro", fact(&t, "root", "/c"));
	fail_op(&t, &user, "verify root=%1 \"b\"", -EXDEV);
	EXPECT_STR("(none)", fact(&t, "root", "/b"));
	told_free(&t);
}

TEST(root_keeps_what_it_is_given_others_what_is_ambient)
{
	struct told t = tell(BARE "user: {map: root}\ncapabilities: [kill, chown]\nambient: [kill]\n", &user);

	EXPECT_STR("chown,kill", fact(&t, "capabilities", "effective"));
	EXPECT_STR("kill", fact(&t, "capabilities", "ambient"));
	told_free(&t);
	t = tell(BARE "capabilities: [kill, chown]\nambient: [kill]\n", &user);
	EXPECT_STR("kill", fact(&t, "capabilities", "effective"));
	EXPECT_STR("chown,kill", fact(&t, "capabilities", "bounding"));
	told_free(&t);
}

TEST(groups_are_the_callers_where_nothing_drops_them)
{
	struct told t = tell(BARE, &user);

	EXPECT_FALSE(layer(&t, "groups")->in_force);
	EXPECT_TRUE(layer(&t, "groups")->machine);
	told_free(&t);
	t = tell(BARE "user: {groups: keep}\n", &user);
	EXPECT_FALSE(layer(&t, "groups")->machine);
	told_free(&t);
	t = tell(BARE, &loner);
	EXPECT_TRUE(layer(&t, "groups")->in_force);
	told_free(&t);
}

static const struct {
	const char		 *spec;
	const struct rf_features *f;
	int			  want;
	const char		 *message;
} required[] = {
	{ BARE "require: [user, mount, pid, net, ipc, uts, cgroup, root]\n", &user, 0, NULL },
	{ BARE "require: [capabilities, no_new_privileges, keyring]\n", &user, 0, NULL },
	{ BARE "network: host\nrequire: [net]\n", &user, -EINVAL,
	  "'net' is required and would not be in force: the spec keeps the host's" },
	{ BARE "require: [time]\n", &user, -EINVAL, "'time' is required" },
	{ BARE "terminal: inherit\nrequire: [terminal]\n", &user, -EINVAL, "'terminal' is required" },
	{ BARE "require: [groups]\n", &user, -EPERM, "'groups' is required" },
	{ BARE "require: [groups]\n", &loner, 0, NULL },
	{ BARE "require: [groups]\n", &root, 0, NULL },
	{ BARE "user: {groups: keep}\nrequire: [groups]\n", &root, -EINVAL, "'groups' is required" },
};

TEST(what_is_required_is_there_or_nothing_is_compiled)
{
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		struct compiled c = compile_spec(required[i].spec, required[i].f);

		if (c.r != required[i].want)
			fail_msg("%s: %d, not %d: %s", required[i].spec, c.r, required[i].want,
				 c.err.msg);
		if (c.r < 0 && (!strstr(c.err.msg, required[i].message) || !c.err.line))
			fail_msg("%s: line %u: %s", required[i].spec, c.err.line, c.err.msg);
		compiled_free(&c);
	}
}

TEST(keys_that_are_required_must_be_had)
{
	struct compiled c = compile_spec(BARE "require: [keyring]\n", &user);

	EXPECT_TRUE(find_line(&c, "keyring must=yes", 0) > 0);
	compiled_free(&c);
	c = compile_spec(BARE, &user);
	EXPECT_INT(-1, find_line(&c, "keyring must", 0));
	compiled_free(&c);
}

TEST(every_layer_has_a_name_and_says_what_its_absence_means)
{
	for (int i = 0; i < RF_LAYER_NR; i++) {
		EXPECT_TRUE(rf_layer_defs[i].name && *rf_layer_defs[i].name);
		EXPECT_TRUE(rf_layer_defs[i].without && *rf_layer_defs[i].without);
		EXPECT_TRUE(rf_layer_defs[i].tell);
	}
}
