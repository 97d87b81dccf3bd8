/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a launch takes on each engine, by the length of the chain.
 *
 *	chain ROUNDS STAMP
 *	chain once ENGINE OPS STAMP	one launch, to be looked at by others (strace)
 *
 * STAMP is a static program that ends at once (bench/stamp).  A chain of OPS ops makes a
 * task with namespaces of its own, puts a few mounts and files together, and execs; the
 * same system calls, made by a child of vfork, are the measure for it.  Engines take
 * turns; one that cannot be had is left out.
 *
 * Writes a line for each engine and length, fields separated by tabs, each number as
 * lower quartile/median/upper quartile, in microseconds:
 *
 *	ENGINE OPS	until the call returned	until the command had been reaped
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confined.h"
#include "measure.h"

#define WARM_UP	3
#define FLAGS	(CLONE_NEWNS | CLONE_NEWUTS)

enum engine { NATIVE, RING, PLAIN, VFORK, ENGINES };
static const char *const names[ENGINES] = { "native", "ring", "plain", "vfork" };
static const int lengths[] = { 5, 20, 60 };
#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

/* What is between the beginning (clone, close_range) and the exec, over and over. */
enum step { OPEN, CHDIR, CLOSE, HOSTNAME, STEPS };

static struct rf_chain *chain_of(int nr, const char *stamp)
{
	char *const argv[] = { (char *)(uintptr_t)stamp, NULL };
	struct rf_chain *c = rf_chain_new();
	int slot = RF_SLOT_NONE;

	if (!c)
		return NULL;
	rf_prep_clone(c, RF_CLONE_CONTEXT, FLAGS);
	rf_prep_close_range(c);
	for (int i = 0; i < nr - 3; i++) {
		/* phases do not go back: the host name comes once, and last */
		if (i == nr - 4)
			rf_prep_hostname(c, "bench");
		else if (i % 3 == OPEN)
			rf_prep_open(c, RF_SLOT_NONE, "/usr/bin", O_PATH | O_DIRECTORY, 0, 0, &slot);
		else if (i % 3 == CHDIR)
			rf_prep_chdir(c, slot, NULL);
		else
			rf_prep_close(c, slot);
	}
	rf_prep_exec(c, stamp, argv, argv + 1);
	return c;
}

/* The same by hand; only system calls, for the memory is the parent's. */
static _Noreturn void child(int nr, char *const argv[])
{
	char cwd[64];
	int fd = -1, bad;

	bad = (int)syscall(SYS_unshare, FLAGS) | (int)syscall(SYS_close_range, 3, ~0U, 0);
	for (int i = 0; i < nr - 3; i++) {
		if (i == nr - 4)
			bad |= (int)syscall(SYS_sethostname, "bench", 5);
		else if (i % 3 == OPEN)
			fd = (int)syscall(SYS_openat, AT_FDCWD, "/usr/bin", O_PATH | O_DIRECTORY | O_CLOEXEC);
		else if (i % 3 == CHDIR)
			bad |= (int)syscall(SYS_fchdir, fd) | ((int)syscall(SYS_getcwd, cwd, sizeof(cwd)) < 0);
		else
			bad |= (int)syscall(SYS_close, fd);
	}
	if (!bad)
		(void)execve(argv[0], argv, argv + 1);
	_exit(127);
}

static int launch_vfork(int nr, const char *stamp, double *ret_returned)
{
	char *const argv[] = { (char *)(uintptr_t)stamp, NULL };
	int status = -1;
	pid_t pid = vfork();

	if (pid == 0)
		child(nr, argv);
	*ret_returned = now_us();
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return complain("vfork", -EIO, NULL);
	return 0;
}

static int open_engine(enum engine e, struct rf_ring **ret, struct rf_err *err)
{
	static const enum rf_engine_kind kinds[] = { RF_ENGINE_NATIVE, RF_ENGINE_RING, RF_ENGINE_PLAIN };

	return rf_ring_new(kinds[e], ret, err);
}

static int run_once(enum engine e, struct rf_ring *ring, const struct rf_chain *c, int nr,
		    const char *stamp, double *ret_call, double *ret_whole)
{
	double begin = now_us(), returned = begin;
	int r = e == VFORK ? launch_vfork(nr, stamp, &returned) : launch(ring, c, &returned);

	*ret_call = returned - begin;
	*ret_whole = now_us() - begin;
	return r;
}

/* What STAMP writes is for others: it gets no standard output of ours. */
static FILE *take_output(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || null < 0 || dup2(null, STDOUT_FILENO) < 0)
		return NULL;
	(void)close(null);
	return fdopen(fd, "w");
}

static int measure(FILE *out, struct rf_ring *rings[], int nr, int rounds, const char *stamp)
{
	struct rf_chain *c = chain_of(nr, stamp);
	double *v = calloc((size_t)rounds * ENGINES * 2, sizeof(*v));
	int r = c && v ? 0 : -ENOMEM;

	for (int i = -WARM_UP; i < rounds && r == 0; i++)
		for (int k = 0; k < ENGINES && r == 0; k++) {
			/* each round begins with another one */
			enum engine e = (enum engine)((k + i + WARM_UP) % ENGINES);
			double call, whole;

			if (e != VFORK && !rings[e])
				continue;
			r = run_once(e, e == VFORK ? NULL : rings[e], c, nr, stamp, &call, &whole);
			if (i < 0)
				continue;
			v[(2 * e) * rounds + i] = call;
			v[(2 * e + 1) * rounds + i] = whole;
		}
	for (int e = 0; e < ENGINES && r == 0; e++) {
		if (e != VFORK && !rings[e])
			continue;
		fprintf(out, "%s\t%d", names[e], nr);
		print_quartiles(out, v + (ptrdiff_t)2 * e * rounds, rounds, 1);
		print_quartiles(out, v + (ptrdiff_t)(2 * e + 1) * rounds, rounds, 1);
		fprintf(out, "\n");
		(void)fflush(out);
	}
	rf_chain_free(c);
	free(v);
	return r;
}

static int once(const char *name, int nr, const char *stamp)
{
	struct rf_chain *c = chain_of(nr, stamp);
	struct rf_err err = RF_ERR_INIT;
	struct rf_ring *ring = NULL;
	double call, whole;
	int e = 0, r;

	while (e < ENGINES && strcmp(name, names[e]) != 0)
		e++;
	if (e == ENGINES || !c)
		return complain(name, -EINVAL, NULL);
	r = e == VFORK ? 0 : open_engine((enum engine)e, &ring, &err);
	if (r < 0)
		return complain(name, r, &err);
	/* what the first launch maps is there for the second, which is marked */
	for (int i = 0; i < 2 && r == 0; i++) {
		(void)syscall(SYS_getppid);
		r = run_once((enum engine)e, ring, c, nr, stamp, &call, &whole);
	}
	(void)syscall(SYS_getppid);
	rf_ring_free(ring);
	rf_chain_free(c);
	return r;
}

int main(int argc, char **argv)
{
	struct rf_ring *rings[VFORK] = { NULL };
	FILE *out = take_output();
	int r = out ? 0 : -errno;

	if (argc == 5 && !strcmp(argv[1], "once"))
		return once(argv[2], atoi(argv[3]), argv[4]) < 0;
	if (argc != 3 || atoi(argv[1]) < 1) {
		fprintf(stderr, "usage: chain ROUNDS STAMP | chain once ENGINE OPS STAMP\n");
		return 2;
	}
	for (int e = 0; e < VFORK; e++) {
		struct rf_err err = RF_ERR_INIT;

		if (open_engine((enum engine)e, &rings[e], &err) < 0)
			fprintf(stderr, "no %s: %s\n", names[e], err.msg);
	}
	for (size_t i = 0; i < LENGTHS && r == 0; i++)
		r = measure(out, rings, lengths[i], atoi(argv[1]), argv[2]);
	for (int e = 0; e < VFORK; e++)
		rf_ring_free(rings[e]);
	return r < 0;
}
