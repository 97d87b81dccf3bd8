/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of a task that has let go of its descriptors. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "ring.h"

/* A child that does @what, until it has ended; it stays a zombie. */
static pid_t ended(void (*what)(void))
{
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0) {
		what();
		_exit(1);
	}
	EXPECT_INT(0, waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	return pid;
}

static void reap(pid_t pid)
{
	EXPECT_INT(pid, waitpid(pid, NULL, 0));
}

static void exec_true(void)
{
	(void)execl("/bin/true", "true", (char *)NULL);
}

static void exec_and_be_killed(void)
{
	(void)execl("/bin/sh", "sh", "-c", "kill -KILL $$", (char *)NULL);
}

static void be_killed(void)
{
	(void)raise(SIGKILL);
}

static void leave(void)
{
	_exit(0);
}

TEST(a_dead_task_had_execed_or_not)
{
	static void (*const yes[])(void) = { exec_true, exec_and_be_killed };
	static void (*const no[])(void) = { be_killed, leave };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		pid_t pid = ended(yes[i]);

		EXPECT_INT(1, rf_task_has_execed(pid));
		reap(pid);
	}
	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		pid_t pid = ended(no[i]);

		EXPECT_INT(0, rf_task_has_execed(pid));
		reap(pid);
	}
}

/* Kernels differ in whether exec closes or loses PF_FORKNOEXEC first. */
TEST(a_task_that_closed_its_descriptors_and_is_not_exiting_is_in_exec)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	EXPECT_INT(1, rf_task_has_execed(pid));
	EXPECT_INT(0, kill(pid, SIGKILL));
	reap(pid);
}
