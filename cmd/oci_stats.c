/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a container uses: files of its control groups, and the counters of its network.
 *
 * Names, units and what is left out when it is 0 are those of runc's `events`, which is
 * read by programs with types for it.  Numbers are unsigned and of 64 bits, "no limit"
 * being the greatest of them, so the text is written here: jansson's are signed.
 */
#include "oci_stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "oci_runtime.h"

#define TEXT_SIZE	65536
#define TICK_NS		10000000	/* cpuacct.stat counts hundredths of a second */
#define ITEMS_MAX	4096		/* of any list: a kernel has fewer */

struct stats {
	FILE		*f;
	bool		 first;		/* of the object or list that is open */
	const struct oci_container *k;
	char		 text[TEXT_SIZE];	/* of the file that was read last */
};

const char *oci_group_of(const struct oci_container *k, const char *controller)
{
	const char *v2 = NULL;

	for (size_t i = 0; i < k->nr_groups; i++) {
		const struct oci_group *g = &k->groups[i];

		if (!*g->name)
			v2 = g->dir;
		else if (rf_oci_names_controller(g->name, controller))
			return g->dir;
	}
	return v2;
}

static bool is_v2(const struct stats *s, const char *dir)
{
	for (size_t i = 0; i < s->k->nr_groups; i++)
		if (s->k->groups[i].dir == dir)
			return !*s->k->groups[i].name;
	return false;
}

/* -------------------------------------------------------------------- writing */

static void comma(struct stats *s)
{
	if (!s->first)
		(void)fputc(',', s->f);
	s->first = false;
}

/* Opens with '{' or '[', below @name, or in a list where that is NULL. */
static void begin(struct stats *s, const char *name, char bracket)
{
	comma(s);
	if (name)
		(void)fprintf(s->f, "\"%s\":", name);
	(void)fputc(bracket, s->f);
	s->first = true;
}

static void end(struct stats *s, char bracket)
{
	(void)fputc(bracket, s->f);
	s->first = false;
}

static void number(struct stats *s, const char *name, uint64_t n)
{
	comma(s);
	if (name)
		(void)fprintf(s->f, "\"%s\":", name);
	(void)fprintf(s->f, "%" PRIu64, n);
}

/* Of a name that the container may have chosen. */
static void string(struct stats *s, const char *name, const char *text)
{
	json_t *json = json_string(text);
	char *quoted = json ? json_dumps(json, JSON_ENCODE_ANY) : NULL;

	comma(s);
	(void)fprintf(s->f, "\"%s\":%s", name, quoted ? quoted : "\"?\"");
	free(quoted);
	json_decref(json);
}

/* -------------------------------------------------------------------- numbers */

/* A number and where each version has it; a file of NULL: nowhere. */
struct row {
	const char	*name;
	const char	*file1, *key1;	/* key NULL: the file is the number */
	uint64_t	 unit1;
	const char	*file2, *key2;
	uint64_t	 unit2;
	unsigned int	 flags;
};
#define ALWAYS	(1U << 0)	/* said even if it is 0 */
#define NO_MAX	(1U << 1)	/* "max" is 0 */

static uint64_t value_of(const char *text, uint64_t unit, unsigned int flags)
{
	if (!strncmp(text, "max", 3))
		return flags & NO_MAX ? 0 : UINT64_MAX;
	return strtoull(text, NULL, 10) * unit;
}

/* 0 where there is no such file, or no such line in it. */
static uint64_t read_row(struct stats *s, const char *dir, const struct row *r)
{
	const bool v2 = is_v2(s, dir);
	const char *file = v2 ? r->file2 : r->file1, *key = v2 ? r->key2 : r->key1;
	const uint64_t unit = v2 ? r->unit2 : r->unit1;
	int64_t n;

	if (!dir || !file || rf_cgroup_read(dir, file, s->text, sizeof(s->text)) <= 0)
		return 0;
	if (!key)
		return value_of(s->text, unit, r->flags);
	n = rf_cgroup_field(s->text, key);
	return n > 0 ? (uint64_t)n * unit : 0;
}

static void rows(struct stats *s, const char *controller, const struct row *r)
{
	const char *dir = oci_group_of(s->k, controller);

	for (; r->name; r++) {
		uint64_t n = read_row(s, dir, r);

		if (n || r->flags & ALWAYS)
			number(s, r->name, n);
	}
}

/* An object that is nothing but numbers. */
static void object(struct stats *s, const char *name, const char *controller, const struct row *r)
{
	begin(s, name, '{');
	rows(s, controller, r);
	end(s, '}');
}

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return line + (*line == '\n');
}

/* ------------------------------------------------------------------- pressure */

static void pressure_line(struct stats *s, const char *line)
{
	static const char *const names[] = { "avg10", "avg60", "avg300", "total" };

	for (size_t i = 0; i < 4; i++) {
		const char *p = strstr(line, names[i]), *value;

		if (!p || p > line + strcspn(line, "\n"))
			return;
		value = p + strlen(names[i]) + 1;
		if (i == 3) {
			number(s, names[i], strtoull(value, NULL, 10));
			continue;
		}
		comma(s);
		(void)fprintf(s->f, "\"%s\":%.2f", names[i], strtod(value, NULL));
	}
}

/* How long tasks have waited: of version 2, where the kernel counts it. */
static void pressure(struct stats *s, const char *controller, const char *file)
{
	const char *dir = oci_group_of(s->k, controller);
	char text[1024];

	if (!dir || !is_v2(s, dir) || rf_cgroup_read(dir, file, text, sizeof(text)) <= 0)
		return;
	begin(s, "psi", '{');
	for (const char *line = text; *line; line = next_line(line)) {
		if (strncmp(line, "some ", 5) != 0 && strncmp(line, "full ", 5) != 0)
			continue;
		begin(s, *line == 's' ? "some" : "full", '{');
		pressure_line(s, line);
		end(s, '}');
	}
	end(s, '}');
}

/* ------------------------------------------------------------------------ cpu */

/* Column @column of each line, from the line @skip on: a number per processor. */
static void per_cpu(struct stats *s, const char *name, const char *file, int column, bool header)
{
	const char *dir = oci_group_of(s->k, "cpuacct"), *line = s->text;
	int items = 0;

	if (!dir || is_v2(s, dir) || rf_cgroup_read(dir, file, s->text, sizeof(s->text)) <= 0)
		return;
	begin(s, name, '[');
	if (header)
		line = next_line(line);
	while (*line && items++ < ITEMS_MAX) {
		char *p = (char *)(uintptr_t)line;
		uint64_t n = strtoull(p, &p, 10);

		for (int i = 0; i < column; i++)
			n = strtoull(p, &p, 10);
		number(s, NULL, n);
		/* of the file without columns, the numbers are in one line */
		line = header ? next_line(line) : p + strspn(p, " \n");
	}
	end(s, ']');
}

static void cpu(struct stats *s)
{
	static const struct row usage[] = {
		{ "total", "cpuacct.usage", NULL, 1, "cpu.stat", "usage_usec", 1000, 0 },
		{ "kernel", "cpuacct.stat", "system", TICK_NS, "cpu.stat", "system_usec", 1000, ALWAYS },
		{ "user", "cpuacct.stat", "user", TICK_NS, "cpu.stat", "user_usec", 1000, ALWAYS },
		{ .name = NULL }
	};
	static const struct row throttling[] = {
		{ "periods", "cpu.stat", "nr_periods", 1, "cpu.stat", "nr_periods", 1, 0 },
		{ "throttledPeriods", "cpu.stat", "nr_throttled", 1, "cpu.stat", "nr_throttled", 1, 0 },
		{ "throttledTime", "cpu.stat", "throttled_time", 1, "cpu.stat", "throttled_usec", 1000, 0 },
		{ .name = NULL }
	};

	begin(s, "cpu", '{');
	begin(s, "usage", '{');
	rows(s, "cpuacct", usage);
	per_cpu(s, "percpu", "cpuacct.usage_percpu", 0, false);
	per_cpu(s, "percpu_user", "cpuacct.usage_all", 1, true);
	per_cpu(s, "percpu_kernel", "cpuacct.usage_all", 2, true);
	end(s, '}');
	object(s, "throttling", "cpu", throttling);
	pressure(s, "cpu", "cpu.pressure");
	end(s, '}');
}

/* "0-3,7" as each of them. */
static void ranges(struct stats *s, const char *name, const char *file)
{
	const char *dir = oci_group_of(s->k, "cpuset");
	char *p = s->text;
	int items = 0;

	if (!dir || rf_cgroup_read(dir, file, s->text, sizeof(s->text)) <= 0)
		return;
	begin(s, name, '[');
	while (*p >= '0' && *p <= '9') {
		unsigned long first = strtoul(p, &p, 10), last = *p == '-' ? strtoul(p + 1, &p, 10) : first;

		for (; first <= last && items++ < ITEMS_MAX; first++)
			number(s, NULL, first);
		p += *p == ',';
	}
	end(s, ']');
}

static void cpuset(struct stats *s)
{
	static const struct row flags[] = {
		{ "cpu_exclusive", "cpuset.cpu_exclusive", NULL, 1, NULL, NULL, 1, ALWAYS },
		{ "mem_hardwall", "cpuset.mem_hardwall", NULL, 1, NULL, NULL, 1, ALWAYS },
		{ "mem_exclusive", "cpuset.mem_exclusive", NULL, 1, NULL, NULL, 1, ALWAYS },
		{ "memory_migrate", "cpuset.memory_migrate", NULL, 1, NULL, NULL, 1, ALWAYS },
		{ "memory_spread_page", "cpuset.memory_spread_page", NULL, 1, NULL, NULL, 1, ALWAYS },
		{ "memory_spread_slab", "cpuset.memory_spread_slab", NULL, 1, NULL, NULL, 1, ALWAYS },
		{ "memory_pressure", "cpuset.memory_pressure", NULL, 1, NULL, NULL, 1, ALWAYS },
		{ "sched_load_balance", "cpuset.sched_load_balance", NULL, 1, NULL, NULL, 1, ALWAYS },
		{ .name = NULL }
	};
	const char *dir = oci_group_of(s->k, "cpuset");
	long level = 0;

	begin(s, "cpuset", '{');
	ranges(s, "cpus", "cpuset.cpus");
	rows(s, "cpuset", flags);
	ranges(s, "mems", "cpuset.mems");
	/* the one number that may be negative */
	if (dir && rf_cgroup_read(dir, "cpuset.sched_relax_domain_level", s->text, sizeof(s->text)) > 0)
		level = strtol(s->text, NULL, 10);
	comma(s);
	(void)fprintf(s->f, "\"sched_relax_domain_level\":%ld", level);
	end(s, '}');
}

/* --------------------------------------------------------------------- memory */

/* Of version 2 swap is apart; what is said is memory and swap, as version 1 has it. */
static void swap_v2(struct stats *s, const char *dir)
{
	static const struct row mem[] = {
		{ .file2 = "memory.current", .unit2 = 1 }, { .file2 = "memory.max", .unit2 = 1 },
		{ .file2 = "memory.swap.current", .unit2 = 1 }, { .file2 = "memory.swap.max", .unit2 = 1 },
		{ .file2 = "memory.swap.events", .key2 = "max", .unit2 = 1 },
	};
	uint64_t n[5];

	for (size_t i = 0; i < 5; i++)
		n[i] = read_row(s, dir, &mem[i]);
	begin(s, "swap", '{');
	number(s, "limit", n[1] == UINT64_MAX || n[3] == UINT64_MAX ? UINT64_MAX : n[1] + n[3]);
	if (n[0] + n[2])
		number(s, "usage", n[0] + n[2]);
	number(s, "failcnt", n[4]);
	end(s, '}');
}

/* Every line of memory.stat. */
static void raw(struct stats *s)
{
	const char *dir = oci_group_of(s->k, "memory");

	if (!dir || rf_cgroup_read(dir, "memory.stat", s->text, sizeof(s->text)) <= 0)
		return;
	begin(s, "raw", '{');
	for (const char *line = s->text; *line; line = next_line(line)) {
		size_t len = strcspn(line, " \n");

		if (!len || line[len] != ' ' || strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789_") != len)
			continue;
		comma(s);
		(void)fprintf(s->f, "\"%.*s\":%" PRIu64, (int)len, line, (uint64_t)strtoull(line + len, NULL, 10));
	}
	end(s, '}');
}

/* What version 2 has in memory.stat, without limits. */
#define ENTRY1(array, prefix)									\
	static const struct row array[] = {							\
		{ "limit", prefix "limit_in_bytes", NULL, 1, NULL, NULL, 1, ALWAYS },		\
		{ "usage", prefix "usage_in_bytes", NULL, 1, NULL, NULL, 1, 0 },		\
		{ "max", prefix "max_usage_in_bytes", NULL, 1, NULL, NULL, 1, 0 },		\
		{ "failcnt", prefix "failcnt", NULL, 1, NULL, NULL, 1, ALWAYS },		\
		{ .name = NULL }								\
	}

static void memory(struct stats *s)
{
	static const struct row cache[] = {
		{ "cache", "memory.stat", "cache", 1, "memory.stat", "file", 1, 0 }, { .name = NULL }
	};
	static const struct row events[] = {
		{ "low", NULL, NULL, 1, "memory.events", "low", 1, 0 },
		{ "high", NULL, NULL, 1, "memory.events", "high", 1, 0 },
		{ "max", NULL, NULL, 1, "memory.events", "max", 1, 0 },
		{ "oom", NULL, NULL, 1, "memory.events", "oom", 1, 0 },
		{ "oom_kill", NULL, NULL, 1, "memory.events", "oom_kill", 1, 0 },
		{ .name = NULL }
	};
	static const struct row usage[] = {
		{ "limit", "memory.limit_in_bytes", NULL, 1, "memory.max", NULL, 1, ALWAYS },
		{ "usage", "memory.usage_in_bytes", NULL, 1, "memory.current", NULL, 1, 0 },
		{ "max", "memory.max_usage_in_bytes", NULL, 1, "memory.peak", NULL, 1, 0 },
		{ "failcnt", "memory.failcnt", NULL, 1, "memory.events", "max", 1, ALWAYS },
		{ .name = NULL }
	};
	ENTRY1(swap, "memory.memsw.");
	ENTRY1(kernel, "memory.kmem.");
	ENTRY1(kernel_tcp, "memory.kmem.tcp.");
	const char *dir = oci_group_of(s->k, "memory");

	begin(s, "memory", '{');
	rows(s, "memory", cache);
	object(s, "usage", "memory", usage);
	if (dir && is_v2(s, dir))
		swap_v2(s, dir);
	else
		object(s, "swap", "memory", swap);
	object(s, "kernel", "memory", kernel);
	object(s, "kernelTCP", "memory", kernel_tcp);
	raw(s);
	pressure(s, "memory", "memory.pressure");
	object(s, "event_count", "memory", events);
	end(s, '}');
}

/* ------------------------------------------------------------------------- io */

static void io_entry(struct stats *s, unsigned int major, unsigned int minor, const char *op,
		     uint64_t n)
{
	begin(s, NULL, '{');
	if (major)
		number(s, "major", major);
	if (minor)
		number(s, "minor", minor);
	string(s, "op", op);
	if (n)
		number(s, "value", n);
	end(s, '}');
}

/* "8:0 Read 4096", and a total without a device at the end. */
static void io_v1(struct stats *s, const char *name, const char *file)
{
	const char *dir = oci_group_of(s->k, "blkio");
	int items = 0;

	if (!dir || rf_cgroup_read(dir, file, s->text, sizeof(s->text)) <= 0)
		return;
	begin(s, name, '[');
	for (const char *line = s->text; *line && items++ < ITEMS_MAX; line = next_line(line)) {
		unsigned int major, minor;
		uint64_t n;
		char op[16];

		if (sscanf(line, "%u:%u %15s %" SCNu64, &major, &minor, op, &n) == 4)
			io_entry(s, major, minor, op, n);
	}
	end(s, ']');
}

/* "8:0 rbytes=4096 wbytes=0 ...": @words are keys and what they are called. */
static void io_v2(struct stats *s, const char *name, const char *dir, const char *const words[3][2])
{
	int items = 0;

	if (rf_cgroup_read(dir, "io.stat", s->text, sizeof(s->text)) <= 0)
		return;
	begin(s, name, '[');
	for (const char *line = s->text; *line && items++ < ITEMS_MAX; line = next_line(line)) {
		const char *stop = line + strcspn(line, "\n");
		unsigned int major, minor;

		if (sscanf(line, "%u:%u", &major, &minor) != 2)
			continue;
		for (int i = 0; i < 3; i++) {
			const char *p = strstr(line, words[i][0]);

			if (p && p < stop)
				io_entry(s, major, minor, words[i][1],
					 strtoull(p + strlen(words[i][0]), NULL, 10));
		}
	}
	end(s, ']');
}

static void blkio(struct stats *s)
{
	static const char *const bytes[3][2] = {
		{ " rbytes=", "Read" }, { " wbytes=", "Write" }, { " dbytes=", "Discard" }
	};
	static const char *const times[3][2] = {
		{ " rios=", "Read" }, { " wios=", "Write" }, { " dios=", "Discard" }
	};
	const char *dir = oci_group_of(s->k, "blkio");

	begin(s, "blkio", '{');
	if (dir && is_v2(s, dir)) {
		io_v2(s, "ioServiceBytesRecursive", dir, bytes);
		io_v2(s, "ioServicedRecursive", dir, times);
		pressure(s, "io", "io.pressure");
	} else {
		io_v1(s, "ioServiceBytesRecursive", "blkio.throttle.io_service_bytes_recursive");
		io_v1(s, "ioServicedRecursive", "blkio.throttle.io_serviced_recursive");
	}
	end(s, '}');
}

/* -------------------------------------------------------------------- hugetlb */

/* The sizes of pages are in the names of files: "hugetlb.2MB.failcnt". */
static void hugetlb(struct stats *s)
{
	const char *dir = oci_group_of(s->k, "hugetlb");
	const bool v2 = dir && is_v2(s, dir);
	const char *last = v2 ? ".current" : ".usage_in_bytes";
	DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *e;

	begin(s, "hugetlb", '{');
	while (d && (e = readdir(d))) {
		char base[64], files[3][96];
		size_t len;
		const struct row size[] = {
			{ "usage", files[0], NULL, 1, files[0], NULL, 1, 0 },
			{ "max", files[1], NULL, 1, NULL, NULL, 1, 0 },
			{ "failcnt", files[2], NULL, 1, files[2], "max", 1, ALWAYS },
			{ .name = NULL }
		};

		if (strncmp(e->d_name, "hugetlb.", 8) != 0)
			continue;
		len = 8 + strspn(e->d_name + 8, "0123456789KMGB");
		if (len - 8 >= sizeof(base) || strcmp(e->d_name + len, last) != 0)
			continue;
		(void)snprintf(base, sizeof(base), "%.*s", (int)(len - 8), e->d_name + 8);
		(void)snprintf(files[0], sizeof(files[0]), "hugetlb.%s%s", base, last);
		(void)snprintf(files[1], sizeof(files[1]), "hugetlb.%s.max_usage_in_bytes", base);
		(void)snprintf(files[2], sizeof(files[2]), "hugetlb.%s.%s", base, v2 ? "events" : "failcnt");
		object(s, base, "hugetlb", size);
	}
	if (d)
		(void)closedir(d);
	end(s, '}');
}

/* -------------------------------------------------------------------- network */

/* Its process's directory of /proc, if its network is its own; -1 if not. */
static int own_network(const struct oci_container *k)
{
	struct stat own, theirs;
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)k->pid);
	fd = k->pid > 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return -1;
	/* the descriptor is of one task: it is ours if the number is now */
	if (oci_start_time(k->pid) == k->start && stat("/proc/self/ns/net", &own) == 0 &&
	    fstatat(fd, "ns/net", &theirs, 0) == 0 && own.st_ino != theirs.st_ino)
		return fd;
	(void)close(fd);
	return -1;
}

/* A line of net/dev: "  eth0: 1 2 3 4 5 6 7 8 9 ..." */
static void interface(struct stats *s, const char *line, const char *colon)
{
	static const struct { const char *name; int column; } columns[] = {
		{ "RxBytes", 0 }, { "RxPackets", 1 }, { "RxErrors", 2 }, { "RxDropped", 3 },
		{ "TxBytes", 8 }, { "TxPackets", 9 }, { "TxErrors", 10 }, { "TxDropped", 11 },
	};
	uint64_t n[16];
	char name[64], *p = (char *)(uintptr_t)(colon + 1);

	line += strspn(line, " ");
	(void)snprintf(name, sizeof(name), "%.*s", (int)(colon - line), line);
	if (!strcmp(name, "lo"))	/* what it tells itself is no traffic */
		return;
	for (int i = 0; i < 16; i++)
		n[i] = strtoull(p, &p, 10);
	begin(s, NULL, '{');
	string(s, "Name", name);
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
		number(s, columns[i].name, n[columns[i].column]);
	end(s, '}');
}

static void network(struct stats *s)
{
	int proc = own_network(s->k), fd = proc < 0 ? -1 : openat(proc, "net/dev", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, s->text, sizeof(s->text) - 1);
	const char *line = s->text;

	if (fd >= 0)
		(void)close(fd);
	if (proc >= 0)
		(void)close(proc);
	s->text[n > 0 ? n : 0] = '\0';
	/* as runc has it where there is none of its own */
	if (n <= 0) {
		comma(s);
		(void)fputs("\"network_interfaces\":null", s->f);
		return;
	}
	begin(s, "network_interfaces", '[');
	for (int i = 0; *line && i < ITEMS_MAX; i++, line = next_line(line)) {
		/* the name has none, or the numbers would be elsewhere */
		const char *colon = memchr(line, ':', strcspn(line, "\n"));

		if (colon)
			interface(s, line, colon);
	}
	end(s, ']');
}

/* Its class in resctrl, which has a text of its own. */
static void rdt(struct stats *s)
{
	char *text = oci_rdt_json(s->k);

	comma(s);
	(void)fprintf(s->f, "\"intel_rdt\":%s", text ? text : "{}");
	free(text);
}

/* ------------------------------------------------------------------- together */

char *oci_stats_json(const struct oci_container *k)
{
	static const struct row pids[] = {
		{ "current", "pids.current", NULL, 1, "pids.current", NULL, 1, 0 },
		{ "limit", "pids.max", NULL, 1, "pids.max", NULL, 1, NO_MAX },
		{ .name = NULL }
	};
	struct stats *s = calloc(1, sizeof(*s));
	char *text = NULL;
	size_t len;
	bool failed;

	if (s)
		s->f = open_memstream(&text, &len);
	if (!s || !s->f) {
		free(s);
		return NULL;
	}
	s->k = k;
	s->first = true;
	begin(s, NULL, '{');
	cpu(s);
	cpuset(s);
	memory(s);
	object(s, "pids", "pids", pids);
	blkio(s);
	hugetlb(s);
	rdt(s);
	network(s);
	end(s, '}');
	failed = ferror(s->f);
	if (fclose(s->f) != 0 || failed) {
		free(text);
		text = NULL;
	}
	free(s);
	return text;
}
