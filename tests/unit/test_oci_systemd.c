/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scope that a config.json asks systemd for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "oci_config.h"
#include "oci_systemd.h"
#include "ringfence.h"

static const char devices[] = "Character devices:\n  1 mem\n  4 tty\n136 pts\n\nBlock devices:\n  8 sd\n";

/* A config.json with "linux" of @linux_, and annotations. */
static struct rf_sandbox *load(const char *linux_, const char *annotations, struct rf_oci_config *c)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;
	char text[4096];

	snprintf(text, sizeof(text), "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},"
		 "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]},\"annotations\":{%s},"
		 "\"linux\":{\"namespaces\":[{\"type\":\"mount\"}],%s}}", annotations, linux_);
	if (rf_oci_parse("config.json", text, strlen(text), sb, c, &err) < 0)
		fail_msg("%s\n  %s", text, err.msg);
	return sb;
}

/* "NAME SIGNATURE ITEM ITEM", or "" if there is no such property. */
static const char *property(const struct rf_oci_unit *u, const char *name)
{
	static char text[1024];
	size_t n;

	*text = '\0';
	for (size_t i = 0; i < u->nr; i++) {
		const struct rf_oci_property *p = &u->properties[i];

		if (strcmp(p->name, name) != 0)
			continue;
		if (*text)
			return "twice";
		n = (size_t)snprintf(text, sizeof(text), "%s", p->signature);
		for (size_t j = 0; j < p->nr_items; j++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", p->items[j]);
	}
	return text;
}

struct wanted {
	const char	*linux_;
	bool		 unified;
	const char	*name, *value;
};

static void expect_properties(const struct wanted *w, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct rf_err err = RF_ERR_INIT;
		struct rf_oci_unit u;
		struct rf_oci_config c;
		struct rf_sandbox *sb = load(w[i].linux_, "", &c);

		if (rf_oci_unit_plan(sb, &c, "id", w[i].unified, true, devices, &u, &err) < 0)
			fail_msg("%s: %s", w[i].linux_, err.msg);
		if (strcmp(property(&u, w[i].name), w[i].value) != 0)
			fail_msg("%s: %s is '%s'", w[i].linux_, w[i].name, property(&u, w[i].name));
		rf_sandbox_free(sb);
	}
}

#define RESOURCES(text) "\"resources\":{" text "}"

TEST(a_path_names_the_unit_and_its_slice)
{
	static const struct { const char *path, *name, *slice; } cases[] = {
		{ "", "ringfence-id.scope", "s system.slice" },
		{ "machine.slice:libpod:1", "libpod-1.scope", "s machine.slice" },
		{ "a-b.slice::1", "1.scope", "s a-b.slice" },
		{ "-.slice:x:1", "x-1.scope", "s -.slice" },
		{ ":x:1", "x-1.scope", "s system.slice" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_err err = RF_ERR_INIT;
		struct rf_oci_unit u;
		struct rf_oci_config c;
		struct rf_sandbox *sb;
		char text[128];

		snprintf(text, sizeof(text), "\"cgroupsPath\":\"%s\"", cases[i].path);
		sb = load(text, "", &c);
		EXPECT_INT(0, rf_oci_unit_plan(sb, &c, "id", false, true, NULL, &u, &err));
		EXPECT_STR(cases[i].name, u.name);
		EXPECT_STR(cases[i].slice, property(&u, "Slice"));
		rf_sandbox_free(sb);
	}
}

TEST(a_path_that_is_none_of_systemds_is_refused)
{
	static const struct { const char *path, *want; int code; } cases[] = {
		{ "/a/b", "linux.cgroupsPath: '/a/b' is not slice:prefix:name, as systemd's control groups "
		  "have it", EINVAL },
		{ "a:b", "linux.cgroupsPath: 'a:b' is not slice:prefix:name, as systemd's control groups have "
		  "it", EINVAL },
		{ "a:b:c:d", "linux.cgroupsPath: 'a:b:c:d' is not slice:prefix:name, as systemd's control "
		  "groups have it", EINVAL },
		{ "a:b:c", "linux.cgroupsPath: 'a' is no slice", EINVAL },
		{ "a--b.slice:b:c", "linux.cgroupsPath: 'a--b.slice' is no slice", EINVAL },
		{ "-a.slice:b:c", "linux.cgroupsPath: '-a.slice' is no slice", EINVAL },
		{ "x/y.slice:b:c", "linux.cgroupsPath: 'x/y.slice' is no slice", EINVAL },
		{ "a.slice:b:c/d", "linux.cgroupsPath: 'b-c/d.scope' is no name of a unit of systemd's", EINVAL },
		{ "a.slice:b:c d", "linux.cgroupsPath: 'b-c d.scope' is no name of a unit of systemd's", EINVAL },
		{ "a.slice:b:", "linux.cgroupsPath: 'b-.scope' is no name of a unit of systemd's", EINVAL },
		{ "a.slice:b:c.slice", "linux.cgroupsPath: 'c.slice': a slice holds scopes, and no processes",
		  EOPNOTSUPP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_err err = RF_ERR_INIT;
		struct rf_oci_unit u;
		struct rf_oci_config c;
		struct rf_sandbox *sb;
		char text[128];

		snprintf(text, sizeof(text), "\"cgroupsPath\":\"%s\"", cases[i].path);
		sb = load(text, "", &c);
		assert_true(rf_oci_unit_plan(sb, &c, "id", false, true, NULL, &u, &err) < 0);
		EXPECT_STR(cases[i].want, err.msg);
		EXPECT_INT(cases[i].code, err.code);
		EXPECT_INT(1, err.line);
		rf_sandbox_free(sb);
	}
}

TEST(a_scope_is_delegated_and_counted)
{
	static const struct wanted cases[] = {
		{ RESOURCES(""), false, "Delegate", "b true" },
		{ RESOURCES(""), false, "DefaultDependencies", "b false" },
		{ RESOURCES(""), false, "BlockIOAccounting", "b true" },
		{ RESOURCES(""), false, "IOAccounting", "" },
		{ RESOURCES(""), true, "IOAccounting", "b true" },
		{ RESOURCES(""), true, "MemoryAccounting", "b true" },
		{ RESOURCES(""), true, "DevicePolicy", "" },
		{ RESOURCES(""), true, "CPUQuotaPerSecUSec", "" },
	};

	expect_properties(cases, ARRAY_SIZE(cases));
}

TEST(limits_are_the_properties_of_either_version)
{
	static const struct wanted cases[] = {
		{ RESOURCES("\"memory\":{\"limit\":4096}"), false, "MemoryLimit", "t 4096" },
		{ RESOURCES("\"memory\":{\"limit\":4096}"), true, "MemoryMax", "t 4096" },
		{ RESOURCES("\"memory\":{\"limit\":-1}"), true, "MemoryMax", "t 18446744073709551615" },
		{ RESOURCES("\"memory\":{\"reservation\":7}"), true, "MemoryLow", "t 7" },
		{ RESOURCES("\"memory\":{\"limit\":10,\"swap\":15}"), true, "MemorySwapMax", "t 5" },
		{ RESOURCES("\"pids\":{\"limit\":9}"), false, "TasksMax", "t 9" },
		{ RESOURCES("\"pids\":{\"limit\":-1}"), true, "TasksMax", "t 18446744073709551615" },
		{ RESOURCES("\"cpu\":{\"shares\":512}"), false, "CPUShares", "t 512" },
		{ RESOURCES("\"cpu\":{\"shares\":262144}"), true, "CPUWeight", "t 10000" },
		{ RESOURCES("\"cpu\":{\"cpus\":\"0,3-4,9\"}"), true, "AllowedCPUs", "ay 1902" },
		{ RESOURCES("\"cpu\":{\"mems\":\"0\"}"), false, "AllowedMemoryNodes", "ay 01" },
		{ RESOURCES("\"blockIO\":{\"weight\":10}"), true, "IOWeight", "t 1" },
		{ RESOURCES("\"unified\":{\"memory.high\":\"max\"}"), true, "MemoryHigh",
		  "t 18446744073709551615" },
	};

	expect_properties(cases, ARRAY_SIZE(cases));
}

TEST(a_quota_is_in_whole_percents_of_a_second)
{
	static const struct wanted cases[] = {
		{ RESOURCES("\"cpu\":{\"quota\":50000}"), false, "CPUQuotaPerSecUSec", "t 500000" },
		{ RESOURCES("\"cpu\":{\"quota\":12345,\"period\":50000}"), false, "CPUQuotaPerSecUSec",
		  "t 250000" },
		{ RESOURCES("\"cpu\":{\"quota\":12345,\"period\":50000}"), true, "CPUQuotaPerSecUSec",
		  "t 250000" },
		{ RESOURCES("\"cpu\":{\"quota\":12345,\"period\":50000}"), true, "CPUQuotaPeriodUSec",
		  "t 50000" },
		{ RESOURCES("\"cpu\":{\"quota\":-1}"), false, "CPUQuotaPerSecUSec", "t 18446744073709551615" },
		{ RESOURCES("\"cpu\":{\"period\":50000}"), true, "CPUQuotaPerSecUSec",
		  "t 18446744073709551615" },
		{ RESOURCES("\"cpu\":{\"quota\":9000000000000000000}"), true, "CPUQuotaPerSecUSec",
		  "t 18446744073709551615" },
	};

	expect_properties(cases, ARRAY_SIZE(cases));
}

#define ALL(allow)	"{\"allow\":" allow ",\"access\":\"rwm\"}"
#define DEV(allow, type, numbers, access) \
	",{\"allow\":" allow ",\"type\":\"" type "\"," numbers "\"access\":\"" access "\"}"
#define DEVICES(text)	RESOURCES("\"devices\":[" text "]")

/* What every container may use, before what its rules say of single devices. */
#define USUAL(first)	"a(ss) char-* m block-* m /dev/char/1:3 " first " /dev/char/1:5 rwm /dev/char/1:7 rwm " \
	"/dev/char/1:8 rwm /dev/char/1:9 rwm /dev/char/5:0 rwm /dev/char/5:2 rwm char-pts rwm"

TEST(rules_for_devices_are_systemds_too)
{
	static const struct wanted cases[] = {
		{ DEVICES(ALL("false")), false, "DevicePolicy", "s strict" },
		{ DEVICES(ALL("false")), true, "DeviceAllow", USUAL("rwm") },
		{ DEVICES(ALL("true")), false, "DevicePolicy", "s auto" },
		{ DEVICES(ALL("true") DEV("false", "c", "\"major\":1,", "rwm")), false, "DeviceAllow", "" },
		{ DEVICES(ALL("false") DEV("true", "c", "\"major\":1,\"minor\":3,", "rw")), false, "DeviceAllow",
		  USUAL("rwm") " /dev/char/1:3 rw" },
		{ DEVICES(ALL("false") DEV("true", "b", "\"major\":8,", "r")
			  DEV("true", "c", "\"major\":136,", "rwm")), true, "DeviceAllow",
		  USUAL("rwm") " block-sd r char-pts rwm" },
		{ DEVICES(ALL("false") DEV("true", "c", "", "m") DEV("true", "c", "\"major\":77,", "r")), false,
		  "DeviceAllow", USUAL("rwm") " char-* m" },
		/* what is taken away again, in part or as one of all */
		{ DEVICES(ALL("false") DEV("true", "c", "\"major\":1,\"minor\":3,", "rwm")
			  DEV("false", "c", "\"major\":1,\"minor\":3,", "m")), false, "DeviceAllow",
		  USUAL("rw") " /dev/char/1:3 rw" },
		{ DEVICES(ALL("false") DEV("true", "c", "\"major\":1,\"minor\":3,", "rwm")
			  DEV("true", "b", "\"major\":8,\"minor\":0,", "r") DEV("false", "c", "", "rwm")), false,
		  "DeviceAllow", "a(ss) block-* m /dev/block/8:0 r" },
		{ DEVICES(ALL("false") DEV("true", "c", "\"major\":1,", "rwm") "," ALL("false")), false,
		  "DeviceAllow", USUAL("rwm") },
	};

	expect_properties(cases, ARRAY_SIZE(cases));
}

TEST(an_update_says_what_it_knows)
{
	static const struct { const char *text, *name, *value; } cases[] = {
		{ RESOURCES("\"pids\":{\"limit\":9}"), "TasksMax", "t 9" },
		{ RESOURCES("\"pids\":{\"limit\":9}"), "Delegate", "" },
		{ RESOURCES("\"pids\":{\"limit\":9}"), "DevicePolicy", "" },
		{ DEVICES("{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3}"), "DevicePolicy", "s strict" },
		{ DEVICES(ALL("false")), "DevicePolicy", "s strict" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_err err = RF_ERR_INIT;
		struct rf_oci_unit u = { .name = NULL };
		struct rf_oci_config c;
		struct rf_sandbox *sb = load(cases[i].text, "", &c);

		EXPECT_INT(0, rf_oci_unit_limits(sb, &c, false, devices, &u, &err));
		EXPECT_STR(cases[i].value, property(&u, cases[i].name));
		rf_sandbox_free(sb);
	}
}

TEST(of_two_values_the_later_is_the_property)
{
	static const struct wanted cases[] = {
		{ RESOURCES("\"cpu\":{\"cpus\":\"0-3\"},\"unified\":{\"cpuset.cpus\":\"0\"}"), true,
		  "AllowedCPUs", "ay 01" },
	};

	expect_properties(cases, ARRAY_SIZE(cases));
}

TEST(an_annotation_replaces_a_default_and_no_limit)
{
	static const struct { const char *annotation, *want; } cases[] = {
		{ "\"org.systemd.property.DefaultDependencies\":\"true\"", NULL },
		{ "\"org.systemd.property.TasksMax\":\"uint64 99\"",
		  "annotations.org.systemd.property.TasksMax: the configuration says that by itself" },
		{ "\"org.systemd.property.Slice\":\"'a.slice'\"",
		  "annotations.org.systemd.property.Slice: the configuration says that by itself" },
		{ "\"org.systemd.property.PIDs\":\"[uint32 1]\"",
		  "annotations.org.systemd.property.PIDs: the configuration says that by itself" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_err err = RF_ERR_INIT;
		struct rf_oci_unit u;
		struct rf_oci_config c;
		struct rf_sandbox *sb = load(RESOURCES("\"pids\":{\"limit\":9}"), cases[i].annotation, &c);
		int r = rf_oci_unit_plan(sb, &c, "id", false, true, NULL, &u, &err);

		EXPECT_INT(cases[i].want ? -EINVAL : 0, r);
		EXPECT_STR(cases[i].want ? cases[i].want : "", err.msg);
		if (!cases[i].want)
			EXPECT_STR("b true", property(&u, "DefaultDependencies"));
		rf_sandbox_free(sb);
	}
}

TEST(annotations_are_values_of_any_simple_type)
{
	static const struct { const char *name, *text, *want; } cases[] = {
		{ "CollectMode", "'inactive-or-failed'", "CollectMode s inactive-or-failed" },
		{ "CollectMode", "\"it\\\"s\"", "CollectMode s it\"s" },
		{ "TimeoutStopUSec", "uint64 5", "TimeoutStopUSec t 5" },
		{ "TimeoutStopSec", "uint64 5", "TimeoutStopUSec t 5000000" },
		{ "TimeoutStopSec", "1.5", "TimeoutStopUSec t 1500000" },
		{ "TimeoutStopSec", " 7 ", "TimeoutStopUSec t 7000000" },
		{ "TasksMax", "uint64 1", "TasksMax t 1" },
		{ "SendSIGHUP", "true", "SendSIGHUP b true" },
		{ "Nice", "-5", "Nice i -5" },
		{ "Weight", "byte 5", "Weight y 5" },
		{ "After", "['a.service', 'b.service']", "After as a.service b.service" },
		{ "After", "@as []", "After as" },
		{ "After", "@as ['x']", "After as x" },
		{ "Things", "[uint64 1, 2]", "Things at 1 2" },
	};
	struct rf_sandbox *sb = rf_sandbox_new();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_oci_property p;
		struct rf_oci_unit u = { .properties = &p, .nr = 1 };
		char got[256];

		if (rf_oci_property_parse(sb, cases[i].name, cases[i].text, &p) != 0)
			fail_msg("%s: refused", cases[i].text);
		snprintf(got, sizeof(got), "%s %s", p.name, property(&u, p.name));
		EXPECT_STR(cases[i].want, got);
	}
	rf_sandbox_free(sb);
}

TEST(annotations_that_are_none_are_refused)
{
	static const struct { const char *name, *text; } cases[] = {
		{ "CollectMode", "" }, { "CollectMode", "'x" }, { "CollectMode", "x" },
		{ "CollectMode", "'x' y" }, { "CollectMode", "uint64" }, { "CollectMode", "uint64 x" },
		{ "CollectMode", "uint64 -1" }, { "CollectMode", "uint64 'x'" }, { "CollectMode", "uint32 true" },
		{ "CollectMode", "[]" }, { "CollectMode", "[1" }, { "CollectMode", "[1,]" },
		{ "CollectMode", "['a', 1]" }, { "CollectMode", "('a', 1)" }, { "CollectMode", "{'a': 1}" },
		{ "CollectMode", "@as 'x'" }, { "CollectMode", "@a(ss) []" }, { "CollectMode", "<1>" },
		{ "TimeoutStopSec", "'5'" }, { "TimeoutStopSec", "-1" }, { "TimeoutStopSec", "1e30" },
		{ "", "1" }, { "lower", "1" }, { "With space", "1" }, { "Ab", "1" },
	};
	struct rf_sandbox *sb = rf_sandbox_new();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rf_oci_property p;

		if (rf_oci_property_parse(sb, cases[i].name, cases[i].text, &p) != -EINVAL)
			fail_msg("%s %s: taken", cases[i].name, cases[i].text);
	}
	rf_sandbox_free(sb);
}
