/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Without namespaces: which rules stand for mounts, and which sockets are refused. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../seccomp/policy.h"
#include "fallback.h"
#include "harness.h"
#include "sandbox.h"

/* ------------------------------------------------------------------- sockets */

#define REFUSED	(SECCOMP_RET_ERRNO | EACCES)
#define ALLOWED	SECCOMP_RET_ALLOW

#if defined(__x86_64__)
static const struct {
	uint32_t arch;
	int	 nr;
	uint64_t args[2];
	uint32_t without, with_host;	/* network: none, network: host */
} calls[] = {
	{ AUDIT_ARCH_X86_64, 41, { AF_INET, SOCK_STREAM }, REFUSED, ALLOWED },
	{ AUDIT_ARCH_X86_64, 41, { AF_UNIX, SOCK_STREAM }, REFUSED, REFUSED },
	{ AUDIT_ARCH_X86_64, 41, { AF_UNIX | 1ULL << 40, SOCK_STREAM }, REFUSED, REFUSED },
	{ AUDIT_ARCH_X86_64, 41, { AF_NETLINK, SOCK_RAW }, REFUSED, ALLOWED },
	{ AUDIT_ARCH_X86_64, 41 | 0x40000000, { AF_UNIX, SOCK_STREAM }, REFUSED, REFUSED },
	{ AUDIT_ARCH_X86_64, 53, { AF_UNIX, SOCK_STREAM }, ALLOWED, ALLOWED },
	{ AUDIT_ARCH_X86_64, 53, { AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC }, ALLOWED, ALLOWED },
	{ AUDIT_ARCH_X86_64, 53, { AF_UNIX, SOCK_DGRAM }, REFUSED, REFUSED },
	{ AUDIT_ARCH_X86_64, 53, { AF_UNIX, SOCK_RAW | SOCK_NONBLOCK }, REFUSED, REFUSED },
	{ AUDIT_ARCH_X86_64, 53 | 0x40000000, { AF_UNIX, SOCK_DGRAM }, REFUSED, REFUSED },
	{ AUDIT_ARCH_X86_64, 425, { 0, 0 }, REFUSED, REFUSED },
	{ AUDIT_ARCH_X86_64, 0, { 0, 0 }, ALLOWED, ALLOWED },
	{ AUDIT_ARCH_X86_64, 102, { 0, 0 }, ALLOWED, ALLOWED },	/* getuid */
	{ AUDIT_ARCH_I386, 102, { 0, 0 }, REFUSED, REFUSED },	/* socketcall */
	{ AUDIT_ARCH_I386, 359, { AF_INET, SOCK_STREAM }, REFUSED, ALLOWED },
	{ AUDIT_ARCH_I386, 359, { AF_UNIX, SOCK_STREAM }, REFUSED, REFUSED },
	{ AUDIT_ARCH_I386, 360, { AF_UNIX, SOCK_DGRAM }, REFUSED, REFUSED },
	{ AUDIT_ARCH_I386, 360, { AF_UNIX, SOCK_STREAM }, ALLOWED, ALLOWED },
	{ AUDIT_ARCH_I386, 425, { 0, 0 }, REFUSED, REFUSED },
	{ AUDIT_ARCH_I386, 41, { 0, 0 }, ALLOWED, ALLOWED },	/* dup */
};

static void expect_call(const struct rf_sandbox *sb, size_t i, uint32_t want)
{
	struct seccomp_data data = { .arch = calls[i].arch, .nr = calls[i].nr,
				     .args = { calls[i].args[0], calls[i].args[1] } };
	uint32_t got = rf_filter_run(sb->seccomp.insns, sb->seccomp.nr, &data);

	if (got != want)
		fail_msg("row %zu: call %d of %x: %x, not %x", i, calls[i].nr, calls[i].arch, got,
			 want);
}

TEST(sockets_are_refused_on_every_architecture)
{
	for (int all = 0; all < 2; all++) {
		struct rf_sandbox *sb = rf_sandbox_new();

		EXPECT_INT(0, rf_fallback_filter(sb, all, NULL));
		EXPECT_TRUE(sb->seccomp.on);
		EXPECT_STR(all ? "off, no sockets" : "off, no Unix sockets", sb->seccomp.name);
		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
			expect_call(sb, i, all ? calls[i].without : calls[i].with_host);
		rf_sandbox_free(sb);
	}
}

TEST(the_filter_that_was_there_decides_about_the_rest)
{
	static const struct sock_filter kill[] = { { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS } };
	struct rf_sandbox *sb = rf_sandbox_new();
	struct seccomp_data data = { .arch = AUDIT_ARCH_X86_64, .nr = 39 };

	sb->seccomp = (struct rf_seccomp_spec){ .on = true, .name = "mine", .insns = kill, .nr = 1 };
	EXPECT_INT(0, rf_fallback_filter(sb, true, NULL));
	EXPECT_STR("mine, no sockets", sb->seccomp.name);
	EXPECT_INT(SECCOMP_RET_KILL_PROCESS, rf_filter_run(sb->seccomp.insns, sb->seccomp.nr, &data));
	data.nr = 41;
	EXPECT_INT(REFUSED, rf_filter_run(sb->seccomp.insns, sb->seccomp.nr, &data));
	rf_sandbox_free(sb);
}
#endif

/* --------------------------------------------------------------------- files */

/* A tree below a directory of its own: "name/" is a directory, "name>to" a link. */
static const char *const tree[] = {
	"work/", "work/a/", "work/a/deep/", "work/b/", "work/b/secret/", "work/b/other/", "work/file",
	"work/way>b/secret", "home/", "home/me/", "usr/",
};

static char *make_tree(void)
{
	char *dir = strdup("/tmp/ringfence-test-XXXXXX"), path[256], *to;

	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < sizeof(tree) / sizeof(tree[0]); i++) {
		int n = snprintf(path, sizeof(path), "%s/%s", dir, tree[i]);
		FILE *f;

		if (path[n - 1] == '/') {
			EXPECT_INT(0, mkdir(path, 0755));
		} else if ((to = strchr(path, '>'))) {
			*to = '\0';
			EXPECT_INT(0, symlink(to + 1, path));
		} else {
			f = fopen(path, "w");
			assert_non_null(f);
			fclose(f);
		}
	}
	return dir;
}

static void remove_tree(char *dir)
{
	char path[256];

	for (size_t i = sizeof(tree) / sizeof(tree[0]); i-- > 0;) {
		snprintf(path, sizeof(path), "%s/%.*s", dir, (int)strcspn(tree[i], ">"), tree[i]);
		(void)remove(path);
	}
	(void)rmdir(dir);
	free(dir);
}

struct entry {
	enum rf_mount_kind kind;
	const char	*at, *source;	/* below the tree; source NULL: the same */
};

static struct rf_sandbox *sandbox(const char *dir, const struct entry *entries, size_t nr)
{
	struct rf_sandbox *sb = rf_sandbox_new();

	sb->mounts = rf_sandbox_alloc(sb, nr * sizeof(*sb->mounts));
	for (size_t i = 0; i < nr; i++) {
		struct rf_mount *m = &sb->mounts[sb->nr_mounts++];

		m->kind = entries[i].kind;
		m->source_fd = -1;
		m->at = rf_sandbox_printf(sb, "%s/%s", dir, entries[i].at);
		m->source = rf_sandbox_printf(sb, "%s/%s", dir,
					      entries[i].source ? entries[i].source : entries[i].at);
	}
	return sb;
}

/* "r work/a", "w work/b", ...: is there such a rule? */
static bool has_rule(const struct rf_sandbox *sb, const char *dir, const char *rule)
{
	static const char letters[] = { [RF_LANDLOCK_READ] = 'r', [RF_LANDLOCK_WRITE] = 'w',
					[RF_LANDLOCK_EXEC] = 'x' };
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, rule + 2);
	for (size_t i = 0; i < sb->landlock.nr; i++)
		if (letters[sb->landlock.rules[i].kind] == *rule &&
		    !strcmp(sb->landlock.rules[i].path, path))
			return true;
	return false;
}

static void expect_rules(const struct rf_sandbox *sb, const char *dir, const char *const rules[],
			 size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (!has_rule(sb, dir, rules[i]))
			fail_msg("no rule '%s'", rules[i]);
	EXPECT_INT(nr, sb->landlock.nr);
}

#define EXPECT_RULES(sb, dir, ...) do {						\
	static const char *const rules_[] = { __VA_ARGS__ };			\
	expect_rules(sb, dir, rules_, sizeof(rules_) / sizeof(rules_[0]));	\
} while (0)
#define SANDBOX(dir, ...)							\
	sandbox(dir, (const struct entry[]){ __VA_ARGS__ },			\
		sizeof((const struct entry[]){ __VA_ARGS__ }) / sizeof(struct entry))

TEST(a_bind_of_a_place_onto_itself_is_a_rule)
{
	char *dir = make_tree();
	struct rf_sandbox *sb = SANDBOX(dir, { RF_MOUNT_RO, "usr", NULL }, { RF_MOUNT_RW, "work", NULL });

	EXPECT_INT(0, rf_fallback_files(sb, NULL));
	EXPECT_RULES(sb, dir, "r usr", "w work");
	rf_sandbox_free(sb);
	remove_tree(dir);
}

TEST(what_is_narrower_below_is_left_out_of_the_way_there)
{
	char *dir = make_tree();
	struct rf_sandbox *sb = SANDBOX(dir, { RF_MOUNT_RW, "work", NULL },
					{ RF_MOUNT_DENY, "work/b/secret", NULL });

	EXPECT_INT(0, rf_fallback_files(sb, NULL));
	/* no link, which may lead where nothing is allowed */
	EXPECT_RULES(sb, dir, "w work/a", "w work/file", "w work/b/other");
	rf_sandbox_free(sb);
	remove_tree(dir);
}

TEST(read_only_below_writable_and_writable_below_that)
{
	char *dir = make_tree();
	struct rf_sandbox *sb = SANDBOX(dir, { RF_MOUNT_RW, "work", NULL }, { RF_MOUNT_RO, "work/a", NULL },
					{ RF_MOUNT_RW, "work/a/deep", NULL });

	EXPECT_INT(0, rf_fallback_files(sb, NULL));
	EXPECT_RULES(sb, dir, "r work/a", "w work/a/deep", "w work/b", "w work/file");
	rf_sandbox_free(sb);
	remove_tree(dir);
}

TEST(a_link_to_what_is_denied_denies_what_it_leads_to)
{
	char *dir = make_tree();
	struct rf_sandbox *sb = SANDBOX(dir, { RF_MOUNT_RW, "work", NULL }, { RF_MOUNT_DENY, "work/way", NULL });

	EXPECT_INT(0, rf_fallback_files(sb, NULL));
	EXPECT_FALSE(has_rule(sb, dir, "w work"));
	EXPECT_FALSE(has_rule(sb, dir, "w work/b"));
	EXPECT_TRUE(has_rule(sb, dir, "w work/b/other"));
	rf_sandbox_free(sb);
	remove_tree(dir);
}

TEST(what_is_covered_or_elsewhere_is_not_there)
{
	char *dir = make_tree();
	struct rf_sandbox *sb = SANDBOX(dir, { RF_MOUNT_RO, "home", NULL }, { RF_MOUNT_TMPFS, "home/me", NULL },
					{ RF_MOUNT_RO, "work", "usr" });

	EXPECT_INT(0, rf_fallback_files(sb, NULL));
	EXPECT_INT(0, sb->landlock.nr);
	EXPECT_INT(2, sb->nr_fallback_notes);
	rf_sandbox_free(sb);
	remove_tree(dir);
}

TEST(where_the_spec_has_rules_both_have_to_allow)
{
	char *dir = make_tree();
	struct rf_sandbox *sb = SANDBOX(dir, { RF_MOUNT_RW, "work", NULL }, { RF_MOUNT_RO, "usr", NULL });
	struct rf_landlock_rule rules[] = {
		{ .kind = RF_LANDLOCK_READ, .path = rf_sandbox_printf(sb, "%s/work", dir) },
		{ .kind = RF_LANDLOCK_WRITE, .path = rf_sandbox_printf(sb, "%s/usr", dir) },
		{ .kind = RF_LANDLOCK_WRITE, .path = rf_sandbox_printf(sb, "%s/work/a", dir) },
		{ .kind = RF_LANDLOCK_WRITE, .path = rf_sandbox_printf(sb, "%s/home", dir) },
	};

	sb->landlock.on = true;
	sb->landlock.kinds = 1U << RF_LANDLOCK_READ | 1U << RF_LANDLOCK_WRITE;
	sb->landlock.rules = rules;
	sb->landlock.nr = 4;
	EXPECT_INT(0, rf_fallback_files(sb, NULL));
	EXPECT_RULES(sb, dir, "r work", "r usr", "w work/a");
	rf_sandbox_free(sb);
	remove_tree(dir);
}
