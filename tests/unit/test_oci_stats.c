/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a container uses, from groups that are directories with a few files. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness.h"
#include "oci_runtime.h"
#include "oci_stats.h"

/* No process is the container's here. */
uint64_t oci_start_time(pid_t pid)
{
	(void)pid;
	return 0;
}

/* A resctrl is e2e/oci-rdt's. */
char *oci_rdt_json(const struct oci_container *c)
{
	(void)c;
	return strdup("{}");
}

static struct oci_container k;

/* A group of the hierarchy @name, in a directory of that name. */
static void group(const char *name)
{
	struct oci_group *g = &k.groups[k.nr_groups++];

	g->name = (char *)(uintptr_t)name;
	assert_true(asprintf(&g->dir, "%s/%s", harness_dir(), *name ? name : "v2") > 0);
	EXPECT_INT(0, mkdir(g->dir, 0755));
}

static void file(const char *name, const char *text)
{
	char path[4200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", k.groups[k.nr_groups - 1].dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	EXPECT_INT(0, fclose(f));
}

/* The value at @path ("memory.usage.limit"), as JSON. */
static void expect(const char *want, const char *path)
{
	char *text = oci_stats_json(&k), *value, key[64];
	json_error_t e;
	json_t *root = text ? json_loads(text, JSON_REJECT_DUPLICATES, &e) : NULL, *v = root;

	assert_non_null(root);
	for (; v && *path; path += strcspn(path, ".") + (path[strcspn(path, ".")] == '.')) {
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(path, "."), path);
		v = json_object_get(v, key);
	}
	value = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS) : strdup("-");
	EXPECT_STR(want, value);
	free(value);
	free(text);
	json_decref(root);
}

static void v2(void)
{
	group("");
	file("cpu.stat", "usage_usec 5000\nuser_usec 3000\nsystem_usec 2000\nnr_periods 7\n"
	     "nr_throttled 2\nthrottled_usec 90\n");
	file("memory.current", "4096\n");
	file("memory.max", "8192\n");
	file("memory.peak", "6000\n");
	file("memory.events", "low 0\nhigh 1\nmax 5\noom 3\noom_kill 2\n");
	file("memory.swap.current", "100\n");
	file("memory.swap.max", "1000\n");
	file("memory.stat", "anon 11\nfile 22\nbad-key 1\n");
	file("pids.current", "3\n");
	file("pids.max", "max\n");
	file("io.stat", "8:16 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n7:0\n");
	file("io.pressure", "some avg10=1.50 avg60=0.00 avg300=0.00 total=77\n"
	     "full avg10=0.25 avg60=0.00 avg300=0.00 total=9\n");
	file("hugetlb.2MB.current", "2097152\n");
	file("hugetlb.2MB.rsvd.current", "1\n");
	file("hugetlb.2MB.events", "max 4\n");
}

TEST(version_2_is_told_in_the_units_of_version_1)
{
	v2();
	expect("{\"kernel\":2000000,\"total\":5000000,\"user\":3000000}", "cpu.usage");
	expect("{\"periods\":7,\"throttledPeriods\":2,\"throttledTime\":90000}", "cpu.throttling");
	expect("{\"failcnt\":5,\"limit\":8192,\"max\":6000,\"usage\":4096}", "memory.usage");
	expect("{\"failcnt\":0,\"limit\":9192,\"usage\":4196}", "memory.swap");
	expect("22", "memory.cache");
	expect("{\"anon\":11,\"file\":22}", "memory.raw");
	expect("{\"high\":1,\"max\":5,\"oom\":3,\"oom_kill\":2}", "memory.event_count");
	expect("{\"failcnt\":0,\"limit\":0}", "memory.kernel");
	expect("{\"current\":3}", "pids");
	expect("{\"2MB\":{\"failcnt\":4,\"usage\":2097152}}", "hugetlb");
}

TEST(io_and_pressure_of_version_2)
{
	v2();
	expect("[{\"major\":8,\"minor\":16,\"op\":\"Read\",\"value\":10},"
	       "{\"major\":8,\"minor\":16,\"op\":\"Write\",\"value\":20},"
	       "{\"major\":8,\"minor\":16,\"op\":\"Discard\"}]", "blkio.ioServiceBytesRecursive");
	expect("{\"avg10\":1.5,\"avg300\":0.0,\"avg60\":0.0,\"total\":77}", "blkio.psi.some");
	expect("0.25", "blkio.psi.full.avg10");
	expect("-", "memory.psi");
}

/* JSON's numbers, and not what a signed one makes of it. */
TEST(no_limit_is_the_greatest_number)
{
	char *text;

	group("");
	file("memory.max", "max\n");
	file("memory.swap.max", "1000\n");
	text = oci_stats_json(&k);
	assert_non_null(text);
	assert_non_null(strstr(text, "\"usage\":{\"limit\":18446744073709551615,"));
	assert_non_null(strstr(text, "\"swap\":{\"limit\":18446744073709551615,"));
	free(text);
}

TEST(version_1_has_each_controller_where_its_hierarchy_is)
{
	group("cpu,cpuacct");
	file("cpuacct.usage", "123456\n");
	file("cpuacct.stat", "user 3\nsystem 1\n");
	file("cpuacct.usage_percpu", "100 200 \n");
	file("cpuacct.usage_all", "cpu user system\n0 10 20\n1 30 40\n");
	file("cpu.stat", "nr_periods 1\nnr_throttled 1\nthrottled_time 555\n");
	group("cpuset");
	file("cpuset.cpus", "0-2,7\n");
	file("cpuset.sched_relax_domain_level", "-1\n");
	group("blkio");
	file("blkio.throttle.io_serviced_recursive", "8:0 Read 4\n8:0 Total 4\nTotal 4\n");
	expect("{\"kernel\":10000000,\"percpu\":[100,200],\"percpu_kernel\":[20,40],"
	       "\"percpu_user\":[10,30],\"total\":123456,\"user\":30000000}", "cpu.usage");
	expect("555", "cpu.throttling.throttledTime");
	expect("[0,1,2,7]", "cpuset.cpus");
	expect("-1", "cpuset.sched_relax_domain_level");
	expect("[{\"major\":8,\"op\":\"Read\",\"value\":4},{\"major\":8,\"op\":\"Total\",\"value\":4}]",
	       "blkio.ioServicedRecursive");
	expect("{\"failcnt\":0,\"limit\":0}", "memory.usage");
}

TEST(files_that_are_not_what_they_should_be_do_no_harm)
{
	group("");
	file("cpu.stat", "usage_usec\nuser_usec x\n\n");
	file("memory.stat", "\n \nfile\n\"a\": 1\n");
	file("io.stat", ":\n8:\nrbytes=1\n");
	file("io.pressure", "some\nsome avg10\nfull avg10=\n");
	file("cpuset.cpus", "0-4294967295\n");
	file("hugetlb.99999999999999999999999999999999999999999999999999999999999999999999GB.current", "1\n");
	expect("{\"kernel\":0,\"user\":0}", "cpu.usage");
	expect("-", "memory.raw.file");
	expect("{}", "hugetlb");
}

TEST(a_container_without_groups_has_all_objects)
{
	expect("{\"failcnt\":0,\"limit\":0}", "memory.swap");
	expect("{}", "pids");
	expect("{}", "intel_rdt");
	expect("null", "network_interfaces");
}
