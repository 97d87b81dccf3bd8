/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control groups: which hierarchies there are, and where the caller is in them.
 */
#include "doctor.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

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
