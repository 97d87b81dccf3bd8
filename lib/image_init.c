/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The init image: pid 1 of a sandbox.  FREESTANDING, a program of its own that
 * shares no memory with anybody.
 *
 * It reaps what is orphaned, and ends when the payload has ended, which ends
 * the pid namespace with everything in it, also when the submitter is long
 * gone.  The payload is the second task of the namespace: its parent is the
 * submitter, outside.
 *
 * In: all signals blocked; descriptor 3 a socket.  A byte goes out on it when
 * this program runs, for which the payload waits before it becomes the command;
 * end of file comes in once it has, or the launch has failed.
 */
#include <asm/signal.h>
#include <linux/poll.h>

#include "context.h"
#include "syscall.h"

struct sigaction_ {			/* the kernel's struct, not libc's */
	void		*handler;
	unsigned long	 flags;
	void		*restorer;
	unsigned long	 mask;
};

struct cap_data {
	uint32_t effective, permitted, inheritable;
};

static void wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (rf_sys5(__NR_ppoll, &p, 1, 0, 0, 0) < 0)
		;
}

static void give_up_power(void)
{
	struct { uint32_t version; int pid; } head = { 0x20080522 /* version 3 */, 0 };
	struct cap_data none[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	(void)rf_sys5(__NR_prctl, 4 /* PR_SET_DUMPABLE */, 0, 0, 0, 0);
	(void)rf_sys5(__NR_prctl, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0);
	(void)rf_sys2(__NR_capset, &head, none);
}

__attribute__((noreturn, used)) void rf_init_start(void *stack);
void rf_init_start(void *stack)
{
	/* SIG_IGN: the kernel reaps by itself, orphans included */
	struct sigaction_ reap = { .handler = (void *)1 };
	long payload;

	(void)stack;
	give_up_power();
	(void)rf_sys4(__NR_rt_sigaction, SIGCHLD, &reap, 0, sizeof(reap.mask));
	(void)rf_sys3(__NR_write, 3, "", 1);
	wait_readable(3);
	(void)rf_sys1(__NR_close, 3);
	payload = rf_sys2(__NR_pidfd_open, 2, 0);
	if (payload >= 0)
		wait_readable((int)payload);
	for (;;)
		(void)rf_sys1(__NR_exit_group, 0);
}

RF_ARCH_START(rf_init_start);
