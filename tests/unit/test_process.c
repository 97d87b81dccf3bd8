/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Another process by its pidfd and its folder of /proc. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../cmd/process.h"
#include "harness.h"

static void *wait_for_ever(void *arg)
{
	for (;;)
		(void)pause();
	return arg;
}

/* A process whose first task has ended, and shows itself to nobody. */
static pid_t ending(void)
{
	pid_t pid = fork();
	pthread_t thread;

	if (pid != 0)
		return pid;
	if (prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
		_exit(1);
	pthread_exit(NULL);
}

/* Whoever asks: to all but root of the host the kernel says EACCES. */
TEST(what_ends_is_in_no_namespace)
{
	struct process_stat st = { .exiting = false };
	struct process p;
	struct stat ns;
	pid_t pid;

	pid = ending();
	EXPECT_INT(0, process_open(pid, &p));
	for (int i = 0; !st.exiting && i < 10000; i++) {
		(void)usleep(1000);
		EXPECT_INT(0, process_stat(&p, &st));
	}
	EXPECT_TRUE(st.exiting);
	EXPECT_INT(getpid(), st.parent);
	EXPECT_TRUE(process_is_alive(&p));
	EXPECT_INT(-ESRCH, process_ns(&p, "mnt", &ns));
	EXPECT_INT(0, process_signal(&p, SIGKILL));
	EXPECT_INT(pid, waitpid(pid, NULL, 0));
	EXPECT_INT(-ESRCH, process_ns(&p, "mnt", &ns));
	process_close(&p);
}

TEST(what_runs_is_in_ours)
{
	struct process_stat st;
	struct process p;
	struct stat ns, ours;

	EXPECT_INT(0, process_open(getpid(), &p));
	EXPECT_INT(0, process_stat(&p, &st));
	EXPECT_FALSE(st.exiting);
	EXPECT_INT(getppid(), st.parent);
	EXPECT_INT(0, process_ns(&p, "mnt", &ns));
	EXPECT_INT(0, stat("/proc/self/ns/mnt", &ours));
	EXPECT_TRUE(ns.st_ino == ours.st_ino && ns.st_dev == ours.st_dev);
	process_close(&p);
}
