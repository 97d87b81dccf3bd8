/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a control group has used.  What a version or a kernel does not count
 * stays unknown.
 */
#include "cgroup.h"

#include <stdlib.h>
#include <string.h>

int64_t rf_cgroup_field(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (!strncmp(line, key, len) && line[len] == ' ')
			return strtoll(line + len + 1, NULL, 10);
	return -1;
}

/* A file that is one number, divided by @unit. */
static void number(const char *dir, const char *file, int64_t unit, int64_t *ret)
{
	char buf[64];

	if (rf_cgroup_read(dir, file, buf, sizeof(buf)) > 0)
		*ret = strtoll(buf, NULL, 10) / unit;
}

struct key {
	const char	*file, *key;
	int64_t		 unit;
	size_t		 offset;
	enum rf_cgroup_controller ctl;	/* whose file it is */
};
#define INTO(field) offsetof(struct rf_cgroup_usage, field)

static const struct key keys_v1[] = {
	{ "cpu.stat", "nr_throttled", 1, INTO(throttled), RF_CTL_CPU },
	{ "cpu.stat", "throttled_time", 1000, INTO(throttled_us), RF_CTL_CPU },
	{ "memory.oom_control", "oom_kill", 1, INTO(oom_kills), RF_CTL_MEMORY },
	{ "pids.events", "max", 1, INTO(pids_hits), RF_CTL_PIDS },
	{ NULL, NULL, 0, 0, RF_CTL_NR }
};
static const struct key keys_v2[] = {
	{ "cpu.stat", "usage_usec", 1, INTO(cpu_us), RF_CTL_CPUACCT },
	{ "cpu.stat", "user_usec", 1, INTO(user_us), RF_CTL_CPUACCT },
	{ "cpu.stat", "system_usec", 1, INTO(system_us), RF_CTL_CPUACCT },
	{ "cpu.stat", "nr_throttled", 1, INTO(throttled), RF_CTL_CPU },
	{ "cpu.stat", "throttled_usec", 1, INTO(throttled_us), RF_CTL_CPU },
	{ "memory.events", "max", 1, INTO(memory_hits), RF_CTL_MEMORY },
	{ "memory.events", "oom_kill", 1, INTO(oom_kills), RF_CTL_MEMORY },
	{ "pids.events", "max", 1, INTO(pids_hits), RF_CTL_PIDS },
	{ NULL, NULL, 0, 0, RF_CTL_NR }
};

static void read_keys(const char *dir, const struct key *keys, uint32_t controllers,
		      struct rf_cgroup_usage *u)
{
	const char *open_file = NULL;
	char buf[4096] = "";

	for (; keys->file; keys++) {
		int64_t n;

		if (!(controllers & 1U << keys->ctl))
			continue;
		if (!open_file || strcmp(open_file, keys->file) != 0) {
			open_file = keys->file;
			if (rf_cgroup_read(dir, open_file, buf, sizeof(buf)) < 0)
				buf[0] = '\0';
		}
		n = rf_cgroup_field(buf, keys->key);
		if (n >= 0)
			*(int64_t *)(void *)((char *)u + keys->offset) = n / keys->unit;
	}
}

/* The sum of @word's numbers: "8:0 Read 4096" with blank, "8:0 rbytes=4096" with '='. */
static int64_t sum(const char *text, const char *word)
{
	size_t len = strlen(word);
	int64_t total = 0;

	for (const char *p = strstr(text, word); p; p = strstr(p + len, word))
		total += strtoll(p + len, NULL, 10);
	return total;
}

static void read_io(const char *dir, const char *file, const char *reads, const char *writes,
		    struct rf_cgroup_usage *u)
{
	char buf[16384];

	if (rf_cgroup_read(dir, file, buf, sizeof(buf)) < 0)
		return;
	u->io_read = sum(buf, reads);
	u->io_written = sum(buf, writes);
}

void rf_cgroup_usage_read(const char *dir, bool v2, uint32_t controllers,
			  struct rf_cgroup_usage *u)
{
	if (v2) {
		/* every group counts; which files it has its parent decides */
		read_keys(dir, keys_v2, ~0U, u);
		number(dir, "memory.peak", 1, &u->memory_peak);
		number(dir, "pids.peak", 1, &u->pids_peak);
		read_io(dir, "io.stat", " rbytes=", " wbytes=", u);
		return;
	}
	read_keys(dir, keys_v1, controllers, u);
	if (controllers & 1U << RF_CTL_CPUACCT) {
		number(dir, "cpuacct.usage", 1000, &u->cpu_us);
		number(dir, "cpuacct.usage_user", 1000, &u->user_us);
		number(dir, "cpuacct.usage_sys", 1000, &u->system_us);
	}
	if (controllers & 1U << RF_CTL_MEMORY) {
		int64_t with_swap = 0;

		/* where both limits are the same, the second counter fails first */
		number(dir, "memory.memsw.failcnt", 1, &with_swap);
		number(dir, "memory.failcnt", 1, &u->memory_hits);
		u->memory_hits += u->memory_hits >= 0 ? with_swap : 0;
		number(dir, "memory.max_usage_in_bytes", 1, &u->memory_peak);
	}
	if (controllers & 1U << RF_CTL_PIDS)
		number(dir, "pids.peak", 1, &u->pids_peak);
	if (controllers & 1U << RF_CTL_IO)
		read_io(dir, "blkio.throttle.io_service_bytes", " Read ", " Write ", u);
}
