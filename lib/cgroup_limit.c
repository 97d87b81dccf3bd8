/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits as values of control files, and writing them.
 *
 * Version 1 spreads over several files what version 2 has in one, and wants a
 * cpuset filled before a task can join.  What `memory` alone says of swap is
 * that there is none: a hog would else move to the host's swap.
 */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

#define CTL(c)		(1U << RF_CTL_##c)
#define CPU_PERIOD_US	100000

static const struct {
	const char	*word;
	uint32_t	 controllers;
} limits[RF_CG_NR] = {
	[RF_CG_MEMORY]	= { "memory", CTL(MEMORY) },
	[RF_CG_SWAP]	= { "swap", CTL(MEMORY) },
	[RF_CG_PIDS]	= { "pids", CTL(PIDS) },
	[RF_CG_CPU]	= { "cpu", CTL(CPU) },
	[RF_CG_CPUSET]	= { "cpuset", CTL(CPUSET) },
	[RF_CG_IO]	= { "io", CTL(IO) },
	[RF_CG_HUGETLB]	= { "hugetlb", CTL(HUGETLB) },
};

bool rf_cgroup_is_wanted(const struct rf_sandbox *sb)
{
	return sb->cgroup.set || sb->cgroup.parent || sb->cpu_ms;
}

uint32_t rf_cgroup_needs(const struct rf_sandbox *sb)
{
	uint32_t needs = sb->cpu_ms ? CTL(CPUACCT) : 0;

	for (int i = 0; i < RF_CG_NR; i++)
		if (sb->cgroup.set & 1U << i)
			needs |= limits[i].controllers;
	return needs;
}

const struct rf_place *rf_cgroup_place_of(const struct rf_sandbox *sb, uint32_t controllers,
					  const char **ret_word)
{
	for (int i = 0; i < RF_CG_NR; i++) {
		if (!(sb->cgroup.set & 1U << i) || !(limits[i].controllers & controllers))
			continue;
		*ret_word = limits[i].word;
		return &sb->cgroup.places[i];
	}
	if (sb->cpu_ms) {
		*ret_word = "cpu_total";
		return &sb->cpu_place;
	}
	*ret_word = "cgroup_parent";
	return &sb->cgroup.parent_place;
}

/* ------------------------------------------------------------------- values */

struct walk {
	const struct rf_sandbox *sb;
	size_t		 wanted, at;
	struct rf_cgroup_value *ret;
	bool		 found;
};

#define OPTIONAL	1U
#define INHERIT		2U

static void value(struct walk *w, enum rf_cgroup_limit limit, const struct rf_place *place,
		  unsigned int flags, const char *file, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

static void value(struct walk *w, enum rf_cgroup_limit limit, const struct rf_place *place,
		  unsigned int flags, const char *file, const char *fmt, ...)
{
	va_list ap;

	if (w->at++ != w->wanted)
		return;
	w->found = true;
	w->ret->limit = limit;
	w->ret->place = place ? place : &w->sb->cgroup.places[limit];
	w->ret->optional = flags & OPTIONAL;
	w->ret->inherit = flags & INHERIT;
	(void)snprintf(w->ret->file, sizeof(w->ret->file), "%s", file);
	va_start(ap, fmt);
	(void)vsnprintf(w->ret->text, sizeof(w->ret->text), fmt, ap);
	va_end(ap);
}

static void memory_values(struct walk *w, bool v2)
{
	const struct rf_cgroup_spec *c = &w->sb->cgroup;
	bool memory = c->set & 1U << RF_CG_MEMORY, swap = c->set & 1U << RF_CG_SWAP;
	unsigned int flags = swap ? 0 : OPTIONAL;
	uint64_t extra = swap ? c->swap : 0;

	if (memory)
		value(w, RF_CG_MEMORY, NULL, 0, v2 ? "memory.max" : "memory.limit_in_bytes",
		      "%" PRIu64, c->memory);
	if (v2)
		value(w, RF_CG_SWAP, swap ? NULL : &c->places[RF_CG_MEMORY], flags,
		      "memory.swap.max", "%" PRIu64, extra);
	else
		value(w, RF_CG_SWAP, swap ? NULL : &c->places[RF_CG_MEMORY], flags,
		      "memory.memsw.limit_in_bytes", "%" PRIu64, c->memory + extra);
}

static void cpuset_values(struct walk *w, bool v2)
{
	const struct rf_cgroup_spec *c = &w->sb->cgroup;
	bool set = c->set & 1U << RF_CG_CPUSET;

	if (set && c->cpus)
		value(w, RF_CG_CPUSET, NULL, 0, "cpuset.cpus", "%s", c->cpus);
	else if (!v2)
		value(w, RF_CG_CPUSET, NULL, INHERIT, "cpuset.cpus", "%s", "");
	if (set && c->mems)
		value(w, RF_CG_CPUSET, NULL, 0, "cpuset.mems", "%s", c->mems);
	else if (!v2)
		value(w, RF_CG_CPUSET, NULL, INHERIT, "cpuset.mems", "%s", "");
}

static void cpu_values(struct walk *w, bool v2)
{
	const uint64_t quota = w->sb->cgroup.cpu_milli * (CPU_PERIOD_US / 1000);

	if (v2) {
		value(w, RF_CG_CPU, NULL, 0, "cpu.max", "%" PRIu64 " %d", quota, CPU_PERIOD_US);
		return;
	}
	value(w, RF_CG_CPU, NULL, 0, "cpu.cfs_period_us", "%d", CPU_PERIOD_US);
	value(w, RF_CG_CPU, NULL, 0, "cpu.cfs_quota_us", "%" PRIu64, quota);
}

static const struct { const char *v1, *v2; size_t offset; } io_keys[] = {
	{ "blkio.throttle.read_bps_device", "rbps", offsetof(struct rf_cgroup_io, rbps) },
	{ "blkio.throttle.write_bps_device", "wbps", offsetof(struct rf_cgroup_io, wbps) },
	{ "blkio.throttle.read_iops_device", "riops", offsetof(struct rf_cgroup_io, riops) },
	{ "blkio.throttle.write_iops_device", "wiops", offsetof(struct rf_cgroup_io, wiops) },
};

static void io_values(struct walk *w, bool v2, const struct rf_cgroup_io *io)
{
	char line[160];
	size_t len = (size_t)snprintf(line, sizeof(line), "%s", io->device);

	for (size_t i = 0; i < sizeof(io_keys) / sizeof(io_keys[0]); i++) {
		uint64_t n = *(const uint64_t *)(const void *)((const char *)io + io_keys[i].offset);

		if (n == RF_UNLIMITED)
			continue;
		if (!v2)
			value(w, RF_CG_IO, &io->place, 0, io_keys[i].v1, "%s %" PRIu64, io->device, n);
		else if (len < sizeof(line))
			len += (size_t)snprintf(line + len, sizeof(line) - len, " %s=%" PRIu64,
						io_keys[i].v2, n);
	}
	if (v2)
		value(w, RF_CG_IO, &io->place, 0, "io.max", "%s", line);
}

/* The kernel's name for a page of @bytes: 2MB. */
static void page_name(uint64_t bytes, char buf[32])
{
	const bool giga = bytes >= 1ULL << 30, mega = bytes >= 1ULL << 20;

	(void)snprintf(buf, 32, "%" PRIu64 "%s", bytes >> (giga ? 30 : mega ? 20 : 10),
		       giga ? "GB" : mega ? "MB" : "KB");
}

static void hugetlb_values(struct walk *w, bool v2, const struct rf_cgroup_hugetlb *h)
{
	char page[32], file[64];

	page_name(h->page, page);
	(void)snprintf(file, sizeof(file), v2 ? "hugetlb.%s.max" : "hugetlb.%s.limit_in_bytes", page);
	value(w, RF_CG_HUGETLB, &h->place, 0, file, "%" PRIu64, h->limit);
}

bool rf_cgroup_value(const struct rf_sandbox *sb, bool v2, uint32_t controllers, size_t index,
		     struct rf_cgroup_value *ret)
{
	const struct rf_cgroup_spec *c = &sb->cgroup;
	struct walk w = { .sb = sb, .wanted = index, .ret = ret };

	if (controllers & CTL(MEMORY) && c->set & (1U << RF_CG_MEMORY | 1U << RF_CG_SWAP))
		memory_values(&w, v2);
	if (controllers & CTL(PIDS) && c->set & 1U << RF_CG_PIDS)
		value(&w, RF_CG_PIDS, NULL, 0, "pids.max", "%" PRIu64, c->pids);
	if (controllers & CTL(CPU) && c->set & 1U << RF_CG_CPU)
		cpu_values(&w, v2);
	if (controllers & CTL(CPUSET))
		cpuset_values(&w, v2);
	for (size_t i = 0; i < c->nr_io && controllers & CTL(IO); i++)
		io_values(&w, v2, &c->io[i]);
	for (size_t i = 0; i < c->nr_hugetlb && controllers & CTL(HUGETLB); i++)
		hugetlb_values(&w, v2, &c->hugetlb[i]);
	return w.found;
}

/* ------------------------------------------------------------------ writing */

static int explain(const struct rf_cgroup_value *v, const char *dir, int error,
		   struct rf_err *err)
{
	rf_err_at(err, v->place, error, "%s limit: write %s/%s \"%.100s\"", limits[v->limit].word,
		  dir, v->file, v->text);
	if (error == ENOENT && v->limit == RF_CG_SWAP)
		rf_err_hint(err, "this kernel does not count swap");
	else if (error == ENOENT && v->limit == RF_CG_HUGETLB)
		rf_err_hint(err, "the sizes of huge pages are those in /sys/kernel/mm/hugepages");
	else if (error == ENODEV)
		rf_err_hint(err, "a limit belongs to a whole disk, not to a partition: lsblk shows both");
	else if (error == EINVAL && v->limit == RF_CG_CPU)
		rf_err_hint(err, "it may not be above the limit of the group that it is in");
	else if (v->limit == RF_CG_CPUSET && (error == EINVAL || error == ERANGE || error == EACCES))
		rf_err_hint(err, "the cpus and memory nodes must be among those of the group that it is in");
	return -error;
}

/* What the group above has. */
static int inherit(const char *dir, struct rf_cgroup_value *v)
{
	char file[sizeof(v->file) + 4];
	ssize_t n;

	(void)snprintf(file, sizeof(file), "../%s", v->file);
	n = rf_cgroup_read(dir, file, v->text, sizeof(v->text));
	return n < 0 ? (int)n : 0;
}

int rf_cgroup_limit(const struct rf_sandbox *sb, bool v2, uint32_t controllers, const char *dir,
		    int fd, struct rf_err *err)
{
	struct rf_cgroup_value v;

	for (size_t i = 0; rf_cgroup_value(sb, v2, controllers, i, &v); i++) {
		int r = v.inherit ? inherit(dir, &v) : 0;

		if (r == 0)
			r = rf_cgroup_write_at(fd, v.file, v.text);
		if (r == -ENOENT && v.optional)
			continue;
		if (r < 0)
			return explain(&v, dir, -r, err);
	}
	return 0;
}

/* -------------------------------------------------------------- small files */

static int open_file(const char *dir, const char *file, int flags)
{
	char path[4096 + 300];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, file), fd;

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

ssize_t rf_cgroup_read(const char *dir, const char *file, char *buf, size_t size)
{
	int fd = open_file(dir, file, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, buf, size - 1);
	if (n < 0)
		n = -errno;
	(void)close(fd);
	if (n < 0)
		return n;
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

/* @fd is closed; a negative errno instead of it comes back. */
static int write_all(int fd, const char *text)
{
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return fd;
	do
		n = write(fd, text, strlen(text));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)strlen(text))
		r = n < 0 ? -errno : -EIO;
	(void)close(fd);
	return r;
}

int rf_cgroup_write(const char *dir, const char *file, const char *text)
{
	return write_all(open_file(dir, file, O_WRONLY), text);
}

int rf_cgroup_write_at(int dir, const char *file, const char *text)
{
	int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);

	return write_all(fd < 0 ? -errno : fd, text);
}
