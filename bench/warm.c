/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sandboxes that are there before anybody wants them.
 *
 *	warm launch ROUNDS STAMP	from one that is ready to the exit status of STAMP
 *	warm alive COUNT IDLE		COUNT that run under one thread: what each takes, and
 *					how long the first and the last launches took
 *
 * STAMP is bench/stamp, IDLE bench/idle, installed where the sandbox can see it.  The sandbox is the
 * one that bench/run gives to `ringfence run`, with descriptors 0, 1 and 2 and the
 * command handed over when it is taken.
 *
 * `launch` writes lines of fields separated by tabs, each number as lower
 * quartile/median/upper quartile:
 *
 *	CASE		us	from the call until the exit status is known
 *	ratio CASE	of it to posix_spawn(3) and waitpid(2), round by round
 *
 * `alive` writes one line: KiB of the supervisor's memory each, quartiles of the
 * first tenth's launches and of the last tenth's in us, and the ratio of the medians.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confined.h"
#include "measure.h"

#define WARM_UP	5

/* ----------------------------------------------------------------- launching */

/* Wait until @ctx has come to @kind. */
static int await(struct rf_ring *ring, const struct rf_context *ctx, enum rf_completion_kind kind,
		 struct rf_completion *done)
{
	int r;

	do {
		r = rf_ring_wait(ring, -1, done);
		if (r < 0)
			return complain("wait", r, NULL);
		if (done->kind == RF_DONE_FAILED)
			return complain("chain", done->result, NULL);
		if (done->kind == RF_DONE_PARKED && done->result < 0)
			return complain("op", done->result, NULL);
	} while (done->ctx != ctx || done->kind != kind);
	return 0;
}

static int make_ready(struct rf_ring *ring, const struct rf_chain *ready, struct rf_context **ret)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_completion done;
	int r = rf_submit(ring, ready, RF_SUBMIT_ENDED, 0, ret, &err);

	if (r < 0)
		return complain("submit", r, &err);
	return await(ring, *ret, RF_DONE_PARKED, &done);
}

/* Until the exit status is known; what is left is waited for after the clock. */
static int take(struct rf_ring *ring, struct rf_context *ctx, const struct rf_chain *both,
		double *ret_us)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_completion done;
	double begin = now_us();
	int r = rf_context_submit(ctx, both, &err);

	if (r < 0)
		return complain("rf_context_submit", r, &err);
	r = await(ring, ctx, RF_DONE_ENDED, &done);
	*ret_us = now_us() - begin;
	if (r == 0 && (done.result < 0 || done.status != 0))
		return complain("command", -EIO, NULL);
	return r < 0 ? r : await(ring, ctx, RF_DONE_EXIT, &done);
}

static int spawn(const char *stamp, double *ret_us)
{
	char *const argv[] = { (char *)(uintptr_t)stamp, NULL };
	char *const envp[] = { NULL };
	double begin = now_us();
	int status = -1;
	pid_t pid;
	int r = posix_spawn(&pid, stamp, NULL, NULL, argv, envp);

	if (r)
		return complain("posix_spawn", -r, NULL);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return complain("posix_spawn", -EIO, NULL);
	*ret_us = now_us() - begin;
	return 0;
}

/* ------------------------------------------------------------------ W3: launch */

enum { SPAWN, NOINIT, INIT, CASES };
static const char *const names[CASES] = { "spawn", "noinit", "init" };

static int one_round(struct rf_ring *ring, struct rf_chain *chains[CASES][2], const char *stamp,
		     int first, double t[CASES])
{
	for (int i = 0; i < CASES; i++) {
		int k = (first + i) % CASES, r;
		struct rf_context *ctx;

		if (k == SPAWN) {
			r = spawn(stamp, &t[k]);
		} else {
			r = make_ready(ring, chains[k][0], &ctx);
			if (r == 0)
				r = take(ring, ctx, chains[k][1], &t[k]);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static void print_launches(FILE *out, double (*t)[CASES], double *scratch, int rounds)
{
	for (int k = 0; k < CASES; k++) {
		fprintf(out, "%s", names[k]);
		for (int i = 0; i < rounds; i++)
			scratch[i] = t[i][k];
		print_quartiles(out, scratch, rounds, 0);
		fprintf(out, "\n");
	}
	for (int k = NOINIT; k < CASES; k++) {
		fprintf(out, "ratio %s", names[k]);
		for (int i = 0; i < rounds; i++)
			scratch[i] = t[i][k] / t[i][SPAWN];
		print_quartiles(out, scratch, rounds, 4);
		fprintf(out, "\n");
	}
}

static int main_launch(struct rf_ring *ring, FILE *out, int rounds, const char *stamp)
{
	double (*t)[CASES] = calloc((size_t)rounds + 1, sizeof(*t));
	double *scratch = calloc((size_t)rounds, sizeof(*scratch));
	struct rf_chain *chains[CASES][2] = {
		[NOINIT] = { confined_chain(stamp, false, RF_PART_READY),
			     confined_chain(stamp, false, RF_PART_BOTH) },
		[INIT] = { confined_chain(stamp, true, RF_PART_READY),
			   confined_chain(stamp, true, RF_PART_BOTH) },
	};

	if (!t || !scratch)
		return complain("memory", -ENOMEM, NULL);
	for (int k = NOINIT; k < CASES; k++)
		if (!chains[k][0] || !chains[k][1])
			return -1;
	for (int i = -WARM_UP; i < rounds; i++)
		if (one_round(ring, chains, stamp, i + WARM_UP, t[i < 0 ? rounds : i]) < 0)
			return -1;
	print_launches(out, t, scratch, rounds);
	for (int k = NOINIT; k < CASES; k++)
		for (int i = 0; i < 2; i++)
			rf_chain_free(chains[k][i]);
	free(scratch);
	free(t);
	return 0;
}

/* ------------------------------------------------------------------- W7: alive */

/* Memory of this process that is its own, KiB. */
static long own_kib(void)
{
	char text[4096], *p;
	ssize_t n;
	int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);

	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return complain("/proc/self/smaps_rollup", -errno, NULL);
	text[n] = '\0';
	p = strstr(text, "\nPrivate_Dirty:");
	return p ? strtol(p + 15, NULL, 10) : complain("/proc/self/smaps_rollup", -ENODATA, NULL);
}

/*
 * The host of a virtual machine gives memory out when it is first touched, which takes
 * longer each time than what is measured here: what the kernel will need for @count
 * sandboxes has been touched before.
 */
#define KERNEL_EACH	(2UL << 20)

static int touch_memory(int count)
{
	const size_t size = (size_t)count * KERNEL_EACH;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return complain("memory", -errno, NULL);
	(void)madvise(p, size, MADV_HUGEPAGE);
	for (size_t at = 0; at < size; at += 4096)
		((volatile char *)p)[at] = 1;
	(void)munmap(p, size);
	return 0;
}

/* One more that runs. */
static int start_one(struct rf_ring *ring, const struct rf_chain *chain)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_completion done;
	struct rf_context *ctx;
	int r = rf_submit(ring, chain, 0, 0, &ctx, &err);

	if (r < 0)
		return complain("submit", r, &err);
	return await(ring, ctx, RF_DONE_STARTED, &done);
}

static int main_alive(struct rf_ring *ring, FILE *out, int count, const char *idle)
{
	struct rf_chain *chain = confined_chain(idle, true, RF_PART_ALL);
	double *t = calloc((size_t)count, sizeof(*t)), first, last;
	int part = count / 10 > 0 ? count / 10 : 1;
	long before, after;

	if (!chain || !t || touch_memory(count) < 0)
		return -1;
	for (int i = 0; i < WARM_UP; i++)	/* what all share is made by the first */
		if (start_one(ring, chain) < 0)
			return -1;
	before = own_kib();
	for (int i = 0; i < count; i++) {
		double begin = now_us();

		if (start_one(ring, chain) < 0)
			return -1;
		t[i] = now_us() - begin;
	}
	after = own_kib();
	if (before < 0 || after < 0)
		return -1;
	fprintf(out, "%.1f", (double)(after - before) / count);
	print_quartiles(out, t, part, 0);
	first = t[(part - 1) / 2];
	print_quartiles(out, t + count - part, part, 0);
	last = t[count - part + (part - 1) / 2];
	fprintf(out, "\t%.3f\n", last / first);
	rf_chain_free(chain);
	free(t);
	return 0;
}

int main(int argc, char **argv)
{
	int n = argc == 4 ? atoi(argv[2]) : 0, fd, null, r = -1;
	struct rf_err err = RF_ERR_INIT;
	struct rf_ring *ring;
	FILE *out;

	if (n <= 0 || (strcmp(argv[1], "launch") != 0 && strcmp(argv[1], "alive") != 0)) {
		fprintf(stderr, "usage: warm launch ROUNDS STAMP | warm alive COUNT IDLE\n");
		return 2;
	}
	fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (!out || null < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDIN_FILENO) < 0)
		return complain("standard output", -errno, NULL) != 0;
	r = rf_ring_new(RF_ENGINE_AUTO, &ring, &err);
	if (r < 0)
		return complain("ring", r, &err) != 0;
	r = strcmp(argv[1], "launch") == 0 ? main_launch(ring, out, n, argv[3]) :
					     main_alive(ring, out, n, argv[3]);
	rf_ring_free(ring);
	if (fclose(out) != 0)
		r = complain("standard output", -errno, NULL);
	return r < 0;
}
