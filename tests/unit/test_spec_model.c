/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Documents as they should be, and what the model has of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "harness.h"

#include "ringfence.h"
#include "probe.h"
#include "spec.h"

static const struct rf_features features = { .uid = 1000, .gid = 1000 };

/* @text, resolved without looking at the host; the test fails if it cannot be. */
static struct rf_sandbox *load(const char *text)
{
	static char *const argv[] = { "true" };
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;
	int r = rf_spec_parse("spec", text, strlen(text), 0, sb, &err);

	if (!r && !sb->nr_argv)
		r = rf_command_set(1, argv, sb, &err);
	if (!r)
		r = rf_sandbox_resolve(sb, &features, RF_RESOLVE_PURE, &err);
	if (r)
		fail_msg("%s\n  returned %d, %u:%u: %s", text, r, err.line, err.col, err.msg);
	return sb;
}

static const struct rf_mount *mount_at(const struct rf_sandbox *sb, const char *at)
{
	for (size_t i = 0; i < sb->nr_mounts; i++)
		if (!strcmp(sb->mounts[i].at, at))
			return &sb->mounts[i];
	fail_msg("no entry for %s", at);
	return NULL;
}

static const char *variable(const struct rf_sandbox *sb, const char *name)
{
	size_t len = strlen(name);

	for (char **e = sb->envp; *e; e++)
		if (!strncmp(*e, name, len) && (*e)[len] == '=')
			return *e + len + 1;
	return NULL;
}

TEST(a_spec_that_says_nothing_has_the_defaults)
{
	struct rf_sandbox *sb = load("{}");

	for (int i = 0; i < RF_NS_NR; i++)
		EXPECT_INT(i == RF_NS_TIME ? RF_NS_HOST : RF_NS_NEW, sb->ns[i].mode);
	EXPECT_INT(RF_ROOT_EMPTY, sb->root.kind);
	EXPECT_INT(0, sb->nr_mounts);
	EXPECT_INT(RF_NET_NONE, sb->network);
	EXPECT_INT(0, sb->capabilities);
	EXPECT_INT(RF_MAP_AUTO, sb->user.map);
	EXPECT_INT(-1, sb->user.uid);
	EXPECT_INT(-1, sb->exec_fd);
	EXPECT_TRUE(sb->no_new_privs);
	EXPECT_TRUE(sb->init);
	EXPECT_FALSE(sb->die_with_parent);
	EXPECT_NULL(sb->cwd);
	EXPECT_STR("/work", sb->caller_cwd);
	rf_sandbox_free(sb);
}

TEST(json_is_yaml)
{
	struct rf_sandbox *sb = load("{\"command\": [\"a\", \"\\u00e4\"],\n\t\"init\": false,\n"
				     "\t\"mounts\": [{\"tmpfs\": \"/t\", \"size\": 5}]}");

	EXPECT_INT(2, sb->nr_argv);
	EXPECT_STR("\xc3\xa4", sb->argv[1]);
	EXPECT_FALSE(sb->init);
	EXPECT_INT(5, sb->mounts[0].size);
	rf_sandbox_free(sb);
}

TEST(the_key_says_what_type_a_scalar_has)
{
	struct rf_sandbox *sb = load("hostname: no\numask: 077\ncommand: [sleep, 1e3, 0x1F, true]\n"
				     "env: {set: {A: no, B: 010, C: 1e3, D: 'true'}}\n");

	EXPECT_STR("no", sb->hostname);
	EXPECT_INT(077, sb->umask);
	EXPECT_STR("1e3", sb->argv[1]);
	EXPECT_STR("0x1F", sb->argv[2]);
	EXPECT_STR("true", sb->argv[3]);
	EXPECT_STR("no", variable(sb, "A"));
	EXPECT_STR("010", variable(sb, "B"));
	EXPECT_STR("1e3", variable(sb, "C"));
	EXPECT_STR("true", variable(sb, "D"));
	rf_sandbox_free(sb);
}

TEST(every_value_knows_its_place)
{
	struct rf_sandbox *sb = load("command:\n  [a]\nmounts:\n  - ro: /usr\n    at: /u\n"
				     "capabilities: [kill]\nnetwork: none\n");

	EXPECT_INT(2, sb->command_place.line);
	EXPECT_INT(3, sb->command_place.col);
	EXPECT_STR("spec", sb->mounts[0].place.file);
	EXPECT_INT(4, sb->mounts[0].place.line);
	EXPECT_INT(9, sb->mounts[0].place.col);
	EXPECT_INT(5, sb->mounts[0].at_place.line);
	EXPECT_INT(6, sb->cap_place.line);
	EXPECT_INT(7, sb->network_place.line);
	rf_sandbox_free(sb);
}

TEST(sizes_and_times_have_units)
{
	static const struct { const char *text; uint64_t want; } sizes[] = {
		{ "1", 1 }, { "4K", 4096 }, { "64M", 64 << 20 }, { "2G", 2ull << 30 }, { "1T", 1ull << 40 },
	};
	static const struct { const char *text; uint64_t want_ms; } times[] = {
		{ "90", 90000 }, { "5ms", 5 }, { "5s", 5000 }, { "10m", 600000 }, { "2h", 7200000 },
		{ "1d", 86400000 },
	};
	struct rf_sandbox *sb;
	char text[100];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(text, sizeof(text), "mounts: [{tmpfs: /t, size: %s}]", sizes[i].text);
		sb = load(text);
		assert_int_equal(sizes[i].want, sb->mounts[0].size);
		rf_sandbox_free(sb);
	}
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		snprintf(text, sizeof(text), "limits: {wall: %s}", times[i].text);
		sb = load(text);
		assert_int_equal(times[i].want_ms, sb->wall_ms);
		rf_sandbox_free(sb);
	}
}

TEST(mounts_of_all_kinds_are_read)
{
	struct rf_sandbox *sb = load(
		"mounts:\n"
		"- {ro: /a//b/., nosuid: true, nodev: true, noexec: true, noatime: true, idmap: true}\n"
		"- {rw: ./c, at: /c, optional: true, create: true, recursive: false, propagation: slave}\n"
		"- {tmpfs: /tmpfs, inodes: 3, mode: 1777, uid: 5, gid: 6, readonly: true}\n"
		"- {proc: /proc, hidepid: invisible, subset: pid}\n"
		"- {sysfs: /sys}\n- {mqueue: /mq}\n- {dev: /dev}\n- {cgroup: /cg}\n"
		"- {symlink: ../x, at: /link}\n- {dir: /dir, mode: '0700'}\n"
		"- {file: /file, content: \"a\\n\", mode: 600}\n- {file: /fd, fd: 7}\n"
		"- {overlay: /o1, lower: [/l1, l2]}\n"
		"- {overlay: /o2, lower: [/l1], upper: /up, work: /wk}\n"
		"- {overlay: /o3, lower: [/l1], upper: tmpfs}\n"
		"- {deny: \"~/.ssh\", absent: placeholder}\n- {ro: {fd: 9}, at: /nine}\n");
	const struct rf_mount *m;

	m = mount_at(sb, "/a/b");
	EXPECT_INT(RF_MOUNT_RO, m->kind);
	EXPECT_STR("/a/b", m->source);
	EXPECT_INT(RF_MF_NOSUID | RF_MF_NODEV | RF_MF_NOEXEC | RF_MF_NOATIME | RF_MF_IDMAP |
		   RF_MF_IS_DIR, m->flags);
	m = mount_at(sb, "/c");
	EXPECT_INT(RF_MOUNT_RW, m->kind);
	EXPECT_STR("/work/c", m->source);
	EXPECT_INT(RF_MF_OPTIONAL | RF_MF_CREATE | RF_MF_NONREC | RF_MF_IS_DIR, m->flags);
	EXPECT_INT(RF_PROP_SLAVE, m->propagation);
	m = mount_at(sb, "/tmpfs");
	EXPECT_INT(3, m->inodes);
	EXPECT_INT(01777, m->mode);
	EXPECT_INT(5, m->uid);
	EXPECT_INT(6, m->gid);
	EXPECT_INT(RF_MF_RDONLY, m->flags);
	m = mount_at(sb, "/proc");
	EXPECT_STR("invisible", m->hidepid);
	EXPECT_INT(RF_MF_SUBSET_PID, m->flags);
	EXPECT_INT(RF_MOUNT_SYSFS, mount_at(sb, "/sys")->kind);
	EXPECT_INT(RF_MOUNT_MQUEUE, mount_at(sb, "/mq")->kind);
	EXPECT_INT(RF_MOUNT_DEV, mount_at(sb, "/dev")->kind);
	EXPECT_INT(RF_MOUNT_CGROUP, mount_at(sb, "/cg")->kind);
	m = mount_at(sb, "/link");
	EXPECT_INT(RF_MOUNT_SYMLINK, m->kind);
	EXPECT_STR("../x", m->source);
	EXPECT_INT(0700, mount_at(sb, "/dir")->mode);
	m = mount_at(sb, "/file");
	EXPECT_STR("a\n", m->content);
	EXPECT_INT(2, m->content_len);
	EXPECT_INT(-1, m->source_fd);
	EXPECT_INT(7, mount_at(sb, "/fd")->source_fd);
	m = mount_at(sb, "/o1");
	EXPECT_INT(2, m->nr_lower);
	EXPECT_STR("/work/l2", m->lower[1]);
	EXPECT_NULL(m->upper);
	EXPECT_STR("/up", mount_at(sb, "/o2")->upper);
	EXPECT_STR("/wk", mount_at(sb, "/o2")->work);
	EXPECT_NULL(mount_at(sb, "/o3")->upper);
	m = mount_at(sb, "/home/user/.ssh");
	EXPECT_INT(RF_MOUNT_DENY, m->kind);
	EXPECT_INT(RF_ABSENT_PLACEHOLDER, m->absent);
	m = mount_at(sb, "/nine");
	EXPECT_INT(RF_MOUNT_RO, m->kind);
	EXPECT_INT(9, m->source_fd);
	rf_sandbox_free(sb);
}

TEST(the_root_is_a_word_a_directory_or_an_image)
{
	static const struct { const char *text; enum rf_root_kind kind; const char *path; bool rw; } cases[] = {
		{ "root: empty", RF_ROOT_EMPTY, NULL, false },
		{ "root: host", RF_ROOT_HOST, NULL, false },
		{ "root: /srv/root/", RF_ROOT_DIR, "/srv/root", false },
		{ "root: ./root", RF_ROOT_DIR, "/work/root", false },
		{ "root: \"~\"", RF_ROOT_DIR, "/home/user", false },
		{ "root: {dir: tree, rw: true}", RF_ROOT_DIR, "/work/tree", true },
		{ "root: /a.squashfs", RF_ROOT_IMAGE, "/a.squashfs", false },
		{ "root: {image: /a.erofs}", RF_ROOT_IMAGE, "/a.erofs", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_sandbox *sb = load(cases[i].text);

		EXPECT_INT(cases[i].kind, sb->root.kind);
		if (cases[i].path)
			EXPECT_STR(cases[i].path, sb->root.path);
		EXPECT_INT(cases[i].rw, sb->root.writable);
		rf_sandbox_free(sb);
	}
}

TEST(a_list_of_namespaces_is_all_of_them_a_map_changes_some)
{
	struct rf_sandbox *sb = load("namespaces: [user, mount, {pid: /proc/9/ns/pid}, time]");

	EXPECT_INT(RF_NS_NEW, sb->ns[RF_NS_USER].mode);
	EXPECT_INT(RF_NS_NEW, sb->ns[RF_NS_TIME].mode);
	EXPECT_INT(RF_NS_HOST, sb->ns[RF_NS_NET].mode);
	EXPECT_INT(RF_NS_HOST, sb->ns[RF_NS_UTS].mode);
	EXPECT_INT(RF_NS_JOIN_PATH, sb->ns[RF_NS_PID].mode);
	EXPECT_STR("/proc/9/ns/pid", sb->ns[RF_NS_PID].path);
	EXPECT_INT(RF_NET_HOST, sb->network);
	EXPECT_FALSE(sb->init);
	rf_sandbox_free(sb);

	sb = load("namespaces: {uts: host, ipc: {fd: 5}}");
	EXPECT_INT(RF_NS_NEW, sb->ns[RF_NS_PID].mode);
	EXPECT_INT(RF_NS_HOST, sb->ns[RF_NS_UTS].mode);
	EXPECT_INT(RF_NS_JOIN_FD, sb->ns[RF_NS_IPC].mode);
	EXPECT_INT(5, sb->ns[RF_NS_IPC].fd);
	rf_sandbox_free(sb);
}

TEST(the_hosts_network_means_the_hosts_namespace)
{
	struct rf_sandbox *sb = load("network: host");

	EXPECT_INT(RF_NS_HOST, sb->ns[RF_NS_NET].mode);
	EXPECT_INT(RF_NET_HOST, sb->network);
	rf_sandbox_free(sb);
}

TEST(users_groups_and_maps_are_read)
{
	struct rf_sandbox *sb = load(
		"user:\n  uid: 0\n  gid: 7\n  groups: [7, 8]\n"
		"  map:\n    uid: [{inside: 0, outside: 1000}, {inside: 1, outside: 100000, count: 65536}]\n"
		"    gid: [{inside: 7, outside: 1000, count: 2}]\n");

	EXPECT_INT(0, sb->user.uid);
	EXPECT_INT(7, sb->user.gid);
	EXPECT_INT(2, sb->user.nr_add_gids);
	EXPECT_INT(8, sb->user.add_gids[1]);
	EXPECT_INT(RF_MAP_RANGES, sb->user.map);
	EXPECT_INT(2, sb->user.nr_uid_map);
	EXPECT_INT(1, sb->user.uid_map[0].count);
	EXPECT_INT(100000, sb->user.uid_map[1].outside);
	EXPECT_INT(65536, sb->user.uid_map[1].count);
	EXPECT_INT(7, sb->user.gid_map[0].inside);
	rf_sandbox_free(sb);

	sb = load("user: {uid: root, groups: keep, map: root}");
	EXPECT_INT(0, sb->user.uid);
	EXPECT_INT(RF_GROUPS_KEEP, sb->user.groups);
	EXPECT_INT(RF_MAP_ROOT, sb->user.map);
	rf_sandbox_free(sb);
}

TEST(capabilities_have_names_in_either_case)
{
	struct rf_sandbox *sb = load("capabilities: [chown, CAP_NET_RAW]\nno_new_privileges: false\n"
				     "securebits: [noroot, noroot_locked]\n");
	const uint64_t want = 1ull << CAP_CHOWN | 1ull << CAP_NET_RAW;

	assert_int_equal(want, sb->capabilities);
	assert_int_equal(want, sb->ambient);
	EXPECT_FALSE(sb->no_new_privs);
	EXPECT_INT(3, sb->securebits);
	rf_sandbox_free(sb);

	sb = load("capabilities: [all]\nambient: [kill]");
	assert_int_equal(UINT64_MAX, sb->capabilities);
	assert_int_equal(1ull << CAP_KILL, sb->ambient);
	rf_sandbox_free(sb);
}

TEST(limits_are_read)
{
	struct rf_sandbox *sb = load(
		"limits: {nofile: {soft: 10, hard: unlimited}, core: 0, stack: 8M, cpu_time: 2m, rttime: 5ms}\n"
		"nice: -5\noom_score: 500\naffinity: [0, 2-3, 70]\n");

	EXPECT_INT(1 << RLIMIT_NOFILE | 1 << RLIMIT_CORE | 1 << RLIMIT_STACK | 1 << RLIMIT_CPU |
		   1 << RLIMIT_RTTIME, sb->rlimit_set);
	assert_int_equal(10, sb->rlimits[RLIMIT_NOFILE].soft);
	assert_int_equal(RLIM_INFINITY, sb->rlimits[RLIMIT_NOFILE].hard);
	assert_int_equal(8 << 20, sb->rlimits[RLIMIT_STACK].hard);
	assert_int_equal(120, sb->rlimits[RLIMIT_CPU].soft);
	assert_int_equal(5000, sb->rlimits[RLIMIT_RTTIME].soft);
	EXPECT_INT(RLIMIT_STACK, sb->rlimits[RLIMIT_STACK].resource);
	EXPECT_TRUE(sb->has_nice && sb->has_oom_score && sb->has_affinity && !sb->has_umask);
	EXPECT_INT(-5, sb->nice);
	EXPECT_INT(500, sb->oom_score);
	assert_int_equal(0xd, sb->affinity[0]);
	assert_int_equal(1 << 6, sb->affinity[1]);
	rf_sandbox_free(sb);
}

TEST(descriptors_are_opened_passed_or_closed)
{
	struct rf_sandbox *sb = load(
		"fds: {3: {open: in.txt}, 4: {open: /o, access: append, create: true, mode: '0600'},\n"
		"      5: {from: 9, directory: true}, 6: inherit, 0: closed}\n");

	EXPECT_INT(5, sb->nr_fds);
	EXPECT_INT(RF_FD_OPEN, sb->fds[0].kind);
	EXPECT_STR("/work/in.txt", sb->fds[0].path);
	EXPECT_INT(O_RDONLY, sb->fds[0].flags);
	EXPECT_INT(O_WRONLY | O_APPEND | O_CREAT, sb->fds[1].flags);
	EXPECT_INT(0600, sb->fds[1].mode);
	EXPECT_INT(RF_FD_INHERIT, sb->fds[2].kind);
	EXPECT_INT(9, sb->fds[2].from);
	EXPECT_TRUE(sb->fds[2].dir_ok);
	EXPECT_INT(6, sb->fds[3].from);
	EXPECT_INT(RF_FD_CLOSED, sb->fds[4].kind);
	rf_sandbox_free(sb);
}

TEST(clocks_have_offsets)
{
	struct rf_sandbox *sb = load("namespaces: {time: new}\ntime: {monotonic: 1d, boottime: -5ms}");

	assert_int_equal(86400ll * 1000000000, sb->time_monotonic_ns);
	assert_int_equal(-5000000ll, sb->time_boottime_ns);
	rf_sandbox_free(sb);
}

TEST(later_layers_win_and_mounts_add_up)
{
	struct rf_sandbox *sb = load("extends: [shell]\nhostname: mine\nmounts:\n"
				     "  - {ro: /srv, at: /tmp}\n  - {tmpfs: /x}\n");
	const struct rf_mount *tmp = mount_at(sb, "/tmp");

	EXPECT_INT(RF_MOUNT_RO, tmp->kind);
	EXPECT_STR("spec", tmp->place.file);
	EXPECT_STR("mine", sb->hostname);
	EXPECT_STR("/bin/sh", sb->argv[0]);
	EXPECT_INT(RF_ROOT_HOST, sb->root.kind);
	EXPECT_INT(RF_MOUNT_TMPFS, mount_at(sb, "/home/user")->kind);
	EXPECT_STR("preset:default", mount_at(sb, "/proc")->place.file);
	EXPECT_INT(6, sb->nr_mounts);
	rf_sandbox_free(sb);
}

TEST(the_environment_keeps_what_it_should)
{
	struct rf_sandbox *sb = load("{}");

	EXPECT_STR("/home/user", variable(sb, "HOME"));
	EXPECT_STR(sb->path, variable(sb, "PATH"));
	rf_sandbox_free(sb);

	sb = load("env: {keep: [], set: {A: b}}");
	EXPECT_NULL(variable(sb, "HOME"));
	EXPECT_STR("A=b", sb->envp[0]);
	EXPECT_NULL(sb->envp[1]);
	EXPECT_TRUE(strstr(sb->path, "/usr/bin") != NULL);
	rf_sandbox_free(sb);

	sb = load("env: {keep: [HO*], set: {HOME: /x, PATH: /p}}");
	EXPECT_STR("/x", variable(sb, "HOME"));
	EXPECT_STR("/p", sb->path);
	EXPECT_NULL(sb->envp[2]);
	rf_sandbox_free(sb);
}

TEST(presets_are_sound)
{
	const char *name;
	char text[100];

	for (size_t i = 0; (name = rf_preset_name(i)); i++) {
		snprintf(text, sizeof(text), "extends: [%s]", name);
		rf_sandbox_free(load(text));
	}
	EXPECT_INT(3, (rf_preset_text("default") != NULL) + (rf_preset_text("build") != NULL) +
		   (rf_preset_text("shell") != NULL));
	EXPECT_NULL(rf_preset_text("nothing"));
}
