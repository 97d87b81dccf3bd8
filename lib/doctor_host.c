/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel, limits, the engine, and whether this is a container.
 */
#include "doctor.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "ringfence.h"
#include "sandbox.h"

void rf_look_kernel_version(const struct rf_doctor *d, const struct rf_doctor_row *row,
			     struct rf_finding *f)
{
	unsigned int v = d->host.f->kernel;

	(void)row;
	rf_found(f, RF_FINDING_WORKS, "Linux %u.%u", v >> 16, v & 0xffff);
	if (v >= RF_KERNEL(6, 13))
		return;
	f->status = v < RF_KERNEL(5, 14) ? RF_FINDING_FAILS : RF_FINDING_PARTLY;
	f->error = v < RF_KERNEL(5, 14) ? ENOSYS : 0;
	rf_cause_set(&f->cause, RF_CAUSE_KERNEL, v < RF_KERNEL(5, 14) ? "older than Linux 5.14" :
		     "older than Linux 6.13, so without the ring engine");
}

/* For information: nothing depends on it. */
void rf_look_container(const struct rf_doctor *d, const struct rf_doctor_row *row,
			struct rf_finding *f)
{
	static const struct { const char *path, *name; } marks[] = {
		{ "/.dockerenv", "docker" },
		{ "/run/.containerenv", "podman" },
		{ "/dev/lxd", "lxd" },
		{ "/run/host/container-manager", "systemd-nspawn or toolbox" },
	};
	char name[64];

	(void)row;
	if (rf_host_line(&d->host, "/run/systemd/container", name, sizeof(name))) {
		rf_found(f, RF_FINDING_INFO, "%s", name);
		return;
	}
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (rf_host_has(&d->host, marks[i].path)) {
			rf_found(f, RF_FINDING_INFO, "%s", marks[i].name);
			return;
		}
	}
	rf_found(f, RF_FINDING_INFO, "no sign of one");
}

void rf_look_limits(const struct rf_doctor *d, const struct rf_doctor_row *row,
		     struct rf_finding *f)
{
	char path[64], text[sizeof(f->value)] = "";
	uint64_t all = 0;
	long v;

	(void)row;
	for (int ns = 0; ns < RF_NS_NR; ns++) {
		size_t len = strlen(text);

		snprintf(path, sizeof(path), "/proc/sys/user/max_%s_namespaces", rf_ns_defs[ns].proc);
		if (!rf_host_number(&d->host, path, &v))
			continue;
		snprintf(text + len, sizeof(text) - len, "%s%s %ld", len ? ", " : "",
			 rf_ns_defs[ns].name, v);
		if (ns != RF_NS_TIME)
			all |= rf_ns_defs[ns].flag;
	}
	rf_found(f, RF_FINDING_WORKS, "%s", text);
	if (rf_cause_max_namespaces(&d->host, all, &f->cause)) {
		f->status = RF_FINDING_FAILS;
		f->error = ENOSPC;
	}
}

void rf_look_nofile(const struct rf_doctor *d, const struct rf_doctor_row *row,
		     struct rf_finding *f)
{
	unsigned long long nofile = d->host.f->nofile;

	(void)row;
	rf_found(f, nofile < 64 ? RF_FINDING_PARTLY : RF_FINDING_WORKS, "%llu open files", nofile);
	if (nofile < 64)
		rf_cause_set(&f->cause, RF_CAUSE_NOFILE, "RLIMIT_NOFILE is %llu", nofile);
}

void rf_look_engine(const struct rf_doctor *d, const struct rf_doctor_row *row,
		     struct rf_finding *f)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_ring *ring;
	int r = rf_ring_new(RF_ENGINE_RING, &ring, &err);

	(void)row;
	if (r == 0) {
		(void)rf_ring_free(ring);
		rf_found(f, RF_FINDING_WORKS, "%s", "");
		return;
	}
	(void)rf_found_failure(f, -r, "%s", err.msg);
	if (!rf_cause_uring(&d->host, -r, &f->cause))
		rf_cause_set(&f->cause, RF_CAUSE_KERNEL, "it needs IORING_REGISTER_SEND_MSG_RING, "
			     "Linux 6.13");
}

void rf_look_hugepages(const struct rf_doctor *d, const struct rf_doctor_row *row,
			struct rf_finding *f)
{
	char path[4096], text[sizeof(f->value)] = "", file[512];
	struct dirent *e;
	long nr;
	DIR *dir;

	(void)row;
	snprintf(path, sizeof(path), "%s/sys/kernel/mm/hugepages", d->host.root);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		size_t len = strlen(text);

		if (strncmp(e->d_name, "hugepages-", 10) != 0)
			continue;
		snprintf(file, sizeof(file), "/sys/kernel/mm/hugepages/%s/nr_hugepages", e->d_name);
		if (rf_host_number(&d->host, file, &nr))
			snprintf(text + len, sizeof(text) - len, "%s%ld of %s", len ? ", " : "", nr,
				 e->d_name + 10);
	}
	if (dir)
		closedir(dir);
	rf_found(f, RF_FINDING_INFO, "%s", *text ? text : "none");
}
