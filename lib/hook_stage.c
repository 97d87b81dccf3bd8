/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stages of the OCI runtime specification at which hooks run.
 *
 * createRuntime and its elder prestart run in the runtime's namespaces while the
 * container's process waits in its new ones, before pivot_root; createContainer
 * in the container's namespaces, before pivot_root as well; startContainer there,
 * behind it, just before the command; poststart and poststop in the runtime's.
 * ringfence-hook(8) has this table, and `ringfence hook --stages` prints it.
 */
#include "hook.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "spec.h"

const char *const rf_hook_part_names[RF_HOOK_PART_NR] = {
	[RF_HOOK_BIND]		= "bind",
	[RF_HOOK_TMPFS]		= "tmpfs",
	[RF_HOOK_FILE]		= "file",
	[RF_HOOK_RLIMIT]	= "rlimit",
	[RF_HOOK_CGROUP]	= "cgroup",
	[RF_HOOK_SYSCTL]	= "sysctl",
	[RF_HOOK_NETWORK]	= "network",
};

const char *const rf_hook_status_names[RF_HOOK_STATUS_NR] = {
	[RF_HOOK_CREATING]	= "creating",
	[RF_HOOK_CREATED]	= "created",
	[RF_HOOK_RUNNING]	= "running",
	[RF_HOOK_STOPPED]	= "stopped",
};

#define STATUS(s)	(1U << RF_HOOK_##s)
#define BEFORE_START	(STATUS(CREATING) | STATUS(CREATED))

#define NO_HOST		"what the host has cannot be seen from inside the container"
#define NO_HIERARCHY	"control groups look different from inside the container"
#define WHOSE		"from inside it cannot be told whether the namespace is the host's"
#define NO_PROCESS	"the container's process has ended"
#define NO_NAMESPACE	"the container's namespaces are gone"

const struct rf_hook_stage_def rf_hook_stages[RF_HOOK_STAGE_NR] = {
	[RF_HOOK_CREATE_RUNTIME] = {
		.name = "createRuntime", .status = BEFORE_START, .root = RF_HOOK_ROOT_BUNDLE,
	},
	[RF_HOOK_PRESTART] = {
		.name = "prestart", .status = BEFORE_START, .root = RF_HOOK_ROOT_BUNDLE,
	},
	[RF_HOOK_CREATE_CONTAINER] = {
		.name = "createContainer", .status = BEFORE_START, .root = RF_HOOK_ROOT_BUNDLE,
		.inside = true,
		.refused = {
			[RF_HOOK_CGROUP] = NO_HIERARCHY, [RF_HOOK_SYSCTL] = WHOSE,
			[RF_HOOK_NETWORK] = WHOSE,
		},
	},
	[RF_HOOK_START_CONTAINER] = {
		.name = "startContainer", .status = BEFORE_START, .root = RF_HOOK_ROOT_PROCESS,
		.inside = true,
		.refused = {
			[RF_HOOK_BIND] = NO_HOST, [RF_HOOK_CGROUP] = NO_HIERARCHY,
			[RF_HOOK_SYSCTL] = WHOSE, [RF_HOOK_NETWORK] = WHOSE,
		},
	},
	[RF_HOOK_POSTSTART] = {
		.name = "poststart", .status = STATUS(CREATED) | STATUS(RUNNING),
		.root = RF_HOOK_ROOT_PROCESS,
	},
	[RF_HOOK_POSTSTOP] = {
		.name = "poststop", .status = STATUS(STOPPED), .root = RF_HOOK_ROOT_HOST,
		.refused = {
			[RF_HOOK_BIND] = NO_NAMESPACE, [RF_HOOK_TMPFS] = NO_NAMESPACE,
			[RF_HOOK_RLIMIT] = NO_PROCESS, [RF_HOOK_CGROUP] = NO_PROCESS,
			[RF_HOOK_SYSCTL] = NO_NAMESPACE, [RF_HOOK_NETWORK] = NO_NAMESPACE,
		},
	},
};

int rf_hook_stage_find(const char *name, enum rf_hook_stage *ret, struct rf_err *err)
{
	const char *names[RF_HOOK_STAGE_NR + 1] = { NULL };
	char nearest[64];

	for (int i = 0; i < RF_HOOK_STAGE_NR; i++) {
		names[i] = rf_hook_stages[i].name;
		if (strcmp(names[i], name) == 0) {
			*ret = (enum rf_hook_stage)i;
			return 0;
		}
	}
	return rf_err_set(err, EINVAL, "no stage '%.64s'%s", name,
			  rf_nearest(name, names, sizeof(names[0]), nearest));
}
