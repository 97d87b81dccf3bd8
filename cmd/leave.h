/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of the program beside the end of the sandbox: what the kernel has to take
 * apart of this process it does while pid 1 is dying, and not afterwards.
 */
#ifndef RF_CMD_LEAVE_H
#define RF_CMD_LEAVE_H

#include <stdbool.h>
#include <sys/types.h>

/* Can this program do that?  A static one with pages of 4 KiB can. */
bool leave_can(void);

/*
 * Close all descriptors, give back all memory but one page, wait for the children
 * @pids (0: none), and exit with @status.  All signals that have handlers are
 * blocked, and nothing is left to be written.
 */
_Noreturn void leave(int status, const pid_t pids[2]);

#endif
