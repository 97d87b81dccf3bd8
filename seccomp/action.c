/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model.h"

#include <stdio.h>

const char *rf_action_print(uint32_t action, char *buf, size_t size)
{
	unsigned int data = action & SECCOMP_RET_DATA;
	const char *name;

	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return "allow";
	case SECCOMP_RET_LOG:
		return "log";
	case SECCOMP_RET_KILL_THREAD:
		return "kill-thread";
	case SECCOMP_RET_USER_NOTIF:
		return "notify";
	case SECCOMP_RET_ERRNO:
		name = rf_errno_name((int)data);
		if (name)
			snprintf(buf, size, "errno %s", name);
		else
			snprintf(buf, size, "errno %u", data);
		return buf;
	case SECCOMP_RET_TRAP:
		snprintf(buf, size, data ? "trap code %u" : "trap", data);
		return buf;
	case SECCOMP_RET_TRACE:
		snprintf(buf, size, data ? "trace code %u" : "trace", data);
		return buf;
	default:
		/* what the kernel makes of actions that it does not know */
		return "kill";
	}
}
