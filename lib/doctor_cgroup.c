/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control groups: which hierarchies there are, and what the caller may limit by them.
 */
#include "doctor.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "error.h"
#include "sandbox.h"

struct hierarchies {
	unsigned int	v1, v2;
	char		list[160];	/* version 1, by the last part of their places */
	char		unified[64];	/* where version 2 is */
};

/* "... / /sys/fs/cgroup/x rw - cgroup cgroup rw,memory" */
static void take_mount(const char *line, struct hierarchies *h)
{
	char at[PATH_MAX], type[32];
	const char *dash = strstr(line, " - ");
	size_t len = strlen(h->list);

	if (!dash || sscanf(line, "%*d %*d %*s %*s %4095s", at) != 1 ||
	    sscanf(dash + 3, "%31s", type) != 1)
		return;
	if (!strcmp(type, "cgroup2") && !h->v2++)
		snprintf(h->unified, sizeof(h->unified), "%.63s", at);
	if (!strcmp(type, "cgroup") && ++h->v1)
		snprintf(h->list + len, sizeof(h->list) - len, "%s%.40s", len ? " " : "",
			 strrchr(at, '/') + 1);
}

void rf_look_hierarchies(const struct rf_doctor *d, const struct rf_doctor_row *row,
			  struct rf_finding *f)
{
	struct hierarchies h = { 0 };
	char path[PATH_MAX], line[PATH_MAX];
	FILE *in;

	(void)row;
	snprintf(path, sizeof(path), "%s/proc/self/mountinfo", d->host.root);
	in = fopen(path, "re");
	if (!in) {
		(void)rf_found_failure(f, errno, "/proc/self/mountinfo");
		return;
	}
	while (fgets(line, sizeof(line), in))
		take_mount(line, &h);
	fclose(in);
	if (!h.v1 && !h.v2) {
		(void)rf_found_failure(f, ENOENT, "%s", "");
		rf_cause_set(&f->cause, RF_CAUSE_CGROUP_NONE, "no control groups are mounted here");
		return;
	}
	if (!h.v1)
		rf_found(f, RF_FINDING_WORKS, "version 2 at %s", h.unified);
	else if (!h.v2)
		rf_found(f, RF_FINDING_WORKS, "version 1: %s", h.list);
	else
		rf_found(f, RF_FINDING_WORKS, "hybrid: version 2 at %s, version 1: %s", h.unified, h.list);
}

/* ---------------------------------------------------------------- controllers */

/*
 * Is nobody in the group @dir but this probe and who made it?  `run`, which has no
 * such parent, would be alone there, and move.
 */
static bool only_probe_in(const char *dir)
{
	char procs[128];
	int first, second, end = 0, self = (int)getpid(), parent = (int)getppid();

	if (rf_cgroup_read(dir, "cgroup.procs", procs, sizeof(procs)) <= 0 ||
	    sscanf(procs, "%d %d %n", &first, &second, &end) != 2 || procs[end])
		return false;
	return (first == self && second == parent) || (first == parent && second == self);
}

static bool would_be_alone(void)
{
	struct rf_cgroup_host host = { .nr = 0 };
	bool alone = false;

	if (rf_cgroup_host_read(&host) == 0)
		for (size_t i = 0; i < host.nr; i++)
			alone |= host.trees[i].v2 && only_probe_in(host.trees[i].own);
	rf_cgroup_host_done(&host);
	return alone;
}

static void cannot(const struct rf_err *err, struct rf_finding *f)
{
	bool missing = err->code == EOPNOTSUPP || err->code == ENOENT;

	if (err->code == EBUSY && would_be_alone()) {
		rf_found(f, RF_FINDING_WORKS, "where ringfence is alone in its group");
		return;
	}
	(void)rf_found_failure(f, err->code, "%.250s", err->msg);
	rf_cause_set(&f->cause, missing ? RF_CAUSE_CGROUP_CONTROLLER : RF_CAUSE_CGROUP_DELEGATION,
		     "%s", missing ? "no hierarchy that is mounted here has this controller" :
		     "no group with this controller is delegated to this user");
}

/* A group with one limit is made, as a launch would have it, and removed. */
void rf_look_controller(const struct rf_doctor *d, const struct rf_doctor_row *row,
			struct rf_finding *f)
{
	struct rf_sandbox *sb = rf_sandbox_new();
	struct rf_err err = RF_ERR_INIT;

	if (!sb) {
		(void)rf_found_failure(f, ENOMEM, "%s", row->name);
		return;
	}
	(void)d;
	sb->cgroup.set = 1U << row->arg;
	sb->cgroup.memory = 64 << 20;
	sb->cgroup.pids = 100;
	sb->cgroup.cpu_milli = 1000;
	if (rf_cgroup_make(sb, &err) < 0) {
		cannot(&err, f);
	} else {
		/* the first is the one that the limit is in */
		const char *path = sb->cgroup.group->dirs[0].path;

		rf_found(f, RF_FINDING_WORKS, "in %.*s", (int)(strrchr(path, '/') - path), path);
		rf_cgroup_submitted(sb);
		(void)rf_cgroup_end(sb->cgroup.group, NULL);
	}
	rf_sandbox_free(sb);
}
