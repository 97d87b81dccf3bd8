/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A config.json becomes a sandbox, or one clear error with its place and its path.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

#include "oci_case.h"

#include "compile.h"
#include "probe.h"
#include "ringfence.h"

TEST(what_is_no_config_is_refused)
{
	static const struct oci_bad cases[] = {
		{ "", "no JSON object" },
		{ "ociVersion: 1.2.0", "no JSON object" },
		{ "[]", "no JSON object" },
		{ "{}", "no `ociVersion`" },
		{ "{\"ociVersion\":\"1.2.0\"}", "no `root`" },
		{ "{\"ociVersion\":\"2.0\"}", "ociVersion: '2.0' is no version from 1.0 to 1.3" },
		{ "{\"ociVersion\":1}", "ociVersion: a string belongs here" },
		{ "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"}}",
		  "linux.namespaces: a container needs a new mount namespace" },
		{ DOC("", "", ",\"root\":{\"path\":\"x\"}"), "key 'root' is on line 1 already" },
		{ "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"namespaces\":"
		  "[{\"type\":\"mount\"},{\"type\":\"user\"}]}}",
		  "linux.namespaces: a new user namespace needs `uidMappings` and `gidMappings`" },
	};

	OCI_EXPECT_BAD(cases);
}

TEST(an_error_has_the_path_of_what_is_wrong)
{
	static const struct oci_bad cases[] = {
		{ DOC(",\"env\":[\"A=1\",\"B\"]", "", ""), "process.env: 'B' is no NAME=VALUE" },
		{ DOC(",\"user\":{\"uid\":4294967295}", "", ""),
		  "process.user.uid: '4294967295' is no whole number from 0 to 4294967294" },
		{ DOC(",\"user\":{\"uid\":-1}", "", ""),
		  "process.user.uid: '-1' is no whole number from 0 to 4294967294" },
		{ DOC(",\"user\":{\"uid\":\"0\"}", "", ""), "process.user.uid: a number belongs here" },
		{ DOC(",\"user\":{\"uid\":1e3}", "", ""),
		  "process.user.uid: '1e3' is no whole number from 0 to 4294967294" },
		{ DOC(",\"user\":{\"uid\":010}", "", ""),
		  "process.user.uid: '010' is no whole number from 0 to 4294967294" },
		{ DOC(",\"capabilities\":{\"bounding\":[\"KILL\"]}", "", ""),
		  "process.capabilities.bounding[0]: no capability 'KILL'" },
		{ DOC(",\"scheduler\":{\"nice\":1}", "", ""), "process.scheduler: it has no `policy`" },
		{ DOC(",\"consoleSize\":{\"width\":1}", "", ""),
		  "process.consoleSize: it needs `height` and `width`" },
		{ DOC("", ",\"resources\":{\"devices\":[{\"access\":\"r\"}]}", ""),
		  "linux.resources.devices[0]: no `allow`" },
		{ DOC(",\"capabilities\":{\"effective\":[\"CAP_KILL\"]}", "", ""),
		  "process.capabilities: `effective` has what `permitted` has not" },
		{ DOC(",\"rlimits\":[{\"type\":\"RLIMIT_X\",\"soft\":1,\"hard\":1}]", "", ""),
		  "process.rlimits[0]: no limit 'RLIMIT_X'" },
		{ DOC(",\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":2,\"hard\":1}]", "", ""),
		  "process.rlimits[0]: `soft` is above `hard`" },
		{ DOC(",\"noNewPrivileges\":\"true\"", "", ""),
		  "process.noNewPrivileges: true or false belongs here" },
		{ DOC("", ",\"maskedPaths\":[\"/a\",\"/b/../c\"]", ""),
		  "linux.maskedPaths[1]: '/b/../c' has '..'" },
		{ DOC("", ",\"devices\":[{\"type\":\"x\",\"path\":\"/dev/x\"}]", ""),
		  "linux.devices[0]: no device of type 'x'" },
		{ DOC("", ",\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":0}]", ""),
		  "linux.uidMappings[0]: a range without ids" },
		{ DOC("", ",\"uidMappings\":[{\"containerID\":4294967290,\"hostID\":0,\"size\":9}]", ""),
		  "linux.uidMappings[0]: it goes beyond the last id" },
		{ DOC("", ",\"sysctl\":{\"net.x\":1}", ""),
		  "linux.sysctl.\"net.x\": a string belongs here" },
		{ DOC("", ",\"sysctl\":{\"../x\":\"1\"}", ""),
		  "linux.sysctl.\"../x\": this is no kernel parameter" },
		{ DOC("", ",\"cgroupsPath\":\"/a/../b\"", ""), "linux.cgroupsPath: '/a/../b' has '..'" },
		{ DOC("", ",\"resources\":{\"memory\":{\"limit\":10,\"swap\":5}}", ""),
		  "linux.resources.memory: `swap` is memory and swap together, and less than `limit`" },
		{ DOC("", ",\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"x\"}]}", ""),
		  "linux.resources.devices[0]: no access 'x'" },
		{ DOC("", ",\"resources\":{\"unified\":{\"a/b.c\":\"1\"}}", ""),
		  "linux.resources.unified.\"a/b.c\": this is no limit of a control group" },
		{ DOC("", "", ",\"hooks\":{\"poststop\":[{\"path\":\"x\"}]}"),
		  "hooks.poststop[0].path: 'x' is no absolute path" },
		{ DOC("", "", ",\"hooks\":{\"prestart\":[{\"path\":\"/x\",\"timeout\":0}]}"),
		  "hooks.prestart[0].timeout: '0' is no whole number from 1 to 2147483" },
		{ DOC("", "", ",\"mounts\":[{\"type\":\"tmpfs\"}]"), "mounts[0]: no `destination`" },
		{ DOC("", "", ",\"mounts\":[{\"destination\":\"/a\"}]"),
		  "mounts[0]: neither a `type` nor a bind" },
		{ DOC("", "", ",\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\"}]"),
		  "mounts[0]: a bind needs a `source`" },
		{ DOC("", "", ",\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/b\","
		      "\"options\":[\"ro\",\"size=1\"]}]"),
		  "mounts[0]: a bind has no option 'size'" },
	};

	OCI_EXPECT_BAD(cases);
}

TEST(what_cannot_be_done_is_refused_unless_it_asks_for_nothing)
{
	static const struct oci_bad cases[] = {
		{ DOC("", "", ",\"windows\":{\"layerFolders\":[\"x\"]}"),
		  "windows: it is for another platform" },
		{ DOC("", "", ",\"mounts\":[{\"destination\":\"/a\",\"type\":\"tmpfs\","
		      "\"options\":[\"iversion\"]}]"),
		  "mounts[0].options[0]: 'iversion': a file system decides that by itself" },
		{ DOC("", "", ",\"mounts\":[{\"destination\":\"/a\",\"type\":\"tmpfs\","
		      "\"options\":[\"remount\"]}]"),
		  "mounts[0]: remount: no file system of this list is at /a; with `bind` it is about what is "
		  "mounted there" },
	};
	struct rf_oci_config c;

	OCI_EXPECT_BAD(cases);
	rf_sandbox_free(oci_good(DOC(",\"selinuxLabel\":\"\",\"new\":[1]", ",\"intelRdt\":null",
				 ",\"hooks\":{},\"windows\":{},\"future\":{\"x\":1}"), &c));
}

TEST(the_place_is_that_of_the_value)
{
	static const char text[] = "{\n \"ociVersion\": \"1.2.0\",\n \"hostname\":\n   7\n}";
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;
	struct rf_oci_config c;

	EXPECT_INT(-EINVAL, rf_oci_parse("c", text, strlen(text), sb, &c, &err));
	EXPECT_INT(4, (int)err.line);
	EXPECT_INT(4, (int)err.col);
	rf_sandbox_free(sb);
}

TEST(a_process_is_what_it_says)
{
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(DOC(
		",\"terminal\":true,\"consoleSize\":{\"height\":24,\"width\":80},\"oomScoreAdj\":-5,"
		"\"user\":{\"uid\":7,\"gid\":8,\"umask\":18,\"additionalGids\":[9,10]},"
		"\"env\":[\"PATH=/x\",\"A=\"],\"noNewPrivileges\":true,\"rlimits\":["
		"{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":18446744073709551615}],"
		"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":3},"
		"\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":5},\"capabilities\":{"
		"\"bounding\":[\"CAP_KILL\",\"CAP_CHOWN\"],\"permitted\":[\"CAP_KILL\"]}", "", ""), &c);

	EXPECT_TRUE(c.terminal && c.rows == 24 && c.cols == 80);
	EXPECT_TRUE(sb->has_oom_score && sb->oom_score == -5);
	EXPECT_TRUE(sb->user.uid == 7 && sb->user.gid == 8 && sb->user.nr_add_gids == 2);
	EXPECT_TRUE(sb->has_umask && sb->umask == 022 && sb->no_new_privs);
	EXPECT_STR("/x", sb->path);
	EXPECT_TRUE(sb->rlimits[RLIMIT_CORE].hard == RLIM_INFINITY && !sb->rlimits[RLIMIT_CORE].soft);
	EXPECT_TRUE(sb->oci.has_ioprio && sb->oci.io_class == 2 && sb->oci.io_level == 3);
	EXPECT_TRUE(sb->oci.has_sched && sb->oci.sched.policy == 3 && sb->oci.sched.nice == 5);
	EXPECT_TRUE(sb->oci.caps.bounding == (RF_CAP(CAP_KILL) | RF_CAP(CAP_CHOWN)));
	EXPECT_TRUE(sb->capabilities == RF_CAP(CAP_KILL) && !sb->oci.caps.effective);
	rf_sandbox_free(sb);
}

TEST(what_a_process_does_not_say_is_not_so)
{
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(DOC("", "", ""), &c);

	EXPECT_FALSE(sb->no_new_privs || sb->has_umask || sb->has_oom_score || sb->rlimit_set);
	EXPECT_FALSE(sb->capabilities || sb->oci.has_sched || sb->oci.has_ioprio || c.terminal);
	rf_sandbox_free(sb);
}

TEST(options_of_mounts_are_attributes_propagation_or_the_file_systems)
{
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(DOC("", "", ",\"mounts\":["
		"{\"destination\":\"/a/\",\"source\":\"/b\",\"options\":[\"rbind\",\"ro\",\"rnosuid\","
		"\"noatime\",\"rslave\"]},"
		"{\"destination\":\"c\",\"type\":\"tmpfs\",\"source\":\"shm\",\"options\":[\"size=64k\","
		"\"rw\",\"nodev\",\"sync\"]}]"), &c);
	const struct rf_mount *a = &sb->mounts[0], *t = &sb->mounts[1];

	EXPECT_STR("/a", a->at);
	EXPECT_TRUE(a->kind == RF_MOUNT_BIND && !(a->flags & RF_MF_NONREC));
	EXPECT_TRUE(a->attr.set == (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME));
	EXPECT_TRUE(a->deep.set == MOUNT_ATTR_NOSUID);
	EXPECT_TRUE(a->has_propagation && a->propagates_deep && a->propagation == RF_PROP_SLAVE);
	EXPECT_STR("/c", t->at);
	EXPECT_TRUE(t->kind == RF_MOUNT_FS && t->nr_options == 3 && t->attr.set == MOUNT_ATTR_NODEV);
	EXPECT_STR("size", t->options[0]);
	EXPECT_STR("64k", t->options[1]);
	EXPECT_STR("sync", t->options[2]);
	EXPECT_STR("shm", t->options[5]);
	rf_sandbox_free(sb);
}

#define MAP(id)		"[{\"containerID\":0,\"hostID\":" id ",\"size\":10}]"
#define BIND(more)	DOC("", "", ",\"mounts\":[{\"destination\":\"/a\",\"source\":\"/b\"," more "}]")

TEST(a_bind_is_mapped_by_its_mappings_or_by_an_option)
{
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(BIND("\"options\":[\"bind\"],\"uidMappings\":" MAP("5") ","
					  "\"gidMappings\":" MAP("6")), &c);

	EXPECT_STR("0 5 10\n", sb->mounts[0].uid_map);
	EXPECT_STR("0 6 10\n", sb->mounts[0].gid_map);
	EXPECT_TRUE((sb->mounts[0].flags & (RF_MF_IDMAP | RF_MF_IDMAP_DEEP)) == RF_MF_IDMAP);
	rf_sandbox_free(sb);
	sb = oci_good(BIND("\"options\":[\"rbind\",\"ridmap\"]"), &c);
	EXPECT_NULL(sb->mounts[0].uid_map);
	EXPECT_TRUE(sb->mounts[0].flags & RF_MF_IDMAP && sb->mounts[0].flags & RF_MF_IDMAP_DEEP);
	/* that it has none is no user namespace of the container's */
	EXPECT_INT(RF_MAP_AUTO, sb->user.map);
	rf_sandbox_free(sb);
	sb = oci_good(BIND("\"options\":[\"bind\"],\"uidMappings\":[],\"gidMappings\":[]"), &c);
	EXPECT_FALSE(sb->mounts[0].flags & RF_MF_IDMAP);
	rf_sandbox_free(sb);
}

TEST(a_mapping_that_is_none_is_refused)
{
	static const struct oci_bad cases[] = {
		{ BIND("\"options\":[\"bind\"],\"gidMappings\":" MAP("5")),
		  "mounts[0]: `uidMappings` and `gidMappings` come together" },
		{ BIND("\"options\":[\"bind\"],\"gidMappings\":" MAP("-1")),
		  "mounts[0].gidMappings[0].hostID: '-1' is no whole number from 0 to 4294967294" },
		{ BIND("\"options\":[\"bind\",\"idmap=uids=0-1-2\"]"), "mounts[0]: a bind has no option 'idmap'" },
		{ BIND("\"type\":\"tmpfs\",\"options\":[\"idmap\"]"), "mounts[0]: mapping ids is for binds" },
		{ BIND("\"type\":\"tmpfs\",\"options\":[\"copy-symlink\"]"),
		  "mounts[0]: copy-symlink is for binds" },
		{ BIND("\"type\":\"tmpfs\",\"options\":[\"src-nofollow\"]"),
		  "mounts[0]: src-nofollow is for binds" },
		{ BIND("\"type\":\"bind\",\"options\":[\"copy-symlink\",\"dest-nofollow\"]"),
		  "mounts[0]: copy-symlink goes with neither src-nofollow nor dest-nofollow" },
		{ BIND("\"type\":\"bind\",\"options\":[\"remount\",\"tmpcopyup\"]"),
		  "mounts[0]: remount changes attributes, and nothing that comes with a new mount" },
	};

	OCI_EXPECT_BAD(cases);
}

/* What `features` lists is what is taken: an option that it has and no other. */
TEST(options_that_are_listed_are_taken)
{
	/* of a file system, and not of a bind */
	static const char *const others[] = { "tmpcopyup", "sync", "dirsync", "lazytime", "mand", "rsync",
					      "rdirsync", "rmand" };
	struct rf_oci_config c;
	char text[512];

	for (const char *const *name = rf_oci_mount_options(); *name; name++) {
		bool bind = strstr(*name, "bind") && !strstr(*name, "unbind"), alone = false;

		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			alone |= !strcmp(*name, others[i]);
		(void)snprintf(text, sizeof(text), BIND("\"type\":\"tmpfs\",\"options\":[\"%s\"%s]"), *name,
			       bind || alone ? "" : ",\"bind\"");
		rf_sandbox_free(oci_good(text, &c));
	}
}

TEST(the_last_of_two_opposites_counts)
{
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(DOC("", "", ",\"mounts\":[{\"destination\":\"/a\","
		"\"source\":\"/b\",\"options\":[\"bind\",\"ro\",\"rw\",\"exec\",\"noexec\"]}]"), &c);

	EXPECT_TRUE(sb->mounts[0].attr.set == MOUNT_ATTR_NOEXEC);
	EXPECT_TRUE(sb->mounts[0].attr.clear == MOUNT_ATTR_RDONLY);
	rf_sandbox_free(sb);
}

TEST(of_several_mounts_for_one_place_the_last_counts)
{
#define MOUNT(at, source) "{\"destination\":\"" at "\",\"source\":\"" source "\",\"options\":[\"bind\"]}"
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(DOC("", "", ",\"mounts\":[" MOUNT("/a", "/1") ","
		MOUNT("/b", "/2") "," MOUNT("/a/", "/3") "," MOUNT("/c", "/4") "," MOUNT("/a", "/5") "]"), &c);
#undef MOUNT

	EXPECT_INT(3, sb->nr_mounts);
	EXPECT_STR("/2", sb->mounts[0].source);
	EXPECT_STR("/4", sb->mounts[1].source);
	EXPECT_STR("/a", sb->mounts[2].at);
	EXPECT_STR("/5", sb->mounts[2].source);
	rf_sandbox_free(sb);
}

static const struct rf_oci_limit *limit(const struct rf_oci_config *c, const char *file, bool v2)
{
	for (size_t i = 0; i < c->nr_limits; i++) {
		const char *have = v2 ? c->limits[i].v2_file : c->limits[i].v1_file;

		if (have && !strcmp(have, file))
			return &c->limits[i];
	}
	fail_msg("no value for %s", file);
	return NULL;
}

TEST(resources_are_values_for_either_version)
{
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(DOC("", ",\"resources\":{"
		"\"memory\":{\"limit\":1048576,\"swap\":3145728},\"pids\":{\"limit\":-1},"
		"\"cpu\":{\"shares\":1024,\"quota\":50000,\"period\":100000,\"cpus\":\"0-1\"},"
		"\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"r\"}],"
		"\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}", ""), &c);

	EXPECT_STR("1048576", limit(&c, "memory.max", true)->v2_text);
	EXPECT_STR("3145728", limit(&c, "memory.memsw.limit_in_bytes", false)->v1_text);
	EXPECT_STR("2097152", limit(&c, "memory.swap.max", true)->v2_text);
	EXPECT_STR("max", limit(&c, "pids.max", true)->v1_text);
	EXPECT_STR("50000 100000", limit(&c, "cpu.max", true)->v2_text);
	EXPECT_STR("39", limit(&c, "cpu.weight", true)->v2_text);
	EXPECT_STR("0-1", limit(&c, "cpuset.cpus", false)->v1_text);
	EXPECT_STR("4194304", limit(&c, "hugetlb.2MB.max", true)->v2_text);
	rf_sandbox_free(sb);
}

TEST(what_only_some_kernels_or_versions_have_is_a_value_all_the_same)
{
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(DOC("", ",\"resources\":{"
		"\"memory\":{\"limit\":4096,\"checkBeforeUpdate\":true},"
		"\"network\":{\"classID\":4097,\"priorities\":[{\"name\":\"lo\",\"priority\":7}]},"
		"\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10}},"
		"\"blockIO\":{\"weight\":10,\"weightDevice\":[{\"major\":8,\"minor\":1,\"weight\":1000}],"
		"\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":0}]},"
		"\"unified\":{\"io.max\":\"8:0 rbps=1\\n8:16 rbps=2\",\"cgroup.max.depth\":\"3\"}}", ""),
		&c);

	EXPECT_STR("memory.current", limit(&c, "memory.max", true)->v2_usage);
	EXPECT_STR("4097", limit(&c, "net_cls.classid", false)->v1_text);
	EXPECT_NULL(limit(&c, "net_cls.classid", false)->v2_file);
	EXPECT_STR("lo 7", limit(&c, "net_prio.ifpriomap", false)->v1_text);
	EXPECT_STR("mlx5_1 hca_handle=3 hca_object=10", limit(&c, "rdma.max", true)->v2_text);
	EXPECT_STR("10", limit(&c, "blkio.bfq.weight", false)->v1_text);
	EXPECT_STR("default 1", limit(&c, "io.weight", true)->v2_text);
	EXPECT_STR("8:1 1000", limit(&c, "blkio.bfq.weight_device", false)->v1_text);
	EXPECT_STR("8:1 10000", limit(&c, "blkio.bfq.weight_device", false)->v2_text);
	EXPECT_STR("8:1 1000", limit(&c, "blkio.bfq.weight_device", false)->v2_else_text);
	EXPECT_STR("8:0 0", limit(&c, "blkio.throttle.read_bps_device", false)->v1_text);
	EXPECT_STR("8:0 rbps=max", limit(&c, "blkio.throttle.read_bps_device", false)->v2_text);
	EXPECT_STR("3", limit(&c, "cgroup.max.depth", true)->v2_text);
	EXPECT_STR("8:16 rbps=2", c.limits[c.nr_limits - 2].v2_text);
	EXPECT_STR("8:0 rbps=1", c.limits[c.nr_limits - 3].v2_text);
	rf_sandbox_free(sb);
}

static void expect_rule(const struct rf_oci_config *c, size_t i, bool allow, char type,
			int64_t major, unsigned int access)
{
	EXPECT_TRUE(i < c->nr_rules);
	EXPECT_INT(allow, c->rules[i].is.allow);
	EXPECT_INT(type, c->rules[i].is.type);
	EXPECT_INT(major, c->rules[i].is.major);
	EXPECT_INT(access, c->rules[i].is.access);
}

#define RULES(rules)	DOC("", ",\"resources\":{\"devices\":[" rules "]}", "")

TEST(rules_for_devices_begin_with_one_for_all)
{
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(RULES("{\"allow\":true,\"type\":\"c\",\"major\":10},"
		"{\"allow\":false,\"access\":\"rwm\"},{\"allow\":false,\"type\":\"c\","
		"\"major\":1,\"minor\":8,\"access\":\"r\"},{\"allow\":true,\"access\":\"m\"}"), &c);

	expect_rule(&c, 0, false, 'a', -1, RF_DEVICE_ALL);
	/* the usual ones, which what comes later may take away */
	expect_rule(&c, 3, true, 'c', 1, RF_DEVICE_ALL);
	EXPECT_STR("linux.resources.devices", c.rules[3].path);
	expect_rule(&c, c.nr_rules - 3, false, 'c', 1, RF_DEVICE_READ);
	EXPECT_STR("linux.resources.devices[2]", c.rules[c.nr_rules - 3].path);
	/* all types, but not for all purposes */
	expect_rule(&c, c.nr_rules - 2, true, 'b', -1, RF_DEVICE_MKNOD);
	expect_rule(&c, c.nr_rules - 1, true, 'c', -1, RF_DEVICE_MKNOD);
	rf_sandbox_free(sb);
	sb = oci_good(RULES("{\"allow\":true}"), &c);
	EXPECT_INT(1, c.nr_rules);
	expect_rule(&c, 0, true, 'a', -1, RF_DEVICE_ALL);
	rf_sandbox_free(sb);
	sb = oci_good(RULES(""), &c);
	EXPECT_INT(0, c.nr_rules);
	rf_sandbox_free(sb);
}

TEST(a_resource_that_is_none_is_refused_with_its_path)
{
	static const struct oci_bad cases[] = {
		{ RULES("{\"type\":\"x\"}"), "linux.resources.devices[0]: no device of type 'x'" },
		{ RULES("{\"type\":\"cc\"}"), "linux.resources.devices[0]: no device of type 'cc'" },
		{ RULES("{\"access\":\"rwmr\"}"), "linux.resources.devices[0]: no access 'rwmr'" },
		{ DOC("", ",\"resources\":{\"unified\":{\"cgroup.procs\":\"1\"}}", ""),
		  "linux.resources.unified.\"cgroup.procs\": this is no limit of a control group" },
		{ DOC("", ",\"resources\":{\"rdma\":{\"x\":{}}}", ""),
		  "linux.resources.rdma.\"x\": neither `hcaHandles` nor `hcaObjects`" },
		{ DOC("", ",\"resources\":{\"rdma\":{\"x y\":{\"hcaHandles\":1}}}", ""),
		  "linux.resources.rdma.\"x y\": no name of a device" },
		{ DOC("", ",\"resources\":{\"network\":{\"priorities\":[{\"name\":\"a b\"}]}}", ""),
		  "linux.resources.network.priorities[0]: no `name` of an interface" },
		{ DOC("", ",\"resources\":{\"blockIO\":{\"weightDevice\":[{\"weight\":9}]}}", ""),
		  "linux.resources.blockIO.weightDevice[0].weight: a weight is from 10 to 1000" },
		{ DOC("", ",\"resources\":{\"blockIO\":{\"weightDevice\":[{\"weight\":10}]}}", ""),
		  "linux.resources.blockIO.weightDevice[0]: no `major` and `minor`" },
	};

	OCI_EXPECT_BAD(cases);
}

TEST(a_sysctl_has_dots_or_slashes)
{
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(DOC("", ",\"sysctl\":{\"net.ipv4.ip_forward\":\"1\","
		"\"net/ipv4/conf/eth0.1/forwarding\":\"1\"}", ""), &c);

	EXPECT_STR("net/ipv4/ip_forward", sb->oci.sysctls[0].path);
	EXPECT_STR("net/ipv4/conf/eth0.1/forwarding", sb->oci.sysctls[1].path);
	rf_sandbox_free(sb);
}

TEST(a_filter_is_kept_as_json)
{
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(DOC("", ",\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\","
		"\"syscalls\":[{\"names\":[\"a\\\"b\"],\"errnoRet\":1}]}", ""), &c);

	EXPECT_STR("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\\\"b\"],"
		   "\"errnoRet\":1}]}", c.seccomp);
	rf_sandbox_free(sb);
}

TEST(hierarchies_are_found_by_their_mounts)
{
	static const char mounts[] =
		"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
		"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:1 - cgroup cgroup rw,cpu,cpuacct\n"
		"35 31 0:32 /lxc/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		"36 31 0:33 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
		"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n";
	static const char self[] = "9:name=systemd:/init\n4:memory:/lxc/x/y\n2:cpu,cpuacct:/a b\n0::/z\n";
	static const char *const want[][2] = {
		{ "cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/a b" },
		{ "memory", "/sys/fs/cgroup/memory/y" },
		{ "name=systemd", "/sys/fs/cgroup/systemd/init" },
		{ "", "/sys/fs/cgroup/unified/z" },
	};
	struct rf_oci_groups g;

	EXPECT_INT(0, rf_oci_groups_parse(&g, mounts, self));
	EXPECT_INT(4, (int)g.nr);
	EXPECT_FALSE(g.unified);
	for (size_t i = 0; i < g.nr; i++) {
		EXPECT_STR(want[i][0], g.trees[i].name);
		EXPECT_STR(want[i][1], g.trees[i].own);
	}
	rf_oci_groups_done(&g);
}

TEST(of_version_2_alone_there_is_one)
{
	struct rf_oci_groups g;

	EXPECT_INT(0, rf_oci_groups_parse(&g, "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 c rw\n",
					  "0::/user.slice\n"));
	EXPECT_TRUE(g.unified && g.nr == 1);
	EXPECT_STR("/sys/fs/cgroup/user.slice", g.trees[0].own);
	rf_oci_groups_done(&g);
}

TEST(a_capability_that_cannot_be_given_is_left_out_and_told)
{
	const struct rf_features f = { .last_cap = 40, .caps = 1ULL << CAP_KILL };
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(DOC(",\"capabilities\":{\"bounding\":[\"CAP_KILL\",\"CAP_CHOWN\","
					 "\"CAP_OF_TOMORROW\"],\"permitted\":[\"CAP_CHOWN\",\"CAP_KILL\"]}",
					 "", ""), &c);

	EXPECT_STR("chown, CAP_OF_TOMORROW", rf_oci_grant(sb, &c, &f));
	EXPECT_INT(1 << CAP_KILL, sb->oci.caps.bounding);
	EXPECT_INT(1 << CAP_KILL, sb->oci.caps.permitted);
	EXPECT_INT(1 << CAP_KILL, sb->capabilities);
	EXPECT_STR("CAP_OF_TOMORROW", rf_oci_grant(sb, &c, &f));
	rf_sandbox_free(sb);
}

TEST(what_a_process_does_not_say_it_does_not_get)
{
	struct rf_oci_config c;
	struct rf_sandbox *sb = oci_good(DOC("", "", ""), &c);

	EXPECT_FALSE(sb->no_new_privs);
	EXPECT_INT(0, sb->capabilities);
	EXPECT_TRUE(sb->oci.has_caps);
	EXPECT_INT(0, sb->rlimit_set);
	rf_sandbox_free(sb);
}
